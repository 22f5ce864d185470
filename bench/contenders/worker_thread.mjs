/** Inside the Worker: the first message names a task, each further one is an argument for it. */

import * as tasks from "../tasks.mjs";

let task;

const receive = (data, reply) => {
  if (task === undefined) task = tasks[data];
  else reply(task(data));
};

if (globalThis.Deno || globalThis.Bun) {
  globalThis.onmessage = (event) => receive(event.data, (result) => postMessage(result));
} else {
  const { parentPort } = await import("node:worker_threads");
  parentPort.on("message", (data) => receive(data, (result) => parentPort.postMessage(result)));
}
