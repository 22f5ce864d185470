/* floor.c - the C floor: the library with no JavaScript host above it.
 *
 *   floor KIND source=FUNCTION key=value...    prints its figures as one line of JSON
 *
 * The same measures as contend.mjs, the same task (its source is an argument), and a host that
 * does as little as a host can: it submits, and looks at the ring until the completion is there.
 * What a runtime's figure has above this one is the price of its event loop, its promises and its
 * FFI.
 *
 * One thread, one pool at a time; uses the public headers alone. Any failure ends the program.
 */
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "deferred.h"
#include "wire.h"

#define RING_MASK (DFD_RING_BYTES - 1)
#define PADDING 0xffffffffu
/* How often the host looks before it lets others have the processor: about 10 us. */
#define LOOKS 1000

static _Noreturn void fail(const char *what, double value) {
    fprintf(stderr, "floor: %s (%g)\n", what, value);
    exit(1);
}

static double now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void sleep_ms(double ms) {
    struct timespec rest = {(time_t)(ms / 1e3), (long)(ms * 1e6) % 1000000000};
    while (nanosleep(&rest, &rest) && errno == EINTR) {}
}

/* --- a host ------------------------------------------------------------------------------- */

typedef struct Host {
    uint32_t pool;
    double program;
    _Atomic uint32_t *control;
    uint32_t head;
} Host;

static uint32_t get_u32(const uint8_t *at) {
    uint32_t value;
    memcpy(&value, at, 4);
    return value;
}

static void put_u32(uint8_t *at, uint32_t value) { memcpy(at, &value, 4); }

static Host host_open(uint32_t threads, const char *source) {
    static uint8_t reply[4096];
    int32_t pool = dfd_pool_open();
    if (pool < 0) fail("dfd_pool_open", pool);
    Host host = {.pool = (uint32_t)pool};
    if (dfd_pool_set(host.pool, DFD_OPTION_MAX_THREADS, threads)) fail("threads", threads);
    host.control = (void *)(uintptr_t)dfd_pool_control(host.pool);
    int32_t length = dfd_compile(host.pool, (const uint8_t *)source, (uint32_t)strlen(source), 1,
                                 reply, sizeof reply);
    if (length < 8) fail("dfd_compile", length);
    memcpy(&host.program, reply, 8);
    if (!host.program) fail("the task was refused", 0);
    return host;
}

static void host_submit(Host *host, uint32_t task, int32_t argument) {
    uint8_t submission[DFD_SUBMISSION_ARGS + 5] = {0};
    put_u32(submission + DFD_SUBMISSION_TASK, task);
    memcpy(submission + DFD_SUBMISSION_PROGRAM, &host->program, 8);
    put_u32(submission + DFD_SUBMISSION_ARGC, 1);
    put_u32(submission + DFD_SUBMISSION_ARGS_LENGTH, 5);
    submission[DFD_SUBMISSION_ARGS] = WIRE_INT;
    put_u32(submission + DFD_SUBMISSION_ARGS + 1, (uint32_t)argument);
    double handle = dfd_submit(host->pool, submission, sizeof submission);
    if (handle < 0) fail("dfd_submit", handle);
}

/* Reads `count` completions; sets a bit of `workers` (if any) for each worker that sent one. */
static void host_read(Host *host, uint32_t count, uint64_t *workers) {
    const uint8_t *ring = (const uint8_t *)(host->control + DFD_CONTROL_RING);
    for (uint32_t looks = 0; count; looks++) {
        if (looks > LOOKS) sched_yield();
        uint32_t tail =
            atomic_load_explicit(&host->control[DFD_CONTROL_TAIL], memory_order_acquire);
        for (; host->head != tail; looks = 0) {
            const uint8_t *record = ring + (host->head & RING_MASK);
            if (get_u32(record + DFD_RECORD_TASK) != PADDING) {
                uint32_t status = get_u32(record + DFD_RECORD_STATUS);
                if (status != DFD_STATUS_OK) fail("a task failed with status", status);
                if (workers) *workers |= (uint64_t)1 << (get_u32(record + DFD_RECORD_WORKER) & 63);
                count--;
            }
            host->head += get_u32(record + DFD_RECORD_SIZE);
        }
        atomic_store_explicit(&host->control[DFD_CONTROL_HEAD], host->head, memory_order_release);
        if (atomic_load(&host->control[DFD_CONTROL_OVERFLOW])) dfd_refill(host->pool);
    }
}

static void host_close(Host *host) { dfd_pool_close(host->pool); }

/* --- measures ----------------------------------------------------------------------------- */

