/**
 * Messages for functions that can't run in a task: why, and what to do instead.
 *
 * @module
 */
import process from "node:process";
import { FreeVariableError, FunctionNotSerializableError } from "../errors.ts";
import { define } from "../clone/own.ts";
import { nearest } from "../options.ts";
import { nameOf, shorten } from "./describe.ts";
import { importedSentence, importsOf } from "./imported.ts";
import { offsetIn, type Position, positionAt } from "./positions.ts";
import type { Named } from "./enclose.ts";
import type { CompileError } from "./programs.ts";
import type { Scope } from "./scope.ts";
import type { Origin, Refused } from "./top_level.ts";
import { type AnyFunction, type Source, textOf } from "./source.ts";

function refused(why: string): FunctionNotSerializableError {
  return new FunctionNotSerializableError(`Function not serializable: ${why}`);
}

function subject(name: string): string {
  return name === "" ? "the function" : `\`${shorten(name, 60)}\``;
}

/** Where the language's own functions are looked for; the second list is called with `new`. */
const STANDARD = (
  "Math JSON Object Number String Boolean BigInt Symbol Array Date RegExp Error Function Reflect " +
  "parseInt parseFloat isNaN isFinite encodeURIComponent decodeURIComponent encodeURI decodeURI"
).split(" ");
const STANDARD_NEW = "Map Set WeakMap WeakSet Promise ArrayBuffer DataView Uint8Array".split(" ");

/** How one of the language's own functions would be called: `Math.max(...args)`. */
function standardCall(fn: AnyFunction, name: string): { path: string; wrapped: string } | null {
  const globals = globalThis as unknown as Record<string, Record<string, unknown> | undefined>;
  for (const root of [...STANDARD, ...STANDARD_NEW]) {
    const holder = globals[root];
    if (holder === undefined) continue;
    if (holder as unknown === fn) {
      const call = STANDARD_NEW.includes(root) ? `new ${root}` : root;
      return { path: root, wrapped: `(...args) => ${call}(...args)` };
    }
    if (Object.hasOwn(holder, name) && holder[name] === fn) {
      return { path: `${root}.${name}`, wrapped: `(...args) => ${root}.${name}(...args)` };
    }
    const prototype = holder["prototype"] as Record<string, unknown> | undefined;
    const method = prototype && Object.getOwnPropertyDescriptor(prototype, name)?.value;
    if (method === fn) {
      return {
        path: `${root}.prototype.${name}`,
        wrapped: `(value, ...args) => value.${name}(...args)`,
      };
    }
  }
  return null;
}

function whyNative(fn: AnyFunction, name: string): string {
  const own = nameOf(fn);
  if (own.startsWith("bound ")) {
    return `${subject(own.slice(6))} is a bound function, whose \`this\` and arguments ` +
      "can't be seen; pass the function itself, and what was bound in `args`";
  }
  const standard = standardCall(fn, own);
  if (standard) {
    return `\`${standard.path}\` is native code, which has no source; ` +
      `wrap it: \`${standard.wrapped}\``;
  }
  return `${subject(own || name)} is native code or a Proxy, which has no source; ` +
    "pass a function that is written in JavaScript";
}

/** The error for a function of a kind that can't be compiled on its own. */
export function refusedKind(
  kind: "native" | "class" | "generator",
  fn: AnyFunction,
  name: string,
): FunctionNotSerializableError {
  switch (kind) {
    case "native":
      return refused(whyNative(fn, name));
    case "class":
      return refused(
        `${subject(name)} is a class; pass a function that makes the instance inside the task: ` +
          "`() => { class Point { ... } return new Point(1, 2).length; }`",
      );
    case "generator":
      return refused(
        `${subject(name)} is a generator function, whose values can't leave the task one by one; ` +
          "pass a function that returns them in an array",
      );
  }
}

/** Modules of the host in which a function that somebody passes may be found. */
const HOST_MODULES = (
  "fs fs/promises path util crypto os url zlib child_process http https net dns events assert " +
  "buffer stream stream/promises timers timers/promises readline perf_hooks querystring vm v8"
).split(" ");

/** Where the host has a function; `undefined` if it is not the host's own. */
function ownerOf(fn: AnyFunction): string | undefined {
  const { Deno, Bun } = globalThis as { Deno?: object; Bun?: object };
  // What is behind a getter is not asked for: it may warn.
  const has = (holder: object | undefined): boolean =>
    holder !== undefined &&
    Object.keys(holder).some((key) => Object.getOwnPropertyDescriptor(holder, key)?.value === fn);
  if (has(Deno)) return "Deno";
  if (has(Bun)) return "Bun";
  return HOST_MODULES.map((name) => `node:${name}`).find((name) => {
    const module = process.getBuiltinModule(name) as object | undefined;
    return module === fn as unknown || has(module);
  });
}

/** The error for functions of a scope that are the host's own; `null` if none is. */
export function hostsOwn(
  functions: ReadonlyMap<string, AnyFunction>,
): FunctionNotSerializableError | null {
  const owned = Array.from(functions, ([name, fn]) => [name, ownerOf(fn)] as const)
    .filter(([, owner]) => owner !== undefined);
  if (owned.length === 0) return null;
  const each = owned.map(([name, owner]) => `\`${shorten(name, 60)}\` is one of ${owner}`);
  const names = owned.map(([name]) => shorten(name, 60)).join(", ");
  return refused(
    `scope: ${
      enumerated(each)
    }, which a task does not have; offer what must run outside, and await ` +
      `it in the task: { host: { ${names} } }`,
  );
}

const OUTSIDE = "is not available inside a task";

const NO_MODULES = "can import only what `modules` names, of its own options or those of its pool";
const NO_LOADER = "this code has no loader; give it one, { loader: { resolve, load } }, " +
  "or pass the module's values in `scope`";

