/**
 * What tests of things made at random have in common: settings, seeds, and numbers that are the same
 * everywhere.
 *
 * @module
 */
import process from "node:process";

/** A number that the environment may set. */
export function setting(name: string, usual: number): number {
  return Number(process.env[name] ?? usual);
}

/** `X_RUNS` seeds, others for another `X_SEED`; with `X_ONE` that one alone. */
export function seedsOf(name: string, runs: number): readonly number[] {
  const only = process.env[`${name}_ONE`];
  if (only !== undefined) return [Number(only)];
  const from = setting(`${name}_SEED`, 0) * 1_000_003;
  return Array.from({ length: setting(`${name}_RUNS`, runs) }, (_, i) => from + i);
}

/** Says in which program something went wrong. */
export async function inProgram(seed: number, work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (cause) {
    throw new Error(`PROGRAMS_ONE=${seed}: ${(cause as Error)?.message ?? cause}`, { cause });
  }
}

/** Numbers below what is asked for (mulberry32). What runs in tasks has them in its own text. */
export function numbersFrom(state: number): (limit: number) => number {
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
}
