/** `run`: QuickJS in WebAssembly, in Workers. What a sandbox gives: see ../sandbox.mjs. */

import { createRunner } from "run";
import { measure } from "../sandbox.mjs";

await measure((tools, { timeout, memory }) => {
  const runner = createRunner({
    limits: { timeoutMs: timeout, memoryLimitBytes: memory, maxBridgeRequests: 1_000_000 },
  });
  return {
    async run(source) {
      const { status, value } = await runner.run({ source, hostFunctions: { tools } });
      if (status !== "completed") throw new Error(`the run ended as ${status}`);
      return value;
    },
    close() {},
  };
});
