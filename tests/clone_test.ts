// deno-lint-ignore-file no-sparse-arrays -- holes are values, too
/**
 * The TypeScript half of the codec, by itself: against the vectors that both halves share, against
 * the host's structuredClone, and against bytes that nobody should have written.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createSecretKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import vm from "node:vm";
import fc from "fast-check";
import { decode, Encoder } from "../src/clone/clone.ts";
import { WIRE } from "../ffi/symbols.ts";
import { DataCloneError, InternalError } from "../src/errors.ts";
import { show } from "./support/show.ts";
import { anything } from "./support/anything.ts";

interface Vector {
  readonly name: string;
  readonly js: string;
  readonly hex: string;
  readonly again?: string;
}
const readVectors = (file: string): Vector[] =>
  JSON.parse(readFileSync(new URL(`vectors/${file}.json`, import.meta.url), "utf8"));
const vectors = readVectors("clone");
const malformed = readVectors("malformed");

const evaluate = (js: string): unknown => (0, eval)(js);
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const fromHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));

const shared = new Encoder();

function encode(value: unknown, encoder: Encoder = shared): Uint8Array {
  encoder.begin(0);
  encoder.value(value, "it");
  return encoder.bytes.slice(0, encoder.length);
}

const clone = <T>(value: T): T => decode(encode(value)) as T;

function refusal(value: unknown): DataCloneError {
  try {
    encode(value);
  } catch (error) {
    assert.ok(error instanceof DataCloneError, String(error));
    return error;
  }
  return assert.fail("it was cloned");
}

function nested(depth: number, wrap: (inner: unknown) => unknown): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = wrap(value);
  return value;
}

describe("the vectors:", () => {
  test("there are as many as there should be", () => {
    assert.ok(vectors.length >= 150, `${vectors.length}`);
    assert.ok(malformed.length >= 80, `${malformed.length}`);
  });

  for (const { name, js, hex, again } of vectors) {
    test(name, () => {
      assert.equal(toHex(encode(evaluate(js))), hex, "encoded");
      const value = decode(fromHex(hex));
      assert.equal(toHex(encode(value)), again ?? hex, "decoded and encoded again");
      if (again === undefined && !/deep$|longest/.test(name)) {
        assert.equal(show(value), show(clone(evaluate(js))));
      }
    });
  }

  // Where lists that begin in the room of a few elements grow, in either half.
  test("arrive as they are from any depth, beside siblings", () => {
    const nest = (value: unknown, depth: number): unknown =>
      depth === 0 ? value : { a: nest(value, depth - 1) };
    // deno-lint-ignore no-explicit-any -- whatever it is
    const open = (value: any, depth: number): any => depth === 0 ? value : open(value.a, depth - 1);
    for (const { name, js, hex, again } of vectors) {
      for (const depth of [7, 15, 31, 63]) {
        const list = [evaluate(js), { x: 1 }, 5, { y: 2 }];
        const [first, ...others] = open(clone(nest(list, depth)), depth);
        assert.equal(toHex(encode(first)), again ?? hex, `${name}, in an array`);
        assert.deepEqual(others, [{ x: 1 }, 5, { y: 2 }], name);
        const { v, ...rest } = open(clone(nest({ v: evaluate(js), x: {}, n: 5 }, depth)), depth);
        assert.equal(toHex(encode(v)), again ?? hex, `${name}, in an object`);
        assert.deepEqual(rest, { x: {}, n: 5 }, name);
        const map = open(clone(nest(new Map([[{}, evaluate(js)]]), depth)), depth);
        assert.equal(toHex(encode([...map.values()][0])), again ?? hex, `${name}, in a Map`);
      }
    }
  });

  test("often enough for compiled code to take over", () => {
    for (let i = 0; i < 60; i++) {
      for (const { name, js, hex, again } of vectors) {
        if (hex.length > 2000) continue;
        assert.equal(toHex(encode(evaluate(js))), hex, name);
        assert.equal(toHex(encode(decode(fromHex(hex)))), again ?? hex, name);
      }
    }
  });

  test("where code may not be made of text", async () => {
    let asked = 0;
    const { Function } = globalThis;
    globalThis.Function = function () {
      asked++;
      throw new EvalError("code may not be made of text");
    } as unknown as FunctionConstructor;
    try {
      const encoding = "../src/clone/encode.ts?without-code";
      const { Encoder } = await import(encoding) as typeof import("../src/clone/clone.ts");
      const decoding = "../src/clone/decode.ts?without-code";
      const decoder = await import(decoding) as typeof import("../src/clone/decode.ts");
      const decode = (bytes: Uint8Array): unknown => {
        decoder.begin(bytes, undefined);
        decoder.allow(2 ** 30);
        const value = decoder.attempt(2 ** 30);
        decoder.reset();
        return value === decoder.LEFT_OFF ? assert.fail("too deep") : value;
      };
      const encoder = new Encoder();
      for (let i = 0; i < 60; i++) {
        for (const { name, js, hex, again } of vectors) {
          if (hex.length > 2000) continue;
          assert.equal(toHex(encode(evaluate(js), encoder as never)), hex, name);
          const value = decode(fromHex(hex));
          assert.equal(toHex(encode(value, encoder as never)), again ?? hex, name);
        }
      }
    } finally {
      globalThis.Function = Function;
    }
    assert.ok(asked > 1);
  });

  test("behind a header, and one after another with one numbering", () => {
    const encoder = new Encoder();
    const object = { a: 1 };
    encoder.begin(48);
    assert.equal(encoder.length, 48);
    encoder.value(object, "args[0]");
    encoder.value([object, { a: 2 }], "args[1]");
    encoder.value([0.5], "args[2]");
    encoder.header.setUint32(4, 0x01020304, true);
    assert.deepEqual([...encoder.bytes.subarray(4, 8)], [4, 3, 2, 1]);
    assert.equal(
      toHex(encoder.bytes.subarray(48, encoder.length)),
      "18010801618110024000190082120100000000000000e03f",
    );
    assert.throws(() => encoder.begin(12), RangeError);
  });

  test("read from the middle of other memory, which may change afterwards", () => {
    for (const { name, hex, again } of vectors) {
      const bytes = fromHex(hex);
      for (const offset of [0, 8, 40, 1024]) {
        const memory = new Uint8Array(offset + bytes.length + 64).fill(0xff);
        memory.set(bytes, offset);
        const value = decode(memory.subarray(offset, offset + bytes.length));
        memory.fill(0xee);
        assert.equal(toHex(encode(value)), again ?? hex, `${name} at ${offset}`);
      }
    }
  });

  test("read from memory that is shared, and at odd addresses", () => {
    for (const { name, hex, again } of vectors) {
      const bytes = fromHex(hex);
      const memory = new Uint8Array(new SharedArrayBuffer(bytes.length + 3));
      memory.set(bytes, 3);
      assert.equal(toHex(encode(decode(memory.subarray(3)))), again ?? hex, name);
    }
  });
});

describe("malformed encodings are refused:", () => {
  /** As malformed; or as a RegExp that this runtime can't have, which another engine might. */
  const isRefusal = (error: unknown): boolean =>
    error instanceof InternalError ||
    error instanceof DataCloneError && /can't have a RegExp/.test(error.message);
  const refuses = (bytes: Uint8Array, what: string) => {
    assert.throws(() => decode(bytes), isRefusal, what);
  };

  for (const { name, hex } of malformed) test(name, () => refuses(fromHex(hex), name));

  test("every vector, cut short anywhere or with a byte more", () => {
    for (const { name, hex } of vectors) {
      const bytes = fromHex(hex);
      const step = bytes.length > 3000 ? 997 : 1;
      for (let length = 0; length < bytes.length; length += step) {
        refuses(bytes.subarray(0, length), `${name} at ${length}`);
      }
      refuses(Uint8Array.from([...bytes, 0]), `${name} and a zero`);
    }
  });

  test("every vector with a byte changed is refused or gives some value", () => {
    const changes = [0x00, 0x01, 0x04, 0x08, 0x10, 0x18, 0x19, 0x1b, 0x40, 0x7f, 0x80, 0xff];
    let refused = 0;
    let taken = 0;
    for (const { hex } of vectors) {
      const bytes = fromHex(hex);
      if (bytes.length > 700) continue;
      for (let at = 0; at < bytes.length; at++) {
        const before = bytes[at]!;
        for (const change of [...changes, before ^ 1, before ^ 0x80, before + 1]) {
          bytes[at] = change;
          try {
            decode(bytes);
            taken++;
          } catch (error) {
            assert.ok(isRefusal(error), String(error));
            refused++;
          }
        }
        bytes[at] = before;
      }
    }
    assert.ok(refused > 1000 && taken > 1000, `${refused} refused, ${taken} taken`);
    assert.equal(show(decode(encode([{ a: 1 }]))), show([{ a: 1 }]), "nothing stays behind");
  });

  test("random bytes, and halves of vectors glued together", () => {
    const pieces = fc.constantFrom(...vectors.filter((v) => v.hex.length < 400).map((v) => v.hex));
    const glued = fc.tuple(pieces, pieces, fc.nat(), fc.nat()).map(([a, b, m, n]) => {
      const left = fromHex(a);
      const right = fromHex(b);
      return Uint8Array.from([
        ...left.subarray(0, m % (left.length + 1)),
        ...right.subarray(n % (right.length + 1)),
      ]);
    });
    const random = fc.uint8Array({ maxLength: 60 });
    fc.assert(
      fc.property(fc.oneof(glued, random), (bytes) => {
        try {
          decode(bytes);
        } catch (error) {
          assert.ok(isRefusal(error), String(error));
        }
      }),
      { numRuns: 20_000 },
    );
  });

  test("lengths that are never there cost no memory", () => {
    // 900 arrays in one another, each of which promises a million elements: the bytes are there.
    const bytes = new Uint8Array(1_100_000).fill(1);
    for (let i = 0; i < 900; i++) bytes.set([0x10, 0xc0, 0x84, 0x3d], 4 * i);
    for (let i = 0; i < 3; i++) refuses(bytes, "arrays");
    // The longest array, ten thousand times.
    const sparse = [0x10, 0x90, 0x4e];
    for (let i = 0; i < 10_000; i++) sparse.push(0x13, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x1b);
    assert.equal((decode(Uint8Array.from(sparse)) as unknown[][])[9999]!.length, 4294967295);
    const long = [0x10, 0x90, 0x4e];
    for (let i = 0; i < 10_000; i++) long.push(0x13, 0x80, 0xad, 0xe2, 0x04, 0x1b);
    assert.equal((decode(Uint8Array.from(long)) as unknown[][])[9999]!.length, 10_000_000);
  });

  test("what they say", () => {
    assert.throws(() => decode(fromHex("1005818283")), {
      name: "InternalError",
      code: "ERR_DEFERRED_INTERNAL",
      message: /^a value from the library is malformed: a length beyond the end, at byte 2 of 5$/,
    });
  });
});

