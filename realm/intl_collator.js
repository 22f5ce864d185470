// Intl.Collator (ECMA-402), and String.prototype's functions that know languages. The order itself is
// native (csrc/collate.c).
export default (
  { brand, intlCollation, intlCollationBits, intlCollations, intlCompare, intlMarkClass, use },
) => {
  const {
    anyOptions,
    booleanOption,
    cacheOf,
    canonicalizeList,
    define,
    defaultLocale,
    matcher,
    objectOf,
    option,
    resolve,
    typeOption,
  } = use("intl");

  // --- collations ----------------------------------------------------------------------------

  // The number of the order of a locale, of that type.
  const numberOf = (locale, type) => {
    const parts = locale.split("-");
    const suffix = type === "default" ? "" : ` ${type}`;
    if (parts[0] === "zh") {
      const isTraditional = parts.includes("Hant") ||
        !parts.includes("Hans") && ["TW", "HK", "MO"].some((region) => parts.includes(region));
      const order = suffix === "" ? isTraditional ? " stroke" : " pinyin" : suffix;
      for (const script of ["und-Hani", isTraditional ? "und-Hant" : "und-Hans", "zh"]) {
        const found = intlCollation(`${script}${order}`);
        if (found !== -1) return found;
      }
    }
    const language = parts[0] === "nb" || parts[0] === "nn" ? "no" : parts[0];
    const tags = [locale, parts.slice(0, 2).join("-"), parts[0], language, "und"];
    for (const tag of tags) {
      const found = intlCollation(tag + suffix);
      if (found !== -1) return found;
    }
    return -1;
  };
  const typesOf = (locale) => {
    const [language] = locale.split("-");
    return intlCollations(language === "zh" ? "und-Hani" : language);
  };

  // --- Collator ------------------------------------------------------------------------------

  const collators = new WeakMap();
  const slotsOf = (object) => {
    const slots = collators.get(object);
    if (slots !== undefined) return slots;
    throw new TypeError("this is no Intl.Collator");
  };

  // As csrc/collate.c has them.
  const STRENGTHS = objectOf({ base: 0, accent: 1, case: 0, variant: 2 });
  const CASE_LEVEL = 4, NUMERIC = 8, SHIFTED = 16, CASE_FIRST = 32, UPPER_FIRST = 64;
  // What an order has by itself: ICU4X's CollationMetadata.
  const OWN_SHIFTED = 1 << 8, OWN_CASE_FIRST = 1 << 9, OWN_UPPER_FIRST = 1 << 10;

  const read = (locales, options) => {
    const slots = objectOf({});
    const requested = canonicalizeList(locales);
    options = anyOptions(options);
    slots.usage = option(options, "usage", ["sort", "search"], "sort");
    matcher(options);
    const co = typeOption(options, "collation");
    const numeric = booleanOption(options, "numeric", undefined);
    const caseFirst = option(options, "caseFirst", ["upper", "lower", "false"]);
    const ownOf = (locale) => intlCollationBits(numberOf(locale, "default"));
    const resolved = resolve(
      requested,
      {
        co: (locale) => ["default", ...typesOf(locale)],
        kn: () => ["false", "true"],
        kf: (locale) => {
          const bits = ownOf(locale);
          const own = !(bits & OWN_CASE_FIRST)
            ? "false"
            : bits & OWN_UPPER_FIRST
            ? "upper"
            : "lower";
          return [own, "false", "lower", "upper"];
        },
      },
      objectOf({ co, kn: numeric === undefined ? undefined : `${numeric}`, kf: caseFirst }),
    );
    slots.locale = resolved.locale;
    slots.collation = resolved.co;
    slots.numeric = resolved.kn === "true";
    slots.caseFirst = resolved.kf;
    slots.sensitivity = option(
      options,
      "sensitivity",
      ["base", "accent", "case", "variant"],
      "variant",
    );
    slots.number = numberOf(resolved.dataLocale, slots.collation);
    const own = intlCollationBits(slots.number);
    slots.ignorePunctuation = booleanOption(options, "ignorePunctuation", !!(own & OWN_SHIFTED));
    let flags = STRENGTHS[slots.sensitivity];
    if (slots.sensitivity === "case") flags |= CASE_LEVEL;
    if (slots.numeric) flags |= NUMERIC;
    if (slots.ignorePunctuation) flags |= SHIFTED;
    if (slots.caseFirst !== "false") flags |= CASE_FIRST;
    if (slots.caseFirst === "upper") flags |= UPPER_FIRST;
    slots.flags = flags;
    return slots;
  };

  const begin = (object, locales, options) => {
    brand(object);
    collators.set(object, read(locales, options));
    return object;
  };
  function Collator(locales = undefined, options = undefined) {
    return begin(
      new.target === undefined ? Object.create(Collator.prototype) : this,
      locales,
      options,
    );
  }
  define(Collator, "Collator", {
    get compare() {
      const slots = slotsOf(this);
      const { number, flags } = slots;
      slots.bound ??= Object.defineProperty(
        (a, b) => intlCompare(number, flags, `${a}`, `${b}`),
        "name",
        { value: "" },
      );
      return slots.bound;
    },
    resolvedOptions() {
      const slots = slotsOf(this);
      const result = objectOf({});
      for (
        const name of [
          "locale",
          "usage",
          "sensitivity",
          "ignorePunctuation",
          "collation",
          "numeric",
          "caseFirst",
        ]
      ) result[name] = slots[name];
      return { ...result };
    },
  });

  const collatorOf = cacheOf(read);
  const compareInLocale = (a, b, locales, options) => {
    const { number, flags } = collatorOf(locales, options);
    return intlCompare(number, flags, a, b);
  };

  // --- cases ---------------------------------------------------------------------------------

  const languageOf = (locales) => {
    const [tag = defaultLocale()] = canonicalizeList(locales);
    return tag.split("-")[0];
  };
  const ABOVE = "\u0307"; // a dot
  // Where the first mark above a letter is that ends at `at`, or -1 (the standard's More_Above).
  const markAbove = (text, at) => {
    while (at < text.length) {
      const point = text.codePointAt(at);
      const place = intlMarkClass(point);
      if (place === 230) return at;
      if (place === 0) return -1;
      at += point > 0xffff ? 2 : 1;
    }
    return -1;
  };
  const hasDot = (text, at) => at !== -1 && text[at] === ABOVE;

  const lowerTurkic = (text) => {
    let made = "";
    for (let i = 0; i < text.length; i++) {
      const letter = text[i];
      if (letter === "İ") made += "i";
      else if (letter !== "I") made += letter;
      else {
        const mark = markAbove(text, i + 1);
        if (hasDot(text, mark)) {
          made += "i" + text.slice(i + 1, mark);
          i = mark;
        } else made += "ı";
      }
    }
    return made.toLowerCase();
  };
  const upperTurkic = (text) => text.replaceAll("i", "İ").toUpperCase();
  const DOTTED = objectOf({ "Ì": "i\u0307\u0300", "Í": "i\u0307\u0301", "Ĩ": "i\u0307\u0303" });
  const lowerLithuanian = (text) => {
    let made = "";
    for (let i = 0; i < text.length; i++) {
      const letter = text[i];
      made += DOTTED[letter] ?? letter;
      if ("IJĮ".includes(letter) && markAbove(text, i + 1) !== -1) made += ABOVE;
    }
    return made.toLowerCase();
  };
  const upperLithuanian = (text) => {
    let made = "";
    let dot = -1; // of a letter that has one in lower case
    for (let i = 0; i < text.length; i++) {
      if (i !== dot) made += text[i];
      if (/^\p{Soft_Dotted}/u.test(String.fromCodePoint(text.codePointAt(i)))) {
        const end = i + (text.codePointAt(i) > 0xffff ? 2 : 1);
        const mark = markAbove(text, end);
        if (hasDot(text, mark)) dot = mark;
      }
    }
    return made.toUpperCase();
  };
  // Without the accents of Greek, but for a diaeresis that keeps two vowels apart, and that of the
  // word "or".
  const upperGreek = (text) => {
    const parts = text.match(/\P{M}\p{M}*|\p{M}+/gu) ?? [];
    let made = "";
    let isAccented = false; // the vowel before
    parts.forEach((written, i) => {
      const part = written.normalize("NFD");
      const [letter] = part;
      if (!/\p{Script=Greek}/u.test(letter)) {
        made += written.toUpperCase();
        isAccented = false;
        return;
      }
      const form = written === written.normalize("NFC") ? "NFC" : "NFD";
      const hasAccent = /[\u0300\u0301\u0342]/.test(part);
      const isWord = !/^\p{L}/u.test(parts[i - 1] ?? "") && !/^\p{L}/u.test(parts[i + 1] ?? "");
      const hasDiaeresis = part.includes("\u0308") || isAccented && /[ιυ]/i.test(letter);
      let marks = part.slice(1).replace(
        /[\u0300\u0301\u0304\u0306\u0308\u0313\u0314\u0342\u0343]/g,
        "",
      );
      if (hasDiaeresis) marks = `\u0308${marks}`;
      if (/η/i.test(letter) && hasAccent && isWord && marks === "") marks = "\u0301";
      made += (letter + marks).normalize(form).toUpperCase();
      isAccented = hasAccent && /[αεηιουω]/i.test(letter) && !part.includes("\u0308");
    });
    return made;
  };

  const LOWER = objectOf({ tr: lowerTurkic, az: lowerTurkic, lt: lowerLithuanian });
  const UPPER = objectOf({ tr: upperTurkic, az: upperTurkic, lt: upperLithuanian, el: upperGreek });

  return {
    Collator,
    compareInLocale,
    toLocaleLower(text, locales) {
      const special = LOWER[languageOf(locales)];
      return special === undefined ? text.toLowerCase() : special(text);
    },
    toLocaleUpper(text, locales) {
      const special = UPPER[languageOf(locales)];
      return special === undefined ? text.toUpperCase() : special(text);
    },
    typesOf,
  };
};
