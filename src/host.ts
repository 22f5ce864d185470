/**
 * Functions of the host that tasks may call: what was offered, checked; and the calls of a task.
 *
 * A task finds the functions by their names, each of which gives a promise. A call comes out of the
 * task as an event, with a number; its answer goes back as a message with that number. What happens
 * to a call whose task has ended is nobody's concern any more.
 *
 * Invariant: whatever a function does, throws or gives, each call is answered once at the most, and
 * nothing is thrown into the event loop.
 *
 * @module
 */
import { types } from "node:util";
import { ANSWER } from "../ffi/symbols.ts";
import { type Entry, isObject, isRecord } from "./call.ts";
import { transferSet } from "./clone/lending.ts";
import { define } from "./clone/own.ts";
import type { Errand } from "./errand.ts";
import { InternalError, typeError } from "./errors.ts";
import { describe } from "./function/describe.ts";
import type { TaskEvent } from "./pool/reactor.ts";

/** What a function of the host finds as `this` when a task calls it. */
export interface HostCall {
  /** Aborted when the task ends, however it does: nobody waits for the answer then. */
  readonly signal: AbortSignal;
  /** The task's name. */
  readonly task: string;
  /** Which of the task's calls this is, counted from 1. */
  readonly call: number;
}

/** A function that tasks may call. */
// deno-lint-ignore no-explicit-any
export type HostFunction = (this: HostCall, ...args: any[]) => unknown;

/**
 * Moves buffers of what a host's function gives, in place of copying them: they are detached here
 * when the answer is sent, or none of them is and the task is told why. From 64 KiB on, moving takes
 * the same time for any size. (In a Worker, and for resizable buffers, the bytes are copied all the
 * same.)
 *
 * @param value what the function returns, or its promise is fulfilled with: an object
 * @param buffers ArrayBuffers in it
 * @returns the same value
 * @throws {TypeError} if it is no object, or the buffers are no array
 * @throws {DataCloneError} if one of them can't be transferred
 *
 * @example
 * ```ts
 * import { Deferred, transfer } from "@protojs/deferred";
 *
 * const read = (size: number) => {
 *   const bytes = new Uint8Array(size).fill(7);
 *   return transfer(bytes, [bytes.buffer]);
 * };
 * const length = await new Deferred(
 *   async (host) => (await host.read(1_000_000)).length,
 *   { host: { read } },
 * );
 * console.log(length); // 1000000
 * ```
 */
export function transfer<T extends object>(value: T, buffers: readonly ArrayBuffer[]): T {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) {
    throw typeError(
      `transfer(value, buffers): value must be an object that holds them, got ${describe(value)}`,
    );
  }
  if (!Array.isArray(buffers)) {
    throw typeError(
      `transfer(value, buffers): buffers must be an array of ArrayBuffers, got ${
        describe(buffers)
      }`,
    );
  }
  moving.set(value, [...transferSet(buffers)]);
  return value;
}

/** What is to be moved when an object is an answer. */
const moving = new WeakMap<object, readonly ArrayBuffer[]>();

/** Functions by name; or groups of them. */
export interface HostFunctions {
  /** A function, or a group of them, by its name. */
  readonly [name: string]: HostFunction | { readonly [name: string]: HostFunction };
}

/** A function of the host as a task finds it: it gives a promise. */
export interface HostMethod<A extends readonly unknown[], T> {
  /** Calls it: the arguments are cloned. */
  (...args: A): Promise<T>;
  /**
   * The same function, which moves `transfer`, ArrayBuffers among the arguments, with the call in
   * place of copying them: `host.store.with({ transfer: [bytes.buffer] })(bytes)`. They are detached
   * in the task; if the call is refused, none of them is.
   */
  with(options: { readonly transfer: readonly ArrayBuffer[] }): (...args: A) => Promise<T>;
}

