/* classes.h - the pool's classes: code that is part of every realm of the pool.
 *
 * An errand evaluates them once in the compiling realm and reports what is wrong with them. Then
 * each worker evaluates them in its own realm before its first task, within the same time. The
 * program and its limit belong to the host's thread until the first worker starts, and don't change
 * after that.
 */
#ifndef DEFERRED_CLASSES_H
#define DEFERRED_CLASSES_H

#include "bytes.h"
#include "program.h"

struct Pool;
struct Worker;

typedef struct Classes {
    Program *program; /* held; NULL: there are none */
    double limit_ms;  /* that evaluating them may take */
} Classes;

/* As dfd_preload says, for a program of this pool. Host's thread. */
int32_t classes_evaluate(struct Pool *pool, Program *program, double limit, uint8_t *reply,
                         size_t capacity);

/* Defines the pool's classes in the worker's realm, which is pristine, unless it has them already.
 * Returns 0 or a DFD_STATUS_* as realm_preload; PRELOAD if it took too long. The worker's thread.
 */
int classes_give(struct Worker *worker, Bytes *thrown);

#endif
