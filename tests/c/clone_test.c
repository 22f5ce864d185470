/* clone_test.c - the C half of the codec: against the vectors that both halves share, in a realm
 * that does all it can to break it, and against bytes that nobody would write.
 *
 * What a value turns into is told in JavaScript, in clone_cases.js: each case runs in a realm of
 * its own, which has encode(value), to hex, and decode(hex) on its globalThis. An encode that fails
 * throws { result: "uncloneable", message, path }, or what a getter threw.
 *
 * CLONE_BENCH prints how long those large values take whose name it is a part of, "" all of them
 * (in a release build, to mean anything).
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "clone.h"

#define CASES "tests/c/clone_cases.js"
#define VECTORS "tests/vectors/clone.json"
#define MALFORMED "tests/vectors/malformed.json"

/* --- a realm that is told of each leak --------------------------------------------------- */

typedef struct World {
    JSRuntime *runtime;
    JSContext *ctx;
    size_t blocks; /* that the runtime has not given back */
    bool interrupt;
} World;

static void *world_calloc(void *opaque, size_t count, size_t size) {
    ((World *)opaque)->blocks++;
    return calloc(count, size);
}

static void *world_malloc(void *opaque, size_t size) {
    ((World *)opaque)->blocks++;
    return malloc(size);
}

static void world_free(void *opaque, void *block) {
    if (block) ((World *)opaque)->blocks--;
    free(block);
}

static void *world_realloc(void *opaque, void *block, size_t size) {
    if (!block) ((World *)opaque)->blocks++;
    return realloc(block, size);
}

/* Memory comes from malloc, of which the size is not asked. */
static size_t world_usable_size(const void *block) {
    (void)block;
    return 0;
}

static int on_poll(JSContext *ctx, void *opaque) {
    (void)ctx;
    return ((World *)opaque)->interrupt;
}

static char *hex_of(const Bytes *bytes) {
    char *text = malloc(bytes->length * 2 + 1);
    if (!text) abort();
    for (size_t i = 0; i < bytes->length; i++) {
        text[i * 2] = "0123456789abcdef"[bytes->data[i] >> 4];
        text[i * 2 + 1] = "0123456789abcdef"[bytes->data[i] & 15];
    }
    text[bytes->length * 2] = '\0';
    return text;
}

static unsigned digit_of(char c) { return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10) & 15; }

/* Bytes of exactly their length, so that a sanitizer sees what is read behind them. */
static uint8_t *bytes_of(const char *hex, size_t *length) {
    *length = strlen(hex) / 2;
    uint8_t *data = malloc(*length ? *length : 1);
    if (!data) abort();
    for (size_t i = 0; i < *length; i++)
        data[i] = (uint8_t)(digit_of(hex[i * 2]) << 4 | digit_of(hex[i * 2 + 1]));
    return data;
}

static JSValue js_encode(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    (void)self, (void)argc;
    Bytes bytes = {0};
    CloneFailure failure;
    CloneResult result = clone_encode(ctx, argv[0], &bytes, NULL, &failure);
    JSValue value = JS_EXCEPTION;
    if (result == CLONE_OK) {
        char *hex = hex_of(&bytes);
        value = JS_NewString(ctx, hex);
        free(hex);
    } else if (result == CLONE_UNCLONEABLE) {
        JSValue error = JS_NewObject(ctx);
        JS_SetPropertyStr(ctx, error, "message", failure.message);
        JS_SetPropertyStr(ctx, error, "path", failure.path);
        JS_SetPropertyStr(ctx, error, "result", JS_NewString(ctx, "uncloneable"));
        JS_Throw(ctx, error);
    }
    if (result != CLONE_OK && bytes.length) abort(); /* nothing may be left of a failure */
    bytes_free(&bytes);
    return value;
}

static JSValue js_decode(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    (void)self, (void)argc;
    JSValue value = JS_UNDEFINED;
    const char *hex = JS_ToCString(ctx, argv[0]);
    if (!hex) return JS_EXCEPTION;
    size_t length;
    uint8_t *data = bytes_of(hex, &length);
    int failed = clone_decode(ctx, data, length, NULL, &value, 1);
    free(data);
    JS_FreeCString(ctx, hex);
    return failed ? JS_EXCEPTION : value;
}

static void report_exception(JSContext *ctx, const char *what) {
    JSValue exception = JS_GetException(ctx);
    const char *text = JS_ToCString(ctx, exception);
    JSValue stack =
        JS_IsObject(exception) ? JS_GetPropertyStr(ctx, exception, "stack") : JS_UNDEFINED;
    const char *lines = JS_IsString(stack) ? JS_ToCString(ctx, stack) : NULL;
    CHECK(false, "%s: %s\n%s", what, text ? text : "?", lines ? lines : "");
    JS_FreeCString(ctx, text);
    if (lines) JS_FreeCString(ctx, lines);
    JS_FreeValue(ctx, stack);
    JS_FreeValue(ctx, exception);
}

