/* program.h - bytecode of one function, shared by the tasks that run it.
 *
 * Outside every arena, and counted: freed with the last hold. Immutable, but for what is learnt of
 * its functions while they run. Any thread.
 */
#ifndef DEFERRED_PROGRAM_H
#define DEFERRED_PROGRAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The name that a task's functions have as their file in the engine; the host replaces it. */
#define PROGRAM_FILE "deferred:task"

typedef struct Program {
    atomic_uint holds;
    struct JitProgram *_Atomic jit; /* records of its functions, and their code (jit/jit.h) */
    bool interpreted;               /* none of them is to be compiled */
    int member;    /* which constant of what the bytecode evaluates to; -1 for that itself */
    bool enclosed; /* it evaluates to a function of outer values, which gives the program's own */
    uint32_t outer_count; /* of the arguments that are those values: the first ones */
    size_t size;
    uint8_t bytecode[];
} Program;

/* With one hold, the caller's; NULL when there is no memory. */
Program *program_new(const uint8_t *bytecode, size_t size, int member);
Program *program_hold(Program *program);
void program_drop(Program *program); /* NULL is fine */

#endif
