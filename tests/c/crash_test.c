/* crash_test.c - a worker that crashes ends the process: by the signal of what happened, at once,
 * whatever the host's handlers would do, and with a stop on its way.
 *
 * Each crash has a child of its own, forked while this process has no other thread. In it a worker
 * (as the pool starts one) crashes inside of a task, while another thread does what the watchdog
 * does to a task that has no time left. How the child ends tells whether the task was left by that.
 *
 * What makes it fail; all of it was tried:
 *   hardened      a filter that refuses tgkill, or rt_sigaction of SIGABRT; a thread that is not
 *                 alone: a handler of the host's that needs what it may not do
 *   with a stop   guard_on_fault that leaves the guard open
 *   sent signals  guard_end_process without raise
 */
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "deferred.h"
#include "guard.h"
#include "harden.h"

#define PATIENCE 900 /* s: far more than dying takes anywhere */
/* Exit codes of a child. */
#define LEFT 77         /* the task crashed and was left, or went on */
#define EARLY 78        /* it was left before it crashed */
#define NOT_HARDENED 79 /* nothing to test here */
#define TRIES 50        /* until a task is not left early */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1 /* whose runtime handles the signals, and exits */
#else
#define SANITIZED 0
#endif

/* --- crashes ------------------------------------------------------------------------------- */

static void write_nowhere(void) { *(volatile int *)(uintptr_t)8 = 1; }

#if defined(__x86_64__)
/* The kernel tells no address of it. */
static void read_no_address(void) { (void)*(volatile int *)((uintptr_t)0x5555 << 48); }

/* (Other processors divide by zero.) */
__attribute__((no_sanitize("undefined"))) static void divide(void) {
    volatile int zero = 0;
    zero = 7 / zero;
}
#endif

static void call_nowhere(void) { ((void (*)(void))(uintptr_t)16)(); }

static volatile char *behind_a_file; /* a page of one that has no bytes */

static void read_behind_a_file(void) { (void)*behind_a_file; }

#if defined(__aarch64__)
#define TRAPPED SIGTRAP
#else
#define TRAPPED SIGILL
#endif
static void trap(void) { __builtin_trap(); }

static void free_twice(void) {
    char *volatile block = malloc(3000);
    guard_critical_enter(); /* as all of ours */
    free(block);
    memset(block + 8, 0, 8); /* what free would know it by */
    free(block);
}

_Noreturn void __stack_chk_fail(void); /* what a function calls that finds it so */
static void smash_stack(void) { __stack_chk_fail(); }

static void send_segv(void) { raise(SIGSEGV); }

static void abort_in_engine(void) { guard_abort(); }

typedef struct Crash {
    const char *name;
    void (*crash)(void);
    int signal;
} Crash;

static const Crash crashes[] = {
    {"a write to nowhere", write_nowhere, SIGSEGV},
    {"a call to nowhere", call_nowhere, SIGSEGV},
#if defined(__x86_64__)
    {"an address that is none", read_no_address, SIGSEGV},
    {"a division by zero", divide, SIGFPE},
#endif
    {"a file that is shorter", read_behind_a_file, SIGBUS},
    {"an instruction that is none", trap, TRAPPED},
    {"abort", abort, SIGABRT},
    {"abort in the engine", abort_in_engine, SIGABRT},
    {"a signal sent", send_segv, SIGSEGV},
#if defined(__GLIBC__)
    {"a block freed twice", free_twice, SIGABRT},
#endif
    {"a smashed stack", smash_stack, SIGABRT},
};

/* --- a child ------------------------------------------------------------------------------- */

/* When the one stop comes of a child that has no watchdog. */
typedef enum Moment {
    NEVER,
    IN_OURS,    /* in our handler, before it knows that it is a crash */
    IN_YOUNGER, /* in a handler that is called before ours, with the signal blocked */
    IN_OPEN,    /* in one that has it not blocked, on the alternate stack */
} Moment;

typedef struct Child {
    const Crash *crash;
    bool hardened, stopped; /* stopped: there is a watchdog that wants the task gone */
    Moment moment;
    struct sigaction below; /* the younger handler */
    Guard guard;
    GuardThread thread;
    pthread_t worker;
    atomic_bool crashing, heard; /* heard: the stop was, by the crash's handler */
} Child;

static Child child;

/* A handler of the host's that takes its time: until a system call succeeds that a worker may not
 * make. */
static void on_crash(int signal) {
    (void)signal;
    while (getppid() < 0) continue;
}

static void on_abort(int signal) { (void)signal; }

/* One that takes itself away and has the fault happen again, as that of Rust's standard library. */
static void on_crash_once(int signal) {
    struct sigaction fallback = {.sa_handler = SIG_DFL};
    sigaction(signal, &fallback, NULL);
    while (child.stopped && !atomic_load(&child.heard)) continue;
}

static void stop_now(void) {
    atomic_store(&child.guard.stop, DFD_STATUS_TIMEOUT);
    guard_signal(&child.thread); /* which is this one: it is heard before this returns */
}

static bool stop_in_touch(void *opaque, const void *address) {
    (void)opaque, (void)address;
    stop_now();
    return false;
}

static void on_younger_fault(int signal, siginfo_t *info, void *context) {
    stop_now();
    child.below.sa_sigaction(signal, info, context);
}

