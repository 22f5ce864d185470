/**
 * What a task reports of its progress: to `onProgress`, to whoever iterates `progress`; order, ends,
 * floods, contexts.
 */
import { strict as assert } from "node:assert";
import { AsyncLocalStorage } from "node:async_hooks";
import process from "node:process";
import { after, describe, test } from "node:test";
import { DataCloneError, Deferred, DeferredPool, type Reporter } from "../mod.ts";
import { outputOf, runProgram } from "./support/process.ts";
import { until } from "./support/wait.ts";

const pool = new DeferredPool({ maxThreads: 2 });
after(() => pool.close());

/** All that is iterated of a task's progress. */
async function all<P>(progress: AsyncIterable<P>): Promise<P[]> {
  const values: P[] = [];
  for await (const value of progress) values.push(value);
  return values;
}

/** Reports numbers one by one, each when the host has had the one before. */
const inTurn = async (n: number, host: Reporter<number> & { had(i: number): Promise<void> }) => {
  for (let i = 1; i <= n; i++) {
    host.report(i);
    await host.had(i);
  }
  return n;
};

describe("report", () => {
  test("is in the task's last parameter, with functions of the host or without", async () => {
    const seen: unknown[] = [];
    const task = new Deferred((rows, { report }) => {
      report(rows.length / 2);
      return rows.length;
    }, { args: [["a", "b", "c"]], onProgress: (part: number) => void seen.push(part), pool });
    const length: number = await task;
    assert.deepEqual([length, seen], [3, [1.5]]);

    const sum: number = await pool.defer(async (a, host) => {
      host.report("adding");
      return await host.tools.add(a, 1);
    }, {
      args: [2],
      host: { tools: { add: (a: number, b: number) => a + b } },
      onProgress: (what: string) => void seen.push(what),
    });
    assert.deepEqual([sum, seen], [3, [1.5, "adding"]]);
    assert.equal(
      await new Deferred((host: unknown) => Object.keys(host as object).join(), {
        progress: true,
        host: { a: () => 1 },
      } as never),
      "a,report",
    );
  });

  test("survives minifiers, and is a global of code that is text", async () => {
    const seen: unknown[] = [];
    const onProgress = (value: unknown) => void seen.push(value);
    const minified = new Function("a", "{report:b}", "b(a);return b.name+b.length") as () => string;
    assert.equal(await pool.defer(minified, { args: [7], onProgress } as never), "report1");
    assert.equal(
      await pool.eval("report(n); typeof report", { scope: { n: 8 }, onProgress }),
      "function",
    );
    assert.equal(await pool.eval("typeof report"), "undefined");
    assert.deepEqual(seen, [7, 8]);
  });

  test("gives nothing, whatever it is given", async () => {
    const values: unknown[] = [];
    const given = await pool.defer((n, { report }) => {
      const said = [
        report(undefined),
        report(new Map([["n", n]])),
        report(new RangeError("not yet", { cause: [1n] })),
        report(new Uint8Array([1, 2])),
        (report as () => unknown)(),
      ];
      return said;
    }, { args: [1], onProgress: (value: unknown) => void values.push(value) });
    assert.deepEqual(given, Array(5).fill(undefined));
    assert.equal(values[0], undefined);
    assert.equal(values.at(-1), undefined);
  });

  test("clones as arguments of a call do: cycles, errors with stacks, large ones", async () => {
    const kinds: unknown[] = [];
    const read = async (make: (host: Reporter<unknown>) => void) => {
      kinds.length = 0;
      await pool.defer(make, { onProgress: (value: unknown) => void kinds.push(value) });
      assert.equal(kinds.length, 1);
      return kinds[0];
    };
    const loop = await read(({ report }) => {
      const loop: { self?: unknown } = {};
      loop.self = loop;
      report(loop);
    }) as { self: unknown };
    assert.equal(loop.self, loop);
    const error = await read(({ report }) => report(new RangeError("soon", { cause: 1n })));
    assert.ok(error instanceof RangeError && error.cause === 1n);
    assert.match(error.stack!, /progress_test/);
    const large = await read(({ report }) => report(new Uint8Array(3e6).fill(7))) as Uint8Array;
    assert.ok(large.length === 3e6 && large.every((byte) => byte === 7));
  });

  test("throws a DataCloneError in the task for what can't be cloned, and goes on", async () => {
    const seen: number[] = [];
    const caught = await pool.defer(({ report }) => {
      try {
        (report as (value: unknown) => void)({ rows: [{ at: () => 1 }] });
      } catch (error) {
        report(1);
        return [(error as Error).name, (error as Error).message];
      }
      return "nothing was thrown";
    }, { onProgress: (n: number) => void seen.push(n) });
    assert.deepEqual(caught, [
      "DataCloneError",
      "report(value).rows[0].at: a function (`at`) can't be cloned; call it in the task, " +
      "and give what it returns",
    ]);
    assert.deepEqual(seen, [1]);
    const failed = await pool.defer(({ report }) => report(Symbol("s") as never), {
      onProgress: (_: number) => {},
    }).catch((error) => error);
    assert.ok(failed instanceof DOMException && !(failed instanceof DataCloneError));
  });

  test("runs the value's getters, which may print, call and throw, but not report", async () => {
    const seen: unknown[] = [];
    const host = { call: (n: number) => void seen.push(["call", n]) };
    const said = await pool.defer(({ report, call }) => {
      report({
        get x() {
          void call(1);
          console.log("line");
          try {
            return report(2);
          } catch (error) {
            return String(error);
          }
        },
      });
      try {
        report({
          get x(): number {
            throw new RangeError("mine");
          },
        });
      } catch (error) {
        return String(error);
      }
      return "nothing was thrown";
    }, {
      host,
      console: { log: (text: string) => void seen.push(text) },
      onProgress: (value: unknown) => void seen.push(value),
    });
    assert.equal(said, "RangeError: mine");
    assert.deepEqual(seen, [
      ["call", 1],
      "line",
      { x: "TypeError: nothing can be reported while another report is read" },
    ]);
  });
});

