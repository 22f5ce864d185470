/**
 * What csrc/jit/ needs of the interpreter: a place to be asked, and nothing where it has not asked
 * for one.
 *
 * @module
 */

/** @type {readonly import("../edits.mjs").Edit[]} */
export const JIT = [
  {
    changes: [
      {
        file: "quickjs-opcode.h",
        find: `\
DEF( typeof_is_function, 1, 1, 1, none)
`,
        replace: `\
DEF( typeof_is_function, 1, 1, 1, none)

/* stands for another instruction, of whatever size: only in the bytecode of a
   function whose 'jit' says so */
DEF(            jit, 1, 0, 0, none)
`,
      },
      {
        file: "quickjs.c",
        find: `\
    uint8_t backtrace_barrier : 1; /* stop backtrace on this function */
    /* XXX: 5 bits available */
`,
        replace: `\
    uint8_t backtrace_barrier : 1; /* stop backtrace on this function */
    /* XXX: 5 bits available */
    uint32_t jit; /* which record is its own, 0 for none; in what was padding */
`,
      },
      {
        file: "quickjs.c",
        find: `\
    /* if NULL, eval is not supported */
    JSValue (*eval_internal)(JSContext *ctx, JSValueConst this_obj,
                             const char *input, size_t input_len,
                             const char *filename, int line, int flags, int scope_idx);
    void *user_opaque;
};
`,
        replace: `\
    /* if NULL, eval is not supported */
    JSValue (*eval_internal)(JSContext *ctx, JSValueConst this_obj,
                             const char *input, size_t input_len,
                             const char *filename, int line, int flags, int scope_idx);
    void *user_opaque;
    void *jit; /* the records of the program's functions */
    void *jit_task; /* a JitTask */
};
`,
      },
      {
        file: "quickjs.c",
        find: `\
static bool needs_backtrace(JSValue exc)
{
`,
        replace: `\
/* where to go on: with 'opcode', as if it stood at 'pc' */
typedef struct JSJitResume {
    JSValue *sp;
    uint8_t *pc;
    int opcode;
} JSJitResume;

static no_inline JSJitResume js_jit(JSContext *ctx, JSFunctionBytecode *b, JSStackFrame *sf,
                                    JSVarRef **var_refs, JSValue *sp, uint8_t *pc);
static no_inline void js_jit_unlink(JSFunctionBytecode *b);

/* in 'jit': there is compiled code for the function's start */
#define JS_JIT_CALLABLE 0x40000000
static no_inline JSValue js_jit_call(JSContext *ctx, JSObject *func, JSValueConst this_obj,
                                     int argc, JSValueConst *argv);

static bool needs_backtrace(JSValue exc)
{
`,
      },
      {
        file: "quickjs.c",
        find: `\
        CASE(OP_nop):
            BREAK;
        CASE(OP_is_undefined_or_null):
`,
        replace: `\
        CASE(OP_nop):
            BREAK;
        CASE(OP_jit):
            {
                JSJitResume resume = js_jit(ctx, b, sf, var_refs, sp, pc - 1);
                sp = resume.sp;
                pc = resume.pc + 1;
                opcode = resume.opcode;
                if (opcode == OP_jit) /* what was called there threw */
                    goto exception;
                __extension__ ({ goto *dispatch_table[opcode]; });
            }
        CASE(OP_is_undefined_or_null):
`,
      },
      {
        file: "quickjs.c",
        find: `\
            var_refs = p->u.func.var_refs;
            local_buf = arg_buf = sf->arg_buf;
`,
        replace: `\
            var_refs = p->u.func.var_refs;
            local_buf = arg_buf = sf->arg_buf;
            if (b->func_kind == JS_FUNC_NORMAL) /* begun by compiled code */
                local_buf = sf->var_buf;
`,
      },
      {
        file: "quickjs.c",
        find: `\
int JS_DefinePropertyValueInt64(JSContext *ctx, JSValueConst this_obj,
                                int64_t idx, JSValue val, int flags)
{
`,
        replace: `\
int JS_DefinePropertyValueInt64(JSContext *ctx, JSValueConst this_obj,
                                int64_t idx, JSValue val, int flags)
{
    if (JS_VALUE_GET_TAG(this_obj) == JS_TAG_OBJECT &&
        (flags & ~JS_PROP_THROW) == JS_PROP_C_W_E) {
        /* one more element of an array, as of what map gives */
        JSObject *p = JS_VALUE_GET_OBJ(this_obj);
        if (p->class_id == JS_CLASS_ARRAY && p->fast_array && p->extensible &&
            idx == p->u.array.count && idx < INT32_MAX &&
            JS_VALUE_GET_TAG(p->prop[0].u.value) == JS_TAG_INT &&
            get_shape_prop(p->shape)->flags & JS_PROP_WRITABLE)
            return add_fast_array_element(ctx, p, val, flags);
    }
`,
      },
      {
        file: "quickjs.c",
        find: `\
JSValue JS_Call(JSContext *ctx, JSValueConst func_obj, JSValueConst this_obj,
                int argc, JSValueConst *argv)
{
`,
        replace: `\
/* a part of whatever calls, as it is where it only passes on */
inline __attribute__((always_inline))
JSValue JS_Call(JSContext *ctx, JSValueConst func_obj, JSValueConst this_obj,
                int argc, JSValueConst *argv)
{
    if (JS_VALUE_GET_TAG(func_obj) == JS_TAG_OBJECT) {
        JSObject *p = JS_VALUE_GET_OBJ(func_obj);
        if (p->class_id == JS_CLASS_BYTECODE_FUNCTION &&
            unlikely(p->u.func.function_bytecode->jit & JS_JIT_CALLABLE))
            return js_jit_call(ctx, p, this_obj, argc, argv);
    }
`,
      },
      {
        file: "quickjs.c",
        find: `\
    int i;

    if (b->byte_code_buf)
        free_bytecode_atoms(rt, b->byte_code_buf, b->byte_code_len, true);
`,
        replace: `\
    int i;

    if (b->jit)
        js_jit_unlink(b);
    if (b->byte_code_buf)
        free_bytecode_atoms(rt, b->byte_code_buf, b->byte_code_len, true);
`,
      },
    ],
    why:
      "Compiled code is entered where a task's copy of the bytecode says so, by an instruction " +
      "of its own; the interpreter pays nothing for a function that has none, and nothing at all " +
      "without a JIT.",
    upstream: "None: a JIT would need more of them.",
  },
];
