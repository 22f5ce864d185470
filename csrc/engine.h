/* engine.h - what we need of QuickJS-ng beyond quickjs.h.
 *
 * engine.c includes the engine's quickjs.c, so that its internals can be reached there and
 * nowhere else. Each function below has its reason; all else goes through quickjs.h.
 */
#ifndef DEFERRED_ENGINE_H
#define DEFERRED_ENGINE_H

#include "quickjs.h"

/* --- realm.c ------------------------------------------------------------------------------ */

/* The state of Math.random, and the origin of performance.now (ms of CLOCK_MONOTONIC's clock as
 * the engine reads it): both are in the snapshot and must differ from task to task. */
void engine_reseed(JSContext *ctx, uint64_t seed);

/* Whether the pending exception or value is the engine's uncatchable interrupt. */
typedef struct EngineFreeName {
    JSAtom name;
    bool read, probed, written; /* used by value, under typeof, assigned */
} EngineFreeName;

/* Lists the globals that a compiled script (JS_EVAL_FLAG_COMPILE_ONLY) uses, its inner functions
 * included. `each` is called for each use. */
void engine_each_global(JSContext *ctx, JSValueConst script,
                        void (*each)(JSContext *ctx, JSAtom name, int use, void *opaque),
                        void *opaque);
enum { ENGINE_USE_READ, ENGINE_USE_TYPEOF, ENGINE_USE_WRITE };

#endif
