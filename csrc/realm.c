/* realm.c - see realm.h
 *
 * The life of a realm:
 *
 *   realm_open: arena -> runtime, context, globals -> snapshot
 *   realm_compile | realm_run, realm_resume ...: GUARD -> enter -> engine -> bytes out -> leave
 *   realm_restore: the arena is as it was
 *
 * Whatever goes wrong inside is left by siglongjmp (guard.h): everything the engine touches lies in
 * the arena, which is restored as a whole, or is owned by the caller (Bytes).
 */
#include "realm.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "clone.h"
#include "compile.h"
#include "deferred.h"
#include "engine.h"
#include "engine_values.h"
#include "globals.h"
#include "guard.h"
#include "jit/jit.h"
#include "loop.h"
#include "moved.h"
#include "os.h"
#include "seeds.h"

/* A fresh realm uses about 120 KB; a task may add this much before the engine collects cycles. */
#define GC_HEADROOM (1024 * 1024)

#define LETTER_KEPT ((size_t)64 << 10) /* of the buffer of its messages, from turn to turn */

/* After so many restores it pays to learn which pages tasks write to. */
#define RESTORES_UNWATCHED 8

/* A task's limit may be raised up to this. */
#define CAPACITY ((size_t)DFD_LIMIT_MEMORY_MAX)

struct Realm {
    Arena *arena;
    JSRuntime *runtime; /* both in the arena, at the same place after each restore */
    JSContext *context;
    size_t limit, stack; /* bytes, of the arena and of the thread's stack */
    uint32_t restores;   /* since the snapshot, up to RESTORES_UNWATCHED */
    bool watches;        /* may be watched: only threads that catch faults enter it */
    size_t shared;       /* of the limit, what the modules and presets take */
    size_t result_limit; /* of this run; 0 for none */
    uint32_t hash_seed;  /* of the engine's tables: in the image */
    Seeds seeds;         /* of Math.random: one for each task */
    Globals globals;     /* of the running task */
    Loop loop;           /* as the globals */
    JitTask jit;         /* of the running task; what is in it holds for no other */
    JSValue awaited;     /* the promise that the task stands for, while it waits; in the arena */
    JSValue outcome;     /* with what that was settled, if messages have still to be sent */
    bool settled, threw;
    bool offers;  /* the last argument lists functions of the host */
    bool reports; /* and `report` stands among them */
    bool loads;   /* and it loads modules */
    bool names;   /* some of the realm's have names for the program */
    Post post;
    bool of_script;  /* that one is of a script's end, whose value may be one in its turn */
    Modules modules; /* what of them is in the image: as they are before each run */
    Presets presets;
    const Share *last_share; /* of the presets, or NULL */
    CloneLent lent;          /* what the host lent to this run; both scopes' */
    CloneScope scope;        /* of this run */
    CloneScope pristine;     /* what it is before each: the classes, the presets */
    Guard guard;
};

static bool realm_on_touch(void *opaque, const void *address) {
    return arena_touch(opaque, address);
}

static void realm_on_exhausted(void *opaque) {
    (void)opaque;
    guard_leave(DFD_STATUS_MEMORY);
}

static int realm_on_poll(JSContext *context, void *opaque) {
    (void)context, (void)opaque;
    guard_poll();
    return 0;
}

/* --- the engine ---------------------------------------------------------------------------- */

static void *realm_calloc(void *arena, size_t count, size_t size) {
    return arena_calloc(arena, count, size);
}

static void *realm_malloc(void *arena, size_t size) { return arena_alloc(arena, size); }

static void realm_free(void *arena, void *block) { arena_free(arena, block); }

static void *realm_realloc(void *arena, void *block, size_t size) {
    return arena_realloc(arena, block, size);
}

/* Whether it worked; under the guard. */
static int realm_build(void *opaque) {
    Realm *realm = opaque;
    static const JSMallocFunctions functions = {
        .js_calloc = realm_calloc,
        .js_malloc = realm_malloc,
        .js_free = realm_free,
        .js_realloc = realm_realloc,
        .js_malloc_usable_size = arena_usable_size,
    };
    JSRuntime *runtime = JS_NewRuntime2(&functions, realm->arena);
    if (!runtime) return false;
    JS_SetMaxStackSize(runtime, realm->stack);
    JSContext *context = JS_NewContextRaw(runtime);
    if (!context) return false;
    engine_seed_hashes(context, realm->hash_seed);
    if (JS_AddIntrinsicBaseObjects(context) || JS_AddIntrinsicDate(context) ||
        JS_AddIntrinsicEval(context) || JS_AddIntrinsicRegExp(context) ||
        JS_AddIntrinsicJSON(context) || JS_AddIntrinsicProxy(context) ||
        JS_AddIntrinsicMapSet(context) || JS_AddIntrinsicTypedArrays(context) ||
        JS_AddIntrinsicPromise(context) || JS_AddIntrinsicWeakRef(context) ||
        JS_AddIntrinsicDOMException(context) || JS_AddIntrinsicAToB(context))
        return false;
    JS_SetInterruptHandler(runtime, realm_on_poll, NULL);
    JS_SetCanBlock(runtime, true); /* in Atomics.wait, which may be left */
    if (!globals_add(context, &realm->globals) || !loop_open(context, &realm->loop, &realm->post))
        return false;
    JS_SetGCThreshold(runtime, arena_used(realm->arena) + GC_HEADROOM);
    realm->runtime = runtime;
    realm->context = context;
    return true;
}

