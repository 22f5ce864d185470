/* wait_test.c - tasks that wait: they let go of their threads, go on upon any other, and end
 * exactly once, whatever comes at the same time. Run under TSan as well.
 */
#include <math.h>
#include <stdio.h>

#define FAULT_NO_MACROS
#include "fault.h"

#include "check.h"
#include "clone.h"
#include "host.h"
#include "os.h"

static uint32_t pool;
static int fd;
static _Atomic uint32_t *control;

static void open_pool(double threads) {
    int32_t opened = dfd_pool_open();
    REQUIRE(opened > 0);
    pool = (uint32_t)opened;
    CHECK(dfd_pool_set(pool, DFD_OPTION_MAX_THREADS, threads) == 0);
    REQUIRE((fd = dfd_waker_fd(pool)) > 0);
    control = (_Atomic uint32_t *)(uintptr_t)dfd_pool_control(pool);
}

static void close_pool(void) {
    CHECK(dfd_pool_close(pool) == 0);
    close(fd);
}

static double compile(const char *source) {
    static uint8_t reply[4096];
    int32_t length = dfd_compile(pool, (const uint8_t *)source, (uint32_t)strlen(source), 1, reply,
                                 sizeof reply);
    double program = length < 8 ? 0 : host_f64(reply);
    CHECK(program > 0, "%s", source);
    return program;
}

static uint32_t host_bits; /* DFD_HOST_* of what is submitted */

/* With one int32 as its argument, and a timeout if that is not 0. */
static double submit(double program, uint32_t task, int32_t argument, double timeout) {
    _Alignas(8) uint8_t bytes[DFD_SUBMISSION_ARGS + 5] = {0};
    memcpy(bytes + DFD_SUBMISSION_HOST, &host_bits, 4);
    uint32_t one = 1, length = 5;
    memcpy(bytes + DFD_SUBMISSION_TASK, &task, 4);
    memcpy(bytes + DFD_SUBMISSION_PROGRAM, &program, 8);
    memcpy(bytes + DFD_SUBMISSION_ARGC, &one, 4);
    memcpy(bytes + DFD_SUBMISSION_ARGS_LENGTH, &length, 4);
    memcpy(bytes + DFD_SUBMISSION_TIMEOUT, &timeout, 8);
    bytes[DFD_SUBMISSION_ARGS] = WIRE_INT;
    memcpy(bytes + DFD_SUBMISSION_ARGS + 1, &argument, 4);
    double handle = dfd_submit(pool, bytes, sizeof bytes);
    CHECK(handle > 0);
    return handle;
}

static HostRecord next(void) {
    HostRecord record;
    while (!host_read(pool, &record)) {
        if (atomic_load(&control[DFD_CONTROL_OVERFLOW]))
            dfd_refill(pool);
        else if (dfd_park(pool) == 0)
            host_wait(fd);
    }
    CHECK(record.lost == 0);
    return record;
}

/* The end of a task, whatever it says before. */
static HostRecord next_end(void) {
    HostRecord record;
    while ((record = next()).kind == DFD_KIND_EVENT) continue;
    return record;
}

static int32_t integer(const HostRecord *record) {
    if (record->length == 1 && record->head[0] >= 0x80) return record->head[0] - 0x80;
    int32_t value = INT32_MIN;
    if (record->length == 5 && record->head[0] == WIRE_INT) memcpy(&value, record->head + 1, 4);
    return value;
}

static uint32_t counter(int word) { return atomic_load(&control[word]); }

static void until_waiting(uint32_t count) {
    while (counter(DFD_CONTROL_WAITING) != count || counter(DFD_CONTROL_RUNNING)) usleep(100);
}

/* Counts with a variable of its own, over many turns. */
static const char *const counts = "(async (n) => { let sum = 0; for (let i = 1; i <= n; i++) {"
                                  "await new Promise((r) => setTimeout(r, i % 8 ? 0 : 1));"
                                  "sum += i; } return sum; })";
static const char *const sleeps = "((n) => new Promise((r) => setTimeout(r, 1e9, n)))";

TEST("thousands of turns on three threads: each task goes on where it was") {
    enum { TASKS = 150, TURNS = 60 };
    open_pool(3);
    double program = compile(counts);
    uint32_t moved = 0;
    for (uint32_t i = 0; i < TASKS; i++) submit(program, i, TURNS + (int32_t)i % 7, 0);
    bool ended[TASKS] = {false};
    for (int i = 0; i < TASKS; i++) {
        HostRecord record = next();
        int32_t turns = TURNS + (int32_t)record.task % 7;
        CHECK(!ended[record.task]);
        ended[record.task] = true;
        CHECK(record.status == DFD_STATUS_OK && integer(&record) == turns * (turns + 1) / 2,
              "status %u, %d", record.status, integer(&record));
        moved += record.worker != 1;
    }
    CHECK(moved > 0 && moved < TASKS, "%u tasks ended on other threads than the first", moved);
    CHECK(counter(DFD_CONTROL_WAITING) == 0 && counter(DFD_CONTROL_RUNNING) == 0);
    close_pool();
}

TEST("a task that waits has no thread: others run on the only one") {
    open_pool(1);
    double waits = compile(sleeps), quick = compile("((n) => n)");
    double handles[100];
    for (uint32_t i = 0; i < 100; i++) handles[i] = submit(waits, i, 1, 0);
    until_waiting(100);
    CHECK(counter(DFD_CONTROL_THREADS) == 1);
    submit(quick, 1000, 7, 0);
    HostRecord record = next();
    CHECK(record.task == 1000 && integer(&record) == 7 && record.worker == 1);
    for (uint32_t i = 0; i < 100; i++) {
        CHECK(dfd_cancel(pool, handles[i]) == 1);
        CHECK(dfd_cancel(pool, handles[i]) == 0);
        record = next();
        CHECK(record.task == i && record.status == DFD_STATUS_CANCELLED && record.worker == 1);
        CHECK(record.run_ms >= 0 && record.length == 0);
    }
    CHECK(counter(DFD_CONTROL_WAITING) == 0);
    close_pool();
}

