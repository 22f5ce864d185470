/* modules.c - see modules.h
 *
 * Loading (ECMA-262, LoadRequestedModules): a want visits the module that it is of, and all that
 * this reaches. It counts the requests that have no answer yet, and each of these knows the wants
 * that wait for it. What was visited by a want that has got all is complete, and not visited again.
 * There is no recursion: what is to be visited lies on a stack of its own.
 *
 * Linking and evaluating run code, which may import in its turn: modules, wants and requests are
 * found anew by their numbers after that.
 */
#include "modules.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "clone_stack.h"
#include "deferred.h"
#include "engine_modules.h"
#include "engine_values.h"
#include "loop.h"
#include "program.h"
#include "units.h"

/* A want that waits for a request, in a list of the request's. */
typedef struct Waiter {
    struct Waiter *next;
    uint32_t want;
} Waiter;

typedef struct Request {
    uint32_t target; /* the module that it is for, or NO_MODULE */
    bool asked;      /* the host was, and has not answered */
    Waiter *waiters; /* if it was */
} Request;

typedef enum ModuleState { MODULE_NONE, MODULE_FAILED, MODULE_LOADED, MODULE_COMPLETE } ModuleState;

struct Module {
    ModuleState state;
    JSValue record;    /* the engine's, if it is LOADED or COMPLETE */
    JSValue error;     /* if it FAILED */
    Request *requests; /* as many as the record has */
    JSValue links;     /* what the host says of them beforehand, until that was heeded */
};

struct Name {
    JSAtom name;
    uint32_t module;
};

struct Want {
    JSValue settle[2]; /* JS_UNDEFINED: it is settled */
    uint32_t module;
    uint32_t missing; /* answers */
    uint8_t *visited; /* by number, as long as it is not settled */
    uint32_t visited_count;
    bool is_program;
};

/* More than a realm has room for. */
#define NO_MODULE (1u << 24)

/* What was visited last is visited first. */
typedef struct Stack {
    uint32_t *numbers;
    uint32_t count, capacity;
} Stack;

static void modules_visit(JSContext *ctx, Modules *modules, uint32_t want, uint32_t number);

void modules_begin(Modules *modules) { *modules = (Modules){0}; }

/* The arena never returns NULL: a task with too little memory is left. */
static void *modules_grow(JSContext *ctx, void *list, uint32_t *capacity, uint32_t count,
                          size_t size) {
    if (count <= *capacity) return list;
    uint32_t room = *capacity ? *capacity : 8;
    while (room < count) room *= 2;
    *capacity = room;
    return js_realloc(ctx, list, room * size);
}

/* Makes room for a module of that number. */
static Module *modules_reserve(JSContext *ctx, Modules *modules, uint32_t number) {
    uint32_t capacity = modules->capacity;
    modules->modules =
        modules_grow(ctx, modules->modules, &modules->capacity, number + 1, sizeof(Module));
    if (capacity < modules->capacity)
        modules->files.names =
            js_realloc(ctx, modules->files.names, modules->capacity * sizeof(JSValue));
    for (; modules->count <= number; modules->count++) {
        modules->modules[modules->count] =
            (Module){.record = JS_UNDEFINED, .error = JS_UNDEFINED, .links = JS_UNDEFINED};
        modules->files.names[modules->count] = JS_UNDEFINED;
    }
    modules->files.count = modules->count;
    return &modules->modules[number];
}

/* --- from text to a module ----------------------------------------------------------------- */

typedef struct Source {
    JSValueConst text, file, url; /* `file` may be undefined */
    int32_t language;             /* DFD_LANGUAGE_* */
    JSValue stripped;             /* the text, of TypeScript with blanks in place of types; once */
    JSValue complaint;            /* an error, if it could not be read for that */
} Source;

/* Strips TypeScript's types, if it is that. What can't be read for that may still be JavaScript. An
 * exception if there is more in it than types. Runs a unit (realm/typescript.js), which code may
 * have broken for itself. */
static bool modules_strip(JSContext *ctx, Source *source) {
    if (!JS_IsUndefined(source->stripped)) return true; /* it was tried as a script before */
    source->stripped = JS_DupValue(ctx, source->text);
    if (source->language != DFD_LANGUAGE_TYPESCRIPT) return true;
    JSValue said = units_call(ctx, UNITS_typescript, "strip", 1, &source->text);
    if (JS_IsException(said)) return false;
    if (JS_IsString(said)) {
        JS_FreeValue(ctx, source->stripped);
        source->stripped = said;
        return true;
    }
    static const char *const names[] = {"message", "row", "column"};
    JSValueConst parts[3] = {JS_UNDEFINED, JS_UNDEFINED, JS_UNDEFINED};
    for (int i = 0; i < 3 && JS_IsObject(said); i++)
        engine_own_value(ctx, said, names[i], &parts[i]);
    if (!JS_IsString(parts[0]) || JS_VALUE_GET_TAG(parts[1]) != JS_TAG_INT ||
        JS_VALUE_GET_TAG(parts[2]) != JS_TAG_INT) {
        JS_FreeValue(ctx, said);
        JS_ThrowTypeError(ctx, "the code has broken what strips its types");
        return false;
    }
    const char *message = JS_ToCString(ctx, parts[0]);
    JS_ThrowSyntaxError(ctx, "%s", message ? message : "");
    JS_FreeCString(ctx, message);
    source->complaint = JS_GetException(ctx);
    JSValue name = JS_IsString(source->file) ? JS_DupValue(ctx, source->file)
                                             : JS_NewString(ctx, PROGRAM_FILE);
    engine_blame(ctx, source->complaint, name, (uint32_t)JS_VALUE_GET_INT(parts[1]),
                 (uint32_t)JS_VALUE_GET_INT(parts[2]));
    JS_FreeValue(ctx, name);
    bool more = engine_own_value(ctx, said, "more", &parts[0]);
    JS_FreeValue(ctx, said);
    if (more) JS_Throw(ctx, JS_DupValue(ctx, source->complaint));
    return !more;
}

