/* worker.h - the threads that run tasks, each in a seat of its own.
 *
 *   take --> classes, shares --> run --> let go --> completion --> restore --> take
 *    |                         ^    |                                           ^
 *    \-- one that is ready ----/    \-- it waits: leaves with its seat ---------/
 *
 * Threads start one at a time, when a task finds none free. A worker spins for a moment before it
 * sleeps, restores its seat right after each task while nobody waits, and leaves when the pool
 * closes, or when there are more than the limit allows and it has nothing to do. Only the worker
 * touches its seat; others only ask what runs there to stop (worker_stop). A task that waits takes
 * the seat along, and the worker gets another one when it needs it (seats.h). A task that is ready
 * comes with its own.
 *
 * Each task that is queued or ready has a worker that will come for it, as far as there may be any:
 * `spinning` and `wakeups` workers are sure to look, `starting` ones will. Seats that were used
 * have one, too.
 */
#ifndef DEFERRED_WORKER_H
#define DEFERRED_WORKER_H

#include "guard.h"
#include "os.h"
#include "seat.h"
#include "task.h"

struct Pool;

typedef struct Worker {
    struct Worker *next;
    struct Pool *pool; /* held */
    uint32_t number;
    GuardThread thread; /* who is signalled */
    /* Under the lock: */
    Seat *seat;   /* NULL: it has none at the moment. Changed by its thread alone */
    bool ready;   /* the thread has begun: what runs in its seat can be stopped */
    Task *task;   /* that runs */
    bool waiting; /* its task waits for a message, and keeps the thread: a call without a promise */
    bool making;  /* what is part of every realm, with a task or without */
    int ending;   /* the DFD_STATUS_* that it must end with, or 0; the seat's stop, if ready */
    double end;   /* of the time of the task, or of what it makes, ms of os_now; INFINITY: there is
                     none */
    double cpu_end;    /* ms of the thread's CPU clock; INFINITY if it has no limit */
    OsFailure failure; /* why nobody can tell how far its clock is */
    Deadline deadline; /* when the watchdog looks at it */
} Worker;

/* All of a pool's; under its lock, but for `calls`. */
typedef struct Workers {
    Worker *first;          /* alive ones */
    OsCondition queued;     /* sleeping ones wait here */
    uint32_t alive;         /* threads */
    uint32_t started;       /* ever */
    uint32_t starting;      /* their seats, and what is part of them, are being made */
    uint32_t spinning;      /* look at `calls`, and then at the queue: one at most */
    uint32_t sleeping;      /* wait for `queued` */
    uint32_t wakeups;       /* of those, on their way to the queue */
    uint32_t running;       /* have a task */
    uint32_t waiting;       /* of those, wait for a message */
    uint32_t hardening;     /* DFD_HARDENING_* that every worker has */
    _Atomic uint32_t calls; /* a hint to who spins that the queue has a task and the lock is free */
    OsFailure unhardened;   /* why one may make any system call, as far as that is known */
} Workers;

bool workers_open(Workers *workers);
void workers_close(Workers *workers);

/* Whether a worker has ever been started. Takes the lock. */
bool workers_have_started(struct Pool *pool);

/* Starts one more worker, and the watchdog before the first one. On the host's thread or the
 * watchdog's, because workers may start none; under the lock. 0, or the reason for refusal. */
int32_t worker_start(struct Pool *pool);

/* Provides a worker for each task that wants one, as far as the pool's limit allows; for inner
 * tasks those that wait for a message don't count, or nobody might ever send it. On the host's
 * thread or the watchdog's; under the lock. 0, or why there is no worker at all. `*wake` is for
 * worker_call. */
int32_t worker_send(struct Pool *pool, bool *wake);

/* Tells the worker that spins or sleeps, after the lock was released, so that the worker does not
 * run into it. */
void worker_call(struct Pool *pool, bool wake);

/* Both, for who goes on under the lock. There is a worker. */
void worker_send_now(struct Pool *pool);

/* The pool closes: stops all that they run, and wakes those that sleep. Under the lock. */
void workers_close_down(struct Pool *pool);

/* From here on the worker's thread evaluates in its seat what is part of every realm, for up to
 * `limit_ms`; and no longer does. */
void worker_makes(Worker *worker, double limit_ms);
void worker_made(Worker *worker);

/* Ends what the worker runs with `status` as soon as it can be left. Under the lock. */
void worker_stop(Worker *worker, int status);

/* Stops what the worker runs if it is over its limits or must end anyway. Returns when to look
 * again. Under the lock. */
double worker_watch(Worker *worker, double now);

#endif
