/* queue.h - the tasks that wait for a worker, in the order in which they were submitted.
 *
 * A list that a task can leave from the middle (cancelled, expired). All of it is guarded by the
 * pool's lock, which whoever calls holds; the length is also shown to the host, and to the worker
 * that spins, without it.
 */
#ifndef DEFERRED_QUEUE_H
#define DEFERRED_QUEUE_H

#include "task.h"

typedef struct Queue {
    Task *first, *last;
    uint32_t length;
    _Atomic uint32_t *shown; /* DFD_CONTROL_QUEUED */
    double next_expiry;      /* the earliest of the queued tasks', or earlier */
} Queue;

void queue_open(Queue *queue, _Atomic uint32_t *shown);
void queue_push(Queue *queue, Task *task);
void queue_remove(Queue *queue, Task *task);

/* The tasks that are in it, as a list: they are the caller's. */
Task *queue_take_all(Queue *queue);

/* Takes out the tasks whose time is over, as a list: they are the caller's. */
Task *queue_expired(Queue *queue, double now);

#endif
