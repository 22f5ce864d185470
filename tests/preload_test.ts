/**
 * Modules that every task of a pool has: `preload`.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { DeferredPool } from "../mod.ts";
import { Modules } from "../src/modules.ts";
import { type Files, folderOf } from "./support/folders.ts";
import { outputOf } from "./support/process.ts";
import { reasonOf } from "./support/reason.ts";

/** A function of which only the text is known: what it imports, no compiler of the tests' looks for. */
// deno-lint-ignore no-explicit-any -- tests know what comes
const written = (text: string): (...args: any[]) => Promise<any> => (0, eval)(`(${text})`);

type Options = NonNullable<ConstructorParameters<typeof DeferredPool>[0]>;

/** A pool with modules of a folder. */
function poolOf(files: Files, options: Options = {}): DeferredPool {
  const base = join(folderOf(files), "main.js");
  return new DeferredPool({ maxThreads: 1, base, ...options });
}

/** What making such a pool throws. */
function refusal(
  files: Files,
  options: Options,
): Error & { readonly folder: string } {
  const folder = folderOf(files);
  try {
    new DeferredPool({ maxThreads: 1, base: join(folder, "main.js"), ...options });
  } catch (error) {
    return Object.assign(error as Error, { folder });
  }
  throw new Error("nothing was thrown");
}

