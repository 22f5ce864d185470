/**
 * What a value may cost the host: time that the event loop gets back, address space, and that it
 * grows with the value. And that no prototype has a say in what is decoded or encoded.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DataCloneError, Deferred } from "../mod.ts";
import { decode, decodeSoon, Encoder, lastWork, LATER, Reading } from "../src/clone/clone.ts";
import { threadTime } from "./support/measure.ts";
import { runtime } from "./support/process.ts";
import { show } from "./support/show.ts";

function encode(value: unknown): Uint8Array {
  const encoder = new Encoder();
  encoder.begin(0);
  encoder.value(value, "it");
  return encoder.bytes.slice(0, encoder.length);
}

/** How often the reading of a value may be left, if the clock always says so. */
function slicesOf(bytes: Uint8Array): number {
  const reading = new Reading(bytes);
  for (let slices = 1;; slices++) if (reading.read(0) !== undefined) return slices;
}

/**
 * The least of several: the entries of Maps and Sets are charged by the clock, too, and a busy
 * machine makes them seem slow.
 */
function leastSlicesOf(what: string, bytes: Uint8Array): number {
  const rounds = /Map|Set/.test(what) ? 5 : 1;
  return Math.min(...list(rounds, () => slicesOf(bytes)));
}

const list = <T>(n: number, make: (i: number) => T): T[] =>
  Array.from({ length: n }, (_, i) => make(i));

/** The `i`th of many whole numbers whose hashes in V8 end in 15 zeros: its hash of those, backwards. */
function colliding(i: number): number {
  let hash = i << 15;
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 3369993785); // times 2057 that is 1
  for (let bits = 4, made = hash; bits < 32; bits += 4) hash ^= made >>> bits;
  hash = Math.imul(hash, 3435973837); // times 5 that is 1
  hash = hash ^ hash >>> 12 ^ hash >>> 24;
  return Math.imul(hash + 1, 3221192703); // times 32767 that is 1
}

/** So many of each kind, and how many of them may be read in one slice. */
const kinds: Record<string, [make: (n: number) => unknown, inOneSlice: number]> = {
  "small numbers": [(n) => list(n, (i) => i % 2 ? 1 : null), 20_000],
  integers: [(n) => list(n, (i) => i), 9000],
  doubles: [(n) => list(n, (i) => i / 3), 4500],
  strings: [(n) => list(n, () => "ab"), 6000],
  BigInts: [(n) => list(n, (i) => 2n ** 60n + BigInt(i)), 500],
  "empty objects": [(n) => list(n, () => ({})), 2500],
  objects: [(n) => list(n, (i) => ({ i, s: "s" })), 2500],
  "objects of many shapes": [(n) => list(n, (i) => ({ [`k${i}`]: 1 })), 40],
  arrays: [(n) => list(n, () => []), 2500],
  "arrays with holes only": [(n) => list(n, () => new Array(5000)), 100],
  "keys of one object": [(n) => Object.fromEntries(list(n, (i) => [`k${i}`, i])), 500],
  "elements far apart": [
    (n) => Object.assign([], Object.fromEntries(list(n, (i) => [i * 9000, i]))),
    500,
  ],
  Maps: [(n) => list(n, () => new Map()), 500],
  "entries of a Map": [(n) => new Map(list(n, (i) => [i, i])), 2500],
  "values of a Set": [(n) => new Set(list(n, (i) => i)), 2500],
  Dates: [(n) => list(n, () => new Date(0)), 1000],
  RegExps: [(n) => list(n, () => /a/), 200],
  "boxed strings": [(n) => list(n, () => Object("")), 1000],
  buffers: [(n) => list(n, () => new ArrayBuffer(0)), 250],
  "resizable buffers": [(n) => list(n, () => new ArrayBuffer(0, { maxByteLength: 8 })), 16],
  views: [(n) => list(n, () => new Uint8Array(1)), 150],
  errors: [(n) => list(n, () => new Error()), 20],
  "causes of an error": [
    (n) => list(n, () => 0).reduce((cause: unknown) => new Error("", { cause }), 0),
    20,
  ],
};

