/* jit.h - compiled code for the realm's bytecode.
 *
 *   program.c           a program's functions, as records that outlive tasks
 *     |  engine_jit.c.inc patches the task's copy of the bytecode: OP_jit stands for the first
 *     v                   instruction of a function and of each loop, and asks here
 *   jit.c               counts, records, asks for code, throws away what was wrong
 *     |  bytecode, what was seen
 *     v
 *   inline.c            short functions become part of what calls them
 *   build.c             bytecode -> SSA with types; guards with the interpreter's state before them
 *   improve.c           common nodes, loop invariants
 *   lower.c             registers, machine code (sljit), exits
 *     |
 *     v
 *   code.c              pages: written while RW, RX for good
 *
 * Compiled code works on a frame of the interpreter's, or on one that it made itself for a function
 * that it calls, and that the interpreter can go on with. It is entered at the start of a function or
 * of a loop, and ends with the function's result, or at some bytecode of the same function, where the
 * interpreter goes on: because a guard failed, because the instruction is not one that is compiled, or
 * because what it called threw. It owns nothing outside the arena, so it may be left at any
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
    /* Which of jit_known a call of a method called; of the program's functions, less JIT_CALLEE, any
     * other call. 0 none yet, JIT_MANY others, too. */
    _Atomic uint16_t callee;
} JitSite;
#define JIT_CALLEE 2

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
    struct JitEntry *next; /* of the program's that wait */
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
    uint32_t references;  /* to variables of it that closures have */
    bool has_catch;       /* a value may be read after any exception */
    bool has_call;        /* it calls functions */
    bool writes_arguments; /* it may put another value where the caller left one */
    bool is_leaf;         /* without loop or call, and short: never worth entering from the interpreter */
    _Atomic bool no_hoist; /* a guard that was moved out of a loop failed */
    _Atomic uint8_t relearn; /* runs that are to be recorded, as what it is inlined in failed */
    uint8_t *code;        /* [length]: as the engine read it, but for the atoms in it */
    uint8_t *marks;       /* [length]: 1 + the number of its entry, 0, or JIT_INSIDE an instruction */
    uint8_t *after;       /* [length + 1]: the size of the call in front of it, if that gave what is on top */
    uint8_t *captured;    /* [arguments + locals]: functions in it use this variable */
    JitConstant *constants;
    _Atomic(JitSite *) sites; /* [length]; NULL until something was recorded */
    JitEntry *entries;
    JitEntry *start; /* of them: where a call enters */
} JitFunction;

#define JIT_INSIDE 255
#define JIT_ENTRIES_MAX 254
#define JIT_MANY 1

static inline uint32_t jit_slots(const JitFunction *function) {
    return function->arguments + function->locals + function->outer;
}

/* Where it may be entered by a call. */
static inline JitEntry *jit_start(const JitFunction *function) {
    return function->start;
}

/* The functions of a program, in the order in which they are found in it; NULL for those that are
 * not compiled. Counted: the program's hold, and each request's. */
typedef struct JitProgram {
    atomic_uint holds;
    uint32_t count;
    size_t bytes;                    /* of the functions, before it is published */
    _Atomic(struct JitCode *) codes; /* all that were made, to be freed */
    size_t share;                    /* of the memory for code: a CodeShare */
    uint64_t steps;                  /* that compiling it took; of the thread that compiles */
    struct JitEntry *first, **last;  /* that wait to be compiled, and the next program of which some */
    struct JitProgram *next;         /* do; under the lock of the queue */
    JitFunction *functions[];
} JitProgram;

/* A function of more variables is not compiled. */
#define JIT_SLOTS_MAX 400
/* What the records of a program may take, as no memory limit counts them: functions beyond have none. */
#define JIT_RECORDS_MAX ((size_t)16 << 20)

/* And what compiling all of a program may take, as no limit of time counts that: a second or two. What is
 * asked for beyond stays interpreted. */
#define JIT_STEPS_MAX ((uint64_t)1 << 28)

/* NULL when there is no memory. */
JitProgram *jit_program_new(uint32_t count);
void jit_program_drop(JitProgram *program); /* NULL is fine */

/* Makes the record of a function whose `code` is of `length` bytes, with room for the rest, which
 * the caller fills in; then jit_function_ready finds its entries, and tells whether it has any.
 * Otherwise it is freed. */
JitFunction *jit_function_new(uint32_t length, uint32_t arguments, uint32_t locals, uint32_t outer,
                              uint32_t constants);
bool jit_function_ready(JitFunction *function);
size_t jit_function_size(const JitFunction *function); /* once something is recorded, too */
void jit_function_free(JitFunction *function);

/* --- code ---------------------------------------------------------------------------------- */

#define JIT_SPILLS_MAX 192
#define JIT_REGISTERS 16

#define JIT_HELD 16

/* What compiled code finds of its task: how far the stack may grow; whether globals are still what it
 * takes them for, which it asks again only after other code than compiled code has run; and where an
 * exit leaves what the code knows, which is read at once. */
