/**
 * The reactor: a pool's pending tasks, and how their completions reach the event loop.
 *
 *   submit --> poll (setImmediate, while a result is due soon) --> park --> wake --> poll ...
 *
 * Completions are read as plain memory from the pool's ring, without an FFI call. While none comes
 * the reactor parks: it asks the library for a wake-up (which looks at the ring once more, so that
 * none is lost) and arms the runtime's waker, which also keeps the event loop alive. When nothing
 * is pending it polls once more, in the next turn of the loop, in case whoever awaited the last
 * task submits another: an immediate that the reactor itself schedules need not be taken out of
 * anybody's async context. After that nothing is scheduled or armed, so the process can end.
 *
 * Large payloads are read one after the other, a slice in each turn of the loop; other completions
 * are settled meanwhile, and what the task of a large event sent after it is held back. The tasks
 * of large payloads are pending until then. Of the rest, one turn reads no more than the size from
 * which a payload counts as large. Calls of the host's functions run for as long as a slice; the
 * next is left to another turn.
 *
 * Invariant: while a task is pending, either an immediate is scheduled or the waker is armed.
 *
 * @module
 */
import {
  CONTROL,
  EVENT,
  EVENT_TYPE,
  KIND,
  MOVED,
  RECORD,
  RING_BYTES,
  STATUS,
} from "../../ffi/symbols.ts";
import type { Native, Waker } from "../../ffi/native.ts";
import {
  type Beside,
  type DecodedError,
  decodeSoon,
  forget,
  lastWork,
  LATER,
  Reading,
  takeErrors,
} from "../clone/clone.ts";
import { DataCloneError, InternalError } from "../errors.ts";
import { now, outside, setImmediate } from "./event_loop.ts";
import { abandon, lending, settled } from "../clone/lending.ts";
import { Moved } from "../clone/moved.ts";
import { define, list } from "../clone/own.ts";

/**
 * How long to poll before parking, after the last submission or completion, in ms. A wake-up takes
 * 20 to 150 us, depending on the runtime. Polling for longer gains little, and keeps a worker that
 * shares our processor from finishing (with 0.25 ms one round trip in a hundred took 270 us there).
 */
const POLL_MS = 0.05;

/**
 * What is read in slices: payloads of so many bytes, and those that take as much work for other
 * reasons (../clone/costs.ts), some 3 to 5 ms; and the length of a slice, in ms.
 */
const LARGE = 1 << 19;
const SLICE_MS = 8;

const RING_MASK = RING_BYTES - 1;
const PADDING = 0xffffffff;

/** How a task ended, according to the library. */
export interface Completion {
  /** One of `STATUS`. */
  readonly status: number;
  /** What the task returned or threw, or the parts of a message; `undefined` if there is none. */
  readonly payload: unknown;
  /** The errors in the payload, each before its causes: the payload itself, if it is one, first. */
  readonly errors: readonly DecodedError[];
  /** The worker that ran it, from 1; 0 if none did. */
  readonly worker: number;
  /** From start to end, in ms. */
  readonly runTime: number;
  /** From submission to start, in ms. */
  readonly waitTime: number;
  /** Whether some of it ran as compiled code. */
  readonly compiled: boolean;
}

type Draft = { -readonly [key in keyof Completion]: Completion[key] };
const NO_ERRORS: readonly DecodedError[] = [];

/** A task that waits for its completion. */
export interface Pending {
  /** By which the library knows it: in its records, set by {@linkcode Reactor.add}; and in calls. */
  id: number;
  readonly handle: number;
  /** Whether the payload, or the rest of it, need not be read. */
  readonly settled: boolean;
  /** The stacks of the errors among its arguments, if there are any; see `Encoder.stacks`. */
  sent: ReadonlyMap<string, string> | undefined;
  /**
   * Called for each of its calls of the host's functions, in their order. Must not throw; `read`
   * may. `size` is how many bytes the call took, with what it moved.
   */
  receive(event: TaskEvent): void;
  /** Called once in a turn in which it was given reports of its progress. Must not throw. */
  caughtUp(): void;
  /** Called once, in the event loop. Must not throw. */
  complete(completion: Completion): void;
  /** Ends the task, whose completion comes. Must not throw. */
  cancel(reason: unknown): void;
  /** Called instead when the pool was destroyed. Must not throw. */
  abandon(reason: unknown): void;
}