describe("work is counted, whatever it is done for:", () => {
  for (const [what, [make, inOneSlice]] of Object.entries(kinds)) {
    test(what, () => {
      const n = Math.min(8 * inOneSlice, 20_000);
      const slices = leastSlicesOf(what, encode(make(n)));
      const more = what === "resizable buffers" ? n : 4 * n;
      const fourTimes = leastSlicesOf(what, encode(make(more)));
      assert.ok(slices >= n / inOneSlice, `${slices} slices for ${n}`);
      if (what !== "resizable buffers") {
        assert.ok(fourTimes >= 2.5 * slices && fourTimes <= 6 * slices, `${slices}, ${fourTimes}`);
      }
    });
  }

  test("entries whose keys collide in the engine's table", {
    skip: runtime === "bun" && "these are V8's hashes",
  }, () => {
    const keys = list(5000, colliding);
    const others = list(5000, (i) => 2 ** 30 + i);
    for (
      const make of [
        (keys: number[]): unknown => new Set(keys),
        (keys: number[]): unknown => new Map(keys.map((key) => [key, 1])),
      ]
    ) {
      const ordinary = slicesOf(encode(make(others)));
      const slices = slicesOf(encode(make(keys)));
      assert.ok(slices > 5 * ordinary, `${slices} slices, ${ordinary} of ordinary keys`);
      assert.equal(decodeSoon(encode(make(keys)), undefined, 2 ** 19), LATER);
    }
  });

  test("what is more than may be read at once is left for later, and little is not", () => {
    const many = encode(list(1000, () => new Error()));
    assert.equal(decodeSoon(many, undefined, 100_000), LATER);
    assert.equal(show(decodeSoon(many, undefined, 1e9)), show(decode(many)));
    assert.ok(lastWork > 1e6, `${lastWork}`);
    assert.equal(show(decodeSoon(encode([{ a: 1 }]), undefined, 1000)), show([{ a: 1 }]));
  });

  test("elements that are read together arrive as one by one, whatever is among them", () => {
    const one = { a: 1 };
    const deep = list(600, () => 0).reduce((inner: unknown) => [inner], one);
    const all = list(
      1000,
      (i): unknown => i % 7 === 0 ? one : i % 5 === 0 ? new Error(`${i}`) : [i],
    );
    for (const [i, value] of [[100, deep], [300, list(30_000, (n) => n)], [301, deep]] as const) {
      all[i] = value;
    }
    delete all[500];
    for (const grain of [1, 1000, undefined]) {
      const reading = new Reading(encode(all), undefined, { grain });
      let read: { readonly value: unknown } | undefined;
      while (read === undefined) read = reading.read(0);
      assert.equal(show(read.value), show(all));
    }
  });
});

