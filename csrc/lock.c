/* lock.c - see lock.h */
#include "lock.h"

#include <assert.h>

#include "guard.h"

#ifdef NDEBUG
static void lock_note(const Lock *lock) { (void)lock; }
static void lock_forget(const Lock *lock) { (void)lock; }
#else
/* What this thread holds, by rank: never two of one. */
static _Thread_local const Lock *lock_held[LOCK_RANKS];

static void lock_note(const Lock *lock) {
    assert(!guard_may_be_left() && "no lock is taken inside a task");
    for (int rank = lock->rank; rank < LOCK_RANKS; rank++)
        assert(!lock_held[rank] && "locks are taken in the order of their ranks");
    lock_held[lock->rank] = lock;
}

static void lock_forget(const Lock *lock) {
    lock_assert(lock);
    lock_held[lock->rank] = NULL;
}

void lock_assert(const Lock *lock) { assert(lock_held[lock->rank] == lock); }
#endif

bool lock_open(Lock *lock, LockRank rank) {
    lock->rank = rank;
    return os_lock_open(&lock->os);
}

void lock_close(Lock *lock) { os_lock_close(&lock->os); }

void lock_take(Lock *lock) {
    lock_note(lock);
    os_lock(&lock->os);
}

void lock_release(Lock *lock) {
    lock_forget(lock);
    os_unlock(&lock->os);
}

void lock_wait(Lock *lock, OsCondition *condition) {
    lock_assert(lock);
    os_wait(condition, &lock->os);
}

void lock_wait_until(Lock *lock, OsCondition *condition, double at) {
    lock_assert(lock);
    os_wait_until(condition, &lock->os, at);
}
