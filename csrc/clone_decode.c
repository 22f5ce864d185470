/* clone_decode.c - from bytes to values; see clone.h and clone_parts.h
 *
 * Nothing in the bytes is trusted, and no code of the realm runs. Whatever has a number stays where
 * it was put, which hangs on the caller's `values` and on the frames, until the end: numbers need
 * not hold their objects. The engine's garbage collector is off meanwhile: all that is made is
 * reachable.
 */
#include <stdio.h>

#include "clone_parts.h"

/* --- state -------------------------------------------------------------------------------- */

typedef enum ReadKind {
    READ_ROOT,   /* the caller's values */
    READ_ARRAY,  /* elements, into slots */
    READ_OBJECT, /* properties of a shape, into slots */
    READ_PAIRS,  /* (key, value) until the end */
    READ_MAP,
    READ_SET,
    READ_ERROR, /* cause, errors, props */
} ReadKind;

/* As small as can be: a value may be a million of them deep. */
typedef struct DecodeFrame {
    uint8_t kind;          /* READ_* */
    uint8_t flags;         /* READ_ERROR: what follows */
    bool is_array;         /* READ_PAIRS */
    bool has_holes;        /* READ_ARRAY, READ_OBJECT: JS_UNINITIALIZED is among the slots */
    uint32_t index, count; /* children taken, and all */
    union {
        uint32_t length; /* READ_PAIRS: of the array */
        uint32_t number; /* READ_ERROR: of the props */
    };
    void *object;       /* what is being filled; held; NULL for READ_ROOT */
    JSValue *slots;     /* READ_ROOT, READ_ARRAY, READ_OBJECT */
    EngineShape *shape; /* READ_OBJECT; held by the list of shapes */
    JSValue pending;    /* READ_MAP: a key; READ_ERROR: the props; owned */
    uint64_t owed;      /* what decoder.owed is once the frame is done */
} DecodeFrame;

typedef struct Decoder {
    JSContext *ctx;
    const CloneScope *scope; /* or NULL */
    const uint8_t *start, *at, *end;
    const char *malformed; /* what is wrong, if that is why it failed */
    uint64_t owed;         /* bytes that the frames but the top one need at the least */

    Frames frames;
    void **objects; /* by number; not held. NULL: not made yet */
    uint32_t object_count, object_capacity;
    EngineShape **shapes; /* by number, held */
    uint32_t shape_count, shape_capacity;

    DecodeFrame first_frames[FIRST_FRAMES];
    void *first_objects[FIRST_OBJECTS];
    EngineShape *first_shapes[FIRST_SHAPES];
} Decoder;

static bool malformed(Decoder *d, const char *what) {
    d->malformed = what;
    return false;
}

static const char *const TRUNCATED = "it ends too early";

/* --- parts -------------------------------------------------------------------------------- */

static size_t left(const Decoder *d) { return (size_t)(d->end - d->at); }

static bool read_u8(Decoder *d, uint8_t *value) {
    if (d->at == d->end) return malformed(d, TRUNCATED);
    *value = *d->at++;
    return true;
}

static bool read_n(Decoder *d, uint32_t *n) {
    uint64_t value = 0;
    uint8_t byte;
    for (int shift = 0; shift < 35; shift += 7) {
        if (!read_u8(d, &byte)) return false;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte & 0x80) continue;
        *n = (uint32_t)value;
        if (value == *n) return true;
        break;
    }
    return malformed(d, "a number has more than 32 bits");
}

/* `size` bytes behind padding to a multiple of `alignment`. */
static bool read_bytes(Decoder *d, size_t alignment, size_t size, const uint8_t **bytes) {
    size_t padding = (alignment - (size_t)(d->at - d->start) % alignment) % alignment;
    if (padding > left(d) || size > left(d) - padding) return malformed(d, TRUNCATED);
    *bytes = d->at + padding;
    d->at += padding + size;
    return true;
}

static bool read_f64(Decoder *d, double *number) {
    const uint8_t *bytes;
    if (!read_bytes(d, 1, sizeof *number, &bytes)) return false;
    memcpy(number, bytes, sizeof *number);
    return true;
}

/* The units of a string of which the tag was read, and how many they are. */
static bool read_units(Decoder *d, uint8_t tag, const uint8_t **units, uint32_t *length) {
    bool wide = tag == WIRE_STRING16;
    if (!wide && tag != WIRE_STRING8) return malformed(d, "a string was expected");
    return read_n(d, length) && read_bytes(d, wide ? 2 : 1, (size_t)*length << wide, units);
}

/* What is passed on is put together in registers, and what comes back is not looked at before it is
 * stored: in memory, a struct that is written in parts and read as one stalls the processor for
 * longer than all the rest of a short string takes. */
