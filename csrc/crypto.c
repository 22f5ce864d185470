/* crypto.c - see crypto.h */
#include "crypto.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "digest.h"
#include "engine_values.h"
#include "globals.h"
#include "platform.h"
#include "units.h"

enum { CRYPTO_RANDOM_MOST = 65536 }; /* bytes of one getRandomValues */

static JSValue crypto_get_random_values(JSContext *ctx, JSValueConst self, int argc,
                                        JSValueConst *argv);
static JSValue crypto_random_uuid(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);
static JSValue crypto_subtle(JSContext *ctx, JSValueConst self, int which);
static JSValue crypto_digest(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);
static void crypto_finalize(JSRuntime *runtime, JSValueConst self);
static void crypto_mark(JSRuntime *runtime, JSValueConst self, JS_MarkFunc *mark);

static const JSCFunctionListEntry crypto_members[] = {
    PLATFORM_METHOD("getRandomValues", 1, crypto_get_random_values),
    PLATFORM_METHOD("randomUUID", 0, crypto_random_uuid),
    PLATFORM_GETTER("subtle", crypto_subtle, 0),
    PLATFORM_TAG("Crypto"),
};

static const JSCFunctionListEntry crypto_subtle_members[] = {
    PLATFORM_METHOD("digest", 2, crypto_digest),
    PLATFORM_TAG("SubtleCrypto"),
};

/* An instance holds its SubtleCrypto. */
static const PlatformInterface crypto_interface = {
    .class = PLATFORM_CRYPTO,
    .name = "Crypto",
    .members = crypto_members,
    .count = sizeof crypto_members / sizeof *crypto_members,
    .finalize = crypto_finalize,
    .mark = crypto_mark,
};

static const PlatformInterface crypto_subtle_interface = {
    .class = PLATFORM_SUBTLE_CRYPTO,
    .name = "SubtleCrypto",
    .members = crypto_subtle_members,
    .count = sizeof crypto_subtle_members / sizeof *crypto_subtle_members,
};

static void crypto_finalize(JSRuntime *runtime, JSValueConst self) {
    void *subtle = JS_GetOpaque(self, JS_GetClassID(self));
    if (subtle) JS_FreeValueRT(runtime, JS_MKPTR(JS_TAG_OBJECT, subtle));
}

static void crypto_mark(JSRuntime *runtime, JSValueConst self, JS_MarkFunc *mark) {
    void *subtle = JS_GetOpaque(self, JS_GetClassID(self));
    if (subtle) JS_MarkValue(runtime, JS_MKPTR(JS_TAG_OBJECT, subtle), mark);
}

static bool crypto_is(JSContext *ctx, JSValueConst self) {
    void *none;
    return platform_self(ctx, &crypto_interface, self, &none);
}

static void crypto_fill(JSContext *ctx, uint8_t *bytes, size_t length) {
    Globals *globals = JS_GetContextOpaque(ctx);
    random_fill(&globals->random, bytes, length);
}

static bool crypto_takes_integers(JSValueConst view) {
    switch (JS_GetTypedArrayType(view)) {
    case -1: /* none, a DataView for one */
    case JS_TYPED_ARRAY_FLOAT16:
    case JS_TYPED_ARRAY_FLOAT32:
    case JS_TYPED_ARRAY_FLOAT64:
        return false;
    default:
        return true;
    }
}

static JSValue crypto_throw_quota(JSContext *ctx, size_t requested) {
    char message[80];
    JSValueConst class = JS_UNDEFINED;
    JSValue unit = units_exports(ctx, UNITS_quota);
    if (JS_IsException(unit)) return JS_EXCEPTION;
    snprintf(message, sizeof message, "getRandomValues gives at most %d bytes at once, not %zu",
             CRYPTO_RANDOM_MOST, requested);
    JSValue args[] = {JS_NewString(ctx, message), JS_NewObject(ctx)}, error = JS_EXCEPTION;
    if (!JS_IsException(args[0]) && !JS_IsException(args[1]) &&
        JS_DefinePropertyValueStr(ctx, args[1], "quota", JS_NewInt32(ctx, CRYPTO_RANDOM_MOST),
                                  JS_PROP_C_W_E) >= 0 &&
        JS_DefinePropertyValueStr(ctx, args[1], "requested", JS_NewInt64(ctx, (int64_t)requested),
                                  JS_PROP_C_W_E) >= 0 &&
        engine_own_value(ctx, unit, "QuotaExceededError", &class))
        error = JS_CallConstructor(ctx, class, 2, args);
    JS_FreeValue(ctx, args[0]);
    JS_FreeValue(ctx, args[1]);
    JS_FreeValue(ctx, unit);
    return JS_IsException(error) ? error : JS_Throw(ctx, error);
}

