/* completion_test.c - the completion queue: order, wrapping, overflow, parking, several writers. */
#include "completion.h"

#include <unistd.h>

#include "check.h"
#include "host.h"

static int32_t release_here(void *opaque, double handle) {
    CompletionQueue *queue = opaque;
    return grants_release(&queue->grants, handle);
}

/* Reads one record, from the overflow list too. */
static bool read_one(CompletionQueue *queue, HostRecord *record) {
    while (!host_read_grants(queue->control, release_here, queue, record)) {
        if (!atomic_load(&queue->control[DFD_CONTROL_OVERFLOW])) return false;
        completion_refill(queue);
    }
    return true;
}

/* Pushes a record with `length` bytes of payload that all say `task`. */
static void push_kind(CompletionQueue *queue, uint32_t kind, uint32_t task, size_t length) {
    Completion *completion = calloc(1, sizeof *completion);
    if (!completion) abort();
    completion->task = task;
    completion->kind = kind;
    completion->status = task % 7;
    completion->worker = task % 5;
    Bytes payload = {0};
    if (length) {
        payload.data = malloc(length);
        if (!payload.data) abort();
        memset(payload.data, (int)(task & 0xff), length);
        payload.length = payload.capacity = length;
        completion->length = (uint32_t)length;
    }
    if (!completion_load(queue, completion, &payload)) abort();
    if (completion_push(queue, completion)) {
        bytes_free(&completion->payload);
        free(completion);
    }
}

static void push(CompletionQueue *queue, uint32_t task, size_t length) {
    push_kind(queue, DFD_KIND_END, task, length);
}

static bool as_pushed(const HostRecord *seen, uint32_t task, size_t length) {
    return seen->task == task && seen->status == task % 7 && seen->worker == task % 5 &&
           seen->length == length && (!length || seen->head[0] == (task & 0xff));
}

TEST("records come out in order and wrap") {
    CompletionQueue queue;
    REQUIRE(completion_open(&queue) == 0);
    uint32_t next = 0;
    for (uint32_t task = 0; task < 20000; task++) {
        push(&queue, task, task * 37 % 1500);
        while (task - next > task % 20) {
            HostRecord seen;
            REQUIRE(read_one(&queue, &seen));
            CHECK(as_pushed(&seen, next, next * 37 % 1500));
            next++;
        }
    }
    completion_close(&queue);
}

TEST("what does not fit waits and keeps its order") {
    CompletionQueue queue;
    REQUIRE(completion_open(&queue) == 0);
    for (uint32_t task = 0; task < 5000; task++) push(&queue, task, 100);
    CHECK(atomic_load(&queue.control[DFD_CONTROL_OVERFLOW]) > 0);
    for (uint32_t task = 0; task < 5000; task++) {
        HostRecord seen;
        REQUIRE(read_one(&queue, &seen));
        CHECK(as_pushed(&seen, task, 100));
    }
    HostRecord none;
    CHECK(!read_one(&queue, &none));
    CHECK(atomic_load(&queue.control[DFD_CONTROL_OVERFLOW]) == 0);
    completion_close(&queue);
}

/* How many wake-ups came since the last time. */
static ssize_t told(int fd) {
    char bytes[64];
    ssize_t count = read(fd, bytes, sizeof bytes);
    return count < 0 ? 0 : count;
}

/* Of each task three events, of which some are too large for the ring, and then its end. */
static const size_t event_lengths[] = {40, 20000, 0, 100};

static void push_step(CompletionQueue *queue, uint32_t task, uint32_t step) {
    push_kind(queue, step < 3 ? DFD_KIND_EVENT : DFD_KIND_END, task, event_lengths[step]);
}

TEST("a task's events come before its end, in their order, through the ring and past it") {
    enum { TASKS = 1000, STEPS = 4 };
    CompletionQueue queue;
    REQUIRE(completion_open(&queue) == 0);
    for (uint32_t i = 0; i < TASKS * STEPS; i++) push_step(&queue, i / STEPS, i % STEPS);
    CHECK(atomic_load(&queue.control[DFD_CONTROL_OVERFLOW]) > 0);
    for (uint32_t i = 0; i < TASKS * STEPS; i++) {
        uint32_t task = i / STEPS, step = i % STEPS;
        HostRecord seen;
        REQUIRE(read_one(&queue, &seen));
        CHECK(as_pushed(&seen, task, event_lengths[step]) && seen.lost == 0);
        CHECK(seen.kind == (step < 3 ? DFD_KIND_EVENT : DFD_KIND_END), "%u of task %u", step, task);
        CHECK(seen.external == (step == 1));
    }
    completion_close(&queue);
}

