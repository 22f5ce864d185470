/**
 * Fuzzes the C codec with libFuzzer, and keeps what that finds.
 *
 *   node scripts/fuzz.mjs [SECONDS]      600 if not said; 0 only writes the corpus anew
 *
 *   tests/vectors/*.json ──> build/fuzz/seeds ─┐
 *   tests/fuzz/corpus.txt ─> build/fuzz/found ─┴─> libFuzzer ─> build/fuzz/found ─> corpus.txt
 *
 * The corpus is what adds coverage to the vectors, each input with its verdict, one a line. An
 * input that breaks the codec ends the run; it is printed in hex, for a vector in
 * scripts/wire.mjs. Needs clang and its libFuzzer (Debian: apt install clang libclang-rt-dev).
 *
 * @module
 */

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import path from "node:path";
import process from "node:process";
import { build, fail } from "./build.mjs";
import { BuildError } from "./engine.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const CORPUS = path.join(ROOT, "tests/fuzz/corpus.txt");
const LONGEST = 512; // bytes of an input

const HEAD = `\
# What the fuzzer found that the vectors do not reach (scripts/fuzz.mjs writes this file).
#   + HEX          the C decoder makes a value of it, and the encoder the same bytes
#   + HEX HEX      the encoder other bytes, which are canonical
#   - HEX REASON   the C decoder refuses it
`;

const dir = (name) => path.join(ROOT, "build/fuzz", name);

/** Writes inputs as libFuzzer has them: a file each, named by its hash. */
async function writeInputs(to, inputs) {
  await rm(to, { recursive: true, force: true });
  await mkdir(to, { recursive: true });
  for (const hex of inputs) {
    const bytes = Buffer.from(hex, "hex");
    await writeFile(path.join(to, createHash("sha1").update(bytes).digest("hex")), bytes);
  }
}

/** @returns {Promise<string>} what the program printed, if its output is asked for */
function run(program, args, { print = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(path.join(ROOT, program), args, {
      cwd: ROOT,
      env: {
        ...process.env,
        ...(print ? { FUZZ_PRINT: "1" } : {}),
        ASAN_OPTIONS: "detect_stack_use_after_return=0:allocator_may_return_null=1",
        UBSAN_OPTIONS: "print_stacktrace=1",
      },
      stdio: ["ignore", print ? "pipe" : "inherit", print ? "ignore" : "inherit"],
    });
    let output = "";
    child.stdout?.setEncoding("utf8").on("data", (text) => output += text);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0) return resolve(output);
      reject(new BuildError(`the fuzzer ended ${signal ? `by ${signal}` : `with code ${code}`}`));
    });
  });
}

async function main() {
  const [text = "600", ...others] = process.argv.slice(2);
  if (!/^\d+$/.test(text) || others.length > 0) {
    throw new BuildError("usage: node scripts/fuzz.mjs [SECONDS]");
  }
  const { failures, results } = await build({ modes: ["fuzz"], tests: ["fuzz"] });
  if (failures.length > 0) throw new BuildError(`did not build: ${failures.join(", ")}`);
  const [program] = results.fuzz.tests;

  const vectors = [];
  for (const name of ["clone", "malformed"]) {
    const file = path.join(ROOT, `tests/vectors/${name}.json`);
    vectors.push(...JSON.parse(await readFile(file, "utf8")).map(({ hex }) => hex));
  }
  const corpus = [...(await readFile(CORPUS, "utf8")).matchAll(/^[+-] ([0-9a-f]+)/gm)]
    .map(([, hex]) => hex);
  const [seeds, found, merged] = [dir("seeds"), dir("found"), dir("merged")];
  await writeInputs(seeds, vectors);
  await writeInputs(found, corpus);
  if (text !== "0") {
    await run(program, [
      `-max_total_time=${text}`,
      `-max_len=${LONGEST}`,
      `-artifact_prefix=${dir("")}`,
      "-print_final_stats=1",
      found,
      seeds,
    ]);
  }

  // Merging into the vectors leaves out of what was found what they reach already.
  await writeInputs(merged, vectors);
  const known = new Set(await readdir(merged));
  await run(program, ["-merge=1", merged, found]);
  for (const name of known) await rm(path.join(merged, name));
  const lines = new Set((await run(program, ["-runs=0", merged], { print: true })).split("\n"));
  const wanted = [...lines].filter((line) => /^[+-] [0-9a-f]/.test(line));
  wanted.sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
  await writeFile(CORPUS, `${HEAD}${wanted.join("\n")}\n`);
  console.log(`tests/fuzz/corpus.txt: ${wanted.length} inputs`);
}

await main().catch(fail);
