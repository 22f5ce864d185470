/**
 * Modules: who loads them is the host, which answers later; and what recurses in C says so where the
 * stack ends.
 *
 * @module
 */

/** @type {readonly import("../edits.mjs").Edit[]} */
export const MODULES = [
  {
    changes: [
      {
        file: "quickjs.c",
        find: `\
        m->func_obj = fun_obj;
        if (js_resolve_module(ctx, m) < 0)
            goto fail1;
        fun_obj = JS_NewModuleValue(ctx, m);
`,
        replace: `\
        m->func_obj = fun_obj;
        m->resolved = true; /* by who compiles it: engine_modules.h */
        fun_obj = JS_NewModuleValue(ctx, m);
`,
      },
    ],
    why:
      "A module is loaded by the host, on another thread: its text is compiled, what it asks for " +
      "is asked of the host, and it is linked when all of it has come. The engine's loader must " +
      "have a module at once.",
    upstream:
      "A flag of JS_EvalOptions, as the comment there suggests, and functions that tell a " +
      "module's requests and resolve them.",
  },
  {
    changes: [
      {
        file: "quickjs.c",
        find: `\
    JSModuleDef *module; /* used using resolution */
`,
        replace: `\
    JSModuleDef *module; /* used using resolution */
    int line_num, col_num; /* of the specifier */
`,
      },
      {
        file: "quickjs.c",
        find: `\
    rme->module = NULL;
    rme->attributes = js_dup(attributes);
`,
        replace: `\
    rme->module = NULL;
    rme->line_num = rme->col_num = 0;
    rme->attributes = js_dup(attributes);
`,
      },
      {
        file: "quickjs.c",
        find: `\
    JSAtom module_name;
    JSValue attributes;
    int idx;

    if (!token_is_pseudo_keyword(s, JS_ATOM_from)) {
`,
        replace: `\
    JSAtom module_name;
    JSValue attributes;
    int idx, line_num, col_num;

    if (!token_is_pseudo_keyword(s, JS_ATOM_from)) {
`,
      },
      {
        file: "quickjs.c",
        find: `\
    module_name = JS_ValueToAtom(s->ctx, s->token.u.str.str);
    if (module_name == JS_ATOM_NULL)
        return -1;
`,
        replace: `\
    module_name = JS_ValueToAtom(s->ctx, s->token.u.str.str);
    if (module_name == JS_ATOM_NULL)
        return -1;
    line_num = s->token.line_num;
    col_num = s->token.col_num;
`,
      },
      {
        file: "quickjs.c",
        find: `\
    idx = add_req_module_entry(s->ctx, m, module_name, attributes);
`,
        replace: `\
    idx = add_req_module_entry(s->ctx, m, module_name, attributes);
    if (idx >= 0 && m->req_module_entries[idx].line_num == 0) {
        m->req_module_entries[idx].line_num = line_num;
        m->req_module_entries[idx].col_num = col_num;
    }
`,
      },
      {
        file: "quickjs.c",
        find: `\
    if (s->token.val == TOK_STRING) {
        JSValue attributes;

        module_name = JS_ValueToAtom(ctx, s->token.u.str.str);
`,
        replace: `\
    if (s->token.val == TOK_STRING) {
        JSValue attributes;
        int line_num = s->token.line_num, col_num = s->token.col_num;

        module_name = JS_ValueToAtom(ctx, s->token.u.str.str);
`,
      },
      {
        file: "quickjs.c",
        find: `\
        idx = add_req_module_entry(ctx, m, module_name, attributes);
        JS_FreeValue(ctx, attributes);
        JS_FreeAtom(ctx, module_name);
        if (idx < 0)
            return -1;
`,
        replace: `\
        idx = add_req_module_entry(ctx, m, module_name, attributes);
        JS_FreeValue(ctx, attributes);
        JS_FreeAtom(ctx, module_name);
        if (idx < 0)
            return -1;
        if (m->req_module_entries[idx].line_num == 0) {
            m->req_module_entries[idx].line_num = line_num;
            m->req_module_entries[idx].col_num = col_num;
        }
`,
      },
    ],
    why: "Where a module is asked for is what a message about a missing one has to say.",
    upstream: "The same for everybody: \`could not load module\` has no place.",
  },
  {
    changes: [
      {
        file: "quickjs.c",
        find: `\
                js_resolve_export_throw_error(ctx, ret, m1, me->local_name);
                goto fail;
            }
        }
    }

#ifdef ENABLE_DUMPS // JS_DUMP_MODULE_RESOLVE
    if (check_dump_flag(ctx->rt, JS_DUMP_MODULE_RESOLVE)) {
        printf("exported bindings:\\n");
`,
        replace: `\
                js_resolve_export_throw_error(ctx, ret, m1, me->local_name);
                engine_blame_request(ctx, m, me->u.req_module_idx);
                goto fail;
            }
        }
    }

#ifdef ENABLE_DUMPS // JS_DUMP_MODULE_RESOLVE
    if (check_dump_flag(ctx->rt, JS_DUMP_MODULE_RESOLVE)) {
        printf("exported bindings:\\n");
`,
      },
      {
        file: "quickjs.c",
        find: `\
                    js_resolve_export_throw_error(ctx, ret, m1, mi->import_name);
                    goto fail;
`,
        replace: `\
                    js_resolve_export_throw_error(ctx, ret, m1, mi->import_name);
                    engine_blame_request(ctx, m, mi->req_module_idx);
                    goto fail;
`,
      },
      {
        file: "quickjs.c",
        find: `\
                            JS_AtomGetStr(ctx, buf3, sizeof(buf3), res_m->module_name));
                        goto fail;
`,
        replace: `\
                            JS_AtomGetStr(ctx, buf3, sizeof(buf3), res_m->module_name));
                        engine_blame_request(ctx, m, mi->req_module_idx);
                        goto fail;
`,
      },
    ],
    why:
      "An import that names what a module does not export is an error of who imports it, whose " +
      "line was not told.",
    upstream: "The same.",
  },
  {
    file: "quickjs.c",
    find: `\
    JS_EnqueueJob(ctx, js_dynamic_import_job, 5, vc(args));
`,
    replace: `\
    engine_enqueue_import(ctx, vc(args));
`,
    why:
      "As above, of \`import()\`: by the time that its job runs, the frame is gone that called it.",
    upstream: "The position could be passed to the function of JS_SetDynamicImportFunc.",
  },
  {
    changes: [
      {
        file: "quickjs.c",
        find: `\
    if (m->func_created)
        return 0;

    is_c_module = (m->init_func != NULL);
`,
        replace: `\
    if (m->func_created)
        return 0;
    if (js_check_stack_overflow(ctx->rt, 0)) {
        JS_ThrowStackOverflow(ctx);
        return -1;
    }

    is_c_module = (m->init_func != NULL);
`,
      },
      {
        file: "quickjs.c",
        find: `\
    *pmodule = NULL;
    *pme = NULL;
    if (find_resolve_entry(s, m, export_name) >= 0)
        return JS_RESOLVE_RES_CIRCULAR;
`,
        replace: `\
    *pmodule = NULL;
    *pme = NULL;
    if (js_check_stack_overflow(ctx->rt, 0)) {
        JS_ThrowStackOverflow(ctx);
        return JS_RESOLVE_RES_EXCEPTION;
    }
    if (find_resolve_entry(s, m, export_name) >= 0)
        return JS_RESOLVE_RES_CIRCULAR;
`,
      },
      {
        file: "quickjs.c",
        find: `\
    /* check circular reference */
    for(i = 0; i < s->modules_count; i++) {
        if (s->modules[i] == m)
            return 0;
    }
`,
        replace: `\
    if (js_check_stack_overflow(ctx->rt, 0)) {
        JS_ThrowStackOverflow(ctx);
        return -1;
    }
    /* check circular reference */
    for(i = 0; i < s->modules_count; i++) {
        if (s->modules[i] == m)
            return 0;
    }
`,
      },
    ],
    why:
      "A chain of 100,000 modules, each of which imports or re-exports the next, overflowed the " +
      "native stack.",
    upstream: "A crash of an embedder that loads modules of strangers: js_inner_module_linking " +
      "checks, these don't.",
  },
  {
    changes: [
      {
        file: "quickjs.c",
        find: `\
typedef struct JSResolveState {
    JSResolveEntry *array;
    int size;
    int count;
} JSResolveState;

static int find_resolve_entry(JSResolveState *s,
                              JSModuleDef *m, JSAtom name)
{
    int i;
    for(i = 0; i < s->count; i++) {
`,
        replace: `\
typedef struct JSResolveState {
    JSResolveEntry *array;
    int size;
    int count;
    int *buckets; /* of more than a few: indices + 1 */
    int bucket_count; /* a power of 2 */
} JSResolveState;

static uint32_t hash_resolve_entry(JSModuleDef *m, JSAtom name)
{
    uint32_t h = (uint32_t)((uintptr_t)m >> 4) * 0x9e3779b1 + name * 0x85ebca6b;
    return h ^ (h >> 15);
}

static int find_resolve_entry(JSResolveState *s,
                              JSModuleDef *m, JSAtom name)
{
    int i;
    if (s->buckets) {
        uint32_t at = hash_resolve_entry(m, name);
        while ((i = s->buckets[at & (s->bucket_count - 1)]) != 0) {
            JSResolveEntry *re = &s->array[i - 1];
            if (re->module == m && re->name == name)
                return i - 1;
            at++;
        }
        return -1;
    }
    for(i = 0; i < s->count; i++) {
`,
      },
      {
        file: "quickjs.c",
        find: `\
    re = &s->array[s->count++];
    re->module = m;
    re->name = JS_DupAtom(ctx, name);
    return 0;
}
`,
        replace: `\
    re = &s->array[s->count++];
    re->module = m;
    re->name = JS_DupAtom(ctx, name);
    if (s->count >= 16 && s->count * 2 > s->bucket_count) {
        int i, size = s->count * 4;
        size = 1 << (32 - clz32(size - 1));
        js_free(ctx, s->buckets);
        s->buckets = js_mallocz(ctx, size * sizeof(*s->buckets));
        if (!s->buckets)
            return -1;
        s->bucket_count = size;
        for(i = 0; i < s->count; i++)
            put_resolve_entry(s, i);
    } else if (s->buckets) {
        put_resolve_entry(s, s->count - 1);
    }
    return 0;
}
`,
      },
      {
        file: "quickjs.c",
        find: `\
static int add_resolve_entry(JSContext *ctx, JSResolveState *s,
`,
        replace: `\
static void put_resolve_entry(JSResolveState *s, int i)
{
    uint32_t at = hash_resolve_entry(s->array[i].module, s->array[i].name);
    while (s->buckets[at & (s->bucket_count - 1)] != 0)
        at++;
    s->buckets[at & (s->bucket_count - 1)] = i + 1;
}

static int add_resolve_entry(JSContext *ctx, JSResolveState *s,
`,
      },
      {
        file: "quickjs.c",
        find: `\
    s->array = NULL;
    s->size = 0;
    s->count = 0;

    ret = js_resolve_export1(ctx, pmodule, pme, m, export_name, s);

    for(i = 0; i < s->count; i++)
        JS_FreeAtom(ctx, s->array[i].name);
    js_free(ctx, s->array);
`,
        replace: `\
    memset(s, 0, sizeof(*s));

    ret = js_resolve_export1(ctx, pmodule, pme, m, export_name, s);

    for(i = 0; i < s->count; i++)
        JS_FreeAtom(ctx, s->array[i].name);
    js_free(ctx, s->array);
    js_free(ctx, s->buckets);
`,
      },
      {
        file: "quickjs.c",
        find: `\
    s->array = NULL;
    s->size = 0;
    s->count = 0;
    var_ref = js_get_local_export_var_ref1(ctx, m, me, s);
    for(i = 0; i < s->count; i++)
        JS_FreeAtom(ctx, s->array[i].name);
    js_free(ctx, s->array);
`,
        replace: `\
    memset(s, 0, sizeof(*s));
    var_ref = js_get_local_export_var_ref1(ctx, m, me, s);
    for(i = 0; i < s->count; i++)
        JS_FreeAtom(ctx, s->array[i].name);
    js_free(ctx, s->array);
    js_free(ctx, s->buckets);
`,
      },
    ],
    why:
      "Linking a chain of 8,000 modules, each of which re-exports a name of the next, took 94 s: " +
      "each step looked through all that were made before it.",
    upstream: "The set of (module, name) pairs of ResolveExport should be a hash table.",
  },
  {
    file: "quickjs.c",
    find: `\
            } else {
                js_set_module_evaluated(ctx, m);
            }
`,
    replace: `\
            } else {
                m->async_evaluation = false;
                js_set_module_evaluated(ctx, m);
            }
`,
    why:
      "import() of a module that was evaluated because what it imports had done with its \`await\` " +
      "never settled (ECMA-262, AsyncModuleExecutionFulfilled: its [[AsyncEvaluationOrder]] is done).",
    upstream: "The same: \`import('a')\`, twice, where a imports b and b awaits.",
  },
];
