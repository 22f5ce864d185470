/**
 * The option `scope` of functions: what a task finds around its function, by name.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { after, describe, test } from "node:test";
import { transformSync } from "esbuild";
import { minify } from "terser";
import {
  DataCloneError,
  Deferred,
  DeferredPool,
  FreeVariableError,
  FunctionNotSerializableError,
  type TaskScope,
} from "../mod.ts";
import { assertLinear } from "./support/measure.ts";
import { MOD, outputOf } from "./support/process.ts";
import { reasonOf } from "./support/reason.ts";

// deno-lint-ignore no-explicit-any
type Callable = (...args: any[]) => any;

const pool = new DeferredPool({ maxThreads: 1 });
after(() => pool.close());

/** What an expression is on the host, none of whose transpilers has seen it. */
const made = <T>(expression: string): T => (0, eval)(`(${expression})`);
const written = (expression: string): Callable => made(expression);
/** Of members: `method() {}`. */
const member = (text: string): Callable => Object.values(made<object>(`{ ${text} }`))[0];
/** Runs an expression, which is a function, with a scope. */
const run = (expression: string, scope: TaskScope, ...args: unknown[]): Promise<unknown> =>
  pool.defer(written(expression), { args, scope });

const refusalOf = (expression: string, scope: TaskScope, name?: string): Error => {
  try {
    const fn: () => unknown = written(expression);
    void pool.defer(fn, { scope, name }).catch(() => {});
  } catch (error) {
    assert.ok(error instanceof Error);
    return error;
  }
  assert.fail("it was not refused");
};

