/* worker.c - see worker.h */
#include "worker.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "harden.h"
#include "jit/jit.h"
#include "pool_parts.h"

/* How long a worker looks for the next task before it sleeps: a host that awaits one task after
 * the other comes back in less, and waking a sleeping thread costs as much. */
#define WORKER_SPIN_MS 0.05
#define WORKER_PAYLOAD_KEPT ((size_t)256 << 10) /* of its buffer, from task to task */
_Static_assert(WORKER_PAYLOAD_KEPT <= DFD_LIMIT_MEMORY_MIN,
               "no task may write more than its limit");

/* Whether spinning pays: not where there is one processor, which the host needs. */
static bool worker_may_spin(void) { return os_processors() > 1; }

bool workers_open(Workers *workers) {
    os_processors(); /* asks the system, which hardened workers may not */
    workers->hardening = UINT32_MAX;
    return os_condition_open(&workers->queued);
}

void workers_close(Workers *workers) { os_condition_close(&workers->queued); }

/* --- stopping ----------------------------------------------------------------------------- */

void worker_stop(Worker *worker, int status) {
    assert_locked(worker->pool);
    if (!worker->ending) worker->ending = status;
    watchdog_set(worker->pool, &worker->deadline, os_now() + WATCHDOG_RESEND_MS);
    if (!worker->ready || !worker->seat) return; /* worker_get_ready sees to it */
    seat_stop(worker->seat, worker->ending);
    guard_signal(&worker->thread);
}

/* Whatever it was to end with, it goes on. */
static void worker_forget_stop(Worker *worker) {
    assert_locked(worker->pool);
    worker->ending = 0;
    worker->failure = (OsFailure){0};
    if (worker->seat) seat_stop(worker->seat, 0);
}

void workers_close_down(Pool *pool) {
    assert_locked(pool);
    for (Worker *worker = pool->workers.first; worker; worker = worker->next) {
        if (worker->task || worker->making) worker_stop(worker, DFD_STATUS_CANCELLED);
    }
    os_wake_all(&pool->workers.queued);
    os_wake_one(&pool->watchdog.wake);
}

double worker_watch(Worker *worker, double now) {
    assert_locked(worker->pool);
    if (!(worker->task || worker->making) || !worker->ready || !worker->seat) return INFINITY;
    if (worker->waiting && worker->pool->queue.inner.length) worker_send_now(worker->pool);
    int status = worker->ending;
    double used = !status && worker->cpu_end < INFINITY ? os_cpu_time(worker->thread.id) : 0;
    double left = worker->cpu_end - used;
    if (!status && now >= worker->end)
        status = worker->making ? DFD_STATUS_PRELOAD : DFD_STATUS_TIMEOUT;
    if (!status && left <= 0) status = DFD_STATUS_CPU;
    if (!status && used < 0) { /* its limit can't be kept to */
        status = DFD_STATUS_RESOURCES;
        worker->failure = os_failure();
    }
    /* Its CPU clock may stand still while we look: not more often than ten times a ms. */
    if (!status) return fmin(worker->end, now + fmax(left, 0.1));
    worker_stop(worker, status);
    return now + WATCHDOG_RESEND_MS;
}

/* The task's time runs from here: what it takes to clean up after the one before is not its own. */
static void worker_begin_task(Worker *worker, Task *task) {
    const Limits *limits = &task->limits;
    task->start = os_now();
    task->ran_on = worker->number;
    if (limits->timeout_ms) task->end = task->start + limits->timeout_ms;
    if (limits->cpu_ms) task->cpu_left = limits->cpu_ms;
}

