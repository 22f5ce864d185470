/**
 * Structured clone from bytes to the host.
 *
 * Runs no code but the engine's, and trusts nothing: each length is checked against the bytes that
 * are there before anything is made of it. Lists of keys are recognised by their bytes, from one
 * value to the next; objects that come often are made by a constructor compiled for their keys
 * (where that is forbidden: key by key).
 *
 * What is being decoded lies in variables of the module: nothing that runs meanwhile decodes in its
 * turn. What is read in slices ({@link Reading}) has them to itself during a slice, and puts them
 * away after it. The memory need not be ours, so all is copied out of it.
 *
 * @module
 */
import { types } from "node:util";
import { WIRE, WIRE_ERROR, WIRE_ERROR_HAS, WIRE_FRAME, WIRE_VIEW } from "../ffi/symbols.ts";
import {
  compile,
  COMPILED_FROM,
  ERROR_CLASSES,
  isIndex,
  MAX_BUFFER,
  MAX_DEPTH,
  MAX_LENGTH,
  SHAPE_KEYS,
  stringMethods,
  VIEW_CLASSES,
} from "./clone_wire.ts";
import { InternalError, withoutFrames } from "./errors.ts";
import { now } from "./event_loop.ts";

// Engines know the value of a module's const, but look up each property of an imported object.
const { UNDEFINED, NULL, FALSE, TRUE, HOLE, INT, DOUBLE, BIGINT, STRING8, STRING16 } = WIRE;
const { ARRAY, ARRAY_INT, ARRAY_F64, ARRAY_PROPS } = WIRE;
const { OBJECT, OBJECT_SHAPE, OBJECT_PAIRS, END, INSTANCE } = WIRE;
const { DATE, REGEXP, BOOLEAN_OBJECT, NUMBER_OBJECT, BIGINT_OBJECT, STRING_OBJECT } = WIRE;
const { MAP, SET, BUFFER, BUFFER_RESIZABLE, VIEW, LENT, SHARED, MOVED, PRESET } = WIRE;
const { ERROR, REFERENCE, SMALL_INT } = WIRE;
const { latin1Slice, ucs2Slice, hexSlice } = stringMethods;

let memory: ArrayBufferLike = new ArrayBuffer(0);
/** All of `memory`; positions count from its start. */
let source: Uint8Array = new Uint8Array(memory);
let view: DataView = new DataView(memory);
/** Where the encoding begins; padding counts from here. */
let start = 0;
let at = 0;
let end = 0;
/** Objects that are open. */
let depth = 0;
/** HOLEs that were read for a key's value, whose keys are not yet dropped. */
let holes = 0;
/** What has a number, by its number. */
let objects: unknown[] = [];
let objectCount = 0;
let shapes: BuiltShape[] = [];
let shapeCount = 0;

/**
 * Of many short strings each would cost more to fetch than to copy: from the {@link MANY}th on they
 * are cut from a piece of the encoding that was fetched as one (17 units: less than half the time on
 * V8, 0.7 of it on JavaScriptCore). A string that was cut may keep its piece alive, so pieces are
 * small.
 */
const MANY = 8;
const CUT = 64;
const PIECE = 512;
let strings = 0;
let piece = "";
let pieceFrom = 0;
let pieceTo = 0;

/** What lies beside an encoding, which has only its numbers: LENT, SHARED, MOVED, PRESET, INSTANCE. */
export interface Beside {
  /** What was lent to the task that made the value. */
  readonly lent: readonly ArrayBufferLike[];
  /** What the task transferred. */
  readonly moved: readonly ArrayBuffer[];
  /** The prototypes of classes that are registered. */
  readonly classes: readonly object[];
  /** What the tasks of the pool have already. */
  readonly presets: readonly object[];
}
let beside: Beside | undefined;

/** A frame of a task's error. */
export interface Frame {
  /** One of `WIRE_FRAME`. */
  readonly kind: number;
  /** The function's; "" if it has none. */
  readonly name: string;
  readonly row: number;
  readonly column: number;
}

/** An error that was made, and what the bytes say of its stack. */
export interface DecodedError {
  readonly error: Error;
  readonly frames: readonly Frame[] | undefined;
  /** A text that is none of the engine's: the host's own, if the error was an argument. */
  readonly stack: string | undefined;
}

/** The errors that were made, and how many are told of at the most. */
let errors: DecodedError[] = [];
const MAX_ERRORS = 1000;
const NO_ERRORS: readonly DecodedError[] = [];
const MAX_FRAMES = 10;
const MAX_FRAME_NAME = 64;