/** For what CommonJS has, which no loader gives either. */
const NO_COMMONJS =
  "can't load modules; pass the module's values in `args`, or write its code inside the function";

/** The message for `import()` in a task; the engine only names the module. */
export function noModule(message: string, inScript: boolean): string | null {
  const module = /^could not load module ('[^]*')$/.exec(message)?.[1];
  if (module === undefined) return null;
  if (module.startsWith("'node:")) {
    return `can't import ${module}: a task has no modules of the runtime; offer what the code may do ` +
      "as functions: { host: { read } }";
  }
  return inScript
    ? `can't import ${module}: ${NO_LOADER}`
    : `import(${module}): a function that runs as a task ${NO_MODULES}: ` +
      `{ modules: [${JSON.stringify(module.slice(1, -1))}] }`;
}

/** At the end of a text, or at a NUL. */
const NO_TOKEN = "unexpected token in expression: ''";

/** What the engine says of a text that is no script, with what to do about it. */
const SCRIPT_ADVICE: ReadonlyMap<string, string> = new Map([
  ["import statements only work in modules", 'run it with { type: "module" }'],
  ["import.meta only valid in module code", 'run it with { type: "module" }'],
  ["unsupported keyword: export", 'return the value, or run it with { type: "module" }'],
  ["return not in a function", "a module gives its result by `export default`"],
  [NO_TOKEN, "the text ends too early: something is not closed"],
  ["Unexpected end of input", "the text ends too early: a bracket is not closed"],
  ["unexpected end of string", "a quotation mark is missing"],
]);

/** Where a text can't be read. */
interface SyntaxPlace {
  readonly text: string;
  readonly at: number;
  readonly isTypeScript: boolean;
  /** A loader gave it. */
  readonly isModule: boolean;
}

/** What TypeScript has where JavaScript ends: before the place and behind it. */
const TYPES: readonly (readonly [before: RegExp, behind: RegExp])[] = [
  [
    /[\w$)\]]$/,
    /^\??\s*:\s*(?:readonly\b|keyof\b|typeof\b|(?:any|bigint|boolean|never|number|object|string|symbol|unknown|void|[A-Z][\w$]*)(?![\w$]|\s*\())/,
  ],
  [/[\w$]$/, /^\?\s*[:,)]/],
  [
    /\b(?:interface|type|declare|namespace|abstract|private|protected|public|readonly)\s+$/,
    /^[\w${*[#]/,
  ],
  [/[(,]\s*$/, /^(?:private|protected|public|readonly)\s+[\w$]/],
  [/[\w$)\]}"'`]\s+$/, /^(?:as|satisfies)\s+[\w$"'`{([]/],
  [/$/, /^enum\s+[\w$]/],
  [/(?:[\w$]|=\s*)$/, /^<\s*[\w$][\w$\s,[\]|.=]*>\s*[\w$({]/],
  [/[\w$)\]]$/, /^!\s*[.;,)\]\n]/],
  [/$/, /^(?:implements\s+[\w$])/],
];

const FENCE = "the text is a block of Markdown: pass only what stands between the lines with ```";

