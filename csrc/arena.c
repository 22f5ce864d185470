/* arena.c - the allocator of a realm, and its snapshot and restore.
 *
 *   | guard | Arena            | Heap | block | block | ... |            0            | guard |
 *           | survives restore |<------ the image, at its snapshot ------>|           |
 *           ^ arena                            heap.top ^     ^ arena->peak    end ^
 *
 * A block is a 32-bit header and its payload. An offset is the distance of a payload from
 * `arena`, a multiple of 8, so a header ends where an 8-byte word ends and blocks follow each
 * other without a gap. The header holds the block's size (header included, a multiple of 8) and,
 * in the low bits, two flags:
 *
 *   used          | size       P | payload ...                                    |
 *   free, small   | size    F  P | next | ...                                     |
 *   free, binned  | size    F  0 | next | prev | ...                       | size |
 *
 *   F  FREE       the block is free
 *   P  PREV_FREE  the block before is free and binned: its size is in the word before this header
 *
 * Free blocks of at most SMALL_MAX bytes are kept in lists of exactly one size and are not joined
 * with their neighbours: the engine soon takes again what it frees, and a list's head is still in
 * the cache. Larger blocks are joined at once and kept in bins, eight for each power of two. A
 * small block that no list has is cut from the carving, a used-looking block from which small
 * blocks are taken one after another. A new carving comes from the bins; what no bin has comes from
 * the top. Only at the limit does a sweep walk the heap and join the small blocks as well.
 *
 * Invariants:
 *   1. Blocks lie without a gap from HEAP_START to heap.top. Two binned blocks never touch, and
 *      none touches the top.
 *   2. All state of the allocator that the image's blocks depend on is in the image. State outside
 *      (struct Arena's own fields) is only changed between tasks, except for `peak`.
 *   3. Above `peak` every byte is zero. So `peak` is raised before the memory below it is touched:
 *      a task may be left by siglongjmp between any two instructions, and arena_restore must know
 *      what was written. The signal handler runs in the same thread, so a compiler barrier is
 *      enough.
 *   4. Nothing but invariant 3 is assumed of a heap in which a task was left: it may be halfway
 *      through an allocation. A restore copies the image, and looks at nothing.
 *
 * Memory: arena_open maps the region and arena_snapshot the image; arena_close unmaps the one and
 * drops the other, which goes with its last holder. One thread at a time.
 *
 * An image that was taken of another arena is moved: each of its words that is a pointer into that
 * arena, or to the arena's owner, gets the distance to this one added. Which words those are is not
 * guessed: two arenas that were built alike, at different addresses, differ in nothing else
 * (arena_image_learn). What differs in any other way is no image that can be moved.
 *
 * Tried and dropped: a list refilled with several blocks of its size at once (no faster, and a
 * small task touches more), huge pages for what lies high (no difference beyond the noise), the
 * image compared by pieces for the restore (memcpy of all of it is faster; of the pages that were
 * written to it is faster still, see watch.h).
 */
#include "arena.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "os.h"
#include "watch.h"

/* Headers, free blocks and what is above the top are poisoned; RAW functions may touch them. */
#ifdef OS_ASAN
#define RAW __attribute__((no_sanitize_address))
#else
#define RAW
#endif

#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

#define GUARD_SIZE ((size_t)64 << 10)
#define CAPACITY_MIN ((size_t)4 << 10) /* more than the heap's state */

/* How much above the image a restore clears itself and keeps; the rest goes back to the system. To
 * clear a page of 4 KB takes 0.07 us in the cache and 0.14 us outside; to give it back and fault it
 * in again 1.1 us. So up to KEPT_MAX of what two tasks in a row touched is kept. But a worker must
 * not hold on to what a single large task needed: of that, only KEPT_MIN. */
#define KEPT_MIN ((size_t)128 << 10)
#define KEPT_MAX ((size_t)4 << 20)

/* No transparent huge pages this close to the start: the first touch would make a worker 2 MB
 * large, and a restored realm seldom needs more than this. */
#define SMALL_PAGES_SIZE ((size_t)4 << 20)

/* How often an image is moved into an arena before that gets a copy of its own: a task that waits
 * is the only one in its arena, most often, and should not take the memory of two. */
#define MOVED_MAX 3

#define IMAGE_OWNED 8 /* pointers to the owner, at the most */

#define HEADER 4u
#define FREE 1u
#define PREV_FREE 2u
#define FLAGS 7u

#define BLOCK_MIN 16u  /* header, and the two links or one link and more */
#define SMALL_MAX 512u /* the largest block in a list of exact size */
#define SPLIT_MIN 32u  /* a smaller rest stays with its block */
#define CARVING_MAX 4096u
#define SWEEP_SHARE 16 /* of the limit must have been freed for another sweep, or tasks crawl */

#define BINS_PER_POWER 8u
#define BIN_COUNT ((32u - 9u) * BINS_PER_POWER) /* blocks of 2^9 bytes to 2^32 */
#define BIN_TRIES 8                             /* blocks looked at in the bin that may not fit */

typedef struct Heap {
    uint32_t top;     /* where the next block would begin: the end of the used part */
    uint32_t carving; /* the block that small blocks are cut from, or 0 */
    uint64_t freed;   /* bytes of small blocks freed since the last sweep */
    uint32_t small[SMALL_MAX / 8 + 1];      /* by size / 8: the first free block, or 0 */
    uint64_t binned[(BIN_COUNT + 63) / 64]; /* which bins have a block */
    uint32_t bins[BIN_COUNT];
} Heap;

