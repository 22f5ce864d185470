/**
 * Structured clone from the host to bytes.
 *
 * Runs no code of the caller except getters. Keys, lengths and entries are taken before the walk.
 * What makes it fast:
 *   - Objects with the same keys share a shape, which is found by walking a trie, one comparison a
 *     key; the values of a shape that comes often are written by code compiled for it.
 *   - Strings are copied in the fastest way for their length and width on each runtime.
 *   - Nothing is set up before it is needed: a number takes no allocation at all.
 *   - The functions for values that hold others call each other, down to {@link FAST_DEPTH}.
 *     Anything deeper is written by walks: generators on a stack of their own, so that only memory
 *     limits the depth. Rarer values have only a walk.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import process from "node:process";
import { inspect, types } from "node:util";
import { WIRE, WIRE_ERROR, WIRE_ERROR_HAS, WIRE_VIEW } from "../../ffi/symbols.ts";
import {
  entriesOf,
  flagsOf,
  type Kind,
  kindBySlots,
  kindOf,
  lengthOf,
  messageOf,
  nameOf,
  partsOfBuffer,
  partsOfShared,
  partsOfView,
  Refusal,
  sourceOf,
  timeOf,
  unboxed,
  valuesOf,
  type ViewParts,
} from "./slots.ts";
import { arePure, define, list } from "./own.ts";
import { IN_SET, type Key, shown, stepOf } from "./path.ts";
import {
  compile,
  COMPILED_FROM,
  ERROR_CLASSES,
  ERROR_NUMBERS,
  FAST_DEPTH,
  isIndex,
  MAX_BUFFER,
  MAX_LENGTH,
  mayCompile,
  MOVE_BYTES,
  SHAPE_KEYS,
  stringMethods,
} from "./wire.ts";
import { DataCloneError } from "../errors.ts";

// Engines know the value of a module's const, but look up each property of an imported object.
const { UNDEFINED, NULL, FALSE, TRUE, HOLE, INT, DOUBLE, BIGINT, STRING8, STRING16 } = WIRE;
const { ARRAY, ARRAY_INT, ARRAY_F64, ARRAY_PROPS } = WIRE;
const { OBJECT, OBJECT_SHAPE, OBJECT_PAIRS, END, INSTANCE } = WIRE;
const { DATE, REGEXP, BOOLEAN_OBJECT, NUMBER_OBJECT, BIGINT_OBJECT, STRING_OBJECT } = WIRE;
const { MAP, SET, BUFFER, BUFFER_RESIZABLE, VIEW, LENT, SHARED, PRESET } = WIRE;
const { ERROR, REFERENCE, SMALL_INT } = WIRE;

/** Units of a stack that come back; as in csrc/clone_stack.h. */
const STACK_TEXT = 8192;
const { latin1Write, ucs2Write } = stringMethods;

const PROXY = new Refusal("a Proxy", "pass a copy of its target");
const ARGUMENTS = new Refusal("an arguments object", "pass an array: [...arguments]");
const GROWABLE = new Refusal(
  "a growable SharedArrayBuffer",
  "its length can't be shared: make one of a fixed length",
);
export const OF_A_WORKER: Refusal = new Refusal(
  "a SharedArrayBuffer of a Worker",
  "its memory could be gone before the task is: share it from the main thread",
);
export const OF_A_PRESET: Refusal = new Refusal(
  "a SharedArrayBuffer",
  "it is shared already: pass it in `args`",
);
export const OF_AN_ANSWER: Refusal = new Refusal(
  "a SharedArrayBuffer",
  "a task that runs gets no more of them: pass it in `args`",
);
const TOO_LARGE_BUFFER = new Refusal(
  "a buffer of 2 GB or more",
  "a task can't hold one: pass it in parts",
);
const TOO_LARGE = new Refusal("more than 4 GB", "pass it in parts");

/** Arrays of up to this many elements have their keys listed; longer ones are looked over. */
const LISTED = 32;
const INDEX_NAMES = Array.from({ length: LISTED }, (_, i) => String(i));

/** Deno's Buffer writes strings in JavaScript: a loop of ours is faster. */
const NATIVE_WRITE = !("Deno" in globalThis);
/** Strings of up to this many units are copied in a loop. */
const SHORT = NATIVE_WRITE ? 24 : 64;
/** Strings from this many units on are first taken for ASCII, if they begin so. */
const LONG = NATIVE_WRITE ? 256 : 64;
const WIDE = /[^\0-\xff]/;
const ASCII_START = /^[\0-\x7f]{64}/;
const EMPTY = /^/;
const utf8 = new TextEncoder();
/**
 * Where writing is not native, strings from this many units on are copied as V8 serializes them: 1 MB
 * of Latin-1 in 0.2 of a loop's time, of UTF-16 in 0.25.
 */
const VERY_LONG = 4096;
let serialize: ((value: unknown) => Uint8Array) | undefined;
/** Longer strings are tried for ASCII in parts of so many units, as they may not be for long. */
const PART = 65536;
/**
 * JavaScriptCore's patterns look at every unit, V8's not at those of a string that it holds in bytes.
 * To serialize and copy such a string takes 0.4 of the time.
 */
const SLOW_PATTERNS = "Bun" in globalThis;

/** `pattern.test(text)`. Engines keep the text of the last match for ever, as `RegExp.input`. */
function matches(pattern: RegExp, text: string): boolean {
  const does = pattern.test(text);
  if (does && text.length >= VERY_LONG) EMPTY.test("");
  return does;
}

/**
 * A list of keys as a path through a trie. Lives as long as the encoder; `number` counts in the
 * encoding `epoch` only.
 */
class Shape {
  epoch = 0;
  number = 0;
  uses = 0;
  /** OBJECT and its keys as bytes, if it was used before and they need no padding. */
  head: Uint8Array | undefined;
  /** Writes the values of an object, each by its name, which engines find faster than by a key. */
  write: ((object: object) => void) | undefined;
  #key = "";
  #next: Shape | undefined;
  #others: Map<string, Shape> | undefined;

  /** Makes {@link write} of a function that writes a value. */
  compile(keys: readonly string[], put: Put): void {
    if (keys.includes("__proto__") || !mayCompile(keys)) return;
    let puts = "";
    for (let i = 0; i < keys.length; i++) {
      const name = JSON.stringify(keys[i]);
      puts += `put(o[${name}], ${name}, o); `;
    }
    this.write = compile(["put"], `return (o) => { ${puts}};`, put);
  }

