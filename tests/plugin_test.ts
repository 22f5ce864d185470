/**
 * The plugin for bundlers: what functions with `scope: import.meta` need is a part of the program,
 * which runs where neither its sources nor its packages are.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { after, describe, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import * as esbuild from "esbuild";
import { besideLibrary } from "../ffi/load.ts";
import plugin from "../plugin.ts";
import { DeferredPool, FreeVariableError, type ModuleMeta } from "../mod.ts";
import { embed } from "../src/plugin/embed.ts";
import { MOD as MOD_URL, outputOf, runtime } from "./support/process.ts";
import { seedsOf } from "./support/seeds.ts";
import { moduleText } from "./support/top_level_modules.ts";

const MOD = fileURLToPath(MOD_URL); // as it can be required, too
const ROOT = fileURLToPath(new URL("..", import.meta.url));
const folder = await mkdtemp(join(tmpdir(), "deferred-plugin-"));
after(() => rm(folder, { recursive: true, force: true }));

let count = 0;

/** A project of its own, with these files and packages; gives its folder. */
async function project(files: Readonly<Record<string, string>>): Promise<string> {
  const own = join(folder, `project${count++}`);
  await mkdir(own);
  await mkdir(join(own, "node_modules"));
  for (const name of ["marked", "papaparse"]) {
    const options = { recursive: true };
    await cp(join(ROOT, "node_modules", name), join(own, "node_modules", name), options);
  }
  await writeFile(join(own, "package.json"), '{ "type": "module" }');
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(own, name)), { recursive: true });
    await writeFile(join(own, name), text);
  }
  return own;
}

/** What a bundle prints where nothing else is. */
async function runBundle(bundle: string, ending = "mjs"): Promise<string> {
  const text = ending === "mjs" ? bundle : `await import("./bundle.${ending}");`;
  return await outputOf(text, { bare: true, files: { [`bundle.${ending}`]: bundle } });
}

const FILES = {
  "app.js": `import { Deferred } from ${JSON.stringify(MOD)};
import { gross, vat as tax } from "./rules.js";
import * as rules from "./rules.js";
import total from "./total.js";
import { shop } from "./shop.js";
import { marked } from "marked";
const label = "EUR", round = (n) => Math.round(n * 100) / 100;
const units = { each: (n) => n + " each", none: null };
class Price {
  static unit = round(gross(1));
  #net;
  constructor(net) { this.#net = net; }
  toString() { return round(gross(this.#net)) + label; }
}
function show(net) { return String(new Price(net)); }
const isEven = (n) => n === 0 || isOdd(n - 1), isOdd = (n) => n !== 0 && isEven(n - 1);
const fn = (net, list) => [
  show(net), Price.unit, tax, rules.vat, total(list.map(rules.gross)), units.each(round(net)),
  marked.parse("*" + label + "*").trim(), isEven(list.length), shop.gross(net), shop.units.kilo(2),
];
const method = { of(a) { return show(a); } }.of;
const before = early(80);
function early(net) { return Deferred.run.call(null, () => 0) && new Deferred((n) => show(n), { args: [net], scope: import.meta }); }
const wrapped = Deferred.wrap((n) => rules.gross(n) + extra, { scope: [import.meta, { extra: 1 }] });
async function main() {
  const results = [
    await new Deferred(fn, { args: [100, [1, 2]], scope: import.meta }),
    await before,
    await wrapped(4),
    await Deferred.wrap(async function fact(n) { return n < 2 ? round(1) : n * await fact(n - 1); }, { scope: import.meta })(5),
  ];
  console.log(JSON.stringify(results));
  const failing = new Deferred((n) => { boom(n); }, { args: [1], scope: import.meta });
  console.log(await failing.catch(({ message, stack }) => message + stack.split("\\n")[1]));
}
const boom = (n) => {
  throw new RangeError("no " + n + label);
};
main();
`,
  "rules.js": `const rates = { vat: 0.25 };
export const vat = rates.vat;
export function gross(net) { return net * (1 + rates.vat); }
export * as units from "./units.js";
`,
  "shop.js": `export * as shop from "./rules.js";\n`,
  "units.js": `export const kilo = (n) => n * 1000;\n`,
  "total.js": `export default (list) => list.reduce((a, b) => a + b, 0);\n`,
};
const LINE = FILES["app.js"].split("\n").findIndex((line) => line.includes("throw new")) + 1;
const PRINTED = [
  '[["125EUR",1.25,0.25,0.25,3.75,"100 each","<p><em>EUR</em></p>",true,125,2000],"100EUR",6,120]',
  `no 1EUR    at boom (app.js:${LINE}:36)`,
];

