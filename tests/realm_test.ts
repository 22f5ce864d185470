// deno-lint-ignore-file no-eval -- what tasks may do is tested as they would do it
/**
 * The realm that a task finds: what is in it, and that it is pristine whatever the task before did
 * to it on the same thread.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Deferred, DeferredMemoryError, DeferredPool } from "../mod.ts";

/**
 * Everything that code can reach, as lines of text: each object once, with its kind, prototype,
 * whether it may be extended, and its keys in their order with their whole descriptors.
 */
function fingerprint(): string {
  const ids = new Map<unknown, number>();
  const queue: object[] = [];
  const lines: string[] = [];
  const seen = (value: unknown): string => {
    const type = typeof value;
    if (value === null || (type !== "object" && type !== "function")) {
      return `${type} ${String(value)}`;
    }
    if (!ids.has(value)) {
      ids.set(value, ids.size);
      queue.push(value as object);
    }
    return `${type} #${ids.get(value)}`;
  };
  // What no property leads to.
  const hidden = [
    function* () {},
    async function* () {},
    async () => {},
    [][Symbol.iterator](),
    ""[Symbol.iterator](),
    new Map()[Symbol.iterator](),
    new Set()[Symbol.iterator](),
    "".matchAll(/a/g),
    [].values().map((x) => x),
    Iterator.from({ next: () => ({ done: true, value: undefined }) }),
    Object.getOwnPropertyDescriptor(
      function () {
        return arguments;
      }(),
      "callee",
    )?.get,
  ].map((value) => value && Object.getPrototypeOf(value));
  seen(globalThis);
  hidden.forEach(seen);
  for (let at = 0; at < queue.length; at++) {
    const object = queue[at]!;
    lines.push(
      `#${at} ${Object.prototype.toString.call(object)} of ${seen(Object.getPrototypeOf(object))}` +
        (Object.isExtensible(object) ? "" : " fixed") +
        (typeof object === "function" ? ` ${Function.prototype.toString.call(object)}` : ""),
    );
    for (const key of Reflect.ownKeys(object)) {
      const d = Reflect.getOwnPropertyDescriptor(object, key)!;
      const flags = `${d.enumerable ? "e" : ""}${d.configurable ? "c" : ""}${
        d.writable ? "w" : ""
      }`;
      const value = "value" in d ? seen(d.value) : `get ${seen(d.get)} set ${seen(d.set)}`;
      lines.push(`  ${String(key)} ${flags} ${value}`);
    }
  }
  return lines.join("\n");
}

/** How `pollute` harms what it reaches. */
type Harm = "delete" | "overwrite" | "trap" | "freeze" | "orphan" | "litter";

/** Harms everything that code can reach in one way; returns how much it could. */
function pollute(harm: Harm): number {
  const { ownKeys, defineProperty, deleteProperty, getOwnPropertyDescriptor } = Reflect;
  const { getPrototypeOf, setPrototypeOf, preventExtensions } = Reflect;
  const { freeze } = Object;
  const reached: object[] = [];
  const known = new Set<unknown>();
  const add = (value: unknown) => {
    if (value === null || (typeof value !== "object" && typeof value !== "function")) return;
    if (known.has(value)) return;
    known.add(value);
    reached[reached.length] = value;
  };
  add(globalThis);
  add(getPrototypeOf(function* () {}));
  add(getPrototypeOf(async function* () {}));
  add(getPrototypeOf(async () => {}));
  add(getPrototypeOf([][Symbol.iterator]()));
  add(getPrototypeOf(new Map()[Symbol.iterator]()));
  for (let at = 0; at < reached.length; at++) {
    const object = reached[at]!;
    add(getPrototypeOf(object));
    for (const key of ownKeys(object)) {
      const { get, set, value } = getOwnPropertyDescriptor(object, key)!;
      add(get);
      add(set);
      add(value);
    }
  }
  let harmed = 0;
  // Backwards: what the loop itself stands on goes last.
  for (let at = reached.length - 1; at >= 0; at--) {
    const object = reached[at]!;
    try {
      if (harm === "freeze") {
        freeze(object);
        harmed++;
      } else if (harm === "orphan") {
        if (setPrototypeOf(object, null)) harmed++;
        preventExtensions(object);
      } else if (harm === "litter") {
        if (defineProperty(object, `litter${at}`, { value: at, enumerable: true })) harmed++;
        if (defineProperty(object, at, { get: () => at, enumerable: true })) harmed++;
      } else {
        const keys = ownKeys(object);
        for (let i = keys.length - 1; i >= 0; i--) {
          const trap = {
            get() {
              throw "trap";
            },
            set() {
              throw "trap";
            },
          };
          const done = harm === "delete"
            ? deleteProperty(object, keys[i]!)
            : harm === "overwrite"
            ? defineProperty(object, keys[i]!, { value: `harm ${at}` })
            : defineProperty(object, keys[i]!, trap);
          if (done) harmed++;
        }
      }
    } catch { /* could not be harmed */ }
  }
  return harmed;
}

