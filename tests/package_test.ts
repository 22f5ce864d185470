/**
 * The package as npm gets it: packed, and unpacked in the folder of a user who has nothing else. It
 * runs on this runtime, its declarations pass the strictest compilers, and editors know what to offer.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type ts from "typescript-6";
import * as mod from "../mod.ts";
import { HUNG, MOD, runtime } from "./support/process.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const TYPES = join(ROOT, "tests", "fixtures", "user", "types.mts");

const folder = await mkdtemp(join(tmpdir(), "deferred-package-"));
after(() => rm(folder, { recursive: true, force: true }));

const execute = promisify(execFile);

/** Runs a program to its end, however it ends. */
async function run(program: string, args: readonly string[], cwd: string): Promise<string> {
  const env = { ...process.env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", DENO_NO_PROMPT: "1" };
  try {
    const options = { cwd, env, timeout: HUNG, killSignal: "SIGKILL" } as const;
    const { stdout, stderr } = await execute(program, args, options);
    return stdout + stderr;
  } catch (error) {
    const { message, stdout, stderr } = error as Error & { stdout: string; stderr: string };
    return `${stdout}${stderr}${message}`;
  }
}

/** A user's project: a folder with the package, types of a runtime, and nothing else. */
const project = join(folder, "project");
const installed = join(project, "node_modules", "@protojs", "deferred");
await mkdir(installed, { recursive: true });
const packed = await run("npm", ["pack", "--silent", "--pack-destination", folder], ROOT);
const tarballs = (await readdir(folder)).filter((name) => name.endsWith(".tgz"));
assert.equal(tarballs.length, 1, packed);
await execute("tar", ["-xzf", join(folder, tarballs[0]!), "-C", installed, "--strip-components=1"]);
for (const types of ["@types", "bun-types", "undici-types"]) {
  await symlink(join(ROOT, "node_modules", types), join(project, "node_modules", types));
}
const manifest = { type: "module", dependencies: { "@protojs/deferred": "*" } };
await writeFile(join(project, "package.json"), JSON.stringify(manifest));

const write = (name: string, text: string): Promise<void> => writeFile(join(project, name), text);

const FLAGS = {
  deno: ["run", "--quiet", "--no-lock", "--allow-ffi", "--allow-read"],
  bun: [],
  node: ["--disable-warning=ExperimentalWarning"],
};

/** What a program of the user's prints. */
async function outputOf(
  name: string,
  text: string,
  flags: readonly string[] = FLAGS[runtime],
): Promise<string[]> {
  await write(name, text);
  const output = await run(process.execPath, [...flags, name], project);
  return output.trim().split("\n");
}

describe("the package that npm gets", () => {
  test("is JavaScript, its declarations and the library, with what its README links to", async () => {
    const files = await readdir(installed, { recursive: true, withFileTypes: true });
    const kinds = new Set(
      files.filter((file) => file.isFile()).map(({ name }) => {
        return /\.(d\.ts|\w+)$/.exec(name)?.[0] ?? name;
      }),
    );
    const known = [".js", ".cjs", ".d.ts", ".json", ".md", ".svg", ".so", ".dylib", "LICENSE"];
    assert.deepEqual([...kinds].filter((kind) => !known.includes(kind)), ["THIRD_PARTY_NOTICES"]);
    const readme = await readFile(join(installed, "README.md"), "utf8");
    for (const file of ["guide.md", "deferred.svg"]) {
      assert.ok(readme.includes(`docs/${file}`));
      await readFile(join(installed, "docs", file));
    }
  });

  test("exports what mod.ts does, and runs tasks", async () => {
    const printed = await outputOf(
      "main.ts",
      `import * as all from "@protojs/deferred";
      const { Deferred, DeferredPool } = all;
      console.log(Object.keys(all).sort().join());
      await using pool = new DeferredPool({ maxThreads: 1 });
      const TWO = 2;
      const halved = (n: number): number => n / TWO;
      const half = pool.wrap((n: number) => halved(n), { timeout: 10_000, scope: import.meta });
      console.log(await Promise.all([half(84), Deferred.run((n: number) => n * 2, 21)]));`,
    );
    assert.deepEqual([printed[0], printed[1]?.replace(/\s/g, "")], [
      Object.keys(mod).sort().join(),
      "[42,42]",
    ]);
  });

  test("can be required", async () => {
    const printed = await outputOf(
      "main.cjs",
      `const { Deferred } = require("@protojs/deferred");
      Deferred.run((n) => n * 2, 21).then(console.log);`,
    );
    assert.deepEqual(printed, ["42"]);
  });

  test("says what it needs where it was bundled", async () => {
    // As a bundler leaves it: what looks for the library is a file of another name.
    await cp(join(installed, "build", "js"), join(project, "bundle"), { recursive: true });
    const load = join(project, "bundle", "ffi", "load.js");
    await rename(load, load.replace("load.js", "bundled.js"));
    for (const file of ["src/pool/runner.js", "src/function/top_level.js"]) {
      const path = join(project, "bundle", file);
      const text = await readFile(path, "utf8");
      await writeFile(path, text.replace("ffi/load.js", "ffi/bundled.js"));
    }
    const [said] = await outputOf(
      "bundle.mjs",
      `import { Deferred } from "./bundle/mod.js";
      await Deferred.run(() => 1).catch((error) => console.log(error.name, error.message));`,
    );
    assert.match(
      said!,
      /^LibraryNotFoundError a bundle .*bundled\.js\): set DEFERRED_LIBRARY to its path/,
    );
  });

  test("has a plugin", async () => {
    for (const name of ["unplugin", "magic-string", "esbuild"]) {
      await symlink(join(ROOT, "node_modules", name), join(project, "node_modules", name));
    }
    await write(
      "bundled.ts",
      `import { Deferred } from "@protojs/deferred";
      const two: number = 2, twice = (n: number): number => n * two;
      new Deferred((n: number) => twice(n), { args: [21], scope: import.meta }).then(console.log);`,
    );
    const printed = await outputOf(
      "build.mjs",
      `import deferred from "@protojs/deferred/plugin";
      import { build, stop } from "esbuild";
      await build({
        entryPoints: ["bundled.ts"], bundle: true, minify: true, format: "cjs", outfile: "bundled.cjs",
        external: ["@protojs/deferred"], plugins: [deferred.esbuild()],
      });
      await import("./bundled.cjs");
      await stop();`,
      runtime === "deno" ? ["run", "--quiet", "--no-lock", "-A"] : FLAGS[runtime],
    );
    assert.deepEqual(printed, ["42"]);
  });

  test("keeps its own frames out of stacks", async () => {
    const printed = await outputOf(
      "stack.mjs",
      `import { Deferred } from "@protojs/deferred";
      const frames = ({ stack }) => stack.split("\\n").filter((line) => /^ +at /.test(line));
      const errors = [await Deferred.run(() => { throw new Error("a") }).catch((error) => error)];
      try {
        new Deferred(Math.max);
      } catch (error) {
        errors.push(error);
      }
      for (const error of errors) console.log(frames(error).join(" "));`,
    );
    assert.equal(printed.length, 2, printed.join("\n"));
    for (const frames of printed) {
      assert.match(frames, /^\s*at .*stack\.mjs:[35]:\d+/);
      assert.ok(!frames.includes("node_modules"), frames);
    }
  });
});

