/* fault_test.c - each call of the system that the library makes fails in its turn, on the way from
 * opening a pool to closing it: the host is told why, nothing is left behind, tasks that end well
 * end right, limits hold, and what comes after works.
 *
 * Each case runs in a process of its own, so that one that crashes or hangs is one case's.
 */
#define FAULT_NO_MACROS
#include "fault.h"

#include <dirent.h>
#include <sys/wait.h>

/* Compiled code has a thread and memory that outlive pools, and a child that was forked has not. */
#define CHECK_INTERPRETED
#include "check.h"
#include "clone.h"
#include "harden.h"
#include "host.h"
#include "os.h"

enum { NOT_STRUCK = 77, HUNG_S = 900, HOSTED_SUM = 100000 + 3 + 7 };

/* What one walk through the library came to. */
typedef struct Walk {
    uint32_t pool;
    int fd;
    int refused;      /* calls and tasks that failed for want of something */
    int32_t first;    /* the first of their errors, or the status (over 0) of a task */
    char reason[200]; /* of the system, for that */
    char unhardened[200];
    int completed, submitted;
    bool comes_later; /* what a task said, or that memory is free: nothing has failed by that */
} Walk;

static int32_t refuse(Walk *walk, int32_t reason) {
    if (walk->refused++ > 0) return reason;
    walk->first = reason;
    if (reason < 0) dfd_reason((uint8_t *)walk->reason, sizeof walk->reason - 1);
    return reason;
}

/* A result of the library, which may be refused for one of these reasons only. */
static bool passed(Walk *walk, double result, const char *what) {
    uint8_t said[200];
    if (result >= 0) {
        int32_t length = dfd_reason(said, sizeof said);
        CHECK(length == 0, "%s did not fail, because of %.*s", what, length, (char *)said);
        return true;
    }
    int32_t reason = (int32_t)result;
    bool known = reason == DFD_E_MEMORY || reason == DFD_E_THREAD || reason == DFD_E_SYSTEM ||
                 reason == DFD_E_CLOCK || reason == DFD_E_REALM;
    CHECK(known, "%s: %d", what, reason);
    refuse(walk, reason);
    return false;
}

static double compile(Walk *walk, const char *source, uint32_t flags) {
    static uint8_t reply[4096];
    int32_t length = dfd_compile(walk->pool, (const uint8_t *)source, (uint32_t)strlen(source),
                                 flags, reply, sizeof reply);
    if (!passed(walk, length, "dfd_compile")) return 0;
    double program = length >= 8 ? host_f64(reply) : 0;
    CHECK(program > 0, "a source that is fine was refused");
    return program;
}

/* A source that is long enough to be compiled on another thread. */
static void compile_apart(Walk *walk) {
    static char source[20000];
    memset(source, ' ', sizeof source - 1);
    memcpy(source, "(() => 1)", 9);
    double program = compile(walk, source, DFD_COMPILE_STRICT);
    if (program) CHECK(dfd_program_free(walk->pool, program) == 0);
}

/* A module, which is to be part of each realm. */
static bool load(Walk *walk) {
    static const char text[] = "export const made = globalThis.made + await 1;";
    static const uint8_t module[] = {WIRE_ARRAY,
                                     7,
                                     0x81,
                                     WIRE_STRING8,
                                     1,
                                     'f',
                                     WIRE_STRING8,
                                     1,
                                     'u',
                                     0x80,
                                     WIRE_STRING8,
                                     21,
                                     'g',
                                     'l',
                                     'o',
                                     'b',
                                     'a',
                                     'l',
                                     'T',
                                     'h',
                                     'i',
                                     's',
                                     '.',
                                     'm',
                                     'a',
                                     'd',
                                     'e',
                                     '+',
                                     '+',
                                     ';',
                                     ' ',
                                     ' ',
                                     ' ',
                                     WIRE_ARRAY,
                                     0,
                                     WIRE_ARRAY,
                                     1,
                                     WIRE_STRING8,
                                     1,
                                     'm'};
    uint8_t reply[4096];
    int32_t length = dfd_compile(walk->pool, (const uint8_t *)text, sizeof text - 1,
                                 DFD_COMPILE_MODULE | DFD_COMPILE_PRELOAD, reply, sizeof reply);
    if (!passed(walk, length, "dfd_compile")) return false;
    CHECK(length == 10 && reply[8] == WIRE_ARRAY && reply[9] == 0, "it asks for nothing");
    if (!passed(walk, dfd_module(walk->pool, module, sizeof module), "dfd_module")) return false;
    int32_t result = dfd_load(walk->pool, 1e6, reply, sizeof reply);
    CHECK(result <= 0, "the module ended with status %u", result > 0 ? host_u32(reply) : 0);
    return passed(walk, result, "dfd_load");
}

