/* clone_encode.c - from a value to bytes; see clone.h and clone_parts.h
 *
 * Encoding runs code of the realm: getters (and an error's `name`, which may be one, and what
 * makes a string of its `message`). A proxy can't be cloned, so no trap is met but by way of an
 * error's prototype. Such code may change anything that is being walked; so keys, lengths and
 * entries are taken beforehand, as the standard says. Everything that has a number is held until
 * the end, so that no address is used twice.
 *
 * INVARIANT: no pointer into the engine's memory is used after code has run. What keeps it:
 *   - Code runs in the functions under "code of the task's", and nowhere else: behind them the
 *     engine's functions that run code can't be named.
 *   - Each of them counts (e->runs). Pointers are Borrowed, with the count of that moment; a
 *     debug build asserts it at each use.
 *   - What writes from borrowed memory is given the Output, and knows no encoder. Only one child
 *     in a step is more than that, and with it the step ends.
 *
 * Paths of failures: `.key`, `["odd key"]`, `[3]`; `.get("key")` for the value at a string key of
 * a Map, `[Map value 3]` at any other, `[Map key 3]` for a key and `[Set value 3]`, counted from 0
 * in their order.
 */
#include "clone_parts.h"
#include "clone_put.h"
#include "clone_stack.h"
#include "clone_table.h"
#include "clone_text.h"

/* --- state -------------------------------------------------------------------------------- */

enum { FIRST_MARKS = 2 };

typedef enum FrameKind {
    FRAME_ARRAY,    /* an array that was dense: elements by index */
    FRAME_OBJECT,   /* a plain object: properties in the order of its shape */
    FRAME_KEYS,     /* any object with a list of keys, as values of a shape */
    FRAME_PAIRS,    /* the same, as (key, value) */
    FRAME_NUMBERS,  /* elements that were all numbers so far: nothing of them is written yet */
    FRAME_ELEMENTS, /* elements with holes between */
    FRAME_MAP,
    FRAME_SET,
    FRAME_ERROR, /* cause, errors, props */
} FrameKind;

/* How far the encoder got: where it goes back to if a child can't be cloned. */
typedef struct Mark {
    size_t length, copied;
    uint32_t objects, lists, shapes, kept, moved;
} Mark;

/* As small as can be: a value may be a million of them deep. */
typedef struct EncodeFrame {
    uint8_t kind;              /* FRAME_* */
    uint8_t flags;             /* FRAME_ERROR: WIRE_ERROR_HAS_* */
    bool lenient;              /* children that can't be cloned are replaced: an error's contents */
    uint32_t index, count;     /* children taken, and all */
    uint32_t position, length; /* FRAME_ELEMENTS: elements written, and all with the holes */
    uint32_t key_count;
    void *object;       /* held by its number */
    EngineShape *shape; /* FRAME_OBJECT; held by the list of shapes */
    JSPropertyEnum
        *keys;       /* FRAME_KEYS, _PAIRS, _NUMBERS, _ELEMENTS, _ERROR (of its props); owned */
    JSValue *values; /* FRAME_MAP, _SET: the entries; _ERROR: cause, errors; _NUMBERS; owned */
} EncodeFrame;

/* A list of keys that has a shape number: its index among the lists. */
typedef struct KeyList {
    uint64_t hash; /* by which it is found */
    uint32_t count;
    JSAtom *keys; /* owned */
} KeyList;

/* One of the engine's shapes whose objects are FRAME_OBJECT, and its shape number. */
typedef struct KnownShape {
    uint64_t address;   /* of the shape, by which it is found */
    EngineShape *shape; /* held */
    uint32_t list;
    uint32_t count;
} KnownShape;

typedef struct Encoder {
    JSContext *ctx;
    CloneScope *scope; /* or NULL */
    Output out;
    CloneResult result;
    JSValue message; /* of what can't be cloned */
    uint32_t safe;   /* so many of scope->kept are out of reach of the task's code */
    uint32_t runs;   /* how often code of the task's may have run */

    Frames frames;
    Mark *marks; /* for each lenient frame, of the child that it is at */
    uint32_t mark_count, mark_capacity;
    uint64_t *objects; /* their addresses by number, held; 0 for the props of an error */
    uint32_t object_count, object_capacity;
    KeyList *lists; /* by shape number */
    uint32_t list_count, list_capacity;
    KnownShape *shapes;
    uint32_t shape_count, shape_capacity;
    KnownShape last; /* the last one found */
    Table object_table, list_table, shape_table;

    EncodeFrame first_frames[FIRST_FRAMES];
    Mark first_marks[FIRST_MARKS];
    uint64_t first_objects[FIRST_OBJECTS];
    KeyList first_lists[FIRST_SHAPES];
    KnownShape first_shapes[FIRST_SHAPES];
} Encoder;

/* --- failing ------------------------------------------------------------------------------ */

static bool fail(Encoder *e, CloneResult result) {
    e->result = result;
    return false;
}

static bool refuse(Encoder *e, JSValue message) {
    JS_FreeValue(e->ctx, e->message);
    e->message = message;
    return fail(e, CLONE_UNCLONEABLE);
}

static bool refuse_because(Encoder *e, const char *message) {
    return refuse(e, engine_new_string(e->ctx, ascii(message)));
}

static bool refuse_object(Encoder *e, JSValueConst object, EngineKind kind, const char *which) {
    return refuse(e, text_uncloneable(e->ctx, object, kind, which));
}

/* Takes the pending exception away; false if it must not be: the task is being ended. */
static bool swallow_exception(JSContext *ctx) {
    JSValue exception = JS_GetException(ctx);
    if (JS_IsUncatchableError(exception)) {
        JS_Throw(ctx, exception);
        return false;
    }
    JS_FreeValue(ctx, exception);
    return true;
}

/* --- where it failed ---------------------------------------------------------------------- */

static void path_map(Text *path, const EncodeFrame *frame, uint32_t entry) {
    if (entry % 2 == 0) {
        text_add_index(path, "Map key ", entry / 2);
        return;
    }
    EngineText key = engine_text(frame->values[entry - 1]);
    if (key.units)
        text_add_get(path, key);
    else
        text_add_index(path, "Map value ", entry / 2);
}

static void path_of_frame(Text *path, const EncodeFrame *frame) {
    static const char *const of_error[] = {".cause", ".errors", ""};
    if (frame->index == 0) return;
    uint32_t child = frame->index - 1;
    switch (frame->kind) {
    case FRAME_ARRAY:
        text_add_index(path, "", child);
        break;
    case FRAME_OBJECT:
        text_add_key(path, engine_shape_key(frame->shape, child));
        break;
    case FRAME_KEYS:
    case FRAME_PAIRS:
    case FRAME_NUMBERS:
    case FRAME_ELEMENTS:
        text_add_key(path, frame->keys[child].atom);
        break;
    case FRAME_MAP:
        path_map(path, frame, child);
        break;
    case FRAME_SET:
        text_add_index(path, "Set value ", child);
        break;
    case FRAME_ERROR:
        text_add_ascii(path, of_error[child]);
        break;
    }
}

static EncodeFrame *frame_at(const Encoder *e, uint32_t index) {
    return frames_at(&e->frames, sizeof(EncodeFrame), index);
}

/* The path through the frames from `from` up. Of a very deep one, both ends. */
static void path_add(Text *path, const Encoder *e, uint32_t from) {
    enum { END = 16 };
    uint32_t depth = e->frames.depth;
    for (uint32_t i = from; i < depth; i++) {
        if (i == from + END && depth - i > END) {
            text_add_ascii(path, "...");
            i = depth - END;
        }
        path_of_frame(path, frame_at(e, i));
    }
}

