/* globals_test.c - the globals that are written in C (globals.h), under sanitizers: random bytes
 * beside what the standards' algorithms make of them, and code that takes memory away in the
 * middle.
 *
 * The realm is on malloc, so that AddressSanitizer sees each block. GLOBALS_RUNS=10000 runs so many
 * rounds (400 otherwise), GLOBALS_SEED=7 others.
 */
#include <stdint.h>
#include <stdio.h>

#include "check.h"
#include "compression.h"
#include "digest.h"
#include "engine.h"
#include "engine_values.h"
#include "globals.h"
#include "loop.h"

static CloneScope scope;
static Globals globals;

static JSContext *open_realm(JSRuntime **runtime) {
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

/* What a text gives, or the error that it throws, in `text`. */
static void evaluate(JSContext *ctx, const char *source, char *text, size_t size) {
    JSValue value = JS_Eval(ctx, source, strlen(source), "cases", JS_EVAL_TYPE_GLOBAL);
    if (JS_IsException(value)) value = JS_GetException(ctx);
    const char *said = JS_ToCString(ctx, value);
    snprintf(text, size, "%s", said ? said : "(nothing)");
    JS_FreeCString(ctx, said);
    JS_FreeValue(ctx, value);
}

static char *read_text(const char *path) {
    FILE *file = fopen(path, "rb");
    REQUIRE(file, "%s", path);
    char *text = calloc(1, 1 << 20);
    size_t length = text ? fread(text, 1, (1 << 20) - 1, file) : 0;
    fclose(file);
    REQUIRE(length > 0);
    return text;
}

static unsigned long setting(const char *name, unsigned long usual) {
    const char *text = getenv(name);
    return text ? strtoul(text, NULL, 10) : usual;
}

TEST("random and hostile uses of the globals are as the standards say, and touch nothing else") {
    static const char head[] = "let state = %lu; const ROUNDS = %lu;"
                               "const random = (n) => {"
                               "  state = (Math.imul(state, 1103515245) + 12345) >>> 0;"
                               "  return (state >>> 8) %% n;"
                               "};";
    JSRuntime *runtime;
    JSContext *ctx = open_realm(&runtime);
    char text[512], begin[sizeof head + 64];
    char *cases = read_text("tests/c/globals_cases.js");
    snprintf(begin, sizeof begin, head, setting("GLOBALS_SEED", 1), setting("GLOBALS_RUNS", 400));
    evaluate(ctx, begin, text, sizeof text);
    evaluate(ctx, cases, text, sizeof text);
    CHECK(strcmp(text, "fine") == 0, "%s", text);
    free(cases);
    close_realm(runtime, ctx);
}

/* --- lazy properties ------------------------------------------------------------------------- */

static JSValue make_number(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv,
                           int which) {
    (void)self, (void)argc, (void)argv;
    JSValue made = JS_NewInt32(ctx, which);
    char text[64];
    if (which == 1) evaluate(ctx, "delete globalThis.one", text, sizeof text);
    if (which == 3)
        evaluate(ctx, "for (let i = 0; i < 500; i++) globalThis['x' + i] = i", text, sizeof text);
    if (which == 4) made = JS_ThrowTypeError(ctx, "not yet");
    return made;
}

TEST("what makes a lazy global may change the global object meanwhile") {
    static const JSCFunctionListEntry lazy[] = {
        ENGINE_LAZY("one", make_number, 1, JS_PROP_C_W_E),
        ENGINE_LAZY("three", make_number, 3, JS_PROP_C_W_E),
        ENGINE_LAZY("four", make_number, 4, JS_PROP_C_W_E),
        ENGINE_LAZY("five", make_number, 5, 0),
    };
    static const char *const cases[][2] = {
        {"Object.keys(globalThis).includes('three') + typeof globalThis.none", "trueundefined"},
        {"String(globalThis.one)", "undefined"}, /* it deleted itself */
        {"three + x499", "502"},
        {"try { four } catch (e) { e.message }", "not yet"},
        {"try { four } catch (e) { e.message }", "not yet"}, /* and is still to be made */
        {"four = 44; four", "TypeError: not yet"},
        {"Object.isFrozen(Object.freeze(globalThis)) || five", "TypeError: not yet"},
        {"'use strict'; try { five = 1 } catch (e) { e.name + five }", "TypeError5"},
        {"delete globalThis.four && 'four' in globalThis", "false"},
    };
    JSRuntime *runtime;
    JSContext *ctx = open_realm(&runtime);
    JSValue global = JS_GetGlobalObject(ctx);
    REQUIRE(JS_SetPropertyFunctionList(ctx, global, lazy, sizeof lazy / sizeof *lazy) == 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128];
        evaluate(ctx, cases[i][0], text, sizeof text);
        CHECK(strcmp(text, cases[i][1]) == 0, "%s gave %s", cases[i][0], text);
    }
    JS_FreeValue(ctx, global);
    close_realm(runtime, ctx);
}

/* --- compression ----------------------------------------------------------------------------- */