describe("what is cheap in a task and dear here is refused, with its path:", () => {
  const cases: [what: string, task: () => unknown, path: string, message: RegExp][] = [
    [
      "many resizable buffers",
      () => ({
        all: Array.from({ length: 5000 }, () => new ArrayBuffer(8, { maxByteLength: 16 })),
      }),
      "result.all[2048]",
      /more than 2048 resizable buffers in one value; return buffers of fixed length/,
    ],
    [
      "views of them",
      () =>
        new Map([[
          "k",
          Array.from({ length: 5000 }, () =>
            new Uint8Array(new ArrayBuffer(8, { maxByteLength: 16 }))),
        ]]),
      'result.get("k")[2048].buffer',
      /more than 2048 resizable buffers/,
    ],
    [
      "what they may grow to",
      () => Array.from({ length: 50 }, () => new ArrayBuffer(8, { maxByteLength: 2 ** 31 - 1 })),
      "result[16]",
      /may grow to more than 32 GiB in all/,
    ],
    [
      "a RegExp among many objects",
      () => {
        const all: object[] = Array.from({ length: 3000 }, (_, i) => ({ i, s: "s" }));
        all[1500] = { re: new RegExp("a".repeat(100_000)) };
        return all;
      },
      "result[1500].re",
      /a RegExp of 100000 characters/,
    ],
    [
      "a long RegExp",
      () => ({ re: new RegExp("a".repeat(100_000)) }),
      "result.re",
      /a RegExp of 100000 characters: it takes too long to make it; return its source and flags/,
    ],
    [
      "a RegExp of many properties of Unicode",
      () => [new RegExp("\\p{L}".repeat(2000), "iu")],
      "result[0]",
      /takes too long/,
    ],
    [
      "a RegExp of properties of strings",
      () => [new RegExp("\\p{RGI_Emoji}".repeat(10), "v")],
      "result[0]",
      /takes too long/,
    ],
    [
      "a RegExp of many named groups",
      () => [new RegExp(Array.from({ length: 4000 }, (_, i) => `(?<a${i}>)`).join(""))],
      "result[0]",
      /takes too long/,
    ],
    [
      "a RegExp of many references to groups",
      () => [new RegExp("(?<a>)" + "\\k<a>".repeat(4000))],
      "result[0]",
      /takes too long/,
    ],
    [
      "a RegExp of a large set of characters",
      () => {
        const characters = Array.from(
          { length: 10_000 },
          (_, i) => String.fromCharCode(9000 + 2 * i),
        );
        return [new RegExp(`[${characters.join("")}]`, "v")];
      },
      "result[0]",
      /takes too long/,
    ],
    [
      "a RegExp of many sets of characters, whatever their case",
      () => [new RegExp("[a-\u{ffff}]".repeat(1000), "iv")],
      "result[0]",
      /takes too long/,
    ],
  ];
  for (const [what, task, path, message] of cases) {
    test(what, async () => {
      await assert.rejects(Deferred.run(task), (error: DOMException & { path: string }) => {
        assert.equal(error.name, "DataCloneError");
        assert.match(error.message, message);
        assert.equal(error.path, path);
        return true;
      });
    });
  }

  test("and what is thrown, by its own path", async () => {
    const task = () => {
      throw Object.assign(new Error("no"), { re: [new RegExp("a".repeat(100_000))] });
    };
    await assert.rejects(Deferred.run(task), { name: "DataCloneError", path: "thrown.re[0]" });
  });

  test("the path shows a task's keys as text, and of long ones the beginning", async () => {
    const work = () => ({
      ["\u202ea\u009bb"]: { ["k".repeat(1e6)]: [new RegExp("a".repeat(100_000))] },
    });
    const error = await Deferred.run(work).catch((e: unknown) => e);
    assert.ok(error instanceof DataCloneError);
    assert.match(error.path, /^result\["\\u202ea\\u009bb"\]\.kkk/);
    assert.ok(error.path.length < 5000 && error.message.length < 5000);
    assert.doesNotMatch(error.message + error.path, /[\u202e\u009b]/);
  });
});

test("to refuse what lies deep takes about as long as to write it", () => {
  const nested = (value: unknown): unknown => {
    for (let i = 0; i < 20_000; i++) value = { a: value };
    return value;
  };
  const fine = nested(1);
  const refused = nested(() => {});
  const encoder = new Encoder();
  const costOf = (value: unknown): number => {
    let least = Infinity;
    for (let round = 0; round < 5; round++) {
      const before = threadTime();
      encoder.begin(0);
      try {
        encoder.value(value, "it");
      } catch (error) {
        assert.equal((error as DataCloneError).path, `it${".a".repeat(20_000)}`);
      }
      least = Math.min(least, threadTime() - before);
    }
    return least;
  };
  const seen: string[] = [];
  for (let attempt = 0; attempt < 4; attempt++) {
    const [written, told] = [costOf(fine), costOf(refused)];
    if (told < 3 * written + 2) return;
    seen.push(`${told.toFixed(1)} ms instead of ${written.toFixed(1)} ms`);
  }
  assert.fail(seen.join(", "));
});

