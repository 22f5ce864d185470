/** JSON, there and back, for what it can carry. */

import { contend } from "../contend.mjs";

const copy = (value) => JSON.parse(JSON.stringify(value));

await contend(() => ({
  run: (value) => copy(copy(value)),
  carries: ["object", "records", "tree", "latin1", "utf16"],
  close: () => {},
}));
