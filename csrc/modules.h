/* modules.h - code that is text, and the modules that it is made of.
 *
 *   a text --> a script, or a module --> its requests --> the host, which answers with the module
 *                                 ^                        |   and, as far as it can tell, with
 *                                 \------- compiled <------/   what that asks for in its turn
 *             when all that a module reaches is there: linked, evaluated
 *
 * Modules are known by the numbers that the host gave them; 0 is the program. What is wanted, a
 * module and all that it reaches, is a want: the program's, or one of a call of import(). The task
 * waits meanwhile, as for any answer of the host's (calls.c).
 *
 * All of it lies in the realm's arena and goes with it. The realm's thread only.
 */
#ifndef DEFERRED_MODULES_H
#define DEFERRED_MODULES_H

#include <stdbool.h>
#include <stdint.h>

#include "clone.h"

typedef struct Module Module;
typedef struct Want Want;

typedef struct Name Name;

typedef struct Modules {
    Module *modules; /* by number */
    uint32_t count, capacity;
    Name *names; /* by which the program finds some of those that every task of the realm has */
    uint32_t name_count, name_capacity;
    Want *wants; /* by number, none of which is used twice */
    uint32_t want_count, want_capacity;
    CloneFiles files; /* their names in stacks */
    bool loads;       /* the host can be asked for modules */
    bool finds;       /* the program may look them up by their names */
} Modules;

/* Begins with nothing. */
void modules_begin(Modules *modules);

/* Has import() of a context served. */
void modules_open(JSContext *ctx);

/* Starts a text, as a submission without a program says (deferred.h). A promise of { value }, or of
 * undefined for `return;`; or an exception, if it can't be compiled. */
JSValue modules_start(JSContext *ctx, Modules *modules, JSValueConst text, JSValueConst about);

/* What a module asks for, as dfd_compile says of a MODULE; an exception if it can't be read. */
JSValue modules_list_requests(JSContext *ctx, const char *text, size_t length, int32_t language);

/* --- modules that every task of a realm has: before its snapshot is taken --- */

/* Compiles a module, of which the host says what dfd_module takes. false with an exception. */
bool modules_add(JSContext *ctx, Modules *modules, JSValueConst said);

/* Evaluates those that have names, in their order, with all that they reach, and runs the jobs that
 * they leave. false with an exception pending, and the number of the module to blame for it. */
bool modules_evaluate_named(JSContext *ctx, Modules *modules, uint32_t *blamed);

#endif
