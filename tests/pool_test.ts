/**
 * Pools: how many threads there are and when, closing and destroying, several at once, and what
 * they say about bad options.
 */
import assert from "node:assert/strict";
import process from "node:process";
import { describe, test } from "node:test";
import { Deferred, DeferredError, DeferredPool, PoolClosedError } from "../mod.ts";
import { outputOf, runProgram } from "./support/process.ts";
import { Gate, held, meet, shared } from "./support/tasks.ts";
import { pause, until } from "./support/wait.ts";

/** A task that takes `ms` milliseconds. */
const busy = (ms: number): void => {
  const end = performance.now() + ms;
  while (performance.now() < end);
};

const endless = (): void => {
  for (;;);
};

function isClosedError(error: unknown): boolean {
  assert.ok(error instanceof PoolClosedError, String(error));
  assert.ok(error instanceof DeferredError);
  assert.equal(error.code, "ERR_DEFERRED_POOL_CLOSED");
  assert.equal(error.name, "PoolClosedError");
  return true;
}

describe("the threads of a pool", () => {
  test("start one at a time, when a task finds none that is free", async () => {
    // Between tasks a thread restores its realm, which a busy machine may let it do late.
    let threads = Infinity;
    for (let attempt = 1; threads > 1 && attempt < 30; attempt++) {
      await using pool = new DeferredPool({ maxThreads: 3 });
      assert.equal(pool.threads, 0);
      for (let i = 0; i < 10; i++) {
        await pool.run(() => 1);
        await pause(attempt);
      }
      threads = pool.threads;
    }
    assert.equal(threads, 1, "one task at a time needs one thread");
    await using pool = new DeferredPool({ maxThreads: 3 });
    assert.equal(pool.maxThreads, 3);
    for (const threads of [2, 3]) {
      const here = shared();
      await Promise.all(Array.from({ length: threads }, () => pool.run(meet, here, threads)));
      assert.equal(pool.threads, threads);
    }
    await Promise.all(Array.from({ length: 20 }, () => pool.run(busy, 2)));
    assert.equal(pool.threads, 3);
  });

  test("are never more than maxThreads", async () => {
    await using pool = new DeferredPool({ maxThreads: 2 });
    const tasks = Array.from({ length: 200 }, () => pool.run(() => 1));
    await Promise.all(tasks);
    const workers = new Set(tasks.map((task) => task.stats!.worker));
    assert.ok([...workers].every((worker) => worker === 1 || worker === 2), [...workers].join());
    assert.ok(pool.threads <= 2);
  });

  test("run side by side; one thread runs one task after the other, in order", async () => {
    await using two = new DeferredPool({ maxThreads: 2 });
    const here = shared();
    await Promise.all([two.run(meet, here, 2), two.run(meet, here, 2)]);

    await using one = new DeferredPool({ maxThreads: 1 });
    const turn = shared();
    const turns = await Promise.all(Array.from({ length: 10 }, () =>
      one.run((turn: Int32Array) => {
        const began = Atomics.add(turn, 0, 1);
        const end = performance.now() + 2;
        while (performance.now() < end);
        return [began, Atomics.add(turn, 0, 1)];
      }, turn)));
    assert.deepEqual(turns.flat(), Array.from({ length: 20 }, (_, i) => i));
  });

  test("are as many as there are processors by default", async () => {
    const threads = process.env["DEFERRED_THREADS"];
    await using pool = new DeferredPool();
    assert.equal(pool.maxThreads, threads ? Number(threads) : navigator.hardwareConcurrency);
  });

  test("are as many as DEFERRED_THREADS says", async () => {
    const program = `
      const meet = ${meet};
      const { maxThreads } = new DeferredPool();
      const here = new Int32Array(new SharedArrayBuffer(4));
      const tasks = Array.from({ length: maxThreads }, () => Deferred.run(meet, here, maxThreads));
      await Promise.all(tasks);
      const workers = new Set(tasks.map((task) => task.stats.worker));
      console.log(maxThreads, [...workers].sort().join());`;
    assert.equal(await outputOf(program, { env: { DEFERRED_THREADS: "1" } }), "1 1");
    assert.equal(await outputOf(program, { env: { DEFERRED_THREADS: "3" } }), "3 1,2,3");
    assert.match(await outputOf(program, { env: { DEFERRED_THREADS: "" } }), /^[1-9]\d* /);
    assert.equal(
      await outputOf("console.log(new DeferredPool({ maxThreads: 2 }).maxThreads)", {
        env: { DEFERRED_THREADS: "5" },
      }),
      "2",
    );
  });

  test("DEFERRED_THREADS that makes no sense is an error that shows it", async () => {
    for (const value of ["0", "-1", "1.5", "many", "1e9"]) {
      const program =
        `try { new Deferred(() => 1); } catch (e) { console.log(e.name, e.message); }`;
      const said = await outputOf(program, { env: { DEFERRED_THREADS: value } });
      assert.match(said, /^RangeError DEFERRED_THREADS must be a whole number from 1 to 1024/);
      assert.ok(said.endsWith(`, got the text "${value}"`), said);
    }
  });
});

