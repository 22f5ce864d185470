/* errand.c - see errand.h */
#include "errand.h"

#include "pool_parts.h"

static void *errand_run(void *argument) {
    Errand *errand = argument;
    Pool *pool = errand->pool;
    bool stoppable = guard_thread_begin(&errand->thread);
    lock_take(&pool->lock);
    errand->running = stoppable;
    lock_release(&pool->lock);
    int status = stoppable ? errand->work(pool, errand->opaque) : DFD_STATUS_RESOURCES;
    guard_thread_end();
    lock_take(&pool->lock);
    errand->status = status;
    errand->failure = os_failure();
    errand->done = true;
    errand->running = false; /* it ends, and may be gone before the host's thread wakes up */
    os_wake_one(&errand->ended);
    lock_release(&pool->lock); /* and it is the caller's again */
    pool_drop(pool);
    return NULL;
}

void errand_stop(Errand *errand) {
    Pool *pool = errand->pool;
    assert_locked(pool);
    realm_stop(pool->compiler.realm, DFD_STATUS_PRELOAD);
    if (errand->running) guard_signal(&errand->thread);
}

/* Starts an errand that has joined the deadlines, and waits for its end. Returns 0 or an error. */
static int32_t errand_await(Errand *errand, double limit) {
    Pool *pool = errand->pool;
    assert_locked(pool);
    if (watchdog_start(pool) ||
        !pool_start_thread(pool, pool->stack + POOL_STACK_MARGIN, errand_run, errand))
        return DFD_E_THREAD;
    watchdog_set(pool, &errand->deadline, os_now() + limit);
    while (!errand->done) lock_wait(&pool->lock, &errand->ended);
    realm_stop(pool->compiler.realm, 0);
    return 0;
}

int32_t errand_send(Pool *pool, double limit, ErrandWork *work, void *opaque, int *status) {
    Errand errand = {.pool = pool, .work = work, .opaque = opaque, .status = DFD_STATUS_INTERNAL};
    Deadlines *deadlines = &pool->watchdog.deadlines;
    if (!os_condition_open(&errand.ended)) return DFD_E_SYSTEM;
    int32_t result = DFD_E_MEMORY;
    lock_take(&pool->lock);
    if (deadlines_join(deadlines, &errand.deadline, DEADLINE_ERRAND)) {
        result = errand_await(&errand, limit);
        deadlines_leave(deadlines, &errand.deadline);
    }
    lock_release(&pool->lock);
    os_condition_close(&errand.ended);
    os_note(errand.failure);
    *status = errand.status;
    return result;
}
