/* arena_test.c - the allocator, its limit, snapshot and restore. To be built with DFD_TEST, with
 * and without NDEBUG, and with the sanitizers.
 *
 * ARENA_TEST_RUNS scales the randomised tests (10000 is the default).
 */
#include "arena.h"
#include "check.h"
#define FAULT_NO_MACROS
#include "fault.h"
#include "faults.h"
#include "os.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define KB ((size_t)1 << 10)
#define MB ((size_t)1 << 20)

static uint64_t random_state;

static uint64_t random_next(void) { /* xorshift64* */
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1d;
}

static size_t random_below(size_t n) { return (size_t)(random_next() >> 11) % n; }

static void random_seed(uint64_t seed) {
    random_state = seed * 0x9e3779b97f4a7c15 + 1;
    random_next();
}

static unsigned runs(unsigned of_ten_thousand) {
    const char *text = getenv("ARENA_TEST_RUNS");
    double scale = text ? atof(text) / 10000 : 1;
    return (unsigned)(of_ten_thousand * scale) + 1;
}

/* --- leaving when exhausted ---------------------------------------------------------------- */

static sigjmp_buf exhausted_jump;
static bool exhausted_expected;

static void on_exhausted(void *opaque) {
    (void)opaque;
    if (!exhausted_expected) {
        printf("# exhausted where nothing should be\n");
        abort();
    }
    siglongjmp(exhausted_jump, 1);
}

static Arena *open_arena(size_t capacity) {
    Arena *arena = arena_open(capacity);
    if (arena) arena_on_exhausted(arena, on_exhausted, NULL);
    return arena;
}

/* Whether `work` was left because the arena was exhausted. */
static bool exhausts(void (*work)(Arena *arena, void *opaque), Arena *arena, void *opaque) {
    exhausted_expected = true;
    if (sigsetjmp(exhausted_jump, 0) != 0) {
        exhausted_expected = false;
        return true;
    }
    work(arena, opaque);
    exhausted_expected = false;
    return false;
}

/* --- small things used below --------------------------------------------------------------- */

/* How many of the pages of [from, from + size) are in memory. */
static size_t resident_pages(const char *from, size_t size) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), count = 0;
    uintptr_t start = ((uintptr_t)from + page - 1) & ~(uintptr_t)(page - 1);
    size_t pages = ((uintptr_t)from + size - start) / page;
    unsigned char *in_core = calloc(pages, 1);
    if (!in_core || mincore((void *)start, pages * page, (void *)in_core) != 0) {
        free(in_core);
        return SIZE_MAX;
    }
    for (size_t i = 0; i < pages; i++) count += in_core[i] & 1;
    free(in_core);
    return count;
}

/* Runs `work` in a child process; the signal that ended it, or 0. */
static int signal_of_child(void (*work)(void *opaque), void *opaque) {
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL); /* not the sanitizer's report */
        signal(SIGBUS, SIG_DFL);
        signal(SIGABRT, SIG_DFL);
        if (!freopen("/dev/null", "w", stderr)) _exit(3);
        work(opaque);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) return -1;
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* A deterministic filling, so that a block's content tells whose it is. */
static void fill(void *block, size_t size, uint32_t seed) {
    unsigned char *bytes = block;
    for (size_t i = 0; i < size; i++) bytes[i] = (unsigned char)(seed + i * 7);
}

static bool is_filled(const void *block, size_t size, uint32_t seed) {
    const unsigned char *bytes = block;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != (unsigned char)(seed + i * 7)) return false;
    return true;
}

static bool all_are(const void *block, size_t size, unsigned char value) {
    const unsigned char *bytes = block;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != value) return false;
    return true;
}

/* --- the shadow model: blocks that we hold, and what is in them ---------------------------- */

#define MODEL_BLOCKS 400

typedef struct Model {
    Arena *arena;
    struct {
        unsigned char *block;
        size_t size;
        uint32_t seed;
    } held[MODEL_BLOCKS];
    size_t held_bytes;
} Model;

/* Mostly what the engine asks for, sometimes large, at times huge. */
static size_t model_size(void) {
    size_t kind = random_below(100);
    if (kind < 70) return random_below(160);
    if (kind < 88) return random_below(1200);
    if (kind < 99) return random_below(20 * KB);
    return random_below(600 * KB);
}

static void model_check(const Model *model, size_t i) {
    CHECK(is_filled(model->held[i].block, model->held[i].size, model->held[i].seed),
          "block %zu of %zu bytes was overwritten", i, model->held[i].size);
}

static void model_set(Model *model, size_t i, void *block, size_t size) {
    CHECK((uintptr_t)block % ARENA_ALIGN == 0);
    CHECK(arena_usable_size(block) >= size, "%zu for %zu", arena_usable_size(block), size);
    model->held[i].block = block;
    model->held[i].size = size;
    model->held[i].seed = (uint32_t)random_next();
    fill(block, size, model->held[i].seed);
}

static void model_free(Model *model, size_t i) {
    model_check(model, i);
    arena_free(model->arena, model->held[i].block);
    model->held[i].block = NULL;
}

