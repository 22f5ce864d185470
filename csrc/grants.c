/* grants.c - see grants.h */
#include "grants.h"

#include <stdlib.h>

#include "deferred.h"
#include "lock.h"
#include "slots.h"

struct Grant {
    Grants *owner; /* NULL: a buffer of the runtime's */
    Grant *next, *previous;
    Handle handle;
    void *memory;
    size_t mapped;
};

static Lock lock = LOCK_INITIAL(LOCK_GRANTS);
static Slots table;
#ifdef DFD_TEST
static uint32_t count;
#endif

/* The grant of a handle if it is `owner`'s. */
static Grant *grants_find(const Grants *owner, double handle) {
    lock_assert(&lock);
    Grant *grant = slots_get(&table, slots_handle(handle));
    return grant && grant->owner == owner ? grant : NULL;
}

/* Takes a grant away from its pool. */
static void grants_disown(Grant *grant) {
    lock_assert(&lock);
    if (!grant->owner) return;
    *(grant->previous ? &grant->previous->next : &grant->owner->first) = grant->next;
    if (grant->next) grant->next->previous = grant->previous;
    grant->owner = NULL;
}

/* Takes a grant out of the table; NULL is fine. */
static Grant *grants_take_out(Grant *grant) {
    if (!grant) return NULL;
    grants_disown(grant);
    slots_remove(&table, grant->handle);
#ifdef DFD_TEST
    count--;
#endif
    return grant;
}

static void grants_free_one(Grant *grant) {
    if (grant->mapped)
        os_unmap(grant->memory, grant->mapped);
    else
        free(grant->memory);
    free(grant);
}

double grants_add(Grants *grants, void *memory, size_t mapped) {
    Grant *grant = malloc(sizeof *grant);
    if (!grant) return 0;
    lock_take(&lock);
    *grant = (Grant){.owner = grants, .next = grants->first, .memory = memory, .mapped = mapped};
    Handle handle = grant->handle = slots_add(&table, grant);
    if (handle) {
        if (grant->next) grant->next->previous = grant;
        grants->first = grant;
#ifdef DFD_TEST
        count++;
#endif
    }
    lock_release(&lock);
    if (!handle) free(grant);
    return (double)handle;
}

int32_t grants_release(Grants *grants, double handle) {
    lock_take(&lock);
    Grant *grant = grants_take_out(grants_find(grants, handle));
    lock_release(&lock);
    if (!grant) return DFD_E_HANDLE;
    grants_free_one(grant);
    return 0;
}

int32_t grants_keep(Grants *grants, double handle) {
    lock_take(&lock);
    Grant *grant = grants_find(grants, handle);
    if (grant) grants_disown(grant);
    lock_release(&lock);
    return grant ? 0 : DFD_E_HANDLE;
}

void grants_close(Grants *grants) {
    lock_take(&lock);
    for (Grant *grant; (grant = grants_take_out(grants->first));) grants_free_one(grant);
    lock_release(&lock);
}

void grants_deallocate(void *memory, void *handle) {
    (void)memory;
    lock_take(&lock);
    /* The pool's still, if nobody came to say that it was kept. */
    Grant *grant = grants_take_out(slots_get(&table, (Handle)(uintptr_t)handle));
    lock_release(&lock);
    if (grant) grants_free_one(grant);
}

#ifdef DFD_TEST
uint32_t grants_count(void) {
    lock_take(&lock);
    uint32_t known = count;
    lock_release(&lock);
    return known;
}
#endif