/* Adds what a codec makes of a chunk, or of the end, to `out`; false if it threw. */
static bool code(JSContext *ctx, JSValueConst codec, const uint8_t *chunk, size_t length, bool end,
                 Bytes *out) {
    JSValue bytes = end ? JS_UNDEFINED : JS_NewUint8ArrayCopy(ctx, chunk, length);
    JSValue list = compression_code(ctx, JS_UNDEFINED, 2, (JSValueConst[]){codec, bytes});
    JS_FreeValue(ctx, bytes);
    if (JS_IsException(list)) {
        JS_FreeValue(ctx, JS_GetException(ctx));
        return false;
    }
    for (uint32_t i = 0; i < engine_array_length(list); i++) {
        JSValue piece = JS_GetPropertyUint32(ctx, list, i);
        uint8_t *data;
        size_t size;
        REQUIRE(engine_bytes(ctx, piece, &data, &size) && size > 0 && size <= 65536);
        bytes_write(out, data, size);
        JS_FreeValue(ctx, piece);
    }
    JS_FreeValue(ctx, list);
    return true;
}

/* Codes all of `in`, in chunks of random length; false if it threw. */
static bool code_all(JSContext *ctx, const char *format, bool compresses, const Bytes *in,
                     uint32_t *state, Bytes *out) {
    JSValueConst args[] = {JS_NewString(ctx, format), JS_NewBool(ctx, compresses)};
    JSValue codec = compression_codec(ctx, JS_UNDEFINED, 2, args);
    bool fine = JS_IsObject(codec);
    JS_FreeValue(ctx, args[0]);
    for (size_t at = 0; fine && at < in->length;) {
        *state = *state * 1103515245 + 12345;
        size_t length = (*state >> 8) % (*state >> 28 ? 5000 : 3);
        if (length > in->length - at) length = in->length - at;
        fine = code(ctx, codec, in->data + at, length, false, out);
        at += length;
    }
    fine = fine && code(ctx, codec, NULL, 0, true, out);
    JS_FreeValue(ctx, codec);
    return fine;
}

TEST("what is compressed in pieces comes back, and what is damaged is refused or ends") {
    static const char *const formats[] = {"gzip", "deflate", "deflate-raw"};
    JSRuntime *runtime;
    JSContext *ctx = open_realm(&runtime);
    uint32_t state = (uint32_t)setting("GLOBALS_SEED", 1);
    unsigned long runs = setting("GLOBALS_RUNS", 400) / 4;
    for (unsigned long run = 0; run < runs; run++) {
        const char *format = formats[run % 3];
        Bytes in = {.limit = 1 << 20}, packed = {.limit = 1 << 24}, back = {.limit = 1 << 24};
        size_t length = run % 7 ? run * 37 % 5000 : 200000;
        for (size_t i = 0; i < length; i++) {
            state = state * 1103515245 + 12345;
            bytes_u8(&in, (uint8_t)(state >> (state >> 30 ? 29 : 20)));
        }
        REQUIRE(code_all(ctx, format, true, &in, &state, &packed));
        REQUIRE(code_all(ctx, format, false, &packed, &state, &back));
        CHECK(back.length == in.length && memcmp(back.data, in.data, in.length) == 0, "%s of %zu",
              format, length);
        back.length = 0;
        state = state * 1103515245 + 12345;
        size_t at = (state >> 8) % packed.length;
        packed.data[at] ^= (uint8_t)(1u << (state >> 29));
        bool fine = code_all(ctx, format, false, &packed, &state, &back);
        /* gzip's head has fields that nobody checks. */
        CHECK(!fine || run % 3 == 2 || (run % 3 == 0 && at < 10), "%s, byte %zu", format, at);
        packed.length = at;
        CHECK(!code_all(ctx, format, false, &packed, &state, &back), "%s cut at %zu", format, at);
        bytes_free(&in);
        bytes_free(&packed);
        bytes_free(&back);
    }
    JSValueConst none[] = {JS_UNDEFINED, JS_UNDEFINED};
    JSValue wrong = compression_code(ctx, JS_UNDEFINED, 2, none);
    CHECK(JS_IsException(wrong));
    JS_FreeValue(ctx, JS_GetException(ctx));
    close_realm(runtime, ctx);
}

/* --- random bytes, digests ------------------------------------------------------------------- */

