/**
 * Structured clone between the host and bytes: the TypeScript half (csrc/clone.c is the other).
 *
 * Follows the HTML standard, section 2.7. The wire format, and which of its forms a value gets, is
 * told in csrc/clone.h; both halves write the same bytes for the same value.
 *
 * Encoding runs code of the caller (getters), and nothing else of it; what the standard reads from
 * internal slots is read from internal slots, whatever classes override. Keys, lengths and entries
 * are taken before the walk. Decoding runs no code but the engine's, and trusts nothing: each
 * length is checked against the bytes that are there before anything is made of it.
 *
 * What makes it fast:
 *   - Objects with the same keys share a shape. The encoder finds it by walking a trie, one
 *     comparison a key; the decoder recognises the bytes of the keys, and builds objects that come
 *     often with a constructor compiled for them (where `new Function` is forbidden: key by key).
 *   - Strings are copied by what is fastest for their length and width on each runtime.
 *   - Nothing is set up before it is needed: a number costs no allocation at all.
 *
 * Where it departs from structuredClone: more of errors crosses (own properties, `errors`, the
 * stack), a Buffer is a view of its own bytes only and not of the pool that it was cut from, and
 * of arrays with more than {@link LISTED} elements accessors are read more than once, and elements
 * that aren't enumerable copied.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { inspect, types } from "node:util";
import { WIRE, WIRE_ERROR, WIRE_ERROR_HAS, WIRE_VIEW } from "../ffi/symbols.ts";
import { DataCloneError, InternalError } from "./errors.ts";

// Engines know the value of a module's const, but look up each property of an imported object.
const { UNDEFINED, NULL, FALSE, TRUE, HOLE, INT, DOUBLE, BIGINT, STRING8, STRING16 } = WIRE;
const { ARRAY, ARRAY_INT, ARRAY_F64, ARRAY_PROPS } = WIRE;
const { OBJECT, OBJECT_SHAPE, OBJECT_PAIRS, END } = WIRE;
const { DATE, REGEXP, BOOLEAN_OBJECT, NUMBER_OBJECT, BIGINT_OBJECT, STRING_OBJECT } = WIRE;
const { MAP, SET, BUFFER, BUFFER_RESIZABLE, VIEW, ERROR, REFERENCE, SMALL_INT } = WIRE;

/** WIRE_MAX_DEPTH and WIRE_SHAPE_KEYS of csrc/clone.h. */
const MAX_DEPTH = 1000;
const SHAPE_KEYS = 64;

const MAX_LENGTH = 0xffffffff;

/** Arrays of up to this many elements have their keys listed; longer ones are looked over. */
const LISTED = 32;
const INDEX_NAMES = Array.from({ length: LISTED }, (_, i) => String(i));

/** Deno's Buffer writes strings in JavaScript: a loop of ours is faster. */
const NATIVE_WRITE = !("Deno" in globalThis);
/** Strings of up to this many units are copied in a loop. */
const SHORT = NATIVE_WRITE ? 16 : 64;
/** Strings from this many units on are first taken for ASCII, if they begin so. */
const LONG = NATIVE_WRITE ? 256 : 64;
const WIDE = /[^\0-\xff]/;
const ASCII_START = /^[\0-\x7f]{64}/;
const utf8 = new TextEncoder();

/** Methods of Node's Buffer that all three runtimes have, which work on any Uint8Array. */
interface StringMethods {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
  ucs2Slice(this: Uint8Array, start: number, end: number): string;
  hexSlice(this: Uint8Array, start: number, end: number): string;
  latin1Write(this: Uint8Array, text: string, start: number, length: number): number;
  ucs2Write(this: Uint8Array, text: string, start: number, length: number): number;
}
const { latin1Slice, ucs2Slice, hexSlice, latin1Write, ucs2Write } = Buffer
  .prototype as unknown as StringMethods;

// Internal slots are read with the realm's own accessors, taken while they are sure to be.
type Getter<T> = (this: unknown) => T;
const getter = <T>(of: object, key: PropertyKey): Getter<T> =>
  Object.getOwnPropertyDescriptor(of, key)!.get as Getter<T>;