/** The errors that the last decoding made, each before its causes. Gives them once. */
export function takeErrors(): readonly DecodedError[] {
  if (errors.length === 0) return NO_ERRORS;
  const taken = errors;
  errors = [];
  return taken;
}

/** Stands in for a HOLE. */
const NOTHING = Symbol("nothing");

/** Lists of up to this many are kept from one decoding to the next. */
const KEPT = 64;
/** Memory of up to this size is held from one decoding to the next. */
const HELD = 1 << 20;
/** Room that is made for an array before its elements are seen. */
const FORESIGHT = 4096;
/** The longest array that V8 makes at once and not as a table, which takes five times as long. */
const AT_ONCE = 32e6;

/**
 * Reads one value.
 *
 * @param bytes The encoding, in any memory: everything is copied out of it.
 * @param lying What lies beside it.
 * @throws {InternalError} The encoding is malformed.
 *
 * @example
 * ```ts
 * const encoder = new Encoder();
 * encoder.begin(0);
 * encoder.value({ at: new Date(0) }, "");
 * const copy = decode(encoder.bytes.subarray(0, encoder.length));
 * ```
 */
export function decode(bytes: Uint8Array, lying?: Beside): unknown {
  const length = bytes.length;
  if (errors.length > 0) errors = []; // which nobody took
  if (length === 1 && bytes[0] >= SMALL_INT) return bytes[0] - SMALL_INT;
  begin(bytes, lying);
  try {
    const value = read();
    checkEnd();
    return value;
  } finally {
    reset();
  }
}

function begin(bytes: Uint8Array, lying: Beside | undefined): void {
  beside = lying;
  if (memory !== bytes.buffer) {
    memory = bytes.buffer;
    source = new Uint8Array(memory);
    view = new DataView(memory);
  }
  start = at = bytes.byteOffset;
  end = start + bytes.length;
}

function checkEnd(): void {
  if (holes !== 0) malformed("a hole where there is no key");
  if (at !== end) malformed("bytes are left over");
}

/** Leaves nothing behind of what was decoded. */
function reset(): void {
  if (objectCount > KEPT) objects = [];
  else for (let i = 0; i < objectCount; i++) objects[i] = undefined;
  if (shapes.length > KEPT) shapes.length = 0;
  objectCount =
    shapeCount =
    depth =
    holes =
      0;
  beside = undefined;
  strings = pieceTo = 0;
  piece = "";
  if (memory.byteLength > HELD) {
    memory = new ArrayBuffer(0);
    source = new Uint8Array(memory);
    view = new DataView(memory);
  }
}

function malformed(what: string, cause?: unknown): never {
  throw new InternalError(
    `a value from the library is malformed: ${what}, at byte ${at - start} of ${end - start}`,
    cause === undefined ? undefined : { cause },
  );
}

// -- Pieces --

function readByte(): number {
  if (at >= end) malformed("it ends too soon");
  return source[at++];
}

function readN(): number {
  let byte = readByte();
  if (byte < 0x80) return byte;
  let n = byte & 0x7f;
  let unit = 128;
  for (let i = 1; i < 5; i++) {
    byte = readByte();
    n += (byte & 0x7f) * unit;
    unit *= 128;
    if (byte < 0x80) {
      if (n > MAX_LENGTH) malformed("a length of more than 32 bits");
      return n;
    }
  }
  return malformed("a length of more than 32 bits");
}

/** A length, of things that take `size` bytes each at least. */
function readLength(size: number): number {
  const n = readN();
  if (n * size > end - at) malformed("a length beyond the end");
  return n;
}

/** Skips the padding before `n` things of `size` bytes, and makes sure of them. */
function align(to: number, n: number, size: number): void {
  at += (to - ((at - start) % to)) % to;
  if (n * size > end - at) malformed("a length beyond the end");
}

function readF64(): number {
  if (end - at < 8) malformed("it ends too soon");
  at += 8;
  return view.getFloat64(at - 8, true);
}

function readLatin1(): string {
  const length = readLength(1);
  if (length === 0) return "";
  const from = at;
  at += length;
  if (length <= CUT && ++strings > MANY) {
    if (from < pieceFrom || at > pieceTo) {
      pieceFrom = from;
      pieceTo = Math.min(from + PIECE, end);
      piece = latin1Slice.call(source, pieceFrom, pieceTo);
    }
    return piece.substring(from - pieceFrom, at - pieceFrom);
  }
  return latin1Slice.call(source, from, at);
}

function readUtf16(): string {
  const length = readN();
  align(2, length, 2);
  const from = at;
  at += 2 * length;
  return ucs2Slice.call(source, from, at);
}

