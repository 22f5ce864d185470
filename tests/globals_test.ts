/**
 * The globals of the web in tasks, whatever happens around them: classes of a pool that use them,
 * tasks that wait, that are ended in the middle, and that run out of memory.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Deferred, DeferredMemoryError, DeferredPool } from "../mod.ts";

describe("globals of the web", () => {
  test("are the same in a pool's classes, which made them, and in its tasks", async () => {
    class Place {
      static readonly base = new URL("https://a/");
      static readonly decoder = new TextDecoder();
      static readonly id = crypto.randomUUID();
      readonly path: string;
      constructor(path: string) {
        this.path = path;
      }
      get href(): string {
        return new URL(this.path, Place.base).href;
      }
    }
    await using pool = new DeferredPool({ maxThreads: 1, classes: [Place] });
    for (let i = 0; i < 3; i++) {
      const told = await pool.run((place: Place) => [
        place.href,
        Place.base instanceof URL && Place.base.searchParams instanceof URLSearchParams,
        Place.decoder.decode(new Uint8Array([65])),
        Place.id.length,
        Place.id === crypto.randomUUID(),
      ], new Place("b"));
      assert.deepEqual(told, ["https://a/b", true, "A", 36, false]);
    }
  });

  test("are a task's own while it waits and others run on its thread", async () => {
    await using pool = new DeferredPool({ maxThreads: 2 });
    const texts = await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        pool.run(async (i: number) => {
          const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
          const decoder = new TextDecoder();
          const url = new URL(`https://é${i}.example/`);
          let text = decoder.decode(new Uint8Array([0xe2, 0x82]), { stream: true });
          await wait(i % 3);
          url.searchParams.append("i", structuredClone(`${i}`));
          text += decoder.decode(new Uint8Array([0xac]));
          await wait(1);
          return text + url.href;
        }, i)),
    );
    texts.forEach((text, i) => {
      assert.equal(text, `€${new URL(`https://é${i}.example/?i=${i}`).href}`);
    });
  });

  test("leave nothing behind in tasks that are ended in the middle", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    for (let i = 0; i < 40; i++) {
      const task = pool.defer(() => {
        for (;;) {
          const url = new URL("https://münchen.example/ä?b#c");
          const bytes = new TextEncoder().encode(url.href);
          structuredClone({ bytes, map: new Map([[url.href, bytes]]) }, {
            transfer: [bytes.buffer],
          });
          crypto.getRandomValues(new Uint8Array(300));
          AbortSignal.abort();
          new Headers({ a: url.href });
        }
      }, { timeout: 1 + i % 4 });
      await assert.rejects(task, { name: "TimeoutError" });
    }
    assert.equal(await pool.run(() => structuredClone(new URL("https://a/").href)), "https://a/");
  });

  test("count towards the memory limit, and a task that is over it takes no other along", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    for (let mib = 1; mib < 5; mib++) {
      const task = pool.defer(() => {
        const kept: unknown[] = [];
        for (;;) {
          kept.push(
            new URL(`https://é.example/${kept.length}`),
            structuredClone({ a: [kept.length] }),
          );
          kept.push(new Blob([`${kept.length}`]), new TextDecoder());
        }
      }, { memoryLimit: mib * 2 ** 20 });
      await assert.rejects(task, DeferredMemoryError);
      assert.equal(await pool.run(() => new Blob([new URL("https://a/").href]).size), 10);
    }
  });

  test("what has no place in a task says so, and what to do instead", async () => {
    const advice: readonly (readonly [name: string, told: RegExp])[] = [
      ["fetch", /has no network by design; fetch outside and pass the response's data/],
      ["XMLHttpRequest", /no network by design/],
      ["WebSocket", /no network by design.*or offer a function that fetches: \{ host: \{ load/],
      ["Request", /no network by design/],
      ["Worker", /start tasks outside, or offer a function that does: \{ host: \{ run/],
      ["localStorage", /or offer a function that reads it: \{ host: \{ read/],
      ["FileReader", /await blob.text\(\)/],
      ["CryptoKey", /has no keys/],
      ["Buffer", /use Uint8Array/],
      ["require", /can't load modules/],
      ["process", /belongs to the host.*or offer a function that gives it: \{ host: \{ read/],
      ["Deno", /belongs to the host/],
      ["Bun", /belongs to the host/],
    ];
    for (const [name, told] of advice) {
      await assert.rejects(Deferred.eval(`${name}("x")`), {
        name: "ReferenceError",
        message: told,
      });
    }
  });
});

describe("performance, navigator and the events that tell of errors", () => {
  test("performance counts from the task's start, and is one of its class", async () => {
    const told = await Deferred.run(() => {
      const { timeOrigin } = performance;
      const json = performance.toJSON() as { timeOrigin: number };
      const { get } = Object.getOwnPropertyDescriptor(Performance.prototype, "timeOrigin")!;
      const names = [() => get!.call({}), () => new Performance(), () => performance.now.call({})]
        .map((attempt) => {
          try {
            return attempt() as string;
          } catch (error) {
            return (error as Error).name;
          }
        });
      return [
        performance instanceof Performance,
        Object.keys(performance).length,
        String(performance),
        performance.now() >= 0 && performance.now() <= performance.now(),
        Math.abs(timeOrigin + performance.now() - Date.now()) < 60_000,
        Math.abs(json.timeOrigin - timeOrigin) < 60_000,
        names.join(),
      ];
    });
    assert.deepEqual(told, [
      true,
      0,
      "[object Performance]",
      true,
      true,
      true,
      "TypeError,TypeError,TypeError",
    ]);
  });

  test("navigator tells the number of processors, and where the code is", async () => {
    const told = await Deferred.run(() => [
      Number.isInteger(navigator.hardwareConcurrency) && navigator.hardwareConcurrency > 0,
      navigator.userAgent,
      String(navigator),
      Object.keys(Object.getPrototypeOf(navigator)).join(),
    ]);
    assert.deepEqual(told, [
      true,
      "Deferred",
      "[object Navigator]",
      "hardwareConcurrency,userAgent",
    ]);
    await using pool = new DeferredPool({ maxThreads: 3 });
    const counts = await Promise.all(
      Array.from({ length: 9 }, () => pool.run(() => navigator.hardwareConcurrency)),
    );
    assert.equal(new Set(counts).size, 1, "whichever thread asks");
  });

  test("ErrorEvent and PromiseRejectionEvent hold what they were made with", async () => {
    const told = await Deferred.eval(`
      const event = new ErrorEvent("error", {
        message: 7, filename: "a\ud800", lineno: -1, colno: 2.9, error: "x", cancelable: true,
      });
      const bare = new ErrorEvent("e");
      const promise = Promise.resolve(), rejection = new PromiseRejectionEvent("r", { promise, reason: 5 });
      const names = [
        () => new ErrorEvent(), () => new PromiseRejectionEvent("r"), () => ErrorEvent("e"),
        () => new PromiseRejectionEvent("r", {}), () => new PromiseRejectionEvent("r", { promise: 3 }),
      ].map((attempt) => { try { return String(attempt()) } catch (error) { return error.name } });
      return [
        [event.message, event.filename, event.lineno, event.colno, event.error, event.cancelable].join(),
        [bare.message, bare.filename, bare.lineno, bare.colno, bare.error].join(),
        [event instanceof Event, rejection.promise === promise, rejection.reason, String(rejection)].join(),
        names.join(),
      ];`);
    assert.deepEqual(told, [
      "7,a\ufffd,4294967295,2,x,true",
      ",,0,0,",
      "true,true,5,[object PromiseRejectionEvent]",
      Array(5).fill("TypeError").join(),
    ]);
  });
});