describe("onProgress", () => {
  test("has each report when it keeps pace, before the task goes on", async () => {
    const seen: number[] = [];
    const n = await pool.defer(inTurn, {
      args: [300],
      host: { had: (i: number) => assert.equal(seen.at(-1), i) },
      onProgress: (i: number) => void seen.push(i),
    });
    assert.deepEqual(seen, Array.from({ length: n }, (_, i) => i + 1));
  });

  test("has them in order with lines and calls, and the last before the promise settles", async () => {
    const events: string[] = [];
    await pool.defer(({ report, call }) => {
      for (let i = 0; i < 200; i++) {
        report(i);
        if (i % 3 === 0) console.log(i);
        if (i % 5 === 0) void call(i);
      }
      report(200);
    }, {
      host: { call: (i: number) => void events.push(`call ${i}`) },
      console: { log: (i: number) => void events.push(`line ${i}`) },
      onProgress: (i: number) => void events.push(`progress ${i}`),
    }).then(() => events.push("settled"));
    // None but those that a later one stands for is missing, and each stands where it was made.
    const numbers = events.slice(0, -1).map((event) => Number(event.split(" ")[1]));
    assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b));
    for (let i = 0; i < 200; i++) {
      const kinds = events.filter((event) => event.endsWith(` ${i}`)).map((event) => event[0]);
      if (i % 5 === 0 || i % 3 === 0) {
        assert.equal(kinds[0], "p", `no report ${i} before: ${kinds}`);
      }
    }
    assert.deepEqual(events.slice(-2), ["progress 200", "settled"]);
  });

  test("of a host that does something else has the first and the last", async () => {
    const seen: number[] = [];
    const done = new Int32Array(new SharedArrayBuffer(4));
    const task = pool.defer((done, { report }) => {
      for (let i = 1; i <= 100_000; i++) report(i);
      Atomics.store(done, 0, 1);
    }, { args: [done], onProgress: (i: number) => void seen.push(i) });
    while (Atomics.load(done, 0) === 0); // this thread does not get to read
    await task;
    assert.deepEqual(seen, [1, 100_000]);
  });

  test("has what is reported by a task that waits", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const seen: number[] = [];
    await pool.defer(async ({ report, wait }) => {
      report(1);
      report(2);
      report(3);
      await wait();
    }, {
      host: { wait: () => promise },
      onProgress(i: number) {
        seen.push(i);
        if (i === 3) resolve();
      },
    });
    assert.equal(seen.at(-1), 3);
  });

  test("has the last of a task that is ended by its limits, or throws", async () => {
    const ended = async (task: (host: Reporter<number>) => void, options: object) => {
      const seen: number[] = [];
      const onProgress = (i: number) => void seen.push(i);
      const { name } = await pool.defer(task, { onProgress, ...options }).then(
        () => new Error("it ended well"),
        (error) => error,
      );
      return [name, seen.at(-1)];
    };
    const loops = ({ report }: Reporter<number>) => {
      for (let i = 1; i <= 5000; i++) report(i);
      for (;;);
    };
    assert.deepEqual(await ended(loops, { timeout: 300 }), ["TimeoutError", 5000]);
    assert.deepEqual(
      await ended(({ report }) => {
        for (let i = 1; i <= 5000; i++) report(i);
        for (const list: unknown[] = [];;) list.push("x".repeat(1000) + list.length);
      }, { memoryLimit: 8 * 2 ** 20 }),
      ["DeferredMemoryError", 5000],
    );
    assert.deepEqual(
      await ended(({ report }) => {
        for (let i = 1; i <= 5000; i++) report(i);
        throw new RangeError();
      }, {}),
      ["RangeError", 5000],
    );
  });

  test("may cancel its task, of which it hears nothing more", async () => {
    const seen: number[] = [];
    const given = new Set<unknown>();
    const task = pool.defer(({ report }) => {
      for (let i = 1;; i++) report(i);
    }, {
      onProgress(i: number, own): void {
        seen.push(i);
        given.add(own);
        if (seen.length === 3) own.cancel("enough");
      },
    });
    assert.equal(await task.catch((reason) => reason), "enough");
    await until(() => task.stats !== undefined, "the task has ended");
    assert.deepEqual([...given], [task]);
    assert.equal(seen.length, 3);
  });

  test("may start tasks, which report as well, and await them", async () => {
    const seen: string[] = [];
    const inner: Promise<unknown>[] = [];
    await pool.defer(({ report }) => report("outer"), {
      onProgress(text: string) {
        seen.push(text);
        inner.push(pool.defer((text, { report }) => report(`inner of ${text}`), {
          args: [text],
          onProgress: (text: string) => void seen.push(text),
        }));
      },
    });
    await Promise.all(inner);
    assert.deepEqual(seen, ["outer", "inner of outer"]);
  });

  test("runs in the context in which the Deferred was made", async () => {
    const store = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const report = (host: Reporter<number>) => host.report(1);
    const onProgress = () => void seen.push(store.getStore());
    await Promise.all([
      store.run("a", () => pool.defer(report, { onProgress })),
      pool.defer(report, { onProgress }),
      store.run("b", () => pool.defer(report, { onProgress })),
    ]);
    assert.deepEqual(seen.toSorted(), ["a", "b", undefined]);
  });

  test("that throws, or rejects, is an unhandled rejection, and the task goes on", async () => {
    const said = await outputOf(`
      process.on("unhandledRejection", (reason) => console.log("unhandled", reason.message));
      for (const onProgress of [
        () => { throw new Error("thrown"); },
        async () => { throw new Error("rejected"); },
      ]) {
        console.log(await new Deferred(({ report }) => { report(1); return 2; }, { onProgress }));
        await new Promise((resolve) => setTimeout(resolve));
      }`);
    assert.deepEqual(said.split("\n").toSorted(), [
      "2",
      "2",
      "unhandled rejected",
      "unhandled thrown",
    ]);
    const { code, stderr } = await runProgram(`
      await new Deferred(({ report }) => report(1), {
        onProgress() { throw new Error("of the host's own"); },
      });
      await new Promise((resolve) => setTimeout(resolve));`);
    assert.notEqual(code, 0);
    assert.match(stderr, /of the host's own/);
  });

  test("is kept no longer than its task is pending", async () => {
    const said = await outputOf(`
      const held = [];
      let freed = false;
      const registry = new FinalizationRegistry(() => freed = true);
      const start = () => {
        const onProgress = (n) => n;
        registry.register(onProgress, 0);
        return new Deferred(({ report }) => report(1), { onProgress });
      };
      held.push(start());
      await held[0];
      for (let i = 0; i < 200 && !freed; i++) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        (globalThis.gc ?? Bun.gc)(true);
      }
      for await (const last of held[0].progress) console.log(freed, last);`);
    assert.equal(said, "true 1");
  });
});

