/* units.c - see units.h
 *
 * What a unit is given:
 *
 *   brand(object)         makes a plain object one of the platform's, which is not cloned as data
 *   define(name, class)   makes its members enumerable, as Web IDL has them; its prototype gets its
 *                         name and is branded, so that instances count as branded, too
 *   use(unit)             what another unit gave
 *   kind, hasRoom, print  see console.h
 *   codec, code           see compression.h
 *   intlHas, …            see intl.h, collate.h and segment.h
 */
#include "units.h"

#include <string.h>

#include "collate.h"
#include "compression.h"
#include "console.h"
#include "engine_values.h"
#include "intl.h"
#include "platform.h"
#include "segment.h"

/* --- doors ------------------------------------------------------------------------------- */

static JSValue units_brand(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    (void)self, (void)argc;
    platform_brand(ctx, argv[0]);
    return JS_UNDEFINED;
}

/* Makes all own properties of an object enumerable but those that a prototype or a class has by
 * itself. */
static bool units_enumerate(JSContext *ctx, JSValueConst object) {
    static const char *const of_prototype[] = {"constructor"};
    static const char *const of_class[] = {"length", "name", "prototype"};
    bool is_class = JS_IsFunction(ctx, object);
    const char *const *hidden = is_class ? of_class : of_prototype;
    size_t hidden_count = is_class ? 3 : 1;
    JSPropertyEnum *keys;
    uint32_t count;
    bool fine = true;
    if (JS_GetOwnPropertyNames(ctx, &keys, &count, object, JS_GPN_STRING_MASK)) return false;
    for (uint32_t i = 0; i < count && fine; i++) {
        char digits[12];
        EngineText key = engine_key_text(ctx, keys[i].atom, digits);
        bool is_hidden = false;
        for (size_t k = 0; k < hidden_count; k++)
            is_hidden |= !key.wide && key.length == strlen(hidden[k]) &&
                         memcmp(key.units, hidden[k], key.length) == 0;
        if (is_hidden) continue;
        fine = JS_DefineProperty(ctx, object, keys[i].atom, JS_UNDEFINED, JS_UNDEFINED,
                                 JS_UNDEFINED, JS_PROP_HAS_ENUMERABLE | JS_PROP_ENUMERABLE) >= 0;
    }
    JS_FreePropertyEnum(ctx, keys, count);
    return fine;
}

static JSValue units_define(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    (void)self, (void)argc;
    JSValueConst value = JS_UNDEFINED;
    if (!engine_own_value(ctx, argv[1], "prototype", &value)) return JS_UNDEFINED;
    JSValue prototype = JS_DupValue(ctx, value);
    platform_brand(ctx, prototype);
    bool fine = units_enumerate(ctx, argv[1]) && units_enumerate(ctx, prototype) &&
                engine_define_tag(ctx, prototype, JS_DupValue(ctx, argv[0])) >= 0;
    JS_FreeValue(ctx, prototype);
    return fine ? JS_UNDEFINED : JS_EXCEPTION;
}

static JSValue units_use(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    static const char *const names[] = {
#define UNITS_NAME(name) #name,
        UNITS_MAP(UNITS_NAME)
#undef UNITS_NAME
    };
    (void)self, (void)argc;
    const char *name = JS_ToCString(ctx, argv[0]);
    uint32_t unit = 0;
    if (!name) return JS_EXCEPTION;
    while (unit < UNITS_COUNT && strcmp(name, names[unit])) unit++;
    JS_FreeCString(ctx, name);
    return unit < UNITS_COUNT ? units_exports(ctx, unit) : JS_UNDEFINED;
}

