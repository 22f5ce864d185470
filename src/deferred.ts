/**
 * Deferred: one task and its promise.
 *
 * @module
 */
import { Call } from "./call.ts";
import { InternalError, rangeError, typeError } from "./errors.ts";
import { listen, unlisten } from "./pool/signals.ts";
import { describe, nameOf } from "./function/describe.ts";
import { cancelled, rejection, result, type Subject } from "./pool/outcome.ts";
import type { DeferredPool } from "./pool/pool.ts";
import type { Limits, Runner } from "./pool/runner.ts";
import { EvalCall, type EvalOptions } from "./function/script.ts";
import { transferSet } from "./clone/lending.ts";
import { captureSite, cutStack } from "./function/stack.ts";
import type { Completion, Pending } from "./pool/reactor.ts";
import { STATUS } from "../ffi/symbols.ts";

/** How a task ran; what {@linkcode Deferred.stats} gives once it ended. */
export interface TaskStats {
  /** The worker thread that ran the task, counted from 1 in its pool. */
  readonly worker: number;
  /** From start to end on that worker, in ms. */
  readonly runTime: number;
  /** From submission to start, in ms. */
  readonly waitTime: number;
}

/** What a {@linkcode Deferred} takes beside its function. `A` are the function's parameters. */
export interface DeferredOptions<A extends readonly unknown[] = readonly unknown[]> extends Limits {
  /** The function's arguments: structured-cloned into the task. Default: none. */
  readonly args?: A;
  /**
   * ArrayBuffers among the arguments to move into the task instead of copying them: they are
   * detached here. From 64 KiB on that costs the same for any size (in a Worker, and of resizable
   * buffers, the bytes are copied all the same). Default: none, everything is copied.
   */
  readonly transfer?: readonly ArrayBuffer[];
  /** The same as `transfer`, by the name that Node's Workers and Piscina use. */
  readonly transferList?: readonly ArrayBuffer[];
  /** A name for error messages. Default: the function's own. */
  readonly name?: string;
  /** The pool that runs the task. Default: one pool for the process's main thread or Worker. */
  readonly pool?: DeferredPool;
  /**
   * Names that the task defines itself at run time, so that they are no mistake although nothing
   * defines them yet; `true` allows any. Default: none, and a name that is defined neither in the
   * function nor in the task's realm is refused when the Deferred is made.
   */
  readonly allowGlobals?: readonly string[] | true;
  /**
   * Cancels the task when it is aborted, queued or running: the promise rejects at once with the
   * signal's reason.
   */
  readonly signal?: AbortSignal;
}

/** The arguments after the function: `args` may only be left out where the function needs none. */
export type DeferredRest<A extends readonly unknown[]> = [] extends A
  ? [options?: DeferredOptions<A>]
  : [options: DeferredOptions<A> & { readonly args: A }];

/**
 * One task that runs off the main thread, and the promise of its result. It starts at once.
 *
 * The function is compiled to bytecode and run by a worker thread in a pristine realm of its own:
 * it sees its arguments and the language's own globals, nothing else. Arguments and result are
 * structured-cloned.
 *
 * @example
 * ```ts
 * import { Deferred } from "@protojs/deferred";
 *
 * const area = await new Deferred((w: number, h: number) => w * h, { args: [6, 7] });
 * console.log(area); // 42
 * ```
 */