TEST("a timeout counts while a task waits; CPU time is that of all its turns") {
    open_pool(2);
    double program = compile(sleeps), busy = compile("((n) => new Promise(() => setInterval(() => "
                                                     "{ for (let i = 0; i < 20000; i++); }, 0)))");
    submit(program, 1, 1, 20);
    HostRecord record = next();
    CHECK(record.status == DFD_STATUS_TIMEOUT && record.run_ms >= 20, "%u after %f", record.status,
          record.run_ms);
    submit(busy, 2, 1, 20);
    record = next();
    CHECK(record.status == DFD_STATUS_TIMEOUT && record.run_ms >= 20);
    _Alignas(8) uint8_t bytes[DFD_SUBMISSION_ARGS] = {0};
    double limit = 20;
    memcpy(bytes + DFD_SUBMISSION_PROGRAM, &busy, 8);
    memcpy(bytes + DFD_SUBMISSION_CPU_LIMIT, &limit, 8);
    CHECK(dfd_submit(pool, bytes, sizeof bytes) > 0);
    record = next();
    CHECK(record.status == DFD_STATUS_CPU && record.run_ms >= 20, "%u after %f", record.status,
          record.run_ms);
    close_pool();
}

TEST("what a seat was told to stop for is no reason for the next task in it") {
    open_pool(1);
    double spins = compile("((n) => new Promise(() => setInterval(() => {}, 0)))");
    double program = compile(counts), waits = compile(sleeps);
    for (int round = 0; round < 50; round++) {
        submit(spins, 1, 1, 1);
        submit(program, 2, 5, 0);
        double handle = submit(waits, 3, 1, 0);
        for (int i = 0; i < 2; i++) {
            HostRecord record = next();
            bool spun = record.task == 1;
            CHECK(record.task != 3);
            CHECK(record.status == (spun ? DFD_STATUS_TIMEOUT : DFD_STATUS_OK), "task %u: %u",
                  record.task, record.status);
        }
        CHECK(dfd_cancel(pool, handle) == 1);
        HostRecord record = next();
        CHECK(record.task == 3 && record.status == DFD_STATUS_CANCELLED);
    }
    close_pool();
}

TEST("tasks that are ready and fresh ones keep no one out") {
    open_pool(1);
    double spins = compile("((n) => new Promise(() => setInterval(() => {}, 0)))");
    double program = compile(counts), quick = compile("((n) => n)");
    for (uint32_t i = 0; i < 5; i++) submit(spins, i, 1, 0); /* always ready */
    for (int32_t i = 0; i < 200; i++) {
        submit(quick, 100, i, 0);
        HostRecord record = next();
        CHECK(record.task == 100 && integer(&record) == i);
    }
    submit(program, 101, 20, 0);
    HostRecord record;
    for (int32_t i = 0; submit(quick, 100, i, 0), (record = next()).task != 101; i++) continue;
    CHECK(integer(&record) == 210);
    close_pool();
}

static double submit_inner(double program, uint32_t task, int32_t argument) {
    host_bits = DFD_HOST_INNER;
    double handle = submit(program, task, argument, 0);
    host_bits = 0;
    return handle;
}

TEST("no more tasks begin than may run and wait; others begin as those end, in their order") {
    enum { MOST = 2 + 5, TASKS = 20 };
    open_pool(2);
    CHECK(dfd_pool_set(pool, DFD_OPTION_MAX_WAITING, 5) == 0);
    double waits = compile(sleeps), quick = compile("((n) => n)");
    double handles[TASKS];
    for (uint32_t i = 0; i < TASKS; i++) handles[i] = submit(waits, i, 1, 0);
    until_waiting(MOST);
    usleep(20000);
    CHECK(counter(DFD_CONTROL_WAITING) == MOST && counter(DFD_CONTROL_QUEUED) == TASKS - MOST,
          "%u wait, %u are queued", counter(DFD_CONTROL_WAITING), counter(DFD_CONTROL_QUEUED));
    /* What a task waits for begins all the same, and before the others. */
    for (int32_t i = 0; i < 30; i++) {
        submit_inner(quick, 100, i);
        HostRecord record = next();
        CHECK(record.task == 100 && integer(&record) == i);
    }
    double inner = submit_inner(waits, 101, 1);
    until_waiting(MOST + 1);
    /* The end of one that is too many lets none begin. */
    CHECK(dfd_cancel(pool, inner) == 1 && next().task == 101);
    usleep(20000);
    CHECK(counter(DFD_CONTROL_QUEUED) == TASKS - MOST);
    for (uint32_t i = 0; i < TASKS; i++) {
        uint32_t left = TASKS - i - 1, most = left < MOST ? left : MOST;
        CHECK(dfd_cancel(pool, handles[i]) == 1 && next().task == i);
        until_waiting(most);
        CHECK(counter(DFD_CONTROL_QUEUED) == left - most);
    }
    for (int32_t i = 0; i < 50; i++) {
        submit(quick, 102, i, 0);
        CHECK(next().task == 102);
    }
    close_pool();
}

TEST("where none may wait, as many as there are threads have begun; each comes to its end") {
    open_pool(3);
    CHECK(dfd_pool_set(pool, DFD_OPTION_MAX_WAITING, 0) == 0);
    CHECK(dfd_pool_set(pool, DFD_OPTION_MAX_WAITING, DFD_LIMIT_WAITING_MAX + 1.) == DFD_E_INVALID);
    double program = compile(counts);
    for (int round = 0; round < 4; round++) {
        uint32_t most = 0, ended = 0;
        for (uint32_t i = 0; i < 60; i++) submit(program, i, 10 + (int32_t)i % 7, i % 9 ? 0 : 3);
        while (ended < 60) {
            HostRecord record;
            uint32_t begun = counter(DFD_CONTROL_WAITING) + counter(DFD_CONTROL_RUNNING);
            if (begun > most) most = begun;
            if (atomic_load(&control[DFD_CONTROL_OVERFLOW])) dfd_refill(pool);
            if (host_read(pool, &record))
                ended++;
            else
                usleep(20);
        }
        /* (The two counts are read one after the other: a task may be in both.) */
        CHECK(most >= 2 && most <= 6, "%u", most);
    }
    close_pool();
}

TEST("a burst of tasks that come and go opens few seats, and those of the same image") {
    enum { TASKS = 3000 };
    open_pool(2);
    double program = compile("(async (n) => { for (let i = 0; i < n; i++)"
                             "await new Promise((r) => setImmediate(r)); return n; })");
    submit(program, 1, 1, 0);
    next();
    long before = fault_mappings();
    for (uint32_t i = 0; i < TASKS; i++) submit(program, i, 10, 0);
    long most = 0;
    for (int i = 0; i < TASKS; i++) {
        CHECK(next().status == DFD_STATUS_OK);
        if (fault_mappings() > most) most = fault_mappings();
    }
    CHECK(most - before < TASKS / 2, "%ld mappings more", most - before);
    close_pool();
}

static uint32_t random_number(uint32_t below) {
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 20) % below;
}

