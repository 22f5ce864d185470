/* fault.c - see fault.h. Nothing at all in a release. */
#ifdef DFD_TEST
#define FAULT_NO_MACROS
#include "fault.h"

#include <stdatomic.h>

void (*_Atomic fault_hold)(const char *where, uint32_t worker);

static atomic_int armed = -1; /* the kind that is to fail */
static atomic_int before;     /* calls until then */
static atomic_int left;       /* calls that are still to fail */
static atomic_bool struck;
static atomic_long blocks, mappings;

#define FAULT_NAME(name) #name,
static const char *const names[] = {FAULT_KINDS(FAULT_NAME)};

const char *fault_name(FaultKind kind) { return names[kind]; }

void fault_arm(FaultKind kind, int nth, int more) {
    atomic_store(&armed, -1);
    atomic_store(&before, nth - 1);
    atomic_store(&left, nth ? more + 1 : 0);
    atomic_store(&struck, false);
    if (nth) atomic_store(&armed, (int)kind);
}

bool fault_struck(void) { return atomic_load(&struck); }

bool fault_strikes(FaultKind kind) {
    if (atomic_load(&armed) != (int)kind || atomic_fetch_sub(&before, 1) > 0) return false;
    if (atomic_fetch_sub(&left, 1) <= 0) return false;
    atomic_store(&struck, true);
    return true;
}

long fault_blocks(void) { return atomic_load(&blocks); }
long fault_mappings(void) { return atomic_load(&mappings); }

void *fault_block(void *block, int change) {
    if (block) atomic_fetch_add(&blocks, change);
    return block;
}

void *fault_realloc(void *block, size_t size) {
    if (fault_strikes(FAULT_realloc)) {
        errno = ENOMEM;
        return NULL;
    }
    void *larger = realloc(block, size);
    return block ? larger : fault_block(larger, 1);
}

void fault_free(void *block) { free(fault_block(block, -1)); }

void *fault_mapping(void *address) {
    if (address != MAP_FAILED) atomic_fetch_add(&mappings, 1);
    return address;
}

int fault_unmapped(int result) {
    if (result == 0) atomic_fetch_sub(&mappings, 1);
    return result;
}
#endif