static void model_step(Model *model) {
    size_t i = random_below(MODEL_BLOCKS), size = model_size();
    unsigned char *block = model->held[i].block;
    switch (random_below(8)) {
    case 0:
        if (block) model_free(model, i);
        block = arena_calloc(model->arena, 1, size);
        CHECK(all_are(block, size, 0), "a block of %zu bytes is not zero", size);
        model_set(model, i, block, size);
        break;
    case 1:
    case 2:
        if (block) {
            size_t both = size < model->held[i].size ? size : model->held[i].size;
            block = arena_realloc(model->arena, block, size);
            CHECK(is_filled(block, both, model->held[i].seed), "realloc %zu to %zu lost bytes",
                  model->held[i].size, size);
        } else {
            block = arena_realloc(model->arena, NULL, size);
        }
        model_set(model, i, block, size);
        break;
    case 3:
    case 4:
        if (block) model_free(model, i);
        break;
    default:
        if (block) model_free(model, i);
        model_set(model, i, arena_alloc(model->arena, size), size);
    }
}

static void model_run(Arena *arena, void *opaque) {
    static Model model; /* too large for a stack; one test at a time */
    unsigned steps = *(unsigned *)opaque;
    memset(&model, 0, sizeof model);
    model.arena = arena;
    for (unsigned step = 0; step < steps; step++) {
        model_step(&model);
        if (step % 64 == 0) {
            const char *wrong = arena_check(arena);
            REQUIRE(!wrong, "%s", wrong);
        }
    }
    for (size_t i = 0; i < MODEL_BLOCKS; i++)
        if (model.held[i].block) model_free(&model, i);
}

TEST("blocks keep what was written to them through any sequence of calls") {
    Arena *arena = open_arena(64 * MB);
    unsigned steps = 2000, seeds = runs(200);
    REQUIRE(arena);
    for (unsigned seed = 0; seed < seeds; seed++) {
        random_seed(seed);
        if (seed == 10) REQUIRE(arena_snapshot(arena));
        CHECK(!exhausts(model_run, arena, &steps));
        CHECK(!arena_check(arena), "%s", arena_check(arena));
        if (seed >= 10) {
            arena_restore(arena);
            CHECK(arena_compare(arena) == -1, "seed %u: byte %td differs", seed,
                  arena_compare(arena));
            CHECK(arena_dirt(arena, 4 * MB) == -1);
        }
    }
    arena_close(arena);
}

TEST("any allocation may fail: the heap is whole, and a restore brings the image back") {
    Arena *arena = open_arena(64 * MB);
    unsigned build = 300, steps = 400, failures = 0;
    REQUIRE(arena);
    random_seed(1);
    CHECK(!exhausts(model_run, arena, &build));
    REQUIRE(arena_snapshot(arena));
    for (uint64_t n = 1;; n++) {
        bool left;
        random_seed(2);
        arena_fail_at(arena, n);
        left = exhausts(model_run, arena, &steps);
        CHECK(!arena_check(arena), "at %u: %s", (unsigned)n, arena_check(arena));
        arena_restore(arena);
        CHECK(arena_compare(arena) == -1);
        CHECK(arena_dirt(arena, MB) == -1);
        CHECK(!arena_check(arena));
        if (!left) break;
        failures++;
    }
    CHECK(failures > 150, "only %u", failures);
    arena_fail_at(arena, 0);
    arena_close(arena);
}

/* --- the limit ----------------------------------------------------------------------------- */

typedef struct Chain { /* blocks that hold each other, so that nothing outside is needed */
    struct Chain *next;
    size_t size;
} Chain;

typedef struct Filling {
    size_t size;  /* of each block */
    Chain *first; /* what was taken */
    size_t count;
} Filling;

static void fill_up(Arena *arena, void *opaque) {
    Filling *filling = opaque;
    for (;;) {
        Chain *block = arena_alloc(arena, filling->size);
        block->next = filling->first;
        block->size = filling->size;
        filling->first = block;
        filling->count++;
    }
}

static void free_every(Arena *arena, Filling *filling, size_t stride) {
    Chain **link = &filling->first;
    for (size_t i = 0; *link; i++) {
        Chain *block = *link;
        CHECK(block->size == filling->size);
        if (i % stride == 0) {
            *link = block->next;
            arena_free(arena, block);
            filling->count--;
        } else {
            link = &block->next;
        }
    }
}

TEST("the limit holds, for blocks of any size, and survives a restore") {
    static const size_t sizes[] = {16, 40, 100, 500, 508, 509, 1000, 5000, 300 * KB};
    Arena *arena = open_arena(16 * MB);
    REQUIRE(arena);
    REQUIRE(arena_snapshot(arena));
    arena_set_limit(arena, 2 * MB);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        Filling filling = {.size = sizes[i]};
        size_t overhead = (sizes[i] + 4 + 7) / 8 * 8;
        CHECK(exhausts(fill_up, arena, &filling));
        CHECK(arena_used(arena) <= 2 * MB);
        CHECK(arena_peak(arena) <= 2 * MB);
        CHECK(filling.count == (2 * MB - arena_image_size(arena)) / overhead, "%zu blocks of %zu",
              filling.count, sizes[i]);
        CHECK(!arena_check(arena), "%s", arena_check(arena));
        arena_restore(arena);
        CHECK(arena_compare(arena) == -1);
        CHECK(arena_dirt(arena, 16 * MB) == -1);
    }
    arena_set_limit(arena, SIZE_MAX);
    {
        Filling filling = {.size = 64 * KB - 4};
        CHECK(exhausts(fill_up, arena, &filling));
        CHECK(filling.count == 255, "%zu", filling.count); /* the capacity bounds it */
    }
    arena_close(arena);
}

