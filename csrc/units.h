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

/* The units, and the globals of each: its unit, its name, which kind of global it is (globals.c).
 */
#define UNITS_MAP(UNIT)                                                                            \
    UNIT(encodings)                                                                                \
    UNIT(events)                                                                                   \
    UNIT(url)                                                                                      \
    UNIT(urlpattern)                                                                               \
    UNIT(pairs)                                                                                    \
    UNIT(data)                                                                                     \
    UNIT(messages)                                                                                 \
    UNIT(quota)                                                                                    \
    UNIT(streams)                                                                                  \
    UNIT(transforms)                                                                               \
    UNIT(console)                                                                                  \
    UNIT(typescript)                                                                               \
    UNIT(intl)                                                                                     \
    UNIT(intl_tags)                                                                                \
    UNIT(intl_number)                                                                              \
    UNIT(intl_date)                                                                                \
    UNIT(intl_text)                                                                                \
    UNIT(intl_collator)                                                                            \
    UNIT(intl_segmenter)
#define UNITS_GLOBAL_MAP(GLOBAL)                                                                   \
    GLOBAL(events, Event, INTERFACE)                                                               \
    GLOBAL(events, CustomEvent, INTERFACE)                                                         \
    GLOBAL(events, EventTarget, INTERFACE)                                                         \
    GLOBAL(events, AbortController, INTERFACE)                                                     \
    GLOBAL(events, AbortSignal, INTERFACE)                                                         \
    GLOBAL(events, reportError, MEMBER)                                                            \
    GLOBAL(url, URL, INTERFACE)                                                                    \
    GLOBAL(url, URLSearchParams, INTERFACE)                                                        \
    GLOBAL(urlpattern, URLPattern, INTERFACE)                                                      \
    GLOBAL(data, Blob, INTERFACE)                                                                  \
    GLOBAL(data, File, INTERFACE)                                                                  \
    GLOBAL(data, FormData, INTERFACE)                                                              \
    GLOBAL(messages, ErrorEvent, INTERFACE)                                                        \
    GLOBAL(messages, PromiseRejectionEvent, INTERFACE)                                             \
    GLOBAL(data, Headers, INTERFACE)                                                               \
    GLOBAL(messages, MessageChannel, INTERFACE)                                                    \
    GLOBAL(messages, MessageEvent, INTERFACE)                                                      \
    GLOBAL(messages, MessagePort, INTERFACE)                                                       \
    GLOBAL(streams, ReadableStream, INTERFACE)                                                     \
    GLOBAL(streams, ReadableStreamDefaultReader, INTERFACE)                                        \
    GLOBAL(streams, ReadableStreamBYOBReader, INTERFACE)                                           \
    GLOBAL(streams, ReadableStreamDefaultController, INTERFACE)                                    \
    GLOBAL(streams, ReadableByteStreamController, INTERFACE)                                       \
    GLOBAL(streams, ReadableStreamBYOBRequest, INTERFACE)                                          \
    GLOBAL(streams, WritableStream, INTERFACE)                                                     \
    GLOBAL(streams, WritableStreamDefaultWriter, INTERFACE)                                        \
    GLOBAL(streams, WritableStreamDefaultController, INTERFACE)                                    \
    GLOBAL(streams, TransformStream, INTERFACE)                                                    \
    GLOBAL(streams, TransformStreamDefaultController, INTERFACE)                                   \
    GLOBAL(streams, ByteLengthQueuingStrategy, INTERFACE)                                          \
    GLOBAL(streams, CountQueuingStrategy, INTERFACE)                                               \
    GLOBAL(transforms, CompressionStream, INTERFACE)                                               \
    GLOBAL(transforms, DecompressionStream, INTERFACE)                                             \
    GLOBAL(transforms, TextEncoderStream, INTERFACE)                                               \
    GLOBAL(transforms, TextDecoderStream, INTERFACE)                                               \
    GLOBAL(quota, QuotaExceededError, INTERFACE)                                                   \
    GLOBAL(console, console, INTERFACE)

/* The members of Intl (intl.h): the unit of each, and its name. */
#define UNITS_INTL_MAP(MEMBER)                                                                     \
    MEMBER(intl_collator, Collator)                                                                \
    MEMBER(intl_date, DateTimeFormat)                                                              \
    MEMBER(intl_text, DisplayNames)                                                                \
    MEMBER(intl_text, ListFormat)                                                                  \
    MEMBER(intl_tags, Locale)                                                                      \
    MEMBER(intl_number, NumberFormat)                                                              \
    MEMBER(intl_number, PluralRules)                                                               \
    MEMBER(intl_text, RelativeTimeFormat)                                                          \
    MEMBER(intl_segmenter, Segmenter)                                                              \
    MEMBER(intl, getCanonicalLocales)                                                              \
    MEMBER(intl, supportedValuesOf)

typedef struct UnitsCode {
    const uint8_t *bytecode;
    size_t size;
} UnitsCode;

#define UNITS_NUMBER(name) UNITS_##name,
enum { UNITS_MAP(UNITS_NUMBER) UNITS_COUNT };
#undef UNITS_NUMBER

/* By number: what realm/compile.c writes. */
extern const UnitsCode units_code[];

/* What a unit gave: it is run unless it was. The caller's. */
JSValue units_exports(JSContext *ctx, uint32_t unit);
/* Calls a function that a unit gives, by its name. */
JSValue units_call(JSContext *ctx, uint32_t unit, const char *name, int argc, JSValueConst *argv);

/* The global of that number, in the order of the map: for ENGINE_LAZY. */
JSValue units_make(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int which);

/* What a unit gave by that name, or an exception. */
JSValue units_take(JSContext *ctx, uint32_t unit, const char *name);

#endif
