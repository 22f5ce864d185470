/* completion.c - see completion.h for the picture, the memory order and who owns what */
#include "completion.h"

#include <assert.h>

#include "moved.h"

#define RING_MASK (DFD_RING_BYTES - 1)
#define PADDING 0xffffffffu
/* A payload beyond this is handed over where it lies, so that one result can't fill the ring. */
#define INLINE_MAX (DFD_RING_BYTES / 4)
#define CONTROL_BYTES ((size_t)DFD_CONTROL_RING * 4 + DFD_RING_BYTES)

_Static_assert((DFD_RING_BYTES & RING_MASK) == 0, "the ring's size is a power of two");
_Static_assert(sizeof(_Atomic uint32_t) == 4, "the host reads the control words as 32 bits");
_Static_assert(DFD_RECORD_PAYLOAD % 8 == 0, "payloads are aligned to 8");

static _Atomic uint32_t *word(const CompletionQueue *queue, int index) {
    return &queue->control[index];
}

int32_t completion_open(CompletionQueue *queue) {
    *queue = (CompletionQueue){.fd = -1, .host_fd = -1};
    queue->last = &queue->first;
    void *memory = os_map(CONTROL_BYTES, OS_READ_WRITE);
    if (!memory) return DFD_E_MEMORY;
    queue->control = memory;
    if (!lock_open(&queue->lock, LOCK_COMPLETIONS)) goto no_lock;
    if (lock_open(&queue->wake_lock, LOCK_WAKE)) return 0;
    lock_close(&queue->lock);
no_lock:
    os_unmap(memory, CONTROL_BYTES);
    return DFD_E_SYSTEM;
}

static uint8_t *ring(const CompletionQueue *queue) {
    return (uint8_t *)queue->control + (size_t)DFD_CONTROL_RING * 4;
}

static void set_u32(uint8_t *at, uint32_t value) { memcpy(at, &value, 4); }
static void set_f64(uint8_t *at, double value) { memcpy(at, &value, 8); }

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
    lock_close(&queue->wake_lock);
    lock_close(&queue->lock);
    os_unmap((void *)queue->control, CONTROL_BYTES);
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

/* Writes a record if there is room. A payload that was granted is then no longer the completion's.
 */
static bool write_record(CompletionQueue *queue, Completion *completion) {
    lock_assert(&queue->lock);
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
        set_u32(filler + DFD_RECORD_SIZE, padding);
        set_u32(filler + DFD_RECORD_TASK, PADDING);
    }
    uint8_t *record = ring(queue) + ((tail + padding) & RING_MASK);
    set_u32(record + DFD_RECORD_SIZE, size);
    set_u32(record + DFD_RECORD_TASK, completion->task);
    set_u32(record + DFD_RECORD_KIND, completion->kind);
    set_u32(record + DFD_RECORD_STATUS, completion->status);
    set_u32(record + DFD_RECORD_WORKER, completion->worker);
    set_f64(record + DFD_RECORD_RUN_MS, completion->run_ms);
    set_f64(record + DFD_RECORD_WAIT_MS, completion->wait_ms);
    set_u32(record + DFD_RECORD_LENGTH, completion->length);
    set_u32(record + DFD_RECORD_MOVED, completion->moved);
    set_u32(record + DFD_RECORD_EXTERNAL, external);
    if (external) {
        set_f64(record + DFD_RECORD_PAYLOAD, (double)(uintptr_t)payload->data);
        set_f64(record + DFD_RECORD_PAYLOAD + 8, completion->grant);
        *payload = (Bytes){0};
    } else if (length) {
        memcpy(record + DFD_RECORD_PAYLOAD, payload->data, length);
    }
    atomic_store(word(queue, DFD_CONTROL_TAIL), tail + padding + size);
    return true;
}

static void tell_host(CompletionQueue *queue) {
    lock_take(&queue->wake_lock);
    if (queue->fd >= 0) os_send_byte(queue->fd);
    lock_release(&queue->wake_lock);
}

/* Writes a record, or appends the completion to the overflow list: then it is that's. */
static bool push_record(CompletionQueue *queue, Completion *completion) {
    lock_assert(&queue->lock);
    /* Once one waits outside, all do: completions keep their order. */
    if (!queue->first && write_record(queue, completion)) return true;
    completion->next = NULL;
    *queue->last = completion;
    queue->last = &completion->next;
    atomic_fetch_add(word(queue, DFD_CONTROL_OVERFLOW), 1);
    return false;
}

/* Lets go of the lock under which records were written. */
static void pushed(CompletionQueue *queue) {
    lock_release(&queue->lock);
    if (atomic_exchange(word(queue, DFD_CONTROL_PARKED), 0)) tell_host(queue);
}