// --- compilers ----------------------------------------------------------------------------------

/** All that a compiler can be asked to find fault with. */
const STRICTEST = {
  target: "esnext",
  lib: ["esnext"],
  types: ["node"],
  noEmit: true,
  skipLibCheck: false,
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noFallthroughCasesInSwitch: true,
  noUncheckedSideEffectImports: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  isolatedModules: true,
  verbatimModuleSyntax: true,
  erasableSyntaxOnly: true,
};

/** What users differ in. */
const USERS: Readonly<Record<string, object>> = {
  nodenext: { module: "nodenext" },
  node16: { module: "node16" },
  bundler: { module: "esnext", moduleResolution: "bundler" },
  preserve: { module: "preserve" },
  "Bun's types": { module: "preserve", types: ["bun-types"] },
  "types of browsers": { module: "nodenext", lib: ["esnext", "dom"], types: [] },
  "an older language": {
    module: "nodenext",
    target: "es2022",
    lib: ["es2024", "esnext.disposable"],
  },
};

function compilers(): void {
  /** What a compiler says of one file with these options. */
  const check = async (compiler: string, name: string, options: object): Promise<string> => {
    const config = `tsconfig.${compiler}.json`;
    await write(config, JSON.stringify({ compilerOptions: options, files: [name] }));
    const tsc = join(ROOT, "node_modules", compiler, "bin", "tsc");
    return await run(process.execPath, [tsc, "--pretty", "false", "-p", config], project);
  };

  for (const [user, options] of Object.entries(USERS)) {
    test(`pass with the options of users: ${user}`, async () => {
      await copyFile(TYPES, join(project, "types.mts"));
      assert.equal(await check("typescript", "types.mts", { ...STRICTEST, ...options }), "");
    });
  }

  test("pass the older compiler", async () => {
    await copyFile(TYPES, join(project, "older.mts"));
    const options = { ...STRICTEST, module: "nodenext" };
    assert.equal(await check("typescript-6", "older.mts", options), "");
  });

  test("know what a task has, for files that are a task's code", async () => {
    await write(
      "task.ts",
      `const { signal } = new AbortController();
      export const work = async (text: string): Promise<string> => {
        await scheduler.wait(1, { signal });
        const parts: string[] = [];
        for await (const part of new Blob([text]).stream().pipeThrough(new TextDecoderStream())) {
          parts.push(part);
        }
        console.log(new URL("/a", "https://example.com").searchParams.size, crypto.randomUUID());
        return parts.join();
      };
      // @ts-expect-error: a task has no network
      void fetch("/");
      // @ts-expect-error: and no process
      process.exit();`,
    );
    for (const compiler of ["typescript", "typescript-6"]) {
      for (const module of ["nodenext", "preserve"]) {
        const options = { ...STRICTEST, module, types: ["@protojs/deferred/realm"] };
        assert.equal(await check(compiler, "task.ts", options), "");
      }
    }
  });

  test("say why a value can't be cloned", async () => {
    await write(
      "refused.ts",
      `import type { Cloneable } from "@protojs/deferred";
      export declare function pass<T>(value: T & Cloneable<T>): void;
      pass(() => 1);
      pass({ a: [{ later: Promise.resolve(1) }] });`,
    );
    const said = await check("typescript", "refused.ts", { ...STRICTEST, module: "nodenext" });
    const [first, , second, , ...rest] = said.split("\n");
    assert.match(
      first!,
      /^refused\.ts\(3,12\): .*"a function can't be cloned: give it to the task/,
    );
    assert.match(second!, /^refused\.ts\(4,20\): .*"a promise can't be cloned: await it first"/);
    assert.doesNotMatch(rest.join("\n"), /^refused/m);
  });

  test("pass in CommonJS", async () => {
    const program = `import deferred = require("@protojs/deferred");
      const sum: Promise<number> = deferred.Deferred.run((a: number) => a + 1, 1);
      // @ts-expect-error: that is no string
      const wrong: Promise<string> = deferred.Deferred.run((a: number) => a + 1, 1);
      void [sum, wrong];`;
    await write("types.cts", program);
    const options = { ...STRICTEST, module: "nodenext", erasableSyntaxOnly: false };
    assert.equal(await check("typescript", "types.cts", options), "");
  });

  test("pass in a bundler's settings", async () => {
    for (
      const name of ["unplugin", "magic-string", "esbuild", "rollup", "vite", "webpack", "rolldown"]
    ) {
      const place = join(project, "node_modules", name);
      await symlink(join(ROOT, "node_modules", name), place).catch(() => {}); // it is there
    }
    await write(
      "settings.ts",
      `import deferred from "@protojs/deferred/plugin";
      import type { Plugin } from "esbuild";
      import type { UserConfig } from "vite";
      export const own: Plugin = deferred.esbuild();
      export const config: UserConfig = { plugins: [deferred.vite()] };
      // @ts-expect-error: it has no options
      deferred.rollup({});`,
    );
    // What those packages need themselves is not there.
    const options = { ...STRICTEST, module: "nodenext", skipLibCheck: true };
    assert.equal(await check("typescript", "settings.ts", options), "");
  });

  test("name no file of the package in the declarations of a library that uses it", async () => {
    await write(
      "library.ts",
      `import { Deferred, DeferredPool } from "@protojs/deferred";
      export const pool = new DeferredPool();
      export const area = pool.wrap((w: number, h: number) => w * h);
      export const run = pool.run;
      export const { hardening } = pool;
      export const { stats } = Deferred.run(() => 1);
      export { Deferred };`,
    );
    await write(
      "user.ts",
      `import { area, Deferred, run } from "./library.js";
      export const task = area(6, 7);
      export const patient = area.with({ timeout: 60_000 });
      export const made = { Deferred, run };`,
    );
    const emitted = { noEmit: false, declaration: true, emitDeclarationOnly: true, outDir: "out" };
    const options = { ...STRICTEST, module: "nodenext", ...emitted };
    assert.equal(await check("typescript", "user.ts", options), "");
    const read = (name: string) => readFile(join(project, "out", name), "utf8");
    const text = await read("user.d.ts") + await read("library.d.ts");
    const type = 'import("@protojs/deferred").DeferredFunction<[w: number, h: number], number>';
    for (const name of ["area", "patient"]) assert.ok(text.includes(`${name}: ${type};`), text);
    assert.ok(text.includes("task: Deferred<number>;"), text);
    assert.ok(!text.includes("build/js"), text);
  });

  test("pass with the guide's tsconfig", async () => {
    const guide = await readFile(join(ROOT, "docs", "guide.md"), "utf8");
    const { compilerOptions } = JSON.parse(/^```json\n([^]*?)^```/m.exec(guide)![1]!);
    await copyFile(TYPES, join(project, "guide.ts"));
    assert.equal(await check("typescript", "guide.ts", compilerOptions), "");
  });
}