  /** The shape with `key` added; `made` is told of a new one. */
  next(key: string, made: (key: string) => void): Shape {
    if (this.#key === key && this.#next !== undefined) return this.#next;
    let next = this.#others?.get(key);
    if (next === undefined) {
      next = new Shape();
      made(key);
      if (this.#next !== undefined) {
        this.#others ??= new Map([[this.#key, this.#next]]);
        this.#others.set(key, next);
      }
    }
    this.#key = key; // the last one taken is the likeliest
    this.#next = next;
    return next;
  }
}

/** The writing of one object that was opened. Yields the walk through an object in it. */
interface Walk extends Generator<Walk, void, void> {}

/** Thrown, and caught here: something can't be cloned, to which `key` led from a depth. */
class Refused {
  readonly refusal: Refusal;
  readonly depth: number;
  readonly key: Key;

  constructor(refusal: Refusal, depth: number, key: Key) {
    this.refusal = refusal;
    this.depth = depth;
    this.key = key;
  }
}

/** What an error holds, as its flags say. */
interface HeldByError {
  readonly flags: number;
  readonly cause: unknown;
  readonly errors: unknown;
  readonly keys: readonly string[];
}

/** Where to go back to if a part is refused. */
interface Mark {
  readonly at: number;
  readonly count: number;
  readonly tried: number;
  readonly depth: number;
  readonly shapes: number;
  readonly regions: number;
}

type Put = (value: unknown, key: Key, holder: object) => void;

const FIRST_CAPACITY = 4096;
/** Of shapes that are kept from one encoding to the next: nodes, and units of their keys. */
const KEPT_SHAPES = 4096;
const KEPT_UNITS = 65536;
/** Of the keys of a path, as many are kept. */
const KEPT_KEYS = 4096;
/** Objects up to this many are looked for one by one; then a Set is made. */
const FEW = 8;
/** After this many encodings that needed a quarter at most, memory is given back. */
const PATIENCE = 256;

/**
 * Writes values one after another, with one numbering of their objects.
 *
 * An encoder is used again and again: its memory grows to what was needed, and shrinks when that
 * much is not needed for long. A getter among the values may not use the same encoder: give it
 * another one.
 *
 * @example
 * ```ts
 * const encoder = new Encoder();
 * encoder.begin(8);
 * encoder.value({ a: [1, 2, 3] }, "args[0]");
 * encoder.header.setUint32(0, encoder.length, true);
 * send(encoder.bytes.subarray(0, encoder.length));
 * ```
 */
export class Encoder {
  // One memory, several views of it. What was written last time is still there.
  #bytes!: Uint8Array<ArrayBuffer>;
  #view!: DataView<ArrayBuffer>;
  #ints!: Int32Array<ArrayBuffer>;
  #doubles!: Float64Array<ArrayBuffer>;
  #units!: Uint16Array<ArrayBuffer>;
  #at = 0;
  #patience = PATIENCE;

  // The objects that have numbers: the first few in a list, all of them in a Set once they are more,
  // in their order, and in a Map once one of them came again.
  readonly #objects: (object | undefined)[] = list();
  #seen: Set<object> | undefined;
  #numbers: Map<object, number> | undefined;
  #count = 0;
  /* The parts being written that may be refused, and the objects numbered since the first began. */
  #attempts = 0;
  #tried: object[] = list();
  #triedCount = 0;

  #shapes = new Shape();
  /* By their numbers. */
  readonly #defined: Shape[] = list();
  #epoch = 0;
  #kept = 0;
  #keptUnits = 0;
  readonly #put: Put = (value, key, holder) => this.#value(value, key, holder);
  readonly #made = (key: string): void => {
    this.#kept++;
    this.#keptUnits += key.length;
  };

  /** Objects that every task has already, and their numbers, if there are any. */
  presets: WeakMap<object, number> | undefined;
  /**
   * The stacks of the errors that were written since {@link begin}, by as much of each as comes
   * back with an error: what the host wrote itself is told by that from what a task wrote.
   */
  stacks: Map<string, string> | undefined;
  /** Whether errors are written without their stacks, which name the host's files. */
  noStacks = false;
  readonly #copies: Refusal | null;
  readonly #classNumber: ((prototype: object) => number | undefined) | undefined;
  #transfer: ReadonlySet<unknown> | undefined;
  #regions: ArrayBufferLike[] | undefined;
  #firstRegion = 0;
  /* The element of an array that was read and not yet written. */
  #element: unknown;

  // Where the walk is, for paths: the keys that led into each open object, and a Map's list.
  #depth = 0;
  #keys: Key[] = list();
  #lists: (unknown[] | undefined)[] = list();

  /**
   * @param copies Why nothing may lie beside the encoding, as what a SharedArrayBuffer is refused
   * for: all buffers are copied into it, but those that are transferred. `null`: there may be
   * {@link regions}.
   * @param classNumber The number of a class by its prototype; `undefined` for one that is not
   * registered.
   */
  constructor(
    copies: Refusal | null = OF_A_WORKER,
    classNumber?: (prototype: object) => number | undefined,
  ) {
    this.#copies = copies;
    this.#classNumber = classNumber;
    this.#allocate(FIRST_CAPACITY);
  }

  /**
   * Begins a new encoding.
   *
   * @param headerBytes How many bytes to leave free in front, for {@link header}: a multiple of 8.
   * @param transfer Buffers that the caller will detach: large ones are {@link regions}.
   * @param firstRegion The number of the first of those.
   */
  begin(headerBytes: number, transfer?: ReadonlySet<unknown>, firstRegion = 0): void {
    if (headerBytes % 8 !== 0) throw new RangeError("a header must be a multiple of 8 bytes");
    this.release();
    if (this.#bytes.length > FIRST_CAPACITY) {
      if (this.#at * 4 > this.#bytes.length) {
        this.#patience = PATIENCE;
      } else if (--this.#patience === 0) {
        this.#patience = PATIENCE;
        this.#allocate(Math.max(FIRST_CAPACITY, this.#bytes.length / 4));
      }
    }
    if (this.#kept > KEPT_SHAPES || this.#keptUnits > KEPT_UNITS) {
      this.#shapes = new Shape();
      this.#kept = this.#keptUnits = 0;
    }
    this.#epoch++;
    this.stacks = undefined;
    this.#defined.length = 0;
    this.#at = 0;
    this.#transfer = transfer;
    this.#firstRegion = firstRegion;
    this.#reserve(headerBytes);
    this.#at = headerBytes;
  }

