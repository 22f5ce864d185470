/* ir.h - the intermediate representation: SSA in a control flow graph.
 *
 * A graph is of one function, from one entry on. Its blocks are made of nodes in their order; a node
 * is named by its number. A guard has a state: what the interpreter would have where the guarded
 * instruction begins, so that it can do that instruction itself, and nothing is done twice or lost.
 *
 * Memory comes from the graph and goes with it; where there is none, graph_fail leaves for
 * jit_compile, as what is too large or can't be compiled does.
 */
#ifndef DEFERRED_JIT_IR_H
#define DEFERRED_JIT_IR_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "types.h"

typedef struct Val {
    uint8_t type;
    int32_t node; /* or -1 */
} Val;

/*      operation   operands and what it is */
#define NODE_MAP(NODE)                                                                             \
    NODE(PHI)                                                                                      \
    NODE(CONST)      /* number: as a double; value: as the bits of an integer */                   \
    NODE(LOAD)       /* slot: of a variable, guards its tag; a: the function it is around, or -1 */ \
    NODE(STORE)      /* slot, a: into a variable */                                                \
    NODE(ADD)        /* a, b; guards that it fits */                                               \
    NODE(SUB)                                                                                      \
    NODE(MUL)        /* ... and is not -0 */                                                       \
    NODE(MOD)        /* a, b: guards a >= 0, b > 0 */                                              \
    NODE(NEG)        /* a: guards that it is neither 0 nor the least */                            \
    NODE(ADD_WRAP)                                                                                 \
    NODE(SUB_WRAP)                                                                                 \
    NODE(MUL_WRAP)                                                                                 \
    NODE(ADD_WIDE)                                                                                 \
    NODE(SUB_WIDE)                                                                                 \
    NODE(AND)                                                                                      \
    NODE(OR)                                                                                       \
    NODE(XOR)                                                                                      \
    NODE(NOT)                                                                                      \
    NODE(SHL)                                                                                      \
    NODE(SAR)                                                                                      \
    NODE(SHR)                                                                                      \
    NODE(ROTATE)     /* a, value: to the left by so many bits */                                   \
    NODE(MIN)                                                                                      \
    NODE(MAX)                                                                                      \
    NODE(FADD)                                                                                     \
    NODE(FSUB)                                                                                     \
    NODE(FMUL)                                                                                     \
    NODE(FDIV)                                                                                     \
    NODE(FNEG)                                                                                     \
    NODE(FABS)                                                                                     \
    NODE(FSQRT)                                                                                    \
    NODE(CALL1)      /* callee, a */                                                               \
    NODE(CALL2)      /* callee, a, b */                                                            \
    NODE(TO_DOUBLE)  /* a: an integer of any type */                                               \
    NODE(TO_WIDE)                                                                                  \
    NODE(TO_INT)     /* a: a double, guards that it is an int32, or -0 */                      \
    NODE(TRUNCATE)   /* a: a double, modulo 2^32; guards that it is below 2^63 */                  \
    NODE(LOW)        /* a: of any integer type, as an int */                                       \
    NODE(INT_OF)     /* a: a uint, guards that it is an int */                                     \
    NODE(COMPARE)    /* a, b, condition; operands of one type */                                   \
    NODE(IS_TRUE)    /* a: a number */                                                             \
    NODE(IS_NOT)     /* a: a bool */                                                               \
    NODE(CHECK_CLASS) /* a, value: the class; is a */                                              \
    NODE(CHECK_FUNCTION) /* a, value: guards that it is of that record; is a */                     \
    NODE(CHECK_MUTABLE) /* a: a typed array; is a */                                               \
    NODE(CHECK_PLAIN) /* a, value: JIT_ON_*; guards that it has the class's prototype, and no more; is a */ \
    NODE(COUNT)      /* a: of elements */                                                          \
    NODE(ELEMENTS)   /* a: where they are */                                                       \
    NODE(LENGTH)     /* a: an array's; guards that it is an int */                                 \
    NODE(CHECK_INDEX) /* a, b: a < b without signs; is a */                                        \
    NODE(INDEX)      /* a: an index, as a whole register */                                        \
    NODE(ADDRESS)    /* a: elements, b: an index: of a value */                                    \
    NODE(GET_VALUE)  /* a: address; guards the tag */                                              \
    NODE(PUT_VALUE)  /* a: address, b; guards that what was there needs no freeing */              \
    NODE(APPEND)     /* a: array, b: index, c; as PUT_VALUE, or after the last element */          \
    NODE(GET_ELEMENT) /* a: elements, b: index, value: JIT_ON_* */                                 \
    NODE(PUT_ELEMENT) /* a: elements, b: index, c, value: JIT_ON_* */                              \
    NODE(STRING_LENGTH)                                                                            \
    NODE(CHAR_CODE)  /* a: string, b: index in range */                                            \
    NODE(PUSH)       /* slot, a: to where the interpreter has its stack, which owns it then */     \
    NODE(CALL)       /* a: function, value: of graph->calls; guards that it does not throw */      \
    NODE(CHECK_BUILTINS) /* guards that all are as they were when the code was entered */            \
    NODE(RESULT)     /* of the CALL before it; guards the tag */                                   \
    NODE(CHECK_KEPT) /* a, value: guards that it is counted more often than that */                \
    NODE(LET_GO)     /* a: counts it once less, as a PUSH counted it once more */

