// deno-lint-ignore-file no-eval -- attacks
/** Attacks on the native stack: every recursive path of the engine and of the codec. */
import {
  either,
  hostile,
  overflows,
  returns,
  runsOutOfMemory,
  throws,
  timesOut,
} from "./hostile.ts";

hostile("stack attacks on the engine", {
  "calls": [
    () => {
      const again = (): number => 1 + again();
      return again();
    },
    overflows,
  ],
  "calls, caught, of all depths": [
    () => {
      let depth = 0;
      const again = (): void => {
        depth++;
        again();
      };
      for (let i = 0; i < 20; i++) {
        try {
          again();
        } catch { /* again */ }
      }
      return depth > 20_000;
    },
    returns(true),
  ],
  "constructors": [
    () => {
      class Again {
        constructor() {
          new Again();
        }
      }
      new Again();
    },
    overflows,
  ],
  "a getter": [
    () => {
      const o = {
        get x(): unknown {
          return this.x;
        },
      };
      return o.x;
    },
    overflows,
  ],
  "a setter": [
    () => {
      const o = {
        set x(v: number) {
          this.x = v;
        },
      };
      o.x = 1;
    },
    overflows,
  ],
  "a text of an object": [
    () => {
      const o: object = { toString: () => `${o}` };
      return `${o}`;
    },
    overflows,
  ],
  "a value of an object": [
    () => {
      const o: { valueOf(): number } = { valueOf: () => +o };
      return +o;
    },
    overflows,
  ],
  "a sort's comparator": [
    () => {
      const again = (): number => [2, 1].sort(again).length;
      return again();
    },
    overflows,
  ],
  "map": [
    () => {
      const again = (): unknown => [1].map(again);
      return again();
    },
    overflows,
  ],
  "replace": [
    () => {
      const again = (): string => "a".replace(/a/, again);
      return again();
    },
    overflows,
  ],
  "apply": [
    () => {
      const again = (): unknown => Reflect.apply(again, null, []);
      return again();
    },
    overflows,
  ],
  "bound functions": [
    () => {
      let f = (): number => 1;
      for (let i = 0; i < 2000; i++) f = f.bind(null);
      return f();
    },
    overflows,
    { maxStackSize: 64 * 1024 },
  ],
  "proxies of proxies": [
    () => {
      let p: { x?: number } = {};
      for (let i = 0; i < 50_000; i++) p = new Proxy(p, {});
      return p.x;
    },
    overflows,
  ],
  "a proxy that has itself as prototype": [
    () => {
      const p: object = new Proxy(Object.create(null), {});
      Object.setPrototypeOf(p, Object.create(p));
    },
    either(overflows, throws("TypeError"), returns(undefined)),
  ],
  "prototypes of prototypes": [
    () => {
      let o: { x?: number } = {};
      for (let i = 0; i < 200_000; i++) o = Object.create(o);
      return o.x;
    },
    returns(undefined),
  ],
  "instanceof by bound functions": [
    () => {
      let f: new () => object = class {};
      for (let i = 0; i < 2000; i++) f = f.bind(null) as typeof f;
      return {} instanceof f;
    },
    overflows,
    { maxStackSize: 64 * 1024 },
  ],
  "classes of classes": [
    () => {
      let c: new () => object = class {};
      for (let i = 0; i < 20_000; i++) c = class extends c {};
      return new c() instanceof Object;
    },
    overflows,
  ],
  "iterator helpers": [
    () => {
      let it: IteratorObject<number> = [1].values();
      for (let i = 0; i < 100_000; i++) it = it.map((x) => x);
      return it.next().value;
    },
    overflows,
  ],
  "iterator helpers' return": [
    () => {
      let it: IteratorObject<number> = [1].values();
      for (let i = 0; i < 100_000; i++) it = it.filter(() => true);
      return it.return?.();
    },
    either(overflows, returns({ value: undefined, done: true })),
  ],
  "flatMap in flatMap": [
    () => {
      const again = (): IteratorObject<number> => [1].values().flatMap(again);
      return again().next();
    },
    overflows,
  ],
  "Iterator.from of itself": [
    () => {
      let it: Iterator<number> = { next: () => ({ done: true, value: 1 }) };
      for (let i = 0; i < 100_000; i++) it = Iterator.from({ next: () => it.next() });
      return it.next();
    },
    overflows,
  ],
  "generators that delegate": [
    () => {
      function* again(): Generator<number> {
        yield* again();
      }
      return again().next();
    },
    overflows,
  ],
  "a generator chain": [
    () => {
      function* wrap(it: Iterable<number>): Generator<number> {
        yield* it;
      }
      let it: Iterable<number> = [1];
      for (let i = 0; i < 50_000; i++) it = wrap(it);
      return [...it];
    },
    overflows,
  ],
  "async functions": [
    async () => {
      const again = async (): Promise<void> => await again();
      await again();
    },
    overflows,
  ],
  "promises of promises": [
    () => {
      let p = Promise.resolve(1);
      for (let i = 0; i < 20_000; i++) p = p.then((x) => x);
      return p;
    },
    returns(1),
  ],
  "a long chain of promises that resolve each other": [
    () => {
      let resolve!: (value: unknown) => void;
      let p: Promise<unknown> = new Promise((r) => resolve = r);
      const first = resolve;
      for (let i = 0; i < 20_000; i++) {
        const inner = p;
        p = new Promise((r) => r(inner));
      }
      first(1);
      return p;
    },
    returns(1),
  ],
  "JSON.stringify": [
    () => {
      let o: unknown = 1;
      for (let i = 0; i < 100_000; i++) o = [o];
      return JSON.stringify(o);
    },
    overflows,
  ],
  "JSON.parse": [
    () => JSON.parse("[".repeat(100_000) + "]".repeat(100_000)),
    either(overflows, throws("SyntaxError")),
  ],
  "JSON.parse of objects": [
    () => JSON.parse('{"a":'.repeat(100_000) + "1" + "}".repeat(100_000)),
    either(overflows, throws("SyntaxError")),
  ],
  "a reviver": [
    () => {
      const again = (): unknown => JSON.parse("[1]", again);
      return again();
    },
    overflows,
  ],
  "flat": [
    () => {
      let a: unknown[] = [];
      for (let i = 0; i < 100_000; i++) a = [a];
      return a.flat(Infinity).length;
    },
    either(overflows, returns(0)),
  ],
  "toString of nested arrays": [
    () => {
      let a: unknown[] = [];
      for (let i = 0; i < 100_000; i++) a = [a];
      return String(a);
    },
    overflows,
  ],
  "an array in itself": [
    () => {
      const a: unknown[] = [];
      a[0] = a;
      return String(a);
    },
    either(overflows, returns("")),
  ],
  "a rope": [
    () => {
      let text = "";
      for (let i = 0; i < 200_000; i++) text = `x${text}`;
      return text.length;
    },
    returns(200_000),
  ],
  "a rope on both sides": [
    () => {
      let text = "y".repeat(300);
      for (let i = 0; i < 20_000; i++) {
        text = i % 2 ? text + "x".repeat(300) : "x".repeat(300) + text;
      }
      return text.indexOf("y");
    },
    returns(3_000_000),
  ],
  "parentheses": [
    () => (0, eval)("(".repeat(100_000) + "1" + ")".repeat(100_000)),
    either(overflows, throws("SyntaxError")),
  ],
  "brackets": [
    () => (0, eval)("[".repeat(100_000) + "]".repeat(100_000)),
    either(overflows, throws("SyntaxError")),
  ],
  "braces": [
    () => (0, eval)("{".repeat(100_000) + "}".repeat(100_000)),
    either(overflows, throws("SyntaxError")),
  ],
  "patterns": [
    () => (0, eval)(`(${"[".repeat(50_000)}x${"]".repeat(50_000)} = [])`),
    either(overflows, throws("SyntaxError")),
  ],
  "unary operators": [
    () => (0, eval)(`${"- ".repeat(100_000)}1`),
    either(overflows, throws("SyntaxError")),
  ],
  "powers": [
    () => (0, eval)(`${"1 ** ".repeat(100_000)}1`),
    either(overflows, throws("SyntaxError")),
  ],
  "conditions": [
    () => (0, eval)(`${"1 ? 1 : ".repeat(100_000)}1`),
    either(overflows, throws("SyntaxError")),
  ],
  "arrows": [
    () => (0, eval)(`${"x => ".repeat(20_000)}1`),
    either(overflows, throws("SyntaxError")),
  ],
  "functions in functions": [
    () => (0, eval)(`${"function f() {".repeat(20_000)}${"}".repeat(20_000)}`),
    either(overflows, throws("SyntaxError")),
  ],
  "classes in classes": [
    () => (0, eval)(`${"class A { x = ".repeat(20_000)}1${"}".repeat(20_000)}`),
    either(overflows, throws("SyntaxError")),
  ],
  "templates": [
    () => (0, eval)(`${"`${".repeat(20_000)}1${"}`".repeat(20_000)}`),
    either(overflows, throws("SyntaxError")),
  ],
  "else if": [
    () => (0, eval)(`${"if (0) ; else ".repeat(100_000)};`),
    either(overflows, throws("SyntaxError")),
  ],
  "labels": [
    () => (0, eval)(Array.from({ length: 10_000 }, (_, i) => `l${i}:`).join("") + ";"),
    either(overflows, throws("SyntaxError"), returns(undefined)),
  ],
  "new": [
    () => (0, eval)(`${"new ".repeat(100_000)}Object`),
    either(overflows, throws("SyntaxError")),
  ],
  "await": [
    () => (0, eval)(`(async () => { ${"await ".repeat(100_000)}1 })()`),
    either(overflows, throws("SyntaxError")),
  ],
  "eval in eval": [
    () => {
      const again = (): unknown => (0, eval)("again2()");
      (globalThis as { again2?: unknown }).again2 = again;
      return again();
    },
    overflows,
  ],
  "groups of a RegExp": [
    () => new RegExp("(".repeat(50_000) + ")".repeat(50_000)),
    either(overflows, throws("SyntaxError")),
  ],
  "lookaheads of a RegExp": [
    () => new RegExp("(?=".repeat(50_000) + ")".repeat(50_000)).test("a"),
    either(overflows, throws("SyntaxError")),
  ],
  "nested classes of a RegExp": [
    () => new RegExp("[".repeat(50_000) + "]".repeat(50_000), "v"),
    either(overflows, throws("SyntaxError")),
  ],
  "lookaheads that run": [
    () => new RegExp("(?=".repeat(200) + "a" + ")".repeat(200)).test("a"),
    returns(true),
  ],
  "a RegExp in a RegExp's exec": [
    () => {
      const r = /a/;
      r.exec = () => (r.test("a") ? null : null);
      return r.test("a");
    },
    overflows,
  ],
  "Symbol.species": [
    () => {
      class Again extends Array {
        static override get [Symbol.species](): ArrayConstructor {
          new Again(1).map((x) => x);
          return Array;
        }
      }
      return new Again(1).map((x) => x);
    },
    overflows,
  ],
  "Error.prepareStackTrace": [
    () => {
      const E = Error as unknown as { prepareStackTrace?: () => unknown };
      E.prepareStackTrace = () => new Error("again").stack;
      return typeof new Error("first").stack;
    },
    either(returns("string"), returns("undefined"), overflows),
  ],
  "the smallest stack there is": [
    () => {
      const again = (): number => 1 + again();
      return again();
    },
    overflows,
    { maxStackSize: 64 * 1024 },
  ],
});

