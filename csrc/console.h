/* console.h - how lines of a task's console leave its realm: what realm/console.js is given.
 *
 * The state of a console, and what stands for what can't be cloned, are that file's. A line is an
 * event (DFD_EVENT_TYPE_LINE), sent in the order of the task's calls of its host. It never waits
 * for the host: without room it is counted, and the next one says so (Lines, loop.h). The realm's
 * thread.
 */
#ifndef DEFERRED_CONSOLE_H
#define DEFERRED_CONSOLE_H

#include "quickjs.h"

/* What kind of object its argument is, as realm/console.js distinguishes them. Asks no proxy. */
JSValue console_kind(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);
/* Whether one more line can be printed; else it is counted, if somebody wants it. */
JSValue console_has_room(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);
/* Sends a line, for which there was room. false if it can't be cloned or is too large. */
JSValue console_print(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);

#endif
