/**
 * Code as text: `Deferred.eval` and `pool.eval`. The text is a stranger's, so that most of this is
 * about what it may do while it is compiled, and about texts that try to be more than one.
 */
import assert from "node:assert/strict";
import process from "node:process";
import { after, describe, test } from "node:test";
import {
  DataCloneError,
  Deferred,
  DeferredMemoryError,
  DeferredPool,
  type EvalOptions,
  PoolClosedError,
  UnsettledError,
} from "../mod.ts";
import { assertLinear } from "./support/measure.ts";
import { reasonOf } from "./support/reason.ts";

const pool = new DeferredPool({ maxThreads: 1, memoryLimit: 512 * 2 ** 20 });
after(() => pool.close());

const MIB = 2 ** 20;

async function nextIsFine(): Promise<void> {
  assert.equal(await pool.eval("6 * 7"), 42);
  assert.equal(await pool.run((n: number) => n * 2, 21), 42);
}

/** The lines of an error's stack that speak of the script: those before this file's. */
function frames(error: Error): string[] {
  const lines = String(error.stack).split("\n").filter((line) => /^\s+at /.test(line));
  const own = lines.findIndex((line) => line.includes("eval_test.ts"));
  assert.ok(own >= 0, String(error.stack));
  return lines.slice(0, own).map((line) => line.trim());
}

describe("the value of a text", () => {
  const values: readonly (readonly [text: string, value: unknown])[] = [
    ["", undefined],
    ["   \n\t ", undefined],
    ["// a comment", undefined],
    ["1 + 1", 2],
    ["1; 2; 3", 3],
    ["'use strict'; 4", 4],
    ["var x = 5", undefined],
    ["var x = 5; x", 5],
    ["let a = 2; const b = 3; a * b", 6],
    ["function f() { return 7 } f()", 7],
    ["class A { static b = 8 } A.b", 8],
    ["if (true) { 9 } else { 0 }", 9],
    ["if (false) 1", undefined],
    ["for (let i = 0; i < 3; i++) i", 2],
    ["let i = 0; while (i < 3) i++", 2],
    ["do { 'once' } while (false)", "once"],
    ["for (const c of 'abc') c", "c"],
    ["for (const k in { a: 1, b: 2 }) k", "b"],
    ["for await (const n of [1, 2]) n", 2],
    ["switch (2) { case 1: 'one'; break; case 2: 'two' }", "two"],
    ["try { 1 } finally { 2 }", 1],
    ["try { throw 1 } catch (e) { e + 1 }", 2],
    ["a: { 1; break a; }", 1],
    ["{ a: 1 }", 1],
    ["({ a: 1 })", { a: 1 }],
    ["5; var later", 5],
    ["return 5", 5],
    ["return", undefined],
    ["return;", undefined],
    ["return\n5", undefined],
    ["1; return 2; 3", 2],
    ["if (true) { return 1 } return 2", 1],
    ["for (const n of [1, 2]) return n", 1],
    ["for (;;) { for (;;) return 'out' }", "out"],
    ["try { return 1 } finally { 2 }", 1],
    ["try { return 1 } finally { return 2 }", 2],
    ["switch (1) { default: return 'switched' }", "switched"],
    ["{ return { a: [1] } }", { a: [1] }],
    ["return undefined", undefined],
    ["return Promise.resolve(6)", 6],
    ["Promise.resolve(6)", 6],
    ["await 7", 7],
    ["return await Promise.resolve(8)", 8],
    ["const a = await Promise.resolve(4); const b = await 5; a * b", 20],
    ["return { then(done) { done(9) } }", 9],
    ["const f = () => { return 10 }; f()", 10],
    ["const f = async () => { return 11 }; await f()", 11],
    ["this === globalThis", true],
    ["typeof require + typeof process + typeof Deno", "undefinedundefinedundefined"],
    ["with ({ a: 12 }) a", 12],
    ["undeclared = 13; undeclared", 13],
    ["010", 8],
    ["eval('14')", 14],
    ["new Function('return 15')()", 15],
    ["await using x = null; 16", 16],
  ];
  for (const [text, value] of values) {
    test(JSON.stringify(text), async () => {
      assert.deepEqual(await pool.eval(text), value);
    });
  }

  test("the value crosses as any result", async () => {
    const value = await pool.eval("const m = new Map([[1, new Date(0)]]); m.set(2, m); m") as Map<
      number,
      unknown
    >;
    assert.deepEqual(value.get(1), new Date(0));
    assert.equal(value.get(2), value);
  });

  test("what can't cross is refused by name", async () => {
    const error = await reasonOf(pool.eval("({ a: [() => 1] })"));
    assert.ok(error instanceof DataCloneError);
    assert.equal(error.path, "result.a[0]");
  });

  test("a hostile Object.prototype keeps no value back", async () => {
    const set = "Object.defineProperty(Object.prototype, 'value', { set() {}, get: () => 0 });";
    assert.equal(await pool.eval(`${set} 5`), 5);
    assert.equal(await pool.eval(`${set} return 6`), 6);
    assert.equal(await pool.eval("Object.freeze(Object.prototype); 7"), 7);
    const then = "Object.prototype.then = (resolve) => resolve(0);";
    assert.equal(await pool.eval(`${then} 8`), 8);
    assert.equal(await pool.eval(`${then} return 9`), 9);
  });

  test("what it throws is thrown", async () => {
    assert.equal(await pool.eval("throw 5").catch((thrown) => thrown), 5);
    assert.equal(await pool.eval("await Promise.reject('no')").catch((thrown) => thrown), "no");
    assert.equal(await pool.eval("return Promise.reject(6)").catch((thrown) => thrown), 6);
    const error = await reasonOf(pool.eval("x.y"));
    assert.ok(error instanceof ReferenceError);
  });

  test("a promise that never settles is told", async () => {
    const error = await reasonOf(pool.eval("await new Promise(() => {})", { name: "stuck" }));
    assert.ok(error instanceof UnsettledError);
    assert.match(error.message, /`stuck` waits for a promise that can never settle/);
  });

  test("the default pool runs it, too; it is a Deferred, and typed", async () => {
    const sum: Deferred<number> = Deferred.eval<number>("1 + 2");
    assert.ok(sum instanceof Deferred);
    assert.equal(sum.name, "eval");
    assert.equal(await sum, 3);
    assert.ok(sum.stats!.worker > 0);
    assert.equal(await Deferred.eval("this.x", { pool, scope: { x: 4 } }), 4);
  });
});