/* What is to be said of a text that the engine refused by an error; takes that. */
static JSValue modules_complaint(JSContext *ctx, const Source *source, JSValue error) {
    if (JS_IsUndefined(source->complaint)) return error;
    JS_FreeValue(ctx, error);
    return JS_DupValue(ctx, source->complaint);
}

/* The name that the engine has for a file. To be freed by JS_FreeCString, unless it is
 * PROGRAM_FILE. */
static const char *modules_file(JSContext *ctx, JSValueConst file) {
    return JS_IsString(file) ? JS_ToCString(ctx, file) : PROGRAM_FILE;
}

/* The function that a CommonJS module is the body of. The lines in front of it count as -1 and 0.
 */
static JSValue modules_function(JSContext *ctx, const char *body, size_t length, const char *file) {
    static const char head[] = "(function (exports, require, module, __filename, __dirname) {\n\n";
    static const char tail[] = "\n})";
    char *text = js_malloc(ctx, sizeof head + length + sizeof tail);
    char *end = text;
    memcpy(end, head, sizeof head - 1);
    end += sizeof head - 1;
    memcpy(end, body, length);
    end += length;
    memcpy(end, tail, sizeof tail); /* with its NUL */
    end += sizeof tail - 1;
    JSEvalOptions options = {
        .version = JS_EVAL_OPTIONS_VERSION,
        .eval_flags = JS_EVAL_TYPE_GLOBAL,
        .filename = file,
        .line_num = -1,
    };
    JSValue function = JS_Eval2(ctx, text, (size_t)(end - text), &options);
    js_free(ctx, text);
    return function;
}

static JSValue modules_parse(JSContext *ctx, const Source *source, const char *file) {
    size_t length;
    const char *text = JS_ToCStringLen(ctx, &length, source->stripped);
    if (!text) return JS_EXCEPTION;
    JSValue value;
    switch (source->language) {
    case DFD_LANGUAGE_JSON:
        value = JS_ParseJSON(ctx, text, length, file);
        break;
    case DFD_LANGUAGE_TEXT:
        value = JS_DupValue(ctx, source->stripped);
        break;
    case DFD_LANGUAGE_COMMONJS:
        value = modules_function(ctx, text, length, file);
        break;
    default:
        value = engine_module_compile(ctx, text, length, file);
        JS_FreeCString(ctx, text);
        return value;
    }
    JS_FreeCString(ctx, text);
    return JS_IsException(value) ? value : engine_module_of(ctx, value, file);
}

/* Compiles a module, which is then LOADED, or FAILED. */
static void modules_compile(JSContext *ctx, Modules *modules, uint32_t number, Source *source) {
    const char *file = modules_file(ctx, source->file);
    JSValue record =
        file && modules_strip(ctx, source) ? modules_parse(ctx, source, file) : JS_EXCEPTION;
    bool fine = !JS_IsException(record) &&
                engine_module_set_url(ctx, record, JS_DupValue(ctx, source->url));
    if (file && JS_IsString(source->file)) JS_FreeCString(ctx, file);
    Module *module = modules_reserve(ctx, modules, number);
    if (JS_IsString(source->file)) modules->files.names[number] = JS_DupValue(ctx, source->file);
    module->state = fine ? MODULE_LOADED : MODULE_FAILED;
    if (!fine) {
        module->error = modules_complaint(ctx, source, JS_GetException(ctx));
        return;
    }
    uint32_t count = engine_module_requests(record);
    module->record = record;
    if (count > 0) {
        module->requests = js_malloc(ctx, count * sizeof *module->requests);
        for (uint32_t i = 0; i < count; i++) module->requests[i] = (Request){.target = NO_MODULE};
    }
}

/* --- wants --------------------------------------------------------------------------------- */

static uint32_t modules_want(JSContext *ctx, Modules *modules, const JSValue settle[2],
                             bool is_program) {
    modules->wants = modules_grow(ctx, modules->wants, &modules->want_capacity,
                                  modules->want_count + 1, sizeof(Want));
    modules->wants[modules->want_count] = (Want){
        .settle = {JS_DupValue(ctx, settle[0]), JS_DupValue(ctx, settle[1])},
        .is_program = is_program,
    };
    return modules->want_count++;
}

static bool modules_is_settled(const Modules *modules, uint32_t want) {
    return JS_IsUndefined(modules->wants[want].settle[0]);
}

