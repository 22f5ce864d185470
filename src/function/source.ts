/**
 * Functions to source: what the engine compiles for a JavaScript function.
 *
 * A function's text (`Function.prototype.toString`) is not always an expression: methods, getters
 * and setters are only valid inside an object or a class. So the beginning of the text, up to the
 * parameter list at most, is read and, where it must be, replaced; the rest is never touched:
 *
 *     area(w) { return w * 2 }   ->   (function area
 *                                     (w) { return w * 2 }
 *                                     )
 *
 * Invariant: the expression is one line of our own, then the text from {@linkcode
 * FunctionSource.from} on, then a line of our own. So a position that the engine gives is found in
 * the text by taking one line off, whatever stands in that first line, and a frame in line 1 is
 * none of the user's.
 *
 * The engine's reply to a compilation lists the names that nothing defines. Those of transpilers'
 * helpers are then given a definition in the first line; the rest is told to the user at once.
 *
 * @module
 */
import { FreeVariableError, FunctionNotSerializableError } from "../errors.ts";

/** Any function; only its text matters here. */
export type AnyFunction = (...args: never[]) => unknown;

/** A function's text, and the expression that stands for it. */
export interface FunctionSource {
  /** What the function was written as. */
  readonly kind: "arrow" | "function" | "method" | "getter" | "setter";
  /** The function's text, as the host gives it. */
  readonly text: string;
  /** Where in `text` the part begins that is kept: 0 but for methods, getters and setters. */
  readonly from: number;
  /** What the engine compiles. */
  readonly expression: string;
}

// --- reading the beginning of a function ------------------------------------------------------

const IDENTIFIER =
  /(?:[\p{ID_Start}$_]|\\u(?:[\da-f]{4}|\{[\da-f]+\}))(?:[\p{ID_Continue}$\u200c\u200d]|\\u(?:[\da-f]{4}|\{[\da-f]+\}))*/iuy;
const NUMBER =
  /0[xob][\da-f_]+n?|(?:\d[\d_]*n|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:e[+-]?\d[\d_]*)?)/iy;
const SPACE = /\s+/y;

/** Words after which a `/` begins a regular expression. */
const BEFORE_OPERAND: ReadonlySet<string> = new Set(
  "await case delete do else in instanceof new of return throw typeof void yield".split(" "),
);

/** Words that a strict function can't be called. */
const RESERVED: ReadonlySet<string> = new Set(
  ("arguments await break case catch class const continue debugger default delete do else enum " +
    "eval export extends false finally for function if implements import in instanceof interface " +
    "let new null package private protected public return static super switch this throw true " +
    "try typeof var void while with yield").split(" "),
);

function match(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? "";
}

/** The first index from `at` on that is neither white space nor in a comment. */
function skipBlank(text: string, at: number): number {
  for (;;) {
    at += match(SPACE, text, at).length;
    if (text[at] !== "/") return at;
    if (text[at + 1] === "*") at = indexAfter(text, "*/", at + 2);
    else if (text[at + 1] === "/") at = lineEnd(text, at);
    else return at;
  }
}

function indexAfter(text: string, what: string, at: number): number {
  const found = text.indexOf(what, at);
  return found < 0 ? text.length : found + what.length;
}

function lineEnd(text: string, at: number): number {
  while (at < text.length && !/[\n\r\u2028\u2029]/.test(text[at]!)) at++;
  return at;
}

/** The index after the quote that ends the string which begins at `at`. */
function skipString(text: string, at: number): number {
  const quote = text[at++];
  while (at < text.length && text[at] !== quote) at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

/** The index after the backquote or the `${` that ends this part of a template. */
function skipTemplate(text: string, at: number): number {
  for (; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "`") return at + 1;
    else if (text[at] === "$" && text[at + 1] === "{") return at + 2;
  }
  return at;
}

function skipRegExp(text: string, at: number): number {
  let inClass = false;
  for (at++; at < text.length && (inClass || text[at] !== "/"); at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "[") inClass = true;
    else if (text[at] === "]") inClass = false;
  }
  return at + 1;
}

/**
 * The index after the bracket that closes the one at `at`. Whether a `/` divides is told by what
 * stands before it, which is right for all but a regular expression that begins a statement after
 * `)` or `}`.
 */
