/**
 * DeferredPool: the public face of a pool of threads.
 *
 * @module
 */
import { CONTROL, HARDENING } from "../../ffi/symbols.ts";
import {
  deferredOptions,
  type Entry,
  functionJob,
  refuseExecutor,
  refuseSurplus,
} from "../call.ts";
import {
  type Deferred,
  type DeferredFunction,
  type DeferredOptions,
  type ReportingDeferred,
  type ReportingFunction,
  start,
  wrap,
  type WrapOptions,
} from "../deferred.ts";
import { PoolClosedError, typeError } from "../errors.ts";
import type { Host, HostFunctions, HostParameter } from "../host.ts";
import type { OnProgress, Reporter } from "../progress.ts";
import { NO_OPTIONS } from "../options.ts";
import { refuse } from "../clone/slots.ts";
import { cutStack } from "../function/stack.ts";
import { setRunner } from "../runner.ts";
import { type PoolOptions, ThreadRunner } from "./runner.ts";
import { evalJob, type EvalOptions } from "../function/script.ts";
import type { AnyFunction } from "../function/source.ts";
import { describe } from "../function/describe.ts";

/** What protects the process from a pool's tasks; see {@linkcode DeferredPool.hardening}. */
export interface Hardening {
  /** A task is ended by a signal, wherever it is: no builtin can delay that. */
  readonly signal: boolean;
  /** The pool's threads may only make the few system calls that they need (seccomp, Linux). */
  readonly syscalls: boolean;
  /**
   * What tasks run often is compiled to machine code, which is one more thing to attack: unless
   * `jit: false` or `DEFERRED_JIT=0` forbids it, or the system gives no executable memory.
   */
  readonly jit: boolean;
  /** If `syscalls` is false where it should not be: which call the system refused, and why. */
  readonly reason?: string;
}

/**
 * A pool of worker threads. Threads start one at a time, when a task finds none free, and each has
 * a realm of its own. Tasks without a pool of their own share a default one.
 *
 * @example
 * ```ts
 * import { DeferredPool } from "@protojs/deferred";
 *
 * await using pool = new DeferredPool({ maxThreads: 2 });
 * const lengths = await Promise.all(["a", "bb"].map((s) => pool.run((s: string) => s.length, s)));
 * console.log(lengths); // [1, 2]
 * ```
 */
// deno-lint-ignore ban-types -- it is what editors show
export class DeferredPool<H extends HostFunctions = {}> {
  readonly #runner: ThreadRunner;

