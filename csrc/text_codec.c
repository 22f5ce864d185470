/* text_codec.c - see text_codec.h
 *
 * Text is read twice: once to know how many units there will be, whether all of them are Latin-1,
 * and whether all is well; and once to write them where the string has them. So no more memory is
 * taken than the result needs, and nothing is copied.
 *
 * INVARIANT: bytes may lie in memory that another thread writes to (a SharedArrayBuffer). What the
 * second reading finds is then not what the first one did: it writes within the string's bounds all
 * the same, and what it writes is anybody's guess.
 *
 * What a stream leaves off in the middle of, at most three bytes, is kept in the decoder: together
 * with what comes next it is read on its own, before all else.
 */
#include "text_codec.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "engine_values.h"
#include "platform.h"
#include "units.h"

/* --- encodings ---------------------------------------------------------------------------- */

typedef enum Encoding { UTF_8, UTF_16LE, UTF_16BE, WINDOWS_1252 } Encoding;

static const char *const text_codec_encoding_names[] = {"utf-8", "utf-16le", "utf-16be",
                                                        "windows-1252"};

/* https://encoding.spec.whatwg.org/#names-and-labels */
static const struct {
    const char *label;
    Encoding encoding;
} text_codec_labels[] = {
    {"unicode-1-1-utf-8", UTF_8},
    {"unicode11utf8", UTF_8},
    {"unicode20utf8", UTF_8},
    {"utf-8", UTF_8},
    {"utf8", UTF_8},
    {"x-unicode20utf8", UTF_8},
    {"csunicode", UTF_16LE},
    {"iso-10646-ucs-2", UTF_16LE},
    {"ucs-2", UTF_16LE},
    {"unicode", UTF_16LE},
    {"unicodefeff", UTF_16LE},
    {"utf-16", UTF_16LE},
    {"utf-16le", UTF_16LE},
    {"unicodefffe", UTF_16BE},
    {"utf-16be", UTF_16BE},
    {"ansi_x3.4-1968", WINDOWS_1252},
    {"ascii", WINDOWS_1252},
    {"cp1252", WINDOWS_1252},
    {"cp819", WINDOWS_1252},
    {"csisolatin1", WINDOWS_1252},
    {"ibm819", WINDOWS_1252},
    {"iso-8859-1", WINDOWS_1252},
    {"iso-ir-100", WINDOWS_1252},
    {"iso8859-1", WINDOWS_1252},
    {"iso88591", WINDOWS_1252},
    {"iso_8859-1", WINDOWS_1252},
    {"iso_8859-1:1987", WINDOWS_1252},
    {"l1", WINDOWS_1252},
    {"latin1", WINDOWS_1252},
    {"us-ascii", WINDOWS_1252},
    {"windows-1252", WINDOWS_1252},
    {"x-cp1252", WINDOWS_1252},
};

/* What windows-1252 has for 0x80 to 0x9f. */
static const uint16_t text_codec_windows_1252[32] = {
    0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x008d, 0x017d, 0x008f, 0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178,
};

static bool text_codec_is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

/* The encoding that a label names, or -1. */
static int text_codec_encoding_of(const char *label, size_t length) {
    while (length > 0 && text_codec_is_space(label[0])) label++, length--;
    while (length > 0 && text_codec_is_space(label[length - 1])) length--;
    for (size_t i = 0; i < sizeof text_codec_labels / sizeof *text_codec_labels; i++) {
        const char *known = text_codec_labels[i].label;
        size_t at = 0;
        for (; at < length && known[at]; at++) {
            char c = label[at];
            if (c >= 'A' && c <= 'Z') c = (char)(c | 0x20);
            if (c != known[at]) break;
        }
        if (at == length && !known[at]) return text_codec_labels[i].encoding;
    }
    return -1;
}

/* --- bytes to code points ----------------------------------------------------------------- */

enum { NO_POINT = 0x110000, REPLACEMENT = 0xfffd, BYTE_ORDER_MARK = 0xfeff };

static inline bool text_codec_is_trail(uint8_t byte) { return (byte & 0xc0) == 0x80; }

