/* pool.c - see pool.h
 *
 * Who touches what:
 *   - `lock` guards the queue, the task slots, the workers' `task`, and all counts below it.
 *   - Programs, options and the compiling realm belong to the host's thread.
 *   - A task belongs to the queue, then to the worker that took it; once its slot is released
 *     nobody else can reach it, and the worker frees it or gives it to the completion queue.
 *   - A running task is stopped under `lock` and only while it is its worker's `task`, so that a
 *     stop never hits the task after it.
 *   - The watchdog is a thread of the pool's own, started before the first worker: what can't be
 *     stopped doesn't run. It enforces timeouts, CPU limits and queue timeouts, and sends its
 * signal to a worker again and again until the task that must end is gone.
 */
#include "pool.h"

#include <assert.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "harden.h"
#include "slots.h"
#include "zone.h"

#define DEFAULT_MEMORY ((size_t)256 << 20)
#define DEFAULT_STACK ((size_t)4 << 20)
#define MIN_STACK ((size_t)64 << 10)
#define MAX_STACK ((size_t)256 << 20)
#define MIN_MEMORY ((size_t)1 << 20)
/* What a thread needs beyond the engine's limit: the engine checks on the way in, and native code
 * between two checks was measured to use up to 9 KB more. */
#define STACK_MARGIN ((size_t)128 << 10)
/* The host's own stack is used for compiling; it may be deep already. */
#define COMPILE_STACK ((size_t)256 << 10)
/* From so many bytes on a text is compiled on a thread of its own (0.1 ms, of 1 ms or more), which
 * can be stopped. In less there is no room for anything that takes a second, but for properties of
 * Unicode: a RegExp of 600 times \p{RGI_Emoji} takes several. */
#define COMPILE_APART ((size_t)8 << 10)
#define DEFAULT_COMPILE_MS 5000
/* How long a worker looks for the next task before it sleeps: a host that awaits one task after
 * the other comes back in less, and waking a sleeping thread costs as much. */
#define SPIN_MS 0.05
#define THREADS_MAX 1024
#define PAYLOAD_KEPT ((size_t)256 << 10) /* of a worker's buffer, from task to task */
/* Times from here on, 30,000 years, need not be waited for, and would not fit into a time_t. */
#define FAR_MS 1e15
/* How long the watchdog waits before it signals a task that must end once more. */
#define RESEND_MS 1.0
#define WATCHDOG_STACK ((size_t)128 << 10)
#define FENCE_SIZE ((size_t)64 << 10) /* inaccessible, below each worker's stack */

typedef struct Worker Worker;

typedef struct Task {
    Completion completion; /* first: given to the completion queue, which frees it as its own */
    struct Task *next, *previous; /* the queue */
    Program *program;             /* held; NULL for a script */
    Limits limits;
    double submitted; /* ms */
    double expires;   /* when its time in the queue is over; INFINITY if it never is */
    Handle handle;
    Worker *worker;  /* that runs it, or NULL */
    uint32_t shares; /* that its realm must have */
    uint32_t argc;
    size_t length;
    uint32_t region_count;
    const CloneRegion *regions; /* behind the arguments */
    alignas(8) uint8_t args[];
} Task;

_Static_assert(offsetof(Task, completion) == 0, "a task is freed through its completion");

struct Worker {
    Worker *next;
    Pool *pool; /* held */
    Realm *realm;
    uint32_t number;
    bool has_classes; /* in the realm: the pool's, if there are any */
    /* Under the lock: */
    Task *task;       /* that runs */
    bool making;      /* it makes the pool's classes, with a task or without */
    int ending;       /* the DFD_STATUS_* that it must end with, or 0 */
    pthread_t thread; /* with a realm: it takes signals */
    double deadline;  /* of the task or the classes, ms of now_ms; INFINITY if there is none */
    double cpu_end;   /* ms of the thread's CPU clock; INFINITY if it has no limit */
};

struct Pool {
    CompletionQueue completions;
    atomic_uint holds;
    atomic_int host_processor; /* where the host last submitted from */

    /* The host's thread. */
    uint32_t max_threads;
    size_t memory, stack;
    Realm *compiler;
    Slots programs;
    Program *preload;  /* held; for each realm before its first task. Not changed once there are
                          workers */
    double preload_ms; /* that it may take */
    double compile_ms; /* that compiling may take */

    pthread_mutex_t lock;
    pthread_cond_t queued; /* sleeping workers wait here */
    Task *first, *last;
    Slots tasks;
    Worker *workers;                 /* alive ones */
    Share *first_share, *last_share; /* that each realm is to have; never freed before the pool */
    uint32_t shares;
    uint32_t length; /* of the queue */
    uint32_t threads, started;
    uint32_t starting, spinning, sleeping, wakeups; /* workers on their way to the queue, or that
                                                       could be sent there */
    uint32_t running;
    pthread_cond_t watch; /* the watchdog waits here, until watch_at */
    double watch_at;
    double next_expiry; /* the earliest of the queued tasks', or earlier */
    bool watched;       /* the watchdog runs */
    uint32_t hardening; /* DFD_HARDENING_* that every worker has */
    bool closing;
};

/* Tasks of closed pools that have still to end. */
static atomic_uint stragglers;

static void pool_drop(Pool *pool);

static double now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* --- the queue, under the lock ------------------------------------------------------------ */

static _Atomic uint32_t *count(Pool *pool, int index) { return &pool->completions.control[index]; }

