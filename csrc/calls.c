/* calls.c - see loop.h
 *
 * A call of a host's function gets a number, which its answer comes with, and two functions that
 * settle its promise. Its arguments are encoded outside the arena (Post.letter) and sent from there
 * if there is room; else they are kept in the realm, as the task's own memory, until there is.
 */
#include <assert.h>
#include <string.h>

#include "deferred.h"
#include "guard.h"
#include "loop.h"

struct Call {
    JSValue settle[2]; /* resolve, reject; JS_UNDEFINED: the number is free */
    uint32_t next_free;
};

struct Unsent {
    struct Unsent *next, *previous;
    size_t length;
    uint8_t bytes[];
};

/* --- calls that wait for their answers ---------------------------------------------------- */

/* Gives a call a number, of which there must be room. */
static uint32_t calls_add(JSContext *ctx, Calls *calls, JSValue settle[2]) {
    if (!calls->free && calls->count == calls->capacity) {
        uint32_t capacity = calls->capacity ? calls->capacity * 2 : 8;
        calls->slots = js_realloc(ctx, calls->slots, capacity * sizeof *calls->slots);
        calls->capacity = capacity;
    }
    if (!calls->free) {
        calls->slots[calls->count] = (Call){0};
        calls->free = ++calls->count;
    }
    uint32_t number = calls->free - 1;
    Call *call = &calls->slots[number];
    calls->free = call->next_free;
    call->settle[0] = settle[0];
    call->settle[1] = settle[1];
    calls->pending++;
    return number;
}

static bool calls_has(const Calls *calls, uint32_t number) {
    return number < calls->count && !JS_IsUndefined(calls->slots[number].settle[0]);
}

/* Takes a call's functions, which are the caller's. */
static void calls_take(Calls *calls, uint32_t number, JSValue settle[2]) {
    Call *call = &calls->slots[number];
    memcpy(settle, call->settle, sizeof call->settle);
    call->settle[0] = call->settle[1] = JS_UNDEFINED;
    call->next_free = calls->free;
    calls->free = number + 1;
    calls->pending--;
}

/* --- sending ------------------------------------------------------------------------------ */

CloneResult calls_encode(JSContext *ctx, const Calls *calls, Bytes *letter, size_t limit,
                         const uint32_t head[DFD_EVENT_VALUE / 4], JSValueConst value,
                         CloneFailure *failure) {
    bytes_reset(letter);
    letter->limit = limit;
    bytes_write(letter, head, DFD_EVENT_VALUE);
    CloneScope scope = *calls->post->scope;
    scope.kept = NULL;
    scope.kept_count = scope.kept_capacity = scope.moved_count = 0;
    scope.copies = true;
    return clone_encode(ctx, value, letter, &scope, failure);
}

bool calls_check(JSContext *ctx, const Bytes *letter, CloneResult result, CloneFailure *failure,
                 const char *what) {
    if (result == CLONE_NO_MEMORY || letter->failed)
        guard_leave(letter->starved ? DFD_STATUS_RESOURCES : DFD_STATUS_MEMORY);
    if (result == CLONE_UNCLONEABLE) {
        const char *path = JS_ToCString(ctx, failure->path);
        const char *message = JS_ToCString(ctx, failure->message);
        JS_ThrowDOMException(ctx, "DataCloneError", "%s%s: %s", what, path ? path : "",
                             message ? message : "");
        JS_FreeCString(ctx, path);
        JS_FreeCString(ctx, message);
        JS_FreeValue(ctx, failure->path);
        JS_FreeValue(ctx, failure->message);
    }
    return result == CLONE_OK;
}

static uint32_t calls_type(const uint8_t *letter) {
    uint32_t type;
    memcpy(&type, letter + DFD_EVENT_TYPE, sizeof type);
    return type;
}

/* Sends a letter. In a critical section: what sends takes locks, and memory. */
static void calls_send(Calls *calls, Bytes *letter) {
    Post *post = calls->post;
    uint32_t type = calls_type(letter->data);
    if (type == DFD_EVENT_TYPE_CALL || type == DFD_EVENT_TYPE_IMPORT)
        calls->room -= (double)letter->length;
    guard_critical_enter();
    bool sent = post->send(post->opaque, letter);
    guard_critical_leave();
    if (!sent) guard_leave(DFD_STATUS_RESOURCES);
}

