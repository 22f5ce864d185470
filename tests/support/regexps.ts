/**
 * Regular expressions at random, and what they match in texts at random.
 *
 * {@linkcode matches} runs in a task and in the host, so it uses nothing from around it. Where V8 is
 * known not to do as the standard says, it makes none of these: modifiers (`(?-i:[b])` matches
 * `"B"`), strings of one character in a class with the flags `iv`, and matches that begin inside of
 * a surrogate pair.
 *
 * @module
 */

/** One text for each of `count` expressions: source, flags, and what comes of them. */
export function matches(seed: number, count: number): string[] {
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d);
    mixed ^= mixed >>> 12;
    return (mixed >>> 0) % below;
  };
  const pick = <T>(list: readonly T[]): T => list[random(list.length)];

  // Letters that differ in case in ways of their own, and few of them, so that they meet.
  const few = ["a", "b", "c", "A"];
  const many = [..."abcABkKsSiIzZéÉßẞſıİµμσςΣǄǅǆ1_ -\n\u212a", "\ud83d"];
  const astral = ["😀", "𐐀", "𐐨"];
  let [flags, letters, groups] = ["", few, 0];
  let names: string[] = [];
  const has = (flag: string): boolean => flags.includes(flag);
  const unicode = (): boolean => has("u") || has("v");

  const letter = (): string => {
    const c = pick(letters);
    return c === "\n" ? "\\n" : c;
  };
  const property = (): string => pick(["\\p{Lu}", "\\P{Lu}", "\\p{Ll}", "\\p{L}", "\\P{AHex}"]);
  const escape = (): string => pick(["\\w", "\\W", "\\d", "\\D", "\\s", "\\S"]);
  const strings = (): string =>
    pick(has("i") ? ["\\q{}", "\\q{ab|KS}"] : ["\\q{}", "\\q{ab|a}", "\\q{KS|k}", "\\q{a|ab|B|}"]);
  const inClass = (depth: number): string => {
    switch (random(8)) {
      case 0:
        return escape();
      case 1:
        return unicode() ? property() : letter();
      case 2:
        return pick(["a-c", "A-z", "k-s", "b-ß", "Z-é"]);
      case 3:
        return has("v") && depth < 2 ? characterClass(depth + 1) : letter();
      case 4:
        return has("v") ? strings() : letter();
      default:
        return letter().replace("-", "\\-");
    }
  };
  const characterClass = (depth: number): string => {
    let text = random(3) === 0 ? "[^" : "[";
    if (has("v") && random(3) === 0) {
      const operation = pick(["--", "&&"]);
      const operand = (): string =>
        depth < 2 && random(2) === 0
          ? characterClass(depth + 1)
          : pick([letter().replace("-", "\\-"), escape(), property(), strings()]);
      text += operand();
      for (let i = random(3); i >= 0; i--) text += operation + operand();
    } else {
      for (let i = random(4); i >= 0; i--) text += inClass(depth);
    }
    return `${text}]`;
  };
  const atom = (depth: number): string => {
    switch (depth > 2 ? random(10) : random(18)) {
      case 0:
      case 1:
      case 2:
        return characterClass(0);
      case 3:
        return pick([".", "\\w", "\\W", "\\b", "\\B", "^", "$"]);
      case 4:
      case 5:
        if (names.length > 0 && random(4) === 0) return `\\k<${pick(names)}>`;
        return groups > 0 ? `\\${1 + random(groups)}(?:)` : letter();
      case 10:
      case 11:
      case 12:
        groups++;
        return `(${disjunction(depth + 1)})`;
      case 13: {
        const name = `n${groups++}`;
        names.push(name);
        return `(?<${name}>${disjunction(depth + 1)})`;
      }
      case 14:
      case 15:
        return `(?:${disjunction(depth + 1)})`;
      case 16:
      case 17:
        return `${pick(["(?=", "(?!", "(?<=", "(?<!"])}${disjunction(depth + 1)})`;
      default:
        return letter();
    }
  };
  const sequence = (depth: number): string => {
    let text = "";
    for (let i = random(3); i >= 0; i--) {
      const one = atom(depth);
      const repeatable = !/^(?:\\b|\\B|\^|\$|\(\?[=!]|\(\?<[=!])/.test(one);
      text += one;
      if (repeatable && random(3) === 0) {
        text += pick(["*", "+", "?", "*?", "+?", "??", "{2}", "{0,2}", "{1,3}?", "{2,}", "{0}"]);
      }
    }
    return text;
  };
  const disjunction = (depth: number): string => {
    let text = sequence(depth);
    while (random(3) === 0) text += `|${random(6) === 0 ? "" : sequence(depth)}`;
    return text;
  };

  const all: string[] = [];
  while (all.length < count) {
    state = Math.imul(seed + all.length, 0x9e3779b1); // so that each can be told by itself
    letters = random(2) === 0 ? few : many;
    flags = `d${pick(["", "i", "u", "iu", "v", "iv"])}${pick(["", "m", "s"])}${
      pick(["", "g", "y"])
    }`;
    groups = 0;
    names = [];
    const source = disjunction(0);
    const found: unknown[] = [source, flags];
    try {
      const made = new RegExp(source, flags);
      for (let i = 0; i < 4; i++) {
        const texts = unicode() ? letters : [...letters, ...astral];
        let text = "";
        for (let length = random(9); length > 0; length--) text += pick(texts);
        made.lastIndex = random(3);
        const match = made.exec(text);
        const where = match?.indices?.map((range) => range?.join());
        found.push([text, match && [...match], where, made.lastIndex, { ...match?.groups }]);
      }
    } catch (error) {
      found.push((error as Error).name);
    }
    all.push(JSON.stringify(found));
  }
  return all;
}