/* Sees to it that the stop comes at the child's moment. */
static void prepare_moment(void) {
    struct sigaction younger = {.sa_sigaction = on_younger_fault, .sa_flags = SA_SIGINFO};
    if (child.moment == IN_OURS) child.guard.touch = stop_in_touch;
    if (child.moment == IN_OPEN) younger.sa_flags |= SA_ONSTACK | SA_NODEFER;
    if (child.moment >= IN_YOUNGER) sigaction(SIGSEGV, &younger, &child.below);
}

static int inside(void *opaque) {
    (void)opaque;
    atomic_store(&child.crashing, true);
    child.crash->crash();
    return DFD_STATUS_OK;
}

/* Whether a fault that the library handles was handled: that took the handler away. */
static bool was_handled(int signal) {
    struct sigaction now;
    if (signal != SIGSEGV && signal != SIGBUS) return false;
    return sigaction(signal, NULL, &now) || now.sa_handler == SIG_DFL;
}

static void *work(void *unused) {
    if (!guard_thread_begin(&child.thread)) abort();
    if (child.hardened && !harden_thread(-1, (HardenCode){0})) _exit(NOT_HARDENED);
    prepare_moment();
    int status = guard_run(&child.guard, inside, NULL);
    bool early = status == DFD_STATUS_TIMEOUT && !was_handled(child.crash->signal);
    _exit(early ? EARLY : LEFT);
    return unused;
}

/* As the watchdog, for ever, but without a pause. */
static void stop_for_ever(void) {
    while (!atomic_load(&child.crashing)) continue;
    for (int heard = 0;; heard++) {
        atomic_store(&child.guard.stop, DFD_STATUS_TIMEOUT);
        guard_signal(&child.thread);
        while (atomic_load(&child.thread.signalled)) continue;
        if (heard == 2) atomic_store(&child.heard, true);
    }
}

static void be_child(void (*handler)(int)) {
    static const struct rlimit none;
    static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
    sigset_t all;
    FILE *file = tmpfile();
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGABRT, handler ? on_abort : SIG_DFL); /* check.h has one */
    for (size_t i = 0; i < sizeof faults / sizeof *faults && handler; i++)
        signal(faults[i], handler);
    behind_a_file = file ? mmap(NULL, 1, PROT_READ, MAP_SHARED, fileno(file), 0) : NULL;
    sigfillset(&all);
    sigdelset(&all, SIGALRM);
    pthread_sigmask(SIG_SETMASK, &all, NULL); /* as in the pool's threads, but for the alarm */
    if (pthread_create(&child.worker, NULL, work, NULL)) abort();
    if (child.stopped) stop_for_ever();
    pthread_join(child.worker, NULL);
}

/* How a child that crashes so ends. */
static int status_of(const Child *as, void (*handler)(int)) {
    int status = 0;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(PATIENCE);
        if (!freopen("/dev/null", "w", stderr)) abort(); /* libc says why it aborts */
        child = *as;
        be_child(handler);
        _exit(0);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    return status;
}

static bool exited_with(int status, int code) {
    return WIFEXITED(status) && WEXITSTATUS(status) == code;
}

static void check_death(const Crash *crash, bool hardened, bool stopped, void (*handler)(int)) {
    Child as = {.crash = crash, .hardened = hardened, .stopped = stopped};
    int status, tries = 0;
    do status = status_of(&as, handler);
    while (exited_with(status, EARLY) && ++tries < TRIES);
    if (hardened && exited_with(status, NOT_HARDENED)) return;
    bool right = WIFSIGNALED(status) && WTERMSIG(status) == crash->signal;
    if (SANITIZED) right = !exited_with(status, LEFT) && !exited_with(status, EARLY);
    CHECK(right, "%s%s ended the process with %#x, not by signal %d", crash->name,
          stopped ? " while it was stopped" : "", (unsigned)status, crash->signal);
}

static void check_deaths(bool hardened, bool stopped, void (*handler)(int)) {
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
        if (crashes[i].crash != send_segv || handler != on_crash_once) /* not to happen again */
            check_death(&crashes[i], hardened, stopped, handler);
}

TEST("a crash of a hardened thread ends the process by its signal") {
    check_deaths(true, false, NULL);
}

TEST("a crash of a thread that is not hardened ends the process by its signal") {
    check_deaths(false, false, NULL);
}

TEST("a task that crashes is not saved by a stop") {
    for (int round = 0; round < 5; round++) {
        check_deaths(true, true, NULL);
        check_deaths(false, true, NULL);
    }
}

TEST("a stop that comes between a crash and the closing of the guard saves no task") {
    for (Moment moment = IN_OURS; moment <= IN_OPEN; moment++) {
        int status = status_of(&(Child){.crash = &crashes[0], .moment = moment}, NULL);
        bool right = WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
        if (SANITIZED) right = !exited_with(status, LEFT) && !exited_with(status, EARLY);
        CHECK(right, "at moment %d: ended with %#x", moment, (unsigned)status);
    }
}

/* What it can't do there, which is almost all, it may try for ever. */
TEST("a crash of a hardened thread waits for no handler of the host's") {
    check_deaths(true, false, on_crash);
    check_deaths(true, true, on_crash);
}

TEST("a crash of a thread that is not hardened is the host's handlers' to tell of") {
    check_deaths(false, false, on_crash_once);
    check_deaths(false, true, on_crash_once);
}
