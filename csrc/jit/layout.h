/* layout.h - where the engine keeps what compiled code reads and writes; engine_jit.c.inc asserts
 * each number.
 */
#ifndef DEFERRED_JIT_LAYOUT_H
#define DEFERRED_JIT_LAYOUT_H

#define LAYOUT_MAP(AT)                                                                             \
    AT(VALUE_SIZE, 16, sizeof(JSValue))                                                            \
    AT(VALUE_TAG, 8, offsetof(JSValue, tag))                                                       \
    AT(OBJECT_CLASS, 18, offsetof(JSObject, class_id))                                             \
    AT(OBJECT_TYPED_ARRAY, 48, offsetof(JSObject, u.array.u1.typed_array))                         \
    AT(OBJECT_ELEMENTS, 56, offsetof(JSObject, u.array.u.ptr))                                     \
    AT(OBJECT_COUNT, 64, offsetof(JSObject, u.array.count))                                        \
    AT(OBJECT_PROPERTIES, 32, offsetof(JSObject, prop))                                            \
    AT(OBJECT_BUFFER, 48, offsetof(JSObject, u.array_buffer))                                      \
    AT(TYPED_ARRAY_BUFFER, 24, offsetof(JSTypedArray, buffer))                                     \
    AT(BUFFER_IMMUTABLE, 9, offsetof(JSArrayBuffer, immutable))                                    \
    AT(OBJECT_SHAPE, 24, offsetof(JSObject, shape))                                                \
    AT(SHAPE_PROPERTY_COUNT, 32, offsetof(JSShape, prop_count))                                    \
    AT(SHAPE_PROTOTYPE, 48, offsetof(JSShape, proto))                                              \
    AT(CONTEXT_PROTOTYPES, 88, offsetof(JSContext, class_proto))                                   \
    AT(VARIABLE_VALUE, 24, offsetof(JSVarRef, pvalue))                                             \
    AT(OBJECT_BYTECODE, 48, offsetof(JSObject, u.func.function_bytecode))                          \
    AT(OBJECT_OUTER, 56, offsetof(JSObject, u.func.var_refs))                                      \
    AT(BYTECODE_RECORD, 20, offsetof(JSFunctionBytecode, jit))                                     \
    AT(BYTECODE_CODE, 24, offsetof(JSFunctionBytecode, byte_code_buf))                             \
    AT(CLASS_FUNCTION, 13, JS_CLASS_BYTECODE_FUNCTION)                                             \
    AT(CLASS_ARRAY, 2, JS_CLASS_ARRAY)                                                             \
    AT(CLASS_UINT8C_ARRAY, 22, JS_CLASS_UINT8C_ARRAY)                                              \
    AT(CLASS_FLOAT64_ARRAY, 33, JS_CLASS_FLOAT64_ARRAY)                                            \
    AT(TAG_STRING, -7, JS_TAG_STRING)                                                              \
    AT(TAG_OBJECT, -1, JS_TAG_OBJECT)                                                              \
    AT(TAG_INT, 0, JS_TAG_INT)                                                                     \
    AT(TAG_BOOL, 1, JS_TAG_BOOL)                                                                   \
    AT(TAG_NULL, 2, JS_TAG_NULL)                                                                   \
    AT(TAG_UNDEFINED, 3, JS_TAG_UNDEFINED)                                                         \
    AT(TAG_UNINITIALIZED, 4, JS_TAG_UNINITIALIZED)                                                 \
    AT(TAG_FLOAT64, 8, JS_TAG_FLOAT64)

#define LAYOUT_NAME(name, number, is) LAYOUT_##name = (number),
enum { LAYOUT_MAP(LAYOUT_NAME) };
#undef LAYOUT_NAME

/* What compiled code calls: functions of C that run no code of a task's, and can't fail. Made known by the
 * engine (engine_jit.c.inc). */
typedef struct JitHelpers {
    void (*free_value)(void *context, void *pointer, long tag); /* whose count has become 0 */
    int (*char_code)(void *string, unsigned index);            /* in range */
    /* Adds an element to an array, at `index`, its count: the JitFrame's `value`, with this tag. false:
     * there would be more to it, and nothing happened. */
    int (*append)(void *frame, void *array, long tag, unsigned index);
    /* Calls a function, with `count` arguments that are on the frame's stack, from `first` on, and gives
     * them back; its result goes to `result`. JIT_RETURNED, or JIT_THREW: then function and arguments
     * are left where the interpreter has them. `where`: first << 16 | count. */
    uint32_t (*call)(void *frame, void *function, uint32_t where, void *result);
    /* Goes on with what compiled code began to call, and which did not simply return: `status` is what
     * it gave. As above. */
    uint32_t (*finish)(void *frame, void *called, uint32_t where, uint32_t status);
    /* Whether the globals are what this code takes them for. */
    uint32_t (*holds)(void *frame, const void *code);
    /* Releases `count` values of the frame's stack from `first` on. */
    void (*release)(void *frame, uint32_t where);
    double (*power)(double, double);
    double (*remainder)(double, double);
    double (*clamp)(double); /* to 0 .. 255, as a Uint8ClampedArray does */
} JitHelpers;
extern const JitHelpers jit_helpers;

/* C functions of the engine's that are compiled as something better than a call. */
typedef enum JitIntrinsic {
    JIT_MATH_UNARY = 1, /* double f(double) */
    JIT_MATH_BINARY,
    JIT_MATH_MIN,
    JIT_MATH_MAX,
    JIT_MATH_ABS,
    JIT_MATH_ROUND_DOWN, /* f of an integer is that integer, from here ... */
    JIT_MATH_ROUND_UP,
    JIT_MATH_ROUND_TO_ZERO,
    JIT_MATH_ROUND, /* ... to here */
    JIT_MATH_SQRT,
    JIT_MATH_IMUL,
    JIT_CHAR_CODE_AT,
} JitIntrinsic;

typedef struct JitKnown {
    JitIntrinsic intrinsic;
    double (*unary)(double);
    double (*binary)(double, double);
} JitKnown;

/* By the number that sites have; those below 2 are none. */
extern const JitKnown jit_known[];

#endif
