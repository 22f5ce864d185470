// deno-lint-ignore-file no-sparse-arrays -- holes are values, too
/**
 * Values on their way into tasks and back: each kind that structured clone knows, through real
 * tasks, beside the host's own structuredClone; and what is said about those that can't go.
 *
 * The makers of values below use nothing from around them, so that tasks can run them, too.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { DataCloneError, Deferred, DeferredPool } from "../mod.ts";
import { show } from "./support/show.ts";
import { anything } from "./support/anything.ts";

/** In, there and back, and out must all give what structuredClone gives, if `clone` is that. */
async function crosses(
  make: () => unknown,
  clone: (value: unknown) => unknown = structuredClone,
): Promise<void> {
  const value = make();
  const expected = show(clone(value));
  assert.equal(await Deferred.run(show, value), expected, "what the task sees of its argument");
  assert.equal(show(await Deferred.run((v) => v, value)), expected, "what comes back of it");
  assert.equal(show(await Deferred.run(make)), expected, "what comes out of a task that made it");
}

describe("values cross as structuredClone makes them:", () => {
  const cases: Record<string, () => unknown> = {
    "undefined": () => undefined,
    "null": () => null,
    "true": () => true,
    "false": () => false,

    "0 and -0": () => [0, -0, [0, 1, -0], [-0, 0.5]],
    "-0 alone": () => -0,
    "NaN": () => NaN,
    "infinities": () => [Infinity, -Infinity],
    "fractions": () => [0.1, -1.5, 1 / 3, Math.PI, 2 ** -24, 1e-7, 123456.789],
    "the ends of the numbers": () => [
      Number.MAX_VALUE,
      Number.MIN_VALUE,
      -Number.MIN_VALUE,
      Number.EPSILON,
      Number.MAX_SAFE_INTEGER,
      Number.MIN_SAFE_INTEGER,
      2 ** -1022,
    ],
    "integers around every power of two": () => {
      const all = [];
      for (let i = 0; i <= 53; i++) {
        for (const d of [-1, 0, 1]) all.push(2 ** i + d, -(2 ** i) + d);
      }
      return [all, ...all.map((n) => ({ n }))];
    },
    "NaN among numbers": () => [1.5, NaN, 2],

    "0n": () => 0n,
    "bigints of every size": () => {
      const all = [];
      for (let bits = 0n; bits <= 520n; bits++) {
        for (const d of [-1n, 0n, 1n]) all.push((1n << bits) + d, -(1n << bits) + d);
      }
      return all;
    },
    "a bigint of 100,000 bits": () => -(1n << 100_000n) + 12345n,

    "the empty string": () => "",
    "Latin-1": () => Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join(""),
    "UTF-16": () => "žluťoučký кůň 馬 🐴 \u{10ffff} \uffff",
    "lone surrogates": () => ["\ud800", "\udc00", "a\udfffb", "\udc00\ud800", "\ud83d"],
    "NUL in a string": () => "a\0b\0",
    "strings of every length around a few borders": () => {
      const all = [];
      for (const n of [1, 2, 3, 7, 8, 63, 64, 127, 128, 129, 255, 256, 16383, 16384]) {
        all.push("x".repeat(n), "ž".repeat(n));
      }
      return all;
    },

    "an empty array": () => [],
    "an array of everything": () => [undefined, null, true, 1, 1.5, "s", 1n, [], {}],
    "holes": () => {
      const holes: unknown[] = [1, , 3];
      holes.length = 5;
      return [holes, new Array(3), [, undefined]];
    },
    "a sparse array": () => {
      const sparse: unknown[] = [];
      sparse[1000] = "far";
      sparse.length = 2000;
      return sparse;
    },
    "an array with other keys": () => Object.assign([1, 2], { name: "list", "-1": 0, "01": 1 }),
    "arrays of integers": () => [[1, 2, 3], [-(2 ** 31), 2 ** 31 - 1], [2 ** 31], [1, "2"]],
    "arrays of arrays": () => [[[[[]]]], [[1], [2, [3]]]],

    "an empty object": () => ({}),
    "an object of objects": () => ({ a: { b: { c: [{ d: 1 }] } } }),
    "objects of one shape": () => Array.from({ length: 50 }, (_, i) => ({ id: i, name: `n${i}` })),
    "objects of nearly one shape":
      () => [{ a: 1, b: 2 }, { b: 2, a: 1 }, { a: 1 }, { a: 1, b: 2, c: 3 }],
    "keys that look like numbers come first": () => ({ b: 1, 2: 2, a: 3, 1: 4, "-1": 5, "01": 6 }),
    "the key __proto__": () => [
      JSON.parse('{ "__proto__": { "a": 1 }, "b": 2 }'),
      JSON.parse('{ "__proto__": null }'),
      JSON.parse('[{ "__proto__": 1, "x": 2 }, { "__proto__": 3, "x": 4 }]'),
    ],
    "keys named after methods": () => ({
      constructor: 1,
      toString: 2,
      hasOwnProperty: 3,
      valueOf: 4,
      then: 5,
      toJSON: 6,
      length: 7,
    }),
    "odd keys": () => ({ "": 1, " ": 2, "ž": 3, "\ud800": 4, "🐴": 5, "a.b": 6, "\0": 7 }),
    "an object of many keys": () =>
      Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`key${i}`, i])),
    "only own enumerable string keys": () => {
      const o = Object.create({ inherited: 1 }, {
        hidden: { value: 2, enumerable: false },
        shown: { value: 3, enumerable: true },
        computed: { get: () => 4, enumerable: true },
      });
      o[Symbol("s")] = 5;
      return o;
    },
    "an instance of a class, as a plain object": () => {
      class Point {
        x = 1;
        #y = 2;
        get y() {
          return this.#y;
        }
      }
      return new Point();
    },
    "an object without a prototype": () => Object.assign(Object.create(null), { a: 1 }),

    "a cycle": () => {
      const o: Record<string, unknown> = { list: [] };
      o.self = o;
      (o.list as unknown[]).push(o, o.list);
      return o;
    },
    "shared references": () => {
      const shared = { a: 1 };
      const buffer = new ArrayBuffer(4);
      const date = new Date(0);
      const object = Object(1);
      return [
        [shared, shared, { shared }],
        [new Uint8Array(buffer), new Uint8Array(buffer, 2), buffer],
        [date, date, object, object, /a/],
      ];
    },
    "a chain 500 deep": () => {
      let o: unknown = "end";
      for (let i = 0; i < 500; i++) o = i % 2 ? [o] : { o };
      return o;
    },

    "arrays that can't grow, beside others, at any depth": () => {
      const slow = () => [Object.freeze([1, 2]), { x: 1 }, Object.seal([1.5]), { y: 2 }];
      const nest = (value: unknown, depth: number) => {
        for (let i = 0; i < depth; i++) value = { a: value };
        return value;
      };
      return Array.from({ length: 40 }, (_, depth) => nest(slow(), depth));
    },

    "dates": () => [new Date(0), new Date(-1), new Date(8.64e15), new Date(1.5e12), new Date(NaN)],
    "maps":
      () => [new Map(), new Map<unknown, unknown>([[{ k: 1 }, [1]], [NaN, -0], ["", undefined]])],
    "sets": () => [new Set(), new Set<unknown>([1, "1", NaN, {}, undefined])],
    "regular expressions": () => {
      const used = /x/g;
      used.lastIndex = 5;
      return [/a(b)?[/]\//gimsuy, new RegExp(""), /\u{1f434}/u, /[\p{L}--[a-z]]/v, used, /ž/d];
    },
    "boxed primitives":
      () => [Object(true), Object(-0), Object("sž"), Object(10n ** 30n), Object("")],

    "buffers": () => [new ArrayBuffer(0), new Uint8Array([1, 2, 255]).buffer],
    "a resizable buffer": () => {
      const buffer = new ArrayBuffer(3, { maxByteLength: 16 });
      new Uint8Array(buffer).set([1, 2, 3]);
      return [buffer, new Uint8Array(buffer, 1)];
    },
    "views of every kind": () => {
      const buffer = new Uint8Array(64).map((_, i) => i * 5).buffer;
      return [
        new Int8Array(buffer, 1, 3),
        new Uint8Array(buffer),
        new Uint8ClampedArray(buffer, 3, 2),
        new Int16Array(buffer, 2, 3),
        new Uint16Array(buffer, 4),
        new Int32Array(buffer, 8, 2),
        new Uint32Array(buffer, 8, 0),
        new Float32Array([1.5, NaN, -0]),
        new Float64Array([1.5, -0, Infinity]),
        new BigInt64Array([-1n, 2n ** 62n]),
        new BigUint64Array(buffer, 16, 1),
        new DataView(buffer, 5, 7),
        new Uint8Array(0),
      ];
    },

    "errors of every class": () => [
      new Error("a"),
      new EvalError("b"),
      new RangeError("c"),
      new ReferenceError("d"),
      new SyntaxError("e"),
      new TypeError("f"),
      new URIError("ž"),
      new Error(),
      new Error(""),
    ],
  };
  for (const [what, make] of Object.entries(cases)) test(what, () => crosses(make));
});

