/** Piscina, with its threads started ahead and one task a thread, as it does by default. */

import { Piscina } from "piscina";
import { contend } from "../contend.mjs";

const filename = new URL("../tasks.mjs", import.meta.url).href;

await contend((threads, name) => {
  const pool = new Piscina({ filename, minThreads: threads, maxThreads: threads });
  return {
    run: (arg) => pool.run(arg, { name }),
    runWithin: (arg, ms) => pool.run(arg, { name, signal: AbortSignal.timeout(ms) }),
    close: () => pool.close(),
  };
});
