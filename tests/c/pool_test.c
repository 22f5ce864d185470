/* pool_test.c - the library through its flat API, as a host uses it: compile, submit, read the
 * ring, cancel, close; several pools and threads at once. Run under TSan as well.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#define FAULT_NO_MACROS
#include "fault.h"

#include <math.h>

#include "check.h"
#include "clone.h"
#include "host.h"
#include "slots.h"

static _Atomic uint32_t *control_of(uint32_t pool) {
    return (_Atomic uint32_t *)(uintptr_t)dfd_pool_control(pool);
}

/* The host's ends of the pools' socket pairs, by the slot in the handle's low bits. */
static int fds[4096];

static void close_pool(uint32_t pool) {
    int *fd = &fds[pool % 4096];
    CHECK(dfd_pool_close(pool) == 0);
    if (*fd) close(*fd);
    *fd = 0;
}

static uint32_t open_pool(double threads) {
    int32_t opened = dfd_pool_open();
    CHECK(opened > 0);
    uint32_t pool = (uint32_t)opened;
    CHECK(dfd_pool_set(pool, DFD_OPTION_MAX_THREADS, threads) == 0);
    CHECK((fds[pool % 4096] = dfd_waker_fd(pool)) > 0);
    CHECK(dfd_waker_fd(pool) == DFD_E_SYSTEM); /* there is one already */
    return pool;
}

static double compile(uint32_t pool, const char *source) {
    uint8_t reply[4096];
    int32_t length = dfd_compile(pool, (const uint8_t *)source, (uint32_t)strlen(source), 1, reply,
                                 sizeof reply);
    return length < 8 ? 0 : host_f64(reply);
}

/* Submits a task with no argument, or with one int32. */
static double submit(uint32_t pool, double program, uint32_t task, const int32_t *argument) {
    _Alignas(8) uint8_t bytes[DFD_SUBMISSION_ARGS + 5] = {0};
    uint32_t argc = argument != NULL;
    memcpy(bytes + DFD_SUBMISSION_TASK, &task, 4);
    memcpy(bytes + DFD_SUBMISSION_PROGRAM, &program, 8);
    memcpy(bytes + DFD_SUBMISSION_ARGC, &argc, 4);
    uint32_t length = argument ? 5 : 0;
    memcpy(bytes + DFD_SUBMISSION_ARGS_LENGTH, &length, 4);
    bytes[DFD_SUBMISSION_ARGS] = WIRE_INT;
    if (argument) memcpy(bytes + DFD_SUBMISSION_ARGS + 1, argument, 4);
    return dfd_submit(pool, bytes, DFD_SUBMISSION_ARGS + length);
}

/* The next completion, waited for as a parked host does. */
static bool next(uint32_t pool, HostRecord *record) {
    for (;;) {
        _Atomic uint32_t *control = control_of(pool);
        if (host_read(pool, record)) {
            CHECK(record->lost == 0);
            return true;
        }
        if (atomic_load(&control[DFD_CONTROL_OVERFLOW]))
            dfd_refill(pool);
        else if (dfd_park(pool) == 0)
            host_wait(fds[pool % 4096]);
    }
}

/* An integer result. */
static int32_t integer(const HostRecord *record) {
    if (record->length == 1 && record->head[0] >= 0x80) return record->head[0] - 0x80;
    int32_t value = INT32_MIN;
    if (record->length == 5 && record->head[0] == WIRE_INT) memcpy(&value, record->head + 1, 4);
    return value;
}

TEST("a task runs and its result comes back") {
    uint32_t pool = open_pool(1);
    double program = compile(pool, "((n) => n * 2)");
    REQUIRE(program != 0);
    int32_t argument = 21;
    CHECK(submit(pool, program, 7, &argument) > 0);
    HostRecord record;
    REQUIRE(next(pool, &record));
    CHECK(record.task == 7 && record.status == DFD_STATUS_OK && record.worker == 1);
    CHECK(integer(&record) == 42);
    CHECK(record.run_ms >= 0 && record.wait_ms >= 0);
    CHECK(atomic_load(&control_of(pool)[DFD_CONTROL_THREADS]) == 1);
    close_pool(pool);
}

/* Every function that takes a pool, with a handle that is none. */
static void refuse_pool(uint32_t pool) {
    uint8_t bytes[DFD_SUBMISSION_ARGS] = {0}, reply[64];
    CHECK(dfd_pool_set(pool, DFD_OPTION_MAX_THREADS, 1) == DFD_E_HANDLE);
    CHECK(dfd_pool_control(pool) == 0);
    CHECK(dfd_compile(pool, bytes, 1, 0, reply, sizeof reply) == DFD_E_HANDLE);
    CHECK(dfd_preload(pool, 1, 1, reply, sizeof reply) == DFD_E_HANDLE);
    CHECK(dfd_module(pool, bytes, 1) == DFD_E_HANDLE);
    CHECK(dfd_load(pool, 1, reply, sizeof reply) == DFD_E_HANDLE);
    CHECK(dfd_share(pool, bytes, 1) == DFD_E_HANDLE);
    CHECK(dfd_program_free(pool, 1) == DFD_E_HANDLE);
    CHECK(dfd_ready(pool) == DFD_E_HANDLE);
    CHECK(dfd_submit(pool, bytes, sizeof bytes) == DFD_E_HANDLE);
    CHECK(dfd_cancel(pool, 1) == DFD_E_HANDLE);
    CHECK(dfd_heard(pool, 1, 1) == DFD_E_HANDLE);
    CHECK(dfd_reported(pool, 1, 1) == DFD_E_HANDLE);
    CHECK(dfd_park(pool) == DFD_E_HANDLE);
    CHECK(dfd_unpark(pool) == DFD_E_HANDLE);
    CHECK(dfd_refill(pool) == DFD_E_HANDLE);
    CHECK(dfd_release(pool, 1) == DFD_E_HANDLE);
    CHECK(dfd_keep(pool, 1) == DFD_E_HANDLE);
    CHECK(dfd_waker_fd(pool) == DFD_E_HANDLE);
    CHECK(dfd_unhardened(pool, reply, sizeof reply) == DFD_E_HANDLE);
    CHECK(dfd_pool_close(pool) == DFD_E_HANDLE);
}

static void *refuse_in_thread(void *pool) {
    refuse_pool(*(uint32_t *)pool);
    return NULL;
}

