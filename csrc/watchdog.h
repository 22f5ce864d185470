/* watchdog.h - the thread of a pool's own that enforces timeouts, CPU limits and queue timeouts.
 *
 * It starts before the first worker: what can't be stopped doesn't run. It sends its signal to a
 * worker again and again until the task that must end is gone, and lives as long as there are
 * workers. It has one heap of deadlines: of queued tasks, of workers, of an errand. All of it is
 * guarded by the pool's lock, which whoever calls holds.
 */
#ifndef DEFERRED_WATCHDOG_H
#define DEFERRED_WATCHDOG_H

#include "deadlines.h"
#include "os.h"

struct Pool;

/* How long it waits before it signals a task that must end once more. */
#define WATCHDOG_RESEND_MS 1.0

typedef struct Watchdog {
    Deadlines deadlines;
    OsCondition wake; /* it waits here, until `at` */
    double at;
    bool runs;
} Watchdog;

bool watchdog_open(Watchdog *watchdog);
void watchdog_close(Watchdog *watchdog);

/* Starts it if it does not run. On the host's thread: workers may start no threads. 0 or
 * DFD_E_THREAD. */
int32_t watchdog_start(struct Pool *pool);

/* Sets a deadline that has joined: it looks then. */
void watchdog_set(struct Pool *pool, Deadline *deadline, double at);

/* Sees to it that it heeds the earliest deadline. */
void watchdog_look(struct Pool *pool);

#endif
