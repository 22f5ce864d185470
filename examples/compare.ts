/**
 * How much slower code is in a task than on the main thread: the engine of a task compiles numbers and
 * arrays to machine code, the host's all. Before a job goes into a task, put it into this list.
 *
 *   deno run --allow-ffi examples/compare.ts
 *   bun examples/compare.ts
 *   node examples/compare.ts
 */
import { DeferredPool } from "../mod.ts";

const jobs: Record<string, () => number> = {
  "a loop over integers"() {
    let x = 0;
    for (let i = 0; i < 1e6; i++) x = (x + i * 7) & 0xffff;
    return x;
  },
  "a loop over fractions"() {
    let x = 0;
    for (let i = 1; i < 5e5; i++) x += Math.sqrt(i) / i;
    return x;
  },
  "calls: fib(22)"() {
    const fib = (n: number): number => n < 2 ? n : fib(n - 1) + fib(n - 2);
    return fib(22);
  },
  "JSON, there and back"() {
    const list = Array.from({ length: 3000 }, (_, id) => ({ id, name: `n${id}`, tags: ["a"] }));
    return JSON.stringify(JSON.parse(JSON.stringify(list))).length;
  },
  "strings"() {
    let length = 0;
    for (let i = 0; i < 2e4; i++) length += `abc${i}`.toUpperCase().split("").reverse().length;
    return length;
  },
  "regular expressions"() {
    const text = "the quick brown fox 2026-01-02 ".repeat(2000);
    return [...text.matchAll(/(\d+)-(\d+)-(\d+)/g)].length;
  },
  "sorting"() {
    const list = Array.from({ length: 3e4 }, (_, i) => i * 7919 % 30011);
    return list.sort((a, b) => a - b)[5]!;
  },
  "a Map of strings"() {
    const map = new Map<string, number>();
    for (let i = 0; i < 1e5; i++) map.set(`k${i % 20_000}`, i);
    return map.size;
  },
};

const ROUNDS = 8; // the host's compiler needs some of them to see what is worth its while

await using pool = new DeferredPool({ maxThreads: 1 });
console.log("                        main thread       task");
for (const [name, job] of Object.entries(jobs)) {
  let host = Infinity;
  let task = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const begin = performance.now();
    const expected = job();
    host = Math.min(host, performance.now() - begin);
    const deferred = pool.run(job);
    if (await deferred !== expected) throw new Error(`${name}: the task gives another result`);
    task = Math.min(task, deferred.stats!.runTime);
  }
  const factor = task / host;
  const bar = "▇".repeat(Math.max(1, Math.round(4 * Math.log2(factor))));
  console.log(
    `${name.padEnd(22)} ${host.toFixed(2).padStart(9)} ms ${task.toFixed(2).padStart(7)} ms  ` +
      `× ${factor.toFixed(factor < 10 ? 1 : 0).padStart(3)} ${bar}`,
  );
}