  /**
   * Appends a value.
   *
   * @param value The value.
   * @param root What paths in errors begin with, such as `args[0]`.
   * @throws {DataCloneError} It can't be cloned. What a getter throws is passed on as it is. After
   * either the encoding must be begun anew.
   */
  value(value: unknown, root: string): void {
    this.#depth = 0;
    try {
      this.#value(value, 0, null);
    } catch (error) {
      const failure = error instanceof Refused ? this.#failure(error, root) : error;
      this.release();
      throw failure;
    }
  }

  /** Lets go of the values. What was written stays; nothing can be added to it. */
  release(): void {
    if (this.#count > 0) {
      // A loop, as fill() takes longer than all the rest of a small value.
      for (let i = Math.min(this.#count, FEW) - 1; i >= 0; i--) this.#objects[i] = undefined;
      this.#seen = undefined;
      this.#numbers = undefined;
      this.#count = 0;
    }
    if (this.#lists.length > 0) this.#lists.length = 0;
    if (this.#keys.length > KEPT_KEYS) this.#keys = list();
    if (this.#attempts > 0 || this.#triedCount > 0) {
      this.#tried = list();
      this.#attempts = this.#triedCount = 0;
    }
    this.#transfer = this.#regions = this.#element = undefined;
  }

  /**
   * Buffers beside the encoding, by their number in it: large ones, which are copies unless they are
   * of `transfer`, and SharedArrayBuffers. `undefined` if there are none. Gone with {@link release}.
   */
  get regions(): readonly ArrayBufferLike[] | undefined {
    return this.#regions;
  }

  /** Appends bytes that belong to no value, at a multiple of 8. */
  append(bytes: Uint8Array): void {
    this.#reserve(7);
    this.#pad(8);
    this.#raw(bytes);
  }

  /** The memory written to, from its start; its first {@link length} bytes are the encoding. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  /** How many bytes were written, header included. */
  get length(): number {
    return this.#at;
  }

  /** The same memory, to write the header. Valid until the next value. */
  get header(): DataView<ArrayBuffer> {
    return this.#view;
  }

  // -- Memory --

  #allocate(capacity: number): void {
    const buffer = new ArrayBuffer(Math.ceil(capacity / 8) * 8);
    this.#bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
    this.#ints = new Int32Array(buffer);
    this.#doubles = new Float64Array(buffer);
    this.#units = new Uint16Array(buffer);
  }

  /** Makes room for `more` bytes. */
  #reserve(more: number): void {
    if (this.#at + more > this.#bytes.length) this.#grow(more);
  }

  #grow(more: number): void {
    const needed = this.#at + more;
    if (needed > MAX_LENGTH) this.#refuseThis(TOO_LARGE);
    const written = this.#bytes.subarray(0, this.#at);
    this.#allocate(Math.max(needed, Math.min(this.#bytes.length * 2, MAX_LENGTH)));
    this.#bytes.set(written);
  }

  // -- Pieces; each makes its own room unless it says otherwise --

  #tag(tag: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = tag;
  }

  /** A varint. */
  #n(n: number): void {
    this.#reserve(5);
    while (n >= 0x80) {
      this.#bytes[this.#at++] = n | 0x80;
      n >>>= 7;
    }
    this.#bytes[this.#at++] = n;
  }

