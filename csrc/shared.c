/* shared.c - see shared.h
 *
 * Linux: a futex on the cell (futex(2)); of a wide cell, on its low half, which alone the kernel
 * compares: a change of the high half between our look and the kernel's is seen at the next look.
 * Elsewhere a waiter only looks.
 */
#include "shared.h"

#include <math.h>
#include <stdatomic.h>

#include "os.h"

/* How often a waiter looks at the cell, in ms: this late it hears of a store by the host. */
#define LOOK_MS 1.0

static int64_t load(void *cell, bool wide) {
    return wide ? atomic_load((_Atomic int64_t *)cell) : atomic_load((_Atomic int32_t *)cell);
}

SharedWait shared_wait(void *cell, bool wide, int64_t expected, double ms) {
    if (load(cell, wide) != expected) return SHARED_NOT_EQUAL;
    double end = ms > 0 ? os_now() + ms : 0;
    for (;;) {
        double left = end - os_now();
        if (!(left > 0)) return SHARED_TIMED_OUT;
        if (os_wait_cell(cell, (uint32_t)expected, left < LOOK_MS ? left : LOOK_MS))
            return SHARED_OK;
        if (load(cell, wide) != expected) return SHARED_OK;
    }
}

uint32_t shared_notify(void *cell, uint32_t count) { return os_wake_cell(cell, count); }
