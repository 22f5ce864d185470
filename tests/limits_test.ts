/**
 * Limits and cancelling: what a task may use, and how it ends when it uses more.
 *
 * Whatever ends a task, the next one on its thread (each pool here has one) is as any other.
 */
import assert from "node:assert/strict";
import { after, describe, mock, test } from "node:test";
import {
  Deferred,
  DeferredLimitError,
  DeferredMemoryError,
  DeferredPool,
  DeferredStackError,
  type Limits,
  PoolClosedError,
} from "../mod.ts";
import { STATUS } from "../ffi/symbols.ts";
import { rejection } from "../src/pool/outcome.ts";
import { runtime } from "./support/process.ts";
import { reasonOf } from "./support/reason.ts";
import { startEndless } from "./support/tasks.ts";

const pool = new DeferredPool({ maxThreads: 1 });
after(() => pool.close());

const endless = (): void => {
  for (;;);
};

async function nextIsFine(): Promise<void> {
  assert.equal(await pool.run((n: number) => n * 2, 21), 42);
}

function isDOMException(error: unknown, name: string, ...parts: string[]): void {
  assert.ok(error instanceof DOMException, String(error));
  assert.equal(error.name, name);
  for (const part of parts) assert.ok(error.message.includes(part), `${part} in ${error.message}`);
}

/** What never asks whether to stop: loops that swallow it, and builtins. */
const UNSTOPPABLE: Record<string, () => unknown> = {
  "a loop": () => {
    for (;;);
  },
  "a loop that catches": () => {
    for (;;) {
      try {
        for (;;);
      } catch { /* again */ }
    }
  },
  "a loop in a Promise's executor": () => {
    for (;;) {
      try {
        new Promise(() => {
          for (;;);
        });
      } catch { /* again */ }
    }
  },
  "microtasks without end": async () => {
    for (;;) await null;
  },
  "a sort that never decides": () =>
    [3, 2, 1].sort(() => {
      for (;;);
    }),
  "a getter of the result": () => ({
    get x() {
      for (;;);
    },
  }),
  "a catastrophic RegExp": () => /^(a+)+$/.test(`${"a".repeat(40)}b`),
  "RegExps being compiled": () => {
    for (;;) new RegExp("[ab]?".repeat(2000));
  },
  "fill": () => [].fill.call({ length: 2 ** 53 - 1 } as unknown as never[], 0 as never),
  "join": () => [].join.call({ length: 2 ** 32 } as unknown as never[]),
  "includes": () => [].includes.call({ length: 2 ** 53 - 1 } as unknown as never[], 1 as never),
  "JSON.stringify": () => JSON.stringify(Array(2 ** 25).fill({})),
  "JSON.parse": () => {
    for (;;) JSON.parse(`[${"1.5,".repeat(10_000)}0]`);
  },
  "dates": () => {
    for (;;) new Date(2020, 1, 1).toString();
  },
  "encodeURIComponent": () => {
    for (;;) encodeURIComponent("é".repeat(2 ** 20));
  },
  "a BigInt of many digits": () => {
    for (;;) String(3n ** 200_000n);
  },
  "a typed array": () => {
    for (;;) new Uint8Array(2 ** 22).fill(1).sort();
  },
  "eval": () => (0, eval)("for (;;);"),
  "iterators on iterators": () => {
    function* forever(): Generator<number> {
      for (;;) yield 1;
    }
    return [...forever().filter(() => false)];
  },
};

describe("a timeout ends", () => {
  for (const [name, fn] of Object.entries(UNSTOPPABLE)) {
    test(name, async () => {
      const error = await reasonOf(pool.defer(fn, { timeout: 30, name: "greedy" }));
      isDOMException(error, "TimeoutError", "30 ms", "`greedy`");
      await nextIsFine();
    });
  }

  test("nothing else: a task that is quick, or whose limit lies far away", async () => {
    for (const far of [1e6, 1e9, 1e15, Number.MAX_VALUE, Infinity]) {
      const options = { timeout: far, cpuLimit: far, queueTimeout: far };
      assert.equal(await pool.defer(() => 1, options), 1);
      assert.equal(await pool.defer(async () => await 2, options), 2);
    }
  });

  test("no task for what the one before it left to clean up", async () => {
    const large = pool.run(() => new Uint8Array(200 * 2 ** 20).fill(1).length);
    const quick = pool.defer(() => 1, { timeout: 1000 });
    assert.deepEqual(await Promise.all([large, quick]), [200 * 2 ** 20, 1]);
  });
});