/** A bundler: the text of the program's only file. */
type Bundle = (entry: string, minify: boolean, format: "esm" | "cjs") => Promise<string>;

const external = [MOD];

/** Bun's bundler, as far as it is used here. */
const { Bun: bun } = globalThis as {
  Bun?: {
    build(options: object): Promise<{ success: boolean; outputs: { text(): Promise<string> }[] }>;
  };
};

const outputIn = async (out: string): Promise<string> => {
  const [name] = (await readdir(out)).filter((name) => /\.[cm]?js$/.test(name));
  return await readFile(join(out, name!), "utf8");
};

const bundlers: Record<string, Bundle> = {
  esbuild: async (entry, minify, format) => {
    const { outputFiles } = await esbuild.build({
      entryPoints: [entry],
      bundle: true,
      write: false,
      platform: "node",
      format,
      minify,
      external,
      plugins: [plugin.esbuild()],
      logLevel: "silent",
    });
    return outputFiles[0]!.text;
  },
  rollup: async (entry, minify, format) => {
    const { rollup } = await import("rollup");
    const require = createRequire(entry);
    const bundle = await rollup({
      input: entry,
      external,
      plugins: [plugin.rollup(), {
        name: "packages",
        resolveId: (name) => name === "marked" ? require.resolve(name).replace("umd", "esm") : null,
      }],
    });
    const { output: [{ code }] } = await bundle.generate({ format });
    if (!minify) return code;
    const { minify: terser } = await import("terser");
    const { code: mangled } = await terser(code, { module: format === "esm", toplevel: true });
    return mangled!;
  },
  rolldown: async (entry, minify, format) => {
    const { rolldown } = await import("rolldown");
    const bundle = await rolldown({ input: entry, external, plugins: [plugin.rolldown()] });
    const { output: [{ code }] } = await bundle.generate({ format, minify });
    return code;
  },
  vite: async (entry, minify, format) => {
    const { build } = await import("vite");
    const out = join(dirname(entry), `vite-${minify}-${format}`);
    await build({
      root: dirname(entry),
      configFile: false,
      logLevel: "silent",
      plugins: [plugin.vite()],
      ssr: { noExternal: true },
      build: {
        ssr: entry,
        minify,
        outDir: out,
        rollupOptions: { external, output: { format } },
      },
    });
    return await outputIn(out);
  },
  webpack: async (entry, minify, format) => {
    const { default: webpack } = await import("webpack");
    const out = join(dirname(entry), `webpack-${minify}-${format}`);
    await new Promise<void>((resolve, reject) => {
      webpack({
        mode: minify ? "production" : "development",
        devtool: false,
        target: "node",
        entry,
        context: dirname(entry),
        externals: { [MOD]: `${format === "esm" ? "module" : "commonjs"} ${MOD}` },
        experiments: { outputModule: format === "esm" },
        output: {
          path: out,
          module: format === "esm",
          chunkFormat: format === "esm" ? "module" : "commonjs",
        },
        plugins: [plugin.webpack()],
      }, (error, stats) => {
        if (error ?? stats?.hasErrors()) reject(error ?? new Error(stats!.toString("errors-only")));
        else resolve();
      });
    });
    return await outputIn(out);
  },
};
if (bun !== undefined) {
  bundlers["Bun"] = async (entry, minify, format) => {
    const { outputs: [output] } = await bun!.build({
      entrypoints: [entry],
      target: "bun",
      format,
      minify,
      external,
      plugins: [plugin.bun()],
    });
    return await output!.text();
  };
}

describe("a bundle has what its functions need", () => {
  for (const [name, bundle] of Object.entries(bundlers)) {
    for (const minify of [false, true]) {
      test(`${name}${minify ? ", with mangled names" : ""}`, async () => {
        const entry = join(await project(FILES), "app.js");
        const text = await bundle(entry, minify, "esm");
        if (minify) assert.ok(!text.includes(basename(dirname(entry))), "it names no folder");
        assert.deepEqual((await runBundle(text)).split("\n"), PRINTED);
      });
    }
    if (name !== "Bun") {
      test(`${name}, in CommonJS`, async () => {
        const entry = join(await project(FILES), "app.js");
        const text = await bundle(entry, true, "cjs");
        assert.deepEqual((await runBundle(text, "cjs")).split("\n"), PRINTED);
      });
    }
  }
});