const TypedArray = Object.getPrototypeOf(Uint8Array) as { readonly prototype: Uint8Array };
const viewName = getter<string | undefined>(TypedArray.prototype, Symbol.toStringTag);
const viewBuffer = getter<ArrayBufferLike>(TypedArray.prototype, "buffer");
const viewOffset = getter<number>(TypedArray.prototype, "byteOffset");
const viewByteLength = getter<number>(TypedArray.prototype, "byteLength");
const viewLength = getter<number>(TypedArray.prototype, "length");
const viewAt = TypedArray.prototype.at;
const dataViewBuffer = getter<ArrayBufferLike>(DataView.prototype, "buffer");
const dataViewOffset = getter<number>(DataView.prototype, "byteOffset");
const dataViewLength = getter<number>(DataView.prototype, "byteLength");
const bufferLength = getter<number>(ArrayBuffer.prototype, "byteLength");
const bufferMax = getter<number>(ArrayBuffer.prototype, "maxByteLength");
const bufferResizable = getter<boolean>(ArrayBuffer.prototype, "resizable");
const bufferDetached = getter<boolean>(ArrayBuffer.prototype, "detached");
const bufferResize = ArrayBuffer.prototype.resize;
const bufferSlice = ArrayBuffer.prototype.slice;
const dateTime = Date.prototype.getTime;
const regexpSource = getter<string>(RegExp.prototype, "source");
const regexpFlags = ([
  ["d", "hasIndices"],
  ["g", "global"],
  ["i", "ignoreCase"],
  ["m", "multiline"],
  ["s", "dotAll"],
  ["u", "unicode"],
  ["v", "unicodeSets"],
  ["y", "sticky"],
] as const).map(([flag, key]) => [flag, getter<boolean>(RegExp.prototype, key)] as const);
const booleanValue = Boolean.prototype.valueOf;
const numberValue = Number.prototype.valueOf;
const bigintValue = BigInt.prototype.valueOf;
const stringValue = String.prototype.valueOf;
const mapForEach = Map.prototype.forEach;
const setForEach = Set.prototype.forEach;
const domExceptionName = getter<string>(DOMException.prototype, "name");
const domExceptionMessage = getter<string>(DOMException.prototype, "message");

/** The classes of errors on the wire, by their number; the last is made in a way of its own. */
const ERROR_CLASSES = [
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
  AggregateError,
] as const;
const ERROR_NUMBERS: ReadonlyMap<unknown, number> = new Map(
  ERROR_CLASSES.map((constructor, number) => [constructor.name, number]),
);

type ViewClass = {
  new (buffer: ArrayBuffer, offset: number, length?: number): ArrayBufferView;
  readonly BYTES_PER_ELEMENT?: number;
};
/** The classes of views, by their number; `undefined` where the platform has none. */
const VIEW_CLASSES = Object.keys(WIRE_VIEW).map((name) =>
  (globalThis as unknown as Record<string, ViewClass | undefined>)[name]
);

// ---- What an object is ----

const PLAIN = 0;
const UNKNOWN = 1; // the prototype says nothing: look at internal slots
const A_MAP = 2;
const A_SET = 3;
const A_DATE = 4;
const A_REGEXP = 5;
const A_BOXED = 6;
const A_BUFFER = 7;
const A_VIEW = 8;
const AN_ERROR = 9;
const A_DOM_EXCEPTION = 10;

/** Why something can't be cloned: "what can't be cloned; what to do". */
class Refusal {
  readonly what: string;
  readonly advice: string;

  constructor(what: string, advice = "pass the data that it holds instead") {
    this.what = what;
    this.advice = advice;
  }
}

const A_PROMISE = new Refusal("a Promise", "await it first");
const A_PROXY = new Refusal("a Proxy", "pass a copy of what it stands for");
const A_WEAK_MAP = new Refusal("a WeakMap", "its entries can't be listed: pass a Map");
const A_WEAK_SET = new Refusal("a WeakSet", "its values can't be listed: pass a Set");
const A_WEAK_REF = new Refusal("a WeakRef", "pass what deref() gives");
const A_GENERATOR = new Refusal("a generator", "pass its values: [...it]");
const A_NAMESPACE = new Refusal("a module's namespace", "pass the values that it exports");
const A_SHARED_BUFFER = new Refusal(
  "a SharedArrayBuffer",
  "memory can't be shared with a task yet: pass a copy of it",
);
const DETACHED = new Refusal("a detached ArrayBuffer", "it was transferred away: pass a copy");
const OUT_OF_BOUNDS = new Refusal("a view that lies outside its buffer", "the buffer was shrunk");
const A_SYMBOL_OBJECT = new Refusal("a boxed symbol", "pass its description, a string");
const TOO_DEEP = new Refusal(`objects nested more than ${MAX_DEPTH} deep`, "pass a flat list");
const TOO_LARGE = new Refusal("more than 4 GB", "pass it in parts");

type Kind = number | Refusal;

/** What objects with these prototypes are likely to be. */
const kinds = new WeakMap<object, Kind>([
  [Object.prototype, PLAIN],
  [Map.prototype, A_MAP],
  [Set.prototype, A_SET],
  [Date.prototype, A_DATE],
  [RegExp.prototype, A_REGEXP],
  [Boolean.prototype, A_BOXED],
  [Number.prototype, A_BOXED],
  [BigInt.prototype, A_BOXED],
  [String.prototype, A_BOXED],
  [Symbol.prototype, A_SYMBOL_OBJECT],
  [ArrayBuffer.prototype, A_BUFFER],
  [TypedArray.prototype, A_VIEW],
  [DataView.prototype, A_VIEW],
  [Error.prototype, AN_ERROR],
  [DOMException.prototype, A_DOM_EXCEPTION],
  [Promise.prototype, A_PROMISE],
  [WeakMap.prototype, A_WEAK_MAP],
  [WeakSet.prototype, A_WEAK_SET],
  [WeakRef.prototype, A_WEAK_REF],
  [Object.getPrototypeOf(function* () {}).prototype, A_GENERATOR],
  [Object.getPrototypeOf(async function* () {}).prototype, A_GENERATOR],
]);
if (typeof SharedArrayBuffer === "function") {
  kinds.set(SharedArrayBuffer.prototype, A_SHARED_BUFFER);
}
const IteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf([].values())) as object;

