/**
 * The long run: memory stays flat over many tasks, thousands may be pending at once, and large
 * results leave nothing behind. Each in a process of its own, whose memory is its own.
 *
 * DEFERRED_SOAK scales the numbers of tasks: 0.1 for a slow machine, 10 for a night.
 */
import assert from "node:assert/strict";
import process from "node:process";
import { describe, test } from "node:test";
import { outputOf } from "./support/process.ts";

const SCALE = Number(process.env["DEFERRED_SOAK"] || 1);

const MB = 1024 * 1024;

/**
 * In programs: the memory of the process in bytes once the host's garbage is gone, in two parts:
 * what its JavaScript holds, and all that is not the JavaScript engine's heap. (V8 keeps room that is
 * in use by neither, up to some 10 MB, as it likes.) The least of many looks, as collectors and
 * allocators give back in their own time; as few as show that it is small enough.
 */
const MEMORY = `
  const settledMemory = async (enough = { native: 0, heap: 0 }) => {
    const least = { native: Infinity, heap: Infinity };
    for (let i = 0; i < 40; i++) {
      globalThis.Bun?.gc(true);
      globalThis.gc?.();
      await new Promise((resolve) => setTimeout(resolve, 20));
      const { rss, heapTotal, heapUsed } = process.memoryUsage();
      least.native = Math.min(least.native, rss - heapTotal);
      least.heap = Math.min(least.heap, heapUsed);
      if (i > 3 && least.native < enough.native && least.heap < enough.heap) break;
    }
    return least;
  };
`;

/** How much memory may grow, in bytes. */
interface Tolerance {
  readonly native: number;
  /** What JavaScript holds: caches of the host's own. */
  readonly heap?: number;
}
const HEAP = 2 * MB;

/**
 * Runs `round` (statements, given `i`) `rounds` times and asserts that from the `warm`th on memory
 * stays flat.
 */
async function staysFlat(
  setup: string,
  round: string,
  { warm, rounds, tolerance }: { warm: number; rounds: number; tolerance: Tolerance },
): Promise<void> {
  const said = await outputOf(
    `${MEMORY}${setup}
    let i = 0;
    for (const end = ${Math.ceil(warm * SCALE)}; i < end; i++) { ${round} }
    const before = await settledMemory();
    for (const end = ${Math.ceil(rounds * SCALE)}; i < end; i++) { ${round} }
    const after = await settledMemory({
      native: before.native + ${tolerance.native},
      heap: before.heap + ${tolerance.heap ?? HEAP},
    });
    console.log(JSON.stringify([after.native - before.native, after.heap - before.heap]));`,
    { env: { DEFERRED_THREADS: "2" } },
  );
  const [native, heap] = JSON.parse(said) as [number, number];
  const grown = `grown by ${(native / MB).toFixed(1)} MB, and JavaScript by ${
    (heap / MB).toFixed(1)
  } MB`;
  assert.ok(native < tolerance.native && heap < (tolerance.heap ?? HEAP), grown);
}

describe("memory stays flat", () => {
  // 16 MB over 80,000 tasks: a leak of 200 bytes a task would show, of JavaScript 25 bytes.
  test("over 100,000 tasks in a row", () =>
    staysFlat(
      "const add = (a, b) => a + b;",
      "if (await Deferred.run(add, i, 1) !== i + 1) throw new Error('wrong');",
      { warm: 20_000, rounds: 100_000, tolerance: { native: 16 * MB } },
    ));

  // V8 makes up to 18 MB of code and stack traces of its own here; a task that leaked its realm or
  // its payload would leave 1 GB.
  test("over tasks that throw, are refused, never settle and use much memory", () =>
    staysFlat(
      `const pool = new DeferredPool({ maxThreads: 1, memoryLimit: 4 * 1024 * 1024 });
      const ways = [
        () => { throw new Error("x"); },
        () => () => 1,
        () => new Promise(() => {}),
        () => { const a = []; for (;;) a.push("item " + a.length); },
        () => Math.random.nothing.at.all,
      ];`,
      `await pool.run(ways[i % 97 ? i % 3 : i % 5]).then(() => { throw new Error("ran"); }, () => {});
      try { pool.run(Math.max); throw 1; } catch (e) { if (e === 1) throw e; }
      await pool.run((x) => x, { x: [{}, () => 1] }).then(() => { throw new Error("went"); }, () => {});`,
      { warm: 4_000, rounds: 12_000, tolerance: { native: 32 * MB } },
    ));

  // More functions than compiled ones are kept, so that each is compiled anew.
  test("over thousands of compilations", () =>
    staysFlat(
      `const text = (n) => "return a + " + n + " /* " + "pad".repeat(100) + " */";
      const fns = Array.from({ length: 1500 }, (_, n) => new Function("a", text(n)));`,
      `if (await Deferred.run(fns[i % 1500], 1) !== i % 1500 + 1) throw new Error("wrong");`,
      { warm: 3_000, rounds: 12_000, tolerance: { native: 16 * MB } },
    ));

  // A collector may still hold a few of the 10 MB pieces; all of them would be 800 MB.
  test("over large arguments and results", () =>
    staysFlat(
      `const big = "x".repeat(10_000_000);
      const bytes = new Uint8Array(10_000_000);`,
      `if ((await Deferred.run((s) => s + "!", big)).length !== 10_000_001) throw new Error("wrong");
      if ((await Deferred.run((b) => b, bytes)).length !== 10_000_000) throw new Error("wrong");`,
      { warm: 10, rounds: 50, tolerance: { native: 100 * MB, heap: 60 * MB } },
    ));

  test("over pools that are made, used and closed", () =>
    staysFlat(
      "",
      `const pool = new DeferredPool({ maxThreads: 1 });
      const tasks = [pool.run(() => 1), pool.run(() => 2)];
      if (i % 2) { await Promise.all(tasks); await pool.close(); }
      else { pool.destroy(); await Promise.allSettled(tasks); }`,
      { warm: 300, rounds: 1_500, tolerance: { native: 16 * MB } },
    ));
});

describe("20,000 tasks at once", () => {
  test("all give their own results", async () => {
    const count = Math.ceil(20_000 * SCALE);
    const said = await outputOf(`
      const pool = new DeferredPool({ maxThreads: 2 });
      const square = (n) => n % 1000 ? n * n : "x".repeat(n) + n;
      const tasks = Array.from({ length: ${count} }, (_, i) => pool.run(square, i));
      if (pool.pending !== ${count}) throw new Error("pending " + pool.pending);
      const results = await Promise.all(tasks);
      const right = results.every((r, n) => r === (n % 1000 ? n * n : "x".repeat(n) + n));
      console.log(right, pool.pending, pool.queueSize);`);
    assert.equal(said, "true 0 0");
  });
});