const HARMS: Harm[] = ["delete", "overwrite", "trap", "freeze", "orphan", "litter"];

/** Asserts that two fingerprints are the same, and shows the first line that differs. */
function assertSame(found: string, expected: string): void {
  if (found === expected) return;
  const [a, b] = [found.split("\n"), expected.split("\n")];
  const at = a.findIndex((line, i) => line !== b[i]);
  assert.fail(`line ${at}: found ${a[at]}, expected ${b[at]}`);
}

describe("after a task has harmed everything that it can reach", () => {
  for (const harm of HARMS) {
    test(`(${harm}) the next task on the same thread finds its realm as new`, async () => {
      await using fresh = new DeferredPool({ maxThreads: 1 });
      const expected = await fresh.run(fingerprint);
      assert.ok(expected.split("\n").length > 2000, "the fingerprint covers the language");

      await using pool = new DeferredPool({ maxThreads: 1 });
      for (let round = 0; round < 3; round++) {
        const harmed = pool.run(pollute, harm);
        assert.ok(await harmed > 300, `${await harmed} things were harmed`);
        const found = pool.run(fingerprint);
        assertSame(await found, expected);
        assert.equal(found.stats!.worker, harmed.stats!.worker);
      }
    });

    test(`(${harm}) its own results and errors still arrive whole`, async () => {
      await using pool = new DeferredPool({ maxThreads: 1 });
      // The function's text is put together so that it has `pollute` in it.
      const after = (body: string) =>
        new Function(
          "harm",
          `${pollute}\nconst made = ${body};\npollute(harm);\nreturn made();`,
        ) as (
          harm: Harm,
        ) => unknown;
      const values = after(
        `((v) => () => v)([1, "a", { b: 2n }, [undefined], new Map([[1, new Set([2])]]),
          new Date(3), /r/g, new Uint8Array([4]), new RangeError("e")])`,
      );
      const [one, a, b, list, map, date, regexp, bytes, error] = await pool.run(
        values,
        harm,
      ) as unknown[];
      assert.deepEqual([one, a, b, list], [1, "a", { b: 2n }, [undefined]]);
      assert.deepEqual(map, new Map([[1, new Set([2])]]));
      assert.deepEqual(date, new Date(3));
      assert.deepEqual([...bytes as Uint8Array], [4]);
      if (harm !== "delete" && harm !== "overwrite" && harm !== "trap") {
        assert.deepEqual(regexp, /r/g);
        assert.ok(error instanceof RangeError);
      }
      const thrown = after(`() => { throw { plain: 1 }; }`);
      await assert.rejects(pool.run(thrown, harm) as Promise<unknown>, { plain: 1 });
      const later = after(`async () => { await null; return "later"; }`);
      assert.equal(await pool.run(later, harm), "later");
      assert.equal(await pool.run(() => [1, 2].map((x) => x * 2).join()), "2,4");
    });
  }

  test("the harm is real: the same task sees it", async () => {
    // What is left of Array.prototype, seen with what was kept from before.
    const sees = new Function(
      "harm",
      `${pollute}
      const list = Array.prototype;
      const { getPrototypeOf, getOwnPropertyDescriptor } = Reflect, { isFrozen } = Object;
      pollute(harm);
      const map = getOwnPropertyDescriptor(list, "map");
      return [map === undefined, typeof map?.value === "string", map?.get !== undefined, isFrozen(list),
        getPrototypeOf(list) === null, getOwnPropertyDescriptor(list, "7") !== undefined];`,
    ) as (harm: Harm) => boolean[];
    const seen = async (harm: Harm) => await Deferred.run(sees, harm);
    assert.equal((await seen("delete"))[0], true);
    assert.equal((await seen("overwrite"))[1], true);
    assert.equal((await seen("trap"))[2], true);
    assert.equal((await seen("freeze"))[3], true);
    assert.equal((await seen("orphan"))[4], true);
    assert.match(String(await Deferred.run(pollute, "litter")), /^\d{4}/);
  });

  test("sloppy code, eval and new Function can't leave anything behind either", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    const expected = await pool.run(fingerprint);
    const leak = new Function("leak = 1; with (globalThis) { leak2 = 2 } eval('var leak3 = 3')");
    await pool.defer(leak as () => void, { allowGlobals: true }).catch(() => {});
    await pool.run(() => (0, eval)("var a = 1; function f() {} ; let b = 2; class C {}"));
    await pool.run(() => new Function("globalThis.c = 1; c2 = 2")());
    assertSame(await pool.run(fingerprint), expected);
    assert.equal(await pool.run(() => (0, eval)("typeof b + typeof C")), "undefinedundefined");
  });

  test("a realm of another thread is the same", async () => {
    await using pool = new DeferredPool({ maxThreads: 2 });
    const slow = new Function(
      `${fingerprint}\nconst end = Date.now() + 100; while (Date.now() < end); return fingerprint();`,
    ) as () => string;
    const tasks = [pool.run(slow), pool.run(slow)];
    const [a, b] = await Promise.all(tasks);
    assert.notEqual(tasks[0]!.stats!.worker, tasks[1]!.stats!.worker);
    assertSame(a!, b!);
  });
});