// --- editors ------------------------------------------------------------------------------------

/** What an editor asks about a program, at the place that is marked with a `|`. */
interface Editor {
  /** What it would complete. */
  complete(program: string): string[];
  /** What it shows when the mouse rests there. */
  hover(program: string): string;
}

async function open(): Promise<Editor> {
  const { default: compiler } = await import("typescript-6");
  const file = join(project, "edited.ts");
  const options: ts.CompilerOptions = {
    strict: true,
    target: compiler.ScriptTarget.ESNext,
    module: compiler.ModuleKind.NodeNext,
    types: ["node"],
  };
  let text = "";
  let version = 0;
  const { sys } = compiler;
  const service = compiler.createLanguageService({
    readFile: sys.readFile,
    directoryExists: sys.directoryExists,
    getDirectories: sys.getDirectories,
    realpath: sys.realpath!,
    getCompilationSettings: () => options,
    getScriptFileNames: () => [file],
    getScriptVersion: (name) => name === file ? String(version) : "",
    getScriptSnapshot: (name) => {
      const content = name === file ? text : sys.readFile(name);
      return content === undefined ? undefined : compiler.ScriptSnapshot.fromString(content);
    },
    fileExists: (name) => name === file || sys.fileExists(name),
    getCurrentDirectory: () => project,
    getDefaultLibFileName: compiler.getDefaultLibFilePath,
  });
  const at = (program: string): number => {
    const whole = 'import { Deferred, DeferredPool } from "@protojs/deferred";\n' +
      `const pool = new DeferredPool();\n${program}`;
    const position = whole.indexOf("|");
    text = whole.replace("|", "");
    version++;
    return position;
  };
  return {
    complete: (program) => {
      const position = at(program);
      const { entries = [] } = service.getCompletionsAtPosition(file, position, {}) ?? {};
      return entries.map(({ name }) => name).sort();
    },
    hover: (program) => {
      const { displayParts } = service.getQuickInfoAtPosition(file, at(program)) ?? {};
      return compiler.displayPartsToString(displayParts);
    },
  };
}