describe("counters", () => {
  test("tell what is queued and what is pending", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    assert.deepEqual([pool.pending, pool.queueSize, pool.closed], [0, 0, false]);
    const gate = new Gate();
    const first = pool.run(held, gate.memory);
    const since = performance.now();
    const rest = [1, 2, 3, 4].map(() => pool.run(busy, 20));
    const submitting = performance.now() - since;
    assert.equal(pool.pending, 5);
    assert.ok(pool.queueSize === 5 || pool.queueSize === 4, `queueSize ${pool.queueSize}`);
    await until(() => pool.queueSize === 4, "four wait");
    gate.open();
    await first;
    assert.ok(pool.pending <= 4 && pool.queueSize <= 4);
    await Promise.all(rest);
    assert.deepEqual([pool.pending, pool.queueSize], [0, 0]);
    const [second, last] = [rest[0]!.stats!.waitTime, rest[3]!.stats!.waitTime];
    assert.ok(last > second + 60 - submitting - 1, `${last} after ${second}: the queue's`);
  });
});

describe("run and defer", () => {
  test("take what new Deferred takes, in this pool", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    const add = (a: number, b: number) => a + b;
    const ran = pool.run(add, 1, 2);
    const deferred = pool.defer(add, { args: [3, 4], name: "sum" });
    const made = new Deferred(add, { args: [5, 6], pool });
    assert.equal(pool.pending, 3);
    for (const each of [ran, deferred, made]) assert.ok(each instanceof Deferred);
    assert.deepEqual([ran.name, deferred.name, made.name], ["add", "sum", "add"]);
    assert.deepEqual(await Promise.all([ran, deferred, made]), [3, 7, 11]);
    assert.equal(await pool.defer(() => 1), 1);
    assert.throws(() => pool.run(5 as never), TypeError);
    assert.throws(() => pool.defer(() => 1, { nmae: "x" } as never), TypeError);
  });

  test("refuse what they would have to ignore, in their own words", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    await using other = new DeferredPool({ maxThreads: 1 });
    const says = (message: RegExp, ...rest: unknown[]): void =>
      assert.throws(() => pool.defer(() => 1, ...(rest as [])), { name: "TypeError", message });
    says(/^pool\.defer\(fn, options\): options must be an object .* got the number 1/, 1, 2);
    says(/^pool\.defer\(fn, options\): options must be an object .* got null/, null);
    says(/^pool\.defer\(fn, options\): options must be an object .* got an array of 1/, [5]);
    says(/^pool\.defer\(fn, options\): nothing can follow the options, got null/, {}, null);
    says(/^pool\.defer\(fn, options\): there is no option `size`/, { size: 1 });
    says(/there is no option `classes`; it is a pool's: new DeferredPool\(\{ classes \}\)$/, {
      classes: [],
    });
    says(/^pool\.defer\(fn, \{ args \}\): args must be an array/, { args: 5 });
    for (const named of [pool, other, []]) {
      says(/^pool\.defer\(fn, \{ pool \}\): it runs in the pool that .*; leave `pool` out$/, {
        pool: named,
      });
    }
    says(/`colour`; the options are args, (?!.*pool).*allowGlobals, scope, modules, base$/, {
      colour: 1,
    });
    const given = { pool } as object;
    assert.throws(() => pool.wrap(() => 1, given), /^TypeError: pool\.wrap\(fn, \{ pool \}\): it/);
    assert.throws(() => pool.eval("1", given), /^TypeError: pool\.eval\(source, \{ pool \}\): it/);
    assert.throws(() => pool.defer(() => 1, { timeout: 0 }), {
      name: "RangeError",
      message: "pool.defer(fn, { timeout }) must be a number of ms above 0, got the number 0",
    });
    assert.throws(() => pool.run(5 as never), /^TypeError: pool\.run\(fn\): fn must be a function/);
    assert.throws(() => Deferred.run(5 as never), /^TypeError: Deferred\.run\(fn\): fn must/);
    assert.equal(pool.pending, 0);
    assert.equal(await pool.defer(() => 1, { pool: undefined } as object), 1);
    assert.equal(await pool.defer(() => 2, undefined), 2);
  });

  test("a getter among the arguments may run tasks itself", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    const inner: Promise<unknown>[] = [];
    const nest = (depth: number): object => ({
      before: "b".repeat(depth),
      get value() {
        if (depth > 0) inner.push(pool.run((o: unknown) => o, nest(depth - 1)));
        return depth;
      },
      after: [depth, "a"],
    });
    const outer = await pool.run((o: unknown) => o, nest(5));
    assert.deepEqual(outer, { before: "bbbbb", value: 5, after: [5, "a"] });
    const results = await Promise.all(inner) as { value: number }[];
    assert.deepEqual(results.map((o) => o.value).sort(), [0, 1, 2, 3, 4]);
    assert.deepEqual(results.find((o) => o.value === 2), {
      before: "bb",
      value: 2,
      after: [2, "a"],
    });
  });

  test("close() takes what functions of the host start for tasks that wait for it", async () => {
    const own = new DeferredPool({ maxThreads: 1 });
    const host = { sub: (n: number): Promise<number> => own.run((n: number) => n * 2, n) };
    const task = own.defer(async (host) => await host.sub(3) + await host.sub(4), { host });
    const closing = own.close();
    await assert.rejects(own.run(() => 1), { name: "PoolClosedError" });
    assert.equal(await task, 14);
    await closing;
    await assert.rejects(own.run(() => 1), { name: "PoolClosedError" });
    const give = async (): Promise<() => Promise<number>> => {
      await using inner = new DeferredPool({ maxThreads: 1 });
      const sub = (n: number): Promise<number> => inner.run((n: number) => n + 1, n);
      const given = inner.defer(async (host) => await host.sub(1), { host: { sub } });
      return () => given;
    };
    assert.equal(await (await give())(), 2);
  });

  test("a getter among the arguments may close the pool, which then refuses the task", async () => {
    for (const how of ["close", "destroy"] as const) {
      const pool = new DeferredPool({ maxThreads: 1 });
      const args = {
        get x() {
          void pool[how]();
          return 1;
        },
      };
      await assert.rejects(() => pool.run((o: unknown) => o, args), isClosedError);
      await pool.close();
      assert.equal(pool.pending, 0);
    }
  });

  test("a handler may run the next task, and that one the next", async () => {
    await using pool = new DeferredPool({ maxThreads: 2 });
    const chain = (n: number): Promise<number> =>
      n === 0 ? Promise.resolve(0) : pool.run((n: number) => n - 1, n).then(chain);
    assert.deepEqual(
      await Promise.all(Array.from({ length: 20 }, () => chain(50))),
      Array(20).fill(0),
    );
  });
});

