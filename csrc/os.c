/* os.c - see os.h. POSIX: Linux and macOS. */
#include "os.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#elif defined(__APPLE__)
#include <dlfcn.h>
#include <sys/random.h>
#endif

#ifndef MAP_ANONYMOUS
#define MAP_ANONYMOUS MAP_ANON
#endif
#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0 /* a hint: a reservation should cost nothing */
#endif
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* macOS: SO_NOSIGPIPE is set on the socket instead */
#endif
#if defined(__linux__) && !defined(MADV_POPULATE_WRITE)
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif
#if defined(__linux__) && !defined(MREMAP_DONTUNMAP)
#define MREMAP_DONTUNMAP 4 /* Linux 5.7 */
#endif

_Static_assert(sizeof(void *) == 8, "offsets and lengths of 32 bits are added to addresses");
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the wire format is written as numbers lie in memory: little-endian machines only"
#endif

_Static_assert(OS_NONE == PROT_NONE && OS_READ == PROT_READ &&
                   OS_READ_WRITE == (PROT_READ | PROT_WRITE) &&
                   OS_READ_EXECUTE == (PROT_READ | PROT_EXEC),
               "an access is what mprotect takes");

/* --- failures ----------------------------------------------------------------------------- */

static OS_THREAD_LOCAL OsFailure failure;

OsFailure os_failure(void) { return failure; }

void os_forget(void) { failure = (OsFailure){0}; }

void os_note(OsFailure one) {
    if (one.call) failure = one;
}

void os_get_over(OsFailure before) { failure = before; }

int os_describe(OsFailure one, char *text, size_t capacity) {
    char reason[128] = "";
    if (!one.call) return snprintf(text, capacity, "%s", "");
#if defined(__GLIBC__)
    const char *known = strerror_r(one.error, reason, sizeof reason);
#else
    const char *known = strerror_r(one.error, reason, sizeof reason) ? "?" : reason;
#endif
    int length = snprintf(text, capacity, "%s: %s", one.call, known);
    for (char *at = text; at < text + capacity && *at; at++)
        if ((unsigned char)*at > 0x7f) *at = '?'; /* in the language of the process */
    return length;
}

/* Passes on whether a call went well; errno says why it did not. */
static bool went_well(bool well, const char *call) {
    if (!well) failure = (OsFailure){call, errno};
    return well;
}

bool os_granted(int error, const char *call) {
    if (error) failure = (OsFailure){call, error};
    return !error;
}

/* --- memory in pages ---------------------------------------------------------------------- */

static size_t system_page(void) {
    long size = sysconf(_SC_PAGESIZE);
    return size > 0 ? (size_t)size : 4096;
}

#ifdef DFD_TEST
static size_t pretended;

void os_pretend_page(size_t size) { pretended = size; }

size_t os_page(void) { return pretended ? pretended : system_page(); }

/* A system with such pages would round as mprotect rounds to its own. */
static bool fits(const void *start, size_t *size) {
    errno = EINVAL;
    *size = round_up(*size, os_page());
    return (uintptr_t)start % os_page() == 0;
}

/* Cuts a mapping that is one page too large down to pages as they are pretended. */
static void *align(char *mapping, size_t size) {
    size_t page = os_page(), before = -(uintptr_t)mapping & (page - 1);
    if (before) munmap(mapping, before);
    if (before < page) munmap(mapping + before + size, page - before);
    return mapping + before;
}
#else
size_t os_page(void) { return system_page(); }

static bool fits(const void *start, const size_t *size) {
    (void)start, (void)size;
    return true;
}
#endif

void *os_map(size_t size, OsAccess access) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | (access == OS_NONE ? MAP_NORESERVE : 0);
    size_t whole = round_up(size, os_page());
    void *mapping;
#ifdef DFD_TEST
    if (pretended) {
        mapping = mmap(NULL, whole + pretended, (int)access, flags, -1, 0);
        return went_well(mapping != MAP_FAILED, "mmap") ? align(mapping, whole) : NULL;
    }
