/**
 * Iterators, iterator helpers, `for await` and `yield*`.
 *
 * @module
 */

/** @type {readonly import("../edits.mjs").Edit[]} */
export const ITERATION = [
  {
    file: "quickjs.c",
    find: `\
            func = p->u.cfunc.c_function;
            return func.iterator_next(ctx, enum_obj, argc, argv,
`,
    replace: `\
            if (js_check_stack_overflow(ctx->rt, 0)) {
                JS_ThrowStackOverflow(ctx);
                *pdone = false;
                return JS_EXCEPTION;
            }
            func = p->u.cfunc.c_function;
            return func.iterator_next(ctx, enum_obj, argc, argv,
`,
    why:
      "This fast path calls an iterator helper's next() without JS_CallInternal, and so without " +
      "its stack check: \`it = it.map(x => x)\` 100,000 times, then it.next(), recursed in C " +
      "until the process died.",
    upstream: "A bug of 0.17 and 0.18: the check belongs there. A chain of iterator helpers is " +
      "the test.",
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
];
