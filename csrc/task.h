/* task.h - a task: what a submission asked for, from the queue to its completion.
 *
 *   submission.c --> QUEUED --> RUNNING --> task_end --> completion.c
 *                              |       ^
 *                              v       |
 *                           WAITING --> READY
 *
 * It belongs to the queue (queue.c) but while it is RUNNING: then to the worker that took it. One
 * that waits, for a timer or for its host, has its seat, and no thread. Its handle is in the pool's
 * table as long as it may be cancelled; who takes it out of there (under the pool's lock) is the
 * only one to reach it, and ends it: exactly once, whatever comes at the same time. What is below
 * `state` is guarded by that lock, or is its worker's while it runs; all else is written once,
 * before the task is queued.
 */
#ifndef DEFERRED_TASK_H
#define DEFERRED_TASK_H

#include <stdalign.h>

#include "completion.h"
#include "deadlines.h"
#include "program.h"
#include "realm.h"
#include "seat.h"
#include "slots.h"

typedef enum TaskState { TASK_QUEUED, TASK_RUNNING, TASK_WAITING, TASK_READY } TaskState;

typedef struct Task {
    Completion completion; /* first: given to the completion queue, which frees it as its own */
    Program *program;      /* held; NULL for a script */
    Limits limits;
    double submitted; /* ms of os_now, as all times here */
    double expires;   /* when its time in the queue is over; INFINITY if it never is */
    uint32_t shares;  /* that its realm must have */
    uint32_t argc;
    Lines lines;       /* that it prints */
    Progress progress; /* that it reports */
    bool inner;        /* submitted by a function that another task of the pool waits for */
    bool offers;       /* the last of the arguments lists functions of the host */
    bool reports;      /* and `report` is one of them */
    bool loads;        /* the host loads modules for it */
    bool names;        /* it finds the pool's modules by their names */
    size_t length;
    uint32_t region_count;
    CloneRegion *regions; /* behind the arguments */
    TaskState state;
    struct Task *next, *previous; /* in a list of the queue's */
    Handle handle;
    struct Worker *worker;  /* that runs it, or NULL */
    Seat *seat;             /* while it waits or is ready; else NULL */
    Deadline deadline;      /* joined from its submission to its end */
    uint32_t ran_on;        /* the number of the worker that ran it last; 0: it has not begun */
    double start, end;      /* when it began, when its time is over (INFINITY: never) */
    Mail *mail, *last_mail; /* that it has not read, in its order */
    size_t unread;          /* bytes of it */
    _Atomic uint32_t
        posted;      /* changes with each message: what a worker that waits for one looks at */
    double cpu_left; /* of its CPU time, ms; INFINITY without a limit */
    alignas(8) uint8_t args[];
} Task;

/* Frees a task that never ended. */
void task_drop(Task *task);

/* Puts a message into its mailbox, which owns it (malloc) from then on; there is room for it. */
void task_put_mail(Task *task, Mail *mail);
/* Takes all that is in it. */
Mail *task_take_mail(Task *task);

/* Says how many lines there was no room for since the last one that was printed. The thread's that
 * runs the task, or that ends it. */
void task_tell_dropped(CompletionQueue *completions, Task *task);

/* Publishes how the task ended, and takes it: nobody reaches it by its handle any more. `payload`
 * stays the caller's unless it was moved. `worker` is the number of the worker that ran it, or 0.
 */
void task_end(CompletionQueue *completions, Task *task, uint32_t status, uint32_t worker,
              double start, Bytes *payload);

#endif