/** A function of the host that a task calls synchronously: see {@linkcode sync}. */
export interface SyncHostMethod<A extends readonly unknown[], T> {
  /** Calls it, and waits for its answer. */
  (...args: A): T;
  /** As {@linkcode HostMethod.with}. */
  with(options: { readonly transfer: readonly ArrayBuffer[] }): (...args: A) => T;
}

/** What {@linkcode sync} gives: a function that says that tasks call it synchronously. */
export type SyncHostFunction<F extends HostFunction = HostFunction> = F & { readonly sync: true };

/** The functions of `H` as a task finds them: each gives a promise, but for those of `sync`. */
export type Host<H> = {
  readonly [
    K in keyof H
  ]: H[K] extends (this: HostCall, ...args: infer A) => infer R
    ? H[K] extends { readonly sync: true } ? SyncHostMethod<A, Awaited<R>>
    : HostMethod<A, Awaited<R>>
    : Host<H[K]>;
};

/**
 * Makes a function of the host one that tasks call as a plain function: the call gives what it
 * returns, not a promise, or throws what it throws. The task keeps its thread while it waits, and
 * nothing else of it runs. What `fn` does is as asynchronous as ever: of a promise that it gives the
 * task waits for the outcome.
 *
 * For code that you trust: each call that is not answered takes a thread of the pool. Code that is
 * text can call such functions in a pool with `syncCalls: true`, and in no other.
 *
 * @returns another function, which calls `fn`
 * @throws {TypeError} if `fn` is no function
 *
 * @example
 * ```ts
 * import { Deferred, sync } from "@protojs/deferred";
 *
 * const prices = new Map([["tea", 3], ["cake", 4]]);
 * const total = await new Deferred(
 *   (names: string[], host) => names.reduce((sum, name) => sum + host.price(name), 0),
 *   { args: [["tea", "cake", "tea"]], host: { price: sync((name: string) => prices.get(name)!) } },
 * );
 * console.log(total); // 10
 * ```
 */
export function sync<F extends HostFunction>(fn: F): SyncHostFunction<F> {
  if (typeof fn !== "function") {
    throw typeError(`sync(fn): fn must be a function of the host, got ${describe(fn)}`);
  }
  function called(this: HostCall, ...args: unknown[]): unknown {
    return Reflect.apply(fn, this, args);
  }
  define(called, "name", fn.name, false);
  define(called, "sync", true);
  return called as unknown as SyncHostFunction<F>;
}

function isSync(fn: AnyHostFunction): boolean {
  return Object.hasOwn(fn, "sync") && (fn as { sync?: unknown }).sync === true;
}

/** What the parameters of a task end with in a pool that offers `H`: nothing, if it offers nothing. */
export type HostParameter<H> = [keyof H] extends [never] ? []
  : string extends keyof H ? []
  : [host: Host<H>];

type Names = readonly (string | true | readonly (string | true)[])[];
type Functions = ReadonlyMap<string, AnyHostFunction | ReadonlyMap<string, AnyHostFunction>>;
type AnyHostFunction = (this: unknown, ...args: never[]) => unknown;

/** More than any program offers; what the engine can number is 16,383. */
const MOST = 1000;

/** As the list of names has it. */
function listed(name: string, fn: AnyHostFunction): [true, string] | [string] {
  return isSync(fn) ? [true, name] : [name];
}

/** What was offered, as tasks are told of it, and as it is called. */
export class HostTable {
  /** As `DFD_SUBMISSION_HOST` says. */
  readonly names: Names;
  readonly functions: readonly AnyHostFunction[];
  /** As messages name them: "tools.sum". */
  readonly titles: readonly string[];
  /** Of those that give promises. */
  readonly awaited: readonly string[];
  /** Of the first one that is called synchronously. */
  readonly sync: string | undefined;
  readonly all: Functions;

