/**
 * Lending: tasks use the memory of buffers in place, without a copy. These are SharedArrayBuffers,
 * and large ArrayBuffers that were transferred to a task.
 *
 * Invariant: a buffer whose memory a task may touch is kept alive until its completion was read;
 * or, if its pool is destroyed before, until the library says that no such task runs any more; or,
 * if the process exits before, until its tasks were stopped.
 *
 * @module
 */
import process from "node:process";
import { types } from "node:util";
import { REGION } from "../../ffi/symbols.ts";
import type { Native } from "../../ffi/native.ts";
import type { Encoder } from "./clone.ts";
import { lengthOf } from "./slots.ts";
import { DataCloneError } from "../errors.ts";
import { now, outside, setTimeout } from "../pool/event_loop.ts";
import { describe } from "../function/describe.ts";

const { structuredClone } = globalThis; // as it is now, as `transfer` is
const { transfer: detach } = ArrayBuffer.prototype;

/**
 * A list of buffers to transfer, as a set.
 *
 * @param before what paths in messages begin with
 * @throws {DataCloneError} if one of them can't be
 */
export function transferSet(list: readonly unknown[], before = ""): ReadonlySet<ArrayBuffer> {
  const set = new Set<ArrayBuffer>();
  list.forEach((value, i) => {
    const path = `${before}transfer[${i}]`;
    const refuse = (why: string): never => {
      throw new DataCloneError(`${path}: ${why}`, path);
    };
    if (types.isSharedArrayBuffer(value)) {
      refuse("a SharedArrayBuffer is shared, not transferred; leave it out of the list");
    }
    if (ArrayBuffer.isView(value)) {
      refuse("a view can't be transferred; pass its buffer: view.buffer");
    }
    if (!types.isArrayBuffer(value)) {
      refuse(`only an ArrayBuffer can be transferred, got ${describe(value)}`);
    }
    const buffer = value as ArrayBuffer;
    if (buffer.detached) refuse("the ArrayBuffer is detached: it was transferred before");
    if (set.has(buffer)) refuse("the same ArrayBuffer is there twice");
    set.add(buffer);
  });
  return set;
}

/**
 * Ends an encoding with the table of its regions, and detaches what is transferred: all of it, or
 * nothing and throws.
 *
 * @param before what paths in messages begin with
 * @returns the buffers to keep alive, by the number of their region
 */
export function lend(
  native: Native,
  encoder: Encoder,
  transfer: ReadonlySet<ArrayBuffer> | undefined,
  before = "",
): readonly ArrayBufferLike[] {
  const taken = transfer === undefined ? undefined : takeAll([...transfer], before);
  const lent = (encoder.regions ?? []).map((buffer) => {
    const own = taken?.get(buffer);
    return own === undefined ? buffer : aligned(native, own);
  });
  if (lent.length > 0) {
    const table = new DataView(new ArrayBuffer(lent.length * REGION.SIZE));
    lent.forEach((buffer, i) => {
      // An empty one has no address, and needs none but a number that nobody else has.
      const length = lengthOf(buffer);
      const address = length > 0 ? native.address(buffer) : 8 * (i + 1);
      table.setFloat64(i * REGION.SIZE + REGION.ADDRESS, address, true);
      table.setFloat64(i * REGION.SIZE + REGION.LENGTH, length, true);
    });
    encoder.append(new Uint8Array(table.buffer));
  }
  return lent;
}

/**
 * The memory of each buffer as a new one. Either all of them are detached, or none is.
 *
 * structuredClone keeps to that, but searches its list for each of the buffers: 16,000 take 0.7 s on
 * V8, one by one they take 3 ms. So they are detached one by one, after structuredClone was asked
 * whether it would. (Deno's does not search, detaches first and then asks; and of a list with
 * Node's pool of small Buffers in it, it detaches what stands before that.)
 */
