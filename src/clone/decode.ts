/**
 * Structured clone from bytes to the host: the values.
 *
 * Runs no code but the engine's, and trusts nothing: each length is checked against the bytes that
 * are there before anything is made of it. Lists of keys are recognised by their bytes, from one
 * value to the next; objects that come often are made by a constructor compiled for their keys
 * (where that is forbidden: key by key).
 *
 * All is read by functions that call each other, which is fast and can't be left in the middle. So
 * what they read is an {@link attempt}, within bounds: of work ({@link limit}), as the event loop
 * waits, and of depth, as the stack is finite. One that reaches a bound is given up, and leaves its
 * route: the numbers of the objects that were open. Those are walked (slices.ts), by steps that
 * can be left, and what they hold is attempted again, object by object; so nothing is read more than
 * twice, but what no route leads through is read only once.
 *
 * What is being decoded lies in variables of the module: nothing that runs meanwhile decodes in its
 * turn. What is read in slices has them to itself during a slice, and puts them away after it. The
 * memory need not be ours, so all is copied out of it.
 *
 * @module
 */
import { types } from "node:util";
import { WIRE, WIRE_ERROR, WIRE_ERROR_HAS, WIRE_FRAME, WIRE_VIEW } from "../../ffi/symbols.ts";
import {
  COST,
  costOfRegExp,
  MAX_COMPILATIONS,
  MAX_REGEXP,
  MAX_RESERVED,
  MAX_RESIZABLES,
  UNITS_A_MS,
} from "./costs.ts";
import { arePure, BLANK, blank, blankNumbers, define, isFree, list } from "./own.ts";
import { type Frame, framesIn } from "./frames.ts";
import { Refusal } from "./slots.ts";
import {
  compile,
  COMPILED_FROM,
  ERROR_CLASSES,
  FAST_DEPTH,
  isIndex,
  MAX_BUFFER,
  MAX_LENGTH,
  mayCompile,
  stringMethods,
  VIEW_CLASSES,
} from "./wire.ts";
import { InternalError, withoutFrames } from "../errors.ts";
import { now } from "../pool/event_loop.ts";

// Engines know the value of a module's const, but look up each property of an imported object.
const { UNDEFINED, NULL, FALSE, TRUE, HOLE, INT, DOUBLE, BIGINT, STRING8, STRING16 } = WIRE;
const { ARRAY, ARRAY_INT, ARRAY_F64, ARRAY_PROPS } = WIRE;
const { OBJECT, OBJECT_SHAPE, OBJECT_PAIRS, END, INSTANCE } = WIRE;
const { DATE, REGEXP, BOOLEAN_OBJECT, NUMBER_OBJECT, BIGINT_OBJECT, STRING_OBJECT } = WIRE;
const { MAP, SET, BUFFER, BUFFER_RESIZABLE, VIEW, LENT, SHARED, MOVED, PRESET } = WIRE;
const { ERROR, REFERENCE, SMALL_INT } = WIRE;
const { latin1Slice, ucs2Slice, hexSlice } = stringMethods;
const { fromCharCode } = String;

let memory: ArrayBufferLike = new ArrayBuffer(0);
/** All of `memory`; positions count from its start. */
export let source: Uint8Array = new Uint8Array(memory);
let view: DataView = new DataView(memory);
/** Where the encoding begins; padding counts from here. */
let start = 0;
export let at = 0;
let end = 0;
/** HOLEs that were read for a key's value, whose keys are not yet dropped. */
let holes = 0;
/**
 * What has a number, by its number. The first {@link room} elements are always there; before there
 * are more, {@link makeRoom} sees to it that no prototype has a say.
 */
let objects: unknown[] = blank(BLANK);
let room = BLANK;
export let objectCount = 0;
let shapes: BuiltShape[] = list();
let shapeCount = 0;

/**
 * Where to leave off: in an attempt it is given up, between two the clock is looked at. Work that
 * bytes don't show brings it nearer.
 */
export let limit: number = Infinity;
/** The numbers of the objects that an attempt has open, and how many. */
const opened = new Uint32Array(FAST_DEPTH + 2);
let depth = 0;
/** Of an attempt that was given up: what was open, and how many of them are walked already. */
let route: number[] = list();
let routeAt = 0;
/** Whether arrays and objects inherit nothing unusual; `undefined`: it was not looked. */
let pure: boolean | undefined;

/** What was used of what is bounded for each value. */
let resizables = 0;
let reserved = 0;
let compilations = 0;

/**
 * To fetch a string from the encoding is a call of the runtime's (50 ns on V8, 30 ns on
 * JavaScriptCore), to cut it from another string is none (9 ns, 7 ns). So short ones are cut from a
 * piece of the encoding that was fetched as one (60 to 100 ns): if the rest of the encoding is
 * short, or others came close before. A string that was cut may keep its piece alive, so pieces are
 * small.
 */
const CUT = 64;
const PIECE = 512;
const CLOSE = 128;
const FEW = 2;
let strings = 0;
let piece = "";
let pieceFrom = 0;
let pieceTo = 0;