#endif
    mapping = mmap(NULL, whole, (int)access, flags, -1, 0);
    return went_well(mapping != MAP_FAILED, "mmap") ? mapping : NULL;
}

void os_unmap(void *memory, size_t size) {
    int result = munmap(memory, round_up(size, os_page()));
    assert(result == 0 || errno == ENOMEM); /* a mapping cut in two, and there are too many */
    (void)result;
}

bool os_protect(void *start, size_t size, OsAccess access) {
    return went_well(fits(start, &size) && mprotect(start, size, (int)access) == 0, "mprotect");
}

bool os_discard(void *start, size_t size) {
#if defined(__linux__)
    return madvise(start, size, MADV_DONTNEED) == 0;
#else
    /* Elsewhere that is only advice: pages may come back with what they held. */
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    return mmap(start, size, PROT_READ | PROT_WRITE, flags, -1, 0) == start;
#endif
}

void os_populate(void *start, size_t size) {
#if defined(__linux__)
    (void)madvise(start, round_up(size, os_page()), MADV_POPULATE_WRITE);
#else
    (void)start, (void)size;
#endif
}

void os_keep_pages_small(void *start, size_t size) {
#if defined(MADV_NOHUGEPAGE)
    (void)madvise(start, size, MADV_NOHUGEPAGE);
#else
    (void)start, (void)size;
#endif
}

#ifdef DFD_TEST
static uintptr_t border;
static bool tears;
void os_pretend_border(const void *address) {
    border = (uintptr_t)address;
    tears = false;
}
void os_pretend_tear(const void *address) {
    border = (uintptr_t)address;
    tears = true;
}
#else
static const uintptr_t border = 0;
static const bool tears = false;
#endif

#if defined(__linux__)
static bool moves(void *to, void *from, size_t size) {
    int flags = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;
    if ((uintptr_t)from < border && border - (uintptr_t)from < size) {
        size_t before = border - (uintptr_t)from;
        if (tears) (void)mremap(from, before, before, flags, to);
        errno = tears ? ENOMEM : EFAULT;
        return false;
    }
    return mremap(from, size, size, flags, to) == to;
}
#else
static bool moves(void *to, void *from, size_t size) {
    (void)to, (void)from, (void)size;
    errno = ENOSYS;
    return false;
}
#endif

/* A failed move may still have moved the first pages, on systems that move pages of several
 * mappings at once (Linux 6.17): they read as zeros now, and their contents are at `to`. So pages
 * of zeros keep what is there. */
static void copy_rest(uint8_t *to, const uint8_t *from, size_t size) {
    size_t page = os_page();
    for (; size > 0; to += page, from += page, size -= page) {
        bool is_blank = from[0] == 0 && memcmp(from, from + 1, page - 1) == 0;
        if (!is_blank) memcpy(to, from, page);
    }
}

/* Up to Linux 6.16 one call moves pages of a single mapping; for more it fails with EFAULT before
 * any is moved, without saying where a mapping ends. So a refused move is tried by halves. */
void os_move(void *to, void *from, size_t size) {
    assert(size % os_page() == 0);
    if (size == 0 || moves(to, from, size)) return;
    size_t half = size / 2 & ~(os_page() - 1);
    if (errno == EFAULT && half > 0) {
        os_move(to, from, half);
        os_move((char *)to + half, (char *)from + half, size - half);
    } else {
        copy_rest(to, from, size);
    }
}

/* --- time and chance ---------------------------------------------------------------------- */