describe("the realm", () => {
  test("has the language's globals, and nothing of the host", async () => {
    const names = await Deferred.run(() => Object.getOwnPropertyNames(globalThis));
    const language = (
      "globalThis undefined NaN Infinity eval parseInt parseFloat isNaN isFinite decodeURI " +
      "decodeURIComponent encodeURI encodeURIComponent escape unescape Object Function Boolean " +
      "Symbol Error AggregateError EvalError RangeError ReferenceError SyntaxError TypeError " +
      "URIError Number BigInt Math Date String RegExp Array Int8Array Uint8Array " +
      "Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array BigInt64Array " +
      "BigUint64Array Float16Array Float32Array Float64Array Map Set WeakMap WeakSet ArrayBuffer " +
      "SharedArrayBuffer Atomics DataView JSON WeakRef FinalizationRegistry Iterator Promise Reflect Proxy"
    ).split(" ");
    for (const name of language) assert.ok(names.includes(name), `${name} is missing`);
    const others = names.filter((name) => !language.includes(name)).sort();
    // Newer parts of the language; the engine's own InternalError; what the web has besides; the
    // task's side of the library.
    const allowed = [
      "Deferred",
      "AsyncDisposableStack",
      "DisposableStack",
      "SuppressedError",
      "DOMException",
      "InternalError",
      "atob",
      "btoa",
      "performance",
      "queueMicrotask",
      "structuredClone",
      "TextDecoder",
      "TextEncoder",
      "Crypto",
      "SubtleCrypto",
      "crypto",
      ..."setTimeout setInterval setImmediate clearTimeout clearInterval clearImmediate".split(" "),
      "scheduler",
      "AbortController",
      "AbortSignal",
      "CustomEvent",
      "Event",
      "EventTarget",
      "reportError",
      "QuotaExceededError",
      "ErrorEvent",
      "PromiseRejectionEvent",
      "Performance",
      "Navigator",
      "navigator",
      "URLPattern",
      ..."ReadableStream ReadableStreamDefaultReader ReadableStreamBYOBReader".split(" "),
      ..."ReadableStreamDefaultController ReadableByteStreamController".split(" "),
      ..."ReadableStreamBYOBRequest WritableStream WritableStreamDefaultWriter".split(" "),
      ..."WritableStreamDefaultController TransformStream".split(" "),
      ..."TransformStreamDefaultController".split(" "),
      ..."ByteLengthQueuingStrategy CountQueuingStrategy".split(" "),
      ..."CompressionStream DecompressionStream TextEncoderStream TextDecoderStream".split(" "),
      "Intl",
      "URL",
      "URLSearchParams",
      "Blob",
      "File",
      "FormData",
      "Headers",
      "self",
      "MessageChannel",
      "MessageEvent",
      "MessagePort",
      "console",
    ];
    assert.deepEqual(others.filter((name) => !allowed.includes(name)), []);
  });

  test("has nothing of the host by other ways either", async () => {
    const probes = [
      () => new Function("return Object.keys(this).join()")(),
      () => (0, eval)("typeof process + typeof Deno + typeof Bun + typeof require"),
      () => new Function("return typeof std + typeof os + typeof scriptArgs + typeof print")(),
    ];
    assert.deepEqual(await Promise.all(probes.map((fn) => Deferred.run(fn))), [
      "self,structuredClone,crypto,performance,navigator,reportError",
      "undefined".repeat(4),
      "undefined".repeat(4),
    ]);
  });

  test("can't load modules", async () => {
    for (const name of ["node:fs", "fs", "std", "os", "./mod.ts", "file:///etc/passwd"]) {
      const load = new Function("name", "return import(name)") as (
        name: string,
      ) => Promise<unknown>;
      await assert.rejects(Deferred.run(load, name), Error);
    }
  });

  test("runs functions as strict code, as modules do", async () => {
    assert.equal(
      await Deferred.run(
        function (this: unknown) {
          return this === undefined;
        } as () => boolean,
      ),
      true,
    );
    await assert.rejects(
      Deferred.run(() => {
        (Object.freeze([1]) as number[])[0] = 2;
      }),
      TypeError,
    );
  });

  test("has eval and new Function, which see the realm alone", async () => {
    assert.equal(await Deferred.run((_a: number) => eval("_a + 1"), 1), 2);
    assert.equal(await Deferred.run(() => new Function("a", "return a * 2")(21)), 42);
    assert.equal(await Deferred.run(() => (0, eval)("this === globalThis")), true);
    await assert.rejects(Deferred.run(() => eval("process.exit(1)")), ReferenceError);
    await assert.rejects(Deferred.run(() => eval("}")), SyntaxError);
  });

  test("collects garbage: a task may make far more than it keeps", async () => {
    await using pool = new DeferredPool({ maxThreads: 1, memoryLimit: 16 * 1024 * 1024 });
    const made = await pool.run(() => {
      let total = 0;
      for (let i = 0; i < 200_000; i++) {
        const a: Record<string, unknown> = { text: "x".repeat(100) + i };
        a.self = a; // a cycle, which counting references alone would never free
        total += (a.text as string).length;
      }
      return total;
    });
    assert.ok(made > 20_000_000);
  });
});

