/* calls.c - see loop.h
 *
 * A call of a host's function gets a number, which its answer comes with, and two functions that
 * settle its promise. Its arguments are encoded outside the arena (Post.letter) and sent from there
 * if there is room; else they are kept in the realm, as the task's own memory, until there is.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deferred.h"
#include "engine_values.h"
#include "guard.h"
#include "loop.h"

struct Call {
    JSValue settle[2]; /* resolve, reject; JS_UNDEFINED: the number is free */
    uint32_t next_free;
};

struct Unsent {
    struct Unsent *next, *previous;
    Moves moves;
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
    if (calls->at_once) calls->at_once--;
}

/* --- sending ------------------------------------------------------------------------------ */

/* The scope of a message, which moves these buffers. */
static CloneScope calls_scope(const Calls *calls, const Transfer *transfer) {
    CloneScope scope = *calls->post->scope;
    scope.kept = NULL;
    scope.kept_count = scope.kept_capacity = scope.moved_count = 0;
    scope.copies = true;
    scope.transfer = transfer->buffers;
    scope.transfer_count = transfer->count;
    return scope;
}

static const Transfer NO_TRANSFER;

static CloneResult calls_encode_beside(JSContext *ctx, Bytes *letter, size_t limit,
                                       const uint32_t head[DFD_EVENT_VALUE / 4], JSValueConst value,
                                       CloneScope *scope, CloneFailure *failure) {
    bytes_reset(letter);
    letter->limit = limit;
    bytes_write(letter, head, DFD_EVENT_VALUE);
    return clone_encode(ctx, value, letter, scope, failure);
}

CloneResult calls_encode(JSContext *ctx, const Calls *calls, Bytes *letter, size_t limit,
                         const uint32_t head[DFD_EVENT_VALUE / 4], JSValueConst value,
                         CloneFailure *failure) {
    CloneScope scope = calls_scope(calls, &NO_TRANSFER);
    return calls_encode_beside(ctx, letter, limit, head, value, &scope, failure);
}

bool calls_check(JSContext *ctx, const Bytes *letter, CloneResult result, CloneFailure *failure,
                 const char *what, const char *advice) {
    if (result == CLONE_NO_MEMORY || letter->failed)
        guard_leave(letter->starved ? DFD_STATUS_RESOURCES : DFD_STATUS_MEMORY);
    if (result == CLONE_UNCLONEABLE) {
        const char *path = JS_ToCString(ctx, failure->path);
        const char *message = JS_ToCString(ctx, failure->message);
        bool is_function = message && strncmp(message, "a function", 10) == 0;
        JS_ThrowDOMException(ctx, "DataCloneError", "%s%s: %s%s%s", what, path ? path : "",
                             message ? message : "", is_function ? "; " : "",
                             is_function ? advice : "");
        JS_FreeCString(ctx, path);
        JS_FreeCString(ctx, message);
        JS_FreeValue(ctx, failure->path);
        JS_FreeValue(ctx, failure->message);
    }
    return result == CLONE_OK;
}

