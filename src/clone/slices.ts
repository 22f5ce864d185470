/**
 * Structured clone from bytes to the host: how much of it at once.
 *
 * What is little work is read at once ({@link decodeSoon}). What is much, or deep, is read by walks:
 * generators on a stack of their own, which may be left between any two parts and have no limit of
 * depth but memory. A walk attempts each part of its object by the fast functions, and only what is
 * too much for that is walked in its turn. Work is counted as it is done (costs.ts), so no
 * value can hide any; the clock is looked at after each {@link GRAIN} of it.
 *
 * A walk keeps its current key, so that the path is known when the host can't hold a value.
 *
 * @module
 */
import { WIRE, WIRE_ERROR_HAS } from "../../ffi/symbols.ts";
import {
  align,
  allow,
  at,
  atEnd,
  attempt,
  attemptElements,
  begin,
  type Beside,
  checkEnd,
  checkProps,
  closePairs,
  copyTo,
  dropHoles,
  fillDoubles,
  fillInts,
  follow,
  forget,
  isHole,
  isRefused,
  knownShape,
  leaveOut,
  LEFT_OFF,
  limit,
  malformed,
  mayBeBuffer,
  newResizable,
  newShape,
  number,
  objectCount,
  openArray,
  openArrayProps,
  openError,
  openMap,
  openNumbers,
  openPairs,
  openSet,
  paceOf,
  present,
  putAway,
  read,
  readByte,
  readClass,
  readLength,
  readN,
  readString,
  readViewOf,
  reset,
  setElement,
  setErrors,
  setPair,
  setProp,
  setProps,
  source,
  type State,
  takeUp,
} from "./decode.ts";
import { define, list } from "./own.ts";
import { IN_SET, type Key, shown, stepOf } from "./path.ts";
import { Refusal } from "./slots.ts";
import { MAX_QUOTED, oneLine } from "../display.ts";
import { DataCloneError, InternalError } from "../errors.ts";
import { now } from "../pool/event_loop.ts";

const { ARRAY, ARRAY_INT, ARRAY_F64, ARRAY_PROPS } = WIRE;
const { OBJECT, OBJECT_SHAPE, OBJECT_PAIRS, INSTANCE } = WIRE;
const { MAP, SET, BUFFER, BUFFER_RESIZABLE, VIEW, ERROR, SMALL_INT } = WIRE;

/**
 * Work that is attempted at once, and after which the clock is looked at: 0.02 to 0.2 ms. A unit is
 * what a byte of ordinary objects takes.
 */
const GRAIN = 1 << 14;
/** Bytes that are copied at a time: some 0.1 ms. */
const COPIED = 1 << 18;
/** So much that a {@link decode} seldom takes more: engines keep a number up to here in a word. */
const MUCH = 2 ** 29;

/** Instead of a value: it is too much to be read at once. */
export const LATER: typeof LEFT_OFF = LEFT_OFF;

/** What decodes at the moment. */
let grain = GRAIN;

/**
 * Reads one value.
 *
 * @param bytes The encoding, in any memory: everything is copied out of it.
 * @param lying What lies beside it.
 * @throws {InternalError} The encoding is malformed.
 * @throws {DataCloneError} The runtime can't have the value.
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
  const value = decodeSoon(bytes, lying, MUCH);
  if (value !== LATER) return value;
  return new Reading(bytes, lying, { grain: MUCH }).read(Infinity)!.value;
}

/** The units of work that {@link decodeSoon} took last. */
export let lastWork = 0;

/**
 * As {@link decode}, unless that takes more than `units` of work, or the value is deep, or the
 * runtime can't have it: then it gives {@link LATER}, for a {@link Reading} to begin anew.
 */
export function decodeSoon(
  bytes: Uint8Array,
  lying: Beside | undefined,
  units: number,
): unknown {
  const length = bytes.length;
  lastWork = length;
  if (length === 1 && bytes[0] >= SMALL_INT) return bytes[0] - SMALL_INT;
  begin(bytes, lying);
  try {
    allow(units);
    const first = limit;
    const value = read();
    lastWork = length + (first - limit);
    checkEnd();
    return value;
  } catch (error) {
    if (error === LEFT_OFF || isRefused(error)) return LATER; // a Reading begins anew
    throw error;
  } finally {
    reset();
  }
}

/** Where a walk is in its object. */
interface Place {
  key: Key | undefined;
  /** A Map's key, of whose value it is; or {@link IN_SET}. */
  mapKey?: unknown;
}

/**
 * The reading of one object. Yields the walk through an object in it, and is given that object; or
 * `undefined`, where it may be left for a while.
 */
interface Walk extends Generator<Walker | undefined, unknown, unknown> {}

interface Walker {
  readonly place: Place;
  readonly walk: Walk;
}