/* What a snapshot holds: a page with this, and behind it the bytes, read-only. Written once, but
 * for what is learned of it before anybody moves it. */
struct ArenaImage {
    atomic_uint holds;
    uint32_t size;   /* bytes, a multiple of 8 */
    size_t page;     /* where they begin */
    uintptr_t arena; /* where it was taken */
    uintptr_t owner; /* of that arena */
    /* Where its pointers are, in words: those into the arena (NULL: that is unknown), and those to
     * the owner. */
    uint32_t *pointers;
    size_t pointers_size;
    uint32_t count, owned_count;
    uint32_t owned[IMAGE_OWNED];
};

static const void *image_bytes(const ArenaImage *image) {
    return (const char *)image + image->page;
}

struct Arena {
    /* Offsets. */
    uint32_t peak;      /* all above is zero; the one field that a task changes */
    uint32_t limit;     /* heap.top is at most this */
    uint32_t end;       /* of what may be used */
    uint32_t image_end; /* of what the snapshot holds */
    uint32_t resident;  /* pages above that, and above the peak, are with the system */
    uint32_t last_peak; /* of the task before */

    ArenaImage *image; /* of the snapshot, held; or NULL. It may be another arena's */
    uint32_t moved;    /* how often that was moved here */
    Watch *watch;      /* what of its whole pages was written to; NULL: all must be copied */
    void *owner;
    bool builds; /* what is allocated is going to be an image */
    size_t page, guard;
    ArenaExhausted *exhausted;
    void *opaque;
#ifdef OS_ASAN
    size_t painted; /* all that was ever poisoned lies below this offset */
#endif
#ifdef DFD_TEST
    uint64_t fail_at;
#endif
    _Alignas(64) Heap heap; /* the image begins here */
};

/* The image in units of 8 bytes, of which it is a multiple. */
typedef uint64_t __attribute__((may_alias)) Word;

#define IMAGE_START ((uint32_t)offsetof(Arena, heap))
#define HEAP_START ((uint32_t)((sizeof(Arena) + HEADER + 7) & ~(size_t)7))

/* Whether an image must be moved to be that of the arena: it is another's, be that one which lay
 * there before. */
static inline bool must_move(const ArenaImage *image, const Arena *arena) {
    return image->arena != (uintptr_t)arena || image->owner != (uintptr_t)arena->owner;
}

static inline bool is_moved(const Arena *arena) { return must_move(arena->image, arena); }

static inline size_t min_size(size_t a, size_t b) { return a < b ? a : b; }

static inline size_t max_size(size_t a, size_t b) { return a > b ? a : b; }

/* --- blocks -------------------------------------------------------------------------------- */

RAW static inline char *at(const Arena *arena, uint32_t offset) { return (char *)arena + offset; }

RAW static inline uint32_t *word(const Arena *arena, uint32_t offset) {
    return (uint32_t *)(void *)at(arena, offset);
}

RAW static inline uint32_t *header(const Arena *arena, uint32_t block) {
    return word(arena, block - HEADER);
}

RAW static inline uint32_t size_of(const Arena *arena, uint32_t block) {
    return *header(arena, block) & ~FLAGS;
}

/* The links of a free block: the second is only there when it is binned. */
RAW static inline uint32_t *next_free(const Arena *arena, uint32_t block) {
    return word(arena, block);
}

RAW static inline uint32_t *prev_free(const Arena *arena, uint32_t block) {
    return word(arena, block + 4);
}

RAW static inline bool is_binned(const Arena *arena, uint32_t block) {
    uint32_t head = *header(arena, block);
    return (head & FREE) && (head & ~FLAGS) > SMALL_MAX;
}

/* Asserts that a caller's block is one of ours, and returns it. */
RAW static inline uint32_t used_block(const Arena *arena, const void *pointer) {
    uint32_t block = (uint32_t)((const char *)pointer - (const char *)arena);
    assert((const char *)pointer - (const char *)arena >= HEAP_START);
    assert((const char *)pointer - (const char *)arena < arena->heap.top);
    assert(block % 8 == 0);
    assert(!(*header(arena, block) & FREE) && "freed twice, or overrun");
    assert(size_of(arena, block) >= BLOCK_MIN && size_of(arena, block) % 8 == 0);
    assert(size_of(arena, block) <= arena->heap.top - block);
    assert(block != arena->heap.carving);
    return block;
}

/* --- poison -------------------------------------------------------------------------------- */

#ifdef NDEBUG
#define FILLS false
#else
#define FILLS true
#endif

/* `size` bytes at `offset` pass to the caller (dirty: they are not to be zeroed, so that a debug
 * build fills them) or back to the allocator, which writes its links only after that. While an
 * image is built, what was freed is cleared: padding would keep what a block held before, pointers
 * among it, and images that were built alike would differ by it. */
static inline void hand_out(Arena *arena, uint32_t offset, uint32_t size, bool dirty) {
    ASAN_UNPOISON_MEMORY_REGION(at(arena, offset), size);
    if (FILLS && dirty && !arena->builds) memset(at(arena, offset), 0xaa, size);
    (void)arena, (void)offset, (void)size, (void)dirty;
}