test("a RegExp that takes little time arrives, whatever stands in it", async () => {
  const task = () => [
    new RegExp(Array.from({ length: 200 }, (_, i) => `(?<a${i}>)`).join("")),
    new RegExp(`[${"0-9a-f\u{4e00}".repeat(80)}]`, "iv"),
    /[\p{L}--[a-z\[\]]]\p{RGI_Emoji}(?<=x)/v,
    new RegExp("[[]".repeat(5000), "i"),
  ];
  assert.deepEqual(await Deferred.run(task), task());
});

const hidden = "Bun" in globalThis && "Bun finds Function without the global";

test("no code is compiled for keys that are long in all", { skip: hidden }, () => {
  const { Function } = globalThis;
  let longest = 0;
  globalThis.Function = class extends Function {
    constructor(...texts: string[]) {
      super(...texts);
      longest = Math.max(longest, ...texts.map((text) => text.length));
    }
  } as FunctionConstructor;
  try {
    for (const keys of [["k".repeat(100_000)], list(64, (i) => `${i}${"ж".repeat(1000)}`)]) {
      const value = list(100, (i) => Object.fromEntries(keys.map((key) => [key, i])));
      assert.deepEqual(decode(encode(value)), value);
    }
    const short = list(100, (i) => ({ thisKeyIsShort: i }));
    assert.deepEqual(decode(encode(short)), short);
  } finally {
    globalThis.Function = Function;
  }
  assert.ok(longest > 0 && longest < 10_000, `${longest} units`);
});

test("lists of keys are told apart by each of their bytes", () => {
  const names = list(300, (i) => "abcdefghij".slice(0, i % 11) + String.fromCharCode(97 + i % 26));
  const value = names.map((name, i) => ({
    [name]: i,
    [`${name}${i % 7}`]: i,
    [`z${i % 3}`]: name,
  }));
  const bytes = encode(value);
  for (let i = 0; i < 3; i++) assert.deepEqual(decode(bytes), value);
});

test("strings arrive whole, near each other and far apart", () => {
  for (const gap of [0, 100, 200, 600]) {
    const value = list(60, (i) => ["", "é", "ab", `${i}`.repeat(i), "x".repeat(gap), `${i}`]);
    const bytes = encode(value);
    assert.deepEqual(decode(bytes), value);
    const moved = new Uint8Array(bytes.length + 4096);
    moved.set(bytes, 4096);
    assert.deepEqual(decode(moved.subarray(4096)), value);
  }
});

