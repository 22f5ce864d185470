/**
 * What happens in a contender's process: one measure of one contender.
 *
 *   RUNTIME contenders/NAME.mjs MEASURE key=value...   prints its figures as one line of JSON
 *
 * A contender gives a function that opens a pool; all else is here, the same for all of them. (A
 * contender may be a program of any kind that takes such arguments and prints such a line:
 * floor.c is one.) Time is taken by tinybench, but for what is no time.
 *
 * @module
 */

import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { Bench } from "tinybench";

/**
 * @typedef {object} Lane
 * @property {(arg: number) => PromiseLike<unknown>} run  one task
 * @property {() => unknown} close
 *
 * @typedef {(threads: number, task: string) => Lane} Open  `task` is the name of one in tasks.mjs
 */

/** @param {number} ms */
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs `fn` over and over. @returns the statistics of its time in ms */
async function sample(fn, options, hooks = {}) {
  const bench = new Bench({ timestampProvider: "auto", throws: true, ...options });
  bench.add("", fn, { async: true, ...hooks });
  await bench.run();
  return bench.tasks[0].result.latency;
}

/** One task after another: from the call to the awaited result. */
async function roundtrip(open, { ms, tasks, idle }) {
  const lane = open(1, "increment");
  const { p50, p99, samplesCount } = await sample(
    () => lane.run(1),
    { time: ms, iterations: tasks, warmupTime: Math.min(ms, 300), warmupIterations: 20 },
    idle > 0 ? { beforeEach: () => sleep(idle) } : {},
  );
  await lane.close();
  return { p50: p50 * 1000, p99: p99 * 1000, samples: samplesCount };
}

/** Many tasks at once: from the first call to the last result. */
async function burst(open, { tasks, threads, arg, repeat }, task) {
  const lane = open(threads, task);
  const all = async () => {
    const results = new Array(tasks);
    for (let i = 0; i < tasks; i++) results[i] = lane.run(arg ?? i);
    await Promise.all(results);
  };
  const { p50 } = await sample(
    all,
    { time: 0, iterations: repeat, warmupTime: 0, warmupIterations: 1 },
  );
  await lane.close();
  return { rate: tasks / p50 * 1000 };
}

/** A new pool, from its making to the result of its first task. */
async function first(open, { samples }) {
  let lane;
  const { p50 } = await sample(
    () => (lane = open(1, "increment")).run(1),
    { time: 0, iterations: samples, warmupTime: 0, warmupIterations: 3 },
    { afterEach: () => lane?.close() },
  );
  return { p50 };
}

function collectGarbage() {
  if (globalThis.Bun) globalThis.Bun.gc(true);
  else globalThis.gc?.();
}

async function residentBytes() {
  await sleep(150);
  collectGarbage();
  await sleep(50);
  return process.memoryUsage().rss;
}

/**
 * A pool all of whose workers have run a task. Many tasks of some length at once see to it; a
 * Deferred tells which worker ran it, and where one was not among them, longer tasks follow.
 */
async function openAll(open, threads, busy) {
  const lane = open(threads, "busy");
  for (let ms = busy; ms <= 16 * busy; ms *= 2) {
    const runs = Array.from({ length: threads }, () => lane.run(ms));
    await Promise.all(runs);
    const used = new Set(runs.map((run) => run.stats?.worker));
    if (used.has(undefined) || used.size === threads) return lane;
  }
  throw new Error(`${threads} tasks at once did not run on ${threads} workers`);
}

/** What workers add to the process, each of which ran a task and is idle again. */
async function memory(open, { workers, busy }) {
  const one = await openAll(open, 1, busy); // what is needed once is there now
  const before = await residentBytes();
  const many = await openAll(open, workers, busy);
  const after = await residentBytes();
  await many.close();
  await one.close();
  return { each: (after - before) / workers / 1e6 };
}

/** CPU time of each of this process's threads in ms, where the system tells it (Linux). */
function threadTimes() {
  try {
    return new Map(
      readdirSync("/proc/self/task").map((id) => {
        const [ran] = readFileSync(`/proc/self/task/${id}/schedstat`, "utf8").split(" ");
        return [id, Number(ran) / 1e6];
      }),
    );
  } catch {
    return undefined;
  }
}

/**
 * CPU time of the whole process in ms while `work` goes on, and that of its busiest thread. Where
 * threads can't be told apart it is the time that the work took, which is somewhat more.
 */
async function cpuOf(work) {
  const threads = threadTimes();
  const before = process.cpuUsage();
  const start = performance.now();
  await work();
  const took = performance.now() - start;
  await sleep(20); // a thread's time is exact when it sleeps
  const { user, system } = process.cpuUsage(before);
  const later = threadTimes();
  const busiest = threads && later
    ? Math.max(...[...later].map(([id, time]) => time - (threads.get(id) ?? 0)))
    : took;
  return { all: (user + system) / 1000, busiest };
}

/**
 * CPU time of the whole process during one long task, less the task's own, which is that of the
 * busiest thread. `idle` is what the same process uses in the same time without a task: the
 * runtime's own doing, such as its garbage collector's.
 */
async function waiting(open, { ms }) {
  const lane = open(1, "busy");
  await lane.run(50);
  await sleep(50);
  const { all: idle } = await cpuOf(() => sleep(ms));
  const { all, busiest } = await cpuOf(() => lane.run(ms));
  await lane.close();
  return { cpu: all - busiest, idle };
}

const MEASURES = {
  roundtrip,
  burst: (open, options) => burst(open, options, "increment"),
  sum: (open, options) => burst(open, options, "sum"),
  first,
  memory,
  waiting,
};

/** Does what the command line asks for. @param {Open} open */
export async function contend(open) {
  const [name, ...rest] = process.argv.slice(2);
  const options = Object.fromEntries(rest.map((text) => {
    const [key, value] = text.split("=");
    return [key, Number(value)];
  }));
  if (!Object.hasOwn(MEASURES, name)) {
    throw new Error(`"${name}" is no measure; there are ${Object.keys(MEASURES).join(", ")}`);
  }
  console.log(JSON.stringify(await MEASURES[name](open, options)));
}