describe("beyond what every host's structuredClone keeps", () => {
  // Bun's leaves causes out.
  const causes: Record<string, () => unknown> = {
    "errors with causes": () => [
      new Error("a", { cause: new TypeError("b", { cause: { c: [1n] } }) }),
      new Error("a", { cause: undefined }),
    ],
    "cycles through Map, Set and an error's cause": () => {
      const map = new Map<unknown, unknown>();
      const set = new Set<unknown>([map]);
      const error = new Error("e", { cause: set });
      map.set(map, set).set("error", error);
      set.add(set);
      return map;
    },
  };
  for (const [what, make] of Object.entries(causes)) test(what, () => crosses(make, (v) => v));

  test("an AggregateError keeps its errors", async () => {
    const make = () => new AggregateError([new TypeError("a"), "b", new AggregateError([])], "all");
    const check = (e: AggregateError) => {
      assert.ok(e instanceof AggregateError);
      assert.equal(e.message, "all");
      assert.equal(e.errors.length, 3);
      assert.ok(e.errors[0] instanceof TypeError);
      assert.equal(e.errors[1], "b");
      assert.deepEqual(e.errors[2].errors, []);
    };
    check(await Deferred.run(make));
    check(await Deferred.run((e) => e, make()));
    assert.equal(
      await Deferred.run((e: AggregateError) => `${e.constructor.name} ${e.errors.length}`, make()),
      "AggregateError 3",
    );
  });

  test("an error keeps its name, its stack and its own properties", async () => {
    const error = Object.assign(new RangeError("m"), {
      code: "E_X",
      errno: -2,
      detail: { a: [1] },
    });
    error.name = "CustomError";
    const back = await Deferred.run((e) => e, error);
    assert.ok(back instanceof RangeError);
    assert.equal(back.name, "CustomError");
    assert.equal(back.code, "E_X");
    assert.equal(back.errno, -2);
    assert.deepEqual(back.detail, { a: [1] });
    assert.equal(back.stack, error.stack);
    const seen = await Deferred.run((e: typeof error) => [e.name, e.code, e.stack], error);
    assert.deepEqual(seen, ["CustomError", "E_X", error.stack]);
  });

  test("a DOMException keeps its name and code", async () => {
    const back = await Deferred.run((e) => e, new DOMException("stop", "AbortError"));
    assert.ok(back instanceof DOMException);
    assert.deepEqual([back.name, back.message, back.code], ["AbortError", "stop", 20]);
  });

  test(
    "Float16Array, where the host has it",
    { skip: !("Float16Array" in globalThis) },
    async () => {
      const back = await Deferred.run(() => new Float16Array([1.5, -0, 65504]));
      assert.ok(back instanceof Float16Array);
      assert.deepEqual([...back], [1.5, -0, 65504]);
      assert.equal(await Deferred.run((f: Float16Array) => f[0], new Float16Array([0.5])), 0.5);
    },
  );
});

