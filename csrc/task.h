/* task.h - a task: what a submission asked for, from the queue to its completion.
 *
 *   submission.c --> queue.c --> worker.c --> task_end --> completion.c
 *
 * It belongs to the queue, then to the worker that took it. Its handle is in the pool's table as
 * long as it may be cancelled; who takes it out of there (under the pool's lock) is the only one to
 * reach it, and ends it. `worker`, `handle`, `next` and `previous` are guarded by that lock; all
 * else is written once, before the task is queued.
 */
#ifndef DEFERRED_TASK_H
#define DEFERRED_TASK_H

#include <stdalign.h>

#include "completion.h"
#include "deadlines.h"
#include "program.h"
#include "realm.h"
#include "slots.h"

typedef struct Task {
    Completion completion; /* first: given to the completion queue, which frees it as its own */
    struct Task *next, *previous; /* the queue */
    Program *program;             /* held; NULL for a script */
    Limits limits;
    double submitted;  /* ms */
    double expires;    /* when its time in the queue is over; INFINITY if it never is */
    Deadline deadline; /* while it is queued, if it expires */
    Handle handle;
    struct Worker *worker; /* that runs it, or NULL */
    uint32_t shares;       /* that its realm must have */
    uint32_t argc;
    size_t length;
    uint32_t region_count;
    const CloneRegion *regions; /* behind the arguments */
    alignas(8) uint8_t args[];
} Task;

/* Frees one that never came to its end. */
void task_drop(Task *task);

/* Publishes how the task ended, and takes it: nobody reaches it by its handle any more. `payload`
 * stays the caller's unless it was moved. `worker` is the number of the one that ran it, or 0. */
void task_end(CompletionQueue *completions, Task *task, uint32_t status, uint32_t worker,
              double start, Bytes *payload);

#endif