static void modules_forget_visits(JSContext *ctx, Want *want) {
    js_free(ctx, want->visited);
    want->visited = NULL;
    want->visited_count = 0;
}

/* Settles a want, unless it is. */
static void modules_settle(JSContext *ctx, Modules *modules, uint32_t want, bool threw,
                           JSValueConst value) {
    if (modules_is_settled(modules, want)) return;
    JSValue settle[2];
    memcpy(settle, modules->wants[want].settle, sizeof settle);
    modules->wants[want].settle[0] = modules->wants[want].settle[1] = JS_UNDEFINED;
    modules_forget_visits(ctx, &modules->wants[want]);
    JSValue result = JS_Call(ctx, settle[threw], JS_UNDEFINED, 1, &value);
    JS_FreeValue(ctx, result);
    JS_FreeValue(ctx, settle[0]);
    JS_FreeValue(ctx, settle[1]);
}

/* As modules_settle, by the exception that is pending. */
static void modules_fail(JSContext *ctx, Modules *modules, uint32_t want) {
    JSValue error = JS_GetException(ctx);
    modules_settle(ctx, modules, want, true, error);
    JS_FreeValue(ctx, error);
}

/* What a want is fulfilled with, once its module was evaluated: of the program, as that of a
 * script; else the namespace. */
static JSValue modules_value(JSContext *ctx, const Modules *modules, uint32_t want) {
    JSValueConst record = modules->modules[modules->wants[want].module].record;
    if (!modules->wants[want].is_program) return engine_module_namespace(ctx, record);
    JSValue result = engine_module_result(ctx, record);
    if (JS_IsException(result)) return result;
    JSValue holder = JS_NewObjectProto(ctx, JS_NULL);
    JS_DefinePropertyValueStr(ctx, holder, "value", result, JS_PROP_C_W_E);
    return holder;
}

/* A module's promise is settled. `data`: the want. */
static JSValue modules_on_evaluated(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv,
                                    int threw, JSValueConst *data) {
    Modules *modules = &loop_of(ctx)->modules;
    uint32_t want = (uint32_t)JS_VALUE_GET_INT(data[0]);
    (void)self;
    if (threw) {
        modules_settle(ctx, modules, want, true, argc > 0 ? argv[0] : JS_UNDEFINED);
        return JS_UNDEFINED;
    }
    JSValue value = modules_value(ctx, modules, want);
    if (JS_IsException(value)) {
        modules_fail(ctx, modules, want);
    } else {
        modules_settle(ctx, modules, want, false, value);
        JS_FreeValue(ctx, value);
    }
    return JS_UNDEFINED;
}

/* Links and evaluates what a want is of: all of it is there. Runs code. */
static void modules_evaluate(JSContext *ctx, Modules *modules, uint32_t want) {
    JSValueConst record = modules->modules[modules->wants[want].module].record;
    JSValue promise = engine_module_evaluate(ctx, record);
    if (JS_IsException(promise)) {
        modules_fail(ctx, modules, want);
        return;
    }
    JSValueConst data = JS_MKVAL(JS_TAG_INT, (int32_t)want);
    JSValue heed[2];
    for (int threw = 0; threw < 2; threw++)
        heed[threw] = JS_NewCFunctionData(ctx, modules_on_evaluated, 1, threw, 1, &data);
    JSValue rest = JS_PromiseThen(ctx, promise, heed[0], heed[1]);
    JS_FreeValue(ctx, rest);
    JS_FreeValue(ctx, heed[0]);
    JS_FreeValue(ctx, heed[1]);
    JS_FreeValue(ctx, promise);
}

/* --- asking the host ----------------------------------------------------------------------- */

/* Who asks, in the magic of what its answer is given to: bits. */
enum { ASK_THREW = 1, ASK_WANT = 2 };

/* The number of a module, of which it is to be `known` whether it is there or not. NO_MODULE, with
 * an exception pending, if that makes no sense. */
static uint32_t modules_number(JSContext *ctx, const Modules *modules, JSValueConst said,
                               bool known) {
    uint32_t number = NO_MODULE;
    if (JS_VALUE_GET_TAG(said) == JS_TAG_INT && JS_VALUE_GET_INT(said) >= 0)
        number = (uint32_t)JS_VALUE_GET_INT(said);
    bool is_there = number < modules->count && modules->modules[number].state != MODULE_NONE;
    if (number < NO_MODULE && is_there == known) return number;
    JS_ThrowTypeError(ctx, "the host answered an import with no module");
    return NO_MODULE;
}

