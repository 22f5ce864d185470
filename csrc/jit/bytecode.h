/* bytecode.h - how the engine's bytecode is read: opcodes, sizes, jumps, variables.
 *
 * The numbers are those of the engine's own table (quickjs-opcode.h); whoever includes this inside of
 * the engine has them already.
 */
#ifndef DEFERRED_JIT_BYTECODE_H
#define DEFERRED_JIT_BYTECODE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifndef JIT_IN_ENGINE
typedef enum Opcode {
#define FMT(f)
#define DEF(id, size, n_pop, n_push, f) OP_##id,
#define def(id, size, n_pop, n_push, f)
#include "quickjs-opcode.h"
#undef def
#undef DEF
#undef FMT
    OP_COUNT
} Opcode;
#endif

static const uint8_t bytecode_sizes[] = {
#define FMT(f)
#define DEF(id, size, n_pop, n_push, f) size,
#define def(id, size, n_pop, n_push, f)
#include "quickjs-opcode.h"
#undef def
#undef DEF
#undef FMT
};

static inline uint16_t bytecode_u16(const uint8_t *at) {
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline int32_t bytecode_i32(const uint8_t *at) {
    int32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

/* Where an instruction at `pc` may jump to; -1 if it does not. */
static inline int32_t bytecode_target(const uint8_t *code, int32_t pc) {
    switch (code[pc]) {
    case OP_if_false8:
    case OP_if_true8:
    case OP_goto8:
        return pc + 1 + (int8_t)code[pc + 1];
    case OP_goto16:
        return pc + 1 + (int16_t)bytecode_u16(code + pc + 1);
    case OP_if_false:
    case OP_if_true:
    case OP_goto:
    case OP_catch:
    case OP_gosub:
        return pc + 1 + bytecode_i32(code + pc + 1);
    default:
        return -1;
    }
}

/* Whether what follows an instruction is reached only from elsewhere; but for OP_ret. */
static inline bool bytecode_ends(uint8_t op) {
    switch (op) {
    case OP_goto:
    case OP_goto8:
    case OP_goto16:
    case OP_return:
    case OP_return_undef:
    case OP_throw:
    case OP_throw_error:
    case OP_tail_call:
    case OP_tail_call_method:
        return true;
    default:
        return false;
    }
}

/* Whether an instruction calls a function that lies below its arguments, without a `this`. */
static inline bool bytecode_is_call(uint8_t op) {
    return (op >= OP_call0 && op <= OP_call3) || op == OP_call || op == OP_tail_call;
}

/* With how many arguments. */
static inline uint32_t bytecode_argument_count(const uint8_t *at) {
    return *at >= OP_call0 && *at <= OP_call3 ? (uint32_t)(*at - OP_call0) : bytecode_u16(at + 1);
}

/* Where a variable is: among the arguments, among the locals, or in the frame of a function around. */
typedef enum BytecodeKind { BYTECODE_ARGUMENT, BYTECODE_LOCAL, BYTECODE_OUTER } BytecodeKind;
/* put pops what it stores, set leaves it on the stack. */
typedef enum BytecodeAccess { BYTECODE_GET, BYTECODE_PUT, BYTECODE_SET } BytecodeAccess;

typedef struct BytecodeVariable {
    uint8_t kind, access;
    bool checked; /* throws if the variable is uninitialized */
    uint16_t index;
} BytecodeVariable;

/* Whether an instruction reads or writes one variable on behalf of the stack, and which. */
static inline bool bytecode_variable(const uint8_t *at, BytecodeVariable *v) {
#define BYTECODE_SHORT(name, KIND, ACCESS)                                                         \
    case OP_##name##0:                                                                             \
    case OP_##name##1:                                                                             \
    case OP_##name##2:                                                                             \
    case OP_##name##3:                                                                             \
        *v = (BytecodeVariable){KIND, ACCESS, false, (uint16_t)(*at - OP_##name##0)};              \
        return true;
#define BYTECODE_LONG(name, KIND, ACCESS, CHECKED)                                                 \
    case OP_##name:                                                                                \
        *v = (BytecodeVariable){KIND, ACCESS, CHECKED, bytecode_u16(at + 1)};                      \
        return true;
#define BYTECODE_BYTE(name, ACCESS)                                                                \
    case OP_##name:                                                                                \
        *v = (BytecodeVariable){BYTECODE_LOCAL, ACCESS, false, at[1]};                             \
        return true;
    switch (*at) {
        BYTECODE_SHORT(get_loc, BYTECODE_LOCAL, BYTECODE_GET)
        BYTECODE_SHORT(put_loc, BYTECODE_LOCAL, BYTECODE_PUT)
        BYTECODE_SHORT(set_loc, BYTECODE_LOCAL, BYTECODE_SET)
        BYTECODE_SHORT(get_arg, BYTECODE_ARGUMENT, BYTECODE_GET)
        BYTECODE_SHORT(put_arg, BYTECODE_ARGUMENT, BYTECODE_PUT)
        BYTECODE_SHORT(set_arg, BYTECODE_ARGUMENT, BYTECODE_SET)
        BYTECODE_SHORT(get_var_ref, BYTECODE_OUTER, BYTECODE_GET)
        BYTECODE_SHORT(put_var_ref, BYTECODE_OUTER, BYTECODE_PUT)
        BYTECODE_SHORT(set_var_ref, BYTECODE_OUTER, BYTECODE_SET)
        BYTECODE_BYTE(get_loc8, BYTECODE_GET)
        BYTECODE_BYTE(put_loc8, BYTECODE_PUT)
        BYTECODE_BYTE(set_loc8, BYTECODE_SET)
        BYTECODE_LONG(get_loc, BYTECODE_LOCAL, BYTECODE_GET, false)
        BYTECODE_LONG(put_loc, BYTECODE_LOCAL, BYTECODE_PUT, false)
        BYTECODE_LONG(set_loc, BYTECODE_LOCAL, BYTECODE_SET, false)
        BYTECODE_LONG(get_arg, BYTECODE_ARGUMENT, BYTECODE_GET, false)
        BYTECODE_LONG(put_arg, BYTECODE_ARGUMENT, BYTECODE_PUT, false)
        BYTECODE_LONG(set_arg, BYTECODE_ARGUMENT, BYTECODE_SET, false)
        BYTECODE_LONG(get_var_ref, BYTECODE_OUTER, BYTECODE_GET, false)
        BYTECODE_LONG(put_var_ref, BYTECODE_OUTER, BYTECODE_PUT, false)
        BYTECODE_LONG(set_var_ref, BYTECODE_OUTER, BYTECODE_SET, false)
        BYTECODE_LONG(get_loc_check, BYTECODE_LOCAL, BYTECODE_GET, true)
        BYTECODE_LONG(put_loc_check, BYTECODE_LOCAL, BYTECODE_PUT, true)
        BYTECODE_LONG(get_var_ref_check, BYTECODE_OUTER, BYTECODE_GET, true)
        BYTECODE_LONG(put_var_ref_check, BYTECODE_OUTER, BYTECODE_PUT, true)
    default:
        return false;
    }
#undef BYTECODE_SHORT
#undef BYTECODE_LONG
#undef BYTECODE_BYTE
}

#endif
