/* bytes.h - a growing byte buffer outside every arena: what the codec writes to.
 *
 * Owned by the worker (or the caller), never by a realm: if a task is left by siglongjmp in the
 * middle of encoding, the buffer stays valid, with some bytes in it. Growing is a critical section
 * (guard.h), because malloc must not be left halfway.
 */
#ifndef DEFERRED_BYTES_H
#define DEFERRED_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct Bytes {
    uint8_t *data;
    size_t length;
    size_t capacity;
    size_t limit; /* that it grows to; 0 for none */
    bool failed;  /* memory ran out, or the limit was reached: what it holds is of no use */
    bool starved; /* it was memory */
} Bytes;

bool bytes_grow(Bytes *bytes, size_t more); /* bytes.c */
void bytes_reset(Bytes *bytes);             /* empty again, with the room that it has */
void bytes_free(Bytes *bytes);

static inline bool bytes_reserve(Bytes *bytes, size_t more) {
    return more <= bytes->capacity - bytes->length || bytes_grow(bytes, more);
}

static inline void bytes_write(Bytes *bytes, const void *from, size_t size) {
    if (!bytes_reserve(bytes, size)) return;
    memcpy(bytes->data + bytes->length, from, size);
    bytes->length += size;
}

static inline void bytes_u8(Bytes *bytes, uint8_t value) {
    if (!bytes_reserve(bytes, 1)) return;
    bytes->data[bytes->length++] = value;
}

#endif