static inline void hand_back(Arena *arena, uint32_t offset, uint32_t size) {
    if (FILLS && !arena->builds) memset(at(arena, offset), 0x55, size);
    ASAN_POISON_MEMORY_REGION(at(arena, offset), size);
    (void)arena, (void)offset, (void)size;
}

/* The peak rises from `from` to `to`: poisons what is new below it, and a stretch above it. (All
 * of a region would take an eighth of it in shadow memory.) */
static inline void poison_fresh(Arena *arena, size_t from, size_t to) {
#ifdef OS_ASAN
    size_t done = min_size(round_up(from, GUARD_SIZE) + GUARD_SIZE, arena->end);
    size_t wanted = min_size(round_up(to, GUARD_SIZE) + GUARD_SIZE, arena->end);
    if (from == 0) done = HEAP_START - HEADER; /* the region is new */
    /* First: a task may be left between the two, and what is poisoned when the region is unmapped
     * stays so for whatever is mapped there next. */
    arena->painted = max_size(arena->painted, wanted);
    atomic_signal_fence(memory_order_seq_cst);
    if (wanted > done) ASAN_POISON_MEMORY_REGION((char *)arena + done, wanted - done);
#endif
    (void)arena, (void)from, (void)to;
}

/* The allocator is going to copy over all up to the offset `end`, whatever is in it. */
static inline void lift_poison(Arena *arena, size_t end) {
    ASAN_UNPOISON_MEMORY_REGION(&arena->heap, end - IMAGE_START);
}

/* What hand_out and hand_back said is lost once the heap was copied over: says it again, for all
 * up to the offset `end`. */
RAW static void repaint(Arena *arena, size_t end) {
#ifdef OS_ASAN
    ASAN_POISON_MEMORY_REGION(at(arena, HEAP_START - HEADER), end - HEAP_START + HEADER);
    for (uint32_t b = HEAP_START; b < arena->heap.top; b += size_of(arena, b)) {
        if (!(*header(arena, b) & FREE) && b != arena->heap.carving)
            ASAN_UNPOISON_MEMORY_REGION(at(arena, b), size_of(arena, b) - HEADER);
    }
#endif
    (void)arena, (void)end;
}

/* --- bins ---------------------------------------------------------------------------------- */

static inline uint32_t bin_of(uint32_t size) {
    uint32_t power = 31u - (uint32_t)__builtin_clz(size);
    assert(size > SMALL_MAX);
    return (power - 9) * BINS_PER_POWER + ((size >> (power - 3)) & (BINS_PER_POWER - 1));
}

/* The first bin from `from` on that has a block, or BIN_COUNT. */
static inline uint32_t bin_with_block(const Heap *heap, uint32_t from) {
    for (uint32_t i = from / 64; i < sizeof heap->binned / sizeof *heap->binned; i++) {
        uint64_t bits = heap->binned[i];
        if (i == from / 64) bits &= ~(uint64_t)0 << from % 64;
        if (bits) return i * 64 + (uint32_t)__builtin_ctzll(bits);
    }
    return BIN_COUNT;
}

/* Puts a used block of at most SMALL_MAX bytes into its list. */
RAW static inline void put_listed(Arena *arena, uint32_t block, uint32_t size) {
    uint32_t *first = &arena->heap.small[size / 8];
    *header(arena, block) |= FREE;
    *next_free(arena, block) = *first;
    *first = block;
}

/* Puts a larger block, which touches no binned block nor the top, into its bin. */
RAW static void put_binned(Arena *arena, uint32_t block, uint32_t size) {
    Heap *heap = &arena->heap;
    uint32_t bin = bin_of(size), first = heap->bins[bin];
    *header(arena, block) = size | FREE;
    *next_free(arena, block) = first;
    *prev_free(arena, block) = 0;
    if (first) *prev_free(arena, first) = block;
    heap->bins[bin] = block;
    heap->binned[bin / 64] |= (uint64_t)1 << bin % 64;
    *word(arena, block + size - 2 * HEADER) = size;
    *header(arena, block + size) |= PREV_FREE;
}

RAW static void put_free(Arena *arena, uint32_t block, uint32_t size) {
    *header(arena, block) = size | (*header(arena, block) & PREV_FREE);
    if (size <= SMALL_MAX)
        put_listed(arena, block, size);
    else
        put_binned(arena, block, size);
}

/* Takes a block out of its bin. It stays FREE for the moment. */
RAW static void unbin(Arena *arena, uint32_t block) {
    Heap *heap = &arena->heap;
    uint32_t size = size_of(arena, block), bin = bin_of(size);
    uint32_t next = *next_free(arena, block), prev = *prev_free(arena, block);
    if (next) *prev_free(arena, next) = prev;
    if (prev) {
        *next_free(arena, prev) = next;
    } else {
        heap->bins[bin] = next;
        if (!next) heap->binned[bin / 64] &= ~((uint64_t)1 << bin % 64);
    }
    *header(arena, block + size) &= ~PREV_FREE;
}