/* Has the watchdog look after the limits of what runs now, as far as they are not used up. */
static void worker_start_clocks(Worker *worker, const Task *task) {
    Pool *pool = worker->pool;
    if (!task->limits.timeout_ms && !task->limits.cpu_ms) return;
    lock_take(&pool->lock);
    double look = worker->end = task->end;
    double used = task->limits.cpu_ms ? os_cpu_time(os_this_thread()) : 0;
    if (task->limits.cpu_ms) {
        worker->cpu_end = used + task->cpu_left;
        look = fmin(look, os_now() + task->cpu_left);
    }
    if (used < 0)
        worker_stop(worker, DFD_STATUS_RESOURCES);
    else if (!worker->ending)
        watchdog_set(pool, &worker->deadline, look);
    lock_release(&pool->lock);
}

/* --- taking a task, and letting go of it -------------------------------------------------- */

/* Waits a moment for the cell to change without sleeping. On the host's own processor that would
 * keep the host from doing what it waits for: there it is better to sleep and be woken. */
static void worker_spin(Pool *pool, const _Atomic uint32_t *cell, uint32_t seen) {
    double end = os_now() + WORKER_SPIN_MS;
    do {
        int here = os_processor();
        if (here < 0)
            os_yield();
        else if (here == atomic_load_explicit(&pool->host_processor, memory_order_relaxed))
            return;
        for (int i = 0; i < 64; i++) {
            if (atomic_load_explicit(cell, memory_order_relaxed) != seen) return;
            os_relax();
        }
    } while (os_now() < end);
}

/* The next task if there is one, as the worker's own: nothing that was meant for the one before it
 * counts. It comes in its seat if it has one; then the worker's may be `*left` over. */
static Task *worker_pop(Worker *worker, Seat **left) {
    Pool *pool = worker->pool;
    assert_locked(pool);
    bool has_seat = worker->seat || seats_has(&pool->seats);
    Task *task = pool->closing ? NULL : queue_pop(&pool->queue, has_seat, pool->seats.used_count);
    if (!task) return NULL;
    if (task->seat) {
        if (worker->seat && !seats_leave(pool, worker->seat)) *left = worker->seat;
        worker->seat = task->seat;
        task->seat = NULL;
    }
    task->worker = worker;
    worker_forget_stop(worker);
    worker->end = worker->cpu_end = INFINITY;
    atomic_store(pool_word(pool, DFD_CONTROL_RUNNING), ++pool->workers.running);
    return worker->task = task;
}

/* Waits for a task; NULL when the pool closes, or has threads enough. */
static Task *worker_take(Worker *worker) {
    Pool *pool = worker->pool;
    Workers *workers = &pool->workers;
    Task *task;
    Seat *left = NULL;
    bool spun = !worker_may_spin();
    lock_take(&pool->lock);
    while (!(task = worker_pop(worker, &left)) && !pool->closing) {
        if (seats_clean(pool)) continue;
        if (!spun && workers->spinning == 0) {
            uint32_t calls = atomic_load_explicit(&workers->calls, memory_order_relaxed);
            workers->spinning++;
            lock_release(&pool->lock);
            worker_spin(pool, &workers->calls, calls);
            lock_take(&pool->lock);
            workers->spinning--;
            spun = true;
            continue;
        }
        if (seats_trim(pool)) continue;
        if (workers->alive - workers->waiting > pool->max_threads) break;
        workers->sleeping++;
        while (!workers->wakeups && !pool->closing) lock_wait(&pool->lock, &workers->queued);
        if (workers->wakeups) workers->wakeups--;
        workers->sleeping--;
    }
    lock_release(&pool->lock);
    seat_close(left);
    return task;
}

static void worker_set_waiting(Worker *worker, bool waits) {
    Pool *pool = worker->pool;
    assert_locked(pool);
    if (worker->waiting == waits) return;
    worker->waiting = waits;
    pool->workers.waiting += waits ? 1 : -1u;
    /* It may be for an inner task: only the watchdog may start a thread for that. */
    if (waits && pool->queue.inner.length) watchdog_set(pool, &worker->deadline, os_now());
}

/* The worker has no task any more, and nothing of it is to be stopped: its seat may be another's
 * next. */