static bool preload(Walk *walk) {
    uint8_t reply[4096];
    double program = compile(walk, "(() => { globalThis.made = 5; return []; })",
                             DFD_COMPILE_STRICT | DFD_COMPILE_PRELOAD);
    if (!program) return false;
    int32_t result = dfd_preload(walk->pool, program, 1e6, reply, sizeof reply);
    CHECK(result <= 0, "the classes ended with status %u", result > 0 ? host_u32(reply) : 0);
    return passed(walk, result, "dfd_preload") && load(walk);
}

typedef struct Limit {
    int offset;
    double value;
} Limit;

/* Submits a task; with a buffer of the host's as its argument, if there is one. */
static double submit(Walk *walk, double program, uint32_t task, Limit limit, double *lent) {
    _Alignas(8) uint8_t bytes[DFD_SUBMISSION_ARGS + 8 + DFD_REGION_SIZE] = {0};
    uint32_t one = 1, two = 2;
    memcpy(bytes + DFD_SUBMISSION_TASK, &task, 4);
    memcpy(bytes + DFD_SUBMISSION_PROGRAM, &program, 8);
    if (limit.offset) memcpy(bytes + limit.offset, &limit.value, 8);
    size_t length = DFD_SUBMISSION_ARGS;
    if (lent) {
        double region[] = {(double)(uintptr_t)lent, sizeof *lent};
        memcpy(bytes + DFD_SUBMISSION_ARGC, &one, 4);
        memcpy(bytes + DFD_SUBMISSION_ARGS_LENGTH, &two, 4);
        memcpy(bytes + DFD_SUBMISSION_REGIONS, &one, 4);
        bytes[DFD_SUBMISSION_ARGS] = WIRE_SHARED;
        memcpy(bytes + DFD_SUBMISSION_ARGS + 8, region, sizeof region);
        length = sizeof bytes;
    }
    double handle = dfd_submit(walk->pool, bytes, (uint32_t)length);
    if (!passed(walk, handle, "dfd_submit")) return 0;
    walk->submitted++;
    return handle;
}

/* The next completion; looked for now and then where there is no socket. */
static void next(Walk *walk, HostRecord *record) {
    const _Atomic uint32_t *control = (_Atomic uint32_t *)(uintptr_t)dfd_pool_control(walk->pool);
    while (!host_read(walk->pool, record)) {
        if (atomic_load(&control[DFD_CONTROL_OVERFLOW]))
            dfd_refill(walk->pool);
        else if (walk->fd < 0)
            usleep(200);
        else if (dfd_park(walk->pool) == 0)
            host_wait(walk->fd);
    }
    walk->completed++;
    CHECK(record->lost == 0);
}

/* A task ended as it must, or was refused what it takes. */
static bool ended(Walk *walk, const HostRecord *record, uint32_t status) {
    if (record->status == status) return true;
    CHECK(record->status == DFD_STATUS_RESOURCES, "task %u ended with status %u", record->task,
          record->status);
    refuse(walk, (int32_t)record->status);
    bool told = record->length > 2 && record->head[0] == WIRE_STRING8;
    if (walk->refused == 1 && told)
        snprintf(walk->reason, sizeof walk->reason, "%.*s", (int)sizeof record->head - 2,
                 (const char *)record->head + 2);
    return false;
}

