/* slots.c - see slots.h */
#include "slots.h"

#include <assert.h>
#include <stdlib.h>

#include "deferred.h"

#define SLOT_BITS 20
#define SLOT_MASK ((1u << SLOT_BITS) - 1)
#define LAST_USE (((uint64_t)1 << (53 - SLOT_BITS)) - 1)

_Static_assert(SLOTS_MAX == SLOT_MASK, "a slot's number, counted from 1, fits into its bits");

#ifdef DFD_TEST
uint64_t slots_first_use;
#else
enum { slots_first_use = 0 };
#endif

int32_t slots_reserve(Slots *table) {
    if (table->free || table->count < table->capacity) return 0;
    if (table->capacity == SLOTS_MAX) return DFD_E_FULL;
    uint32_t capacity = table->capacity ? table->capacity * 2 : 64;
    if (capacity > SLOTS_MAX) capacity = SLOTS_MAX;
    Slot *slots = realloc(table->slots, capacity * sizeof *slots);
    if (!slots) return DFD_E_MEMORY;
    table->slots = slots;
    table->capacity = capacity;
    return 0;
}

Handle slots_add(Slots *table, void *value) {
    assert(value);
    if (slots_reserve(table)) return 0;
    if (!table->free) {
        table->slots[table->count] = (Slot){.uses = slots_first_use};
        table->free = ++table->count;
    }
    uint32_t number = table->free;
    Slot *slot = &table->slots[number - 1];
    table->free = slot->next_free;
    slot->value = value;
    return slot->uses << SLOT_BITS | number;
}

static Slot *slot_of(const Slots *table, Handle handle) {
    uint32_t number = (uint32_t)handle & SLOT_MASK;
    if (number == 0 || number > table->count) return NULL;
    Slot *slot = &table->slots[number - 1];
    return slot->value && slot->uses == handle >> SLOT_BITS ? slot : NULL;
}

void *slots_get(const Slots *table, Handle handle) {
    Slot *slot = slot_of(table, handle);
    return slot ? slot->value : NULL;
}

void *slots_remove(Slots *table, Handle handle) {
    Slot *slot = slot_of(table, handle);
    if (!slot) return NULL;
    void *value = slot->value;
    slot->value = NULL;
    if (slot->uses++ < LAST_USE) {
        slot->next_free = table->free;
        table->free = (uint32_t)handle & SLOT_MASK;
    }
    return value;
}

Handle slots_handle(double number) {
    if (!(number >= 1 && number < 0x1p53)) return 0;
    Handle handle = (Handle)number;
    return (double)handle == number ? handle : 0;
}

void slots_close(Slots *table) {
    free(table->slots);
    *table = (Slots){0};
}
