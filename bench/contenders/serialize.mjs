/** The engine's own bytes, there and back: node:v8's on Deno and Node, bun:jsc's on Bun. */

import { contend } from "../contend.mjs";

const { serialize, deserialize } = await import(globalThis.Bun ? "bun:jsc" : "node:v8");
const copy = (value) => deserialize(serialize(value));

await contend(() => ({ run: (value) => copy(copy(value)), close: () => {} }));
