/* guard.c - see guard.h
 *
 * The handlers are the process's, installed once and for good: a worker of any pool may run at any
 * time, and removing them would race with it. They touch only the thread's own state.
 *
 * A handler does not jump. It makes the thread continue, when the handler has returned, in
 * guard_land, which jumps from the thread's own stack. So the kernel restores the mask and leaves
 * the alternate stack, and a handler that was called first, and called ours, returns as well. Where
 * we don't know how to do that (RESUMES), the handler jumps.
 */
#include "guard.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "deferred.h"

/* ThreadSanitizer's runtime calls a handler later, with a copy of the context. */
#if !defined(OS_TSAN) && (defined(__linux__) || defined(__APPLE__)) &&                             \
    (defined(__x86_64__) || defined(__aarch64__))
#define RESUMES 1
#endif

#if defined(SIGRTMIN)
#define STOP_SIGNAL (SIGRTMIN + 9) /* free in Deno, Bun and Node */
#else
#define STOP_SIGNAL SIGURG /* macOS has no real-time signals; this one is ignored by default */
#endif

/* Handlers before ours run on it, too, and signals that come meanwhile: the frame that the
 * kernel pushes for each is up to 11 KB large. Below it are inaccessible pages. */
#define ALTERNATE_STACK ((size_t)64 << 10)

/* What the handlers know of the thread they run in. */
typedef struct ThreadState {
    GuardThread *self;          /* NULL: neither signals nor faults are ours to handle */
    Guard *guard;               /* around what runs, or NULL */
    sigjmp_buf *exit;           /* of guard_run */
    uintptr_t floor;            /* an address on the stack, above all that belongs to the inside */
    int status;                 /* that a handler leaves with */
    volatile sig_atomic_t open; /* whether what runs may be left */
    volatile sig_atomic_t critical;
    bool alone;                         /* no handler but ours can do its work on it */
    uintptr_t fence, fence_end;         /* the inaccessible pages below the stack */
    uintptr_t alternate, alternate_end; /* the alternate stack with its fence, or 0 */
} ThreadState;

static OS_THREAD_LOCAL ThreadState thread;

static OsOnce once = OS_ONCE_INITIAL;
static bool installed;
static OsFailure not_installed; /* why */
static struct sigaction before_stop, before_segv, before_bus;

/* Nothing below this function's frame is needed once the guard was left. */
__attribute__((noinline)) static int guard_enter(int (*inside)(void *opaque), void *opaque) {
    thread.floor = (uintptr_t)__builtin_frame_address(0);
    thread.open = 1;
    atomic_signal_fence(memory_order_seq_cst);
    return inside(opaque);
}

int guard_run(Guard *guard, int (*inside)(void *opaque), void *opaque) {
    sigjmp_buf exit;
    assert(!thread.guard);
    thread.exit = &exit;
    thread.guard = guard;
    int status = sigsetjmp(exit, 0);
    guard->left = status != 0;
    if (status == 0) status = guard_enter(inside, opaque);
    atomic_signal_fence(memory_order_seq_cst);
    thread.open = 0;
    atomic_signal_fence(memory_order_seq_cst);
    thread.guard = NULL;
    return status;
}

bool guard_is_open(void) { return thread.open; }

bool guard_may_be_left(void) { return thread.open && !thread.critical; }

void guard_leave(int status) {
    assert(thread.open && status != 0 && thread.critical == 0);
    thread.open = 0;
    siglongjmp(*thread.exit, status);
}

void guard_poll(void) {
    if (!thread.open || thread.critical) return;
    int status = atomic_load_explicit(&thread.guard->stop, memory_order_relaxed);
    if (status) guard_leave(status);
}

void guard_critical_enter(void) {
    thread.critical++;
    atomic_signal_fence(memory_order_seq_cst);
}

void guard_critical_leave(void) {
    assert(thread.critical > 0);
    atomic_signal_fence(memory_order_seq_cst);
    thread.critical--;
}

_Noreturn void guard_abort(void) {
    thread.critical++; /* whoever wants the task gone comes too late */
    atomic_signal_fence(memory_order_seq_cst);
    abort();
}

/* What the compiler has a function call whose stack was written over: libc's own takes its time to
 * tell of it. Not exported. */
_Noreturn void __stack_chk_fail(void);
_Noreturn void __stack_chk_fail(void) { guard_abort(); }

/* --- leaving by a signal -------------------------------------------------------------------- */

/* The interrupted code's stack pointer; 0 where we don't know how to ask. */
static uintptr_t guard_stack_of(const ucontext_t *context) {
#if defined(__linux__) && defined(__x86_64__)
    return (uintptr_t)context->uc_mcontext.gregs[REG_RSP];
#elif defined(__linux__) && defined(__aarch64__)
    return (uintptr_t)context->uc_mcontext.sp;
#elif defined(__APPLE__) && defined(__x86_64__)
    return (uintptr_t)context->uc_mcontext->__ss.__rsp;
#elif defined(__APPLE__) && defined(__aarch64__)
    return (uintptr_t)__darwin_arm_thread_state64_get_sp(context->uc_mcontext->__ss);
#else
    (void)context;
    return 0;
#endif
}