/* Compiles a module that the host says something of. As modules_number. */
static uint32_t modules_take_one(JSContext *ctx, Modules *modules, JSValueConst said) {
    JSValue parts[6] = {JS_UNDEFINED, JS_UNDEFINED, JS_UNDEFINED,
                        JS_UNDEFINED, JS_UNDEFINED, JS_UNDEFINED};
    enum { NUMBER, FILE_NAME, URL, LANGUAGE, TEXT, LINKS };
    for (uint32_t i = 0; i < 6 && JS_IsArray(said); i++)
        parts[i] = JS_GetPropertyUint32(ctx, said, i);
    uint32_t number = modules_number(ctx, modules, parts[NUMBER], false);
    if (number != NO_MODULE && JS_IsString(parts[FILE_NAME]) && JS_IsString(parts[TEXT]) &&
        JS_VALUE_GET_TAG(parts[LANGUAGE]) == JS_TAG_INT && JS_IsArray(parts[LINKS])) {
        Source source = {parts[TEXT],  parts[FILE_NAME],
                         parts[URL],   JS_VALUE_GET_INT(parts[LANGUAGE]),
                         JS_UNDEFINED, JS_UNDEFINED};
        modules_compile(ctx, modules, number, &source);
        modules->modules[number].links = JS_DupValue(ctx, parts[LINKS]);
    } else if (number != NO_MODULE) {
        JS_ThrowTypeError(ctx, "the host answered an import with half a module");
        number = NO_MODULE;
    }
    for (uint32_t i = 0; i < 6; i++) JS_FreeValue(ctx, parts[i]);
    return number;
}

/* An element of an array, held by it. */
static JSValueConst modules_part(JSContext *ctx, JSValueConst array, uint32_t index) {
    JSValue part = JS_GetPropertyUint32(ctx, array, index);
    JS_FreeValue(ctx, part);
    return part;
}

/* Of an array that the host gave; behind its end there may be code, on Array.prototype. */
static uint32_t modules_length(JSContext *ctx, JSValueConst array) {
    int64_t length = 0;
    if (JS_IsArray(array)) JS_GetLength(ctx, array, &length);
    return (uint32_t)length;
}

static bool modules_is_same(JSContext *ctx, JSValueConst string, JSAtom atom) {
    JSAtom other = JS_ValueToAtom(ctx, string);
    JS_FreeAtom(ctx, other);
    return other == atom;
}

/* Whether a request is for that specifier with that import attribute `type`, or "". */
static bool modules_asks(JSContext *ctx, const EngineRequest *request, JSAtom specifier,
                         JSAtom type) {
    JSValueConst given = JS_UNDEFINED;
    if (request->specifier != specifier) return false;
    if (JS_IsObject(request->attributes))
        engine_own_value(ctx, request->attributes, "type", &given);
    if (JS_IsString(given)) return modules_is_same(ctx, given, type);
    JSValue none = JS_NewString(ctx, "");
    bool same = modules_is_same(ctx, none, type);
    JS_FreeValue(ctx, none);
    return same;
}

static void modules_resolve(Modules *modules, uint32_t from, uint32_t index, uint32_t number) {
    const Module *target = &modules->modules[number];
    modules->modules[from].requests[index].target = number;
    /* One that failed is told when it is visited. */
    if (target->state != MODULE_FAILED)
        engine_module_resolve(modules->modules[from].record, index, target->record);
}

/* Heeds the links of a module: all that they are to is there. They have the order of its requests,
 * most often. false with an exception pending. */
static bool modules_link(JSContext *ctx, Modules *modules, uint32_t from) {
    const Module *module = &modules->modules[from];
    JSValue links = module->links;
    uint32_t count = modules_length(ctx, links), next = 0;
    modules->modules[from].links = JS_UNDEFINED;
    bool fine = true;
    uint32_t requests = module->requests ? engine_module_requests(module->record) : 0;
    for (uint32_t i = 0; i + 3 <= count && requests > 0 && fine; i += 3) {
        JSAtom name = JS_ValueToAtom(ctx, modules_part(ctx, links, i));
        JSAtom type = JS_ValueToAtom(ctx, modules_part(ctx, links, i + 1));
        uint32_t number = modules_number(ctx, modules, modules_part(ctx, links, i + 2), true);
        fine = number != NO_MODULE;
        for (uint32_t tried = 0; tried < requests && fine; tried++, next++) {
            if (next >= requests) next = 0;
            EngineRequest request = engine_module_request(module->record, next);
            if (!modules_asks(ctx, &request, name, type)) continue;
            modules_resolve(modules, from, next++, number);
            break;
        }
        JS_FreeAtom(ctx, name);
        JS_FreeAtom(ctx, type);
    }
    JS_FreeValue(ctx, links);
    return fine;
}

/* The module that an answer is of, by its number: compiled, with the others that come along, if it
 * is there for the first time. NO_MODULE, with an exception pending, if it says nothing that makes
 * sense. */
static uint32_t modules_take(JSContext *ctx, Modules *modules, JSValueConst answer) {
    if (!JS_IsArray(answer)) return modules_number(ctx, modules, answer, true);
    uint32_t first = NO_MODULE, count = modules_length(ctx, answer);
    uint32_t *taken = js_malloc(ctx, ((size_t)count + 1) * sizeof *taken);
    bool fine = true;
    for (uint32_t i = 0; i < count && fine; i++) {
        taken[i] = modules_take_one(ctx, modules, modules_part(ctx, answer, i));
        fine = taken[i] != NO_MODULE;
    }
    for (uint32_t i = 0; i < count && fine; i++) fine = modules_link(ctx, modules, taken[i]);
    if (count == 0) JS_ThrowTypeError(ctx, "the host answered an import with no module");
    if (count > 0 && fine) first = taken[0];
    js_free(ctx, taken);
    return first;
}

