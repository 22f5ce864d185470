/**
 * CommonJS modules as ES modules. Of each file there are three:
 *
 *     for those who import it       runs the unit, and exports what it has put into `exports`
 *       └─ unit                     has the body, and the units of all that it may require
 *            └─ body                a function of exports, require, module, … (`LANGUAGE.COMMONJS`)
 *
 * What a text requires is found in the text, before anything runs: a call of `require` that names a
 * module literally. It is there when the task starts, and is run when it is required, as ever; what
 * can't be found throws then, so that a package may try.
 *
 * Nothing here parses JavaScript: what looks like a call in a comment is one module more that nobody
 * requires. Names that a module exports are those that an assignment to `exports` names.
 *
 * @module
 */
/** The URL of the module that runs units. */
export const RUNTIME = "deferred:commonjs";

/** What URLs begin with of the modules that are made here, in front of that of their file. */
export const FACADE = "commonjs:";
export const UNIT = "commonjs-unit:";

/** What `require` gives for a specifier. */
export type Need =
  | { readonly specifier: string; readonly unit: string }
  | { readonly specifier: string; readonly namespace: string }
  | { readonly specifier: string; readonly json: string }
  | { readonly specifier: string; readonly missing: string };

/** The text of {@linkcode RUNTIME}. */
export const RUNTIME_TEXT = `
const units = new Map();

export function define(url, file, folder, body, needs) {
  units.set(url, { file, folder, body, needs: new Map(needs), module: undefined });
}

export function run(url) {
  const unit = units.get(url);
  if (unit.module === undefined) start(unit);
  return unit.module.exports;
}

function start(unit) {
  const { file, folder, body, needs } = unit;
  const module = { exports: {}, id: file, filename: file, loaded: false, children: [], paths: [] };
  const require = (specifier) => {
    const need = needs.get(specifier);
    if (need === undefined) {
      throw missing(specifier, "can't require(" + JSON.stringify(String(specifier)) + ") in " + file +
        ": only what its text requires by a literal name is there");
    }
    if (need.missing !== undefined) throw missing(specifier, need.missing);
    return need.unit === undefined ? need.value : run(need.unit);
  };
  require.resolve = (specifier) => specifier;
  require.cache = {};
  module.require = require;
  unit.module = module;
  try {
    Reflect.apply(body, module.exports, [module.exports, require, module, file, folder]);
  } catch (error) {
    unit.module = undefined;
    throw error;
  }
  module.loaded = true;
}

function missing(specifier, message) {
  return Object.assign(new Error(message), { code: "MODULE_NOT_FOUND" });
}
`;

/* Not a method of that name; but behind three dots. */
const REQUIRED = /(?<![\w$])(?<!(?<!\.\.)\.)require\s*\(\s*(["'`])([^"'`\\\n$]+)\1\s*\)/g;

/** The specifiers that a text requires. */
export function requiredIn(text: string): string[] {
  return [...new Set(Array.from(text.matchAll(REQUIRED), ([, , specifier]) => specifier!))];
}

const ASSIGNED =
  /(?<![\w$.])(?:module\s*\.\s*)?exports\s*(?:\.\s*([\p{ID_Start}$_][\p{ID_Continue}$]*)|\[\s*(["'])([^"'\\\n]+)\2\s*\])\s*=(?!=)/gu;
const DEFINED =
  /(?<![\w$.])Object\s*\.\s*defineProperty\s*\(\s*(?:module\s*\.\s*)?exports\s*,\s*(["'])([^"'\\\n]+)\1/g;
const LITERAL = /(?<![\w$.])module\s*\.\s*exports\s*=\s*\{/g;
const LITERAL_KEY =
  /\s*(?:\.\.\.\s*require\s*\(\s*(["'])([^"'\\\n]+)\1\s*\)\s*|(?:([\p{ID_Start}$_][\p{ID_Continue}$]*)|(["'])([^"'\\\n]+)\4)\s*(?::\s*[\p{ID_Start}$_][\p{ID_Continue}$.]*\s*)?)(,|\})/uy;
const PASSED_ON =
  /(?<![\w$.])(?:module\s*\.\s*exports\s*=\s*|__export(?:Star)?\s*\(\s*(?:tslib(?:_1)?\s*,\s*)?)require\s*\(\s*(["'])([^"'\\\n]+)\1\s*\)/g;

/** The names that a text exports, and whose it passes on. */
export function exportedBy(
  text: string,
): { readonly names: ReadonlySet<string>; readonly from: readonly string[] } {
  const names = new Set<string>();
  const from: string[] = [];
  for (const [, name, , key] of text.matchAll(ASSIGNED)) names.add((name ?? key)!);
  for (const [, , name] of text.matchAll(DEFINED)) names.add(name!);
  for (const { index, 0: { length } } of text.matchAll(LITERAL)) {
    LITERAL_KEY.lastIndex = index + length;
    for (let part; (part = LITERAL_KEY.exec(text)) !== null;) {
      const [, , spread, name, , key, end] = part;
      if (spread !== undefined) from.push(spread);
      else names.add((name ?? key)!);
      if (end === "}") break;
    }
  }
  for (const [, , specifier] of text.matchAll(PASSED_ON)) from.push(specifier!);
  names.delete("default");
  return { names, from };
}

/** The text of the module that others import. */
export function facadeText(file: string, names: Iterable<string>): string {
  const url = JSON.stringify(file);
  const lines = [
    `import { run } from ${JSON.stringify(RUNTIME)};`,
    `import ${JSON.stringify(UNIT + file)};`,
    `const all = run(${url});`,
    "export default all;",
    "const from = Object(all);",
  ];
  let count = 0;
  for (const name of names) {
    const text = JSON.stringify(name);
    lines.push(`const $${++count} = from[${text}];`, `export { $${count} as ${text} };`);
  }
  return lines.join("\n");
}

/** The text of the unit of a file, which is at `path` in `folder`. */
export function unitText(
  file: string,
  path: string,
  folder: string,
  needs: Iterable<Need>,
): string {
  const imports = [
    `import { define } from ${JSON.stringify(RUNTIME)};`,
    `import body from ${JSON.stringify(file)};`,
  ];
  const entries: string[] = [];
  for (const need of needs) {
    const name = `$${entries.length}`;
    let value: string;
    if ("unit" in need) {
      imports.push(`import ${JSON.stringify(UNIT + need.unit)};`);
      value = `{ unit: ${JSON.stringify(need.unit)} }`;
    } else if ("namespace" in need) {
      imports.push(`import * as ${name} from ${JSON.stringify(need.namespace)};`);
      value = `{ value: ${name} }`;
    } else if ("json" in need) {
      imports.push(`import ${name} from ${JSON.stringify(need.json)} with { type: "json" };`);
      value = `{ value: ${name} }`;
    } else {
      value = `{ missing: ${JSON.stringify(need.missing)} }`;
    }
    entries.push(`[${JSON.stringify(need.specifier)}, ${value}]`);
  }
  const [url, name, place] = [file, path, folder].map((text) => JSON.stringify(text));
  return `${imports.join("\n")}\ndefine(${url}, ${name}, ${place}, body, [${entries.join(", ")}]);`;
}
