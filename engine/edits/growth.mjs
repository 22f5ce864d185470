/**
 * What took time that grew with the square of something, or more of it than it need.
 *
 * @module
 */

/** @type {readonly import("../edits.mjs").Edit[]} */
export const GROWTH = [
  {
    file: "quickjs.c",
    find: `\
    return h ^ ctx->hash_seed ^ hash32(tag);
`,
    replace: `\
    h = hash32(h ^ ctx->hash_seed ^ tag);
    return h ^ (h >> 16);
`,
    why: "A Map's buckets are chosen by the low bits of a hash. Those of an integer were the low " +
      "bits of a double, zeros, and those of an object were its address's: a Map of the integers " +
      "below 10,000 used 64 buckets of 8,192 and took 7 ms to fill.",
    upstream:
      "A defect of 0.18: the mixing step belongs behind the key's hash, not in front of it.",
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