describe("texts that try to be more, or less, than one script", () => {
  const refused = [
    "}",
    "})",
    "}); (function () {",
    "})(); (function () {",
    "return 1; })(); (function () {",
    "return 1 } + function () {",
    "}) (",
    "*/",
    "/* open",
    "`open ${",
    "'open",
    "return 1 /*",
    "1;\0 2",
    "\\u0072eturn 1",
    "class A { static { return 1 } }",
    "'use strict'; with ({}) 1",
    "'use strict'; 010",
    "var await = 1",
    "new.target",
    "super.x",
    "super()",
    "() => { await 1 }",
    "function f() { await 1 }",
    "await: 1",
    "break",
    "continue",
    "let a; let a",
    "1 #! no hashbang",
    "a\ud800b",
  ];
  for (const text of refused) {
    test(`${JSON.stringify(text)} is a SyntaxError`, async () => {
      const error = await reasonOf(pool.eval(text));
      assert.ok(error instanceof SyntaxError, String(error));
      assert.equal(error.name, "SyntaxError");
    });
  }

  const read: readonly (readonly [text: string, value: unknown])[] = [
    ["#!/usr/bin/env node\n1", 1],
    ["#!/usr/bin/env node", undefined],
    ["\ufeff2", 2],
    ["<!-- a comment of old\n3", 3],
    ["4\n--> another", 4],
    ["5 // the end", 5],
    ["return 6 // the end", 6],
    ["7 /* \u2028 */", 7],
    ["'a\u2028b'.length", 3],
    ["8 // ends at \u2029 return 9", 9],
    ["// ends at \u2028 return 10", 10],
    ["'\0'.charCodeAt(0)", 0],
    ["'\ud800'.charCodeAt(0)", 0xd800],
    ["'\udc00\ud800'.length", 2],
    ["`\ud83d\ude00`.length", 2],
    ["'\u00e4\u4e2d'.length", 2],
    ["\u00e4 = 11; \u00e4", 11],
    ["// sourceURL=x\n12", 12],
    ["1\r\n+ 12", 13],
    ["\u00a0\u3000\u202814", 14],
  ];
  for (const [text, value] of read) {
    test(JSON.stringify(text), async () => assert.equal(await pool.eval(text), value));
  }

  const noLoader = (name: string): string =>
    `can't import '${name}': this code has no loader; give it one, { loader: { resolve, load } }, or ` +
    "pass the module's values in `scope`";
  for (
    const text of [
      "import fs from 'fs'",
      "import 'fs'",
      "import { a } from 'fs'",
      "export * from 'fs'",
      "return import('fs')",
      "export default await import('fs')",
    ]
  ) {
    test(`${text} is told what it lacks`, async () => {
      const error = await reasonOf(pool.eval(text));
      assert.ok(error instanceof ReferenceError);
      assert.equal(error.message, noLoader("fs"));
      assert.match(frames(error)[0]!, /^at eval:1:\d+$/);
    });
  }

  for (
    const [text, advice] of [
      ["import 'fs'", 'import statements only work in modules; run it with { type: "module" }'],
      ["export default 1", 'export; return the value, or run it with { type: "module" }'],
      ["import.meta.url", 'import.meta only valid in module code; run it with { type: "module" }'],
      ["function f() {", "expression: ''; the text ends too early: something is not closed"],
      ["1 + \0 + 1", "expression: ''; there is a NUL in the text"],
    ] as const
  ) {
    test(`${text} is refused with advice by a script`, async () => {
      const error = await reasonOf(pool.eval(text, { type: "script" }));
      assert.ok(error instanceof SyntaxError);
      assert.ok(error.message.includes(advice), error.message);
    });
  }
});

