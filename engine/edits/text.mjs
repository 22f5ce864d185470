/**
 * Strings and regular expressions.
 *
 * @module
 */

/** @type {readonly import("../edits.mjs").Edit[]} */
export const TEXT = [
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
];