TEST("a handle of a pool that is stale, forged or another thread's is refused by each function") {
    uint32_t pool = open_pool(1), stale = open_pool(1);
    CHECK(submit(pool, compile(pool, "(() => 1)"), 1, NULL) == 1); /* so there is a task 1 */
    close_pool(stale);
    const uint32_t forged[] = {0, stale, pool ^ 0x40000000u, pool ^ 1u << 12, 4095, UINT32_MAX};
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) refuse_pool(forged[i]);
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, refuse_in_thread, &pool) == 0);
    pthread_join(thread, NULL);
    CHECK(dfd_ready(pool) == 0);
    close_pool(pool);
}

TEST("handles of programs, tasks and memory that are stale or forged are refused") {
    static const double forged[] = {0,     -1,     0.5, 2,        3,         1e6,
                                    1e300, 0x1p53, NAN, INFINITY, -INFINITY, 1 + 0x1p20};
    uint8_t reply[64];
    uint32_t pool = open_pool(1);
    double program = compile(pool, "(() => 1)"), freed = compile(pool, "(() => 1)");
    REQUIRE(program == 1 && freed == 2);
    CHECK(dfd_program_free(pool, freed) == 0);
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        /* 0 says that there is no program but a script, of which this is none. */
        CHECK(submit(pool, forged[i], 1, NULL) == (forged[i] ? DFD_E_HANDLE : DFD_E_INVALID));
        CHECK(dfd_preload(pool, forged[i], 1, reply, sizeof reply) == DFD_E_HANDLE);
        CHECK(dfd_program_free(pool, forged[i]) == DFD_E_HANDLE);
        CHECK(dfd_cancel(pool, forged[i]) == 0);
        CHECK(dfd_heard(pool, forged[i], 1) == DFD_E_HANDLE);
        CHECK(dfd_reported(pool, forged[i], 1) == DFD_E_HANDLE);
        CHECK(dfd_release(pool, forged[i]) == DFD_E_HANDLE);
        CHECK(dfd_keep(pool, forged[i]) == DFD_E_HANDLE);
    }
    HostRecord record;
    CHECK(submit(pool, program, 1, NULL) > 0);
    REQUIRE(next(pool, &record));
    CHECK(integer(&record) == 1);
    close_pool(pool);
}

/* Runs tasks one after the other, and cancels all of them when another one runs. */
static void cancel_what_ended(uint64_t first_use) {
    enum { COUNT = 5000 };
    static double ended[COUNT];
    slots_first_use = first_use;
    uint32_t pool = open_pool(1);
    double quick = compile(pool, "(() => 1)"), endless = compile(pool, "(() => { for (;;); })");
    HostRecord record;
    for (uint32_t i = 0; i < COUNT; i++) {
        CHECK((ended[i] = submit(pool, quick, i, NULL)) > 0);
        REQUIRE(next(pool, &record));
    }
    double running = submit(pool, endless, COUNT, NULL);
    double waiting = submit(pool, quick, COUNT + 1, NULL);
    while (atomic_load(&control_of(pool)[DFD_CONTROL_QUEUED]) != 1) usleep(100);
    for (uint32_t i = 0; i < COUNT; i++) CHECK(dfd_cancel(pool, ended[i]) == 0);
    CHECK(dfd_cancel(pool, running) == 1);
    REQUIRE(next(pool, &record));
    CHECK(record.task == COUNT && record.status == DFD_STATUS_CANCELLED);
    REQUIRE(next(pool, &record));
    CHECK(record.task == COUNT + 1 && record.status == DFD_STATUS_OK && waiting > 0);
    close_pool(pool);
    slots_first_use = 0;
}

TEST("cancelling a task that ended never ends another one") {
    cancel_what_ended(0);
    cancel_what_ended(((uint64_t)1 << 33) - 100); /* slots that are soon used up */
}

TEST("there can be 4,095 pools, and the next one is told so") {
    static uint32_t pools[4096];
    int count = 0;
    int32_t opened;
    while ((opened = dfd_pool_open()) > 0 && count < 4096) pools[count++] = (uint32_t)opened;
    CHECK(opened == DFD_E_FULL && count == 4095, "%d pools, then %d", count, opened);
    for (int i = 0; i < count; i++) CHECK(dfd_pool_close(pools[i]) == 0);
}

TEST("a function for which the pool's memory limit is too small is told apart from no memory") {
    uint32_t pool = open_pool(1);
    CHECK(dfd_pool_set(pool, DFD_OPTION_MEMORY_LIMIT, 1 << 20) == 0);
    size_t length = 300000, at = 0;
    char *source = malloc(length + 64);
    REQUIRE(source != NULL);
    at += (size_t)sprintf(source, "(() => [");
    while (at < length) at += (size_t)sprintf(source + at, "{ a: %zu },", at);
    at += (size_t)sprintf(source + at, "])");
    uint8_t reply[4096];
    CHECK(dfd_compile(pool, (uint8_t *)source, (uint32_t)at, 1, reply, sizeof reply) ==
          DFD_E_REALM);
    CHECK(compile(pool, "(() => 1)") > 0);
    free(source);
    close_pool(pool);
}

TEST("a short text that takes long to compile is kept to the limit as well") {
    static const char *const properties[] = {"\\p{RGI_Emoji}", "\\P{L}"};
    for (int i = 0; i < 2; i++) {
        uint32_t pool = open_pool(1);
        CHECK(dfd_pool_set(pool, DFD_OPTION_COMPILE_LIMIT, 0.001) == 0);
        char source[8000];
        size_t at = (size_t)sprintf(source, "(() => /");
        while (at < 7900) at += (size_t)sprintf(source + at, "%s", properties[i]);
        at += (size_t)sprintf(source + at, "/v)");
        uint8_t reply[4096];
        CHECK(dfd_compile(pool, (uint8_t *)source, (uint32_t)at, 1, reply, sizeof reply) ==
              DFD_E_SLOW);
        CHECK(compile(pool, "(() => 1)") > 0);
        close_pool(pool);
    }
}

static atomic_bool held, let_go;

/* Holds the second worker where it makes its classes. */
static void hold_second(const char *where, uint32_t worker) {
    if (worker != 2 || strcmp(where, "classes") != 0) return;
    atomic_store(&held, true);
    while (!atomic_load(&let_go)) usleep(100);
}

static int32_t preload(uint32_t pool, const char *source, double limit, uint8_t reply[4096]);

