/**
 * What a program gives in its options, and how many tasks it has: all of it costs in proportion.
 *
 * But for `transfer`: structuredClone, which detaches all of a list or nothing, searches the list for
 * each of its buffers on V8.
 */
import { describe, test } from "node:test";
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