/* --- life -------------------------------------------------------------------------------- */

/* A realm without an arena. NULL when there is no memory. */
static Realm *realm_new(size_t memory, size_t stack) {
    Realm *realm = calloc(1, sizeof *realm);
    if (!realm) return NULL;
    realm->limit = memory;
    realm->stack = stack;
    realm->pristine = (CloneScope){
        .presets = &realm->presets,
        .files = &realm->loop.modules.files,
        .may_copy = WIRE_COPY_BYTES,
        .lent = &realm->lent,
        .freed = transfer_freed,
    };
    realm->scope = realm->pristine;
    realm->globals.scope = &realm->scope;
    realm->loop.calls.post = &realm->post;
    modules_begin(&realm->modules);
    if (seeds_open(&realm->seeds) && random_open(&realm->globals.random)) return realm;
    free(realm);
    return NULL;
}

/* Gives a realm its arena, with an image or an empty one. Address space for tasks that may use
 * more; where that can't be had, for the limit alone. */
static bool realm_take_arena(Realm *realm, ArenaImage *image) {
    size_t wanted = realm->limit > CAPACITY ? realm->limit : CAPACITY;
    OsFailure before = os_failure();
    for (int attempt = 0; attempt < 2 && !realm->arena; attempt++, wanted = realm->limit)
        realm->arena = image ? arena_open_image(image, wanted, realm) : arena_open(wanted);
    if (!realm->arena) return false;
    os_get_over(before);
    arena_set_limit(realm->arena, realm->limit);
    arena_set_owner(realm->arena, realm);
    arena_on_exhausted(realm->arena, realm_on_exhausted, NULL);
    realm->guard.touch = realm_on_touch;
    realm->guard.opaque = realm->arena;
    return true;
}

/* Takes a snapshot of all but what is the thread's. */
static bool realm_snapshot(Realm *realm) {
    if (!arena_end_watch(realm->arena)) return false;
    realm->restores = 0;
    engine_forget_thread(realm->context);
    return arena_snapshot(realm->arena);
}

static Realm *realm_open_seeded(size_t memory, size_t stack, uint32_t hash_seed) {
    Realm *realm = realm_new(memory, stack);
    if (!realm) return NULL;
    realm->hash_seed = hash_seed;
    if (realm_take_arena(realm, NULL)) {
        arena_build(realm->arena);
        if (guard_run(&realm->guard, realm_build, realm) == true && realm_snapshot(realm))
            return realm;
    }
    realm_close(realm);
    return NULL;
}

/* --- models ------------------------------------------------------------------------------ */

bool realm_model_open(RealmModel *model) {
    Seeds seeds;
    *model = (RealmModel){0};
    if (!seeds_open(&seeds)) return false;
    model->hash_seed = (uint32_t)seeds_next(&seeds);
    return true;
}

void realm_model_close(RealmModel *model) {
    arena_image_drop(model->image);
    model->image = NULL;
}

void realm_model_take(RealmModel *model, const Realm *realm) {
    assert(!model->image && realm->presets.count == 0 && realm->hash_seed == model->hash_seed);
    model->image = arena_image_hold(realm->arena);
    model->arena = realm->arena;
    model->runtime = realm->runtime;
    model->context = realm->context;
    model->classes = realm->pristine.classes;
    model->class_count = realm->pristine.class_count;
    model->modules = realm->modules;
    model->shared = realm->shared;
}

bool realm_model_learn(RealmModel *model, const Realm *alike) {
    assert(alike->presets.count == 0 && alike->pristine.class_count == model->class_count);
    return arena_image_learn(model->image, alike->arena);
}

/* What a pointer into the model's arena is in another one. */
static void *realm_moved(const RealmModel *model, const Arena *arena, const void *pointer) {
    return pointer ? (char *)arena + ((const char *)pointer - (const char *)model->arena) : NULL;
}

/* A realm like the others of the model, by its image. */
static Realm *realm_open_image(size_t memory, size_t stack, const RealmModel *model) {
    Realm *realm = realm_new(memory, stack);
    if (!realm) return NULL;
    if (!realm_take_arena(realm, model->image)) {
        realm_close(realm);
        return NULL;
    }
    realm->hash_seed = model->hash_seed;
    realm->runtime = realm_moved(model, realm->arena, model->runtime);
    realm->context = realm_moved(model, realm->arena, model->context);
    realm->pristine.classes = realm_moved(model, realm->arena, model->classes);
    realm->pristine.class_count = model->class_count;
    realm->scope = realm->pristine;
    realm->modules = model->modules;
    realm->modules.modules = realm_moved(model, realm->arena, model->modules.modules);
    realm->modules.names = realm_moved(model, realm->arena, model->modules.names);
    realm->modules.files.names = realm_moved(model, realm->arena, model->modules.files.names);
    realm->shared = model->shared;
    realm->limit += model->shared;
    arena_set_limit(realm->arena, realm->limit);
    return realm;
}

