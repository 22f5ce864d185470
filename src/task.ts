/**
 * A task on its way: the promise that the user holds, and the pending side that settles it.
 *
 * Invariant: it settles exactly once, whatever throws. From here on a failure rejects the promise;
 * it never throws out of the call that starts the task.
 *
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { EVENT_TYPE, LANGUAGE, STATUS } from "../ffi/symbols.ts";
import type { Entry, Job } from "./call.ts";
import type { Deferred } from "./deferred.ts";
import { Errand } from "./errand.ts";
import { DataCloneError, InternalError } from "./errors.ts";
import type { Part } from "./function/enclose.ts";
import { cutStack, type Site } from "./function/stack.ts";
import { atItsSite, cancelled, ended, rejection, result, type Subject } from "./pool/outcome.ts";
import type { Completion, Pending, TaskEvent } from "./pool/reactor.ts";
import type { Limits } from "./limits.ts";
import type { Runner } from "./runner.ts";
import { Printer } from "./console.ts";
import { Calls } from "./host.ts";
import { fileOf, Modules, type Program, type SourceFile } from "./modules.ts";
import { listen, unlisten } from "./pool/signals.ts";
import { NO_PROGRESS, Progress } from "./progress.ts";

/** How a task ran: the `stats` of a Deferred that has ended. */
export interface TaskStats {
  /** The worker thread that ran the task, counted from 1 in its pool. */
  readonly worker: number;
  /** From start to end on that worker, in ms. */
  readonly runTime: number;
  /** From submission to start, in ms. */
  readonly waitTime: number;
  /**
   * Whether some of it ran as machine code, compiled of what its function runs often, and not in the
   * interpreter.
   */
  readonly compiled: boolean;
}

/**
 * With more pending tasks than this, the place where each was made is no longer recorded (that
 * takes 1 us).
 */
const CROWD = 256;

/** Whether more tasks than that are pending in the job's pool. */
export function isCrowded({ runner }: Job): boolean {
  return runner !== undefined && runner.pending > CROWD;
}

/**
 * Records where a promise was made. Whoever constructs one captures that itself, after the task was
 * started: by then a worker is at it, and on Deno each call in between costs 0.3 us.
 */
export let setSite: <T>(promise: TaskPromise<T>, site: Site) => void;

/** The promise of a task: a Deferred without its constructor's signature and static methods. */
export class TaskPromise<T> extends Promise<T> {
  /** Promises derived from a Deferred (`then`, `catch`, `finally`) are ordinary ones. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  readonly #task: Task;

  /** Starts `job` with `args`, for the call of `entry`. Throws nothing. */
  constructor(entry: Entry, job: Job, args: readonly unknown[]) {
    const task = new Task(job);
    super((resolve, reject) => {
      task.resolve = resolve as (value: unknown) => void;
      task.reject = reject;
    });
    this.#task = task;
    if (task.progress !== undefined) task.progress.task = this as unknown as Deferred<unknown>;
    try {
      task.start(job, args);
    } catch (error) {
      task.abandon(cutStack(withAdvice(error, entry, args), entry.function));
    }
  }

  static {
    setSite = (promise, site) => promise.#task.site = site;
  }

  get name(): string {
    return this.#task.name;
  }

  get stats(): TaskStats | undefined {
    return this.#task.stats;
  }

  get progress(): AsyncIterable<unknown> {
    return this.#task.progress ?? NO_PROGRESS;
  }

  cancel(reason?: unknown): void {
    this.#task.cancel(reason);
  }

