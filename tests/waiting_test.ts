/** How many tasks of a pool may wait, and those that tasks wait for. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import process from "node:process";
import { after, describe, test } from "node:test";
import { DeferredPool, type HostCallLimits } from "../mod.ts";
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

  const skip = process.platform === "linux" ? false : "the system doesn't list mappings";
  test("tasks that wait take an arena each, and share its image", { skip }, async () => {
    class Point {
      static readonly origin = new Point();
      x = 0;
    }
    for (const classes of [[], [Point]]) {
      await using pool = new DeferredPool({ maxThreads: 2, classes });
      const gate = new Gate();
      const mappings = () => readFileSync("/proc/self/maps", "latin1").split("\n").length;
      const start = (count: number) =>
        Array.from(
          { length: count },
          () => pool.defer(async (host) => await host.pass(), { host: { pass: gate.pass } }),
        );
      const first = start(10);
      await until(() => gate.waiting === 10, "the first ones wait");
      const before = mappings();
      const others = start(200);
      await until(() => gate.waiting === 210, "all wait");
      // An arena is three, with its guards; an image of its own would be two more.
      const each = (mappings() - before) / others.length;
      gate.release(210);
      await Promise.all([...first, ...others]);
      assert.ok(each < 4, `${each} mappings for each task, with ${classes.length} classes`);
    }
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

describe("hostCalls", () => {
  const hostCalls: HostCallLimits = { total: 5, concurrent: 2 };
  const pool = new DeferredPool({ maxThreads: 1, hostCalls });
  after(() => pool.close());

  test("is checked: the object, its members, their values", () => {
    const make = (hostCalls: unknown) => () => new DeferredPool({ hostCalls } as never);
    assert.throws(make(5), {
      name: "TypeError",
      message: /hostCalls must be an object such as \{/,
    });
    assert.throws(make([]), { message: /hostCalls must be an object/ });
    assert.throws(make({ totl: 5 }), {
      message: /\{ hostCalls \}\): there is no option `totl`; did you mean `total`\?/,
    });
    for (const name of ["total", "concurrent", "bytes", "totalBytes"]) {
      for (const value of [0, -1, 1.5, NaN, "4", null]) {
        assert.throws(make({ [name]: value }), {
          name: typeof value === "number" ? "RangeError" : "TypeError",
          message: new RegExp(`hostCalls: \\{ ${name} \\} \\}\\) must be a whole number from 1 to`),
        });
      }
    }
    assert.throws(() => pool.eval("1", { consoleLimit: 0 }), {
      name: "RangeError",
      message: /pool\.eval\(source, \{ consoleLimit \}\) must be a whole number from 1 to/,
    });
  });

  const tally = `const errors = [];
    for (const size of sizes) await f("x".repeat(size)).catch((e) => errors.push(e));
    return errors.map((e) => e.name + ": " + e.message);`;

  test("a call beyond the total is not made; its promise rejects with the limit's name", async () => {
    let calls = 0;
    const host = { f: () => void calls++ };
    const errors = await pool.eval(tally, { host, scope: { sizes: Array(20).fill(1) } });
    assert.equal(calls, 5);
    assert.deepEqual(
      errors,
      Array(15).fill(
        "QuotaExceededError: more calls of the host's functions than the 5 that hostCalls.total " +
          "allows to the task",
      ),
    );
    // What is not caught is what the task rejects with; the next one begins anew.
    await assert.rejects(pool.eval("for (;;) await f()", { host }), {
      name: "QuotaExceededError",
      message: /hostCalls\.total/,
    });
    assert.equal(calls, 10);
  });

  test("a task's own members count more, one by one; Infinity is none", async () => {
    let calls = 0;
    const host = { f: () => void calls++ };
    const own = { host, scope: { sizes: [10, 200, 10, 10] } };
    const sizes = await pool.eval<string[]>(tally, { ...own, hostCalls: { bytes: 100 } });
    assert.equal(calls, 3);
    assert.match(
      sizes.join(),
      /^QuotaExceededError: a call's .* than the 100 that hostCalls\.bytes/,
    );
    const all = await pool.eval<string[]>(tally, { ...own, hostCalls: { totalBytes: 220 } });
    assert.equal(calls, 5);
    assert.equal(all.length, 2);
    assert.match(all[0]!, /hostCalls\.totalBytes/);
    assert.deepEqual(
      await pool.eval(tally, {
        host,
        hostCalls: { total: Infinity },
        scope: { sizes: Array(9).fill(1) },
      }),
      [],
    );
  });

  test("no more are without an answer at once; the others follow in their order", async () => {
    const gate = new Gate();
    const seen: number[] = [];
    const host = {
      f(n: number): Promise<void> {
        seen.push(n);
        return gate.pass();
      },
    };
    const task = pool.eval("Promise.all([1, 2, 3, 4, 5].map((n) => f(n)))", { host });
    for (let came = 2; came <= 5; came++) {
      await until(() => seen.length === came && gate.waiting === 2, `${came} calls came`);
      assert.deepEqual(seen, [1, 2, 3, 4, 5].slice(0, came));
      gate.release();
    }
    await until(() => gate.waiting === 1, "the last one waits");
    gate.release();
    await task;
  });
});

describe("consoleLimit", () => {
  const lines = (consoleLimit: number | undefined, source: string) => {
    const printed: string[] = [], warned: string[] = [];
    const log = (text: string) => void printed.push(text);
    const console = { log, warn: (text: string) => void warned.push(text) };
    return { printed, warned, task: pool.eval(source, { console, consoleLimit }) };
  };
  const pool = new DeferredPool({ maxThreads: 1 });
  after(() => pool.close());

  test("lines beyond it are dropped, and how many is told", async () => {
    const { printed, warned, task } = lines(
      1000,
      "for (let i = 0; i < 50; i++) console.log('x'.repeat(90))",
    );
    await task;
    assert.ok(printed.length >= 5 && printed.length <= 11, String(printed.length));
    assert.deepEqual(warned, [
      `${50 - printed.length} lines of the task's console dropped: it printed more than its ` +
      "consoleLimit",
    ]);
  });

  test("is told when the task begins to wait, not when it ends", async () => {
    const { warned, task } = lines(10, "console.log('x'.repeat(90)); await scheduler.wait(1e8)");
    await until(() => warned.length === 1, "it is told");
    assert.match(warned[0]!, /^1 line of the task's console dropped: .* consoleLimit$/);
    task.cancel("enough");
    await assert.rejects(task, (reason) => reason === "enough");
  });
});

test("classes that leave a timer are refused: it would never be due", () => {
  class Late {
    static {
      setTimeout(() => {}, 1);
    }
  }
  assert.throws(() => new DeferredPool({ classes: [Late] }), {
    name: "TypeError",
    message: /a timer that classes set .* would never be due: set it in the task/,
  });
});
