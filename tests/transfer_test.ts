/**
 * Buffers that move with calls of the host's functions and with their answers, in place of being
 * copied. Transferred arguments of tasks: values_test.ts.
 */
import { strict as assert } from "node:assert";
import { after, describe, test } from "node:test";
import { Deferred, DeferredPool, type HostMethod, transfer } from "../mod.ts";

const pool = new DeferredPool({ maxThreads: 2 });
after(() => pool.close());

/** Small, of a page or more, copied with a result, moved: see `WIRE_LIMIT_MAP` in csrc/wire.h. */
const SIZES = [0, 1, 1000, 70_000, 600_000, 5_000_000, 12_000_001];

function fill(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i += 997) bytes[i] = i % 256;
  return bytes;
}

describe("a buffer that a task transfers with a call", () => {
  test("arrives whole, whatever its size, and is detached in the task", async () => {
    const got: Uint8Array[] = [];
    const store = (bytes: Uint8Array): void => void got.push(bytes);
    const lengths = await new Deferred(
      async (sizes, host) => {
        const left: unknown[] = [];
        for (const size of sizes) {
          const bytes = new Uint8Array(size);
          for (let i = 0; i < size; i += 997) bytes[i] = i % 256;
          const call = host.store.with({ transfer: [bytes.buffer] })(bytes);
          left.push(bytes.length, bytes.buffer.detached);
          await call;
        }
        return left;
      },
      { args: [SIZES], host: { store }, pool },
    );
    assert.deepEqual(lengths, SIZES.flatMap(() => [0, true]));
    for (const [i, size] of SIZES.entries()) {
      assert.deepEqual(got[i], fill(size), String(size));
    }
    got.at(-1)![5] = 1; // it is a buffer like any other
  });

  test("may be one of several, with others that are copied, in a value of any kind", async () => {
    let got: unknown;
    const store = (value: unknown): void => void (got = value);
    const copied = await new Deferred(
      async (host) => {
        const [a, b, c] = [1, 2, 3].map((n) => new Uint8Array(6_000_000).fill(n));
        const small = new Uint8Array(8).fill(4);
        const value = { a, map: new Map([["c", c]]), b, again: a, part: a!.subarray(9, 11), small };
        await host.store.with({ transfer: [c!.buffer, a!.buffer, small.buffer] })(value);
        return [a!.length, b!.length, c!.length, small.length, b![77]];
      },
      { host: { store }, pool },
    );
    assert.deepEqual(copied, [0, 6_000_000, 0, 0, 2]);
    const { a, map, b, again, part, small } = got as Record<string, Uint8Array> & {
      map: Map<string, Uint8Array>;
    };
    assert.deepEqual([a![3], b![3], map.get("c")![3], small![3]], [1, 2, 3, 4]);
    assert.equal(again, a);
    assert.deepEqual([part!.length, part!.buffer === a!.buffer], [2, true]);
  });

  test("is one that it was given: the host has its own memory back", async () => {
    const mine = new Uint8Array(200_000).fill(1);
    const seen: number[] = [];
    const back = (bytes: Uint8Array): Uint8Array => {
      seen.push(bytes[0]!, bytes[1]!);
      return transfer(bytes, [bytes.buffer as ArrayBuffer]);
    };
    const end = await new Deferred(
      async (
        bytes: Uint8Array<ArrayBuffer>,
        host: { back: HostMethod<[Uint8Array], Uint8Array> },
      ) => {
        for (let i = 0; i < 50; i++) {
          bytes[1]!++;
          bytes = await host.back.with({ transfer: [bytes.buffer] })(bytes) as typeof bytes;
        }
        return bytes;
      },
      { args: [mine], transfer: [mine.buffer], host: { back }, pool },
    );
    assert.equal(mine.length, 0);
    assert.deepEqual(seen, Array.from({ length: 50 }, (_, i) => [1, i + 2]).flat());
    assert.deepEqual([end.length, end[0], end[1]], [200_000, 1, 51]);
  });

  test("is there as it was when it was met, whatever getters do meanwhile", async () => {
    let got: unknown;
    const store = (value: unknown): void => void (got = value);
    await new Deferred(
      async (host) => {
        const bytes = new Uint8Array(9_000_000).fill(1);
        const value = {
          bytes,
          get later() {
            bytes.fill(2);
            return "later";
          },
        };
        await host.store.with({ transfer: [bytes.buffer] })(value);
      },
      { host: { store }, pool },
    );
    const { bytes, later } = got as { bytes: Uint8Array; later: string };
    assert.deepEqual([later, bytes.length], ["later", 9_000_000]);
    assert.ok(bytes.every((byte) => byte === 1));
  });

  test("waits in the task's memory where there is no room for the call, and goes with it", async () => {
    const got: number[] = [];
    const store = (bytes: Uint8Array): void => void got.push(bytes[9]! + bytes.length);
    const host = { store };
    await new Deferred(
      async (host) => {
        const calls: unknown[] = [];
        for (let i = 0; i < 8; i++) {
          const bytes = new Uint8Array(5_000_000 + i).fill(i);
          calls.push(host.store.with({ transfer: [bytes.buffer] })(bytes));
        }
        await Promise.all(calls);
      },
      { host, pool, hostCalls: { concurrent: 3 } },
    );
    assert.deepEqual(got, Array.from({ length: 8 }, (_, i) => 5_000_000 + 2 * i));
    const flood = new Deferred(
      (host) => {
        for (;;) {
          const bytes = new Uint8Array(5_000_000);
          host.store.with({ transfer: [bytes.buffer] })(bytes);
        }
      },
      { host, pool, memoryLimit: 64_000_000 },
    );
    await assert.rejects(flood, { name: "DeferredMemoryError" });
  });
});