/** What may be said about a reading. */
export interface ReadingOptions {
  /** What paths begin with. */
  readonly root?: string;
  /** How much work is done at once; for tests. */
  readonly grain?: number;
}

/** Reads one value in slices, as {@link decode} does at once. */
export class Reading {
  #state: State | undefined;
  #walkers: Walker[] = list();
  readonly #root: string;
  readonly #grain: number;

  /** As {@link decode}. The memory is used until the end, or {@link drop}. */
  constructor(bytes: Uint8Array, lying?: Beside, options: ReadingOptions = {}) {
    this.#root = options.root ?? "it";
    this.#grain = options.grain ?? GRAIN;
    begin(bytes, lying);
    this.#state = putAway();
    const place = { key: undefined };
    this.#walkers[0] = { place, walk: walkAll() };
  }

  /**
   * Reads on, until the clock says `until` and something was read.
   *
   * @returns the value in an object, once it is there; {@link takeErrors} then has its errors
   * @throws {InternalError} The encoding is malformed.
   * @throws {DataCloneError} The runtime can't have the value.
   */
  read(until: number): { readonly value: unknown } | undefined {
    if (this.#state === undefined) throw new InternalError("this value was read already");
    takeUp(this.#state);
    grain = this.#grain;
    try {
      const value = this.#run(until);
      if (value === undefined) this.#state = putAway();
      else this.drop();
      return value;
    } catch (error) {
      const refused = isRefused(error) ? this.#refused(error) : error;
      this.drop();
      throw refused;
    } finally {
      reset();
      forget();
    }
  }

  /** Lets go of everything. */
  drop(): void {
    this.#state = undefined;
    this.#walkers = list();
  }

  #run(until: number): { readonly value: unknown } | undefined {
    const walkers = this.#walkers;
    let value: unknown;
    allow(grain);
    while (walkers.length > 0) {
      const step = walkers[walkers.length - 1].walk.next(value);
      value = undefined;
      if (step.done) {
        walkers.length--;
        value = step.value;
      } else if (step.value !== undefined) {
        walkers[walkers.length] = step.value;
      } else if (now() < until) {
        allow(grain);
      } else {
        return undefined;
      }
    }
    checkEnd();
    return { value };
  }

  /** What the host can't have, by its path. */
  #refused(refused: Refusal | RangeError): DataCloneError {
    let path = this.#root;
    for (let i = 0; i < this.#walkers.length; i++) {
      const { key, mapKey } = this.#walkers[i].place;
      if (key !== undefined) path += stepOf(key, mapKey);
    }
    const { what, advice, cause } = refused instanceof Refusal
      ? refused
      : new Refusal(`it: ${refused.message}`, "return it in parts", refused);
    // Keys are what the task chose.
    const error = new DataCloneError(
      `${oneLine(shown(path), MAX_QUOTED)}: this runtime can't have ${
        oneLine(what, MAX_QUOTED)
      }; ${advice}`,
      oneLine(path, MAX_QUOTED),
    );
    if (cause !== undefined) define(error, "cause", cause, false);
    return error;
  }
}

/** The walk through the next value, an object that was too much to be read at once. */
function open(): Walker {
  const place: Place = { key: undefined };
  return { place, walk: walk(place) };
}

function walk(place: Place): Walk {
  switch (source[at]) {
    case ARRAY:
      return walkArray(place);
    case ARRAY_INT:
    case ARRAY_F64:
      return walkNumbers();
    case ARRAY_PROPS:
    case OBJECT_PAIRS:
      return walkPairs(place);
    case OBJECT:
    case OBJECT_SHAPE:
      return walkObject(place);
    case INSTANCE:
      return walkInstance();
    case MAP:
      return walkMap(place);
    case SET:
      return walkSet(place);
    case BUFFER:
    case BUFFER_RESIZABLE:
      return walkBuffer();
    case VIEW:
      return walkView(place);
    case ERROR:
      return walkError(place);
    default:
      return malformed(`the tag ${source[at]} where an object must be`);
  }
}

function* walkAll(): Walk {
  const value = attempt(grain);
  return value === LEFT_OFF ? yield open() : value;
}

function* walkArray(place: Place): Walk {
  follow();
  readByte();
  const length = readLength(1);
  const array = openArray(length);
  for (let i = 0; i < length;) {
    i = readElements(array, i, length, place);
    if (i === length) break;
    if (at > limit) yield;
    else setElement(array, i++, yield open());
  }
  if (array.length < length) array.length = length; // it ends in holes
  return array;
}

/** Reads from the `i`th element on, until a pause is due or one is too much; says which is next. */
function readElements(array: unknown[], i: number, length: number, place: Place): number {
  while (i < length && at <= limit) {
    const next = attemptElements(array, i, grain, length);
    if (next > i) {
      i = next;
      continue;
    }
    place.key = i;
    const value = attempt(grain);
    if (value === LEFT_OFF) break;
    if (isHole(value)) leaveOut(array, i);
    else setElement(array, i, value);
    i++;
  }
  return i;
}

