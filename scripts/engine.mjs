/**
 * The engine's source: fetched, checked, edited. It is never part of this repository.
 *
 *   folder named by QUICKJS_NG_DIR ─┐
 *   build/engine/source (our cache) ├─> checked against engine/SHA256SUMS ─> engine/edits.mjs
 *   the crate, by `cargo vendor` ───┘                                        ─> build/engine/edited
 *
 * Any origin gives the same bytes or is refused. `cargo vendor` downloads one crate, pinned by
 * engine/Cargo.lock, and runs none of its code.
 *
 *   node scripts/engine.mjs --pin   writes engine/SHA256SUMS anew, after a change of version
 *
 * @module
 */

import { createHash } from "node:crypto";
import { spawn } from "node:child_process";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import path from "node:path";
import process from "node:process";
import { EDITS } from "../engine/edits.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const CACHE = path.join(ROOT, "build", "engine", "source");
const EDITED = path.join(ROOT, "build", "engine", "edited");
const SUMS = path.join(ROOT, "engine", "SHA256SUMS");
const CRATE = "libquickjs-ng-sys";

/** The folder to include the engine from, relative to the package's root. */
export const ENGINE_DIR = "build/engine/edited";

/** The engine's own translation units beside quickjs.c, which csrc/engine.c includes. */
export const ENGINE_UNITS = ["dtoa.c", "libregexp.c", "libunicode.c"];

/** What we use of the engine: the units, what they include, and the licence. */
const FILES = [
  "quickjs.c",
  ...ENGINE_UNITS,
  "builtin-array-fromasync.h",
  "builtin-iterator-zip-keyed.h",
  "builtin-iterator-zip.h",
  "cutils.h",
  "dtoa.h",
  "libregexp-opcode.h",
  "libregexp.h",
  "libunicode-table.h",
  "libunicode.h",
  "list.h",
  "quickjs-atom.h",
  "quickjs-c-atomics.h",
  "quickjs-opcode.h",
  "quickjs.h",
  "LICENSE",
];

/** Something a person has to put right. Told without a stack. */
export class BuildError extends Error {
  name = "BuildError";
}

/** @param {string | Buffer} bytes */
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** @returns {Promise<Map<string, string>>} file to SHA-256 */
async function readSums() {
  const lines = (await readFile(SUMS, "utf8")).trim().split("\n");
  return new Map(lines.map((line) => [line.slice(66), line.slice(0, 64)]));
}

/** @param {string} file @returns {Promise<Buffer | undefined>} */
async function readIfThere(file) {
  try {
    return await readFile(file);
  } catch (error) {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  }
}

/**
 * Reads the pinned files from a folder.
 *
 * @param {string} dir
 * @param {Map<string, string>} sums
 * @returns {Promise<{ files: Map<string, Buffer>, wrong: string[] }>} `wrong` says what is missing
 *   or differs
 */
async function readSource(dir, sums) {
  const files = new Map();
  const wrong = [];
  for (const [name, sum] of sums) {
    const bytes = await readIfThere(path.join(dir, name));
    if (!bytes) wrong.push(`${name} is missing`);
    else if (sha256(bytes) !== sum) wrong.push(`${name} has SHA-256 ${sha256(bytes)}, not ${sum}`);
    else files.set(name, bytes);
  }
  return { files, wrong };
}

