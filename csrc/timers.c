/* timers.c - see loop.h
 *
 * setTimeout and its kin, as the HTML standard says (Timers, 8.6) but for code as a string, nesting
 * and clamping: https://html.spec.whatwg.org/multipage/timers-and-user-prompts.html
 *
 * One binary heap, ordered by when a timer is due and then by when it was set. setImmediate is a
 * timer that is due at once: after what is due already, before all that is due later. A number is
 * that of a slot and how often the slot was used, so that one that was cleared late clears nothing
 * else.
 */
#include <math.h>

#include "loop.h"
#include "os.h"
#include "platform.h"

#define TIMERS_MAX (1u << 24)

/* --- the heap ----------------------------------------------------------------------------- */

static bool timers_before(const Timers *timers, uint32_t a, uint32_t b) {
    const Timer *one = &timers->slots[a], *other = &timers->slots[b];
    return one->due < other->due || (one->due == other->due && one->order < other->order);
}

static void timers_put(Timers *timers, uint32_t number, uint32_t place) {
    timers->heap[place - 1] = number;
    timers->slots[number].place = place;
}

/* Puts a timer where it belongs, above or below the free place that it is given. */
static void timers_sift(Timers *timers, uint32_t number, uint32_t place) {
    for (; place > 1 && timers_before(timers, number, timers->heap[place / 2 - 1]); place /= 2)
        timers_put(timers, timers->heap[place / 2 - 1], place);
    for (uint32_t below; (below = place * 2) <= timers->set; place = below) {
        if (below < timers->set &&
            timers_before(timers, timers->heap[below], timers->heap[below - 1]))
            below++;
        if (!timers_before(timers, timers->heap[below - 1], number)) break;
        timers_put(timers, timers->heap[below - 1], place);
    }
    timers_put(timers, number, place);
}

static void timers_set(Timers *timers, uint32_t number, double ms) {
    Timer *timer = &timers->slots[number];
    timer->due = os_now() + ms;
    timer->order = timers->order++;
    timers_sift(timers, number, ++timers->set);
}

static void timers_unset(Timers *timers, uint32_t number) {
    uint32_t place = timers->slots[number].place;
    if (!place) return;
    timers->slots[number].place = 0;
    uint32_t last = timers->heap[--timers->set];
    if (last != number) timers_sift(timers, last, place);
}

/* --- slots -------------------------------------------------------------------------------- */

/* Makes room for one more; the heap has as much as the slots. */
static bool timers_reserve(JSContext *ctx, Timers *timers) {
    if (timers->free || timers->count < timers->capacity) return true;
    if (timers->capacity == TIMERS_MAX) {
        JS_ThrowRangeError(ctx, "a task can have %u timers", TIMERS_MAX);
        return false;
    }
    uint32_t capacity = timers->capacity ? timers->capacity * 2 : 8;
    Timer *slots = js_realloc(ctx, timers->slots, capacity * sizeof *slots);
    if (!slots) return false;
    timers->slots = slots;
    uint32_t *heap = js_realloc(ctx, timers->heap, capacity * sizeof *heap);
    if (!heap) return false;
    timers->heap = heap;
    timers->capacity = capacity;
    return true;
}

static void timers_free(JSContext *ctx, Timers *timers, uint32_t number) {
    Timer *timer = &timers->slots[number];
    JSValue call = timer->call, *args = timer->args;
    uint32_t argc = timer->argc;
    timer->call = JS_UNINITIALIZED;
    timer->args = NULL;
    timer->uses++;
    timer->next_free = timers->free;
    timers->free = number + 1;
    JS_FreeValue(ctx, call);
    for (uint32_t i = 0; i < argc; i++) JS_FreeValue(ctx, args[i]);
    js_free(ctx, args);
}

/* A positive integer, of 53 bits at the most. */
static JSValue timers_id(JSContext *ctx, const Timers *timers, uint32_t number) {
    uint64_t uses = timers->slots[number].uses & ((1u << 28) - 1);
    return JS_NewInt64(ctx, (int64_t)(uses * TIMERS_MAX + number + 1));
}

/* --- what tasks call ---------------------------------------------------------------------- */

