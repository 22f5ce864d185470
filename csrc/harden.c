/* harden.c - see harden.h
 *
 * A seccomp filter (Linux, https://docs.kernel.org/userspace-api/seccomp_filter.html) of the
 * calling thread only. What libc does at first use, such as reading the time zone, must have
 * happened before.
 *
 * Some calls are allowed for the sake of the process, not of tasks:
 *
 *   to die      abort() sends a signal to its own thread, after it took away the signal's handler;
 *               who crashes must not hang instead. Code that could misuse that owns the process's
 *               memory already, which is no less.
 *   new owners  libc has each thread change its user and groups when one does (setuid(2), "C
 *               library/kernel differences"), and waits for all of them: it would wait for ever, or
 *               end the process as one whose threads differ.
 */
#include "harden.h"

#include "guard.h"
#include "os.h"

/* The sanitizers' own runtime needs more than we allow. */
#if defined(__linux__) && (defined(__x86_64__) || defined(__aarch64__)) && !defined(OS_ASAN) &&    \
    !defined(OS_TSAN)

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define THIS_ARCH AUDIT_ARCH_X86_64
#else
#define THIS_ARCH AUDIT_ARCH_AARCH64
#endif

/* The low half of a system call's argument, on little-endian machines. */
#define ARGUMENT(n) ((uint32_t)(offsetof(struct seccomp_data, args) + 8 * (n)))
#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offset))
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, (value))
/* Skips `yes` or `no` instructions. */
#define IF_EQUAL(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), yes, no)
#define IF_ANY_BIT(bits, yes, no) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (uint32_t)(bits), yes, no)
#define ALLOW RETURN(SECCOMP_RET_ALLOW)
#define REFUSE RETURN(SECCOMP_RET_ERRNO | EPERM)
#define ALLOW_CALL(name) IF_EQUAL(__NR_##name, 0, 1), ALLOW
/* With nothing but `value` as its first argument. */
#define ALLOW_CALL_ON(name, value)                                                                 \
    IF_EQUAL(__NR_##name, 0, 4), LOAD(ARGUMENT(0)), IF_EQUAL(value, 0, 1), ALLOW, REFUSE

bool harden_is_possible(void) { return true; }

bool harden_thread(int wake_fd, HardenCode code) {
    uint64_t from = (uintptr_t)code.start;
    uint32_t process = (uint32_t)getpid(), thread = (uint32_t)syscall(SYS_gettid);
    struct sock_filter filter[] = {
        LOAD(offsetof(struct seccomp_data, arch)),
        IF_EQUAL(THIS_ARCH, 1, 0),
        REFUSE,
        /* The engine calls libc; machine code, which tasks have a say in, calls nothing. */
        LOAD(offsetof(struct seccomp_data, instruction_pointer) + 4),
        IF_EQUAL(from ? from >> 32 : UINT32_MAX, 0, 4),
        LOAD(offsetof(struct seccomp_data, instruction_pointer)),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ~(uint32_t)(code.size - 1)),
        IF_EQUAL(from, 0, 1),
        REFUSE,
        LOAD(offsetof(struct seccomp_data, nr)),
        ALLOW_CALL(futex),
        ALLOW_CALL(madvise),
        ALLOW_CALL(munmap),
        ALLOW_CALL(mremap),
        ALLOW_CALL(brk),
        ALLOW_CALL(rt_sigreturn),
        ALLOW_CALL(rt_sigprocmask),
        ALLOW_CALL(sigaltstack),
        ALLOW_CALL(sched_yield),
        ALLOW_CALL(getcpu),
        ALLOW_CALL(clock_gettime),
        ALLOW_CALL(gettimeofday),
        ALLOW_CALL(getrandom),
        ALLOW_CALL(restart_syscall),
        ALLOW_CALL(exit),
        /* To die. (musl sends by tkill.) */
        ALLOW_CALL(getpid),
        ALLOW_CALL(gettid),
        ALLOW_CALL(exit_group),
        ALLOW_CALL_ON(tgkill, process),
        ALLOW_CALL_ON(tkill, thread),
        IF_EQUAL(__NR_rt_sigaction, 0, 6),
        LOAD(ARGUMENT(0)),
        IF_EQUAL(SIGABRT, 2, 0),
        IF_EQUAL(SIGSEGV, 1, 0),
        IF_EQUAL(SIGBUS, 0, 1),
        ALLOW,
        REFUSE,
        /* New owners. */
        ALLOW_CALL(setuid),
        ALLOW_CALL(setgid),
        ALLOW_CALL(setreuid),
        ALLOW_CALL(setregid),
        ALLOW_CALL(setresuid),
        ALLOW_CALL(setresgid),
        ALLOW_CALL(setgroups),
        /* Memory: fresh pages only, and none that can be executed. */
        IF_EQUAL(__NR_mmap, 0, 6),
        LOAD(ARGUMENT(3)),
        IF_ANY_BIT(MAP_ANONYMOUS, 0, 3),
        LOAD(ARGUMENT(2)),
        IF_ANY_BIT(PROT_EXEC, 1, 0),
        ALLOW,
        REFUSE,
        IF_EQUAL(__NR_mprotect, 0, 4),
        LOAD(ARGUMENT(2)),
        IF_ANY_BIT(PROT_EXEC, 1, 0),
        ALLOW,
        REFUSE,
        /* The wake-up of the host. */
        ALLOW_CALL_ON(sendto, wake_fd),
        REFUSE,
    };
    struct sock_fprog program = {
        .len = sizeof filter / sizeof *filter,
        .filter = filter,
    };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
        os_note((OsFailure){"prctl", errno});
        return false;
    }
    guard_thread_alone();
    return true;
}

#else

bool harden_is_possible(void) { return false; }

bool harden_thread(int wake_fd, HardenCode code) {
    (void)wake_fd, (void)code;
    return false;
}

#endif
