/**
 * Builds what is stale and runs every test there is.
 *
 *   node scripts/test.mjs [--fast] [WORD ...]
 *
 *   no words          all of it
 *   deno bun node     the tests in TypeScript, on these runtimes only
 *   c                 the tests in C only
 *   checks            types, lint, format, generated files only
 *   any other word    only test files whose name contains it
 *   --fast            the C tests without sanitizers
 *
 * Each test file runs in a process of its own, so that one that crashes or hangs takes nothing
 * with it. What a failing file said is printed, and kept whole in build/test/. A file or a runtime
 * in which no test ran counts as a failure. The last line is the sum, for machines:
 * `N passed, N failed`, and `, N skipped` where there are any.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
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
const FILE_TIMEOUT = 3 * 60_000; // ms for one test file
const SHOWN_LINES = 150; // of what a failing file said

/** C tests that have threads, which ThreadSanitizer is for. */
const THREADED = /^(pool|completion|deferred)/;

const SANITIZER_ENV = {
  ASAN_OPTIONS: "detect_stack_use_after_return=0:allocator_may_return_null=1",
  UBSAN_OPTIONS: "print_stacktrace=1",
  TSAN_OPTIONS: "second_deadlock_stack=1",
};

/** @typedef {{ passed: number, failed: string[], skipped: number }} Count */

/** @returns {Count} */
const nothing = () => ({ passed: 0, failed: [], skipped: 0 });

/** All that ran, and where. @type {Count} */
const total = nothing();

/** What is going on, for the live line. */
let doing = "";
const line = new LiveLine(() => doing);
const say = (text) => line.print(text);

/**
 * Runs a program to its end, however it ends.
 *
 * @returns {Promise<{ problem?: string, output: string }>} `problem` says how it ended if not well
 */
