/* engine.c - QuickJS-ng itself, compiled as part of this file, and the few doors into it.
 *
 * The engine's source is fetched by the build (pinned by hash) and is never part of this
 * repository. Including it here lets us reach its statics without changing a line; the edits that
 * are unavoidable are listed, with reasons, beside the script that fetches it.
 */
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wimplicit-fallthrough"
#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wunused-function"
#endif

/* What the engine asks of libc that is not safe in a task: localtime_r takes a lock of libc's (a
 * task must not be left with it held), strtod reads numbers by the host's locale, and while abort
 * ends the process a stop could still save the task. localtime_r also knows the system's zones
 * only. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "dtoa.h"
#include "guard.h"
#include "zone.h"

static struct tm *unkillable_localtime_r(const time_t *time, struct tm *result) {
    guard_critical_enter();
    struct tm *filled = localtime_r(time, result);
    guard_critical_leave();
    if (filled) filled->tm_gmtoff = zone_offset(*time, filled->tm_gmtoff);
    return filled;
}

static double locale_free_strtod(const char *text, char **end) {
    JSATODTempMem memory;
    return js_atod(text, (const char **)end, 10, 0, &memory);
}

/* At how many bytes to look for cycles of garbage at the latest: before the limit is reached; but
 * where little is missing, not at every other object. */
static size_t gc_latest(size_t live, size_t limit) {
    size_t late = limit - limit / 8, soon = live + limit / 32;
    return late > soon ? late : soon;
}

#define localtime_r unkillable_localtime_r
#define strtod locale_free_strtod
#define abort guard_abort

/* The engine's own table of Atomics names these (engine_atomics.c.inc). */
#include "quickjs.h"
static JSValue engine_atomics_wait(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);
static JSValue engine_atomics_notify(JSContext *ctx, JSValueConst self, int argc,
                                     JSValueConst *argv);
/* And these its modules (engine_modules.c.inc). */
static void engine_blame_request(JSContext *ctx, JSModuleDef *m, int index);
static void engine_enqueue_import(JSContext *ctx, JSValueConst *argv);

/* And its tables of numbers, dates and strings this (engine_intl.c.inc). */
static JSValue engine_to_locale(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv,
                                int which);

#include "engine.h"

#include "quickjs.c"

void engine_reseed(JSContext *ctx, uint64_t seed) {
    assert(seed != 0);
    ctx->random_state = seed;
}

void engine_forget_thread(JSContext *ctx) {
    ctx->rt->stack_top = ctx->rt->stack_limit = 0;
    ctx->random_state = 1;
}

void engine_seed_hashes(JSContext *ctx, uint32_t seed) { ctx->hash_seed = seed; }

void engine_set_gc_limit(JSRuntime *runtime, size_t limit) {
    size_t latest = gc_latest(runtime->malloc_state.malloc_size, limit);
    runtime->malloc_gc_limit = limit;
    if (runtime->malloc_gc_threshold > latest) runtime->malloc_gc_threshold = latest;
}

JSClassID engine_first_class(void) { return JS_CLASS_INIT_COUNT; }

static bool append(JSContext *ctx, JSValue **values, int64_t count, JSValue value) {
    JSValue *larger = *values;
    if ((count & (count - 1)) == 0) /* a power of 2, or 0: there is no room */
        larger = js_realloc(ctx, larger, sizeof *larger * (size_t)(count ? count * 2 : 1));
    if (!larger) return false;
    *values = larger;
    larger[count] = value;
    return true;
}

