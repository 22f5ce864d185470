/* intl_test.c - Intl's native half (collate.h, segment.h, tz.h), under sanitizers: random texts,
 * and every time zone. (Where memory ends a task does, too: tests/intl_test.ts.)
 *
 * The realm is on malloc, so that AddressSanitizer sees each block. INTL_RUNS=100000 compares so
 * many texts (3000 otherwise), INTL_SEED=7 others.
 */
#include <stdint.h>
#include <stdio.h>

#include "check.h"
#include "collate.h"
#include "globals.h"
#include "intl_data.h"
#include "tz.h"
#include "zone.h"

static CloneScope scope;
static Globals globals;

static JSContext *open_realm(JSRuntime **runtime) {
    zone_read();
    *runtime = JS_NewRuntime();
    JSContext *ctx = *runtime ? JS_NewContext(*runtime) : NULL;
    globals = (Globals){.scope = &scope};
    JSValue global = ctx ? JS_GetGlobalObject(ctx) : JS_UNDEFINED;
    JSAtom own = ctx ? JS_NewAtom(ctx, "performance") : JS_ATOM_NULL;
    REQUIRE(ctx && JS_DeleteProperty(ctx, global, own, 0) > 0); /* the engine's: realms have none */
    JS_FreeAtom(ctx, own);
    JS_FreeValue(ctx, global);
    REQUIRE(random_open(&globals.random) && globals_add(ctx, &globals));
    globals_begin(&globals, SIZE_MAX / 2);
    return ctx;
}

static void close_realm(JSRuntime *runtime, JSContext *ctx) {
    JS_FreeContext(ctx);
    JS_FreeRuntime(runtime);
    globals_end(&globals);
}

/* What a text gives, in `text`; "(failed)" if it throws. */
static void evaluate(JSContext *ctx, const char *source, char *text, size_t size) {
    JSValue value = JS_Eval(ctx, source, strlen(source), "intl", JS_EVAL_TYPE_GLOBAL);
    bool failed = JS_IsException(value);
    if (failed) value = JS_GetException(ctx);
    const char *said = JS_ToCString(ctx, value);
    snprintf(text, size, "%s%s", failed ? "(failed) " : "", said ? said : "(nothing)");
    JS_FreeCString(ctx, said);
    JS_FreeValue(ctx, value);
}

static unsigned long setting(const char *name, unsigned long usual) {
    const char *text = getenv(name);
    return text ? strtoul(text, NULL, 10) : usual;
}

/* --- texts ------------------------------------------------------------------------------------ */

TEST("orders of random texts are orders, and what is equivalent is equal in all of them") {
    static const char source[] =
        "const random = (n) => {"
        "  state = (Math.imul(state, 1103515245) + 12345) >>> 0;"
        "  return (state >>> 8) % n;"
        "};"
        "const text = () => {"
        "  let made = '';"
        "  for (let i = random(6); i-- > 0;) {"
        "    const kind = random(8);"
        "    made += kind < 3 ? String.fromCharCode(32 + random(95))"
        "      : kind === 3 ? String.fromCharCode(0x300 + random(0x70))"
        "      : kind === 4 ? String.fromCodePoint(0x900 + random(0x900))"
        "      : kind === 5 ? String.fromCodePoint(random(0x110000))"
        "      : kind === 6 ? String.fromCharCode(0xd7f0 + random(0x820))"
        "      : 'äñčıßÅΆйが각'[random(10)];"
        "  }"
        "  return made;"
        "};"
        "const LOCALES = ['en', 'de-u-co-phonebk', 'sv', 'zh', 'zh-Hant', 'ja', 'ko', 'fr-CA', "
        "'vi',"
        "  'hr', 'ru', 'hu', 'lt', 'ar', 'hi', 'es-u-co-trad', 'da', 'en-u-co-emoji'];"
        "const STRENGTHS = ['base', 'accent', 'case', 'variant'];"
        "const FIRST = ['false', 'upper', 'lower'];"
        "let told = 'fine';"
        "for (let i = 0; i < ROUNDS; i++) {"
        "  const { compare } = new Intl.Collator(LOCALES[random(LOCALES.length)], {"
        "    sensitivity: STRENGTHS[random(4)], numeric: !random(2), caseFirst: FIRST[random(3)],"
        "    ignorePunctuation: !random(3) });"
        "  const list = [text(), text(), text(), text()];"
        "  for (const a of list) for (const b of list) {"
        "    if (compare(a, b) !== -compare(b, a)) told = `${escape(a)} ${escape(b)}`;"
        "    for (const c of list)"
        "      if (compare(a, b) < 0 && compare(b, c) < 0 && compare(a, c) >= 0)"
        "        told = `${escape(a)} ${escape(b)} ${escape(c)}`;"
        "  }"
        "  for (const a of list) if (compare(a, a.normalize('NFD')) !== 0) told = `NFD "
        "${escape(a)}`;"
        "  for (const granularity of ['grapheme', 'word', 'sentence']) {"
        "    const all = list.join('');"
        "    const segments = new Intl.Segmenter('en', { granularity }).segment(all);"
        "    let at = 0;"
        "    for (const { segment, index } of segments) {"
        "      if (index !== at || segment === '') told = `${granularity} ${escape(all)}`;"
        "      at += segment.length;"
        "      if (segments.containing(at - 1).index !== index) told = `in ${escape(all)}`;"
        "    }"
        "    if (at !== all.length) told = `${granularity} ${escape(all)}`;"
        "  }"
        "}"
        "told";
    JSRuntime *runtime;
    JSContext *ctx = open_realm(&runtime);
    char text[512];
    snprintf(text, sizeof text, "var state = %lu; var ROUNDS = %lu", setting("INTL_SEED", 1),
             setting("INTL_RUNS", 3000) / 10);
    evaluate(ctx, text, text, sizeof text);
    evaluate(ctx, source, text, sizeof text);
    CHECK(strcmp(text, "fine") == 0, "%s", text);
    close_realm(runtime, ctx);
}

