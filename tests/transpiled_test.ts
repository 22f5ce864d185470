/**
 * What transpilers make of a function: outputs of the real ones, each of the same function for
 * other targets, run in tasks. What they call and define elsewhere is provided.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe as group, test } from "node:test";
import { Deferred, DeferredPool, FreeVariableError } from "../mod.ts";

type Work = (...args: unknown[]) => unknown;

/** The first word of a fixture's name says which function it was made of. */
const EXPECTED: Record<string, { args: unknown[]; result: unknown }> = {
  classes: {
    args: [5, { c: 3 }],
    result: {
      sum: 8,
      x: 10,
      y: 2,
      o: { c: 3, n: 5, b: 32 },
      names: ["inner", "named", "Box"],
      made: 0,
      twice: 2,
      list: [1, 2, 3],
      a: 1,
      both: 9,
      big: [20, 5, true, "object"],
      first: 1,
      third: 9,
      others: [4, 5],
      counted: [0, 1, 7, 8],
      seen: [1, 2, 0, 7, 8],
      tagged: "a|\\n|b1,2",
      y2: 4,
    },
  },
  using: { args: [], result: ["a", "null", "object", "~b", "-a", "x", "d", "-d"] },
  legacy: { args: [], result: [["x", "m#0", "m", "undefined"], 4, 6, "A"] },
  decor: {
    args: [],
    result: [
      ["method m", "accessor y", "getter g", "field s", "field x", "class A"],
      8,
      10,
      2,
      7,
      7,
      "A",
    ],
  },
};
const PLAIN = {
  args: [5, { c: 3 }],
  result: {
    sum: 8,
    x: 10,
    y: 2,
    o: { c: 3, n: 5, b: 32 },
    names: ["inner", "named", "Box"],
    made: 0,
    twice: 2,
    list: [1, 2, 3],
    a: 1,
  },
};

const folder = new URL("fixtures/transpiled/", import.meta.url);

group("a function of a transpiler's runs", () => {
  for (const file of readdirSync(folder)) {
    test(file, async () => {
      const text = readFileSync(new URL(file, folder), "utf8");
      const fn = (0, eval)(`(${text}\n)`) as Work;
      const { args, result } = EXPECTED[file.split("_")[0]!] ?? PLAIN;
      assert.deepEqual(await new Deferred(fn, { args }), result);
    });
  }
});

