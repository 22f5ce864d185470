/**
 * Measures that do not depend on how busy the machine is: processor time in place of time, and how
 * cost grows in place of cost.
 *
 * Processor time stands still while others have the processor, so it is the same beside ten other
 * processes or on a quarter of a core. A slow processor still takes longer: compare with something
 * else that was measured in the same run, or leave much room.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import process from "node:process";

const SCHEDSTAT = "/proc/thread-self/schedstat";

/** The processor time of the whole process, all its threads, in ms. */
export function processTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/**
 * The processor time of this thread in ms; some ms too early where the kernel counts in ticks.
 * Where there is none to be had, the time.
 */
export function threadTime(): number {
  try {
    return Number(readFileSync(SCHEDSTAT, "latin1").split(" ")[0]) / 1e6;
  } catch {
    const used = process.threadCpuUsage?.();
    return used === undefined ? performance.now() : (used.user + used.system) / 1000;
  }
}

/**
 * How long this thread worked at most without a turn of the event loop while `work` was done, in ms
 * of its processor time; and what `work` gave. (Some ms too much: see {@linkcode threadTime}.)
 */
export async function longestGap<T>(
  work: () => PromiseLike<T>,
): Promise<{ readonly gap: number; readonly result: T }> {
  let gap = 0;
  let last = threadTime();
  const tick = (): void => {
    const now = threadTime();
    gap = Math.max(gap, now - last);
    last = now;
  };
  const timer = setInterval(tick, 1);
  try {
    const result = await work();
    tick();
    return { gap, result };
  } finally {
    clearInterval(timer);
  }
}

/** Below so many ms of processor time nothing is compared: it would be noise. */
const MEASURABLE = 10;
/** Four times as much may cost so many times as much: what is quadratic costs 16 times. */
const LINEAR = 10;
/** The same of two doublings whose steepest neighbour is left out, and which are measured once. */
const LINEAR_DOUBLINGS = 9;
const STEPS = 20;
const STEP = 1.5;
const ROUNDS = 3;
const ATTEMPTS = 3;

async function costOf(work: (n: number) => unknown, n: number, times = 1): Promise<number> {
  const before = processTime();
  for (let i = 0; i < times; i++) await work(n);
  return (processTime() - before) / times;
}

/** A size whose cost is large enough to be measured, and far above that of one; or none. */
async function measurable(work: (n: number) => unknown, from: number): Promise<number | undefined> {
  let one = Infinity;
  for (let round = 0; round < ROUNDS; round++) one = Math.min(one, await costOf(work, 1));
  for (let step = 0, n = from; step < STEPS; step++, n = Math.ceil(STEP * n)) {
    if (await costOf(work, n) >= MEASURABLE + 4 * one) return n;
  }
  return undefined;
}

/**
 * Asserts that `work(n)` takes time in proportion to `n`, in this thread and in all others.
 *
 * `n` starts at `from` and grows until the cost is large enough to be measured; then the cost of `n`
 * is compared with that of 4 `n`, each the least of several that were taken in turns, and again from
 * the start before it fails. What stays cheap for 3,000 times `from` passes. (`work` is also called
 * with 1.) A single step is not a slope, such as where more memory is needed than is kept from task
 * to task: without the steepest of three doublings it must still look like a square to fail. `work`
 * should do nothing else that costs much, such as making its input anew: that would hide the rest.
 */
export async function assertLinear(
  what: string,
  work: (n: number) => unknown,
  from: number,
): Promise<void> {
  const n = await measurable(work, from);
  if (n === undefined) return;
  const seen: string[] = [];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const [small, large] = await costs(work, [n, 4 * n]) as [number, number];
    if (large < LINEAR * small) return;
    seen.push(`${small.toFixed(1)} ms and ${large.toFixed(1)} ms`);
  }
  const doubled = await costs(work, [n, 2 * n, 4 * n, 8 * n]);
  const ratios = doubled.slice(1).map((cost, i) => cost / doubled[i]!).sort((a, b) => a - b);
  if (ratios[0]! * ratios[1]! < LINEAR_DOUBLINGS) return;
  assert.fail(
    `${what}: ${n} and ${4 * n} take ${seen.join(", then ")}, doublings ${
      ratios.map((ratio) => ratio.toFixed(1)).join(", ")
    } times as long: that is not linear`,
  );
}

/** The least cost of each size; the sizes take turns. */
async function costs(work: (n: number) => unknown, sizes: number[]): Promise<number[]> {
  const least = sizes.map(() => Infinity);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, n] of sizes.entries()) {
      // As much work as the largest: what other threads do now may be counted a few ms later.
      least[i] = Math.min(least[i]!, await costOf(work, n, sizes.at(-1)! / n));
    }
  }
  return least;
}