static void queue_push(Pool *pool, Task *task) {
    task->previous = pool->last;
    task->next = NULL;
    if (pool->last)
        pool->last->next = task;
    else
        pool->first = task;
    pool->last = task;
    if (task->expires < pool->next_expiry) pool->next_expiry = task->expires;
    atomic_store(count(pool, DFD_CONTROL_QUEUED), ++pool->length);
}

static void queue_remove(Pool *pool, Task *task) {
    *(task->previous ? &task->previous->next : &pool->first) = task->next;
    *(task->next ? &task->next->previous : &pool->last) = task->previous;
    atomic_store(count(pool, DFD_CONTROL_QUEUED), --pool->length);
}

/* --- a task's end ------------------------------------------------------------------------- */

/* Publishes how the task ended. Its slot is released; `payload` stays the caller's unless it was
 * moved. Takes the task. */
static void complete(Pool *pool, Task *task, uint32_t status, uint32_t worker, double start,
                     Bytes *payload) {
    program_drop(task->program);
    double end = now_ms();
    task->completion.status = status;
    task->completion.worker = worker;
    task->completion.wait_ms = start - task->submitted;
    task->completion.run_ms = worker ? end - start : 0;
    if (!completion_load(&pool->completions, &task->completion, payload)) {
        task->completion.status = DFD_STATUS_RESOURCES;
        task->completion.length = task->completion.moved = 0;
        payload->length = 0;
        completion_load(&pool->completions, &task->completion, payload);
    }
    if (completion_push(&pool->completions, &task->completion)) {
        /* The bytes were copied: the worker goes on with its buffer. */
        *payload = task->completion.payload;
        free(task);
    }
}

/* --- the watchdog -------------------------------------------------------------------------- */

static double earlier(double a, double b) { return a < b ? a : b; }

/* CPU time of a thread in ms, or -1 where it can't be known. */
static double cpu_ms(pthread_t thread) {
#if defined(__linux__)
    clockid_t clock;
    struct timespec used;
    if (!pthread_getcpuclockid(thread, &clock) && !clock_gettime(clock, &used))
        return (double)used.tv_sec * 1e3 + (double)used.tv_nsec / 1e6;
#endif
    (void)thread;
    return -1;
}

/* Ends the worker's task with `status` as soon as it can be left. Under the lock. */
static void stop(Worker *worker, int status) {
    if (!worker->ending) worker->ending = status;
    if (!worker->realm) return; /* build_realm sees to it */
    Guard *guard = realm_guard(worker->realm);
    if (!atomic_load(&guard->stop)) guard_stop(guard, status);
    guard_signal(guard, worker->thread);
}

/* Stops what the worker runs if it is over its limits or must end anyway. Returns when to look
 * again. Under the lock. */
static double watch_worker(Worker *worker, double now) {
    if (!(worker->task || worker->making) || !worker->realm) return INFINITY;
    int status = atomic_load(&realm_guard(worker->realm)->stop);
    double used = !status && worker->cpu_end < INFINITY ? cpu_ms(worker->thread) : 0;
    double left = worker->cpu_end - used;
    if (!status && now >= worker->deadline)
        status = worker->making ? DFD_STATUS_PRELOAD : DFD_STATUS_TIMEOUT;
    if (!status && left <= 0) status = DFD_STATUS_CPU;
    if (!status && used < 0) status = DFD_STATUS_RESOURCES; /* its limit can't be kept to */
    /* Its CPU clock may stand still while we look: not more often than ten times a ms. */
    if (!status) return earlier(worker->deadline, now + (left > 0.1 ? left : 0.1));
    stop(worker, status);
    return now + RESEND_MS;
}

/* Ends the queued tasks whose time is over. Under the lock. */
static void expire_queued(Pool *pool, double now) {
    if (now < pool->next_expiry) return;
    double next_expiry = INFINITY;
    for (Task *task = pool->first, *next; task; task = next) {
        next = task->next;
        if (now < task->expires) {
            next_expiry = earlier(next_expiry, task->expires);
            continue;
        }
        Bytes none = {0};
        queue_remove(pool, task);
        slots_remove(&pool->tasks, task->handle);
        complete(pool, task, DFD_STATUS_QUEUE_TIMEOUT, 0, now, &none);
    }
    pool->next_expiry = next_expiry;
}

/* Waits for `cond` until `at`, in ms of now_ms. */
static void wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, double at) {
    if (at >= FAR_MS) {
        pthread_cond_wait(cond, lock);
        return;
    }
#if defined(__APPLE__)
    double left = at - now_ms();
    if (left <= 0) return;
    struct timespec wait = {.tv_sec = (time_t)(left / 1e3)};
    wait.tv_nsec = (long)((left - (double)wait.tv_sec * 1e3) * 1e6);
    pthread_cond_timedwait_relative_np(cond, lock, &wait);
#else
    struct timespec end = {.tv_sec = (time_t)(at / 1e3)};
    end.tv_nsec = (long)((at - (double)end.tv_sec * 1e3) * 1e6);
    pthread_cond_timedwait(cond, lock, &end);
#endif
}

static void *watchdog(void *argument) {
    Pool *pool = argument;
    pthread_mutex_lock(&pool->lock);
    while (!pool->closing || pool->workers) {
        double now = now_ms();
        double next = INFINITY;
        expire_queued(pool, now);
        for (Worker *worker = pool->workers; worker; worker = worker->next)
            next = earlier(next, watch_worker(worker, now));
        pool->watch_at = earlier(next, pool->next_expiry);
        wait_until(&pool->watch, &pool->lock, pool->watch_at);
    }
    pthread_mutex_unlock(&pool->lock);
    pool_drop(pool);
    return NULL;
}