static const struct {
    const char *source;
    uint32_t length, moved;
    uint8_t head;
} results[] = {
    {"(() => made)", 1, 0, 0x86}, /* by the class, and by the module */
    {"(() => 'x'.repeat(100000))", 100004, 0, WIRE_STRING8},
    {"(() => new Promise((end) => setTimeout(end, 1, 7)))", 1, 0, 0x87},
    {"(() => new ArrayBuffer(5e6))", 2, 1, WIRE_MOVED},
    {"(() => [new ArrayBuffer(5e6), 'y'.repeat(30000)])", 30008, 1, WIRE_ARRAY},
};
enum { RESULTS = sizeof results / sizeof *results };

static void run_results(Walk *walk) {
    double programs[RESULTS];
    int count = 0;
    for (int i = 0; i < RESULTS; i++) programs[i] = compile(walk, results[i].source, 1);
    for (int i = 0; i < 2 * RESULTS; i++)
        if (programs[i % RESULTS])
            count +=
                submit(walk, programs[i % RESULTS], (uint32_t)i % RESULTS, (Limit){0}, NULL) > 0;
    for (; count > 0; count--) {
        HostRecord record;
        next(walk, &record);
        if (!ended(walk, &record, DFD_STATUS_OK)) continue;
        uint32_t i = record.task;
        CHECK(record.length == results[i].length && record.moved == results[i].moved &&
                  record.head[0] == results[i].head,
              "%s: %u bytes, %u moved", results[i].source, record.length, record.moved);
    }
    for (int i = 0; i < RESULTS; i++)
        if (programs[i]) CHECK(dfd_program_free(walk->pool, programs[i]) == 0);
}

/* Endless tasks: each limit ends one, or its submission is refused. */
static void run_limits(Walk *walk) {
    static const struct {
        Limit limit;
        uint32_t status;
    } cases[] = {
        {{DFD_SUBMISSION_TIMEOUT, 1}, DFD_STATUS_TIMEOUT},
        {{DFD_SUBMISSION_CPU_LIMIT, 1}, DFD_STATUS_CPU},
    };
    double endless = compile(walk, "(() => { for (;;); })", 1);
    if (!endless) return;
    HostRecord record;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!submit(walk, endless, 50, cases[i].limit, NULL)) continue;
        next(walk, &record);
        ended(walk, &record, cases[i].status);
    }
    double waits = compile(walk, "(() => new Promise(() => setTimeout(() => {}, 1e9)))", 1);
    if (waits && submit(walk, waits, 53, cases[0].limit, NULL)) {
        next(walk, &record);
        ended(walk, &record, DFD_STATUS_TIMEOUT);
    }
    double asleep = waits ? submit(walk, waits, 54, (Limit){0}, NULL) : 0;
    if (asleep) {
        CHECK(dfd_cancel(walk->pool, asleep) >= 0);
        next(walk, &record);
        ended(walk, &record, DFD_STATUS_CANCELLED);
    }
    double running = submit(walk, endless, 51, (Limit){0}, NULL);
    if (!running) return;
    double waiting = submit(walk, endless, 52, (Limit){DFD_SUBMISSION_QUEUE_TIMEOUT, 1}, NULL);
    if (waiting) {
        next(walk, &record);
        if (record.task == 51) { /* it was refused: the other one runs in its place, or is late */
            ended(walk, &record, DFD_STATUS_CANCELLED);
            running = 0;
            dfd_cancel(walk->pool, waiting);
            next(walk, &record);
            bool late = record.status == DFD_STATUS_QUEUE_TIMEOUT;
            ended(walk, &record, late ? DFD_STATUS_QUEUE_TIMEOUT : DFD_STATUS_CANCELLED);
        } else {
            ended(walk, &record, DFD_STATUS_QUEUE_TIMEOUT);
        }
    }
    if (running) {
        CHECK(dfd_cancel(walk->pool, running) >= 0);
        next(walk, &record);
        ended(walk, &record, DFD_STATUS_CANCELLED);
    }
}