static size_t put_point(char *at, uint32_t point) { /* UTF-8 */
    if (point < 0x80) {
        at[0] = (char)point;
        return 1;
    }
    size_t more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    at[0] = (char)((0xf00 >> more) | point >> 6 * more);
    for (size_t i = 1; i <= more; i++) at[i] = (char)(0x80 | (point >> 6 * (more - i) & 0x3f));
    return more + 1;
}

/* Compares what has that character with itself, and with another: weights are read of all tables.
 */
static void compare_point(JSContext *ctx, uint32_t order, uint32_t point) {
    char text[16];
    size_t length = put_point(text, point);
    length += put_point(text + length, 0x301);
    length += put_point(text + length, point);
    JSValue argv[] = {JS_NewUint32(ctx, order), JS_NewInt32(ctx, 2),
                      JS_NewStringLen(ctx, text, length), JS_NewString(ctx, "b")};
    JSValue there = collate_compare(ctx, JS_UNDEFINED, 4, argv), swapped = argv[2];
    argv[2] = argv[3];
    argv[3] = swapped;
    JSValue back = collate_compare(ctx, JS_UNDEFINED, 4, argv);
    int32_t first = 2, second = 2;
    CHECK(JS_ToInt32(ctx, &first, there) == 0 && JS_ToInt32(ctx, &second, back) == 0 &&
              first == -second && first >= -1 && first <= 1,
          "U+%04X in %s: %d, %d", point, collate_locales[order].name, first, second);
    JS_FreeValue(ctx, argv[2]);
    JS_FreeValue(ctx, argv[3]);
}

TEST("each order has weights for each character that it orders, and reads none beyond its tables") {
    JSRuntime *runtime;
    JSContext *ctx = open_realm(&runtime);
    uint32_t step = (uint32_t)(90000 / setting("INTL_RUNS", 3000)) + 1, orders = 0;
    bool is_root_done = false;
    for (uint32_t i = 0; i < collate_locale_count; i++) {
        int16_t table = collate_locales[i].table;
        if (table < 0 && is_root_done) continue;
        is_root_done |= table < 0;
        orders++;
        for (uint32_t point = 0; point < 0x110000; point++) {
            if (point >= 0xd800 && point < 0xe000) continue;
            const IntlTrie *trie = table < 0 ? NULL : &collate_tables[table].trie;
            bool is_own = trie && trie->words[intl_trie_at(trie, point)] != 0xc0;
            if (is_own ? point < 0x3000 || point % 5 == 0 : !trie && point % step == 0)
                compare_point(ctx, i, point);
        }
    }
    CHECK(is_root_done && orders > 30, "%u", orders);
    close_realm(runtime, ctx);
}

/* --- time zones ------------------------------------------------------------------------------- */

TEST("each time zone has offsets for ever, and is found in any case") {
    for (uint32_t i = 0; i < tz_zone_count; i++) {
        const TzZone *zone = &tz_zones[i];
        char name[64];
        size_t length = strlen(zone->name);
        REQUIRE(length < sizeof name);
        for (size_t k = 0; k <= length; k++)
            name[k] = zone->name[k] >= 'a' && zone->name[k] <= 'z' ? (char)(zone->name[k] - 32)
                                                                   : zone->name[k];
        CHECK(tz_find(name, length) == zone, "%s", zone->name);
        CHECK(tz_find(name, length - 1) != zone && tz_find(name, 0) == NULL);
        for (int64_t second = -8640000000000; second <= 8640000000000; second += 43199999999) {
            int32_t seconds = tz_offset(zone, second).seconds;
            CHECK(seconds > -16 * 3600 && seconds < 16 * 3600, "%s at %lld: %d", zone->name,
                  (long long)second, seconds);
        }
    }
}

TEST("a map from code points has a value for each, and stays within its tables") {
    const IntlTrie *const tries[] = {&collate_root.trie, &segment_rules[0].trie,
                                     &segment_rules[1].trie, &segment_rules[2].trie};
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++)
        for (uint32_t point = 0; point < 0x110000; point++)
            REQUIRE(intl_trie_at(tries[i], point) < tries[i]->data_count, "U+%04X", point);
}
