/* slots.h - tables of handles: a handle names a value until it is removed, and never again.
 *
 *   53 bits, so that a double holds it:  | how often its slot was used | slot + 1 |
 *                                                    33                    20
 *
 * A slot that was used as often as the bits can count is not used again, so no handle comes back. A
 * table has no lock: its owner provides one.
 */
#ifndef DEFERRED_SLOTS_H
#define DEFERRED_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

typedef uint64_t Handle; /* 0 is none */

typedef struct Slot {
    void *value; /* NULL: free */
    uint64_t uses;
    uint32_t next_free;
} Slot;

typedef struct Slots {
    Slot *slots;
    uint32_t count, capacity;
    uint32_t free; /* slot + 1, or 0 */
} Slots;

#define SLOTS_MAX ((1u << 20) - 1)

/* Makes room for the next slots_add. 0, DFD_E_MEMORY or DFD_E_FULL. */
int32_t slots_reserve(Slots *table);

/* Keeps `value`, which is not NULL. Returns 0 if there is no room. */
Handle slots_add(Slots *table, void *value);

/* The value, or NULL for a handle that is stale or forged. */
void *slots_get(const Slots *table, Handle handle);

/* The value, whose handle is stale from now on; or NULL. */
void *slots_remove(Slots *table, Handle handle);

/* The handle that a host passed; 0 for a number that can't be one. */
Handle slots_handle(double number);

void slots_close(Slots *table); /* the values are the caller's */

#ifdef DFD_TEST
extern uint64_t slots_first_use; /* of slots that are new: lets tests come near the end */
#endif

#endif
