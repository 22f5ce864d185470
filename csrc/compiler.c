/* compiler.c - see compiler.h */
#include "compiler.h"

#include <string.h>

#include "errand.h"
#include "guard.h"
#include "pool_parts.h"

/* Compiling uses the host's own stack, which may be deep already. */
#define COMPILER_STACK ((size_t)256 << 10)
/* From so many bytes on a text is compiled on a thread of its own (0.1 ms, of 1 ms or more), which
 * can be stopped. A shorter text has no room for anything that takes a second, except Unicode
 * properties: a RegExp of 600 times \p{RGI_Emoji} takes several. */
#define COMPILER_APART ((size_t)8 << 10)

void compiler_open(Compiler *compiler) {
    *compiler = (Compiler){.limit_ms = DFD_LIMIT_COMPILE_MS_DEFAULT};
}

void compiler_close(Compiler *compiler) {
    Slots *programs = &compiler->programs;
    for (uint32_t i = 0; i < programs->count; i++) program_drop(programs->slots[i].value);
    slots_close(programs);
    realm_close(compiler->realm);
}

Program *compiler_find(const Compiler *compiler, double handle) {
    return slots_get(&compiler->programs, slots_handle(handle));
}

int32_t compiler_free(Compiler *compiler, double handle) {
    Program *program = slots_remove(&compiler->programs, slots_handle(handle));
    if (!program) return DFD_E_HANDLE;
    program_drop(program);
    return 0;
}

typedef struct CompilerErrand {
    const char *source;
    size_t length;
    uint32_t flags;
    Bytes reply;
    Program *program;
} CompilerErrand;

static int compiler_run_here(Pool *pool, void *opaque) {
    CompilerErrand *errand = opaque;
    return realm_compile(pool->compiler.realm, errand->source, errand->length, errand->flags,
                         &errand->reply, &errand->program);
}

static int compiler_run_apart(Pool *pool, void *opaque) {
    realm_set_stack(pool->compiler.realm, pool->stack);
    return compiler_run_here(pool, opaque);
}

static bool compiler_names_properties(const char *source, size_t length) {
    for (size_t i = 1; i < length; i++)
        if (source[i - 1] == '\\' && (source[i] == 'p' || source[i] == 'P')) return true;
    return false;
}

/* Compiles on this thread if that is sure to be quick and its stack is not nearly used up.
 * Otherwise, or if the text turns out to be nested too deeply for that, on another one, which can
 * be stopped and has a larger stack of its own. Returns 0 or an error.
 */
static int32_t compiler_run(Pool *pool, CompilerErrand *errand) {
    int status;
    int32_t error = 0;
    bool apart = errand->length >= COMPILER_APART ||
                 compiler_names_properties(errand->source, errand->length) ||
                 guard_stack_left() < COMPILER_STACK + POOL_STACK_MARGIN;
    if (!apart) {
        status = compiler_run_here(pool, errand);
        apart = status == DFD_STATUS_STACK;
        if (apart) {
            realm_restore(pool->compiler.realm);
            bytes_reset(&errand->reply);
        }
    }
    if (apart)
        error = errand_send(pool, pool->compiler.limit_ms, compiler_run_apart, errand, &status);
    realm_restore(pool->compiler.realm);
    if (error) return error;
    if (status == DFD_STATUS_STACK && errand->reply.length) status = 0; /* the reply says so */
    if (status == DFD_STATUS_PRELOAD) return DFD_E_SLOW;
    if (status == DFD_STATUS_RESOURCES) return DFD_E_SYSTEM;
    if (status || errand->reply.failed) return errand->reply.starved ? DFD_E_MEMORY : DFD_E_REALM;
    return 0;
}

/* Keeps the program, if there is one, and writes the reply. Returns its length or an error. */
static int32_t compiler_keep(Slots *programs, const CompilerErrand *errand, bool interpreted,
                             uint8_t *reply, size_t capacity) {
    double head = 0; /* the handle */
    size_t size = sizeof head + errand->reply.length;
    if (size > capacity || size > INT32_MAX) return DFD_E_REPLY_SIZE;
    if (errand->program) {
        errand->program->interpreted = interpreted;
        int32_t refused = slots_reserve(programs);
        if (refused) return refused;
        head = (double)slots_add(programs, errand->program);
    }
    memcpy(reply, &head, sizeof head);
    memcpy(reply + sizeof head, errand->reply.data, errand->reply.length);
    return (int32_t)size;
}

int32_t compiler_compile(Pool *pool, const char *source, size_t length, uint32_t flags,
                         uint8_t *reply, size_t capacity) {
    Compiler *compiler = &pool->compiler;
    if (!(flags & DFD_COMPILE_PRELOAD) && !pool->workers.started) {
        /* A task will follow: the first worker builds its realm while we build ours. If it can't be
         * started now, the task will say so. */
        OsFailure before = os_failure();
        lock_take(&pool->lock);
        if (!pool->workers.alive && worker_start(pool)) os_get_over(before);
        lock_release(&pool->lock);
    }
    if (!compiler->realm) compiler->realm = realm_open(pool->memory, COMPILER_STACK);
    if (!compiler->realm) return DFD_E_MEMORY;
    CompilerErrand errand = {.source = source, .length = length, .flags = flags};
    int32_t result = compiler_run(pool, &errand);
    if (!result)
        result = compiler_keep(&compiler->programs, &errand, !pool->compiles, reply, capacity);
    if (result < 0) program_drop(errand.program);
    bytes_free(&errand.reply);
    return result;
}
