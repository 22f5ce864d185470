/**
 * Objects and arrays.
 *
 * @module
 */

/** @type {readonly import("../edits.mjs").Edit[]} */
export const OBJECTS = [
  {
    file: "quickjs.c",
    find: `\
    if (JS_VALUE_GET_TAG(source) != JS_TAG_OBJECT)
        return 0;
`,
    replace: `\
    if (JS_VALUE_GET_TAG(source) != JS_TAG_OBJECT) {
        if (JS_IsUndefined(source) || JS_IsNull(source))
            return 0;
        source = JS_ToObject(ctx, source);
        if (JS_IsException(source))
            return -1;
        ret = JS_CopyDataProperties(ctx, target, source, excluded, setprop);
        JS_FreeValue(ctx, source);
        return ret;
    }
`,
    why: 'Only objects were copied by spread in object literals: `{ ..."hi" }` was `{}`.',
    upstream: 'CopyDataProperties applies ToObject to its source: `({ ..."hi" })` is `{ 0: ' +
      '"h", 1: "i" }`.',
  },
  {
    file: "quickjs.c",
    find: `\
                if ((idx + 1) > len) {
`,
    replace: `\
                if ((idx + 1) > len) {
                    if (!p->extensible)
                        goto not_extensible;
`,
    why: "Defining an index on an array that can't be extended failed, as it must, but " +
      "had made the array longer.",
    upstream: "JS_CreateProperty raises an array's length before it asks whether the array is " +
      "extensible: `a = Object.seal([1]); Reflect.defineProperty(a, 1, { value: 2 })` " +
      "leaves a.length at 2.",
  },
  {
    changes: [
      {
        file: "quickjs.c",
        find: `\
            JS_FreeValue(ctx, res);
        }

        res = js_array_push(ctx, prop, 1, vc(&v), /*unshift*/0);
        if (JS_IsException(res))
            goto exception;
        // res is an int64

        JS_FreeValue(ctx, prop);
`,
        replace: `\
            JS_FreeValue(ctx, res);
        }

        if (js_array_append(ctx, prop, v) < 0)
            goto exception;

        JS_FreeValue(ctx, prop);
`,
      },
      {
        file: "quickjs.c",
        find: `\
                    JS_SetPropertyInt64(ctx, jsc->property_list, j++, v);
`,
        replace: `\
                    if (JS_DefinePropertyValueInt64(ctx, jsc->property_list, j++, v,
                                                    JS_PROP_C_W_E) < 0)
                        goto exception;
`,
      },
      {
        file: "quickjs.c",
        find: `\
        v = js_array_push(ctx, jsc->stack, 1, vc(&val), 0);
        if (check_exception_free(ctx, v))
`,
        replace: `\
        if (js_array_append(ctx, jsc->stack, val) < 0)
`,
      },
      {
        file: "quickjs.c",
        find: `\
            if (JS_SetPropertyInt64(ctx, A, n++, matchStr) < 0)
`,
        replace: `\
            if (JS_DefinePropertyValueInt64(ctx, A, n++, matchStr,
                                            JS_PROP_C_W_E | JS_PROP_THROW) < 0)
`,
      },
      {
        file: "quickjs.c",
        find: `\
            if (JS_SetPropertyUint32(ctx, obj, i, js_dup(argv[i])) < 0)
`,
        replace: `\
            if (JS_DefinePropertyValueUint32(ctx, obj, i, js_dup(argv[i]),
                                             JS_PROP_C_W_E | JS_PROP_THROW) < 0)
`,
      },
      {
        file: "quickjs.c",
        find: `\
        res = js_array_push(ctx, prop, 1, vc(&v), /*unshift*/0);
        if (JS_IsException(res))
            goto exception;
        // res is an int64
`,
        replace: `\
        if (js_array_append(ctx, prop, v) < 0)
            goto exception;
`,
      },
      {
        file: "quickjs.c",
        find: `\
static JSValue js_object_groupBy(JSContext *ctx, JSValueConst this_val,
                                 int argc, JSValueConst *argv)
{
    JSValue res, iter, next, groups, k, v, prop;
`,
        replace: `\
/* CreateDataProperty at the end of an array of ours: unlike push() it takes
   no notice of what is on Array.prototype */
static int js_array_append(JSContext *ctx, JSValueConst arr, JSValueConst val)
{
    JSValue res;
    int64_t len;

    if (likely(ctx->std_array_prototype)) {
        res = js_array_push(ctx, arr, 1, vc(&val), /*unshift*/0);
        return JS_IsException(res) ? -1 : 0; // res is an int64
    }
    if (js_get_length64(ctx, &len, arr))
        return -1;
    return JS_DefinePropertyValueInt64(ctx, arr, len, js_dup(val),
                                       JS_PROP_C_W_E | JS_PROP_THROW);
}

static JSValue js_object_groupBy(JSContext *ctx, JSValueConst this_val,
                                 int argc, JSValueConst *argv)
{
    JSValue iter, next, groups, k, v, prop;
`,
      },
    ],
    why: "Arrays that builtins make (Array(1, 2), match with the flag g, groupBy) and " +
      "those that JSON.stringify uses inside were filled by [[Set]], and so called " +
      "setters that a program had put on Array.prototype, or failed.",
    upstream: "CreateDataPropertyOrThrow is what the standard asks for there. With " +
      "`Object.defineProperty(Array.prototype, 0, { set() { throw 1 } })`, " +
      "`JSON.stringify({})` throws.",
  },
  {
    file: "quickjs.c",
    find: `\
        if (array[n].pos == n) {
            JS_FreeValue(ctx, array[n].val);
        } else {
            if (JS_SetPropertyInt64(ctx, obj, n, array[n].val) < 0) {
                n++;
                goto exception;
            }
`,
    replace: `\
        if (JS_SetPropertyInt64(ctx, obj, n, array[n].val) < 0) {
            n++;
            goto exception;
`,
    why: "Array.prototype.sort did not write the elements that stay where they are: no " +
      "setter was called, a frozen array that is in order was no error, and what the " +
      "comparison had put there stayed.",
    upstream: "SortIndexedProperties writes all: `Object.freeze([1, 2]).sort()` is a " +
      "TypeError.",
  },
  {
    changes: [
      {
        file: "quickjs.c",
        find: `\
            for (; i < len; i++, pval++) {
                if (-1 == JS_TryGetPropertyInt64(ctx, obj, i, pval))
`,
        replace: `\
            for (; i < len; i++, pval++) {
                if (js_get_element(ctx, obj, i, pval))
`,
      },
      {
        file: "quickjs.c",
        find: `\
            if (-1 == JS_TryGetPropertyInt64(ctx, obj, i, pval))
                goto exception;
        for (j = 0; j < add; j++, pval++)
            *pval = js_dup(argv[2 + j]);
        for (i += del; i < len; i++, pval++)
            if (-1 == JS_TryGetPropertyInt64(ctx, obj, i, pval))
`,
        replace: `\
            if (js_get_element(ctx, obj, i, pval))
                goto exception;
        for (j = 0; j < add; j++, pval++)
            *pval = js_dup(argv[2 + j]);
        for (i += del; i < len; i++, pval++)
            if (js_get_element(ctx, obj, i, pval))
`,
      },
      {
        file: "quickjs.c",
        find: `\
                if (-1 == JS_TryGetPropertyInt64(ctx, obj, i, pval))
`,
        replace: `\
                if (js_get_element(ctx, obj, i, pval))
`,
      },
      {
        file: "quickjs.c",
        find: `\
            if (-1 == JS_TryGetPropertyInt64(ctx, obj, i, pval))
                goto exception;
        *pval = js_dup(argv[1]);
        for (i++, pval++; i < len; i++, pval++) {
            if (-1 == JS_TryGetPropertyInt64(ctx, obj, i, pval))
`,
        replace: `\
            if (js_get_element(ctx, obj, i, pval))
                goto exception;
        *pval = js_dup(argv[1]);
        for (i++, pval++; i < len; i++, pval++) {
            if (js_get_element(ctx, obj, i, pval))
`,
      },
      {
        file: "quickjs.c",
        find: `\

static JSValue js_array_with(JSContext *ctx, JSValueConst this_val,
`,
        replace: `\

/* Get(), for arrays that are made without holes */
static int js_get_element(JSContext *ctx, JSValueConst obj, int64_t idx, JSValue *pval)
{
    *pval = JS_GetPropertyInt64(ctx, obj, idx);
    return JS_IsException(*pval) ? -1 : 0;
}

static JSValue js_array_with(JSContext *ctx, JSValueConst this_val,
`,
      },
    ],
    why: "toSpliced, toReversed, toSorted and with asked a proxy whether it has an index " +
      "instead of reading it, so that elements were lost.",
    upstream: "They read each element with Get(): `Array.prototype.toSpliced.call(new " +
      "Proxy([5], { has: () => false }), 1, 0)` is [5].",
  },
  {
    changes: [
      {
        file: "quickjs.c",
        find: `\
    res = JS_IsExtensible(ctx, obj);
    if (res < 0)
        return JS_EXCEPTION;
    res ^= 1;
`,
        replace: `\
    res = true;
`,
      },
      {
        file: "quickjs.c",
        find: `\
    p = JS_VALUE_GET_OBJ(obj);
    flags = JS_GPN_STRING_MASK | JS_GPN_SYMBOL_MASK;
`,
        replace: `\
    p = JS_VALUE_GET_OBJ(obj);
    res = JS_IsExtensible(ctx, obj);
    if (res < 0)
        return JS_EXCEPTION;
    if (res)
        return JS_FALSE;
    flags = JS_GPN_STRING_MASK | JS_GPN_SYMBOL_MASK;
`,
      },
    ],
    why: "Object.isSealed and Object.isFrozen asked a proxy for its keys though it can " +
      "be extended, and threw what that throws.",
    upstream: "TestIntegrityLevel asks IsExtensible first, and is done if that is true.",
  },
  {
    file: "quickjs.c",
    find: `\
    JSValue len_val;
    len_val = JS_GetProperty(ctx, obj, JS_ATOM_length);
    if (JS_IsException(len_val)) {
        *pres = 0;
        return -1;
    }
    return JS_ToUint32Free(ctx, pres, len_val);
`,
    replace: `\
    int64_t len;
    *pres = 0;
    if (js_get_length64(ctx, &len, obj))
        return -1;
    *pres = len < UINT32_MAX ? len : UINT32_MAX;
    return 0;
`,
    why: "A length was taken modulo 2 ** 32 by array iterators, Function.prototype.apply " +
      "and others: one of -1 made an iterator that went on for 4 billion steps.",
    upstream: "LengthOfArrayLike clamps: `Array.prototype.keys.call({ length: -1 " +
      "}).next().done` is true.",
  },
  {
    changes: [
      {
        file: "quickjs.c",
        find: `\
                            cur_len = idx + 1;
                        }
                    }
                }

                for(i = 0, pr = get_shape_prop(sh); i < sh->prop_count;
                    i++, pr++) {
`,
        replace: `\
                            cur_len = idx + 1;
                        }
                    }
                }

                /* backwards, as deleting a property may move those behind
                   it and leave no gap */
                for(i = sh->prop_count - 1; i >= 0; i--) {
                    pr = &get_shape_prop(sh)[i];
`,
      },
      {
        file: "quickjs.c",
        find: `\
                            /* WARNING: the shape may have been modified */
                            sh = p->shape;
                            pr = &get_shape_prop(sh)[i];
`,
        replace: `\
                            sh = p->shape;
                            if (i > sh->prop_count)
                                i = sh->prop_count;
`,
      },
    ],
    why: "An array that is kept as properties and was made much shorter kept some elements " +
      "behind its end: those that were passed over when the engine packed its properties " +
      "meanwhile.",
    upstream: "set_array_length walks properties forwards while delete_property compacts " +
      "them. `a = [1, 2, ...]` of 64 and more, made slow by a getter, then a hole of some " +
      "thousands and `a.length = 2`: Object.keys(a) tells more than two.",
  },
  {
    file: "quickjs.c",
    find: `\
    return js_bool(JS_IsError(argv[0]));
`,
    replace: `\
    return js_bool(JS_IsError(argv[0]) || JS_GetClassID(argv[0]) == JS_CLASS_DOM_EXCEPTION);
`,
    why: "`Error.isError` did not know a DOMException.",
    upstream: "Web IDL gives a DOMException the slot [[ErrorData]]: `Error.isError(new " +
      "DOMException())` is true.",
  },
];