/** What lies beside an encoding, which has only its numbers: LENT, SHARED, MOVED, PRESET, INSTANCE. */
export interface Beside {
  /** What was lent to the task that made the value. */
  readonly lent: readonly (ArrayBufferLike | undefined)[];
  /** What the task transferred. */
  readonly moved: readonly ArrayBuffer[];
  /** The prototypes of classes that are registered. */
  readonly classes: readonly object[];
  /** What the tasks of the pool have already. */
  readonly presets: readonly object[];
}
let beside: Beside | undefined;

/** An error that was made, and what the bytes say of its stack. */
export interface DecodedError {
  readonly error: Error;
  /** Reads its frames, which few look at. */
  readonly frames: (() => readonly Frame[]) | undefined;
  /** A text that is none of the engine's: the host's own, if the error was an argument. */
  readonly stack: string | undefined;
}

/** The errors that were made, and how many are told of at the most. */
let errors: DecodedError[] = [];
let errorCount = 0;
const MAX_ERRORS = 1000;
const NO_ERRORS: readonly DecodedError[] = [];
const MAX_FRAMES = 10;
const MAX_FRAME_NAME = 64;

/** The errors that the last decoding made, each before its causes. Gives them once. */
export function takeErrors(): readonly DecodedError[] {
  if (errorCount === 0) return NO_ERRORS;
  const taken = errors;
  taken.length = errorCount; // without those of an attempt that was given up
  errors = [];
  errorCount = 0;
  return taken;
}

/** Stands in for a HOLE. */
const NOTHING = Symbol("nothing");

/** Whether what was read is a HOLE. (Engines don't know the value of a const that is exported.) */
export function isHole(value: unknown): boolean {
  return value === NOTHING;
}

/** Instead of a value: the attempt to read it was given up. */
export const LEFT_OFF: unique symbol = Symbol("left off");

/** How all engines begin what they say where the stack ends. */
const STACK_OVERFLOW = "Maximum call stack";

/** Lists of up to this many are kept from one decoding to the next. */
const KEPT: number = BLANK;
/** Room that is made for an array before its elements are seen. */
const FORESIGHT = 4096;
/** Strings from this many bytes on may be longer than the engine can have. */
const LONG = 1 << 24;
/** The longest array that V8 makes at once and not as a table, which takes five times as long. */
const AT_ONCE = 32e6;

/** Begins a decoding. */
export function begin(bytes: Uint8Array, lying: Beside | undefined): void {
  if (errorCount > 0) takeErrors(); // which nobody took
  beside = lying;
  if (memory !== bytes.buffer) {
    memory = bytes.buffer;
    source = new Uint8Array(memory);
    view = new DataView(memory);
  }
  start = at = bytes.byteOffset;
  end = start + bytes.length;
}

/** Makes sure that nothing is left. */
export function checkEnd(): void {
  if (holes !== 0) malformed("a hole where there is no key");
  if (at !== end) malformed("bytes are left over");
}

/** Leaves nothing behind of what was decoded, but for the memory, to read more of it. */
export function reset(): void {
  if (objectCount > KEPT) objects = blank(BLANK);
  else for (let i = 0; i < objectCount; i++) objects[i] = undefined;
  if (shapes.length > KEPT) shapes.length = 0;
  if (route.length > 0) route = list();
  objectCount =
    shapeCount =
    depth =
    holes =
    routeAt =
    resizables =
    reserved =
    compilations =
      0;
  beside = pure = undefined;
  room = BLANK;
  strings = pieceFrom = pieceTo = 0;
  piece = "";
}

/** Lets go of the memory that was read. */
export function forget(): void {
  memory = new ArrayBuffer(0);
  source = new Uint8Array(memory);
  view = new DataView(memory);
}

/** What is being decoded, while it is not. */
export interface State {
  readonly source: Uint8Array;
  readonly view: DataView;
  readonly start: number;
  readonly at: number;
  readonly end: number;
  readonly holes: number;
  readonly beside: Beside | undefined;
  readonly objects: unknown[];
  readonly objectCount: number;
  readonly shapes: BuiltShape[];
  readonly shapeCount: number;
  readonly errors: DecodedError[];
  readonly errorCount: number;
  readonly route: number[];
  readonly routeAt: number;
  readonly resizables: number;
  readonly reserved: number;
  readonly compilations: number;
}

/** Takes what is being decoded out of the variables, for another decoding. */
export function putAway(): State {
  const lists = { objects, objectCount, shapes, shapeCount, errors, errorCount, route, routeAt };
  const used = { resizables, reserved, compilations };
  const state = { source, view, start, at, end, holes, beside, ...lists, ...used };
  errors = [];
  errorCount = 0;
  objects = blank(BLANK);
  shapes = list();
  route = list();
  objectCount = 0;
  reset();
  forget();
  return state;
}

