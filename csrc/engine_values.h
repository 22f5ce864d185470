/* engine_values.h - values as the engine holds them: what the codec (clone.h) reads and builds.
 *
 * Implemented in engine_values.c.inc, which engine.c includes behind the engine's own source.
 * Nothing here runs code of the realm: no getter, no proxy trap, no overridden builtin; objects
 * are built with the prototypes that the realm was made with, not with what its globals hold now.
 *
 * Ownership is quickjs.h's: a JSValue parameter is taken over, a JSValueConst is borrowed; a
 * JSValue result is the caller's, a JSValueConst one is valid as long as its holder. Functions
 * that make something return JS_EXCEPTION (or -1) with an exception pending when memory ran out.
 */
#ifndef DEFERRED_ENGINE_VALUES_H
#define DEFERRED_ENGINE_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "quickjs.h"

/* --- what an object is ------------------------------------------------------------------- */

typedef enum EngineKind {
    ENGINE_PLAIN, /* an ordinary object, whatever its prototype */
    ENGINE_ARRAY,
    ENGINE_ERROR,
    ENGINE_DOM_EXCEPTION,
    ENGINE_DATE,
    ENGINE_REGEXP,
    ENGINE_BOXED, /* a Boolean, Number, BigInt or String object */
    ENGINE_MAP,
    ENGINE_SET,
    ENGINE_BUFFER, /* an ArrayBuffer */
    ENGINE_SHARED, /* a SharedArrayBuffer */
    ENGINE_VIEW,   /* a typed array or a DataView */
    /* what can't be cloned, as far as there is something to say about it */
    ENGINE_FUNCTION,
    ENGINE_PROMISE,
    ENGINE_PROXY,
    ENGINE_GLOBAL,
    ENGINE_NAMESPACE, /* of a module */
    ENGINE_OTHER,
} EngineKind;

EngineKind engine_kind(JSContext *ctx, JSValueConst object);

/* The prototype of an ordinary object, without asking it; NULL if it has none. */
void *engine_prototype(JSValueConst object);
/* Gives a new plain object another prototype. */
int engine_set_prototype(JSContext *ctx, JSValueConst object, JSValueConst prototype);

/* The value of an own data property; false if there is none, or an accessor. */
bool engine_own_value(JSContext *ctx, JSValueConst object, const char *key, JSValueConst *value);

/* Adds an own data property; 0 if the key is there already (as an array's `length` always is). */
int engine_define(JSContext *ctx, JSValueConst object, JSAtom key, JSValue value, int flags);

/* Gives a plain object another class, which has neither behaviour nor data of its own; false if it
 * is none. What has it, or inherits from it, can't be cloned. */
bool engine_brand(JSValueConst object, JSClassID class_id);
/* Adds `Symbol.toStringTag`. */
int engine_define_tag(JSContext *ctx, JSValueConst object, JSValue tag);

/* Switches the stack traces of new errors off (they may run Error.prepareStackTrace) and back on.
 * Returns what was before. */
bool engine_backtraces(JSContext *ctx, bool on);

/* --- strings ----------------------------------------------------------------------------- */

/* Units of a string where they lie: Latin-1 bytes, or UTF-16 units if wide (all of which may
 * still be Latin-1). */
typedef struct EngineText {
    const void *units;
    uint32_t length;
    bool wide;
} EngineText;

typedef void EngineEachText(void *opaque, EngineText part);

/* A string that is in one piece; of a rope, and of what is no string, `units` is NULL. */
EngineText engine_text(JSValueConst string);
/* A rope's length and width (`units` is NULL), and its pieces in order. */
EngineText engine_rope(JSValueConst rope);
void engine_rope_each(JSValueConst rope, EngineEachText *each, void *opaque);
/* A property key that is a string. `digits` is room for one that is an integer. */
EngineText engine_key_text(JSContext *ctx, JSAtom key, char digits[12]);
EngineText engine_class_name(JSContext *ctx, JSValueConst object);

/* `units` need not be aligned. */
JSValue engine_new_string(JSContext *ctx, EngineText text);
/* One whose units the caller writes, into *units, before anybody sees it. */
JSValue engine_make_string(JSContext *ctx, size_t length, bool wide, void **units);
JSAtom engine_new_key(JSContext *ctx, EngineText text); /* JS_ATOM_NULL when memory ran out */

/* --- shapes ------------------------------------------------------------------------------ */

/* The engine's hidden class: the keys of an object and its prototype. One that is shared (hashed,
 * as the engine says) never changes while it is held. */
typedef struct JSShape EngineShape;

EngineShape *engine_shape(JSValueConst object);
/* The number of keys of a shared shape all of whose properties are enumerable data properties
 * with string keys that are no integers, hence in order; -1 for any other shape. */
int engine_shape_keys(JSContext *ctx, const EngineShape *shape);
uint32_t engine_shape_size(const EngineShape *shape);              /* its keys, whatever they are */
JSAtom engine_shape_key(const EngineShape *shape, uint32_t index); /* borrowed */
EngineShape *engine_shape_hold(EngineShape *shape);
void engine_shape_drop(JSContext *ctx, EngineShape *shape);

/* The values of an object's properties in the order of its shape's keys; valid while nobody
 * changes the object. */
JSValue *engine_properties(JSValueConst object);
/* An object of a shape, its properties all undefined. */
JSValue engine_new_object(JSContext *ctx, EngineShape *shape);
/* Removes the properties that are JS_UNINITIALIZED from an object of a shape. */
int engine_object_filled(JSContext *ctx, JSValueConst object, EngineShape *shape);

/* --- arrays ------------------------------------------------------------------------------ */

