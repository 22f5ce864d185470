/**
 * Timers in tasks, and what a task is while it waits.
 */
import { strict as assert } from "node:assert";
import { after, describe, test } from "node:test";
import { Deferred, DeferredPool, UnsettledError } from "../mod.ts";
import { until } from "./support/wait.ts";

/* What tasks have, and TypeScript's libraries type in their own ways. */
declare const scheduler: {
  wait(ms?: number, options?: { signal?: AbortSignal }): Promise<void>;
};
declare function setTimeout<A extends unknown[]>(
  fn: (...args: A) => void,
  ms?: unknown,
  ...args: A
): number;
declare function setInterval(fn: () => void, ms?: number): number;
declare function setImmediate<A extends unknown[]>(fn: (...args: A) => void, ...args: A): number;
declare function clearTimeout(id?: unknown): void;
declare function clearInterval(id?: unknown): void;
declare function clearImmediate(id?: unknown): void;

const pool = new DeferredPool({ maxThreads: 2 });
after(() => pool.close());

describe("setTimeout and its kin", () => {
  test("call back with their arguments, not before their time", async () => {
    const [seen, waited] = await pool.run(async () => {
      const start = performance.now();
      const seen = await new Promise((resolve) => {
        setTimeout((...all) => resolve(all), 15, 1, "two", [3]);
      });
      return [seen, performance.now() - start] as const;
    });
    assert.deepEqual(seen, [1, "two", [3]]);
    assert.ok(waited >= 15, `${waited} ms`);
  });

  test("come in the order of their times, equal ones as they were made, jobs between them", async () => {
    const order = await pool.run(async () => {
      const seen: string[] = [];
      const note = (name: string) => {
        seen.push(name);
        queueMicrotask(() => seen.push(`${name}'`));
      };
      setTimeout(note, 40, "late");
      setTimeout(note, 20, "b");
      setTimeout(note, 0, "a1");
      setTimeout(note, 0, "a2");
      setImmediate(note, "i1");
      setImmediate(note, "i2");
      queueMicrotask(() => seen.push("first"));
      await scheduler.wait(60);
      return seen.join(" ");
    });
    assert.equal(order, "first a1 a1' a2 a2' i1 i1' i2 i2' b b' late late'");
  });

  test("setImmediate comes before what is due later, and again and again before nothing", async () => {
    const order = await pool.run(() =>
      new Promise<string>((resolve) => {
        const seen: string[] = [];
        setTimeout(() => resolve(seen.join("")), 5);
        setTimeout(() => seen.push("t"), 1);
        let left = 1e9;
        const again = () => {
          if (seen.length < 3) seen.push("i");
          if (left-- > 0) setImmediate(again);
        };
        setImmediate(again);
      })
    );
    assert.ok(/^i+ti*$/.test(order), order);
  });

  test("of scheduler.wait are given up when its signal is aborted", async () => {
    const seen = await pool.run(async () => {
      const seen: unknown[] = [];
      const tell = async (wait: Promise<void>): Promise<void> => {
        try {
          seen.push(await wait);
        } catch (error) {
          seen.push(error instanceof Error ? error.name : error);
        }
      };
      const { signal } = new AbortController();
      await tell(scheduler.wait(1, { signal }));
      await tell(scheduler.wait(1, {}));
      await tell(scheduler.wait(1, undefined));
      const controller = new AbortController();
      const waiting = tell(scheduler.wait(1e8, controller));
      setTimeout(() => controller.abort("why"), 1);
      await waiting;
      await tell(scheduler.wait(1, controller));
      await tell(scheduler.wait(1e8, { signal: AbortSignal.timeout(2) }));
      for (const signal of [null, 7, {}, { aborted: "yes" }]) {
        await tell(scheduler.wait(1, { signal: signal as never }));
      }
      await tell(scheduler.wait(1, 7 as never));
      // Nothing of a wait that is over is left on its signal.
      const long = new AbortController();
      let kept = 0;
      const { signal: watched } = long;
      const add = watched.addEventListener.bind(watched) as (...args: unknown[]) => void;
      const remove = watched.removeEventListener.bind(watched) as (...args: unknown[]) => void;
      watched.addEventListener = (...args: unknown[]) => (kept++, add(...args));
      watched.removeEventListener = (...args: unknown[]) => (kept--, remove(...args));
      await Promise.all([1, 2, 3].map((ms) => scheduler.wait(ms, long)));
      long.abort();
      seen.push(kept);
      return seen;
    });
    const none = undefined;
    const refused = "TypeError";
    assert.deepEqual(seen, [
      none,
      none,
      none,
      "why",
      "why",
      "TimeoutError",
      ...Array.from({ length: 5 }, () => refused),
      0,
    ]);
    const forever = pool.run(() => scheduler.wait(1e9, new AbortController()));
    forever.cancel();
    await assert.rejects(forever, { name: "AbortError" });
  });

  test("are cleared, by whoever, in whatever state they are", async () => {
    const seen = await pool.run(async () => {
      const seen: unknown[] = [];
      clearTimeout(setTimeout(() => seen.push("cleared"), 1));
      clearInterval(setTimeout(() => seen.push("cleared by another name"), 1));
      clearImmediate(setImmediate(() => seen.push("cleared at once")));
      const second = setTimeout(() => seen.push("by the first"), 3);
      setTimeout(() => clearTimeout(second), 1);
      const passed = setTimeout(() => seen.push("passed"), 0);
      await scheduler.wait(5);
      const next = setTimeout(() => seen.push("in its place"), 0);
      clearTimeout(passed); // its slot is another's
      for (const id of [undefined, null, -1, 0, 1e15, NaN, "no", {}, next + 0.5]) {
        if (id !== next + 0.5) clearTimeout(id);
      }
      await scheduler.wait(2);
      let count = 0;
      const interval = setInterval(() => {
        if (++count === 3) clearInterval(interval);
      }, 1);
      await scheduler.wait(30);
      seen.push(count, Number.isInteger(interval) && interval > 0, next !== passed);
      return seen;
    });
    assert.deepEqual(seen, ["passed", "in its place", 3, true, true]);
  });

  test("refuse what is no function, and take any time", async () => {
    const said = await pool.run(async () => {
      const said: string[] = [];
      for (const start of [setTimeout, setInterval, setImmediate]) {
        try {
          (start as (what: unknown) => void)("code");
        } catch (error) {
          said.push(String(error));
        }
      }
      const thrown = {
        valueOf: () => {
          throw new RangeError("from valueOf");
        },
      };
      try {
        setTimeout(() => {}, thrown);
      } catch (error) {
        said.push(String(error));
      }
      // As the standard's `long`: what is over 2^31 - 1 wraps, and is 0 if it is below.
      for (const ms of [undefined, NaN, -5, 2 ** 31, Infinity, "1", null, 2 ** 32]) {
        await new Promise<void>((resolve) => setTimeout(resolve, ms));
      }
      return said;
    });
    assert.deepEqual(said, [
      "TypeError: setTimeout: the first argument must be a function",
      "TypeError: setInterval: the first argument must be a function",
      "TypeError: setImmediate: the first argument must be a function",
      "RangeError: from valueOf",
    ]);
  });

  test("are there for code that is text, with a top level that waits", async () => {
    const code = "const x = await new Promise((r) => setTimeout(r, 2, 5)); x * 2";
    assert.equal(await pool.eval(code), 10);
    const late = "new Promise((r) => setTimeout(r, 2, 5))";
    assert.equal(await pool.eval(late), 5);
    assert.equal(await pool.eval(`await scheduler.wait(1); return ${late}`), 5);
  });
});

