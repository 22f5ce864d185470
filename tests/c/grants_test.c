/* grants_test.c - memory that the host has: whoever ends first, each piece is freed once. Through
 * the flat API, by a host that dies wherever it can. The address sanitizer sees the rest.
 */
#include "grants.h"

#include <pthread.h>

#include "check.h"
#include "clone.h"
#include "host.h"

/* What each task returns: in the ring, outside it, moved out in it, moved out outside it. */
static const char *const sources[] = {
    "(() => 1)",
    "(() => 'x'.repeat(100000))",
    "(() => new ArrayBuffer(5e6))",
    "(() => [[5e6, 6e6, 7e6].map((n) => new ArrayBuffer(n)), 'y'.repeat(50000)])",
};
enum { KINDS = sizeof sources / sizeof *sources, TASKS = 3 * KINDS };

static double compile(uint32_t pool, const char *source) {
    uint8_t reply[4096];
    int32_t length = dfd_compile(pool, (const uint8_t *)source, (uint32_t)strlen(source), 1, reply,
                                 sizeof reply);
    return length < 8 ? 0 : host_f64(reply);
}

static double submit(uint32_t pool, double program, uint32_t task) {
    _Alignas(8) uint8_t bytes[DFD_SUBMISSION_ARGS] = {0};
    memcpy(bytes + DFD_SUBMISSION_TASK, &task, 4);
    memcpy(bytes + DFD_SUBMISSION_PROGRAM, &program, 8);
    return dfd_submit(pool, bytes, sizeof bytes);
}

/* Where a host stops: after so many steps, each a piece of memory that it has seen to. */
typedef struct Death {
    int steps;
    bool keeps;   /* it makes buffers of what was moved, as far as it gets */
    bool between; /* it dies when it has the buffer, and has not said that it keeps it */
    double kept[TASKS * 4];
    int kept_count;
    bool lived; /* it saw to everything */
} Death;

static bool step(Death *death) { return death->steps-- > 0; }

/* What a record came with, until the host dies. HEAD stays where it is. */
static bool see_to(uint32_t pool, const uint8_t *record, Death *death) {
    bool external = host_u32(record + DFD_RECORD_EXTERNAL);
    const uint8_t *payload = record + DFD_RECORD_PAYLOAD;
    double handle = external ? host_f64(payload + 8) : 0;
    if (external) payload = (const uint8_t *)(uintptr_t)host_f64(payload);
    const uint8_t *entry = payload + ((host_u32(record + DFD_RECORD_LENGTH) + 7u) & ~7u);
    for (uint32_t i = 0; i < host_u32(record + DFD_RECORD_MOVED); i++, entry += DFD_MOVED_SIZE) {
        double moved = host_f64(entry + DFD_MOVED_HANDLE);
        if (death->keeps) death->kept[death->kept_count++] = moved;
        if (death->between && death->steps == 0) return false;
        if (!step(death)) return death->kept_count -= death->keeps, false;
        CHECK((death->keeps ? dfd_keep(pool, moved) : dfd_release(pool, moved)) == 0);
        CHECK(dfd_keep(pool, moved) == DFD_E_HANDLE && dfd_release(pool, moved) == DFD_E_HANDLE);
    }
    if (external) {
        if (!step(death)) return false;
        CHECK(dfd_release(pool, handle) == 0 && dfd_release(pool, handle) == DFD_E_HANDLE);
    }
    return true;
}

/* A host that is terminated in the middle of a drain: its thread ends, its pool is closed. */
static void *host(void *argument) {
    Death *death = argument;
    int32_t opened = dfd_pool_open();
    CHECK(opened > 0);
    uint32_t pool = (uint32_t)opened;
    int fd = dfd_waker_fd(pool);
    double programs[KINDS];
    for (int kind = 0; kind < KINDS; kind++) programs[kind] = compile(pool, sources[kind]);
    for (uint32_t i = 0; i < TASKS; i++) CHECK(submit(pool, programs[i % KINDS], i) > 0);
    _Atomic uint32_t *control = (_Atomic uint32_t *)(uintptr_t)dfd_pool_control(pool);
    uint32_t head = 0;
    for (int seen = 0; seen < TASKS;) {
        while (head == atomic_load(&control[DFD_CONTROL_TAIL]))
            if (dfd_park(pool) == 0)
                host_wait(fd);
            else if (head == atomic_load(&control[DFD_CONTROL_TAIL]))
                sched_yield();
        const uint8_t *record =
            (const uint8_t *)(control + DFD_CONTROL_RING) + head % DFD_RING_BYTES;
        head += host_u32(record + DFD_RECORD_SIZE);
        if (host_u32(record + DFD_RECORD_TASK) == 0xffffffffu) continue;
        CHECK(host_u32(record + DFD_RECORD_STATUS) == DFD_STATUS_OK);
        if (!see_to(pool, record, death)) goto dead;
        seen++;
    }
    death->lived = true;
dead:
    close(fd);
    return NULL;
}

static void die_at_each_step(bool keeps, bool between) {
    void (*deallocate)(void *, void *) = (void (*)(void *, void *))(uintptr_t)dfd_deallocator();
    bool lived = false;
    for (int steps = 0; !lived; steps++) {
        Death death = {.steps = steps, .keeps = keeps, .between = between};
        pthread_t thread;
        REQUIRE(pthread_create(&thread, NULL, host, &death) == 0);
        pthread_join(thread, NULL);
        int surely = death.kept_count - (between && !death.lived && death.kept_count > 0);
        CHECK((int)grants_count() >= surely, "%u of %d", grants_count(), surely);
        /* The runtime collects its buffers, also the one of which it did not come to tell. */
        for (int i = 0; i < death.kept_count; i++)
            deallocate(NULL, (void *)(uintptr_t)(uint64_t)death.kept[i]);
        for (int i = 0; i < 10000 && grants_count(); i++) usleep(1000); /* workers may end later */
        CHECK(grants_count() == 0, "%u after %d steps", grants_count(), steps);
        lived = death.lived;
        REQUIRE(steps < 1000);
    }
}

TEST("a host that dies while it gives memory back leaves none, and none is freed twice") {
    die_at_each_step(false, false);
}

TEST("what a host made buffers of outlives its pool, and the rest does not") {
    die_at_each_step(true, false);
}

TEST("a buffer that was made but not told of is freed once") {
    die_at_each_step(true, true);
}

TEST("memory of another pool, given back before or made up is an error") {
    Grants mine = {0}, other = {0};
    double handle = grants_add(&mine, malloc(10), 0);
    REQUIRE(handle > 0);
    CHECK(grants_release(&other, handle) == DFD_E_HANDLE);
    CHECK(grants_keep(&other, handle) == DFD_E_HANDLE);
    static const double forged[] = {0, -1, 1e300, 4096, 12345678, 0.5};
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        if (forged[i] == handle) continue;
        CHECK(grants_release(&mine, forged[i]) == DFD_E_HANDLE);
        CHECK(grants_keep(&mine, forged[i]) == DFD_E_HANDLE);
    }
    grants_deallocate(NULL, (void *)(uintptr_t)12345678); /* nothing happens */
    CHECK(grants_release(&mine, handle) == 0);
    CHECK(grants_release(&mine, handle) == DFD_E_HANDLE);
    handle = grants_add(&mine, malloc(10), 0);
    CHECK(grants_keep(&mine, handle) == 0);
    grants_close(&mine);
    CHECK(grants_count() == 1);
    grants_deallocate(NULL, (void *)(uintptr_t)(uint64_t)handle);
    CHECK(grants_count() == 0);
}
