/* program.c - see program.h */
#include "program.h"

#include <stdlib.h>
#include <string.h>

#include "jit/jit.h"

Program *program_new(const uint8_t *bytecode, size_t size, int member) {
    Program *program = malloc(sizeof *program + size);
    if (!program) return NULL;
    atomic_init(&program->holds, 1);
    atomic_init(&program->jit, NULL);
    program->interpreted = false;
    program->member = member;
    program->enclosed = false;
    program->outer_count = 0;
    program->size = size;
    memcpy(program->bytecode, bytecode, size);
    return program;
}

Program *program_hold(Program *program) {
    atomic_fetch_add_explicit(&program->holds, 1, memory_order_relaxed);
    return program;
}

void program_drop(Program *program) {
    if (!program || atomic_fetch_sub_explicit(&program->holds, 1, memory_order_acq_rel) != 1)
        return;
    jit_program_drop(atomic_load(&program->jit));
    free(program);
}
