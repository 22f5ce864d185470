/**
 * What decoding costs the host beyond the bytes that it reads: a value may be cheap for a task to
 * make and expensive here. Time that bytes don't show is charged, so that a slice ends in time.
 * What the process has little of, or what can't be interrupted, is bounded for each value.
 *
 * A unit is some 10 ns: the time for one byte of ordinary objects. Measured on Node, Bun and Deno
 * by decoding thousands of each; the slowest of the three counts.
 *
 * @module
 */

/** Units for one of each, beside its bytes. */
export const COST = {
  /** An object that holds others. */
  OBJECT: 8,
  /** An entry of a Map or Set. */
  ENTRY: 8,
  DATE: 20,
  BOXED: 20,
  BIGINT: 40,
  COLLECTION: 40,
  BUFFER: 100,
  /** Memory is reserved for it: two calls of the system. */
  RESIZABLE: 2000,
  VIEW: 100,
  ERROR: 1500,
  DOM_EXCEPTION: 2000,
  REGEXP: 100,
  /** A list of keys that was not seen before, and each of its keys. */
  SHAPE: 500,
  SHAPE_KEY: 20,
  /** An array that is kept as a table, and a key of an object or array that is. */
  TABLE: 200,
  PAIR: 50,
  COMPILATION: 3000,
} as const;

/** Units that take a ms. */
export const UNITS_A_MS = 100_000;

/** Functions that are compiled for the shapes of one value. */
export const MAX_COMPILATIONS = 64;

/**
 * Resizable buffers of one value: on JavaScriptCore each takes two of the process's 65,530 mappings.
 */
export const MAX_RESIZABLES = 2048;

/** Bytes of address space that the resizable buffers of one value may reserve. */
export const MAX_RESERVED: number = 32 * 2 ** 30;

/** Units that one RegExp may take: it can't be left in the middle. */
export const MAX_REGEXP = 2_000_000;

/**
 * Units that making a RegExp takes. JavaScriptCore takes 0.3 us for a character, and looks for each
 * named group among all others. V8 takes up to 65 us for a property of Unicode, 5 ms for one of
 * strings, and 3 us for another class, where case is ignored; with the flag `v`, sets of characters
 * cost it more ({@link costOfSets}).
 */
export function costOfRegExp(source: string, flags: string): number {
  const named = count(source, "(?<") + count(source, "\\k<");
  let cost = COST.REGEXP + 30 * source.length + 25 * named * named;
  if (cost > MAX_REGEXP || !/[uv]/.test(flags)) return cost;
  for (let at = source.indexOf("\\"); at >= 0; at = source.indexOf("\\", at + 2)) {
    if (!/[pP]/.test(source.charAt(at + 1))) cost += 300;
    else cost += source.startsWith("{RGI_", at + 2) ? 500_000 : 6500;
  }
  return flags.includes("v") ? cost + costOfSets(source, flags.includes("i")) : cost;
}

/**
 * What the sets (`[…]`) of a RegExp with the flag `v` take. V8 makes them one by one of what stands
 * in them: each is compared with those before it and, where case is ignored, all of Unicode is
 * searched for its other cases, which takes 25 us.
 */
function costOfSets(source: string, ignoresCase: boolean): number {
  let members = 0;
  for (let at = 0, depth = 0; at < source.length; at++) {
    const unit = source[at];
    if (unit === "[") depth++;
    else if (unit === "]") depth--;
    else if (depth > 0) members++;
    if (unit === "\\") at++;
  }
  return Math.ceil(members * members / 5) + (ignoresCase ? 2500 * members : 0);
}

/** How often a text stands in another. */
function count(source: string, text: string): number {
  let n = 0;
  for (let at = source.indexOf(text); at >= 0; at = source.indexOf(text, at + 1)) n++;
  return n;
}