describe("errors say where in the text", () => {
  const places: readonly (readonly [text: string, lines: readonly string[]])[] = [
    ["1 +", ["at formula:1:4"]],
    ["foo(", ["at formula:1:5"]],
    ["\u00e9\u00e9(", ["at formula:1:4"]],
    ["'\ud83d\ude00' + )", ["at formula:1:8"]],
    ["let x = 1;\n  x +* 2", ["at formula:2:6"]],
    ["x", ["at formula:1:1"]],
    ["1; x", ["at formula:1:4"]],
    ["'\u00fc'; 1 + x", ["at formula:1:10"]],
    ["'\ud83d\ude00';\n\u00fc = '\u4e2d'; x", ["at formula:2:10"]],
    ["#! x\nx", ["at formula:2:1"]],
    ["1; throw new Error('no')", ["at formula:1:14"]],
    [
      "function f() {\n  throw new Error('no');\n}\n1; f();",
      ["at f (formula:2:13)", "at formula:4:4"],
    ],
    ["1; [2].map(function g() { x })", [
      "at g (formula:1:27)",
      "at map (native)",
      "at formula:1:12",
    ]],
  ];
  for (const [text, lines] of places) {
    test(JSON.stringify(text), async () => {
      const error = await reasonOf(pool.eval(text, { name: "formula" }));
      assert.deepEqual(frames(error), lines);
    });
  }

  test("without a name the text is called eval", async () => {
    assert.deepEqual(frames(await reasonOf(pool.eval("\n\nnull.x"))), ["at eval:3:1"]);
  });

  test("an empty name is none", async () => {
    assert.deepEqual(frames(await reasonOf(pool.eval("null.x", { name: "" }))), ["at eval:1:1"]);
  });

  test("a name makes no frame of its own, and no frame is longer than people read", async () => {
    const text = "null.x";
    const names: readonly (readonly [name: string, shown: string])[] = [
      ["rule\n    at evil (/etc/passwd:1:1)", "rule\\n    at evil (/etc/passwd:1:1)"],
      ["\x1b[31mred\u202e", "\\u001b[31mred\\u202e"],
      ["x".repeat(1000), `${"x".repeat(256)}…`],
    ];
    for (const [name, shown] of names) {
      assert.deepEqual(frames(await reasonOf(pool.eval(text, { name }))), [`at ${shown}:1:1`]);
    }
  });

  test("a long text's place is told, too, and quickly", async () => {
    const error = await reasonOf(pool.eval(`${"\n".repeat(3e6)}null.x`));
    assert.deepEqual(frames(error), ["at eval:3000001:1"]);
  });

  test("a file's name stands there, in the code's own stacks, too; messages name it", async () => {
    const filename = "rules/7 (new).js";
    const shown = "rules/7 %28new%29.js";
    const error = await reasonOf(pool.eval("1;\n  null.x", { filename }));
    assert.deepEqual(frames(error), [`at ${shown}:2:3`]);
    assert.deepEqual(frames(await reasonOf(pool.eval("1 +", { filename }))), [`at ${shown}:1:4`]);
    const own = "function f() { throw new Error('x') } try { f() } catch (e) { return e.stack }";
    assert.match(
      await pool.eval(own, { filename }) as string,
      /^ {4}at f \(rules\/7 %28new%29\.js:1:\d+\)\n/,
    );
    const late = await reasonOf(pool.eval("for (;;);", { filename, timeout: 10 }));
    assert.match(late.message, /the task `rules\/7 \(new\)\.js` ran longer/);
    assert.equal(pool.eval("1", { filename, name: "rule" }).name, "rule");
    assert.deepEqual(frames(await reasonOf(pool.eval("null.x", { filename: "" }))), [
      "at eval:1:1",
    ]);
    assert.deepEqual(
      frames(await reasonOf(pool.eval("eval('null.x')", { filename, name: "rule" }))).slice(-1),
      [`at ${shown}:1:1`],
    );
  });

  test("messages name it", async () => {
    const error = await reasonOf(pool.eval("for (;;);", { name: "formula", timeout: 10 }));
    assert.match(error.message, /the task `formula` ran longer than its timeout of 10 ms/);
  });

  test("a text can't put a frame of its own making into the stack", async () => {
    const text = "throw Object.defineProperty(new Error('x'), 'stack', " +
      "{ value: '    at evil (/etc/passwd:1:1)\\n    at worse (file:///srv/app.js:2:3)' })";
    const { stack } = await reasonOf(pool.eval(text));
    assert.doesNotMatch(stack!, /passwd|srv/);
  });
});

