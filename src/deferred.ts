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
  refuseExecutor,
  refuseSurplus,
  retried,
  wrapOptions,
} from "./call.ts";
import type { ScopeOption } from "./function/scope.ts";
import { evalJob, type EvalOptions } from "./function/script.ts";
import { captureSite, cutStack } from "./function/stack.ts";
import type { AnyFunction } from "./function/source.ts";
import type { DeferredPool } from "./pool/pool.ts";
import type { Limits } from "./limits.ts";
import type { Runner } from "./runner.ts";
import type { TaskConsole } from "./console.ts";
import type { Host, HostFunctions } from "./host.ts";
import type { OnProgress, Reporter } from "./progress.ts";
import { NO_OPTIONS } from "./options.ts";
import { isCrowded, setSite, TaskPromise, type TaskStats } from "./task.ts";

/** Options that every task may have, however it is started. */
export interface TaskOptions extends Limits {
  /**
   * ArrayBuffers among the arguments to move into the task instead of copying them; they are
   * detached here. From 64 KiB on, moving takes the same time for any size. (In a Worker, and for
   * resizable buffers, the bytes are copied all the same.) Default: none, everything is copied.
   */
  readonly transfer?: readonly ArrayBuffer[] | undefined;
  /** A name for error messages. Default: the function's own. */
  readonly name?: string | undefined;
  /**
   * Cancels the task, queued or running, when it is aborted: the promise rejects at once with the
   * signal's reason. Signals of another realm or a polyfill work too.
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * Functions of yours that the task may call: as methods of the object that is its last parameter,
   * behind `args`. Each gives a promise. They run here, in the context in which the Deferred is
   * made, with a {@linkcode HostCall} as `this`. Default: those of the pool.
   */
  readonly host?: HostFunctions | undefined;
  /**
   * Where the task's `console` prints: an object with methods such as `log`, of which those that it
   * lacks print nothing; or `false`, nowhere. Default: that of the pool, or else the host's console.
   */
  readonly console?: TaskConsole | false | undefined;
  /**
   * Called with what the task reports of its progress, and the task. The last parameter of the task
   * has `report(value)` then, beside the functions of `host`; code that is text finds it as a
   * global. Runs here, in the context in which the Deferred is made. A slow host is called with the
   * latest report only, and is called with the last before the promise settles. What it throws is
   * an unhandled rejection, and no concern of the task. Default: that of the pool.
   */
  readonly onProgress?: OnProgress | undefined;
  /**
   * Whether the task has `report` for {@linkcode Deferred.progress}, without an `onProgress`.
   * Default: that of the pool, or else `false`.
   */
  readonly progress?: boolean | undefined;
}

/** Options of {@linkcode DeferredConstructor.wrap}. */
export interface WrapOptions extends TaskOptions {
  /** The pool that runs the task. Default: one pool for the process's main thread or Worker. */
  readonly pool?: DeferredPool | undefined;
  /**
   * Names that the task itself defines at run time; `true` allows any. Default: none, and a name
   * that neither the function nor the task's realm defines is refused when the Deferred is made.
   */
  readonly allowGlobals?: readonly string[] | true | undefined;
  /**
   * What the function finds around it, by name: values, functions, which see the other names as
   * well, and classes. Values are cloned into each task; the text of functions and classes goes
   * with that of the function. If it is a function that gives them, `() => ({ rate, area })`, the
   * names may be mangled by a minifier. They are read once, here. If it is `import.meta`, the
   * function finds what stands at the top level of its module, and is refused where that can't be had
   * or is not the same in a task; `[import.meta, { rate }]` passes names beside it, which come first.
   * Default: nothing.
   *
   * @example
   * ```ts
   * import { Deferred } from "@protojs/deferred";
   *
   * const rate = 0.25;
   * const gross = (price: number) => price * (1 + rate);
   * const sum = await new Deferred((prices: number[]) => prices.map(gross).join(), {
   *   args: [[100, 200]],
   *   scope: { gross, rate },
   * });
   * console.log(sum); // 125,250
   *
   * const same = new Deferred(() => [100, 200].map(gross).join(), { scope: import.meta });
   * console.log(await same); // 125,250
   * ```
   */
  readonly scope?: ScopeOption | undefined;
  /**
   * What the function may import, by `import()`, in place of what its pool allows: see `modules` of
   * a pool. Default: that of the pool, or else nothing.
   *
   * @example
   * ```ts
   * import { Deferred } from "@protojs/deferred";
   *
   * const tokens = Deferred.wrap(async (code: string) => {
   *   const { tokenizer } = await import("acorn");
   *   return [...tokenizer(code, { ecmaVersion: 2025 })].length;
   * }, { modules: ["acorn"], base: import.meta.url });
   * console.log(await tokens("1 + 1")); // 3
   * ```
   */
  readonly modules?: readonly string[] | undefined;
  /**
   * The URL, or path, of the module from which `modules` are found: `import.meta.url`. Default: the
   * file that makes the Deferred, as the stack tells it.
   */
  readonly base?: string | URL | undefined;
}