  /**
   * Makes a pool. No thread starts before its first task. With `classes`, this waits until they
   * were evaluated once, for up to 5 s.
   *
   * @throws {TypeError} if there is no such option, or one has the wrong type.
   * @throws {RangeError} if a number makes no sense for its option.
   * @throws {LibraryNotFoundError} if the C library isn't built; the message says how to build it.
   */
  constructor(options: PoolOptions<H> = {}) {
    try {
      this.#runner = new ThreadRunner(options, new.target);
    } catch (error) {
      throw cutStack(error, new.target);
    }
    setRunner(this, this.#runner);
  }

  /** Runs `fn` with `args` in this pool. Throws like `new Deferred`. */
  run<T, A extends readonly unknown[]>(
    fn: (...args: [...A, ...HostParameter<H>]) => T | PromiseLike<T>,
    ...args: A
  ): Deferred<T>;
  /** As above, for a function that leaves out what the pool offers. */
  run<T, A extends readonly unknown[]>(
    fn: (...args: A) => T | PromiseLike<T>,
    ...args: A
  ): Deferred<T>;
  run<T>(fn: AnyFunction, ...args: unknown[]): Deferred<T> {
    try {
      return start(RUN, functionJob(RUN, fn, NO_OPTIONS, this.#runner), args);
    } catch (error) {
      throw cutStack(error, RUN.function);
    }
  }

  /** Like `new Deferred(fn, options)`, in this pool. Throws like `new Deferred`. */
  defer<T, P, A extends readonly unknown[] = [], G extends HostFunctions = Record<never, never>>(
    fn: (...args: [...A, NoInfer<Host<Omit<H, keyof G> & G> & Reporter<P>>]) => T | PromiseLike<T>,
    options: Omit<DeferredOptions<A>, "pool"> & {
      readonly host?: G | undefined;
      readonly onProgress: OnProgress<P>;
    },
  ): ReportingDeferred<T, P>;
  /** As above, for a task whose progress is iterated. */
  defer<T, P, A extends readonly unknown[] = [], G extends HostFunctions = Record<never, never>>(
    fn: (...args: [...A, NoInfer<Host<Omit<H, keyof G> & G>> & Reporter<P>]) => T | PromiseLike<T>,
    options: Omit<DeferredOptions<A>, "pool"> & {
      readonly host?: G | undefined;
      readonly progress: true;
    },
  ): ReportingDeferred<T, P>;
  /** As above, with functions of the host only. */
  defer<T, G extends HostFunctions, A extends readonly unknown[] = []>(
    fn: (...args: [...A, NoInfer<Host<Omit<H, keyof G> & G>>]) => T | PromiseLike<T>,
    options: Omit<DeferredOptions<A>, "pool"> & { readonly host: G },
  ): Deferred<T>;
  /** As above, with those of the pool, if there are any. */
  defer<T>(
    fn: (...args: HostParameter<H>) => T | PromiseLike<T>,
    options?: Omit<DeferredOptions<[]>, "pool">,
  ): Deferred<T>;
  /** As above, for a function with further parameters; `args` is then required. */
  defer<T, A extends readonly unknown[]>(
    fn: (...args: [...A, ...HostParameter<H>]) => T | PromiseLike<T>,
    options: Omit<DeferredOptions<A>, "pool"> & { readonly args: unknown },
  ): Deferred<T>;
  /** As above, for one that leaves out what the pool offers. */
  defer<T, A extends readonly unknown[]>(
    fn: (...args: A) => T | PromiseLike<T>,
    options: Omit<DeferredOptions<A>, "pool"> & { readonly args: unknown },
  ): Deferred<T>;
  defer<T>(fn: AnyFunction, ...rest: unknown[]): Deferred<T> {
    try {
      const options = deferredOptions(DEFER, rest, this.#runner);
      const job = functionJob(DEFER, fn, options, this.#runner);
      refuseExecutor(DEFER, fn, options, job);
      refuseSurplus(DEFER, job, options.args ?? []);
      return start(DEFER, job, options.args ?? []);
    } catch (error) {
      throw cutStack(error, DEFER.function);
    }
  }

  /**
   * Like `Deferred.wrap(fn, options)`, in this pool. Throws like `new Deferred`.
   *
   * @example
   * ```ts
   * import { DeferredPool } from "@protojs/deferred";
   *
   * await using pool = new DeferredPool({ maxThreads: 2 });
   * const area = pool.wrap((w: number, h: number) => w * h, { timeout: 50 });
   * console.log(await Promise.all([area(6, 7), area(8, 9)])); // [42, 72]
   * ```
   */
  wrap<T, P, A extends readonly unknown[] = [], G extends HostFunctions = Record<never, never>>(
    fn: (...args: [...A, NoInfer<Host<Omit<H, keyof G> & G> & Reporter<P>>]) => T | PromiseLike<T>,
    options: Omit<WrapOptions, "pool"> & {
      readonly host?: G | undefined;
      readonly onProgress: OnProgress<P>;
    },
  ): ReportingFunction<A, T, P>;
  /** As above, for a task whose progress is iterated. */
  wrap<T, P, A extends readonly unknown[] = [], G extends HostFunctions = Record<never, never>>(
    fn: (...args: [...A, NoInfer<Host<Omit<H, keyof G> & G>> & Reporter<P>]) => T | PromiseLike<T>,
    options: Omit<WrapOptions, "pool"> & { readonly host?: G | undefined; readonly progress: true },
  ): ReportingFunction<A, T, P>;
  /** As above, with functions of the host only. */
  wrap<T, G extends HostFunctions, A extends readonly unknown[] = []>(
    fn: (...args: [...A, NoInfer<Host<Omit<H, keyof G> & G>>]) => T | PromiseLike<T>,
    options: Omit<WrapOptions, "pool"> & { readonly host: G },
  ): DeferredFunction<A, T>;
  /** As above, with those of the pool, if there are any. */
  wrap<T, A extends readonly unknown[]>(
    fn: (...args: [...A, ...HostParameter<H>]) => T | PromiseLike<T>,
    options?: Omit<WrapOptions, "pool">,
  ): DeferredFunction<A, T>;
  /** As above, for a function that leaves out what the pool offers. */
  wrap<T, A extends readonly unknown[]>(
    fn: (...args: A) => T | PromiseLike<T>,
    options?: Omit<WrapOptions, "pool">,
  ): DeferredFunction<A, T>;
  wrap<T, A extends readonly unknown[]>(
    fn: AnyFunction,
    ...rest: unknown[]
  ): DeferredFunction<A, T> {
    try {
      return wrap(WRAP, fn, rest, this.#runner);
    } catch (error) {
      throw cutStack(error, WRAP.function);
    }
  }

  /** Like `Deferred.eval(source, options)`, in this pool, and throws like it. */
  eval<T = unknown>(source: string, options?: Omit<EvalOptions, "pool">): Deferred<T>;
  eval<T>(source: string, ...rest: unknown[]): Deferred<T> {
    try {
      const { job, args } = evalJob(EVAL, source, rest, this.#runner);
      return start(EVAL, job, args);
    } catch (error) {
      throw cutStack(error, EVAL.function);
    }
  }

  /**
   * Puts a value into every task of this pool. When the value itself is among the arguments of a
   * task that starts from now on, or inside them, the task has it already and nothing is copied.
   * The task sees it as it was when it was shared; a task's changes to it are gone when the task
   * ends.
   *
   * Each thread makes its copy once, before the first task that needs it, and keeps it. The memory
   * does not count towards the limits of tasks.
   *
   * @param value an object or array of any size; cloned like an argument
   * @returns the same value
   * @throws {TypeError} if it is not an object
   * @throws {DataCloneError} if it can't be cloned
   * @throws {PoolClosedError} if the pool is closed
   *
   * @example
   * ```ts
   * import { DeferredPool } from "@protojs/deferred";
   *
   * await using pool = new DeferredPool({ maxThreads: 2 });
   * const prices = pool.share(new Map([["tea", 3], ["cake", 4]]));
   * const total = (all: Map<string, number>, what: string[]) =>
   *   what.reduce((sum, name) => sum + all.get(name)!, 0);
   * console.log(await pool.run(total, prices, ["tea", "cake", "tea"])); // 10
   * ```
   */
  share<T extends object>(value: T): T {
    try {
      if (typeof value !== "object" || value === null) {
        throw typeError(
          `pool.share(value): value must be an object or an array, got ${describe(value)}`,
        );
      }
      this.#runner.share(value);
    } catch (error) {
      throw cutStack(error, DeferredPool.prototype.share);
    }
    return value;
  }

  /** The maximum number of worker threads. */
  get maxThreads(): number {
    return this.#runner.maxThreads;
  }

  /** Worker threads that are alive. */
  get threads(): number {
    return this.#runner.counter(CONTROL.THREADS);
  }

  /** Tasks that wait for a thread. */
  get queueSize(): number {
    return this.#runner.counter(CONTROL.QUEUED);
  }

  /** Tasks that are queued or running, or whose result is on its way. */
  get pending(): number {
    return this.#runner.pending;
  }

  /**
   * What protects the process, for all of the pool's threads so far; `undefined` before there are
   * any.
   */
  get hardening(): Hardening | undefined {
    const bits = this.#runner.counter(CONTROL.HARDENING);
    if (this.threads === 0) return undefined;
    const signal = (bits & HARDENING.SIGNAL) !== 0, syscalls = (bits & HARDENING.SYSCALLS) !== 0;
    const jit = this.#runner.counter(CONTROL.JIT) !== 0;
    const reason = syscalls ? "" : this.#runner.unhardened();
    return reason ? { signal, syscalls, jit, reason } : { signal, syscalls, jit };
  }

  /** Whether the pool takes no more tasks. */
  get closed(): boolean {
    return this.#runner.closed;
  }

  /**
   * Closes the pool gracefully: it takes no new tasks (`PoolClosedError`), waits for pending ones,
   * then ends its threads. It still takes what a function of the host, or a loader, starts for a
   * pending task that waits for it. You may call it again; each call resolves when the pool is closed.
   */
  async close(): Promise<void> {
    await this.#runner.close();
  }

  /**
   * Closes the pool now, and drops queued and running tasks.
   *
   * @param reason what their promises reject with. Default: a `PoolClosedError`.
   */
  destroy(
    reason: unknown = new PoolClosedError("the pool was destroyed before the task ended"),
  ): void {
    this.#runner.destroy(reason);
  }

  /** {@linkcode DeferredPool.close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

const { run, defer, wrap: wrapMethod, eval: evalMethod } = DeferredPool.prototype;
const RUN: Entry = { title: "pool.run", where: "pool.run(fn, ", function: run };
const DEFER: Entry = { title: "pool.defer", where: "pool.defer(fn, ", function: defer };
const WRAP: Entry = { title: "pool.wrap", where: "pool.wrap(fn, ", function: wrapMethod };
const EVAL: Entry = { title: "pool.eval", where: "pool.eval(source, ", function: evalMethod };

refuse(
  DeferredPool.prototype,
  "a DeferredPool",
  "a pool is an option, `new Deferred(fn, { pool })`, or what is called, `pool.run(fn, …)`",
);
