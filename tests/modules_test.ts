/**
 * Modules of code that is text: what ECMA-262 says of them, the loader that is asked, and what hostile
 * code and odd loaders do.
 */
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { after, describe, test } from "node:test";
import {
  Deferred,
  DeferredLimitError,
  DeferredPool,
  type EvalOptions,
  type ModuleLoader,
  UnsettledError,
} from "../mod.ts";
import { MOD, outputOf } from "./support/process.ts";
import { reasonOf } from "./support/reason.ts";
import { turn, until } from "./support/wait.ts";

const pool = new DeferredPool({ maxThreads: 2 });
after(() => pool.close());

type Files = Readonly<Record<string, string>>;

/** A loader of texts by name, which notes what it was asked for. */
function files(all: Files): ModuleLoader & { readonly loaded: string[] } {
  const loaded: string[] = [];
  return {
    loaded,
    load(url) {
      loaded.push(url);
      return all[url];
    },
  };
}

const run = (text: string, all: Files = {}, options: EvalOptions = {}): Promise<unknown> =>
  pool.eval(text, { filename: "main.js", loader: files(all), ...options });

/** The lines of an error's stack that are not this file's. */
function frames(error: Error): string[] {
  const lines = String(error.stack).split("\n").filter((line) => /^\s+at /.test(line));
  return lines.filter((line) => !line.includes("modules_test.ts")).map((line) => line.trim());
}

describe("a text with import and export is a module", () => {
  const values: readonly (readonly [text: string, value: unknown])[] = [
    ["export default 6 * 7", 42],
    ["const n = 6; export default n * 7; 5", 42],
    ["export default Promise.resolve(3)", 3],
    ["export default await Promise.resolve(4)", 4],
    ["export const a = 1, b = [2]; export { a as c }", { a: 1, b: [2], c: 1 }],
    ["export let n = 1; n++", { n: 2 }],
    ["export const a = 1; export default 2", 2],
    ["export {}", undefined],
    ["import.meta.url; export {}", undefined],
    ["export default this", undefined],
    ["export default import.meta.url", "main.js"],
    [
      "export default (() => { try { undeclared = 1 } catch (e) { return e.name } })()",
      "ReferenceError",
    ],
    ["#! /usr/bin/env node\nexport default 1", 1],
    ["\ufeffexport default 2", 2],
  ];
  for (const [text, value] of values) {
    test(JSON.stringify(text), async () => {
      assert.deepEqual(await run(text), value);
    });
  }

  test("or is said to be one, or a script", async () => {
    assert.equal(await run("typeof this", {}, { type: "module" }), undefined);
    assert.equal(await run("typeof this", {}, { type: "script" }), "object");
    assert.equal(await run("this === globalThis", {}), true);
    const error = await reasonOf(run("export default 1", {}, { type: "script" }));
    assert.ok(error instanceof SyntaxError);
    assert.match(error.message, /export; return the value, or run it with { type: "module" }/);
    const returned = await reasonOf(run("export {}; return 1"));
    assert.match(returned.message, /return not in a function; a module gives its result by/);
  });

  test("needs no loader without imports, and sees its scope and its host", async () => {
    assert.equal(await pool.eval("export default a + 1", { scope: { a: 1 } }), 2);
    const host = { twice: (n: number) => 2 * n };
    assert.equal(await pool.eval("export default await twice(4)", { host }), 8);
    assert.equal(await Deferred.eval("export default typeof import.meta.url"), "undefined");
  });

  test("what it exports must cross", async () => {
    const error = await reasonOf(run("export default () => 1"));
    assert.equal(error.name, "DataCloneError");
    assert.equal((await reasonOf(run("export const f = () => 1"))).name, "DataCloneError");
    assert.equal(await run("export function then(f) { f(1) } export default 2"), 2);
  });
});

