/**
 * What modules in the image cost, and what they save: for each list, with `preload` and with `modules`,
 * in one process, in turn. Milliseconds, the median of several rounds; MiB are what each thread adds to
 * the process.
 *
 *   node bench/preload.mjs [rounds]
 *
 * @module
 */
import process from "node:process";
import { DeferredPool } from "../mod.ts";

const rounds = Number(process.argv[2] ?? 5);

/** @type {readonly (readonly [name: string, imports: () => Promise<unknown>])[]} */
const LISTS = [
  ["marked", () => import("marked").then(() => 1)],
  ["zod", () => import("zod").then(() => 1)],
  ["lodash-es", () => import("lodash-es").then(() => 1)],
  ["mathjs", () => import("mathjs").then(() => 1)],
];
const THREADS = 8;
const base = import.meta.url;

/** @param {readonly number[]} values */
function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
}

/**
 * @param {DeferredPool} pool
 * @param {() => unknown} fn
 * @param {number} count
 */
async function timeOf(pool, fn, count) {
  const start = performance.now();
  for (let i = 0; i < count; i++) await pool.run(fn);
  return (performance.now() - start) / count;
}

/** Bytes that are not the host's own heap. */
function memory() {
  const { rss, heapTotal, external } = process.memoryUsage();
  return rss - heapTotal - external;
}

/** MiB that a thread takes. @param {readonly string[]} preload */
async function memoryOf(preload) {
  await using pool = new DeferredPool({ maxThreads: THREADS + 1, preload, base });
  const wait = () => {
    for (const end = Date.now() + 300; Date.now() < end;);
  };
  await pool.run(() => 1);
  const before = memory();
  await Promise.all(Array.from({ length: THREADS + 1 }, () => pool.run(wait)));
  for (let i = 0; i < 50; i++) {
    await Promise.all(Array.from({ length: THREADS + 1 }, () => pool.run(() => 1)));
  }
  return (memory() - before) / (pool.threads - 1) / 2 ** 20;
}

/** @type {Record<string, Record<string, string>>} */
const table = { "(none)": { "MiB a thread": (await memoryOf([])).toFixed(1) } };
for (const [name, imports] of LISTS) {
  /** @type {number[][]} */
  const all = [[], [], [], []];
  let made = NaN;
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    await using preloaded = new DeferredPool({ maxThreads: 1, preload: [name], base });
    made = performance.now() - start;
    await using loading = new DeferredPool({ maxThreads: 1, modules: [name], base });
    await preloaded.run(imports);
    await loading.run(imports);
    const plain = () => 1;
    all[0]?.push(await timeOf(loading, plain, 500));
    all[1]?.push(await timeOf(preloaded, plain, 500));
    all[2]?.push(await timeOf(loading, imports, 3));
    all[3]?.push(await timeOf(preloaded, imports, 200));
  }
  const [none = [], plain = [], loaded = [], preloaded = []] = all;
  table[name] = {
    "plain task": median(none).toFixed(3),
    "preloaded: plain task": median(plain).toFixed(3),
    "import": median(loaded).toFixed(1),
    "preloaded: import": median(preloaded).toFixed(3),
    "making the pool": made.toFixed(0),
    "MiB a thread": (await memoryOf([name])).toFixed(1),
  };
}
console.table(table);
