/**
 * Fuzzes the C codec with libFuzzer, and keeps what that finds.
 *
 *   node scripts/fuzz.mjs [SECONDS]           the decoder: 600 if not said; 0 only writes the corpus
 *                                             anew
 *   node scripts/fuzz.mjs encode [SECONDS]    the encoder
 *
 *   tests/vectors/*.json ──> build/fuzz/seeds ─┐
 *   tests/fuzz/corpus.txt ─> build/fuzz/found ─┴─> libFuzzer ─> build/fuzz/found ─> corpus.txt
 *
 * The corpus is what adds coverage to the vectors, each input with its verdict, one a line. An
 * input that breaks the codec ends the run; it is printed in hex, for a vector in
 * scripts/wire.mjs.
 *
 * What the encoder is given is not bytes of the format, but what a hostile value is made by
 * (tests/fuzz/encode_model.js), which says nothing any more once the model is changed: so what is
 * found stays in build/fuzz/encode, from where the next run goes on. The hex of an input that breaks
 * the encoder is for ENCODE_INPUT of encode_test, then for a case in tests/c/clone_cases.js.
 *
 * Needs clang and its libFuzzer (Debian: apt install clang libclang-rt-dev).
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
const TARGETS = ["decode", "encode"];

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
        ASAN_OPTIONS:
          "detect_stack_use_after_return=0:allocator_may_return_null=1:malloc_context_size=5",
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

/** Lets libFuzzer work on what is in `found`, where it puts what it finds. */
const fuzz = (program, seconds, found, ...seeds) =>
  run(program, [
    `-max_total_time=${seconds}`,
    `-max_len=${LONGEST}`,
    `-artifact_prefix=${dir("")}`,
    "-print_final_stats=1",
    found,
    ...seeds,
  ]);

async function fuzzEncoder(program, seconds) {
  const found = dir("encode");
  await mkdir(found, { recursive: true });
  await fuzz(program, seconds, found);
}

async function fuzzDecoder(program, text) {
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
  if (text !== "0") await fuzz(program, text, found, seeds);

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

async function main() {
  const args = process.argv.slice(2);
  const target = TARGETS.includes(args[0]) ? args.shift() : "decode";
  const [text = "600", ...others] = args;
  if (!/^\d+$/.test(text) || others.length > 0) {
    throw new BuildError(`usage: node scripts/fuzz.mjs [${TARGETS.join(" | ")}] [SECONDS]`);
  }
  const { failures, results } = await build({ modes: ["fuzz"], tests: ["fuzz"] });
  if (failures.length > 0) throw new BuildError(`did not build: ${failures.join(", ")}`);
  const program = results.fuzz.tests.find((name) => path.basename(name) === `${target}_fuzz`);
  if (target === "encode") await fuzzEncoder(program, text);
  else await fuzzDecoder(program, text);
}

await main().catch(fail);
