/**
 * `crypto` in a task, as Web Cryptography has it, beside the host's own.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { Deferred, DeferredPool } from "../mod.ts";

const named = (error: unknown): string => (error as Error).name;

describe("crypto in a task", () => {
  test("getRandomValues fills what it is given, and gives it back", async () => {
    const told = await Deferred.run(() => {
      const views = [
        new Int8Array(64),
        new Uint8Array(64),
        new Uint8ClampedArray(64),
        new Int16Array(32),
        new Uint16Array(32),
        new Int32Array(16),
        new Uint32Array(16),
        new BigInt64Array(8),
        new BigUint64Array(8),
        new Uint8Array(new ArrayBuffer(80), 8, 64),
      ];
      return views.map((view) => {
        const same = crypto.getRandomValues(view) === view;
        const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
        const around = view.buffer.byteLength > 64 ? new Uint8Array(view.buffer)[7]! : 0;
        return same && new Set(bytes).size > 16 && around === 0;
      });
    });
    assert.deepEqual(told, Array<boolean>(10).fill(true));
  });

  test("getRandomValues refuses what the standard refuses", async () => {
    const told = await Deferred.run(() => {
      const wrong = [
        new Float32Array(1),
        new Float64Array(1),
        new Uint8Array(65537),
        new DataView(new ArrayBuffer(1)),
        new ArrayBuffer(1),
        [1],
        null,
      ];
      return wrong.map((value) => {
        try {
          return crypto.getRandomValues(value as Uint8Array<ArrayBuffer>).length;
        } catch (error) {
          return (error as Error).name;
        }
      }).concat(crypto.getRandomValues(new Uint8Array(65536)).length);
    });
    const [float, double, large, view, ...rest] = told;
    assert.deepEqual([float, double], ["TypeMismatchError", "TypeMismatchError"]);
    assert.equal(large, "QuotaExceededError");
    assert.ok(view === "TypeError" || view === "TypeMismatchError");
    assert.deepEqual(rest, ["TypeError", "TypeError", "TypeError", 65536]);
  });

  test("says how much there is, and how much was asked for", async () => {
    const told = await Deferred.eval(`
      const facts = (make) => {
        try {
          const error = make();
          return [error.name, error.code, error.message, error.quota, error.requested,
            error instanceof QuotaExceededError, error instanceof DOMException].join();
        } catch (error) {
          return error instanceof DOMException ? facts(() => error) : error.name;
        }
      };
      return [
        facts(() => crypto.getRandomValues(new Uint8Array(65_537))),
        facts(() => new QuotaExceededError("full", { quota: 1.5 })),
        facts(() => new QuotaExceededError()),
        facts(() => new QuotaExceededError("", { quota: -1 })),
        facts(() => new QuotaExceededError("", { quota: 2, requested: 1 })),
        facts(() => new QuotaExceededError("", { requested: "x" })),
        facts(() => QuotaExceededError()),
      ]`);
    assert.deepEqual(told, [
      "QuotaExceededError,22,getRandomValues gives at most 65536 bytes at once, not 65537,65536,65537,true,true",
      "QuotaExceededError,22,full,1.5,,true,true",
      "QuotaExceededError,22,,,,true,true",
      "RangeError",
      "RangeError",
      "TypeError",
      "TypeError",
    ]);
  });

  test("neither it nor a TextEncoder writes to an immutable ArrayBuffer", async () => {
    const [told, bytes] = await Deferred.run(() => {
      const own = new ArrayBuffer(4) as ArrayBuffer & { transferToImmutable(): ArrayBuffer };
      const view = new Uint8Array(own.transferToImmutable());
      const writes = [
        () => crypto.getRandomValues(view),
        () => new TextEncoder().encodeInto("text", view),
      ];
      const told = writes.map((write) => {
        try {
          return write();
        } catch (error) {
          return String(error);
        }
      });
      return [told, [...view]];
    });
    assert.deepEqual(told, [
      "TypeError: getRandomValues can't write to an immutable ArrayBuffer",
      "TypeError: encodeInto can't write to an immutable ArrayBuffer",
    ]);
    assert.deepEqual(bytes, [0, 0, 0, 0]);
  });

  test("no task gets what another got, on one thread or on several", async () => {
    await using pool = new DeferredPool({ maxThreads: 2 });
    const tasks = Array.from({ length: 300 }, () =>
      pool.run(() => [
        crypto.randomUUID(),
        crypto.getRandomValues(new Uint8Array(16)).toHex(),
      ]));
    const values = (await Promise.all(tasks)).flat();
    assert.equal(new Set(values).size, values.length);
  });

  test("a task that is ended in the middle leaves nothing to the next one", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    const seen = new Uint8Array(new SharedArrayBuffer(16 * 4096));
    for (let i = 0; i < 5; i++) {
      const task = pool.defer((seen: Uint8Array) => {
        for (let at = 0;; at = (at + 16) % seen.length) {
          seen.set(crypto.getRandomValues(new Uint8Array(16)), at);
        }
      }, { args: [seen], timeout: 10 });
      await assert.rejects(task, { name: "TimeoutError" });
      const values = new Set<string>();
      for (let at = 0; at < seen.length; at += 16) {
        values.add(seen.slice(at, at + 16).join());
      }
      const next = await pool.run(() =>
        Array.from({ length: 50 }, () => crypto.getRandomValues(new Uint8Array(16)).join())
      );
      for (const value of next) assert.ok(!values.has(value));
    }
  });

  test("randomUUID is of version 4", async () => {
    const ids = await Deferred.run(() => Array.from({ length: 50 }, () => crypto.randomUUID()));
    for (const id of ids) {
      assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
  });

  test("subtle.digest gives what the host's digests give", async () => {
    const names: readonly (readonly [name: string, host: string])[] = [
      ["SHA-1", "sha1"],
      ["sha-256", "sha256"],
      ["SHA-384", "sha384"],
      ["SHA-512", "sha512"],
    ];
    for (const [name, host] of names) {
      for (const length of [0, 1, 55, 56, 63, 64, 111, 112, 127, 128, 100_000]) {
        const bytes = Uint8Array.from({ length }, (_, i) => i * 7);
        const digest = await Deferred.run(
          async (name: string, bytes: Uint8Array<ArrayBuffer>) =>
            new Uint8Array(await crypto.subtle.digest({ name }, bytes)),
          name,
          bytes,
        );
        const expected = createHash(host).update(bytes).digest("hex");
        assert.equal(digest.toHex(), expected, `${name} of ${length} bytes`);
      }
    }
  });

  test("subtle.digest rejects, and never throws", async () => {
    const told = await Deferred.run(async () => {
      const { digest } = crypto.subtle;
      const attempts = [
        () => crypto.subtle.digest("MD5", new Uint8Array(1)),
        () => crypto.subtle.digest({} as { name: string }, new Uint8Array(1)),
        () => crypto.subtle.digest("SHA-1", "text" as unknown as ArrayBuffer),
        () => (crypto.subtle.digest as () => Promise<ArrayBuffer>)(),
        () => digest("SHA-1", new Uint8Array(1)),
      ];
      const names: string[] = [];
      for (const attempt of attempts) {
        await attempt().catch((error: Error) => names.push(error.name));
      }
      return names;
    });
    assert.deepEqual(told, ["NotSupportedError", ...Array<string>(4).fill("TypeError")]);
  });

  test("is one object with one class", async () => {
    const told = await Deferred.run(() => {
      const told: unknown[] = [
        crypto === globalThis.crypto && crypto.subtle === crypto.subtle,
        crypto instanceof Crypto && crypto.subtle instanceof SubtleCrypto,
        String(crypto) + String(crypto.subtle),
      ];
      for (const make of [Crypto, SubtleCrypto]) {
        try {
          Reflect.construct(make, []);
        } catch (error) {
          told.push((error as Error).message);
        }
      }
      return told;
    });
    const illegal = "Illegal constructor";
    assert.deepEqual(told, [true, true, "[object Crypto][object SubtleCrypto]", illegal, illegal]);
  });

  test("what a task does to it is gone with the task", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    await pool.run(() => {
      Object.assign(crypto, { mine: 1 });
      Crypto.prototype.randomUUID = () => "a-b-c-d-e";
      (globalThis as Record<string, unknown>)["Crypto"] = 5;
    });
    assert.deepEqual(
      await pool.run(() => ["mine" in crypto, crypto.randomUUID().length, typeof Crypto]),
      [false, 36, "function"],
    );
  });

  test("a function that uses it is not refused", () => {
    assert.doesNotThrow(() => Deferred.wrap(() => crypto.randomUUID()));
    assert.throws(() => Deferred.wrap(() => localStorage), (error) => named(error) !== "");
  });
});