static JSValue evaluate(JSContext *ctx, const char *source) {
    return JS_Eval(ctx, source, strlen(source), "test", JS_EVAL_TYPE_GLOBAL);
}

static void world_open(World *world) {
    static const JSMallocFunctions functions = {
        .js_calloc = world_calloc,
        .js_malloc = world_malloc,
        .js_free = world_free,
        .js_realloc = world_realloc,
        .js_malloc_usable_size = world_usable_size,
    };
    *world = (World){0};
    world->runtime = JS_NewRuntime2(&functions, world);
    JSContext *ctx = world->ctx = world->runtime ? JS_NewContext(world->runtime) : NULL;
    REQUIRE(ctx);
    JS_SetMaxStackSize(world->runtime, 8 << 20); /* sanitizers need much */
    JS_SetInterruptHandler(world->runtime, on_poll, world);
    JS_AddIntrinsicDOMException(ctx);
    JSValue global = JS_GetGlobalObject(ctx);
    JS_SetPropertyStr(ctx, global, "encode", JS_NewCFunction(ctx, js_encode, "encode", 1));
    JS_SetPropertyStr(ctx, global, "decode", JS_NewCFunction(ctx, js_decode, "decode", 1));
    JS_FreeValue(ctx, global);
}

/* The engine asserts that no object is left; the count tells of anything else. */
static void world_close(World *world) {
    JS_FreeContext(world->ctx);
    JS_FreeRuntime(world->runtime);
    CHECK(world->blocks == 0, "%zu blocks leaked", world->blocks);
}

/* --- cases ------------------------------------------------------------------------------- */

static char *read_file(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    char *text = NULL;
    size_t capacity = 0, read;
    *length = 0;
    do {
        if (*length == capacity) text = realloc(text, (capacity = capacity * 2 + 65536) + 1);
        if (!text) abort();
        read = fread(text + *length, 1, capacity - *length, file);
        *length += read;
    } while (read > 0);
    fclose(file);
    text[*length] = '\0';
    return text;
}

/* A realm with the cases; their object. */
static JSValue cases_open(World *world) {
    size_t length;
    char *source = read_file(CASES, &length);
    REQUIRE(source != NULL, "%s can't be read; run this from the root of the repository", CASES);
    world_open(world);
    JSValue done = JS_Eval(world->ctx, source, length, CASES, JS_EVAL_TYPE_GLOBAL);
    free(source);
    if (JS_IsException(done)) report_exception(world->ctx, CASES);
    JS_FreeValue(world->ctx, done);
    JSValue global = JS_GetGlobalObject(world->ctx);
    JSValue cases = JS_GetPropertyStr(world->ctx, global, "cases");
    JS_FreeValue(world->ctx, global);
    return cases;
}

static void run_case(const char *name) {
    World world;
    JSValue cases = cases_open(&world);
    JSValue function = JS_GetPropertyStr(world.ctx, cases, name);
    JSValue value = JS_Call(world.ctx, function, JS_UNDEFINED, 0, NULL);
    if (JS_IsException(value)) report_exception(world.ctx, name);
    JS_FreeValue(world.ctx, value);
    JS_FreeValue(world.ctx, function);
    JS_FreeValue(world.ctx, cases);
    world_close(&world);
}

TEST("the cases of clone_cases.js, each in a realm of its own") {
    World world;
    JSValue cases = cases_open(&world);
    JSPropertyEnum *names = NULL;
    uint32_t count = 0;
    int flags = JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY;
    const char *only = getenv("CLONE_TEST_CASE");
    CHECK(JS_GetOwnPropertyNames(world.ctx, &names, &count, cases, flags) == 0 && count > 0);
    for (uint32_t i = 0; i < count; i++) {
        const char *name = JS_AtomToCString(world.ctx, names[i].atom);
        if (!only || strstr(name, only)) run_case(name);
        JS_FreeCString(world.ctx, name);
    }
    JS_FreePropertyEnum(world.ctx, names, count);
    JS_FreeValue(world.ctx, cases);
    world_close(&world);
}

/* --- memory of the host's ---------------------------------------------------------------- */

enum { REGION = 64 }; /* bytes, each a 7 */

/* What code does with `b`, an ArrayBuffer over memory of the host's, and with `s`, a
 * SharedArrayBuffer; what comes of it as text, and whether the memory is as it was. */