describe("beside the host's structuredClone:", () => {
  const f16 = globalThis as { Float16Array?: new (values: number[]) => ArrayBufferView };
  const cases: Record<string, () => unknown> = {
    primitives: () => [undefined, null, true, false, 0, -0, 1, -1, 0.5, NaN, Infinity, 1n, "", "x"],
    "integers at the borders of their forms": () =>
      [0, 1, 127, 128, 255, 256, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53, 1e300]
        .flatMap((n) => [{ n }, { n: -n }, { n: n + 0.5 }]),
    BigInts: () =>
      [1, 7, 8, 9, 31, 32, 63, 64, 65, 127, 128, 1000]
        .flatMap((bits) => [2n ** BigInt(bits) - 1n, 2n ** BigInt(bits), -(2n ** BigInt(bits))]),
    "arrays with holes": () => [[, 1], [1, , 2], [1, 2, ,], [, , , 1], new Array(7)],
    "long arrays with holes": () => {
      const make = (length: number, has: (i: number) => boolean) => {
        const array = new Array<number>(length);
        for (let i = 0; i < length; i++) if (has(i)) array[i] = i;
        return array;
      };
      return [
        make(100, (i) => i % 2 === 0),
        make(100, (i) => i % 2 === 1),
        make(101, (i) => i % 2 === 1),
        make(5000, (i) => i % 3 !== 0),
        make(5000, (i) => i % 3 === 0),
        make(5000, (i) => i > 2500),
        make(5000, (i) => i === 4999),
        make(5000, () => false),
        Object.assign(make(5000, (i) => i % 7 !== 0), { x: 1 }),
        Object.assign(make(33, () => true), { x: 1 }),
        make(33, (i) => i !== 32),
      ];
    },
    "arrays of undefined": () => [[undefined], new Array(40).fill(undefined), [undefined, , 1]],
    "arrays that change their mind": () =>
      [1, 2, 3, 4, 5, 31, 32, 33, 40].flatMap((length) =>
        [0.5, -0, NaN, 2 ** 31, "x", null, undefined, {}, 1n].flatMap((odd) =>
          [0, 1, length - 1].map((at) => {
            const array: unknown[] = Array.from({ length }, (_, i) => i);
            array[Math.min(at, length - 1)] = odd;
            return array;
          })
        )
      ),
    "doubles that change their mind": () =>
      ["x", null, undefined, {}].map((odd) => [0.5, -0, NaN, 1, odd, 2]),
    "a match": () => /(?<a>b)(c)?/d.exec("abx"),
    "keys that mean something": () =>
      JSON.parse('{"__proto__":{"a":1},"constructor":{"prototype":null},"toString":1,"length":2}'),
    "index keys": () => ({ 3: 1, 1: 2, b: 3, "-1": 4, "01": 5, 4294967294: 6, 4294967295: 7 }),
    "objects without a prototype": () => Object.assign(Object.create(null), { a: { b: 1 } }),
    "a class's instance": () =>
      new (class Point {
        x = 1;
        #y = 2;
        get y() {
          return this.#y;
        }
      })(),
    accessors: () => ({
      get a() {
        return { b: 1 };
      },
    }),
    "one shape after another": () =>
      Array.from(
        { length: 300 },
        (_, i) => i % 3 ? { a: i, b: `${i}` } : { b: i, a: null, [`k${i % 50}`]: true },
      ),
    "objects of many keys": () =>
      [63, 64, 65, 300].map((n) =>
        Object.fromEntries(Array.from({ length: n }, (_, i) => [`key ${i}`, i]))
      ),
    dates: () => [new Date(0), new Date(-1), new Date(NaN), new Date(8.64e15)],
    "regular expressions": () => [/a/, /b/dgimsuy, /[\p{L}--[a-z]]/v, new RegExp("/\n"), /\//],
    "boxed values": () => [Object(true), Object(false), Object(-0), Object(NaN), Object("é\ud800")],
    "a boxed BigInt": () => Object(2n ** 70n),
    Maps: () => new Map<unknown, unknown>([[1, 2], ["1", new Map([[{}, []]])], [NaN, -0], [-0, 1]]),
    Sets: () => new Set<unknown>([1, "1", new Set([{}, []]), NaN, undefined]),
    buffers: () => [new ArrayBuffer(0), Uint8Array.from([1, 2, 3]).buffer],
    "resizable buffers": () => [
      new ArrayBuffer(3, { maxByteLength: 9 }),
      new ArrayBuffer(0, { maxByteLength: 0 }),
    ],
    views: () =>
      [
        Int8Array,
        Uint8Array,
        Uint8ClampedArray,
        Int16Array,
        Uint16Array,
        Int32Array,
        Uint32Array,
        Float32Array,
        Float64Array,
      ].map((View) => View.from([1, 2, 250, 3.5])),
    "views of BigInts": () => [BigInt64Array.of(-1n, 5n), BigUint64Array.of(2n ** 64n - 1n)],
    "views of one buffer": () => {
      const buffer = Uint8Array.from({ length: 64 }, (_, i) => i * 3).buffer;
      return [
        new Uint8Array(buffer, 3, 5),
        new Float64Array(buffer, 8),
        new DataView(buffer, 1, 2),
        buffer,
        new Uint16Array(buffer, 2, 0),
      ];
    },
    "views that track the length, and views that don't": () => {
      const buffer = new ArrayBuffer(9, { maxByteLength: 20 });
      return [
        buffer,
        new Uint8Array(buffer),
        new Uint8Array(buffer, 4),
        new Uint8Array(buffer, 4, 5),
        new Uint8Array(buffer, 9),
        new Uint16Array(buffer, 2),
        new Uint16Array(buffer, 2, 3),
        new Uint32Array(buffer, 0, 2),
        new DataView(buffer),
        new DataView(buffer, 3, 6),
      ];
    },
    errors: () => [
      new Error("a"),
      new EvalError("b"),
      new RangeError("c"),
      new ReferenceError("d"),
      new SyntaxError("e"),
      new TypeError("f"),
      new URIError(""),
    ],
    "shared references": () => {
      const leaf = { v: 1 };
      const list = [leaf, leaf];
      return { leaf, list, again: list, deep: { list, map: new Map([[leaf, list]]) } };
    },
    "a cycle of many kinds": () => {
      const o: Record<string, unknown> = {};
      const a: unknown[] = [o];
      const m = new Map<unknown, unknown>([[o, a]]);
      const s = new Set<unknown>([m, a]);
      o.a = a;
      o.s = s;
      m.set(m, s);
      return o;
    },
    "many objects, each twice": () => {
      const list = Array.from({ length: 200 }, (_, i) => ({ i }));
      return [...list, ...list.toReversed()];
    },
    // What Bun's structuredClone gets wrong is told here.
    ...("Bun" in globalThis ? {} : {
      "keys of what has none": () => [
        Object.assign(new Map([[1, 2]]), { x: 1 }),
        Object.assign(new Date(1), { x: 1 }),
        Object.assign(Object("s"), { x: 1 }),
      ],
      "elements that aren't enumerable": () =>
        Object.defineProperty([1, 2, 3], 1, { enumerable: false }),
      causes: () => new Error("e", { cause: new TypeError("c", { cause: 5 }) }),
    }),
    ...(f16.Float16Array ? { Float16Array: () => new f16.Float16Array!([1.5, -0]) } : {}),
  };

  for (const [name, make] of Object.entries(cases)) {
    test(name, () => {
      const value = make();
      for (let i = 0; i < 30; i++) assert.equal(show(clone(value)), show(structuredClone(value)));
      assert.equal(show(clone(make())), show(clone(clone(make()))));
    });
  }

  test("a view goes on tracking the length of its buffer", () => {
    for (const [length, max] of [[4, 8], [4, 4], [0, 4], [1, 1]] as const) {
      const buffer = new ArrayBuffer(length, { maxByteLength: max });
      new Uint8Array(buffer).fill(7);
      const before = toHex(new Uint8Array(buffer));
      const value = {
        buffer,
        bytes: new Uint8Array(buffer),
        fixed: new Uint8Array(buffer, 0, length),
        data: new DataView(buffer),
        fixedData: new DataView(buffer, 0, length),
      };
      const copy = clone(value);
      assert.equal(toHex(new Uint8Array(buffer)), before, "trying leaves no trace");
      assert.equal(buffer.byteLength, length);
      for (const o of [value, copy]) {
        assert.equal(o.bytes.buffer, o.buffer);
        o.buffer.resize(max);
        assert.equal(o.bytes.length, max);
        assert.equal(o.data.byteLength, max);
        assert.equal(o.fixed.length, length);
        assert.equal(o.fixedData.byteLength, length);
      }
    }
  });

  test("whatever fast-check makes", () => {
    const values = anything(5);
    fc.assert(
      fc.property(values, (value) => {
        const copy = clone(value);
        assert.equal(show(copy), show(structuredClone(value)));
        assert.equal(toHex(encode(copy)), toHex(encode(value)));
      }),
      { numRuns: 3000 },
    );
  });

  test("graphs of any form", () => {
    const link = fc.record({
      from: fc.nat(),
      to: fc.nat(),
      key: fc.constantFrom("a", "b", "__proto__", "c", "0", "toString"),
    });
    const kind = fc.constantFrom("object", "array", "map", "set", "sparse");
    fc.assert(
      fc.property(
        fc.array(kind, { minLength: 1, maxLength: 30 }),
        fc.array(link),
        (kinds, links) => {
          const nodes = kinds.map((k): object => {
            if (k === "map") return new Map();
            if (k === "set") return new Set();
            return k === "object" ? {} : k === "array" ? [] : Object.assign([], { length: 100 });
          });
          for (const { from, to, key } of links) {
            const a = nodes[from % nodes.length]!;
            const b = nodes[to % nodes.length]!;
            if (a instanceof Map) a.set(key === "a" ? b : key, b);
            else if (a instanceof Set) a.add(b);
            else if (Array.isArray(a)) a.push(b);
            else define(a, key, b);
          }
          assert.equal(show(clone(nodes)), show(structuredClone(nodes)));
        },
      ),
      { numRuns: 1000 },
    );
  });

  function define(object: object, key: string, value: unknown): void {
    Object.defineProperty(object, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
});

describe("strings", () => {
  const same = (text: string, what: string) => {
    const copy = clone(text);
    assert.ok(copy === text, what); // assert.equal would print both
    assert.ok(clone([text, text, { [text]: text }])[1] === text, what);
  };

  test("of every length around the borders of their forms, wide at every place", () => {
    const lengths = [...Array(75).keys(), 127, 128, 129, 200, 254, 255, 256, 257, 300, 1023, 1025];
    for (const length of [...lengths, 4095, 4096, 4097, 8191, 8192, 8193]) {
      for (const filler of ["a", "\x7f", "\x80", "\xff", "\u0100", "\ud800", "\udc00", "\uffff"]) {
        const text = filler.repeat(length);
        same(text, `${length} of ${filler.charCodeAt(0)}`);
        const places = length < 40 ? [...Array(length).keys()] : [0, 1, 63, 64, length - 1];
        for (const at of places) {
          for (const odd of ["\xe9", "\u0100", "\ud83d"]) {
            same(text.slice(0, at) + odd + text.slice(at + 1), `${length}, odd at ${at}`);
          }
        }
      }
    }
  });

  test("in all their ways to lie in memory", () => {
    const long = "0123456789".repeat(100);
    const wide = `${long}\u03b1`;
    same(long.slice(3, 500), "a slice");
    same(wide.slice(0, 999), "a narrow slice of a wide string");
    same(`${long}${long.slice(1)}`, "a rope");
    same(`${long}${wide}`, "a rope of two widths");
    same(JSON.parse(JSON.stringify(wide)), "flat");
    same(`\u03b1${"\xe9".repeat(9000)}`.slice(1), "a long narrow slice of a wide string");
    same(Symbol("desc".repeat(20)).description!, "of a symbol");
    same(String(123456789012), "of a number");
  });

  test("long ones, as narrow as can be, whatever they begin with and wherever one is odd", () => {
    const { STRING8, STRING16 } = WIRE;
    for (const filler of ["a", "\xe9"]) {
      for (const length of [65535, 65536, 65537, 140_000]) {
        for (const at of [0, 4095, 4096, 65535, 65536, 131_072, length - 1]) {
          for (const odd of ["\xff", "\u0100"]) {
            const text = filler.repeat(Math.min(at, length - 1)) + odd + filler.repeat(length);
            const what = `${length} of ${filler}, ${odd} at ${at}`;
            assert.equal(encode(text)[0], odd === "\xff" ? STRING8 : STRING16, what);
            assert.ok(clone(text) === text, what);
          }
        }
      }
    }
    const narrow = `\u03b1${"\xe9".repeat(70_000)}`.slice(1);
    assert.equal(encode(narrow)[0], STRING8, "a narrow slice of a wide string");
  });

  test("of 10 MB", () => {
    const ascii = "0123456789".repeat(1e6);
    same(ascii, "ASCII");
    same(`${ascii.slice(1)}\xe9`, "Latin-1");
    same(`\xe9${ascii.slice(1)}`, "Latin-1 from the start");
    same(`${ascii.slice(1)}\u03b1`, "wide at the end");
    same("\u03b1\ud800".repeat(5e6), "wide");
  });

  test("of any units", () => {
    const unit = fc.oneof(
      fc.integer({ min: 0, max: 0x7f }),
      fc.integer({ min: 0x80, max: 0xff }),
      fc.integer({ min: 0, max: 0xffff }),
    );
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 400 }), fc.array(fc.string()), (units, others) => {
        const text = String.fromCharCode(...units);
        same(text, JSON.stringify(text));
        assert.deepEqual(clone([...others, text]), [...others, text]);
      }),
      { numRuns: 2000 },
    );
  });

  test("many short ones beside long ones", () => {
    const list = Array.from({ length: 3000 }, (_, i) => "x".repeat(i % 40) + i);
    list[1500] = "y".repeat(5000);
    list[2000] = "\u03b1".repeat(700);
    assert.deepEqual(clone(list), list);
  });
});