  constructor(all: Functions) {
    const names: (string | true | (string | true)[])[] = [];
    const functions: AnyHostFunction[] = [];
    const titles: string[] = [];
    for (const [name, one] of all) {
      if (typeof one === "function") {
        names.push(...listed(name, one));
        functions.push(one);
        titles.push(name);
        continue;
      }
      names.push([name, ...[...one].flatMap(([inner, fn]) => listed(inner, fn))]);
      functions.push(...one.values());
      titles.push(...[...one.keys()].map((inner) => `${name}.${inner}`));
    }
    this.all = all;
    this.names = names;
    this.functions = functions;
    this.titles = titles;
    this.awaited = titles.filter((_, i) => !isSync(functions[i]!));
    this.sync = titles[functions.findIndex(isSync)];
  }

  /** These, and those of `base` whose names are others. */
  over(base: HostTable | undefined): HostTable {
    if (base === undefined) return this;
    const all = new Map(base.all);
    for (const [name, one] of this.all) {
      const known = all.get(name);
      all.set(name, known instanceof Map && one instanceof Map ? new Map([...known, ...one]) : one);
    }
    return new HostTable(all);
  }
}

/** Reads the option `host` of a call. Throws a TypeError for what can't be offered. */
export function readHost(
  entry: Pick<Entry, "where"> & { readonly isPool?: boolean },
  given: unknown,
): HostTable {
  if (given instanceof HostTable) return given; // of a job that is tried anew
  const what = "an object with functions, such as { lookup: (id) => … }";
  if (!isObject(given)) {
    throw typeError(`${entry.where}{ host }): host must be ${what}, got ${describe(given)}`);
  }
  let count = 0;
  const read = <T>(from: object, path: string, other: (value: unknown, path: string) => T) => {
    const found = new Map<string, AnyHostFunction | T>();
    for (const [name, value] of Object.entries(from)) {
      if (++count > MOST) {
        throw typeError(
          `${entry.where}{ host }): a task can't be offered more than ${MOST} functions`,
        );
      }
      // What the host's own objects hold besides, as Deno's console does.
      if (path !== "" && typeof value !== "function" && !isRecord(from)) continue;
      const at = path === "" ? name : `${path}.${name}`;
      found.set(name, typeof value === "function" ? value as AnyHostFunction : other(value, at));
    }
    if (found.size === 0 && !isRecord(from)) {
      throw typeError(
        `${entry.where}{ host }): ${path === "" ? "host" : `host.${path}`} is ${describe(from)} ` +
          "without functions of its own, and those of its class are not offered; write " +
          "{ lookup: (id) => db.lookup(id) }",
      );
    }
    return found;
  };
  if (entry.isPool) {
    for (const name of ["undefined", "NaN", "Infinity"]) {
      if (!Object.hasOwn(given, name)) continue;
      throw typeError(
        `${entry.where}{ host }): host.${name} can't be offered: code that is text would find it as ` +
          "a global, and that global can't be changed; give it another name",
      );
    }
  }
  const refuse = (value: unknown, at: string): never => {
    const isGroup = at.includes(".") && isObject(value) && isRecord(value);
    const hint = isGroup ? "; groups are one level deep, { tools: { sum } }" : "";
    throw typeError(
      `${entry.where}{ host }): host.${at} must be a function, got ${describe(value)}${hint}`,
    );
  };
  return new HostTable(
    read(given, "", (value, at) => isObject(value) ? read(value, at, refuse) : refuse(value, at)),
  );
}

/** Refuses a function of the host that would stand where `report` does. */
export function checkReport(
  entry: Pick<Entry, "where">,
  host: HostTable | undefined,
  progress = false,
): void {
  if (!progress || !host?.all.has("report")) return;
  throw typeError(
    `${entry.where}{ host }): host.report would hide the \`report\` of a task that tells of its ` +
      "progress; rename it, or leave onProgress and progress out",
  );
}

