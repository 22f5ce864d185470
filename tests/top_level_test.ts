/**
 * `scope: import.meta`: a function finds what stands at the top level of its own module.
 */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import process from "node:process";
import { after, describe, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import {
  Deferred,
  DeferredPool,
  FreeVariableError,
  FunctionNotSerializableError,
  type ModuleMeta,
  type ScopeOption,
} from "../mod.ts";
import { MOD, outputOf } from "./support/process.ts";
import { reasonOf } from "./support/reason.ts";
import { seedsOf } from "./support/seeds.ts";
import { moduleText } from "./support/top_level_modules.ts";

// deno-lint-ignore no-explicit-any
type Callable = (...args: any[]) => any;

interface Loaded {
  readonly fn: Callable;
  readonly meta: ModuleMeta;
  readonly [name: string]: unknown;
}

const SUFFIX = process.platform === "darwin" ? "dylib" : "so";

const pool = new DeferredPool({ maxThreads: 1 });
const folder = await mkdtemp(join(tmpdir(), "deferred-top-level-"));
after(() => Promise.all([pool.close(), rm(folder, { recursive: true })]));

let count = 0;

/** Imports a module of that text, which exports `fn`. */
async function moduleOf(text: string, ending = "mjs"): Promise<Loaded> {
  const file = join(folder, `m${count++}.${ending}`);
  await writeFile(file, `${text}\nexport const meta = import.meta;\n`);
  return await import(pathToFileURL(file).href);
}

/** What `fn` of a module of that text gives in a task. */
async function resultOf(text: string, ...args: unknown[]): Promise<unknown> {
  const { fn, meta } = await moduleOf(text);
  return await pool.defer(fn, { args, scope: meta });
}

/** Why it is refused. */
async function refusalOf(text: string, ending?: string): Promise<Error> {
  const { fn, meta } = await moduleOf(text, ending);
  try {
    await pool.defer(fn, { scope: meta });
  } catch (error) {
    assert.ok(error instanceof Error);
    return error;
  }
  assert.fail("it was not refused");
}

// What this file's own tasks find.
const RATE: number = 0.25;
const { PI, sqrt } = Math, [first, , ...others] = [1, 2, 3, 4];
const words = new Map<string, number>([["one", 1], ["two", 2]]);
function gross(price: number): number {
  return price * (1 + RATE);
}
const isEven = (n: number): boolean => n === 0 || isOdd(n - 1);
const isOdd = (n: number): boolean => n !== 0 && isEven(n - 1);
class Shape {
  static made = 0;
  #side: number;
  constructor(side: number) {
    this.#side = side;
    Shape.made++;
  }
  area(): number {
    return this.#side ** 2;
  }
}
export class Disc extends Shape {
  static readonly unit: Disc = new Disc(1);
  override area(): number {
    return super.area() * PI;
  }
}
async function* numbers(): AsyncGenerator<number> {
  yield gross(100);
  yield await Promise.resolve(2);
}
const seen = new Set<number>();
const remember = (n: number): number => seen.add(n).size;
const boom = (n: number): number => {
  if (n > 1) throw new RangeError(`no ${n}`);
  return n;
};

describe("a function finds what its module declares", () => {
  test("functions, constants and classes, and what these use in turn", async () => {
    const fn = async (price: number) => {
      const listed: number[] = [];
      for await (const one of numbers()) listed.push(one);
      return [
        gross(price),
        sqrt(words.get("two")! + 2),
        [first, others],
        isEven(11),
        new Disc(2).area() / Disc.unit.area(),
        Disc.made,
        listed,
      ];
    };
    assert.deepEqual(
      await new Deferred(fn, { args: [8], scope: import.meta }),
      [10, 2, [1, [3, 4]], false, 4, 2, [125, 2]],
    );
  });

  test("what changes what it holds changes it in that task", async () => {
    const fn = (a: number, b: number) => remember(a) + remember(b);
    for (let i = 0; i < 3; i++) {
      assert.equal(await pool.defer(fn, { args: [1, 2], scope: import.meta }), 3);
    }
    assert.equal(seen.size, 0);
  });

  test("whatever it is run by", async () => {
    const fn = (price: number) => gross(price);
    assert.equal(await Deferred.wrap(fn, { scope: import.meta })(8), 10);
    assert.equal(await pool.wrap(fn, { scope: import.meta })(4), 5);
    const names = [1, 2, 3].map((n) =>
      pool.defer((n: number) => gross(n) > 3, { args: [n], scope: import.meta })
    );
    assert.deepEqual(await Promise.all(names), [false, false, true]);
  });

  test("beside what is passed by name, which comes first", async () => {
    const fn = () => [gross(100), tax];
    const tax = 7;
    const scope: ScopeOption = [import.meta, { tax, RATE: 1 }];
    assert.deepEqual(await pool.defer(fn, { scope }), [200, 7]);
  });

  test("names that some global has", async () => {
    const text = `
      const URL = "mine", Math = { max: () => "max" };
      function escape(text) { return Math.max() + text; }
      export const fn = () => [URL, escape("!"), typeof Set];`;
    assert.deepEqual(await resultOf(text), ["mine", "max!", "function"]);
  });

  test("names in any alphabet, of declarations in any place", async () => {
    const text = `
      export default function later() { return größe + ключ; }
      export const fn = () => [later(), of];
      var größe = 1; let ключ = 2; export const { a: { b: of } = {} } = { a: { b: 3 } };`;
    assert.deepEqual(await resultOf(text), [3, 3]);
  });

  test("a class and a constant in the order in which the module evaluates them", async () => {
    const text = `
      const order = [];
      const note = (name) => (order.push(name), name);
      export const fn = () => [last.first.name, Last.name, order];
      class First { static made = note("First"); name = "first"; }
      const one = note("one");
      class Last extends First { static made = note("Last" + one); first = new First(); }
      const last = new Last();`;
    assert.deepEqual(await resultOf(text), ["first", "Last", ["First", "one", "Lastone"]]);
  });

  test("an error's stack has their places", async () => {
    const task = pool.defer((n: number) => boom(n), { args: [2], scope: import.meta });
    const { stack = "" } = await reasonOf(task) as Error;
    const [, inner = "", outer = ""] = stack.split("\n");
    assert.match(inner, /at boom \(.*top_level_test\.ts:\d+:\d+\)$/);
    assert.match(outer, /top_level_test\.ts:\d+:\d+\)$/);
    const line = (frame: string) => Number(/:(\d+):\d+\)$/.exec(frame)![1]);
    assert.ok(line(inner) < line(outer), stack);
  });

  test("also the file is TypeScript", async () => {
    const { fn, meta } = await moduleOf(
      `type Price = number;
      interface Rates { readonly [country: string]: number }
      const rates = { at: 0.2 } as const satisfies Rates;
      declare const nothing: string;
      function gross<T extends Price>(price: T): number { return price * (1 + rates.at); }
      export const fn = (price: Price): string => gross(price)!.toFixed(1);`,
      "ts",
    );
    assert.equal(await pool.defer(fn, { args: [5], scope: meta }), "6.0");
  });
});