/** A string, where there must be one. */
function readString(): string {
  const tag = readByte();
  if (tag === STRING8) return readLatin1();
  if (tag === STRING16) return readUtf16();
  return malformed(`tag ${tag} where a string must be`);
}

function readBigint(): bigint {
  const sign = readByte();
  const n = readLength(1);
  if (sign > 1 || (n === 0 ? sign === 1 : source[at + n - 1] === 0)) malformed("a BigInt");
  let magnitude = 0n;
  if (n <= 8) {
    for (let i = n - 1; i >= 0; i--) magnitude = magnitude << 8n | BigInt(source[at + i]);
  } else {
    const bytes = source.slice(at, at + n).reverse();
    try {
      magnitude = BigInt(`0x${hexSlice.call(bytes, 0, n)}`);
    } catch (cause) {
      malformed("a BigInt that is too large for this engine", cause);
    }
  }
  at += n;
  return sign === 1 ? -magnitude : magnitude;
}

/** Gives an object the next number. */
function number(object: unknown): void {
  objects[objectCount++] = object;
}

/** Opens an object that holds others. */
function enter(): void {
  if (++depth > MAX_DEPTH) malformed(`objects more than ${MAX_DEPTH} deep`);
}

// -- Values --

function read(): unknown {
  const tag = readByte();
  if (tag >= SMALL_INT) return tag - SMALL_INT;
  switch (tag) {
    case STRING8:
      return readLatin1();
    case OBJECT_SHAPE:
      return knownShape().read();
    case DOUBLE:
      return readF64();
    case INT:
      if (end - at < 4) malformed("it ends too soon");
      at += 4;
      return view.getInt32(at - 4, true);
    case TRUE:
      return true;
    case FALSE:
      return false;
    case NULL:
      return null;
    case UNDEFINED:
      return undefined;
    case STRING16:
      return readUtf16();
    case OBJECT:
      return newShape().read();
    case ARRAY:
      return readArray();
    case ARRAY_INT:
      return readInts();
    case ARRAY_F64:
      return readDoubles();
    case REFERENCE: {
      const n = readN();
      // A number is given before its object is there only while its strings or buffer are read.
      if (n >= objectCount || objects[n] === undefined) malformed(`reference ${n}`);
      return objects[n];
    }
    case HOLE:
      holes++;
      return NOTHING;
    case BIGINT:
      return readBigint();
    case ARRAY_PROPS:
      return readArrayProps();
    case OBJECT_PAIRS:
      return readPairs();
    case DATE:
      return numbered(new Date(readF64()));
    case REGEXP:
      return numbered(readRegexp());
    case BOOLEAN_OBJECT: {
      const byte = readByte();
      if (byte > 1) malformed("a boolean");
      return numbered(Object(byte === 1));
    }
    case NUMBER_OBJECT:
      return numbered(Object(readF64()));
    case BIGINT_OBJECT:
      if (readByte() !== BIGINT) malformed("no BigInt where one must be");
      return numbered(Object(readBigint()));
    case STRING_OBJECT:
      return numbered(Object(readString()));
    case MAP:
      return readMap();
    case SET:
      return readSet();
    case BUFFER:
      return readBuffer();
    case BUFFER_RESIZABLE:
      return readResizable();
    case PRESET:
      return numbered(beside?.presets[readN()] ?? malformed("a value that is not shared"));
    case INSTANCE:
      return readInstance();
    case LENT:
    case SHARED:
      return numbered(beside?.lent[readN()] ?? malformed("a buffer that was not lent"));
    case MOVED:
      return numbered(beside?.moved[readN()] ?? malformed("a buffer that was not moved"));
    case VIEW:
      return readView();
    case ERROR:
      return readError();
    default:
      return malformed(`the tag ${tag}`);
  }
}

/** Numbers an object that holds no others. */
function numbered(object: unknown): unknown {
  number(object);
  return object;
}

function readInstance(): object {
  const prototype = readClass();
  return Object.setPrototypeOf(read(), prototype);
}

/** The prototype of an INSTANCE, whose properties follow. */
function readClass(): object {
  const prototype = beside?.classes[readN()] ?? malformed("a class that is not registered");
  const tag = source[at];
  if (at >= end || (tag !== OBJECT && tag !== OBJECT_SHAPE && tag !== OBJECT_PAIRS)) {
    malformed("an instance without properties");
  }
  return prototype;
}

function readArray(): unknown[] {
  const length = readLength(1);
  const array: unknown[] = length <= FORESIGHT ? new Array(length) : [];
  number(array);
  enter();
  for (let i = 0; i < length; i++) {
    if (source[at] === HOLE && at < end) at++;
    else array[i] = read();
  }
  if (array.length < length) array.length = length; // it ends in holes
  depth--;
  return array;
}