static bool read_string_of(Decoder *d, uint8_t tag, JSValue *string) {
    const uint8_t *units;
    uint32_t length;
    if (!read_units(d, tag, &units, &length)) return false;
    *string = engine_new_string(d->ctx, (EngineText){units, length, tag == WIRE_STRING16});
    return !JS_IsException(*string); /* which needs no freeing */
}

static bool read_string(Decoder *d, JSValue *string) {
    uint8_t tag;
    return read_u8(d, &tag) && read_string_of(d, tag, string);
}

static bool read_key(Decoder *d, uint8_t tag, JSAtom *key) {
    const uint8_t *units;
    uint32_t length;
    if (!read_units(d, tag, &units, &length)) return false;
    *key = engine_new_key(d->ctx, (EngineText){units, length, tag == WIRE_STRING16});
    return *key != JS_ATOM_NULL;
}

static bool read_bigint(Decoder *d, JSValue *bigint) {
    uint8_t sign;
    uint32_t size;
    const uint8_t *magnitude;
    if (!read_u8(d, &sign) || !read_n(d, &size) || !read_bytes(d, 1, size, &magnitude))
        return false;
    if (sign > 1) return malformed(d, "a BigInt's sign is neither 0 nor 1");
    if (size == 0 ? sign : magnitude[size - 1] == 0)
        return malformed(d, "a BigInt is not in its shortest form");
    *bigint = engine_new_bigint(d->ctx, sign, magnitude, size);
    return !JS_IsException(*bigint);
}

/* --- frames, numbers ---------------------------------------------------------------------- */

/* Gives the next number to an object, or keeps it for one that is still to be made (NULL). */
static bool add_object(Decoder *d, void *object) {
    if (d->object_count == d->object_capacity) {
        void **objects =
            enlarge(d->ctx, d->objects, d->first_objects, &d->object_capacity, sizeof *objects);
        if (!objects) return false;
        d->objects = objects;
    }
    d->objects[d->object_count++] = object;
    return true;
}

static JSValueConst object_of(const DecodeFrame *frame) {
    return JS_MKPTR(JS_TAG_OBJECT, frame->object);
}

static DecodeFrame *top(const Decoder *d) { return frames_top(&d->frames, sizeof(DecodeFrame)); }

/* Children that a frame has still to take; each needs a byte at the least. */
static uint32_t children_left(const DecodeFrame *frame) {
    if (frame->kind == READ_PAIRS) return 1;
    if (frame->kind != READ_ERROR) return frame->count - frame->index;
    uint32_t count = 0;
    for (uint32_t child = frame->index; child < frame->count; child++)
        count += has_part(frame->flags, child);
    return count;
}

/* Whether the rest can hold `count` things of `size` bytes beside what the frames have to get:
 * nothing is allocated for a promise that can't be kept. */
static bool can_hold(Decoder *d, uint64_t count, uint64_t size) {
    uint64_t owed = d->owed + children_left(top(d));
    if (left(d) >= owed && count <= (left(d) - owed) / size) return true;
    return malformed(d, "a length promises more than there is");
}

/* A new frame on top, which holds the object (NULL: the root's) that it fills. */
static DecodeFrame *push_read(Decoder *d, ReadKind kind, void *object, uint32_t count) {
    uint64_t owed = d->owed, more = d->frames.depth > 0 ? children_left(top(d)) : 0;
    DecodeFrame *frame = frames_push(d->ctx, &d->frames, sizeof *frame);
    if (!frame) return NULL;
    d->owed += more;
    *frame = (DecodeFrame){.kind = (uint8_t)kind, .count = count, .object = object, .owed = owed};
    frame->pending = JS_UNDEFINED;
    if (object) JS_DupValue(d->ctx, object_of(frame));
    return frame;
}

/* Numbers a new object, puts it into *out and pushes a frame that fills it. NULL, and nothing in
 * *out, when there is no memory. */
static DecodeFrame *begin(Decoder *d, ReadKind kind, JSValue object, uint32_t count, JSValue *out) {
    DecodeFrame *frame = NULL;
    if (JS_IsException(object)) return NULL;
    if (add_object(d, JS_VALUE_GET_PTR(object)))
        frame = push_read(d, kind, JS_VALUE_GET_PTR(object), count);
    if (frame)
        *out = object;
    else
        JS_FreeValue(d->ctx, object);
    return frame;
}

/* Numbers a new object that is complete and puts it into *out. */
static bool finish(Decoder *d, JSValue object, JSValue *out) {
    if (JS_IsException(object)) return false;
    if (!add_object(d, JS_VALUE_GET_PTR(object))) {
        JS_FreeValue(d->ctx, object);
        return false;
    }
    *out = object;
    return true;
}

/* --- arrays and objects ------------------------------------------------------------------- */

