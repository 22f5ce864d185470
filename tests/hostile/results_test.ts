// deno-lint-ignore-file no-explicit-any require-await -- attacks
/** Hostile results and errors: what the host reads must not harm it, nor run any of its code. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DataCloneError, DeferredPool } from "../../mod.ts";
import {
  either,
  hostile,
  overflows,
  returns,
  throws,
  throwsValue,
  timesOut,
  uncloneable,
} from "./hostile.ts";

hostile("hostile results", {
  "a getter that throws": [() => ({
    get x() {
      throw new TypeError("from the getter");
    },
  }), throws("TypeError", /^from the getter$/)],
  "a getter that throws itself": [() => {
    const o = {
      get x(): never {
        throw o;
      },
    };
    return o;
  }, uncloneable("thrown", /throws when it is read/)],
  "a getter that changes what comes after it": [() => {
    const o: any = {
      get a() {
        delete o.b;
        o.d = 4;
        return 1;
      },
      b: 2,
      c: 3,
    };
    return o;
  }, returns({ a: 1, c: 3 })],
  "a getter that shortens its array": [() => {
    const a: any[] = [1, 2, 3, 4];
    Object.defineProperty(a, 1, {
      enumerable: true,
      get() {
        a.length = 2;
        return "b";
      },
    });
    return a;
  }, ({ result }) => {
    const a = result as unknown[];
    assert.deepEqual([a.length, a[0], a[1], 2 in a, 3 in a], [4, 1, "b", false, false]);
  }],
  "a getter that lengthens its array": [() => {
    const a: any[] = [1, 2];
    Object.defineProperty(a, 0, {
      enumerable: true,
      get() {
        a.push(3);
        return "a";
      },
    });
    return a;
  }, returns(["a", 2])],
  "a Map that a getter changes": [() => {
    const map: Map<any, any> = new Map();
    map.set("a", {
      get x() {
        map.clear();
        return 1;
      },
    }).set("b", 2);
    return map;
  }, returns(new Map<string, unknown>([["a", { x: 1 }], ["b", 2]]))],
  "a buffer that a getter detaches": [() => {
    const buffer = new ArrayBuffer(8);
    return {
      get a() {
        buffer.transfer();
        return 1;
      },
      buffer,
    };
  }, uncloneable("result.buffer", /detached/)],
  "a view that a getter puts out of bounds": [() => {
    const buffer = new ArrayBuffer(8, { maxByteLength: 16 });
    const view = new Uint8Array(buffer, 4, 4);
    return {
      get a() {
        buffer.resize(2);
        return 1;
      },
      view,
    };
  }, throws("DataCloneError", /view/)],
  "a proxy": [() => new Proxy({}, {}), uncloneable("result", /proxy/i)],
  "a proxy that answers everything": [() => {
    const all: any = new Proxy(() => {}, { get: () => all, apply: () => all, has: () => true });
    return { all };
  }, uncloneable("result.all", /function|proxy/i)],
  "a revoked proxy": [() => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return [proxy];
  }, uncloneable("result[0]", /proxy/i)],
  "a proxy as prototype": [() =>
    Object.setPrototypeOf(
      { a: 1 },
      new Proxy({}, {
        get(_, key) {
          throw new Error(`asked for ${String(key)}`);
        },
      }),
    ), throws("Error", /asked for then/)],
  "a thenable": [() => ({ then: (resolve: (v: number) => void) => resolve(5) }), returns(5)],
  "a thenable that settles often": [() => ({
    then(resolve: (v: number) => void, reject: (e: unknown) => void) {
      resolve(1);
      resolve(2);
      reject(new Error("too late"));
      throw new Error("later still");
    },
  }), returns(1)],
  "a thenable that throws": [() => ({
    then() {
      throw new RangeError("no");
    },
  }), throws("RangeError", /^no$/)],
  "then as a getter that throws": [() => ({
    get then(): never {
      throw new RangeError("no");
    },
  }), throws("RangeError", /^no$/)],
  "then that is no function, which crosses and stays data": [
    () => ({ then: 1, a: 2 }),
    returns({ then: 1, a: 2 }),
  ],
  "Object.prototype.then": [() => {
    (Object.prototype as any).then = (resolve: (v: string) => void) => resolve("hijacked");
    return { a: 1 };
  }, returns("hijacked")],
  "an own __proto__": [
    () => JSON.parse('{"__proto__": {"polluted": true}, "a": 1}'),
    ({ result }) => {
      assert.equal(Object.getPrototypeOf(result), Object.prototype);
      assert.deepEqual(Object.keys(result as object), ["__proto__", "a"]);
      assert.equal((result as any).polluted, undefined);
      assert.equal(({} as any).polluted, undefined);
    },
  ],
  "own constructor and prototype": [
    () => ({ constructor: 1, prototype: { a: 1 }, toString: 2 }),
    returns({ constructor: 1, prototype: { a: 1 }, toString: 2 }),
  ],
  "many shapes with __proto__": [
    () => Array.from({ length: 100 }, (_, i) => JSON.parse(`{"__proto__": ${i}, "k${i}": 1}`)),
    ({ result }) => {
      for (const o of result as object[]) {
        assert.equal(Object.getPrototypeOf(o), Object.prototype);
        assert.ok(Object.hasOwn(o, "__proto__"));
      }
    },
  ],
  "keys that are code": [
    () => ({ "x;process.exit()": 1, '"];throw 1;["': 2, "`${0}`": 3, "\n": 4, "\u2028": 5 }),
    returns({ "x;process.exit()": 1, '"];throw 1;["': 2, "`${0}`": 3, "\n": 4, "\u2028": 5 }),
  ],
  "keys that are code, many of one shape": [
    () =>
      Array.from(
        { length: 100 },
        (_, i) => ({ '"];throw 1;["': i, "a b": i, "`": i, "\\": i, "*/": i }),
      ),
    ({ result }) => {
      assert.deepEqual((result as any)[99], {
        '"];throw 1;["': 99,
        "a b": 99,
        "`": 99,
        "\\": 99,
        "*/": 99,
      });
    },
  ],
  "a huge array of nothing": [() => Array(2 ** 32 - 1), ({ result }) => {
    assert.equal((result as unknown[]).length, 2 ** 32 - 1);
    assert.equal(Object.keys(result as object).length, 0);
  }],
  "an array whose last element alone is there": [() => {
    const a: number[] = [];
    a[2 ** 32 - 2] = 1;
    return a;
  }, ({ result }) => {
    assert.equal((result as unknown[]).length, 2 ** 32 - 1);
    assert.equal((result as unknown[])[2 ** 32 - 2], 1);
  }],
  "an array with keys": [
    () => Object.assign([1, 2], { "-1": 3, x: 4, "4294967295": 5 }),
    ({ result }) =>
      assert.deepEqual(Object.entries(result as object), [
        ["0", 1],
        ["1", 2],
        ["-1", 3],
        ["x", 4],
        ["4294967295", 5],
      ]),
  ],
  "a symbol": [() => Symbol("x"), uncloneable("result", /symbol/)],
  "a symbol inside": [() => ({ a: [Symbol.iterator] }), uncloneable("result.a[0]", /symbol/)],
  "symbol keys, which are left out": [() => ({ a: 1, [Symbol("b")]: () => {} }), returns({ a: 1 })],
  "a function": [() => () => 1, uncloneable("result", /function/)],
  "a function inside": [
    () => ({ list: [{ go() {} }] }),
    uncloneable("result.list[0].go", /function/),
  ],
  "a class": [() => class Secret {}, uncloneable("result", /class|function/)],
  "globalThis": [() => globalThis, throws("DataCloneError", /global/)],
  "a WeakMap": [() => new WeakMap(), uncloneable("result", /WeakMap/)],
  "a WeakRef": [() => [new WeakRef({})], uncloneable("result[0]", /WeakRef/)],
  "a generator": [() => (function* () {})(), uncloneable("result", /[Gg]enerator/)],
  "a promise inside": [() => ({ p: Promise.resolve(1) }), uncloneable("result.p", /promise/i)],
  "an iterator": [() => [1].values(), uncloneable("result", /[Ii]terator/)],
  "arguments": [function () {
    return arguments;
  }, either(returns({}), throws("DataCloneError", /[Aa]rguments/))],
  "a lone surrogate": [
    () => ["\ud800", "a\udfff", { "\ud800": 1 }],
    returns(["\ud800", "a\udfff", { "\ud800": 1 }]),
  ],
  "NaNs of other bits": [() => {
    const bits = new BigUint64Array(new Float64Array([NaN, NaN]).buffer);
    bits[0] = 0xfff8_0000_dead_beefn;
    bits[1] = 0x7ff4_0000_0000_0001n;
    return [...new Float64Array(bits.buffer)];
  }, returns([NaN, NaN])],
  "objects that lie about their kind": [() => {
    const date = Object.setPrototypeOf(new Date(0), Map.prototype);
    const map = Object.setPrototypeOf(new Map([[1, 2]]), Array.prototype);
    const fake = Object.create(Date.prototype, { a: { value: 1, enumerable: true } });
    return [date, map, fake];
  }, ({ result }) => {
    const [date, map, fake] = result as [Date, Map<number, number>, object];
    assert.ok(date instanceof Date && date.getTime() === 0);
    assert.ok(map instanceof Map && map.get(1) === 2);
    assert.ok(!(fake instanceof Date));
    assert.deepEqual(fake, { a: 1 });
  }],
  "Symbol.toStringTag that lies": [
    () => ({ [Symbol.toStringTag]: "Date", a: 1 }),
    returns({ a: 1 }),
  ],
  "prototypes whose methods were replaced": [() => {
    const never = (): never => {
      throw new Error("the codec ran the task's code");
    };
    const date = new Date(0);
    const regexp = /a/g;
    const map = new Map([[1, 2]]);
    const set = new Set([1]);
    const bytes = new Uint8Array([1, 2]);
    Date.prototype.getTime = Date.prototype.valueOf = never;
    Map.prototype.entries = Map.prototype.forEach = never as any;
    (Map.prototype as any)[Symbol.iterator] = (Set.prototype as any)[Symbol.iterator] = never;
    (Array.prototype as any)[Symbol.iterator] = never;
    Object.defineProperty(RegExp.prototype, "source", { get: never });
    Object.defineProperty(RegExp.prototype, "flags", { get: never });
    Object.defineProperty(Object.getPrototypeOf(Uint8Array.prototype), "buffer", { get: never });
    Object.keys = never;
    return [date, regexp, map, set, bytes];
  }, returns([new Date(0), /a/g, new Map([[1, 2]]), new Set([1]), new Uint8Array([1, 2])])],
  "Array.prototype setters": [() => {
    Object.defineProperty(Array.prototype, 0, {
      set() {
        throw new Error("the codec ran the task's code");
      },
      configurable: true,
    });
    return { list: JSON.parse("[1,2]"), map: new Map([["a", [1]]]) };
  }, returns({ list: [1, 2], map: new Map([["a", [1]]]) })],
  "Object.prototype setters": [() => {
    Object.defineProperty(Object.prototype, "a", {
      set() {
        throw new Error("the codec ran the task's code");
      },
      configurable: true,
    });
    return {
      get b() {
        return 1;
      },
    };
  }, returns({ b: 1 })],
  "a result that is the realm's own prototype": [
    () => [Object.prototype, Array.prototype],
    returns([{}, []]),
  ],
  "getters in thousands that throw in turn": [() => ({
    get a(): never {
      throw {
        get b(): never {
          throw {
            get c(): never {
              throw 5;
            },
          };
        },
      };
    },
  }), either(throwsValue(5), uncloneable("thrown", /throws when it is read/))],
});

