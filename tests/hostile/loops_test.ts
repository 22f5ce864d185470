// deno-lint-ignore-file no-eval no-empty require-await -- attacks
/** Loops without an end, in every shape; and builtins that never ask whether to stop. */
import { either, hostile, neverSettles, runsOutOfMemory, throws, timesOut } from "./hostile.ts";

hostile("endless loops", {
  "for": [() => {
    for (;;);
  }, timesOut],
  "while, with work": [() => {
    let x = 0;
    while (true) x = (x * 31 + 7) | 0;
  }, timesOut],
  "do while": [() => {
    do {} while (true);
  }, timesOut],
  "labelled continue": [() => {
    outer: for (;;) for (;;) continue outer;
  }, timesOut],
  "recursion that catches its overflow": [() => {
    const again = (): void => {
      try {
        again();
      } catch {
        again();
      }
    };
    for (;;) again();
  }, timesOut],
  "mutual recursion, trampolined": [() => {
    let step: () => unknown = () => step;
    for (;;) step = step() as () => unknown;
  }, timesOut],
  "catch and go on": [() => {
    for (;;) {
      try {
        for (;;);
      } catch {}
    }
  }, timesOut],
  "finally and go on": [() => {
    for (;;) {
      try {
        for (;;);
      } finally {
        // deno-lint-ignore no-unsafe-finally -- an attack
        continue;
      }
    }
  }, timesOut],
  "the interrupt swallowed by a Promise's executor": [() => {
    for (;;) {
      try {
        new Promise(() => {
          for (;;);
        });
      } catch {}
    }
  }, timesOut],
  "the interrupt swallowed by an async function": [() => {
    for (;;) {
      (async () => {
        for (;;);
      })().catch(() => {});
    }
  }, timesOut],
  "the interrupt swallowed by a thenable job": [async () => {
    for (;;) {
      try {
        await ({
          then(): void {
            for (;;);
          },
        } as unknown as Promise<void>);
      } catch {}
    }
  }, timesOut],
  "microtasks": [async () => {
    for (;;) await null;
  }, timesOut],
  "microtasks by then": [() =>
    new Promise(() => {
      const again = (): unknown => Promise.resolve().then(again);
      again(); // each waits for the next
    }), either(timesOut, runsOutOfMemory)],
  "queueMicrotask": [() =>
    new Promise(() => {
      const again = (): void => queueMicrotask(again);
      again();
    }), timesOut],
  "a thenable that thens itself": [() => {
    const endless = {
      then(resolve: (value: unknown) => void) {
        resolve(endless);
      },
    };
    return endless;
  }, timesOut],
  "a generator": [() => {
    function* forever(): Generator<number> {
      for (let i = 0;; i++) yield i;
    }
    let last = 0;
    for (const n of forever()) last = n;
    return last;
  }, timesOut],
  "a generator that won't return": [() => {
    function* stubborn(): Generator<number> {
      for (;;) {
        try {
          yield 1;
        } finally {
          // deno-lint-ignore no-unsafe-finally -- an attack
          continue;
        }
      }
    }
    for (;;) for (const _ of stubborn()) break;
  }, timesOut],
  "an async generator": [async () => {
    async function* forever(): AsyncGenerator<number> {
      for (;;) yield 1;
    }
    for await (const _ of forever());
  }, timesOut],
  "iterator helpers": [() => {
    function* forever(): Generator<number> {
      for (;;) yield 1;
    }
    return forever().filter(() => false).map((x) => x).next();
  }, timesOut],
  "an iterator's reduce": [
    () => Iterator.from({ next: () => ({ done: false, value: 1 }) }).reduce((a, b) => a + b),
    timesOut,
  ],
  "drop": [
    () => Iterator.from({ next: () => ({ done: false, value: 1 }) }).drop(Infinity).next(),
    timesOut,
  ],
  "a sort's comparator": [() =>
    [3, 1, 2].sort(() => {
      for (;;);
    }), timesOut],
  "a proxy's trap": [() =>
    Reflect.ownKeys(
      new Proxy({}, {
        ownKeys(): string[] {
          for (;;);
        },
      }),
    ), timesOut],
  "a proxy of itself as its prototype": [() => {
    const p: object = new Proxy({}, { getPrototypeOf: () => p });
    return p instanceof Array;
  }, timesOut],
  "a getter": [() => ({
    get x(): number {
      for (;;);
    },
  }.x), timesOut],
  "a value of an object": [() =>
    +{
      valueOf(): number {
        for (;;);
      },
    }, timesOut],
  "toString of a key": [() =>
    Object.keys({
      [
        {
          toString(): string {
            for (;;);
          },
        } as unknown as string
      ]: 1,
    }), timesOut],
  "Symbol.toPrimitive": [() =>
    `${{
      [Symbol.toPrimitive](): string {
        for (;;);
      },
    }}`, timesOut],
  "Symbol.hasInstance": [() =>
    ({}) instanceof ({
      [Symbol.hasInstance](): boolean {
        for (;;);
      },
    } as unknown as ObjectConstructor), timesOut],
  "toJSON": [() =>
    JSON.stringify({
      toJSON(): string {
        for (;;);
      },
    }), timesOut],
  "a reviver": [() =>
    JSON.parse("[1]", () => {
      for (;;);
    }), timesOut],
  "a replacer function": [() =>
    "a".replace(/a/, () => {
      for (;;);
    }), timesOut],
  "a static block": [() =>
    class {
      static {
        for (;;);
      }
    }, timesOut],
  "a getter of the result": [() => ({
    get x(): number {
      for (;;);
    },
  }), timesOut],
  "a getter of the error": [() => {
    throw Object.defineProperty(new Error(), "message", {
      get(): string {
        for (;;);
      },
    });
  }, either(timesOut, throws("Error"))],
  "the error's toString, never asked": [() => {
    throw Object.assign(new Error("x"), {
      toString(): string {
        for (;;);
      },
    });
  }, throws("Error", /^x$/)],
  "eval": [() => (0, eval)("for (;;);"), timesOut],
  "new Function": [() => new Function("for (;;);")(), timesOut],
  "a Map that grows as it is walked": [() => {
    const map = new Map([[0, 0]]);
    for (const [n] of map) map.delete(n) && map.set(n + 1, 0);
  }, timesOut],
  "Atomics.wait for ever": [
    () => Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 0),
    timesOut,
  ],
  "Atomics.wait, again and again": [() => {
    const a = new BigInt64Array(new SharedArrayBuffer(8));
    for (;;) Atomics.wait(a, 0, 0n, 1);
  }, timesOut],
  "Atomics.notify, again and again": [() => {
    const a = new Int32Array(new SharedArrayBuffer(8));
    for (;;) Atomics.notify(a, 0);
  }, timesOut],
  "a spin on memory that nobody writes": [() => {
    const a = new Int32Array(new SharedArrayBuffer(8));
    while (Atomics.load(a, 0) === 0) Atomics.pause?.();
  }, timesOut],
  "a promise that nobody settles": [() => new Promise(() => {}), neverSettles],
  "an await of itself": [() => {
    const box: { p?: Promise<unknown> } = {};
    box.p = (async () => {
      await null;
      await box.p;
    })();
    return box.p;
  }, neverSettles],
  "a FinalizationRegistry": [() => {
    const registry = new FinalizationRegistry(() => {
      for (;;);
    });
    for (let i = 0; i < 1000; i++) registry.register({}, i);
    return new Promise(() => {});
  }, either(neverSettles, timesOut)],
});

