/**
 * What the contenders run: the same functions everywhere, each with one argument.
 *
 * They use nothing from around them, so that they can be sent to a Deferred as they are. Piscina
 * takes this file as its worker.
 *
 * @module
 */

/** Next to nothing. @param {number} n */
export const increment = (n) => n + 1;

/** A small computation. @param {number} n */
export const sum = (n) => {
  let total = 0;
  for (let i = 1; i <= n; i++) total += i;
  return total;
};

/** Keeps a processor busy. @param {number} ms */
export const busy = (ms) => {
  const end = Date.now() + ms;
  while (Date.now() < end);
  return ms;
};

/** A loop that never ends where `n` is negative; otherwise next to nothing. @param {number} n */
export const loop = (n) => {
  while (n < 0);
  return n + 1;
};

/** The same inside a builtin, which need not ask whether it is to stop. @param {number} n */
export const builtin = (n) => {
  if (n < 0) [].includes.call({ length: 2 ** 53 - 1 }, 1);
  return n + 1;
};

/** Gives back what it gets. @template T @param {T} value @returns {T} */
export const echo = (value) => value;

/** Gives back the bytes that were transferred to it. @param {Uint8Array} bytes */
export const move = (bytes) => bytes;
