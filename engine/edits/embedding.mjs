/**
 * What this library needs of the engine that can't be reached from outside.
 *
 * @module
 */

/** @type {readonly import("../edits.mjs").Edit[]} */
export const EMBEDDING = [
  {
    file: "quickjs.c",
    find: `\
#if defined(__SANITIZE_ADDRESS__) || defined(FORCE_GC_AT_MALLOC)
`,
    replace: `\
#if defined(__SANITIZE_ADDRESS__) || defined(FORCE_GC_AT_MALLOC) || defined(DFD_ONE_ALLOCATOR)
`,
    why: "Every block comes from our arena, which packs a fresh realm into 110 KB where the " +
      "engine's own half-empty slabs take 170 KB; a restore copies a third less.",
    upstream: "JS_ARENA_LARGE_BLOCKS_ONLY could be `#ifndef`, for embedders whose allocator is " +
      "as good as the slabs.",
  },
  {
    file: "quickjs.c",
    find: `\
static uint32_t shape_initial_hash(JSObject *proto)
{
    uint32_t h;
    h = shape_hash(1, (uintptr_t)proto);
    if (sizeof(proto) > 4)
        h = shape_hash(h, (uint64_t)(uintptr_t)proto >> 32);
    return h;
`,
    replace: `\
static uint32_t shape_initial_hash(JSRuntime *rt, JSObject *proto)
{
    return shape_hash(1, proto ? (uint32_t)((uintptr_t)proto - (uintptr_t)rt) : 0);
`,
    why:
      "Shape hashes are stored in the realm's image. Where an object lies from its runtime is the " +
      "same wherever both are: an image can be moved to another arena by changing nothing but " +
      "pointers.",
    upstream: "None: it matters only to who moves heaps.",
  },
  {
    file: "quickjs.c",
    find: `\
    sh->hash = shape_initial_hash(proto);
`,
    replace: `\
    sh->hash = shape_initial_hash(ctx->rt, proto);
`,
    why: "The same: a new shape.",
    upstream: "As above.",
  },
  {
    file: "quickjs.c",
    find: `\
    h = shape_initial_hash(proto);
    h1 = get_shape_hash(h, rt->shape_hash_bits);
`,
    replace: `\
    h = shape_initial_hash(rt, proto);
    h1 = get_shape_hash(h, rt->shape_hash_bits);
`,
    why: "The same: a shape that is looked up.",
    upstream: "As above.",
  },
  {
    file: "quickjs.c",
    find: `\
        h = (uintptr_t)JS_VALUE_GET_PTR(key) * 3163;
        break;
`,
    replace: `\
        h = ((uintptr_t)JS_VALUE_GET_PTR(key) - (uintptr_t)ctx->rt) * 3163;
        break;
`,
    why: "The same: where an object lies that is a key of a Map or a Set.",
    upstream: "As above.",
  },
  {
    file: "quickjs.c",
    find: `\
    case JS_DEF_OBJECT:
        /* XXX: could add a flag */
`,
    replace: `\
    case ENGINE_DEF_LAZY:
        val = e->u.func.cfunc.generic_magic(ctx, JS_UNDEFINED, 0, NULL, e->magic);
        break;
    case JS_DEF_OBJECT:
        /* XXX: could add a flag */
`,
    why:
      "A global that most tasks never touch takes a slot of the image, and no more: what it is " +
      "gets made when it is asked for first. The engine does that for functions; classes need " +
      "code of ours for it.",
    upstream: "A public JS_DEF_LAZY, whose value a function makes, would let embedders have many " +
      "globals and start as fast as without.",
  },
  {
    file: "quickjs.c",
    find: `\
    case JS_DEF_PROP_STRING:
    case JS_DEF_OBJECT:
        JS_DefineAutoInitProperty(`,
    replace: `\
    case JS_DEF_PROP_STRING:
    case JS_DEF_OBJECT:
    case ENGINE_DEF_LAZY:
        JS_DefineAutoInitProperty(`,
    why: "The same: where such a property is defined.",
    upstream: "As above.",
  },
  {
    file: "quickjs.c",
    find: `\
    if (js_shape_prepare_update(ctx, p, &prs))
        return -1;

    realm = js_autoinit_get_realm(pr);
    func = js_autoinit_func_table[js_autoinit_get_id(pr)];
    /* 'func' shall not modify the object properties 'pr' */
    val = func(realm, p, prop, pr->u.init.opaque);
    js_autoinit_free(ctx->rt, pr);
    prs->flags &= ~JS_PROP_TMASK;
    pr->u.value = JS_UNDEFINED;
    if (JS_IsException(val))
        return -1;
    pr->u.value = val;
    return 0;
`,
    replace: `\
    realm = js_autoinit_get_realm(pr);
    func = js_autoinit_func_table[js_autoinit_get_id(pr)];
    val = func(realm, p, prop, pr->u.init.opaque);
    if (JS_IsException(val))
        return -1;
    /* 'func' may have run code, which may have changed the object */
    prs = find_own_property(&pr, p, prop);
    if (!prs || (prs->flags & JS_PROP_TMASK) != JS_PROP_AUTOINIT) {
        JS_FreeValue(ctx, val);
        return 0;
    }
    if (js_shape_prepare_update(ctx, p, &prs)) {
        JS_FreeValue(ctx, val);
        return -1;
    }
    js_autoinit_free(ctx->rt, pr);
    prs->flags &= ~JS_PROP_TMASK;
    pr->u.value = val;
    return 0;
`,
    why:
      "What makes a lazy global evaluates code, which reads globals in its turn, and those may " +
      "be getters that the task defined: they may add properties, which moves what \`pr\` and " +
      "\`prs\` point at. Nor is a global undefined for good because it was touched first where the " +
      "stack was nearly used up: it stays to be made.",
    upstream: "Looking the property up again costs nothing beside what was made. The failure is " +
      "upstream's own: recursion that first touches parseInt at its deepest makes it undefined.",
  },
  {
    file: "quickjs.c",
    find: `atom_str ? atom_str : "<null>"`,
    replace: `atom_str ? atom_str : "native"`,
    why: "Functions that were compiled without debug information, as globals in JavaScript are, " +
      "look in a stack like the engine's own.",
    upstream: "The same: \`<null>\` tells nobody anything.",
  },
  {
    file: "quickjs.c",
    find: `\
    JS_CFUNC_DEF("wait", 4, js_atomics_wait ),
    JS_CFUNC_DEF("notify", 3, js_atomics_notify ),
`,
    replace: `\
    JS_CFUNC_DEF("wait", 4, engine_atomics_wait ),
    JS_CFUNC_DEF("notify", 3, engine_atomics_notify ),
`,
    why:
      "The engine's own wait() sleeps in a list of waiters under a process-wide lock, on a node " +
      "of its stack: a task that is left there by siglongjmp would leave both behind.",
    upstream: "None: it matters only to who leaves the engine by a jump.",
  },
  {
    file: "quickjs.c",
    find: `\
        if (s->cur_func->is_eval) {
            js_parse_error(s, "return not in a function");
            goto fail;
        }
`,
    replace: `\
        if (s->cur_func->is_eval && (s->cur_func->eval_type != JS_EVAL_TYPE_GLOBAL ||
                                     s->cur_func->func_kind != JS_FUNC_ASYNC)) {
            js_parse_error(s, "return not in a function");
            goto fail;
        }
`,
    why:
      "A script with a top-level \`await\`, which is how code as text is run, may \`return\`, too. " +
      "Putting the text into a function instead would parse it twice, move its lines, and take " +
      "text that closes the function for code behind it.",
    upstream: "A flag for JS_Eval, such as JS_EVAL_FLAG_RETURN, would do it for every embedder " +
      "that runs snippets; Node.js has it as vm.compileFunction.",
  },
  {
    file: "quickjs.c",
    find: `\
        if (s->token.val != ';' && s->token.val != '}' && !s->got_lf) {
            if (js_parse_expr(s))
                goto fail;
            emit_return(s, true);
        } else {
            emit_return(s, false);
        }
`,
    replace: `\
        if (s->token.val != ';' && s->token.val != '}' && s->token.val != TOK_EOF && !s->got_lf) {
            if (js_parse_expr(s))
                goto fail;
            if (s->cur_func->is_eval) {
                emit_op(s, OP_special_object);
                emit_u8(s, OP_SPECIAL_OBJECT_NULL_PROTO);
                emit_op(s, OP_swap);
                emit_op(s, OP_define_field);
                emit_atom(s, JS_ATOM_value);
            }
            emit_return(s, true);
        } else {
            emit_return(s, false);
        }
`,
    why:
      "The promise of such a script is of \`{ value }\`, also where it returns one; and it may " +
      "end behind \`return\`.",
    upstream: "As above.",
  },
  {
    file: "quickjs.c",
    find: `\
        emit_label(s, label_end);
    } else {
        if (!s->is_module) {
            if (fd->func_kind == JS_FUNC_ASYNC) {
                emit_op(s, OP_object);
                emit_op(s, OP_dup);
                emit_op(s, OP_get_loc);
                emit_u16(s, fd->eval_ret_idx);
                emit_op(s, OP_put_field);
                emit_atom(s, JS_ATOM_value);
`,
    replace: `\
        emit_label(s, label_end);
    } else {
        if (!s->is_module) {
            if (fd->func_kind == JS_FUNC_ASYNC) {
                emit_op(s, OP_special_object);
                emit_u8(s, OP_SPECIAL_OBJECT_NULL_PROTO);
                emit_op(s, OP_get_loc);
                emit_u16(s, fd->eval_ret_idx);
                emit_op(s, OP_define_field);
                emit_atom(s, JS_ATOM_value);
`,
    why: "The \`value\` of that promise was set with [[Set]]: a script that put a setter or a " +
      "read-only \`value\` on Object.prototype lost its result. So did one that put a \`then\` " +
      "there: the promise was resolved with an object that inherits it.",
    upstream:
      "A bug of 0.18, also where the script has \`using\`: it should be OP_define_field, on " +
      "an object without a prototype.",
  },
  {
    file: "quickjs.c",
    find: `\
            if (js_parse_expect(s, '('))
                return -1;
            if (!accept_lparen)
                return js_parse_error(s, "invalid use of 'import()'");
`,
    replace: `\
            if (s->token.val != '(')
                return js_parse_error(s, "import statements only work in modules");
            if (next_token(s))
                return -1;
            if (!accept_lparen)
                return js_parse_error(s, "invalid use of 'import()'");
`,
    why:
      "A script's \`import x from 'y'\` was told \`Unexpected identifier 'x'\`, from which nobody " +
      "could tell what to advise.",
    upstream: "The message is clearer for everybody.",
  },
  {
    file: "quickjs.c",
    find: `\
    size_t malloc_gc_threshold;
`,
    replace: `\
    size_t malloc_gc_threshold;
    size_t malloc_gc_limit; /* or 0 */
`,
    why: "See the next one.",
    upstream: "With the next one.",
  },
  {
    file: "quickjs.c",
    find: `\
        rt->malloc_gc_threshold = rt->malloc_state.malloc_size +
            (rt->malloc_state.malloc_size >> 1);
`,
    replace: `\
        rt->malloc_gc_threshold = rt->malloc_state.malloc_size +
            (rt->malloc_state.malloc_size >> 1);
        if (rt->malloc_gc_limit &&
            rt->malloc_gc_threshold > gc_latest(rt->malloc_state.malloc_size, rt->malloc_gc_limit))
            rt->malloc_gc_threshold = gc_latest(rt->malloc_state.malloc_size, rt->malloc_gc_limit);
`,
    why: "Cycles are looked for when half as much again is taken as was left the last time. With " +
      "more than two thirds of the memory limit in use that is beyond the limit, and a task that " +
      "makes nothing but garbage ended for want of memory.",
    upstream: "The same happens below JS_SetMemoryLimit: the threshold should not exceed it.",
  },
];
