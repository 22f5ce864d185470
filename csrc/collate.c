/* collate.c - see collate.h
 *
 * A text is decomposed (NFD), each of its characters becomes collation elements by the tables of a
 * language or else of the root, and the elements are compared level by level. The tables are ICU's,
 * as ICU4X packs them, so the order is that of the hosts. In them a character has 32 bits (CE32),
 * which are an element in short or say where there is more; an element has 64:
 *
 *   primary 32 | secondary 16 | case 2 | tertiary 6 | quaternary 2 | tertiary 6
 *
 * Everything that is allocated is of js_malloc, in the arena: a task may be ended in here.
 */
#include "collate.h"

#include <stdbool.h>
#include <string.h>

#include "engine.h"
#include "engine_values.h"
#include "intl_data.h"

/* Of realm/intl_collator.js. The lower bits are what a number of `strength` says. */
enum {
    COLLATE_PRIMARY = 0,
    COLLATE_SECONDARY = 1,
    COLLATE_TERTIARY = 2,
    COLLATE_STRENGTH = 3,
    COLLATE_CASE_LEVEL = 4,
    COLLATE_NUMERIC = 8,
    COLLATE_SHIFTED = 16, /* spaces and punctuation count nothing */
    COLLATE_CASE_FIRST = 32,
    COLLATE_UPPER_FIRST = 64,
};

/* ICU4X's CollationMetadata. */
enum { COLLATE_BACKWARDS = 1 << 7 };

enum {
    TAG_FALLBACK = 0,
    TAG_LONG_PRIMARY = 1,
    TAG_LONG_SECONDARY = 2,
    TAG_LATIN_EXPANSION = 4,
    TAG_EXPANSION32 = 5,
    TAG_EXPANSION = 6,
    TAG_PREFIX = 8,
    TAG_CONTRACTION = 9,
    TAG_DIGIT = 10,
    TAG_OFFSET = 14,
};

enum { SPECIAL = 0xc0, COMMON = 0x05000500, CONTRACTION_ENDS_IN_MARK = 0x400 };

/* --- tries of 16 bits (ICU's UCharsTrie) --------------------------------------------------- */

typedef struct Branch {
    const uint16_t *at; /* NULL: it matches nothing any more */
    int left;           /* units of a run that are still to match, or -1 */
    bool has_value, is_final;
    uint32_t value;
} Branch;

static uint32_t branch_long(const uint16_t *at) { return (uint32_t)at[0] << 16 | at[1]; }

/* Reads the value at a node, if there is one. */
static void branch_see(Branch *branch) {
    uint16_t node = *branch->at;
    branch->has_value = node >= 0x40;
    branch->is_final = node & 0x8000;
    if (!branch->has_value) return;
    const uint16_t *at = branch->at + 1;
    if (branch->is_final) {
        node &= 0x7fff;
        branch->value = node < 0x4000   ? node
                        : node < 0x7fff ? (uint32_t)(node - 0x4000) << 16 | at[0]
                                        : branch_long(at);
    } else
        branch->value = node < 0x4040   ? (uint32_t)(node >> 6) - 1
                        : node < 0x7fc0 ? (uint32_t)((node & 0x7fc0) - 0x4040) << 10 | at[0]
                                        : branch_long(at);
}

static const uint16_t *branch_skip_value(const uint16_t *at) {
    uint16_t lead = *at++ & 0x7fff;
    return lead < 0x4000 ? at : lead < 0x7fff ? at + 1 : at + 2;
}

static const uint16_t *branch_jump(const uint16_t *at) {
    uint32_t delta = *at++;
    if (delta == 0xffff) {
        delta = branch_long(at);
        at += 2;
    } else if (delta >= 0xfc00)
        delta = (delta - 0xfc00) << 16 | *at++;
    return at + delta;
}

