/* clone_table.h - finds entries of one of the encoder's lists by their key.
 *
 * The key is the first thing in each entry (0 is no key): open addressing, where a slot holds the
 * number of an entry. Lists grow and shrink at their end only, so that an entry that goes leaves no
 * gap before any that stays. A short list has no table, and is searched itself.
 *
 * A part of clone_encode.c, and compiled with it: what is looked for at each object is found
 * without a call, and the compiler decides of which it makes one. Memory: the realm's.
 */
#ifndef DEFERRED_CLONE_TABLE_H
#define DEFERRED_CLONE_TABLE_H

#include <stdint.h>
#include <string.h>

#include "quickjs.h"

typedef struct Table {
    uint32_t *slots;
    uint32_t capacity; /* a power of 2, or 0: the list is searched itself */
    uint32_t shift;
    uint32_t free; /* the slot that the last search in vain ended at */
} Table;

enum { TABLE_FROM = 8, TABLE_LEAST = 64 };
#define NO_NUMBER UINT32_MAX

static uint64_t table_key(const void *list, size_t size, uint32_t number) {
    uint64_t key;
    memcpy(&key, (const char *)list + number * size, sizeof key);
    return key;
}

/* Fibonacci hashing: addresses at equal distances are spread evenly. */
static uint32_t table_slot(const Table *table, uint64_t key) {
    return (uint32_t)((key * 0x9e3779b97f4a7c15u) >> table->shift);
}

static uint32_t table_next(const Table *table, uint32_t slot) {
    return (slot + 1) & (table->capacity - 1);
}

/* The number of the entry of a list of `count` that has a key, or NO_NUMBER. */
static uint32_t table_find(Table *table, const void *list, size_t size, uint32_t count,
                           uint64_t key) {
    if (table->capacity == 0) {
        for (uint32_t i = 0; i < count; i++)
            if (table_key(list, size, i) == key) return i;
        return NO_NUMBER;
    }
    uint32_t slot = table_slot(table, key);
    for (; table->slots[slot] != NO_NUMBER; slot = table_next(table, slot))
        if (table_key(list, size, table->slots[slot]) == key) return table->slots[slot];
    table->free = slot;
    return NO_NUMBER;
}

/* Adds the last entry of a list, which table_find has just not found. */
static bool table_add(JSContext *ctx, Table *table, const void *list, size_t size, uint32_t count) {
    if (table->capacity == 0 && count <= TABLE_FROM) return true;
    if (count <= table->capacity / 2) {
        table->slots[table->free] = count - 1;
        return true;
    }
    uint32_t capacity = table->capacity ? table->capacity * 4 : TABLE_LEAST;
    uint32_t *slots = js_malloc(ctx, capacity * sizeof *slots);
    if (!slots) return false;
    js_free(ctx, table->slots);
    memset(slots, 0xff, capacity * sizeof *slots); /* NO_NUMBER */
    *table = (Table){.slots = slots, .capacity = capacity, .shift = 64};
    while (capacity >>= 1) table->shift--;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t key = table_key(list, size, i);
        if (!key || table_find(table, list, size, i, key) != NO_NUMBER) continue;
        table->slots[table->free] = i;
    }
    return true;
}

/* Takes the last entries of a list out, from the `count`th down to the `rest`th. */
static void table_cut(Table *table, const void *list, size_t size, uint32_t count, uint32_t rest) {
    while (table->capacity > 0 && count > rest) {
        uint32_t slot = table_slot(table, table_key(list, size, --count));
        while (table->slots[slot] != NO_NUMBER && table->slots[slot] != count)
            slot = table_next(table, slot);
        table->slots[slot] = NO_NUMBER; /* if it is not there: still */
    }
}

static void table_free(JSContext *ctx, Table *table) {
    js_free(ctx, table->slots);
    *table = (Table){0};
}

#endif
