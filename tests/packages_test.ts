/**
 * What functions import: modules and packages of the host's, found as Node.js finds them, among them
 * CommonJS; and what they may.
 */
import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { Deferred, DeferredPool } from "../mod.ts";
import { Modules } from "../src/modules.ts";
import { type Files, folderOf } from "./support/folders.ts";
import { reasonOf } from "./support/reason.ts";

/** A package's files, as they lie in node_modules. */
function installed(name: string, manifest: object, files: Files): Files {
  const folder = `node_modules/${name}`;
  const all = Object.entries(files).map(([file, text]) => [`${folder}/${file}`, text]);
  return { [`${folder}/package.json`]: JSON.stringify(manifest), ...Object.fromEntries(all) };
}

/** A function of which only the text is known: what it imports, no compiler of the tests' looks for. */
const written = (text: string): () => Promise<unknown> => (0, eval)(`(${text})`);

/** What a function gives that imports from a folder with these files. */
async function given(files: Files | string, modules: readonly string[], body: string) {
  const folder = typeof files === "string" ? files : folderOf(files);
  await using pool = new DeferredPool({ maxThreads: 1, modules, base: join(folder, "main.js") });
  return await pool.run(written(`async () => { ${body} }`));
}

describe("files", () => {
  test("of every kind, with what they import, by their paths", async () => {
    const files = {
      "rules.ts":
        "import data from './data.json' with { type: 'json' };\nimport { half } from './lib/half.mjs';\n" +
        "export interface Rule { n: number }\nexport const rule: Rule = { n: half(data.n) };\n" +
        "export const url: string = import.meta.url;\n" +
        "export const later = async (): Promise<number> => (await import('./lib/late.js')).late;\n",
      "data.json": '{ "n": 8 }',
      "lib/half.mjs": "export const half = (n) => n / 2;",
      "lib/late.js": "export let late = 1; late++;",
      "note.md": "\ufeffa note\n",
    };
    const folder = folderOf(files);
    const value = await given(
      folder,
      ["./rules.ts", "./note.md", "./data.json"],
      `const { rule, url, later } = await import("./rules.ts");
      const { default: note } = await import("./note.md", { with: { type: "text" } });
      const { default: data } = await import("./data.json", { with: { type: "json" } });
      const { default: text } = await import("./data.json", { with: { type: "text" } });
      return [rule, url, await later(), note, data, text];`,
    );
    assert.deepEqual(value, [
      { n: 4 },
      pathToFileURL(join(folder, "rules.ts")).href,
      2,
      "a note\n",
      { n: 8 },
      files["data.json"],
    ]);
  });

  test("come with all that they import, in one answer of the host's", async () => {
    const { receive } = Modules.prototype;
    let asked = 0;
    Modules.prototype.receive = function (...args) {
      asked++;
      receive.apply(this, args);
    };
    try {
      const files: Record<string, string> = {
        "c.js": "import data from './d.json' with { type: 'json' }; export const c = data.n;",
        "d.json": '{ "n": 1 }',
        "a.ts": "import type { T } from './none.ts'; export const a: number = 1;",
        "old.cjs": "exports.old = require('./older.cjs').old + 1;",
        "older.cjs": "exports.old = 1;",
        "main.mjs": "import{a as one}from'./a.ts';export*from\"./c.js\";\n" +
          "// import './nothing.js'; from './nothing.js'\n" +
          "export { old } from './old.cjs'; import * as m0 from './m0.js'; export { one, m0 };",
      };
      for (let i = 0; i < 50; i++) {
        files[`m${i}.js`] = `export * as next from './m${(i + 1) % 50}.js'; export const n = ${i};`;
      }
      const body = `const { one, c, old, m0 } = await import("./main.mjs");
        return [one, c, old, m0.next.next.n];`;
      assert.deepEqual(await given(files, ["./main.mjs"], body), [1, 1, 2, 2]);
      assert.equal(asked, 1);
    } finally {
      Modules.prototype.receive = receive;
    }
  });

  test("whose import was not seen are asked for, and told why they can't be had", async () => {
    const files = {
      "a2.js": "import { /* ' */ b } from './b.js'; export { b };",
      "b.js": "export const b = 2;",
      "c.js": "export {};\n  import './none.js';",
      "d.js": "import './d.json';",
      "d.json": "1",
    };
    assert.equal(await given(files, ["./a2.js"], 'return (await import("./a2.js")).b'), 2);
    for (
      const [name, reason] of [
        ["c.js", /can't import ".\/none.js" in .*c\.js:2:10: there is no file/],
        ["d.js", /is JSON: import it with/],
      ] as const
    ) {
      const error = await reasonOf(given(files, [`./${name}`], `await import("./${name}")`));
      assert.match(error.message, reason);
    }
  });

  test("are told that they are built for production", async () => {
    const files = {
      "a.js":
        "export const is = process.env.NODE_ENV === 'production' ? 1 : process.env.NODE_ENV;\n" +
        "export const said = 'process.env.NODE_ENV'.length; // process.env.NODE_ENV\n" +
        "export const own = { process: { env: { NODE_ENV: 2 } } }; export const two = own.process.env.NODE_ENV;\n" +
        "export const fail = () => { if (process.env.NODE_ENV) null.x; };",
      "b.cjs": "if (process.env.NODE_ENV !== 'production') process.exit(1); else exports.b = 3;",
    };
    const folder = folderOf(files);
    const value = await given(
      folder,
      ["./a.js", "./b.cjs"],
      `const { is, said, two } = await import("./a.js");
      return [is, said, two, (await import("./b.cjs")).b];`,
    );
    assert.deepEqual(value, [1, "process.env.NODE_ENV".length, 2, 3]);
    const error = await reasonOf(given(folder, ["./a.js"], '(await import("./a.js")).fail()'));
    assert.match(error.stack ?? "", /a\.js:4:55/);
  });

  test("in a cycle see each other's bindings, and are evaluated once", async () => {
    const files = {
      "a.js":
        "import { b } from './b.js'; export const a = () => b() + 1; globalThis.n = (globalThis.n ?? 0) + 1;",
      "b.js": "import { a } from './a.js'; export const b = () => typeof a === 'function' ? 1 : 0;",
    };
    const body = `const [{ a }, { b }] = await Promise.all([import("./a.js"), import("./b.js")]);
      return [a(), b(), globalThis.n];`;
    assert.deepEqual(await given(files, ["./a.js", "./b.js"], body), [2, 1, 1]);
  });

  test("of a folder, and no others", async () => {
    const files = {
      "rules/a.js": "export { b } from './deep/b.js';",
      "rules/deep/b.js": "export const b = 1;",
      "rules.js": "export {}",
    };
    const folder = folderOf(files);
    assert.equal(await given(folder, ["./rules/"], 'return (await import("./rules/a.js")).b'), 1);
    for (const other of ["./rules.js", "./rules/../rules.js", "./rules/nothing.js"]) {
      const error = await reasonOf(
        given(folder, ["./rules/"], `return await import(${JSON.stringify(other)})`),
      );
      assert.match(error.message, other.includes("nothing") ? /there is no file/ : /not among/);
    }
  });

  test("that no task can have are refused with the reason", async () => {
    const files = {
      "a.jsx": "<a/>",
      "b.tsx": "<a/>",
      "c.wasm": "",
      "d.cts": "",
      "e.node": "",
      "f.md": "",
      "g.json": "{}",
      "h.js": "export const a = ;",
    };
    const reasons = [
      ["a.jsx", /JSX has to be compiled first/],
      ["b.tsx", /JSX has to be compiled first/],
      ["c.wasm", /no WebAssembly/],
      ["d.cts", /CommonJS in TypeScript/],
      ["e.node", /native code/],
      ["f.md", /no such modules; .*with \{ type: "text" \}/],
      ["g.json", /is JSON: import it with \{ type: "json" \}/],
      ["h.js", /unexpected token/],
      ["i.js", /there is no file .*i\.js/],
    ] as const;
    const folder = folderOf(files);
    for (const [name, reason] of reasons) {
      const error = await reasonOf(given(folder, [`./${name}`], `await import("./${name}")`));
      assert.match(error.message, reason, name);
    }
  });

  test("are read once for a pool", async () => {
    const folder = folderOf({ "a.js": "export const a = 1;" });
    const base = join(folder, "main.js");
    await using pool = new DeferredPool({ maxThreads: 1, modules: ["./a.js"], base });
    const read = written('async () => (await import("./a.js")).a');
    assert.equal(await pool.run(read), 1);
    writeFileSync(join(folder, "a.js"), "export const a = 2;");
    assert.equal(await pool.run(read), 1);
    await using other = new DeferredPool({ maxThreads: 1, modules: ["./a.js"], base });
    assert.equal(await other.run(read), 2);
  });

  test("throw errors that tell their lines", async () => {
    const folder = folderOf({
      "a.ts": "interface A {}\nexport function fail(): never {\n  throw new RangeError('no');\n}\n",
      "b.cjs": "'use strict';\nexports.fail = () => {\n    null.x;\n};\n",
    });
    for (const [name, place] of [["a.ts", "3:13"], ["b.cjs", "3:5"]] as const) {
      const error = await reasonOf(
        given(folder, [`./${name}`], `(await import("./${name}")).fail()`),
      );
      const url = pathToFileURL(join(folder, name)).href;
      assert.ok(error.stack?.includes(`(${url}:${place})`), `${place} in ${error.stack}`);
    }
  });
});

describe("packages", () => {
  const name = (what: string) => `export const name = ${JSON.stringify(what)};`;

  test("are found in the nearest node_modules, and by their own names", async () => {
    const files = {
      ...installed("a", { type: "module", exports: { ".": "./a.js", "./own": "./own.js" } }, {
        "a.js": "export { name as b } from 'b'; export { name as own } from 'a/own';",
        "own.js": name("own"),
        "node_modules/b/package.json": '{ "type": "module", "main": "main.js" }',
        "node_modules/b/main.js": name("inner b"),
      }),
      ...installed("b", { type: "module" }, { "index.js": name("outer b") }),
      ...installed("@scope/c", { type: "module", main: "./lib/c" }, { "lib/c.js": name("c") }),
    };
    // A package may name itself if its package.json has its name.
    const own = JSON.stringify({
      name: "a",
      type: "module",
      exports: { ".": "./a.js", "./own": "./own.js" },
    });
    const value = await given(
      { ...files, "node_modules/a/package.json": own },
      ["a", "b", "@scope/c"],
      `const a = await import("a"), b = await import("b"), c = await import("@scope/c");
      return [a.b, a.own, b.name, c.name];`,
    );
    assert.deepEqual(value, ["inner b", "own", "outer b", "c"]);
  });

  test("give what `exports` and `imports` say, of several builds that for browsers", async () => {
    const manifest = {
      type: "module",
      exports: {
        ".": { node: "./node.js", browser: { import: "./browser.js" }, default: "./other.js" },
        "./worker": { worker: "./worker.js", browser: "./browser.js" },
        "./first": [{ deno: "./node.js" }, "./other.js"],
        "./files/*.js": "./src/*.js",
        "./files/*": "./src/*.js", // what is longer counts, whichever comes first
        "./files/private/*": null,
        "./inner": "./inner.js",
      },
      imports: { "#inner": { node: "./node.js", default: "./src/a.js" }, "#b": "b" },
    };
    const files = {
      ...installed("a", manifest, {
        "node.js": name("node"),
        "browser.js": name("browser"),
        "other.js": name("other"),
        "worker.js": name("worker"),
        "src/a.js": name("src/a"),
        "src/private/p.js": name("private"),
        "inner.js": "export { name } from '#inner'; export { name as b } from '#b';",
      }),
      ...installed("b", { type: "module" }, { "index.js": name("b") }),
    };
    const folder = folderOf(files);
    const found = [
      ["a", "browser"],
      ["a/worker", "worker"],
      ["a/first", "other"],
      ["a/files/a.js", "src/a"],
      ["a/inner", "src/a"],
    ];
    for (const [specifier, expected] of found) {
      const body = `return (await import("${specifier}")).name`;
      assert.equal(await given(folder, ["a"], body), expected, specifier);
    }
    assert.equal(await given(folder, ["a/inner"], 'return (await import("a/inner")).b'), "b");
    for (
      const hidden of ["a/files/private/p.js", "a/node.js", "a/files/none.js", "a/package.json"]
    ) {
      const error = await reasonOf(given(folder, ["a"], `await import("${hidden}")`));
      assert.match(error.message, /exports no|is no file/, hidden);
    }
  });

  test("leave out or replace for browsers what their package.json says", async () => {
    const manifest = {
      type: "module",
      main: "./index.js",
      browser: {
        crypto: false,
        "./big.js": "./small.js",
        "other": "./small.js",
        "./none.js": false,
      },
    };
    const files = installed("a", manifest, {
      "index.js": "import crypto from 'crypto'; import { name } from './big.js'; " +
        "import { name as other } from 'other'; import none from './none.js'; " +
        "export default [crypto, name, other, none];",
      "big.js": name("big"),
      "small.js": name("small"),
      "none.js": "export default 1;",
    });
    const value = await given(files, ["a"], 'return (await import("a")).default');
    assert.deepEqual(value, [{}, "small", "small", {}]);
  });

  test("that are links find what lies beside their target", async () => {
    const folder = folderOf({
      "store/a/node_modules/a/package.json": '{ "type": "module" }',
      "store/a/node_modules/a/index.js": "export { name } from 'b';",
      "store/a/node_modules/b/package.json": '{ "type": "module" }',
      "store/a/node_modules/b/index.js": name("beside"),
      "node_modules/.keep": "",
    });
    symlinkSync(join(folder, "store/a/node_modules/a"), join(folder, "node_modules/a"), "dir");
    assert.equal(await given(folder, ["a"], 'return (await import("a")).name'), "beside");
  });

  test("may stand in for modules of the runtime, which no task has", async () => {
    const files = installed("events", {}, { "index.js": "exports.once = 'from the package';" });
    assert.equal(
      await given(files, ["events"], 'return (await import("events")).once'),
      "from the package",
    );
    for (const core of ["node:fs", "fs", "fs/promises", "bun:ffi"]) {
      for (const modules of [[], [core]]) {
        const error = await reasonOf(given({}, modules, `await import("${core}")`));
        assert.match(error.message, /no modules of the runtime; offer .*\{ host: \{ read \} \}/);
        assert.ok(error.message.includes(core));
      }
    }
  });

  test("get by a path what is theirs, and no other file", async () => {
    const files: Files = {
      "secret.txt": "secret",
      ...installed("prying", { type: "module", main: "dist/index.js" }, {
        "dist/package.json": '{ "type": "module" }',
        "lib/link.js": "",
        "dist/index.js": "export { own } from '../lib/own.js';\n" +
          "export const read = async (path) =>\n" +
          "  (await import(path, { with: { type: 'text' } })).default;",
        "lib/own.js": "export const own = 1;",
      }),
    };
    const folder = folderOf(files);
    const pry = (path: string) =>
      given(
        folder,
        ["prying", "./secret.txt"],
        `const { own, read } = await import("prying"); return [own, await read(${
          JSON.stringify(path)
        })];`,
      );
    assert.deepEqual(await pry("../package.json"), [1, files["node_modules/prying/package.json"]]);
    const secret = join(folder, "secret.txt");
    for (const path of ["../../../secret.txt", secret, pathToFileURL(secret).href]) {
      assert.match(
        (await reasonOf(pry(path))).message,
        /outside of the package, which is .*prying$/,
      );
    }
    // Nor by what the runtime alone takes for a path, or for a URL of it.
    const { href } = pathToFileURL(secret);
    for (
      const name of [
        href.replace("file", "FILE"),
        ` ${href}`,
        href.replace("i", "\ti"),
        "?../../../secret.txt",
        "absent/../../../secret.txt",
      ]
    ) {
      assert.match((await reasonOf(pry(name))).message, /by name only|names no part/, name);
    }
    // Nor by way of a name, a manifest, or an ending that is guessed.
    writeFileSync(join(folder, "secret.js"), "export default 'secret';");
    const sly = installed("sly", { main: "../../secret.txt" }, {});
    const manifest = {
      type: "module",
      main: "dist/index.js",
      browser: { "./lib/link.js": "../../secret.js" },
    };
    for (const [name, text] of Object.entries({ ...sly, ...installed("prying", manifest, {}) })) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    for (const path of ["prying/../../secret.txt", "../../../secret", "../lib/link.js", "sly"]) {
      assert.match((await reasonOf(pry(path))).message, /outside of the package, which is /, path);
    }
  });

  test("get by `imports` and `browser` their own files and packages, and no other file", async () => {
    const secret = join(folderOf({ "secret.js": name("secret") }), "secret.js");
    const { href } = pathToFileURL(secret);
    const targets = ["../../secret.js", secret, href, href.replace("file", "FILE"), "#a", "#b"];
    const chain = Array.from({ length: 60 }, (_, i) => [`#${i}`, [`#${i + 1}`, `#${i + 1}`]]);
    for (const target of targets) {
      const manifest = {
        type: "module",
        imports: { ...Object.fromEntries(chain), "#a": target, "#b": "#a", "#s/*": "../../*.js" },
        browser: { x: target === "#a" ? "y" : target, y: "x" },
      };
      const folder = folderOf({
        "secret.js": name("secret"),
        ...installed("sly", manifest, { "index.js": "export const get = (name) => import(name);" }),
      });
      for (const asked of ["#a", "#s/secret", "#0", "x"]) {
        const body = `return (await (await import("sly")).get("${asked}")).name`;
        const { message } = await reasonOf(given(folder, ["sly"], body));
        assert.match(message, /in `imports`|by name only|outside of the|no such/, message);
      }
    }
  });

  test("that are missing or broken are named, with who imports them", async () => {
    const folder = folderOf({
      ...installed("a", { type: "module" }, { "index.js": "\n  import 'absent';" }),
      "node_modules/b/package.json": "{",
      "rules.js": "",
      ...installed("types", { types: "index.d.ts" }, { "index.d.ts": "" }),
    });
    const reasons = [
      [
        "absent",
        /can't import "absent": no such package is installed where .*main\.js .*; install it/,
      ],
      ["rules.js", /no such package .*; the file beside that is "\.\/rules\.js"/],
      ["a", /can't import "absent" in file:.*\/a\/index\.js:2:10: no such package is installed/],
      ["b", /b[\\/]package\.json is no JSON/],
      ["types", /no file for it; it may have nothing but types/],
    ] as const;
    for (const [specifier, reason] of reasons) {
      const error = await reasonOf(given(folder, [specifier], `await import("${specifier}")`));
      assert.match(error.message, reason);
    }
  });
});

describe("CommonJS", () => {
  test("has its variables, its own mode, and is a module for those who import it", async () => {
    const folder = folderOf({
      "a.cjs": "#!/usr/bin/env node\nundeclared = 010; exports.octal = undeclared;\n" +
        "exports.self = this === exports && this === module.exports;\n" +
        "exports.names = [__filename, __dirname, module.filename, module.loaded];\n" +
        "exports['a name'] = typeof require;\n" +
        "Object.defineProperty(exports, 'got', { get: () => 5 });\n" +
        "exports.inner = (function () { return this === globalThis })();",
      "strict.cjs": "'use strict'; exports.inner = (function () { return this })();",
      "fn.cjs":
        "module.exports = function twice(n) { return 2 * n }; module.exports.thrice = (n) => 3 * n;",
      "object.cjs":
        "const b = 2; module.exports = { a: b, b, 'c-d': b, ...require('./strict.cjs') };",
      "nothing.cjs": "module.exports = undefined;",
    });
    const all = ["a", "strict", "fn", "object", "nothing"].map((name) => `./${name}.cjs`);
    const value = await given(
      folder,
      all,
      `const [a, strict, fn, object, nothing] =
        await Promise.all(${JSON.stringify(all)}.map((name) => import(name)));
      return [
        a.octal, a.self, a.names, a["a name"], a.got, a.inner, a.default.octal,
        strict.inner, fn.default(4), fn.thrice(4), Object.keys(object), object.default.b,
        nothing.default,
      ];`,
    );
    const file = join(folder, "a.cjs");
    assert.deepEqual(value, [
      8,
      true,
      [file, folder, file, false],
      "function",
      5,
      true,
      8,
      undefined,
      8,
      12,
      ["a", "b", "c-d", "default", "inner"],
      2,
      undefined,
    ]);
  });

  test("requires files, folders, JSON, packages and ES modules, when it comes to it", async () => {
    const files = {
      "a.js": "globalThis.order = ['a'];\nconst late = () => require('./late');\n" +
        "exports.folder = require('./folder').name;\nexports.json = require('./data').n;\n" +
        "exports.pack = require('pack');\nexports.esm = require('./esm.mjs').name;\n" +
        "order.push('before');\nexports.late = late().name;\nlate();\nexports.order = order;",
      "late.js": "order.push('late'); exports.name = 'late';",
      "folder/index.js": "exports.name = require('../up.cjs');",
      "up.cjs": "module.exports = 'up';",
      "data.json": '{ "n": 7 }',
      "esm.mjs": "export const name = 'esm';",
      ...installed("pack", { exports: { require: "./r.cjs", import: "./i.mjs" } }, {
        "r.cjs": "module.exports = 'required';",
        "i.mjs": "export default 'imported';",
      }),
    };
    assert.deepEqual(
      await given(files, ["./a.js"], 'return { ...(await import("./a.js")).default }'),
      {
        folder: "up",
        json: 7,
        pack: "required",
        esm: "esm",
        late: "late",
        order: ["a", "before", "late"],
      },
    );
  });

  test("in a cycle sees what is there so far", async () => {
    const files = {
      "a.cjs":
        "exports.early = 1; const b = require('./b.cjs'); exports.late = 2; exports.b = b.seen;",
      "b.cjs": "const a = require('./a.cjs'); exports.seen = [a.early, a.late];",
    };
    assert.deepEqual(
      await given(files, ["./a.cjs"], 'const a = await import("./a.cjs"); return [a.b, a.late];'),
      [[1, undefined], 2],
    );
  });

  test("is read in the time of a line, whatever its text looks like", async () => {
    const blanks = " ".repeat(100_000);
    const took = async (text: string): Promise<number> => {
      const started = performance.now();
      await reasonOf(given({ "a.cjs": text }, ["./a.cjs"], 'await import("./a.cjs")'));
      return performance.now() - started;
    };
    const plain = await took(`${blanks}module.exports = { a b };`);
    assert.ok(await took(`module.exports = { a${blanks}b };`) < 50 * plain + 50);
  });

  test("may try what is not there", async () => {
    const files = {
      "a.cjs": "const codes = [];\n" +
        "for (const f of [() => require('absent'), () => require('fs'), (n = 'x') => require(n)]) {\n" +
        "  try { f() } catch (e) { codes.push(e.code, e.message) }\n}\nmodule.exports = codes;",
    };
    const [absent, why, fs, noFs, any, literal] = await given(
      files,
      ["./a.cjs"],
      'return (await import("./a.cjs")).default',
    ) as string[];
    assert.deepEqual([absent, fs, any], Array(3).fill("MODULE_NOT_FOUND"));
    assert.match(why!, /can't require\("absent"\) in file:.*a\.cjs: no such package is installed/);
    assert.match(noFs!, /no modules of the runtime/);
    assert.match(literal!, /can't require\("x"\).*only what its text requires by a literal name/);
  });

  test("that throws is told of, and runs again when it is required again", async () => {
    const files = {
      "a.cjs":
        "globalThis.n = (globalThis.n ?? 0) + 1; if (n === 1) throw new Error('once'); exports.n = n;",
      "b.cjs":
        "try { require('./a.cjs') } catch (e) { exports.first = e.message }\nexports.n = require('./a.cjs').n;",
    };
    assert.deepEqual(
      await given(files, ["./b.cjs"], 'const b = await import("./b.cjs"); return [b.first, b.n];'),
      ["once", 2],
    );
  });

  test("is told from ES modules by its ending, its package, or what it says", async () => {
    const cjs = "module.exports = typeof module;", esm = "export default typeof module;";
    const files = {
      "plain.js": cjs,
      "esm.js": `/* an example:\nimport a from 'a'\n*/\n${esm}`,
      "minified.js": "var a=typeof module;export{a as default};",
      "writes.js": "module.exports = `\nimport a from 'a';\nexport default 1;\n` && typeof module;",
      "open.js": `${cjs}\n//${"/*".repeat(200_000)}`,
      "comment.js": `// not this:\n/*\nexport default 1\n*/\n${cjs}`,
      "module/package.json": '{ "type": "module" }',
      "module/a.js": "export {}; globalThis.x = 1",
      "module/b.js": "export default typeof module",
      "module/c.cjs": cjs,
      "commonjs/package.json": '{ "type": "commonjs" }',
      "commonjs/a.js": cjs,
      "commonjs/b.mjs": esm,
    };
    const kinds = {
      "plain.js": "object",
      "esm.js": "undefined",
      "minified.js": "undefined",
      "comment.js": "object",
      "writes.js": "object",
      "open.js": "object",
      "module/b.js": "undefined",
      "module/c.cjs": "object",
      "commonjs/a.js": "object",
      "commonjs/b.mjs": "undefined",
    };
    const folder = folderOf(files);
    const value = await given(
      folder,
      ["./"],
      `const kinds = {};
      for (const name of ${JSON.stringify(Object.keys(kinds))}) {
        kinds[name] = (await import("./" + name)).default;
      }
      return kinds;`,
    );
    assert.deepEqual(value, kinds);
  });
});

describe("what may be imported", () => {
  const files = {
    ...installed("mark", { type: "module" }, {
      "index.js": "export default 1",
      "a.js": "export default 2",
    }),
    ...installed("marked", { type: "module" }, { "index.js": "export default 3" }),
    "a.js": "export { default } from 'marked';",
  };

  test("is what the list names, with the subpaths of packages, and what that imports", async () => {
    const folder = folderOf(files);
    assert.equal(await given(folder, ["mark"], 'return (await import("mark")).default'), 1);
    assert.equal(await given(folder, ["mark"], 'return (await import("mark/a.js")).default'), 2);
    assert.equal(await given(folder, ["./a.js"], 'return (await import("./a.js")).default'), 3);
    const url = JSON.stringify(pathToFileURL(join(folder, "a.js")).href);
    assert.equal(await given(folder, ["./a.js"], `return (await import(${url})).default`), 3);
    for (const other of ["marked", "./a.js", "/etc/passwd", "data:text/javascript,1"]) {
      const error = await reasonOf(
        given(folder, ["mark"], `await import(${JSON.stringify(other)})`),
      );
      assert.ok(error.message.includes("not among the modules that the function may import"));
      assert.ok(error.message.includes(`{ modules: [${JSON.stringify(other)}] }`), error.message);
    }
  });

  test("is nothing by default, and nothing of it for code that is text", async () => {
    const error = await reasonOf(Deferred.run(written('async () => await import("acorn")')));
    assert.match(error.message, /only what `modules` names, .*: \{ modules: \["acorn"\] \}/);
    const base = join(folderOf(files), "main.js");
    await using pool = new DeferredPool({ maxThreads: 1, modules: ["mark"], base });
    const refused = await reasonOf(pool.eval('(await import("mark")).default'));
    assert.match(refused.message, /can't import 'mark': this code has no loader/);
  });

  test("may be a function's own, in the place of its pool's", async () => {
    const base = join(folderOf(files), "main.js");
    await using pool = new DeferredPool({ maxThreads: 1, modules: ["mark"], base });
    const load = (name: string) => written(`async () => (await import("${name}")).default`);
    assert.equal(await pool.defer(load("marked"), { modules: ["marked"], base }), 3);
    assert.match(
      (await reasonOf(pool.defer(load("mark"), { modules: [], base }))).message,
      /not among the modules/,
    );
    const wrapped = Deferred.wrap(load("mark"), { modules: ["mark"], base });
    assert.deepEqual(await Promise.all([wrapped(), wrapped()]), [1, 1]);
    assert.throws(() => wrapped.with({ modules: [] } as never), /it belongs to the function/);
  });

  test("is found from the file that makes the list, unless `base` says another", async () => {
    const load = written('async () => typeof (await import("acorn")).parse');
    assert.equal(await new Deferred(load, { modules: ["acorn"] }), "function");
    assert.equal(await Deferred.wrap(load, { modules: ["acorn"] })(), "function");
    await using pool = new DeferredPool({
      maxThreads: 1,
      modules: ["acorn", "./support/reason.ts"],
    });
    assert.equal(await pool.run(load), "function");
    assert.equal(await pool.defer(load, { modules: ["acorn"] }), "function");
    const own = written('async () => typeof (await import("./support/reason.ts")).reasonOf');
    assert.match((await reasonOf(pool.run(own))).message, /"node:assert\/strict" in file:/);
    const elsewhere = pathToFileURL(join(folderOf({}), "main.js"));
    assert.match(
      (await reasonOf(new Deferred(load, { modules: ["acorn"], base: elsewhere }))).message,
      /no such package is installed/,
    );
  });

  test("where the file is not known, the error says what to do", () => {
    const { captureStackTrace } = Error;
    Error.captureStackTrace = () => {};
    try {
      assert.throws(() => new DeferredPool({ modules: ["acorn"] }), {
        name: "TypeError",
        message:
          "new DeferredPool({ modules }): which file asks for them is not known, so they can't " +
          "be found; say it: { base: import.meta.url }",
      });
    } finally {
      Error.captureStackTrace = captureStackTrace;
    }
  });

  test("what makes no sense is refused when the list is given", () => {
    const wrong: readonly (readonly [options: object, message: RegExp])[] = [
      [{ modules: "marked" }, /modules must be an array .*, got the string "marked"/],
      [{ modules: [1] }, /modules must be an array/],
      [{ modules: [""] }, /modules must be an array/],
      [
        { modules: [], base: 5 },
        /base must be the URL of a module, import\.meta\.url, got the number 5/,
      ],
      [
        { modules: [], base: "https://example.com/a.js" },
        /must be the URL or the path of one, got/,
      ],
    ];
    for (const [options, message] of wrong) {
      assert.throws(() => new DeferredPool(options), { name: "TypeError", message });
      assert.throws(() => new Deferred(() => 1, options as never), { name: "TypeError", message });
    }
  });
});