/* Reads what is no ASCII at `at`, of at least one byte: the bytes it takes, and the code point
 * (NO_POINT if it is none, which takes as many bytes as the standard's decoder does); 0 if there
 * are too few to tell. */
static inline size_t text_codec_read_utf8(const uint8_t *at, size_t left, uint32_t *point) {
    uint8_t first = at[0], lower = 0x80, upper = 0xbf;
    size_t more;
    /* What nearly all text is made of, without a loop. */
    if (left >= 2 && first >= 0xc2 && first <= 0xdf && text_codec_is_trail(at[1])) {
        *point = (first & 0x1fu) << 6 | (at[1] & 0x3fu);
        return 2;
    }
    if (left >= 3 && first > 0xe0 && first < 0xed && text_codec_is_trail(at[1]) &&
        text_codec_is_trail(at[2])) {
        *point = (first & 0x0fu) << 12 | (at[1] & 0x3fu) << 6 | (at[2] & 0x3fu);
        return 3;
    }
    if (first >= 0xc2 && first <= 0xdf) {
        more = 1;
        *point = first & 0x1f;
    } else if (first >= 0xe0 && first <= 0xef) {
        if (first == 0xe0) lower = 0xa0; /* else it were shorter */
        if (first == 0xed) upper = 0x9f; /* else a surrogate */
        more = 2;
        *point = first & 0x0f;
    } else if (first >= 0xf0 && first <= 0xf4) {
        if (first == 0xf0) lower = 0x90;
        if (first == 0xf4) upper = 0x8f; /* else beyond Unicode */
        more = 3;
        *point = first & 0x07;
    } else {
        *point = NO_POINT;
        return 1;
    }
    for (size_t i = 1; i <= more; i++) {
        if (i == left) return 0;
        uint8_t byte = at[i];
        if (byte < lower || byte > upper) {
            *point = NO_POINT;
            return i;
        }
        lower = 0x80;
        upper = 0xbf;
        *point = *point << 6 | (byte & 0x3f);
    }
    return more + 1;
}

static inline uint32_t text_codec_unit_at(const uint8_t *at, bool big) {
    return big ? (uint32_t)at[0] << 8 | at[1] : (uint32_t)at[1] << 8 | at[0];
}

static inline size_t text_codec_read_utf16(const uint8_t *at, size_t left, bool big,
                                           uint32_t *point) {
    if (left < 2) return 0;
    uint32_t lead = text_codec_unit_at(at, big), trail;
    *point = lead;
    if (lead < 0xd800 || lead > 0xdfff) return 2;
    *point = NO_POINT;
    if (lead > 0xdbff) return 2;
    if (left < 4) return 0;
    trail = text_codec_unit_at(at + 2, big);
    if (trail < 0xdc00 || trail > 0xdfff) return 2;
    *point = 0x10000 + ((lead - 0xd800) << 10) + (trail - 0xdc00);
    return 4;
}

static inline size_t text_codec_read_point(Encoding encoding, const uint8_t *at, size_t left,
                                           uint32_t *point) {
    switch (encoding) {
    case UTF_8:
        *point = at[0];
        return at[0] < 0x80 ? 1 : text_codec_read_utf8(at, left, point);
    case UTF_16LE:
    case UTF_16BE:
        return text_codec_read_utf16(at, left, encoding == UTF_16BE, point);
    case WINDOWS_1252:
        break;
    }
    *point = at[0] >= 0x80 && at[0] < 0xa0 ? text_codec_windows_1252[at[0] - 0x80] : at[0];
    return 1;
}

/* How many bytes at the start of `left` are ASCII. */
static inline size_t text_codec_ascii_run(const uint8_t *at, size_t left) {
    size_t run = 0;
    for (uint64_t word; run + sizeof word <= left; run += sizeof word) {
        memcpy(&word, at + run, sizeof word);
        if (word & 0x8080808080808080u) break;
    }
    while (run < left && at[run] < 0x80) run++;
    return run;
}

static inline bool text_codec_has_ascii(Encoding encoding, uint8_t byte) {
    return (encoding == UTF_8 || encoding == WINDOWS_1252) && byte < 0x80;
}

