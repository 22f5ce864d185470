/**
 * What compiled code brings: each job of jobs.mjs interpreted, compiled and by the host itself, in one
 * process, in turn. Milliseconds, the least of several runs; `first` is the first of a task that nothing
 * is known of.
 *
 *   node bench/jit.mjs [word of a job's name] [rounds] [--beside]
 *
 * With --beside also by one of the host's Workers, there and back, and by quickjs-emscripten, if it is
 * installed (bench/sandboxes), once, as it takes seconds.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { Deferred, DeferredPool } from "../mod.ts";
import { JOBS } from "./jobs.mjs";

const { values: { beside }, positionals } = parseArgs({
  allowPositionals: true,
  options: { beside: { type: "boolean", default: false } },
});
const [word = "", rounds = "5"] = positionals;
const pools = [
  new DeferredPool({ maxThreads: 1, jit: false }),
  new DeferredPool({ maxThreads: 1, jit: true }),
];

/** @typedef {(run: (...args: number[]) => number, args: number[]) => unknown} Runs */

const thread = beside && new Worker(
  `const { parentPort } = require("node:worker_threads"), known = new Map();
  parentPort.on("message", ([text, args]) => {
    if (!known.has(text)) known.set(text, (0, eval)("(" + text + ")"));
    parentPort.postMessage(known.get(text)(...args));
  });`,
  { eval: true },
);

/** Others that run a job, by their name: each gives what the job gives. @type {Record<string, Runs>} */
const others = beside ? { worker, emscripten: await emscripten() } : {};

/** @type {Runs} */
function worker(run, args) {
  thread.postMessage([String(run), args]);
  return new Promise((resolve) => thread.once("message", resolve));
}

/** @returns {Promise<Runs | undefined>} */
async function emscripten() {
  const module = new URL(
    "sandboxes/node_modules/quickjs-emscripten/dist/index.mjs",
    import.meta.url,
  );
  const loaded = await import(module.href).catch((error) => {
    if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
  });
  const quickjs = await loaded?.getQuickJS();
  return quickjs && ((run, args) => quickjs.evalCode(`"use strict"; (${run})(${args})`));
}

/** @param {() => unknown} work @returns {Promise<number>} */
async function time(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** The others' times for a job. @type {(...job: [...Parameters<Runs>, number]) => Promise<string[]>} */
async function timeOthers(run, args, want) {
  const times = [];
  for (const [name, other] of Object.entries(others)) {
    let best = Infinity;
    for (let round = 0; other && round < (name === "emscripten" ? 1 : Number(rounds)); round++) {
      let got;
      best = Math.min(best, await time(async () => got = await other(run, args)));
      if (!Object.is(got, want)) throw new Error(`${name}: ${got}, not ${want}`);
    }
    times.push(other ? best.toFixed(2) : "-");
  }
  return times;
}

const logs = [];
console.log(
  "job              interpreted   first  compiled    host   gain  of host's time" +
    Object.keys(others).map((name) => name.padStart(12)).join(""),
);
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
      `${share.toFixed(2)}`.padStart(9) + (beside ? "        " : "") +
      (await timeOthers(run, args, want)).map((ms) => ms.padStart(12)).join(""),
  );
}
const mean = (i) => Math.exp(logs.reduce((sum, log) => sum + Math.log(log[i]), 0) / logs.length);
console.log(
  `geometric mean: ${mean(0).toFixed(1)} times the interpreter, ${
    mean(1).toFixed(2)
  } of the host's time`,
);
for (const pool of pools) await pool.close();
if (thread) await thread.terminate();