static void run_lent(Walk *walk) {
    double program = compile(walk, "((b) => { new Float64Array(b)[0] = 7; })", 1), shared = 1;
    HostRecord record;
    if (!program || !submit(walk, program, 60, (Limit){0}, &shared)) return;
    next(walk, &record);
    if (ended(walk, &record, DFD_STATUS_OK)) CHECK(shared == 7);
}

/* Answers a call by an int32, or by a Uint8Array over memory that is lent as the task's only
 * region.
 */
static void answer(Walk *walk, double task, const HostRecord *call, uint8_t *lent) {
    enum { LENT = 100000, TABLE = DFD_MESSAGE_VALUE + 16 };
    static const uint8_t number[] = {0x87};
    static const uint8_t view[] = {WIRE_VIEW, WIRE_VIEW_Uint8Array, WIRE_LENT, 0, 0, 0, 0xa0, 0x8d,
                                   0x06}; /* 100,000 */
    _Alignas(8) uint8_t bytes[TABLE + DFD_REGION_SIZE] = {DFD_ANSWER_RETURNED};
    const uint8_t *value = lent ? view : number;
    uint32_t length = lent ? sizeof view : sizeof number, regions = lent ? 1 : 0;
    double region[] = {(double)(uintptr_t)lent, LENT}, room = call->length + 6e6;
    memcpy(bytes + DFD_MESSAGE_NUMBER, call->head + DFD_EVENT_NUMBER, 4);
    memcpy(bytes + DFD_MESSAGE_ROOM, &room, 8);
    memcpy(bytes + DFD_MESSAGE_LENGTH, &length, 4);
    memcpy(bytes + DFD_MESSAGE_REGIONS, &regions, 4);
    memcpy(bytes + DFD_MESSAGE_VALUE, value, length);
    memcpy(bytes + TABLE, region, sizeof region);
    uint32_t all = lent ? sizeof bytes : DFD_MESSAGE_VALUE + length;
    int32_t posted = dfd_post(walk->pool, task, bytes, all);
    if (posted == DFD_E_HANDLE) return; /* it has ended, for want of something */
    /* A host that can't answer ends the task. */
    if (!passed(walk, posted, "dfd_post")) dfd_cancel(walk->pool, task);
}

/* A task that calls functions of the host, one of which gives no promise, moves buffers both ways,
 * prints and reports: it ends once, right or with the reason, and waits for nothing in vain. */
