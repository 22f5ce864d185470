/**
 * Builds what is stale and runs every test there is.
 *
 *   node scripts/test.mjs [--fast] [WORD ...]
 *
 *   no words          all of it
 *   deno bun node     the tests in TypeScript, on these runtimes only
 *   c                 the tests in C only
 *   checks            types, lint, format, generated files only
 *   any other word    only test files whose path contains it
 *   --fast            the C tests without sanitizers
 *
 * Each test file runs in a process of its own, so that one that crashes or hangs takes nothing
 * with it; as many at once as there are processors, and what ends soon comes first. What a failing
 * file said is printed, and kept whole in build/test/. What tasks must not be able to do is tried on
 * Node.js twice more: with nothing compiled, and with everything compiled at once. A file or a
 * runtime in which no test ran counts as a failure; tests that were skipped are named. The last line
 * is the sum, for machines: `N passed, N failed`, and `, N skipped` where there are any.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { access, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import path from "node:path";
import process from "node:process";
import { build } from "./build.mjs";
import { BuildError } from "./engine.mjs";
import { formatC } from "./format.mjs";
import { parseReport } from "./junit.mjs";
import { findRuntime, QUIET, RUNTIMES } from "./runtimes.mjs";
import { symbols } from "./symbols.mjs";
import {
  bold,
  coloured,
  cyan,
  dim,
  duration,
  green,
  LiveLine,
  plain,
  red,
  yellow,
} from "./terminal.mjs";
import { types } from "./types.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const LOGS = "build/test";
const SHOWN_LINES = 150; // of what a failing file said

/**
 * What has not ended after so many ms hangs: far more than anything takes, as a slow or busy machine
 * is no reason to fail.
 */
const HANGS = 20 * 60_000;

/** What takes longer than a few seconds, in seconds of {@linkcode REFERENCE}: for order and estimate. */
const SECONDS = {
  "clone_test.ts": 10,
  "docs_test.ts": 10,
  "engine_test.ts": 10,
  "eval_test.ts": 7,
  "growth_test.ts": 15,
  "hostile/builtins_test.ts": 10,
  "hostile/loops_test.ts": 5,
  "hostile/memory_test.ts": 12,
  "hostile/stack_test.ts": 5,
  "large_test.ts": 45,
  "lifecycle_test.ts": 12,
  "measure_test.ts": 10,
  "memory_test.ts": 8,
  "package_test.ts": 15,
  "pool_test.ts": 6,
  "soak_test.ts": 15,
  "values_test.ts": 8,
  "workers_test.ts": 8,
  "arena_test.c": 12,
  "clone_test.c": 10,
  "kill_test.c": 35,
  "realm_image_test.c": 40,
};
const FEW_SECONDS = 3;
const CHECKS_SECONDS = 12;
/** How long the library takes to build in one mode, and by how much a mode slows the C tests. */
const BUILD_SECONDS = { release: 45, debug: 15, asan: 60, tsan: 40 };
const SLOWER = { debug: 1, asan: 2, tsan: 3 };
/** How long {@linkcode timeWork} takes on the machine of these figures, in ms. */
const REFERENCE = 90;

/** Needs gigabytes: only one at a time. */
const LARGE = /^(large|soak|memory|hostile\/memory)_test\.ts$/;

const MODE_TITLES = { debug: "debug", asan: "ASan, UBSan", tsan: "TSan" };

/** C tests that have threads, which ThreadSanitizer is for. */
const THREADED = /^(pool|completion|deferred|grants|deadlines|wait|jit)/;

const SANITIZER_ENV = {
  ASAN_OPTIONS: "detect_stack_use_after_return=0:allocator_may_return_null=1",
  UBSAN_OPTIONS: "print_stacktrace=1",
  TSAN_OPTIONS: "second_deadlock_stack=1",
};

/** @typedef {{ passed: number, failed: string[], skipped: string[] }} Count */

/**
 * A program that runs tests.
 * @typedef {object} Job
 * @property {string} group  the runtime, or the mode of the C tests
 * @property {string} name
 * @property {number} seconds  about how long it takes
 * @property {boolean} [large]
 * @property {() => Promise<{ count: Count, output: string }>} run
 */

/** @returns {Count} */
const nothing = () => ({ passed: 0, failed: [], skipped: [] });

