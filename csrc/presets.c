/* presets.c - see presets.h */
#include "presets.h"

#include <assert.h>
#include <stdlib.h>

/* The slot of an object, or the free one where it would be: Fibonacci hashing, open addressing. A
 * free one is always there, as at most half of them are taken. */
static uint32_t slot_of(const Presets *presets, JSValueConst object) {
    const void *address = JS_VALUE_GET_PTR(object);
    uint64_t hash = (uint64_t)(uintptr_t)address * 0x9e3779b97f4a7c15u;
    uint32_t mask = presets->capacity * 2 - 1, slot = (uint32_t)(hash >> 32) & mask;
    for (uint32_t entry; (entry = presets->slots[slot]); slot = (slot + 1) & mask)
        if (JS_VALUE_GET_PTR(presets->values[entry - 1]) == address) break;
    return slot;
}

bool presets_reserve(Presets *presets, uint32_t count) {
    enum { LEAST = 8, MOST = 1 << 28 };
    assert(presets->count == presets->indexed);
    if (count <= presets->capacity) return true;
    if (count > MOST) return false;
    uint32_t capacity = presets->capacity ? presets->capacity : LEAST;
    while (capacity < count) capacity *= 2;
    uint32_t *slots = calloc(capacity, 2 * sizeof *slots);
    JSValue *values = slots ? realloc(presets->values, capacity * sizeof *values) : NULL;
    if (!values) {
        free(slots);
        return false;
    }
    free(presets->slots);
    presets->values = values;
    presets->slots = slots;
    presets->capacity = capacity;
    presets->indexed = 0;
    presets_index(presets);
    return true;
}

void presets_index(Presets *presets) {
    for (; presets->indexed < presets->count; presets->indexed++) {
        JSValueConst value = presets->values[presets->indexed];
        if (!JS_IsObject(value)) continue;
        uint32_t slot = slot_of(presets, value);
        if (!presets->slots[slot]) presets->slots[slot] = presets->indexed + 1;
    }
}

void presets_cut(Presets *presets) { presets->count = presets->indexed; }

uint32_t presets_find(const Presets *presets, JSValueConst object) {
    assert(JS_IsObject(object));
    if (!presets->indexed) return PRESETS_NONE;
    uint32_t entry = presets->slots[slot_of(presets, object)];
    return entry ? entry - 1 : PRESETS_NONE;
}

void presets_free(Presets *presets) {
    free(presets->values);
    free(presets->slots);
    *presets = (Presets){0};
}