/* --- frames, numbers, shapes -------------------------------------------------------------- */

/* A new frame on top, which owns nothing. NULL, and e->result says so, when there is no memory. */
static EncodeFrame *push(Encoder *e, FrameKind kind, JSValueConst object, uint32_t count) {
    EncodeFrame *frame = frames_push(e->ctx, &e->frames, sizeof *frame);
    if (!frame) {
        fail(e, CLONE_THREW);
        return NULL;
    }
    frame->kind = (uint8_t)kind;
    frame->lenient = false;
    frame->index = 0;
    frame->count = count;
    frame->object = JS_VALUE_GET_PTR(object);
    frame->keys = NULL;
    frame->values = NULL;
    return frame;
}

static JSValueConst object_of(const EncodeFrame *frame) {
    return JS_MKPTR(JS_TAG_OBJECT, frame->object);
}

/* Lets the children of the top frame be replaced. */
static bool make_lenient(Encoder *e, EncodeFrame *frame) {
    if (e->mark_count == e->mark_capacity) {
        Mark *marks = enlarge(e->ctx, e->marks, e->first_marks, &e->mark_capacity, sizeof *marks);
        if (!marks) return fail(e, CLONE_THREW);
        e->marks = marks;
    }
    e->mark_count++;
    frame->lenient = true;
    return true;
}

static void free_values(JSContext *ctx, JSValue *values, uint32_t count) {
    for (uint32_t i = 0; values && i < count; i++) JS_FreeValue(ctx, values[i]);
    js_free(ctx, values);
}

/* How many values a frame owns that may have to be freed. */
static uint32_t value_count(const EncodeFrame *frame) {
    return frame->kind == FRAME_ERROR                             ? ERROR_PROPS
           : frame->kind == FRAME_MAP || frame->kind == FRAME_SET ? frame->count
                                                                  : 0;
}

static void pop(Encoder *e) {
    EncodeFrame *frame = frames_top(&e->frames, sizeof *frame);
    if (frame->keys) JS_FreePropertyEnum(e->ctx, frame->keys, frame->key_count);
    if (frame->values) free_values(e->ctx, frame->values, value_count(frame));
    e->mark_count -= frame->lenient;
    frames_pop(&e->frames);
}

static Mark mark(const Encoder *e) {
    return (Mark){
        .length = e->out.bytes->length,
        .copied = e->scope ? e->scope->copied : 0,
        .objects = e->object_count,
        .lists = e->list_count,
        .shapes = e->shape_count,
        .kept = e->scope ? e->scope->kept_count : 0,
        .moved = e->scope ? e->scope->moved_count : 0,
    };
}

/* A region is not given back after all, or was. */
static void let_go(JSContext *ctx, CloneScope *scope, uint32_t number) {
    CloneRegion *region = &scope->lent->regions[number];
    region->held = false;
    if (region->dropped && scope->freed) scope->freed(JS_GetRuntime(ctx), number);
}

/* Forgets the buffers that were met from the `count`th on. */
static void drop_kept(JSContext *ctx, CloneScope *scope, uint32_t count) {
    while (scope->kept_count > count) {
        CloneKept *kept = &scope->kept[--scope->kept_count];
        if (kept->copied) js_free(ctx, kept->memory.data);
        if (kept->lent) let_go(ctx, scope, kept->region);
        JS_FreeValue(ctx, JS_MKPTR(JS_TAG_OBJECT, kept->buffer));
    }
}

static void rewind_to(Encoder *e, Mark to) {
    JSContext *ctx = e->ctx;
    e->out.bytes->length = to.length;
    table_cut(&e->object_table, e->objects, sizeof *e->objects, e->object_count, to.objects);
    table_cut(&e->list_table, e->lists, sizeof *e->lists, e->list_count, to.lists);
    table_cut(&e->shape_table, e->shapes, sizeof *e->shapes, e->shape_count, to.shapes);
    while (e->object_count > to.objects) {
        void *object = (void *)(uintptr_t)e->objects[--e->object_count];
        if (object) JS_FreeValue(ctx, JS_MKPTR(JS_TAG_OBJECT, object));
    }
    while (e->list_count > to.lists) {
        KeyList *list = &e->lists[--e->list_count];
        for (uint32_t i = 0; i < list->count; i++) JS_FreeAtom(ctx, list->keys[i]);
        js_free(ctx, list->keys);
    }
    while (e->shape_count > to.shapes) engine_shape_drop(ctx, e->shapes[--e->shape_count].shape);
    e->last.shape = NULL;
    if (e->scope) {
        drop_kept(ctx, e->scope, to.kept);
        if (e->safe > to.kept) e->safe = to.kept;
        e->scope->moved_count = to.moved;
        e->scope->copied = to.copied;
    }
}

/* Gives the next number to an object (NULL: to the props of an error), which put_reference has just
 * not found. */
static bool add_object(Encoder *e, void *object) {
    if (e->object_count == e->object_capacity) {
        uint64_t *objects =
            enlarge(e->ctx, e->objects, e->first_objects, &e->object_capacity, sizeof *objects);
        if (!objects) return fail(e, CLONE_THREW);
        e->objects = objects;
    }
    e->objects[e->object_count++] = (uintptr_t)object;
    if (!object) return true;
    JS_DupValue(e->ctx, JS_MKPTR(JS_TAG_OBJECT, object));
    return table_add(e->ctx, &e->object_table, e->objects, sizeof *e->objects, e->object_count) ||
           fail(e, CLONE_THREW);
}

/* Writes a reference to an object that has a number; false if it has none. */
static bool put_reference(Encoder *e, JSValueConst object) {
    uint32_t number = table_find(&e->object_table, e->objects, sizeof *e->objects, e->object_count,
                                 (uintptr_t)JS_VALUE_GET_PTR(object));
    if (number == NO_NUMBER) return false;
    put_tag_n(e->out.bytes, WIRE_REFERENCE, number);
    return true;
}

static uint64_t hash_keys(const JSAtom *keys, uint32_t count) {
    uint64_t hash = count + 1;
    for (uint32_t i = 0; i < count; i++) {
        hash = (hash ^ keys[i]) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
    }
    return hash;
}

/* Whether the keys have a shape number, which is then in *number; else they get the next one. -1
 * when there is no memory. A list whose hash is taken has the next hash that is not. */
static int number_keys(Encoder *e, const JSAtom *keys, uint32_t count, uint32_t *number) {
    JSContext *ctx = e->ctx;
    uint64_t hash = hash_keys(keys, count);
    for (;; hash++) {
        *number = table_find(&e->list_table, e->lists, sizeof *e->lists, e->list_count, hash);
        if (*number == NO_NUMBER) break;
        const KeyList *list = &e->lists[*number];
        if (list->count == count && memcmp(list->keys, keys, count * sizeof *keys) == 0) return 1;
    }
    if (e->list_count == e->list_capacity) {
        KeyList *lists = enlarge(ctx, e->lists, e->first_lists, &e->list_capacity, sizeof *lists);
        if (!lists) return -1;
        e->lists = lists;
    }
    JSAtom *copy = js_malloc(ctx, (count ? count : 1) * sizeof *copy);
    if (!copy) return -1;
    for (uint32_t i = 0; i < count; i++) copy[i] = JS_DupAtom(ctx, keys[i]);
    *number = e->list_count;
    e->lists[e->list_count++] = (KeyList){.hash = hash, .count = count, .keys = copy};
    return table_add(ctx, &e->list_table, e->lists, sizeof *e->lists, e->list_count) ? 0 : -1;
}