describe("a buffer that a task was given, and gives back", () => {
  test("is the host's until its result was read, whatever getters do with it", async () => {
    const calls: Uint8Array[] = [];
    const store = (bytes: ArrayBuffer): void => void calls.push(new Uint8Array(bytes));
    for (
      const [i, drop] of [
        "buffer.transfer()",
        "buffer.transfer(400_000)",
        "structuredClone(buffer, { transfer: [buffer] })",
        "host.store.with({ transfer: [buffer] })(buffer)",
        "const other = buffer.transfer(); host.store.with({ transfer: [other] })({ a: other })",
      ].entries()
    ) {
      const buffer = new Uint8Array(200_000).fill(i).buffer;
      const task = new Function(
        "buffer",
        "host",
        `return {
          buffer,
          get later() { new Uint8Array(buffer).fill(99); ${drop}; return buffer.detached; },
        };`,
      ) as (buffer: ArrayBuffer) => { buffer: ArrayBuffer; later: boolean };
      const back = await new Deferred(task, {
        args: [buffer],
        transfer: [buffer],
        host: { store: i === 4 ? (value: { a: ArrayBuffer }) => store(value.a) : store },
        pool,
      });
      assert.equal(back.later, true, drop);
      const bytes = new Uint8Array(back.buffer);
      assert.ok(bytes.length === 200_000 && bytes.every((byte) => byte === i), drop);
    }
    assert.equal(calls.length, 2);
    for (const bytes of calls) assert.ok(bytes.length === 200_000 && bytes[77] === 99);
  });

  test("keeps what getters wrote to it if the call is refused", async () => {
    const buffer = new ArrayBuffer(200_000);
    const kept = await new Deferred(
      async (buffer, host) => {
        let other: ArrayBuffer | undefined;
        const value = {
          buffer,
          get later() {
            other = buffer.transfer();
            new Uint8Array(other).fill(5);
            return 1;
          },
        };
        const why = await host.store.with({ transfer: [buffer] })(value).catch((e) => e.name);
        return [why, other!.byteLength, new Uint8Array(other!)[7]];
      },
      { args: [buffer], transfer: [buffer], host: { store: (_: unknown) => {} }, pool },
    );
    assert.deepEqual(kept, ["DataCloneError", 200_000, 5]);
  });
});

