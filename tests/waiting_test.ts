/** How many tasks of a pool may wait, and those that tasks wait for. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { DeferredPool } from "../mod.ts";
import { until } from "./support/wait.ts";

/** Calls that are answered when the test says so. */
class Gate {
  readonly #open: (() => void)[] = [];

  get waiting(): number {
    return this.#open.length;
  }

  readonly pass = (): Promise<void> => new Promise((resolve) => void this.#open.push(resolve));

  release(count = 1): void {
    for (const open of this.#open.splice(0, count)) open();
  }
}

describe("maxWaiting", () => {
  test("is a whole number that makes sense, and a pool's", () => {
    for (const value of [-1, 1.5, NaN, Infinity, 1_000_001, "4", null]) {
      assert.throws(() => new DeferredPool({ maxWaiting: value as never }), {
        name: typeof value === "number" ? "RangeError" : "TypeError",
        message: /\{ maxWaiting \}\) must be a whole number from 0 to 1000000, got /,
      });
    }
    assert.throws(() => new DeferredPool({ maxWait: 1 } as never), {
      message: /no option `maxWait`; did you mean `maxWaiting`\?/,
    });
  });

  test("tasks beyond it begin when others end", async () => {
    await using pool = new DeferredPool({ maxThreads: 1, maxWaiting: 3 });
    const gate = new Gate();
    const task = (n: number) =>
      pool.defer(async (n, host) => {
        await host.pass();
        return n;
      }, { args: [n], host: { pass: gate.pass } });
    const all = Array.from({ length: 10 }, (_, n) => task(n));
    for (let begun = 4; begun <= 10; begun++) {
      await until(() => gate.waiting === 4, "four tasks wait");
      assert.equal(pool.queueSize, 10 - begun);
      gate.release();
    }
    await until(() => gate.waiting === 3, "three tasks wait");
    // One that ended by itself, not by its answer, makes room as well.
    const [late, last] = [task(10), task(11)];
    await until(() => gate.waiting === 4, "four tasks wait");
    assert.equal(pool.queueSize, 1);
    const refused = assert.rejects(all[9]!, (reason) => reason === "no more");
    all[9]!.cancel("no more");
    await until(() => gate.waiting === 5, "five tasks wait");
    gate.release(5);
    assert.deepEqual(await Promise.all(all.slice(0, 9)), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    await refused;
    assert.deepEqual(await Promise.all([late, last]), [10, 11]);
  });

  test("a queued task's queueTimeout counts meanwhile", async () => {
    await using pool = new DeferredPool({ maxThreads: 2, maxWaiting: 0, queueTimeout: 30 });
    const gate = new Gate();
    const host = { pass: gate.pass };
    const waits = [1, 2].map(() => pool.defer((host) => host.pass(), { host }));
    await until(() => gate.waiting === 2, "two tasks wait");
    await assert.rejects(pool.run(() => 1), { name: "TimeoutError", message: /queueTimeout/ });
    gate.release(2);
    await Promise.all(waits);
    assert.equal(await pool.run(() => 2), 2);
  });
});

describe("tasks that tasks wait for", () => {
  const pool = new DeferredPool({ maxThreads: 1, maxWaiting: 0 });
  const other = new DeferredPool({ maxThreads: 1, maxWaiting: 0 });
  after(() => Promise.all([pool.close(), other.close()]));

  /** Sums 1 to n, each summand by a task that waits for the next. */
  const sum = (n: number, own: DeferredPool, next: DeferredPool): Promise<number> =>
    own.defer(async (n, host) => n + await host.rest(n - 1), {
      args: [n],
      host: { rest: (n: number) => n === 0 ? 0 : sum(n, next, own) },
    });

  test("begin though no more may, as deep as they are", async () => {
    assert.equal(await sum(50, pool, pool), 1275);
  });

  test("also where the way leads through another pool", async () => {
    assert.equal(await sum(20, pool, other), 210);
  });

  test("also behind what the host awaits first, and all of those that are queued", async () => {
    const host = {
      async square(n: number): Promise<number> {
        await new Promise((resolve) => setTimeout(resolve, 1));
        return await pool.run((n: number) => n * n, n);
      },
    };
    const all = Array.from(
      { length: 20 },
      (_, n) => pool.defer(async (n, host) => await host.square(n), { args: [n], host }),
    );
    assert.deepEqual(await Promise.all(all), Array.from({ length: 20 }, (_, n) => n * n));
  });

  test("count again once nobody waits for them", async () => {
    const gate = new Gate();
    let later: Promise<number> | undefined;
    const starts = new Gate();
    await pool.defer((host) => host.leave(), {
      host: { leave: () => void (later = starts.pass().then(() => pool.run(() => 5))) },
    });
    const waits = pool.defer((host) => host.pass(), { host: { pass: gate.pass } });
    await until(() => gate.waiting === 1, "one task waits");
    starts.release();
    await until(() => pool.queueSize === 1, "it is queued");
    gate.release();
    await waits;
    assert.equal(await later, 5);
  });
});
