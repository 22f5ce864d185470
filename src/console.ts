/**
 * What a task prints: its lines, as they come, to a console of the host's.
 *
 * A line comes out of the task as an event, in the order of its other ones and before its end; see
 * realm/console.js for what is in it. The task never waits for it to be read.
 *
 * Invariant: whatever a console does, throws or rejects with, and whatever a line holds, nothing is thrown into
 * the event loop. A console is asked for a method when there is something to print, never before.
 *
 * @module
 */
import { EVENT, LIMIT } from "../ffi/symbols.ts";
import { define } from "./clone/own.ts";
import { escapeControls } from "./display.ts";
import { isObject } from "./call.ts";
import { typeError } from "./errors.ts";
import { describe } from "./function/describe.ts";
import type { TaskEvent } from "./pool/reactor.ts";

/** A console of one's own: by the methods that it lacks nothing is printed. */
export type TaskConsole = {
  readonly [
    K in
      | "assert"
      | "debug"
      | "dir"
      | "error"
      | "group"
      | "groupCollapsed"
      | "groupEnd"
      | "info"
      | "log"
      | "table"
      | "warn"
    // deno-lint-ignore no-explicit-any
  ]?: ((...data: any[]) => void) | undefined;
};

type Method = keyof TaskConsole;

/** Checks the option of that name. `where` begins the call. */
export function checkConsole(where: string, given: unknown): void {
  if (given === undefined || given === false) return;
  const what = "an object with methods such as log, or false";
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw typeError(`${where}{ console }): console must be ${what}, got ${describe(given)}`);
  }
  for (const name of new Set(METHODS.values())) {
    // A getter is not asked: what it throws is nothing of the call's.
    const method: unknown = Object.getOwnPropertyDescriptor(given, name)?.value;
    if (method === undefined || typeof method === "function") continue;
    throw typeError(
      `${where}{ console }): console must be ${what}; ${name} is no function, but ${
        describe(method)
      }`,
    );
  }
}

/** By the methods of a task's console. */
const METHODS: ReadonlyMap<unknown, Method> = new Map<string, Method>([
  ["assert", "assert"],
  ["debug", "debug"],
  ["dir", "dir"],
  ["error", "error"],
  ["group", "group"],
  ["groupCollapsed", "groupCollapsed"],
  ["info", "info"],
  ["log", "log"],
  ["table", "table"],
  ["trace", "error"], // the host's own trace would show the host's stack
  ["warn", "warn"],
]);

/** How many bytes are read before the task is told so. */
const OWED = LIMIT.UNREAD_MAX / 4;

/** The lines of one task. */
export class Printer {
  /** The host's console of the moment, if there is none of one's own. */
  readonly #own: TaskConsole | undefined;
  /** Code that is text may be a stranger's: it gets no control characters to a terminal. */
  readonly #isStrange: boolean;
  readonly #heard: (bytes: number) => void;
  #owed = 0;

  /** @param heard called with how many bytes were read */
  constructor(own: TaskConsole | undefined, isStrange: boolean, heard: (bytes: number) => void) {
    this.#own = own;
    this.#isStrange = isStrange;
    this.#heard = heard;
  }