describe("scope", () => {
  test("values are globals by name", async () => {
    const scope = { price: 100, rate: 0.25, "\u00e4\u4e2d": 1, $: 2, _: 3, "a\u200cb": 4 };
    assert.equal(await pool.eval("price * (1 + rate)", { scope }), 125);
    assert.deepEqual(await pool.eval("[\u00e4\u4e2d, $, _, a\u200cb]", { scope }), [1, 2, 3, 4]);
    assert.equal(await pool.eval("globalThis.price", { scope }), 100);
    assert.equal(
      await pool.eval("Object.keys(globalThis).slice(-2).join()", { scope: { b: 1, a: 2 } }),
      "b,a",
    );
  });

  test("they are copies, with their cycles and sharing", async () => {
    const shared = { n: 1 };
    const scope: Record<string, unknown> = { a: shared, b: [shared], date: new Date(5) };
    scope["self"] = scope;
    const text = "a.n++; [a === b[0], self.a === a, date.getTime(), a.n]";
    assert.deepEqual(await pool.eval(text, { scope }), [true, true, 5, 2]);
    assert.equal(shared.n, 1);
  });

  test("what they shadow is theirs alone, and gone with the task", async () => {
    const scope = { Math: 1, JSON: 2, Object: 3, globalThis: 4, eval: 5, Promise: 6, Deferred: 7 };
    const text = "[Math, JSON, Object, globalThis, eval, Promise, Deferred]";
    assert.deepEqual(await pool.eval(text, { scope }), [1, 2, 3, 4, 5, 6, 7]);
    assert.equal(await pool.eval("typeof Math + typeof JSON"), "objectobject");
  });

  test("the text may declare the names anew", async () => {
    const scope = { price: 1 };
    assert.equal(await pool.eval("let price = 2; price", { scope }), 2);
    assert.equal(await pool.eval("const price = 3; price", { scope }), 3);
    assert.equal(await pool.eval("var price; price", { scope }), 1);
    assert.equal(await pool.eval("price = 4; price", { scope }), 4);
    assert.equal(await pool.eval("delete globalThis.price; typeof price", { scope }), "undefined");
    assert.equal(await pool.eval("function price() {} typeof price", { scope }), "function");
  });

  test("__proto__, constructor and their like are names as any", async () => {
    const scope = Object.fromEntries(
      ["__proto__", "constructor", "toString", "hasOwnProperty", "let", "static", "async", "of"]
        .map((name, i) => [name, i]),
    );
    const text = "[__proto__, constructor, toString, hasOwnProperty, let, static, async, of]";
    assert.deepEqual(await pool.eval(text, { scope }), [0, 1, 2, 3, 4, 5, 6, 7]);
    const nobody = Object.assign(Object.create(null), { a: 1 });
    assert.equal(await pool.eval("a", { scope: nobody }), 1);
  });

  test("what can't go is refused by its path", async () => {
    for (
      const [scope, path] of [
        [{ f: () => 1 }, "scope.f"],
        [{ a: { b: [Symbol("s")] } }, "scope.a.b[0]"],
        [{ p: Promise.resolve() }, "scope.p"],
      ] as const
    ) {
      await assert.rejects(() => pool.eval("1", { scope }), (error: unknown) => {
        assert.ok(error instanceof DataCloneError);
        assert.equal(error.path, path);
        return true;
      });
    }
  });

  test("what is no variable's name is refused", () => {
    for (
      const name of [
        "",
        " ",
        "a-b",
        "1a",
        "a b",
        "a;b",
        "class",
        "await",
        "this",
        "undefined",
        "NaN",
      ]
    ) {
      assert.throws(
        () => pool.eval("1", { scope: { [name]: 1 } }),
        new RegExp(
          `^TypeError: pool\\.eval\\(source, \\{ scope \\}\\): "${name}" can't be the name`,
        ),
      );
    }
  });

  test("errors are there without the host's paths, and come back as they were sent", async () => {
    const inner = new RangeError("inner");
    const scope = { e: Object.assign(new TypeError("outer", { cause: inner }), { code: 5 }) };
    assert.match(scope.e.stack!, /eval_test/);
    const text = "[e.stack, e.cause.stack, e.message, e.cause.message, e.code, " +
      "Object.getOwnPropertyNames(e).join()]";
    const seen = await pool.eval(text, { scope }) as unknown[];
    assert.deepEqual(seen.slice(2, 5), ["outer", "inner", 5]);
    assert.doesNotMatch(String(seen), /eval_test|:\d+:\d+/);
    const back = await reasonOf(pool.eval("throw e", { scope, name: "rule" }));
    assert.ok(back instanceof TypeError);
    assert.equal((back as Error & { code: number }).code, 5);
  });

  test("buffers move by transfer", async () => {
    const buffer = new ArrayBuffer(100_000);
    const length = pool.eval("b.byteLength", { scope: { b: buffer }, transfer: [buffer] });
    assert.equal(buffer.byteLength, 0);
    assert.equal(await length, 100_000);
  });

  test("what a pool shares is there, and so are its classes", async () => {
    class Point {
      x = 3;
      double(): number {
        return this.x * 2;
      }
    }
    await using own = new DeferredPool({ maxThreads: 1, classes: [Point] });
    const table = own.share({ a: [1, 2, 3] });
    assert.equal(await own.eval("table.a[2]", { scope: { table } }), 3);
    assert.equal(await own.eval("p.double()", { scope: { p: new Point() } }), 6);
    assert.ok(await own.eval("new Point()") instanceof Point);
    assert.equal(await own.eval("a[1]", { scope: own.share({ a: [4, 5] }) }), 5);
  });
});