/* Frees [block, block + size), whose header is valid, and joins it with what is free beside it. */
RAW static void join_free(Arena *arena, uint32_t block, uint32_t size) {
    Heap *heap = &arena->heap;
    uint32_t next = block + size;
    if (*header(arena, block) & PREV_FREE) {
        uint32_t before = *word(arena, block - 2 * HEADER);
        block -= before;
        size += before;
        unbin(arena, block);
    }
    if (next == heap->top) {
        heap->top = block;
        return;
    }
    if (is_binned(arena, next)) {
        size += size_of(arena, next);
        unbin(arena, next);
    }
    *header(arena, block) &= ~PREV_FREE;
    put_free(arena, block, size);
}

/* Cuts a used block of `size` bytes down to `wanted` if the rest is worth it. Returns its size. */
RAW static uint32_t cut(Arena *arena, uint32_t block, uint32_t size, uint32_t wanted) {
    uint32_t rest = size - wanted;
    if (rest < SPLIT_MIN) return size;
    *header(arena, block) = wanted | (*header(arena, block) & PREV_FREE);
    *header(arena, block + wanted) = rest;
    join_free(arena, block + wanted, rest);
    return wanted;
}

/* --- taking a block ------------------------------------------------------------------------ */

/* Raises the top to `top`, if the limit allows it. */
static inline bool raise_top(Arena *arena, size_t top) {
    if (unlikely(top > arena->limit)) return false;
    if (top > arena->peak) {
        poison_fresh(arena, arena->peak, top);
        arena->peak = (uint32_t)top;
        atomic_signal_fence(memory_order_seq_cst); /* invariant 3 */
    }
    arena->heap.top = (uint32_t)top;
    return true;
}

RAW static inline uint32_t take_top(Arena *arena, uint32_t size) {
    uint32_t block = arena->heap.top;
    if (!raise_top(arena, (size_t)block + size)) return 0;
    *header(arena, block) = size;
    return block;
}

RAW static uint32_t take_binned(Arena *arena, uint32_t wanted) {
    Heap *heap = &arena->heap;
    uint32_t bin = bin_of(wanted), block = heap->bins[bin], size;
    for (int tries = 1; block && size_of(arena, block) < wanted; tries++)
        block = tries < BIN_TRIES ? *next_free(arena, block) : 0;
    if (!block) {
        bin = bin_with_block(heap, bin + 1);
        if (bin == BIN_COUNT) return 0;
        block = heap->bins[bin];
    }
    unbin(arena, block);
    size = size_of(arena, block);
    *header(arena, block) = size;
    cut(arena, block, size, wanted);
    return block;
}

static uint32_t take_large(Arena *arena, uint32_t size) {
    uint32_t block = take_binned(arena, size);
    return block ? block : take_top(arena, size);
}

/* A small block that no list has. */
RAW static uint32_t take_carved(Arena *arena, uint32_t wanted) {
    Heap *heap = &arena->heap;
    uint32_t block = heap->carving, size, bin;
    if (block) {
        size = size_of(arena, block);
        if (size >= wanted) {
            uint32_t rest = size - wanted;
            if (rest < BLOCK_MIN) {
                heap->carving = 0;
            } else {
                *header(arena, block) = wanted | (*header(arena, block) & PREV_FREE);
                heap->carving = block + wanted;
                *header(arena, heap->carving) = rest;
            }
            return block;
        }
        heap->carving = 0;
        put_free(arena, block, size);
    }
    bin = bin_with_block(heap, 0);
    if (bin == BIN_COUNT) return take_top(arena, wanted);
    block = heap->bins[bin];
    unbin(arena, block);
    size = size_of(arena, block);
    *header(arena, block) = size;
    heap->carving = block;
    if (size > CARVING_MAX) cut(arena, block, size, CARVING_MAX);
    return take_carved(arena, wanted);
}

/* Joins all that is free, small blocks too, and puts it into lists and bins anew. */
RAW static void sweep(Arena *arena) {
    Heap *heap = &arena->heap;
    uint32_t run = 0; /* where the free blocks just before `block` begin, or 0 */
    memset(heap->small, 0, sizeof heap->small);
    memset(heap->binned, 0, sizeof heap->binned);
    memset(heap->bins, 0, sizeof heap->bins);
    for (uint32_t block = HEAP_START, next; block < heap->top; block = next) {
        next = block + size_of(arena, block);
        if ((*header(arena, block) & FREE) || block == heap->carving) {
            if (!run) run = block;
        } else {
            *header(arena, block) &= ~PREV_FREE;
            if (run) {
                *header(arena, run) = 0;
                put_free(arena, run, block - run);
            }
            run = 0;
        }
    }
    if (run) heap->top = run;
    heap->carving = 0;
    heap->freed = 0;
}

static _Noreturn void leave(const Arena *arena) {
    if (arena->exhausted) arena->exhausted(arena->opaque);
    abort(); /* nothing of ours could go on */
}

/* Takes a free small block, of the exact size or (`any`) of a larger one. */
RAW static inline uint32_t take_listed(Arena *arena, uint32_t size, bool any) {
    uint32_t *first = &arena->heap.small[size / 8], block;
    if (any)
        while (!*first && first < &arena->heap.small[SMALL_MAX / 8]) first++;
    block = *first;
    if (likely(block)) {
        assert(*header(arena, block) & FREE);
        *first = *next_free(arena, block);
        *header(arena, block) &= ~FREE;
        if (any) cut(arena, block, size_of(arena, block), size);
    }
    return block;
}