describe("what is read, and when:", () => {
  test("keys beforehand, values in their order, each once", () => {
    const log: string[] = [];
    const spy = (name: string, value: unknown) => ({
      get() {
        log.push(name);
        return value;
      },
      enumerable: true,
      configurable: true,
    });
    const inner = Object.defineProperties({}, { x: spy("inner.x", 1), y: spy("inner.y", 2) });
    const array = Object.defineProperties([0, 0, 0], {
      1: spy("array[1]", inner),
      2: spy("array[2]", 3),
    });
    const value = Object.defineProperties({}, {
      b: spy("b", array),
      a: spy("a", new Map([[inner, Object.defineProperties({}, { z: spy("z", 1) })]])),
    });
    const expected = ["b", "array[1]", "inner.x", "inner.y", "array[2]", "a", "z"];
    for (let i = 0; i < 40; i++) {
      log.length = 0;
      clone(value);
      assert.deepEqual(log, expected);
    }
  });

  test("not what a getter adds, and no longer what it takes away", () => {
    const make = () => {
      const value: Record<string, unknown> = {
        get a() {
          delete value.b;
          Reflect.deleteProperty(value, "toString");
          Reflect.deleteProperty(value, "__proto__");
          value.late = 1;
          (value.list as number[]).length = 1;
          return 1;
        },
        b: 2,
        toString: 3,
        ["__proto__"]: 4,
        list: [1, 2, 3],
      };
      return value;
    };
    for (let i = 0; i < 40; i++) {
      assert.equal(show(clone(make())), show({ a: 1, list: [1] }));
      assert.equal(show(clone(make())), show(structuredClone(make())));
    }
  });

  test("nor in an object of more keys than a shape has, or an array with keys of its own", () => {
    const takesAway = (object: Record<string, unknown>) =>
      Object.defineProperty(object, "a", {
        get() {
          for (const key of ["k70", "toString", "__proto__"]) Reflect.deleteProperty(object, key);
          object.late = 1;
          return 1;
        },
        enumerable: true,
      });
    const fill = (object: object): Record<string, unknown> => {
      const filled = object as Record<string, unknown>;
      for (const key of ["toString", "__proto__"]) {
        Object.defineProperty(filled, key, { value: 2, enumerable: true, configurable: true });
      }
      for (let i = 0; i < 80; i++) filled[`k${i}`] = i;
      return filled;
    };
    const makers = [
      () => fill(takesAway({})),
      () => fill(takesAway([1, 2] as unknown as Record<string, unknown>)),
    ];
    for (const make of makers) {
      const arrived = clone(make()) as Record<string, unknown>;
      for (const key of ["k70", "toString", "__proto__", "late"]) {
        assert.ok(!Object.hasOwn(arrived, key), key);
      }
      assert.equal(Object.keys(arrived).filter((key) => /^k/.test(key)).length, 79);
      assert.equal(show(clone({ deep: [make()] })), show(structuredClone({ deep: [make()] })));
    }
  });

  test("a getter's exception is passed on, and the encoder goes on working", () => {
    const thrown = { not: "an Error" };
    const encoder = new Encoder();
    for (let i = 0; i < 40; i++) {
      assert.throws(
        () =>
          encode([
            {},
            new Map([[1, {
              get x() {
                throw thrown;
              },
            }]]),
          ], encoder),
        (error) => error === thrown,
      );
      assert.throws(() => encode([{ a: () => 1 }], encoder), DataCloneError);
      assert.equal(toHex(encode([{ a: 1 }, { a: 2 }], encoder)), "100218010801618119008" + "2");
    }
  });

  test("a getter may use another encoder, and decode", () => {
    const value = {
      a: 1,
      get b() {
        return decode(encode({ c: [1, 2] }, new Encoder()));
      },
      d: "x",
    };
    assert.equal(show(clone(value)), show({ a: 1, b: { c: [1, 2] }, d: "x" }));
  });

  test("internal slots, whatever classes say", () => {
    const liar = { get: () => assert.fail("asked"), configurable: true };
    class LyingMap extends Map {
      override get size(): number {
        return assert.fail("asked");
      }
      override forEach(): void {
        assert.fail("asked");
      }
      override [Symbol.iterator](): never {
        return assert.fail("asked");
      }
      override get [Symbol.toStringTag](): string {
        return assert.fail("asked");
      }
    }
    const regexp = Object.defineProperties(/a/gi, { flags: liar, source: liar, global: liar });
    const bytes = Object.defineProperties(new Uint8Array([1]), {
      buffer: liar,
      length: liar,
      byteOffset: liar,
      byteLength: liar,
      constructor: liar,
    });
    const buffer = Object.defineProperties(new ArrayBuffer(2), {
      byteLength: liar,
      slice: liar,
      resizable: liar,
    });
    const date = Object.defineProperties(new Date(7), { getTime: liar, valueOf: liar });
    const set = Object.defineProperties(new Set([1]), { size: liar, forEach: liar, values: liar });
    const text = Object.defineProperties(Object("s"), { toString: liar, valueOf: liar });
    const value = [
      new (LyingMap as MapConstructor)([[1, 2]]),
      regexp,
      bytes,
      buffer,
      date,
      set,
      text,
    ];
    const expected = [
      new Map([[1, 2]]),
      /a/gi,
      new Uint8Array([1]),
      new ArrayBuffer(2),
      new Date(7),
      new Set([1]),
      Object("s"),
    ];
    assert.equal(show(clone(value)), show(expected));
  });

  test("what something is, not what it looks like", () => {
    const fakes: [unknown, unknown][] = [
      [Object.create(Map.prototype, {}), {}],
      [Object.create(Date.prototype), {}],
      [Object.create(Error.prototype), {}],
      [Object.create(Uint8Array.prototype), {}],
      [Object.create(ArrayBuffer.prototype), {}],
      [Object.create(DOMException.prototype), {}],
      [Object.create(RegExp.prototype), {}],
      [Object.create(Number.prototype), {}],
      [{ [Symbol.toStringTag]: "Map", size: 1 }, { size: 1 }],
      [Object.create(Array.prototype, { 0: { value: 1, enumerable: true } }), { 0: 1 }],
      [Object.setPrototypeOf(new Map([[1, 2]]), null), new Map([[1, 2]])],
      [Object.setPrototypeOf(new Date(3), Map.prototype), new Date(3)],
      [Object.setPrototypeOf([1, 2], Date.prototype), [1, 2]],
      [Object.setPrototypeOf(/x/g, Error.prototype), /x/g],
      [Object.setPrototypeOf(new Uint8Array(2), null), new Uint8Array(2)],
    ];
    for (const [fake, real] of fakes) assert.equal(show(clone(fake)), show(real));
  });

  test("values of another realm as of this one", () => {
    const value = vm.runInNewContext(`({
      list: [1, [2], ,], map: new Map([[{}, new Set([1])]]), date: new Date(5), regexp: /x/gy,
      boxed: [Object(1), Object("s"), Object(true)], bytes: new Uint8Array([1, 2]).subarray(1),
      error: new RangeError("r"), nothing: Object.create(null), instance: new (class { x = 1 })(),
    })`);
    const copy = clone(value) as Record<string, unknown>;
    assert.ok(copy.error instanceof RangeError);
    assert.ok(copy.map instanceof Map && copy.list instanceof Array);
    const { error, ...rest } = copy;
    assert.equal((error as Error).message, "r");
    assert.equal(
      show(rest),
      show({
        list: [1, [2], ,],
        map: new Map([[{}, new Set([1])]]),
        date: new Date(5),
        regexp: /x/gy,
        boxed: [Object(1), Object("s"), Object(true)],
        bytes: new Uint8Array([1, 2]).subarray(1),
        nothing: {},
        instance: { x: 1 },
      }),
    );
    assert.match(refusal(vm.runInNewContext("[new WeakMap()]")).message, /a WeakMap/);
  });

  test("only its own part of the memory that Node's small Buffers share", () => {
    const secret = Buffer.from("a secret of someone else");
    const bytes = Buffer.from("hello");
    const encoded = encode([bytes, bytes]);
    assert.ok(encoded.length < 40, `${encoded.length} bytes`);
    assert.ok(!Buffer.from(encoded).includes(secret));
    const [a, b] = decode(encoded) as Uint8Array[];
    assert.equal(a, b);
    assert.equal(Object.getPrototypeOf(a), Uint8Array.prototype);
    assert.equal(show(a), show(new Uint8Array([104, 101, 108, 108, 111])));
    const whole = Buffer.alloc(20_000, 7);
    assert.equal(show(clone([whole, whole.buffer])), show(structuredClone([whole, whole.buffer])));
  });
});