function readInts(): number[] {
  const length = readN();
  align(4, length, 4);
  const array = new Array<number>(Math.min(length, AT_ONCE));
  for (let i = 0; i < length; i++, at += 4) array[i] = view.getInt32(at, true);
  number(array);
  return array;
}

function readDoubles(): number[] {
  const length = readN();
  align(8, length, 8);
  const array = new Array<number>(Math.min(length, AT_ONCE));
  for (let i = 0; i < length; i++, at += 8) array[i] = view.getFloat64(at, true);
  number(array);
  return array;
}

function readArrayProps(): unknown[] {
  const array = openArrayProps();
  while (!atEnd()) {
    const key = readString();
    setProp(array, key, readValue());
  }
  depth--;
  return array;
}

function openArrayProps(): unknown[] {
  const length = readN();
  const array: unknown[] = [];
  if (length > FORESIGHT) {
    // An element far out makes the engine keep the array as a table; the length alone might not.
    array[length - 1] = undefined;
    delete array[length - 1];
  }
  array.length = length;
  number(array);
  enter();
  return array;
}

/** Sets what is no more than a property, or an element within the array's length. */
function setProp(array: unknown[], key: string, value: unknown): void {
  if (isIndex(key)) {
    if (Number(key) >= array.length) malformed("an element beyond its array");
    array[Number(key)] = value;
  } else {
    if (key === "length") malformed("the length of an array");
    define(array, key, value);
  }
}

function readPairs(): object {
  const object = openPairs();
  while (!atEnd()) {
    const key = readString();
    object[key] = readValue();
  }
  depth--;
  return Object.setPrototypeOf(object, Object.prototype) as object;
}

/** Without a prototype no key means anything special; it gets that last. */
function openPairs(): Record<string, unknown> {
  const object = Object.create(null) as Record<string, unknown>;
  number(object);
  enter();
  return object;
}

/** Whether the pairs end here. */
function atEnd(): boolean {
  if (at >= end) malformed("it ends too soon");
  if (source[at] !== END) return false;
  at++;
  return true;
}

/** A value, where a HOLE means nothing. */
function readValue(): unknown {
  if (source[at] === HOLE && at < end) malformed("a hole where there is no key");
  return read();
}

function define(object: object, key: string, value: unknown, enumerable = true): void {
  Object.defineProperty(object, key, {
    __proto__: null,
    value,
    writable: true,
    enumerable,
    configurable: true,
  } as PropertyDescriptor);
}

function readRegexp(): RegExp {
  const pattern = readString();
  const flags = readString();
  try {
    return new RegExp(pattern, flags);
  } catch (cause) {
    return malformed("a regular expression that this engine can't read", cause);
  }
}

function readMap(): Map<unknown, unknown> {
  const length = readLength(2);
  const map = new Map<unknown, unknown>();
  number(map);
  enter();
  for (let i = 0; i < length; i++) {
    const key = readValue();
    map.set(key, readValue());
  }
  depth--;
  return map;
}

function readSet(): Set<unknown> {
  const length = readLength(1);
  const set = new Set<unknown>();
  number(set);
  enter();
  for (let i = 0; i < length; i++) set.add(readValue());
  depth--;
  return set;
}

function readBuffer(): ArrayBuffer {
  const length = readN();
  align(8, length, 1);
  let buffer: ArrayBuffer;
  if (memory instanceof ArrayBuffer) {
    buffer = memory.slice(at, at + length);
  } else {
    buffer = new ArrayBuffer(length);
    new Uint8Array(buffer).set(source.subarray(at, at + length));
  }
  at += length;
  number(buffer);
  return buffer;
}

function readResizable(): ArrayBuffer {
  const length = readN();
  const maxByteLength = readN();
  align(8, length, 1);
  const buffer = newResizable(length, maxByteLength);
  new Uint8Array(buffer).set(source.subarray(at, at + length));
  at += length;
  number(buffer);
  return buffer;
}

function newResizable(length: number, maxByteLength: number): ArrayBuffer {
  try {
    if (maxByteLength > MAX_BUFFER) throw new RangeError("no task can have one");
    return new ArrayBuffer(length, { maxByteLength });
  } catch (cause) {
    return malformed(`a buffer of ${length} that may grow to ${maxByteLength} bytes`, cause);
  }
}

function readView(): ArrayBufferView {
  const kind = readByte();
  const n = objectCount;
  number(undefined); // before its buffer
  const tag = source[at];
  const mayBeBuffer = tag === REFERENCE || (tag >= BUFFER && tag <= PRESET && tag !== VIEW);
  return readViewOf(mayBeBuffer && at < end ? read() : undefined, kind, n);
}