static bool read_array(Decoder *d, JSValue *out) {
    uint32_t count;
    JSValue *slots;
    if (!read_n(d, &count) || !can_hold(d, count, 1)) return false;
    JSValue array = engine_new_array(d->ctx, count, count, &slots);
    DecodeFrame *frame = begin(d, READ_ARRAY, array, count, out);
    if (!frame) return false;
    frame->slots = slots;
    return true;
}

static JSValue new_number(JSContext *ctx, double number) {
    return is_int32(number) ? JS_NewInt32(ctx, (int32_t)number) : JS_NewFloat64(ctx, number);
}

static bool read_numbers(Decoder *d, bool ints, JSValue *out) {
    size_t size = ints ? sizeof(int32_t) : sizeof(double);
    const uint8_t *bytes;
    uint32_t count;
    JSValue *slots;
    if (!read_n(d, &count) || !read_bytes(d, size, count * size, &bytes)) return false;
    JSValue array = engine_new_array(d->ctx, count, count, &slots);
    if (JS_IsException(array)) return false;
    for (uint32_t i = 0; ints && i < count; i++, bytes += size) {
        int32_t number;
        memcpy(&number, bytes, sizeof number);
        slots[i] = JS_NewInt32(d->ctx, number);
    }
    for (uint32_t i = 0; !ints && i < count; i++, bytes += size) {
        double number;
        memcpy(&number, bytes, sizeof number);
        slots[i] = new_number(d->ctx, number);
    }
    engine_array_filled(d->ctx, array, count, false);
    return finish(d, array, out);
}

/* An object of a new shape: the keys make the shape, on the object itself. */
static bool read_object(Decoder *d, JSValue *out) {
    JSContext *ctx = d->ctx;
    uint32_t count;
    uint8_t tag;
    JSAtom key;
    /* A key takes 2 bytes, its value 1. */
    if (!read_n(d, &count) || !can_hold(d, count, 3)) return false;
    JSValue object = JS_NewObject(ctx);
    if (JS_IsException(object)) return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!read_u8(d, &tag) || !read_key(d, tag, &key)) goto failed;
        int added = engine_define(ctx, object, key, JS_UNDEFINED, JS_PROP_C_W_E);
        JS_FreeAtom(ctx, key);
        if (added == 0) malformed(d, "an object has a key twice");
        if (added <= 0) goto failed;
    }
    if (d->shape_count == d->shape_capacity) {
        EngineShape **shapes =
            enlarge(ctx, d->shapes, d->first_shapes, &d->shape_capacity, sizeof *shapes);
        if (!shapes) goto failed;
        d->shapes = shapes;
    }
    EngineShape *shape = engine_shape_hold(engine_shape(object));
    d->shapes[d->shape_count++] = shape;
    DecodeFrame *frame = begin(d, READ_OBJECT, object, count, out);
    if (!frame) return false;
    frame->shape = shape;
    frame->slots = engine_properties(object);
    return true;

failed:
    JS_FreeValue(ctx, object);
    return false;
}

static bool read_object_of_shape(Decoder *d, JSValue *out) {
    uint32_t number;
    if (!read_n(d, &number)) return false;
    if (number >= d->shape_count) return malformed(d, "a shape does not exist");
    EngineShape *shape = d->shapes[number];
    uint32_t count = engine_shape_size(shape);
    if (!can_hold(d, count, 1)) return false;
    JSValue object = engine_new_object(d->ctx, shape);
    DecodeFrame *frame = begin(d, READ_OBJECT, object, count, out);
    if (!frame) return false;
    frame->shape = shape;
    frame->slots = engine_properties(object);
    return true;
}

static bool read_pairs(Decoder *d, bool is_array, JSValue *out);

static bool read_instance(Decoder *d, JSValue *out) {
    uint32_t number;
    uint8_t tag;
    if (!read_n(d, &number) || !read_u8(d, &tag)) return false;
    if (!d->scope || number >= d->scope->class_count) return malformed(d, "a class does not exist");
    bool fine = tag == WIRE_OBJECT         ? read_object(d, out)
                : tag == WIRE_OBJECT_SHAPE ? read_object_of_shape(d, out)
                : tag == WIRE_OBJECT_PAIRS ? read_pairs(d, false, out)
                                           : malformed(d, "an instance without properties");
    /* Before its properties are filled in: their slots stay where they are. */
    if (fine && engine_set_prototype(d->ctx, *out, d->scope->classes[number])) {
        JS_FreeValue(d->ctx, *out);
        *out = JS_UNDEFINED;
        return false;
    }
    return fine;
}

static bool read_pairs(Decoder *d, bool is_array, JSValue *out) {
    uint32_t length = 0;
    JSValue *slots;
    if (is_array && !read_n(d, &length)) return false;
    JSValue object = is_array ? engine_new_array(d->ctx, length, 0, &slots) : JS_NewObject(d->ctx);
    DecodeFrame *frame = begin(d, READ_PAIRS, object, 0, out);
    if (!frame) return false;
    frame->is_array = is_array;
    frame->length = length;
    return true;
}