/**
 * What an object with this prototype is likely to be, from the nearest prototype that is known. A
 * class of the program's own is plain. A prototype of another realm says nothing.
 */
function kindOf(prototype: object): Kind {
  let kind: Kind | undefined = kinds.get(prototype);
  if (kind !== undefined) return kind;
  kind = platformClass(prototype);
  if (kind === undefined) {
    const next = Object.getPrototypeOf(prototype) as object | null;
    kind = next === null ? UNKNOWN : kindOf(next);
  }
  kinds.set(prototype, kind);
  return kind;
}

/** A prototype of the platform's own (URL, Blob, Intl.NumberFormat, a Map's iterator, …). */
function platformClass(prototype: object): Refusal | undefined {
  const tag: unknown = Object.getOwnPropertyDescriptor(prototype, Symbol.toStringTag)?.value;
  if (typeof tag !== "string") return undefined;
  const article = /^[aeio]/i.test(tag) ? "an" : "a";
  if (
    tag.includes("Iterator") && Object.prototype.isPrototypeOf.call(IteratorPrototype, prototype)
  ) {
    return new Refusal(`${article} ${tag}`, "pass its values: [...it]");
  }
  let found: unknown = globalThis;
  for (const part of tag.split(".")) {
    const isObject = typeof found === "object" || typeof found === "function";
    if (!isObject || found === null) return undefined;
    const property = Object.getOwnPropertyDescriptor(found, part);
    found = property?.get ? property.get.call(found) : property?.value;
  }
  const isClass = typeof found === "function" && found.prototype === prototype;
  return isClass ? new Refusal(`${article} ${tag}`) : undefined;
}

/** What an object is, by its internal slots alone. */
function kindBySlots(value: object): Kind {
  if (types.isNativeError(value)) return AN_ERROR;
  if (types.isMap(value)) return A_MAP;
  if (types.isSet(value)) return A_SET;
  if (types.isDate(value)) return A_DATE;
  if (types.isRegExp(value)) return A_REGEXP;
  if (types.isSymbolObject(value)) return A_SYMBOL_OBJECT;
  if (types.isBoxedPrimitive(value)) return A_BOXED;
  if (types.isArrayBuffer(value)) return A_BUFFER;
  if (types.isSharedArrayBuffer(value)) return A_SHARED_BUFFER;
  if (ArrayBuffer.isView(value)) return A_VIEW;
  if (types.isPromise(value)) return A_PROMISE;
  if (types.isWeakMap(value)) return A_WEAK_MAP;
  if (types.isWeakSet(value)) return A_WEAK_SET;
  if (types.isGeneratorObject(value)) return A_GENERATOR;
  if (types.isModuleNamespaceObject(value)) return A_NAMESPACE;
  return PLAIN;
}

function isDomException(value: object): boolean {
  try {
    return typeof domExceptionName.call(value) === "string";
  } catch {
    return false;
  }
}

// ---- Encoding ----

/** Objects of a shape until code is compiled for it. */
const COMPILED_FROM = 24;

/** Whether code may be made of text; found out when it is first wanted. */
let mayCompile = true;

