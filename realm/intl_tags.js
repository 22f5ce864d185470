// Language tags in their canonical form (UTS #35, ECMA-402 6.2), Intl.Locale, and the lists that
// Intl.supportedValuesOf gives.
export default ({ brand, intlCollations, use }) => {
  const {
    anyOptions,
    common,
    define,
    isObject,
    objectOf,
    option,
    hasTexts,
    refuse,
    textsOf,
  } = use("intl");

  const invalid = (tag) => new RangeError(`"${tag}" is no language tag`);
  const LANGUAGE = /^(?:[a-z]{2,3}|[a-z]{5,8})$/;
  const SCRIPT = /^[a-z]{4}$/;
  const REGION = /^(?:[a-z]{2}|\d{3})$/;
  const VARIANT = /^(?:[a-z0-9]{5,8}|\d[a-z0-9]{3})$/;

  // --- parsing: everything in lower case -----------------------------------------------------

  // The language, script, region and variants from `at` on, or undefined.
  const parseLanguage = (parts, at) => {
    if (at >= parts.length || !LANGUAGE.test(parts[at])) return undefined;
    const found = { language: parts[at++], script: "", region: "", variants: [], at: 0 };
    if (at < parts.length && SCRIPT.test(parts[at])) found.script = parts[at++];
    if (at < parts.length && REGION.test(parts[at])) found.region = parts[at++];
    while (at < parts.length && VARIANT.test(parts[at])) {
      if (found.variants.includes(parts[at])) return undefined;
      found.variants.push(parts[at++]);
    }
    found.at = at;
    return found;
  };

  const parse = (tag) => {
    const text = tag.toLowerCase();
    // What lower case makes of letters beyond ASCII is no part of a tag, but may look like one.
    if (!/^[a-z0-9]+(?:-[a-z0-9]+)*$/i.test(tag)) throw invalid(tag);
    const parts = text.split("-");
    const found = parseLanguage(parts, 0);
    if (found === undefined) throw invalid(tag);
    let { at } = found;
    const extensions = objectOf({});
    let privateUse = "";
    while (at < parts.length) {
      const single = parts[at++];
      if (single.length !== 1) throw invalid(tag);
      const from = at;
      if (single === "x") {
        if (at === parts.length || parts.slice(at).some((part) => part.length > 8)) {
          throw invalid(tag);
        }
        privateUse = parts.slice(at).join("-");
        break;
      }
      if (extensions[single] !== undefined) throw invalid(tag);
      while (at < parts.length && parts[at].length > 1) {
        if (parts[at].length > 8) throw invalid(tag);
        at++;
      }
      if (at === from) throw invalid(tag);
      extensions[single] = parts.slice(from, at);
    }
    if (extensions.u !== undefined) extensions.u = parseUnicode(extensions.u, tag);
    if (extensions.t !== undefined) extensions.t = parseTransform(extensions.t, tag);
    return { ...found, extensions, privateUse };
  };

  const parseUnicode = (parts, tag) => {
    const attributes = [];
    const keywords = [];
    for (const part of parts) {
      if (part.length === 2) {
        if (!/^[a-z0-9][a-z]$/.test(part)) throw invalid(tag);
        keywords.push({ key: part, type: [] });
      } else if (keywords.length > 0) keywords.at(-1).type.push(part);
      else attributes.push(part);
    }
    return { attributes, keywords };
  };

  const parseTransform = (parts, tag) => {
    let at = 0;
    let language;
    if (!/^[a-z]\d$/.test(parts[0])) {
      language = parseLanguage(parts, 0);
      if (language === undefined) throw invalid(tag);
      ({ at } = language);
    }
    const fields = [];
    while (at < parts.length) {
      const key = parts[at++];
      if (!/^[a-z]\d$/.test(key)) throw invalid(tag);
      const from = at;
      while (at < parts.length && parts[at].length > 2) at++;
      if (at === from) throw invalid(tag);
      fields.push({ key, value: parts.slice(from, at) });
    }
    return { language, fields };
  };

  // --- canonical form ------------------------------------------------------------------------

  let compound; // the aliases of more than a language
  const compoundAliases = () =>
    compound ??= Object.entries(common("aliases").language).filter(([from]) => from.includes("-"))
      .flatMap(([from, to]) => {
        const rule = parseLanguage(from.toLowerCase().split("-"), 0);
        const isWhole = rule?.at === from.split("-").length;
        return !isWhole || to.includes(" ") ? [] : [{ ...rule, to }];
      }).sort((a, b) =>
        b.variants.length - a.variants.length || (a.language === "und") - (b.language === "und")
      );

  const likelyOf = (tag) => {
    const list = common("likely");
    const at = list.indexOf(`\n${tag}=`);
    if (at === -1) return undefined;
    const from = at + tag.length + 2;
    return list.slice(from, list.indexOf("\n", from)).split("-");
  };

  const upper = (script) => script && script[0].toUpperCase() + script.slice(1);

  const canonicalLanguage = (found) => {
    const aliases = common("aliases");
    let { language, script, region, variants } = found;
    for (let changes = 0; changes < 8; changes++) {
      const rule = region === "" && variants.length === 0
        ? undefined
        : compoundAliases().find((of) =>
          (of.language === "und" || of.language === language) &&
          (of.script === "" || of.script === script) &&
          (of.region === "" || of.region === region) &&
          of.variants.every((variant) => variants.includes(variant))
        );
      let to;
      if (rule !== undefined) {
        to = parseLanguage(rule.to.toLowerCase().split("-"), 0);
        if (rule.language !== "und") language = to.language;
        if (rule.script !== "") script = "";
        if (rule.region !== "") region = "";
        variants = variants.filter((variant) => !rule.variants.includes(variant));
        for (const variant of to.variants) if (!variants.includes(variant)) variants.push(variant);
      } else if (Object.hasOwn(aliases.language, language)) {
        to = parseLanguage(aliases.language[language].toLowerCase().split("-"), 0);
        language = to.language;
      }
      if (to === undefined) break;
      if (script === "") script = to.script;
      if (region === "") region = to.region;
    }
    script = upper(script);
    if (Object.hasOwn(aliases.script, script)) script = aliases.script[script];
    region = region.toUpperCase();
    if (region !== "" && Object.hasOwn(aliases.region, region)) {
      const regions = aliases.region[region].split(" ");
      [region] = regions;
      if (regions.length > 1) {
        const likely = likelyOf(`${language}-${script}`) ?? likelyOf(language) ??
          likelyOf(`und-${script}`);
        if (likely !== undefined && regions.includes(likely[2])) region = likely[2];
      }
    }
    variants = variants.map((variant) => aliases.variant[variant] ?? variant);
    return { language, script, region, variants: [...new Set(variants)].sort() };
  };
  const languageTag = ({ language, script, region, variants }) =>
    [language, script, region, ...variants].filter((part) => part !== "").join("-");

  const canonicalType = (key, type) => {
    const aliases = common("aliases");
    if (key === "rg" || key === "sd") {
      let to = aliases.subdivision[type];
      if (to === undefined) return type;
      [to] = to.toLowerCase().split(" ");
      return /^(?:[a-z]{2}|\d{3})$/.test(to) ? `${to}zzzz` : to;
    }
    const types = aliases.type[key];
    const to = types !== undefined && Object.hasOwn(types, type) ? types[type] : type;
    return to === "true" ? "" : to;
  };

  const byKey = (a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
  const unicodeText = ({ attributes, keywords }) => {
    const parts = [...new Set(attributes)].sort();
    const seen = new Set();
    const first = keywords.filter(({ key }) => !seen.has(key) && seen.add(key));
    for (const { key, type } of first.sort(byKey)) {
      parts.push(key);
      const canonical = canonicalType(key, type.join("-"));
      if (canonical !== "") parts.push(canonical);
    }
    return parts.join("-");
  };
  const transformText = ({ language, fields }) => {
    const parts = [];
    if (language !== undefined) parts.push(languageTag(canonicalLanguage(language)).toLowerCase());
    for (const { key, value } of [...fields].sort(byKey)) {
      const text = value.join("-");
      parts.push(key, key === "m0" && text === "names" ? "prprname" : text);
    }
    return parts.join("-");
  };

  const textOf = (found) => {
    let text = languageTag(found);
    for (const single of Object.keys(found.extensions).sort()) {
      const extension = found.extensions[single];
      const written = single === "u"
        ? unicodeText(extension)
        : single === "t"
        ? transformText(extension)
        : extension.join("-");
      if (written !== "") text += `-${single}-${written}`;
    }
    return found.privateUse === "" ? text : `${text}-x-${found.privateUse}`;
  };
  const canonical = (found) => ({ ...found, ...canonicalLanguage(found) });
  const canonicalize = (tag) => textOf(canonical(parse(tag)));

  // --- likely subtags ------------------------------------------------------------------------

  const maximize = ({ language, script, region }) => {
    const tries = [];
    for (const own of language === "und" ? ["und"] : [language, "und"]) {
      if (script !== "" && region !== "") tries.push(`${own}-${script}-${region}`);
      if (region !== "") tries.push(`${own}-${region}`);
      if (script !== "") tries.push(`${own}-${script}`);
      if (own === language) tries.push(own);
    }
    for (const tag of tries) {
      const likely = likelyOf(tag);
      if (likely === undefined) continue;
      return {
        language: language === "und" ? likely[0] : language,
        script: script || likely[1],
        region: region || likely[2],
      };
    }
    return { language, script, region };
  };
  const minimize = (found) => {
    const most = maximize(found);
    const same = (other) => {
      const of = maximize(other);
      return of.language === most.language && of.script === most.script &&
        of.region === most.region;
    };
    const { language, script, region } = most;
    for (
      const trial of [
        { language, script: "", region: "" },
        { language, script: "", region },
        { language, script, region: "" },
      ]
    ) if (same(trial)) return trial;
    return most;
  };

  // --- Intl.Locale ---------------------------------------------------------------------------

  const locales = new WeakMap();
  const slotsOf = (object) => {
    const slots = locales.get(object);
    if (slots !== undefined) return slots;
    throw new TypeError("this is no Intl.Locale");
  };

  const WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
  const TYPE = /^[a-z0-9]{3,8}(?:-[a-z0-9]{3,8})*$/i;
  const subtag = (options, name, pattern) => {
    const value = option(options, name);
    if (value !== undefined && !pattern.test(value.toLowerCase())) refuse(name, value);
    return value?.toLowerCase();
  };

  class Locale {
    constructor(tag, options = undefined) {
      brand(this);
      if (typeof tag !== "string" && !isObject(tag)) {
        throw new TypeError("a locale is a text or an object");
      }
      const of = isObject(tag) && locales.has(tag) ? locales.get(tag).tag : `${tag}`;
      options = anyOptions(options);
      const found = canonical(parse(of));
      const language = subtag(options, "language", LANGUAGE);
      const script = subtag(options, "script", SCRIPT);
      const region = subtag(options, "region", REGION);
      let variants = option(options, "variants");
      if (variants !== undefined) {
        variants = variants.toLowerCase().split("-");
        if (
          variants.some((variant) => !VARIANT.test(variant)) ||
          new Set(variants).size !== variants.length
        ) refuse("variants", variants.join("-"));
      }
      if (language !== undefined) found.language = language;
      if (script !== undefined) found.script = script;
      if (region !== undefined) found.region = region;
      if (variants !== undefined) found.variants = variants;
      found.script = found.script.toLowerCase();
      found.region = found.region.toLowerCase();
      Object.assign(found, canonicalLanguage(found));
      const unicode = found.extensions.u ??= { attributes: [], keywords: [] };
      const keyword = (key, value) => {
        if (value === undefined) return;
        unicode.keywords = unicode.keywords.filter((of) => of.key !== key);
        unicode.keywords.push({ key, type: value === "" ? [] : value.split("-") });
      };
      const typed = (key, name) => {
        const value = option(options, name);
        if (value !== undefined && !TYPE.test(value)) refuse(name, value);
        keyword(key, value?.toLowerCase());
      };
      typed("ca", "calendar");
      typed("co", "collation");
      let first = option(options, "firstDayOfWeek");
      if (first !== undefined) {
        if (/^[0-7]$/.test(first)) first = WEEKDAYS[Number(first) % 7];
        if (!TYPE.test(first)) refuse("firstDayOfWeek", first);
        keyword("fw", first.toLowerCase());
      }
      keyword("hc", option(options, "hourCycle", ["h11", "h12", "h23", "h24"]));
      keyword("kf", option(options, "caseFirst", ["upper", "lower", "false"]));
      const { numeric } = options;
      if (numeric !== undefined) keyword("kn", numeric ? "" : "false");
      typed("nu", "numberingSystem");
      if (unicode.keywords.length === 0 && unicode.attributes.length === 0) {
        delete found.extensions.u;
      }
      locales.set(this, slotsFor(textOf(found)));
    }
    maximize() {
      return changed(slotsOf(this), maximize);
    }
    minimize() {
      return changed(slotsOf(this), minimize);
    }
    toString() {
      return slotsOf(this).tag;
    }
    get baseName() {
      return languageTag(slotsOf(this).found);
    }
    get calendar() {
      return slotsOf(this).keywords.ca;
    }
    get caseFirst() {
      return slotsOf(this).keywords.kf;
    }
    get collation() {
      return slotsOf(this).keywords.co;
    }
    get firstDayOfWeek() {
      return slotsOf(this).keywords.fw;
    }
    get hourCycle() {
      return slotsOf(this).keywords.hc;
    }
    get numberingSystem() {
      return slotsOf(this).keywords.nu;
    }
    get numeric() {
      return ["", "true"].includes(slotsOf(this).keywords.kn);
    }
    get language() {
      return slotsOf(this).found.language;
    }
    get script() {
      return slotsOf(this).found.script || undefined;
    }
    get region() {
      return slotsOf(this).found.region || undefined;
    }
    get variants() {
      return slotsOf(this).found.variants.join("-") || undefined;
    }
    getCalendars() {
      const slots = slotsOf(this);
      if (slots.keywords.ca !== undefined) return [slots.keywords.ca];
      return calendarsOf(preferenceOf(slots));
    }
    getCollations() {
      const { keywords, found } = slotsOf(this);
      if (keywords.co !== undefined) return [keywords.co];
      return collationsOf(languageTag(found));
    }
    getHourCycles() {
      const slots = slotsOf(this);
      if (slots.keywords.hc !== undefined) return [slots.keywords.hc];
      return hourCyclesOf(slots.found.language, preferenceOf(slots));
    }
    getNumberingSystems() {
      const { keywords, found } = slotsOf(this);
      if (keywords.nu !== undefined) return [keywords.nu];
      let tag = languageTag({ ...found, variants: [] });
      while (!hasTexts(tag)) {
        const at = tag.lastIndexOf("-");
        if (at === -1) return ["latn"];
        tag = tag.slice(0, at);
      }
      return [textsOf(tag, "number").nu];
    }
    getTimeZones() {
      const { found } = slotsOf(this);
      return found.region === "" ? undefined : zonesOf(found.region);
    }
    getTextInfo() {
      const { script } = maximize(slotsOf(this).found);
      return { direction: RIGHT_TO_LEFT.includes(script) ? "rtl" : "ltr" };
    }
    getWeekInfo() {
      const slots = slotsOf(this);
      const { first, start, end } = common("week");
      const region = preferenceOf(slots);
      const own = WEEKDAYS.indexOf(slots.keywords.fw ?? "");
      const of = (days) => WEEKDAYS.indexOf(days[region] ?? days["001"]) || 7;
      const weekend = [];
      for (let day = of(start);; day = day % 7 + 1) {
        weekend.push(day);
        if (day === of(end)) break;
      }
      return {
        firstDay: own === -1 ? of(first) : own || 7,
        weekend: weekend.sort((a, b) => a - b),
      };
    }
  }
  define(Locale, "Locale", {});
  delete Locale.supportedLocalesOf;

  const RIGHT_TO_LEFT =
    ("Adlm Arab Armi Avst Chrs Cprt Elym Hatr Hebr Hung Khar Lydi Mand Mani Mend Merc Mero Narb " +
      "Nbat Nkoo Orkh Ougr Palm Phli Phlp Phnx Prti Rohg Samr Sarb Sogd Sogo Syrc Thaa Yezi")
      .split(" ");
  const slotsFor = (tag) => {
    const found = parse(tag);
    const keywords = objectOf({});
    for (const { key, type } of found.extensions.u?.keywords ?? []) {
      keywords[key] ??= type.join("-");
    }
    found.script = upper(found.script);
    found.region = found.region.toUpperCase();
    return { tag, found, keywords };
  };
  const changed = ({ found }, change) => {
    const { language, script, region } = change(found);
    const made = Object.create(Locale.prototype);
    brand(made);
    locales.set(made, slotsFor(textOf({ ...found, language, script, region })));
    return made;
  };
  const regionOf = (found) => found.region || maximize(found).region || "001";
  // Of whom the preferences are: the extensions rg and sd may name another region.
  const preferenceOf = ({ found, keywords }) => {
    const override = /^([a-z]{2}|\d{3})zzzz$/.exec(keywords.rg ?? "")?.[1];
    const subdivision = /^([a-z]{2}|\d{3})[a-z0-9]+$/.exec(keywords.sd ?? "")?.[1];
    return override?.toUpperCase() ??
      (found.region || subdivision?.toUpperCase() || regionOf(found));
  };
  // The tag of an Intl.Locale, undefined of anything else.
  const localeTag = (object) => locales.get(object)?.tag;

  // --- what there is -------------------------------------------------------------------------

  const CALENDARS = ["gregory", "iso8601"];
  const calendarsOf = (region) => {
    const list = (common("calendars")[region] ?? common("calendars")["001"])
      .map((name) => canonicalType("ca", name));
    const known = list.filter((name) => CALENDARS.includes(name));
    return known.length > 0 ? known : ["gregory"];
  };
  const collationsOf = (tag) => [...new Set(use("intl_collator").typesOf(tag))].sort();
  const HOURS = objectOf({ h: "h12", H: "h23", K: "h11", k: "h24" });
  // The preferred one.
  const hourCyclesOf = (language, region) => {
    const hours = common("hours");
    return [HOURS[(hours[`${language}-${region}`] ?? hours[region] ?? hours["001"])[0]]];
  };

  // The country of a zone, by CLDR's short name of it, which begins with that, but for three; ""
  // where it has none.
  const COUNTRIES = objectOf({ jeruslm: "IL", gazastrp: "PS", hebron: "PS" });
  const countryOf = (id) =>
    COUNTRIES[id] ?? (/^[a-z]{5,}$/.test(id) ? id.slice(0, 2).toUpperCase() : "");
  const zonesOf = (region) =>
    Object.entries(common("zones")).filter(([id]) => countryOf(id) === region)
      .map(([, names]) => names.split(" ")[0]).sort();

  const LISTS = objectOf({
    calendar: () => [...CALENDARS],
    collation: () => [...new Set(intlCollations(""))].sort(),
    currency: () => [...common("currencies")],
    numberingSystem: () => Object.keys(common("digits")).sort(),
    timeZone: () => use("intl_date").zoneNames(),
    unit: () => [...use("intl_number").UNITS].sort(),
  });
  const supportedValuesOf = (key) => {
    const list = LISTS[`${key}`];
    if (list === undefined) {
      throw new RangeError(`"${key}" is none of ${Object.keys(LISTS).join(", ")}`);
    }
    return list();
  };

  return {
    Locale,
    CALENDARS,
    calendarsOf,
    canonicalType,
    canonicalize,
    collationsOf,
    countryOf,
    hourCyclesOf,
    localeTag,
    maximize,
    parse: (tag) => canonical(parse(tag)),
    languageTag,
    regionOf,
    supportedValuesOf,
    zonesOf,
  };
};