/** Puts it back. */
export function takeUp(state: State): void {
  ({ source, view, start, at, end, holes, beside, errors, errorCount, route, routeAt } = state);
  ({ resizables, reserved, compilations } = state);
  ({ objects, objectCount, shapes, shapeCount } = state);
  memory = source.buffer;
}

// -- Bounds --

/** Lets so much be read from here on. */
export function allow(units: number): void {
  limit = at + units;
}

/** Work that bytes don't show. */
function charge(units: number): void {
  limit -= units;
}

/** Gives the attempt up. */
function leaveOff(): never {
  throw LEFT_OFF;
}

/** Opens an object that holds others, the `n`th. */
function enter(n: number): void {
  opened[depth++] = n;
  limit -= COST.OBJECT;
  if (depth > FAST_DEPTH || at > limit) leaveOff();
}

/** Makes sure that the next object, which takes so many bytes at least, is not too much. */
function expect(bytes: number): void {
  if (bytes <= limit - at) return;
  opened[depth++] = objectCount;
  leaveOff();
}

/** Whether the next object led to where an attempt was given up: says so once. */
export function follow(): boolean {
  if (routeAt >= route.length || route[routeAt] !== objectCount) return false;
  routeAt++;
  return true;
}

/**
 * Reads the next value, if that is not more work than `units`, nor too deep. Else it gives
 * {@link LEFT_OFF}, and all is as before: then the value is one that can be walked.
 */
export function attempt(units: number): unknown {
  const tag = source[at];
  if (tag >= REFERENCE || tag < ARRAY || at >= end) return read();
  if (routeAt < route.length && route[routeAt] === objectCount) return LEFT_OFF;
  return tried(units, read, isLeft);
}

/** Elements that are attempted together: to attempt each by itself takes a fifth more time. */
const TOGETHER = 32;

/**
 * Attempts elements of an array, from the `i`th on: so many together as are likely to take no more
 * than `units`. Gives the number of the next one: the `i`th, if one of them is too much, or is what
 * an attempt was given up for.
 */
export function attemptElements(
  array: unknown[],
  i: number,
  units: number,
  length: number,
): number {
  const left = length - i;
  if (routeAt < route.length || left < 2 || 4 * (end - at) > units * left) return i;
  const to = i + Math.min(left, TOGETHER);
  const next = tried(units, () => readElements(array, i, to), isRefused);
  return next === LEFT_OFF ? i : next;
}

/** Reads elements until one of them ends beyond the limit. Gives the number of the next one. */
function readElements(array: unknown[], i: number, to: number): number {
  for (; i < to && at <= limit; i++) {
    const value = read();
    if (value === NOTHING) leaveOut(array, i);
    else setElement(array, i, value);
  }
  return i;
}

/** What the host refuses inside of an object is met again on the walk, which knows the path. */
function isLeft(error: unknown): boolean {
  return depth > 0 && isRefused(error);
}

/** Does work that may be given up: for itself, or for an error that is met again. */
function tried<T>(
  units: number,
  work: () => T,
  isMetAgain: (error: unknown) => boolean,
): T | typeof LEFT_OFF {
  const from = at;
  const before = limit;
  const count = objectCount;
  const kept = shapeCount;
  const heldErrors = errorCount;
  const heldHoles = holes;
  const heldResizables = resizables;
  const heldReserved = reserved;
  limit = from + units;
  depth = 0;
  try {
    const value = work();
    limit = before - (from + units - limit);
    return value;
  } catch (error) {
    if (error !== LEFT_OFF && !isMetAgain(error)) throw error;
    limit = before - (from + units - limit) - (at - from);
    route = list();
    for (let i = 0; i < depth; i++) route[i] = opened[i];
    routeAt = depth = 0;
    at = from;
    objectCount = count;
    shapeCount = kept;
    errorCount = heldErrors;
    holes = heldHoles;
    resizables = heldResizables;
    reserved = heldReserved;
    return LEFT_OFF;
  }
}

/**
 * Whether an error says that the host can't have a value, or does not want it. Where the program has
 * left no room on the stack, that is its own affair, and the error too.
 */
export function isRefused(error: unknown): error is Refusal | RangeError {
  return error instanceof Refusal ||
    (error instanceof RangeError && !error.message.startsWith(STACK_OVERFLOW));
}

export function malformed(what: string, cause?: unknown): never {
  throw new InternalError(
    `a value from the library is malformed: ${what}, at byte ${at - start} of ${end - start}`,
    cause === undefined ? undefined : { cause },
  );
}

// -- Pieces --

export function readByte(): number {
  if (at >= end) malformed("it ends too soon");
  return source[at++];
}

export function readN(): number {
  const byte = readByte();
  return byte < 0x80 ? byte : readLongN(byte);
}

