/**
 * Builds the package: the C library, JavaScript from TypeScript, and on request the C tests.
 *
 *   node scripts/build.mjs [release] [debug] [asan] [tsan] [--tests] (tests: not in release)
 *   node scripts/build.mjs fuzz|arm64 [--tests]
 *
 *   mod.ts src/ ffi/ ─────────────────────────> build/js (JavaScript and declarations, for npm)
 *   engine's source ─> build/engine/edited ─┐
 *   scripts/intl.mjs ─> build/intl ─────────┤
 *   csrc/*.c ───────────────────────────────┴─> build/MODE/objects ─> build/MODE/libdeferred.so
 *   realm/*.js ──(bundled with what they import from npm)──> build/units
 *   parser/*.js ─(likewise)────────────────────────────────> build/MODE/parser.cjs
 *   build/units ─(compiled by these objects)──> build/MODE/units_code.c ──┘
 *   tests/c/NAME_test.c ──────────────────────────────────────────└─> build/MODE/tests/NAME_test
 *
 * CC, CFLAGS and LDFLAGS are honoured; CC may have arguments ("ccache gcc"). The mode `fuzz`, which
 * scripts/fuzz.mjs uses, needs clang; its tests are the fuzz targets. The mode `arm64` needs a compiler
 * for that machine and an emulator of it, which runs what is built.
 *
 * An object is named by the hash of all that goes into it: the text of its source and of every
 * header that the compiler read (from its own dependency file), the flags, the compiler's version.
 * What has a name already is not compiled again, whatever the clock says. The engine, which takes
 * far longer than all else, starts first; the rest is compiled beside it.
 *
 * Several builds may run at once (a lock lets one work and the others wait), and libraries are
 * replaced by renaming, so that a process that has one loaded keeps its own.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import {
  access,
  link,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import path from "node:path";
import process from "node:process";
import { BuildError, ENGINE_DIR, ENGINE_UNITS, prepareEngine, ZLIB_UNITS } from "./engine.mjs";
import { INTL_SOURCE, prepareIntl } from "./intl.mjs";
import { abiNumber, symbols } from "./symbols.mjs";
import * as terminal from "./terminal.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const MAC = process.platform === "darwin";
const LIBRARY_NAME = MAC ? "libdeferred.dylib" : "libdeferred.so";
const KEPT_OBJECTS = 3; // of one unit, so that switching branches costs nothing

/** @typedef {"release" | "debug" | "asan" | "tsan" | "fuzz" | "arm64"} Mode */

const ASAN_FLAGS = [
  "-DDFD_TEST",
  "-O1",
  "-g",
  "-fno-omit-frame-pointer",
  "-fsanitize=address,undefined",
  "-fno-sanitize-recover=undefined",
];

/**
 * Release is what users have. The others are for tests: with asserts, and with DFD_TEST, which
 * opens doors that only tests use.
 *
 * @type {Record<Mode, string[]>}
 */
const MODE_FLAGS = {
  release: ["-O2", "-DNDEBUG"],
  debug: ["-DDFD_TEST", "-O0", "-g3", "-fno-omit-frame-pointer"],
  asan: ASAN_FLAGS,
  tsan: ["-DDFD_TEST", "-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=thread"],
  fuzz: ASAN_FLAGS,
  arm64: ["-DDFD_TEST", "-O1", "-g", "-fno-omit-frame-pointer"],
};

/** Of the mode for another machine; its programs are static, as the emulator has no libraries for them. */
const ARM64 = { command: "aarch64-linux-gnu-gcc", emulator: "qemu-aarch64" };

/**
 * What notices, in a release, that the engine was made to write where it must not, before somebody
 * profits by it (SECURITY.md says what that is worth). All of it together costs less than can be
 * measured. A stack that was written over ends the process by guard_abort, so that no limit saves the
 * task (guard.c). Sanitizers have means of their own, which these are in the way of.
 *
 * @param {Mode} mode @returns {string[]}
 */