describe("a prototype has no say:", () => {
  const values = (): unknown[] => [
    ["a", "b"],
    list(200, (i) => `s${i}`),
    list(200, (i) => i),
    list(200, (i) => i / 3),
    list(50, (i) => ({ i, secret: [i, { secret: i }] })),
    Object.assign([1, 2], { secret: 1 }),
    Object.fromEntries(list(100, (i) => [`k${i}`, i])),
    [
      [, 1, , 2],
      new Map([[1, new Set([[3]])]]),
      Object.assign(new Error("e", { cause: { secret: 1 } }), { stack: "" }),
    ],
    new Uint8Array(3),
    list(100, (i) => Object.assign(new Error(`e${i}`), { stack: "" })),
  ];
  const keep = { ...Object.getOwnPropertyDescriptors(Object.prototype) };
  const pollutions: Record<string, PropertyDescriptor> = {
    "a setter": { set: () => assert.fail("a setter was called"), configurable: true },
    "a value that can't be written": { value: 7, configurable: true },
    "a value": { value: 7, configurable: true, writable: true, enumerable: false },
  };
  for (const [what, property] of Object.entries(pollutions)) {
    for (
      const [of, prototype] of Object.entries({ Array: Array.prototype, Object: Object.prototype })
    ) {
      test(`${what} on ${of}.prototype`, () => {
        const expected = values().map((value) => encode(value));
        const made = values();
        const shown = made.map(show);
        const keys = [0, 1, 40, 70, 100, "secret", "k5"];
        const encoder = new Encoder();
        const encoded: Uint8Array[] = [];
        const decoded: unknown[] = [];
        const sliced: unknown[] = [];
        for (const key of keys) {
          Object.defineProperty(
            prototype,
            key,
            { __proto__: null, ...property } as PropertyDescriptor,
          );
        }
        try {
          for (let i = 0; i < made.length; i++) {
            encoder.begin(0);
            encoder.value(made[i], "it");
            const bytes = encoder.bytes.slice(0, encoder.length);
            Object.defineProperty(
              encoded,
              i,
              {
                value: bytes,
                writable: true,
                enumerable: true,
                configurable: true,
                __proto__: null,
              } as PropertyDescriptor,
            );
            Object.defineProperty(
              decoded,
              i,
              {
                value: decode(expected[i]!),
                writable: true,
                enumerable: true,
                configurable: true,
                __proto__: null,
              } as PropertyDescriptor,
            );
            const reading = new Reading(expected[i]!, undefined, { grain: 0 });
            let whole;
            while ((whole = reading.read(0)) === undefined);
            Object.defineProperty(
              sliced,
              i,
              {
                value: whole.value,
                writable: true,
                enumerable: true,
                configurable: true,
                __proto__: null,
              } as PropertyDescriptor,
            );
          }
        } finally {
          for (const key of keys) Reflect.deleteProperty(prototype, key);
        }
        assert.deepEqual(encoded, expected);
        assert.deepEqual(decoded.map(show), shown);
        assert.deepEqual(sliced.map(show), shown);
        assert.deepEqual(made.map((value) => show(decode(encode(value)))), shown); // nothing was kept
      });
    }
  }
  test("and none is left behind", () => {
    assert.deepEqual(Object.getOwnPropertyDescriptors(Object.prototype), keep);
  });
});

describe("what something is, whatever its prototype:", () => {
  const types: Record<string, () => object> = {
    Map: () => new Map([[1, 2]]),
    Set: () => new Set([1]),
    Date: () => new Date(7),
    RegExp: () => /x/g,
    Boolean: () => Object(true),
    Number: () => Object(5),
    BigInt: () => Object(5n),
    String: () => Object("abc"),
    "an empty String": () => Object(""),
    ArrayBuffer: () => new ArrayBuffer(4),
    Uint8Array: () => new Uint8Array([1]),
    DataView: () => new DataView(new ArrayBuffer(2)),
    Error: () => new Error("e"),
  };
  class Own {}
  for (const [name, make] of Object.entries(types)) {
    test(name, async () => {
      const real = show(make());
      for (
        const prototype of [
          null,
          Object.prototype,
          Own.prototype,
          Map.prototype,
          Date.prototype,
          Array.prototype,
        ]
      ) {
        const bytes = encode(Object.setPrototypeOf(make(), prototype));
        assert.equal(show(decode(bytes)), real);
      }
      const disguise = Object.setPrototypeOf(make(), Object.prototype) as object;
      assert.equal(show(await Deferred.run((o: object) => o, disguise)), real);
    });
  }

  test("no getter of the program's is called to find out a class's name", () => {
    let calls = 0;
    Object.defineProperty(globalThis, "Mine", { get: () => calls++, configurable: true });
    try {
      const prototype = { [Symbol.toStringTag]: "Mine" };
      encode(Object.create(prototype));
      class Mine {}
      encode(new Mine());
    } finally {
      Reflect.deleteProperty(globalThis, "Mine");
    }
    assert.equal(calls, 0);
  });
});