group("helpers", () => {
  const run = (text: string): Promise<unknown> => Deferred.run((0, eval)(text) as Work);
  for (
    const [text, value] of [
      ["() => __name(() => 1, 'one').name", "one"],
      ["() => __assign({ a: 1 }, { b: 2 })", { a: 1, b: 2 }],
      ["() => _extends({ a: 1 }, { b: 2 })", { a: 1, b: 2 }],
      ["() => __spreadArray([1], [2, 3], false)", [1, 2, 3]],
      ["() => __spread([1], 'ab')", [1, "a", "b"]],
      ["() => _toConsumableArray(new Set([1]))", [1]],
      ["() => __spreadValues({ a: 1 }, null)", { a: 1 }],
      ["() => _objectSpread2({ a: 1 }, null, { b: 2 })", { a: 1, b: 2 }],
      ["() => _object_spread_props({ a: 1 }, { b: 2 })", { a: 1, b: 2 }],
      ["() => __objRest({ a: 1, b: 2 }, ['a'].map(__restKey))", { b: 2 }],
      ["() => _objectWithoutProperties({ a: 1, b: 2 }, ['b'])", { a: 1 }],
      ["() => __pow(2, 3)", 8],
      ["() => __defNormalProp({}, 'a', 1)", 1],
      ["() => __read([1, 2, 3], 2)", [1, 2]],
      ["() => __async(null, null, function* () { throw 1 }).catch((e) => e + 1)", 2],
      ["() => _async_to_generator(function* (a) { return yield a })(2)", 2],
      ["() => _asyncToGenerator2(function* () { return this.a }).call({ a: 3 })", 3],
      ["() => (0, _asyncToGenerator2.default)(function* () { return 4 })()", 4],
      ["() => _define_property._({}, 'a', 1)", 1],
      ["() => tslib_1.__rest({ a: 1, b: 2 }, ['a'])", { b: 2 }],
      ["() => (0, tslib_1.__awaiter)(null, [], null, function* () { return yield 5 })", 5],
      // Bun adds a hash to the names of its own.
      ["() => __using_1a2b3c4d([], null)", null],
      ["() => { cov_1a.b['2'][0]++; return cov_1a().s[0] + 1 }", 1],
    ] as const
  ) {
    test(text, async () => assert.deepEqual(await run(text), value));
  }

  test("for private members refuse objects that have none", async () => {
    for (
      const text of [
        "() => __privateGet({}, new WeakMap())",
        "() => __privateSet({}, new WeakMap(), 1)",
        "() => __privateMethod({}, new WeakSet(), () => 1)",
        "() => { const m = new WeakMap(), o = {}; __privateAdd(o, m, 1); __privateAdd(o, m, 1) }",
        "() => __privateIn(new WeakMap(), 1)",
        "() => __classPrivateFieldGet({}, new WeakMap(), 'f')",
        "() => __classPrivateFieldSet({}, new WeakSet([]), 1, 'm')",
        "() => _class_private_field_get({}, new WeakMap())",
        "() => _assertClassBrand(class {}, {})",
      ]
    ) await assert.rejects(run(text), { name: "TypeError" }, text);
  });

  test("for async generators close what they were reading", async () => {
    const text = `async () => {
      const log = [];
      const inner = () => __asyncGenerator(this, null, function* () {
        try { yield yield __await(1); yield 2 } finally { yield __await(0); log.push("inner") }
      });
      const outer = () => __asyncGenerator(this, null, function* () {
        try { yield __await(yield* __asyncDelegator(__asyncValues(inner()))) }
        finally { log.push("outer") }
      });
      for await (const v of outer()) { log.push(v); break }
      const it = outer();
      await it.next();
      await it.throw(new Error("thrown")).catch((e) => log.push(e.message));
      return log;
    }`.replaceAll("this", "null");
    assert.deepEqual(await run(text), [1, "inner", "outer", "inner", "outer", "thrown"]);
  });

  test("for \`using\` suppress errors, and refuse what can't be disposed", async () => {
    const text = `() => {
      const env = { stack: [], error: void 0, hasError: false };
      const open = (n) => ({ [Symbol.dispose]() { throw new Error(n) } });
      try { __addDisposableResource(env, open("a"), false); __addDisposableResource(env, open("b"), false); }
      finally { try { __disposeResources(env) } catch (e) {
        return [e.name, e.error.message, e.suppressed.message]
      } }
    }`;
    assert.deepEqual(await run(text), ["SuppressedError", "a", "b"]);
    await assert.rejects(run("() => __using([], {})"), { message: "Object not disposable." });
    await assert.rejects(run("() => __using([], 1)"), { message: "Object expected." });
  });

  test("that are unknown are refused with advice", () => {
    const said = (text: string): string => {
      try {
        new Deferred((0, eval)(text) as Work);
      } catch (error) {
        assert.ok(error instanceof FreeVariableError);
        return error.message;
      }
      return assert.fail();
    };
    assert.match(said("() => __publicAccess(1)"), /transpiler added: compile for .* `esnext`$/);
    assert.match(said("() => _wrap_async_generator(1)"), /compile for .* `esnext`$/);
    assert.match(said("() => _regeneratorRuntime().wrap()"), /compile for .* `esnext`$/);
    for (const name of ["__decorateElement", "_apply_decs_2203_r", "_applyDecs2311"]) {
      assert.match(said(`() => ${name}(1)`), /is a transpiler's helper for decorators.*without/);
    }
    assert.match(said("() => _mine(1)"), /pass it by name/);
  });
});

group("classes of a pool", () => {
  const classOf = (text: string, globals: object = {}): new (...args: number[]) => object => {
    const names = Object.keys(globals);
    return new Function(...names, `return ${text}`)(...Object.values(globals));
  };

  test("are given helpers as functions are", async () => {
    const __name = (f: unknown, _n: string) => f;
    const Point = classOf(
      `class Point {
        static { __name(this, "Point"); }
        constructor(x) { __publicField(this, "x", x); }
        twice() { return __pow(this.x, 2); }
        async later() { return await __async(this, null, function* () { return yield this.x; }); }
      }`,
      {
        __name,
        __publicField: (o: object, k: string, v: unknown) => Object.assign(o, { [k]: v }),
      },
    );
    await using pool = new DeferredPool({ classes: [Point], maxThreads: 1 });
    const work = async (p: { twice(): number; later(): Promise<number> }) => {
      return [p.constructor.name, p.twice(), await p.later(), "__pow" in globalThis];
    };
    assert.deepEqual(await pool.run(work, new Point(3) as never), ["Point", 9, 3, false]);
  });

  test("and are refused for names that are none", () => {
    const Point = classOf("class Point { m() { return __name(rate, 'x'); } }");
    assert.throws(() => new DeferredPool({ classes: [Point] }), (error: unknown) => {
      assert.ok(error instanceof FreeVariableError);
      assert.deepEqual(error.names, ["rate"]);
      return true;
    });
  });

  test("a private member is found, whatever stands before it", () => {
    for (
      const body of [
        "f(s) { if (s) /[{]/.test(s) } #x = 1",
        "f() { return `${'{'}` } #x() {}",
        "static { if (1) /}/.test('') } get #x() { return 1 }",
        "f() { return __pow(1, 2) } #x = 1",
      ]
    ) {
      assert.throws(
        () => new DeferredPool({ classes: [classOf(`class A { ${body} }`)] }),
        /`A` has the private member `#x`/,
        body,
      );
    }
  });
});
