/**
 * What a program has around its tasks: async contexts, false timers and clocks.
 */
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { describe, test } from "node:test";
import { DeferredPool } from "../mod.ts";
import { outputOf, runProgram, runtime } from "./support/process.ts";

describe("AsyncLocalStorage", () => {
  const storage = new AsyncLocalStorage<string>();
  const slow = (): number => {
    const end = performance.now() + 15; // so that the pool parks
    while (performance.now() < end);
    return 1;
  };

  test("what follows a task has the context in which it was awaited", async () => {
    await using pool = new DeferredPool({ maxThreads: 2 });
    const request = (id: string): Promise<(string | undefined)[]> =>
      storage.run(id, async () => {
        const seen = [];
        for (const task of [slow, (): number => 1, slow]) {
          await pool.run(task);
          seen.push(storage.getStore());
          await pool.run(task).then(() => seen.push(storage.getStore()));
          await pool.run(() => Promise.reject(new Error("x"))).catch(() => {
            seen.push(storage.getStore());
          });
        }
        return seen;
      });
    const ids = ["a", "b", "c"];
    const all = await Promise.all(ids.map(request));
    for (const [i, seen] of all.entries()) assert.deepEqual(seen, Array(9).fill(ids[i]));
  });

  test("of a request is neither kept alive nor shown to others", async () => {
    const program = `
      import { AsyncLocalStorage } from "node:async_hooks";
      const storage = new AsyncLocalStorage();
      const pool = new DeferredPool({ maxThreads: 1 });
      const refs = [];
      const seen = [];
      process.on("unhandledRejection", () => seen.push(storage.getStore()?.id ?? "none"));
      const slow = () => { const end = performance.now() + 15; while (performance.now() < end); };
      const request = async (id, f) => {
        const store = { id, blob: new Array(1e5).fill(1) };
        refs.push(new WeakRef(store));
        await storage.run(store, f);
      };
      const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
      await request("control", () => pause(1));
      await request("first", () => pool.run(slow));
      await request("second", () => pool.run(() => 1));
      await request("third", () => pool.defer(slow, { signal: new AbortController().signal }));
      await request("lent", () => pool.run((a) => a.length, new Uint8Array(new SharedArrayBuffer(8))));
      // Several in one turn of the loop, which the first of them began.
      for (const id of ["fails at once", "fails beside it"]) {
        storage.run({ id }, () => { pool.run(() => { throw new Error("x"); }); });
      }
      while (pool.pending > 0) await pause(5);
      for (const id of ["fails", "fails too"]) {
        await request(id, () => {
          pool.run(() => { throw new Error("x"); });
          return pause(0);
        });
        while (pool.pending > 0) await pause(5);
        await pause(5);
      }
      let alive = refs;
      for (let i = 0; i < 100 && alive.length > 0; i++) {
        await pause(10);
        globalThis.gc();
        alive = refs.filter((ref) => ref.deref() !== undefined);
      }
      console.log(JSON.stringify({ seen, alive: alive.map((ref) => ref.deref().id) }));
      await pool.close();`;
    const { seen, alive } = JSON.parse(await outputOf(program));
    assert.equal(seen.length, 4);
    const right = ["fails at once", "fails beside it", "fails", "fails too"];
    for (const [i, id] of seen.entries()) assert.ok(id === "none" || id === right[i], `${seen}`);
    assert.deepEqual(alive, [], "stores that are still there while the pool lives");
  });
});

describe("false timers and clocks", () => {
  const FALSE = `
    const never = () => 0;
    for (const name of ["setImmediate", "setTimeout", "setInterval"]) globalThis[name] = never;
    performance.now = () => 5;
    Date.now = () => 5;`;
  const USE = `
    const pool = new DeferredPool({ maxThreads: 1, timeout: 600_000 });
    const wait = (ms) => {
      const end = performance.now() + ms;
      while (performance.now() < end);
      return ms;
    };
    const results = [await pool.run(wait, 30), await pool.run(() => 1), await pool.run(wait, 5)];
    results.push((await pool.run(() => Array.from({ length: 300_000 }, (_, i) => [i]))).length);
    results.push(await pool.defer(() => { for (;;); }, { timeout: 20 }).catch((e) => e.name));
    process.stdout.write(results.join() + "\\n");
    await pool.close();`;
  const EXPECTED = "30,1,5,300000,TimeoutError";

  test("before the first task change nothing for it", async () => {
    assert.equal(await outputOf(FALSE + USE), EXPECTED);
  });

  test("before the package is imported change nothing either", {
    skip: runtime === "bun" && "Bun's node:timers are whatever is global",
  }, async () => {
    const main = `${FALSE}
      const { DeferredPool } = await import("./late.mjs");
      ${USE}`;
    const late = `export { DeferredPool } from ${
      JSON.stringify(new URL("../mod.ts", import.meta.url).href)
    };`;
    // `main` shadows what programs import beforehand: that must not be loaded yet.
    const loader = `await import("./main.mjs");`;
    const files = { "late.mjs": late, "main.mjs": `import process from "node:process";${main}` };
    assert.equal(await outputOf(loader, { files, bare: true }), EXPECTED);
  });
});

test("Deno's sanitizers find nothing that a task leaves behind, once the library is loaded", {
  skip: runtime !== "deno" && "a matter of Deno.test",
}, async () => {
  const tests = `
    await Deferred.run(() => 0);
    const slow = () => { const end = performance.now() + 15; while (performance.now() < end); };
    const never = () => { for (;;); };
    const bodies = {
      polls: () => Deferred.run(() => 0),
      parks: () => Deferred.run(slow),
      throws: () => Deferred.run(() => { throw new Error("x"); }).catch(() => {}),
      times: () => new Deferred(never, { timeout: 5 }).catch(() => {}),
      cancels: async () => {
        const controller = new AbortController();
        const task = new Deferred(never, { signal: controller.signal });
        controller.abort();
        await task.catch(() => {});
      },
      pools: async () => {
        await using pool = new DeferredPool({ maxThreads: 1 });
        await pool.run(slow);
      },
    };
    for (const [name, fn] of Object.entries(bodies)) {
      Deno.test({ name, fn, sanitizeOps: true, sanitizeResources: true });
    }`;
  const flags = ["test", "--quiet", "--no-lock", "--no-check", "-A"];
  const { code, stdout, stderr } = await runProgram(tests, { flags });
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /6 passed/);
});