static void run_hosted(Walk *walk) {
    static const uint8_t names[] = {WIRE_ARRAY,   3, WIRE_STRING8, 1, 'f', WIRE_TRUE,
                                    WIRE_STRING8, 1, 'g'};
    static uint8_t lent[100000];
    double program =
        compile(walk,
                "(async (host) => { let n = 0; const big = new Uint8Array(5e6);"
                "const call = host.f.with({ transfer: [big.buffer] })(big, 'x'.repeat(30000));"
                "console.log('a line', 'y'.repeat(3000)); host.report(1); host.report('z'.repeat("
                "20000)); n += host.g('w'.repeat(2000)); let bytes = await call;"
                "n += bytes.length + bytes[0]; bytes = null; host.report(2); return n; })",
                1);
    if (!program) return;
    _Alignas(8) uint8_t bytes[DFD_SUBMISSION_ARGS + sizeof names] = {0};
    uint32_t task = 80, one = 1, length = sizeof names, has = DFD_HOST_OFFERS | DFD_HOST_REPORTS;
    memcpy(bytes + DFD_SUBMISSION_TASK, &task, 4);
    memcpy(bytes + DFD_SUBMISSION_PROGRAM, &program, 8);
    memcpy(bytes + DFD_SUBMISSION_ARGC, &one, 4);
    memcpy(bytes + DFD_SUBMISSION_HOST, &has, 4);
    memcpy(bytes + DFD_SUBMISSION_ARGS_LENGTH, &length, 4);
    memcpy(bytes + DFD_SUBMISSION_ARGS, names, sizeof names);
    double handle = dfd_submit(walk->pool, bytes, sizeof bytes);
    if (!passed(walk, handle, "dfd_submit")) return;
    walk->submitted++;
    lent[0] = 3;
    bool freed = false;
    for (HostRecord record;;) {
        next(walk, &record);
        if (record.kind != DFD_KIND_EVENT) {
            walk->comes_later |= !freed;
            bool unanswered = record.status == DFD_STATUS_CANCELLED && walk->refused;
            if (!unanswered && ended(walk, &record, DFD_STATUS_OK))
                CHECK(record.length == 5 && host_u32(record.head + 1) == HOSTED_SUM, "%u bytes",
                      record.length);
            break;
        }
        walk->completed--; /* it is no end */
        uint32_t type = host_u32(record.head + DFD_EVENT_TYPE);
        if (type == DFD_EVENT_TYPE_CALL)
            answer(walk, handle, &record, host_u32(record.head + 8) == 0 ? lent : NULL);
        else if (type == DFD_EVENT_TYPE_PROGRESS)
            walk->comes_later |= dfd_reported(walk->pool, handle, record.length) == DFD_E_MEMORY;
        else if (type == DFD_EVENT_TYPE_FREED)
            freed = true;
    }
    CHECK(dfd_program_free(walk->pool, program) == 0);
}

/* From opening a pool to closing it, with tasks still running. */
static Walk walk_through(void) {
    static const uint8_t value[] = {WIRE_ARRAY, 1, WIRE_TRUE};
    Walk walk = {.fd = -1};
    int32_t opened = dfd_pool_open();
    if (!passed(&walk, opened, "dfd_pool_open")) return walk;
    walk.pool = (uint32_t)opened;
    CHECK(dfd_pool_set(walk.pool, DFD_OPTION_MAX_THREADS, 1) == 0);
    walk.fd = dfd_waker_fd(walk.pool);
    passed(&walk, walk.fd, "dfd_waker_fd");
    if (preload(&walk)) {
        passed(&walk, dfd_share(walk.pool, value, sizeof value), "dfd_share");
        passed(&walk, dfd_ready(walk.pool), "dfd_ready");
        passed(&walk, dfd_time_zone((const uint8_t *)"UTC", 4), "dfd_time_zone");
        compile_apart(&walk);
        run_results(&walk);
        run_limits(&walk);
        run_lent(&walk);
        run_hosted(&walk);
        double last = compile(&walk, "(() => { for (;;); })", 1);
        if (last) submit(&walk, last, 70, (Limit){0}, NULL);
    }
    dfd_unhardened(walk.pool, (uint8_t *)walk.unhardened, sizeof walk.unhardened - 1);
    CHECK(dfd_pool_close(walk.pool) == 0);
    if (walk.fd >= 0) close(walk.fd);
    return walk;
}

static int entries(const char *directory) {
    DIR *listing = opendir(directory);
    int count = 0;
    while (listing && readdir(listing)) count++;
    if (listing) closedir(listing);
    return count;
}

typedef struct Left {
    long blocks, mappings;
    int fds, threads;
} Left;

static Left left(void) {
    return (Left){fault_blocks(), fault_mappings(), entries("/proc/self/fd"),
                  entries("/proc/self/task")};
}

/* Whether nothing is left but what there was; threads end by themselves, in their time. */
static bool nothing_left(Left before, Left *now) {
    for (int i = 0; i < 20000; i++) {
        *now = left();
        if (now->blocks <= before.blocks && now->mappings <= before.mappings &&
            now->fds <= before.fds && now->threads <= before.threads)
            return true;
        usleep(500);
    }
    return false;
}