TEST("a task does not wait for a thread that makes its classes beside one that is idle") {
    uint8_t reply[4096];
    uint32_t pool = open_pool(2);
    CHECK(preload(pool, "(() => [])", 1e6, reply) == 0);
    double endless = compile(pool, "(() => { for (;;); })"), quick = compile(pool, "(() => 1)");
    fault_hold = hold_second;
    HostRecord record;
    double first = submit(pool, endless, 1, NULL);
    while (atomic_load(&control_of(pool)[DFD_CONTROL_RUNNING]) != 1) usleep(100);
    CHECK(submit(pool, quick, 2, NULL) > 0); /* for which the second one is started */
    while (!atomic_load(&held)) usleep(100);
    CHECK(dfd_cancel(pool, first) == 1);
    REQUIRE(next(pool, &record) && next(pool, &record));
    CHECK(record.task == 2 && record.worker == 1);
    for (uint32_t i = 0; i < 20; i++) {
        usleep(i * 500); /* so that the first one sleeps, or is about to */
        CHECK(submit(pool, quick, 3 + i, NULL) > 0);
        REQUIRE(next(pool, &record));
        CHECK(record.status == DFD_STATUS_OK && record.worker == 1);
    }
    atomic_store(&let_go, true);
    close_pool(pool);
    while (dfd_stragglers()) usleep(100);
    fault_hold = NULL;
}

TEST("malformed submissions and options are refused") {
    uint32_t pool = open_pool(1);
    double program = compile(pool, "(() => 1)");
    uint8_t bytes[DFD_SUBMISSION_ARGS] = {0};
    memcpy(bytes + DFD_SUBMISSION_PROGRAM, &program, 8);
    CHECK(dfd_submit(pool, bytes, DFD_SUBMISSION_ARGS - 1) == DFD_E_INVALID);
    uint32_t argc = 1;
    memcpy(bytes + DFD_SUBMISSION_ARGC, &argc, 4);
    CHECK(dfd_submit(pool, bytes, DFD_SUBMISSION_ARGS) == DFD_E_INVALID);
    CHECK(dfd_pool_set(pool, DFD_OPTION_MAX_THREADS, 0) == DFD_E_INVALID);
    CHECK(dfd_pool_set(pool, DFD_OPTION_MAX_THREADS, -1) == DFD_E_INVALID);
    CHECK(dfd_pool_set(pool, DFD_OPTION_MEMORY_LIMIT, 10) == DFD_E_INVALID);
    CHECK(dfd_pool_set(pool, DFD_OPTION_COUNT, 1) == DFD_E_INVALID);
    CHECK(dfd_pool_set(pool, DFD_OPTION_MAX_THREADS, 1) == DFD_E_INVALID, "a worker has started");
    CHECK(dfd_share(pool, bytes, 0) == DFD_E_INVALID && dfd_share(pool, NULL, 1) == DFD_E_INVALID);
    close_pool(pool);
}

TEST("where no thread can be had that watches, none is started that works") {
    uint32_t pool = open_pool(1);
    _Alignas(8) uint8_t bytes[DFD_SUBMISSION_ARGS] = {0};
    double timeout = 1;
    HostRecord record;
    fault_arm(FAULT_pthread_create, 1, 0);
    double endless = compile(pool, "(() => { for (;;); })");
    CHECK(fault_struck() && endless > 0);
    REQUIRE(atomic_load(&control_of(pool)[DFD_CONTROL_THREADS]) == 0, "a worker has started");
    memcpy(bytes + DFD_SUBMISSION_PROGRAM, &endless, 8);
    memcpy(bytes + DFD_SUBMISSION_TIMEOUT, &timeout, 8);
    fault_arm(FAULT_pthread_create, 1, 0);
    REQUIRE(dfd_submit(pool, bytes, sizeof bytes) == DFD_E_THREAD && fault_struck());
    CHECK(dfd_submit(pool, bytes, sizeof bytes) > 0, "it can be had now");
    REQUIRE(next(pool, &record));
    CHECK(record.status == DFD_STATUS_TIMEOUT);
    close_pool(pool);
}