static uint32_t take_slow(Arena *arena, uint32_t size) {
    for (;;) {
        uint32_t block = size > SMALL_MAX ? take_large(arena, size) : take_carved(arena, size);
        if (likely(block)) return block;
        if (arena->heap.freed < arena->limit / SWEEP_SHARE) break;
        sweep(arena);
    }
    if (size <= SMALL_MAX) {
        uint32_t block = take_listed(arena, size, true);
        if (block) return block;
    }
    leave(arena);
}

/* The size of the block that a request needs. Leaves when no arena could hold it. */
static inline uint32_t wanted_size(Arena *arena, size_t size) {
#ifdef DFD_TEST
    if (arena->fail_at && --arena->fail_at == 0) leave(arena);
#endif
    if (unlikely(size > ARENA_CAPACITY_MAX)) leave(arena);
    return size <= BLOCK_MIN - HEADER ? BLOCK_MIN : (uint32_t)((size + HEADER + 7) & ~(size_t)7);
}

/* A used block of at least `wanted` bytes. Leaves when there is none. */
static inline uint32_t take(Arena *arena, uint32_t wanted) {
    uint32_t block = wanted <= SMALL_MAX ? take_listed(arena, wanted, false) : 0;
    return likely(block) ? block : take_slow(arena, wanted);
}

RAW void *arena_alloc(Arena *arena, size_t size) {
    uint32_t block = take(arena, wanted_size(arena, size));
    hand_out(arena, block, size_of(arena, block) - HEADER, true);
    return at(arena, block);
}

RAW void *arena_calloc(Arena *arena, size_t count, size_t size) {
    uint32_t touched = arena->peak, block;
    size_t dirty;
    if (__builtin_mul_overflow(count, size, &size)) leave(arena);
    block = take(arena, wanted_size(arena, size));
    hand_out(arena, block, size_of(arena, block) - HEADER, false);
    /* A large buffer above all that was touched costs no page before it is used. */
    dirty = touched > block ? touched - block : 0;
    memset(at(arena, block), 0, dirty < size ? dirty : size);
    return at(arena, block);
}

RAW static inline void free_block(Arena *arena, uint32_t block) {
    uint32_t size = size_of(arena, block);
    hand_back(arena, block, size - HEADER);
    if (likely(size <= SMALL_MAX)) {
        arena->heap.freed += size;
        put_listed(arena, block, size);
    } else {
        join_free(arena, block, size);
    }
}

/* Apart, so that arena_free has no call to make and no register to save. */
RAW static __attribute__((noinline, cold)) void free_cleared(Arena *arena, uint32_t block) {
    memset(at(arena, block), 0, size_of(arena, block) - HEADER);
    free_block(arena, block);
}

RAW void arena_free(Arena *arena, void *pointer) {
    if (!pointer) return;
    uint32_t block = used_block(arena, pointer);
    if (unlikely(arena->builds))
        free_cleared(arena, block);
    else
        free_block(arena, block);
}

/* Makes a block of `size` bytes one of at least `wanted` bytes where it is, if it can. */
RAW static bool grow_in_place(Arena *arena, uint32_t block, uint32_t size, uint32_t wanted) {
    uint32_t next = block + size;
    /* What was freed is taken first: else blocks that grow and are freed, as each object's of three
     * properties, would come from the top for ever, and go to a list that nobody takes from. */
    if (wanted <= SMALL_MAX && arena->heap.small[wanted / 8]) return false;
    if (next == arena->heap.top) {
        if (!raise_top(arena, (size_t)block + wanted)) return false;
        size = wanted;
    } else {
        if (!is_binned(arena, next) || size + size_of(arena, next) < wanted) return false;
        size += size_of(arena, next);
        unbin(arena, next);
    }
    *header(arena, block) = size | (*header(arena, block) & PREV_FREE);
    cut(arena, block, size, wanted);
    return true;
}

RAW void *arena_realloc(Arena *arena, void *pointer, size_t size) {
    uint32_t block, fresh, old, wanted;
    if (!pointer) return arena_alloc(arena, size);
    block = used_block(arena, pointer);
    old = size_of(arena, block);
    wanted = wanted_size(arena, size);
    if (wanted <= old) {
        if (old - wanted < SPLIT_MIN) return pointer;
        if (unlikely(arena->builds)) memset(at(arena, block + wanted - HEADER), 0, old - wanted);
        hand_back(arena, block + wanted - HEADER, old - wanted);
        cut(arena, block, old, wanted);
        return pointer;
    }
    if (grow_in_place(arena, block, old, wanted)) {
        hand_out(arena, block + old - HEADER, size_of(arena, block) - old, true);
        return pointer;
    }
    fresh = take(arena, wanted);
    hand_out(arena, fresh, size_of(arena, fresh) - HEADER, true);
    memcpy(at(arena, fresh), pointer, old - HEADER);
    arena_free(arena, pointer);
    return at(arena, fresh);
}

RAW size_t arena_usable_size(const void *pointer) {
    const char *payload = pointer;
    return payload ? (*(const uint32_t *)(const void *)(payload - HEADER) & ~FLAGS) - HEADER : 0;
}

/* --- the region ---------------------------------------------------------------------------- */

_Static_assert(CAPACITY_MIN > sizeof(Heap) + 2 * BLOCK_MIN, "an empty heap must fit");

