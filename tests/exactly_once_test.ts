/**
 * Every task settles, and once, whatever fails beside it: its signal's methods, the host's own
 * functions in the middle of telling what it ended with, the library's in the middle of freeing.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Deferred, DeferredPool } from "../mod.ts";
import { loadNative } from "../ffi/load.ts";
import { InternalError } from "../src/errors.ts";
import { outputOf } from "./support/process.ts";

/** A signal of another kind than AbortSignal, with methods of a test's own. */
function signalWith(own: Partial<Record<keyof AbortSignal, unknown>>): AbortSignal {
  const target = new EventTarget();
  return {
    aborted: false,
    reason: undefined,
    addEventListener: target.addEventListener.bind(target),
    removeEventListener: target.removeEventListener.bind(target),
    dispatchEvent: target.dispatchEvent.bind(target),
    ...own,
  } as AbortSignal;
}

const throwIt = (): never => {
  throw new Error("mine");
};

describe("a signal", () => {
  test("whose removeEventListener throws keeps no task from settling", async () => {
    const { signal } = new AbortController();
    signal.removeEventListener = throwIt;
    assert.equal(await new Deferred(() => 1, { signal }), 1);
    await assert.rejects(
      new Deferred(() => Promise.reject(new RangeError("no")), { signal }),
      RangeError,
    );
  });

  test("whose addEventListener throws rejects, and the task is ended", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    const signal = signalWith({ addEventListener: throwIt });
    const endless = (): void => {
      for (;;);
    };
    await assert.rejects(() => pool.defer(endless, { signal }), /^Error: mine$/);
    assert.equal(await pool.run(() => 2), 2);
  });

  test("whose `aborted` throws once the task runs rejects, and the task is ended", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    let reads = 0;
    const signal = signalWith({});
    Object.defineProperty(signal, "aborted", { get: () => ++reads > 2 && throwIt() });
    const endless = (): void => {
      for (;;);
    };
    await assert.rejects(() => pool.defer(endless, { signal }), /^Error: mine$/);
    assert.equal(reads, 3);
    assert.equal(await pool.run(() => 2), 2);
  });

  test("that was aborted rejects where there is no library, too", async () => {
    const said = await outputOf(
      `import process from "node:process";
process.env.DEFERRED_LIBRARY = "/nowhere/libdeferred.so";
const { Deferred } = await import(${JSON.stringify(new URL("../mod.ts", import.meta.url).href)});
const task = new Deferred(() => 1, { signal: AbortSignal.abort("gone") });
console.log(await task.catch((reason) => reason));`,
      { bare: true },
    );
    assert.equal(said.trim(), "gone");
  });

  test("of another realm or a polyfill cancels as any other", async () => {
    const signal = signalWith({});
    const endless = new Deferred(() => {
      for (;;);
    }, { signal });
    Object.assign(signal, { aborted: true, reason: "enough" });
    signal.dispatchEvent(new Event("abort"));
    assert.equal(await endless.catch((reason) => reason), "enough");
  });

  test("that aborts while it takes the listener cancels all the same", async () => {
    const signal = signalWith({
      addEventListener: (_: string, listener: () => void) => {
        Object.defineProperty(signal, "aborted", { value: true });
        Object.defineProperty(signal, "reason", { value: "at once" });
        listener();
      },
    });
    const endless = (): void => {
      for (;;);
    };
    assert.equal(await new Deferred(endless, { signal }).catch((reason) => reason), "at once");
    assert.equal(await new Deferred(endless, { signal }).catch((reason) => reason), "at once");
  });

  test("whose reason throws cancels all of its tasks, with what it threw", async () => {
    const signal = signalWith({});
    await using pool = new DeferredPool({ maxThreads: 1 });
    const all = [1, 2, 3].map(() =>
      pool.defer(() => {
        for (;;);
      }, { signal })
    );
    Object.defineProperty(signal, "reason", { get: throwIt });
    signal.dispatchEvent(new Event("abort"));
    for (const outcome of await Promise.allSettled(all)) {
      assert.equal(String((outcome as PromiseRejectedResult).reason), "Error: mine");
    }
  });

  test("without a reason cancels with an AbortError", async () => {
    const signal = signalWith({ aborted: true });
    await assert.rejects(new Deferred(() => 1, { signal }), { name: "AbortError" });
  });

  test("that is none is refused", () => {
    for (const signal of [{}, { aborted: false }, { aborted: 1, addEventListener() {} }, 5, null]) {
      const options = { signal } as unknown as { signal: AbortSignal };
      assert.throws(() => new Deferred(() => 1, options), /signal must be an AbortSignal/);
    }
  });

  test("has one listener for all of its tasks, and none when they have ended", async () => {
    const { signal } = new AbortController();
    let added = 0;
    let removed = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: unknown[]) => {
      added++;
      addEventListener.apply(signal, args as never);
    };
    signal.removeEventListener = (...args: unknown[]) => {
      removed++;
      removeEventListener.apply(signal, args as never);
    };
    await using pool = new DeferredPool({ maxThreads: 2 });
    const all = Array.from({ length: 2000 }, () => pool.defer(() => 1, { signal }));
    assert.deepEqual([added, removed], [1, 0]);
    assert.equal((await Promise.all(all)).length, 2000);
    assert.deepEqual([added, removed], [1, 1]);
    await pool.defer(() => 1, { signal });
    assert.deepEqual([added, removed], [2, 2]);
  });

  test("cancels thousands at once, each with its reason, and those that have ended not", async () => {
    const controller = new AbortController();
    await using pool = new DeferredPool({ maxThreads: 1 });
    const { signal } = controller;
    assert.equal(await pool.defer(() => 1, { signal }), 1);
    const all = Array.from({ length: 2000 }, () =>
      pool.defer(() => {
        for (;;);
      }, { signal }));
    const reason = new Error("shut down");
    controller.abort(reason);
    for (const outcome of await Promise.allSettled(all)) {
      assert.ok(outcome.status === "rejected" && outcome.reason === reason);
    }
  });

  test("warns of no leak, however many tasks it cancels", async () => {
    const warnings = await outputOf(`
      let warnings = 0;
      process.on("warning", ({ name }) => warnings += name === "MaxListenersExceededWarning");
      const { signal } = new AbortController();
      await Promise.all(Array.from({ length: 100 }, () => new Deferred(() => 1, { signal })));
      await new Promise((resolve) => setTimeout(resolve, 10));
      console.log(warnings);`);
    assert.equal(warnings, "0");
  });
});

