/**
 * A function that a task is given, and that fails in it: for tests of where its errors point to.
 *
 * @module
 */

/** Fails. */
export function failing(depth: number): number {
  if (depth > 0) return failing(depth - 1);
  throw new RangeError("it failed in a module of its own");
}