Realm *realm_open_alike(size_t memory, size_t stack, const RealmModel *model, bool by_image) {
    return by_image ? realm_open_image(memory, stack, model)
                    : realm_open_seeded(memory, stack, model->hash_seed);
}

Realm *realm_open(size_t memory, size_t stack) {
    RealmModel model;
    return realm_model_open(&model) ? realm_open_alike(memory, stack, &model, false) : NULL;
}

void realm_watch(Realm *realm) { realm->watches = true; }

/* --- life, once it is open --------------------------------------------------------------- */

void realm_close(Realm *realm) {
    if (!realm) return;
    arena_close(realm->arena); /* the runtime and all else goes with it */
    globals_end(&realm->globals);
    presets_free(&realm->presets);
    bytes_free(&realm->post.letter);
    bytes_free(&realm->post.line);
    bytes_free(&realm->post.report);
    free(realm);
}

/* Restores what is written to only, once enough tasks have run to tell; what is shared most tasks
 * read, and write little of: its counts of references. Nothing happens while the image is not this
 * realm's own. */
static void realm_begin_watch(Realm *realm) {
    if (++realm->restores == RESTORES_UNWATCHED || realm->shared)
        arena_watch(realm->arena, arena_image_size(realm->arena) - realm->shared);
}

void realm_restore(Realm *realm) {
    assert(!guard_is_open());
    arena_restore(realm->arena);
    assert(arena_compare(realm->arena) == -1);
    arena_set_limit(realm->arena, realm->limit);
    realm->scope = realm->pristine;
    realm->lent = (CloneLent){0};
    globals_end(&realm->globals);
    realm->awaited = realm->outcome = JS_UNDEFINED;
    realm->settled = realm->offers = realm->reports = realm->loads = realm->names = false;
    if (realm->watches && !arena_is_watched(realm->arena) && realm->restores < RESTORES_UNWATCHED)
        realm_begin_watch(realm);
}

void realm_stop(Realm *realm, int status) {
    int none = 0;
    if (status)
        atomic_compare_exchange_strong(&realm->guard.stop, &none, status);
    else if (atomic_load(&realm->guard.stop)) /* twice a task: a store would cost more */
        atomic_store(&realm->guard.stop, 0);
}

size_t realm_image_size(const Realm *realm) { return arena_image_size(realm->arena); }

#ifdef DFD_TEST
Arena *realm_arena(const Realm *realm) { return realm->arena; }

Guard *realm_guard(Realm *realm) { return &realm->guard; }
#endif

/* --- compile ----------------------------------------------------------------------------- */

typedef struct CompileCall {
    Realm *realm;
    const char *source;
    size_t length;
    uint32_t flags;
    Bytes *reply;
    Program *program;
} CompileCall;

/* Under the guard. Returns 0. */
static int realm_compile_inside(void *opaque) {
    CompileCall *call = opaque;
    JS_UpdateStackTop(call->realm->runtime);
    if (call->flags & DFD_COMPILE_MODULE)
        return compile_module(call->realm->context, call->source, call->length, call->flags,
                              call->reply);
    return compile_function(call->realm->context, call->source, call->length, call->flags,
                            call->reply, &call->program);
}

int realm_compile(Realm *realm, const char *source, size_t length, uint32_t flags, Bytes *reply,
                  Program **program) {
    CompileCall call = {realm, source, length, flags, reply, NULL};
    int status = guard_run(&realm->guard, realm_compile_inside, &call);
    *program = call.program;
    if (realm->guard.left) {
        reply->length = 0; /* whatever was half encoded */
        program_drop(call.program);
        *program = NULL;
    }
    return status;
}

void realm_set_stack(Realm *realm, size_t stack) { JS_SetMaxStackSize(realm->runtime, stack); }

/* What is in the image, or was another task's, and must be each task's own. Under the guard, as all
 * that writes to a realm that may be watched. */
static void realm_start_afresh(Realm *realm, size_t limit) {
    arena_set_limit(realm->arena, limit);
    engine_set_gc_limit(realm->runtime, limit);
    engine_reseed(realm->context, seeds_next(&realm->seeds));
    globals_begin(&realm->globals, limit);
    loop_begin(&realm->loop);
    realm->loop.modules = realm->modules;
}

/* --- run --------------------------------------------------------------------------------- */

