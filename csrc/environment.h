/* environment.h - `performance` (High Resolution Time) and `navigator` (HTML): what a task is told
 * of the time and of the machine. */
#ifndef DEFERRED_ENVIRONMENT_H
#define DEFERRED_ENVIRONMENT_H

#include "quickjs.h"

enum {
    ENVIRONMENT_PERFORMANCE,
    ENVIRONMENT_PERFORMANCE_INTERFACE,
    ENVIRONMENT_NAVIGATOR,
    ENVIRONMENT_NAVIGATOR_INTERFACE,
};

/* The global of that number: for ENGINE_LAZY. */
JSValue environment_make(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv,
                         int which);

#endif