function* walkNumbers(): Walk {
  follow();
  const whole = readByte() === ARRAY_INT;
  const size = whole ? 4 : 8;
  const length = readN();
  align(size, length, size);
  const array = openNumbers(length);
  number(array);
  for (let i = 0; i < length;) {
    if (at > limit) yield;
    const to = Math.min(i + Math.max(Math.floor(grain / size), 1), length);
    if (whole) fillInts(array, i, to);
    else fillDoubles(array, i, to);
    i = to;
  }
  return array;
}

function* walkPairs(place: Place): Walk {
  follow();
  const isArray = readByte() === ARRAY_PROPS;
  const object = isArray ? openArrayProps() : openPairs();
  while (!atEnd()) {
    if (at > limit) yield;
    const key = readString();
    place.key = key;
    const attempted = present(attempt(grain));
    const value = attempted === LEFT_OFF ? yield open() : attempted;
    if (isArray) setProp(object as unknown[], key, value);
    else setPair(object as Record<string, unknown>, key, value);
  }
  return isArray ? object : closePairs(object);
}

function* walkObject(place: Place): Walk {
  follow();
  const shape = readByte() === OBJECT ? newShape() : knownShape();
  const object: Record<string, unknown> = {};
  number(object);
  const { keys } = shape;
  for (let i = 0; i < keys.length; i++) {
    if (at > limit) yield;
    const key = place.key = keys[i];
    const value = attempt(grain);
    shape.set(object, key, value === LEFT_OFF ? yield open() : value);
  }
  dropHoles(object, keys);
  return object;
}

function* walkInstance(): Walk {
  readByte();
  const prototype = readClass();
  if (at > limit) yield;
  return Object.setPrototypeOf(yield open(), prototype);
}

function* walkMap(place: Place): Walk {
  follow();
  readByte();
  const length = readLength(2);
  const map = openMap(length);
  const pace = paceOf(length);
  for (let i = 0; i < length; i++) {
    if (at > limit) yield;
    place.key = ~(2 * i);
    let key = present(attempt(grain));
    if (key === LEFT_OFF) key = yield open();
    place.key = ~(2 * i + 1);
    place.mapKey = key;
    const value = present(attempt(grain));
    map.set(key, value === LEFT_OFF ? yield open() : value);
    pace?.isDue(i);
  }
  return map;
}

function* walkSet(place: Place): Walk {
  follow();
  readByte();
  const length = readLength(1);
  const set = openSet(length);
  const pace = paceOf(length);
  place.mapKey = IN_SET;
  for (let i = 0; i < length; i++) {
    if (at > limit) yield;
    place.key = ~i;
    const value = present(attempt(grain));
    set.add(value === LEFT_OFF ? yield open() : value);
    pace?.isDue(i);
  }
  return set;
}

function* walkView(place: Place): Walk {
  follow();
  readByte();
  const kind = readByte();
  const n = objectCount;
  number(undefined); // before its buffer
  place.key = "buffer";
  let buffer = mayBeBuffer() ? attempt(grain) : undefined;
  if (buffer === LEFT_OFF) buffer = yield open();
  place.key = undefined;
  if (at > limit) yield;
  return readViewOf(buffer, kind, n);
}

function* walkBuffer(): Walk {
  follow();
  const isResizable = readByte() === BUFFER_RESIZABLE;
  const length = readN();
  const maxByteLength = isResizable ? readN() : length;
  align(8, length, 1);
  const buffer = isResizable ? newResizable(length, maxByteLength) : new ArrayBuffer(length);
  number(buffer);
  if (at > limit) yield;
  const bytes = new Uint8Array(buffer);
  for (let i = 0; i < length;) {
    if (at > limit) yield;
    const count = Math.min(COPIED, length - i);
    copyTo(bytes, i, count);
    i += count;
  }
  return buffer;
}

function* walkError(place: Place): Walk {
  follow();
  readByte();
  const [error, flags] = openError();
  if (at > limit) yield;
  if (flags & WIRE_ERROR_HAS.CAUSE) {
    place.key = "cause";
    const cause = present(attempt(grain));
    define(error, "cause", cause === LEFT_OFF ? yield open() : cause, false);
  }
  if (flags & WIRE_ERROR_HAS.ERRORS) {
    place.key = "errors";
    const errors = present(attempt(grain));
    setErrors(error, errors === LEFT_OFF ? yield open() : errors);
  }
  place.key = undefined;
  if (flags & WIRE_ERROR_HAS.PROPS) {
    checkProps();
    const p = objectCount;
    const props = attempt(grain);
    setProps(error, p, (props === LEFT_OFF ? yield open() : props) as Record<string, unknown>);
  }
  return error;
}