/* What there is in some bytes. */
typedef struct Tally {
    size_t units, used; /* of UTF-16; of bytes: but for what is cut off */
    uint32_t bits;      /* of all units, or'ed */
    bool malformed;
} Tally;

static inline void text_codec_tally_point(Tally *tally, uint32_t point) {
    if (point == NO_POINT) {
        tally->malformed = true;
        point = REPLACEMENT;
    }
    tally->units += point > 0xffff ? 2 : 1;
    tally->bits |= point;
}

static inline Tally text_codec_tally_of(Encoding encoding, const uint8_t *at, size_t length) {
    Tally tally = {0};
    size_t used = 0;
    while (used < length) {
        uint32_t point;
        if (text_codec_has_ascii(encoding, at[used])) {
            size_t run = text_codec_ascii_run(at + used, length - used);
            run += run == 0; /* in memory that changes meanwhile */
            used += run;
            tally.units += run;
            continue;
        }
        size_t size = text_codec_read_point(encoding, at + used, length - used, &point);
        if (size == 0) break;
        used += size;
        text_codec_tally_point(&tally, point);
    }
    tally.used = used;
    return tally;
}

/* Where units are written: bytes, or 16 bits each. */
typedef struct Units {
    uint8_t *narrow; /* or NULL */
    uint16_t *wide;
    size_t at, length;
} Units;

static inline void text_codec_put_unit(Units *to, uint32_t unit) {
    if (to->at == to->length) return; /* of memory that changed meanwhile */
    if (to->narrow)
        to->narrow[to->at++] = (uint8_t)unit;
    else
        to->wide[to->at++] = (uint16_t)unit;
}

static inline void text_codec_put_point(Units *to, uint32_t point) {
    if (point == NO_POINT) point = REPLACEMENT;
    if (point > 0xffff) {
        text_codec_put_unit(to, 0xd7c0 + (point >> 10));
        point = 0xdc00 | (point & 0x3ff);
    }
    text_codec_put_unit(to, point);
}

static inline void text_codec_put_ascii(Units *to, const uint8_t *from, size_t length) {
    size_t room = to->length - to->at;
    if (length > room) length = room;
    if (to->narrow)
        memcpy(to->narrow + to->at, from, length);
    else
        for (size_t i = 0; i < length; i++) to->wide[to->at + i] = from[i];
    to->at += length;
}

static inline void text_codec_put_all(Encoding encoding, Units to, const uint8_t *at,
                                      size_t length) {
    for (size_t used = 0; used < length;) {
        uint32_t point;
        if (text_codec_has_ascii(encoding, at[used])) {
            size_t run = text_codec_ascii_run(at + used, length - used);
            text_codec_put_ascii(&to, at + used, run);
            used += run + (run == 0);
            continue;
        }
        size_t size = text_codec_read_point(encoding, at + used, length - used, &point);
        if (size == 0) break;
        used += size;
        text_codec_put_point(&to, point);
    }
    /* Whatever happened to shared memory, nothing is left unwritten. */
    while (to.at < to.length) text_codec_put_unit(&to, REPLACEMENT);
}

/* The compiler makes one loop for each encoding of these. */
static Tally text_codec_tally_bytes(Encoding encoding, const uint8_t *at, size_t length) {
    switch (encoding) {
    case UTF_8:
        return text_codec_tally_of(UTF_8, at, length);
    case UTF_16LE:
        return text_codec_tally_of(UTF_16LE, at, length);
    case UTF_16BE:
        return text_codec_tally_of(UTF_16BE, at, length);
    case WINDOWS_1252:
        break;
    }
    return text_codec_tally_of(WINDOWS_1252, at, length);
}

static void text_codec_put_bytes(Encoding encoding, Units to, const uint8_t *at, size_t length) {
    switch (encoding) {
    case UTF_8:
        text_codec_put_all(UTF_8, to, at, length);
        break;
    case UTF_16LE:
        text_codec_put_all(UTF_16LE, to, at, length);
        break;
    case UTF_16BE:
        text_codec_put_all(UTF_16BE, to, at, length);
        break;
    case WINDOWS_1252:
        text_codec_put_all(WINDOWS_1252, to, at, length);
        break;
    }
}

/* --- TextDecoder -------------------------------------------------------------------------- */