describe("a call that makes no sense is refused at once", () => {
  const evaluate = Deferred.eval as (...args: unknown[]) => unknown;
  for (
    const [args, message] of [
      [[], /^Deferred\.eval\(source\): source must be a string, got undefined$/],
      [[5], /source must be a string, got the number 5/],
      [[() => 1], /got a function; a function is run by Deferred\.run\(fn\)/],
      [[new String("1")], /source must be a string, got an? String object/],
      [["1", 2], /options must be an object such as { scope: { x: 1 } }, got the number 2/],
      [["1", {}, 3], /nothing can follow the options, got the number 3/],
      [["1", { args: [1] }], /no option `args`; code that is text has no parameters: .* scope/],
      [
        ["1", { allowGlobals: true }],
        /no option `allowGlobals`; code that is text may use any name/,
      ],
      [["1", { classes: [] }], /no option `classes`; it is a pool's/],
      [["1", { timeuot: 1 }], /no option `timeuot`; did you mean `timeout`\?$/],
      [
        ["1", { other: 1 }],
        /no option `other`; the options are scope, transfer, name, filename, type, language, loader/,
      ],
      [["1", { scope: 1 }], /scope must be a plain object of values by name.*got the number 1/],
      [["1", { scope: null }], /scope must be a plain object/],
      [["1", { scope: [1] }], /scope must be a plain object.*got an array of 1/],
      [["1", { scope: new Map() }], /scope must be a plain object.*got a Map object/],
      [["1", { name: 1 }], /^Deferred\.eval\(source, { name }\): name must be a string/],
      [["1", { signal: {} }], /signal must be an AbortSignal/],
      [["1", { pool: {} }], /pool must be a DeferredPool/],
      [["1", { transfer: 1 }], /transfer must be an array of ArrayBuffers/],
      [["1", { timeout: -1 }], /^Deferred\.eval\(source, { timeout }\) must be a number of ms/],
      [["1", { memoryLimit: 1 }], /memoryLimit }\) must be a whole number/],
    ] as const
  ) {
    test(`${message}`, () => {
      // A block, as JavaScriptCore leaves a function that ends with a call out of the stack.
      const call = (): void => {
        evaluate(...args);
      };
      assert.throws(call, (error: unknown) => {
        assert.ok(error instanceof TypeError || error instanceof RangeError);
        assert.match(error.message, message);
        assert.match(error.stack!.split("\n")[1]!, /eval_test\.ts/);
        return true;
      });
    });
  }

  test("new Deferred and run point to it", () => {
    const run = Deferred.run as (...args: unknown[]) => unknown;
    assert.throws(() => run("1 + 1"), /code that is text is run by Deferred\.eval\(source\)/);
  });

  test("a closed pool", async () => {
    const closed = new DeferredPool();
    await closed.close();
    await assert.rejects(() => closed.eval("1"), PoolClosedError);
  });
});