TEST("cancelled, timed out and woken at the same time, each ends exactly once") {
    enum { TASKS = 60, ROUNDS = 25 };
    open_pool(3);
    double program = compile(counts);
    int by[16] = {0};
    for (int round = 0; round < ROUNDS; round++) {
        double handles[TASKS];
        int ends[TASKS] = {0}, all = 0;
        for (uint32_t i = 0; i < TASKS; i++)
            handles[i] = submit(program, i, 20 + (int32_t)random_number(40), random_number(40));
        while (all < TASKS) {
            uint32_t one = random_number(TASKS * 2);
            if (one < TASKS && random_number(3) == 0) dfd_cancel(pool, handles[one]);
            HostRecord record;
            if (atomic_load(&control[DFD_CONTROL_OVERFLOW])) dfd_refill(pool);
            if (!host_read(pool, &record)) {
                usleep(20);
                continue;
            }
            ends[record.task]++;
            by[record.status]++;
            all++;
        }
        for (int i = 0; i < TASKS; i++) CHECK(ends[i] == 1, "task %d ended %d times", i, ends[i]);
    }
    HostRecord record;
    CHECK(!host_read(pool, &record));
    CHECK(by[DFD_STATUS_OK] + by[DFD_STATUS_CANCELLED] + by[DFD_STATUS_TIMEOUT] == TASKS * ROUNDS);
    CHECK(by[DFD_STATUS_CANCELLED] > 0 && by[DFD_STATUS_TIMEOUT] > 0);
    CHECK(counter(DFD_CONTROL_WAITING) == 0 && counter(DFD_CONTROL_QUEUED) == 0);
    close_pool();
}

TEST("a pool closes with tasks in every state, and leaves nothing behind") {
    long blocks = -1, mappings = -1;
    for (int round = 0; round < 20; round++) {
        open_pool(1 + random_number(3));
        double program = compile(counts), waits = compile(sleeps);
        for (uint32_t i = 0; i < 60; i++) submit(i % 2 ? program : waits, i, 1000, 0);
        usleep(random_number(8000));
        close_pool();
        /* The threads end by themselves, in their time; the table of grants stays. */
        for (int i = 0; i < 20000 && round && fault_mappings() > mappings; i++) usleep(500);
        for (int i = 0; i < 20000 && round && fault_blocks() > blocks; i++) usleep(500);
        if (!round) {
            usleep(200000);
            blocks = fault_blocks();
            mappings = fault_mappings();
        }
        CHECK(fault_blocks() <= blocks && fault_mappings() <= mappings, "%ld, %ld -> %ld, %ld",
              blocks, mappings, fault_blocks(), fault_mappings());
    }
}

TEST(
    "seats of tasks that ended while they waited are cleaned up by the threads, and few are kept") {
    enum { TASKS = 200 };
    open_pool(2);
    double waits = compile(sleeps);
    double handles[TASKS];
    submit(waits, 1, 1, 1);
    next();
    usleep(50000);
    long before = fault_mappings();
    for (uint32_t i = 0; i < TASKS; i++) handles[i] = submit(waits, i, 1, 0);
    until_waiting(TASKS);
    long most = fault_mappings();
    for (uint32_t i = 0; i < TASKS; i++) CHECK(dfd_cancel(pool, handles[i]) == 1);
    for (int i = 0; i < TASKS; i++) next();
    long each = (most - before + TASKS - 1) / TASKS;
    for (int i = 0; i < 20000 && fault_mappings() > before + 36 * each; i++) usleep(500);
    CHECK(each >= 1 && fault_mappings() <= before + 36 * each, "%ld -> %ld -> %ld", before, most,
          fault_mappings());
    close_pool();
}

TEST("a task that waits keeps the memory that was lent to it, its limits, and its program") {
    open_pool(2);
    double program = compile("(async (n) => { const a = []; for (let i = 0; i < 4; i++) {"
                             "await new Promise((r) => setTimeout(r, 1)); a.push('x'.repeat(4e5)"
                             " + i); } return a.length; })");
    _Alignas(8) uint8_t bytes[DFD_SUBMISSION_ARGS] = {0};
    double limit = 1 << 20;
    memcpy(bytes + DFD_SUBMISSION_PROGRAM, &program, 8);
    memcpy(bytes + DFD_SUBMISSION_MEMORY_LIMIT, &limit, 8);
    CHECK(dfd_submit(pool, bytes, sizeof bytes) > 0);
    CHECK(dfd_program_free(pool, program) == 0);
    CHECK(next().status == DFD_STATUS_MEMORY);
#ifndef OS_TSAN /* whose frames are larger than the engine thinks */
    double deep = compile("(async (n) => { await new Promise((r) => setTimeout(r, 1));"
                          "const f = (n) => n ? 1 + f(n - 1) : 0;"
                          "try { return f(1e6); } catch { return -7; } })");
    submit(deep, 1, 1, 0);
    HostRecord record = next();
    CHECK(record.status == DFD_STATUS_OK && integer(&record) == -7, "status %u, %d", record.status,
          integer(&record));
#endif
    close_pool();
}

/* --- functions of the host ----------------------------------------------------------------- */

/* A task with one argument, the list of the host's functions: ["f", ["g", "h"]]; and `report`. */
static uint32_t at_once = UINT32_MAX; /* calls that may be without an answer */
static double calls_most;             /* calls in all, 0: no limit */
static bool waits_for_f;              /* it gives no promise */
static bool inner;                    /* a task of the pool waits for it */

static double submit_offered(double program, uint32_t task, double memory) {
    const uint8_t names[] = {
        WIRE_ARRAY,
        3,
        waits_for_f ? WIRE_TRUE : WIRE_FALSE,
        WIRE_STRING8,
        1,
        'f',
        WIRE_ARRAY,
        2,
        WIRE_STRING8,
        1,
        'g',
        WIRE_STRING8,
        1,
        'h',
    };
    _Alignas(8) uint8_t bytes[DFD_SUBMISSION_ARGS + sizeof names] = {0};
    uint32_t one = 1, length = sizeof names,
             has = DFD_HOST_OFFERS | DFD_HOST_REPORTS | (inner ? DFD_HOST_INNER : 0);
    memcpy(bytes + DFD_SUBMISSION_TASK, &task, 4);
    memcpy(bytes + DFD_SUBMISSION_PROGRAM, &program, 8);
    memcpy(bytes + DFD_SUBMISSION_ARGC, &one, 4);
    memcpy(bytes + DFD_SUBMISSION_HOST, &has, 4);
    memcpy(bytes + DFD_SUBMISSION_MEMORY_LIMIT, &memory, 8);
    memcpy(bytes + DFD_SUBMISSION_ARGS_LENGTH, &length, 4);
    memcpy(bytes + DFD_SUBMISSION_ARGS, names, sizeof names);
    memcpy(bytes + DFD_SUBMISSION_CALLS_AT_ONCE, &at_once, 4);
    memcpy(bytes + DFD_SUBMISSION_CALLS, &calls_most, 8);
    double handle = dfd_submit(pool, bytes, sizeof bytes);
    CHECK(handle > 0, "%f", handle);
    return handle;
}

