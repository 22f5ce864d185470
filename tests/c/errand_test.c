/* errand_test.c - work that the host's thread waits for: who may still signal whom when it ends. */
#include <pthread.h>

#include "check.h"
#include "errand.h"
#include "pool_parts.h"

#define ROUNDS 300

static Errand *_Atomic at_work; /* the errand that runs, or NULL */
static atomic_bool seen;        /* done, and the host's thread not yet awake */

/* The deadline of an errand is the only one of a pool that has no workers. */
static int note_errand(Pool *pool, void *unused) {
    (void)unused;
    lock_take(&pool->lock);
    Deadline *deadline = deadlines_first(&pool->watchdog.deadlines);
    lock_release(&pool->lock);
    atomic_store(&at_work, (Errand *)(void *)((char *)deadline - offsetof(Errand, deadline)));
    return 0;
}

/* As the watchdog does, looks at the errand under the lock, as often as it can. */
static void *watch(void *opaque) {
    Pool *pool = opaque;
    while (!atomic_load(&seen)) {
        lock_take(&pool->lock);
        Errand *errand = deadlines_first(&pool->watchdog.deadlines) ? atomic_load(&at_work) : NULL;
        if (errand && errand->done) {
            CHECK(!errand->running, "a thread that has ended, or will at once, may be signalled");
            atomic_store(&seen, true);
        }
        lock_release(&pool->lock);
    }
    return NULL;
}

TEST("nobody signals the thread of an errand that is done") {
    int32_t refused;
    Pool *pool = pool_open(&refused);
    REQUIRE(pool != NULL);
    REQUIRE((pool->compiler.realm = realm_open(DFD_LIMIT_MEMORY_DEFAULT, 256 << 10)) != NULL);
    pthread_t watcher;
    REQUIRE(pthread_create(&watcher, NULL, watch, pool) == 0);
    for (int i = 0; i < ROUNDS && !atomic_load(&seen); i++) {
        int status;
        CHECK(errand_send(pool, 1e6, note_errand, NULL, &status) == 0 && status == 0);
        atomic_store(&at_work, NULL);
    }
    bool was_seen = atomic_exchange(&seen, true);
    pthread_join(watcher, NULL);
    pool_close(pool);
    if (!was_seen) SKIP("a moment between an errand's end and the host's waking up");
}