static void worker_is_free(Worker *worker, Task *task) {
    Pool *pool = worker->pool;
    assert_locked(pool);
    assert(worker->task == task && task->worker == worker);
    worker->task = NULL;
    task->worker = NULL;
    worker_set_waiting(worker, false);
    worker_forget_stop(worker);
    atomic_store(pool_word(pool, DFD_CONTROL_RUNNING), --pool->workers.running);
}

/* Lets go of a task that ended: nobody reaches it by its handle any more. */
static void worker_let_go(Worker *worker, Task *task) {
    Pool *pool = worker->pool;
    Workers *workers = &pool->workers;
    lock_take(&pool->lock);
    bool was_full = queue_is_full(&pool->queue, pool->seats.used_count);
    queue_end(&pool->queue, task);
    slots_remove(&pool->tasks, task->handle);
    worker_is_free(worker, task);
    if (pool->closing) pool_straggler_ended();
    /* There is room for a fresh one, and this worker may take one that is ready. */
    if (was_full && workers->sleeping > workers->wakeups) {
        workers->wakeups++;
        os_wake_one(&workers->queued);
    }
    lock_release(&pool->lock);
}

/* Lets go of a task that waits, with its seat. REALM_WAITS: it is not this worker's any more, and
 * may have ended by now. Else the status that it must end with instead. */
static int worker_let_wait(Worker *worker, Task *task) {
    Pool *pool = worker->pool;
    double due = seat_due(worker->seat),
           cpu = task->limits.cpu_ms ? os_cpu_time(os_this_thread()) : 0;
    lock_take(&pool->lock);
    int status = worker->ending;
    if (!status && cpu < 0) {
        status = DFD_STATUS_RESOURCES;
        worker->failure = os_failure();
    }
    if (task->limits.cpu_ms) task->cpu_left = worker->cpu_end - cpu;
    if (!status && task->cpu_left <= 0) status = DFD_STATUS_CPU;
    if (!status && pool->closing) status = DFD_STATUS_CANCELLED; /* nobody would wake it */
    if (!status) {
        task->seat = worker->seat;
        worker->seat = NULL;
        worker_is_free(worker, task);
        if (task->mail) due = -INFINITY;
        queue_wait(&pool->queue, task, due, os_now());
        watchdog_look(pool);
    }
    lock_release(&pool->lock);
    return status ? status : REALM_WAITS;
}

/* --- the seat, and what runs in it -------------------------------------------------------- */

/* Where a test may hold it. */
static void worker_may_be_held(const Worker *worker, const char *where) {
#ifdef DFD_TEST
    void (*hold)(const char *, uint32_t) = atomic_load(&fault_hold);
    if (hold) hold(where, worker->number);
#else
    (void)worker, (void)where;
#endif
}

/* Notes the first reason for which a worker may make any system call: what has just been refused.
 * It works all the same. */
static void worker_goes_unhardened(Pool *pool, OsFailure before) {
    assert_locked(pool);
    OsFailure *first = &pool->workers.unhardened;
    if (!first->call && harden_is_possible()) *first = os_failure();
    os_get_over(before);
}

/* Gets this worker a seat if it has none. false when there is no memory. */
static bool worker_sit_down(Worker *worker) {
    Pool *pool = worker->pool;
    if (worker->seat) return true;
    Seat *seat = seats_take(pool);
    if (!seat) return false;
    lock_take(&pool->lock);
    worker->seat = seat;
    if (worker->ending) worker_stop(worker, worker->ending);
    lock_release(&pool->lock);
    return true;
}

/* Sees to a seat, and makes the thread one that can be stopped. false if either is refused: what
 * can't be stopped runs nothing. */
