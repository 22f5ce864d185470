/* errand.c - see errand.h */
#include "errand.h"

#include "pool_parts.h"

typedef struct Errand {
    Pool *pool;
    ErrandWork *work;
    void *opaque;
    OsCondition ended;
    /* Under the lock: */
    OsThread thread; /* valid when it is `running` */
    bool running, done;
    int status;
} Errand;

static void *errand_run(void *argument) {
    Errand *errand = argument;
    Pool *pool = errand->pool;
    Guard *guard = realm_guard(pool->compiler.realm);
    bool stoppable = guard_thread_begin(guard);
    lock_take(&pool->lock);
    errand->thread = pthread_self();
    errand->running = stoppable;
    lock_release(&pool->lock);
    int status = stoppable ? errand->work(pool, errand->opaque) : DFD_STATUS_RESOURCES;
    guard_thread_end();
    guard->catches = false; /* on the host's thread nothing does */
    lock_take(&pool->lock);
    errand->status = status;
    errand->done = true;
    os_wake_one(&errand->ended);
    lock_release(&pool->lock); /* and it is the caller's again */
    pool_drop(pool);
    return NULL;
}

/* Waits for an errand to end, and stops it after `limit` ms. */
static void errand_await(Errand *errand, double limit) {
    Pool *pool = errand->pool;
    Guard *guard = realm_guard(pool->compiler.realm);
    double end = os_now() + limit;
    lock_take(&pool->lock);
    while (!errand->done) {
        double now = os_now();
        if (now >= end) {
            guard_stop(guard, DFD_STATUS_PRELOAD);
            if (errand->running) guard_signal(guard, errand->thread);
        }
        lock_wait_until(&pool->lock, &errand->ended, now < end ? end : now + WATCHDOG_RESEND_MS);
    }
    lock_release(&pool->lock);
    guard_stop(guard, 0);
}

int32_t errand_send(Pool *pool, double limit, ErrandWork *work, void *opaque, int *status) {
    Errand errand = {.pool = pool, .work = work, .opaque = opaque};
    if (!os_condition_open(&errand.ended)) return DFD_E_SYSTEM;
    bool started = pool_start_thread(pool, pool->stack + POOL_STACK_MARGIN, errand_run, &errand);
    if (started) errand_await(&errand, limit);
    os_condition_close(&errand.ended);
    *status = errand.status;
    return started ? 0 : DFD_E_THREAD;
}