static void branch_list(Branch *branch, const uint16_t *at, uint32_t length, uint16_t unit) {
    branch->at = NULL;
    if (length == 0) length = *at++;
    length++;
    while (length > 5) {
        if (unit < *at++) {
            length >>= 1;
            at = branch_jump(at);
        } else {
            length -= length >> 1;
            uint16_t delta = *at++;
            at += delta == 0xffff ? 2 : delta >= 0xfc00;
        }
    }
    for (; length > 1; length--) {
        if (unit != *at++) {
            at = branch_skip_value(at);
            continue;
        }
        uint16_t node = *at;
        if (!(node & 0x8000)) { /* the way to go, not a value */
            uint32_t delta = node;
            at++;
            if (node >= 0x7fff) {
                delta = branch_long(at);
                at += 2;
            } else if (node >= 0x4000)
                delta = (uint32_t)(node - 0x4000) << 16 | *at++;
            at += delta;
        }
        branch->at = at;
        branch_see(branch);
        return;
    }
    if (unit != *at++) return;
    branch->at = at;
    branch_see(branch);
}

/* Goes one unit on. */
static void branch_step(Branch *branch, uint16_t unit) {
    const uint16_t *at = branch->at;
    branch->has_value = false;
    if (!at) return;
    if (branch->left < 0) {
        uint16_t node = *at++;
        if (node >= 0x40) { /* a value first, unless it is the last one */
            branch->at = NULL;
            if (node & 0x8000) return;
            if (node >= 0x4040) at += node < 0x7fc0 ? 1 : 2;
            node &= 0x3f;
        }
        if (node < 0x30) {
            branch_list(branch, at, node, unit);
            return;
        }
        branch->left = node - 0x30;
    }
    branch->at = NULL;
    if (unit != *at++) return;
    branch->at = at;
    if (--branch->left < 0) branch_see(branch);
}

static void branch_point(Branch *branch, uint32_t point) {
    if (point > 0xffff) {
        branch_step(branch, (uint16_t)(0xd7c0 + (point >> 10)));
        point = 0xdc00 | (point & 0x3ff);
    }
    branch_step(branch, (uint16_t)point);
}

/* The trie behind the default of a context, which it puts into *otherwise. */
static Branch branch_at(const CollateTable *table, uint32_t ce32, uint32_t *otherwise) {
    const uint16_t *at = table->contexts + (ce32 >> 13);
    *otherwise = branch_long(at);
    return (Branch){.at = at + 2, .left = -1};
}

/* --- texts ------------------------------------------------------------------------------- */

typedef struct Elements {
    JSContext *ctx;
    const CollateLocale *locale;
    uint32_t flags;
    uint32_t *points; /* decomposed; a character that is used up by one before it is UINT32_MAX */
    uint32_t count;
    uint64_t *list;
    uint32_t length, room;
    uint32_t few_points[64];
    uint64_t few[64];
} Elements;

enum { USED = UINT32_MAX };

static bool elements_add(Elements *of, uint64_t element) {
    if (of->length == of->room) {
        bool is_first = of->list == of->few;
        uint32_t room = of->room * 2;
        uint64_t *list =
            js_realloc(of->ctx, is_first ? NULL : of->list, (size_t)room * sizeof *list);
        if (!list) return false;
        if (is_first) memcpy(list, of->few, sizeof of->few);
        of->list = list;
        of->room = room;
    }
    of->list[of->length++] = element;
    return true;
}

static uint64_t element_of_primary(uint32_t primary) { return (uint64_t)primary << 32 | COMMON; }

/* Of what no table knows: behind all else, by code point. */
static uint64_t element_unassigned(uint32_t point) {
    uint32_t rest = point + 1, primary = 2 + rest % 18 * 14;
    rest /= 18;
    primary |= (2 + rest % 254) << 8;
    rest /= 254;
    return element_of_primary(primary | (4 + rest % 251) << 16 | 0xfe000000);
}

/* Of what lies in a row, at the distance of a character from the row's first. */
static uint64_t element_at_offset(uint64_t row, uint32_t point) {
    uint32_t start = (uint32_t)(row >> 32), low = (uint32_t)row, primary;
    int32_t offset = ((int32_t)point - (int32_t)(low >> 8)) * (int32_t)(low & 0x7f);
    offset += (int32_t)(start >> 8 & 0xff) - 2;
    primary = (uint32_t)(offset % 254 + 2) << 8;
    offset /= 254;
    if (low & 0x80) { /* the second byte of compressible ones has fewer values */
        offset += (int32_t)(start >> 16 & 0xff) - 4;
        primary |= (uint32_t)(offset % 251 + 4) << 16;
        offset /= 251;
    } else {
        offset += (int32_t)(start >> 16 & 0xff) - 2;
        primary |= (uint32_t)(offset % 254 + 2) << 16;
        offset /= 254;
    }
    return element_of_primary(primary | ((start & 0xff000000) + ((uint32_t)offset << 24)));
}