describe("a call that is refused detaches nothing", () => {
  /** What the call of a task says, and the lengths of its buffers then. */
  const refused = (text: string, limits = {}): Promise<[string, ...number[]]> =>
    pool.eval(
      `const a = new ArrayBuffer(600_000), b = new ArrayBuffer(8);
      let said = "it was not";
      try { await f.with({ transfer: ${text} })({ a, b }) } catch (error) {
        said = error.name + ": " + error.message
      }
      [said, a.byteLength, b.byteLength]`,
      { host: { f: () => {} }, ...limits },
    );
  const whole = [600_000, 8];

  test("for what can't be transferred, by its place in the list", async () => {
    for (
      const [text, why] of [
        ["[a, b, a]", "transfer[2]: the same ArrayBuffer is there twice"],
        ["[a, new SharedArrayBuffer(8)]", "transfer[1]: a SharedArrayBuffer is shared"],
        ["[a, new Uint8Array(b)]", "transfer[1]: a view can't be transferred; pass its buffer"],
        ["[a, {}]", "transfer[1]: only an ArrayBuffer can be transferred"],
        ["[a, 7]", "transfer[1]: only an ArrayBuffer can be transferred"],
        ["[b, b.slice().transferToImmutable()]", "transfer[1]: an immutable ArrayBuffer can't"],
        ["(() => { const c = a.slice(); c.transfer(); return [a, c] })()", "transfer[1]: the Arr"],
      ] as const
    ) {
      const [said, ...lengths] = await refused(text);
      assert.ok(said.startsWith(`DataCloneError: ${why}`), `${text}: ${said}`);
      assert.deepEqual(lengths, whole, text);
    }
  });

  test("for its value, a getter of that, or a limit", async () => {
    const value = (rest: string) =>
      pool.eval<unknown[]>(
        `const a = new ArrayBuffer(600_000);
        let said = "it was not";
        try { await f.with({ transfer: [a] })(${rest}) } catch (error) { said = error.name }
        [said, a.byteLength]`,
        { host: { f: () => {} }, hostCalls: { bytes: 500_000 } },
      );
    assert.deepEqual(await value("{ a, f() {} }"), ["DataCloneError", 600_000]);
    assert.deepEqual(await value("{ a, get x() { throw new RangeError() } }"), [
      "RangeError",
      600_000,
    ]);
    assert.deepEqual(await value("{ a, get x() { a.transfer() } }"), ["DataCloneError", 0]);
    assert.deepEqual(await value("{ a }"), ["QuotaExceededError", 600_000]);
    assert.deepEqual(await value("1, new ArrayBuffer(6_000_000)"), ["QuotaExceededError", 600_000]);
  });

  test("for options that are none", async () => {
    for (const options of ["", "[a]", "{ move: [a] }", "{ transfer: 7 }"]) {
      const said = await pool.eval<string>(
        `const a = new ArrayBuffer(8); try { f.with(${options}) } catch (e) { e.message }`,
        { host: { f: () => {} } },
      );
      assert.match(said, /^with\(options\): options must be \{ transfer: \[buffer\] \}/, options);
    }
    const self = await pool.eval<string>("try { f.with.call({}) } catch (e) { e.message }", {
      host: { f: () => {} },
    });
    assert.match(self, /^with\(\) is called on a function of the host/);
  });
});