/* Answers a call with an int32, and gives back `room` bytes. */
static int32_t answer(double task, uint32_t type, uint32_t number, int32_t value, double room) {
    _Alignas(8) uint8_t bytes[DFD_MESSAGE_VALUE + 5] = {0};
    memcpy(bytes + DFD_MESSAGE_TYPE, &type, 4);
    memcpy(bytes + DFD_MESSAGE_NUMBER, &number, 4);
    memcpy(bytes + DFD_MESSAGE_ROOM, &room, 8);
    bytes[DFD_MESSAGE_VALUE] = WIRE_INT;
    memcpy(bytes + DFD_MESSAGE_VALUE + 1, &value, 4);
    return dfd_post(pool, task, bytes, type == DFD_ANSWER_NONE ? DFD_MESSAGE_VALUE : sizeof bytes);
}

static uint32_t number_of(const HostRecord *event) { return host_u32(event->head + 4); }
static uint32_t function_of(const HostRecord *event) { return host_u32(event->head + 8); }

TEST("a call comes with its number, its answer settles it, on whichever thread") {
    enum { TASKS = 40, CALLS = 50 };
    open_pool(3);
    double program = compile("(async (host) => { let sum = 0; for (let i = 0; i < 50; i++) "
                             "sum += await (i % 2 ? host.f(i) : host.g.h(i)); return sum; })");
    double handles[TASKS];
    int calls[TASKS] = {0}, ended = 0;
    for (uint32_t i = 0; i < TASKS; i++) handles[i] = submit_offered(program, i, 0);
    while (ended < TASKS) {
        HostRecord record = next();
        uint32_t task = record.task;
        if (record.kind != DFD_KIND_EVENT) {
            CHECK(record.status == DFD_STATUS_OK && integer(&record) == CALLS * 3, "%u %d",
                  record.status, integer(&record));
            ended++;
            continue;
        }
        CHECK(function_of(&record) == (calls[task] % 2 ? 0 : 1));
        calls[task]++;
        CHECK(answer(handles[task], DFD_ANSWER_RETURNED, number_of(&record), 3, record.length) ==
              0);
    }
    for (int i = 0; i < TASKS; i++) CHECK(calls[i] == CALLS);
    CHECK(answer(handles[0], DFD_ANSWER_RETURNED, 0, 1, 0) == DFD_E_HANDLE);
    CHECK(answer(1e9, DFD_ANSWER_RETURNED, 0, 1, 0) == DFD_E_HANDLE);
    close_pool();
}

/* Adds up the lines of a task: those that came, and those that are said to be dropped. */
static void count_lines(uint32_t *came, uint32_t *dropped, uint32_t *bytes) {
    *came = *dropped = *bytes = 0;
    HostRecord record;
    while ((record = next()).kind == DFD_KIND_EVENT) {
        CHECK(host_u32(record.head + DFD_EVENT_TYPE) == DFD_EVENT_TYPE_LINE);
        *dropped += host_u32(record.head + DFD_EVENT_DROPPED);
        if (record.length == DFD_EVENT_VALUE) continue;
        *bytes += record.length;
        ++*came;
    }
    CHECK(record.status == DFD_STATUS_OK && integer(&record) == 7);
}

TEST("lines beyond those that the host may leave unread are counted, and the end says how many") {
    open_pool(1);
    double program = compile("((n) => { for (let i = 0; i < n; i++) console.log(i); return 7; })");
    uint32_t came, dropped, bytes;
    submit(program, 1, 20000, 0);
    count_lines(&came, &dropped, &bytes); /* says nothing of what it read */
    CHECK(came + dropped == 20000 && dropped > 0, "%u came, %u were dropped", came, dropped);
    CHECK(bytes >= DFD_LIMIT_UNREAD_MAX && bytes < DFD_LIMIT_UNREAD_MAX + 100, "%u", bytes);
    submit(program, 2, 3, 0);
    count_lines(&came, &dropped, &bytes);
    CHECK(came == 3 && dropped == 0);
    close_pool();
}

TEST("answers that nobody waits for, malformed ones and those of no call harm nobody") {
    static uint8_t malformed[DFD_MESSAGE_VALUE + 3] = {DFD_ANSWER_RETURNED};
    open_pool(1);
    double program = compile("(async (host) => { let said = 0; try { await host.f(); } catch (e) {"
                             " said = e.name === 'DataCloneError' ? 7 : 8; }"
                             " try { await host.f(); } catch (e) { said += e; }"
                             " host.f(); return said; })");
    double handle = submit_offered(program, 5, 0);
    HostRecord record = next();
    CHECK(record.kind == DFD_KIND_EVENT && record.task == 5);
    for (uint32_t i = 0; i < 20; i++)
        if (i != number_of(&record))
            CHECK(answer(handle, DFD_ANSWER_RETURNED, i * 77777777, 1, 0) == 0);
    CHECK(answer(handle, 99, number_of(&record), 1, 0) == 0);
    CHECK(dfd_post(pool, handle, malformed, DFD_MESSAGE_VALUE - 1) == DFD_E_INVALID);
    malformed[DFD_MESSAGE_NUMBER] = (uint8_t)number_of(&record);
    malformed[DFD_MESSAGE_VALUE] = 0x7f; /* no tag */
    CHECK(dfd_post(pool, handle, malformed, sizeof malformed) == 0);
    record = next();
    CHECK(record.kind == DFD_KIND_EVENT);
    CHECK(answer(handle, DFD_ANSWER_THREW, number_of(&record), 30, 0) == 0);
    record = next();
    CHECK(record.kind == DFD_KIND_EVENT, "the call that it does not wait for");
    record = next();
    CHECK(record.kind != DFD_KIND_EVENT && record.status == DFD_STATUS_OK && integer(&record) == 37,
          "%u %d", record.status, integer(&record));
    close_pool();
}

