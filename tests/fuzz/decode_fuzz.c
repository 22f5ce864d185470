/* decode_fuzz.c - the fuzz target of the C codec. Whatever the bytes are:
 *
 *   - they are refused (with a DataCloneError, or because the engine can't make what they ask for,
 *     or for want of memory) or stand for a value;
 *   - a value that was decoded can be encoded, and that encoding is canonical: decoding it and
 *     encoding once more gives the same bytes;
 *   - nothing of it stays in the realm.
 *
 * Anything else aborts, with the input in hex. libFuzzer calls LLVMFuzzerTestOneInput
 * (scripts/fuzz.mjs); corpus_test.c includes this file and calls it by itself. With FUZZ_PRINT in
 * the environment each input is printed as a line of corpus.txt, which tells its format.
 *
 * The realm takes its memory from malloc, not from an arena: so the address sanitizer sees each
 * block and what is freed too early, and blocks can be counted. It lives as long as the process;
 * what the engine makes at a first need (tables, lazy properties) is told from a leak by doing the
 * same again. Thread: one.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __APPLE__
#include <malloc/malloc.h>
#define malloc_usable_size malloc_size
#else
#include <malloc.h>
#endif

#include "clone.h"

/* Far more than any encoding of a few KB needs; a resizable buffer can ask for more. */
#define FUZZ_MEMORY ((size_t)32 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

/* --- the realm ---------------------------------------------------------------------------- */