describe("progress, iterated", () => {
  test("gives the latest, ends with the task, and then gives the last", async () => {
    const task = pool.defer((n, { report }: Reporter<number>) => {
      for (let i = 1; i <= n; i++) report(i);
      return "done";
    }, { args: [1000], progress: true });
    const progress: AsyncIterable<number> = task.progress;
    const values = await all(progress);
    assert.deepEqual(values, values.toSorted((a, b) => a - b));
    assert.equal(values.at(-1), 1000);
    const result: string = await task;
    assert.equal(result, "done");
    assert.deepEqual(await all(task.progress), [1000]);
    assert.deepEqual(await all(task.progress), [1000]);
  });

  test("gives each when it keeps pace, beside onProgress, to as many as there are", async () => {
    const steps: (() => void)[] = [];
    let arrived = 0;
    const seen: number[] = [];
    const task = pool.defer(inTurn, {
      args: [20],
      host: { had: () => new Promise<void>((resolve) => steps.push(resolve)) },
      onProgress: (i: number) => void seen.push(i),
    });
    const readers = await Promise.all([1, 2].map(async () => {
      const values: number[] = [];
      for await (const value of task.progress) {
        values.push(value);
        await until(() => steps.length === value, "the task waits for its host");
        // The last to come lets the task go on.
        if (++arrived % 2 === 0) steps[value - 1]!();
      }
      return values;
    }));
    const each = Array.from({ length: 20 }, (_, i) => i + 1);
    assert.deepEqual([...readers, seen], [each, each, each]);
  });
  test("is slow: what it missed is not kept", async () => {
    const done = new Int32Array(new SharedArrayBuffer(4));
    const task = pool.defer((done, { report }: Reporter<number>) => {
      for (let i = 1; i <= 5000; i++) report(i);
      Atomics.store(done, 0, 1);
    }, { args: [done], progress: true });
    const values: number[] = [];
    for await (const value of task.progress) {
      values.push(value);
      if (values.length === 1) {
        await until(() => Atomics.load(done, 0) === 1, "all was reported");
        await task;
      }
    }
    assert.ok(values.length <= 2, `${values}`);
    assert.equal(values.at(-1), 5000);
  });

  test("may be left early, and taken up again; the task goes on", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const task = pool.defer(
      async ({ report, wait }: Reporter<number> & { wait(): Promise<void> }) => {
        report(1);
        await wait();
        report(2);
        return 3;
      },
      { host: { wait: () => promise }, progress: true },
    );
    for await (const value of task.progress) {
      assert.equal(value, 1);
      break;
    }
    resolve();
    assert.equal(await task, 3);
    assert.deepEqual(await all(task.progress), [2]);
  });

  test("ends when the task fails, is cancelled, or its pool destroyed; the promise says why", async () => {
    const failing = pool.defer(({ report }: Reporter<number>) => {
      report(1);
      throw new RangeError("why");
    }, { progress: true });
    assert.deepEqual(await all(failing.progress), [1]);
    await assert.rejects(failing, /why/);

    const forever = async ({ report }: Reporter<number>) => {
      report(1);
      await new Promise((resolve) => setTimeout(resolve, 1e9));
    };
    const cancelled = pool.defer(forever, { progress: true });
    for await (const value of cancelled.progress) {
      assert.equal(value, 1);
      cancelled.cancel("no more");
    }
    assert.equal(await cancelled.catch(String), "no more");

    const own = new DeferredPool({ maxThreads: 1 });
    const destroyed = own.defer(forever, { progress: true });
    for await (const _ of destroyed.progress) own.destroy("closed");
    assert.equal(await destroyed.catch(String), "closed");

    const never = own.defer(forever, { progress: true });
    assert.deepEqual(await all(never.progress), []);
    await assert.rejects(never, /closed/);
  });

  test("says so if the task reports nothing", async () => {
    const task = pool.run(() => 1);
    await assert.rejects(
      all(task.progress),
      (error: Error) =>
        error instanceof TypeError && /start it with \{ progress: true \}/.test(error.message),
    );
    assert.equal(await task, 1);
    for (const options of [{}, { host: { log() {} } }]) {
      await assert.rejects(
        pool.eval("report(1)", options),
        /^ReferenceError: report is not defined: it is there if the task has .*`onProgress`/,
      );
    }
    const silent = pool.defer(() => 1, { progress: true });
    assert.deepEqual(await all(silent.progress), []);
  });
});