function hardeningFlags(mode) {
  if (mode !== "release") return [];
  const branches = { x64: ["-fcf-protection=full"], arm64: ["-mbranch-protection=standard"] };
  return [
    "-fstack-protector-strong",
    "-U_FORTIFY_SOURCE", // some compilers define it themselves, to something else
    "-D_FORTIFY_SOURCE=2",
    // Frames larger than a page touch each page, so that none is stepped over: not a stack's fence.
    ...MAC ? [] : ["-fstack-clash-protection"],
    ...MAC ? [] : branches[process.arch] ?? [],
  ];
}

/** The modes that have DFD_TEST. */
const TESTED = /^(debug|asan|tsan|fuzz|arm64)$/;

/** zlib asks the system for nothing, memory included. */
const ZLIB_ALONE = "-DZ_SOLO";

/** What the fuzzer is to see the coverage of: our files, and our functions in engine.c. */
const COVERAGE = "-fsanitize=fuzzer-no-link";
const ENGINE_COVERAGE = "-fsanitize-coverage-allowlist=tests/fuzz/coverage.txt";

/** Without hidden visibility calls go through the PLT: the engine is 1.2 times slower. */
const COMMON_FLAGS = [
  "-std=gnu11",
  "-D_GNU_SOURCE",
  "-fPIC",
  "-fvisibility=hidden",
  "-fwrapv", // as upstream builds the engine
  "-pthread",
];
const WARNINGS = [
  "-Wall",
  "-Wextra",
  "-Wshadow",
  "-Wconversion",
  "-Wno-sign-conversion",
  "-Werror=implicit-function-declaration", // as newer compilers have it
];

/**
 * Bound at load, because a task can be left in the middle of any call (and the lazy binder must
 * not be); never unmapped, because worker threads may outlive a dlclose. macOS binds at load
 * anyway and has no flag for the latter. What the linker has put in place is read-only from then on.
 */
const SHARED_FLAGS = MAC
  ? ["-dynamiclib", `-Wl,-install_name,@rpath/${LIBRARY_NAME}`]
  : ["-shared", "-Wl,-z,relro", "-Wl,-z,now", "-Wl,-z,nodelete", "-Wl,-z,noexecstack"];

/** @param {string} [text] */
const words = (text) => text?.split(/\s+/).filter(Boolean) ?? [];

/** @param {...(string | Buffer)} parts */
function hash(...parts) {
  const sum = createHash("sha256");
  for (const part of parts) sum.update(`${Buffer.byteLength(part)}:`).update(part);
  return sum.digest("hex").slice(0, 20);
}

/** Runs a program in the package's root. @returns {Promise<{ code: number, output: string }>} */
function run(command, args, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => output += text);
    }
    child.on("error", reject);
    child.on("close", (code, signal) => {
      resolve({ code: code ?? 1, output: signal ? `${output}\nended by ${signal}` : output });
    });
  });
}

/** Who compiles: the command, its own arguments, what it calls itself. @param {Mode[]} modes */
async function findCompiler(modes) {
  const foreign = modes.includes("arm64");
  if (foreign && modes.length > 1) throw new BuildError("arm64 is built alone");
  const usual = modes.includes("fuzz") ? "clang" : "cc";
  const [command, ...args] = foreign ? [ARM64.command] : words(process.env.CC || usual);
  try {
    const { code, output } = await run(command, [...args, "--version"]);
    if (code === 0) return { command, args, version: output };
    throw new BuildError(`${command} --version failed:\n${output}`);
  } catch (error) {
    if (error.code !== "ENOENT" && error.code !== "EACCES") throw error;
    if (foreign) {
      throw new BuildError(
        `no C compiler for arm64: "${command}" was not found.\n` +
          "  Debian, Ubuntu: apt install gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user",
      );
    }
    throw new BuildError(
      `no C compiler: "${command}" was not found${process.env.CC ? " (named by CC)" : ""}.\n` +
        "  Debian, Ubuntu: apt install gcc libc6-dev\n  Fedora: dnf install gcc\n" +
        "  Alpine: apk add gcc musl-dev\n  macOS: xcode-select --install\n" +
        "  or name another compiler in CC. (To fuzz: clang with its libFuzzer.)",
    );
  }
}