test("cpuLimit ends a task by the time its thread worked", {
  skip: process.platform !== "linux", // elsewhere a thread's clock can't be read by another
}, async () => {
  const error = await reasonOf(pool.defer(endless, { cpuLimit: 30 }));
  isDOMException(error, "TimeoutError", "cpuLimit", "30 ms");
  await nextIsFine();
});

test("queueTimeout ends a task that waits, not the one that runs", async () => {
  let running = await startEndless(pool, { queueTimeout: 20 });
  while (!running.runs) running = await startEndless(pool, { queueTimeout: 20 });
  const waiting = pool.defer(() => 1, { queueTimeout: 20 });
  isDOMException(await reasonOf(waiting), "TimeoutError", "queueTimeout", "20 ms");
  assert.equal(waiting.stats, undefined);
  running.task.cancel("enough");
  assert.equal(await reasonOf(running.task), "enough");
  await nextIsFine();
});

describe("memoryLimit ends", () => {
  const BOMBS: Record<string, () => unknown> = {
    "arrays": () => {
      const all: unknown[] = [];
      for (;;) all.push([all.length]);
    },
    "a string": () => {
      let text = "x";
      for (;;) text += text;
    },
    "a Map": () => {
      const map = new Map<number, object>();
      for (let i = 0;; i++) map.set(i, {});
    },
    "an ArrayBuffer": () => [new ArrayBuffer(2 ** 20), new ArrayBuffer(2 ** 30)],
    "property names": () => {
      const all: Record<string, number> = {};
      for (let i = 0;; i++) all[`name ${i}`] = i;
    },
    "closures": () => {
      let last: unknown;
      for (;;) last = ((inner: unknown) => () => inner)(last);
    },
    "a result that is small inside and large outside": () =>
      Array(300).fill("x".repeat(2 ** 20)) as string[],
  };
  for (const [name, fn] of Object.entries(BOMBS)) {
    test(name, async () => {
      const error = await reasonOf(
        pool.defer(fn, { memoryLimit: 8 * 2 ** 20, name: "bomb" }),
      );
      if (error instanceof RangeError || (error as Error).name === "InternalError") {
        assert.notEqual(name, "arrays"); // the engine's own limits: "invalid array buffer length"
      } else {
        assert.ok(error instanceof DeferredMemoryError, String(error));
        assert.equal(error.code, "ERR_DEFERRED_MEMORY");
        assert.match(error.message, /`bomb`.*8 MiB/);
      }
      await nextIsFine();
    });
  }
});

/** Nothing but cycles, which only a collection finds, beside `kept` bytes that stay in use. */
const garbage = (kept: number, rounds: number): number => {
  const held = new Uint8Array(kept + 1).fill(1);
  let made = 0;
  for (let i = 0; i < rounds; i++) {
    const cycle: { self?: unknown; bytes: Uint8Array } = { bytes: new Uint8Array(4096) };
    cycle.self = cycle;
    made += cycle.bytes.length;
  }
  return made + held[0]! - 1;
};

describe("memoryLimit does not end what only makes garbage:", () => {
  const MIB = 2 ** 20;
  for (const limit of [1, 8, 64]) {
    for (const share of [0, 0.5, 0.7, 0.8]) {
      test(`in ${limit} MiB, ${share * 100} % of it in use`, async () => {
        const rounds = limit * 1024;
        const args: [number, number] = [limit * MIB * share, rounds];
        const made = await pool.defer(garbage, { args, memoryLimit: limit * MIB });
        assert.equal(made, rounds * 4096);
      });
    }
  }

  test("in the pool's own limit", async () => {
    const small = new DeferredPool({ maxThreads: 1, memoryLimit: 2 * MIB });
    for (const share of [0.7, 0, 0.8]) {
      assert.equal(await small.run(garbage, 2 * MIB * share, 2000), 2000 * 4096);
    }
    await small.close();
  });
});

