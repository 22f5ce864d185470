/**
 * The reactor and the records of the ring: a ring that the test writes itself, so that there are
 * records in it which today's library does not write.
 */
import { CONTROL, EVENT, KIND, MOVED, RECORD, RING_BYTES, STATUS, WIRE } from "../ffi/symbols.ts";
import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { Native } from "../ffi/native.ts";
import { type Completion, type Pending, Reactor, type TaskEvent } from "../src/pool/reactor.ts";
import { Encoder } from "../src/clone/clone.ts";
import { setImmediate } from "node:timers/promises";

/** A library that only has a ring, and memory beside it at address 8. */
class Library {
  readonly memory = new ArrayBuffer(CONTROL.RING * 4 + RING_BYTES);
  readonly beside = new ArrayBuffer(8 << 20);
  readonly control = new Int32Array(this.memory);
  readonly released = new Set<number>();
  readonly native: Native;
  /** Whether what lies beside can't be looked at. */
  broken = false;

  constructor() {
    const symbols = {
      dfd_pool_control: () => 1,
      dfd_park: () => 1, // there is more: it goes on polling
      dfd_unpark: () => 0,
      dfd_release: (_pool: number, handle: number) =>
        this.released.has(handle) ? -1 : (this.released.add(handle), 0),
    };
    const waker = { arm() {}, disarm() {}, close() {} };
    this.native = {
      symbols,
      view: (address: number) => {
        if (address !== 8) return this.memory;
        if (this.broken) throw new RangeError("no view");
        return this.beside;
      },
      waker: () => waker,
    } as unknown as Native;
  }

  /** Writes a record with a payload, which lies beside if it is `external`. */
  push(
    kind: number,
    task: number,
    bytes: ArrayLike<number>,
    moved: readonly number[],
    external = 0,
  ): void {
    const payload = Uint8Array.from(bytes);
    const padded = Math.ceil(payload.length / 8) * 8;
    const table = new Float64Array(moved.length * MOVED.SIZE / 8);
    moved.forEach((handle, i) => table[(i * MOVED.SIZE + MOVED.HANDLE) / 8] = handle);
    const body = new Uint8Array(padded + table.byteLength);
    body.set(payload);
    body.set(new Uint8Array(table.buffer), padded);
    const at = CONTROL.RING * 4 + (this.control[CONTROL.TAIL] ?? 0);
    const size = RECORD.PAYLOAD + (external ? 16 : body.length);
    const record = new DataView(this.memory, at, size);
    record.setUint32(RECORD.SIZE, size, true);
    record.setUint32(RECORD.TASK, task, true);
    record.setUint32(RECORD.KIND, kind, true);
    record.setUint32(RECORD.STATUS, STATUS.OK, true);
    record.setUint32(RECORD.LENGTH, payload.length, true);
    record.setUint32(RECORD.MOVED, moved.length, true);
    record.setUint32(RECORD.EXTERNAL, external ? 1 : 0, true);
    if (external) {
      record.setFloat64(RECORD.PAYLOAD, 8, true);
      record.setFloat64(RECORD.PAYLOAD + 8, external, true);
      new Uint8Array(this.beside).set(body);
    } else {
      new Uint8Array(this.memory, at + RECORD.PAYLOAD).set(body);
    }
    Atomics.add(this.control, CONTROL.TAIL, size);
  }
}

/** A task that waits in the reactor, and what it was told. */
function waiting(): Pending & {
  readonly told: Completion[];
  readonly calls: TaskEvent[];
  readonly cancelled: unknown[];
} {
  const told: Completion[] = [];
  const calls: TaskEvent[] = [];
  const cancelled: unknown[] = [];
  return {
    told,
    calls,
    cancelled,
    settled: false,
    id: 0,
    handle: 0,
    sent: undefined,
    complete: (completion) => void told.push(completion),
    receive: (call) => void calls.push(call),
    caughtUp: () => undefined,
    cancel: (reason) => void cancelled.push(reason),
    abandon: () => undefined,
  };
}

/** Until the reactor has read all there is. */
async function drained(library: Library): Promise<void> {
  while (library.control[CONTROL.HEAD] !== library.control[CONTROL.TAIL]) await setImmediate();
}

/** A call of the host's function 5, with the number 9 and one argument. */
const call = (argument: number): number[] => {
  const head = new Uint8Array(EVENT.VALUE);
  new DataView(head.buffer).setUint32(EVENT.NUMBER, 9, true);
  new DataView(head.buffer).setUint32(EVENT.FUNCTION, 5, true);
  return [...head, WIRE.ARRAY, 1, 0x80 + argument];
};