/* Takes a message out of those that are not sent. */
static void calls_drop_unsent(JSContext *ctx, Calls *calls, Unsent *unsent) {
    *(unsent->previous ? &unsent->previous->next : &calls->first) = unsent->next;
    *(unsent->next ? &unsent->next->previous : &calls->last) = unsent->previous;
    js_free(ctx, unsent);
}

void calls_post(JSContext *ctx, Calls *calls, Bytes *letter) {
    bool reports = calls_type(letter->data) == DFD_EVENT_TYPE_PROGRESS;
    if (!calls->first && (reports || calls->room > 0)) {
        calls_send(calls, letter);
        return;
    }
    if (reports && calls_type(calls->last->bytes) == DFD_EVENT_TYPE_PROGRESS)
        calls_drop_unsent(ctx, calls, calls->last);
    Unsent *unsent = js_malloc(ctx, sizeof *unsent + letter->length);
    unsent->next = NULL;
    unsent->previous = calls->last;
    unsent->length = letter->length;
    memcpy(unsent->bytes, letter->data, letter->length);
    *(calls->last ? &calls->last->next : &calls->first) = unsent;
    calls->last = unsent;
}

static void calls_send_unsent(JSContext *ctx, Calls *calls) {
    for (Unsent *unsent; (unsent = calls->first) && calls->room > 0;) {
        Bytes *letter = &calls->post->letter;
        bytes_reset(letter);
        letter->limit = 0;
        bytes_write(letter, unsent->bytes, unsent->length);
        if (letter->failed) guard_leave(DFD_STATUS_RESOURCES);
        calls_drop_unsent(ctx, calls, unsent);
        calls_send(calls, letter);
    }
}

/* --- calling ------------------------------------------------------------------------------ */

/* Writes a message of that type with the arguments into the letter. Returns whether that worked;
 * else an exception is pending. */
static bool calls_write(JSContext *ctx, Calls *calls, uint32_t type, uint32_t function, int argc,
                        JSValueConst *argv) {
    Bytes *letter = &calls->post->letter;
    if (calls->writing) { /* by a getter of the arguments of another call */
        JS_ThrowTypeError(ctx, "a function of the host can't be called while the arguments of "
                               "another call are read");
        return false;
    }
    JSValue args = JS_NewArray(ctx);
    for (int i = 0; i < argc; i++)
        JS_DefinePropertyValueUint32(ctx, args, (uint32_t)i, JS_DupValue(ctx, argv[i]),
                                     JS_PROP_C_W_E);
    uint32_t head[] = {type, 0, function, 0};
    CloneFailure failure;
    calls->writing = true;
    CloneResult result = calls_encode(ctx, calls, letter, calls->post->limit, head, args, &failure);
    calls->writing = false;
    JS_FreeValue(ctx, args);
    return calls_check(ctx, letter, result, &failure, "args");
}

/* Sends a message whose answer settles; or settles by why that can't be. */
static void calls_send_as(JSContext *ctx, Calls *calls, uint32_t type, uint32_t function, int argc,
                          JSValueConst *argv, JSValue settle[2]) {
    if (calls_write(ctx, calls, type, function, argc, argv)) {
        uint32_t number = calls_add(ctx, calls, settle);
        memcpy(calls->post->letter.data + DFD_EVENT_NUMBER, &number, sizeof number);
        calls_post(ctx, calls, &calls->post->letter);
        return;
    }
    JSValue thrown = JS_GetException(ctx);
    JSValue result = JS_Call(ctx, settle[1], JS_UNDEFINED, 1, (JSValueConst *)&thrown);
    JS_FreeValue(ctx, result);
    JS_FreeValue(ctx, thrown);
    JS_FreeValue(ctx, settle[0]);
    JS_FreeValue(ctx, settle[1]);
}

/* A function of the host, by its number: a promise of what it returns. */
static JSValue calls_call(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv,
                          int function) {
    Calls *calls = &loop_of(ctx)->calls;
    JSValue settle[2];
    JSValue promise = JS_NewPromiseCapability(ctx, settle);
    (void)self;
    if (JS_IsException(promise)) return promise;
    calls_send_as(ctx, calls, DFD_EVENT_TYPE_CALL, (uint32_t)function, argc, argv, settle);
    return promise;
}