/* --- what is no object: neither code nor the encoder ---------------------------------------- */

static bool is_string(JSValueConst value) {
    int tag = JS_VALUE_GET_TAG(value);
    return tag == JS_TAG_STRING || tag == JS_TAG_STRING_ROPE;
}

static bool is_number(JSValueConst value) {
    int tag = JS_VALUE_GET_NORM_TAG(value);
    return tag == JS_TAG_INT || tag == JS_TAG_FLOAT64;
}

static double number_of(JSValueConst value) {
    return JS_VALUE_GET_NORM_TAG(value) == JS_TAG_INT ? JS_VALUE_GET_INT(value)
                                                      : JS_VALUE_GET_FLOAT64(value);
}

/* Writes a value that is no object; false if it is one, or can't be cloned. */
static inline bool put_primitive(Output out, JSValueConst value) {
    switch (JS_VALUE_GET_NORM_TAG(value)) {
    case JS_TAG_INT:
        put_int(out.bytes, JS_VALUE_GET_INT(value));
        return true;
    case JS_TAG_FLOAT64:
        put_number(out.bytes, JS_VALUE_GET_FLOAT64(value));
        return true;
    case JS_TAG_BOOL:
        bytes_u8(out.bytes, JS_VALUE_GET_BOOL(value) ? WIRE_TRUE : WIRE_FALSE);
        return true;
    case JS_TAG_NULL:
        bytes_u8(out.bytes, WIRE_NULL);
        return true;
    case JS_TAG_UNDEFINED:
        bytes_u8(out.bytes, WIRE_UNDEFINED);
        return true;
    case JS_TAG_STRING:
    case JS_TAG_STRING_ROPE:
        put_string(out, value);
        return true;
    case JS_TAG_SHORT_BIG_INT:
    case JS_TAG_BIG_INT:
        put_bigint(out.bytes, value);
        return true;
    default:
        return false;
    }
}

/* Writes values up to the first that put_primitive leaves. Returns how many. */
static uint32_t put_primitives(Output out, const JSValue *values, uint32_t count) {
    uint32_t i = 0;
    while (i < count && put_primitive(out, values[i])) i++;
    return i;
}

typedef enum Numbers { NO_NUMBERS, INTS, DOUBLES } Numbers;

static Numbers numbers_of(const JSValue *values, uint32_t count) {
    Numbers numbers = INTS;
    for (uint32_t i = 0; i < count; i++) {
        int tag = JS_VALUE_GET_NORM_TAG(values[i]);
        if (tag == JS_TAG_INT) continue;
        if (tag != JS_TAG_FLOAT64) return NO_NUMBERS;
        if (numbers == INTS && !is_int32(JS_VALUE_GET_FLOAT64(values[i]))) numbers = DOUBLES;
    }
    return count ? numbers : NO_NUMBERS;
}

static void put_numbers(Output out, const JSValue *values, uint32_t count, Numbers numbers) {
    Bytes *bytes = out.bytes;
    size_t size = numbers == INTS ? sizeof(int32_t) : sizeof(double);
    put_tag_n(bytes, numbers == INTS ? WIRE_ARRAY_INT : WIRE_ARRAY_F64, count);
    if (!put_padding(out, size, count * size)) return;
    uint8_t *at = bytes->data + bytes->length;
    if (numbers == INTS) {
        for (uint32_t i = 0; i < count; i++, at += sizeof(int32_t)) {
            int32_t number = JS_VALUE_GET_NORM_TAG(values[i]) == JS_TAG_INT
                                 ? JS_VALUE_GET_INT(values[i])
                                 : (int32_t)JS_VALUE_GET_FLOAT64(values[i]);
            memcpy(at, &number, sizeof number);
        }
        bytes->length += count * size;
    } else {
        for (uint32_t i = 0; i < count; i++) put_f64(bytes, number_of(values[i]));
    }
}

/* --- code of the task's ------------------------------------------------------------------- */

/* Before code of the task's runs: what it might change of the buffers that were met is copied. They
 * are cloned as they were then. false if there is no memory. */
static bool save_kept(Encoder *e) {
    CloneScope *scope = e->scope;
    for (; scope && e->safe < scope->kept_count; e->safe++) {
        CloneKept *kept = &scope->kept[e->safe];
        uint8_t *copy = js_malloc(e->ctx, kept->memory.length);
        if (!copy) return false;
        memcpy(copy, kept->memory.data, kept->memory.length);
        kept->memory.data = copy;
        kept->copied = true;
    }
    return true;
}

/* To be asked before each call that can run code: false if there is no memory for it. */
static bool may_run(Encoder *e) {
    e->runs++;
    return save_kept(e);
}

/* A property if it is still an own one: 1, and the value, which is the caller's; 0 if it is gone;
 * -1 if its getter threw. */
static int read_own(Encoder *e, JSValueConst object, JSAtom key, JSValue *value) {
    int there = JS_GetOwnProperty(e->ctx, NULL, object, key);
    if (there <= 0) return there;
    if (!may_run(e)) return -1;
    *value = JS_GetProperty(e->ctx, object, key);
    return JS_IsException(*value) ? -1 : 1;
}

/* Makes undefined of what could not be got; false if the task is being ended. */
static bool forgive(JSContext *ctx, JSValue *value) {
    if (!JS_IsException(*value)) return true;
    *value = JS_UNDEFINED;
    return swallow_exception(ctx);
}

/* A string in one piece (it may be compared) or undefined, from a value that it takes over. */
static JSValue only_string(JSContext *ctx, JSValue value) {
    if (!is_string(value)) {
        JS_FreeValue(ctx, value);
        return JS_UNDEFINED;
    }
    JSValue flat = JS_ToString(ctx, value);
    JS_FreeValue(ctx, value);
    return flat;
}

/* An error's name, or undefined; and its message, which is made a string of, if it is an own data
 * property. What is hostile about them is left out. false if the task is being ended. */
static bool read_name(Encoder *e, JSValueConst error, JSValue *name) {
    if (!may_run(e)) return false;
    *name = JS_GetPropertyStr(e->ctx, error, "name");
    if (!forgive(e->ctx, name)) return false;
    *name = only_string(e->ctx, *name);
    return forgive(e->ctx, name);
}

static bool read_message(Encoder *e, JSValueConst error, JSValue *message) {
    JSValueConst own;
    if (!engine_own_value(e->ctx, error, "message", &own)) return true;
    if (!may_run(e)) return false;
    JSValue held = JS_DupValue(e->ctx, own); /* its toString may delete it */
    *message = JS_ToString(e->ctx, held);
    JS_FreeValue(e->ctx, held);
    return forgive(e->ctx, message);
}

/* Nothing below this line runs code by itself. */
#pragma GCC poison JS_GetProperty JS_GetPropertyStr JS_GetPropertyUint32 JS_GetPropertyInt64
#pragma GCC poison JS_SetProperty JS_SetPropertyStr JS_SetPropertyUint32 JS_DefineProperty
#pragma GCC poison JS_Call JS_Invoke JS_CallConstructor JS_Eval JS_GetLength JS_HasProperty
#pragma GCC poison JS_ToString JS_ToCString JS_ToNumber JS_ToFloat64 JS_ToInt32 JS_ToBool
#pragma GCC poison JS_GetPrototype JS_IsInstanceOf JS_DeleteProperty JS_ExecutePendingJob

/* Values where the engine keeps them. Code may move and free them; so they are good until it runs.
 */
typedef struct Borrowed {
    const JSValue *values;
    uint32_t count;
    uint32_t runs;
} Borrowed;

