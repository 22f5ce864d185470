/**
 * ArrayBuffers, their views, Atomics.
 *
 * @module
 */

/** @type {readonly import("../edits.mjs").Edit[]} */
export const BUFFERS = [
  {
    changes: [
      {
        file: "quickjs.c",
        find: `\
    if (JS_ToInt64(ctx, &len, argv[0]))
        return JS_EXCEPTION;
    if (abuf->detached)
        return JS_ThrowTypeErrorDetachedArrayBuffer(ctx);
    if (!array_buffer_is_resizable(abuf))
        return JS_ThrowTypeError(ctx, "array buffer is not resizable");
`,
        replace: `\
    if (!array_buffer_is_resizable(abuf))
        return JS_ThrowTypeError(ctx, "array buffer is not resizable");
    if (JS_ToInt64(ctx, &len, argv[0]))
        return JS_EXCEPTION;
    if (abuf->detached)
        return JS_ThrowTypeErrorDetachedArrayBuffer(ctx);
`,
      },
      {
        file: "quickjs.c",
        find: `\
                return JS_ThrowTypeError(ctx, "invalid array buffer length");
`,
        replace: `\
                return JS_ThrowRangeError(ctx, "invalid array buffer length");
`,
      },
      {
        file: "quickjs.c",
        find: `\
    if (array_buffer_is_resizable(abuf))
`,
        replace: `\
    if (array_buffer_is_resizable(abuf) && !abuf->detached)
`,
      },
    ],
    why: "A detached buffer still told its maxByteLength, transfer() to more than that " +
      "was a TypeError, and resize() asked a fixed buffer's argument for its value.",
    upstream: "get ArrayBuffer.prototype.maxByteLength is 0 for a detached buffer; " +
      "AllocateArrayBuffer throws a RangeError where the length exceeds the maximum; " +
      "resize() requires a resizable buffer before ToIndex.",
  },
  {
    file: "quickjs.c",
    find: `\
    }
    if (JS_ToIndex(ctx, &idx, idx_val)) {
`,
    replace: `\
    }
    if (typed_array_is_oob(p)) {
        JS_ThrowTypeErrorArrayBufferOOB(ctx);
        return NULL;
    }
    if (JS_ToIndex(ctx, &idx, idx_val)) {
`,
    why: "Atomics on a view that its shrunken buffer no longer holds threw a RangeError " +
      "after converting the index, not a TypeError before.",
    upstream: "ValidateTypedArray comes first, and refuses a view that is out of bounds.",
  },
  {
    file: "quickjs.c",
    find: `\
            const uint8_t *pv, *pp;
            uint16_t v;
`,
    replace: `\
            const uint8_t *pv, *pp;
            uint8_t v;
`,
    why: "lastIndexOf of an Int8Array found no negative number.",
    upstream: "js_typed_array_indexOf compares bytes with a value of 16 bits: `new " +
      "Int8Array([-1]).lastIndexOf(-1)` is -1.",
  },
  {
    changes: [
      {
        file: "quickjs.c",
        find: `\
    if (JS_ToInt64(ctx, &len, argv[0]))
        return JS_EXCEPTION;
    if (abuf->detached)
        return JS_ThrowTypeErrorDetachedArrayBuffer(ctx);
    if (len < 0 || len > abuf->max_byte_length) {
`,
        replace: `\
    if (JS_ToIndex(ctx, &len, argv[0]))
        return JS_EXCEPTION;
    if (abuf->detached)
        return JS_ThrowTypeErrorDetachedArrayBuffer(ctx);
    if (len > abuf->max_byte_length) {
`,
      },
      {
        file: "quickjs.c",
        find: `\
    JSArrayBuffer *abuf;
    uint8_t *data;
    int64_t len;

`,
        replace: `\
    JSArrayBuffer *abuf;
    uint8_t *data;
    uint64_t len;

`,
      },
    ],
    why: "resize() of a buffer took its length modulo 2 ** 64: to 2 ** 64 bytes was to " +
      "none.",
    upstream: "ArrayBuffer.prototype.resize and SharedArrayBuffer.prototype.grow apply " +
      "ToIndex, which is a RangeError for it.",
  },
  {
    changes: [
      {
        file: "quickjs.c",
        find: `\
        if (!is_num(c)) {
            if (!(c =='I' && (r_end - r) == 8 &&
                  !memcmp(r + 1, "nfinity", 7)))
`,
        replace: `\
        if (!is_num(c) && !(len == 3 && !memcmp(r, "NaN", 3))) {
            if (!(c =='I' && (r_end - r) == 8 &&
                  !memcmp(r + 1, "nfinity", 7)))
`,
      },
      {
        file: "quickjs.c",
        find: `\
                        } else {
                            JS_FreeValue(ctx, val);
                        }
                        return true;
                    }
                }
            } else {
                const JSClassExoticMethods *em = ctx->rt->class_array[p1->class_id].exotic;
`,
        replace: `\
                        } else {
                            JS_FreeValue(ctx, val);
                            if (flags & JS_PROP_NO_ADD) {
                                JS_ThrowReferenceErrorNotDefined(ctx, prop);
                                return -1;
                            }
                        }
                        return true;
                    }
                }
            } else {
                const JSClassExoticMethods *em = ctx->rt->class_array[p1->class_id].exotic;
`,
      },
    ],
    why:
      "A typed array took the key `NaN` for a name, and got a property of it; so did what inherits " +
      "from one.",
    upstream:
      'CanonicalNumericIndexString: ToString(ToNumber("NaN")) is "NaN", so it is an index, as ' +
      "`Infinity` is, and no valid one. Tests: language/statements/with/" +
      "set-mutable-binding-binding-deleted-with-typed-array-in-proto-chain.js, and its twin for " +
      "strict code, in which a binding that is gone is a ReferenceError.",
  },
];