/** A function made by `code` of some values; `undefined` where that is forbidden. */
function compile<T>(names: string[], code: string, ...values: unknown[]): T | undefined {
  try {
    return new Function(...names, code)(...values) as T;
  } catch {
    mayCompile = false; // by a Content-Security-Policy or a flag of the runtime
    return undefined;
  }
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
    if (!mayCompile || keys.includes("__proto__")) return;
    const names = keys.map((key) => JSON.stringify(key));
    const puts = names.map((name) => `put(o[${name}], ${name}, o);`);
    this.write = compile(["put"], `return (o) => { ${puts.join(" ")} };`, put);
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

/**
 * A key of an object, an index of an array, or the position in the list of a Map's or Set's values,
 * as ~position. What paths are made of when they are needed.
 */
type Key = string | number;

type Put = (value: unknown, key: Key, holder: object) => void;

const FIRST_CAPACITY = 4096;
/** Of shapes that are kept from one encoding to the next: nodes, and units of their keys. */
const KEPT_SHAPES = 4096;
const KEPT_UNITS = 65536;
/** Objects up to this many are looked for one by one; then a Map is made. */
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

  // The objects that have numbers: the first few in a list, all of them in a Map once they are more.
  #objects: object[] = [];
  #numbers: Map<object, number> | undefined;
  #count = 0;

  #shapes = new Shape();
  #shapeCount = 0;
  #epoch = 0;
  #kept = 0;
  #keptUnits = 0;
  readonly #put: Put = (value, key, holder) => this.#value(value, key, holder);
  readonly #made = (key: string): void => {
    this.#kept++;
    this.#keptUnits += key.length;
  };

  // Where the walk is, for paths: the keys that led into each open object, and a Map's list.
  #root = "";
  #depth = 0;
  readonly #keys: Key[] = [];
  readonly #lists: (unknown[] | undefined)[] = [];

  constructor() {
    this.#allocate(FIRST_CAPACITY);
  }

  /**
   * Begins a new encoding.
   *
   * @param headerBytes How many bytes to leave free in front, for {@link header}: a multiple of 8.
   */
  begin(headerBytes: number): void {
    if (headerBytes % 8 !== 0) throw new RangeError("a header must be a multiple of 8 bytes");
    this.#forget();
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
    this.#shapeCount = 0;
    this.#at = 0;
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
    this.#root = root;
    this.#depth = 0;
    try {
      this.#value(value, 0, null);
    } catch (error) {
      this.#forget();
      throw error;
    }
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
    if (needed > MAX_LENGTH) this.#refuse(0, TOO_LARGE);
    const written = this.#bytes.subarray(0, this.#at);
    this.#allocate(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.set(written);
  }

  /** Lets go of the caller's objects. */
  #forget(): void {
    if (this.#count > 0) {
      this.#objects.fill(undefined as never);
      this.#numbers = undefined;
      this.#count = 0;
    }
    if (this.#lists.length > 0) this.#lists.length = 0;
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
   * Any value; `key` led to it. If it was read from a `holder`, the key may be gone since, and
   * something inherited stand in for it: a HOLE then. (Only what people's prototypes hold is looked
   * at twice: nothing, and functions.)
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
    if (length >= LONG && ASCII_START.test(text)) {
      this.#tagN(STRING8, length);
      this.#reserve(length);
      const at = this.#at;
      const { read, written } = utf8.encodeInto(text, this.#bytes.subarray(at, at + length));
      if (read === length && written === length) {
        this.#at += length;
        return;
      }
      this.#at = start;
    }
    if (WIDE.test(text)) return this.#wideString(text);
    this.#tagN(STRING8, length);
    this.#reserve(length);
    if (NATIVE_WRITE) latin1Write.call(this.#bytes, text, this.#at, length);
    else this.#narrow(text, this.#at);
    this.#at += length;
  }

  #wideString(text: string): void {
    const length = text.length;
    this.#tagN(STRING16, length);
    this.#reserve(1 + 2 * length);
    this.#pad(2);
    if (NATIVE_WRITE && length > SHORT) {
      ucs2Write.call(this.#bytes, text, this.#at, 2 * length);
    } else {
      const units = this.#units;
      for (let i = 0, at = this.#at / 2; i < length; i++) units[at++] = text.charCodeAt(i);
    }
    this.#at += 2 * length;
  }

  // -- Objects --

  /** Numbers an object; true if it had a number, which is written. */
  #reference(value: object): boolean {
    let number: number | undefined;
    if (this.#numbers !== undefined) {
      number = this.#numbers.get(value);
      if (number === undefined) this.#numbers.set(value, this.#count);
    } else {
      for (let i = 0; i < this.#count; i++) {
        if (this.#objects[i] === value) {
          number = i;
          break;
        }
      }
      if (number === undefined) {
        if (this.#count < FEW) {
          this.#objects[this.#count] = value;
        } else {
          this.#numbers = new Map();
          for (let i = 0; i < FEW; i++) this.#numbers.set(this.#objects[i], i);
          this.#numbers.set(value, this.#count);
        }
      }
    }
    if (number === undefined) {
      this.#count++;
      return false;
    }
    this.#tagN(REFERENCE, number);
    return true;
  }

  #object(value: object, key: Key): void {
    if (this.#reference(value)) return;
    if (types.isProxy(value)) this.#refuse(key, A_PROXY);
    if (Array.isArray(value)) {
      this.#enter(key);
      this.#array(value);
      this.#depth--;
      return;
    }
    const prototype = Object.getPrototypeOf(value) as object | null;
    let kind: Kind = prototype === Object.prototype
      ? PLAIN
      : prototype === null
      ? UNKNOWN
      : kindOf(prototype);
    if (kind !== PLAIN) {
      if (kind === UNKNOWN || !this.#isOf(kind, value)) kind = kindBySlots(value);
      if (kind instanceof Refusal) this.#refuse(key, kind);
    }
    this.#enter(key);
    switch (kind) {
      case PLAIN:
        this.#plain(value as Record<string, unknown>);
        break;
      case A_MAP:
        this.#map(value as Map<unknown, unknown>);
        break;
      case A_SET:
        this.#set(value as Set<unknown>);
        break;
      case A_DATE:
        this.#tag(DATE);
        this.#f64(dateTime.call(value as Date));
        break;
      case A_REGEXP:
        this.#regexp(value as RegExp);
        break;
      case A_BOXED:
        this.#boxed(value);
        break;
      case A_BUFFER:
        this.#buffer(value as ArrayBuffer);
        break;
      case A_VIEW:
        this.#typedView(value as ArrayBufferView);
        break;
      default:
        this.#error(value as Error, kind === A_DOM_EXCEPTION);
    }
    this.#depth--;
  }

  /** Whether the prototype spoke the truth. */
  #isOf(kind: Kind, value: object): boolean {
    switch (kind) {
      case A_MAP:
        return types.isMap(value);
      case A_SET:
        return types.isSet(value);
      case A_DATE:
        return types.isDate(value);
      case A_VIEW:
        return ArrayBuffer.isView(value);
      case A_DOM_EXCEPTION:
        return isDomException(value);
      case A_REGEXP:
      case A_BOXED:
      case A_BUFFER:
      case AN_ERROR:
        return kindBySlots(value) === kind;
      default:
        return true; // a refusal
    }
  }

  /** Opens the object that `key` led to. */
  #enter(key: Key): void {
    if (this.#depth >= MAX_DEPTH) this.#refuse(key, TOO_DEEP);
    this.#keys[this.#depth++] = key;
  }

  #plain(object: Record<string, unknown>): void {
    const keys = Object.keys(object);
    if (keys.length > SHAPE_KEYS) return this.#pairs(OBJECT_PAIRS, object, keys);
    const shape = this.#shapeOf(keys);
    if (shape.write !== undefined) return shape.write(object);
    if (++shape.uses >= COMPILED_FROM) shape.compile(keys, this.#put);
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
    shape.number = this.#shapeCount++;
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

  #pairs(tag: number, object: object, keys: readonly string[]): void {
    this.#tag(tag);
    if (tag === ARRAY_PROPS) this.#n((object as unknown[]).length);
    for (const key of keys) {
      if (!Object.hasOwn(object, key)) continue;
      this.#string(key);
      this.#value(
        (object as Record<string, unknown>)[key],
        tag === ARRAY_PROPS && isIndex(key) ? Number(key) : key,
        null,
      );
    }
    this.#tag(END);
  }

  #array(array: unknown[]): void {
    const length = array.length;
    if (length <= LISTED) {
      if (isListed(array)) return this.#elements(array, length);
    } else if (hasOnlyIndices(array)) {
      const holes = countHoles(array);
      if (holes !== undefined && 2 * holes <= length) return this.#elements(array, length);
    }

    // The indices come first among the keys, in their order.
    const keys = Object.keys(array);
    let present = keys.length;
    while (present > 0 && !isIndex(keys[present - 1])) present--;
    if (present < keys.length || 2 * present < length) return this.#pairs(ARRAY_PROPS, array, keys);
    this.#tagN(ARRAY, length);
    for (let i = 0, k = 0; i < length; i++) {
      if (k < present && Number(keys[k]) === i) {
        k++;
        if (Object.hasOwn(array, i)) {
          this.#value(array[i], i, null);
          continue;
        }
      }
      this.#tag(HOLE);
    }
  }

  /**
   * An array without other keys than indices, which may have holes. It is taken for numbers as long
   * as it goes well.
   */
  #elements(array: readonly unknown[], length: number): void {
    let i = 0;
    let value: unknown = length === 0 ? undefined : array[0];
    if (typeof value !== "number") {
      this.#tagN(ARRAY, length);
    } else {
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
          return;
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
          return;
        }
        value = array[i];
      }

      // Nor all numbers.
      const numbers = doubles.slice(doublesAt, doublesAt + i);
      this.#at = start;
      this.#tagN(ARRAY, length);
      for (let k = 0; k < i; k++) this.#number(numbers[k]);
    }
    for (; i < length; value = array[++i]) {
      this.#value(value, i, array);
    }
  }

  #map(map: Map<unknown, unknown>): void {
    const list: unknown[] = [];
    mapForEach.call(map, (value, key) => void list.push(key, value));
    this.#tagN(MAP, list.length / 2);
    this.#lists[this.#depth] = list;
    for (let i = 0; i < list.length; i++) this.#value(list[i], ~i, null);
  }

  #set(set: Set<unknown>): void {
    const list: unknown[] = [];
    setForEach.call(set, (value) => void list.push(value));
    this.#tagN(SET, list.length);
    this.#lists[this.#depth] = undefined;
    for (let i = 0; i < list.length; i++) this.#value(list[i], ~i, null);
  }

  #regexp(regexp: RegExp): void {
    this.#tag(REGEXP);
    this.#string(regexpSource.call(regexp));
    let flags = "";
    for (const [flag, isSet] of regexpFlags) if (isSet.call(regexp)) flags += flag;
    this.#string(flags);
  }

  #boxed(object: object): void {
    if (types.isStringObject(object)) {
      this.#tag(STRING_OBJECT);
      this.#string(stringValue.call(object));
    } else if (types.isNumberObject(object)) {
      this.#tag(NUMBER_OBJECT);
      this.#f64(numberValue.call(object));
    } else if (types.isBooleanObject(object)) {
      this.#tag(BOOLEAN_OBJECT);
      this.#tag(booleanValue.call(object) ? 1 : 0);
    } else {
      this.#tag(BIGINT_OBJECT);
      this.#bigint(bigintValue.call(object as unknown as bigint));
    }
  }

  /** A buffer that was numbered. */
  #buffer(buffer: ArrayBuffer): void {
    if (bufferDetached.call(buffer)) this.#refuseThis(DETACHED);
    const length = bufferLength.call(buffer);
    const resizable = bufferResizable.call(buffer);
    const max = resizable ? bufferMax.call(buffer) : length;
    if (max > MAX_LENGTH) this.#refuseThis(TOO_LARGE);
    this.#tagN(resizable ? BUFFER_RESIZABLE : BUFFER, length);
    if (resizable) this.#n(max);
    this.#reserve(length + 7);
    this.#pad(8);
    if (length > 0) this.#raw(new Uint8Array(buffer, 0, length));
  }

  #typedView(view: ArrayBufferView): void {
    const name = viewName.call(view);
    const isDataView = name === undefined;
    const kind = WIRE_VIEW[(name ?? "DataView") as keyof typeof WIRE_VIEW];
    const buffer = (isDataView ? dataViewBuffer : viewBuffer).call(view) as ArrayBuffer;
    if (types.isSharedArrayBuffer(buffer)) return this.#refuseThis(A_SHARED_BUFFER);
    if (bufferDetached.call(buffer)) return this.#refuseThis(DETACHED);
    let offset: number;
    let length: number; // of a DataView in bytes
    try {
      if (!isDataView && bufferResizable.call(buffer)) viewAt.call(view, 0); // throws if outside
      offset = (isDataView ? dataViewOffset : viewOffset).call(view);
      length = (isDataView ? dataViewLength : viewLength).call(view);
    } catch {
      return this.#refuseThis(OUT_OF_BOUNDS);
    }
    this.#tag(VIEW);
    this.#tag(kind);
    if (isPart(view, buffer)) {
      // The rest of it may be of other Buffers, which are no business of the task's.
      this.#count++; // the number of a buffer that nobody else has
      this.#tagN(BUFFER, length);
      this.#reserve(length + 7);
      this.#pad(8);
      this.#raw(view as Uint8Array);
      offset = 0;
    } else {
      this.#value(buffer, "buffer", null);
    }
    const tracks = bufferResizable.call(buffer) && tracksLength(view, buffer, isDataView);
    this.#n(offset);
    this.#tag(tracks ? 1 : 0);
    this.#n(tracks ? 0 : length);
  }

  #error(error: Error, isDomException: boolean): void {
    let kind: number;
    let flags = 0;
    let message = "";
    const name: unknown = isDomException ? domExceptionName.call(error) : error.name;
    if (isDomException) {
      kind = WIRE_ERROR.DOMException;
      if (name !== "DOMException") flags |= WIRE_ERROR_HAS.NAME;
      flags |= WIRE_ERROR_HAS.MESSAGE;
      message = domExceptionMessage.call(error);
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
    const stack: unknown = error.stack;
    if (typeof stack === "string") flags |= WIRE_ERROR_HAS.STACK;
    const cause = Object.getOwnPropertyDescriptor(error, "cause");
    if (cause !== undefined && "value" in cause) flags |= WIRE_ERROR_HAS.CAUSE;
    let errors: unknown;
    if (kind === WIRE_ERROR.AggregateError) {
      errors = Object.getOwnPropertyDescriptor(error, "errors")?.value;
      if (Array.isArray(errors)) flags |= WIRE_ERROR_HAS.ERRORS;
    }
    const keys = Object.keys(error).filter((key) =>
      key !== "name" && key !== "message" && key !== "stack" &&
      !(key === "cause" && flags & WIRE_ERROR_HAS.CAUSE) &&
      !(key === "errors" && flags & WIRE_ERROR_HAS.ERRORS)
    );
    if (keys.length > 0) flags |= WIRE_ERROR_HAS.PROPS;

    this.#tag(ERROR);
    this.#tag(kind);
    this.#tag(flags);
    if (flags & WIRE_ERROR_HAS.NAME) this.#string(name as string);
    if (flags & WIRE_ERROR_HAS.MESSAGE) this.#string(message);
    if (flags & WIRE_ERROR_HAS.STACK) this.#string(stack as string);
    if (flags & WIRE_ERROR_HAS.CAUSE) this.#value(cause!.value, "cause", null);
    if (flags & WIRE_ERROR_HAS.ERRORS) this.#value(errors, "errors", null);
    if (flags & WIRE_ERROR_HAS.PROPS) this.#errorProps(error, keys);
  }

  #errorProps(error: object, keys: readonly string[]): void {
    this.#count++; // of an object that nobody else has
    if (keys.length > SHAPE_KEYS) return this.#pairs(OBJECT_PAIRS, error, keys);
    this.#shapeOf(keys);
    for (const key of keys) {
      if (Object.hasOwn(error, key)) this.#value((error as never)[key], key, null);
      else this.#tag(HOLE);
    }
  }

  // -- Failures --

  /** Refuses the object that is open. */
  #refuseThis(refusal: Refusal): never {
    this.#depth--;
    return this.#refuse(this.#keys[this.#depth], refusal);
  }

  /** Refuses what `key` led to from the object that is open. */
  #refuse(key: Key, { what, advice }: Refusal): never {
    let path = this.#root;
    if (this.#depth > 0) {
      for (let i = 1; i < this.#depth; i++) path += this.#step(i, this.#keys[i]);
      path += this.#step(this.#depth, key);
    }
    const shown = path.length > 200 ? `${path.slice(0, 80)} … ${path.slice(-80)}` : path;
    throw new DataCloneError(`${shown}: ${what} can't be cloned; ${advice}`, path);
  }

  /** A part of a path, written as clone.c writes it. */
  #step(depth: number, key: Key): string {
    if (typeof key === "string") {
      return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
    }
    if (key >= 0) return `[${key}]`;
    const list = this.#lists[depth];
    const position = ~key;
    if (list === undefined) return `[Set value ${position}]`;
    if (position % 2 === 0) return `[Map key ${position / 2}]`;
    const mapKey = list[position - 1];
    return typeof mapKey === "string"
      ? `.get(${JSON.stringify(mapKey)})`
      : `[Map value ${(position - 1) / 2}]`;
  }
}

