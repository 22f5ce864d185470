/* jit.h - compiled code for the realm's bytecode.
 *
 *   program.c           a program's functions, as records that outlive tasks
 *     |  engine_jit.c.inc patches the task's copy of the bytecode: OP_jit stands for the first
 *     v                   instruction of a function and of each loop, and asks here
 *   jit.c               counts, records, asks for code, throws away what was wrong
 *     |  bytecode, what was seen
 *     v
 *   build.c             bytecode -> SSA with types; guards with the interpreter's state before them
 *   improve.c           common nodes, loop invariants
 *   lower.c             registers, machine code (sljit), exits
 *     |
 *     v
 *   code.c              pages: written while RW, RX for good
 *
 * Compiled code works on the interpreter's own frame. It is entered at the start of a function or of
 * a loop, and ends at some bytecode of the same function, where the interpreter goes on: because a
 * guard failed, because the instruction is not one that is compiled, or at the `return`. It never
 * throws, calls no code of the task and owns nothing outside the arena, so it may be left at any
 * instruction, like all else in a task (guard.h), and polls nothing: where a thread can't be
 * signalled, it is not used.
 *
 * Nothing of a realm is in it: no address of the arena, no atom, no shape. One code serves all tasks
 * and all workers; what belongs to a task comes with its JitFrame.
 *
 * Threads. A function's record is written once, before it is published, but for what is atomic: what
 * was seen only gains bits, counts are not exact. Codes are published whole, and freed with their
 * program. They are made on a thread of this room's, because workers may not make memory executable.
 */
#ifndef DEFERRED_JIT_H
#define DEFERRED_JIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- what was seen ------------------------------------------------------------------------- */

/* Tags of values, as a set. */
enum {
    JIT_INT = 1,
    JIT_DOUBLE = 2,
    JIT_BOOL = 4,
    JIT_OBJECT = 8,
    JIT_STRING = 16, /* no rope */
    JIT_UNDEFINED = 32,
    JIT_NULL = 64,
    JIT_UNINITIALIZED = 128,
    JIT_OTHER = 256,
    /* of an instruction: */
    JIT_AT_END = 1 << 13,       /* an element was added to an array, after its last */
    JIT_OUT_OF_RANGE = 1 << 14, /* an index was no index of an element */
    JIT_EXECUTED = 1 << 15,
};

/* Receivers of an element or a length, as a set of 1 << JIT_ON_*. The typed arrays stand in the
 * order of the engine's classes. */
enum {
    JIT_ON_ARRAY,
    JIT_ON_UINT8C,
    JIT_ON_INT8,
    JIT_ON_UINT8,
    JIT_ON_INT16,
    JIT_ON_UINT16,
    JIT_ON_INT32,
    JIT_ON_UINT32,
    JIT_ON_BIGINT64,
    JIT_ON_BIGUINT64,
    JIT_ON_FLOAT16,
    JIT_ON_FLOAT32,
    JIT_ON_FLOAT64,
    JIT_ON_STRING,
    JIT_ON_OTHER,
};

typedef struct JitSite {
    _Atomic uint16_t value;    /* what an instruction pushes or, a comparison or a store, takes */
    _Atomic uint16_t receiver; /* of 1 << JIT_ON_* */
    _Atomic uint16_t callee;   /* which of jit_known a call called; 0 none yet, JIT_MANY others, too */
} JitSite;

/* --- functions ----------------------------------------------------------------------------- */

typedef enum JitState { JIT_COLD, JIT_QUEUED, JIT_READY, JIT_REFUSED } JitState;

/* Where code may be entered. */
typedef struct JitEntry {
    uint32_t pc;
    _Atomic uint32_t passed; /* how often, until it is compiled */
    _Atomic uint8_t state;   /* a JitState */
    _Atomic uint8_t versions;
    _Atomic(struct JitCode *) code;
    _Atomic uint16_t *seen; /* [slots]: what the variables held here */
    struct JitFunction *function;
    struct JitEntry *next; /* in the queue */
} JitEntry;

typedef struct JitConstant {
    uint16_t tag; /* JIT_INT, JIT_DOUBLE, or JIT_OTHER */
    double number;
} JitConstant;

/* A function's code and what is known of it, outside of every arena. Its variables are numbered as
 * slots: the arguments, the locals, those of functions around it. */
typedef struct JitFunction {
    struct JitProgram *program;
    uint32_t number; /* in its program */
    uint32_t length, arguments, locals, outer, stack, constant_count, entry_count;
    bool has_catch;       /* a value may be read after any exception */
    _Atomic bool no_hoist; /* a guard that was moved out of a loop failed */
    uint8_t *code;        /* [length]: as the engine read it, but for the atoms in it */
    uint8_t *marks;       /* [length]: 1 + the number of its entry, 0, or JIT_INSIDE an instruction */
    uint8_t *captured;    /* [arguments + locals]: functions in it use this variable */
    JitConstant *constants;
    _Atomic(JitSite *) sites; /* [length]; NULL until something was recorded */
    JitEntry *entries;
} JitFunction;

#define JIT_INSIDE 255
#define JIT_ENTRIES_MAX 254
#define JIT_MANY 1

static inline uint32_t jit_slots(const JitFunction *function) {
    return function->arguments + function->locals + function->outer;
}

/* The functions of a program, in the order in which they are found in it; NULL for those that are
 * not compiled. Counted: the program's hold, and each request's. */
typedef struct JitProgram {
    atomic_uint holds;
    uint32_t count;
    _Atomic(struct JitCode *) codes; /* all that were made, to be freed */
    JitFunction *functions[];
} JitProgram;

