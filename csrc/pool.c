/* pool.c - see pool.h; the rooms of a pool, and who touches what: pool_parts.h */
#include "pool_parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "jit/jit.h"
#include "submission.h"
#include "zone.h"

/* Tasks of closed pools that have still to end. */
static atomic_uint pool_unended;

uint32_t pool_stragglers(void) { return atomic_load(&pool_unended); }

void pool_straggler_ended(void) { atomic_fetch_sub(&pool_unended, 1); }

/* --- life --------------------------------------------------------------------------------- */

/* A task that runs has a seat, and one that waits has. */
static void pool_set_most(Pool *pool) {
    lock_take(&pool->lock);
    pool->queue.most = pool->max_threads + pool->max_waiting;
    lock_release(&pool->lock);
}

Pool *pool_open(int32_t *refused) {
    *refused = DFD_E_SYSTEM;
    if (!os_has_clock()) return NULL;
    *refused = DFD_E_MEMORY;
    Pool *pool = calloc(1, sizeof *pool);
    if (!pool) return NULL;
    atomic_init(&pool->holds, 1);
    pool->max_threads = 1;
    pool->max_waiting = DFD_LIMIT_WAITING_DEFAULT;
    pool->memory = DFD_LIMIT_MEMORY_DEFAULT;
    pool->stack = DFD_LIMIT_STACK_DEFAULT;
    pool->compiles = jit_by_default();
    compiler_open(&pool->compiler);
    zone_read();
    if ((*refused = completion_open(&pool->completions))) goto no_queue;
    queue_open(&pool->queue, pool_word(pool, DFD_CONTROL_QUEUED),
               pool_word(pool, DFD_CONTROL_WAITING), &pool->watchdog.deadlines);
    *refused = DFD_E_SYSTEM;
    if (!seats_open(&pool->seats)) goto no_lock;
    if (!lock_open(&pool->lock, LOCK_POOL)) goto no_lock;
    if (!workers_open(&pool->workers)) goto no_workers;
    if (!watchdog_open(&pool->watchdog)) goto no_watchdog;
    pool_set_most(pool);
    return pool;
no_watchdog:
    workers_close(&pool->workers);
no_workers:
    lock_close(&pool->lock);
no_lock:
    completion_close(&pool->completions);
no_queue:
    free(pool);
    return NULL;
}

bool pool_start_thread(Pool *pool, size_t stack, void *(*run)(void *), void *argument) {
    atomic_fetch_add(&pool->holds, 1);
    bool started = os_start_thread(stack, run, argument);
    if (!started) atomic_fetch_sub(&pool->holds, 1); /* never the last: the caller has one */
    return started;
}

void pool_drop(Pool *pool) {
    if (atomic_fetch_sub(&pool->holds, 1) != 1) return;
    assert(!queue_take(&pool->queue) && !pool->workers.first);
    seats_drop(&pool->seats);
    preload_close(&pool->preload);
    compiler_close(&pool->compiler);
    shares_free(pool->first_share);
    slots_close(&pool->tasks);
    watchdog_close(&pool->watchdog);
    workers_close(&pool->workers);
    lock_close(&pool->lock);
    completion_close(&pool->completions);
    free(pool);
}

void pool_close(Pool *pool) {
    lock_take(&pool->lock);
    pool->closing = true;
    Task *dropped = NULL;
    for (Task *task; (task = queue_take(&pool->queue)); dropped = task) {
        if (task->seat) seats_add_used(&pool->seats, task->seat); /* the workers close it */
        task->next = dropped;
    }
    workers_close_down(pool);
    atomic_fetch_add(&pool_unended, pool->workers.running);
    lock_release(&pool->lock);
    for (Task *next; dropped; dropped = next) {
        next = dropped->next;
        task_drop(dropped);
    }
    completion_silence(&pool->completions);
    pool_drop(pool);
}