/* Starts a detached thread that holds the pool. Signals are none of its business: all are blocked
 * in it, as it inherits the mask. */
static bool start_thread(Pool *pool, size_t stack, void *(*run)(void *), void *argument) {
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, old;
    if (pthread_attr_init(&attributes)) return false;
    bool started = false;
    if (!pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) &&
        !pthread_attr_setguardsize(&attributes, FENCE_SIZE) &&
        !pthread_attr_setstacksize(&attributes, stack)) {
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        atomic_fetch_add(&pool->holds, 1);
        started = !pthread_create(&thread, &attributes, run, argument);
        if (!started) atomic_fetch_sub(&pool->holds, 1); /* never the last: the caller has one */
        pthread_sigmask(SIG_SETMASK, &old, NULL);
    }
    pthread_attr_destroy(&attributes);
    return started;
}

/* Starts the watchdog if it does not run. Without one there are no workers: what they run could
 * not be ended for sure. Under the lock, on the host's thread: workers may start no threads. */
static int32_t need_watchdog(Pool *pool) {
    if (pool->watched) return 0;
    pool->watch_at = INFINITY;
    pool->watched = start_thread(pool, WATCHDOG_STACK, watchdog, pool);
    return pool->watched ? 0 : DFD_E_THREAD;
}

/* Sees to it that the watchdog looks at `at`. Under the lock. */
static void watch(Pool *pool, double at) {
    if (at < pool->watch_at) {
        pool->watch_at = at;
        pthread_cond_signal(&pool->watch);
    }
}

/* --- workers ------------------------------------------------------------------------------ */

static inline void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static bool spin_pays(void) {
    static _Atomic int cores; /* 0: not asked yet */
    int known = atomic_load_explicit(&cores, memory_order_relaxed);
    if (!known) {
        long online = sysconf(_SC_NPROCESSORS_ONLN);
        known = online > 1 ? 2 : 1;
        atomic_store_explicit(&cores, known, memory_order_relaxed);
    }
    return known > 1;
}

/* The processor that this thread runs on, or -1 where nobody tells. */
static int processor(void) {
#if defined(__linux__)
    return sched_getcpu();
#else
    return -1;
#endif
}

/* Waits a moment for a task without sleeping. On the host's own processor that would keep the host
 * from submitting one: there it is better to sleep and be woken. */
static void spin(Pool *pool) {
    double end = now_ms() + SPIN_MS;
    do {
        int here = processor();
        if (here < 0)
            sched_yield();
        else if (here == atomic_load_explicit(&pool->host_processor, memory_order_relaxed))
            return;
        for (int i = 0; i < 64; i++) {
            if (atomic_load_explicit(count(pool, DFD_CONTROL_QUEUED), memory_order_relaxed)) return;
            relax();
        }
    } while (now_ms() < end);
}

/* The worker is about to run `task`: nothing that was meant for the one before it counts. Under
 * the lock. */
static void begin(Worker *worker, Task *task) {
    task->worker = worker;
    worker->ending = 0;
    worker->deadline = worker->cpu_end = INFINITY;
    if (worker->realm) guard_stop(realm_guard(worker->realm), 0);
}

/* The task's time runs from here: what it takes to clean up after the one before is not its own. */
static void start_clocks(Pool *pool, Worker *worker, const Limits *limits) {
    if (!limits->timeout_ms && !limits->cpu_ms) return;
    pthread_mutex_lock(&pool->lock);
    double now = now_ms();
    if (limits->timeout_ms) worker->deadline = now + limits->timeout_ms;
    double used = limits->cpu_ms ? cpu_ms(pthread_self()) : 0;
    if (limits->cpu_ms) worker->cpu_end = used + limits->cpu_ms;
    if (used < 0) stop(worker, DFD_STATUS_RESOURCES);
    watch(pool, earlier(worker->deadline, limits->cpu_ms ? now + limits->cpu_ms : INFINITY));
    pthread_mutex_unlock(&pool->lock);
}

/* The next task if there is one, as the worker's own. Under the lock. */
static Task *pop(Pool *pool, Worker *worker) {
    Task *task = pool->closing ? NULL : pool->first;
    if (!task) return NULL;
    queue_remove(pool, task);
    begin(worker, task);
    atomic_store(count(pool, DFD_CONTROL_RUNNING), ++pool->running);
    return worker->task = task;
}

/* Waits for a task; NULL when the pool closes. */
static Task *take(Pool *pool, Worker *worker) {
    Task *task;
    bool spun = !spin_pays();
    pthread_mutex_lock(&pool->lock);
    while (!(task = pop(pool, worker)) && !pool->closing) {
        if (!spun && pool->spinning == 0) {
            pool->spinning++;
            pthread_mutex_unlock(&pool->lock);
            spin(pool);
            pthread_mutex_lock(&pool->lock);
            pool->spinning--;
            spun = true;
            continue;
        }
        pool->sleeping++;
        while (!pool->wakeups && !pool->closing) pthread_cond_wait(&pool->queued, &pool->lock);
        if (pool->wakeups) pool->wakeups--;
        pool->sleeping--;
    }
    pthread_mutex_unlock(&pool->lock);
    return task;
}

