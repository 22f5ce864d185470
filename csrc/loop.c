/* loop.c - see loop.h */
#include "loop.h"

#include "deferred.h"
#include "engine_values.h"
#include "os.h"

/* Keeps a promise that was rejected without a handler; one that gets a handler says so itself. */
static void loop_note_rejection(JSContext *ctx, JSValueConst promise, JSValueConst reason,
                                bool is_handled, void *opaque) {
    Loop *loop = opaque;
    (void)reason;
    if (is_handled) return;
    if (loop->rejected_count == loop->rejected_capacity) {
        uint32_t kept =
            0; /* each is looked at once or twice: half of the room is free afterwards */
        for (uint32_t i = 0; i < loop->rejected_count; i++) {
            if (engine_promise_is_handled(loop->rejected[i]))
                JS_FreeValue(ctx, loop->rejected[i]);
            else
                loop->rejected[kept++] = loop->rejected[i];
        }
        loop->rejected_count = kept;
        if (kept >= loop->rejected_capacity / 2) {
            uint32_t capacity = loop->rejected_capacity ? loop->rejected_capacity * 2 : 8;
            JSValue *rejected = js_realloc(ctx, loop->rejected, capacity * sizeof *rejected);
            if (!rejected) return;
            loop->rejected = rejected;
            loop->rejected_capacity = capacity;
        }
    }
    loop->rejected[loop->rejected_count++] = JS_DupValue(ctx, promise);
}

bool loop_open(JSContext *ctx, Loop *loop, Post *post) {
    loop->calls.post = post;
    loop_begin(loop);
    JS_SetRuntimeOpaque(JS_GetRuntime(ctx), loop);
    JS_SetHostPromiseRejectionTracker(JS_GetRuntime(ctx), loop_note_rejection, loop);
    modules_open(ctx);
    JSValue global = JS_GetGlobalObject(ctx);
    bool fine = timers_define(ctx, global);
    JS_FreeValue(ctx, global);
    return fine;
}

void loop_begin(Loop *loop) {
    Calls calls = {.room = DFD_LIMIT_UNREAD_MAX, .post = loop->calls.post};
    *loop = (Loop){.calls = calls, .thrown = JS_UNDEFINED};
}

/* Notes what a callback threw. */
static void loop_note_thrown(JSContext *ctx, Loop *loop) {
    JSValue thrown = JS_GetException(ctx);
    if (loop->threw)
        JS_FreeValue(ctx, thrown);
    else
        loop->thrown = thrown;
    loop->threw = true;
}

/* Runs jobs until the promise is settled or there are none. */
static JSPromiseStateEnum loop_run_jobs(JSContext *ctx, Loop *loop, JSValueConst promise) {
    JSContext *unused;
    JSPromiseStateEnum state;
    while ((state = JS_PromiseState(ctx, promise)) == JS_PROMISE_PENDING) {
        int ran = JS_ExecutePendingJob(JS_GetRuntime(ctx), &unused);
        if (ran == 0) break;
        if (ran < 0) loop_note_thrown(ctx, loop);
    }
    return state;
}

void loop_jobs(JSContext *ctx, Loop *loop, JSValueConst promise) {
    loop_run_jobs(ctx, loop, promise);
}

bool loop_uncaught(JSContext *ctx, Loop *loop, JSValue *what) {
    uint32_t count = loop->rejected_count;
    loop->rejected_count = 0;
    *what = loop->thrown;
    for (uint32_t i = 0; i < count; i++) {
        JSValue promise = loop->rejected[i];
        if (!loop->threw && !engine_promise_is_handled(promise)) {
            *what = JS_PromiseResult(ctx, promise);
            loop->threw = true;
        }
        JS_FreeValue(ctx, promise);
    }
    return loop->threw;
}

LoopEnd loop_turn(JSContext *ctx, Loop *loop, JSValueConst promise, JSValue *with, bool *threw) {
    /* Only what is due by now, or an interval of 0 ms would keep the turn from ending. */
    double now = os_now();
    uint64_t order = loop->timers.order;
    for (bool fired = true; fired;) {
        JSPromiseStateEnum state = loop_run_jobs(ctx, loop, promise);
        if (state != JS_PROMISE_PENDING) {
            *with = JS_PromiseResult(ctx, promise);
            *threw = state == JS_PROMISE_REJECTED;
            return LOOP_SETTLED;
        }
        if (loop_uncaught(ctx, loop, with)) {
            *threw = true;
            return LOOP_SETTLED;
        }
        JSValue result = timers_fire(ctx, &loop->timers, now, order, &fired);
        if (JS_IsException(result)) loop_note_thrown(ctx, loop);
        JS_FreeValue(ctx, result);
    }
    return loop->timers.set || loop->calls.pending ? LOOP_WAITS : LOOP_NEVER;
}
