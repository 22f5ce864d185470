/**
 * From a function to what the engine compiles: its text, with a line of our own before it and
 * another one after it.
 *
 * What a function's text (`Function.prototype.toString`) is part of can't be seen: an arrow function
 * is an expression, a method is only valid inside an object, a private one inside a class. The
 * engine is asked, by compiling it as each in turn:
 *
 *     (                ()=>({                   ()=>(class{
 *     (w) => w * 2     get area() { … }         #area(w) { … }
 *     )                })                       })
 *
 * Of the last two the engine takes the one function out that is written so. It never evaluates what
 * is around it: a computed key uses names that only the host has.
 *
 * Invariant: the text is kept whole and begins in the second line, whatever stands in the first. So
 * a position that the engine gives is found in the text by taking one line off, and a frame in line
 * 1 is none of the user's.
 *
 * @module
 */

/** Any function; only its text matters here. */
export type AnyFunction = (...args: never[]) => unknown;

/** What the engine compiles. */
export interface Source {
  /** Our own line before the text. */
  readonly head: string;
  /** The function's text. */
  readonly text: string;
  /** Our own line after the text. */
  readonly tail: string;
  /** Whether the engine is to take the function out of what is around it. */
  readonly isMember: boolean;
}

/** A function's text, whatever it has for a `toString` of its own. */
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

/** A source inside an expression that is all in our own lines: `before` and `after` are around it. */
export function within(source: Source, before: string, after: string): Source {
  return { ...source, head: before + source.head, tail: source.tail + after };
}

/** The whole of a source. */
export function join({ head, text, tail }: Source): string {
  return `${head}\n${text}\n${tail}`;
}

/** Why a function has no text that could be compiled on its own, as far as the host can see. */
export function kindOf(fn: AnyFunction): "native" | "class" | "function" {
  const text = textOf(fn);
  // No function that is written in JavaScript ends so: the body would be a syntax error.
  if (/\{\s*\[native code\]\s*\}\s*$/.test(text.slice(-40))) return "native";
  // A method may be called `class`, but has no prototype.
  return text.startsWith("class") && Object.hasOwn(fn, "prototype") ? "class" : "function";
}

const callerOf = Object.getOwnPropertyDescriptor(Function.prototype, "caller")?.get;

/**
 * Whether the host runs a function as sloppy code, as far as it can be seen: only of a plain sloppy
 * function may the caller be asked for. Arrow functions, methods, and async and generator functions
 * don't tell.
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
