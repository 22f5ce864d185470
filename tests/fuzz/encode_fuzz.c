/* encode_fuzz.c - the fuzz target of the encoder, which alone of the codec runs hostile code.
 *
 * The bytes make a value with getters, names and messages that change what is being walked, up to
 * 64 levels deep, beside siblings (encode_model.js). It is made twice: of the first the standard's
 * algorithm, written in JavaScript, says what must come of it; the second is encoded, and decoded.
 * Both are told as text, which must be the same: the value, what was thrown, or that it can't be
 * cloned. Anything else aborts, with the input in hex, and so does what a sanitizer sees.
 *
 * libFuzzer calls LLVMFuzzerTestOneInput (scripts/fuzz.mjs); encode_test.c includes this file and
 * calls it with random bytes. With FUZZ_PRINT in the environment what was expected is printed.
 *
 * The realm takes its memory from malloc, not from an arena: the address sanitizer sees each block,
 * and keeps what was freed out of use for long. A realm lives for REALM_RUNS inputs, after which
 * nothing of it may be left. Thread: one.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clone.h"

#define MODEL "tests/fuzz/encode_model.js"

enum {
    REALM_RUNS = 500,
    REGION_BYTES = 24,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

/* --- the realm ---------------------------------------------------------------------------- */

static struct {
    JSRuntime *runtime;
    JSContext *ctx;
    JSValue model;
    JSValue classes[2]; /* prototypes, one of which inherits from the other */
    Presets presets;
    CloneRegion regions[4]; /* lent, then shared */
    uint64_t memory[4][REGION_BYTES / 8];
    size_t blocks; /* that the engine has not given back */
    unsigned runs; /* of this realm */
} fuzz;

static void *fuzz_calloc(void *opaque, size_t count, size_t size) {
    (void)opaque;
    void *block = calloc(count, size);
    fuzz.blocks += block != NULL;
    return block;
}

static void *fuzz_malloc(void *opaque, size_t size) {
    (void)opaque;
    void *block = malloc(size);
    fuzz.blocks += block != NULL;
    return block;
}

static void fuzz_free(void *opaque, void *block) {
    (void)opaque;
    fuzz.blocks -= block != NULL;
    free(block);
}

static void *fuzz_realloc(void *opaque, void *block, size_t size) {
    (void)opaque;
    void *moved = realloc(block, size);
    fuzz.blocks += moved != NULL && block == NULL;
    return moved;
}

static size_t fuzz_usable_size(const void *block) {
    (void)block;
    return 0; /* memory is not limited */
}

static CloneScope fuzz_scope(void) {
    static CloneLent lent = {
        .regions = fuzz.regions,
        .count = sizeof fuzz.regions / sizeof *fuzz.regions,
    };
    return (CloneScope){
        .classes = fuzz.classes,
        .class_count = sizeof fuzz.classes / sizeof *fuzz.classes,
        .presets = &fuzz.presets,
        .lent = &lent,
        .may_copy = WIRE_KEEP_BYTES, /* so the first one is copied, and others are moved */
    };
}

/* A buffer over the n-th of the two regions that are lent, or shared. */
static JSValue over_region(JSContext *ctx, int argc, JSValueConst *argv, uint8_t tag) {
    CloneScope scope = fuzz_scope();
    JSValue buffer;
    uint8_t number = argc > 0 && JS_VALUE_GET_INT(argv[0]) == 1;
    uint8_t bytes[] = {tag, (uint8_t)(number + (tag == WIRE_SHARED ? 2 : 0))};
    return clone_decode(ctx, bytes, sizeof bytes, &scope, &buffer, 1) ? JS_EXCEPTION : buffer;
}

static JSValue js_lend(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    (void)self;
    return over_region(ctx, argc, argv, WIRE_LENT);
}

static JSValue js_share(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    (void)self;
    return over_region(ctx, argc, argv, WIRE_SHARED);
}

static JSValue js_gc(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    (void)self, (void)argc, (void)argv;
    JS_RunGC(JS_GetRuntime(ctx));
    return JS_UNDEFINED;
}

