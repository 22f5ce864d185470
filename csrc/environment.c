/* environment.c - see environment.h */
#include "environment.h"

#include "globals.h"
#include "os.h"
#include "platform.h"

#define ENVIRONMENT_COUNT(list) ((int)(sizeof(list) / sizeof *(list)))

/* --- performance -------------------------------------------------------------------------- */

static const PlatformInterface environment_performance;

/* Counted from the start of the task, not of the snapshot. */
static JSValue environment_now(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    (void)argc, (void)argv;
    void *unused;
    const Globals *globals = JS_GetContextOpaque(ctx);
    if (!platform_self(ctx, &environment_performance, self, &unused)) return JS_EXCEPTION;
    return JS_NewFloat64(ctx, os_now() - globals->start);
}

/* In Unix time. */
static JSValue environment_origin(JSContext *ctx, JSValueConst self, int which) {
    void *unused;
    const Globals *globals = JS_GetContextOpaque(ctx);
    (void)which;
    if (!platform_self(ctx, &environment_performance, self, &unused)) return JS_EXCEPTION;
    return JS_NewFloat64(ctx, os_wall_clock() - (os_now() - globals->start));
}

static JSValue environment_to_json(JSContext *ctx, JSValueConst self, int argc,
                                   JSValueConst *argv) {
    (void)argc, (void)argv;
    JSValue origin = environment_origin(ctx, self, 0);
    JSValue object = JS_IsException(origin) ? JS_EXCEPTION : JS_NewObject(ctx);
    if (JS_IsException(object)) return object;
    if (JS_DefinePropertyValueStr(ctx, object, "timeOrigin", origin, JS_PROP_C_W_E) >= 0)
        return object;
    JS_FreeValue(ctx, object);
    return JS_EXCEPTION;
}

static const JSCFunctionListEntry environment_performance_members[] = {
    PLATFORM_METHOD("now", 0, environment_now),
    PLATFORM_GETTER("timeOrigin", environment_origin, 0),
    PLATFORM_METHOD("toJSON", 0, environment_to_json),
    PLATFORM_TAG("Performance"),
};

static const PlatformInterface environment_performance = {
    .class = PLATFORM_PERFORMANCE,
    .name = "Performance",
    .members = environment_performance_members,
    .count = ENVIRONMENT_COUNT(environment_performance_members),
};

/* --- navigator ---------------------------------------------------------------------------- */

static const PlatformInterface environment_navigator;

static JSValue environment_processors(JSContext *ctx, JSValueConst self, int which) {
    void *unused;
    (void)which;
    if (!platform_self(ctx, &environment_navigator, self, &unused)) return JS_EXCEPTION;
    return JS_NewInt64(ctx, os_processors());
}

/* One product without a version, as the Minimum Common Web API recommends. */
static JSValue environment_user_agent(JSContext *ctx, JSValueConst self, int which) {
    void *unused;
    (void)which;
    if (!platform_self(ctx, &environment_navigator, self, &unused)) return JS_EXCEPTION;
    return JS_NewString(ctx, "Deferred");
}

static const JSCFunctionListEntry environment_navigator_members[] = {
    PLATFORM_GETTER("hardwareConcurrency", environment_processors, 0),
    PLATFORM_GETTER("userAgent", environment_user_agent, 0),
    PLATFORM_TAG("Navigator"),
};

static const PlatformInterface environment_navigator = {
    .class = PLATFORM_NAVIGATOR,
    .name = "Navigator",
    .members = environment_navigator_members,
    .count = ENVIRONMENT_COUNT(environment_navigator_members),
};

JSValue environment_make(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv,
                         int which) {
    (void)self, (void)argc, (void)argv;
    switch (which) {
    case ENVIRONMENT_PERFORMANCE:
        return platform_instance(ctx, &environment_performance, NULL);
    case ENVIRONMENT_PERFORMANCE_INTERFACE:
        return platform_interface(ctx, &environment_performance);
    case ENVIRONMENT_NAVIGATOR:
        return platform_instance(ctx, &environment_navigator, NULL);
    default:
        return platform_interface(ctx, &environment_navigator);
    }
}