static struct {
    JSRuntime *runtime;
    JSContext *ctx;
    JSValue classes[2]; /* prototypes, one of which inherits from the other */
    Presets presets;
    size_t blocks; /* that the engine has not given back */
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

static size_t fuzz_usable_size(const void *block) { return malloc_usable_size((void *)block); }

static void fuzz_open(void) {
    static const JSMallocFunctions functions = {
        .js_calloc = fuzz_calloc,
        .js_malloc = fuzz_malloc,
        .js_free = fuzz_free,
        .js_realloc = fuzz_realloc,
        .js_malloc_usable_size = fuzz_usable_size,
    };
    fuzz.runtime = JS_NewRuntime2(&functions, NULL);
    fuzz.ctx = fuzz.runtime ? JS_NewContext(fuzz.runtime) : NULL;
    if (!fuzz.ctx) abort();
    JS_AddIntrinsicDOMException(fuzz.ctx);
    fuzz.classes[0] = JS_NewObject(fuzz.ctx);
    fuzz.classes[1] = JS_NewObjectProto(fuzz.ctx, fuzz.classes[0]);
    if (!presets_reserve(&fuzz.presets, 1)) abort();
    fuzz.presets.values[fuzz.presets.count++] = JS_NewArray(fuzz.ctx);
    presets_index(&fuzz.presets);
    JS_SetMaxStackSize(fuzz.runtime, 0); /* sanitizers need much, and the codec none of it */
    JS_SetMemoryLimit(fuzz.runtime, FUZZ_MEMORY);
}

/* --- one input ---------------------------------------------------------------------------- */

/* What became of the last input. */
static struct {
    char refusal[128]; /* why it was refused; empty if it was not */
    Bytes canonical;   /* what its value is encoded as; nothing if there was no memory */
} verdict;

static void print_hex(FILE *file, const uint8_t *data, size_t length) {
    for (size_t i = 0; i < length; i++) fprintf(file, "%02x", data[i]);
}

_Noreturn static void broken(const char *what, const uint8_t *data, size_t length) {
    fprintf(stderr, "%s: ", what);
    print_hex(stderr, data, length);
    if (verdict.canonical.length > 0) {
        fprintf(stderr, "\nwhose value is encoded as: ");
        print_hex(stderr, verdict.canonical.data, verdict.canonical.length);
    }
    fprintf(stderr, "\n");
    abort();
}

/* Takes the pending exception away. What it says, which must be a refusal or want of memory; or
 * NULL. */
static const char *take_refusal(char *text, size_t size) {
    JSContext *ctx = fuzz.ctx;
    JSValue exception = JS_GetException(ctx);
    JSValue name = JS_UNDEFINED, message = JS_UNDEFINED;
    const char *kind = NULL, *words = NULL, *found = NULL;
    if (JS_IsObject(exception)) {
        name = JS_GetPropertyStr(ctx, exception, "name");
        message = JS_GetPropertyStr(ctx, exception, "message");
        kind = JS_ToCString(ctx, name);
        words = JS_ToCString(ctx, message);
    }
    if (kind && words && strcmp(kind, "DataCloneError") == 0) {
        const char *reason = strstr(words, ": ");
        found = reason ? reason + 2 : NULL;
    } else if (kind && strcmp(kind, "RangeError") == 0) {
        found = words; /* what can be written, but is too large for the engine */
    } else if (JS_IsNull(exception) || (words && strcmp(words, "out of memory") == 0)) {
        found = "out of memory"; /* of which the error itself has none, if it is null */
    }
    if (found) {
        snprintf(text, size, "%s", found);
        found = text;
    } else {
        fprintf(stderr, "%s: %s\n", kind ? kind : "?", words ? words : "?");
    }
    JS_FreeCString(ctx, kind);
    JS_FreeCString(ctx, words);
    JS_FreeValue(ctx, name);
    JS_FreeValue(ctx, message);
    JS_FreeValue(ctx, exception);
    return found;
}

static bool is_no_memory(const char *refusal) {
    return refusal && strcmp(refusal, "out of memory") == 0;
}

/* Decodes and encodes again into `out`; false if there was no memory for that, or if the bytes
 * were refused and may be (`refusal`, of which the room is the caller's). */
static bool translate(const uint8_t *data, size_t length, CloneScope *scope, Bytes *out,
                      char *refusal, size_t room) {
    JSContext *ctx = fuzz.ctx;
    CloneFailure failure;
    JSValue value;
    char text[128];
    out->length = 0;
    refusal[0] = '\0';
    if (clone_decode(ctx, data, length, scope, &value, 1)) {
        if (!take_refusal(refusal, room)) broken("refused, but not as malformed", data, length);
        return false;
    }
    CloneResult result = clone_encode(ctx, value, out, scope, &failure);
    JS_FreeValue(ctx, value);
    if (result == CLONE_UNCLONEABLE) broken("decoded, but can't be encoded", data, length);
    if (result == CLONE_NO_MEMORY) abort(); /* of the process */
    if (result == CLONE_THREW && !is_no_memory(take_refusal(text, sizeof text)))
        broken("decoded, but encoding throws", data, length);
    return result == CLONE_OK;
}

static void try_input(const uint8_t *data, size_t length, CloneScope *scope) {
    static Bytes again;
    char refusal[128];
    Bytes *canonical = &verdict.canonical;
    size_t room = sizeof refusal;
    if (!translate(data, length, scope, canonical, verdict.refusal, room)) return;
    if (!translate(canonical->data, canonical->length, scope, &again, refusal, room)) {
        if (is_no_memory(refusal) || refusal[0] == '\0') return;
        fprintf(stderr, "%s\n", refusal);
        broken("its own encoding is refused", data, length);
    }
    if (again.length != canonical->length ||
        memcmp(again.data, canonical->data, again.length) != 0) {
        print_hex(stderr, again.data, again.length);
        fprintf(stderr, " is what comes of the second time\n");
        broken("the encoding is not canonical", data, length);
    }
}

/* The verdict is that on bytes by themselves. Those that need something beside them get it, too. */
static void try_both(const uint8_t *data, size_t length) {
    static uint64_t words[3];
    static CloneRegion regions[] = {
        {.data = (uint8_t *)words, .length = 16},
        {.data = (uint8_t *)&words[2], .length = 5},
    };
    CloneLent lent = {.regions = regions, .count = sizeof regions / sizeof *regions};
    CloneScope scope = {
        .classes = fuzz.classes,
        .class_count = sizeof fuzz.classes / sizeof *fuzz.classes,
        .presets = &fuzz.presets,
        .lent = &lent,
    };
    char refusal[sizeof verdict.refusal];
    try_input(data, length, NULL);
    if (!strstr(verdict.refusal, "does not exist")) return; /* a region, a class; or a shape */
    memcpy(refusal, verdict.refusal, sizeof refusal);
    try_input(data, length, &scope);
    clone_free_kept(fuzz.ctx, &scope);
    memcpy(verdict.refusal, refusal, sizeof refusal);
}

/* How many blocks are left, but garbage. */
static size_t blocks_left(size_t before) {
    if (fuzz.blocks > before) JS_RunGC(fuzz.runtime);
    return fuzz.blocks;
}

static void print_line(const uint8_t *data, size_t length) {
    bool refused = verdict.refusal[0] != '\0';
    const Bytes *canonical = &verdict.canonical;
    printf(refused ? "- " : "+ ");
    print_hex(stdout, data, length);
    if (refused) printf(" %s", verdict.refusal);
    if (!refused && canonical->length > 0 &&
        (canonical->length != length || memcmp(canonical->data, data, length) != 0)) {
        printf(" ");
        print_hex(stdout, canonical->data, canonical->length);
    }
    printf("\n");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length) {
    enum { TRIES = 4 };
    static int print = -1;
    if (!fuzz.ctx) fuzz_open();
    if (print < 0) print = getenv("FUZZ_PRINT") != NULL;
    size_t before = fuzz.blocks;
    for (int i = 0; i < TRIES; i++) {
        try_both(data, length);
        size_t after = blocks_left(before);
        if (after <= before) break;
        before = after;
        if (i == TRIES - 1) broken("memory leaks", data, length);
    }
    if (print) print_line(data, length);
    return 0;
}
