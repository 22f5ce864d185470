/* clone_text.h - what people are told of a value that can't be cloned: why, and where it lies. */
#ifndef DEFERRED_CLONE_TEXT_H
#define DEFERRED_CLONE_TEXT_H

#include <string.h>

#include "engine_values.h"

/* A string being put together, in the realm's memory; zero but for `ctx` at the start. Pieces that
 * there is no memory for are left out. */
typedef struct Text {
    JSContext *ctx;
    uint16_t *units;
    uint32_t length, capacity;
} Text;

void text_add(Text *text, EngineText part);
void text_add_ascii(Text *text, const char *part);
JSValue text_end(Text *text); /* the string; frees the pieces */

static inline uint32_t text_unit(EngineText text, uint32_t index) {
    return text.wide ? ((const uint16_t *)text.units)[index] : ((const uint8_t *)text.units)[index];
}

static inline bool text_is(EngineText text, const char *ascii) {
    if (text.length != strlen(ascii)) return false;
    if (!text.wide) return memcmp(text.units, ascii, text.length) == 0;
    for (uint32_t i = 0; i < text.length; i++)
        if (text_unit(text, i) != (uint8_t)ascii[i]) return false;
    return true;
}

/* "a function (`fn`) can't be cloned", "an Array Iterator can't be cloned". `which`, if it is not
 * empty, stands in place of the article: "a detached ". */
JSValue text_uncloneable(JSContext *ctx, JSValueConst object, EngineKind kind, const char *which);

/* A step of a path: `.key`, `["odd key"]` or `[3]`. */
void text_add_key(Text *path, JSAtom key);
/* `[3]`, or with words before the number: `[Map key 3]`. */
void text_add_index(Text *path, const char *words, uint32_t index);
/* `.get("key")`. */
void text_add_get(Text *path, EngineText key);

#endif
