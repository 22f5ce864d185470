/**
 * Which variable a name stands for.
 *
 * @module
 */

/** @type {readonly import("../edits.mjs").Edit[]} */
export const SCOPES = [
  {
    changes: [
      {
        file: "quickjs.c",
        find: `\
        JSVarDef *vd = &fd->vars[x->indexed];
        if (!var_index_put(ctx, x, var_key(vd->var_name, vd->scope_level), x->indexed))
`,
        replace: `\
        JSVarDef *vd = &fd->vars[x->indexed];
        if (vd->var_kind == JS_VAR_FUNCTION_NAME)
            continue;
        if (!var_index_put(ctx, x, var_key(vd->var_name, vd->scope_level), x->indexed))
`,
      },
      {
        file: "quickjs.c",
        find: `\
/* return the index of a variable that is in no block, or -1 */
`,
        replace: `\
/* return the index of a variable that is in no block, or -1. The function's own
   name is none: it lies outside of its parameters. */
`,
      },
      {
        file: "quickjs.c",
        find: `\
        if (fd->vars[i].var_name == name && fd->vars[i].scope_level == 0)
            return i;
`,
        replace: `\
        if (fd->vars[i].var_name == name && fd->vars[i].scope_level == 0 &&
            fd->vars[i].var_kind != JS_VAR_FUNCTION_NAME)
            return i;
`,
      },
      {
        file: "quickjs.c",
        find: `\
static int find_var(JSContext *ctx, JSFunctionDef *fd, JSAtom name)
{
    int i = find_unscoped_var(ctx, fd, name);
    return i >= 0 ? i : find_arg(ctx, fd, name);
}
`,
        replace: `\
/* Parameters that have a scope of their own are variables of that scope, which
   the body sees unless it declares the same name with 'var'. */
static int find_var(JSContext *ctx, JSFunctionDef *fd, JSAtom name)
{
    int i = find_unscoped_var(ctx, fd, name);
    return i >= 0 || fd->has_parameter_expressions ? i : find_arg(ctx, fd, name);
}
`,
      },
      {
        file: "quickjs.c",
        find: `\
/* return true if scope == parent_scope or if scope is a child of
   parent_scope */
`,
        replace: `\
/* behind the parameters: is it the name of one, in a pattern or not? */
static bool is_parameter(JSContext *ctx, JSFunctionDef *fd, JSAtom name)
{
    int i = find_unscoped_var(ctx, fd, name);
    if (i < 0 && fd->has_parameter_expressions)
        i = find_var_in_scope(ctx, fd, name, ARG_SCOPE_INDEX);
    return i >= 0 ? i < fd->param_var_count : find_arg(ctx, fd, name) >= 0;
}

/* return true if scope == parent_scope or if scope is a child of
   parent_scope */
`,
      },
      {
        file: "quickjs.c",
        find: `\
    int defined_arg_count;
    int var_ref_count; /* number of local/arg variable references */
`,
        replace: `\
    int defined_arg_count;
    int param_var_count; /* the first of vars[] are those of parameters */
    int var_ref_count; /* number of local/arg variable references */
`,
      },
      {
        file: "quickjs.c",
        find: `\
            fd->scope_level == fd->body_scope &&
            find_arg(ctx, fd, name) >= 0) {
`,
        replace: `\
            fd->scope_level == fd->body_scope && fd->in_function_body &&
            is_parameter(ctx, fd, name)) {
`,
      },
      {
        file: "quickjs.c",
        find: `\
            idx = add_var(ctx, fd, name);
            if (idx >= 0) {
                if (name == JS_ATOM_arguments && fd->has_arguments_binding)
                    fd->arguments_var_idx = idx;
                fd->vars[idx].scope_next = fd->scope_level;
            }
`,
        replace: `\
            idx = add_body_var(ctx, fd, name);
            if (idx >= 0)
                fd->vars[idx].scope_next = fd->scope_level;
`,
      },
      {
        file: "quickjs.c",
        find: `\
static int define_var(JSParseState *s, JSFunctionDef *fd, JSAtom name,
                      JSVarDefEnum var_def_type)
{
`,
        replace: `\
/* a variable of the body that was not there; of the name 'arguments' it begins
   with these */
static int add_body_var(JSContext *ctx, JSFunctionDef *fd, JSAtom name)
{
    bool is_arguments = name == JS_ATOM_arguments && fd->has_arguments_binding;
    int idx;

    if (is_arguments && fd->has_parameter_expressions && add_arguments_arg(ctx, fd) < 0)
        return -1;
    idx = add_var(ctx, fd, name);
    if (idx >= 0 && is_arguments)
        fd->arguments_var_idx = idx;
    return idx;
}

static int define_var(JSParseState *s, JSFunctionDef *fd, JSAtom name,
                      JSVarDefEnum var_def_type)
{
`,
      },
      {
        file: "quickjs.c",
        find: `\
        &&  !((func_idx = find_var(ctx, fd, func_name)) >= 0 && (func_idx & ARGUMENT_VAR_OFFSET))
`,
        replace: `\
        &&  !is_parameter(ctx, fd, func_name)
`,
      },
      {
        file: "quickjs.c",
        find: `\
    if (fd->has_parameter_expressions) {
        int idx;

        /* Copy the variables in the argument scope to the variable
           scope (see FunctionDeclarationInstantiation() in spec). The
           normal arguments are already present, so no need to copy
           them. */
        idx = fd->scopes[fd->scope_level].first;
        while (idx >= 0) {
            JSVarDef *vd = &fd->vars[idx];
            if (vd->scope_level != fd->scope_level)
                break;
            if (find_var(ctx, fd, vd->var_name) < 0) {
                if (add_var(ctx, fd, vd->var_name) < 0)
                    goto fail;
                vd = &fd->vars[idx]; /* fd->vars may have been reallocated */
                emit_op(s, OP_scope_get_var);
                emit_atom(s, vd->var_name);
                emit_u16(s, fd->scope_level);
                emit_op(s, OP_scope_put_var);
                emit_atom(s, vd->var_name);
                emit_u16(s, 0);
            }
            idx = vd->scope_next;
        }

        /* the argument scope has no parent, hence we don't use pop_scope(s) */
`,
        replace: `\
    fd->param_var_count = fd->var_count;
    if (is_parameter(ctx, fd, JS_ATOM_arguments))
        fd->has_arguments_binding = false;
    if (fd->has_parameter_expressions) {
        /* here the body's variables get what parameters of the same names
           have, once it is known which those are: see OP_leave_scope. The
           argument scope has no parent, hence we don't use pop_scope(s) */
`,
      },
      {
        file: "quickjs.c",
        find: `\
                int scope_idx, scope = get_u16(bc_buf + pos + 1);

                for(scope_idx = s->scopes[scope].first; scope_idx >= 0;) {
                    JSVarDef *vd = &s->vars[scope_idx];
                    if (vd->scope_level == scope) {
                        if (vd->is_captured) {
`,
        replace: `\
                int scope_idx, scope = get_u16(bc_buf + pos + 1);

                if (scope == ARG_SCOPE_INDEX && s->has_parameter_expressions) {
                    /* it stays open: the body sees it */
                    for(scope_idx = s->scopes[scope].first; scope_idx >= 0;) {
                        JSVarDef *vd = &s->vars[scope_idx];
                        int idx = find_unscoped_var(ctx, s, vd->var_name);
                        if (idx >= 0) {
                            dbuf_putc(&bc_out, OP_get_loc);
                            dbuf_put_u16(&bc_out, scope_idx);
                            dbuf_putc(&bc_out, OP_put_loc);
                            dbuf_put_u16(&bc_out, idx);
                        }
                        scope_idx = vd->scope_next;
                    }
                    break;
                }
                for(scope_idx = s->scopes[scope].first; scope_idx >= 0;) {
                    JSVarDef *vd = &s->vars[scope_idx];
                    if (vd->scope_level == scope) {
                        if (vd->is_captured) {
`,
      },
      {
        file: "quickjs.c",
        find: `\
/* return the position of the next opcode */
static int resolve_scope_var(JSContext *ctx, JSFunctionDef *s,
                             JSAtom var_name, int scope_level, int op,
`,
        replace: `\
/* have the property of this name that an object of variables of eval() has, if
   it has, in place of what is found behind */
static void test_eval_object(JSContext *ctx, JSFunctionDef *s,
                             JSFunctionDef *fd, int idx, JSAtom var_name,
                             int op, DynBuf *bc, int *plabel_done)
{
    if (idx < 0)
        return;
    if (fd == s) {
        dbuf_putc(bc, OP_get_loc);
    } else {
        JSVarDef *vd = &fd->vars[idx];
        capture_var(fd, vd);
        idx = get_closure_var(ctx, s, fd, JS_CLOSURE_LOCAL, idx, vd->var_name,
                              false, false, JS_VAR_NORMAL);
        if (idx < 0) {
            dbuf_set_error(bc);
            return;
        }
        dbuf_putc(bc, OP_get_var_ref);
    }
    dbuf_put_u16(bc, idx);
    var_object_test(ctx, s, var_name, op, bc, plabel_done, false);
}

/* What a name stands for behind all blocks of the function 'fd', from the
   inside out: a variable of its body, what eval() declared there, a parameter,
   'arguments', what eval() declared among the parameters, the function itself.
   Return the index as find_var() does. */
static int resolve_function_var(JSContext *ctx, JSFunctionDef *s,
                                JSFunctionDef *fd, JSAtom var_name,
                                bool is_pseudo_var, bool is_arg_scope,
                                int op, DynBuf *bc, int *plabel_done)
{
    int idx;

    if (!is_arg_scope) {
        idx = find_var(ctx, fd, var_name);
        if (idx >= 0)
            return idx;
    }
    if (is_pseudo_var)
        return resolve_pseudo_var(ctx, fd, var_name);
    if (!is_arg_scope) {
        test_eval_object(ctx, s, fd, fd->var_object_idx, var_name, op, bc, plabel_done);
        if (fd->has_parameter_expressions) {
            idx = find_var_in_scope(ctx, fd, var_name, ARG_SCOPE_INDEX);
            if (idx >= 0)
                return idx;
        }
    }
    if (var_name == JS_ATOM_arguments && fd->has_arguments_binding)
        return add_arguments_var(ctx, fd);
    test_eval_object(ctx, s, fd, fd->arg_var_object_idx, var_name, op, bc, plabel_done);
    if (fd->is_func_expr && fd->func_name == var_name)
        return add_func_var(ctx, fd, var_name);
    return -1;
}

/* return the position of the next opcode */
static int resolve_scope_var(JSContext *ctx, JSFunctionDef *s,
                             JSAtom var_name, int scope_level, int op,
`,
      },
      {
        file: "quickjs.c",
        find: `\
    is_arg_scope = (idx == ARG_SCOPE_END);
    if (var_idx < 0) {
        /* argument scope: variables are not visible but pseudo
           variables are visible */
        if (!is_arg_scope) {
            var_idx = find_var(ctx, s, var_name);
        }

        if (var_idx < 0 && is_pseudo_var)
            var_idx = resolve_pseudo_var(ctx, s, var_name);

        if (var_idx < 0 && var_name == JS_ATOM_arguments &&
            s->has_arguments_binding) {
            /* 'arguments' pseudo variable */
            var_idx = add_arguments_var(ctx, s);
        }
        if (var_idx < 0 && s->is_func_expr && var_name == s->func_name) {
            /* add a new variable with the function name */
            var_idx = add_func_var(ctx, s, var_name);
        }
    }
`,
        replace: `\
    if (var_idx < 0) {
        is_arg_scope = (idx == ARG_SCOPE_END);
        var_idx = resolve_function_var(ctx, s, s, var_name, is_pseudo_var,
                                       is_arg_scope, op, bc, &label_done);
    }
`,
      },
      {
        file: "quickjs.c",
        find: `\
    /* check eval object */
    if (!is_arg_scope && s->var_object_idx >= 0 && !is_pseudo_var) {
        dbuf_putc(bc, OP_get_loc);
        dbuf_put_u16(bc, s->var_object_idx);
        var_object_test(ctx, s, var_name, op, bc, &label_done, 0);
    }
    /* check eval object in argument scope */
    if (s->arg_var_object_idx >= 0 && !is_pseudo_var) {
        dbuf_putc(bc, OP_get_loc);
        dbuf_put_u16(bc, s->arg_var_object_idx);
        var_object_test(ctx, s, var_name, op, bc, &label_done, 0);
    }

    /* check parent scopes */
`,
        replace: `\
    /* check parent scopes */
`,
      },
      {
        file: "quickjs.c",
        find: `\
        if (!is_arg_scope) {
            var_idx = find_var(ctx, fd, var_name);
            if (var_idx >= 0)
                break;
        }
        if (is_pseudo_var) {
            var_idx = resolve_pseudo_var(ctx, fd, var_name);
            if (var_idx >= 0)
                break;
        }
        if (var_name == JS_ATOM_arguments && fd->has_arguments_binding) {
            var_idx = add_arguments_var(ctx, fd);
            break;
        }
        if (fd->is_func_expr && fd->func_name == var_name) {
            /* add a new variable with the function name */
            var_idx = add_func_var(ctx, fd, var_name);
            break;
        }

        /* check eval object */
        if (!is_arg_scope && fd->var_object_idx >= 0 && !is_pseudo_var) {
            vd = &fd->vars[fd->var_object_idx];
            capture_var(fd, vd);
            idx = get_closure_var(ctx, s, fd, JS_CLOSURE_LOCAL,
                                  fd->var_object_idx, vd->var_name,
                                  false, false, JS_VAR_NORMAL);
            dbuf_putc(bc, OP_get_var_ref);
            dbuf_put_u16(bc, idx);
            var_object_test(ctx, s, var_name, op, bc, &label_done, 0);
        }

        /* check eval object in argument scope */
        if (fd->arg_var_object_idx >= 0 && !is_pseudo_var) {
            vd = &fd->vars[fd->arg_var_object_idx];
            capture_var(fd, vd);
            idx = get_closure_var(ctx, s, fd, JS_CLOSURE_LOCAL,
                                  fd->arg_var_object_idx, vd->var_name,
                                  false, false, JS_VAR_NORMAL);
            dbuf_putc(bc, OP_get_var_ref);
            dbuf_put_u16(bc, idx);
            var_object_test(ctx, s, var_name, op, bc, &label_done, 0);
        }

        if (fd->is_eval)
`,
        replace: `\
        var_idx = resolve_function_var(ctx, s, fd, var_name, is_pseudo_var,
                                       is_arg_scope, op, bc, &label_done);
        if (var_idx >= 0)
            break;

        if (fd->is_eval)
`,
      },
      {
        file: "quickjs.c",
        find: `\
static void add_eval_variables(JSContext *ctx, JSFunctionDef *s)
{
`,
        replace: `\
/* The variables of a function that are in no block, from the inside out, as
   eval() finds them: those of the body; parameters that have a scope; what
   eval() declared among them; the function itself. Return -1 for others. */
#define VAR_LAYERS 4

static int var_layer(const JSVarDef *vd, bool has_arg_scope)
{
    if (vd->scope_level == ARG_SCOPE_INDEX && has_arg_scope)
        return 1;
    /* do not close top level last result */
    if (vd->scope_level != 0 || vd->var_name == JS_ATOM__ret_ ||
        vd->var_name == JS_ATOM_NULL)
        return -1;
    if (vd->var_kind == JS_VAR_FUNCTION_NAME)
        return 3;
    return vd->var_name == JS_ATOM__arg_var_ ? 2 : 0;
}

static void add_eval_variables(JSContext *ctx, JSFunctionDef *s)
{
`,
      },
      {
        file: "quickjs.c",
        find: `\
    int i, scope_level, scope_idx;
    bool has_arguments_binding, has_this_binding, is_arg_scope;
`,
        replace: `\
    int i, layer, scope_level, scope_idx;
    bool has_arguments_binding, has_this_binding, is_arg_scope;
`,
      },
      {
        file: "quickjs.c",
        find: `\
        if (!is_arg_scope) {
            /* add unscoped variables */
            /* XXX: propagate is_const and var_kind too ? */
            for(i = 0; i < fd->arg_count; i++) {
                vd = &fd->args[i];
                if (vd->var_name != JS_ATOM_NULL) {
                    capture_var(fd, vd);
                    get_closure_var(ctx, s, fd,
                                    JS_CLOSURE_ARG, i, vd->var_name, false,
                                    vd->is_lexical, JS_VAR_NORMAL);
                }
            }
            for(i = 0; i < fd->var_count; i++) {
                vd = &fd->vars[i];
                /* do not close top level last result */
                if (vd->scope_level == 0 &&
                    vd->var_name != JS_ATOM__ret_ &&
                    vd->var_name != JS_ATOM_NULL) {
                    capture_var(fd, vd);
                    get_closure_var(ctx, s, fd,
                                    JS_CLOSURE_LOCAL, i, vd->var_name, false,
                                    vd->is_lexical, JS_VAR_NORMAL);
                }
            }
        } else {
            for(i = 0; i < fd->var_count; i++) {
                vd = &fd->vars[i];
                /* do not close top level last result */
                if (vd->scope_level == 0 && is_var_in_arg_scope(vd)) {
                    capture_var(fd, vd);
                    get_closure_var(ctx, s, fd,
                                    JS_CLOSURE_LOCAL, i, vd->var_name, false,
                                    vd->is_lexical, JS_VAR_NORMAL);
                }
            }
        }
`,
        replace: `\
        /* add unscoped variables */
        if (!fd->has_parameter_expressions) {
            for(i = 0; i < fd->arg_count; i++) {
                vd = &fd->args[i];
                if (vd->var_name != JS_ATOM_NULL) {
                    capture_var(fd, vd);
                    get_closure_var(ctx, s, fd,
                                    JS_CLOSURE_ARG, i, vd->var_name, false,
                                    vd->is_lexical, JS_VAR_NORMAL);
                }
            }
        }
        for (layer = 0; layer < VAR_LAYERS; layer++) {
            for(i = 0; i < fd->var_count; i++) {
                vd = &fd->vars[i];
                if (var_layer(vd, fd->has_parameter_expressions) != layer ||
                    (is_arg_scope && !is_var_in_arg_scope(vd)))
                    continue;
                capture_var(fd, vd);
                get_closure_var(ctx, s, fd,
                                JS_CLOSURE_LOCAL, i, vd->var_name, vd->is_const,
                                vd->is_lexical, vd->var_kind);
            }
        }
`,
      },
      {
        file: "quickjs.c",
        find: `\
    int i, count;
    JSVarDef *vd;
    bool is_arg_scope;
`,
        replace: `\
    int i, count, layer;
    JSVarDef *vd;
    bool is_arg_scope, has_arg_scope;
`,
      },
      {
        file: "quickjs.c",
        find: `\
    is_arg_scope = (i == ARG_SCOPE_END);
    if (!is_arg_scope) {
        /* Add argument variables */
        for(i = 0; i < b->arg_count; i++) {
`,
        replace: `\
    is_arg_scope = (i == ARG_SCOPE_END);
    has_arg_scope = false;
    for(i = 0; i < b->var_count && !has_arg_scope; i++)
        has_arg_scope = (b->vardefs[b->arg_count + i].scope_next == ARG_SCOPE_END);
    if (!has_arg_scope) {
        /* Add argument variables */
        for(i = 0; i < b->arg_count; i++) {
`,
      },
      {
        file: "quickjs.c",
        find: `\
        /* Add local non lexical variables */
        for(i = 0; i < b->var_count; i++) {
            vd = &b->vardefs[b->arg_count + i];
            if (vd->scope_level == 0 && vd->var_name != JS_ATOM__ret_) {
                JSClosureVar *cv = &s->closure_var[s->closure_var_count++];
                set_closure_from_var(ctx, cv, vd, i);
            }
        }
    } else {
        /* only add pseudo variables */
        for(i = 0; i < b->var_count; i++) {
            vd = &b->vardefs[b->arg_count + i];
            if (vd->scope_level == 0 && is_var_in_arg_scope(vd)) {
                JSClosureVar *cv = &s->closure_var[s->closure_var_count++];
                set_closure_from_var(ctx, cv, vd, i);
            }
        }
    }
`,
        replace: `\
    }
    /* Add variables that are in no block */
    for (layer = 0; layer < VAR_LAYERS; layer++) {
        for(i = 0; i < b->var_count; i++) {
            vd = &b->vardefs[b->arg_count + i];
            if (var_layer(vd, has_arg_scope) == layer &&
                (!is_arg_scope || is_var_in_arg_scope(vd))) {
                JSClosureVar *cv = &s->closure_var[s->closure_var_count++];
                set_closure_from_var(ctx, cv, vd, i);
            }
        }
    }
`,
      },
    ],
    why:
      "`((a = 1, b = a++) => [a, b])()` was [1, 1]: where parameters have a scope of their own, " +
      "the body had copies of them, of the time of the call. With eval() about, a function " +
      "expression's name hid its parameters and variables of the same name, and `arguments` a " +
      "parameter; names in patterns were not known as parameters to `let` and to functions in " +
      "blocks.",
    upstream:
      "FunctionDeclarationInstantiation copies a parameter only for a `var` of the same name in " +
      "the body (step 28.f); all others are the parameter's own binding: `((a, f = () => a) => { " +
      "a = 2; return f(); })(1)` is 2. `(function f() { var f = 1; eval(''); return f; })()` is 1, " +
      "`(function (arguments) { eval(''); return arguments; })(5)` 5. `(({ a }) => { let a; })` is " +
      "a SyntaxError, and `(({ a }) => { { function a() {} } return a; })({ a: 1 })` 1.",
  },
  {
    changes: [
      {
        file: "quickjs.c",
        find: `\
        &&  !is_parameter(ctx, fd, func_name)
        &&  !(func_name == JS_ATOM_arguments && fd->has_arguments_binding)) {
`,
        replace: `\
        &&  !is_parameter(ctx, fd, func_name)) {
`,
      },
      {
        file: "quickjs.c",
        find: `\
                    func_idx = find_var(ctx, s->cur_func, func_name);
                    if (func_idx < 0) {
                        func_idx = add_var(ctx, s->cur_func, func_name);
`,
        replace: `\
                    func_idx = find_var(ctx, s->cur_func, func_name);
                    if (func_idx < 0) {
                        func_idx = add_body_var(ctx, s->cur_func, func_name);
`,
      },
    ],
    why:
      '`(function () { { function arguments() {} } return typeof arguments; })()` was "object": a ' +
      "function of that name in a block stayed in it.",
    upstream:
      "B.3.2.1 excepts the name `arguments` only from the variable that is made at the beginning " +
      "(step 29.a.ii.2); where the function in the block is evaluated, the variable gets it all the " +
      "same (29.a.ii.3). Tests: annexB/language/function-code/block-decl-func-skip-arguments.js.",
  },
];
