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

static Deadline *deadlines_at(const Deadlines *deadlines, uint32_t place) {
    assert(place >= 1 && place <= deadlines->set);
    return deadlines->heap[place - 1];
}

static void deadlines_put(Deadlines *deadlines, Deadline *deadline, uint32_t place) {
    DEADLINES_STEP();
    assert(place >= 1 && place <= deadlines->set);
    deadlines->heap[place - 1] = deadline;
    deadline->place = place;
}

/* Puts a deadline where it belongs, above or below the free place that it is given. */
static void deadlines_sift(Deadlines *deadlines, Deadline *deadline, uint32_t place) {
    Deadline *parent, *child, *sibling;
    for (; place > 1 && deadline->at < (parent = deadlines_at(deadlines, place / 2))->at;
         place /= 2)
        deadlines_put(deadlines, parent, place);
    for (uint32_t below; (below = place * 2) <= deadlines->set; place = below) {
        child = deadlines_at(deadlines, below);
        if (below < deadlines->set &&
            (sibling = deadlines_at(deadlines, below + 1))->at < child->at) {
            child = sibling;
            below++;
        }
        if (deadline->at <= child->at) break;
        deadlines_put(deadlines, child, place);
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
