/* deadlines_test.c - the heap of deadlines against a search of all, and how its steps grow; a pool
 * whose queue is full of them.
 *
 * Steps are counted, not timed: the clock of a busy machine says nothing of growth.
 */
#include <math.h>
#include <stdint.h>

#include "check.h"
#include "deadlines.h"
#include "deferred.h"
#include "host.h"
#include "wire.h"

static uint64_t steps(void) { return __atomic_load_n(&deadlines_steps, __ATOMIC_RELAXED); }

/* xorshift64 (Marsaglia, 2003). */
static uint64_t state = 88172645463325252u;

static uint32_t random_below(uint32_t limit) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state % limit);
}

static double earliest(const Deadline *all, int count) {
    double first = INFINITY;
    for (int i = 0; i < count; i++)
        if (all[i].at < first) first = all[i].at;
    return first;
}

TEST("the first deadline is the earliest, however they are set, changed and unset") {
    enum { COUNT = 60, ROUNDS = 20000 };
    static Deadline all[COUNT];
    Deadlines deadlines = {0};
    CHECK(!deadlines_first(&deadlines));
    for (int i = 0; i < COUNT; i++) REQUIRE(deadlines_join(&deadlines, &all[i], DEADLINE_TASK));
    CHECK(!deadlines_first(&deadlines), "what joined is not set");
    for (int round = 0; round < ROUNDS; round++) {
        Deadline *one = &all[random_below(COUNT)];
        if (random_below(20) == 0) {
            deadlines_leave(&deadlines, one);
            REQUIRE(deadlines_join(&deadlines, one, DEADLINE_WORKER));
        } else {
            deadlines_set(&deadlines, one, random_below(3) ? (double)random_below(50) : INFINITY);
        }
        const Deadline *first = deadlines_first(&deadlines);
        double expected = earliest(all, COUNT);
        CHECK((first ? first->at : INFINITY) == expected, "%g", expected);
        CHECK(!first || first->place == 1);
    }
    for (int i = 0; i < COUNT; i++) deadlines_leave(&deadlines, &all[i]);
    CHECK(!deadlines_first(&deadlines));
    deadlines_close(&deadlines);
}

/* Steps that it takes to set `count` deadlines, one earlier than the other, and to take the first
 * one away until none is left. */
static uint64_t steps_for(uint32_t count) {
    Deadlines deadlines = {0};
    Deadline *all = calloc(count, sizeof *all), *first;
    uint64_t before = steps();
    for (uint32_t i = 0; i < count; i++) {
        if (!deadlines_join(&deadlines, &all[i], DEADLINE_TASK)) abort();
        deadlines_set(&deadlines, &all[i], count - i);
    }
    while ((first = deadlines_first(&deadlines))) deadlines_leave(&deadlines, first);
    deadlines_close(&deadlines);
    free(all);
    return steps() - before;
}

TEST("four times as many deadlines take little more than four times as many steps") {
    uint64_t few = steps_for(4000), many = steps_for(16000);
    CHECK(many < few * 6, "%llu for 4,000, %llu for 16,000", (unsigned long long)few,
          (unsigned long long)many);
}

/* --- in a pool ------------------------------------------------------------------------------ */

static double compile(uint32_t pool, const char *source) {
    uint8_t reply[4096];
    int32_t length = dfd_compile(pool, (const uint8_t *)source, (uint32_t)strlen(source), 1, reply,
                                 sizeof reply);
    return length < 8 ? 0 : host_f64(reply);
}

static double submit(uint32_t pool, double program, uint32_t task, double patience) {
    _Alignas(8) uint8_t bytes[DFD_SUBMISSION_ARGS] = {0};
    memcpy(bytes + DFD_SUBMISSION_TASK, &task, 4);
    memcpy(bytes + DFD_SUBMISSION_PROGRAM, &program, 8);
    memcpy(bytes + DFD_SUBMISSION_QUEUE_TIMEOUT, &patience, 8);
    return dfd_submit(pool, bytes, sizeof bytes);
}

static HostRecord next_record(uint32_t pool, int fd) {
    HostRecord record;
    const _Atomic uint32_t *control = (_Atomic uint32_t *)(uintptr_t)dfd_pool_control(pool);
    while (!host_read(pool, &record)) {
        if (atomic_load(&control[DFD_CONTROL_OVERFLOW]))
            dfd_refill(pool);
        else if (dfd_park(pool) == 0)
            host_wait(fd);
    }
    return record;
}

/* Steps for `count` tasks that wait behind an endless one until their time is over, each a little
 * later than the one before. */
static uint64_t steps_in_pool(uint32_t count) {
    uint32_t pool = (uint32_t)dfd_pool_open();
    int fd = dfd_waker_fd(pool);
    double endless = compile(pool, "(() => { for (;;); })");
    submit(pool, endless, 0, 0);
    uint64_t before = steps();
    for (uint32_t i = 1; i <= count; i++)
        CHECK(submit(pool, endless, i, 1 + (count - i) * 1e-2) > 0);
    for (uint32_t i = 1; i <= count; i++) {
        HostRecord record = next_record(pool, fd);
        CHECK(record.status == DFD_STATUS_QUEUE_TIMEOUT && record.task > 0);
        CHECK(record.wait_ms >= 1);
    }
    uint64_t taken = steps() - before;
    CHECK(dfd_pool_close(pool) == 0);
    close(fd);
    return taken;
}

/* How many are in the heap at a time depends on how fast they expire; no more than all are. */
TEST("tasks that each wait as long as they like expire in a few steps of the heap each") {
    uint64_t few = steps_in_pool(1000), many = steps_in_pool(4000);
    CHECK(few >= 2000, "each is set, and taken away");
    CHECK(few < 1000 * 4 * 10 && many < 4000 * 4 * 12, "%llu for 1,000, %llu for 4,000",
          (unsigned long long)few, (unsigned long long)many);
}