/* --- the other classes -------------------------------------------------------------------- */

static bool read_map(Decoder *d, bool is_set, JSValue *out) {
    uint32_t size;
    if (!read_n(d, &size) || !can_hold(d, size, is_set ? 1 : 2)) return false;
    if (!is_set && size > UINT32_MAX / 2) return malformed(d, "a Map is too large");
    JSValue map = engine_new_map(d->ctx, is_set);
    uint32_t count = is_set ? size : size * 2;
    /* Growing would hash each key again and again: with this, and one look for each key, an echo
     * of a Set of 10,000 integers takes 16 % less time, of a Map of strings 12 %. */
    if (!JS_IsException(map) && engine_map_reserve(d->ctx, map, size)) {
        JS_FreeValue(d->ctx, map);
        return false;
    }
    return begin(d, is_set ? READ_SET : READ_MAP, map, count, out) != NULL;
}

static bool read_buffer(Decoder *d, bool resizable, JSValue *out) {
    EngineBuffer buffer = {.resizable = resizable};
    if (!read_n(d, &buffer.length)) return false;
    if (resizable && !read_n(d, &buffer.max_length)) return false;
    if (resizable && buffer.max_length < buffer.length)
        return malformed(d, "a buffer is longer than it may be");
    if (!read_bytes(d, 8, buffer.length, &buffer.data)) return false;
    return finish(d, engine_new_buffer(d->ctx, &buffer), out);
}

/* A value that the realm has already. */
static bool read_preset(Decoder *d, JSValue *out) {
    uint32_t number;
    if (!read_n(d, &number)) return false;
    const Presets *presets = d->scope ? d->scope->presets : NULL;
    if (!presets || number >= presets->count) return malformed(d, "a shared value does not exist");
    JSValueConst preset = presets->values[number];
    if (JS_IsObject(preset)) return finish(d, JS_DupValue(d->ctx, preset), out);
    JS_ThrowRangeError(d->ctx, "the shared value is more than a task can have");
    return false;
}

/* A buffer over memory of the host's. */
static bool read_lent(Decoder *d, bool shared, JSValue *out) {
    uint32_t number;
    if (!read_n(d, &number)) return false;
    if (!d->scope || !d->scope->lent || number >= d->scope->lent->count)
        return malformed(d, "a region of memory does not exist");
    CloneRegion region = d->scope->lent->regions[number];
    EngineLent lent = {region.data, (uint32_t)region.length, number, d->scope->freed};
    return finish(d, engine_new_lent(d->ctx, &lent, shared), out);
}

/* Only tests of the encoder read what was moved out: a buffer of the host's, elsewhere. */
#ifdef DFD_TEST
enum { READS_MOVED = true };
#else
enum { READS_MOVED = false };
#endif

static bool read_moved(Decoder *d, JSValue *out) {
    const CloneScope *scope = d->scope;
    uint32_t number;
    if (!read_n(d, &number)) return false;
    for (uint32_t i = 0; scope && i < scope->kept_count; i++) {
        CloneRegion memory = scope->kept[i].memory;
        if (scope->kept[i].lent || number-- > 0) continue;
        EngineBuffer buffer = {.data = memory.data, .length = (uint32_t)memory.length};
        return finish(d, engine_new_buffer(d->ctx, &buffer), out);
    }
    return malformed(d, "a tag is unknown or out of place");
}

static bool read_any_buffer(Decoder *d, uint8_t tag, JSValue *out) {
    if (tag == WIRE_MOVED) return read_moved(d, out);
    if (tag == WIRE_LENT || tag == WIRE_SHARED) return read_lent(d, tag == WIRE_SHARED, out);
    return read_buffer(d, tag == WIRE_BUFFER_RESIZABLE, out);
}

static bool is_buffer_tag(uint8_t tag) {
    return tag == WIRE_BUFFER || tag == WIRE_BUFFER_RESIZABLE || tag == WIRE_LENT ||
           tag == WIRE_SHARED || (READS_MOVED && tag == WIRE_MOVED);
}

static bool read_reference(Decoder *d, JSValue *out) {
    uint32_t number;
    if (!read_n(d, &number)) return false;
    if (number >= d->object_count || !d->objects[number])
        return malformed(d, "a reference leads nowhere");
    *out = JS_DupValue(d->ctx, JS_MKPTR(JS_TAG_OBJECT, d->objects[number]));
    return true;
}

