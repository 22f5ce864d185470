/**
 * Functions of the host that a task calls synchronously: values, errors, order, ends, threads.
 */
import { strict as assert } from "node:assert";
import { after, describe, test } from "node:test";
import {
  Deferred,
  DeferredPool,
  type Host,
  type HostCall,
  sync,
  type SyncHostFunction,
  type SyncHostMethod,
  transfer,
} from "../mod.ts";
import { MOD, outputOf } from "./support/process.ts";
import { until } from "./support/wait.ts";

const pool = new DeferredPool({ maxThreads: 2 });
const trusting = new DeferredPool({ maxThreads: 1, syncCalls: true });
after(() => Promise.all([pool.close(), trusting.close()]));
const ms = (time: number) => new Promise((resolve) => setTimeout(resolve, time));

describe("a function that a task calls synchronously", () => {
  test("gives its value, or that of its promise, and is typed so", async () => {
    const double: SyncHostFunction<(n: number) => number> = sync((n: number) => n * 2);
    const host = {
      double,
      tools: { later: sync(async (n: number) => (await ms(1), { n })), sum: (a: number) => a + 1 },
    };
    const task = new Deferred(
      (n, host) => {
        const doubled: number = host.double(n);
        const later: { n: number } = host.tools.later(doubled);
        const sum: Promise<number> = host.tools.sum(later.n);
        return sum;
      },
      { args: [4], host, pool },
    );
    assert.equal(await task, 9);
    const twice = (n: number, host: { double: SyncHostMethod<[n: number], number> }) =>
      host.double(host.double(n));
    assert.equal(await new Deferred(twice, { args: [5], host: { double } }), 20);
    const typed = (n: number, { tools }: Host<typeof host>) => tools.later(n).n;
    assert.deepEqual(await Promise.all([1, 2, 3].map((n) => pool.wrap(typed, { host })(n))), [
      1,
      2,
      3,
    ]);
    assert.equal(double.name, "");
    assert.equal(sync(function named() {}).name, "named");
    assert.throws(() => sync(7 as never), { message: /sync\(fn\): fn must be a function/ });
  });

  test("is called though there is no room, and what makes room came before", async () => {
    const alone = new DeferredPool({ maxThreads: 1 });
    const flags = new Int32Array(new SharedArrayBuffer(8));
    const host = {
      first() {
        while (Atomics.load(flags, 0) === 0); // until the thread has another task
        return 1;
      },
      second({ length }: Uint8Array) {
        setTimeout(() => Atomics.store(flags, 1, 1), 0);
        return length;
      },
      third: sync(() => 3),
    };
    const task = alone.defer(
      async (host) => {
        const second = new Uint8Array(300_000); // more than may be unread
        const calls = [host.first(), host.second(second)];
        await calls[0];
        return [host.third(), ...await Promise.all(calls)];
      },
      { host },
    );
    const other = alone.defer(
      (flags) => {
        Atomics.store(flags, 0, 1);
        while (Atomics.load(flags, 1) === 0);
      },
      { args: [flags] },
    );
    await other;
    assert.deepEqual(await task, [3, 1, 300_000]);
    await alone.close();
  });

  test("lets nothing else run until it is answered, a module that was waited for neither", async () => {
    const files: Record<string, string> = {
      "./waits.js": "log.push('begins'); wait(); log.push('ends'); export const x = 1",
      "./imports.js": "import { x } from './waits.js'; log.push(`imports ${x}`)",
    };
    let answered!: () => void;
    const importsIsThere = new Promise<void>((resolve) => answered = resolve);
    let waits!: () => void;
    const itWaits = new Promise<void>((resolve) => waits = resolve);
    const host = {
      wait: sync(async () => {
        waits();
        await importsIsThere;
        await ms(30); // so that the task has read what was answered before
      }),
    };
    const loader = {
      resolve: (specifier: string) => specifier,
      async load(url: string) {
        if (url === "./imports.js") {
          await itWaits;
          setTimeout(answered, 0);
        }
        return files[url]!;
      },
    };
    const log = await trusting.eval(
      `globalThis.log = [];
      const all = [import("./imports.js"), import("./waits.js")];
      await all[1];
      await all[0];
      export default log`,
      { host, loader },
    );
    assert.deepEqual(log, ["begins", "ends", "imports 1"]);
  });

  test("finds what every function of the host does as `this`", async () => {
    const who = sync(function (this: HostCall, ...rest: unknown[]): string {
      return `${this.task} ${this.call} ${this.signal.aborted} ${rest.length}`;
    });
    const fn = (host: Host<{ who: typeof who }>) => [host.who(), host.who(1, undefined)];
    assert.deepEqual(await new Deferred(fn, { host: { who }, name: "asks", pool }), [
      "asks 1 false 0",
      "asks 2 false 2",
    ]);
  });

  test("throws in the task what it throws, or why it can't be called", async () => {
    const host = {
      fail: sync((name: string) => {
        throw new RangeError(name, { cause: 7 });
      }),
      reject: sync(() => Promise.reject("no error")),
      odd: sync(() => () => 1),
    };
    const said = await new Deferred(
      (host) => {
        const said: unknown[] = [];
        const tell = (call: () => unknown) => {
          try {
            said.push(call());
          } catch (error) {
            const { name, message, cause } = error as Error;
            said.push(name === undefined ? error : [name, message, cause]);
          }
        };
        tell(() => host.fail("why"));
        tell(host.reject);
        tell(host.odd);
        tell(() => (host.fail as (value: unknown) => void)(() => 1));
        return said;
      },
      { host, pool },
    );
    assert.deepEqual(
      said,
      [
        ["RangeError", "why", 7],
        "no error",
        ["DataCloneError", "odd() returned: a function can't be cloned", undefined],
        [
          "DataCloneError",
          "fail() was passed args[0]: a function can't be cloned; it stays in the task: call it there, with what the host returns",
          undefined,
        ],
      ].map((each, i) => i === 2 ? (said as unknown[])[2] : each),
    );
    assert.equal((said as string[][])[2]![0], "DataCloneError");
    const error = await new Deferred((host) => host.fail("x"), { host, pool }).catch((e) => e);
    assert.ok(error instanceof RangeError && error.message === "x");
  });

  test("moves buffers both ways", async () => {
    const back = sync((bytes: Uint8Array) => transfer(bytes, [bytes.buffer as ArrayBuffer]));
    const lengths = await new Deferred(
      (host) => {
        let bytes = new Uint8Array(6_000_000).fill(3);
        const first = bytes;
        for (let i = 0; i < 5; i++) {
          bytes = host.back.with({ transfer: [bytes.buffer] })(bytes) as typeof bytes;
        }
        return [first.length, bytes.length, bytes[5_999_999]];
      },
      { host: { back }, pool },
    );
    assert.deepEqual(lengths, [0, 6_000_000, 3]);
  });

  test("is called in order with others, whose promises settle afterwards", async () => {
    const calls: string[] = [];
    const log = (text: string): string => (calls.push(text), text);
    const wait = sync(async (text: string): Promise<string> => (log(text), await ms(5), text));
    const order = await new Deferred(
      async (host) => {
        const order: string[] = [];
        const one = host.log("1").then((text) => order.push(text));
        order.push(host.wait("2"));
        const three = host.log("3").then((text) => order.push(text));
        order.push(host.wait("4"));
        order.push("now");
        await Promise.all([one, three]);
        return order;
      },
      {
        host: { log, wait },
        pool,
        hostCalls: { concurrent: 1 },
      },
    );
    assert.deepEqual(calls, ["1", "2", "3", "4"]);
    assert.deepEqual(order, ["2", "4", "now", "1", "3"]);
  });

  test("goes on when a flood of other calls has left no room", async () => {
    let bytes = 0;
    const total = await new Deferred(
      (host) => {
        let total = 0;
        for (let i = 0; i < 300; i++) {
          host.log("x".repeat(5000));
          if (i % 50 === 0) total += host.count();
        }
        return total;
      },
      { host: { log: (text: string) => void (bytes += text.length), count: sync(() => 1) }, pool },
    );
    assert.deepEqual([total, bytes], [6, 1_500_000]);
  });

  test("can't be called while arguments, or the answer of another, are looked at", async () => {
    const host = {
      f: sync((value: unknown) => value),
      g: async (n: number) => (await ms(5), { n }),
    };
    const said = await new Deferred(
      async (host) => {
        const said: string[] = [];
        const tell = () => {
          try {
            host.f(1);
          } catch (error) {
            said.push((error as Error).message);
          }
        };
        host.f({
          get a() {
            tell();
            return 1;
          },
        });
        const other = host.g(3);
        Object.defineProperty(Object.prototype, "then", {
          get: () => tell(),
          configurable: true,
        });
        for (let i = 0; i < 30; i++) host.f(i);
        await new Promise((resolve) => setTimeout(resolve, 20));
        host.f(5);
        delete (Object.prototype as { then?: unknown }).then;
        await other;
        return said;
      },
      { host, pool },
    );
    assert.match(said[0]!, /while the arguments of another call are read/);
    for (const rest of said.slice(1)) assert.match(rest, /can't be called while another one is/);
  });

  test("50,000 times, from tasks on all threads", async () => {
    const host = { add: sync((a: number, b: number) => a + b) };
    const sums = await Promise.all(
      [1, 2, 3, 4].map((n) =>
        pool.defer((n, host) => {
          let sum = 0;
          for (let i = 0; i < 12_500; i++) sum = host.add(sum, n);
          return sum;
        }, { args: [n], host })
      ),
    );
    assert.deepEqual(sums, [12_500, 25_000, 37_500, 50_000]);
  });
});

describe("a task that waits for such a call ends", () => {
  const never = sync((): number => new Promise<number>(() => {}) as never);

  test("by its timeout, by cancelling, with its pool; and the signal says so", async () => {
    const aborted: unknown[] = [];
    const hang = sync(function (this: HostCall): Promise<void> {
      this.signal.addEventListener("abort", () => aborted.push(this.task));
      return new Promise(() => {});
    });
    const own = new DeferredPool({ maxThreads: 3, host: { hang } });
    const begun = (n: number) => until(() => own.threads >= n && own.queueSize === 0, "it runs");
    const timed = own.defer((host) => host.hang(), { timeout: 20, name: "timed" });
    await assert.rejects(timed, { name: "TimeoutError" });
    const cancelled = own.defer((host) => host.hang(), { name: "cancelled" });
    await begun(1);
    await ms(5);
    cancelled.cancel();
    await assert.rejects(cancelled, { name: "AbortError" });
    const destroyed = own.defer((host) => host.hang(), { name: "destroyed" });
    await begun(1);
    await ms(5);
    own.destroy();
    await assert.rejects(destroyed, { name: "PoolClosedError" });
    assert.deepEqual(aborted, ["timed", "cancelled", "destroyed"]);
  });

  test("and its thread goes on with other tasks", async () => {
    await using own = new DeferredPool({ maxThreads: 1 });
    for (let i = 0; i < 5; i++) {
      const task = own.defer((host) => host.never(), { host: { never }, timeout: 5 });
      const next = own.run((n: number) => n, i);
      await assert.rejects(task, { name: "TimeoutError" });
      assert.equal(await next, i);
    }
    assert.equal(own.threads, 1);
  });

  test("not by its cpuLimit: waiting takes no time of a processor", async () => {
    const slow = sync(() => ms(100));
    const task = new Deferred((host) => (host.slow(), 7), { host: { slow }, pool, cpuLimit: 60 });
    assert.equal(await task, 7);
  });

  test("also if an answer comes when it has ended", async () => {
    let answer!: () => void;
    const late = sync(() => new Promise<void>((resolve) => answer = resolve));
    const task = pool.defer((host) => host.late(), { host: { late }, timeout: 10 });
    await assert.rejects(task, { name: "TimeoutError" });
    answer();
    assert.equal(await pool.run(() => 1), 1);
  });
});

describe("the threads of a pool in which all wait", () => {
  test("are as many more as tasks of the functions that they wait for need, and go again", async () => {
    const own = new DeferredPool({ maxThreads: 1 });
    const fib = async (n: number): Promise<number> => {
      if (n < 2) return n;
      const task = (n: number, host: { fib: SyncHostMethod<[number], number> }) =>
        host.fib(n - 1) + host.fib(n - 2);
      return await own.defer(task, { args: [n], host: { fib: sync(fib) } });
    };
    assert.equal(await fib(7), 13);
    const inTask = own.defer(
      (host) => [host.outer(3), host.outer(4)],
      { host: { outer: sync(fib) } },
    );
    assert.deepEqual(await inTask, [2, 3]);
    await until(() => own.threads === 1, "the other threads have left");
    assert.equal(await own.run(() => 5), 5);
    await own.close();
  });

  test("don't keep one another from it, whoever waits for whom", async () => {
    const own = new DeferredPool({ maxThreads: 2 });
    const inner = sync(async (n: number) => await own.run((n: number) => n * 10, n));
    const all = await Promise.all(
      Array.from(
        { length: 60 },
        (_, i) => own.defer((n, host) => host.inner(n) + 1, { args: [i], host: { inner } }),
      ),
    );
    assert.deepEqual(all, Array.from({ length: 60 }, (_, i) => i * 10 + 1));
    await own.close();
  });
});

describe("code that is text", () => {
  const host = { lookup: sync(async (key: string) => (await null, key.length)) };

  test("is refused such a function, and told what to do", async () => {
    const refused = {
      name: "TypeError",
      message:
        /host \}\): lookup\(\) is called synchronously .*\{ syncCalls: true \}; else offer it/,
    };
    assert.throws(() => Deferred.eval("lookup('tea')", { host }), refused);
    assert.throws(() => pool.eval("1", { host }), refused);
    await using own = new DeferredPool({ host: { tools: { lookup: host.lookup } }, maxThreads: 1 });
    assert.throws(() => own.eval("1"), { message: /: tools\.lookup\(\) is called synchron/ });
    assert.throws(() => new DeferredPool({ syncCalls: 1 as never }), {
      message: /syncCalls must be true or false, got the number 1/,
    });
    assert.throws(() => Deferred.eval("1", { syncCalls: true } as never), {
      message: /it is a pool's: new DeferredPool\(\{ syncCalls \}\)/,
    });
  });

  test("calls it as a plain function in a pool that says so", async () => {
    await using own = new DeferredPool({ host, syncCalls: true, maxThreads: 2 });
    assert.equal(await own.eval("lookup('tea') * 2 + lookup('cake')"), 10);
    const text = "const n = ['a', 'bb'].map(lookup); export default n.join()";
    assert.equal(await own.eval(text), "1,2");
    await assert.rejects(own.eval("lookup()"), { name: "TypeError" });
  });
});

