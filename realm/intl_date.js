// Intl.DateTimeFormat (ECMA-402). Patterns are chosen as UTS #35 has it, "Matching skeletons".
export default ({ brand, intlOffset, intlZone, use }) => {
  const {
    anyOptions,
    booleanOption,
    cacheOf,
    canonicalizeList,
    common,
    define,
    digitsOf,
    isInstance,
    keeper,
    matcher,
    numberOption,
    objectOf,
    option,
    places,
    resolve,
    systemsOf,
    textsOf,
    typeOption,
  } = use("intl");

  // --- patterns ------------------------------------------------------------------------------

  // "h:mm a" as a list of texts and fields, {letter, length}.
  const parsePattern = (pattern) => {
    const list = [];
    let text = "";
    for (let at = 0; at < pattern.length;) {
      const letter = pattern[at];
      if (letter === "'") {
        const end = pattern.indexOf("'", at + 1);
        if (end === at + 1) text += "'";
        else text += pattern.slice(at + 1, end);
        at = end + 1;
        if (pattern[at] === "'" && end !== at - 1) text += "'";
      } else if (/[A-Za-z]/.test(letter)) {
        let length = 1;
        while (pattern[at + length] === letter) length++;
        if (text !== "") list.push(text);
        text = "";
        list.push({ letter, length });
        at += length;
      } else {
        text += letter;
        at++;
      }
    }
    if (text !== "") list.push(text);
    return list;
  };

  // The fields, in the order of UTS #35, and how far apart their forms are.
  const ERA = 0, YEAR = 1, MONTH = 3, WEEKDAY = 6, DAY = 9, PERIOD = 10, HOUR = 11, MINUTE = 12;
  const SECOND = 13, FRACTION = 14, ZONE = 15, FIELDS = 16;
  const NUMERIC = 0x100, DELTA = 0x10, NARROW = -0x101, SHORTER = -0x102, SHORT = -0x103;
  const LONG = -0x104, MISSING = 0x1000, EXTRA = 0x10000;
  const TEXTUAL = [SHORT, SHORT, SHORT, SHORT, LONG, NARROW, SHORTER];
  const named = (field, delta) => (length) => [field, (TEXTUAL[length] ?? SHORT) + delta];
  const counted = (field, delta) => (length) => [field, NUMERIC + delta + length];
  const either = (field, delta, from) => (length) =>
    length >= from ? [field, TEXTUAL[length] - delta] : [field, NUMERIC + delta + length];
  const KINDS = objectOf({
    G: named(ERA, 0),
    y: counted(YEAR, 0),
    u: counted(YEAR, 2 * DELTA),
    Q: either(2, 0, 3),
    M: either(MONTH, 0, 3),
    L: either(MONTH, DELTA, 3),
    w: counted(4, 0),
    W: counted(5, 0),
    E: named(WEEKDAY, 0),
    c: either(WEEKDAY, 2 * DELTA, 3),
    e: either(WEEKDAY, DELTA, 3),
    d: counted(DAY, 0),
    a: named(PERIOD, 0),
    b: named(PERIOD, -DELTA),
    B: named(PERIOD, -3 * DELTA),
    H: counted(HOUR, 10 * DELTA),
    k: counted(HOUR, 11 * DELTA),
    h: counted(HOUR, 0),
    K: counted(HOUR, DELTA),
    m: counted(MINUTE, 0),
    s: counted(SECOND, 0),
    S: counted(FRACTION, 0),
    v: named(ZONE, -2 * DELTA),
    z: named(ZONE, 0),
    O: named(ZONE, -DELTA),
    Y: counted(YEAR, DELTA),
  });

  // What a skeleton or a pattern has: for each field its form, letter and length.
  const skeletonOf = (list) => {
    const skeleton = {
      forms: new Array(FIELDS).fill(0),
      fields: new Array(FIELDS).fill(undefined),
    };
    for (const item of list) {
      const kind = typeof item === "string" ? undefined : KINDS[item.letter];
      if (kind === undefined) continue;
      const [field, form] = kind(item.length);
      skeleton.forms[field] = form;
      skeleton.fields[field] = item;
    }
    // A twelve-hour clock needs its half of the day.
    const hour = skeleton.fields[HOUR]?.letter;
    if ((hour === "h" || hour === "K") && skeleton.forms[PERIOD] === 0) {
      skeleton.forms[PERIOD] = SHORT;
      skeleton.fields[PERIOD] = { letter: "a", length: 1 };
    } else if (hour === "H" || hour === "k") {
      skeleton.forms[PERIOD] = 0;
      skeleton.fields[PERIOD] = undefined;
    }
    return skeleton;
  };

  const maskOf = (skeleton) =>
    skeleton.forms.reduce((mask, form, i) => form ? mask | 1 << i : mask, 0);
  const DATE = (1 << PERIOD) - 1;
  const TIME = (1 << FIELDS) - 1 & ~DATE;

  const distance = (asked, mask, known) => {
    let sum = 0;
    let missing = 0;
    for (let i = 0; i < FIELDS; i++) {
      const mine = mask & 1 << i ? asked.forms[i] : 0;
      const other = known.forms[i];
      if (mine === other) continue;
      if (mine === 0) sum += EXTRA;
      else if (other === 0) {
        sum += MISSING;
        missing |= 1 << i;
      } else sum += Math.abs(mine - other);
    }
    return { sum, missing };
  };

  // All patterns of a locale, with their skeletons.
  const patternsOf = keeper(10, (locale) => {
    const texts = textsOf(locale, "date");
    const found = new Map();
    const bases = new Set();
    const add = (pattern, key) => {
      const parsed = parsePattern(pattern);
      const skeleton = skeletonOf(key === undefined ? parsed : parsePattern(key));
      // Of those that nobody named, one for each set of fields, whatever the lengths of numbers.
      const base = skeleton.forms.map((form) => form > 0 ? form & ~(DELTA - 1) : form).join();
      if (key === undefined && bases.has(base)) return;
      bases.add(base);
      found.set(skeleton.forms.join(), {
        skeleton,
        pattern: parsed,
        isSpecified: key !== undefined,
      });
    };
    // Each field alone, the styles, what CLDR names: in this order, for the first of equals is taken.
    for (const letter of "GyQMEdHmsv") add(letter);
    for (let style = 0; style < 4; style++) {
      add(texts.date[style]);
      add(texts.time[style]);
    }
    for (const key of Object.keys(texts.available).sort()) add(texts.available[key], key);
    return [...found.values()];
  });

  const best = (list, asked, mask) => {
    let found;
    for (const entry of list) {
      const { sum, missing } = distance(asked, mask, entry.skeleton);
      const isBetter = found === undefined || sum < found.sum ||
        sum === found.sum && missing > found.missing;
      if (isBetter) {
        found = { sum, missing, entry };
        if (sum === 0) break;
      }
    }
    return found;
  };

  // The fields of a pattern in the lengths that were asked for.
  const adjust = ({ pattern, skeleton, isSpecified }, asked, decimal) => {
    const made = [];
    for (const item of pattern) {
      if (typeof item === "string" || KINDS[item.letter] === undefined) {
        made.push(item);
        continue;
      }
      const [field, form] = KINDS[item.letter](item.length);
      const wanted = asked.fields[field];
      if (decimal !== undefined && field === SECOND) {
        made.push(item, decimal, asked.fields[FRACTION]);
        continue;
      }
      if (wanted === undefined) {
        made.push(item);
        continue;
      }
      let { length } = wanted;
      if (field === MINUTE || field === SECOND) ({ length } = item);
      else if (isSpecified && wanted.letter !== "c" && wanted.letter !== "e") {
        const own = skeleton.fields[field];
        const isNumber = form > 0;
        const isOwnNumber = skeleton.forms[field] > 0;
        if (own?.length === wanted.length || isNumber !== isOwnNumber) ({ length } = item);
      }
      const keeps = field === HOUR || field === MONTH || field === WEEKDAY || field === YEAR;
      made.push({ letter: keeps ? item.letter : wanted.letter, length });
    }
    return made;
  };

  const decimalOf = ({ dataLocale, numberingSystem }) => {
    const { systems } = textsOf(dataLocale, "number");
    const isArabic = numberingSystem === "arab" || numberingSystem === "arabext";
    return systems[numberingSystem]?.decimal ?? (isArabic ? "٫" : systems.latn.decimal);
  };

  const APPENDED = objectOf({
    [ERA]: ["Era", "era"],
    [YEAR]: ["Year", "year"],
    [MONTH]: ["Month", "month"],
    [WEEKDAY]: ["Day-Of-Week", "weekday"],
    [DAY]: ["Day", "day"],
    [HOUR]: ["Hour", "hour"],
    [MINUTE]: ["Minute", "minute"],
    [SECOND]: ["Second", "second"],
    [ZONE]: ["Timezone", "zone"],
  });

  // The pattern of the fields in `mask`, those appended that no pattern has with the others.
  const appending = (slots, asked, mask) => {
    if (mask === 0) return [];
    const list = patternsOf(slots.dataLocale);
    const first = best(list, asked, mask);
    let { missing } = first;
    let pattern;
    const both = 1 << SECOND | 1 << FRACTION;
    if ((missing & both) === 1 << FRACTION && (mask & both) === both) {
      pattern = adjust(first.entry, asked, decimalOf(slots));
      missing &= ~(1 << FRACTION);
    } else pattern = adjust(first.entry, asked);
    const texts = textsOf(slots.dataLocale, "date");
    while (missing !== 0) {
      if (missing === 1 << FRACTION) {
        pattern.push(...pattern.length > 0 ? [" "] : [], asked.fields[FRACTION]);
        break;
      }
      const next = best(list, asked, missing);
      if (next.missing === missing) {
        // Nothing has any of them, as of the flexible periods of a day.
        for (let i = 0; i < FIELDS; i++) {
          if (missing & 1 << i) pattern.push(" ", asked.fields[i]);
        }
        break;
      }
      const added = adjust(next.entry, asked);
      const found = missing & ~next.missing;
      const field = 31 - Math.clz32(found);
      const [name, label] = APPENDED[field] ?? [];
      const form = texts.append[name] ?? "{0} {1}";
      pattern = places(form).flatMap((part) =>
        part === 0 ? pattern : part === 1 ? added : part === 2 ? [texts.fields[label]] : [part]
      );
      missing = next.missing;
    }
    return pattern;
  };

  const join = (form, time, date) =>
    parsePattern(
      form.replace(/[{}]/g, (bracket) => `'${bracket}'`).replace(/'\{'(\d)'\}'/g, "\0$1"),
    )
      .flatMap((part) =>
        typeof part !== "string"
          ? [part]
          : part.split(/(\0\d)/).filter((text) => text !== "").flatMap((text) =>
            text === "\0" + "0" ? time : text === "\0" + "1" ? date : [text]
          )
      );

  // Which of the styles' ways to join a date and a time fits.
  const styleOf = (asked) => {
    const month = asked.fields[MONTH]?.length ?? 0;
    return month === 4 ? asked.forms[WEEKDAY] ? 0 : 1 : month === 3 ? 2 : 3;
  };

  // What CLDR has a pattern for just as it is asked for, which most dates are: without a look at all
  // other patterns.
  const exactPattern = (slots, asked, mask) => {
    const { available, joinedAt } = slots.texts;
    const keyOf = (mask) => {
      let key = "";
      for (const field of [ERA, YEAR, MONTH, WEEKDAY, DAY, HOUR, MINUTE, SECOND]) {
        if (!(mask & 1 << field)) continue;
        const { letter, length } = asked.fields[field];
        const isNumber = field !== MONTH && field !== WEEKDAY && field !== ERA;
        if (!"GyMEdHhms".includes(letter) || isNumber && length > 1) return undefined;
        if (length === 2 || length === 5 || field === WEEKDAY && length > 3) return undefined;
        key += field === WEEKDAY ? "E" : letter.repeat(length);
      }
      return key;
    };
    const period = asked.fields[PERIOD]?.letter;
    if (mask & (1 << FRACTION | 1 << ZONE) || period !== undefined && period !== "a") {
      return undefined;
    }
    const find = (mask) => available[keyOf(mask)];
    if ((mask & DATE) === 0 || (mask & TIME) === 0) {
      const pattern = find(mask);
      return pattern && parsePattern(pattern);
    }
    if ((mask & DATE) === 1 << WEEKDAY) return undefined; // which some patterns have with a time
    const date = find(mask & DATE);
    const time = find(mask & TIME);
    if (date === undefined || time === undefined) return undefined;
    return merged(join(joinedAt[styleOf(asked)], parsePattern(time), parsePattern(date)));
  };

  const chosen = keeper(200, (_name, slots, skeleton) => {
    const { dataLocale } = slots;
    const asked = skeletonOf(parsePattern(skeleton));
    const mask = maskOf(asked);
    const exact = /^B+$/.test(skeleton) ? [asked.fields[PERIOD]] : exactPattern(slots, asked, mask);
    if (exact !== undefined) return exact;
    const whole = best(patternsOf(dataLocale), asked, mask);
    if (whole.missing === 0) return merged(adjust(whole.entry, asked));
    const date = appending(slots, asked, mask & DATE);
    const time = appending(slots, asked, mask & TIME);
    if (date.length === 0) return merged(time);
    if (time.length === 0) return merged(date);
    return merged(join(slots.texts.joinedAt[styleOf(asked)], time, date));
  });
  const bestPattern = (slots, skeleton) =>
    chosen(`${slots.dataLocale} ${slots.numberingSystem} ${skeleton}`, slots, skeleton);
  // With texts that follow each other as one.
  const merged = (pattern) => {
    const list = [];
    for (const item of pattern) {
      if (typeof item === "string" && typeof list.at(-1) === "string") {
        list[list.length - 1] += item;
      } else list.push(item);
    }
    return list;
  };

  // --- time zones ----------------------------------------------------------------------------

  let canonicalNames; // by each name that CLDR knows
  const canonicalZone = (zone) => {
    if (canonicalNames === undefined) {
      canonicalNames = new Map();
      for (const names of Object.values(common("zones"))) {
        const list = names.split(" ");
        for (const name of list) canonicalNames.set(name, list[0]);
      }
    }
    return canonicalNames.get(zone) ?? zone;
  };
  // One name for each zone: IANA's, where CLDR's is another.
  const zoneNames = () => {
    canonicalZone("");
    const iana = common("iana");
    const names = [...new Set(canonicalNames.values())].map((name) => iana[name] ?? name);
    return names.filter((name) =>
      /^(?:Etc\/GMT[+-]\d|(?!Etc\/)[A-Z]\w+\/)/.test(name) && intlZone(name) !== undefined
    )
      .concat("UTC").sort();
  };

  const OFFSET = /^([+-])([01]\d|2[0-3])(?::?([0-5]\d))?$/;
  // A zone by its name or offset, in its canonical case; undefined if there is none.
  const zoneOf = (name) => {
    const offset = OFFSET.exec(name);
    if (offset === null) {
      const zone = intlZone(name);
      if (zone === undefined) return undefined;
      return { name: zone, fixed: undefined };
    }
    const [, sign, hours, minutes = "00"] = offset;
    const seconds = (Number(hours) * 60 + Number(minutes)) * 60;
    const fixed = sign === "-" ? -seconds : seconds;
    return { name: `${fixed === 0 ? "+" : sign}${hours}:${minutes}`, fixed };
  };

  // The host's: what is always UTC is called so.
  const localZone = () => {
    const name = intlZone();
    return /^(?:Etc\/)?(?:UTC|UCT|GMT|GMT[+-]?0|Greenwich|Universal|Zulu)$/.test(name)
      ? "UTC"
      : name;
  };

  // "+1", "+05:30" and so on, as a locale writes it.
  const gmtText = (slots, seconds, isLong) => {
    const texts = textsOf(slots.dataLocale, "zone");
    if (seconds === 0) return texts.zero;
    const total = Math.abs(seconds);
    const hours = Math.floor(total / 3600);
    const minutes = Math.floor(total % 3600 / 60);
    const rest = total % 60;
    const [plus, minus] = texts.hour.split(";");
    const form = seconds < 0 ? minus : plus;
    const separator = /H([^Hm]*)m/.exec(form)?.[1] ?? ":";
    const two = (number) => inDigits(slots, `${number}`.padStart(2, "0"));
    let text = isLong ? two(hours) : inDigits(slots, `${hours}`);
    const hasMinutes = isLong || minutes > 0 || rest > 0;
    if (hasMinutes) text += separator + two(minutes);
    if (rest > 0) text += separator + two(rest);
    const place = hasMinutes ? /H+[^Hm]*m+/ : /H+[^Hm]*m+.*$/;
    return texts.gmt.replace("{0}", () => form.replace(place, () => text));
  };

  const metaOf = (zone, ms) => {
    const list = common("meta")[zone];
    if (list === undefined) return undefined;
    let found;
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] * 60000 <= ms) found = list[i + 1]; // none before 1970
    }
    return found;
  };
  const cityOf = (texts, zone) =>
    texts.zones[zone]?.city ?? zone.slice(zone.lastIndexOf("/") + 1).replaceAll("_", " ");

  // The name of a zone where it is used: its country's, if it has but one, or its city's.
  const locationOf = (slots, zone) => {
    const texts = textsOf(slots.dataLocale, "zone");
    const id = Object.keys(common("zones")).find((key) =>
      common("zones")[key].split(" ").includes(zone)
    );
    let place = cityOf(texts, zone);
    const { countryOf, zonesOf } = use("intl_tags");
    const region = id === undefined ? "" : countryOf(id);
    if (region !== "") {
      const zones = zonesOf(region);
      if (zones.length === 1 || common("primary")[region] === zone) {
        place = textsOf(slots.dataLocale, "names").region[region] ?? place;
      }
    }
    return texts.region.replace("{0}", () => place);
  };

  const zoneText = (slots, letter, length, ms, offset, isSummer) => {
    const width = length >= 4 ? "long" : "short";
    if (letter === "O" || slots.zone.fixed !== undefined) {
      return gmtText(slots, offset, width === "long");
    }
    const texts = textsOf(slots.dataLocale, "zone");
    const zone = canonicalZone(slots.zone.name);
    const meta = metaOf(zone, ms);
    const own = texts.zones[zone]?.[width];
    const of = texts.meta[meta]?.[width];
    if (letter === "z") {
      const kind = isSummer ? "daylight" : "standard";
      return own?.[kind] ?? of?.[kind] ?? gmtText(slots, offset, width === "long");
    }
    if (own?.generic !== undefined) return own.generic;
    if (meta !== undefined && of !== undefined) {
      // Without a summer time around that day, the name of the time that is always there.
      const day = 86400000;
      const near = [-184, -138, -92, -46, 46, 92, 138, 184].some((days) =>
        intlOffset(slots.zone.name, ms + days * day)[1]
      );
      const name = !isSummer && !near && of.standard !== undefined ? of.standard : of.generic;
      if (name !== undefined) {
        const golden = common("golden")[meta] ?? {};
        const region = slots.region ??= use("intl_tags").regionOf(
          use("intl_tags").parse(slots.dataLocale),
        );
        const model = golden[region] ?? golden["001"];
        if (model === undefined || model === zone) return name;
        const same = intlZone(model) === undefined || intlOffset(model, ms)[0] === offset;
        if (same) return name;
        return texts.fallback.replace("{0}", () => cityOf(texts, zone)).replace("{1}", () => name);
      }
    }
    if (/^Etc\//.test(zone)) return gmtText(slots, offset, width === "long");
    return locationOf(slots, zone);
  };

  // --- fields of a time ----------------------------------------------------------------------

  const DAY_MS = 86400000;
  // The fields of a time in a zone: year, month (0 is January), day and so on.
  const fieldsOf = (slots, ms) => {
    let offset;
    let isSummer = false;
    if (slots.zone.fixed !== undefined) offset = slots.zone.fixed;
    else [offset, isSummer] = intlOffset(slots.zone.name, ms);
    const local = ms + offset * 1000;
    const days = Math.floor(local / DAY_MS);
    const inDay = local - days * DAY_MS;
    // Of days since 1970: eras of 400 years that begin with March, so that leap days end a year.
    const shifted = days + 719468;
    const era = Math.floor(shifted / 146097);
    const dayOfEra = shifted - era * 146097;
    const yearOfEra = Math.floor(
      (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36524) -
        Math.floor(dayOfEra / 146096)) / 365,
    );
    const dayOfYear = dayOfEra -
      (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
    const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
    const month = shiftedMonth < 10 ? shiftedMonth + 2 : shiftedMonth - 10;
    return {
      ms,
      offset,
      isSummer,
      year: yearOfEra + era * 400 + (month < 2 ? 1 : 0),
      month,
      day: dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1,
      weekday: ((days + 4) % 7 + 7) % 7,
      hour: Math.floor(inDay / 3600000),
      minute: Math.floor(inDay / 60000) % 60,
      second: Math.floor(inDay / 1000) % 60,
      fraction: inDay % 1000,
    };
  };

  const inDigits = (slots, text) => {
    if (slots.digits === undefined) return text;
    let made = "";
    for (const digit of text) made += slots.digits[digit] ?? digit;
    return made;
  };
  const WIDTHS = [0, 0, 0, 0, 1, 2]; // by length: abbreviated, wide, narrow
  const TYPES = objectOf({
    G: "era",
    y: "year",
    u: "year",
    M: "month",
    L: "month",
    E: "weekday",
    c: "weekday",
    e: "weekday",
    d: "day",
    a: "dayPeriod",
    b: "dayPeriod",
    B: "dayPeriod",
    h: "hour",
    H: "hour",
    K: "hour",
    k: "hour",
    m: "minute",
    s: "second",
    S: "fractionalSecond",
    z: "timeZoneName",
    v: "timeZoneName",
    O: "timeZoneName",
  });

  // Which of a language's periods of the day it is.
  const periodOf = (slots, { hour, minute }, hasMinutes) => {
    const rules = textsOf(slots.dataLocale, "periods");
    const at = hour * 60 + (hasMinutes ? minute : 0);
    for (const name of Object.keys(rules)) if (rules[name] === at) return name;
    for (const name of Object.keys(rules)) {
      const range = rules[name];
      if (typeof range === "number") continue;
      const [from, before] = range;
      if (from < before ? at >= from && at < before : at >= from || at < before) return name;
    }
    return hour < 12 ? "am" : "pm";
  };

  const fieldText = (slots, { letter, length }, fields) => {
    const texts = slots.texts;
    const number = (value) => inDigits(slots, `${value}`.padStart(length, "0"));
    switch (letter) {
      case "G":
        return texts.eras[WIDTHS[length]][fields.year > 0 ? 1 : 0];
      case "y": {
        const year = fields.year > 0 ? fields.year : 1 - fields.year;
        return length === 2 ? number(year % 100) : number(year);
      }
      case "u":
        return fields.year < 0 ? `-${number(-fields.year)}` : number(fields.year);
      case "M":
      case "L":
        return length < 3
          ? number(fields.month + 1)
          : texts.months[letter === "L" ? 1 : 0][WIDTHS[length]][fields.month];
      case "E":
      case "c":
      case "e":
        return texts.days[letter === "c" ? 1 : 0][WIDTHS[length] ?? 0][fields.weekday];
      case "d":
        return number(fields.day);
      case "a":
        return texts.periods[0][WIDTHS[length]][fields.hour < 12 ? "am" : "pm"];
      case "b":
      case "B": {
        const names = texts.periods[0][WIDTHS[length]];
        const name = periodOf(slots, fields, slots.hasMinutes);
        return names[name] ?? names[fields.hour < 12 ? "am" : "pm"];
      }
      case "h":
        return number(fields.hour % 12 || 12);
      case "H":
        return number(fields.hour);
      case "K":
        return number(fields.hour % 12);
      case "k":
        return number(fields.hour || 24);
      case "m":
        return number(fields.minute);
      case "s":
        return number(fields.second);
      case "S":
        return inDigits(slots, `${fields.fraction}`.padStart(3, "0").slice(0, length));
      default: // z, v, O
        return zoneText(slots, letter, length, fields.ms, fields.offset, fields.isSummer);
    }
  };

  // --- options -------------------------------------------------------------------------------

  const formats = new WeakMap();
  const slotsOf = (object) => {
    const slots = formats.get(object);
    if (slots !== undefined) return slots;
    throw new TypeError("this is no Intl.DateTimeFormat");
  };
  const fallback = Symbol("IntlLegacyConstructedSymbol");
  const unwrapped = (object) => {
    if (!formats.has(object) && isInstance(DateTimeFormat, object)) {
      object = object[fallback];
    }
    slotsOf(object);
    return object;
  };

  const TEXT = ["narrow", "short", "long"];
  const TWO = ["2-digit", "numeric"];
  const COMPONENTS = [
    ["weekday", TEXT],
    ["era", TEXT],
    ["year", TWO],
    ["month", ["2-digit", "numeric", ...TEXT]],
    ["day", TWO],
    ["dayPeriod", TEXT],
    ["hour", TWO],
    ["minute", TWO],
    ["second", TWO],
    ["fractionalSecondDigits", undefined],
    ["timeZoneName", [
      "short",
      "long",
      "shortOffset",
      "longOffset",
      "shortGeneric",
      "longGeneric",
    ]],
  ];
  const OF_DATE = ["weekday", "year", "month", "day"];
  const OF_TIME = ["dayPeriod", "hour", "minute", "second", "fractionalSecondDigits"];
  const LETTERS = objectOf({
    weekday: { narrow: "EEEEE", short: "EEE", long: "EEEE" },
    era: { narrow: "GGGGG", short: "GGG", long: "GGGG" },
    year: { "2-digit": "yy", numeric: "y" },
    month: { "2-digit": "MM", numeric: "M", narrow: "MMMMM", short: "MMM", long: "MMMM" },
    day: { "2-digit": "dd", numeric: "d" },
    dayPeriod: { narrow: "BBBBB", short: "B", long: "BBBB" },
    minute: { "2-digit": "mm", numeric: "m" },
    second: { "2-digit": "ss", numeric: "s" },
    timeZoneName: {
      short: "z",
      long: "zzzz",
      shortOffset: "O",
      longOffset: "OOOO",
      shortGeneric: "v",
      longGeneric: "vvvv",
    },
  });
  const HOURS = objectOf({ h11: "K", h12: "h", h23: "H", h24: "k" });
  const CYCLES = objectOf({ K: "h11", h: "h12", H: "h23", k: "h24" });
  const isHour = (item) => typeof item !== "string" && CYCLES[item.letter] !== undefined;

  const readOptions = (slots, locales, options, required, defaults) => {
    const requested = canonicalizeList(locales);
    options = anyOptions(options);
    matcher(options);
    const ca = typeOption(options, "calendar");
    const nu = typeOption(options, "numberingSystem");
    const hour12 = booleanOption(options, "hour12", undefined);
    let hourCycle = option(options, "hourCycle", ["h11", "h12", "h23", "h24"]);
    if (hour12 !== undefined) hourCycle = undefined;
    const resolved = resolve(
      requested,
      {
        ca: () => ["gregory", "iso8601"],
        hc: () => hour12 === undefined ? [undefined, "h11", "h12", "h23", "h24"] : [undefined],
        nu: systemsOf,
      },
      objectOf({ ca, hc: hourCycle, nu }),
    );
    slots.locale = resolved.locale;
    slots.dataLocale = resolved.dataLocale;
    slots.calendar = resolved.ca;
    slots.numberingSystem = resolved.nu;
    let cycle = resolved.hc;
    const asked = options.timeZone;
    const zoneName = asked === undefined ? localZone() : `${asked}`;
    const zone = zoneOf(zoneName);
    if (zone === undefined) throw new RangeError(`"${zoneName}" is no time zone`);
    slots.zone = zone;
    slots.timeZone = zone.name;
    const components = objectOf({});
    for (const [name, values] of COMPONENTS) {
      components[name] = values === undefined
        ? numberOption(options, name, 1, 3, undefined)
        : option(options, name, values);
    }
    const has = (names) => names.some((name) => components[name] !== undefined);
    const hasAny = has(COMPONENTS.map(([name]) => name));
    option(options, "formatMatcher", ["basic", "best fit"], "best fit");
    const styles = ["full", "long", "medium", "short"];
    const dateStyle = option(options, "dateStyle", styles);
    const timeStyle = option(options, "timeStyle", styles);
    slots.dateStyle = dateStyle;
    slots.timeStyle = timeStyle;
    slots.texts = textsOf(slots.dataLocale, "date");
    slots.digits = slots.numberingSystem === "latn"
      ? undefined
      : [...digitsOf(slots.numberingSystem)];
    const { clock } = slots.texts;
    if (hour12 !== undefined) {
      cycle = hour12 ? /-JP$/.test(slots.dataLocale) ? "h11" : "h12" : "h23";
    }
    if (dateStyle !== undefined || timeStyle !== undefined) {
      if (hasAny) throw new TypeError("dateStyle and timeStyle go with no other parts");
      if (required === "date" && timeStyle !== undefined) {
        throw new TypeError("timeStyle is for what has a time");
      }
      if (required === "time" && dateStyle !== undefined) {
        throw new TypeError("dateStyle is for what has a date");
      }
      slots.pattern = ofStyles(slots, styles.indexOf(dateStyle), styles.indexOf(timeStyle), cycle);
    } else {
      const needsDefaults = !(has(OF_DATE) && (required === "date" || required === "any") ||
        has(OF_TIME) && (required === "time" || required === "any"));
      if (needsDefaults && (defaults === "date" || defaults === "all")) {
        components.year = components.month = components.day = "numeric";
      }
      if (needsDefaults && (defaults === "time" || defaults === "all")) {
        components.hour = components.minute = components.second = "numeric";
      }
      let skeleton = "";
      for (const [name] of COMPONENTS) {
        const value = components[name];
        if (value === undefined) continue;
        if (name === "hour") {
          const letter = cycle === undefined ? clock : HOURS[cycle];
          skeleton += value === "2-digit" ? letter + letter : letter;
        } else if (name === "fractionalSecondDigits") skeleton += "S".repeat(value);
        else skeleton += LETTERS[name][value];
      }
      slots.pattern = bestPattern(slots, skeleton);
    }
    if (cycle !== undefined) {
      slots.pattern = inCycle(slots.pattern, [{ letter: HOURS[cycle] }]);
    }
    slots.hasMinutes = slots.pattern.some((item) => item.letter === "m");
    const hour = slots.pattern.find(isHour);
    if (hour !== undefined) {
      slots.hourCycle = CYCLES[hour.letter];
      slots.hour12 = slots.hourCycle === "h11" || slots.hourCycle === "h12";
    }
  };

  const ofStyles = (slots, dateStyle, timeStyle, cycle) => {
    const { texts } = slots;
    const date = dateStyle === -1 ? undefined : parsePattern(texts.date[dateStyle]);
    if (timeStyle === -1) return date;
    const time = parsePattern(texts.time[timeStyle]);
    const pattern = date === undefined ? time : merged(join(texts.joinedAt[dateStyle], time, date));
    const wanted = cycle && HOURS[cycle];
    if (wanted === undefined || pattern.find(isHour).letter === wanted) return pattern;
    const fields = pattern.filter((item) => typeof item !== "string" && !/[abB]/.test(item.letter));
    return bestPattern(
      slots,
      fields.map((item) => (isHour(item) ? wanted : item.letter).repeat(item.length)).join(""),
    );
  };

  // --- formatting ----------------------------------------------------------------------------

  const timeOf = (date) => {
    const ms = date === undefined ? Date.now() : +date;
    if (!(Math.abs(ms) <= 8.64e15)) {
      throw new RangeError("that is no time: it is NaN or out of range");
    }
    return Math.trunc(ms) + 0;
  };
  const formatFields = (slots, pattern, fields) => {
    let text = "";
    for (const item of pattern) {
      text += typeof item === "string" ? item : fieldText(slots, item, fields);
    }
    return text;
  };
  const partsIn = (slots, pattern, fields, more) =>
    pattern.map((item) =>
      typeof item === "string"
        ? { type: "literal", value: item, ...more }
        : { type: TYPES[item.letter], value: fieldText(slots, item, fields), ...more }
    );
  const formatTime = (slots, ms) => formatFields(slots, slots.pattern, fieldsOf(slots, ms));

  // --- ranges --------------------------------------------------------------------------------

  // The fields by which two times may differ, the largest first, and what patterns call them.
  const DIFFERENCES = [
    ["G", ({ year }) => year > 0],
    ["y", ({ year }) => year],
    ["M", ({ month }) => month],
    ["d", ({ day }) => day],
    ["a", ({ hour }) => hour >= 12],
    ["h", ({ hour }) => hour],
    ["m", ({ minute }) => minute],
    ["s", ({ second }) => second],
    ["S", ({ fraction }) => fraction],
  ];
  const FINEST = objectOf({
    G: 0,
    y: 1,
    u: 1,
    M: 2,
    L: 2,
    E: 3,
    c: 3,
    e: 3,
    d: 3,
    a: 4,
    b: 4,
    B: 5,
    h: 5,
    H: 5,
    K: 5,
    k: 5,
    m: 6,
    s: 7,
    S: 8,
  });

  // The pattern of an interval split where a field comes again: for the start, and for the end.
  const splitInterval = (pattern) => {
    const seen = new Set();
    let at = pattern.length;
    for (let i = 0; i < pattern.length; i++) {
      const item = pattern[i];
      if (typeof item === "string") continue;
      const field = KINDS[item.letter]?.(item.length)[0];
      if (seen.has(field)) {
        at = i;
        break;
      }
      seen.add(field);
    }
    return [pattern.slice(0, at), pattern.slice(at)];
  };

  // With the hours of another pattern, if it has any.
  const inCycle = (pattern, model) => {
    const hour = model.find(isHour);
    return hour === undefined
      ? pattern
      : pattern.map((item) => isHour(item) ? { letter: hour.letter, length: item.length } : item);
  };

  const intervalOf = (slots, letter) => {
    const { dataLocale } = slots;
    const { intervals } = textsOf(dataLocale, "date");
    const asked = skeletonOf(slots.pattern);
    const mask = maskOf(asked);
    const search = (mask) => {
      let found;
      for (const key of Object.keys(intervals)) {
        const of = intervals[key];
        const hourLetter = letter === "h" && of.h === undefined ? "H" : letter;
        if (of[hourLetter] === undefined) continue;
        const skeleton = skeletonOf(parsePattern(key));
        const { sum, missing } = distance(asked, mask, skeleton);
        if (missing !== 0 || sum >= EXTRA) continue;
        const differs = skeleton.fields.some((field, i) =>
          field !== undefined && i !== ZONE && mask & 1 << i &&
          (skeleton.forms[i] > 0) !== (asked.forms[i] > 0)
        );
        if (differs) continue;
        if (found === undefined || sum < found.sum) {
          found = {
            sum,
            entry: { pattern: parsePattern(of[hourLetter]), skeleton, isSpecified: true },
          };
        }
      }
      return found && adjust(found.entry, asked);
    };
    const isTime = FINEST[letter] >= 4;
    const hasDate = (mask & DATE) !== 0;
    if (!isTime || !hasDate) return search(mask);
    // On one day: the day, and an interval of its time.
    const time = search(mask & TIME);
    if (time === undefined) return undefined;
    const date = appending(slots, asked, mask & DATE);
    return join(slots.texts.joined[styleOf(asked)], time, date);
  };

  // With what a pattern lacks to tell two times apart, if they differ by a year, month or day that is
  // not in it: that one, and those between it and the finest that is there. As hosts do, not of a
  // month alone, nor of a day's seconds.
  const tellingApart = (slots, letter) => {
    const mask = maskOf(skeletonOf(slots.pattern));
    const FIELD = [ERA, YEAR, MONTH, DAY];
    const at = "GyMd".indexOf(letter);
    const has = (i) => (mask & 1 << FIELD[i]) !== 0;
    if (at === -1 || has(at)) return slots;
    const isTimeAlone = (mask & DATE) === 0;
    const isFine = (mask & TIME) === 0
      ? !has(3)
      : !(mask & 1 << HOUR) || (mask & (1 << SECOND | 1 << FRACTION)) !== 0;
    if (isFine && !isTimeAlone && at !== 0) return slots;
    let missing = letter;
    for (let i = isTimeAlone ? 1 : at + 1; i <= 3; i++) {
      if (i !== at && !has(i)) missing += "GyMd"[i];
    }
    const own = slots.pattern.filter((item) => typeof item !== "string");
    const skeleton = own.map(({ letter, length }) => letter.repeat(length)).join("");
    const pattern = inCycle(bestPattern(slots, missing + skeleton), slots.pattern);
    return objectOf({ ...slots, pattern });
  };

  // Where a language has no pattern: both whole, but a day that both are on once.
  const withoutInterval = (slots, start, end, areDaysApart) => {
    const shared = { source: "shared" };
    const both = (pattern) =>
      places(slots.texts.range).flatMap((part) =>
        part === 0
          ? partsIn(slots, pattern, start, { source: "startRange" })
          : part === 1
          ? partsIn(slots, pattern, end, { source: "endRange" })
          : [{ type: "literal", value: part, ...shared }]
      );
    const asked = skeletonOf(slots.pattern);
    const mask = maskOf(asked);
    if ((mask & DATE) === 0 || (mask & TIME) === 0 || areDaysApart) return both(slots.pattern);
    const time = inCycle(appending(slots, asked, mask & TIME), slots.pattern);
    const date = appending(slots, asked, mask & DATE);
    return join(slots.texts.joined[styleOf(asked)], [both(time)], [
      partsIn(slots, date, start, shared),
    ])
      .flatMap((item) =>
        typeof item === "string" ? [{ type: "literal", value: item, ...shared }] : item
      );
  };

  const rangeParts = (slots, startMs, endMs) => {
    const start = fieldsOf(slots, startMs);
    const end = fieldsOf(slots, endMs);
    const shared = { source: "shared" };
    const finest = Math.max(
      ...slots.pattern.map((item) => typeof item === "string" ? -1 : FINEST[item.letter] ?? -1),
    );
    const at = DIFFERENCES.findIndex(([, of]) => of(start) !== of(end));
    if (at === -1 || at > finest) return partsIn(slots, slots.pattern, start, shared);
    const [letter] = DIFFERENCES[at];
    slots = tellingApart(slots, letter);
    const hour = slots.pattern.find(isHour);
    const is12 = hour !== undefined && (hour.letter === "h" || hour.letter === "K");
    const key = letter === "a" && !is12 ? "h" : letter;
    const names = key === "h" && !is12 ? "H" : key;
    let pattern = "GyMdahHm".includes(names) ? intervalOf(slots, names) : undefined;
    if (pattern === undefined) return withoutInterval(slots, start, end, at <= 3);
    pattern = inCycle(merged(pattern), slots.pattern);
    const [first, last] = splitInterval(pattern);
    // What only one of them has is of both.
    const fieldIn = (list, letter) => list.some((item) => item.letter === letter);
    const source = (item, other, name) =>
      typeof item === "string" || fieldIn(other, item.letter) ? name : "shared";
    const made = [];
    const push = (list, other, fields, name) => {
      const fieldsAt = list.map((item, i) => typeof item === "string" ? -1 : i).filter((i) =>
        i >= 0
      );
      list.forEach((item, i) => {
        if (typeof item !== "string") {
          made.push({
            type: TYPES[item.letter],
            value: fieldText(slots, item, fields),
            source: source(item, other, name),
          });
          return;
        }
        const own = fieldsAt.filter((j) => source(list[j], other, name) === name);
        const inside = own.length > 0 && i > own[0] && i < own.at(-1);
        made.push({ type: "literal", value: item, source: inside ? name : "shared" });
      });
    };
    push(first, last, start, "startRange");
    push(last, first, end, "endRange");
    return made;
  };

  const rangeEnds = (start, end) => {
    if (start === undefined || end === undefined) throw new TypeError("a range has two ends");
    return [+start, +end].map(timeOf);
  };

  // --- the class -----------------------------------------------------------------------------

  const begin = (object, locales, options, required = "any", defaults = "date") => {
    brand(object);
    const slots = objectOf({});
    readOptions(slots, locales, options, required, defaults);
    formats.set(object, slots);
    return object;
  };

  function DateTimeFormat(locales = undefined, options = undefined) {
    if (new.target !== undefined) return begin(this, locales, options);
    const made = begin(Object.create(DateTimeFormat.prototype), locales, options);
    if (isInstance(DateTimeFormat, this)) {
      Object.defineProperty(this, fallback, { value: made });
      return this;
    }
    return made;
  }

  const textWidth = (length) => length === 5 ? "narrow" : length === 4 ? "long" : "short";
  const sized = (length) => length === 2 ? "2-digit" : "numeric";
  const RESOLVED = objectOf({
    G: ["era", textWidth],
    y: ["year", sized],
    u: ["year", sized],
    M: ["month", (length) => length < 3 ? sized(length) : textWidth(length)],
    L: ["month", (length) => length < 3 ? sized(length) : textWidth(length)],
    E: ["weekday", textWidth],
    c: ["weekday", textWidth],
    d: ["day", sized],
    B: ["dayPeriod", textWidth],
    h: ["hour", sized],
    H: ["hour", sized],
    K: ["hour", sized],
    k: ["hour", sized],
    m: ["minute", sized],
    s: ["second", sized],
    S: ["fractionalSecondDigits", (length) => length],
    z: ["timeZoneName", (length) => length === 4 ? "long" : "short"],
    O: ["timeZoneName", (length) => length === 4 ? "longOffset" : "shortOffset"],
    v: ["timeZoneName", (length) => length === 4 ? "longGeneric" : "shortGeneric"],
  });

  define(DateTimeFormat, "DateTimeFormat", {
    resolvedOptions() {
      const slots = slotsOf(unwrapped(this));
      const result = objectOf({});
      for (
        const name of ["locale", "calendar", "numberingSystem", "timeZone", "hourCycle", "hour12"]
      ) if (slots[name] !== undefined) result[name] = slots[name];
      if (slots.dateStyle === undefined && slots.timeStyle === undefined) {
        const found = objectOf({});
        for (const item of slots.pattern) {
          const of = typeof item === "string" ? undefined : RESOLVED[item.letter];
          if (of !== undefined) found[of[0]] = of[1](item.length);
        }
        for (const [name] of COMPONENTS) if (found[name] !== undefined) result[name] = found[name];
      }
      if (slots.dateStyle !== undefined) result.dateStyle = slots.dateStyle;
      if (slots.timeStyle !== undefined) result.timeStyle = slots.timeStyle;
      return { ...result };
    },
    get format() {
      const slots = slotsOf(unwrapped(this));
      slots.bound ??= Object.defineProperty(
        (date) => formatTime(slots, timeOf(date)),
        "name",
        { value: "" },
      );
      return slots.bound;
    },
    formatToParts(date) {
      const slots = slotsOf(this);
      return partsIn(slots, slots.pattern, fieldsOf(slots, timeOf(date)));
    },
    formatRange(start, end) {
      const slots = slotsOf(this);
      let text = "";
      for (const { value } of rangeParts(slots, ...rangeEnds(start, end))) text += value;
      return text;
    },
    formatRangeToParts(start, end) {
      const slots = slotsOf(this);
      return rangeParts(slots, ...rangeEnds(start, end));
    },
  });

  // Date.prototype.toLocaleString, toLocaleDateString and toLocaleTimeString.
  const makers = objectOf({});
  for (
    const [name, required, defaults] of [
      ["both", "any", "all"],
      ["date", "date", "date"],
      ["time", "time", "time"],
    ]
  ) {
    makers[name] = cacheOf((locales, options) => {
      const slots = objectOf({});
      readOptions(slots, locales, options, required, defaults);
      return slots;
    });
  }
  const dateToLocale = (kind) => (ms, locales, options) => {
    if (ms !== ms) return "Invalid Date";
    return formatTime(makers[kind](locales, options), ms);
  };

  return {
    DateTimeFormat,
    zoneNames,
    dateToLocale: dateToLocale("both"),
    dateToLocaleDate: dateToLocale("date"),
    dateToLocaleTime: dateToLocale("time"),
  };
};