int64_t engine_iterate(JSContext *ctx, JSValueConst iterable, JSValue **values) {
    JSValue iterator = JS_GetIterator(ctx, iterable, false), next = JS_EXCEPTION, value;
    int64_t count = 0;
    int done = false;
    *values = NULL;
    if (!JS_IsException(iterator)) next = JS_GetProperty(ctx, iterator, JS_ATOM_next);
    while (!JS_IsException(next) && !done) {
        value = JS_IteratorNext(ctx, iterator, next, 0, NULL, &done);
        bool failed = JS_IsException(value);
        if (!failed && !done && !append(ctx, values, count, value)) {
            JS_FreeValue(ctx, value);
            failed = true;
        }
        if (failed) {
            JS_FreeValue(ctx, next);
            next = JS_EXCEPTION;
        }
        count += !failed && !done;
    }
    bool fine = !JS_IsException(next);
    JS_FreeValue(ctx, next);
    JS_FreeValue(ctx, iterator);
    if (fine) return count;
    while (count > 0) JS_FreeValue(ctx, (*values)[--count]);
    js_free(ctx, *values);
    *values = NULL;
    return -1;
}

static JSFunctionBytecode *bytecode_of(JSValueConst value) {
    return JS_VALUE_GET_TAG(value) == JS_TAG_FUNCTION_BYTECODE ? JS_VALUE_GET_PTR(value) : NULL;
}

static bool use_of(uint8_t op, EngineUse *use) {
    switch (op) {
    case OP_get_var:
        *use = ENGINE_READ;
        return true;
    case OP_get_var_undef:
        *use = ENGINE_TYPEOF;
        return true;
    case OP_put_var:
    case OP_make_var_ref: /* x += 1 and the like */
        *use = ENGINE_WRITE;
        return true;
    default:
        return false;
    }
}

void engine_each_global(JSContext *ctx, JSValueConst code, EngineEachGlobal *each, void *opaque) {
    JSFunctionBytecode *b = bytecode_of(code);
    if (!b) return;
    for (int at = 0; at < b->byte_code_len;) {
        uint8_t op = b->byte_code_buf[at];
        EngineUse use;
        if (use_of(op, &use)) each(ctx, get_u32(b->byte_code_buf + at + 1), use, opaque);
        at += short_opcode_info(op).size;
    }
    for (int i = 0; i < b->cpool_count; i++) engine_each_global(ctx, b->cpool[i], each, opaque);
}

void engine_each_given(JSContext *ctx, JSValueConst function, EngineEachGiven *each, void *opaque) {
    JSFunctionBytecode *b = bytecode_of(function);
    int next;
    for (int at = 0; b && at < b->byte_code_len; at = next) {
        next = at + short_opcode_info(b->byte_code_buf[at]).size;
        if (b->byte_code_buf[at] == OP_get_var && next < b->byte_code_len &&
            b->byte_code_buf[next] == OP_define_field)
            each(ctx, get_u32(b->byte_code_buf + next + 1), get_u32(b->byte_code_buf + at + 1),
                 opaque);
    }
}

/* How deep in a script the user's function may stand: in an arrow function that takes it out of an
 * object, in another that defines helpers. */
#define ENGINE_FUNCTION_DEPTH 3

/* From the last on: what helpers are defined by stands before the text. */
static JSValueConst find_text(JSFunctionBytecode *b, const char *text, size_t length, int depth,
                              int *at) {
    for (int i = b->cpool_count - 1; i >= 0; i--) {
        JSFunctionBytecode *inner = bytecode_of(b->cpool[i]);
        if (!inner) continue;
        *at = i;
        if ((size_t)inner->source_len == length && inner->source &&
            memcmp(inner->source, text, length) == 0)
            return b->cpool[i];
        if (depth == 1) continue;
        JSValueConst found = find_text(inner, text, length, depth - 1, at);
        if (!JS_IsUndefined(found)) return found;
    }
    return JS_UNDEFINED;
}

JSValueConst engine_find_function(JSValueConst script, const char *text, size_t length, int *at) {
    JSFunctionBytecode *b = bytecode_of(script);
    assert(b);
    JSValueConst found = find_text(b, text, length, ENGINE_FUNCTION_DEPTH, at);
    if (!JS_IsUndefined(found)) return found;
    for (*at = 0; *at < b->cpool_count; ++*at)
        if (bytecode_of(b->cpool[*at])) return b->cpool[*at];
    return JS_UNDEFINED;
}

