/** The library itself. What a sandbox gives: see ../sandbox.mjs. */

import { DeferredPool } from "../../mod.ts";
import { measure } from "../sandbox.mjs";

await measure((tools, { timeout, memory }) => {
  const pool = new DeferredPool({ maxThreads: 2, timeout, memoryLimit: memory, host: { tools } });
  return { run: (source) => pool.eval(source), close: () => pool.destroy() };
});