/** What esbuild makes of a program of these files, of which `app.ts` is the first. */
async function built(
  files: Readonly<Record<string, string>>,
  options: esbuild.BuildOptions = {},
): Promise<{ text: string; map: string; warnings: string[]; errors: string[] }> {
  const entry = join(await project(files), Object.keys(files)[0]!);
  const result = await esbuild.build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    outfile: "bundle.mjs",
    platform: "node",
    format: "esm",
    minify: true,
    external,
    plugins: [plugin.esbuild()],
    logLevel: "silent",
    ...options,
  }).catch((error: esbuild.BuildFailure) => ({ ...error, outputFiles: [] }));
  const textOf = (ending: string): string =>
    result.outputFiles?.find(({ path }) => path.endsWith(ending))?.text ?? "";
  const told = (all: readonly esbuild.Message[]) => all.map(({ text }) => text);
  return {
    text: textOf(".mjs"),
    map: textOf(".map"),
    warnings: told(result.warnings),
    errors: told(result.errors),
  };
}

const IMPORT = `import { Deferred, DeferredPool } from ${JSON.stringify(MOD)};\n`;

/** What a program prints, bundled with mangled names. */
async function printedBy(
  program: string,
  files: Readonly<Record<string, string>> = {},
  name = "app.ts",
): Promise<string> {
  const { text, errors, warnings } = await built({ [name]: IMPORT + program, ...files });
  assert.deepEqual([...errors, ...warnings], []);
  return await runBundle(text);
}

