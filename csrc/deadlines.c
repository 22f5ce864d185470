/* deadlines.c - see deadlines.h */
#include "deadlines.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#ifdef DFD_TEST
uint64_t deadlines_steps;
#define DEADLINES_STEP() ((void)__atomic_fetch_add(&deadlines_steps, 1, __ATOMIC_RELAXED))
#else
#define DEADLINES_STEP() ((void)0)
#endif

void deadlines_close(Deadlines *deadlines) {
    assert(!deadlines->joined);
    free(deadlines->heap);
    *deadlines = (Deadlines){0};
}

bool deadlines_join(Deadlines *deadlines, Deadline *deadline, DeadlineKind kind) {
    if (deadlines->joined == deadlines->capacity) {
        uint32_t capacity = deadlines->capacity ? deadlines->capacity * 2 : 16;
        Deadline **heap = realloc(deadlines->heap, capacity * sizeof *heap);
        if (!heap) return false;
        deadlines->heap = heap;
        deadlines->capacity = capacity;
    }
    deadlines->joined++;
    *deadline = (Deadline){.kind = kind, .at = INFINITY};
    return true;
}

static void deadlines_put(Deadlines *deadlines, Deadline *deadline, uint32_t place) {
    DEADLINES_STEP();
    deadlines->heap[place - 1] = deadline;
    deadline->place = place;
}

/* Puts a deadline where it belongs, above or below the free place that it is given. */
static void deadlines_sift(Deadlines *deadlines, Deadline *deadline, uint32_t place) {
    Deadline **heap = deadlines->heap - 1; /* counted from 1 */
    for (; place > 1 && deadline->at < heap[place / 2]->at; place /= 2)
        deadlines_put(deadlines, heap[place / 2], place);
    for (uint32_t child; (child = place * 2) <= deadlines->set; place = child) {
        if (child < deadlines->set && heap[child + 1]->at < heap[child]->at) child++;
        if (deadline->at <= heap[child]->at) break;
        deadlines_put(deadlines, heap[child], place);
    }
    deadlines_put(deadlines, deadline, place);
}

void deadlines_set(Deadlines *deadlines, Deadline *deadline, double at) {
    deadline->at = at;
    if (at < INFINITY) {
        if (!deadline->place) deadline->place = ++deadlines->set;
        assert(deadlines->set <= deadlines->joined);
        deadlines_sift(deadlines, deadline, deadline->place);
    } else if (deadline->place) {
        Deadline *last = deadlines->heap[--deadlines->set];
        if (last != deadline) deadlines_sift(deadlines, last, deadline->place);
        deadline->place = 0;
    }
}

void deadlines_leave(Deadlines *deadlines, Deadline *deadline) {
    assert(deadlines->joined);
    deadlines_set(deadlines, deadline, INFINITY);
    deadlines->joined--;
}

Deadline *deadlines_first(const Deadlines *deadlines) {
    return deadlines->set ? deadlines->heap[0] : NULL;
}