static double milliseconds(struct timespec time) {
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

bool os_has_clock(void) {
    struct timespec now;
    return went_well(clock_gettime(CLOCK_MONOTONIC, &now) == 0, "clock_gettime");
}

/* A clock that is there does not go away: os_has_clock was asked. */
static double read_clock(clockid_t clock) {
    struct timespec now = {0};
    int result = (clock_gettime)(clock, &now);
    assert(result == 0);
    (void)result;
    return milliseconds(now);
}

double os_now(void) { return read_clock(CLOCK_MONOTONIC); }

double os_wall_clock(void) { return read_clock(CLOCK_REALTIME); }

bool os_random(void *bytes, size_t size) {
    return went_well(getentropy(bytes, size) == 0, "getentropy");
}

/* --- threads ------------------------------------------------------------------------------ */

static bool start(pthread_attr_t *attributes, size_t stack, void *(*run)(void *), void *argument) {
    pthread_t thread;
    sigset_t all, old;
    size_t whole = round_up(stack, os_page()); /* macOS takes nothing else */
    if (!os_granted(pthread_attr_setdetachstate(attributes, PTHREAD_CREATE_DETACHED),
                    "pthread_attr_setdetachstate") ||
        !os_granted(pthread_attr_setguardsize(attributes, OS_FENCE), "pthread_attr_setguardsize") ||
        !os_granted(pthread_attr_setstacksize(attributes, whole), "pthread_attr_setstacksize"))
        return false;
    sigfillset(&all); /* a thread inherits the mask */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    bool started = os_granted(pthread_create(&thread, attributes, run, argument), "pthread_create");
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return started;
}

bool os_start_thread(size_t stack, void *(*run)(void *), void *argument) {
    pthread_attr_t attributes;
    if (!os_granted(pthread_attr_init(&attributes), "pthread_attr_init")) return false;
    bool started = start(&attributes, stack, run, argument);
    pthread_attr_destroy(&attributes);
    return started;
}

void os_name_thread(const char *name) {
#if defined(__linux__)
    pthread_setname_np(pthread_self(), name);
#elif defined(__APPLE__)
    pthread_setname_np(name);
#endif
}

static pthread_key_t end_key;

bool os_watch_ends(void (*at_end)(void *), void (*in_child)(void)) {
    return os_granted(pthread_atfork(NULL, NULL, in_child), "pthread_atfork") &&
           os_granted(pthread_key_create(&end_key, at_end), "pthread_key_create");
}

bool os_tell_end(void) {
    return os_granted(pthread_setspecific(end_key, &end_key /* anything but NULL */),
                      "pthread_setspecific");
}

void os_stay_loaded(void) {
#if defined(__APPLE__) /* elsewhere the linker's -z nodelete sees to it */
    Dl_info self;
    if (dladdr(&end_key, &self)) dlopen(self.dli_fname, RTLD_NOW | RTLD_NODELETE);
#endif
}

OsStack os_stack(void) {
    OsStack stack = {0};
#if defined(__linux__)
    pthread_attr_t attributes;
    void *lowest;
    size_t size, fence;
    if (pthread_getattr_np(pthread_self(), &attributes)) return stack;
    if (!pthread_attr_getstack(&attributes, &lowest, &size) &&
        !pthread_attr_getguardsize(&attributes, &fence))
        stack = (OsStack){.lowest = (uintptr_t)lowest, .fence = fence};
    pthread_attr_destroy(&attributes);
#elif defined(__APPLE__)
    uintptr_t top = (uintptr_t)pthread_get_stackaddr_np(pthread_self());
    stack.lowest = top - pthread_get_stacksize_np(pthread_self());
    stack.fence = OS_FENCE;
#endif
    return stack;
}

double os_cpu_time(OsThread thread) {
#if defined(__linux__)
    clockid_t clock;
    struct timespec used;
    if (os_granted(pthread_getcpuclockid(thread, &clock), "pthread_getcpuclockid") &&
        went_well(clock_gettime(clock, &used) == 0, "clock_gettime"))
        return milliseconds(used);
#else
    failure = (OsFailure){"pthread_getcpuclockid", ENOSYS};
#endif
    (void)thread;
    return -1;
}

long os_processors(void) {
    static _Atomic long known; /* 0: not asked yet */
    long count = atomic_load_explicit(&known, memory_order_relaxed);
    if (count == 0) {
        count = sysconf(_SC_NPROCESSORS_ONLN);
        if (count < 1) count = 1;
        atomic_store_explicit(&known, count, memory_order_relaxed);
    }
    return count;
}

int os_processor(void) {
#if defined(__linux__)
    return sched_getcpu();
#else
    return -1;
#endif
}

void os_yield(void) { sched_yield(); }

/* --- signals ------------------------------------------------------------------------------ */

bool os_handle_signal(int signal, int flags, void (*handler)(int, siginfo_t *, void *),
                      struct sigaction *before) {
    struct sigaction ours = {.sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO};
    sigemptyset(&ours.sa_mask);
    return went_well(!sigaction(signal, NULL, before) && !sigaction(signal, &ours, NULL),
                     "sigaction");
}

void os_block_signals(void) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
}