describe("what a program is", () => {
  test("TypeScript", async () => {
    const printed = await printedBy(`
      type Price = number;
      const rates = { at: 0.2 } as const satisfies Record<string, number>;
      function gross<T extends Price>(price: T): number { return price * (1 + rates.at); }
      const fn = (price: Price): string => gross(price)!.toFixed(1);
      console.log(await new Deferred(fn, { args: [5], scope: import.meta }));`);
    assert.equal(printed, "6.0");
  });

  test("made of CommonJS, JSON and text, and of what these import in turn", async () => {
    const printed = await printedBy(
      `import papa from "papaparse";
      import { half } from "./lib/half.cjs";
      import data from "./data.json" with { type: "json" };
      import note from "./note.txt" with { type: "text" };
      const rows = (text) => papa.parse(text).data;
      const task = new Deferred((text) => [rows(text), half(data.all[1]), note],
        { args: ["a,b\\nc,d"], scope: import.meta });
      console.log(JSON.stringify(await task));`,
      {
        "data.json": '{ "all": [2, 4] }',
        "lib/half.cjs": `const { two } = require("./two.cjs");
          exports.half = (n) => n / two;`,
        "note.txt": "a note",
        "lib/two.cjs": "exports.two = 2;",
      },
    );
    assert.equal(printed, '[[["a","b"],["c","d"]],2,"a note"]');
  });

  test("in which functions are passed by name, too, and modules are allowed", async () => {
    const printed = await printedBy(
      `import { vat } from "./vat.ts";
      let count = 1;
      count++;
      const rate = 1 + vat, label = "EUR";
      const gross = (n: number): number => n * rate;
      const own = (n: number): string => gross(n) + label;
      class Bill { of(n: number) { return own(n) + "!"; } }
      const task = new Deferred(async (n) => {
        const extra = await import(["./extra.mjs"][0]).catch(({ message }) => message);
        return [own(n), new Bill().of(n * count), extra];
      }, {
        args: [4],
        scope: [import.meta, { own, Bill, count }],
        modules: ["./extra.mjs"],
        base: process.argv[1],
      });
      console.log((await task).join());`,
      { "vat.ts": "export const vat: number = 0.25;" },
    );
    assert.match(printed, /^5EUR,10EUR!,can't import ".\/extra.mjs": there is no file/);
  });

  test("in which local variables have the names of others", async () => {
    const lines = Array.from({ length: 60 }, (_, i) => `const top${i} = ${i} + Math.min(0, 1);`);
    const printed = await printedBy(`${lines.join("\n")}
      const all = () => [${lines.map((_, i) => `top${i}`).join()}].reduce((a, b) => a + b);
      function at(...given: number[]) {
        ${lines.slice(0, 30).map((_, i) => `const l${i} = given[${i}]! * 1;`).join(" ")}
        const task = new Deferred((n: number) => all() + top7 + n, { args: [1], scope: import.meta });
        return [task, ${lines.slice(0, 30).map((_, i) => `l${i}`).join()}];
      }
      console.log(await at(1, 2, 3)[0]);`);
    assert.equal(printed, String(59 * 30 + 7 + 1));
  });

  test("of several chunks", async () => {
    const own = await project({
      "app.ts": `${IMPORT}import { gross } from "./shared.ts";
        console.log(await new Deferred((n) => gross(n), { args: [4], scope: import.meta }));
        await import("./later.ts");`,
      "later.ts": `${IMPORT}import { gross, label } from "./shared.ts";
        const show = (n: number) => gross(n) + label;
        console.log(await new Deferred((n) => show(n), { args: [8], scope: import.meta }));`,
      "shared.ts": `export const label = "EUR", gross = (n: number) => n * 1.25;
        export const unused = () => 1;`,
    });
    const { outputFiles } = await esbuild.build({
      entryPoints: [join(own, "app.ts")],
      outdir: own,
      bundle: true,
      write: false,
      splitting: true,
      minify: true,
      format: "esm",
      platform: "node",
      external,
      plugins: [plugin.esbuild()],
    });
    const named = outputFiles.map(({ path, text }) => [basename(path), text] as const);
    assert.ok(named.length >= 3);
    const files = Object.fromEntries(named);
    assert.equal(await outputOf(`await import("./app.js");`, { bare: true, files }), "5\n10EUR");
  });

  const library = { DEFERRED_LIBRARY: besideLibrary("libdeferred.so") };

  /** The text of a program in CommonJS, with this package in it. */
  const whole = async (): Promise<string> => {
    const { text, errors } = await built(FILES, { external: [], format: "cjs" });
    assert.deepEqual(errors, []);
    return text;
  };

  test("with this package in it, as CommonJS", async () => {
    const files = { "bundle.cjs": await whole() };
    const program = 'await import("./bundle.cjs");';
    const printed = await outputOf(program, { bare: true, files, env: library });
    assert.deepEqual(printed.split("\n"), PRINTED);
  });

  test(
    "of one file, by Node.js",
    { skip: runtime !== "node" && "Node.js makes them" },
    async () => {
      const own = await project({
        "app.cjs": await whole(),
        "sea.json": '{ "main": "app.cjs", "output": "program" }',
      });
      const run = promisify(execFile);
      await run(process.execPath, ["--build-sea", "sea.json"], { cwd: own });
      await rm(join(own, "app.cjs"));
      const env = { ...process.env, ...library };
      const { stdout } = await run(join(own, "program"), [], { cwd: "/", env });
      assert.deepEqual(stdout.trim().split("\n"), PRINTED);
    },
  );

  test("of one file, by Bun", { skip: bun === undefined && "Bun makes them" }, async () => {
    const own = await project(FILES);
    const outfile = join(own, "program");
    const compile = { outfile };
    const entrypoints = [join(own, "app.js")];
    const { success } = await bun!.build({
      entrypoints,
      compile,
      minify: true,
      plugins: [plugin.bun()],
      target: "bun",
    });
    assert.ok(success);
    const elsewhere = join(folder, "elsewhere");
    await rename(outfile, elsewhere);
    await rm(own, { recursive: true });
    const env = { ...process.env, ...library };
    const { stdout } = await promisify(execFile)(elsewhere, [], { cwd: "/", env });
    assert.deepEqual(stdout.trim().split("\n"), PRINTED);
  });
});

describe("the build says", () => {
  const saying = (
    what: string,
    program: string,
    message: RegExp,
    files: Readonly<Record<string, string>> = {},
  ) =>
    test(what, async () => {
      const { text, errors } = await built({ "app.ts": IMPORT + program, ...files });
      assert.equal(text, "");
      assert.equal(errors.length, 1);
      assert.match(errors[0]!, message);
    });

  saying(
    "what can't go along, by name and line",
    `let n = 0;
    export const up = () => n++;
    const at = Date.now();
    import { readFileSync } from "node:fs";
    const both = () => n + at;
    void new Deferred(() => [both(), readFileSync], { scope: import.meta });`,
    /app\.ts:7:\d+: .*`readFileSync` \(app\.ts, line 5\) is imported from "node:fs".*`n` \(app\.ts, line 2\) is assigned to \(line 3\); `at` \(app\.ts, line 4\) has another value .*`Date\.now\(\)`.*: \{ scope: \[import\.meta, \{ n, at \}\] \}/,
  );
  saying(
    "what can't be read",
    `enum Color { Red }\nvoid new Deferred(() => 1, { scope: import.meta });`,
    /app\.ts:2:1: scope: import\.meta: it can't be read: an enum is more/,
  );
  saying(
    "which import can't be bundled, and by whom it is asked for",
    `import { deep } from "./deep.mjs";
    void new Deferred(() => deep(), { scope: import.meta });`,
    /deep\.mjs: can't bundle "node:fs": a task has no modules of the runtime/,
    { "deep.mjs": 'import fs from "node:fs";\nexport const deep = () => fs;' },
  );

  test("which scopes it leaves as they are, as what they are for can't be seen", async () => {
    const { text, warnings, errors } = await built({
      "app.ts": `${IMPORT}const two = 2, options = { scope: import.meta };
      const make = (n: number) => () => two + n;
      console.log(await new Deferred(() => two, options));
      try { await new Deferred(make(1), { scope: import.meta }); } catch (e) { console.log(e.name); }
      const names = { two };
      console.log(await new Deferred(() => two, { scope: [import.meta, names] }));`,
    });
    assert.deepEqual(errors, []);
    assert.deepEqual(
      warnings.map((said) => /app\.ts:(\d+):.*as it can't be seen (.*?),/.exec(said)?.slice(1)),
      [
        ["2", "which function it is for"],
        ["5", "which function it is for"],
        ["7", "what is passed beside it"],
      ],
    );
    assert.match(await runBundle(text), /^2\nFreeVariableError\n2$/);
  });

  test("nothing, and changes nothing, where no scope is import.meta", async () => {
    const program = `export const { url } = import.meta, scope = { scope: import.meta.url };
      export enum Color { Red }\n`;
    const { text, warnings } = await built({ "app.ts": program });
    const bare = await built({ "app.ts": program }, { plugins: [] });
    assert.deepEqual([text, warnings], [bare.text, []]);
  });
});

test("source maps stay right", async () => {
  const program = `${IMPORT}const two: number = 2;
const first = new Deferred(() => two, { scope: import.meta }), marked = "found";

export async function later(n: number): Promise<void> { if (n > two) throw new Error("looked for"); }
console.log(await first, marked, await later(1));
`;
  const { text, map } = await built({ "app.ts": program }, { sourcemap: "external" });
  const { SourceMap } = await import("node:module");
  const source = new SourceMap(JSON.parse(map));
  const lines = program.split("\n");
  for (const wanted of ['"found"', "Error(", "console.log"]) {
    const [row, column] = placeOf(text.split("\n"), wanted);
    const { originalLine, originalColumn } = source.findEntry(row, column) as Record<
      string,
      number
    >;
    assert.deepEqual([originalLine, originalColumn], placeOf(lines, wanted), wanted);
  }
  assert.deepEqual(JSON.parse(map).sourcesContent, [program]);
});

function placeOf(lines: readonly string[], text: string): [row: number, column: number] {
  const row = lines.findIndex((line) => line.includes(text));
  return [row, lines[row]!.indexOf(text)];
}

/**
 *   PLUGIN_RUNS=5000  PLUGIN_SEED=7  PLUGIN_ONE=123
 */
test("modules made at random, with mangled names: a task has what the module has, or is refused", async () => {
  await using pool = new DeferredPool({ maxThreads: 1 });
  Object.assign(globalThis, { deferredPool: pool });
  const outcome = async (work: () => unknown): Promise<unknown> => {
    try {
      return await work();
    } catch (error) {
      assert.ok(error instanceof Error);
      return error instanceof FreeVariableError ? "refused" : error.name;
    }
  };
  let ran = 0, refused = 0;
  for (const seed of seedsOf("PLUGIN", 300)) {
    const text = moduleText(seed).replace(
      "export const meta",
      "export const run = (n) => deferredPool.defer(fn, { args: [n], scope: import.meta });\n$&",
    );
    const file = join(folder, `random${seed}.mjs`);
    await writeFile(file, text);
    let read: { fn: (n: number) => unknown; meta: ModuleMeta };
    try {
      read = await import(pathToFileURL(file).href);
    } catch {
      continue; // it is wrong: a constant before it is declared, mostly
    }
    let isLeft = false;
    const built = await outcome(async () => {
      const embedded = embed(text, file, () => isLeft = true);
      if (embedded === null) return;
      const options = { minify: true, format: "esm" } as const;
      const { code } = await esbuild.transform(embedded.code, options);
      const other = join(folder, `embedded${seed}.mjs`);
      await writeFile(other, code);
      const { run } = await import(pathToFileURL(other).href);
      return await outcome(() => run(3));
    });
    if (isLeft) continue;
    const isRefused = built === "refused";
    // What is refused here is refused there; but here it is known which of the same texts is meant.
    const expected = isRefused
      ? await outcome(() => pool.defer(read.fn, { args: [3], scope: read.meta }))
      : await outcome(() => read.fn(3));
    assert.deepEqual(built, expected, `PLUGIN_ONE=${seed}\n${text}`);
    if (isRefused) refused++;
    else ran++;
  }
  assert.ok(process.env["PLUGIN_ONE"] !== undefined || (ran > 0 && refused > 0));
});
