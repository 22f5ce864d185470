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

int32_t completion_open(CompletionQueue *queue) {
    *queue = (CompletionQueue){.fd = -1, .host_fd = -1};
    queue->last = &queue->first;
    void *memory =
        mmap(NULL, CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return DFD_E_MEMORY;
    queue->control = memory;
    if (pthread_mutex_init(&queue->lock, NULL)) goto no_lock;
    if (!pthread_mutex_init(&queue->wake_lock, NULL)) return 0;
    pthread_mutex_destroy(&queue->lock);
no_lock:
    munmap(memory, CONTROL_BYTES);
    return DFD_E_SYSTEM;
}

static uint8_t *ring(const CompletionQueue *queue) {
    return (uint8_t *)queue->control + (size_t)DFD_CONTROL_RING * 4;
}

static void put_u32(uint8_t *at, uint32_t value) { memcpy(at, &value, 4); }
static void put_f64(uint8_t *at, double value) { memcpy(at, &value, 8); }

/* Where the table of moved buffers lies in a payload. */
static size_t table_at(uint32_t length) { return ((size_t)length + 7) & ~(size_t)7; }

void completion_close(CompletionQueue *queue) {
    while (queue->first) {
        Completion *completion = queue->first;
        queue->first = completion->next;
        if (!completion->grant) bytes_free(&completion->payload);
        free(completion);
    }
    grants_close(&queue->grants);
    completion_silence(queue);
    pthread_mutex_destroy(&queue->wake_lock);
    pthread_mutex_destroy(&queue->lock);
    munmap((void *)queue->control, CONTROL_BYTES);
    queue->control = NULL;
}

bool completion_load(CompletionQueue *queue, Completion *completion, Bytes *payload) {
    completion->grant = 0;
    if (payload->length > INLINE_MAX) {
        completion->grant = grants_add(&queue->grants, payload->data, 0);
        if (!completion->grant) {
            moved_drop(&queue->grants, payload->data + table_at(completion->length),
                       completion->moved);
            return false;
        }
    }
    completion->payload = *payload;
    *payload = (Bytes){0};
    return true;
}

/* Writes a record if there is room; a payload that was granted is the completion's no more. Under
 * the lock. */
static bool write_record(CompletionQueue *queue, Completion *completion) {
    Bytes *payload = &completion->payload;
    bool external = completion->grant != 0;
    uint32_t length = (uint32_t)payload->length;
    uint32_t size = (uint32_t)DFD_RECORD_PAYLOAD + (external ? 16 : (length + 7) & ~7u);
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
        put_f64(record + DFD_RECORD_PAYLOAD + 8, completion->grant);
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

/* A pair of sockets that no child inherits and that never block; false if there is none. */
static bool make_pair(int ends[2]) {
#if defined(SOCK_CLOEXEC) && defined(SOCK_NONBLOCK)
    return !socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends);
#else /* not at once: a child that is started meanwhile has both ends */
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) return false;
    bool fine = true;
    for (int i = 0; i < 2; i++) {
        int flags = fcntl(ends[i], F_GETFL), on = 1;
        fine = fine && flags >= 0 && !fcntl(ends[i], F_SETFL, flags | O_NONBLOCK) &&
               !fcntl(ends[i], F_SETFD, FD_CLOEXEC);
#ifdef SO_NOSIGPIPE
        fine = fine && !setsockopt(ends[i], SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
    }
    if (fine) return true;
    close(ends[0]);
    close(ends[1]);
    return false;
#endif
}

void completion_make_pair(CompletionQueue *queue) {
    int ends[2];
    if (queue->fd >= 0 || !make_pair(ends)) return;
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