function skipBracket(text: string, at: number): number {
  const open: string[] = [];
  let divides = false;
  while (at < text.length) {
    at = skipBlank(text, at);
    const char = text[at] ?? "";
    const word = match(IDENTIFIER, text, at) || match(NUMBER, text, at);
    if (word !== "") {
      at += word.length;
      divides = !BEFORE_OPERAND.has(word);
    } else if (char === '"' || char === "'") {
      at = skipString(text, at);
      divides = true;
    } else if (char === "`" || (char === "}" && open.at(-1) === "`")) {
      if (char === "}") open.pop();
      at = skipTemplate(text, at + 1);
      divides = text[at - 1] === "`";
      if (!divides) open.push("`");
    } else if (char === "/" && !divides) {
      at = skipRegExp(text, at);
      divides = true;
    } else if (char === "(" || char === "[" || char === "{") {
      open.push(char);
      at++;
      divides = false;
    } else if (char === ")" || char === "]" || char === "}") {
      open.pop();
      at++;
      divides = true;
      if (open.length === 0) return at;
    } else if (text.startsWith("++", at) || text.startsWith("--", at)) {
      at += 2;
    } else {
      at++;
      divides = false;
    }
  }
  return at;
}

/** The index after the property key at `at`, or `at` if there is none. */
function skipKey(text: string, at: number): number {
  const char = text[at];
  if (char === "[") return skipBracket(text, at);
  if (char === '"' || char === "'") return skipString(text, at);
  if (char === "#") return at + 1 + match(IDENTIFIER, text, at + 1).length;
  return at + (match(IDENTIFIER, text, at) || match(NUMBER, text, at)).length;
}

/** What the beginning of a function's text says about it. */
interface Header {
  readonly kind: FunctionSource["kind"] | "class" | "generator" | "unknown";
  readonly async: boolean;
  /** A method's key as it is written. */
  readonly key: string;
  /** Where the parameter list begins, or the one parameter of an arrow function without brackets. */
  readonly params: number;
}

function readHeader(text: string): Header {
  const header = (
    kind: Header["kind"],
    async = false,
    key = "",
    params = 0,
  ): Header => ({ kind, async, key, params });

  let async = false;
  let kind: "method" | "getter" | "setter" = "method";
  let at = skipBlank(text, 0);
  for (;;) {
    if (text[at] === "(") return header("arrow", async, "", at);
    if (text[at] === "*") return header("generator", async);
    const end = skipKey(text, at);
    const key = text.slice(at, end);
    const next = skipBlank(text, end);
    if (end === at) return header("unknown");
    if (text.startsWith("=>", next)) return header("arrow", async, "", at);
    const call = text[next] === "(";
    if (key === "function" && kind === "method") {
      if (text[next] === "*") return header("generator", async);
      return header("function", async, "", skipBlank(text, skipKey(text, next)));
    }
    if (key === "async" && !async) {
      // `async (a) => a` is an arrow function, `async(a) { ... }` a method of that name.
      if (!call) {
        async = true;
        at = next;
        continue;
      }
      const after = skipBlank(text, skipBracket(text, next));
      if (text.startsWith("=>", after)) return header("arrow", true, "", next);
    } else if (!call && !async && kind === "method") {
      if (key === "class") return header("class");
      if (key === "get" || key === "set") {
        kind = key === "get" ? "getter" : "setter";
        at = next;
        continue;
      }
    }
    return call ? header(kind, async, key, next) : header("unknown");
  }
}

/**
 * What stands in for a method: a function expression of the same name. The name of a function
 * expression can be seen inside it, a method's can't: so it is left out where the text has it
 * elsewhere, too, and where it is no plain name.
 */
function methodHead(text: string, header: Header, async: boolean): string {
  const { key } = header;
  const plain = header.kind === "method" && /^[a-z_$][\w$]*$/i.test(key) && !RESERVED.has(key);
  const name = plain && !text.includes(key, header.params) ? ` ${key}` : "";
  return `(${async ? "async " : ""}function${name}\n`;
}

const nativeText = /\{\s*\[native code\]\s*\}\s*$/;

/**
 * Reads a function's text. What can't be compiled on its own is told by its kind.
 *
 * @param async whether the function is known to be async; JavaScriptCore leaves the first word
 * out of `async async() {}`.
 */
export function readSource(
  text: string,
  async = false,
): FunctionSource | { readonly kind: "native" | "class" | "generator" | "unknown" } {
  // No function that is written in JavaScript ends so: the body would be a syntax error.
  if (nativeText.test(text.slice(-40))) return { kind: "native" };
  const header = readHeader(text);
  const { kind } = header;
  if (kind === "class" || kind === "generator" || kind === "unknown") return { kind };
  const whole = kind === "arrow" || kind === "function";
  const from = whole ? 0 : header.params;
  const head = whole ? "(\n" : methodHead(text, header, async || header.async);
  return { kind, text, from, expression: `${head}${text.slice(from)}\n)` };
}

const AsyncFunction: unknown = Object.getPrototypeOf(async () => {});

const textOf: (fn: AnyFunction) => string = Function.prototype.call.bind(
  Function.prototype.toString,
);

