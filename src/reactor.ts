/**
 * The reactor: a pool's pending tasks, and how their completions reach the event loop.
 *
 *   submit --> poll (setImmediate, while a result is due soon) --> park --> wake --> poll ...
 *
 * Completions are read as plain memory from the pool's ring, without an FFI call. While none comes
 * the reactor parks: it asks the library for a wake-up (which looks at the ring once more, so that
 * none is lost) and arms the runtime's waker, which also keeps the event loop alive. When nothing
 * is pending nothing is scheduled and nothing is armed, so that the process can end.
 *
 * Invariant: while a task is pending, either an immediate is scheduled or the waker is armed.
 *
 * @module
 */
import { CONTROL, MOVED, RECORD, RING_BYTES } from "../ffi/symbols.ts";
import type { Native, Waker } from "../ffi/native.ts";
import { decode, takeErrors } from "./clone.ts";
import { InternalError } from "./errors.ts";
import { abandon, lending, settled } from "./lending.ts";

/**
 * How long to poll after the last sign of life before parking, in ms. A wake-up takes 20 to 150 us,
 * depending on the runtime; polling for longer gains little, and keeps a worker that shares our
 * processor from finishing (with 0.25 ms one round trip in a hundred took 270 us there).
 */
const POLL_MS = 0.05;

// As they are now: a test may put false timers in their place, and its tasks must go on.
const { setImmediate } = globalThis;
const now: () => number = performance.now.bind(performance);

const RING_MASK = RING_BYTES - 1;
const PADDING = 0xffffffff;

/** How a task ended, as the library says it. */
export interface Completion {
  /** One of `STATUS`. */
  readonly status: number;
  /** What the task returned or threw, or the parts of a message; `undefined` if there is none. */
  readonly payload: unknown;
  /** The errors in the payload, each before its causes: the payload itself, if it is one, first. */
  readonly errors: readonly Error[];
  /** The worker that ran it, from 1; 0 if none did. */
  readonly worker: number;
  /** From start to end, in ms. */
  readonly runTime: number;
  /** From submission to start, in ms. */
  readonly waitTime: number;
}

/** A task that waits for its completion. */
export interface Pending {
  /** Called once, in the event loop. Must not throw. */
  complete(completion: Completion): void;
  /** Called instead when the pool was destroyed. Must not throw. */
  abandon(reason: unknown): void;
}

export class Reactor {
  readonly #native: Native;
  readonly #pool: number;
  readonly #classes: readonly object[];
  readonly #presets: readonly object[];
  readonly #waker: Waker;
  readonly #pending = new Map<number, Pending>();
  /* Of tasks whose buffers are in use, by id. */
  readonly #lent = new Map<number, readonly ArrayBufferLike[]>();
  /* Views of the library's memory, dropped when the pool is closed. */
  #control: Int32Array<ArrayBuffer> | undefined;
  #words: Uint32Array<ArrayBuffer>;
  #floats: Float64Array<ArrayBuffer>;
  #bytes: Uint8Array<ArrayBuffer>;
  #head = 0;
  #nextId = 0;
  #polling = false;
  #parked = false;
  #alive = 0; // now() at the last submission or completion
  #idle: (() => void)[] = [];
  readonly #tick = (): void => this.#poll();

  /**
   * @param classes the prototypes of the pool's classes
   * @param presets what all of its tasks have; may become more
   */
  constructor(
    native: Native,
    pool: number,
    classes: readonly object[],
    presets: readonly object[],
  ) {
    this.#classes = classes;
    this.#presets = presets;
    this.#native = native;
    this.#pool = pool;
    const memory = native.view(
      native.symbols.dfd_pool_control(pool),
      CONTROL.RING * 4 + RING_BYTES,
    );
    this.#control = new Int32Array(memory, 0, CONTROL.RING);
    this.#words = new Uint32Array(memory, CONTROL.RING * 4);
    this.#floats = new Float64Array(memory, CONTROL.RING * 4);
    this.#bytes = new Uint8Array(memory, CONTROL.RING * 4);
    this.#waker = native.waker(pool, () => this.#wake());
  }

  /** Tasks that are pending: queued or running. */
  get size(): number {
    return this.#pending.size;
  }

  /** A number from the library's control block (`CONTROL`); 0 once closed. */
  counter(word: number): number {
    return this.#control === undefined ? 0 : Atomics.load(this.#control, word);
  }