static bool read_view(Decoder *d, JSValue *out) {
    EngineView view = {0};
    uint8_t tag, tracks;
    uint32_t number = d->object_count;
    JSValue buffer = JS_UNDEFINED;
    bool fine;
    if (!add_object(d, NULL) || !read_u8(d, &view.type) || !read_u8(d, &tag)) return false;
    if (view.type > WIRE_VIEW_Float64Array) return malformed(d, "a view of no known type");
    if (tag == WIRE_REFERENCE)
        fine = read_reference(d, &buffer);
    else if (tag == WIRE_PRESET)
        fine = read_preset(d, &buffer);
    else if (is_buffer_tag(tag))
        fine = read_any_buffer(d, tag, &buffer);
    else
        fine = malformed(d, "a view without a buffer");
    if (!fine) return false;
    JSValue made = JS_UNDEFINED;
    view.buffer = buffer;
    EngineKind kind = engine_kind(d->ctx, buffer);
    if (kind != ENGINE_BUFFER && kind != ENGINE_SHARED) {
        malformed(d, "a view of something that is no buffer");
    } else if (read_n(d, &view.offset) && read_u8(d, &tracks) && read_n(d, &view.length)) {
        view.tracks_length = tracks == 1;
        made = engine_new_view(d->ctx, &view);
        if (tracks > 1 || (tracks && view.length) || JS_IsUndefined(made))
            malformed(d, "a view does not fit its buffer");
    }
    JS_FreeValue(d->ctx, buffer);
    if (d->malformed) JS_FreeValue(d->ctx, made);
    if (d->malformed || JS_IsException(made)) return false;
    d->objects[number] = JS_VALUE_GET_PTR(made);
    *out = made;
    return true;
}

static bool read_date(Decoder *d, JSValue *out) {
    double time;
    return read_f64(d, &time) && finish(d, JS_NewDate(d->ctx, time), out);
}

static bool read_regexp(Decoder *d, JSValue *out) {
    JSValue source, flags;
    if (!read_string(d, &source)) return false;
    if (!read_string(d, &flags)) {
        JS_FreeValue(d->ctx, source);
        return false;
    }
    JSValue regexp = engine_new_regexp(d->ctx, source, flags);
    if (JS_IsException(regexp)) {
        JS_FreeValue(d->ctx, JS_GetException(d->ctx));
        return malformed(d, "a regular expression that the engine can't read");
    }
    return finish(d, regexp, out);
}

static bool read_boxed(Decoder *d, uint8_t tag, JSValue *out) {
    JSValue primitive;
    double number;
    uint8_t byte;
    switch (tag) {
    case WIRE_BOOLEAN_OBJECT:
        if (!read_u8(d, &byte)) return false;
        if (byte > 1) return malformed(d, "a Boolean is neither 0 nor 1");
        primitive = JS_NewBool(d->ctx, byte);
        break;
    case WIRE_NUMBER_OBJECT:
        if (!read_f64(d, &number)) return false;
        primitive = new_number(d->ctx, number);
        break;
    case WIRE_BIGINT_OBJECT:
        if (!read_u8(d, &byte)) return false;
        if (byte != WIRE_BIGINT) return malformed(d, "a BigInt was expected");
        if (!read_bigint(d, &primitive)) return false;
        break;
    default:
        if (!read_string(d, &primitive)) return false;
    }
    return finish(d, engine_new_boxed(d->ctx, primitive), out);
}

/* Defines an own property of an error; takes the value over. */
static bool define_on_error(Decoder *d, JSValueConst error, const char *key, JSValue value) {
    JSAtom atom = JS_NewAtom(d->ctx, key);
    if (atom == JS_ATOM_NULL) {
        JS_FreeValue(d->ctx, value);
        return false;
    }
    int defined =
        engine_define(d->ctx, error, atom, value, JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE);
    JS_FreeAtom(d->ctx, atom);
    if (defined == 0) malformed(d, "an error has a property twice");
    return defined > 0;
}

/* The strings of an error, in the order of their flags; undefined if they are not there. */
enum { NAME, MESSAGE, STACK, STRINGS };

static bool define_string(Decoder *d, JSValueConst error, const char *key, JSValueConst string) {
    return JS_IsUndefined(string) || define_on_error(d, error, key, JS_DupValue(d->ctx, string));
}

static JSValue make_dom_exception(JSContext *ctx, const JSValue *strings) {
    JSValue name = JS_IsUndefined(strings[NAME]) ? engine_new_string(ctx, ascii("DOMException"))
                                                 : JS_DupValue(ctx, strings[NAME]);
    JSValue message = JS_IsUndefined(strings[MESSAGE]) ? engine_new_string(ctx, ascii(""))
                                                       : JS_DupValue(ctx, strings[MESSAGE]);
    return engine_new_dom_exception(ctx, name, message);
}