/** A function's parameters as they are written; "" if there are none, or they can't be seen. */
function parametersOf(text: string): string {
  const { params } = readHeader(text);
  if (text[params] !== "(") return match(IDENTIFIER, text, params);
  const list = text.slice(params + 1, skipBracket(text, params) - 1);
  return list.slice(skipBlank(list, 0));
}

/** The name of a function's first parameter; "" if it has none, or a pattern. */
export function firstParameter(fn: AnyFunction): string {
  return match(IDENTIFIER, parametersOf(textOf(fn)), 0);
}

/** Whether a function surely sees no more of what it is called with than its `length` tells. */
export function seesOnlyParameters(fn: AnyFunction): boolean {
  const text = textOf(fn);
  return !/=|\.\.\./.test(parametersOf(text)) && !text.includes("arguments");
}

/**
 * The source of a function.
 *
 * @throws {FunctionNotSerializableError} if it has none that could be compiled on its own.
 */
export function sourceOf(fn: AnyFunction, name: string): FunctionSource {
  const text = textOf(fn);
  // Asked only where it matters, and after the text: a Proxy would be asked, too.
  const lost = text.startsWith("async(") && Object.getPrototypeOf(fn) === AsyncFunction;
  const source = readSource(text, lost);
  switch (source.kind) {
    case "native":
      throw refused(whyNative(fn, name));
    case "class":
      throw refused(
        `${subject(name)} is a class; pass a function that makes the instance inside the task: ` +
          "`() => { class Point { ... } return new Point(1, 2).length; }`",
      );
    case "generator":
      throw refused(
        `${subject(name)} is a generator function, whose values can't leave the task one by one; ` +
          "pass a function that returns them in an array",
      );
    case "unknown":
      throw refused(
        `the text of ${subject(name)} does not look like a function; wrap it in an arrow function`,
      );
    default:
      return source;
  }
}

// --- what the user is told --------------------------------------------------------------------

function refused(why: string): FunctionNotSerializableError {
  return new FunctionNotSerializableError(`Function not serializable: ${why}`);
}

function subject(name: string): string {
  return name === "" ? "the function" : `\`${shorten(name, 60)}\``;
}