static const struct {
    const char *source, *result;
    bool written;
} lent_cases[] = {
    {"[b.byteLength, b.resizable, b.detached, new Uint8Array(b)[63]]", "64,false,false,7", false},
    {"new Uint8Array(b).fill(9).length", "64", true},
    {"new Uint8Array(s).fill(9).length", "64", true},
    {"const c = b.transfer(); [b.detached, b.byteLength, c.byteLength, new Uint8Array(c)[63]]",
     "true,0,64,7", false},
    {"new Uint8Array(b.transfer().transfer().transferToFixedLength()).fill(9).length", "64", true},
    {"const c = new Uint8Array(b.transfer(128)); [c.fill(9, 0, 1).length, c[63], c[64]]", "128,7,0",
     false},
    {"const c = new Uint8Array(b.transfer(10)); c.fill(9); [c.length, b.detached]", "10,true",
     false},
    {"const c = b.transfer(99).transfer(3).transfer(1e5).transfer(64);"
     "[c.byteLength, ...new Uint8Array(c).slice(1, 5)]",
     "64,7,7,0,0", false},
    {"[b.transfer(0).byteLength, b.detached]", "0,true", false},
    {"b.transfer(128).transfer(0).byteLength", "0", false},
    {"const v = new Uint8Array(b, 8), d = new DataView(b, 8), c = b.transfer();"
     "try { d.getInt8(0); } catch (e) { [v.length, v[0], v.byteOffset, e.name]; }",
     "0,,0,TypeError", false},
    {"const v = new Uint16Array(b); v.set([{ valueOf() { b.transfer(128); return 5; } }]); "
     "v.length",
     "0", false},
    {"const c = b.transfer({ valueOf() { b.transfer(); return 64; } });", "TypeError", false},
    {"b.transfer(2 ** 40)", "RangeError", false},
    {"try { b.transfer(-1); } catch {} [b.detached, new Uint8Array(b)[0]]", "false,7", false},
    {"b.resize(8)", "TypeError", false},
    {"new Uint8Array(b.slice(8)).fill(9).length", "56", false},
    {"ArrayBuffer.prototype.transfer.call(s)", "TypeError", false},
    {"s.grow(128)", "TypeError", false},
    /* Nothing of the engine's own detaches otherwise; were there one, this would have to know. */
    {"[typeof structuredClone, typeof postMessage]", "undefined,undefined", false},
    /* Not lent, but copied into the realm: a buffer that may be resized. */
    {"const r = decode(encode(new ArrayBuffer(8, { maxByteLength: 64 }))), v = new Uint8Array(r);"
     "v.fill(1); r.resize(64); r.resize(0); r.resize(3); const t = r.transfer(32); t.resize(64);"
     "[v.length, r.detached, t.byteLength, t.resizable, t.transferToFixedLength(70).resizable]",
     "0,true,64,true,false", false},
};

static JSValue over_region(JSContext *ctx, uint8_t tag, const CloneScope *scope) {
    uint8_t bytes[] = {tag, 0};
    JSValue value = JS_UNDEFINED;
    CHECK(clone_decode(ctx, bytes, sizeof bytes, scope, &value, 1) == 0);
    return value;
}

TEST("what a task does with memory of the host's frees it never, and what it makes of it once") {
    for (size_t i = 0; i < sizeof lent_cases / sizeof *lent_cases; i++) {
        const char *source = lent_cases[i].source;
        World world;
        uint8_t *memory = malloc(REGION); /* just as long, for a sanitizer to see */
        REQUIRE(memory != NULL);
        memset(memory, 7, REGION);
        CloneRegion region = {.data = memory, .length = REGION};
        CloneLent lent = {.regions = &region, .count = 1};
        CloneScope scope = {.lent = &lent};
        world_open(&world);
        JSContext *ctx = world.ctx;
        JSValue global = JS_GetGlobalObject(ctx);
        JS_SetPropertyStr(ctx, global, "b", over_region(ctx, WIRE_LENT, &scope));
        JS_SetPropertyStr(ctx, global, "s", over_region(ctx, WIRE_SHARED, &scope));
        JSValue value = evaluate(ctx, source);
        if (JS_IsException(value)) {
            JSValue error = JS_GetException(ctx);
            value = JS_GetPropertyStr(ctx, error, "name");
            JS_FreeValue(ctx, error);
        }
        const char *text = JS_ToCString(ctx, value);
        CHECK(text && strcmp(text, lent_cases[i].result) == 0, "%s: %s", source, text);
        JS_FreeCString(ctx, text);
        JS_FreeValue(ctx, value);
        JS_FreeValue(ctx, global);
        world_close(&world);
        uint8_t expected = lent_cases[i].written ? 9 : 7;
        for (size_t k = 0; k < REGION; k++)
            CHECK(memory[k] == expected, "%s: %u at %zu", source, memory[k], k);
        free(memory);
    }
}

/* --- vectors ----------------------------------------------------------------------------- */

typedef void EachVector(World *world, JSValueConst vector, const char *name);

