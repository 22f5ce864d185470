/* shared.c - see shared.h
 *
 * Linux: a futex on the cell (futex(2)); of a wide cell, on its low half, which alone the kernel
 * compares: a change of the high half between our look and the kernel's is seen at the next look.
 * Elsewhere a waiter only looks.
 */
#include "shared.h"

#include <math.h>
#include <stdatomic.h>
#include <time.h>

#if defined(__linux__)
#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

/* How often a waiter looks at the cell, in ms: this late it hears of a store by the host. */
#define LOOK_MS 1.0

static double now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int64_t load(void *cell, bool wide) {
    return wide ? atomic_load((_Atomic int64_t *)cell) : atomic_load((_Atomic int32_t *)cell);
}

/* Sleeps for at most `ms`. true when it was notified. */
static bool sleep_on(void *cell, int64_t expected, double ms) {
    struct timespec wait = {.tv_nsec = (long)(ms * 1e6)};
#if defined(__linux__)
    return syscall(SYS_futex, cell, FUTEX_WAIT_PRIVATE, (uint32_t)expected, &wait, NULL, 0) == 0;
#else
    (void)cell, (void)expected;
    nanosleep(&wait, NULL);
    return false;
#endif
}

SharedWait shared_wait(void *cell, bool wide, int64_t expected, double ms) {
    if (load(cell, wide) != expected) return SHARED_NOT_EQUAL;
    double end = ms > 0 ? now_ms() + ms : 0;
    for (;;) {
        double left = end - now_ms();
        if (!(left > 0)) return SHARED_TIMED_OUT;
        if (sleep_on(cell, expected, left < LOOK_MS ? left : LOOK_MS)) return SHARED_OK;
        if (load(cell, wide) != expected) return SHARED_OK;
    }
}

uint32_t shared_notify(void *cell, uint32_t count) {
#if defined(__linux__)
    int limit = count > INT32_MAX ? INT32_MAX : (int)count;
    long woken = syscall(SYS_futex, cell, FUTEX_WAKE_PRIVATE, limit, NULL, NULL, 0);
    return woken > 0 ? (uint32_t)woken : 0;
#else
    (void)cell, (void)count;
    return 0;
#endif
}
