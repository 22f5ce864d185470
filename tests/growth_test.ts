/**
 * What a program gives in its options, how many tasks it has, and how large a value is in each way in
 * which it can be: all of it costs in proportion. (Texts of functions: source_test.ts, eval_test.ts.)
 */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { Deferred, DeferredPool } from "../mod.ts";
import { assertLinear } from "./support/measure.ts";

const range = <T>(n: number, make: (i: number) => T): T[] =>
  Array.from({ length: n }, (_, i) => make(i));
const endless = (): void => {
  for (;;);
};

describe("the cost is in proportion to", () => {
  test("the tasks of one signal, that end or are cancelled", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    await assertLinear("tasks that end", async (n) => {
      const { signal } = new AbortController();
      await Promise.all(range(n, () => pool.defer(() => 1, { signal })));
    }, 250);
    await assertLinear("tasks that are cancelled", async (n) => {
      const controller = new AbortController();
      const { signal } = controller;
      const all = range(n, () => pool.defer(endless, { signal }));
      controller.abort();
      await Promise.allSettled(all);
    }, 250);
  });

  test("the signals of one task each", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    await assertLinear("signals", async (n) => {
      const signals = range(n, () => new AbortController().signal);
      await Promise.all(signals.map((signal) => pool.defer(() => 1, { signal })));
    }, 250);
  });

  test("the number of arguments, and of names that are allowed", async () => {
    await assertLinear(
      "args",
      (n) => new Deferred((...all: number[]) => all.length, { args: range(n, (i) => i) }),
      1000,
    );
    await assertLinear(
      "allowGlobals",
      (n) => new Deferred(() => 1, { allowGlobals: range(n, (i) => `name${i}`) }),
      1000,
    );
  });

  test("the length of a name, and of what a scope holds", async () => {
    await assertLinear(
      "name",
      (n) =>
        new Deferred(() => Promise.reject(new Error("x")), { name: "n".repeat(n) })
          .catch((error: Error) => error.stack),
      10_000,
    );
    await assertLinear("scope", (n) =>
      Deferred.eval("name0", {
        scope: Object.fromEntries(range(n, (i) => [`name${i}`, i])),
      }), 250);
  });

  test("the reports of a task, read or not", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    const report = (n: number, host: { report(i: number): void }) => {
      for (let i = 0; i < n; i++) host.report(i);
    };
    const options = { onProgress: (_: number) => {} };
    await assertLinear("reports", (n) => pool.defer(report, { ...options, args: [n] }), 20_000);
    await assertLinear("tasks that report", async (n) => {
      await Promise.all(range(n, () => pool.defer(report, { ...options, args: [3] })));
    }, 250);
  });

  test("the classes of a pool, and the values that it shares", async () => {
    await assertLinear("classes", async (n) => {
      const classes = range(n, (i) => (0, eval)(`(class C${i} { x = ${i} })`) as new () => object);
      await using pool = new DeferredPool({ maxThreads: 1, classes });
      await pool.run(() => 1);
    }, 10);
    await assertLinear("share", async (n) => {
      await using pool = new DeferredPool({ maxThreads: 1 });
      const values = range(n, (i) => pool.share({ i }));
      await pool.run((all: readonly { i: number }[]) => all.length, values);
    }, 100);
  });

  test("the errors among arguments, and their stacks when they come back", async () => {
    await assertLinear("errors", async (n) => {
      const errors = range(n, (i) => new Error(`${i}`));
      const back = await Deferred.run((all: Error[]) => all, errors);
      for (const { stack } of back) void stack;
    }, 100);
  });

  test("the tasks that fail, and their stacks", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    await assertLinear("failing tasks", async (n) => {
      const all = range(n, () =>
        pool.run(() => {
          throw new Error("x");
        }));
      for (const task of all) await task.catch(({ stack }: Error) => stack);
    }, 100);
  });
});