describe("a task's end", () => {
  test("leaves timers behind, which nothing waits for", async () => {
    const leave = () => {
      setInterval(() => {}, 1);
      setTimeout(() => {}, 2 ** 31 - 1);
      return "plain";
    };
    assert.equal(await pool.run(leave), "plain");
    assert.equal(
      await pool.run(async () => {
        setTimeout(() => {}, 2 ** 31 - 1);
        await scheduler.wait(1);
        return "async";
      }),
      "async",
    );
  });

  test("is an UnsettledError when no timer is left", async () => {
    await assert.rejects(
      pool.run(() =>
        new Promise(() => {
          setTimeout(() => {}, 3);
        })
      ),
      UnsettledError,
    );
    await assert.rejects(
      pool.run(() =>
        new Promise(() => {
          clearTimeout(setTimeout(() => {}, 2 ** 31 - 1));
        })
      ),
      UnsettledError,
    );
  });

  test("is what a callback throws, or a promise that nobody handles rejects with", async () => {
    const never = { name: "RangeError", message: "nobody's" };
    const ways: ((fail: string) => Promise<unknown>)[] = [
      () =>
        new Promise(() => {
          setTimeout(() => {
            throw new RangeError("nobody's");
          }, 1);
          setTimeout(() => {}, 2 ** 31 - 1);
        }),
      async () => {
        void Promise.reject(new RangeError("nobody's"));
        await scheduler.wait(2 ** 31 - 1);
      },
      async () => {
        queueMicrotask(() => {
          throw new RangeError("nobody's");
        });
        await scheduler.wait(2 ** 31 - 1);
      },
      () => {
        setTimeout(async () => {
          await null;
          throw new RangeError("nobody's");
        }, 1);
        return new Promise(() => {});
      },
    ];
    for (const way of ways) await assert.rejects(pool.run(way, ""), never);
  });

  test("is not a rejection that is handled in the same turn, however many there are", async () => {
    const sum = await pool.run(async () => {
      let sum = 0;
      for (let i = 0; i < 20_000; i++) {
        try {
          await Promise.reject(i);
        } catch (error) {
          sum += error as number;
        }
      }
      const many = Array.from({ length: 20_000 }, () => Promise.reject(1));
      const outcomes = await Promise.allSettled(many);
      await scheduler.wait(1);
      return sum + outcomes.length;
    });
    assert.equal(sum, 20_000 * 19_999 / 2 + 20_000);
  });
});

