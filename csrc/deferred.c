/* deferred.c - the flat API: handles to pools, and nothing else.
 *
 * The tables of pools and of grants are the only global state. Only a pool's own host thread calls
 * its functions, so a pool can't be closed during a call; for any other thread its handle is
 * invalid.
 *
 * A host's thread may end without closing its pools (a Worker that is terminated): they are closed
 * when it ends.
 */
#include "deferred.h"

#include <stdatomic.h>
#include <string.h>

#include "grants.h"
#include "lock.h"
#include "os.h"
#include "pool.h"
#include "zone.h"

#ifndef DFD_ABI_NUMBER
#error "the build defines DFD_ABI_NUMBER, the hash of deferred.h"
#endif

/* A handle is a slot and how often it was used. Slots are used in turn, so a handle comes back
 * after 2^31 pools. */
#define SLOT_BITS 12
#define SLOTS (1u << SLOT_BITS)
#define USES_MASK ((1u << (31 - SLOT_BITS)) - 1)

static Lock table_lock = LOCK_INITIAL(LOCK_POOLS); /* writes to the table */
static struct {
    Pool *_Atomic pool;
    _Atomic uint32_t uses;
    _Atomic(OsThread) owner;
} table[SLOTS];
static uint32_t last_slot; /* that was given out; under the lock */
static bool ends_watched;  /* of the threads that have pools; under the lock */

/* Whether this process was forked from one that had pools. They have no threads here, and a thread
 * that is gone may hold any lock: nothing of them is touched. */
static atomic_bool forked;

static void deferred_in_fork(void) { atomic_store(&forked, true); }

/* A pool of this thread's, which nobody else closes. */
static Pool *deferred_find(uint32_t handle) {
    uint32_t slot = handle & (SLOTS - 1);
    Pool *pool = slot && !atomic_load(&forked) ? atomic_load(&table[slot].pool) : NULL;
    bool ours = pool && atomic_load(&table[slot].uses) == handle >> SLOT_BITS &&
                os_is_this_thread(atomic_load(&table[slot].owner));
    return ours ? pool : NULL;
}

/* Puts a pool into a free slot. Returns its handle, or 0. */
static uint32_t deferred_put_in(Pool *pool) {
    uint32_t handle = 0;
    lock_take(&table_lock);
    for (uint32_t i = 0; i < SLOTS && !handle; i++) {
        uint32_t slot = last_slot = (last_slot + 1) & (SLOTS - 1);
        if (slot == 0 || atomic_load(&table[slot].pool)) continue;
        handle = atomic_load(&table[slot].uses) << SLOT_BITS | slot;
        atomic_store(&table[slot].owner, os_this_thread());
        atomic_store(&table[slot].pool, pool);
    }
    lock_release(&table_lock);
    return handle;
}

/* The pool in the slot, which is free afterwards. */
static Pool *deferred_take_out(uint32_t slot) {
    lock_assert(&table_lock);
    Pool *pool = atomic_load(&table[slot].pool);
    atomic_store(&table[slot].uses, (atomic_load(&table[slot].uses) + 1) & USES_MASK);
    atomic_store(&table[slot].pool, NULL);
    return pool;
}

static void deferred_close_pools(void *unused) {
    (void)unused;
    for (uint32_t slot = 1; slot < SLOTS && !atomic_load(&forked); slot++) {
        lock_take(&table_lock);
        bool ours =
            atomic_load(&table[slot].pool) && os_is_this_thread(atomic_load(&table[slot].owner));
        Pool *pool = ours ? deferred_take_out(slot) : NULL;
        lock_release(&table_lock);
        if (pool) pool_close(pool);
    }
}

/* Arranges that the pools of this thread are closed with it. A thread for which that fails may have
 * none. */
static bool deferred_watch_thread(void) {
    lock_take(&table_lock);
    if (!ends_watched) {
        os_stay_loaded();
        ends_watched = os_watch_ends(deferred_close_pools, deferred_in_fork);
    }
    bool watched = ends_watched;
    lock_release(&table_lock);
    return watched && os_tell_end();
}