/* NULL when there is no memory. */
JitProgram *jit_program_new(uint32_t count);
void jit_program_drop(JitProgram *program); /* NULL is fine */

/* Makes the record of a function whose `code` is of `length` bytes, with room for the rest, which
 * the caller fills in; then jit_function_ready finds its entries, and tells whether it has any.
 * Otherwise it is freed. */
JitFunction *jit_function_new(uint32_t length, uint32_t arguments, uint32_t locals, uint32_t outer,
                              uint32_t constants);
bool jit_function_ready(JitFunction *function);
void jit_function_free(JitFunction *function);

/* --- code ---------------------------------------------------------------------------------- */

#define JIT_SPILLS_MAX 192
#define JIT_REGISTERS 16

/* What compiled code is given, and where it leaves what it knows when it ends. */
typedef struct JitFrame {
    void *variables[3]; /* by BytecodeKind: arguments, locals, references to variables around */
    void *stack;
    void *context;
    uint64_t integers[JIT_REGISTERS]; /* at an exit: S0.., R0.. as lower.c numbers them */
    double doubles[JIT_REGISTERS];
    uint64_t value;                  /* for a helper */
    uint64_t spills[JIT_SPILLS_MAX];
} JitFrame;

/* Where an exit finds a value. */
typedef enum JitPlace { JIT_IN_CONSTANT, JIT_IN_INTEGER, JIT_IN_DOUBLE, JIT_IN_SPILL } JitPlace;

typedef struct JitValue {
    uint8_t type;  /* a Type (ir.h) */
    uint8_t place; /* a JitPlace */
    uint16_t index;
    int32_t slot; /* of a variable; or of the stack, -1 - its number */
    uint64_t constant;
} JitValue;

typedef enum JitExitKind {
    JIT_LEAVES, /* the interpreter's turn */
    JIT_FAILED, /* a guard did not hold */
    JIT_MISSED, /* what a variable holds is not what the code was made for: nothing has happened */
    JIT_HOISTED /* a guard that had been moved out of a loop */
} JitExitKind;

typedef struct JitExit {
    uint32_t pc;
    uint8_t kind;
    uint16_t depth; /* of the stack */
    uint32_t first, count; /* of the values */
} JitExit;

/* What the code takes for granted of globals: that this call is of this C function, or that typed
 * arrays have the getter of their length. */
#define JIT_OF_STRINGS (-1)
#define JIT_LENGTH (-2)
typedef struct JitBuiltin {
    int32_t global; /* the pc of its get_var; JIT_OF_STRINGS: a method of theirs; JIT_LENGTH */
    int32_t field;  /* the pc of its get_field2; of which typed arrays, a JIT_ON_* */
    uint32_t callee; /* of jit_known */
} JitBuiltin;

typedef struct JitCode {
    struct JitCode *next; /* of the program's */
    uint32_t (*enter)(JitFrame *frame); /* returns the number of an exit */
    void *pages;
    size_t size, used; /* of the pages; of those the code */
    _Atomic uint32_t runs, failures;
    uint32_t exit_count, builtin_count, guards;
    JitExit *exits;
    JitValue *values;
    JitBuiltin *builtins;
} JitCode;

void jit_code_free(JitCode *code);

/* --- deciding ------------------------------------------------------------------------------ */

typedef enum JitAdvice { JIT_GO_ON, JIT_RECORD, JIT_STOP_RECORDING, JIT_FORGET } JitAdvice;

/* An entry without code was passed; `recording`, whether this function is being recorded here. */
JitAdvice jit_passed(JitEntry *entry, bool recording);
/* A guard of the code failed; what the interpreter finds there was recorded. */
JitAdvice jit_failed(JitEntry *entry, JitCode *code, JitExitKind kind);
/* Where the function's sites are, made if need be; NULL when there is no memory. */
JitSite *jit_sites(JitFunction *function);

/* One more run of it; not exact, and only at first, as all workers write there. */
static inline void jit_count(JitCode *code);

/* Whether the environment wishes that tasks of pools that don't say are compiled. It is read when this
 * is first asked: on a host's thread, when its first pool is opened (zone.h says why). */
bool jit_is_wished(void);
/* Whether tasks may run compiled code: not if the environment forbids it, or the system. Starts the
 * thread that compiles, when it is first asked: on a host's thread. */
bool jit_open(void);
bool jit_is_open(void);

/* Compiles for an entry; NULL if it can't be, or should not. `force` fails the guard of that number
 * (from 1 on; 0 none). On any thread that may make memory executable. */
JitCode *jit_compile(JitEntry *entry, uint32_t force);

/* Tests decide otherwise than the defaults. */
typedef struct JitTuning {
    bool synchronous;  /* an entry waits for its code */
    uint32_t hot_loop, hot_call, recorded; /* passes until it is recorded; how many are */
    uint32_t force;    /* guard to fail in each code, from 1 on */
} JitTuning;
extern JitTuning jit_tuning;

/* How much was compiled and run in this process, for tests and for whoever asks. */
typedef struct JitStats {
    _Atomic uint64_t compiled, refused, runs, failures, code_bytes;
    _Atomic uint32_t most_guards; /* of one code */
} JitStats;
extern JitStats jit_stats;

static inline void jit_count(JitCode *code) {
    uint32_t runs = atomic_load_explicit(&code->runs, memory_order_relaxed);
    if (runs >= 1000) return;
    atomic_store_explicit(&code->runs, runs + 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&jit_stats.runs, 1, memory_order_relaxed);
}

#endif