/* The element that a CE32 is by itself. */
static bool element_in(uint32_t ce32, uint64_t *element) {
    uint32_t kind = ce32 & 0xff;
    if (kind < SPECIAL)
        *element = (uint64_t)(ce32 & 0xffff0000) << 32 | (ce32 & 0xff00) << 16 | kind << 8;
    else if ((kind & 0xf) == TAG_LONG_PRIMARY)
        *element = element_of_primary(ce32 & 0xffffff00);
    else if ((kind & 0xf) == TAG_LONG_SECONDARY)
        *element = ce32 & 0xffffff00;
    else
        return false;
    return true;
}

static uint32_t elements_lookup(const Elements *of, uint32_t point, const CollateTable **table) {
    *table = &collate_root;
    if (point >= 0xd800 && point < 0xe000) return SPECIAL | 15; /* of no table */
    if (point >= 0x1100 && point < 0x1200) return collate_jamo[point - 0x1100];
    const CollateMarks *marks = &collate_marks[of->locale->marks];
    if (point >= 0x300 && point - 0x300 < marks->count && marks->secondaries[point - 0x300])
        return (uint32_t)marks->secondaries[point - 0x300] << 16 | 0x0500 | SPECIAL |
               TAG_LONG_SECONDARY;
    if (of->locale->table >= 0) {
        *table = &collate_tables[of->locale->table];
        uint32_t ce32 = (*table)->trie.words[intl_trie_at(&(*table)->trie, point)];
        if (ce32 != SPECIAL) return ce32;
    }
    *table = &collate_root;
    return collate_root.trie.words[intl_trie_at(&collate_root.trie, point)];
}

/* What a character is after those before it, the nearest first. */
static uint32_t elements_after(const Elements *of, uint32_t at, const CollateTable *table,
                               uint32_t ce32) {
    uint32_t found;
    Branch branch = branch_at(table, ce32, &found);
    while (at-- > 0 && branch.at && of->points[at] != USED) {
        branch_point(&branch, of->points[at]);
        if (branch.has_value) found = branch.value;
    }
    return found;
}

/* What a character is with those after it: the longest that is there, and then with marks that
 * nothing keeps from it (UTS #10, S2.1). What it took is USED. */
static uint32_t elements_with(Elements *of, uint32_t at, const CollateTable *table, uint32_t ce32) {
    uint32_t found, next = at + 1, end = at + 1;
    Branch branch = branch_at(table, ce32, &found), matched = branch;
    while (next < of->count && branch.at) {
        if (of->points[next] == USED) {
            next++;
            continue;
        }
        branch_point(&branch, of->points[next]);
        if (!branch.at) break;
        next++;
        if (branch.has_value) {
            found = branch.value;
            matched = branch;
            end = next;
        }
    }
    for (uint32_t i = at + 1; i < end; i++) of->points[i] = USED;
    /* Marks further on, over marks of a lower class that stay. */
    int last = 0;
    for (uint32_t i = end; i < of->count; i++) {
        if (of->points[i] == USED) continue;
        int class = engine_combining_class(of->points[i]);
        if (class == 0) break;
        if (class > last) {
            Branch trial = matched;
            branch_point(&trial, of->points[i]);
            if (trial.at && trial.has_value) {
                found = trial.value;
                matched = trial;
                of->points[i] = USED;
                continue;
            }
        }
        last = class;
    }
    return found;
}

/* The value of a decimal digit, or -1. */
static int elements_digit(const Elements *of, uint32_t at) {
    const CollateTable *table;
    if (at >= of->count || of->points[at] == USED) return -1;
    uint32_t ce32 = elements_lookup(of, of->points[at], &table);
    bool is_digit = (ce32 & 0xff) >= SPECIAL && (ce32 & 0xf) == TAG_DIGIT;
    return is_digit ? (int)(ce32 >> 8 & 0xf) : -1;
}