/* From the `index`th value on. */
static const JSValue *borrowed_from(const Encoder *e, const Borrowed *borrowed, uint32_t index) {
    (void)e;
    assert(borrowed->runs == e->runs); /* else code has run since */
    assert(index <= borrowed->count);
    return borrowed->values + index;
}

/* The elements that an array holds densely; none if it does not. */
static Borrowed borrow_elements(const Encoder *e, JSValueConst array) {
    Borrowed borrowed = {.runs = e->runs};
    if (!engine_elements(array, &borrowed.values, &borrowed.count)) borrowed.count = 0;
    return borrowed;
}

/* The values of a plain object's properties, if it still has the shape that they are known by. */
static Borrowed borrow_properties(const Encoder *e, JSValueConst object, const EngineShape *shape) {
    if (engine_shape(object) != shape) return (Borrowed){.runs = e->runs};
    return (Borrowed){engine_properties(object), engine_shape_size(shape), e->runs};
}

/* --- children ----------------------------------------------------------------------------- */

static bool encode_object(Encoder *e, JSValueConst object);

static bool encode_value(Encoder *e, JSValueConst value) {
    if (put_primitive(e->out, value)) return true;
    if (JS_IsObject(value)) return encode_object(e, value);
    if (JS_IsSymbol(value)) return refuse_because(e, "a symbol can't be cloned");
    return refuse_because(e, "a value that is internal to the engine can't be cloned");
}

/* Writes what read_own gave. */
static bool encode_own(Encoder *e, int there, JSValue value) {
    if (there < 0) return fail(e, CLONE_THREW);
    if (there == 0) {
        bytes_u8(e->out.bytes, WIRE_HOLE);
        return true;
    }
    bool fine = encode_value(e, value);
    JS_FreeValue(e->ctx, value); /* an object is held by its number */
    return fine;
}

/* The number of the next child, which may fail. */
static uint32_t take_child(Encoder *e, EncodeFrame *frame) {
    if (frame->lenient) e->marks[e->mark_count - 1] = mark(e);
    return frame->index++;
}

static bool encode_key(Encoder *e, const EncodeFrame *frame, JSAtom key) {
    JSValue value = JS_UNDEFINED;
    int there = read_own(e, object_of(frame), key, &value);
    return encode_own(e, there, value);
}

/* --- arrays ------------------------------------------------------------------------------- */

static void put_key(Encoder *e, JSAtom key) {
    char digits[12];
    put_text(e->out, engine_key_text(e->ctx, key, digits));
}

/* Whether a key is an index under `length`; all other keys of an array come behind these. */
static bool is_index(JSContext *ctx, JSAtom key, uint32_t length, uint32_t *index) {
    char digits[12];
    EngineText text = engine_key_text(ctx, key, digits);
    uint64_t value = 0;
    if (text.length == 0 || text.length > 10) return false;
    for (uint32_t i = 0; i < text.length; i++) {
        uint32_t unit = text_unit(text, i);
        if (unit < '0' || unit > '9' || (i > 0 && value == 0)) return false;
        value = value * 10 + (unit - '0');
    }
    *index = (uint32_t)value;
    return value < length;
}

/* A frame of an object that is written by a list of keys, which it takes over; NULL when there is
 * no memory. */
static EncodeFrame *push_keys(Encoder *e, FrameKind kind, JSValueConst object, JSPropertyEnum *keys,
                              uint32_t count) {
    EncodeFrame *frame = push(e, kind, object, count);
    if (!frame) {
        JS_FreePropertyEnum(e->ctx, keys, count);
        return NULL;
    }
    frame->keys = keys;
    frame->key_count = count;
    return frame;
}

/* An array that has holes, more properties than its elements, or elements that are more than data:
 * a frozen one, or one with accessors. */
static bool encode_array_by_keys(Encoder *e, JSValueConst array, bool lenient) {
    JSContext *ctx = e->ctx;
    JSPropertyEnum *keys;
    uint32_t count, last, length = engine_array_length(array);
    if (!own_keys(ctx, array, &keys, &count)) return fail(e, CLONE_THREW);
    bool all_indices = count == 0 || is_index(ctx, keys[count - 1].atom, length, &last);
    bool elements = all_indices && count >= length - count;
    bool whole = elements && count == length && count > 0;
    FrameKind kind = whole ? FRAME_NUMBERS : elements ? FRAME_ELEMENTS : FRAME_PAIRS;
    EncodeFrame *frame = push_keys(e, kind, array, keys, count);
    if (!frame) return false;
    frame->position = 0;
    frame->length = length;
    if (lenient && !make_lenient(e, frame)) return false;
    if (!whole)
        put_tag_n(e->out.bytes, elements ? WIRE_ARRAY : WIRE_ARRAY_PROPS, length);
    else if (!(frame->values = js_malloc(ctx, count * sizeof *frame->values)))
        return fail(e, CLONE_THREW);
    return true;
}

static bool encode_array(Encoder *e, JSValueConst array, bool lenient) {
    Borrowed elements = borrow_elements(e, array);
    uint32_t length = engine_array_length(array);
    if (!engine_array_is_bare(array) || elements.count != length)
        return encode_array_by_keys(e, array, lenient);
    Numbers numbers = numbers_of(elements.values, length);
    if (numbers != NO_NUMBERS) {
        put_numbers(e->out, elements.values, length, numbers);
        return true;
    }
    put_tag_n(e->out.bytes, WIRE_ARRAY, length);
    EncodeFrame *frame = push(e, FRAME_ARRAY, array, length);
    return frame && (!lenient || make_lenient(e, frame));
}

/* --- plain objects ------------------------------------------------------------------------ */

static bool put_shape(Encoder *e, const JSAtom *keys, uint32_t count, uint32_t *list) {
    int known = number_keys(e, keys, count, list);
    if (known < 0) return false;
    put_tag_n(e->out.bytes, known ? WIRE_OBJECT_SHAPE : WIRE_OBJECT, known ? *list : count);
    for (uint32_t i = 0; !known && i < count; i++) put_key(e, keys[i]);
    return true;
}

/* Writes an object by a list of keys, of which it takes the ownership. */
static bool encode_by_keys(Encoder *e, JSValueConst object, JSPropertyEnum *keys, uint32_t count,
                           bool lenient) {
    bool pairs = count > WIRE_SHAPE_KEYS;
    JSAtom atoms[WIRE_SHAPE_KEYS];
    uint32_t list;
    for (uint32_t i = 0; !pairs && i < count; i++) atoms[i] = keys[i].atom;
    EncodeFrame *frame = push_keys(e, pairs ? FRAME_PAIRS : FRAME_KEYS, object, keys, count);
    if (!frame || (lenient && !make_lenient(e, frame))) return false;
    if (pairs)
        bytes_u8(e->out.bytes, WIRE_OBJECT_PAIRS);
    else if (!put_shape(e, atoms, count, &list))
        return fail(e, CLONE_THREW);
    return true;
}

/* Finds or adds a shape of the engine, as e->last; false if its objects are to be written by their
 * keys, or (e->result says so) there is no memory. */
