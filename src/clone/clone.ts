/**
 * Structured clone between the host and bytes: the TypeScript half (csrc/clone.h describes the
 * other half, csrc/wire.h the format). {@link Encoder} writes; {@link decode} reads, and {@link
 * Reading} reads in slices.
 *
 * Follows the HTML standard, section 2.7, and writes the same bytes for a value as the C half.
 * Where it departs from structuredClone:
 *   - More of an error crosses: own properties, `errors`, its own name, the stack. A text replaces
 *     parts that can't be cloned.
 *   - A Buffer is a view of its own bytes only, and not of the pool that it was cut from.
 *   - Of arrays with more than 32 elements, accessors are read more than once, and elements that
 *     aren't enumerable are copied.
 *   - A key that a getter of the same object deletes, and that its prototype has as well, is read
 *     from the prototype: to ask for each key would make all objects take 10 to 30 % longer.
 *   - A Map, say, with the prototype of a plain object is a plain object if it has keys of its own.
 *   - Nothing of the platform's own (Blob, URL, streams, …) crosses yet.
 *   - What is expensive for the host is bounded for each value that it decodes (costs.ts).
 *   - A Worker's SharedArrayBuffers don't cross, nor do growable ones.
 *
 * @module
 */
export { type Beside, type DecodedError, forget, takeErrors } from "./decode.ts";
export type { Frame } from "./frames.ts";
export { decode, decodeSoon, lastWork, LATER, Reading } from "./slices.ts";
export { Encoder, OF_A_PRESET, OF_A_WORKER, OF_AN_ANSWER } from "./encode.ts";
export type { Refusal } from "./slots.ts";