describe("a task starts with its pool's modules", () => {
  const counted = {
    "empty.js": "",
    "a.ts":
      "import './empty.js';\nimport { b } from './b.js';\nimport data from './data.json' with { type: 'json' };\n" +
      "globalThis.made = (globalThis.made ?? 0) + 1;\n" +
      "export const list: number[] = [];\nexport const sum = (): number => b + data.n + list.length;\n",
    "b.js": "export const b = 1;",
    "data.json": '{ "n": 40 }',
  };

  test("evaluated, with all that they import, in every thread", async () => {
    await using pool = poolOf(counted, { preload: ["./a.ts"], maxThreads: 4 });
    const add = written(`async () => {
      const { list, sum } = await import("./a.ts");
      list.push(0);
      const end = Date.now() + 5;
      while (Date.now() < end);
      return [sum(), globalThis.made];
    }`);
    const values = await Promise.all(Array.from({ length: 40 }, () => pool.run(add)));
    for (const value of values) assert.deepEqual(value, [42, 1]);
    assert.ok(pool.threads > 1);
  });

  test("as they were, whatever the task before did to them", async () => {
    await using pool = poolOf(counted, { preload: ["./a.ts"] });
    const spoil = written(`async () => {
      const { list } = await import("./a.ts");
      list.push(1, 2, 3);
      Array.prototype.length = 0;
      delete globalThis.made;
      for (;;);
    }`);
    await reasonOf(pool.defer(spoil, { timeout: 30 }));
    const look = written('async () => [(await import("./a.ts")).sum(), globalThis.made]');
    assert.deepEqual(await pool.run(look), [41, 1]);
  });

  test("and imports further ones, which see the same", async () => {
    const files = {
      ...counted,
      "c.js": "export { b } from './b.js'; export { sum, list } from './a.ts';\n" +
        "export const late = () => import('./late.js');",
      "late.js": "import { list } from './a.ts'; export const seen = list;",
    };
    await using pool = poolOf(files, { preload: ["./a.ts"], modules: ["./c.js", "./data.json"] });
    const same = written(`async () => {
      const a = await import("./a.ts"), c = await import("./c.js");
      const { seen } = await (await c.late());
      const { default: data } = await import("./data.json", { with: { type: "json" } });
      data.n = 1;
      return [a.list === c.list, seen === a.list, a.sum(), globalThis.made];
    }`);
    assert.deepEqual(await pool.run(same), [true, true, 2, 1]);
  });

  test("by import.meta.url and their own import() as ever", async () => {
    const files = {
      "a.js": "export const url = import.meta.url;\n" +
        "export const late = async () => (await import('./b.js')).b;",
      "b.js": "export const b = 2;",
    };
    const folder = folderOf(files);
    const base = pathToFileURL(join(folder, "main.js"));
    await using pool = new DeferredPool({ maxThreads: 1, base, preload: ["./a.js"] });
    const fn = written(
      'async () => { const a = await import("./a.js"); return [a.url, await a.late()]; }',
    );
    const url = pathToFileURL(join(folder, "a.js")).href;
    assert.deepEqual(await pool.run(fn), [url, 2]);
    const byUrl = written("async (url) => (await import(url)).url");
    assert.equal(await pool.run(byUrl, url), url);
  });

  test("that scope: import.meta brings along, without asking its host", async () => {
    const folder = folderOf({
      "main.mjs": "import { next } from './a.mjs';\nexport const fn = () => [next(), next()];\n" +
        "export const meta = import.meta;",
      "a.mjs": "let n = 0;\nexport const next = () => ++n;",
    });
    const url = pathToFileURL(join(folder, "main.mjs")).href;
    const { fn, meta } = await import(url) as { fn: () => number[]; meta: ImportMeta };
    const { receive } = Modules.prototype;
    Modules.prototype.receive = () => assert.fail("it was asked");
    try {
      await using pool = new DeferredPool({ maxThreads: 1, preload: ["./a.mjs"], base: url });
      for (let i = 0; i < 3; i++) assert.deepEqual(await pool.defer(fn, { scope: meta }), [1, 2]);
    } finally {
      Modules.prototype.receive = receive;
    }
  });

  test("of CommonJS, JSON and packages, too", async () => {
    const files = {
      "node_modules/old/index.js": "const { half } = require('./half.js');\n" +
        "let n = 0; exports.next = () => half(++n);",
      "node_modules/old/half.js": "exports.half = (n) => n / 2;",
      "data.json": "[1, 2]",
    };
    await using pool = poolOf(files, { preload: ["old", "./data.json"] });
    const fn = written(`async () => {
      const { next, default: all } = await import("old");
      const { default: data } = await import("./data.json", { with: { type: "json" } });
      return [next(), all.next(), data];
    }`);
    for (let i = 0; i < 2; i++) assert.deepEqual(await pool.run(fn), [0.5, 1, [1, 2]]);
  });

  test("with classes of the pool, shared values, and functions of the host", async () => {
    class Money {
      readonly n: number;
      constructor(n: number) {
        this.n = n;
      }
      twice(): number {
        return this.n * 2;
      }
    }
    const files = { "a.js": "export const made = new Money(4).twice(); export const key = {};" };
    await using pool = poolOf(files, {
      preload: ["./a.js"],
      classes: [Money],
      host: { ask: (n: number) => n + 1 },
      maxThreads: 2,
    });
    const shared = pool.share(new Map([["x", new Money(1)]]));
    const fn = written(`async (shared, money, host) => {
      const { made } = await import("./a.js");
      return [made, shared.get("x").twice(), money.twice(), await host.ask(made), money];
    }`);
    for (let i = 0; i < 3; i++) {
      const value = await pool.run(fn, shared, new Money(5));
      assert.deepEqual(value, [8, 2, 10, 9, new Money(5)]);
      assert.ok(value[4] instanceof Money);
    }
  });

  test("and draws lots and tells the time of its own", async () => {
    const files = { "a.js": "export const at = Date.now(), lot = Math.random();" };
    await using pool = poolOf(files, { preload: ["./a.js"], maxThreads: 2 });
    const fn = written(`async () => {
      const { at, lot } = await import("./a.js");
      return [Math.random(), lot, Date.now() >= at];
    }`);
    const values = await Promise.all(Array.from({ length: 8 }, () => pool.run(fn)));
    assert.equal(new Set(values.map(([own]) => own)).size, 8);
    assert.equal(new Set(values.map(([, lot]) => lot)).size, 1);
    assert.ok(values.every(([, , later]) => later));
  });

  test("when it waited, was stopped, or ran out of memory", async () => {
    await using pool = poolOf(counted, {
      preload: ["./a.ts"],
      maxThreads: 2,
      host: { ask: () => 1 },
    });
    const waiting = written(`async (host) => {
      const { list, sum } = await import("./a.ts");
      list.push(await host.ask());
      await new Promise((resolve) => setTimeout(resolve, 5));
      return sum() + (await import("./a.ts")).list.length;
    }`);
    const full = written(`async () => {
      const { list } = await import("./a.ts");
      for (;;) list.push(new Array(1000).fill(0));
    }`);
    const deep = written(
      `async () => { await import("./a.ts"); const f = () => [f()]; return f(); }`,
    );
    const tasks = Array.from({ length: 60 }, (_, i) => {
      if (i % 6 === 4) return reasonOf(pool.defer(full, { memoryLimit: 4 * 2 ** 20 }));
      if (i % 6 === 5) return reasonOf(pool.run(deep));
      return pool.run(waiting);
    });
    const values = await Promise.all(tasks);
    values.forEach((value, i) => {
      if (i % 6 === 4) assert.equal((value as Error).name, "DeferredMemoryError");
      else if (i % 6 === 5) assert.match(String(value), /RangeError|stack/i);
      else assert.equal(value, 43);
    });
  });

  test("of whose memory nothing counts as its own", async () => {
    const files = { "a.js": "export const big = Array.from({ length: 3e5 }, (_, i) => ({ i }));" };
    await using pool = poolOf(files, { preload: ["./a.js"], maxThreads: 2 });
    const fn = written('async () => (await import("./a.js")).big.length');
    const values = Array.from({ length: 20 }, () => pool.defer(fn, { memoryLimit: 2 ** 20 }));
    for (const value of await Promise.all(values)) assert.equal(value, 3e5);
  });

  test("and a limit of its own, though modules let go of what classes made", async () => {
    const files = { "a.js": "globalThis.escape = 0;" };
    class Large {
      static {
        let small = Array.from({ length: 20_000 }, (_, i) => ({ i }));
        Object.assign(globalThis, { escape: new Uint8Array(20 * 2 ** 20) });
        small = [];
        void small;
      }
    }
    await using pool = poolOf(files, { classes: [Large], preload: ["./a.js"] });
    const eat = () => Array.from({ length: 20 }, () => new Uint8Array(2 ** 20).fill(1)).length;
    await assert.rejects(pool.defer(eat, { memoryLimit: 4 * 2 ** 20 }), /its limit of 4 MiB/);
  });

  test("in every Worker of the host", async () => {
    const folder = folderOf(counted);
    const base = JSON.stringify(pathToFileURL(join(folder, "main.js")).href);
    const program = `
      import { Worker, isMainThread, parentPort } from "node:worker_threads";
      const pool = new DeferredPool({ maxThreads: 1, preload: ["./a.ts"], base: ${base} });
      const value = await pool.run((0, eval)('async () => (await import("./a.ts")).sum()'));
      await pool.close();
      console.log(value);
    `;
    assert.equal(await outputOf(program), "41");
  });
});

