/* segment.c - see segment.h
 *
 * The rules are tables, as ICU4X has them: a property for each character, and for two properties in
 * a row whether there is a boundary between them, or else the number that stands for both of them
 * with the next one. Languages that are written without spaces need dictionaries, which the library
 * does not have: a run of Thai is one word, each Chinese character one of its own.
 */
#include "segment.h"

#include <stdbool.h>

#include "engine_values.h"
#include "intl_data.h"

enum { STATE_INTERMEDIATE = 120, STATE_BREAK = 253, STATE_NO_MATCH = 254, STATE_KEEP = 255 };

typedef struct Segments {
    const SegmentRules *rules;
    EngineText text;
    uint32_t at; /* of the current character */
    uint8_t status;
} Segments;

static uint32_t segments_unit(const Segments *of, uint32_t at) {
    return of->text.wide ? ((const uint16_t *)of->text.units)[at]
                         : ((const uint8_t *)of->text.units)[at];
}

static bool segments_is_pair(const Segments *of, uint32_t at) {
    uint32_t first = segments_unit(of, at);
    if (first < 0xd800 || first >= 0xdc00 || at + 1 >= of->text.length) return false;
    uint32_t second = segments_unit(of, at + 1);
    return second >= 0xdc00 && second < 0xe000;
}

static uint32_t segments_point(const Segments *of) {
    uint32_t point = segments_unit(of, of->at);
    if (segments_is_pair(of, of->at))
        point = 0x10000 + ((point & 0x3ff) << 10 | (segments_unit(of, of->at + 1) & 0x3ff));
    return point;
}

static uint8_t segments_property(const Segments *of) {
    return of->rules->trie.bytes[intl_trie_at(&of->rules->trie, segments_point(of))];
}

/* Of the characters that want a dictionary: Chinese ones and kana, not those of Thai and its kin.
 */
static bool segments_is_single(const Segments *of) {
    uint32_t point = segments_point(of);
    return (point >= 0x2e80 && point < 0xa000) || point >= 0xf900;
}

/* To the next character; false at the end. */
static bool segments_advance(Segments *of) {
    of->at += segments_is_pair(of, of->at) ? 2 : 1;
    return of->at < of->text.length;
}

static uint8_t segments_state(const Segments *of, uint8_t left, uint8_t right) {
    return of->rules->states[left * of->rules->property_count + right];
}

static uint32_t segments_end(Segments *of, uint8_t property, uint32_t at) {
    bool has_status = property > 0 && property <= of->rules->status_count;
    of->status = has_status ? of->rules->status[property - 1] : 0;
    return at;
}

/* What begins with two characters that are not decided yet: the boundary, or 0 if there is none
 * before the current character. */
static uint32_t segments_look(Segments *of, uint8_t left, uint8_t state) {
    const SegmentRules *rules = of->rules;
    uint8_t index = state < STATE_INTERMEDIATE ? state : state - STATE_INTERMEDIATE;
    uint8_t marked = left; /* what the boundary would be behind, and where it would be */
    uint32_t mark = of->at;
    for (;;) {
        if (!segments_advance(of)) {
            bool is_whole = segments_state(of, index, rules->end) != STATE_NO_MATCH;
            return is_whole ? segments_end(of, index, of->text.length)
                            : segments_end(of, marked, mark);
        }
        bool is_simple = index <= rules->last_property;
        uint8_t next = segments_state(of, index, segments_property(of));
        if (next == STATE_KEEP) return 0;
        if (next == STATE_NO_MATCH) return segments_end(of, marked, mark);
        if (next == STATE_BREAK) return segments_end(of, index, of->at);
        bool is_intermediate = next >= STATE_INTERMEDIATE;
        index = is_intermediate ? next - STATE_INTERMEDIATE : next;
        if (is_simple) marked = index;
        if (is_simple || is_intermediate) mark = of->at;
    }
}

static uint32_t segments_next(Segments *of) {
    uint8_t complex = of->rules->complex;
    for (;;) {
        uint8_t left = segments_property(of);
        if (!segments_advance(of)) return segments_end(of, left, of->text.length);
        uint8_t right = segments_property(of);
        if (right == complex) {
            if (left == complex && !segments_is_single(of)) continue;
            return segments_end(of, left, of->at);
        }
        uint8_t state = segments_state(of, left, right);
        if (state == STATE_KEEP) continue;
        if (state == STATE_BREAK || state == STATE_NO_MATCH) return segments_end(of, left, of->at);
        uint32_t found = segments_look(of, left, state);
        if (found) return found;
    }
}

JSValue segment_next(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    (void)self, (void)argc;
    uint32_t kind = 0, from = 0;
    if (JS_ToUint32(ctx, &kind, argv[0]) || JS_ToUint32(ctx, &from, argv[2])) return JS_EXCEPTION;
    JSValue text = JS_ToString(ctx, argv[1]); /* in one piece */
    if (JS_IsException(text)) return text;
    Segments of = {.rules = &segment_rules[kind < 3 ? kind : 0], .text = engine_text(text)};
    uint32_t end = from;
    if (from < of.text.length) {
        of.at = from;
        end = segments_next(&of);
    }
    JS_FreeValue(ctx, text);
    return JS_NewInt64(ctx, (int64_t)end * 2 + (of.status != 0));
}
