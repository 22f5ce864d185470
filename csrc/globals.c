/* globals.c - see globals.h */
#include "globals.h"

#include "crypto.h"
#include "engine.h"
#include "os.h"
#include "structured.h"
#include "text_codec.h"
#include "units.h"

static JSValue globals_now(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    (void)self, (void)argc, (void)argv;
    const Globals *globals = JS_GetContextOpaque(ctx);
    return JS_NewFloat64(ctx, os_now() - globals->start);
}

static JSValue globals_time_origin(JSContext *ctx, JSValueConst self, int argc,
                                   JSValueConst *argv) {
    (void)self, (void)argc, (void)argv;
    const Globals *globals = JS_GetContextOpaque(ctx);
    double elapsed = os_now() - globals->start;
    return JS_NewFloat64(ctx, os_wall_clock() - elapsed);
}

/* The engine's own `performance` keeps the origin of the snapshot; ours counts from the start of
 * the task (High Resolution Time, W3C: now() since timeOrigin, which is in Unix time). */
static bool globals_add_performance(JSContext *ctx, JSValueConst global) {
    JSValue performance = JS_NewObject(ctx);
    JSValue now = JS_NewCFunction(ctx, globals_now, "now", 0);
    JSValue origin = JS_NewCFunction(ctx, globals_time_origin, "get timeOrigin", 0);
    JSAtom name = JS_NewAtom(ctx, "timeOrigin");
    int flags = JS_PROP_C_W_E;
    bool fine = JS_DefinePropertyValueStr(ctx, performance, "now", now, flags) >= 0 &&
                JS_DefinePropertyGetSet(ctx, performance, name, origin, JS_UNDEFINED,
                                        JS_PROP_CONFIGURABLE | JS_PROP_ENUMERABLE) >= 0 &&
                JS_DefinePropertyValueStr(ctx, global, "performance", JS_DupValue(ctx, performance),
                                          JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE) >= 0;
    JS_FreeAtom(ctx, name);
    JS_FreeValue(ctx, performance);
    return fine;
}

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
#define GLOBALS_NUMBER(unit, name) GLOBALS_##name,
enum { UNITS_GLOBAL_MAP(GLOBALS_NUMBER) };
#undef GLOBALS_NUMBER

static const JSCFunctionListEntry globals_table[] = {
    ENGINE_LAZY("self", globals_self, 0, GLOBALS_MEMBER),
    JS_CFUNC_DEF2("structuredClone", 1, structured_clone, GLOBALS_MEMBER),
    ENGINE_LAZY("TextEncoder", text_codec_make, TEXT_CODEC_ENCODER, GLOBALS_INTERFACE),
    ENGINE_LAZY("TextDecoder", text_codec_make, TEXT_CODEC_DECODER, GLOBALS_INTERFACE),
    ENGINE_LAZY("crypto", crypto_make, CRYPTO_OBJECT, GLOBALS_MEMBER),
    ENGINE_LAZY("Crypto", crypto_make, CRYPTO_INTERFACE, GLOBALS_INTERFACE),
    ENGINE_LAZY("SubtleCrypto", crypto_make, CRYPTO_SUBTLE_INTERFACE, GLOBALS_INTERFACE),
#define GLOBALS_UNIT(unit, name) ENGINE_LAZY(#name, units_make, GLOBALS_##name, GLOBALS_INTERFACE),
    UNITS_GLOBAL_MAP(GLOBALS_UNIT)
#undef GLOBALS_UNIT
};

bool globals_add(JSContext *ctx, Globals *globals) {
    JS_SetContextOpaque(ctx, globals);
    JSValue global = JS_GetGlobalObject(ctx);
    int count = sizeof globals_table / sizeof *globals_table;
    bool fine = globals_add_performance(ctx, global) &&
                JS_SetPropertyFunctionList(ctx, global, globals_table, count) == 0;
    JS_FreeValue(ctx, global);
    return fine;
}

void globals_begin(Globals *globals, size_t memory) {
    globals->start = os_now();
    globals->encoding.limit = memory;
}

void globals_end(Globals *globals) { bytes_free(&globals->encoding); }
