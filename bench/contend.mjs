/**
 * What happens in a contender's process: one measure of one contender.
 *
 *   RUNTIME contenders/NAME.mjs KIND task=NAME key=value...   prints its figures as a line of JSON
 *
 * A contender gives a function that opens a pool; all else is here, the same for all of them. (A
 * contender may be a program of any kind that takes such arguments and prints such a line:
 * floor.c is one.) Time is taken by tinybench, but for what is no time.
 *
 * @module
 */

import { readdirSync, readFileSync, writeSync } from "node:fs";
import process from "node:process";
import { isDeepStrictEqual } from "node:util";
import { Bench } from "tinybench";
import { VALUES } from "./values.mjs";

/**
 * @typedef {object} Lane
 * @property {(arg: unknown) => unknown} run  one task; its result, or a promise of it
 * @property {(arg: number, ms: number) => PromiseLike<unknown>} [runWithin]  one that is ended when
 *   it takes longer, and then rejects; the next `run` gets its result all the same
 * @property {(bytes: Uint8Array) => PromiseLike<Uint8Array>} [move]  there and back by transfer
 * @property {string[]} [carries]  the names of the values it can carry, if not all
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
async function roundtrip(open, { ms, tasks, idle }, task) {
  const lane = open(1, task);
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
async function first(open, { samples }, task) {
  let lane;
  const { p50 } = await sample(
    () => (lane = open(1, task)).run(1),
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
async function openAll(open, threads, busy, task) {
  const lane = open(threads, task);
  for (let ms = busy; ms <= 16 * busy; ms *= 2) {
    const runs = Array.from({ length: threads }, () => lane.run(ms));
    await Promise.all(runs);
    const used = new Set(runs.map((run) => run.stats?.worker));
    if (used.has(undefined) || used.size === threads) return lane;
  }
  throw new Error(`${threads} tasks at once did not run on ${threads} workers`);
}

/** What workers add to the process, each of which ran a task and is idle again. */
async function memory(open, { workers, busy }, task) {
  const one = await openAll(open, 1, busy, task); // what is needed once is there now
  const before = await residentBytes();
  const many = await openAll(open, workers, busy, task);
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
async function waiting(open, { ms }, task) {
  const lane = open(1, task);
  await lane.run(50);
  await sleep(50);
  const { all: idle } = await cpuOf(() => sleep(ms));
  const { all, busiest } = await cpuOf(() => lane.run(ms));
  await lane.close();
  return { cpu: all - busiest, idle };
}

/** Whether the process hardly used a processor for `ms`. */
async function isQuiet(ms) {
  const before = process.cpuUsage();
  await sleep(ms);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 < ms / 4;
}

/**
 * Ends the process, although it may hold a thread that nothing can end: no runtime's own exit can
 * be relied on then.
 */
function endNow() {
  process.kill(process.pid, "SIGKILL");
}

/** @returns {Promise<boolean>} whether all that was ended has really ended, within 4 s */
async function becomesQuiet() {
  const end = performance.now() + 4000;
  while (!await isQuiet(20)) if (performance.now() > end) return false;
  return true;
}

/**
 * From the deadline of a task that never ends to the result of the next one, on the same thread
 * or on the one that takes its place. The next task is asked for when the first has rejected, and
 * then there is quiet before the next deadline.
 *
 * `left` is how many threads are left behind that run on, and use a processor each for as long as
 * the process lives. The first one ends the measure: from then on its figures would be worse.
 */
async function kill(open, { ms, time, tasks }, task) {
  const lane = open(1, task);
  /** Gives up where a contender would have us wait for ever. */
  const soon = async (promise, complaint) => {
    const timer = setTimeout(() => {
      writeSync(2, `Error: ${complaint} within 10 s\n`);
      endNow();
    }, 10_000);
    const value = await promise;
    clearTimeout(timer);
    return value;
  };
  const expect = async (arg) => {
    const result = await soon(lane.run(arg), "an ordinary task gave no result");
    if (result !== arg + 1) throw new Error("a wrong result");
  };
  const taken = [];
  let left = 0;
  const end = performance.now() + time;
  await expect(0);
  await becomesQuiet();
  while (!left && (taken.length < tasks || performance.now() < end)) {
    await expect(0);
    const start = performance.now();
    const rejected = lane.runWithin(-1, ms).then(() => false, () => true);
    if (!await soon(rejected, "the endless task did not reject")) {
      throw new Error("the endless task ended by itself");
    }
    await expect(1);
    taken.push(performance.now() - start - ms);
    if (!await becomesQuiet()) left = 1;
  }
  taken.sort((a, b) => a - b);
  const quantile = (q) => taken[Math.round(q * (taken.length - 1))];
  const figures = { p50: quantile(0.5), p99: quantile(0.99), left, samples: taken.length };
  if (left) {
    writeSync(1, `${JSON.stringify(figures)}\n`); // done when it returns, as console.log may not
    endNow();
  }
  await lane.close();
  return figures;
}

/** Values there and back again, one at a time: the time of each, in us. */
async function clone(open, { time, tasks }) {
  const figures = {};
  for (const [name, { sort, make }] of Object.entries(VALUES)) {
    const moved = sort === "moved";
    const lane = open(1, moved ? "move" : "echo");
    const echo = moved ? lane.move : lane.run;
    if (echo && (lane.carries?.includes(name) ?? true)) {
      let value = make();
      if (!isDeepStrictEqual(await echo(value), make())) throw new Error(`${name} came back wrong`);
      value = make();
      const { p50 } = await sample(
        // What was transferred is here again only when it came back.
        async () => {
          const back = await echo(value);
          if (moved) value = back;
        },
        { time, iterations: tasks, warmupTime: time / 2, warmupIterations: tasks },
      );
      figures[name] = p50 * 1000;
    }
    await lane.close();
    collectGarbage();
  }
  return figures;
}

const KINDS = { roundtrip, burst, first, memory, waiting, kill, clone };

/** Does what the command line asks for. @param {Open} open */
export async function contend(open) {
  const [kind, ...rest] = process.argv.slice(2);
  const { task, ...texts } = Object.fromEntries(rest.map((text) => text.split("=")));
  const options = Object.fromEntries(
    Object.entries(texts).map(([key, text]) => [key, Number(text)]),
  );
  if (!Object.hasOwn(KINDS, kind)) {
    throw new Error(`"${kind}" is no kind of measure; there are ${Object.keys(KINDS).join(", ")}`);
  }
  console.log(JSON.stringify(await KINDS[kind](open, options, task)));
}
