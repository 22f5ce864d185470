/** The host's structuredClone, there and back: what an echo costs where no thread is involved. */

import { contend } from "../contend.mjs";

await contend(() => ({
  run: (value) => structuredClone(structuredClone(value)),
  move: (bytes) => {
    const there = structuredClone(bytes, { transfer: [bytes.buffer] });
    return structuredClone(there, { transfer: [there.buffer] });
  },
  close: () => {},
}));