/* An answer to a request of a module, for all that wait for it. Each may run code. */
static void modules_answer_request(JSContext *ctx, Modules *modules, uint32_t from, uint32_t index,
                                   uint32_t number, JSValueConst error) {
    Request *request = &modules->modules[from].requests[index];
    Waiter *waiter = request->waiters;
    request->waiters = NULL;
    request->asked = false;
    if (number != NO_MODULE && modules->modules[number].state == MODULE_FAILED) {
        error = modules->modules[number].error;
    } else if (number != NO_MODULE) {
        modules_resolve(modules, from, index, number);
    }
    bool failed = request->target == NO_MODULE;
    JSValue reason = JS_DupValue(ctx, error);
    while (waiter) {
        uint32_t want = waiter->want;
        Waiter *next = waiter->next;
        js_free(ctx, waiter);
        modules->wants[want].missing--;
        if (failed)
            modules_settle(ctx, modules, want, true, reason);
        else if (!modules_is_settled(modules, want))
            modules_visit(ctx, modules, want, number);
        waiter = next;
    }
    JS_FreeValue(ctx, reason);
}

/* `data`: from which module and the number of its request, or the want; and where that stands. */
static JSValue modules_on_answer(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv,
                                 int magic, JSValueConst *data) {
    Modules *modules = &loop_of(ctx)->modules;
    uint32_t from = (uint32_t)JS_VALUE_GET_INT(data[0]), number = NO_MODULE;
    JSValue error = JS_UNDEFINED;
    (void)self;
    if (magic & ASK_THREW) {
        error = JS_DupValue(ctx, argc > 0 ? argv[0] : JS_UNDEFINED);
    } else {
        number = modules_take(ctx, modules, argc > 0 ? argv[0] : JS_UNDEFINED);
        if (number == NO_MODULE) error = JS_GetException(ctx);
    }
    if (number == NO_MODULE && JS_IsString(data[2]))
        engine_blame(ctx, error, data[2], (uint32_t)JS_VALUE_GET_INT(data[3]),
                     (uint32_t)JS_VALUE_GET_INT(data[4]));
    if (!(magic & ASK_WANT)) {
        modules_answer_request(ctx, modules, from, (uint32_t)JS_VALUE_GET_INT(data[1]), number,
                               error);
    } else if (number == NO_MODULE) {
        modules_settle(ctx, modules, from, true, error);
    } else {
        modules->wants[from].module = number;
        modules->wants[from].missing--;
        modules_visit(ctx, modules, from, number);
    }
    JS_FreeValue(ctx, error);
    return JS_UNDEFINED;
}

/* Where an import stands, and what it says. */
typedef struct Ask {
    uint32_t importer;
    JSValueConst specifier, attributes;
    uint32_t row, column;
} Ask;

/* The name of a file in stacks; the caller's. */
static JSValue modules_name(JSContext *ctx, const Modules *modules, uint32_t number) {
    JSValue name = number < modules->count ? modules->files.names[number] : JS_UNDEFINED;
    return JS_IsString(name) ? JS_DupValue(ctx, name) : JS_NewString(ctx, PROGRAM_FILE);
}

/* Asks the host for a module: for the request `index` of the module `from`, or the want `from`. */
static void modules_ask(JSContext *ctx, Modules *modules, const Ask *ask, uint32_t from,
                        uint32_t index, int magic) {
    JSValue file = modules_name(ctx, modules, ask->importer);
    JSValueConst data[] = {
        JS_MKVAL(JS_TAG_INT, (int32_t)from),        JS_MKVAL(JS_TAG_INT, (int32_t)index),
        ask->row > 0 ? file : JS_UNDEFINED,         JS_MKVAL(JS_TAG_INT, (int32_t)ask->row),
        JS_MKVAL(JS_TAG_INT, (int32_t)ask->column),
    };
    JSValue settle[2];
    for (int threw = 0; threw < 2; threw++)
        settle[threw] = JS_NewCFunctionData(ctx, modules_on_answer, 1, magic | threw, 5, data);
    JS_FreeValue(ctx, file);
    bool is_module = modules->count > 0 && modules->modules[0].state != MODULE_NONE;
    JSValueConst args[] = {
        JS_MKVAL(JS_TAG_INT, (int32_t)ask->importer),
        ask->specifier,
        ask->attributes,
        data[3],
        data[4],
        JS_MKVAL(JS_TAG_BOOL, is_module),
    };
    calls_ask(ctx, &loop_of(ctx)->calls, 6, args, settle);
}

/* The error of an import that nobody can serve; the caller's. */
static JSValue modules_refusal(JSContext *ctx, const Modules *modules, const Ask *ask) {
    const char *specifier = JS_ToCString(ctx, ask->specifier);
    JS_ThrowReferenceError(ctx, "could not load module '%s'", specifier ? specifier : "");
    JS_FreeCString(ctx, specifier);
    JSValue error = JS_GetException(ctx);
    if (ask->row > 0) {
        JSValue file = modules_name(ctx, modules, ask->importer);
        engine_blame(ctx, error, file, ask->row, ask->column);
        JS_FreeValue(ctx, file);
    }
    return error;
}