typedef struct JitTask {
    const uintptr_t *stack_limit;
    uint64_t ran; /* how often other code may have run since */
    uint64_t entered; /* how often the interpreter and the engine's builtins ran compiled code */
    struct {
        const void *code; /* of which all builtins were as they should be */
        uint64_t ran;     /* when it was this */
    } held[JIT_HELD];
    uint64_t integers[JIT_REGISTERS]; /* S1.., R2.. as lower.c numbers them */
    double doubles[JIT_REGISTERS];
    uint64_t spills[JIT_SPILLS_MAX];
} JitTask;

/* The engine's JSStackFrame, and what it keeps one in whose function may be gone on with
 * (JSAsyncFunctionState); engine_jit.c.inc asserts that they are alike. */
typedef struct JitStackFrame {
    void *previous;
    void *function;
    int64_t function_tag;
    void *arguments, *locals, *references;
    void *pc; /* after the call that it is in */
    uint16_t reference_count, argument_count;
    bool strict, constructs;
    void *stack_pointer, *owner;
} JitStackFrame;

/* What compiled code works on: one frame of the engine's. Either the interpreter made that, and only
 * some of `own` is filled in; or compiled code or js_jit_call did, which is much less work: then it is
 * `own`, of which the rest is filled in when the interpreter has to go on (jit_leave). */
typedef struct JitFrame {
    uint64_t this_value[2]; /* filled in by jit_leave */
    int32_t argument_count;
    bool throws;
    JitStackFrame own;
    JitStackFrame *shown; /* what the engine sees: `own`, or the interpreter's */
    void *outer;          /* references to the variables around */
    void *stack;
    void *context;
    void *bytecode;       /* the task's copy */
    JitTask *task;
    struct JitCode *code; /* at an exit: of what */
    uint64_t result[2];   /* a value: what the function returns, owned */
    uint64_t value;       /* for a helper */
} JitFrame;

/* In the engine's JSFunctionBytecode.jit: 1 + the number of its record. */
#define JIT_NUMBER 0x3fffffffu

/* What code returns instead of the number of an exit. */
#define JIT_RETURNED 0xffffffffu  /* the result is in the frame */
#define JIT_UNTIDY 0xfffffffeu    /* likewise, and locals hold what is to be released */
#define JIT_OVERFLOW 0xfffffffdu  /* the stack is used up; nothing has happened */
#define JIT_STALE 0xfffffffbu     /* a global is not what the code takes it for; nothing has happened */
#define JIT_THROWN 0xfffffffcu    /* of what helps to call: the engine has the exception */

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
    JIT_HOISTED, /* a guard that had been moved out of a loop */
    JIT_THREW    /* a function that was called here threw */
} JitExitKind;
#define JIT_EXIT_KINDS 5

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
    size_t *share; /* its program's */
    void *pages;
    size_t size, used; /* of the pages; of those the code */
    size_t tables;     /* bytes of exits, values, builtins and data */
    uint64_t number;   /* which of all that were made in this process */
    _Atomic uint32_t runs, failures;
    uint32_t exit_count, builtin_count, guards;
    uint32_t depth; /* of the stack where it is entered */
    JitExit *exits;
    JitValue *values;
    JitBuiltin *builtins;
    uint64_t *data; /* numbers of the task's that its code reads */
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

/* Whether tasks of pools that don't say are compiled: unless the environment forbids it. That is read
 * when this is first asked: on a host's thread, when its first pool is opened (zone.h says why). */
bool jit_by_default(void);
/* Whether tasks may run compiled code: not if the environment forbids it, or the system. Starts the
 * thread that compiles, when it is first asked: on a host's thread. */
bool jit_open(void);
bool jit_is_open(void);
/* Where all machine code lies, or will: JIT_REGION bytes, at a multiple of that; NULL if there will be
 * none. On any thread that may allocate memory, after jit_by_default. */
#define JIT_REGION ((size_t)128 << 20)
const void *jit_region(void);

/* Compiles for an entry; NULL if it can't be, or should not. `force` fails the guard of that number
 * (from 1 on; 0 none). On any thread that may make memory executable. */
JitCode *jit_compile(JitEntry *entry, uint32_t force);

/* Tests decide otherwise than the defaults. */
typedef struct JitTuning {
    bool synchronous;  /* an entry waits for its code */
    bool paused;       /* nothing is compiled */
    uint32_t hot_loop, hot_call, recorded; /* passes until it is recorded; how many are */
    uint32_t force;    /* guard to fail in each code, from 1 on */
} JitTuning;
/* From now on; what was asked for so far is compiled first. While no task runs. */
void jit_tune(JitTuning wanted);

/* How much was compiled and run in this process, for tests and for whoever asks. */
typedef struct JitStats {
    _Atomic uint64_t compiled, refused, runs, failures, code_bytes;
    _Atomic uint32_t most_guards; /* of one code */
    _Atomic uint64_t steps, most_steps; /* that compiling took; of one code, or what became none */
} JitStats;
extern JitStats jit_stats;

static inline void jit_count(JitCode *code) {
    uint32_t runs = atomic_load_explicit(&code->runs, memory_order_relaxed);
    if (runs >= 1000) return;
    atomic_store_explicit(&code->runs, runs + 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&jit_stats.runs, 1, memory_order_relaxed);
}

#endif