static JSValue read_model(JSContext *ctx) {
    static char text[1 << 17];
    FILE *file = fopen(MODEL, "rb");
    size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (!length || !feof(file)) {
        fprintf(stderr, "%s can't be read; run this from the root of the repository\n", MODEL);
        abort();
    }
    fclose(file);
    text[length] = '\0';
    return JS_Eval(ctx, text, length, MODEL, JS_EVAL_TYPE_GLOBAL);
}

_Noreturn static void broken(const char *what, const uint8_t *data, size_t length);

/* A list of values that stay the realm's, under a name of the global object. */
static void set_list(JSContext *ctx, JSValueConst global, const char *name, const JSValue *values,
                     uint32_t count) {
    JSValue list = JS_NewArray(ctx);
    for (uint32_t i = 0; i < count; i++)
        JS_SetPropertyUint32(ctx, list, i, JS_DupValue(ctx, values[i]));
    JS_SetPropertyStr(ctx, global, name, list);
}

static void fuzz_open(void) {
    static const JSMallocFunctions functions = {
        .js_calloc = fuzz_calloc,
        .js_malloc = fuzz_malloc,
        .js_free = fuzz_free,
        .js_realloc = fuzz_realloc,
        .js_malloc_usable_size = fuzz_usable_size,
    };
    fuzz.runtime = JS_NewRuntime2(&functions, NULL);
    JSContext *ctx = fuzz.ctx = fuzz.runtime ? JS_NewContext(fuzz.runtime) : NULL;
    if (!ctx) abort();
    JS_AddIntrinsicDOMException(ctx);
    JS_SetMaxStackSize(fuzz.runtime, 4 << 20); /* sanitizers need much */
    JS_SetGCThreshold(fuzz.runtime, 0);        /* often */
    fuzz.classes[0] = JS_NewObject(ctx);
    fuzz.classes[1] = JS_NewObjectProto(ctx, fuzz.classes[0]);
    if (!presets_reserve(&fuzz.presets, 2)) abort();
    fuzz.presets.values[0] = JS_NewArray(ctx);
    fuzz.presets.values[1] = JS_NewArrayBufferCopy(ctx, (const uint8_t *)"0123456789abcdef", 16);
    fuzz.presets.count = 2;
    presets_index(&fuzz.presets);
    for (int i = 0; i < 4; i++)
        fuzz.regions[i] =
            (CloneRegion){.data = (uint8_t *)fuzz.memory[i], .length = REGION_BYTES - (size_t)i};
    JSValue global = JS_GetGlobalObject(ctx);
    set_list(ctx, global, "classes", fuzz.classes, 2);
    set_list(ctx, global, "presets", fuzz.presets.values, 2);
    JS_SetPropertyStr(ctx, global, "lend", JS_NewCFunction(ctx, js_lend, "lend", 1));
    JS_SetPropertyStr(ctx, global, "share", JS_NewCFunction(ctx, js_share, "share", 1));
    JS_SetPropertyStr(ctx, global, "gc", JS_NewCFunction(ctx, js_gc, "gc", 0));
    JS_SetPropertyStr(ctx, global, "MOVE_BYTES", JS_NewInt32(ctx, WIRE_MOVE_BYTES));
    JS_SetPropertyStr(ctx, global, "KEEP_BYTES", JS_NewInt32(ctx, WIRE_KEEP_BYTES));
    JSValue done = read_model(ctx);
    if (JS_IsException(done)) broken(MODEL, NULL, 0);
    JS_FreeValue(ctx, done);
    fuzz.model = JS_GetPropertyStr(ctx, global, "model");
    JS_FreeValue(ctx, global);
    fuzz.runs = 0;
}

/* The engine asserts that no object is left; the count tells of anything else. */
static void fuzz_close(const uint8_t *data, size_t length) {
    JSContext *ctx = fuzz.ctx;
    JS_FreeValue(ctx, fuzz.model);
    for (int i = 0; i < 2; i++) {
        JS_FreeValue(ctx, fuzz.classes[i]);
        JS_FreeValue(ctx, fuzz.presets.values[i]);
    }
    presets_free(&fuzz.presets);
    fuzz.ctx = NULL;
    JS_FreeContext(ctx);
    JS_FreeRuntime(fuzz.runtime);
    if (fuzz.blocks > 0) broken("memory leaks, by this input or one before it", data, length);
}

/* --- one input ---------------------------------------------------------------------------- */