/* [message, path, threw]: why what a task returned or threw can't go back. */
static int realm_encode_failure(JSContext *ctx, const CloneFailure *failure, bool threw,
                                Bytes *out) {
    CloneFailure none;
    JSValue list = JS_NewArray(ctx);
    /* Defined, not set: the task may have put setters on Array.prototype. */
    JS_DefinePropertyValueUint32(ctx, list, 0, failure->message, JS_PROP_C_W_E);
    JS_DefinePropertyValueUint32(ctx, list, 1, failure->path, JS_PROP_C_W_E);
    JS_DefinePropertyValueUint32(ctx, list, 2, JS_NewBool(ctx, threw), JS_PROP_C_W_E);
    out->length = 0;
    return clone_encode(ctx, list, out, NULL, &none) == CLONE_OK ? DFD_STATUS_UNCLONEABLE
                                                                 : DFD_STATUS_INTERNAL;
}

/* Encodes what the task returned or threw. Encoding runs the task's getters, which may throw in
 * their turn; what they throw is then what the task threw. */
static int realm_encode_beside(JSContext *ctx, CloneScope *scope, JSValue value, bool threw,
                               Bytes *out) {
    for (int attempt = 0; attempt < 4; attempt++) {
        CloneFailure failure;
        out->length = 0;
        switch (clone_encode(ctx, value, out, scope, &failure)) {
        case CLONE_OK:
            if (scope) clone_give_back(ctx, scope);
            return threw ? DFD_STATUS_THROWN : DFD_STATUS_OK;
        case CLONE_UNCLONEABLE:
            return realm_encode_failure(ctx, &failure, threw, out);
        case CLONE_NO_MEMORY:
            return DFD_STATUS_MEMORY;
        case CLONE_THREW:
            value = JS_GetException(ctx);
            threw = true;
        }
    }
    CloneFailure failure = {
        .message = JS_NewString(ctx, "what the task threw throws when it is read"),
        .path = JS_NewString(ctx, ""),
    };
    return realm_encode_failure(ctx, &failure, true, out);
}

/* As realm_encode_beside, within the limit of the result. */
static int realm_encode_outcome(Realm *realm, JSValue value, bool threw, Bytes *out) {
    size_t most = realm->result_limit, before = out->limit;
    bool lower = most && most < before;
    if (lower) out->limit = most;
    int status = realm_encode_beside(realm->context, &realm->scope, value, threw, out);
    out->limit = before;
    if (!most) return status;
    CloneScope *scope = &realm->scope;
    bool over = out->length > most || (lower && out->failed && !out->starved);
    size_t rest = over ? 0 : most - out->length;
    for (uint32_t i = 0; i < scope->kept_count && !over; i++) {
        if (scope->kept[i].lent) continue;
        over = scope->kept[i].memory.length > rest;
        rest -= over ? 0 : scope->kept[i].memory.length;
    }
    if (!over) return status;
    scope->kept_count = scope->moved_count = 0;
    out->length = 0;
    out->failed = false;
    return DFD_STATUS_RESULT;
}

/* A promise for what `value` stands for: itself if it is one, its `then` followed if it has one
 * (ECMA-262, Promise Resolve Functions); JS_UNDEFINED if it is a plain value. */
static JSValue realm_promise_of(JSContext *ctx, JSValueConst value) {
    if (!JS_IsObject(value)) return JS_UNDEFINED;
    if (JS_IsPromise(value)) return JS_DupValue(ctx, value);
    JSValue then = JS_GetPropertyStr(ctx, value, "then");
    if (JS_IsException(then)) return then;
    if (!JS_IsFunction(ctx, then)) return JS_UNDEFINED;
    JSValue settle[2];
    JSValue promise = JS_NewPromiseCapability(ctx, settle);
    if (JS_IsException(promise)) return promise;
    JSValue called = JS_Call(ctx, then, value, 2, settle);
    if (JS_IsException(called)) {
        JSValue thrown = JS_GetException(ctx);
        called = JS_Call(ctx, settle[1], JS_UNDEFINED, 1, &thrown);
    }
    return JS_IsException(called) ? called : promise;
}

typedef struct RunCall {
    Realm *realm;
    const Limits *limits;
    Program *program; /* or NULL: the arguments are a text, its globals, and more of it */
    const uint8_t *args;
    size_t length;
    uint32_t argc;
    Bytes *out;
} RunCall;

/* The function that a program is of. `jit` is where it keeps what is compiled of it, or NULL: it is
 * not. */
static JSValue realm_load(Realm *realm, const Program *program, struct JitProgram *_Atomic *jit) {
    JSValue script =
        JS_ReadObject(realm->context, program->bytecode, program->size, JS_READ_OBJ_BYTECODE);
    if (jit && !JS_IsException(script)) engine_link(realm->context, script, jit, &realm->jit);
    JSValue function = JS_IsException(script) ? script : JS_EvalFunction(realm->context, script);
    if (JS_IsException(function) || program->member < 0) return function;
    JSValue member = engine_member(realm->context, function, program->member);
    JS_FreeValue(realm->context, function);
    return member;
}

