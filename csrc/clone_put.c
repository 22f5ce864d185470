/* clone_put.c - see clone_put.h. Memory: the buffer's. Thread: the realm's. */
#include "clone_put.h"

bool put_padding(Output out, size_t size, size_t more) {
    Bytes *bytes = out.bytes;
    size_t padding = (size - (bytes->length - out.start) % size) % size;
    if (!bytes_reserve(bytes, padding + more)) return false;
    memset(bytes->data + bytes->length, 0, padding);
    bytes->length += padding;
    return true;
}

/* Whether each unit of a wide text is Latin-1. Most that are not say so at once. */
static bool is_latin1(const uint16_t *units, uint32_t length) {
    uint32_t i = 0;
    for (; i + 4 <= length; i += 4) {
        uint64_t four;
        memcpy(&four, units + i, sizeof four);
        if (four & 0xff00ff00ff00ff00u) return false;
    }
    for (; i < length; i++)
        if (units[i] > 0xff) return false;
    return true;
}

/* Units of whatever width, as Latin-1 or as UTF-16. */
static void put_units8(void *opaque, EngineText text) {
    Bytes *bytes = opaque;
    if (!text.wide) {
        bytes_write(bytes, text.units, text.length);
        return;
    }
    const uint16_t *from = text.units;
    if (!bytes_reserve(bytes, text.length)) return;
    uint8_t *to = bytes->data + bytes->length;
    for (uint32_t i = 0; i < text.length; i++) to[i] = (uint8_t)from[i];
    bytes->length += text.length;
}

static void put_units16(void *opaque, EngineText text) {
    Bytes *bytes = opaque;
    size_t size = (size_t)text.length * 2;
    if (text.wide) {
        bytes_write(bytes, text.units, size);
        return;
    }
    const uint8_t *from = text.units;
    if (!bytes_reserve(bytes, size)) return;
    uint8_t *to = bytes->data + bytes->length;
    for (uint32_t i = 0; i < text.length; i++) {
        to[(size_t)i * 2] = from[i];
        to[(size_t)i * 2 + 1] = 0;
    }
    bytes->length += size;
}

/* Tag, length and padding of a string; returns what its units are put by. */
static EngineEachText *put_header(Output out, bool latin1, uint32_t length) {
    put_tag_n(out.bytes, latin1 ? WIRE_STRING8 : WIRE_STRING16, length);
    if (!latin1) put_padding(out, 2, (size_t)length * 2);
    return latin1 ? put_units8 : put_units16;
}

void put_text(Output out, EngineText text) {
    bool latin1 = !text.wide || is_latin1(text.units, text.length);
    put_header(out, latin1, text.length)(out.bytes, text);
}

static void all_latin1(void *opaque, EngineText part) {
    bool *latin1 = opaque;
    *latin1 = *latin1 && (!part.wide || is_latin1(part.units, part.length));
}

void put_string(Output out, JSValueConst string) {
    EngineText text = engine_text(string);
    if (text.units) {
        put_text(out, text);
        return;
    }
    /* A string that the engine has not put together yet. */
    bool latin1 = true;
    text = engine_rope(string);
    if (text.wide) engine_rope_each(string, all_latin1, &latin1);
    engine_rope_each(string, put_header(out, latin1, text.length), out.bytes);
}

void put_bigint(Bytes *bytes, JSValueConst value) {
    enum { HEADER = 7 }; /* tag, sign, n at its longest */
    EngineBigInt bigint;
    engine_bigint(value, &bigint);
    bool negative = bigint.limbs[bigint.count - 1] >> 31;
    size_t size = (size_t)bigint.count * 4;
    if (!bytes_reserve(bytes, HEADER + size)) return;
    /* The magnitude goes behind the longest header, then down behind the real one. */
    size_t from = bytes->length + HEADER;
    uint32_t carry = 1;
    for (uint32_t i = 0; i < bigint.count; i++) {
        uint32_t limb = bigint.limbs[i];
        if (negative) {
            limb = ~limb + carry;
            carry = carry && limb == 0;
        }
        memcpy(bytes->data + from + (size_t)i * 4, &limb, sizeof limb);
    }
    while (size > 0 && bytes->data[from + size - 1] == 0) size--;
    bytes_u8(bytes, WIRE_BIGINT);
    bytes_u8(bytes, negative);
    put_n(bytes, (uint32_t)size);
    memmove(bytes->data + bytes->length, bytes->data + from, size);
    bytes->length += size;
}