Arena *arena_open(size_t capacity) {
    size_t page = os_page(), guard = round_up(GUARD_SIZE, page), size;
    Arena *arena;
    char *region;
    if (capacity > ARENA_CAPACITY_MAX) return NULL;
    if (capacity < CAPACITY_MIN) capacity = CAPACITY_MIN;
    size = round_up(IMAGE_START + capacity, page);
    region = os_map(guard + size + guard, OS_NONE);
    if (!region) return NULL;
    if (!os_protect(region + guard, size, OS_READ_WRITE)) {
        os_unmap(region, guard + size + guard);
        return NULL;
    }
    /* Where it is not granted, a worker is larger. */
    os_keep_pages_small(region + guard, size < SMALL_PAGES_SIZE ? size : SMALL_PAGES_SIZE);
    arena = (Arena *)(void *)(region + guard);
    arena->guard = guard;
    arena->page = page;
    arena->end = IMAGE_START + (uint32_t)capacity;
    arena->heap.top = HEAP_START;
    arena->peak = HEAP_START;
    arena_set_limit(arena, capacity);
    poison_fresh(arena, 0, HEAP_START);
    return arena;
}

void arena_close(Arena *arena) {
    size_t size;
    if (!arena) return;
    size = round_up(arena->end, arena->page);
#ifdef OS_ASAN
    /* Not all of it: to say so of 2 GB takes 256 MB of ASan's own memory, for good. */
    ASAN_UNPOISON_MEMORY_REGION(arena, arena->painted);
#endif
    arena_image_drop(arena->image);
    watch_drop(arena->watch);
    os_unmap((char *)arena - arena->guard, arena->guard + size + arena->guard);
}

void arena_on_exhausted(Arena *arena, ArenaExhausted *exhausted, void *opaque) {
    arena->exhausted = exhausted;
    arena->opaque = opaque;
}

void arena_set_owner(Arena *arena, void *owner) { arena->owner = owner; }

void arena_set_limit(Arena *arena, size_t limit) {
    size_t most = arena->end - IMAGE_START;
    arena->limit = IMAGE_START + (uint32_t)(limit < most ? limit : most);
}

/* --- snapshot and restore ------------------------------------------------------------------ */

/* Makes [from, to) read as zeros, and gives its pages back to the system if it can. */
static void release(char *from, char *to) {
    size_t size = (size_t)(to - from);
    if (!os_discard(from, size)) memset(from, 0, size);
}

/* The end of the pages that may be resident. */
static size_t resident_end(const Arena *arena) {
    return round_up(max_size(arena->peak, arena->resident), arena->page);
}

/* Makes all above `offset` read as zeros: makes `offset` the peak. */
static void clear_above(Arena *arena, uint32_t offset) {
    size_t wanted = min_size(min_size(arena->peak, arena->last_peak), offset + KEPT_MAX);
    size_t kept = round_up(max_size(wanted, offset + KEPT_MIN), arena->page);
    size_t end = resident_end(arena);
    memset(at(arena, offset), 0, min_size(arena->peak, kept) - offset);
    if (end > kept) release((char *)arena + kept, (char *)arena + end);
    arena->resident = (uint32_t)min_size(end, kept);
    arena->last_peak = arena->peak;
    arena->peak = offset;
}

/* The whole pages of the image: where they begin, and where they end. */
static uint32_t pages_start(const Arena *arena) {
    return (uint32_t)round_up(IMAGE_START, arena->page);
}

static uint32_t pages_end(const Arena *arena) {
    return arena->image_end & ~(uint32_t)(arena->page - 1);
}

void arena_watch(Arena *arena, size_t hot) {
    uint32_t from = pages_start(arena), to = pages_end(arena);
    assert(arena->image && !arena->watch && arena_compare(arena) == -1);
    if (is_moved(arena) || from >= to) return;
    size_t before = IMAGE_START + hot;
    arena->watch =
        watch_open(at(arena, from), to - from, arena->page, before > from ? before - from : 0);
}

bool arena_is_watched(const Arena *arena) { return arena->watch; }

bool arena_end_watch(Arena *arena) {
    if (arena->watch && !watch_close(arena->watch)) return false;
    arena->watch = NULL;
    return true;
}

bool arena_touch(Arena *arena, const void *address) {
    return arena->watch && watch_touch(arena->watch, address);
}

/* Copies [from, to) of the image back. */
static void copy_back(Arena *arena, uint32_t from, uint32_t to) {
    memcpy((char *)arena + from, (const char *)image_bytes(arena->image) + (from - IMAGE_START),
           to - from);
}

static void restore_watched(Arena *arena) {
    uint32_t from = pages_start(arena), to = pages_end(arena);
    copy_back(arena, IMAGE_START, from);
    watch_restore(arena->watch, (const char *)image_bytes(arena->image) + (from - IMAGE_START));
    copy_back(arena, to, arena->image_end);
}

/* A copy of the arena's first `size` bytes of heap. NULL when there is no memory. */
static ArenaImage *image_take(const Arena *arena, uint32_t size) {
    ArenaImage *image = os_map(arena->page + size, OS_READ_WRITE);
    if (!image) return NULL;
    atomic_init(&image->holds, 1);
    image->size = size;
    image->page = arena->page;
    image->arena = (uintptr_t)arena;
    image->owner = (uintptr_t)arena->owner;
    char *bytes = (char *)image + arena->page;
    memcpy(bytes, &arena->heap, size);
    if (os_protect(bytes, size, OS_READ)) return image;
    arena_image_drop(image);
    return NULL;
}

