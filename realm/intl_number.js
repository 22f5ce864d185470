// Intl.NumberFormat and Intl.PluralRules (ECMA-402), and what else needs numbers as texts.
export default ({ brand, use }) => {
  const {
    cacheOf,
    canonicalizeList,
    anyOptions,
    common,
    define,
    digitsOf,
    isInstance,
    isObject,
    matcher,
    numberIn,
    numberOption,
    objectOf,
    option,
    places,
    refuse,
    resolve,
    systemsOf,
    textsOf,
    typeOption,
  } = use("intl");

  // --- decimals ------------------------------------------------------------------------------

  // A number as it is written: `digits` without zeros at either end, the point before the first of
  // them moved to the right by `point`; 0 has no digits and point 0. Rounding is exact. Of a Number
  // it is the shortest text that reads back as it, as everywhere: 1.005 is 1.005.
  const decimal = (negative, digits, point) => ({ negative, digits, point, special: undefined });
  const special = (negative, name) => ({ negative, digits: "", point: 0, special: name });

  const decimalOf = (negative, whole, fraction, exponent) => {
    let digits = whole + fraction;
    let point = whole.length + exponent;
    let from = 0;
    while (digits[from] === "0") from++;
    let to = digits.length;
    while (to > from && digits[to - 1] === "0") to--;
    digits = digits.slice(from, to);
    point -= from;
    return decimal(negative, digits, digits === "" ? 0 : point);
  };

  const ofNumber = (value) => {
    if (value !== value) return special(false, "nan");
    const negative = value < 0 || Object.is(value, -0);
    if (value === Infinity || value === -Infinity) return special(negative, "infinity");
    const text = `${negative ? -value : value}`;
    const e = text.indexOf("e");
    const mantissa = e === -1 ? text : text.slice(0, e);
    const dot = mantissa.indexOf(".");
    return dot === -1
      ? decimalOf(negative, mantissa, "", e === -1 ? 0 : Number(text.slice(e + 1)))
      : decimalOf(
        negative,
        mantissa.slice(0, dot),
        mantissa.slice(dot + 1),
        e === -1 ? 0 : Number(text.slice(e + 1)),
      );
  };
  const ofBigInt = (value) =>
    value < 0n ? decimalOf(true, `${-value}`, "", 0) : decimalOf(false, `${value}`, "", 0);

  const WRITTEN = /^([+-]?)(?:(\d+)\.?(\d*)|\.(\d+))(?:[eE]([+-]?\d+))?$/;
  const ofText = (text) => {
    const trimmed = text.trim();
    const written = WRITTEN.exec(trimmed);
    const near = Number(trimmed);
    if (written === null || near !== near || Math.abs(near) === Infinity) {
      return /^0[box]/i.test(trimmed) && near === near ? ofBigInt(BigInt(trimmed)) : ofNumber(near);
    }
    const [, sign, whole = "", fraction = "", only = "", exponent = "0"] = written;
    if (near === 0) return decimal(sign === "-", "", 0);
    return decimalOf(sign === "-", whole, fraction + only, Number(exponent));
  };
  // ECMA-402's ToIntlMathematicalValue.
  const toDecimal = (value) => {
    if (typeof value === "number") return ofNumber(value);
    if (isObject(value)) {
      // ToPrimitive with the hint "number", which nothing gives without a conversion.
      const exotic = value[Symbol.toPrimitive];
      if (exotic !== undefined && exotic !== null) {
        value = Reflect.apply(exotic, value, ["number"]);
      } else {
        for (const name of ["valueOf", "toString"]) {
          const method = value[name];
          if (typeof method !== "function") continue;
          const made = Reflect.apply(method, value, []);
          if (!isObject(made)) {
            value = made;
            break;
          }
        }
      }
      if (isObject(value)) throw new TypeError("the object has no primitive value");
    }
    if (typeof value === "bigint") return ofBigInt(value);
    if (typeof value === "string") return ofText(value);
    return ofNumber(Number(value));
  };

  // Whether what is cut off makes the rest one more. `half` compares it with a half.
  const roundsUp = (mode, negative, half, odd) => {
    switch (mode) {
      case "halfExpand":
        return half >= 0;
      case "halfEven":
        return half > 0 || half === 0 && odd;
      case "expand":
        return true;
      case "trunc":
        return false;
      case "ceil":
        return !negative;
      case "floor":
        return negative;
      case "halfTrunc":
        return half > 0;
      case "halfCeil":
        return half > 0 || half === 0 && !negative;
      default: // halfFloor
        return half > 0 || half === 0 && negative;
    }
  };

  const increment = (digits) => {
    let at = digits.length - 1;
    while (at >= 0 && digits[at] === "9") at--;
    return at === -1 ? "1" : digits.slice(0, at) + (Number(digits[at]) + 1);
  };
  const withoutZeros = (digits) => {
    let to = digits.length;
    while (to > 0 && digits[to - 1] === "0") to--;
    return digits.slice(0, to);
  };

  // With no more than `keep` digits.
  const roundAt = (number, keep, mode) => {
    const { negative, digits, point } = number;
    if (keep >= digits.length) return number;
    const next = keep < 0 ? "0" : digits[keep];
    const half = next > "5" ? 1 : next < "5" ? -1 : digits.length > keep + 1 ? 1 : 0;
    const head = keep > 0 ? digits.slice(0, keep) : "";
    const odd = head !== "" && (head.charCodeAt(head.length - 1) & 1) === 1;
    if (!roundsUp(mode, negative, half, odd)) {
      const rest = withoutZeros(head);
      return decimal(negative, rest, rest === "" ? 0 : point);
    }
    if (head === "") return decimal(negative, "1", point - keep + 1);
    const up = increment(head);
    return decimal(negative, withoutZeros(up), up === "1" && head[0] === "9" ? point + 1 : point);
  };

  // To a multiple of `step` units of the last place of a fraction.
  const roundToStep = (number, places, step, mode) => {
    const { negative, digits, point } = number;
    const whole = point + places; // how many digits count
    const units = whole <= 0 ? 0n : BigInt(digits.slice(0, whole).padEnd(whole, "0"));
    const more = whole < digits.length; // beyond
    const by = BigInt(step);
    const count = units / by;
    const rest = units % by;
    if (rest === 0n && !more) return number;
    const twice = rest * 2n;
    // What is beyond counts less than a unit, and a half step is a half unit or a whole number.
    let half = twice > by ? 1 : twice < by ? -1 : more ? 1 : 0;
    if (half === -1 && more && twice + 1n === by) {
      const next = digits[whole] ?? "0";
      half = whole < 0 || next < "5" ? -1 : next > "5" || digits.length > whole + 1 ? 1 : 0;
    }
    const rounded = roundsUp(mode, negative, half, (count & 1n) === 1n) ? count + 1n : count;
    const text = `${rounded * by}`;
    return decimalOf(negative, text, "", -places);
  };

  // --- digits, as options say ----------------------------------------------------------------

  const MODES = [
    "ceil",
    "floor",
    "expand",
    "trunc",
    "halfCeil",
    "halfFloor",
    "halfExpand",
    "halfTrunc",
    "halfEven",
  ];
  const STEPS = [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 2500, 5000];

  // ECMA-402's SetNumberFormatDigitOptions.
  const readDigits = (slots, options, leastDefault, mostDefault, isCompact) => {
    const leastWhole = numberOption(options, "minimumIntegerDigits", 1, 21, 1);
    let least = options.minimumFractionDigits;
    let most = options.maximumFractionDigits;
    let leastSignificant = options.minimumSignificantDigits;
    let mostSignificant = options.maximumSignificantDigits;
    slots.minimumIntegerDigits = leastWhole;
    const step = numberOption(options, "roundingIncrement", 1, 5000, 1);
    if (!STEPS.includes(step)) refuse("roundingIncrement", step);
    const mode = option(options, "roundingMode", MODES, "halfExpand");
    const priority = option(
      options,
      "roundingPriority",
      ["auto", "morePrecision", "lessPrecision"],
      "auto",
    );
    const zeros = option(options, "trailingZeroDisplay", ["auto", "stripIfInteger"], "auto");
    if (step !== 1) mostDefault = leastDefault;
    slots.roundingIncrement = step;
    slots.roundingMode = mode;
    slots.trailingZeroDisplay = zeros;
    const hasSignificant = leastSignificant !== undefined || mostSignificant !== undefined;
    const hasFraction = least !== undefined || most !== undefined;
    let needsSignificant = true;
    let needsFraction = true;
    if (priority === "auto") {
      needsSignificant = hasSignificant;
      if (hasSignificant || !hasFraction && isCompact) needsFraction = false;
    }
    if (needsSignificant) {
      if (hasSignificant) {
        leastSignificant = numberIn(leastSignificant, "minimumSignificantDigits", 1, 21, 1);
        mostSignificant = numberIn(
          mostSignificant,
          "maximumSignificantDigits",
          leastSignificant,
          21,
          21,
        );
      } else {
        leastSignificant = 1;
        mostSignificant = 21;
      }
      slots.minimumSignificantDigits = leastSignificant;
      slots.maximumSignificantDigits = mostSignificant;
    }
    if (needsFraction) {
      if (hasFraction) {
        least = numberIn(least, "minimumFractionDigits", 0, 100, undefined);
        most = numberIn(most, "maximumFractionDigits", 0, 100, undefined);
        if (least === undefined) least = Math.min(leastDefault, most);
        else if (most === undefined) most = Math.max(mostDefault, least);
        else if (least > most) {
          throw new RangeError(
            `minimumFractionDigits (${least}) is more than the maximum (${most})`,
          );
        }
      } else {
        least = leastDefault;
        most = mostDefault;
      }
      slots.minimumFractionDigits = least;
      slots.maximumFractionDigits = most;
    }
    if (!needsSignificant && !needsFraction) {
      slots.minimumFractionDigits = slots.maximumFractionDigits = 0;
      slots.minimumSignificantDigits = 1;
      slots.maximumSignificantDigits = 2;
      slots.roundingType = "morePrecision";
      slots.roundingPriority = "morePrecision";
    } else if (priority !== "auto") {
      slots.roundingType = slots.roundingPriority = priority;
    } else {
      slots.roundingType = hasSignificant ? "significantDigits" : "fractionDigits";
      slots.roundingPriority = "auto";
    }
    if (step !== 1) {
      if (slots.roundingType !== "fractionDigits") {
        throw new TypeError("roundingIncrement goes with fraction digits only");
      }
      if (slots.minimumFractionDigits !== slots.maximumFractionDigits) {
        throw new RangeError("roundingIncrement needs as many fraction digits at least as at most");
      }
    }
  };

  const bySignificant = (slots, number) => {
    const { maximumSignificantDigits: most, minimumSignificantDigits: least } = slots;
    const rounded = roundAt(number, most, slots.roundingMode);
    const point = rounded.digits === "" ? 1 : rounded.point;
    return { rounded, least: Math.max(least - point, 0), magnitude: point - most };
  };
  const byFraction = (slots, number) => {
    const { maximumFractionDigits: most, roundingIncrement: step } = slots;
    const rounded = step === 1
      ? roundAt(number, number.point + most, slots.roundingMode)
      : roundToStep(number, most, step, slots.roundingMode);
    return { rounded, least: slots.minimumFractionDigits, magnitude: -most };
  };

  // What is written of a finite number: the rounded one, its whole part and its fraction.
  const write = (slots, number) => {
    let chosen;
    if (slots.roundingType === "fractionDigits") chosen = byFraction(slots, number);
    else if (slots.roundingType === "significantDigits") chosen = bySignificant(slots, number);
    else {
      const significant = bySignificant(slots, number);
      const fraction = byFraction(slots, number);
      const isFractionFiner = significant.magnitude > fraction.magnitude;
      chosen = (slots.roundingType === "morePrecision") === isFractionFiner
        ? fraction
        : significant;
      // Compact notation's own default keeps no zeros.
    }
    const { rounded, least } = chosen;
    const { digits, point } = rounded;
    let whole = point > 0 ? digits.slice(0, point).padEnd(point, "0") : "0";
    let fraction = point > 0 ? digits.slice(point) : digits && "0".repeat(-point) + digits;
    if (fraction.length < least) fraction = fraction.padEnd(least, "0");
    if (slots.trailingZeroDisplay === "stripIfInteger" && withoutZeros(fraction) === "") {
      fraction = "";
    }
    if (whole.length < slots.minimumIntegerDigits) {
      whole = whole.padStart(slots.minimumIntegerDigits, "0");
    }
    return { rounded, whole, fraction };
  };

  // --- plurals -------------------------------------------------------------------------------

  // The operands of CLDR's rules, of what is written.
  const operandsOf = (whole, fraction, compact) => {
    const shown = withoutZeros(fraction);
    return objectOf({
      n: Number(`${whole}.${fraction || 0}`),
      i: Number(whole),
      v: fraction.length,
      w: shown.length,
      f: Number(fraction || 0),
      t: Number(shown || 0),
      c: compact,
      e: compact,
    });
  };
  // "n % 10 = 3..4,9 and i != 1 or …" as a function of the operands.
  const ruleOf = (text) => {
    const either = text.split(" or ").map((all) =>
      all.split(" and ").map((relation) => {
        const [, operand, , modulus, not, ranges] = /^([nivwftce])(?: (%) (\d+))? (!?=) ([\d.,]+)$/
          .exec(relation.trim());
        const list = ranges.split(",").map((range) => range.split("..").map(Number));
        return (operands) => {
          const value = modulus === undefined ? operands[operand] : operands[operand] % modulus;
          const isIn = list.some(([from, to = from]) =>
            value >= from && value <= to && (from === to || Math.floor(value) === value)
          );
          return isIn === (not === "=");
        };
      })
    );
    return (operands) => either.some((all) => all.every((relation) => relation(operands)));
  };
  const rules = new Map();
  // The category of what is written, "one" for example.
  const pluralOf = (locale, type, whole, fraction, compact = 0) => {
    const name = `${locale} ${type}`;
    let list = rules.get(name);
    if (list === undefined) {
      const texts = textsOf(locale, "plural")[type];
      list = Object.keys(texts).filter((key) => key !== "other").map((key) => ({
        key,
        holds: ruleOf(texts[key]),
      }));
      rules.set(name, list);
    }
    if (list.length === 0) return "other";
    const operands = operandsOf(whole, fraction, compact);
    for (const { key, holds } of list) if (holds(operands)) return key;
    return "other";
  };
  // The text of what is counted.
  const formOf = (forms, plural) =>
    typeof forms === "string" ? forms : forms[plural] ?? forms.other;

  // --- patterns ------------------------------------------------------------------------------

  // "¤#,##0.00" as a list of [type, text]; "number" stands for the digits.
  const KINDS = objectOf({
    "-": "minusSign",
    "+": "plusSign",
    "%": "percentSign",
    "¤": "currency",
  });
  const affix = (text) => {
    const parts = [];
    let literal = "";
    let isQuoted = false;
    for (const letter of text) {
      if (letter === "'") isQuoted = !isQuoted;
      else if (!isQuoted && KINDS[letter] !== undefined) {
        if (literal !== "") parts.push(["literal", literal]);
        literal = "";
        if (letter === "¤" && parts.at(-1)?.[0] === "currency") continue;
        parts.push([KINDS[letter], letter]);
      } else literal += letter;
    }
    if (literal !== "") parts.push(["literal", literal]);
    return parts;
  };
  const halfOf = (text) => {
    const found = /[#0@][#0@,.]*/.exec(text);
    return found === null ? { before: affix(text), number: "", after: [] } : {
      before: affix(text.slice(0, found.index)),
      number: found[0],
      after: affix(text.slice(found.index + found[0].length)),
    };
  };
  const parsed = new Map();
  const patternOf = (text) => {
    let pattern = parsed.get(text);
    if (pattern === undefined) {
      const at = text.indexOf(";");
      pattern = { plain: halfOf(at === -1 ? text : text.slice(0, at)), negative: undefined };
      if (at !== -1) pattern.negative = halfOf(text.slice(at + 1));
      parsed.set(text, pattern);
    }
    return pattern;
  };
  // How many digits the first group has, and the others.
  const groupsOf = (text) => {
    const whole = patternOf(text).plain.number.split(".")[0];
    const last = whole.lastIndexOf(",");
    if (last === -1) return undefined;
    const before = whole.lastIndexOf(",", last - 1);
    const first = whole.length - last - 1;
    return { first, other: before === -1 ? first : last - before - 1 };
  };

  const hasSign = (half) =>
    half.before.some(([type]) => type === "minusSign") ||
    half.after.some(([type]) => type === "minusSign");
  const isLetter = (text) => /^\p{L}$/u.test(text);

  // --- NumberFormat --------------------------------------------------------------------------

  const formats = new WeakMap();
  const slotsOf = (object) => {
    const slots = formats.get(object);
    if (slots !== undefined) return slots;
    throw new TypeError("this is no Intl.NumberFormat");
  };
  const fallback = Symbol("IntlLegacyConstructedSymbol");
  // Of old, `Intl.NumberFormat.call(object)` made a format of it.
  const unwrapped = (object) => {
    if (!formats.has(object) && isInstance(NumberFormat, object)) {
      object = object[fallback];
    }
    slotsOf(object);
    return object;
  };

  const UNITS = new Set(
    ("acre bit byte celsius centimeter day degree fahrenheit fluid-ounce foot gallon gigabit " +
      "gigabyte gram hectare hour inch kilobit kilobyte kilogram kilometer liter megabit megabyte " +
      "meter microsecond mile mile-scandinavian milliliter millimeter millisecond minute month " +
      "nanosecond ounce percent petabyte pound second stone terabit terabyte week yard year")
      .split(" "),
  );
  const isUnit = (unit) => {
    if (UNITS.has(unit)) return true;
    const at = unit.indexOf("-per-");
    return at !== -1 && UNITS.has(unit.slice(0, at)) && UNITS.has(unit.slice(at + 5));
  };
  const currencyDigits = (currency) => common("fractions")[currency] ?? 2;

  const readOptions = (slots, locales, options) => {
    const requested = canonicalizeList(locales);
    options = anyOptions(options);
    matcher(options);
    const nu = typeOption(options, "numberingSystem");
    const resolved = resolve(requested, { nu: systemsOf }, objectOf({ nu }));
    slots.locale = resolved.locale;
    slots.dataLocale = resolved.dataLocale;
    slots.numberingSystem = resolved.nu;
    const style = slots.style = option(
      options,
      "style",
      ["decimal", "percent", "currency", "unit"],
      "decimal",
    );
    const currency = option(options, "currency");
    if (currency === undefined) {
      if (style === "currency") throw new TypeError('style: "currency" needs the currency');
    } else if (!/^[a-z]{3}$/i.test(currency)) refuse("currency", currency);
    const currencyDisplay = option(
      options,
      "currencyDisplay",
      ["code", "symbol", "narrowSymbol", "name"],
      "symbol",
    );
    const currencySign = option(options, "currencySign", ["standard", "accounting"], "standard");
    const unit = option(options, "unit");
    if (unit === undefined) {
      if (style === "unit") throw new TypeError('style: "unit" needs the unit');
    } else if (!isUnit(unit)) refuse("unit", unit);
    const unitDisplay = option(options, "unitDisplay", ["short", "narrow", "long"], "short");
    if (style === "currency") {
      slots.currency = currency.toUpperCase();
      slots.currencyDisplay = currencyDisplay;
      slots.currencySign = currencySign;
    }
    if (style === "unit") {
      slots.unit = unit;
      slots.unitDisplay = unitDisplay;
    }
    const notation = slots.notation = option(
      options,
      "notation",
      ["standard", "scientific", "engineering", "compact"],
      "standard",
    );
    let least = 0;
    let most = style === "percent" ? 0 : 3;
    if (style === "currency" && notation === "standard") {
      least = most = currencyDigits(slots.currency);
    }
    readDigits(slots, options, least, most, notation === "compact");
    const compactDisplay = option(options, "compactDisplay", ["short", "long"], "short");
    let grouping = "auto";
    if (notation === "compact") {
      slots.compactDisplay = compactDisplay;
      grouping = "min2";
    }
    let use = options.useGrouping;
    if (use === undefined) use = grouping;
    else if (use === true) use = "always";
    else if (!use) use = false;
    else {
      use = `${use}`;
      if (use === "true" || use === "false") use = grouping;
      else if (!["min2", "auto", "always"].includes(use)) refuse("useGrouping", use);
    }
    slots.useGrouping = use;
    slots.signDisplay = option(
      options,
      "signDisplay",
      ["auto", "never", "always", "exceptZero", "negative"],
      "auto",
    );
  };

  // What is looked up once for each format.
  const prepare = (slots) => {
    const texts = textsOf(slots.dataLocale, "number");
    const { numberingSystem: system, style, notation } = slots;
    const own = texts.systems[system];
    const symbols = own ?? texts.systems.latn;
    slots.symbols = symbols;
    if (own === undefined && (system === "arab" || system === "arabext")) {
      slots.symbols = objectOf({
        ...symbols,
        decimal: "٫",
        group: "٬",
        percent: system === "arab" ? "٪؜" : "٪",
        minus: system === "arab" ? "؜-" : "‎-‎",
        plus: system === "arab" ? "؜+" : "‎+‎",
        exponential: system === "arab" ? "اس" : "×۱۰^",
        nan: "NaN",
      });
    }
    slots.digits = system === "latn" ? undefined : [...digitsOf(system)];
    slots.leastGroup = slots.useGrouping === "always"
      ? 1
      : slots.useGrouping === "min2"
      ? Math.max(2, texts.grouping)
      : texts.grouping;
    slots.pattern = symbols.standard;
    slots.decimalSign = slots.symbols.decimal;
    slots.groupSign = slots.symbols.group;
    if (style === "percent") slots.pattern = symbols.percentPattern;
    else if (style === "currency") {
      const names = textsOf(slots.dataLocale, "currency")[slots.currency] ?? [];
      const display = slots.currencyDisplay;
      slots.decimalSign = symbols.currencyDecimal ?? slots.decimalSign;
      slots.groupSign = symbols.currencyGroup ?? slots.groupSign;
      if (display === "name") {
        slots.names = names[1] || names[0] || slots.currency;
      }
      const text = display === "code" || display === "name"
        ? slots.currency
        : display === "narrowSymbol"
        ? names[3] || names[2] || slots.currency
        : names[2] || slots.currency;
      slots.currencyText = text;
      const isAccounting = slots.currencySign === "accounting" && slots.signDisplay !== "never";
      const pattern = isAccounting ? "accounting" : "currency";
      if (display !== "name") slots.pattern = symbols[pattern];
      // A letter beside a digit is kept apart.
      const { before } = patternOf(slots.pattern).plain;
      const letters = [...text];
      const beside = before.some(([type]) => type === "currency") ? letters.at(-1) : letters[0];
      slots.isApart = beside !== undefined && isLetter(beside);
      slots.bare = slots.pattern;
      if (slots.isApart && display !== "name" && symbols[`${pattern}Alpha`] !== undefined) {
        slots.pattern = symbols[`${pattern}Alpha`];
      }
    } else if (style === "unit") {
      const of = textsOf(slots.dataLocale, "unit")[slots.unitDisplay];
      const at = slots.unit.indexOf("-per-");
      const whole = of[slots.unit];
      if (slots.unit === "percent" && slots.unitDisplay !== "long") {
        slots.unitForms = symbols.percentPattern.replace(/[#0,.]+/, "{0}")
          .replace("%", () => slots.symbols.percent);
      } else if (whole !== undefined) slots.unitForms = whole[0];
      else if (at !== -1) {
        const [above] = of[slots.unit.slice(0, at)];
        const below = of[slots.unit.slice(at + 5)];
        const per = below[1] || of.per.replace(
          "{1}",
          () => formOf(below[0], "one").replace("{0}", "").trim(),
        );
        slots.unitForms = typeof above === "string"
          ? per.replace("{0}", () => above)
          : Object.fromEntries(
            Object.entries(above).map(([count, form]) => [count, per.replace("{0}", () => form)]),
          );
      }
    }
    slots.bare ??= slots.pattern; // of what is no digits, from which nothing is kept apart
    slots.groups = slots.useGrouping === false ? undefined : groupsOf(
      notation === "compact" ? symbols.standard : slots.pattern,
    );
    // What most numbers are: plain digits, of which format() makes a text without parts.
    slots.plain = style === "decimal" && notation === "standard" && slots.digits === undefined &&
      slots.signDisplay === "auto" && slots.symbols.minus;
  };

  const grouped = (slots, whole, sign) => {
    const { groups } = slots;
    if (groups === undefined || whole.length < groups.first + slots.leastGroup) return whole;
    let at = whole.length - groups.first;
    let text = whole.slice(at);
    while (at > groups.other) {
      text = whole.slice(at - groups.other, at) + sign + text;
      at -= groups.other;
    }
    return at > 0 ? whole.slice(0, at) + sign + text : text;
  };
  const inDigits = (slots, text) => {
    const { digits } = slots;
    if (digits === undefined) return text;
    let made = "";
    for (const digit of text) made += digits[digit];
    return made;
  };

  // Pushes type and text of each part of the digits.
  const pushDigits = (slots, parts, whole, fraction) => {
    const { groups } = slots;
    if (groups === undefined || whole.length < groups.first + slots.leastGroup) {
      parts.push("integer", inDigits(slots, whole));
    } else {
      const texts = [];
      let at = whole.length - groups.first;
      texts.push(whole.slice(at));
      for (; at > 0; at -= groups.other) {
        texts.push(whole.slice(Math.max(at - groups.other, 0), at));
      }
      for (let i = texts.length; i-- > 0;) {
        parts.push("integer", inDigits(slots, texts[i]));
        if (i > 0) parts.push("group", slots.groupSign);
      }
    }
    if (fraction !== "") {
      parts.push("decimal", slots.decimalSign, "fraction", inDigits(slots, fraction));
    }
  };

  const shifted = (number, by) =>
    number.digits === "" ? number : decimal(number.negative, number.digits, number.point + by);

  // The exponent of a notation for a number of that magnitude (the power of ten of its first digit),
  // and compact notation's forms.
  const exponentFor = (slots, magnitude) => {
    switch (slots.notation) {
      case "scientific":
        return { exponent: magnitude };
      case "engineering":
        return { exponent: Math.floor(magnitude / 3) * 3 };
      case "compact": {
        const { symbols, style, currencyDisplay } = slots;
        let list = slots.compactDisplay === "long" ? symbols.long : symbols.short;
        if (style === "currency" && currencyDisplay !== "name") {
          list = symbols.currencyShort;
          if (slots.isApart && symbols.currencyShortAlpha.some((form) => form !== null)) {
            list = symbols.currencyShortAlpha;
          }
        }
        if (magnitude < 3) return { exponent: 0 };
        const at = Math.min(magnitude, list.length + 2);
        const forms = list[at - 3];
        if (forms === null || forms === undefined) return { exponent: 0 };
        const other = formOf(forms, "other");
        const zeros = /0+/.exec(other);
        if (zeros === null || /^[0¤\s]*$/.test(other) && zeros[0].length === 1) {
          return { exponent: 0 };
        }
        return { exponent: at - zeros[0].length + 1, forms };
      }
      default:
        return { exponent: 0 };
    }
  };

  // Rounded and scaled, as the notation wants it.
  const scale = (slots, number) => {
    if (slots.notation === "standard") {
      return { ...write(slots, number), exponent: 0, forms: undefined };
    }
    const magnitude = number.digits === "" ? 0 : number.point - 1;
    let { exponent, forms } = exponentFor(slots, magnitude);
    let written = write(slots, shifted(number, -exponent));
    // 999,999 may have become 1,000 thousand.
    const now = written.rounded.digits === "" ? magnitude : written.rounded.point - 1 + exponent;
    if (now > magnitude) {
      const next = exponentFor(slots, now);
      if (next.exponent !== exponent) {
        ({ exponent, forms } = next);
        written = write(slots, shifted(number, -exponent));
      }
      forms = next.forms;
    }
    return { ...written, exponent, forms };
  };

  const signOf = (slots, number, rounded) => {
    const isZero = number.special === undefined && rounded.digits === "";
    const isNan = number.special === "nan";
    switch (slots.signDisplay) {
      case "never":
        return "";
      case "auto":
        return number.negative ? "-" : "";
      case "always":
        return number.negative ? "-" : "+";
      case "exceptZero":
        return isZero || isNan ? "" : number.negative ? "-" : "+";
      default: // negative
        return number.negative && !isZero ? "-" : "";
    }
  };

  // The parts of a number, as a flat list: type, text, type, text, …
  const partsOf = (slots, number) => {
    const { parts, plural } = innerParts(slots, number);
    return named(slots, parts, plural);
  };
  const innerParts = (slots, number, isAbout = false) => {
    const digits = [];
    let plural = "other";
    let rounded = number;
    let compact; // the form of compact notation
    if (number.special === "nan") digits.push("nan", slots.symbols.nan);
    else if (number.special !== undefined) digits.push("infinity", slots.symbols.infinity);
    else {
      const scaled = scale(slots, slots.style === "percent" ? shifted(number, 2) : number);
      const { forms } = scaled;
      ({ rounded } = scaled);
      pushDigits(slots, digits, scaled.whole, scaled.fraction);
      if (forms !== undefined) {
        compact = formOf(
          forms,
          pluralOf(slots.dataLocale, "cardinal", scaled.whole, scaled.fraction),
        );
      }
      if (slots.style === "unit" || slots.names !== undefined) {
        plural = pluralIn(slots, "cardinal", scaled);
      }
      if (slots.notation === "scientific" || slots.notation === "engineering") {
        digits.push("exponentSeparator", slots.symbols.exponential);
        if (scaled.exponent < 0) digits.push("exponentMinusSign", slots.symbols.minus);
        digits.push("exponentInteger", inDigits(slots, `${Math.abs(scaled.exponent)}`));
      }
    }
    const sign = signOf(slots, number, rounded);
    return { parts: around(slots, digits, sign, compact, isAbout), plural };
  };

  // The operands of a number with an exponent are those of the whole number: 1.2M is 1200000.
  const pluralIn = (slots, type, { whole, fraction, exponent }) => {
    if (exponent === 0) return pluralOf(slots.dataLocale, type, whole, fraction);
    if (exponent < 0) return pluralOf(slots.dataLocale, type, "0", whole + fraction, exponent);
    const all = (whole + fraction).padEnd(whole.length + exponent, "0");
    const point = whole.length + exponent;
    return pluralOf(slots.dataLocale, type, all.slice(0, point), all.slice(point), exponent);
  };

  // The digits with sign, currency, unit and whatever else a pattern has.
  const around = (slots, digits, sign, compact, isAbout) => {
    const { symbols } = slots;
    let text = digits[0] === "nan" || digits[0] === "infinity" ? slots.bare : slots.pattern;
    const isCompactCurrency = compact !== undefined && compact.includes("¤");
    if (isCompactCurrency) text = compact;
    const pattern = patternOf(text);
    let half = pattern.plain;
    let isSignSet = sign === "" && !isAbout;
    if (!isSignSet) {
      let signed = pattern.negative;
      if (isCompactCurrency && slots.currencySign === "accounting") {
        // The parentheses of the accounting pattern, around the short form.
        const model = patternOf(symbols.accounting).negative;
        if (
          sign === "-" && model !== undefined && !hasSign(model) &&
          /^\(/.test(model.before[0]?.[1] ?? "")
        ) {
          signed = {
            before: [["literal", "("], ...half.before],
            after: [...half.after, ["literal", ")"]],
          };
        }
      }
      if (signed !== undefined && (sign === "-" || hasSign(signed))) {
        half = signed;
        isSignSet = true;
      }
    }
    const parts = [];
    const pushSign = () => {
      if (isAbout) parts.push("approximatelySign", symbols.approximately);
      if (sign === "-") parts.push("minusSign", symbols.minus);
      else if (sign === "+") parts.push("plusSign", symbols.plus);
    };
    const pushAffix = (list) => {
      for (const [type, literal] of list) {
        switch (type) {
          case "minusSign":
          case "plusSign":
            pushSign();
            break;
          case "percentSign":
            parts.push("percentSign", symbols.percent);
            break;
          case "currency":
            parts.push("currency", slots.currencyText);
            break;
          default:
            if (isCompactCurrency) pushCompact(parts, literal);
            else parts.push("literal", literal);
        }
      }
    };
    if (!isSignSet) pushSign();
    pushAffix(half.before);
    if (!isCompactCurrency && compact !== undefined) {
      const inner = patternOf(compact).plain;
      for (const [, literal] of inner.before) pushCompact(parts, literal);
      parts.push(...digits);
      for (const [, literal] of inner.after) pushCompact(parts, literal);
    } else parts.push(...digits);
    pushAffix(half.after);
    return parts;
  };

  // With the unit, or the currency's name.
  const named = (slots, parts, plural) => {
    if (slots.style === "unit") return inUnit(slots, parts, plural);
    if (slots.names === undefined) return parts;
    const name = formOf(slots.names, plural);
    const made = [];
    for (const part of places(formOf(slots.symbols.currencyName, plural))) {
      if (part === 0) made.push(...parts);
      else if (part === 1) made.push("currency", name);
      else made.push("literal", part);
    }
    return made;
  };

  // " thousand" is a space and the word.
  const AROUND = /^([\s\u200e\u200f\u061c]*)(.*?)([\s\u200e\u200f\u061c]*)$/su;
  const pushCompact = (parts, literal) => {
    const [, before, word, after] = AROUND.exec(literal);
    if (before !== "") parts.push("literal", before);
    if (word !== "") parts.push("compact", word);
    if (after !== "") parts.push("literal", after);
  };

  const inUnit = (slots, parts, plural) => {
    const made = [];
    for (const part of places(formOf(slots.unitForms, plural))) {
      if (part === 0) made.push(...parts);
      else {
        const [, before, word, after] = AROUND.exec(part);
        if (before !== "") made.push("literal", before);
        if (word !== "") made.push("unit", word);
        if (after !== "") made.push("literal", after);
      }
    }
    return made;
  };

  const textOf = (parts) => {
    let text = "";
    for (let i = 1; i < parts.length; i += 2) text += parts[i];
    return text;
  };
  const listOf = (parts, more) => {
    const list = [];
    const add = (type, value) => {
      const last = list[list.length - 1];
      if (type === "literal" && last?.type === type) last.value += value;
      else list[list.length] = { type, value, ...more };
    };
    for (let i = 0; i < parts.length; i += 2) {
      const type = parts[i];
      // The marks of direction that a sign has are not the sign.
      const marked = type.endsWith("Sign") &&
        /^([\u200e\u200f\u061c]*)(.*?)([\u200e\u200f\u061c]*)$/su.exec(parts[i + 1]);
      if (!marked) {
        add(type, parts[i + 1]);
        continue;
      }
      if (marked[1] !== "") add("literal", marked[1]);
      add(type, marked[2]);
      if (marked[3] !== "") add("literal", marked[3]);
    }
    return list;
  };

  const formatDecimal = (slots, number) => {
    const { plain } = slots;
    if (plain !== false && plain !== undefined && number.special === undefined) {
      const { whole, fraction } = write(slots, number);
      const text = grouped(slots, whole, slots.groupSign);
      const all = fraction === "" ? text : text + slots.decimalSign + fraction;
      return number.negative ? plain + all : all;
    }
    return textOf(partsOf(slots, number));
  };

  // --- ranges --------------------------------------------------------------------------------

  const isDigits = (type) =>
    type === "integer" || type === "group" || type === "decimal" || type === "fraction" ||
    type === "nan" || type === "infinity" || type.startsWith("exponent");
  // Where the digits begin and end in a list of parts.
  const core = (parts) => {
    let from = 0;
    let to = parts.length;
    while (from < to && !isDigits(parts[from])) from += 2;
    while (to > from && !isDigits(parts[to - 2])) to -= 2;
    return [from, to];
  };

  // The space that keeps letters from digits doesn't count.
  const points = (slots, parts) => {
    let text = textOf(parts);
    if (slots.isApart) text = text.trim();
    return [...text].length;
  };
  const same = (a, b) => textOf(a) === textOf(b) && a.every((item, i) => i % 2 || item === b[i]);

  // What is around both ends is written once, if it is longer than a sign.
  const rangeParts = (slots, start, end) => {
    const whole = [partsOf(slots, start), partsOf(slots, end)];
    if (textOf(whole[0]) === textOf(whole[1])) {
      const { parts, plural } = innerParts(slots, start, true);
      return listOf(named(slots, parts, plural), { source: "shared" });
    }
    const inner = [innerParts(slots, start), innerParts(slots, end)];
    const ranges = textsOf(slots.dataLocale, "plural").ranges;
    const plural = ranges[`${inner[0].plural} ${inner[1].plural}`] ?? inner[1].plural;
    // The unit, or the currency's name.
    const outer = named(slots, ["", ""], plural);
    const isOuterShared = textOf(outer) !== "";
    let [first, last] = isOuterShared ? inner.map(({ parts }) => parts) : whole;
    const [firstFrom, firstTo] = core(first);
    const [lastFrom, lastTo] = core(last);
    const before = [first.slice(0, firstFrom), last.slice(0, lastFrom)];
    const after = [first.slice(firstTo), last.slice(lastTo)];
    const isShared = same(...before) && same(...after) &&
      points(slots, before[0]) + points(slots, after[0]) > 1;
    const hasAffix = !isShared && before[0].length + after[0].length > 0 ||
      first.includes("exponentSeparator");
    if (isShared) {
      first = first.slice(firstFrom, firstTo);
      last = last.slice(lastFrom, lastTo);
    }
    const list = [];
    if (isShared) list.push(...listOf(before[0], { source: "shared" }));
    for (const part of places(slots.symbols.range)) {
      if (part === 0) list.push(...listOf(first, { source: "startRange" }));
      else if (part === 1) list.push(...listOf(last, { source: "endRange" }));
      else {
        const value = hasAffix && part.trim() === part ? ` ${part} ` : part;
        list.push({ type: "literal", value, source: "shared" });
      }
    }
    if (isShared) list.push(...listOf(after[0], { source: "shared" }));
    if (!isOuterShared) return list;
    const at = outer.findIndex((type, i) => i % 2 === 0 && type === "");
    return [
      ...listOf(outer.slice(0, at), { source: "shared" }),
      ...list,
      ...listOf(outer.slice(at + 2), { source: "shared" }),
    ];
  };

  const rangeEnds = (start, end) => {
    if (start === undefined || end === undefined) throw new TypeError("a range has two ends");
    const ends = [toDecimal(start), toDecimal(end)];
    if (ends.some(({ special }) => special === "nan")) {
      throw new RangeError("an end of the range is NaN");
    }
    return ends;
  };

  // --- the classes ---------------------------------------------------------------------------

  const begin = (object, locales, options) => {
    brand(object);
    const slots = objectOf({});
    readOptions(slots, locales, options);
    prepare(slots);
    formats.set(object, slots);
    return object;
  };

  function NumberFormat(locales = undefined, options = undefined) {
    if (new.target !== undefined) return begin(this, locales, options);
    const made = begin(Object.create(NumberFormat.prototype), locales, options);
    if (isInstance(NumberFormat, this)) {
      Object.defineProperty(this, fallback, { value: made });
      return this;
    }
    return made;
  }

  const RESOLVED = [
    "locale",
    "numberingSystem",
    "style",
    "currency",
    "currencyDisplay",
    "currencySign",
    "unit",
    "unitDisplay",
    "minimumIntegerDigits",
    "minimumFractionDigits",
    "maximumFractionDigits",
    "minimumSignificantDigits",
    "maximumSignificantDigits",
    "useGrouping",
    "notation",
    "compactDisplay",
    "signDisplay",
    "roundingIncrement",
    "roundingMode",
    "roundingPriority",
    "trailingZeroDisplay",
  ];
  const resolvedOf = (slots, names) => {
    const result = objectOf({});
    for (const name of names) if (slots[name] !== undefined) result[name] = slots[name];
    return { ...result };
  };

  define(NumberFormat, "NumberFormat", {
    resolvedOptions() {
      return resolvedOf(slotsOf(unwrapped(this)), RESOLVED);
    },
    get format() {
      const slots = slotsOf(unwrapped(this));
      slots.bound ??= Object.defineProperty(
        (value) => formatDecimal(slots, toDecimal(value)),
        "name",
        { value: "" },
      );
      return slots.bound;
    },
    formatToParts(value) {
      const slots = slotsOf(this);
      return listOf(partsOf(slots, toDecimal(value)));
    },
    formatRange(start, end) {
      const slots = slotsOf(this);
      const parts = rangeParts(slots, ...rangeEnds(start, end));
      let text = "";
      for (const { value } of parts) text += value;
      return text;
    },
    formatRangeToParts(start, end) {
      const slots = slotsOf(this);
      return rangeParts(slots, ...rangeEnds(start, end));
    },
  });

  const plurals = new WeakMap();
  const rulesOf = (object) => {
    const slots = plurals.get(object);
    if (slots !== undefined) return slots;
    throw new TypeError("this is no Intl.PluralRules");
  };
  const select = (slots, number) => {
    if (number.special !== undefined) return { plural: "other", text: number.special };
    const scaled = scale(slots, number);
    return {
      plural: pluralIn(slots, slots.type, scaled),
      text: `${number.negative}${scaled.whole}.${scaled.fraction} ${scaled.exponent}`,
    };
  };

  class PluralRules {
    constructor(locales = undefined, options = undefined) {
      brand(this);
      const slots = objectOf({});
      const requested = canonicalizeList(locales);
      options = anyOptions(options);
      matcher(options);
      slots.type = option(options, "type", ["cardinal", "ordinal"], "cardinal");
      slots.notation = option(
        options,
        "notation",
        ["standard", "compact", "scientific", "engineering"],
        "standard",
      );
      const compactDisplay = option(options, "compactDisplay", ["short", "long"], "short");
      if (slots.notation === "compact") slots.compactDisplay = compactDisplay;
      readDigits(
        slots,
        options,
        0,
        slots.notation === "compact" ? 0 : 3,
        slots.notation === "compact",
      );
      const resolved = resolve(requested, {}, objectOf({}));
      slots.locale = resolved.locale;
      slots.dataLocale = resolved.dataLocale;
      const { nu, systems } = textsOf(slots.dataLocale, "number");
      slots.symbols = systems[nu];
      plurals.set(this, slots);
    }
    select(value) {
      return select(rulesOf(this), ofNumber(+value)).plural;
    }
    selectRange(start, end) {
      const slots = rulesOf(this);
      if (start === undefined || end === undefined) throw new TypeError("a range has two ends");
      const ends = [+start, +end];
      if (ends[0] !== ends[0] || ends[1] !== ends[1]) {
        throw new RangeError("an end of the range is NaN");
      }
      const [first, last] = ends.map((value) => select(slots, ofNumber(value)));
      if (first.text === last.text) return first.plural;
      const { ranges } = textsOf(slots.dataLocale, "plural");
      return ranges[`${first.plural} ${last.plural}`] ?? last.plural;
    }
    resolvedOptions() {
      const slots = rulesOf(this);
      const result = resolvedOf(slots, [
        "locale",
        "type",
        "notation",
        "compactDisplay",
        "minimumIntegerDigits",
        "minimumFractionDigits",
        "maximumFractionDigits",
        "minimumSignificantDigits",
        "maximumSignificantDigits",
      ]);
      const known = Object.keys(textsOf(slots.dataLocale, "plural")[slots.type]);
      const pluralCategories = ["zero", "one", "two", "few", "many", "other"].filter((category) =>
        category === "other" || known.includes(category)
      );
      const { roundingIncrement, roundingMode, roundingPriority, trailingZeroDisplay } = slots;
      return {
        ...result,
        pluralCategories,
        roundingIncrement,
        roundingMode,
        roundingPriority,
        trailingZeroDisplay,
      };
    }
  }
  define(PluralRules, "PluralRules", {});

  const formatOf = cacheOf((locales, options) =>
    slotsOf(begin(Object.create(NumberFormat.prototype), locales, options))
  );

  return {
    NumberFormat,
    PluralRules,
    UNITS,
    // Number.prototype.toLocaleString, and BigInt's.
    numberToLocale: (value, locales, options) =>
      formatDecimal(
        formatOf(locales, options),
        typeof value === "bigint" ? ofBigInt(value) : ofNumber(value),
      ),
    // For other units: a format's slots, and what they make.
    formatOf,
    listOf,
    ofNumber,
    partsOf,
    formOf,
    // The category of a number as a format writes it.
    pluralIn: (slots, number) => pluralIn(slots, "cardinal", scale(slots, number)),
  };
};