describe("what is made of it:", () => {
  test("errors are the host's own, with properties that aren't enumerable", () => {
    const made = Object.assign(
      new RangeError("message", { cause: new Map([[1, 2]]) }),
      { code: "E_X", detail: [1], name: "HttpError" },
    );
    made.stack = "the stack";
    const copy = clone(made);
    assert.ok(copy instanceof RangeError && copy instanceof Error);
    assert.equal(Object.getPrototypeOf(copy), RangeError.prototype);
    for (const key of ["name", "message", "stack", "cause"] as const) {
      assert.deepEqual(Object.getOwnPropertyDescriptor(copy, key), {
        value: key === "cause" ? new Map([[1, 2]]) : made[key],
        writable: true,
        enumerable: false,
        configurable: true,
      });
    }
    assert.deepEqual(Object.keys(copy), ["code", "detail"]);
    assert.equal(String(copy), "HttpError: message");

    const many = clone(new AggregateError([new TypeError("t"), 1], "m"));
    assert.ok(many instanceof AggregateError && many.errors[0] instanceof TypeError);
    assert.ok(!Object.prototype.propertyIsEnumerable.call(many, "errors"));

    const plain = clone(new Error("m"));
    assert.ok(!Object.hasOwn(plain, "name") && !Object.hasOwn(plain, "cause"));
    assert.ok(plain.stack?.includes("clone_test"), "the stack is that of where it was made");
    assert.ok(!Object.hasOwn(clone(new Error()), "message"));
  });

  test("DOMExceptions", () => {
    const copy = clone(new DOMException("m", "TimeoutError"));
    assert.ok(copy instanceof DOMException && copy instanceof Error);
    assert.deepEqual([copy.name, copy.message, copy.code], ["TimeoutError", "m", 23]);
    const own = clone(new DataCloneError("m", "args[0]"));
    assert.equal(Object.getPrototypeOf(own), DOMException.prototype);
    assert.deepEqual([own.name, own.code, own.path], ["DataCloneError", 25, "args[0]"]);
  });

  test("making errors leaves Error.stackTraceLimit as it was", () => {
    const before = Error.stackTraceLimit;
    clone([new Error("a"), new DOMException("b")]);
    assert.equal(Error.stackTraceLimit, before);
  });

  test("keys are own properties, whatever prototypes hold", () => {
    const text = '[{"__proto__":1,"a":2},{"a":3},{"toString":4,"valueOf":5}]';
    for (let i = 0; i < 40; i++) assert.equal(JSON.stringify(clone(JSON.parse(text))), text);
    assert.equal(({} as { a?: number }).a, undefined);

    let called = 0;
    const odd = "a key of Object.prototype";
    const many = Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`k${i}`, i]));
    const encoded = encode([{ x: 1, [odd]: 2 }, { ...many, [odd]: 3, __proto__: null }]);
    Object.defineProperty(Object.prototype, odd, { set: () => called++, configurable: true });
    try {
      for (let i = 0; i < 40; i++) {
        const [a, b] = decode(encoded) as Record<string, unknown>[];
        assert.ok(Object.hasOwn(a!, odd) && Object.hasOwn(b!, odd));
        assert.equal(a![odd], 2);
        assert.equal(Object.getPrototypeOf(b), Object.prototype);
      }
    } finally {
      delete (Object.prototype as Record<string, unknown>)[odd];
    }
    assert.equal(called, 0);
  });

  test("keys are told apart, however alike they look to a hash", () => {
    const rows = [{ nlbvz: 1 }, { pacxh: 2 }, { a: 3 }, { b: 4 }];
    for (let i = 0; i < 40; i++) {
      for (const row of rows) assert.equal(show(clone(row)), show(row));
      assert.equal(show(clone(rows)), show(rows));
    }
  });

  test("keys that could be code are keys", () => {
    const keys = [
      '"',
      "'",
      "`",
      "\\",
      "\n",
      "\u2028",
      "${x}",
      "*/",
      "]:0,x",
      "\ud800",
      "</script>",
    ];
    const rows = Array.from({ length: 60 }, (_, i) => Object.fromEntries(keys.map((k) => [k, i])));
    assert.equal(show(clone(rows)), show(rows));
  });

  test("buffers are copies of their own", () => {
    const bytes = encode(new Uint8Array([1, 2, 3]).buffer);
    const copy = decode(bytes) as ArrayBuffer;
    bytes.fill(0);
    assert.deepEqual([...new Uint8Array(copy)], [1, 2, 3]);
    assert.notEqual(copy, bytes.buffer);
  });
});

