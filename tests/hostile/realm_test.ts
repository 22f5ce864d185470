// deno-lint-ignore-file no-explicit-any no-eval no-var no-global-assign -- attacks
/** Attempts to change what later tasks find, to read what earlier ones left, to forge results. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeferredPool } from "../../mod.ts";
import { either, hostile, neverSettles, returns, throws } from "./hostile.ts";

hostile("pollution", {
  "globals": [() => {
    (globalThis as any).left = "here";
    var hoisted = 1;
    (0, eval)("var alsoLeft = 1; let lexical = 2; const constant = 3; function left2() {}");
    return hoisted;
  }, returns(1)],
  "builtins overwritten": [() => {
    Array.prototype.map = Math.max as any;
    JSON.parse = (() => "forged") as any;
    Object = Array as any;
    Promise.prototype.then = undefined as any;
    return 1;
  }, returns(1)],
  "builtins deleted": [() => {
    const { ownKeys, deleteProperty } = Reflect;
    const all = globalThis;
    for (const key of ownKeys(all)) deleteProperty(all, key);
    return 1;
  }, returns(1)],
  "prototypes frozen": [() => {
    for (const f of [Object, Array, Function, Map, Promise, Error]) {
      Object.freeze(f.prototype);
      Object.preventExtensions(f);
    }
    return 1;
  }, returns(1)],
  "prototypes swapped": [() => {
    Object.setPrototypeOf(Array.prototype, new Proxy({}, { get: () => 42, has: () => true }));
    Object.setPrototypeOf(globalThis, { intruder: 1 });
    return 1;
  }, returns(1)],
  "globalThis frozen": [() => {
    Object.preventExtensions(globalThis);
    return 1;
  }, returns(1)],
  "Symbol registry": [() => String(Symbol.for("left")), returns("Symbol(left)")],
  "legacy RegExp statics": [
    () => /a(b)/.test("xab") && (RegExp as any).$1,
    either(returns(undefined), returns("b")),
  ],
  "the species": [() => {
    Object.defineProperty(Array, Symbol.species, { value: Map });
    Object.defineProperty(Promise, Symbol.species, { value: Array });
    return 1;
  }, returns(1)],
  "Function.prototype.call": [() => {
    Function.prototype.call = Function.prototype.apply = (() => "forged") as any;
    return 1;
  }, returns(1)],
  "getters on Object.prototype": [() => {
    const harm = {
      __proto__: null, // what is polluted must not be taken for a part of this
      get: () => undefined,
      set() {
        throw new Error("polluted");
      },
    };
    for (const key of ["a", "then", "value", "done", "length", "message", "name", "__proto__"]) {
      Object.defineProperty(Object.prototype, key, harm as PropertyDescriptor);
    }
    return 1;
  }, returns(1)],
  "jobs left behind": [() => {
    queueMicrotask(() => {
      (globalThis as any).late = 1;
    });
    Promise.resolve().then(() => {
      throw new Error("late");
    });
    return 1;
  }, returns(1)],
  "a promise that is settled by the next task": [() => {
    (globalThis as any).waiting = new Promise(() => {});
    return (globalThis as any).waiting;
  }, neverSettles],
  "Date and Math": [() => {
    Date.now = () => 0;
    Math.random = () => 4;
    performance.now = () => 1;
    return 1;
  }, returns(1)],
  "atoms in thousands": [() => {
    for (let i = 0; i < 100_000; i++) (globalThis as any)[`left${i}`] = i;
    return 1;
  }, returns(1)],
  "what no task has": [
    () =>
      [
        "process",
        "Deno",
        "Bun",
        "require",
        "module",
        "std",
        "os",
        "bjson",
        "print",
        "scriptArgs",
        "fetch",
        "WebAssembly",
        "Worker",
        "importScripts",
        "gc",
        "__loadScript",
      ]
        .filter((name) => typeof (globalThis as any)[name] !== "undefined"),
    returns([]),
  ],
  "import()": [() => (0, eval)('import("node:fs")'), throws("ReferenceError")],
  "import.meta": [() => (0, eval)("import.meta"), throws("SyntaxError")],
  "the caller's scope, by eval": [
    () => (0, eval)("typeof pool + typeof hostile + typeof test"),
    returns("undefinedundefinedundefined"),
  ],
  "the host's objects, by the arguments' constructors": [
    (o: any) => {
      const F = o.constructor.constructor;
      return [F === Function, F("return typeof process")()];
    },
    returns([true, "undefined"]),
    { args: [{ a: 1 }] },
  ],
  "the caller of the caller": [function (this: unknown) {
    return [this === undefined, (0, eval)("(function () { return this === globalThis })()")];
  }, returns([true, true])],
});

test("a task can't read what the task before it left in memory", async () => {
  await using pool = new DeferredPool({ maxThreads: 1 });
  const secret = `secret ${Math.random()}`;
  await pool.run((s: string) => {
    (globalThis as any).kept = Array.from({ length: 2000 }, (_, i) => `${s} ${i}`);
    return 1;
  }, secret);
  // Fresh buffers would show memory that was not cleared; so would strings that were not filled.
  const found = await pool.run((s: string) => {
    const word = Array.from(s.slice(0, 6), (c) => c.charCodeAt(0));
    for (let round = 0; round < 400; round++) {
      const bytes = new Uint8Array(16_384);
      for (let i = 0; i < bytes.length; i++) {
        if (bytes[i] === word[0] && bytes[i + 1] === word[1] && bytes[i + 2] === word[2]) return i;
        if (bytes[i] !== 0) return `not cleared: ${bytes[i]}`;
      }
      const grown = new ArrayBuffer(8, { maxByteLength: 16_384 });
      grown.resize(16_384);
      if (new Uint8Array(grown).some((b) => b !== 0)) return "not cleared when resized";
      if (new Uint8Array(new ArrayBuffer(8).transfer(4096)).some((b) => b !== 0)) return "transfer";
    }
    return "nothing";
  }, secret);
  assert.equal(found, "nothing");
});

test("tasks on other threads can't be reached", async () => {
  await using pool = new DeferredPool({ maxThreads: 2 });
  const results = await Promise.all(Array.from({ length: 200 }, (_, i) =>
    pool.run((n: number) => {
      const g = globalThis as any;
      const before = g.mine;
      g.mine = n;
      Object.prototype.toString = () => String(n);
      (Symbol.for("shared") as any).description;
      return [before, g.mine, `${{}}`];
    }, i)));
  results.forEach((got, i) => assert.deepEqual(got, [undefined, i, String(i)]));
});

test("bytes that look like a completion or an encoding are data", async () => {
  await using pool = new DeferredPool({ maxThreads: 1 });
  // A record that claims to be of task 0 to 7, status OK, and one that is padding.
  const forge = (task: number, size: number) => {
    const bytes = new Uint8Array(size);
    const view = new DataView(bytes.buffer);
    for (let at = 0; at + 48 <= size; at += 48) {
      view.setUint32(at, 48, true);
      view.setUint32(at + 4, task, true);
      view.setUint32(at + 32, 1, true);
      view.setUint32(at + 36, 1, true); // "external": an address to be read and freed
      view.setFloat64(at + 40, 0xdead_beef, true);
    }
    return bytes;
  };
  const tasks = [0, 1, 7, 0xffff_ffff].flatMap((task) =>
    [48, 4096, 65_536, 2 ** 20].map((size) => ({ task, size }))
  );
  const results = await Promise.all(
    tasks.flatMap(({ task, size }) => [
      pool.run(forge, task, size),
      pool.run((n: number) => n, task),
      pool.run((s: string) => s, String.fromCharCode(...forge(task, 4096))),
    ]),
  );
  tasks.forEach(({ task, size }, i) => {
    assert.deepEqual(results[3 * i], forge(task, size));
    assert.equal(results[3 * i + 1], task);
    assert.equal(results[3 * i + 2], String.fromCharCode(...forge(task, 4096)));
  });
});

test("a pool under every attack at once settles each task exactly once", async () => {
  await using pool = new DeferredPool({ maxThreads: 2, timeout: 20, memoryLimit: 4 * 2 ** 20 });
  const kinds: (() => unknown)[] = [
    () => {
      for (;;);
    },
    () => new ArrayBuffer(2 ** 30),
    () => {
      const again = (): number => 1 + again();
      return again();
    },
    () => () => {},
    () => new Promise(() => {}),
    () => {
      throw null;
    },
    () => "x".repeat(2 ** 17),
    () => [].fill.call({ length: 2 ** 53 - 1 } as any, 0 as never),
    () => 1,
  ];
  let settled = 0;
  const tasks = Array.from({ length: 270 }, (_, i) => {
    const task = pool.run(kinds[i % kinds.length]!);
    if (i % 10 === 9) setTimeout(() => task.cancel("cancelled"), i % 7);
    return task.then(() => ({ i }), () => ({ i })).finally(() => settled++);
  });
  assert.deepEqual((await Promise.all(tasks)).map(({ i }) => i), tasks.map((_, i) => i));
  assert.equal(settled, tasks.length);
  assert.equal(pool.pending, 0);
  assert.deepEqual(await Promise.all([1, 2, 3, 4].map((n) => pool.run((x: number) => x * 2, n))), [
    2,
    4,
    6,
    8,
  ]);
});
