/* shared.h - waiting on shared memory, for Atomics.wait and Atomics.notify in tasks.
 *
 * A waiter keeps state only in the kernel (a futex), or not even there: a task may be left by
 * siglongjmp while it waits. Any thread.
 *
 * The host's own Atomics have a list of waiters that nobody else can reach. So a waiter looks at
 * the memory itself every millisecond: it sees a value that the host stores, whether the host
 * notifies or not.
 */
#ifndef DEFERRED_SHARED_H
#define DEFERRED_SHARED_H

#include <stdbool.h>
#include <stdint.h>

typedef enum SharedWait { SHARED_OK, SHARED_NOT_EQUAL, SHARED_TIMED_OUT } SharedWait;

/* Waits up to `ms` (INFINITY: for ever) while the cell, an int32_t or if `wide` an int64_t, holds
 * `expected`. SHARED_NOT_EQUAL when it did not to begin with. */
SharedWait shared_wait(void *cell, bool wide, int64_t expected, double ms);

/* Wakes up to `count` of those who wait for the cell; returns how many (0 where nobody counts). */
uint32_t shared_notify(void *cell, uint32_t count);

#endif