describe("the cost of a module is in proportion to its number of", () => {
  const pool = new DeferredPool({ maxThreads: 1 });
  after(() => pool.close());
  const list = (n: number, make: (i: number) => string): string => range(n, make).join(", ");
  const lines = (n: number, make: (i: number) => string): string => range(n, make).join("\n");
  /** Modules by name: "main", and what it imports. No module has more than 65,000 variables. */
  const texts: Record<string, (n: number) => Readonly<Record<string, string>>> = {
    "variables": (n) => ({ main: lines(n, (i) => `const x${i} = 1;`) }),
    "exported variables": (n) => ({ main: lines(n, (i) => `export const x${i} = 1;`) }),
    "exports": (n) => ({ main: `let x; export { ${list(n, (i) => `x as x${i}`)} }` }),
    "imports": (n) => ({
      main: lines(n, (i) => `import { x as x${i} } from "a";`),
      a: "export let x",
    }),
    "names that are imported, of as many": (n) => ({
      main: `import { ${list(n, (i) => `x${i}`)} } from "a"`,
      a: `let x; export { ${list(n, (i) => `x as x${i}`)} }`,
    }),
    "names that are exported on": (n) => ({
      main: `export { ${list(n, (i) => `x${i}`)} } from "a"`,
      a: `let x; export { ${list(n, (i) => `x as x${i}`)} }`,
    }),
    "names of a namespace": (n) => ({
      main: 'import * as ns from "a"; ns.x0',
      a: 'export * from "b"',
      b: `let x; export { ${list(n, (i) => `x as x${i}`)} }`,
    }),
  };
  for (const [what, modules] of Object.entries(texts)) {
    test(what, async () => {
      await assertLinear(what, async (n) => {
        const all = modules(n);
        const loader = { load: (url: string) => all[url]! };
        const run = () => pool.eval(`${all["main"]}\n; export default 1`, { loader });
        await Promise.all(range(6, run));
      }, 12_000);
    });
  }

  test("import attributes", async () => {
    await assertLinear("attributes", async (n) => {
      const text = lines(n, (i) => `import "a" with { a: "${i}" };`);
      await assert.rejects(pool.eval(`${text}; let let`), { name: "SyntaxError" });
    }, 2000);
  });

  test("imports that are refused", async () => {
    // The host says of each where it stands.
    const loader = { load: () => Promise.reject(new Error("no")) };
    await assertLinear("refused", async (n) => {
      const text = list(n, (i) => `import("${i}").catch(() => {})`);
      await pool.eval(`await Promise.all([${text}]); 0`, { loader, moduleLimit: 1e6 });
    }, 500);
  });

  test("modules that export one name of each other", async () => {
    await assertLinear("a chain", async (n) => {
      const loader = {
        load: (url: string) =>
          Number(url) === n
            ? "export const x = 1"
            : `import { x } from "${Number(url) + 1}"; export { x }`,
      };
      await pool.eval('export { x as default } from "1"', { loader, moduleLimit: 1e6 });
    }, 1000);
  });
});

describe("the cost of a text of Intl is in proportion to its number of", () => {
  const pool = new DeferredPool({ maxThreads: 1 });
  after(() => pool.close());

  test("items", async () => {
    await assertLinear("items", async (n) => {
      const scope = { list: range(n, (i) => `thing ${i}`) };
      const text = await pool.eval('return new Intl.ListFormat("es").format(list)', { scope });
      assert.equal(
        text,
        `${scope.list.slice(0, -1).join(", ")}${n > 1 ? " y " : ""}${scope.list.at(-1)}`,
      );
    }, 500);
  });
});

