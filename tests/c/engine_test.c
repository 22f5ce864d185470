/* engine_test.c - what we rely on in QuickJS-ng, and what our edits to it (engine/edits/) do.
 *
 * A new version of the engine has to pass these before anything else is worth a look.
 */
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>

#include "check.h"
#include "engine.h"

#define STACK_LIMIT (256u << 10)
#define THREAD_STACK (8u << 20) /* wide, because a sanitizer's frames are */

/* Evaluates `source`; what it gives, or the error it throws, as text that the caller frees. */
static char *evaluate(JSContext *ctx, const char *source) {
    JSValue value = JS_Eval(ctx, source, strlen(source), "test", JS_EVAL_TYPE_GLOBAL);
    if (JS_IsException(value)) value = JS_GetException(ctx);
    const char *text = JS_ToCString(ctx, value);
    char *copy = strdup(text ? text : "(no text)");
    JS_FreeCString(ctx, text);
    JS_FreeValue(ctx, value);
    return copy;
}

/* --- The missing stack check --------------------------------------------------------------- */

/* 100,000 iterators in one another: each step of the outermost goes through all of them. */
static const char *const chains[] = {
    "let it = [1].values(); for (let i = 0; i < 1e5; i++) it = it.map((x) => x); it.next()",
    "let it = [1].values(); for (let i = 0; i < 1e5; i++) it = it.filter((x) => true); [...it]",
    "let it = [1].values(); for (let i = 0; i < 1e5; i++) it = it.flatMap((x) => [x]); it.next()",
    "let it = [1].values(); for (let i = 0; i < 1e5; i++) it = it.drop(0); it.return()",
    "let it = [1].values(); for (let i = 0; i < 1e5; i++) it = Iterator.concat(it); it.next()",
};

static void *run_chain(void *source) {
    JSRuntime *runtime = JS_NewRuntime();
    JSContext *ctx = runtime ? JS_NewContext(runtime) : NULL;
    if (!ctx) return NULL;
    JS_SetMaxStackSize(runtime, STACK_LIMIT);
    JS_UpdateStackTop(runtime);
    char *text = evaluate(ctx, source);
    JS_FreeContext(ctx);
    JS_FreeRuntime(runtime);
    return text;
}

TEST("a long chain of iterator helpers overflows the stack with an error, not a crash") {
    for (size_t i = 0; i < sizeof chains / sizeof *chains; i++) {
        pthread_attr_t attributes;
        pthread_t thread;
        void *text = NULL;
        REQUIRE(pthread_attr_init(&attributes) == 0);
        REQUIRE(pthread_attr_setstacksize(&attributes, THREAD_STACK) == 0);
        REQUIRE(pthread_create(&thread, &attributes, run_chain, (void *)(uintptr_t)chains[i]) == 0);
        REQUIRE(pthread_join(thread, &text) == 0);
        pthread_attr_destroy(&attributes);
        CHECK(text && strcmp(text, "RangeError: Maximum call stack size exceeded") == 0,
              "%s gave %s", chains[i], text ? (char *)text : "nothing");
        free(text);
    }
}

/* --- One allocator, relocatable ------------------------------------------------------------ */

#define GIB4 ((size_t)4 << 30)
#define IMAGE_MAX ((size_t)8 << 20)

/* The simplest allocator there is: blocks one after the other, none handed out twice. It lies at
 * the start of the region that it hands out. */
typedef struct Bump {
    size_t used; /* bytes, this header included */
    size_t blocks;
} Bump;

static void *bump_calloc(void *opaque, size_t count, size_t size) {
    Bump *bump = opaque;
    size_t bytes = (count * size + 15) & ~(size_t)15;
    if (bytes + 16 > IMAGE_MAX - bump->used) return NULL;
    uint8_t *block = (uint8_t *)bump + bump->used + 16; /* mmap'ed: zero */
    memcpy(block - 16, &bytes, sizeof bytes);
    bump->used += bytes + 16;
    bump->blocks++;
    return block;
}

static void *bump_malloc(void *opaque, size_t size) { return bump_calloc(opaque, 1, size); }

static void bump_free(void *opaque, void *block) {
    (void)opaque;
    (void)block;
}

static size_t bump_usable_size(const void *block) {
    size_t bytes = 0;
    if (block) memcpy(&bytes, (const uint8_t *)block - 16, sizeof bytes);
    return bytes;
}

static void *bump_realloc(void *opaque, void *block, size_t size) {
    size_t old = bump_usable_size(block);
    if (size <= old) return block;
    void *grown = bump_calloc(opaque, 1, size);
    if (grown && block) memcpy(grown, block, old);
    return grown;
}

static const JSMallocFunctions bump_functions = {
    bump_calloc, bump_malloc, bump_free, bump_realloc, bump_usable_size,
};