TEST("an arena that was filled with small blocks can be filled with others") {
    static const size_t sizes[] = {60, 20, 500, 100 * KB, 36, 3000, 12};
    Arena *arena = open_arena(4 * MB);
    REQUIRE(arena);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        Filling filling = {.size = sizes[i] < sizeof(Chain) ? sizeof(Chain) : sizes[i]};
        CHECK(exhausts(fill_up, arena, &filling));
        CHECK(filling.count * filling.size > 2 * MB, "%zu of %zu", filling.count, filling.size);
        free_every(arena, &filling, 1);
        CHECK(!arena_check(arena), "%s", arena_check(arena));
    }
    arena_close(arena);
}

TEST("at the limit a small block may come from a larger free one") {
    Arena *arena = open_arena(4 * MB);
    Filling large = {.size = 300}, small = {.size = 44};
    size_t freed;
    REQUIRE(arena);
    CHECK(exhausts(fill_up, arena, &large));
    freed = large.count;
    free_every(arena, &large, 2); /* no two free blocks touch */
    freed -= large.count;
    CHECK(exhausts(fill_up, arena, &small));
    CHECK(small.count >= freed * 6, "%zu for %zu", small.count, freed);
    CHECK(!arena_check(arena), "%s", arena_check(arena));
    free_every(arena, &large, 1);
    free_every(arena, &small, 1);
    arena_close(arena);
}

static void alloc_of(Arena *arena, void *opaque) { arena_alloc(arena, *(size_t *)opaque); }

static void calloc_of(Arena *arena, void *opaque) {
    arena_calloc(arena, ((size_t *)opaque)[0], ((size_t *)opaque)[1]);
}

typedef struct Resize {
    void *block;
    size_t size;
} Resize;

static void realloc_to(Arena *arena, void *opaque) {
    Resize *resize = opaque;
    resize->block = arena_realloc(arena, resize->block, resize->size);
}

TEST("sizes near SIZE_MAX, and products beyond it, exhaust the arena") {
    Arena *arena = open_arena(MB);
    Resize resize;
    REQUIRE(arena);
    resize.block = arena_alloc(arena, 100);
    fill(resize.block, 100, 1);
    for (size_t below = 0; below < 64; below++) {
        size_t size = SIZE_MAX - below, pair[2] = {SIZE_MAX - below, 1};
        CHECK(exhausts(alloc_of, arena, &size));
        CHECK(exhausts(calloc_of, arena, pair));
        resize.size = size;
        CHECK(exhausts(realloc_to, arena, &resize));
    }
    for (unsigned bit = 20; bit < 64; bit++) { /* from the capacity on */
        size_t size = (size_t)1 << bit, wrapped[2] = {SIZE_MAX / 2 + 1, (size_t)1 << (bit - 19)};
        for (size_t around = 0; around < 32; around++) {
            size_t off = size - 16 + around;
            if (bit > 20) CHECK(exhausts(alloc_of, arena, &off), "%zx", off);
        }
        resize.size = size;
        CHECK(exhausts(realloc_to, arena, &resize));
        CHECK(exhausts(calloc_of, arena, wrapped));
    }
    for (size_t off = ARENA_CAPACITY_MAX - 64; off < ARENA_CAPACITY_MAX + 64; off++)
        CHECK(exhausts(alloc_of, arena, &off));
    CHECK(is_filled(resize.block, 100, 1));
    CHECK(arena_usable_size(resize.block) == 100);
    CHECK(!arena_check(arena));
    arena_close(arena);
}

TEST("a block that can't be resized under the limit is as it was") {
    Arena *arena = open_arena(MB);
    Resize resize = {.size = 900 * KB};
    REQUIRE(arena);
    resize.block = arena_alloc(arena, 300 * KB);
    fill(resize.block, 300 * KB, 5);
    CHECK(arena_alloc(arena, 8)); /* in the way of growing */
    CHECK(exhausts(realloc_to, arena, &resize));
    CHECK(is_filled(resize.block, 300 * KB, 5));
    CHECK(!arena_check(arena));
    resize.size = 400 * KB;
    CHECK(!exhausts(realloc_to, arena, &resize));
    CHECK(is_filled(resize.block, 300 * KB, 5));
    arena_close(arena);
}

static void exhaust_without_callback(void *opaque) {
    Arena *arena = arena_open(MB);
    (void)opaque;
    arena_alloc(arena, 2 * MB);
}

static void return_from_callback(void *opaque) { (void)opaque; }

static void exhaust_with_a_callback_that_returns(void *opaque) {
    Arena *arena = arena_open(MB);
    arena_on_exhausted(arena, return_from_callback, opaque);
    arena_alloc(arena, 2 * MB);
}

TEST("exhaustion that nobody leaves aborts") {
    CHECK(signal_of_child(exhaust_without_callback, NULL) == SIGABRT);
    CHECK(signal_of_child(exhaust_with_a_callback_that_returns, NULL) == SIGABRT);
}

/* --- resizing, sizes, content -------------------------------------------------------------- */