/* Lets go of a task that ended: nobody reaches it by its handle any more. */
static void release(Pool *pool, Worker *worker, Task *task) {
    pthread_mutex_lock(&pool->lock);
    slots_remove(&pool->tasks, task->handle);
    worker->task = NULL;
    atomic_store(count(pool, DFD_CONTROL_RUNNING), --pool->running);
    if (pool->closing) atomic_fetch_sub(&stragglers, 1);
    pthread_mutex_unlock(&pool->lock);
}

static void leave_pool(Worker *worker) {
    Pool *pool = worker->pool;
    pthread_mutex_lock(&pool->lock);
    Worker **link = &pool->workers;
    while (*link != worker) link = &(*link)->next;
    *link = worker->next; /* from here on nobody signals this thread */
    atomic_store(count(pool, DFD_CONTROL_THREADS), --pool->threads);
    pthread_cond_signal(&pool->watch);
    pthread_mutex_unlock(&pool->lock);
    guard_thread_end();
    realm_close(worker->realm);
    free(worker);
    pool_drop(pool);
}

/* Builds this worker's realm and makes the thread one that can be stopped in it. NULL if either is
 * refused: what can't be stopped runs nothing. */
static Realm *build_realm(Worker *worker) {
    Pool *pool = worker->pool;
    Realm *realm = realm_open(pool->memory, pool->stack);
    if (realm && !guard_thread_begin(realm_guard(realm))) {
        guard_thread_end();
        realm_close(realm);
        realm = NULL;
    }
    if (!realm) return NULL;
    int wake_fd = completion_wake_fd(&pool->completions);
    /* The filter names the socket: without one now, a later one could not be written to. */
    bool hardened = wake_fd >= 0 && harden_thread(wake_fd);
    uint32_t hardening = DFD_HARDENING_SIGNAL | (hardened ? DFD_HARDENING_SYSCALLS : 0u);
    pthread_mutex_lock(&pool->lock);
    if (worker->ending) guard_stop(realm_guard(realm), worker->ending);
    pool->hardening &= hardening;
    atomic_store(count(pool, DFD_CONTROL_HARDENING), pool->hardening);
    worker->realm = realm;
    worker->thread = pthread_self();
    pthread_mutex_unlock(&pool->lock);
    return realm;
}

/* Makes the pool's classes in the realm. Returns 0 or a DFD_STATUS_*, as realm_preload; PRELOAD if
 * it took too long. The realm is pristine. */
static int give_classes(Worker *worker, Bytes *thrown) {
    Pool *pool = worker->pool;
    if (!pool->preload || worker->has_classes) return 0;
    pthread_mutex_lock(&pool->lock);
    worker->making = true;
    worker->deadline = now_ms() + pool->preload_ms;
    watch(pool, worker->deadline);
    pthread_mutex_unlock(&pool->lock);
#ifdef DFD_TEST
    void (*hold)(const char *, uint32_t) = atomic_load(&fault_hold);
    if (hold) hold("classes", worker->number);
#endif
    int status = realm_preload(worker->realm, pool->preload, pool->stack, thrown);
    pthread_mutex_lock(&pool->lock);
    worker->making = false;
    worker->deadline = INFINITY;
    if (worker->ending == DFD_STATUS_PRELOAD) { /* perhaps it had just ended by itself */
        worker->ending = 0;
        guard_stop(realm_guard(worker->realm), 0);
    }
    pthread_mutex_unlock(&pool->lock);
    worker->has_classes = status == 0;
    if (status) realm_restore(worker->realm);
    return status == DFD_STATUS_INTERNAL ? DFD_STATUS_RESOURCES : status;
}

/* Puts into the realm what the task may refer to. Returns 0 or a DFD_STATUS_*. Needs no lock: what
 * is read of the list was written before the task was submitted, and is not changed. */
static int give_shares(Worker *worker, const Task *task) {
    if (!task->shares) return 0;
    return realm_share(worker->realm, worker->pool->first_share, task->shares);
}

static void *work(void *argument) {
    Worker *worker = argument;
    Pool *pool = worker->pool;
    Bytes payload = {0};
    char name[16];
    snprintf(name, sizeof name, "deferred-%u", worker->number % 10000);
#if defined(__linux__)
    pthread_setname_np(pthread_self(), name);
#elif defined(__APPLE__)
    pthread_setname_np(name);
#endif
    Realm *realm = build_realm(worker);
    if (realm) give_classes(worker, &payload); /* if it fails: again for each task, which is told */
    pthread_mutex_lock(&pool->lock);
    pool->starting--;
    pthread_mutex_unlock(&pool->lock);

    for (Task *task; (task = take(pool, worker));) {
        int status = DFD_STATUS_RESOURCES; /* if there is no realm */
        bytes_reset(&payload);
        if (!realm) realm = build_realm(worker); /* what was refused may be granted now */
        if (realm) status = give_classes(worker, &payload);
        if (realm && !status) status = give_shares(worker, task);
        double start = now_ms();
        start_clocks(pool, worker, &task->limits);
        if (realm && !status) {
            realm_lend(realm, task->regions, task->region_count);
            status = realm_run(realm, task->program, task->args, task->length, task->argc,
                               &task->limits, &payload);
        }
        if (payload.length > UINT32_MAX) payload.failed = true;
        task->completion.length = (uint32_t)payload.length;
        if (realm)
            task->completion.moved = realm_move_out(realm, &pool->completions.grants, &payload);
        if (payload.failed) {
            status = payload.starved ? DFD_STATUS_RESOURCES : DFD_STATUS_MEMORY;
            payload.length = task->completion.length = 0;
        }
        release(pool, worker, task);
        complete(pool, task, (uint32_t)status, worker->number, start, &payload);
        if (payload.capacity > PAYLOAD_KEPT) bytes_free(&payload);
        if (realm) realm_restore(realm); /* before a task is bound to this worker */
    }
    bytes_free(&payload);
    leave_pool(worker);
    return NULL;
}