uint32_t dfd_abi(void) { return DFD_ABI_NUMBER; }

static int32_t deferred_reason(OsFailure failure, uint8_t *reply, uint32_t capacity) {
    char text[256];
    if (!reply) return DFD_E_INVALID;
    os_describe(failure, text, sizeof text);
    size_t length = strlen(text);
    if (length > capacity) length = capacity;
    memcpy(reply, text, length);
    return (int32_t)length;
}

int32_t dfd_reason(uint8_t *reply, uint32_t capacity) {
    return deferred_reason(os_failure(), reply, capacity);
}

int32_t dfd_unhardened(uint32_t handle, uint8_t *reply, uint32_t capacity) {
    Pool *pool = deferred_find(handle);
    return pool ? deferred_reason(pool_unhardened(pool), reply, capacity) : DFD_E_HANDLE;
}

int32_t dfd_pool_open(void) {
    os_forget();
    if (atomic_load(&forked) || !deferred_watch_thread()) return DFD_E_SYSTEM;
    int32_t refused;
    Pool *pool = pool_open(&refused);
    if (!pool) return refused;
    uint32_t handle = deferred_put_in(pool);
    if (handle) return (int32_t)handle;
    pool_close(pool);
    return DFD_E_FULL;
}

int32_t dfd_pool_close(uint32_t handle) {
    if (atomic_load(&forked)) return DFD_E_HANDLE;
    lock_take(&table_lock);
    Pool *pool = deferred_find(handle) ? deferred_take_out(handle & (SLOTS - 1)) : NULL;
    lock_release(&table_lock);
    if (!pool) return DFD_E_HANDLE;
    pool_close(pool);
    return 0;
}

int32_t dfd_pool_set(uint32_t handle, uint32_t option, double value) {
    Pool *pool = deferred_find(handle);
    return pool ? pool_set(pool, option, value) : DFD_E_HANDLE;
}

double dfd_pool_control(uint32_t handle) {
    Pool *pool = deferred_find(handle);
    return pool ? (double)(uintptr_t)pool_completions(pool)->control : 0;
}

int32_t dfd_compile(uint32_t handle, const uint8_t *source, uint32_t length, uint32_t flags,
                    uint8_t *reply, uint32_t capacity) {
    Pool *pool = deferred_find(handle);
    if (!pool) return DFD_E_HANDLE;
    if (!source || !reply) return DFD_E_INVALID;
    os_forget();
    return pool_compile(pool, (const char *)source, length, flags, reply, capacity);
}

int32_t dfd_preload(uint32_t handle, double program, double limit, uint8_t *reply,
                    uint32_t capacity) {
    Pool *pool = deferred_find(handle);
    if (!pool) return DFD_E_HANDLE;
    if (!reply || !(limit > 0)) return DFD_E_INVALID;
    os_forget();
    return pool_preload(pool, program, limit, reply, capacity);
}

int32_t dfd_module(uint32_t handle, const uint8_t *module, uint32_t length) {
    Pool *pool = deferred_find(handle);
    if (!pool) return DFD_E_HANDLE;
    if (!module || !length) return DFD_E_INVALID;
    os_forget();
    return pool_add_module(pool, module, length);
}

int32_t dfd_load(uint32_t handle, double limit, uint8_t *reply, uint32_t capacity) {
    Pool *pool = deferred_find(handle);
    if (!pool) return DFD_E_HANDLE;
    if (!reply || !(limit > 0)) return DFD_E_INVALID;
    os_forget();
    return pool_load(pool, limit, reply, capacity);
}

int32_t dfd_share(uint32_t handle, const uint8_t *value, uint32_t length) {
    Pool *pool = deferred_find(handle);
    if (!pool) return DFD_E_HANDLE;
    if (!value || !length) return DFD_E_INVALID;
    os_forget();
    return pool_share(pool, value, length);
}

