/**
 * Limits: what a task may use, how options are checked, and how messages show limits.
 *
 * @module
 */
import { LIMIT } from "../ffi/symbols.ts";
import { rangeError, typeError } from "./errors.ts";
import { describe, shorten } from "./function/describe.ts";
import { optionHint, readOptions } from "./options.ts";

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
  /**
   * Bytes that what a task returns or throws may be, as it is sent: some 2 more than a string's
   * characters, 1 to 9 for a number. Beyond that it rejects with a `DeferredLimitError`, and none of it
   * reaches this thread. Default: no limit but `memoryLimit`.
   */
  readonly resultLimit?: number | undefined;
  /** How a task may call the functions of its `host`. Default: no limit but 1,000 at once. */
  readonly hostCalls?: HostCallLimits | undefined;
  /**
   * Bytes that a task may print by its `console`, as they cross. Further lines are dropped, and how
   * many is told. Default: no limit.
   */
  readonly consoleLimit?: number | undefined;
}

/**
 * How a task may call functions of the host. A call beyond `total`, `bytes` or `totalBytes` is not
 * made: its promise rejects in the task with a QuotaExceededError (a `DOMException`) that names the
 * limit.
 */
export interface HostCallLimits {
  /** How many calls a task may make. Default: no limit. */
  readonly total?: number | undefined;
  /**
   * How many of its calls may be without an answer at once. Others wait in the task, in their order.
   * Default: 1,000.
   */
  readonly concurrent?: number | undefined;
  /** Bytes of the arguments of one call, as they cross. Default: no limit but `memoryLimit`. */
  readonly bytes?: number | undefined;
  /** Bytes of the arguments of all of a task's calls. Default: no limit. */
  readonly totalBytes?: number | undefined;
}

/** The lowest and highest value of each option that is a whole number. */
export const BOUNDS: Readonly<
  Record<
    "maxThreads" | "maxWaiting" | "memoryLimit" | "maxStackSize" | "resultLimit",
    readonly [number, number]
  >
> = {
  maxThreads: [1, LIMIT.THREADS_MAX],
  maxWaiting: [0, LIMIT.WAITING_MAX],
  memoryLimit: [LIMIT.MEMORY_MIN, LIMIT.MEMORY_MAX],
  maxStackSize: [LIMIT.STACK_MIN, LIMIT.STACK_MAX],
  resultLimit: [1, LIMIT.MEMORY_MAX],
};

const SIZES = ["memoryLimit", "maxStackSize", "resultLimit"] as const;

const TIMES = ["timeout", "cpuLimit", "queueTimeout"] as const;

/** The names of all limits, for whoever checks options. */
export const LIMIT_NAMES: readonly (keyof Limits)[] = [
  ...TIMES,
  ...SIZES,
  "hostCalls",
  "consoleLimit",
];

const CALL_NAMES: ReadonlySet<string> = new Set(["total", "concurrent", "bytes", "totalBytes"]);

/** The library's default limits, in bytes. */
export const DEFAULT_BYTES: { readonly memoryLimit: number; readonly maxStackSize: number } = {
  memoryLimit: LIMIT.MEMORY_DEFAULT,
  maxStackSize: LIMIT.STACK_DEFAULT,
};

/** A limit in bytes, as messages show it. */
export function bytesOf(limits: Limits, name: keyof typeof DEFAULT_BYTES): string {
  return inUnits(limits[name] ?? DEFAULT_BYTES[name]);
}

function inUnits(count: number): string {
  for (const [unit, size] of [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]] as const) {
    if (count % size === 0) return `${count / size} ${unit}`;
  }
  return count === 1 ? "1 byte" : `${count} bytes`;
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
  for (const name of SIZES) {
    const value: unknown = limits[name];
    if (value !== undefined) checkBytes(value, `${where}{ ${name} })`, BOUNDS[name]);
  }
  const { hostCalls, consoleLimit }: { hostCalls?: unknown; consoleLimit?: unknown } = limits;
  if (consoleLimit !== undefined) checkMost(consoleLimit, `${where}{ consoleLimit })`);
  if (hostCalls === undefined) return;
  if (typeof hostCalls !== "object" || hostCalls === null || Array.isArray(hostCalls)) {
    throw typeError(
      `${where}{ hostCalls }): hostCalls must be an object such as { total: 100, concurrent: 10 }, ` +
        `got ${describe(hostCalls)}`,
    );
  }
  // Read once, as all options are: what was given may change.
  const read: HostCallLimits = readOptions(hostCalls, CALL_NAMES, (name) => {
    throw typeError(
      `${where}{ hostCalls }): there is no option \`${shorten(name, 60)}\`; ${
        optionHint(name, [...CALL_NAMES])
      }`,
    );
  });
  for (const name of CALL_NAMES as ReadonlySet<keyof HostCallLimits>) {
    if (read[name] !== undefined) checkMost(read[name], `${where}{ hostCalls: { ${name} } })`);
  }
  (limits as { hostCalls: HostCallLimits }).hostCalls = read;
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
    resultLimit: own.resultLimit ?? base.resultLimit,
    hostCalls: own.hostCalls && base.hostCalls
      ? {
        total: own.hostCalls.total ?? base.hostCalls.total,
        concurrent: own.hostCalls.concurrent ?? base.hostCalls.concurrent,
        bytes: own.hostCalls.bytes ?? base.hostCalls.bytes,
        totalBytes: own.hostCalls.totalBytes ?? base.hostCalls.totalBytes,
      }
      : own.hostCalls ?? base.hostCalls,
    consoleLimit: own.consoleLimit ?? base.consoleLimit,
  };
}

/** A limit in ms, or a count, as the library takes it: 0 for none. */
export function most(limit: number | undefined): number {
  return limit === undefined || limit === Infinity ? 0 : limit;
}

/** Throws for what is no count of things or bytes. */
function checkMost(value: unknown, what: string): void {
  if (value !== Infinity) checkWhole(value, what, [1, LIMIT.CALLS_MAX]);
}

/** Throws for what is no number of bytes within the bounds. */
function checkBytes(value: unknown, what: string, [low, high]: readonly [number, number]): void {
  if (typeof value === "number" && Number.isInteger(value) && value >= low && value <= high) return;
  const meant = typeof value === "string" ? parseFloat(value) : Number(value);
  // Who says 64, or "64MB", thinks of MiB.
  const hint = Number.isInteger(meant) && meant * 2 ** 20 >= low && meant * 2 ** 20 <= high &&
      (typeof value === "string" || meant < low)
    ? `; ${meant} MiB are ${meant} * 2 ** 20`
    : "";
  throw noLimit(
    `${what} must be a whole number of bytes, from ${inUnits(low)} to ${inUnits(high)}`,
    value,
    hint,
  );
}

/** The error for a value that no limit can have. */
function noLimit(what: string, value: unknown, hint = ""): Error {
  const message = `${what}, got ${describe(value)}${hint}`;
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