TEST("a block grows where it is at the top and into a free neighbour, and shrinks there") {
    Arena *arena = open_arena(8 * MB);
    unsigned char *block, *neighbour, *fence;
    size_t used;
    REQUIRE(arena);
    block = arena_alloc(arena, 100);
    fill(block, 100, 3);
    for (size_t size = 100; size < 2 * MB; size = size * 3 / 2)
        CHECK(arena_realloc(arena, block, size) == block, "moved at %zu", size);
    CHECK(arena_realloc(arena, block, 5000) == block);
    CHECK(arena_used(arena) < 12 * KB, "the top came down to %zu", arena_used(arena));

    neighbour = arena_alloc(arena, 20000);
    fence = arena_alloc(arena, 100);
    used = arena_used(arena);
    arena_free(arena, neighbour);
    CHECK(arena_realloc(arena, block, 24000) == block);
    CHECK(arena_used(arena) == used);
    CHECK(arena_realloc(arena, block, 600) == block);
    neighbour = arena_alloc(arena, 24000 - 600); /* the rest was joined */
    CHECK(neighbour > block && neighbour < fence);
    CHECK(arena_used(arena) == used);
    CHECK(arena_realloc(arena, block, 3000) != block);
    CHECK(!arena_check(arena), "%s", arena_check(arena));
    arena_close(arena);
}

TEST("a block that moves leaves its old place free") {
    static const size_t sizes[] = {100, 1000};
    for (size_t i = 0; i < 2; i++) {
        Arena *arena = open_arena(64 * KB);
        unsigned char *first, *block;
        REQUIRE(arena);
        first = block = arena_alloc(arena, sizes[i]);
        CHECK(arena_alloc(arena, sizes[i]) != block); /* in the way of growing */
        for (int round = 0; round < 1000; round++) {
            unsigned char *moved = arena_realloc(arena, block, 5000);
            CHECK(moved != block);
            block = arena_alloc(arena, sizes[i]);
            CHECK(block == first);
            arena_free(arena, moved);
        }
        CHECK(!arena_check(arena), "%s", arena_check(arena));
        arena_close(arena);
    }
}

TEST("a growing array beside small blocks does not waste the limit") {
    Arena *arena = open_arena(64 * MB);
    unsigned char *array = NULL;
    size_t size = 64;
    REQUIRE(arena);
    for (; size < 4 * MB; size = size * 3 / 2) {
        array = arena_realloc(arena, array, size);
        for (int i = 0; i < 20; i++) arena_alloc(arena, 40);
    }
    CHECK(arena_used(arena) < 3 * size, "%zu for an array of %zu", arena_used(arena), size);
    arena_close(arena);
}

TEST("free blocks of about the size wanted that are all too small are left alone, however many") {
    Arena *arena = open_arena(64 * KB);
    void *small[20], *last;
    size_t count = sizeof small / sizeof *small, used;
    REQUIRE(arena);
    for (size_t i = 0; i < count; i++) {
        small[i] = arena_alloc(arena, 520);
        arena_alloc(arena, 12); /* so that they are not joined */
    }
    last = arena_alloc(arena, 8000);
    for (size_t i = 0; i < count; i++) arena_free(arena, small[i]);
    arena_free(arena, last); /* its header is left in the image, just below what is zero */
    REQUIRE(arena_snapshot(arena));
    used = arena_used(arena);
    arena_alloc(arena, 560);
    CHECK(arena_used(arena) >= used + 560, "%zu after %zu", arena_used(arena), used);
    CHECK(!arena_check(arena), "%s", arena_check(arena));
    arena_close(arena);
}

TEST("blocks that grow and are freed, again and again, take no more memory") {
    static const size_t sizes[][3] = {{36, 52, 100}, {16, 24, 500}, {100, 480, 700}};
    for (size_t i = 0; i < 3; i++) {
        Arena *arena = open_arena(8 * MB);
        size_t used = 0;
        REQUIRE(arena);
        for (int round = 0; round < 10000; round++) {
            unsigned char *block = arena_alloc(arena, sizes[i][0]);
            for (int step = 1; step < 3; step++) {
                fill(block, sizes[i][step - 1], (unsigned char)step);
                block = arena_realloc(arena, block, sizes[i][step]);
            }
            arena_free(arena, block);
            if (round == 100) used = arena_peak(arena);
        }
        CHECK(arena_peak(arena) == used, "%zu more", arena_peak(arena) - used);
        CHECK(!arena_check(arena), "%s", arena_check(arena));
        arena_close(arena);
    }
}

TEST("all of the usable size may be written") {
    Arena *arena = open_arena(64 * MB);
    static unsigned char *blocks[3000];
    REQUIRE(arena);
    CHECK(arena_usable_size(NULL) == 0);
    for (size_t i = 0; i < 3000; i++) {
        blocks[i] = arena_alloc(arena, i);
        CHECK(arena_usable_size(blocks[i]) >= i);
        CHECK(arena_usable_size(blocks[i]) < i + 16, "%zu: %zu", i, arena_usable_size(blocks[i]));
        fill(blocks[i], arena_usable_size(blocks[i]), (uint32_t)i);
    }
    CHECK(!arena_check(arena), "%s", arena_check(arena));
    for (size_t i = 0; i < 3000; i++)
        CHECK(is_filled(blocks[i], arena_usable_size(blocks[i]), (uint32_t)i));
    arena_close(arena);
}

TEST("blocks of no bytes are distinct and can be freed, and NULL too") {
    Arena *arena = open_arena(MB);
    void *one, *other;
    REQUIRE(arena);
    one = arena_alloc(arena, 0);
    other = arena_calloc(arena, 0, 8);
    CHECK(one && other && one != other);
    one = arena_realloc(arena, one, 0);
    CHECK(one && one != other);
    arena_free(arena, one);
    arena_free(arena, other);
    arena_free(arena, NULL);
    CHECK(!arena_check(arena));
    arena_close(arena);
}