describe("arguments", () => {
  test("share what they share, and nothing with the caller", async () => {
    const shared = { list: [1] };
    const [same, back] = await Deferred.run(
      (a: typeof shared, b: typeof shared) => {
        a.list.push(2);
        return [a === b, b] as const;
      },
      shared,
      shared,
    );
    assert.equal(same, true);
    assert.deepEqual(back, { list: [1, 2] });
    assert.deepEqual(shared, { list: [1] });
  });

  test("are as they were when the Deferred was made", async () => {
    const list = [1, 2, 3];
    const sum = Deferred.run((l: number[]) => l.reduce((a, b) => a + b), list);
    list.length = 0;
    assert.equal(await sum, 6);
  });

  test("may be many", async () => {
    const many = Array.from({ length: 1000 }, (_, i) => i);
    assert.equal(await Deferred.run((...all: number[]) => all.at(-1)! + all.length, ...many), 1999);
  });

  test("that are holes arrive as undefined", async () => {
    const args: unknown[] = [1, , 3];
    assert.deepEqual(
      await new Deferred((...all: unknown[]) => [all.length, all[1], 1 in all], { args }),
      [3, undefined, true],
    );
  });
});

describe("large values", () => {
  const MILLION = 1_000_000;

  test("strings of 10 MB, Latin-1 and UTF-16", async () => {
    for (const char of ["x", "ž"]) {
      const text = char.repeat(10 * MILLION - 1) + "!";
      assert.ok(await Deferred.run((s) => s, text) === text);
      assert.equal(await Deferred.run((s: string) => s.length + s.at(-1)!, text), "10000000!");
    }
  });

  test("arrays of a million numbers, small, whole and broken", async () => {
    for (const step of [0.0001, 1, 3000, 0.5]) {
      const numbers = Array.from({ length: MILLION }, (_, i) => i * step);
      const back = await Deferred.run((a) => a, numbers);
      assert.equal(back.length, MILLION);
      assert.ok(numbers.every((n, i) => n === back[i]));
    }
  });

  test("an array of a million strings and holes", async () => {
    const list = await Deferred.run((n: number) => {
      const made: string[] = [];
      for (let i = 0; i < n; i++) if (i % 3) made[i] = `item ${i % 7}`;
      return made;
    }, MILLION);
    assert.equal(list.length, MILLION - 1 + Number((MILLION - 1) % 3 !== 0));
    assert.ok(!(0 in list) && !(999 in list));
    assert.equal(list[1000], "item 6");
  });

  test("100,000 objects of one shape", async () => {
    const rows = Array.from(
      { length: 100_000 },
      (_, i) => ({ id: i, name: `row ${i}`, on: i % 2 > 0 }),
    );
    const back = await Deferred.run((r) => r, rows);
    assert.equal(back.length, rows.length);
    assert.ok(rows.every((r, i) => r.id === back[i]!.id && r.name === back[i]!.name));
    assert.deepEqual(back.at(-1), rows.at(-1));
  });

  test("16 MB of bytes", async () => {
    const bytes = new Uint8Array(16 * 1024 * 1024).map((_, i) => i * 31);
    const back = await Deferred.run((b) => b, bytes);
    assert.ok(back instanceof Uint8Array);
    assert.equal(back.length, bytes.length);
    assert.ok(back.every((byte, i) => byte === bytes[i]));
  });
});