describe("a task that waits", () => {
  const sleep = (ms: number) => new Promise<number>((resolve) => setTimeout(resolve, ms, ms));

  test("has no thread: hundreds of them, and others go on", async () => {
    await using one = new DeferredPool({ maxThreads: 1 });
    const stop = new AbortController();
    const all = Array.from(
      { length: 300 },
      () => one.defer(sleep, { args: [2 ** 31 - 1], signal: stop.signal }),
    );
    assert.equal(await one.run(() => 7), 7);
    await until(() => one.queueSize === 0, "all of them have begun");
    assert.equal(await one.run(sleep, 1), 1);
    assert.equal(one.threads, 1);
    assert.equal(one.pending, 300);
    stop.abort(new Error("enough"));
    const ends = await Promise.allSettled(all);
    assert.ok(ends.every((end) => end.status === "rejected" && end.reason.message === "enough"));
  });

  test("is ended by its timeout, by cancel and with its pool", async () => {
    await assert.rejects(pool.defer(sleep, { args: [2 ** 31 - 1], timeout: 20 }), {
      name: "TimeoutError",
      message: /its timeout of 20 ms/,
    });
    const cancelled = pool.defer(sleep, { args: [2 ** 31 - 1] });
    await pool.run(() => {});
    cancelled.cancel("enough");
    await assert.rejects(cancelled, (reason) => reason === "enough");
    const other = new DeferredPool({ maxThreads: 1 });
    const destroyed = other.run(sleep, 2 ** 31 - 1);
    await other.run(() => {});
    other.destroy(new Error("destroyed"));
    await assert.rejects(destroyed, { message: "destroyed" });
    const closed = new DeferredPool({ maxThreads: 1 });
    const last = closed.run(sleep, 20);
    await closed.close();
    assert.equal(await last, 20);
  });

  test("uses no CPU time, and its turns are summed up", async () => {
    const options = { cpuLimit: 2000 };
    assert.equal(await pool.defer(sleep, { args: [50], ...options }), 50);
    const busy = () =>
      new Promise(() => {
        setInterval(() => {
          for (let i = 0; i < 10_000; i++);
        }, 0);
      });
    await assert.rejects(pool.defer(busy, { cpuLimit: 30 }), { message: /cpuLimit of 30 ms/ });
  });

  test("finds what it left: values, lent memory, a moved result, a shared value", async () => {
    await using two = new DeferredPool({ maxThreads: 2 });
    const prices = two.share(new Map([["tea", 3]]));
    const counter = new Int32Array(new SharedArrayBuffer(4));
    const input = new Uint8Array(1 << 20).fill(1);
    const work = async (
      prices: Map<string, number>,
      counter: Int32Array,
      input: Uint8Array,
      turns: number,
    ) => {
      let sum = 0;
      const big = new Uint8Array(1 << 20);
      for (let i = 0; i < turns; i++) {
        await new Promise<void>((resolve) => setTimeout(resolve, i % 3));
        sum += prices.get("tea")! + input[i]!;
        big[i] = i;
        Atomics.add(counter, 0, 1);
      }
      return { sum, big };
    };
    const all = await Promise.all(
      Array.from({ length: 8 }, () => two.run(work, prices, counter, input, 20)),
    );
    for (const { sum, big } of all) {
      assert.equal(sum, 80);
      assert.equal(big.length, 1 << 20);
      assert.deepEqual([...big.subarray(0, 21)], [...Array(20).keys(), 0]);
    }
    assert.equal(counter[0], 160);
  });

  test("tells how long it took, from its start", async () => {
    const task = pool.run(sleep, 30);
    await task;
    assert.ok(task.stats!.runTime >= 30, `${task.stats!.runTime} ms`);
  });

  test("keeps its host's process alive, and its own settings", async () => {
    const stats = await pool.run(async () => {
      const random = Math.random();
      const start = performance.now();
      await new Promise<void>((resolve) => setTimeout(resolve, 5));
      return [performance.now() - start >= 5, Math.random() !== random];
    });
    assert.deepEqual(stats, [true, true]);
  });
});

