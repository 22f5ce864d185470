/** pool.share: values that every task of a pool has already. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { DeferredMemoryError, DeferredPool, PoolClosedError } from "../mod.ts";

const MIB = 2 ** 20;
const pool = new DeferredPool({ maxThreads: 2 });
after(() => pool.close());

describe("a shared value", () => {
  test("is in every task of every thread, as it was when it was shared", async () => {
    const table = pool.share({ rate: 2, names: ["a", "b"], by: new Map([["x", { n: 1 }]]) });
    table.names.push("later"); // not in the tasks
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        pool.run(
          (t: typeof table, i: number) => [t.rate * i, t.names, t.by.get("x")!.n],
          table,
          i,
        )),
    );
    all.forEach((got, i) => assert.deepEqual(got, [2 * i, ["a", "b"], 1]));
  });

  test("is not changed by what tasks do to it", async () => {
    const table = pool.share({ list: [1, 2, 3], map: new Map([[1, 1]]), deep: { a: { b: 1 } } });
    for (let i = 0; i < 10; i++) {
      const seen = await pool.run((t: typeof table) => {
        const before = JSON.stringify([t.list, [...t.map], t.deep]);
        t.list.push(4);
        t.list[0] = 9;
        t.map.clear();
        t.deep.a.b = 2;
        delete (t.deep as { a?: unknown }).a;
        Object.assign(t, { more: Array(1000).fill({}) });
        return before;
      }, table);
      assert.equal(seen, '[[1,2,3],[[1,1]],{"a":{"b":1}}]');
    }
    const late = pool.defer((t: typeof table) => {
      for (;;) t.list.push(1);
    }, { args: [table], timeout: 5 });
    await assert.rejects(late, { name: "TimeoutError" });
    assert.deepEqual(await pool.run((t: typeof table) => t.list, table), [1, 2, 3]);
  });

  test("is itself when it comes back; its parts are copies", async () => {
    const table = pool.share({ part: { a: 1 } });
    const got = await pool.run((t: typeof table) => ({ t, again: [t, t], part: t.part }), table);
    assert.equal(got.t, table);
    assert.equal(got.again[1], table);
    assert.deepEqual(got.part, { a: 1 });
    assert.notEqual(got.part, table.part);
  });

  test("may lie anywhere among the arguments, beside others", async () => {
    const one = pool.share([1]);
    const two = pool.share({ one });
    const got = await pool.run(
      (a: { x: typeof one[] }, m: Map<string, typeof two>) => [
        a.x[0] === a.x[1],
        m.get("two")!.one === a.x[0],
        a.x[0]!.length,
      ],
      { x: [one, one] },
      new Map([["two", two]]),
    );
    assert.deepEqual(got, [true, true, 1]);
  });

  test("that is shared twice is there once", async () => {
    const table = { a: 1 };
    assert.equal(pool.share(table), table);
    assert.equal(pool.share(table), table);
    assert.deepEqual(await pool.run((t: typeof table) => t.a, table), 1);
  });

  test("is an ordinary argument to another pool", async () => {
    const table = pool.share({ a: 1 });
    await using other = new DeferredPool({ maxThreads: 1 });
    const back = await other.run((t: typeof table) => t, table);
    assert.deepEqual(back, table);
    assert.notEqual(back, table);
  });

  test("does not count towards limits, and is there after a task that ran into one", async () => {
    await using small = new DeferredPool({ maxThreads: 1, memoryLimit: 4 * MIB });
    const rows = small.share(Array.from({ length: 100_000 }, (_, i) => ({ i, name: `row ${i}` })));
    const last = (r: typeof rows) => r[r.length - 1]!.name;
    assert.equal(await small.run(last, rows), "row 99999");
    const bomb = small.run((r: typeof rows) => {
      for (;;) r.push({ i: 0, name: "x".repeat(1000) });
    }, rows);
    await assert.rejects(bomb, DeferredMemoryError);
    assert.equal(await small.run(last, rows), "row 99999");
    assert.equal(await small.run(() => new Uint8Array(2 ** 21).length), 2 * MIB);
    await assert.rejects(small.run(() => new Uint8Array(2 ** 23).length), DeferredMemoryError);
  });

  test("may come while tasks run, and many may", async () => {
    await using busy = new DeferredPool({ maxThreads: 2 });
    const all: { n: number }[] = [];
    const tasks: Promise<number>[] = [];
    for (let n = 0; n < 50; n++) {
      all.push(busy.share({ n }));
      for (const one of all) tasks.push(busy.run((o: { n: number }) => o.n, one));
    }
    const got = await Promise.all(tasks);
    let at = 0;
    for (let n = 0; n < 50; n++) for (let i = 0; i <= n; i++) assert.equal(got[at++], i);
  });

  test("may be one of thousands, which go there and back", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    const all = Array.from({ length: 10_000 }, (_, i) => pool.share({ i }));
    const got = await pool.run(
      (last: { i: number }, list: typeof all) => [last.i, list.toReversed()] as const,
      all.at(-1)!,
      all,
    );
    assert.equal(got[0], 9999);
    assert.ok(got[1].every((one, i) => one === all[9999 - i]));
  });

  test("of a registered class is an instance", async () => {
    class Point {
      x = 1;
      twice(): number {
        return this.x * 2;
      }
    }
    await using classy = new DeferredPool({ maxThreads: 1, classes: [Point] });
    const p = classy.share(new Point());
    assert.equal(await classy.run((p: Point) => p.twice(), p), 2);
  });

  test("keeps its large buffers when a task returns one of them", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    const table = pool.share({ bytes: new Uint8Array(2 * MIB).fill(7) });
    const away = (t: typeof table) => t.bytes;
    const isWhole = (t: typeof table) => t.bytes.every((byte) => byte === 7);
    for (let i = 0; i < 2; i++) {
      const got = await pool.run(away, table);
      assert.ok(got.every((byte) => byte === 7));
      got.fill(i); // it is ours, and may be written to
      assert.equal(await pool.run(isWhole, table), true);
    }
  });

  test("may be a buffer, and a view's, on the way in and back", async () => {
    const buffer = pool.share(new ArrayBuffer(64));
    const view = new Uint8Array(buffer, 8);
    assert.equal(await pool.run((v: typeof view) => v.length, view), 56);
    assert.equal(
      await pool.run((b: typeof buffer, v: typeof view) => v.buffer === b, buffer, view),
      true,
    );
    const back = await pool.run((v: typeof view) => new Uint16Array(v.buffer, 2, 3), view);
    assert.equal(back.buffer, buffer);
  });

  test("may be shared first by a getter among the arguments", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    const table = { n: 1 };
    const args = {
      get table(): object {
        return pool.share(table);
      },
    };
    await pool.run((a: typeof args) => void a, args);
    assert.equal(await pool.run((t: typeof table) => t, table), table);
  });

  test("that is more than a task can have fails those that use it, and no others", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    const huge = pool.share({ n: 2n ** (2n ** 21n) });
    const fine = pool.share({ n: 2n });
    const n = (t: { n: bigint }) => t.n;
    assert.equal(await pool.run(n, fine), 2n);
    await assert.rejects(pool.run(n, huge), { name: "RangeError", message: /shared value/ });
    assert.equal(await pool.run(n, fine), 2n);
  });

  test("is refused if it can't be cloned, is no object, or the pool is closed", async () => {
    assert.throws(() => pool.share({ f: () => 1 }), {
      name: "DataCloneError",
      message: /share\(value\)\.f: a function/,
    });
    assert.throws(() => pool.share("text" as never), {
      name: "TypeError",
      message: /must be an object/,
    });
    assert.throws(() => pool.share({ s: new SharedArrayBuffer(8) }), /SharedArrayBuffer/);
    const closed = new DeferredPool();
    await closed.close();
    assert.throws(() => closed.share({}), PoolClosedError);
  });
});