void os_unblock_signals(const int *signals, size_t count) {
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < count; i++) sigaddset(&set, signals[i]);
    int result = pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    assert(result == 0);
    (void)result;
}

uintptr_t os_alternate_stack(size_t size, uintptr_t *lowest) {
    size_t fence = os_page();
    char *mapping = os_map(fence + size, OS_READ_WRITE);
    *lowest = 0;
    if (!mapping) return 0;
    stack_t stack = {.ss_sp = mapping + fence, .ss_size = size};
    if (!os_protect(mapping, fence, OS_NONE) ||
        !went_well(sigaltstack(&stack, NULL) == 0, "sigaltstack")) {
        os_unmap(mapping, fence + size);
        return 0;
    }
    *lowest = (uintptr_t)mapping;
    return (uintptr_t)mapping + fence + size;
}

void os_drop_alternate_stack(uintptr_t lowest, uintptr_t end) {
    stack_t none = {.ss_flags = SS_DISABLE};
    if (!lowest) return;
    sigaltstack(&none, NULL);
    os_unmap((void *)lowest, end - lowest);
}

/* --- waiting ------------------------------------------------------------------------------ */

/* Where the C library can, a thread that finds it held spins for a moment before it sleeps: it is
 * held for far less time than a sleep and a wake-up take. */
bool os_lock_open(OsLock *lock) {
#if defined(PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP)
    pthread_mutexattr_t attributes;
    if (!os_granted(pthread_mutexattr_init(&attributes), "pthread_mutexattr_init")) return false;
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
    bool made = os_granted(pthread_mutex_init(lock, &attributes), "pthread_mutex_init");
    pthread_mutexattr_destroy(&attributes);
    return made;
#else
    return os_granted(pthread_mutex_init(lock, NULL), "pthread_mutex_init");
#endif
}

/* So that os_wait_until can wait for it: by the clock of os_now. */
bool os_condition_open(OsCondition *condition) {
#if defined(__APPLE__)
    return os_granted(pthread_cond_init(condition, NULL), "pthread_cond_init");
#else
    pthread_condattr_t attributes;
    if (!os_granted(pthread_condattr_init(&attributes), "pthread_condattr_init")) return false;
    bool made = os_granted(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC),
                           "pthread_condattr_setclock") &&
                os_granted(pthread_cond_init(condition, &attributes), "pthread_cond_init");
    pthread_condattr_destroy(&attributes);
    return made;
#endif
}

/* Times from here on, 30,000 years, need not be waited for, and would not fit into a time_t. */
#define FAR_MS 1e15

static struct timespec time_of(double ms) {
    struct timespec time = {.tv_sec = (time_t)(ms / 1e3)};
    time.tv_nsec = (long)((ms - (double)time.tv_sec * 1e3) * 1e6);
    return time;
}

void os_wait_until(OsCondition *condition, OsLock *lock, double at) {
    if (at >= FAR_MS) {
        pthread_cond_wait(condition, lock);
        return;
    }
#if defined(__APPLE__)
    double left = at - os_now();
    if (left <= 0) return;
    struct timespec wait = time_of(left);
    pthread_cond_timedwait_relative_np(condition, lock, &wait);
#else
    struct timespec end = time_of(at);
    pthread_cond_timedwait(condition, lock, &end);
#endif
}

