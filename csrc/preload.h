/* preload.h - what is evaluated once in every realm of the pool, and is part of it from then on:
 * the pool's classes, then its modules.
 *
 * An errand evaluates them once in the compiling realm and reports what is wrong with them. Then
 * each worker evaluates them in its own realm before its first task, within some time. All of it
 * belongs to the host's thread until the first worker starts, and does not change after that.
 */
#ifndef DEFERRED_PRELOAD_H
#define DEFERRED_PRELOAD_H

#include "bytes.h"
#include "program.h"
#include "realm.h"

struct Pool;
struct Worker;

typedef struct Preload {
    Program *classes;                  /* held; NULL: there are none */
    double classes_ms;                 /* that evaluating them may take */
    Share *first_module, *last_module; /* by number, from 1; owned */
    uint32_t modules;                  /* how many */
    double modules_ms;                 /* as for classes; 0: they are not to be evaluated yet */
} Preload;

void preload_close(Preload *preload);

/* As dfd_preload says, for a program of this pool. Host's thread. */
int32_t preload_classes(struct Pool *pool, Program *program, double limit, uint8_t *reply,
                        size_t capacity);

/* As dfd_module and dfd_load say. Host's thread. */
int32_t preload_add_module(struct Pool *pool, const uint8_t *module, size_t length);
int32_t preload_modules(struct Pool *pool, double limit, uint8_t *reply, size_t capacity);

/* Evaluates what the worker's realm, which is pristine, lacks of all that. Returns 0 or a
 * DFD_STATUS_* as realm_preload; PRELOAD if it took too long. The worker's thread. */
int preload_give(struct Worker *worker, Bytes *thrown);

#endif