/* Makes `count` allocators, which have not even the low halves of their addresses in common; the
 * caller unmaps `*all`. */
static bool reserve(Bump **bumps, size_t count, void **all, size_t *size) {
    *size = (count + 1) * GIB4;
    *all = mmap(NULL, *size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (*all == MAP_FAILED) return false;
    uintptr_t first = ((uintptr_t)*all + GIB4 - 1) & ~(uintptr_t)(GIB4 - 1);
    for (size_t i = 0; i < count; i++) {
        bumps[i] = (Bump *)(first + i * (GIB4 - (size_t)4096 * 37));
        if (mprotect(bumps[i], IMAGE_MAX, PROT_READ | PROT_WRITE)) return false;
        bumps[i]->used = sizeof(Bump);
    }
    return true;
}

TEST("every block comes from the allocator that was given") {
    Bump *bump;
    void *all;
    size_t size;
    REQUIRE(reserve(&bump, 1, &all, &size));
    JSRuntime *runtime = JS_NewRuntime2(&bump_functions, bump);
    REQUIRE(runtime != NULL);
    JSContext *ctx = JS_NewContext(runtime);
    REQUIRE(ctx != NULL);
    size_t before = bump->blocks;
    char *text = evaluate(ctx, "const list = []; for (let i = 0; i < 1000; i++) list.push({}); 1");
    CHECK(strcmp(text, "1") == 0, "%s", text);
    CHECK(bump->blocks - before >= 1000, "%zu blocks for 1000 objects", bump->blocks - before);
    free(text);
    munmap(all, size);
}

TEST("a realm built at another address differs in nothing but pointers") {
    Bump *bumps[2];
    void *all;
    size_t size;
    REQUIRE(reserve(bumps, 2, &all, &size));
    for (int i = 0; i < 2; i++) {
        JSRuntime *runtime = JS_NewRuntime2(&bump_functions, bumps[i]);
        REQUIRE(runtime != NULL);
        JSContext *ctx = JS_NewContext(runtime);
        REQUIRE(ctx != NULL);
        engine_reseed(ctx, 1);
    }
    REQUIRE(bumps[0]->used == bumps[1]->used);
    size_t used = bumps[0]->used;
    uintptr_t start = (uintptr_t)bumps[0], distance = (uintptr_t)bumps[1] - start;
    size_t pointers = 0, unexplained = 0;
    for (size_t at = 0; at < used; at += sizeof(uintptr_t)) {
        uintptr_t a, b;
        memcpy(&a, (uint8_t *)bumps[0] + at, sizeof a);
        memcpy(&b, (uint8_t *)bumps[1] + at, sizeof b);
        if (a == b) continue;
        if (b - a == distance && a - start < used) {
            pointers++;
        } else if (unexplained++ < 8) {
            printf("# offset %zu: %#zx, %#zx\n", at, (size_t)a, (size_t)b);
        }
    }
    CHECK(pointers > 1000, "only %zu pointers", pointers);
    /* The clock: the seed of string hashes, the time origin, performance.timeOrigin. */
    CHECK(unexplained <= 3, "%zu words of %zu bytes are unexplained", unexplained, used);
    munmap(all, size);
}

/* --- The mixing of a Map's hashes ------------------------------------------------------------ */

/* CPU time that the source takes, the least of several. */
static clock_t least_time(JSContext *ctx, const char *source) {
    clock_t least = 0;
    for (int i = 0; i < 5; i++) {
        clock_t start = clock();
        char *text = evaluate(ctx, source);
        clock_t time = clock() - start;
        CHECK(strcmp(text, "16384") == 0, "%s gave %s", source, text);
        free(text);
        if (i == 0 || time < least) least = time;
    }
    return least;
}

TEST("a Set of small integers, or of objects, is not much slower than one of large integers") {
    JSRuntime *runtime = JS_NewRuntime();
    REQUIRE(runtime != NULL);
    JSContext *ctx = JS_NewContext(runtime);
    REQUIRE(ctx != NULL);
    const char *fill = "var fill = (of) => { const set = new Set();"
                       " for (let i = 0; i < 16384; i++) set.add(of(i)); return set.size; }; 16384";
    least_time(ctx, fill);
    clock_t large = least_time(ctx, "fill((i) => Math.imul(i, 0x9e3779b1))");
    clock_t small = least_time(ctx, "fill((i) => i)");
    clock_t objects = least_time(ctx, "fill((i) => ({}))");
    /* Without the edit small ones take 10 times as long. */
    CHECK(small < 6 * large, "small integers take %ld, large ones %ld", (long)small, (long)large);
    CHECK(objects < 6 * large, "objects take %ld, large integers %ld", (long)objects, (long)large);
    JS_FreeContext(ctx);
    JS_FreeRuntime(runtime);
}