enum { PENDING_MOST = 3, POINT_MOST = 4 };

/* Of an encoding that is not ours, a unit's function decodes. */
typedef struct Decoder {
    JSValue name, decode; /* of such; or undefined */
    uint8_t encoding;
    bool fatal, ignores_bom;
    bool streams; /* the last call was not the end */
    bool began;   /* something was decoded: what comes is no byte order mark */
    uint8_t pending_count, pending[PENDING_MOST];
} Decoder;

static JSValue text_codec_decoder_construct(JSContext *ctx, JSValueConst new_target, int argc,
                                            JSValueConst *argv);
static JSValue text_codec_decoder_decode(JSContext *ctx, JSValueConst self, int argc,
                                         JSValueConst *argv);
static JSValue text_codec_decoder_get(JSContext *ctx, JSValueConst self, int which);
static void text_codec_decoder_finalize(JSRuntime *runtime, JSValueConst self);
static void text_codec_decoder_mark(JSRuntime *runtime, JSValueConst self, JS_MarkFunc *mark);

enum { DECODER_ENCODING, DECODER_FATAL, DECODER_IGNORE_BOM };

static const JSCFunctionListEntry text_codec_decoder_members[] = {
    PLATFORM_GETTER("encoding", text_codec_decoder_get, DECODER_ENCODING),
    PLATFORM_GETTER("fatal", text_codec_decoder_get, DECODER_FATAL),
    PLATFORM_GETTER("ignoreBOM", text_codec_decoder_get, DECODER_IGNORE_BOM),
    PLATFORM_METHOD("decode", 0, text_codec_decoder_decode),
    PLATFORM_TAG("TextDecoder"),
};

static const PlatformInterface text_codec_decoder_interface = {
    .class = PLATFORM_TEXT_DECODER,
    .name = "TextDecoder",
    .construct = text_codec_decoder_construct,
    .members = text_codec_decoder_members,
    .count = sizeof text_codec_decoder_members / sizeof *text_codec_decoder_members,
    .finalize = text_codec_decoder_finalize,
    .mark = text_codec_decoder_mark,
};

static void text_codec_decoder_free(JSRuntime *runtime, Decoder *decoder) {
    JS_FreeValueRT(runtime, decoder->name);
    JS_FreeValueRT(runtime, decoder->decode);
    js_free_rt(runtime, decoder);
}

static void text_codec_decoder_finalize(JSRuntime *runtime, JSValueConst self) {
    Decoder *decoder = JS_GetOpaque(self, JS_GetClassID(self));
    if (decoder) text_codec_decoder_free(runtime, decoder);
}

static void text_codec_decoder_mark(JSRuntime *runtime, JSValueConst self, JS_MarkFunc *mark) {
    const Decoder *decoder = JS_GetOpaque(self, JS_GetClassID(self));
    if (decoder) JS_MarkValue(runtime, decoder->decode, mark);
}

/* Asks the unit for an encoding that is not ours. false with an exception pending. */
static bool text_codec_find(JSContext *ctx, JSValueConst label, bool fatal, Decoder *decoder) {
    JSValueConst args[] = {label, JS_NewBool(ctx, fatal)};
    JSValue made = units_call(ctx, UNITS_encodings, "decoderOf", 2, args);
    if (JS_IsException(made)) return false;
    if (JS_IsObject(made)) {
        decoder->name = JS_GetPropertyUint32(ctx, made, 0);
        decoder->decode = JS_GetPropertyUint32(ctx, made, 1);
    } else {
        const char *text = JS_ToCString(ctx, label);
        if (text) JS_ThrowRangeError(ctx, "there is no encoding \"%.40s\"", text);
        JS_FreeCString(ctx, text);
    }
    JS_FreeValue(ctx, made);
    return !JS_IsUndefined(decoder->decode);
}

/* A boolean option; -1 with an exception pending. */
static int text_codec_flag_of(JSContext *ctx, JSValueConst options, const char *name) {
    JSValue value;
    if (!platform_option(ctx, options, name, &value)) return -1;
    int flag = JS_ToBool(ctx, value);
    JS_FreeValue(ctx, value);
    return flag;
}