/** A varint that begins with `byte`. Apart, so that the other fits into whatever calls it. */
function readLongN(byte: number): number {
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
export function readLength(size: number): number {
  const n = readN();
  if (n * size > end - at) malformed("a length beyond the end");
  return n;
}

/** Skips the padding before `n` things of `size` bytes, and makes sure of them. */
export function align(to: number, n: number, size: number): void {
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
  const from = at;
  at += length;
  return from >= pieceFrom && at <= pieceTo
    ? piece.substring(from - pieceFrom, at - pieceFrom)
    : fetchLatin1(from);
}

/** The string from `from` to `at`, which is not in the piece. */
function fetchLatin1(from: number): string {
  const length = at - from;
  if (length === 0) return "";
  if (length === 1) return fromCharCode(source[from]);
  if (length > CUT) return wholeString(latin1Slice, from);
  if (end - from > CLOSE && (from - pieceTo > CLOSE || ++strings <= FEW)) {
    pieceFrom = pieceTo = at;
    return latin1Slice.call(source, from, at);
  }
  pieceFrom = from;
  pieceTo = Math.min(from + PIECE, end);
  piece = latin1Slice.call(source, pieceFrom, pieceTo);
  return piece.substring(0, length);
}

function readUtf16(): string {
  const length = readN();
  align(2, length, 2);
  const from = at;
  at += 2 * length;
  return wholeString(ucs2Slice, from);
}

/** A string that may be long, or longer than the engine can have. */
function wholeString(
  slice: (this: Uint8Array, start: number, end: number) => string,
  from: number,
): string {
  if (at > limit && depth > 0) leaveOff();
  if (at - from < LONG) return slice.call(source, from, at);
  try {
    return slice.call(source, from, at);
  } catch (cause) {
    return refuse(`a string of ${at - from} bytes`, "return it in parts", cause);
  }
}

/** A string, where there must be one. */
export function readString(): string {
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
  charge(COST.BIGINT);
  if (at > limit && depth > 0) leaveOff();
  if (n <= 8) {
    for (let i = n - 1; i >= 0; i--) magnitude = magnitude << 8n | BigInt(source[at + i]);
  } else {
    charge(2 * n);
    if (at + n > limit && depth > 0) leaveOff();
    const bytes = source.slice(at, at + n).reverse();
    try {
      magnitude = BigInt(`0x${hexSlice.call(bytes, 0, n)}`);
    } catch (cause) {
      refuse(`a BigInt of ${n} bytes`, "return it in parts", cause);
    }
  }
  at += n;
  return sign === 1 ? -magnitude : magnitude;
}

/** Gives an object the next number. */
export function number(object: unknown): void {
  if (objectCount >= room) makeRoom();
  objects[objectCount++] = object;
}

function makeRoom(): void {
  if (!isPure()) Object.setPrototypeOf(objects, null);
  room = MAX_LENGTH;
}

/** What the host can't have, or is not to have. */
function refuse(what: string, advice: string, cause?: unknown): never {
  throw new Refusal(what, advice, cause);
}

// -- Values --

export function read(): unknown {
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
      return numbered(new Date(readF64()), COST.DATE);
    case REGEXP:
      return numbered(readRegexp());
    case BOOLEAN_OBJECT: {
      const byte = readByte();
      if (byte > 1) malformed("a boolean");
      return numbered(Object(byte === 1), COST.BOXED);
    }
    case NUMBER_OBJECT:
      return numbered(Object(readF64()), COST.BOXED);
    case BIGINT_OBJECT:
      if (readByte() !== BIGINT) malformed("no BigInt where one must be");
      return numbered(Object(readBigint()), COST.BOXED);
    case STRING_OBJECT:
      return numbered(Object(readString()), COST.BOXED);
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
function numbered(object: unknown, units = 0): unknown {
  charge(units);
  number(object);
  if (at > limit && depth > 0) leaveOff();
  return object;
}

function readInstance(): object {
  const prototype = readClass();
  return Object.setPrototypeOf(read(), prototype);
}

/** The prototype of an INSTANCE, whose properties follow. */
export function readClass(): object {
  const prototype = beside?.classes[readN()] ?? malformed("a class that is not registered");
  const tag = source[at];
  if (at >= end || (tag !== OBJECT && tag !== OBJECT_SHAPE && tag !== OBJECT_PAIRS)) {
    malformed("an instance without properties");
  }
  return prototype;
}

function readArray(): unknown[] {
  const length = readLength(1);
  if (length > BLANK) expect(length);
  const array = openArray(length);
  enter(objectCount - 1);
  if (length > BLANK && !isPure()) return readImpure(array, length);
  for (let i = 0; i < length; i++) {
    const value = read();
    if (value === NOTHING) leaveOut(array, i);
    else array[i] = value;
  }
  if (array.length < length) array.length = length; // it ends in holes
  depth--;
  return array;
}

/** The same where not all of them are there. Apart: one loop for both is 5 % slower. */
function readImpure(array: unknown[], length: number): unknown[] {
  for (let i = 0; i < length; i++) {
    const value = read();
    if (value === NOTHING) leaveOut(array, i);
    else define(array, i, value);
  }
  if (array.length < length) array.length = length;
  depth--;
  return array;
}

/** An array for so many elements, with a number. */
export function openArray(length: number): unknown[] {
  let array: unknown[];
  if (length > FORESIGHT) array = [];
  else if (length > BLANK || pure === true) array = new Array(length);
  else array = blank(length);
  number(array);
  return array;
}

/** Instead of an element there was {@link NOTHING}. */
export function leaveOut(array: unknown[], i: number): void {
  holes--;
  if (Object.hasOwn(array, i)) delete array[i];
}

/** Whether what is assigned to a property that is not there yet can't meet an inherited one. */
function isPure(): boolean {
  return pure ??= arePure();
}

/** Sets an element that may not be there yet. */
export function setElement(array: unknown[], i: number, value: unknown): void {
  if (isPure()) array[i] = value;
  else define(array, i, value);
}

function readInts(): number[] {
  const length = readN();
  expect(4 * length);
  align(4, length, 4);
  const array = openNumbers(length);
  number(array);
  fillInts(array, 0, length);
  return array;
}

function readDoubles(): number[] {
  const length = readN();
  expect(8 * length);
  align(8, length, 8);
  const array = openNumbers(length);
  number(array);
  fillDoubles(array, 0, length);
  return array;
}

/** An array for so many numbers. */
export function openNumbers(length: number): number[] {
  return length <= BLANK ? blankNumbers(length) : new Array<number>(Math.min(length, AT_ONCE));
}

/** Reads elements of an ARRAY_INT. */
export function fillInts(array: number[], i: number, to: number): void {
  const values = view;
  let from = at;
  at += 4 * (to - i);
  if (array.length <= BLANK || isPure()) {
    for (; i < to; i++, from += 4) array[i] = values.getInt32(from, true);
  } else {
    for (; i < to; i++, from += 4) define(array, i, values.getInt32(from, true));
  }
}

/** Reads elements of an ARRAY_F64. */
export function fillDoubles(array: number[], i: number, to: number): void {
  const values = view;
  let from = at;
  at += 8 * (to - i);
  if (array.length <= BLANK || isPure()) {
    for (; i < to; i++, from += 8) array[i] = values.getFloat64(from, true);
  } else {
    for (; i < to; i++, from += 8) define(array, i, values.getFloat64(from, true));
  }
}

function readArrayProps(): unknown[] {
  const array = openArrayProps();
  enter(objectCount - 1);
  while (!atEnd()) {
    if (at > limit) leaveOff();
    const key = readString();
    setProp(array, key, readValue());
  }
  depth--;
  return array;
}

/** The array of an ARRAY_PROPS, without its properties. */
export function openArrayProps(): unknown[] {
  const length = readN();
  const array: unknown[] = [];
  if (length > FORESIGHT) {
    charge(COST.TABLE);
    // An element far out makes the engine keep the array as a table; the length alone might not.
    define(array, length - 1, undefined);
    delete array[length - 1];
  }
  array.length = length;
  number(array);
  return array;
}

/** Sets what is no more than a property, or an element within the array's length. */
export function setProp(array: unknown[], key: string, value: unknown): void {
  charge(COST.PAIR);
  if (isIndex(key)) {
    if (Number(key) >= array.length) malformed("an element beyond its array");
    setElement(array, Number(key), value);
  } else {
    if (key === "length") malformed("the length of an array");
    define(array, key, value);
  }
}

function readPairs(): object {
  const object = openPairs();
  enter(objectCount - 1);
  while (!atEnd()) {
    if (at > limit) leaveOff();
    const key = readString();
    setPair(object, key, readValue());
  }
  depth--;
  return closePairs(object);
}

/** Without a prototype no key means anything special; it gets that last. */
export function openPairs(): Record<string, unknown> {
  const object = Object.create(null) as Record<string, unknown>;
  number(object);
  return object;
}

/** Sets a property of an OBJECT_PAIRS. */
export function setPair(object: Record<string, unknown>, key: string, value: unknown): void {
  charge(COST.PAIR);
  object[key] = value;
}

/** Gives it its prototype. */
export function closePairs(object: object): object {
  return Object.setPrototypeOf(object, Object.prototype) as object;
}

/** Whether the pairs end here. */
export function atEnd(): boolean {
  if (at >= end) malformed("it ends too soon");
  if (source[at] !== END) return false;
  at++;
  return true;
}

/** A value, where a HOLE means nothing. */
function readValue(): unknown {
  return present(read());
}

/** Makes sure that something that was read is no HOLE. */
export function present(value: unknown): unknown {
  return value === NOTHING ? malformed("a hole where there is no key") : value;
}

function readRegexp(): RegExp {
  const pattern = readString();
  const flags = readString();
  const cost = costOfRegExp(pattern, flags);
  const advice = "return its source and flags";
  if (cost > MAX_REGEXP) {
    refuse(`a RegExp of ${pattern.length} characters: it takes too long to make it`, advice);
  }
  charge(cost);
  try {
    return new RegExp(pattern, flags);
  } catch (cause) {
    return refuse("a RegExp that it doesn't understand", advice, cause);
  }
}

function readMap(): Map<unknown, unknown> {
  const length = readLength(2);
  expect(2 * length);
  const map = openMap(length);
  const pace = paceOf(length);
  enter(objectCount - 1);
  for (let i = 0; i < length; i++) {
    const key = readValue();
    map.set(key, readValue());
    if (pace?.isDue(i)) leaveOff();
  }
  depth--;
  return map;
}

/** Entries of a Map or Set between two looks at the clock, and ms that these should take at the most. */
const ENTRIES = 64;
const ENTRIES_MS = 0.25;

/**
 * Charges what the entries of a Map or Set take. A task can choose keys that collide in the engine's
 * table (V8's hash of whole numbers has no seed), and then each entry takes as long as all that are
 * there: no count of entries or bytes tells it, so the clock must.
 */
class Pace {
  #looked = now();
  #every = ENTRIES;
  #next = ENTRIES;

  /** The `i`th entry is there. Whether enough was done. */
  isDue(i: number): boolean {
    return i >= this.#next && this.#look(i);
  }

  #look(i: number): boolean {
    const time = now();
    const took = time - this.#looked;
    this.#looked = time;
    if (took > ENTRIES_MS) charge(Math.ceil(took * UNITS_A_MS));
    this.#every = Math.max(Math.min(Math.floor(this.#every * ENTRIES_MS / took), ENTRIES), 1);
    this.#next = i + this.#every;
    return at > limit;
  }
}

/** The pace of a Map or Set; a small one needs none. */
export function paceOf(length: number): Pace | undefined {
  return length > ENTRIES ? new Pace() : undefined;
}

/** A Map with a number. */
export function openMap(length: number): Map<unknown, unknown> {
  charge(COST.COLLECTION + COST.ENTRY * length);
  const map = new Map<unknown, unknown>();
  number(map);
  return map;
}

function readSet(): Set<unknown> {
  const length = readLength(1);
  expect(length);
  const set = openSet(length);
  const pace = paceOf(length);
  enter(objectCount - 1);
  for (let i = 0; i < length; i++) {
    set.add(readValue());
    if (pace?.isDue(i)) leaveOff();
  }
  depth--;
  return set;
}

/** A Set with a number. */
export function openSet(length: number): Set<unknown> {
  charge(COST.COLLECTION + COST.ENTRY * length);
  const set = new Set<unknown>();
  number(set);
  return set;
}

function readBuffer(): ArrayBuffer {
  const length = readN();
  expect(length);
  align(8, length, 1);
  let buffer: ArrayBuffer;
  if (memory instanceof ArrayBuffer) {
    buffer = memory.slice(at, at + length);
  } else {
    buffer = new ArrayBuffer(length);
    new Uint8Array(buffer).set(source.subarray(at, at + length));
  }
  at += length;
  numbered(buffer, COST.BUFFER);
  return buffer;
}

function readResizable(): ArrayBuffer {
  const length = readN();
  const maxByteLength = readN();
  expect(length);
  align(8, length, 1);
  const buffer = newResizable(length, maxByteLength);
  copyTo(new Uint8Array(buffer), 0, length);
  numbered(buffer, 0);
  return buffer;
}

/** Copies bytes to `i` in `bytes`. */
export function copyTo(bytes: Uint8Array, i: number, count: number): void {
  bytes.set(source.subarray(at, at + count), i);
  at += count;
}

/** A resizable buffer. It takes more of the host than its bytes, which is bounded for each value. */
export function newResizable(length: number, maxByteLength: number): ArrayBuffer {
  if (maxByteLength > MAX_BUFFER || length > maxByteLength) {
    malformed(`a buffer of ${length} that may grow to ${maxByteLength} bytes`);
  }
  const advice = "return buffers of fixed length (buffer.slice()), or in parts";
  if (++resizables > MAX_RESIZABLES) {
    refuse(`more than ${MAX_RESIZABLES} resizable buffers in one value`, advice);
  }
  if ((reserved += maxByteLength) > MAX_RESERVED) {
    refuse(
      `resizable buffers that may grow to more than ${MAX_RESERVED / 2 ** 30} GiB in all`,
      advice,
    );
  }
  charge(COST.RESIZABLE);
  return new ArrayBuffer(length, { __proto__: null, maxByteLength } as { maxByteLength: number });
}

function readView(): ArrayBufferView {
  const kind = readByte();
  const n = objectCount;
  number(undefined); // before its buffer
  enter(n);
  const buffer = mayBeBuffer() ? read() : undefined;
  depth--;
  return readViewOf(buffer, kind, n);
}

/** Whether the next value may be a view's buffer. */
export function mayBeBuffer(): boolean {
  const tag = source[at];
  return at < end && (tag === REFERENCE || (tag >= BUFFER && tag <= PRESET && tag !== VIEW));
}

/** The rest of a view, the `n`th object, whose buffer was read. */
export function readViewOf(buffer: unknown, kind: number, n: number): ArrayBufferView {
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
    return refuse(
      `a ${Object.keys(WIRE_VIEW)[kind]}: it has no such class`,
      "return another array of numbers",
    );
  }
  charge(COST.VIEW);
  try {
    return objects[n] = tracks === 1
      ? new View(buffer as ArrayBuffer, offset)
      : new View(buffer as ArrayBuffer, offset, length);
  } catch (cause) {
    return malformed("a view that lies outside its buffer", cause);
  }
}