/** Runs cargo in a folder of ours; what it says is told only if it fails. */
function cargo(args) {
  return new Promise((resolve, reject) => {
    const child = spawn("cargo", args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    child.stdout.resume();
    child.stderr.setEncoding("utf8").on("data", (text) => said += text);
    child.on("error", (error) => {
      reject(
        error.code !== "ENOENT" ? error : new BuildError(
          "cargo was not found. It brings the source of the JavaScript engine (QuickJS-ng), and " +
            "compiles nothing.\n  Install Rust's cargo (Debian, Ubuntu: apt install cargo; " +
            "macOS: brew install rust; elsewhere: rustup),\n  or unpack QuickJS-ng 0.18.0 " +
            "yourself and name its folder in QUICKJS_NG_DIR.",
        ),
      );
    });
    child.on("close", (code, signal) => {
      if (code === 0) return resolve(undefined);
      reject(
        new BuildError(
          `cargo ${args.join(" ")} ended with ${signal ?? `code ${code}`}:\n${said.trimEnd()}\n` +
            "  Without a network, unpack QuickJS-ng 0.18.0 and name its folder in QUICKJS_NG_DIR.",
        ),
      );
    });
  });
}

/** Brings the crate and returns the folder of the engine's source in it. */
async function vendor() {
  const dir = path.join(ROOT, "build", "engine", `vendor.${process.pid}`);
  await mkdir(path.dirname(dir), { recursive: true });
  await cargo([
    "vendor",
    "--locked",
    "--quiet",
    "--manifest-path",
    path.join("engine", "Cargo.toml"),
    path.relative(ROOT, dir),
  ]);
  return { dir, source: path.join(dir, CRATE, "embed", "quickjs") };
}

/**
 * Where the source comes from, and its bytes.
 *
 * @param {Map<string, string>} sums
 * @param {(line: string) => void} log
 * @returns {Promise<Map<string, Buffer>>}
 */
async function obtain(sums, log) {
  const named = process.env.QUICKJS_NG_DIR;
  if (named) {
    const { files, wrong } = await readSource(named, sums);
    if (wrong.length > 0) {
      throw new BuildError(
        `QUICKJS_NG_DIR (${named}) is not the pinned QuickJS-ng 0.18.0:\n  ${wrong.join("\n  ")}`,
      );
    }
    return files;
  }

  const cached = await readSource(CACHE, sums);
  if (cached.wrong.length === 0) return cached.files;

  log("fetching the engine's source (QuickJS-ng) with cargo");
  const { dir, source } = await vendor();
  try {
    const { files, wrong } = await readSource(source, sums);
    if (wrong.length > 0) {
      throw new BuildError(
        `the crate ${CRATE} is not what engine/SHA256SUMS pins:\n  ${wrong.join("\n  ")}`,
      );
    }
    await mkdir(CACHE, { recursive: true });
    for (const [name, bytes] of files) await writeWhole(path.join(CACHE, name), bytes);
    return files;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Writes a file so that nobody ever sees half of it. */
async function writeWhole(file, bytes) {
  const temporary = `${file}.${process.pid}.tmp`;
  await writeFile(temporary, bytes);
  await rename(temporary, file);
}

/** @param {Map<string, Buffer>} files @returns {Map<string, Buffer>} */
function edit(files) {
  const edited = new Map(files);
  for (const edit of EDITS) {
    for (const { file, find, replace } of edit.changes ?? [edit]) {
      const text = edited.get(file)?.toString("utf8");
      const times = text === undefined ? 0 : text.split(find).length - 1;
      if (times !== 1) {
        throw new BuildError(
          `an edit of the engine no longer applies: its text occurs ${times} times in ${file}.\n` +
            `  It is there because: ${edit.why}\n  It looks for:\n${find}  See engine/.`,
        );
      }
      edited.set(file, Buffer.from(text.replace(find, () => replace)));
    }
  }
  return edited;
}

/**
 * Makes build/engine/edited what the pinned source and the edits say. Files that are right already
 * are not touched.
 *
 * @param {(line: string) => void} log
 */
export async function prepareEngine(log) {
  const edited = edit(await obtain(await readSums(), log));
  await mkdir(EDITED, { recursive: true });
  for (const name of await readdir(EDITED)) {
    if (!edited.has(name)) await rm(path.join(EDITED, name), { force: true });
  }
  for (const [name, bytes] of edited) {
    const file = path.join(EDITED, name);
    if (!(await readIfThere(file))?.equals(bytes)) await writeWhole(file, bytes);
  }
}

/** Writes SHA256SUMS from what Cargo.lock pins: the one moment in which the crate is believed. */
async function pin() {
  const { dir, source } = await vendor();
  try {
    const lines = [];
    for (const name of FILES) {
      lines.push(`${sha256(await readFile(path.join(source, name)))}  ${name}\n`);
    }
    await writeFile(SUMS, lines.join(""));
    console.log(`engine/SHA256SUMS pins ${FILES.length} files`);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv[2] !== "--pin") {
    console.error("usage: node scripts/engine.mjs --pin");
    process.exitCode = 2;
  } else await pin();
}