TEST("a name that is no time zone's is refused, and the zone stays") {
    static const struct {
        const char *name;
        uint32_t length;
    } names[] = {{"", 1}, {"UTC", 3}, {"U\0C", 4}, {"UTC\0\0", 5}, {NULL, 4}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        CHECK(dfd_time_zone((const uint8_t *)names[i].name, names[i].length) == DFD_E_INVALID,
              "%zu", i);
    CHECK(dfd_time_zone((const uint8_t *)"UTC", 4) == 0);
}

TEST("the host's end of the socket is given once, and why a call failed as far as there is room") {
    uint8_t reason[64];
    int32_t opened = dfd_pool_open();
    REQUIRE(opened > 0);
    uint32_t pool = (uint32_t)opened;
    int32_t fd = dfd_waker_fd(pool);
    CHECK(fd >= 0 && dfd_waker_fd(pool) == DFD_E_SYSTEM);
    CHECK(dfd_reason(reason, sizeof reason) == 0, "the system refused nothing");
    close(fd);
    CHECK(dfd_pool_close(pool) == 0);
    fault_arm(FAULT_mmap, 1, 0);
    CHECK(dfd_pool_open() == DFD_E_MEMORY);
    CHECK(dfd_reason(reason, sizeof reason) > 4 && !memcmp(reason, "mmap: ", 6));
    memset(reason, 0, sizeof reason);
    CHECK(dfd_reason(reason, 4) == 4 && !memcmp(reason, "mmap", 5));
    CHECK(dfd_reason(NULL, 4) == DFD_E_INVALID);
}

/* Submits a script (short, Latin-1) with `globals` as its second argument, or none, and nothing
 * more that is to be known of it. */
static double submit_script(uint32_t pool, const char *text, uint8_t globals, uint32_t argc) {
    _Alignas(8) uint8_t bytes[DFD_SUBMISSION_ARGS + 130] = {0};
    uint32_t length = (uint32_t)strlen(text), args = 2 + length + (argc > 1 ? 2 : 0) + (argc > 2);
    memcpy(bytes + DFD_SUBMISSION_ARGC, &argc, 4);
    memcpy(bytes + DFD_SUBMISSION_ARGS_LENGTH, &args, 4);
    bytes[DFD_SUBMISSION_ARGS] = WIRE_STRING8;
    bytes[DFD_SUBMISSION_ARGS + 1] = (uint8_t)length;
    memcpy(bytes + DFD_SUBMISSION_ARGS + 2, text, length);
    bytes[DFD_SUBMISSION_ARGS + 2 + length] = globals; /* and n = 0, and undefined */
    return dfd_submit(pool, bytes, DFD_SUBMISSION_ARGS + args);
}

TEST("a submission without a program is a script, compiled in the task") {
    uint32_t pool = open_pool(1);
    HostRecord record;
    CHECK(submit_script(pool, "return 6 * 7", WIRE_OBJECT, 3) > 0);
    CHECK(next(pool, &record) && record.status == DFD_STATUS_OK);
    CHECK(record.length == 1 && record.head[0] == (0x80 | 42));
    CHECK(submit_script(pool, "return 6 *", WIRE_OBJECT, 3) > 0);
    CHECK(next(pool, &record) && record.status == DFD_STATUS_THROWN);
    /* What no host sends. */
    CHECK(submit_script(pool, "1", WIRE_OBJECT, 1) == DFD_E_INVALID);
    CHECK(submit_script(pool, "1", WIRE_OBJECT, 2) == DFD_E_INVALID);
    CHECK(submit_script(pool, "1", WIRE_STRING8, 3) > 0);
    CHECK(next(pool, &record) && record.status == DFD_STATUS_INTERNAL);
    CHECK(submit_script(pool, "1", 0xfe, 3) > 0);
    CHECK(next(pool, &record) && record.status == DFD_STATUS_THROWN);
    CHECK(submit_script(pool, "7", WIRE_OBJECT, 3) > 0);
    CHECK(next(pool, &record) && record.head[0] == (0x80 | 7));
    close_pool(pool);
}

/* Compiles strict code and runs it; its status, or -1 if it is refused. */
static int run_as(uint32_t pool, const char *source, uint32_t flags, const int32_t *argument,
                  HostRecord *record) {
    uint8_t reply[4096];
    int32_t length = dfd_compile(pool, (const uint8_t *)source, (uint32_t)strlen(source),
                                 DFD_COMPILE_STRICT | flags, reply, sizeof reply);
    if (length <= 8 || host_f64(reply) == 0) return -1;
    CHECK(submit(pool, host_f64(reply), 1, argument) > 0 && next(pool, record));
    return (int)record->status;
}

static int run_member(uint32_t pool, const char *source, HostRecord *record) {
    return run_as(pool, source, DFD_COMPILE_MEMBER, NULL, record);
}

TEST("a member is taken out of its object without calling what is around it") {
    uint32_t pool = open_pool(1);
    HostRecord record;
    CHECK(run_member(pool, "()=>({\n[missing()](a = () => 3) { return a() }\n})", &record) == 0 &&
          record.head[0] == (0x80 | 3));
    CHECK(run_member(pool, "((f)=>()=>({\n[missing()]() { return f() }\n}))(()=>4)", &record) ==
              0 &&
          record.head[0] == (0x80 | 4));
    CHECK(run_member(pool, "()=>(class {\n#a() { return 5 }\n})", &record) == 0 &&
          record.head[0] == (0x80 | 5));
    CHECK(run_member(pool, "()=>(class {\nget #a() { return super.b ?? 6 }\n})", &record) == 0 &&
          record.head[0] == (0x80 | 6));
    /* It needs a variable of a call; there is none; and this is no function. */
    CHECK(run_member(pool, "(a)=>({\nb() { return a }\n})", &record) == DFD_STATUS_THROWN);
    CHECK(run_member(pool, "()=>({\n\n})", &record) == DFD_STATUS_THROWN);
    CHECK(run_member(pool, "(\n5\n)", &record) == DFD_STATUS_THROWN);
    CHECK(run_member(pool, "()=>(class {\n#a() { return this.#a }\n})", &record) ==
          DFD_STATUS_THROWN);
    CHECK(run_member(pool, "()=>({\na( { }\n})", &record) == -1);
    close_pool(pool);
}

static int run_enclosed(uint32_t pool, const char *source, uint32_t outer, const int32_t *argument,
                        HostRecord *record) {
    return run_as(pool, source, DFD_COMPILE_ENCLOSED | outer * DFD_COMPILE_OUTER_VALUE, argument,
                  record);
}

TEST("an enclosed function is given by one that is called with the outer values") {
    uint32_t pool = open_pool(1);
    HostRecord record;
    const int32_t five = 5;
    const char *own = "(function(take, a, ...more){return(\n(...b) => a * 10 + more.length + "
                      "b.length\n)})";
    CHECK(run_enclosed(pool, own, 1, &five, &record) == 0 && record.head[0] == (0x80 | 50));
    CHECK(run_enclosed(pool, "(function(...all){return(\n(b) => b + all.length\n)})", 0, &five,
                       &record) == 0 &&
          record.head[0] == (0x80 | 6));
    const char *member = "(function(take, a){let m=take(()=>({\nm() { return a }\n}),0);"
                         "return(\n() => m()\n)})";
    CHECK(run_enclosed(pool, member, 1, &five, &record) == 0 && record.head[0] == (0x80 | 5));
    /* There are not so many arguments. */
    CHECK(run_enclosed(pool, own, 1, NULL, &record) == DFD_STATUS_INTERNAL);
    CHECK(run_enclosed(pool, own, 0xffffff, &five, &record) == DFD_STATUS_INTERNAL);
    /* No function, a function that gives none, one that throws; and what is no member. */
    CHECK(run_enclosed(pool, "(\n5\n)", 0, NULL, &record) == DFD_STATUS_THROWN);
    CHECK(run_enclosed(pool, "(()=>{\n5\n})", 0, NULL, &record) == DFD_STATUS_THROWN);
    CHECK(run_enclosed(pool, "(()=>{\nthrow 5\n})", 0, NULL, &record) == DFD_STATUS_THROWN);
    static const char *const bad[] = {"",      "5,0",         "()=>5,0", "()=>5,-1",
                                      "Map,0", "()=>()=>5,1", "{},0",    "()=>()=>5,1e9"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char source[128];
        snprintf(source, sizeof source, "(function(take){take(%s);return(\n()=>5\n)})", bad[i]);
        CHECK(run_enclosed(pool, source, 0, NULL, &record) == DFD_STATUS_THROWN, "%s", bad[i]);
    }
    CHECK(run_enclosed(pool, "(function(take){return(\n( }\n)})", 0, NULL, &record) == -1);
    close_pool(pool);
}

TEST("a long function is compiled in time, or refused") {
    enum { LENGTH = 1 << 20 };
    char *source = malloc(LENGTH);
    uint8_t reply[4096];
    REQUIRE(source != NULL);
    /* (() => {x=1;x=1; ... }) */
    memcpy(source, "(() => {", 8);
    for (int i = 8; i + 4 <= LENGTH - 4; i += 4) memcpy(source + i, "x=1;", 4);
    memcpy(source + LENGTH - 4, "  })", 4);
    uint32_t pool = open_pool(1);
    CHECK(dfd_pool_set(pool, DFD_OPTION_COMPILE_LIMIT, 0) == DFD_E_INVALID);
    CHECK(dfd_pool_set(pool, DFD_OPTION_COMPILE_LIMIT, 1) == 0);
    for (int i = 0; i < 3; i++)
        CHECK(dfd_compile(pool, (uint8_t *)source, LENGTH, 1, reply, sizeof reply) == DFD_E_SLOW);
    double program = compile(pool, "(() => 5)");
    CHECK(program != 0);
    CHECK(submit(pool, program, 1, NULL) > 0);
    HostRecord record;
    CHECK(next(pool, &record) && record.head[0] == (0x80 | 5));
    close_pool(pool);
    pool = open_pool(1);
    CHECK(dfd_pool_set(pool, DFD_OPTION_COMPILE_LIMIT, 1e6) == 0);
    CHECK(dfd_compile(pool, (uint8_t *)source, LENGTH, 1, reply, sizeof reply) > 8);
    CHECK(host_f64(reply) != 0 && submit(pool, host_f64(reply), 1, NULL) > 0);
    CHECK(next(pool, &record) && record.status == DFD_STATUS_THROWN); /* strict, and no x */
    source[LENGTH - 1] = '(';
    CHECK(dfd_compile(pool, (uint8_t *)source, LENGTH, 1, reply, sizeof reply) > 8);
    CHECK(host_f64(reply) == 0);
    close_pool(pool);
    pool = open_pool(1);
    CHECK(dfd_pool_set(pool, DFD_OPTION_MEMORY_LIMIT, 2 << 20) == 0);
    CHECK(dfd_compile(pool, (uint8_t *)source, LENGTH, 1, reply, sizeof reply) == DFD_E_REALM);
    close_pool(pool);
    free(source);
}

TEST("source that does not parse is refused and the pool goes on") {
    uint32_t pool = open_pool(1);
    CHECK(compile(pool, "(() => {") == 0);
    CHECK(compile(pool, "(((") == 0);
    double program = compile(pool, "(() => 5)");
    CHECK(program != 0);
    uint8_t small[16];
    CHECK(dfd_compile(pool, (const uint8_t *)"(() => 5)", 9, 1, small, sizeof small) ==
          DFD_E_REPLY_SIZE);
    close_pool(pool);
}

TEST("20,000 tasks on three threads each complete once") {
    enum { COUNT = 20000 };
    uint32_t pool = open_pool(3);
    double program = compile(pool, "((n) => n + 1)");
    uint8_t *seen = calloc(COUNT, 1);
    REQUIRE(seen != NULL);
    for (int32_t i = 0; i < COUNT; i++) CHECK(submit(pool, program, (uint32_t)i, &i) > 0);
    for (int i = 0; i < COUNT; i++) {
        HostRecord record;
        REQUIRE(next(pool, &record));
        REQUIRE(record.task < COUNT);
        CHECK(!seen[record.task]++);
        CHECK(record.status == DFD_STATUS_OK && integer(&record) == (int32_t)record.task + 1);
        CHECK(record.worker >= 1 && record.worker <= 3);
    }
    CHECK(atomic_load(&control_of(pool)[DFD_CONTROL_QUEUED]) == 0);
    CHECK(atomic_load(&control_of(pool)[DFD_CONTROL_THREADS]) <= 3);
    free(seen);
    close_pool(pool);
}

TEST("a program may be freed while its tasks wait") {
    uint32_t pool = open_pool(1);
    double program = compile(pool, "(() => 9)");
    for (uint32_t i = 0; i < 100; i++) CHECK(submit(pool, program, i, NULL) > 0);
    CHECK(dfd_program_free(pool, program) == 0);
    for (int i = 0; i < 100; i++) {
        HostRecord record;
        REQUIRE(next(pool, &record));
        CHECK(record.status == DFD_STATUS_OK && integer(&record) == 9);
    }
    close_pool(pool);
}

TEST("cancelling ends a queued task, a running one, and no other") {
    uint32_t pool = open_pool(1);
    double endless = compile(pool, "(() => { for (;;); })");
    double quick = compile(pool, "(() => 3)");
    for (int round = 0; round < 20; round++) {
        double running = submit(pool, endless, 1, NULL);
        double queued = submit(pool, endless, 2, NULL);
        CHECK(submit(pool, quick, 3, NULL) > 0);
        while (atomic_load(&control_of(pool)[DFD_CONTROL_QUEUED]) != 2) sched_yield();
        HostRecord record;
        CHECK(dfd_cancel(pool, queued) == 1);
        REQUIRE(next(pool, &record));
        CHECK(record.task == 2 && record.status == DFD_STATUS_CANCELLED && record.worker == 0);
        CHECK(dfd_cancel(pool, running) == 1);
        REQUIRE(next(pool, &record));
        CHECK(record.task == 1 && record.status == DFD_STATUS_CANCELLED && record.worker == 1);
        REQUIRE(next(pool, &record));
        CHECK(record.task == 3 && record.status == DFD_STATUS_OK && integer(&record) == 3);
        CHECK(dfd_cancel(pool, running) == 0);
    }
    close_pool(pool);
}

TEST("a pool closes with tasks queued and running") {
    for (int round = 0; round < 30; round++) {
        uint32_t pool = open_pool(2);
        double endless = compile(pool, "(() => { for (;;); })");
        double quick = compile(pool, "(() => 'x'.repeat(100000))");
        for (uint32_t i = 0; i < 20; i++) submit(pool, i % 3 ? quick : endless, i, NULL);
        close_pool(pool);
    }
}

static void *use_own_pool(void *argument) {
    uint32_t pool = open_pool(2);
    double program = compile(pool, "((n) => n * 3)");
    for (int32_t i = 0; i < 3000; i++) {
        HostRecord record;
        submit(pool, program, (uint32_t)i, &i);
        if (!next(pool, &record) || integer(&record) != i * 3) *(bool *)argument = true;
    }
    close_pool(pool);
    return NULL;
}

TEST("pools of several threads do not disturb each other") {
    pthread_t threads[3];
    bool wrong[3] = {false};
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], NULL, use_own_pool, &wrong[i]) == 0);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    CHECK(!wrong[0] && !wrong[1] && !wrong[2]);
}

