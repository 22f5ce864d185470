/**
 * The edits that mend what the engine does against the standard, and what takes it time that grows
 * with the square of something. tests/engine_test.ts fails without any of them.
 *
 * @module
 */

/** @type {readonly import("./edits.mjs").Edit[]} */
export const STANDARD = [
  {
    changes: [
      {
        file: "quickjs.c",
        find: `\
        return js_int64(getTimezoneOffset((int64_t)trunc(v)));
`,
        replace: `\
        return js_int64(getTimezoneOffset((int64_t)trunc(v)) / 60);
`,
      },
      {
        file: "quickjs.c",
        find: `\
        int64_t ti = tv < INT64_MIN ? INT64_MIN : tv >= 0x1p63 ? INT64_MAX : (int64_t)tv;
        tv += getTimezoneOffset(ti) * 60000;
`,
        replace: `\
        if (!(tv >= -8.65e15 && tv <= 8.65e15))
            goto out;
        tv += get_local_offset((int64_t)tv) * 1000;
`,
      },
      {
        file: "quickjs.c",
        find: `\

/* The spec mandates the use of 'double' and it specifies the order
`,
        replace: `\

/* UTC(t) of ECMA-262: the difference in seconds between UTC and local time
   't'. A local time that is skipped takes the offset before the transition,
   one that is repeated means its first occurrence. The offsets in use a day
   before and after tell whether a transition is near. */
static int get_local_offset(int64_t t) {
    int before, after;

    before = getTimezoneOffset(t - 86400000);
    after = getTimezoneOffset(t + 86400000);
    if (before == after ||
        getTimezoneOffset(t + before * 1000) == before ||
        getTimezoneOffset(t + after * 1000) != after)
        return before;
    return after;
}

/* The spec mandates the use of 'double' and it specifies the order
`,
      },
      {
        file: "quickjs.c",
        find: `\
            d += tz * 60000;
`,
        replace: `\
            d += tz * 1000;
            tz /= 60;
`,
      },
      {
        file: "quickjs.c",
        find: `\
    return (int)difftime(mktime(&gmt), mktime(&tm)) / 60;
#else
    return -tm.tm_gmtoff / 60;
`,
        replace: `\
    return (int)difftime(mktime(&gmt), mktime(&tm));
#else
    return -tm.tm_gmtoff;
`,
      },
      {
        file: "quickjs.c",
        find: `\
         return (int)(t.Bias + t.DaylightBias);
    return (int)t.Bias;
#else
    time_t ti;
    struct tm tm;

    time /= 1000; /* convert to seconds */
`,
        replace: `\
         return (int)(t.Bias + t.DaylightBias) * 60;
    return (int)t.Bias * 60;
#else
    time_t ti;
    struct tm tm;

    time = (time - (time < 0 ? 999 : 0)) / 1000; /* convert to seconds */
`,
      },
      {
        file: "quickjs.c",
        find: `\
   between UTC time and local time 'd' in minutes */
`,
        replace: `\
   between UTC time and local time 'd' in seconds */
`,
      },
    ],
    why: "A local time near a change of clocks was taken as UTC to ask for its offset, " +
      "so that for hours around each change `new Date(2024, 2, 10, 5)` and the " +
      "setters were an hour off; and offsets lost their seconds, which those before " +
      "standard time have.",
    upstream: "UTC(t) of ECMA-262 looks for the instants whose local time is t: the first one " +
      "if the time is repeated, the offset before the transition if it is skipped. " +
      "TZ=America/New_York, `new Date(2024, 2, 10, 5).getHours()` gives 6. " +
      "getTimezoneOffset() rounds towards zero, which is a second too late for times " +
      "before 1970, and drops the seconds of offsets (`new Date(1880, 0, 1)` in " +
      "Europe/Berlin).",
  },
  {
    file: "quickjs.c",
    find: `\
                return -1;
            else
                return 1;
`,
    replace: `\
                return 2 * a_sign - 1;
            else
                return 1 - 2 * a_sign;
`,
    why: "A negative BigInt compared with a number of another magnitude came out the " +
      "wrong way: `-5n < -3.5` was false.",
    upstream: "js_bigint_float64_cmp: where the exponents differ and both are negative, the " +
      "larger exponent is the smaller number. `-5n < -3.5` is false, `-2n > -1e300` " +
      "is false.",
  },
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
    changes: [
      {
        file: "quickjs.c",
        find: `\

    if (argc > 0)
        d = set_date_fields(fields, is_local);
`,
        replace: `\

    if (argc > 0 && finite)
        d = set_date_fields(fields, is_local);
`,
      },
      {
        file: "quickjs.c",
        find: `\
        if (!isfinite(a))
            res = false;
`,
        replace: `\
        if (!isfinite(a))
            finite = false;
`,
      },
      {
        file: "quickjs.c",
        find: `\
    double d, a;
`,
        replace: `\
    double d, a;
    bool finite = true;
`,
      },
    ],
    why: "A Date's setter that was given NaN, undefined or Infinity returned NaN and " +
      "left the date as it was.",
    upstream: "set_date_field: an argument that is not finite makes the time value NaN. After " +
      "`d.setMinutes(NaN)`, `d.getTime()` still gives the old time.",
  },
  {
    file: "quickjs.c",
    find: `\
        value = JS_ToStringCheckObject(ctx, argv[0]);
`,
    replace: `\
        value = JS_ToString(ctx, argv[0]);
`,
    why: '`"x".anchor()` and the other methods that write an attribute threw a TypeError ' +
      "for undefined and null.",
    upstream: "CreateHTML applies ToString to the attribute's value, not " +
      'RequireObjectCoercible: `"x".anchor()` is `<a name="undefined">x</a>`.',
  },
  {
    changes: [
      {
        file: "quickjs.c",
        find: String.raw`
            } else if (c != '_') {
                string_buffer_putc8(b, '\\');
            }
            string_buffer_putc8(b, c);
        } else if (c < 256) {
        hex2:
            snprintf(s, sizeof(s), "\\x%02x", c);
            string_buffer_puts8(b, s);
        } else if (is_surrogate(c) || lre_is_white_space(c) || c == 0xFEFF) {
`.slice(1),
        replace: String.raw`
            } else if (c != '_' && c != 127) {
                string_buffer_putc8(b, '\\');
            }
            string_buffer_putc8(b, c);
        } else if (c == 0xA0) {
        hex2:
            snprintf(s, sizeof(s), "\\x%02x", c);
            string_buffer_puts8(b, s);
        } else if (is_hi_surrogate(c) && i + 1 < p->len &&
                   is_lo_surrogate(str16(p)[i + 1])) {
            string_buffer_putc16(b, c);
            string_buffer_putc16(b, str16(p)[++i]);
        } else if (is_surrogate(c) || lre_is_space(c)) {
`.slice(1),
      },
      {
        file: "quickjs.c",
        find: `\
            } else {
                goto hex2;
`,
        replace: `\
            } else if (c == ' ') {
                goto hex2;
            } else {
                string_buffer_putc8(b, c);
`,
      },
    ],
    why: "RegExp.escape escaped what the standard leaves alone (control characters, " +
      'Latin-1 letters such as "é", pairs of surrogates), and left none of them ' +
      "readable.",
    upstream: "EncodeForRegExpEscape escapes, besides syntax characters and punctuators, only " +
      "white space, line terminators and lone surrogates: " +
      '`RegExp.escape("é\\u0001😀")` is its argument.',
  },
  {
    changes: [
      {
        file: "dtoa.c",
        find: `\
                P--; /* try lower exponent */
`,
        replace: `\
                P--; /* try lower exponent */
            } else if (m == (uint64_t)1 << 52 && rnd_mode == JS_RNDN) {
                /* below a power of two numbers lie twice as dense: the
                   nearest P digits may be too low, those above not */
                rnd_mode = JS_RNDZ;
                P = P_try;
                goto retry;
`,
      },
      {
        file: "dtoa.c",
        find: `\
            /* compute the mantissa in base B */
            E = E0;
            for(;;) {
                /* XXX: add inexact flag */
                mul_pow_round(tmp1, m, e - 53, radix1, radix_shift, P - E, JS_RNDN);
                mant = mpb_get_u64(tmp1);
                if (mant < mant_max1)
                    break;
                E++; /* at most one iteration is possible */
            }
`,
        replace: `\
            rnd_mode = JS_RNDN;
        retry:
            /* compute the mantissa in base B */
            E = E0;
            for(;;) {
                /* XXX: add inexact flag */
                mul_pow_round(tmp1, m, e - 53, radix1, radix_shift, P - E, rnd_mode);
                mant = mpb_get_u64(tmp1) + (rnd_mode == JS_RNDZ);
                if (mant < mant_max1)
                    break;
                E++; /* at most one iteration is possible */
            }
            P_try = P;
`,
      },
      {
        file: "dtoa.c",
        find: `\
        int P_max, E0, e1, E_found, P_found;
`,
        replace: `\
        int P_max, E0, e1, E_found, P_found, P_try, rnd_mode;
`,
      },
    ],
    why: "Some powers of two became text with a digit too many: `String(2 ** -24)` was " +
      '"5.9604644775390625e-8".',
    upstream: "js_dtoa, free format: below a power of two doubles lie twice as dense as " +
      "above, so the nearest n digits may read back as another number while the next " +
      'ones above read back right. `String(2 ** -24)` is "5.960464477539063e-8".',
  },
  {
    changes: [
      {
        file: "quickjs-opcode.h",
        find: `\
DEF(iterator_get_value_done, 1, 1, 2, none)
`,
        replace: `\
DEF(iterator_get_value_done, 1, 5, 5, none)
`,
      },
      {
        file: "quickjs.c",
        find: `\
        emit_iterator_close(s, is_async, false);
`,
        replace: `\
        emit_iterator_close(s, is_async, false);
        if (is_async)
            emit_async_iterator_close_throw(s, label_catch);
`,
      },
      {
        file: "quickjs.c",
        find: `\
            /* call the next method */
            /* stack: iter_obj next catch_offset */
            emit_op(s, OP_dup3);
            emit_op(s, OP_drop);
`,
        replace: `\
            /* call the next method; meanwhile the iterator's place in
               enum_rec is empty, as it is not to be closed if that fails */
            /* stack: iter_obj next catch_offset */
            emit_op(s, OP_undefined);
            emit_op(s, OP_rot4l);
            emit_op(s, OP_perm4);
            /* stack: undefined next catch_offset iter_obj */
            emit_op(s, OP_dup3);
            emit_op(s, OP_rot3r);
            emit_op(s, OP_drop);
            /* stack: undefined next catch_offset iter_obj iter_obj next */
`,
      },
      {
        file: "quickjs.c",
        find: `\
        if (is_async)
            emit_op(s, OP_for_await_of_start);
        else
            emit_op(s, OP_for_of_start);
`,
        replace: `\
        if (is_async) {
            emit_op(s, OP_for_await_of_start);
            /* what is thrown in the loop waits for the iterator's return() */
            emit_op(s, OP_drop);
            label_catch = emit_goto(s, OP_catch, -1);
        } else {
            emit_op(s, OP_for_of_start);
        }
`,
      },
      {
        file: "quickjs.c",
        find: `\
    int pos_next, pos_expr;
    BlockEnv break_entry;

`,
        replace: `\
    int label_catch, pos_next, pos_expr;
    BlockEnv break_entry;

    label_catch = -1;
`,
      },
      {
        file: "quickjs.c",
        find: `\

static __exception int emit_break(JSParseState *s, JSAtom name, int is_cont)
`,
        replace: `\

/* AsyncIteratorClose() with a throw completion, behind 'label_catch': what
   return() throws or rejects with is lost, the first error goes on. */
static void emit_async_iterator_close_throw(JSParseState *s, int label_catch)
{
    int label_end, label_closed, label_no_return, label_failed, label_throw;

    label_end = emit_goto(s, OP_goto, -1);
    emit_label(s, label_catch);
    /* iter_obj next error -> iter_obj error catch_offset iter_obj */
    emit_op(s, OP_nip);
    label_failed = emit_goto(s, OP_catch, -1);
    emit_op(s, OP_dup3);
    emit_op(s, OP_drop);
    emit_op(s, OP_drop);
    emit_op(s, OP_dup);
    emit_op(s, OP_is_undefined);
    label_closed = emit_goto(s, OP_if_true, -1);
    emit_op(s, OP_get_field2);
    emit_atom(s, JS_ATOM_return);
    emit_op(s, OP_dup);
    emit_op(s, OP_is_undefined_or_null);
    label_no_return = emit_goto(s, OP_if_true, -1);
    emit_op(s, OP_call_method);
    emit_u16(s, 0);
    emit_op(s, OP_await);
    emit_goto(s, OP_goto, label_closed);
    emit_label(s, label_no_return);
    emit_op(s, OP_drop);
    emit_label(s, label_closed);
    emit_op(s, OP_drop);
    emit_op(s, OP_drop); /* the catch offset */
    label_throw = emit_goto(s, OP_goto, -1);
    emit_label(s, label_failed);
    emit_op(s, OP_drop); /* the error of return() */
    emit_label(s, label_throw);
    emit_op(s, OP_throw);
    emit_label(s, label_end);
}

static __exception int emit_break(JSParseState *s, JSAtom name, int is_cont)
`,
      },
      {
        file: "quickjs.c",
        find: `\
                goto exception;
            sp += 1;
            BREAK;
`,
        replace: `\
                goto exception;
            BREAK;
`,
      },
      {
        file: "quickjs.c",
        find: `\
    sp[-1] = value;
    sp[0] = js_bool(done);
    if (done) {
        /* Iterator exhausted via {done:true}: drop the iterator object (stack
           layout at the for-await \`next\` call is iter_obj,next,catch_offset,result
           so iter_obj is sp[-4]) so the trailing OP_iterator_close skips calling
           return(). Mirrors js_for_of_next, which nulls the iterator on done.
           Per spec AsyncIteratorClose must NOT run on normal completion. This op
           is emitted only by the for-await-of loop, so the layout is fixed. */
        JS_FreeValue(ctx, sp[-4]);
        sp[-4] = JS_UNDEFINED;
    }
`,
        replace: `\
    /* undefined next catch_offset iter_obj result ->
       iter_obj next catch_offset value done
       The iterator is back in its place, to be closed, unless it is
       exhausted: AsyncIteratorClose must NOT run on normal completion, nor
       if next() failed. This op is emitted only by the for-await-of loop. */
    if (done)
        JS_FreeValue(ctx, sp[-2]);
    else
        sp[-5] = sp[-2];
    sp[-2] = value;
    sp[-1] = js_bool(done);
`,
      },
    ],
    why: "A `for await` loop that was left by a throw called its iterator's return() and " +
      "did not wait for it, and called it, too, where next() itself had failed.",
    upstream: "AsyncIteratorClose awaits the result of return() for a throw completion as " +
      "well, ignores what comes of it, and is not run if next(), its promise, or " +
      "reading `done` and `value` failed.",
  },
  {
    changes: [
      {
        file: "quickjs.c",
        find: `\
        JS_FreeValue(ctx, resolve_reject[0]);
`,
        replace: `\
        JS_FreeValue(ctx, resolve_reject[0]);
        JS_FreeValue(ctx, resolve_reject[1]);
`,
      },
      {
        file: "quickjs.c",
        find: `\
        resolve_reject[1] = JS_UNDEFINED;
`,
        replace: `\
        resolve_reject[1] = JS_UNDEFINED;
        if (!done && magic != GEN_MAGIC_RETURN) {
            resolve_reject[1] =
                JS_NewCFunctionData(ctx, js_async_from_sync_iterator_close,
                                    1, 0, 1, vc(&s->sync_iter));
            if (JS_IsException(resolve_reject[1])) {
                JS_FreeValue(ctx, resolve_reject[0]);
                JS_FreeValue(ctx, value_wrapper_promise);
                value = JS_UNDEFINED;
                goto fail;
            }
        }
`,
      },
      {
        file: "quickjs.c",
        find: `\
            JS_FreeValue(ctx, value);
            goto reject;
`,
        replace: `\
            JS_FreeValue(ctx, value);
            if (!done && magic != GEN_MAGIC_RETURN)
                JS_IteratorClose(ctx, s->sync_iter, true);
            goto reject;
`,
      },
      {
        file: "quickjs.c",
        find: `\

static JSValue js_async_from_sync_iterator_unwrap_func_create(JSContext *ctx,
`,
        replace: `\

/* a value of the iterator was rejected: close it, the error goes on */
static JSValue js_async_from_sync_iterator_close(JSContext *ctx,
                                                 JSValueConst this_val,
                                                 int argc, JSValueConst *argv,
                                                 int magic, JSValueConst *func_data)
{
    JS_Throw(ctx, js_dup(argv[0]));
    JS_IteratorClose(ctx, func_data[0], true);
    return JS_EXCEPTION;
}

static JSValue js_async_from_sync_iterator_unwrap_func_create(JSContext *ctx,
`,
      },
    ],
    why: "`yield*` over a synchronous iterable in an async generator, and `for await` " +
      "over one, left it open when one of its values was rejected.",
    upstream: "AsyncFromSyncIteratorContinuation closes the synchronous iterator when the " +
      "value of a result that is not the last one is rejected (ECMA-262 since 2025), " +
      "but for return().",
  },
  {
    changes: [
      {
        file: "quickjs.c",
        find: `\
            /* XXX: spec: not consistent with method name checks */
            if (name == JS_ATOM_constructor || name == JS_ATOM_prototype) {
`,
        replace: `\
            /* a static field named prototype was refused above */
            if (name == JS_ATOM_constructor) {
`,
      },
      {
        file: "quickjs.c",
        find: `\
            int next = peek_token(s, true);
`,
        replace: `\
            int next = peek_token(s, false);
`,
      },
      {
        file: "quickjs.c",
        find: `\
            if (next_token(s))
                goto fail1;
            if (s->token.val == ':' || s->token.val == ',' ||
                s->token.val == '}' || s->token.val == '(' ||
                s->token.val == '=' || s->token.val == ';') {
                is_non_reserved_ident = true;
                goto ident_found;
            }
            JS_FreeAtom(s->ctx, name);
`,
        replace: `\
            if (next_token(s))
                goto fail1;
            if (s->token.val == ':' || s->token.val == ',' ||
                s->token.val == '}' || s->token.val == '(' ||
                s->token.val == '=' || s->token.val == ';' ||
                (s->token.val == '*' && s->got_lf)) {
                is_non_reserved_ident = true;
                goto ident_found;
            }
            JS_FreeAtom(s->ctx, name);
`,
      },
    ],
    why: "A class field named get or set before a generator method, one named static at " +
      "the end of a line, and one named prototype were syntax errors.",
    upstream: "`class { get\\n*g() {} }`: behind a line's end `*` can't belong to `get`. " +
      "`static` may be followed by a line's end wherever it is a modifier, so the " +
      "token behind it decides. Only a static field may not be named prototype.",
  },
  {
    changes: [
      {
        file: "quickjs.c",
        find: `\
                s->token.val == '=' || s->token.val == ';' ||
                (s->token.val == '*' && s->got_lf)) {
`,
        replace: `\
                s->token.val == '=' || s->token.val == ';') {
`,
      },
      {
        file: "quickjs.c",
        find: `\
            if (next_token(s))
                goto fail1;
            if (s->token.val == ':' || s->token.val == ',' ||
                s->token.val == '}' || s->token.val == '(' ||
                s->token.val == '=' || s->token.val == ';') {
                is_non_reserved_ident = true;
                goto ident_found;
            }
            prop_type = PROP_TYPE_GET + (name == JS_ATOM_set);
`,
        replace: `\
            if (next_token(s))
                goto fail1;
            if (s->token.val == ':' || s->token.val == ',' ||
                s->token.val == '}' || s->token.val == '(' ||
                s->token.val == '=' || s->token.val == ';' ||
                (s->token.val == '*' && s->got_lf)) {
                is_non_reserved_ident = true;
                goto ident_found;
            }
            prop_type = PROP_TYPE_GET + (name == JS_ATOM_set);
`,
      },
      {
        file: "quickjs.c",
        find: `\
        default:
            if (lre_js_is_ident_first(c)) {
`,
        replace: String.raw`
        default:
            if (c >= 128) {
                c = utf8_decode(p - 1, &p);
                if (c == CP_LS || c == CP_PS) {
                    if (no_line_terminator)
                        return '\n';
                    continue;
                }
                if (lre_is_space(c))
                    continue;
            }
            if (lre_js_is_ident_first(c)) {
`.slice(1),
      },
      {
        file: "quickjs.c",
        find: String.raw`
                    if ((*p == '\r' || *p == '\n') && no_line_terminator)
`.slice(1),
        replace: `\
                    if (no_line_terminator && is_line_terminator_at(p))
`,
      },
      {
        file: "quickjs.c",
        find: String.raw`
                while (*p && *p != '\r' && *p != '\n')
`.slice(1),
        replace: `\
                while (*p && !is_line_terminator_at(p))
`,
      },
      {
        file: "quickjs.c",
        find: `\
/* only used for ':' and '=>', 'let' or 'function' look-ahead. *pp is
   only set if TOK_IMPORT is returned */
/* XXX: handle all unicode cases */
`,
        replace: String.raw`
static bool is_line_terminator_at(const uint8_t *p)
{
    return *p == '\r' || *p == '\n' ||
        /* U+2028, U+2029 in UTF-8 */
        (p[0] == 0xE2 && p[1] == 0x80 && (p[2] & ~1) == 0xA8);
}

/* only used for ':' and '=>', 'let' or 'function' look-ahead. *pp is
   only set if TOK_IMPORT is returned */
`.slice(1),
      },
    ],
    why: "Looking ahead, the parser took no notice of U+2028, U+2029 and white space " +
      "beyond ASCII, so that `async` and `static` before them were taken for what " +
      "they are not.",
    upstream: 'simple_next_token handles ASCII only ("XXX: handle all unicode cases"): `class ' +
      "{ async\\u2028m() {} }` has a field and a method.",
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
        file: "libregexp-opcode.h",
        find: `\
DEF(back_reference, 2) /* variable length */
DEF(back_reference_i, 2) /* must come after */
DEF(backward_back_reference, 2) /* must come after */
DEF(backward_back_reference_i, 2) /* must come after */
`,
        replace: `\
DEF(back_reference, 3) /* variable length */
DEF(back_reference_i, 3) /* must come after */
DEF(backward_back_reference, 3) /* must come after */
DEF(backward_back_reference_i, 3) /* must come after */
`,
      },
      {
        file: "libregexp-opcode.h",
        find: `\
DEF(save_start, 2) /* save start position */
DEF(save_end, 2) /* save end position, must come after saved_start */
DEF(save_reset, 3) /* reset save positions */
`,
        replace: `\
DEF(save_start, 3) /* save start position */
DEF(save_end, 3) /* save end position, must come after saved_start */
DEF(save_reset, 5) /* reset save positions */
`,
      },
      {
        file: "libregexp.c",
        find: `\
    return bc_buf[RE_HEADER_CAPTURE_COUNT];
`,
        replace: `\
    return get_u16(bc_buf + RE_HEADER_CAPTURE_COUNT);
`,
      },
      {
        file: "libregexp.c",
        find: `\
    return bc_buf[RE_HEADER_CAPTURE_COUNT] * 2 +
`,
        replace: `\
    return lre_get_capture_count(bc_buf) * 2 +
`,
      },
      {
        file: "libregexp.c",
        find: `\
    s->capture_count = bc_buf[RE_HEADER_CAPTURE_COUNT];
`,
        replace: `\
    s->capture_count = lre_get_capture_count(bc_buf);
`,
      },
      {
        file: "libregexp.c",
        find: `\
                n = *pc++;
                pc1 = pc;
                pc += n;

                for(i = 0; i < n; i++) {
                    val = pc1[i];
`,
        replace: `\
                n = get_u16(pc);
                pc += 2;
                pc1 = pc;
                pc += n * 2;

                for(i = 0; i < n; i++) {
                    val = get_u16(pc1 + i * 2);
`,
      },
      {
        file: "libregexp.c",
        find: `\
                val = pc[0];
                val2 = pc[1];
                pc += 2;
`,
        replace: `\
                val = get_u16(pc);
                val2 = get_u16(pc + 2);
                pc += 4;
`,
      },
      {
        file: "libregexp.c",
        find: `\
            val = *pc++;
`,
        replace: `\
            val = get_u16(pc);
            pc += 2;
`,
      },
      {
        file: "libregexp.c",
        find: `\
    s->byte_code.buf[RE_HEADER_CAPTURE_COUNT] = s->capture_count;
`,
        replace: `\
    put_u16(s->byte_code.buf + RE_HEADER_CAPTURE_COUNT, s->capture_count);
`,
      },
      {
        file: "libregexp.c",
        find: `\
    re_emit_op_u8(s, REOP_save_end, 0);
`,
        replace: `\
    re_emit_op_u16(s, REOP_save_end, 0);
`,
      },
      {
        file: "libregexp.c",
        find: `\
    re_emit_op_u8(s, REOP_save_start, 0);
`,
        replace: `\
    re_emit_op_u16(s, REOP_save_start, 0);
`,
      },
      {
        file: "libregexp.c",
        find: `\
    dbuf_putc(&s->byte_code, 0); /* second element is the number of captures */
`,
        replace: `\
    dbuf_put_u16(&s->byte_code, 0); /* second element is the number of captures */
`,
      },
      {
        file: "libregexp.c",
        find: `\
        case REOP_backward_back_reference_i:
            val = bc_buf[pos + 1];
            len += val;
            break;
`,
        replace: `\
        case REOP_backward_back_reference_i:
            val = get_u16(bc_buf + pos + 1);
            len += val * 2;
            break;
`,
      },
      {
        file: "libregexp.c",
        find: `\
                        if (dbuf_insert(&s->byte_code, last_atom_start, 3))
                            goto out_of_memory;
                        s->byte_code.buf[last_atom_start++] = REOP_save_reset;
                        s->byte_code.buf[last_atom_start++] = last_capture_count;
                        s->byte_code.buf[last_atom_start++] = s->capture_count - 1;
`,
        replace: `\
                        if (re_insert_save_reset(s, last_atom_start, last_capture_count))
                            goto out_of_memory;
                        last_atom_start += reopcode_info[REOP_save_reset].size;
`,
      },
      {
        file: "libregexp.c",
        find: `\
                    if (dbuf_insert(&s->byte_code, last_atom_start, 3))
                        goto out_of_memory;
                    int pos = last_atom_start;
                    s->byte_code.buf[pos++] = REOP_save_reset;
                    s->byte_code.buf[pos++] = last_capture_count;
                    s->byte_code.buf[pos++] = s->capture_count - 1;
`,
        replace: `\
                    if (re_insert_save_reset(s, last_atom_start, last_capture_count))
                        goto out_of_memory;
`,
      },
      {
        file: "libregexp.c",
        find: `\
                re_emit_op_u8(s, REOP_back_reference + 2 * is_backward_dir + s->ignore_case, 1);
                dbuf_putc(&s->byte_code, c);
`,
        replace: `\
                re_emit_op_u16(s, REOP_back_reference + 2 * is_backward_dir + s->ignore_case, 1);
                dbuf_put_u16(&s->byte_code, c);
`,
      },
      {
        file: "libregexp.c",
        find: `\
                re_emit_op_u8(s, REOP_back_reference + 2 * is_backward_dir + s->ignore_case, n);
`,
        replace: `\
                re_emit_op_u16(s, REOP_back_reference + 2 * is_backward_dir + s->ignore_case, n);
`,
      },
      {
        file: "libregexp.c",
        find: `\
            re_emit_op_u8(s, REOP_save_start + 1 - is_backward_dir,
`,
        replace: `\
            re_emit_op_u16(s, REOP_save_start + 1 - is_backward_dir,
`,
      },
      {
        file: "libregexp.c",
        find: `\
            re_emit_op_u8(s, REOP_save_start + is_backward_dir,
`,
        replace: `\
            re_emit_op_u16(s, REOP_save_start + is_backward_dir,
`,
      },
      {
        file: "libregexp.c",
        find: `\

static int re_parse_term(REParseState *s, bool is_backward_dir)
`,
        replace: `\

/* insert an opcode that resets the captures since 'first' */
static int re_insert_save_reset(REParseState *s, int pos, int first)
{
    if (dbuf_insert(&s->byte_code, pos, reopcode_info[REOP_save_reset].size))
        return -1;
    s->byte_code.buf[pos] = REOP_save_reset;
    put_u16(s->byte_code.buf + pos + 1, first);
    put_u16(s->byte_code.buf + pos + 3, s->capture_count - 1);
    return 0;
}

static int re_parse_term(REParseState *s, bool is_backward_dir)
`,
      },
      {
        file: "libregexp.c",
        find: `\
            if (emit_group_index)
                dbuf_putc(&s->byte_code, capture_index);
`,
        replace: `\
            if (emit_group_index)
                dbuf_put_u16(&s->byte_code, capture_index);
`,
      },
      {
        file: "libregexp.c",
        find: `\
                                    dbuf_putc(&s->byte_code, capture_index);
`,
        replace: `\
                                    dbuf_put_u16(&s->byte_code, capture_index);
`,
      },
      {
        file: "libregexp.c",
        find: `\
            val = bc_buf[pos + 1];
            len += val;
`,
        replace: `\
            val = get_u16(bc_buf + pos + 1);
            len += val * 2;
`,
      },
      {
        file: "libregexp.c",
        find: `\
                n = buf[pos + 1];
                len += n;
                for(i = 0; i < n; i++) {
                    if (i != 0)
                        printf(",");
                    printf(" %u", buf[pos + 2 + i]);
                }
            }
            break;
        case REOP_save_reset:
            printf(" %u %u", buf[pos + 1], buf[pos + 2]);
`,
        replace: `\
                n = get_u16(buf + pos + 1);
                len += n * 2;
                for(i = 0; i < n; i++) {
                    if (i != 0)
                        printf(",");
                    printf(" %u", get_u16(buf + pos + 3 + i * 2));
                }
            }
            break;
        case REOP_save_reset:
            printf(" %u %u", get_u16(buf + pos + 1), get_u16(buf + pos + 3));
`,
      },
      {
        file: "libregexp.c",
        find: `\
            printf(" %u", buf[pos + 1]);
`,
        replace: `\
            printf(" %u", get_u16(buf + pos + 1));
`,
      },
      {
        file: "libregexp.c",
        find: `\
           re_flags, buf[RE_HEADER_CAPTURE_COUNT], buf[RE_HEADER_REGISTER_COUNT]);
    if (re_flags & LRE_FLAG_NAMED_GROUPS) {
        const char *p;
        p = (char *)buf + RE_HEADER_LEN + bc_len;
        printf("named groups: ");
        for(i = 1; i < buf[RE_HEADER_CAPTURE_COUNT]; i++) {
`,
        replace: `\
           re_flags, lre_get_capture_count(buf), buf[RE_HEADER_REGISTER_COUNT]);
    if (re_flags & LRE_FLAG_NAMED_GROUPS) {
        const char *p;
        p = (char *)buf + RE_HEADER_LEN + bc_len;
        printf("named groups: ");
        for(i = 1; i < lre_get_capture_count(buf); i++) {
`,
      },
      {
        file: "libregexp.c",
        find: `\
#define RE_HEADER_REGISTER_COUNT 3
#define RE_HEADER_BYTECODE_LEN   4

#define RE_HEADER_LEN 8
`,
        replace: `\
#define RE_HEADER_REGISTER_COUNT 4
#define RE_HEADER_BYTECODE_LEN   5

#define RE_HEADER_LEN 9
`,
      },
      {
        file: "libregexp.c",
        find: `\
#define CAPTURE_COUNT_MAX 255
`,
        replace: `\
#define CAPTURE_COUNT_MAX 32767 /* as V8; indices into capture[] fit 16 bits */
`,
      },
    ],
    why: "A regular expression with more than 254 groups was a SyntaxError.",
    upstream: "The byte code of a regular expression keeps the indices of captures in 8 bits: " +
      '`new RegExp("()".repeat(300))`. With 16 bits the limit is V8\'s, 32,767.',
  },
  {
    changes: [
      {
        file: "libregexp.c",
        find: `\
        put_u32(s->byte_code.buf + pos, len);
    }
    return 0;
`,
        replace: `\
        put_u32(s->byte_code.buf + pos, len);
    }
    if (names_beside != names_start)
        re_set_group_names_beside(s, names_start, false);
    return 0;
`,
      },
      {
        file: "libregexp.c",
        find: `\
        if (re_has_named_captures(s) && s->group_name_scope == GROUP_NAME_SCOPE_MAX)
            return re_parse_error(s, "too many named groups");

        s->group_name_scope++;
`,
        replace: `\
        re_set_group_names_beside(s, names_beside, true);
        names_beside = s->group_names.size;
`,
      },
      {
        file: "libregexp.c",
        find: `\
    int start, len, pos;

    if (lre_check_stack_overflow(s->opaque, 0))
        return re_parse_error(s, "stack overflow");

`,
        replace: `\
    int start, len, pos;
    size_t names_start, names_beside;

    if (lre_check_stack_overflow(s->opaque, 0))
        return re_parse_error(s, "stack overflow");

    names_start = names_beside = s->group_names.size;
`,
      },
      {
        file: "libregexp.c",
        find: `\
                dbuf_putc(&s->group_names, s->group_name_scope);
`,
        replace: `\
                dbuf_putc(&s->group_names, 0);
`,
      },
      {
        file: "libregexp.c",
        find: `\
                /* poor's man method to test duplicate group
                   names. */
                /* XXX: this method does not catch all the errors*/
                if (is_duplicate_group_name(s, s->u.tmp_buf, s->group_name_scope)) {
`,
        replace: `\
                if (is_duplicate_group_name(s, s->u.tmp_buf)) {
`,
      },
      {
        file: "libregexp.c",
        find: `\

static int re_parse_disjunction(REParseState *s, bool is_backward_dir);
`,
        replace: `\

/* The byte behind a group's name tells that the group is in an alternative
   beside the one being parsed: then its name may be used again. Sets it for
   the groups from 'pos' on. */
static void re_set_group_names_beside(REParseState *s, size_t pos, bool beside)
{
    while (pos < s->group_names.size) {
        pos += strlen((char *)s->group_names.buf + pos) + 1;
        if (pos < s->group_names.size)
            s->group_names.buf[pos++] = beside;
    }
}

static int re_parse_disjunction(REParseState *s, bool is_backward_dir);
`,
      },
      {
        file: "libregexp.c",
        find: `\
            scope1 = (uint8_t)p[len + 1];
            if (scope == scope1)
`,
        replace: `\
            if (!p[len + 1])
`,
      },
      {
        file: "libregexp.c",
        find: `\
static bool is_duplicate_group_name(REParseState *s, const char *name, int scope)
{
    const char *p, *buf_end;
    size_t len, name_len;
    int scope1;
    
`,
        replace: `\
static bool is_duplicate_group_name(REParseState *s, const char *name)
{
    const char *p, *buf_end;
    size_t len, name_len;

`,
      },
      {
        file: "libregexp.c",
        find: `\
    uint8_t group_name_scope;
`,
        replace: `\
`,
      },
      {
        file: "libregexp.c",
        find: `\
#define GROUP_NAME_SCOPE_MAX 255
`,
        replace: `\
`,
      },
    ],
    why: "A regular expression with a named group and more than 256 alternatives was a " +
      "SyntaxError, and a name used twice where both groups can match was none.",
    upstream: "Each alternative had a number of 8 bits, and names were compared within one " +
      "number. `(?:(?<a>x)|y)(?<a>z)` is an early error; `(?<a>x)|y` with 300 " +
      "alternatives is not.",
  },
  {
    changes: [
      {
        file: "quickjs.c",
        find: `\
                for (i = 0; i < idx; i++) {
                    if (fd->args[i].var_name == name)
                        goto duplicate;
                }
                /* Check if argument name duplicates a destructuring parameter */
                /* XXX: should have a flag for such variables */
                for (i = 0; i < fd->var_count; i++) {
                    if (fd->vars[i].var_name == name &&
                        fd->vars[i].scope_level == 0)
                        goto duplicate;
                }
`,
        replace: `\
                if (find_arg(ctx, fd, name) != (idx | ARGUMENT_VAR_OFFSET))
                    goto duplicate;
                /* Check if argument name duplicates a destructuring parameter */
                /* XXX: should have a flag for such variables */
                if (find_unscoped_var(ctx, fd, name) >= 0)
                    goto duplicate;
`,
      },
      {
        file: "quickjs.c",
        find: `\
    JSAtom name;
    int i, idx;
`,
        replace: `\
    JSContext *ctx = s->ctx;
    JSAtom name;
    int idx;
`,
      },
      {
        file: "quickjs.c",
        find: `\
        js_free(ctx, fd->vars_htab);
    }
`,
        replace: `\
    }
    js_free(ctx, fd->var_index.tab);
    js_free(ctx, fd->arg_index.tab);
    js_free(ctx, fd->closure_index.tab);
`,
      },
      {
        file: "quickjs.c",
        find: `\
            sd->first = fd->scopes[sd->parent].first;
    }
    for (idx = 0; idx < fd->var_count; idx++) {
`,
        replace: `\
            sd->first = fd->scopes[sd->parent].first;
    }
    for (scope = 0; scope < fd->scope_count; scope++) {
        JSVarScope *sd = &fd->scopes[scope];
        if (scope > 1)
            sd->outer = fd->scopes[sd->parent].first;
        else if (scope == ARG_SCOPE_INDEX && fd->has_parameter_expressions)
            sd->outer = ARG_SCOPE_END;
        else
            sd->outer = -1;
    }
    for (idx = 0; idx < fd->var_count; idx++) {
`,
      },
      {
        file: "quickjs.c",
        find: `\
    while (idx >= 0) {
        if (fd->vars[idx].var_name == name)
`,
        replace: `\
    while (idx >= 0) {
        idx = seek_var(ctx, fd, idx, name);
        if (idx < 0)
            break;
        if (fd->vars[idx].var_name == name)
`,
      },
      {
        file: "quickjs.c",
        find: `\
        for (idx = fd->scopes[scope_level].first; idx >= 0;) {
`,
        replace: `\
        for (idx = fd->scopes[scope_level].first; idx >= 0;) {
            idx = seek_var(ctx, fd, idx, var_name);
            if (idx < 0)
                break;
`,
      },
      {
        file: "quickjs.c",
        find: `\
    var_idx = -1;
    for (idx = s->scopes[scope_level].first; idx >= 0;) {
        vd = &s->vars[idx];
`,
        replace: `\
    var_idx = -1;
    for (idx = s->scopes[scope_level].first; idx >= 0;) {
        idx = seek_var(ctx, s, idx, var_name);
        if (idx < 0)
            break;
        vd = &s->vars[idx];
`,
      },
      {
        file: "quickjs.c",
        find: `\
    }
    for(i = 0; i < s->closure_var_count; i++) {
`,
        replace: `\
    }
    if (index_closure_vars(ctx, s)) {
        i = var_index_get(&s->closure_index, closure_key(closure_type, var_idx));
        if (i >= 0)
            return i;
    } else
    for(i = 0; i < s->closure_var_count; i++) {
`,
      },
      {
        file: "quickjs.c",
        find: `\
    js_free(ctx, fd->vars_htab); // XXX can probably be freed earlier?
`,
        replace: `\
    js_free(ctx, fd->var_index.tab); // XXX can probably be freed earlier?
    js_free(ctx, fd->arg_index.tab);
    js_free(ctx, fd->closure_index.tab);
`,
      },
      {
        file: "quickjs.c",
        find: `\
    fd->scopes[0].first = -1;
`,
        replace: `\
    fd->scopes[0].first = -1;
    fd->scopes[0].outer = -1;
`,
      },
      {
        file: "quickjs.c",
        find: `\
                            if (has_with_scope(fd, scope)) {
`,
        replace: `\
                            if (has_with_scope(s->ctx, fd, scope)) {
`,
      },
      {
        file: "quickjs.c",
        find: `\
    int i;
    for (i = 0; i < fd->arg_count; i++) {
        if (fd->args[i].var_name == name)
            goto duplicate;
    }
    for (i = 0; i < fd->var_count; i++) {
        if (fd->vars[i].var_name == name)
            goto duplicate;
    }
    return 0;

duplicate:
`,
        replace: `\
    if (find_var(s->ctx, fd, name) < 0 &&
        find_var_in_scope(s->ctx, fd, name, fd->scope_level) < 0)
        return 0;
`,
      },
      {
        file: "quickjs.c",
        find: `\
        if (has_with_scope(fd, scope)) {
`,
        replace: `\
        if (has_with_scope(s->ctx, fd, scope)) {
`,
      },
      {
        file: "quickjs.c",
        find: `\
            while (scope_idx >= 0) {
                JSVarDef *vd = &s->vars[scope_idx];
`,
        replace: `\
            while (scope_idx >= 0) {
                JSVarDef *vd;
                scope_idx = seek_var(ctx, s, scope_idx, JS_ATOM__with_);
                if (scope_idx < 0)
                    break;
                vd = &s->vars[scope_idx];
`,
      },
      {
        file: "quickjs.c",
        find: `\
static bool has_with_scope(JSFunctionDef *s, int scope_level)
`,
        replace: `\
static bool has_with_scope(JSContext *ctx, JSFunctionDef *s, int scope_level)
`,
      },
      {
        file: "quickjs.c",
        find: `\
        if (fd->vars[idx].scope_level != scope_level)
`,
        replace: `\
        idx = seek_var(ctx, fd, idx, name);
        if (idx < 0 || fd->vars[idx].scope_level != scope_level)
`,
      },
      {
        file: "quickjs.c",
        find: `\
    if (update_var_htab(ctx, fd))
        return -1;
`,
        replace: `\
`,
      },
      {
        file: "quickjs.c",
        find: `\
        fd->scopes[scope].first = fd->scope_first;
`,
        replace: `\
        fd->scopes[scope].first = fd->scope_first;
        fd->scopes[scope].outer = fd->scope_first;
`,
      },
      {
        file: "quickjs.c",
        find: `\
        JSVarDef *vd = &fd->vars[scope_idx];
`,
        replace: `\
        JSVarDef *vd;
        scope_idx = seek_var(ctx, fd, scope_idx, name);
        if (scope_idx < 0)
            break;
        vd = &fd->vars[scope_idx];
`,
      },
      {
        file: "quickjs.c",
        find: `\
    int i;
    for(i = 0; i < fd->var_count; i++) {
        JSVarDef *vd = &fd->vars[i];
        if (vd->var_name == name && vd->scope_level == 0) {
            if (is_child_scope(ctx, fd, vd->scope_next,
                               scope_level))
                return i;
        }
    }
`,
        replace: `\
    int i = find_unscoped_var(ctx, fd, name);
    if (i >= 0 && is_child_scope(ctx, fd, fd->vars[i].scope_next, scope_level))
        return i;
`,
      },
      {
        file: "quickjs.c",
        find: `\
        if (fd->vars[scope_idx].scope_level != scope_level)
`,
        replace: `\
        scope_idx = seek_var(ctx, fd, scope_idx, name);
        if (scope_idx < 0 || fd->vars[scope_idx].scope_level != scope_level)
`,
      },
      {
        file: "quickjs.c",
        find: `\
    JSVarDef *vd;
    int i;

    if (fd->vars_htab) {
        i = find_var_htab(fd, name);
        if (i == -1)
            goto not_found;
        vd = &fd->vars[i];
        if (vd->scope_level == 0)
            return i;
    }
    for(i = fd->var_count; i-- > 0;) {
        vd = &fd->vars[i];
        if (vd->var_name == name)
            if (vd->scope_level == 0)
                return i;
    }
not_found:
    return find_arg(ctx, fd, name);
`,
        replace: `\
    int i = find_unscoped_var(ctx, fd, name);
    return i >= 0 ? i : find_arg(ctx, fd, name);
`,
      },
      {
        file: "quickjs.c",
        find: `\
    int i;
    for(i = fd->arg_count; i-- > 0;) {
`,
        replace: `\
    int i;
    if (index_args(ctx, fd)) {
        i = var_index_get(&fd->arg_index, name);
        return i < 0 ? -1 : i | ARGUMENT_VAR_OFFSET;
    }
    for(i = fd->arg_count; i-- > 0;) {
`,
      },
      {
        file: "quickjs.c",
        find: `\
// caveat emptor: the table size must be a power of two in order for
// masking to work, and the load factor constant must be an odd number (5)
//
// f(n)=n+n/t is used to estimate the load factor but changing t to an
// even number introduces gaps in the output of f, sometimes "jumping"
// over the next power of two; it's at powers of two when the hash table
// must be resized
static int update_var_htab(JSContext *ctx, JSFunctionDef *fd)
{
    uint32_t i, j, k, m, *p;

    if (fd->var_count < 27) // 27 + 27/5 == 32
        return 0;
    k = fd->var_count - 1;
    m = fd->var_count + fd->var_count/5;
    if (m & (m - 1)) // unless power of two
        goto insert;
    m *= 2;
    p = js_realloc(ctx, fd->vars_htab, m * sizeof(*fd->vars_htab));
    if (!p)
        return -1;
    for (i = 0; i < m; i++)
        p[i] = UINT32_MAX;
    fd->vars_htab = p;
    k = 0;
    m--;
insert:
    m = UINT32_MAX >> clz32(m);
    do {
        i = hash32(fd->vars[k].var_name);
        j = 1;
        for (;;) {
            p = &fd->vars_htab[i & m];
            if (*p == UINT32_MAX)
                break;
            i += j;
            j += 1; // quadratic probing
        }
        *p = k++;
    } while (k < (uint32_t)fd->var_count);
    return 0;
}

static int find_var_htab(JSFunctionDef *fd, JSAtom var_name)
{
    uint32_t i, j, m, *p;

    i = hash32(var_name);
    j = 1;
    m = fd->var_count + fd->var_count/5;
    m = UINT32_MAX >> clz32(m);
    for (;;) {
        p = &fd->vars_htab[i & m];
        if (*p == UINT32_MAX)
            return -1;
        if (fd->vars[*p].var_name == var_name)
            return *p;
        i += j;
        j += 1; // quadratic probing
    }
    return -1; // pacify compiler
`,
        replace: `\
/* Functions with many variables have an index of them, a hash table that is
   brought up to date when it is asked. Of two with the same key it knows the
   newer one. */
#define VAR_INDEX_MIN 32

static uint32_t var_index_slot(const JSVarIndex *x, uint64_t key)
{
    uint32_t i;

    i = (key * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - x->bits);
    while (x->tab[i].value >= 0 && x->tab[i].key != key)
        i = (i + 1) & ((1u << x->bits) - 1);
    return i;
}

static int var_index_get(const JSVarIndex *x, uint64_t key)
{
    return x->tab[var_index_slot(x, key)].value;
}

static bool var_index_put(JSContext *ctx, JSVarIndex *x, uint64_t key, int value)
{
    uint32_t i;

    if (!x->tab || x->count >= (1 << x->bits) / 2) {
        JSVarIndex old = *x;
        x->bits = old.tab ? old.bits + 1 : 7;
        x->tab = js_malloc(ctx, sizeof(x->tab[0]) << x->bits);
        if (!x->tab) {
            *x = old;
            return false;
        }
        for (i = 0; i < 1u << x->bits; i++)
            x->tab[i].value = -1;
        for (i = 0; old.tab && i < 1u << old.bits; i++) {
            if (old.tab[i].value >= 0)
                x->tab[var_index_slot(x, old.tab[i].key)] = old.tab[i];
        }
        js_free(ctx, old.tab);
    }
    i = var_index_slot(x, key);
    x->count += x->tab[i].value < 0;
    x->tab[i].key = key;
    x->tab[i].value = value;
    return true;
}

static uint64_t var_key(JSAtom name, int scope_level)
{
    return (uint64_t)scope_level << 32 | name;
}

/* The functions that bring an index up to date return false if there is none
   (few variables, no memory): then the variables must be searched. */
static bool index_vars(JSContext *ctx, JSFunctionDef *fd)
{
    JSVarIndex *x = &fd->var_index;

    if (fd->var_count < VAR_INDEX_MIN)
        return false;
    for (; x->indexed < fd->var_count; x->indexed++) {
        JSVarDef *vd = &fd->vars[x->indexed];
        if (!var_index_put(ctx, x, var_key(vd->var_name, vd->scope_level), x->indexed))
            return false;
    }
    return true;
}

static bool index_args(JSContext *ctx, JSFunctionDef *fd)
{
    JSVarIndex *x = &fd->arg_index;

    if (fd->arg_count < VAR_INDEX_MIN)
        return false;
    for (; x->indexed < fd->arg_count; x->indexed++) {
        if (!var_index_put(ctx, x, fd->args[x->indexed].var_name, x->indexed))
            return false;
    }
    return true;
}

static uint64_t closure_key(JSClosureTypeEnum closure_type, int var_idx)
{
    return (uint64_t)closure_type << 32 | (uint32_t)var_idx;
}

static bool index_closure_vars(JSContext *ctx, JSFunctionDef *fd)
{
    JSVarIndex *x = &fd->closure_index;

    if (fd->closure_var_count < VAR_INDEX_MIN)
        return false;
    for (; x->indexed < fd->closure_var_count; x->indexed++) {
        JSClosureVar *cv = &fd->closure_var[x->indexed];
        if (!var_index_put(ctx, x, closure_key(cv->closure_type, cv->var_idx), x->indexed))
            return false;
    }
    return true;
}

/* For walks along a chain of scoped variables in search of a name: from 'idx',
   a variable of the chain, to the one of this name in the same scope, or to
   what comes behind that scope; never past a 'with'. */
static int seek_var(JSContext *ctx, JSFunctionDef *fd, int idx, JSAtom name)
{
    int level, found;

    if (!index_vars(ctx, fd))
        return idx;
    level = fd->vars[idx].scope_level;
    found = var_index_get(&fd->var_index, var_key(JS_ATOM__with_, level));
    if (found < 0 || found > idx)
        found = var_index_get(&fd->var_index, var_key(name, level));
    if (found < 0)
        return fd->scopes[level].outer;
    return found <= idx ? found : idx;
}

/* return the index of a variable that is in no block, or -1 */
static int find_unscoped_var(JSContext *ctx, JSFunctionDef *fd, JSAtom name)
{
    int i;
    if (index_vars(ctx, fd))
        return var_index_get(&fd->var_index, var_key(name, 0));
    for(i = fd->var_count; i-- > 0;) {
        if (fd->vars[i].var_name == name && fd->vars[i].scope_level == 0)
            return i;
    }
    return -1;
`,
      },
      {
        file: "quickjs.c",
        find: `\
    uint32_t *vars_htab; // indexes into vars[]
`,
        replace: `\
    JSVarIndex var_index; /* vars[] by name and scope */
    JSVarIndex arg_index; /* args[] by name */
    JSVarIndex closure_index; /* closure_var[] by type and var_idx */
`,
      },
      {
        file: "quickjs.c",
        find: `\
typedef struct JSVarScope {
    int parent;  /* index into fd->scopes of the enclosing scope */
    int first;   /* index into fd->vars of the last variable in this scope */
`,
        replace: `\
typedef struct JSVarIndex {
    struct {
        uint64_t key;
        int value; /* -1 = empty */
    } *tab;
    int bits; /* log2 of the table's size */
    int count;
    int indexed; /* how many variables are in it */
} JSVarIndex;

typedef struct JSVarScope {
    int parent;  /* index into fd->scopes of the enclosing scope */
    int first;   /* index into fd->vars of the last variable in this scope */
    int outer;   /* what follows this scope's variables in the chain */
`,
      },
    ],
    why: "Declaring and finding variables took time that grew with the square of their " +
      "number: a function of 20,000 parameters 5 s, of 20,000 `let` 11 s, a class of " +
      "20,000 private names 6 s, on the event loop of the host.",
    upstream: "find_arg, find_lexical_decl, find_private_class_field, get_closure_var, the " +
      "check for duplicate parameters and the walks of resolve_scope_var are linear " +
      "searches, and the hash table of find_var is of no use for variables in blocks: " +
      "one name in many blocks makes it a list. An index by name and scope serves " +
      "them all.",
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
    changes: [
      {
        file: "quickjs.c",
        find: `\
            return JS_NAN;
        fields[i] = trunc(a);
        if (i == 0 && fields[0] >= 0 && fields[0] < 100)
            fields[0] += 1900;
    }
    return js_float64(set_date_fields(fields, 0));
`,
        replace: `\
            finite = false;
        fields[i] = trunc(a);
        if (i == 0 && fields[0] >= 0 && fields[0] < 100)
            fields[0] += 1900;
    }
    return finite ? js_float64(set_date_fields(fields, 0)) : JS_NAN;
`,
      },
      {
        file: "quickjs.c",
        find: `\
    double a;
`,
        replace: `\
    double a;
    bool finite = true;
`,
      },
      {
        file: "quickjs.c",
        find: `\
        for(i = 0; i < n; i++) {
            if (JS_ToFloat64(ctx, &a, argv[i]))
                return JS_EXCEPTION;
            if (!isfinite(a))
                break;
            fields[i] = trunc(a);
            if (i == 0 && fields[0] >= 0 && fields[0] < 100)
                fields[0] += 1900;
        }
        val = (i == n) ? set_date_fields(fields, 1) : NAN;
`,
        replace: `\
        bool finite = true;
        for(i = 0; i < n; i++) {
            if (JS_ToFloat64(ctx, &a, argv[i]))
                return JS_EXCEPTION;
            if (!isfinite(a))
                finite = false;
            fields[i] = trunc(a);
            if (i == 0 && fields[0] >= 0 && fields[0] < 100)
                fields[0] += 1900;
        }
        val = finite ? set_date_fields(fields, 1) : NAN;
`,
      },
    ],
    why: "Date() and Date.UTC did not ask the arguments behind one that is not finite " +
      "for their values: what those throw was lost.",
    upstream: "All arguments are converted before any is looked at: `Date.UTC(NaN, 1n)` is a " +
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
    if (JS_IsUndefined(method))
        return JS_UNDEFINED;
    return JS_CallFree(ctx, method, this_val, 0, NULL);
`,
        replace: `\
    if (JS_IsUndefined(method) || JS_IsNull(method))
        return JS_UNDEFINED;
    method = JS_CallFree(ctx, method, this_val, 0, NULL);
    if (JS_IsException(method))
        return JS_EXCEPTION;
    JS_FreeValue(ctx, method);
    return JS_UNDEFINED;
`,
      },
      {
        file: "quickjs.c",
        find: `\
            if (isfinite(dlimit) && dlimit > MAX_SAFE_INTEGER)
                goto range_error;
`,
        replace: `\
            if (isfinite(dlimit) && dlimit > MAX_SAFE_INTEGER)
                dlimit = MAX_SAFE_INTEGER;
`,
      },
    ],
    why: "An iterator's take() and drop() refused limits above 2 ** 53 - 1, and its " +
      "[Symbol.dispose]() gave the result of return().",
    upstream: "The limit is any integer that is not negative, or Infinity: " +
      "`[].values().take(2 ** 53)`. %IteratorPrototype%[%Symbol.dispose%] gives " +
      "undefined, and takes null for no method.",
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
    uint32_t h;
    h = get_shape_hash(sh->hash, rt->shape_hash_bits);
    sh->shape_hash_next = rt->shape_hash[h];
`,
    replace: `\
    uint32_t h;
    if (2 * (rt->shape_hash_count + 1) > rt->shape_hash_size)
        resize_shape_hash(rt, rt->shape_hash_bits + 1);
    h = get_shape_hash(sh->hash, rt->shape_hash_bits);
    sh->shape_hash_next = rt->shape_hash[h];
`,
    why: "The table of shapes grew only when an object of a new prototype was made, not with the " +
      "shapes: 40,000 objects of different keys took a second, 80,000 four.",
    upstream: "js_new_shape2 alone resizes the hash table; shapes that add_property and " +
      "JS_DefineProperty make by cloning are linked into chains of any length. The check " +
      "belongs into js_shape_hash_link.",
  },
];
