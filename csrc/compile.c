/* compile.c - see compile.h */
#include "compile.h"

#include <string.h>

#include "clone.h"
#include "deferred.h"
#include "engine.h"
#include "engine_values.h"
#include "guard.h"
#include "modules.h"

/* The globals a script uses: name -> whether it is probed by typeof, kept as a JS object
 * { name: true | false } without a prototype, in the order of first use. */
typedef struct Uses {
    JSValue names;
    JSValueConst global;
    JSAtom eval;
    bool evaluates; /* `eval` is among them */
    bool failed;
} Uses;

static void compile_note_use(JSContext *ctx, JSAtom name, EngineUse use, void *opaque) {
    Uses *uses = opaque;
    if (name == uses->eval) uses->evaluates = true;
    int known = JS_HasProperty(ctx, uses->names, name);
    int defined = known > 0 ? 0 : JS_HasProperty(ctx, uses->global, name);
    if (known < 0 || defined < 0) uses->failed = true;
    if (defined || (known && use != ENGINE_TYPEOF)) return;
    if (JS_SetProperty(ctx, uses->names, name, JS_NewBool(ctx, use == ENGINE_TYPEOF)) < 0)
        uses->failed = true;
}

/* What is told is defined, not set: a pool's classes may have put setters on the prototypes. */
static void compile_append(JSContext *ctx, JSValueConst list, uint32_t index, JSValue value) {
    JS_DefinePropertyValueUint32(ctx, list, index, value, JS_PROP_C_W_E);
}

static void compile_define(JSContext *ctx, JSValueConst reply, const char *name, JSValue value) {
    JS_DefinePropertyValueStr(ctx, reply, name, value, JS_PROP_C_W_E);
}

/* The names that are used but defined nowhere. Those that are `probed`, with typeof, are told
 * apart: the code knows that they may be missing. */
static JSValue compile_names(JSContext *ctx, const Uses *uses, bool probed) {
    JSValue list = JS_NewArray(ctx);
    JSPropertyEnum *names = NULL;
    uint32_t count = 0, length = 0;
    if (uses->failed || JS_GetOwnPropertyNames(ctx, &names, &count, uses->names,
                                               JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY))
        return JS_EXCEPTION;
    for (uint32_t i = 0; i < count; i++) {
        JSValue is_probed = JS_GetProperty(ctx, uses->names, names[i].atom);
        if (JS_ToBool(ctx, is_probed) == probed)
            compile_append(ctx, list, length++, JS_AtomToString(ctx, names[i].atom));
    }
    return list;
}

/* What a function takes from around it. Code that calls eval takes all, in case the evaluated code
 * should want it: that is not held against it. */
static JSValue compile_outer_names(JSContext *ctx, JSValueConst function, const Uses *uses) {
    static const char *const captured[] = {"this", "new.target"};
    JSValue list = JS_NewArray(ctx);
    uint32_t length = 0;
    for (size_t i = 0; i < sizeof captured / sizeof *captured && !uses->evaluates; i++)
        if (engine_captures(ctx, function, captured[i]))
            compile_append(ctx, list, length++, JS_NewString(ctx, captured[i]));
    if (engine_uses_super(function) && !uses->evaluates)
        compile_append(ctx, list, length++, JS_NewString(ctx, "super"));
    JSAtom name = engine_outer_private_name(ctx, function);
    if (name != JS_ATOM_NULL) compile_append(ctx, list, length++, JS_AtomToString(ctx, name));
    return list;
}

/* [name, global, name, global, ...] */
typedef struct Given {
    JSValue list;
    uint32_t length;
} Given;

static void compile_note_given(JSContext *ctx, JSAtom name, JSAtom global, void *opaque) {
    Given *given = opaque;
    compile_append(ctx, given->list, given->length++, JS_AtomToString(ctx, name));
    compile_append(ctx, given->list, given->length++, JS_AtomToString(ctx, global));
}

static JSValue compile_given(JSContext *ctx, JSValueConst function) {
    Given given = {JS_NewArray(ctx), 0};
    engine_each_given(ctx, function, compile_note_given, &given);
    return given.list;
}

