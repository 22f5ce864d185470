/**
 * Tasks made of random numbers, for programs_test.ts. Each function uses nothing from around it, so
 * that the same one runs in a task and in the host, and comes to the same with the same seed.
 *
 * @module
 */

/**
 * A value that has a bit of everything that can be cloned, with shared parts, cycles and getters, or
 * an error that is thrown instead. It touches no prototype, and its getters are not seen to run.
 */
export function madeOf(seed: number, size: number): unknown {
  let state = seed;
  const below = (limit: number): number => { // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
  const one = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const all: object[] = [];
  const kept = <T extends object>(value: T): T => (all.push(value), value);
  const keys = ["a", "b", "c", "__proto__", "then", "é", "α\ud800", "0", "17", "toJSON", "", "x y"];
  const put = (object: object, key: string, value: unknown): object =>
    Object.defineProperty(object, key, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    });
  const bytes = (length: number): Uint8Array<ArrayBuffer> =>
    Uint8Array.from({ length }, () => below(256));
  const number = (): number =>
    one([below(200), -below(1e6), below(1e6) / 7, 0, -0, NaN, Infinity, 2 ** 31, 2 ** 53, 5e-324]);
  const text = (): string =>
    one(["", "text", "é", "α\ud800", "\0", "long".repeat(below(300)), "Ж".repeat(below(300))]);

  const primitive = (): unknown => {
    switch (below(8)) {
      case 0:
        return one([undefined, null, true, false]);
      case 1:
      case 2:
        return text();
      case 3:
        return BigInt(below(1e9)) ** BigInt(below(12)) * BigInt(below(3) - 1);
      default:
        return number();
    }
  };
  const keyed = <T extends object>(object: T, depth: number): T => {
    for (let count = below(5); count > 0; count--) {
      const key = one(keys), value = part(depth);
      if (below(6) > 0) put(object, key, value);
      else {Object.defineProperty(object, key, {
          get: () => value,
          enumerable: true,
          configurable: true,
        });}
    }
    return object;
  };
  const array = (depth: number): unknown[] => {
    const list: unknown[] = kept([]);
    const make = one([part, number, text, part]);
    for (let count = below(12); count > 0; count--) list.push(make(depth));
    if (below(5) === 0) delete list[below(12)];
    if (below(8) === 0) list.length += below(40);
    if (below(8) === 0) keyed(list, depth);
    if (below(8) === 0) Object.freeze(list);
    return list;
  };
  const error = (depth: number): Error => {
    const Class = one([Error, TypeError, RangeError, SyntaxError, AggregateError]);
    const made: Error = kept(
      Class === AggregateError
        ? new AggregateError(array(depth), text())
        : new (Class as ErrorConstructor)(text(), below(2) ? { cause: part(depth) } : undefined),
    );
    if (Class === Error && below(3) === 0) put(made, "name", "Mine"); // names stand for classes
    if (below(4) === 0) put(made, "code", part(depth));
    return made;
  };
  const view = (): object => {
    const { buffer } = bytes(8 * (1 + below(6)));
    kept(buffer);
    const Class = one([
      Uint8Array,
      Int16Array,
      Float32Array,
      Float64Array,
      BigInt64Array,
      DataView,
    ]);
    return new (Class as Uint8ArrayConstructor)(buffer, 8 * below(2));
  };
  const instance = (depth: number): unknown => {
    switch (below(9)) {
      case 0:
        return kept(new Date(below(2) ? NaN : below(2 ** 31) * 1000));
      case 1:
        return kept(one([/a(?<b>c)?[/]/gi, /\p{L}/vy, /(?:)/, /^\u{1f600}$/u]));
      case 2:
        return kept(Object(one([true, 5, "text", 2n ** 70n, NaN])) as object);
      case 3:
        return kept(view());
      case 4:
        return kept(bytes(below(70)).buffer);
      case 5: {
        const made = new ArrayBuffer(below(9), { maxByteLength: 9 });
        new Uint8Array(made).fill(below(256));
        return kept(made);
      }
      case 6: {
        const map = kept(new Map<unknown, unknown>());
        for (let count = below(6); count > 0; count--) map.set(part(depth), part(depth));
        return map;
      }
      case 7: {
        const set = kept(new Set<unknown>());
        for (let count = below(6); count > 0; count--) set.add(part(depth));
        return set;
      }
      default:
        return error(depth);
    }
  };
  function part(depth: number): unknown {
    if (depth === 0 || all.length > size || below(4) === 0) return primitive();
    if (all.length > 0 && below(6) === 0) return one(all);
    switch (below(4)) {
      case 0:
        return instance(depth - 1);
      case 1:
        return array(depth - 1);
      default:
        return keyed(kept({}), depth - 1);
    }
  }

  let value: unknown = array(6);
  for (let levels = one([0, 1, 6, 7, 8, 15, 31, 63, 200]); levels > 0; levels--) {
    value = levels % 2 ? [value, levels, "x"] : { levels, value, other: [1] };
  }
  if (below(8) === 0) throw Object.assign(error(4), { value });
  return value;
}