static bool find_shape(Encoder *e, EngineShape *shape, bool *is_new) {
    uint32_t number =
        table_find(&e->shape_table, e->shapes, sizeof *e->shapes, e->shape_count, (uintptr_t)shape);
    *is_new = number == NO_NUMBER;
    if (!*is_new) {
        e->last = e->shapes[number];
        return true;
    }
    int count = engine_shape_keys(e->ctx, shape);
    if (count < 0 || count > WIRE_SHAPE_KEYS) return false;
    if (e->shape_count == e->shape_capacity) {
        KnownShape *shapes =
            enlarge(e->ctx, e->shapes, e->first_shapes, &e->shape_capacity, sizeof *shapes);
        if (!shapes) return fail(e, CLONE_THREW);
        e->shapes = shapes;
    }
    e->last = (KnownShape){.address = (uintptr_t)shape, .count = (uint32_t)count};
    e->last.shape = engine_shape_hold(shape);
    e->shapes[e->shape_count++] = e->last;
    if (!table_add(e->ctx, &e->shape_table, e->shapes, sizeof *e->shapes, e->shape_count))
        return fail(e, CLONE_THREW);
    return true;
}

static bool put_new_shape(Encoder *e) {
    KnownShape *known = &e->shapes[e->shape_count - 1];
    JSAtom keys[WIRE_SHAPE_KEYS];
    for (uint32_t i = 0; i < known->count; i++) keys[i] = engine_shape_key(known->shape, i);
    if (!put_shape(e, keys, known->count, &known->list)) return false;
    e->last = *known;
    return true;
}

/* Writes the class of an instance whose class is known. */
static void put_class(Encoder *e, JSValueConst object) {
    void *prototype = engine_prototype(object);
    for (uint32_t i = 0; i < e->scope->class_count; i++) {
        if (JS_VALUE_GET_PTR(e->scope->classes[i]) != prototype) continue;
        put_tag_n(e->out.bytes, WIRE_INSTANCE, i);
        return;
    }
}

static bool encode_plain(Encoder *e, JSValueConst object) {
    if (e->scope && e->scope->class_count) put_class(e, object);
    EngineShape *shape = engine_shape(object);
    bool is_new = false;
    if (shape != e->last.shape && !find_shape(e, shape, &is_new)) {
        JSPropertyEnum *keys;
        uint32_t count;
        if (e->result != CLONE_OK) return false;
        if (!own_keys(e->ctx, object, &keys, &count)) return fail(e, CLONE_THREW);
        return encode_by_keys(e, object, keys, count, false);
    }
    if (!is_new)
        put_tag_n(e->out.bytes, WIRE_OBJECT_SHAPE, e->last.list);
    else if (!put_new_shape(e))
        return fail(e, CLONE_THREW);
    EncodeFrame *frame = push(e, FRAME_OBJECT, object, e->last.count);
    if (!frame) return false;
    frame->shape = shape;
    return true;
}

/* --- the other classes -------------------------------------------------------------------- */

static bool encode_map(Encoder *e, JSValueConst map, bool is_set) {
    uint32_t size = engine_map_size(map), count = is_set ? size : size * 2;
    EncodeFrame *frame = push(e, is_set ? FRAME_SET : FRAME_MAP, map, count);
    JSValue *values = frame ? js_malloc(e->ctx, (count ? count : 1) * sizeof *values) : NULL;
    if (!values) return fail(e, CLONE_THREW);
    engine_map_copy(e->ctx, map, values);
    frame->values = values;
    put_tag_n(e->out.bytes, is_set ? WIRE_SET : WIRE_MAP, size);
    return true;
}

/* Writes an object that every realm has by its number. */
static bool put_preset(Encoder *e, JSValueConst object) {
    const Presets *presets = e->scope ? e->scope->presets : NULL;
    uint32_t number = presets ? presets_find(presets, object) : PRESETS_NONE;
    if (number == PRESETS_NONE) return false;
    put_tag_n(e->out.bytes, WIRE_PRESET, number);
    return true;
}

/* The number of the region that was lent to the task and that a buffer is over, or NO_NUMBER. */
static uint32_t region_of(const Encoder *e, const EngineBuffer *buffer) {
    const CloneLent *lent = e->scope ? e->scope->lent : NULL;
    for (uint32_t i = 0; lent && i < lent->count; i++) {
        if (lent->regions[i].data == buffer->data && lent->regions[i].length == buffer->length)
            return i;
    }
    return NO_NUMBER;
}

/* Writes a buffer of which no copy is encoded, over a region or over the realm's memory. */
static bool encode_kept(Encoder *e, JSValueConst object, const EngineBuffer *buffer,
                        uint32_t region) {
    CloneScope *scope = e->scope;
    uint8_t *data = (uint8_t *)buffer->data;
    if (scope->kept_count == scope->kept_capacity) {
        uint32_t capacity = scope->kept_capacity ? scope->kept_capacity * 2 : 4;
        CloneKept *kept = js_realloc(e->ctx, scope->kept, capacity * sizeof *kept);
        if (!kept) return fail(e, CLONE_THREW);
        scope->kept = kept;
        scope->kept_capacity = capacity;
    }
    scope->kept[scope->kept_count++] = (CloneKept){
        .memory = {.data = data, .length = buffer->length},
        .lent = region == NO_NUMBER ? NULL : data,
        .region = region,
        .buffer = JS_VALUE_GET_PTR(object),
    };
    JS_DupValue(e->ctx, object);
    if (region == NO_NUMBER) {
        put_tag_n(e->out.bytes, WIRE_MOVED, scope->moved_count++);
    } else {
        scope->lent->regions[region].held = true;
        put_tag_n(e->out.bytes, WIRE_LENT, region);
    }
    return true;
}

/* Whether a region is given back already: another buffer over it was met, before its memory went
 * over to this one; or the encoding of what the task returned met it, and this is that of a call
 * which a getter made. */
static bool is_held(const Encoder *e, uint32_t region) {
    return e->scope->lent->regions[region].held;
}

static bool encode_shared(Encoder *e, JSValueConst object) {
    EngineBuffer buffer = engine_buffer(object);
    uint32_t region = region_of(e, &buffer);
    if (region == NO_NUMBER)
        return refuse_because(e, "a SharedArrayBuffer that the task made can't be cloned; pass "
                                 "one in");
    put_tag_n(e->out.bytes, WIRE_SHARED, region);
    return true;
}

/* Whether a buffer of the realm's own is to be moved: a large one for which no copy is left. */
static bool is_moved(CloneScope *scope, const EngineBuffer *buffer) {
    if (buffer->resizable || buffer->length < WIRE_KEEP_BYTES) return false;
    if (buffer->length > scope->may_copy - scope->copied) return true;
    scope->copied += buffer->length;
    return false;
}

/* Whether a buffer may leave without being copied. */
static bool may_keep(const CloneScope *scope, JSValueConst object) {
    if (!scope || scope->local) return false;
    for (uint32_t i = 0; scope->copies && i < scope->transfer_count; i++)
        if (JS_VALUE_GET_PTR(scope->transfer[i]) == JS_VALUE_GET_PTR(object)) return true;
    return !scope->copies;
}

static bool encode_buffer(Encoder *e, JSValueConst object) {
    EngineBuffer buffer = engine_buffer(object);
    if (buffer.shared) return encode_shared(e, object);
    if (buffer.detached) return refuse_object(e, object, ENGINE_BUFFER, "a detached ");
    uint32_t region = region_of(e, &buffer);
    bool keeps = may_keep(e->scope, object);
    if (keeps && (region == NO_NUMBER ? is_moved(e->scope, &buffer) : !is_held(e, region)))
        return encode_kept(e, object, &buffer, region);
    put_tag_n(e->out.bytes, buffer.resizable ? WIRE_BUFFER_RESIZABLE : WIRE_BUFFER, buffer.length);
    if (buffer.resizable) put_n(e->out.bytes, buffer.max_length);
    if (put_padding(e->out, 8, buffer.length))
        bytes_write(e->out.bytes, buffer.data, buffer.length);
    return true;
}