  #tagN(tag: number, n: number): void {
    this.#tag(tag);
    this.#n(n);
  }

  /** Up to 7 bytes, for which there must be room. */
  #pad(to: number): void {
    while (this.#at % to !== 0) this.#bytes[this.#at++] = 0;
  }

  #f64(value: number): void {
    this.#reserve(8);
    if (value === value) {
      this.#view.setFloat64(this.#at, value, true);
    } else { // an engine may keep the bits of the NaN that it was given
      this.#view.setUint32(this.#at, 0, true);
      this.#view.setUint32(this.#at + 4, 0x7ff80000, true);
    }
    this.#at += 8;
  }

  #raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  // -- Values --

  /**
   * Any value; `key` led to it. The key of a `holder` may be gone by now, which makes a HOLE: what
   * was read is then nothing, or something inherited, which means a function.
   */
  #value(value: unknown, key: Key, holder: object | null): void {
    switch (typeof value) {
      case "number":
        return this.#number(value);
      case "string":
        return this.#string(value);
      case "object":
        return value === null ? this.#tag(NULL) : this.#object(value, key);
      case "boolean":
        return this.#tag(value ? TRUE : FALSE);
      case "undefined":
        return this.#tag(holder === null || Object.hasOwn(holder, key) ? UNDEFINED : HOLE);
      case "bigint":
        return this.#bigint(value);
      case "function":
        if (holder !== null && !Object.hasOwn(holder, key)) return this.#tag(HOLE);
        return this.#refuse(key, describeFunction(value));
      default: {
        const what = `a symbol (\`${String(value).slice(0, 64)}\`)`;
        return this.#refuse(key, new Refusal(what, "pass its description, a string"));
      }
    }
  }

  #number(value: number): void {
    this.#reserve(9);
    const int = value | 0;
    if (int === value && (int !== 0 || 1 / value > 0)) {
      if (int >= 0 && int < 0x80) {
        this.#bytes[this.#at++] = SMALL_INT | int;
      } else {
        this.#bytes[this.#at] = INT;
        this.#view.setInt32(this.#at + 1, int, true);
        this.#at += 5;
      }
    } else {
      this.#bytes[this.#at++] = DOUBLE;
      this.#f64(value);
    }
  }

  #bigint(value: bigint): void {
    const negative = value < 0n;
    const magnitude = negative ? -value : value;
    this.#reserve(16);
    this.#bytes[this.#at++] = BIGINT;
    this.#bytes[this.#at++] = negative ? 1 : 0;
    if (magnitude <= 0xffffffffffffffffn) {
      const at = this.#at + 1;
      this.#view.setBigUint64(at, magnitude, true);
      let n = 8;
      while (n > 0 && this.#bytes[at + n - 1] === 0) n--;
      this.#bytes[this.#at] = n;
      this.#at = at + n;
      return;
    }
    const hex = magnitude.toString(16);
    const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex").reverse();
    this.#n(bytes.length);
    this.#raw(bytes);
  }

  #string(text: string): void {
    const length = text.length;
    if (length > SHORT) return this.#longString(text);
    this.#reserve(2 + length);
    this.#bytes[this.#at] = STRING8;
    this.#bytes[this.#at + 1] = length;
    if (!this.#narrow(text, this.#at + 2)) return this.#wideString(text);
    this.#at += 2 + length;
  }

  /** Writes the low bytes of a string's units at `at`; false if that was not all of them. */
  #narrow(text: string, at: number): boolean {
    const bytes = this.#bytes;
    const length = text.length;
    let all = 0;
    let i = 0;
    for (; i + 4 <= length; i += 4, at += 4) {
      const a = text.charCodeAt(i);
      const b = text.charCodeAt(i + 1);
      const c = text.charCodeAt(i + 2);
      const d = text.charCodeAt(i + 3);
      all |= a | b | c | d;
      bytes[at] = a;
      bytes[at + 1] = b;
      bytes[at + 2] = c;
      bytes[at + 3] = d;
    }
    for (; i < length; i++) {
      const unit = text.charCodeAt(i);
      all |= unit;
      bytes[at++] = unit;
    }
    return all <= 0xff;
  }

  #longString(text: string): void {
    const length = text.length;
    const start = this.#at;
    if (length >= LONG && matches(ASCII_START, text)) {
      this.#tagN(STRING8, length);
      this.#reserve(length);
      if (this.#ascii(text)) return;
      this.#at = start;
    }
    if (SLOW_PATTERNS && length >= PART && !matches(WIDE, text.substring(0, VERY_LONG))) {
      this.#tagN(STRING8, length);
      this.#reserve(length);
      if (this.#copied(text, 1)) return;
      this.#at = start;
    }
    if (matches(WIDE, text)) return this.#wideString(text);
    this.#tagN(STRING8, length);
    this.#reserve(length);
    if (!NATIVE_WRITE && this.#copied(text, 1)) return;
    if (NATIVE_WRITE) latin1Write.call(this.#bytes, text, this.#at, length);
    else this.#narrow(text, this.#at);
    this.#at += length;
  }

  /** Writes the units of a string while they are ASCII; false if that was not all of them. */
  #ascii(text: string): boolean {
    for (let i = 0; i < text.length; i += PART) {
      const part = text.length <= PART ? text : text.substring(i, i + PART);
      const room = this.#bytes.subarray(this.#at, this.#at + part.length);
      if (utf8.encodeInto(part, room).read < part.length) return false; // one took more than a byte
      this.#at += part.length;
    }
    return true;
  }

  #wideString(text: string): void {
    const length = text.length;
    this.#tagN(STRING16, length);
    this.#reserve(1 + 2 * length);
    this.#pad(2);
    if (!NATIVE_WRITE && this.#copied(text, 2)) return;
    if (NATIVE_WRITE && length > SHORT) {
      ucs2Write.call(this.#bytes, text, this.#at, 2 * length);
    } else {
      const units = this.#units;
      for (let i = 0, at = this.#at / 2; i < length; i++) units[at++] = text.charCodeAt(i);
    }
    this.#at += 2 * length;
  }

  /**
   * Writes a very long string's units, of `size` bytes each, as the engine serializes them: behind a
   * version, a tag and a length. False if it was not done, as the engine holds them in another size,
   * which shows in what is left for the head; or if one day it writes them otherwise.
   */
  #copied(text: string, size: 1 | 2): boolean {
    const length = text.length;
    if (length < VERY_LONG) return false;
    serialize ??= process.getBuiltinModule("node:v8").serialize;
    const bytes = serialize(text);
    const head = bytes.length - size * length;
    if (head < 4 || head > 9) return false;
    if (bytes[head] !== (text.charCodeAt(0) & 0xff)) return false;
    if (bytes[bytes.length - size] !== (text.charCodeAt(length - 1) & 0xff)) return false;
    this.#bytes.set(bytes.subarray(head), this.#at);
    this.#at += size * length;
    return true;
  }

  // -- Objects --

  /** Numbers an object; true if it had a number, which is written. */
  #reference(value: object): boolean {
    if (this.#attempts > 0) this.#tried[this.#triedCount++] = value;
    if (this.#numbers !== undefined) {
      const number = this.#numbers.get(value);
      if (number !== undefined) return this.#again(number);
      this.#numbers.set(value, this.#count);
    } else if (this.#seen !== undefined) {
      // Whether the Set grows tells whether the object is new: one look where a Map takes two.
      // Objects are encoded in 7 to 12 % less time on V8, 10 to 30 % on JavaScriptCore.
      this.#seen.add(value);
      if (this.#seen.size === this.#count) return this.#again(this.#numberOf(value));
    } else {
      for (let i = 0; i < this.#count; i++) if (this.#objects[i] === value) return this.#again(i);
      this.#objects[this.#count] = value;
      if (this.#count === FEW - 1) {
        this.#seen = new Set();
        for (let i = 0; i < FEW; i++) this.#seen.add(this.#objects[i]!);
      }
    }
    this.#count++;
    return false;
  }

  #again(number: number): true {
    this.#tagN(REFERENCE, number);
    return true;
  }

  /** The number of an object that came again. There may be more such: from now on, by a Map. */
  #numberOf(value: object): number {
    let number = 0;
    this.#numbers = new Map();
    for (const object of this.#seen!) this.#numbers.set(object, number++);
    return this.#numbers.get(value)!;
  }

  #object(value: object, key: Key): void {
    const kind = this.#open(value, key);
    if (kind === undefined) return;
    if (this.#depth > FAST_DEPTH && holdsOthers(kind)) this.#run(this.#walk(value, kind));
    else if (kind === "plain") this.#plain(value as Record<string, unknown>);
    else if (kind === "array") this.#array(value as unknown[]);
    else this.#write(value, kind);
    this.#depth--;
  }

  /** Opens an object, if it is a new one that can be cloned. */
  #open(value: object, key: Key): Kind | "array" | undefined {
    if (this.#reference(value)) return undefined;
    if (this.presets !== undefined) {
      const number = this.presets.get(value);
      if (number !== undefined) {
        this.#tagN(PRESET, number);
        return undefined;
      }
    }
    if (types.isProxy(value)) this.#refuse(key, PROXY);
    const kind = Array.isArray(value) ? "array" : kindOf(value);
    if (kind instanceof Refusal) this.#refuse(key, kind);
    this.#keys[this.#depth++] = key;
    return kind;
  }

  /** Writes an object that was opened and is no plain one, nor an array. */
  #write(value: object, kind: Kind | "array"): void {
    switch (kind) {
      case "map":
        return this.#map(value);
      case "set":
        return this.#set(value);
      case "date":
        this.#tag(DATE);
        return this.#f64(timeOf(value));
      case "regexp":
        this.#tag(REGEXP);
        this.#string(sourceOf(value));
        return this.#string(flagsOf(value));
      case "boxed":
        return this.#boxed(unboxed(value));
      case "buffer":
        return this.#buffer(value as ArrayBuffer);
      case "shared":
        return this.#shared(value as SharedArrayBuffer);
      case "view":
        return this.#window(value);
      default: {
        const held = this.#error(value as Error, kind === "DOMException");
        if (held !== undefined) this.#run(this.#walkHeld(value, held));
      }
    }
  }

  // -- Walks --

  /** The walk through an object that was opened and holds others. */
  #walk(value: object, kind: Kind | "array"): Walk {
    switch (kind) {
      case "plain":
        return this.#walkPlain(value as Record<string, unknown>);
      case "array":
        return this.#walkArray(value as unknown[]);
      case "map":
        return this.#walkMap(value);
      case "set":
        return this.#walkSet(value);
      default:
        return this.#walkError(value as Error, kind === "DOMException");
    }
  }

  /** Walks through an object and all that it holds. */
  #run(walk: Walk): void {
    const walks: Walk[] = list();
    walks[0] = walk;
    let error: unknown;
    let failed = false;
    while (walks.length > 0) {
      const top = walks[walks.length - 1];
      try {
        const step = failed ? top.throw(error) : top.next();
        failed = false;
        if (!step.done) {
          walks[walks.length] = step.value;
          continue;
        }
      } catch (thrown) {
        // Only a part that may be refused catches it. To tell each walk takes 20 us a walk.
        if (walks.length === 1 || this.#attempts === 0) throw thrown;
        error = thrown;
        failed = true;
      }
      walks.length--;
      if (walks.length > 0) this.#depth--;
    }
  }

  /** As {@link #value}, on a walk: gives the walk through it, if it is deep and holds others. */
  #next(value: unknown, key: Key, holder: object | null): Walk | undefined {
    if (typeof value !== "object" || value === null || this.#depth < FAST_DEPTH) {
      this.#value(value, key, holder);
      return undefined;
    }
    const kind = this.#open(value, key);
    if (kind === undefined) return undefined;
    if (holdsOthers(kind)) return this.#walk(value, kind);
    this.#write(value, kind);
    this.#depth--;
    return undefined;
  }

  *#walkPlain(object: Record<string, unknown>): Walk {
    const keys = this.#plainKeys(object);
    if (keys === undefined) return yield* this.#walkDisguised(object);
    if (keys.length > SHAPE_KEYS) return yield* this.#walkPairs(OBJECT_PAIRS, object, keys);
    this.#shapeOf(keys);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      if (key === "__proto__" && !Object.hasOwn(object, key)) {
        this.#tag(HOLE);
        continue;
      }
      const walk = this.#next(object[key], key, object);
      if (walk !== undefined) yield walk;
    }
  }

  /** @param lenient what can't be cloned is replaced: the contents of errors */
  *#walkArray(array: unknown[], lenient = false): Walk {
    const { length } = array;
    if (hasElementsOnly(array, length)) yield* this.#walkElements(array, length, lenient);
    else yield* this.#walkKeys(array, lenient);
  }

  *#walkElements(array: readonly unknown[], length: number, lenient: boolean): Walk {
    let i = this.#leading(array, length);
    let value = this.#element;
    while (i < length) {
      if (lenient && (value !== undefined || Object.hasOwn(array, i))) {
        yield* this.#walkPart(value, i);
      } else {
        const walk = this.#next(value, i, array);
        if (walk !== undefined) yield walk;
      }
      if (++i < length) value = array[i];
    }
  }

  *#walkMap(map: object): Walk {
    const list = entriesOf(map);
    this.#tagN(MAP, list.length / 2);
    yield* this.#walkList(list, list);
  }

  *#walkSet(set: object): Walk {
    const list = valuesOf(set);
    this.#tagN(SET, list.length);
    yield* this.#walkList(list, undefined);
  }

  *#walkList(values: readonly unknown[], list: unknown[] | undefined): Walk {
    this.#lists[this.#depth] = list;
    for (let i = 0; i < values.length; i++) {
      const walk = this.#next(values[i], ~i, null);
      if (walk !== undefined) yield walk;
    }
  }

  /** Writes the class of an instance, if it is known. */
  #class(object: object): void {
    const prototype = Object.getPrototypeOf(object) as object | null;
    if (prototype === Object.prototype || prototype === null) return;
    const number = this.#classNumber!(prototype);
    if (number !== undefined) this.#tagN(INSTANCE, number);
  }

  /**
   * Writes the class of an object, and gives its keys; or `undefined` if its prototype lied. One with
   * other keys is what its prototype says: to ask its slots would take as long as all the rest.
   */
  #plainKeys(object: object): string[] | undefined {
    const keys = Object.keys(object);
    const maybe = keys.length === 0 || keys[0] === "0"; // as a view or a boxed string has
    if (maybe && kindBySlots(object) !== "plain") return undefined;
    if (keys[0] === "0" && types.isArgumentsObject(object)) this.#refuseThis(ARGUMENTS);
    if (this.#classNumber !== undefined) this.#class(object);
    return keys;
  }

  /** Something that is no plain object, with the prototype of one. */
  *#walkDisguised(object: object): Walk {
    const kind = kindBySlots(object);
    if (kind instanceof Refusal) this.#refuseThis(kind);
    if (holdsOthers(kind)) yield* this.#walk(object, kind);
    else this.#write(object, kind);
  }

  #plain(object: Record<string, unknown>): void {
    const keys = this.#plainKeys(object);
    if (keys === undefined) return this.#run(this.#walkDisguised(object));
    if (keys.length > SHAPE_KEYS) return this.#run(this.#walkPairs(OBJECT_PAIRS, object, keys));
    const shape = this.#shapeOf(keys);
    if (shape.write !== undefined) return shape.write(object);
    if (++shape.uses === COMPILED_FROM) shape.compile(keys, this.#put);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      if (key === "__proto__" && !Object.hasOwn(object, key)) this.#tag(HOLE);
      else this.#value(object[key], key, object);
    }
  }

  /** Writes OBJECT and the keys, or OBJECT_SHAPE. */
  #shapeOf(keys: readonly string[]): Shape {
    let shape = this.#shapes;
    for (let i = 0; i < keys.length; i++) shape = shape.next(keys[i], this.#made);
    if (shape.epoch === this.#epoch) {
      this.#tagN(OBJECT_SHAPE, shape.number);
      return shape;
    }
    shape.epoch = this.#epoch;
    shape.number = this.#defined.length;
    this.#defined[shape.number] = shape;
    if (shape.head !== undefined) {
      this.#raw(shape.head);
      return shape;
    }
    const start = this.#at;
    this.#tagN(OBJECT, keys.length);
    let narrow = true;
    for (let i = 0; i < keys.length; i++) {
      const at = this.#at;
      this.#string(keys[i]);
      narrow &&= this.#bytes[at] === STRING8;
    }
    if (narrow && shape.uses > 0) shape.head = this.#bytes.slice(start, this.#at);
    return shape;
  }

  *#walkPairs(tag: number, object: object, keys: readonly string[], lenient = false): Walk {
    this.#tag(tag);
    const isArray = tag === ARRAY_PROPS;
    if (isArray) this.#n((object as unknown[]).length);
    for (let i = 0; i < keys.length; i++) {
      const name = keys[i];
      if (!Object.hasOwn(object, name)) continue;
      this.#string(name);
      const value = (object as Record<string, unknown>)[name];
      const key = isArray && isIndex(name) ? Number(name) : name;
      const walk = lenient ? this.#walkPart(value, key) : this.#next(value, key, null);
      if (walk === undefined) continue;
      if (lenient) yield* walk;
      else yield walk;
    }
    this.#tag(END);
  }

  #array(array: unknown[]): void {
    const { length } = array;
    if (hasElementsOnly(array, length)) this.#elements(array, length);
    else this.#run(this.#walkKeys(array, false));
  }

  /** An array by its keys: it may have others than indices, or holes. */
  *#walkKeys(array: unknown[], lenient: boolean): Walk {
    const { length } = array;
    // The indices come first among the keys, in their order.
    const keys = Object.keys(array);
    let present = keys.length;
    while (present > 0 && !isIndex(keys[present - 1])) present--;
    if (present < keys.length || 2 * present < length) {
      return yield* this.#walkPairs(ARRAY_PROPS, array, keys, lenient);
    }
    if (present === length) return yield* this.#walkElements(array, length, lenient);
    this.#tagN(ARRAY, length);
    for (let i = 0, k = 0; i < length; i++) {
      const isKey = k < present && Number(keys[k]) === i;
      if (isKey) k++;
      if (!isKey || !Object.hasOwn(array, i)) {
        this.#tag(HOLE);
      } else if (lenient) {
        yield* this.#walkPart(array[i], i);
      } else {
        const walk = this.#next(array[i], i, null);
        if (walk !== undefined) yield walk;
      }
    }
  }

  /** An array without other keys than indices, which may have holes. */
  #elements(array: readonly unknown[], length: number): void {
    let i = this.#leading(array, length);
    let value = this.#element;
    while (i < length) {
      this.#value(value, i, array);
      if (++i < length) value = array[i];
    }
  }

  /**
   * Writes an array as one of numbers as long as it goes well; gives how many elements that were,
   * and keeps the next.
   */
  #leading(array: readonly unknown[], length: number): number {
    let i = 0;
    let value: unknown = length === 0 ? undefined : array[0];
    if (typeof value !== "number") {
      this.#tagN(ARRAY, length);
      this.#element = value;
      return 0;
    }
    const start = this.#at;
    this.#tagN(ARRAY_INT, length);
    const head = this.#at;
    this.#reserve(4 * length + 3);
    this.#pad(4);
    const intsAt = this.#at / 4;
    const ints = this.#ints;
    for (;;) {
      if (typeof value !== "number") break; // before it could be asked for a number
      const int: number = value | 0;
      if (int !== value || (int === 0 && 1 / value < 0)) break;
      ints[intsAt + i] = int;
      if (++i === length) {
        this.#at += 4 * length;
        return length;
      }
      value = array[i];
    }

    // It isn't all integers: those that are written move up, the last one first.
    this.#at += 4 * i;
    this.#reserve(8 * length + 7);
    const doublesAt = Math.ceil(head / 8);
    const doubles = this.#doubles;
    for (let k = i - 1; k >= 0; k--) doubles[doublesAt + k] = this.#ints[intsAt + k];
    this.#bytes[start] = ARRAY_F64;
    this.#at = head;
    this.#pad(8);
    while (typeof value === "number") {
      doubles[doublesAt + i] = value === value ? value : NaN;
      if (++i === length) {
        this.#at += 8 * length;
        return length;
      }
      value = array[i];
    }

    // Nor all numbers.
    const numbers = doubles.slice(doublesAt, doublesAt + i);
    this.#at = start;
    this.#tagN(ARRAY, length);
    for (let k = 0; k < i; k++) this.#number(numbers[k]);
    this.#element = value;
    return i;
  }

  #map(map: object): void {
    const list = entriesOf(map);
    this.#tagN(MAP, list.length / 2);
    this.#lists[this.#depth] = list;
    for (let i = 0; i < list.length; i++) this.#value(list[i], ~i, null);
  }

  #set(set: object): void {
    const list = valuesOf(set);
    this.#tagN(SET, list.length);
    this.#lists[this.#depth] = undefined;
    for (let i = 0; i < list.length; i++) this.#value(list[i], ~i, null);
  }

  #boxed(value: boolean | number | bigint | string): void {
    switch (typeof value) {
      case "boolean":
        this.#tag(BOOLEAN_OBJECT);
        return this.#tag(value ? 1 : 0);
      case "number":
        this.#tag(NUMBER_OBJECT);
        return this.#f64(value);
      case "bigint":
        this.#tag(BIGINT_OBJECT);
        return this.#bigint(value);
      default:
        this.#tag(STRING_OBJECT);
        return this.#string(value);
    }
  }

  #buffer(buffer: ArrayBuffer): void {
    const parts = partsOfBuffer(buffer);
    if (parts instanceof Refusal) return this.#refuseThis(parts);
    const { byteLength, maxByteLength } = parts;
    if ((maxByteLength ?? byteLength) > MAX_BUFFER) return this.#refuseThis(TOO_LARGE_BUFFER);
    if (maxByteLength === undefined) return this.#fixed(buffer, 0, byteLength);
    this.#tagN(BUFFER_RESIZABLE, byteLength);
    this.#n(maxByteLength);
    this.#contents(buffer, 0, byteLength);
  }

  /** A buffer of fixed length; or a part of one, as if it were all. */
  #fixed(buffer: ArrayBuffer, byteOffset: number, byteLength: number): void {
    const moves = this.#transfer?.has(buffer) === true;
    if (byteLength >= MOVE_BYTES && (moves || this.#copies === null)) {
      return this.#tagN(LENT, this.#region(moves ? buffer : copy(buffer, byteOffset, byteLength)));
    }
    this.#tagN(BUFFER, byteLength);
    this.#contents(buffer, byteOffset, byteLength);
  }

  #shared(buffer: SharedArrayBuffer): void {
    if (this.#copies !== null) return this.#refuseThis(this.#copies);
    const { byteLength, growable } = partsOfShared(buffer);
    if (growable) return this.#refuseThis(GROWABLE);
    if (byteLength > MAX_BUFFER) return this.#refuseThis(TOO_LARGE_BUFFER);
    this.#tagN(SHARED, this.#region(buffer));
  }

  /** The number of a buffer beside the encoding. */
  #region(buffer: ArrayBufferLike): number {
    const regions = this.#regions ??= [];
    define(regions, regions.length, buffer);
    return this.#firstRegion + regions.length - 1;
  }

  /** The bytes of a buffer, or of a part of it. */
  #contents(buffer: ArrayBuffer, byteOffset: number, byteLength: number): void {
    this.#reserve(byteLength + 7);
    this.#pad(8);
    if (byteLength > 0) this.#raw(new Uint8Array(buffer, byteOffset, byteLength));
  }

  /** A typed array or DataView. */
  #window(view: object): void {
    const parts = partsOfView(view);
    if (parts instanceof Refusal) return this.#refuseThis(parts);
    const { name, buffer, length } = parts;
    const part = isPart(view, parts) && !this.#transfer?.has(buffer);
    const tracks = parts.tracks && !part;
    this.#tag(VIEW);
    this.#tag(WIRE_VIEW[name as keyof typeof WIRE_VIEW]);
    if (part) {
      // The rest of it may be of other Buffers, which are no business of the task's.
      this.#reference({}); // the number of a buffer that nobody else has
      this.#fixed(buffer, parts.byteOffset, length);
    } else {
      this.#value(buffer, "buffer", null);
    }
    this.#n(part ? 0 : parts.byteOffset);
    this.#tag(tracks ? 1 : 0);
    this.#n(tracks ? 0 : length);
  }

  *#walkError(error: Error, isDOMException: boolean): Walk {
    const held = this.#error(error, isDOMException);
    if (held !== undefined) yield* this.#walkHeld(error, held);
  }

  /** Writes an error but for what it holds, which is given if there is any. */
  #error(error: Error, isDOMException: boolean): HeldByError | undefined {
    let kind: number;
    let flags = 0;
    let message = "";
    const name: unknown = isDOMException ? nameOf(error) : error.name;
    if (isDOMException) {
      kind = WIRE_ERROR.DOMException;
      if (name !== "DOMException") flags |= WIRE_ERROR_HAS.NAME;
      flags |= WIRE_ERROR_HAS.MESSAGE;
      message = messageOf(error);
    } else {
      const standard = ERROR_NUMBERS.get(name);
      kind = standard ?? errorClass(error);
      if (standard === undefined && typeof name === "string") flags |= WIRE_ERROR_HAS.NAME;
      const own = Object.getOwnPropertyDescriptor(error, "message");
      if (own !== undefined && "value" in own) {
        flags |= WIRE_ERROR_HAS.MESSAGE;
        message = `${own.value}`;
      }
    }
    const stack: unknown = this.noStacks ? undefined : error.stack;
    if (typeof stack === "string") {
      flags |= WIRE_ERROR_HAS.STACK;
      (this.stacks ??= new Map()).set(stack.slice(0, STACK_TEXT), stack);
    }
    const cause = Object.getOwnPropertyDescriptor(error, "cause");
    if (cause !== undefined && "value" in cause) flags |= WIRE_ERROR_HAS.CAUSE;
    let errors: unknown;
    if (kind === WIRE_ERROR.AggregateError) {
      errors = Object.getOwnPropertyDescriptor(error, "errors")?.value;
      if (Array.isArray(errors)) flags |= WIRE_ERROR_HAS.ERRORS;
    }
    const keys = otherKeys(error, flags);
    if (keys.length > 0) flags |= WIRE_ERROR_HAS.PROPS;

    this.#tag(ERROR);
    this.#tag(kind);
    this.#tag(flags);
    if (flags & WIRE_ERROR_HAS.NAME) this.#string(name as string);
    if (flags & WIRE_ERROR_HAS.MESSAGE) this.#string(message);
    if (flags & WIRE_ERROR_HAS.STACK) this.#string(stack as string);
    const { CAUSE, ERRORS, PROPS } = WIRE_ERROR_HAS;
    return flags & (CAUSE | ERRORS | PROPS)
      ? { flags, cause: cause?.value, errors, keys }
      : undefined;
  }

  *#walkHeld(error: object, { flags, cause, errors, keys }: HeldByError): Walk {
    if (flags & WIRE_ERROR_HAS.CAUSE) yield* this.#walkPart(cause, "cause");
    if (flags & WIRE_ERROR_HAS.ERRORS) yield* this.#walkErrors(errors as unknown[]);
    if (flags & WIRE_ERROR_HAS.PROPS) yield* this.#walkProps(error, keys);
  }

  *#walkProps(error: object, keys: readonly string[]): Walk {
    this.#reference({}); // the number of an object that nobody else has
    if (keys.length > SHAPE_KEYS) return yield* this.#walkPairs(OBJECT_PAIRS, error, keys, true);
    this.#shapeOf(keys);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      if (Object.hasOwn(error, key)) yield* this.#walkPart((error as never)[key], key);
      else this.#tag(HOLE);
    }
  }

  /** The `errors` of an AggregateError: for each that can't be cloned stands a text. */
  *#walkErrors(errors: unknown[]): Walk {
    if (this.#reference(errors)) return;
    const number = this.presets?.get(errors);
    if (number !== undefined) return this.#tagN(PRESET, number);
    this.#keys[this.#depth++] = "errors";
    yield* this.#walkArray(errors, true);
    this.#depth--;
  }

  /** A part of an error, or a text that says why it can't be cloned: no error is lost for that. */
  *#walkPart(value: unknown, key: Key): Walk {
    const mark = this.#mark();
    try {
      const walk = this.#next(value, key, null);
      if (walk !== undefined) yield walk;
    } catch (error) {
      const refused = this.#goBack(mark, error);
      const inside = this.#path(refused, mark.depth + 1);
      const what = `${refused.refusal.what} can't be cloned`;
      return this.#string(`[${what}${inside === "" ? "" : `: ${inside}`}]`);
    }
    this.#attempts--;
  }

  /** What is written from here on may be refused: then {@link #goBack}. */
  #mark(): Mark {
    if (this.#attempts++ === 0) this.#triedCount = 0;
    return {
      at: this.#at,
      count: this.#count,
      tried: this.#triedCount,
      depth: this.#depth,
      shapes: this.#defined.length,
      regions: this.#regions?.length ?? 0,
    };
  }

  /** Leaves nothing of what was refused, of which it tells. Any other error is passed on. */
  #goBack(mark: Mark, error: unknown): Refused {
    if (!(error instanceof Refused)) throw error;
    this.#attempts--;
    this.#at = mark.at;
    this.#depth = mark.depth;
    for (let i = mark.shapes; i < this.#defined.length; i++) this.#defined[i].epoch = 0;
    this.#defined.length = mark.shapes;
    if (this.#regions !== undefined) this.#regions.length = mark.regions;
    if (mark.regions === 0) this.#regions = undefined;
    this.#forget(mark.count, mark.tried);
    return error;
  }

  /** Takes the numbers back from the `count`th object on, which were tried since. */
  #forget(count: number, tried: number): void {
    for (let i = Math.min(this.#count, FEW) - 1; i >= count; i--) this.#objects[i] = undefined;
    if (count < FEW) {
      this.#seen = this.#numbers = undefined;
    } else {
      const numbered = this.#numbers ?? this.#seen!;
      for (let i = tried; i < this.#triedCount; i++) {
        const object = this.#tried[i];
        if (this.#numbers === undefined || this.#numbers.get(object)! >= count) {
          numbered.delete(object);
        }
      }
    }
    this.#triedCount = tried;
    this.#count = count;
  }

  // -- Failures --

  /** Refuses the object that was opened last. */
  #refuseThis(refusal: Refusal): never {
    this.#depth = Math.max(this.#depth - 1, 0);
    return this.#refuse(this.#keys[this.#depth], refusal);
  }

  /** Refuses what `key` led to from the object that is open. */
  #refuse(key: Key, refusal: Refusal): never {
    throw new Refused(refusal, this.#depth, key);
  }

  #failure(refused: Refused, root: string): DataCloneError {
    const { what, advice } = refused.refusal;
    const path = root + this.#path(refused, 1);
    return new DataCloneError(`${shown(path)}: ${what} can't be cloned; ${advice}`, path);
  }

  /** The path of what was refused, from a depth on. The keys that led to it are still there. */
  #path({ depth, key }: Refused, from: number): string {
    let path = "";
    for (let i = from; i < depth; i++) path += this.#step(i, this.#keys[i]);
    return depth >= from ? path + this.#step(depth, key) : path;
  }

  #step(depth: number, key: Key): string {
    if (typeof key === "string" || key >= 0) return stepOf(key);
    const list = this.#lists[depth];
    return stepOf(key, list === undefined ? IN_SET : list[~key - 1]);
  }
}