describe("imports", () => {
  test("of every form, with live bindings", async () => {
    const all = {
      "lib/a.js": "export let n = 1; export function inc() { n++ } export default class A {} " +
        "export { n as 'a name' }",
      "lib/b.js": "export * from './a.js'; export * as all from './a.js'; " +
        "export { default as A, inc as more } from './a.js'; export const own = 5",
    };
    const text = `
      import A, { n, inc, "a name" as named } from "./lib/a.js";
      import * as b from "./lib/b.js";
      import "./lib/b.js";
      inc();
      b.more();
      const frozen = (() => { try { b.own = 1 } catch (e) { return e.name } })();
      export default [n, named, b.n, b.all.n, b.A === A, Object.keys(b), frozen, b[Symbol.toStringTag]];
    `;
    assert.deepEqual(await run(text, all), [
      3,
      3,
      3,
      3,
      true,
      ["A", "a name", "all", "inc", "more", "n", "own"],
      "TypeError",
      "Module",
    ]);
  });

  test("each module is loaded once in a run, and evaluated once", async () => {
    const all = {
      "a.js": "import './c.js'; import './b.js'",
      "b.js": "import './c.js'",
      "c.js": "globalThis.count = (globalThis.count ?? 0) + 1",
    };
    const loader = files(all);
    const text =
      "import './a.js'; import './b.js'; await import('./c.js'); await import('./a.js'); " +
      "export default count";
    assert.equal(await pool.eval(text, { loader, filename: "main.js" }), 1);
    assert.deepEqual(loader.loaded.toSorted(), ["a.js", "b.js", "c.js"]);
    assert.equal(await pool.eval(text, { loader, filename: "main.js" }), 1);
    assert.equal(loader.loaded.length, 6);
  });

  test("cycles, also through the text itself", async () => {
    const all = {
      "a.js": "import { b } from './b.js'; export const a = () => b() + 1",
      "b.js": "import { a } from './a.js'; import { main } from './main.js'; " +
        "export const b = () => 1; export const seen = () => main + typeof a",
    };
    const text = "import { a } from './a.js'; import { seen } from './b.js'; " +
      "export const main = 'm'; export default [a(), seen()]";
    assert.deepEqual(await run(text, all), [2, "mfunction"]);
    const error = await reasonOf(
      run("import { x } from './a.js'; export default x", {
        "a.js": "export { x } from './b.js'",
        "b.js": "export { x } from './a.js'",
      }),
    );
    assert.ok(error instanceof SyntaxError);
    assert.match(error.message, /circular/);
  });

  test("in the order of the standard, with top-level await in dependencies", async () => {
    const note = (name: string) => `(globalThis.log ??= []).push('${name}');`;
    const all = {
      "a.js": `import './b.js'; import './c.js'; ${note("a")}`,
      "b.js": `${note("b1")} await 0; ${note("b2")}`,
      "c.js": `import './d.js'; ${note("c")}`,
      "d.js": note("d"),
    };
    assert.deepEqual(await run(`import './a.js'; ${note("main")} export default log`, all), [
      "b1",
      "d",
      "c",
      "b2",
      "a",
      "main",
    ]);
  });

  test("await in a dependency may be of a timer, or of the host", async () => {
    const all = {
      "a.js": "await new Promise((done) => setTimeout(done, 1)); export const a = await ask(1)",
    };
    const host = { ask: (n: number) => Promise.resolve(n + 1) };
    assert.equal(await run("import { a } from './a.js'; export default a", all, { host }), 2);
  });

  test("import() in a script and in a module gives the namespace", async () => {
    const all = { "a.js": "export const a = 1; export default 2", "t.js": "export const then = 5" };
    assert.deepEqual(await run("const m = await import('./a.js'); return [m.a, m.default]", all), [
      1,
      2,
    ]);
    assert.equal(
      await run(
        "const m = await import('./a.js'); export default m === await import('./a.js')",
        all,
      ),
      true,
    );
    assert.equal(await run("import('./a.js').then((m) => m.a)", all), 1);
    assert.equal(await run("(await import('./t.js')).then", all), 5);
    assert.equal(
      await run("const f = new Function('return import(\"./a.js\")'); (await f()).a", all),
      1,
    );
    assert.equal(await run("(await eval('import(\"./a.js\")')).a", all), 1);
  });

  test("many at the same time, and a slow one holds nobody up", async () => {
    let release = (): void => {};
    const slow = new Promise<string>((resolve) => release = () => resolve("export default 's'"));
    const loader: ModuleLoader = {
      load: (url) => url === "slow.js" ? slow : `export default ${JSON.stringify(url)}`,
    };
    const host = { first: () => release() };
    const text = `
      const slow = import("slow.js");
      const all = await Promise.all(Array.from({ length: 500 }, (_, i) => import("m" + i)));
      await first();
      return [(await slow).default, all.length, all[499].default];
    `;
    assert.deepEqual(await pool.eval(text, { loader, host }), ["s", 500, "m499"]);
  });

  test("import() of a module that waited for another's await settles", async () => {
    const all = { "a.js": "import './b.js'; export default 1", "b.js": "await 0" };
    const text =
      "import a from './a.js'; const m = await import('./a.js'); export default a + m.default";
    assert.equal(await run(text, all), 2);
    const twice = "await import('./a.js'); return (await import('./a.js')).default";
    assert.equal(await run(twice, all), 1);
    const fails = { ...all, "b.js": "await 0; throw new RangeError('b')" };
    const late = "const said = []; for (let i = 0; i < 2; i++) " +
      "await import('./a.js').catch((e) => said.push(e.message)); return said";
    assert.deepEqual(await run(late, fails), ["b", "b"]);
  });

  test("of a module fails before that of who imports it", async () => {
    const all = {
      "a.js": "await gate; throw new RangeError('a')",
      "b.js": "import './a.js'",
      "c.js": "import './b.js'",
    };
    const text = `
      const ends = [];
      let open;
      globalThis.gate = new Promise((resolve) => open = resolve);
      const all = ["c", "b", "a"].map((name) =>
        import(name + ".js").catch((e) => ends.push(name + e.message)));
      for (let i = 0; i < 10; i++) await turn(); // each loads what is a step away
      open();
      await Promise.all(all);
      return ends;
    `;
    assert.deepEqual(await run(text, all, { host: { turn } }), ["aa", "ba", "ca"]);
  });

  test("a module imports itself, and exports what it imports", async () => {
    const self =
      "import * as ns from 'self.js'; import d from 'self.js'; export { d as x, ns as y }; export default 3";
    const text = "import { x, y } from 'self.js'; export default [x, y.x, Object.keys(y)]";
    assert.deepEqual(await run(text, { "self.js": self }), [3, 3, ["default", "x", "y"]]);
    const pair = {
      "a.js": "import { b } from 'b.js'; export { b as viaB }; export const a = 1",
      "b.js": "import { a } from 'a.js'; export { a as b }",
    };
    assert.equal(await run("export { viaB as default } from 'a.js'", pair), 1);
  });

  test("a namespace that two modules export by one name is one", async () => {
    const all = {
      "all.js": "export * from 'a.js'; export * from 'b.js'",
      "a.js": "export * as ns from 'c.js'; export const twice = 1",
      "b.js": "export * as ns from 'c.js'; export const twice = 1",
      "c.js": "export const c = 4",
    };
    assert.equal(await run("import { ns } from 'all.js'; export default ns.c", all), 4);
    const error = await reasonOf(run("import { twice } from 'all.js'", all));
    assert.match(error.message, /export 'twice' in module 'all.js' is ambiguous/);
  });

  test("a name may be *", async () => {
    const all = {
      "a.js": "const n = 5; export { n as '*' }",
      "b.js": "export { '*' as star } from 'a.js'",
    };
    const text = "import { '*' as a } from 'a.js'; import { star } from 'b.js'; " +
      "export default [a, star]";
    assert.deepEqual(await run(text, all), [5, 5]);
  });

  test("of what a minifier leaves", async () => {
    const all = {
      x: 'let a=1,b=()=>a++;export{a as n,b as default};export*from"y";',
      y: "export let c=[]",
    };
    const text =
      'import e,{n as t,c}from"x";e();const{default:r}=await import("x");r();export{t as default,c};';
    assert.equal(await run(text, all), 3);
  });

  test("import.meta belongs to each module", async () => {
    const all = { "a.js": "import.meta.own = 1; export const meta = import.meta" };
    const text = "import { meta } from './a.js'; export default [meta.url, meta.own, " +
      "import.meta.own, Object.getPrototypeOf(meta)]";
    assert.deepEqual(await run(text, all), ["a.js", 1, undefined, null]);
  });

  test("any text, by its attribute, whatever it looks like", async () => {
    const all = { "a.js": "\ufeffexport default", "b.json": "{" };
    const text = "import a from './a.js' with { type: 'text' }; " +
      "import b from './b.json' with { type: 'text' }; import c from './a.js' with { type: 'text' }; " +
      "export default [a, b, a === c]";
    assert.deepEqual(await run(text, all), ["export default", "{", true]);
  });

  test("JSON, by its attribute", async () => {
    const all = { "d.json": '\ufeff{ "a": [1, { "b": null }] }', "no.json": "{ a: 1 }" };
    const text = "import d from './d.json' with { type: 'json' }; " +
      "const n = await import('./d.json', { with: { type: 'json' } }); " +
      "export default [d, n.default === d, Object.keys(n)]";
    assert.deepEqual(await run(text, all), [{ a: [1, { b: null }] }, true, ["default"]]);
    const bare = await reasonOf(run("import './d.json'", all));
    assert.match(bare.message, /"d.json" is JSON: import it with { type: "json" }/);
    const broken = await reasonOf(run("import './no.json' with { type: 'json' }", all));
    assert.ok(broken instanceof SyntaxError);
    assert.match(frames(broken)[0]!, /^at no\.json:1:\d+$/);
    const other = await reasonOf(run("import './d.json' with { type: 'css' }", all));
    assert.match(other.message, /the import attribute { type: "css" } is not known/);
    const script = await reasonOf(
      run("import 'x' with { type: 'json' }", {}, { loader: { load: () => "1" } }),
    );
    assert.match(script.message, /"x" is no JSON/);
  });
});