TEST(
    "what a host does not read is bounded: the rest waits in the realm, in its order, to the end") {
    enum { CALLS = 30000 };
    open_pool(1);
    double program = compile("((host) => { for (let i = 0; i < 30000; i++) host.f(i, 'some text');"
                             "return 5; })");
    double handle = submit_offered(program, 1, 0);
    until_waiting(1);
    int calls = 0;
    double read = 0, unread = 0;
    for (;;) {
        HostRecord record = next();
        if (record.kind != DFD_KIND_EVENT) {
            CHECK(record.status == DFD_STATUS_OK && integer(&record) == 5, "%u", record.status);
            break;
        }
        calls++;
        read += record.length;
        unread += record.length;
        /* All that was sent was read: more comes only for what is given back. */
        if (!atomic_load(&control[DFD_CONTROL_OVERFLOW]) && unread > DFD_LIMIT_UNREAD_MAX / 2) {
            CHECK(unread <= DFD_LIMIT_UNREAD_MAX + 100, "%f bytes at once", unread);
            int32_t given = answer(handle, DFD_ANSWER_NONE, 0, 0, unread);
            CHECK(given == 0 || given == DFD_E_HANDLE); /* when all was sent it has ended */
            unread = 0;
        }
    }
    CHECK(calls == CALLS && read > 2 * DFD_LIMIT_UNREAD_MAX, "%d calls, %f bytes", calls, read);
    double bomb = compile("((host) => { for (;;) host.f('some text'); })");
    submit_offered(bomb, 2, 8 << 20);
    HostRecord record = next_end();
    CHECK(record.status == DFD_STATUS_MEMORY, "%u", record.status);
    close_pool();
}

TEST(
    "calls beyond those that may be without an answer wait in the task, also when it has settled") {
    enum { CALLS = 50, AT_ONCE = 3 };
    open_pool(1);
    double program = compile("((host) => { for (let i = 0; i < 50; i++) host.f(i); return 5; })");
    at_once = AT_ONCE;
    double handle = submit_offered(program, 1, 0);
    uint32_t numbers[CALLS];
    int came = 0;
    for (int answered = 0; answered < CALLS; answered++) {
        while (came < CALLS && came < answered + AT_ONCE) {
            HostRecord record = next();
            REQUIRE(record.kind == DFD_KIND_EVENT);
            numbers[came++] = number_of(&record);
        }
        if (came == CALLS) break; /* all was sent: it ends */
        until_waiting(1);
        HostRecord none;
        CHECK(!host_read(pool, &none), "a call too many");
        CHECK(answer(handle, DFD_ANSWER_RETURNED, numbers[answered], 1, 50) == 0);
    }
    CHECK(came == CALLS);
    HostRecord record = next();
    CHECK(record.kind != DFD_KIND_EVENT && integer(&record) == 5, "%u", record.status);
    at_once = UINT32_MAX;
    close_pool();
}

TEST("a flood of calls beyond their number is stopped in the task") {
    open_pool(1);
    double program =
        compile("(async (host) => { let n = 0; for (let i = 0; i < 50; i++)"
                "try { await host.f(i); } catch (e) {"
                "n += e.name === 'QuotaExceededError' && e.message.includes('total'); }"
                "return n; })");
    calls_most = 7;
    double handle = submit_offered(program, 1, 0);
    for (int i = 0; i < 7; i++) {
        HostRecord record = next();
        CHECK(record.kind == DFD_KIND_EVENT);
        CHECK(answer(handle, DFD_ANSWER_RETURNED, number_of(&record), 1, 0) == 0);
    }
    HostRecord record = next();
    CHECK(record.kind != DFD_KIND_EVENT && integer(&record) == 43, "%u %d", record.status,
          integer(&record));
    calls_most = 0;
    close_pool();
}

TEST("a mailbox takes no more than the task's memory limit") {
    open_pool(1);
    static uint8_t large[700000] = {DFD_ANSWER_NONE};
    double program = compile("((host) => { host.f(); for (;;); })");
    double handle = submit_offered(program, 1, 1 << 20);
    CHECK(next().kind == DFD_KIND_EVENT);
    CHECK(dfd_post(pool, handle, large, sizeof large) == 0);
    CHECK(dfd_post(pool, handle, large, sizeof large) == DFD_E_FULL);
    CHECK(dfd_cancel(pool, handle) == 1);
    CHECK(next().status == DFD_STATUS_CANCELLED);
    close_pool();
}

/* Runs so many tasks at once, round after round, answers their calls, and cancels one at random at
 * one in so many records. */
static void run_and_kill(double program, uint32_t tasks, int rounds, uint32_t one_in) {
    double handles[30];
    REQUIRE(tasks <= sizeof handles / sizeof *handles);
    for (int round = 0; round < rounds; round++) {
        uint32_t ends = 0;
        for (uint32_t i = 0; i < tasks; i++) handles[i] = submit_offered(program, i, 0);
        while (ends < tasks) {
            HostRecord record = next();
            ends += record.kind != DFD_KIND_EVENT;
            if (record.kind == DFD_KIND_EVENT)
                answer(handles[record.task], DFD_ANSWER_RETURNED, number_of(&record), 1,
                       record.length);
            if (random_number(one_in) == 0) dfd_cancel(pool, handles[random_number(tasks)]);
        }
    }
}

TEST("tasks that call, and are killed at any time, leave no lock held and nothing lost") {
    open_pool(3);
    double program = compile("(async (host) => { for (let i = 0; i < 300; i++) {"
                             "host.g.h('x'.repeat(i * 100)); await host.f(i); } })");
    run_and_kill(program, 30, 20, 4);
    submit_offered(compile("((host) => 1)"), 9, 0);
    CHECK(next().status == DFD_STATUS_OK);
    close_pool();
}

TEST("a message for which there is no memory ends its task with the reason, and no other") {
    open_pool(1);
    double program = compile("((host) => { for (let i = 0; i < 20; i++) host.f('x'.repeat(i * "
                             "1000)); return 3; })");
    int struck = 0;
    for (int kind = 0; kind < 2; kind++) {
        for (int nth = 1; nth < 25; nth++) {
            fault_arm(kind ? FAULT_realloc : FAULT_malloc, nth + 1, 0); /* after the task's own */
            submit_offered(program, 1, 0);
            HostRecord record = next_end();
            struck += record.status == DFD_STATUS_RESOURCES;
            bool right = record.status == DFD_STATUS_OK && integer(&record) == 3;
            CHECK(right || record.status == DFD_STATUS_RESOURCES, "%u", record.status);
            fault_arm(FAULT_malloc, 0, 0);
        }
    }
    CHECK(struck >= 20, "%d", struck);
    submit_offered(program, 1, 0);
    HostRecord record = next_end();
    CHECK(record.status == DFD_STATUS_OK && integer(&record) == 3);
    close_pool();
}

/* --- calls whose answer the thread waits for ------------------------------------------------ */