bool os_wait_cell(void *cell, uint32_t expected, double ms) {
#if defined(__linux__)
    struct timespec wait = {.tv_nsec = (long)(ms * 1e6)};
    return syscall(SYS_futex, cell, FUTEX_WAIT_PRIVATE, expected, &wait, NULL, 0) == 0;
#else
    struct timespec wait = {.tv_nsec = (long)(fmin(ms, 1) * 1e6)};
    (void)cell, (void)expected;
    nanosleep(&wait, NULL);
    return false;
#endif
}

uint32_t os_wake_cell(void *cell, uint32_t count) {
#if defined(__linux__)
    int limit = count > INT32_MAX ? INT32_MAX : (int)count;
    long woken = syscall(SYS_futex, cell, FUTEX_WAKE_PRIVATE, limit, NULL, NULL, 0);
    return woken > 0 ? (uint32_t)woken : 0;
#else
    (void)cell, (void)count;
    return 0;
#endif
}

/* --- sockets ------------------------------------------------------------------------------ */

#if defined(SOCK_CLOEXEC) && defined(SOCK_NONBLOCK)
#define FINISHED_SOCKETS (SOCK_CLOEXEC | SOCK_NONBLOCK)
#else
#define FINISHED_SOCKETS 0
#endif

#ifdef DFD_TEST
static bool plain_sockets;
void os_pretend_plain_sockets(bool plain) { plain_sockets = plain; }
#else
static const bool plain_sockets = false;
#endif

/* Not at once: a child that is started meanwhile inherits it. */
static bool finish_socket(int end) {
    int flags = fcntl(end, F_GETFL), on = 1;
    (void)on;
    return went_well(flags >= 0 && fcntl(end, F_SETFL, flags | O_NONBLOCK) == 0 &&
                         fcntl(end, F_SETFD, FD_CLOEXEC) == 0,
                     "fcntl")
#ifdef SO_NOSIGPIPE
           &&
           went_well(setsockopt(end, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on) == 0, "setsockopt")
#endif
        ;
}

bool os_socket_pair(int ends[2]) {
    bool finished = FINISHED_SOCKETS && !plain_sockets;
    int type = SOCK_STREAM | (finished ? FINISHED_SOCKETS : 0);
    if (!went_well(socketpair(AF_UNIX, type, 0, ends) == 0, "socketpair")) return false;
    if (finished || (finish_socket(ends[0]) && finish_socket(ends[1]))) return true;
    close(ends[0]);
    close(ends[1]);
    return false;
}

void os_send_byte(int end) {
    ssize_t sent;
    do sent = send(end, "!", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
}

void os_close(int end) { close(end); }

/* --- the user's locale and time zone -------------------------------------------------------- */

static void copy_name(char *name, size_t size, const char *from) {
    snprintf(name, size, "%s", from ? from : "");
}

void os_zone_name(char *name, size_t size) {
    char link[256];
    const char *set = getenv("TZ");
    name[0] = 0;
    if (set && *set) {
        copy_name(name, size, *set == ':' ? set + 1 : set);
        const char *folder = strstr(name, "zoneinfo/");
        if (folder) memmove(name, folder + 9, strlen(folder + 9) + 1);
        return;
    }
    ssize_t length = readlink("/etc/localtime", link, sizeof link - 1);
    if (length <= 0) return;
    link[length] = 0;
    const char *folder = strstr(link, "zoneinfo/");
    if (folder) copy_name(name, size, folder + 9);
}

void os_locale_name(char *name, size_t size) {
    static const char *const variables[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    name[0] = 0;
    for (size_t i = 0; i < sizeof variables / sizeof *variables && !*name; i++)
        copy_name(name, size, getenv(variables[i]));
}