/* Digits as a number: how many there are, and then each of them. */
static bool elements_number(Elements *of, uint32_t *at) {
    uint32_t from = *at, to = from;
    while (elements_digit(of, to) >= 0) to++;
    while (from + 1 < to && elements_digit(of, from) == 0) from++;
    uint32_t count = to - from, lead = (uint32_t)collate_numeric << 24;
    *at = to;
    if (!elements_add(of, element_of_primary(lead | (count > 0xfffff ? 0xfffff : count) << 2 | 2)))
        return false;
    for (uint32_t i = from; i < to; i++) {
        uint32_t digit = (uint32_t)elements_digit(of, i);
        if (!elements_add(of, element_of_primary(lead | 0x800000 | digit << 8 | 2))) return false;
    }
    return true;
}

static bool elements_of(Elements *of, uint32_t at, const CollateTable *table, uint32_t ce32) {
    uint64_t element;
    for (int depth = 0; depth < 8; depth++) {
        if (element_in(ce32, &element)) return elements_add(of, element);
        uint32_t where = ce32 >> 13, length = ce32 >> 8 & 31;
        switch (ce32 & 0xf) {
        case TAG_LATIN_EXPANSION:
            return elements_add(of, (uint64_t)(ce32 & 0xff000000) << 32 | 0x05000000 |
                                        (ce32 & 0xff0000) >> 8) &&
                   elements_add(of, (ce32 & 0xff00) << 16 | 0x0500);
        case TAG_EXPANSION32:
            for (uint32_t i = 0; i < length; i++)
                if (element_in(table->ce32s[where + i], &element) && !elements_add(of, element))
                    return false;
            return true;
        case TAG_EXPANSION:
            for (uint32_t i = 0; i < length; i++)
                if (!elements_add(of, table->ces[where + i])) return false;
            return true;
        case TAG_OFFSET:
            return elements_add(of, element_at_offset(table->ces[where], of->points[at]));
        case TAG_PREFIX:
            ce32 = elements_after(of, at, table, ce32);
            break;
        case TAG_CONTRACTION:
            ce32 = elements_with(of, at, table, ce32);
            break;
        case TAG_DIGIT:
            ce32 = table->ce32s[where];
            break;
        default:
            return elements_add(of, element_unassigned(of->points[at]));
        }
    }
    return elements_add(of, element_unassigned(of->points[at]));
}

static bool elements_make(Elements *of) {
    for (uint32_t at = 0; at < of->count;) {
        if (of->points[at] == USED) {
            at++;
            continue;
        }
        if (of->flags & COLLATE_NUMERIC && elements_digit(of, at) >= 0) {
            if (!elements_number(of, &at)) return false;
            continue;
        }
        const CollateTable *table;
        uint32_t ce32 = elements_lookup(of, of->points[at], &table);
        if (!elements_of(of, at, table, ce32)) return false;
        at++;
    }
    return true;
}

/* Reads a string's code points, decomposed. A lone surrogate is one, too. */
static bool elements_read(Elements *of, EngineText text) {
    bool is_decomposed = true;
    if (text.length > sizeof of->few_points / sizeof *of->few_points) {
        of->points = js_malloc(of->ctx, text.length * sizeof *of->points);
        if (!of->points) return false;
    }
    for (uint32_t i = 0; i < text.length; i++) {
        uint32_t point =
            text.wide ? ((const uint16_t *)text.units)[i] : ((const uint8_t *)text.units)[i];
        if (point >= 0xd800 && point < 0xe000) {
            uint32_t next = i + 1 < text.length ? ((const uint16_t *)text.units)[i + 1] : 0;
            if (point < 0xdc00 && next >= 0xdc00 && next < 0xe000) {
                point = 0x10000 + ((point & 0x3ff) << 10 | (next & 0x3ff));
                i++;
            }
        }
        if (point >= 0xc0) is_decomposed = false;
        of->points[of->count++] = point;
    }
    if (is_decomposed) return true;
    uint32_t *decomposed;
    int64_t length = engine_decompose(of->ctx, &decomposed, of->points, of->count);
    if (length < 0) return false;
    if (of->points != of->few_points) js_free(of->ctx, of->points);
    of->points = decomposed;
    of->count = (uint32_t)length;
    return true;
}

