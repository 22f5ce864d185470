/* segment.h - where graphemes, words and sentences end (UAX #29, with CLDR's rules), for
 * Intl.Segmenter. */
#ifndef DEFERRED_SEGMENT_H
#define DEFERRED_SEGMENT_H

#include "quickjs.h"

/* A door of units (units.c): intlSegment(kind, text, from), of a boundary in a string that is not
 * its end: twice the next boundary, and 1 more if what is between them is a word. `kind` is 0 for
 * graphemes, 1 for words, 2 for sentences. */
JSValue segment_next(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);

#endif
