/* pool_parts.h - what a pool is inside, for its rooms:
 *
 *   pool.c        opening, closing, options; submitting and cancelling
 *   submission.c  from the host's bytes to a task
 *   task.c        a task, and its end
 *   queue.c       the tasks that no worker has
 *   seats.c       the seats that nobody has
 *   worker.c      the threads that run them
 *   watchdog.c    the thread that ends them
 *   compiler.c    programs: from source to bytecode, by handle
 *   preload.c     the pool's classes and modules: evaluated once, then in each worker's realm
 *   errand.c      work in the compiling realm, on a thread that can be stopped
 *
 * Who touches what:
 *   - The host's thread alone: the options, `compiler`, and `preload` until the first worker
 *     starts. All threads may read what it no longer changes.
 *   - Under `lock` (assert_locked): the fields below it.
 *   - A running task is stopped under `lock`, and only while it is its worker's `task`, so that a
 *     stop never hits the next task.
 *
 * The pool's memory goes with its last holder: the handle, each worker, the watchdog, an errand.
 */
#ifndef DEFERRED_POOL_PARTS_H
#define DEFERRED_POOL_PARTS_H

#include "compiler.h"
#include "completion.h"
#include "lock.h"
#include "pool.h"
#include "preload.h"
#include "queue.h"
#include "seats.h"
#include "slots.h"
#include "watchdog.h"
#include "worker.h"

/* What a thread needs beyond the engine's limit: the engine checks on entry, and native code
 * between two checks was measured to use up to 9 KB more. */
#define POOL_STACK_MARGIN ((size_t)128 << 10)

struct Pool {
    CompletionQueue completions;
    atomic_uint holds;
    atomic_int host_processor; /* where the host last submitted from */

    /* The host's thread. */
    uint32_t max_threads, max_waiting;
    size_t memory, stack; /* of a task, unless it says otherwise */
    bool compiles;        /* what its tasks run often, where that can be had */
    Compiler compiler;
    Preload preload;

    Lock lock;
    Queue queue;
    Seats seats;
    Slots tasks;                     /* those that have not ended, by handle */
    Share *first_share, *last_share; /* that each realm is to have; never freed before the pool */
    uint32_t shares;                 /* changed by the host's thread alone */
    Workers workers;
    Watchdog watchdog;
    bool closing;
};

#define assert_locked(pool) lock_assert(&(pool)->lock)

/* A word of the control block. */
static inline _Atomic uint32_t *pool_word(Pool *pool, int index) {
    return &pool->completions.control[index];
}

void pool_drop(Pool *pool);

/* Ends a task that no worker has with `status`, and sees to its seat. Under the lock. */
void pool_end(Pool *pool, Task *task, int status);

/* Starts a detached thread that holds the pool. */
bool pool_start_thread(Pool *pool, size_t stack, void *(*run)(void *), void *argument);

/* A task of a pool that is closed has ended. */
void pool_straggler_ended(void);

#endif