int32_t dfd_program_free(uint32_t handle, double program) {
    Pool *pool = deferred_find(handle);
    return pool ? pool_program_free(pool, program) : DFD_E_HANDLE;
}

int32_t dfd_ready(uint32_t handle) {
    Pool *pool = deferred_find(handle);
    if (!pool) return DFD_E_HANDLE;
    os_forget();
    return pool_ready(pool);
}

double dfd_submit(uint32_t handle, const uint8_t *submission, uint32_t length) {
    Pool *pool = deferred_find(handle);
    if (!pool) return DFD_E_HANDLE;
    if (!submission || length < DFD_SUBMISSION_ARGS) return DFD_E_INVALID;
    os_forget();
    return pool_submit(pool, submission, length);
}

int32_t dfd_cancel(uint32_t handle, double task) {
    Pool *pool = deferred_find(handle);
    return pool ? pool_cancel(pool, task) : DFD_E_HANDLE;
}

int32_t dfd_post(uint32_t handle, double task, const uint8_t *message, uint32_t length) {
    Pool *pool = deferred_find(handle);
    if (!pool) return DFD_E_HANDLE;
    if (!message || length < DFD_MESSAGE_VALUE) return DFD_E_INVALID;
    os_forget();
    return pool_post(pool, task, message, length);
}

int32_t dfd_postable(uint32_t handle, double task, uint32_t length) {
    Pool *pool = deferred_find(handle);
    return pool ? pool_postable(pool, task, length) : DFD_E_HANDLE;
}

int32_t dfd_heard(uint32_t handle, double task, uint32_t bytes) {
    Pool *pool = deferred_find(handle);
    return pool ? pool_heard(pool, task, bytes) : DFD_E_HANDLE;
}

int32_t dfd_reported(uint32_t handle, double task, uint32_t bytes) {
    Pool *pool = deferred_find(handle);
    return pool ? pool_reported(pool, task, bytes) : DFD_E_HANDLE;
}

int32_t dfd_park(uint32_t handle) {
    Pool *pool = deferred_find(handle);
    return pool ? completion_park(pool_completions(pool)) : DFD_E_HANDLE;
}

int32_t dfd_unpark(uint32_t handle) {
    Pool *pool = deferred_find(handle);
    if (!pool) return DFD_E_HANDLE;
    completion_unpark(pool_completions(pool));
    return 0;
}

int32_t dfd_refill(uint32_t handle) {
    Pool *pool = deferred_find(handle);
    return pool ? completion_refill(pool_completions(pool)) : DFD_E_HANDLE;
}

int32_t dfd_release(uint32_t handle, double memory) {
    Pool *pool = deferred_find(handle);
    return pool ? grants_release(&pool_completions(pool)->grants, memory) : DFD_E_HANDLE;
}

int32_t dfd_keep(uint32_t handle, double memory) {
    Pool *pool = deferred_find(handle);
    return pool ? grants_keep(&pool_completions(pool)->grants, memory) : DFD_E_HANDLE;
}

static void deferred_deallocate(void *bytes, void *handle) {
    if (!atomic_load(&forked)) grants_deallocate(bytes, handle);
}

double dfd_deallocator(void) { return (double)(uintptr_t)deferred_deallocate; }

int32_t dfd_time_zone(const uint8_t *name, uint32_t length) {
    if (!name || length < 2 || memchr(name, 0, length) != name + length - 1) return DFD_E_INVALID;
    os_forget();
    return atomic_load(&forked) ? DFD_E_SYSTEM : zone_set((const char *)name);
}

uint32_t dfd_stragglers(void) { return atomic_load(&forked) ? 0 : pool_stragglers(); }

int32_t dfd_waker_fd(uint32_t handle) {
    Pool *pool = deferred_find(handle);
    if (!pool) return DFD_E_HANDLE;
    os_forget();
    int fd = completion_take_fd(pool_completions(pool));
    return fd < 0 ? DFD_E_SYSTEM : fd;
}
