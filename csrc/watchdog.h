/* watchdog.h - a pool's thread that enforces timeouts, CPU limits and queue timeouts.
 *
 * It starts before the first worker: what can't be stopped doesn't run. It signals a worker again
 * and again until the task that must end is gone, and lives as long as there are workers. It has
 * one heap of deadlines: of queued tasks, of workers, of an errand. The pool's lock, which the
 * caller holds, guards all of it.
 */
#ifndef DEFERRED_WATCHDOG_H
#define DEFERRED_WATCHDOG_H

#include "deadlines.h"
#include "os.h"

struct Pool;

/* How long it waits before it signals again a task that must end. */
#define WATCHDOG_RESEND_MS 1.0

typedef struct Watchdog {
    Deadlines deadlines;
    OsCondition wake; /* it waits here, until `at` */
    double at;
    bool runs;
} Watchdog;

bool watchdog_open(Watchdog *watchdog);
void watchdog_close(Watchdog *watchdog);

/* Starts it unless it runs. On the host's thread, because workers may start no threads. 0 or
 * DFD_E_THREAD. */
int32_t watchdog_start(struct Pool *pool);

/* Sets a deadline that has joined, so that the watchdog looks then. */
void watchdog_set(struct Pool *pool, Deadline *deadline, double at);

/* Makes the watchdog heed the earliest deadline. */
void watchdog_look(struct Pool *pool);

#endif