/** Whether an object of this kind may hold others, to any depth. */
function holdsOthers(kind: Kind | "array"): boolean {
  switch (kind) {
    case "plain":
    case "array":
    case "map":
    case "set":
    case "error":
    case "DOMException":
      return true;
    default:
      return false;
  }
}

/** The own keys of an error but for those that have a place of their own. */
function otherKeys(error: object, flags: number): string[] {
  const keys = Object.keys(error);
  const others: string[] = [];
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    if (key === "name" || key === "message" || key === "stack") continue;
    if (key === "cause" && flags & WIRE_ERROR_HAS.CAUSE) continue;
    if (key === "errors" && flags & WIRE_ERROR_HAS.ERRORS) continue;
    define(others, others.length, key);
  }
  return others;
}

function describeFunction(fn: object): Refusal {
  const name: unknown = Object.getOwnPropertyDescriptor(fn, "name")?.value;
  const named = typeof name === "string" && name !== "" ? ` (\`${name.slice(0, 64)}\`)` : "";
  const advice = "pass data, and put the code into the task, or offer it in `host`";
  return new Refusal(`a function${named}`, advice);
}

/**
 * Whether an array has no other keys than indices, and not too many holes. Of one that is polluted
 * the keys are listed: what it lacks would be read from a prototype.
 */