hostile("builtins that never ask", {
  "fill": [
    () => [].fill.call({ length: 2 ** 53 - 1 } as unknown as never[], 0 as never),
    either(timesOut, runsOutOfMemory), // whichever a fast machine comes to first
  ],
  "indexOf": [
    () => [].indexOf.call({ length: 2 ** 53 - 1 } as unknown as never[], 1 as never),
    timesOut,
  ],
  "lastIndexOf": [
    () => [].lastIndexOf.call({ length: 2 ** 53 - 1 } as unknown as never[], 1 as never),
    timesOut,
  ],
  "includes": [
    () => [].includes.call({ length: 2 ** 53 - 1 } as unknown as never[], 1 as never),
    timesOut,
  ],
  "join": [
    () => [].join.call({ length: 2 ** 32 } as unknown as never[]),
    either(timesOut, runsOutOfMemory),
  ],
  "reverse": [() => [].reverse.call({ length: 2 ** 53 - 1 } as unknown as never[]), timesOut],
  "copyWithin": [
    () => [].copyWithin.call({ length: 2 ** 53 - 1 } as unknown as never[], 0, 1),
    timesOut,
  ],
  "shift": [() => [].shift.call({ length: 2 ** 53 - 1 } as unknown as never[]), timesOut],
  "unshift": [
    () => ([] as number[]).unshift.call({ length: 2 ** 53 - 10 } as unknown as number[], 1),
    timesOut,
  ],
  "splice": [() => [].splice.call({ length: 2 ** 53 - 10 } as unknown as never[], 0, 1), timesOut],
  "some": [
    () => [].some.call({ length: 2 ** 53 - 1 } as unknown as never[], () => false),
    timesOut,
  ],
  "reduceRight": [
    () => [].reduceRight.call({ length: 2 ** 53 - 1 } as unknown as never[], () => 0 as never, 0),
    timesOut,
  ],
  "flat": [() => {
    for (;;) Array(2 ** 16).fill([1, [2]]).flat(Infinity);
  }, timesOut],
  "sort": [() => {
    for (;;) Array.from({ length: 2 ** 20 }, (_, i) => (i * 7919) % 65_537).sort();
  }, either(timesOut, runsOutOfMemory)],
  "a typed array's sort": [() => {
    for (;;) new Float64Array(2 ** 20).map((_, i) => i % 9973).sort();
  }, timesOut],
  "a typed array's fill and indexOf": [() => {
    const bytes = new Uint8Array(2 ** 25);
    for (;;) bytes.fill(1).indexOf(2);
  }, timesOut],
  "structured arguments to apply": [() => {
    for (;;) Math.max.apply(null, Array(60_000).fill(1));
  }, timesOut],
  "repeat": [() => {
    for (;;) "ab".repeat(2 ** 24);
  }, timesOut],
  "padEnd": [() => {
    for (;;) "".padEnd(2 ** 24, "xyz");
  }, timesOut],
  "replaceAll": [() => {
    for (;;) "a".repeat(2 ** 20).replaceAll("a", "bb");
  }, timesOut],
  "split": [() => {
    for (;;) "a,".repeat(2 ** 18).split(",");
  }, timesOut],
  "lastIndexOf of a string": [() => {
    const text = "a".repeat(2 ** 21);
    for (;;) text.lastIndexOf(`b${"a".repeat(2 ** 12)}`);
  }, timesOut],
  "normalize": [() => {
    for (;;) "\u1e9b\u0323".repeat(2 ** 18).normalize("NFKD");
  }, timesOut],
  "toUpperCase": [() => {
    for (;;) "ß".repeat(2 ** 20).toUpperCase();
  }, timesOut],
  "localeCompare": [() => {
    const text = "é".repeat(2 ** 16); // of 2 ** 20, what it notes takes more than the memory limit
    for (;;) text.localeCompare(`${text}x`);
  }, timesOut],
  "isWellFormed": [() => {
    const text = "\ud83d\ude00".repeat(2 ** 20);
    for (;;) text.isWellFormed();
  }, timesOut],
  "encodeURIComponent": [() => {
    for (;;) encodeURIComponent("é".repeat(2 ** 19));
  }, timesOut],
  "decodeURIComponent": [() => {
    const text = "%C3%A9".repeat(2 ** 18);
    for (;;) decodeURIComponent(text);
  }, timesOut],
  "escape": [() => {
    for (;;) (globalThis as unknown as { escape(s: string): string }).escape("é".repeat(2 ** 20));
  }, timesOut],
  "btoa and atob": [() => {
    for (;;) atob(btoa("x".repeat(2 ** 20)));
  }, timesOut],
  "JSON.stringify": [() => {
    const all = Array(2 ** 16).fill({ a: [1, "b"] });
    for (;;) JSON.stringify(all);
  }, timesOut],
  "JSON.parse": [() => {
    const text = `[${"1.5,".repeat(2 ** 16)}0]`;
    for (;;) JSON.parse(text);
  }, timesOut],
  "Date parsing": [() => {
    for (;;) Date.parse("2020-02-30T25:61:61.000Z nonsense ".repeat(100));
  }, timesOut],
  "local dates": [() => {
    for (;;) new Date(2020, 1, 1).toString();
  }, timesOut],
  "a number's digits": [() => {
    for (;;) Number(`0.${"1".repeat(2 ** 18)}`);
  }, timesOut],
  "parseFloat": [() => {
    for (;;) parseFloat("9".repeat(2 ** 18));
  }, timesOut],
  "toString in base 2": [() => {
    for (;;) (2 ** -1000).toString(2);
  }, timesOut],
  "a power of BigInts": [() => 7n ** 3_000_000n, either(timesOut, throws("RangeError"))],
  "a product of BigInts": [() => {
    let x = 3n ** 10_000n;
    for (;;) x = (x * x) >> 15_000n;
  }, either(timesOut, throws("RangeError"), runsOutOfMemory)],
  "a quotient of BigInts": [() => {
    const x = 3n ** 300_000n;
    for (;;) void (x / (x >> 100_000n));
  }, timesOut],
  "a BigInt's digits": [() => {
    for (;;) String(3n ** 200_000n);
  }, timesOut],
  "digits to a BigInt": [() => {
    const text = "7".repeat(200_000);
    for (;;) BigInt(text);
  }, timesOut],
  "a RegExp that backtracks": [() => /^(a+)+$/.test(`${"a".repeat(40)}b`), timesOut],
  "a RegExp that looks behind": [() => /(?<=x(a+)+)b/.test(`${"a".repeat(40)}b`), timesOut],
  "a RegExp that refers back": [
    () => /^(.+)(.+)(.+)\1\2\3$/.test(`${"ab".repeat(300)}x`),
    timesOut,
  ],
  "RegExps being compiled": [() => {
    for (;;) new RegExp("[ab]?".repeat(2000));
  }, timesOut],
  "a RegExp of many ranges": [() => {
    for (;;) new RegExp("[\\u{0}-\\u{10ffff}\\p{L}\\p{Lu}]".repeat(50), "iu");
  }, timesOut],
  "matchAll": [() => {
    for (;;) [..."ab".repeat(2 ** 14).matchAll(/a|b/g)].length;
  }, timesOut],
  "replace by a RegExp": [() => {
    const text = "ab".repeat(2 ** 16); // of 2 ** 18, what it finds takes more than the memory limit
    for (;;) text.replace(/a/g, "$&$&");
  }, timesOut],
  "parsing a long program": [() => {
    const text = "x = 1;".repeat(20_000);
    for (;;) new Function("x", text);
  }, timesOut],
  "parsing many names": [() => {
    const names = Array.from({ length: 20_000 }, (_, i) => `let v${i};`).join("");
    for (;;) new Function(names);
  }, timesOut],
  "Object.assign": [() => {
    const many = Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`k${i}`, i]));
    for (;;) Object.assign({}, many);
  }, timesOut],
  "Object.groupBy": [() => {
    const many = Array.from({ length: 50_000 }, (_, i) => i);
    for (;;) Object.groupBy(many, (n) => n % 1000);
  }, timesOut],
  "set operations": [() => {
    const all = new Set(Array.from({ length: 50_000 }, (_, i) => i));
    for (;;) all.union(all).isSubsetOf(all);
  }, timesOut],
  "a deep freeze of one array": [() => {
    for (;;) Object.freeze(Array(2 ** 16).fill(0));
  }, timesOut],
  "garbage in cycles": [() => {
    for (;;) {
      const a: { b?: unknown } = {};
      a.b = { a };
    }
  }, timesOut],
  "a very large result": [
    () => Array(2 ** 21).fill({ a: 1, b: "x" }).map((x) => [x, {}]),
    either(timesOut, runsOutOfMemory),
  ],
});
