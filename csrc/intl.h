/* intl.h - the object `Intl` of tasks, and what tasks' numbers, dates and strings need of it.
 *
 * Its parts are units (realm/intl*.js), which the first touch of each reads; their tables are the
 * library's (intl_data.h).
 */
#ifndef DEFERRED_INTL_H
#define DEFERRED_INTL_H

#include "quickjs.h"

/* For ENGINE_LAZY: the object. */
JSValue intl_make(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int which);

/* What a function of the language makes of its receiver, which is checked: `which` is an
 * EngineLocale (engine.h), `argv` what it was called with. */
JSValue intl_to_locale(JSContext *ctx, int which, JSValueConst value, int argc, JSValueConst *argv);

/* Doors of units (units.c):
 *
 * intlHas(locale): whether there are texts of it. */
JSValue intl_has(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);
/* intlPiece(locale, piece): its texts, as a list of what is to be laid over each other; of no one
 * locale if it is "", and of these "default" is the name of the host's. */
JSValue intl_piece(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);
/* intlZone(name): a zone's name in its own case, or undefined; the host's without one. */
JSValue intl_zone(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);
/* intlOffset(zone, ms): [seconds to be added to UTC, whether it is summer time]. */
JSValue intl_offset(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);

#endif