/**
 * Does what a hostile task may do, as often as its numbers say: what comes of it nobody knows, only
 * that it ends by its result, an error or a limit.
 */
export function mischief(seed: number, ...args: unknown[]): unknown {
  let state = seed;
  const below = (limit: number): number => { // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
  // What is changed below must not change this.
  const { apply, defineProperty, deleteProperty, ownKeys, setPrototypeOf } = Reflect;
  const { create, freeze, seal } = Object;
  const { push, reverse, fill, splice } = Array.prototype;
  const G = globalThis as unknown as Record<string, { prototype: object }>;
  const all: object[] = [G as object];
  for (let i = 0; i < args.length; i++) {
    if (typeof args[i] === "object" && args[i] !== null) apply(push, all, [args[i]]);
  }
  const one = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const kept = <T extends object>(value: T): T => {
    if (all.length < 200) {
      defineProperty(
        all,
        all.length,
        {
          __proto__: null,
          value,
          writable: true,
          enumerable: true,
          configurable: true,
        } as PropertyDescriptor,
      );
    }
    return value;
  };
  const attempt = (work: () => unknown): unknown => {
    try {
      return work();
    } catch (error) {
      return error;
    }
  };
  const names = [
    "length",
    "0",
    "1",
    "then",
    "constructor",
    "toJSON",
    "value",
    "get",
    "set",
    "cause",
    "errors",
    "stack",
    "message",
    "name",
    "x",
    "__proto__",
    "byteLength",
    "buffer",
    "maxByteLength",
  ];
  const builtins = [
    "Object",
    "Array",
    "Promise",
    "Error",
    "Map",
    "Set",
    "Uint8Array",
    "ArrayBuffer",
    "RegExp",
    "Date",
    "Function",
    "String",
    "Number",
    "DataView",
    "DOMException",
    "AggregateError",
    "Symbol",
    "BigInt",
    "TypeError",
    "SharedArrayBuffer",
  ];
  const odd = (): string =>
    one([
      "",
      " (".repeat(below(5000)),
      "    at a\rb\u2028c",
      "    at evil (/etc/passwd:1:1)\n".repeat(below(200)),
      "\u001b[31m\u202e",
      "\ud800".repeat(below(3000)),
      "x".repeat(below(100_000)),
    ]);

  let calls = 0;
  const hook = (): () => unknown => {
    const mine = below(2 ** 31), ends = below(8), kinds = below(1000);
    return () => {
      if (++calls > 300) return 1;
      const before = state;
      state = mine + calls;
      attempt(() => act(kinds));
      state = before;
      if (ends === 0) throw attempt(() => value(1));
      return ends === 1 ? attempt(() => value(1)) : ends === 2 ? one(all) : ends;
    };
  };
  const traps = (): object => {
    const made: Record<string, unknown> = create(null);
    for (
      const name of [
        "get",
        "ownKeys",
        "getOwnPropertyDescriptor",
        "getPrototypeOf",
        "has",
        "set",
        "deleteProperty",
        "defineProperty",
      ]
    ) {
      if (below(2)) made[name] = hook();
    }
    return made;
  };

  /** Changes something that is there. */
  function act(kind: number): unknown {
    const target = one(all) as Record<string, unknown> & unknown[] & ArrayBuffer, key = one(names);
    switch (kind % 22) {
      case 0:
        return defineProperty(
          target,
          key,
          {
            __proto__: null,
            get: hook(),
            set: hook(),
            enumerable: true,
            configurable: true,
          } as PropertyDescriptor,
        );
      case 1:
        return deleteProperty(target, key);
      case 2:
        return target.length = below(4);
      case 3:
        return target[30_000 + below(10)] = 0;
      case 4:
        return freeze(target);
      case 5:
        return seal(target);
      case 6:
        return setPrototypeOf(target, one([null, one(all), G[one(builtins)]?.prototype ?? null]));
      case 7:
        return apply(push, target, [one(all), below(9)]);
      case 8:
        return target.length > 500 ? 0 : apply(reverse, target, []);
      case 9:
        return target.length > 500 ? 0 : apply(fill, target, [one(all)]);
      case 10:
        return target.length > 500 ? 0 : apply(splice, target, [below(4), 1, 1, 2, 3]);
      case 11:
        return target.resize(below(16));
      case 12:
        return kept(target.transfer());
      case 13:
        return new Uint8Array(target).fill(below(256));
      case 14: {
        const { prototype } = G[one(builtins)]!;
        const all = ownKeys(prototype);
        return deleteProperty(prototype, one(all));
      }
      case 15: {
        const { prototype } = G[one(builtins)]!;
        return defineProperty(
          prototype,
          one([key, one(ownKeys(prototype))]),
          { __proto__: null, get: hook(), set: hook(), configurable: true } as PropertyDescriptor,
        );
      }
      case 16: {
        const { prototype } = G[one(builtins)]!;
        return (prototype as Record<PropertyKey, unknown>)[one(ownKeys(prototype))] = one([
          hook(),
          5,
          null,
        ]);
      }
      case 17:
        return deleteProperty(G, one(builtins));
      case 18:
        return Atomics.add(target as unknown as Int32Array, 0, 1);
      case 19:
        return (target as unknown as Map<unknown, unknown>).clear();
      case 20:
        return kept(Array.from({ length: 8 }, () => new Float64Array(below(300)).fill(1.5)));
      default:
        return (target as unknown as Map<unknown, unknown>).set(below(9), one(all));
    }
  }

  /** Something to return, to throw, or to lie in these. */
  function value(depth: number): unknown {
    if (depth > 5) return below(100);
    switch (below(26)) {
      case 0:
        return kept(Array.from({ length: below(20) }, () => attempt(() => value(depth + 1))));
      case 1: {
        const object = kept({} as Record<string, unknown>);
        for (let count = below(6); count > 0; count--) {
          object[one(names)] = attempt(() => value(depth + 1));
        }
        return object;
      }
      case 2:
      case 3:
        return defineProperty(
          kept(below(2) ? [0, 1, 2, 3] : { x: 1, y: 2, z: 3 }),
          one(["0", "x", "y"]),
          { get: hook(), enumerable: true, configurable: true },
        ) && all[all.length - 1];
      case 4:
        return new Proxy(one(all), traps());
      case 5: {
        const error = kept(
          new (one([Error, TypeError, AggregateError as unknown as ErrorConstructor]))(
            odd() as never,
          ),
        );
        for (let count = below(4); count > 0; count--) {
          if (below(2)) {
            defineProperty(error, one(["stack", "message", "name", "cause", "errors"]), {
              get: hook(),
              configurable: true,
            });
          } else {defineProperty(error, one(["stack", "message", "name", "cause"]), {
              value: below(2) ? odd() : attempt(() => value(depth + 1)),
              configurable: true,
            });}
        }
        return error;
      }
      case 6:
        return kept(
          new Map([[
            one(all),
            attempt(() => value(depth + 1)),
          ], [1, one(all)]] as [unknown, unknown][]),
        );
      case 7:
        return kept(new Set([one(all), attempt(() => value(depth + 1))]));
      case 8:
        return kept(new ArrayBuffer(below(64), { maxByteLength: 64 << below(20) }));
      case 9:
        return kept(new ArrayBuffer(one([0, 8, 65_535, 65_536, 524_288, 600_000])));
      case 10:
        return kept(new Uint16Array(one(all) as ArrayBuffer));
      case 11: {
        let deep: unknown = one(all);
        for (let levels = below(3000); levels > 0; levels--) deep = below(2) ? [deep] : { deep };
        return deep;
      }
      case 12:
        return Array.from({ length: below(3000) }, (_, i) => ({ [`key${i}`]: i }));
      case 13:
        return Array.from({ length: below(3000) }, () => new Error(odd().slice(0, 20)));
      case 14:
        return one([
          () => 1,
          Symbol("s"),
          new WeakMap(),
          Promise.resolve(1),
          (function* () {})(),
          globalThis,
          Symbol.iterator,
          Math,
        ]);
      case 15:
        return new RegExp(
          one(["a", "(?<a>b)", "[a-z]{1,9}", "x".repeat(below(3000))]),
          one(["", "g", "v"]),
        );
      case 16:
        return odd();
      case 17:
        return one(all);
      case 18: {
        const { transfer } =
          (G as unknown as { Deferred?: { transfer: (...all: unknown[]) => unknown } }).Deferred ??
            {};
        return transfer?.(attempt(() => value(depth + 1)), [one(all)]);
      }
      case 19:
        return new DOMException(odd().slice(0, 100), one(names));
      case 20:
        return Array.from(
          { length: below(40) },
          () => new ArrayBuffer(4, { maxByteLength: 2 ** 20 }),
        );
      case 21:
        return { then: hook() };
      case 22:
        return 2n ** BigInt(below(20_000));
      case 23: {
        const sparse: unknown[] = [];
        sparse[below(2 ** 20)] = one(all);
        return sparse;
      }
      default:
        return below(1000);
    }
  }

  const ends = (): unknown => {
    switch (below(30)) {
      case 0:
        for (;;);
      case 1:
        return new Promise(() => {});
      case 2: {
        const list: unknown[] = [];
        for (;;) list[list.length] = new Uint8Array(10_000);
      }
      case 3: {
        const down = (): unknown => [down()];
        return down();
      }
      case 4:
        return (async (): Promise<never> => {
          for (;;) await null;
        })();
      case 5:
        throw attempt(() => value(0));
      case 6:
        return Promise.reject(attempt(() => value(0)));
      case 7:
        return (0, eval)(
          one(["1 +", "({ get a() { throw 5 } })", "[]['x'.y]", "(function f() { return f() })()"]),
        );
      case 8:
        return "x".repeat(2 ** 28).replaceAll("x", "yy");
      case 9:
        return (async (): Promise<unknown> => {
          await null;
          attempt(() => act(below(1000)));
          return value(0);
        })();
      default:
        return value(0);
    }
  };
  for (let count = below(12); count > 0; count--) {
    attempt(() => below(2) ? value(0) : act(below(1000)));
  }
  return ends();
}
