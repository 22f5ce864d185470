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
  let waiting = [], next = 0;
  const worker = start((data) => {
    const resolve = waiting[next++];
    if (next === waiting.length) waiting = [], next = 0;
    resolve(data);
  });
  worker.postMessage(task);
  return {
    run: (arg) =>
      new Promise((resolve) => {
        waiting.push(resolve);
        worker.postMessage(arg);
      }),
    close: () => worker.terminate(),
  };
}

await contend((threads, task) => {
  const lanes = Array.from({ length: threads }, () => lane(task));
  let turn = 0;
  return {
    run: (arg) => lanes[turn++ % threads].run(arg),
    close: () => Promise.all(lanes.map((lane) => lane.close())),
  };
});