TEST("a task that waits for an answer on its thread has it, whatever comes before") {
    enum { CALLS = 2000 };
    open_pool(1);
    waits_for_f = true;
    double program = compile("((host) => { let n = 0; for (let i = 0; i < 2000; i++) {"
                             "host.g.h(i); n += host.f(i); } return n; })");
    double handle = submit_offered(program, 1, 0);
    HostRecord record;
    int calls = 0;
    while ((record = next()).kind == DFD_KIND_EVENT) {
        CHECK(counter(DFD_CONTROL_WAITING) == 0 && function_of(&record) == (calls++ % 2 ? 0 : 1));
        if (random_number(8) == 0) usleep(200);
        CHECK(answer(handle, DFD_ANSWER_RETURNED, number_of(&record), 2, record.length) == 0);
    }
    CHECK(calls == 2 * CALLS && integer(&record) == 2 * CALLS, "%d %d", calls, integer(&record));
    waits_for_f = false;
    close_pool();
}

TEST("where all threads wait for answers, inner tasks have others, which leave again") {
    enum { DEEP = 6 };
    open_pool(2);
    waits_for_f = true;
    double program = compile("((host) => host.f() + 1)");
    double handles[DEEP];
    uint32_t numbers[DEEP];
    for (uint32_t i = 0; i < DEEP; i++) {
        inner = i > 0;
        handles[i] = submit_offered(program, i, 0);
        HostRecord record = next();
        REQUIRE(record.kind == DFD_KIND_EVENT && record.task == i);
        numbers[i] = number_of(&record);
    }
    CHECK(counter(DFD_CONTROL_THREADS) == DEEP, "%u", counter(DFD_CONTROL_THREADS));
    for (int i = DEEP - 1; i >= 0; i--) {
        CHECK(answer(handles[i], DFD_ANSWER_RETURNED, numbers[i], i, 0) == 0);
        HostRecord record = next();
        CHECK(record.kind != DFD_KIND_EVENT && integer(&record) == i + 1);
    }
    while (counter(DFD_CONTROL_THREADS) > 2) usleep(1000);
    inner = waits_for_f = false;
    close_pool();
}

TEST("tasks that wait on their threads, and are killed at any time, leave nothing behind") {
    open_pool(3);
    waits_for_f = true;
    double program = compile("((host) => { for (let i = 0; i < 40; i++) { host.g.h('x'.repeat(i * "
                             "500)); host.f(i); } })");
    run_and_kill(program, 12, 30, 6);
    submit_offered(program, 0, 0);
    CHECK(next().kind == DFD_KIND_EVENT);
    waits_for_f = false;
    close_pool(); /* while it waits */
}

/* --- buffers that move with calls and answers ------------------------------------------------ */

enum { LENT_BYTES = 100000 };

/* Answers a call by a Uint8Array over memory that is lent as the region of that number, under 128.
 */
static int32_t answer_lent(double task, uint32_t number, uint8_t region, uint8_t *memory) {
    const uint8_t value[] = {WIRE_VIEW, WIRE_VIEW_Uint8Array, WIRE_LENT, region, 0, 0, 0xa0, 0x8d,
                             0x06}; /* 100,000 */
    enum { TABLE = DFD_MESSAGE_VALUE + (sizeof value + 7) / 8 * 8 };
    _Alignas(8) uint8_t bytes[TABLE + DFD_REGION_SIZE] = {DFD_ANSWER_RETURNED};
    uint32_t length = sizeof value, one = 1;
    double address = (double)(uintptr_t)memory, size = LENT_BYTES, room = 7e6;
    memcpy(bytes + DFD_MESSAGE_ROOM, &room, 8);
    memcpy(bytes + DFD_MESSAGE_NUMBER, &number, 4);
    memcpy(bytes + DFD_MESSAGE_LENGTH, &length, 4);
    memcpy(bytes + DFD_MESSAGE_REGIONS, &one, 4);
    memcpy(bytes + DFD_MESSAGE_VALUE, value, sizeof value);
    memcpy(bytes + TABLE + DFD_REGION_ADDRESS, &address, 8);
    memcpy(bytes + TABLE + DFD_REGION_LENGTH, &size, 8);
    CHECK(dfd_post(pool, task, bytes, sizeof bytes - 1) == DFD_E_INVALID);
    return dfd_post(pool, task, bytes, sizeof bytes);
}

static bool type_is_call(const HostRecord *event) {
    return host_u32(event->head + DFD_EVENT_TYPE) == DFD_EVENT_TYPE_CALL;
}

static bool is_freed(const HostRecord *record, uint32_t region) {
    return record->kind == DFD_KIND_EVENT &&
           host_u32(record->head + DFD_EVENT_TYPE) == DFD_EVENT_TYPE_FREED &&
           host_u32(record->head + DFD_EVENT_REGION) == region;
}

TEST("a buffer that a call transfers leaves the realm with it, and one that waits goes with it") {
    open_pool(1);
    double program = compile(
        "(async (host) => { let n = 0; const b = Array.from({ length: 6 }, (_, i) =>"
        "new Uint8Array(i < 5 ? 6e6 : 100)); const all = b.map((x) => x.buffer);"
        "try { await host.f.with({ transfer: [...all, all[0]] })(b) } catch { n += b[0].length }"
        "await host.f.with({ transfer: all })(b); for (const x of b) n += x.length; return n })");
    double handle = submit_offered(program, 1, 0);
    HostRecord record = next();
    CHECK(record.kind == DFD_KIND_EVENT && record.moved == 5, "%u", record.moved);
    CHECK(answer(handle, DFD_ANSWER_RETURNED, number_of(&record), 3, record.length) == 0);
    record = next();
    CHECK(record.status == DFD_STATUS_OK && integer(&record) == 6000000, "%d", integer(&record));

    double flood = compile("((host) => { for (;;) { const b = new Uint8Array(6e6);"
                           "host.f.with({ transfer: [b.buffer] })(b) } })");
    submit_offered(flood, 2, 64 << 20);
    int moved = 0;
    while ((record = next()).kind == DFD_KIND_EVENT) moved += (int)record.moved;
    CHECK(moved == 1 && record.status == DFD_STATUS_MEMORY, "%d %u", moved, record.status);
    close_pool();
}

