/* preload.c - see preload.h */
#include "preload.h"

#include <stdlib.h>
#include <string.h>

#include "errand.h"
#include "pool_parts.h"

/* Modules have so many times as long on a worker's thread: they are known to end, and all threads
 * may be at it at once. */
#define PRELOAD_PATIENCE 6

void preload_close(Preload *preload) {
    program_drop(preload->classes);
    shares_free(preload->first_module);
}

typedef struct PreloadErrand {
    const Program *classes;
    Bytes thrown;
    uint32_t blamed; /* module */
} PreloadErrand;

static int preload_run_classes(Pool *pool, void *opaque) {
    PreloadErrand *errand = opaque;
    return realm_preload(pool->compiler.realm, errand->classes, pool->stack, &errand->thrown);
}

static int preload_run_modules(Pool *pool, void *opaque) {
    PreloadErrand *errand = opaque;
    return realm_load_modules(pool->compiler.realm, pool->preload.first_module, pool->stack,
                              &errand->thrown, &errand->blamed);
}

/* The reply: how it ended, and what was thrown. */
static int32_t preload_reply(int status, const PreloadErrand *errand, uint8_t *reply,
                             size_t capacity) {
    const Bytes *thrown = &errand->thrown;
    uint32_t head[2] = {(uint32_t)status, errand->blamed};
    size_t size = sizeof head + thrown->length;
    if (status == 0) return 0;
    if (status == DFD_STATUS_RESOURCES) return DFD_E_SYSTEM;
    if (status == DFD_STATUS_INTERNAL || thrown->failed) return DFD_E_MEMORY;
    if (size > capacity || size > INT32_MAX) return DFD_E_REPLY_SIZE;
    memcpy(reply, head, sizeof head);
    if (thrown->length) memcpy(reply + sizeof head, thrown->data, thrown->length);
    return (int32_t)size;
}

/* Evaluates something in the compiling realm. `*status` says whether it worked. */
static int32_t preload_try(Pool *pool, double limit, ErrandWork *work, PreloadErrand *errand,
                           int *status, uint8_t *reply, size_t capacity) {
    int32_t result = errand_send(pool, limit, work, errand, status);
    if (!result) {
        if (*status) realm_restore(pool->compiler.realm);
        result = preload_reply(*status, errand, reply, capacity);
    }
    bytes_free(&errand->thrown);
    return result;
}

int32_t preload_classes(Pool *pool, Program *program, double limit, uint8_t *reply,
                        size_t capacity) {
    Preload *preload = &pool->preload;
    if (workers_have_started(pool) || preload->classes || preload->modules || !pool->compiler.realm)
        return DFD_E_INVALID;
    PreloadErrand errand = {.classes = program};
    int status = DFD_STATUS_INTERNAL;
    int32_t result =
        preload_try(pool, limit, preload_run_classes, &errand, &status, reply, capacity);
    if (!status) {
        preload->classes = program_hold(program);
        preload->classes_ms = limit;
    }
    return result;
}

int32_t preload_add_module(Pool *pool, const uint8_t *module, size_t length) {
    Preload *preload = &pool->preload;
    if (workers_have_started(pool) || preload->modules_ms) return DFD_E_INVALID;
    Share *share = share_new(module, length);
    if (!share) return DFD_E_MEMORY;
    *(preload->last_module ? &preload->last_module->next : &preload->first_module) = share;
    preload->last_module = share;
    return (int32_t)++preload->modules;
}

int32_t preload_modules(Pool *pool, double limit, uint8_t *reply, size_t capacity) {
    Preload *preload = &pool->preload;
    if (workers_have_started(pool) || !preload->modules || preload->modules_ms ||
        !pool->compiler.realm)
        return DFD_E_INVALID;
    PreloadErrand errand = {0};
    int status = DFD_STATUS_INTERNAL;
    int32_t result =
        preload_try(pool, limit, preload_run_modules, &errand, &status, reply, capacity);
    if (!status) preload->modules_ms = limit * PRELOAD_PATIENCE;
    return result;
}

int preload_give(Worker *worker, Bytes *thrown) {
    const Pool *pool = worker->pool;
    const Preload *preload = &pool->preload;
    int status = 0;
    if (preload->classes && !worker->seat->has_classes) {
        worker_makes(worker, preload->classes_ms);
        status = seat_preload(worker->seat, preload->classes, pool->stack, thrown);
        worker_made(worker);
    }
    if (!status && preload->modules_ms && !worker->seat->has_modules) {
        worker_makes(worker, preload->modules_ms);
        status = seat_load(worker->seat, preload->first_module, pool->stack, thrown);
        worker_made(worker);
    }
    return status;
}