/* Kinds whose failure need not show: the library has another way to do the same. */
static bool has_another_way(FaultKind kind) {
    return kind == FAULT_mmap || kind == FAULT_mprotect || kind == FAULT_mremap ||
           kind == FAULT_calloc /* a worker's set-up is tried again */ || kind == FAULT_madvise ||
           kind == FAULT_getentropy || kind == FAULT_prctl || kind == FAULT_pthread_getattr_np ||
           kind == FAULT_sigaltstack || kind == FAULT_pthread_kill /* which is sent again */;
}

/* Kinds that are called once for the process, or that fill tables which stay. */
static bool comes_first(FaultKind kind) {
    return kind == FAULT_sigaction || kind == FAULT_pthread_key_create ||
           kind == FAULT_pthread_atfork || kind == FAULT_realloc;
}

static bool fits(FaultKind kind, int32_t reason) {
    if (reason == DFD_STATUS_RESOURCES) return kind != FAULT_socketpair;
    switch (kind) {
    case FAULT_malloc:
    case FAULT_calloc:
    case FAULT_realloc:
    case FAULT_setenv:
        return reason == DFD_E_MEMORY;
    case FAULT_getentropy: /* no pool; or no realm: its caller knows no other reason */
    case FAULT_mmap:
    case FAULT_mprotect:
        return reason == DFD_E_MEMORY || reason == DFD_E_SYSTEM;
    case FAULT_pthread_create:
    case FAULT_pthread_attr_init:
    case FAULT_pthread_attr_setstacksize:
    case FAULT_pthread_attr_setguardsize:
        return reason == DFD_E_THREAD;
    case FAULT_pthread_getcpuclockid:
        return reason == DFD_E_CLOCK;
    case FAULT_clock_gettime:
        return reason == DFD_E_CLOCK || reason == DFD_E_SYSTEM;
    default:
        return reason == DFD_E_SYSTEM;
    }
}

/* Whether the host is told which call it was: not of a block of memory. */
static bool names_call(FaultKind kind) {
    return kind != FAULT_malloc && kind != FAULT_calloc && kind != FAULT_realloc;
}

/* In a process of its own: the nth call of a kind fails, and `more` after it. */
static int one_case(FaultKind kind, int nth, int more) {
    Left now, before = left();
    before.blocks = 2; /* the table of grants and the time zone's name, which stay */
    atomic_store(&check_failures, 0);
    alarm(HUNG_S);
    if (!comes_first(kind)) {
        Walk clean = walk_through();
        CHECK(clean.refused == 0 && !clean.comes_later, "%d without a fault", clean.first);
        CHECK(nothing_left(before, &now), "without a fault");
    }
    fault_arm(kind, nth, more);
    Walk walk = walk_through();
    bool struck = fault_struck();
    fault_arm(kind, 0, 0);
    if (struck && !has_another_way(kind))
        CHECK(walk.refused > 0 || walk.comes_later, "nobody was told");
    if (walk.refused) CHECK(fits(kind, walk.first), "told %d", walk.first);
    if (walk.refused && names_call(kind))
        CHECK(!strncmp(walk.reason, fault_name(kind), strnlen(fault_name(kind), 12)), "told %d: %s",
              walk.first, walk.reason);
    if (walk.refused && !names_call(kind)) CHECK(!walk.reason[0], "told %s", walk.reason);
    /* (The pair is made at the second try, if not at the first.) */
    bool goes_unhardened = kind == FAULT_prctl || (kind == FAULT_socketpair && more);
    if (struck && goes_unhardened && harden_is_possible())
        CHECK(!strncmp(walk.unhardened, fault_name(kind), strlen(fault_name(kind))), "for %s",
              walk.unhardened);
    else
        CHECK(!walk.unhardened[0], "for %s", walk.unhardened);
    CHECK(walk.completed == walk.submitted - 1 || walk.refused, "%d of %d completed",
          walk.completed, walk.submitted);
    CHECK(nothing_left(before, &now),
          "blocks %ld -> %ld, mappings %ld -> %ld, fds %d -> %d, threads %d -> %d", before.blocks,
          now.blocks, before.mappings, now.mappings, before.fds, now.fds, before.threads,
          now.threads);
    if (kind != FAULT_sigaction) { /* which is tried once */
        walk = walk_through();
        CHECK(walk.refused == 0, "%d afterwards", walk.first);
    }
    if (atomic_load(&check_failures)) return 1;
    return struck ? 0 : NOT_STRUCK;
}