void calls_ask(JSContext *ctx, Calls *calls, int argc, JSValueConst *argv, JSValue settle[2]) {
    calls_send_as(ctx, calls, DFD_EVENT_TYPE_IMPORT, 0, argc, argv, settle);
}

static bool calls_define(JSContext *ctx, JSValueConst on, JSValueConst name, JSValue value) {
    JSAtom atom = JS_ValueToAtom(ctx, name);
    bool fine =
        atom != JS_ATOM_NULL && JS_DefinePropertyValue(ctx, on, atom, value,
                                                       JS_PROP_ENUMERABLE | JS_PROP_CONFIGURABLE |
                                                           JS_PROP_WRITABLE | JS_PROP_THROW) >= 0;
    JS_FreeAtom(ctx, atom);
    return fine;
}

/* Defines the functions that `names` lists from the index `from` on, as the next ones. */
static bool calls_define_all(JSContext *ctx, JSValueConst on, JSValueConst names, uint32_t from,
                             int *function) {
    int64_t count;
    if (JS_GetLength(ctx, names, &count)) return false;
    for (uint32_t i = from; i < count; i++) {
        JSValue entry = JS_GetPropertyUint32(ctx, names, i);
        JSValue name = entry, value;
        if (JS_IsArray(entry)) {
            name = JS_GetPropertyUint32(ctx, entry, 0);
            value = JS_NewObjectProto(ctx, JS_NULL);
            if (!calls_define_all(ctx, value, entry, 1, function)) return false;
            JS_FreezeObject(ctx, value);
        } else {
            const char *text = JS_ToCString(ctx, name);
            if (!text) return false;
            value = JS_NewCFunctionMagic(ctx, calls_call, text, 0, JS_CFUNC_generic_magic,
                                         (*function)++);
            JS_FreeCString(ctx, text);
        }
        if (!calls_define(ctx, on, name, value)) return false;
    }
    return true;
}

/* Defines `report` as well. */
static bool calls_define_report(JSContext *ctx, JSValueConst on) {
    JSValue report = JS_NewCFunction(ctx, progress_report, "report", 1);
    return JS_DefinePropertyValueStr(ctx, on, "report", report, JS_PROP_C_W_E | JS_PROP_THROW) >= 0;
}

JSValue calls_object(JSContext *ctx, JSValueConst names, bool reports) {
    int function = 0;
    JSValue host = JS_NewObjectProto(ctx, JS_NULL);
    if (!calls_define_all(ctx, host, names, 0, &function) ||
        (reports && !calls_define_report(ctx, host)))
        return JS_EXCEPTION;
    JS_FreezeObject(ctx, host);
    return host;
}

bool calls_define_globals(JSContext *ctx, JSValueConst names, bool reports) {
    int function = 0;
    JSValue global = JS_GetGlobalObject(ctx);
    return calls_define_all(ctx, global, names, 0, &function) &&
           (!reports || calls_define_report(ctx, global));
}

/* --- answers ------------------------------------------------------------------------------ */

static uint32_t calls_u32(const uint8_t *at) {
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

void calls_make_room(JSContext *ctx, Calls *calls, const uint8_t *message) {
    double room;
    memcpy(&room, message + DFD_MESSAGE_ROOM, sizeof room);
    calls->room += room;
    calls_send_unsent(ctx, calls);
}

void calls_receive(JSContext *ctx, Calls *calls, const uint8_t *message, size_t length) {
    uint32_t type = calls_u32(message + DFD_MESSAGE_TYPE);
    uint32_t number = calls_u32(message + DFD_MESSAGE_NUMBER);
    calls_make_room(ctx, calls, message);
    bool threw = type == DFD_ANSWER_THREW;
    if ((type != DFD_ANSWER_RETURNED && !threw) || !calls_has(calls, number)) return;
    JSValue settle[2], value;
    calls_take(calls, number, settle);
    if (clone_decode(ctx, message + DFD_MESSAGE_VALUE, length - DFD_MESSAGE_VALUE,
                     calls->post->scope, &value, 1)) {
        value = JS_GetException(ctx);
        threw = true;
    }
    JSValue result = JS_Call(ctx, settle[threw], JS_UNDEFINED, 1, (JSValueConst *)&value);
    JS_FreeValue(ctx, result);
    JS_FreeValue(ctx, value);
    JS_FreeValue(ctx, settle[0]);
    JS_FreeValue(ctx, settle[1]);
}
