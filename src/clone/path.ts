/**
 * The path of a part of a value, for messages: `args[0].rows[3]`, `result.get("key")`.
 * clone_encode.c writes paths the same way.
 *
 * @module
 */

/**
 * What leads to a part: a key of an object, an index of an array, or a position among a Map's keys
 * and values or a Set's values, as ~position.
 */
export type Key = string | number;

/** In place of a Map's key: the position is one in a Set. */
export const IN_SET: unique symbol = Symbol("in a Set");

/** A part of a path. `mapKey` is the key of a Map's value, or {@link IN_SET}. */
export function stepOf(key: Key, mapKey?: unknown): string {
  if (typeof key === "string") {
    return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
  }
  if (key >= 0) return `[${key}]`;
  const position = ~key;
  if (mapKey === IN_SET) return `[Set value ${position}]`;
  if (position % 2 === 0) return `[Map key ${position / 2}]`;
  return typeof mapKey === "string"
    ? `.get(${JSON.stringify(mapKey)})`
    : `[Map value ${(position - 1) / 2}]`;
}

/** A path as a message shows it: of a long one, its two ends. */
export function shown(path: string): string {
  return path.length > 200 ? `${path.slice(0, 80)} … ${path.slice(-80)}` : path;
}