/* For an enclosed program: takes a member out of what is around it. */
static JSValue realm_take_member(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    (void)self;
    int32_t at = -1;
    if (argc > 1 && JS_ToInt32(ctx, &at, argv[1])) return JS_EXCEPTION;
    if (at < 0) return JS_ThrowTypeError(ctx, "not a member that can be taken out");
    return engine_member(ctx, argv[0], at);
}

/* The function that `outer` gives, which is called with a function that takes members out, and with
 * the outer values, `first[1]` and those after it: before them there is room for one. */
static JSValue realm_enclose(JSContext *ctx, JSValue outer, JSValue *first, uint32_t count) {
    if (JS_IsException(outer)) return outer;
    first[0] = JS_NewCFunction(ctx, realm_take_member, "", 2);
    if (JS_IsException(first[0])) return JS_EXCEPTION;
    return JS_Call(ctx, outer, JS_UNDEFINED, (int)count + 1, first);
}

/* Makes the own properties of `scope` globals. Returns whether that worked. */
static bool realm_define_globals(JSContext *ctx, JSValueConst scope) {
    JSPropertyEnum *names;
    uint32_t count;
    JSValue global = JS_GetGlobalObject(ctx);
    if (JS_GetOwnPropertyNames(ctx, &names, &count, scope, JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        JSValue value = JS_GetProperty(ctx, scope, names[i].atom);
        if (JS_DefinePropertyValue(ctx, global, names[i].atom, value,
                                   JS_PROP_C_W_E | JS_PROP_THROW) < 0)
            return false;
    }
    return true;
}

/* Encodes how the task ended, when all that it had to say was sent. */
static int realm_end(Realm *realm, JSValue value, bool threw, Bytes *out) {
    if (JS_IsException(value)) {
        value = JS_GetException(realm->context);
        threw = true;
    }
    if (calls_has_unsent(&realm->loop.calls)) {
        realm->settled = true;
        realm->outcome = value;
        realm->threw = threw;
        return REALM_WAITS;
    }
    return realm_encode_outcome(realm, value, threw, out);
}

/* Ends the task with `value` if that is plain. What else it stands for is awaited. */
static bool realm_is_plain(Realm *realm, JSValue *value) {
    JSValue promise = JS_IsException(*value) ? *value : realm_promise_of(realm->context, *value);
    if (JS_IsException(promise)) *value = promise;
    realm->awaited = promise;
    return JS_IsException(promise) || JS_IsUndefined(promise);
}

/* Goes on until what the task awaits is settled, and encodes what with; or until it must wait. */
static int realm_go_on(Realm *realm, Bytes *out) {
    JSContext *ctx = realm->context;
    for (;;) {
        JSValue value;
        bool threw;
        switch (loop_turn(ctx, &realm->loop, realm->awaited, &value, &threw)) {
        case LOOP_WAITS:
            return REALM_WAITS;
        case LOOP_NEVER:
            return DFD_STATUS_UNSETTLED;
        case LOOP_SETTLED:
            if (threw || !realm->of_script) return realm_end(realm, value, threw, out);
            realm->of_script = false;
            /* The engine keeps the value in an object; `return;` leaves none. */
            value = JS_IsObject(value) ? JS_GetPropertyStr(ctx, value, "value") : JS_UNDEFINED;
            if (realm_is_plain(realm, &value)) return realm_end(realm, value, false, out);
        }
    }
}

/* Under the guard. Returns a DFD_STATUS_*, or REALM_WAITS. */
static int realm_run_inside(void *opaque) {
    const RunCall *call = opaque;
    Realm *realm = call->realm;
    JSContext *ctx = realm->context;
    const Limits *limits = call->limits;
    if (limits->stack && limits->stack < realm->stack)
        JS_SetMaxStackSize(realm->runtime, limits->stack);
    realm_start_afresh(realm, limits->memory ? limits->memory + realm->shared : realm->limit);
    realm->loop.calls.limits = limits->calls;
    JS_UpdateStackTop(realm->runtime);
    /* Compiled code asks nobody whether it is to stop: it must be left by a signal. */
    bool compiled =
        call->program && !call->program->interpreted && jit_is_open() && guard_thread_catches();
    JSValue function = call->program
                           ? realm_load(realm, call->program, compiled ? &call->program->jit : NULL)
                           : JS_UNDEFINED;
    uint32_t outer = call->program ? call->program->outer_count : 0;
    realm->loop.modules.loads = realm->loads;
    realm->loop.modules.finds = realm->names;
    if (call->argc < outer + (realm->offers ? 1 : 0)) return DFD_STATUS_INTERNAL;
    /* The first is not theirs; see realm_enclose. */
    JSValue *values = (JSValue *)js_malloc(ctx, sizeof *values * ((size_t)call->argc + 1)) + 1;
    if (JS_IsException(function) ||
        clone_decode(ctx, call->args, call->length, &realm->scope, values, call->argc))
        return realm_end(realm, JS_EXCEPTION, true, call->out);

    realm->of_script = !call->program;
    if (call->program) {
        JSValue *last = realm->offers ? &values[call->argc - 1] : NULL;
        if (last && JS_IsException(*last = calls_object(ctx, *last, realm->reports)))
            return realm_end(realm, JS_EXCEPTION, true, call->out);
        if (call->program->enclosed) function = realm_enclose(ctx, function, values - 1, outer);
        if (JS_IsException(function)) return realm_end(realm, JS_EXCEPTION, true, call->out);
        JSValue value =
            JS_Call(ctx, function, JS_UNDEFINED, (int)(call->argc - outer), values + outer);
        if (realm_is_plain(realm, &value)) return realm_end(realm, value, false, call->out);
    } else {
        if (!JS_IsString(values[0]) || !JS_IsObject(values[1])) return DFD_STATUS_INTERNAL;
        if ((realm->offers && !calls_define_globals(ctx, values[3], realm->reports)) ||
            !realm_define_globals(ctx, values[1]))
            return realm_end(realm, JS_EXCEPTION, true, call->out);
        realm->awaited = modules_start(ctx, &realm->loop.modules, values[0], values[2]);
        if (JS_IsException(realm->awaited)) return realm_end(realm, JS_EXCEPTION, true, call->out);
    }
    return realm_go_on(realm, call->out);
}

/* Under the guard. As realm_run_inside. */
static int realm_resume_inside(void *opaque) {
    const RunCall *call = opaque;
    Realm *realm = call->realm;
    Calls *calls = &realm->loop.calls;
    JS_UpdateStackTop(realm->runtime);
    while (realm->post.mail) {
        if (realm->settled) {
            calls_receive_late(realm->context, calls);
        } else {
            calls_receive(realm->context, calls);
            loop_jobs(realm->context, &realm->loop, realm->awaited);
        }
    }
    if (realm->settled) return realm_end(realm, realm->outcome, realm->threw, call->out);
    return realm_go_on(realm, call->out);
}

typedef struct PreloadCall {
    Realm *realm;
    const Program *program;
    size_t stack;
    Bytes *out;
} PreloadCall;

/* Runs all jobs there are: left in the image, they would run in each task that awaits. What a
 * callback of queueMicrotask throws is thrown. Returns whether nothing was. */
static bool realm_run_jobs(Realm *realm) {
    JSContext *unused;
    int ran;
    while ((ran = JS_ExecutePendingJob(realm->runtime, &unused)) > 0) continue;
    return ran == 0;
}

/* Nobody hears what is printed for no task. */
static void realm_hear_nothing(Realm *realm) {
    static Lines silence = {.silent = true};
    realm->post.lines = &silence;
}

/* Under the guard. Returns 0 or a DFD_STATUS_*. */
static int realm_preload_inside(void *opaque) {
    const PreloadCall *call = opaque;
    Realm *realm = call->realm;
    JSContext *ctx = realm->context;
    JS_UpdateStackTop(realm->runtime);
    JS_SetMaxStackSize(realm->runtime, call->stack);
    JSValue function = realm_load(realm, call->program, NULL);
    JSValue list =
        JS_IsException(function) ? function : JS_Call(ctx, function, JS_UNDEFINED, 0, NULL);
    int64_t count = 0;
    if (JS_IsException(list) || JS_GetLength(ctx, list, &count) || !realm_run_jobs(realm))
        return realm_encode_beside(ctx, NULL, JS_GetException(ctx), true, call->out);
    if (loop_due(&realm->loop) < INFINITY) {
        JS_ThrowTypeError(ctx, "a timer that classes set when they are evaluated would never be "
                               "due: set it in the task");
        return realm_encode_beside(ctx, NULL, JS_GetException(ctx), true, call->out);
    }
    JSValue *classes = js_malloc(ctx, sizeof *classes * (size_t)(count ? count : 1));
    for (int64_t i = 0; i < count; i++)
        classes[i] = JS_GetPropertyInt64(ctx, list, i); /* held for good */
    JS_FreeValue(ctx, list);
    JS_FreeValue(ctx, function);
    JS_SetMaxStackSize(realm->runtime, realm->stack);
    JS_SetGCThreshold(realm->runtime, arena_used(realm->arena) + GC_HEADROOM);
    realm->pristine.classes = classes;
    realm->pristine.class_count = (uint32_t)count;
    return 0;
}

int realm_preload(Realm *realm, const Program *program, size_t stack, Bytes *out) {
    PreloadCall call = {realm, program, stack, out};
    CloneScope before = realm->pristine;
    out->limit = realm->limit;
    if (!arena_end_watch(realm->arena)) return DFD_STATUS_INTERNAL;
    realm_start_afresh(realm, realm->limit);
    realm_hear_nothing(realm);
    arena_build(realm->arena);
    int status = guard_run(&realm->guard, realm_preload_inside, &call);
    if (status == 0 && !realm_snapshot(realm)) status = DFD_STATUS_INTERNAL;
    if (status) realm->pristine = before;
    if (realm->guard.left) out->length = 0;
    realm->scope = realm->pristine;
    return status;
}

/* By how much the image is larger. It may be smaller: what it was made of may have been let go. */
static size_t realm_grown(size_t before, size_t now) { return now > before ? now - before : 0; }

typedef struct ShareCall {
    Realm *realm;
    const Share *first, *last; /* of the list; that the realm has, or NULL */
    uint32_t count;            /* that it is to have */
} ShareCall;

/* The value after the last one, of which there must be one. */
static const Share *realm_next_share(const Share *first, const Share *last) {
    return last ? last->next : first;
}

/* Under the guard. Returns 0 or a DFD_STATUS_*; realm->presets.count tells which one failed. */
static int realm_share_inside(void *opaque) {
    ShareCall *call = opaque;
    Realm *realm = call->realm;
    Presets *presets = &realm->presets;
    JS_UpdateStackTop(realm->runtime);
    while (presets->count < call->count) {
        const Share *next = realm_next_share(call->first, call->last);
        if (clone_decode(realm->context, next->value, next->length, &realm->pristine,
                         &presets->values[presets->count], 1))
            return DFD_STATUS_INTERNAL;
        presets->count++;
        call->last = next;
    }
    return 0;
}

/* Puts values into the image until it has `count`; or none, and *reached is how many there were
 * when it failed. */
static int realm_share_until(Realm *realm, const Share *first, uint32_t count, uint32_t *reached) {
    ShareCall call = {realm, first, realm->last_share, count};
    *reached = realm->presets.count;
    if (!arena_end_watch(realm->arena)) return DFD_STATUS_RESOURCES;
    size_t used = arena_used(realm->arena), threshold = JS_GetGCThreshold(realm->runtime);
    arena_set_limit(realm->arena, SIZE_MAX);
    int status = guard_run(&realm->guard, realm_share_inside, &call);
    *reached = realm->presets.count;
    if (status == 0) {
        size_t more = realm_grown(used, arena_used(realm->arena));
        JS_SetGCThreshold(realm->runtime, threshold + more);
        if (realm_snapshot(realm)) {
            realm->limit += more;
            realm->shared += more;
            realm->last_share = call.last;
            presets_index(&realm->presets);
        } else {
            status = DFD_STATUS_RESOURCES;
        }
    }
    presets_cut(&realm->presets);
    realm_restore(realm);
    return status;
}

int realm_share(Realm *realm, const Share *first, uint32_t count) {
    Presets *presets = &realm->presets;
    if (presets->count < count && !presets_reserve(presets, count)) return DFD_STATUS_RESOURCES;
    while (presets->count < count) {
        uint32_t reached;
        int status = realm_share_until(realm, first, count, &reached);
        if (status == 0) break;
        bool refused = status == DFD_STATUS_INTERNAL || status == DFD_STATUS_MEMORY;
        if (!refused || reached == count) return status;
        /* That one the engine can't have: those before it, and it as undefined. */
        if (presets->count < reached) {
            status = realm_share_until(realm, first, reached, &reached);
            if (status) return status;
        }
        realm->last_share = realm_next_share(first, realm->last_share);
        presets->values[presets->count++] = JS_UNDEFINED;
        presets_index(presets);
    }
    return 0;
}

Share *share_new(const uint8_t *value, size_t length) {
    Share *share = malloc(sizeof *share + length);
    if (!share) return NULL;
    *share = (Share){.length = length};
    memcpy(share->value, value, length);
    return share;
}

void shares_free(Share *first) {
    for (Share *next; first; first = next) {
        next = first->next;
        free(first);
    }
}

/* --- modules that are part of the realm --------------------------------------------------- */

typedef struct LoadCall {
    Realm *realm;
    const Share *first;
    size_t stack;
    Bytes *out;
    uint32_t blamed;
} LoadCall;

/* Compiles all of them, and evaluates those with names. false with an exception pending. */
static bool realm_load_all(LoadCall *call) {
    JSContext *ctx = call->realm->context;
    Modules *modules = &call->realm->loop.modules;
    for (const Share *share = call->first; share; share = share->next) {
        JSValue said;
        call->blamed++;
        if (clone_decode(ctx, share->value, share->length, &call->realm->pristine, &said, 1))
            return false;
        bool fine = modules_add(ctx, modules, said);
        JS_FreeValue(ctx, said);
        if (!fine) return false;
    }
    return modules_evaluate_named(ctx, modules, &call->blamed);
}

/* Under the guard. Returns 0 or a DFD_STATUS_*. */
static int realm_load_inside(void *opaque) {
    LoadCall *call = opaque;
    Realm *realm = call->realm;
    JSContext *ctx = realm->context;
    JS_UpdateStackTop(realm->runtime);
    JS_SetMaxStackSize(realm->runtime, call->stack);
    bool fine = realm_load_all(call);
    if (fine) {
        JS_RunGC(realm->runtime);
        fine = realm_run_jobs(realm); /* of what was collected */
    }
    if (!fine) {
        CloneScope scope = {.files = &realm->loop.modules.files, .copies = true};
        return realm_encode_beside(ctx, &scope, JS_GetException(ctx), true, call->out);
    }
    JS_SetMaxStackSize(realm->runtime, realm->stack);
    JS_SetGCThreshold(realm->runtime, arena_used(realm->arena) + GC_HEADROOM);
    return 0;
}

int realm_load_modules(Realm *realm, const Share *first, size_t stack, Bytes *out,
                       uint32_t *blamed) {
    LoadCall call = {realm, first, stack, out, 0};
    size_t before = arena_image_size(realm->arena);
    out->limit = realm->limit;
    if (!arena_end_watch(realm->arena)) return DFD_STATUS_INTERNAL;
    realm_start_afresh(realm, realm->limit);
    engine_reseed(realm->context, realm->hash_seed);
    realm_hear_nothing(realm);
    arena_build(realm->arena);
    int status = guard_run(&realm->guard, realm_load_inside, &call);
    if (status == 0 && !realm_snapshot(realm)) status = DFD_STATUS_INTERNAL;
    if (realm->guard.left) out->length = 0;
    *blamed = call.blamed;
    if (status) return status;
    realm->modules = realm->loop.modules;
    size_t more = realm_grown(before, arena_image_size(realm->arena));
    realm->shared += more;
    realm->limit += more;
    return 0;
}

static int realm_run_guarded(RunCall *call, int (*inside)(void *opaque)) {
    Realm *realm = call->realm;
    realm->post.limit = call->out->limit;
    realm->post.scope = &realm->scope;
    realm->post.arena = realm->arena;
    int status = guard_run(&realm->guard, inside, call);
    mail_free(realm->post.mail); /* what it was left with */
    realm->post.mail = NULL;
    if (realm->post.letter.capacity > LETTER_KEPT) bytes_free(&realm->post.letter);
    if (realm->post.line.capacity > LETTER_KEPT) bytes_free(&realm->post.line);
    if (realm->post.report.capacity > LETTER_KEPT) bytes_free(&realm->post.report);
    if (realm->guard.left) {
        call->out->length = 0; /* whatever was half encoded */
        realm->scope.kept_count = realm->scope.moved_count = 0;
    }
    return status;
}

int realm_run(Realm *realm, Program *program, const uint8_t *args, size_t length, uint32_t argc,
              const Limits *limits, Bytes *out) {
    RunCall call = {realm, limits, program, args, length, argc, out};
    realm->result_limit = limits->result;
    /* What a task returns may take as much memory again as what it was made in. */
    out->limit = limits->memory ? limits->memory : realm->limit - realm->shared;
    return realm_run_guarded(&call, realm_run_inside);
}

int realm_resume(Realm *realm, size_t limit, Mail *mail, Bytes *out) {
    RunCall call = {.realm = realm, .out = out};
    realm->post.mail = mail;
    out->limit = limit ? limit : realm->limit - realm->shared;
    return realm_run_guarded(&call, realm_resume_inside);
}

bool realm_ran_code(const Realm *realm) { return engine_ran_code(realm->context); }

double realm_due(const Realm *realm) { return realm->settled ? INFINITY : loop_due(&realm->loop); }

void realm_set_post(Realm *realm, RealmSend *send, void *opaque, Lines *lines, Grants *grants) {
    realm->post.lines = lines;
    realm->post.grants = grants;
    realm->post.send = send;
    realm->post.opaque = opaque;
}

void realm_set_mailbox(Realm *realm, Mailbox mailbox) { realm->post.mailbox = mailbox; }

void realm_offer(Realm *realm, bool lists, bool reports, bool loads, bool names) {
    realm->offers = lists;
    realm->reports = reports;
    realm->loads = loads;
    realm->names = names;
}

void mail_free(Mail *first) {
    for (Mail *next; first; first = next) {
        next = first->next;
        free(first);
    }
}

void realm_lend(Realm *realm, CloneRegion *regions, uint32_t count) {
    realm->lent = (CloneLent){.regions = regions, .count = count};
}

uint32_t realm_move_out(Realm *realm, Grants *grants, Bytes *out) {
    const CloneScope *scope = &realm->scope;
    static const uint8_t zeros[8];
    if (scope->moved_count == 0 || out->failed) return 0;
    bytes_write(out, zeros, -out->length & 7);
    size_t table = out->length;
    for (uint32_t i = 0, moved = 0; i < scope->kept_count; i++) {
        CloneRegion memory = scope->kept[i].memory;
        if (scope->kept[i].lent) continue;
        /* A preset's pages are write-protected, and watched for writes, not for being gone. */
        bool stay = arena_in_image(realm->arena, memory.data);
        if (moved_take(grants, out, memory.data, memory.length, stay)) {
            moved++;
            continue;
        }
        moved_drop(grants, out->data + table, moved);
        if (!out->failed) out->failed = out->starved = true; /* it was not the limit */
        return 0;
    }
    return scope->moved_count;
}
