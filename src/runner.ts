/**
 * The seam between what a user sees and who runs it, which today is a pool's threads.
 *
 * The modules above (`call.ts`, `task.ts`) know a task as a {@linkcode Job} and its executor as a
 * {@linkcode Runner}, and nothing about the library.
 *
 * @module
 */
import type { Job } from "./call.ts";
import type { TaskConsole } from "./console.ts";
import type { CachedProgram, CompileOptions } from "./function/programs.ts";
import type { AnyFunction } from "./function/source.ts";
import type { HostTable } from "./host.ts";
import type { Limits } from "./limits.ts";
import type { PreloadedModules } from "./modules.ts";
import type { Pending } from "./pool/reactor.ts";
import type { FunctionModules } from "./packages/list.ts";
import type { OnProgress } from "./progress.ts";

/** What a task is told of one of its calls; see `MESSAGE` in ffi/symbols.ts. */
export interface Answer {
  readonly number: number;
  /** One of `ANSWER`. */
  readonly type: number;
  readonly room: number;
  readonly value: unknown;
  /** Buffers in it to move, if there are any. */
  readonly transfer: readonly ArrayBuffer[] | undefined;
  /** What paths in a DataCloneError begin with. */
  readonly root: string;
  /** Whether errors in it cross without their stacks. */
  readonly noStacks: boolean;
}

/** Who runs tasks. */
export interface Runner {
  /** Tasks that have not settled. */
  readonly pending: number;

  /**
   * The program for `fn`, compiled once. Throws if `fn` can't run in a task, as `new Deferred`
   * does.
   */
  compile(fn: AnyFunction, options: CompileOptions): CachedProgram;

  /**
   * The limits of a task: its own, already checked, or else those of `base` (the runner's by
   * default). Throws a RangeError for a limit that the runner can't keep; the message names the
   * call, which begins with `where`.
   */
  limits(own: Limits, where: string, base?: Limits): Limits;

  /**
   * Submits a task and returns its handle; `pending` is told once how it ends. Throws a
   * DataCloneError for a bad argument; otherwise the buffers of `transfer` are detached. A text's
   * arguments are what `evalJob` gives.
   */
  submit(job: Job, args: readonly unknown[], pending: Pending): number;

  /** Functions of the host that all of its tasks may call. */
  readonly host: HostTable | undefined;

  /** Whether code that is text may call functions of the host synchronously. */
  readonly syncCalls: boolean;

  /** What its functions may import. */
  readonly modules: FunctionModules | undefined;

  /** The modules that each of its tasks has. */
  readonly preloaded: PreloadedModules | undefined;

  /** Where they print; `false`: nowhere. */
  readonly console: TaskConsole | false | undefined;

  /** Sends a task an answer. Throws a DataCloneError, or why it can't be sent. */
  post(to: Pending, answer: Answer): void;

  /** What all of its tasks report to; and whether they report. */
  readonly onProgress: OnProgress | undefined;
  readonly progress: boolean | undefined;

  /** Tells a task that so many bytes of what it printed were read. */
  heard(handle: number, bytes: number): void;

  /** Tells a task that so many bytes of what it reported were read: the latest may come. */
  reported(handle: number, bytes: number): void;

  /**
   * Ends a task, queued or running, as soon as it can be left. Its completion arrives like any
   * other.
   */
  cancel(handle: number): void;
}

/** The runner of each pool, out of reach of users. */
const runners = new WeakMap<object, Runner>();

/** Registers the runner of `pool`. */
export function setRunner(pool: object, runner: Runner): void {
  runners.set(pool, runner);
}

/** The runner of `pool`; `undefined` for what is no pool. */
export function runnerOf(pool: object): Runner | undefined {
  return runners.get(pool);
}
