/**
 * Numbers, BigInts and their text.
 *
 * @module
 */

/** @type {readonly import("../edits.mjs").Edit[]} */
export const NUMBERS = [
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
        file: "quickjs.c",
        find: `\
static JSBigInt *js_bigint_from_string(JSContext *ctx,
`,
        replace: `\
/* r, which has room for n_limbs, from decimal digits. The multiplications grow
   with the square of these: they are done in words of 64 bits, for 19 digits each.
   Returns how many limbs it takes, without one for the sign; -1 for want of
   memory. */
static int js_bigint_from_decimal(JSContext *ctx, JSBigInt *r, int n_limbs, const char *p)
{
    int i, len = 0;
    uint64_t *words = js_malloc(ctx, (n_limbs / 2 + 1) * sizeof(*words));

    if (!words)
        return -1;
    while (*p >= '0' && *p <= '9') {
        uint64_t carry = 0, power = 1;
        for(i = 0; i < 19 && *p >= '0' && *p <= '9'; i++) {
            carry = carry * 10 + (*p++ - '0');
            power *= 10;
        }
        for(i = 0; i < len; i++) {
            unsigned __int128 t = (unsigned __int128)words[i] * power + carry;
            words[i] = (uint64_t)t;
            carry = (uint64_t)(t >> 64);
        }
        if (carry != 0)
            words[len++] = carry;
    }
    r->tab[0] = 0;
    for(i = 0; i < len; i++) {
        r->tab[2 * i] = (js_limb_t)words[i];
        if (words[i] >> 32 || i + 1 < len)
            r->tab[2 * i + 1] = (js_limb_t)(words[i] >> 32);
    }
    if (len > 0)
        len = 2 * len - (words[len - 1] >> 32 == 0);
    js_free(ctx, words);
    return max_int(1, len);
}

static JSBigInt *js_bigint_from_string(JSContext *ctx,
`,
      },
      {
        file: "quickjs.c",
        find: `\
        int digits_per_limb = JS_LIMB_DIGITS;
        len = 1;
        r->tab[0] = 0;
        for(;;) {
            /* XXX: slow */
            v = 0;
            for(i = 0; i < digits_per_limb; i++) {
                c = js_to_digit(*p);
                if (c >= radix)
                    break;
                p++;
                v = v * 10 + c;
            }
            if (i == 0)
                break;
            if (len == 1 && r->tab[0] == 0) {
                r->tab[0] = v;
            } else {
                h = js_mp_mul1(r->tab, r->tab, len, js_pow_dec[i], v);
                if (h != 0) {
                    r->tab[len++] = h;
                }
            }
        }
`,
        replace: `\
        len = js_bigint_from_decimal(ctx, r, n_limbs, p);
        if (len < 0) {
            js_free(ctx, r);
            return NULL;
        }
`,
      },
      {
        file: "quickjs.c",
        find: `\
    js_limb_t v, c, h;

    is_neg = 0;
    if (*p == '-') {
`,
        replace: `\
    js_limb_t c;

    is_neg = 0;
    if (*p == '-') {
`,
      },
    ],
    why:
      "A BigInt of 300,000 digits, written out or read from a text, took 0.8 s and more, in which no " +
      "limit of a function that is compiled on the host's thread ends it. It takes a quarter of that.",
    upstream: 'Slow, not wrong: the multiplication is marked "XXX: slow". Words of 64 bits, as ' +
      "JS_LIMB_BITS 64 had them, and 19 digits for each pass.",
  },
];