TEST("calloc clears what was used before, and touches no fresh page") {
    Arena *arena = open_arena(256 * MB);
    unsigned char *block;
    size_t resident;
    REQUIRE(arena);
    for (size_t size = 1; size < 3 * MB; size = size * 2 + 1) {
        block = arena_alloc(arena, size);
        memset(block, 0xff, arena_usable_size(block));
        arena_free(arena, block);
        block = arena_calloc(arena, size, 1);
        CHECK(all_are(block, size, 0), "%zu", size);
        memset(block, 0xff, arena_usable_size(block));
        arena_free(arena, block);
        block = arena_calloc(arena, 1, size + size / 2); /* half of it reaches above the peak */
        CHECK(all_are(block, size + size / 2, 0), "%zu", size);
        arena_free(arena, block);
    }
    block = arena_calloc(arena, 100 * MB / 16, 16);
    resident = resident_pages((char *)block + 8 * MB, 92 * MB);
    CHECK(resident == 0, "%zu pages", resident);
    arena_close(arena);
}

/* --- snapshot and restore ------------------------------------------------------------------ */

TEST("a restore brings back the image, with all above it zero, whatever a task touched") {
    static const size_t sizes[] = {0,       100,     5000,   100 * KB, 127 * KB, 129 * KB, MB,
                                   3 * MB,  3 * MB,  300,    4 * MB,   4 * MB,   5 * MB,   40 * MB,
                                   40 * MB, 20 * MB, 7 * MB, 10,       2 * MB,   60 * KB,  60 * KB};
    Arena *arena = open_arena(64 * MB);
    unsigned char *kept, *block;
    size_t image;
    REQUIRE(arena);
    for (int i = 0; i < 200; i++) {
        block = arena_alloc(arena, (size_t)i * 20);
        if (i % 3 == 0) arena_free(arena, block);
    }
    kept = arena_alloc(arena, 1000);
    fill(kept, 1000, 9);
    memset(arena_alloc(arena, MB), 1, MB); /* stays below the top */
    block = arena_alloc(arena, 3 * MB);
    memset(block, 1, 3 * MB);
    arena_free(arena, block); /* is above it again, dirty */
    REQUIRE(arena_snapshot(arena));
    image = arena_image_size(arena);
    CHECK(image == arena_used(arena));
    CHECK(image > MB && image < 2 * MB, "%zu", image);
    CHECK(arena_compare(arena) == -1);
    CHECK(arena_dirt(arena, 64 * MB) == -1);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        block = arena_alloc(arena, sizes[i]);
        memset(block, 0xff, sizes[i]);
        memset(arena_alloc(arena, 64), 0xff, 64);
        memset(kept, (int)i + 1, 1000);
        CHECK(arena_compare(arena) != -1);
        arena_free(arena, kept);
        if (i % 2) arena_free(arena, block);
        CHECK(arena_peak(arena) >= arena_used(arena) && arena_peak(arena) >= image);
        arena_restore(arena);
        CHECK(arena_compare(arena) == -1, "%td", arena_compare(arena));
        CHECK(arena_dirt(arena, 64 * MB) == -1, "%zu: byte %td", sizes[i],
              arena_dirt(arena, 64 * MB));
        CHECK(is_filled(kept, 1000, 9));
        CHECK(arena_used(arena) == image && arena_peak(arena) == image);
        CHECK(!arena_check(arena), "%s", arena_check(arena));
    }
    arena_close(arena);
}

/* --- images of which only what was written to is restored ------------------------------------ */

#define IMAGE_BLOCKS 64
#define IMAGE_BLOCK (48 * KB)

/* An arena with an image of 3 MB, watched but for its first 64 KB. */
static Arena *open_watched(char *blocks[IMAGE_BLOCKS]) {
    Arena *arena = open_arena(16 * MB);
    if (!arena) return NULL;
    for (size_t i = 0; i < IMAGE_BLOCKS; i++) {
        blocks[i] = arena_alloc(arena, IMAGE_BLOCK);
        fill(blocks[i], IMAGE_BLOCK, (uint32_t)i);
    }
    CHECK(arena_snapshot(arena));
    take_faults(arena);
    return arena;
}

static void write_here_and_there(char *blocks[IMAGE_BLOCKS], unsigned writes) {
    while (writes-- > 0) blocks[random_below(IMAGE_BLOCKS)][random_below(IMAGE_BLOCK)] ^= 1;
}

TEST("whatever the size of a page, all that was written to a watched image is restored") {
    for (size_t page = (size_t)sysconf(_SC_PAGESIZE); page <= 64 * KB; page *= 2) {
        char *blocks[IMAGE_BLOCKS];
        random_seed(page);
        os_pretend_page(page);
        Arena *arena = open_watched(blocks);
        REQUIRE(arena);
        arena_watch(arena, 64 * KB);
        for (unsigned round = 0; round < runs(300); round++) {
            /* Mostly so few that they are kept in a list; now and then one after the other. */
            write_here_and_there(blocks, round % 10 ? (unsigned)random_below(24) : 2000);
            if (round % 3 == 0) fill(blocks[random_below(IMAGE_BLOCKS)], IMAGE_BLOCK, round);
            arena_restore(arena);
            CHECK(arena_compare(arena) == -1, "pages of %zu: byte %td", page, arena_compare(arena));
        }
        take_faults(NULL);
        arena_close(arena);
    }
    os_pretend_page(0);
}