static void each_vector(World *world, const char *path, EachVector *each) {
    JSContext *ctx = world->ctx;
    size_t size;
    char *text = read_file(path, &size);
    REQUIRE(text != NULL, "%s can't be read; run this from the root of the repository", path);
    JSValue list = JS_ParseJSON(ctx, text, size, path);
    free(text);
    REQUIRE(!JS_IsException(list), "%s is no JSON", path);
    int64_t length = 0;
    REQUIRE(JS_GetLength(ctx, list, &length) == 0 && length > 0, "%s is empty", path);
    for (uint32_t i = 0; i < length; i++) {
        JSValue vector = JS_GetPropertyUint32(ctx, list, i);
        JSValue name = JS_GetPropertyStr(ctx, vector, "name");
        const char *words = JS_ToCString(ctx, name);
        each(world, vector, words);
        JS_FreeCString(ctx, words);
        JS_FreeValue(ctx, name);
        JS_FreeValue(ctx, vector);
    }
    JS_FreeValue(ctx, list);
}

static char *string_of(JSContext *ctx, JSValueConst vector, const char *key) {
    JSValue value = JS_GetPropertyStr(ctx, vector, key);
    char *copy = NULL;
    if (!JS_IsUndefined(value)) {
        const char *text = JS_ToCString(ctx, value);
        if (text) copy = strdup(text);
        JS_FreeCString(ctx, text);
    }
    JS_FreeValue(ctx, value);
    return copy;
}

/* Encodes into hex. NULL, and a failed check, if that fails. */
static char *encode_hex(JSContext *ctx, JSValueConst value, const char *name) {
    Bytes bytes = {0};
    CloneFailure failure;
    char *hex = NULL;
    CloneResult result = clone_encode(ctx, value, &bytes, NULL, &failure);
    if (result == CLONE_OK) {
        hex = hex_of(&bytes);
    } else if (result == CLONE_UNCLONEABLE) {
        const char *message = JS_ToCString(ctx, failure.message);
        const char *path = JS_ToCString(ctx, failure.path);
        CHECK(false, "%s: %s at %s", name, message, path);
        JS_FreeCString(ctx, message);
        JS_FreeCString(ctx, path);
    } else {
        report_exception(ctx, name);
    }
    JS_FreeValue(ctx, failure.message);
    JS_FreeValue(ctx, failure.path);
    bytes_free(&bytes);
    return hex;
}

static void check_hex(const char *name, const char *what, const char *got, const char *wanted) {
    if (!got) return;
    CHECK(strcmp(got, wanted) == 0, "%s: %s gives\n  %.300s, not\n  %.300s", name, what, got,
          wanted);
}

static void check_vector(World *world, JSValueConst vector, const char *name) {
    JSContext *ctx = world->ctx;
    char *js = string_of(ctx, vector, "js");
    char *hex = string_of(ctx, vector, "hex");
    char *again = string_of(ctx, vector, "again"); /* if the value changed as it was encoded */
    size_t size = strlen(js) + 8, length;
    char *source = malloc(size);
    REQUIRE(source != NULL);
    snprintf(source, size, "(%s)", js);
    JSValue value = evaluate(ctx, source);
    if (JS_IsException(value)) {
        report_exception(ctx, name);
    } else {
        char *got = encode_hex(ctx, value, name);
        check_hex(name, "encoding", got, hex);
        free(got);
    }
    JS_FreeValue(ctx, value);
    uint8_t *data = bytes_of(hex, &length);
    if (clone_decode(ctx, data, length, NULL, &value, 1)) {
        report_exception(ctx, name);
    } else {
        char *got = encode_hex(ctx, value, name);
        check_hex(name, "decoding and encoding", got, again ? again : hex);
        free(got);
        JS_FreeValue(ctx, value);
    }
    free(data);
    free(source);
    free(js);
    free(hex);
    free(again);
}

TEST("each vector is encoded as it says, and decoded to what is encoded so again") {
    World world;
    world_open(&world);
    each_vector(&world, VECTORS, check_vector);
    world_close(&world);
}

/* How deep the lists of an encoder that begin on C's stack are when they grow. */
static const int depths[] = {7, 15, 31, 63};

