/* compression.h - gzip, deflate and deflate-raw, as the Compression standard has them, by zlib:
 * what realm/transforms.js is given.
 *
 * A codec is an object whose memory is the realm's, all of it: zlib asks for some when the codec is
 * made, and the system for nothing, so that a task may be left anywhere in it. What it reads is the
 * task's, and not trusted.
 */
#ifndef DEFERRED_COMPRESSION_H
#define DEFERRED_COMPRESSION_H

#include "quickjs.h"

/* codec(format, compresses), of a string: undefined if there is no such format. */
JSValue compression_codec(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);

/* code(codec, chunk): an array of Uint8Arrays, what comes out for this chunk, or at the end of all
 * (undefined). What is no chunk, or no compressed data, is a TypeError. Runs no code of the task.
 */
JSValue compression_code(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);

#endif