static bool worker_get_ready(Worker *worker) {
    Pool *pool = worker->pool;
    if (!worker_sit_down(worker)) return false;
    if (worker->ready) return true;
    if (!guard_thread_begin(&worker->thread)) {
        guard_thread_end();
        return false;
    }
    int wake_fd = completion_wake_fd(&pool->completions);
    OsFailure before = os_failure();
    /* The filter names the socket: without one now, a later one could not be written to. */
    HardenCode code = {jit_region(), JIT_REGION};
    bool hardened = wake_fd >= 0 && harden_thread(wake_fd, code);
    uint32_t hardening = DFD_HARDENING_SIGNAL | (hardened ? DFD_HARDENING_SYSCALLS : 0u);
    lock_take(&pool->lock);
    if (!hardened && wake_fd >= 0) worker_goes_unhardened(pool, before);
    pool->workers.hardening &= hardening;
    atomic_store(pool_word(pool, DFD_CONTROL_HARDENING), pool->workers.hardening);
    worker->ready = true;
    if (worker->ending) worker_stop(worker, worker->ending);
    lock_release(&pool->lock);
    return true;
}

void worker_makes(Worker *worker, double limit_ms) {
    lock_take(&worker->pool->lock);
    worker->making = true;
    worker->end = os_now() + limit_ms;
    watchdog_set(worker->pool, &worker->deadline, worker->end);
    /* The pool may have closed while this thread was on its way. */
    if (worker->pool->closing) worker_stop(worker, DFD_STATUS_CANCELLED);
    lock_release(&worker->pool->lock);
    worker_may_be_held(worker, "classes");
}

/* Makes the payload what the system refused, as a string. */
static void worker_tell_reason(Task *task, Bytes *payload) {
    char text[128];
    int length = os_describe(os_failure(), text, sizeof text);
    if (length >= (int)sizeof text) length = sizeof text - 1;
    bytes_reset(payload);
    if (length > 0 && bytes_reserve(payload, sizeof text + 2)) {
        bytes_u8(payload, WIRE_STRING8);
        bytes_u8(payload, (uint8_t)length); /* a varint of one byte */
        bytes_write(payload, text, (size_t)length);
    }
    payload->failed = false;
    task->completion.length = (uint32_t)payload->length;
    task->completion.moved = 0;
}

void worker_made(Worker *worker) {
    lock_take(&worker->pool->lock);
    worker->making = false;
    worker->end = INFINITY;
    /* Perhaps they had just been made: it is not the task that took too long. */
    if (worker->ending == DFD_STATUS_PRELOAD) worker_forget_stop(worker);
    lock_release(&worker->pool->lock);
}

/* Sends what a task has to say to the host. In a critical section of its guard. */
static bool worker_send_letter(void *opaque, Bytes *letter, uint32_t length, uint32_t moved) {
    Task *task = opaque;
    CompletionQueue *completions = &task->worker->pool->completions;
    uint32_t type, id = task->completion.task;
    memcpy(&type, letter->data + DFD_EVENT_TYPE, sizeof type);
    return type == DFD_EVENT_TYPE_PROGRESS
               ? completion_report(completions, id, &task->progress, letter)
               : completion_tell(completions, id, &task->progress, letter,
                                 (EventParts){length, moved});
}

/* Takes a running task's mail; without any it waits. In a critical section of its guard. */
static Mail *worker_take_mail(void *opaque) {
    Task *task = opaque;
    Worker *worker = task->worker;
    lock_take(&worker->pool->lock);
    Mail *mail = task_take_mail(task);
    worker_set_waiting(worker, !mail);
    lock_release(&worker->pool->lock);
    return mail;
}

/* Waits until a running task is sent a message, or for a while. It may be left meanwhile. */
static void worker_wait_for_mail(void *opaque, uint32_t seen) {
    Task *task = opaque;
    /* Who waits uses none of its CPU time. */
    if (worker_may_spin() && !task->limits.cpu_ms)
        worker_spin(task->worker->pool, &task->posted, seen);
    os_wait_cell(&task->posted, seen, 900);
}

/* Gives the seat what each of the pool's has. Returns 0 or a DFD_STATUS_*, with what was thrown. */
static int worker_furnish(Worker *worker, Bytes *thrown) {
    int status = preload_give(worker, thrown);
    if (!status) seats_show(worker->pool, worker->seat);
    return status;
}