  [Symbol.dispose](): void {
    if (this.#task.settled) return;
    this.#task.cancel();
    super.then(undefined, () => {}); // nobody is left to handle it
  }

  override get [Symbol.toStringTag](): string {
    return "Deferred";
  }
}

/**
 * Whether the console is named in a task's text. What prints otherwise, a class of the pool's or
 * what `eval` makes in the task, does so outside of every context: a snapshot takes up to 2 us.
 */
function mayPrint({ fn, program }: Job): boolean {
  return typeof fn === "string" ? fn.includes("console") : program?.prints === true;
}

/** What is to be known of a job that may import: what loads its modules. */
function loaded({ text, modules, program }: Job): Program | undefined {
  if (text !== undefined) return text.loader === undefined ? undefined : text;
  return program?.imports === true ? modules?.program : undefined;
}

const NOTHING: readonly string[] = [];

/** The names of what a task finds in its last parameter. */
function offersOf(host: Job["host"], progress: boolean): readonly string[] {
  if (!progress) return host?.titles ?? NOTHING;
  return [...host?.titles ?? NOTHING, "report"];
}

/** Those that hold what can't be cloned. */
const OPTIONS: ReadonlySet<string> = new Set(["host", "signal", "console", "onProgress", "pool"]);

/** Says that `run` takes no options, where what can't be cloned was meant as one. */
function withAdvice(error: unknown, { title }: Entry, args: readonly unknown[]): unknown {
  if (!(error instanceof DataCloneError) || !title.endsWith(".run")) return error;
  const last = `args[${args.length - 1}].`;
  const option = error.path.startsWith(last) && /^\w+/.exec(error.path.slice(last.length))?.[0];
  if (!option || !OPTIONS.has(option)) return error;
  const call = title === "pool.run" ? "pool.defer" : "new Deferred";
  return new DataCloneError(
    `${error.message}; ${title} takes no options: ${call}(fn, { args, ${option} })`,
    error.path,
  );
}

/** The pending side of a Deferred: it settles the promise exactly once. */
class Task implements Pending, Subject {
  readonly name: string;
  readonly fn: Job["fn"];
  readonly parts: readonly Part[] | undefined;
  readonly parameters: number | undefined;
  readonly limits: Limits;
  given = 0;
  readonly offers: readonly string[];
  readonly awaited: readonly string[] | undefined;
  readonly #runner: Runner | undefined;
  /** Where the Deferred was made. */
  site: Site = {};
  sent: ReadonlyMap<string, string> | undefined = undefined;
  stats: TaskStats | undefined = undefined;
  settled = false;
  resolve!: (value: unknown) => void;
  reject!: (reason: unknown) => void;
  id = 0;
  handle = 0;
  readonly file: string | undefined;
  readonly hasLoader: boolean;
  readonly language: number;
  #errand: Errand | undefined = undefined;
  #calls: Calls | undefined = undefined;
  readonly progress: Progress | undefined = undefined;
  /** Bytes of its reports that were read, and that it was not told of. */
  #reported = 0;
  #modules: Modules | undefined = undefined;
  readonly #console: Job["console"];
  #printer: Printer | undefined = undefined;
  /** The context in which the task was started, if it may print. */
  #inContext: (<R>(call: () => R) => R) | undefined = undefined;
  #signal: AbortSignal | undefined = undefined;

  constructor(job: Job) {
    const { name, fn, program, limits, runner, host, console, progress, onProgress, text } = job;
    this.offers = offersOf(host, progress);
    this.awaited = host?.awaited;
    this.file = text?.file;
    this.hasLoader = text?.loader !== undefined;
    this.language = text?.language ?? LANGUAGE.JAVASCRIPT;
    this.#console = console;
    if (progress) this.progress = new Progress(onProgress);
    this.name = name;
    this.fn = fn;
    this.parts = program?.parts;
    this.parameters = program?.parameters;
    this.limits = limits;
    this.#runner = runner;
  }

