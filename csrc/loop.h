/* loop.h - what a task waits for, and its turns: an event loop inside of a realm.
 *
 *   mail, timers that are due --> callbacks, promise jobs --> settled, or waits
 *
 * A turn runs until no job is left. If the promise that the task stands for is still pending then,
 * something else must settle it: a timer, or an answer of the host's. With neither it never will.
 * Between two turns nothing of the loop is on any stack: the realm may be taken up on another
 * thread.
 *
 * What others hold of a loop are numbers. All that it holds lies in the realm's arena and goes with
 * it; loop_begin forgets what was there. The realm's thread only.
 */
#ifndef DEFERRED_LOOP_H
#define DEFERRED_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "quickjs.h"

/* --- timers (timers.c) -------------------------------------------------------------------- */

typedef struct Timer {
    double due; /* ms of os_now */
    uint64_t order;
    double every;  /* ms, of an interval; else -1 */
    JSValue call;  /* JS_UNINITIALIZED: the slot is free */
    JSValue *args; /* NULL if there are none */
    uint32_t argc;
    uint32_t place; /* in the heap, counted from 1; 0: it is not set */
    uint32_t uses;
    uint32_t next_free;
} Timer;

typedef struct Timers {
    Timer *slots;   /* by number */
    uint32_t *heap; /* numbers of those that are set, the earliest first */
    uint32_t count, capacity, set;
    uint32_t free;  /* slot + 1, or 0 */
    uint64_t order; /* in which they were set */
} Timers;

/* Defines setTimeout and its kin as globals. false when that fails. */
bool timers_define(JSContext *ctx, JSValueConst global);

/* When the first one is due, ms of os_now; INFINITY if none is set. */
double timers_due(const Timers *timers);

/* Calls the first timer if it is due at `now` and was set before `order`. JS_EXCEPTION if its
 * callback threw; `*fired` says whether there was one. */
JSValue timers_fire(JSContext *ctx, Timers *timers, double now, uint64_t order, bool *fired);

/* --- the loop (loop.c) -------------------------------------------------------------------- */

typedef struct Loop {
    Timers timers;
    JSValue *rejected; /* promises that were rejected without a handler, since the turn began */
    uint32_t rejected_count, rejected_capacity;
    JSValue thrown; /* the first thing that a callback threw, and nobody caught */
    bool threw;
} Loop;

/* Makes `loop` that of a context. false when that fails. */
bool loop_open(JSContext *ctx, Loop *loop);
static inline Loop *loop_of(JSContext *ctx) { return JS_GetRuntimeOpaque(JS_GetRuntime(ctx)); }

/* A task begins: nothing is set, and nothing was thrown. */
void loop_begin(Loop *loop);

typedef enum LoopEnd {
    LOOP_SETTLED, /* the promise is, or the task threw where nobody could catch it */
    LOOP_WAITS,   /* for what comes from outside, or its time */
    LOOP_NEVER,   /* nothing is left that could settle it */
} LoopEnd;

/* Runs a turn, or ends one that a call of the task's has begun: until the promise is settled or
 * nothing is left to be done now. Settled, `*with` is what with. */
LoopEnd loop_turn(JSContext *ctx, Loop *loop, JSValueConst promise, JSValue *with, bool *threw);

/* When there is something to be done even if nobody sends anything; INFINITY: never. */
static inline double loop_due(const Loop *loop) { return timers_due(&loop->timers); }

#endif
