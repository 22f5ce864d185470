/**
 * The frames of a task's error, as bytes that were checked and as objects.
 *
 * An error keeps the bytes, as a string with a byte in each unit; they are read when somebody looks
 * at its stack.
 *
 * @module
 */
import { WIRE, WIRE_FRAME } from "../../ffi/symbols.ts";
import { define } from "./own.ts";

/** A frame of a task's error. */
export interface Frame {
  /** One of `WIRE_FRAME`. */
  readonly kind: number;
  /** The function's; "" if it has none. */
  readonly name: string;
  readonly row: number;
  readonly column: number;
  /** The number of the module that it is in, if its kind is MODULE. */
  readonly file?: number;
}

/**
 * Reads frames that `decode` has checked.
 *
 * @param odd 1 if the bytes began at an odd place, from which padding counts; else 0.
 */
export function framesIn(bytes: string, odd: number): readonly Frame[] {
  let at = 0;
  const readByte = (): number => bytes.charCodeAt(at++);
  const readN = (): number => {
    let n = 0;
    for (let unit = 1;; unit *= 128) {
      const byte = readByte();
      n += (byte & 0x7f) * unit;
      if (!(byte >= 0x80)) return n; // nor if there is none
    }
  };
  const readString = (): string => {
    const isWide = readByte() === WIRE.STRING16;
    const length = readN();
    if (!isWide) return bytes.slice(at, at += length);
    at += (at + odd) % 2;
    let text = "";
    for (let i = 0; i < length; i++) text += String.fromCharCode(readByte() | readByte() << 8);
    return text;
  };
  const count = readByte();
  const frames: Frame[] = [];
  for (let i = 0; i < count; i++) {
    const [kind, name, row, column] = [readByte(), readString(), readN(), readN()];
    define(frames, i, { kind, name, row, column, file: kind === WIRE_FRAME.MODULE ? readN() : 0 });
  }
  return frames;
}
