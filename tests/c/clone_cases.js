/**
 * What values turn into when the C half of the codec encodes and decodes them, and what it refuses.
 *
 * Run by clone_test.c, each case in a realm of its own, with `encode(value)` (to hex; throws
 * `{ result: "uncloneable", message, path }`) and `decode(hex)` there.
 */
"use strict";

const clone = (value) => decode(encode(value));

function assert(condition, words = "") {
  if (!condition) throw new Error(`assert: ${words}`);
}

function same(actual, expected, words = "") {
  if (Object.is(actual, expected)) return;
  throw new Error(`${words}: ${String(actual)} is not ${String(expected)}`);
}

function thrown(f) {
  try {
    f();
  } catch (error) {
    return error;
  }
  throw new Error(`nothing thrown by ${f}`);
}

/** "message at path" of what can't be cloned. */
function refused(value) {
  const error = thrown(() => encode(value));
  same(error.result, "uncloneable", String(error));
  return error.path ? `${error.message} at ${error.path}` : error.message;
}

/** A description by hand, so that no builtin under test compares itself. */
function keys(value) {
  return Reflect.ownKeys(value).map(String).join();
}

globalThis.cases = {
  "primitives"() {
    for (
      const value of [undefined, null, true, false, 0, -0, 127, 128, -1, 2 ** 31 - 1, -(2 ** 31)]
    ) {
      same(clone(value), value);
    }
    for (const value of [2 ** 31, 2 ** 32, 0.1, NaN, Infinity, -Infinity, 5e-324, 2 ** 53]) {
      same(clone(value), value);
    }
  },

  "BigInts of every size and sign"() {
    for (let bits = 0n; bits < 200n; bits++) {
      for (const near of [-2n, -1n, 0n, 1n, 2n]) {
        const value = (1n << bits) + near;
        same(clone(value), value, "value");
        same(clone(-value), -value, "negated");
      }
    }
    const huge = 3n ** 20000n;
    same(clone(huge), huge, "huge");
  },

  "strings of each width, however the engine holds them"() {
    const wide = "α".repeat(3000);
    const latin1 = "é".repeat(3000);
    const all = [
      "",
      "a",
      "é",
      "α",
      "\0",
      "\ud800",
      "\udc00\ud800",
      "😀",
      latin1,
      wide,
      latin1 + wide,
      wide.slice(1, 2500),
      latin1.slice(7, 2900),
      (wide + latin1).slice(2990, 5990), // wide for the engine, but for its start all Latin-1
      (wide + latin1).slice(3000, 5990), // all of it
    ];
    for (const value of all) same(clone(value), value);
    // Ropes: not put together before they are written.
    let rope = "x".repeat(9000);
    for (let i = 0; i < 50; i++) rope = rope + i + "y".repeat(9000);
    const roped = clone(rope);
    same(roped, rope, "rope");
    let wideRope = "α".repeat(5000) + "b".repeat(9000);
    for (let i = 0; i < 40; i++) {
      wideRope = i % 2 ? wideRope + "é".repeat(8200) : "z".repeat(8200) + wideRope;
    }
    const wideRoped = clone(wideRope);
    same(wideRoped, wideRope, "wide rope");
    // A rope that is wide for the engine and all Latin-1.
    const narrowed = (wide + latin1).slice(3000, 5990) + "w".repeat(9000);
    const hex = encode(narrowed);
    same(hex.slice(0, 2), "08", "STRING8");
    same(decode(hex), narrowed, "narrowed rope");
    same(clone({ [wide]: 1, [rope]: 2 })[rope], 2, "as keys");
    same([...clone(new Map([[rope, 5]])).keys()][0], rope, "as a Map's key");
  },

  "ten megabytes"() {
    const value = "0123456789".repeat(1e6);
    same(clone(value).length, 1e7);
    same(clone(value), value);
  },

  "arrays: dense, of numbers, with holes, with keys"() {
    for (const value of [[], [1], [1.5, 2], ["a", 1, [2]], [[[]]], [undefined, null], [-0], [1n]]) {
      const copy = clone(value);
      assert(Array.isArray(copy) && copy !== value);
      same(copy.length, value.length);
      same(Object.getPrototypeOf(copy), Array.prototype);
      same(keys(copy), keys(value));
    }
    same(clone([1, -0, 3])[1], -0);
    same(keys(clone([1, , 3, , ,])), "0,2,length");
    same(clone([1, , 3, , ,]).length, 5);
    same(keys(clone([, , , 4])), "3,length");
    same(keys(clone(Object.assign([1, , 2], { x: 1, y: [] }))), "0,2,length,x,y");
    const sparse = [];
    sparse[4294967294] = "end";
    sparse[70000] = 1;
    const copy = clone(sparse);
    same(copy.length, 4294967295);
    same(keys(copy), "70000,4294967294,length");
    // What comes out is as good as any array.
    const pushed = clone([1, , 3]);
    pushed.push(4);
    same(pushed.join(), "1,,3,4");
    const holes = clone([, 1, , 1, , 1, , 1, , 1, , 1, , 1, , 1, , 1, , 1, , 1, , 1, , 1, , 1]);
    same(holes.reduce((a, b) => a + b), 14);
    same(Object.keys(holes).length, 14);
    same(clone(new Array(3)).length, 3);
    same(clone([1, 2, 3].concat(new Array(2))).length, 5);
  },

  "objects: order of keys, prototypes, what stays behind"() {
    class Point {
      #secret = 1;
      x = 1;
      y = 2;
      get length() {
        return this.#secret;
      }
    }
    const copy = clone(new Point());
    same(Object.getPrototypeOf(copy), Object.prototype);
    same(keys(copy), "x,y");
    same(keys(clone({ b: 1, a: 2, 1: 3, 0: 4, [Symbol("s")]: 5 })), "0,1,b,a");
    same(keys(clone(Object.defineProperty({ a: 1 }, "hidden", { value: 2 }))), "a");
    same(keys(clone(Object.create({ inherited: 1 }, {}))), "");
    same(Object.getPrototypeOf(clone(Object.create(null))), Object.prototype);
    same(
      clone({
        get a() {
          return 7;
        },
      }).a,
      7,
    );
    same(
      "value" in Object.getOwnPropertyDescriptor(
        clone({
          get a() {
            return 7;
          },
        }),
        "a",
      ),
      true,
    );
    const descriptor = Object.getOwnPropertyDescriptor(clone(Object.freeze({ a: 1 })), "a");
    assert(descriptor.writable && descriptor.enumerable && descriptor.configurable);
    same(keys(clone(Object.prototype)), "");
    same(keys(clone(new (class extends Iterator {})())), "");
    const big = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`k${i}`, i]));
    const bigCopy = clone([big, big, { ...big }]);
    same(keys(bigCopy[0]), keys(big));
    same(bigCopy[0], bigCopy[1]);
    same(bigCopy[2].k999, 999);
    // An object that came by shape is as good as any.
    const [first, second] = clone([{ a: 1, b: 2 }, { a: 3, b: 4 }]);
    second.c = 5;
    delete second.a;
    same(keys(first), "a,b");
    same(keys(second), "b,c");
  },

  "the key __proto__ is a property"() {
    const copy = clone(JSON.parse('{"__proto__": {"polluted": 1}, "a": 2}'));
    same(Object.getPrototypeOf(copy), Object.prototype);
    same(keys(copy), "__proto__,a");
    same(copy.polluted, undefined);
    same({}.polluted, undefined);
    const list = clone(Object.defineProperty([1], "__proto__", { value: 2, enumerable: true }));
    same(Object.getPrototypeOf(list), Array.prototype);
    same(keys(list), "0,length,__proto__");
    const error = clone(
      Object.defineProperty(new Error(), "__proto__", { value: 2, enumerable: true }),
    );
    same(Object.getPrototypeOf(error), Error.prototype);
  },

  "cycles and shared references"() {
    const object = { list: [], map: new Map(), set: new Set(), date: new Date(0) };
    object.self = object;
    object.list.push(object, object.list, object.date);
    object.map.set(object, object.map).set("date", object.date);
    object.set.add(object.set).add(object.list);
    const copy = clone(object);
    same(copy.self, copy);
    same(copy.list[0], copy);
    same(copy.list[1], copy.list);
    same(copy.list[2], copy.date);
    same(copy.map.get(copy), copy.map);
    same(copy.map.get("date"), copy.date);
    assert(copy.set.has(copy.set) && copy.set.has(copy.list));
    const many = Array.from({ length: 5000 }, (_, i) => ({ i }));
    const twice = clone([many, [...many].reverse()]);
    for (let i = 0; i < 5000; i++) same(twice[1][i], twice[0][4999 - i]);
  },

  "Date, RegExp, boxed primitives"() {
    same(clone(new Date(1e12)).getTime(), 1e12);
    same(clone(new Date(NaN)).getTime(), NaN);
    same(clone(new Date(-8.64e15)).getTime(), -8.64e15);
    same(decode("20" + "000000000000f07f").getTime(), NaN, "clipped");
    const re = clone(Object.assign(/a(?<n>\/[/]b)\n/dgimsy, { lastIndex: 3 }));
    same(re.source, "a(?<n>\\/[/]b)\\n");
    same(re.flags, "dgimsy");
    same(re.lastIndex, 0);
    same(clone(/[\p{L}--[a-z]]/v).flags, "v");
    same(clone(/😀/u).test("😀"), true);
    same(clone(new RegExp("")).source, "(?:)");
    same(clone(new RegExp("/\n")).source, "\\/\\n");
    for (const value of [true, false, 5, -0, 0.5, NaN, 7n, -(2n ** 70n), "", "abc", "α"]) {
      const box = clone(Object.assign(Object(value), { extra: 1 }));
      same(typeof box, "object");
      same(Object.prototype.toString.call(box), Object.prototype.toString.call(Object(value)));
      same(box.valueOf(), value);
      same(box.extra, undefined);
      same(keys(box), keys(Object(value)));
    }
    let rope = "r".repeat(9000);
    rope += "s".repeat(9000);
    same(clone(Object(rope)).length, 18000);
  },

  "Map and Set keep their order"() {
    const map = clone(new Map([["b", 1], ["a", 2], [NaN, 3], [-0, 4], [1n, 5], ["1", 6], [1, 7]]));
    same([...map].join("|"), "b,1|a,2|NaN,3|0,4|1,5|1,6|1,7");
    same(map.get(NaN), 3);
    same(map.get(1n), 5);
    const set = clone(new Set(["b", "a", {}, [], NaN, undefined]));
    same(set.size, 6);
    same([...set].map((v) => typeof v).join(), "string,string,object,object,number,undefined");
    const large = new Map(Array.from({ length: 3000 }, (_, i) => [`k${i}`, { i }]));
    large.delete("k5");
    const copy = clone(large);
    same(copy.size, 2999);
    same(copy.get("k2999").i, 2999);
    same(copy.has("k5"), false);
    same(Object.getPrototypeOf(clone(new (class extends Map {})())), Map.prototype);
    same(clone(Object.assign(new Set(), { extra: 1 })).extra, undefined);
  },

  "buffers and views"() {
    const bytes = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
    const classes = [
      Int8Array,
      Uint8Array,
      Uint8ClampedArray,
      Int16Array,
      Uint16Array,
      Int32Array,
      Uint32Array,
      BigInt64Array,
      BigUint64Array,
      Float16Array,
      Float32Array,
      Float64Array,
    ];
    for (const Class of classes) {
      const copy = clone(new Class(bytes.buffer, 8, 8 / Class.BYTES_PER_ELEMENT));
      same(copy.constructor, Class);
      same(copy.byteOffset, 8);
      same(copy.byteLength, 8);
      same(copy.buffer.byteLength, 16);
      same(new Uint8Array(copy.buffer).join(), bytes.join());
      same(clone(new Class(3)).length, 3);
      same(clone(new Class(0)).length, 0);
    }
    const view = clone(new DataView(bytes.buffer, 3, 5));
    same(view.getUint8(0), 4);
    same(view.byteLength, 5);
    const [a, b, buffer] = clone([
      new Uint8Array(bytes.buffer),
      new DataView(bytes.buffer),
      bytes.buffer,
    ]);
    a[0] = 99;
    same(b.getUint8(0), 99);
    same(b.buffer, buffer);
    const resizable = new ArrayBuffer(8, { maxByteLength: 32 });
    const [tracking, fixed, data] = clone([
      new Uint16Array(resizable, 2),
      new Uint8Array(resizable, 2, 3),
      new DataView(resizable, 1),
    ]);
    same(tracking.length, 3);
    same(data.byteLength, 7);
    tracking.buffer.resize(32);
    same(tracking.buffer.maxByteLength, 32);
    same(tracking.length, 15);
    same(fixed.length, 3);
    same(data.byteLength, 31);
    tracking.buffer.resize(1);
    same(tracking.length, 0);
    const odd = clone(new Uint32Array(new ArrayBuffer(7, { maxByteLength: 9 })));
    same(odd.length, 1);
    odd.buffer.resize(9);
    same(odd.length, 2);
    same(clone(new Uint8Array(100000).fill(3).subarray(5, 7)).buffer.byteLength, 100000);
  },

  "errors of every class"() {
    for (
      const Class of [
        Error,
        EvalError,
        RangeError,
        ReferenceError,
        SyntaxError,
        TypeError,
        URIError,
      ]
    ) {
      const error = new Class("m", { cause: { code: 1 } });
      const copy = clone(error);
      same(Object.getPrototypeOf(copy), Class.prototype);
      same(copy.message, "m");
      same(copy.name, Class.name);
      same(copy.stack, error.stack);
      same(copy.cause.code, 1);
      same(keys(copy), "message,cause");
      assert(!Object.getOwnPropertyDescriptor(copy, "cause").enumerable);
      same(Object.prototype.toString.call(copy), "[object Error]");
    }
    const aggregate = clone(new AggregateError([new TypeError("a"), 2], "m"));
    assert(aggregate instanceof AggregateError && aggregate.errors[0] instanceof TypeError);
    same(keys(aggregate), "message,errors");
    assert(!Object.getOwnPropertyDescriptor(aggregate, "errors").enumerable);
    const dom = clone(new DOMException("m", "AbortError"));
    assert(dom instanceof DOMException);
    same(`${dom.name} ${dom.code} ${dom.message}`, "AbortError 20 m");
    same(keys(clone(new Error())), "");
  },

  "errors of people's own classes"() {
    class HttpError extends RangeError {
      name = "HttpError";
      constructor(status) {
        super(`status ${status}`);
        this.status = status;
        this.self = this;
      }
    }
    const copy = clone(new HttpError(404));
    same(Object.getPrototypeOf(copy), RangeError.prototype);
    same(copy.name, "HttpError");
    same(copy.status, 404);
    same(copy.self, copy);
    same(String(copy), "HttpError: status 404");
    same(Object.keys(copy).join(), "status,self");
    class Quiet extends TypeError {}
    same(clone(new Quiet("m")).name, "TypeError");
    const renamed = clone(Object.assign(new Error("m"), { name: "TypeError" }));
    assert(renamed instanceof TypeError);
    same(keys(renamed), "message");
    same(clone(Object.assign(new Error("x"), { message: 5 })).message, "5");
    const own = clone(Object.defineProperty(new Error("m"), "stack", { value: "mine" }));
    same(own.stack, "mine");
  },

  "hostile errors arrive all the same"() {
    const boom = {
      get() {
        throw new Error("boom");
      },
      enumerable: true,
      configurable: true,
    };
    for (const key of ["name", "message", "stack", "cause", "errors", "other"]) {
      const copy = clone(Object.defineProperty(new AggregateError([1], "m"), key, boom));
      assert(copy instanceof Error, key);
      if (key !== "message") same(copy.message, "m", key);
      if (key === "other") same(copy.other, "[a getter threw]");
    }
    for (
      const value of [Symbol("s"), {
        toString() {
          throw 1;
        },
      }, Object.create(null)]
    ) {
      const error = Object.assign(new Error("m"), { message: value, name: value });
      const copy = clone(Object.defineProperty(error, "stack", { value }));
      same(copy.message, "");
      same(copy.name, "Error");
    }
    const copy = clone(Object.assign(
      new AggregateError([() => {}, 2, { deep: [Symbol("s")] }], "m", {
        cause: { list: [1, function handler() {}] },
      }),
      { socket: new Proxy({}, {}), code: "E", when: Promise.resolve(), f: class Foo {} },
    ));
    same(copy.cause, "[a function (`handler`) can't be cloned: .list[1]]");
    same(copy.errors[0], "[a function can't be cloned]");
    same(copy.errors[1], 2);
    same(copy.errors[2], "[a symbol can't be cloned: .deep[0]]");
    same(copy.socket, "[a Proxy can't be cloned]");
    same(copy.when, "[a Promise can't be cloned; await it first]");
    same(copy.f, "[a function (`Foo`) can't be cloned]");
    same(copy.code, "E");
    // Numbers and shapes that the part given up had taken are taken back.
    const shared = { a: 1 };
    const outer = clone([
      Object.assign(new Error("m"), { bad: [shared, { b: 1 }, () => {}], good: shared }),
      shared,
      { b: 2 },
      { a: 3 },
    ]);
    same(outer[0].bad, "[a function can't be cloned: [2]]");
    same(outer[0].good, outer[1]);
    same(outer[1].a + outer[2].b + outer[3].a, 6);
    // A chain of them, each the innermost that can be replaced.
    const inner = Object.assign(new Error("inner"), { cause: () => {}, x: Symbol() });
    const chain = clone(new Error("outer", { cause: inner }));
    same(chain.cause.message, "inner");
    same(chain.cause.cause, "[a function (`cause`) can't be cloned]");
    same(chain.cause.x, "[a symbol can't be cloned]");
    // An error that is no one's child is not lenient to what is around it.
    same(refused([new Error("m"), () => {}]), "a function can't be cloned at [1]");
    const many = clone(
      Array.from(
        { length: 3000 },
        (_, i) => Object.assign(new Error(`${i}`), { f() {}, o: { i, f() {} } }),
      ),
    );
    same(many[2999].o, "[a function (`f`) can't be cloned: .f]");
  },

  "what is given up leaves no trace among the numbers"() {
    const bad = (i) => [
      ...Array.from({ length: 40 }, (_, k) => ({ [`k${i}_${k}`]: [i] })),
      Symbol(),
    ];
    const objects = Array.from({ length: 500 }, (_, i) => ({ i, [`key${i % 90}`]: i }));
    const errors = objects.map((object, i) =>
      Object.assign(new Error(`${i}`), { object, bad: bad(i) })
    );
    const copy = clone([objects, errors, [...objects].reverse(), [...errors].reverse()]);
    for (let i = 0; i < 500; i++) {
      same(copy[0][i].i, i);
      same(copy[1][i].object, copy[0][i]);
      same(copy[2][499 - i], copy[0][i]);
      same(copy[3][499 - i], copy[1][i]);
      same(copy[1][i].bad, "[a symbol can't be cloned: [40]]");
    }
    // The same, when all that there is comes and goes.
    const none = clone(
      Array.from({ length: 300 }, (_, i) => Object.assign(new Error(), { bad: bad(i) })),
    );
    same(none.length, 300);
    same(none[299].bad, "[a symbol can't be cloned: [40]]");
  },

  "what can't be cloned, and where it is"() {
    same(refused(() => {}), "a function can't be cloned");
    same(refused(function fn() {}), "a function (`fn`) can't be cloned");
    same(
      refused({ items: [1, 2, 3, { fn() {} }] }),
      "a function (`fn`) can't be cloned at .items[3].fn",
    );
    same(refused({ "odd key": { x: Symbol() } }), 'a symbol can\'t be cloned at ["odd key"].x');
    same(refused({ 'a"b\\\n': Symbol() }), 'a symbol can\'t be cloned at ["a\\"b\\\\\\u000a"]');
    same(refused({ "": { é: Symbol() } }), 'a symbol can\'t be cloned at [""]["é"]');
    same(refused({ 7: [, , Symbol()] }), "a symbol can't be cloned at [7][2]");
    same(refused(new Map([[{}, 1], [Symbol(), 2]])), "a symbol can't be cloned at [Map key 1]");
    same(refused(new Map([["k", { f: Symbol() }]])), 'a symbol can\'t be cloned at .get("k").f');
    same(refused(new Map([[1, 2], [3, Symbol()]])), "a symbol can't be cloned at [Map value 1]");
    same(refused(new Set([1, Symbol()])), "a symbol can't be cloned at [Set value 1]");
    same(
      refused({ ["x".repeat(100)]: [Symbol()] }),
      `a symbol can't be cloned at ["${"x".repeat(64)}..."][0]`,
    );
    same(refused([Promise.resolve()]), "a Promise can't be cloned; await it first at [0]");
    same(refused([1, Object.assign([], { x: Symbol() })]), "a symbol can't be cloned at [1].x");
    same(
      refused({
        a: 1,
        get b() {
          return Symbol();
        },
      }),
      "a symbol can't be cloned at .b",
    );
    const names = [
      [new WeakMap(), "a WeakMap"],
      [new WeakSet(), "a WeakSet"],
      [new WeakRef({}), "a WeakRef"],
      [new FinalizationRegistry(() => {}), "a FinalizationRegistry"],
      [(function* () {})(), "a Generator"],
      [(async function* () {})(), "an AsyncGenerator"],
      [[][Symbol.iterator](), "an Array Iterator"],
      [new Map().keys(), "a Map Iterator"],
      [Object(Symbol()), "a Symbol"],
      [new Proxy({}, {}), "a Proxy"],
      [new Proxy(() => {}, {}), "a Proxy"],
      [globalThis, "the global object"],
      [
        (function () {
          return arguments;
        })(),
        "an Arguments",
      ],
      [new SharedArrayBuffer(1), "a SharedArrayBuffer that the task made"],
      [new Uint8Array(new SharedArrayBuffer(1)), "a SharedArrayBuffer that the task made"],
    ];
    for (const [value, name] of names) {
      assert(refused(value).startsWith(`${name} can't be cloned`), refused(value));
    }
    for (const value of [class {}, async () => {}, Math.max, (() => {}).bind(), function* () {}]) {
      assert(refused(value).startsWith("a function"));
    }
    // Who names a function oddly gets no name in the message, and nothing is run.
    const odd = Object.defineProperty(() => {}, "name", {
      get() {
        throw new Error("run");
      },
    });
    same(refused(odd), "a function can't be cloned");
    same(
      refused(Object.defineProperty(() => {}, "name", { value: "n".repeat(1000) })),
      "a function can't be cloned",
    );
  },

  "detached buffers and views out of bounds are refused"() {
    const buffer = new ArrayBuffer(8);
    const view = new Uint8Array(buffer);
    const data = new DataView(buffer);
    buffer.transfer();
    same(refused(buffer), "a detached ArrayBuffer can't be cloned");
    same(refused(view), "a view of a detached ArrayBuffer can't be cloned");
    same(refused(data), "a view of a detached ArrayBuffer can't be cloned");
    const resizable = new ArrayBuffer(8, { maxByteLength: 8 });
    const views = [
      new Uint8Array(resizable, 4, 4),
      new DataView(resizable, 4, 4),
      new Uint16Array(resizable, 4),
      new DataView(resizable, 4),
    ];
    resizable.resize(2);
    for (const out of views) {
      same(refused(out), `an out-of-bounds ${out.constructor.name} can't be cloned`);
    }
    resizable.resize(8);
    for (const back of views) same(clone(back).byteLength, 4);
  },

  "nesting has no limit but memory, and no stack overflows"() {
    const wraps = {
      arrays: [(inner) => [inner], (outer) => outer[0]],
      "arrays with siblings": [(inner) => ["x", inner, {}], (outer) => outer[1]],
      "arrays with keys": [(inner) => Object.assign([], { inner }), (outer) => outer.inner],
      "arrays with holes": [(inner) => [, inner], (outer) => outer[1]],
      "frozen arrays": [(inner) => Object.freeze([inner]), (outer) => outer[0]],
      objects: [(inner) => ({ inner }), (outer) => outer.inner],
      "objects with getters": [
        (inner) => ({
          get inner() {
            return inner;
          },
        }),
        (outer) => outer.inner,
      ],
      "Maps by value": [(inner) => new Map([["v", inner]]), (outer) => outer.get("v")],
      "Maps by key": [(inner) => new Map([[inner, 1]]), (outer) => outer.keys().next().value],
      Sets: [(inner) => new Set([inner]), (outer) => outer.values().next().value],
      causes: [(inner) => new Error("", { cause: inner }), (outer) => outer.cause],
      AggregateErrors: [(inner) => new AggregateError([inner]), (outer) => outer.errors[0]],
      properties: [(inner) => Object.assign(new Error(), { inner }), (outer) => outer.inner],
    };
    const depth = 40000;
    for (const [what, [wrap, unwrap]] of Object.entries(wraps)) {
      let value = { end: what };
      for (let i = 0; i < depth; i++) value = wrap(value);
      let copy = clone(value);
      for (let i = 0; i < depth; i++) copy = unwrap(copy);
      same(copy.end, what);
      let bad = () => {};
      for (let i = 0; i < depth; i++) bad = wrap(bad);
      if (["causes", "AggregateErrors", "properties"].includes(what)) {
        let text = clone(bad);
        for (let i = 0; i < depth; i++) text = unwrap(text);
        assert(text.startsWith("[a function"), text);
      } else {
        const { path } = thrown(() => encode(bad));
        assert(path.length < 1000 && path.includes("..."), `${what}: ${path}`);
      }
    }
    let wide = { f() {} };
    for (let i = 0; i < 997; i++) wide = [wide];
    same(
      clone(Object.assign(new Error(), { wide })).wide.slice(0, 30),
      "[a function (`f`) can't be clo",
    );
  },

  "getters run once, in the order of the keys"() {
    const log = [];
    const spy = (name, value) => ({
      get() {
        log.push(name);
        return value;
      },
      enumerable: true,
      configurable: true,
    });
    const object = Object.defineProperties({}, {
      b: spy("b", Object.defineProperties({}, { x: spy("b.x", 1), y: spy("b.y", 2) })),
      2: spy("2", 0),
      a: spy("a", Object.defineProperties([0, 1], { 0: spy("a0", "s"), 1: spy("a1", 5) })),
      m: spy("m", new Map([[Object.defineProperty({}, "k", spy("m.k", 1)), 1]])),
      1: spy("1", 0),
    });
    const copy = clone(object);
    same(log.join(), "1,2,b,b.x,b.y,a,a0,a1,m,m.k");
    same(JSON.stringify(copy), '{"1":0,"2":0,"b":{"x":1,"y":2},"a":["s",5],"m":{}}');
  },

  "what getters do to what is being walked"() {
    // Keys that go are left out, keys that come are not seen.
    const object = {
      get a() {
        delete this.b;
        this.z = 1;
        return 1;
      },
      b: 2,
      c: {
        get x() {
          delete object.d;
          object.e = "changed";
          return 1;
        },
      },
      d: 3,
      e: 4,
    };
    same(JSON.stringify(clone(object)), '{"a":1,"c":{"x":1},"e":"changed"}');
    // A plain object that is changed from within one of its values.
    const plain = {
      first: {
        get go() {
          delete plain.second;
          plain.third = "new";
          return 1;
        },
      },
      second: 2,
      third: 3,
    };
    same(JSON.stringify(clone(plain)), '{"first":{"go":1},"third":"new"}');
    const accessor = {
      first: {
        get go() {
          Object.defineProperty(accessor, "second", { get: () => "got", enumerable: true });
          return 1;
        },
      },
      second: 2,
    };
    same(clone(accessor).second, "got");
    const hidden = {
      first: {
        get go() {
          Object.defineProperty(hidden, "second", { enumerable: false });
          return 1;
        },
      },
      second: 2,
    };
    same(clone(hidden).second, 2, "still an own property");
    // An inherited property does not stand in for one that is gone.
    const inherits = {
      get a() {
        delete this.toString;
        return 1;
      },
      toString: 1,
    };
    same(keys(clone(inherits)), "a");
    // What is gone of an error when its properties' turn comes.
    const cause = {
      get go() {
        delete emptied.code;
        return 1;
      },
    };
    const emptied = Object.assign(new Error("m", { cause }), { code: 1 });
    same(Object.keys(clone(emptied)).length, 0);
    // Arrays that shrink, grow, and turn sparse.
    const shrink = [
      {
        get x() {
          shrink.length = 1;
          return 1;
        },
      },
      2,
      3,
    ];
    same(keys(clone(shrink)), "0,length");
    const grow = [{
      get x() {
        for (let i = 0; i < 1000; i++) grow.push(i);
        return 1;
      },
    }, "b"];
    same(clone(grow).length, 2);
    const slow = [
      {
        get x() {
          slow[100000] = 1;
          delete slow[1];
          return 1;
        },
      },
      2,
      "c",
    ];
    same(keys(clone(slow)), "0,2,length");
    const swap = [{
      get x() {
        swap[1] = [swap];
        return 1;
      },
    }, null];
    const swapped = clone(swap);
    same(swapped[1][0], swapped);
    const empty = Object.defineProperty([0, 1, 2], 0, {
      get() {
        empty.length = 0;
        return 5;
      },
      enumerable: true,
    });
    same(clone(empty).length, 3);
    // Entries are those that were there.
    const map = new Map([["a", {
      get x() {
        map.clear();
        map.set("new", 1);
        return 1;
      },
    }], ["b", 2]]);
    same([...clone(map).keys()].join(), "a,b");
    const set = new Set([{
      get x() {
        set.delete("b");
        set.add("c");
        return 1;
      },
    }, "b"]);
    same(clone(set).size, 2);
    // Buffers are read when it is their turn.
    const buffer = new ArrayBuffer(8, { maxByteLength: 1 << 20 });
    const resized = clone({
      get a() {
        buffer.resize(1 << 20);
        return 1;
      },
      buffer,
    });
    same(resized.buffer.byteLength, 1 << 20);
    const gone = new ArrayBuffer(8);
    same(
      refused({
        get a() {
          gone.transfer();
          return 1;
        },
        gone,
      }),
      "a detached ArrayBuffer can't be cloned at .gone",
    );
    // New objects at old addresses are not taken for old ones.
    let made = 0;
    const maker = {
      get next() {
        return made++ < 300
          ? {
            v: made,
            get next() {
              return maker.next;
            },
          }
          : null;
      },
    };
    let at = clone(maker).next, seen = 0;
    for (; at; at = at.next) same(at.v, ++seen);
    same(seen, 300);
  },

  "arrays that are slow for the engine arrive whole at any depth, beside their siblings"() {
    const slow = {
      frozen: () => Object.freeze([1, 2, 3]),
      sealed: () => Object.seal([1.5, 2]),
      "filled backwards": () => {
        const list = [];
        for (let i = 2; i >= 0; i--) list[i] = i;
        return list;
      },
      "with an accessor": () =>
        Object.defineProperty([1, 2], 1, { get: () => 5, enumerable: true, configurable: true }),
      "the list of an AggregateError": () =>
        Object.assign(new AggregateError([], "m"), { errors: Object.freeze([1, 2]), p: { q: 1 } }),
    };
    const nest = (value, depth) => {
      for (let i = 0; i < depth; i++) value = i % 2 ? { a: value, b: { i } } : [value, { i }];
      return value;
    };
    for (const [what, make] of Object.entries(slow)) {
      for (let depth = 0; depth < 70; depth++) {
        const value = () => nest([make(), { x: 1 }, 5, { y: 2 }], depth);
        const copy = clone(value());
        same(JSON.stringify(copy), JSON.stringify(value()), `${what}, ${depth} deep`);
        if (depth === 0 && copy[0].errors) same(copy[0].errors.join(), "1,2", what);
      }
    }
  },

  "what a getter in an array of numbers does to what is around it"() {
    // Each turns what it is part of into something else, and fills what was freed by that.
    const refill = (count) => {
      const keep = [];
      for (let i = 0; i < 200; i++) keep.push(new Float64Array(count).fill(1.5));
      return keep;
    };
    const reshape = {
      "an array turned sparse": (get) => {
        const list = [Object.defineProperty([0], 0, { get: () => get(list), enumerable: true })];
        for (let i = 1; i < 41; i++) list.push(i % 3 ? i : `text ${i}`);
        return [list, (list) => void (list[1e6] = 0)];
      },
      "an array changed": (get) => {
        const list = [Object.defineProperty([0], 0, { get: () => get(list), enumerable: true })];
        for (let i = 1; i < 41; i++) list.push(`text ${i}`);
        return [list, (list) => void (list[20] = 0)];
      },
      "an object with more keys": (get) => {
        const object = {
          first: Object.defineProperty([0], 0, { get: () => get(object), enumerable: true }),
        };
        for (let i = 0; i < 12; i++) object[`k${i}`] = `text ${i}`;
        return [object, (object) => {
          for (let i = 0; i < 100; i++) object[`more${i}`] = i;
        }];
      },
      "an object with fewer keys": (get) => {
        const object = {
          first: Object.defineProperty([0], 0, { get: () => get(object), enumerable: true }),
        };
        for (let i = 0; i < 12; i++) object[`k${i}`] = `text ${i}`;
        return [object, (object) => {
          for (let i = 6; i < 12; i++) delete object[`k${i}`];
        }];
      },
    };
    const wanted = {
      "an array turned sparse": 41,
      "an array changed": 41,
      "an object with more keys": 13,
      "an object with fewer keys": 7,
    };
    for (const [what, make] of Object.entries(reshape)) {
      for (let depth = 0; depth < 20; depth++) {
        let kept;
        const [walked, change] = make((value) => {
          change(value);
          kept = [8, 16, 32, 41, 42, 64].map(refill);
          return 1;
        });
        let value = walked;
        for (let i = 0; i < depth; i++) value = { value, i };
        let copy = clone(value);
        for (let i = 0; i < depth; i++) copy = copy.value;
        same((copy[0] ?? copy.first)[0], 1, what);
        assert(kept.length === 6);
        for (const [key, inner] of Object.entries(copy).slice(1)) {
          const n = Number(key.replace("k", ""));
          if (what === "an array changed" && n === 20) same(inner, 0);
          else same(inner, typeof inner === "string" ? `text ${n}` : n, `${what}, ${key}`);
        }
        same(Object.keys(copy).length, wanted[what], what);
      }
    }
  },

  "what a getter throws is what encode throws"() {
    const error = new Error("mine");
    const bad = () => ({
      get x() {
        throw error;
      },
    });
    for (
      const value of [
        bad(),
        [bad()],
        new Map([[bad(), 1]]),
        new Set([bad()]),
        { a: { b: bad() } },
        Object.assign([], { x: bad() }),
        Object.defineProperty([1, 2], 1, {
          get() {
            throw error;
          },
          enumerable: true,
        }),
      ]
    ) {
      same(thrown(() => encode(value)), error);
    }
    same(
      thrown(() =>
        encode({
          get x() {
            throw undefined;
          },
        })
      ),
      undefined,
    );
  },

  "a proxy is refused before it is asked anything"() {
    const handler = new Proxy({}, {
      get(_, trap) {
        throw new Error(`asked for ${String(trap)}`);
      },
    });
    same(refused([new Proxy({}, handler)]), "a Proxy can't be cloned at [0]");
    same(refused([new Proxy([], handler)]), "a Proxy can't be cloned at [0]");
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    same(refused(revoked.proxy), "a Proxy can't be cloned");
    // As a prototype it is met by no own property.
    same(clone(Object.setPrototypeOf({ a: 1 }, new Proxy({}, handler))).a, 1);
    assert(
      clone(Object.setPrototypeOf(new TypeError("m"), new Proxy({}, handler))) instanceof Error,
    );
  },

  "decoding runs nothing, whatever the realm has become"() {
    const value = {
      a: [1, "x", , { b: 2, 0: 1 }],
      m: new Map([["k", new Set([1])]]),
      d: new Date(5),
      r: /x/g,
      e: Object.assign(new RangeError("m", { cause: 1 }), { p: 1, name: "N" }),
      g: new AggregateError([1], "m"),
      x: new DOMException("m", "AbortError"),
      u: new Uint8Array([1, 2]),
      v: new DataView(new ArrayBuffer(4)),
      s: Object("str"),
      n: Object(1n),
      sparse: Object.assign([], { 5: 1, key: 2 }),
      o: Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`k${i}`, i])),
    };
    const hex = encode(value);
    const { defineProperty, getOwnPropertyNames, getOwnPropertyDescriptor, getPrototypeOf } =
      Object;
    const decodeNow = decode, error = Error;
    const prototypes = [
      Map,
      Set,
      Date,
      RegExp,
      Error,
      RangeError,
      AggregateError,
      DOMException,
      Uint8Array,
      DataView,
      ArrayBuffer,
      String,
      BigInt,
      Array,
      Object,
    ].map((Class) => Class.prototype);
    const mapHas = getOwnPropertyDescriptor(Map.prototype, "get").value.call.bind(
      Map.prototype.get,
    );
    let touched = "";
    const trap = (name) => ({
      get() {
        touched += `get ${name}; `;
      },
      set() {
        touched += `set ${name}; `;
      },
      configurable: true,
    });
    Error.prepareStackTrace = () => (touched += "prepareStackTrace; ");
    for (
      const key of [
        "a",
        "m",
        "b",
        "0",
        "1",
        "5",
        "key",
        "k0",
        "p",
        "cause",
        "errors",
        "stack",
        "message",
        "name",
        "length",
        "lastIndex",
        "then",
        "code",
        "byteLength",
      ]
    ) {
      defineProperty(Object.prototype, key, trap(key));
      defineProperty(Array.prototype, key, key === "length" ? {} : trap(key));
    }
    for (const prototype of prototypes) {
      for (const key of getOwnPropertyNames(prototype)) {
        const { configurable } = getOwnPropertyDescriptor(prototype, key);
        if (configurable && prototype !== Object.prototype) {
          defineProperty(prototype, key, trap(key));
        }
      }
    }
    for (const name of ["Map", "Set", "Array", "Date", "RegExp", "Uint8Array", "Symbol"]) {
      defineProperty(globalThis, name, trap(name));
    }
    touched = "";
    const copy = decodeNow(hex);
    const so = touched;
    if (so) throw new error(`decoding touched ${so}`);
    let malformed;
    try {
      decodeNow("10ff");
    } catch (e) {
      malformed = e;
    }
    const own = (object, key) => getOwnPropertyDescriptor(object, key).value;
    if (getPrototypeOf(own(copy, "m")) !== prototypes[0]) throw new error("Map's prototype");
    if (mapHas(own(copy, "m"), "k") === undefined) throw new error("the Map is empty");
    if (own(own(copy, "e"), "message") !== "m") throw new error("message");
    if (own(own(copy, "g"), "errors")[0] === undefined) throw new error("errors");
    if (getPrototypeOf(malformed) !== prototypes[7]) throw new error("malformed");
  },

  "decoded values are the engine's own in every respect"() {
    const copy = clone({
      list: [3, 1, 2],
      map: new Map([[1, 2]]),
      text: "abc",
      date: new Date(0),
      big: 10n,
    });
    same(copy.list.sort().join(), "1,2,3");
    same(copy.map.set(3, 4).size, 2);
    same(copy.text + copy.big, "abc10");
    same(copy.date.toISOString(), "1970-01-01T00:00:00.000Z");
    same(JSON.stringify(clone({ a: [1, { b: null }] })), '{"a":[1,{"b":null}]}');
    const many = clone(Array.from({ length: 500 }, (_, i) => ({ id: i, name: `n${i}`, ok: true })));
    same(many.reduce((sum, { id }) => sum + id, 0), 124750);
    for (const row of many) row.extra = row.name;
    same(many[499].extra, "n499");
  },

  "malformed: what is there twice"() {
    for (
      const hex of [
        "180208016108016181" + "82", // an object's key
        "1a08016181080161821b", // in pairs
        "1301080130810801308" + "21b", // an element
        "130108066c656e677468811b", // an array's length
        "2802818281" + "83", // a Map's key
        "28028118008118" + "00",
        "29028181", // a Set's value
        "13010801358" + "11b", // an element behind the end
        "380022" + "08016d" + "18010807" + "6d657373616765" + "81", // a message among the properties
      ]
    ) {
      same(thrown(() => decode(hex)).name, "DataCloneError", hex);
    }
  },

  "errors: a stack of the engine's is sent as frames, any other as text"() {
    const FRAMES = 64, STACK = 4;
    const text = (s) => `08${s.length.toString(16).padStart(2, "0")}${hexOf(s)}`;
    const hexOf = (s) => [...s].map((c) => c.charCodeAt(0).toString(16).padStart(2, "0")).join("");
    /** The flags, and what follows them. */
    const sent = (stack) => {
      const error = Object.defineProperty(new Error(), "stack", { value: stack });
      const hex = encode(error);
      same(hex.slice(0, 4), "3800");
      return [parseInt(hex.slice(4, 6), 16), hex.slice(6)].join();
    };
    const frames = (...all) => [FRAMES, `0${all.length.toString(16)}${all.join("")}`].join();
    same(
      sent("    at f (deferred:task:2:5)\n    at <anonymous> (deferred:task:300:1)\n"),
      frames(`00${text("f")}0205`, `00${text("")}ac0201`),
    );
    same(sent("    at f (native)\n"), frames(`01${text("f")}0000`));
    same(sent("    at <eval> (<input>:1:7)\n"), frames(`02${text("<eval>")}0107`));
    same(sent("    at f (g) (native)"), frames(`01${text("f (g)")}0000`));
    same(sent("    at a\nb (native)\n"), frames(`01${text("a\nb")}0000`), "a name of two lines");
    same(
      sent("    at <input>:1:2\n    at deferred:task:3:4\n"),
      frames(`02${text("")}0102`, `00${text("")}0304`),
      "places without a function",
    );
    same(sent("    at f (missing)\n    at g (deferred:task)\n"), "0,", "they say nothing");
    const many = "    at f (native)\n".repeat(1000);
    same(sent(many), `${FRAMES},0a${`01${text("f")}0000`.repeat(10)}`, "no more than ten");
    const long = `    at ${"f".repeat(1000)} (native)\n`;
    same(sent(long), frames(`01${text("f".repeat(64))}0000`), "a name is cut");
    // Not every such text is made by the engine.
    for (
      const other of [
        "",
        "x",
        "Error: x\n    at f (native)",
        "    at evil (/etc/passwd:1:1)\n",
        "    at f (native)\n    at evil (file:///app/a.js:1:1)\n",
        "    at f (native)\nx\n    at g",
        "    at f (deferred:task:1:1",
        "    at f (deferred:task:x:1)",
        "    at f (deferred:task2:1:1)",
        "    at ()",
        "    at )",
        "    at ",
        "    at \n",
      ]
    ) {
      same(sent(other), [STACK, text(other)].join(), other);
    }
    const huge = encode(Object.defineProperty(new Error(), "stack", { value: "x".repeat(1e6) }));
    same(huge, `380004088040${"78".repeat(8192)}`, "a text is cut");
    // In pieces that the engine has not put together.
    let rope = "";
    for (let i = 0; i < 3000; i++) rope += "    at f (native)\n";
    same(sent(rope), sent(many));
    same(sent("    at \u0100 (native)\n"), frames(`01${"09010000010000"}`), "a wide name");
    for (const bad of ["    at f (deferred:task:99999999999:1)\n", "    at f (native)\r\n"]) {
      same(sent(bad), [STACK, text(bad)].join(), bad);
    }
  },
};
