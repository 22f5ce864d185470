/**
 * Deferred: one task and its promise.
 *
 * @module
 */
import {
  deferredOptions,
  type Entry,
  functionJob,
  type Job,
  jobWith,
  retried,
  wrapOptions,
} from "./call.ts";
import { evalJob, type EvalOptions } from "./function/script.ts";
import { captureSite, cutStack } from "./function/stack.ts";
import type { AnyFunction } from "./function/source.ts";
import type { DeferredPool } from "./pool/pool.ts";
import type { Limits } from "./limits.ts";
import type { Runner } from "./runner.ts";
import { NO_OPTIONS } from "./options.ts";
import { isCrowded, setSite, TaskPromise, type TaskStats } from "./task.ts";

/** Options that every task may have, however it is started. */
export interface TaskOptions extends Limits {
  /**
   * ArrayBuffers among the arguments to move into the task instead of copying them: they are
   * detached here. From 64 KiB on that costs the same for any size (in a Worker, and of resizable
   * buffers, the bytes are copied all the same). Default: none, everything is copied.
   */
  readonly transfer?: readonly ArrayBuffer[] | undefined;
  /** A name for error messages. Default: the function's own. */
  readonly name?: string | undefined;
  /**
   * Cancels the task when it is aborted, queued or running: the promise rejects at once with the
   * signal's reason. One of another realm will do, or of a polyfill.
   */
  readonly signal?: AbortSignal | undefined;
}

/** What {@linkcode DeferredConstructor.wrap} takes beside its function. */
export interface WrapOptions extends TaskOptions {
  /** The pool that runs the task. Default: one pool for the process's main thread or Worker. */
  readonly pool?: DeferredPool | undefined;
  /**
   * Names that the task defines itself at run time, so that they are no mistake although nothing
   * defines them yet; `true` allows any. Default: none, and a name that is defined neither in the
   * function nor in the task's realm is refused when the Deferred is made.
   */
  readonly allowGlobals?: readonly string[] | true | undefined;
}

/** What `new Deferred` takes beside its function. `A` are the function's parameters. */
export interface DeferredOptions<A extends readonly unknown[] = readonly unknown[]>
  extends WrapOptions {
  /** The function's arguments: structured-cloned into the task. Default: none. */
  readonly args?: readonly [...A] | undefined;
}

/**
 * A function that runs as a task each time it is called; see {@linkcode DeferredConstructor.wrap}. Its
 * `name` is the task's, its `length` that of the function that was wrapped.
 */
export interface DeferredFunction<A extends readonly unknown[], T> {
  /** Starts a task with these arguments. */
  (...args: A): Deferred<T>;
  /**
   * The same function with other options; those that are not given stay as they are. Nothing is
   * compiled anew, so it may be called for a single task: `area.with({ signal })(6, 7)`.
   *
   * @throws {TypeError} if an option has the wrong type
   * @throws {RangeError} if a limit makes no sense
   */
  with(options: TaskOptions): DeferredFunction<A, T>;
}

/** One task that runs off the main thread, and the promise of its result. */
export interface Deferred<T> extends Promise<T> {
  /** The task's name: the option's, or the function's own; "" if it has none. */
  readonly name: string;
  /**
   * How the task ran; `undefined` until it ended, or if it never started. What is cancelled rejects
   * at once and ends shortly after: its `stats` are there a moment later.
   */
  readonly stats: TaskStats | undefined;
  /**
   * Cancels the task, queued or running: the promise rejects at once, and the thread goes on with
   * the next task. Does nothing once the task has ended.
   *
   * @param reason what the promise rejects with. Default: a DOMException, "AbortError".
   *
   * @example
   * ```ts
   * import { Deferred } from "@protojs/deferred";
   *
   * const endless = new Deferred(() => {
   *   for (;;);
   * });
   * endless.cancel("not needed any more");
   * await endless.catch((reason) => console.log(reason)); // not needed any more
   * ```
   */
  cancel(reason?: unknown): void;
  /**
   * Cancels the task if it is pending when the block ends that it was declared in with `using`. That
   * nobody handles the rejection is then no error.
   */
  [Symbol.dispose](): void;
}