int32_t pool_set(Pool *pool, uint32_t option, double value) {
    if (!(value >= 0) || workers_have_started(pool)) return DFD_E_INVALID;
    switch (option) {
    case DFD_OPTION_MAX_THREADS:
        if (value < 1 || value > DFD_LIMIT_THREADS_MAX) return DFD_E_INVALID;
        pool->max_threads = (uint32_t)value;
        pool_set_most(pool);
        return 0;
    case DFD_OPTION_MAX_WAITING:
        if (value > DFD_LIMIT_WAITING_MAX) return DFD_E_INVALID;
        pool->max_waiting = (uint32_t)value;
        pool_set_most(pool);
        return 0;
    case DFD_OPTION_MEMORY_LIMIT:
        if (value < DFD_LIMIT_MEMORY_MIN || value > DFD_LIMIT_MEMORY_MAX) return DFD_E_INVALID;
        pool->memory = (size_t)value;
        return 0;
    case DFD_OPTION_MAX_STACK_SIZE:
        if (value < DFD_LIMIT_STACK_MIN || value > DFD_LIMIT_STACK_MAX) return DFD_E_INVALID;
        pool->stack = (size_t)value;
        return 0;
    case DFD_OPTION_COMPILE_LIMIT:
        if (!(value > 0)) return DFD_E_INVALID;
        pool->compiler.limit_ms = value;
        return 0;
    case DFD_OPTION_JIT:
        pool->compiles = value != 0;
        return 0;
    default:
        return DFD_E_INVALID;
    }
}

/* --- what the rooms do, through the pool -------------------------------------------------- */

CompletionQueue *pool_completions(Pool *pool) { return &pool->completions; }

OsFailure pool_unhardened(Pool *pool) {
    lock_take(&pool->lock);
    OsFailure why = pool->workers.unhardened;
    lock_release(&pool->lock);
    return why;
}

int32_t pool_compile(Pool *pool, const char *source, size_t length, uint32_t flags, uint8_t *reply,
                     size_t capacity) {
    return compiler_compile(pool, source, length, flags, reply, capacity);
}

int32_t pool_program_free(Pool *pool, double handle) {
    return compiler_free(&pool->compiler, handle);
}

int32_t pool_preload(Pool *pool, double handle, double limit, uint8_t *reply, size_t capacity) {
    Program *program = compiler_find(&pool->compiler, handle);
    return program ? preload_classes(pool, program, limit, reply, capacity) : DFD_E_HANDLE;
}

int32_t pool_add_module(Pool *pool, const uint8_t *module, size_t length) {
    return preload_add_module(pool, module, length);
}

int32_t pool_load(Pool *pool, double limit, uint8_t *reply, size_t capacity) {
    return preload_modules(pool, limit, reply, capacity);
}

int32_t pool_share(Pool *pool, const uint8_t *value, size_t length) {
    Share *share = share_new(value, length);
    if (!share) return DFD_E_MEMORY;
    lock_take(&pool->lock);
    *(pool->last_share ? &pool->last_share->next : &pool->first_share) = share;
    pool->last_share = share;
    int32_t number = (int32_t)pool->shares++;
    lock_release(&pool->lock);
    return number;
}

/* --- tasks -------------------------------------------------------------------------------- */

int32_t pool_ready(Pool *pool) {
    lock_take(&pool->lock);
    int32_t refused = slots_reserve(&pool->tasks);
    if (!refused && !pool->workers.alive) refused = worker_start(pool);
    lock_release(&pool->lock);
    return refused;
}

/* Queues a task and sees to a worker. 0, or why it is not queued. */
static int32_t pool_queue(Pool *pool, Task *task, bool *wake) {
    assert_locked(pool);
    int32_t refused = slots_reserve(&pool->tasks);
    if (refused) return refused;
    if (!queue_push(&pool->queue, task)) return DFD_E_MEMORY;
    task->handle = slots_add(&pool->tasks, task);
    if ((refused = worker_send(pool, wake))) {
        queue_remove(&pool->queue, task);
        slots_remove(&pool->tasks, task->handle);
        return refused;
    }
    watchdog_look(pool);
    return 0;
}