static uint32_t calls_u32(const uint8_t *at) {
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint32_t calls_type(const uint8_t *letter) { return calls_u32(letter + DFD_EVENT_TYPE); }

/* Sends a letter, with what it moves. In a critical section: what sends takes locks, and memory. */
static void calls_send(JSContext *ctx, Calls *calls, Bytes *letter, const Moves *moves) {
    Post *post = calls->post;
    uint32_t type = calls_type(letter->data), length = (uint32_t)letter->length;
    if (type == DFD_EVENT_TYPE_CALL || type == DFD_EVENT_TYPE_IMPORT)
        calls->room -= length + moves->bytes;
    guard_critical_enter();
    bool sent = transfer_move_out(post, moves, letter) &&
                post->send(post->opaque, letter, length, moves->count);
    guard_critical_leave();
    if (!sent) guard_leave(DFD_STATUS_RESOURCES);
    transfer_end(ctx, moves);
}

/* Takes a message out of those that are not sent. */
static void calls_drop_unsent(JSContext *ctx, Calls *calls, Unsent *unsent) {
    *(unsent->previous ? &unsent->previous->next : &calls->first) = unsent->next;
    *(unsent->next ? &unsent->next->previous : &calls->last) = unsent->previous;
    js_free(ctx, unsent);
}

static void calls_append(Calls *calls, Unsent *unsent) {
    unsent->next = NULL;
    unsent->previous = calls->last;
    *(calls->last ? &calls->last->next : &calls->first) = unsent;
    calls->last = unsent;
}

static Unsent *calls_keep(JSContext *ctx, const Bytes *letter, const Moves *moves) {
    Unsent *unsent = js_malloc(ctx, sizeof *unsent + letter->length);
    unsent->next = NULL;
    unsent->moves = *moves;
    unsent->length = letter->length;
    memcpy(unsent->bytes, letter->data, letter->length);
    return unsent;
}

/* Keeps a call back until others were answered. */
static void calls_hold(JSContext *ctx, Calls *calls, const Bytes *letter, const Moves *moves) {
    Unsent *unsent = calls_keep(ctx, letter, moves);
    *(calls->last_held ? &calls->last_held->next : &calls->held) = unsent;
    calls->last_held = unsent;
}

/* A call was answered: the next of those that were kept back is to be sent. */
static void calls_let_go(Calls *calls) {
    Unsent *unsent = calls->held;
    if (!unsent || calls->at_once >= calls->limits.at_once) return;
    calls->held = unsent->next;
    if (!calls->held) calls->last_held = NULL;
    calls->at_once++;
    calls_append(calls, unsent);
}

/* Sends a letter, or keeps it until there is room. */
static void calls_put(JSContext *ctx, Calls *calls, Bytes *letter, const Moves *moves) {
    bool reports = calls_type(letter->data) == DFD_EVENT_TYPE_PROGRESS;
    if (!calls->first && (reports || calls->room > 0)) {
        calls_send(ctx, calls, letter, moves);
        return;
    }
    if (reports && calls_type(calls->last->bytes) == DFD_EVENT_TYPE_PROGRESS)
        calls_drop_unsent(ctx, calls, calls->last);
    calls_append(calls, calls_keep(ctx, letter, moves));
}

void calls_post(JSContext *ctx, Calls *calls, Bytes *letter) {
    static const Moves none;
    calls_put(ctx, calls, letter, &none);
}

static void calls_send_unsent(JSContext *ctx, Calls *calls) {
    for (Unsent *unsent; (unsent = calls->first) && calls->room > 0;) {
        Bytes *letter = &calls->post->letter;
        bytes_reset(letter);
        letter->limit = 0;
        bytes_write(letter, unsent->bytes, unsent->length);
        if (letter->failed) guard_leave(DFD_STATUS_RESOURCES);
        Moves moves = unsent->moves;
        calls_drop_unsent(ctx, calls, unsent);
        calls_send(ctx, calls, letter, &moves);
    }
}

/* --- calling ------------------------------------------------------------------------------ */

/* What a call of that function was passed, as messages name it: "tools.sum() was passed args".
 * Counts down to it in names that begin at the index `from`; false if it is not among them. */
static bool calls_describe(JSContext *ctx, JSValueConst names, uint32_t from, uint32_t *function,
                           const char *group, char *said, size_t size) {
    int64_t count = 0;
    bool found = false;
    JS_GetLength(ctx, names, &count);
    for (uint32_t i = from; i < count && !found; i++) {
        JSValue entry = JS_GetPropertyUint32(ctx, names, i);
        if (JS_IsArray(entry)) {
            JSValue name = JS_GetPropertyUint32(ctx, entry, 0);
            const char *inner = JS_ToCString(ctx, name);
            found = calls_describe(ctx, entry, 1, function, inner ? inner : "", said, size);
            JS_FreeCString(ctx, inner);
            JS_FreeValue(ctx, name);
        } else if (JS_IsString(entry) && (*function)-- == 0) {
            const char *name = JS_ToCString(ctx, entry);
            snprintf(said, size, "%.60s%s%.60s() was passed args", group ? group : "",
                     group ? "." : "", name ? name : "");
            JS_FreeCString(ctx, name);
            found = true;
        }
        JS_FreeValue(ctx, entry);
    }
    return found;
}

/* Writes a message of that type with the arguments into the letter. Returns whether that worked;
 * else an exception is pending. */
static bool calls_write(JSContext *ctx, Calls *calls, uint32_t type, uint32_t function, int argc,
                        JSValueConst *argv, CloneScope *scope) {
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
    CloneResult result =
        calls_encode_beside(ctx, letter, calls->post->limit, head, args, scope, &failure);
    calls->writing = false;
    JS_FreeValue(ctx, args);
    if (result != CLONE_UNCLONEABLE) return calls_check(ctx, letter, result, &failure, "", "");
    char what[160] = "args"; /* of an import */
    calls_describe(ctx, calls->names, 0, &function, NULL, what, sizeof what);
    return calls_check(ctx, letter, result, &failure, what,
                       "it stays in the task: call it there, with what the host returns");
}

/* Throws that a limit would be broken, by the name of the option. */
static bool calls_refuse(JSContext *ctx, const char *limit, const char *what, double most) {
    JS_ThrowDOMException(ctx, "QuotaExceededError",
                         "%s than the %llu that hostCalls.%s allows to the task", what,
                         (unsigned long long)most, limit);
    return false;
}

/* Whether the limits allow the call that the letter holds, and what it moves; it counts from here
 * on. Else an exception is pending. */
static bool calls_allow(JSContext *ctx, Calls *calls, const Bytes *letter,
                        const CloneScope *scope) {
    const CallLimits *limits = &calls->limits;
    double bytes = (double)(letter->length - DFD_EVENT_VALUE + transfer_size(scope));
    if (bytes > limits->bytes)
        return calls_refuse(ctx, "bytes", "a call's arguments take more bytes", limits->bytes);
    if (calls->bytes + bytes > limits->total_bytes)
        return calls_refuse(ctx, "totalBytes", "the arguments of all calls take more bytes",
                            limits->total_bytes);
    calls->bytes += bytes;
    calls->made++;
    return true;
}

/* Sends a message, which moves these buffers, and whose answer settles. false with an exception
 * pending, and then none of them is detached. */
static bool calls_try_send(JSContext *ctx, Calls *calls, uint32_t type, uint32_t function, int argc,
                           JSValueConst *argv, const Transfer *transfer, JSValue settle[2]) {
    Bytes *letter = &calls->post->letter;
    CloneScope scope = calls_scope(calls, transfer);
    bool is_call = type == DFD_EVENT_TYPE_CALL; /* the only one that has limits */
    bool more =
        !is_call || calls->made < calls->limits.total ||
        calls_refuse(ctx, "total", "more calls of the host's functions", calls->limits.total);
    if (more && transfer_check(ctx, transfer) &&
        calls_write(ctx, calls, type, function, argc, argv, &scope) &&
        transfer_check(ctx, transfer) && (!is_call || calls_allow(ctx, calls, letter, &scope))) {
        Moves moves = transfer_take(ctx, transfer, &scope);
        uint32_t number = calls_add(ctx, calls, settle);
        memcpy(letter->data + DFD_EVENT_NUMBER, &number, sizeof number);
        if (is_call && (calls->held || calls->at_once >= calls->limits.at_once)) {
            calls_hold(ctx, calls, letter, &moves);
        } else {
            calls->at_once++;
            calls_put(ctx, calls, letter, &moves);
        }
        return true;
    }
    clone_free_kept(ctx, &scope);
    return false;
}

/* The same for a promise, which settles by why it can't be sent. */
static void calls_send_as(JSContext *ctx, Calls *calls, uint32_t type, uint32_t function, int argc,
                          JSValueConst *argv, const Transfer *transfer, JSValue settle[2]) {
    if (calls_try_send(ctx, calls, type, function, argc, argv, transfer, settle)) return;
    JSValue thrown = JS_GetException(ctx);
    JSValue result = JS_Call(ctx, settle[1], JS_UNDEFINED, 1, (JSValueConst *)&thrown);
    JS_FreeValue(ctx, result);
    JS_FreeValue(ctx, thrown);
    JS_FreeValue(ctx, settle[0]);
    JS_FreeValue(ctx, settle[1]);
}

/* Calls a function of the host, by its number: a promise of what it returns. */
static JSValue calls_promise(JSContext *ctx, uint32_t function, int argc, JSValueConst *argv,
                             const Transfer *transfer) {
    Calls *calls = &loop_of(ctx)->calls;
    JSValue settle[2];
    JSValue promise = JS_NewPromiseCapability(ctx, settle);
    if (JS_IsException(promise)) return promise;
    calls_send_as(ctx, calls, DFD_EVENT_TYPE_CALL, function, argc, argv, transfer, settle);
    return promise;
}

/* Waits for the answer of the call that waits, and heeds all else that comes. */
static void calls_await(JSContext *ctx, Calls *calls) {
    Post *post = calls->post;
    /* What this turn began with may be what there is no room for the call without. */
    while (post->mail) calls_receive(ctx, calls);
    while (!calls->replied) {
        uint32_t seen = atomic_load(post->mailbox.posted);
        guard_critical_enter();
        post->mail = post->mailbox.take(post->opaque);
        guard_critical_leave();
        if (!post->mail) post->mailbox.wait(post->opaque, seen);
        guard_poll();
        while (post->mail) calls_receive(ctx, calls);
    }
}

/* Calls a function of the host, and gives what it returns, or throws. Nothing of the task's runs
 * meanwhile: what else was answered is told by a job. */
static JSValue calls_wait(JSContext *ctx, uint32_t function, int argc, JSValueConst *argv,
                          const Transfer *transfer) {
    Calls *calls = &loop_of(ctx)->calls;
    JSValue nobody[] = {JS_NULL, JS_NULL}; /* to settle */
    if (calls->waiting)
        return JS_ThrowTypeError(ctx,
                                 "a function of the host that gives no promise can't be called "
                                 "while another one is");
    if (!calls_try_send(ctx, calls, DFD_EVENT_TYPE_CALL, function, argc, argv, transfer, nobody))
        return JS_EXCEPTION;
    calls->replied = false;
    calls->waiting = true;
    calls_await(ctx, calls);
    calls->waiting = false;
    return calls->refused ? JS_Throw(ctx, calls->reply) : calls->reply;
}

/* A function of the host as its magic number: twice its own, and 1 more if it gives no promise. */
static JSValue calls_make(JSContext *ctx, int magic, int argc, JSValueConst *argv,
                          const Transfer *transfer) {
    return (magic & 1 ? calls_wait : calls_promise)(ctx, (uint32_t)magic / 2, argc, argv, transfer);
}

static JSValue calls_call(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv,
                          int magic) {
    (void)self;
    return calls_make(ctx, magic, argc, argv, &NO_TRANSFER);
}

/* The same, with an array of what is to be transferred: nobody else has it. */
static JSValue calls_call_with(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv,
                               int magic, JSValueConst *data) {
    (void)self;
    Transfer transfer;
    engine_elements(data[0], &transfer.buffers, &transfer.count);
    return calls_make(ctx, magic, argc, argv, &transfer);
}

/* with({ transfer }): the function that is `self`, whose next call moves these buffers. */
static JSValue calls_with(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    int magic;
    if (engine_magic_of(self, calls_call, &magic))
        return transfer_with(ctx, argc > 0 ? argv[0] : JS_UNDEFINED, calls_call_with, magic);
    return JS_ThrowTypeError(ctx, "with() is called on a function of the host: "
                                  "host.f.with({ transfer: [buffer] })(buffer)");
}

void calls_ask(JSContext *ctx, Calls *calls, int argc, JSValueConst *argv, JSValue settle[2]) {
    calls_send_as(ctx, calls, DFD_EVENT_TYPE_IMPORT, 0, argc, argv, &NO_TRANSFER, settle);
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

/* What functions of the host inherit. */
static JSValue calls_prototype(JSContext *ctx) {
    JSValue with = JS_NewCFunction(ctx, calls_with, "with", 1);
    JSValue of_functions = JS_GetPrototype(ctx, with);
    JSValue prototype = JS_NewObjectProto(ctx, of_functions);
    JS_FreeValue(ctx, of_functions);
    if (JS_DefinePropertyValueStr(ctx, prototype, "with", with, JS_PROP_C_W_E | JS_PROP_THROW) < 0)
        return JS_EXCEPTION;
    return prototype;
}

/* Defines the functions that `names` lists from the index `from` on, as the next ones. */
static bool calls_define_all(JSContext *ctx, JSValueConst on, JSValueConst names, uint32_t from,
                             JSValueConst prototype, int *function) {
    int64_t count;
    bool waits = false;
    if (JS_GetLength(ctx, names, &count)) return false;
    for (uint32_t i = from; i < count; i++) {
        JSValue entry = JS_GetPropertyUint32(ctx, names, i);
        if (JS_IsBool(entry)) {
            waits = JS_VALUE_GET_BOOL(entry);
            continue;
        }
        JSValue name = entry, value;
        if (JS_IsArray(entry)) {
            name = JS_GetPropertyUint32(ctx, entry, 0);
            value = JS_NewObjectProto(ctx, JS_NULL);
            if (!calls_define_all(ctx, value, entry, 1, prototype, function)) return false;
            JS_FreezeObject(ctx, value);
        } else {
            const char *text = JS_ToCString(ctx, name);
            if (!text) return false;
            value = JS_NewCFunctionMagic(ctx, calls_call, text, 0, JS_CFUNC_generic_magic,
                                         2 * (*function)++ + waits);
            waits = false;
            JS_FreeCString(ctx, text);
            JS_SetPrototype(ctx, value, prototype);
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
    loop_of(ctx)->calls.names = JS_DupValue(ctx, names);
    if (!calls_define_all(ctx, host, names, 0, calls_prototype(ctx), &function) ||
        (reports && !calls_define_report(ctx, host)))
        return JS_EXCEPTION;
    JS_FreezeObject(ctx, host);
    return host;
}

bool calls_define_globals(JSContext *ctx, JSValueConst names, bool reports) {
    int function = 0;
    JSValue global = JS_GetGlobalObject(ctx);
    loop_of(ctx)->calls.names = JS_DupValue(ctx, names);
    return calls_define_all(ctx, global, names, 0, calls_prototype(ctx), &function) &&
           (!reports || calls_define_report(ctx, global));
}

/* --- answers ------------------------------------------------------------------------------ */

/* Heeds all of a message but its value. Whether it is an answer; then the call's functions are the
 * caller's. */
static bool calls_heed(JSContext *ctx, Calls *calls, const uint8_t *message, JSValue settle[2],
                       bool *threw) {
    uint32_t type = calls_u32(message + DFD_MESSAGE_TYPE);
    uint32_t number = calls_u32(message + DFD_MESSAGE_NUMBER);
    double room;
    memcpy(&room, message + DFD_MESSAGE_ROOM, sizeof room);
    calls->room += room;
    *threw = type == DFD_ANSWER_THREW;
    bool answers = (type == DFD_ANSWER_RETURNED || *threw) && calls_has(calls, number);
    if (answers) {
        calls_take(calls, number, settle);
        calls_let_go(calls);
    }
    calls_send_unsent(ctx, calls);
    return answers;
}

/* The first message was heeded. */
static void calls_drop_mail(Post *post) {
    Mail *mail = post->mail;
    guard_critical_enter();
    post->mail = mail->next;
    free(mail);
    guard_critical_leave();
}

void calls_receive_late(JSContext *ctx, Calls *calls) {
    JSValue settle[2];
    bool threw;
    calls_heed(ctx, calls, calls->post->mail->bytes, settle, &threw);
    calls_drop_mail(calls->post);
}

/* A job: settles one call's promise, or tells of a module, which evaluates it. */
static JSValue calls_settle_later(JSContext *ctx, int argc, JSValueConst *argv) {
    (void)argc;
    return JS_Call(ctx, argv[0], JS_UNDEFINED, 1, &argv[1]);
}

void calls_receive(JSContext *ctx, Calls *calls) {
    JSValue settle[2], value;
    bool threw;
    uint32_t lent;
    CloneScope *scope = calls->post->scope;
    const Mail *mail = calls->post->mail;
    size_t size = transfer_receive(ctx, scope, mail->bytes, mail->length, &lent);
    bool answers = calls_heed(ctx, calls, mail->bytes, settle, &threw);
    bool fine =
        answers && !clone_decode(ctx, mail->bytes + DFD_MESSAGE_VALUE, size, scope, &value, 1);
    calls_drop_mail(calls->post);
    if (!fine) transfer_drop(ctx, scope, lent);
    if (!answers) return;
    if (!fine) {
        value = JS_GetException(ctx);
        threw = true;
    }
    if (JS_IsNull(settle[0])) {
        calls->reply = value;
        calls->refused = threw;
        calls->replied = true;
        return;
    }
    if (calls->waiting) { /* code of the task's is on the stack, a module perhaps */
        JSValueConst args[] = {settle[threw], value};
        JS_EnqueueJob(ctx, calls_settle_later, 2, args);
    } else {
        JSValue result = JS_Call(ctx, settle[threw], JS_UNDEFINED, 1, (JSValueConst *)&value);
        JS_FreeValue(ctx, result);
    }
    JS_FreeValue(ctx, value);
    JS_FreeValue(ctx, settle[0]);
    JS_FreeValue(ctx, settle[1]);
}