static void elements_free(Elements *of) {
    if (of->points != of->few_points) js_free(of->ctx, of->points);
    if (of->list != of->few) js_free(of->ctx, of->list);
}

/* --- levels ------------------------------------------------------------------------------ */

/* Spaces and punctuation that count nothing take the marks after them along. */
static void elements_shift(Elements *of) {
    uint32_t top = (collate_last[1] << 16) - 1;
    bool is_shifted = false;
    for (uint32_t i = 0; i < of->length; i++) {
        uint32_t primary = (uint32_t)(of->list[i] >> 32);
        if (primary != 0) is_shifted = primary <= top;
        if (is_shifted) of->list[i] = 0;
    }
}

static uint32_t reordered(const CollateOrder *order, uint32_t primary) {
    uint8_t lead = order->bytes[primary >> 24];
    if (lead != 0 || primary <= 1) return (uint32_t)lead << 24 | (primary & 0xffffff);
    if (primary >= order->high) return primary;
    for (uint32_t i = 0; i < order->range_count; i++)
        if ((primary | 0xffff) < order->ranges[i]) return primary + (order->ranges[i] << 24);
    return primary;
}

typedef enum Level { LEVEL_PRIMARY, LEVEL_SECONDARY, LEVEL_CASE, LEVEL_TERTIARY } Level;

static uint32_t weight_at(const Elements *of, Level level, uint64_t element) {
    uint32_t low = (uint32_t)element, primary = (uint32_t)(element >> 32), weight;
    switch (level) {
    case LEVEL_PRIMARY:
        if (primary && of->locale->order >= 0)
            return reordered(&collate_orders[of->locale->order], primary);
        return primary;
    case LEVEL_SECONDARY:
        return low >> 16;
    case LEVEL_CASE:
        /* Without the secondary level it is the case of letters, not of marks. */
        if ((of->flags & COLLATE_STRENGTH) == COLLATE_PRIMARY ? primary == 0 : low >> 16 == 0)
            return 0;
        weight = (low & 0xc000) >> 8 | 1;
        return of->flags & COLLATE_UPPER_FIRST ? 0x100 - weight : weight;
    default:
        if (!(of->flags & COLLATE_CASE_FIRST)) return low & 0x3f3f;
        weight = low & 0xff3f;
        if (of->flags & COLLATE_UPPER_FIRST && weight > 0x100) {
            if (low > 0xffff)
                weight ^= 0xc000;
            else
                weight += 0x4000;
        }
        return weight;
    }
}

/* The next weight that is not 0, or 0 at the end. */
static uint32_t next_weight(const Elements *of, Level level, uint32_t *at, bool is_backwards) {
    while (*at < of->length) {
        uint32_t i = (*at)++;
        uint32_t weight = weight_at(of, level, of->list[is_backwards ? of->length - 1 - i : i]);
        if (weight) return weight;
    }
    return 0;
}

static int compare_level(const Elements *a, const Elements *b, Level level, bool is_backwards) {
    uint32_t at = 0, bt = 0;
    for (;;) {
        uint32_t x = next_weight(a, level, &at, is_backwards);
        uint32_t y = next_weight(b, level, &bt, is_backwards);
        if (x != y) return x < y ? -1 : 1;
        if (x == 0) return 0;
    }
}

static int compare_elements(Elements *a, Elements *b) {
    uint32_t flags = a->flags, strength = flags & COLLATE_STRENGTH;
    if (flags & COLLATE_SHIFTED) {
        elements_shift(a);
        elements_shift(b);
    }
    bool is_backwards = a->locale->bits & COLLATE_BACKWARDS;
    int order = compare_level(a, b, LEVEL_PRIMARY, false);
    if (order == 0 && strength >= COLLATE_SECONDARY)
        order = compare_level(a, b, LEVEL_SECONDARY, is_backwards);
    if (order == 0 && flags & COLLATE_CASE_LEVEL) order = compare_level(a, b, LEVEL_CASE, false);
    if (order == 0 && strength >= COLLATE_TERTIARY)
        order = compare_level(a, b, LEVEL_TERTIARY, false);
    return order;
}

