/* clone_parts.h - what the two directions of the codec share (clone_encode.c, clone_decode.c).
 *
 * Both walk a value with a stack of frames of their own, not with C's: a frame is an object whose
 * contents are being written or read, and no depth of nesting overflows anything.
 *
 *   encode:  step(top frame) -> a child -> written at once, or a frame of its own (PUSHED)
 *   decode:  step(top frame) -> a child -> read at once, or made empty, put where it belongs, and
 *            filled by a frame of its own (PUSHED)
 *
 * Memory: all of the realm, by js_malloc, and freed on every way out, so that a realm may live on;
 * a realm that is left by siglongjmp is restored. Lists begin in room inside the encoder or
 * decoder, on C's stack, so that small values take no memory at all. Thread: the realm's.
 */
#ifndef DEFERRED_CLONE_PARTS_H
#define DEFERRED_CLONE_PARTS_H

#include <assert.h>
#include <math.h>
#include <string.h>

#include "clone.h"
#include "engine_values.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the wire format is little-endian, and so must be the host"
#endif

/* How a value, or the next part of a frame, was taken. FAILED is false for who only asks that. */
typedef enum Step {
    FAILED,
    DONE,
    PUSHED, /* a frame was pushed, or code has run: frames and the engine's lists may have moved */
} Step;

/* What lists begin with. */
enum { FIRST_FRAMES = 8, FIRST_OBJECTS = 16, FIRST_SHAPES = 4 };

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
