/* intl_data.h - what `Intl` knows of languages: constant tables, which scripts/intl.mjs makes of
 * Unicode's CLDR and ICU4X and of IANA's time zones when the library is built.
 *
 * Nothing of them is read before a task asks for it: they are pages of the library's file.
 */
#ifndef DEFERRED_INTL_DATA_H
#define DEFERRED_INTL_DATA_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

/* --- texts: JSON, deflated --------------------------------------------------------------- */

typedef struct IntlBlob {
    uint32_t at, packed, size; /* in intl_bytes: where, how long; how long inflated */
} IntlBlob;

enum {
    INTL_PIECES = 11,
    INTL_INHERITED = 0xffff, /* no blob: a piece is as the parent has it */
};

typedef struct IntlLocale {
    const char *name;
    int16_t parent; /* among the locales, or -1 */
    uint16_t blobs[INTL_PIECES];
} IntlLocale;

typedef struct IntlCommon {
    const char *name;
    uint16_t blob;
} IntlCommon;

extern const uint8_t intl_bytes[];
extern const IntlBlob intl_blobs[];
extern const IntlLocale intl_locales[]; /* by name */
extern const uint32_t intl_locale_count;
extern const IntlCommon intl_commons[];
extern const uint32_t intl_common_count;
extern const char *const intl_pieces[];
extern const uint32_t intl_piece_count;

/* --- time zones: TZif files (RFC 9636) in one ---------------------------------------------- */

typedef struct TzZone {
    const char *name;
    uint32_t at, size;
} TzZone;

extern const uint8_t tz_bytes[];
extern const TzZone tz_zones[]; /* by name in lower case */
extern const uint32_t tz_zone_count;

/* --- maps from code points, as ICU has them (UCPTrie) --------------------------------------- */

typedef struct IntlTrie {
    uint8_t is_small;
    uint32_t high; /* from which code point on all have the same value */
    uint32_t index_count, data_count;
    const uint16_t *index;
    const uint8_t *bytes;
    const uint32_t *words; /* one of them is NULL */
} IntlTrie;

/* Where the value of a code point is. */
static inline uint32_t intl_trie_at(const IntlTrie *trie, uint32_t point) {
    uint32_t at;
    if (point <= (trie->is_small ? 0xfffu : 0xffffu))
        at = trie->index[point >> 6] + (point & 0x3f);
    else if (point >= trie->high)
        at = trie->data_count - 2;
    else {
        uint32_t first = (point >> 14) + (trie->is_small ? 0x40 : 0x3fc);
        assert(first < trie->index_count);
        uint32_t third = trie->index[trie->index[first] + ((point >> 9) & 0x1f)];
        uint32_t within = (point >> 4) & 0x1f, block;
        if (third & 0x8000) { /* offsets of 18 bits: of each eight the upper two in one unit */
            third = (third & 0x7fff) + (within & ~7u) + (within >> 3);
            within &= 7;
            block = ((uint32_t)trie->index[third] << (2 + 2 * within)) & 0x30000;
            block |= trie->index[third + 1 + within];
        } else
            block = trie->index[third + within];
        at = block + (point & 0xf);
    }
    assert(at < trie->data_count);
    return at < trie->data_count ? at : trie->data_count - 1;
}

/* --- collation: see collate.c ---------------------------------------------------------------- */

typedef struct CollateTable {
    IntlTrie trie;
    const uint64_t *ces;
    const uint32_t *ce32s;
    const uint16_t *contexts;
} CollateTable;

typedef struct CollateOrder { /* of scripts */
    uint32_t high;            /* primaries from it on are not reordered */
    const uint8_t *bytes;     /* by the first byte of a primary */
    const uint32_t *ranges;
    uint32_t range_count;
} CollateOrder;

typedef struct CollateMarks { /* the secondary weights of the marks from U+0300 on, or 0 */
    const uint16_t *secondaries;
    uint32_t count;
} CollateMarks;

typedef struct CollateLocale {
    const char *name; /* "de phonebk" */
    uint32_t bits;    /* ICU4X's CollationMetadata */
    int16_t table;    /* or -1: the root's */
    int16_t order;    /* or -1 */
    uint8_t marks;
} CollateLocale;

extern const CollateTable collate_root;
extern const CollateMarks collate_marks[];
extern const uint32_t *const collate_jamo; /* of U+1100 to U+11FF */
extern const uint32_t collate_last[4];     /* the first primary after spaces, punctuation, … */
extern const uint8_t collate_numeric;
extern const CollateTable collate_tables[];
extern const CollateOrder collate_orders[];
extern const CollateLocale collate_locales[]; /* by name */
extern const CollateLocale collate_default;   /* of a language that has no order of its own */
extern const uint32_t collate_locale_count;

/* --- segments: see segment.c ------------------------------------------------------------------ */

typedef struct SegmentRules {
    IntlTrie trie;         /* to properties */
    const uint8_t *states; /* what follows two properties */
    const uint8_t *status;
    uint32_t status_count;
    uint8_t property_count, last_property, start, end, complex;
} SegmentRules;

extern const SegmentRules segment_rules[]; /* graphemes, words, sentences */

#endif
