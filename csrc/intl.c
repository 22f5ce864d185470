/* intl.c - see intl.h */
#include "intl.h"

#include <math.h>
#include <string.h>

#include "engine.h"
#include "intl_data.h"
#include "tz.h"
#include "units.h"
#include "zlib/zlib.h"
#include "zone.h"

/* --- texts ------------------------------------------------------------------------------- */

static int32_t intl_locale(const char *name) {
    uint32_t low = 0, high = intl_locale_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        int order = strcmp(name, intl_locales[middle].name);
        if (order == 0) return (int32_t)middle;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return -1;
}

JSValue intl_has(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    (void)self, (void)argc;
    size_t length;
    const char *name = JS_ToCStringLen(ctx, &length, argv[0]);
    if (!name) return JS_EXCEPTION;
    bool has = strlen(name) == length && intl_locale(name) >= 0;
    JS_FreeCString(ctx, name);
    return JS_NewBool(ctx, has);
}

static void *intl_allocate(void *ctx, unsigned count, unsigned size) {
    return js_malloc(ctx, (size_t)count * size);
}

static void intl_free(void *ctx, void *memory) { js_free(ctx, memory); }

static bool intl_inflate(JSContext *ctx, const IntlBlob *blob, char *text) {
    z_stream stream = {
        .next_in = (Bytef *)intl_bytes + blob->at, /* which it only reads */
        .avail_in = blob->packed,
        .next_out = (Bytef *)text,
        .avail_out = blob->size,
        .zalloc = intl_allocate,
        .zfree = intl_free,
        .opaque = ctx,
    };
    if (inflateInit2(&stream, -15) != Z_OK) return false;
    bool fine = inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_out == 0;
    inflateEnd(&stream);
    return fine;
}

/* Inflated in the arena: a task may be ended in here. */
static JSValue intl_read(JSContext *ctx, uint16_t number) {
    const IntlBlob *blob = &intl_blobs[number];
    char *text = js_malloc(ctx, blob->size + 1);
    if (!text) return JS_EXCEPTION;
    JSValue value;
    text[blob->size] = 0;
    if (intl_inflate(ctx, blob, text))
        value = *text == '\n' ? JS_NewStringLen(ctx, text, blob->size) /* a text as it is */
                              : JS_ParseJSON(ctx, text, blob->size, "<Intl>");
    else
        value = JS_ThrowOutOfMemory(ctx); /* the texts themselves are the build's */
    js_free(ctx, text);
    return value;
}

/* "de_DE.UTF-8" as "de-DE"; what says nothing of a language is "en-US". */
static JSValue intl_default(JSContext *ctx) {
    const char *locale = zone_locale();
    char tag[64];
    size_t length = strcspn(locale, ".@");
    if (length < 2 || length >= sizeof tag || (length == 5 && !memcmp(locale, "POSIX", 5)))
        return JS_NewString(ctx, "en-US");
    memcpy(tag, locale, length);
    tag[length] = 0;
    for (size_t i = 0; i < length; i++)
        if (tag[i] == '_') tag[i] = '-';
    return JS_NewString(ctx, tag);
}

static JSValue intl_common(JSContext *ctx, const char *name) {
    for (uint32_t i = 0; i < intl_common_count; i++)
        if (strcmp(name, intl_commons[i].name) == 0) return intl_read(ctx, intl_commons[i].blob);
    return JS_UNDEFINED;
}

static uint32_t intl_piece_number(const char *name) {
    uint32_t piece = 0;
    while (piece < intl_piece_count && strcmp(name, intl_pieces[piece])) piece++;
    return piece;
}

/* The layers of a piece, those of the parents first. */
static JSValue intl_layers(JSContext *ctx, const char *locale, const char *name) {
    JSValue layers = JS_NewArray(ctx);
    uint16_t blobs[8];
    uint32_t count = 0, piece = intl_piece_number(name);
    int32_t at = *locale ? intl_locale(locale) : -1;
    for (; at >= 0 && piece < intl_piece_count && count < 8; at = intl_locales[at].parent)
        if (intl_locales[at].blobs[piece] != INTL_INHERITED)
            blobs[count++] = intl_locales[at].blobs[piece];
    for (uint32_t i = 0; i < count && !JS_IsException(layers); i++) {
        JSValue layer = intl_read(ctx, blobs[count - 1 - i]);
        if (JS_IsException(layer) ||
            JS_DefinePropertyValueUint32(ctx, layers, i, layer, JS_PROP_C_W_E) < 0) {
            JS_FreeValue(ctx, layers);
            layers = JS_EXCEPTION;
        }
    }
    return layers;
}