const LIMITS = [
  "consoleLimit",
  "cpuLimit",
  "hostCalls",
  "maxStackSize",
  "memoryLimit",
  "queueTimeout",
  "resultLimit",
  "timeout",
];
const OF_TASKS = [
  ...LIMITS,
  "console",
  "host",
  "name",
  "onProgress",
  "progress",
  "signal",
  "transfer",
];
const OF_TEXTS = ["filename", "language", "loader", "moduleLimit", "scope", "sourceLimit", "type"];
const OF_FUNCTIONS = [...OF_TASKS, "allowGlobals", "base", "modules", "scope"];

function editor(): void {
  const opened = open();
  const offers: readonly (readonly [program: string, names: readonly string[]])[] = [
    ["new Deferred(() => 1, { | })", [...OF_FUNCTIONS, "args", "pool"]],
    ["new Deferred((a: number) => a, { | })", [...OF_FUNCTIONS, "args", "pool"]],
    ["new Deferred((a, b) => a, { | })", [...OF_FUNCTIONS, "args", "pool"]],
    ["new Deferred((a: number) => a, { args: [1], | })", [...OF_FUNCTIONS, "pool"]],
    ["Deferred.wrap((a: number) => a, { | })", [...OF_FUNCTIONS, "pool"]],
    ["Deferred.wrap((a: number) => a).with({ | })", OF_TASKS],
    ["pool.defer((a: number) => a, { | })", [...OF_FUNCTIONS, "args"]],
    ["pool.wrap((a: number) => a, { | })", OF_FUNCTIONS],
    ["pool.eval('1', { | })", [...OF_TASKS, ...OF_TEXTS]],
    ["Deferred.eval('1', { | })", [...OF_TASKS, ...OF_TEXTS, "pool"]],
    ["new DeferredPool({ | })", [
      ...LIMITS,
      "base",
      "classes",
      "console",
      "host",
      "jit",
      "maxThreads",
      "maxWaiting",
      "modules",
      "onProgress",
      "preload",
      "progress",
      "syncCalls",
    ]],
    ["new Deferred(() => 1).|", [
      "cancel",
      "catch",
      "finally",
      "name",
      "progress",
      "stats",
      "then",
    ]],
  ];
  for (const [program, names] of offers) {
    test(`completes ${program}`, async () => {
      assert.deepEqual((await opened).complete(program), [...names].sort());
    });
  }

  const shown: readonly (readonly [program: string, type: string])[] = [
    ["const sum| = new Deferred(() => 1);", "const sum: Deferred<number>"],
    ["const sum| = new Deferred(async () => 1);", "const sum: Deferred<number>"],
    [
      "const sum| = new Deferred((a: number) => a, { args: [1] as const });",
      "const sum: Deferred<number>",
    ],
    [
      "const sum| = new Deferred((a, b) => a + b, { args: [1, 2] });",
      "const sum: Deferred<number>",
    ],
    ["new Deferred((a, b|) => a + b, { args: [1, ''] });", "(parameter) b: string"],
    ["const sum| = Deferred.run((a) => a, 1);", "const sum: Deferred<number>"],
    ["const sum| = await pool.run((a) => a, 1);", "const sum: number"],
    [
      "new Deferred(({ report| }) => report(1), { onProgress: (part: number) => {} });",
      "(parameter) report: (value: number) => void",
    ],
    [
      "const area| = pool.wrap((w: number, h: number) => w * h);",
      "const area: DeferredFunction<[w: number, h: number], number>",
    ],
    [
      "const area = pool.wrap((w: number, h: number) => w * h); area|(6, 7);",
      "const area: DeferredFunction\n(w: number, h: number) => Deferred<number>",
    ],
  ];
  for (const [program, type] of shown) {
    test(`shows at ${program}`, async () => {
      assert.equal((await opened).hover(program), type);
    });
  }
}

// The compiler and the linter are programs for Node, and say the same on all runtimes.
if (runtime === "node") {
  describe("its declarations", compilers);
  describe("an editor", editor);
  test("publint finds no fault with it", async () => {
    const { publint } = await import("publint");
    const { formatMessage } = await import("publint/utils");
    const { messages, pkg } = await publint({ pkgDir: installed, pack: false, strict: true });
    assert.deepEqual(messages.map((message) => formatMessage(message, pkg!)), []);
  });
}
if (runtime === "deno") {
  test("Deno's users, who get mod.ts itself, find the same types", async () => {
    const own = join(folder, "deno");
    await mkdir(own);
    await writeFile(
      join(own, "deno.json"),
      JSON.stringify({ imports: { "@protojs/deferred": MOD } }),
    );
    await copyFile(TYPES, join(own, "types.mts"));
    assert.equal(await run(process.execPath, ["check", "--quiet", "types.mts"], own), "");
    const wrong =
      `import { Deferred } from "@protojs/deferred"; void Deferred.run((a: 1) => a, 2);`;
    await writeFile(join(own, "wrong.ts"), wrong);
    assert.match(await run(process.execPath, ["check", "--quiet", "wrong.ts"], own), /TS2345/);
  });
}