/* Whether the interrupted code is the handler of another signal, which nobody may leave in the
 * middle:
 *
 *   a fault's   From the instruction that faults on, ours is on the alternate stack, and so is what
 *               it calls; one that was installed later and is called first is there, too, or has
 *               the signal blocked, as is usual. (One that does neither can't be told from a task.)
 *               So a stop never comes between a crash and the closing of the guard.
 *   libc's own  It has each thread change its user or group in one, and waits for it.
 */
static bool guard_in_handler(const ucontext_t *context) {
    uintptr_t stack = guard_stack_of(context);
    if (stack >= thread.alternate && stack < thread.alternate_end) return true;
    if (sigismember(&context->uc_sigmask, SIGSEGV) || sigismember(&context->uc_sigmask, SIGBUS))
        return true;
#if defined(__linux__)
    uint64_t blocked; /* bit n - 1 is signal n; a handler runs with its own blocked */
    memcpy(&blocked, &context->uc_sigmask, sizeof blocked);
    return blocked >> 31 & ((1u << (SIGRTMIN - 32)) - 1);
#else
    return false;
#endif
}

static bool guard_may_leave(const ucontext_t *context) {
    return thread.open && !thread.critical && !guard_in_handler(context);
}

#if defined(RESUMES)
/* Not by a call: on the stack below the floor, with all registers as they happen to be. */
static _Noreturn void guard_land(ThreadState *state) {
    /* AddressSanitizer has marked the frames that are left, and is to forget them. */
    if (state->fence_end) /* unknown where the system does not tell */
        ASAN_UNPOISON_MEMORY_REGION((char *)state->fence_end, state->floor - state->fence_end);
    siglongjmp(*state->exit, state->status);
}

/* Calls guard_land with this thread's state when the handler has returned. */
static void guard_resume(int signal, ucontext_t *context) {
    uintptr_t stack =
        (thread.floor - 256) & ~(uintptr_t)15; /* 256: guard_enter's frame, a red zone */
    (void)signal;
#if defined(__x86_64__)
    stack -= sizeof(void *); /* as a call leaves it; nobody returns to it */
    ASAN_UNPOISON_MEMORY_REGION((void *)stack, sizeof(void *)); /* in a frame that is left */
    *(void **)stack = NULL;
#endif
#if defined(__linux__) && defined(__x86_64__)
    greg_t *registers = context->uc_mcontext.gregs;
    registers[REG_RIP] = (greg_t)(uintptr_t)guard_land;
    registers[REG_RSP] = (greg_t)stack;
    registers[REG_RDI] = (greg_t)(uintptr_t)&thread;
    registers[REG_EFL] &= ~0x400; /* the direction flag */
#elif defined(__linux__)
    context->uc_mcontext.pc = (uintptr_t)guard_land;
    context->uc_mcontext.sp = stack;
    context->uc_mcontext.regs[0] = (uintptr_t)&thread;
    context->uc_mcontext.pstate &= ~(uint64_t)0xc00; /* not as after a branch (BTI) */
#elif defined(__x86_64__)
    context->uc_mcontext->__ss.__rip = (uintptr_t)guard_land;
    context->uc_mcontext->__ss.__rsp = stack;
    context->uc_mcontext->__ss.__rdi = (uintptr_t)&thread;
    context->uc_mcontext->__ss.__rflags &= ~(uint64_t)0x400;
#else
    __darwin_arm_thread_state64_set_pc_fptr(context->uc_mcontext->__ss, (void *)guard_land);
    __darwin_arm_thread_state64_set_sp(context->uc_mcontext->__ss, stack);
    context->uc_mcontext->__ss.__x[0] = (uintptr_t)&thread;
#endif
}
#else
static void guard_resume(int signal, ucontext_t *context) {
    (void)context;
    /* A handler younger than ours may have been called first, with the signal blocked; and
     * ThreadSanitizer's runtime calls ours with all of them blocked. */
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, signal);
    sigaddset(&blocked, SIGSEGV);
    sigaddset(&blocked, SIGBUS);
    pthread_sigmask(SIG_UNBLOCK, &blocked, NULL);
    siglongjmp(*thread.exit, thread.status);
}
#endif

static void guard_leave_with(int status, int signal, ucontext_t *context) {
    thread.open = 0;
    thread.status = status;
    guard_resume(signal, context);
}

/* --- signals ------------------------------------------------------------------------------ */

/* Whether somebody sent it. A fault happens again when its handler has returned; a sent signal does
 * not. */
static bool guard_was_sent(const siginfo_t *info) {
#if defined(__linux__)
    return info->si_code <= 0;
#else
    (void)info;
    return false;
#endif
}