function hasElementsOnly(array: readonly unknown[], length: number): boolean {
  if (length <= LISTED) return isListed(array);
  if (!arePure() || !hasOnlyIndices(array)) return false;
  const holes = countHoles(array);
  return holes !== undefined && 2 * holes <= length;
}

/** Whether nothing is missing from a short array, and it has no other keys. */
function isListed(array: readonly unknown[]): boolean {
  const { length } = array;
  const keys = Object.keys(array); // indices first, ascending
  return keys.length === length && (length === 0 || keys[length - 1] === INDEX_NAMES[length - 1]);
}

const SUMMARY = {
  maxArrayLength: 0,
  maxStringLength: 0,
  depth: 0,
  customInspect: false,
  compact: true,
  breakLength: Infinity,
} as const;

/**
 * Whether a long array has no other keys than indices. Listing the keys would make a string of
 * every index, which takes more time than all the rest, and no function of the language leaves
 * these out; but `inspect` asks the engine in a way that does. If it says anything but "n more
 * items" the keys are listed after all.
 */
function hasOnlyIndices(array: readonly unknown[]): boolean {
  return Object.getPrototypeOf(array) === Array.prototype && // else a custom name is shown
    inspect(array, SUMMARY) === `[ ... ${array.length} more items ]`;
}