describe("the options", () => {
  test("of a wrapped function, and of a pool, count for each of their tasks", async () => {
    const seen: unknown[] = [];
    const note = (from: string) => (value: unknown, { name }: { name: string }) =>
      void seen.push([from, value, name]);
    await using own = new DeferredPool({ maxThreads: 1, onProgress: note("pool") });
    const say = (n: number, { report }: Reporter<number>) => report(n);
    await own.run(say as (n: number) => void, 1);
    await own.eval("report(2)", { name: "text" });
    const wrapped = own.wrap(say, { onProgress: note("wrapped"), name: "say" });
    await wrapped(3);
    await wrapped.with({ onProgress: note("with"), name: "with" })(4);
    await own.defer(say, { args: [5], progress: true, name: "defer" });
    assert.deepEqual(seen, [
      ["pool", 1, "say"],
      ["pool", 2, "text"],
      ["wrapped", 3, "say"],
      ["with", 4, "with"],
      ["pool", 5, "defer"],
    ]);
    const none = (...all: unknown[]) => all.length;
    assert.equal(await own.defer(none, { progress: false }), 0);
    assert.equal(await own.wrap(none).with({ progress: false })(), 0);
    await using iterated = new DeferredPool({ maxThreads: 1, progress: true });
    assert.deepEqual(await all(iterated.eval("report(6)").progress), [6]);
  });

  test("are checked where they are written", () => {
    const fn = () => 1;
    const refused = (call: () => unknown, message: RegExp) =>
      assert.throws(call, { name: "TypeError", message });
    for (const bad of [1, "f", {}, null] as never[]) {
      refused(
        () => new Deferred(fn, { onProgress: bad }),
        /\{ onProgress \}\): onProgress must be a function/,
      );
      refused(() => new DeferredPool({ onProgress: bad }), /onProgress must be a function/);
      refused(() => pool.wrap(fn).with({ onProgress: bad }), /onProgress must be a function/);
      refused(() => pool.eval("1", { progress: bad }), /progress must be true or false/);
    }
    refused(
      () => new Deferred(fn, { onProgress: () => {}, progress: false } as never),
      /leave out one of them/,
    );
    refused(
      () => new Deferred(fn, { onprogres: () => {} } as never),
      /did you mean `onProgress`\?/,
    );
    const report = () => {};
    const hides = /host\.report would hide the `report`/;
    refused(() => new Deferred(fn, { host: { report }, progress: true } as never), hides);
    refused(() => pool.wrap(fn, { host: { report } } as never).with({ progress: true }), hides);
    refused(() => pool.eval("1", { host: { report }, onProgress: () => {} }), hides);
    refused(
      () => pool.eval("1", { scope: { report: 1 }, onProgress: () => {} }),
      /scope\.report would hide/,
    );
  });
});

