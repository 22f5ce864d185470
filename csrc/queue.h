/* queue.h - the tasks that no worker has.
 *
 *   fresh     were submitted, and wait for a worker for the first time
 *   inner     the same, by a function of the host's that a task of this pool has called, and waits
 *             for
 *   asleep    began, and wait for their time, or for what their host sends
 *   ready     that has come: they wait for a worker to go on
 *
 * Lists, in the order in which the tasks came, which one can leave from the middle. A worker takes
 * those that are ready before fresh ones: they have begun, and hold memory. But after some of them
 * in a row a fresh one has its turn, so that tasks which are woken again and again keep nobody out:
 * soon, if there is a seat for it; later, if one must be opened. So as many tasks begin as end, and
 * a burst of tasks that wait does not open a seat for each.
 *
 * No more than `most` tasks may have begun and not ended, as each holds a seat: then a fresh one
 * begins only when another has ended. An inner one begins all the same, and before fresh ones: who
 * waits for it would hold its seat for ever.
 *
 * Each task has joined the deadlines from queue_push on; while it is here its deadline is that of
 * its time in the queue, its timeout, or its time to wake up. All of it is guarded by the pool's
 * lock, which whoever calls holds; two lengths are also shown to the host without it.
 */
#ifndef DEFERRED_QUEUE_H
#define DEFERRED_QUEUE_H

#include "task.h"

#define QUEUE_IN_A_ROW 4          /* with a seat */
#define QUEUE_IN_A_ROW_AT_MOST 64 /* without one */

typedef struct TaskList {
    Task *first, *last;
    uint32_t length;
} TaskList;

typedef struct Queue {
    TaskList fresh, inner, asleep, ready;
    uint32_t begun, most;     /* tasks that have begun and not ended; how many there may be */
    uint32_t in_a_row;        /* taken of those that are ready since another was */
    _Atomic uint32_t *queued; /* DFD_CONTROL_QUEUED: fresh and inner ones */
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

/* How many have begun and have no worker. */
static inline uint32_t queue_waiting(const Queue *queue) {
    return queue->asleep.length + queue->ready.length;
}

/* How many a worker should come for. `unclean`: seats that are as if a task had them. */
uint32_t queue_due(const Queue *queue, uint32_t unclean);

/* Whether fresh ones must wait for the end of another. */
static inline bool queue_is_full(const Queue *queue, uint32_t unclean) {
    return (uint64_t)queue->begun + unclean >= queue->most;
}

/* The next one for a worker, which runs from here on; NULL if there is none. `has_seat`: there is
 * one for who has not begun. */
Task *queue_pop(Queue *queue, bool has_seat, uint32_t unclean);

/* Takes one out, whichever list it is in: it ends. */
void queue_remove(Queue *queue, Task *task);

/* A running one ends. */
void queue_end(Queue *queue, Task *task);

/* Takes out any one, which ends; NULL when none is left. */
Task *queue_take(Queue *queue);

#endif