describe("errors say which file, line and column", () => {
  const all: Files = {
    "lib/ok.js": "export const x = 1;\nexport function boom() {\n  null.x;\n}",
    "lib/bad.js": "export const x =\n  ;",
    "lib/deep.js": "import './bad.js'",
    "lib/throws.js": "\n  throw new RangeError('no')",
    "lib/\u00fc.js": "'\u00fc\u00fc\ud83d\ude00'; null.x",
    "a (b).js": "null.x",
    "with\nline.js": "null.x",
  };
  const places: readonly (readonly [text: string, name: string, lines: readonly string[]])[] = [
    ["import './lib/bad.js'", "SyntaxError", ["at lib/bad.js:2:3"]],
    ["import './lib/deep.js'", "SyntaxError", ["at lib/bad.js:2:3"]],
    ["import './lib/throws.js'", "RangeError", ["at lib/throws.js:2:13"]],
    ["import { boom } from './lib/ok.js';\nboom()", "TypeError", [
      "at boom (lib/ok.js:3:3)",
      "at main.js:2:1",
    ]],
    ["export {};\n  import { y, x } from './lib/ok.js'", "SyntaxError", ["at main.js:2:24"]],
    ["export {};\n  export { y } from './lib/ok.js'", "SyntaxError", ["at main.js:2:21"]],
    ["'\u00fc'; import './no.js'", "Error", ["at main.js:1:13"]],
    ["\n\n await import('./no.js')", "Error", ["at main.js:3:8"]],
    ["import './lib/\u00fc.js'", "TypeError", ["at lib/\u00fc.js:1:9"]],
    ["import 'a (b).js'", "TypeError", ["at a %28b%29.js:1:1"]],
    ["import 'with\\nline.js'", "TypeError", ["at with\\nline.js:1:1"]],
    ["export default 1 +", "SyntaxError", ["at main.js:1:19"]],
    ["1; null.x", "TypeError", ["at main.js:1:4"]],
  ];
  for (const [text, name, lines] of places) {
    test(JSON.stringify(text), async () => {
      const error = await reasonOf(run(text, all));
      assert.equal(error.name, name);
      const own = frames(error);
      assert.deepEqual(own.slice(0, lines.length), lines, String(error.stack));
    });
  }

  test("also to the code itself", async () => {
    const text =
      "import { boom } from './lib/ok.js'; let s; try { boom() } catch (e) { s = e.stack } " +
      "export default s";
    assert.match(await run(text, all) as string, /^ {4}at boom \(lib\/ok\.js:3:3\)\n/);
  });

  test("and messages say what was imported, and in which place", async () => {
    const missing = await reasonOf(run("\n  import './no.js'", all));
    assert.equal(
      missing.message,
      'can\'t import "./no.js" in main.js:2:10: "no.js": the loader\'s load() gave undefined; ' +
        "it may give a text, bytes in UTF-8, or { source, language }, or throw if it has no such module",
    );
    const absent = await reasonOf(run("import { y } from './lib/ok.js'", all));
    assert.equal(absent.message, "Could not find export 'y' in module 'lib/ok.js'");
    const without = await reasonOf(pool.eval("import './x.js'"));
    assert.equal(
      without.message,
      "can't import './x.js': this code has no loader; give it one, { loader: { resolve, load } }, " +
        "or pass the module's values in `scope`",
    );
    assert.deepEqual(frames(without), ["at eval:1:8"]);
  });

  test("a text can't put a frame of its own making into the stack, nor another's file", async () => {
    const text = "throw Object.defineProperty(new Error('x'), 'stack', { value: " +
      "'    at evil (/etc/passwd:1:1)\\n    at worse (lib/ok.js:2:3)\\n' })";
    const { stack } = await reasonOf(run(text, all));
    assert.doesNotMatch(stack!, /passwd|worse/);
  });

  test("files that are called as the engine calls its own are told apart", async () => {
    for (const url of ["native", "deferred:task", "<input>", "missing"]) {
      const error = await reasonOf(run(`import ${JSON.stringify(url)}`, { [url]: "\nnull.x" }));
      assert.equal(frames(error)[0], `at ${url}~2:2:1`);
    }
    const long = "x".repeat(300);
    const loader: ModuleLoader = { load: (url) => url.endsWith("2") ? "null.x" : "" };
    const text = `import ${JSON.stringify(`${long}1`)}; import ${JSON.stringify(`${long}2`)}`;
    const error = await reasonOf(pool.eval(text, { loader }));
    assert.equal(frames(error)[0], `at ${"x".repeat(256)}…~2:1:1`);
  });
});

