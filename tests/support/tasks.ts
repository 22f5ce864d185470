/**
 * Tasks that tell where they are by shared memory, so that tests wait for that and not for a while.
 *
 * @module
 */
import type { Deferred, DeferredOptions, DeferredPool } from "../../mod.ts";
import { until } from "./wait.ts";

/** Shared numbers, all 0. */
export const shared = (length = 1): Int32Array => new Int32Array(new SharedArrayBuffer(4 * length));

/** As a task: waits until so many tasks are here, which shows that they run side by side. */
export const meet = (here: Int32Array, count: number): void => {
  Atomics.add(here, 0, 1);
  while (Atomics.load(here, 0) < count);
};

/** As a task: says that it began, and ends when it is let go. */
export const held = (gate: Int32Array): void => {
  Atomics.add(gate, 1, 1);
  while (Atomics.load(gate, 0) === 0);
};

/** A gate for tasks that are {@linkcode held}. */
export class Gate {
  readonly memory: Int32Array = shared(2);

  /** How many tasks have begun. */
  get begun(): number {
    return Atomics.load(this.memory, 1);
  }

  /** Lets go of all of them, and of those that come. */
  open(): void {
    Atomics.store(this.memory, 0, 1);
  }
}

/**
 * Starts an endless task and waits until it runs, or was ended by a limit of its own before. (In an
 * object, as a promise for a Deferred would wait for its end.)
 */
export async function startEndless(
  pool: DeferredPool,
  options: Omit<DeferredOptions<[Int32Array]>, "args"> = {},
): Promise<{ readonly task: Deferred<void>; readonly runs: boolean }> {
  const begun = shared();
  const task = pool.defer((begun: Int32Array): void => {
    Atomics.store(begun, 0, 1);
    for (;;);
  }, { ...options, args: [begun] });
  let ended = false;
  task.catch(() => ended = true);
  await until(() => ended || Atomics.load(begun, 0) === 1, "the endless task runs");
  return { task, runs: !ended };
}