  /** Throws if it can't be started; the caller then abandons it. */
  start(job: Job, args: readonly unknown[]): void {
    const { signal, failure } = job;
    if (signal?.aborted) return this.cancel(signal.reason);
    if (failure !== undefined) throw failure.reason;
    this.given = args.length;
    const program = loaded(job);
    const isStrange = typeof job.fn === "string";
    const errand = job.host === undefined && program === undefined
      ? undefined
      : this.#errand = new Errand(this.#runner!, this, isStrange);
    if (job.host !== undefined) {
      this.#calls = new Calls(job.host, job.name, errand!, isStrange, (cause) => {
        this.cancel(
          new InternalError("a call of a host's function could not be answered", { cause }),
        );
      });
    }
    if (program !== undefined) {
      this.#modules = new Modules(program, program.loader!, errand!, (error) => {
        this.cancel(atItsSite(error, this));
      }, this.#runner!.preloaded);
    }
    if (job.console !== false && mayPrint(job)) this.#inContext = AsyncLocalStorage.snapshot();
    this.handle = this.#runner!.submit(job, args, this);
    if (signal === undefined) return;
    try {
      if (signal.aborted) return this.cancel(signal.reason); // by a getter among the arguments
      listen(signal, this);
    } catch (error) { // the signal's own methods threw
      this.#runner!.cancel(this.handle);
      throw error;
    }
    this.#signal = signal;
  }

  cancel(reason: unknown = cancelled(this.name)): void {
    if (this.settled) return;
    if (this.handle !== 0) this.#runner!.cancel(this.handle);
    this.abandon(reason);
  }

  module(number: number): SourceFile | undefined {
    return fileOf(this.#runner?.preloaded, number) ?? this.#modules?.file(number);
  }

  causeOf(message: string): unknown {
    return this.#modules?.causes.get(message);
  }

  receive(event: TaskEvent): void {
    const read = () => result(event.read(), this) as readonly unknown[];
    if (event.type === EVENT_TYPE.CALL) this.#calls?.receive(event, read);
    else if (event.type === EVENT_TYPE.PROGRESS) this.#receiveReport(event);
    else if (event.type === EVENT_TYPE.IMPORT) this.#modules?.receive(event, read);
    else this.#print(event, read);
  }

  #receiveReport(event: TaskEvent): void {
    this.#reported += event.size;
    let value: unknown;
    try {
      value = result(event.read(), this);
    } catch (cause) { // nothing that a task can bring about
      this.cancel(cause);
      return;
    }
    this.progress?.receive(value);
  }

  caughtUp(): void {
    if (this.settled) return;
    this.#runner!.reported(this.handle, this.#reported);
    this.#reported = 0;
  }

  #print(event: TaskEvent, read: () => readonly unknown[]): void {
    if (this.#console === false) return;
    const printer = this.#printer ??= new Printer(
      this.#console,
      typeof this.fn === "string",
      (bytes) => this.#runner!.heard(this.handle, bytes),
    );
    if (this.#inContext === undefined) printer.receive(event, read);
    else this.#inContext(() => printer.receive(event, read));
  }

  complete(completion: Completion): void {
    if (completion.worker > 0) {
      const { worker, runTime, waitTime, compiled } = completion;
      this.stats = { worker, runTime, waitTime, compiled };
    }
    if (this.settled) return; // cancelled meanwhile
    let fulfils = completion.status === STATUS.OK;
    let outcome: unknown;
    // This may fail, so it comes first: once the task counts as settled, nothing settles the promise.
    try {
      outcome = fulfils ? result(completion, this) : rejection(completion, this);
    } catch (cause) {
      fulfils = false;
      outcome = new InternalError("the outcome of the task could not be reported", { cause });
    }
    this.#settle(fulfils ? undefined : outcome);
    // What it keeps of them is for the stacks of errors.
    if (completion.errors.length === 0) this.#modules = undefined;
    if (fulfils) this.resolve(outcome);
    else this.reject(outcome);
  }

  abandon(reason: unknown): void {
    if (this.settled) return;
    this.#settle(reason);
    this.reject(reason);
  }

  /** Lets go of what a promise that is kept would keep. `reason`: what it rejects with. */
  #settle(reason: unknown): void {
    this.settled = true;
    if (this.#signal !== undefined) unlisten(this.#signal, this);
    this.#signal = undefined;
    this.progress?.end();
    this.#calls = undefined;
    this.#modules?.end();
    this.#errand?.end(reason ?? ended(this.name));
    this.#errand = undefined;
  }
}
