/**
 * Modules made at random, for `scope: import.meta`: functions, classes and constants that use each
 * other, variables that are assigned to, arrays that are changed here and there, and namesakes. Each
 * exports a function `fn`.
 *
 * @module
 */
import { numbersFrom } from "./seeds.ts";

type Kind = "number" | "function" | "class" | "list";

const LETTERS = "abcdefghijkl";

/** The text of a module. */
export function moduleText(seed: number): string {
  const below = numbersFrom(seed);
  const pick = <T>(items: readonly T[]): T => items[below(items.length)]!;
  const names = [...LETTERS].slice(0, 4 + below(8));
  const kinds = new Map<string, Kind>();
  for (const name of names) kinds.set(name, pick(["number", "function", "class", "list"]));

  /** A number of those names, or of locals; `depth` is what calls may go down to. */
  const number = (usable: readonly string[], locals: readonly string[], depth: string): string => {
    const one = (): string => {
      const name = pick([...usable, ...usable, ...locals, "1", "2.5", "-3"]);
      if (locals.includes(name) || !kinds.has(name)) return name;
      switch (kinds.get(name)!) {
        case "number":
          return name;
        case "function":
          return `${name}(${depth})`;
        case "class":
          return pick([`new ${name}(${depth}).m(${depth})`, `${name}.s`, `${name}.of(${depth})`]);
        case "list":
          return pick([
            `${name}.length`,
            `(${name}[${below(3)}] ?? 7)`,
            `${name}.reduce((x, y) => x + y, 0)`,
          ]);
      }
    };
    const parts = Array.from({ length: 1 + below(3) }, one);
    return parts.join(pick([" + ", " - ", " * "]));
  };
  /** Statements in a function that change something, now and then. */
  const effects = (local: readonly string[]): string => {
    if (below(5) > 0) return "";
    const name = pick(names.filter((one) => !local.includes(one)).concat("z"));
    switch (kinds.get(name)) {
      case "number":
        return below(3) > 0 ? "" : pick([`${name}++; `, `${name} = 4; `]);
      case "list":
        return pick([`${name}.push(9); `, `${name}[0] = 5; `, `${name}.length = 1; `]);
      default:
        return "";
    }
  };
  /** A function's parameter and body; all names may be used, as it is called later. */
  const body = (usable: readonly string[]): { parameter: string; text: string } => {
    const shadow = below(4) === 0 ? pick(names) : "n";
    const inner = below(5) === 0 ? pick(names.filter((name) => name !== shadow)) : "";
    const locals = [shadow, ...inner === "" ? [] : [inner]];
    const open = usable.filter((name) => !locals.includes(name));
    const value = number(open, locals, `${shadow} - 1`);
    const declared = inner === "" ? "" : `let ${inner} = ${below(9)}; `;
    return {
      parameter: shadow,
      text: `if (!(${shadow} > 0)) return 1; ${declared}${effects(locals)}return ${value};`,
    };
  };
  const lines: string[] = [];
  for (const [i, name] of names.entries()) {
    const before = names.slice(0, i), exported = below(4) === 0 ? "export " : "";
    // What is evaluated with the module mostly uses what stands before it.
    const usable = below(8) > 0 ? before : names;
    const { parameter, text } = body(names);
    switch (kinds.get(name)!) {
      case "number":
        lines.push(
          pick([
            `${exported}const ${name} = ${number(usable, [], "1")};`,
            `${exported}let ${name} = ${number(usable, [], "2")};`,
            `const { x: ${name} = ${number(usable, [], "1")} } = {};`,
            `var [${name}] = [${number(usable, [], "1")}];`,
          ]),
        );
        break;
      case "function":
        lines.push(
          pick([
            `${exported}function ${name}(${parameter}) { ${text} }`,
            `${exported}const ${name} = (${parameter}) => { ${text} };`,
            `const ${name} = function (${parameter}) { ${text} };`,
          ]),
        );
        break;
      case "class": {
        const parents = before.filter((one) => kinds.get(one) === "class");
        const parent = parents.length > 0 && below(2) === 0 ? ` extends ${pick(parents)}` : "";
        lines.push(
          `${exported}class ${name}${parent} { static s = ${number(usable, [], "1")}; #p; ` +
            `constructor(n) { ${parent === "" ? "" : "super(n); "}this.#p = n; } ` +
            `static of(${parameter}) { ${text} } m(n) { return this.#p + n; } }`,
        );
        break;
      }
      case "list":
        lines.push(`${exported}const ${name} = [${number(usable, [], "1")}, ${below(5)}];`);
    }
    if (below(6) === 0) lines.push(effects([]) || `${number(usable, [], "1")};`);
    if (below(12) === 0) lines.push(`export function other${i}(${parameter}) { ${text} }`);
  }
  const main = body(names);
  const fn = `(${main.parameter}) => { ${main.text} }`;
  const outer = pick(names);
  lines.push(
    pick([
      `export const fn = ${fn};`,
      `export const fn = ((${outer}) => ${fn})(6);`,
      `function make() { const ${outer} = Number("8"); return ${fn}; } export const fn = make();`,
    ]),
    "export const meta = import.meta;",
  );
  return lines.join("\n");
}