static void *leave_a_pool(void *argument) {
    uint32_t *pool = argument;
    *pool = open_pool(2);
    double endless = compile(*pool, "(() => { for (;;); })");
    for (uint32_t i = 0; i < 3; i++) submit(*pool, endless, i, NULL);
    return NULL;
}

TEST("a pool is closed with the thread that opened it") {
    pthread_t thread;
    uint32_t pool = 0, mine = open_pool(1);
    CHECK(pthread_create(&thread, NULL, leave_a_pool, &pool) == 0);
    pthread_join(thread, NULL);
    CHECK(pool != 0 && dfd_pool_control(pool) == 0);
    CHECK(dfd_pool_control(mine) != 0);
    close(fds[pool % 4096]);
    close_pool(mine);
}

TEST("a task out of memory is told so and the next one is fine") {
    uint32_t pool = open_pool(1);
    CHECK(dfd_pool_set(pool, DFD_OPTION_MEMORY_LIMIT, 8 << 20) == 0);
    double bomb = compile(pool, "(() => { const a = []; for (;;) a.push([a.length, 'x']); })");
    double quick = compile(pool, "(() => 4)");
    for (int round = 0; round < 5; round++) {
        HostRecord record;
        submit(pool, bomb, 1, NULL);
        REQUIRE(next(pool, &record));
        CHECK(record.status == DFD_STATUS_MEMORY && record.length == 0);
        submit(pool, quick, 2, NULL);
        REQUIRE(next(pool, &record));
        CHECK(record.status == DFD_STATUS_OK && integer(&record) == 4);
    }
    close_pool(pool);
}

