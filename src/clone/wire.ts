/**
 * What both directions of the codec share: the limits of the wire format, and the classes that have
 * numbers in it.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { LIMIT, WIRE_LIMIT, WIRE_VIEW } from "../../ffi/symbols.ts";

/**
 * How deep functions that call each other go into a value: a part of the stack that there always is.
 * What is deeper goes by a stack of its own.
 */
export const FAST_DEPTH = 64;
/** The most keys an object may have to be written by shape. */
export const SHAPE_KEYS: number = WIRE_LIMIT.SHAPE_KEYS;
/** The least bytes of a buffer for which not copying pays. */
export const MOVE_BYTES: number = WIRE_LIMIT.MOVE_BYTES;
/** The largest buffer that a task can have. */
export const MAX_BUFFER: number = LIMIT.BUFFER_MAX;
/** The largest number that fits into a varint. */
export const MAX_LENGTH = 0xffffffff;

interface ErrorClass {
  readonly name: string;
  readonly prototype: Error;
}
/** The classes of errors on the wire, by their number; the last is made in a way of its own. */
export const ERROR_CLASSES: readonly ErrorClass[] = [
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
  AggregateError,
];
/** The numbers of the same classes, by their names. */
export const ERROR_NUMBERS: ReadonlyMap<unknown, number> = new Map(
  ERROR_CLASSES.map((constructor, number) => [constructor.name, number]),
);

/** What makes a view of a buffer. */
export type ViewClass = {
  new (buffer: ArrayBuffer, offset: number, length?: number): ArrayBufferView;
};
/** The classes of views, by their number; `undefined` where the platform has none. */
export const VIEW_CLASSES: readonly (ViewClass | undefined)[] = Object.keys(WIRE_VIEW).map((name) =>
  (globalThis as unknown as Record<string, ViewClass | undefined>)[name]
);

/** Methods of Node's Buffer that all three runtimes have, which work on any Uint8Array. */
export interface StringMethods {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
  ucs2Slice(this: Uint8Array, start: number, end: number): string;
  hexSlice(this: Uint8Array, start: number, end: number): string;
  latin1Write(this: Uint8Array, text: string, start: number, length: number): number;
  ucs2Write(this: Uint8Array, text: string, start: number, length: number): number;
}
export const stringMethods: StringMethods = Buffer.prototype as unknown as StringMethods;

/** Whether a key is an array's index, written as the language writes it. */
export function isIndex(key: string): boolean {
  const number = Number(key) >>> 0;
  return number !== MAX_LENGTH && String(number) === key;
}

/** Objects of a shape until code is compiled for it. */
export const COMPILED_FROM = 24;
/** Units of all keys of a shape for which code is compiled. */
const COMPILED_UNITS = 4096;

/** Whether code that names these keys is short: a task may have chosen keys of megabytes. */
export function mayCompile(keys: readonly string[]): boolean {
  let units = 0;
  for (let i = 0; i < keys.length; i++) units += keys[i].length;
  return keys.length <= SHAPE_KEYS && units <= COMPILED_UNITS;
}

/**
 * A function made by `code` of some values; `undefined` where that is forbidden, by a
 * Content-Security-Policy or a flag of the runtime.
 */
export function compile<T>(
  names: readonly string[],
  code: string,
  ...values: unknown[]
): T | undefined {
  try {
    return new Function(...names, code)(...values) as T;
  } catch {
    return undefined;
  }
}
