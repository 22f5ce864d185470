/**
 * What ECMA-402 makes of the language's own functions: they know locales, by Intl (csrc/intl.h).
 *
 * @module
 */

const UPSTREAM = "None: upstream has no Intl, and says so. ECMA-402, 19: Locale Sensitive " +
  "Functions of the ECMAScript Language Specification.";

/** @type {readonly import("../edits.mjs").Edit[]} */
export const INTL = [
  {
    changes: [
      {
        file: "quickjs.c",
        find: `\
static JSValue JS_ToLocaleStringFree(JSContext *ctx, JSValue val)
{
    if (JS_IsUndefined(val) || JS_IsNull(val))
        return JS_ToStringFree(ctx, val);
    return JS_InvokeFree(ctx, val, JS_ATOM_toLocaleString, 0, NULL);
}
`,
        replace: `\
static JSValue JS_ToLocaleStringFree(JSContext *ctx, JSValue val, int argc,
                                     JSValueConst *argv)
{
    JSValueConst args[2] = {argc > 0 ? argv[0] : JS_UNDEFINED,
                            argc > 1 ? argv[1] : JS_UNDEFINED};
    if (JS_IsUndefined(val) || JS_IsNull(val))
        return JS_ToStringFree(ctx, val);
    return JS_ToStringFree(ctx, JS_InvokeFree(ctx, val, JS_ATOM_toLocaleString, 2, args));
}
`,
      },
      {
        file: "quickjs.c",
        find: `\
        if (!JS_IsNull(el) && !JS_IsUndefined(el)) {
            if (toLocaleString) {
                el = JS_ToLocaleStringFree(ctx, el);
            }
`,
        replace: `\
        if (!JS_IsNull(el) && !JS_IsUndefined(el)) {
            if (toLocaleString) {
                el = JS_ToLocaleStringFree(ctx, el, argc, argv);
            }
`,
      },
      {
        file: "quickjs.c",
        find: `\
            if (JS_IsException(el))
                goto fail;
            if (toLocaleString) {
                el = JS_ToLocaleStringFree(ctx, el);
            }
`,
        replace: `\
            if (JS_IsException(el))
                goto fail;
            if (toLocaleString) {
                el = JS_ToLocaleStringFree(ctx, el, argc, argv);
            }
`,
      },
    ],
    why: "An array's toLocaleString gives its elements' the locales and options.",
    upstream: UPSTREAM,
  },
  {
    changes: [
      {
        file: "quickjs.c",
        find: `\
    JS_CFUNC_MAGIC_DEF("toLocaleString", 0, js_number_toString, 1 ),
`,
        replace: `\
    JS_CFUNC_MAGIC_DEF("toLocaleString", 0, engine_to_locale, ENGINE_LOCALE_NUMBER ),
`,
      },
      {
        file: "quickjs.c",
        find: `\
    JS_CFUNC_DEF("toString", 0, js_bigint_toString ),
`,
        replace: `\
    JS_CFUNC_DEF("toString", 0, js_bigint_toString ),
    JS_CFUNC_MAGIC_DEF("toLocaleString", 0, engine_to_locale, ENGINE_LOCALE_BIGINT ),
`,
      },
      {
        file: "quickjs.c",
        find: `\
    JS_CFUNC_MAGIC_DEF("toLocaleString", 0, get_date_string, 0x33 ),
    JS_CFUNC_MAGIC_DEF("toLocaleDateString", 0, get_date_string, 0x31 ),
    JS_CFUNC_MAGIC_DEF("toLocaleTimeString", 0, get_date_string, 0x32 ),
`,
        replace: `\
    JS_CFUNC_MAGIC_DEF("toLocaleString", 0, engine_to_locale, ENGINE_LOCALE_DATE ),
    JS_CFUNC_MAGIC_DEF("toLocaleDateString", 0, engine_to_locale, ENGINE_LOCALE_DATE_ONLY ),
    JS_CFUNC_MAGIC_DEF("toLocaleTimeString", 0, engine_to_locale, ENGINE_LOCALE_TIME_ONLY ),
`,
      },
      {
        file: "quickjs.c",
        find: `\
    JS_CFUNC_DEF("localeCompare", 1, js_string_localeCompare ),
`,
        replace: `\
    JS_CFUNC_MAGIC_DEF("localeCompare", 1, engine_to_locale, ENGINE_LOCALE_COMPARE ),
`,
      },
      {
        file: "quickjs.c",
        find: `\
    JS_CFUNC_MAGIC_DEF("toLocaleLowerCase", 0, js_string_toLowerCase, 1 ),
    JS_CFUNC_MAGIC_DEF("toLocaleUpperCase", 0, js_string_toLowerCase, 0 ),
`,
        replace: `\
    JS_CFUNC_MAGIC_DEF("toLocaleLowerCase", 0, engine_to_locale, ENGINE_LOCALE_LOWER ),
    JS_CFUNC_MAGIC_DEF("toLocaleUpperCase", 0, engine_to_locale, ENGINE_LOCALE_UPPER ),
`,
      },
    ],
    why: "These functions take locales and options.",
    upstream: UPSTREAM,
  },
  {
    file: "libunicode.c",
    find: `\
static int unicode_get_cc(uint32_t c)
`,
    replace: `\
int unicode_get_cc(uint32_t c)
`,
    why: "Collation asks for the class of a combining mark, which the engine has tables for.",
    upstream: "unicode_get_cc could be public, as unicode_normalize is.",
  },
];
