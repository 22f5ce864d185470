/* os.h - what the library asks of the operating system.
 *
 * All system calls of csrc/ are made in os.c, and what differs between platforms is decided there
 * (but for sending a signal and what its handler does, guard.c, and the filter of system calls,
 * harden.c). The functions are thin: they say what is wanted, not how a system is asked for it.
 *
 * Whatever can fail says so, and leaves the reason with the thread (os_failure). Any thread, unless
 * it says otherwise.
 */
#ifndef DEFERRED_OS_H
#define DEFERRED_OS_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- the compiler and its sanitizers ------------------------------------------------------ */

#if defined(__SANITIZE_ADDRESS__)
#define OS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define OS_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define OS_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define OS_TSAN 1
#endif
#endif
#ifdef OS_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

/* Thread-local storage that signal handlers may touch on any thread of the process, whatever it is
 * in the middle of. That of a library that was loaded later is allocated at a thread's first
 * access: by malloc, which may be what was interrupted. With glibc we take it from what each thread
 * was given at its start, of which there is enough for so little. (musl allocates for all threads
 * when it loads a library.) */
#if defined(__GLIBC__)
#define OS_THREAD_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))
#else
#define OS_THREAD_LOCAL _Thread_local
#endif

/* --- failures ----------------------------------------------------------------------------- */

/* Which call failed, and why. */
typedef struct OsFailure {
    const char *call; /* "mmap"; NULL: none did */
    int error;        /* as errno has it */
} OsFailure;

/* The last call that failed on this thread since the last os_forget. */
OsFailure os_failure(void);
void os_forget(void);
/* Notes what failed, here or on another thread that worked for this one. Async-signal-safe. */
void os_note(OsFailure failure);
/* Whatever failed since is got over, and is no reason for anything: what failed last is `before`
 * again, which os_failure gave. Async-signal-safe. */
void os_get_over(OsFailure before);
/* Passes on whether a call that answers its error went well, and notes it if not. */
bool os_granted(int error, const char *call);
/* "mmap: Cannot allocate memory" in ASCII, or nothing. Returns the length without the NUL, as
 * snprintf. */
int os_describe(OsFailure failure, char *text, size_t capacity);

/* --- memory in pages ---------------------------------------------------------------------- */

/* A page has 4 KB, or 16, or 64: nobody but this asks, and tests may pretend that it is larger. A
 * power of two. Async-signal-safe. */
size_t os_page(void);

/* To a multiple of `unit`, a power of two. */
static inline size_t round_up(size_t size, size_t unit) { return (size + unit - 1) & ~(unit - 1); }

typedef enum OsAccess {
    OS_NONE = 0, /* only reserved: costs address space, and nothing else */
    OS_READ = 1,
    OS_READ_WRITE = 3,
    OS_READ_EXECUTE = 5,
} OsAccess;

/* Fresh memory, zeroed, of whole pages, which os_unmap gives back; NULL if there is none. */
void *os_map(size_t size, OsAccess access);
void os_unmap(void *memory, size_t size);

/* Changes what may be done with all pages that the bytes touch; `start` is a multiple of the page.
 * Async-signal-safe. */
bool os_protect(void *start, size_t size, OsAccess access);

/* Makes whole pages read as zeros, and gives them back to the system until they are touched. false
 * if it can't: they are as they were. */
bool os_discard(void *start, size_t size);

/* A wish: that these pages are there before they are touched, all at once. */
void os_populate(void *start, size_t size);

/* A wish: no transparent huge pages here. */
void os_keep_pages_small(void *start, size_t size);

/* Moves the bytes of whole pages to fresh ones, which read as zeros. The pages go and their bytes
 * stay where they are in the machine's memory, as far as the system can do that; else they are
 * copied. What is left at `from` is its bytes, or zeros. */
void os_move(void *to, void *from, size_t size);

/* --- time and chance ---------------------------------------------------------------------- */

/* Whether there is a clock to go by: asked once, before all else. */
bool os_has_clock(void);
/* Milliseconds, since some time in the past, and since 1970. */
double os_now(void);
double os_wall_clock(void);

/* Bytes that nobody can guess. At most 256. */
bool os_random(void *bytes, size_t size);

/* --- threads ------------------------------------------------------------------------------ */

/* Inaccessible memory below the stack of each thread that is started here. */
#define OS_FENCE ((size_t)64 << 10)

typedef pthread_t OsThread;

static inline OsThread os_this_thread(void) { return pthread_self(); }
static inline bool os_is_this_thread(OsThread thread) {
    return pthread_equal(thread, pthread_self());
}

/* Starts a thread that nobody waits for, with a stack of `stack` bytes at least, on which all
 * signals are blocked. */
bool os_start_thread(size_t stack, void *(*run)(void *), void *argument);
/* For debuggers: this thread's name, of up to 15 characters. */
void os_name_thread(const char *name);
/* Has `at_end` called at the end of each thread that calls os_tell_end from then on; and `in_child`
 * in each process that is forked off. Once in the life of the process; false: neither may be. */
