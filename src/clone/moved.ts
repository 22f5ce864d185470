/**
 * Memory that a task moved out: buffers of its result, taken over from the library. They are not
 * copied where the runtime's buffers can have a deallocator; elsewhere they are copied, a piece at
 * a time.
 *
 * Invariant: the memory belongs to the library, which frees it with the pool at the latest, until a
 * buffer of the runtime has it.
 *
 * @module
 */
import { MOVED } from "../../ffi/symbols.ts";
import type { Native } from "../../ffi/native.ts";
import { list } from "./own.ts";
import { now } from "../pool/event_loop.ts";

/** Bytes that are copied at a time: some 0.5 ms. */
const PIECE = 1 << 20;

interface Entry {
  readonly address: number;
  readonly length: number;
  readonly handle: number;
}

/** The moved buffers of one completion. */
export class Moved {
  /** Those that were taken over, by their numbers. */
  readonly buffers: ArrayBuffer[] = list();
  /** How many bytes must be copied. */
  readonly size: number = 0;
  /** How many there are. */
  readonly bytes: number = 0;
  readonly #native: Native;
  readonly #pool: number;
  readonly #entries: Entry[] = list();
  /* The copy of the next one, and how much of it there is. */
  #copy: Uint8Array<ArrayBuffer> | undefined;
  #copied = 0;

  /** @param table where the library tells of `count` of them; only read here */
  constructor(native: Native, pool: number, table: DataView, count: number) {
    this.#native = native;
    this.#pool = pool;
    for (let at = 0; at < count * MOVED.SIZE; at += MOVED.SIZE) {
      const length = table.getFloat64(at + MOVED.LENGTH, true);
      this.#entries[this.#entries.length] = {
        address: table.getFloat64(at + MOVED.ADDRESS, true),
        length,
        handle: table.getFloat64(at + MOVED.HANDLE, true),
      };
      this.bytes += length;
      if (native.own === undefined) this.size += length;
    }
  }

  /**
   * Takes them over, until the clock says `until` and something was done.
   *
   * @returns whether all of them are there
   * @throws what the runtime says when it can't have a buffer of that size
   */
  take(until: number): boolean {
    while (this.buffers.length < this.#entries.length) {
      const buffer = this.#next(this.#entries[this.buffers.length]!);
      if (buffer !== undefined) this.buffers[this.buffers.length] = buffer;
      if (now() >= until) break;
    }
    return this.buffers.length === this.#entries.length;
  }

  /** Frees what was not taken over. */
  drop(): void {
    while (this.#entries.length > this.buffers.length) {
      const { handle } = this.#entries[this.#entries.length - 1]!;
      this.#entries.length--;
      this.#native.symbols.dfd_release(this.#pool, handle);
    }
    this.#copy = undefined;
  }

  /** The next one, or `undefined` if another piece of it was copied. */
  #next({ address, length, handle }: Entry): ArrayBuffer | undefined {
    const { own, view, symbols } = this.#native;
    let buffer: ArrayBuffer;
    if (own !== undefined) {
      buffer = own(address, length, handle);
      symbols.dfd_keep(this.#pool, handle);
      return buffer;
    }
    if (length <= PIECE) {
      buffer = view(address, length).slice(0);
    } else {
      const copy = this.#copy ??= new Uint8Array(length);
      const count = Math.min(PIECE, length - this.#copied);
      copy.set(new Uint8Array(view(address + this.#copied, count)), this.#copied);
      this.#copied += count;
      if (this.#copied < length) return undefined;
      buffer = copy.buffer;
      this.#copy = undefined;
      this.#copied = 0;
    }
    symbols.dfd_release(this.#pool, handle);
    return buffer;
  }
}
