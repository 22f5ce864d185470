/* units.h - globals that are written in JavaScript (realm/), compiled when the library is built.
 *
 * A unit is a file of realm/: a function that is given a few doors into the realm (units.c) and
 * returns an object with what it defines, by name. Its bytecode is part of the library. It is read
 * and run when a task first touches one of its names, in the task's realm, under its limits; what
 * it gave is kept there for its other names.
 *
 * The bytecode is what the engine that the library has wrote when it was built (realm/compile.c),
 * and so nobody's input.
 */
#ifndef DEFERRED_UNITS_H
#define DEFERRED_UNITS_H

#include <stddef.h>
#include <stdint.h>

#include "engine.h"
#include "quickjs.h"

/* The units, and the globals of each: its unit, its name, whether it is enumerable. */
#define UNITS_MAP(UNIT) UNIT(events) UNIT(url) UNIT(pairs) UNIT(data) UNIT(messages) UNIT(console)
#define UNITS_GLOBAL_MAP(GLOBAL)                                                                   \
    GLOBAL(events, Event)                                                                          \
    GLOBAL(events, CustomEvent)                                                                    \
    GLOBAL(events, EventTarget)                                                                    \
    GLOBAL(events, AbortController)                                                                \
    GLOBAL(events, AbortSignal)                                                                    \
    GLOBAL(events, reportError)                                                                    \
    GLOBAL(url, URL)                                                                               \
    GLOBAL(url, URLSearchParams)                                                                   \
    GLOBAL(data, Blob)                                                                             \
    GLOBAL(data, File)                                                                             \
    GLOBAL(data, FormData)                                                                         \
    GLOBAL(data, Headers)                                                                          \
    GLOBAL(messages, MessageChannel)                                                               \
    GLOBAL(messages, MessageEvent)                                                                 \
    GLOBAL(messages, MessagePort)                                                                  \
    GLOBAL(console, console)

typedef struct UnitsCode {
    const uint8_t *bytecode;
    size_t size;
} UnitsCode;

#define UNITS_NUMBER(name) UNITS_##name,
enum { UNITS_MAP(UNITS_NUMBER) UNITS_COUNT };
#undef UNITS_NUMBER

/* By number: what realm/compile.c writes. */
extern const UnitsCode units_code[];

/* The global of that number, in the order of the map: for ENGINE_LAZY. */
JSValue units_make(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int which);

#endif
