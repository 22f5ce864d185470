/**
 * `node:vm`, of which Node.js says that it is no security mechanism. What a sandbox gives: see
 * ../sandbox.mjs.
 */

import vm from "node:vm";
import { measure } from "../sandbox.mjs";

await measure((tools, { timeout }) => ({
  async run(source) {
    return await vm.runInNewContext(`(async () => {${source}})()`, { tools }, { timeout });
  },
  close() {},
}));
