/**
 * Memory that crosses without a copy, or with one: SharedArrayBuffers with their Atomics, large
 * buffers that are cloned, and buffers that are transferred, in and out.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { after, describe, test } from "node:test";
import { loadNative } from "../ffi/load.ts";
import type { Native } from "../ffi/native.ts";
import { DataCloneError, Deferred, DeferredMemoryError, DeferredPool } from "../mod.ts";
import { outputOf, runProgram } from "./support/process.ts";
import { shared } from "./support/tasks.ts";
import { pause, until } from "./support/wait.ts";

const pool = new DeferredPool({ maxThreads: 2 });
after(() => pool.close());

const MIB = 2 ** 20;
const sizes = [0, 1, 7, 4096, 65_535, 65_536, 65_537, MIB + 1, 16 * MIB];

/** A value that holds a buffer of 2 MiB, views of it, and itself. */
function viewsOf(buffer: ArrayBuffer): Record<string, unknown> {
  const value: Record<string, unknown> = {
    all: buffer,
    tail: new Float64Array(buffer, MIB, 4),
    data: new DataView(buffer, 8, 16),
  };
  value.self = value;
  new Float64Array(buffer, MIB)[1] = 2.5;
  return value;
}

async function refusal(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  assert.fail("it was to reject");
}

