/**
 * What compiled code brings: each job of jobs.mjs interpreted, compiled and by the host itself, in one
 * process, in turn. Milliseconds, the least of several runs; `first` is the first of a task that nothing
 * is known of.
 *
 *   node --experimental-ffi bench/jit.mjs [word of a job's name] [rounds]
 *
 * @module
 */
import process from "node:process";
import { Deferred, DeferredPool } from "../mod.ts";
import { JOBS } from "./jobs.mjs";

const [word = "", rounds = "5"] = process.argv.slice(2);
const pools = [
  new DeferredPool({ maxThreads: 1, jit: false }),
  new DeferredPool({ maxThreads: 1, jit: true }),
];

/** @param {() => unknown} work @returns {Promise<number>} */
async function time(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

const logs = [];
console.log("job              interpreted   first  compiled    host   gain  of host's time");
for (const [name, { run, args }] of Object.entries(JOBS)) {
  if (!name.includes(word)) continue;
  const want = run(...args);
  const best = [Infinity, Infinity, Infinity];
  let first = 0;
  for (let round = 0; round < Number(rounds); round++) {
    for (const [i, pool] of pools.entries()) {
      let got;
      const ms = await time(async () => got = await new Deferred(run, { args, pool }));
      if (!Object.is(got, want)) throw new Error(`${name}: ${got}, not ${want}`);
      if (i === 1 && round === 0) first = ms;
      best[i] = Math.min(best[i], ms);
    }
    best[2] = Math.min(best[2], await time(() => run(...args)));
  }
  const [interpreted, compiled, host] = best;
  const columns = [interpreted, first, compiled, host].map((ms) => ms.toFixed(2));
  const gain = interpreted / compiled, share = compiled / host;
  logs.push([gain, share]);
  console.log(
    name.padEnd(17) + columns[0].padStart(11) + columns[1].padStart(8) + columns[2].padStart(10) +
      columns[3].padStart(8) + `${gain.toFixed(1)}x`.padStart(7) +
      `${share.toFixed(2)}`.padStart(9),
  );
}
const mean = (i) => Math.exp(logs.reduce((sum, log) => sum + Math.log(log[i]), 0) / logs.length);
console.log(
  `geometric mean: ${mean(0).toFixed(1)} times the interpreter, ${
    mean(1).toFixed(2)
  } of the host's time`,
);
for (const pool of pools) await pool.close();
