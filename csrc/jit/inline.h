/* inline.h - functions that are part of those that call them (inline.c). */
#ifndef DEFERRED_JIT_INLINE_H
#define DEFERRED_JIT_INLINE_H

#include "ir.h"
#include "jit.h"

/* A function that is part of the graph's. */
typedef struct Inlined {
    const JitFunction *function;
    uint32_t call, after; /* the instruction that calls it, and the one after that */
    uint32_t given;       /* how many arguments */
    uint32_t start, end;  /* its code */
    uint32_t variables;   /* its arguments, then its locals: the first, among the caller's locals */
    uint32_t outer;       /* its variables of functions around: the first, among the caller's */
    uint32_t depth;       /* of the stack after the call, without its result */
    int32_t state;        /* before the call */
    int32_t object;       /* the function's: a node */
} Inlined;

/* Makes graph->function the function whose entry it is, with all in it that can be, but for what is
 * `kept_apart`. Of graph->sites and graph->seen, too. */
void inline_calls(Graph *graph);

/* What is inlined for a call; what an instruction is part of. NULL: nothing. */
Inlined *inline_at(const Graph *graph, uint32_t call);
Inlined *inline_around(const Graph *graph, uint32_t pc);

#endif