/* Encodes a value with siblings around it, under `depth` objects; what came out of it, as hex. */
static const char nest_source[] =
    "(js, depth) => {\n"
    "  const value = () => (0, eval)(`(${js})`);\n"
    "  const list = (v) => [v, { x: 1 }, 5, { y: 2 }];\n"
    "  const nest = (v) => { for (let i = 0; i < depth; i++) v = { a: v }; return v; };\n"
    "  const open = (v) => { for (let i = 0; i < depth; i++) v = v.a; return v; };\n"
    "  const check = (c) => {\n"
    "    const [, x, n, y, ...more] = c;\n"
    "    if (more.length || x.x !== 1 || n !== 5 || y.y !== 2) throw new Error('siblings');\n"
    "  };\n"
    "  const inList = open(decode(encode(nest(list(value())))));\n"
    "  check(inList);\n"
    "  const [v, x, n, y] = list(value());\n"
    "  const inObject = open(decode(encode(nest({ v, x, n, y }))));\n"
    "  check(Object.values(inObject));\n"
    "  const inMap = open(decode(encode(nest(new Map([[x, value()], [n, y]])))));\n"
    "  const [[first, inside], [five, last]] = inMap;\n"
    "  check([inside, first, five, last]);\n"
    "  const cause = open(decode(encode(nest(new Error('', { cause: value() }))))).cause;\n"
    "  return [inList[0], inObject.v, inside, cause].map(encode).join();\n"
    "}";

static void check_nested(World *world, JSValueConst vector, const char *name) {
    JSContext *ctx = world->ctx;
    char *hex = string_of(ctx, vector, "hex"), *again = string_of(ctx, vector, "again");
    const char *wanted = again ? again : hex;
    size_t length = strlen(wanted), size = 4 * (length + 1);
    char *all = malloc(size);
    REQUIRE(all != NULL);
    snprintf(all, size, "%s,%s,%s,%s", wanted, wanted, wanted, wanted);
    JSValue function = evaluate(ctx, nest_source);
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
        JSValue args[] = {JS_GetPropertyStr(ctx, vector, "js"), JS_NewInt32(ctx, depths[i])};
        JSValue result = JS_Call(ctx, function, JS_UNDEFINED, 2, args);
        if (JS_IsException(result)) report_exception(ctx, name);
        const char *got = JS_ToCString(ctx, result);
        check_hex(name, "nesting and encoding again", got, all);
        JS_FreeCString(ctx, got);
        JS_FreeValue(ctx, result);
        JS_FreeValue(ctx, args[0]);
    }
    JS_FreeValue(ctx, function);
    free(all);
    free(hex);
    free(again);
}

TEST("each vector arrives as it is from any depth, beside siblings") {
    World world;
    world_open(&world);
    each_vector(&world, VECTORS, check_nested);
    world_close(&world);
}

/* Takes the pending exception; whether it is a DataCloneError. */
static bool is_data_clone_error(JSContext *ctx) {
    JSValue exception = JS_GetException(ctx);
    JSValue name = JS_IsObject(exception) ? JS_GetPropertyStr(ctx, exception, "name") : JS_NULL;
    const char *text = JS_ToCString(ctx, name);
    bool is = text && strcmp(text, "DataCloneError") == 0;
    JS_FreeCString(ctx, text);
    JS_FreeValue(ctx, name);
    JS_FreeValue(ctx, exception);
    return is;
}

static void check_malformed(World *world, JSValueConst vector, const char *name) {
    JSContext *ctx = world->ctx;
    char *hex = string_of(ctx, vector, "hex");
    size_t length;
    uint8_t *data = bytes_of(hex, &length);
    JSValue value;
    if (clone_decode(ctx, data, length, NULL, &value, 1)) {
        CHECK(is_data_clone_error(ctx), "%s is refused with something else", name);
    } else {
        CHECK(false, "%s is taken", name);
        JS_FreeValue(ctx, value);
    }
    free(data);
    free(hex);
}

TEST("what is malformed is refused with a DataCloneError") {
    World world;
    world_open(&world);
    each_vector(&world, MALFORMED, check_malformed);
    world_close(&world);
}

/* --- bytes that nobody would write ------------------------------------------------------- */

static uint64_t random_state;

static uint64_t random_next(void) { /* xorshift64* */
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1d;
}

static uint32_t random_below(uint32_t n) { return (uint32_t)(random_next() >> 32) % n; }

/* Decodes; what comes out is encoded, and that must be stable from then on. */
static void try_bytes(JSContext *ctx, const uint8_t *bytes, size_t length, const char *name) {
    JSValue value;
    uint8_t *data = malloc(length ? length : 1);
    REQUIRE(data != NULL);
    memcpy(data, bytes, length);
    int failed = clone_decode(ctx, data, length, NULL, &value, 1);
    free(data);
    if (failed) {
        CHECK(is_data_clone_error(ctx), "%s: refused with something else", name);
        return;
    }
    char *first = encode_hex(ctx, value, name);
    JS_FreeValue(ctx, value);
    if (!first) return;
    data = bytes_of(first, &length);
    if (clone_decode(ctx, data, length, NULL, &value, 1)) {
        report_exception(ctx, name);
    } else {
        char *second = encode_hex(ctx, value, name);
        check_hex(name, "a second round", second, first);
        free(second);
        JS_FreeValue(ctx, value);
    }
    free(data);
    free(first);
}