static JSValue text_codec_decoder_construct(JSContext *ctx, JSValueConst new_target, int argc,
                                            JSValueConst *argv) {
    int encoding = UTF_8;
    JSValue label = JS_UNDEFINED;
    if (argc > 0 && !JS_IsUndefined(argv[0])) {
        size_t length;
        label = JS_ToString(ctx, argv[0]);
        const char *text = JS_IsException(label) ? NULL : JS_ToCStringLen(ctx, &length, label);
        if (text) encoding = text_codec_encoding_of(text, length);
        JS_FreeCString(ctx, text);
        if (!text) {
            JS_FreeValue(ctx, label);
            return JS_EXCEPTION;
        }
    }
    JSValueConst options = argc > 1 ? argv[1] : JS_UNDEFINED;
    int fatal = text_codec_flag_of(ctx, options, "fatal");
    int ignores = fatal < 0 ? -1 : text_codec_flag_of(ctx, options, "ignoreBOM");
    Decoder *decoder = ignores < 0 ? NULL : js_mallocz(ctx, sizeof *decoder);
    JSValue made = JS_EXCEPTION;
    if (decoder) {
        *decoder = (Decoder){
            .name = JS_UNDEFINED,
            .decode = JS_UNDEFINED,
            .encoding = (uint8_t)encoding,
            .fatal = fatal,
            .ignores_bom = ignores,
        };
        if (encoding >= 0 || text_codec_find(ctx, label, fatal, decoder))
            made = platform_new(ctx, &text_codec_decoder_interface, new_target, decoder);
        if (JS_IsException(made)) text_codec_decoder_free(JS_GetRuntime(ctx), decoder);
    }
    JS_FreeValue(ctx, label);
    return made;
}

static JSValue text_codec_decoder_get(JSContext *ctx, JSValueConst self, int which) {
    void *opaque;
    if (!platform_self(ctx, &text_codec_decoder_interface, self, &opaque)) return JS_EXCEPTION;
    const Decoder *decoder = opaque;
    if (which == DECODER_ENCODING)
        return JS_IsUndefined(decoder->decode)
                   ? JS_NewString(ctx, text_codec_encoding_names[decoder->encoding])
                   : JS_DupValue(ctx, decoder->name);
    return JS_NewBool(ctx, which == DECODER_FATAL ? decoder->fatal : decoder->ignores_bom);
}

/* What was pending is read on its own, with as much of what comes as completes it. */
typedef struct Head {
    uint16_t units[PENDING_MOST + 1];
    Units to;
    bool malformed;
    size_t used; /* of the new bytes */
} Head;

/* Reads what is pending. What is still cut off, when all new bytes are used, is pending again. */
static Head text_codec_read_head(Decoder *decoder, const uint8_t *data, size_t length) {
    Head head = {.to = {.length = PENDING_MOST + 1}};
    uint8_t bytes[PENDING_MOST + POINT_MOST];
    size_t pending = decoder->pending_count, at = 0;
    size_t more = length < POINT_MOST ? length : POINT_MOST, all = pending + more;
    memcpy(bytes, decoder->pending, pending);
    if (more) memcpy(bytes + pending, data, more);
    head.to.wide = head.units;
    while (at < pending) {
        uint32_t point;
        size_t size = text_codec_read_point(decoder->encoding, bytes + at, all - at, &point);
        if (size == 0) {
            assert(more == length && all - at <= PENDING_MOST);
            memcpy(decoder->pending, bytes + at, all - at);
            decoder->pending_count = (uint8_t)(all - at);
            head.used = length;
            return head;
        }
        at += size;
        head.malformed |= point == NO_POINT;
        text_codec_put_point(&head.to, point);
    }
    decoder->pending_count = 0;
    head.used = at - pending;
    return head;
}

static bool text_codec_begins_with_mark(Encoding encoding, const uint8_t *data, size_t length) {
    uint32_t point;
    return length > 0 && text_codec_read_point(encoding, data, length, &point) > 0 &&
           point == BYTE_ORDER_MARK;
}