TEST("a system that refuses to protect a watched image costs time, and nothing else") {
    /* That the list of what was touched can't be mapped is one case, the last. */
    for (unsigned n = 1; n <= 60; n++) {
        FaultKind kind = n < 60 ? FAULT_mprotect : FAULT_mmap;
        char *blocks[IMAGE_BLOCKS];
        random_seed(n);
        Arena *arena = open_watched(blocks);
        REQUIRE(arena);
        fault_arm(kind, n < 60 ? (int)n : 1, 0);
        arena_watch(arena, 64 * KB);
        for (int round = 0; round < 10; round++) {
            write_here_and_there(blocks, round % 2 ? 10 : 200);
            arena_restore(arena);
            CHECK(arena_compare(arena) == -1, "refused at %u: byte %td", n, arena_compare(arena));
        }
        arena_snapshot(arena); /* may be the one that is refused */
        CHECK(fault_struck(), "nothing was refused at %u", n);
        fault_arm(kind, 0, 0);
        write_here_and_there(blocks, 200);
        arena_restore(arena);
        CHECK(arena_compare(arena) == -1, "refused at %u: byte %td", n, arena_compare(arena));
        take_faults(NULL);
        arena_close(arena);
    }
}

#if defined(__linux__)
static size_t count_mappings(void) {
    FILE *maps = fopen("/proc/self/maps", "r");
    size_t count = 0;
    for (int c; maps && (c = getc(maps)) != EOF;) count += c == '\n';
    if (maps) fclose(maps);
    return count;
}

TEST("however many tasks write to every second page, the process keeps most of its mappings") {
    enum { ARENAS = 100, MOST = 20000 };
    static Arena *arenas[ARENAS];
    static char *blocks[ARENAS];
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = MB - 64 * KB;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < ARENAS; i++) {
            if (round == 0) {
                arenas[i] = open_arena(2 * MB);
                REQUIRE(arenas[i]);
                blocks[i] = arena_alloc(arenas[i], size);
                REQUIRE(blocks[i]);
                fill(blocks[i], size, (uint32_t)i);
                REQUIRE(arena_snapshot(arenas[i]));
                arena_watch(arenas[i], 0);
            }
            take_faults(arenas[i]);
            for (size_t at = 0; at < size; at += 2 * page) blocks[i][at] ^= 1;
            take_faults(NULL);
        }
        size_t mappings = count_mappings();
        CHECK(mappings > 0 && mappings < MOST, "%zu mappings", mappings);
        for (int i = 0; i < ARENAS; i++) {
            arena_restore(arenas[i]);
            CHECK(arena_compare(arenas[i]) == -1, "byte %td", arena_compare(arenas[i]));
        }
    }
    /* What is closed leaves room for others. */
    for (int i = 0; i < ARENAS; i++) arena_close(arenas[i]);
    char *written[IMAGE_BLOCKS];
    Arena *arena = open_watched(written);
    REQUIRE(arena);
    arena_watch(arena, 64 * KB);
    size_t before = count_mappings();
    write_here_and_there(written, 24);
    CHECK(count_mappings() > before);
    take_faults(NULL);
    arena_close(arena);
}
#endif

/* The snapshot makes the heap shorter first: what lies above is to be cleared all the same. */
TEST("a snapshot that the system refuses leaves the one before, and the arena sound") {
    static const FaultKind kinds[] = {FAULT_mmap, FAULT_mprotect};
    for (unsigned n = 0; n < 2; n++) {
        Arena *arena = open_arena(16 * MB);
        REQUIRE(arena);
        char *low = arena_alloc(arena, 100 * KB), *high = arena_alloc(arena, MB);
        fill(low, 100 * KB, 1);
        fill(high, MB, 2);
        REQUIRE(arena_snapshot(arena));
        arena_free(arena, high);
        fault_arm(kinds[n], 1, 0);
        CHECK(!arena_snapshot(arena));
        fault_arm(kinds[n], 0, 0);
        arena_restore(arena);
        CHECK(arena_compare(arena) == -1 && arena_dirt(arena, 8 * MB) == -1);
        CHECK(is_filled(low, 100 * KB, 1) && is_filled(high, MB, 2));
        CHECK(!arena_check(arena), "%s", arena_check(arena));
        arena_free(arena, high);
        CHECK(arena_snapshot(arena) && arena_dirt(arena, 8 * MB) == -1);
        arena_close(arena);
    }
}

TEST("memory that a large task touched goes back to the system") {
    Arena *arena = open_arena(64 * MB);
    size_t page = (size_t)sysconf(_SC_PAGESIZE), before;
    unsigned char *block;
    REQUIRE(arena);
    REQUIRE(arena_snapshot(arena));
    block = arena_alloc(arena, 32 * MB);
    memset(block, 1, 32 * MB);
    before = resident_pages((char *)block, 32 * MB);
    CHECK(before >= 32 * MB / page - 2, "%zu pages", before);
    arena_restore(arena);
    CHECK(resident_pages((char *)block, 32 * MB) * page <= 256 * KB);
    for (int i = 0; i < 3; i++) { /* what tasks in a row need is kept, within bounds */
        block = arena_alloc(arena, 32 * MB);
        memset(block, 1, 32 * MB);
        arena_restore(arena);
    }
    CHECK(resident_pages((char *)block, 32 * MB) * page <= 5 * MB);
    arena_restore(arena);
    CHECK(resident_pages((char *)block, 32 * MB) * page <= 256 * KB);
    arena_close(arena);
}