enum { TIMERS_ONCE, TIMERS_EVERY, TIMERS_AT_ONCE };

static JSValue timers_start(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv,
                            int how) {
    static const char *const names[] = {"setTimeout", "setInterval", "setImmediate"};
    Timers *timers = &loop_of(ctx)->timers;
    int32_t ms = 0;
    int given = how == TIMERS_AT_ONCE ? 1 : 2;
    (void)self;
    if (argc < 1 || !JS_IsFunction(ctx, argv[0]))
        return JS_ThrowTypeError(ctx, "%s: the first argument must be a function", names[how]);
    /* Runs code of the task's. */
    if (how != TIMERS_AT_ONCE && argc > 1 && JS_ToInt32(ctx, &ms, argv[1])) return JS_EXCEPTION;
    if (ms < 0) ms = 0;
    if (!timers_reserve(ctx, timers)) return JS_EXCEPTION;
    uint32_t more = argc > given ? (uint32_t)(argc - given) : 0;
    JSValue *args = more ? js_malloc(ctx, more * sizeof *args) : NULL;
    if (more && !args) return JS_EXCEPTION;
    for (uint32_t i = 0; i < more; i++) args[i] = JS_DupValue(ctx, argv[given + (int)i]);
    if (!timers->free) {
        timers->slots[timers->count] = (Timer){.call = JS_UNINITIALIZED};
        timers->free = ++timers->count;
    }
    uint32_t number = timers->free - 1;
    Timer *timer = &timers->slots[number];
    timers->free = timer->next_free;
    timer->call = JS_DupValue(ctx, argv[0]);
    timer->args = args;
    timer->argc = more;
    timer->every = how == TIMERS_EVERY ? ms : -1;
    timers_set(timers, number, ms);
    return timers_id(ctx, timers, number);
}

/* Clears whatever has that number: of one that has passed, or was never there, nothing. */
static JSValue timers_clear(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    Timers *timers = &loop_of(ctx)->timers;
    int64_t id;
    (void)self;
    if (argc < 1 || JS_IsUndefined(argv[0])) return JS_UNDEFINED;
    if (JS_ToInt64(ctx, &id, argv[0])) return JS_EXCEPTION;
    if (id < 1) return JS_UNDEFINED;
    uint32_t number = (uint32_t)((uint64_t)(id - 1) % TIMERS_MAX);
    if (number >= timers->count) return JS_UNDEFINED;
    const Timer *timer = &timers->slots[number];
    uint64_t uses = timer->uses & ((1u << 28) - 1);
    if (JS_IsUninitialized(timer->call) || uses * TIMERS_MAX + number + 1 != (uint64_t)id)
        return JS_UNDEFINED;
    timers_unset(timers, number);
    timers_free(ctx, timers, number);
    return JS_UNDEFINED;
}

/* What a wait with a signal holds: an array that nobody else has. */
enum { WAIT_RESOLVE, WAIT_REJECT, WAIT_SIGNAL, WAIT_TIMER, WAIT_LISTENER };

static void timers_call_listener(JSContext *ctx, JSValueConst wait, const char *method) {
    JSValue signal = JS_GetPropertyUint32(ctx, wait, WAIT_SIGNAL);
    JSValue listener = JS_GetPropertyUint32(ctx, wait, WAIT_LISTENER);
    JSAtom name = JS_NewAtom(ctx, method);
    JSValue args[] = {JS_NewString(ctx, "abort"), listener};
    JS_FreeValue(ctx, JS_Invoke(ctx, signal, name, 2, (JSValueConst *)args));
    JS_FreeAtom(ctx, name);
    JS_FreeValue(ctx, args[0]);
    JS_FreeValue(ctx, listener);
    JS_FreeValue(ctx, signal);
}

static JSValue timers_settle(JSContext *ctx, JSValueConst wait, uint32_t how, JSValue with) {
    JSValue settle = JS_GetPropertyUint32(ctx, wait, how);
    JSValue result = JS_Call(ctx, settle, JS_UNDEFINED, 1, (JSValueConst *)&with);
    JS_FreeValue(ctx, settle);
    JS_FreeValue(ctx, with);
    return result;
}