/** Takes any engine longer than the limits below. */
const LONG_TEXT = `${"x=1;".repeat(4 * MIB)} 1`;

describe("limits hold while the text is compiled", () => {
  test("timeout", async () => {
    const error = await reasonOf(pool.eval(LONG_TEXT, { timeout: 30 }));
    assert.equal(error.name, "TimeoutError");
    await nextIsFine();
  });

  test("the event loop goes on meanwhile", async () => {
    let settled = false;
    const task = pool.eval(`${LONG_TEXT}; for (;;);`);
    const reason = reasonOf(task).finally(() => settled = true);
    for (let tick = 0; tick < 3; tick++) await new Promise((done) => setTimeout(done, 1));
    assert.equal(settled, false);
    task.cancel();
    assert.equal((await reason).name, "AbortError");
    await nextIsFine();
  });

  test("cpuLimit", { skip: process.platform !== "linux" }, async () => {
    const error = await reasonOf(pool.eval(LONG_TEXT, { cpuLimit: 20 }));
    assert.match(error.message, /cpuLimit of 20 ms/);
    await nextIsFine();
  });

  test("memoryLimit", async () => {
    const error = await reasonOf(pool.eval("x=1;".repeat(MIB), { memoryLimit: 2 * MIB }));
    assert.ok(error instanceof DeferredMemoryError);
    const names = Array.from({ length: 50_000 }, (_, i) => `v${i}=${i}`).join();
    assert.ok(
      await reasonOf(pool.eval(`var ${names}`, { memoryLimit: 2 * MIB })) instanceof
        DeferredMemoryError,
    );
    await nextIsFine();
  });

  test("cancel(), a signal, and destroy()", async () => {
    const text = `${LONG_TEXT}; for (;;);`;
    const cancelled = pool.eval(text);
    setTimeout(() => cancelled.cancel("enough"), 5);
    assert.equal(await cancelled.catch((reason) => reason), "enough");
    const error = await reasonOf(pool.eval(text, { signal: AbortSignal.timeout(5) }));
    assert.equal(error.name, "TimeoutError");
    await nextIsFine();
    const destroyed = new DeferredPool({ maxThreads: 1 });
    const task = destroyed.eval(text);
    setTimeout(() => destroyed.destroy(), 5);
    assert.ok(await reasonOf(task) instanceof PoolClosedError);
  });

  const many = (part: (i: number) => string, count = 20_000): string =>
    Array.from({ length: count }, (_, i) => part(i)).join("");
  const large: Record<string, string> = {
    "locals": `(() => { ${many((i) => `let v${i} = ${i};`)} return v19999 })()`,
    "parameters": `(function (${many((i) => `a${i},`)}) { return a5 })(${many((i) => `${i},`)})`,
    "globals": `var ${many((i) => `v${i},`)} z = 1; z`,
    "unknown names": `() => [${many((i) => `u${i},`)}]; 1`,
    "private names": `class A { ${many((i) => `#p${i};`)} } 1`,
    "labels": `${many((i) => `l${i}:`, 5000)} 1`,
    "keys": `({ ${many((i) => `k${i}: ${i},`)} }).k5`,
    "functions": `${many((i) => `function f${i}() {}`)} f5()`,
    "cases": `switch (5) { ${many((i) => `case ${i}: break;`)} }`,
    "strings": `[${many((i) => `"s${i}",`)}].length`,
    "a class of a regular expression": `/[${
      many((i) => String.fromCodePoint(0x3400 + 2 * i), 16_000)
    }]/.test("a")`,
    "alternatives of a regular expression": `/${many((i) => `a${i}|`)}/.test("b")`,
    "groups of a regular expression": `/${many(() => "()", 254)}/.test("b")`,
    "one long string": `"${"s".repeat(8 * MIB)}".length`,
    "one long comment": `/*${"c".repeat(8 * MIB)}*/ 1`,
    "one long line of operators": `0${"+1".repeat(200_000)}`,
  };
  for (const [what, text] of Object.entries(large)) {
    test(`many of a kind end: ${what}`, async () => {
      const end = await pool.eval(text, { timeout: 2000 }).then(
        () => "a value",
        (error: Error) => error.name,
      );
      assert.match(end, /^(a value|SyntaxError|RangeError|TimeoutError)$/);
      await nextIsFine();
    });
  }

  const deep = [
    "(",
    "[",
    "{",
    "`${",
    "a=>",
    "async()=>",
    "()=>{",
    "function f(){",
    "(function(){",
    "!",
    "-",
    "typeof ",
    "await ",
    "new ",
    "new (",
    "a?",
    "a?b:",
    "a=",
    "1**",
    "a=>{return ",
    "if(1)",
    "if(1);else ",
    "for(;;)",
    "while(1)",
    "do ",
    "try{",
    "try{}catch{",
    "switch(1){case ",
    "f(",
    "a[",
    "({a:",
    "({a(){",
    "({get a(){",
    "[...",
    "class A{static{",
    "class A extends (",
    "class A{[",
    "(a=",
    "({a=",
    "with(a)",
    "yield ",
    "import(",
    "a?.[",
    "`a`",
    "//\n(",
    "let[",
    "var{a:",
    "return ",
    "throw ",
    "eval(",
    "async function f(){",
    "function*g(){yield ",
    "delete ",
    "a,(",
    "...",
  ];
  for (const part of deep) {
    test(`nested 100,000 times: ${JSON.stringify(part)}`, async () => {
      for (const text of [part.repeat(100_000), `${part.repeat(100_000)}1`]) {
        const error = await reasonOf(pool.eval(text, { timeout: 5000 }));
        assert.match(
          error.name,
          /^(RangeError|SyntaxError|TimeoutError|TypeError|ReferenceError)$/,
        );
      }
      await nextIsFine();
    });
  }

  for (
    const [open, close] of [["(?:", ")"], ["(", ")"], ["(?=", ")"], ["(?<!", ")"], ["[", "]"], [
      "(?:a|",
      ")",
    ]]
  ) {
    test(`a regular expression nested 100,000 times: ${open}`, async () => {
      const text = `/${open!.repeat(100_000)}a${close!.repeat(100_000)}/v.test("a")`;
      const error = await reasonOf(pool.eval(text, { timeout: 5000 }));
      assert.match(error.name, /^(RangeError|SyntaxError|TimeoutError)$/);
      await nextIsFine();
    });
  }

  test("nesting that ordinary code has is no trouble", async () => {
    assert.equal(await pool.eval(`${"(".repeat(1000)}1${")".repeat(1000)}`), 1);
    assert.deepEqual(await pool.eval(`${"[".repeat(500)}1${"]".repeat(500)}.length`), 1);
  });
});

