/**
 * What regular expressions take and match against the standard.
 *
 * @module
 */

/** @type {readonly import("../edits.mjs").Edit[]} */
export const PATTERNS = [
  {
    changes: [
      {
        file: "libregexp.c",
        find: `\
        if (s->unicode_sets && p[1] == c) {
`,
        replace: `\
        if (s->unicode_sets && inclass && p[1] == c) {
`,
      },
      {
        file: "libregexp.c",
        find: `\
        if (s->unicode_sets) {
            /* invalid characters in unicode sets */
`,
        replace: `\
        if (s->unicode_sets && inclass) {
            /* invalid characters in unicode sets */
`,
      },
    ],
    why: "`/a-b/v` and `/::/v` were syntax errors.",
    upstream: "What may not stand in a class of the flag `v` may stand outside of it.",
  },
  {
    changes: [
      {
        file: "libregexp.c",
        find: `\
static int re_emit_string_list(REParseState *s, REStringList *sl)
{
`,
        replace: `\
/* before and behind what consumes a character */
static void re_emit_prev(REParseState *s, bool is_backward_dir)
{
    if (is_backward_dir)
        re_emit_op(s, REOP_prev);
}

static int re_emit_string_list(REParseState *s, REStringList *sl, bool is_backward_dir)
{
`,
      },
      {
        file: "libregexp.c",
        find: `\
        /* simple case: only characters */
        if (re_emit_range(s, &sl->cr))
            return -1;
`,
        replace: `\
        /* simple case: only characters */
        re_emit_prev(s, is_backward_dir);
        if (re_emit_range(s, &sl->cr))
            return -1;
        re_emit_prev(s, is_backward_dir);
`,
      },
      {
        file: "libregexp.c",
        find: `\
                re_emit_char(s, p->buf[j]);
`,
        replace: `\
                re_emit_prev(s, is_backward_dir);
                re_emit_char(s, p->buf[is_backward_dir ? p->len - 1 - j : j]);
                re_emit_prev(s, is_backward_dir);
`,
      },
      {
        file: "libregexp.c",
        find: `\
            if (re_emit_range(s, &sl->cr))
                goto fail;
`,
        replace: `\
            re_emit_prev(s, is_backward_dir);
            if (re_emit_range(s, &sl->cr))
                goto fail;
            re_emit_prev(s, is_backward_dir);
`,
      },
      {
        file: "libregexp.c",
        find: `\
static int re_parse_char_class(REParseState *s, const uint8_t **pp)
`,
        replace: `\
static int re_parse_char_class(REParseState *s, const uint8_t **pp, bool is_backward_dir)
`,
      },
      {
        file: "libregexp.c",
        find: `\
    if (re_emit_string_list(s, cr))
        goto fail;
`,
        replace: `\
    if (re_emit_string_list(s, cr, is_backward_dir))
        goto fail;
`,
      },
      {
        file: "libregexp.c",
        find: `\
        if (is_backward_dir)
            re_emit_op(s, REOP_prev);
        if (re_parse_char_class(s, &p))
            return -1;
        if (is_backward_dir)
            re_emit_op(s, REOP_prev);
        break;
`,
        replace: `\
        if (re_parse_char_class(s, &p, is_backward_dir))
            return -1;
        break;
`,
      },
      {
        file: "libregexp.c",
        find: `\
        if (is_backward_dir)
            re_emit_op(s, REOP_prev);
        if (c >= CLASS_RANGE_BASE) {
            int ret = 0;
            /* optimize the common 'space' tests */
            if (c == (CLASS_RANGE_BASE + CHAR_RANGE_s)) {
                re_emit_op(s, REOP_space);
            } else if (c == (CLASS_RANGE_BASE + CHAR_RANGE_S)) {
                re_emit_op(s, REOP_not_space);
            } else {
                ret = re_emit_string_list(s, cr);
            }
            re_string_list_free(cr);
            if (ret)
                return -1;
        } else {
            if (s->ignore_case)
                c = lre_canonicalize(c, s->is_unicode);
            re_emit_char(s, c);
        }
        if (is_backward_dir)
            re_emit_op(s, REOP_prev);
        break;
`,
        replace: `\
        if (c >= CLASS_RANGE_BASE) {
            int ret = 0;
            /* optimize the common 'space' tests */
            if (c == (CLASS_RANGE_BASE + CHAR_RANGE_s) ||
                c == (CLASS_RANGE_BASE + CHAR_RANGE_S)) {
                re_emit_prev(s, is_backward_dir);
                re_emit_op(s, c == (CLASS_RANGE_BASE + CHAR_RANGE_s) ?
                           REOP_space : REOP_not_space);
                re_emit_prev(s, is_backward_dir);
            } else {
                ret = re_emit_string_list(s, cr, is_backward_dir);
            }
            re_string_list_free(cr);
            if (ret)
                return -1;
        } else {
            if (s->ignore_case)
                c = lre_canonicalize(c, s->is_unicode);
            re_emit_prev(s, is_backward_dir);
            re_emit_char(s, c);
            re_emit_prev(s, is_backward_dir);
        }
        break;
`,
      },
    ],
    why: "In a lookbehind, the strings of a class were read forwards from one character before: " +
      "`/(?<=[\\q{ab}])c/v` did not match in `abc`, nor `/(?<=[\\q{}])a/v` in `a`.",
    upstream: "REOP_prev belongs around each character of a class's strings, which a lookbehind " +
      "reads from the last to the first.",
  },
  {
    changes: [
      {
        file: "libregexp.c",
        find: `\
    REString **hash_table;
} REStringList;
`,
        replace: `\
    REString **hash_table;
    /* by its syntax, whatever is left: see MayContainStrings in the spec */
    bool may_contain_strings;
} REStringList;
`,
      },
      {
        file: "libregexp.c",
        find: `\
    s->hash_bits = 0;
    s->hash_table = NULL;
}
`,
        replace: `\
    s->hash_bits = 0;
    s->hash_table = NULL;
    s->may_contain_strings = false;
}
`,
      },
      {
        file: "libregexp.c",
        find: `\
    if (re_string_list_add(a, b->cr.points, b->cr.len))
        return -1;
    for(i = 0; b->n_strings != 0 && i < b->hash_size; i++) {
`,
        replace: `\
    a->may_contain_strings |= b->may_contain_strings;
    if (re_string_list_add(a, b->cr.points, b->cr.len))
        return -1;
    for(i = 0; b->n_strings != 0 && i < b->hash_size; i++) {
`,
      },
      {
        file: "libregexp.c",
        find: `\
        c1 = get_class_atom(s, cr, pp, true);
        if (c1 < 0)
            return -1;
        if (c1 < CLASS_RANGE_BASE) {
`,
        replace: `\
        c1 = get_class_atom(s, cr, pp, true);
        if (c1 < 0)
            return -1;
        if (c1 >= CLASS_RANGE_BASE) {
            cr->may_contain_strings = cr->n_strings != 0;
        } else {
`,
      },
      {
        file: "libregexp.c",
        find: `\
        if (op == '&') {
            re_string_list_filter(cr, operand, true);
`,
        replace: `\
        if (op == '&') {
            cr->may_contain_strings &= operand->may_contain_strings;
            re_string_list_filter(cr, operand, true);
`,
      },
      {
        file: "libregexp.c",
        find: `\
            c1 = get_class_atom(s, cr1, &p, true);
            if ((int)c1 < 0)
                goto fail;
`,
        replace: `\
            c1 = get_class_atom(s, cr1, &p, true);
            if ((int)c1 < 0)
                goto fail;
            if (c1 >= CLASS_RANGE_BASE)
                cr1->may_contain_strings = cr1->n_strings != 0;
`,
      },
      {
        file: "libregexp.c",
        find: `\
        /* XXX: add may_contain_string syntax check to be fully
           compliant. The test here accepts more input than the
           spec. */
        if (cr->n_strings != 0) {
            re_parse_error(s, "negated character class with strings in regular expression debugger eval code");
`,
        replace: `\
        if (cr->may_contain_strings) {
            re_parse_error(s, "negated character class with strings in regular expression");
`,
      },
    ],
    why: "`/[^\\q{ab}--\\q{ab}]/v` was taken, against the standard.",
    upstream: "MayContainStrings depends on the syntax, not on what is left: an intersection may " +
      "contain strings if all of its operands may, a difference if the first may.",
  },
];
