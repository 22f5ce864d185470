/* presets.h - the values that a realm has for good, by number and by object.
 *
 * The values lie in the realm's image, so they are at the same place after each restore. This list
 * of them does not: it grows without the image, and is there while the realm is restored. It
 * belongs to the realm, and only the realm's thread uses it.
 *
 * Invariant: values[0] to values[indexed - 1] are part of the image and found by presets_find.
 * Those from there to `count` are being made.
 */
#ifndef DEFERRED_PRESETS_H
#define DEFERRED_PRESETS_H

#include <stdbool.h>
#include <stdint.h>

#include "quickjs.h"

typedef struct Presets {
    JSValue *values; /* by number; not an object: the realm can't have that one */
    uint32_t count, indexed, capacity;
    uint32_t *slots; /* by object: number + 1, or 0; twice the capacity, a power of 2 */
} Presets;

#define PRESETS_NONE UINT32_MAX

/* Makes room for `count` values in all; false when there is no memory. Until there are so many, one
 * may be added by writing values[count] and raising the count, under a guard too. */
bool presets_reserve(Presets *presets, uint32_t count);
/* What was added is part of the image now. */
void presets_index(Presets *presets);
/* Forgets what was added since. */
void presets_cut(Presets *presets);
/* The number of an object, or PRESETS_NONE; of one that is there twice, the first. */
uint32_t presets_find(const Presets *presets, JSValueConst object);
void presets_free(Presets *presets);

#endif