uint32_t engine_array_length(JSValueConst array);
/* The elements of an array that holds them densely (fewer than its length if the last ones are
 * missing); false if it does not. Valid while nobody changes the array. */
bool engine_elements(JSValueConst array, const JSValue **elements, uint32_t *count);
/* Whether an array has no own properties but its elements (and its length). */
bool engine_array_is_bare(JSValueConst array);

/* An array of a length, with room for `count` elements that the caller fills in. The array does
 * not have them, and does not free them, until engine_array_filled says how many there are;
 * JS_UNINITIALIZED among them becomes a hole. */
JSValue engine_new_array(JSContext *ctx, uint32_t length, uint32_t count, JSValue **elements);
int engine_array_filled(JSContext *ctx, JSValueConst array, uint32_t count, bool has_holes);

/* --- Map, Set ---------------------------------------------------------------------------- */

uint32_t engine_map_size(JSValueConst map);
/* Copies the entries (key, value, key, value ... of a Map, the values of a Set). */
void engine_map_copy(JSContext *ctx, JSValueConst map, JSValue *entries);
/* Makes room for `count` entries in an empty one. */
int engine_map_reserve(JSContext *ctx, JSValueConst map, uint32_t count);
JSValue engine_new_map(JSContext *ctx, bool is_set);
/* Adds an entry; 0 if the key is there already. */
int engine_map_add(JSContext *ctx, JSValueConst map, JSValue key, JSValue value);

/* --- ArrayBuffer and its views ----------------------------------------------------------- */

typedef struct EngineBuffer {
    const uint8_t *data;
    uint32_t length;
    uint32_t max_length; /* if resizable */
    bool resizable;
    bool detached;
    bool shared; /* a SharedArrayBuffer's */
} EngineBuffer;

typedef struct EngineView {
    uint8_t type;        /* WIRE_VIEW_* */
    bool tracks_length;  /* of its resizable buffer */
    bool out_of_bounds;  /* or its buffer is detached */
    JSValueConst buffer; /* an ArrayBuffer or a SharedArrayBuffer */
    uint32_t offset;     /* in bytes */
    uint32_t length;     /* in elements, in bytes for a DataView */
} EngineView;

EngineBuffer engine_buffer(JSValueConst buffer);
EngineView engine_view(JSValueConst view);
/* Where the bytes of a buffer or a view are; none if it is detached, or out of bounds. Valid until
 * code runs. Of shared memory others may write to it meanwhile. false if the object is neither. */
bool engine_bytes(JSContext *ctx, JSValueConst object, uint8_t **data, size_t *length);
/* The magic number of a function that C wrote, if it is one of `call`. */
bool engine_magic_of(JSValueConst function, JSCFunctionMagic *call, int *magic);
/* Whether nobody may write to the bytes of a view. */
bool engine_is_immutable(JSValueConst view);
JSValue engine_new_buffer(JSContext *ctx, const EngineBuffer *buffer); /* copies the data */
/* A Uint8Array of its own buffer, whose bytes the caller writes, into *bytes. */
JSValue engine_make_bytes(JSContext *ctx, size_t length, uint8_t **bytes);

/* Memory that is not the realm's, and outlives it. */
typedef struct EngineLent {
    uint8_t *data;
    uint32_t length;
    uint32_t number;
    void (*freed)(JSRuntime *rt,
                  uint32_t number); /* told when no buffer uses it any more; or NULL */
} EngineLent;

/* An ArrayBuffer over it; or a SharedArrayBuffer, of which nobody is told. */
JSValue engine_new_lent(JSContext *ctx, const EngineLent *lent, bool shared);
/* Takes the memory out of an ArrayBuffer of the realm's own, which is detached then: a block, the
 * caller's. */
uint8_t *engine_take_bytes(JSContext *ctx, JSValueConst buffer);
/* JS_UNDEFINED if the view does not fit its buffer. */
JSValue engine_new_view(JSContext *ctx, const EngineView *view);

/* --- the rest ---------------------------------------------------------------------------- */

JSValueConst engine_boxed(JSValueConst object); /* a boxed primitive's or a Date's value */
JSValue engine_new_boxed(JSContext *ctx, JSValue primitive);

typedef struct EngineBigInt {
    const uint32_t *limbs; /* two's complement, the lowest first */
    uint32_t count;        /* at least 1 */
    uint32_t small[1];     /* where `limbs` may point */
} EngineBigInt;

void engine_bigint(JSValueConst value, EngineBigInt *bigint);
/* From a magnitude of `size` bytes, the lowest first. */
JSValue engine_new_bigint(JSContext *ctx, bool negative, const uint8_t *magnitude, uint32_t size);

/* `source` as its accessor gives it, and the letters of the flags in their order. */
JSValue engine_regexp(JSContext *ctx, JSValueConst regexp, char flags[9]);
JSValue engine_new_regexp(JSContext *ctx, JSValue source, JSValue flags);

/* Whether somebody handles that a promise is rejected. */
bool engine_promise_is_handled(JSValueConst promise);

/* What the engine keeps as the `stack` of an error that has no own property of that name. */
JSValueConst engine_error_stack(JSValueConst error);
/* The class (WIRE_ERROR_*) of the nearest of the realm's own error prototypes; Error if none is. */
uint8_t engine_error_class(JSContext *ctx, JSValueConst error);
/* An error of a class (but DOMException) with nothing in it. */
JSValue engine_new_error(JSContext *ctx, uint8_t class);
void engine_set_error_stack(JSContext *ctx, JSValueConst error, JSValue stack);
void engine_dom_exception(JSValueConst exception, JSValueConst *name, JSValueConst *message);
JSValue engine_new_dom_exception(JSContext *ctx, JSValue name, JSValue message);

#endif
