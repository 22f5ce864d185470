/**
 * Formats everything that has a formatter: TypeScript, JavaScript and JSON with `deno fmt`, C with
 * clang-format (its WebAssembly build, so that everyone has the same version).
 *
 *   node scripts/format.mjs [--check]
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import path from "node:path";
import process from "node:process";
import { findRuntime, QUIET } from "./runtimes.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const C_DIRS = ["csrc", "realm", "tests/c", "tests/fuzz", "bench"];
const SHOWN = 5; // lines of a file that differ

/** The first lines in which two texts differ, for people. */
function difference(before, after) {
  const [a, b] = [before.split("\n"), after.split("\n")];
  const start = a.findIndex((line, i) => line !== b[i]);
  const mark = (lines, sign) =>
    lines.slice(start, start + SHOWN).map((line) => `  ${sign} ${line}`);
  return [`  line ${start + 1}:`, ...mark(a, "-"), ...mark(b, "+")].join("\n");
}

/**
 * Formats the C files, or tells which are not formatted.
 *
 * @param {{ check?: boolean }} [options]
 * @returns {Promise<string[]>} for each file that was not: its name and where it differs
 */
export async function formatC({ check = false } = {}) {
  const { format } = await import("@wasm-fmt/clang-format");
  const style = await readFile(path.join(ROOT, ".clang-format"), "utf8");
  const unformatted = [];
  for (const dir of C_DIRS) {
    const names = await readdir(path.join(ROOT, dir)).catch(() => []);
    for (const name of names.filter((name) => /\.(c|h|inc)$/.test(name)).sort()) {
      const file = path.join(ROOT, dir, name);
      const text = await readFile(file, "utf8");
      const wanted = format(text, "main.c", style);
      if (wanted === text) continue;
      unformatted.push(`${dir}/${name}\n${difference(text, wanted)}`);
      if (!check) await writeFile(file, wanted);
    }
  }
  return unformatted;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const check = process.argv.includes("--check");
  const deno = await findRuntime("deno");
  if (!deno.path) throw new Error(deno.problem);
  const args = check ? ["fmt", "--check"] : ["fmt"];
  const env = { ...process.env, ...QUIET };
  const { status } = spawnSync(deno.path, args, { cwd: ROOT, env, stdio: "inherit" });
  const unformatted = await formatC({ check });
  for (const text of unformatted) console.log(`${check ? "not formatted" : "formatted"}: ${text}`);
  process.exitCode = status !== 0 || (check && unformatted.length > 0) ? 1 : 0;
}