TEST("the peak is the highest use since the last restore") {
    Arena *arena = open_arena(8 * MB);
    void *block;
    size_t used;
    REQUIRE(arena);
    REQUIRE(arena_snapshot(arena));
    block = arena_alloc(arena, MB);
    used = arena_used(arena);
    CHECK(used >= MB && arena_peak(arena) == used);
    arena_free(arena, block);
    CHECK(arena_used(arena) < used && arena_peak(arena) == used);
    arena_restore(arena);
    CHECK(arena_peak(arena) == arena_used(arena));
    arena_close(arena);
}

/* --- a task left at any instruction -------------------------------------------------------- */

static sigjmp_buf alarm_jump;
static volatile sig_atomic_t alarm_armed;

static void on_alarm(int signal_number) {
    (void)signal_number;
    if (!alarm_armed) return;
    alarm_armed = 0;
    siglongjmp(alarm_jump, 1);
}

/* Works on the arena without an end, and uses nothing outside of it (a static would be left half
 * way too). */
static void work_forever(Arena *arena, uint64_t seed) {
    unsigned char *blocks[64] = {0};
    random_seed(seed);
    for (;;) {
        size_t i = random_below(64);
        if (arena_used(arena) > MB) {
            for (size_t j = 0; j < 64; j++) {
                arena_free(arena, blocks[j]);
                blocks[j] = NULL;
            }
        }
        blocks[i] = arena_realloc(arena, blocks[i], model_size() / 4);
        fill(blocks[i], arena_usable_size(blocks[i]), 1);
        if (random_below(3) == 0) {
            arena_free(arena, blocks[i]);
            blocks[i] = arena_calloc(arena, 1, model_size() / 4);
        }
    }
}

/* Works until a signal comes. */
static void work_until_alarm(Arena *arena, unsigned round) {
    struct itimerval timer = {.it_value.tv_usec = 20 + round * 7 % 200};
    if (sigsetjmp(alarm_jump, 1) != 0) return;
    alarm_armed = 1;
    if (setitimer(ITIMER_REAL, &timer, NULL) != 0) abort();
    work_forever(arena, round);
}

TEST("a task may be left by a signal at any instruction") {
    Arena *arena = open_arena(4 * MB);
    struct sigaction action = {.sa_handler = on_alarm}, before;
    unsigned rounds = runs(3000);
    REQUIRE(arena);
    for (int i = 0; i < 100; i++) fill(arena_alloc(arena, (size_t)i * 9), (size_t)i * 9, 2);
    REQUIRE(arena_snapshot(arena));
    REQUIRE(sigaction(SIGALRM, &action, &before) == 0);
    for (unsigned round = 0; round < rounds; round++) {
        work_until_alarm(arena, round);
        arena_restore(arena);
        CHECK(arena_compare(arena) == -1, "round %u: byte %td", round, arena_compare(arena));
        CHECK(arena_dirt(arena, 2 * MB) == -1, "round %u: byte %td", round,
              arena_dirt(arena, 2 * MB));
    }
    CHECK(!arena_check(arena), "%s", arena_check(arena));
    sigaction(SIGALRM, &before, NULL);
    arena_close(arena);
}

/* --- the region ---------------------------------------------------------------------------- */

static void write_byte(void *opaque) { *(volatile char *)opaque = 1; }

TEST("the snapshot can't be written to") {
    Arena *arena = open_arena(MB);
    int ended;
    REQUIRE(arena);
    REQUIRE(arena_snapshot(arena));
    ended = signal_of_child(write_byte, (void *)(uintptr_t)arena_copy(arena));
    CHECK(ended == SIGSEGV || ended == SIGBUS, "%d", ended);
    arena_close(arena);
}

TEST("guards on both sides can't be touched, and are known") {
    Arena *arena = open_arena(MB);
    char *above, *below;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    REQUIRE(arena);
    above = arena_alloc(arena, MB - 8 * KB);
    CHECK(!arena_in_guard(arena, above) && !arena_in_guard(arena, arena));
    CHECK(!arena_in_guard(arena, NULL) && !arena_in_guard(arena, &arena));
    above = (char *)(((uintptr_t)above + MB) & ~(uintptr_t)(page - 1));
    while (!arena_in_guard(arena, above)) {
        REQUIRE(above < (char *)arena + 2 * MB);
        above += page;
    }
    below = (char *)arena - 1;
    CHECK(!arena_in_guard(arena, above - 1));
    CHECK(arena_in_guard(arena, above + 64 * KB - 1));
    CHECK(arena_in_guard(arena, below) && arena_in_guard(arena, below - 64 * KB + 1));
    for (size_t i = 0; i < 64 * KB; i += page) {
        int up = signal_of_child(write_byte, above + i);
        int down = signal_of_child(write_byte, below - i);
        CHECK(up == SIGSEGV || up == SIGBUS, "%d", up);
        CHECK(down == SIGSEGV || down == SIGBUS, "%d", down);
    }
    arena_close(arena);
}

