/** The library itself. How a contender is run: see ../contend.mjs. */

import { DeferredPool } from "../../mod.ts";
import { contend } from "../contend.mjs";
import * as tasks from "../tasks.mjs";

await contend((threads, task) => {
  const pool = new DeferredPool({ maxThreads: threads });
  const fn = tasks[task];
  return {
    run: (arg) => pool.run(fn, arg),
    runWithin: (arg, timeout) => pool.defer(fn, { args: [arg], timeout }),
    move: (bytes) => pool.defer(fn, { args: [bytes], transfer: [bytes.buffer] }),
    close: () => pool.close(),
  };
});