typedef enum Operation {
#define NODE(name) N_##name,
    NODE_MAP(NODE)
#undef NODE
    N_COUNT_
} Operation;

typedef enum Condition { C_EQUAL, C_NOT_EQUAL, C_LESS, C_LESS_EQUAL, C_GREATER, C_GREATER_EQUAL } Condition;

typedef struct Node {
    uint8_t operation; /* an Operation */
    uint8_t type;      /* a Type */
    uint8_t condition;
    bool hoisted;       /* a guard that was moved before its loop */
    int32_t a, b, c;    /* nodes, or -1 */
    int32_t block, next; /* in its block, or -1 */
    int32_t state;      /* of a guard; -1: it guards nothing */
    int32_t slot;       /* a variable's; the same node as this one in its place, of others (forward) */
    int32_t forward;    /* or -1 */
    union {
        int64_t value;
        double number;
        double (*unary)(double);
        double (*binary)(double, double);
        int32_t *inputs; /* of a phi, by the block's predecessors */
    };
} Node;

/* A value that the interpreter needs at an exit. */
typedef struct StateValue {
    int32_t slot; /* as JitValue */
    Val val;
} StateValue;

typedef struct State {
    uint32_t pc, depth, count; /* pc: of a call that threw, before the instruction after it */
    bool missed; /* of the entry's own guards */
    StateValue *values;
} State;

/* A function that is called where the interpreter would. */
typedef struct CallSite {
    uint32_t pc, next; /* of the instruction, and of the one after it */
    uint32_t first, count; /* where the arguments are on the stack, and how many */
    const struct JitFunction *target; /* which it mostly is; NULL: of any kind */
    bool counted; /* an argument is */
} CallSite;

typedef enum BlockEnd { END_NONE, END_JUMP, END_BRANCH, END_EXIT, END_RETURN } BlockEnd;

typedef struct Block {
    uint32_t pc;
    bool before; /* of a loop: the block that goes into it */
    bool reached, queued, header;
    Val *in;           /* [slots + stack] at its start: types, then values */
    uint32_t depth;    /* of the stack there */
    Val *out;          /* at its end, while it is built */
    int32_t first, last;
    BlockEnd end;
    int32_t test;      /* of a branch: a bool; of a return: the result, or -1 */
    uint8_t result;    /* of a return: its type; T_SLOT: what the call before it gave */
    int32_t to[2];     /* blocks: of a branch, if it is true and if not */
    int32_t state;     /* of an exit; of the block before a loop */
    uint8_t exit_kind; /* a JitExitKind */
    int32_t *from;     /* predecessors */
    uint32_t from_count;
    int32_t dominator, order, loop; /* order: its place in reverse postorder; loop: header's block or -1 */
    uint32_t nesting;
} Block;

