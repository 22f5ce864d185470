/* clone_put.h - numbers, strings and BigInts in the wire format, at the end of a byte buffer.
 *
 * Nothing here fails: when a buffer can't grow, bytes.failed stays set and what was to be written
 * is left out; the encoder looks at it between two objects.
 */
#ifndef DEFERRED_CLONE_PUT_H
#define DEFERRED_CLONE_PUT_H

#include "clone_parts.h"

typedef struct Output {
    Bytes *bytes;
    size_t start; /* of the encoding in the bytes: padding counts from there */
} Output;

/* Zeros up to a multiple of `size`, and room for `more` bytes behind; false if there is none. */
bool put_padding(Output out, size_t size, size_t more);
void put_text(Output out, EngineText text);
void put_string(Output out, JSValueConst string); /* a rope piece by piece */
void put_bigint(Bytes *bytes, JSValueConst value);

static inline void put_n(Bytes *bytes, uint32_t n) {
    if (!bytes_reserve(bytes, 5)) return;
    uint8_t *at = bytes->data + bytes->length;
    while (n > 0x7f) {
        *at++ = (uint8_t)(n | 0x80);
        n >>= 7;
    }
    *at++ = (uint8_t)n;
    bytes->length = (size_t)(at - bytes->data);
}

static inline void put_tag_n(Bytes *bytes, uint8_t tag, uint32_t n) {
    bytes_u8(bytes, tag);
    put_n(bytes, n);
}

static inline void put_f64(Bytes *bytes, double number) {
    static const uint64_t nan = 0x7ff8000000000000u;
    if (isnan(number)) memcpy(&number, &nan, sizeof number);
    bytes_write(bytes, &number, sizeof number);
}

static inline void put_int(Bytes *bytes, int32_t number) {
    if (number >= 0 && number <= 0x7f) {
        bytes_u8(bytes, (uint8_t)(WIRE_SMALL_INT | number));
    } else if (bytes_reserve(bytes, 5)) {
        bytes->data[bytes->length] = WIRE_INT;
        memcpy(bytes->data + bytes->length + 1, &number, sizeof number);
        bytes->length += 5;
    }
}

static inline void put_number(Bytes *bytes, double number) {
    if (is_int32(number)) {
        put_int(bytes, (int32_t)number);
    } else {
        bytes_u8(bytes, WIRE_DOUBLE);
        put_f64(bytes, number);
    }
}

#endif
