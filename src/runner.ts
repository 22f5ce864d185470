/**
 * The seam between what a user sees and who runs it: a pool's threads today.
 *
 * What lies above it (`call.ts`, `task.ts`) knows of a task what a {@linkcode Job} says and of who
 * runs it what stands here, and nothing of the library.
 *
 * @module
 */
import type { Job } from "./call.ts";
import type { CachedProgram } from "./function/programs.ts";
import type { AnyFunction } from "./function/source.ts";
import type { Limits } from "./limits.ts";
import type { Pending } from "./pool/reactor.ts";

/** Who runs tasks. */
export interface Runner {
  /** Tasks that have not settled. */
  readonly pending: number;

  /** The program for `fn`, compiled once. Throws what a Deferred throws for a function. */
  compile(
    fn: AnyFunction,
    name: string,
    allowGlobals: readonly string[] | true | undefined,
  ): CachedProgram;

  /**
   * The limits of a task: its own, which were checked, or else those of `base` (the runner's). Throws
   * a RangeError where the runner can't keep to one, which speaks of the call that begins with
   * `where`.
   */
  limits(own: Limits, where: string, base?: Limits): Limits;

  /**
   * Submits a task and returns its handle; `pending` is told how it ends, once. Throws a
   * DataCloneError for a bad argument; else the buffers of `transfer` are detached. A script's
   * arguments are its text and its scope.
   */
  submit(job: Job, args: readonly unknown[], pending: Pending): number;

  /** Ends a task, queued or running, as soon as it can be left; its completion comes as any other. */
  cancel(handle: number): void;
}

/** The runner of each pool, out of reach of the pool's users. */
const runners = new WeakMap<object, Runner>();

/** Lets `pool` find its runner. */
export function setRunner(pool: object, runner: Runner): void {
  runners.set(pool, runner);
}

/** The runner of `pool`; `undefined` for what is no pool. */
export function runnerOf(pool: object): Runner | undefined {
  return runners.get(pool);
}