/* Starts one more worker. 0, or why there is none. Under the lock. */
static int32_t start_worker(Pool *pool) {
    int32_t refused = need_watchdog(pool);
    if (refused) return refused;
    completion_make_pair(&pool->completions); /* before the thread may send to nothing else */
    Worker *worker = calloc(1, sizeof *worker);
    if (!worker) return DFD_E_MEMORY;
    worker->pool = pool;
    worker->number = pool->started + 1;
    worker->deadline = worker->cpu_end = INFINITY;
    worker->next = pool->workers;
    if (!start_thread(pool, pool->stack + STACK_MARGIN, work, worker)) {
        free(worker);
        return DFD_E_THREAD;
    }
    pool->workers = worker;
    pool->started++;
    pool->starting++;
    atomic_store(count(pool, DFD_CONTROL_THREADS), ++pool->threads);
    return 0;
}

/* Sees to it that a worker comes for each queued task, as far as there are any: one that sleeps
 * before one that is still on its way, which may make classes for seconds. Under the lock; `*wake`
 * says that `queued` is to be signalled after it, so that the worker that wakes does not run into
 * it. 0, or why there is no worker at all. */
static int32_t send_worker(Pool *pool, bool *wake) {
    uint32_t able = pool->spinning + pool->wakeups;
    if (pool->length <= able) return 0;
    if (pool->sleeping > pool->wakeups) {
        pool->wakeups++;
        *wake = true;
    } else if (pool->length > able + pool->starting && pool->threads < pool->max_threads) {
        int32_t refused = start_worker(pool);
        return pool->threads > 0 ? 0 : refused;
    }
    return 0;
}

/* --- the host's side ---------------------------------------------------------------------- */

/* A condition that wait_until can wait for: by the clock of now_ms. */
static bool watch_init(pthread_cond_t *cond) {
#if defined(__APPLE__)
    return !pthread_cond_init(cond, NULL);
#else
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes)) return false;
    bool made = !pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) &&
                !pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
    return made;
#endif
}

Pool *pool_open(int32_t *refused) {
    *refused = DFD_E_MEMORY;
    Pool *pool = calloc(1, sizeof *pool);
    if (!pool) return NULL;
    atomic_init(&pool->holds, 1);
    pool->max_threads = 1;
    pool->memory = DEFAULT_MEMORY;
    pool->stack = DEFAULT_STACK;
    pool->compile_ms = DEFAULT_COMPILE_MS;
    pool->next_expiry = INFINITY;
    pool->hardening = UINT32_MAX;
    spin_pays(); /* asks the system, which hardened workers may not */
    zone_read();
    if ((*refused = completion_open(&pool->completions))) goto no_queue;
    *refused = DFD_E_SYSTEM;
    if (pthread_mutex_init(&pool->lock, NULL)) goto no_lock;
    if (pthread_cond_init(&pool->queued, NULL)) goto no_cond;
    if (!watch_init(&pool->watch)) goto no_watch;
    return pool;
no_watch:
    pthread_cond_destroy(&pool->queued);
no_cond:
    pthread_mutex_destroy(&pool->lock);
no_lock:
    completion_close(&pool->completions);
no_queue:
    free(pool);
    return NULL;
}

static void pool_drop(Pool *pool) {
    if (atomic_fetch_sub(&pool->holds, 1) != 1) return;
    assert(!pool->first && !pool->workers);
    for (uint32_t i = 0; i < pool->programs.count; i++) program_drop(pool->programs.slots[i].value);
    program_drop(pool->preload);
    for (Share *share = pool->first_share, *next; share; share = next) {
        next = share->next;
        free(share);
    }
    slots_close(&pool->programs);
    slots_close(&pool->tasks);
    realm_close(pool->compiler);
    pthread_cond_destroy(&pool->watch);
    pthread_cond_destroy(&pool->queued);
    pthread_mutex_destroy(&pool->lock);
    completion_close(&pool->completions);
    free(pool);
}

void pool_close(Pool *pool) {
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    Task *dropped = pool->first;
    pool->first = pool->last = NULL;
    pool->length = 0;
    bool busy = false;
    for (Worker *worker = pool->workers; worker; worker = worker->next) {
        if (!worker->task && !worker->making) continue;
        stop(worker, DFD_STATUS_CANCELLED);
        busy = true;
    }
    atomic_fetch_add(&stragglers, pool->running);
    if (busy) watch(pool, now_ms() + RESEND_MS);
    pthread_cond_broadcast(&pool->queued);
    pthread_cond_signal(&pool->watch);
    pthread_mutex_unlock(&pool->lock);
    while (dropped) {
        Task *next = dropped->next;
        program_drop(dropped->program);
        free(dropped);
        dropped = next;
    }
    completion_silence(&pool->completions);
    pool_drop(pool);
}