/* The text of `head` and of the `tally` at `data`, and U+FFFD behind it if it `ends_badly`. */
static JSValue text_codec_join(JSContext *ctx, Encoding encoding, const Head *head,
                               const uint8_t *data, const Tally *tally, bool ends_badly) {
    size_t first = head->to.at, length = first + tally->units + ends_badly;
    uint32_t bits = tally->bits | (ends_badly ? REPLACEMENT : 0);
    for (size_t i = 0; i < first; i++) bits |= head->units[i];
    bool wide = bits > 0xff;
    void *units;
    JSValue string = engine_make_string(ctx, length, wide, &units);
    if (JS_IsException(string) || length == 0) return string;
    Units to = {.narrow = wide ? NULL : units, .wide = wide ? units : NULL, .length = length};
    for (size_t i = 0; i < first; i++) text_codec_put_unit(&to, head->units[i]);
    to.length -= ends_badly;
    text_codec_put_bytes(encoding, to, data, tally->used);
    to.at = to.length;
    to.length = length;
    if (ends_badly) text_codec_put_unit(&to, REPLACEMENT);
    return string;
}

static JSValue text_codec_decode(JSContext *ctx, Decoder *decoder, const uint8_t *data,
                                 size_t length, bool streams) {
    Encoding encoding = decoder->encoding;
    if (!decoder->streams) {
        decoder->began = false;
        decoder->pending_count = 0;
    }
    decoder->streams = streams;
    Head head = text_codec_read_head(decoder, data, length);
    if (head.used) {
        data += head.used;
        length -= head.used;
    }
    if (!decoder->began && encoding != WINDOWS_1252 && !decoder->ignores_bom) {
        if (head.to.at == 0 && text_codec_begins_with_mark(encoding, data, length)) {
            data += encoding == UTF_8 ? 3 : 2;
            length -= encoding == UTF_8 ? 3 : 2;
            decoder->began = true;
        } else if (head.to.at > 0 && head.units[0] == BYTE_ORDER_MARK) {
            memmove(head.units, head.units + 1, --head.to.at * sizeof *head.units);
            decoder->began = true;
        }
    }
    Tally tally = text_codec_tally_bytes(encoding, data, length);
    size_t left = length - tally.used;
    if (left > 0) {
        assert(left <= PENDING_MOST && decoder->pending_count == 0);
        memcpy(decoder->pending, data + tally.used, left);
        decoder->pending_count = (uint8_t)left;
    }
    if (head.to.at + tally.units > 0) decoder->began = true;
    bool ends_badly = decoder->pending_count > 0 && !streams;
    if (decoder->fatal && (head.malformed || tally.malformed || ends_badly)) {
        decoder->streams = false;
        return JS_ThrowTypeError(ctx, "the data is no valid %s",
                                 text_codec_encoding_names[encoding]);
    }
    return text_codec_join(ctx, encoding, &head, data, &tally, ends_badly);
}

/* By the unit's function, which gets a copy: it runs the task's code, if the task made it so. */
static JSValue text_codec_decode_foreign(JSContext *ctx, const Decoder *decoder,
                                         const uint8_t *data, size_t length, bool streams) {
    uint8_t *bytes;
    JSValue copy = engine_make_bytes(ctx, length, &bytes), text;
    if (JS_IsException(copy)) return copy;
    if (length > 0) memcpy(bytes, data, length);
    JSValueConst args[] = {copy, JS_NewBool(ctx, streams)};
    JSValue decode = JS_DupValue(ctx, decoder->decode);
    text = JS_Call(ctx, decode, JS_UNDEFINED, 2, args);
    JS_FreeValue(ctx, decode);
    JS_FreeValue(ctx, copy);
    return text;
}

static JSValue text_codec_decoder_decode(JSContext *ctx, JSValueConst self, int argc,
                                         JSValueConst *argv) {
    void *opaque;
    uint8_t *data = NULL;
    size_t length = 0;
    if (!platform_self(ctx, &text_codec_decoder_interface, self, &opaque)) return JS_EXCEPTION;
    bool has_bytes = argc > 0 && !JS_IsUndefined(argv[0]);
    if (has_bytes && !engine_bytes(ctx, argv[0], &data, &length))
        return JS_ThrowTypeError(ctx, "what is decoded must be an ArrayBuffer or a view of one");
    int streams = text_codec_flag_of(ctx, argc > 1 ? argv[1] : JS_UNDEFINED, "stream");
    if (streams < 0) return JS_EXCEPTION;
    if (has_bytes) engine_bytes(ctx, argv[0], &data, &length); /* a getter has run since */
    if (!JS_IsUndefined(((Decoder *)opaque)->decode))
        return text_codec_decode_foreign(ctx, opaque, data, length, streams);
    return text_codec_decode(ctx, opaque, data, length, streams);
}