/* Each call of a kind in its turn. Returns how many there are. */
static int each_call(FaultKind kind, int more) {
    for (int nth = 1;; nth++) {
        fflush(stdout);
        pid_t child = fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            signal(SIGABRT, SIG_DFL);
            int result = one_case(kind, nth, more);
            fflush(stdout);
            if (result) _exit(result);
            exit(0); /* where the leak checker looks */
        }
        int status = 0;
        waitpid(child, &status, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_STRUCK) return nth - 1;
        REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s, call %d (%d more): %s %d",
                fault_name(kind), nth, more, WIFSIGNALED(status) ? "ended by signal" : "code",
                WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        REQUIRE(nth < 1000);
    }
}

static void each_of(const FaultKind *kinds, size_t count) {
    for (size_t i = 0; i < count; i++) {
        int calls = each_call(kinds[i], 0);
        CHECK(calls > 0, "%s is never called", fault_name(kinds[i]));
        printf("# %s: %d calls\n", fault_name(kinds[i]), calls);
    }
}
#define EACH_OF(...)                                                                               \
    each_of((const FaultKind[]){__VA_ARGS__}, sizeof (FaultKind[]){__VA_ARGS__} / sizeof(FaultKind))

TEST("a block of memory that is refused") {
    EACH_OF(FAULT_malloc, FAULT_calloc, FAULT_realloc);
}

TEST("a mapping that is refused") {
    EACH_OF(FAULT_mmap, FAULT_mprotect, FAULT_mremap, FAULT_madvise);
}

TEST("a thread that can't be started") {
    EACH_OF(FAULT_pthread_create, FAULT_pthread_attr_init, FAULT_pthread_attr_setstacksize,
            FAULT_pthread_attr_setguardsize);
}

TEST("an environment that takes no more") {
    EACH_OF(FAULT_setenv);
}

TEST("locks, keys and sockets that are refused") {
    EACH_OF(FAULT_pthread_mutex_init, FAULT_pthread_cond_init, FAULT_pthread_condattr_init,
            FAULT_pthread_key_create, FAULT_pthread_setspecific, FAULT_pthread_atfork,
            FAULT_socketpair);
    os_pretend_plain_sockets(true);
    EACH_OF(FAULT_fcntl);
    os_pretend_plain_sockets(false);
}

TEST("chance that is refused") {
    EACH_OF(FAULT_getentropy);
}

TEST("a filter of system calls that is refused") {
    if (!harden_is_possible()) SKIP("a system that has such filters, and no sanitizer");
    EACH_OF(FAULT_prctl);
}

TEST("signals and clocks that are refused") {
    EACH_OF(FAULT_pthread_getcpuclockid, FAULT_clock_gettime, FAULT_sigaction, FAULT_sigaltstack,
            FAULT_pthread_getattr_np, FAULT_pthread_kill);
}

TEST("what is refused from then on, for ever") {
    static const FaultKind kinds[] = {FAULT_malloc,      FAULT_mmap,
                                      FAULT_sigaltstack, FAULT_pthread_create,
                                      FAULT_socketpair,  FAULT_pthread_getcpuclockid};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) each_call(kinds[i], 1 << 20);
}
