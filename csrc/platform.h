/* platform.h - how the interfaces of the web platform are made: classes in C, as Web IDL has them.
 *
 * A class is registered with the engine when the first of its names is touched (ENGINE_LAZY), in
 * the realm of the task that does: the image of a pristine realm has none of it. All of this runs
 * on the realm's thread.
 */
#ifndef DEFERRED_PLATFORM_H
#define DEFERRED_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine.h"
#include "quickjs.h"

typedef enum PlatformClass {
    PLATFORM_OBJECT, /* of a class that is written in JavaScript (units.h) */
    PLATFORM_TEXT_ENCODER,
    PLATFORM_TEXT_DECODER,
    PLATFORM_CRYPTO,
    PLATFORM_SUBTLE_CRYPTO,
    PLATFORM_PERFORMANCE,
    PLATFORM_NAVIGATOR,
    PLATFORM_CODEC, /* of a compressing or decompressing stream; no global */
} PlatformClass;

typedef struct PlatformInterface {
    PlatformClass class;
    const char *name;
    JSCFunction *construct; /* NULL: only we make instances */
    uint8_t length;         /* of the constructor's required parameters */
    const JSCFunctionListEntry *members;
    int count;
    JSClassFinalizer *finalize; /* of what it was made with; or NULL */
    JSClassGCMark *mark;        /* of the values in that; or NULL */
} PlatformInterface;

/* Members are enumerable. */
#define PLATFORM_FLAGS JS_PROP_C_W_E
#define PLATFORM_METHOD(key, length, function) JS_CFUNC_DEF2(key, length, function, PLATFORM_FLAGS)
#define PLATFORM_GETTER(key, read, number)                                                         \
    {                                                                                              \
        .name = (key), .prop_flags = JS_PROP_CONFIGURABLE | JS_PROP_ENUMERABLE,                    \
        .def_type = JS_DEF_CGETSET_MAGIC, .magic = (number),                                       \
        .u = {.getset = {.get = {.getter_magic = (read)}}}                                         \
    }

#define PLATFORM_TAG(name) JS_PROP_STRING_DEF("[Symbol.toStringTag]", name, JS_PROP_CONFIGURABLE)

/* The interface object, which is the same each time. */
JSValue platform_interface(JSContext *ctx, const PlatformInterface *interface);

/* An instance, as `new_target` makes it (undefined: as we do), of an interface that is there. */
JSValue platform_new(JSContext *ctx, const PlatformInterface *interface, JSValueConst new_target,
                     void *opaque);

/* An instance of an interface, which is made if it is not there. */
JSValue platform_instance(JSContext *ctx, const PlatformInterface *interface, void *opaque);

/* What an instance was made with, in *opaque; false, with a TypeError pending, if `self` is none.
 */
bool platform_self(JSContext *ctx, const PlatformInterface *interface, JSValueConst self,
                   void **opaque);

/* Makes of a new plain object one that is no data: it can't be cloned. */
bool platform_brand(JSContext *ctx, JSValueConst object);

/* An object without a prototype that the realm keeps for units.c, and nobody else sees. The
 * caller's. */
JSValue platform_kept(JSContext *ctx);

/* A member of a dictionary, undefined if there is none; *value is the caller's. `dictionary` may be
 * undefined or null. false with an exception pending. */
bool platform_option(JSContext *ctx, JSValueConst dictionary, const char *name, JSValue *value);

#endif
