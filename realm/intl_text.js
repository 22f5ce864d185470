// Intl.ListFormat, Intl.RelativeTimeFormat and Intl.DisplayNames (ECMA-402).
export default ({ brand, use }) => {
  const {
    anyOptions,
    canonicalizeList,
    define,
    matcher,
    objectOf,
    option,
    optionsObject,
    places,
    refuse,
    resolve,
    systemsOf,
    textsOf,
    typeOption,
  } = use("intl");

  const STYLES = ["long", "short", "narrow"];
  // Finds the slots of an object, or throws.
  const family = (name) => {
    const all = new WeakMap();
    const slotsOf = (object) => {
      const slots = all.get(object);
      if (slots !== undefined) return slots;
      throw new TypeError(`this is no Intl.${name}`);
    };
    return { slotsOf, set: (object, slots) => all.set(object, slots) };
  };
  const textOf = (parts) => {
    let text = "";
    for (const { value } of parts) text += value;
    return text;
  };
  const shown = (slots, names) => {
    const result = objectOf({});
    for (const name of names) result[name] = slots[name];
    return { ...result };
  };

  // --- ListFormat ----------------------------------------------------------------------------

  const lists = family("ListFormat");
  const textsIn = (list) => {
    if (list === undefined) return [];
    const texts = [];
    for (const item of list) {
      if (typeof item !== "string") throw new TypeError("an item of the list is no text");
      texts[texts.length] = item;
    }
    return texts;
  };
  // Spanish has other words before the sounds that they end with.
  const spanish = (slots, pattern, next) => {
    if (!/^es(?:-|$)/.test(slots.dataLocale)) return pattern;
    if (/^(?:i|hi(?![ae]))/i.test(next)) return pattern.replace(" y ", " e ");
    return /^(?:o|ho|8|11(?!\d))/i.test(next) ? pattern.replace(" o ", " u ") : pattern;
  };
  const hebrew = (slots, pattern, next) =>
    /^he(?:-|$)/.test(slots.dataLocale) && next !== "" &&
      !/^[\u05d0-\u05ea]/.test(next)
      ? pattern.replace(" ו{1}", " ו-{1}")
      : pattern;
  // Puts an element behind those that there are. It changes `parts`, unless a pattern has something
  // before these: a list costs in proportion to its length.
  const joined = (slots, pattern, parts, value) => {
    const order = places(hebrew(slots, spanish(slots, pattern, value), value));
    const made = order[0] === 0 ? parts : [];
    for (const part of order) {
      if (part === 0) {
        if (made !== parts) { for (const item of parts) made[made.length] = item; }
      } else if (part === 1) made[made.length] = { type: "element", value };
      else made[made.length] = { type: "literal", value: part };
    }
    return made;
  };
  const listParts = (slots, texts) => {
    const [two, start, middle, end] = slots.patterns;
    const count = texts.length;
    if (count === 0) return [];
    let parts = [{ type: "element", value: texts[0] }];
    for (let i = 1; i < count; i++) {
      const pattern = count === 2 ? two : i === 1 ? start : i === count - 1 ? end : middle;
      parts = joined(slots, pattern, parts, texts[i]);
    }
    return parts;
  };

  class ListFormat {
    constructor(locales = undefined, options = undefined) {
      brand(this);
      const slots = objectOf({});
      const requested = canonicalizeList(locales);
      options = optionsObject(options);
      matcher(options);
      const resolved = resolve(requested, {}, objectOf({}));
      slots.locale = resolved.locale;
      slots.dataLocale = resolved.dataLocale;
      slots.type = option(options, "type", ["conjunction", "disjunction", "unit"], "conjunction");
      slots.style = option(options, "style", STYLES, "long");
      slots.patterns = textsOf(slots.dataLocale, "list")[slots.type][STYLES.indexOf(slots.style)];
      lists.set(this, slots);
    }
    format(list) {
      const slots = lists.slotsOf(this);
      return textOf(listParts(slots, textsIn(list)));
    }
    formatToParts(list) {
      const slots = lists.slotsOf(this);
      return listParts(slots, textsIn(list)).map((part) => ({ ...part }));
    }
    resolvedOptions() {
      return shown(lists.slotsOf(this), ["locale", "type", "style"]);
    }
  }
  define(ListFormat, "ListFormat", {});

  // --- RelativeTimeFormat --------------------------------------------------------------------

  const relatives = family("RelativeTimeFormat");
  const UNITS = ["second", "minute", "hour", "day", "week", "month", "quarter", "year"];
  const unitOf = (unit) => {
    const text = `${unit}`;
    const single = text.endsWith("s") ? text.slice(0, -1) : text;
    if (!UNITS.includes(single)) refuse("unit", text);
    return single;
  };
  const relativeParts = (slots, value, unit) => {
    const number = +value;
    const single = unitOf(unit);
    if (!Number.isFinite(number)) throw new RangeError(`the time is ${number}`);
    const [past, future, words] =
      textsOf(slots.dataLocale, "relative")[single][STYLES.indexOf(slots.style)];
    if (slots.numeric === "auto") {
      const word = words[`${Object.is(number, -0) ? "0" : number}`];
      if (word !== undefined && Object.hasOwn(words, `${number}`)) {
        return [{ type: "literal", value: word }];
      }
    }
    const isPast = number < 0 || Object.is(number, -0);
    const { formOf, listOf, ofNumber, partsOf, pluralIn } = use("intl_number");
    const decimal = ofNumber(Math.abs(number));
    const form = formOf(isPast ? past : future, pluralIn(slots.numbers, decimal));
    return places(form).flatMap((part) =>
      part === 0
        ? listOf(partsOf(slots.numbers, decimal)).map((item) => ({ ...item, unit: single }))
        : [{ type: "literal", value: part }]
    );
  };

  class RelativeTimeFormat {
    constructor(locales = undefined, options = undefined) {
      brand(this);
      const slots = objectOf({});
      const requested = canonicalizeList(locales);
      options = anyOptions(options);
      matcher(options);
      const nu = typeOption(options, "numberingSystem");
      const resolved = resolve(requested, { nu: systemsOf }, objectOf({ nu }));
      slots.locale = resolved.locale;
      slots.dataLocale = resolved.dataLocale;
      slots.numberingSystem = resolved.nu;
      slots.style = option(options, "style", STYLES, "long");
      slots.numeric = option(options, "numeric", ["always", "auto"], "always");
      slots.numbers = use("intl_number").formatOf(
        slots.dataLocale,
        objectOf({ numberingSystem: slots.numberingSystem }),
      );
      relatives.set(this, slots);
    }
    format(value, unit) {
      const slots = relatives.slotsOf(this);
      return textOf(relativeParts(slots, value, unit));
    }
    formatToParts(value, unit) {
      const slots = relatives.slotsOf(this);
      return relativeParts(slots, value, unit);
    }
    resolvedOptions() {
      return shown(relatives.slotsOf(this), ["locale", "style", "numeric", "numberingSystem"]);
    }
  }
  define(RelativeTimeFormat, "RelativeTimeFormat", {});

  // --- DisplayNames --------------------------------------------------------------------------

  const displays = family("DisplayNames");
  const TYPES = ["language", "region", "script", "currency", "calendar", "dateTimeField"];
  const FIELDS = [
    "era",
    "year",
    "quarter",
    "month",
    "weekOfYear",
    "weekday",
    "day",
    "dayPeriod",
    "hour",
    "minute",
    "second",
    "timeZoneName",
  ];

  const named = (names, code, isShort) => isShort && names[`${code}~`] || names[code];

  const languageName = (slots, tag) => {
    const { canonicalize, languageTag, parse } = use("intl_tags");
    const found = parse(tag);
    if (Object.keys(found.extensions).length > 0 || found.privateUse !== "") {
      refuse("the code", tag);
    }
    const canonical = languageTag(found);
    if (canonicalize(canonical) === "") return undefined;
    const names = textsOf(slots.dataLocale, "names");
    const isShort = slots.style !== "long";
    const { language, script, region, variants } = found;
    let rest = [script, region];
    let name;
    if (slots.languageDisplay === "dialect") {
      // "Brazilian Portuguese": what has a name of its own.
      for (
        const [tag, left] of [
          [`${language}-${script}-${region}`, []],
          [region === "" ? `${language}-${script}` : "-", [region]],
          [`${language}-${region}`, [script]],
        ]
      ) {
        if (/-(?:-|$)/.test(tag)) continue;
        name = named(names.language, tag, isShort);
        if (name === undefined) continue;
        rest = left;
        break;
      }
    }
    name ??= named(names.language, language, isShort);
    if (name === undefined) return undefined;
    const details = [];
    if (rest.includes(script) && script !== "") details.push(named(names.script, script) ?? script);
    if (rest.includes(region) && region !== "") {
      details.push(named(names.region, region, isShort) ?? region);
    }
    for (const variant of variants) details.push(names.variant[variant] ?? variant.toUpperCase());
    if (details.length === 0) return name;
    const list = details.reduce((all, one) =>
      names.pattern.localeSeparator.replace("{0}", () => all).replace("{1}", () => one)
    );
    const inner = list.replaceAll("(", "[").replaceAll(")", "]");
    return names.pattern.localePattern.replace("{0}", () => name).replace("{1}", () => inner);
  };

  const NAMED = objectOf({
    language: languageName,
    region(slots, code) {
      if (!/^(?:[a-z]{2}|\d{3})$/i.test(code)) refuse("the region", code);
      const names = textsOf(slots.dataLocale, "names").region;
      return named(names, code.toUpperCase(), slots.style !== "long");
    },
    script(slots, code) {
      if (!/^[a-z]{4}$/i.test(code)) refuse("the script", code);
      const names = textsOf(slots.dataLocale, "names").script;
      const script = code[0].toUpperCase() + code.slice(1).toLowerCase();
      return names[script];
    },
    currency(slots, code) {
      if (!/^[a-z]{3}$/i.test(code)) refuse("the currency", code);
      const names = textsOf(slots.dataLocale, "currency")[code.toUpperCase()];
      return names?.[0];
    },
    calendar(slots, code) {
      if (!/^[a-z0-9]{3,8}(?:-[a-z0-9]{3,8})*$/i.test(code)) refuse("the calendar", code);
      const names = textsOf(slots.dataLocale, "names").calendar;
      const name = code.toLowerCase();
      return names[
        name === "gregory" ? "gregorian" : name === "ethioaa" ? "ethiopic-amete-alem" : name
      ];
    },
    dateTimeField(slots, code) {
      if (!FIELDS.includes(code)) refuse("the field", code);
      return textsOf(slots.dataLocale, "names").field[STYLES.indexOf(slots.style)][code];
    },
  });
  const canonicalCode = (type, code) => {
    switch (type) {
      case "language":
        return use("intl_tags").canonicalize(code);
      case "region":
      case "currency":
        return code.toUpperCase();
      case "script":
        return code[0].toUpperCase() + code.slice(1).toLowerCase();
      case "calendar":
        return code.toLowerCase();
      default:
        return code;
    }
  };

  class DisplayNames {
    constructor(locales, options) {
      brand(this);
      const slots = objectOf({});
      const requested = canonicalizeList(locales);
      if (options === undefined) throw new TypeError("DisplayNames needs options, with a type");
      options = optionsObject(options);
      matcher(options);
      slots.style = option(options, "style", ["narrow", "short", "long"], "long");
      slots.type = option(options, "type", TYPES);
      if (slots.type === undefined) throw new TypeError("DisplayNames needs the option type");
      slots.fallback = option(options, "fallback", ["code", "none"], "code");
      const resolved = resolve(requested, {}, objectOf({}));
      slots.locale = resolved.locale;
      slots.dataLocale = resolved.dataLocale;
      const display = option(options, "languageDisplay", ["dialect", "standard"], "dialect");
      if (slots.type === "language") slots.languageDisplay = display;
      displays.set(this, slots);
    }
    of(code) {
      const slots = displays.slotsOf(this);
      const text = `${code}`;
      const name = NAMED[slots.type](slots, text);
      if (name !== undefined || slots.fallback === "none") return name;
      return canonicalCode(slots.type, text);
    }
    resolvedOptions() {
      const slots = displays.slotsOf(this);
      const names = ["locale", "style", "type", "fallback"];
      return shown(slots, slots.type === "language" ? [...names, "languageDisplay"] : names);
    }
  }
  define(DisplayNames, "DisplayNames", {});

  return { ListFormat, RelativeTimeFormat, DisplayNames };
};
