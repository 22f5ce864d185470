/**
 * `npm start`: builds the library and runs the tour (examples/tour.ts) on Deno, Bun and Node, one
 * after another.
 *
 *   node scripts/tour.mjs [deno] [bun] [node]
 *
 * @module
 */

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import process from "node:process";
import { buildRelease, fail } from "./build.mjs";
import { BuildError } from "./engine.mjs";
import { findRuntime, QUIET, RUNTIMES } from "./runtimes.mjs";
import { bold, green, red, yellow } from "./terminal.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const COMMANDS = {
  deno: ["run", "--quiet", "--no-check", "--allow-ffi", "--allow-read", "--allow-env"],
  bun: ["run"],
  node: ["--disable-warning=ExperimentalWarning"],
};

/** Runs the tour on the terminal as it is. @returns {Promise<string>} what went wrong, or "" */
function tour(runtime) {
  return new Promise((resolve) => {
    const child = spawn(runtime.path, [...COMMANDS[runtime.name], "examples/tour.ts"], {
      cwd: ROOT,
      env: { ...process.env, ...QUIET },
      stdio: "inherit",
    });
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code, signal) => {
      resolve(signal ? `ended by ${signal}` : code === 0 ? "" : `ended with code ${code}`);
    });
  });
}

async function main() {
  const words = process.argv.slice(2);
  const unknown = words.find((word) => !RUNTIMES.includes(word));
  if (unknown) throw new BuildError(`"${unknown}" is no runtime; there are ${RUNTIMES.join(", ")}`);
  await buildRelease();

  const ends = [];
  for (const name of words.length > 0 ? words : RUNTIMES) {
    const runtime = await findRuntime(name);
    if (!runtime.path) {
      console.log(`\n${yellow(runtime.title)}: ${runtime.problem}`);
      ends.push({ title: runtime.title, missing: true });
      continue;
    }
    const problem = await tour(runtime);
    ends.push({ title: `${runtime.title} ${runtime.version}`, problem });
  }

  const sums = ends.map(({ title, missing, problem }) => {
    if (missing) return `${yellow("–")} ${title} (not found)`;
    return problem ? `${red("✗")} ${title} (${problem})` : `${green("✓")} ${title}`;
  });
  console.log(`\n${bold("The tour")}   ${sums.join("   ")}\n`);
  const ran = ends.filter(({ missing }) => !missing);
  process.exitCode = ran.length > 0 && ran.every(({ problem }) => !problem) ? 0 : 1;
}

await main().catch(fail);