describe("shared memory", () => {
  test("is the same in the host and in all tasks", async () => {
    const counter = new Int32Array(new SharedArrayBuffer(16));
    const add = (all: Int32Array, by: number): number => {
      for (let i = 0; i < 5000; i++) Atomics.add(all, 1, by);
      all[2] = 7;
      return all.length;
    };
    const lengths = await Promise.all([1, 2, 3, 4].map((by) => pool.run(add, counter, by)));
    assert.deepEqual(lengths, [4, 4, 4, 4]);
    assert.deepEqual([...counter], [0, 50_000, 7, 0]);
  });

  test("comes back as the very same buffer", async () => {
    const shared = new SharedArrayBuffer(8);
    const view = new Uint8Array(shared, 2, 3);
    const back = await pool.run(
      (b: SharedArrayBuffer, v: Uint8Array) => ({
        b,
        same: v.buffer === b,
        all: [v.byteOffset, v.length],
        half: new Uint16Array(b, 4),
        tag: Object.prototype.toString.call(b),
      }),
      shared,
      view,
    );
    assert.equal(back.b, shared);
    assert.equal(back.half.buffer, shared);
    assert.equal(back.same, true);
    assert.equal(back.tag, "[object SharedArrayBuffer]");
    assert.deepEqual([back.all, back.half.byteOffset, back.half.length], [[2, 3], 4, 2]);
  });

  test("of any length; any SharedArrayBuffer will do", async () => {
    for (const size of sizes) {
      const bytes = new Uint8Array(new SharedArrayBuffer(size)).fill(3);
      const sum = await pool.run((b: Uint8Array) => {
        const sum = b.reduce((a, x) => a + x, 0);
        if (b.length > 0) b[b.length - 1] = 9;
        return sum;
      }, bytes.subarray(Math.max(0, size - 1000)));
      assert.equal(sum, 3 * Math.min(size, 1000));
      if (size > 0) assert.equal(bytes[size - 1], 9);
    }
  });

  test("every kind of view and every operation of Atomics", async () => {
    const shared = new SharedArrayBuffer(64);
    const got = await pool.run((b: SharedArrayBuffer) => {
      const narrow = new Uint8Array(b);
      const half = new Int16Array(b);
      const whole = new Int32Array(b);
      const wide = new BigInt64Array(b);
      return [
        Atomics.store(whole, 4, 5),
        Atomics.add(whole, 4, 3),
        Atomics.sub(whole, 4, 1),
        Atomics.and(whole, 4, 6),
        Atomics.or(whole, 4, 9),
        Atomics.xor(whole, 4, 1),
        Atomics.exchange(whole, 4, 100),
        Atomics.compareExchange(whole, 4, 100, 101),
        Atomics.compareExchange(whole, 4, 100, 102),
        Atomics.load(whole, 4),
        Atomics.add(narrow, 1, 300),
        Atomics.add(half, 1, -1),
        Atomics.add(wide, 3, 2n ** 40n),
        Atomics.isLockFree(4),
      ];
    }, shared);
    assert.deepEqual(got, [5, 5, 8, 7, 6, 15, 14, 100, 101, 101, 0, 0, 0n, true]);
    assert.equal(new Uint8Array(shared)[1], 300 - 256);
    assert.equal(new BigInt64Array(shared)[3], 2n ** 40n);
  });

  test("a task waits until another one notifies it", async () => {
    for (const Ints of [Int32Array, BigInt64Array] as const) {
      const all = new Ints(new SharedArrayBuffer(64) as never) as Int32Array;
      const waiting = pool.run((a: Int32Array) => {
        const zero = a.BYTES_PER_ELEMENT === 8 ? 0n : 0;
        return Atomics.wait(a, 1, zero as number);
      }, all);
      const woken = pool.run((a: Int32Array) => {
        for (;;) {
          const count = Atomics.notify(a, 1);
          if (count > 0) return count;
        }
      }, all);
      assert.deepEqual(await Promise.all([waiting, woken]), ["ok", 1]);
    }
  });

  test("a task waits for what the host stores", async () => {
    let end: string | undefined;
    for (let ms = 1; end !== "ok" && ms < 10_000; ms *= 2) {
      const all = shared(2);
      const waiting = pool.run((a: Int32Array) => {
        Atomics.store(a, 1, 1);
        return [Atomics.wait(a, 0, 0), Atomics.load(a, 0)] as const;
      }, all);
      await until(() => Atomics.load(all, 1) === 1, "the task is about to wait");
      await pause(ms); // it may come too late for that, on a busy machine
      Atomics.store(all, 0, 42);
      const [how, value] = await waiting;
      assert.equal(value, 42);
      end = how;
    }
    assert.equal(end, "ok");
  });

  test("a wait ends by its own timeout, or not at all begins", async () => {
    const all = new Int32Array(new SharedArrayBuffer(8));
    const got = await pool.run((a: Int32Array) => [
      Atomics.wait(a, 0, 0, 5),
      Atomics.wait(a, 0, 1),
      Atomics.wait(a, 0, 0, -1),
      Atomics.wait(a, 0, 0, 0),
    ], all);
    assert.deepEqual(got, ["timed-out", "not-equal", "timed-out", "timed-out"]);
  });

  test("a task that waits for ever is ended by its timeout, or cancelled", async () => {
    const all = new Int32Array(new SharedArrayBuffer(8));
    const wait = (a: Int32Array): string => Atomics.wait(a, 0, 0);
    for (let i = 0; i < 20; i++) {
      const late = pool.defer(wait, { args: [all], timeout: 5 });
      assert.equal((await refusal(late)).name, "TimeoutError");
      const cancelled = pool.run(wait, all);
      setTimeout(() => cancelled.cancel(), 2);
      assert.equal((await refusal(cancelled)).name, "AbortError");
    }
    // Nothing of theirs is in the way of another.
    const waiting = pool.run(wait, all);
    await pool.run((a: Int32Array) => {
      while (Atomics.notify(a, 0, 1) === 0);
    }, all);
    assert.equal(await waiting, "ok");
  });

  test("two tasks hand a turn to each other, thousands of times", async () => {
    const all = new Int32Array(new SharedArrayBuffer(12));
    const play = (a: Int32Array, me: number): number => {
      for (let i = 0; i < 2000; i++) {
        while (Atomics.load(a, 0) !== me) Atomics.wait(a, 0, 1 - me);
        a[1]!++; // no one else is at it
        Atomics.store(a, 0, 1 - me);
        Atomics.notify(a, 0);
      }
      return me;
    };
    assert.deepEqual(await Promise.all([pool.run(play, all, 0), pool.run(play, all, 1)]), [0, 1]);
    assert.equal(all[1], 4000);
  });

  test("a Buffer that is a part of it is no copy", async () => {
    const all = new Uint8Array(new SharedArrayBuffer(100));
    const part = Buffer.from(all.buffer, 10, 20);
    assert.equal(await Deferred.run((b: Uint8Array) => (b[0] = 42, b.byteOffset), part), 10);
    assert.equal(all[10], 42);
  });

  test("of WebAssembly is the same memory, before and after it grows", async () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 4, shared: true });
    const PAGE = 2 ** 16;
    const write = (b: SharedArrayBuffer, at: number, value: number) => {
      new Uint8Array(b)[at] = value;
      return b.byteLength;
    };
    const before = memory.buffer as unknown as SharedArrayBuffer;
    assert.equal(await pool.run(write, before, 5, 6), PAGE);
    memory.grow(2);
    const grown = memory.buffer as unknown as SharedArrayBuffer;
    assert.equal(await pool.run(write, grown, 3 * PAGE - 1, 7), 3 * PAGE);
    assert.equal(await pool.run(write, before, 8, 9), PAGE, "the older one is as long as it was");
    const bytes = new Uint8Array(memory.buffer);
    assert.deepEqual([bytes[5], bytes[3 * PAGE - 1], bytes[8]], [6, 7, 9]);
    const view = new Int32Array(grown, PAGE, 4);
    await pool.run((v: Int32Array) => Atomics.add(v, 1, 40) + Atomics.add(v, 1, 2), view);
    assert.equal(view[1], 42);
  });

  test("is as long as it is, whatever it says", async () => {
    class Liar extends SharedArrayBuffer {
      override get byteLength(): number {
        return 2 ** 20;
      }
    }
    const length = (b: SharedArrayBuffer) => b.byteLength;
    assert.equal(await Deferred.run(length, new Liar(8)), 8);
    const lying = Object.defineProperty(new SharedArrayBuffer(8), "byteLength", { value: 2 ** 20 });
    assert.equal(await Deferred.run(length, lying), 8);
  });

  test("what can't be shared is refused", async () => {
    const growable = new SharedArrayBuffer(8, { maxByteLength: 16 });
    await assert.rejects(() => pool.run((b: SharedArrayBuffer) => b, growable), {
      name: "DataCloneError",
      message: /args\[0\].*growable/,
    });
    const made = await refusal(pool.run(() => ({ a: [new SharedArrayBuffer(8)] })));
    assert.ok(made instanceof DataCloneError);
    assert.equal(made.path, "result.a[0]");
  });

  test("outlives a pool that is destroyed while its tasks write", async () => {
    for (let i = 0; i < 5; i++) {
      const doomed = new DeferredPool({ maxThreads: 2 });
      const tasks = [1, 2].map(() =>
        refusal(doomed.run((b: Uint8Array) => {
          for (;;) b.fill(1);
        }, new Uint8Array(new SharedArrayBuffer(4 * MIB))))
      );
      await new Promise((resolve) => setTimeout(resolve, 5));
      doomed.destroy();
      await Promise.all(tasks);
    }
    assert.equal(await pool.run(() => 1), 1);
  });

  test("a process may exit while tasks write to its memory", async () => {
    for (let i = 0; i < 3; i++) {
      const { code, signal, stderr } = await runProgram(`
        const shared = new Uint8Array(new SharedArrayBuffer(64 * 2 ** 20));
        const buffer = new ArrayBuffer(8 * 2 ** 20);
        const write = (b) => { for (;;) b.fill(1); };
        Deferred.run(write, shared).catch(() => {});
        new Deferred((b) => { for (;;) new Uint8Array(b).fill(1); }, { args: [buffer], transfer: [buffer] }).catch(() => {});
        setTimeout(() => process.exit(7), 20);
      `);
      assert.deepEqual([code, signal], [7, null], stderr);
    }
  });

  test("a Worker can't share its memory, which ends with it; the main thread can share with both", async () => {
    const out = await outputOf(
      `
      import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";
      const shared = new Int32Array(new SharedArrayBuffer(8));
      const worker = new Worker(new URL("./worker.mjs", import.meta.url), { workerData: shared });
      worker.on("message", async (message) => {
        console.log(message);
        await Deferred.run((a) => Atomics.add(a, 1, 5), shared);
        console.log(shared[0], shared[1]);
        worker.terminate();
      });
    `,
      {
        files: {
          "worker.mjs": `
          import { parentPort, workerData } from "node:worker_threads";
          import { Deferred } from ${JSON.stringify(new URL("../mod.ts", import.meta.url).href)};
          Atomics.store(workerData, 0, 3);
          let refused;
          try { await Deferred.run((a) => a, workerData); } catch (error) { refused = error.message; }
          const buffer = new ArrayBuffer(100000);
          const length = await new Deferred((b) => b.byteLength, { args: [buffer], transfer: [buffer] });
          parentPort.postMessage([refused.includes("main thread"), buffer.detached, length].join());
        `,
        },
      },
    );
    assert.equal(out, "true,true,100000\n3 5");
  });
});