/* --- visiting ------------------------------------------------------------------------------ */

static void modules_push(JSContext *ctx, Stack *stack, uint32_t number) {
    stack->numbers =
        modules_grow(ctx, stack->numbers, &stack->capacity, stack->count + 1, sizeof(uint32_t));
    stack->numbers[stack->count++] = number;
}

/* Has a want wait for a request, which is asked for unless it was. false if nobody can be asked. */
static bool modules_await(JSContext *ctx, Modules *modules, uint32_t want, uint32_t number,
                          uint32_t index) {
    Module *module = &modules->modules[number];
    EngineRequest known = engine_module_request(module->record, index);
    JSValue specifier = JS_AtomToString(ctx, known.specifier);
    Ask ask = {number, specifier, known.attributes, known.row, known.column};
    bool loads = modules->loads;
    if (loads) {
        Request *request = &module->requests[index];
        Waiter *waiter = js_malloc(ctx, sizeof *waiter);
        *waiter = (Waiter){.next = request->waiters, .want = want};
        request->waiters = waiter;
        modules->wants[want].missing++;
        bool asked = request->asked;
        request->asked = true;
        if (!asked) modules_ask(ctx, modules, &ask, number, index, 0);
    } else {
        JSValue error = modules_refusal(ctx, modules, &ask);
        modules_settle(ctx, modules, want, true, error);
        JS_FreeValue(ctx, error);
    }
    JS_FreeValue(ctx, specifier);
    return loads;
}

/* Marks a module as visited by a want; false if it was, or need not be. */
static bool modules_mark(JSContext *ctx, const Modules *modules, Want *want, uint32_t number) {
    if (modules->modules[number].state == MODULE_COMPLETE) return false;
    if (number >= want->visited_count) {
        uint32_t count = modules->capacity;
        want->visited = js_realloc(ctx, want->visited, count);
        memset(want->visited + want->visited_count, 0, count - want->visited_count);
        want->visited_count = count;
    }
    bool is_new = !want->visited[number];
    want->visited[number] = 1;
    return is_new;
}

/* A want has all that it needs. Runs code. */
static void modules_complete(JSContext *ctx, Modules *modules, uint32_t number) {
    Want *want = &modules->wants[number];
    for (uint32_t i = 0; i < want->visited_count; i++)
        if (want->visited[i]) modules->modules[i].state = MODULE_COMPLETE;
    modules_forget_visits(ctx, want);
    modules_evaluate(ctx, modules, number);
}

/* Visits a module, and all that is there of what it reaches, for a want. Runs code when that was
 * the last thing that it lacked. */
static void modules_visit(JSContext *ctx, Modules *modules, uint32_t want, uint32_t number) {
    Stack stack = {0};
    modules_push(ctx, &stack, number);
    while (stack.count > 0 && !modules_is_settled(modules, want)) {
        uint32_t next = stack.numbers[--stack.count];
        const Module *module = &modules->modules[next];
        if (module->state == MODULE_FAILED) {
            modules_settle(ctx, modules, want, true, module->error);
            break;
        }
        if (!modules_mark(ctx, modules, &modules->wants[want], next)) continue;
        uint32_t count = engine_module_requests(module->record);
        /* From the last on, as what is pushed last is visited first. */
        for (uint32_t i = count; i-- > 0;)
            if (module->requests[i].target != NO_MODULE)
                modules_push(ctx, &stack, module->requests[i].target);
        for (uint32_t i = 0; i < count; i++)
            if (module->requests[i].target == NO_MODULE &&
                !modules_await(ctx, modules, want, next, i))
                break;
    }
    js_free(ctx, stack.numbers);
    if (!modules_is_settled(modules, want) && modules->wants[want].missing == 0)
        modules_complete(ctx, modules, want);
}

/* --- import() ------------------------------------------------------------------------------ */

/* The number of the file whose name the engine has for code; 0 for what eval made. */
static uint32_t modules_importer(const Modules *modules, JSValueConst file) {
    if (!JS_IsString(file)) return 0;
    return stack_file_number(&modules->files, engine_text(file));
}

/* The module that has a name; or NO_MODULE. */
static uint32_t modules_find(JSContext *ctx, const Modules *modules, JSValueConst name) {
    for (uint32_t i = 0; i < modules->name_count; i++)
        if (modules_is_same(ctx, name, modules->names[i].name)) return modules->names[i].module;
    return NO_MODULE;
}

static void modules_on_import(JSContext *ctx, const EngineImport *import) {
    Modules *modules = &loop_of(ctx)->modules;
    Ask ask = {modules_importer(modules, import->importer), import->specifier, import->attributes,
               import->row, import->column};
    if (ask.importer == NO_FILE) ask.importer = 0;
    uint32_t known = modules->finds && ask.importer == 0 && JS_IsUndefined(ask.attributes)
                         ? modules_find(ctx, modules, ask.specifier)
                         : NO_MODULE;
    if (known != NO_MODULE) {
        uint32_t want = modules_want(ctx, modules, import->settle, false);
        modules->wants[want].module = known;
        modules_visit(ctx, modules, want, known);
        return;
    }
    if (!modules->loads) {
        JSValue error = modules_refusal(ctx, modules, &ask);
        JSValue result = JS_Call(ctx, import->settle[1], JS_UNDEFINED, 1, (JSValueConst *)&error);
        JS_FreeValue(ctx, result);
        JS_FreeValue(ctx, error);
        return;
    }
    uint32_t want = modules_want(ctx, modules, import->settle, false);
    modules->wants[want].missing = 1;
    modules_ask(ctx, modules, &ask, want, 0, ASK_WANT);
}