describe("whatever fast-check makes", () => {
  test("crosses as structuredClone makes it", async () => {
    const values = anything(4);
    await fc.assert(
      fc.asyncProperty(fc.array(values, { maxLength: 20 }), async (value) => {
        const expected = show(structuredClone(value));
        assert.equal(await Deferred.run(show, value), expected);
        assert.equal(show(await Deferred.run((v) => v, value)), expected);
      }),
      { numRuns: 150 },
    );
  });
});

describe("what can't be cloned is refused, with its path:", () => {
  /** Each makes a value that holds something uncloneable at the path. */
  const cases: [what: string, path: string, make: () => unknown][] = [
    ["a function", "", () => () => 1],
    ["a symbol", "", () => Symbol("s")],
    ["a boxed symbol", "", () => Object(Symbol("s"))],
    ["a promise", "[0]", () => [Promise.resolve(1)]],
    ["a WeakMap", ".weak", () => ({ weak: new WeakMap() })],
    ["a WeakSet", ".weak", () => ({ weak: new WeakSet() })],
    ["a WeakRef", ".weak", () => ({ weak: new WeakRef({}) })],
    ["a generator's values", ".g", () => ({
      g: (function* () {
        yield 1;
      })(),
    })],
    ["a class", ".Point", () => ({ Point: class {} })],
    ["a method", ".go", () => ({ go() {} })],
    ["a function deep inside", ".items[3].fn", () => ({ items: [1, 2, 3, { fn: () => 1 }] })],
    ["a key that is no plain name", '["a key"]', () => ({ "a key": Symbol() })],
    [
      "a function in an array with other keys",
      ".extra",
      () => Object.assign([1], { extra: () => 1 }),
    ],
  ];
  const fails = (root: string, path: string) => (error: unknown) => {
    assert.ok(error instanceof DataCloneError, String(error));
    assert.ok(error instanceof DOMException);
    assert.equal(error.name, "DataCloneError");
    assert.equal(error.code, 25);
    assert.equal(error.path, root + path);
    assert.ok(error.message.includes(root + path), error.message);
    return true;
  };

  for (const [what, path, make] of cases) {
    test(`${what}, in arguments, results and what is thrown`, async () => {
      await assert.rejects(() => Deferred.run((_a, b) => b, 0, make()), fails("args[1]", path));
      await assert.rejects(Deferred.run(make), fails("result", path));
      const thrower = new Function(`throw (${make})()`) as () => void;
      await assert.rejects(Deferred.run(thrower), fails("thrown", path));
    });
  }

  test("but in an error, which arrives all the same, with text instead, both ways", async () => {
    const cause = () => new Error("e", { cause: { deep: [function named() {}] } });
    for (
      const { cause: text } of [
        await Deferred.run(cause),
        await Deferred.run((e) => e, cause()),
      ]
    ) {
      assert.equal(text, "[a function (`named`) can't be cloned: .deep[0]]");
    }
    const errors = () =>
      new AggregateError([1, Symbol("s"), new Error("in", { cause() {} } as object)]);
    for (
      const { errors: got } of [
        await Deferred.run(errors),
        await Deferred.run((e) => e, errors()),
      ]
    ) {
      assert.equal(got[0], 1);
      assert.match(got[1], /^\[a symbol.* can't be cloned\]$/);
      assert.match(got[2].cause, /^\[a function.* can't be cloned\]$/);
    }
    const own = Object.assign(new Error("e"), { code: 7, config: { retry() {} }, also: () => 1 });
    const got = await Deferred.run((e) => e, own);
    assert.deepEqual([got.message, got.code], ["e", 7]);
    assert.match(String(got.config), /^\[.*`retry`.*: \.retry\]$/);
    assert.match(String(got.also), /^\[a function \(`also`\) can't be cloned\]$/);
  });

  test("and what such an error holds and shares is as it was, few objects or many", async () => {
    for (const count of [0, 1, 5, 6, 7, 8, 9, 50]) {
      const before = Array.from({ length: count }, (_, i) => ({ [`before${i % 3}`]: i }));
      const shared = { only: "inside" };
      const bytes = new Uint8Array(100_000).fill(count);
      const error = new Error("e") as Error & { data: unknown };
      const gone = { bytes, shared, many: [{ f: 1 }, {}, {}, {}, {}, {}, {}, {}], f() {} };
      error.data = count % 2 === 0 ? gone : [before, gone]; // nothing came again yet, or something did
      const after = [shared, { shared }, before.at(-1), bytes, { f: 1 }];
      const value = { before, large: new Uint8Array(70_000), error, after };
      const got = await Deferred.run((v) => v, value);
      assert.deepEqual(got.before, before);
      assert.match(String(got.error.data), /^\[a function \(`f`\) can't be cloned/);
      assert.deepEqual(got.after, after);
      assert.equal((got.after[1] as { shared: object }).shared, got.after[0]);
      assert.equal(got.after[2], got.before.at(-1));
    }
  });

  test("a getter's error in an error is thrown as it is", async () => {
    const mine = new RangeError("mine");
    const error = Object.assign(new Error("e"), {
      data: {
        get x() {
          throw mine;
        },
      },
    });
    await assert.rejects(() => Deferred.run((e) => e, error), (e) => e === mine);
  });

  test("in Maps and Sets", async () => {
    for (const value of [new Map([["k", () => 1]]), new Map([[() => 1, 1]]), new Set([() => 1])]) {
      await assert.rejects(() => Deferred.run((v) => v, value), (e: DataCloneError) => {
        assert.match(e.path, /^args\[0\]./);
        return e instanceof DataCloneError;
      });
    }
    await assert.rejects(Deferred.run(() => new Map([["k", [() => 1]]])), (e: DataCloneError) => {
      assert.match(e.path, /^result.*\[0\]$/);
      return e instanceof DataCloneError;
    });
    const both = async (value: unknown, text: string) => {
      const inside = new Function(`return ${text}`) as () => unknown;
      const result = await Deferred.run(inside).then(() => "", (e: DataCloneError) => e.path);
      try {
        await Deferred.run((v) => v, value);
        assert.fail("not refused");
      } catch (error) {
        assert.equal((error as DataCloneError).path.replace("args[0]", "result"), result);
      }
    };
    await both(new Map([[1, Symbol()]]), "new Map([[1, Symbol()]])");
    await both(new Set([1, Symbol()]), "new Set([1, Symbol()])");
  });

  test("a detached buffer", async () => {
    const buffer = new ArrayBuffer(8);
    structuredClone(buffer, { transfer: [buffer] });
    await assert.rejects(() => Deferred.run((b) => b, buffer), fails("args[0]", ""));
    await assert.rejects(
      Deferred.run(() => {
        const buffer = new ArrayBuffer(8);
        buffer.transfer();
        return { buffer };
      }),
      fails("result", ".buffer"),
    );
  });

  test("a large buffer that a getter made arrives with each of its bytes", async () => {
    // Memory on both sides of it, as what is freed is joined with what is free beside it.
    const made = (length: number) => ({
      get buffer() {
        const before = new Uint8Array(100_000);
        const { buffer } = new Uint8Array(length).fill(7);
        Object.assign(globalThis, { held: [before, new Uint8Array(200_000)] });
        return buffer;
      },
    });
    for (let length = 600_000; length < 600_008; length++) {
      const { buffer } = await Deferred.run(made, length);
      const wrong = new Uint8Array(buffer).findIndex((byte) => byte !== 7);
      assert.equal(wrong, -1, `of ${length} bytes`);
    }
  });

  test("what is nested a million deep arrives, or is more than a task's memory", async () => {
    const deep = () => {
      let o: unknown = null;
      for (let i = 0; i < 1_000_000; i++) o = [o];
      return o;
    };
    const depthOf = (o: unknown) => {
      let depth = 0;
      for (; Array.isArray(o); o = o[0]) depth++;
      return depth;
    };
    assert.equal(await Deferred.run(depthOf, deep()), 1_000_000);
    assert.equal(depthOf(await Deferred.run(deep)), 1_000_000);
    const small = new Deferred(depthOf, { args: [deep()], memoryLimit: 32 * 2 ** 20 });
    await assert.rejects(small, { name: "DeferredMemoryError" });
    assert.equal(await Deferred.run(() => 1), 1);
  });

  test("a getter's error rejects as it is, wherever the getter runs", async () => {
    const args = [{
      get x(): number {
        throw new RangeError("from the getter");
      },
    }];
    await assert.rejects(() => new Deferred((_: unknown) => 1, { args } as never), {
      name: "RangeError",
      message: "from the getter",
    });
    await assert.rejects(
      Deferred.run(() => ({
        get x(): number {
          throw new RangeError("from the getter");
        },
      })),
      { name: "RangeError", message: "from the getter" },
    );
  });

  test("one refusal disturbs neither the next task nor the same arguments mended", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    const shared = { a: [1, 2] };
    const args: unknown[] = [shared, shared, () => 1];
    for (let i = 0; i < 100; i++) {
      await assert.rejects(() => pool.run((...all: unknown[]) => all, ...args), DataCloneError);
      await assert.rejects(pool.run(() => [{}, [], () => 1]), DataCloneError);
    }
    args[2] = "mended";
    assert.deepEqual(await pool.run((...all: unknown[]) => all, ...args), args);
  });
});

test("a RegExp has the host's source, whichever side made it, and matches the same", async () => {
  const sources = [
    "[]/",
    "[^]/",
    "[]/]",
    "[/]/",
    "[\\]/]",
    "a/b",
    "\\/",
    "\n",
    "\\\n",
    "\r\u2028",
    "[\n]",
    "",
  ];
  for (const source of sources) {
    const there = await Deferred.run((source) => new RegExp(source), source);
    const back = await Deferred.run((regexp) => regexp, new RegExp(source));
    const { source: expected } = new RegExp(source);
    assert.deepEqual([there.source, back.source], [expected, expected], JSON.stringify(source));
    const text = "a/b]\n\r\u2028//";
    const match = (regexp: RegExp, text: string) => regexp.exec(text)?.index;
    const index = match(new RegExp(source), text);
    assert.equal(match(there, text), index);
    assert.equal(await Deferred.run(match, new RegExp(source), text), index);
  }
});
