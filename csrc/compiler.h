/* compiler.h - a pool's programs: from source to bytecode, and by handle.
 *
 * All of it belongs to the host's thread. The compiling realm is built for the first source. An
 * errand compiles what takes long, and the host waits for it.
 */
#ifndef DEFERRED_COMPILER_H
#define DEFERRED_COMPILER_H

#include "program.h"
#include "realm.h"
#include "slots.h"

struct Pool;

typedef struct Compiler {
    Realm *realm; /* NULL before the first source */
    Slots programs;
    double limit_ms; /* that compiling may take */
} Compiler;

void compiler_open(Compiler *compiler);
void compiler_close(Compiler *compiler);

/* As dfd_compile and dfd_program_free say. */
int32_t compiler_compile(struct Pool *pool, const char *source, size_t length, uint32_t flags,
                         uint8_t *reply, size_t capacity);
int32_t compiler_free(Compiler *compiler, double handle);

/* The program of a handle, which keeps its hold; NULL if there is none. */
Program *compiler_find(const Compiler *compiler, double handle);

#endif