static JSValue make_error(Decoder *d, uint8_t class, const JSValue *strings) {
    bool is_dom_exception = class == WIRE_ERROR_DOMException, fine;
    JSValue error =
        is_dom_exception ? make_dom_exception(d->ctx, strings) : engine_new_error(d->ctx, class);
    if (JS_IsException(error)) return error;
    if (is_dom_exception) {
        fine = define_string(d, error, "stack", strings[STACK]);
    } else {
        engine_set_error_stack(d->ctx, error, JS_DupValue(d->ctx, strings[STACK]));
        fine = define_string(d, error, "name", strings[NAME]) &&
               define_string(d, error, "message", strings[MESSAGE]);
    }
    if (fine) return error;
    JS_FreeValue(d->ctx, error);
    return JS_EXCEPTION;
}

static bool read_error(Decoder *d, JSValue *out) {
    JSValue strings[STRINGS] = {JS_UNDEFINED, JS_UNDEFINED, JS_UNDEFINED};
    uint32_t number = d->object_count;
    uint8_t class, flags;
    if (!add_object(d, NULL) || !read_u8(d, &class) || !read_u8(d, &flags)) return false;
    if (class > WIRE_ERROR_DOMException) return malformed(d, "an error of no known class");
    if (flags >= WIRE_ERROR_HAS_PROPS * 2) return malformed(d, "an error has unknown parts");
    bool fine = true;
    for (int i = NAME; fine && i < STRINGS; i++)
        if (flags & WIRE_ERROR_HAS_NAME << i) fine = read_string(d, &strings[i]);
    JSValue error = fine ? make_error(d, class, strings) : JS_EXCEPTION;
    for (int i = NAME; i < STRINGS; i++) JS_FreeValue(d->ctx, strings[i]);
    if (JS_IsException(error)) return false;
    DecodeFrame *frame = push_read(d, READ_ERROR, JS_VALUE_GET_PTR(error), ERROR_PARTS);
    if (!frame) {
        JS_FreeValue(d->ctx, error);
        return false;
    }
    frame->flags = flags;
    d->objects[number] = JS_VALUE_GET_PTR(error);
    *out = error;
    return true;
}

/* --- values ------------------------------------------------------------------------------- */

/* Reads a value into *out, which needs no freeing if that fails. An object that has contents is in
 * *out at once; the frame that was pushed fills it. */
static bool read_value(Decoder *d, JSValue *out) {
    JSContext *ctx = d->ctx;
    const uint8_t *bytes;
    int32_t integer;
    double number;
    uint8_t tag;
    JSValue value;
    if (!read_u8(d, &tag)) return false;
    if (tag >= WIRE_SMALL_INT) {
        *out = JS_NewInt32(ctx, tag & 0x7f);
        return true;
    }
    switch (tag) {
    case WIRE_UNDEFINED:
        *out = JS_UNDEFINED;
        return true;
    case WIRE_NULL:
        *out = JS_NULL;
        return true;
    case WIRE_FALSE:
    case WIRE_TRUE:
        *out = JS_NewBool(ctx, tag == WIRE_TRUE);
        return true;
    case WIRE_INT:
        if (!read_bytes(d, 1, sizeof integer, &bytes)) return false;
        memcpy(&integer, bytes, sizeof integer);
        *out = JS_NewInt32(ctx, integer);
        return true;
    case WIRE_DOUBLE:
        if (!read_f64(d, &number)) return false;
        *out = new_number(ctx, number);
        return true;
    case WIRE_BIGINT:
        if (!read_bigint(d, &value)) return false;
        *out = value;
        return true;
    case WIRE_STRING8:
    case WIRE_STRING16:
        if (read_string_of(d, tag, out)) return true;
        *out = JS_UNDEFINED;
        return false;
    case WIRE_ARRAY:
        return read_array(d, out);
    case WIRE_ARRAY_INT:
    case WIRE_ARRAY_F64:
        return read_numbers(d, tag == WIRE_ARRAY_INT, out);
    case WIRE_OBJECT:
        return read_object(d, out);
    case WIRE_OBJECT_SHAPE:
        return read_object_of_shape(d, out);
    case WIRE_ARRAY_PROPS:
    case WIRE_OBJECT_PAIRS:
        return read_pairs(d, tag == WIRE_ARRAY_PROPS, out);
    case WIRE_INSTANCE:
        return read_instance(d, out);
    case WIRE_DATE:
        return read_date(d, out);
    case WIRE_REGEXP:
        return read_regexp(d, out);
    case WIRE_BOOLEAN_OBJECT:
    case WIRE_NUMBER_OBJECT:
    case WIRE_BIGINT_OBJECT:
    case WIRE_STRING_OBJECT:
        return read_boxed(d, tag, out);
    case WIRE_MAP:
    case WIRE_SET:
        return read_map(d, tag == WIRE_SET, out);
    case WIRE_BUFFER:
    case WIRE_BUFFER_RESIZABLE:
    case WIRE_LENT:
    case WIRE_SHARED:
        return read_any_buffer(d, tag, out);
    case WIRE_PRESET:
        return read_preset(d, out);
    case WIRE_VIEW:
        return read_view(d, out);
    case WIRE_ERROR:
        return read_error(d, out);
    case WIRE_REFERENCE:
        return read_reference(d, out);
    default: /* WIRE_HOLE and WIRE_END where they don't belong among them */
        if (is_buffer_tag(tag)) return read_any_buffer(d, tag, out);
        return malformed(d, "a tag is unknown or out of place");
    }
}

