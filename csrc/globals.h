/* globals.h - what tasks find on globalThis beside what ECMA-262 says.
 *
 * `performance` is part of a realm's image. Of all else there is only a name in it: what it stands
 * for is made when a task first touches it (ENGINE_LAZY), so that those that don't pay nothing.
 *
 * What these need of the task that runs lies outside of the image, in the realm, and is found by
 * the context's opaque pointer. The realm's thread only.
 */
#ifndef DEFERRED_GLOBALS_H
#define DEFERRED_GLOBALS_H

#include <stdbool.h>

#include "bytes.h"
#include "clone.h"
#include "quickjs.h"
#include "random.h"

typedef struct Globals {
    double start;            /* of the running task, ms of os_now */
    const CloneScope *scope; /* what the host lent to it; the realm's */
    Bytes encoding;          /* of structuredClone */
    Random random;           /* of crypto */
} Globals;

/* Adds them to a context, whose opaque pointer is `globals` from then on, its `scope` and `random`
 * set. false when that fails. */
bool globals_add(JSContext *ctx, Globals *globals);

/* A task begins, which may grow to `memory` bytes. */
void globals_begin(Globals *globals, size_t memory);
/* It has ended; the memory that it took outside of the arena is free. */
void globals_end(Globals *globals);

#endif