describe("what compiling costs grows with the text only", () => {
  const many = (n: number, part: (i: number) => string): string =>
    Array.from({ length: n }, (_, i) => part(i)).join("");
  const texts: Record<string, (n: number) => string> = {
    "locals": (n) => `() => { ${many(n, (i) => `let v${i} = ${i};`)} }; 1`,
    "locals that a closure uses": (n) =>
      `() => { ${many(n, (i) => `let v${i};`)} return () => [${many(n, (i) => `v${i},`)}] }; 1`,
    "parameters": (n) => `(${many(n, (i) => `a${i},`)}) => 1; 1`,
    "unknown names": (n) => `() => [${many(n, (i) => `u${i},`)}]; 1`,
    "private names": (n) => `class A { ${many(n, (i) => `#p${i};`)} } 1`,
    "keys": (n) => `() => ({ ${many(n, (i) => `k${i}: ${i},`)} }); 1`,
    "methods": (n) => `class A { ${many(n, (i) => `m${i}() {}`)} } 1`,
    "functions": (n) => `() => { ${many(n, (i) => `function f${i}() {}`)} }; 1`,
    "statements": (n) => `() => { ${"x = 1;".repeat(n)} }; 1`,
    "cases": (n) => `() => { switch (x) { ${many(n, (i) => `case ${i}: break;`)} } }; 1`,
    "loops": (n) => `() => { ${"for (let i = 0; i < 2; i++) x(() => i);".repeat(n)} }; 1`,
    "strings": (n) => `() => [${many(n, (i) => `"s${i}",`)}]; 1`,
    "templates": (n) => `() => \`${many(n, (i) => `a\${${i}}`)}\`; 1`,
    "regular expressions": (n) => `() => [${many(n, (i) => `/a${i}/,`)}]; 1`,
    "operators": (n) => `() => 0${"+x".repeat(n)}; 1`,
    "one string": (n) => `() => "${"s".repeat(10 * n)}"; 1`,
    "one name": (n) => `() => ${"n".repeat(10 * n)}; 1`,
    "one number": (n) => `() => ${"1".repeat(n)}; 1`,
    "comments": (n) => `${"/* * */ // x\n".repeat(n)} 1`,
    "lines": (n) => `() => {${"\n".repeat(10 * n)}}; 1`,
    "positions": (n) => `() => {${"\nf();".repeat(n)}}; 1`,
  };
  for (const [what, text] of Object.entries(texts)) {
    test(what, async () => {
      const known = new Map<number, string>();
      await assertLinear(what, (n) => {
        const source = known.get(n) ?? text(n);
        known.set(n, source);
        // Of some there may be 65,535.
        return pool.eval(source).catch((error: Error) => assert.ok(error instanceof SyntaxError));
      }, 100);
    });
  }
});

