/* engine.h - access to QuickJS-ng beyond quickjs.h.
 *
 * engine.c includes the engine's quickjs.c: only there can its internals be reached. Each function
 * below has its reason; everything else goes through quickjs.h.
 */
#ifndef DEFERRED_ENGINE_H
#define DEFERRED_ENGINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "quickjs.h"

/* Math.random's state is part of the snapshot and must differ from task to task. `seed` is not 0.
 */
void engine_reseed(JSContext *ctx, uint64_t seed);

/* Forgets what was noted of the thread, and the seed: each entry says where the stack is, each task
 * has its own seed. For an image. */
void engine_forget_thread(JSContext *ctx);

/* Seeds the hashes of Maps; for a context that has no Map yet. */
void engine_seed_hashes(JSContext *ctx, uint32_t seed);

/* The engine collects cycles when the heap is half as large again as after the last collection;
 * from now on also when `limit` bytes are nearly reached. */
void engine_set_gc_limit(JSRuntime *runtime, size_t limit);

/* An entry of a JSCFunctionListEntry table whose value is made when it is first asked for, by
 * `make(ctx, undefined, 0, NULL, magic)`: until then the property takes a slot and no more. If that
 * fails, it is made the next time. To whoever looks it is a data property, with `flags`. */
#define ENGINE_DEF_LAZY 32
#define ENGINE_LAZY(key, make, number, flags)                                                      \
    {                                                                                              \
        .name = (key), .prop_flags = (flags), .def_type = ENGINE_DEF_LAZY, .magic = (number),      \
        .u = {.func = {.cfunc = {.generic_magic = (make)}}}                                        \
    }

/* The first number of a class that is not the engine's own. */
JSClassID engine_first_class(void);

/* The values that an iterable gives, as an array of them in *values, of js_malloc; or -1. Runs
 * code.
 */
int64_t engine_iterate(JSContext *ctx, JSValueConst iterable, JSValue **values);

/* How code uses a global variable. */
typedef enum EngineUse { ENGINE_READ, ENGINE_TYPEOF, ENGINE_WRITE } EngineUse;
typedef void EngineEachGlobal(JSContext *ctx, JSAtom name, EngineUse use, void *opaque);

/* Calls `each` for each use of a global in compiled code (a script's or a function's), its inner
 * functions included. */
void engine_each_global(JSContext *ctx, JSValueConst code, EngineEachGlobal *each, void *opaque);

/* Has the functions of a script that was read (JS_ReadObject) ask for compiled code (jit/jit.h),
 * until the realm is restored. Their records are in `*program`, made there if there are none;
 * `task` is the realm's, zeroed before the first. */
struct JitProgram;
struct JitTask;
void engine_link(JSContext *ctx, JSValueConst script, struct JitProgram *_Atomic *program,
                 struct JitTask *task);
/* Whether compiled code has run since. */
bool engine_ran_code(const JSContext *ctx);

/* Calls `each` for each property of an object literal in a function's own code whose value is a
 * global variable: `{ rate }`, `{ rate: r }`. */
typedef void EngineEachGiven(JSContext *ctx, JSAtom name, JSAtom global, void *opaque);
void engine_each_given(JSContext *ctx, JSValueConst function, EngineEachGiven *each, void *opaque);

/* The code of the function that is written as `text` in a compiled script
 * (JS_EVAL_FLAG_COMPILE_ONLY), or else of the first function of the script; undefined if it has
 * none. The script's: not to be freed. `*at` is its number among the constants of the code around
 * it. */
JSValueConst engine_find_function(JSValueConst script, const char *text, size_t length, int *at);

/* Makes the function that is the constant `at` of the function `around`, as a method of a new
 * object, without calling what is around it. Throws if it needs variables of a call. */
JSValue engine_member(JSContext *ctx, JSValueConst around, int at);

/* Whether a function takes `name` ("this", say) from the code around it. */
bool engine_captures(JSContext *ctx, JSValueConst function, const char *name);

/* Whether a function, or an arrow function in it, uses `super`. */
bool engine_uses_super(JSValueConst function);

/* "normal", "async", "generator" or "asyncGenerator". */
const char *engine_function_kind(JSValueConst function);

/* What the language's functions that know locales are (ECMA-402): engine_to_locale checks their
 * receiver and calls `intl_to_locale` (intl.h). */
typedef enum EngineLocale {
    ENGINE_LOCALE_NUMBER,
    ENGINE_LOCALE_BIGINT,
    ENGINE_LOCALE_DATE,
    ENGINE_LOCALE_DATE_ONLY,
    ENGINE_LOCALE_TIME_ONLY,
    ENGINE_LOCALE_COMPARE,
    ENGINE_LOCALE_LOWER,
    ENGINE_LOCALE_UPPER,
} EngineLocale;

/* A string in lower or upper case, of no language. */
JSValue engine_cased(JSContext *ctx, JSValueConst string, bool is_lower);

/* Seconds to be added to UTC in the zone that libc has, as for dates. */
int32_t engine_local_offset(int64_t ms);

/* A mark's canonical combining class. */
int engine_combining_class(uint32_t point);
/* Code points decomposed (NFD), in *decomposed, of js_malloc: how many, or -1 with an exception
 * pending. */
int64_t engine_decompose(JSContext *ctx, uint32_t **decomposed, const uint32_t *points,
                         uint32_t count);

/* An error of the engine's own class RangeError, whatever properties it has. */
bool engine_is_range_error(JSContext *ctx, JSValueConst value);

/* A private name ("#x") of a class around it that a function uses, or JS_ATOM_NULL. The function's:
 * not to be freed. */
JSAtom engine_outer_private_name(JSContext *ctx, JSValueConst function);

/* A private member ("#x") of a class in the function, but not in an inner function; or
 * JS_ATOM_NULL. The function's: not to be freed. */
JSAtom engine_private_name(JSValueConst function);

#endif
