/**
 * Dates and local time.
 *
 * @module
 */

/** @type {readonly import("../edits.mjs").Edit[]} */
export const DATES = [
  {
    changes: [
      {
        file: "quickjs.c",
        find: `\
        return js_int64(getTimezoneOffset((int64_t)trunc(v)));
`,
        replace: `\
        return js_int64(getTimezoneOffset((int64_t)trunc(v)) / 60);
`,
      },
      {
        file: "quickjs.c",
        find: `\
        int64_t ti = tv < INT64_MIN ? INT64_MIN : tv >= 0x1p63 ? INT64_MAX : (int64_t)tv;
        tv += getTimezoneOffset(ti) * 60000;
`,
        replace: `\
        if (!(tv >= -8.65e15 && tv <= 8.65e15))
            goto out;
        tv += get_local_offset((int64_t)tv) * 1000;
`,
      },
      {
        file: "quickjs.c",
        find: `\

/* The spec mandates the use of 'double' and it specifies the order
`,
        replace: `\

/* UTC(t) of ECMA-262: the difference in seconds between UTC and local time
   't'. A local time that is skipped takes the offset before the transition,
   one that is repeated means its first occurrence. The offsets in use a day
   before and after tell whether a transition is near. */
static int get_local_offset(int64_t t) {
    int before, after;

    before = getTimezoneOffset(t - 86400000);
    after = getTimezoneOffset(t + 86400000);
    if (before == after ||
        getTimezoneOffset(t + before * 1000) == before ||
        getTimezoneOffset(t + after * 1000) != after)
        return before;
    return after;
}

/* The spec mandates the use of 'double' and it specifies the order
`,
      },
      {
        file: "quickjs.c",
        find: `\
            d += tz * 60000;
`,
        replace: `\
            d += tz * 1000;
            tz /= 60;
`,
      },
      {
        file: "quickjs.c",
        find: `\
    return (int)difftime(mktime(&gmt), mktime(&tm)) / 60;
#else
    return -tm.tm_gmtoff / 60;
`,
        replace: `\
    return (int)difftime(mktime(&gmt), mktime(&tm));
#else
    return -tm.tm_gmtoff;
`,
      },
      {
        file: "quickjs.c",
        find: `\
         return (int)(t.Bias + t.DaylightBias);
    return (int)t.Bias;
#else
    time_t ti;
    struct tm tm;

    time /= 1000; /* convert to seconds */
`,
        replace: `\
         return (int)(t.Bias + t.DaylightBias) * 60;
    return (int)t.Bias * 60;
#else
    time_t ti;
    struct tm tm;

    time = (time - (time < 0 ? 999 : 0)) / 1000; /* convert to seconds */
`,
      },
      {
        file: "quickjs.c",
        find: `\
   between UTC time and local time 'd' in minutes */
`,
        replace: `\
   between UTC time and local time 'd' in seconds */
`,
      },
    ],
    why: "A local time near a change of clocks was taken as UTC to ask for its offset, " +
      "so that for hours around each change `new Date(2024, 2, 10, 5)` and the " +
      "setters were an hour off; and offsets lost their seconds, which those before " +
      "standard time have.",
    upstream: "UTC(t) of ECMA-262 looks for the instants whose local time is t: the first one " +
      "if the time is repeated, the offset before the transition if it is skipped. " +
      "TZ=America/New_York, `new Date(2024, 2, 10, 5).getHours()` gives 6. " +
      "getTimezoneOffset() rounds towards zero, which is a second too late for times " +
      "before 1970, and drops the seconds of offsets (`new Date(1880, 0, 1)` in " +
      "Europe/Berlin).",
  },
  {
    changes: [
      {
        file: "quickjs.c",
        find: `\

    if (argc > 0)
        d = set_date_fields(fields, is_local);
`,
        replace: `\

    if (argc > 0 && finite)
        d = set_date_fields(fields, is_local);
`,
      },
      {
        file: "quickjs.c",
        find: `\
        if (!isfinite(a))
            res = false;
`,
        replace: `\
        if (!isfinite(a))
            finite = false;
`,
      },
      {
        file: "quickjs.c",
        find: `\
    double d, a;
`,
        replace: `\
    double d, a;
    bool finite = true;
`,
      },
    ],
    why: "A Date's setter that was given NaN, undefined or Infinity returned NaN and " +
      "left the date as it was.",
    upstream: "set_date_field: an argument that is not finite makes the time value NaN. After " +
      "`d.setMinutes(NaN)`, `d.getTime()` still gives the old time.",
  },
  {
    changes: [
      {
        file: "quickjs.c",
        find: `\
            return JS_NAN;
        fields[i] = trunc(a);
        if (i == 0 && fields[0] >= 0 && fields[0] < 100)
            fields[0] += 1900;
    }
    return js_float64(set_date_fields(fields, 0));
`,
        replace: `\
            finite = false;
        fields[i] = trunc(a);
        if (i == 0 && fields[0] >= 0 && fields[0] < 100)
            fields[0] += 1900;
    }
    return finite ? js_float64(set_date_fields(fields, 0)) : JS_NAN;
`,
      },
      {
        file: "quickjs.c",
        find: `\
    double a;
`,
        replace: `\
    double a;
    bool finite = true;
`,
      },
      {
        file: "quickjs.c",
        find: `\
        for(i = 0; i < n; i++) {
            if (JS_ToFloat64(ctx, &a, argv[i]))
                return JS_EXCEPTION;
            if (!isfinite(a))
                break;
            fields[i] = trunc(a);
            if (i == 0 && fields[0] >= 0 && fields[0] < 100)
                fields[0] += 1900;
        }
        val = (i == n) ? set_date_fields(fields, 1) : NAN;
`,
        replace: `\
        bool finite = true;
        for(i = 0; i < n; i++) {
            if (JS_ToFloat64(ctx, &a, argv[i]))
                return JS_EXCEPTION;
            if (!isfinite(a))
                finite = false;
            fields[i] = trunc(a);
            if (i == 0 && fields[0] >= 0 && fields[0] < 100)
                fields[0] += 1900;
        }
        val = finite ? set_date_fields(fields, 1) : NAN;
`,
      },
    ],
    why: "Date() and Date.UTC did not ask the arguments behind one that is not finite " +
      "for their values: what those throw was lost.",
    upstream: "All arguments are converted before any is looked at: `Date.UTC(NaN, 1n)` is a " +
      "TypeError.",
  },
];
