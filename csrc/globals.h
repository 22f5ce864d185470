/* globals.h - what tasks find on globalThis beside what ECMA-262 says: `performance`.
 *
 * The functions are part of a realm's image; what they need of the task that runs lies outside of
 * it, in the realm, and is found by the context's opaque pointer. The realm's thread only.
 */
#ifndef DEFERRED_GLOBALS_H
#define DEFERRED_GLOBALS_H

#include <stdbool.h>

#include "quickjs.h"

typedef struct Globals {
    double start; /* of the running task, ms of os_now */
} Globals;

/* Adds them to a context, whose opaque pointer is `globals` from then on. false when that fails. */
bool globals_add(JSContext *ctx, Globals *globals);

/* A task begins. */
void globals_begin(Globals *globals);

#endif