/* Ends the process as the signal does without a handler. */
static void guard_end_process(int signal, const siginfo_t *info) {
    struct sigaction fallback = {.sa_handler = SIG_DFL};
    sigaction(signal, &fallback, NULL);
    if (guard_was_sent(info)) raise(signal);
}

static void guard_pass_on(const struct sigaction *before, int signal, siginfo_t *info,
                          void *context) {
    if (before->sa_flags & SA_SIGINFO) {
        if (before->sa_sigaction) before->sa_sigaction(signal, info, context);
    } else if (before->sa_handler != SIG_DFL && before->sa_handler != SIG_IGN) {
        before->sa_handler(signal);
    } else if (signal != STOP_SIGNAL) {
        guard_end_process(signal, info);
    }
}

static void guard_on_stop(int signal, siginfo_t *info, void *context) {
    int saved = errno;
    if (!thread.self) {
        guard_pass_on(&before_stop, signal, info, context);
    } else {
        /* Before it looks, or a stop may be missed. */
        atomic_store(&thread.self->signalled, false);
        if (guard_may_leave(context)) {
            int status = atomic_load_explicit(&thread.guard->stop, memory_order_relaxed);
            if (status) guard_leave_with(status, signal, context);
        }
    }
    errno = saved;
}

/* Whether the fault was one of ours, and is settled. */
static bool guard_settle_fault(int signal, siginfo_t *info, ucontext_t *context) {
    uintptr_t address = (uintptr_t)info->si_addr;
    const Guard *guard = thread.guard;
    if (guard_was_sent(info)) return false;
    if (guard && guard->touch) {
        thread.critical++; /* ThreadSanitizer's runtime may call the stop's handler meanwhile */
        atomic_signal_fence(memory_order_seq_cst);
        bool touched = guard->touch(guard->opaque, info->si_addr);
        atomic_signal_fence(memory_order_seq_cst);
        thread.critical--;
        if (touched) return true;
    }
    if (address < thread.fence || address >= thread.fence_end || !guard_may_leave(context))
        return false;
    guard_leave_with(DFD_STATUS_STACK, signal, context);
    return true;
}

static void guard_on_fault(int signal, siginfo_t *info, void *context) {
    int saved = errno;
    if (!thread.self || !guard_settle_fault(signal, info, context)) {
        /* Nobody knows what this thread has done to memory: no stop must save the task from what
         * comes now. */
        thread.open = 0;
        if (thread.alone)
            guard_end_process(signal, info);
        else
            guard_pass_on(signal == SIGBUS ? &before_bus : &before_segv, signal, info, context);
    }
    errno = saved;
}

static void guard_install(void) {
    /* On the alternate stack: the thread's own may be used up to less than the kernel needs for a
     * signal. None is blocked in them: what comes meanwhile is not late. */
    int flags = SA_ONSTACK | SA_NODEFER;
    installed = os_handle_signal(STOP_SIGNAL, flags | SA_RESTART, guard_on_stop, &before_stop) &&
                os_handle_signal(SIGSEGV, flags, guard_on_fault, &before_segv) &&
                os_handle_signal(SIGBUS, flags, guard_on_fault, &before_bus);
    not_installed = os_failure();
}

size_t guard_stack_left(void) {
    static OS_THREAD_LOCAL uintptr_t lowest; /* to find it may take reading a file */
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    if (!lowest) lowest = os_stack().lowest;
    return lowest && here > lowest ? here - lowest : 0;
}

bool guard_thread_begin(GuardThread *self) {
    /* On Linux a fault whose signal is blocked ends the process by that signal, at once. That is
     * right for signals that we do nothing about. */
    const int ours[] = {
        STOP_SIGNAL, SIGSEGV, SIGBUS,
#if !defined(__linux__)
        SIGILL,      SIGFPE,
#endif
    };
    thread = (ThreadState){0};
    os_once(&once, guard_install);
    OsStack stack = os_stack();
    thread.fence = stack.lowest - stack.fence;
    thread.fence_end = stack.lowest;
    if (!installed) return os_note(not_installed), false;
    thread.alternate_end = os_alternate_stack(ALTERNATE_STACK, &thread.alternate);
    if (!thread.alternate) return false;
    self->id = os_this_thread();
    atomic_store(&self->signalled, false);
    thread.self = self;
    os_unblock_signals(ours, sizeof ours / sizeof *ours);
    return true;
}

bool guard_thread_catches(void) { return thread.self != NULL; }

void guard_thread_alone(void) { thread.alone = true; }

void guard_thread_end(void) {
    os_block_signals();
    thread.self = NULL;
    os_drop_alternate_stack(thread.alternate, thread.alternate_end);
    thread.alternate = thread.alternate_end = 0;
}

/* Real-time signals queue up, and a thread that comes to run after a while gets all of them at
 * once, each with a frame on its stack on top of the one before: so never more than one is sent. */
void guard_signal(GuardThread *to) {
    if (!atomic_exchange(&to->signalled, true) && pthread_kill(to->id, STOP_SIGNAL))
        atomic_store(&to->signalled, false);
}