static JSValue intl_single(JSContext *ctx, JSValue value) {
    if (JS_IsException(value)) return value;
    JSValue layers = JS_NewArray(ctx);
    if (JS_IsException(layers) ||
        JS_DefinePropertyValueUint32(ctx, layers, 0, value, JS_PROP_C_W_E) < 0) {
        JS_FreeValue(ctx, layers);
        return JS_EXCEPTION;
    }
    return layers;
}

JSValue intl_piece(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    (void)self, (void)argc;
    const char *locale = JS_ToCString(ctx, argv[0]);
    const char *name = locale ? JS_ToCString(ctx, argv[1]) : NULL;
    JSValue result = JS_EXCEPTION;
    if (name)
        result = *locale                        ? intl_layers(ctx, locale, name)
                 : strcmp(name, "default") == 0 ? intl_default(ctx)
                                                : intl_single(ctx, intl_common(ctx, name));
    JS_FreeCString(ctx, name);
    JS_FreeCString(ctx, locale);
    return result;
}

/* --- time zones -------------------------------------------------------------------------- */

enum { INTL_FEW = 11 };  /* every eleventh moment tells whether a name is still right */
#define INTL_MS_MAX 9e15 /* more than a date may have, and a year around it */

/* Whether dates have the offsets of that zone, at each `step`-th moment. */
static bool intl_is_local(const TzZone *zone, int step) {
    for (int i = 0; i < TZ_SAMPLES; i += step)
        if (tz_offset(zone, tz_sample(i)).seconds != engine_local_offset(tz_sample(i) * 1000))
            return false;
    return true;
}

/* The host's zone. A host that changed it without telling its name has one of which the dates are
 * the same. */
static const TzZone *intl_local_zone(void) {
    static const char *const folders[] = {"Europe/", "America/", "Asia/", "Australia/", ""};
    const char *name = zone_name();
    const TzZone *told = tz_find(name, strlen(name)), *utc = tz_find("UTC", 3);
    if (told && intl_is_local(told, INTL_FEW)) return told;
    if (utc && intl_is_local(utc, 1)) return utc;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        for (uint32_t k = 0; k < tz_zone_count; k++)
            if (strncmp(tz_zones[k].name, folders[i], strlen(folders[i])) == 0 &&
                intl_is_local(&tz_zones[k], 1))
                return &tz_zones[k];
    return told ? told : utc;
}

JSValue intl_zone(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    (void)self;
    const TzZone *zone;
    if (argc == 0 || JS_IsUndefined(argv[0]))
        zone = intl_local_zone();
    else {
        size_t length;
        const char *name = JS_ToCStringLen(ctx, &length, argv[0]);
        if (!name) return JS_EXCEPTION;
        zone = tz_find(name, length);
        JS_FreeCString(ctx, name);
    }
    return zone ? JS_NewString(ctx, zone->name) : JS_UNDEFINED;
}

JSValue intl_offset(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    (void)self, (void)argc;
    size_t length;
    double ms;
    if (JS_ToFloat64(ctx, &ms, argv[1])) return JS_EXCEPTION;
    const char *name = JS_ToCStringLen(ctx, &length, argv[0]);
    if (!name) return JS_EXCEPTION;
    const TzZone *zone = tz_find(name, length);
    JS_FreeCString(ctx, name);
    TzOffset offset = {0, false};
    if (zone && fabs(ms) <= INTL_MS_MAX) offset = tz_offset(zone, (int64_t)floor(ms / 1000));
    JSValue pair = JS_NewArray(ctx);
    if (JS_IsException(pair) ||
        JS_DefinePropertyValueUint32(ctx, pair, 0, JS_NewInt32(ctx, offset.seconds),
                                     JS_PROP_C_W_E) < 0 ||
        JS_DefinePropertyValueUint32(ctx, pair, 1, JS_NewBool(ctx, offset.is_summer),
                                     JS_PROP_C_W_E) < 0) {
        JS_FreeValue(ctx, pair);
        return JS_EXCEPTION;
    }
    return pair;
}

/* --- the object -------------------------------------------------------------------------- */

enum { INTL_MEMBER = JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE };

#define INTL_NUMBER(unit, name) INTL_##name,
enum { UNITS_INTL_MAP(INTL_NUMBER) };
#undef INTL_NUMBER

static const struct {
    uint32_t unit;
    const char *name;
} intl_members[] = {
#define INTL_ENTRY(unit, name) {UNITS_##unit, #name},
    UNITS_INTL_MAP(INTL_ENTRY)
#undef INTL_ENTRY
};

static JSValue intl_member(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv,
                           int which) {
    (void)self, (void)argc, (void)argv;
    return units_take(ctx, intl_members[which].unit, intl_members[which].name);
}

static const JSCFunctionListEntry intl_table[] = {
#define INTL_LAZY(unit, name) ENGINE_LAZY(#name, intl_member, INTL_##name, INTL_MEMBER),
    UNITS_INTL_MAP(INTL_LAZY)
#undef INTL_LAZY
        JS_PROP_STRING_DEF("[Symbol.toStringTag]", "Intl", JS_PROP_CONFIGURABLE),
};

JSValue intl_make(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int which) {
    (void)self, (void)argc, (void)argv, (void)which;
    JSValue intl = JS_NewObject(ctx);
    if (!JS_IsException(intl) &&
        JS_SetPropertyFunctionList(ctx, intl, intl_table, sizeof intl_table / sizeof *intl_table)) {
        JS_FreeValue(ctx, intl);
        return JS_EXCEPTION;
    }
    return intl;
}

/* --- the language's own functions ----------------------------------------------------------- */

/* Whether the letters of that language have cases of their own. */
static bool intl_has_cases(const char *locale) {
    static const char *const languages[] = {"az", "el", "lt", "tr"};
    for (size_t i = 0; i < sizeof languages / sizeof *languages; i++)
        if (strncmp(locale, languages[i], 2) == 0) return true;
    return false;
}

JSValue intl_to_locale(JSContext *ctx, int which, JSValueConst value, int argc,
                       JSValueConst *argv) {
    static const struct {
        uint32_t unit;
        const char *name;
        int before; /* how many arguments are before the locales */
    } functions[] = {
        [ENGINE_LOCALE_NUMBER] = {UNITS_intl_number, "numberToLocale", 0},
        [ENGINE_LOCALE_BIGINT] = {UNITS_intl_number, "numberToLocale", 0},
        [ENGINE_LOCALE_DATE] = {UNITS_intl_date, "dateToLocale", 0},
        [ENGINE_LOCALE_DATE_ONLY] = {UNITS_intl_date, "dateToLocaleDate", 0},
        [ENGINE_LOCALE_TIME_ONLY] = {UNITS_intl_date, "dateToLocaleTime", 0},
        [ENGINE_LOCALE_COMPARE] = {UNITS_intl_collator, "compareInLocale", 1},
        [ENGINE_LOCALE_LOWER] = {UNITS_intl_collator, "toLocaleLower", 0},
        [ENGINE_LOCALE_UPPER] = {UNITS_intl_collator, "toLocaleUpper", 0},
    };
    bool is_cased = which == ENGINE_LOCALE_LOWER || which == ENGINE_LOCALE_UPPER;
    if (is_cased && (argc == 0 || JS_IsUndefined(argv[0])) && !intl_has_cases(zone_locale()))
        return engine_cased(ctx, value, which == ENGINE_LOCALE_LOWER);
    JSValue that = JS_UNDEFINED;
    int before = functions[which].before;
    if (before) { /* converted before the locales are read */
        that = JS_ToString(ctx, argc > 0 ? argv[0] : JS_UNDEFINED);
        if (JS_IsException(that)) return that;
    }
    JSValue function = units_take(ctx, functions[which].unit, functions[which].name);
    JSValue result = JS_EXCEPTION;
    if (!JS_IsException(function)) {
        JSValueConst locales = argc > before ? argv[before] : JS_UNDEFINED;
        JSValueConst options = argc > before + 1 ? argv[before + 1] : JS_UNDEFINED;
        if (before) {
            JSValueConst list[] = {value, that, locales, options};
            result = JS_Call(ctx, function, JS_UNDEFINED, 4, list);
        } else {
            JSValueConst list[] = {value, locales, options};
            result = JS_Call(ctx, function, JS_UNDEFINED, 3, list);
        }
    }
    JS_FreeValue(ctx, function);
    JS_FreeValue(ctx, that);
    return result;
}