/** {@linkcode Deferred}, as it is called. */
export interface DeferredConstructor {
  /**
   * Starts a task. The function is compiled to bytecode and run by a worker thread in a pristine
   * realm of its own: it sees its arguments and the language's own globals, nothing else. Arguments
   * and result are structured-cloned.
   *
   * What is wrong with the call is thrown; what depends on data, on the pool or on the system, a
   * DataCloneError, PoolClosedError or LibraryError, rejects the promise.
   *
   * @param fn what to run: an arrow function, a function, an async function, a method or getter
   * picked from an object. It can't use anything from around it.
   * @throws {TypeError} if `fn` is no function or an option has the wrong type.
   * @throws {FunctionNotSerializableError} if `fn` can't be compiled on its own: native, bound, a
   * class, a generator, or one that uses `this` of the scope around it, `super` or private names.
   * @throws {FreeVariableError} if `fn` uses names that are defined nowhere in the task.
   * @throws {RangeError} if a limit makes no sense.
   *
   * @example
   * ```ts
   * import { Deferred } from "@protojs/deferred";
   *
   * const area = await new Deferred((w: number, h: number) => w * h, { args: [6, 7] });
   * console.log(area); // 42
   * ```
   */
  new <T>(fn: () => T | PromiseLike<T>, options?: DeferredOptions<[]>): Deferred<T>;
  /** As above, of a function with parameters, whose `args` are then required. */
  new <T, A extends readonly unknown[]>(
    fn: (...args: A) => T | PromiseLike<T>,
    options: DeferredOptions<A> & { readonly args: unknown },
  ): Deferred<T>;

  /** What all Deferreds inherit from. */
  readonly prototype: Deferred<unknown>;

  /**
   * Runs `fn` with `args` on the default pool: `new Deferred(fn, { args })` in short.
   *
   * @example
   * ```ts
   * import { Deferred } from "@protojs/deferred";
   *
   * const twice = await Deferred.run((n: number) => n * 2, 21);
   * console.log(twice); // 42
   * ```
   */
  run<T, A extends readonly unknown[]>(
    fn: (...args: A) => T | PromiseLike<T>,
    ...args: A
  ): Deferred<T>;

  /**
   * A function with the parameters and the result of `fn`, each call of which runs as a task. It is
   * compiled and checked here, once: what is wrong with it is thrown when the program starts, not
   * with the first call. A library that can't be loaded, or a closed pool, rejects the calls.
   *
   * @param fn as for `new Deferred`
   * @param options for all calls; `with` gives the same function with others
   * @throws what `new Deferred` throws
   *
   * @example
   * ```ts
   * import { Deferred } from "@protojs/deferred";
   *
   * const area = Deferred.wrap((w: number, h: number) => w * h, { timeout: 50 });
   * console.log(await area(6, 7)); // 42
   * console.log(await area.with({ timeout: 500 })(60, 70)); // 4200
   * ```
   */
  wrap<T, A extends readonly unknown[]>(
    fn: (...args: A) => T | PromiseLike<T>,
    options?: WrapOptions,
  ): DeferredFunction<A, T>;

  /**
   * Runs code that is text, such as a stranger wrote: it is compiled in the task, under the task's
   * limits, so that no text can hold up this thread.
   *
   * The text is a script, strict only if it says so, in which `await` and `return` may stand
   * anywhere. The promise is of what it returns or, if it ends without, of the value of its last
   * statement. It sees the language's own globals and those of `scope`; `import` and `export` don't
   * work. Nothing is left of it when it ends.
   *
   * @param source the code; "" is fine, and is worth `undefined`
   * @param options values for it, limits and the like; give it a `timeout`
   * @returns a Deferred that rejects with the task's SyntaxError if the text can't be read, or
   * with what it throws; stacks show its lines under the `name` of the options
   * @throws {TypeError} if `source` is no string, an option has the wrong type, or a name in
   * `scope` is none that a variable can have.
   * @throws {RangeError} if a limit makes no sense.
   *
   * @example
   * ```ts
   * import { Deferred } from "@protojs/deferred";
   *
   * const gross = await Deferred.eval("price * (1 + rate)", {
   *   scope: { price: 100, rate: 0.25 },
   *   timeout: 50,
   * });
   * console.log(gross); // 125
   * ```
   */
  eval<T = unknown>(source: string, options?: EvalOptions): Deferred<T>;
}

