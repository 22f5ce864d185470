/* console.c - see console.h */
#include "console.h"

#include <string.h>

#include "deferred.h"
#include "engine_values.h"
#include "guard.h"
#include "loop.h"

JSValue console_kind(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    (void)self, (void)argc;
    const char *kind = "other";
    switch (engine_kind(ctx, argv[0])) {
    case ENGINE_PLAIN:
        kind = "plain";
        break;
    case ENGINE_ARRAY:
        kind = "array";
        break;
    case ENGINE_ERROR:
    case ENGINE_DOM_EXCEPTION:
        kind = "error";
        break;
    case ENGINE_DATE:
    case ENGINE_REGEXP:
    case ENGINE_BOXED:
        kind = "data";
        break;
    case ENGINE_MAP:
        kind = "map";
        break;
    case ENGINE_SET:
        kind = "set";
        break;
    case ENGINE_BUFFER:
    case ENGINE_SHARED:
        kind = "buffer";
        break;
    case ENGINE_VIEW:
        kind = "view";
        break;
    case ENGINE_FUNCTION:
        kind = "function";
        break;
    case ENGINE_PROXY:
        kind = "proxy";
        break;
    case ENGINE_PROMISE:
    case ENGINE_GLOBAL:
    case ENGINE_NAMESPACE:
    case ENGINE_OTHER:
        break;
    }
    return JS_NewString(ctx, kind);
}

JSValue console_has_room(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    Lines *lines = loop_of(ctx)->calls.post->lines;
    (void)self, (void)argc, (void)argv;
    if (lines->silent) return JS_FALSE;
    if (lines->left > 0 && atomic_load(&lines->unread) < DFD_LIMIT_UNREAD_MAX) return JS_TRUE;
    if (lines->dropped < UINT32_MAX) lines->dropped++;
    return JS_FALSE;
}

JSValue console_print(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    Calls *calls = &loop_of(ctx)->calls;
    Lines *lines = calls->post->lines;
    Bytes *line = &calls->post->line;
    (void)self, (void)argc;
    if (calls->printing) return JS_FALSE; /* by a getter of what is being printed */
    uint32_t head[] = {DFD_EVENT_TYPE_LINE, 0, 0, 0};
    CloneFailure failure;
    calls->printing = true;
    CloneResult result =
        calls_encode(ctx, calls, line, DFD_LIMIT_UNREAD_MAX, head, argv[0], &failure);
    calls->printing = false;
    if (line->starved) guard_leave(DFD_STATUS_RESOURCES);
    if (result == CLONE_UNCLONEABLE) {
        JS_FreeValue(ctx, failure.message);
        JS_FreeValue(ctx, failure.path);
    }
    if (result == CLONE_THREW) JS_FreeValue(ctx, JS_GetException(ctx));
    if (result != CLONE_OK || line->failed) return JS_FALSE;
    lines->left -= (double)(line->length - DFD_EVENT_VALUE);
    if (lines->left < 0) { /* the last one, which would be beyond the limit */
        lines->left = 0;
        if (lines->dropped < UINT32_MAX) lines->dropped++;
        return JS_TRUE;
    }
    memcpy(line->data + DFD_EVENT_DROPPED, &lines->dropped, sizeof lines->dropped);
    lines->dropped = 0;
    atomic_fetch_add(&lines->unread, (uint32_t)line->length);
    calls_post(ctx, calls, line);
    return JS_TRUE;
}