/** Options of `new Deferred`. `A` are the function's parameters. */
export interface DeferredOptions<A extends readonly unknown[] = readonly unknown[]>
  extends WrapOptions {
  /** The function's arguments: structured-cloned into the task. Default: none. */
  readonly args?: readonly [...A] | undefined;
}

/**
 * A function that runs as a task each time it is called; see {@linkcode DeferredConstructor.wrap}.
 * Its `name` is the task's, its `length` that of the wrapped function.
 */
export interface DeferredFunction<A extends readonly unknown[], T> {
  /** Starts a task with these arguments. */
  (...args: A): Deferred<T>;
  /**
   * The same function with other options; options that are not given stay as they are. Nothing is
   * compiled again, so you may call it for a single task: `area.with({ signal })(6, 7)`.
   *
   * @throws {TypeError} if an option has the wrong type
   * @throws {RangeError} if a limit makes no sense
   */
  with(options: TaskOptions): DeferredFunction<A, T>;
}

/** A {@linkcode DeferredFunction} whose tasks report values of the type `P`. */
export interface ReportingFunction<A extends readonly unknown[], T, P>
  extends DeferredFunction<A, T> {
  /** Starts a task with these arguments. */
  (...args: A): ReportingDeferred<T, P>;
  /** As {@linkcode DeferredFunction.with}. */
  with(options: TaskOptions): ReportingFunction<A, T, P>;
}

/** One task that runs off the main thread, and the promise of its result. */
export interface Deferred<T> extends Promise<T> {
  /** The task's name: the option's, or the function's own; "" if it has none. */
  readonly name: string;
  /**
   * How the task ran; `undefined` until it has ended, or if it never started. A cancelled task
   * rejects at once and ends shortly after, so its `stats` appear a moment later.
   */
  readonly stats: TaskStats | undefined;
  /**
   * What the task reports of its progress, for a task with the option `progress` or `onProgress`:
   * from the latest report on, and each time the latest that there is. It ends with the task; why a
   * task failed says its promise. Any number may iterate it, whenever and as often as they like.
   *
   * @example
   * ```ts
   * import { Deferred, type Reporter } from "@protojs/deferred";
   *
   * const task = new Deferred(
   *   (n: number, { report }: Reporter<number>) => {
   *     for (let i = 1; i <= n; i++) report(i / n);
   *     return n;
   *   },
   *   { args: [1000], progress: true },
   * );
   * let last = 0;
   * for await (const part of task.progress) last = part;
   * console.log(await task, last); // 1000 1
   * ```
   */
  readonly progress: AsyncIterable<unknown>;
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
   * Cancels the task if it is still pending at the end of the block that declared it with `using`.
   * Nobody has to handle that rejection.
   */
  [Symbol.dispose](): void;
}

/** A task that reports values of the type `P`. */
export interface ReportingDeferred<T, P> extends Deferred<T> {
  /** What it reports; see {@linkcode Deferred.progress}. */
  readonly progress: AsyncIterable<P>;
}

/** The type of {@linkcode Deferred} itself: its constructor and static methods. */
export interface DeferredConstructor {
  /**
   * Starts a task. The function is compiled to bytecode and runs on a worker thread, in a pristine
   * realm of its own: it sees its arguments, its `scope` and the globals of a task. Arguments and
   * result are structured-cloned.
   *
   * Throws if the call itself is wrong. What depends on data, on the pool or on the system rejects
   * the promise: a DataCloneError, a PoolClosedError, a LibraryError.
   *
   * @param fn what to run: an arrow function, a function, an async function, a method or getter
   * taken from an object. Of what is around it, it can use what `scope` names.
   * @throws {TypeError} if `fn` is not a function or an option has the wrong type.
   * @throws {FunctionNotSerializableError} if `fn` can't be compiled on its own: it is native,
   * bound, a class or a generator, or uses `this` of the scope around it, `super` or private names.
   * @throws {FreeVariableError} if `fn` uses names that nothing in the task defines.
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
  new <T, P, A extends readonly unknown[] = [], H extends HostFunctions = Record<never, never>>(
    fn: (...args: [...A, NoInfer<Host<H> & Reporter<P>>]) => T | PromiseLike<T>,
    options: DeferredOptions<A> & {
      readonly host?: H | undefined;
      readonly onProgress: OnProgress<P>;
    },
  ): ReportingDeferred<T, P>;
  /** As above, for a task whose progress is iterated. */
  new <T, P, A extends readonly unknown[] = [], H extends HostFunctions = Record<never, never>>(
    fn: (...args: [...A, NoInfer<Host<H>> & Reporter<P>]) => T | PromiseLike<T>,
    options: DeferredOptions<A> & { readonly host?: H | undefined; readonly progress: true },
  ): ReportingDeferred<T, P>;
  /** As above, with functions of the host only. */
  new <T, H extends HostFunctions, A extends readonly unknown[] = []>(
    fn: (...args: [...A, NoInfer<Host<H>>]) => T | PromiseLike<T>,
    options: DeferredOptions<A> & { readonly host: H },
  ): Deferred<T>;
  /** As above, without functions of the host. */
  new <T>(fn: () => T | PromiseLike<T>, options?: DeferredOptions<[]>): Deferred<T>;
  /** As above, for a function with parameters; `args` is then required. */
  new <T, A extends readonly unknown[]>(
    fn: (...args: A) => T | PromiseLike<T>,
    options: DeferredOptions<A> & { readonly args: unknown },
  ): Deferred<T>;