  /** A line came, or word of some that were dropped. `read` may throw. Throws nothing. */
  receive(
    { number: dropped, which: isOver, size }: TaskEvent,
    read: () => readonly unknown[],
  ): void {
    try {
      if (dropped > 0) {
        const lines = dropped === 1 ? "1 line" : `${dropped} lines`;
        this.#call("warn", [
          `${lines} of the task's console dropped: ${
            isOver > 0 ? "it printed more than its consoleLimit" : "it prints faster than is read"
          }`,
        ]);
      }
      if (size > EVENT.VALUE) this.#print(read());
    } catch {
      // a console's own fault, or a line that is none
    }
    if (size === EVENT.VALUE) return; // it was not counted
    this.#owed += size;
    if (this.#owed < OWED) return;
    this.#heard(this.#owed);
    this.#owed = 0;
  }

  #print([named, depth, values, classes]: readonly unknown[]): void {
    const method = METHODS.get(named);
    if (method === undefined || !Array.isArray(values) || !Array.isArray(classes)) return;
    giveClasses(classes);
    const all: readonly unknown[] = named === "trace" ? traced(values) : values;
    const shown = this.#isStrange ? all.map((value) => harmless(value)) : all;
    // Groups end where they begin, each time: other tasks print, and the host does, in between.
    const groups = typeof depth === "number" && this.#has("group") && this.#has("groupEnd")
      ? depth
      : 0;
    let open = 0;
    try {
      for (; open < groups; open++) this.#call("group", []);
      if (!method.startsWith("group")) this.#call(method, shown);
      else if (shown.length > 0) {
        this.#call(method, shown);
        this.#call("groupEnd", []);
      }
    } finally {
      for (; open > 0; open--) this.#call("groupEnd", []);
    }
  }

  get #target(): TaskConsole {
    return this.#own ?? globalThis.console;
  }

  #has(method: Method): boolean {
    return typeof this.#target[method] === "function";
  }

  #call(method: Method, values: readonly unknown[]): void {
    const target = this.#target;
    const print = target[method];
    if (typeof print !== "function") return;
    const printing: unknown = Reflect.apply(print, target, values);
    // An async one may fail as well; to look at what it gives may, too.
    if (isObject(printing)) new Promise((resolve) => resolve(printing)).catch(() => {});
  }
}

/** Gives objects the names of their classes: each, and the name behind it; "" for no prototype. */
function giveClasses(classes: readonly unknown[]): void {
  const known = new Map<string, object>();
  for (let i = 0; i + 1 < classes.length; i += 2) {
    const [object, name] = [classes[i], classes[i + 1]];
    if (typeof object !== "object" || object === null || typeof name !== "string") continue;
    let prototype: object | null | undefined = null;
    if (name !== "") {
      const shown = escapeControls(name);
      prototype = known.get(name);
      if (prototype === undefined) {
        const made = { [shown]: class {} }[shown]!;
        define(made, "displayName", shown, false); // Bun shows that, or the name in its text
        known.set(name, prototype = made.prototype as object);
      }
    }
    Object.setPrototypeOf(object, prototype);
  }
}

/**
 * The values of `trace`: the first is an error, whose frames stand behind the others. The first frame
 * is that of the task's console.
 */
function traced([error, first, ...rest]: readonly unknown[]): readonly unknown[] {
  const stack = error instanceof Error ? String(error.stack) : "";
  const frames = stack.split("\n").slice(2).map((frame) => `\n${frame}`).join("");
  let title: readonly unknown[] = ["Trace:", first];
  if (first === undefined) title = ["Trace"];
  else if (typeof first === "string") title = [`Trace: ${first}`];
  return frames === "" ? [...title, ...rest] : [...title, ...rest, frames];
}

/** A copy of a value, whose texts can't move a terminal's cursor. */
function harmless(value: unknown, seen: Map<unknown, unknown> = new Map()): unknown {
  if (typeof value === "string") return escapeControls(value);
  if (typeof value !== "object" || value === null) return value;
  if (seen.has(value)) return seen.get(value);
  const keep = <T>(copy: T): T => {
    seen.set(value, copy);
    return copy;
  };
  if (Array.isArray(value)) {
    const copy: unknown[] = keep([]);
    for (const key of Object.keys(value)) {
      define(copy, escapeControls(key), harmless(value[key as unknown as number], seen));
    }
    if (copy.length < value.length) copy.length = value.length;
    return copy;
  }
  if (value instanceof Map) {
    const copy = keep(new Map());
    for (const [key, inner] of value) copy.set(harmless(key, seen), harmless(inner, seen));
    return copy;
  }
  if (value instanceof Set) {
    const copy = keep(new Set());
    for (const inner of value) copy.add(harmless(inner, seen));
    return copy;
  }
  if (value instanceof Error) return escapeControls(String(value.stack));
  if (value instanceof RegExp || value instanceof String) return escapeControls(String(value));
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof Date) {
    return value;
  }
  const copy: object = keep(Object.create(Object.getPrototypeOf(value)));
  for (const [key, inner] of Object.entries(value)) {
    define(copy, escapeControls(key), harmless(inner, seen));
  }
  return copy;
}