describe("what functions may import", () => {
  test("has what is preloaded, with no list", async () => {
    const files = { "a.js": "export const a = 1;", "b.js": "export const b = 2;" };
    await using pool = poolOf(files, { preload: ["./a.js"] });
    assert.equal(await pool.run(written('async () => (await import("./a.js")).a')), 1);
    const error = await reasonOf(pool.run(written('async () => (await import("./b.js")).b')));
    assert.match(error.message, /not among the modules that the function may import/);
  });

  test("is a call's own list, if it has one", async () => {
    const files = { "a.js": "export const a = {};", "b.js": "export { a } from './a.js';" };
    await using pool = poolOf(files, { preload: ["./a.js"] });
    const base = join(folderOf(files), "main.js");
    const fn = written('async () => (await import("./a.js")).a');
    const error = await reasonOf(pool.defer(fn, { modules: ["./b.js"], base }));
    assert.match(error.message, /not among/);
    assert.deepEqual(await pool.defer(fn, { modules: ["./a.js"], base }), {});
  });

  test("is nothing of that for code that is text, which finds what it did to its globals", async () => {
    const files = { "a.js": "globalThis.half = (n) => n / 2; export const a = 1;" };
    await using pool = poolOf(files, { preload: ["./a.js"] });
    assert.equal(await pool.eval("half(4)"), 2);
    const none = await reasonOf(pool.eval('await import("./a.js")'));
    assert.match(none.message, /can't import ['"]\.\/a\.js/);
    const loader = { load: (url: string) => `export const a = "${url} of the loader";` };
    const value = await pool.eval(
      'import { a } from "./a.js"; import { a as b } from "x"; export default [a, b, half(2)]',
      { loader, filename: "main.js" },
    );
    assert.deepEqual(value, ["a.js of the loader", "x of the loader", 1]);
  });
});

test("globals that modules make are known to functions", async () => {
  const files = {
    "a.js": "globalThis.half = (n) => n / 2; globalThis.late = () => import('./b.js');",
    "b.js": "",
  };
  await using pool = poolOf(files, { preload: ["./a.js"] });
  assert.equal(await pool.run(written("async () => half(4)")), 2);
  // Such a function does not say that it imports: it is told, and does not wait for ever.
  const error = await reasonOf(pool.run(written("async () => await late()")));
  assert.match(error.message, /\.\/b\.js/);
});

describe("errors", () => {
  test("of a module that throws have its name, file and line", () => {
    const files = {
      "a.ts": "import './b.js';",
      "b.js":
        "const limit = 3;\nfunction check() {\n  throw new RangeError(`over ${limit}`);\n}\ncheck();\n",
    };
    const error = refusal(files, { preload: ["./a.ts"] });
    assert.equal(error.name, "RangeError");
    assert.equal(error.message, "new DeferredPool({ preload }): ./a.ts: over 3");
    const url = pathToFileURL(join(error.folder, "b.js")).href;
    assert.ok(error.stack?.includes(`at check (${url}:3:`), String(error.stack));
    assert.ok(error.stack?.includes("preload_test"), String(error.stack));
  });

  test("of one that can't be read, or found, name it and who asks for it", () => {
    const cases = [
      [{ "a.ts": "let a: number = 1;\nlet b = ;\n" }, /a\.ts:2:9: unexpected token/i],
      [
        { "a.ts": "export {};\nimport { b } from './b.js';\n" },
        /"\.\/b\.js" in .*a\.ts:2:\d+: there is no file/,
      ],
      [{ "a.ts": "import 'nothing';" }, /can't import "nothing" in .*a\.ts:1:8: no such package/],
      [{ "a.ts": "import 'node:fs';" }, /"node:fs" in .*no modules of the runtime/],
      [{ "a.ts": "import './b.json';", "b.json": "{}" }, /is JSON: import it with/],
      [{ "a.ts": "import x from './b.js' with { type: 'json' };", "b.js": "" }, /is no JSON/],
      [{ "a.ts": "import x from './b.css' with { type: 'css' };" }, /type: "css" \} is not known/],
      [
        { "a.ts": "\nimport x from './b.js' with { mode: 'raw' };", "b.js": "" },
        /a\.ts:2:\d+: the import attribute 'mode' is not known/,
      ],
      [{ "a.ts": "import { x } from './b.js';", "b.js": "" }, /Could not find export 'x'/],
      [
        { "a.ts": "import b from './b.json' with { type: 'json' };", "b.json": "{" },
        /preload \}\): .*b\.json/,
      ],
      [{}, /can't import "\.\/a\.ts": there is no file/],
    ] as const;
    for (const [files, expected] of cases) {
      const { message } = refusal(files as Record<string, string>, { preload: ["./a.ts"] });
      assert.match(message, expected);
      assert.match(message, /^new DeferredPool\(\{ preload \}\): /);
    }
  });

  test("say what no module may do before there is a task", () => {
    const cases = [
      ["export const a = await new Promise(() => {});", /awaits at its top level/],
      ["await new Promise((r) => setTimeout(r, 1));", /a timer that a module sets/],
      ["setTimeout(() => {}, 1);", /a timer that a module sets/],
      [
        "export const a = await import('./b.js');",
        /imports "\.\/b\.js" when it is evaluated, by import\(\)/,
      ],
      [
        "export const a = import('./b.js').then(() => 1);",
        /imports "\.\/b\.js" when it is evaluated, by import\(\)/,
      ],
      ["Promise.reject(new Error('for nobody'));", /: for nobody/],
      ["throw 4;", /it threw the number 4/],
      ["export const a = process.argv;", /process is not defined: it belongs to the host/],
      [
        "fetch('a:b');",
        /fetch is not defined: it is not available inside a task, which has no network/,
      ],
      ["throw () => {};", /can't be cloned/],
    ] as const;
    for (const [text, expected] of cases) {
      const files = { "a.js": "import './c.js';", "c.js": `export {};${text}`, "b.js": "" };
      const { message } = refusal(files, { preload: ["./a.js"] });
      assert.match(message, expected, text);
    }
    const { message } = refusal(
      { "a.js": "import './c.js'; await 1;", "c.js": "export {}; await new Promise(() => {});" },
      { preload: ["./a.js"] },
    );
    assert.match(message, /c\.js: what a module awaits/);
  });

  test("say which limit was met", { timeout: 30_000 }, () => {
    const full = { "a.js": "const all = []; for (;;) all.push(new Array(1000).fill(0));" };
    const error = refusal(full, { preload: ["./a.js"], memoryLimit: 8 * 2 ** 20 });
    assert.equal(error.name, "DeferredMemoryError");
    assert.match(
      error.message,
      /\.\/a\.js: it needs more memory than the pool's memoryLimit of 8 MiB/,
    );
    const endless = refusal({ "a.js": "for (;;);" }, { preload: ["./a.js"] });
    assert.equal(endless.name, "TimeoutError");
    assert.match(endless.message, /\.\/a\.js: .* within 5000 ms; is there an endless loop/);
  });

  test("of a task in a module have its file and line", async () => {
    const folder = folderOf({
      "a.ts": "interface A {}\nexport function fail(): never {\n  throw new RangeError('no');\n}\n",
    });
    await using pool = new DeferredPool({
      maxThreads: 1,
      base: join(folder, "main.js"),
      preload: ["./a.ts"],
    });
    const error = await reasonOf(pool.run(written('async () => (await import("./a.ts")).fail()')));
    const url = pathToFileURL(join(folder, "a.ts")).href;
    assert.ok(error.stack?.includes(`at fail (${url}:3:`), String(error.stack));
  });

  test("tell what is no list of modules", () => {
    for (const preload of ["marked", [1], [""], {}]) {
      const { message } = refusal({}, { preload: preload as string[] });
      assert.match(
        message,
        /preload must be an array of modules, such as \["marked", "\.\/rules\.ts"\]/,
      );
    }
    assert.match(
      refusal({}, { preload: ["a", 1] as string[] }).message,
      /got one with the number 1 in it/,
    );
    assert.match(refusal({}, { preload: ["./a/"] }).message, /"\.\/a\/" is a folder/);
  });
});

test("top-level await that settles by itself is awaited", async () => {
  const files = {
    "a.js":
      "import { b } from './b.js'; await null; export const a = b + await Promise.resolve(1);",
    "b.js": "export let b = 0; await 0; b = 1;",
  };
  await using pool = poolOf(files, { preload: ["./a.js"] });
  assert.equal(await pool.run(written('async () => (await import("./a.js")).a')), 2);
});