double pool_submit(Pool *pool, const uint8_t *submission, size_t length) {
    if (!submission_is_sound(submission, length)) return DFD_E_INVALID;
    double handle = submission_program(submission);
    Program *program = compiler_find(&pool->compiler, handle);
    if (handle && !program) return DFD_E_HANDLE;
    if (submission_limits_cpu(submission) && os_cpu_time(os_this_thread()) < 0) return DFD_E_CLOCK;
    Task *task = submission_read(submission, program);
    if (!task) return DFD_E_MEMORY;
    task->shares = pool->shares;
    bool wake = false;
    atomic_store_explicit(&pool->host_processor, os_processor(), memory_order_relaxed);
    lock_take(&pool->lock);
    int32_t refused = pool_queue(pool, task, &wake);
    double result = refused ? refused : (double)task->handle; /* it may be gone after the lock */
    lock_release(&pool->lock);
    worker_call(pool, wake);
    if (refused) task_drop(task);
    return result;
}

void pool_end(Pool *pool, Task *task, int status) {
    assert_locked(pool);
    assert(!task->worker);
    queue_remove(&pool->queue, task);
    slots_remove(&pool->tasks, task->handle);
    if (task->seat) {
        seats_add_used(&pool->seats, task->seat);
        worker_send_now(pool);
    }
    Bytes none = {0};
    double start = task->ran_on ? task->start : os_now();
    task_end(&pool->completions, task, (uint32_t)status, task->ran_on, start, &none);
}

/* The task that a message of that length is for; or why it can't be sent. */
static Task *pool_find_mailbox(Pool *pool, double handle, size_t length, int32_t *refused) {
    assert_locked(pool);
    Task *task = slots_get(&pool->tasks, slots_handle(handle));
    size_t room = task && task->limits.memory ? task->limits.memory : pool->memory;
    *refused = !task ? DFD_E_HANDLE : length > room - task->unread ? DFD_E_FULL : 0;
    return task;
}

int32_t pool_postable(Pool *pool, double handle, size_t length) {
    int32_t refused;
    lock_take(&pool->lock);
    pool_find_mailbox(pool, handle, length, &refused);
    lock_release(&pool->lock);
    return refused;
}

int32_t pool_post(Pool *pool, double handle, const uint8_t *message, size_t length) {
    if (!submission_message_is_sound(message, length)) return DFD_E_INVALID;
    int32_t refused;
    Mail *mail = malloc(sizeof *mail + length);
    if (!mail) return DFD_E_MEMORY;
    *mail = (Mail){.length = length};
    memcpy(mail->bytes, message, length);
    bool wake = false;
    atomic_store_explicit(&pool->host_processor, os_processor(), memory_order_relaxed);
    lock_take(&pool->lock);
    Task *task = pool_find_mailbox(pool, handle, length, &refused);
    if (!refused) {
        task_put_mail(task, mail);
        if (task->worker && task->worker->waiting) {
            os_wake_cell(&task->posted, 1);
        } else if (task->state == TASK_WAITING) {
            queue_wake(&pool->queue, task);
            worker_send(pool, &wake);
            watchdog_look(pool);
        }
    }
    lock_release(&pool->lock);
    worker_call(pool, wake);
    if (refused) free(mail);
    return refused;
}

int32_t pool_heard(Pool *pool, double handle, uint32_t bytes) {
    lock_take(&pool->lock);
    Task *task = slots_get(&pool->tasks, slots_handle(handle));
    if (task) {
        atomic_fetch_sub(&task->lines.unread, bytes);
        atomic_store(&task->lines.noticed, false);
    }
    lock_release(&pool->lock);
    return task ? 0 : DFD_E_HANDLE;
}

int32_t pool_reported(Pool *pool, double handle, uint32_t bytes) {
    CompletionQueue *completions = &pool->completions;
    int32_t refused = DFD_E_HANDLE;
    lock_take(&pool->lock);
    Task *task = slots_get(&pool->tasks, slots_handle(handle));
    if (task)
        refused = completion_reported(completions, task->completion.task, &task->progress, bytes)
                      ? 0
                      : DFD_E_MEMORY;
    lock_release(&pool->lock);
    return refused;
}

int32_t pool_cancel(Pool *pool, double handle) {
    lock_take(&pool->lock);
    Task *task = slots_get(&pool->tasks, slots_handle(handle));
    if (task && task->worker)
        worker_stop(task->worker, DFD_STATUS_CANCELLED);
    else if (task)
        pool_end(pool, task, DFD_STATUS_CANCELLED);
    lock_release(&pool->lock);
    return task != NULL;
}