describe("what can't be cloned is refused, with path and advice:", () => {
  const cases: [what: string, make: () => unknown, path: string, message: RegExp][] = [
    ["a function", () => [() => 1], "[0]", /^it\[0\]: a function can't be cloned; pass data/],
    ["a named function", () => ({ f: function go() {} }), ".f", /a function \(`go`\) can't be/],
    ["a class", () => ({ C: class Point {} }), ".C", /\(`Point`\) can't be cloned/],
    ["a symbol", () => ({ s: Symbol("sym") }), ".s", /a symbol \(`Symbol\(sym\)`\).*description/],
    ["a boxed symbol", () => [Object(Symbol())], "[0]", /a boxed symbol/],
    [
      "a Promise",
      () => ({ p: Promise.resolve() }),
      ".p",
      /a Promise can't be cloned; await it first/,
    ],
    [
      "a Promise's subclass",
      () => new (class P extends Promise<void> {})(() => {}),
      "",
      /await it/,
    ],
    ["a WeakMap", () => new WeakMap(), "", /a WeakMap can't be cloned; .* a Map/],
    ["a WeakSet", () => new WeakSet(), "", /a WeakSet can't be cloned; .* a Set/],
    ["a WeakRef", () => new WeakRef({}), "", /a WeakRef can't be cloned; .*deref/],
    ["a generator", () => (function* () {})(), "", /a generator can't be cloned; .*\[\.\.\.it\]/],
    ["an async generator", () => (async function* () {})(), "", /an async generator .*fromAsync/],
    ["a Map's iterator", () => new Map().entries(), "", /a Map Iterator can't be cloned; pass its/],
    ["an array's iterator", () => [].values(), "", /an Array Iterator/],
    ["a Proxy", () => ({ p: new Proxy({}, {}) }), ".p", /a Proxy/],
    ["a Proxy of an array", () => new Proxy([], {}), "", /a Proxy/],
    ["a FinalizationRegistry", () => new FinalizationRegistry(() => {}), "", /a FinalizationReg/],
    ["an Intl object", () => new Intl.NumberFormat("en"), "", /an Intl\.NumberFormat can't/],
    ["a WebAssembly object", () => new WebAssembly.Memory({ initial: 1 }), "", /a WebAssembly.Mem/],
    [
      "a URL",
      () => ({ at: new URL("https://a.b") }),
      ".at",
      /a URL can't be cloned; pass its href$/,
    ],
    ["URLSearchParams", () => new URLSearchParams(), "", /a URLSearchParams .*\[\.\.\.it\]$/],
    ["a Blob", () => new Blob(["x"]), "", /a Blob .*await it\.bytes\(\)/],
    ["Headers", () => new Headers(), "", /a Headers .*\[\.\.\.it\]$/],
    ["what wraps an iterator", () => Iterator.from({ next: () => null! }), "", /an iterator/],
    ["a MessagePort", () => new MessageChannel().port1, "", /a MessagePort/],
    ["a KeyObject", () => createSecretKey(new Uint8Array(1)), "", /a KeyObject .*export/],
    ["a Response", () => new Response("x"), "", /a Response/],
    ["a stream", () => new ReadableStream(), "", /a ReadableStream/],
    ["an AbortSignal", () => AbortSignal.abort(), "", /an AbortSignal/],
    [
      "a subclass of URL",
      () => new (class Link extends URL {})("https://example.com"),
      "",
      /a URL .*href$/,
    ],
    ["a SharedArrayBuffer", () => new SharedArrayBuffer(1), "", /a SharedArrayBuffer of a Worker/],
    [
      "a view of a SharedArrayBuffer",
      () => [new Uint8Array(new SharedArrayBuffer(1))],
      "[0].buffer",
      /a SharedArrayBuffer/,
    ],
    [
      "a detached buffer",
      () => {
        const buffer = new ArrayBuffer(1);
        buffer.transfer();
        return [buffer];
      },
      "[0]",
      /a detached ArrayBuffer/,
    ],
    [
      "a view of a detached buffer",
      () => {
        const view = new Uint8Array(1);
        view.buffer.transfer();
        return { view };
      },
      ".view",
      /a detached ArrayBuffer/,
    ],
    ...([Uint8Array, DataView].map((View) =>
      [
        `a ${View.name} outside its buffer`,
        () => {
          const buffer = new ArrayBuffer(8, { maxByteLength: 8 });
          const view = new (View as Uint8ArrayConstructor)(buffer, 4, 2);
          buffer.resize(5);
          return view;
        },
        "",
        /outside its buffer/,
      ] as [string, () => unknown, string, RegExp]
    )),
    ["in a Map, a value", () => new Map([["k", { f() {} }]]), '.get("k").f', /function \(`f`\)/],
    [
      "in a Map, a value at no string",
      () => new Map([[1, 2], [5, () => 1]] as never),
      "[Map value 1]",
      /./,
    ],
    ["in a Map, a key", () => new Map([[1, 1], [Symbol(), 1]] as never), "[Map key 1]", /./],
    ["in a Set", () => ({ s: new Set([1, [Symbol()]]) }), ".s[Set value 1][0]", /./],
    [
      "behind keys that need quotes",
      () => ({ "a b": { '"': [Symbol()] } }),
      '["a b"]["\\""][0]',
      /./,
    ],
    ["in an array with keys", () => Object.assign([1], { k: Symbol() }), ".k", /./],
    ["in a sparse array", () => Object.assign(new Array(9), { 7: Symbol() }), "[7]", /./],
    ["in a long array", () => [...Array(99).keys(), Symbol()], "[99]", /./],
    ["after numbers", () => [1, 2, 0.5, Symbol()], "[3]", /./],
    [
      "among many keys",
      () => ({
        ...Object.fromEntries(Array.from({ length: 99 }, (_, i) => [`k${i}`, 1])),
        z: Symbol(),
      }),
      ".z",
      /./,
    ],
  ];
  for (const [what, make, path, message] of cases) {
    test(what, () => {
      const error = refusal(make());
      assert.equal(error.path, `it${path}`);
      assert.match(error.message, message);
      assert.ok(error.message.startsWith(error.path), error.message);
      assert.equal(error.name, "DataCloneError");
      assert.equal(error.code, 25);
      assert.ok(error instanceof DOMException);
    });
  }

  test("where code was compiled for its shape", () => {
    for (let i = 0; i < 50; i++) assert.equal(refusal({ a: 1, fn: () => 1, z: 2 }).path, "it.fn");
  });

  test("objects nested 40,000 deep, also where the stack is nearly used up", () => {
    const wraps: Record<string, (inner: unknown) => unknown> = {
      arrays: (inner) => [inner],
      objects: (inner) => ({ inner }),
      "many keys": (inner) => ({
        ...Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`k${i}`, 0])),
        inner,
      }),
      Maps: (inner) => new Map([[1, inner]]),
      "keys of Maps": (inner) => new Map([[inner, 1]]),
      Sets: (inner) => new Set([inner]),
      "arrays with keys": (inner) => Object.assign([inner], { k: 1 }),
      "arrays with holes": (inner) => [, inner],
    };
    /** Calls `fn` where functions call each other `calls` deep, or as deep as they can. */
    const under = <T>(calls: number, fn: () => T): T => {
      let result: T;
      (function call(left: number): void {
        if (left > 0) call(left - 1);
        else result = fn();
      })(calls);
      return result!;
    };
    let most = 1000;
    try {
      for (;; most *= 1.2) under(Math.floor(most), () => 0);
    } catch {
      most = Math.floor(most / 3); // frames may be larger than those
    }
    const depth = 40_000;
    for (const [what, wrap] of Object.entries(wraps)) {
      const value = nested(what === "many keys" ? depth / 10 : depth, wrap);
      const bytes = under(most, () => encode(value));
      const copy = under(most, () => decode(bytes));
      assert.ok(Buffer.from(bytes).equals(encode(copy)), what);
    }
  });

  test("but not what is in an error: a text stands for it", () => {
    const own = Object.assign(new Error("e"), { x: { y: Symbol("s") }, ok: 1 });
    assert.deepEqual(Object.entries(clone(own) as object), [
      ["x", "[a symbol (`Symbol(s)`) can't be cloned: .y]"],
      ["ok", 1],
    ]);
  });

  test("a buffer of 2 GB", () => {
    const buffer = new ArrayBuffer(8, { maxByteLength: 2 ** 31 });
    assert.match(refusal([buffer]).message, /^it\[0\]: a buffer of 2 GB or more can't be cloned/);
  });
});

describe("an encoder", () => {
  test("lets go of the values, and keeps what it wrote", () => {
    const encoder = new Encoder();
    for (const value of [1, [{}], Array.from({ length: 20 }, (_, i) => ({ i }))]) {
      const expected = toHex(encode(value));
      encoder.begin(8);
      encoder.value(value, "it");
      encoder.release();
      assert.equal(toHex(encoder.bytes.subarray(8, encoder.length)), expected);
      encoder.release();
    }
  });

  test("writes the same whatever it wrote before", () => {
    const encoder = new Encoder();
    for (const { js, hex } of vectors) {
      if (hex.length > 2000) continue;
      encoder.begin(0);
      encoder.value([js, { a: js, [js.slice(0, 9)]: 1 }, new Array(9)], "it");
      assert.equal(toHex(encode(evaluate(js), encoder)), hex);
    }
  });

  test("grows, and gives back what it doesn't need for long", () => {
    const encoder = new Encoder();
    const first = encoder.bytes.length;
    const big = new Uint8Array(3e6).fill(5);
    assert.equal(
      show(decode(encode([big, big.subarray(0, 5)], encoder))),
      show([big, big.subarray(0, 5)]),
    );
    assert.ok(encoder.bytes.length >= 3e6);
    for (let i = 0; i < 300; i++) encode({ i }, encoder);
    assert.ok(encoder.bytes.length < 3e6, "after some small ones");
    for (let i = 0; i < 5000; i++) encode({ i }, encoder);
    assert.equal(encoder.bytes.length, first);
    assert.equal(toHex(encode([0.5], encoder)), "1201000000000000000000000000e03f".slice(0, 32));
  });

  test("keeps a bounded number of shapes", () => {
    const encoder = new Encoder();
    for (let i = 0; i < 300; i++) {
      const rows = Array.from({ length: 100 }, (_, j) => ({ [`key ${i} ${j}`]: j, same: [j] }));
      assert.equal(show(decode(encode(rows, encoder))), show(rows));
    }
  });

  test("grows in the middle of numbers that change their form", () => {
    for (const length of [400, 500, 512, 600, 1000, 5000]) {
      for (const at of [1, length >> 1, length - 1]) {
        for (const odd of [0.5, "x", undefined]) {
          const array: unknown[] = Array.from({ length }, (_, i) => i - 5);
          array[at] = odd;
          assert.equal(show(decode(encode(array, new Encoder()))), show(array));
        }
      }
    }
  });
});