static void try_truncations(World *world, JSValueConst vector, const char *name) {
    JSContext *ctx = world->ctx;
    size_t length;
    char *hex = string_of(ctx, vector, "hex");
    uint8_t *data = bytes_of(hex, &length);
    for (size_t end = 0; end < length; end += 1 + end / 256) {
        JSValue value;
        uint8_t *part = malloc(end ? end : 1);
        REQUIRE(part != NULL);
        memcpy(part, data, end);
        if (clone_decode(ctx, part, end, NULL, &value, 1)) {
            CHECK(is_data_clone_error(ctx), "%s, cut at %zu: something else", name, end);
        } else {
            CHECK(false, "%s, cut at %zu, is taken", name, end);
            JS_FreeValue(ctx, value);
        }
        free(part);
    }
    free(data);
    free(hex);
}

TEST("every encoding that is cut short is refused") {
    World world;
    world_open(&world);
    each_vector(&world, VECTORS, try_truncations);
    world_close(&world);
}

static void try_mutations(World *world, JSValueConst vector, const char *name) {
    size_t length;
    char *hex = string_of(world->ctx, vector, "hex");
    uint8_t *data = bytes_of(hex, &length);
    const char *scale = getenv("CLONE_TEST_MUTATIONS");
    long count = scale ? atol(scale) : 150;
    for (long i = 0; length > 0 && i < count; i++) {
        /* Most of what matters is at the start; of long strings the middle is dull. */
        uint32_t at = random_below((uint32_t)(length < 512 ? length : i % 4 ? 512 : length));
        uint8_t before = data[at];
        switch (random_below(4)) {
        case 0:
            data[at] ^= (uint8_t)(1u << random_below(8));
            break;
        case 1:
            data[at] = (uint8_t)random_below(0x48); /* a tag, or nearly one */
            break;
        case 2:
            data[at] = (uint8_t)(before + random_below(5) - 2);
            break;
        default:
            data[at] = (uint8_t)random_below(256);
        }
        try_bytes(world->ctx, data, length, name);
        if (i % 3) data[at] = before; /* else mutations add up */
    }
    free(data);
    free(hex);
}

TEST("encodings with bytes changed are refused or stand for some value") {
    World world;
    random_state = 0x6465666572726564;
    world_open(&world);
    each_vector(&world, VECTORS, try_mutations);
    each_vector(&world, MALFORMED, try_mutations);
    world_close(&world);
}

TEST("bytes from nowhere are refused or stand for some value") {
    World world;
    uint8_t data[64];
    random_state = 42;
    world_open(&world);
    for (int i = 0; i < 20000; i++) {
        size_t length = 1 + random_below(sizeof data);
        for (size_t k = 0; k < length; k++)
            data[k] = (uint8_t)(random_below(2) ? random_below(0x48) : random_below(6) + 0x7e);
        try_bytes(world.ctx, data, length, "bytes from nowhere");
    }
    world_close(&world);
}

/* --- the interface ----------------------------------------------------------------------- */

TEST("values of one encoding share their objects, shapes and padding") {
    World world;
    world_open(&world);
    JSContext *ctx = world.ctx;
    /* {a: 1}, [1.5], REFERENCE 0, OBJECT_SHAPE 0: {a: 2} */
    static const uint8_t data[] = {0x18, 1, 8, 1,    'a',  0x81, 0x12, 1,    0, 0,   0,
                                   0,    0, 0, 0xf8, 0x3f, 0x40, 0,    0x19, 0, 0x82};
    JSValue values[4];
    REQUIRE(clone_decode(ctx, data, sizeof data, NULL, values, 4) == 0);
    JSValue global = JS_GetGlobalObject(ctx);
    char name[] = "v0";
    for (int i = 0; i < 4; i++, name[1]++) JS_SetPropertyStr(ctx, global, name, values[i]);
    JS_FreeValue(ctx, global);
    JSValue value = evaluate(ctx, "v0 === v2 && v0.a === 1 && v1[0] === 1.5 && v3.a === 2");
    CHECK(JS_VALUE_GET_TAG(value) == JS_TAG_BOOL && JS_VALUE_GET_BOOL(value), "the values");
    CHECK(clone_decode(ctx, data, sizeof data, NULL, values, 3) && is_data_clone_error(ctx),
          "left over");
    CHECK(clone_decode(ctx, data, sizeof data, NULL, values, 5) && is_data_clone_error(ctx),
          "too few");
    CHECK(clone_decode(ctx, data, 0, NULL, values, 0) == 0, "no values at all");
    world_close(&world);
}

