/* guard.c - see guard.h
 *
 * The handlers are the process's, installed once and for good: a worker of any pool may run at any
 * time, and taking them away would race with it. They touch nothing but the thread's own state,
 * which each worker touches itself before it can be signalled (thread-local storage may be
 * allocated at its first use, which a handler must not do).
 */
#include "guard.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "deferred.h"

#ifndef MAP_ANONYMOUS
#define MAP_ANONYMOUS MAP_ANON
#endif

#if defined(SIGRTMIN)
#define STOP_SIGNAL (SIGRTMIN + 9) /* free in Deno, Bun and Node */
#else
#define STOP_SIGNAL SIGURG /* macOS has no real-time signals; this one is ignored by default */
#endif

#define ALTERNATE_STACK ((size_t)64 << 10) /* the handlers before ours run on it, too */

/* What the handlers know of the thread they run in. */
typedef struct ThreadState {
    Guard *guard;
    volatile sig_atomic_t critical;
    uintptr_t fence, fence_end; /* the inaccessible pages below the stack */
    void *alternate;
} ThreadState;

static _Thread_local ThreadState thread;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool installed;
static struct sigaction before_stop, before_segv, before_bus;

int guard_run(Guard *guard, int (*inside)(void *opaque), void *opaque) {
    assert(!guard->open);
    int status = sigsetjmp(guard->exit, 0);
    if (status == 0) {
        guard->open = 1;
        atomic_signal_fence(memory_order_seq_cst);
        status = inside(opaque);
    }
    atomic_signal_fence(memory_order_seq_cst);
    guard->open = 0;
    return status;
}

void guard_leave(Guard *guard, int status) {
    assert(guard->open && status != 0 && thread.critical == 0);
    guard->open = 0;
    siglongjmp(guard->exit, status);
}

void guard_poll(Guard *guard) {
    int status = atomic_load_explicit(&guard->stop, memory_order_relaxed);
    if (status && guard->open && !thread.critical) guard_leave(guard, status);
}

void guard_stop(Guard *guard, int status) { atomic_store(&guard->stop, status); }

void guard_critical_enter(void) {
    thread.critical++;
    atomic_signal_fence(memory_order_seq_cst);
}

void guard_critical_leave(void) {
    assert(thread.critical > 0);
    atomic_signal_fence(memory_order_seq_cst);
    thread.critical--;
}

/* --- signals ------------------------------------------------------------------------------ */

static void pass_on(const struct sigaction *before, int signal, siginfo_t *info, void *context) {
    if (before->sa_flags & SA_SIGINFO) {
        if (before->sa_sigaction) before->sa_sigaction(signal, info, context);
    } else if (before->sa_handler != SIG_DFL && before->sa_handler != SIG_IGN) {
        before->sa_handler(signal);
    } else if (signal != STOP_SIGNAL) {
        /* Nobody handles this fault: it happens again on return, and ends the process as it would
         * have without us. */
        struct sigaction fallback = {.sa_handler = SIG_DFL};
        sigaction(signal, &fallback, NULL);
    }
}

static void on_stop(int signal, siginfo_t *info, void *context) {
    int saved = errno;
    if (!thread.guard) {
        pass_on(&before_stop, signal, info, context);
    } else {
        /* Before it looks, or a stop may be missed. */
        atomic_store(&thread.guard->signalled, false);
        guard_poll(thread.guard);
    }
    errno = saved;
}

static void on_fault(int signal, siginfo_t *info, void *context) {
    uintptr_t address = (uintptr_t)info->si_addr;
    Guard *guard = thread.guard;
    int saved = errno;
    if (guard && guard->touch && guard->touch(guard->opaque, info->si_addr)) {
        errno = saved;
        return;
    }
    if (thread.guard && thread.guard->open && !thread.critical && address >= thread.fence &&
        address < thread.fence_end) {
        /* A handler younger than ours may have been called first, with the signal blocked. */
        sigset_t fault;
        sigemptyset(&fault);
        sigaddset(&fault, signal);
        pthread_sigmask(SIG_UNBLOCK, &fault, NULL);
        guard_leave(thread.guard, DFD_STATUS_STACK);
    }
    pass_on(signal == SIGBUS ? &before_bus : &before_segv, signal, info, context);
}