export class Deferred<T, A extends readonly unknown[] = readonly unknown[]> extends Promise<T> {
  /** Promises derived from a Deferred (`then`, `catch`, `finally`) are ordinary ones. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  readonly #task: Task;

  /**
   * Starts a task.
   *
   * @param fn what to run: an arrow function, a function, an async function, a method or getter
   * picked from an object. It can't use anything from around it.
   * @param rest the options; `args` is required where the function has required parameters.
   * @throws {TypeError} if `fn` is no function or an option has the wrong type.
   * @throws {FunctionNotSerializableError} if `fn` can't be compiled on its own: native, bound, a
   * class, a generator, or one that uses `this` of the scope around it, `super` or private names.
   * @throws {FreeVariableError} if `fn` uses names that are defined nowhere in the task.
   * @throws {DataCloneError} if an argument can't be cloned; `path` says which part.
   * @throws {RangeError} if a limit makes no sense.
   */
  constructor(fn: (...args: A) => T | PromiseLike<T>, ...rest: DeferredRest<A>) {
    let resolve!: (value: unknown) => void;
    let reject!: (reason: unknown) => void;
    super((fulfil, fail) => {
      resolve = fulfil as (value: unknown) => void;
      reject = fail;
    });
    const call = rest.length > 0 && rest[0] instanceof Call
      ? rest[0]
      : new Call("new Deferred", new.target, "options", rest);
    try {
      const options = call.check(fn);
      const runner = call.runner(options);
      const name = options.name ?? nameOf(fn);
      const limits = runner.limits(options, call.where);
      // Once for its errors; again when the arguments are read, as their getters may push it out.
      const program = call instanceof EvalCall
        ? null
        : (): number => runner.compile(fn, name, options.allowGlobals);
      program?.();
      const list = options.transfer ?? options.transferList;
      const transfer = list === undefined ? undefined : transferSet(list);
      this.#task = new Task(
        { name, fn, site: {}, sent: undefined, limits },
        runner,
        resolve,
        reject,
      );
      this.#task.start(program, options.args ?? [], options.signal, transfer);
      // While the worker is at it already.
      this.#task.site = captureSite(call.entry, runner.pending > CROWD);
    } catch (error) {
      throw cutStack(error, call.entry);
    }
  }

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
  static run<T, A extends readonly unknown[]>(
    fn: (...args: A) => T | PromiseLike<T>,
    ...args: A
  ): Deferred<T, A> {
    const call = new Call("Deferred.run", Deferred.run, "args", args);
    return new Deferred<T, A>(fn, ...([call] as unknown as DeferredRest<A>));
  }

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
   * @throws {DataCloneError} if a value in `scope` can't be cloned; `path` says which.
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
  static eval<T = unknown>(source: string, options?: EvalOptions): Deferred<T>;
  static eval<T>(source: string, ...rest: unknown[]): Deferred<T> {
    const call = new EvalCall("Deferred.eval", Deferred.eval, rest);
    return new Deferred<T>(source as never, call as DeferredOptions);
  }

  /**
   * Inside a task: the value, whose buffers leave the task with it instead of being copied. One
   * copy is saved on every runtime, both on Bun. A buffer that was transferred to the task goes
   * back without any.
   *
   * @param value what the task returns; the buffers lie in it, or under views in it
   * @param buffers the ArrayBuffers to move
   * @throws {TypeError} outside a task, where the option `transfer` is the way in
   *
   * @example
   * ```ts
   * import { Deferred } from "@protojs/deferred";
   *
   * const squares = await new Deferred((n: number) => {
   *   const all = Float64Array.from({ length: n }, (_, i) => i * i);
   *   return Deferred.transfer(all, [all.buffer]);
   * }, { args: [1000] });
   * console.log(squares[999]); // 998001
   * ```
   */
  static transfer<T>(value: T, buffers: readonly ArrayBuffer[]): T {
    void value, buffers;
    const error = typeError(
      "Deferred.transfer() moves buffers out of a task: call it in the task's function. To move " +
        "buffers into a task, pass them as the option `transfer`",
    );
    throw cutStack(error, Deferred.transfer);
  }

  /**
   * Memory for this thread and tasks alike: a SharedArrayBuffer that, passed in `args`, is the same
   * memory inside every task that gets it. `Atomics` work on it on both sides.
   *
   * Any other SharedArrayBuffer of the main thread's can be passed as well. `Atomics.wait` in a task
   * hears `Atomics.notify` of other tasks at once, and of a store by the host within a millisecond;
   * an `Atomics.wait` outside is not woken by a task.
   *
   * @param byteLength in bytes, up to 2^31 - 1
   * @throws {RangeError} if there is no such length
   *
   * @example
   * ```ts
   * import { Deferred } from "@protojs/deferred";
   *
   * const counter = new Int32Array(Deferred.sharedBuffer(4));
   * const add = (all: Int32Array) => { for (let i = 0; i < 1000; i++) Atomics.add(all, 0, 1); };
   * await Promise.all([1, 2, 3].map(() => Deferred.run(add, counter)));
   * console.log(counter[0]); // 3000
   * ```
   */
  static sharedBuffer(byteLength: number): SharedArrayBuffer {
    if (!Number.isInteger(byteLength) || byteLength < 0 || byteLength >= 2 ** 31) {
      const error = rangeError(
        `Deferred.sharedBuffer(byteLength): byteLength must be a whole number from 0 to ${
          2 ** 31 - 1
        }, got ${describe(byteLength)}`,
      );
      throw cutStack(error, Deferred.sharedBuffer);
    }
    return new SharedArrayBuffer(byteLength);
  }

  /** The task's name: the option's, or the function's own; "" if it has none. */
  get name(): string {
    return this.#task.name;
  }

  /**
   * How the task ran; `undefined` until it ended, or if it never started. What is cancelled rejects
   * at once and ends shortly after: its `stats` are there a moment later.
   */
  get stats(): TaskStats | undefined {
    return this.#task.stats;
  }

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
  cancel(reason: unknown = cancelled(this.name)): void {
    this.#task.cancel(reason);
  }

  /** "Deferred". */
  override get [Symbol.toStringTag](): string {
    return "Deferred";
  }
}