describe("a flood of reports", () => {
  test("is one report in a turn of the loop, which goes on, and the last is there", async () => {
    let turns = 0, last = 0, calls = 0, running = true, together = 0, turn = -1;
    const tick = () => {
      turns++;
      if (running) setImmediate(tick);
    };
    setImmediate(tick);
    await pool.defer(({ report }) => {
      for (let i = 1; i <= 1_000_000; i++) report(i);
    }, {
      onProgress(i: number) {
        assert.ok(i > last);
        last = i;
        calls++;
        if (turn === turns) together++;
        turn = turns;
      },
    });
    running = false;
    assert.equal(last, 1_000_000);
    assert.ok(calls < 200_000, `${calls} calls`);
    // A wake-up may fall into the turn of a poll, and one at the task's end does.
    assert.ok(together <= calls / 4 + 2, `${together} of ${calls} in one turn with another`);
  });

  test("of large ones takes no more memory than the latest", async () => {
    const seen = { last: 0, calls: 0 };
    const before = process.memoryUsage.rss();
    await pool.defer(({ report }) => {
      for (let i = 1; i <= 3000; i++) report(new Uint8Array(1e6).fill(i));
    }, {
      onProgress(bytes: Uint8Array) {
        seen.calls++;
        seen.last = bytes[0]!;
        const end = performance.now() + 5; // it is slow
        while (performance.now() < end);
      },
    });
    assert.equal(seen.last, 3000 % 256);
    assert.ok(
      process.memoryUsage.rss() - before < 700e6,
      `${(process.memoryUsage.rss() - before) / 1e6} MB more`,
    );
  });
});
