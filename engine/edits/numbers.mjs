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
];
