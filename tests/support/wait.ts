/**
 * Waiting for what must come, without a guess at how long it takes: a test says what it waits for,
 * and its verdict doesn't depend on how fast the machine is.
 *
 * @module
 */

/** How long {@linkcode until} waits before it gives up, in ms; far more than any machine needs. */
const NEVER = 10 * 60_000;

/** The next turn of the event loop, but not at once: threads that have work get the processor. */
export function pause(ms = 1): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The next turn of the event loop, as soon as can be. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Waits until something holds, looking at it once a millisecond. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const since = performance.now();
  while (!holds()) {
    if (performance.now() - since > NEVER) throw new Error(`waited in vain until ${what}`);
    await pause();
  }
}
