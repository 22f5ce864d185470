/**
 * The benchmark: `npm run bench`.
 *
 *   node bench/run.mjs [--quick] [--runtime deno,bun,node] [--measure warm,idle,...]
 *                      [--rounds N] [--out FILE]
 *
 * On each runtime: the library, the runtime's own Worker, and Piscina (workerpool, too, where tasks
 * are ended); beside them the C floor, which is the library with no JavaScript host. Each figure
 * comes from a process of its own. `--measure kill` means all whose names begin so.
 * Rounds are interleaved (a measure of all contenders, then the next measure, then the next
 * round), so that nobody has the machine's good minutes for himself.
 *
 *   measures.mjs   what is measured, and the aims
 *   contend.mjs    how, within a contender's process
 *   contenders/    who;  tasks.mjs   what runs;  values.mjs   what is sent there and back
 *   floor.c        the C floor
 *   report.mjs     tables and verdicts
 *
 * Results are kept as JSON in bench/results, with every round's figures. The exit code is 1 when
 * the library or the floor failed, whatever the verdicts are: how fast this machine is today is
 * no error.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildRelease, fail } from "../scripts/build.mjs";
import { BuildError } from "../scripts/engine.mjs";
import { findRuntime, QUIET, RUNTIMES } from "../scripts/runtimes.mjs";
import * as terminal from "../scripts/terminal.mjs";
import { MEASURES, USUAL } from "./measures.mjs";
import { aimTable, judge, runtimeTable } from "./report.mjs";
import * as tasks from "./tasks.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const TIMEOUT_MS = 120_000; // of one contender's one measure

/** How each runtime runs a file. Memory is measured after a garbage collection. */
const COMMANDS = {
  deno: ["run", "-A", "--no-lock", "--v8-flags=--expose-gc"],
  bun: ["run"],
  node: ["--expose-gc", "--disable-warning=ExperimentalWarning"],
};

const CONTENDERS = [
  { name: "deferred", title: "Deferred" },
  { name: "worker", title: "Worker" },
  { name: "piscina", title: "Piscina" },
  { name: "workerpool", title: "workerpool" },
  { name: "structured_clone", title: "structuredClone" },
  { name: "json", title: "JSON" },
  { name: "serialize", title: "v8, bun:jsc" },
];

/**
 * By whole names, or by what stands before a hyphen in several.
 *
 * @param {string | undefined} text @param {string[]} known @param {string} what
 */
function choose(text, known, what) {
  if (text === undefined) return known;
  const chosen = text.split(",").filter(Boolean);
  const means = (word, name) => name === word || name.startsWith(`${word}-`);
  for (const word of chosen) {
    if (!known.some((name) => means(word, name))) {
      throw new BuildError(`"${word}" is no ${what}; there are ${known.join(", ")}`);
    }
  }
  return known.filter((name) => chosen.some((word) => means(word, name)));
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      runtime: { type: "string" },
      measure: { type: "string" },
      rounds: { type: "string" },
      out: { type: "string" },
    },
  });
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) {
    throw new BuildError(`--rounds must be a whole number from 1, got "${values.rounds}"`);
  }
  const measures = choose(values.measure, MEASURES.map(({ name }) => name), "measure");
  return {
    quick: values.quick,
    runtimes: choose(values.runtime, RUNTIMES, "runtime"),
    measures: MEASURES.filter(({ name }) => measures.includes(name)),
    rounds,
    out: values.out,
  };
}

/** @returns {Promise<{ code: number | null, signal?: string, output: string, errors: string }>} */
function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: ROOT,
      env: { ...process.env, ...QUIET, NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: TIMEOUT_MS,
      killSignal: "SIGKILL",
    });
    let output = "", errors = "";
    child.stdout.setEncoding("utf8").on("data", (text) => output += text);
    child.stderr.setEncoding("utf8").on("data", (text) => errors += text);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (signal) errors += `\nended by ${signal}`;
      resolve({ code, signal, output, errors });
    });
  });
}

/** The C floor, linked with the library as it is built. @returns {Promise<string>} the program */
async function buildFloor() {
  const [cc, ...ccArgs] = (process.env.CC || "cc").split(/\s+/).filter(Boolean);
  const dir = path.join(ROOT, "build", "release");
  const program = path.join(dir, "floor");
  const { code, errors } = await run(cc, [
    ...ccArgs,
    ...["-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Icsrc", "bench/floor.c"],
    ...["-o", program, `-L${dir}`, "-ldeferred", `-Wl,-rpath,${dir}`, "-pthread"],
  ]);
  if (code !== 0) throw new BuildError(`the C floor did not build:\n${errors}`);
  return program;
}

