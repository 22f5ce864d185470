/**
 * The source of the engine (QuickJS-ng), and of the assembler of its compiler (sljit): fetched,
 * checked, edited. Neither is ever part of this repository.
 *
 *   folders named by QUICKJS_NG_DIR, SLJIT_DIR ─┐
 *   build/engine/source (our cache) ────────────├─> checked against engine/SHA256SUMS
 *   the crates, by `cargo vendor` ──────────────┘   ─> engine/edits.mjs ─> build/engine/edited
 *
 * Any origin gives the same bytes or is refused. `cargo vendor` downloads two crates, pinned by
 * engine/Cargo.lock, and runs none of their code.
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

/** The folder to include the engine from, relative to the package's root. */
export const ENGINE_DIR = "build/engine/edited";

/** The engine's own translation units beside quickjs.c, which csrc/engine.c includes. */
export const ENGINE_UNITS = ["dtoa.c", "libregexp.c", "libunicode.c"];

/**
 * What is fetched, each from its crate or from the folder that a variable of the environment names.
 * Of the engine the units, what they include, and the licence; of sljit what it is on the machines
 * that csrc/jit/ compiles for (the licence stands in each file).
 */
const SOURCES = [
  {
    name: "QuickJS-ng 0.18.0",
    variable: "QUICKJS_NG_DIR",
    crate: "libquickjs-ng-sys",
    folder: "embed/quickjs",
    files: [
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
    ],
  },
  {
    name: "sljit (of PCRE2 10.46)",
    variable: "SLJIT_DIR",
    crate: "pcre2-sys",
    folder: "upstream/deps/sljit/sljit_src",
    files: [
      "sljitConfig.h",
      "sljitConfigCPU.h",
      "sljitConfigInternal.h",
      "sljitLir.c",
      "sljitLir.h",
      "sljitNativeARM_64.c",
      "sljitNativeX86_64.c",
      "sljitNativeX86_common.c",
      "sljitSerialize.c",
      "sljitUtils.c",
    ],
  },
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
 * @param {string[]} names
 * @param {Map<string, string>} sums
 * @returns {Promise<{ files: Map<string, Buffer>, wrong: string[] }>} `wrong` says what is missing
 *   or differs
 */
async function readSource(dir, names, sums) {
  const files = new Map();
  const wrong = [];
  for (const name of names) {
    const sum = sums.get(name);
    const bytes = await readIfThere(path.join(dir, name));
    if (!bytes) wrong.push(`${name} is missing`);
    else if (sha256(bytes) !== sum) wrong.push(`${name} has SHA-256 ${sha256(bytes)}, not ${sum}`);
    else files.set(name, bytes);
  }
  return { files, wrong };
}

/** What to do without cargo. */
const BY_HAND = "unpack yourself " +
  SOURCES.map(({ name, variable }) => `${name} and name its folder in ${variable}`).join(", ");

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
          "cargo was not found. It brings the source of the JavaScript engine (QuickJS-ng) and of " +
            "sljit, and compiles nothing.\n  Install Rust's cargo (Debian, Ubuntu: apt install " +
            `cargo; macOS: brew install rust; elsewhere: rustup),\n  or ${BY_HAND}.`,
        ),
      );
    });
    child.on("close", (code, signal) => {
      if (code === 0) return resolve(undefined);
      reject(
        new BuildError(
          `cargo ${args.join(" ")} ended with ${signal ?? `code ${code}`}:\n${said.trimEnd()}\n` +
            `  Without a network, ${BY_HAND}.`,
        ),
      );
    });
  });
}

/** Brings the crates and returns the folder that they are in. */
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
  return dir;
}

/**
 * Where the sources come from, and their bytes.
 *
 * @param {Map<string, string>} sums
 * @param {(line: string) => void} log
 * @returns {Promise<Map<string, Buffer>>}
 */
async function obtain(sums, log) {
  const all = new Map();
  const missing = [];
  for (const source of SOURCES) {
    const named = process.env[source.variable];
    const { files, wrong } = await readSource(named || CACHE, source.files, sums);
    if (named && wrong.length > 0) {
      throw new BuildError(
        `${source.variable} (${named}) is not the pinned ${source.name}:\n  ${wrong.join("\n  ")}`,
      );
    }
    if (wrong.length > 0) missing.push(source);
    else for (const [name, bytes] of files) all.set(name, bytes);
  }
  if (missing.length === 0) return all;

  log(`fetching ${missing.map(({ name }) => name).join(" and ")} with cargo`);
  const dir = await vendor();
  try {
    await mkdir(CACHE, { recursive: true });
    for (const { crate, folder, files: names } of missing) {
      const { files, wrong } = await readSource(path.join(dir, crate, folder), names, sums);
      if (wrong.length > 0) {
        throw new BuildError(
          `the crate ${crate} is not what engine/SHA256SUMS pins:\n  ${wrong.join("\n  ")}`,
        );
      }
      for (const [name, bytes] of files) {
        await writeWhole(path.join(CACHE, name), bytes);
        all.set(name, bytes);
      }
    }
    return all;
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

/** Writes SHA256SUMS from what Cargo.lock pins: the one moment in which the crates are believed. */
async function pin() {
  const dir = await vendor();
  try {
    const lines = [];
    for (const { crate, folder, files } of SOURCES) {
      for (const name of files) {
        lines.push(`${sha256(await readFile(path.join(dir, crate, folder, name)))}  ${name}\n`);
      }
    }
    await writeFile(SUMS, lines.join(""));
    console.log(`engine/SHA256SUMS pins ${lines.length} files`);
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