function takeAll(
  buffers: ArrayBuffer[],
  before: string,
): ReadonlyMap<ArrayBufferLike, ArrayBuffer> {
  try {
    let taken: ArrayBuffer[];
    if (buffers.length === 1) {
      taken = [detach.call(buffers[0])];
    } else if (asksFirst()) {
      for (let i = 0; i < buffers.length; i += ASKED) ask(buffers.slice(i, i + ASKED));
      taken = buffers.map((buffer) => detach.call(buffer));
    } else {
      taken = structuredClone(buffers, { transfer: buffers });
    }
    return new Map(buffers.map((buffer, i) => [buffer, taken[i]]));
  } catch (cause) {
    const looked = asksFirst() ? buffers : buffers.slice(0, LOOKED);
    const fixed = looked.findIndex((buffer) => !buffer.detached && !canDetach(buffer));
    const path = before + (fixed < 0 ? "transfer" : `transfer[${fixed}]`);
    const message = fixed < 0
      ? `the ArrayBuffers can't be detached${cause instanceof Error ? `: ${cause.message}` : ""}`
      : "this ArrayBuffer can't be detached; the platform keeps it, as it does with the pool of " +
        "small Buffers and with WebAssembly's memory: transfer a copy, buffer.slice()";
    throw new DataCloneError(`${path}: ${message}`, path);
  }
}

/** Buffers that structuredClone is asked about at once. */
const ASKED = 64;
const YES = Symbol("they can be transferred");
let isAsking: boolean | undefined;

/** Throws if structuredClone would not transfer these buffers. It looks at them before the value. */
function ask(buffers: ArrayBuffer[]): void {
  const value = {
    get answer(): never {
      throw YES;
    },
  };
  try {
    structuredClone(value, { transfer: buffers });
  } catch (error) {
    if (error !== YES) throw error;
  }
}

/** Whether the runtime's structuredClone detaches nothing before it has read the value. */
function asksFirst(): boolean {
  if (isAsking === undefined) {
    const buffer = new ArrayBuffer(8);
    ask([buffer]);
    isAsking = !buffer.detached;
  }
  return isAsking;
}

/** Where structuredClone can't be asked, so many are looked at to tell which can't be detached. */
const LOOKED = 4;

/**
 * Whether a buffer can be detached. Where structuredClone can't be asked: a length that none may
 * have is refused only after that is; on V8 after 20 ms, in which it looks for memory.
 */
function canDetach(buffer: ArrayBuffer): boolean {
  try {
    if (asksFirst()) {
      ask([buffer]);
      return true;
    }
    detach.call(buffer, Number.MAX_SAFE_INTEGER);
  } catch (error) {
    return error instanceof RangeError;
  }
  return true;
}

/** Memory of the platform's may begin anywhere; what is lent may not. */
function aligned(native: Native, buffer: ArrayBuffer): ArrayBuffer {
  return buffer.byteLength === 0 || native.address(buffer) % 8 === 0 ? buffer : buffer.slice(0);
}

/** Pools that have lent memory, and how each is stopped. */
const lenders = new Map<object, () => void>();
/** Buffers lent to tasks of pools that were destroyed. */
let abandoned = new Set<unknown>();
let listening = false;

/** `lender` has lent memory until {@linkcode settled}; at the process's exit, `stop` stops its tasks. */
export function lending(native: Native, lender: object, stop: () => void): void {
  lenders.set(lender, stop);
  if (listening) return;
  listening = true;
  process.on("exit", () => {
    for (const stop of lenders.values()) stop();
    // The runtime frees its buffers next. A task is gone within a millisecond or so.
    const end = now() + 1000;
    while (native.symbols.dfd_stragglers() > 0 && now() < end);
  });
}

/** `lender` has all its buffers back. */
export function settled(lender: object): void {
  lenders.delete(lender);
}

/** The pool of `lender` was destroyed: its buffers are kept until no task uses them. */
export function abandon(native: Native, lender: object, buffers: readonly unknown[]): void {
  lenders.delete(lender);
  abandoned.add(buffers);
  if (abandoned.size === 1) wait(native);
}

function wait(native: Native): void {
  const look = (): void => {
    if (native.symbols.dfd_stragglers() > 0) wait(native);
    else abandoned = new Set();
  };
  const timer: unknown = outside((look) => setTimeout(look, 10), look);
  (timer as { unref?(): void }).unref?.();
}
