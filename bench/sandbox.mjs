/**
 * Code as text, beside other sandboxes: `node bench/sandbox.mjs [NAME ...] [--rounds N]`.
 *
 * Each figure comes from a process of its own, on Node.js, where all of them run. Each run is given
 * a realm that no run had before, 16 MiB and a second, and a group of host functions. What runs for
 * ever, or takes all memory, is tried too: then the figure is how long it took until the caller was
 * told and how late a timer of the host's came meanwhile, or that the process hung or died.
 *
 * isolated-vm and node:vm know no time for what a run awaits, so nothing here waits for ever.
 *
 *   sandboxes/NAME.mjs   opens the sandbox, and calls `measure`
 *
 * @module
 */

import { spawn } from "node:child_process";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { findRuntime, QUIET } from "../scripts/runtimes.mjs";

/**
 * @typedef {object} Sandbox
 * @property {(source: string) => Promise<unknown>} run  as the body of an async function
 * @property {() => unknown} close
 *
 * @typedef {(
 *   tools: Record<string, (...args: number[]) => unknown>,  what the code finds as `tools`
 *   limits: { timeout: number, memory: number },            in ms and bytes
 * ) => Sandbox} Open
 */

const NAMES = ["deferred", "run", "quickjs_emscripten", "isolated_vm", "node_vm"];
const LIMITS = { timeout: 1000, memory: 16 * 2 ** 20 };
const HUNG_MS = 10_000;

const sleep = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The code of the hostile measures. */
const HOSTILE = {
  "endless loop": "for (;;);",
  "endless builtin": "return [].indexOf.call({ length: 2 ** 53 - 1 }, 0)",
  "endless expression": "return /^(a+)+$/.test('a'.repeat(40) + 'b')",
  "endless jobs": "for (;;) await null",
  "memory bomb": "const all = []; for (;;) all.push({ n: all.length })",
  "one large buffer": "return new Uint8Array(2 ** 31).fill(1).length",
};

/** @type {Record<string, (open: Open) => Promise<Record<string, number | string>>>} */
const MEASURES = {
  async run(open) {
    const sandbox = open({}, { ...LIMITS, timeout: 10_000 });
    const times = await timeEach(() => sandbox.run("return 6 * 7"), 42);
    sandbox.close();
    return times;
  },

  async "ten calls"(open) {
    const sandbox = open({ sum: (a, b) => a + b }, { ...LIMITS, timeout: 10_000 });
    const source = "let x = 0; for (let i = 0; i < 10; i++) x = await tools.sum(x, i); return x";
    const times = await timeEach(() => sandbox.run(source), 45);
    sandbox.close();
    return times;
  },

  /** 1,000 at once, each of which awaits one answer of the host that comes when all have asked. */
  async "a thousand"(open) {
    const count = 1000;
    const { promise, resolve } = Promise.withResolvers();
    let asked = 0, most = 0;
    const before = process.memoryUsage.rss();
    const answer = () => {
      most = Math.max(most, process.memoryUsage.rss());
      resolve(1);
    };
    const tools = { wait: () => (++asked === count && answer(), promise) };
    const sandbox = open(tools, { ...LIMITS, timeout: 60_000 });
    const began = performance.now();
    const runs = Array.from({ length: count }, () => sandbox.run("return await tools.wait()"));
    const gaveUp = setTimeout(answer, 10_000);
    const ends = await Promise.allSettled(runs);
    clearTimeout(gaveUp);
    const took = performance.now() - began;
    const done = ends.filter(({ status }) => status === "fulfilled").length;
    sandbox.close();
    return { done, ms: took, "KiB each": (most - before) / 1024 / Math.max(asked, 1) };
  },

  ...Object.fromEntries(
    Object.entries(HOSTILE).map(([name, source]) => [name, (open) => attack(open, source)]),
  ),
};

/** @param {() => Promise<unknown>} fn @param {unknown} expected  its result */
async function timeEach(fn, expected) {
  const times = [];
  const end = performance.now() + 1500;
  for (let i = 0; i < 20 || (performance.now() < end && i < 20_000); i++) {
    const began = performance.now();
    const result = await fn();
    times.push((performance.now() - began) * 1000);
    if (result !== expected) throw new Error(`the result is ${result}, not ${expected}`);
  }
  const settled = times.slice(times.length >> 2).sort((a, b) => a - b); // the first are to warm up
  return { "p50 us": settled[settled.length >> 1], "p99 us": settled[(settled.length * 0.99) | 0] };
}

/** Runs what never ends by itself, then something that does. @param {Open} open */
async function attack(open, source) {
  const sandbox = open({}, LIMITS);
  await sandbox.run("return 1");
  let late = 0, last = performance.now();
  const timer = setInterval(() => {
    late = Math.max(late, performance.now() - last);
    last = performance.now();
  }, 1);
  await sleep(20);
  const began = last = performance.now();
  const told = await sandbox.run(source).then(() => "a result", (error) => String(error?.message));
  const took = performance.now() - began;
  await sleep(5);
  clearInterval(timer);
  const next = await sandbox.run("return 2").catch((error) => error);
  sandbox.close();
  return {
    ms: took,
    "loop blocked ms": late,
    told: told.split("\n")[0].slice(0, 100),
    next: next === 2 ? "fine" : String(next),
  };
}

/** In the sandbox's process: the measure that the command line names. @param {Open} open */
export async function measure(open) {
  const figures = await MEASURES[process.argv[2]](open);
  process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.exit(0));
}

/** One measure in a process of its own. @returns {Promise<Record<string, number | string>>} */
function inProcess(node, name, measure) {
  return new Promise((resolve) => {
    const file = fileURLToPath(new URL(`sandboxes/${name}.mjs`, import.meta.url));
    const limit = Object.hasOwn(HOSTILE, measure) ? HUNG_MS : 120_000;
    const child = spawn(node, ["--disable-warning=ExperimentalWarning", file, measure], {
      env: { ...process.env, ...QUIET },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "", errors = "", hung = false;
    const timer = setTimeout(() => (hung = true, child.kill("SIGKILL")), limit);
    child.stdout.on("data", (text) => output += text);
    child.stderr.on("data", (text) => errors += text);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (hung) return resolve({ failed: `the process hung for ${limit / 1000} s` });
      if (code === 0) return resolve(JSON.parse(output));
      const line = errors.split("\n").find((text) => /error|fatal/i.test(text)) ?? "";
      resolve({ failed: `the process died: ${signal ?? `code ${code}`} ${line.trim()}` });
    });
  });
}

async function main() {
  const { values, positionals } = parseArgs({
    options: { rounds: { type: "string", default: "1" }, measure: { type: "string" } },
    allowPositionals: true,
  });
  const { path: node } = await findRuntime("node");
  const names = positionals.length ? positionals : NAMES;
  const measures = values.measure?.split(",") ?? Object.keys(MEASURES);
  for (const measure of measures) {
    console.log(`\n${measure}`);
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const name of names) {
        const figures = await inProcess(node, name, measure);
        const cells = Object.entries(figures).map(([key, value]) =>
          `${key} ${typeof value === "number" ? Number(value.toPrecision(3)) : value}`
        );
        console.log(`  ${name.padEnd(20)} ${cells.join(" · ")}`);
      }
    }
  }
  console.log(
    `\nNode.js ${node ? (await findRuntime("node")).version : ""}, ${os.cpus()[0].model}`,
  );
}

if (path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) await main();
