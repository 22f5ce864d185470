/* collate.h - the order of texts in languages (UTS #10, with CLDR's tables), for Intl.Collator. */
#ifndef DEFERRED_COLLATE_H
#define DEFERRED_COLLATE_H

#include "quickjs.h"

/* Doors of units (units.c), for realm/intl_collator.js:
 *
 * intlCollation(name): the number of an order, "de phonebk" for example, or -1. */
JSValue collate_find(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);
/* intlCollationBits(number): what an order has by itself, see CollateBits. */
JSValue collate_bits(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);
/* intlCompare(number, flags, a, b): less than 0, 0 or more than 0, of two strings. */
JSValue collate_compare(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);
/* intlCollations(language): the types of orders that a language has beside its usual one; of all
 * languages if it is empty. */
JSValue collate_types(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);

/* intlMarkClass(point): the canonical combining class of a mark, 0 of anything else. */
JSValue collate_mark_class(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);

#endif