describe("chance and time", () => {
  test("Math.random differs from task to task and from thread to thread", async () => {
    await using pool = new DeferredPool({ maxThreads: 2 });
    await using other = new DeferredPool({ maxThreads: 1 });
    const draw = () => {
      const end = performance.now() + 1;
      while (performance.now() < end);
      return [Math.random(), Math.random()];
    };
    const tasks = Array.from({ length: 100 }, (_, i) => (i % 3 ? pool : other).run(draw));
    const drawn = (await Promise.all(tasks)).flat();
    assert.equal(new Set(drawn).size, drawn.length);
    assert.ok(drawn.every((x) => x >= 0 && x < 1));
    const mean = drawn.reduce((a, b) => a + b) / drawn.length;
    assert.ok(mean > 0.3 && mean < 0.7, `mean ${mean}`);
  });

  test("Math.random of one task does not tell that of the next", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    const [one, two] = await pool.run(() => [Math.random(), Math.random()] as const);
    const seed = seedOf(one, two);
    assert.equal(numbersOf(seed)[0], one, "the engine's generator is the one that is undone here");
    assert.equal(numbersOf(seed)[1], two, "the engine's generator is the one that is undone here");
    const next = await pool.run(() => Math.random());
    // Seeds that were the outputs of splitmix64, and those that follow one another or are the same.
    const guesses = [mix(unmix(seed) + GAMMA), seed, seed + 1n, seed + GAMMA, numbersOf(seed)[2]!];
    for (const guess of guesses) {
      const state = typeof guess === "bigint" ? guess & WORD : guess;
      assert.notEqual(typeof state === "bigint" ? numbersOf(state)[0] : state, next);
    }
  });

  test("performance.now counts from the start of each task", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    const now = () => {
      const first = performance.now();
      const end = first + 30;
      while (performance.now() < end);
      return [first, performance.now()] as const;
    };
    for (let i = 0; i < 3; i++) {
      const task = pool.run(now);
      const [first, last] = await task;
      assert.ok(first >= 0 && first <= task.stats!.runTime, `${first} of ${task.stats!.runTime}`);
      assert.ok(last - first >= 30 && last <= task.stats!.runTime + 1);
    }
  });

  test("performance.timeOrigin and Date are the host's time", async () => {
    const before = Date.now();
    const [date, made, origin, now] = await Deferred.run(() =>
      [Date.now(), new Date().getTime(), performance.timeOrigin, performance.now()] as const
    );
    const after = Date.now();
    for (const time of [date, made, origin + now]) {
      assert.ok(time >= before - 5 && time <= after + 5, `${before} ${time} ${after}`);
    }
    assert.ok(origin >= before - 5, "the origin is the task's start");
  });

  test("dates have the host's time zone", async () => {
    for (const when of [0, 1_700_000_000_000, 1_720_000_000_000]) {
      assert.equal(
        await Deferred.run((when: number) => new Date(when).getTimezoneOffset(), when),
        new Date(when).getTimezoneOffset(),
      );
    }
  });
});