bool os_watch_ends(void (*at_end)(void *), void (*in_child)(void));
bool os_tell_end(void);
/* The library stays loaded until the process ends: threads may outlive a host's dlclose. */
void os_stay_loaded(void);

/* Does something once in the life of the process; who comes meanwhile waits. */
typedef pthread_once_t OsOnce;
#define OS_ONCE_INITIAL PTHREAD_ONCE_INIT
static inline void os_once(OsOnce *once, void (*work)(void)) { pthread_once(once, work); }

/* The stack of this thread. */
typedef struct OsStack {
    uintptr_t lowest; /* 0 if nobody tells */
    size_t fence;     /* bytes of the inaccessible pages below */
} OsStack;
OsStack os_stack(void);

/* CPU time of a thread in ms, or -1 where it can't be known. */
double os_cpu_time(OsThread thread);

/* Processors that are there: the system is asked once, which hardened workers may not do. The one
 * that this thread runs on, or -1 where nobody tells. */
long os_processors(void);
int os_processor(void);
void os_yield(void);

/* Tells the processor that this thread spins. */
static inline void os_relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* --- signals ------------------------------------------------------------------------------ */

/* Has `handler` called, with `flags` beside SA_SIGINFO and no other signal blocked meanwhile.
 * `*before` is what was there, known before the handler can be called; false: it still is. */
bool os_handle_signal(int signal, int flags, void (*handler)(int, siginfo_t *, void *),
                      struct sigaction *before);
/* For this thread. */
void os_block_signals(void); /* all of them */
void os_unblock_signals(const int *signals, size_t count);

/* Gives this thread an alternate stack for its handlers, of `size` bytes with inaccessible pages
 * below; *lowest is where those begin, 0 if it is refused. Returns where it ends. */
uintptr_t os_alternate_stack(size_t size, uintptr_t *lowest);
void os_drop_alternate_stack(uintptr_t lowest, uintptr_t end);

/* --- waiting ------------------------------------------------------------------------------ */

typedef pthread_mutex_t OsLock;
typedef pthread_cond_t OsCondition;
#define OS_LOCK_INITIAL PTHREAD_MUTEX_INITIALIZER

bool os_lock_open(OsLock *lock);
static inline void os_lock_close(OsLock *lock) { pthread_mutex_destroy(lock); }
static inline void os_lock(OsLock *lock) { pthread_mutex_lock(lock); }
static inline void os_unlock(OsLock *lock) { pthread_mutex_unlock(lock); }

bool os_condition_open(OsCondition *condition);
static inline void os_condition_close(OsCondition *condition) { pthread_cond_destroy(condition); }
static inline void os_wake_one(OsCondition *condition) { pthread_cond_signal(condition); }
static inline void os_wake_all(OsCondition *condition) { pthread_cond_broadcast(condition); }
static inline void os_wait(OsCondition *condition, OsLock *lock) {
    pthread_cond_wait(condition, lock);
}
/* Waits until `at`, in ms of os_now; for INFINITY, for ever. */
void os_wait_until(OsCondition *condition, OsLock *lock, double at);

/* Sleeps for at most `ms`, under a second, while the cell holds `expected`. true when somebody woke
 * it by os_wake_cell, false also for no reason: where nobody can, within 1 ms. May be left by
 * siglongjmp. */
bool os_wait_cell(void *cell, uint32_t expected, double ms);
/* Wakes up to `count` of those who wait for the cell; returns how many (0 where nobody counts). */
uint32_t os_wake_cell(void *cell, uint32_t count);

/* --- sockets ------------------------------------------------------------------------------ */

/* A pair of sockets that no child inherits, and that never block or raise a signal. */
bool os_socket_pair(int ends[2]);
/* Sends a byte; a full socket has one already. */
void os_send_byte(int end);
void os_close(int end);

/* --- tests -------------------------------------------------------------------------------- */

#ifdef DFD_TEST
/* From here on a page has `size` bytes, a multiple of the system's own; 0 takes it back. For all
 * threads, while nothing is mapped. */
void os_pretend_page(size_t size);
/* A system that moves no pages across this address at once; NULL takes it back. */
void os_pretend_border(const void *address);
/* A system whose moves end in the middle, at this address, and fail; NULL takes it back. */
void os_pretend_tear(const void *address);
/* A system that can't make a socket as it is to be at once. */
void os_pretend_plain_sockets(bool plain);
#endif

/* --- the user's locale and time zone -------------------------------------------------------- */

/* Their names as the environment and the system's files have them, cut to `size` with a NUL; "" if
 * there is none. Only where nobody changes the environment meanwhile (zone.h). */
void os_zone_name(char *name, size_t size);
void os_locale_name(char *name, size_t size);

#endif