TEST("a parked host is told of an event, and what it does not read of events is freed") {
    CompletionQueue queue;
    REQUIRE(completion_open(&queue) == 0);
    int fd = completion_take_fd(&queue);
    HostRecord seen;
    CHECK(completion_park(&queue) == 0);
    push_kind(&queue, DFD_KIND_EVENT, 1, 8);
    CHECK(told(fd) == 1);
    CHECK(read_one(&queue, &seen) && seen.kind == DFD_KIND_EVENT);
    for (uint32_t i = 0; i < 3000; i++) push_step(&queue, i / 3, i % 3);
    close(fd);
    completion_close(&queue);
}

TEST("large payloads are handed over") {
    CompletionQueue queue;
    REQUIRE(completion_open(&queue) == 0);
    push(&queue, 1, 3u << 20);
    push(&queue, 2, DFD_RING_BYTES / 4);
    push(&queue, 3, DFD_RING_BYTES / 4 + 1);
    HostRecord seen;
    CHECK(read_one(&queue, &seen) && as_pushed(&seen, 1, 3u << 20) && seen.external);
    CHECK(read_one(&queue, &seen) && as_pushed(&seen, 2, DFD_RING_BYTES / 4) && !seen.external);
    CHECK(read_one(&queue, &seen) && as_pushed(&seen, 3, DFD_RING_BYTES / 4 + 1) && seen.external);
    completion_close(&queue);
}

TEST("closing frees what was not read") { /* the leak checker says if it does not */
    CompletionQueue queue;
    REQUIRE(completion_open(&queue) == 0);
    for (uint32_t task = 0; task < 3000; task++) push(&queue, task, task % 50 ? 60 : 100000);
    HostRecord seen;
    for (int i = 0; i < 70; i++) REQUIRE(read_one(&queue, &seen));
    completion_close(&queue);
}

TEST("a parked host is told once") {
    CompletionQueue queue;
    REQUIRE(completion_open(&queue) == 0);
    int fd = completion_take_fd(&queue);
    CHECK(fd >= 0);
    CHECK(completion_take_fd(&queue) == -1);
    push(&queue, 1, 8);
    CHECK(told(fd) == 0); /* nobody asked */
    CHECK(completion_park(&queue) == 1);
    HostRecord seen;
    REQUIRE(read_one(&queue, &seen));
    CHECK(completion_park(&queue) == 0);
    push(&queue, 2, 8);
    push(&queue, 3, 8);
    CHECK(told(fd) == 1);
    CHECK(completion_park(&queue) == 1); /* two are there */
    CHECK(read_one(&queue, &seen) && read_one(&queue, &seen));
    CHECK(completion_park(&queue) == 0);
    completion_unpark(&queue);
    push(&queue, 4, 8);
    CHECK(told(fd) == 0);
    completion_silence(&queue);
    REQUIRE(read_one(&queue, &seen));
    CHECK(completion_park(&queue) == 0);
    push(&queue, 5, 8);
    CHECK(told(fd) == 0);
    close(fd);
    completion_close(&queue);
}

typedef struct Writer {
    CompletionQueue *queue;
    uint32_t base;
    pthread_t thread;
} Writer;

enum { EACH = 20000, WRITERS = 3 };

static void *write_all(void *argument) {
    Writer *writer = argument;
    for (uint32_t i = 0; i < EACH; i++)
        push(writer->queue, writer->base + i, i % 211 ? i % 90 : 20000);
    return NULL;
}

/* The host parks whenever it finds nothing and waits: a wake-up that was lost would hang it. */
TEST("no completion and no wake up is lost") {
    CompletionQueue queue;
    REQUIRE(completion_open(&queue) == 0);
    int fd = completion_take_fd(&queue);
    REQUIRE(fd >= 0);
    Writer writers[WRITERS];
    uint32_t next[WRITERS] = {0};
    for (uint32_t w = 0; w < WRITERS; w++) {
        writers[w] = (Writer){.queue = &queue, .base = w * EACH};
        CHECK(pthread_create(&writers[w].thread, NULL, write_all, &writers[w]) == 0);
    }
    uint32_t count = 0;
    while (count < WRITERS * EACH) {
        HostRecord seen;
        while (read_one(&queue, &seen)) {
            uint32_t w = seen.task / EACH, i = seen.task % EACH;
            CHECK(w < WRITERS && i == next[w]); /* each writer's order is kept */
            CHECK(as_pushed(&seen, seen.task, i % 211 ? i % 90 : 20000));
            next[w]++;
            count++;
        }
        if (count < WRITERS * EACH && completion_park(&queue) == 0) host_wait(fd);
    }
    for (int w = 0; w < WRITERS; w++) pthread_join(writers[w].thread, NULL);
    close(fd);
    completion_close(&queue);
}