static void install(void) {
    /* The stop signal's handler has room on the thread's own stack: the engine's limit is far from
     * its end. Only a stack that is used up needs another one. */
    struct sigaction stop = {.sa_sigaction = on_stop, .sa_flags = SA_SIGINFO};
    struct sigaction fault = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    /* A handler is left by a jump that restores no mask, so its signal must not be blocked. */
    stop.sa_flags |= SA_NODEFER | SA_RESTART;
    fault.sa_flags |= SA_NODEFER;
    sigemptyset(&stop.sa_mask);
    sigemptyset(&fault.sa_mask);
    /* What was there before is known before ours is there: a fault may come at any time. */
    installed = !sigaction(STOP_SIGNAL, NULL, &before_stop) &&
                !sigaction(SIGSEGV, NULL, &before_segv) && !sigaction(SIGBUS, NULL, &before_bus) &&
                !sigaction(STOP_SIGNAL, &stop, NULL) && !sigaction(SIGSEGV, &fault, NULL) &&
                !sigaction(SIGBUS, &fault, NULL);
}

/* The inaccessible pages below this thread's stack. */
static void find_fence(void) {
#if defined(__linux__)
    pthread_attr_t attributes;
    void *lowest;
    size_t size, guard;
    if (pthread_getattr_np(pthread_self(), &attributes)) return;
    if (!pthread_attr_getstack(&attributes, &lowest, &size) &&
        !pthread_attr_getguardsize(&attributes, &guard)) {
        thread.fence = (uintptr_t)lowest - guard;
        thread.fence_end = (uintptr_t)lowest;
    }
    pthread_attr_destroy(&attributes);
#elif defined(__APPLE__)
    uintptr_t top = (uintptr_t)pthread_get_stackaddr_np(pthread_self());
    thread.fence_end = top - pthread_get_stacksize_np(pthread_self());
    thread.fence = thread.fence_end - (64u << 10);
#endif
}

bool guard_thread_begin(Guard *guard) {
    thread = (ThreadState){0};
    pthread_once(&once, install);
    find_fence();
    void *alternate =
        mmap(NULL, ALTERNATE_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!installed || alternate == MAP_FAILED) return false;
    stack_t stack = {.ss_sp = alternate, .ss_size = ALTERNATE_STACK};
    if (sigaltstack(&stack, NULL)) {
        munmap(alternate, ALTERNATE_STACK);
        return false;
    }
    thread.alternate = alternate;
    thread.guard = guard;
    guard->catches = true;
    atomic_store(&guard->signalled, false);
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, STOP_SIGNAL);
    sigaddset(&ours, SIGSEGV);
    sigaddset(&ours, SIGBUS);
    sigaddset(&ours, SIGILL);
    sigaddset(&ours, SIGFPE);
    return pthread_sigmask(SIG_UNBLOCK, &ours, NULL) == 0;
}

void guard_thread_end(void) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    thread.guard = NULL;
    if (!thread.alternate) return;
    stack_t none = {.ss_flags = SS_DISABLE};
    sigaltstack(&none, NULL);
    munmap(thread.alternate, ALTERNATE_STACK);
    thread.alternate = NULL;
}

/* Real-time signals queue up, and a thread that comes to run after a while gets all of them at
 * once, each with a frame on its stack on top of the one before: so never more than one is sent. */
void guard_signal(Guard *guard, pthread_t to) {
    if (!atomic_exchange(&guard->signalled, true) && pthread_kill(to, STOP_SIGNAL))
        atomic_store(&guard->signalled, false);
}