describe("closing", () => {
  test("waits for what is pending, and takes nothing new", async () => {
    const pool = new DeferredPool({ maxThreads: 1 });
    const done: number[] = [];
    const tasks = [1, 2, 3].map((n) => pool.run(busy, 20).then(() => done.push(n)));
    const closing = pool.close();
    assert.equal(pool.closed, true);
    await assert.rejects(() => pool.run(() => 1), isClosedError);
    await assert.rejects(() => pool.defer(() => 1), isClosedError);
    await assert.rejects(() => new Deferred(() => 1, { pool }), isClosedError);
    await closing;
    await Promise.all(tasks);
    assert.deepEqual(done, [1, 2, 3]);
    assert.deepEqual([pool.pending, pool.queueSize, pool.threads], [0, 0, 0]);
  });

  test("may be asked for often, before and after, and of a pool that was never used", async () => {
    const pool = new DeferredPool({ maxThreads: 1 });
    const task = pool.run(busy, 10);
    await Promise.all([pool.close(), pool.close()]);
    await pool.close();
    await task;
    pool.destroy();
    await pool.close();
    const unused = new DeferredPool();
    await unused.close();
    assert.equal(unused.closed, true);
  });

  test("`await using` closes, and waits", async () => {
    let pool: DeferredPool;
    let task: Deferred<unknown>;
    {
      await using mine = new DeferredPool({ maxThreads: 1 });
      task = mine.run(busy, 30) as unknown as typeof task;
      pool = mine;
    }
    assert.equal(pool.closed, true);
    assert.ok(task.stats !== undefined, "the task was done");
    await task;
  });

  test("with tasks that fail, waits for them, too", async () => {
    const pool = new DeferredPool({ maxThreads: 1 });
    const fail = () => {
      throw new TypeError("x");
    };
    const failed = assert.rejects(pool.run(fail), TypeError);
    await pool.close();
    await failed;
  });
});

