// Intl.Collator (ECMA-402), and String.prototype's functions that know languages. The order itself is
// native (csrc/collate.c).
export default ({ brand, intlCollation, intlCollationBits, intlCollations, intlCompare, use }) => {
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
  const ABOVE = "\u0307";
  // The marks of a letter, up to one above it.
  const isAbove = /^[^\p{L}]*[\u0300\u0301\u0303\u0307\u0308]/u;

  const lowerTurkic = (text) =>
    text.replace(/I([^\p{L}\p{N}\u0307]*)\u0307/gu, "i$1").replaceAll("İ", "i").replaceAll("I", "ı")
      .toLowerCase();
  const upperTurkic = (text) => text.replaceAll("i", "İ").toUpperCase();
  const lowerLithuanian = (text) => {
    let made = "";
    for (let i = 0; i < text.length; i++) {
      const letter = text[i];
      if ("IJĮ".includes(letter)) {
        made += letter.toLowerCase();
        if (isAbove.test(text.slice(i + 1, i + 8)) && /^\p{M}/u.test(text.slice(i + 1))) {
          made += ABOVE;
        }
      } else if (letter === "Ì") made += "i\u0307\u0300";
      else if (letter === "Í") made += "i\u0307\u0301";
      else if (letter === "Ĩ") made += "i\u0307\u0303";
      else made += letter;
    }
    return made.toLowerCase();
  };
  const upperLithuanian = (text) =>
    text.replace(/([ij\u012f\u1e2d\u1ecb\u0268\u0249])((?:(?!\u0307)\p{M})*)\u0307/gu, "$1$2")
      .toUpperCase();
  // Without the accents of Greek, but for a diaeresis that keeps two vowels apart.
  const upperGreek = (text) => {
    let made = "";
    let isAccented = false; // the vowel before
    for (const written of text.match(/\P{M}\p{M}*|\p{M}+/gu) ?? []) {
      const part = written.normalize("NFD");
      const [letter] = part;
      const isVowel = /[αεηιουω]/i.test(letter);
      if (!/\p{Script=Greek}/u.test(letter)) {
        made += written.toUpperCase();
        isAccented = false;
        continue;
      }
      const hasDiaeresis = part.includes("\u0308") || isAccented && /[ιυ]/i.test(letter);
      const rest = part.slice(1).replace(
        /[\u0300\u0301\u0304\u0306\u0313\u0314\u0342\u0343\u0345]/g,
        "",
      );
      made += (letter + rest.replaceAll("\u0308", "") + (hasDiaeresis ? "\u0308" : "")).normalize(
        "NFC",
      )
        .toUpperCase();
      isAccented = isVowel && /[\u0301\u0342\u0300]/.test(part) && !part.includes("\u0308");
    }
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