TEST("results too large for the ring come whole") {
    uint32_t pool = open_pool(2);
    double program = compile(pool, "((n) => 'ab'.repeat(n))");
    for (int32_t n = 1; n < 3000000; n = n * 3 + 1) {
        HostRecord record;
        submit(pool, program, 1, &n);
        REQUIRE(next(pool, &record));
        CHECK(record.status == DFD_STATUS_OK && record.length > (uint32_t)n * 2);
        CHECK(record.head[0] == WIRE_STRING8);
    }
    close_pool(pool);
}

TEST("large buffers of a result are moved if they don't fit among its copies, each once") {
    static const struct {
        const char *source;
        uint32_t moved;
    } cases[] = {
        {"(() => new ArrayBuffer(2 ** 22))", 0},
        {"(() => new ArrayBuffer(2 ** 22 + 1))", 1},
        {"(() => [0, 1].map(() => new ArrayBuffer(2 ** 21)))", 0},
        {"(() => [0, 0, 0, 1].map((more) => new ArrayBuffer(2 ** 20 + more)))", 1},
        /* The small ones count for nothing; what fits after one that does not is copied. */
        {"(() => Array.from({ length: 9 }, () => new ArrayBuffer(2 ** 19 - 1)))", 0},
        {"(() => [2 ** 21, 2 ** 22, 2 ** 21, 2 ** 19].map((n) => new ArrayBuffer(n)))", 2},
        {"(() => { const b = new ArrayBuffer(5e6), c = new ArrayBuffer(5e6);"
         "return [b, c, new Uint8Array(b), new DataView(c), b]; })",
         2},
        {"(() => new ArrayBuffer(5e6, { maxByteLength: 5e6 }))", 0},
        {"(() => { throw new ArrayBuffer(5e6); })", 1},
        {"(() => ({ get a() { return new ArrayBuffer(5e6); }, b: () => {} }))", 0},
        /* What an error can't take along uses up nothing. */
        {"(() => { const b = new ArrayBuffer(2 ** 22), c = new ArrayBuffer(2 ** 22);"
         "throw Object.assign(new Error('x'), { list: [b, () => {}], c }); })",
         0},
    };
    uint32_t pool = open_pool(1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        HostRecord record;
        submit(pool, compile(pool, cases[i].source), 1, NULL);
        REQUIRE(next(pool, &record));
        CHECK(record.moved == cases[i].moved, "%s: %u moved", cases[i].source, record.moved);
    }
    close_pool(pool);
}

TEST("a pool is ready when it can take a task") {
    uint32_t pool = open_pool(1);
    CHECK(dfd_ready(pool) == 0);
    CHECK(atomic_load(&control_of(pool)[DFD_CONTROL_THREADS]) == 1);
    CHECK(dfd_ready(pool) == 0);
    CHECK(atomic_load(&control_of(pool)[DFD_CONTROL_THREADS]) == 1);
    close_pool(pool);
    CHECK(dfd_ready(pool) == DFD_E_HANDLE);
}

/* Makes a program the preload of a pool. Returns what dfd_preload does; the status is in *reply. */
static int32_t preload(uint32_t pool, const char *source, double limit, uint8_t reply[4096]) {
    int32_t length = dfd_compile(pool, (const uint8_t *)source, (uint32_t)strlen(source),
                                 DFD_COMPILE_STRICT | DFD_COMPILE_PRELOAD, reply, 4096);
    CHECK(length > 8 && host_f64(reply) != 0);
    return dfd_preload(pool, host_f64(reply), limit, reply, 4096);
}