describe("what can't go along is refused by name, with its line", () => {
  const refused = (what: string, text: string, message: RegExp, names: readonly string[]) =>
    test(what, async () => {
      const error = await refusalOf(text);
      assert.ok(error instanceof FreeVariableError, String(error));
      assert.match(error.message, message);
      assert.deepEqual([...error.names].sort(), [...names].sort());
    });

  refused(
    "what is assigned to",
    "let n = 0;\nexport const fn = () => n;\nexport const up = () => n++;",
    /`n` \(m\d+\.mjs, line 1\) is assigned to \(line 3\): it can't be taken along/,
    ["n"],
  );
  refused(
    "in whatever way, and only that",
    `let a, b = 1, c = 2, d = 3; var e = 4; let same = 5;
    ({ a, x: [b] } = { a: 1, x: [2] }); for (c of []); d ||= 1; e **= 1;
    { let same = 6; same = 7; } ((same) => { same = 8; })(); function f() { var same = 9; same++; }
    export const fn = () => [a, b, c, d, e, same];`,
    /`a` .*`b` .*`c` .*`d` .*`e` .*line 2.*pass what they are by name: \{ scope: \[import.meta, \{ a, b, c, d, e \}\] \}/,
    ["a", "b", "c", "d", "e"],
  );
  refused(
    "what is changed elsewhere",
    `const list = [], map = new Map(), o = { p: {} }, fine = [];
    list.push(1);
    export const set = () => map.set(1, 2);
    o.p.q = 1;
    fine.map(String);
    export const fn = () => [list, map, o, fine];`,
    /`list` .*changed \(line 2\).*`map` .*changed \(line 3\).*`o` .*changed \(line 4\)/,
    ["list", "map", "o"],
  );
  refused(
    "what is changed as the module is evaluated, by what goes along",
    `const list = [], seen = [];
    const add = (n) => { list.push(n); return n; }, see = (n) => seen.push(n);
    const twice = (n) => add(2 * n);
    twice(1);
    export const fn = () => [list, twice(2), see(1)];`,
    /`list` .*changed \(line 4\)/,
    ["list"],
  );
  refused(
    "what has another value each time",
    `const now = Date.now(), at = new Date(), id = Symbol("id"), fixed = new Date(5);
    const chance = [Math.random()], later = () => Date.now();
    export const fn = () => [now, at, id, chance, fixed, later()];`,
    /`now` .*`Date\.now\(\)`.*`at` .*`new Date\(\)`.*`id` .*`Symbol\(\)`.*`chance` .*`Math\.random\(\)`/,
    ["now", "at", "id", "chance"],
  );
  refused(
    "what waits, and what is of the module itself",
    `const a = await 1, url = import.meta.url;
    export const fn = () => [a, url];`,
    /`a` .*waits for a promise.*`url` .*uses `import\.meta`/,
    ["a", "url"],
  );
  refused(
    "what is imported",
    `import fs, { readFileSync as read } from "node:fs"; import * as path from "node:path";
    const load = (name) => read(name);
    export const fn = () => [fs, load, path];`,
    /`fs` .*imported from "node:fs".*host: \{ fs \}.*`path` .*imported from "node:path".*`read` .*"node:fs"/,
    ["fs", "path", "read"],
  );
  refused(
    "what is made with what is imported",
    `import { readFileSync as read } from "node:fs";
    const text = read(import.meta.filename, "utf8"), later = () => read("a");
    export const fn = () => [text, later];`,
    /`text` .*uses `import\.meta`.*`read` .*"node:fs"/,
    ["text", "read"],
  );
  refused(
    "what is made with what a task does not have",
    `import { cpus } from "node:os";
    const threads = cpus().length;
    export const fn = () => threads;`,
    /`threads` \(m\d+\.mjs, line 2\) is made with `cpus` of "node:os".*: \{ scope: \[import\.meta, \{ threads \}\] \}/,
    ["threads"],
  );
  refused(
    "beside what is declared nowhere, all at once",
    `const a = () => b + nowhere; let b = 1; b = 2;
    export const fn = () => a() + missing;`,
    /`missing` and `nowhere` \(used by `a`\) are not defined inside the task `fn`, nor at the top level of m\d+\.mjs.*`b` \(m\d+\.mjs, line 1\) is assigned to/,
    ["missing", "nowhere", "b"],
  );
  refused(
    "a variable of what is around the function",
    `const rate = 1;
    const make = (rate) => () => rate + 3;
    export const fn = make(2);`,
    /`rate` .*is not the one of the top level where the function stands \(line 2\)/,
    ["rate"],
  );

  refused(
    "what has another value each time because of what it calls",
    `function seed() { return Math.random(); }
    const roll = () => seed() * 6, make = () => roll;
    class Store { id = Symbol(); at = Store.now(); static now() { return 1; } }
    const dice = roll(), store = new Store(), rolls = [1, 2].map(() => Math.random());
    const stamp = (() => globalThis.Date["now"]())(), made = make(), wrapped = [seed].length;
    class Timed { since() { return Date.now(); } }
    const timed = new Timed(), soon = (async () => await 1)();
    export const fn = () => [dice, store, rolls, stamp, made(), wrapped, timed.since(), soon];`,
    /`dice` .*`Math\.random\(\)`, by `seed`.*`store` .*`Symbol\(\)`, by `Store`.*`rolls` .*random.*`stamp` .*`Date\.now\(\)`/,
    ["dice", "store", "rolls", "stamp"],
  );
  refused(
    "what is changed by methods of all kinds",
    `const ids = (function* () { yield 1; yield 2; })(), map = new Map(), date = new Date(0);
    const view = new DataView(new ArrayBuffer(8)), cells = new Int32Array(2), list = [], other = [];
    const settings = { rate: 1, setRate(rate) { this.rate = rate; } }, set = { settle() {} }, named = [];
    ids.next(); map.getOrInsertComputed?.(1, () => 2); date.setUTCFullYear(2000); view.setInt8(0, 1);
    Atomics.add(cells, 0, 5); list.push.apply(list, [1]); Array.prototype.push.call(other, 1);
    settings.setRate(2); set.settle(); named["push"](1);
    export const fn = () => [ids, map, date, view, cells, list, other, settings, set, named];`,
    /is changed \(line 4\)/,
    ["ids", "map", "date", "view", "cells", "list", "other", "settings", "named"],
  );
  refused(
    "what has a name of ours",
    "const __deferred_take = [1];\nexport const fn = () => __deferred_take;",
    /`__deferred_take` .*has a name of those that stand around/,
    ["__deferred_take"],
  );
  refused(
    "what is only probed, too",
    `let late; late = 1;
    export const fn = () => typeof late === "undefined" ? 0 : late;`,
    /`late` .*has no value/,
    ["late"],
  );

  test("but what a function or class does when the task calls it is no reason", async () => {
    const text = `
      class Store { id = Math.random(); at = new Date(); }
      const DEBUG = true;
      export const fn = () => typeof DEBUG !== "undefined" && DEBUG && new Store().id < 1;`;
    assert.equal(await resultOf(text), true);
  });

  test("but not for a namesake in another function", async () => {
    const text = `
      const rate = 1;
      export const other = (rate) => { { let rate = 3; return rate; } };
      export const fn = () => ((rate) => rate)(2) + rate;`;
    assert.equal(await resultOf(text), 3);
  });

  test("a name that is used only where it is not needed is no reason", async () => {
    const text = `
      import { readFileSync } from "node:fs";
      let n = 0; n++;
      export const other = () => [n, readFileSync];
      const used = 1;
      export const fn = () => used;`;
    assert.equal(await resultOf(text), 1);
  });

  test("once it is passed by name, it is no more", async () => {
    const { fn, meta, n } = await moduleOf(
      "export let n = 1; n = 5;\nconst plus = (m) => n + m;\nexport const fn = () => plus(2);",
    );
    assert.equal(await pool.defer(fn, { scope: [meta, { n: n as number }] }), 7);
  });
});

