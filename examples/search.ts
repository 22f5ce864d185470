/**
 * Timeouts and cancelling: tasks that have become useless end at once, whatever they do.
 *
 *   1. Search as you type: each key makes the search before it useless.
 *   2. A race: the first answer wins, the others stop.
 *   3. A limit: what takes too long ends.
 *
 *   deno run --allow-ffi examples/search.ts
 *   bun examples/search.ts
 *   node examples/search.ts
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Deferred, DeferredPool } from "../mod.ts";

// 1. -----------------------------------------------------------------------------------------

/** Words like the one typed, by the number of edits between them; slow on purpose. */
function closest(typed: string, words: readonly string[]): string[] {
  const edits = (a: string, b: string): number =>
    a === "" || b === ""
      ? a.length + b.length
      : a[0] === b[0]
      ? edits(a.slice(1), b.slice(1))
      : 1 + Math.min(edits(a.slice(1), b), edits(a, b.slice(1)), edits(a.slice(1), b.slice(1)));
  const near = words.map((word) => ({ word, distance: edits(typed, word) }));
  return near.sort((a, b) => a.distance - b.distance).slice(0, 3).map(({ word }) => word);
}

const fruit = (
  "apple apricot banana blackberry cherry grape lemon mango melon olive orange papaya peach pear " +
  "pomegranate raspberry strawberry watermelon"
).split(" ");

let current = new AbortController();
function type(typed: string): Promise<void> {
  current.abort(`something else than "${typed}" is wanted now`);
  current = new AbortController();
  return new Deferred(closest, { args: [typed, fruit], signal: current.signal }).then(
    (words) => console.log(`  "${typed}": ${words.join(", ")}`),
    (reason) => console.log(`  "${typed}": cancelled, ${reason}`),
  );
}

console.log("search as you type");
const searches: Promise<void>[] = [];
for (const typed of ["m", "me", "mel", "melo"]) {
  searches.push(type(typed));
  await sleep(1);
}
await Promise.all(searches);

// 2. -----------------------------------------------------------------------------------------

/** A number n for which a simple hash of `text` and n ends in zeros, tried from `first` on. */
function mine(text: string, first: number, step: number): number {
  for (let n = first;; n += step) {
    let hash = 0x811c9dc5;
    for (const char of text + n) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
    if ((hash & 0x3fff) === 0) return n;
  }
}

console.log("\na race");
await using pool = new DeferredPool({ maxThreads: 3 });
const miners = [1, 2, 3].map((first) => pool.run(mine, "Deferred", first, 3));
const won = await Promise.race(miners);
for (const miner of miners) miner.cancel();
const ends = await Promise.allSettled(miners);
console.log(`  ${won} was found first`);
console.log(`  ${ends.filter(({ status }) => status === "rejected").length} of 3 were cancelled`);

// 3. -----------------------------------------------------------------------------------------

console.log("\na limit");
const evil = () => /^(a+)+$/.test("a".repeat(50) + "!"); // would take years
await new Deferred(evil, { timeout: 100 }).catch((error) => console.log(`  ${error}`));
console.log(`  the next task: ${await Deferred.run(() => "runs as if nothing had happened")}`);