/* Its time has come. */
static JSValue timers_waited(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv,
                             int magic, JSValueConst *data) {
    (void)self, (void)argc, (void)argv, (void)magic;
    timers_call_listener(ctx, data[0], "removeEventListener");
    JSValue thrown = JS_GetException(ctx); /* by a method that the task replaced */
    JS_FreeValue(ctx, thrown);
    return timers_settle(ctx, data[0], WAIT_RESOLVE, JS_UNDEFINED);
}

/* Its signal was aborted. */
static JSValue timers_aborted(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv,
                              int magic, JSValueConst *data) {
    (void)argc, (void)argv, (void)magic;
    JSValue id = JS_GetPropertyUint32(ctx, data[0], WAIT_TIMER);
    JSValue signal = JS_GetPropertyUint32(ctx, data[0], WAIT_SIGNAL);
    JS_FreeValue(ctx, timers_clear(ctx, self, 1, (JSValueConst *)&id));
    JSValue reason = JS_GetPropertyStr(ctx, signal, "reason");
    JS_FreeValue(ctx, id);
    JS_FreeValue(ctx, signal);
    if (JS_IsException(reason)) reason = JS_GetException(ctx);
    return timers_settle(ctx, data[0], WAIT_REJECT, reason);
}

/* Whether a signal is one: 1 if it was aborted, 0 if not; -1 with an exception pending. */
static int timers_is_aborted(JSContext *ctx, JSValueConst signal) {
    JSValue aborted = JS_IsObject(signal) ? JS_GetPropertyStr(ctx, signal, "aborted") : JS_NULL;
    if (JS_IsException(aborted)) return -1;
    if (JS_IsBool(aborted)) return JS_VALUE_GET_BOOL(aborted);
    JS_FreeValue(ctx, aborted);
    JS_ThrowTypeError(ctx, "scheduler.wait(ms, { signal }): signal must be an AbortSignal");
    return -1;
}

/* Waits until the time has come or the signal, the caller's, is aborted. false with an exception
 * pending. */
static bool timers_wait_or(JSContext *ctx, JSValueConst ms, JSValueConst signal,
                           const JSValue settle[2]) {
    int aborted = timers_is_aborted(ctx, signal);
    if (aborted < 0) return false;
    if (aborted) {
        JSValue reason = JS_GetPropertyStr(ctx, signal, "reason");
        if (!JS_IsException(reason)) JS_Throw(ctx, reason);
        return false;
    }
    JSValue parts[] = {JS_DupValue(ctx, settle[0]), JS_DupValue(ctx, settle[1]),
                       JS_DupValue(ctx, signal)};
    JSValue wait = JS_NewArrayFrom(ctx, 3, parts);
    JSValue waited = JS_NewCFunctionData(ctx, timers_waited, 0, 0, 1, (JSValueConst *)&wait);
    JSValueConst start[] = {waited, ms};
    JSValue id = timers_start(ctx, JS_UNDEFINED, 2, start, TIMERS_ONCE);
    JS_FreeValue(ctx, waited);
    bool started = !JS_IsException(id);
    if (started) {
        JSValue listener = JS_NewCFunctionData(ctx, timers_aborted, 0, 0, 1, (JSValueConst *)&wait);
        JS_DefinePropertyValueUint32(ctx, wait, WAIT_TIMER, JS_DupValue(ctx, id), JS_PROP_C_W_E);
        JS_DefinePropertyValueUint32(ctx, wait, WAIT_LISTENER, listener, JS_PROP_C_W_E);
        timers_call_listener(ctx, wait, "addEventListener");
        started = !JS_HasException(ctx);
        if (!started) timers_clear(ctx, JS_UNDEFINED, 1, (JSValueConst *)&id);
    }
    JS_FreeValue(ctx, id);
    JS_FreeValue(ctx, wait);
    return started;
}