describe("what the module imports", () => {
  const RULES = `export const vat = 0.25, few = 4;
    export default function gross(price) { return price * (1 + vat); }
    export { few as "a few" };`;
  const USER = `import gross, { vat as tax, "a few" as few } from "./rules.mjs";
    import * as rules from "./rules.mjs";
    import data from "./data.json" with { type: "json" };
    const base = gross(100), later = () => data.list.map(gross);
    class Price { static least = gross(4); of() { return rules.vat + tax; } }
    export const fn = (n) => [n + base, Price.least, new Price().of(), later(), few];
    export const failing = (n) => { throw new RangeError("no " + n + tax); };
    export function own(n) { return n > 1 ? n * own(n - 1) : tax; }`;
  const modules = ["./rules.mjs", "./data.json"];
  const written = Promise.all([
    writeFile(join(folder, "rules.mjs"), RULES),
    writeFile(join(folder, "data.json"), '{ "list": [8, 16] }'),
  ]);

  test("is there in the task, before anything is evaluated, if `modules` allows it", async () => {
    await written;
    const { fn, meta } = await moduleOf(USER);
    const expected = [130, 5, 0.5, [10, 20], 4];
    assert.deepEqual(await pool.defer(fn, { args: [5], scope: meta, modules }), expected);
    await using own = new DeferredPool({ maxThreads: 1, modules, base: meta.url! });
    const wrapped = own.wrap(fn, { scope: meta });
    assert.deepEqual(await wrapped(5), expected);
    assert.deepEqual(await wrapped(6), [131, ...expected.slice(1)]);
  });

  test("also where what runs the file has renamed that, as far as names tell which it is", async () => {
    await written;
    const file = join(folder, "renamed.mjs");
    const others = "import half from './half.mjs'; const base = (n) => half(n);\n";
    await writeFile(file, USER.slice(0, USER.indexOf("const base")) + others);
    const meta = Object.assign(Object.create(null), {
      url: pathToFileURL(file).href,
      resolve: (name: string) => name,
    }) as ModuleMeta;
    // Never called here: a runner would have the modules by those names.
    const { known, byName, unknown } = await moduleOf(
      `export const known = (n) => (0, __vi_import_1__.default)(n) + __vi_import_1__.vat;
      export const byName = (n) => (0, import_rules.default)(n) + rules.vat;
      export const unknown = (n) => (0, __vi_import_2__.default)(n);`,
    ) as unknown as Record<string, Callable>;
    const options = { args: [4], scope: meta, modules };
    assert.equal(await pool.defer(known!, options), 5.25);
    assert.equal(await pool.defer(byName!, options), 5.25);
    assert.throws(
      () => pool.defer(unknown!, options),
      /`gross` .*can't be told from `data`, `half`, as its import was renamed/,
    );
  });

  test("also where nothing of it is needed but by the function itself", async () => {
    await written;
    const { own, meta } = await moduleOf(USER);
    const scopes = [meta, [meta, { own }]] as readonly ScopeOption[];
    for (const scope of scopes) {
      assert.equal(await pool.defer(own as Callable, { args: [4], scope, modules }), 6);
    }
  });

  test("and errors have their places", async () => {
    await written;
    const { failing, meta } = await moduleOf(USER);
    const task = pool.defer(failing as Callable, { args: [1], scope: meta, modules });
    const error = await reasonOf(task);
    assert.ok(error instanceof RangeError && error.message === "no 10.25");
    assert.match(error.stack!.split("\n")[1]!, /at failing \(.*m\d+\.mjs:7:\d+\)/);
  });

  test("is refused where it is not allowed, at once or by the task", async () => {
    await written;
    const error = await refusalOf(USER);
    assert.ok(error instanceof FreeVariableError);
    assert.match(
      error.message,
      /`gross` .*imported from "\.\/rules\.mjs" \(allow that: \{ modules: \[/,
    );
    const { fn, meta } = await moduleOf(USER);
    const task = pool.defer(fn, { args: [1], scope: meta, modules: ["./rules.mjs"] });
    assert.match((await reasonOf(task)).message, /can't import "\.\/data\.json": .*add it/);
  });
});

describe("a module whose text can't be had", () => {
  const refusedWith = (meta: unknown, message: RegExp): void => {
    const fn = () => 1;
    assert.throws(() => pool.defer(fn, { scope: meta as ModuleMeta }), (error) => {
      assert.ok(error instanceof FunctionNotSerializableError, String(error));
      assert.match(error.message, message);
      return true;
    });
  };
  const metaOf = (url: string): object =>
    Object.assign(Object.create(null), { url, resolve: (name: string) => name });

  test("as it is no file, or is gone", () => {
    refusedWith(metaOf("https://example.com/a.ts"), /https:\/\/example\.com\/a\.ts is no file/);
    const gone = pathToFileURL(join(folder, "gone.ts")).href;
    refusedWith(metaOf(gone), /gone\.ts can't be read: .*ENOENT|No such file/);
  });

  test("or has more than types in it", async () => {
    const file = join(folder, "enum.ts");
    await writeFile(file, "const a = 1;\nenum Color { Red }\n");
    refusedWith(metaOf(pathToFileURL(file).href), /enum\.ts:2:1 can't be read: an enum is more/);
  });

  test("or is nested too deeply", async () => {
    const file = join(folder, "deep.ts");
    await writeFile(file, `const a = ${"[".repeat(100_000)}${"]".repeat(100_000)};\n`);
    const how = /deep\.ts:\d+:\d+ can't be read: (?:it is nested too deeply|Not enough stack)/;
    refusedWith(metaOf(pathToFileURL(file).href), how);
  });

  test("or is wrong", async () => {
    const file = join(folder, "wrong.mjs");
    await writeFile(file, "const a = 1;\nconst = 2;\n");
    refusedWith(metaOf(pathToFileURL(file).href), /wrong\.mjs:2:7 can't be read: Unexpected token/);
  });
});

test("a text has no module", () => {
  assert.throws(
    () => pool.eval("1", { scope: import.meta }),
    /^TypeError: .*\{ scope \}\): code that is text is in no module; pass it values by name/,
  );
});

test("a bundle with mangled names is a module as well", async () => {
  const entry = join(folder, "app.ts");
  await writeFile(
    entry,
    `import { Deferred } from ${JSON.stringify(MOD)};
    import { gross } from "./rules.ts";
    const label: string = "EUR";
    const show = (price: number) => gross(price) + label;
    console.log(await new Deferred((p: number) => show(p), { args: [100], scope: import.meta }));`,
  );
  await writeFile(
    join(folder, "rules.ts"),
    `const rates = { vat: 0.25 };
    export function gross(price: number): number { return price * (1 + rates.vat); }`,
  );
  for (const minify of [false, true]) {
    const outfile = join(folder, `bundle${minify}.mjs`);
    await build({
      entryPoints: [entry],
      bundle: true,
      format: "esm",
      minify,
      outfile,
      external: [MOD],
      logLevel: "silent",
    });
    assert.equal(await outputOf(await readFile(outfile, "utf8"), { bare: true }), "125EUR");
  }
});

test("also where the library is named by a path from the working directory", async () => {
  const library = process.env.DEFERRED_LIBRARY ??
    fileURLToPath(new URL(`../build/release/libdeferred.${SUFFIX}`, import.meta.url));
  const result = await outputOf(
    "const rate = 2; console.log(await new Deferred(() => rate * 21, { scope: import.meta }));",
    { env: { DEFERRED_LIBRARY: relative(process.cwd(), library) } },
  );
  assert.equal(result, "42");
});

/**
 *   TOP_LEVEL_RUNS=5000  TOP_LEVEL_SEED=7  TOP_LEVEL_ONE=123
 */
test("modules made at random: a task has what the module has, or is refused", async () => {
  let ran = 0, refused = 0;
  for (const seed of seedsOf("TOP_LEVEL", 150)) {
    const text = moduleText(seed);
    await writeFile(join(folder, `random${seed}.mjs`), text);
    let loaded: Loaded;
    try {
      loaded = await import(pathToFileURL(join(folder, `random${seed}.mjs`)).href);
    } catch {
      continue; // it is wrong: a constant before it is declared, mostly
    }
    const { fn, meta } = loaded;
    const outcome = async (work: () => unknown): Promise<unknown> => {
      try {
        return await work();
      } catch (error) {
        if (error instanceof FreeVariableError) return error;
        assert.ok(error instanceof Error);
        return error.name;
      }
    };
    const given = await outcome(() => pool.defer(fn, { args: [3], scope: meta }));
    if (given instanceof FreeVariableError) refused++;
    else {
      ran++;
      assert.deepEqual(given, await outcome(() => fn(3)), `TOP_LEVEL_ONE=${seed}\n${text}`);
    }
  }
  assert.ok(process.env["TOP_LEVEL_ONE"] !== undefined || (ran > 0 && refused > 0));
});
