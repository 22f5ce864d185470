/**
 * The host's own Workers using the library beside the main thread: each has pools of its own, and
 * none disturbs another, not even when it is terminated in the middle of things.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MOD, outputOf } from "./support/process.ts";

/** A Worker that runs tasks: `load` of them at once, again and again, and tells what came. */
const WORKER = `
  import { parentPort, workerData } from "node:worker_threads";
  import { Deferred, DeferredPool } from ${JSON.stringify(MOD)};
  const { id, load, rounds } = workerData;
  const pool = new DeferredPool({ maxThreads: 2 });
  parentPort.postMessage("ready");
  let right = 0;
  for (let round = 0; round < rounds; round++) {
    const tasks = [];
    for (let i = 0; i < load; i++) {
      const where = i % 3 ? pool : undefined;
      tasks.push(new Deferred((id, n) => ({ id, square: n * n }), { args: [id, i], ...(where && { pool: where }) }));
    }
    const results = await Promise.all(tasks);
    for (let i = 0; i < load; i++) if (results[i].id === id && results[i].square === i * i) right++;
  }
  await pool.close();
  parentPort.postMessage(right);
`;

/** A Worker that starts an endless task and many others, and says so. */
const BUSY_WORKER = `
  import { parentPort } from "node:worker_threads";
  import { Deferred, DeferredPool } from ${JSON.stringify(MOD)};
  const pool = new DeferredPool({ maxThreads: 1 });
  const endless = pool.run(() => { for (;;); });
  const slow = () => { const end = performance.now() + 2; while (performance.now() < end); };
  const tasks = Array.from({ length: 200 }, () => Deferred.run(slow));
  setTimeout(() => parentPort.postMessage("pending"), 20); // some tasks done, the loop parked
  await Promise.all(tasks);
  await endless;
`;

/** A Worker that reads results of every size for ever: in the ring, outside it, moved, in slices. */
const DRAINING_WORKER = `
  import { parentPort } from "node:worker_threads";
  import { Deferred, DeferredPool } from ${JSON.stringify(MOD)};
  const pool = new DeferredPool({ maxThreads: 2 });
  const kinds = [
    (k) => k,
    (k) => Array.from({ length: 600 }, (_, i) => ({ i, k, s: "text" + i })),
    () => "x".repeat(20_000),
    () => new ArrayBuffer(4_200_000),
    () => [[1, 2, 3].map((n) => new ArrayBuffer(n * 2_000_000)), "y".repeat(30_000)],
    (k) => k % 5 ? k : Array.from({ length: 40_000 }, (_, i) => ({ i, s: "text" + i })),
  ];
  for (let round = 0;; round++) {
    const tasks = [];
    for (let i = 0; i < 60; i++) tasks.push(pool.run(kinds[i % kinds.length], i));
    while (pool.queueSize > 0); // they pile up, and are read in one go
    if (round === 0) parentPort.postMessage("draining");
    await Promise.all(tasks);
  }
`;

/** A Worker that shares memory with the main thread, and tries to share it with a task. */
const SHARING_WORKER = `
  import { parentPort } from "node:worker_threads";
  import { Deferred } from ${JSON.stringify(MOD)};
  const buffer = new SharedArrayBuffer(8);
  const own = await Deferred.run((b) => b, buffer).catch(String);
  parentPort.postMessage({ buffer, own });
  parentPort.on("message", async (theirs) => {
    parentPort.postMessage(await Deferred.run((b) => b, [new Int8Array(theirs)]).catch(String));
  });
`;

/**
 * A Worker whose tasks call it, again and again, and wait for an answer that never comes; one reports
 * all the time.
 */
const ASKED_WORKER = `
  import { parentPort } from "node:worker_threads";
  import { DeferredPool } from ${JSON.stringify(MOD)};
  const pool = new DeferredPool({ maxThreads: 2 });
  const host = { next: (i) => i + 1, never: () => new Promise(() => {}) };
  const ask = async (host) => { for (let i = 0;;) i = await host.next(i); };
  const wait = async (host) => { await host.never(); };
  const tasks = [];
  for (let i = 0; i < 40; i++) tasks.push(pool.defer(i % 2 ? ask : wait, { host }));
  const flood = ({ report }) => { for (let i = 0;; i++) report([i, "x".repeat(i % 30_000)]); };
  tasks.push(pool.defer(flood, { onProgress: (value) => value }));
  setTimeout(() => parentPort.postMessage("asked"), 20);
  await Promise.all(tasks);
`;

const START = `
  import { Worker } from "node:worker_threads";
  const start = (file, workerData) => {
    const worker = new Worker(new URL(file, import.meta.url), { workerData });
    const inbox = [];
    inboxes.set(worker, inbox);
    worker.on("message", (message) => inbox.push({ message }));
    worker.on("error", (error) => inbox.push({ error }));
    return worker;
  };
  // The next message of a Worker, which may have come already.
  const inboxes = new Map();
  const messageOf = async (worker) => {
    const inbox = inboxes.get(worker);
    while (inbox.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    const { error, message } = inbox.shift();
    if (error) throw error;
    return message;
  };
`;