/** Counts how often a promise settles, as far as that shows: its outcome, once. */
const settled = (made: Promise<unknown>): Promise<PromiseSettledResult<unknown>> =>
  Promise.allSettled([made]).then(([outcome]) => outcome!);

/** Tasks of every end, with payloads in the ring, outside it, moved, and with errors. */
const ends = (pool: DeferredPool): Promise<unknown>[] => [
  pool.run(() => 1),
  pool.run(() => ({ list: [1, { a: 2 }], map: new Map([[1, "x"]]) })),
  pool.run(() => "x".repeat(100_000)),
  pool.run(() => new Uint8Array(200_000)),
  pool.run(() => new Uint8Array(5_000_000)),
  pool.run(() => [new TypeError("returned", { cause: new Error("c") })]),
  pool.run(() => {
    throw new RangeError("thrown");
  }),
  pool.run(() => Symbol("x")),
  pool.defer(() => {
    for (;;);
  }, { timeout: 5 }),
];

describe("a function of the host's that throws at the n-th call", () => {
  const targets: [string, object, string][] = [
    ["Object.getOwnPropertyDescriptor", Object, "getOwnPropertyDescriptor"],
    ["Map.prototype.get", Map.prototype, "get"],
    ["Map.prototype.delete", Map.prototype, "delete"],
    ["Set.prototype.add", Set.prototype, "add"],
  ];
  test("Reflect.set: errors keep their frames", async () => {
    const property = Object.getOwnPropertyDescriptor(Reflect, "set")!;
    const { stackTraceLimit } = Error;
    const pool = new DeferredPool({ maxThreads: 1 });
    const tasks = ends(pool).map(settled);
    Object.defineProperty(Reflect, "set", {
      ...property,
      value: (target: object, key: string, value: unknown) => {
        if (value !== 0) throw new EvalError("injected");
        return property.value(target, key, value);
      },
    });
    let outcomes;
    try {
      outcomes = await Promise.all(tasks);
    } finally {
      Reflect.defineProperty(Reflect, "set", property);
    }
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = stackTraceLimit;
    assert.equal(outcomes.length, tasks.length);
    assert.equal(limit, stackTraceLimit);
    await pool.close();
  });
  for (const [title, object, name] of targets) {
    test(`${title}: every task settles all the same`, async () => {
      const property = Object.getOwnPropertyDescriptor(object, name)!;
      const own = property.value as (...args: unknown[]) => unknown;
      let reached = 0;
      for (let n = 1; n <= 12; n++) {
        const pool = new DeferredPool({ maxThreads: 1 });
        await pool.run(() => 0);
        const tasks = ends(pool).map(settled);
        let calls = 0;
        Object.defineProperty(object, name, {
          ...property,
          value(this: unknown, ...args: unknown[]) {
            if (++calls === n) {
              reached++;
              throw new EvalError("injected");
            }
            return own.apply(this, args);
          },
        });
        let outcomes;
        try {
          outcomes = await Promise.all(tasks);
        } finally {
          Reflect.defineProperty(object, name, property);
        }
        assert.equal(outcomes.length, tasks.length);
        assert.equal(pool.pending, 0);
        assert.equal(await pool.run(() => 3), 3);
        await pool.close();
      }
      assert.ok(reached > 0, "it is called at all");
    });
  }

  test("dfd_release: the task rejects with an InternalError and its cause", async () => {
    const { symbols } = loadNative() as unknown as { symbols: Record<string, unknown> };
    const own = symbols.dfd_release;
    const pool = new DeferredPool({ maxThreads: 1 });
    const task = pool.run(() => "x".repeat(100_000));
    const small = pool.run(() => 2);
    symbols.dfd_release = throwIt;
    try {
      const error = await task.catch((error) => error);
      assert.ok(error instanceof InternalError, String(error));
      assert.match(String(error.cause), /mine/);
      assert.equal(await small, 2);
    } finally {
      symbols.dfd_release = own;
    }
    await pool.close();
  });
});

test("what a task ended with can't be told: an InternalError says why, and nothing hangs", async () => {
  const { getOwnPropertyDescriptor } = Object;
  const task = Deferred.run(() => {
    throw new Error("x", { cause: new Error("y") });
  });
  Object.getOwnPropertyDescriptor = throwIt as never;
  try {
    const error = await task.catch((error) => error);
    assert.ok(error instanceof InternalError, String(error));
    assert.match(String(error.cause), /mine/);
  } finally {
    Object.getOwnPropertyDescriptor = getOwnPropertyDescriptor;
  }
});