/* --- frames, step by step ----------------------------------------------------------------- */

/* Into slots, each of which is a value, or a hole, once it is counted. */
static Step fill_slots(Decoder *d, DecodeFrame *frame) {
    bool may_have_holes = frame->kind != READ_ROOT;
    uint32_t depth = d->frames.depth;
    while (frame->index < frame->count) {
        JSValue *slot = &frame->slots[frame->index++];
        *slot = JS_UNDEFINED;
        if (may_have_holes && d->at < d->end && *d->at == WIRE_HOLE) {
            d->at++;
            *slot = JS_UNINITIALIZED;
            frame->has_holes = true;
            continue;
        }
        if (!read_value(d, slot)) return FAILED;
        if (d->frames.depth > depth) return TAKEN;
    }
    return FINISHED;
}

static Step fill_pairs(Decoder *d, DecodeFrame *frame) {
    uint8_t tag;
    JSAtom key;
    if (!read_u8(d, &tag)) return FAILED;
    if (tag == WIRE_END) return FINISHED;
    JSValue value = JS_UNDEFINED;
    if (!read_key(d, tag, &key)) return FAILED;
    int defined = -1;
    if (read_value(d, &value))
        defined = engine_define(d->ctx, object_of(frame), key, value, JS_PROP_C_W_E);
    JS_FreeAtom(d->ctx, key);
    if (defined == 0) malformed(d, "an object has a key twice");
    if (defined <= 0) return FAILED;
    if (frame->is_array && engine_array_length(object_of(frame)) != frame->length)
        return taken(malformed(d, "an array has an element behind its end"));
    return TAKEN;
}

static bool add_entry(Decoder *d, const DecodeFrame *frame, JSValue key, JSValue value) {
    int added = engine_map_add(d->ctx, object_of(frame), key, value);
    if (added == 0) malformed(d, "a Map or Set has a key twice");
    return added > 0;
}

static Step fill_set(Decoder *d, DecodeFrame *frame) {
    JSValue value = JS_UNDEFINED;
    if (frame->index == frame->count) return FINISHED;
    frame->index++;
    return taken(read_value(d, &value) && add_entry(d, frame, value, JS_UNDEFINED));
}

/* A key or a value. A key waits until its value is there: by then its own contents are, too. */
static Step fill_map(Decoder *d, DecodeFrame *frame) {
    JSValue value = JS_UNDEFINED;
    if (frame->index == frame->count) return FINISHED;
    bool is_key = frame->index++ % 2 == 0;
    if (!read_value(d, &value)) return FAILED;
    JSValue key = frame->pending;
    frame->pending = is_key ? value : JS_UNDEFINED;
    return taken(is_key || add_entry(d, frame, key, value));
}

/* The props were read as an object of their own: its properties become the error's, and so does
 * its number. */
static bool move_props(Decoder *d, DecodeFrame *frame) {
    JSPropertyEnum *keys;
    uint32_t count;
    int defined = 1;
    if (!own_keys(d->ctx, frame->pending, &keys, &count)) return false;
    for (uint32_t i = 0; defined > 0 && i < count; i++) {
        JSValue value = JS_GetProperty(d->ctx, frame->pending, keys[i].atom);
        defined = engine_define(d->ctx, object_of(frame), keys[i].atom, value, JS_PROP_C_W_E);
    }
    JS_FreePropertyEnum(d->ctx, keys, count);
    if (defined == 0) malformed(d, "an error has a property twice");
    if (defined <= 0) return false;
    d->objects[frame->number] = frame->object;
    JS_FreeValue(d->ctx, frame->pending);
    frame->pending = JS_UNDEFINED;
    return true;
}

static bool fill_error_child(Decoder *d, DecodeFrame *frame, uint32_t child) {
    uint8_t tag = d->at < d->end ? *d->at : WIRE_END;
    JSValue value = JS_UNDEFINED;
    if (child == ERROR_PROPS) {
        if (tag != WIRE_OBJECT && tag != WIRE_OBJECT_SHAPE && tag != WIRE_OBJECT_PAIRS)
            return malformed(d, "an error's properties are no object");
        frame->number = d->object_count;
        return read_value(d, &frame->pending);
    }
    if (!read_value(d, &value)) return false;
    if (child == ERROR_ERRORS && !is_array(d->ctx, value)) {
        JS_FreeValue(d->ctx, value);
        return malformed(d, "an error's errors are no array");
    }
    return define_on_error(d, object_of(frame), child == ERROR_CAUSE ? "cause" : "errors", value);
}

