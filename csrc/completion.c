/* completion.c - see completion.h for the picture, the memory order and who owns what */
#include "completion.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "moved.h"

#define RING_MASK (DFD_RING_BYTES - 1)
#define PADDING 0xffffffffu
/* A payload beyond this is handed over where it lies, so that one result can't fill the ring. */
#define INLINE_MAX (DFD_RING_BYTES / 4)
#define CONTROL_BYTES ((size_t)DFD_CONTROL_RING * 4 + DFD_RING_BYTES)

_Static_assert((DFD_RING_BYTES & RING_MASK) == 0, "the ring's size is a power of two");
_Static_assert(sizeof(_Atomic uint32_t) == 4, "the host reads the control words as 32 bits");
_Static_assert(DFD_RECORD_PAYLOAD % 8 == 0, "payloads are aligned to 8");

#ifndef MSG_NOSIGNAL /* macOS: SO_NOSIGPIPE is set on the socket instead */
#define MSG_NOSIGNAL 0
#endif
#ifndef MAP_ANONYMOUS
#define MAP_ANONYMOUS MAP_ANON
#endif

static _Atomic uint32_t *word(const CompletionQueue *queue, int index) {
    return &queue->control[index];
}

bool completion_open(CompletionQueue *queue) {
    *queue = (CompletionQueue){.fd = -1, .host_fd = -1};
    queue->last = &queue->first;
    void *memory =
        mmap(NULL, CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return false;
    queue->control = memory;
    if (pthread_mutex_init(&queue->lock, NULL)) goto no_lock;
    if (!pthread_mutex_init(&queue->wake_lock, NULL)) return true;
    pthread_mutex_destroy(&queue->lock);
no_lock:
    munmap(memory, CONTROL_BYTES);
    return false;
}

static uint8_t *ring(const CompletionQueue *queue) {
    return (uint8_t *)queue->control + (size_t)DFD_CONTROL_RING * 4;
}

static void put_u32(uint8_t *at, uint32_t value) { memcpy(at, &value, 4); }
static void put_f64(uint8_t *at, double value) { memcpy(at, &value, 8); }
static uint32_t get_u32_at(const uint8_t *at) {
    uint32_t value;
    memcpy(&value, at, 4);
    return value;
}

/* Where the table of moved buffers lies in a payload. */
static size_t table_at(uint32_t length) { return ((size_t)length + 7) & ~(size_t)7; }

/* Frees what a record that nobody read owns. */
static void drop_record(const uint8_t *record) {
    uint32_t length = get_u32_at(record + DFD_RECORD_LENGTH);
    bool external = get_u32_at(record + DFD_RECORD_EXTERNAL);
    uint8_t *payload = (uint8_t *)record + DFD_RECORD_PAYLOAD;
    if (external) {
        double address;
        memcpy(&address, payload, 8);
        payload = (uint8_t *)(uintptr_t)address;
    }
    moved_drop(payload + table_at(length), get_u32_at(record + DFD_RECORD_MOVED));
    if (external) free(payload);
}

void completion_close(CompletionQueue *queue) {
    /* Payloads outside the ring that the host never read. */
    uint32_t tail = atomic_load(word(queue, DFD_CONTROL_TAIL));
    for (uint32_t at = atomic_load(word(queue, DFD_CONTROL_HEAD)); at != tail;) {
        const uint8_t *record = ring(queue) + (at & RING_MASK);
        uint32_t size = get_u32_at(record + DFD_RECORD_SIZE);
        if (size < 8 || size > DFD_RING_BYTES) break; /* the host wrote into the ring */
        if (get_u32_at(record + DFD_RECORD_TASK) != PADDING) drop_record(record);
        at += size;
    }
    while (queue->first) {
        Completion *completion = queue->first;
        queue->first = completion->next;
        if (completion->moved)
            moved_drop(completion->payload.data + table_at(completion->length), completion->moved);
        bytes_free(&completion->payload);
        free(completion);
    }
    completion_silence(queue);
    pthread_mutex_destroy(&queue->wake_lock);
    pthread_mutex_destroy(&queue->lock);
    munmap((void *)queue->control, CONTROL_BYTES);
    queue->control = NULL;
}

/* Writes a record if there is room; the payload is copied and its buffer stays with the worker,
 * or it is handed over. Under the lock. */
static bool write_record(CompletionQueue *queue, Completion *completion) {
    Bytes *payload = &completion->payload;
    bool external = payload->length > INLINE_MAX;
    uint32_t length = (uint32_t)payload->length;
    uint32_t size = (uint32_t)DFD_RECORD_PAYLOAD + (external ? 8 : (length + 7) & ~7u);
    uint32_t tail = atomic_load_explicit(word(queue, DFD_CONTROL_TAIL), memory_order_relaxed);
    uint32_t head = atomic_load_explicit(word(queue, DFD_CONTROL_HEAD), memory_order_acquire);
    uint32_t room = DFD_RING_BYTES - (tail - head);
    uint32_t to_end = DFD_RING_BYTES - (tail & RING_MASK);
    uint32_t padding = size > to_end ? to_end : 0;
    if (size + padding > room) return false;

    if (padding) {
        uint8_t *filler = ring(queue) + (tail & RING_MASK);
        put_u32(filler + DFD_RECORD_SIZE, padding);
        put_u32(filler + DFD_RECORD_TASK, PADDING);
    }
    uint8_t *record = ring(queue) + ((tail + padding) & RING_MASK);
    put_u32(record + DFD_RECORD_SIZE, size);
    put_u32(record + DFD_RECORD_TASK, completion->task);
    put_u32(record + DFD_RECORD_STATUS, completion->status);
    put_u32(record + DFD_RECORD_WORKER, completion->worker);
    put_f64(record + DFD_RECORD_RUN_MS, completion->run_ms);
    put_f64(record + DFD_RECORD_WAIT_MS, completion->wait_ms);
    put_u32(record + DFD_RECORD_LENGTH, completion->length);
    put_u32(record + DFD_RECORD_MOVED, completion->moved);
    put_u32(record + DFD_RECORD_EXTERNAL, external);
    if (external) {
        put_f64(record + DFD_RECORD_PAYLOAD, (double)(uintptr_t)payload->data);
        *payload = (Bytes){0};
    } else if (length) {
        memcpy(record + DFD_RECORD_PAYLOAD, payload->data, length);
    }
    atomic_store(word(queue, DFD_CONTROL_TAIL), tail + padding + size);
    return true;
}

static void tell_host(CompletionQueue *queue) {
    pthread_mutex_lock(&queue->wake_lock);
    if (queue->fd >= 0) {
        ssize_t sent; /* a full socket means that a wake-up is on its way already */
        do sent = send(queue->fd, "!", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        while (sent < 0 && errno == EINTR);
    }
    pthread_mutex_unlock(&queue->wake_lock);
}

bool completion_push(CompletionQueue *queue, Completion *completion) {
    pthread_mutex_lock(&queue->lock);
    /* Once one waits outside, all do: completions keep their order. */
    bool written = !queue->first && write_record(queue, completion);
    if (!written) {
        completion->next = NULL;
        *queue->last = completion;
        queue->last = &completion->next;
        atomic_fetch_add(word(queue, DFD_CONTROL_OVERFLOW), 1);
    }
    pthread_mutex_unlock(&queue->lock);
    if (atomic_exchange(word(queue, DFD_CONTROL_PARKED), 0)) tell_host(queue);
    return written;
}

int32_t completion_refill(CompletionQueue *queue) {
    pthread_mutex_lock(&queue->lock);
    while (queue->first && write_record(queue, queue->first)) {
        Completion *completion = queue->first;
        queue->first = completion->next;
        if (!queue->first) queue->last = &queue->first;
        atomic_fetch_sub(word(queue, DFD_CONTROL_OVERFLOW), 1);
        bytes_free(&completion->payload);
        free(completion);
    }
    int32_t left = (int32_t)atomic_load(word(queue, DFD_CONTROL_OVERFLOW));
    pthread_mutex_unlock(&queue->lock);
    return left;
}

int32_t completion_park(CompletionQueue *queue) {
    atomic_store(word(queue, DFD_CONTROL_PARKED), 1);
    if (atomic_load(word(queue, DFD_CONTROL_TAIL)) == atomic_load(word(queue, DFD_CONTROL_HEAD)) &&
        !atomic_load(word(queue, DFD_CONTROL_OVERFLOW)))
        return 0;
    atomic_store(word(queue, DFD_CONTROL_PARKED), 0);
    return 1;
}

void completion_unpark(CompletionQueue *queue) { atomic_store(word(queue, DFD_CONTROL_PARKED), 0); }

void completion_make_pair(CompletionQueue *queue) {
    int ends[2];
    if (queue->fd >= 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) return;
    for (int i = 0; i < 2; i++) {
        fcntl(ends[i], F_SETFD, FD_CLOEXEC);
        fcntl(ends[i], F_SETFL, fcntl(ends[i], F_GETFL) | O_NONBLOCK);
#ifdef SO_NOSIGPIPE
        int on = 1;
        setsockopt(ends[i], SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
    }
    pthread_mutex_lock(&queue->wake_lock);
    queue->host_fd = ends[0];
    queue->fd = ends[1];
    pthread_mutex_unlock(&queue->wake_lock);
}

int completion_wake_fd(CompletionQueue *queue) {
    pthread_mutex_lock(&queue->wake_lock);
    int fd = queue->fd;
    pthread_mutex_unlock(&queue->wake_lock);
    return fd;
}

int completion_take_fd(CompletionQueue *queue) {
    completion_make_pair(queue);
    int fd = queue->host_fd;
    queue->host_fd = -1;
    return fd;
}

void completion_silence(CompletionQueue *queue) {
    pthread_mutex_lock(&queue->wake_lock);
    if (queue->fd >= 0) close(queue->fd);
    if (queue->host_fd >= 0) close(queue->host_fd);
    queue->fd = queue->host_fd = -1;
    pthread_mutex_unlock(&queue->wake_lock);
}
