// What the parts of Intl share (ECMA-402): locales, options, the texts of locales. Each part is a
// unit of its own, so that plural rules don't read the names of months.
export default ({ use, intlHas, intlPiece }) => {
  const objectOf = (fields) => Object.setPrototypeOf(fields, null);
  // Whatever the class's Symbol.hasInstance says.
  const { isPrototypeOf } = Object.prototype;
  const isInstance = (Class, value) => Reflect.apply(isPrototypeOf, Class.prototype, [value]);
  const isObject = (value) =>
    typeof value === "object" && value !== null || typeof value === "function";

  // --- texts ---------------------------------------------------------------------------------

  // As scripts/intl.mjs packed it: a region's texts are what differs from its parent's.
  const merge = (into, changes) => {
    for (const key of Object.keys(changes)) {
      const change = changes[key];
      if (change === null) delete into[key];
      else if (isObject(change) && !Array.isArray(change) && isObject(into[key])) {
        into[key] = merge(into[key], change);
      } else into[key] = change;
    }
    return into;
  };
  // What is made by name, and kept while there are few: a task may go through all languages.
  const keeper = (most, make) => {
    const kept = new Map();
    return (name, ...rest) => {
      let found = kept.get(name);
      if (found === undefined) {
        found = make(name, ...rest);
        if (kept.size >= most) kept.clear();
        kept.set(name, found);
      }
      return found;
    };
  };
  const keptTexts = keeper(30, (_name, locale, piece) => {
    const layers = intlPiece(locale, piece); // the outermost parent's first
    const found = layers[0];
    for (let i = 1; i < layers.length; i++) merge(found, layers[i]);
    return found;
  });
  const textsOf = (locale, piece) => keptTexts(`${locale} ${piece}`, locale, piece);
  // What is of no one locale.
  const common = (piece) => textsOf("", piece);

  // --- locales -------------------------------------------------------------------------------

  // Most tags are in their canonical form, and no alias: those of which there are texts.
  const canonicalize = (tag) => intlHas(tag) ? tag : use("intl_tags").canonicalize(tag);

  const canonicalizeList = (locales) => {
    if (locales === undefined) return [];
    if (typeof locales === "string") return [canonicalize(locales)];
    const tagOf = use("intl_tags").localeTag;
    if (isObject(locales) && tagOf(locales) !== undefined) return [tagOf(locales)];
    const list = Object(locales);
    if (locales === null) throw new TypeError("null is no list of locales");
    const seen = new Set();
    const length = Math.min(Math.max(Math.trunc(Number(list.length)) || 0, 0), 2 ** 53 - 1);
    for (let i = 0; i < length; i++) {
      if (!(i in list)) continue;
      const value = list[i];
      if (typeof value !== "string" && !isObject(value)) {
        throw new TypeError(`a locale is a text or an object, not ${typeof value}`);
      }
      const tag = isObject(value) && tagOf(value) || canonicalize(`${value}`);
      seen.add(tag);
    }
    return [...seen];
  };

  // What of a tag there are texts for: ECMA-402's BestAvailableLocale.
  const bestAvailable = (tag) => {
    let candidate = tag;
    while (!intlHas(candidate)) {
      let at = candidate.lastIndexOf("-");
      if (at === -1) return undefined;
      if (at >= 2 && candidate[at - 2] === "-") at -= 2;
      candidate = candidate.slice(0, at);
    }
    return candidate;
  };

  const withoutUnicode = (tag) => {
    const at = tag.indexOf("-u-");
    if (at === -1 || tag.indexOf("-x-") !== -1 && tag.indexOf("-x-") < at) return [tag, ""];
    const rest = /^-u(?:-[a-z0-9]{2,8})+/.exec(tag.slice(at))[0];
    return [tag.slice(0, at) + tag.slice(at + rest.length), rest];
  };
  // The types of an extension's keywords, by key.
  const keywordsOf = (extension) => {
    const found = objectOf({});
    let key;
    for (const part of extension.split("-").slice(2)) {
      if (part.length === 2) {
        key = found[part] === undefined ? part : "";
        if (key !== "") found[key] = "";
      } else if (key) found[key] += found[key] === "" ? part : `-${part}`;
    }
    return found;
  };

  let fallback;
  const defaultLocale = () => fallback ??= bestAvailable(intlPiece("", "default")) ?? "en-US";

  // ECMA-402's ResolveLocale. `keys` maps a key to what it may be for a locale, of which the first is
  // the default; `options` has what was asked for beside the tag.
  const resolve = (requested, keys, options) => {
    let locale;
    let extension = "";
    for (const tag of requested) {
      const [plain, own] = withoutUnicode(tag);
      locale = bestAvailable(plain);
      if (locale !== undefined) {
        extension = own;
        break;
      }
    }
    locale ??= defaultLocale();
    const result = objectOf({ locale, dataLocale: locale });
    const asked = extension === "" ? undefined : keywordsOf(extension);
    let kept = "";
    for (const key of Object.keys(keys)) {
      const types = keys[key](locale);
      let value = types[0];
      let shown = "";
      let type = asked?.[key];
      if (type !== undefined) {
        if (type === "") type = "true";
        if (types.includes(type)) {
          value = type;
          shown = type === "true" ? `-${key}` : `-${key}-${type}`;
        }
      }
      let option = options[key];
      if (typeof option === "string") {
        option = option.toLowerCase();
        option = use("intl_tags").canonicalType(key, option);
        if (option === "") option = "true";
      }
      if (option !== undefined && option !== value && types.includes(option)) {
        value = option;
        shown = "";
      }
      result[key] = value;
      kept += shown;
    }
    if (kept !== "") result.locale = `${locale}-u${kept}`;
    return result;
  };

  // --- options -------------------------------------------------------------------------------

  const optionsObject = (options) => {
    if (options === undefined) return Object.create(null);
    if (isObject(options)) return options;
    throw new TypeError("the options are no object");
  };
  const coerced = (options) => options === undefined ? Object.create(null) : Object(options);
  const anyOptions = (options) => {
    if (options === null) throw new TypeError("the options are null");
    return coerced(options);
  };

  const refuse = (name, value) => {
    throw new RangeError(`${name} can't be ${typeof value === "string" ? `"${value}"` : value}`);
  };
  const option = (options, name, values, otherwise) => {
    let value = options[name];
    if (value === undefined) return otherwise;
    value = `${value}`;
    if (values !== undefined && !values.includes(value)) refuse(name, value);
    return value;
  };
  const booleanOption = (options, name, otherwise) => {
    const value = options[name];
    return value === undefined ? otherwise : !!value;
  };
  const numberIn = (value, name, least, most, otherwise) => {
    if (value === undefined) return otherwise;
    value = +value; // which refuses BigInts
    if (!(value >= least && value <= most)) {
      throw new RangeError(`${name} is from ${least} to ${most}, not ${value}`);
    }
    return Math.floor(value);
  };
  const numberOption = (options, name, least, most, otherwise) =>
    numberIn(options[name], name, least, most, otherwise);
  const matcher = (options) => option(options, "localeMatcher", ["lookup", "best fit"], "best fit");
  const typeOption = (options, name) => {
    const value = option(options, name);
    if (value !== undefined && !/^[a-z0-9]{3,8}(?:-[a-z0-9]{3,8})*$/i.test(value)) {
      refuse(name, value);
    }
    return value;
  };

  const supportedLocalesOf = (locales, options) => {
    const requested = canonicalizeList(locales);
    matcher(anyOptions(options));
    return requested.filter((tag) => bestAvailable(withoutUnicode(tag)[0]) !== undefined);
  };

  // --- classes -------------------------------------------------------------------------------

  // Makes `members` (of an object literal, so that they are no constructors) those of a constructor.
  const define = (Class, name, members, statics = {}) => {
    const hidden = (object) => {
      const all = Object.getOwnPropertyDescriptors(object);
      for (const key of Reflect.ownKeys(all)) all[key].enumerable = false;
      return all;
    };
    Object.defineProperty(Class, "prototype", { writable: false });
    Object.defineProperties(Class.prototype, hidden(members));
    Object.defineProperty(Class.prototype, Symbol.toStringTag, {
      value: `Intl.${name}`,
      configurable: true,
    });
    Object.defineProperties(
      Class,
      hidden({
        supportedLocalesOf(locales, options = undefined) {
          return supportedLocalesOf(locales, options);
        },
        ...statics,
      }),
    );
  };

  // --- numbering systems ---------------------------------------------------------------------

  const digitsOf = (system) => common("digits")[system];
  // What a locale may count with; its own first.
  const systemsOf = (locale) => {
    const { nu, native } = textsOf(locale, "number");
    return {
      0: nu,
      includes: (system) =>
        system === nu || system === "latn" || system === native ||
        Object.hasOwn(common("digits"), system),
    };
  };

  // --- what to keep of what was made ---------------------------------------------------------

  // Formatters that toLocaleString and its kin make again and again: by locale, while there are
  // no options.
  const cacheOf = (make) => {
    const kept = keeper(50, make);
    return (locales, options) =>
      options !== undefined || locales !== undefined && typeof locales !== "string"
        ? make(locales, options)
        : kept(locales);
  };

  // "{0} of {1}" as a list: texts, and numbers for the places.
  const places = (pattern) =>
    pattern.split(/(\{\d\})/).filter((part) => part !== "").map((part) =>
      part.length === 3 && part[0] === "{" ? Number(part[1]) : part
    );

  return {
    hasTexts: intlHas,
    getCanonicalLocales(locales) {
      return canonicalizeList(locales);
    },
    supportedValuesOf(key) {
      return use("intl_tags").supportedValuesOf(key);
    },
    anyOptions,
    booleanOption,
    cacheOf,
    canonicalize,
    canonicalizeList,
    common,
    define,
    digitsOf,
    isInstance,
    isObject,
    keeper,
    matcher,
    numberIn,
    numberOption,
    objectOf,
    option,
    optionsObject,
    places,
    refuse,
    resolve,
    systemsOf,
    textsOf,
    typeOption,
    defaultLocale,
  };
};