/* --- doors ------------------------------------------------------------------------------- */

JSValue collate_find(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    (void)self, (void)argc;
    const char *name = JS_ToCString(ctx, argv[0]);
    if (!name) return JS_EXCEPTION;
    int32_t found = -1;
    for (uint32_t i = 0; i < collate_locale_count && found < 0; i++)
        if (strcmp(collate_locales[i].name, name) == 0) found = (int32_t)i;
    JS_FreeCString(ctx, name);
    return JS_NewInt32(ctx, found);
}

/* The order of that number, the root's for any other; NULL with an exception pending. */
static const CollateLocale *collate_locale(JSContext *ctx, JSValueConst number) {
    int32_t at;
    if (JS_ToInt32(ctx, &at, number)) return NULL;
    return at >= 0 && (uint32_t)at < collate_locale_count ? &collate_locales[at] : &collate_default;
}

JSValue collate_bits(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    (void)self, (void)argc;
    const CollateLocale *locale = collate_locale(ctx, argv[0]);
    return locale ? JS_NewUint32(ctx, locale->bits) : JS_EXCEPTION;
}

JSValue collate_types(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    (void)self, (void)argc;
    const char *language = JS_ToCString(ctx, argv[0]);
    if (!language) return JS_EXCEPTION;
    JSValue list = JS_NewArray(ctx);
    size_t length = strlen(language);
    uint32_t count = 0;
    for (uint32_t i = 0; i < collate_locale_count && !JS_IsException(list); i++) {
        const char *type = strchr(collate_locales[i].name, ' ');
        if (!type) continue;
        size_t own = (size_t)(type - collate_locales[i].name);
        bool is_of = length == 0 || strncmp(collate_locales[i].name, "und ", 4) == 0 ||
                     (own == length && strncmp(collate_locales[i].name, language, length) == 0);
        if (is_of && JS_DefinePropertyValueUint32(ctx, list, count++, JS_NewString(ctx, type + 1),
                                                  JS_PROP_C_W_E) < 0) {
            JS_FreeValue(ctx, list);
            list = JS_EXCEPTION;
        }
    }
    JS_FreeCString(ctx, language);
    return list;
}

JSValue collate_mark_class(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    (void)self, (void)argc;
    uint32_t point;
    if (JS_ToUint32(ctx, &point, argv[0])) return JS_EXCEPTION;
    return JS_NewInt32(ctx, point < 0x110000 ? engine_combining_class(point) : 0);
}

static void elements_begin(Elements *of, JSContext *ctx, const CollateLocale *locale,
                           uint32_t flags) {
    of->ctx = ctx;
    of->locale = locale;
    of->flags = flags;
    of->points = of->few_points;
    of->list = of->few;
    of->count = of->length = 0;
    of->room = sizeof of->few / sizeof *of->few;
}

JSValue collate_compare(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    (void)self, (void)argc;
    Elements a, b;
    uint32_t flags = 0;
    const CollateLocale *locale = collate_locale(ctx, argv[0]);
    if (!locale || JS_ToUint32(ctx, &flags, argv[1])) return JS_EXCEPTION;
    JSValue texts[2] = {JS_ToString(ctx, argv[2]), JS_ToString(ctx, argv[3])}; /* in one piece */
    int order = 0;
    bool fine = !JS_IsException(texts[0]) && !JS_IsException(texts[1]);
    elements_begin(&a, ctx, locale, flags);
    elements_begin(&b, ctx, locale, flags);
    if (fine) {
        EngineText first = engine_text(texts[0]), second = engine_text(texts[1]);
        bool is_same =
            first.length == second.length && first.wide == second.wide &&
            memcmp(first.units, second.units, (size_t)first.length << (first.wide ? 1 : 0)) == 0;
        fine = is_same || (elements_read(&a, first) && elements_read(&b, second) &&
                           elements_make(&a) && elements_make(&b));
        if (fine && !is_same) order = compare_elements(&a, &b);
    }
    elements_free(&a);
    elements_free(&b);
    JS_FreeValue(ctx, texts[0]);
    JS_FreeValue(ctx, texts[1]);
    return fine ? JS_NewInt32(ctx, order) : JS_EXCEPTION; /* whatever failed has thrown */
}