struct JitEntry;
struct JitFunction;
struct JitSite;
struct JitBuiltin;

typedef struct Graph {
    const struct JitEntry *entry;
    const struct JitFunction *function;
    struct JitSite *sites; /* as they were when it was begun: they may change meanwhile */
    uint16_t *seen;        /* [slots]: likewise, of the entry's variables */
    struct Inlined *inlined; /* in order of their code */
    uint32_t inlined_count;
    uint32_t own_length, own_locals; /* what is beyond is inlined */
    bool *kept_apart;      /* [own_length]: calls of what is not to be inlined */
    uint32_t slots, stack;
    bool prune; /* what was never executed is left out */
    bool hoist;
    bool emitting;

    Node *nodes;
    int32_t node_count, node_room;
    State *states;
    int32_t state_count, state_room;
    Block *blocks;
    int32_t block_count;
    int32_t *block_at[2]; /* [pc]: the block there, and the one before a loop there; or -1 */
    int32_t *order;       /* blocks in reverse postorder, of which ordered_count are reached */
    int32_t order_count;
    bool *in_memory;      /* [slots]: each write goes to memory */
    uint8_t *wraps;       /* [pc]: of this sum only the low 32 bits are used */
    bool *wide;           /* [pc]: and a state needs all of it */
    bool again;           /* it is to be built again, with what is known now */
    uint64_t *live;       /* [pc * words]: variables that are read before they are written */
    uint32_t live_words;
    struct JitBuiltin *builtins;
    uint32_t builtin_count;
    bool rechecks;      /* builtins, after each call */
    CallSite *calls;
    int32_t call_count;
    bool runs_code;     /* it calls what may change anything */
    bool appends;       /* some array may get longer, and its elements move */
    bool stores_values; /* some array's element or variable is overwritten by a PUT_VALUE or STORE */

    void *compiler; /* sljit's, while there is one */
    void *code;     /* the JitCode that is made, until it is handed over */
    struct Chunk *chunks;
    size_t bytes;   /* of those */
    uint64_t steps; /* what was done so far */
    jmp_buf failed;
    const char *why;
} Graph;

/* Zeroed memory of the graph's. */
void *graph_alloc(Graph *graph, size_t size);
_Noreturn void graph_fail(Graph *graph, const char *why);

/* Gives all memory back. */
void graph_close(Graph *graph);
bool graph_dominates(Graph *graph, int32_t a, int32_t block);

/* What compiling one function may take: about so many values, nodes or instructions that are looked at.
 * The largest functions that people write take a hundredth. A task chooses what is compiled, and some of
 * this is quadratic, or worse, in what it chooses; so whatever is repeated counts itself. */
#define GRAPH_STEPS_MAX ((uint64_t)20 << 20)

static inline void graph_step(Graph *graph, uint64_t steps) {
    graph->steps += steps;
    if (graph->steps > GRAPH_STEPS_MAX) graph_fail(graph, "too much work");
}

/* The node that stands for this one. */
static inline int32_t graph_find(const Graph *graph, int32_t node) {
    while (node >= 0 && graph->nodes[node].forward >= 0) node = graph->nodes[node].forward;
    return node;
}

int32_t graph_node(Graph *graph, int32_t block, Operation operation, Type type, int32_t a, int32_t b);

void build(Graph *graph);   /* build.c */
void improve(Graph *graph); /* improve.c */
void graph_dump(const Graph *graph); /* dump.c */
struct JitCode;
void code_dump(const Graph *graph, const struct JitCode *code);

static inline bool node_is_alias(const Node *node) {
    return node->operation == N_CHECK_CLASS || node->operation == N_CHECK_FUNCTION || node->operation == N_CHECK_MUTABLE ||
           node->operation == N_CHECK_INDEX || node->operation == N_CHECK_PLAIN ||
           node->operation == N_INT_OF;
}

struct JitCode *lower(Graph *graph, uint32_t force); /* lower.c; NULL: no memory */
void lower_end(Graph *graph); /* frees what it was in the middle of, if it failed */

#endif