describe("the cost of a value, there and back, is in proportion to its number of", () => {
  const pool = new DeferredPool({ maxThreads: 1 });
  after(() => pool.close());
  const nested = (n: number, around: (inner: unknown) => unknown): unknown => {
    let value: unknown = null;
    for (let i = 0; i < n; i++) value = around(value);
    return value;
  };
  const one = { x: 1 };
  const values: Record<string, (n: number) => unknown> = {
    "levels of arrays": (n) => nested(n, (inner) => [inner, 1]),
    "levels of objects": (n) => nested(n, (inner) => ({ inner })),
    "levels of Maps": (n) => nested(n, (inner) => new Map([[1, inner]])),
    "causes of an error": (n) => nested(n, (cause) => new Error("x", { cause })),
    "errors of an AggregateError": (n) => new AggregateError(range(n, (i) => new Error(`${i}`))),
    "references to one object": (n) => range(n, () => one),
    "references to as many objects": (n) => {
      const all = range(n, (i) => ({ i }));
      return [all, all.toReversed()];
    },
    "units of a narrow text": (n) => "é".repeat(100 * n),
    "units of a wide text": (n) => "Ж".repeat(100 * n),
    "texts": (n) => range(n, (i) => `text ${i}`),
    "keys": (n) => Object.fromEntries(range(n, (i) => [`key${i}`, i])),
    "units of a key": (n) => ({ ["k".repeat(n)]: 1 }),
    "keys of arrays": (n) => Object.assign([], Object.fromEntries(range(n, (i) => [`k${i}`, i]))),
    "objects of one shape": (n) => range(n, (i) => ({ a: i, b: "x" })),
    "objects of different shapes": (n) => range(n, (i) => ({ [`a${i}`]: i, b: i })),
    "objects of shapes that grow": (n) =>
      range(n, (i) => Object.fromEntries(range(i % 60, (k) => [`k${k}`, k]))),
    "entries of a Map": (n) => new Map(range(n, (i) => [`k${i}`, i])),
    "entries of a Set": (n) => new Set(range(n, (i) => ({ i }))),
    "numbers": (n) => range(10 * n, (i) => i / 3),
    "holes": (n) => Object.assign([], { length: n }),
    "elements far apart": (n) => {
      const all: number[] = [];
      for (let i = 0; i < n; i++) all[i * 50] = i;
      return all;
    },
    "BigInts": (n) => range(n, (i) => BigInt(i) << 70n),
    "bytes": (n) => new Uint8Array(100 * n),
    "buffers": (n) => range(n, () => new ArrayBuffer(8)),
    "views of one buffer": (n) => {
      const buffer = new ArrayBuffer(8);
      return range(n, (i) => new Uint8Array(buffer, i % 8));
    },
    "dates, patterns, boxed values": (n) =>
      range(n, (i) => [new Date(i), new RegExp(`a${i % 100}`), Object(i)]),
  };
  for (const [what, make] of Object.entries(values)) {
    test(what, async () => {
      const made = new Map<number, unknown>(); // so that making it does not count
      await assertLinear(
        what,
        (n) => {
          if (!made.has(n)) made.set(n, make(n));
          return pool.defer((value: unknown) => value, {
            args: [made.get(n)],
            memoryLimit: 2 ** 31,
          });
        },
        200,
      );
    });
  }

  test("errors on the way of a throw, and of what can't be cloned in them", async () => {
    await assertLinear("errors that are thrown", (n) =>
      pool.run((n: number) => {
        throw new AggregateError(
          Array.from({ length: n }, () => Object.assign(new Error("x"), { f: () => 1 })),
        );
      }, n).catch((error: Error) => void error.stack), 200);
  });

  test("instances of registered classes", async () => {
    class Point {
      x = 1;
    }
    await using pool = new DeferredPool({ maxThreads: 1, classes: [Point] });
    await assertLinear(
      "instances",
      (n) => pool.run((all: Point[]) => all, range(n, () => new Point())),
      200,
    );
  });

  test("buffers that are returned, and transferred in", async () => {
    await assertLinear(
      "returned",
      (n) => pool.run((n: number) => Array.from({ length: n }, () => new ArrayBuffer(8)), n),
      200,
    );
    await assertLinear("transferred in", (n) => {
      const buffers = range(n, () => new ArrayBuffer(8));
      return pool.defer((all: ArrayBuffer[]) => all.length, { args: [buffers], transfer: buffers });
    }, 200);
    await assertLinear("refused for the last of them", async (n) => {
      const last = new WebAssembly.Memory({ initial: 1 }).buffer as ArrayBuffer;
      const transfer = [...range(n, () => new ArrayBuffer(8)), last];
      await assert.rejects(pool.defer(() => 1, { transfer }), { name: "DataCloneError" });
      assert.ok(transfer.every((buffer) => !buffer.detached));
    }, 200);
  });

  test("bytes and parts of what a pool shares", async () => {
    await assertLinear("a shared value", async (n) => {
      await using pool = new DeferredPool({ maxThreads: 1 });
      await pool.run(
        (all: unknown) => all !== null,
        pool.share(range(n, (i) => ({ [`k${i % 9}`]: i }))),
      );
    }, 2000);
    await using pool = new DeferredPool({ maxThreads: 1 });
    const table = pool.share({ big: range(200_000, (i) => i) });
    await assertLinear(
      "uses of a shared value",
      (n) => pool.run((all: unknown[]) => all.length, range(n, () => table)),
      200,
    );
  });
});
