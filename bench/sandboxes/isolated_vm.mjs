/**
 * isolated-vm: V8 isolates. What a sandbox gives: see ../sandbox.mjs. Each run has an isolate of its
 * own, as each of ours has a realm: one that was used may be out of memory, or have been ended.
 */

import ivm from "isolated-vm";
import { measure } from "../sandbox.mjs";

await measure((tools, { timeout, memory }) => ({
  async run(source) {
    const isolate = new ivm.Isolate({ memoryLimit: memory / 2 ** 20 });
    try {
      const context = await isolate.createContext();
      const names = Object.keys(tools);
      const references = names.map((name) => new ivm.Reference(tools[name]));
      await context.evalClosure(
        `globalThis.tools = {};
        for (const [i, name] of ${JSON.stringify(names)}.entries()) {
          const reference = arguments[i];
          const how = { arguments: { copy: true }, result: { promise: true, copy: true } };
          tools[name] = (...args) => reference.apply(undefined, args, how);
        }`,
        references,
      );
      const code = `(async () => {${source}})()`;
      return await context.eval(code, { timeout, promise: true, copy: true });
    } finally {
      if (!isolate.isDisposed) isolate.dispose();
    }
  },
  close() {},
}));