async function installed(name) {
  const file = path.join(ROOT, "node_modules", name, "package.json");
  return JSON.parse(await readFile(file, "utf8")).version;
}

/** How many threads want a processor, over the last minute: on a machine at rest about 0. */
const loadNow = () => os.loadavg()[0].toFixed(1);

/** What the figures depend on. */
async function describeMachine(runtimes) {
  const [cpu] = os.cpus();
  const { output } = await run((process.env.CC || "cc").split(/\s+/)[0], ["--version"]);
  return {
    cpu: cpu?.model.trim() ?? "unknown",
    cores: os.availableParallelism(),
    memory: `${Math.round(os.totalmem() / 2 ** 30)} GB`,
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    load: loadNow(),
    compiler: output.split("\n")[0],
    versions: {
      deferred: JSON.parse(await readFile(path.join(ROOT, "package.json"), "utf8")).version,
      ...Object.fromEntries(runtimes.map(({ name, version }) => [name, version])),
      piscina: await installed("piscina"),
      workerpool: await installed("workerpool"),
      tinybench: await installed("tinybench"),
    },
  };
}

/** The line that says it, among those that show it. @param {string} errors of a process */
function reason(errors) {
  const lines = terminal.plain(errors).split("\n").map((line) => line.trim()).filter(Boolean);
  const message = /^(error: |Uncaught |\(in promise\) )*(\w*Error( \[\w+\])?: |error: |ended by )/;
  return lines.find((line) => message.test(line)) ?? lines.at(-1) ?? "it said nothing";
}

/**
 * Who takes part in a measure.
 * @typedef {object} Entrant
 * @property {string} runtime  "c" for the floor
 * @property {string} contender
 * @property {string} title
 * @property {string} command
 * @property {string[]} args
 *
 * @returns {Entrant[]}
 */
function listEntrants(measure, runtimes, floor) {
  const names = measure.contenders ?? USUAL;
  const hosts = runtimes.flatMap((runtime) =>
    CONTENDERS.filter(({ name }) => names.includes(name)).map(({ name, title }) => ({
      runtime: runtime.name,
      contender: name,
      title: `${title} on ${runtime.title}`,
      command: runtime.path,
      args: [...COMMANDS[runtime.name], path.join("bench", "contenders", `${name}.mjs`)],
    }))
  );
  if (!names.includes("floor")) return hosts;
  const own = { runtime: "c", contender: "floor", title: "C floor", command: floor, args: [] };
  return [own, ...hosts];
}

/**
 * One contender's process. It may end itself by SIGKILL after it printed that a thread is left
 * running, with which not every runtime can exit.
 *
 * @returns {Promise<{ figures?: object, failed?: string }>}
 */
async function contend({ command, args, contender }, { kind, task, options, quick }, isQuick) {
  const values = { task, ...options, ...(isQuick ? quick : {}) };
  if (contender === "floor") values.source = `(${tasks[task]})`;
  const pairs = Object.entries(values).map(([key, value]) => `${key}=${value}`);
  const { code, signal, output, errors } = await run(command, [...args, kind, ...pairs]);
  if (code !== 0 && signal !== "SIGKILL") return { failed: reason(errors) };
  const last = output.trim().split("\n").at(-1);
  try {
    const figures = JSON.parse(last);
    if (code === 0 || figures.left > 0) return { figures };
  } catch {
    if (code === 0) return { failed: `it printed no figures but "${last}"` };
  }
  return { failed: reason(errors) };
}

/** What runs, in order. Each round of a measure begins with another entrant. */
function makePlan({ measures, rounds, quick }, runtimes, floor) {
  const roundsOf = (measure) => rounds ?? (quick ? 1 : measure.rounds);
  const plan = [];
  for (let round = 0; round < Math.max(...measures.map(roundsOf)); round++) {
    for (const measure of measures.filter((measure) => round < roundsOf(measure))) {
      const entrants = listEntrants(measure, runtimes, floor);
      const first = round % entrants.length;
      for (const entrant of [...entrants.slice(first), ...entrants.slice(0, first)]) {
        plan.push({ round, measure, entrant });
      }
    }
  }
  return plan;
}

/**
 * Carries out a plan. Who failed in a measure is not asked for it again.
 *
 * @returns {Promise<import("./report.mjs").Sample[]>}
 */