/* scheduler.wait(ms, { signal }): a promise. */
static JSValue timers_wait(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    JSValue settle[2], signal;
    JSValueConst ms = argc > 0 ? argv[0] : JS_UNDEFINED;
    JSValue promise = JS_NewPromiseCapability(ctx, settle);
    if (JS_IsException(promise)) return promise;
    bool waits = platform_option(ctx, argc > 1 ? argv[1] : JS_UNDEFINED, "signal", &signal);
    if (waits && JS_IsUndefined(signal)) {
        JSValueConst start[] = {settle[0], ms};
        JSValue id = timers_start(ctx, self, 2, start, TIMERS_ONCE);
        waits = !JS_IsException(id);
        JS_FreeValue(ctx, id);
    } else if (waits) {
        waits = timers_wait_or(ctx, ms, signal, settle);
        JS_FreeValue(ctx, signal);
    }
    if (!waits) {
        JSValue thrown = JS_GetException(ctx);
        JSValue result = JS_Call(ctx, settle[1], JS_UNDEFINED, 1, (JSValueConst *)&thrown);
        JS_FreeValue(ctx, result);
        JS_FreeValue(ctx, thrown);
    }
    JS_FreeValue(ctx, settle[0]);
    JS_FreeValue(ctx, settle[1]);
    return promise;
}

static bool timers_define_one(JSContext *ctx, JSValueConst on, const char *name, JSValue function) {
    int flags = JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE; /* as queueMicrotask */
    return JS_DefinePropertyValueStr(ctx, on, name, function, flags) >= 0;
}

bool timers_define(JSContext *ctx, JSValueConst global) {
    static const struct {
        const char *name;
        int length;
    } starts[] = {{"setTimeout", 1}, {"setInterval", 1}, {"setImmediate", 1}};
    static const char *const clears[] = {"clearTimeout", "clearInterval", "clearImmediate"};
    for (int how = 0; how < 3; how++) {
        const char *name = starts[how].name;
        JSValue start = JS_NewCFunctionMagic(ctx, timers_start, name, starts[how].length,
                                             JS_CFUNC_generic_magic, how);
        JSValue clear = JS_NewCFunction(ctx, timers_clear, clears[how], 1);
        if (!timers_define_one(ctx, global, name, start) ||
            !timers_define_one(ctx, global, clears[how], clear))
            return false;
    }
    JSValue scheduler = JS_NewObject(ctx);
    return timers_define_one(ctx, scheduler, "wait",
                             JS_NewCFunction(ctx, timers_wait, "wait", 1)) &&
           timers_define_one(ctx, global, "scheduler", scheduler);
}

/* --- when they are due -------------------------------------------------------------------- */

double timers_due(const Timers *timers) {
    return timers->set ? timers->slots[timers->heap[0]].due : INFINITY;
}

JSValue timers_fire(JSContext *ctx, Timers *timers, double now, uint64_t order, bool *fired) {
    *fired = false;
    if (!timers->set) return JS_UNDEFINED;
    uint32_t number = timers->heap[0];
    Timer timer = timers->slots[number];
    if (timer.due > now || timer.order >= order) return JS_UNDEFINED;
    *fired = true;
    timers_unset(timers, number);
    /* The callback may clear it, and set another one in its place. */
    JSValue call = JS_DupValue(ctx, timer.call);
    uint32_t argc = timer.argc;
    JSValue *args = argc ? js_malloc(ctx, argc * sizeof *args) : NULL;
    for (uint32_t i = 0; args && i < argc; i++) args[i] = JS_DupValue(ctx, timer.args[i]);
    if (timer.every < 0) timers_free(ctx, timers, number);
    JSValue result = JS_Call(ctx, call, JS_UNDEFINED, (int)argc, (JSValueConst *)args);
    for (uint32_t i = 0; i < argc; i++) JS_FreeValue(ctx, args[i]);
    js_free(ctx, args);
    JS_FreeValue(ctx, call);
    /* Its order tells it from any other that is in its place: `uses` comes round in a task that has
     * ten minutes, and a free slot in the heap would be used twice, and grow it beyond its room. */
    const Timer *after = &timers->slots[number];
    bool is_there = !JS_IsUninitialized(after->call) && after->order == timer.order;
    if (timer.every >= 0 && is_there) timers_set(timers, number, timer.every);
    return result;
}