/** It arrives, and is so many levels deep; `inner` takes what a level contains. */
const arrives =
  (levels: number, inner: (outer: never) => unknown) =>
  ({ result, error }: { result?: unknown; error?: unknown }): void => {
    if (error !== undefined) throw error;
    let depth = 0;
    for (let at = result; typeof at === "object"; at = inner(at as never)) depth++;
    if (depth !== levels) throw new Error(`${depth} levels arrived`);
  };

hostile("stack attacks on the codec", {
  "arrays": [
    () => {
      let o: unknown = 1;
      for (let i = 0; i < 40_000; i++) o = [o];
      return o;
    },
    arrives(40_000, (o: unknown[]) => o[0]),
  ],
  "objects": [
    () => {
      let o: unknown = 1;
      for (let i = 0; i < 40_000; i++) o = { a: o };
      return o;
    },
    arrives(40_000, (o: { a: unknown }) => o.a),
  ],
  "Maps": [
    () => {
      let o: unknown = 1;
      for (let i = 0; i < 40_000; i++) o = new Map([[o, o]]);
      return o;
    },
    arrives(40_000, (o: Map<unknown, unknown>) => [...o.values()][0]),
  ],
  "Sets": [
    () => {
      let o: unknown = 1;
      for (let i = 0; i < 40_000; i++) o = new Set([o]);
      return o;
    },
    arrives(40_000, (o: Set<unknown>) => [...o][0]),
  ],
  "sparse arrays": [
    () => {
      let o: unknown = 1;
      for (let i = 0; i < 20_000; i++) {
        const a: unknown[] = [];
        a[100] = o;
        o = a;
      }
      return o;
    },
    arrives(20_000, (o: unknown[]) => o[100]),
  ],
  "errors": [
    () => {
      let cause: unknown;
      for (let i = 0; i < 20_000; i++) cause = new Error("x", { cause });
      return cause;
    },
    arrives(20_000, (e: Error) => e.cause),
  ],
  "thrown errors": [
    () => {
      let cause: unknown;
      for (let i = 0; i < 20_000; i++) cause = new AggregateError([cause], "x");
      throw cause;
    },
    throws("AggregateError", /^x$/),
  ],
  "getters that make more": [
    () => {
      const make = (): object => ({
        get next() {
          return make();
        },
      });
      return make();
    },
    runsOutOfMemory,
    { memoryLimit: 16 * 2 ** 20 },
  ],
  "getters that recurse": [
    () => {
      const again = (): number => 1 + again();
      return {
        get x() {
          return again();
        },
      };
    },
    overflows,
  ],
  "a deep result at the end of the stack": [
    () => {
      const again = (depth: number): unknown => {
        try {
          return [again(depth + 1)];
        } catch {
          return depth;
        }
      };
      return again(0);
    },
    ({ result }) => {
      let depth = 0, o = result;
      for (; Array.isArray(o); o = o[0]) depth++;
      if (depth === 0 || o !== depth) throw new Error(`${depth} arrays came, around ${o}`);
    },
  ],
  "a deep argument": [
    (o: unknown) => {
      let depth = 0;
      for (; Array.isArray(o); o = o[0]) depth++;
      return depth;
    },
    returns(40_000),
    {
      maxStackSize: 64 * 1024,
      args: [Array.from({ length: 40_000 }).reduce<unknown>((o) => [o], 1)],
    },
  ],
  "a deep result": [() => {
    let o: unknown = 1;
    for (let i = 0; i < 40_000; i++) o = [o];
    return o;
  }, ({ result }) => {
    let depth = 0;
    for (let o = result; Array.isArray(o); o = o[0]) depth++;
    if (depth !== 40_000) throw new Error(`${depth} arrays came`);
  }, { maxStackSize: 64 * 1024 }],
  "a result as deep as its memory allows, and deeper": [
    () => {
      let o: unknown = 1;
      for (;;) o = [o];
    },
    runsOutOfMemory,
    { memoryLimit: 8 * 2 ** 20 },
  ],
  "a wide and deep result": [() => {
    const leaf = Array.from({ length: 1000 }, (_, i) => ({ i }));
    let o: unknown = leaf;
    for (let i = 0; i < 900; i++) o = { o, i: [i] };
    return o;
  }, ({ result, error }) => {
    if (error !== undefined || typeof result !== "object") throw error;
  }],
  "a result of many references": [() => {
    const a: unknown[] = [];
    for (let i = 0; i < 100_000; i++) a.push(a);
    return a;
  }, ({ result }) => {
    const a = result as unknown[];
    if (a.length !== 100_000 || a[99_999] !== a) throw new Error("not the same");
  }],
  "proxies": [
    () => {
      let p: object = {};
      for (let i = 0; i < 50_000; i++) p = new Proxy(p, {});
      return p;
    },
    either(overflows, throws("DataCloneError", /proxy/i)),
  ],
  "a very long list of keys": [() => {
    const o: Record<string, number> = {};
    for (let i = 0; i < 100_000; i++) o[`k${i}`] = i;
    return o;
  }, ({ result }) => {
    if (Object.keys(result as object).length !== 100_000) throw new Error("keys were lost");
  }],
  "endless getters": [() => {
    const o = {};
    for (let i = 0; i < 10; i++) {
      Object.defineProperty(o, i, {
        enumerable: true,
        get() {
          for (;;);
        },
      });
    }
    return o;
  }, timesOut],
  "getters that eat the memory": [
    () => ({
      get x() {
        const all: unknown[] = [];
        for (;;) all.push(all.length);
      },
    }),
    runsOutOfMemory,
  ],
});