/** What comes before an event's value. */
interface EventHead {
  /** One of `EVENT_TYPE`. */
  readonly type: number;
  readonly number: number;
  readonly which: number;
  readonly size: number;
}

/** Something in a task that goes on; see `EVENT` in ffi/symbols.ts. */
export interface TaskEvent extends EventHead {
  /** The arguments, an array, and the errors in them; or throws why they can't be read. */
  read(): { readonly payload: unknown; readonly errors: readonly DecodedError[] };
}

/** Memory in which records lie: the ring, or a copy of one record. */
interface Records {
  readonly words: Uint32Array<ArrayBuffer>;
  readonly floats: Float64Array<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
}
const NO_RECORDS = recordsIn(new ArrayBuffer(0));

/** A completion whose payload is read in slices, and what is released then. */
interface Large {
  readonly task: number;
  readonly completion: Draft;
  readonly moved: Moved | undefined;
  readonly reading: Reading;
  /** The handle by which the payload's memory is released; 0 if it lay in the ring. */
  readonly handle: number;
}

/**
 * An event that is read in slices, and the records of its task behind it, which wait until it was
 * told of: so the task's calls keep their order, and its end comes last. There are never many: the
 * library lets a task go on only while little of what it sent is unread.
 */
interface Backlog {
  readonly task: number;
  head: EventHead;
  /** `undefined` once it was read. */
  reading: Reading | undefined;
  moved: Moved | undefined;
  /** As in {@link Large}. */
  handle: number;
  readonly held: (Records | undefined)[];
  /** How many of those were taken up. */
  taken: number;
}