static JSValue crypto_get_random_values(JSContext *ctx, JSValueConst self, int argc,
                                        JSValueConst *argv) {
    uint8_t *bytes;
    size_t length;
    if (!crypto_is(ctx, self)) return JS_EXCEPTION;
    if (argc < 1 || !engine_bytes(ctx, argv[0], &bytes, &length) ||
        engine_kind(ctx, argv[0]) != ENGINE_VIEW)
        return JS_ThrowTypeError(ctx, "getRandomValues needs a typed array of integers");
    if (!crypto_takes_integers(argv[0]))
        return JS_ThrowDOMException(ctx, "TypeMismatchError",
                                    "getRandomValues needs a typed array of integers");
    if (engine_is_immutable(argv[0]))
        return JS_ThrowTypeError(ctx, "getRandomValues can't write to an immutable ArrayBuffer");
    if (length > CRYPTO_RANDOM_MOST) return crypto_throw_quota(ctx, length);
    crypto_fill(ctx, bytes, length);
    return JS_DupValue(ctx, argv[0]);
}

static JSValue crypto_random_uuid(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    (void)argc, (void)argv;
    uint8_t b[16];
    char text[37];
    if (!crypto_is(ctx, self)) return JS_EXCEPTION;
    crypto_fill(ctx, b, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40); /* the version, and the variant, of RFC 9562 */
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    snprintf(text, sizeof text,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
             b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
             b[15]);
    return JS_NewString(ctx, text);
}

static JSValue crypto_subtle(JSContext *ctx, JSValueConst self, int which) {
    void *subtle;
    (void)which;
    if (!platform_self(ctx, &crypto_interface, self, &subtle)) return JS_EXCEPTION;
    return JS_DupValue(ctx, JS_MKPTR(JS_TAG_OBJECT, subtle));
}

/* The digest that is meant, or -1 with an exception pending. */
static int crypto_digest_named(JSContext *ctx, JSValueConst algorithm) {
    static const char *const names[] = {
        [DIGEST_SHA_1] = "SHA-1",
        [DIGEST_SHA_256] = "SHA-256",
        [DIGEST_SHA_384] = "SHA-384",
        [DIGEST_SHA_512] = "SHA-512",
    };
    JSValue name = JS_IsObject(algorithm) ? JS_GetPropertyStr(ctx, algorithm, "name")
                                          : JS_DupValue(ctx, algorithm);
    if (JS_IsObject(algorithm) && JS_IsUndefined(name))
        return JS_ThrowTypeError(ctx, "the algorithm has no name"), -1;
    const char *text = JS_IsException(name) ? NULL : JS_ToCString(ctx, name);
    JS_FreeValue(ctx, name);
    if (!text) return -1;
    int found = -1;
    for (int i = 0; i < (int)(sizeof names / sizeof *names); i++)
        if (strcasecmp(text, names[i]) == 0) found = i;
    if (found < 0)
        JS_ThrowDOMException(ctx, "NotSupportedError",
                             "digests are SHA-1, SHA-256, SHA-384 and SHA-512, not \"%.40s\"",
                             text);
    JS_FreeCString(ctx, text);
    return found;
}

/* The digest as an ArrayBuffer. */
static JSValue crypto_digest_now(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    void *none;
    uint8_t *data, digest[DIGEST_MOST];
    size_t length;
    if (!platform_self(ctx, &crypto_subtle_interface, self, &none)) return JS_EXCEPTION;
    if (argc < 2) return JS_ThrowTypeError(ctx, "digest needs an algorithm and bytes");
    int kind = crypto_digest_named(ctx, argv[0]);
    if (kind < 0) return JS_EXCEPTION;
    if (!engine_bytes(ctx, argv[1], &data, &length))
        return JS_ThrowTypeError(ctx, "digest needs an ArrayBuffer or a view of one");
    size_t size = digest_of(kind, data, length, digest);
    return JS_NewArrayBufferCopy(ctx, digest, size);
}

/* Everything that is wrong rejects. */
static JSValue crypto_digest(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    JSValue settle[2];
    JSValue promise = JS_NewPromiseCapability(ctx, settle);
    if (JS_IsException(promise)) return JS_EXCEPTION;
    JSValue value = crypto_digest_now(ctx, self, argc, argv);
    bool failed = JS_IsException(value);
    if (failed) value = JS_GetException(ctx);
    JSValue done = JS_Call(ctx, settle[failed], JS_UNDEFINED, 1, &value);
    JS_FreeValue(ctx, value);
    JS_FreeValue(ctx, settle[0]);
    JS_FreeValue(ctx, settle[1]);
    if (JS_IsException(done)) {
        JS_FreeValue(ctx, promise);
        return JS_EXCEPTION;
    }
    JS_FreeValue(ctx, done);
    return promise;
}

JSValue crypto_make(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int which) {
    (void)self, (void)argc, (void)argv;
    if (which == CRYPTO_INTERFACE) return platform_interface(ctx, &crypto_interface);
    if (which == CRYPTO_SUBTLE_INTERFACE) return platform_interface(ctx, &crypto_subtle_interface);
    JSValue subtle = platform_instance(ctx, &crypto_subtle_interface, NULL), crypto = JS_EXCEPTION;
    if (!JS_IsException(subtle))
        crypto = platform_instance(ctx, &crypto_interface, JS_VALUE_GET_PTR(subtle));
    if (JS_IsException(crypto)) JS_FreeValue(ctx, subtle);
    return crypto;
}