describe("large buffers that are cloned", () => {
  test("are two: what one side does the other does not see", async () => {
    for (const size of sizes) {
      const bytes = new Uint8Array(size).fill(5);
      const task = pool.run((b: Uint8Array) => {
        const sum = b.subarray(0, 1000).reduce((a, x) => a + x, 0);
        return { sum, all: b.fill(1), made: new Uint8Array(b.length).fill(2) };
      }, bytes);
      bytes.fill(9);
      const { sum, all, made } = await task;
      assert.equal(sum, 5 * Math.min(size, 1000));
      assert.ok(bytes.every((x) => x === 9));
      assert.ok(all.length === size && all.every((x) => x === 1));
      assert.ok(made.length === size && made.every((x) => x === 2));
      all.fill(3);
      made.fill(3);
      const again = await pool.run((b: Uint8Array) => b, bytes);
      assert.ok(again !== bytes && again.every((x) => x === 9));
    }
  });

  test("of 2 GB or more are refused, as no task can have one", async () => {
    const size = 2 ** 31;
    for (const value of [new ArrayBuffer(size), new SharedArrayBuffer(size), new Int8Array(size)]) {
      for (const transfer of [[], value instanceof ArrayBuffer ? [value] : []]) {
        await assert.rejects(
          () => pool.defer((v: unknown) => v, { args: [value], transfer }),
          { name: "DataCloneError", message: /^args\[0\].*2 GB.*in parts/ },
        );
      }
    }
    const growing = new ArrayBuffer(8, { maxByteLength: size });
    await assert.rejects(() => pool.run((b: unknown) => b, growing), /2 GB/);
  });

  test("keep views, sharing and cycles, both ways", async () => {
    const value = viewsOf(new ArrayBuffer(2 * MIB));
    const got = await pool.run((v: typeof value) => {
      const { all, tail, data, self } = v as { [key in keyof typeof v]: DataView };
      v.right = self === v as unknown && tail!.buffer === all as unknown &&
        data!.buffer === all as unknown;
      v.other = new Uint8Array(5 * 2 ** 20).fill(1);
      v.same = v.other;
      return v;
    }, value);
    assert.ok(got.right && got.self === got && got.other === got.same);
    const tail = got.tail as Float64Array;
    assert.ok(tail.buffer === got.all && (got.data as DataView).buffer === got.all);
    assert.deepEqual([tail.length, tail[1], (got.all as ArrayBuffer).byteLength], [
      4,
      2.5,
      2 * MIB,
    ]);
  });

  test("are as they were when they were met, whatever getters do then", async () => {
    const bytes = new Uint8Array(5 * MIB).fill(1);
    const value = {
      bytes,
      get then() {
        return bytes.fill(2).length;
      },
    };
    const first = await pool.run((v: typeof value) => v.bytes[0], value);
    assert.deepEqual([first, bytes[0]], [1, 2]);

    // Of the task's own making, and what came in as an argument.
    for (const given of [undefined, bytes]) {
      const got = await pool.run((given: Uint8Array<ArrayBuffer> | undefined) => {
        const bytes = given ?? new Uint8Array(5 * 2 ** 20);
        const other = new Uint8Array(5 * 2 ** 20).fill(7);
        bytes.fill(3);
        return {
          bytes,
          get later() {
            bytes.fill(4);
            return 1;
          },
          get gone() {
            const moved = new Uint8Array(bytes.buffer.transfer());
            moved[0] = 5;
            Array.from({ length: 10_000 }, (_, i) => ({ i })); // where they were, perhaps
            return moved;
          },
          other,
        };
      }, given);
      assert.ok(got.bytes.length === 5 * MIB && got.bytes.every((x) => x === 3));
      assert.ok(got.gone.length === 5 * MIB && got.gone[0] === 5 && got.gone[5 * MIB - 1] === 4);
      assert.ok(got.other.length === 5 * MIB && got.other.every((x) => x === 7));
    }
  });

  test("and their copies count as the task's memory, if a getter makes some necessary", async () => {
    const task = (both: boolean) => {
      const bytes = new Uint8Array(6 * 2 ** 20);
      const value = { bytes };
      return both ? Object.defineProperty(value, "x", { get: () => 1, enumerable: true }) : value;
    };
    const memoryLimit = 10 * MIB;
    const got = await pool.defer(task, { args: [false], memoryLimit });
    assert.equal(got.bytes.length, 6 * MIB);
    await assert.rejects(pool.defer(task, { args: [true], memoryLimit }), DeferredMemoryError);
  });

  test("come with what is thrown, and beside what can't", async () => {
    const error = await refusal(pool.run((given: Uint8Array) => {
      const bytes = new Uint8Array(5 * 2 ** 20).fill(3);
      const fields = { given, list: [bytes, () => {}], bytes: bytes.slice().fill(4), f: () => {} };
      throw Object.assign(new Error("with data"), fields);
    }, new Uint8Array(100_000).fill(6))) as Error & Record<string, Uint8Array> & {
      list: unknown[];
    };
    assert.equal(error.message, "with data");
    assert.ok(error.given!.length === 100_000 && error.given!.every((x) => x === 6));
    assert.ok(error.bytes!.length === 5 * MIB && error.bytes!.every((x) => x === 4));
    assert.match(String(error.list), /can't be cloned/);
    assert.match(String(error.f), /can't be cloned/);
  });

  test("of a shared value are copies for each result", async () => {
    await using own = new DeferredPool({ maxThreads: 1 });
    const table = { bytes: new Uint8Array(MIB).fill(1) };
    own.share(table);
    for (let i = 0; i < 3; i++) {
      const { buffer } = await own.run((t: typeof table) => ({ buffer: t.bytes.buffer }), table);
      const bytes = new Uint8Array(buffer);
      assert.ok(bytes.length === MIB && bytes.every((x) => x === 1));
      bytes.fill(2);
    }
  });

  test("may be a part of a Buffer, of which nothing else crosses", async () => {
    const whole = Buffer.alloc(MIB, "no");
    const part = whole.subarray(1000, 1000 + 100_000).fill(8);
    const got = await pool.run((b: Uint8Array) => ({ b, all: b.buffer.byteLength }), part);
    assert.equal(got.all, 100_000);
    assert.ok(got.b.length === 100_000 && got.b.every((x) => x === 8));
  });

  test("do not count as memory of the task's that they are given to", async () => {
    const args = [new Uint8Array(32 * MIB).fill(1)] as [Uint8Array];
    const sum = await pool.defer((b: Uint8Array) => b.reduce((a, x) => a + x, 0), {
      args,
      memoryLimit: 4 * MIB,
    });
    assert.equal(sum, 32 * MIB);
  });
});

describe("transfer into a task", () => {
  test("detaches here, arrives whole there", async () => {
    for (const size of sizes) {
      const bytes = new Uint8Array(size).fill(5);
      const { buffer } = bytes;
      const task = pool.defer((b: Uint8Array<ArrayBuffer>) => {
        const sum = b.subarray(0, 1000).reduce((a, x) => a + x, 0);
        b.fill(1);
        return [b.length, sum, b.buffer.byteLength, b.buffer.resizable];
      }, { args: [bytes], transfer: [buffer] });
      assert.equal(buffer.detached, true);
      assert.equal(bytes.length, 0);
      assert.deepEqual(await task, [size, 5 * Math.min(size, 1000), size, false]);
    }
  });

  test("what isn't an argument is detached all the same", async () => {
    const a = new ArrayBuffer(MIB);
    const b = new ArrayBuffer(10);
    const length = await pool.defer((x: ArrayBuffer) => x.byteLength, {
      args: [a],
      transfer: [a, b],
    });
    assert.deepEqual([length, a.detached, b.detached], [MIB, true, true]);
  });

  test("keeps views, sharing and cycles", async () => {
    const buffer = new ArrayBuffer(2 * MIB);
    const value = viewsOf(buffer);
    const got = await pool.defer((v: typeof value) => {
      const tail = v.tail as Float64Array;
      return [v.self === v, tail.buffer === v.all, (v.data as DataView).buffer === v.all, tail[1]];
    }, { args: [value], transfer: [buffer] });
    assert.deepEqual(got, [true, true, true, 2.5]);
  });

  test("a resizable buffer arrives resizable", async () => {
    const buffer = new ArrayBuffer(100_000, { maxByteLength: 200_000 });
    const got = await pool.defer((b: ArrayBuffer) => {
      b.resize(150_000);
      return [b.resizable, b.byteLength, b.maxByteLength];
    }, { args: [buffer], transfer: [buffer] });
    assert.deepEqual(got, [true, 150_000, 200_000]);
    assert.equal(buffer.detached, true);
  });

  test("the task does with it as with any other", async () => {
    const make = (): ArrayBuffer => new Uint8Array(100_000).fill(8).buffer;
    const run = <T>(fn: (b: ArrayBuffer) => T): Promise<T> => {
      const buffer = make();
      return pool.defer(fn, { args: [buffer], transfer: [buffer] });
    };
    const grown = await run((b) => {
      const larger = b.transfer(200_000);
      const bytes = new Uint8Array(larger);
      return [b.detached, larger.byteLength, bytes[99_999], bytes[100_000], bytes[199_999]];
    });
    assert.deepEqual(grown, [true, 200_000, 8, 0, 0]);
    assert.deepEqual(await run((b) => [b.transfer(10).byteLength, b.byteLength]), [10, 0]);
    assert.deepEqual(await run((b) => b.transfer(0).byteLength), 0);
    const twice = await run((b) => b.transfer(150_000).transfer(120_000));
    assert.deepEqual([twice.byteLength, new Uint8Array(twice)[99_999]], [120_000, 8]);
    const copy = await run((b) => b); // not transferred back: a copy
    assert.deepEqual(new Uint8Array(copy), new Uint8Array(make()));
  });

  test("does not count as memory of the task's", async () => {
    const buffer = new ArrayBuffer(32 * MIB);
    const options = {
      args: [buffer] as [ArrayBuffer],
      transfer: [buffer],
      memoryLimit: 4 * MIB,
    };
    assert.equal(await pool.defer((b: ArrayBuffer) => b.byteLength, options), 32 * MIB);
  });

  test("what can't be transferred is refused, before anything is detached", async () => {
    const good = new ArrayBuffer(8);
    const gone = new ArrayBuffer(8);
    gone.transfer();
    const wrong: [unknown[], RegExp][] = [
      [[good, good], /transfer\[1\].*twice/],
      [[good, gone], /transfer\[1\].*detached/],
      [[good, new Uint8Array(8)], /transfer\[1\].*view\.buffer/],
      [[good, new SharedArrayBuffer(8)], /transfer\[1\].*shared, not transferred/],
      [[good, { a: 1 }], /transfer\[1\]: only an ArrayBuffer/],
    ];
    for (const [transfer, message] of wrong) {
      await assert.rejects(
        () => pool.defer(() => 1, { transfer: transfer as ArrayBuffer[] }),
        { name: "DataCloneError", message },
      );
    }
    assert.throws(() => pool.defer(() => 1, { transfer: good as never }), TypeError);
    await assert.rejects(
      () =>
        pool.defer((...all: unknown[]) => all.length, {
          args: [good, () => {}],
          transfer: [good],
        }),
      { name: "DataCloneError", message: /args\[1\]/ },
    );
    const buffer = new WebAssembly.Memory({ initial: 1 }).buffer as ArrayBuffer;
    await assert.rejects(() => pool.defer(() => 1, { transfer: [buffer, good] }), {
      name: "DataCloneError",
      message: /transfer\[0\]: this ArrayBuffer can't be detached.*buffer\.slice\(\)/,
    });
    assert.equal(good.detached, false);
  });

  test("what fails later detaches nothing, either", async () => {
    type Late = { good: ArrayBuffer; bad: ArrayBuffer; args?: unknown[] };
    const large = (): ArrayBuffer => new Uint8Array(2 * MIB).fill(7).buffer;
    const wasm = () => new WebAssembly.Memory({ initial: 2 }).buffer as ArrayBuffer;
    const detaching = (): Late => {
      const bad = large();
      return {
        good: large(),
        bad,
        args: [{
          get a() {
            return bad.transfer();
          },
        }],
      };
    };
    // Of a list of one, of several, of what is among the arguments and what is not.
    const cases: (() => Late)[] = [
      () => ({ good: large(), bad: wasm() }),
      () => ({ good: new ArrayBuffer(8), bad: wasm(), args: [] }),
      detaching,
    ];
    for (const make of cases) {
      const { good, bad, args = [good, bad] } = make();
      for (const transfer of [[bad], [good, bad], [bad, good]]) {
        await assert.rejects(
          () => pool.defer((...all: unknown[]) => all.length, { args, transfer }),
          {
            name: "DataCloneError",
            message: /^transfer/,
          },
        );
        assert.equal(good.detached, false);
      }
      assert.ok(new Uint8Array(good).every((x) => x === (good.byteLength > 8 ? 7 : 0)));
    }
    // A pool that is closed meanwhile.
    const closing = new DeferredPool({ maxThreads: 1 });
    const good = large();
    const close = {
      get a() {
        return void closing.close();
      },
    };
    await assert.rejects(
      () =>
        closing.defer((...all: unknown[]) => all.length, { args: [good, close], transfer: [good] }),
      { name: "PoolClosedError" },
    );
    assert.equal(good.detached, false);
    assert.equal(
      await pool.defer((b: ArrayBuffer) => b.byteLength, { args: [good], transfer: [good] }),
      2 * MIB,
    );
  });
});

describe("a buffer that leaves a task", () => {
  test("arrives whole, moved or copied", async () => {
    for (const size of sizes) {
      const { bytes, tail } = await pool.run((n: number) => {
        const bytes = new Uint8Array(n);
        for (let i = 0; i < n; i += 4093) bytes[i] = i % 251;
        const tail = new Uint8Array(bytes.buffer, Math.floor(n / 2));
        return { bytes, tail };
      }, size);
      assert.equal(bytes.length, size);
      assert.equal(tail.buffer, bytes.buffer);
      for (let i = 0; i < size; i += 4093) {
        if (bytes[i] !== i % 251) assert.fail(`${bytes[i]} at ${i} of ${size}`);
      }
      bytes.fill(1);
    }
  });

  test("many at once, and by an async task", async () => {
    const all = await pool.run(async () => {
      await null;
      return Array.from({ length: 50 }, (_, i) => new Uint16Array(300_000 + i).fill(i));
    });
    all.forEach((a, i) => {
      assert.equal(a.length, 300_000 + i);
      assert.ok(a.every((x) => x === i));
    });
  });

  test("what was transferred in goes back and forth as the same memory", async () => {
    let bytes = new Uint8Array(4 * MIB);
    for (let i = 0; i < 10; i++) {
      bytes = await pool.defer((b: Uint8Array<ArrayBuffer>) => {
        b[0]!++;
        b[b.length - 1]! += 2;
        return b;
      }, { args: [bytes], transfer: [bytes.buffer] });
    }
    assert.deepEqual([bytes.length, bytes[0], bytes[bytes.length - 1]], [4 * MIB, 10, 20]);
  });

  test("with what is thrown", async () => {
    const error = await refusal(pool.run(() => {
      const bytes = new Uint8Array(5_000_000).fill(3);
      throw Object.assign(new Error("with data"), { bytes });
    })) as Error & { bytes: Uint8Array };
    assert.equal(error.message, "with data");
    assert.ok(error.bytes.length === 5_000_000 && error.bytes.every((x) => x === 3));
  });

  test("memory is freed on both sides", async () => {
    const grown = await outputOf(`
      const pool = new DeferredPool({ maxThreads: 1 });
      const make = () => new Uint8Array(8 * 2 ** 20).fill(1);
      const least = async (looks, enough) => {
        let least = Infinity;
        for (let i = 0; i < looks && least > enough; i++) {
          globalThis.gc?.();
          globalThis.Bun?.gc(true);
          await new Promise((resolve) => setTimeout(resolve, 20));
          least = Math.min(least, process.memoryUsage().rss / 2 ** 20);
        }
        return least;
      };
      for (let i = 0; i < 10; i++) await pool.run(make);
      const before = await least(5, 0);
      for (let i = 0; i < 100; i++) await pool.run(make); // 800 MiB in all
      console.log(await least(100, before + 100) - before);`);
    assert.ok(Number(grown) < 200, `${grown} MiB`);
  });

  test("what the runtime can't take over is freed, and all behind it", async () => {
    const native = loadNative() as { -readonly [K in keyof Native]: Native[K] };
    const { own, symbols } = native;
    const tried: number[] = [];
    const freed: number[] = [];
    const free = (pool: number, handle: number): number => {
      freed.push(handle);
      return symbols.dfd_release(pool, handle);
    };
    native.symbols = { ...symbols, dfd_release: free, dfd_keep: symbols.dfd_release };
    native.own = (_address, length, handle) => {
      if (tried.push(handle) > 1) throw new RangeError("no room");
      return new ArrayBuffer(length);
    };
    try {
      const error = await refusal(
        pool.run(() => Array.from({ length: 5 }, () => new ArrayBuffer(5_000_000))),
      );
      assert.ok(error instanceof DataCloneError);
      assert.match(error.message, /this runtime can't hold it: no room/);
    } finally {
      Object.assign(native, { own, symbols });
    }
    assert.deepEqual([tried.length, freed.length], [2, 4]);
    assert.equal(new Set([tried[0], ...freed]).size, 5);
  });

  test("and that a getter of the result changes or detaches arrives as it was before", async () => {
    const make = (detach: boolean) => {
      const bytes = new Uint8Array(5 * 2 ** 20).fill(5);
      return {
        bytes,
        get length() {
          if (detach) bytes.buffer.transfer(0);
          else bytes.fill(6);
          return Array.from({ length: 10_000 }, (_, i) => ({ i })).length; // where the bytes were
        },
      };
    };
    for (const detach of [false, true]) {
      const { bytes, length } = await pool.run(make, detach);
      assert.equal(length, 10_000);
      assert.ok(bytes.length === 5 * 2 ** 20 && bytes.every((x) => x === 5));
    }
  });

  test("must not be shared memory that the task made", async () => {
    const { message } = await refusal(pool.run(() => new SharedArrayBuffer(8)));
    assert.match(message, /a SharedArrayBuffer that the task made can't be cloned; pass one in/);
  });
});