hostile("hostile errors", {
  "a message that throws": [() => {
    throw Object.defineProperty(new Error(), "message", {
      get(): never {
        throw new Error("no");
      },
    });
  }, throws("Error")],
  "a message that is an object": [() => {
    const e = new Error();
    (e as any).message = {
      toString(): never {
        throw new Error("no");
      },
    };
    throw e;
  }, throws("Error")],
  "a name that throws": [() => {
    throw Object.defineProperty(new Error("x"), "name", {
      get(): never {
        throw new Error("no");
      },
    });
  }, throws("Error")],
  "a name that is a symbol": [() => {
    throw Object.assign(new Error("x"), { name: Symbol("x") });
  }, throws("Error", /^x$/)],
  "a name of another class": [() => {
    throw Object.assign(new Error("x"), { name: "RangeError" });
  }, ({ error }) => assert.ok(error instanceof RangeError)],
  "a name that no class has": [() => {
    throw Object.assign(new Error("x"), { name: "__proto__" });
  }, throws("__proto__", /^x$/)],
  "a stack that throws": [() => {
    throw Object.defineProperty(new Error("x"), "stack", {
      get(): never {
        throw new Error("no");
      },
    });
  }, throws("Error", /^x$/)],
  "a stack that is no text": [() => {
    throw Object.defineProperty(new Error("x"), "stack", { value: { a: 1 } });
  }, ({ error }) => assert.equal(typeof (error as Error).stack, "string")],
  "a stack that lies": [() => {
    throw Object.defineProperty(new Error("x"), "stack", {
      value: "Error: x\n    at evil (/etc/passwd:1:1)\n    at deferred:task:99999:99999",
    });
  }, throws("Error", /^x$/)],
  "a stack of the host's frames": [() => {
    throw Object.defineProperty(new Error("x"), "stack", {
      value: "    at evil (/etc/passwd:1:1)\n    at alsoEvil (file:///srv/app/auth.js:12:3)",
    });
  }, throws("Error", /^x$/)],
  "an error that is returned with a stack of the host's frames": [
    () =>
      Object.defineProperty(new Error("x"), "stack", {
        value: "    at evil (/etc/passwd:1:1)\r    at x (/etc/passwd:1:1)\u2028",
      }),
    ({ result }) => assert.ok(result instanceof Error),
  ],
  "causes with stacks of the host's frames": [() => {
    const lie = () =>
      Object.defineProperty(new Error("x"), "stack", { value: "    at evil (/etc/passwd:1:1)" });
    throw Object.assign(lie(), { cause: new AggregateError([lie(), lie()], "", { cause: lie() }) });
  }, throws("Error", /^x$/)],
  "keys and names of frames in what can't be cloned": [() => {
    const text = "\r\u2028\u202e\n    at evil (/etc/passwd:1:1)";
    return { [text]: { [text + 2]: Object.defineProperty(() => 1, "name", { value: text }) } };
  }, ({ error }) => {
    assert.ok(error instanceof DataCloneError);
    assert.doesNotMatch(error.message, /[\n\r\u2028\u202e]/);
    assert.doesNotMatch(error.path, /[\n\r\u2028\u202e]/);
    assert.ok(error.message.startsWith("result[") && error.message.length < 10_000);
  }],
  "a module with a name of frames": [async () => {
    await import("\n    at evil (/etc/passwd:1:1)\r" + "x".repeat(10_000));
  }, throws("ReferenceError")],
  "a message of frames": [() => {
    throw new Error("x\n    at evil (/etc/passwd:1:1)\r    at evil (/etc/passwd:1:1)\u001b[2J");
  }, throws("Error", /^x\n/)],
  "a name of frames": [() => {
    throw Object.assign(new Error("x"), { name: "x\n    at evil (/etc/passwd:1:1)" });
  }, ({ error }) => assert.equal((error as Error).message, "x")],
  "functions with the names of frames": [() => {
    const name = "a\n    at evil (/etc/passwd:1:1)\r\u2028\u202e\n    at (native)";
    ({
      [name]() {
        throw new Error("x");
      },
    })[name]!();
  }, throws("Error", /^x$/)],
  "a function with a name of 10 MB": [() => {
    const name = "f".repeat(10_000_000);
    ({
      [name]() {
        throw new Error("x");
      },
    })[name]!();
  }, throws("Error", /^x$/)],
  "a stack with line ends that only some know": [() => {
    throw Object.defineProperty(new Error("x"), "stack", { value: "    at a\rb\u2028\u2029\n" });
  }, throws("Error", /^x$/)],
  "a stack of brackets": [() => {
    throw Object.defineProperty(new Error("x"), "stack", {
      value: `    at${" (".repeat(1_000_000)}`,
    });
  }, throws("Error", /^x$/)],
  "a stack of brackets and digits, in each shape of a frame": [() => {
    const parts = [" (", "(", ":1:1", ":1", ":", ")", " ", "async ", "at ", "    at ", "\n"];
    const errors = parts.flatMap((part) =>
      ["    at f", "    at f (", "    at f (deferred:task", "    at f (deferred:task:"]
        .map((head) => {
          const value = head + part.repeat(200_000);
          return Object.defineProperty(new Error("x"), "stack", { value });
        })
    );
    throw new AggregateError(errors, "x");
  }, throws("AggregateError", /^x$/)],
  "a huge stack": [() => {
    throw Object.defineProperty(new Error("x"), "stack", {
      value: "    at f (deferred:task:1:1)\n".repeat(50_000),
    });
  }, throws("Error", /^x$/)],
  "a huge stack of frames that are the task's": [() => {
    throw Object.defineProperty(new Error("x"), "stack", {
      value: "    at f (deferred:task:2:1)\n".repeat(500_000),
    });
  }, throws("Error", /^x$/)],
  "a huge message of lines": [() => {
    throw new Error("    at f (deferred:task:2:1)\n".repeat(200_000));
  }, throws("Error")],
  "properties in the place of an error's methods": [() => {
    const error = new Error("x");
    const names = Reflect.ownKeys(Object.prototype).concat(Reflect.ownKeys(Error.prototype));
    for (const key of [...names, "toJSON", "then", "inspect", "code", "syscall"]) {
      if (["__proto__", "stack", "name", "message"].includes(key as string)) continue;
      Object.defineProperty(error, key, { value: { a: 1 }, enumerable: true, configurable: true });
    }
    throw error;
  }, throws("Error", /^x$/)],
  "Error.prepareStackTrace that throws": [() => {
    (Error as any).prepareStackTrace = () => {
      throw new Error("no");
    };
    throw new TypeError("x");
  }, throws("TypeError", /^x$/)],
  "Error.prepareStackTrace without an end": [() => {
    (Error as any).prepareStackTrace = () => {
      for (;;);
    };
    throw new TypeError("x");
  }, timesOut],
  "Error.captureStackTrace replaced": [() => {
    (Error as any).captureStackTrace = () => {
      throw 1;
    };
    throw new TypeError("x");
  }, throws("TypeError", /^x$/)],
  "a cause that is the error": [() => {
    const e = new Error("x");
    e.cause = e;
    throw e;
  }, ({ error }) => assert.equal((error as Error).cause, error)],
  "causes in a circle": [() => {
    const a = new Error("a");
    a.cause = new Error("b", { cause: new Error("c", { cause: a }) });
    throw a;
  }, ({ error }) => assert.equal((error as any).cause.cause.cause, error)],
  "a cause that can't be cloned": [() => {
    throw new Error("x", { cause: () => {} });
  }, throws("Error", /^x$/)],
  "a cause that throws": [() => {
    throw Object.defineProperty(new Error("x"), "cause", {
      get(): never {
        throw new Error("no");
      },
    });
  }, throws("Error", /^x$/)],
  "errors that is no array": [() => {
    throw Object.assign(new AggregateError([], "x"), { errors: { length: 2 ** 32 } });
  }, throws("AggregateError", /^x$/)],
  "errors without an end": [() => {
    throw Object.assign(new AggregateError([], "x"), { errors: Array(2 ** 31) });
  }, throws("AggregateError", /^x$/)],
  "frozen": [() => {
    throw Object.freeze(new Error("x"));
  }, throws("Error", /^x$/)],
  "without a prototype": [() => {
    throw Object.setPrototypeOf(new Error("x"), null);
  }, throws("Error", /^x$/)],
  "with a proxy as prototype": [() => {
    throw Object.setPrototypeOf(
      new Error("x"),
      new Proxy({}, {
        get(): never {
          throw 1;
        },
      }),
    );
  }, throws("Error", /^x$/)],
  "a proxy of an error": [() => {
    throw new Proxy(new Error("x"), {});
  }, either(uncloneable("thrown", /proxy/i), throws("Error"))],
  "of a class of the task's": [() => {
    throw new class Own extends RangeError {
      override name = "Own";
      extra = { a: 1 };
    }("x");
  }, ({ error }) => {
    assert.ok(error instanceof RangeError);
    assert.deepEqual([error.name, (error as any).extra], ["Own", { a: 1 }]);
  }],
  "own properties named as Error's own": [() => {
    throw Object.assign(new Error("x"), { toString: 1, constructor: 2, __proto__: 3 });
  }, throws("Error", /^x$/)],
  "null": [() => {
    throw null;
  }, throwsValue(null)],
  "undefined": [() => {
    throw undefined;
  }, throwsValue(undefined)],
  "a number": [() => {
    throw -0;
  }, ({ error }) => assert.ok(Object.is(error, -0))],
  "a text": [() => {
    throw "text";
  }, throwsValue("text")],
  "a function": [() => {
    throw () => {};
  }, uncloneable("thrown", /function/)],
  "a symbol": [() => {
    throw Symbol("x");
  }, uncloneable("thrown", /symbol/)],
  "a promise": [() => {
    throw Promise.resolve(1);
  }, uncloneable("thrown", /promise/i)],
  "a thenable": [async () => {
    throw { then: (resolve: (v: number) => void) => resolve(5) };
  }, uncloneable("thrown.then", /function/)],
  "the overflow, thrown again": [() => {
    const again = (): void => again();
    try {
      again();
    } catch (e) {
      throw e;
    }
  }, overflows],
  "one that looks like the library's": [() => {
    throw Object.assign(new Error("the task ran longer"), {
      name: "TimeoutError",
      code: "ERR_DEFERRED_MEMORY",
    });
  }, ({ error }) => {
    assert.ok(!(error instanceof DOMException));
    assert.equal((error as any).code, "ERR_DEFERRED_MEMORY"); // its own property, as any other
  }],
  "a DOMException that looks like a timeout": [() => {
    throw new DOMException("mine", "TimeoutError");
  }, ({ error }) => assert.equal((error as Error).message, "mine")],
  "a rejection that nobody handles": [() => {
    Promise.reject(new Error("nobody's"));
    return 1;
  }, returns(1)],
  "a rejection after the result": [async () => {
    queueMicrotask(() => {
      throw new Error("later");
    });
    return await 1;
  }, returns(1)],
});

test("a result can't run code in the host", async () => {
  await using pool = new DeferredPool({ maxThreads: 1 });
  const trap = (): never => assert.fail("a setter of the host was run");
  const names = ["a", "x", "then", "message"];
  for (const name of names) {
    Object.defineProperty(Object.prototype, name, {
      set: trap,
      get: () => undefined,
      configurable: true,
    });
  }
  try {
    const own = await pool.run(() => [
      JSON.parse('{"a":1,"x":{"then":2}}'),
      ...Array.from({ length: 50 }, () => ({ a: 1, x: 2 })),
      Object.fromEntries(Array.from({ length: 100 }, (_, i) => [i ? `k${i}` : "a", i])),
      Object.assign([1], { x: 1 }),
    ]);
    for (const value of own) {
      assert.ok(Object.hasOwn(value as object, "a") || Object.hasOwn(value as object, "x"));
    }
  } finally {
    for (const name of names) delete (Object.prototype as any)[name];
  }
});
