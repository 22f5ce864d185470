/* guard.h - leaving a task from anywhere: out of the allocator, out of a loop, out of a builtin.
 *
 * The engine survives neither a failed allocation nor an interrupt that code swallows, and dozens
 * of its builtins never ask whether to stop. So a task that must end is left by siglongjmp to the
 * guard around it, wherever it is:
 *
 *   guard_leave          by the thread itself (the allocator, the interrupt handler)
 *   guard_stop + signal  by another thread: the handler leaves if the guard is open, a stop is
 *                        asked for and no critical section is
 *   a fault              in the guard pages of the thread's stack: the handler leaves
 *
 * Any other fault is a crash: it goes to the handler that was there before ours, or on a thread
 * where that could do nothing, ends the process. From then on nobody leaves that task any more: the
 * process must not go on with what was spoilt.
 *
 * That is sound because all that a task touches is restored as a whole afterwards, or belongs to
 * the caller and is only changed inside a critical section.
 *
 * A signal that comes between two tasks, or inside a critical section, does nothing: whoever wants
 * the task gone sends it again until it is. A thread that does not get to run meanwhile has one
 * signal to hear, however many were sent.
 */
#ifndef DEFERRED_GUARD_H
#define DEFERRED_GUARD_H

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Guard {
    sigjmp_buf exit;            /* of the thread inside */
    uintptr_t floor;            /* an address on its stack, above all that belongs to the inside */
    int status;                 /* that a handler leaves with */
    volatile sig_atomic_t open; /* whether it may be left */
    atomic_int stop;            /* a DFD_STATUS_* that whoever is inside must end with, or 0 */
    atomic_bool signalled;      /* a signal is on its way to the thread */
    bool catches;               /* faults of the thread come here */
    /* Told of a fault's address before anything else: true if what faulted may be repeated.
     * Async-signal-safe. */
    bool (*touch)(void *opaque, const void *address);
    void *opaque;
} Guard;

/* Runs `inside` with `opaque` under the guard and returns what it returns, or the status that it
 * was left with. Not reentrant. */
int guard_run(Guard *guard, int (*inside)(void *opaque), void *opaque);

/* Leaves with `status`, which is not 0. Only inside guard_run, on its thread, and in no critical
 * section. */
_Noreturn void guard_leave(Guard *guard, int status);

/* Leaves if a stop was asked for and may be heeded here. On the thread inside. */
void guard_poll(Guard *guard);

/* Asks whoever is inside to end with `status`; 0 takes it back. Any thread. */
void guard_stop(Guard *guard, int status);

/* Makes this thread one that can be signalled and whose faults are caught; `guard` is the one it
 * runs tasks in. Needs to be called once by each worker; false when the system refuses, in which
 * case only guard_poll ends a task. */
bool guard_thread_begin(Guard *guard);
void guard_thread_end(void);

/* From here on no handler but ours can do its work on this thread, as it may not make the system
 * calls: a crash ends the process by its signal, without asking anybody. */
void guard_thread_alone(void);

/* How many bytes of this thread's stack lie below the caller's; 0 if nobody tells. */
size_t guard_stack_left(void);

/* abort(), with the task no longer to be left. */
_Noreturn void guard_abort(void);

/* Makes `thread` look at the guard that it has begun with. It must be alive. Any thread. */
void guard_signal(Guard *guard, pthread_t thread);

/* Around what must not be left half way: malloc, functions that take locks. They nest. */
void guard_critical_enter(void);
void guard_critical_leave(void);

#endif