TEST("an encoding is appended, and its padding counts from its own start") {
    World world;
    world_open(&world);
    JSContext *ctx = world.ctx;
    JSValue value = evaluate(ctx, "['\\u0100', [1, 2], [0.5], new Uint8Array([7])]");
    CloneFailure failure;
    Bytes alone = {0}, behind = {0};
    REQUIRE(clone_encode(ctx, value, &alone, NULL, &failure) == CLONE_OK);
    for (int before = 1; before < 9; before++) {
        behind.length = 0;
        for (int i = 0; i < before; i++) bytes_u8(&behind, 0xee);
        REQUIRE(clone_encode(ctx, value, &behind, NULL, &failure) == CLONE_OK);
        size_t start = (size_t)before;
        CHECK(behind.length == start + alone.length);
        CHECK(memcmp(behind.data + start, alone.data, alone.length) == 0, "behind %d", before);
        CHECK(behind.data[0] == 0xee && behind.data[start - 1] == 0xee);
        JSValue copy; /* and decoded from wherever it lies */
        REQUIRE(clone_decode(ctx, behind.data + start, alone.length, NULL, &copy, 1) == 0);
        behind.length = 0;
        REQUIRE(clone_encode(ctx, copy, &behind, NULL, &failure) == CLONE_OK);
        CHECK(behind.length == alone.length);
        CHECK(memcmp(behind.data, alone.data, alone.length) == 0, "decoded behind %d", before);
        JS_FreeValue(ctx, copy);
    }
    bytes_free(&alone);
    bytes_free(&behind);
    JS_FreeValue(ctx, value);
    world_close(&world);
}

TEST("a process without memory is told so, not a value that is cut short") {
    World world;
    world_open(&world);
    JSContext *ctx = world.ctx;
    static const char *const sources[] = {"1", "({ a: [new Map([['x'.repeat(9), 1]])] })",
                                          "'x'.repeat(1e5)", "[1, 2, 3]"};
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        Bytes bytes = {.failed = true}; /* it can't grow any more */
        CloneFailure failure;
        JSValue value = evaluate(ctx, sources[i]);
        CHECK(clone_encode(ctx, value, &bytes, NULL, &failure) == CLONE_NO_MEMORY, "%s",
              sources[i]);
        CHECK(bytes.length == 0 && JS_IsUndefined(failure.message));
        JS_FreeValue(ctx, value);
        bytes_free(&bytes);
    }
    world_close(&world);
}

TEST("an interrupt inside a getter ends the encoding, in an error too") {
    static const char *const sources[] = {
        "({ get a() { for (;;); } })",
        "[[Object.defineProperty(new Error('x'), 'name', { get() { for (;;); } })]]",
        "new Error('x', { cause: { get a() { for (;;); } } })",
        "Object.assign(new Error(), { message: { toString() { for (;;); } } })",
    };
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        World world;
        world_open(&world);
        CloneFailure failure;
        Bytes bytes = {0};
        JSValue value = evaluate(world.ctx, sources[i]);
        world.interrupt = true;
        CHECK(clone_encode(world.ctx, value, &bytes, NULL, &failure) == CLONE_THREW, "%s",
              sources[i]);
        world.interrupt = false;
        JSValue exception = JS_GetException(world.ctx);
        CHECK(JS_IsUncatchableError(exception), "%s", sources[i]);
        JS_FreeValue(world.ctx, exception);
        JS_FreeValue(world.ctx, value);
        bytes_free(&bytes);
        world_close(&world);
    }
}

TEST("a realm that lives on keeps nothing of what it encodes and decodes") {
    World world;
    world_open(&world);
    JSContext *ctx = world.ctx;
    const char *source =
        "for (let i = 0; i < 20; i++) {\n"
        "  const e = new AggregateError([1, () => {}, { get x() { throw 1; } }], 'm', {\n"
        "    cause: { list: [Symbol('s')] } });\n"
        "  e.extra = { f() {}, ok: 1 }; e.self = e;\n"
        "  const deep = []; let at = deep; for (let k = 0; k < 400; k++) at.push(at = [{ k }]);\n"
        "  const shapes = Array.from({ length: 60 }, (_, k) => ({ ['k' + k % 40]: k }));\n"
        "  const clone = (value) => decode(encode(value));\n"
        "  const throws = (f) => { try { f(); } catch { return; } throw new Error(`${f}`); };\n"
        "  clone([e, deep, shapes, new Map([[{}, new Set([1, {}])]]), 2n ** 80n, /x/gi,\n"
        "    Object(1n), Object('s'), new Float64Array(9), [, 1], new DOMException('a', 'b')]);\n"
        "  for (const bad of [[{ a: new Map([[1, () => {}]]) }], Object.freeze([{}, {}, "
        "Symbol()])])\n"
        "    throws(() => encode(bad));\n"
        "  throws(() => encode({ get a() { throw new Error('x'); } }));\n"
        "  throws(() => decode('1002380738'));\n"
        "  throws(() => decode('180208016108016181'));\n"
        "  throws(() => decode('2802812801818181100183'));\n"
        "  throws(() => decode('10043801011001041902'));\n"
        "}\n";
    size_t blocks = 0;
    for (int round = 0; round < 4; round++) {
        JSValue value = evaluate(ctx, source);
        if (JS_IsException(value)) report_exception(ctx, "the script");
        JS_FreeValue(ctx, value);
        JS_RunGC(world.runtime);
        if (round == 1) blocks = world.blocks;
        if (round > 1) CHECK(world.blocks <= blocks, "%zu blocks more", world.blocks - blocks);
    }
    world_close(&world);
}

