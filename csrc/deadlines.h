/* deadlines.h - a binary heap of deadlines, the earliest first.
 *
 *   whose deadline    it passes when
 *   a task's          its time in the queue is over; or while it waits, its time on the whole is,
 * or it is to go on a worker's        what it runs is over a limit, may be, or has to be signalled
 * once more an errand's       the same
 *
 * Each deadline is part of its owner, and joins before it is set, because joining may fail.
 * Changing one takes as many steps as the logarithm of how many are set. Guarded by the pool's
 * lock.
 */
#ifndef DEFERRED_DEADLINES_H
#define DEFERRED_DEADLINES_H

#include <stdbool.h>
#include <stdint.h>

typedef enum DeadlineKind { DEADLINE_TASK, DEADLINE_WORKER, DEADLINE_ERRAND } DeadlineKind;

typedef struct Deadline {
    DeadlineKind kind;
    uint32_t place; /* in the heap, counted from 1; 0: not set */
    double at;      /* ms of os_now */
} Deadline;

typedef struct Deadlines {
    Deadline **heap;
    uint32_t set, joined, capacity; /* set <= joined <= capacity */
} Deadlines;

void deadlines_close(Deadlines *deadlines);

/* Makes room for one, which is not set yet. false when there is no memory. */
bool deadlines_join(Deadlines *deadlines, Deadline *deadline, DeadlineKind kind);
void deadlines_leave(Deadlines *deadlines, Deadline *deadline);

/* Sets one that has joined; INFINITY unsets it. */
void deadlines_set(Deadlines *deadlines, Deadline *deadline, double at);

/* The earliest, or NULL when none is set. */
Deadline *deadlines_first(const Deadlines *deadlines);

#ifdef DFD_TEST
extern uint64_t deadlines_steps; /* taken in all heaps, atomically counted: for tests of growth */
#endif

#endif
