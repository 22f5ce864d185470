/**
 * A function's parameters as they are written, for what is said of a call that looks wrong.
 *
 * @module
 */
import { type AnyFunction, textOf } from "./source.ts";

const IDENTIFIER =
  /(?:[\p{ID_Start}$_]|\\u(?:[\da-f]{4}|\{[\da-f]+\}))(?:[\p{ID_Continue}$\u200c\u200d]|\\u(?:[\da-f]{4}|\{[\da-f]+\}))*/iuy;
const NUMBER =
  /0[xob][\da-f_]+n?|(?:\d[\d_]*n|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:e[+-]?\d[\d_]*)?)/iy;
const SPACE = /\s+/y;

/** Words after which a `/` begins a regular expression. */
const BEFORE_OPERAND: ReadonlySet<string> = new Set(
  "await case delete do else in instanceof new of return throw typeof void yield".split(" "),
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
  readonly kind:
    | "arrow"
    | "function"
    | "method"
    | "getter"
    | "setter"
    | "class"
    | "generator"
    | "unknown";
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
