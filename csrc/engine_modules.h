/* engine_modules.h - the engine's module records: what a module asks for, and how it is linked when
 * all of that is there. Loading is not the engine's (modules.h).
 *
 *   compile -> requests -> resolve each -> ... of all that it reaches -> evaluate
 *
 * Implemented in engine_modules.c.inc, which engine.c includes behind the engine's own source. A
 * module is a JSValue of the engine's own kind, never seen by code. Nothing here runs code but
 * engine_module_evaluate.
 */
#ifndef DEFERRED_ENGINE_MODULES_H
#define DEFERRED_ENGINE_MODULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "quickjs.h"

/* Compiles a module; `file` is its name in stacks, and no other module's. `text` ends with a NUL
 * that `length` does not count. The module, or an exception. */
JSValue engine_module_compile(JSContext *ctx, const char *text, size_t length, const char *file);

/* A module that exports a value as its default. */
JSValue engine_module_of(JSContext *ctx, JSValue value, const char *file);

/* Sets import.meta.url. false with an exception pending. */
bool engine_module_set_url(JSContext *ctx, JSValueConst module, JSValue url);

/* What a module asks for: a specifier, import attributes (undefined, or an object without a
 * prototype, of strings) and where the specifier stands. Borrowed. */
typedef struct EngineRequest {
    JSAtom specifier;
    JSValueConst attributes;
    uint32_t row, column;
} EngineRequest;

uint32_t engine_module_requests(JSValueConst module); /* how many */
EngineRequest engine_module_request(JSValueConst module, uint32_t index);

/* Says which module a request is for. */
void engine_module_resolve(JSValueConst module, uint32_t index, JSValueConst target);

/* Links and evaluates a module. All that it reaches must be resolved. A promise that is settled
 * when it was evaluated, or an exception. Not inside of another module's evaluation. */
JSValue engine_module_evaluate(JSContext *ctx, JSValueConst module);

/* Whether it has begun, and what it awaits itself at its top level is pending. */
bool engine_module_awaits(JSValueConst module);

/* Its namespace, once it was linked. */
JSValue engine_module_namespace(JSContext *ctx, JSValueConst module);

/* What a module gives to whom it is the program: its default export; else an object with what it
 * exports, or undefined if that is nothing. An exception for what has no value yet. */
JSValue engine_module_result(JSContext *ctx, JSValueConst module);

/* A job of the queue: someone calls import(). */
typedef struct EngineImport {
    JSValueConst settle[2];
    JSValueConst importer; /* the file of the code that calls; or null */
    JSValueConst specifier, attributes;
    uint32_t row, column;
} EngineImport;
typedef void EngineOnImport(JSContext *ctx, const EngineImport *import);

/* Who loads modules for import(). */
void engine_on_import(JSContext *ctx, EngineOnImport *heed);

/* Makes an error's stack the one place; of what is no error, nothing. */
void engine_blame(JSContext *ctx, JSValueConst error, JSValueConst file, uint32_t row,
                  uint32_t column);

#endif