function readError(): Error {
  const n = objectCount;
  const [error, flags] = openError();
  enter(n);
  if (flags & WIRE_ERROR_HAS.CAUSE) define(error, "cause", readValue(), false);
  if (flags & WIRE_ERROR_HAS.ERRORS) setErrors(error, readValue());
  if (flags & WIRE_ERROR_HAS.PROPS) {
    checkProps();
    setProps(error, objectCount, read() as Record<string, unknown>);
  }
  depth--;
  return error;
}

/** Makes an error, with a number, without what it holds; gives it and its flags. */
export function openError(): readonly [error: Error, flags: number] {
  const kind = readByte();
  const flags = readByte();
  const n = objectCount;
  number(undefined);
  if (kind > WIRE_ERROR.DOMException || flags > 127) malformed(`an error ${kind} with ${flags}`);
  const name = flags & WIRE_ERROR_HAS.NAME ? readString() : undefined;
  const message = flags & WIRE_ERROR_HAS.MESSAGE ? readString() : undefined;
  const stack = flags & WIRE_ERROR_HAS.STACK ? readString() : undefined;
  const frames = flags & WIRE_ERROR_HAS.FRAMES ? readFrames() : undefined;
  charge(kind === WIRE_ERROR.DOMException ? COST.DOM_EXCEPTION : COST.ERROR);
  const error = makeError(kind, name, message);
  objects[n] = error;
  // Of one that is not told of, nobody looks at the stack before its user does.
  const isTold = errorCount < MAX_ERRORS;
  if (isTold) tellOf({ error, frames, stack });
  define(error, "stack", isTold ? stack : undefined, false);
  return [error, flags];
}