/* `code` is the whole script, or of it the function alone; `at` is a member's number, or -1. */
static JSValue compile_describe(JSContext *ctx, JSValueConst code, JSValueConst function, int at) {
    Uses uses = {
        .names = JS_NewObjectProto(ctx, JS_NULL),
        .global = JS_GetGlobalObject(ctx),
        .eval = JS_NewAtom(ctx, "eval"),
    };
    JSValue reply = JS_NewObject(ctx);
    engine_each_global(ctx, code, compile_note_use, &uses);
    compile_define(ctx, reply, "free", compile_names(ctx, &uses, false));
    compile_define(ctx, reply, "probed", compile_names(ctx, &uses, true));
    compile_define(ctx, reply, "outer", compile_outer_names(ctx, function, &uses));
    compile_define(ctx, reply, "kind", JS_NewString(ctx, engine_function_kind(function)));
    if (at >= 0) compile_define(ctx, reply, "at", JS_NewInt32(ctx, at));
    JSAtom hidden = engine_private_name(function);
    if (hidden != JS_ATOM_NULL) compile_define(ctx, reply, "hidden", JS_AtomToString(ctx, hidden));
    return reply;
}

/* Into *program; NULL when there is no memory. */
static void compile_write_program(JSContext *ctx, JSValueConst script, int member,
                                  Program **program) {
    size_t size;
    uint8_t *bytecode =
        JS_WriteObject(ctx, &size, script, JS_WRITE_OBJ_BYTECODE | JS_WRITE_OBJ_STRIP_SOURCE);
    if (!bytecode) return;
    guard_critical_enter(); /* until the caller has it */
    *program = program_new(bytecode, size, member);
    guard_critical_leave();
}

/* What is between the first line of a source and its last; all of it if there are no three. */
static const char *compile_text_of(const char *source, size_t *length) {
    const char *first = memchr(source, '\n', *length);
    const char *last = source + *length;
    while (last > source && *--last != '\n') continue;
    if (!first || first >= last) return source;
    *length = (size_t)(last - first - 1);
    return first + 1;
}

int compile_module(JSContext *ctx, const char *source, size_t length, uint32_t flags,
                   Bytes *reply) {
    CloneFailure failure;
    int status = 0;
    int32_t language =
        flags & DFD_COMPILE_TYPESCRIPT ? DFD_LANGUAGE_TYPESCRIPT : DFD_LANGUAGE_JAVASCRIPT;
    JSValue value = modules_list_requests(ctx, source, length, language);
    if (JS_IsException(value)) {
        value = JS_GetException(ctx);
        if (engine_is_range_error(ctx, value)) status = DFD_STATUS_STACK;
    }
    if (clone_encode(ctx, value, reply, NULL, &failure) != CLONE_OK) reply->failed = true;
    return status;
}

int compile_function(JSContext *ctx, const char *source, size_t length, uint32_t flags,
                     Bytes *reply, Program **program) {
    /* The engine reads one byte past the source, which must be 0. */
    char *text = js_malloc(ctx, length + 1);
    memcpy(text, source, length);
    text[length] = 0;
    JSEvalOptions options = {
        .version = JS_EVAL_OPTIONS_VERSION,
        .eval_flags = JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_COMPILE_ONLY |
                      (flags & DFD_COMPILE_STRICT ? JS_EVAL_FLAG_STRICT : 0),
        .filename = PROGRAM_FILE,
        .line_num = 1,
    };
    CloneFailure failure;
    JSValue script = JS_Eval2(ctx, text, length, &options);
    bool refused = JS_IsException(script), member = flags & DFD_COMPILE_MEMBER;
    int at = -1, status = 0;
    JSValue value;
    if (refused) {
        value = JS_GetException(ctx);
        /* all else that a text is refused for is a SyntaxError */
        if (engine_is_range_error(ctx, value)) status = DFD_STATUS_STACK;
    } else {
        size_t own_length = length;
        const char *own = compile_text_of(source, &own_length);
        JSValueConst function = engine_find_function(script, own, own_length, &at);
        /* Of a member's text the key is not evaluated, and what it uses is not needed. */
        value = compile_describe(ctx, member ? function : script, function, member ? at : -1);
        if (flags & DFD_COMPILE_GIVEN)
            compile_define(ctx, value, "given", compile_given(ctx, function));
    }
    if (clone_encode(ctx, value, reply, NULL, &failure) != CLONE_OK)
        reply->failed = true;
    else if (!refused) {
        compile_write_program(ctx, script, member ? at : -1, program);
        if (!*program) {
            reply->failed = reply->starved = true;
        } else if (flags & DFD_COMPILE_ENCLOSED) {
            (*program)->enclosed = true;
            (*program)->outer_count = flags / DFD_COMPILE_OUTER_VALUE;
        }
    }
    return status;
}