TEST("memory that an answer lends is used in place, and told of when it is used no more") {
    static uint8_t memory[4][LENT_BYTES];
    open_pool(2);
    double program = compile(
        "(async (host) => { let n = 0; let b = await host.f(); n += b.length; b[7] = 7;"
        "b = await host.f(); b[7] = 8; await host.f.with({ transfer: [b.buffer] })(b);"
        "b = await host.f(); b.buffer.transfer(5); const kept = await host.f(); kept[7] = 9;"
        "host.f(); await 0; return n; })");
    double handle = submit_offered(program, 1, 0);
    HostRecord record = next();
    CHECK(answer_lent(handle, number_of(&record), 0, memory[0]) == 0);
    record = next();
    CHECK(memory[0][7] == 7);
    CHECK(answer_lent(handle, number_of(&record), 1, memory[1]) == 0);
    record = next();
    CHECK(is_freed(&record, 0));
    record = next(); /* the call that gives it back */
    CHECK(memory[1][7] == 8 && record.moved == 0 && type_is_call(&record));
    uint32_t call = number_of(&record);
    record = next();
    CHECK(is_freed(&record, 1));
    CHECK(answer(handle, DFD_ANSWER_RETURNED, call, 3, 0) == 0);
    record = next();
    CHECK(answer_lent(handle, number_of(&record), 2, memory[1]) == 0);
    record = next();
    CHECK(is_freed(&record, 2));
    record = next();
    call = number_of(&record);
    CHECK(answer_lent(handle, 77, 3, memory[2]) == 0); /* of no call */
    record = next();
    CHECK(is_freed(&record, 3));
    CHECK(answer_lent(handle, call, 4, memory[3]) == 0);
    record = next_end();
    CHECK(record.status == DFD_STATUS_OK && integer(&record) == LENT_BYTES, "%u", record.status);
    CHECK(memory[3][7] == 9);
    close_pool();
}

TEST("tasks that transfer, and are killed at any time, leave nothing behind") {
    enum { TASKS = 8, ROUNDS = 12 };
    static uint8_t memory[LENT_BYTES];
    open_pool(2);
    double program = compile("(async (host) => { for (let i = 0; i < 40; i++) {"
                             "const b = new Uint8Array(i % 2 ? 6e6 : 70000);"
                             "host.g.h.with({ transfer: [b.buffer] })(b); await host.f(); } })");
    for (int round = 0; round < ROUNDS; round++) {
        double handles[TASKS];
        uint8_t lent[TASKS] = {0};
        int ends = 0;
        for (uint32_t i = 0; i < TASKS; i++) handles[i] = submit_offered(program, i, 0);
        while (ends < TASKS) {
            HostRecord record = next();
            ends += record.kind != DFD_KIND_EVENT;
            if (record.kind == DFD_KIND_EVENT && type_is_call(&record))
                answer_lent(handles[record.task], number_of(&record), lent[record.task]++, memory);
            if (random_number(4) == 0) dfd_cancel(pool, handles[random_number(TASKS)]);
        }
    }
    submit_offered(compile("((host) => 1)"), 9, 0);
    CHECK(next().status == DFD_STATUS_OK);
    close_pool();
}

/* --- progress ------------------------------------------------------------------------------ */

static uint32_t type_of(const HostRecord *event) { return host_u32(event->head + DFD_EVENT_TYPE); }

/* Reads a task's events to its end: of each the first letter of its type, into `types`. */
static HostRecord read_types(char *types, size_t size) {
    HostRecord record;
    size_t count = 0;
    while ((record = next()).kind == DFD_KIND_EVENT) {
        CHECK(count + 1 < size);
        if (count + 1 < size) types[count++] = "?CLP"[type_of(&record)];
    }
    types[count] = 0;
    return record;
}

/* A report is as long as its number says: that tells which one it is. */
#define REPORTS_LENGTHS "const say = (n) => host.report('x'.repeat(n));"
#define LENGTH_OF(record) ((record).length - DFD_EVENT_VALUE - 2) /* of a string under 128 */

TEST("of reports that the host does not read the first is there, and the last before the end") {
    open_pool(1);
    double program = compile("((host) => { " REPORTS_LENGTHS " for (let i = 0; i < 50000; i++) "
                             "say(i % 100); say(101); return 7; })");
    submit_offered(program, 1, 0);
    HostRecord record, first = {0}, last = {0};
    int reports = 0;
    while ((record = next()).kind == DFD_KIND_EVENT) {
        CHECK(type_of(&record) == DFD_EVENT_TYPE_PROGRESS);
        if (!reports++) first = record;
        last = record;
    }
    CHECK(reports == 2, "%d", reports);
    CHECK(LENGTH_OF(first) == 0 && LENGTH_OF(last) == 101, "%u, %u", LENGTH_OF(first),
          LENGTH_OF(last));
    CHECK(integer(&record) == 7);
    close_pool();
}

TEST("a host that has read a report gets the latest, also of a task that waits") {
    open_pool(1);
    double program = compile("(async (host) => { " REPORTS_LENGTHS " say(1); say(2); say(3);"
                             "await new Promise((r) => setTimeout(r, 1e9)); })");
    double task = submit_offered(program, 1, 0);
    until_waiting(1);
    HostRecord record = next();
    CHECK(LENGTH_OF(record) == 1);
    HostRecord none;
    CHECK(!host_read(pool, &none));
    CHECK(dfd_reported(pool, task, record.length) == 0);
    record = next();
    CHECK(LENGTH_OF(record) == 3, "%u", LENGTH_OF(record));
    CHECK(dfd_reported(pool, task, 1000) == 0); /* more than there is: harmless */
    CHECK(!host_read(pool, &none));
    CHECK(dfd_cancel(pool, task) == 1);
    CHECK(next().status == DFD_STATUS_CANCELLED);
    CHECK(dfd_reported(pool, task, 1) == DFD_E_HANDLE);
    close_pool();
}

TEST("what waits when a task is ended comes before its end") {
    open_pool(1);
    double program = compile("((host) => { " REPORTS_LENGTHS " say(1); say(2); host.f(); say(3);"
                             "say(4); for (;;); })");
    double task = submit_offered(program, 1, 0);
    HostRecord record;
    do record = next();
    while (type_of(&record) != DFD_EVENT_TYPE_CALL);
    usleep(2000);
    CHECK(dfd_cancel(pool, task) == 1);
    while ((record = next()).kind == DFD_KIND_EVENT) CHECK(LENGTH_OF(record) >= 3);
    CHECK(record.status == DFD_STATUS_CANCELLED);
    close_pool();
}

TEST("reports, lines and calls keep their order") {
    open_pool(1);
    char types[40];
    double program = compile("((host) => { const { report, f } = host; report(1); f(); report(2);"
                             "console.log('x'); console.log('y'); report(3); report(4); f(); f();"
                             "report(5); return 7; })");
    submit_offered(program, 1, 0);
    HostRecord end = read_types(types, sizeof types);
    CHECK(!strcmp(types, "PCPLLPCCP"), "%s", types);
    CHECK(end.status == DFD_STATUS_OK && integer(&end) == 7);
    close_pool();
}