  /** The prototype of all Deferreds. */
  readonly prototype: Deferred<unknown>;

  /**
   * Runs `fn` with `args` on the default pool: short for `new Deferred(fn, { args })`.
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
   * Makes a function with the parameters and result of `fn`, each call of which runs as a task. It
   * is compiled and checked here, once: a mistake in it is thrown when the program starts, not at
   * the first call. If the library can't be loaded or the pool is closed, the calls reject.
   *
   * A function that takes what the host offers, or `report`, takes no more arguments than are before
   * that: `list.map(area)` passes index and array, too, so write `list.map((side) => area(side))`.
   *
   * @param fn as for `new Deferred`
   * @param options for all calls; `with` makes the same function with others
   * @throws what `new Deferred` throws; the calls throw a TypeError for too many arguments
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
  wrap<T, P, A extends readonly unknown[] = [], H extends HostFunctions = Record<never, never>>(
    fn: (...args: [...A, NoInfer<Host<H> & Reporter<P>>]) => T | PromiseLike<T>,
    options: WrapOptions & { readonly host?: H | undefined; readonly onProgress: OnProgress<P> },
  ): ReportingFunction<A, T, P>;
  /** As above, for a task whose progress is iterated. */
  wrap<T, P, A extends readonly unknown[] = [], H extends HostFunctions = Record<never, never>>(
    fn: (...args: [...A, NoInfer<Host<H>> & Reporter<P>]) => T | PromiseLike<T>,
    options: WrapOptions & { readonly host?: H | undefined; readonly progress: true },
  ): ReportingFunction<A, T, P>;
  /** As above, with functions of the host only. */
  wrap<T, H extends HostFunctions, A extends readonly unknown[] = []>(
    fn: (...args: [...A, NoInfer<Host<H>>]) => T | PromiseLike<T>,
    options: WrapOptions & { readonly host: H },
  ): DeferredFunction<A, T>;
  /** As above, without functions of the host. */
  wrap<T, A extends readonly unknown[]>(
    fn: (...args: A) => T | PromiseLike<T>,
    options?: WrapOptions,
  ): DeferredFunction<A, T>;

  /**
   * Runs code that is text, such as a stranger's. It is compiled in the task, under the task's
   * limits, so no text can block this thread.
   *
   * The text is a script, strict only if it says so, in which `await` and `return` may stand at the
   * top level. The promise resolves with what the text returns, or else with the value of its last
   * statement. The text sees a task's globals and those of `scope`; `import` and `export` don't
   * work. Nothing of it remains when it ends.
   *
   * @param source the code; "" gives `undefined`
   * @param options its `scope`, limits and so on; give it a `timeout`
   * @returns a Deferred. It rejects with a SyntaxError of the task if the text can't be parsed, or
   * with what the text throws; stacks show its lines under the `name` of the options
   * @throws {TypeError} if `source` is not a string, an option has the wrong type, or a name in
   * `scope` can't name a variable.
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
      refuseExecutor(entry, fn, options, job);
      refuseSurplus(entry, job, options.args ?? []);
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

/* Inside the class its name is that of the class. */
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

// Promise's static methods construct their promise with `this`, but a Deferred is constructed with a
// function to run. So on Deferred they make ordinary promises, and so will future ones.
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
 * Starts a job; every entry point ends here. Throws nothing, but call it inside a `try`: that keeps
 * the caller, with which stacks begin, from being replaced by it (JavaScriptCore's tail calls).
 */
export function start<T>(entry: Entry, job: Job, args: readonly unknown[]): Deferred<T> {
  const promise = Reflect.construct(TaskPromise<T>, [entry, job, args], Deferred);
  setSite(promise, captureSite(entry.function, isCrowded(job)));
  return promise as TaskPromise<T> & Deferred<T>;
}

/** The function that starts a task of `fn` each time it is called. Throws if the call is wrong. */
export function wrap<A extends readonly unknown[], T>(
  entry: Entry,
  fn: AnyFunction,
  rest: readonly unknown[],
  runner?: Runner,
): DeferredFunction<A, T> {
  const job = functionJob(entry, fn, wrapOptions(entry, rest, runner), runner);
  return callable(job, Object.getOwnPropertyDescriptor(fn, "length")?.value);
}

/** Gives a function a property as its `name` is one. */
function fix(fn: AnyFunction, name: string, value: unknown): void {
  const property = { __proto__: null, value, configurable: true };
  Object.defineProperty(fn, name, property as PropertyDescriptor);
}

function callable<A extends readonly unknown[], T>(
  first: Job,
  length: unknown,
): DeferredFunction<A, T> {
  let job = first;
  const wrapped = (...args: A): Deferred<T> => {
    try {
      if (job.failure !== undefined) job = retried(entry, job);
      refuseSurplus(entry, job, args);
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
