/**
 * The hostile suite's own words: a table of attacks, each with what must come of it.
 *
 * Every attack runs on a pool of one thread. After it, whatever it did: the promise has settled as
 * the table says, the next task on that thread finds a pristine realm and computes what it should,
 * and the process is no larger than before.
 *
 * @module
 */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import process from "node:process";
import {
  DataCloneError,
  DeferredMemoryError,
  type DeferredOptions,
  DeferredPool,
  UnsettledError,
} from "../../mod.ts";

/** How an attack ended: its result, or what it rejected with. */
export interface Outcome {
  readonly result?: unknown;
  readonly error?: unknown;
}

/** What must come of an attack: one of the ends below, or a check of one's own. */
export interface Expected {
  (outcome: Outcome): void;
  /** The attack is given a short time, as it is to run out of it. */
  readonly short?: boolean;
}

/** An attack: the task, what must come of it, and its options if it needs any. */
export type Attack = readonly [
  fn: (...args: never[]) => unknown,
  expected: Expected,
  options?: Pick<DeferredOptions<unknown[]>, "args" | "maxStackSize" | "memoryLimit" | "timeout">,
];

const MIB = 2 ** 20;

/** What each attack may use, unless its table says otherwise. */
const MEMORY = 64 * MIB;
/** In ms: of attacks that are to run out of it, and of others, on a slow machine. */
const SHORT = 30;
const LONG = 20_000;

/** By how much memory the process may differ after an attack: garbage of the host's own. */
const ROOM = 48 * MIB;

const fail = ({ result, error }: Outcome, wanted: string): never => {
  const got = error === undefined
    ? `the result ${String(result)?.slice(0, 200)}`
    : `${(error as Error)?.name}: ${(error as Error)?.message ?? String(error)}`;
  assert.fail(`expected ${wanted}, got ${got}`);
};

/** The task is ended by its timeout. */
export const timesOut: Expected = Object.assign((outcome: Outcome): void => {
  const { error } = outcome;
  if (!(error instanceof DOMException && error.name === "TimeoutError")) fail(outcome, "a timeout");
  assert.match((error as Error).message, /`attack`.*30 ms/);
}, { short: true });

/** The task is ended by its memory limit. */
export const runsOutOfMemory: Expected = (outcome) => {
  if (!(outcome.error instanceof DeferredMemoryError)) fail(outcome, "a DeferredMemoryError");
};

/** The task's own limit holds: an error that the task could have caught. */
export const throws = (name: string, message?: RegExp): Expected => (outcome) => {
  const { error } = outcome;
  if (!(error instanceof Error) || error.name !== name) fail(outcome, `a ${name}`);
  if (message !== undefined) assert.match((error as Error).message, message);
};

/** The recursion ends with the engine's own error, as everywhere in JavaScript. */
export const overflows: Expected = throws("RangeError", /call stack|too much recursion/i);

/** What the task returned, or threw, can't be cloned; the path says which part. */
export const uncloneable = (path: string, message: RegExp): Expected => (outcome) => {
  const { error } = outcome;
  if (!(error instanceof DataCloneError)) fail(outcome, "a DataCloneError");
  assert.equal((error as DataCloneError).path, path);
  assert.match((error as Error).message, message);
};

/** The task's promise can never settle. */
export const neverSettles: Expected = (outcome) => {
  if (!(outcome.error instanceof UnsettledError)) fail(outcome, "an UnsettledError");
};

/** The attack comes to nothing: the task returns this. */
export const returns = (value: unknown): Expected => (outcome) => {
  if (outcome.error !== undefined) fail(outcome, `the result ${String(value)}`);
  assert.deepEqual(outcome.result, value);
};

/** The task throws this, which is no error. */
export const throwsValue = (value: unknown): Expected => (outcome) => {
  if (!("error" in outcome)) fail(outcome, `${String(value)} thrown`);
  assert.deepEqual(outcome.error, value);
};

/** One of several ends: what the attack hits first depends on the machine. */
export const either = (...ends: Expected[]): Expected =>
  Object.assign((outcome: Outcome): void => {
    const failures: unknown[] = [];
    for (const end of ends) {
      try {
        return end(outcome);
      } catch (failure) {
        failures.push(failure);
      }
    }
    throw failures[0];
  }, { short: ends.some((end) => end.short) });

/** All that code finds in its realm, in a number; and one computation that uses much of it. */
export function state(): string {
  let hash = 0;
  const known = new Map<unknown, number>();
  const queue: object[] = [];
  const note = (text: string): void => {
    for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  };
  const see = (value: unknown): void => {
    if (value === null || (typeof value !== "object" && typeof value !== "function")) {
      return note(`${typeof value} ${String(value)}`);
    }
    if (!known.has(value)) queue.push(value) && known.set(value, known.size);
    note(`#${known.get(value)}`);
  };
  see(globalThis);
  see(Object.getPrototypeOf(function* () {}));
  see(Object.getPrototypeOf(async () => {}));
  for (let at = 0; at < queue.length; at++) {
    see(Object.getPrototypeOf(queue[at]));
    note(String(Object.isExtensible(queue[at])));
    for (const key of Reflect.ownKeys(queue[at]!)) {
      const { get, set, value, ...flags } = Reflect.getOwnPropertyDescriptor(queue[at]!, key)!;
      note(String(key) + JSON.stringify(flags));
      see(get), see(set), see(value);
    }
  }
  const words = JSON.parse('["b","a","c"]').sort().join("").replace(/b/, (b: string) => b + b);
  const big = String(2n ** 100n);
  const date = new Date(0).toISOString();
  return [queue.length, hash, words, big, date, [...new Set([1, 1, 2])].length].join(" ");
}

async function outcomeOf(promise: Promise<unknown>): Promise<Outcome> {
  try {
    return { result: await promise };
  } catch (error) {
    return { error };
  }
}

/**
 * Runs a table of attacks. Those that are ended by their timeout are ended in time: within 20 ms of
 * it in the median.
 */
export function hostile(title: string, attacks: Readonly<Record<string, Attack>>): void {
  describe(title, () => {
    const pool = new DeferredPool({ maxThreads: 1 });
    const delays: number[] = [];
    let pristine: string | undefined;
    after(() => pool.close());
    for (const [name, [fn, expected, options]] of Object.entries(attacks)) {
      test(name, async () => {
        pristine ??= await pool.run(state);
        const before = process.memoryUsage().rss;
        const timeout = expected.short ? SHORT : LONG;
        const limits = { timeout, memoryLimit: MEMORY, ...options };
        const run = fn as (...args: unknown[]) => unknown;
        const task = pool.defer(run, { ...limits, name: "attack" });
        const outcome = await outcomeOf(task);
        expected(outcome);
        if (/^the task `attack` ran longer/.test((outcome.error as Error | null)?.message ?? "")) {
          delays.push(task.stats!.runTime - limits.timeout);
        }
        assert.equal(await pool.run(state), pristine, "the next task's realm");
        const grown = process.memoryUsage().rss - before;
        assert.ok(grown < ROOM, `the process grew by ${Math.round(grown / MIB)} MiB`);
      });
    }
    const short = Object.values(attacks).filter(([, expected]) => expected === timesOut).length;
    if (short >= 10) {
      test(`${title}: in time`, () => {
        const median = delays.sort((a, b) => a - b)[delays.length >> 1]!;
        assert.ok(delays.length >= short, "each of them was timed");
        assert.ok(median < 20, `the median is ${median} ms over the limit`);
        assert.ok(delays[0]! >= 0, `one ended ${delays[0]} ms before its time`);
      });
    }
  });
}