test("too deep a recursion is an error that the task may catch", async () => {
  const caught = await pool.run(() => {
    let depth = 0;
    const deeper = (): void => {
      depth++;
      deeper();
    };
    try {
      deeper();
    } catch (error) {
      return [(error as Error).name, depth > 1000];
    }
    return [];
  });
  assert.deepEqual(caught, ["RangeError", true]);
  const chained = pool.run(() => {
    let all: IteratorObject<number> = [1].values();
    for (let i = 0; i < 100_000; i++) all = all.map((x) => x);
    return all.next().value;
  });
  assert.ok(await reasonOf(chained) instanceof RangeError);
  await nextIsFine();
});

describe("cancelling", () => {
  test("ends a running task at once, with the reason", async () => {
    const reason = { why: "not needed" };
    const { task } = await startEndless(pool);
    task.cancel(reason);
    assert.equal(await reasonOf(task), reason);
    await nextIsFine();
  });

  test("gives an AbortError when there is no reason", async () => {
    const tasks = [pool.run(endless), pool.defer(endless, { name: "given" }), pool.run(() => 1)];
    for (const [i, name] of ["`endless`", "`given`", "the task was"].entries()) {
      tasks[i]!.cancel();
      isDOMException(await reasonOf(tasks[i]!), "AbortError", name);
    }
    await nextIsFine();
  });

  test("takes any reason but `undefined`, which is none, and the first of many", async () => {
    const reasons = [null, 0, "", false, Symbol("why"), () => 1, { then: 1 }];
    for (const reason of reasons) {
      const [task, early, late] = [undefined, AbortSignal.abort(reason), undefined].map((signal) =>
        pool.defer(endless, signal && { signal })
      );
      task!.cancel(reason);
      task!.cancel("again");
      const controller = new AbortController();
      const signalled = pool.defer(endless, { signal: controller.signal });
      controller.abort(reason);
      controller.abort("again");
      late!.cancel(undefined);
      for (const one of [task!, early!, signalled]) assert.equal(await reasonOf(one), reason);
      isDOMException(await reasonOf(late!), "AbortError");
    }
    await nextIsFine();
  });

  test("ends one queued task and no other", async () => {
    const running = pool.run(endless);
    const queued = [1, 2, 3].map((n) => pool.run((x: number) => x, n));
    queued[1]!.cancel("out");
    assert.equal(await reasonOf(queued[1]!), "out");
    running.cancel("enough");
    assert.equal(await reasonOf(running), "enough");
    assert.deepEqual(await Promise.all([queued[0], queued[2]]), [1, 3]);
  });

  test("does nothing to a task that has ended", async () => {
    const task = pool.run(() => 7);
    assert.equal(await task, 7);
    task.cancel("late");
    assert.equal(await task, 7);
    await nextIsFine();
  });

  test("by a signal: before, while queued, while running", async () => {
    const early = pool.defer(() => 1, { signal: AbortSignal.abort("early") });
    assert.equal(await reasonOf(early), "early");
    assert.equal(early.stats, undefined);
    const controller = new AbortController();
    const { signal } = controller;
    const { task } = await startEndless(pool, { signal });
    const reasons = [task, pool.defer(() => 1, { signal })].map(reasonOf);
    controller.abort("now");
    assert.deepEqual(await Promise.all(reasons), ["now", "now"]);
    await nextIsFine();
  });

  test("a thousand tasks by one signal", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const tasks = Array.from({ length: 1000 }, () => reasonOf(pool.defer(endless, { signal })));
    controller.abort("all");
    assert.deepEqual(new Set(await Promise.all(tasks)), new Set(["all"]));
    await nextIsFine();
  });
});