function tellOf(told: DecodedError): void {
  if (errorCount === 0) {
    errors = [told];
  } else {
    // Of few the list has room already, whatever is inherited.
    if (errorCount === 1) {
      const [first] = errors;
      errors = blank(BLANK) as DecodedError[];
      errors[0] = first;
    }
    if (errorCount < BLANK || isPure()) errors[errorCount] = told;
    else define(errors, errorCount, told);
  }
  errorCount++;
}

/** Sets the `errors` of an AggregateError. */
export function setErrors(error: Error, errors: unknown): void {
  if (!Array.isArray(errors)) malformed("errors that are no array");
  define(error, "errors", errors, false);
}

/** Makes sure that the properties of an error are next. */
export function checkProps(): void {
  const tag = source[at];
  if (tag !== OBJECT && tag !== OBJECT_SHAPE && tag !== OBJECT_PAIRS) {
    malformed("properties that are no object");
  }
}

/** Gives an error the properties of an object, the `p`th, to which nothing else refers. */
export function setProps(error: Error, p: number, props: Record<string, unknown>): void {
  for (const key of Object.keys(props)) {
    // It can't be the method, and in its place would make String(error) throw.
    if (key !== "toString") define(error, key, props[key]);
  }
  objects[p] = error;
}

/** Checks an error's frames, and keeps their bytes: to make objects of them takes ten times as long. */
function readFrames(): () => readonly Frame[] {
  const from = at;
  const count = readByte();
  if (count === 0 || count > MAX_FRAMES) malformed(`a stack of ${count} frames`);
  for (let i = 0; i < count; i++) {
    const kind = readByte();
    if (kind > WIRE_FRAME.MODULE || skipString() > MAX_FRAME_NAME) malformed(`a frame ${kind}`);
    readN();
    readN();
    if (kind === WIRE_FRAME.MODULE) readN();
  }
  const written = latin1Slice.call(source, from, at);
  const padding = (from - start) % 2;
  return () => framesIn(written, padding);
}