static Step fill_error(Decoder *d, DecodeFrame *frame) {
    if (JS_IsObject(frame->pending) && !move_props(d, frame)) return FAILED;
    while (frame->index < frame->count && !has_part(frame->flags, frame->index)) frame->index++;
    if (frame->index == frame->count) return FINISHED;
    return taken(fill_error_child(d, frame, frame->index++));
}

static Step fill(Decoder *d, DecodeFrame *frame) {
    switch ((ReadKind)frame->kind) {
    case READ_ROOT:
    case READ_ARRAY:
    case READ_OBJECT:
        return fill_slots(d, frame);
    case READ_PAIRS:
        return fill_pairs(d, frame);
    case READ_MAP:
        return fill_map(d, frame);
    case READ_SET:
        return fill_set(d, frame);
    case READ_ERROR:
        return fill_error(d, frame);
    }
    return FAILED;
}

/* --- all of it ---------------------------------------------------------------------------- */

/* Takes the top frame off, complete or given up. */
static bool pop_read(Decoder *d, bool complete) {
    JSContext *ctx = d->ctx;
    DecodeFrame *frame = top(d);
    bool fine = true, has_holes = complete && frame->has_holes;
    if (frame->kind == READ_ARRAY)
        fine = engine_array_filled(ctx, object_of(frame), frame->index, has_holes) == 0;
    if (frame->kind == READ_OBJECT && has_holes)
        fine = engine_object_filled(ctx, object_of(frame), frame->shape) == 0;
    if (frame->kind == READ_ROOT && !complete)
        for (uint32_t i = 0; i < frame->index; i++) JS_FreeValue(ctx, frame->slots[i]);
    d->owed = frame->owed;
    JS_FreeValue(ctx, frame->pending);
    if (frame->object) JS_FreeValue(ctx, object_of(frame));
    frames_pop(&d->frames);
    return fine;
}

static bool read_all(Decoder *d, JSValue *values, uint32_t count) {
    DecodeFrame *root = push_read(d, READ_ROOT, NULL, count);
    if (!root) return false;
    root->slots = values;
    while (d->frames.depth > 0) {
        Step how = fill(d, top(d));
        if (how == FAILED) return false;
        if (how == TAKEN) continue;
        if (d->frames.depth == 1 && d->at < d->end) return malformed(d, "bytes are left over");
        if (!pop_read(d, true)) return false;
    }
    return true;
}

static void decoder_init(Decoder *d, JSContext *ctx, const uint8_t *data, size_t length,
                         const CloneScope *scope) {
    d->ctx = ctx;
    d->scope = scope;
    d->start = d->at = data;
    d->end = data + length;
    d->malformed = NULL;
    d->owed = 0;
    frames_init(&d->frames, d->first_frames);
    d->objects = d->first_objects;
    d->shapes = d->first_shapes;
    d->object_capacity = FIRST_OBJECTS;
    d->shape_capacity = FIRST_SHAPES;
    d->object_count = d->shape_count = 0;
}

static void decoder_free(Decoder *d) {
    while (d->frames.depth > 0) pop_read(d, false);
    while (d->shape_count > 0) engine_shape_drop(d->ctx, d->shapes[--d->shape_count]);
    frames_free(d->ctx, &d->frames);
    release(d->ctx, d->objects, d->first_objects);
    release(d->ctx, d->shapes, d->first_shapes);
}

static void throw_malformed(const Decoder *d) {
    char text[160];
    snprintf(text, sizeof text, "the encoding of a value is malformed at byte %zu of %zu: %s",
             (size_t)(d->at - d->start), (size_t)(d->end - d->start), d->malformed);
    JSValue name = engine_new_string(d->ctx, ascii("DataCloneError"));
    JSValue message = engine_new_string(d->ctx, ascii(text));
    JSValue exception = engine_new_dom_exception(d->ctx, name, message);
    if (!JS_IsException(exception)) JS_Throw(d->ctx, exception);
}

int clone_decode(JSContext *ctx, const uint8_t *data, size_t length, const CloneScope *scope,
                 JSValue *values, uint32_t count) {
    Decoder d;
    JSRuntime *runtime = JS_GetRuntime(ctx);
    size_t threshold = JS_GetGCThreshold(runtime);
    bool backtraces = engine_backtraces(ctx, false);
    decoder_init(&d, ctx, data, length, scope);
    JS_SetGCThreshold(runtime, SIZE_MAX); /* there will be no garbage to look for */
    bool fine = read_all(&d, values, count);
    decoder_free(&d);
    if (!fine && d.malformed) throw_malformed(&d);
    if (!fine && !JS_HasException(ctx)) JS_ThrowOutOfMemory(ctx);
    JS_SetGCThreshold(runtime, threshold);
    engine_backtraces(ctx, backtraces);
    return fine ? 0 : -1;
}