  /** An id for a task that is about to be submitted. */
  reserve(): number {
    let id = this.#nextId;
    while (this.#pending.has(id)) id = id === PADDING - 1 ? 0 : id + 1;
    this.#nextId = id === PADDING - 1 ? 0 : id + 1;
    return id;
  }

  /** A task was submitted under `id`: its completion will come. `lent` is kept until then. */
  add(id: number, pending: Pending, lent: readonly ArrayBufferLike[] | undefined): void {
    this.#pending.set(id, pending);
    if (lent !== undefined && lent.length > 0) {
      this.#lent.set(id, lent);
      lending(this.#native, this, () => {
        this.close(undefined);
        this.#native.symbols.dfd_pool_close(this.#pool);
      });
    }
    this.#alive = now();
    if (this.#polling) return;
    if (this.#parked) {
      this.#parked = false;
      this.#native.symbols.dfd_unpark(this.#pool);
    }
    this.#polling = true;
    setImmediate(this.#tick);
  }

  /** Resolves when no task is pending. */
  idle(): Promise<void> {
    if (this.#pending.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Lets go of the library's memory; every pending task is abandoned. The pool is closed next. */
  close(reason: unknown): void {
    if (this.#control === undefined) return;
    // What was read is read: its payloads are released already.
    Atomics.store(this.#control, CONTROL.HEAD, this.#head | 0);
    this.#control = undefined;
    this.#words = new Uint32Array(0);
    this.#floats = new Float64Array(0);
    this.#bytes = new Uint8Array(0);
    this.#waker.close();
    if (this.#lent.size > 0) abandon(this.#native, this, [...this.#lent.values()]);
    const abandoned = [...this.#pending.values()];
    this.#pending.clear();
    for (const pending of abandoned) pending.abandon(reason);
    this.#nothingPending();
  }

  #poll(): void {
    this.#polling = false;
    if (this.#control === undefined) return;
    try {
      if (this.#drain() > 0) this.#alive = now();
    } finally {
      this.#next(); // whatever happens, the rest must not wait for ever
    }
  }

  #wake(): void {
    if (this.#control === undefined) return;
    this.#parked = false;
    this.#alive = now();
    try {
      this.#drain();
    } finally {
      if (!this.#polling) this.#next();
    }
  }

  /** Polls on, parks, or rests. */
  #next(): void {
    if (this.#pending.size === 0) {
      this.#nothingPending();
    } else if (
      now() - this.#alive < POLL_MS ||
      this.#native.symbols.dfd_park(this.#pool) !== 0
    ) {
      this.#polling = true;
      setImmediate(this.#tick);
    } else {
      this.#parked = true;
      this.#waker.arm();
    }
  }

  #nothingPending(): void {
    if (this.#control !== undefined) this.#waker.disarm();
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }

  /** Reads every completion there is; returns how many. */
  #drain(): number {
    const control = this.#control!;
    let count = 0;
    for (;;) {
      const tail = Atomics.load(control, CONTROL.TAIL) >>> 0;
      while (this.#head !== tail) {
        const at = this.#head & RING_MASK;
        const size = this.#words[at >>> 2];
        const task = this.#words[(at + RECORD.TASK) >>> 2];
        // Before it is looked at: it must not be settled, nor its payload released, twice.
        this.#head = (this.#head + size) >>> 0;
        if (task === PADDING) continue;
        count++;
        this.#settle(task, at);
        if (this.#control === undefined) return count; // a callback closed the pool
      }
      Atomics.store(control, CONTROL.HEAD, this.#head | 0);
      if (Atomics.load(control, CONTROL.OVERFLOW) === 0) return count;
      this.#native.symbols.dfd_refill(this.#pool);
    }
  }

  /** Gives the completion in the record at `at` to its task. */
  #settle(task: number, at: number): void {
    const words = this.#words;
    const word = at >>> 2;
    const length = words[word + (RECORD.LENGTH >>> 2)];
    const external = words[word + (RECORD.EXTERNAL >>> 2)] !== 0;
    let status = words[word + (RECORD.STATUS >>> 2)];
    const moved = words[word + (RECORD.MOVED >>> 2)];
    let payload: unknown;
    let errors: readonly Error[] = [];
    let lent: readonly ArrayBufferLike[] | undefined;
    if (this.#lent.size > 0 && (lent = this.#lent.get(task)) !== undefined) {
      this.#lent.delete(task);
      if (this.#lent.size === 0) settled(this);
    }
    try {
      if (external) {
        const address = this.#floats[(at + RECORD.PAYLOAD) >>> 3];
        payload = this.#readExternal(address, length, moved, lent);
      } else if (length > 0) {
        const start = at + RECORD.PAYLOAD;
        payload = this.#read(this.#bytes.subarray(start, start + length), moved, lent);
      }
      if (length > 0) errors = takeErrors();
    } catch (cause) {
      status = -1;
      payload = new InternalError("the result of the task could not be read", { cause });
    }
    const pending = this.#pending.get(task);
    if (pending === undefined) return;
    this.#pending.delete(task);
    pending.complete({
      status,
      payload,
      errors,
      worker: words[word + (RECORD.WORKER >>> 2)],
      runTime: this.#floats[(at + RECORD.RUN_MS) >>> 3],
      waitTime: this.#floats[(at + RECORD.WAIT_MS) >>> 3],
    });
  }

  /** Reads a payload, behind which the table of its moved buffers lies. */
  #read(bytes: Uint8Array, moved: number, lent: readonly ArrayBufferLike[] = []): unknown {
    const classes = this.#classes;
    const presets = this.#presets;
    if (moved + lent.length + classes.length + presets.length === 0) return decode(bytes);
    const table = new DataView(bytes.buffer, align(bytes.byteOffset + bytes.length));
    const buffers = Array.from({ length: moved }, (_, i) => {
      const entry = i * MOVED.SIZE;
      return this.#native.adopt(
        table.getFloat64(entry + MOVED.ADDRESS, true),
        table.getFloat64(entry + MOVED.LENGTH, true),
        table.getFloat64(entry + MOVED.HANDLE, true),
      );
    });
    return decode(bytes, { lent, moved: buffers, classes, presets });
  }

  #readExternal(
    address: number,
    length: number,
    moved: number,
    lent: readonly ArrayBufferLike[] | undefined,
  ): unknown {
    try {
      const memory = this.#native.view(address, align(length) + moved * MOVED.SIZE);
      return this.#read(new Uint8Array(memory, 0, length), moved, lent);
    } finally {
      this.#native.symbols.dfd_release(address);
    }
  }
}

/** The next multiple of 8. */
function align(at: number): number {
  return (at + 7) & ~7;
}