static void to_hex(const uint8_t *bytes, size_t length, char *text) {
    for (size_t i = 0; i < length; i++) snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

TEST("a block of ChaCha20 is that of RFC 8439, 2.3.2") {
    static const uint32_t nonce[] = {0x09000000, 0x4a000000, 0};
    static const char expected[] =
        "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
        "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e";
    uint32_t key[8];
    uint8_t block[RANDOM_BLOCK];
    char text[2 * sizeof block + 1];
    for (uint32_t i = 0; i < 8; i++) key[i] = 0x03020100u + 0x04040404u * i;
    random_block(key, 1, nonce, block);
    to_hex(block, sizeof block, text);
    CHECK(strcmp(text, expected) == 0, "%s", text);
}

TEST("random bytes are a stream of which no part, and no key, comes twice") {
    enum { TIMES = 200 };
    static uint8_t seen[TIMES][32];
    Random random;
    REQUIRE(random_open(&random));
    for (int i = 0; i < TIMES; i++) {
        uint8_t bytes[100], before[sizeof random.key];
        memcpy(before, random.key, sizeof before);
        random_fill(&random, bytes, (size_t)i % 101);
        CHECK(memcmp(before, random.key, sizeof before) != 0);
        random_fill(&random, seen[i], sizeof *seen);
        CHECK(memcmp(seen[i], random.key, sizeof *seen) != 0, "the key was given away");
        for (int k = 0; k < i; k++) CHECK(memcmp(seen[i], seen[k], sizeof *seen) != 0);
    }
    Random same = {{0}}, other = {{0}};
    uint8_t one[200], two[200];
    random_fill(&same, one, 200);
    random_fill(&other, two, 200);
    CHECK(memcmp(one, two, 200) == 0, "it depends on more than the key");
    CHECK(memcmp(one, one + 64, 64) != 0);
}

TEST("digests are those of FIPS 180-4, at each length around a block's") {
    /* Of "abc"; and of the digests of 0, 1, ... 299 bytes with the values 0, 1, ..., one behind the
     * other, computed by other implementations. */
    static const char *const expected[][2] = {
        [DIGEST_SHA_1] = {"a9993e364706816aba3e25717850c26c9cd0d89d",
                          "7261d91c9ffd63ee8e68156d4d57e733d4ad7243"},
        [DIGEST_SHA_256] = {"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                            "df90175783c44235cf6aefd935a2c2747f42399416d16789ece339f1fd26d835"},
        [DIGEST_SHA_384] = {"cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
                            "8086072ba1e7cc2358baeca134c825a7",
                            "6e7bbca78761c12cbe06d9d1874b8f819d0757200359f40f7cda1918979607d5"
                            "e98c18577fdbb9804b7b2fce35afcd8e"},
        [DIGEST_SHA_512] = {"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
                            "97248248ab8e9324b9577e93acd92914d32bb25edcacbb91edb75576dea14781"
                            "b5b477c027835c43a08ddc16cbbcd6d067d159897e5c18aa43aeeb2e49811bb3"},
    };
    uint8_t data[300], digest[DIGEST_MOST], all[300 * DIGEST_MOST];
    char text[2 * DIGEST_MOST + 1];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)i;
    for (Digest kind = DIGEST_SHA_1; kind <= DIGEST_SHA_512; kind++) {
        size_t length = 0;
        to_hex(digest, digest_of(kind, (const uint8_t *)"abc", 3, digest), text);
        CHECK(strcmp(text, expected[kind][0]) == 0, "%s", text);
        for (size_t i = 0; i < sizeof data; i++) length += digest_of(kind, data, i, all + length);
        to_hex(digest, digest_of(kind, all, length, digest), text);
        CHECK(strcmp(text, expected[kind][1]) == 0, "%s", text);
    }
}

/* As if its slot had been used 2^32 times in between. */
static JSValue come_round(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    (void)self, (void)argc, (void)argv;
    loop_of(ctx)->timers.slots[0].uses--;
    return JS_UNDEFINED;
}

TEST("an interval that clears itself is not set again, however often its slot was used since") {
    static const char *const sources[] = {
        "let id = setInterval(() => { clearInterval(id); comeRound() }, 0); new Promise(() => {})",
        /* Its slot is another's by then. */
        "id = setInterval(() => { clearInterval(id); setTimeout(() => {}, 1e9); comeRound() }, 0);"
        "new Promise(() => {})",
    };
    JSRuntime *runtime;
    JSContext *ctx = open_realm(&runtime);
    Loop loop;
    Post post = {0}; /* nothing is sent */
    REQUIRE(loop_open(ctx, &loop, &post));
    JSValue global = JS_GetGlobalObject(ctx), with;
    JSValue door = JS_NewCFunction(ctx, come_round, "comeRound", 0);
    CHECK(JS_SetPropertyStr(ctx, global, "comeRound", door) >= 0);
    bool threw;
    for (uint32_t left = 0; left < 2; left++) {
        const char *source = sources[left];
        JSValue never = JS_Eval(ctx, source, strlen(source), "timers", JS_EVAL_TYPE_GLOBAL);
        REQUIRE(JS_IsPromise(never));
        CHECK(loop_turn(ctx, &loop, never, &with, &threw) == (left ? LOOP_WAITS : LOOP_NEVER));
        CHECK(loop.timers.set == left, "%u are set", loop.timers.set);
        JS_FreeValue(ctx, never);
    }
    static const char clear[] = "for (let i = 1; i < 2 ** 27; i += 2 ** 24) clearTimeout(i)";
    JS_FreeValue(ctx, JS_Eval(ctx, clear, strlen(clear), "timers", JS_EVAL_TYPE_GLOBAL));
    CHECK(loop.timers.set == 0);
    js_free(ctx, loop.timers.slots);
    js_free(ctx, loop.timers.heap);
    JS_FreeValue(ctx, global);
    close_realm(runtime, ctx);
}
