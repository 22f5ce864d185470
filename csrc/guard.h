/* guard.h - leaving a task from anywhere: out of the allocator, out of a loop, out of a builtin.
 *
 * The engine survives neither a failed allocation nor an interrupt that code swallows, and dozens
 * of its builtins never poll. So a task that must end is left, wherever it is, by siglongjmp to the
 * guard around it:
 *
 *   guard_leave          by the thread itself (the allocator, the interrupt handler)
 *   a stop + a signal    by another thread: the handler leaves if the guard is open, a stop is
 *                        asked for, and neither a critical section nor another handler is left
 *                        in the middle by that
 *   a fault              in the guard pages of the thread's stack: the handler leaves
 *
 * Any other fault is a crash. It goes to the handler that was there before ours or, on a thread
 * where that could do nothing, ends the process. From then on nobody leaves that task any more: the
 * process must not go on with corrupted memory.
 *
 * This is sound because everything that a task touches is restored as a whole afterwards, or
 * belongs to the caller and is only changed inside a critical section.
 *
 * A signal that arrives between two tasks, or inside a critical section, does nothing; so it is
 * sent again until the task is gone. A thread that does not get to run meanwhile has one pending
 * signal, however many were sent.
 */
#ifndef DEFERRED_GUARD_H
#define DEFERRED_GUARD_H

#include <setjmp.h>
#include <stdatomic.h>

#include "os.h"

/* A thread whose tasks others may end, as they see it. It must outlive the thread's time between
 * guard_thread_begin and guard_thread_end, and their interest in it. */
typedef struct GuardThread {
    OsThread id;           /* valid from guard_thread_begin on */
    atomic_bool signalled; /* a signal is on its way to the thread */
} GuardThread;

/* The guard around a task, on whichever thread it runs. */
typedef struct Guard {
    atomic_int stop; /* a DFD_STATUS_* that whoever is inside must end with, or 0. Any thread */
    bool left;       /* the last guard_run was left: `inside` did not come to its end */
    /* Told of a fault's address before anything else: true if what faulted may be repeated.
     * Async-signal-safe. NULL: nobody is to be told. */
    bool (*touch)(void *opaque, const void *address);
    void *opaque;
} Guard;

/* Runs `inside` with `opaque` under the guard. Returns its result, or the status that it was left
 * with (guard->left says which). Not reentrant: a thread runs one thing, and a guard is around one.
 */
int guard_run(Guard *guard, int (*inside)(void *opaque), void *opaque);

/* Whether this thread is inside guard_run. */
bool guard_is_open(void);
/* Whether it may be left at any instruction: it is, and in no critical section. */
bool guard_may_be_left(void);

/* Leaves with `status`, which is not 0. Only inside guard_run, and in no critical section. */
_Noreturn void guard_leave(int status);

/* Leaves if a stop was asked for and may be heeded here. Does nothing outside guard_run. */
void guard_poll(void);

/* Makes this thread one that can be signalled, as `self`, and whose faults are caught. Once for
 * each worker, whatever it runs. false when the system refuses; then only guard_poll ends a task.
 */
bool guard_thread_begin(GuardThread *self);
void guard_thread_end(void);

/* Whether this thread has begun. */
bool guard_thread_catches(void);

/* From here on only our handlers can work on this thread, because others may not make their system
 * calls. A crash ends the process by its signal, without asking anybody. */
void guard_thread_alone(void);

/* How many bytes of this thread's stack lie below the caller's; 0 if the system does not say. */
size_t guard_stack_left(void);

/* abort(), with the task no longer to be left. */
_Noreturn void guard_abort(void);

/* Makes `thread`, which has begun and must be alive, look whether it is to stop. Any thread. */
void guard_signal(GuardThread *thread);

/* Around code that must not be left halfway: malloc, functions that take locks. They nest. */
void guard_critical_enter(void);
void guard_critical_leave(void);

#endif