describe("destroying", () => {
  test("rejects what is pending at once, also in an endless loop", async () => {
    const pool = new DeferredPool({ maxThreads: 1 });
    const running = pool.run(endless);
    const queued = pool.run(() => 1);
    await until(() => pool.queueSize === 1, "the loop runs");
    pool.destroy();
    assert.deepEqual([pool.closed, pool.pending, pool.threads], [true, 0, 0]);
    await assert.rejects(running, isClosedError);
    await assert.rejects(queued, isClosedError);
    await assert.rejects(() => pool.run(() => 1), isClosedError);
    assert.equal(running.stats, undefined);
  });

  test("ends what runs: an endless loop goes on no more", async () => {
    const loops = [
      (turns: Int32Array) => {
        for (;;) Atomics.add(turns, 0, 1);
      },
      (turns: Int32Array) => {
        for (;;) {
          try {
            new Promise(() => {
              for (;;) Atomics.add(turns, 0, 1);
            });
          } catch { /* again */ }
        }
      },
    ];
    for (const loop of loops) {
      const pool = new DeferredPool({ maxThreads: 2 });
      const turns = [shared(), shared()];
      const now = (): number[] => turns.map((turn) => Atomics.load(turn, 0));
      const tasks = turns.map((turn) => pool.run(loop, turn));
      await until(() => now().every((count) => count > 0), "both run");
      pool.destroy();
      await Promise.allSettled(tasks);
      let still = 0;
      let last = now().join();
      await until(() => {
        const it = now().join();
        still = it === last ? still + 1 : 0;
        last = it;
        return still === 100;
      }, "both have stopped");
    }
  });

  test("rejects with the reason that was given", async () => {
    for (const reason of [new RangeError("mine"), "text", null, 0]) {
      const pool = new DeferredPool({ maxThreads: 1 });
      const task = pool.run(endless);
      pool.destroy(reason);
      await task.then(() => assert.fail(), (got) => assert.equal(got, reason));
    }
  });

  test("ends a close that waits", async () => {
    const pool = new DeferredPool({ maxThreads: 1 });
    const task = assert.rejects(pool.run(endless), isClosedError);
    const closing = pool.close();
    pool.destroy();
    await closing;
    await task;
  });

  test("may come from a handler of one of its tasks", async () => {
    const pool = new DeferredPool({ maxThreads: 2 });
    const tasks = Array.from({ length: 50 }, () => pool.run(() => "x".repeat(100)));
    const after = tasks[10]!.then(() => pool.destroy("enough"));
    const settled = await Promise.allSettled(tasks);
    await after;
    assert.ok(settled.slice(0, 11).some(({ status }) => status === "fulfilled"));
    for (const each of settled) if (each.status === "rejected") assert.equal(each.reason, "enough");
  });

  test("a pool that was destroyed lets the process end", async () => {
    const { code, stdout } = await runProgram(`
      const pool = new DeferredPool({ maxThreads: 1 });
      pool.run(() => { for (;;); }).catch((e) => console.log(e.code));
      setTimeout(() => pool.destroy(), 50);`);
    assert.equal(stdout.trim(), "ERR_DEFERRED_POOL_CLOSED");
    assert.equal(code, 0);
  });
});

