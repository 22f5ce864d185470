/* classes.c - see classes.h */
#include "classes.h"

#include <string.h>

#include "errand.h"
#include "pool_parts.h"

typedef struct ClassesErrand {
    const Program *program;
    Bytes thrown;
} ClassesErrand;

static int classes_run_errand(Pool *pool, void *opaque) {
    ClassesErrand *errand = opaque;
    return realm_preload(pool->compiler.realm, errand->program, pool->stack, &errand->thrown);
}

/* The reply of dfd_preload: how it ended, and what was thrown. */
static int32_t classes_reply(int status, const Bytes *thrown, uint8_t *reply, size_t capacity) {
    uint32_t head[2] = {(uint32_t)status, 0};
    size_t size = sizeof head + thrown->length;
    if (status == 0) return 0;
    if (status == DFD_STATUS_RESOURCES) return DFD_E_SYSTEM;
    if (status == DFD_STATUS_INTERNAL || thrown->failed) return DFD_E_MEMORY;
    if (size > capacity || size > INT32_MAX) return DFD_E_REPLY_SIZE;
    memcpy(reply, head, sizeof head);
    if (thrown->length) memcpy(reply + sizeof head, thrown->data, thrown->length);
    return (int32_t)size;
}

int32_t classes_evaluate(Pool *pool, Program *program, double limit, uint8_t *reply,
                         size_t capacity) {
    if (workers_have_started(pool) || pool->classes.program || !pool->compiler.realm)
        return DFD_E_INVALID;
    ClassesErrand errand = {.program = program};
    int status;
    int32_t result = errand_send(pool, limit, classes_run_errand, &errand, &status);
    if (result) return result;
    if (status)
        realm_restore(pool->compiler.realm);
    else
        pool->classes = (Classes){program_hold(program), limit};
    result = classes_reply(status, &errand.thrown, reply, capacity);
    bytes_free(&errand.thrown);
    return result;
}

int classes_give(Worker *worker, Bytes *thrown) {
    const Pool *pool = worker->pool;
    const Classes *classes = &pool->classes;
    if (!classes->program || worker->seat->has_classes) return 0;
    worker_makes(worker, classes->limit_ms);
    int status = seat_preload(worker->seat, classes->program, pool->stack, thrown);
    worker_made(worker);
    return status;
}
