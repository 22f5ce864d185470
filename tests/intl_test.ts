/**
 * `Intl` in a task, and the functions of numbers, dates, strings and arrays that know locales, as
 * ECMA-402 has them. What texts come out is CLDR's: `tests/vectors/intl.json` has random calls of
 * which Deno, Bun and Node.js all say the same, and tasks too: it keeps what is right, and does not
 * show how much is (docs/engine.md tells what differs).
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { Deferred, DeferredPool } from "../mod.ts";
import { assertLinear } from "./support/measure.ts";

type Packed = number | string | { readonly number: string } | { readonly bigint: string };
type Case = readonly [locale: string, options: object, ...Packed[]];

const vectors: Record<string, Case[]> = JSON.parse(
  readFileSync(new URL("vectors/intl.json", import.meta.url), "utf8"),
);

describe("formats as the hosts do", () => {
  for (const kind of Object.keys(vectors)) {
    test(kind, async () => {
      const cases = vectors[kind] ?? [];
      assert.ok(cases.length >= 40);
      const wrong = await new Deferred((cases: Case[], kind: string) => {
        const unpack = (value: Packed) =>
          typeof value !== "object"
            ? value
            : "number" in value
            ? Number(value.number)
            : BigInt(value.bigint);
        const formats = {
          number: Intl.NumberFormat,
          numberRange: Intl.NumberFormat,
          date: Intl.DateTimeFormat,
          dateRange: Intl.DateTimeFormat,
        } as unknown as Record<string, new (locale: string, options: object) => Intl.NumberFormat>;
        const wrong: unknown[] = [];
        for (const [locale, options, ...rest] of cases) {
          const expected = rest.pop();
          const [value, end] = rest.map(unpack) as [number, number];
          const format = new formats[kind]!(locale, options);
          const text = kind.endsWith("Range")
            ? format.formatRange(value, end)
            : format.format(value);
          const parts = kind.endsWith("Range")
            ? format.formatRangeToParts(value, end)
            : format.formatToParts(value);
          const joined = parts.map((part) => part.value).join("");
          if (text !== expected || joined !== text) {
            wrong.push([locale, options, rest, expected, text, joined]);
          }
        }
        return wrong;
      }, { args: [cases, kind] });
      assert.deepEqual(wrong, []);
    });
  }
});

describe("what is there", () => {
  test("Intl has the members of the standard, made when they are touched", async () => {
    const found = await new Deferred(() => {
      const shapes: unknown[] = [Object.prototype.toString.call(Intl)];
      for (const name of Object.getOwnPropertyNames(Intl).sort()) {
        const { value, writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(
          Intl,
          name,
        )!;
        const tag = value.prototype?.[Symbol.toStringTag];
        shapes.push([name, value.name, value.length, tag, writable, enumerable, configurable]);
      }
      return shapes;
    });
    const member = (name: string, length: number, tag?: string) => [
      name,
      name,
      length,
      tag,
      true,
      false,
      true,
    ];
    assert.deepEqual(found, [
      "[object Intl]",
      ...["Collator", "DateTimeFormat"].map((name) => member(name, 0, `Intl.${name}`)),
      member("DisplayNames", 2, "Intl.DisplayNames"),
      member("ListFormat", 0, "Intl.ListFormat"),
      member("Locale", 1, "Intl.Locale"),
      ...["NumberFormat", "PluralRules", "RelativeTimeFormat", "Segmenter"]
        .map((name) => member(name, 0, `Intl.${name}`)),
      member("getCanonicalLocales", 1),
      member("supportedValuesOf", 1),
    ]);
  });

  test("a language that is not packed is the default one, and says so", async () => {
    const found = await new Deferred(() => {
      const own = new Intl.NumberFormat().resolvedOptions().locale;
      return [
        new Intl.NumberFormat("ka").resolvedOptions().locale === own,
        Intl.NumberFormat.supportedLocalesOf(["ka", "de-AT-u-nu-latn", "en-ZZ"]),
        new Intl.NumberFormat(["ka", "de-ZZ"]).resolvedOptions().locale,
        new Intl.NumberFormat("de-u-nu-thai-ca-buddhist").resolvedOptions().locale,
      ];
    });
    assert.deepEqual(found, [true, ["de-AT-u-nu-latn", "en-ZZ"], "de", "de-u-nu-thai"]);
  });

  test("the lists of what is supported are sorted, and their values work", async () => {
    const found = await new Deferred(() => {
      const problems: string[] = [];
      const counts: Record<string, number> = {};
      for (
        const key of ["calendar", "collation", "currency", "numberingSystem", "timeZone", "unit"]
      ) {
        const list = Intl.supportedValuesOf(key as "unit");
        counts[key] = list.length;
        if (list.join() !== [...new Set(list)].sort().join()) problems.push(key);
        for (const value of list) {
          if (key === "timeZone") {
            const { timeZone } = new Intl.DateTimeFormat("en", { timeZone: value })
              .resolvedOptions();
            if (timeZone !== value) problems.push(value);
          }
          if (key === "unit") new Intl.NumberFormat("en", { style: "unit", unit: value }).format(1);
        }
      }
      return { problems, counts };
    });
    assert.deepEqual(found.problems, []);
    assert.ok((found.counts["timeZone"] ?? 0) > 400 && (found.counts["currency"] ?? 0) > 150);
  });
});

describe("numbers", () => {
  test("plural rules, lists and relative times", async () => {
    const found = await new Deferred(() => [
      [0, 1, 2, 1.5].map((n) => new Intl.PluralRules("en").select(n)),
      [1, 2, 3, 4, 11, 21, 112].map((n) =>
        new Intl.PluralRules("en", { type: "ordinal" }).select(n)
      ),
      [0, 1, 2, 3, 11, 100].map((n) => new Intl.PluralRules("ar").select(n)),
      [1, 2, 5, 21, 1.5].map((n) => new Intl.PluralRules("ru").select(n)),
      new Intl.PluralRules("en", { minimumFractionDigits: 1 }).select(1),
      (new Intl.PluralRules("sl") as unknown as { selectRange(a: number, b: number): string })
        .selectRange(102, 201),
      new Intl.ListFormat("en").format(["a", "b", "c"]),
      new Intl.ListFormat("de", { type: "disjunction" }).format(["a", "b"]),
      new Intl.ListFormat("es").format(["agua", "hielo", "iglesia"]),
      new Intl.ListFormat("es", { type: "unit" }).format(["agua", "iglesia"]),
      new Intl.ListFormat("en", { style: "narrow", type: "unit" }).format(["a", "b"]),
      new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(-1, "days"),
      new Intl.RelativeTimeFormat("de").format(3, "month"),
      new Intl.RelativeTimeFormat("pl").format(-5, "year"),
      new Intl.RelativeTimeFormat("en", { style: "narrow" }).format(1234.5, "hour"),
      new Intl.DisplayNames("en", { type: "region" }).of("DE"),
      new Intl.DisplayNames("fr", { type: "language" }).of("pt-BR"),
      new Intl.DisplayNames("de", { type: "currency" }).of("USD"),
      new Intl.DisplayNames("en", { type: "language" }).of("ca-valencia"),
    ]);
    assert.deepEqual(found, [
      ["other", "one", "other", "other"],
      ["one", "two", "few", "other", "other", "one", "other"],
      ["zero", "one", "two", "few", "many", "other"],
      ["one", "few", "many", "one", "other"],
      "other",
      "few",
      "a, b, and c",
      "a oder b",
      "agua, hielo e iglesia",
      "agua e iglesia",
      "a b",
      "yesterday",
      "in 3 Monaten",
      "5 lat temu",
      "in 1,234.5h",
      "Germany",
      "portugais brésilien",
      "US-Dollar",
      "Catalan (Valencian)",
    ]);
  });

  test("rounding is exact, whatever the digits", async () => {
    const found = await new Deferred(() => {
      const format = (value: number | bigint | string, options: object) =>
        new Intl.NumberFormat("en", options).format(value as number);
      return [
        format(1.005, { maximumFractionDigits: 2 }),
        format(5e-324, { maximumFractionDigits: 100 }).length,
        format(1e21, { useGrouping: false }),
        format("123456789012345678901234567890.5", { maximumFractionDigits: 0 }),
        format(123456789012345678901234567890n, { style: "percent" }),
        format(2.5, { maximumFractionDigits: 0, roundingMode: "halfEven" }),
        format(-0.4, { maximumFractionDigits: 0, signDisplay: "negative" }),
        format(1.23, { minimumFractionDigits: 2, maximumFractionDigits: 2, roundingIncrement: 5 }),
        format("1e1000", {}),
        format("0x10", {}),
        new Intl.NumberFormat("en", { notation: "scientific" }).formatRange(2, 3),
      ];
    });
    assert.deepEqual(found, [
      "1.01",
      1, // 0: 324 digits are needed
      "1000000000000000000000",
      "123,456,789,012,345,678,901,234,567,891",
      "12,345,678,901,234,567,890,123,456,789,000%",
      "2",
      "0",
      "1.25",
      "∞",
      "16",
      "2E0 – 3E0",
    ]);
  });
});

describe("dates", () => {
  test("time zones: their summers, their past, their future by rule", async () => {
    const found = await new Deferred(() => {
      const at = (timeZone: string, ms: number) =>
        new Intl.DateTimeFormat("en-GB", {
          timeZone,
          dateStyle: "short",
          timeStyle: "long",
        }).format(ms);
      const spring = Date.UTC(2026, 2, 8, 7);
      return [
        at("America/New_York", spring - 1),
        at("America/New_York", spring),
        at("Europe/Berlin", Date.UTC(2100, 6, 1)),
        at("Australia/Sydney", Date.UTC(2100, 0, 1)),
        at("Asia/Kathmandu", 0),
        at("Europe/Amsterdam", Date.UTC(1850, 0, 1)),
        at("Pacific/Apia", Date.UTC(2011, 11, 30, 9, 59, 59)),
        at("Pacific/Apia", Date.UTC(2011, 11, 30, 10)),
        at("+05:30", 0),
        at("UTC", 0),
      ];
    });
    assert.deepEqual(found, [
      "08/03/2026, 01:59:59 GMT-5",
      "08/03/2026, 03:00:00 GMT-4",
      "01/07/2100, 02:00:00 CEST",
      "01/01/2100, 11:00:00 GMT+11",
      "01/01/1970, 05:30:00 GMT+5:30",
      "01/01/1850, 00:17:30 GMT+0:17:30",
      "29/12/2011, 23:59:59 GMT-10",
      "31/12/2011, 00:00:00 GMT+14",
      "01/01/1970, 05:30:00 GMT+5:30",
      "01/01/1970, 00:00:00 UTC",
    ]);
  });

  test("a range tells its ends apart, whatever it was asked to show", async () => {
    const found = await new Deferred(() => {
      const range = (options: Intl.DateTimeFormatOptions, locale = "en") =>
        new Intl.DateTimeFormat(locale, { timeZone: "UTC", ...options })
          .formatRange(Date.UTC(2025, 11, 31, 8), Date.UTC(2026, 0, 5, 9));
      return [
        range({ month: "short", day: "numeric" }),
        range({ month: "numeric", day: "numeric" }, "sr"),
        range({ day: "numeric" }),
        range({ hour: "numeric" }),
        range({ month: "numeric", hour: "numeric", hour12: false }, "de"),
        range({ year: "numeric", hour: "numeric" }),
      ];
    });
    assert.deepEqual(found, [
      "Dec 31, 2025\u2009–\u2009Jan 5, 2026",
      "31. 12. 2025. – 5. 1. 2026.",
      "12/31/2025\u2009–\u20091/5/2026",
      "12/31/2025, 8 AM\u2009–\u20091/5/2026, 9 AM",
      "31.12.2025, 08 Uhr\u2009–\u20095.1.2026, 09 Uhr",
      "2025, 8 AM\u2009–\u20092026, 9 AM",
    ]);
  });

  test("a zone is called by its country", async () => {
    const found = await new Deferred(() =>
      ["Asia/Jerusalem", "Asia/Hebron", "Europe/Jersey", "America/Santiago"].map((timeZone) =>
        new Intl.DateTimeFormat("pl", { timeZone, timeZoneName: "shortGeneric", hour: "2-digit" })
          .formatToParts(0).find(({ type }) => type === "timeZoneName")?.value
      )
    );
    assert.deepEqual(found, ["czas: Izrael", "czas: Hebron", "czas: Jersey", "czas: Chile"]);
  });

  test("Ireland's summer is called one", async () => {
    const name = await new Deferred(() =>
      new Intl.DateTimeFormat("en", { timeZone: "Europe/Dublin", timeZoneName: "long" })
        .format(Date.UTC(2026, 6, 1))
    );
    assert.equal(name, "7/1/2026, Irish Standard Time");
  });

  test("a task's zone is the host's, and is named", async () => {
    const found = await new Deferred(() => {
      const times = [0, Date.UTC(1999, 5, 1), Date.now(), Date.now() + 1.6e10];
      const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
      return times.map((ms) => {
        const local = new Date(ms);
        const fields = [local.getFullYear(), local.getMonth() + 1, local.getDate()];
        const date = new Intl.DateTimeFormat("en", { timeZone }).format(ms);
        return [`${fields[1]}/${fields[2]}/${fields[0]}`, date, local.toLocaleDateString("en")];
      });
    });
    for (const [fields, date, text] of found) {
      assert.equal(date, fields);
      assert.equal(text, fields);
    }
  });
});

describe("strings", () => {
  test("orders as languages have them", async () => {
    const found = await new Deferred(() => {
      const sorted = (words: string, locale: string, options?: Intl.CollatorOptions) =>
        words.split(" ").sort(new Intl.Collator(locale, options).compare).join(" ");
      return [
        sorted("z a Z A ä Ä b", "de"),
        sorted("Ofen Öfen Ofens", "de-u-co-phonebk"),
        sorted("ö z å ä a", "sv"),
        sorted("chico cura llave luz", "es"),
        sorted("chico cura llave luz", "es-u-co-trad"),
        sorted("cote côte coté côté", "fr-CA"),
        sorted("chata cena hora", "cs"),
        sorted("а ё е ж a z", "ru"),
        sorted("ア あ ん い か が", "ja"),
        sorted("나 가 다 강 각", "ko"),
        sorted("中 北 上 京", "zh"),
        sorted("a10 a9 a1", "en", { numeric: true }),
        sorted("a A b B", "en", { caseFirst: "upper" }),
        sorted("co-op coop co'op", "en", { ignorePunctuation: true }),
        (["base", "accent", "case", "variant"] as const).map((sensitivity) => {
          const { compare } = new Intl.Collator("en", { sensitivity });
          return ["á", "A", "b"].map((text) => Math.sign(compare("a", text)));
        }),
        "a\u0323\u0301".localeCompare("\u1ea1\u0301"),
        "a".localeCompare("B"),
        "".localeCompare(""),
      ];
    });
    assert.deepEqual(found, [
      "a A ä Ä b z Z",
      "Öfen Ofen Ofens",
      "a z å ä ö",
      "chico cura llave luz",
      "cura chico luz llave",
      "cote côte coté côté",
      "cena hora chata",
      "а е ё ж a z",
      "ア あ い か が ん",
      "가 각 강 나 다",
      "北 京 上 中",
      "a1 a9 a10",
      "A a B b",
      "co-op coop co'op",
      [[0, 0, -1], [-1, 0, -1], [0, -1, -1], [-1, -1, -1]],
      0,
      -1,
      0,
    ]);
  });

  test("segments", async () => {
    const found = await new Deferred(() => {
      const segments = (text: string, granularity: "grapheme" | "word" | "sentence") =>
        [...new Intl.Segmenter("en", { granularity }).segment(text)]
          .map(({ segment, isWordLike }) => isWordLike ? `${segment}*` : segment);
      const words = new Intl.Segmenter("en", { granularity: "word" }).segment("It's 3.14, né?");
      return [
        segments("e\u0301🇩🇪🇫🇷👨‍👩‍👧क्षि\r\n각", "grapheme"),
        segments("It's 3.14, né?", "word"),
        segments("One. Two? Yes (no)! 3.5", "sentence"),
        segments("", "word"),
        segments("中文𠀀。ไทย日", "word"),
        [0, 3, 5, 13, 14, -1].map((at) => words.containing(at)?.segment),
      ];
    });
    assert.deepEqual(found, [
      ["e\u0301", "🇩🇪", "🇫🇷", "👨‍👩‍👧", "क्षि", "\r\n", "각"],
      ["It's*", " ", "3.14*", ",", " ", "né*", "?"],
      ["One. ", "Two? ", "Yes (no)! ", "3.5"],
      [],
      ["中*", "文*", "𠀀*", "。", "ไทย*", "日*"],
      ["It's", "It's", "3.14", "?", undefined, undefined],
    ]);
  });

  test("cases of languages that have their own", async () => {
    const found = await new Deferred(() => [
      "iı".toLocaleUpperCase("tr"),
      "Iİ I\u0307".toLocaleLowerCase(["tr-TR", "en"]),
      "iI".toLocaleUpperCase("en") + "iI".toLocaleLowerCase(),
      "i\u0307".toLocaleUpperCase("lt"),
      "Ì".toLocaleLowerCase("lt"),
      "I\u0323\u0307 I\u0300\u0307".toLocaleLowerCase("az"),
      "I\u{1d185} J".toLocaleLowerCase("lt"),
      "\u029d\u0323\u0307".toLocaleUpperCase("lt"),
      "Μαΐου άνθρωπος a\u0308 ή Ήλιος ᾳ".toLocaleUpperCase("el"),
      "ß".toLocaleUpperCase("de"),
    ]);
    assert.deepEqual(found, [
      "İI",
      "ıi i",
      "IIii",
      "I",
      "i\u0307\u0300",
      "i\u0323 ı\u0300\u0307",
      "i\u0307\u{1d185} j",
      "\ua7b2\u0323",
      "ΜΑΪΟΥ ΑΝΘΡΩΠΟΣ A\u0308 Ή ΗΛΙΟΣ ΑΙ",
      "SS",
    ]);
  });
});

test("the language's own functions take locales and options", async () => {
  const found = await new Deferred(() => {
    const date = new Date(Date.UTC(2026, 10, 5, 14, 3));
    const options = { timeZone: "UTC" };
    return [
      (1234.5).toLocaleString("de"),
      (0.256).toLocaleString("en", { style: "percent" }),
      12345678901234567890n.toLocaleString("de-CH"),
      date.toLocaleString("en-US", options),
      date.toLocaleDateString("de", { ...options, dateStyle: "long" }),
      date.toLocaleTimeString("fr", options),
      new Date(NaN).toLocaleString(),
      [1234.5, date, null, "x"].toLocaleString("de", options),
      new Float64Array([1.5, 2000]).toLocaleString("de"),
      [1, 2].toLocaleString.length,
      typeof BigInt.prototype.toLocaleString,
    ];
  });
  assert.deepEqual(found, [
    "1.234,5",
    "26%",
    "12'345'678'901'234'567'890",
    "11/5/2026, 2:03:00 PM",
    "5. November 2026",
    "14:03:00",
    "Invalid Date",
    "1.234,5,5.11.2026, 14:03:00,,x",
    "1,5,2.000",
    0,
    "function",
  ]);
});

test("language tags are checked, and written in their canonical form", async () => {
  const found = await new Deferred(() => {
    const tags = [
      "EN-us",
      "zh-hakka",
      "iw",
      "sr-latn-cs",
      "en-u-ca-islamicc-kn-true",
      "de-DD",
      "en-u-tz-eire",
    ];
    const told = tags.map((tag) => Intl.getCanonicalLocales(tag)[0]);
    for (
      const tag of ["", "e", "en_US", "en-", "en-us-us", "x-y", "de-1996-1996", "en-u", "en\0"]
    ) {
      try {
        told.push(Intl.getCanonicalLocales(tag).join());
      } catch (error) {
        told.push((error as Error).name);
      }
    }
    const locale = new Intl.Locale("zh-TW", { numberingSystem: "latn" });
    told.push(
      `${locale.maximize()} ${locale.minimize()} ${new Intl.Locale("en-Latn-US").minimize()}`,
    );
    return told;
  });
  assert.deepEqual(found, [
    "en-US",
    "hak",
    "he",
    "sr-Latn-RS",
    "en-u-ca-islamic-civil-kn",
    "de-DE",
    "en-u-tz-iedub",
    ...Array(9).fill("RangeError"),
    "zh-Hant-TW-u-nu-latn zh-TW-u-nu-latn en",
  ]);
});

test("what is in its canonical form stays as it is", async () => {
  const changed = await new Deferred(() => {
    const types = ["calendar", "collation", "numberingSystem"] as const;
    const keys = { calendar: "ca", collation: "co", numberingSystem: "nu" };
    const tags = types.flatMap((type) =>
      Intl.supportedValuesOf(type).map((value) => `en-u-${keys[type]}-${value}`)
    ).concat(
      ["islamicc", "ethiopic-amete-alem", "islamic-civil"].map((name) => `en-u-ca-${name}`),
      ["sh", "sr-CS", "cmn-TW", "en-u-rg-gbeng", "und-u-tz-ceast", "hy-SU", "sgn-DE"],
    ).map((tag) => Intl.getCanonicalLocales(tag)[0]!);
    return tags.filter((tag) =>
      Intl.getCanonicalLocales(tag)[0] !== tag || `${new Intl.Locale(tag)}` !== tag
    );
  });
  assert.deepEqual(changed, []);
});

test("what makes no sense is refused, as the standard has it", async () => {
  const found = await new Deferred(() => {
    const tries: (() => unknown)[] = [
      () => new Intl.NumberFormat("en", { maximumFractionDigits: 101 }),
      () => new Intl.NumberFormat("en", { minimumFractionDigits: 5, maximumFractionDigits: 2 }),
      () => new Intl.NumberFormat("en", { style: "currency" }),
      () => new Intl.NumberFormat("en", { style: "currency", currency: "EURO" }),
      () => new Intl.NumberFormat("en", { style: "unit", unit: "cubit" }),
      () => new Intl.NumberFormat(null as unknown as string),
      () => new Intl.NumberFormat([1 as unknown as string]),
      () => new Intl.DateTimeFormat("en", { timeZone: "Mars/Olympus" }),
      () => new Intl.DateTimeFormat("en", { dateStyle: "full", year: "numeric" }),
      () => new Intl.DateTimeFormat("en").format(NaN),
      () => new Date(0).toLocaleDateString("en", { timeStyle: "full" }),
      () => new Intl.RelativeTimeFormat("en").format(1, "fortnight" as "day"),
      () => new Intl.ListFormat("en").format([1 as unknown as string]),
      () => new Intl.DisplayNames("en", { type: "region" }).of("germany"),
      () => (Intl.PluralRules as unknown as () => void)(),
      () => Intl.NumberFormat.prototype.formatToParts.call({} as Intl.NumberFormat, 1),
      () => new Intl.NumberFormat("en").format(Symbol() as unknown as number),
      () => new Intl.Segmenter().segment("a").containing(0n as unknown as number),
      () => Intl.supportedValuesOf("colour" as "unit"),
      () => "a".localeCompare("b", "x"),
    ];
    return tries.map((run) => {
      try {
        return String(run());
      } catch (error) {
        return (error as Error).name;
      }
    });
  });
  assert.deepEqual(found, [
    "RangeError",
    "RangeError",
    "TypeError",
    "RangeError",
    "RangeError",
    "TypeError",
    "TypeError",
    "RangeError",
    "TypeError",
    "RangeError",
    "TypeError",
    "RangeError",
    "TypeError",
    "RangeError",
    "TypeError",
    "TypeError",
    "TypeError",
    "TypeError",
    "RangeError",
    "RangeError",
  ]);
});

test("what is told of a format is defined, not set", async () => {
  const locale = await new Deferred(() => {
    Object.defineProperty(Object.prototype, "locale", {
      set() {
        throw new Error("set");
      },
    });
    Object.defineProperty(Intl.NumberFormat, Symbol.hasInstance, {
      value() {
        throw new Error("asked");
      },
    });
    const formats = [
      Intl.NumberFormat("de"),
      new Intl.DateTimeFormat("de"),
      new Intl.Collator("de"),
      new Intl.ListFormat("de"),
      new Intl.PluralRules("de"),
    ];
    return formats.map((format) => Object.hasOwn(format.resolvedOptions(), "locale"));
  });
  assert.deepEqual(locale, [true, true, true, true, true]);
});

describe("hostile tasks", () => {
  test("what a task does to prototypes is its own harm", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    const spoilt = await pool.run(() => {
      for (const prototype of [Object.prototype, Array.prototype]) {
        for (const name of ["0", "1", "style", "locale", "nu", "number"]) {
          Object.defineProperty(prototype, name, {
            __proto__: null,
            get() {
              return "spoilt";
            },
            set() {
              throw new Error("set");
            },
            configurable: true,
          } as PropertyDescriptor);
        }
      }
      Map.prototype.get = () => "spoilt";
      String.prototype.split = () => [];
      let told = "";
      for (
        const run of [
          () => new Intl.NumberFormat("de").format(1.5),
          () => new Date(0).toLocaleString("fr"),
          () => "a".localeCompare("b", "sv"),
          () => [...new Intl.Segmenter().segment("ab")].length,
        ]
      ) {
        try {
          told += typeof run();
        } catch (error) {
          told += typeof error;
        }
      }
      return told.length > 0;
    });
    assert.equal(spoilt, true);
    assert.equal(await pool.run(() => (1.5).toLocaleString("de")), "1,5");
  });

  test("is ended in the middle of it, and the next task is well", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    const endless: (() => unknown)[] = [
      () => {
        for (;;) new Intl.DateTimeFormat("de", { dateStyle: "full" }).format(0);
      },
      () => {
        const text = "äöü".repeat(100_000);
        for (;;) new Intl.Collator("sv").compare(`${text}a`, `${text}b`);
      },
      () => {
        const { segment } = Intl.Segmenter.prototype;
        const words = new Intl.Segmenter("en", { granularity: "sentence" });
        for (;;) [...segment.call(words, "a b ".repeat(10_000))];
      },
      () => {
        for (;;) new Intl.Locale("en-Latn-US").minimize();
      },
    ];
    for (const task of endless) {
      await assert.rejects(pool.defer(task, { timeout: 40 }), { name: "TimeoutError" });
      assert.equal(await pool.run(() => (1234.5).toLocaleString("en")), "1,234.5");
    }
    const hungry = pool.defer(() => {
      const kept: unknown[] = [];
      for (let text = "ä";; text += text) kept.push(text.localeCompare(`${text}b`, "de"));
    }, { memoryLimit: 8 << 20 });
    await assert.rejects(hungry, { name: "DeferredMemoryError" });
    assert.equal(await pool.run(() => "ä".localeCompare("z", "sv")), 1);
  });

  test("may go through all languages in little memory", async () => {
    const count = await new Deferred(() => {
      const letters = [..."abcdefghijklmnopqrstuvwxyz"];
      const tags = letters.flatMap((a) => letters.map((b) => a + b));
      const known = Intl.NumberFormat.supportedLocalesOf(
        tags.flatMap((tag) => [tag, `${tag}-AT`, `${tag}-IN`]),
      );
      for (const tag of known) {
        new Intl.DateTimeFormat(tag, { month: "long", minute: "numeric", era: "long" }).format(0);
        new Intl.DateTimeFormat(tag, { timeZone: "Asia/Tokyo", timeStyle: "full" }).format(0);
        new Intl.DisplayNames(tag, { type: "region" }).of("DE");
        (1).toLocaleString(tag, { style: "currency", currency: "EUR", currencyDisplay: "name" });
      }
      return known.length;
    }, { memoryLimit: 30 << 20 }); // half of it is needed, and more than that if all are kept
    assert.ok(count > 120);
  });

  test("takes time in proportion to what it is given", async () => {
    await assertLinear(
      "the order and the words of long texts",
      (count) =>
        Deferred.run((count: number) => {
          const marks = "a\u0323\u0301".repeat(count);
          const words = new Intl.Segmenter("en", { granularity: "word" });
          return `${marks}a`.localeCompare(`${marks}b`, "vi") +
            [...words.segment("ab 1.2 ".repeat(count))].length;
        }, count),
      500,
    );
  });
});
