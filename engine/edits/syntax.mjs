/**
 * What the parser refuses or takes against the standard, and the columns that it tells.
 *
 * @module
 */

/** @type {readonly import("../edits.mjs").Edit[]} */
export const SYNTAX = [
  {
    file: "quickjs.c",
    find: `\
                    /* LS or PS are considered as line terminator */
                    if (c == CP_LS || c == CP_PS) {
                        break;
`,
    replace: `\
                    /* LS or PS are considered as line terminator */
                    if (c == CP_LS || c == CP_PS) {
                        s->got_lf = true;
                        break;
`,
    why:
      "A comment that U+2028 or U+2029 ends is the end of a line, where a semicolon may be left " +
      "out: \`8 // a U+2028 9\` was a SyntaxError.",
    upstream: "A bug of 0.18: the separator is consumed here, and its line end forgotten.",
  },
  {
    file: "quickjs.c",
    find: `\
    s->mark = s->buf_ptr + min_int(1, input_len);
    s->eol = s->buf_ptr;
`,
    replace: `\
    s->mark = s->buf_ptr;
    s->eol = s->buf_ptr;
`,
    why:
      "With the next edit: the columns of the first line were one too small, but for the first " +
      "token's.",
    upstream: "A bug of 0.18.",
  },
  {
    file: "quickjs.c",
    find: `\
    s->token.col_num = max_int(1, s->mark - s->eol);
    s->buf_ptr = p;
`,
    replace: `\
    s->token.col_num = max_int(1, (int)(s->mark - s->line_start) + 1);
    s->buf_ptr = p;
`,
    why:
      "See the edit before. A line begins at line_start; eol is before it in all lines but the " +
      "first.",
    upstream: "A bug of 0.18.",
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
    changes: [
      {
        file: "quickjs.c",
        find: `\
static __exception int get_lvalue(JSParseState *s, int *popcode, int *pscope,
`,
        replace: `\
/* Annex B: where calls are assigned to in sloppy code, it is an error only when
   it comes to that */
static bool is_call_target(JSFunctionDef *fd, int tok)
{
    const uint8_t *operands = fd->byte_code.buf + fd->last_opcode_pos + 1;

    if (fd->is_strict_mode || tok == '[' || tok == '{' || tok == TOK_LAND_ASSIGN ||
        tok == TOK_LOR_ASSIGN || tok == TOK_DOUBLE_QUESTION_MARK_ASSIGN)
        return false;
    switch(get_prev_opcode(fd)) {
    case OP_call:
    case OP_call_method:
    case OP_eval:
    case OP_apply_eval:
        return true;
    case OP_apply:
        return get_u16(operands) == 0; /* no 'new' */
    default:
        return false;
    }
}

static __exception int get_lvalue(JSParseState *s, int *popcode, int *pscope,
`,
      },
      {
        file: "quickjs.c",
        find: `\
    /* we check the last opcode to get the lvalue type */
    fd = s->cur_func;
    scope = 0;
    name = JS_ATOM_NULL;
    label = -1;
    depth = 0;
    switch(opcode = get_prev_opcode(fd)) {
`,
        replace: `\
    /* we check the last opcode to get the lvalue type */
    fd = s->cur_func;
    scope = 0;
    name = JS_ATOM_NULL;
    label = -1;
    depth = 0;
    if (is_call_target(fd, tok)) {
        emit_op(s, OP_throw_error);
        emit_atom(s, JS_ATOM_NULL);
        emit_u8(s, JS_THROW_ERROR_CALL_TARGET);
        /* what follows is never reached: any target will do */
        emit_op(s, OP_get_field);
        emit_atom(s, JS_ATOM_empty_string);
    }
    switch(opcode = get_prev_opcode(fd)) {
`,
      },
      {
        file: "quickjs.c",
        find: `\
#define JS_THROW_ERROR_ITERATOR_THROW 4
`,
        replace: `\
#define JS_THROW_ERROR_ITERATOR_THROW 4
#define JS_THROW_ERROR_CALL_TARGET    5
`,
      },
      {
        file: "quickjs.c",
        find: `\
                if (type == JS_THROW_ERROR_ITERATOR_THROW)
`,
        replace: `\
                if (type == JS_THROW_ERROR_CALL_TARGET)
                    JS_ThrowReferenceError(ctx, "invalid assignment left-hand side");
                else
                if (type == JS_THROW_ERROR_ITERATOR_THROW)
`,
      },
      {
        file: "quickjs.c",
        find: `\
            call_type = FUNC_CALL_NORMAL;
        } else if (s->token.val == '.') {
`,
        replace: `\
            if (call_type == FUNC_CALL_TEMPLATE)
                fd->last_opcode_pos = -1; /* never to be assigned to */
            call_type = FUNC_CALL_NORMAL;
        } else if (s->token.val == '.') {
`,
      },
    ],
    why: "`if (never) f() = 1` was a SyntaxError, where the web has code that is written so.",
    upstream: "Annex B: a call is a target of assignments, `++`, `--`, `for (f() of ...)` in " +
      "sloppy code, which is a ReferenceError at run time, once the call is done.",
  },
  {
    file: "quickjs.c",
    find: `\
            if (js_parse_expect(s, ':'))
                goto fail;
            if (js_parse_assign_expr(s))
                goto fail;
            if (name == JS_ATOM_NULL) {
                set_object_name_computed(s);
`,
    replace: `\
            if (js_parse_expect(s, ':'))
                goto fail;
            if (name == JS_ATOM_NULL)
                emit_op(s, OP_to_propkey);
            if (js_parse_assign_expr(s))
                goto fail;
            if (name == JS_ATOM_NULL) {
                set_object_name_computed(s);
`,
    why: "In `{ [key]: value }`, the key became a string behind the value.",
    upstream: "ComputedPropertyName ends with ToPropertyKey: " +
      "language/expressions/object/computed-property-name-topropertykey-before-value-evaluation.js.",
  },
  {
    file: "quickjs.c",
    find: `\
        emit_op(s, OP_scope_in_private_field);
        emit_atom(s, atom);
        emit_u16(s, s->cur_func->scope_level);
        JS_FreeAtom(s->ctx, atom);
        return 0;
    } else {
`,
    replace: `\
        emit_op(s, OP_scope_in_private_field);
        emit_atom(s, atom);
        emit_u16(s, s->cur_func->scope_level);
        JS_FreeAtom(s->ctx, atom);
    } else {
`,
    why: "`#name in a in b` and `#name in a < b` were syntax errors.",
    upstream:
      "`PrivateIdentifier in ShiftExpression` is a RelationalExpression, which others may " +
      "follow.",
  },
];
