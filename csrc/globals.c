/* globals.c - see globals.h */
#include "globals.h"

#include "crypto.h"
#include "engine.h"
#include "environment.h"
#include "intl.h"
#include "os.h"
#include "structured.h"
#include "text_codec.h"
#include "units.h"

static JSValue globals_self(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv,
                            int which) {
    (void)self, (void)argc, (void)argv, (void)which;
    return JS_GetGlobalObject(ctx);
}

/* As Web IDL has it: interfaces are not enumerable, what a global object's own interface has is. */
enum {
    GLOBALS_INTERFACE = JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE,
    GLOBALS_MEMBER = JS_PROP_C_W_E,
};

/* The globals of units, by their numbers. */
#define GLOBALS_NUMBER(unit, name, kind) GLOBALS_##name,
enum { UNITS_GLOBAL_MAP(GLOBALS_NUMBER) };
#undef GLOBALS_NUMBER

static const JSCFunctionListEntry globals_table[] = {
    ENGINE_LAZY("self", globals_self, 0, GLOBALS_MEMBER),
    JS_CFUNC_DEF2("structuredClone", 1, structured_clone, GLOBALS_MEMBER),
    ENGINE_LAZY("TextEncoder", text_codec_make, TEXT_CODEC_ENCODER, GLOBALS_INTERFACE),
    ENGINE_LAZY("TextDecoder", text_codec_make, TEXT_CODEC_DECODER, GLOBALS_INTERFACE),
    ENGINE_LAZY("crypto", crypto_make, CRYPTO_OBJECT, GLOBALS_MEMBER),
    ENGINE_LAZY("performance", environment_make, ENVIRONMENT_PERFORMANCE, GLOBALS_MEMBER),
    ENGINE_LAZY("Performance", environment_make, ENVIRONMENT_PERFORMANCE_INTERFACE,
                GLOBALS_INTERFACE),
    ENGINE_LAZY("navigator", environment_make, ENVIRONMENT_NAVIGATOR, GLOBALS_MEMBER),
    ENGINE_LAZY("Navigator", environment_make, ENVIRONMENT_NAVIGATOR_INTERFACE, GLOBALS_INTERFACE),
    ENGINE_LAZY("Crypto", crypto_make, CRYPTO_INTERFACE, GLOBALS_INTERFACE),
    ENGINE_LAZY("SubtleCrypto", crypto_make, CRYPTO_SUBTLE_INTERFACE, GLOBALS_INTERFACE),
    ENGINE_LAZY("Intl", intl_make, 0, GLOBALS_INTERFACE),
#define GLOBALS_UNIT(unit, name, kind)                                                             \
    ENGINE_LAZY(#name, units_make, GLOBALS_##name, GLOBALS_##kind),
    UNITS_GLOBAL_MAP(GLOBALS_UNIT)
#undef GLOBALS_UNIT
};

bool globals_add(JSContext *ctx, Globals *globals) {
    JS_SetContextOpaque(ctx, globals);
    JSValue global = JS_GetGlobalObject(ctx);
    int count = sizeof globals_table / sizeof *globals_table;
    bool fine = JS_SetPropertyFunctionList(ctx, global, globals_table, count) == 0;
    JS_FreeValue(ctx, global);
    return fine;
}

void globals_begin(Globals *globals, size_t memory) {
    globals->start = os_now();
    globals->encoding.limit = memory;
}

void globals_end(Globals *globals) { bytes_free(&globals->encoding); }