static double option(int argc, char **argv, const char *key, double otherwise) {
    size_t length = strlen(key);
    for (int i = 0; i < argc; i++)
        if (!strncmp(argv[i], key, length) && argv[i][length] == '=')
            return strtod(argv[i] + length + 1, NULL);
    return otherwise;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(double *samples, size_t count, double q) {
    qsort(samples, count, sizeof *samples, by_size);
    return samples[(size_t)(q * (double)(count - 1) + 0.5)];
}

static double *new_samples(size_t count) {
    double *samples = calloc(count ? count : 1, sizeof *samples);
    if (!samples) fail("no memory", 0);
    return samples;
}

static void roundtrip(int argc, char **argv, const char *source) {
    double idle = option(argc, argv, "idle", 0), ms = option(argc, argv, "ms", 500);
    size_t least = (size_t)option(argc, argv, "tasks", 100), most = 1000000, count = 0;
    double *samples = new_samples(most);
    Host host = host_open(1, source);
    for (uint32_t i = 0; i < 1000; i++) host_submit(&host, i, 1), host_read(&host, 1, NULL);
    double end = now_us() + ms * 1e3;
    while (count < most && (count < least || now_us() < end)) {
        if (idle > 0) sleep_ms(idle);
        double start = now_us();
        host_submit(&host, (uint32_t)count, 1);
        host_read(&host, 1, NULL);
        samples[count++] = now_us() - start;
    }
    host_close(&host);
    double p50 = quantile(samples, count, 0.5), p99 = quantile(samples, count, 0.99);
    printf("{\"p50\":%.3f,\"p99\":%.3f,\"samples\":%zu}\n", p50, p99, count);
    free(samples);
}

static void burst(int argc, char **argv, const char *source) {
    uint32_t tasks = (uint32_t)option(argc, argv, "tasks", 20000);
    size_t repeat = (size_t)option(argc, argv, "repeat", 3);
    double argument = option(argc, argv, "arg", -1);
    double *samples = new_samples(repeat);
    Host host = host_open((uint32_t)option(argc, argv, "threads", 1), source);
    for (size_t round = 0; round <= repeat; round++) { /* the first to warm up */
        double start = now_us();
        for (uint32_t i = 0; i < tasks; i++)
            host_submit(&host, i, argument < 0 ? (int32_t)i : (int32_t)argument);
        host_read(&host, tasks, NULL);
        if (round > 0) samples[round - 1] = now_us() - start;
    }
    host_close(&host);
    printf("{\"rate\":%.0f}\n", tasks / quantile(samples, repeat, 0.5) * 1e6);
    free(samples);
}

static void first(int argc, char **argv, const char *source) {
    size_t count = (size_t)option(argc, argv, "samples", 20);
    double *samples = new_samples(count);
    for (size_t i = 0; i < count + 3; i++) {
        double start = now_us();
        Host host = host_open(1, source);
        host_submit(&host, 0, 1);
        host_read(&host, 1, NULL);
        if (i >= 3) samples[i - 3] = (now_us() - start) / 1e3;
        host_close(&host);
    }
    printf("{\"p50\":%.3f}\n", quantile(samples, count, 0.5));
    free(samples);
}

static double resident_bytes(void) {
    long size = 0, resident = 0;
    sleep_ms(100);
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld", &size, &resident) != 2) fail("no /proc/self/statm", 0);
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

/* A pool all of whose workers have run a task: where one was not among them, longer ones follow. */
static Host open_all(uint32_t threads, const char *source, int32_t busy_ms) {
    Host host = host_open(threads, source);
    for (int32_t ms = busy_ms; ms <= 16 * busy_ms; ms *= 2) {
        uint64_t workers = 0;
        for (uint32_t i = 0; i < threads; i++) host_submit(&host, i, ms);
        host_read(&host, threads, &workers);
        if (__builtin_popcountll(workers) == (int)threads) return host;
    }
    fail("not as many workers started", threads);
}

static void memory(int argc, char **argv, const char *source) {
    double workers = option(argc, argv, "workers", 8);
    int32_t busy_ms = (int32_t)option(argc, argv, "busy", 100);
    Host one = open_all(1, source, busy_ms);
    double before = resident_bytes();
    Host many = open_all((uint32_t)workers, source, busy_ms);
    double after = resident_bytes();
    host_close(&many);
    host_close(&one);
    printf("{\"each\":%.3f}\n", (after - before) / workers / 1e6);
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        void (*run)(int argc, char **argv, const char *source);
    } measures[] = {
        {"roundtrip", roundtrip},
        {"burst", burst},
        {"first", first},
        {"memory", memory},
    };
    const char *source = NULL;
    for (int i = 2; i < argc; i++)
        if (!strncmp(argv[i], "source=", 7)) source = argv[i] + 7;
    for (size_t i = 0; argc > 1 && source && i < sizeof measures / sizeof *measures; i++) {
        if (strcmp(argv[1], measures[i].name)) continue;
        measures[i].run(argc, argv, source);
        return 0;
    }
    fprintf(stderr, "usage: floor roundtrip|burst|first|memory source=FUNCTION key=value...\n");
    return 2;
}
