/* text_codec.h - `TextEncoder` and `TextDecoder`, as the Encoding standard has them: UTF-8, UTF-16
 * both ways round, and windows-1252, which is what it calls Latin-1 and ASCII. The other encodings
 * are a unit's (realm/encodings.js), which is read when a label names one.
 */
#ifndef DEFERRED_TEXT_CODEC_H
#define DEFERRED_TEXT_CODEC_H

#include "quickjs.h"

enum { TEXT_CODEC_ENCODER, TEXT_CODEC_DECODER };

/* The interface of that number: for ENGINE_LAZY. */
JSValue text_codec_make(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int which);

#endif