void arena_image_drop(ArenaImage *image) {
    if (!image || atomic_fetch_sub(&image->holds, 1) != 1) return;
    if (image->pointers) os_unmap(image->pointers, image->pointers_size);
    os_unmap(image, image->page + image->size);
}

ArenaImage *arena_image_hold(const Arena *arena) {
    assert(arena->image && !is_moved(arena));
    atomic_fetch_add(&arena->image->holds, 1);
    return arena->image;
}

bool arena_snapshot(Arena *arena) {
    if (!arena_end_watch(arena)) return false;
    assert(!arena_check(arena));
    sweep(arena); /* the image is as short and its lists as tidy as can be */
    size_t touched = resident_end(arena);
    lift_poison(arena, touched);
    ArenaImage *image = image_take(arena, arena->heap.top - IMAGE_START);
    /* Only now: if it failed, all above the old image, where the peak must be, is to be cleared. */
    if (image) clear_above(arena, arena->heap.top);
    repaint(arena, touched);
    if (!image) return false;
    arena_image_drop(arena->image);
    arena->image = image;
    arena->image_end = arena->heap.top;
    arena->builds = false;
    return true;
}

void arena_build(Arena *arena) { arena->builds = true; }

/* --- moving an image ----------------------------------------------------------------------- */

bool arena_image_learn(ArenaImage *image, const Arena *alike) {
    const ArenaImage *other = alike->image;
    const Word *here = image_bytes(image), *there = image_bytes(other);
    uint64_t by = other->arena - image->arena, owner_by = other->owner - image->owner;
    uint32_t words = image->size / sizeof(Word), differing = 0;
    assert(!image->pointers && !is_moved(alike));
    if (other->size != image->size || by == owner_by || !by || !owner_by) return false;
    for (uint32_t i = 0; i < words; i++) differing += here[i] != there[i];
    image->pointers_size = (differing + 1) * sizeof *image->pointers;
    image->pointers = os_map(image->pointers_size, OS_READ_WRITE);
    if (!image->pointers) return false;
    for (uint32_t i = 0; i < words; i++) {
        uint64_t differ = there[i] - here[i];
        if (differ == 0) continue;
        if (differ == by)
            image->pointers[image->count++] = i;
        else if (differ == owner_by && image->owned_count < IMAGE_OWNED)
            image->owned[image->owned_count++] = i;
        else
            return false;
    }
    return true;
}

/* What a restore from another arena's image does to it. */
static void move_image(Arena *arena) {
    const ArenaImage *image = arena->image;
    Word *words = (Word *)(void *)&arena->heap;
    uint64_t by = (uintptr_t)arena - image->arena,
             owner_by = (uintptr_t)arena->owner - image->owner;
    for (uint32_t i = 0; i < image->count; i++) words[image->pointers[i]] += by;
    for (uint32_t i = 0; i < image->owned_count; i++) words[image->owned[i]] += owner_by;
}

/* To move an image takes twice as long as to copy one. Who is restored again and again has one of
 * its own, if there is memory for it. */
static void own_image(Arena *arena) {
    OsFailure before = os_failure();
    ArenaImage *image = image_take(arena, arena->image->size);
    if (image) {
        arena_image_drop(arena->image);
        arena->image = image;
    }
    os_get_over(before);
}

void arena_restore(Arena *arena) {
    size_t touched = resident_end(arena);
    assert(arena->image);
    lift_poison(arena, touched);
    if (arena->watch)
        restore_watched(arena);
    else
        copy_back(arena, IMAGE_START, arena->image_end);
    arena->builds = false;
    if (is_moved(arena)) {
        move_image(arena);
        if (++arena->moved == MOVED_MAX) own_image(arena);
    }
    clear_above(arena, arena->image_end);
    repaint(arena, touched);
}

Arena *arena_open_image(ArenaImage *image, size_t capacity, void *owner) {
    assert(image->pointers);
    Arena *arena = arena_open(capacity > image->size ? capacity : image->size);
    if (!arena) return NULL;
    arena->owner = owner;
    arena->image = image;
    atomic_fetch_add(&image->holds, 1);
    arena->image_end = IMAGE_START + image->size;
    os_populate((char *)arena, arena->image_end);
    poison_fresh(arena, arena->peak, arena->image_end);
    arena->peak = arena->image_end;
    arena_restore(arena);
    return arena;
}

size_t arena_image_size(const Arena *arena) { return arena->image ? arena->image->size : 0; }

size_t arena_used(const Arena *arena) { return arena->heap.top - IMAGE_START; }

size_t arena_peak(const Arena *arena) { return arena->peak - IMAGE_START; }

/* A word of an image as it is to be in an arena; `*next` and `*owned` are those that are looked for
 * among its pointers. */
static uint64_t image_word(const ArenaImage *image, const Arena *arena, size_t i, uint32_t *next,
                           uint32_t *owned) {
    uint64_t word = ((const Word *)image_bytes(image))[i];
    if (!must_move(image, arena)) return word;
    if (*next < image->count && image->pointers[*next] == i)
        word += (uintptr_t)arena - image->arena, ++*next;
    else if (*owned < image->owned_count && image->owned[*owned] == i)
        word += (uintptr_t)arena->owner - image->owner, ++*owned;
    return word;
}