describe("what a task leaves behind", () => {
  test("promise jobs end with it", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    const leave = () => {
      const again = () => {
        void Promise.resolve().then(again);
      };
      again();
      queueMicrotask(() => {
        (globalThis as unknown as { late: number }).late = 1;
      });
      return "left";
    };
    assert.equal(await pool.run(leave), "left");
    assert.equal(
      await pool.run(async () => {
        for (let i = 0; i < 100; i++) await null;
        return typeof (globalThis as unknown as { late: unknown }).late;
      }),
      "undefined",
    );
  });

  test("jobs that come before its promise settles run", async () => {
    const order = await Deferred.run(async () => {
      const seen: number[] = [];
      queueMicrotask(() => seen.push(2));
      void Promise.resolve().then(() => seen.push(3));
      seen.push(1);
      await null;
      await null;
      return seen;
    });
    assert.deepEqual(order, [1, 2, 3]);
  });

  test("an error in a job of its own does not disturb it", async () => {
    assert.equal(
      await Deferred.run(async () => {
        queueMicrotask(() => {
          throw new Error("in a job");
        });
        void Promise.reject(new Error("nobody's"));
        await null;
        await null;
        return "fine";
      }),
      "fine",
    );
  });

  test("registered symbols, weak references and finalizers are as new", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    const once = () => {
      const registry = new FinalizationRegistry(() => {});
      let made = 0;
      for (; made < 1000; made++) registry.register({ made }, new WeakRef({ made }));
      return Symbol.keyFor(Symbol.for(`left ${made}`));
    };
    for (let i = 0; i < 5; i++) assert.equal(await pool.run(once), "left 1000");
  });
});