int32_t pool_set(Pool *pool, uint32_t option, double value) {
    if (!(value >= 0) || pool->started) return DFD_E_INVALID;
    switch (option) {
    case DFD_OPTION_MAX_THREADS:
        if (value < 1 || value > THREADS_MAX) return DFD_E_INVALID;
        pool->max_threads = (uint32_t)value;
        return 0;
    case DFD_OPTION_MEMORY_LIMIT:
        if (value < (double)MIN_MEMORY || value > (double)(SIZE_MAX / 2)) return DFD_E_INVALID;
        pool->memory = (size_t)value;
        return 0;
    case DFD_OPTION_MAX_STACK_SIZE:
        if (value < (double)MIN_STACK || value > (double)MAX_STACK) return DFD_E_INVALID;
        pool->stack = (size_t)value;
        return 0;
    case DFD_OPTION_COMPILE_LIMIT:
        if (!(value > 0)) return DFD_E_INVALID;
        pool->compile_ms = value;
        return 0;
    default:
        return DFD_E_INVALID;
    }
}

CompletionQueue *pool_completions(Pool *pool) { return &pool->completions; }

uint32_t pool_stragglers(void) { return atomic_load(&stragglers); }

int32_t pool_share(Pool *pool, const uint8_t *value, size_t length) {
    Share *share = malloc(sizeof *share + length);
    if (!share) return DFD_E_MEMORY;
    *share = (Share){.length = length};
    memcpy(share->value, value, length);
    pthread_mutex_lock(&pool->lock);
    *(pool->last_share ? &pool->last_share->next : &pool->first_share) = share;
    pool->last_share = share;
    int32_t number = (int32_t)pool->shares++;
    pthread_mutex_unlock(&pool->lock);
    return number;
}

/* Work in the compiler's realm, done on a thread that can be stopped while the host's waits. */
typedef struct Errand {
    Pool *pool;
    int (*work)(Pool *pool, void *opaque); /* returns a DFD_STATUS_* */
    void *opaque;
    pthread_cond_t ended;
    /* Under the lock: */
    pthread_t thread; /* valid when it is `running` */
    bool running, done;
    int status;
} Errand;

static void *do_errand(void *argument) {
    Errand *errand = argument;
    Pool *pool = errand->pool;
    bool stoppable = guard_thread_begin(realm_guard(pool->compiler));
    pthread_mutex_lock(&pool->lock);
    errand->thread = pthread_self();
    errand->running = stoppable;
    pthread_mutex_unlock(&pool->lock);
    int status = stoppable ? errand->work(pool, errand->opaque) : DFD_STATUS_RESOURCES;
    guard_thread_end();
    realm_guard(pool->compiler)->catches = false; /* on the host's thread nothing does */
    pthread_mutex_lock(&pool->lock);
    errand->status = status;
    errand->done = true;
    pthread_cond_signal(&errand->ended);
    pthread_mutex_unlock(&pool->lock); /* and it is the caller's again */
    pool_drop(pool);
    return NULL;
}

/* Waits for an errand to end, and stops it after `limit` ms. */
static void await_errand(Errand *errand, double limit) {
    Pool *pool = errand->pool;
    Guard *guard = realm_guard(pool->compiler);
    double end = now_ms() + limit;
    pthread_mutex_lock(&pool->lock);
    while (!errand->done) {
        double now = now_ms();
        if (now >= end) {
            guard_stop(guard, DFD_STATUS_PRELOAD);
            if (errand->running) guard_signal(guard, errand->thread);
        }
        wait_until(&errand->ended, &pool->lock, now < end ? end : now + RESEND_MS);
    }
    pthread_mutex_unlock(&pool->lock);
    guard_stop(guard, 0);
}

/* Does a job in the compiler's realm within `limit` ms. Returns 0 and its status, which is
 * DFD_STATUS_PRELOAD if it took longer and RESOURCES if it could not begin; or an error. */
static int32_t send_errand(Pool *pool, double limit, int (*job)(Pool *, void *), void *opaque,
                           int *status) {
    Errand errand = {.pool = pool, .work = job, .opaque = opaque};
    if (!watch_init(&errand.ended)) return DFD_E_SYSTEM;
    bool started = start_thread(pool, pool->stack + STACK_MARGIN, do_errand, &errand);
    if (started) await_errand(&errand, limit);
    pthread_cond_destroy(&errand.ended);
    *status = errand.status;
    return started ? 0 : DFD_E_THREAD;
}

typedef struct PreloadErrand {
    const Program *program;
    Bytes thrown;
} PreloadErrand;

static int preload_classes(Pool *pool, void *opaque) {
    PreloadErrand *classes = opaque;
    return realm_preload(pool->compiler, classes->program, pool->stack, &classes->thrown);
}

int32_t pool_preload(Pool *pool, double handle, double limit, uint8_t *reply, size_t capacity) {
    Program *program = slots_get(&pool->programs, slots_handle(handle));
    if (!program) return DFD_E_HANDLE;
    if (pool->started || pool->preload || !pool->compiler) return DFD_E_INVALID;
    PreloadErrand classes = {.program = program};
    int status;
    int32_t result = send_errand(pool, limit, preload_classes, &classes, &status);
    if (result) return result;
    const Bytes *thrown = &classes.thrown;
    uint32_t head[2] = {(uint32_t)status, 0};
    size_t size = sizeof head + thrown->length;
    if (status == 0) {
        pool->preload = program_hold(program);
        pool->preload_ms = limit;
        result = 0;
    } else if (status == DFD_STATUS_RESOURCES) {
        result = DFD_E_SYSTEM;
    } else if (status == DFD_STATUS_INTERNAL || thrown->failed) {
        result = DFD_E_MEMORY;
    } else if (size > capacity || size > INT32_MAX) {
        result = DFD_E_REPLY_SIZE;
    } else {
        memcpy(reply, head, sizeof head);
        if (thrown->length) memcpy(reply + sizeof head, thrown->data, thrown->length);
        result = (int32_t)size;
    }
    if (status) realm_restore(pool->compiler);
    bytes_free(&classes.thrown);
    return result;
}

