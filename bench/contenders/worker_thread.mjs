/** Inside the Worker: the first message names a task, each further one is an argument for it. */

import * as tasks from "../tasks.mjs";

let task;

const receive = (data, reply) => {
  if (task === undefined) task = tasks[data];
  else if (task === tasks.move) reply(data, [data.buffer]);
  else reply(task(data));
};

if (globalThis.Deno || globalThis.Bun) {
  const reply = (result, transfer = []) => postMessage(result, transfer);
  globalThis.onmessage = (event) => receive(event.data, reply);
} else {
  const { parentPort } = await import("node:worker_threads");
  const reply = (result, transfer) => parentPort.postMessage(result, transfer);
  parentPort.on("message", (data) => receive(data, reply));
}
