/**
 * What is cheap for a task to return and dear to read does not keep the event loop: other turns come
 * while it is read. What counts is the processor time of this thread between two of them, compared
 * with what reading takes in all.
 */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { DeferredPool } from "../../mod.ts";
import { longestGap, threadTime } from "../support/measure.ts";

const MIB = 2 ** 20;
/** What is read in less time, in ms, is not worth a turn. */
const SHORT = 100;
/** The longest gap is at most such a part of the whole. */
const PART = 0.5;
const ATTEMPTS = 5;

const kinds: Record<string, readonly [make: (n: number) => unknown, n: number]> = {
  "errors": [(n) => Array.from({ length: n }, () => new Error("x")), 60_000],
  "DOMExceptions": [(n) => Array.from({ length: n }, () => new DOMException("x", "y")), 60_000],
  "causes of an error": [(n) => {
    let cause: unknown;
    for (let i = 0; i < n; i++) cause = new Error("x", { cause });
    return cause;
  }, 30_000],
  "shapes, all different": [
    (n) => Array.from({ length: n }, (_, i) => ({ [`a${i}`]: 1, [`b${i}`]: 2 })),
    60_000,
  ],
  "patterns, all different": [
    (n) => Array.from({ length: n }, (_, i) => new RegExp(`a${i}`)),
    90_000,
  ],
  "views": [(n) => Array.from({ length: n }, () => new DataView(new ArrayBuffer(1))), 100_000],
  "Maps": [(n) => Array.from({ length: n }, (_, i) => new Map([[i, new Set([i])]])), 150_000],
  "keys of one object": [
    (n) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`key ${i}`, i])),
    300_000,
  ],
  "levels": [(n) => {
    let deep: unknown = 1;
    for (let i = 0; i < n; i++) deep = i % 2 ? [deep] : { deep };
    return deep;
  }, 300_000],
};

/** Does what needs turns until it gets enough of them. */
async function turns(work: () => PromiseLike<unknown>): Promise<void> {
  const seen: string[] = [];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const before = threadTime();
    const { gap } = await longestGap(work);
    const all = threadTime() - before;
    if (gap < Math.max(SHORT, PART * all)) return;
    seen.push(`${gap.toFixed()} of ${all.toFixed()} ms`);
  }
  assert.fail(`without a turn: ${seen.join(", ")}`);
}

describe("the event loop turns while a task's result is read, of many", () => {
  const pool = new DeferredPool({ maxThreads: 1, memoryLimit: 1024 * MIB });
  after(() => pool.close());
  for (const [what, [make, n]] of Object.entries(kinds)) {
    test(what, () => turns(() => pool.run(make, n)));
  }

  test("objects that it calls a function of the host with, between others", async () => {
    await turns(async () => {
      const taken: number[] = [];
      const take = (value: unknown) =>
        void taken.push(Array.isArray(value) ? value.length : value as number);
      const last = await pool.defer(async (n, host) => {
        void host.take(1);
        void host.take(Array.from({ length: n }, (_, i) => ({ i })));
        void host.take(2);
        await host.take(3);
        return Array.from({ length: n }, (_, i) => ({ i })).length;
      }, { args: [800_000], host: { take } });
      assert.deepEqual([taken, last], [[1, 800_000, 2, 3], 800_000]);
    });
  });
});
