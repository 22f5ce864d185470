/* structured.c - see structured.h
 *
 * The encoding lies outside of the arena, in the realm's buffer for that (Globals). A getter that
 * is read meanwhile may clone something itself: its encoding comes behind what there is of the
 * first one, and is gone when that goes on. A task that is left in the middle leaves bytes behind,
 * which the next one does not look at.
 */
#include "structured.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "clone.h"
#include "deferred.h"
#include "engine_values.h"
#include "globals.h"
#include "guard.h"
#include "platform.h"

static bool structured_refuse(JSContext *ctx, const char *message) {
    JS_ThrowDOMException(ctx, "DataCloneError", "%s", message);
    return false;
}

/* Throws what `failure` says, whose strings it takes over. */
static void structured_throw(JSContext *ctx, const CloneFailure *failure) {
    JSValue text = failure->message;
    if (engine_text(failure->path).length > 0) {
        const char *path = JS_ToCString(ctx, failure->path);
        const char *message = JS_ToCString(ctx, failure->message);
        size_t length = path && message ? strlen(path) + strlen(message) + 3 : 0;
        char *both = length ? js_malloc(ctx, length) : NULL;
        if (both) {
            snprintf(both, length, "%s: %s", path, message);
            text = JS_NewString(ctx, both);
        }
        js_free(ctx, both);
        JS_FreeCString(ctx, path);
        JS_FreeCString(ctx, message);
        JS_FreeValue(ctx, failure->message);
    }
    JS_FreeValue(ctx, failure->path);
    JSValue error = engine_new_dom_exception(ctx, JS_NewString(ctx, "DataCloneError"), text);
    if (!JS_IsException(error)) JS_Throw(ctx, error);
}

/* Whether all can be transferred, as far as that can be said before. */
static bool structured_may_transfer(JSContext *ctx, const JSValue *list, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        if (!JS_IsObject(list[i])) {
            JS_ThrowTypeError(ctx, "what is to be transferred is no object");
            return false;
        }
    }
    for (int64_t i = 0; i < count; i++) {
        if (engine_kind(ctx, list[i]) != ENGINE_BUFFER)
            return structured_refuse(ctx, "only an ArrayBuffer can be transferred");
        for (int64_t k = 0; k < i; k++)
            if (JS_VALUE_GET_PTR(list[k]) == JS_VALUE_GET_PTR(list[i]))
                return structured_refuse(ctx, "an ArrayBuffer is transferred twice");
    }
    return true;
}

/* Takes the memory away from all of them. */
static bool structured_detach(JSContext *ctx, const JSValue *list, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        if (engine_buffer(list[i]).detached)
            return structured_refuse(ctx, "a detached ArrayBuffer can't be transferred");
        if (JS_IsImmutableArrayBuffer(list[i]) > 0) {
            JS_ThrowTypeError(ctx, "an immutable ArrayBuffer can't be transferred");
            return false;
        }
        JS_DetachArrayBuffer(ctx, list[i]);
    }
    return true;
}

static JSValue structured_copy(JSContext *ctx, JSValueConst value, const JSValue *list,
                               int64_t count) {
    Globals *globals = JS_GetContextOpaque(ctx);
    Bytes *bytes = &globals->encoding;
    const CloneScope *task = globals->scope;
    /* Of what the host lent, only shared memory stays where it is. */
    CloneScope scope = {.lent = task->lent, .local = true};
    size_t start = bytes->length;
    CloneFailure failure;
    JSValue copy = JS_EXCEPTION;
    switch (clone_encode(ctx, value, bytes, &scope, &failure)) {
    case CLONE_OK:
        assert(scope.kept_count == 0);
        if (structured_detach(ctx, list, count) &&
            clone_decode(ctx, bytes->data + start, bytes->length - start, &scope, &copy, 1))
            copy = JS_EXCEPTION;
        break;
    case CLONE_THREW:
        break;
    case CLONE_UNCLONEABLE:
        structured_throw(ctx, &failure);
        break;
    case CLONE_NO_MEMORY:
        guard_leave(DFD_STATUS_MEMORY);
    }
    if (bytes->failed) guard_leave(DFD_STATUS_MEMORY); /* whatever else was wrong */
    bytes->length = start;
    return copy;
}

JSValue structured_clone(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    (void)self;
    if (argc < 1) return JS_ThrowTypeError(ctx, "structuredClone needs a value");
    JSValue transfer, *list = NULL, copy = JS_EXCEPTION;
    int64_t count = 0;
    if (!platform_option(ctx, argc > 1 ? argv[1] : JS_UNDEFINED, "transfer", &transfer))
        return JS_EXCEPTION;
    if (!JS_IsUndefined(transfer)) {
        if (JS_IsObject(transfer))
            count = engine_iterate(ctx, transfer, &list);
        else
            count = -1, JS_ThrowTypeError(ctx, "`transfer` is no list");
        JS_FreeValue(ctx, transfer);
    }
    if (count >= 0 && structured_may_transfer(ctx, list, count))
        copy = structured_copy(ctx, argv[0], list, count);
    while (count > 0) JS_FreeValue(ctx, list[--count]);
    js_free(ctx, list);
    return copy;
}
