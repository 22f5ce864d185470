/* engine.h - what we need of QuickJS-ng beyond quickjs.h.
 *
 * engine.c includes the engine's quickjs.c, so that its internals can be reached there and
 * nowhere else. Each function below has its reason; all else goes through quickjs.h.
 */
#ifndef DEFERRED_ENGINE_H
#define DEFERRED_ENGINE_H

#include "quickjs.h"

/* Math.random's state is part of the snapshot and must differ from task to task. `seed` is not 0.
 */
void engine_reseed(JSContext *ctx, uint64_t seed);

/* What a Map's hashes are mixed with: for a context that has no Map yet. */
void engine_seed_hashes(JSContext *ctx, uint32_t seed);

/* The engine looks for cycles of garbage when half as much again was taken as was left the last
 * time; from now on at the latest when `limit` bytes are nearly reached. */
void engine_set_gc_limit(JSRuntime *runtime, size_t limit);

/* How code uses a global variable. */
typedef enum EngineUse { ENGINE_READ, ENGINE_TYPEOF, ENGINE_WRITE } EngineUse;
typedef void EngineEachGlobal(JSContext *ctx, JSAtom name, EngineUse use, void *opaque);

/* Calls `each` for each use of a global in a compiled script (JS_EVAL_FLAG_COMPILE_ONLY), its
 * inner functions included. */
void engine_each_global(JSContext *ctx, JSValueConst script, EngineEachGlobal *each, void *opaque);

/* Whether a function of the script takes `name` (JS_ATOM_this, say) from the script itself. */
bool engine_captures(JSContext *ctx, JSValueConst script, const char *name);

/* "normal", "async", "generator" or "asyncGenerator": the first function of the script. */
const char *engine_function_kind(JSValueConst script);

/* A private member ("#x") of a class that stands in the first function of the script, but in no
 * function of it; JS_ATOM_NULL if there is none. The script's: not to be freed. */
JSAtom engine_private_name(JSValueConst script);

#endif
