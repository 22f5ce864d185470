/**
 * The benchmark: `npm run bench`.
 *
 *   node bench/run.mjs [--quick] [--runtime deno,bun,node] [--measure warm,idle,...]
 *                      [--rounds N] [--out FILE]
 *
 * On each runtime: the library, the runtime's own Worker, and Piscina; beside them the C floor,
 * which is the library with no JavaScript host. Each figure comes from a process of its own.
 * Rounds are interleaved (a measure of all contenders, then the next measure, then the next
 * round), so that nobody has the machine's good minutes for himself.
 *
 *   measures.mjs   what is measured, and the aims
 *   contend.mjs    how, within a contender's process;  contenders/   who;  tasks.mjs   what runs
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
import { build, fail } from "../scripts/build.mjs";
import { findRuntime, QUIET, RUNTIMES } from "../scripts/runtimes.mjs";
import * as terminal from "../scripts/terminal.mjs";
import { MEASURES } from "./measures.mjs";
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
];

/** @param {string | undefined} text @param {string[]} known @param {string} what */
function choose(text, known, what) {
  if (text === undefined) return known;
  const chosen = text.split(",").filter(Boolean);
  for (const name of chosen) {
    if (!known.includes(name)) {
      throw new Error(`"${name}" is no ${what}; there are ${known.join(", ")}`);
    }
  }
  return known.filter((name) => chosen.includes(name));
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
    throw new Error(`--rounds must be a whole number from 1, got "${values.rounds}"`);
  }
  return {
    quick: values.quick,
    runtimes: choose(values.runtime, RUNTIMES, "runtime"),
    measures: choose(values.measure, MEASURES.map(({ name }) => name), "measure"),
    rounds,
    out: values.out,
  };
}

/** @returns {Promise<{ code: number | null, output: string, errors: string }>} */
function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: ROOT,
      env: { ...process.env, ...QUIET },
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
      resolve({ code, output, errors });
    });
  });
}

/** The C floor, linked with the library that was built. @param {string} library */
async function buildFloor(library) {
  const [cc, ...ccArgs] = (process.env.CC || "cc").split(/\s+/).filter(Boolean);
  const dir = path.dirname(path.join(ROOT, library));
  const program = path.join(dir, "floor");
  const { code, errors } = await run(cc, [
    ...ccArgs,
    ...["-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Icsrc", "bench/floor.c"],
    ...["-o", program, `-L${dir}`, "-ldeferred", `-Wl,-rpath,${dir}`, "-pthread"],
  ]);
  if (code !== 0) throw new Error(`the C floor did not build:\n${errors}`);
  return program;
}

async function installed(name) {
  const file = path.join(ROOT, "node_modules", name, "package.json");
  return JSON.parse(await readFile(file, "utf8")).version;
}

/** What the figures depend on. */
async function describeMachine(runtimes) {
  const [cpu] = os.cpus();
  const { output } = await run((process.env.CC || "cc").split(/\s+/)[0], ["--version"]);
  return {
    cpu: cpu?.model.trim() ?? "unknown",
    cores: os.availableParallelism(),
    memory: `${Math.round(os.totalmem() / 2 ** 30)} GB`,
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    load: os.loadavg()[0].toFixed(2),
    compiler: output.split("\n")[0],
    versions: {
      deferred: JSON.parse(await readFile(path.join(ROOT, "package.json"), "utf8")).version,
      ...Object.fromEntries(runtimes.map(({ name, version }) => [name, version])),
      piscina: await installed("piscina"),
      tinybench: await installed("tinybench"),
    },
  };
}

/** @param {string} errors of a process that failed */
function reason(errors) {
  const lines = errors.split("\n").map((line) => line.trim()).filter(Boolean);
  return lines.find((line) => /error|ended by/i.test(line)) ?? lines.at(-1) ?? "it said nothing";
}

/** One contender's process. @returns {Promise<{ figures?: object, failed?: string }>} */
async function measure({ command, args }, { kind }, options) {
  const pairs = Object.entries(options).map(([key, value]) => `${key}=${value}`);
  const { code, output, errors } = await run(command, [...args, kind, ...pairs]);
  const last = output.trim().split("\n").at(-1);
  if (code !== 0) return { failed: reason(errors) };
  try {
    return { figures: JSON.parse(last) };
  } catch {
    return { failed: `it printed no figures: ${last || "nothing"}` };
  }
}

/** Who takes part in a measure. */
function listEntrants(measure, runtimes, floor) {
  const hosts = runtimes.flatMap((runtime) =>
    CONTENDERS.map(({ name, title }) => ({
      runtime: runtime.name,
      contender: name,
      title: `${runtime.title} ${title}`,
      command: runtime.path,
      args: [...COMMANDS[runtime.name], path.join("bench", "contenders", `${name}.mjs`)],
    }))
  );
  if (measure.hostOnly) return hosts;
  // The source goes second, behind the measure; floor.c takes its options in any order.
  return [
    { runtime: "c", contender: "floor", title: "C floor", command: floor, args: [] },
    ...hosts,
  ];
}