const FILES = {
  "sharing.mjs": SHARING_WORKER,
  "worker.mjs": WORKER,
  "busy.mjs": BUSY_WORKER,
  "draining.mjs": DRAINING_WORKER,
  "asked.mjs": ASKED_WORKER,
};

describe("Workers of the host", () => {
  test("make memory that the main thread shares on, after they have ended, too", async () => {
    const said = await outputOf(
      `${START}
      const worker = start("sharing.mjs");
      const { buffer, own } = await messageOf(worker);
      console.log(own);
      worker.postMessage(new SharedArrayBuffer(16)); // wherever it was made
      console.log(await messageOf(worker));
      const add = (b, n) => Atomics.add(new Int32Array(b), 1, n);
      await Deferred.run(add, buffer, 40);
      await worker.terminate();
      await Promise.all([Deferred.run(add, buffer, 1), Deferred.run(add, buffer, 1)]);
      console.log(new Int32Array(buffer)[1]);`,
      { files: FILES },
    );
    const refused = (path: string) =>
      `DataCloneError: ${path}: a SharedArrayBuffer of a Worker can't be cloned; its memory could ` +
      "be gone before the task is: share it from the main thread";
    assert.deepEqual(said.split("\n"), [refused("args[0]"), refused("args[0][0].buffer"), "42"]);
  });

  test("use the library at once with the main thread, and all results are right", async () => {
    const said = await outputOf(
      `${START}
      const results = [1, 2, 3].map(async (id) => {
        const worker = start("worker.mjs", { id, load: 100, rounds: 20 });
        await messageOf(worker);
        return await messageOf(worker);
      });
      let right = 0;
      for (let i = 0; i < 500; i++) if (await Deferred.run((n) => n + 1, i) === i + 1) right++;
      console.log(right, ...await Promise.all(results));`,
      { files: FILES },
    );
    assert.equal(said, "500 2000 2000 2000");
  });

  test("may come and go while the main thread's tasks run on", async () => {
    const said = await outputOf(
      `${START}
      const busy = (ms) => { const end = performance.now() + ms; while (performance.now() < end); return ms; };
      const pool = new DeferredPool({ maxThreads: 1 });
      const own = Promise.all(Array.from({ length: 20 }, () => pool.run(busy, 20)));
      let right = 0;
      for (let id = 0; id < 6; id++) {
        const worker = start("worker.mjs", { id, load: 10, rounds: 2 });
        await messageOf(worker);
        right += await messageOf(worker);
      }
      console.log(right, (await own).length);`,
      { files: FILES },
    );
    assert.equal(said, "120 20");
  });

  test("terminated while tasks call them, and report, leave nobody waiting", async () => {
    const said = await outputOf(
      `${START}
      for (let i = 0; i < 6; i++) {
        const worker = start("asked.mjs");
        await messageOf(worker);
        const mine = Deferred.run((n) => n * 2, 21);
        await worker.terminate();
        if (await mine !== 42) throw new Error("wrong");
      }
      console.log("done");`,
      { files: FILES },
    );
    assert.equal(said, "done");
  });

  test("terminated with tasks pending neither crash nor hang the process, nor disturb others", async () => {
    const said = await outputOf(
      `${START}
      for (let i = 0; i < 6; i++) {
        const worker = start("busy.mjs");
        await messageOf(worker);
        const mine = Deferred.run((n) => n * 2, 21);
        await worker.terminate();
        if (await mine !== 42) throw new Error("wrong");
      }
      console.log(await Deferred.run(() => "still here"));
      console.log("end");`,
      { files: FILES, env: { DEFERRED_THREADS: "2" } },
    );
    assert.equal(said, "still here\nend");
  });

  test("terminated at any time, from the first task on", async () => {
    const said = await outputOf(
      `${START}
      for (let i = 0; i < 12; i++) {
        const worker = start("worker.mjs", { id: i, load: 50, rounds: 1e9 });
        await messageOf(worker);
        await new Promise((resolve) => setTimeout(resolve, i * 3));
        await worker.terminate();
      }
      console.log(await Deferred.run(() => "still here"));`,
      { files: FILES },
    );
    assert.equal(said, "still here");
  });

  test("terminated while they read results of every size free nothing twice", async () => {
    const said = await outputOf(
      `${START}
      for (let i = 0; i < 16; i++) {
        const worker = start("draining.mjs");
        await messageOf(worker);
        for (let turn = 0; turn < i * 40; turn++) await new Promise((resolve) => setImmediate(resolve));
        await worker.terminate();
      }
      console.log(await Deferred.run(() => "still here"));`,
      { files: FILES },
    );
    assert.equal(said, "still here");
  });

  test("end with the process while their tasks loop", async () => {
    const said = await outputOf(
      `${START}
      await messageOf(start("busy.mjs"));
      console.log("out");
      process.exit(0);`,
      { files: FILES },
    );
    assert.equal(said, "out");
  });
});