static const JSCFunctionListEntry units_doors[] = {
    JS_CFUNC_DEF("brand", 1, units_brand),
    JS_CFUNC_DEF("define", 2, units_define),
    JS_CFUNC_DEF("use", 1, units_use),
    JS_CFUNC_DEF("kind", 1, console_kind),
    JS_CFUNC_DEF("hasRoom", 0, console_has_room),
    JS_CFUNC_DEF("print", 1, console_print),
    JS_CFUNC_DEF("codec", 2, compression_codec),
    JS_CFUNC_DEF("code", 2, compression_code),
    JS_CFUNC_DEF("intlHas", 1, intl_has),
    JS_CFUNC_DEF("intlPiece", 2, intl_piece),
    JS_CFUNC_DEF("intlZone", 1, intl_zone),
    JS_CFUNC_DEF("intlOffset", 2, intl_offset),
    JS_CFUNC_DEF("intlCollation", 1, collate_find),
    JS_CFUNC_DEF("intlCollationBits", 1, collate_bits),
    JS_CFUNC_DEF("intlCollations", 1, collate_types),
    JS_CFUNC_DEF("intlCompare", 4, collate_compare),
    JS_CFUNC_DEF("intlMarkClass", 1, collate_mark_class),
    JS_CFUNC_DEF("intlSegment", 3, segment_next),
};

/* --- units ------------------------------------------------------------------------------- */

static JSValue units_evaluate(JSContext *ctx, const UnitsCode *code) {
    JSValue doors = JS_NewObjectProto(ctx, JS_NULL), exports = JS_EXCEPTION;
    JSValue script = JS_ReadObject(ctx, code->bytecode, code->size, JS_READ_OBJ_BYTECODE);
    JSValue function = JS_IsException(script) ? script : JS_EvalFunction(ctx, script);
    if (!JS_IsException(function) && !JS_IsException(doors) &&
        JS_SetPropertyFunctionList(ctx, doors, units_doors,
                                   sizeof units_doors / sizeof *units_doors) == 0)
        exports = JS_Call(ctx, function, JS_UNDEFINED, 1, &doors);
    JS_FreeValue(ctx, function);
    JS_FreeValue(ctx, doors);
    return exports;
}

JSValue units_exports(JSContext *ctx, uint32_t unit) {
    JSValue kept = platform_kept(ctx); /* by unit */
    if (JS_IsException(kept)) return kept;
    JSValue exports = JS_GetPropertyUint32(ctx, kept, unit);
    if (JS_IsUndefined(exports)) {
        exports = units_evaluate(ctx, &units_code[unit]);
        if (!JS_IsException(exports) &&
            JS_DefinePropertyValueUint32(ctx, kept, unit, JS_DupValue(ctx, exports),
                                         JS_PROP_C_W_E) < 0) {
            JS_FreeValue(ctx, exports);
            exports = JS_EXCEPTION;
        }
    }
    JS_FreeValue(ctx, kept);
    return exports;
}

JSValue units_take(JSContext *ctx, uint32_t unit, const char *name) {
    JSValue exports = units_exports(ctx, unit);
    if (JS_IsException(exports)) return exports;
    JSValueConst own = JS_UNDEFINED;
    engine_own_value(ctx, exports, name, &own);
    JSValue value = JS_DupValue(ctx, own);
    JS_FreeValue(ctx, exports);
    return value;
}

JSValue units_call(JSContext *ctx, uint32_t unit, const char *name, int argc, JSValueConst *argv) {
    JSValue function = units_take(ctx, unit, name);
    if (JS_IsException(function)) return function;
    JSValue result = JS_Call(ctx, function, JS_UNDEFINED, argc, argv);
    JS_FreeValue(ctx, function);
    return result;
}

static const struct {
    uint32_t unit;
    const char *name;
} units_globals[] = {
#define UNITS_ENTRY(unit, name, kind) {UNITS_##unit, #name},
    UNITS_GLOBAL_MAP(UNITS_ENTRY)
#undef UNITS_ENTRY
};

JSValue units_make(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int which) {
    (void)self, (void)argc, (void)argv;
    return units_take(ctx, units_globals[which].unit, units_globals[which].name);
}
