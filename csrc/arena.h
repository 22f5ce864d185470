/* arena.h - one mmap'ed region that holds all of a realm, its snapshot, and its restore.
 *
 *   | guard | Arena | heap state, blocks: the image | what a task adds | ... | guard |
 *
 * The allocator's own state lies in the image, so restoring the image restores it as well. After
 * arena_restore the arena is byte for byte what arena_snapshot saw, and every block that a task
 * took is gone without having been freed.
 *
 * Invariants:
 *   - arena_alloc, arena_calloc and arena_realloc never return NULL: at the limit they call the
 *     arena's `exhausted` function, which must not return (the realm leaves the task by
 *     siglongjmp). The heap is then whole, and a block that was to be resized is as it was.
 *   - Blocks are aligned to ARENA_ALIGN.
 *   - An arena is used by one thread at a time.
 *   - A task may be left by siglongjmp at any instruction, inside these functions too, as long as
 *     nothing but arena_restore or arena_close touches the arena afterwards. Only arena_open,
 *     _snapshot, _restore, _set_limit, _on_exhausted and _close must not be left that way.
 */
#ifndef DEFERRED_ARENA_H
#define DEFERRED_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARENA_ALIGN 8

/* Offsets in an arena have 32 bits, which halves what the allocator needs for a block. */
#define ARENA_CAPACITY_MAX ((size_t)0xfff00000)

typedef struct Arena Arena;
typedef struct ArenaImage ArenaImage; /* what a snapshot holds: counted, any thread */

/* Called when a block does not fit under the limit. Must leave by longjmp. */
typedef void ArenaExhausted(void *opaque);

/* Reserves a region for at most `capacity` bytes of blocks (address space only; pages come as
 * they are touched), with an inaccessible guard on both sides. NULL when the system refuses or
 * `capacity` is over ARENA_CAPACITY_MAX. */
Arena *arena_open(size_t capacity);
void arena_close(Arena *arena); /* NULL is fine */

void arena_on_exhausted(Arena *arena, ArenaExhausted *exhausted, void *opaque);

/* The limit in bytes of the region, image included; at most the capacity. Survives a restore. */
void arena_set_limit(Arena *arena, size_t limit);

void *arena_alloc(Arena *arena, size_t size);
void *arena_calloc(Arena *arena, size_t count, size_t size);
void *arena_realloc(Arena *arena, void *block, size_t size); /* NULL block: as arena_alloc */
void arena_free(Arena *arena, void *block);                  /* NULL is fine */
size_t arena_usable_size(const void *block);                 /* at least what was asked for */

/* The one object outside the arena to which what is in it may point, beside what is the same for
 * the whole process. Before the first snapshot. */
void arena_set_owner(Arena *arena, void *owner);

/* What is allocated from here on is going to be in a snapshot, or undone by a restore. Images that
 * are built alike are then the same but for their pointers. */
void arena_build(Arena *arena);

/* Copies the arena aside, into memory that is then made read-only, and replaces the former copy.
 * false when there is no memory. */
bool arena_snapshot(Arena *arena);

/* The arena's own image, which must not have come from another one; the caller drops it. */
ArenaImage *arena_image_hold(const Arena *arena);
void arena_image_drop(ArenaImage *image); /* NULL is fine */
/* Finds out where an image has pointers, from an arena that was built alike and has an image of its
 * own, too. false if they differ in anything else, or there is no memory: it can't be moved. Once,
 * before others use the image. */
bool arena_image_learn(ArenaImage *image, const Arena *alike);
/* Opens an arena that is as if it had been built as the image's was, by moving that. */
Arena *arena_open_image(ArenaImage *image, size_t capacity, void *owner);

/* Puts the arena back to the snapshot. Memory above the image then reads as zeros, and memory that
 * a large task touched goes back to the system. */
void arena_restore(Arena *arena);

/* From now on a restore copies only those pages of the image that were written to (watch.h); its
 * first `hot` bytes count as such at first. The others are write-protected, and whoever writes to
 * the arena must hand its faults to arena_touch. Where that does not pay, and where the image is
 * another arena's, nothing is watched. It ends with the next snapshot. The arena must be as the
 * snapshot is. */
void arena_watch(Arena *arena, size_t hot);
bool arena_is_watched(const Arena *arena);
/* Ends that before. false when the system refuses: then it goes on. */
bool arena_end_watch(Arena *arena);
/* Whether a write to `address` faulted because it was watched; if so, it may be repeated. On the
 * arena's thread; async-signal-safe. */
bool arena_touch(Arena *arena, const void *address);

size_t arena_image_size(const Arena *arena); /* bytes the snapshot holds */
size_t arena_used(const Arena *arena);       /* bytes from the image's start to the highest block */
size_t arena_peak(const Arena *arena);       /* the highest arena_used since the last restore */
/* Compares arena and snapshot. Returns the offset of the first 8 bytes that differ, or -1. For
 * tests. */
ptrdiff_t arena_compare(const Arena *arena);
/* Whether an address lies in what the snapshot holds: a restore may rely on its presence. */
bool arena_in_image(const Arena *arena, const void *address);
/* Whether an address lies in one of the arena's guards. Async-signal-safe. */
bool arena_in_guard(const Arena *arena, const void *address);

#if !defined(NDEBUG) || defined(DFD_TEST)
/* Walks the whole heap. What is wrong with it, or NULL. */
const char *arena_check(const Arena *arena);
#endif
#ifdef DFD_TEST
/* The n-th allocation from now (1: the next; alloc, calloc and realloc count) finds the arena
 * exhausted; 0 takes it back. Survives a restore. */
void arena_fail_at(Arena *arena, uint64_t n);
/* How far above the highest block the first 8 bytes lie that are not zero, or -1; looks at `size`
 * bytes, or fewer where the region ends. */
ptrdiff_t arena_dirt(const Arena *arena, size_t size);
/* Where the image of another arena, moved, would differ from an arena that was built: the offset of
 * the first 8 bytes, or -1. */
ptrdiff_t arena_image_differs(const ArenaImage *image, const Arena *built);
const void *arena_copy(const Arena *arena); /* the snapshot's, of arena_image_size bytes */
#endif

#endif
