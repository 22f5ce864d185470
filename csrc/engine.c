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
 * ends the process a stop could still save the task. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "dtoa.h"
#include "guard.h"

static struct tm *unkillable_localtime_r(const time_t *time, struct tm *result) {
    guard_critical_enter();
    struct tm *filled = localtime_r(time, result);
    guard_critical_leave();
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

#include "quickjs.c"

#include "engine.h"

void engine_reseed(JSContext *ctx, uint64_t seed) {
    assert(seed != 0);
    ctx->random_state = seed;
}

void engine_seed_hashes(JSContext *ctx, uint32_t seed) { ctx->hash_seed = seed; }

void engine_set_gc_limit(JSRuntime *runtime, size_t limit) {
    size_t latest = gc_latest(runtime->malloc_state.malloc_size, limit);
    runtime->malloc_gc_limit = limit;
    if (runtime->malloc_gc_threshold > latest) runtime->malloc_gc_threshold = latest;
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

void engine_each_global(JSContext *ctx, JSValueConst script, EngineEachGlobal *each, void *opaque) {
    JSFunctionBytecode *b = bytecode_of(script);
    if (!b) return;
    for (int at = 0; at < b->byte_code_len;) {
        uint8_t op = b->byte_code_buf[at];
        EngineUse use;
        if (use_of(op, &use)) each(ctx, get_u32(b->byte_code_buf + at + 1), use, opaque);
        at += short_opcode_info(op).size;
    }
    for (int i = 0; i < b->cpool_count; i++) engine_each_global(ctx, b->cpool[i], each, opaque);
}

bool engine_captures(JSContext *ctx, JSValueConst script, const char *name) {
    JSFunctionBytecode *b = bytecode_of(script);
    if (!b) return false;
    JSAtom atom = JS_NewAtom(ctx, name);
    bool found = false;
    for (int i = 0; i < b->cpool_count && !found; i++) {
        JSFunctionBytecode *inner = bytecode_of(b->cpool[i]);
        for (int v = 0; inner && v < inner->closure_var_count && !found; v++)
            found = inner->closure_var[v].var_name == atom;
    }
    JS_FreeAtom(ctx, atom);
    return found;
}

/* The first function that stands in the script, or NULL. */
static JSFunctionBytecode *first_function(JSValueConst script) {
    JSFunctionBytecode *b = bytecode_of(script), *inner = NULL;
    for (int i = 0; b && i < b->cpool_count && !inner; i++) inner = bytecode_of(b->cpool[i]);
    return inner;
}

const char *engine_function_kind(JSValueConst script) {
    static const char *const kinds[] = {"normal", "generator", "async", "asyncGenerator"};
    JSFunctionBytecode *b = first_function(script);
    return kinds[b ? b->func_kind & 3 : 0];
}

JSAtom engine_private_name(JSValueConst script) {
    JSFunctionBytecode *b = first_function(script);
    for (int i = 0; b && i < b->arg_count + b->var_count; i++) {
        JSVarDef *var = &b->vardefs[i];
        if (var->var_kind >= JS_VAR_PRIVATE_FIELD && var->var_kind <= JS_VAR_PRIVATE_GETTER_SETTER)
            return var->var_name;
    }
    return JS_ATOM_NULL;
}

#include "engine_atomics.c.inc"
#include "engine_values.c.inc"