describe("one text and the next", () => {
  test("nothing is left of the one before", async () => {
    const spoils = [
      "globalThis.left = 1; let kept = 2; var other = 3; function f() {}",
      "Object.prototype.left = 1; Array.prototype.map = null; delete globalThis.Math",
      "Promise.prototype.then = () => {}; globalThis.Promise = null",
      "Object.freeze(globalThis); Object.preventExtensions(globalThis)",
      "queueMicrotask(() => { for (;;); }); 1",
      "Object.defineProperty(globalThis, 'x', { value: 1 })",
    ];
    for (const text of spoils) {
      await pool.eval(text, { timeout: 5000 }).catch(() => {});
      const names = "[typeof left, typeof kept, typeof other, typeof f, typeof Math, {}.left]";
      assert.deepEqual(
        await pool.eval(names),
        ["undefined", "undefined", "undefined", "undefined", "object", undefined],
      );
      assert.equal(await pool.eval("let kept = x; kept", { scope: { x: 5 } }), 5);
    }
  });

  test("the same text may run with other values, at the same time", async () => {
    const four = new DeferredPool({ maxThreads: 4 });
    const squares = await Promise.all(
      Array.from({ length: 200 }, (_, n) => four.eval("n * n", { scope: { n } })),
    );
    assert.deepEqual(squares, Array.from({ length: 200 }, (_, n) => n * n));
    await four.close();
  });

  test("a thousand different ones in a row, every third of which fails", async () => {
    for (let i = 0; i < 1000; i++) {
      const text = ["a + ", "a + )", "return a * "][i % 3]! + i;
      const options: EvalOptions = { scope: { a: i }, name: `t${i}` };
      const end = await pool.eval(text, options).catch((error: Error) => error.name);
      assert.equal(end, [2 * i, "SyntaxError", i * i][i % 3]);
    }
    assert.equal(pool.pending, 0);
  });
});
