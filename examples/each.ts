/**
 * A long list through a pool of one's own: as many tasks at once as the pool has threads, and not
 * more started in a second than allowed. The results come in the order of the list.
 *
 *   deno run --allow-ffi examples/each.ts
 *   bun examples/each.ts
 *   node examples/each.ts
 */
import { setTimeout as sleep } from "node:timers/promises";
import { DeferredPool } from "../mod.ts";

/** What one task does: the longest Collatz chain that starts in a range. */
function longestChain(from: number, to: number): { start: number; length: number } {
  let longest = { start: from, length: 0 };
  for (let start = from; start < to; start++) {
    let length = 1;
    for (let n = start; n > 1; length++) n = n % 2 === 0 ? n / 2 : 3 * n + 1;
    if (length > longest.length) longest = { start, length };
  }
  return longest;
}

/** Lets callers through one by one, `perSecond` at the most. */
function pace(perSecond: number): () => Promise<void> {
  let next = performance.now();
  return async () => {
    const now = performance.now();
    const wait = Math.max(0, next - now);
    next = Math.max(next, now) + 1000 / perSecond;
    await sleep(wait);
  };
}

/** Calls `work` for every item, `atOnce` at a time; the results in the order of the items. */
async function each<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => PromiseLike<R>,
): Promise<R[]> {
  const results: R[] = [];
  const left = items.entries(); // shared: each lane takes the next item
  const lane = async () => {
    for (const [i, item] of left) results[i] = await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return results;
}

const size = 1000;
const starts = Array.from({ length: 12 }, (_, i) => 1 + i * size);

await using pool = new DeferredPool({ maxThreads: 2, timeout: 5000 });
const turn = pace(100);
const begin = performance.now();
const chains = await each(starts, pool.maxThreads, async (start) => {
  await turn();
  return pool.run(longestChain, start, start + size);
});
const seconds = (performance.now() - begin) / 1000;

for (const { start, length } of chains) {
  console.log(`${String(start).padStart(6)}  ${"▇".repeat(length / 6)} ${length}`);
}
const best = chains.reduce((a, b) => b.length > a.length ? b : a);
console.log(`\nthe longest chain has ${best.length} steps and starts at ${best.start}`);
console.log(`${starts.length} tasks, threads: ${pool.threads}, in ${seconds.toFixed(2)} s`);
