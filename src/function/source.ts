/**
 * From a function to the source that the engine compiles: its text, with a line of ours before it
 * and another after it.
 *
 * The host does not say what a function's text (`Function.prototype.toString`) is part of. An arrow
 * function is an expression; a method is only valid inside an object, a private one inside a class.
 * So the engine compiles it as each in turn:
 *
 *     (                ()=>({                   ()=>(class{
 *     (w) => w * 2     get area() { … }         #area(w) { … }
 *     )                })                       })
 *
 * In the last two cases the engine takes out the one function inside. It never evaluates what is
 * around it, because a computed key may use names that only the host has.
 *
 * Invariant: the text is kept whole and begins in the second line, whatever the first line
 * contains. So the position of an error in the text is the engine's minus one line, and a frame in
 * line 1 is not the user's.
 *
 * @module
 */

/** Any function; only its text matters here. */
export type AnyFunction = (...args: never[]) => unknown;

/** What the engine compiles. */
export interface Source {
  /** Our line before the text. */
  readonly head: string;
  /** The function's text. */
  readonly text: string;
  /** Our line after the text. */
  readonly tail: string;
  /** Whether the engine is to take the function out of what is around it. */
  readonly isMember: boolean;
  /** With how many outer values it is called, to give the function; see `enclose.ts`. */
  readonly outer?: number;
}

/** A function's text, even if it has a `toString` of its own. */
export const textOf: (fn: AnyFunction) => string = Function.prototype.call.bind(
  Function.prototype.toString,
);

const AsyncFunction: unknown = Object.getPrototypeOf(async () => {});

/** The source of a text that is an expression. */
export function expression(text: string): Source {
  return { head: "(", text, tail: ")", isMember: false };
}

/** What a function may be part of, the likeliest first. */
export function sourcesOf(fn: AnyFunction): readonly Source[] {
  const text = textOf(fn);
  // JavaScriptCore leaves the first word out of `async async() {}`.
  const isCut = text.startsWith("async(") && Object.getPrototypeOf(fn) === AsyncFunction;
  const member = isCut ? `async ${text}` : text;
  return [
    expression(text),
    { head: "()=>({", text: member, tail: "})", isMember: true },
    { head: "()=>(class{", text: member, tail: "})", isMember: true },
  ];
}

/** A source inside an expression that stands in our own lines, `before` and `after` it. */
export function within(source: Source, before: string, after: string): Source {
  return { ...source, head: before + source.head, tail: source.tail + after };
}

/** The whole of a source. */
export function join({ head, text, tail }: Source): string {
  return `${head}\n${text}\n${tail}`;
}

/**
 * What the host can see of a function: "function" unless its text can't be compiled on its own.
 */
export function kindOf(fn: AnyFunction): "native" | "class" | "function" {
  const text = textOf(fn);
  // No function that is written in JavaScript ends so: the body would be a syntax error.
  if (/\{\s*\[native code\]\s*\}\s*$/.test(text.slice(-40))) return "native";
  // A method may be called `class`, but has no prototype.
  return text.startsWith("class") && Object.hasOwn(fn, "prototype") ? "class" : "function";
}

const callerOf = Object.getOwnPropertyDescriptor(Function.prototype, "caller")?.get;

/**
 * Whether the host is seen to run a function as sloppy code: only a plain sloppy function may be
 * asked for its `caller`. Arrow functions, methods, and async and generator functions don't tell.
 */
export function isSloppy(fn: AnyFunction): boolean {
  if (callerOf === undefined || !textOf(fn).startsWith("function")) return false;
  try {
    Reflect.apply(callerOf, fn, []);
    return true;
  } catch {
    return false;
  }
}

/** A list of parameters in which brackets and commas are what they seem: no strings, no comments. */
const PLAIN_LIST = /^[^"'`/]*$/;

/**
 * How many parameters a function declares; `undefined` if it may see more arguments than these (a
 * rest parameter, `arguments`, `eval`), or if the text does not show it.
 */
export function parameterCount(text: string): number | undefined {
  if (/\b(?:arguments|eval)\b/.test(text)) return undefined;
  if (/^(?:async\s+)?[\p{ID_Start}$_][\p{ID_Continue}$]*\s*=>/u.test(text)) return 1;
  const start = text.indexOf("(");
  if (start < 0 || !/^[\s*\p{ID_Continue}$]*$/u.test(text.slice(0, start))) return undefined;
  let depth = 0, count = 0, isEmpty = true;
  for (let i = start; i < text.length; i++) {
    const character = text[i]!;
    if ("([{".includes(character)) {
      if (depth++ > 0) isEmpty = false;
    } else if (")]}".includes(character)) {
      if (--depth > 0) continue;
      return PLAIN_LIST.test(text.slice(start, i)) ? count + (isEmpty ? 0 : 1) : undefined;
    } else if (depth === 1 && character === ",") {
      count++;
      isEmpty = true; // a comma may be the last
    } else if (depth === 1 && text.startsWith("...", i)) {
      return undefined;
    } else if (!/\s/.test(character)) {
      isEmpty = false;
    }
  }
  return undefined;
}