describe("limits of a task", () => {
  const pool = new DeferredPool({ maxThreads: 1, memoryLimit: 32 * 1024 * 1024 });

  test("endless recursion is an error that the task can catch", async () => {
    const recursion = () => {
      const down = (): number => down() + 1;
      try {
        return String(down());
      } catch (error) {
        return (error as Error).constructor.name;
      }
    };
    assert.match(await pool.run(recursion), /^(RangeError|InternalError)$/);
    const uncaught = () => {
      const down = (): number => down() + 1;
      return down();
    };
    await assert.rejects(pool.run(uncaught), /stack/i);
    assert.equal(await pool.run(() => 1), 1);
  });

  const bombs: Record<string, () => unknown> = {
    "arrays in arrays": () => {
      let a: unknown[] = [];
      for (;;) a = [a, a.slice()];
    },
    "one long string": () => {
      let s = "xy";
      for (;;) s += s + 1;
    },
    "a list that grows": () => {
      const list: string[] = [];
      for (;;) list.push(`item ${list.length}`);
    },
    "a typed array": () => new Uint8Array(1024 * 1024 * 1024).length,
    "a map": () => {
      const map = new Map<number, object>();
      for (let i = 0;; i++) map.set(i, {});
    },
    "caught, and again": () => {
      const list: unknown[] = [];
      for (;;) {
        try {
          for (;;) list.push(new Array(1000).fill(list));
        } catch { /* on */ }
      }
    },
    "promise jobs": async () => {
      const grow = (list: unknown[]): unknown => {
        void Promise.resolve().then(() => grow([list]));
        return Promise.resolve(list).then(grow);
      };
      await grow([]);
    },
    "a bigint": () => {
      let n = 3n;
      for (;;) n = n * n;
    },
  };
  for (const [what, bomb] of Object.entries(bombs)) {
    test(`memory: ${what}`, async () => {
      const error = await pool.run(bomb).then(() => assert.fail("it ended"), (e) => e);
      // The engine has limits of its own for the length of a value, below those of memory.
      const limited = ["one long string", "a bigint", "a typed array"].includes(what);
      assert.ok(error instanceof DeferredMemoryError || limited, String(error));
      if (!limited) assert.equal(error.code, "ERR_DEFERRED_MEMORY");
      assert.equal(await pool.run(() => [1, 2, 3].map(String).join("")), "123");
    });
  }

  test("the limit is the pool's own, and a task just below it runs", async () => {
    const fill = (mib: number) => new Uint8Array(mib * 1024 * 1024).fill(1).length;
    assert.equal(await pool.run(fill, 24), 24 * 1024 * 1024);
    await assert.rejects(pool.run(fill, 40), DeferredMemoryError);
    await using large = new DeferredPool({ maxThreads: 1, memoryLimit: 64 * 1024 * 1024 });
    assert.equal(await large.run(fill, 40), 40 * 1024 * 1024);
  });

  test("a deep chain of iterator helpers ends the task, not the process", async () => {
    const chain = () => {
      let it: IteratorObject<number> = [1].values();
      for (let i = 0; i < 100_000; i++) it = it.map((x) => x);
      return it.next();
    };
    await assert.rejects(pool.run(chain), Error);
    assert.equal(await pool.run(() => 1), 1);
  });

  test("and the pool closes", () => pool.close());
});

const WORD = (1n << 64n) - 1n;
const GAMMA = 0x9e3779b97f4a7c15n;
const SCRAMBLE = 0x2545f4914f6cdd1dn;

/** The factor that undoes a multiplication by an odd one, modulo 2^64 (Newton). */
const inverse = (odd: bigint): bigint => {
  let x = odd;
  for (let i = 0; i < 6; i++) x = (x * (2n - odd * x)) & WORD;
  return x;
};

/** Undoes `x ^= x >> bits` or, with a negative number, `x ^= x << -bits`. */
const unshift = (y: bigint, bits: number): bigint => {
  let x = y;
  for (let known = 0; known < 64; known += Math.abs(bits)) {
    x = y ^ (bits > 0 ? x >> BigInt(bits) : (x << BigInt(-bits)) & WORD);
  }
  return x;
};

/** The engine's generator, xorshift64*: its next state. */
const step = (x: bigint): bigint => {
  x ^= x >> 12n;
  x ^= (x << 25n) & WORD;
  return x ^ (x >> 27n);
};
const numberOf = (state: bigint): number => Number(((state * SCRAMBLE) & WORD) >> 12n) / 2 ** 52;

/** The first numbers by a seed. */
const numbersOf = (seed: bigint): number[] => {
  const states = [step(seed), step(step(seed)), step(step(step(seed)))];
  return states.map(numberOf);
};

/** The seed by its first two numbers. */
const seedOf = (one: number, two: number): bigint => {
  for (let low = 0n; low < 4096n; low++) {
    const state = (((BigInt(one * 2 ** 52) << 12n) | low) * inverse(SCRAMBLE)) & WORD;
    if (numberOf(step(state)) === two) {
      return unshift(unshift(unshift(state, 27), -25), 12);
    }
  }
  return 0n;
};

/** splitmix64, and back. */
const mix = (z: bigint): bigint => {
  z &= WORD;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & WORD;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & WORD;
  return z ^ (z >> 31n);
};
const unmix = (z: bigint): bigint => {
  z = (unshift(z, 31) * inverse(0x94d049bb133111ebn)) & WORD;
  z = (unshift(z, 27) * inverse(0xbf58476d1ce4e5b9n)) & WORD;
  return unshift(z, 30);
};

test("why a value can't be cloned is told whatever the task put on Array.prototype", async () => {
  const refused = Deferred.run(() => {
    for (const index of [0, 1, 2]) {
      Object.defineProperty(Array.prototype, index, { set() {}, configurable: true });
    }
    return { part: new Proxy({}, {}) };
  });
  await assert.rejects(refused, { name: "DataCloneError", path: "result.part" });
});