/* --- TextEncoder -------------------------------------------------------------------------- */

static JSValue text_codec_encoder_construct(JSContext *ctx, JSValueConst new_target, int argc,
                                            JSValueConst *argv);
static JSValue text_codec_encoder_encode(JSContext *ctx, JSValueConst self, int argc,
                                         JSValueConst *argv);
static JSValue text_codec_encoder_encode_into(JSContext *ctx, JSValueConst self, int argc,
                                              JSValueConst *argv);
static JSValue text_codec_encoder_encoding(JSContext *ctx, JSValueConst self, int which);

static const JSCFunctionListEntry text_codec_encoder_members[] = {
    PLATFORM_GETTER("encoding", text_codec_encoder_encoding, 0),
    PLATFORM_METHOD("encode", 0, text_codec_encoder_encode),
    PLATFORM_METHOD("encodeInto", 2, text_codec_encoder_encode_into),
    PLATFORM_TAG("TextEncoder"),
};

static const PlatformInterface text_codec_encoder_interface = {
    .class = PLATFORM_TEXT_ENCODER,
    .name = "TextEncoder",
    .construct = text_codec_encoder_construct,
    .members = text_codec_encoder_members,
    .count = sizeof text_codec_encoder_members / sizeof *text_codec_encoder_members,
};

static JSValue text_codec_encoder_construct(JSContext *ctx, JSValueConst new_target, int argc,
                                            JSValueConst *argv) {
    (void)argc, (void)argv;
    return platform_new(ctx, &text_codec_encoder_interface, new_target, NULL);
}

static JSValue text_codec_encoder_encoding(JSContext *ctx, JSValueConst self, int which) {
    (void)which;
    void *opaque;
    if (!platform_self(ctx, &text_codec_encoder_interface, self, &opaque)) return JS_EXCEPTION;
    return JS_NewString(ctx, text_codec_encoding_names[UTF_8]);
}

/* The code point at a unit, and how many units it takes; U+FFFD for half of one. */
static inline uint32_t text_codec_point_at(const uint16_t *units, size_t left, size_t *size) {
    uint32_t lead = units[0];
    *size = 1;
    if (lead < 0xd800 || lead > 0xdfff) return lead;
    if (lead > 0xdbff || left < 2 || units[1] < 0xdc00 || units[1] > 0xdfff) return REPLACEMENT;
    *size = 2;
    return 0x10000 + ((lead - 0xd800) << 10) + (units[1] - 0xdc00);
}