describe("several pools", () => {
  test("do not disturb each other", async () => {
    const pools = [1, 2, 3, 4].map((maxThreads) => new DeferredPool({ maxThreads }));
    const tasks = Array.from({ length: 400 }, (_, i) => pools[i % 4]!.run((n: number) => n * n, i));
    assert.deepEqual(await Promise.all(tasks), Array.from({ length: 400 }, (_, i) => i * i));

    const looping = pools[0]!.run(endless);
    assert.equal(await pools[1]!.run(() => 2), 2, "one pool is busy, another is not");
    pools[0]!.destroy("bye");
    await looping.catch((reason) => assert.equal(reason, "bye"));
    await pools[1]!.close();
    assert.equal(await pools[2]!.run(() => 3), 3);
    assert.equal(await Deferred.run(() => 4), 4);
    await Promise.all(pools.map((pool) => pool.close()));
  });

  test("may be made and closed by the hundred", async () => {
    for (let i = 0; i < 200; i++) {
      await using pool = new DeferredPool({ maxThreads: 1 });
      assert.equal(await pool.run((n: number) => n, i), i);
    }
    const unused = Array.from({ length: 100 }, () => new DeferredPool({ maxThreads: 1 }));
    await Promise.all(unused.map((pool) => pool.close()));
  });
});

describe("bad options", () => {
  const says = (options: unknown, type: typeof TypeError | typeof RangeError, message: RegExp) =>
    assert.throws(() => new DeferredPool(options as object), (error: unknown) => {
      assert.ok(error instanceof type, String(error));
      assert.match(error.message, message);
      return true;
    });

  test("are told with the bounds and what came", () => {
    for (const value of [0, -1, 1.5, NaN, Infinity, 1025, "4", null, {}, 4n]) {
      const kind = typeof value === "number" ? RangeError : TypeError;
      says({ maxThreads: value }, kind, /maxThreads.*whole number from 1 to 1024, got /);
    }
    says({ maxThreads: "4" }, TypeError, /got the string "4"/);
    says(
      { memoryLimit: 1 },
      RangeError,
      /memoryLimit \}\) must be a whole number of bytes, from 1 MiB to 2 GiB, got the number 1; 1 MiB are 1 \* 2 \*\* 20$/,
    );
    says({ maxStackSize: 1e12 }, RangeError, /maxStackSize/);
  });

  test("that do not exist are told by name", () => {
    says({ threads: 4 }, TypeError, /no option `threads`.*maxThreads/);
  });

  test("that are no object are told", () => {
    says(4, TypeError, /options must be an object.*4/);
    says(null, TypeError, /options must be an object.*null/);
    says("4", TypeError, /options must be an object/);
  });

  test("undefined is as if left out", async () => {
    await using pool = new DeferredPool({ maxThreads: undefined } as object);
    assert.ok(pool.maxThreads >= 1);
  });
});

test("pools, and tasks, can't be arguments: they would arrive empty", async () => {
  class Mine extends DeferredPool {}
  await using pool = new Mine({ maxThreads: 1 });
  const code = { name: "DataCloneError", path: "args[0].in[0]" };
  await assert.rejects(pool.run((x) => x, { in: [pool] }), {
    ...code,
    message: /a DeferredPool can't be cloned; .*`new Deferred\(fn, \{ pool \}\)`/,
  });
  await assert.rejects(pool.run((x) => x, { in: [pool.run(() => 1)] }), {
    ...code,
    message: /a Promise can't be cloned; await it first/,
  });
});