async function main() {
  const options = readOptions();
  const began = Date.now();
  const { results } = await build();
  const floor = await buildFloor(results.release.library);
  const runtimes = [];
  for (const name of options.runtimes) {
    const runtime = await findRuntime(name);
    if (runtime.path) runtimes.push(runtime);
    else console.log(`${terminal.yellow("left out")}  ${runtime.problem}`);
  }
  const measures = MEASURES.filter(({ name }) => options.measures.includes(name));
  const machine = await describeMachine(runtimes);
  console.log(
    terminal.bold("Benchmark") + (options.quick ? " (a smoke run: no figure counts)" : ""),
  );
  console.log(`  ${machine.cpu}, ${machine.cores} cores, ${machine.memory}, ${machine.system}`);
  console.log(`  load ${machine.load} at the start; ${machine.compiler}`);
  console.log(`  ${Object.entries(machine.versions).map((pair) => pair.join(" ")).join(", ")}`);

  const samples = [];
  const problems = new Map();
  const roundsOf = (measure) => options.rounds ?? (options.quick ? 1 : measure.rounds);
  const rounds = Math.max(...measures.map(roundsOf));
  let total = 0, done = 0, now = "";
  const plan = [];
  for (let round = 0; round < rounds; round++) {
    for (const measure of measures) {
      if (round >= roundsOf(measure)) continue;
      const entrants = listEntrants(measure, runtimes, floor);
      // Each round begins with another one.
      const turn = round % entrants.length;
      plan.push({
        round,
        measure,
        entrants: [...entrants.slice(turn), ...entrants.slice(0, turn)],
      });
      total += entrants.length;
    }
  }
  const line = new terminal.LiveLine(() => {
    const left = done > 0 ? (Date.now() - began) / done * (total - done) : 0;
    return `${done}/${total}  ${now}  ${terminal.dim(`${terminal.duration(left)} left`)}`;
  });
  let shown = -1;
  for (const { round, measure: what, entrants } of plan) {
    if (round !== shown && !terminal.live) {
      const time = terminal.duration(Date.now() - began);
      line.print(terminal.dim(`  round ${round + 1} of ${rounds}, after ${time}`));
    }
    shown = round;
    for (const entrant of entrants) {
      now = `round ${round + 1} of ${rounds}: ${what.title}, ${entrant.title}`;
      const key = `${entrant.title}: ${what.title}`;
      done++;
      if (problems.has(key)) continue; // once is enough
      const values = { ...what.options, ...(options.quick ? what.quick : {}) };
      if (entrant.contender === "floor") values.source = `(${tasks[what.task]})`;
      const result = await measure(entrant, what, values);
      const { runtime, contender } = entrant;
      samples.push({ round, measure: what.name, runtime, contender, ...result });
      if (result.failed) {
        problems.set(key, { ours: contender === "deferred" || contender === "floor" });
        line.print(`${terminal.red("failed")}  ${key}: ${result.failed}`);
      }
    }
  }
  line.end();

  for (const { name, title, version } of runtimes) {
    console.log(
      `\n${terminal.bold(`${title} ${version}`)}  ${terminal.dim("median  lowest–highest")}`,
    );
    const lines = runtimeTable({ runtime: name, contenders: CONTENDERS, measures, samples });
    for (const text of lines) console.log(`  ${text}`);
  }
  const aims = judge({ runtimes, samples });
  console.log(`\n${terminal.bold("Aims")}`);
  for (const text of aimTable(aims, runtimes)) console.log(`  ${text}`);
  const verdicts = aims.flatMap(({ results }) => results).filter((result) => result.all);
  const reached = verdicts.filter((result) => result.reached).length;
  console.log(
    `\n${reached} of ${verdicts.length} reached` +
      (options.quick ? ", in a smoke run: no verdict" : "") +
      `; ${terminal.duration(Date.now() - began)}`,
  );

  const stamp = new Date(began).toISOString().replace(/[:.]/g, "-");
  const out = path.resolve(options.out ?? path.join(ROOT, "bench", "results", `${stamp}.json`));
  await mkdir(path.dirname(out), { recursive: true });
  const kept = {
    date: new Date(began).toISOString(),
    quick: options.quick,
    machine,
    samples,
    aims,
  };
  await writeFile(out, JSON.stringify(kept, null, 1) + "\n");
  console.log(terminal.dim(`kept in ${path.relative(process.cwd(), out)}`));
  if ([...problems.values()].some(({ ours }) => ours)) process.exitCode = 1;
}

await main().catch(fail);