/* --- large values ------------------------------------------------------------------------ */

static double now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static const struct {
    const char *name, *source;
} large[] = {
    {"10,000 objects of one shape",
     "Array.from({ length: 10000 }, (_, id) =>"
     " ({ id, name: 'name ' + id, score: id / 3, active: id % 2 === 0 }))"},
    {"10,000 objects of 100 shapes",
     "Array.from({ length: 10000 }, (_, id) => ({ id, ['k' + id % 100]: id, nested: { id } }))"},
    {"1,000,000 integers", "Array.from({ length: 1e6 }, (_, i) => i)"},
    {"1,000,000 doubles", "Array.from({ length: 1e6 }, (_, i) => i / 3)"},
    {"100,000 strings", "Array.from({ length: 1e5 }, (_, i) => 'string ' + i)"},
    {"a string of 1 MB, Latin-1", "'x'.repeat(1 << 20)"},
    {"a string of 1 MB, UTF-16", "'α'.repeat(1 << 19)"},
    {"a string of 1 MB, a rope", "(() => { let s = ''; while (s.length < 1 << 20)"
                                 " s += 'y'.repeat(1000); return s; })()"},
    {"a Uint8Array of 1 MB", "new Uint8Array(1 << 20)"},
    {"a Map of 10,000", "new Map(Array.from({ length: 10000 }, (_, i) => ['key ' + i, i]))"},
    {"a dictionary of 10,000 keys",
     "Object.fromEntries(Array.from({ length: 10000 }, (_, i) => ['key ' + i, i]))"},
    {"10,000 classes' instances", "(() => { class A { #p = 1; a = 1; get g() { return 1; } b = 2; }"
                                  " return Array.from({ length: 10000 }, () => new A()); })()"},
    {"10,000 errors", "Array.from({ length: 10000 }, (_, i) => new TypeError('m' + i))"},
    {"a small object", "({ id: 1, name: 'x', tags: ['a', 'b'] })"},
    {"a number", "42"},
};

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* With CLONE_BENCH the median time of encoding and decoding those that it names, else once each. */
TEST("large values come back as they were") {
    enum { RUNS = 15 };
    World world;
    const char *bench = getenv("CLONE_BENCH");
    world_open(&world);
    JSContext *ctx = world.ctx;
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        Bytes bytes = {0}, again = {0};
        CloneFailure failure;
        double encode[RUNS], decode[RUNS];
        if (bench && !strstr(large[i].name, bench)) continue;
        JSValue value = evaluate(ctx, large[i].source), copy = JS_UNDEFINED;
        for (int run = 0; run < (bench ? RUNS : 1); run++) {
            int batch = bench && bytes.length && bytes.length < 1000 ? 1000 : 1;
            double start = now_us();
            for (int k = 0; k < batch; k++) {
                bytes.length = 0;
                REQUIRE(clone_encode(ctx, value, &bytes, NULL, &failure) == CLONE_OK);
            }
            double middle = now_us();
            for (int k = 0; k < batch; k++) {
                JS_FreeValue(ctx, copy);
                REQUIRE(clone_decode(ctx, bytes.data, bytes.length, NULL, &copy, 1) == 0);
            }
            decode[run] = (now_us() - middle) / batch;
            encode[run] = (middle - start) / batch;
        }
        REQUIRE(clone_encode(ctx, copy, &again, NULL, &failure) == CLONE_OK);
        CHECK(bytes.length == again.length, "%s", large[i].name);
        CHECK(memcmp(bytes.data, again.data, bytes.length) == 0, "%s", large[i].name);
        if (bench) {
            qsort(encode, RUNS, sizeof *encode, by_size);
            qsort(decode, RUNS, sizeof *decode, by_size);
            printf("# %-30s %9zu bytes  encode %10.2f us  decode %10.2f us\n", large[i].name,
                   bytes.length, encode[RUNS / 2], decode[RUNS / 2]);
        }
        bytes_free(&bytes);
        bytes_free(&again);
        JS_FreeValue(ctx, copy);
        JS_FreeValue(ctx, value);
        JS_RunGC(world.runtime);
    }
    world_close(&world);
}