/* Begins with a task, in a seat that has what it needs. Returns a DFD_STATUS_* or REALM_WAITS, and
 * the payload. */
static int worker_begin(Worker *worker, Task *task, Bytes *payload) {
    int status = 0;
    /* What was refused may be granted now. */
    if (!worker_get_ready(worker)) status = DFD_STATUS_RESOURCES;
    if (!status) status = worker_furnish(worker, payload);
    if (!status) status = seat_share(worker->seat, task, worker->pool->first_share);
    worker_begin_task(worker, task);
    worker_start_clocks(worker, task);
    if (status) return status;
    seat_set_post(worker->seat, worker_send_letter, task, &task->lines,
                  &worker->pool->completions.grants);
    seat_set_mailbox(worker->seat,
                     (Mailbox){worker_take_mail, worker_wait_for_mail, &task->posted});
    return seat_run(worker->seat, task, payload);
}

/* Goes on with a task that has waited. As worker_begin. */
static int worker_go_on(Worker *worker, Task *task, Bytes *payload) {
    task->ran_on = worker->number;
    if (!worker_get_ready(worker)) return DFD_STATUS_RESOURCES;
    worker_start_clocks(worker, task);
    lock_take(&worker->pool->lock);
    Mail *mail = task_take_mail(task);
    lock_release(&worker->pool->lock);
    return seat_resume(worker->seat, task, mail, payload);
}

/* Runs a task until it ends or waits. Returns REALM_WAITS when it is the worker's no more; else a
 * DFD_STATUS_*, and the payload. */
static int worker_run_task(Worker *worker, Task *task, Bytes *payload) {
    Pool *pool = worker->pool;
    bytes_reset(payload);
    os_forget();
    int status =
        task->ran_on ? worker_go_on(worker, task, payload) : worker_begin(worker, task, payload);
    if (status == REALM_WAITS && task->lines.dropped &&
        !atomic_exchange(&task->lines.noticed, true))
        task_tell_dropped(&pool->completions, task); /* it may wait for long */
    if (status == REALM_WAITS && (status = worker_let_wait(worker, task)) == REALM_WAITS)
        return status;
    if (payload->length > UINT32_MAX) payload->failed = true;
    task->completion.length = (uint32_t)payload->length;
    if (worker->seat && seat_ran_code(worker->seat)) task->completion.kind = DFD_KIND_COMPILED;
    if (worker->seat)
        task->completion.moved = seat_move_out(worker->seat, &pool->completions.grants, payload);
    if (payload->failed) {
        status = payload->starved ? DFD_STATUS_RESOURCES : DFD_STATUS_MEMORY;
        payload->length = task->completion.length = 0;
    }
    if (status == DFD_STATUS_RESOURCES) {
        lock_take(&pool->lock);
        os_note(worker->failure);
        lock_release(&pool->lock);
        worker_tell_reason(task, payload);
    }
    return status;
}

static void worker_leave(Worker *worker) {
    Pool *pool = worker->pool;
    lock_take(&pool->lock);
    Worker **link = &pool->workers.first;
    while (*link != worker) link = &(*link)->next;
    *link = worker->next; /* from here on nobody signals this thread */
    deadlines_leave(&pool->watchdog.deadlines, &worker->deadline);
    atomic_store(pool_word(pool, DFD_CONTROL_THREADS), --pool->workers.alive);
    os_wake_one(&pool->watchdog.wake);
    lock_release(&pool->lock);
    guard_thread_end();
    seat_close(worker->seat);
    seats_close(pool);
    free(worker);
    pool_drop(pool);
}

