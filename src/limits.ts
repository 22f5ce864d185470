/**
 * Limits: what a task may use, how options are checked, and how messages show limits.
 *
 * @module
 */
import { LIMIT } from "../ffi/symbols.ts";
import { rangeError, typeError } from "./errors.ts";
import { describe } from "./function/describe.ts";

/** What one task may use. Each limit can be set for a task, or for all tasks of a pool. */
export interface Limits {
  /**
   * How long a task may run, in ms from its start, including what it awaits. Then it is ended,
   * whatever it does, and rejects with a TimeoutError. Default: no limit.
   */
  readonly timeout?: number | undefined;
  /**
   * CPU time that a task may use, in ms (Linux only); then it ends as with `timeout`. Default: no
   * limit.
   */
  readonly cpuLimit?: number | undefined;
  /**
   * How long a task may wait for a thread, in ms; then it ends as with `timeout`. Default: no
   * limit.
   */
  readonly queueTimeout?: number | undefined;
  /**
   * Bytes that a task's realm may grow to, from 1 MiB to 2 GiB; beyond that the task rejects with a
   * `DeferredMemoryError`. Nothing is used until it is needed. Default: 256 MiB.
   */
  readonly memoryLimit?: number | undefined;
  /**
   * Bytes of native stack that a task may use, from 64 KiB to 256 MiB, and for a single task at
   * most what its pool's threads have. Deeper recursion throws inside the task. Default: 4 MiB,
   * some 7,000 calls.
   */
  readonly maxStackSize?: number | undefined;
}

/** The lowest and highest value of each option that is a whole number. */
export const BOUNDS: Readonly<
  Record<"maxThreads" | "maxWaiting" | "memoryLimit" | "maxStackSize", readonly [number, number]>
> = {
  maxThreads: [1, LIMIT.THREADS_MAX],
  maxWaiting: [0, LIMIT.WAITING_MAX],
  memoryLimit: [LIMIT.MEMORY_MIN, LIMIT.MEMORY_MAX],
  maxStackSize: [LIMIT.STACK_MIN, LIMIT.STACK_MAX],
};

const TIMES = ["timeout", "cpuLimit", "queueTimeout"] as const;

/** The names of all limits, for whoever checks options. */
export const LIMIT_NAMES: readonly (keyof Limits)[] = [...TIMES, "memoryLimit", "maxStackSize"];

/** The library's default limits, in bytes. */
export const DEFAULT_BYTES: { readonly memoryLimit: number; readonly maxStackSize: number } = {
  memoryLimit: LIMIT.MEMORY_DEFAULT,
  maxStackSize: LIMIT.STACK_DEFAULT,
};

/** A limit in bytes, as messages show it. */
export function bytesOf(limits: Limits, name: keyof typeof DEFAULT_BYTES): string {
  const count = limits[name] ?? DEFAULT_BYTES[name];
  for (const [unit, size] of [["MiB", 2 ** 20], ["KiB", 2 ** 10]] as const) {
    if (count % size === 0) return `${count / size} ${unit}`;
  }
  return `${count} bytes`;
}

/**
 * Throws for a limit that is no number (a TypeError, as for every option of a wrong type) or that makes
 * no sense (a RangeError), of the call that begins with `where`.
 */
export function checkLimits(limits: Limits, where: string): void {
  for (const name of TIMES) {
    const value: unknown = limits[name];
    if (value !== undefined && !(typeof value === "number" && value > 0)) {
      throw noLimit(`${where}{ ${name} }) must be a number of ms above 0`, value);
    }
  }
  for (const name of ["memoryLimit", "maxStackSize"] as const) {
    const value: unknown = limits[name];
    if (value !== undefined) checkWhole(value, `${where}{ ${name} })`, BOUNDS[name]);
  }
}

/**
 * The limits of a task in a pool that has the limits `pool`: its own, which were checked, or else
 * those of `base`. Throws a RangeError where the pool can't keep to one, which speaks of the call that
 * begins with `where`.
 */
export function limitsIn(pool: Limits, own: Limits, where: string, base: Limits = pool): Limits {
  let some = false;
  for (const name of LIMIT_NAMES) some ||= own[name] !== undefined;
  if (!some) return base;
  const stack = pool.maxStackSize ?? DEFAULT_BYTES.maxStackSize;
  if (own.maxStackSize !== undefined && own.maxStackSize > stack) {
    throw rangeError(
      `${where}{ maxStackSize }) can't be more than the ${stack} bytes that the pool's ` +
        `threads have, got ${own.maxStackSize}; give the pool a larger maxStackSize`,
    );
  }
  return mergedLimits(own, base);
}

/** The limits in `own`, or else those in `base`. */
function mergedLimits(own: Limits, base: Limits): Limits {
  return {
    timeout: own.timeout ?? base.timeout,
    cpuLimit: own.cpuLimit ?? base.cpuLimit,
    queueTimeout: own.queueTimeout ?? base.queueTimeout,
    memoryLimit: own.memoryLimit ?? base.memoryLimit,
    maxStackSize: own.maxStackSize ?? base.maxStackSize,
  };
}

/** A limit in ms as the library takes it: 0 for none. */
export function time(limit: number | undefined): number {
  return limit === undefined || limit === Infinity ? 0 : limit;
}

/** The error for a value that no limit can have. */
function noLimit(what: string, value: unknown): Error {
  const message = `${what}, got ${describe(value)}`;
  return typeof value === "number" ? rangeError(message) : typeError(message);
}

/** Throws for what is no whole number within the bounds, as {@linkcode checkLimits}. */
export function checkWhole(
  value: unknown,
  what: string,
  [low, high]: readonly [number, number],
): void {
  if (typeof value !== "number" || !Number.isInteger(value) || value < low || value > high) {
    throw noLimit(`${what} must be a whole number from ${low} to ${high}`, value);
  }
}