typedef struct CompileErrand {
    const char *source;
    size_t length;
    uint32_t flags;
    Bytes reply;
    Program *program;
} CompileErrand;

static int compile_source(Pool *pool, void *opaque) {
    CompileErrand *errand = opaque;
    return realm_compile(pool->compiler, errand->source, errand->length, errand->flags,
                         &errand->reply, &errand->program);
}

static int compile_apart(Pool *pool, void *opaque) {
    realm_set_stack(pool->compiler, pool->stack);
    return compile_source(pool, opaque);
}

static bool names_properties(const char *source, size_t length) {
    for (size_t i = 1; i < length; i++)
        if (source[i - 1] == '\\' && (source[i] == 'p' || source[i] == 'P')) return true;
    return false;
}

/* Compiles on this thread if that is sure not to take long, and its stack is not nearly used up; or
 * else on another one, which can be stopped, and has a stack of its own. Returns 0 or an error. */
static int32_t compile_in_time(Pool *pool, CompileErrand *errand) {
    int status;
    int32_t error = 0;
    bool is_quick =
        errand->length < COMPILE_APART && !names_properties(errand->source, errand->length);
    if (is_quick && guard_stack_left() >= COMPILE_STACK + STACK_MARGIN)
        status = compile_source(pool, errand);
    else
        error = send_errand(pool, pool->compile_ms, compile_apart, errand, &status);
    realm_restore(pool->compiler);
    if (error) return error;
    if (status == DFD_STATUS_PRELOAD) return DFD_E_SLOW;
    if (status == DFD_STATUS_RESOURCES) return DFD_E_SYSTEM;
    if (status || errand->reply.failed) return errand->reply.starved ? DFD_E_MEMORY : DFD_E_REALM;
    return 0;
}

int32_t pool_compile(Pool *pool, const char *source, size_t length, uint32_t flags, uint8_t *reply,
                     size_t capacity) {
    if (!(flags & DFD_COMPILE_PRELOAD) && !pool->started) {
        /* A task will follow: the first worker builds its realm while we build ours. If it can't be
         * started now, the task will say so. */
        pthread_mutex_lock(&pool->lock);
        if (!pool->threads) start_worker(pool);
        pthread_mutex_unlock(&pool->lock);
    }
    if (!pool->compiler) {
        pool->compiler = realm_open(pool->memory, COMPILE_STACK);
    }
    if (!pool->compiler) return DFD_E_MEMORY;
    CompileErrand errand = {source, length, flags, {0}, NULL};
    int32_t result = compile_in_time(pool, &errand);
    const Bytes *bytes = &errand.reply;
    double head = 0; /* the handle */
    size_t size = sizeof head + bytes->length;
    if (!result && (size > capacity || size > INT32_MAX)) result = DFD_E_REPLY_SIZE;
    if (!result && errand.program) result = slots_reserve(&pool->programs);
    if (!result) {
        if (errand.program) head = (double)slots_add(&pool->programs, errand.program);
        memcpy(reply, &head, sizeof head);
        memcpy(reply + sizeof head, bytes->data, bytes->length);
        result = (int32_t)size;
    }
    if (result < 0) program_drop(errand.program);
    bytes_free(&errand.reply);
    return result;
}

int32_t pool_program_free(Pool *pool, double handle) {
    Program *program = slots_remove(&pool->programs, slots_handle(handle));
    if (!program) return DFD_E_HANDLE;
    program_drop(program);
    return 0;
}

static uint32_t read_u32(const uint8_t *submission, int offset) {
    uint32_t value;
    memcpy(&value, submission + offset, 4);
    return value;
}

static double read_f64(const uint8_t *submission, int offset) {
    double value;
    memcpy(&value, submission + offset, 8);
    return value;
}

/* A limit in bytes or ms: what is not a positive number is none. */
static double read_limit(const uint8_t *submission, int offset) {
    double value = read_f64(submission, offset);
    return value > 0 ? value : 0;
}

/* Where the regions lie behind the arguments. */
static size_t regions_at(size_t args) { return (args + 7) & ~(size_t)7; }

/* The arguments of a submission without a program: a script and its globals. */
#define SCRIPT_ARGC 2