function shorten(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
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

/** A function's own name; "" if it has none, or hides it. */
export function nameOf(fn: AnyFunction): string {
  try {
    const name: unknown = fn.name;
    return typeof name === "string" ? name : "";
  } catch {
    return "";
  }
}

const OUTSIDE = "is not available inside a task";

const NO_MODULES =
  "can't load modules yet; pass what the module gives in `args`, or write what it " +
  "does inside the function";
const NO_MODULES_IN_SCRIPT =
  "a task can't load modules yet; pass what the module gives in `scope`, or write what it does " +
  "into the text";

/** What is said of `import()` in a task, whose engine only says which module. */
export function noModule(message: string, inScript: boolean): string | null {
  const module = /^could not load module ('[^]*')$/.exec(message)?.[1];
  if (module === undefined) return null;
  return `import(${module}): ${inScript ? NO_MODULES_IN_SCRIPT : `a task ${NO_MODULES}`}`;
}

/** What the engine says of a text that is no script, with what to do about it. */
const SCRIPT_ADVICE: ReadonlyMap<string, string> = new Map([
  ["import statements only work in modules", NO_MODULES_IN_SCRIPT],
  ["import.meta only valid in module code", "a task has no modules"],
  ["unsupported keyword: export", "code that is text exports nothing: return the value"],
  ["unexpected token in expression: ''", "the text ends too early, or has a NUL there"],
]);

/** What is said of a SyntaxError in a script; `null` if the engine says it all. */
export function scriptSyntaxError(message: string): string | null {
  const advice = SCRIPT_ADVICE.get(message);
  return advice === undefined ? null : `${message}; ${advice}`;
}

/** What to do instead of using a name that people expect everywhere. */
const ADVICE: ReadonlyMap<string, string> = new Map(
  ([
    ["console", `${OUTSIDE} yet; return what you want to print`],
    [
      "setTimeout setInterval setImmediate clearTimeout clearInterval clearImmediate",
      `${OUTSIDE}, which has no timers; wait before or after the task`,
    ],
    [
      "fetch Request Response Headers WebSocket XMLHttpRequest EventSource",
      `${OUTSIDE}, which has no network; fetch outside and pass what came in \`args\``,
    ],
    [
      "process Deno Bun navigator",
      "belongs to the host and stays outside the task; pass the value that you need in `args`",
    ],
    ["Buffer", `${OUTSIDE}; use Uint8Array`],
    [
      "require module exports __dirname __filename importScripts",
      `${OUTSIDE}, which ${NO_MODULES}`,
    ],
    [
      "postMessage parentPort",
      `${OUTSIDE}, which sends no messages; return the value, and await the Deferred`,
    ],
    [
      "onmessage addEventListener workerData",
      `${OUTSIDE}, which gets no messages; pass what it needs in \`args\``,
    ],
    [
      "window document self localStorage sessionStorage location alert",
      `${OUTSIDE}; pass the value that you need in \`args\``,
    ],
    ["global", `${OUTSIDE}; use globalThis`],
    ["structuredClone", `${OUTSIDE} yet; arguments and results are cloned anyway`],
    [
      "URL URLSearchParams TextEncoder TextDecoder Blob File FormData Event EventTarget " +
      "AbortController AbortSignal ReadableStream WritableStream TransformStream MessageChannel " +
      "BroadcastChannel Worker",
      `${OUTSIDE} yet; use it outside and pass what it gives in \`args\``,
    ],
    [
      "crypto Crypto",
      `${OUTSIDE} yet; make random values and digests outside and pass them in \`args\``,
    ],
    ["Intl", `${OUTSIDE}, whose engine has no Intl; format outside`],
    ["WebAssembly", `${OUTSIDE}, whose engine has no WebAssembly; use a Worker for that`],
    ["DeferredPool", `${OUTSIDE}; a task can't start tasks`],
  ] as const).flatMap(([names, advice]) => names.split(" ").map((name) => [name, advice] as const)),
);

/** Names that bundlers, transpilers and test runners give to an imported module. */
const IMPORTED = /^(__(vite_ssr|vi|vi_ssr)_import_\d+__|import_\w+|_\w+_mjs|\w+__WEBPACK_\w+)$/;

/** What the user calls the import that a bundler's name stands for, or `null` if it is none. */
function importedAs(name: string, text: string): string | null {
  const escaped = name.replaceAll("$", "\\$");
  const member = new RegExp(`(?<![\\w$.])${escaped}\\s*\\.\\s*([\\w$]+)`).exec(text)?.[1];
  // `(0, path.join)(...)` is how they keep `this` away from an imported function.
  const called = new RegExp(`\\(\\s*0\\s*,\\s*${escaped}\\s*\\.`).test(text);
  return member !== undefined && (called || IMPORTED.test(name)) ? member : null;
}

function list(names: readonly string[]): string {
  const quoted = names.map((name) => `\`${shorten(name, 60)}\``);
  return quoted.length < 2
    ? quoted.join()
    : `${quoted.slice(0, -1).join(", ")} and ${quoted.at(-1)}`;
}

const NO_ADVICE = "is not defined inside the task";
const CALLED = `${NO_ADVICE}, and a function can't be passed to it`;
const MADE = `${NO_ADVICE}, which knows no classes but its pool's`;
const MADE_ERROR = `${NO_ADVICE}, which knows no errors but the language's own`;

/** What to do about names that nobody knows, by what is said about them. */
const REMEDY: ReadonlyMap<string, string> = new Map([
  [NO_ADVICE, "pass data in `args`, and put code into the function"],
  [CALLED, "put the code into the function, or pass its result in `args`"],
  [
    MADE,
    "write the class inside the function, or register it: new DeferredPool({ classes: [...] })",
  ],
  [MADE_ERROR, "write the class inside the function"],
]);

/** What is known of a name by how the text uses it. */
function adviceByUse(name: string, text: string): string {
  const escaped = name.replaceAll("$", "\\$");
  if (new RegExp(`\\b(?:new|instanceof)\\s+${escaped}(?![\\w$])`).test(text)) {
    return name.endsWith("Error") ? MADE_ERROR : MADE;
  }
  return new RegExp(`(?<![\\w$.])${escaped}\\s*(\\?\\.)?\\s*[(\`]`).test(text) ? CALLED : NO_ADVICE;
}

/** What the user calls a name, and what to do about it. */
function adviceFor(name: string, fn: AnyFunction): { readonly shown: string; advice: string } {
  if (name === nameOf(fn)) {
    const advice = "is the function itself, which can't see that name inside the task; write it " +
      `as \`function ${name}(...) { ... }\`, so that the name goes with it`;
    return { shown: name, advice };
  }
  const imported = importedAs(name, textOf(fn));
  if (imported !== null) {
    const advice = "is imported, and imports stay outside the task; pass what you need in " +
      "`args`, or write what it does inside the function";
    return { shown: imported, advice };
  }
  const helperAdvice =
    `${NO_ADVICE}; it looks like a helper that a transpiler added: compile for ` +
    "a newer target, ES2022 or later";
  const advice = ADVICE.get(name) ??
    (/^__[a-z]/i.test(name) ? helperAdvice : adviceByUse(name, textOf(fn)));
  return { shown: name, advice };
}

/** One sentence for all names with the same advice. */
function sentence(names: readonly string[], advice: string, task: string): string {
  const many = names.length > 1;
  const said = many ? advice.replace(/^is /, "are ").replace(/^belongs /, "belong ") : advice;
  const remedy = REMEDY.get(advice);
  if (remedy === undefined) return `${list(names)} ${said}`;
  return `${list(names)} ${said.replace("the task", () => `the task${task}`)}; ${remedy}`;
}

/** So many names are told of one by one: each is looked for in the text. */
const TOLD = 10;

/** The error for names that a function uses and nothing in its task defines. */
export function freeVariableError(
  names: readonly string[],
  fn: AnyFunction,
  name: string,
): FreeVariableError {
  const byAdvice = new Map<string, string[]>([[NO_ADVICE, []]]);
  for (const free of names.slice(0, TOLD)) {
    const { shown, advice } = adviceFor(free, fn);
    byAdvice.set(advice, [...(byAdvice.get(advice) ?? []), shown]);
  }
  const task = name === "" ? "" : ` ${subject(name)}`;
  const parts = [...byAdvice]
    .filter(([, shown]) => shown.length > 0)
    .map(([advice, shown]) => sentence(shown, advice, task));
  if (names.length > TOLD) parts.push(`${names.length - TOLD} more names are not defined there`);
  return new FreeVariableError(parts.join(". "), names);
}

/** What an arrow function takes from around it; the engine lists it. */
function outerError(what: string, name: string): FunctionNotSerializableError {
  const arrow = name === "" ? "it is an arrow function" : `${subject(name)} is an arrow function`;
  return refused(
    `${arrow} that uses \`${what}\` of the scope around it, which stays outside the task; ` +
      "pass what it needs in `args`",
  );
}

/** Where in `source.text` an error of the engine points at. */
function errorPosition(error: CompileError, source: FunctionSource): Position | null {
  const { place } = error;
  const offset = place ? offsetIn(source, place.line, place.column) : null;
  return offset === null ? null : positionAt(source.text, offset);
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

/** The error for source that the engine refuses. */
function unreadable(
  error: CompileError,
  source: FunctionSource,
  name: string,
): FunctionNotSerializableError {
  const { message } = error;
  const privateName = /undefined private field '(.*)'/.exec(message)?.[1];
  if (privateName !== undefined) {
    return refused(
      `${subject(name)} uses the private name \`${privateName}\`, which means nothing outside ` +
        "its class; pass the value in `args`",
    );
  }
  if (/'super'|super\(\)/.test(message)) {
    return refused(
      `${subject(name)} uses \`super\`, which belongs to the object or class around it; ` +
        "pass what it gives in `args`",
    );
  }
  if (message.startsWith("new.target")) return outerError("new.target", name);
  if (message.startsWith("import.meta")) {
    return refused(
      `${subject(name)} uses \`import.meta\`, which belongs to its module; ` +
        "pass what it gives in `args`",
    );
  }
  if (error === TOO_SLOW.error || error.name === "RangeError") {
    return refused(
      `the engine can't compile ${subject(name)}, of ${source.text.length} characters: ` +
        `${message}; ${error.name === "RangeError" ? REMEDY_DEEP : REMEDY_SLOW}`,
    );
  }
  const position = errorPosition(error, source);
  const where = position ? ` (line ${position.line}, column ${position.column})` : "";
  return refused(
    `the engine can't read ${subject(name)}: ${message}${where}; write it in another way` +
      (position ? excerpt(source.text, position) : ""),
  );
}

// --- positions --------------------------------------------------------------------------------

/** A place in a text as people count: from 1, columns in UTF-16 units as every runtime does. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** The place of an index. */
export function positionAt(text: string, index: number): Position {
  let line = 1;
  let start = 0;
  for (;;) {
    const next = text.indexOf("\n", start) + 1;
    if (next === 0 || next > index) return { line, column: index - start + 1 };
    line++;
    start = next;
  }
}

/** Bytes of a code point in UTF-8. */
function utf8Length(point: number): number {
  return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

/**
 * Where a position that the engine gives lies in `source.text`: an index, or `null` if it is no
 * position of the user's. Lines and columns count from 1; the engine's columns count bytes.
 */
export function offsetIn(
  source: Pick<FunctionSource, "text" | "from">,
  line: number,
  column: number,
): number | null {
  const { text, from } = source;
  let at = from;
  if (line < 2) return null;
  for (let left = line - 2; left > 0; left--) {
    at = text.indexOf("\n", at) + 1;
    if (at === 0) return null;
  }
  for (let left = column - 1; left > 0 && at < text.length && text[at] !== "\n";) {
    const point = text.codePointAt(at)!;
    left -= utf8Length(point);
    at += point > 0xffff ? 2 : 1;
  }
  return at < text.length ? at : null;
}

/** Longer scripts are not searched for a line: the engine's column is good enough for them. */
const MAX_SCRIPT = 256 * 1024;

/** The place in a script that the engine means, whose columns count bytes. */
export function scriptPosition(text: string, place: Position): Position {
  if (text.length > MAX_SCRIPT) return place;
  // The one line of our own that stands before a function, a script does not have.
  // And its end is a place, too.
  const offset = offsetIn({ text: `${text} `, from: 0 }, place.line + 1, place.column);
  return offset === null ? place : positionAt(text, offset);
}

// --- transpilers' helpers ---------------------------------------------------------------------

const ASYNC =
  "(async(v,d,s='next')=>{const i=g.apply(t,a??[]);for(;;){({value:v,done:d}=i[s](v));" +
  "if(d)return v;try{v=await v;s='next'}catch(e){v=e;s='throw'}}})()";
const REST = "(o,x)=>{const r={...o};for(const k of x)delete r[k];return r}";
const DEFINE = "Object.defineProperty(o,k,{value:v,enumerable:!0,configurable:!0,writable:!0})";
const FOR_AWAIT = "(o)=>{const a=o[Symbol.asyncIterator];if(a)return a.call(o);" +
  "const i=o[Symbol.iterator](),f=async(r)=>({value:await r.value,done:r.done});return{" +
  "next:(v)=>f(i.next(v)),return:(v)=>f(i.return?i.return(v):{value:v,done:!0})}}";
/** Counts nothing: whatever is read of it or called is itself, as a number it is 0. */
const COUNTER = "(()=>{const p=new Proxy(()=>p,{set:()=>!0," +
  "get:(t,k)=>k===Symbol.toPrimitive?()=>0:p});return p})()";

/**
 * Our own definitions of what transpilers put into function bodies: esbuild's (and so tsx's and
 * Vite's) and TypeScript's.
 */
const HELPERS: Readonly<Record<string, string>> = {
  __name: "(f,n)=>Object.defineProperty(f,'name',{value:n,configurable:!0})",
  __defNormalProp: `(o,k,v)=>(${DEFINE},v)`,
  __publicField: `(o,k,v)=>(${DEFINE},v)`,
  __spreadValues: "(a,b)=>Object.defineProperties(a,Object.getOwnPropertyDescriptors({...b}))",
  __spreadProps: "(a,b)=>Object.defineProperties(a,Object.getOwnPropertyDescriptors(b))",
  __objRest: REST,
  __restKey: "(k)=>typeof k=='symbol'?k:k+''",
  __pow: "(a,b)=>a**b",
  __async: `(t,a,g)=>${ASYNC}`,
  __forAwait: FOR_AWAIT,
  __awaiter: `(t,a,P,g)=>${ASYNC}`,
  __asyncValues: FOR_AWAIT,
  __rest: REST,
  __assign: "Object.assign",
  __spreadArray: "(a,b)=>a.concat(Array.from(b))",
};

/** Istanbul's counters: `cov_1x2y3z().s[0]++`. */
const ISTANBUL = /^cov_\w+$/;

function helper(name: string): string | null {
  if (Object.hasOwn(HELPERS, name)) return HELPERS[name]!;
  return ISTANBUL.test(name) ? COUNTER : null;
}

/** The expression with definitions of `names` in its first line. */
export function withHelpers(source: FunctionSource, names: readonly string[]): FunctionSource {
  const definitions = names.map((name) => `${name}=${helper(name)}`);
  return { ...source, expression: `((${definitions.join(",")})=>${source.expression})()` };
}

/** As `withHelpers`, where `this` is `undefined` and no longer that of the scope around it. */
function withoutThis(source: FunctionSource, names: readonly string[]): FunctionSource {
  const definitions = names.map((name) => `${name}=${helper(name)}`);
  const expression = `(function(${definitions.join(",")}){return${source.expression}})()`;
  return { ...source, expression };
}

/** A lowered async arrow function passes the `this` around it on, needed or not. */
const LOWERED_THIS = /\b(__async|__awaiter)\(this\b/g;

// --- compiling --------------------------------------------------------------------------------

/** An error of the engine. */
export interface CompileError {
  readonly name: string;
  readonly message: string;
  /** Where in the expression, as the engine counts. */
  readonly place?: Position | undefined;
}

/** The engine's answer to a source: a program, or why it was refused. */
export type CompileReply =
  | {
    /** Handle of the program. */
    readonly program: number;
    /** Names that are used and defined nowhere. */
    readonly free: readonly string[];
    /** What an arrow function takes from around it. */
    readonly outer: readonly string[];
    readonly kind: string;
    /** A private member of a class that stands in the function, such as `#x`. */
    readonly hidden?: string;
  }
  | { readonly program: 0; readonly error: CompileError };

const utf8 = new TextEncoder();

/**
 * A text in UTF-8, as the engine reads it: unlike TextEncoder's, lone surrogates stay what they are,
 * three bytes each.
 */
export function encodeSource(text: string): Uint8Array {
  if (text.isWellFormed()) return utf8.encode(text);
  const bytes = new Uint8Array(3 * text.length);
  let length = 0;
  for (const part of text.split(/([\ud800-\udfff])/u)) {
    const unit = part.charCodeAt(0);
    if (part.length === 1 && (unit & 0xf800) === 0xd800) {
      bytes.set([0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f)], length);
      length += 3;
    } else {
      length += utf8.encodeInto(part, bytes.subarray(length)).written;
    }
  }
  return bytes.subarray(0, length);
}

/** Compiles an expression, and frees the handle of a program that is no longer wanted. */
export interface Compiler {
  compile(expression: string, strict: boolean): CompileReply;
  free(program: number): void;
}

type Compiled = Exclude<CompileReply, { readonly program: 0 }>;

/** The reply for source that takes longer to compile than the event loop may stand still. */
export const TOO_SLOW = {
  program: 0,
  error: { name: "TimeoutError", message: "it takes longer than 5 s" },
} as const;

/** Compiles as strict code, as in modules and classes, or sloppy if only that can be read. */
function compileSource(compiler: Compiler, source: FunctionSource, name: string): Compiled {
  const strict = compiler.compile(source.expression, true);
  if (!("error" in strict)) return strict;
  if (strict === TOO_SLOW) throw unreadable(strict.error, source, name);
  const sloppy = compiler.compile(source.expression, false);
  if (!("error" in sloppy)) return sloppy;
  throw unreadable(sloppy.error, source, name);
}

/** Gives the helpers that it needs to a function that was compiled without them. */
function compileWithHelpers(
  compiler: Compiler,
  bare: FunctionSource,
  first: Compiled,
  name: string,
): Compiled {
  const helpers = first.free.filter((free) => helper(free) !== null);
  if (helpers.length === 0) return first;
  compiler.free(first.program);
  const source = withHelpers(bare, helpers);
  const reply = compileSource(compiler, source, name);
  if (!reply.outer.includes("this")) return reply;
  // Whether anything but those calls takes it is told by the text without them. That is not what
  // runs: a method of its own may pass a `this` on, too.
  const expression = bare.expression.replace(LOWERED_THIS, "$1(null");
  if (expression === bare.expression) return reply;
  compiler.free(reply.program);
  const probe = compileSource(compiler, withHelpers({ ...bare, expression }, helpers), name);
  if (probe.outer.length > 0) return probe;
  compiler.free(probe.program);
  return { ...probe, program: compileSource(compiler, withoutThis(bare, helpers), name).program };
}

/** A compiled function. */
export interface CompiledFunction {
  /** Handle of the program. */
  readonly program: number;
  /** The names that only the task itself can define, at run time. */
  readonly free: readonly string[];
}

/** Throws unless each of `free` is allowed. */
function checkFree(
  free: readonly string[],
  allowed: readonly string[] | true | undefined,
  fn: AnyFunction,
  name: string,
): void {
  if (free.length === 0 || allowed === true) return;
  const known = new Set(allowed);
  const unknown = free.filter((used) => !known.has(used));
  if (unknown.length > 0) throw freeVariableError(unknown, fn, name);
}

/** What is said about a function beside its text. */
export interface CompileOptions {
  /** What messages call it; "" for no name. */
  readonly name: string;
  /** Names that it may use though nothing defines them yet; `true` for any. Default: none. */
  readonly allowGlobals?: readonly string[] | true | undefined;
}

/**
 * Compiles a function.
 *
 * @throws {FunctionNotSerializableError} if it can't be compiled on its own.
 * @throws {FreeVariableError} if it uses names that nothing defines.
 */
export function compileFunction(
  compiler: Compiler,
  fn: AnyFunction,
  { name, allowGlobals }: CompileOptions,
): CompiledFunction {
  const source = sourceOf(fn, name);
  const bare = compileSource(compiler, source, name);
  const { program, free, outer } = compileWithHelpers(compiler, source, bare, name);
  try {
    // Of an empty list whatever stands on a prototype would be the first.
    const first = outer.length > 0 ? outer[0] : undefined;
    const taken = free.includes("arguments") ? "arguments" : first;
    if (taken !== undefined) throw outerError(taken, name);
    checkFree(free, allowGlobals, fn, name);
  } catch (error) {
    compiler.free(program);
    throw error;
  }
  return { program, free };
}

interface CachedProgram extends CompiledFunction {
  /** Used again since it was last looked at for eviction. */
  used: boolean;
  evicted: boolean;
}

/** UTF-16 units of all texts that a cache keeps programs of, at the most; a longer one alone. */
const CACHED_TEXT = 16 * 2 ** 20;

/** Functions of this length and more are also found by identity: hashing their text costs more. */
const LONG_TEXT = 256;

/**
 * The programs of one pool, by the text of their functions.
 *
 * Bounded, by their number and by their texts: when it is full, the oldest program that was not used
 * since the last look is freed (second chance), which costs a use no more than setting a flag.
 */
export class ProgramCache {
  readonly #compiler: Compiler;
  readonly #capacity: number;
  readonly #textCapacity: number;
  #textLength = 0;
  readonly #byText = new Map<string, CachedProgram>();
  readonly #byFunction = new WeakMap<AnyFunction, CachedProgram>();

  constructor(
    compile: Compiler["compile"],
    free: Compiler["free"],
    capacity: number = 1000,
    textCapacity: number = CACHED_TEXT,
  ) {
    this.#compiler = { compile, free };
    this.#capacity = capacity;
    this.#textCapacity = textCapacity;
  }

  /** How many programs are kept. */
  get size(): number {
    return this.#byText.size;
  }

  /**
   * The handle of a function's program. It is valid until the next call.
   *
   * @throws what {@linkcode compileFunction} throws.
   */
  get(fn: AnyFunction, options: CompileOptions): number {
    let cached = this.#byFunction.get(fn);
    if (cached === undefined || cached.evicted) cached = this.#find(fn, options);
    else cached.used = true;
    checkFree(cached.free, options.allowGlobals, fn, options.name);
    return cached.program;
  }

  #find(fn: AnyFunction, options: CompileOptions): CachedProgram {
    const text = textOf(fn);
    let cached = this.#byText.get(text);
    if (cached === undefined) {
      const { program, free } = compileFunction(this.#compiler, fn, options);
      while (this.#isFull(text.length)) this.#evict();
      cached = { program, free, used: false, evicted: false };
      this.#byText.set(text, cached);
      this.#textLength += text.length;
    } else {
      cached.used = true;
    }
    if (text.length >= LONG_TEXT) this.#byFunction.set(fn, cached);
    return cached;
  }

  /** Whether there is no room for one more program, of a text of this length. */
  #isFull(length: number): boolean {
    const { size } = this.#byText;
    return size >= this.#capacity || (size > 0 && this.#textLength + length > this.#textCapacity);
  }

  #evict(): void {
    // A map is walked in the order of insertion, what is inserted on the way included.
    for (const [text, cached] of this.#byText) {
      this.#byText.delete(text);
      if (cached.used) {
        cached.used = false;
        this.#byText.set(text, cached);
      } else {
        cached.evicted = true;
        this.#textLength -= text.length;
        this.#compiler.free(cached.program);
        return;
      }
    }
  }
}

// --- showing a value --------------------------------------------------------------------------

const article = (word: string): string => `${/^[aeio]/i.test(word) ? "an" : "a"} ${word}`;

/**
 * What a value is, in a few words for an error message: `the number 42`, `a promise`, `an array of
 * 3`. Never throws, and runs no code of the value but a Proxy's traps.
 *
 * @example
 * ```ts
 * describe("a".repeat(1000)); // the string "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…"
 * ```
 */
export function describe(value: unknown): string {
  switch (typeof value) {
    case "undefined":
      return "undefined";
    case "boolean":
      return String(value);
    case "number":
      return `the number ${Object.is(value, -0) ? "-0" : value}`;
    case "bigint":
      return `the bigint ${describeBigInt(value)}`;
    case "string":
      return `the string ${JSON.stringify(shorten(value, 40))}`;
    case "symbol":
      return `the symbol ${shorten(String(value), 40)}`;
    default:
      if (value === null) return "null";
      try {
        return typeof value === "function"
          ? describeFunction(value)
          : describeObject(value as object);
      } catch {
        return article(typeof value); // a Proxy that refuses
      }
  }
}

function describeBigInt(value: bigint): string {
  // The digits of a huge one take seconds.
  const limit = 10n ** 40n;
  return value < limit && value > -limit ? `${value}n` : "of more than 40 digits";
}

function describeFunction(value: object): string {
  const name = Object.getOwnPropertyDescriptor(value, "name")?.value;
  return typeof name === "string" && name !== ""
    ? `the function \`${shorten(name, 40)}\``
    : "a function";
}

function describeObject(value: object): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (value instanceof Promise) return "a promise";
  const prototype: object | null = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return "an object";
  const maker = Object.getOwnPropertyDescriptor(prototype, "constructor")?.value;
  const name = typeof maker === "function" &&
    Object.getOwnPropertyDescriptor(maker, "name")?.value;
  return typeof name === "string" && name !== ""
    ? `${article(shorten(name, 40))} object`
    : "an object";
}
