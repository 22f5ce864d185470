/**
 * The hostile suite's own words: a table of attacks, each with what must come of it.
 *
 * Every attack runs on a pool of one thread. After it, whatever it did: the promise has settled as
 * the table says, the errors can be looked at in every way, the event loop has gone on, the next
 * task on that thread finds a pristine realm and computes what it should, and the process is no
 * larger than before.
 *
 * @module
 */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import process from "node:process";
import { inspect } from "node:util";
import {
  DataCloneError,
  DeferredMemoryError,
  type DeferredOptions,
  DeferredPool,
  UnsettledError,
} from "../../mod.ts";
import { longestGap } from "../support/measure.ts";
import { pause } from "../support/wait.ts";

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
/** In ms: of attacks that are to run out of it, at least, and of others, which never do. */
const SHORT = 30;
const LONG = 10 * 60_000;
/** The first is longer where a task that does much takes long: the attack is to come to its point. */
const TASKS = 4;

/** By how much memory the process may differ after an attack: garbage of the host's own. */
const ROOM = 64 * MIB;
/** How often that is looked at before it counts as more. */
const LOOKS = 50;

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
  assert.match((error as Error).message, /`attack`.*\d ms/);
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

/** All that code finds in its realm, word by word; and computations that use much of it. */
export function state(): string {
  const words: unknown[] = [];
  const known = new Map<unknown, number>();
  const queue: object[] = [];
  const see = (value: unknown): void => {
    if (value === null || (typeof value !== "object" && typeof value !== "function")) {
      return void words.push(typeof value, String(value));
    }
    const number = known.get(value) ?? queue.push(value);
    known.set(value, number);
    words.push(number);
  };
  see(globalThis);
  see(Object.getPrototypeOf(function* () {}));
  see(Object.getPrototypeOf(async () => {}));
  for (let at = 0; at < queue.length; at++) {
    const object = queue[at]!;
    see(Object.getPrototypeOf(object));
    words.push(Object.isExtensible(object));
    for (const key of Reflect.ownKeys(object)) {
      const it = Reflect.getOwnPropertyDescriptor(object, key)!;
      words.push(String(key), it.writable, it.enumerable, it.configurable);
      see(it.get), see(it.set), see(it.value);
    }
  }
  words.push(JSON.parse('["b","a","c"]').sort().join("").replace(/b/, (b: string) => b + b));
  words.push(2n ** 100n, new Date(0).toISOString(), [...new Set([1, 1, 2])].length);
  return words.join(" ");
}

/** The next task's realm is what it was when `pristine` was taken. */
export async function assertPristine(
  pool: DeferredPool,
  pristine: string,
  after: string,
): Promise<void> {
  const now = await pool.run(state);
  if (now === pristine) return;
  const [is, was] = [now.split(" "), pristine.split(" ")];
  const at = was.findIndex((word, i) => word !== is[i]);
  const around = (words: string[]): string => words.slice(Math.max(0, at - 20), at + 5).join(" ");
  assert.fail(`the realm after ${after} differs: …${around(is)}… instead of …${around(was)}…`);
}

/** The process is not larger than before by more than `ROOM`, once garbage was collected. */
async function assertNotGrown(before: number): Promise<void> {
  let grown = Infinity;
  for (let look = 0; look < LOOKS; look++) {
    grown = Math.min(grown, process.memoryUsage().rss - before);
    if (grown < ROOM) return;
    (globalThis as { gc?: () => void }).gc?.();
    await pause(10);
  }
  assert.fail(`the process grew by ${Math.round(grown / MIB)} MiB`);
}

/** Errors to look at: what the task threw or returned, its causes, and errors among them. */
function errorsIn({ result, error }: Outcome): Error[] {
  const errors = new Set<Error>();
  const queue: unknown[] = [error, result];
  while (queue.length > 0 && errors.size < 100) {
    const value = queue.pop();
    if (!(value instanceof Error) || errors.has(value)) continue;
    errors.add(value);
    queue.push(value.cause);
    const { errors: list } = value as { errors?: unknown };
    if (Array.isArray(list)) queue.push(...list.slice(0, 100));
  }
  return [...errors];
}

/** A frame of this suite, or of the attack where it could not be found. */
const OUR_FRAME =
  /^ {4}at (?:[^()]* \()?(?:.*\/tests\/(?:hostile|support)\/\w+\.ts:\d+:\d+|native|eval:\d+:\d+|attack:\d+:\d+)\)?$/;

/** Reads all that programs read of errors: none of it throws, is endless, or looks like frames. */
function read(outcome: Outcome): void {
  for (const error of errorsIn(outcome)) {
    const { stack = "", message } = error;
    assert.equal(typeof stack, "string");
    assert.equal(typeof message, "string");
    assert.ok(stack.length < 20_000, `a stack of ${stack.length} units`);
    for (const unit of "\r\u2028\u2029\u001b\u202e") assert.ok(!stack.includes(unit), stack);
    const lines = stack.split("\n");
    assert.ok(lines.length < 100, `a stack of ${lines.length} lines`);
    for (const line of lines) {
      if (/^\s*at\s/.test(line)) assert.match(line, OUR_FRAME, stack);
    }
    assert.equal(typeof String(error), "string");
    assert.equal(typeof inspect(error), "string");
    try {
      JSON.stringify(error);
    } catch (failure) { // as of any data
      assert.match(String(failure), /circular|cyclic|BigInt/i);
    }
  }
}

/** What a task may cost the event loop, in times of what a harmless one does, and in ms. */
const STALL_FACTOR = 100;
const STALL_FLOOR = 1000;

async function outcomeOf(promise: Promise<unknown>): Promise<Outcome> {
  try {
    return { result: await promise };
  } catch (error) {
    return { error };
  }
}

/** Runs a table of attacks. */
export function hostile(title: string, attacks: Readonly<Record<string, Attack>>): void {
  describe(title, () => {
    const pool = new DeferredPool({ maxThreads: 1 });
    let pristine: string | undefined;
    let short = SHORT;
    let harmless = 0;
    after(() => pool.close());
    for (const [name, [fn, expected, options]] of Object.entries(attacks)) {
      test(name, async () => {
        if (pristine === undefined) {
          const task = pool.run(state);
          ({ gap: harmless, result: pristine } = await longestGap(() => task));
          short = Math.max(SHORT, Math.ceil(TASKS * task.stats!.runTime));
        }
        const before = process.memoryUsage().rss;
        const timeout = expected.short ? short : LONG;
        const limits = { timeout, memoryLimit: MEMORY, ...options };
        const run = fn as (...args: unknown[]) => unknown;
        const args = options?.args ?? [];
        const { gap, result: outcome } = await longestGap(async () => {
          const outcome = await outcomeOf(pool.defer(run, { ...limits, args, name: "attack" }));
          read(outcome);
          return outcome;
        });
        expected(outcome);
        assert.ok(
          gap < Math.max(STALL_FLOOR, STALL_FACTOR * harmless),
          `the event loop was kept busy for ${gap} ms, by a harmless task for ${harmless}`,
        );
        await assertPristine(pool, pristine, "the attack");
        await assertNotGrown(before);
      });
    }
  });
}