describe("a scope holds", () => {
  test("values, which are cloned into each task", async () => {
    const table = { rows: [1, 2], at: new Date(5), map: new Map([["a", 1n]]) };
    const scope = { rate: 0.5, text: "ä中", none: undefined, nil: null, big: 5n, table };
    const all = "() => [rate, text, none, nil, big, table]";
    assert.deepEqual(await run(all, scope), [0.5, "ä中", undefined, null, 5n, table]);
    assert.equal(
      await run("() => { table.rows.push(rate = 3); return table.rows.join() }", scope),
      "1,2,3",
    );
    assert.deepEqual(table.rows, [1, 2]);
  });

  test("functions, which see each other and the values", async () => {
    const scope = {
      even: written("(n) => n === 0 || odd(n - 1)"),
      odd: written("function odd(n) { return n !== 0 && even(n - 1) }"),
      scaled: written("(x) => x * rate"),
      rate: 3,
    };
    assert.deepEqual(await run("(n) => [even(n), odd(n), scaled(n)]", scope, 7), [false, true, 21]);
    assert.equal(await run("(n) => [...Array(n).keys()].map(scaled).join()", scope, 3), "0,3,6");
  });

  test("the function itself, which may then call itself", async () => {
    const fib: (n: number) => number = written("(n) => n < 2 ? n : fib(n - 1) + fib(n - 2)");
    assert.equal(await pool.defer(fib, { args: [15], scope: { fib } }), 610);
    const walk = written("(n) => n === 0 ? [] : [n, ...other(n - 1)]");
    const other = written("(n) => walk(n)");
    assert.deepEqual(await pool.defer(walk, { args: [3], scope: { other, walk } }), [3, 2, 1]);
  });

  test("functions of every kind", async () => {
    const scope: TaskScope = {
      later: written("async (x) => { await null; return x + 1 }"),
      count: written("function* (n) { for (let i = 0; i < n; i++) yield i }"),
      stream: written("async function* () { yield* count(2); yield later(4) }"),
      method: member("method(x) { return x * 2 }"),
      computed: member("['a' + nothing](x) { return x * 3 }".replace("nothing", "1")),
      asyncMethod: member("async async(x) { return x * 4 }"),
      generator: member("*generator() { yield 5 }"),
      getter: Object.getOwnPropertyDescriptor(made("{ get five() { return 5 } }"), "five")!.get!,
      tag: written("(strings, ...values) => strings.raw.join('|') + values"),
      legacy: written("function () { return arguments.length + typeof new.target }"),
      defaults: written("({ a = later, b: [c] = [rate] } = {}, d = c) => [typeof a, c, d]"),
      rate: 6,
    };
    const text = `async () => {
      const seen = [];
      outer: for (const x of count(9)) { for (;;) { if (x > 2) break outer; continue outer } }
      for await (const x of stream()) seen.push(x);
      return [await later(1), [...count(3)], seen, method(2), computed(2), await asyncMethod(2),
        [...generator()], getter(), tag\`a\${1}\\n\`, legacy(1, 2), new legacy() instanceof legacy,
        defaults()];
    }`;
    assert.deepEqual(await run(text, scope), [
      2,
      [0, 1, 2],
      [0, 1, 5],
      4,
      6,
      8,
      [5],
      5,
      "a|\\n1",
      "2undefined",
      true,
      ["function", 6, 6],
    ]);
  });

  test("classes, in whatever order, with all that is written in them", async () => {
    const scope = made<TaskScope>(`(() => {
      const area = (w, h) => w * h, unit = "!";
      class Shape {
        static made = [];
        static #count = 0;
        static get count() { return Shape.#count }
        #id = ++Shape.#count;
        name = "shape" + unit;
        constructor() { Shape.made.push(new.target.name); }
        get id() { return this.#id }
        static is(o) { return #id in o }
        describe() { return this.name + this.#id }
      }
      class Square extends Shape {
        side = 2;
        static { this.first = new Square(); }
        describe() { return super.describe() + ":" + area(this.side, this.side) }
        static *corners() { yield* [1, 2] }
        async later() { return this.side }
      }
      class Circle { static pi = 3; }
      class Helper { static two = Circle.pi * 2; }
      const Anonymous = class extends Square { static one = Helper.two };
      return { Anonymous, Square, Helper, Shape, Circle, area, unit };
    })()`);
    const text = `async () => [Square.first.describe(), Shape.count, new Anonymous().describe(),
      Shape.made, Anonymous.one, Anonymous.name, Square.first instanceof Shape,
      Shape.is(Square.first), Shape.is({}), [...Square.corners()], await Square.first.later()]`;
    assert.deepEqual(await run(text, scope), [
      "shape!1:4",
      1,
      "shape!2:4",
      ["Square", "Anonymous"],
      6,
      "Anonymous",
      true,
      true,
      false,
      [1, 2],
      2,
    ]);
    assert.equal(await run("() => Shape.count", scope), 1, "each task has classes of its own");
  });

  test("properties that functions and classes were given later", async () => {
    const scope = made<Record<string, Callable>>(`(() => {
      class Shape { static own = [1]; static area() { return Shape.made + Shape.own.length } }
      class Blocks { static { this.made = new WeakMap(); } }
      const count = () => ++count.calls;
      return { Shape, Blocks, count };
    })()`);
    Object.assign(scope["Shape"]!, { made: 4, ["__proto__"]: 1 });
    (scope["Shape"] as unknown as { own: number[] }).own.push(2);
    Object.assign(scope["count"]!, { calls: 7, unit: { a: 1 } });
    const text = "() => [Shape.area(), Blocks.made instanceof WeakMap, count(), count.unit]";
    for (let i = 0; i < 2; i++) assert.deepEqual(await run(text, scope), [5, true, 8, { a: 1 }]);
    Object.assign(scope["count"]!, { inner: () => 1 });
    await assert.rejects(run(text, scope), { path: "scope.count.inner" });
  });

  test("properties, whatever comments and strings say of static ones", async () => {
    const given = { count: 5, list: [1] };
    const scope = Object.fromEntries(
      [
        "function f() { /* static count */ return 'static {' }",
        "() => 'static count, static list'",
        "class { /* static count, static list */ m() { return 'static {' + \"a static [\" } }",
        "class { // static { count\n static other = new WeakMap() }",
      ].map((text, i) => [`f${i}`, Object.assign(written(text), given)]),
    );
    const block = Object.assign(written("class { static { this.made = 1; this.count = 2; } }"), {
      later: 3,
    });
    const text = "() => [f0, f1, f2, f3].map((f) => f.count + f.list[0])" +
      ".concat(f3.other instanceof WeakMap, block.made, block.count, block.later)";
    assert.deepEqual(await run(text, { ...scope, block }), [6, 6, 6, 6, true, 1, 2, 3]);
  });

  test("a function or class under several names, which is one", async () => {
    const count = Object.assign(written("() => ++count.calls"), { calls: 0 });
    const Shape = written("class Shape {}");
    const scope: TaskScope = { more: count, count, Base: Shape, Shape };
    const text =
      "() => [more === count, more() + count(), new Base() instanceof Shape, more.calls]";
    assert.deepEqual(await run(text, scope), [true, 3, true, 2]);
    const twin = Object.assign(written("() => ++count.calls"), { calls: 5 });
    assert.deepEqual(await run("() => [more === count, more()]", { more: twin, count }), [
      false,
      1,
    ]);
    const self = written("(n) => n === 0 ? again === self : again(n - 1)");
    assert.equal(await pool.defer(self, { args: [2], scope: { self, again: self } }), true);
  });

  test("classes that use their children, and that need others through functions", async () => {
    const { A, B, C, D, make, mixin } = made<Record<string, Callable>>(`(() => {
      class A { static b() { return new B() } static n = 1; name() { return "A" } }
      const mixin = (X) => class extends X {};
      class B extends mixin(A) { name() { return super.name() + C.d.x } }
      class D { x = 4; c() { return C.d } }
      const make = () => new D();
      class C { static d = make() }
      return { A, B, C, D, make, mixin };
    })()`) as Record<"A" | "B" | "C" | "D" | "make" | "mixin", Callable>;
    const text = "() => [A.b().name(), new D().c() === C.d]";
    for (
      const scope of [{ A, B, C, D, make, mixin }, { mixin, make, D, C, B, A }, {
        B,
        D,
        make,
        A,
        mixin,
        C,
      }]
    ) assert.deepEqual(await run(text, scope), ["A4", true]);
  });

  test("what a module exports", async () => {
    const source = "export let a = 1; export const b = () => a + 1; export class C { x = b() }";
    const module = await import(`data:text/javascript,${source}`);
    assert.deepEqual(await run("() => [a, b(), new C().x]", module as TaskScope), [1, 2, 2]);
  });

  test("nothing at all, at no price but the option's", async () => {
    assert.equal(await run("(a) => a", {}, 4), 4);
    assert.equal(await pool.defer(() => 5, { scope: undefined }), 5);
  });
});