/** The rest of a view, the `n`th object, whose buffer was read. */
function readViewOf(buffer: unknown, kind: number, n: number): ArrayBufferView {
  if (!types.isAnyArrayBuffer(buffer)) return malformed("a view of what is no buffer");
  const offset = readN();
  const tracks = readByte();
  const length = readN();
  if (tracks > 1 || (tracks === 1 && (length !== 0 || !(buffer as ArrayBuffer).resizable))) {
    malformed("a view that tracks the length");
  }
  if (kind >= VIEW_CLASSES.length) malformed(`a view of kind ${kind}`);
  const View = VIEW_CLASSES[kind];
  if (View === undefined) {
    throw new TypeError(
      `a ${Object.keys(WIRE_VIEW)[kind]} came from a task, but this runtime has none; ` +
        "return another array of numbers",
    );
  }
  try {
    return objects[n] = tracks === 1
      ? new View(buffer as ArrayBuffer, offset)
      : new View(buffer as ArrayBuffer, offset, length);
  } catch (cause) {
    return malformed("a view that lies outside its buffer", cause);
  }
}

function readError(): Error {
  const kind = readByte();
  const flags = readByte();
  const n = objectCount;
  number(undefined);
  if (kind > WIRE_ERROR.DOMException || flags > 127) malformed(`an error ${kind} with ${flags}`);
  const name = flags & WIRE_ERROR_HAS.NAME ? readString() : undefined;
  const message = flags & WIRE_ERROR_HAS.MESSAGE ? readString() : undefined;
  const stack = flags & WIRE_ERROR_HAS.STACK ? readString() : undefined;
  const frames = flags & WIRE_ERROR_HAS.FRAMES ? readFrames() : undefined;
  const error = makeError(kind, name, message);
  objects[n] = error;
  // Of one that is not told of, nobody looks at the stack before its user does.
  const told = errors.length < MAX_ERRORS;
  if (told) errors.push({ error, frames, stack });
  define(error, "stack", told ? stack : undefined, false);
  enter();
  if (flags & WIRE_ERROR_HAS.CAUSE) define(error, "cause", readValue(), false);
  if (flags & WIRE_ERROR_HAS.ERRORS) {
    const errors = readValue();
    if (!Array.isArray(errors)) malformed("errors that are no array");
    define(error, "errors", errors, false);
  }
  if (flags & WIRE_ERROR_HAS.PROPS) {
    const tag = source[at];
    if (tag !== OBJECT && tag !== OBJECT_SHAPE && tag !== OBJECT_PAIRS) {
      malformed("properties that are no object");
    }
    const p = objectCount;
    const props = read() as Record<string, unknown>;
    for (const key of Object.keys(props)) {
      // It can't be the method, and in its place would make String(error) throw.
      if (key !== "toString") define(error, key, props[key]);
    }
    objects[p] = error; // nothing else refers to the props
  }
  depth--;
  return error;
}

function readFrames(): Frame[] {
  const count = readByte();
  if (count === 0 || count > MAX_FRAMES) malformed(`a stack of ${count} frames`);
  const frames: Frame[] = [];
  for (let i = 0; i < count; i++) {
    const kind = readByte();
    const name = readString();
    if (kind > WIRE_FRAME.EVAL || name.length > MAX_FRAME_NAME) malformed(`a frame ${kind}`);
    frames.push({ kind, name, row: readN(), column: readN() });
  }
  return frames;
}

/** An error without the engine's own stack, which would show this file. */
function makeError(kind: number, name: string | undefined, message: string | undefined): Error {
  if (kind === WIRE_ERROR.DOMException) {
    return withoutFrames(() => new DOMException(message ?? "", name ?? "DOMException"));
  }
  const error = withoutFrames(() =>
    kind === WIRE_ERROR.AggregateError
      ? new AggregateError([])
      : new (ERROR_CLASSES[kind] as ErrorConstructor)()
  );
  if (kind === WIRE_ERROR.AggregateError) Reflect.deleteProperty(error, "errors");
  if (name !== undefined) define(error, "name", name, false);
  if (message !== undefined) define(error, "message", message, false);
  return error;
}

// -- Shapes --

/** Lists of keys that are recognised by their bytes: how many, and how long at the most. */
const KNOWN_SHAPES = 512;
const KNOWN_BYTES = 1024;

/** Shapes by the hash of their keys' bytes. */
const known = new Map<number, BuiltShape>();

/** A list of keys, and how to read an object that has them. */
class BuiltShape {
  readonly keys: readonly string[];
  /** The bytes of the keys; empty if they aren't known by them. */
  readonly bytes: Uint8Array;
  #uses = 0;
  #compiled: (() => object) | undefined;
  #plain: boolean;

