/* fault.h - calls of the system (os.c's) and of the allocator that fail when a test wants them to.
 * In the tests' builds only: there the compiler reads this before each file of csrc/ (but the
 * engine), and in the release not at all.
 *
 * Each kind of call is counted. The one that a test chose fails as the system's would; blocks and
 * mappings are counted as they come and go, so that a test sees what was left behind.
 */
#ifndef DEFERRED_FAULT_H
#define DEFERRED_FAULT_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/prctl.h>
#elif defined(__APPLE__)
#include <sys/random.h>
#endif

#define FAULT_KINDS(X)                                                                             \
    X(malloc)                                                                                      \
    X(calloc)                                                                                      \
    X(realloc)                                                                                     \
    X(mmap)                                                                                        \
    X(mprotect)                                                                                    \
    X(mremap)                                                                                      \
    X(madvise)                                                                                     \
    X(socketpair)                                                                                  \
    X(fcntl)                                                                                       \
    X(clock_gettime)                                                                               \
    X(sigaction)                                                                                   \
    X(sigaltstack)                                                                                 \
    X(pthread_create)                                                                              \
    X(pthread_attr_init)                                                                           \
    X(pthread_attr_setstacksize)                                                                   \
    X(pthread_attr_setguardsize)                                                                   \
    X(pthread_getattr_np)                                                                          \
    X(pthread_mutex_init)                                                                          \
    X(pthread_cond_init)                                                                           \
    X(pthread_condattr_init)                                                                       \
    X(pthread_key_create)                                                                          \
    X(pthread_setspecific)                                                                         \
    X(pthread_atfork)                                                                              \
    X(pthread_kill)                                                                                \
    X(pthread_getcpuclockid)                                                                       \
    X(getentropy)                                                                                  \
    X(prctl)                                                                                       \
    X(setenv)

#define FAULT_KIND(name) FAULT_##name,
typedef enum FaultKind { FAULT_KINDS(FAULT_KIND) FAULT_COUNT } FaultKind;
#undef FAULT_KIND

/* The `nth` call of a kind from now on, counted from 1, fails, and `more` after it; 0: none does.
 */
void fault_arm(FaultKind kind, int nth, int more);
bool fault_struck(void); /* whether one failed since then */
const char *fault_name(FaultKind kind);
/* Blocks and mappings that there are. */
long fault_blocks(void);
long fault_mappings(void);

/* Called where a test may want to hold a thread; NULL: nobody does. */
extern void (*_Atomic fault_hold)(const char *where, uint32_t worker);

/* For the macros below. Any thread; async-signal-safe. */
bool fault_strikes(FaultKind kind);
void *fault_block(void *block, int change);
void *fault_mapping(void *address);
int fault_unmapped(int result);

#ifndef FAULT_NO_MACROS
#define FAULT(kind, error, failed, call)                                                           \
    (fault_strikes(FAULT_##kind) ? (errno = (error), (failed)) : (call))
/* A function of pthreads answers with the error itself. */
#define FAULT_PTHREAD(kind, error, call) (fault_strikes(FAULT_##kind) ? (error) : (call))

#define malloc(size) fault_block(FAULT(malloc, ENOMEM, NULL, malloc(size)), 1)
#define calloc(count, size) fault_block(FAULT(calloc, ENOMEM, NULL, calloc(count, size)), 1)
#define realloc(block, size) fault_realloc(block, size)
#define free(block) fault_free(block)
#define mmap(...) fault_mapping(FAULT(mmap, ENOMEM, MAP_FAILED, mmap(__VA_ARGS__)))
#define munmap(address, size) fault_unmapped(munmap(address, size))
#define mprotect(...) FAULT(mprotect, ENOMEM, -1, mprotect(__VA_ARGS__))
#define mremap(...) FAULT(mremap, ENOMEM, MAP_FAILED, mremap(__VA_ARGS__))
#define setenv(...) FAULT(setenv, ENOMEM, -1, setenv(__VA_ARGS__))
#define madvise(...) FAULT(madvise, EINVAL, -1, madvise(__VA_ARGS__))
#define fcntl(...) FAULT(fcntl, EINVAL, -1, fcntl(__VA_ARGS__))
#define clock_gettime(...) FAULT(clock_gettime, EPERM, -1, clock_gettime(__VA_ARGS__))
#define socketpair(...) FAULT(socketpair, EMFILE, -1, socketpair(__VA_ARGS__))
#define sigaction(...) FAULT(sigaction, EPERM, -1, sigaction(__VA_ARGS__))
/* Taking one back can't fail. */
#define sigaltstack(stack, before)                                                                 \
    ((stack)->ss_flags & SS_DISABLE ? sigaltstack(stack, before)                                   \
                                    : FAULT(sigaltstack, ENOMEM, -1, sigaltstack(stack, before)))
#define pthread_create(...) FAULT_PTHREAD(pthread_create, EAGAIN, pthread_create(__VA_ARGS__))
#define pthread_attr_init(attributes)                                                              \
    FAULT_PTHREAD(pthread_attr_init, ENOMEM, pthread_attr_init(attributes))
#define pthread_attr_setstacksize(...)                                                             \
    FAULT_PTHREAD(pthread_attr_setstacksize, EINVAL, pthread_attr_setstacksize(__VA_ARGS__))
#define pthread_attr_setguardsize(...)                                                             \
    FAULT_PTHREAD(pthread_attr_setguardsize, EINVAL, pthread_attr_setguardsize(__VA_ARGS__))
#define pthread_getattr_np(...)                                                                    \
    FAULT_PTHREAD(pthread_getattr_np, ENOMEM, pthread_getattr_np(__VA_ARGS__))
#define pthread_mutex_init(...)                                                                    \
    FAULT_PTHREAD(pthread_mutex_init, ENOMEM, pthread_mutex_init(__VA_ARGS__))
#define pthread_cond_init(...)                                                                     \
    FAULT_PTHREAD(pthread_cond_init, ENOMEM, pthread_cond_init(__VA_ARGS__))
#define pthread_condattr_init(attributes)                                                          \
    FAULT_PTHREAD(pthread_condattr_init, ENOMEM, pthread_condattr_init(attributes))
#define pthread_key_create(...)                                                                    \
    FAULT_PTHREAD(pthread_key_create, EAGAIN, pthread_key_create(__VA_ARGS__))
#define pthread_setspecific(...)                                                                   \
    FAULT_PTHREAD(pthread_setspecific, ENOMEM, pthread_setspecific(__VA_ARGS__))
#define pthread_atfork(...) FAULT_PTHREAD(pthread_atfork, ENOMEM, pthread_atfork(__VA_ARGS__))
#define pthread_kill(...) FAULT_PTHREAD(pthread_kill, EAGAIN, pthread_kill(__VA_ARGS__))
#define pthread_getcpuclockid(...)                                                                 \
    FAULT_PTHREAD(pthread_getcpuclockid, ENOENT, pthread_getcpuclockid(__VA_ARGS__))
#define getentropy(...) FAULT(getentropy, ENOSYS, -1, getentropy(__VA_ARGS__))
#define prctl(...) FAULT(prctl, EINVAL, -1, prctl(__VA_ARGS__))
#endif

void *fault_realloc(void *block, size_t size);
void fault_free(void *block);

#endif
