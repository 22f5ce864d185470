/* lock.h - the locks of the library, and the order in which a thread may take them.
 *
 *   pools --> pool --> completions --> wake
 *                                 \--> grants
 *
 * A thread that holds one of these takes only those to the right of it, and none inside a task,
 * which may be left at any instruction (guard.h). Builds with asserts check both, and that what
 * needs a lock is done under it (lock_assert): each thread notes what it holds. In a release build
 * this is a mutex and nothing else.
 */
#ifndef DEFERRED_LOCK_H
#define DEFERRED_LOCK_H

#include "os.h"

typedef enum LockRank {
    LOCK_POOLS,       /* deferred.c: the table of pools */
    LOCK_POOL,        /* a pool's queue, workers and deadlines (pool_parts.h) */
    LOCK_COMPLETIONS, /* writers of a ring, and its overflow list */
    LOCK_WAKE,        /* a host's wake-up (completion.h) */
    LOCK_GRANTS,      /* the table of grants */
    LOCK_JIT,         /* the queue of what is to be compiled (jit/jit.c) */
    LOCK_CODE,        /* the region of machine code (jit/code.c) */
    LOCK_RANKS
} LockRank;

typedef struct Lock {
    OsLock os;
    LockRank rank;
} Lock;

#define LOCK_INITIAL(rank) {OS_LOCK_INITIAL, rank}

bool lock_open(Lock *lock, LockRank rank);
void lock_close(Lock *lock);
void lock_take(Lock *lock);
void lock_release(Lock *lock);

/* Waits for a wake-up, for ever or until `at` (ms of os_now), without the lock, which is the
 * caller's. */
void lock_wait(Lock *lock, OsCondition *condition);
void lock_wait_until(Lock *lock, OsCondition *condition, double at);

#ifdef NDEBUG
#define lock_assert(lock) ((void)(lock))
#else
/* This thread holds the lock. */
void lock_assert(const Lock *lock);
#endif

#endif