// ---- Encoding: what to look at ----

function describeFunction(fn: object): Refusal {
  const name: unknown = Object.getOwnPropertyDescriptor(fn, "name")?.value;
  const named = typeof name === "string" && name !== "" ? ` (\`${name.slice(0, 64)}\`)` : "";
  return new Refusal(`a function${named}`, "pass data, and put the code into the task");
}

/** Whether a key is an array's index, written as the language writes it. */
function isIndex(key: string): boolean {
  const number = Number(key) >>> 0;
  return number !== MAX_LENGTH && String(number) === key;
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

/** Whether a view is a Buffer, which mostly are cut from a buffer common to many. */
function isPart(view: ArrayBufferView, buffer: ArrayBuffer): boolean {
  return Object.getPrototypeOf(view) === Buffer.prototype &&
    viewByteLength.call(view) < bufferLength.call(buffer);
}

/**
 * Whether a view of a resizable buffer grows and shrinks with it. Nothing tells but to try: if the
 * view ends where the buffer does, the buffer is resized by an element and back at once.
 */
function tracksLength(view: ArrayBufferView, buffer: ArrayBuffer, isDataView: boolean): boolean {
  const byteLength = isDataView ? dataViewLength : viewByteLength;
  const size = isDataView ? 1 : (view as Uint8Array).BYTES_PER_ELEMENT;
  const offset = (isDataView ? dataViewOffset : viewOffset).call(view);
  const before = byteLength.call(view);
  const length = bufferLength.call(buffer);
  const rest = length - offset;
  if (before !== rest - rest % size) return false;
  if (length + size <= bufferMax.call(buffer)) {
    bufferResize.call(buffer, length + size);
    const tracks = byteLength.call(view) !== before;
    bufferResize.call(buffer, length);
    return tracks;
  }
  if (rest < size) return true; // of fixed length 0 at the end of a full buffer: as good
  const last = new Uint8Array(buffer, length - size, size).slice();
  bufferResize.call(buffer, length - size);
  let tracks = true;
  try { // a view of fixed length lies outside now
    if (isDataView) dataViewLength.call(view);
    else viewAt.call(view, 0);
  } catch {
    tracks = false;
  }
  bufferResize.call(buffer, length);
  new Uint8Array(buffer, length - size, size).set(last);
  return tracks;
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

// ---- Decoding ----
//
// What is being decoded lies in variables of the module: nothing that runs meanwhile decodes in its
// turn. The memory need not be ours, so all is copied out of it.

let memory: ArrayBufferLike = new ArrayBuffer(0);
/** All of `memory`; positions count from its start. */
let source: Uint8Array = new Uint8Array(memory);
let view: DataView = new DataView(memory);
/** Where the encoding begins; padding counts from here. */
let start = 0;
let at = 0;
let end = 0;
let depth = 0;
/** HOLEs that were read for a key's value, whose keys are not yet dropped. */
let holes = 0;
let objects: unknown[] = [];
let objectCount = 0;
const shapes: BuiltShape[] = [];
let shapeCount = 0;

/**
 * Of many short strings each would cost more to fetch than to copy: from the {@link MANY}th on they
 * are cut from a piece of the encoding that was fetched as one. V8 copies strings of up to
 * {@link CUT} units when it cuts them; longer ones would keep the piece alive.
 */
const MANY = 8;
const CUT = 12;
const PIECE = 1024;
let strings = 0;
let piece = "";
let pieceFrom = 0;
let pieceTo = 0;

/** Stands in for a HOLE. */
const NOTHING = Symbol("nothing");

/** Memory up to this size may be held from one decoding to the next. */
const HELD = 1 << 20;
/** Room that is made for an array before its elements are seen. */
const FORESIGHT = 4096;

/**
 * Reads one value.
 *
 * @param bytes The encoding, in any memory: everything is copied out of it.
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
export function decode(bytes: Uint8Array): unknown {
  const length = bytes.length;
  if (length === 1 && bytes[0] >= SMALL_INT) return bytes[0] - SMALL_INT;
  if (memory !== bytes.buffer) {
    memory = bytes.buffer;
    source = new Uint8Array(memory);
    view = new DataView(memory);
  }
  start = at = bytes.byteOffset;
  end = start + length;
  try {
    const value = read();
    if (holes !== 0) malformed("a hole where there is no key");
    if (at !== end) malformed("bytes are left over");
    return value;
  } catch (error) {
    depth = holes = 0;
    throw error;
  } finally {
    if (objectCount <= FEW) objects.fill(undefined, 0, objectCount);
    else objects = [];
    objectCount =
      shapeCount =
      strings =
      pieceTo =
        0;
    piece = "";
    if (memory.byteLength > HELD) {
      memory = new ArrayBuffer(0);
      source = new Uint8Array(memory);
      view = new DataView(memory);
    }
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
    case OBJECT_SHAPE: {
      const n = readN();
      if (n >= shapeCount) malformed(`shape ${n} of ${shapeCount}`);
      return shapes[n].read();
    }
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
    case OBJECT: {
      const shape = readShape();
      shapes[shapeCount++] = shape;
      return shape.read();
    }
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
  const array = new Array<number>(length);
  for (let i = 0; i < length; i++, at += 4) array[i] = view.getInt32(at, true);
  number(array);
  return array;
}

function readDoubles(): number[] {
  const length = readN();
  align(8, length, 8);
  const array = new Array<number>(length);
  for (let i = 0; i < length; i++, at += 8) array[i] = view.getFloat64(at, true);
  number(array);
  return array;
}

function readArrayProps(): unknown[] {
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
  while (!atEnd()) {
    const key = readString();
    if (key === "length") malformed("the length of an array");
    const value = readValue();
    if (isIndex(key)) {
      if (Number(key) >= length) malformed("an element beyond its array");
      array[Number(key)] = value;
    } else {
      define(array, key, value);
    }
  }
  depth--;
  return array;
}

function readPairs(): object {
  // Without a prototype no key means anything special.
  const object = Object.create(null) as Record<string, unknown>;
  number(object);
  enter();
  while (!atEnd()) {
    const key = readString();
    object[key] = readValue();
  }
  depth--;
  return Object.setPrototypeOf(object, Object.prototype) as object;
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
  Object.defineProperty(object, key, { value, writable: true, enumerable, configurable: true });
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
    buffer = bufferSlice.call(memory, at, at + length);
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
  let buffer: ArrayBuffer;
  try {
    buffer = new ArrayBuffer(length, { maxByteLength });
  } catch (cause) {
    return malformed(`a buffer of ${length} that may grow to ${maxByteLength} bytes`, cause);
  }
  new Uint8Array(buffer).set(source.subarray(at, at + length));
  at += length;
  number(buffer);
  return buffer;
}

function readView(): ArrayBufferView {
  const kind = readByte();
  const n = objectCount;
  number(undefined); // before its buffer
  const tag = source[at];
  const mayBeBuffer = tag === BUFFER || tag === BUFFER_RESIZABLE || tag === REFERENCE;
  const buffer = mayBeBuffer && at < end ? read() : undefined;
  if (!types.isArrayBuffer(buffer)) return malformed("a view of what is no buffer");
  const offset = readN();
  const tracks = readByte();
  const length = readN();
  if (tracks > 1 || (tracks === 1 && (length !== 0 || !bufferResizable.call(buffer)))) {
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
  if (kind > WIRE_ERROR.DOMException || flags > 63) malformed(`an error ${kind} with ${flags}`);
  const name = flags & WIRE_ERROR_HAS.NAME ? readString() : undefined;
  const message = flags & WIRE_ERROR_HAS.MESSAGE ? readString() : undefined;
  const stack = flags & WIRE_ERROR_HAS.STACK ? readString() : undefined;
  const error = makeError(kind, name, message);
  objects[n] = error;
  define(error, "stack", stack, false);
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
    const props = read() as Record<string, unknown>;
    for (const key of Object.keys(props)) define(error, key, props[key]);
  }
  depth--;
  return error;
}

/** An error without the engine's own stack, which would show this file. */
function makeError(kind: number, name: string | undefined, message: string | undefined): Error {
  const { stackTraceLimit } = Error;
  Reflect.set(Error, "stackTraceLimit", 0); // fails quietly where Error is frozen
  try {
    if (kind === WIRE_ERROR.DOMException) {
      return new DOMException(message ?? "", name ?? "DOMException");
    }
    const error = kind === WIRE_ERROR.AggregateError
      ? new AggregateError([])
      : new (ERROR_CLASSES[kind] as ErrorConstructor)();
    if (kind === WIRE_ERROR.AggregateError) Reflect.deleteProperty(error, "errors");
    if (name !== undefined) define(error, "name", name, false);
    if (message !== undefined) define(error, "message", message, false);
    return error;
  } finally {
    Reflect.set(Error, "stackTraceLimit", stackTraceLimit);
  }
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
    if (++this.#uses === COMPILED_FROM && mayCompile && this.keys.length <= SHAPE_KEYS) {
      this.#compiled = this.#compile();
      if (this.#compiled !== undefined) return this.#compiled();
    }
    const object: Record<string, unknown> = {};
    number(object);
    enter();
    for (const key of this.keys) {
      const value = read();
      if (this.#plain) object[key] = value;
      else define(object, key, value);
    }
    return this.leave(object);
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