const Class = class Deferred<T> extends TaskPromise<T> {
  constructor(fn: AnyFunction, ...rest: unknown[]) {
    const entry = { title: "new Deferred", where: "new Deferred(fn, ", function: new.target };
    let options: DeferredOptions;
    let job: Job;
    try {
      options = deferredOptions(entry, rest);
      job = functionJob(entry, fn, options);
    } catch (error) {
      throw cutStack(error, new.target);
    }
    super(entry, job, options.args ?? []);
    setSite(this, captureSite(new.target, isCrowded(job)));
  }

  static run<T, A extends readonly unknown[]>(
    fn: (...args: A) => T | PromiseLike<T>,
    ...args: A
  ): DeferredPromise<T> {
    try {
      return start(RUN, functionJob(RUN, fn, NO_OPTIONS), args);
    } catch (error) {
      throw cutStack(error, Deferred.run);
    }
  }

  static wrap<A extends readonly unknown[], T>(
    fn: AnyFunction,
    ...rest: unknown[]
  ): DeferredFunction<A, T> {
    try {
      return wrap(WRAP, fn, rest);
    } catch (error) {
      throw cutStack(error, Deferred.wrap);
    }
  }

  static eval<T>(source: string, ...rest: unknown[]): DeferredPromise<T> {
    try {
      const { job, args } = evalJob(EVAL, source, rest);
      return start(EVAL, job, args);
    } catch (error) {
      throw cutStack(error, Deferred.eval);
    }
  }
};

/* Inside of the class its name is that of the class. */
type DeferredPromise<T> = Deferred<T>;

/**
 * One task that runs off the main thread, and the promise of its result. It starts at once.
 *
 * @example
 * ```ts
 * import { Deferred } from "@protojs/deferred";
 *
 * const area = await new Deferred((w: number, h: number) => w * h, { args: [6, 7] });
 * console.log(area); // 42
 * ```
 */
export const Deferred: DeferredConstructor = Class;

const RUN: Entry = {
  title: "Deferred.run",
  where: "Deferred.run(fn, ",
  function: Deferred.run,
};
const WRAP: Entry = {
  title: "Deferred.wrap",
  where: "Deferred.wrap(fn, ",
  function: Deferred.wrap,
};
const EVAL: Entry = {
  title: "Deferred.eval",
  where: "Deferred.eval(source, ",
  function: Deferred.eval,
};

// Promise's static methods make their promise with `this`, and a Deferred is made of a function
// to run: on Deferred they make ordinary promises. So do those that the language gets one day.
for (const name of Reflect.ownKeys(Promise)) {
  const method: unknown = (Promise as unknown as Record<PropertyKey, unknown>)[name];
  if (typeof method !== "function" || Object.hasOwn(Deferred, name)) continue;
  if (name === Symbol.species) continue; // TaskPromise's own
  Object.defineProperty(Deferred, name, {
    __proto__: null,
    value: method.bind(Promise),
    writable: true,
    configurable: true,
  } as PropertyDescriptor);
}

/**
 * Starts a job, as all that start one do. Throws nothing, but is called inside of a `try`: that
 * keeps its caller, with which stacks begin, from being replaced by it (JavaScriptCore's tail calls).
 */
export function start<T>(entry: Entry, job: Job, args: readonly unknown[]): Deferred<T> {
  const promise = Reflect.construct(TaskPromise<T>, [entry, job, args], Deferred);
  setSite(promise, captureSite(entry.function, isCrowded(job)));
  return promise as TaskPromise<T> & Deferred<T>;
}

/** The function that starts a task of `fn` each time it is called. Throws what is wrong with it. */
export function wrap<A extends readonly unknown[], T>(
  entry: Entry,
  fn: AnyFunction,
  rest: readonly unknown[],
  runner?: Runner,
): DeferredFunction<A, T> {
  const job = functionJob(entry, fn, wrapOptions(entry, rest, runner), runner);
  return callable(job, Object.getOwnPropertyDescriptor(fn, "length")?.value);
}

/** Made once: `with` is called for single tasks. */
const FIXED = { __proto__: null, value: undefined as unknown, configurable: true };

/** Gives a function a property as its `name` is one. */
function fix(fn: AnyFunction, name: string, value: unknown): void {
  FIXED.value = value;
  Object.defineProperty(fn, name, FIXED as PropertyDescriptor);
}

function callable<A extends readonly unknown[], T>(
  first: Job,
  length: unknown,
): DeferredFunction<A, T> {
  let job = first;
  const wrapped = (...args: A): Deferred<T> => {
    try {
      if (job.failure !== undefined) job = retried(entry, job);
      return start(entry, job, args);
    } catch (error) {
      throw cutStack(error, wrapped);
    }
  };
  const withOptions = (...rest: unknown[]): DeferredFunction<A, T> => {
    try {
      return callable(jobWith({ ...WITH, function: withOptions }, job, rest), length);
    } catch (error) {
      throw cutStack(error, withOptions);
    }
  };
  const entry: Entry = { title: "wrapped", where: "wrapped(", function: wrapped };
  fix(wrapped, "name", first.name);
  fix(wrapped, "length", length);
  fix(wrapped, "with", withOptions);
  return wrapped as DeferredFunction<A, T>;
}

const WITH = { title: "wrapped.with", where: "wrapped.with(" };