  constructor(keys: readonly string[], bytes: Uint8Array) {
    this.keys = keys;
    this.bytes = bytes;
    this.#plain = keys.every((key) => !(key in Object.prototype));
  }

  /** Reads the values of an object of this shape. */
  read(): object {
    if (this.#compiled !== undefined) return this.#compiled();
    if (++this.#uses === COMPILED_FROM && this.keys.length <= SHAPE_KEYS) {
      this.#compiled = this.#compile();
      if (this.#compiled !== undefined) return this.#compiled();
    }
    const object: Record<string, unknown> = {};
    number(object);
    enter();
    for (const key of this.keys) this.set(object, key, read());
    return this.leave(object);
  }

  set(object: Record<string, unknown>, key: string, value: unknown): void {
    if (this.#plain) object[key] = value;
    else define(object, key, value);
  }

  /**
   * A function that does the same. All keys are there from the start, in a literal, so that the
   * engine knows the object's layout and the object can be referred to from inside itself.
   */
  #compile(): (() => object) | undefined {
    const names = this.keys.map((key) => JSON.stringify(key));
    const empty = names.map((name) => `${name === '"__proto__"' ? `[${name}]` : name}: undefined`);
    const fill = names.map((name) => `o[${name}] = read();`);
    return compile(
      ["open", "read", "close"],
      `return () => { const o = { ${empty} }; open(o); ${fill.join(" ")} return close(o); };`,
      (object: unknown) => {
        number(object);
        enter();
      },
      read,
      (object: Record<string, unknown>) => this.leave(object),
    );
  }

  /** Closes an object: drops the keys that had a HOLE. */
  leave(object: Record<string, unknown>): object {
    depth--;
    if (holes > 0) {
      for (const key of this.keys) {
        if (Object.hasOwn(object, key) && object[key] === NOTHING) {
          delete object[key];
          holes--;
        }
      }
    }
    return object;
  }
}

/** The shape of an OBJECT_SHAPE. */
function knownShape(): BuiltShape {
  const n = readN();
  if (n >= shapeCount) malformed(`shape ${n} of ${shapeCount}`);
  return shapes[n];
}

/** The shape of an OBJECT, which gets the next number. */
function newShape(): BuiltShape {
  const shape = readShape();
  shapes[shapeCount++] = shape;
  return shape;
}

/** The keys of an OBJECT, known or new. */
function readShape(): BuiltShape {
  const count = readLength(2); // a key takes two bytes at least
  const from = at;
  let hash = count;
  let narrow = true;
  for (let i = 0; i < count && narrow; i++) {
    narrow = at + 1 < end && source[at] === STRING8 && source[at + 1] < 0x80;
    if (!narrow) break;
    const to = at + 2 + source[at + 1];
    if (to > end) malformed("a length beyond the end");
    for (at++; at < to; at++) hash = Math.imul(hash ^ source[at], 0x01000193);
  }
  if (!narrow || at - from > KNOWN_BYTES) {
    at = from;
    return new BuiltShape(readKeys(count), new Uint8Array(0));
  }
  const length = at - from;
  let shape = known.get(hash);
  if (shape !== undefined && shape.keys.length === count && isSame(shape.bytes, from, length)) {
    return shape;
  }
  const bytes = source.slice(from, at);
  at = from;
  shape = new BuiltShape(readKeys(count), bytes);
  if (known.size >= KNOWN_SHAPES) known.clear();
  known.set(hash, shape);
  return shape;
}

function readKeys(count: number): string[] {
  const keys = new Array<string>(count);
  for (let i = 0; i < count; i++) keys[i] = readString();
  return keys;
}

function isSame(bytes: Uint8Array, from: number, length: number): boolean {
  if (bytes.length !== length) return false;
  for (let i = 0; i < length; i++) if (bytes[i] !== source[from + i]) return false;
  return true;
}

// -- Slices --

/**
 * What takes more bytes than this, as far as can be told before, is walked through; and after so
 * many the clock is looked at. Most take 0.02 to 0.2 ms.
 */
const GRAIN = 1 << 14;
/** Bytes that are copied at a time: some 0.5 ms. */
const COPIED = 1 << 20;

let grain = GRAIN;
/** Where to look at the clock next. */
let pause = 0;

/**
 * The reading of one large object. Yields the walk through a large object in it, and is given that
 * object; or `undefined`, where it may be left for a while.
 */
interface Walk extends Generator<Walk | undefined, unknown, unknown> {}

/** What is being decoded. */
type State = ReturnType<typeof putAway>;

/**
 * Reads one value in slices, as {@link decode} does at once. Large objects are walked through, and
 * may be left between two of their parts; small ones are read as ever, so that they take no longer.
 *
 * How large an object is shows only when it is read. Before, it counts as large by its share of
 * what holds it, or by the number of its elements. So what no number of its own tells of, and what
 * hides among many small things, is read in one slice.
 */
export class Reading {
  #state: State | undefined;
  readonly #walks: Walk[] = [walkAll()];

  /**
   * As {@link decode}. The memory is used until the end, or {@link drop}.
   *
   * @param size from how many bytes on something is large; for tests
   */
  constructor(bytes: Uint8Array, lying?: Beside, size: number = GRAIN) {
    errors = [];
    grain = size;
    begin(bytes, lying);
    this.#state = putAway();
  }

  /**
   * Reads on, until the clock says `until` and something was read.
   *
   * @returns the value in an object, once it is there; {@link takeErrors} then has its errors
   * @throws {InternalError} The encoding is malformed.
   */
  read(until: number): { readonly value: unknown } | undefined {
    if (this.#state === undefined) throw new InternalError("this value was read already");
    takeUp(this.#state);
    try {
      const value = this.#run(until);
      if (value === undefined) this.#state = putAway();
      else this.drop();
      return value;
    } catch (error) {
      this.drop();
      throw error;
    } finally {
      reset();
    }
  }

  /** Lets go of everything. */
  drop(): void {
    this.#state = undefined;
    this.#walks.length = 0;
  }

  #run(until: number): { readonly value: unknown } | undefined {
    const walks = this.#walks;
    let value: unknown;
    pause = at + grain;
    while (walks.length > 0) {
      const step = walks[walks.length - 1].next(value);
      value = undefined;
      if (step.done) {
        walks.pop();
        value = step.value;
      } else if (step.value !== undefined) {
        walks.push(step.value);
      } else if (now() < until) {
        pause = at + grain;
      } else {
        return undefined;
      }
    }
    checkEnd();
    return { value };
  }
}

/** Takes what is being decoded out of the variables, for another decoding. */
function putAway() {
  const all = { source, view, start, at, end, depth, holes, beside, errors, grain };
  const state = { ...all, objects, objectCount, shapes, shapeCount };
  errors = [];
  objects = [];
  shapes = [];
  reset();
  return state;
}

function takeUp(state: State): void {
  ({ source, view, start, at, end, depth, holes, beside, errors, grain } = state);
  ({ objects, objectCount, shapes, shapeCount } = state);
  memory = source.buffer;
}

/** Whether the next value is large, of which others are led to expect `size` bytes. */
function isLarge(size: number): boolean {
  const tag = source[at];
  if (tag < ARRAY || tag > VIEW) return false;
  switch (tag) {
    case OBJECT:
    case OBJECT_SHAPE:
    case OBJECT_PAIRS:
    case ARRAY_PROPS:
    case INSTANCE:
      return size > grain;
    case ARRAY:
    case ARRAY_INT:
    case ARRAY_F64:
    case MAP:
    case SET:
    case BUFFER:
    case BUFFER_RESIZABLE:
      return size > grain || peekN(at + 1) > grain;
    case VIEW: {
      const isBuffer = source[at + 2] === BUFFER || source[at + 2] === BUFFER_RESIZABLE;
      return isBuffer && at + 2 < end && (size > grain || peekN(at + 3) > grain);
    }
    default:
      return false;
  }
}

/** The walk through the next value, which is large. */
function walk(size: number): Walk {
  switch (source[at]) {
    case ARRAY:
      return walkArray(Math.max(size, peekN(at + 1)));
    case ARRAY_INT:
    case ARRAY_F64:
      return walkNumbers();
    case ARRAY_PROPS:
    case OBJECT_PAIRS:
      return walkPairs(size);
    case OBJECT:
    case OBJECT_SHAPE:
      return walkObject(size);
    case INSTANCE:
      return walkInstance(size);
    case MAP:
      return walkMap(Math.max(size, peekN(at + 1)));
    case SET:
      return walkSet(Math.max(size, peekN(at + 1)));
    case BUFFER:
    case BUFFER_RESIZABLE:
      return walkBuffer();
    default:
      return walkView();
  }
}

/** What {@link readN} would read at `from`, more or less: nothing depends on it but the time. */
function peekN(from: number): number {
  let n = 0;
  for (let i = 0; i < 5; i++) {
    const byte = source[from + i];
    n += (byte & 0x7f) * 128 ** i;
    if (byte < 0x80) break;
  }
  return n;
}

function* walkAll(): Walk {
  return isLarge(end - at) ? yield walk(end - at) : read();
}

function* walkArray(size: number): Walk {
  const to = at + size;
  readByte();
  const length = readLength(1);
  const array: unknown[] = length <= FORESIGHT ? new Array(length) : [];
  number(array);
  enter();
  for (let i = 0; i < length;) {
    i = readElements(array, i, length, to);
    if (at > pause) yield;
    else if (i < length) array[i++] = yield walk((to - at) / (length - i));
  }
  if (array.length < length) array.length = length; // it ends in holes
  depth--;
  return array;
}

/** Reads from the `i`th element on, until a pause is due or one is large; says which is next. */
function readElements(array: unknown[], i: number, length: number, to: number): number {
  for (; i < length && at <= pause; i++) {
    if (source[at] === HOLE && at < end) at++;
    else if (source[at] >= ARRAY && isLarge((to - at) / (length - i))) break;
    else array[i] = read();
  }
  return i;
}

function* walkNumbers(): Walk {
  const whole = readByte() === ARRAY_INT;
  const size = whole ? 4 : 8;
  const length = readN();
  align(size, length, size);
  const array = new Array<number>(Math.min(length, AT_ONCE));
  for (let i = 0; i < length;) {
    if (at > pause) yield;
    const to = Math.min(i + Math.max(grain / size, 1), length);
    if (whole) { for (; i < to; i++, at += 4) array[i] = view.getInt32(at, true); }
    else for (; i < to; i++, at += 8) array[i] = view.getFloat64(at, true);
  }
  number(array);
  return array;
}

function* walkPairs(size: number): Walk {
  const from = at;
  const isArray = readByte() === ARRAY_PROPS;
  const object = isArray ? openArrayProps() : openPairs();
  for (let i = 0; !atEnd(); i++) {
    if (at > pause) yield;
    const key = readString();
    // How many they are doesn't show: more than a shape has, and then as large as those before.
    const share = i < SHAPE_KEYS ? size / SHAPE_KEYS : (at - from) / i;
    const value = isLarge(share) ? yield walk(share) : readValue();
    if (isArray) setProp(object as unknown[], key, value);
    else (object as Record<string, unknown>)[key] = value;
  }
  depth--;
  return isArray ? object : Object.setPrototypeOf(object, Object.prototype);
}

function* walkObject(size: number): Walk {
  const to = at + size;
  const shape = readByte() === OBJECT ? newShape() : knownShape();
  const object: Record<string, unknown> = {};
  number(object);
  enter();
  let left = shape.keys.length;
  for (const key of shape.keys) {
    if (at > pause) yield;
    const share = (to - at) / left--;
    shape.set(object, key, isLarge(share) ? yield walk(share) : read());
  }
  return shape.leave(object);
}

function* walkInstance(size: number): Walk {
  readByte();
  const prototype = readClass();
  return Object.setPrototypeOf(yield walk(size), prototype);
}

function* walkMap(size: number): Walk {
  const to = at + size;
  readByte();
  const length = readLength(2);
  const map = new Map<unknown, unknown>();
  number(map);
  enter();
  for (let i = 0; i < length; i++) {
    if (at > pause) yield;
    const share = (to - at) / (length - i);
    const key = isLarge(share) ? yield walk(share) : readValue();
    map.set(key, isLarge(share) ? yield walk(share) : readValue());
  }
  depth--;
  return map;
}

function* walkSet(size: number): Walk {
  const to = at + size;
  readByte();
  const length = readLength(1);
  const set = new Set<unknown>();
  number(set);
  enter();
  for (let i = 0; i < length; i++) {
    if (at > pause) yield;
    const share = (to - at) / (length - i);
    set.add(isLarge(share) ? yield walk(share) : readValue());
  }
  depth--;
  return set;
}

/** A view of a buffer of its own. */
function* walkView(): Walk {
  readByte();
  const kind = readByte();
  const n = objectCount;
  number(undefined); // before its buffer
  return readViewOf(yield walkBuffer(), kind, n);
}

function* walkBuffer(): Walk {
  const isResizable = readByte() === BUFFER_RESIZABLE;
  const length = readN();
  const maxByteLength = isResizable ? readN() : length;
  align(8, length, 1);
  const buffer = isResizable ? newResizable(length, maxByteLength) : new ArrayBuffer(length);
  const bytes = new Uint8Array(buffer);
  for (let i = 0; i < length;) {
    if (at > pause) yield;
    const count = Math.min(COPIED, length - i);
    bytes.set(source.subarray(at, at + count), i);
    i += count;
    at += count;
  }
  number(buffer);
  return buffer;
}