TEST("capacities that can't be are refused") {
    Arena *arena = arena_open(SIZE_MAX);
    CHECK(!arena);
    CHECK(!arena_open(ARENA_CAPACITY_MAX + 1));
    arena_close(NULL);
    arena = open_arena(0); /* as small as can be */
    REQUIRE(arena);
    CHECK(arena_alloc(arena, 8));
    arena_close(arena);
#ifndef OS_ASAN /* whose shadow of it would be large */
    arena = open_arena(ARENA_CAPACITY_MAX);
    if (arena) { /* the system may say no */
        size_t size = ARENA_CAPACITY_MAX - 64 * KB;
        char *block;
        REQUIRE(arena_snapshot(arena));
        block = arena_calloc(arena, 1, size);
        CHECK(block[0] == 0 && block[size - 1] == 0);
        block[size - 1] = 1;
        CHECK(exhausts(alloc_of, arena, &size));
        arena_restore(arena);
        CHECK(arena_compare(arena) == -1 && block[size - 1] == 0);
        arena_close(arena);
    }
#endif
}

static void *run_in_thread(void *opaque) {
    Arena *arena = opaque;
    for (int round = 0; round < 20; round++) {
        unsigned char *blocks[100] = {0};
        for (size_t i = 0; i < 5000; i++) {
            size_t slot = i * 31 % 100, size = i * 37 % 700 + 1;
            arena_free(arena, blocks[slot]);
            blocks[slot] = arena_calloc(arena, 1, size);
            CHECK(all_are(blocks[slot], size, 0));
            memset(blocks[slot], 0xff, size);
        }
        CHECK(!arena_check(arena), "%s", arena_check(arena));
        arena_restore(arena);
        CHECK(arena_compare(arena) == -1);
    }
    return NULL;
}

TEST("arenas side by side, each with a thread of its own, know nothing of each other") {
    Arena *arenas[4];
    pthread_t threads[4];
    size_t started = 0;
    for (size_t i = 0; i < 4; i++) {
        arenas[i] = open_arena(8 * MB);
        REQUIRE(arenas[i]);
        fill(arena_alloc(arenas[i], 1000 * i), 1000 * i, (uint32_t)i);
        REQUIRE(arena_snapshot(arenas[i]));
    }
    while (started < 4 &&
           pthread_create(&threads[started], NULL, run_in_thread, arenas[started]) == 0)
        started++;
    CHECK(started == 4);
    for (size_t i = 0; i < started; i++) pthread_join(threads[i], NULL);
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < 4; j++) CHECK(i == j || !arena_in_guard(arenas[i], arenas[j]));
        arena_close(arenas[i]);
    }
}

/* --- mistakes are found -------------------------------------------------------------------- */

#ifndef NDEBUG
static void free_twice(void *opaque) {
    Arena *arena = opaque;
    void *block = arena_alloc(arena, 40);
    arena_free(arena, block);
    arena_free(arena, block);
}

static void free_inside(void *opaque) { arena_free(opaque, (char *)arena_alloc(opaque, 40) + 16); }

static void free_of_another(void *opaque) { arena_free(opaque, arena_alloc(arena_open(MB), 40)); }

TEST("a debug build fills blocks and finds what must not be freed") {
    Arena *arena = open_arena(MB);
    unsigned char *block;
    REQUIRE(arena);
    block = arena_alloc(arena, 100);
    CHECK(all_are(block, 100, 0xaa));
    block = arena_realloc(arena, block, 1000);
    CHECK(all_are(block, 1000, 0xaa));
    CHECK(signal_of_child(free_twice, arena) == SIGABRT);
    CHECK(signal_of_child(free_inside, arena) == SIGABRT);
    CHECK(signal_of_child(free_of_another, arena) == SIGABRT);
#ifndef OS_ASAN
    arena_alloc(arena, 8);
    arena_free(arena, block);
    CHECK(all_are(block + 8, 1000 - 16, 0x55)); /* but for the links */
#endif
    arena_close(arena);
}
#endif

TEST("arena_check finds a header that was overwritten") {
    Arena *arena = open_arena(MB);
    unsigned char *block;
    REQUIRE(arena);
    block = arena_alloc(arena, 100);
    arena_alloc(arena, 100);
    CHECK(!arena_check(arena));
#ifdef OS_ASAN
    ASAN_UNPOISON_MEMORY_REGION(block, 108);
#endif
    memset(block + arena_usable_size(block), 0xff, 4);
    CHECK(arena_check(arena));
    arena_close(arena);
}

#ifdef OS_ASAN
TEST("the address sanitizer knows free blocks, headers and all above the top") {
    Arena *arena = open_arena(MB);
    char *block, *kept;
    REQUIRE(arena);
    kept = arena_alloc(arena, 20);
    REQUIRE(arena_snapshot(arena));
    block = arena_alloc(arena, 100);
    CHECK(!__asan_region_is_poisoned(block, 100));
    CHECK(__asan_address_is_poisoned(block + 100));
    CHECK(__asan_address_is_poisoned(block - 1));
    block = arena_realloc(arena, block, 1000);
    CHECK(!__asan_region_is_poisoned(block, 1000));
    CHECK(__asan_address_is_poisoned(block + arena_usable_size(block)));
    arena_realloc(arena, block, 500);
    CHECK(!__asan_region_is_poisoned(block, 500));
    CHECK(__asan_address_is_poisoned(block + 700));
    arena_free(arena, kept);
    CHECK(__asan_address_is_poisoned(kept));
    arena_restore(arena);
    CHECK(!__asan_region_is_poisoned(kept, 20));
    CHECK(__asan_address_is_poisoned(block));
    CHECK(__asan_address_is_poisoned(block + 40 * KB));
    CHECK(__asan_address_is_poisoned((char *)arena_alloc(arena, 300 * KB) + 340 * KB));
    arena_close(arena);
}
#endif