/** Refuses functions that are called synchronously where code that is text could call them. */
export function checkSync(entry: Pick<Entry, "where">, host: HostTable | undefined): void {
  if (host?.sync === undefined) return;
  throw typeError(
    `${entry.where}{ host }): ${host.sync}() is called synchronously and keeps a thread of the pool ` +
      "until it answers, however many do: for code that you trust make the pool with " +
      "{ syncCalls: true }; else offer it without sync(), and the code awaits it",
  );
}

/** The calls of one task. */
export class Calls {
  readonly #table: HostTable;
  readonly #task: string;
  readonly #errand: Errand;
  /** Code that is text may be a stranger's: it is not told where the host's code lies. */
  readonly #isStrange: boolean;
  readonly #fail: (cause: unknown) => void;
  #count = 0;

  /** @param fail called when a call can't be answered at all */
  constructor(
    table: HostTable,
    task: string,
    errand: Errand,
    isStrange: boolean,
    fail: (cause: unknown) => void,
  ) {
    this.#table = table;
    this.#task = task;
    this.#errand = errand;
    this.#isStrange = isStrange;
    this.#fail = fail;
  }

  /** A call came. `read` gives the arguments, or throws why they could not be read. */
  receive({ number, which, size }: TaskEvent, read: () => readonly unknown[]): void {
    if (!this.#errand.isOpen) return;
    this.#errand.owe(size);
    let result: unknown;
    try {
      const fn = this.#table.functions[which];
      if (fn === undefined) throw new InternalError(`the host offers no function ${which}`);
      const args = read();
      const context = new Context(this.#task, ++this.#count, this.#errand);
      result = this.#errand.run(() => Reflect.apply(fn, context, args));
    } catch (thrown) {
      this.#answer(number, which, ANSWER.THREW, thrown);
      return;
    }
    if ((typeof result !== "object" && typeof result !== "function") || result === null) {
      this.#answer(number, which, ANSWER.RETURNED, result);
    } else {
      void this.#answerLater(number, which, result);
      this.#errand.giveRoom(this.#fail);
    }
  }

  /** Awaits the result: its own `then` or `constructor` may throw, or call back twice. */
  async #answerLater(number: number, which: number, result: unknown): Promise<void> {
    let type: number = ANSWER.RETURNED;
    let value: unknown;
    try {
      value = await result;
    } catch (reason) {
      type = ANSWER.THREW;
      value = reason;
    }
    this.#answer(number, which, type, value);
  }

  #answer(number: number, which: number, type: number, value: unknown): void {
    if (!this.#errand.isOpen) return;
    const threw = type === ANSWER.THREW;
    const root = `${this.#table.titles[which]}() ${threw ? "threw" : "returned"}`;
    const buffers = moving.get(value as object); // of what is no object: none
    try {
      const told = threw && this.#isStrange ? bare(value) : value;
      this.#errand.post(number, type, told, root, buffers);
    } catch (error) {
      try {
        this.#errand.post(number, ANSWER.THREW, this.#isStrange ? bare(error) : error, root);
      } catch (cause) {
        this.#fail(cause);
      }
    }
  }
}

class Context implements HostCall {
  readonly task: string;
  readonly call: number;
  readonly #errand: Errand;

  constructor(task: string, call: number, errand: Errand) {
    this.task = task;
    this.call = call;
    this.#errand = errand;
  }

  get signal(): AbortSignal {
    return this.#errand.signal;
  }
}

/** What a stranger's code is told of what the host threw: of an error its name and message. */
function bare(thrown: unknown): unknown {
  if (!types.isNativeError(thrown) && !(thrown instanceof Error)) return thrown;
  let name = "Error", message = "";
  try {
    name = String(thrown.name);
    message = String(thrown.message);
  } catch {
    // what it throws when it is read says nothing
  }
  if (thrown instanceof DOMException) {
    const exception = new DOMException(message, name);
    define(exception, "stack", undefined, false);
    return exception;
  }
  const error = new Error(message);
  define(error, "name", name, false);
  define(error, "stack", undefined, false);
  return error;
}