static bool encode_view(Encoder *e, JSValueConst object) {
    EngineView view = engine_view(object);
    if (engine_buffer(view.buffer).detached)
        return refuse_object(e, view.buffer, ENGINE_BUFFER, "a view of a detached ");
    if (view.out_of_bounds) return refuse_object(e, object, ENGINE_VIEW, "an out-of-bounds ");
    bytes_u8(e->out.bytes, WIRE_VIEW);
    bytes_u8(e->out.bytes, view.type);
    if (!put_reference(e, view.buffer)) {
        if (!add_object(e, JS_VALUE_GET_PTR(view.buffer))) return false;
        if (!put_preset(e, view.buffer) && !encode_buffer(e, view.buffer)) return false;
    }
    put_n(e->out.bytes, view.offset);
    bytes_u8(e->out.bytes, view.tracks_length);
    put_n(e->out.bytes, view.length);
    return true;
}

static bool encode_boxed(Encoder *e, JSValueConst value) {
    switch (JS_VALUE_GET_NORM_TAG(value)) {
    case JS_TAG_BOOL:
        bytes_u8(e->out.bytes, WIRE_BOOLEAN_OBJECT);
        bytes_u8(e->out.bytes, JS_VALUE_GET_BOOL(value) != 0);
        break;
    case JS_TAG_INT:
    case JS_TAG_FLOAT64:
        bytes_u8(e->out.bytes, WIRE_NUMBER_OBJECT);
        put_f64(e->out.bytes, number_of(value));
        break;
    case JS_TAG_STRING:
        bytes_u8(e->out.bytes, WIRE_STRING_OBJECT);
        put_string(e->out, value);
        break;
    default:
        bytes_u8(e->out.bytes, WIRE_BIGINT_OBJECT);
        put_bigint(e->out.bytes, value);
    }
    return true;
}

static bool encode_regexp(Encoder *e, JSValueConst regexp) {
    char flags[9];
    JSValue source = engine_regexp(e->ctx, regexp, flags);
    if (JS_IsException(source)) return fail(e, CLONE_THREW);
    bytes_u8(e->out.bytes, WIRE_REGEXP);
    put_string(e->out, source);
    put_text(e->out, ascii(flags));
    JS_FreeValue(e->ctx, source);
    return true;
}

/* --- errors ------------------------------------------------------------------------------- */

static const char *const error_names[] = {
#define ERROR_NAME(name, value) [value] = #name,
    WIRE_ERROR_MAP(ERROR_NAME)
#undef ERROR_NAME
};

/* The class that a name stands for; -1 if it stands for none. */
static int class_of_name(EngineText name) {
    for (int class = WIRE_ERROR_Error; class < WIRE_ERROR_DOMException; class++)
        if (text_is(name, error_names[class])) return class;
    return -1;
}

/* What an error is told by, each undefined if there is none. */
typedef struct ErrorStrings {
    JSValue name, message, stack;
} ErrorStrings;

static bool take_dom_strings(JSContext *ctx, JSValueConst exception, ErrorStrings *strings) {
    JSValueConst name, message;
    engine_dom_exception(exception, &name, &message);
    strings->name = only_string(ctx, JS_DupValue(ctx, name));
    strings->message = JS_DupValue(ctx, message);
    return forgive(ctx, &strings->name);
}

/* The engine keeps a stack of its own; accessors of the task's are not asked. */
static JSValue stack_of(JSContext *ctx, JSValueConst error) {
    JSValueConst stack;
    if (!engine_own_value(ctx, error, "stack", &stack)) stack = engine_error_stack(error);
    return only_string(ctx, JS_DupValue(ctx, stack));
}

/* The own enumerable keys of an error but those that travel otherwise. */
static bool prop_keys(JSContext *ctx, JSValueConst error, uint8_t flags, JSPropertyEnum **keys,
                      uint32_t *count) {
    uint32_t all, kept = 0;
    if (!own_keys(ctx, error, keys, &all)) return false;
    for (uint32_t i = 0; i < all; i++) {
        char digits[12];
        EngineText key = engine_key_text(ctx, (*keys)[i].atom, digits);
        bool other = text_is(key, "name") || text_is(key, "message") || text_is(key, "stack") ||
                     ((flags & WIRE_ERROR_HAS_CAUSE) && text_is(key, "cause")) ||
                     ((flags & WIRE_ERROR_HAS_ERRORS) && text_is(key, "errors"));
        if (other)
            JS_FreeAtom(ctx, (*keys)[i].atom);
        else
            (*keys)[kept++] = (*keys)[i];
    }
    *count = kept;
    if (kept == 0) {
        js_free(ctx, *keys);
        *keys = NULL;
    }
    return true;
}

/* The parts of an error that are values of any kind, into its frame. Returns their flags, or -1 if
 * there is no memory. */
static int take_error_parts(Encoder *e, EncodeFrame *frame, int class) {
    JSContext *ctx = e->ctx;
    JSValueConst error = object_of(frame), part;
    uint8_t flags = 0;
    JSValue *values = js_malloc(ctx, ERROR_PROPS * sizeof *values); /* but the props */
    if (!values) return -1;
    for (int i = 0; i < ERROR_PROPS; i++) values[i] = JS_UNDEFINED;
    frame->values = values;
    if (engine_own_value(ctx, error, "cause", &part)) {
        values[ERROR_CAUSE] = JS_DupValue(ctx, part);
        flags |= WIRE_ERROR_HAS_CAUSE;
    }
    if (class == WIRE_ERROR_AggregateError && engine_own_value(ctx, error, "errors", &part) &&
        is_array(ctx, part)) {
        values[ERROR_ERRORS] = JS_DupValue(ctx, part);
        flags |= WIRE_ERROR_HAS_ERRORS;
    }
    if (!prop_keys(ctx, error, flags, &frame->keys, &frame->key_count)) return -1;
    if (frame->keys) flags |= WIRE_ERROR_HAS_PROPS;
    return flags;
}

static int class_of_error(JSContext *ctx, JSValueConst error, bool is_dom_exception,
                          EngineText name) {
    if (is_dom_exception) return WIRE_ERROR_DOMException;
    int class = class_of_name(name);
    return class >= 0 ? class : engine_error_class(ctx, error);
}

static bool encode_error_with(Encoder *e, JSValueConst error, bool is_dom_exception,
                              const ErrorStrings *strings) {
    EngineText name = engine_text(strings->name);
    int class = class_of_error(e->ctx, error, is_dom_exception, name);
    EncodeFrame *frame = push(e, FRAME_ERROR, error, ERROR_PARTS);
    if (!frame || !make_lenient(e, frame)) return false;
    int flags = take_error_parts(e, frame, class);
    if (flags < 0) return fail(e, CLONE_THREW);
    if (name.units && !text_is(name, error_names[class])) flags |= WIRE_ERROR_HAS_NAME;
    if (is_string(strings->message)) flags |= WIRE_ERROR_HAS_MESSAGE;
    StackFrame frames[STACK_FRAMES];
    EngineText stack = engine_text(strings->stack);
    bool local = e->scope && e->scope->local;
    const CloneFiles *files = e->scope ? e->scope->files : NULL;
    int frame_count = stack.length > 0 && !local ? stack_parse(stack, files, frames) : -1;
    if (frame_count > 0) flags |= WIRE_ERROR_HAS_FRAMES;
    if (frame_count < 0 && is_string(strings->stack)) flags |= WIRE_ERROR_HAS_STACK;
    frame->flags = (uint8_t)flags;
    bytes_u8(e->out.bytes, WIRE_ERROR);
    bytes_u8(e->out.bytes, (uint8_t)class);
    bytes_u8(e->out.bytes, (uint8_t)flags);
    if (flags & WIRE_ERROR_HAS_NAME) put_text(e->out, name);
    if (flags & WIRE_ERROR_HAS_MESSAGE) put_string(e->out, strings->message);
    if (stack.length > STACK_TEXT) stack.length = STACK_TEXT;
    if (flags & WIRE_ERROR_HAS_STACK) put_text(e->out, stack);
    if (flags & WIRE_ERROR_HAS_FRAMES) stack_put(e->out, frames, frame_count);
    return true;
}

