/* queue.h - the tasks that no worker has.
 *
 *   fresh     were submitted, and wait for a worker for the first time
 *   asleep    began, and wait for their time, or for what their host sends
 *   ready     that has come: they wait for a worker to go on
 *
 * Lists, in the order in which the tasks came, which one can leave from the middle. A worker takes
 * those that are ready before fresh ones: they have begun, and hold memory. But after
 * QUEUE_IN_A_ROW of them a fresh one has its turn, so that tasks which are woken again and again
 * keep nobody out.
 *
 * Each task has joined the deadlines from queue_push on; while it is here its deadline is that of
 * its time in the queue, its timeout, or its time to wake up. All of it is guarded by the pool's
 * lock, which whoever calls holds; two lengths are also shown to the host without it.
 */
#ifndef DEFERRED_QUEUE_H
#define DEFERRED_QUEUE_H

#include "task.h"

#define QUEUE_IN_A_ROW 4

typedef struct TaskList {
    Task *first, *last;
    uint32_t length;
} TaskList;

typedef struct Queue {
    TaskList fresh, asleep, ready;
    uint32_t in_a_row;        /* taken of those that are ready since a fresh one was */
    _Atomic uint32_t *queued; /* DFD_CONTROL_QUEUED: fresh ones */
    _Atomic uint32_t *waits;  /* DFD_CONTROL_WAITING: the others */
    Deadlines *deadlines;     /* the pool's */
} Queue;

void queue_open(Queue *queue, _Atomic uint32_t *queued, _Atomic uint32_t *waits,
                Deadlines *deadlines);

/* Takes a fresh one. false when there is no memory. */
bool queue_push(Queue *queue, Task *task);

/* Takes a running one that waits, and has its seat: until `due`. It is ready if that has passed. */
void queue_wait(Queue *queue, Task *task, double due, double now);

/* One that sleeps is ready. */
void queue_wake(Queue *queue, Task *task);

/* How many a worker should come for. */
static inline uint32_t queue_length(const Queue *queue) {
    return queue->fresh.length + queue->ready.length;
}

/* The next one for a worker, which runs from here on; NULL if there is none. */
Task *queue_pop(Queue *queue);

/* Takes one out, whichever list it is in: it ends. */
void queue_remove(Queue *queue, Task *task);

/* A running one ends. */
void queue_end(Queue *queue, Task *task);

/* Takes out any one, which ends; NULL when none is left. */
Task *queue_take(Queue *queue);

#endif
