/* platform.c - see platform.h */
#include "platform.h"

#include "engine_values.h"

static JSClassID platform_id(const PlatformInterface *interface) {
    return engine_first_class() + interface->class;
}

static JSValue platform_illegal(JSContext *ctx, JSValueConst new_target, int argc,
                                JSValueConst *argv) {
    (void)new_target, (void)argc, (void)argv;
    return JS_ThrowTypeError(ctx, "Illegal constructor");
}

static JSValue platform_make(JSContext *ctx, const PlatformInterface *interface) {
    const JSClassDef definition = {
        .class_name = interface->name,
        .finalizer = interface->finalize,
        .gc_mark = interface->mark,
    };
    JSCFunction *construct = interface->construct ? interface->construct : platform_illegal;
    JSValue constructor = JS_NewCFunction2(ctx, construct, interface->name, interface->length,
                                           JS_CFUNC_constructor, 0);
    JSValue prototype = JS_NewObject(ctx);
    if (JS_IsException(constructor) || JS_IsException(prototype) ||
        JS_SetConstructor(ctx, constructor, prototype) ||
        JS_SetPropertyFunctionList(ctx, prototype, interface->members, interface->count) ||
        JS_NewClass(JS_GetRuntime(ctx), platform_id(interface), &definition)) {
        JS_FreeValue(ctx, prototype);
        JS_FreeValue(ctx, constructor);
        return JS_EXCEPTION;
    }
    JS_SetClassProto(ctx, platform_id(interface), prototype);
    return constructor;
}

JSValue platform_interface(JSContext *ctx, const PlatformInterface *interface) {
    if (!JS_IsRegisteredClass(JS_GetRuntime(ctx), platform_id(interface)))
        return platform_make(ctx, interface);
    JSValue prototype = JS_GetClassProto(ctx, platform_id(interface));
    JSValueConst constructor = JS_UNDEFINED; /* if the task took it away: then there is none */
    engine_own_value(ctx, prototype, "constructor", &constructor);
    JSValue held = JS_DupValue(ctx, constructor);
    JS_FreeValue(ctx, prototype);
    return held;
}

JSValue platform_new(JSContext *ctx, const PlatformInterface *interface, JSValueConst new_target,
                     void *opaque) {
    JSValue prototype = JS_UNDEFINED;
    if (!JS_IsUndefined(new_target)) prototype = JS_GetPropertyStr(ctx, new_target, "prototype");
    if (JS_IsException(prototype)) return JS_EXCEPTION;
    if (!JS_IsObject(prototype)) {
        JS_FreeValue(ctx, prototype);
        prototype = JS_GetClassProto(ctx, platform_id(interface));
    }
    JSValue made = JS_NewObjectProtoClass(ctx, prototype, platform_id(interface));
    JS_FreeValue(ctx, prototype);
    if (!JS_IsException(made)) JS_SetOpaque(made, opaque);
    return made;
}

JSValue platform_instance(JSContext *ctx, const PlatformInterface *interface, void *opaque) {
    JSValue made = platform_interface(ctx, interface);
    if (JS_IsException(made)) return JS_EXCEPTION;
    JS_FreeValue(ctx, made);
    return platform_new(ctx, interface, JS_UNDEFINED, opaque);
}

bool platform_self(JSContext *ctx, const PlatformInterface *interface, JSValueConst self,
                   void **opaque) {
    if (JS_GetClassID(self) != platform_id(interface)) {
        JS_ThrowTypeError(ctx, "Illegal invocation: this is not a %s", interface->name);
        return false;
    }
    *opaque = JS_GetOpaque(self, platform_id(interface));
    return true;
}

bool platform_option(JSContext *ctx, JSValueConst dictionary, const char *name, JSValue *value) {
    *value = JS_UNDEFINED;
    if (JS_IsUndefined(dictionary) || JS_IsNull(dictionary)) return true;
    if (!JS_IsObject(dictionary)) {
        JS_ThrowTypeError(ctx, "the options are no object");
        return false;
    }
    *value = JS_GetPropertyStr(ctx, dictionary, name);
    return !JS_IsException(*value);
}

static bool platform_register_object(JSContext *ctx) {
    static const JSClassDef definition = {.class_name = "Object"};
    JSClassID id = engine_first_class() + PLATFORM_OBJECT;
    JSRuntime *runtime = JS_GetRuntime(ctx);
    return JS_IsRegisteredClass(runtime, id) || JS_NewClass(runtime, id, &definition) == 0;
}

bool platform_brand(JSContext *ctx, JSValueConst object) {
    return platform_register_object(ctx) &&
           engine_brand(object, engine_first_class() + PLATFORM_OBJECT);
}

JSValue platform_kept(JSContext *ctx) {
    JSClassID id = engine_first_class() + PLATFORM_OBJECT;
    if (!platform_register_object(ctx)) return JS_ThrowOutOfMemory(ctx);
    JSValue kept = JS_GetClassProto(ctx, id); /* no object's prototype, but a place to keep it */
    if (JS_IsObject(kept)) return kept;
    kept = JS_NewObjectProto(ctx, JS_NULL);
    if (!JS_IsException(kept)) JS_SetClassProto(ctx, id, JS_DupValue(ctx, kept));
    return kept;
}