TEST("reports among calls for which there is no room wait with them, and only the last of them") {
    open_pool(1);
    double program = compile("((host) => { const big = 'x'.repeat(100000);"
                             "for (let i = 0; i < 20; i++) { host.f(big); for (let j = 0; j < 1000;"
                             "j++) host.report(j); } return 7; })");
    double task = submit_offered(program, 1, 4 << 20);
    until_waiting(1);
    int calls = 0, reports = 0;
    bool told = false; /* a report came since the last call */
    HostRecord record;
    while ((record = next()).kind == DFD_KIND_EVENT) {
        if (type_of(&record) == DFD_EVENT_TYPE_PROGRESS) {
            CHECK(!told || calls < 4, "two between the calls %d and %d", calls, calls + 1);
            told = true;
            reports++;
            dfd_reported(pool, task, record.length);
            continue;
        }
        CHECK(told || !calls, "none before call %d", calls);
        told = false;
        calls++;
        int32_t given = answer(task, DFD_ANSWER_NONE, 0, 0, record.length);
        CHECK(given == 0 || given == DFD_E_HANDLE);
    }
    CHECK(record.status == DFD_STATUS_OK && calls == 20 && told, "%u, %d", record.status, calls);
    CHECK(reports >= 20 && reports < 30, "%d", reports);
    close_pool();
}

TEST("what a host leaves unread of reports is bounded, whatever the task says in between") {
    open_pool(1);
    double program = compile("((host) => { const big = 'x'.repeat(50000); for (let i = 0; i < 1000;"
                             "i++) { host.report(big); console.log(i); } host.report(1); return 7;"
                             "})");
    submit_offered(program, 1, 0);
    HostRecord record, last = {0};
    double bytes = 0;
    int lines = 0;
    while ((record = next()).kind == DFD_KIND_EVENT) {
        if (type_of(&record) == DFD_EVENT_TYPE_LINE) {
            lines++;
            continue;
        }
        bytes += record.length;
        last = record;
    }
    CHECK(lines == 1000 && bytes < DFD_LIMIT_UNREAD_MAX + 60000, "%f", bytes);
    CHECK(last.length == DFD_EVENT_VALUE + 1, "the last of them: %u", last.length);
    close_pool();
}

TEST("a flood of reports that are read only goes up, to the last, and no memory grows") {
    enum { TASKS = 3, REPORTS = 200000 };
    open_pool(TASKS);
    double program = compile("((host) => { for (let i = 0; i < 200000; i++) host.report(i + 1000);"
                             "return 7; })");
    long blocks = fault_blocks(), most = 0;
    double handles[TASKS];
    int32_t latest[TASKS] = {0};
    int ends = 0, events = 0;
    for (uint32_t i = 0; i < TASKS; i++) handles[i] = submit_offered(program, i, 0);
    while (ends < TASKS) {
        HostRecord record = next();
        long now = fault_blocks();
        if (now > most) most = now;
        if (record.kind != DFD_KIND_EVENT) {
            CHECK(record.status == DFD_STATUS_OK && integer(&record) == 7);
            CHECK(latest[record.task] == REPORTS - 1 + 1000, "%d", latest[record.task]);
            ends++;
            continue;
        }
        int32_t value;
        REQUIRE(record.length == DFD_EVENT_VALUE + 5);
        events++;
        memcpy(&value, record.head + DFD_EVENT_VALUE + 1, 4);
        CHECK(value > latest[record.task], "%d after %d", value, latest[record.task]);
        latest[record.task] = value;
        dfd_reported(pool, handles[record.task], record.length);
    }
    CHECK(events >= 2 * TASKS);
    CHECK(most < blocks + 200, "%ld blocks, then %ld", blocks, most);
    close_pool();
}

TEST("tasks that report, and are killed at any time, leave no lock held and nothing lost") {
    enum { TASKS = 30, ROUNDS = 20 };
    open_pool(3);
    double program = compile("(async (host) => { for (let i = 0; i < 300; i++) {"
                             "host.report('x'.repeat(i * 100)); console.log(i); host.report(i);"
                             "if (i % 50 == 0) await new Promise((r) => setTimeout(r)); } })");
    for (int round = 0; round < ROUNDS; round++) {
        double handles[TASKS];
        int ends = 0;
        for (uint32_t i = 0; i < TASKS; i++) handles[i] = submit_offered(program, i, 0);
        while (ends < TASKS) {
            HostRecord record = next();
            ends += record.kind != DFD_KIND_EVENT;
            if (record.kind == DFD_KIND_EVENT && type_of(&record) == DFD_EVENT_TYPE_PROGRESS &&
                random_number(3))
                dfd_reported(pool, handles[record.task], record.length);
            if (random_number(4) == 0) dfd_cancel(pool, handles[random_number(TASKS)]);
        }
    }
    submit_offered(compile("((host) => 1)"), 9, 0);
    CHECK(next().status == DFD_STATUS_OK);
    close_pool();
}

TEST("a report for which there is no memory ends its task with the reason, or comes later") {
    open_pool(1);
    double program =
        compile("((host) => { for (let i = 0; i < 20; i++) { host.report('x'.repeat(i *"
                "1500)); if (i % 3 == 0) console.log(i); } return 3; })");
    int struck = 0;
    for (int kind = 0; kind < 2; kind++) {
        for (int nth = 1; nth < 40; nth++) {
            fault_arm(kind ? FAULT_realloc : FAULT_malloc, nth + 1, 0); /* after the task's own */
            double task = submit_offered(program, 1, 0);
            HostRecord record;
            while ((record = next()).kind == DFD_KIND_EVENT) {
                if (type_of(&record) != DFD_EVENT_TYPE_PROGRESS) continue;
                int32_t told = dfd_reported(pool, task, record.length);
                CHECK(told == 0 || told == DFD_E_HANDLE || told == DFD_E_MEMORY, "%d", told);
            }
            struck += record.status == DFD_STATUS_RESOURCES;
            bool right = record.status == DFD_STATUS_OK && integer(&record) == 3;
            CHECK(right || record.status == DFD_STATUS_RESOURCES, "%u", record.status);
            fault_arm(FAULT_malloc, 0, 0);
        }
    }
    CHECK(struck >= 10, "%d", struck);
    submit_offered(program, 1, 0);
    HostRecord record = next_end();
    CHECK(record.status == DFD_STATUS_OK && integer(&record) == 3);
    close_pool();
}