test("an event is not the end of a task, and what came with it is given back", async (t) => {
  const library = new Library();
  const reactor = new Reactor(library.native, 1, [], []);
  t.after(() => reactor.close(undefined)); // or it polls for ever
  const first = waiting(), second = waiting();
  reactor.add(1, first, undefined);
  reactor.add(2, second, undefined);

  library.push(KIND.EVENT, 1, call(10), []);
  library.push(KIND.EVENT, 2, call(20), []);
  library.push(KIND.EVENT, 1, call(11), [], 93);
  library.push(KIND.EVENT, 2, [0x85], []); // malformed
  await drained(library);
  library.push(KIND.EVENT, 3, call(30), [], 94); // of a task that nobody waits for
  await drained(library);
  assert.deepEqual([first.told, second.told, reactor.size], [[], [], 2]);
  assert.deepEqual(library.released, new Set([93, 94]));

  library.push(KIND.END, 2, [0x80 + 22], []);
  library.push(KIND.EVENT, 1, call(12), []);
  library.push(KIND.END, 1, [0x80 + 13], []);
  await reactor.idle();
  const payloads = (calls: readonly TaskEvent[]) => calls.map((call) => call.read().payload);
  assert.deepEqual(payloads(first.calls), [[10], [11], [12]]);
  assert.deepEqual(first.calls.map(({ number, which }) => [number, which]), Array(3).fill([9, 5]));
  assert.deepEqual(payloads(second.calls.slice(0, 1)), [[20]]);
  assert.throws(() => second.calls[1]!.read(), { message: /could not be read/ });
  assert.deepEqual(first.told.map(({ payload }) => payload), [13]);
  assert.deepEqual(second.told.map(({ payload }) => payload), [22]);
  assert.deepEqual(library.released, new Set([93, 94]));
});

/** A call with an array of so many objects. */
function largeCall(count: number): Uint8Array {
  const encoder = new Encoder();
  encoder.begin(0);
  encoder.value([Array.from({ length: count }, (_, i) => ({ i, of: `a ${i}` }))], "");
  const value = encoder.bytes.subarray(0, encoder.length);
  const bytes = new Uint8Array(EVENT.VALUE + value.length);
  bytes.set(value, EVENT.VALUE);
  return bytes;
}

test("what a task sends behind a large call waits for that, and others' do not", async (t) => {
  const library = new Library();
  const reactor = new Reactor(library.native, 1, [], []);
  t.after(() => reactor.close(undefined));
  const first = waiting(), second = waiting();
  reactor.add(1, first, undefined);
  reactor.add(2, second, undefined);

  library.push(KIND.EVENT, 1, call(10), []);
  library.push(KIND.EVENT, 1, largeCall(200_000), [], 93);
  library.push(KIND.EVENT, 1, call(11), []);
  library.push(KIND.EVENT, 1, largeCall(200_000), [], 94);
  library.push(KIND.EVENT, 1, [...call(12), 0], []); // malformed
  library.push(KIND.END, 1, [0x80 + 13], []);
  library.push(KIND.END, 2, [0x80 + 22], []);
  await drained(library);
  assert.deepEqual(second.told.map(({ payload }) => payload), [22]);
  assert.equal(first.calls.length, 1);
  let turns = 0;
  for (; first.told.length === 0; turns++) {
    new Uint8Array(library.memory, CONTROL.RING * 4).fill(0xff); // what was read there is gone
    await setImmediate();
  }
  assert.ok(turns > 2, `${turns} turns`);
  const sizes = first.calls.slice(0, 4).map((call) => {
    const [value] = call.read().payload as [unknown];
    return Array.isArray(value) ? `${value.length} to ${value.at(-1).of}` : value;
  });
  assert.deepEqual(sizes, [10, "200000 to a 199999", 11, "200000 to a 199999"]);
  assert.throws(() => first.calls[4]!.read(), { message: /could not be read/ });
  assert.deepEqual(first.told.map(({ payload }) => payload), [13]);
  assert.deepEqual(library.released, new Set([93, 94]));
});

test("a large call of a task that was cancelled is let go of, and all behind it", async (t) => {
  const library = new Library();
  const reactor = new Reactor(library.native, 1, [], []);
  t.after(() => reactor.close(undefined));
  const task = waiting();
  let looks = 0; // it is cancelled once its call was met, and before that is read
  Object.defineProperty(task, "settled", { get: () => looks++ > 0 });
  reactor.add(1, task, undefined);
  library.push(KIND.EVENT, 1, largeCall(200_000), [], 93);
  library.push(KIND.EVENT, 1, call(11), []);
  library.push(KIND.EVENT, 1, call(12), [], 94);
  library.push(KIND.END, 1, [0x80 + 13], []);
  await reactor.idle();
  assert.deepEqual([task.calls, task.told.length], [[], 1]);
  assert.deepEqual(library.released, new Set([93, 94]));
});

test("a call whose memory can't be looked at ends its task", async (t) => {
  const library = new Library();
  const reactor = new Reactor(library.native, 1, [], []);
  t.after(() => reactor.close(undefined));
  const task = waiting();
  reactor.add(1, task, undefined);
  library.broken = true;
  library.push(KIND.EVENT, 1, call(10), [], 93);
  await drained(library);
  assert.equal(reactor.size, 1, "its end comes");
  assert.match(String(task.cancelled), /^InternalError: what a task sent could not be read$/);
  assert.match(String((task.cancelled[0] as Error).cause), /no view/);
  assert.deepEqual(library.released, new Set([93]));
  library.push(KIND.END, 1, [0x80 + 13], []);
  await reactor.idle();
  assert.equal(task.told.length, 1);
});