void modules_open(JSContext *ctx) { engine_on_import(ctx, modules_on_import); }

/* --- the program --------------------------------------------------------------------------- */

/* Whether a text was refused as a script for what only a module may have. No code has run. */
static bool modules_is_module(JSContext *ctx, JSValueConst error) {
    static const char *const signs[] = {
        "import statements only work in modules",
        "import.meta only valid in module code",
        "unsupported keyword: export",
    };
    JSValueConst message = JS_UNDEFINED;
    bool found = false;
    if (!JS_IsObject(error) || !engine_own_value(ctx, error, "message", &message)) return false;
    const char *text = JS_ToCString(ctx, message);
    for (size_t i = 0; text && i < sizeof signs / sizeof *signs; i++)
        found |= strcmp(text, signs[i]) == 0;
    JS_FreeCString(ctx, text);
    return found;
}

static JSValue modules_run_script(JSContext *ctx, const Source *source) {
    size_t length;
    const char *text = JS_ToCStringLen(ctx, &length, source->stripped);
    const char *file = text ? modules_file(ctx, source->file) : NULL;
    if (!file) return JS_EXCEPTION;
    JSEvalOptions options = {
        .version = JS_EVAL_OPTIONS_VERSION,
        .eval_flags = JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_ASYNC,
        .filename = file,
        .line_num = 1,
    };
    return JS_Eval2(ctx, text, length, &options);
}

static JSValue modules_run_module(JSContext *ctx, Modules *modules, Source *source) {
    modules_compile(ctx, modules, 0, source);
    if (modules->modules[0].state == MODULE_FAILED)
        return JS_Throw(ctx, JS_DupValue(ctx, modules->modules[0].error));
    JSValue settle[2];
    JSValue promise = JS_NewPromiseCapability(ctx, settle);
    if (JS_IsException(promise)) return promise;
    uint32_t want = modules_want(ctx, modules, settle, true);
    JS_FreeValue(ctx, settle[0]);
    JS_FreeValue(ctx, settle[1]);
    modules_visit(ctx, modules, want, 0);
    return promise;
}

JSValue modules_start(JSContext *ctx, Modules *modules, JSValueConst text, JSValueConst about) {
    Source source = {text,         JS_UNDEFINED, JS_UNDEFINED, DFD_LANGUAGE_JAVASCRIPT,
                     JS_UNDEFINED, JS_UNDEFINED};
    int32_t form = DFD_FORM_EITHER;
    if (JS_IsArray(about)) {
        source.file = modules_part(ctx, about, 0);
        source.url = modules_part(ctx, about, 1);
        JS_ToInt32(ctx, &form, modules_part(ctx, about, 2));
        JS_ToInt32(ctx, &source.language, modules_part(ctx, about, 3));
        if (JS_IsString(source.file)) {
            modules_reserve(ctx, modules, 0);
            modules->files.names[0] = JS_DupValue(ctx, source.file);
        }
    }
    if (form != DFD_FORM_MODULE) {
        if (!modules_strip(ctx, &source)) return JS_EXCEPTION;
        JSValue promise = modules_run_script(ctx, &source);
        if (!JS_IsException(promise)) return promise;
        JSValue error = JS_GetException(ctx);
        if (form != DFD_FORM_EITHER || !modules_is_module(ctx, error))
            return JS_Throw(ctx, modules_complaint(ctx, &source, error));
        JS_FreeValue(ctx, error);
    }
    return modules_run_module(ctx, modules, &source);
}

/* --- before there is a program ------------------------------------------------------------- */

/* Whether a request has no import attribute but `type`; else an exception is pending. */
static bool modules_has_known(JSContext *ctx, const EngineRequest *request) {
    JSPropertyEnum *keys = NULL;
    uint32_t count = 0, known = 0;
    JSAtom type = JS_NewAtom(ctx, "type");
    if (JS_IsObject(request->attributes) &&
        JS_GetOwnPropertyNames(ctx, &keys, &count, request->attributes, JS_GPN_STRING_MASK))
        return false;
    while (known < count && keys[known].atom == type) known++;
    if (known < count) {
        const char *key = JS_AtomToCString(ctx, keys[known].atom);
        JS_ThrowSyntaxError(ctx, "the import attribute '%s' is not known, only type is",
                            key ? key : "");
        JS_FreeCString(ctx, key);
        JSValue error = JS_GetException(ctx), file = JS_NewString(ctx, PROGRAM_FILE);
        engine_blame(ctx, error, file, request->row, request->column);
        JS_FreeValue(ctx, file);
        JS_Throw(ctx, error);
    }
    JS_FreePropertyEnum(ctx, keys, count);
    JS_FreeAtom(ctx, type);
    return known == count;
}