TEST("classes that can't be made are left, and others can be made after them") {
    static const struct {
        const char *source;
        uint32_t status;
    } cases[] = {
        {"(() => { for (;;); })", DFD_STATUS_PRELOAD},
        {"(() => { [].includes.call({ length: 2 ** 53 - 1 }, 1); })", DFD_STATUS_PRELOAD},
        {"(() => { /(a*)*b/.test('a'.repeat(99)); })", DFD_STATUS_PRELOAD},
        {"(() => { (async () => { for (;;) await 1; })(); return []; })", DFD_STATUS_PRELOAD},
        {"(() => { Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 0); })",
         DFD_STATUS_PRELOAD},
        {"(() => { for (const a = [];;) a.push([]); })", DFD_STATUS_MEMORY},
        {"(() => { throw () => 1; })", DFD_STATUS_UNCLONEABLE},
        {"(() => { throw new Uint8Array(600); })", DFD_STATUS_THROWN},
    };
    uint8_t reply[4096];
    uint32_t pool = open_pool(1);
    CHECK(dfd_pool_set(pool, DFD_OPTION_MEMORY_LIMIT, 8 << 20) == 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool late = cases[i].status == DFD_STATUS_PRELOAD;
        int32_t length = preload(pool, cases[i].source, late ? 20 : 1e6, reply);
        bool throws = cases[i].status <= DFD_STATUS_UNCLONEABLE;
        CHECK(throws ? length > 8 : length == 8, "%s: %d", cases[i].source, length);
        CHECK(host_u32(reply) == cases[i].status, "%s: %u", cases[i].source, host_u32(reply));
    }
    CHECK(preload(pool, "(() => { globalThis.made = 5; return []; })", 1e6, reply) == 0);
    CHECK(preload(pool, "(() => [])", 1e6, reply) == DFD_E_INVALID); /* there is one */
    HostRecord record;
    submit(pool, compile(pool, "(() => made)"), 1, NULL);
    REQUIRE(next(pool, &record));
    CHECK(record.status == DFD_STATUS_OK && integer(&record) == 5);
    close_pool(pool);
}

TEST("modules come before all else, and are evaluated once they are all there") {
    static const uint8_t fine[] = {
        WIRE_ARRAY, 7,          0x81, WIRE_STRING8, 1, 'f',          WIRE_STRING8,
        1,          'u',        0x80, WIRE_STRING8, 3, '1',          ';',
        ' ',        WIRE_ARRAY, 0,    WIRE_ARRAY,   1, WIRE_STRING8, 1,
        'm'};
    uint8_t reply[4096], throws[sizeof fine];
    memcpy(throws, fine, sizeof fine);
    memcpy(throws + 12, "x()", 3);
    uint32_t pool = open_pool(1);
    CHECK(dfd_load(pool, 1e6, reply, sizeof reply) == DFD_E_INVALID, "there are none");
    CHECK(dfd_module(pool, fine, 0) == DFD_E_INVALID && dfd_module(pool, NULL, 1) == DFD_E_INVALID);
    CHECK(dfd_module(pool, throws, sizeof throws) == 1);
    CHECK(dfd_load(pool, 1e6, reply, sizeof reply) == DFD_E_INVALID, "there is no realm for it");
    close_pool(pool);
    for (int fails = 0; fails < 2; fails++) {
        pool = open_pool(1);
        CHECK(preload(pool, "(() => [])", 1e6, reply) == 0);
        CHECK(dfd_module(pool, fails ? throws : fine, sizeof fine) == 1);
        CHECK(preload(pool, "(() => [])", 1e6, reply) == DFD_E_INVALID, "classes come first");
        CHECK(dfd_load(pool, 0, reply, sizeof reply) == DFD_E_INVALID, "they have some time");
        int32_t length = dfd_load(pool, 1e6, reply, sizeof reply);
        CHECK(fails ? length > 8 && host_u32(reply) == DFD_STATUS_THROWN : length == 0, "%d",
              length);
        if (fails) CHECK(host_u32(reply + 4) == 1, "the module is to blame");
        CHECK(dfd_module(pool, fine, sizeof fine) == (fails ? 2 : DFD_E_INVALID));
        CHECK(compile(pool, "(() => 1)") > 0); /* starts a worker */
        CHECK(dfd_module(pool, fine, sizeof fine) == DFD_E_INVALID, "a worker has started");
        CHECK(dfd_load(pool, 1e6, reply, sizeof reply) == DFD_E_INVALID);
        close_pool(pool);
    }
}

TEST("modules for which no thread can be had may be loaded later; one of no number is nobody's") {
    static const uint8_t fine[] = {WIRE_ARRAY, 7,          0x81, WIRE_STRING8, 1, 'f', WIRE_STRING8,
                                   1,          'u',        0x80, WIRE_STRING8, 1, ';', WIRE_ARRAY,
                                   0,          WIRE_ARRAY, 1,    WIRE_STRING8, 1, 'm'};
    /* Number 3, which imports number 1. */
    static const uint8_t astray[] = {WIRE_ARRAY,
                                     7,
                                     0x83,
                                     WIRE_STRING8,
                                     1,
                                     'f',
                                     WIRE_STRING8,
                                     1,
                                     'u',
                                     0x80,
                                     WIRE_STRING8,
                                     9,
                                     'i',
                                     'm',
                                     'p',
                                     'o',
                                     'r',
                                     't',
                                     '\'',
                                     'q',
                                     '\'',
                                     WIRE_ARRAY,
                                     3,
                                     WIRE_STRING8,
                                     1,
                                     'q',
                                     WIRE_STRING8,
                                     0,
                                     0x81,
                                     WIRE_ARRAY,
                                     1,
                                     WIRE_STRING8,
                                     1,
                                     'm'};
    uint8_t reply[4096];
    uint32_t pool = open_pool(1);
    CHECK(preload(pool, "(() => [])", 1e6, reply) == 0);
    CHECK(dfd_module(pool, fine, sizeof fine) == 1);
    fault_arm(FAULT_pthread_create, 1, 0);
    CHECK(dfd_load(pool, 1e6, reply, sizeof reply) == DFD_E_THREAD && fault_struck());
    CHECK(dfd_load(pool, 1e6, reply, sizeof reply) == 0, "it can be had now");
    close_pool(pool);
    pool = open_pool(1);
    CHECK(preload(pool, "(() => [])", 1e6, reply) == 0);
    CHECK(dfd_module(pool, astray, sizeof astray) == 1);
    CHECK(dfd_load(pool, 1e6, reply, sizeof reply) > 8 && host_u32(reply) == DFD_STATUS_THROWN);
    close_pool(pool);
}

/* A pool whose classes never end on its threads, but did when it was made. */
static uint32_t pool_with_late_classes(double limit) {
    for (double margin = 100;; margin *= 2, limit *= 2) {
        char source[128];
        uint8_t reply[4096];
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        double ms = (double)until.tv_sec * 1e3 + (double)until.tv_nsec / 1e6 + margin;
        snprintf(source, sizeof source, "(() => { while (Date.now() > %.0f); return []; })", ms);
        uint32_t pool = open_pool(2);
        int32_t length = preload(pool, source, limit, reply);
        while (clock_gettime(CLOCK_REALTIME, &until),
               (double)until.tv_sec * 1e3 + (double)until.tv_nsec / 1e6 < ms + 2)
            usleep(1000);
        if (length == 0) return pool;
        close_pool(pool);
    }
}