test("a limit that makes no sense is refused at once", async () => {
  const wrong: Limits[] = [
    { timeout: 0 },
    { timeout: -1 },
    { timeout: NaN },
    { timeout: -Infinity },
    { cpuLimit: -1 },
    { cpuLimit: NaN },
    { queueTimeout: 0 },
    { memoryLimit: 1000 },
    { memoryLimit: 2 ** 40 },
    { memoryLimit: Infinity },
    { memoryLimit: NaN },
    { memoryLimit: -(2 ** 20) },
    { memoryLimit: 2 ** 20 + 0.5 },
    { maxStackSize: 10 },
    { maxStackSize: 8 * 2 ** 20 }, // more than the pool's threads have
  ];
  for (const options of wrong) {
    const name = Object.keys(options)[0]!;
    const refused = { name: "RangeError", message: new RegExp(name) };
    assert.throws(() => pool.defer(() => 1, options), refused);
    if (options.maxStackSize !== 8 * 2 ** 20) {
      assert.throws(() => new DeferredPool(options as object), refused);
    }
  }
  assert.throws(() => pool.defer(() => 1, { signal: {} as AbortSignal }), TypeError);
  await nextIsFine();
});

test("a pool's limits hold for its tasks, unless a task has its own", async () => {
  await using strict = new DeferredPool({ maxThreads: 1, timeout: 30 });
  isDOMException(await reasonOf(strict.run(endless)), "TimeoutError", "30 ms");
  isDOMException(await reasonOf(strict.defer(endless, { timeout: 60 })), "TimeoutError", "60 ms");
  const wait = (ms: number): number => {
    const end = Date.now() + ms;
    while (Date.now() < end);
    return ms;
  };
  assert.equal(await strict.defer(wait, { args: [60], timeout: Infinity }), 60);
});

test("destroy() ends tasks that never would", async () => {
  const doomed = new DeferredPool({ maxThreads: 2 });
  const running = [(await startEndless(doomed)).task, (await startEndless(doomed)).task];
  const reasons = [...running, doomed.run(() => 1)].map(reasonOf);
  doomed.destroy();
  for (const reason of await Promise.all(reasons)) assert.ok(reason instanceof PoolClosedError);
});

test("the host's own faults stay the host's, beside tasks that are killed", async () => {
  // (module (memory 1) (func (export "load") (param i32) (result i32) local.get 0 i32.load))
  const module = new WebAssembly.Module(
    Uint8Array.fromHex(
      "0061736d01000000010601" + "60017f017f" + "03020100" + "0503010001" +
        "0708" + "01046c6f61640000" + "0a09" + "0107002000" + "2802000b",
    ),
  );
  const { load } = new WebAssembly.Instance(module).exports as { load(at: number): number };
  for (let round = 0; round < 20; round++) {
    const doomed = reasonOf(pool.defer(endless, { timeout: 5 }));
    for (let i = 0; i < 5000; i++) assert.equal(load(i * 4), 0); // until it is compiled, too
    // Beyond its memory is a guard page, whose fault V8 and JavaScriptCore make a trap.
    for (const at of [65_536, 2 ** 20, -4]) {
      assert.throws(() => load(at), WebAssembly.RuntimeError);
    }
    isDOMException(await doomed, "TimeoutError");
  }
  await nextIsFine();
});

test("an overflow of the native stack says whose it was, and how large", async () => {
  // No task is known that can do it: the engine's own check comes first. (kill_test.c does.)
  const completion = {
    payload: undefined,
    errors: [],
    worker: 1,
    runTime: 1,
    waitTime: 1,
    compiled: false,
  };
  const stack = (name: string, limits: Limits): string => {
    const subject = { name, fn: endless, language: 0, given: 0, offers: [], site: {}, limits };
    const error = rejection({ ...completion, status: STATUS.STACK }, subject);
    assert.ok(error instanceof DeferredStackError);
    assert.equal(error.code, "ERR_DEFERRED_STACK");
    return error.message;
  };
  assert.equal(stack("deep", {}), "the task `deep` overflowed its native stack of 4 MiB");
  assert.match(stack("", { maxStackSize: 65_536 }), /^the task overflowed .* of 64 KiB$/);
  assert.match(stack("", { maxStackSize: 65_537 }), / of 65537 bytes$/);
  await nextIsFine();
});

test("false timers of a test do not stop tasks", {
  skip: runtime !== "node", // which alone has them
}, async () => {
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "setImmediate"] });
  try {
    assert.equal(await Deferred.run((n: number) => n + 1, 1), 2);
  } finally {
    mock.timers.reset();
  }
});