describe("a buffer that an answer transfers", () => {
  test("arrives whole, whatever its size, and is detached here", async () => {
    const sent: Uint8Array[] = [];
    const load = async (size: number): Promise<Uint8Array> => {
      await null;
      const bytes = fill(size);
      sent.push(bytes);
      return transfer(bytes, [bytes.buffer]);
    };
    const sums = await new Deferred(
      async (sizes, host) => {
        const sums: number[] = [];
        for (const size of sizes) {
          const bytes = await host.load(size);
          let right = 0;
          for (let i = 0; i < size; i += 997) if (bytes[i] === i % 256) right++;
          sums.push(bytes.length, right);
          bytes.fill(9);
        }
        return sums;
      },
      { args: [SIZES], host: { load }, pool },
    );
    assert.deepEqual(sums, SIZES.flatMap((size) => [size, Math.ceil(size / 997)]));
    assert.deepEqual(sent.map(({ length }) => length), SIZES.map(() => 0));
  });

  test("is not held when the task has no more use for it, and does not count towards its memory", async () => {
    const before = process.memoryUsage().rss;
    let most = 0;
    const load = (n: number): Uint8Array => {
      most = Math.max(most, process.memoryUsage().rss);
      const bytes = new Uint8Array(4_000_000).fill(n);
      return transfer(bytes, [bytes.buffer]);
    };
    const total = await new Deferred(
      async (host) => {
        let total = 0;
        for (let i = 0; i < 400; i++) total += (await host.load(i % 256))[3_999_999]!;
        return total;
      },
      { host: { load }, pool, memoryLimit: 2 ** 20 },
    );
    assert.equal(total, Array.from({ length: 400 }, (_, i) => i % 256).reduce((a, b) => a + b));
    assert.ok(most - before < 900e6, `${most - before} bytes of 1.6 GB were there at once`);
  });

  test("is kept for the task, whatever Array.prototype has where it would go", async () => {
    const taken: number[] = [];
    const make = () => {
      const bytes = fill(70_000);
      return transfer(bytes, [bytes.buffer]);
    };
    const wait = () => {
      Object.defineProperty(Array.prototype, 1, {
        configurable: true,
        set(value: unknown) {
          if (value instanceof ArrayBuffer) Reflect.apply(Array.prototype.unshift, taken, [1]);
          else {Object.defineProperty(this, 1, {
              value,
              writable: true,
              enumerable: true,
              configurable: true,
            });}
        },
      });
    };
    try {
      const length = await new Deferred(
        async (host) => {
          const first = await host.make();
          await host.wait();
          return first.length + (await host.make()).length;
        },
        { host: { make, wait }, pool },
      );
      assert.equal(length, 140_000);
    } finally {
      delete (Array.prototype as unknown[])[1];
    }
    assert.equal(taken.length, 0);
  });

  test("is used in place, and can be given back by the result", async () => {
    const bytes = new Uint8Array(300_000).fill(3);
    const load = (): Uint8Array<ArrayBuffer> => transfer(bytes, [bytes.buffer]);
    const back = await new Deferred(
      async (host) => {
        const bytes = await host.load();
        bytes[1] = 4;
        return { bytes, one: bytes.subarray(1, 2) };
      },
      { host: { load }, pool },
    );
    assert.equal(back.one.buffer, back.bytes.buffer);
    assert.deepEqual([back.bytes.length, ...back.bytes.slice(0, 3)], [300_000, 3, 4, 3]);
  });

  test("is refused by name, and then nothing is detached", async () => {
    const large = new ArrayBuffer(100_000);
    const gone = new ArrayBuffer(8);
    const load = () => {
      const value = transfer({ large, gone }, [large, gone]);
      gone.transfer();
      return value;
    };
    await assert.rejects(
      new Deferred(async (host) => void await host.load(), { host: { load }, pool }),
      {
        name: "DataCloneError",
        message:
          "load() returned transfer[1]: the ArrayBuffer is detached: it was transferred before",
      },
    );
    assert.equal(large.byteLength, 100_000);
    const odd = () => transfer({ large, odd }, [large]);
    await assert.rejects(
      new Deferred((host) => host.odd(), { host: { odd }, pool }),
      { name: "DataCloneError", message: /^odd\(\) returned\.odd: / },
    );
    assert.equal(large.byteLength, 100_000);
    const value = { large };
    assert.equal(transfer(value, [large]), value);
    assert.throws(() => transfer(7 as never, []), { message: /value must be an object/ });
    assert.throws(() => transfer(value, large as never), { message: /must be an array of Arr/ });
    assert.throws(() => transfer(value, [large, large]), { message: /transfer\[1\]: the same/ });
    const shared = new SharedArrayBuffer(8) as never;
    assert.throws(() => transfer(value, [shared]), { message: /transfer\[0\]: a SharedArrayB/ });
  });

  test("of a task that has ended, or is destroyed, harms nobody", async () => {
    let answer!: () => void;
    const bytes = new Uint8Array(100_000);
    const late = () =>
      new Promise((resolve) => answer = () => resolve(transfer(bytes, [bytes.buffer])));
    await new Deferred((host) => void host.late(), { host: { late }, pool });
    answer();
    await null;
    assert.equal(bytes.length, 100_000);

    const own = new DeferredPool({ maxThreads: 1 });
    const load = () => {
      const bytes = new Uint8Array(1_000_000);
      return transfer(bytes, [bytes.buffer]);
    };
    const looping = own.defer(
      async (host) => {
        for (;;) (await host.load()).fill(1);
      },
      { host: { load } },
    );
    await new Promise((resolve) => setTimeout(resolve, 30));
    own.destroy();
    await assert.rejects(looping, { name: "PoolClosedError" });
  });
});