describe("names in a scope", () => {
  test("stand before the globals of the task, for its own code alone", async () => {
    const scope = { Map: 1, console: { log: 2 }, File: 3, undefinedToo: undefined, Promise: 4 };
    const text =
      "async () => { const form = new FormData(); form.append('f', new Blob(['x']), 'n');" +
      "await null; return [Map, console.log, File, Promise, form.get('f').name, typeof Set, " +
      "typeof globalThis.Map, typeof undefinedToo] }";
    assert.deepEqual(await run(text, scope), [
      1,
      2,
      3,
      4,
      "n",
      "function",
      "function",
      "undefined",
    ]);
  });

  test("may be any that a variable can have", async () => {
    const scope: TaskScope = {
      "ä中": 1,
      $: 2,
      _: 3,
      "a\u200cb": 4,
      of: 5,
      async: 6,
      get: 7,
      constructor: 8,
      hasOwnProperty: 9,
      ["__proto__"]: 10,
      toString: 11,
      deferred: 12,
    };
    assert.equal(Object.keys(scope).length, 12);
    const text = `() => [${Object.keys(scope).join()}]`;
    assert.deepEqual(await run(text, scope), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    assert.equal(await run("() => __proto__()", { ["__proto__"]: written("() => 13") }), 13);
  });

  test("are refused if no variable can have them", () => {
    const names = "await yield let static eval arguments this null class enum NaN undefined a-b 1a";
    for (const name of [...names.split(" "), "", "a b", "a,b", "a=b", "__deferred_take"]) {
      const error = refusalOf("() => 1", { [name]: 1 });
      assert.ok(error instanceof TypeError);
      assert.ok(error.message.startsWith("pool.defer(fn, { scope }): "), error.message);
      assert.ok(error.message.includes(`${JSON.stringify(name)} can't be the name of a variable`));
    }
  });

  test("may be shadowed inside, and are not used then", async () => {
    const scope = { rate: 1, area: written("(rate) => rate") };
    assert.equal(await run("(rate) => rate + area(4)", scope, 2), 6);
    assert.equal(
      await run("() => { let rate = 7; { let area = 8; rate += area } return rate }", scope),
      15,
    );
    assert.equal(
      await run("() => { rate: for (;;) break rate; return ({ rate: 3 }).rate }", scope),
      3,
    );
  });

  test("are found by eval in the task, too", async () => {
    assert.equal(
      await run("() => eval('rate + area(2)')", { rate: 1, area: written("(x) => x") }),
      3,
    );
  });

  test("can be probed with typeof", async () => {
    assert.equal(await run("() => typeof rate + typeof nothing", { rate: 1 }), "numberundefined");
    assert.equal(
      await run("() => typeof process + typeof require", { require: 5 }),
      "undefinednumber",
    );
  });
});

describe("a scope is read", () => {
  test("once, its own properties only, whatever prototypes hold", async () => {
    let reads = 0;
    const scope: TaskScope = {
      get rate() {
        return ++reads;
      },
    };
    assert.equal(await run("() => rate", scope), 1);
    assert.equal(reads, 1);
    const inherited = Object.create({ rate: 1 }) as TaskScope;
    assert.throws(() => pool.defer(() => 1, { scope: inherited }), /plain object of values/);
    const text = "() => typeof polluted + rate";
    const prototype = Object.prototype as Record<string, unknown>;
    const set = () => assert.fail("a setter was called");
    Object.defineProperty(Array.prototype, 3, { set, configurable: true });
    prototype["polluted"] = 1;
    try {
      assert.equal(await run(text, { rate: 2, a: 1, b: 1, c: 1, d: 1, e: 1 }), "undefined2");
    } finally {
      delete prototype["polluted"];
      delete (Array.prototype as unknown[])[3];
    }
    assert.equal(await run("() => rate", Object.assign(Object.create(null), { rate: 5 })), 5);
  });

  test("once: what a proxy names is what was checked", async () => {
    let looks = 0;
    const names = () => looks++ === 0 ? ["a"] : ["a,b=globalThis.hit=1"];
    const scope = made<(names: () => string[]) => TaskScope>(`(names) => {
      let current = ["a"];
      return new Proxy({}, {
        ownKeys: () => current = names(),
        getOwnPropertyDescriptor: () => ({ value: 1, enumerable: true, configurable: true }),
        getPrototypeOf: () => Object.prototype,
        get: () => 1,
      });
    }`)(names);
    assert.equal(await run("() => a + typeof hit", scope), "1undefined");
    assert.equal(looks, 1);
  });

  test("for all calls of a wrapped function; what its values hold is current", async () => {
    const table = [1];
    const scope: Record<string, TaskScope[string]> = { table, rate: 2 };
    const sum = pool.wrap(written("(x) => table.length * rate + x"), { scope });
    assert.equal(await sum(0), 2);
    table.push(2);
    scope["rate"] = 100;
    assert.equal(await sum(1), 5);
    assert.equal(await sum.with({ timeout: 1e6 })(2), 6);
    assert.throws(
      () => sum.with({ scope } as never),
      /no option `scope`; it belongs to the function/,
    );
  });

  test("not if it is no object", () => {
    for (const scope of [5, "a", null, [1], new Map(), new (class A {})(), Promise.resolve({})]) {
      assert.throws(
        () => pool.defer(() => 1, { scope: scope as never }),
        /^TypeError: pool\.defer\(fn, \{ scope \}\): scope must be a plain object of values, functions/,
      );
    }
    assert.throws(
      () => pool.defer(() => 1, { scope: (() => 5) as never }),
      /a function that gives/,
    );
  });

  test("before anything is sent: what it throws is thrown", () => {
    const fail = () => {
      throw new RangeError("mine");
    };
    assert.throws(() => pool.defer(() => 1, { scope: fail }), /^RangeError: mine/);
    assert.throws(
      () =>
        pool.defer(() => 1, {
          scope: Object.defineProperty({}, "a", { get: fail, enumerable: true }),
        }),
      /mine/,
    );
  });
});

describe("beside a scope", () => {
  test("arguments share its objects, cycles too", async () => {
    const shared: { self?: unknown } = {};
    shared.self = shared;
    const same = await run(
      "(a) => a === shared && list[0] === a.self",
      { shared, list: [shared] },
      shared,
    );
    assert.equal(same, true);
  });

  test("buffers may be moved", async () => {
    const buffer = new ArrayBuffer(100_000);
    const task = pool.defer(written("(n) => buffer.byteLength + n"), {
      args: [1],
      scope: { buffer },
      transfer: [buffer],
    });
    assert.equal(await task, 100_001);
    assert.equal(buffer.byteLength, 0);
  });

  test("the host's functions and progress are there", async () => {
    const seen: unknown[] = [];
    const task = pool.defer(
      written("async (a, host) => { host.report(a); return rate + await host.twice(a) }"),
      {
        args: [4],
        scope: { rate: 1 },
        host: { twice: (x: number) => x * 2 },
        onProgress: (part) => seen.push(part),
      },
    );
    assert.deepEqual([await task, seen], [9, [4]]);
    const none = pool.defer(written("async (host) => rate + await host.one()"), {
      scope: { rate: 1 },
      host: { one: () => 1 },
    });
    assert.equal(await none, 2);
  });

  test("classes of a pool and shared values are there", async () => {
    class Point {
      x = 1;
    }
    await using own = new DeferredPool({ maxThreads: 1, classes: [Point] });
    const table = own.share({ a: [1, 2] });
    const task = own.defer(
      written("() => [p instanceof Point, table.a.length, make() instanceof Point]"),
      {
        scope: { p: new Point(), table, make: written("() => new Point()") },
      },
    );
    assert.deepEqual(await task, [true, 2, true]);
  });

  test("limits hold while classes are evaluated", async () => {
    const Endless = written("class { static { while (typeof process === 'undefined'); } }");
    const task = pool.defer(written("() => 1"), { scope: { Endless }, timeout: 50 });
    await assert.rejects(task, { name: "TimeoutError" });
    const Failing = written("class { static a = typeof process === 'object' || nothing.there }");
    const failing = pool.defer(written("() => 1"), { scope: { Failing, nothing: undefined } });
    await assert.rejects(failing, { name: "TypeError", message: /'there'/ });
    assert.equal(await pool.run(() => 2), 2);
  });

  test("what can't be cloned is told with its name", async () => {
    for (
      const [scope, path] of [
        [{ a: { f: () => 1 } }, "scope.a.f"],
        [{ a: 1, b: [Symbol("s")] as never }, "scope.b[0]"],
        [{ "ä": new WeakMap() }, 'scope["ä"]'],
      ] as [TaskScope, string][]
    ) {
      await assert.rejects(pool.defer(() => 1, { scope }), (error: unknown) => {
        assert.ok(error instanceof DataCloneError);
        assert.equal(error.path, path);
        return true;
      });
    }
  });

  test("a program that is not in the cache any more is compiled again", async () => {
    const own = new DeferredPool({ maxThreads: 1 });
    const wrapped = own.wrap(written("(x) => twice(x)"), {
      scope: { twice: written("(x) => x * 2") },
    });
    assert.equal(await wrapped(1), 2);
    for (let i = 0; i < 1100; i++) own.wrap(written(`() => ${i}`), {});
    assert.equal(await wrapped(2), 4);
    await own.close();
    assert.throws(
      () => own.defer(written("() => twice(x)"), { scope: { twice: 1 } }),
      FreeVariableError,
    );
    await assert.rejects(own.defer(written("() => twice"), { scope: { twice: 1 } }), {
      name: "PoolClosedError",
    });
  });
});

describe("refused, by name, is", () => {
  const refused = (scope: TaskScope, message: RegExp): void => {
    const error = refusalOf("() => 1", scope);
    assert.ok(error instanceof FunctionNotSerializableError, error.stack!);
    assert.match(error.message, message);
  };

  test("what has no source", () => {
    refused({ max: Math.max }, /`Math\.max` is native code.*wrap it/);
    refused({ f: written("function f() {}").bind(1) }, /`f` is a bound function/);
    refused({ f: new Proxy(() => 1, {}) }, /`scope\.f` is native code or a Proxy/);
    refused({ f: Map }, /`Map` is native code/);
  });

  test("what takes something from around it", () => {
    refused({ f: written("() => this") }, /`scope\.f` is an arrow function that uses `this`/);
    const within = written("function () { return () => [arguments, new.target] }")();
    refused({ f: within }, /`scope\.f` is an arrow function that uses `(arguments|new\.target)`/);
    refused({ f: member("f() { return super.f }") }, /`scope\.f` uses `super`/);
    const hidden = written("class { #x; static f(o) { return o.#x } }") as unknown as {
      f: Callable;
    };
    refused({ f: hidden.f }, /`scope\.f` uses the private name `#x`/);
  });

  test("the function itself, as ever", () => {
    assert.match(refusalOf("class A {}", {}).message, /`A` is a class/);
    assert.match(refusalOf("function* g() {}", {}).message, /`g` is a generator/);
    assert.match(refusalOf("() => this", { a: 1 }).message, /uses `this`/);
  });
});

describe("names that are missing", () => {
  test("are told all together, with the option to paste", () => {
    const scope = { Shape: written("class Shape { area() { return area(this) } }"), rate: 1 };
    const error = refusalOf("() => [tax, new Shape(), rate, join('a')]", scope, "bill");
    assert.ok(error instanceof FreeVariableError);
    assert.deepEqual(error.names, ["tax", "join", "area"]);
    assert.equal(
      error.message,
      "`tax`, `join` and `area` (used by `Shape`) are not defined inside the task `bill`; pass them by " +
        "name: new Deferred(fn, { scope: { Shape, rate, tax, join, area } }); or offer what must run " +
        "outside: { host: { join } }",
    );
  });

  test("may be allowed, or belong to the host", async () => {
    const fn = written("() => { globalThis.made = 3; return made + f() }");
    const scope = { f: written("() => made") };
    assert.throws(() => pool.defer(fn, { scope }), { name: "FreeVariableError", names: ["made"] });
    assert.equal(await pool.defer(fn, { scope, allowGlobals: ["made"] }), 6);
    assert.throws(() => pool.defer(fn, { scope }), { names: ["made"] }, "and it is not forgotten");
    assert.match(refusalOf("() => f()", { f: written("() => fetch('x')") }).message, /network/);
  });

  test("are found again for another scope", async () => {
    const fn = written("() => area(2) * rate");
    assert.throws(() => pool.defer(fn), { names: ["area", "rate"] });
    assert.equal(
      await pool.defer(fn, { scope: { area: 1, rate: 2 } } as never).catch(String),
      "TypeError: not a function",
    );
    assert.equal(await pool.defer(fn, { scope: { area: written("(x) => x"), rate: 2 } }), 4);
    assert.equal(await pool.defer(fn, { scope: { area: written("(x) => x * 2"), rate: 2 } }), 8);
    assert.throws(() => pool.defer(fn, { scope: { area: 1 } }), { names: ["rate"] });
    assert.throws(() => pool.defer(fn), { names: ["area", "rate"] });
  });
});

describe("strict and sloppy code", () => {
  test("stand side by side, each as it is on the host", async () => {
    const scope: TaskScope = {
      sloppy: new Function("o", "with (o) { return typeof this + typeof a }") as Callable,
      strict: written("function () { 'use strict'; return typeof this }"),
      Strict: written("class { static f() { return typeof (function () { return this })() } }"),
      arrow: written("() => typeof (function () { return this })()"),
    };
    const text =
      "() => [sloppy({ a: 1 }), strict(), Strict.f(), arrow(), strict.name, Strict.name]";
    const expected = ["objectnumber", "undefined", "undefined", "undefined", "strict", "Strict"];
    assert.deepEqual(await run(text, scope), expected);
    const sloppy = new Function("return typeof this + strict() + octal()") as Callable;
    const octal = new Function("return 010") as Callable;
    const task = pool.defer(sloppy, { scope: { strict: scope["strict"]!, octal } });
    assert.equal(await task, "objectundefined8");
  });
});

describe("transpilers and minifiers", () => {
  test("may call helpers in functions of a scope", async () => {
    const { code } = transformSync(
      `globalThis.__made = (() => {
        const load = async (x) => { await null; return { ...x, more: named() } };
        const named = () => { function inner() {} return inner.name };
        class Box { static made = 1; #x = 2; get x() { return this.#x } }
        return { load, named, Box };
      })();`,
      { target: "es2016", keepNames: true },
    );
    assert.ok(code.includes("__async("), code);
    (0, eval)(`{ ${code} }`);
    const holder = globalThis as { __made?: TaskScope };
    const { load, named } = holder.__made!;
    delete holder.__made;
    const task = run("async () => [await load({ a: 1 }), named()]", { load, named });
    assert.deepEqual(await task, [{ a: 1, more: "inner" }, "inner"]);
  });

  test("a name of the scope stands before a helper that is called so", async () => {
    assert.equal(await run("() => _identity(1)", { _identity: written("(x) => x + 41") }), 42);
    assert.equal(await run("() => _identity(1)", { other: 1 }), 1);
  });

  test("imports are found by what bundlers call their modules", async () => {
    const scope = {
      area: written("(x) => (0, __vite_ssr_import_1__.twice)(x)"),
      twice: written("(x) => 2 * x"),
    };
    const text = "() => (0, helpers_1.area)(1) + __vite_ssr_import_0__.twice(2)";
    assert.equal(await run(text, scope), 6);
    const error = refusalOf("() => (0, helpers_1.area)(1) + (0, helpers_1.more)(2)", scope);
    assert.match(error.message, /^`area` is not|^`more` is not/);
  });

  const SOURCE = `
    const rate = { of: 3 };
    const area = (w, h) => w * h * rate.of;
    class Shape { static made = 0; constructor(side) { Shape.made++; this.side = side; } }
    class Square extends Shape { area() { return area(this.side, this.side); } }
    const given = () => ({ rate, area, Shape, Square });
    globalThis.__scoped = {
      work: (side) => [new Square(side).area(), Shape.made, area(1, rate.of)],
      given,
      list: [rate, area, Shape, Square],
    };`;
  const mangle = { toplevel: true, module: true } as const;
  for (
    const [name, minified] of [
      ["esbuild", () => transformSync(SOURCE, { minify: true, format: "esm" }).code],
      [
        "esbuild for ES2017",
        () => transformSync(SOURCE, { minify: true, format: "esm", target: "es2017" }).code,
      ],
      ["terser", async () => (await minify(SOURCE, { ...mangle, compress: { passes: 3 } })).code!],
    ] as const
  ) {
    test(`a scope that a function gives may be mangled: ${name}`, async () => {
      const code = await minified();
      assert.ok(!/\bSquare\s*extends|const rate\b/.test(code), code);
      (0, eval)(`(() => { "use strict"; ${code} })()`);
      const holder = globalThis as { __scoped?: { work: Callable; given: () => TaskScope } };
      const { work, given } = holder.__scoped!;
      delete holder.__scoped;
      assert.deepEqual(await pool.defer(work, { args: [2], scope: given }), [12, 1, 9]);
      assert.deepEqual(await pool.defer(work, { args: [2], scope: given }), [12, 1, 9]);
    });
  }

  test("a function that gives a scope may call the names otherwise", async () => {
    const r = Number("5"); // which no transpiler puts in its place
    const fn = written("() => rate + r");
    assert.equal(await pool.defer(fn, { scope: () => ({ rate: r }) }), 10);
    const nested = "() => ({ inner: { rate: tax }, rate: 5 })";
    const unused = "() => { const other = { inner: tax }; return { rate: other } }";
    for (const text of [nested, unused]) {
      const given = new Function("tax", `return ${text}`)(9) as () => TaskScope;
      assert.throws(() => pool.defer(written("() => tax"), { scope: given }), FreeVariableError);
    }
    const twins = new Function("f", "return () => ({ area: f, again: f })")(written("() => 7"));
    assert.equal(await pool.defer(written("() => f() + area()"), { scope: twins }), 14);
    const bound = (() => ({ rate: 1, r: 2 })).bind(null);
    assert.equal(await pool.defer(fn, { scope: bound }), 3);
  });
});

describe("what is the host's, or the pool's", () => {
  test("functions of the host's modules are told to be offered", () => {
    for (
      const [scope, message] of [
        [{ readFile }, /`readFile` is one of node:fs.*\{ host: \{ readFile \} \}/],
        [{ rate: 1, hash: createHash }, /`hash` is one of node:crypto.*\{ host: \{ hash \} \}/],
        [{ read: readFile, createHash }, /`read` is one of node:fs.* and `createHash` is one of/],
      ] as const
    ) {
      const [name] = Object.keys(scope);
      const error = refusalOf(`() => ${name}`, scope);
      assert.ok(error instanceof FunctionNotSerializableError);
      assert.match(error.message, message);
    }
  });

  test("the host's globals are the task's own, if it has them", async () => {
    const text = "() => [new URL('http://a.b/c').pathname, typeof setTimeout, Math.max(1, 2)]";
    const scope = { URL, setTimeout, Map };
    assert.deepEqual(await run(text, scope), ["/c", "function", 2]);
    assert.match(refusalOf("() => fetch('x')", { fetch }).message, /no network by design/);
  });

  test("a class of the pool is that class, by whatever name", async () => {
    class Money {
      n: number;
      constructor(n: number) {
        this.n = n;
      }
      plus(): Money {
        return new Money(this.n + 1);
      }
    }
    await using own = new DeferredPool({ maxThreads: 1, classes: [Money] });
    const Other = Money;
    const add = written("(m) => [m instanceof Other, new Other(m.n).plus(), Money === Other]");
    for (const scope of [{ Other, Money }, () => ({ Money, Other })]) {
      const [same, more, one] = await own.defer(add, { args: [new Money(5)], scope }) as unknown[];
      assert.ok(same === true && one === true && more instanceof Money);
      assert.equal((more as Money).n, 6);
    }
    const mangled = new Function("ce", "return [() => new ce(1).n, () => ({ Money: ce })]")(Money);
    assert.equal(await own.defer(mangled[0], { scope: mangled[1] }), 1);
  });

  test("names that nobody uses, beside names that are missing, may be mangled", () => {
    const { message } = refusalOf("() => Hn(Oi)", { gross: () => 1, rate: 2 });
    assert.match(message, /if a minifier has mangled .*\{ scope: \(\) => \(\{ gross, rate \}\) \}/);
    assert.doesNotMatch(refusalOf("() => Hn(rate)", { rate: 2 }).message, /mangled/);
  });
});

/* Positions in this file are those of the texts below, whatever a runtime makes of them. */
function thrower(n: number): never {
  if (n < 0) throw new RangeError("below");
  throw new TypeError(`thrown for ${n}`);
}
class Thrower {
  #n = 1;
  fail(): never {
    throw new SyntaxError(`from a class ${this.#n}`);
  }
}
const lineOf = async (text: string): Promise<number> => {
  const { readFileSync } = await import("node:fs");
  const lines = readFileSync(new URL(import.meta.url), "utf8").split("\n");
  return lines.findIndex((line) => line.includes(text)) + 1;
};

describe("errors", () => {
  test("in functions of a scope point to the user's own file", async () => {
    const error = await reasonOf(
      new Deferred((n: number) => thrower(n), { args: [5], scope: { other: () => 1, thrower } }),
    ) as Error;
    const frames = error.stack!.split("\n").slice(1);
    assert.match(
      frames[0]!,
      new RegExp(`at thrower \\(.*scope_test\\.ts:${await lineOf("thrown for $")}:\\d+\\)`),
    );
    assert.match(frames[1]!, /at <anonymous> \(.*scope_test\.ts:\d+:\d+\)/);
    const below = await reasonOf(
      new Deferred(() => thrower(-1), { scope: { thrower, Thrower } }),
    ) as Error;
    assert.match(
      below.stack!,
      new RegExp(`scope_test\\.ts:${await lineOf('RangeError("below")')}:`),
    );
  });

  test("in classes of a scope, too", async () => {
    const error = await reasonOf(
      new Deferred(() => new Thrower().fail(), { scope: { thrower, Thrower } }),
    ) as Error;
    assert.match(
      error.stack!,
      new RegExp(`at fail \\(.*scope_test\\.ts:${await lineOf("from a class $")}:`),
    );
  });

  test("in functions that were imported point to their file", async () => {
    const { failing } = await import("./support/failing.ts");
    const error = await reasonOf(new Deferred(() => failing(1), { scope: { failing } })) as Error;
    assert.match(error.stack!, /at failing \(.*support\/failing\.ts:10:\d+\)/);
  });

  test("in functions that are in no file are told with their name in the scope, by row and column", async () => {
    const scope = {
      first: written("() => {\n  sec" + "ond() }"),
      second: written("() => {\n\n throw 1 ? new Error('x') : 2 }"),
    };
    const error = await reasonOf(run("() =>\n\n first()", scope)) as Error;
    const frames = error.stack!.split("\n").slice(1, 4);
    assert.match(frames[0]!, /at second \(second:3:\d+\)/);
    assert.match(frames[1]!, /at first \(first:2:\d+\)/);
    assert.match(frames[2]!, /at <anonymous> \(.*:\d+:\d+\)/);
  });
});

describe("what a task may do with its scope", () => {
  test("is its own affair: nothing of it is left for the next one", async () => {
    const scope = {
      area: written("(x) => x"),
      list: [1],
      Shape: written("class { static n = 1 }"),
    };
    const text =
      "() => { area.mine = 1; list.push(2); Shape.n++; Shape.prototype.x = 1; area = 5; " +
      "return [typeof area, list.length, Shape.n] }";
    for (let i = 0; i < 3; i++) assert.deepEqual(await run(text, scope), ["number", 2, 2]);
  });

  test("does not reach further than its own code, however it takes members out", async () => {
    const method = member("method(x) { return x }");
    const text = `() => {
      const seen = [];
      const take = eval("__deferred_take");
      for (const args of [[], [1, 2], [{}, 0], [() => 1, 0], [() => 1, -1], [take, 0], [Math.max, 0],
        [() => { let x = 1; return () => x }, 0], [() => () => 1, 2 ** 31], [new Proxy(() => 1, {}), 0],
        [class { m() {} }, 0], [() => 1, { valueOf() { throw new RangeError("mine") } }]]) {
        try { seen.push(typeof take(...args)) } catch (error) { seen.push(error.name) }
      }
      return seen.join() + method(1);
    }`;
    const seen = await run(text, { method }) as string;
    assert.match(seen, /^(TypeError|RangeError|function)(,(TypeError|RangeError|function))*1$/);
    assert.ok(seen.includes("RangeError"));
    assert.equal(await run("() => method(2)", { method }), 2);
  });
});

describe("a scope works", () => {
  test("with new Deferred, Deferred.wrap, pool.defer and pool.wrap", async () => {
    const fn: (x: number) => number = written("(x) => x * rate");
    const scope = { rate: 2 };
    assert.equal(await new Deferred(fn, { args: [1], scope }), 2);
    assert.equal(await Deferred.wrap(fn, { scope })(2), 4);
    assert.equal(await pool.defer(fn, { args: [3], scope }), 6);
    assert.equal(await pool.wrap(fn, { scope })(4), 8);
  });

  test("in a host's Worker", async () => {
    const text = `
      import { parentPort } from "node:worker_threads";
      import { Deferred } from ${JSON.stringify(MOD)};
      const rate = { of: 2 };
      const area = (x) => x * rate.of;
      class Box { static n = area(3); }
      const run = (i) => new Deferred((x) => area(x) + Box.n, { args: [i], scope: { rate, area, Box } });
      parentPort.postMessage([await run(0), await run(1)].join());`;
    const program = `
      import { Worker } from "node:worker_threads";
      const text = ${JSON.stringify(text)};
      const worker = new Worker(new URL("data:text/javascript," + encodeURIComponent(text)));
      worker.on("message", (line) => { console.log(line); worker.terminate(); });`;
    assert.equal(await outputOf(program), "6,8");
  });
});

describe("the cost is in proportion to", () => {
  const range = <T>(n: number, make: (i: number) => T): T[] =>
    Array.from({ length: n }, (_, i) => make(i));

  test("the number of values", async () => {
    await assertLinear("values", (n) => {
      const scope = Object.fromEntries(range(n, (i) => [`name${i}`, i]));
      return pool.defer(() => 1, { scope });
    }, 250);
  });

  test("the number of functions, and of classes that extend each other", async () => {
    await assertLinear("functions", async (n) => {
      await using own = new DeferredPool({ maxThreads: 1 });
      const scope = Object.fromEntries(
        range(n, (i) => [`f${i}`, written(`(x) => x ? f${(i + 1) % n}(0) : ${i}`)]),
      );
      assert.equal(await own.defer(written("() => f0(1)"), { scope }), n === 1 ? 0 : 1);
    }, 50);
    await assertLinear("classes", async (n) => {
      await using own = new DeferredPool({ maxThreads: 1 });
      const text = range(n, (i) => `class C${i} extends ${i === 0 ? "Object" : `C${i - 1}`} {}`)
        .join(";");
      const list = range(n, (i) => `C${n - 1 - i}`);
      const scope = made<TaskScope>(`(() => { ${text}; return { ${list} } })()`);
      assert.equal(await own.defer(written(`() => C${n - 1}.name`), { scope }), `C${n - 1}`);
    }, 50);
  });

  test("the text of a class that was given properties", async () => {
    for (const [what, piece] of [["quotes", '\\"'], ["apostrophes", "'\\\n"], ["comments", "/*"]]) {
      await assertLinear(what!, async (n) => {
        const C = written("class { m() { return `" + piece!.repeat(n) + "` } }");
        Object.assign(C, { later: 1 });
        assert.equal(await run("() => C.later", { C }), 1);
      }, 3000);
    }
  });

  test("the number of names that are missing", async () => {
    await assertLinear("missing names", (n) => {
      const fn = written(`() => [${range(n, (i) => `m${i}`)}]`);
      assert.throws(
        () => pool.defer(fn, { scope: { a: 1, f: written("() => 1") } }),
        FreeVariableError,
      );
    }, 250);
  });
});
