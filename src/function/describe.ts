/**
 * Describes a value in a few words, for messages.
 *
 * @module
 */

const article = (word: string): string => `${/^[aeio]/i.test(word) ? "an" : "a"} ${word}`;

/** The beginning of a text. */
export function shorten(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}

/** A function's own name; "" if it has none, or hides it. */
export function nameOf(fn: (...args: never[]) => unknown): string {
  try {
    const name: unknown = fn.name;
    return typeof name === "string" ? name : "";
  } catch {
    return "";
  }
}

/**
 * Describes a value in a few words for an error message: `the number 42`, `a promise`, `an array of
 * 3`. Never throws, and runs no code of the value except a Proxy's traps.
 *
 * @example
 * ```ts
 * describe("a".repeat(1000)); // the string "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…"
 * ```
 */
export function describe(value: unknown): string {
  switch (typeof value) {
    case "undefined":
      return "undefined";
    case "boolean":
      return String(value);
    case "number":
      return `the number ${Object.is(value, -0) ? "-0" : value}`;
    case "bigint":
      return `the bigint ${describeBigInt(value)}`;
    case "string":
      return `the string ${JSON.stringify(shorten(value, 40))}`;
    case "symbol":
      return `the symbol ${shorten(String(value), 40)}`;
    default:
      if (value === null) return "null";
      try {
        return typeof value === "function"
          ? describeFunction(value)
          : describeObject(value as object);
      } catch {
        return article(typeof value); // a Proxy that refuses
      }
  }
}

function describeBigInt(value: bigint): string {
  // The digits of a huge one take seconds.
  const limit = 10n ** 40n;
  return value < limit && value > -limit ? `${value}n` : "of more than 40 digits";
}

function describeFunction(value: object): string {
  const name = Object.getOwnPropertyDescriptor(value, "name")?.value;
  return typeof name === "string" && name !== ""
    ? `the function \`${shorten(name, 40)}\``
    : "a function";
}

function describeObject(value: object): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (value instanceof Promise) return "a promise";
  const prototype: object | null = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return "an object";
  const maker = Object.getOwnPropertyDescriptor(prototype, "constructor")?.value;
  const name = typeof maker === "function" &&
    Object.getOwnPropertyDescriptor(maker, "name")?.value;
  return typeof name === "string" && name !== ""
    ? `${article(shorten(name, 40))} object`
    : "an object";
}