function run(command, args, { env = {}, timeout = FILE_TIMEOUT } = {}) {
  return new Promise((resolve) => {
    let output = "";
    let late = false;
    const child = spawn(command, args, {
      cwd: ROOT,
      env: { ...process.env, ...QUIET, ...(coloured ? {} : { NO_COLOR: "1" }), ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const timer = setTimeout(() => {
      late = true;
      child.kill("SIGKILL");
    }, timeout);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => output += text);
    }
    const end = (problem) => {
      clearTimeout(timer);
      resolve({ problem, output });
    };
    child.on("error", (error) => end(error.message));
    child.on("close", (code, signal) => {
      if (late) end(`did not end within ${duration(timeout)}`);
      else if (signal) end(`was ended by ${signal}`);
      else end(code === 0 ? undefined : `ended with code ${code}`);
    });
  });
}

/** Adds a result and tells it in one line; of a failing one all that helps. */
async function report(name, count, since, output = "") {
  total.passed += count.passed;
  total.skipped += count.skipped;
  total.failed.push(...count.failed);
  const parts = [`${count.passed} passed`];
  if (count.failed.length > 0) parts.push(red(`${count.failed.length} failed`));
  if (count.skipped > 0) parts.push(yellow(`${count.skipped} skipped`));
  const mark = count.failed.length > 0 ? red("✗") : green("✓");
  say(`  ${mark} ${name.padEnd(28)} ${parts.join(", ")}  ${dim(duration(Date.now() - since))}`);
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
  doing = title;
  say(bold(title));
  await work();
  say(dim(`  ${duration(Date.now() - since)}`));
}

/** One check that passes or fails as a whole. `work` returns what is wrong, or nothing. */
async function check(name, work) {
  const since = Date.now();
  doing = name;
  let wrong;
  try {
    wrong = await work();
  } catch (error) {
    wrong = error instanceof BuildError ? error.message : error.stack;
  }
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

/** The TypeScript files under a folder, sorted. */
async function listFiles(dir, ending) {
  const entries = await readdir(path.join(ROOT, dir), { recursive: true }).catch(() => []);
  return entries.filter((name) => name.endsWith(ending)).map((name) => `${dir}/${name}`).sort();
}

/** Runs one C test program. */
async function runC(program, mode) {
  const name = path.basename(program);
  doing = `${name} (${mode})`;
  const since = Date.now();
  const { problem, output } = await run(path.join(ROOT, program), [], { env: SANITIZER_ENV });
  const count = nothing();
  for (const text of output.split("\n")) {
    if (text.startsWith("ok ")) count.passed++;
    else if (text.startsWith("not ok ")) count.failed.push(`${name}: ${text.slice(7)}`);
  }
  if (problem && count.failed.length === 0) count.failed.push(`${name} ${problem}`);
  if (count.passed + count.failed.length === 0) count.failed.push(`${name}: no test ran`);
  await report(name, count, since, output);
}

/** How each runtime is told to run a test file and to write a JUnit report. */
const TEST_COMMANDS = {
  deno: (file, junit) => ["test", "-A", "--no-check", "--quiet", `--junit-path=${junit}`, file],
  bun: (file, junit) => [
    "test",
    "--timeout=300000",
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

/** Runs one test file on one runtime. */
async function runFile(runtime, file) {
  const name = path.basename(file, ".ts");
  doing = `${runtime.title}: ${name}`;
  const since = Date.now();
  const junit = `${LOGS}/${runtime.name}-${name}.xml`;
  await rm(path.join(ROOT, junit), { force: true });
  const { problem, output } = await run(runtime.path, TEST_COMMANDS[runtime.name](file, junit));
  const tests = parseReport(await readFile(path.join(ROOT, junit), "utf8").catch(() => ""));
  const count = nothing();
  for (const { name: test, outcome } of tests) {
    if (outcome === "passed") count.passed++;
    else if (outcome === "skipped") count.skipped++;
    else count.failed.push(`${runtime.title}: ${name}: ${test}`);
  }
  if (problem && count.failed.length === 0) {
    count.failed.push(`${runtime.title}: ${name} ${problem}`);
  } else if (tests.length === 0) count.failed.push(`${runtime.title}: ${name}: no test ran`);
  await report(name, count, since, output);
  return count.passed;
}

/** Runs the test files on one runtime. */
async function runRuntime(name, files) {
  const runtime = await findRuntime(name);
  await section(`Tests on ${runtime.title} ${runtime.version ?? ""}`.trim(), async () => {
    if (!runtime.path) return void await check(runtime.title, () => runtime.problem);
    let passed = 0;
    for (const file of files) passed += await runFile(runtime, file);
    if (passed === 0) await check(`${runtime.title}: some test passed`, () => "none did");
  });
}

/** What is checked without running anything of ours. */
async function runChecks(warnings) {
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
    await check("compiler warnings", () => warnings.join("\n"));
    const sources = [
      ...(await listFiles("tests", ".ts")),
      ...(await listFiles("examples", ".ts")),
      ...(await listFiles("bench", ".ts")),
    ];
    const tsc = path.join("node_modules", "typescript", "bin", "tsc");
    await checkProgram("tsc", process.execPath, [
      tsc,
      "--pretty",
      "false",
      "-p",
      "tsconfig.check.json",
    ]);
    if (deno.path) {
      await checkProgram("deno check", deno.path, ["check", "--quiet", "mod.ts", ...sources]);
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
  return {
    fast: args.includes("--fast"),
    runtimes: kinds ? runtimes : RUNTIMES,
    c: kinds ? words.includes("c") : true,
    checks: kinds ? words.includes("checks") : parts.length === 0,
    matches: (file) =>
      parts.length === 0 || parts.some((part) => path.basename(file).includes(part)),
  };
}

async function main() {
  const since = Date.now();
  const wanted = select(process.argv.slice(2));
  await mkdir(path.join(ROOT, LOGS), { recursive: true });

  // The library as users have it; the C tests with asserts, then in the modes that find more. (The
  // sanitizers leave out what they do not get along with: signals, system calls.)
  const sanitized = wanted.fast ? [] : ["asan", "tsan"];
  const testModes = wanted.c ? ["debug", ...sanitized] : [];
  let built;
  await section("Build", async () => {
    await check("library and C tests", async () => {
      built = await build({ modes: ["release", ...testModes], tests: testModes });
      return built.failures.map((name) => `${name} did not build`).join("\n");
    });
  });
  line.start(); // the build has one of its own

  if (!built?.results.release) {
    say(`${yellow("!")} no test is run on a library that did not build`);
    wanted.runtimes = [];
  }
  const cTests = [
    ...(await listFiles("tests/c", "_test.c")),
    ...(await listFiles("tests/fuzz", "_test.c")),
  ].filter(wanted.matches);
  for (const mode of testModes.filter((mode) => built?.results[mode])) {
    const title = { debug: "debug", asan: "AddressSanitizer and UBSan", tsan: "ThreadSanitizer" };
    const programs = built.results[mode].tests.filter((program) => {
      const name = path.basename(program);
      return cTests.some((file) => path.basename(file, ".c") === name) &&
        (mode !== "tsan" || THREADED.test(name));
    });
    if (programs.length === 0) continue;
    await section(`Tests in C, ${title[mode]}`, async () => {
      for (const program of programs) await runC(program, mode);
    });
  }

  const files = (await listFiles("tests", "_test.ts")).filter(wanted.matches);
  if (files.length > 0) {
    for (const name of wanted.runtimes) await runRuntime(name, files);
  } else if (wanted.runtimes.length > 0 && cTests.length === 0) {
    await section("Tests", () => check("some test file matches", () => "none does"));
  }

  if (wanted.checks) await runChecks(built?.warnings ?? []);

  line.stop();
  console.log();
  if (total.failed.length > 0) {
    console.log(red(bold("Failed")));
    for (const failure of total.failed) console.log(`  ${red("✗")} ${failure}`);
    console.log();
  }
  console.log(cyan(`${duration(Date.now() - since)} in all; reports are in ${LOGS}/`));
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
  console.log(`${total.passed} passed, ${total.failed.length} failed${skipped}`);
  process.exitCode = total.failed.length > 0 || total.passed === 0 ? 1 : 0;
}

await main().catch((error) => {
  line.stop();
  console.error(error instanceof BuildError ? `${red("error")}: ${error.message}` : error);
  process.exitCode = 1;
});