static inline size_t text_codec_utf8_size(uint32_t point) {
    return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

static inline uint8_t text_codec_trail_of(uint32_t bits) { return (uint8_t)(0x80 | (bits & 0x3f)); }

static inline void text_codec_write_utf8(uint8_t *to, uint32_t point, size_t size) {
    switch (size) {
    case 1:
        to[0] = (uint8_t)point;
        break;
    case 2:
        to[0] = (uint8_t)(0xc0 | point >> 6);
        to[1] = text_codec_trail_of(point);
        break;
    case 3:
        to[0] = (uint8_t)(0xe0 | point >> 12);
        to[1] = text_codec_trail_of(point >> 6);
        to[2] = text_codec_trail_of(point);
        break;
    default:
        to[0] = (uint8_t)(0xf0 | point >> 18);
        to[1] = text_codec_trail_of(point >> 12);
        to[2] = text_codec_trail_of(point >> 6);
        to[3] = text_codec_trail_of(point);
    }
}

/* How much of a text was encoded: units of it, bytes of UTF-8. */
typedef struct Progress {
    size_t read, written;
} Progress;

/* Encodes code points one by one as far as there is `room`; with `to` NULL, only counts. */
static inline Progress text_codec_encode_units(EngineText text, uint8_t *to, size_t room) {
    Progress done = {0};
    const uint8_t *narrow = text.units;
    const uint16_t *wide = text.units;
    while (done.read < text.length) {
        size_t size = 1, left = text.length - done.read;
        if (!text.wide && narrow[done.read] < 0x80) {
            size_t run = text_codec_ascii_run(narrow + done.read, left);
            bool fits = run <= room - done.written;
            if (!fits) run = room - done.written;
            if (to) memcpy(to + done.written, narrow + done.read, run);
            done.read += run;
            done.written += run;
            if (!fits) break;
            continue;
        }
        uint32_t point =
            text.wide ? text_codec_point_at(wide + done.read, left, &size) : narrow[done.read];
        size_t bytes = text_codec_utf8_size(point);
        if (bytes > room - done.written) break;
        if (to) text_codec_write_utf8(to + done.written, point, bytes);
        done.read += size;
        done.written += bytes;
    }
    return done;
}

static Progress text_codec_encode_text(EngineText text, uint8_t *to, size_t room) {
    return text.wide
               ? text_codec_encode_units((EngineText){text.units, text.length, true}, to, room)
               : text_codec_encode_units((EngineText){text.units, text.length, false}, to, room);
}

static JSValue text_codec_encoder_encode(JSContext *ctx, JSValueConst self, int argc,
                                         JSValueConst *argv) {
    void *opaque;
    uint8_t *to;
    if (!platform_self(ctx, &text_codec_encoder_interface, self, &opaque)) return JS_EXCEPTION;
    if (argc == 0 || JS_IsUndefined(argv[0])) return engine_make_bytes(ctx, 0, &to);
    JSValue string = JS_ToString(ctx, argv[0]); /* in one piece */
    if (JS_IsException(string)) return JS_EXCEPTION;
    EngineText text = engine_text(string);
    size_t size = text_codec_encode_text(text, NULL, SIZE_MAX).written;
    JSValue bytes = engine_make_bytes(ctx, size, &to);
    if (!JS_IsException(bytes)) text_codec_encode_text(text, to, size);
    JS_FreeValue(ctx, string);
    return bytes;
}

static JSValue text_codec_encoder_encode_into(JSContext *ctx, JSValueConst self, int argc,
                                              JSValueConst *argv) {
    void *opaque;
    uint8_t *to;
    size_t room;
    if (!platform_self(ctx, &text_codec_encoder_interface, self, &opaque)) return JS_EXCEPTION;
    if (argc < 2) return JS_ThrowTypeError(ctx, "encodeInto needs a text and a Uint8Array");
    JSValue string = JS_ToString(ctx, argv[0]);
    if (JS_IsException(string)) return JS_EXCEPTION;
    JSValue result = JS_EXCEPTION;
    if (JS_GetTypedArrayType(argv[1]) != JS_TYPED_ARRAY_UINT8)
        JS_ThrowTypeError(ctx, "encodeInto needs a Uint8Array to write to");
    else if (engine_is_immutable(argv[1]))
        JS_ThrowTypeError(ctx, "encodeInto can't write to an immutable ArrayBuffer");
    else
        result = JS_NewObject(ctx);
    if (!JS_IsException(result)) {
        engine_bytes(ctx, argv[1], &to, &room);
        Progress done = text_codec_encode_text(engine_text(string), to, room);
        JS_DefinePropertyValueStr(ctx, result, "read", JS_NewInt64(ctx, (int64_t)done.read),
                                  JS_PROP_C_W_E);
        JS_DefinePropertyValueStr(ctx, result, "written", JS_NewInt64(ctx, (int64_t)done.written),
                                  JS_PROP_C_W_E);
    }
    JS_FreeValue(ctx, string);
    return result;
}

/* --- all of it ---------------------------------------------------------------------------- */

JSValue text_codec_make(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv,
                        int which) {
    (void)self, (void)argc, (void)argv;
    return platform_interface(ctx, which == TEXT_CODEC_ENCODER ? &text_codec_encoder_interface
                                                               : &text_codec_decoder_interface);
}