/** The message for a call in a text that is a block of Markdown, or `null`. */
export function inFence(message: string, text: string): string | null {
  return /^\s*```/.test(text) ? `${message}: ${FENCE}` : null;
}

/** What may be meant where a text can't be read; `null` if that can't be told. */
function meantBy({ text, at, isTypeScript, isModule }: SyntaxPlace): string | null {
  const [before, behind] = [text.slice(Math.max(0, at - 40), at), text.slice(at, at + 100)];
  if (/(?<![\w$.])await\s+$/.test(before)) {
    return "`await` is for async functions: write `async` before the function around it";
  }
  if (/^\s*```/.test(text)) return FENCE;
  if (/^[\u2018\u2019\u201c\u201d]/.test(behind)) {
    return `${behind[0]} is no quotation mark of JavaScript, but ' and " are`;
  }
  if (/^assert\s*\{/.test(behind)) {
    return 'attributes of an import stand behind `with`: with { type: "json" }';
  }
  if (/^\s*\{/.test(text) && /^\s*:/.test(behind)) {
    return "an object stands in brackets, ({ … }): a text that begins with { is a block";
  }
  if (/^<(?:>|[\w.]+[^<>]*\/?>)/.test(behind) && /<\/|\/>/.test(text.slice(at))) {
    return "JSX, or HTML, is no JavaScript: compile it first, or put it in quotation marks";
  }
  if (isTypeScript || !TYPES.some(([a, b]) => a.test(before) && b.test(behind))) return null;
  return isModule
    ? 'if it is TypeScript, load() says so: { source, language: "typescript" }, or the URL by its ' +
      "ending, .ts"
    : 'if it is TypeScript, say so: { language: "typescript" }, or a `filename` that ends in .ts';
}

/** The message for a SyntaxError in a script; `null` if the engine's is enough. */
export function scriptSyntaxError(message: string, place: SyntaxPlace | null): string | null {
  const type = /^Could not find export '([\w$]+)' in module '/.exec(message.slice(0, 200))?.[1];
  if (type === "default") {
    return `${message}; import what it exports by name, import { … }, or all of it, import * as name`;
  }
  if (message === NO_TOKEN && place?.text.includes("\0")) {
    return `${message}; there is a NUL in the text`;
  }
  const advice = SCRIPT_ADVICE.get(message) ??
    (type !== undefined && place?.isTypeScript
      ? `if it is a type, import it as one: import { type ${type} } from …`
      : place && meantBy(place));
  return advice ? `${message}; ${advice}` : null;
}

/** A name in a regular expression. */
export function escaped(name: string): string {
  return name.replaceAll("$", "\\$");
}

const IDENTIFIER = "[\\p{ID_Start}$_][\\p{ID_Continue}$]*";
const ARROW = new RegExp(`^(?:async\\s+)?(${IDENTIFIER})\\s*=>`, "u");
const CALL = new RegExp(
  `(?:new\\s+)?((?:${IDENTIFIER}\\s*\\.\\s*)*)(${IDENTIFIER})\\s*(?:\\(|\`)`,
  "uy",
);
const CALLEE = new RegExp(`(?<![\\p{ID_Continue}$])(${IDENTIFIER})\\s*$`, "u");
/** So far before a place the calls are looked for that it is in. */
const NEARBY = 1000;

/** The objects in front of a member: "host.tools.". */
const OBJECTS = new RegExp(`(?<![\\p{ID_Continue}$.])((?:${IDENTIFIER}\\s*\\??\\.\\s*)+)$`, "u");

/** A call in a text. */
interface Call {
  /** The called name, without the object that it is a member of. */
  readonly name: string;
  readonly isMember: boolean;
  /** The names of the objects, and the called name, if they are all written as names. */
  readonly path: readonly string[];
}

/**
 * The calls at a place and around it, innermost first. One of them failed, as a rule the first: the
 * place that the engine tells of a call is that of what it evaluated last, often an argument.
 */
function callsAt(text: string, offset: number): Call[] {
  const calls: Call[] = [];
  const add = (name: string, at: number): void => {
    const before = text.slice(Math.max(0, at - 200), at);
    const isMember = /\.\s*$/.test(before);
    const objects = isMember ? OBJECTS.exec(before)?.[1]?.split(/\s*\??\.\s*/).slice(0, -1) : [];
    calls.push({ name, isMember, path: objects === undefined ? [] : [...objects, name] });
  };
  CALL.lastIndex = offset;
  const there = CALL.exec(text);
  // Of `new a.B()` the place is that of `a`.
  if (there !== null) add(there[2]!, offset + there[0].lastIndexOf(there[2]!));
  let depth = 0;
  for (let i = offset - 1; i >= 0 && i > offset - NEARBY; i--) {
    if (text[i] === ")") depth++;
    if (text[i] !== "(" || depth-- > 0) continue;
    depth = 0;
    const start = Math.max(0, i - 100);
    const callee = CALLEE.exec(text.slice(start, i));
    if (callee !== null) add(callee[1]!, start + callee.index);
  }
  return calls;
}

/** The parameters of a function, as far as they are plain names and nothing in their list is called. */
function parametersOf(text: string): readonly string[] {
  const list = ARROW.exec(text)?.[1] ?? /^[^()]*\(([^()]*)\)/.exec(text)?.[1] ?? "";
  return list.split(",").map((parameter) => parameter.trim());
}

/** The last parameter of a function, as its text has it. */
function lastParameter(text: string): string {
  const lone = ARROW.exec(text)?.[1];
  if (lone !== undefined) return lone;
  let depth = 0, from = 0;
  for (let i = text.indexOf("("); i >= 0 && i < text.length && i < NEARBY; i++) {
    const character = text[i]!;
    if ("([{".includes(character) && depth++ === 0) from = i + 1;
    if (")]}".includes(character) && --depth === 0) return text.slice(from, i).trim();
    if (character === "," && depth === 1) from = i + 1;
  }
  return "";
}

/** Whether the first parameter of a function is that of a Promise's executor. */
export function isExecutor(text: string): boolean {
  return /^(?:async\s*)?(?:function\b[^(]*)?(?:\(\s*)?resolve\s*(?:[,)]|=>)/.test(text);
}

/** How many functions of the host a message names. */
const NAMED = 8;

/** Which of some names was meant, or what is offered. */
function offer(asked: string, names: readonly string[], offers: readonly string[]): string {
  const meant = nearest(asked.toLowerCase(), names);
  if (meant !== undefined) return `did you mean \`${shorten(meant, 60)}\`?`;
  const more = offers.length > NAMED ? `, and ${offers.length - NAMED} more` : "";
  return `it offers ${list(offers.slice(0, NAMED))}${more}`;
}

/**
 * What is said where a task called a function of the host that there is not. `null` if it called
 * something else.
 *
 * @param offset where in the text it was
 * @param offers the names of those that there are: "log", "tools.sum"
 */
export function notOffered(
  text: string,
  offset: number,
  offers: readonly string[],
  inScript: boolean,
): string | null {
  const parameter = inScript ? "" : lastParameter(text);
  const tops = topsOf(offers);
  for (const { path } of callsAt(text, offset)) {
    const [first] = path;
    if (first === undefined) continue;
    let asked = path;
    if (first === parameter) asked = path.slice(1);
    else if (path.length === 1 && !tops.includes(first)) {
      if (!(isPattern(parameter) && takes(parameter, first))) continue;
    } else if (path.length === 1 && !inScript && !isPattern(parameter)) continue;
    else if (path.length > 1 && !tops.includes(first)) continue;
    const title = asked.join(".");
    if (title === "" || offers.includes(title)) continue;
    const inGroup = offers.filter((offer) => offer.startsWith(`${title}.`));
    if (inGroup.length > 0) {
      return `not a function: \`${shorten(title, 60)}\` is a group of the host's functions: ` +
        list(inGroup.slice(0, NAMED));
    }
    return `not a function: the host offers no \`${shorten(title, 60)}\`; ${
      offer(title, offers, offers)
    }`;
  }
  return null;
}

/** What is said where a task looked for a group of the host's functions that there is not, or `null`. */
export function noSuchGroup(
  message: string,
  text: string,
  offers: readonly string[],
): string | null {
  const property = /^cannot read property '([\w$]{1,60})' of undefined$/.exec(message)?.[1];
  const parameter = lastParameter(text);
  if (property === undefined || !/^[\w$]{1,60}$/.test(parameter)) return null;
  const [host, member] = [parameter, property].map(escaped);
  const read = `(?<![\\w$.])${host}\\s*\\.\\s*([\\w$]+)\\s*\\.\\s*${member}(?![\\w$])`;
  const group = new RegExp(read).exec(text)?.[1];
  const tops = topsOf(offers);
  if (group === undefined || tops.includes(group)) return null;
  return `${message}: the host offers no \`${shorten(group, 60)}\`; ${offer(group, tops, offers)}`;
}

/** The names of functions that are in no group, and of the groups. */
function topsOf(offers: readonly string[]): readonly string[] {
  return [...new Set(offers.map((title) => title.split(".", 1)[0]!))];
}

function isPattern(parameter: string): boolean {
  return parameter.startsWith("{");
}

/** Whether a pattern such as `{ log, tools }` has a name in it. */
function takes(pattern: string, name: string): boolean {
  return new RegExp(`(?<![\\w$])${escaped(name)}(?![\\w$])`).test(pattern);
}

/** What is said of a name that a script calls and nothing defines; `null` if it calls it not. */
export function noSuchName(
  message: string,
  text: string,
  offers: readonly string[],
): string | null {
  const name = /^([\w$]{1,60}) is not defined$/.exec(message)?.[1];
  if (name === undefined) return null;
  const used = new RegExp(`(?<![\\w$.])${escaped(name)}\\s*[.(]`).test(text);
  if (!used) return null;
  return `${message}: the host offers no such function; ${offer(name, topsOf(offers), offers)}`;
}

/** The engine's message for a call of something that is not a function. */
export const NOT_A_FUNCTION = "not a function";

/**
 * What is said where a task called what is no function: a parameter that it was given no argument for,
 * as who takes a Deferred for a Promise does, or a method that an argument has lost. `null` if it was
 * something else.
 *
 * @param offset where in the text it was
 * @param given how many arguments there were
 * @param offered whether there was a parameter more, with what the host offers
 */
export function notAFunction(
  text: string,
  offset: number,
  given: number,
  offered: boolean,
): string | null {
  const calls = callsAt(text, offset);
  const missing = parametersOf(text).slice(offered ? given + 1 : given);
  const call = calls.find(({ name, isMember }) => !isMember && missing.includes(name));
  if (call !== undefined) {
    const name = shorten(call.name, 60);
    return `not a function: there is no argument for the parameter \`${name}\`. Unlike a Promise's ` +
      "executor a task is passed nothing but its `args`: return the value, or throw";
  }
  if (given === 0 || !calls[0]?.isMember) return null;
  return "not a function (if it is a method of an argument: instances arrive as plain objects, unless " +
    "their class is registered: new DeferredPool({ classes: [...] }))";
}

/** What tasks lack of objects that they have: what is called, and what to do. */
const MEMBERS: readonly (readonly [path: RegExp, advice: string])[] = [
  [
    /^crypto\.subtle\./,
    "a task has no keys, only digest; offer what needs them: { host: { encrypt } }",
  ],
  [/^crypto\./, "a task has getRandomValues, randomUUID and subtle.digest"],
  [/^performance\./, "a task has performance.now and timeOrigin; return the times, or report them"],
  [
    /^Intl\./,
    "a task has Collator, DateTimeFormat, DisplayNames, ListFormat, Locale, NumberFormat, PluralRules, " +
    "RelativeTimeFormat and Segmenter; offer the rest: { host: { format } }",
  ],
  [/^console\./, "a task's console has the standard's methods only"],
  [
    /^(?:.*\.)?(?:unref|ref|hasRef)$/,
    "a timer in a task is a number, and keeps nothing alive: what is left of them ends with the task",
  ],
];

/** What is said where a task called what it lacks of an object that it has; or `null`. */
export function missingMember(text: string, offset: number): string | null {
  const hasTimers = /\bset(?:Timeout|Interval|Immediate)\s*\(/.test(text);
  for (const { name, isMember, path } of callsAt(text, offset)) {
    if (!isMember) continue;
    const title = path.length > 0 ? path.join(".") : name;
    const advice = MEMBERS.find(([pattern]) => pattern.test(title))?.[1];
    if (advice === undefined || (advice === MEMBERS.at(-1)![1] && !hasTimers)) continue;
    if (isThere(path)) continue;
    return `not a function: ${shorten(title, 60)} is not there; ${advice}`;
  }
  return null;
}

/** What a task has of these objects. */
const THERE: ReadonlySet<string> = new Set([
  "crypto.getRandomValues",
  "crypto.randomUUID",
  "crypto.subtle.digest",
  "performance.now",
  "performance.toJSON",
  ...("assert clear count countReset debug dir dirxml error group groupCollapsed groupEnd info log " +
    "table time timeEnd timeLog trace warn").split(" ").map((name) => `console.${name}`),
]);

function isThere(path: readonly string[]): boolean {
  return THERE.has(path.join("."));
}

/**
 * What is said where a task took the promise that a function of the host gives for what it will be:
 * `h.rows().map(…)`, `[...h.rows()]`, `const rows = h.rows(); rows.map(…)`. `null` if the text does no
 * such thing.
 *
 * @param message "not a function", or "value is not iterable"
 * @param offset where in the text it was, if that is known
 * @param awaited the names of the host's functions that give promises
 */
export function notAwaited(
  message: string,
  text: string,
  offset: number | null,
  awaited: readonly string[],
  inScript: boolean,
): string | null {
  const parameter = inScript ? "" : lastParameter(text);
  const prefix = inScript || isPattern(parameter) ? "" : `${parameter}.`;
  const paths = awaited.map((title) => prefix + title);
  const tell = (path: string): string =>
    `${message}: ${shorten(path, 60)}() gives a promise; await it: await ${shorten(path, 60)}(…)`;
  const calls = offset === null ? [] : callsAt(text, offset);
  for (const path of paths) {
    const called = `${path.split(".").map(escaped).join("\\s*\\.\\s*")}\\s*\\(`;
    const call = `(?<![\\w$.])${called}`;
    // for (… of h.rows()), [...h.rows()]
    const isIterated = new RegExp(`(?:\\bof\\s+|\\.\\.\\.\\s*)${called}`).test(text);
    if (message !== NOT_A_FUNCTION) {
      if (isIterated) return tell(path);
      continue;
    }
    const isThere = calls.length === 0 || calls.some((call) => call.path.join(".") === path);
    if (isIterated && isThere && /\bfor\s+await\b/.test(text)) return tell(path);
    for (const { name, path: [variable] } of calls) {
      const then = `\\s*\\??\\.\\s*${escaped(name)}(?![\\w$])`;
      for (const { index } of text.matchAll(new RegExp(call, "g"))) {
        const end = endOfCall(text, index);
        if (new RegExp(`^${then}`).test(text.slice(end, end + 200))) return tell(path);
      }
      if (variable === undefined || variable === name) continue;
      const assigned = new RegExp(`(?<![\\w$.])${escaped(variable)}\\s*=\\s*${call}`);
      if (assigned.test(text)) return tell(path);
    }
  }
  return null;
}

/** Where a call ends that begins at `index`, as far as its brackets tell. */
function endOfCall(text: string, index: number): number {
  let depth = 0;
  for (let i = text.indexOf("(", index); i >= 0 && i < index + NEARBY && i < text.length; i++) {
    if (text[i] === "(") depth++;
    if (text[i] === ")" && --depth === 0) return i + 1;
  }
  return text.length;
}

/** "1 parameter stands". */
export function standing(parameters: number): string {
  return parameters === 1 ? "1 parameter stands" : `${parameters} parameters stand`;
}

/**
 * What is said where a task called a function of the host, and an argument was in the host's place;
 * `null` if it was something else.
 *
 * @param offset where in the text it was
 * @param given how many arguments there were; no fewer than parameters
 */
export function notTheHost(
  text: string,
  offset: number,
  given: number,
  parameters: number,
  offers: readonly string[],
): string | null {
  const parameter = lastParameter(text);
  const isOffered = callsAt(text, offset).some(({ path: [first, ...rest] }) => {
    if (first === undefined) return false;
    if (isPattern(parameter)) return takes(parameter, first) && topsOf(offers).includes(first);
    return first === parameter && offers.includes(rest.join("."));
  });
  if (!isOffered) return null;
  const before = parameters - 1;
  return `not a function: the last parameter is not the host's, but an argument: ` +
    `${
      standing(before)
    } before it, and ${given} arguments were passed, as map and Array.from do; ` +
    "write (value) => fn(value)";
}

/** The engine's message where `undefined` is taken apart. */
const NO_OBJECT = "Cannot convert undefined or null to object";

/**
 * What is said of a task that was offered nothing, and looks for it in its last parameter; `null` if it
 * doesn't.
 *
 * @param offset where in the text, if that is known
 * @param isShort whether the function has more parameters than arguments
 */
export function noOffers(
  message: string,
  text: string,
  offset: number | null,
  isShort: boolean,
): string | null {
  const last = lastParameter(text);
  if (!isShort || last === "") return null;
  const property = /^cannot read property '([\w$]+)' of undefined$/.exec(message)?.[1];
  let names: readonly string[];
  if (last.startsWith("{")) {
    const isParameter = offset !== null && offset <= text.indexOf(last) + last.length;
    if (message !== NO_OBJECT || !isParameter) return null;
    names = [...last.matchAll(/[{,]\s*([\w$]+)/g)].map(([, name]) => name!);
  } else {
    if (property === undefined || !/^[\w$]+$/.test(last)) return null;
    if (
      !new RegExp(`(?<![\\w$.])${escaped(last)}\\s*\\.\\s*${escaped(property)}(?![\\w$])`)
        .test(text)
    ) {
      return null;
    }
    names = [property];
  }
  const shown = last.startsWith("{") ? list(names) : `\`${last}.${property}\``;
  if (names.includes("report")) {
    return `${message}: \`report\` is there if the task has the option \`onProgress\` or ` +
      "{ progress: true }";
  }
  return `${message}: no argument is left for the last parameter, which has ${shown}; pass values in ` +
    "`args`, or offer functions of yours in `host`";
}

/**
 * What is said where a function found no `this`, as a method does that was taken from its object: it is
 * sure where the property is one of `this` wherever the text names it. `null` if it isn't.
 */
export function noThis(message: string, text: string): string | null {
  const property = /^cannot (?:read|set) property '([\w$]+)' of undefined$/.exec(message)?.[1];
  if (property === undefined) return null;
  const named = text.match(
    new RegExp(`(?<![\\w$])${escaped(property)}(?![\\w$])`, "g"),
  );
  const own = new RegExp(`\\bthis\\s*\\.\\s*${escaped(property)}(?![\\w$])`, "g");
  if (named === null || named.length !== text.match(own)?.length) return null;
  return `${message}: \`this\` is undefined in a method that was taken from its object; pass what it ` +
    "needs in `args`";
}

/** What to do instead of using a name that people expect everywhere. */
const ADVICE: ReadonlyMap<string, string> = new Map(
  ([
    [
      "fetch Request Response WebSocket WebSocketStream XMLHttpRequest EventSource WebTransport",
      `${OUTSIDE}, which has no network by design; fetch outside and pass the response's data in \`args\`, ` +
      "or offer a function that fetches: { host: { load } }",
    ],
    [
      "requestAnimationFrame requestIdleCallback cancelAnimationFrame cancelIdleCallback",
      `${OUTSIDE}, which draws nothing; take setTimeout, or await scheduler.wait(ms)`,
    ],
    [
      "FileReader",
      `${OUTSIDE}; read a Blob by its own methods: await blob.text(), await blob.bytes()`,
    ],
    [
      "process Deno Bun",
      "belongs to the host and stays outside the task; pass the value that you need in `args`, or " +
      "offer a function that gives it: { host: { read } }",
    ],
    ["Buffer", `${OUTSIDE}; use Uint8Array`],
    [
      "require module exports define __dirname __filename importScripts",
      `${OUTSIDE}, which ${NO_COMMONJS}`,
    ],
    [
      "postMessage parentPort",
      `${OUTSIDE}, which sends no messages; return the value, and await the Deferred, ` +
      "or offer a function to call: { host: { report } }",
    ],
    [
      "onmessage addEventListener workerData",
      `${OUTSIDE}, which receives no messages; pass what it needs in \`args\``,
    ],
    [
      "window document localStorage sessionStorage indexedDB caches location alert",
      `${OUTSIDE}; pass the value that you need in \`args\`, or offer a function that reads it: ` +
      "{ host: { read } }",
    ],
    ["global", `${OUTSIDE}; use globalThis`],
    [
      "BroadcastChannel Worker SharedWorker",
      `${OUTSIDE}; start tasks outside, or offer a function that does: { host: { run } }`,
    ],
    [
      "CryptoKey",
      `${OUTSIDE}, which has no keys; use them outside and pass the result in \`args\``,
    ],
    [
      "Temporal",
      `${OUTSIDE}, whose engine has no Temporal; use Date and Intl, or use it outside and pass ` +
      "what it gives as text or number in `args`",
    ],
    ["WebAssembly", `${OUTSIDE}, whose engine has no WebAssembly; use a Worker for that`],
    ["Deferred DeferredPool", `${OUTSIDE}; a task can't start tasks`],
    [
      "report",
      "is found in the task's last parameter, ({ report }) => …, if the task has the option " +
      "`onProgress` or { progress: true }; a function of your own goes into `host` or `scope`",
    ],
  ] as const).flatMap(([names, advice]) => names.split(" ").map((name) => [name, advice] as const)),
);

/**
 * Names that libraries only probe, to find out where they run. They refuse no function: what is not
 * there is found to be not there, and only code that goes on all the same gets a ReferenceError.
 */
export const PROBED: ReadonlySet<string> = new Set(
  ("window global process require module exports define importScripts Buffer document")
    .split(" "),
);

/** The engine's messages for names that nothing defines, with advice. */
const MISSING: ReadonlyMap<string, string> = new Map(
  [...ADVICE].map(([name, advice]) => [`${name} is not defined`, advice]),
);
/** What a script finds as a global, and a function in its last parameter. */
const NO_REPORT = "report is not defined";
const MAX_MISSING = Math.max(...[...MISSING.keys()].map((message) => message.length));

/** The message for a ReferenceError in a task; `null` if the engine's is enough. */
export function missingName(
  message: string,
  inScript: boolean,
  hasLoader: boolean,
): string | null {
  // The message is the task's, of whatever length.
  const advice = message.length > MAX_MISSING ? undefined : MISSING.get(message);
  if (advice === undefined) return null;
  if (inScript && message === NO_REPORT) {
    return `${message}: it is there if the task has the option \`onProgress\` or { progress: true }`;
  }
  if (message === "require is not defined") {
    if (!inScript) {
      return `${message}: a function in a task imports: await import("…"), of what its \`modules\` ` +
        'name, { modules: ["…"] }';
    }
    if (hasLoader) return `${message}: this code has a loader; use import, or await import("…")`;
  }
  if (!inScript) return `${message}: it ${advice}`;
  const said = advice.replaceAll("`args`", "`scope`").replace(
    "inside the function",
    "into the text",
  );
  return `${message}: it ${said}`;
}

/** Names that bundlers, transpilers and test runners give to an imported module. */
const IMPORTED = /^(__(vite_ssr|vi|vi_ssr)_import_\d+__|import_\w+|_\w+_mjs|\w+__WEBPACK_\w+)$/;

/** `(0, path.join)(...)` is how bundlers keep `this` away from an imported function. */
const IMPORTED_CALL = new RegExp(`\\(\\s*0\\s*,\\s*(${IDENTIFIER})\\s*\\.`, "gu");

/** Of the names that texts use those of modules that a bundler named, and what is taken of each. */
export function importedIn(
  texts: readonly string[],
  used: { has(name: string): boolean; keys(): Iterable<string> },
): ReadonlyMap<string, readonly string[]> {
  const modules = new Set([...used.keys()].filter((name) => IMPORTED.test(name)));
  for (const text of texts) {
    for (const [, name] of text.matchAll(IMPORTED_CALL)) if (used.has(name!)) modules.add(name!);
  }
  return new Map(Array.from(modules, (module) => {
    const uses = new RegExp(
      `(?<![\\w$.])${escaped(module)}(?![\\w$])(?:\\s*\\.\\s*([\\w$]+))?`,
      "g",
    );
    const members = texts.flatMap((text) =>
      Array.from(text.matchAll(uses), ([, name]) => name ?? "")
    );
    return [module, [...new Set(members)]];
  }));
}

/** The user's name for the import that a bundler renamed, or `null` if it is not an import. */
function importedAs(name: string, text: string): string | null {
  const member = new RegExp(`(?<![\\w$.])${escaped(name)}\\s*\\.\\s*([\\w$]+)`).exec(text)?.[1];
  // `(0, path.join)(...)` is how they keep `this` away from an imported function.
  const called = new RegExp(`\\(\\s*0\\s*,\\s*${escaped(name)}\\s*\\.`).test(text);
  return member !== undefined && (called || IMPORTED.test(name)) ? member : null;
}

function list(names: readonly string[]): string {
  return enumerated(names.map((name) => `\`${shorten(name, 60)}\``));
}

function enumerated(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join() : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}

const NO_ADVICE = "is not defined inside the task";

/** How a text uses a name, as far as that makes a difference. */
function useOf(name: string, text: string): "called" | "made" | "other" {
  if (new RegExp(`\\b(?:new|instanceof)\\s+${escaped(name)}(?![\\w$])`).test(text)) return "made";
  return new RegExp(`(?<![\\w$.])${escaped(name)}\\s*(\\?\\.)?\\s*[(\`]`).test(text)
    ? "called"
    : "other";
}

/** Helpers of transpilers for decorators, which no engine has. */
const DECORATOR = /^__decorat|^_(?:apply_?decs|decorate)/i;
/** Helpers of transpilers for what engines have: those of SWC and Babel that aren't provided. */
const HELPER =
  /^__[a-z]|^_(?:ts_|regenerator|(?:wrap|await|async)_?[a-z_]*generator|class|call_?super|inherits|create_?class|create_?for_?of|create_?super|get_?prototype|set_?prototype|instanceof|type_?of|iterable_?to|is_?native|non_?iterable|tagged_?template|super_?prop|dispose|assert_?this)/i;

function adviceOfHelper(name: string): string | null {
  if (IMPORTED.test(name)) return null;
  if (DECORATOR.test(name)) {
    return "is a transpiler's helper for decorators, which tasks don't have; write what it " +
      "decorates without it";
  }
  return HELPER.test(name)
    ? `${NO_ADVICE}; it looks like a helper that a transpiler added: compile for a newer ` +
      "target, such as `esnext`"
    : null;
}

/** One sentence for all names with the same advice. */
function sentence(names: readonly string[], advice: string): string {
  const many = names.length > 1;
  const said = many ? advice.replace(/^is /, "are ").replace(/^belongs /, "belong ") : advice;
  return `${list(names)} ${said}`;
}

/** How many names are reported one by one: each is looked for in the text. */
const TOLD = 10;

/** A name that the scope may hold, and the function that uses it. */
interface Missing {
  /** As the user wrote it. */
  readonly name: string;
  readonly free: string;
  /** The text that uses it. */
  readonly text: string;
  /** Whose that is, if not the function's own. */
  readonly by: string | undefined;
}

/** What is around a function that has a scope. */
interface Around {
  /** Which function, of the scope, of the module, or itself, uses each name. */
  readonly users: ReadonlyMap<string, Named>;
  readonly scope: Scope;
  /** What is of its module, and can't go along. */
  readonly refused: Refused;
  readonly top?: Origin | undefined;
}

/** The option that gives names, to paste. */
function pasted(names: readonly string[], around: Around | undefined): string {
  const all = [...around?.scope.names ?? [], ...names];
  const shown = all.length > 3 * TOLD ? [...all.slice(0, 3 * TOLD), "…"] : all;
  const own = `{ ${shown.join(", ")} }`;
  return around?.top === undefined ? `scope: ${own}` : `scope: [import.meta, ${own}]`;
}

/** What is said of names that stand at the module's top level, and can't go along. */
function refusedSentence(around: Around): string {
  const { refused, top } = around;
  const names = [...refused.keys()].slice(0, TOLD);
  const each = names.map((name) => {
    const declaration = top!.declarations.get(name)!;
    return `\`${shorten(name, 60)}\` (${top!.name}, ${top!.line(declaration.start)}) ${
      refused.get(name)
    }`;
  });
  const more = refused.size - names.length;
  const rest = more > 0 ? `, and ${more} more names` : "";
  const it = refused.size > 1 ? "they" : "it";
  const said = `${each.join("; ")}${rest}: ${it} can't be taken along into the task`;
  const own = names.filter((name) => top!.declarations.get(name)!.kind !== "import");
  if (own.length === 0) return said;
  const what = own.length < names.length
    ? `${list(own)} by value`
    : refused.size > 1
    ? "what they are by name"
    : "what it is by name";
  return `${said}; pass ${what}: { ${pasted(own, around)} }`;
}

/** What is said of names that the scope may hold, with the option to paste. */
function missingSentence(
  missing: readonly Missing[],
  fn: AnyFunction,
  name: string,
  around: Around | undefined,
): string {
  const task = name === "" ? "" : ` ${subject(name)}`;
  const names = missing.map(({ name, by }) => {
    return `\`${shorten(name, 60)}\`${by === undefined ? "" : ` (used by \`${shorten(by, 60)}\`)`}`;
  });
  const many = missing.length > 1;
  let said =
    `${enumerated(names)} ${many ? "are" : "is"} not defined inside the task${task}${
      around?.top === undefined ? "" : `, nor at the top level of ${around.top.name}`
    }; pass ` +
    `${many ? "them" : "it"} by name: new Deferred(fn, { ${
      pasted(missing.map(({ name }) => name), around)
    } })`;
  if (missing.some(({ free, by }) => free === nameOf(fn) && by === undefined)) {
    said += `, or write it as \`function ${
      nameOf(fn)
    }(...) { ... }\`, so that the name goes with it`;
  }
  const scope = around?.scope;
  const given = [...scope?.names ?? []];
  if (scope?.giver === undefined && !given.every((name) => around!.users.has(name))) {
    const names = given.slice(0, TOLD).map((name) => shorten(name, 60)).join(", ");
    said += `; if a minifier has mangled the names, let a function give them: ` +
      `{ scope: () => ({ ${names} }) }`;
  }
  const uses = missing.map(({ free, name, text }) => [name, useOf(free, text)] as const);
  const called = uses.find(([name, use]) => use === "called" && name !== nameOf(fn));
  const made = uses.find(([name, use]) => use === "made" && !name.endsWith("Error"));
  if (called !== undefined) {
    said += `; or offer what must run outside: { host: { ${called[0]} } }`;
  }
  if (made !== undefined) {
    said +=
      `; a class whose instances are passed is one of a pool's: new DeferredPool({ classes: [${
        made[0]
      }] })`;
  }
  return said;
}

/**
 * The error for names that a function uses and nothing in its task defines.
 *
 * @param around its scope, and what it was looked for in
 * @param caller tells which file made the call
 */
export function freeVariableError(
  names: readonly string[],
  fn: AnyFunction,
  name: string,
  around?: Around,
  caller?: () => string | undefined,
): FreeVariableError {
  // Nothing is pushed: an inherited setter for an index would take it.
  const told = names.slice(0, TOLD).map((free) => {
    const user = around?.users.get(free);
    const text = user?.alone.source.text ?? textOf(fn);
    return {
      free,
      text,
      by: user === undefined || user.fn === fn ? undefined : user.name,
      advice: ADVICE.get(free) ?? adviceOfHelper(free),
      name: importedAs(free, text) ?? free,
    };
  });
  const byAdvice = new Map<string, string[]>();
  for (const { free, advice } of told) {
    if (advice !== null) byAdvice.set(advice, [...byAdvice.get(advice) ?? [], free]);
  }
  const unadvised = told.filter(({ advice }) => advice === null);
  const file = unadvised.length > 0 && around?.top === undefined ? caller?.() : undefined;
  const imports = file === undefined ? undefined : importsOf(file);
  const imported = new Map<string, string[]>();
  const missing: Missing[] = [];
  for (const one of unadvised) {
    const own = one.by ?? one.name, from = imports?.get(own);
    const names = from === undefined ? undefined : imported.get(from) ?? [];
    if (names === undefined) define(missing, missing.length, one);
    else imported.set(from!, names.includes(own) ? names : [...names, own]);
  }
  const more = names.length - TOLD;
  const refused = [...around?.refused.keys() ?? []];
  const parts = [
    ...missing.length > 0 ? [missingSentence(missing, fn, name, around)] : [],
    ...Array.from(imported, ([from, names]) => importedSentence(names, from)),
    ...Array.from(byAdvice, ([advice, shown]) => sentence(shown, advice)),
    ...more > 0 ? [`${more} more names are not defined there`] : [],
    ...refused.length > 0 ? [refusedSentence(around!)] : [],
  ];
  return new FreeVariableError(parts.join(". "), [...names, ...refused]);
}

/** The error for something that a function takes from around it; the engine lists these. */
export function outerError(what: string, name: string): FunctionNotSerializableError {
  if (what === "super") {
    return refused(
      `${subject(name)} uses \`super\`, which belongs to the object or class around it; ` +
        "pass its value in `args`",
    );
  }
  if (what.startsWith("#")) {
    return refused(
      `${subject(name)} uses the private name \`${what}\`, which means nothing outside ` +
        "its class; pass the value in `args`",
    );
  }
  const arrow = name === "" ? "it is an arrow function" : `${subject(name)} is an arrow function`;
  return refused(
    `${arrow} that uses \`${what}\` of the scope around it, which stays outside the task; ` +
      "pass what it needs in `args`",
  );
}

/** The position in a text that an error of the engine points at. */
function errorPosition({ place }: CompileError, text: string): Position | null {
  const offset = place ? offsetIn(text, place.line, place.column) : null;
  return offset === null ? null : positionAt(text, offset);
}

/** The line of the text that the engine stopped at, with a mark under the place. */
function excerpt(text: string, { line, column }: Position): string {
  const whole = (text.split("\n")[line - 1] ?? "").replaceAll(/\s/g, " ");
  const start = Math.max(0, column - 60);
  const label = `    ${line} | `;
  const shown = whole.slice(start, start + 90);
  return `\n${label}${shown}\n${" ".repeat(label.length - 2)}| ${" ".repeat(column - 1 - start)}^`;
}

const REMEDY_SLOW =
  "put less into one function, and data into `args`. Code that is not yours is run " +
  "by Deferred.eval(source), which compiles it in the task";
const REMEDY_DEEP = "it is nested too deeply: take parts of it out into functions inside it, and " +
  "put data into `args`. Code that is not yours is run by Deferred.eval(source)";

/** The error for a text that the engine refuses. */
export function unreadable(
  error: CompileError,
  { text }: Source,
  name: string,
): FunctionNotSerializableError {
  const { message } = error;
  const privateName = /undefined private field '(.*)'/.exec(message)?.[1];
  if (privateName !== undefined) return outerError(privateName, name);
  if (/'super'|super\(\)/.test(message)) return outerError("super", name);
  if (message.startsWith("new.target")) return outerError("new.target", name);
  if (message.startsWith("import.meta")) {
    return refused(
      `${subject(name)} uses \`import.meta\`, which belongs to its module; ` +
        "pass its value in `args`",
    );
  }
  if (error.name === "TimeoutError" || error.name === "RangeError") {
    return refused(
      `the engine can't compile ${subject(name)}, of ${text.length} characters: ` +
        `${message}; ${error.name === "RangeError" ? REMEDY_DEEP : REMEDY_SLOW}`,
    );
  }
  const position = errorPosition(error, text);
  const where = position ? ` (line ${position.line}, column ${position.column})` : "";
  return refused(
    `the engine can't parse ${subject(name)}: ${message}${where}; write it differently` +
      (position ? excerpt(text, position) : ""),
  );
}