/** How many elements a long array lacks; `undefined` if so many that listing keys is quicker. */
function countHoles(array: readonly unknown[]): number | undefined {
  if (!array.includes(undefined)) return 0; // a hole reads as undefined
  let holes = 0;
  for (let i = 0; i < array.length; i++) {
    if (array[i] === undefined && !Object.hasOwn(array, i)) {
      holes++;
      if (holes > 1000 && holes > i / 2 + 1000) return undefined;
    }
  }
  return holes;
}

/** A copy of a part of a buffer: nobody else's, and its species is not asked. */
function copy(buffer: ArrayBuffer, byteOffset: number, byteLength: number): ArrayBuffer {
  return new Uint8Array(new Uint8Array(buffer, byteOffset, byteLength)).buffer;
}

/** Whether a view is a Buffer that was cut from a larger buffer, as most small ones are. */
function isPart(view: object, { buffer, byteLength }: ViewParts): boolean {
  return Object.getPrototypeOf(view) === Buffer.prototype && byteLength < lengthOf(buffer) &&
    !types.isSharedArrayBuffer(buffer);
}

/** The class of an error from its prototypes. */
function errorClass(error: object): number {
  let prototype = Object.getPrototypeOf(error) as object | null;
  for (; prototype !== null; prototype = Object.getPrototypeOf(prototype) as object | null) {
    const number = ERROR_CLASSES.findIndex((constructor) => constructor.prototype === prototype);
    if (number >= 0) return number;
  }
  return WIRE_ERROR.Error;
}