/** @param {string} dir @param {string} ending @returns {Promise<string[]>} sorted paths */
async function list(dir, ending) {
  const names = await readdir(path.join(ROOT, dir)).catch((error) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  return names.filter((name) => name.endsWith(ending)).sort().map((name) => `${dir}/${name}`);
}

/**
 * One translation unit in one mode.
 * @typedef {object} Unit
 * @property {Mode} mode
 * @property {string} source  relative to the root
 * @property {string} stem    of its object's name
 * @property {string[]} flags
 * @property {"library" | "test" | "compiler" | "generated"} part  generated: not there yet
 * @property {string} [object]  path of the object once it is there
 * @property {string} [key]
 */

/** @param {Mode} mode @param {boolean} tests @returns {Promise<Unit[]>} */
async function listUnits(mode, tests) {
  const common = [...COMMON_FLAGS, ...MODE_FLAGS[mode], ...hardeningFlags(mode)];
  const own = {
    "deferred.c": [`-DDFD_ABI_NUMBER=${await abiNumber()}u`],
    "engine.c": ["-DDFD_ONE_ALLOCATOR"],
    "compression.c": [ZLIB_ALONE],
  };
  const user = words(process.env.CFLAGS);
  const ours = [...common, ...WARNINGS, "-Icsrc", "-isystem", ENGINE_DIR];
  if (mode === "fuzz") {
    ours.push(COVERAGE, "-w"); // the other modes warn
    own["engine.c"].push(ENGINE_COVERAGE);
  }
  // A canary makes the interpreter's frames larger by an eighth, so recursion ends that much sooner.
  if (mode === "release") own["engine.c"].push("-fno-stack-protector");
  const units = [
    { mode, source: "realm/compile.c", part: "compiler", flags: [...ours, ...user] },
    { mode, source: `build/${mode}/units_code.c`, part: "generated", flags: [...ours, ...user] },
  ];
  for (
    const source of [...await list("csrc", ".c"), ...await list("csrc/jit", ".c"), INTL_SOURCE]
  ) {
    const special = [...own[path.basename(source)] ?? []];
    // What the system may refuse, tests can let it refuse; the engine asks it for nothing.
    if (TESTED.test(mode) && !/(engine|fault)\.c$/.test(source)) {
      special.push("-include", "csrc/fault.h");
    }
    units.push({
      mode,
      source,
      part: "library",
      flags: [...ours, ...special, ...user],
    });
  }
  for (const name of [...ENGINE_UNITS, ...ZLIB_UNITS]) {
    const special = ZLIB_UNITS.includes(name) ? [ZLIB_ALONE] : [];
    units.push({
      mode,
      source: `${ENGINE_DIR}/${name}`,
      part: "library",
      flags: [...common, ...special, "-w", ...user],
    });
  }
  const programs = mode === "fuzz"
    ? await list("tests/fuzz", "_fuzz.c")
    : [...await list("tests/c", "_test.c"), ...await list("tests/fuzz", "_test.c")];
  for (const source of tests ? programs : []) {
    units.push({
      mode,
      source,
      part: "test",
      flags: [...ours, "-Itests/c", ...user],
    });
  }
  /** Unlike those of two units may be: csrc and realm have a compile.c each. */
  const stem = ({ part, source }) =>
    `${part === "compiler" ? "realm_" : ""}${path.basename(source, ".c")}`;
  return units.map((unit) => ({ ...unit, stem: stem(unit) }));
}

/** Hashes of files, each read once a build. */
class Files {
  /** @type {Map<string, Promise<string | undefined>>} */
  #hashes = new Map();

  /** @param {string} file relative to the root or absolute */
  hash(file) {
    let known = this.#hashes.get(file);
    if (!known) {
      known = readFile(path.resolve(ROOT, file)).then(hash, () => undefined);
      this.#hashes.set(file, known);
    }
    return known;
  }

  /** The hash of all of them, or undefined if one is not there. @param {string[]} files */
  async all(files) {
    const hashes = await Promise.all(files.map((file) => this.hash(file)));
    return hashes.includes(undefined) ? undefined : hash(...hashes);
  }
}

/** The files a compiler says it read. @param {string} text of a make rule */
function parseDependencies(text) {
  return text.replace(/\\\n/g, " ").replace(/^[^:]*:/, "").split(/(?<!\\)\s+/).filter(Boolean)
    .map((file) => file.replace(/\\ /g, " "));
}

/** @param {string} file */
const exists = (file) => access(file).then(() => true, () => false);

/** Compiles what has to be, and remembers what each object was made from. */
class Compiler {
  #cc;
  #files = new Files();

  /** @param {{ command: string, args: string[], version: string }} cc */
  constructor(cc) {
    this.#cc = cc;
  }

  /** @param {Unit} unit */
  #base(unit) {
    return path.join(ROOT, "build", unit.mode, "objects", unit.stem);
  }

  /** @param {Unit} unit */
  #command(unit) {
    return hash(this.#cc.command, ...this.#cc.args, this.#cc.version, unit.source, ...unit.flags);
  }

  /** Finds the object of a unit if there is one. @param {Unit} unit */
  async find(unit) {
    const base = this.#base(unit);
    const manifest = await readFile(`${base}.json`, "utf8").then(JSON.parse).catch(() => undefined);
    if (manifest?.command !== this.#command(unit)) return false;
    const contents = await this.#files.all(manifest.dependencies);
    return contents !== undefined && this.#settle(unit, contents);
  }

  /** Names the unit's object; whether it is there. @param {Unit} unit @param {string} contents */
  async #settle(unit, contents) {
    unit.key = hash(this.#command(unit), contents);
    unit.object = `${this.#base(unit)}-${unit.key}.o`;
    return await exists(unit.object);
  }

  /** @param {Unit} unit @returns {Promise<{ ok: boolean, output: string }>} */
  async compile(unit) {
    const base = this.#base(unit);
    const [object, rule] = [`${base}.${process.pid}.o.tmp`, `${base}.${process.pid}.d.tmp`];
    const colour = terminal.live && !process.env.NO_COLOR ? ["-fdiagnostics-color=always"] : [];
    await mkdir(path.dirname(base), { recursive: true });
    try {
      const { code, output } = await run(this.#cc.command, [
        ...this.#cc.args,
        ...unit.flags,
        ...colour,
        ...["-MD", "-MF", rule],
        ...["-c", unit.source, "-o", object],
      ]);
      if (code !== 0) return { ok: false, output };
      const dependencies = parseDependencies(await readFile(rule, "utf8"));
      const contents = await this.#files.all(dependencies);
      if (contents === undefined) return { ok: false, output: "a header vanished meanwhile" };
      await this.#settle(unit, contents);
      await writeFile(`${unit.object}.log`, output);
      await rename(object, unit.object);
      await writeFile(
        `${base}.json`,
        JSON.stringify({ command: this.#command(unit), dependencies }),
      );
      await this.#prune(unit);
      return { ok: true, output };
    } finally {
      await rm(object, { force: true });
      await rm(rule, { force: true });
    }
  }

  /** Keeps the newest objects of a unit. @param {Unit} unit */
  async #prune(unit) {
    const dir = path.dirname(this.#base(unit));
    const own = new RegExp(`^${unit.stem}-[0-9a-f]{20}\\.o$`);
    const objects = [];
    for (const name of await readdir(dir)) {
      if (own.test(name)) objects.push({ name, time: (await stat(path.join(dir, name))).mtimeMs });
    }
    objects.sort((a, b) => b.time - a.time);
    for (const { name } of objects.slice(KEPT_OBJECTS)) {
      await rm(path.join(dir, name), { force: true });
      await rm(path.join(dir, `${name}.log`), { force: true });
    }
  }

  /** Links objects unless the output is made of just these. */
  async link(target, units, flags) {
    const command = [...flags, ...words(process.env.CFLAGS), ...words(process.env.LDFLAGS)];
    const key = hash(
      this.#cc.command,
      ...this.#cc.args,
      this.#cc.version,
      ...command,
      ...units.map((unit) => unit.key),
    );
    const file = path.join(ROOT, target);
    const known = await readFile(`${file}.key`, "utf8").catch(() => "");
    if (known === key && await exists(file)) return { fresh: true, ok: true, output: "" };
    const temporary = `${file}.${process.pid}.tmp`;
    await mkdir(path.dirname(file), { recursive: true });
    try {
      const { code, output } = await run(this.#cc.command, [
        ...this.#cc.args,
        ...units.map((unit) => path.relative(ROOT, unit.object)),
        ...["-o", temporary],
        ...command,
        "-pthread",
        "-lm",
      ]);
      if (code !== 0) return { fresh: false, ok: false, output };
      await rename(temporary, file);
      await writeFile(`${file}.key`, key);
      return { fresh: false, ok: true, output };
    } finally {
      await rm(temporary, { force: true });
    }
  }
}

/** Lets one build at a time work. Returns the function that gives way. */
async function lock(say) {
  const file = path.join(ROOT, "build", ".lock");
  await mkdir(path.dirname(file), { recursive: true });
  let told = false;
  const own = `${file}.${process.pid}`;
  await writeFile(own, String(process.pid));
  for (;;) {
    try {
      await link(own, file); // with its owner in it from the start
      await rm(own);
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    const owner = Number(await readFile(file, "utf8").catch(() => "0"));
    if (owner && !isAlive(owner)) {
      await rm(file, { force: true }); // it died; at worst two builds do the same work
    } else {
      if (owner && !told) say(`waiting for another build (process ${owner})`);
      told ||= Boolean(owner);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  const release = () => rmSync(file, { force: true });
  const interrupted = () => {
    release();
    process.exit(130);
  };
  process.once("exit", release);
  process.once("SIGINT", interrupted);
  process.once("SIGTERM", interrupted);
  return () => {
    release();
    process.off("exit", release);
    process.off("SIGINT", interrupted);
    process.off("SIGTERM", interrupted);
  };
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** Runs `work` on all items, `limit` at a time, in their order. */
async function each(items, limit, work) {
  let next = 0;
  const lane = async () => {
    while (next < items.length) await work(items[next++]);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
}

/** The JavaScript that npm's users run, with the declarations that they compile against. */
const JS_DIR = "build/js";

/** Compiles the TypeScript unless the output is made of just these sources. */
async function emit() {
  const compiler = path.join(ROOT, "node_modules", "typescript");
  const manifest = await readFile(path.join(compiler, "package.json")).catch(() => undefined);
  if (manifest === undefined) return { ok: false, output: "there is no TypeScript: run npm ci" };
  const sources = ["mod.ts"];
  for (const dir of ["src", "ffi"]) {
    const names = await readdir(path.join(ROOT, dir), { recursive: true });
    sources.push(...names.filter((name) => name.endsWith(".ts")).sort().map((n) => `${dir}/${n}`));
  }
  const read = [...sources, "tsconfig.check.json", "tsconfig.build.json"];
  const texts = await Promise.all(read.map((file) => readFile(path.join(ROOT, file))));
  const key = hash(manifest, ...sources, ...texts);
  const target = path.join(ROOT, JS_DIR);
  if (await readFile(`${target}.key`, "utf8").catch(() => "") === key && await exists(target)) {
    return { fresh: true, ok: true, output: "" };
  }
  const temporary = `${target}.${process.pid}.tmp`;
  try {
    const { code, output } = await run(process.execPath, [
      path.join(compiler, "bin", "tsc"),
      ...["--pretty", "false", "-p", "tsconfig.build.json", "--outDir", temporary],
    ]);
    if (code !== 0) return { ok: false, output };
    await rm(target, { recursive: true, force: true });
    await rename(temporary, target);
    await writeFile(`${target}.key`, key);
    return { fresh: false, ok: true, output };
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/**
 * What esbuild makes of JavaScript and of the packages that it imports.
 *
 * @param {import("esbuild").BuildOptions} options
 * @returns {Promise<{ ok: boolean, output: string, files: import("esbuild").OutputFile[] }>}
 */
async function bundled(options) {
  const esbuild = await import("esbuild").catch(() => null);
  if (esbuild === null) {
    return { ok: false, output: "there is no esbuild: run npm ci", files: [] };
  }
  const { errors, outputFiles: files = [] } = await esbuild.build({
    absWorkingDir: ROOT,
    bundle: true,
    target: "esnext",
    charset: "utf8",
    legalComments: "none", // THIRD_PARTY_NOTICES has them
    logLevel: "silent",
    write: false,
    ...options,
  }).catch((error) => {
    if (error.errors === undefined) throw error;
    return error;
  });
  const output = await esbuild.formatMessages(errors, { kind: "error" });
  return { ok: errors.length === 0, output: output.join(""), files };
}

/** Writes a file whole, unless it has that text. Whether it was written. */
async function replace(file, text) {
  if (await readFile(file, "utf8").catch(() => "") === text) return false;
  await writeFile(`${file}.tmp`, text);
  await rename(`${file}.tmp`, file);
  return true;
}

/** The units as scripts, each of which evaluates to what its file exports. */
const UNITS_DIR = "build/units";

/**
 * Bundles the globals that are written in JavaScript (csrc/units.h): each with what it imports, which
 * are packages that package.json pins.
 *
 * @returns {Promise<{ ok: boolean, output: string, sources: string[] }>} in the order of UNITS_MAP
 */
async function bundle() {
  const header = await readFile(path.join(ROOT, "csrc/units.h"), "utf8");
  const map = header.match(/#define UNITS_MAP(?:.*\\\n)*.*/)[0];
  const names = [...map.matchAll(/\bUNIT\((\w+)\)/g)].map(([, name]) => name);
  const { ok, output, files } = await bundled({
    entryPoints: names.map((name) => `realm/${name}.js`),
    outdir: UNITS_DIR,
    format: "esm",
    plugins: [{ name: "quick start", setup: quickStart }],
  });
  if (!ok) return { ok, output, sources: [] };
  await mkdir(path.join(ROOT, UNITS_DIR), { recursive: true });
  for (const { path: file, text } of files) {
    const [exported, value] = /export \{\s+(\w+) as default\s+\};\s*$/.exec(text) ?? [];
    if (value === undefined) {
      return { ok: false, output: `${path.basename(file)} has no default export`, sources: [] };
    }
    const script = `(() => {\n${text.replace(exported, () => `return ${value};\n`)}})();\n`;
    await replace(file, script);
  }
  return { ok: true, output: "", sources: names.map((name) => `${UNITS_DIR}/${name}.js`) };
}

/** What reads the text of modules (parser/), as one file: beside the library, as that is found. */
const PARSER = "parser.cjs";

/** @param {Mode} mode */
async function bundleParser(mode) {
  const entryPoints = ["parser/declarations.js"];
  const { ok, output, files: [file] } = await bundled({ entryPoints, format: "cjs" });
  return {
    ok,
    output,
    fresh: ok && !await replace(path.join(ROOT, `build/${mode}`, PARSER), file.text),
  };
}

/**
 * Has Sucrase fill its table of characters at once: a unit is run anew in each task, where the loop
 * took 7 ms.
 *
 * @param {import("esbuild").PluginBuild} build
 */
function quickStart({ onLoad }) {
  onLoad({ filter: /sucrase.*[\\/]util[\\/]identifier\.js$/ }, async ({ path: file }) => {
    const text = await readFile(file, "utf8");
    const loop = /for \(let i = 128; i < 65536; i\+\+\) \{\s*IS_IDENTIFIER_CHAR\[i\] = 1;\s*\}/;
    if (!loop.test(text)) return { errors: [{ text: "it has changed: see quickStart" }] };
    return { contents: text.replace(loop, "IS_IDENTIFIER_CHAR.fill(1, 128);") };
  });
}

/**
 * Compiles the units: by a program that is linked with the library's objects, as their bytecode means
 * something to this very engine only.
 *
 * @param {Compiler} compiler @param {Unit[]} own  of one mode, but the generated one
 * @param {string[]} flags  of the linker
 * @returns {Promise<{ fresh: boolean, ok: boolean, output: string }>}
 */
async function generate(compiler, own, flags) {
  const emulator = own[0].mode === "arm64" ? [ARM64.emulator] : [];
  const linked = own.filter(({ part }) => part === "library" || part === "compiler");
  const program = `build/${own[0].mode}/compile_units`;
  const { ok, output } = await compiler.link(program, linked, flags);
  if (!ok) return { fresh: false, ok, output };
  const { sources, ...told } = await bundle();
  if (!told.ok) return { fresh: false, ...told };
  const texts = await Promise.all(sources.map((file) => readFile(path.join(ROOT, file))));
  const key = hash(await readFile(path.join(ROOT, `${program}.key`)), ...sources, ...texts);
  const target = path.join(ROOT, `build/${own[0].mode}/units_code.c`);
  const known = await readFile(target, "utf8").catch(() => "");
  if (known.endsWith(`/* ${key} */\n`)) return { fresh: true, ok: true, output: "" };
  const [command, ...args] = [...emulator, path.join(ROOT, program), ...sources];
  const written = await run(command, args, { ASAN_OPTIONS: "detect_leaks=0" });
  if (written.code !== 0) return { fresh: false, ok: false, output: written.output };
  await writeFile(`${target}.tmp`, `${written.output}/* ${key} */\n`);
  await rename(`${target}.tmp`, target);
  return { fresh: false, ok: true, output: "" };
}

/** For clangd and other tools. @param {Unit[]} units */
async function writeCompileCommands(units, cc) {
  const commands = units.map((unit) => ({
    directory: ROOT,
    file: unit.source,
    arguments: [cc.command, ...cc.args, ...unit.flags, "-c", unit.source],
  }));
  await writeFile(
    path.join(ROOT, "build", "compile_commands.json"),
    JSON.stringify(commands, null, 1),
  );
}

/** @param {Unit} unit */
const label = (unit) => `${unit.source.replace(`${ENGINE_DIR}/`, "engine: ")} (${unit.mode})`;

/**
 * Builds the library in each mode, and the C tests if asked to. What does not build is told as it
 * fails, and named in `failures`; `results` has what did.
 *
 * @param {{ modes?: Mode[], tests?: Mode[] }} [options] `tests`: in which modes to build them
 * @returns {Promise<{ compiled: number, failures: string[], warnings: string[],
 *   results: Record<string, { library: string, tests: string[] }> }>} paths relative to the root
 * @throws {BuildError} when nothing could be built: a tool is missing, the engine's source is wrong
 */
export async function build({ modes = ["release"], tests = [] } = {}) {
  const running = new Map();
  let done = 0, total = 0;
  const line = new terminal.LiveLine(() => {
    const now = [...running].map(([name, since]) =>
      `${name} ${terminal.dim(terminal.duration(Math.floor((Date.now() - since) / 1000) * 1000))}`
    );
    return `building ${done}/${total}  ${now.join(", ")}`;
  }).start();
  const say = (text) => line.print(text);
  let unlock;
  try {
    const cc = await findCompiler(modes);
    unlock = await lock(say);
    await prepareEngine((text) => say(`${terminal.cyan("engine")}  ${text}`));
    await prepareIntl((text) => say(`${terminal.cyan("Intl")}  ${text}`));

    const units = (await Promise.all(modes.map((mode) => listUnits(mode, tests.includes(mode)))))
      .flat();
    const compiler = new Compiler(cc);
    const stale = [];
    await Promise.all(units.map(async (unit) => {
      if (unit.part !== "generated" && !await compiler.find(unit)) stale.push(unit);
    }));
    await writeCompileCommands(units.filter((unit) => unit.mode === modes[0]), cc);

    // The engine first: it takes longer than everything else together.
    const cost = (unit) => unit.stem === "engine" ? 2 : unit.part === "library" ? 1 : 0;
    stale.sort((a, b) => cost(b) - cost(a));
    if (stale.some((unit) => unit.stem === "engine")) {
      say(
        `${terminal.cyan("engine")}  compiling QuickJS-ng, which takes about half a minute, once`,
      );
    }
    total = stale.length;
    const failures = [];
    const tell = async (name, work) => {
      const since = Date.now();
      running.set(name, since);
      const { ok, output, fresh } = await work();
      running.delete(name);
      if (fresh) return true;
      const time = terminal.dim(terminal.duration(Date.now() - since));
      say(`${ok ? terminal.green("✓") : terminal.red("✗")} ${name} ${time}`);
      if (output.trim()) say(output.trimEnd());
      if (!ok) failures.push(name);
      return ok;
    };
    const failed = new Set();
    const lanes = Math.max(2, availableParallelism());
    await each(stale, lanes, async (unit) => {
      if (!await tell(label(unit), () => compiler.compile(unit))) failed.add(unit);
      done++;
    });

    const results = {};
    for (const mode of modes) {
      const own = units.filter((unit) => unit.mode === mode);
      const needed = own.filter((unit) => unit.part === "library" || unit.part === "compiler");
      if (needed.some((unit) => failed.has(unit))) continue;
      const sanitize = MODE_FLAGS[mode].filter((flag) => flag.startsWith("-fsanitize"));
      const alone = mode === "arm64" ? ["-static"] : sanitize;
      const code = own.find((unit) => unit.part === "generated");
      if (!await tell(code.source, () => generate(compiler, needed, alone))) continue;
      if (!await compiler.find(code) && !await tell(label(code), () => compiler.compile(code))) {
        failed.add(code);
        continue;
      }
      const library = own.filter((unit) => unit.part === "library" || unit.part === "generated");
      const strict = MAC || sanitize.length > 0 ? [] : ["-Wl,-z,defs"];
      const target = `build/${mode}/${LIBRARY_NAME}`;
      const flags = [...SHARED_FLAGS, ...strict, ...sanitize];
      if (!await tell(target, () => compiler.link(target, library, flags))) continue;
      if (!await tell(`build/${mode}/${PARSER}`, () => bundleParser(mode))) continue;
      results[mode] = { library: target, tests: [] };
      const tests = own.filter((unit) => unit.part === "test" && !failed.has(unit));
      await each(tests, lanes, async (unit) => {
        const program = `build/${mode}/tests/${unit.stem}`;
        const flags = mode === "fuzz" ? [...sanitize, "-fsanitize=fuzzer"] : alone;
        const ok = await tell(program, () => compiler.link(program, [unit, ...library], flags));
        if (ok) results[mode].tests.push(program);
      });
    }

    if (modes.includes("release")) await tell(JS_DIR, emit);

    const warnings = [];
    for (const unit of units.filter((unit) => !failed.has(unit))) {
      const log = (await readFile(`${unit.object}.log`, "utf8").catch(() => "")).trim();
      if (log) warnings.push(log);
    }
    for (const { tests } of Object.values(results)) tests.sort();
    return { compiled: stale.length, failures, warnings, results };
  } finally {
    line.stop();
    unlock?.();
  }
}

/** Builds the library as users have it, or throws. */
export async function buildRelease() {
  const { failures } = await build();
  if (failures.length > 0) throw new BuildError(`did not build: ${failures.join(", ")}`);
}

/** Ends the process in the way of the scripts: what a person can put right has no stack. */
export function fail(error) {
  console.error(
    error instanceof BuildError ? `${terminal.red("error")}: ${error.message}` : error,
  );
  process.exitCode = 1;
}

async function main() {
  const args = process.argv.slice(2);
  const tests = args.includes("--tests");
  const modes = args.filter((arg) => arg !== "--tests");
  const unknown = modes.filter((mode) => !(mode in MODE_FLAGS));
  if (unknown.length > 0) {
    throw new BuildError(
      `"${unknown[0]}" is no mode; there are ${Object.keys(MODE_FLAGS).join(", ")}, and --tests`,
    );
  }
  if (tests && (modes.length === 0 || modes.includes("release"))) {
    throw new BuildError(
      "the C tests are for debug, asan, tsan, fuzz and arm64: name one of these",
    );
  }
  const start = Date.now();
  if (await symbols() === "written") console.log("ffi/symbols.ts follows the headers");
  const { compiled, failures, results } = await build({
    modes: modes.length > 0 ? modes : ["release"],
    tests: tests ? modes : [],
  });
  if (failures.length > 0) throw new BuildError(`did not build: ${failures.join(", ")}`);
  const outputs = Object.values(results).map(({ library }) => library).join(", ");
  const did = compiled > 0 ? `${compiled} files compiled` : "nothing to compile";
  console.log(`${outputs}  ${terminal.dim(`${did}, ${terminal.duration(Date.now() - start)}`)}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main().catch(fail);
