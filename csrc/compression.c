/* compression.c - see compression.h */
#include "compression.h"

#include <limits.h>
#include <string.h>

#include "engine_values.h"
#include "platform.h"
#include "zlib/zlib.h"

/* The most bytes of each piece that comes out. */
#define COMPRESSION_PIECE 65536
#define COMPRESSION_WINDOW 15

typedef struct Codec {
    z_stream stream;
    bool compresses;
    bool ended; /* the end of the compressed data was met */
    uint8_t piece[COMPRESSION_PIECE];
} Codec;

static void *compression_allocate(void *runtime, unsigned count, unsigned size) {
    return js_malloc_rt(runtime, (size_t)count * size);
}

static void compression_free(void *runtime, void *memory) { js_free_rt(runtime, memory); }

static void compression_finalize(JSRuntime *runtime, JSValue codec) {
    Codec *own = JS_GetOpaque(codec, JS_GetClassID(codec));
    if (!own) return;
    if (own->compresses)
        deflateEnd(&own->stream);
    else
        inflateEnd(&own->stream);
    js_free_rt(runtime, own);
}

static const PlatformInterface compression_interface = {
    .class = PLATFORM_CODEC,
    .name = "Codec",
    .finalize = compression_finalize,
};

/* zlib's number for a format, 0 if there is none. */
static int compression_window(const char *format, size_t length) {
    static const struct {
        const char *format;
        int window;
    } windows[] = {
        {"gzip", COMPRESSION_WINDOW + 16},
        {"deflate", COMPRESSION_WINDOW},
        {"deflate-raw", -COMPRESSION_WINDOW},
    };
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++)
        if (strlen(windows[i].format) == length && memcmp(format, windows[i].format, length) == 0)
            return windows[i].window;
    return 0;
}

JSValue compression_codec(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    (void)self, (void)argc;
    size_t length;
    const char *format = JS_ToCStringLen(ctx, &length, argv[0]);
    if (!format) return JS_EXCEPTION;
    int window = compression_window(format, length);
    JS_FreeCString(ctx, format);
    if (window == 0) return JS_UNDEFINED;

    Codec *own = js_mallocz(ctx, sizeof *own);
    if (!own) return JS_EXCEPTION;
    own->compresses = JS_ToBool(ctx, argv[1]);
    own->stream.zalloc = compression_allocate;
    own->stream.zfree = compression_free;
    own->stream.opaque = JS_GetRuntime(ctx);
    int status = own->compresses ? deflateInit2(&own->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED,
                                                window, MAX_MEM_LEVEL - 1, Z_DEFAULT_STRATEGY)
                                 : inflateInit2(&own->stream, window);
    if (status != Z_OK) {
        js_free(ctx, own);
        return JS_ThrowOutOfMemory(ctx);
    }
    return platform_instance(ctx, &compression_interface, own);
}

static JSValue compression_refuse(JSContext *ctx, const char *why) {
    return JS_ThrowTypeError(ctx, "the compressed data %s", why);
}

/* Whether zlib is content; else a TypeError is pending. */
static bool compression_check(JSContext *ctx, Codec *own, int status) {
    switch (status) {
    case Z_OK:
    case Z_BUF_ERROR: /* it has nothing more to read or to say */
        return true;
    case Z_STREAM_END:
        own->ended = true;
        return true;
    case Z_NEED_DICT:
        compression_refuse(ctx, "needs a dictionary, which there is no way to give");
        return false;
    case Z_MEM_ERROR:
        JS_ThrowOutOfMemory(ctx);
        return false;
    default:
        compression_refuse(ctx, own->stream.msg ? own->stream.msg : "is damaged");
        return false;
    }
}

/* Puts the next piece into `list`, unless it has no bytes. Sets *more if there may be another. */
static bool compression_step(JSContext *ctx, Codec *own, bool last, JSValueConst list, bool *more) {
    z_stream *stream = &own->stream;
    stream->next_out = own->piece;
    stream->avail_out = COMPRESSION_PIECE;
    int status = own->compresses ? deflate(stream, last ? Z_FINISH : Z_NO_FLUSH)
                                 : inflate(stream, Z_NO_FLUSH);
    size_t length = COMPRESSION_PIECE - stream->avail_out;
    *more = stream->avail_out == 0;
    if (!compression_check(ctx, own, status)) return false;
    if (length == 0) return true;
    uint8_t *bytes;
    int64_t count;
    JSValue piece = engine_make_bytes(ctx, length, &bytes);
    if (JS_IsException(piece)) return false;
    memcpy(bytes, own->piece, length);
    if (JS_GetLength(ctx, list, &count) < 0) {
        JS_FreeValue(ctx, piece);
        return false;
    }
    return JS_DefinePropertyValueUint32(ctx, list, (uint32_t)count, piece, JS_PROP_C_W_E) >= 0;
}

/* Reads what the stream was given; `last`: there is no more. */
static bool compression_run(JSContext *ctx, Codec *own, bool last, JSValueConst list) {
    bool is_more = own->stream.avail_in > 0 || last;
    while (is_more && !own->ended)
        if (!compression_step(ctx, own, last, list, &is_more)) return false;
    if (own->compresses) return true;
    if (own->stream.avail_in > 0) {
        compression_refuse(ctx, "goes on behind its end");
        return false;
    }
    if (last && !own->ended) {
        compression_refuse(ctx, "ends too early");
        return false;
    }
    return true;
}

/* The bytes of a chunk; false, with a TypeError pending, if it has none, or others may write them.
 */
static bool compression_bytes(JSContext *ctx, JSValueConst chunk, uint8_t **bytes, size_t *length) {
    EngineKind kind = JS_IsObject(chunk) ? engine_kind(ctx, chunk) : ENGINE_OTHER;
    JSValueConst buffer = kind == ENGINE_VIEW ? engine_view(chunk).buffer : chunk;
    if (kind != ENGINE_SHARED && (kind != ENGINE_VIEW || !engine_buffer(buffer).shared) &&
        engine_bytes(ctx, chunk, bytes, length))
        return true;
    JS_ThrowTypeError(ctx, "a chunk must be an ArrayBuffer, or a view of one");
    return false;
}

JSValue compression_code(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    (void)self, (void)argc;
    void *opaque;
    if (!platform_self(ctx, &compression_interface, argv[0], &opaque)) return JS_EXCEPTION;
    Codec *own = opaque;
    bool last = JS_IsUndefined(argv[1]);
    size_t length = 0;
    uint8_t *bytes = NULL;
    if (!last && !compression_bytes(ctx, argv[1], &bytes, &length)) return JS_EXCEPTION;
    JSValue list = JS_NewArray(ctx);
    if (JS_IsException(list)) return list;
    bool fine;
    do {
        size_t part = length < UINT_MAX ? length : UINT_MAX;
        own->stream.next_in = bytes;
        own->stream.avail_in = (uInt)part;
        fine = compression_run(ctx, own, last, list);
        if (bytes) bytes += part;
        length -= part;
    } while (fine && length > 0);
    own->stream.next_in = NULL;
    own->stream.avail_in = 0;
    if (fine) return list;
    JS_FreeValue(ctx, list);
    return JS_EXCEPTION;
}