test("hardening tells what is in force", () => {
  assert.equal(new DeferredPool().hardening, undefined);
  assert.equal(pool.hardening?.signal, true);
  if (process.platform === "linux") {
    const { jit, ...rest } = pool.hardening;
    assert.equal(typeof jit, "boolean"); // jit_test.ts says when it is true
    assert.deepEqual(rest, { signal: true, syscalls: true });
  }
});

describe("resultLimit", () => {
  const over = async (promise: Promise<unknown>): Promise<void> => {
    const error = await reasonOf(promise);
    assert.ok(error instanceof DeferredLimitError, String(error));
    assert.equal(error.code, "ERR_DEFERRED_LIMIT");
    assert.equal(error.limit, "resultLimit");
    assert.match(
      error.message,
      /^the task.* returned or threw more than its resultLimit of \d+ bytes$/,
    );
    await nextIsFine();
  };
  const text = (n: number): string => "x".repeat(n);

  test("bounds what a task returns, throws and rejects with", async () => {
    assert.equal(await pool.defer(text, { args: [900], resultLimit: 1000 }), text(900));
    await over(pool.defer(text, { args: [1001], resultLimit: 1000 }));
    await over(pool.defer(text, { args: [10_000_000], resultLimit: 1000 }));
    await over(pool.eval("throw new Error('x'.repeat(1000))", { resultLimit: 1000 }));
    await over(
      pool.eval("await null; return Promise.reject('x'.repeat(1000))", { resultLimit: 1000 }),
    );
    await over(
      pool.eval("setTimeout(() => {}, 1); new Array(1000).fill({ a: 1 })", { resultLimit: 900 }),
    );
    assert.equal(await pool.eval("1", { resultLimit: 1 }), 1);
    await over(pool.eval("'ab'", { resultLimit: 1 }));
  });

  test("counts buffers that are moved out, and not those that are given back", async () => {
    const bytes = (n: number): Uint8Array => new Uint8Array(n);
    const large = 2 ** 20;
    await over(pool.defer(bytes, { args: [large], resultLimit: large }));
    const whole = await pool.defer(bytes, { args: [large], resultLimit: large + 100 });
    assert.equal(whole.length, large);
    await over(pool.defer((n) => [new Uint8Array(n), new Uint8Array(n)], {
      args: [large],
      resultLimit: large + 100,
    }));
  });

  test("counts them where it is no less than memoryLimit, which each half may take", async () => {
    const both = (): unknown[] => {
      const moved = new Uint8Array(20 * 2 ** 20), text = "x".repeat(2 ** 20);
      return [moved, ...new Array(20).fill(text)];
    };
    const memoryLimit = 32 * 2 ** 20;
    assert.equal((await pool.defer(both, { memoryLimit })).length, 21);
    await over(pool.defer(both, { memoryLimit, resultLimit: memoryLimit }));
  });

  test("after a large result on the same thread, what can't be cloned, and of a pool", async () => {
    assert.equal((await pool.run(text, 60_000)).length, 60_000);
    await over(pool.defer(text, { args: [50_000], resultLimit: 1000 }));
    const error = await reasonOf(pool.eval("({ f() {} })", { resultLimit: 1000 }));
    assert.equal((error as Error).name, "DataCloneError");
    await over(pool.eval("({ ['k'.repeat(900)]: () => {} })", { resultLimit: 50 }));
    await using own = new DeferredPool({ maxThreads: 1, resultLimit: 100 });
    await over(own.run(text, 101));
    assert.equal(await own.defer(text, { args: [101], resultLimit: 200 }), text(101));
    const host = { give: (value: unknown) => value };
    const passed = "(await give('x'.repeat(1000))).length"; // a call is no result
    assert.equal(await own.eval(passed, { host }), 1000);
  });

  test("that makes no sense is refused", () => {
    assert.throws(
      () => void pool.eval("1", { resultLimit: 0 }),
      /^RangeError: .*{ resultLimit }\)/,
    );
    assert.throws(() => new DeferredPool({ resultLimit: 1.5 }), RangeError);
    assert.throws(() => void pool.eval("1", { resultLimit: "1" as never }), TypeError);
  });
});