bool completion_push(CompletionQueue *queue, Completion *completion) {
    lock_take(&queue->lock);
    bool written = push_record(queue, completion);
    pushed(queue);
    return written;
}

/* --- events ------------------------------------------------------------------------------- */

static bool push_event(CompletionQueue *queue, uint32_t task, Bytes *payload, EventParts parts) {
    lock_assert(&queue->lock);
    Completion *event = malloc(sizeof *event);
    if (!event) {
        moved_drop(&queue->grants, payload->data + table_at(parts.length), parts.moved);
        return false;
    }
    *event = (Completion){
        .task = task,
        .kind = DFD_KIND_EVENT,
        .length = parts.length,
        .moved = parts.moved,
    };
    bool loaded = payload->length <= UINT32_MAX && completion_load(queue, event, payload);
    if (loaded && !push_record(queue, event)) return true;
    if (loaded) *payload = event->payload;
    free(event);
    return loaded;
}

static bool push_report(CompletionQueue *queue, uint32_t task, Progress *progress, Bytes *payload) {
    size_t length = payload->length;
    if (!push_event(queue, task, payload, (EventParts){.length = (uint32_t)length})) return false;
    progress->unread += length;
    return true;
}

/* Tells the host of the report that waits, if one does. */
static bool push_latest(CompletionQueue *queue, uint32_t task, Progress *progress) {
    Bytes *latest = &progress->latest;
    if (!latest->length) return true;
    if (!push_report(queue, task, progress, latest)) return false;
    /* It may have held a larger report before, and the task may wait for long. */
    bytes_free(latest);
    return true;
}

bool completion_tell(CompletionQueue *queue, uint32_t task, Progress *progress, Bytes *payload,
                     EventParts parts) {
    lock_take(&queue->lock);
    bool told = progress->unread >= DFD_LIMIT_UNREAD_MAX || push_latest(queue, task, progress);
    if (told)
        told = push_event(queue, task, payload, parts);
    else
        moved_drop(&queue->grants, payload->data + table_at(parts.length), parts.moved);
    pushed(queue);
    return told;
}

bool completion_report(CompletionQueue *queue, uint32_t task, Progress *progress, Bytes *payload) {
    bool told = true;
    lock_take(&queue->lock);
    if (progress->unread) {
        Bytes before = progress->latest;
        progress->latest = *payload;
        *payload = before;
    } else {
        bytes_reset(&progress->latest); /* there was no memory for it */
        told = push_report(queue, task, progress, payload);
    }
    pushed(queue);
    return told;
}

bool completion_reported(CompletionQueue *queue, uint32_t task, Progress *progress, size_t bytes) {
    lock_take(&queue->lock);
    progress->unread -= bytes < progress->unread ? bytes : progress->unread;
    bool told = progress->unread || push_latest(queue, task, progress);
    pushed(queue);
    return told;
}

void completion_report_last(CompletionQueue *queue, uint32_t task, Progress *progress) {
    lock_take(&queue->lock);
    push_latest(queue, task, progress);
    bytes_free(&progress->latest);
    pushed(queue);
}

int32_t completion_refill(CompletionQueue *queue) {
    lock_take(&queue->lock);
    while (queue->first && write_record(queue, queue->first)) {
        Completion *completion = queue->first;
        queue->first = completion->next;
        if (!queue->first) queue->last = &queue->first;
        atomic_fetch_sub(word(queue, DFD_CONTROL_OVERFLOW), 1);
        bytes_free(&completion->payload);
        free(completion);
    }
    int32_t left = (int32_t)atomic_load(word(queue, DFD_CONTROL_OVERFLOW));
    lock_release(&queue->lock);
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

bool completion_make_pair(CompletionQueue *queue) {
    int ends[2];
    lock_take(&queue->wake_lock);
    bool made = queue->fd >= 0;
    if (!made && (made = os_socket_pair(ends))) {
        queue->host_fd = ends[0];
        queue->fd = ends[1];
    }
    lock_release(&queue->wake_lock);
    return made;
}

int completion_wake_fd(CompletionQueue *queue) {
    lock_take(&queue->wake_lock);
    int fd = queue->fd;
    lock_release(&queue->wake_lock);
    return fd;
}

int completion_take_fd(CompletionQueue *queue) {
    completion_make_pair(queue);
    lock_take(&queue->wake_lock);
    int fd = queue->host_fd;
    queue->host_fd = -1;
    lock_release(&queue->wake_lock);
    return fd;
}

void completion_silence(CompletionQueue *queue) {
    lock_take(&queue->wake_lock);
    if (queue->fd >= 0) os_close(queue->fd);
    if (queue->host_fd >= 0) os_close(queue->host_fd);
    queue->fd = queue->host_fd = -1;
    lock_release(&queue->wake_lock);
}
