/* clone_text.c - see clone_text.h. Memory: the realm's. Thread: the realm's. */
#include "clone_text.h"

#include <stdio.h>

/* Names and keys that are longer are left out or cut short: people have no use for them. */
enum { LONGEST = 64 };

void text_add(Text *text, EngineText part) {
    if (part.length > text->capacity - text->length) {
        uint32_t capacity = (text->length + part.length) * 2 + LONGEST;
        uint16_t *units = js_realloc(text->ctx, text->units, capacity * sizeof *units);
        if (!units) {
            JS_FreeValue(text->ctx, JS_GetException(text->ctx));
            return;
        }
        text->units = units;
        text->capacity = capacity;
    }
    for (uint32_t i = 0; i < part.length; i++)
        text->units[text->length++] = (uint16_t)text_unit(part, i);
}

void text_add_ascii(Text *text, const char *part) {
    text_add(text, (EngineText){.units = part, .length = (uint32_t)strlen(part)});
}

JSValue text_end(Text *text) {
    EngineText all = {.units = text->units, .length = text->length, .wide = true};
    JSValue string = engine_new_string(text->ctx, all);
    js_free(text->ctx, text->units);
    if (!JS_IsException(string)) return string;
    JS_FreeValue(text->ctx, JS_GetException(text->ctx));
    return engine_new_string(text->ctx, (EngineText){0}); /* the empty one always exists */
}

/* --- why --------------------------------------------------------------------------------- */

static void add_function(Text *text, JSValueConst function) {
    JSValueConst value;
    text_add_ascii(text, "a function");
    if (!engine_own_value(text->ctx, function, "name", &value)) return;
    EngineText name = engine_text(value);
    if (name.length == 0 || name.length > LONGEST) return;
    text_add_ascii(text, " (`");
    text_add(text, name);
    text_add_ascii(text, "`)");
}

static void add_class(Text *text, JSValueConst object, const char *which) {
    EngineText name = engine_class_name(text->ctx, object);
    bool vowel = name.length > 0 && strchr("AEIO", (int)text_unit(name, 0));
    text_add_ascii(text, *which ? which : vowel ? "an " : "a ");
    text_add(text, name);
}

/* What to do about objects of these classes; the host's part says the same (slots.ts). */
static const struct {
    const char *class, *advice;
} text_advice[] = {
    {"Promise", "await it first"},
    {"URL", "pass its href"},
    {"URLSearchParams", "pass its entries: [...it]"},
    {"Headers", "pass its entries: [...it]"},
    {"FormData", "pass its entries: [...it]"},
    {"Blob", "pass its bytes: await it.bytes(), and its type"},
    {"File", "pass its bytes: await it.bytes(), its name and its type"},
    {"ReadableStream", "pass its chunks: await Array.fromAsync(it)"},
    {"WritableStream", "pass what is written to it"},
    {"TransformStream", "pass the chunks: await Array.fromAsync(it.readable)"},
    {"CompressionStream", "pass the chunks: await Array.fromAsync(it.readable)"},
    {"DecompressionStream", "pass the chunks: await Array.fromAsync(it.readable)"},
    {"TextEncoderStream", "pass the chunks: await Array.fromAsync(it.readable)"},
    {"TextDecoderStream", "pass the chunks: await Array.fromAsync(it.readable)"},
    {"Generator", "pass its values: [...it]"},
    {"AsyncGenerator", "pass its values: await Array.fromAsync(it)"},
};

static void add_advice(Text *text, EngineText class) {
    for (size_t i = 0; i < sizeof text_advice / sizeof *text_advice; i++) {
        if (!text_is(class, text_advice[i].class)) continue;
        text_add_ascii(text, "; ");
        text_add_ascii(text, text_advice[i].advice);
    }
}

JSValue text_uncloneable(JSContext *ctx, JSValueConst object, EngineKind kind, const char *which) {
    Text text = {.ctx = ctx};
    if (kind == ENGINE_FUNCTION)
        add_function(&text, object);
    else if (kind == ENGINE_PROXY)
        text_add_ascii(&text, "a Proxy");
    else if (kind == ENGINE_GLOBAL)
        text_add_ascii(&text, "the global object");
    else if (kind == ENGINE_NAMESPACE)
        text_add_ascii(&text, "a module's namespace");
    else
        add_class(&text, object, which);
    text_add_ascii(&text, " can't be cloned");
    if (kind == ENGINE_NAMESPACE) text_add_ascii(&text, "; pass the values that it exports");
    if (kind == ENGINE_PROMISE || kind == ENGINE_OTHER)
        add_advice(&text, engine_class_name(ctx, object));
    return text_end(&text);
}

/* --- where ------------------------------------------------------------------------------- */

static bool is_identifier(EngineText key) {
    for (uint32_t i = 0; i < key.length; i++) {
        uint32_t unit = text_unit(key, i);
        bool letter = (unit >= 'a' && unit <= 'z') || (unit >= 'A' && unit <= 'Z') || unit == '_' ||
                      unit == '$';
        if (!letter && !(i > 0 && unit >= '0' && unit <= '9')) return false;
    }
    return key.length > 0 && key.length <= LONGEST;
}

static void add_quoted(Text *path, EngineText key) {
    text_add_ascii(path, "\"");
    for (uint32_t i = 0; i < key.length && i < LONGEST; i++) {
        uint16_t unit = (uint16_t)text_unit(key, i);
        char escaped[8];
        if (unit < ' ') {
            snprintf(escaped, sizeof escaped, "\\u%04x", unit);
            text_add_ascii(path, escaped);
            continue;
        }
        if (unit == '"' || unit == '\\') text_add_ascii(path, "\\");
        text_add(path, (EngineText){.units = &unit, .length = 1, .wide = true});
    }
    text_add_ascii(path, key.length > LONGEST ? "...\"" : "\"");
}

void text_add_key(Text *path, JSAtom key) {
    char digits[12];
    EngineText text = engine_key_text(path->ctx, key, digits);
    bool is_name = is_identifier(text), is_index = text.units == digits;
    text_add_ascii(path, is_name ? "." : "[");
    if (is_name || is_index)
        text_add(path, text);
    else
        add_quoted(path, text);
    if (!is_name) text_add_ascii(path, "]");
}

void text_add_index(Text *path, const char *words, uint32_t index) {
    char text[40];
    snprintf(text, sizeof text, "[%s%u]", words, index);
    text_add_ascii(path, text);
}

void text_add_get(Text *path, EngineText key) {
    text_add_ascii(path, ".get(");
    add_quoted(path, key);
    text_add_ascii(path, ")");
}