describe("a loader", () => {
  test("resolves by its own rules, once for each import of a module", async () => {
    const asked: string[] = [];
    const loader: ModuleLoader = {
      resolve(specifier, importer) {
        asked.push(`${specifier} from ${importer}`);
        return new URL(specifier, importer);
      },
      load: (url) => Promise.resolve(new TextEncoder().encode(`export default "${url}"`)),
    };
    const text =
      "import a from './x/../a.js'; export default [a, (await import('./a.js')).default, " +
      "(await import('./a.js')).default]";
    assert.deepEqual(await pool.eval(text, { loader, filename: "app:///rules/main.js" }), [
      "app:///rules/a.js",
      "app:///rules/a.js",
      "app:///rules/a.js",
    ]);
    assert.deepEqual(asked, [
      "./x/../a.js from app:///rules/main.js",
      "./a.js from app:///rules/main.js",
    ]);
  });

  test("without resolve() takes specifiers as URLs, relative ones to the importer", async () => {
    const loader: ModuleLoader = { load: (url) => `export default ${JSON.stringify(url)}` };
    for (
      const [filename, specifier, url] of [
        ["main.js", "./a.js", "a.js"],
        ["main.js", "bare", "bare"],
        ["main.js", "@scope/bare/x.js", "@scope/bare/x.js"],
        ["a/b/main.js", "../c.js", "a/c.js"],
        ["a/b/main.js", "../../../c.js", "c.js"],
        ["/a/b/main.js", "./c.js", "/a/b/c.js"],
        ["/a/main.js", "/c.js", "/c.js"],
        ["app:///a/main.js", "../c.js?x#y", "app:///c.js?x#y"],
        ["https://host/a/main.js", "/c.js", "https://host/c.js"],
        ["https://host/a/main.js", "npm:lodash", "npm:lodash"],
        [undefined, "./a.js", "a.js"],
      ] as const
    ) {
      const text = `export { default } from ${JSON.stringify(specifier)}`;
      assert.equal(await pool.eval(text, { loader, filename }), url, `${filename} ${specifier}`);
    }
  });

  test("is a method of its object, runs in the task's context, and hears of its end", async () => {
    const storage = new AsyncLocalStorage<string>();
    class Loader {
      #texts = new Map([["a", "export default 1"]]);
      readonly seen: unknown[] = [];
      load(url: string, { signal, attributes }: { signal: AbortSignal; attributes: object }) {
        this.seen.push(storage.getStore(), signal.aborted, { ...attributes });
        this.signal = signal;
        return this.#texts.get(url);
      }
      signal: AbortSignal | undefined;
    }
    const loader = new Loader();
    const value = await storage.run(
      "here",
      () => pool.eval("import a from 'a'; export default a", { loader }),
    );
    assert.equal(value, 1);
    assert.deepEqual(loader.seen, ["here", false, {}]);
    assert.equal(loader.signal!.aborted, true);
  });

  const odd: readonly (readonly [what: string, loader: ModuleLoader, message: RegExp])[] = [
    ["throws", {
      load: () => {
        throw new Error("only std: modules");
      },
    }, /: "x": only std: modules$/],
    ["rejects", { load: () => Promise.reject(new Error("no")) }, /: "x": no$/],
    ["throws no error", {
      load: () => {
        throw null;
      },
    }, /: "x": the loader failed$/],
    [
      "gives a number",
      { load: () => 5 as never },
      /load\(\) gave the number 5; it may give a text, bytes/,
    ],
    [
      "gives an object",
      { load: () => ({}) as never },
      / an object with undefined as its source; .*{ source/,
    ],
    [
      "gives a response",
      { load: () => new Response("") as never },
      / a Response object with undefined as its source; it may give a text, bytes/,
    ],
    [
      "gives a language that is none",
      { load: () => ({ source: "", language: "coffee" }) as never },
      /load\(\) gave the language the string "coffee"$/,
    ],
    [
      "gives no UTF-8",
      { load: () => new Uint8Array([0xff]) },
      /load\(\) gave bytes that are no UTF-8$/,
    ],
    [
      "resolves to nothing",
      { resolve: () => null, load: () => "" },
      /the loader's resolve\(\) gave null$/,
    ],
    [
      "resolves to a number",
      { resolve: () => 5 as never, load: () => "" },
      /resolve\(\) gave the number 5$/,
    ],
    [
      "throws when it resolves",
      {
        resolve: () => {
          throw new Error("not here");
        },
        load: () => "",
      },
      /^can't import "x" in eval:1:8: not here$/,
    ],
    [
      "throws what throws when it is read",
      {
        load: () => {
          throw Object.defineProperty({}, "message", {
            get() {
              throw 1;
            },
          });
        },
      },
      /the loader failed$/,
    ],
    [
      "gives a thenable that throws",
      {
        load: () =>
          ({
            get then() {
              throw new Error("odd");
            },
          }) as never,
      },
      /: "x": odd$/,
    ],
  ];
  for (const [what, loader, message] of odd) {
    test(`that ${what}`, async () => {
      const error = await reasonOf(pool.eval("import 'x'", { loader }));
      assert.match(error.message, message);
      assert.deepEqual(frames(error), ["at eval:1:8"]);
      const caught = "let m; try { await import('x') } catch (e) { m = e.message } return m";
      const inside = await pool.eval(caught, { loader });
      assert.match(inside as string, new RegExp(message.source.replace("1:8", "1:\\d+")));
    });
  }

  test("that fails by the system tells the code its code, and the host all", async () => {
    const failure = Object.assign(new Error("ENOENT: no such file, open '/srv/app/x.js'"), {
      code: "ENOENT",
    });
    const loader: ModuleLoader = { load: () => Promise.reject(failure) };
    const error = await reasonOf(pool.eval("import 'x'", { loader }));
    assert.equal(error.message, 'can\'t import "x" in eval:1:8: "x": ENOENT');
    assert.equal(error.cause, failure);
    const text =
      "try { await import('x') } catch (e) { return [e.message, e.stack, String(e.cause)] }";
    assert.doesNotMatch(String(await pool.eval(text, { loader })), /srv|modules_test/);
  });

  test("that fails is asked once, and the module it lacks can be done without", async () => {
    let asked = 0;
    const loader: ModuleLoader = {
      load(url) {
        asked++;
        if (url === "bad") throw new Error("no");
        return url === "broken" ? "import 'bad'" : "export default 1";
      },
    };
    const text = `
      const tries = [];
      for (const name of ["bad", "broken", "bad", "broken", "good"]) {
        tries.push(await import(name).then((m) => m.default, (e) => e.message.slice(-4)));
      }
      return tries;
    `;
    assert.deepEqual(await pool.eval(text, { loader }), [": no", ": no", ": no", ": no", 1]);
    assert.equal(asked, 3);
  });

  test("that never answers leaves the task its limits, and answers late to nobody", async () => {
    const answers: ((text: string) => void)[] = [];
    const loader: ModuleLoader = {
      load: () => new Promise<string>((resolve) => void answers.push(resolve)),
    };
    const late = await reasonOf(pool.eval("import 'x'", { loader, timeout: 20 }));
    assert.equal(late.name, "TimeoutError");
    const task = pool.eval("import 'x'", { loader });
    await until(() => answers.length === 2, "the loader is asked");
    task.cancel("enough");
    assert.equal(await task.catch((reason) => reason), "enough");
    for (const answer of answers) answer("export default 1");
    await turn();
    assert.equal(await pool.eval("6 * 7"), 42);
    const own = new DeferredPool({ maxThreads: 1 });
    const lost = own.eval("import 'x'", { loader });
    const reason = reasonOf(lost);
    await until(() => answers.length === 3, "the loader is asked");
    own.destroy();
    assert.equal((await reason).name, "PoolClosedError");
    answers[2]!("export default 1");
    await turn();
  });

  test("keeps no thread while it loads", async () => {
    const own = new DeferredPool({ maxThreads: 1 });
    const answers: ((text: string) => void)[] = [];
    const loader: ModuleLoader = {
      load: () => new Promise<string>((resolve) => void answers.push(resolve)),
    };
    const tasks = Array.from(
      { length: 50 },
      () => own.eval("import x from 'x'; export default x", { loader }),
    );
    await until(() => answers.length === 50, "all wait for their module");
    assert.equal(await own.eval("1 + 1"), 2);
    for (const answer of answers) answer("export default 5");
    assert.deepEqual(await Promise.all(tasks), Array(50).fill(5));
    await own.close();
  });

  test("may run tasks itself, in a pool whose tasks all wait for it", async () => {
    const own = new DeferredPool({ maxThreads: 1, maxWaiting: 1 });
    const loader: ModuleLoader = {
      load: (url) => own.eval<string>("`export default ${n}`", { scope: { n: url.length } }),
    };
    assert.equal(await own.eval("import n from 'four'; export default n", { loader }), 4);
    await own.close();
  });

  test("what is left when the text has ended is not waited for", async () => {
    const loader: ModuleLoader = { load: () => new Promise<string>(() => {}) };
    assert.equal(await pool.eval("import('x'); 5", { loader }), 5);
    const error = await reasonOf(pool.eval("await new Promise(() => {})", { loader }));
    assert.ok(error instanceof UnsettledError);
  });
});

describe("limits of modules", () => {
  test("moduleLimit ends the task", async () => {
    const loader: ModuleLoader = { load: (url) => `import "${url}x"` };
    const error = await reasonOf(pool.eval("import 'x'", { loader, moduleLimit: 10 }));
    assert.ok(error instanceof DeferredLimitError);
    assert.equal(error.code, "ERR_DEFERRED_LIMIT");
    assert.equal(error.limit, "moduleLimit");
    assert.equal(
      error.message,
      `the task needs more modules than its moduleLimit of 10: "${"x".repeat(11)}" in ${
        "x".repeat(10)
      }`,
    );
    assert.match(error.stack!.split("\n")[1]!, /modules_test/);
    const all = await reasonOf(
      pool.eval("for (let i = 0;; i++) try { await import('' + i) } catch {}", {
        loader: { load: () => "" },
      }),
    );
    assert.match(all.message, /moduleLimit of 1000: "1000" in eval$/);
    const none = await reasonOf(pool.eval("import 'x'", { loader, moduleLimit: 0 }));
    assert.ok(none instanceof DeferredLimitError);
  });

  test("sourceLimit counts the text and its modules, in UTF-8", async () => {
    const text = "export { default } from '\u00fc\u4e2d\ud83d\ude00'"; // 28 + 2 + 3 + 4 bytes
    const loader: ModuleLoader = { load: () => "export default '\u00fc'" }; // 19 bytes
    const bytes = new TextEncoder().encode(text).length + 19;
    assert.equal(await pool.eval(text, { loader, sourceLimit: bytes }), "\u00fc");
    const error = await reasonOf(pool.eval(text, { loader, sourceLimit: bytes - 1 }));
    assert.ok(error instanceof DeferredLimitError);
    assert.equal(error.limit, "sourceLimit");
    assert.equal(
      error.message,
      `the code with its modules, up to "\u00fc\u4e2d\ud83d\ude00" in eval, is ${bytes} bytes, more than ` +
        `its sourceLimit of ${bytes - 1} bytes`,
    );
    let submitted = 0;
    const alone = await reasonOf(
      pool.eval("1 + 1", {
        sourceLimit: 4,
        scope: {
          get a() {
            return ++submitted;
          },
        },
      }),
    );
    assert.match(alone.message, /the code is 5 bytes, more than its sourceLimit of 4 bytes/);
    assert.equal(submitted, 0);
    assert.equal(await pool.eval("1 + 1", { sourceLimit: 5 }), 2);
  });

  test("a module that is larger than the task's memory ends it", async () => {
    const loader: ModuleLoader = { load: () => `"${"x".repeat(4 * 2 ** 20)}"` };
    const error = await reasonOf(pool.eval("import 'x'", { loader, memoryLimit: 2 ** 20 }));
    assert.match(error.name, /Error$/);
    assert.equal(await pool.eval("6 * 7"), 42);
  });

  const evaluate = pool.eval.bind(pool) as (...args: unknown[]) => unknown;
  for (
    const [options, message] of [
      [
        { loader: 1 },
        /^TypeError: pool\.eval\(source, { loader }\): loader must be an object with/,
      ],
      [{ loader: {} }, /loader\.load must be a function, got undefined$/],
      [{ loader: { load: 1 } }, /loader\.load must be a function, got the number 1$/],
      [
        { loader: { load() {}, resolve: "x" } },
        /loader\.resolve must be a function, got the string "x"$/,
      ],
      [{ loader: null }, /loader must be an object .*, got null$/],
      [{ type: "commonjs" }, /type must be "script" or "module", got the string "commonjs"$/],
      [{ language: "ts" }, /language must be "javascript" or "typescript", got the string "ts"$/],
      [{ filename: 1 }, /filename must be a string, got the number 1$/],
      [{ moduleLimit: -1 }, /^RangeError: .*{ moduleLimit }\) must be a whole number from 0/],
      [{ moduleLimit: "1" }, /^TypeError: .*{ moduleLimit }\) must be a whole number/],
      [{ sourceLimit: 1.5 }, /^RangeError: .*{ sourceLimit }\) must be a whole number/],
    ] as const
  ) {
    test(`what makes no sense is refused at once: ${JSON.stringify(options)}`, () => {
      assert.throws(() => void evaluate("1", options), message);
    });
  }

  test("properties that a polluted Object.prototype has are no options", async () => {
    const prototype = Object.prototype as unknown as Record<string, unknown>;
    prototype["loader"] = { load: () => "" };
    try {
      assert.match((await reasonOf(pool.eval("import 'x'"))).message, /this code has no loader/);
    } finally {
      delete prototype["loader"];
    }
  });
});