static void *worker_run(void *argument) {
    Worker *worker = argument;
    Pool *pool = worker->pool;
    Bytes payload = {0};
    char name[16];
    snprintf(name, sizeof name, "deferred-%u", worker->number % 10000);
    os_name_thread(name);
    worker_may_be_held(worker, "start");
    /* If either fails it is tried again for each task, which is told. */
    if (worker_get_ready(worker)) worker_furnish(worker, &payload);
    lock_take(&pool->lock);
    pool->workers.starting--;
    lock_release(&pool->lock);

    for (Task *task; (task = worker_take(worker));) {
        int status = worker_run_task(worker, task, &payload);
        if (status == REALM_WAITS) continue;
        worker_let_go(worker, task);
        task_end(&pool->completions, task, (uint32_t)status, worker->number, task->start, &payload);
        if (payload.capacity > WORKER_PAYLOAD_KEPT) bytes_free(&payload);
        if (worker->seat) seat_restore(worker->seat); /* before a task is bound to this worker */
    }
    bytes_free(&payload);
    worker_leave(worker);
    return NULL;
}

/* --- starting and sending ----------------------------------------------------------------- */

bool workers_have_started(Pool *pool) {
    lock_take(&pool->lock);
    bool started = pool->workers.started > 0;
    lock_release(&pool->lock);
    return started;
}

int32_t worker_start(Pool *pool) {
    Workers *workers = &pool->workers;
    Deadlines *deadlines = &pool->watchdog.deadlines;
    assert_locked(pool);
    int32_t refused = watchdog_start(pool);
    if (refused) return refused;
    /* Before the thread may send to nothing else. */
    OsFailure before = os_failure();
    if (!completion_make_pair(&pool->completions)) worker_goes_unhardened(pool, before);
    Worker *worker = calloc(1, sizeof *worker);
    if (!worker) return DFD_E_MEMORY;
    worker->pool = pool;
    worker->number = workers->started + 1;
    worker->end = worker->cpu_end = INFINITY;
    worker->next = workers->first;
    refused = DFD_E_MEMORY;
    if (!deadlines_join(deadlines, &worker->deadline, DEADLINE_WORKER)) goto no_deadline;
    refused = DFD_E_THREAD;
    if (!pool_start_thread(pool, pool->stack + POOL_STACK_MARGIN, worker_run, worker))
        goto no_thread;
    workers->first = worker;
    workers->started++;
    workers->starting++;
    atomic_store(pool_word(pool, DFD_CONTROL_THREADS), ++workers->alive);
    /* Not before: if there is one thread more, it works. */
    if (pool->compiles && jit_open()) atomic_store(pool_word(pool, DFD_CONTROL_JIT), 1);
    return 0;
no_thread:
    deadlines_leave(deadlines, &worker->deadline);
no_deadline:
    free(worker);
    return refused;
}

/* How many there may be. */
static uint32_t worker_most(const Pool *pool) {
    uint32_t most = pool->max_threads + (pool->queue.inner.length ? pool->workers.waiting : 0);
    return most < DFD_LIMIT_THREADS_MAX ? most : DFD_LIMIT_THREADS_MAX;
}

/* One that sleeps before one that is still on its way, which may make classes for seconds. */
int32_t worker_send(Pool *pool, bool *wake) {
    Workers *workers = &pool->workers;
    assert_locked(pool);
    uint32_t waiting = queue_due(&pool->queue, pool->seats.used_count);
    uint32_t able = workers->spinning + workers->wakeups;
    uint32_t all = waiting + (pool->seats.used != NULL);
    if (all <= able) return 0;
    if (workers->sleeping > workers->wakeups) {
        workers->wakeups++;
        *wake = true;
    } else if (waiting > able + workers->starting && workers->alive < worker_most(pool)) {
        OsFailure before = os_failure();
        int32_t refused = worker_start(pool);
        if (!refused || workers->alive == 0) return refused;
        os_get_over(before); /* those that there are will come for it */
    }
    return 0;
}

void worker_send_now(Pool *pool) {
    bool wake = false;
    assert(pool->workers.alive || pool->closing);
    if (pool->workers.alive) worker_send(pool, &wake);
    worker_call(pool, wake);
}

void worker_call(Pool *pool, bool wake) {
    atomic_fetch_add_explicit(&pool->workers.calls, 1, memory_order_relaxed);
    if (wake) os_wake_one(&pool->workers.queued);
}