RAW static ptrdiff_t compare(const Arena *arena, const ArenaImage *image) {
    const Word *words = (const Word *)(const void *)&arena->heap;
    uint32_t next = 0, owned = 0;
    for (size_t i = 0; i < image->size / sizeof(Word); i++)
        if (words[i] != image_word(image, arena, i, &next, &owned))
            return (ptrdiff_t)(i * sizeof(Word));
    return -1;
}

ptrdiff_t arena_compare(const Arena *arena) { return compare(arena, arena->image); }

bool arena_in_image(const Arena *arena, const void *address) {
    uintptr_t offset = (uintptr_t)address - (uintptr_t)arena;
    return arena->image && offset >= IMAGE_START && offset < arena->image_end;
}

bool arena_in_guard(const Arena *arena, const void *address) {
    uintptr_t start = (uintptr_t)arena, end = start + round_up(arena->end, arena->page);
    uintptr_t where = (uintptr_t)address;
    return (where < start && where >= start - arena->guard) ||
           (where >= end && where < end + arena->guard);
}

/* --- tests --------------------------------------------------------------------------------- */

#ifdef DFD_TEST
ptrdiff_t arena_image_differs(const ArenaImage *image, const Arena *built) {
    return arena_image_size(built) == image->size ? compare(built, image) : 0;
}

void arena_fail_at(Arena *arena, uint64_t n) { arena->fail_at = n; }

const void *arena_copy(const Arena *arena) { return image_bytes(arena->image); }

RAW ptrdiff_t arena_dirt(const Arena *arena, size_t size) {
    const Word *above = (const Word *)(const void *)at(arena, arena->heap.top);
    size_t words = min_size(size, arena->end - arena->heap.top) / sizeof(Word);
    for (size_t i = 0; i < words; i++)
        if (above[i]) return (ptrdiff_t)(i * sizeof(Word));
    return -1;
}
#endif

#if !defined(NDEBUG) || defined(DFD_TEST)
RAW static const char *check_blocks(const Arena *arena, size_t *small, size_t *binned) {
    const Heap *heap = &arena->heap;
    bool carving = !heap->carving, previous_binned = false;
    uint32_t block = HEAP_START, size = 0;
    for (; block < heap->top; block += size) {
        uint32_t head = *header(arena, block);
        bool is_free = head & FREE;
        size = head & ~FLAGS;
        if (size < BLOCK_MIN || size > heap->top - block) return "a block's size is wrong";
        if (head & FLAGS & ~(FREE | PREV_FREE)) return "a block has an unknown flag";
        if (!!(head & PREV_FREE) != previous_binned) return "a PREV_FREE flag is wrong";
        if (previous_binned && is_free && size > SMALL_MAX) return "two binned blocks touch";
        if (block == heap->carving) {
            if (is_free) return "the carving is free";
            carving = true;
        }
        previous_binned = is_free && size > SMALL_MAX;
        if (previous_binned && *word(arena, block + size - 2 * HEADER) != size)
            return "a binned block's size is not at its end";
        if (is_free) ++*(previous_binned ? binned : small);
    }
    if (block != heap->top) return "the last block does not end at the top";
    if (previous_binned) return "a binned block touches the top";
    if (!carving) return "the carving is no block";
    return NULL;
}

/* Every entry is a free block of its list, and together they are all free blocks. */
RAW static const char *check_lists(const Arena *arena, size_t small, size_t binned) {
    const Heap *heap = &arena->heap;
    for (uint32_t i = 0; i <= SMALL_MAX / 8; i++)
        for (uint32_t block = heap->small[i]; block; block = *next_free(arena, block)) {
            if (block < HEAP_START || block >= heap->top || block % 8) return "a link is wild";
            if (!(*header(arena, block) & FREE)) return "a list holds a used block";
            if (size_of(arena, block) != i * 8) return "a list holds a block of another size";
            if (small-- == 0) return "a list holds a block twice, or no block";
        }
    for (uint32_t bin = 0; bin < BIN_COUNT; bin++) {
        uint32_t before = 0;
        if (!!(heap->binned[bin / 64] >> bin % 64 & 1) != !!heap->bins[bin])
            return "a bin's bit is wrong";
        for (uint32_t block = heap->bins[bin]; block; block = *next_free(arena, block)) {
            if (block < HEAP_START || block >= heap->top || block % 8) return "a link is wild";
            if (!is_binned(arena, block)) return "a bin holds a used block";
            if (bin_of(size_of(arena, block)) != bin) return "a bin holds a block of another's";
            if (*prev_free(arena, block) != before) return "a link back is wrong";
            if (binned-- == 0) return "a bin holds a block twice, or no block";
            before = block;
        }
    }
    return small || binned ? "a free block is in no list" : NULL;
}

const char *arena_check(const Arena *arena) {
    size_t small = 0, binned = 0;
    const char *wrong;
    if (arena->heap.top < HEAP_START || arena->heap.top > arena->peak)
        return "the top is out of bounds";
    if (arena->peak > arena->end) return "the peak is out of bounds";
    wrong = check_blocks(arena, &small, &binned);
    return wrong ? wrong : check_lists(arena, small, binned);
}
#endif