static void print_exception(void) {
    JSValue exception = JS_GetException(fuzz.ctx);
    const char *text = JS_ToCString(fuzz.ctx, exception);
    JSValue stack =
        JS_IsObject(exception) ? JS_GetPropertyStr(fuzz.ctx, exception, "stack") : JS_UNDEFINED;
    const char *lines = JS_ToCString(fuzz.ctx, stack);
    fprintf(stderr, "%s\n%s\n", text ? text : "?", lines ? lines : "?");
}

_Noreturn static void broken(const char *what, const uint8_t *data, size_t length) {
    if (fuzz.ctx && JS_HasException(fuzz.ctx)) print_exception();
    fprintf(stderr, "%s: ", what);
    for (size_t i = 0; i < length; i++) fprintf(stderr, "%02x", data[i]);
    fprintf(stderr, "\n");
    abort();
}

/* Calls a function of the model's with a value that it takes over. */
static JSValue ask(const char *name, JSValue argument) {
    JSValue function = JS_GetPropertyStr(fuzz.ctx, fuzz.model, name);
    JSValue result = JS_Call(fuzz.ctx, function, fuzz.model, 1, &argument);
    JS_FreeValue(fuzz.ctx, function);
    JS_FreeValue(fuzz.ctx, argument);
    return result;
}

static JSValue build(const uint8_t *data, size_t length) {
    for (int i = 0; i < 4; i++) memset(fuzz.memory[i], 'a' + i, sizeof fuzz.memory[i]);
    JSValue world = ask("build", JS_NewArrayBufferCopy(fuzz.ctx, data, length));
    if (JS_IsException(world)) broken("the model has no value for this", data, length);
    return world;
}

/* What comes of encoding a world's value, and decoding that. */
static JSValue encode(JSValueConst world, const uint8_t *data, size_t length) {
    static Bytes bytes;
    JSContext *ctx = fuzz.ctx;
    CloneScope scope = fuzz_scope();
    CloneFailure failure;
    JSValue value = JS_GetPropertyStr(ctx, world, "root"), copy, text = JS_EXCEPTION;
    bytes.length = 0;
    switch (clone_encode(ctx, value, &bytes, &scope, &failure)) {
    case CLONE_OK:
        clone_give_back(ctx, &scope);
        if (clone_decode(ctx, bytes.data, bytes.length, &scope, &copy, 1))
            broken("what was encoded can't be decoded", data, length);
        text = ask("described", copy);
        break;
    case CLONE_THREW:
        text = ask("thrown", JS_GetException(ctx));
        break;
    case CLONE_UNCLONEABLE:
        text = JS_NewString(ctx, "uncloneable");
        break;
    case CLONE_NO_MEMORY:
        abort(); /* of the process */
    }
    JS_FreeValue(ctx, failure.message);
    JS_FreeValue(ctx, failure.path);
    clone_free_kept(ctx, &scope);
    JS_FreeValue(ctx, value);
    return text;
}

static void compare(const char *wanted, const uint8_t *data, size_t length) {
    JSContext *ctx = fuzz.ctx;
    JSValue world = build(data, length);
    JSValue found = encode(world, data, length);
    JS_FreeValue(ctx, world);
    const char *got = JS_IsException(found) ? NULL : JS_ToCString(ctx, found);
    if (!got) broken("the encoder failed", data, length);
    if (strcmp(wanted, got) != 0) {
        fprintf(stderr, "the standard's: %s\nours:           %s\n", wanted, got);
        broken("not what the standard says", data, length);
    }
    JS_FreeCString(ctx, got);
    JS_FreeValue(ctx, found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length) {
    static int print = -1;
    if (print < 0) print = getenv("FUZZ_PRINT") != NULL;
    if (!fuzz.ctx) fuzz_open();
    JSValue expected = ask("expected", build(data, length));
    if (JS_IsException(expected)) broken("the model failed", data, length);
    const char *wanted = JS_ToCString(fuzz.ctx, expected);
    if (!wanted) broken("the model failed", data, length);
    if (*wanted) compare(wanted, data, length);
    if (print) printf("%s\n", wanted);
    JS_FreeCString(fuzz.ctx, wanted);
    JS_FreeValue(fuzz.ctx, expected);
    if (++fuzz.runs == REALM_RUNS) fuzz_close(data, length);
    return 0;
}