/** Skips a string, where there must be one; gives its length. */
function skipString(): number {
  const tag = readByte();
  const isWide = tag === STRING16;
  if (tag !== STRING8 && !isWide) malformed(`tag ${tag} where a string must be`);
  const length = readN();
  align(isWide ? 2 : 1, length, isWide ? 2 : 1);
  at += isWide ? 2 * length : length;
  return length;
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
const NO_WORDS = new Int32Array(0);

/** Shapes by the hash of their keys' bytes. */
const known = new Map<number, BuiltShape>();

/** A list of keys, and how to read an object that has them. */
export class BuiltShape {
  readonly keys: readonly string[];
  /** The bytes of the keys, as words, and how many bytes that are; none if they aren't known by them. */
  readonly words: Int32Array;
  readonly length: number;
  #uses = 0;
  #compiled: (() => object) | undefined;
  #plain: boolean;
  readonly #compiles: boolean;

  constructor(keys: readonly string[], words: Int32Array, length: number) {
    this.keys = keys;
    this.words = words;
    this.length = length;
    let plain = true;
    for (let i = 0; i < keys.length; i++) plain &&= isFree(keys[i]);
    this.#plain = plain;
    this.#compiles = mayCompile(keys);
  }

  /** Reads the values of an object of this shape. */
  read(): object {
    if (this.#compiled !== undefined) return this.#compiled();
    if (this.#compiles && ++this.#uses >= COMPILED_FROM) {
      if (compilations < MAX_COMPILATIONS) this.#compiled = this.#compile();
      if (this.#compiled !== undefined) return this.#compiled();
    }
    const object: Record<string, unknown> = {};
    number(object);
    enter(objectCount - 1);
    const { keys } = this;
    for (let i = 0; i < keys.length; i++) this.set(object, keys[i], read());
    return closeObject(object, keys);
  }

  /** Sets a property that the object does not have yet. */
  set(object: Record<string, unknown>, key: string, value: unknown): void {
    if (this.#plain && isPure()) object[key] = value;
    else define(object, key, value);
  }

  /**
   * A function that does the same. All keys are there from the start, in a literal, so that the
   * engine knows the object's layout and the object can be referred to from inside itself.
   */
  #compile(): (() => object) | undefined {
    compilations++;
    charge(COST.COMPILATION);
    let empty = "";
    let fill = "";
    for (let i = 0; i < this.keys.length; i++) {
      const name = JSON.stringify(this.keys[i]);
      empty += `${name === '"__proto__"' ? `[${name}]` : name}: undefined, `;
      fill += `o[${name}] = read(); `;
    }
    return compile(
      ["open", "read", "close", "keys"],
      `return () => { const o = { ${empty} }; open(o); ${fill} return close(o, keys); };`,
      openObject,
      read,
      closeObject,
      this.keys,
    );
  }
}

function openObject(object: object): void {
  number(object);
  enter(objectCount - 1);
}

function closeObject(object: Record<string, unknown>, keys: readonly string[]): object {
  depth--;
  if (holes > 0) dropHoles(object, keys);
  return object;
}

/** Drops the keys of an object that had a HOLE. */
export function dropHoles(object: Record<string, unknown>, keys: readonly string[]): void {
  for (let i = 0; i < keys.length && holes > 0; i++) {
    const key = keys[i];
    if (Object.hasOwn(object, key) && object[key] === NOTHING) {
      delete object[key];
      holes--;
    }
  }
}

/** The shape of an OBJECT_SHAPE. */
export function knownShape(): BuiltShape {
  const n = readN();
  if (n >= shapeCount) malformed(`shape ${n} of ${shapeCount}`);
  return shapes[n];
}

/** The shape of an OBJECT, which gets the next number. */
export function newShape(): BuiltShape {
  const shape = readShape();
  shapes[shapeCount++] = shape;
  return shape;
}

/** The keys of an OBJECT, known or new. */
function readShape(): BuiltShape {
  const count = readLength(2); // a key takes two bytes at least
  const from = at;
  const bytes = source;
  let to = from;
  for (let i = 0; i < count; i++) {
    if (to + 1 >= end || bytes[to] !== STRING8 || bytes[to + 1] >= 0x80) {
      return new BuiltShape(readKeys(count), NO_WORDS, 0);
    }
    to += 2 + bytes[to + 1];
  }
  if (to > end) malformed("a length beyond the end");
  const length = to - from;
  if (length > KNOWN_BYTES) return new BuiltShape(readKeys(count), NO_WORDS, 0);
  const hash = hashOf(from, to);
  let shape = known.get(hash);
  if (shape !== undefined && shape.length === length && hasWords(shape.words, from, to)) {
    at = to;
    return shape;
  }
  shape = new BuiltShape(readKeys(count), wordsAt(from, to), length);
  if (known.size >= KNOWN_SHAPES) known.clear();
  known.set(hash, shape);
  return shape;
}

function readKeys(count: number): string[] {
  charge(COST.SHAPE + COST.SHAPE_KEY * count);
  const keys: string[] = list();
  for (let i = 0; i < count; i++) keys[i] = readString();
  return keys;
}

/** Four bytes; or those that are left. */
function wordAt(i: number, to: number): number {
  if (to - i >= 4) return view.getInt32(i, true);
  let word = 0;
  for (; i < to; i++) word = word << 8 | source[i];
  return word;
}

function hashOf(from: number, to: number): number {
  let hash = to - from;
  for (let i = from; i < to; i += 4) {
    hash = Math.imul(hash ^ wordAt(i, to), 0x9e3779b1);
    hash ^= hash >>> 15; // else high bits would never meet low ones
  }
  return hash;
}

function wordsAt(from: number, to: number): Int32Array {
  const words = new Int32Array(Math.ceil((to - from) / 4));
  for (let i = 0; i < words.length; i++) words[i] = wordAt(from + 4 * i, to);
  return words;
}

function hasWords(words: Int32Array, from: number, to: number): boolean {
  for (let i = 0; i < words.length; i++) if (words[i] !== wordAt(from + 4 * i, to)) return false;
  return true;
}
