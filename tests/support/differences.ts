/**
 * What tasks see otherwise than in V8 or JavaScriptCore, and will: the table in docs/engine.md, and
 * what the sweep of all builtins (engine_sweep_test.ts) may find.
 *
 * @module
 */

/** A difference that stays. */
export interface Difference {
  /** What differs, as the documents tell it. */
  readonly what: string;
  /** Why it is so. */
  readonly why: string;
  /** Shows it in a task: gives true. It uses nothing from around it. */
  readonly shows: () => boolean;
  /** The calls of the sweep that come out otherwise by it. */
  readonly calls?: RegExp;
}

/** All of them. */
export const differences: readonly Difference[] = [
  {
    what:
      "`Intl` knows 42 languages, by CLDR 48, and the calendars `gregory` and `iso8601`, which " +
      "are written alike; it has no `DurationFormat`; `Collator` searches as it sorts; `Segmenter` finds " +
      "no words where only a dictionary could, as in Thai and Japanese, and takes Korean and what " +
      "touches it for one",
    why: "hosts have ICU, whose tables are many times larger than the library",
    shows: () => {
      const count = (text: string) =>
        [...new Intl.Segmenter("th", { granularity: "word" }).segment(text)].length;
      return Intl.supportedValuesOf("calendar").join() === "gregory,iso8601" &&
        !("DurationFormat" in Intl) && count("ภาษาไทย") === 1 && count("AI는") === 1 &&
        new Intl.Collator("de", { usage: "search", sensitivity: "base" }).compare("ä", "ae") !== 0;
    },
  },
  {
    what: "Some ranges of dates are written otherwise, where a language has no pattern for just " +
      "these parts: hours of two digits stay so; `formatRangeToParts` says less of what is shared",
    why: "the standard leaves both to implementations",
    shows: () =>
      new Intl.DateTimeFormat("es", { hour: "2-digit", minute: "2-digit", timeZone: "UTC" })
        .formatRange(0, 864e5).endsWith("00:00") &&
      new Intl.NumberFormat("en", { style: "currency", currency: "CHF" }).formatRangeToParts(3, 5)
          .find(({ type }) => type === "fraction")?.source === "startRange",
  },
  {
    what: "Error messages are the engine's: `cannot read property 'x' of null`",
    why: "the standard leaves them to engines",
    shows: () => {
      try {
        return (null as unknown as { x: boolean }).x;
      } catch (error) {
        return (error as Error).message === "cannot read property 'x' of null";
      }
    },
  },
  {
    what:
      "`stack` has frames only, without a first line of class and message: print the error, or " +
      "`String(error)` and its stack",
    why: "upstream's",
    shows: () => !new RangeError("told").stack!.includes("told"),
  },
  {
    what: "`stack` is not an own property of errors, but an accessor of `Error.prototype`",
    why: "the standard's proposal",
    shows: () => !Object.hasOwn(new Error(), "stack") && "stack" in new Error(),
    calls: /^(Object\.(getOwn|freeze|seal)|Reflect\.ownKeys)\S* call \((er|ag2)\b/,
  },
  {
    what: 'A date\'s text has no name of the time zone: `"… GMT+0100"`',
    why: "the standard leaves it to engines",
    shows: () => /GMT[+-]\d{4}$/.test(String(new Date(0))),
  },
  {
    what:
      "Dates have the system's time zones (`/usr/share/zoneinfo`), not the runtime's own, and " +
      "`Intl` those that the library carries; where the system has none, dates have the library's, too; " +
      "`Date.parse` of texts beyond the standard's forms guesses differently",
    why: "the standard leaves both to engines",
    shows: () => Number.isNaN(Date.parse("2020-02-30T25:00")),
  },
  {
    what: 'The source of a builtin has line breaks: `"function Map() {\\n    [native code]\\n}"`',
    why: "the standard's grammar allows both",
    shows: () => String(Map) === "function Map() {\n    [native code]\n}",
  },
  {
    what: "The `source` of a `RegExp` made from a string does not always work as a literal: " +
      'that of `new RegExp("[]/")` is `[]/`; U+2028, U+2029 and a line break after a ' +
      "backslash stay as they are. The pattern is the same, and so is what arrives outside",
    why: "upstream's",
    shows: () => new RegExp("[]/").source === "[]/" && new RegExp("\u2028").source === "\u2028",
    calls: /^RegExp(\.prototype\.compile)? \S+ \w*\(sp\b/,
  },
  {
    what: "`RegExp.$1`, `RegExp.lastMatch` and their kin are missing",
    why: "they are state of the realm that no other code should see",
    shows: () => !("$1" in RegExp) && !("lastMatch" in RegExp),
  },
  {
    what: "In radixes other than 10, the last digits of large numbers and of fractions may " +
      "differ: `(1e21).toString(7)`",
    why: "the standard leaves them to engines; they read back as the same number",
    shows: () => (1e21).toString(7) === "5135235413265003023000000",
    calls: /^Number\.prototype\.toString call/,
  },
  {
    what: "The object of a `WeakRef` is gone as soon as nothing else holds it, where the " +
      "standard keeps it until the job ends: `new WeakRef({}).deref()` is `undefined`",
    why: "the engine counts references",
    shows: () => new WeakRef({}).deref() === undefined,
    calls: /^WeakRef\.prototype\.deref call wr\(/,
  },
  {
    what: "There are more builtins than elsewhere: `Iterator.prototype.join`, `includes`, " +
      "`chunks` and `windows`, immutable `ArrayBuffer`s; so `Array.prototype.toString` " +
      "joins an iterator",
    why: "proposals that upstream has already",
    shows: () => "join" in Iterator.prototype && "immutable" in ArrayBuffer.prototype,
    calls: /^Array\.prototype\.toString call (g|it|itr|ith|mit|sit)\(/,
  },
  {
    what: "The results of `Iterator.zip` and `Iterator.zipKeyed` have `next` and `return` as " +
      "own properties",
    why: "upstream's: they are written in JavaScript",
    shows: () => {
      const zip = (Iterator as unknown as { zip(all: unknown[]): object }).zip;
      return Object.hasOwn(zip([[1]]), "next");
    },
    calls: /^Iterator\.zip(Keyed)? call/,
  },
  {
    what: "`setFromHex` of malformed text beyond ASCII writes nothing before it throws, or " +
      "takes it for well-formed where there is no room",
    why: "upstream's: it counts bytes instead of code units",
    shows: () => {
      try {
        new Uint8Array(9).setFromHex("ab\u00e4 ");
        return false;
      } catch (error) {
        return error instanceof SyntaxError;
      }
    },
    calls: /^Uint8Array\.prototype\.setFromHex/,
  },
  {
    what: "`setFromBase64` stops where the array is full, so it does not see malformed text " +
      "after that",
    why: "the standard's way; V8 looks further",
    shows: () => new Uint8Array(3).setFromBase64("AAAA-").written === 3,
    calls: /^Uint8Array\.prototype\.setFromBase64/,
  },
];

/** The table as docs/engine.md has it. */
export const table = (): string =>
  ["| in tasks | why |", "|---|---|", ...differences.map(({ what, why }) => `| ${what} | ${why} |`)]
    .join("\n");