test("a host's Worker calls and moves as well, and dies while tasks wait on their threads", async () => {
  const worker = `
    import { parentPort } from "node:worker_threads";
    import { DeferredPool, sync, transfer } from ${JSON.stringify(MOD)};
    const lengths = [];
    const host = {
      add: sync((a, b) => a + b),
      load: (n) => {
        const bytes = new Uint8Array(n);
        return transfer(bytes, [bytes.buffer]);
      },
      store: (bytes) => void lengths.push(bytes.length),
      never: sync(() => new Promise(() => {})),
    };
    const pool = new DeferredPool({ maxThreads: 2, host });
    const sums = await pool.run(async (host) => {
      const bytes = await host.load(700_000), more = new Uint8Array(6e6);
      await host.store.with({ transfer: [bytes.buffer] })(bytes);
      await host.store.with({ transfer: [more.buffer] })(more);
      return [host.add(bytes.length, 1), host.add(more.length, 2)];
    });
    const waiting = [1, 2, 3].map(() => pool.run((host) => host.never()));
    setTimeout(() => parentPort.postMessage([sums, lengths].join()), 20);
    await Promise.all(waiting);
  `;
  const said = await outputOf(
    `
    import { Worker } from "node:worker_threads";
    const worker = new Worker(new URL("worker.mjs", import.meta.url));
    worker.on("error", (error) => console.log(String(error)));
    worker.on("message", async (said) => {
      await worker.terminate();
      console.log(said);
    });
  `,
    { files: { "worker.mjs": worker } },
  );
  assert.equal(said, "1,2,700000,6000000");
});