static bool encode_error(Encoder *e, JSValueConst error, bool is_dom_exception) {
    ErrorStrings strings = {JS_UNDEFINED, JS_UNDEFINED, JS_UNDEFINED};
    bool fine;
    if (is_dom_exception)
        fine = take_dom_strings(e->ctx, error, &strings);
    else
        fine = read_name(e, error, &strings.name) && read_message(e, error, &strings.message);
    if (fine) {
        strings.stack = stack_of(e->ctx, error);
        fine = forgive(e->ctx, &strings.stack)
                   ? encode_error_with(e, error, is_dom_exception, &strings)
                   : fail(e, CLONE_THREW);
    } else {
        fail(e, CLONE_THREW);
    }
    JS_FreeValue(e->ctx, strings.name);
    JS_FreeValue(e->ctx, strings.message);
    JS_FreeValue(e->ctx, strings.stack);
    return fine;
}

/* --- objects ------------------------------------------------------------------------------ */

static bool encode_contents(Encoder *e, JSValueConst object, EngineKind kind) {
    switch (kind) {
    case ENGINE_PLAIN:
        return encode_plain(e, object);
    case ENGINE_ARRAY:
        return encode_array(e, object, false);
    case ENGINE_ERROR:
    case ENGINE_DOM_EXCEPTION:
        return encode_error(e, object, kind == ENGINE_DOM_EXCEPTION);
    case ENGINE_DATE:
        bytes_u8(e->out.bytes, WIRE_DATE);
        put_f64(e->out.bytes, number_of(engine_boxed(object)));
        return true;
    case ENGINE_REGEXP:
        return encode_regexp(e, object);
    case ENGINE_BOXED:
        return encode_boxed(e, engine_boxed(object));
    case ENGINE_MAP:
    case ENGINE_SET:
        return encode_map(e, object, kind == ENGINE_SET);
    case ENGINE_BUFFER:
    case ENGINE_SHARED:
        return encode_buffer(e, object);
    case ENGINE_VIEW:
        return encode_view(e, object);
    default:
        return refuse_object(e, object, kind, "");
    }
}

/* Writes an object, or begins it: what it contains is written by the frame that was pushed. */
static bool encode_object(Encoder *e, JSValueConst object) {
    EngineKind kind = engine_kind(e->ctx, object);
    if (kind >= ENGINE_FUNCTION) return refuse_object(e, object, kind, "");
    if (put_reference(e, object)) return true;
    if (!add_object(e, JS_VALUE_GET_PTR(object))) return false;
    return put_preset(e, object) || encode_contents(e, object, kind);
}

/* --- frames, step by step ----------------------------------------------------------------- */

static Step step_array(Encoder *e, EncodeFrame *frame) {
    Borrowed elements = borrow_elements(e, object_of(frame));
    uint32_t here = elements.count < frame->count ? elements.count : frame->count;
    if (frame->index < here) {
        const JSValue *next = borrowed_from(e, &elements, frame->index);
        frame->index += put_primitives(e->out, next, here - frame->index);
    }
    if (frame->index == frame->count) return FINISHED;
    uint32_t index = take_child(e, frame);
    if (index < here) return taken(encode_value(e, *borrowed_from(e, &elements, index)));
    /* A getter took it away, or made more than data of it. */
    JSAtom key = JS_NewAtomUInt32(e->ctx, index);
    if (key == JS_ATOM_NULL) return taken(fail(e, CLONE_THREW));
    bool fine = encode_key(e, frame, key);
    JS_FreeAtom(e->ctx, key);
    return taken(fine);
}

static Step step_object(Encoder *e, EncodeFrame *frame) {
    Borrowed properties = borrow_properties(e, object_of(frame), frame->shape);
    if (frame->index < properties.count) {
        const JSValue *next = borrowed_from(e, &properties, frame->index);
        frame->index += put_primitives(e->out, next, properties.count - frame->index);
    }
    if (frame->index == frame->count) return FINISHED;
    uint32_t index = take_child(e, frame);
    if (index < properties.count)
        return taken(encode_value(e, *borrowed_from(e, &properties, index)));
    return taken(encode_key(e, frame, engine_shape_key(frame->shape, index)));
}

static Step step_keys(Encoder *e, EncodeFrame *frame) {
    if (frame->index == frame->count) return FINISHED;
    uint32_t index = take_child(e, frame);
    return taken(encode_key(e, frame, frame->keys[index].atom));
}

static Step step_pairs(Encoder *e, EncodeFrame *frame) {
    if (frame->index == frame->count) {
        bytes_u8(e->out.bytes, WIRE_END);
        return FINISHED;
    }
    JSAtom key = frame->keys[frame->index].atom;
    int there = JS_GetOwnProperty(e->ctx, NULL, object_of(frame), key);
    if (there > 0) put_key(e, key);
    take_child(e, frame);
    if (there < 0) return taken(fail(e, CLONE_THREW));
    return taken(there == 0 || encode_key(e, frame, key));
}

static void put_holes(Encoder *e, EncodeFrame *frame, uint32_t end) {
    for (; frame->position < end; frame->position++) bytes_u8(e->out.bytes, WIRE_HOLE);
}

static Step step_elements(Encoder *e, EncodeFrame *frame) {
    if (frame->index == frame->count) {
        put_holes(e, frame, frame->length);
        return FINISHED;
    }
    JSAtom key = frame->keys[frame->index].atom;
    uint32_t index = 0;
    is_index(e->ctx, key, UINT32_MAX, &index);
    put_holes(e, frame, index);
    frame->position++;
    take_child(e, frame);
    return taken(encode_key(e, frame, key));
}

/* Elements are read ahead as long as they are numbers, for which `values` has room: they may be
 * packed. At the first that is none, it goes on as an array like any other. */
static Step step_numbers(Encoder *e, EncodeFrame *frame) {
    JSValue *values = frame->values, value = JS_UNDEFINED;
    int there = 0;
    for (; frame->index < frame->count; frame->index++) {
        there = read_own(e, object_of(frame), frame->keys[frame->index].atom, &value);
        if (there <= 0 || !is_number(value)) break;
        values[frame->index] = value;
    }
    if (frame->index == frame->count) {
        put_numbers(e->out, values, frame->count, numbers_of(values, frame->count));
        return FINISHED;
    }
    put_tag_n(e->out.bytes, WIRE_ARRAY, frame->length);
    put_primitives(e->out, values, frame->index);
    frame->kind = FRAME_ELEMENTS;
    frame->position = frame->index + 1;
    take_child(e, frame);
    return taken(encode_own(e, there, value));
}

/* The entries of a Map or Set, which are the frame's own. */
static Step step_values(Encoder *e, EncodeFrame *frame) {
    const JSValue *next = frame->values + frame->index;
    frame->index += put_primitives(e->out, next, frame->count - frame->index);
    if (frame->index == frame->count) return FINISHED;
    uint32_t index = take_child(e, frame);
    return taken(encode_value(e, frame->values[index]));
}