// Promise's static methods make their promise with `this`, and a Deferred is made of a function
// to run: on Deferred they make ordinary promises. So do those that the language gets one day.
for (const name of Reflect.ownKeys(Promise)) {
  const method: unknown = (Promise as unknown as Record<PropertyKey, unknown>)[name];
  if (typeof method !== "function" || Object.hasOwn(Deferred, name)) continue;
  Object.defineProperty(Deferred, name, {
    __proto__: null,
    value: method.bind(Promise),
    writable: true,
    configurable: true,
  } as PropertyDescriptor);
}

/** With so many pending tasks, where each one was made is no longer recorded (it costs 1 us). */
const CROWD = 256;

/** The pending side of a Deferred: it settles the promise exactly once. */
class Task implements Pending {
  readonly #subject: Subject;
  readonly #runner: Runner;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (reason: unknown) => void;
  #handle = 0;
  #settled = false;
  #stats: TaskStats | undefined = undefined;
  #signal: AbortSignal | undefined;

  constructor(
    subject: Subject,
    runner: Runner,
    resolve: (value: unknown) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#subject = subject;
    this.#runner = runner;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get name(): string {
    return this.#subject.name;
  }

  get stats(): TaskStats | undefined {
    return this.#stats;
  }

  get settled(): boolean {
    return this.#settled;
  }

  get sent(): ReadonlyMap<string, string> | undefined {
    return this.#subject.sent;
  }

  set sent(stacks: ReadonlyMap<string, string> | undefined) {
    this.#subject.sent = stacks;
  }

  /** Where the Deferred was made. */
  set site(site: Subject["site"]) {
    this.#subject.site = site;
  }

  start(
    program: (() => number) | null,
    args: readonly unknown[],
    signal: AbortSignal | undefined,
    transfer: ReadonlySet<ArrayBuffer> | undefined,
  ): void {
    if (signal?.aborted) return this.cancel(signal.reason);
    this.#handle = this.#runner.submit(program, args, this.#subject.limits, this, transfer);
    if (signal === undefined) return;
    if (signal.aborted) return this.cancel(signal.reason); // by a getter among the arguments
    try {
      listen(signal, this);
    } catch (error) { // of a signal that is none: nobody will have the promise
      this.#settled = true;
      this.#runner.cancel(this.#handle);
      throw error;
    }
    this.#signal = signal;
  }

  cancel(reason: unknown = cancelled(this.name)): void {
    if (this.#settled) return;
    if (this.#handle !== 0) this.#runner.cancel(this.#handle);
    this.abandon(reason);
  }

  complete(completion: Completion): void {
    if (completion.worker > 0) {
      const { worker, runTime, waitTime } = completion;
      this.#stats = { worker, runTime, waitTime };
    }
    if (this.#settled) return; // cancelled meanwhile
    let fulfils = completion.status === STATUS.OK;
    let outcome: unknown;
    // First, as it may fail: once the task counts as settled nothing else settles the promise.
    try {
      outcome = fulfils ? result(completion, this.#subject) : rejection(completion, this.#subject);
    } catch (cause) {
      fulfils = false;
      outcome = new InternalError("what the task ended with could not be told", { cause });
    }
    this.#settle();
    if (fulfils) this.#resolve(outcome);
    else this.#reject(outcome);
  }

  abandon(reason: unknown): void {
    if (this.#settled) return;
    this.#settle();
    this.#reject(reason);
  }

  #settle(): void {
    this.#settled = true;
    if (this.#signal !== undefined) unlisten(this.#signal, this);
    this.#signal = undefined;
  }
}
