/**
 * Each function that a task can reach, called for ever with what is large or strange: whichever of
 * them never asks whether to stop, it can be ended, and leaves nothing behind.
 *
 * The task counts its calls in shared memory, and is cancelled once it has made some, however long
 * that takes: so the function under attack is what runs then, on any machine.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeferredPool } from "../../mod.ts";
import { pause, until } from "../support/wait.ts";
import { assertPristine, state } from "./hostile.ts";

/** A task that has made so many calls is cancelled, */
const CALLS = 500;
/** or one that was looked at so often: some functions never come to an end of their first call. */
const LOOKS = 8;

interface Reached {
  readonly path: string;
  readonly call: (...args: unknown[]) => unknown;
}

/** All of them, listed once in each thread's realm. */
class Reach {
  static readonly all: Reached[] = [];

  static {
    const queue: [object, string][] = [
      [globalThis, ""],
      [Object.getPrototypeOf(function* () {}), "generator function"],
      [Object.getPrototypeOf(async function* () {}), "async generator function"],
      [Object.getPrototypeOf(async () => {}), "async function"],
      [[].values(), "[].values()"],
      [new Map().values(), "new Map().values()"],
      [new Set().values(), "new Set().values()"],
      [""[Symbol.iterator](), "''[Symbol.iterator]()"],
      ["".matchAll(/a/g), "''.matchAll(/a/g)"],
      [[].values().map(String), "[].values().map(String)"],
      [Iterator.from({ next: () => ({ done: true, value: 1 }) }), "Iterator.from()"],
    ];
    const seen = new Set<unknown>([Reach]);
    const see = (value: unknown, path: string): void => {
      if (value === null || (typeof value !== "object" && typeof value !== "function")) return;
      if (!seen.has(value)) seen.add(value) && queue.push([value, path]);
    };
    for (const [object, path] of queue) {
      if (typeof object === "function") Reach.all.push({ path, call: object as Reached["call"] });
      see(Object.getPrototypeOf(object), `${path}.[[Prototype]]`);
      for (const key of Reflect.ownKeys(object)) {
        const { value, get, set } = Reflect.getOwnPropertyDescriptor(object, key)!;
        see(value, `${path}.${String(key)}`);
        see(get, `${path}.get ${String(key)}`);
        see(set, `${path}.set ${String(key)}`);
      }
    }
  }
}

const callForEver = (number: number, calls: Int32Array): void => {
  const { call } = Reach.all[number]!;
  const { apply, construct } = Reflect;
  const add = Atomics.add;
  const text = "ab".repeat(2 ** 19);
  const list = Array(2 ** 15).fill(1.5);
  const bytes = new Uint8Array(2 ** 20);
  const map = new Map(list.slice(0, 1000).map((x, i) => [i, x]));
  const all: unknown[] = [
    { length: 2 ** 53 - 1 },
    text,
    list,
    bytes,
    3n ** 20_000n,
    map,
    new Set(map.keys()),
    /(a+)+$/g,
    new DataView(bytes.buffer),
    bytes.buffer,
    new Date(),
    Symbol.iterator,
    1e300,
    () => 1,
    list.values(),
    Promise.resolve(list),
    undefined,
    -1,
  ];
  // Each function begins with another one, as some never come to the second.
  for (let i = number;; i++) {
    const self = all[i % all.length];
    for (const one of all) {
      for (const args of [[], [one], [one, text], [text, one], [2 ** 40, one], [self, one, list]]) {
        add(calls, number, 1);
        try {
          apply(call, self, args);
        } catch { /* again */ }
        try {
          construct(call, args);
        } catch { /* again */ }
      }
    }
  }
};

test("each function that a task can reach, called for ever, can be ended", async () => {
  await using pool = new DeferredPool({ maxThreads: 1, classes: [Reach] });
  const paths = await pool.run(() => Reach.all.map(({ path }) => path));
  assert.ok(paths.length > 500, `only ${paths.length}`);
  const pristine = await pool.run(state);
  const calls = new Int32Array(new SharedArrayBuffer(4 * paths.length));
  const ends = { AbortError: 0, DeferredMemoryError: 0 };
  for (const [i, path] of paths.entries()) {
    const task = pool.defer(callForEver, {
      args: [i, calls],
      name: path,
      memoryLimit: 64 * 2 ** 20,
    });
    let end: string | undefined;
    const ended = task.then((value) => `the result ${value}`, (error: Error) => error.name)
      .then((name) => end = name);
    const made = () => Atomics.load(calls, i);
    await until(() => made() > 0 || end !== undefined, `${path} is called`);
    for (let look = 0; look < LOOKS && made() < CALLS && end === undefined; look++) await pause();
    task.cancel();
    await ended;
    assert.ok(end === "AbortError" || end === "DeferredMemoryError", `${path}: ${end}`);
    ends[end]++;
    assert.ok(made() > 0, `${path} was called`);
    // The pool has one thread: if this one ran on, no further task would begin.
    if (i % 5 === 0) await assertPristine(pool, pristine, path);
  }
  assert.ok(ends.AbortError > paths.length / 2, `${ends.AbortError} of ${paths.length} ran on`);
});