/* The list of an AggregateError: its elements are replaced one by one. */
static bool encode_errors(Encoder *e, JSValueConst errors) {
    if (put_reference(e, errors)) return true;
    return add_object(e, JS_VALUE_GET_PTR(errors)) && encode_array(e, errors, true);
}

static bool encode_props(Encoder *e, EncodeFrame *frame) {
    JSPropertyEnum *keys = frame->keys;
    frame->keys = NULL; /* encode_by_keys takes them over */
    if (add_object(e, NULL))
        return encode_by_keys(e, object_of(frame), keys, frame->key_count, true);
    JS_FreePropertyEnum(e->ctx, keys, frame->key_count);
    return false;
}

static Step step_error(Encoder *e, EncodeFrame *frame) {
    while (frame->index < frame->count && !has_part(frame->flags, frame->index)) frame->index++;
    if (frame->index == frame->count) return FINISHED;
    switch (take_child(e, frame)) {
    case ERROR_CAUSE:
        return taken(encode_value(e, frame->values[ERROR_CAUSE]));
    case ERROR_ERRORS:
        return taken(encode_errors(e, frame->values[ERROR_ERRORS]));
    default:
        return taken(encode_props(e, frame));
    }
}

static Step step(Encoder *e, EncodeFrame *frame) {
    switch ((FrameKind)frame->kind) {
    case FRAME_ARRAY:
        return step_array(e, frame);
    case FRAME_OBJECT:
        return step_object(e, frame);
    case FRAME_KEYS:
        return step_keys(e, frame);
    case FRAME_PAIRS:
        return step_pairs(e, frame);
    case FRAME_NUMBERS:
        return step_numbers(e, frame);
    case FRAME_ELEMENTS:
        return step_elements(e, frame);
    case FRAME_MAP:
    case FRAME_SET:
        return step_values(e, frame);
    case FRAME_ERROR:
        return step_error(e, frame);
    }
    return FAILED;
}

/* --- all of it ---------------------------------------------------------------------------- */

/* What goes where something in an error can't: "[a function (`fn`) can't be cloned: .handler]". */
static JSValue replacement(Encoder *e, uint32_t from) {
    Text text = {.ctx = e->ctx};
    EngineText message =
        e->result == CLONE_UNCLONEABLE ? engine_text(e->message) : ascii("a getter threw");
    text_add_ascii(&text, "[");
    text_add(&text, message);
    uint32_t length = text.length;
    text_add_ascii(&text, ": ");
    path_add(&text, e, from);
    if (text.length == length + 2) text.length = length;
    text_add_ascii(&text, "]");
    return text_end(&text);
}

/* Whether the child that a frame is at may be any value. */
static bool is_replaceable(const EncodeFrame *frame) {
    if (!frame->lenient || frame->index == 0) return false;
    return frame->kind != FRAME_ERROR || frame->index - 1 == ERROR_CAUSE;
}

/* After a failure: goes back to the innermost child of an error that it lies in, and puts a string
 * in its place. false if it lies in none. */
static bool recover(Encoder *e) {
    uint32_t at = e->frames.depth;
    if (e->result != CLONE_UNCLONEABLE && e->result != CLONE_THREW) return false;
    while (at > 0 && !is_replaceable(frame_at(e, at - 1))) at--;
    if (at == 0) return false;
    if (e->result == CLONE_THREW && !swallow_exception(e->ctx)) return false;
    JSValue string = replacement(e, at);
    while (e->frames.depth > at) pop(e);
    rewind_to(e, e->marks[e->mark_count - 1]); /* of the frame that is now on top */
    put_string(e->out, string);
    JS_FreeValue(e->ctx, string);
    e->result = CLONE_OK;
    return true;
}

void clone_give_back(JSContext *ctx, CloneScope *scope) {
    for (uint32_t i = 0; i < scope->kept_count; i++) {
        CloneKept *kept = &scope->kept[i];
        if (!kept->lent || kept->lent == kept->memory.data) continue;
        assert(scope->lent->regions[kept->region].held); /* so that it still is the host's */
        memcpy(kept->lent, kept->memory.data, kept->memory.length);
        js_free(ctx, kept->memory.data);
        kept->memory.data = kept->lent;
        kept->copied = false;
    }
}

static void run(Encoder *e, JSValueConst value) {
    bool fine = encode_value(e, value);
    for (;;) {
        if (!fine && !recover(e)) return;
        if (e->out.bytes->failed) {
            e->result = CLONE_NO_MEMORY;
            return;
        }
        if (e->frames.depth == 0) return;
        Step how = step(e, frames_top(&e->frames, sizeof(EncodeFrame)));
        if (how == FINISHED) pop(e);
        fine = how != FAILED;
    }
}

static void encoder_init(Encoder *e, JSContext *ctx, Bytes *bytes, CloneScope *scope) {
    /* Not one initialiser: it would clear all that lies behind. */
    e->ctx = ctx;
    e->scope = scope;
    e->out = (Output){.bytes = bytes, .start = bytes->length};
    e->result = CLONE_OK;
    e->message = JS_UNDEFINED;
    e->safe = e->runs = 0;
    frames_init(&e->frames, e->first_frames);
    e->marks = e->first_marks;
    e->objects = e->first_objects;
    e->lists = e->first_lists;
    e->shapes = e->first_shapes;
    e->mark_capacity = FIRST_MARKS;
    e->object_capacity = FIRST_OBJECTS;
    e->list_capacity = e->shape_capacity = FIRST_SHAPES;
    e->mark_count = e->object_count = e->list_count = e->shape_count = 0;
    e->last.shape = NULL;
    e->object_table = e->list_table = e->shape_table = (Table){0};
}

static void encoder_free(Encoder *e) {
    while (e->frames.depth > 0) pop(e);
    table_free(e->ctx, &e->object_table);
    table_free(e->ctx, &e->list_table);
    table_free(e->ctx, &e->shape_table);
    Mark end = mark(e);
    rewind_to(e, (Mark){.length = end.length, .kept = end.kept, .moved = end.moved});
    frames_free(e->ctx, &e->frames);
    release(e->ctx, e->marks, e->first_marks);
    release(e->ctx, e->objects, e->first_objects);
    release(e->ctx, e->lists, e->first_lists);
    release(e->ctx, e->shapes, e->first_shapes);
}

void clone_free_kept(JSContext *ctx, CloneScope *scope) {
    drop_kept(ctx, scope, 0);
    js_free(ctx, scope->kept);
    scope->kept = NULL;
    scope->kept_capacity = scope->moved_count = 0;
    scope->copied = 0;
}

CloneResult clone_encode(JSContext *ctx, JSValueConst value, Bytes *bytes, CloneScope *scope,
                         CloneFailure *failure) {
    Encoder e;
    Text path = {.ctx = ctx};
    *failure = (CloneFailure){.message = JS_UNDEFINED, .path = JS_UNDEFINED};
    encoder_init(&e, ctx, bytes, scope);
    if (scope) {
        drop_kept(ctx, scope, 0);
        scope->moved_count = 0;
        scope->copied = 0;
    }
    run(&e, value);
    if (e.result == CLONE_UNCLONEABLE) {
        path_add(&path, &e, 0);
        failure->path = text_end(&path);
        failure->message = JS_DupValue(ctx, e.message);
    }
    if (e.result != CLONE_OK) rewind_to(&e, (Mark){.length = e.out.start});
    JS_FreeValue(ctx, e.message);
    encoder_free(&e);
    return e.result;
}