describe("hostile modules", () => {
  test("a chain of re-exports", async () => {
    const chain = (end: string): ModuleLoader => ({
      load: (url) => Number(url) < 2000 ? `export { x } from "${Number(url) + 1}"` : end,
    });
    const text = "import { x } from '1'; export default x";
    const options = { moduleLimit: 3000 };
    const one = chain("export const x = 1");
    assert.equal(await pool.eval(text, { ...options, loader: one }), 1);
    const error = await reasonOf(
      pool.eval(text, { ...options, loader: chain("export { x } from '1'") }),
    );
    assert.match(error.message, /circular/);
  });

  test("a chain of 10,000, a cycle of 10,000, and a star of 10,000", async () => {
    const count = 10_000;
    const options = { moduleLimit: 3 * count };
    const line: ModuleLoader = {
      load: (url) => Number(url) < count ? `import "${Number(url) + 1}"` : "",
    };
    assert.equal(await pool.eval("import '1'; export default 0", { ...options, loader: line }), 0);
    const imports: ModuleLoader = {
      load: (url) => Number(url) < count ? `import "${Number(url) + 1}"` : "import '1'; import '2'",
    };
    assert.equal(
      await pool.eval("import '1'; export default 1", { ...options, loader: imports }),
      1,
    );
    const star = Array.from({ length: count }, (_, i) => `import "${i}";`).join("\n");
    const flat: ModuleLoader = { load: () => "" };
    assert.equal(await pool.eval(`${star} export default 2`, { ...options, loader: flat }), 2);
    assert.equal(await pool.eval("6 * 7"), 42);
  });

  test("little stack for a deep chain is told", async () => {
    const loader: ModuleLoader = {
      load: (url) => Number(url) < 5000 ? `import "${Number(url) + 1}"` : "",
    };
    const error = await reasonOf(
      pool.eval("import '1'", { loader, moduleLimit: 6000, maxStackSize: 2 ** 16 }),
    );
    assert.match(error.name, /^(RangeError|DeferredStackError)$/);
    assert.equal(await pool.eval("6 * 7"), 42);
  });

  test("3,000 modules that wait for one another's await settle on little stack", async () => {
    const count = 3000;
    for (const end of ["", "throw new RangeError('zero')"]) {
      let waiting = (): void => {};
      const loader: ModuleLoader = {
        load: (url) =>
          url === "0" ? `started(); await gate; ${end}` : `import "${Number(url) - 1}"`,
      };
      // Each is imported when the one before has been linked, so that linking is never deep.
      const host = {
        turn,
        opened: () => new Promise<void>((resolve) => waiting = resolve),
        started: () => waiting(),
      };
      const text = `
        let open;
        globalThis.gate = new Promise((resolve) => open = resolve);
        const all = [], linked = opened();
        for (let i = 0; i <= ${count}; i++) {
          all.push(import(String(i)).then(() => "done", (error) => error.message));
          if (i === 0) await linked;
          if (i % 20 === 0) await turn();
        }
        for (let i = 0; i < 5; i++) await turn();
        open();
        return [...new Set(await Promise.all(all))];
      `;
      const options = { loader, host, moduleLimit: 2 * count, maxStackSize: 2 ** 16 };
      assert.deepEqual(await pool.eval(text, options), [end === "" ? "done" : "zero"]);
    }
  });

  test("a chain for which the stack did not suffice is imported again, from its middle", async () => {
    for (const count of [500, 600, 700, 800]) {
      const loader: ModuleLoader = {
        load: (url) =>
          Number(url) < count ? `export { x } from "${Number(url) + 1}"` : "export const x = 1",
      };
      const text = `
        const seen = new Set();
        for (let i = 1; i <= ${count}; i += 10) {
          try { seen.add((await import(String(i))).x); } catch (error) { seen.add(error.name); }
        }
        export default [...seen];
      `;
      const options = { loader, moduleLimit: 1000, maxStackSize: 2 ** 16 };
      assert.deepEqual(await pool.eval(text, options), ["RangeError", 1]);
    }
  });

  test("a task is killed while it links, loads and evaluates", async () => {
    const loader: ModuleLoader = {
      load: (url) => Number(url) < 300 ? `import "${Number(url) + 1}"; await 0` : "for (;;);",
    };
    for (let i = 0; i < 40; i++) {
      const task = pool.eval("import '1'", { loader });
      const reason = reasonOf(task);
      for (let turns = 0; turns < i * 4; turns++) await turn();
      task.cancel();
      assert.equal((await reason).name, "AbortError");
    }
    assert.equal(await pool.eval("6 * 7"), 42);
  });

  test("broken builtins break what they are of, and nothing else", async () => {
    const spoils = [
      "Array.prototype.push = Array.prototype.forEach = null;",
      "Object.defineProperty(Array.prototype, 0, { set() {}, get() { return 5 } });",
      "Object.prototype.type = 'json'; Object.prototype.url = 'evil';",
      "Promise.prototype.then = () => { throw 1 }; Promise.resolve = null;",
      "Error.prepareStackTrace = () => { import('a'); throw 1 };",
      "globalThis.Promise = null; globalThis.Error = null;",
      "Object.freeze(Object.prototype); Object.freeze(Array.prototype);",
    ];
    const all = { "a": "export const a = import.meta.url", "bad": "export const x = ;" };
    for (const spoil of spoils) {
      const text = `${spoil} const m = await import("a"); ` +
        "let bad = 'none'; try { await import('bad') } catch (e) { bad = typeof e } return [m.a, bad]";
      const value = await run(text, all, { timeout: 60_000 });
      assert.deepEqual(value, ["a", "object"], spoil);
    }
  });

  test("a module is waited for, whatever the constructor of promises has become", async () => {
    const all = {
      "a.js": "import './b.js'; export const a = 1",
      "b.js":
        "Object.defineProperty(Promise.prototype, 'constructor', { get() { throw 1 } }); await 0",
    };
    assert.equal(await run("import { a } from './a.js'; export default a", all), 1);
  });

  test("imports that nobody waits for are bounded", async () => {
    let asked = 0;
    const loader: ModuleLoader = {
      load: () => {
        asked++;
        return new Promise<string>(() => {});
      },
    };
    const text = "for (let i = 0; i < 20_000; i++) import('m' + i); await null; 'done'";
    assert.equal(await pool.eval(text, { loader, moduleLimit: 30_000 }), "done");
    assert.ok(asked <= 20_000);
  });

  test("nothing of one run is left in the next", async () => {
    const all = { a: "export default globalThis.left = (globalThis.left ?? 0) + 1" };
    for (let i = 0; i < 20; i++) {
      assert.equal(
        await run("import a from 'a'; export default a + typeof other", all),
        "1undefined",
      );
    }
  });
});

test("a loader serves code in a Worker of the host's, which ends in the middle of it without harm", async () => {
  const worker = (text: string): string => `
    import { Worker } from "node:worker_threads";
    const text = 'import { parentPort } from "node:worker_threads";' +
      'import { Deferred } from ' + JSON.stringify(${JSON.stringify(MOD)}) + ';' + ${
    JSON.stringify(text)
  };
    const worker = new Worker(new URL("data:text/javascript," + encodeURIComponent(text)));
    worker.on("message", async (said) => { await worker.terminate(); console.log(said); });`;
  const load = "load: async (url) => `export const x: string = ${JSON.stringify(url)}`";
  const code = `"import { x } from './a.ts'; export default x"`;
  assert.equal(
    await outputOf(worker(
      `parentPort.postMessage(await Deferred.eval(${code}, { loader: { ${load} }, filename: "main.ts" }));`,
    )),
    "a.ts",
  );
  const ask =
    "load: (url) => { parentPort.postMessage('asked ' + url); return new Promise(() => {}) }";
  assert.equal(
    await outputOf(
      worker(`await Deferred.eval(${code}, { loader: { ${ask} }, filename: "main.ts" });`),
    ),
    "asked a.ts",
  );
});