describe("hostile timers", () => {
  test("a million of them are bounded by the memory limit", async () => {
    const flood = () => {
      for (;;) setTimeout((text) => text, 1e6, "x".repeat(10));
    };
    await assert.rejects(pool.defer(flood, { memoryLimit: 64 * 2 ** 20 }), {
      name: "DeferredMemoryError",
    });
    const many = (count: number) =>
      new Promise<number>((resolve) => {
        let fired = 0;
        for (let i = 0; i < count; i++) {
          setTimeout(() => fired++ === count - 1 && resolve(fired), 0);
        }
      });
    assert.equal(await pool.defer(many, { args: [200_000] }), 200_000);
  });

  test("an interval of 0 ms is bounded by a timeout, and holds nobody up", async () => {
    await using one = new DeferredPool({ maxThreads: 1 });
    const spin = () =>
      new Promise(() => {
        setInterval(() => {}, 0);
        const again = () => void setImmediate(again);
        again();
      });
    const task = one.defer(spin, { timeout: 10_000 });
    for (let i = 0; i < 100; i++) assert.equal(await one.run((i: number) => i, i), i);
    task.cancel("enough");
    await assert.rejects(task, (reason) => reason === "enough");
    await assert.rejects(one.defer(spin, { timeout: 30 }), { name: "TimeoutError" });
  });

  test("one that loops in a callback is ended there", async () => {
    const loop = () =>
      new Promise(() => {
        setTimeout(() => {
          for (;;);
        }, 1);
      });
    await assert.rejects(pool.defer(loop, { timeout: 40 }), { name: "TimeoutError" });
    assert.equal(await Deferred.run(() => 1), 1);
  });
});