JSValue modules_list_requests(JSContext *ctx, const char *text, size_t length, int32_t language) {
    JSValue own = JS_NewStringLen(ctx, text, length);
    Source source = {own, JS_UNDEFINED, JS_UNDEFINED, language, JS_UNDEFINED, JS_UNDEFINED};
    JSValue record =
        modules_strip(ctx, &source) ? modules_parse(ctx, &source, PROGRAM_FILE) : JS_EXCEPTION;
    if (JS_IsException(record))
        return JS_Throw(ctx, modules_complaint(ctx, &source, JS_GetException(ctx)));
    JSValue list = JS_NewArray(ctx);
    uint32_t count = engine_module_requests(record), at = 0;
    for (uint32_t i = 0; i < count; i++) {
        EngineRequest request = engine_module_request(record, i);
        JSValueConst type = JS_UNDEFINED;
        if (!modules_has_known(ctx, &request)) return JS_EXCEPTION;
        if (JS_IsObject(request.attributes))
            engine_own_value(ctx, request.attributes, "type", &type);
        JSValue parts[] = {
            JS_AtomToString(ctx, request.specifier),
            JS_IsString(type) ? JS_DupValue(ctx, type) : JS_NewString(ctx, ""),
            JS_NewUint32(ctx, request.row),
            JS_NewUint32(ctx, request.column),
        };
        for (size_t j = 0; j < sizeof parts / sizeof *parts; j++)
            JS_DefinePropertyValueUint32(ctx, list, at++, parts[j], JS_PROP_C_W_E);
    }
    return list;
}

bool modules_add(JSContext *ctx, Modules *modules, JSValueConst said) {
    uint32_t number = modules_take_one(ctx, modules, said);
    if (number == NO_MODULE) return false;
    if (modules->modules[number].state == MODULE_FAILED) {
        JS_Throw(ctx, JS_DupValue(ctx, modules->modules[number].error));
        return false;
    }
    JSValueConst names = modules_part(ctx, said, 6);
    uint32_t count = modules_length(ctx, names);
    for (uint32_t i = 0; i < count; i++) {
        JSValueConst name = modules_part(ctx, names, i);
        modules->names = modules_grow(ctx, modules->names, &modules->name_capacity,
                                      modules->name_count + 1, sizeof(Name));
        modules->names[modules->name_count++] = (Name){JS_ValueToAtom(ctx, name), number};
    }
    return true;
}

/* The one that another one waits for, which is pending. */
static uint32_t modules_pending(const Modules *modules, uint32_t number) {
    for (uint32_t i = 0; i < modules->count; i++)
        if (modules->modules[i].state != MODULE_NONE &&
            engine_module_awaits(modules->modules[i].record))
            return i;
    return number;
}

/* Evaluates a module, and runs the jobs that this leaves. As modules_evaluate_named. */
static bool modules_evaluate_now(JSContext *ctx, const Modules *modules, uint32_t number,
                                 uint32_t *blamed) {
    JSContext *unused;
    int ran = 1;
    JSValue promise = engine_module_evaluate(ctx, modules->modules[number].record);
    if (JS_IsException(promise)) return false;
    while (ran > 0) ran = JS_ExecutePendingJob(JS_GetRuntime(ctx), &unused);
    JSPromiseStateEnum state = JS_PromiseState(ctx, promise);
    if (ran == 0 && state == JS_PROMISE_REJECTED) JS_Throw(ctx, JS_PromiseResult(ctx, promise));
    JS_FreeValue(ctx, promise);
    if (ran < 0 || state == JS_PROMISE_REJECTED) return false;
    JSValue uncaught;
    if (loop_uncaught(ctx, loop_of(ctx), &uncaught)) {
        JS_Throw(ctx, uncaught);
        return false;
    }
    if (loop_due(loop_of(ctx)) < INFINITY) {
        JS_ThrowTypeError(ctx, "a timer that a module sets when it is evaluated would never be "
                               "due: set it in the task");
        return false;
    }
    if (state == JS_PROMISE_FULFILLED) return true;
    *blamed = modules_pending(modules, number);
    JS_ThrowTypeError(ctx, "what a module awaits at its top level must settle by itself, when "
                           "there is no host and no timer: await it in the task");
    return false;
}

bool modules_evaluate_named(JSContext *ctx, Modules *modules, uint32_t *blamed) {
    bool fine = true;
    for (uint32_t i = 1; i < modules->count && fine; i++) {
        *blamed = i;
        if (modules->modules[i].state != MODULE_LOADED) continue; /* nothing has that number */
        fine = modules_link(ctx, modules, i);
        modules->modules[i].state = MODULE_COMPLETE;
    }
    for (uint32_t i = 0; i < modules->name_count && fine; i++) {
        *blamed = modules->names[i].module;
        fine = modules_evaluate_now(ctx, modules, *blamed, blamed);
        if (!fine) break;
        /* Which the module keeps. */
        JSValue namespace = engine_module_namespace(ctx, modules->modules[*blamed].record);
        fine = !JS_IsException(namespace);
        JS_FreeValue(ctx, namespace);
    }
    if (fine) *blamed = 0;
    return fine;
}