async function carryOut(plan, quick) {
  const began = Date.now();
  const samples = [], failed = new Set();
  let now = "", round = -1, done = 0;
  const line = new terminal.LiveLine(() => {
    const left = done > 0 ? (Date.now() - began) / done * (plan.length - done) : 0;
    return `${done}/${plan.length}  ${now}  ${terminal.dim(`${terminal.duration(left)} left`)}`;
  }).start();
  try {
    for (const { measure, entrant, ...step } of plan) {
      if (step.round > round && !terminal.live) {
        const time = terminal.duration(Date.now() - began);
        line.print(
          terminal.dim(`  round ${step.round + 1} of ${plan.at(-1).round + 1}, at ${time}`),
        );
      }
      round = step.round;
      now = `round ${round + 1}: ${measure.title}, ${entrant.title}`;
      const key = `${measure.title}, ${entrant.title}`;
      if (!failed.has(key)) {
        const start = Date.now();
        const result = await contend(entrant, measure, quick);
        const { runtime, contender } = entrant;
        const took = Date.now() - start;
        samples.push({ round, measure: measure.name, runtime, contender, took, ...result });
        if (result.failed) {
          failed.add(key);
          line.print(`${terminal.red("failed")}  ${key}: ${result.failed}`);
        }
      }
      done++;
    }
  } finally {
    line.stop();
  }
  return samples;
}

function printMachine(machine, quick) {
  const { cpu, cores, memory, system, load, compiler, versions } = machine;
  console.log(terminal.bold("Benchmark") + (quick ? " (a smoke run: no figure counts)" : ""));
  console.log(`  ${cpu}, ${cores} cores, ${memory}, ${system}`);
  console.log(`  load ${load} at the start; ${compiler}`);
  console.log(`  ${Object.entries(versions).map((pair) => pair.join(" ")).join(", ")}`);
}

function printTables(runtimes, measures, samples) {
  for (const { name, title, version } of runtimes) {
    const legend = terminal.dim("median, lowest–highest of the rounds");
    console.log(`\n${terminal.bold(`${title} ${version}`)}  ${legend}`);
    for (const text of runtimeTable({ runtime: name, contenders: CONTENDERS, measures, samples })) {
      console.log(`  ${text}`);
    }
  }
}

/** The aims in a table, and their sum in a line. */
function printAims(aims, runtimes, quick) {
  console.log(`\n${terminal.bold("Aims")}  ${terminal.dim("median of the rounds' ratios")}`);
  for (const text of aimTable(aims, runtimes)) console.log(`  ${text}`);
  const verdicts = aims.flatMap(({ results }) => results).filter(({ all }) => all);
  const reached = verdicts.filter((verdict) => verdict.reached).length;
  const note = quick ? ", but that is no verdict after a smoke run" : "";
  console.log(`\n${reached} of ${verdicts.length} reached${note}`);
}

async function main() {
  const options = readOptions();
  const { quick } = options;
  const began = new Date();
  await buildRelease();
  const floor = await buildFloor();
  const runtimes = [];
  for (const name of options.runtimes) {
    const runtime = await findRuntime(name);
    if (runtime.path) runtimes.push(runtime);
    else console.log(`${terminal.yellow("left out")}  ${runtime.problem}`);
  }
  const machine = await describeMachine(runtimes);
  printMachine(machine, quick);
  const samples = await carryOut(makePlan(options, runtimes, floor), quick);
  machine.loadAfter = loadNow();
  const aims = judge({ runtimes, samples });
  printTables(runtimes, options.measures, samples);
  printAims(aims, runtimes, quick);

  const name = `${began.toISOString().replace(/[:.]/g, "-")}.json`;
  const out = path.resolve(options.out ?? path.join(ROOT, "bench", "results", name));
  await mkdir(path.dirname(out), { recursive: true });
  const kept = { date: began.toISOString(), quick, machine, samples, aims };
  await writeFile(out, JSON.stringify(kept, null, 1) + "\n");
  const time = terminal.duration(Date.now() - began.getTime());
  console.log(
    terminal.dim(
      `${time}; load ${machine.loadAfter} at the end; kept in ${path.relative(process.cwd(), out)}`,
    ),
  );
  const ours = ["deferred", "floor"];
  if (samples.some(({ contender, failed }) => failed && ours.includes(contender))) {
    process.exitCode = 1;
  }
}

await main().catch(fail);