/** Adds one count to another. @param {Count} to @param {Count} count */
function add(to, { passed, failed, skipped }) {
  to.passed += passed;
  to.failed.push(...failed);
  to.skipped.push(...skipped);
}

/** `2 passed, 1 failed, 1 skipped`. @param {Count} count */
function inWords({ passed, failed, skipped }, colours = true) {
  const paint = (colour, text) => colours ? colour(text) : text;
  const parts = [`${passed} passed`];
  if (failed.length > 0 || !colours) parts.push(paint(red, `${failed.length} failed`));
  if (skipped.length > 0) parts.push(paint(yellow, `${skipped.length} skipped`));
  return parts.join(", ");
}

/** All that ran. */
const total = nothing();

/** What is going on, for the live line. @type {Set<string>} */
const doing = new Set();
const line = new LiveLine(() => [...doing].join(", "));
const say = (text) => line.print(text);

/** The programs that run now: each leads a group of processes, which ends as a whole. */
const children = new Set();

function killGroup(child) {
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch { /* it has ended */ }
}

process.on("exit", () => children.forEach(killGroup));
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(130));

/**
 * Runs a program to its end, however it ends.
 *
 * @returns {Promise<{ problem?: string, output: string }>} `problem` says how it ended if not well
 */
function run(command, args, env = {}) {
  return new Promise((resolve) => {
    let output = "";
    let late = false;
    const child = spawn(command, args, {
      cwd: ROOT,
      env: { ...process.env, ...QUIET, ...(coloured ? {} : { NO_COLOR: "1" }), ...env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    children.add(child);
    const timer = setTimeout(() => {
      late = true;
      killGroup(child);
    }, HANGS);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => output += text);
    }
    const end = (problem) => {
      clearTimeout(timer);
      children.delete(child);
      resolve({ problem, output });
    };
    child.on("error", (error) => end(error.message));
    child.on("close", (code, signal) => {
      if (late) end(`did not end within ${duration(HANGS)}`);
      else if (signal) end(`was ended by ${signal}`);
      else end(code === 0 ? undefined : `ended with code ${code}`);
    });
  });
}

/** Adds a result and tells it in one line; of a failing one all that helps. */
async function report(name, count, since, output = "") {
  add(total, count);
  const mark = count.failed.length > 0 ? red("✗") : green("✓");
  say(`  ${mark} ${name.padEnd(36)} ${inWords(count)}  ${dim(duration(Date.now() - since))}`);
  if (count.failed.length === 0) return;
  for (const failure of count.failed) say(`    ${red("✗")} ${failure}`);
  const lines = output.trimEnd().split("\n");
  if (lines.length > SHOWN_LINES) {
    const log = `${LOGS}/${plain(name).replace(/\W+/g, "-")}.log`;
    await writeFile(path.join(ROOT, log), output);
    say(dim(`    … ${lines.length - SHOWN_LINES} lines before these are in ${log}`));
  }
  for (const text of lines.slice(-SHOWN_LINES)) say(`    ${dim("│")} ${text}`);
}

/** A step of its own: title, work, time. */
async function section(title, work) {
  const since = Date.now();
  say(bold(title));
  await work();
  say(dim(`  ${duration(Date.now() - since)}`));
}

/** One check that passes or fails as a whole. `work` returns what is wrong, or nothing. */
async function check(name, work) {
  const since = Date.now();
  doing.add(name);
  let wrong;
  try {
    wrong = await work();
  } catch (error) {
    wrong = error instanceof BuildError ? error.message : error.stack;
  }
  doing.delete(name);
  const count = wrong ? { ...nothing(), failed: [name] } : { ...nothing(), passed: 1 };
  await report(name, count, since, wrong || "");
  return !wrong;
}

/** A check that is a program: what it says is what is wrong, if it fails. */
const checkProgram = (name, command, args) =>
  check(name, async () => {
    const { problem, output } = await run(command, args);
    return problem && `${output.trimEnd()}\n${path.basename(command)} ${args[0]} ${problem}`;
  });

/** The files under a folder whose names end so, as paths in it, sorted. */
async function listFiles(dir, ending) {
  const entries = await readdir(path.join(ROOT, dir), { recursive: true }).catch(() => []);
  return entries.filter((name) => name.endsWith(ending)).sort();
}

/** @param {string} file */
const secondsOf = (file) => SECONDS[file] ?? FEW_SECONDS;

/** A C test program, in a mode. @returns {Job} */
function jobOfC(program, mode) {
  const name = path.basename(program);
  return {
    group: MODE_TITLES[mode],
    name,
    seconds: secondsOf(`${name}.c`) * SLOWER[mode],
    run: async () => {
      const { problem, output } = await run(path.join(ROOT, program), [], SANITIZER_ENV);
      const count = nothing();
      for (const text of output.split("\n")) {
        if (text.startsWith("ok ")) count.passed++;
        else if (text.startsWith("skipped ")) count.skipped.push(`${name}: ${text.slice(8)}`);
        else if (text.startsWith("not ok ")) count.failed.push(`${name}: ${text.slice(7)}`);
      }
      if (problem && count.failed.length === 0) count.failed.push(`${name} ${problem}`);
      if (count.passed + count.failed.length + count.skipped.length === 0) {
        count.failed.push(`${name}: no test ran`);
      }
      return { count, output };
    },
  };
}

/** How each runtime is told to run a test file and to write a JUnit report. No test is given a time. */
const TEST_COMMANDS = {
  deno: (file, junit) => ["test", "-A", "--no-check", "--quiet", `--junit-path=${junit}`, file],
  bun: (file, junit) => [
    "test",
    `--timeout=${HANGS}`,
    "--reporter=junit",
    `--reporter-outfile=${junit}`,
    `./${file}`,
  ],
  node: (file, junit) => [
    "--disable-warning=ExperimentalWarning",
    "--test",
    "--test-reporter=spec",
    "--test-reporter-destination=stdout",
    "--test-reporter=junit",
    `--test-reporter-destination=${junit}`,
    file,
  ],
};

/** How tasks run, if not as usual: by what `DEFERRED_JIT` is then. */
const EXECUTORS = { interpreted: "0", "compiled at once": "eager" };

/** What must hold however tasks run; this is tried on Node.js. */
const ANY_EXECUTOR = /^(hostile\/.*|errors|jit|jit_programs|limits|realm|refused)_test\.ts$/;

/** A test file, on a runtime. @param {keyof EXECUTORS} [executor] @returns {Job} */
function jobOfFile(runtime, file, executor) {
  const name = file.replace(/\.ts$/, "") + (executor ? `, ${executor}` : "");
  const junit = `${LOGS}/${runtime.name}-${name.replace(/\W/g, "-")}.xml`;
  const env = executor && { DEFERRED_JIT: EXECUTORS[executor] };
  return {
    group: runtime.title,
    name,
    seconds: secondsOf(file),
    large: LARGE.test(file),
    run: async () => {
      await rm(path.join(ROOT, junit), { force: true });
      const args = TEST_COMMANDS[runtime.name](`tests/${file}`, junit);
      const { problem, output } = await run(runtime.path, args, env);
      const tests = parseReport(await readFile(path.join(ROOT, junit), "utf8").catch(() => ""));
      const count = nothing();
      for (const { name: test, outcome } of tests) {
        if (outcome === "passed") count.passed++;
        else count[outcome].push(`${runtime.title}: ${name}: ${test}`);
      }
      if (problem && count.failed.length === 0) {
        count.failed.push(`${runtime.title}: ${name} ${problem}`);
      } else if (tests.length === 0) count.failed.push(`${runtime.title}: ${name}: no test ran`);
      return { count, output };
    },
  };
}

/** What is taken at a time. */
const LANES = Math.max(1, availableParallelism());

/**
 * Runs the jobs, {@linkcode LANES} at a time. Most lanes take what ends soon; one of several begins
 * with what takes long, or it would be left over for the end. Of the large ones one runs at a time.
 *
 * @param {Job[]} jobs
 */
async function runJobs(jobs) {
  const waiting = jobs.toSorted((a, b) => a.seconds - b.seconds);
  const counts = new Map(jobs.map(({ group }) => [group, nothing()]));
  let large = false;
  const next = (long) => {
    const fits = (job) => !(job.large && large);
    const at = long ? waiting.findLastIndex(fits) : waiting.findIndex(fits);
    return at < 0 ? undefined : waiting.splice(at, 1)[0];
  };
  const lane = async (long) => {
    for (let job; (job = next(long)) !== undefined;) {
      const title = `${job.group.padEnd(11)} ${job.name}`;
      const since = Date.now();
      doing.add(title);
      large ||= job.large;
      const { count, output } = await job.run();
      if (job.large) large = false;
      doing.delete(title);
      add(counts.get(job.group), count);
      await report(title, count, since, output);
    }
  };
  await Promise.all(Array.from({ length: LANES }, (_, i) => lane(i > 0)));
  for (const [group, count] of counts) {
    say(dim(`  ${group}: ${plain(inWords(count))}`));
    if (count.passed === 0) await check(`${group}: some test passed`, () => "none did");
  }
}

/** What is checked without running anything of ours. */
async function runChecks() {
  const deno = await findRuntime("deno");
  await section("Checks", async () => {
    await check("generated symbols", async () => {
      if (await symbols({ check: true }) === "stale") {
        return "ffi/symbols.ts is not what the headers say: npm run symbols";
      }
    });
    await check("generated tables of types", async () => {
      if (await types({ check: true }) === "stale") {
        return "docs/types.md is not what tests/support/types.ts says: node scripts/types.mjs";
      }
    });
    const sources = [];
    for (const dir of ["tests", "examples", "bench"]) {
      sources.push(...(await listFiles(dir, ".ts")).map((file) => `${dir}/${file}`));
    }
    const tsc = path.join("node_modules", "typescript", "bin", "tsc");
    await checkProgram("tsc", process.execPath, [
      tsc,
      "--pretty",
      "false",
      "-p",
      "tsconfig.check.json",
    ]);
    if (deno.path) {
      await checkProgram("deno check", deno.path, [
        "check",
        "--quiet",
        "mod.ts",
        "plugin.ts",
        ...sources,
      ]);
      await checkProgram("deno doc --lint", deno.path, ["doc", "--lint", "mod.ts"]);
      await checkProgram("deno publish (dry run)", deno.path, [
        "publish",
        "--dry-run",
        "--allow-dirty",
        "--quiet",
      ]);
      await checkProgram("deno lint", deno.path, ["lint", "--quiet"]);
      await checkProgram("deno fmt", deno.path, ["fmt", "--check", "--quiet"]);
    } else await check("Deno's checks", () => deno.problem);
    await check("clang-format", async () => (await formatC({ check: true })).join("\n"));
  });
}

/** @param {string[]} args */
function select(args) {
  const unknown = args.filter((arg) => arg.startsWith("-") && arg !== "--fast");
  if (unknown.length > 0) throw new BuildError(`${unknown[0]} is no option; there is --fast`);
  const words = args.filter((arg) => arg !== "--fast");
  const runtimes = RUNTIMES.filter((name) => words.includes(name));
  const special = new Set([...RUNTIMES, "c", "checks"]);
  const parts = words.filter((word) => !special.has(word));
  const kinds = runtimes.length > 0 || words.includes("c") || words.includes("checks");
  const c = !kinds || words.includes("c");
  // The library as users have it; the C tests with asserts, then in the modes that find more. (The
  // sanitizers leave out what they do not get along with: signals, system calls.)
  const sanitized = args.includes("--fast") ? [] : ["asan", "tsan"];
  return {
    runtimes: kinds ? runtimes : RUNTIMES,
    modes: c ? ["debug", ...sanitized] : [],
    checks: kinds ? words.includes("checks") : parts.length === 0,
    matches: (file) => parts.length === 0 || parts.some((part) => file.includes(part)),
  };
}

/** How long a piece of work takes here and now, in ms. */
function timeWork() {
  const since = performance.now();
  const block = Buffer.alloc(2 ** 20, 1);
  const hash = createHash("sha256");
  for (let i = 0; i < 48; i++) hash.update(block);
  const numbers = Array.from({ length: 200_000 }, (_, i) => Math.imul(i, 2654435761));
  numbers.sort((a, b) => a - b);
  hash.update(String(numbers));
  return performance.now() - since;
}

/** How much longer things take here and now than on the machine of the figures above. */
function calibrate() {
  const times = Array.from({ length: 5 }, timeWork).sort((a, b) => a - b);
  return Math.max(0.5, times[times.length >> 1] / REFERENCE);
}

/** Tells what is going to be done, and how long that takes here. */
async function announce({ runtimes, modes, checks }, files, cFiles) {
  const sum = (list, ending = "") => list.reduce((all, file) => all + secondsOf(file + ending), 0);
  const factor = calibrate();
  const inC = modes.reduce(
    (all, mode) =>
      all + SLOWER[mode] * sum(cFiles.filter((file) => mode !== "tsan" || THREADED.test(file))),
    0,
  );
  const again = runtimes.includes("node") ? files.filter((file) => ANY_EXECUTOR.test(file)) : [];
  const seconds =
    (runtimes.length * sum(files) + Object.keys(EXECUTORS).length * sum(again) + inC) /
      Math.min(LANES, 2) +
    (checks ? CHECKS_SECONDS : 0);
  let building = 0;
  for (const mode of ["release", ...modes]) {
    const there = await access(path.join(ROOT, "build", mode)).then(() => true, () => false);
    if (!there) building += BUILD_SECONDS[mode];
  }
  const parts = [];
  if (checks) parts.push("the checks");
  if (cFiles.length > 0 && modes.length > 0) {
    parts.push(
      `${cFiles.length} test programs in C (${modes.map((m) => MODE_TITLES[m]).join("; ")})`,
    );
  }
  if (files.length > 0 && runtimes.length > 0) {
    parts.push(`${files.length} test files on ${runtimes.join(", ")}`);
  }
  if (parts.length === 0) return;
  const about = (it) => duration(Math.ceil(it * factor / 10) * 10_000);
  say(
    `${parts.join(", ")}; ${LANES} at a time: about ${about(seconds + building)} here and now` +
      (building > 0 ? `, of which ${about(building)} to compile the library` : ""),
  );
}

async function main() {
  const since = Date.now();
  const wanted = select(process.argv.slice(2));
  await mkdir(path.join(ROOT, LOGS), { recursive: true });
  const files = (await listFiles("tests", "_test.ts")).filter(wanted.matches);
  const cFiles = [
    ...await listFiles("tests/c", "_test.c"),
    ...await listFiles("tests/fuzz", "_test.c"),
  ]
    .filter(wanted.matches);
  await announce(wanted, files, cFiles);

  line.start();
  if (wanted.checks) await runChecks();
  line.stop(); // the build has one of its own
  let built;
  await section("Build", async () => {
    await check("library and C tests", async () => {
      built = await build({ modes: ["release", ...wanted.modes], tests: wanted.modes });
      return built.failures.map((name) => `${name} did not build`).join("\n");
    });
    if (wanted.checks && built) await check("compiler warnings", () => built.warnings.join("\n"));
  });
  line.start();

  const jobs = [];
  for (const mode of wanted.modes) {
    for (const program of built?.results[mode]?.tests ?? []) {
      const file = `${path.basename(program)}.c`;
      if (cFiles.includes(file) && (mode !== "tsan" || THREADED.test(file))) {
        jobs.push(jobOfC(program, mode));
      }
    }
  }
  if (!built?.results.release) {
    say(`${yellow("!")} no test is run on a library that did not build`);
  } else if (files.length > 0) {
    for (const name of wanted.runtimes) {
      const runtime = await findRuntime(name);
      if (!runtime.path) await check(runtime.title, () => runtime.problem);
      else for (const file of files) jobs.push(jobOfFile(runtime, file));
      if (!runtime.path || name !== "node") continue;
      for (const executor of Object.keys(EXECUTORS)) {
        for (const file of files.filter((file) => ANY_EXECUTOR.test(file))) {
          jobs.push(jobOfFile(runtime, file, executor));
        }
      }
    }
  }
  if (jobs.length > 0) await section(`Tests, ${LANES} at a time`, () => runJobs(jobs));
  else if (wanted.runtimes.length + wanted.modes.length > 0 && files.length + cFiles.length === 0) {
    await section("Tests", () => check("some test file matches", () => "none does"));
  }

  line.stop();
  console.log();
  for (
    const [title, names, colour] of [["Skipped", total.skipped, yellow], [
      "Failed",
      total.failed,
      red,
    ]]
  ) {
    if (names.length === 0) continue;
    console.log(colour(bold(title)));
    for (const name of names) console.log(`  ${colour(title === "Failed" ? "✗" : "-")} ${name}`);
    console.log();
  }
  console.log(cyan(`${duration(Date.now() - since)} in all; reports are in ${LOGS}/`));
  console.log(inWords(total, false));
  process.exitCode = total.failed.length > 0 || total.passed === 0 ? 1 : 0;
}

await main().catch((error) => {
  line.stop();
  console.error(error instanceof BuildError ? `${red("error")}: ${error.message}` : error);
  process.exitCode = 1;
});
