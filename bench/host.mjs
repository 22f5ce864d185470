/**
 * Calls of the host's functions, beside Comlink's, and tasks that wait:
 * `node bench/host.mjs [MEASURE ...] [--rounds N]`, after `npm ci --ignore-scripts --prefix bench/host`.
 *
 * Each figure comes from a process of its own, on Node.js. A call has one number as its argument and
 * one as its result, and the function is on the main thread. Comlink's caller is a Worker.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import os from "node:os";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { findRuntime, QUIET } from "../scripts/runtimes.mjs";

/** Calls one after the other, and how many of those that are awaited together. */
const CALLS = 20_000;
const AT_ONCE = 1000;

/** What a task, or Comlink's Worker, does; it must be whole in itself. */
const CALLERS = {
  /** @param {{ f: (n: number) => Promise<number> }} host */
  async one(host, calls) {
    const times = [];
    for (let i = 0; i < calls; i++) {
      const began = performance.now();
      if (await host.f(i) !== i + 1) throw new Error("a wrong answer");
      times.push(performance.now() - began);
    }
    return times;
  },
  /** @param {{ f: (n: number) => Promise<number> }} host */
  async many(host, calls, atOnce) {
    const times = [];
    for (let i = 0; i < calls; i += atOnce) {
      const began = performance.now();
      await Promise.all(Array.from({ length: atOnce }, (_, k) => host.f(i + k)));
      times.push((performance.now() - began) / atOnce);
    }
    return times;
  },
  /** @param {{ f: (n: number) => number }} host */
  sync(host, calls) {
    const times = [];
    for (let i = 0; i < calls; i++) {
      const began = performance.now();
      if (host.f(i) !== i + 1) throw new Error("a wrong answer");
      times.push(performance.now() - began);
    }
    return times;
  },
};

const f = (/** @type {number} */ n) => n + 1;

/** @param {number[]} times of one call each, in ms */
function figures(times) {
  const settled = times.slice(times.length >> 2); // the first are to warm up
  const sorted = [...settled].sort((a, b) => a - b);
  return {
    "p50 us": sorted[sorted.length >> 1] * 1000,
    "p99 us": sorted[(sorted.length * 0.99) | 0] * 1000,
    "calls/s": 1000 * settled.length / settled.reduce((sum, time) => sum + time),
  };
}

async function ours(how) {
  const { DeferredPool, sync } = await import("../mod.ts");
  const pool = new DeferredPool({ maxThreads: 1 });
  const host = { f: how === "sync" ? sync(f) : f };
  const args = how === "many" ? [CALLS, AT_ONCE] : [CALLS];
  // The host comes last in a task.
  const task = new Function(
    `return ${how === "many" ? "(calls, atOnce, host)" : "(calls, host)"} =>
      ({ ${CALLERS[how].toString()} }).${how}(host, calls${how === "many" ? ", atOnce" : ""})`,
  )();
  const times = await pool.defer(task, { args, host });
  await pool.close();
  return figures(times);
}

async function comlinks(how) {
  const { expose } = await import("./host/node_modules/comlink/dist/esm/comlink.mjs");
  const { default: endpoint } = await import(
    "./host/node_modules/comlink/dist/esm/node-adapter.mjs"
  );
  const worker = new Worker(new URL(import.meta.url), { workerData: how });
  const times = await new Promise((resolve, reject) => {
    worker.on("error", reject);
    expose({ f, end: resolve }, endpoint(worker));
  });
  await worker.terminate();
  return figures(times);
}

async function inWorker(how) {
  const { wrap } = await import("./host/node_modules/comlink/dist/esm/comlink.mjs");
  const { default: endpoint } = await import(
    "./host/node_modules/comlink/dist/esm/node-adapter.mjs"
  );
  const host = wrap(endpoint(parentPort));
  await host.end(await CALLERS[how](host, CALLS, AT_ONCE));
}

const megabytes = () => process.memoryUsage.rss() / 2 ** 20;

function threads() {
  try {
    return Number(/^Threads:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
  } catch {
    return NaN; // no Linux
  }
}

/** So many tasks that wait for the host at once. */
async function waiting(count) {
  const { DeferredPool } = await import("../mod.ts");
  const pool = new DeferredPool({ maxThreads: 2 });
  let came = 0, all, open;
  const gate = () => {
    if (++came === count) all();
    return opened;
  };
  const task = async (n, host) => n + await host.gate();
  const start = (n) => pool.defer(task, { args: [n], host: { gate } });
  let opened = Promise.resolve(1);
  await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(start));
  globalThis.gc?.();
  const before = megabytes(), threadsBefore = threads();
  opened = new Promise((resolve) => open = resolve);
  came = 0;
  const wait = new Promise((resolve) => all = resolve);
  const began = performance.now();
  const tasks = Array.from({ length: count }, (_, n) => start(n));
  await wait;
  const suspended = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 50));
  const most = megabytes();
  const more = threads() - threadsBefore;
  const woken = performance.now();
  open(1);
  const sum = (await Promise.all(tasks)).reduce((sum, n) => sum + n);
  const resumed = performance.now();
  if (sum !== count * (count + 1) / 2) throw new Error("a wrong sum");
  await pool.close();
  return {
    "MB each": (most - before) / count,
    "threads more": more,
    "us each to begin and wait": (suspended - began) * 1000 / count,
    "us each to go on and end": (resumed - woken) * 1000 / count,
  };
}

const MEASURES = {
  "one call after the other": () => ours("one"),
  "one call after the other, synchronous": () => ours("sync"),
  "one call after the other, Comlink": () => comlinks("one"),
  "1,000 calls at once": () => ours("many"),
  "1,000 calls at once, Comlink": () => comlinks("many"),
  "1,000 tasks wait": () => waiting(1000),
  "10,000 tasks wait": () => waiting(10_000),
};

function inProcess(node, measure) {
  return new Promise((resolve, reject) => {
    const child = spawn(
      node,
      [
        "--experimental-ffi",
        "--expose-gc",
        "--disable-warning=ExperimentalWarning",
        fileURLToPath(import.meta.url),
        "--inside",
        measure,
      ],
      { env: { ...process.env, ...QUIET }, stdio: ["ignore", "pipe", "inherit"] },
    );
    let output = "";
    child.stdout.on("data", (text) => output += text);
    child.on(
      "close",
      (code) => code === 0 ? resolve(JSON.parse(output)) : reject(new Error(`${measure}: ${code}`)),
    );
  });
}

async function main() {
  const { values, positionals } = parseArgs({
    options: { rounds: { type: "string", default: "1" }, inside: { type: "string" } },
    allowPositionals: true,
  });
  if (values.inside !== undefined) {
    const found = await MEASURES[values.inside]();
    process.stdout.write(`${JSON.stringify(found)}\n`, () => process.exit(0));
    return;
  }
  const { path: node, version } = await findRuntime("node");
  const measures = positionals.length ? positionals : Object.keys(MEASURES);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const measure of measures) {
      const cells = Object.entries(await inProcess(node, measure)).map(([key, value]) =>
        `${key} ${value === null ? "?" : Number(value.toPrecision(3)).toLocaleString("en")}`
      );
      console.log(`${measure.padEnd(38)} ${cells.join(" · ")}`);
    }
  }
  console.log(`\nNode.js ${version}, ${os.cpus()[0].model}`);
}

if (isMainThread) await main();
else await inWorker(workerData);