export class Reactor {
  readonly #native: Native;
  readonly #pool: number;
  readonly #classes: readonly object[];
  readonly #presets: readonly object[];
  readonly #waker: Waker;
  readonly #pending = new Map<number, Pending>();
  /* The buffers that tasks use, by the task's id; `undefined` for one that is used no more. */
  readonly #lent = new Map<number, (ArrayBufferLike | undefined)[]>();
  /* Payloads that are read in slices, by the task's id; the first one is next. */
  readonly #large = new Map<number, Large>();
  /* Events that are, by the task's id; the first one is next. */
  readonly #backlogs = new Map<number, Backlog>();
  /* Views of the library's memory, dropped when the pool is closed. */
  #control: Int32Array<ArrayBuffer> | undefined;
  #ring: Records;
  #head = 0;
  #nextId = 0;
  #polling = false;
  #parked = false;
  #alive = 0; // now() at the last submission or completion
  #lingers = false; // nothing was pending at the last look, nor submitted since; polls once more
  #idle = new Set<() => void>();
  #reporters = new Set<Pending>(); // whose reports were read in this turn
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
    this.#ring = recordsIn(memory, CONTROL.RING * 4);
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
    pending.id = id;
    this.#pending.set(id, pending);
    if (lent !== undefined && lent.length > 0) this.lend(id, lent);
    this.#alive = now();
    this.#lingers = false;
    this.#pollSoon();
  }

  /** How many buffers a task was lent: the number that the next one has. */
  lentTo(id: number): number {
    return this.#lent.get(id)?.length ?? 0;
  }

  /** Keeps buffers that a task is lent, after those that it was lent before, until it ends. */
  lend(id: number, buffers: readonly ArrayBufferLike[]): void {
    const lent = this.#lent.get(id);
    if (lent === undefined) this.#lent.set(id, [...buffers]);
    else for (const buffer of buffers) define(lent, lent.length, buffer);
    lending(this.#native, this, () => {
      this.close(undefined);
      this.#native.symbols.dfd_pool_close(this.#pool);
    });
  }

  /** A task uses a buffer no more. */
  #takeBack(id: number, number: number): void {
    const lent = this.#lent.get(id);
    if (lent !== undefined && number < lent.length) lent[number] = undefined;
  }

  #pollSoon(): void {
    if (this.#polling) return;
    if (this.#parked) {
      this.#parked = false;
      this.#native.symbols.dfd_unpark(this.#pool);
    }
    this.#polling = true;
    outside(setImmediate, this.#tick);
  }

  /** Resolves when no task is pending. */
  idle(): Promise<void> {
    if (this.#pending.size === 0) return Promise.resolve();
    return new Promise((resolve) => void this.#idle.add(resolve));
  }

  /**
   * Drops the library's memory and abandons every pending task. The caller closes the pool next.
   */
  close(reason: unknown): void {
    if (this.#control === undefined) return;
    this.#control = undefined;
    this.#ring = NO_RECORDS;
    forget();
    const abandoned = [...this.#pending.values()];
    this.#pending.clear();
    this.#reporters.clear();
    try {
      this.#waker.close();
      if (this.#lent.size > 0) abandon(this.#native, this, [...this.#lent.values()]);
      const large = [...this.#large.values()];
      this.#large.clear();
      for (const each of large) this.#release(each);
      const backlogs = [...this.#backlogs.values()];
      this.#backlogs.clear();
      for (const each of backlogs) this.#release(each);
    } finally {
      for (const pending of abandoned) pending.abandon(reason);
      this.#nothingPending();
    }
  }

  #poll(): void {
    this.#polling = false;
    if (this.#control === undefined) return;
    try {
      if (this.#read() > 0) this.#alive = now();
    } finally {
      if (!this.#polling) this.#next(); // whatever happens, the rest must not wait for ever
    }
  }

  #wake(): void {
    if (this.#control === undefined) return;
    this.#parked = false;
    this.#alive = now();
    try {
      this.#read();
    } finally {
      if (!this.#polling) this.#next();
    }
  }

  /** Polls again, parks, lingers for a turn, or rests. */
  #next(): void {
    if (this.#pending.size === 0) {
      if (this.#lingers) {
        this.#lingers = false;
        return;
      }
      this.#nothingPending();
      if (this.#control === undefined) return;
      this.#lingers = this.#polling = true;
      setImmediate(this.#tick);
    } else if (
      this.#large.size + this.#backlogs.size > 0 ||
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
    if (this.#idle.size === 0) return;
    const waiting = this.#idle;
    this.#idle = new Set();
    for (const resolve of waiting) resolve();
  }

  /** Reads what one turn reads; returns how many records were in the ring. */
  #read(): number {
    const count = this.#drain();
    if (this.#large.size > 0) this.#slice();
    if (this.#backlogs.size > 0) this.#goOn();
    if (this.#reporters.size > 0) this.#catchUp();
    return count;
  }

  /** Reads the completions in the ring, except what is left to the next turn; returns how many. */
  #drain(): number {
    const control = this.#control!;
    const { words } = this.#ring;
    let count = 0;
    let room = LARGE;
    let until = 0; // once there was an event, for which the host's code runs
    for (;;) {
      const tail = Atomics.load(control, CONTROL.TAIL) >>> 0;
      while (this.#head !== tail && room > 0) {
        const at = this.#head & RING_MASK;
        const size = words[at >>> 2];
        const task = words[(at + RECORD.TASK) >>> 2];
        // Before looking at the record: it must not be settled twice.
        this.#head = (this.#head + size) >>> 0;
        if (task === PADDING) continue;
        count++;
        const backlog = this.#backlogs.size > 0 ? this.#backlogs.get(task) : undefined;
        if (backlog !== undefined) {
          const { bytes } = this.#ring;
          backlog.held[backlog.held.length] = recordsIn(bytes.slice(at, at + size).buffer);
          continue;
        }
        const isEvent = words[(at + RECORD.KIND) >>> 2] === KIND.EVENT;
        if (isEvent && until === 0) until = now() + SLICE_MS;
        room -= this.#take(this.#ring, task, at);
        if (isEvent && now() >= until) room = 0;
        if (this.#control === undefined) return count; // a callback closed the pool
      }
      Atomics.store(control, CONTROL.HEAD, this.#head | 0);
      if (room <= 0 || Atomics.load(control, CONTROL.OVERFLOW) === 0) return count;
      this.#native.symbols.dfd_refill(this.#pool);
    }
  }

  /** Takes up the record at `at`, whatever happens. Returns how much work that was. */
  #take(records: Records, task: number, at: number): number {
    const isEvent = records.words[(at + RECORD.KIND) >>> 2] === KIND.EVENT;
    try {
      return isEvent ? this.#heed(records, task, at) : this.#settle(records, task, at);
    } catch (cause) {
      if (isEvent) this.#pending.get(task)?.cancel(unreadEvent(cause));
      else this.#fail(task, cause);
      return 0;
    }
  }

  /**
   * Tells a task's pending side of the event in the record at `at`, now or once it was read. Returns
   * how much work that was.
   */
  #heed({ words, floats, bytes }: Records, task: number, at: number): number {
    const length = words[(at + RECORD.LENGTH) >>> 2]!;
    const external = words[(at + RECORD.EXTERNAL) >>> 2] !== 0;
    const pending = this.#pending.get(task);
    const movedCount = words[(at + RECORD.MOVED) >>> 2]!;
    let handle = external ? floats[(at + RECORD.PAYLOAD + 8) >>> 3]! : 0;
    let moved: Moved | undefined;
    let event: TaskEvent | undefined;
    let size = length;
    try {
      const address = external ? floats[(at + RECORD.PAYLOAD) >>> 3]! : 0;
      const start = at + RECORD.PAYLOAD;
      const whole = external
        ? this.#outside(address, length, movedCount)
        : bytes.subarray(start, start + length);
      moved = this.#movedBehind(whole, movedCount);
      if (moved !== undefined) size += moved.size;
      const head = headOf(whole, moved?.bytes);
      if (head.type === EVENT_TYPE.FREED) {
        this.#takeBack(task, head.number);
      } else if (pending?.settled === false) {
        const value = whole.subarray(EVENT.VALUE);
        const beside = this.#beside(moved, this.#lent.get(task));
        event = this.#event(head, value, beside, moved);
        if (event === undefined) {
          size = LARGE;
          const reading = new Reading(external ? value : value.slice(), beside);
          this.#postpone(task, head, { reading, handle, moved });
          handle = 0;
          moved = undefined;
        }
      }
    } finally {
      if (external) forget();
      this.#release({ handle, moved });
    }
    if (event !== undefined) this.#tell(pending!, event);
    return size;
  }

  /** Reads an event at once, if that is not too much. */
  #event(
    head: EventHead,
    value: Uint8Array<ArrayBuffer>,
    beside: Beside | undefined,
    moved: Moved | undefined,
  ): TaskEvent | undefined {
    if (value.length + (moved?.size ?? 0) >= LARGE) return undefined;
    try {
      moved?.take(Infinity);
      const isEmpty = head.size === EVENT.VALUE;
      const payload = isEmpty ? undefined : decodeSoon(value, beside, LARGE);
      if (payload === LATER) return undefined;
      const errors = takeErrors();
      return { ...head, read: () => ({ payload, errors }) };
    } catch (cause) {
      return unreadable(head, cause);
    }
  }

  #tell(pending: Pending, event: TaskEvent): void {
    if (event.type === EVENT_TYPE.PROGRESS) this.#reporters.add(pending);
    pending.receive(event);
  }

  #postpone(
    task: number,
    head: EventHead,
    large: Pick<Backlog, "reading" | "handle" | "moved">,
  ): void {
    const backlog = this.#backlogs.get(task);
    if (backlog === undefined) {
      this.#backlogs.set(task, { task, head, ...large, held: list(), taken: 0 });
    } else { // it is one of those that were held back
      backlog.head = head;
      backlog.reading = large.reading;
      backlog.handle = large.handle;
      backlog.moved = large.moved;
    }
  }

  /** Reads a slice of the first large event, and takes up what was held back behind it. */
  #goOn(): void {
    const backlog = this.#backlogs.values().next().value!;
    const { task, held } = backlog;
    const until = now() + SLICE_MS;
    try {
      if (!this.#readOn(backlog, until)) return;
    } catch (cause) {
      this.#pending.get(task)?.cancel(unreadEvent(cause));
    }
    while (this.#control !== undefined && backlog.reading === undefined) {
      if (backlog.taken === held.length) {
        this.#backlogs.delete(task);
        return;
      }
      if (now() >= until) return;
      const records = held[backlog.taken]!;
      held[backlog.taken++] = undefined;
      this.#take(records, task, 0);
    }
  }

  /** Reads on in a backlog's event, and tells of it. Returns whether there is nothing left to read. */
  #readOn(backlog: Backlog, until: number): boolean {
    const { task, head, reading, handle, moved } = backlog;
    if (reading === undefined) return true;
    let event: TaskEvent | undefined;
    try {
      if (this.#isWanted(task)) {
        if (moved?.take(until) === false) return false;
        const whole = reading.read(until);
        if (whole === undefined) return false;
        const errors = takeErrors();
        event = { ...head, read: () => ({ payload: whole.value, errors }) };
      }
    } catch (cause) {
      event = unreadable(head, cause);
    }
    backlog.reading = backlog.moved = undefined;
    backlog.handle = 0;
    this.#release({ reading, handle, moved });
    if (event !== undefined) this.#tell(this.#pending.get(task)!, event);
    return true;
  }

  /** Asks for what tasks have reported since: once in a turn, so that no flood fills it. */
  #catchUp(): void {
    const reporters = [...this.#reporters];
    this.#reporters.clear();
    for (const pending of reporters) pending.caughtUp();
  }

  /** Something of a task's is due soon: its answer was sent. */
  stir(): void {
    if (this.#control === undefined || this.#pending.size === 0) return;
    this.#alive = now();
    this.#pollSoon();
  }

  /**
   * Gives the completion in the record at `at` to its task, now or once it was read. Returns how
   * much work that was, in bytes or the equivalent.
   */
  #settle({ words, floats, bytes: memory }: Records, task: number, at: number): number {
    const word = at >>> 2;
    const length = words[word + (RECORD.LENGTH >>> 2)];
    const external = words[word + (RECORD.EXTERNAL >>> 2)] !== 0;
    const movedCount = words[word + (RECORD.MOVED >>> 2)];
    const completion: Draft = {
      status: words[word + (RECORD.STATUS >>> 2)],
      payload: undefined,
      errors: NO_ERRORS,
      worker: words[word + (RECORD.WORKER >>> 2)],
      runTime: floats[(at + RECORD.RUN_MS) >>> 3],
      waitTime: floats[(at + RECORD.WAIT_MS) >>> 3],
      compiled: words[word + (RECORD.KIND >>> 2)] === KIND.COMPILED,
    };
    let lent: readonly (ArrayBufferLike | undefined)[] | undefined;
    if (this.#lent.size > 0 && (lent = this.#lent.get(task)) !== undefined) {
      this.#lent.delete(task);
      if (this.#lent.size === 0) settled(this);
    }
    const address = external ? floats[(at + RECORD.PAYLOAD) >>> 3] : 0;
    let handle = external ? floats[(at + RECORD.PAYLOAD + 8) >>> 3] : 0;
    let moved: Moved | undefined;
    let size = length;
    try {
      const start = at + RECORD.PAYLOAD;
      const bytes = external
        ? this.#outside(address, length, movedCount)
        : memory.subarray(start, start + length);
      moved = this.#movedBehind(bytes, movedCount);
      if (moved !== undefined) size += moved.size;
      if (length > 0 && this.#isWanted(task)) {
        const beside = this.#beside(moved, lent);
        const isSmall = size < LARGE && moved?.take(Infinity) !== false;
        const payload = isSmall ? decodeSoon(bytes, beside, LARGE) : LATER;
        if (payload === LATER) {
          // A payload in the ring would be overwritten.
          const root = rootOf(completion);
          const reading = new Reading(external ? bytes : bytes.slice(), beside, { root });
          this.#large.set(task, { task, completion, moved, reading, handle });
          moved = undefined;
          handle = 0;
          return isSmall ? LARGE : 0;
        }
        completion.payload = payload;
        completion.errors = takeErrors();
        size = Math.max(size, lastWork);
      }
    } catch (cause) {
      failed(completion, cause);
    } finally {
      if (external) forget();
    }
    this.#end(task, completion, moved, handle);
    return size;
  }

  /** Reads a slice of the first large payload. */
  #slice(): void {
    const large = this.#large.values().next().value!;
    const { task, completion, moved, reading } = large;
    try {
      if (this.#isWanted(task)) {
        const until = now() + SLICE_MS;
        if (moved?.take(until) === false) return;
        const whole = reading.read(until);
        if (whole === undefined) return;
        completion.payload = whole.value;
        completion.errors = takeErrors();
      }
    } catch (cause) {
      failed(completion, cause);
    }
    try {
      this.#large.delete(task);
      reading.drop();
      this.#end(task, completion, moved, large.handle);
    } catch (cause) {
      this.#fail(task, cause);
    }
  }

  /** Frees what is left of a payload, and gives the completion to its task whatever happens. */
  #end(task: number, completion: Draft, moved: Moved | undefined, handle: number): void {
    try {
      moved?.drop();
      if (handle !== 0) this.#native.symbols.dfd_release(this.#pool, handle);
    } catch (cause) {
      failed(completion, cause);
    }
    this.#complete(task, completion);
  }

  /** Frees what is left of a payload. */
  #release({ moved, reading, handle }: Partial<Large> & Pick<Large, "handle">): void {
    reading?.drop();
    moved?.drop();
    if (handle !== 0) this.#native.symbols.dfd_release(this.#pool, handle);
  }

  /** Whether a task still waits for its payload: it may have been cancelled. */
  #isWanted(task: number): boolean {
    return this.#pending.get(task)?.settled === false;
  }

  /**
   * Something of ours failed. The task must not wait for a completion that was consumed already.
   */
  #fail(task: number, cause: unknown): void {
    const completion: Draft = {
      status: -1,
      payload: undefined,
      errors: NO_ERRORS,
      worker: 0,
      runTime: 0,
      waitTime: 0,
      compiled: false,
    };
    failed(completion, cause);
    this.#complete(task, completion);
  }

  #complete(task: number, completion: Completion): void {
    const pending = this.#pending.get(task);
    if (pending === undefined) return;
    this.#pending.delete(task);
    pending.complete(completion);
  }

  /** A payload outside of the ring, with the table of what it moved behind it. */
  #outside(address: number, length: number, movedCount: number): Uint8Array<ArrayBuffer> {
    const all = align(length) + movedCount * MOVED.SIZE;
    return new Uint8Array(this.#native.view(address, all), 0, length);
  }

  /** What came with a payload that moved so many buffers. */
  #movedBehind(payload: Uint8Array<ArrayBuffer>, count: number): Moved | undefined {
    if (count === 0) return undefined;
    const table = new DataView(payload.buffer, align(payload.byteOffset + payload.length));
    return new Moved(this.#native, this.#pool, table, count);
  }

  /** The memory and values that come with a payload. */
  #beside(
    moved: Moved | undefined,
    lent: readonly (ArrayBufferLike | undefined)[] = [],
  ): Beside | undefined {
    const classes = this.#classes;
    const presets = this.#presets;
    if (moved === undefined && lent.length + classes.length + presets.length === 0) {
      return undefined;
    }
    return { lent, moved: moved?.buffers ?? [], classes, presets };
  }
}

function recordsIn(memory: ArrayBuffer, start = 0): Records {
  return {
    words: new Uint32Array(memory, start),
    floats: new Float64Array(memory, start),
    bytes: new Uint8Array(memory, start),
  };
}

/** @param moved how many bytes it moves */
function headOf(event: Uint8Array<ArrayBuffer>, moved = 0): EventHead {
  const head = new DataView(event.buffer, event.byteOffset, EVENT.VALUE);
  return {
    type: head.getUint32(EVENT.TYPE, true),
    number: head.getUint32(EVENT.NUMBER, true),
    which: head.getUint32(EVENT.FUNCTION, true),
    size: event.length + moved,
  };
}

function unreadEvent(cause: unknown): InternalError {
  return new InternalError("what a task sent could not be read", { cause });
}

/** An event whose value can't be read, as whoever asks for it is told. */
function unreadable(head: EventHead, cause: unknown): TaskEvent {
  const read = (): never => {
    throw unreadEvent(cause);
  };
  return { ...head, read };
}

/** What paths in a payload begin with. */
function rootOf({ status }: Completion): string {
  return status === STATUS.THROWN ? "thrown" : "result";
}

/**
 * The payload is one that this runtime can't hold, or has no memory for; or it is a bug of ours.
 */
function failed(completion: Draft, cause: unknown): void {
  const root = rootOf(completion);
  completion.status = -1;
  completion.errors = NO_ERRORS;
  if (cause instanceof DataCloneError) {
    completion.payload = cause;
  } else if (cause instanceof RangeError) { // a buffer that was moved
    const message = `${root}: this runtime can't hold it: ${cause.message}; return it in parts`;
    completion.payload = new DataCloneError(message, root);
  } else {
    completion.payload = new InternalError("the result of the task could not be read", { cause });
  }
}

/** The next multiple of 8. */
function align(at: number): number {
  return Math.ceil(at / 8) * 8; // a payload may have more than 2^31 bytes
}