JSValue engine_member(JSContext *ctx, JSValueConst around, int at) {
    JSFunctionBytecode *b = JS_GetFunctionBytecode(around);
    JSFunctionBytecode *inner = b && at < b->cpool_count ? bytecode_of(b->cpool[at]) : NULL;
    bool fits = inner;
    for (int i = 0; fits && i < inner->closure_var_count; i++) {
        int type = inner->closure_var[i].closure_type;
        fits = type != JS_CLOSURE_LOCAL && type != JS_CLOSURE_ARG;
    }
    if (!fits) return JS_ThrowTypeError(ctx, "not a member that can be taken out");
    JSVarRef **around_refs = JS_VALUE_GET_OBJ(around)->u.func.var_refs;
    JSValue member = js_closure(ctx, js_dup(b->cpool[at]), around_refs, NULL);
    JSValue home = JS_IsException(member) ? JS_EXCEPTION : JS_NewObject(ctx);
    if (JS_IsException(home)) return JS_EXCEPTION;
    js_method_set_home_object(ctx, member, home);
    JS_FreeValue(ctx, home);
    return member;
}

bool engine_captures(JSContext *ctx, JSValueConst function, const char *name) {
    JSFunctionBytecode *b = bytecode_of(function);
    JSAtom atom = JS_NewAtom(ctx, name);
    bool found = false;
    for (int v = 0; b && v < b->closure_var_count && !found; v++)
        found = b->closure_var[v].var_name == atom;
    JS_FreeAtom(ctx, atom);
    return found;
}

bool engine_uses_super(JSValueConst function) {
    JSFunctionBytecode *b = bytecode_of(function);
    bool found = false;
    for (int i = 0; b && i < b->arg_count + b->var_count && !found; i++)
        found = b->vardefs[i].var_name == JS_ATOM_home_object;
    return found;
}

bool engine_is_range_error(JSContext *ctx, JSValueConst value) {
    if (JS_VALUE_GET_TAG(value) != JS_TAG_OBJECT) return false;
    const JSObject *object = JS_VALUE_GET_OBJ(value);
    JSValueConst prototype = ctx->native_error_proto[JS_RANGE_ERROR];
    return object->class_id == JS_CLASS_ERROR &&
           object->shape->proto == JS_VALUE_GET_OBJ(prototype);
}

const char *engine_function_kind(JSValueConst function) {
    static const char *const kinds[] = {"normal", "generator", "async", "asyncGenerator"};
    JSFunctionBytecode *b = bytecode_of(function);
    return kinds[b ? b->func_kind & 3 : 0];
}

static bool is_private(int kind) {
    return kind >= JS_VAR_PRIVATE_FIELD && kind <= JS_VAR_PRIVATE_GETTER_SETTER;
}

JSAtom engine_outer_private_name(JSContext *ctx, JSValueConst function) {
    JSFunctionBytecode *b = bytecode_of(function);
    for (int i = 0; b && i < b->closure_var_count; i++) {
        /* A closure does not say of which kind a variable is; but no other is called so. */
        JSAtom name = b->closure_var[i].var_name;
        if (__JS_AtomIsTaggedInt(name)) continue;
        JSAtomStruct *text = ctx->rt->atom_array[name];
        if (text->len > 0 && string_get(text, 0) == '#') return name;
    }
    return JS_ATOM_NULL;
}

JSAtom engine_private_name(JSValueConst function) {
    JSFunctionBytecode *b = bytecode_of(function);
    for (int i = 0; b && i < b->arg_count + b->var_count; i++)
        if (is_private(b->vardefs[i].var_kind)) return b->vardefs[i].var_name;
    return JS_ATOM_NULL;
}

#include "engine_atomics.c.inc"
#include "engine_intl.c.inc"
#include "engine_jit.c.inc"
#include "engine_modules.c.inc"
#include "engine_values.c.inc"
