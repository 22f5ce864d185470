/* grants.c - see grants.h */
#include "grants.h"

#include <stdlib.h>

#include "deferred.h"
#include "os.h"
#include "slots.h"

struct Grant {
    Grants *owner; /* NULL: a buffer of the runtime's */
    Grant *next, *previous;
    Handle handle;
    void *memory;
    size_t mapped;
};

static OsLock lock = OS_LOCK_INITIAL;
static Slots table;
#ifdef DFD_TEST
static uint32_t count;
#endif

/* The grant of a handle if it is `owner`'s. Under the lock. */
static Grant *find(const Grants *owner, double handle) {
    Grant *grant = slots_get(&table, slots_handle(handle));
    return grant && grant->owner == owner ? grant : NULL;
}

/* Takes a grant away from its pool. Under the lock. */
static void disown(Grant *grant) {
    if (!grant->owner) return;
    *(grant->previous ? &grant->previous->next : &grant->owner->first) = grant->next;
    if (grant->next) grant->next->previous = grant->previous;
    grant->owner = NULL;
}

/* Takes a grant out of the table; NULL is fine. Under the lock. */
static Grant *take_out(Grant *grant) {
    if (!grant) return NULL;
    disown(grant);
    slots_remove(&table, grant->handle);
#ifdef DFD_TEST
    count--;
#endif
    return grant;
}

static void free_grant(Grant *grant) {
    if (grant->mapped)
        os_unmap(grant->memory, grant->mapped);
    else
        free(grant->memory);
    free(grant);
}

double grants_add(Grants *grants, void *memory, size_t mapped) {
    Grant *grant = malloc(sizeof *grant);
    if (!grant) return 0;
    os_lock(&lock);
    *grant = (Grant){.owner = grants, .next = grants->first, .memory = memory, .mapped = mapped};
    Handle handle = grant->handle = slots_add(&table, grant);
    if (handle) {
        if (grant->next) grant->next->previous = grant;
        grants->first = grant;
#ifdef DFD_TEST
        count++;
#endif
    }
    os_unlock(&lock);
    if (!handle) free(grant);
    return (double)handle;
}

int32_t grants_release(Grants *grants, double handle) {
    os_lock(&lock);
    Grant *grant = take_out(find(grants, handle));
    os_unlock(&lock);
    if (!grant) return DFD_E_HANDLE;
    free_grant(grant);
    return 0;
}

int32_t grants_keep(Grants *grants, double handle) {
    os_lock(&lock);
    Grant *grant = find(grants, handle);
    if (grant) disown(grant);
    os_unlock(&lock);
    return grant ? 0 : DFD_E_HANDLE;
}

void grants_close(Grants *grants) {
    os_lock(&lock);
    for (Grant *grant; (grant = take_out(grants->first));) free_grant(grant);
    os_unlock(&lock);
}

void grants_deallocate(void *memory, void *handle) {
    (void)memory;
    os_lock(&lock);
    /* The pool's still, if nobody came to say that it was kept. */
    Grant *grant = take_out(slots_get(&table, (Handle)(uintptr_t)handle));
    os_unlock(&lock);
    if (grant) free_grant(grant);
}

#ifdef DFD_TEST
uint32_t grants_count(void) {
    os_lock(&lock);
    uint32_t known = count;
    os_unlock(&lock);
    return known;
}
#endif