/* Whether a submission is as long as it says, and its regions are memory that can be lent. */
static bool is_sound(const uint8_t *submission, size_t length) {
    size_t args = read_u32(submission, DFD_SUBMISSION_ARGS_LENGTH);
    size_t count = read_u32(submission, DFD_SUBMISSION_REGIONS);
    size_t rest = length - DFD_SUBMISSION_ARGS;
    /* Each argument is a byte at least. */
    uint32_t argc = read_u32(submission, DFD_SUBMISSION_ARGC);
    if (args > rest || argc > args) return false;
    if (!read_f64(submission, DFD_SUBMISSION_PROGRAM) && argc != SCRIPT_ARGC) return false;
    if (count == 0) return args == rest;
    if (rest < regions_at(args) || (rest - regions_at(args)) / DFD_REGION_SIZE != count ||
        (rest - regions_at(args)) % DFD_REGION_SIZE)
        return false;
    const uint8_t *region = submission + DFD_SUBMISSION_ARGS + regions_at(args);
    for (; count > 0; count--, region += DFD_REGION_SIZE) {
        double address = read_limit(region, DFD_REGION_ADDRESS);
        double size = read_f64(region, DFD_REGION_LENGTH);
        if (!(address >= 8 && address <= 0x1p53 && fmod(address, 8) == 0)) return false;
        if (!(size >= 0 && size <= INT32_MAX && floor(size) == size)) return false;
    }
    return true;
}

/* Of a sound submission, of a program or (NULL) a script; NULL when there is no memory. */
static Task *new_task(Pool *pool, const uint8_t *submission, Program *program) {
    size_t args = read_u32(submission, DFD_SUBMISSION_ARGS_LENGTH);
    uint32_t count = read_u32(submission, DFD_SUBMISSION_REGIONS);
    Task *task = malloc(sizeof *task + regions_at(args) + count * sizeof *task->regions);
    if (!task) return NULL;
    double memory = read_limit(submission, DFD_SUBMISSION_MEMORY_LIMIT);
    double patience = read_limit(submission, DFD_SUBMISSION_QUEUE_TIMEOUT);
    double now = now_ms();
    *task = (Task){
        .completion.task = read_u32(submission, DFD_SUBMISSION_TASK),
        .program = program ? program_hold(program) : NULL,
        .limits =
            {
                .timeout_ms = read_limit(submission, DFD_SUBMISSION_TIMEOUT),
                .cpu_ms = read_limit(submission, DFD_SUBMISSION_CPU_LIMIT),
                .memory = memory < (double)(SIZE_MAX / 2) ? (size_t)memory : 0,
                .stack = read_u32(submission, DFD_SUBMISSION_MAX_STACK_SIZE),
            },
        .submitted = now,
        .shares = pool->shares, /* which this thread alone changes */
        .expires = patience ? now + patience : INFINITY,
        .argc = read_u32(submission, DFD_SUBMISSION_ARGC),
        .length = args,
        .region_count = count,
    };
    memcpy(task->args, submission + DFD_SUBMISSION_ARGS, args);
    CloneRegion *regions = (CloneRegion *)(task->args + regions_at(args));
    const uint8_t *region = submission + DFD_SUBMISSION_ARGS + regions_at(args);
    for (uint32_t i = 0; i < count; i++, region += DFD_REGION_SIZE) {
        regions[i].data = (uint8_t *)(uintptr_t)read_limit(region, DFD_REGION_ADDRESS);
        regions[i].length = (size_t)read_limit(region, DFD_REGION_LENGTH);
    }
    task->regions = regions;
    return task;
}

int32_t pool_ready(Pool *pool) {
    pthread_mutex_lock(&pool->lock);
    int32_t refused = slots_reserve(&pool->tasks);
    if (!refused && !pool->threads) refused = start_worker(pool);
    pthread_mutex_unlock(&pool->lock);
    return refused;
}

double pool_submit(Pool *pool, const uint8_t *submission, size_t length) {
    if (!is_sound(submission, length)) return DFD_E_INVALID;
    double handle = read_f64(submission, DFD_SUBMISSION_PROGRAM);
    Program *program = slots_get(&pool->programs, slots_handle(handle));
    if (handle && !program) return DFD_E_HANDLE;
    double cpu_limit = read_limit(submission, DFD_SUBMISSION_CPU_LIMIT);
    if (cpu_limit && cpu_ms(pthread_self()) < 0) return DFD_E_CLOCK;
    Task *task = new_task(pool, submission, program);
    if (!task) return DFD_E_MEMORY;
    bool wake = false;
    atomic_store_explicit(&pool->host_processor, processor(), memory_order_relaxed);
    pthread_mutex_lock(&pool->lock);
    int32_t refused = slots_reserve(&pool->tasks);
    if (!refused) {
        task->handle = slots_add(&pool->tasks, task);
        queue_push(pool, task);
        if ((refused = send_worker(pool, &wake))) {
            queue_remove(pool, task);
            slots_remove(&pool->tasks, task->handle);
        } else if (task->expires < INFINITY) {
            watch(pool, task->expires);
        }
    }
    double result = refused ? refused : (double)task->handle;
    pthread_mutex_unlock(&pool->lock);
    if (wake) pthread_cond_signal(&pool->queued);
    if (result < 0) {
        program_drop(task->program);
        free(task);
    }
    return result;
}

int32_t pool_cancel(Pool *pool, double handle) {
    pthread_mutex_lock(&pool->lock);
    Task *task = slots_get(&pool->tasks, slots_handle(handle));
    bool queued = task && !task->worker;
    if (queued) {
        queue_remove(pool, task);
        slots_remove(&pool->tasks, task->handle);
    } else if (task) {
        stop(task->worker, DFD_STATUS_CANCELLED);
        watch(pool, now_ms() + RESEND_MS);
    }
    pthread_mutex_unlock(&pool->lock);
    if (queued) {
        Bytes none = {0};
        complete(pool, task, DFD_STATUS_CANCELLED, 0, now_ms(), &none);
    }
    return task != NULL;
}
