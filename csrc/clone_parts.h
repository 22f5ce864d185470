/* clone_parts.h - what the two directions of the codec share (clone_encode.c, clone_decode.c).
 *
 * Both walk a value with a stack of frames of their own instead of C's. A frame is an object whose
 * contents are being written or read, so no depth of nesting overflows anything.
 *
 *   encode:  step(top frame) -> a child -> written at once, or given a frame of its own
 *   decode:  step(top frame) -> a child -> read at once, or made empty, put where it belongs, and
 *            filled by a frame of its own
 *
 * A step takes at most one child that may have contents, and returns to the loop, which looks for
 * the top frame anew; frames are pushed by steps, and popped by the loop alone. Frames never move:
 * a pointer to one is good until it is popped.
 *
 * Memory: all from the realm, by js_malloc, and freed on every way out, so that a realm may live
 * on; a realm that is left by siglongjmp is restored. Lists begin inside the encoder or decoder, on
 * C's stack, so that small values take no memory at all. Thread: the realm's.
 */
#ifndef DEFERRED_CLONE_PARTS_H
#define DEFERRED_CLONE_PARTS_H

#include <assert.h>
#include <math.h>
#include <string.h>

#include "clone.h"
#include "engine_values.h"

/* How a frame's next step went. */
typedef enum Step {
    FAILED,
    TAKEN,    /* look at the top frame again */
    FINISHED, /* the frame is complete: nothing else happened in this step */
} Step;

static inline Step taken(bool fine) { return fine ? TAKEN : FAILED; }

/* What lists begin with. */
enum { FIRST_FRAMES = 8, FIRST_OBJECTS = 16, FIRST_SHAPES = 4 };

/* Frames of one size, in chunks that stay where they are: the first, of FIRST_FRAMES, is its
 * owner's; each other is twice as large as the one before it, and kept until the end. */
typedef struct Frames {
    uint32_t depth;
    uint32_t chunk, below; /* the one that the top is in (0 if there is none); frames before it */
    uint32_t made;         /* chunks there are, but the first */
    uint8_t *chunks[26];   /* 500 million frames, and no realm has room for that */
} Frames;

static inline uint32_t frames_room(uint32_t chunk) { return (uint32_t)FIRST_FRAMES << chunk; }

static inline void frames_init(Frames *frames, void *first) {
    frames->depth = frames->chunk = frames->below = frames->made = 0;
    frames->chunks[0] = first;
}

static inline void *frames_at(const Frames *frames, size_t size, uint32_t index) {
    uint32_t chunk = 0;
    assert(index < frames->depth);
    for (; index >= frames_room(chunk); chunk++) index -= frames_room(chunk);
    return frames->chunks[chunk] + index * size;
}

static inline void *frames_top(const Frames *frames, size_t size) {
    assert(frames->depth > 0);
    return frames->chunks[frames->chunk] + (frames->depth - 1 - frames->below) * size;
}

/* A new frame on top, with nothing in it. NULL, with an exception pending, when there is no
 * memory. */
static inline void *frames_push(JSContext *ctx, Frames *frames, size_t size) {
    uint32_t room = frames_room(frames->chunk);
    if (frames->depth - frames->below == room) {
        uint32_t next = frames->chunk + 1;
        assert(next < sizeof frames->chunks / sizeof *frames->chunks);
        if (next > frames->made) {
            if (!(frames->chunks[next] = js_malloc(ctx, room * 2 * size))) return NULL;
            frames->made = next;
        }
        frames->chunk = next;
        frames->below += room;
    }
    frames->depth++;
    return frames_top(frames, size);
}

static inline void frames_pop(Frames *frames) {
    assert(frames->depth > 0);
    if (--frames->depth > frames->below || frames->chunk == 0) return;
    frames->chunk--;
    frames->below -= frames_room(frames->chunk);
}

static inline void frames_free(JSContext *ctx, Frames *frames) {
    for (uint32_t i = 1; i <= frames->made; i++) js_free(ctx, frames->chunks[i]);
}

/* The parts of an ERROR that may be of any depth, in the order of their flags. */
enum { ERROR_CAUSE, ERROR_ERRORS, ERROR_PROPS, ERROR_PARTS };

static inline bool has_part(uint8_t flags, uint32_t part) {
    return flags & WIRE_ERROR_HAS_CAUSE << part;
}

/* Doubles the room of a list. `first` is what it began with, in the caller. NULL, with an exception
 * pending, when there is no memory. */
static inline void *enlarge(JSContext *ctx, void *list, const void *first, uint32_t *capacity,
                            size_t size) {
    size_t bytes = *capacity * size;
    assert(*capacity <= UINT32_MAX / 2); /* 4 G of anything don't fit into a realm */
    void *larger = list == first ? js_malloc(ctx, bytes * 2) : js_realloc(ctx, list, bytes * 2);
    if (!larger) return NULL;
    if (list == first) memcpy(larger, first, bytes);
    *capacity *= 2;
    return larger;
}

static inline void release(JSContext *ctx, void *list, const void *first) {
    if (list != first) js_free(ctx, list);
}

static inline EngineText ascii(const char *text) {
    return (EngineText){.units = text, .length = (uint32_t)strlen(text)};
}

static inline bool is_int32(double number) {
    return number >= INT32_MIN && number <= INT32_MAX && (double)(int32_t)number == number &&
           !(number == 0 && signbit(number));
}

static inline bool is_array(JSContext *ctx, JSValueConst value) {
    return JS_IsObject(value) && engine_kind(ctx, value) == ENGINE_ARRAY;
}

/* The own enumerable string keys; false if there is no memory. To be freed by
 * JS_FreePropertyEnum. */
static inline bool own_keys(JSContext *ctx, JSValueConst object, JSPropertyEnum **keys,
                            uint32_t *count) {
    int flags = JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY;
    return JS_GetOwnPropertyNames(ctx, keys, count, object, flags) == 0;
}

#endif