TEST("classes come before all else, and have some time") {
    uint8_t reply[4096];
    uint32_t pool = open_pool(1);
    CHECK(preload(pool, "(() => [])", 0, reply) == DFD_E_INVALID);
    CHECK(compile(pool, "(() => 1)") > 0); /* starts a worker */
    CHECK(preload(pool, "(() => [])", 1e6, reply) == DFD_E_INVALID, "a worker has started");
    close_pool(pool);
}

TEST("classes that don't end on a thread fail its tasks, which can be cancelled") {
    HostRecord record;
    uint32_t pool = pool_with_late_classes(30);
    double program = compile(pool, "(() => 1)");
    for (uint32_t i = 0; i < 3; i++) {
        submit(pool, program, i, NULL);
        REQUIRE(next(pool, &record));
        CHECK(record.task == i && record.status == DFD_STATUS_PRELOAD && record.length == 0);
    }
    close_pool(pool);

    pool = pool_with_late_classes(1e6);
    program = compile(pool, "(() => 1)");
    usleep(20000); /* the first thread is at it, without a task; or not yet */
    double task = submit(pool, program, 9, NULL);
    CHECK(task > 0);
    if (task > 0) CHECK(dfd_cancel(pool, task) == 1);
    REQUIRE(next(pool, &record));
    CHECK(record.task == 9 && record.status == DFD_STATUS_CANCELLED);
    submit(pool, program, 10, NULL);
    close_pool(pool);
    for (int i = 0; i < 600000 && dfd_stragglers(); i++) usleep(1000);
    CHECK(dfd_stragglers() == 0);
}

static void hold_start(const char *where, uint32_t worker) {
    (void)worker;
    if (strcmp(where, "start") != 0) return;
    atomic_store(&held, true);
    while (!atomic_load(&let_go)) usleep(100);
}

TEST("a thread that starts while its pool closes makes no classes, and ends") {
    uint32_t pool = pool_with_late_classes(1e6);
    long blocks;
    held = let_go = false;
    fault_hold = hold_start;
    CHECK(dfd_ready(pool) == 0);
    while (!atomic_load(&held)) usleep(100);
    close_pool(pool);
    blocks = fault_blocks();
    atomic_store(&let_go, true);
    /* Its own, and the pool's, go with the thread. */
    for (int i = 0; i < 60000 && fault_blocks() >= blocks; i++) usleep(1000);
    CHECK(fault_blocks() < blocks);
    fault_hold = NULL;
}

/* --- forks ---------------------------------------------------------------------------------- */

#if defined(__SANITIZE_ADDRESS__)
static bool forked;
/* Asked at exit. What threads hold that a fork left behind would count as leaked. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void) { return forked; }
#endif

#if defined(__SANITIZE_THREAD__)
enum { THREADS_AFTER_FORK = false }; /* it ends a process that starts one */
#else
enum { THREADS_AFTER_FORK = true };
#endif

/* Everything is refused in a process that was forked off, and nothing waits. */
static void use_all_in_fork(uint32_t pool, double program, double task) {
    uint8_t reply[256];
    alarm(60);
    CHECK(dfd_pool_open() == DFD_E_SYSTEM);
    CHECK(dfd_pool_set(pool, DFD_OPTION_MAX_THREADS, 1) == DFD_E_HANDLE);
    CHECK(dfd_pool_control(pool) == 0);
    CHECK(compile(pool, "(() => 1)") == 0);
    CHECK(dfd_preload(pool, program, 1, reply, sizeof reply) == DFD_E_HANDLE);
    CHECK(dfd_share(pool, reply, 1) == DFD_E_HANDLE);
    CHECK(submit(pool, program, 1, NULL) == DFD_E_HANDLE);
    CHECK(dfd_ready(pool) == DFD_E_HANDLE);
    CHECK(dfd_cancel(pool, task) == DFD_E_HANDLE);
    CHECK(dfd_park(pool) == DFD_E_HANDLE && dfd_unpark(pool) == DFD_E_HANDLE);
    CHECK(dfd_refill(pool) == DFD_E_HANDLE);
    CHECK(dfd_release(pool, 1) == DFD_E_HANDLE && dfd_keep(pool, 1) == DFD_E_HANDLE);
    CHECK(dfd_waker_fd(pool) == DFD_E_HANDLE);
    CHECK(dfd_program_free(pool, program) == DFD_E_HANDLE);
    CHECK(dfd_pool_close(pool) == DFD_E_HANDLE);
    CHECK(dfd_stragglers() == 0);
}

static void *nothing_in_fork(void *unused) { return unused; }

TEST("a process that is forked off has no pools, and ends as any other") {
    uint32_t pool = open_pool(2);
    double program = compile(pool, "(() => { for (;;); })");
    double first = submit(pool, program, 1, NULL), second = submit(pool, program, 2, NULL);
    /* What a thread has on its stack alone while it starts is lost in a fork: a leak, for
     * LeakSanitizer. */
    while (atomic_load(&control_of(pool)[DFD_CONTROL_RUNNING]) != 2) usleep(100);
    for (int how = 0; how < 3; how++) {
        int status = 0;
        fflush(stdout);
        pid_t child = fork();
        REQUIRE(child >= 0);
        if (child == 0) {
#if defined(__SANITIZE_ADDRESS__)
            forked = true;
#endif
            use_all_in_fork(pool, program, first);
            fflush(stdout);
            if (atomic_load(&check_failures)) _exit(1);
            pthread_t thread;
            if (how == 1 && THREADS_AFTER_FORK &&
                !pthread_create(&thread, NULL, nothing_in_fork, NULL))
                pthread_join(thread, NULL);
            if (how == 2) pthread_exit(NULL); /* the thread whose pools they were */
            exit(0);
        }
        CHECK(waitpid(child, &status, 0) == child && status == 0, "%d: it ended with %#x", how,
              (unsigned)status);
    }
    HostRecord record;
    CHECK(dfd_cancel(pool, first) == 1 && dfd_cancel(pool, second) == 1);
    for (int i = 0; i < 2; i++)
        CHECK(next(pool, &record) && record.status == DFD_STATUS_CANCELLED, "all is well here");
    close_pool(pool);
}
