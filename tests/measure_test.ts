/** What the other tests measure with tells fast from slow. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Deferred } from "../mod.ts";
import { assertLinear, longestGap, processTime, threadTime } from "./support/measure.ts";
import { pause } from "./support/wait.ts";

/** Keeps the processor busy for so many ms of this thread's time. */
function work(ms: number): void {
  const end = threadTime() + ms;
  while (threadTime() < end);
}

const spin = (turns: number): number => {
  let sum = 0;
  for (let i = 0; i < turns; i++) sum = (sum + i) | 0;
  return sum;
};

test("cost in proportion is linear, wherever it arises", async () => {
  await assertLinear("a loop", (n) => spin(1000 * n), 1);
  await assertLinear("a task", (n) => Deferred.run(spin, 100 * n), 1);
  await assertLinear("nothing", () => {}, 1);
});

test("cost that grows faster is not", async () => {
  await assert.rejects(assertLinear("pairs", (n) => spin(n * n), 10), /pairs: .* not linear/);
  const inTask = assertLinear("pairs in a task", (n) => Deferred.run(spin, n * n), 10);
  await assert.rejects(inTask, /pairs in a task: /);
});

test("a step is no slope", async () => {
  let [last, edge] = [1, Infinity];
  const step = (n: number) => {
    if (n > 1 && n === last && edge === Infinity) edge = 2 * n; // the size that is measured
    last = n;
    spin(10_000 * (n > edge ? n + 6 * edge : n));
  };
  await assertLinear("a step", step, 10);
  assert.ok(last > edge);
});

test("a stall of the event loop is seen, in all its length; waiting is none", async () => {
  const stalled = await longestGap(async () => {
    await pause();
    work(100);
    await pause();
    return 7;
  });
  assert.equal(stalled.result, 7);
  assert.ok(stalled.gap > 90, `${stalled.gap} ms`);
  const before = threadTime();
  const waited = await longestGap(() => pause(200));
  assert.ok(waited.gap < 50 && threadTime() - before < 150, `${waited.gap} ms`);
});

test("the process's time counts other threads, a thread's does not", async () => {
  const [ofProcess, ofThread] = [processTime(), threadTime()];
  const task = new Deferred(() => {
    for (let i = 0; i < 3e6; i++);
  });
  await task;
  const [all, own] = [processTime() - ofProcess, threadTime() - ofThread];
  assert.ok(
    all > own,
    `${all} ms in all, ${own} ms of this thread, the task ran ${task.stats!.runTime} ms`,
  );
});
