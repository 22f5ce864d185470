/* watchdog.c - see watchdog.h */
#include "watchdog.h"

#include <math.h>

#include "pool_parts.h"

#define WATCHDOG_STACK ((size_t)128 << 10)

bool watchdog_open(Watchdog *watchdog) { return os_condition_open(&watchdog->wake); }

void watchdog_close(Watchdog *watchdog) { os_condition_close(&watchdog->wake); }

/* Ends the queued tasks whose time is over. */
static void watchdog_expire(Pool *pool, double now) {
    assert_locked(pool);
    for (Task *task = queue_expired(&pool->queue, now), *next; task; task = next) {
        Bytes none = {0};
        next = task->next;
        slots_remove(&pool->tasks, task->handle);
        task_end(&pool->completions, task, DFD_STATUS_QUEUE_TIMEOUT, 0, now, &none);
    }
}

static void *watchdog_run(void *argument) {
    Pool *pool = argument;
    lock_take(&pool->lock);
    while (!pool->closing || pool->workers.first) {
        double now = os_now();
        watchdog_expire(pool, now);
        double next = pool->queue.next_expiry;
        for (Worker *worker = pool->workers.first; worker; worker = worker->next)
            next = fmin(next, worker_watch(worker, now));
        pool->watchdog.at = next;
        lock_wait_until(&pool->lock, &pool->watchdog.wake, next);
    }
    lock_release(&pool->lock);
    pool_drop(pool);
    return NULL;
}

int32_t watchdog_start(Pool *pool) {
    assert_locked(pool);
    if (pool->watchdog.runs) return 0;
    pool->watchdog.at = INFINITY;
    pool->watchdog.runs = pool_start_thread(pool, WATCHDOG_STACK, watchdog_run, pool);
    return pool->watchdog.runs ? 0 : DFD_E_THREAD;
}

void watchdog_look_at(Pool *pool, double at) {
    assert_locked(pool);
    if (at < pool->watchdog.at) {
        pool->watchdog.at = at;
        os_wake_one(&pool->watchdog.wake);
    }
}
