/* pool.h - the pool: worker threads, the queue of tasks, cancelling, closing.
 *
 *   submit --> queue --> worker (a thread with a realm of its own) --> completion queue
 *
 * Threads start one at a time, when a task finds none free. A worker spins for a moment before it
 * sleeps, restores its realm right after each task while nobody waits, and leaves when the pool
 * closes. The pool's memory goes with its last holder: the handle, a worker, the watchdog, an
 * errand.
 */
#ifndef DEFERRED_POOL_H
#define DEFERRED_POOL_H

#include "completion.h"
#include "realm.h"

typedef struct Pool Pool;

Pool *pool_open(int32_t *refused); /* NULL, and why */
int32_t pool_set(Pool *pool, uint32_t option, double value);
void pool_close(Pool *pool); /* and drops the caller's hold */

CompletionQueue *pool_completions(Pool *pool);
/* Why the system calls of one of its threads are not limited, if that is known. */
OsFailure pool_unhardened(Pool *pool);
/* How many tasks of closed pools have not ended yet. */
uint32_t pool_stragglers(void);

/* As the functions of deferred.h with their names say. */
int32_t pool_compile(Pool *pool, const char *source, size_t length, uint32_t flags, uint8_t *reply,
                     size_t capacity);
int32_t pool_share(Pool *pool, const uint8_t *value, size_t length);
int32_t pool_preload(Pool *pool, double program, double limit, uint8_t *reply, size_t capacity);
int32_t pool_add_module(Pool *pool, const uint8_t *module, size_t length);
int32_t pool_load(Pool *pool, double limit, uint8_t *reply, size_t capacity);
int32_t pool_program_free(Pool *pool, double program);
int32_t pool_ready(Pool *pool);
double pool_submit(Pool *pool, const uint8_t *submission, size_t length);
int32_t pool_cancel(Pool *pool, double task);
int32_t pool_heard(Pool *pool, double task, uint32_t bytes);
int32_t pool_reported(Pool *pool, double task, uint32_t bytes);
int32_t pool_post(Pool *pool, double task, const uint8_t *message, size_t length);
int32_t pool_postable(Pool *pool, double task, size_t length);

#endif
