/* watchdog.c - see watchdog.h */
#include "watchdog.h"

#include <math.h>

#include "errand.h"
#include "pool_parts.h"

#define WATCHDOG_STACK ((size_t)128 << 10)

/* What a deadline is a part of. */
#define WATCHDOG_OWNER(deadline, type) ((type *)((char *)(deadline) - offsetof(type, deadline)))

bool watchdog_open(Watchdog *watchdog) { return os_condition_open(&watchdog->wake); }

void watchdog_close(Watchdog *watchdog) {
    deadlines_close(&watchdog->deadlines);
    os_condition_close(&watchdog->wake);
}

/* Ends a task whose time is over, in the queue or on the whole; or wakes one whose time has come.
 */
static void watchdog_reach(Pool *pool, Task *task, double now) {
    if (task->state == TASK_QUEUED) {
        pool_end(pool, task, DFD_STATUS_QUEUE_TIMEOUT);
    } else if (task->end <= now) {
        pool_end(pool, task, DFD_STATUS_TIMEOUT);
    } else {
        queue_wake(&pool->queue, task);
        worker_send_now(pool);
    }
}

/* Does what is to be done when a deadline has passed; it is later afterwards, or gone. */
static void watchdog_act(Pool *pool, Deadline *deadline, double now) {
    Deadlines *deadlines = &pool->watchdog.deadlines;
    switch (deadline->kind) {
    case DEADLINE_TASK:
        watchdog_reach(pool, WATCHDOG_OWNER(deadline, Task), now);
        break;
    case DEADLINE_WORKER:
        deadlines_set(deadlines, deadline, worker_watch(WATCHDOG_OWNER(deadline, Worker), now));
        break;
    case DEADLINE_ERRAND:
        errand_stop(WATCHDOG_OWNER(deadline, Errand));
        deadlines_set(deadlines, deadline, now + WATCHDOG_RESEND_MS);
        break;
    }
}

static void *watchdog_run(void *argument) {
    Pool *pool = argument;
    Watchdog *watchdog = &pool->watchdog;
    lock_take(&pool->lock);
    while (!pool->closing || pool->workers.first) {
        double now = os_now();
        Deadline *first;
        while ((first = deadlines_first(&watchdog->deadlines)) && first->at <= now)
            watchdog_act(pool, first, now);
        watchdog->at = first ? first->at : INFINITY;
        lock_wait_until(&pool->lock, &watchdog->wake, watchdog->at);
    }
    lock_release(&pool->lock);
    pool_drop(pool);
    return NULL;
}

int32_t watchdog_start(Pool *pool) {
    assert_locked(pool);
    if (pool->watchdog.runs) return 0;
    pool->watchdog.at = -INFINITY; /* it will look by itself */
    pool->watchdog.runs = pool_start_thread(pool, WATCHDOG_STACK, watchdog_run, pool);
    return pool->watchdog.runs ? 0 : DFD_E_THREAD;
}

void watchdog_look(Pool *pool) {
    assert_locked(pool);
    const Deadline *first = deadlines_first(&pool->watchdog.deadlines);
    if (first && first->at < pool->watchdog.at) {
        pool->watchdog.at = first->at;
        os_wake_one(&pool->watchdog.wake);
    }
}

void watchdog_set(Pool *pool, Deadline *deadline, double at) {
    assert_locked(pool);
    deadlines_set(&pool->watchdog.deadlines, deadline, at);
    watchdog_look(pool);
}
