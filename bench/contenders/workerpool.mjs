/** workerpool, with threads rather than processes, which would take longer to start. */

import { fileURLToPath } from "node:url";
import workerpool from "workerpool";
import { contend } from "../contend.mjs";

const script = fileURLToPath(new URL("./workerpool_thread.mjs", import.meta.url));

await contend((threads, task) => {
  const options = { workerType: "thread", minWorkers: threads, maxWorkers: threads };
  const pool = workerpool.pool(script, options);
  return {
    run: (arg) => pool.exec(task, [arg]),
    runWithin: (arg, ms) => pool.exec(task, [arg]).timeout(ms),
    close: () => pool.terminate(),
  };
});
