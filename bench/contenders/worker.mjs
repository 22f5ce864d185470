/**
 * The runtime's own Worker, kept alive: a message there, a message back, and nothing else. This
 * is the least that any pool of Workers can cost.
 */

import { contend } from "../contend.mjs";

const code = new URL("./worker_thread.mjs", import.meta.url);
const onNode = !globalThis.Deno && !globalThis.Bun;
const NodeWorker = onNode ? (await import("node:worker_threads")).Worker : undefined;

/** @param {(data: unknown) => void} receive */
function start(receive) {
  if (NodeWorker) return new NodeWorker(code).on("message", receive);
  const worker = new globalThis.Worker(code, { type: "module" });
  worker.onmessage = (event) => receive(event.data);
  return worker;
}

/** One thread. Replies come in the order of the questions. @param {string} task */
function lane(task) {
  let waiting = [], next = 0, worker;
  const open = () => {
    worker = start((data) => {
      const resolve = waiting[next++];
      if (next === waiting.length) waiting = [], next = 0;
      resolve(data);
    });
    worker.postMessage(task);
  };
  const run = (arg, transfer = []) =>
    new Promise((resolve) => {
      waiting.push(resolve);
      worker.postMessage(arg, transfer);
    });
  /** At the deadline another Worker starts, without a wait for the end of the first. */
  const runWithin = (arg, ms) => {
    const reply = run(arg);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        worker.terminate();
        waiting = [], next = 0;
        open();
        reject(new DOMException("it took too long", "TimeoutError"));
      }, ms);
      reply.then(resolve).finally(() => clearTimeout(timer));
    });
  };
  open();
  return { run, runWithin, close: () => worker.terminate() };
}

await contend((threads, task) => {
  const lanes = Array.from({ length: threads }, () => lane(task));
  let turn = 0;
  return {
    run: (arg) => lanes[turn++ % threads].run(arg),
    move: (bytes) => lanes[turn++ % threads].run(bytes, [bytes.buffer]),
    runWithin: (arg, ms) => lanes[turn++ % threads].runWithin(arg, ms),
    close: () => Promise.all(lanes.map((lane) => lane.close())),
  };
});
