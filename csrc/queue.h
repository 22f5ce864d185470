/* queue.h - the tasks that wait for a worker, in the order in which they were submitted.
 *
 * A list that a task can leave from the middle (cancelled, expired); one that expires has joined
 * the deadlines as long as it is in it. All of it is guarded by the pool's lock, which whoever
 * calls holds; the length is also shown to the host without it.
 */
#ifndef DEFERRED_QUEUE_H
#define DEFERRED_QUEUE_H

#include "task.h"

typedef struct Queue {
    Task *first, *last;
    uint32_t length;
    _Atomic uint32_t *shown; /* DFD_CONTROL_QUEUED */
    Deadlines *deadlines;    /* the pool's */
} Queue;

void queue_open(Queue *queue, _Atomic uint32_t *shown, Deadlines *deadlines);
bool queue_push(Queue *queue, Task *task); /* false when there is no memory */
void queue_remove(Queue *queue, Task *task);

/* The tasks that are in it, as a list: they are the caller's. */
Task *queue_take_all(Queue *queue);

#endif
