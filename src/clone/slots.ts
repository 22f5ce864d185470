/**
 * Recognises objects and reads their internal slots, whatever their classes override, without
 * running their code.
 *
 * Most objects are known by their prototype, from a table. Internal slots are asked only to confirm
 * that, or when the prototype says nothing (there is none, or it is another realm's).
 *
 * @module
 */
import process from "node:process";
import { types } from "node:util";
import { list } from "./own.ts";

/** What an object is. "unknown": the prototype says nothing. */
export type Kind =
  | "plain"
  | "unknown"
  | "map"
  | "set"
  | "date"
  | "regexp"
  | "boxed"
  | "buffer"
  | "shared"
  | "view"
  | "error"
  | "DOMException";

/** Why something can't be cloned: "`what` can't be cloned; `advice`". */
export class Refusal {
  readonly what: string;
  readonly advice: string;
  /** What the runtime said of it, if it did. */
  readonly cause: unknown;

  constructor(what: string, advice: string, cause?: unknown) {
    this.what = what;
    this.advice = advice;
    this.cause = cause;
  }
}

const PROMISE = new Refusal("a Promise", "await it first");
const WEAK_MAP = new Refusal("a WeakMap", "its entries can't be listed: pass a Map");
const WEAK_SET = new Refusal("a WeakSet", "its values can't be listed: pass a Set");
const WEAK_REF = new Refusal("a WeakRef", "pass the result of deref()");
const GENERATOR = new Refusal("a generator", "pass its values: [...it]");
const ASYNC_GENERATOR = new Refusal(
  "an async generator",
  "pass its values: await Array.fromAsync(it)",
);
const NAMESPACE = new Refusal("a module's namespace", "pass the values that it exports");
const BOXED_SYMBOL = new Refusal("a boxed symbol", "pass its description, a string");
const RAW_JSON = new Refusal("a raw JSON text", "pass its rawJSON, a string");
const WRAPPED_ITERATOR = new Refusal("an iterator", "pass its values: [...it]");
const DETACHED = new Refusal("a detached ArrayBuffer", "it was transferred away: pass a copy");
const OUTSIDE = new Refusal("a view outside its buffer", "the buffer was shrunk: make a new view");

/** What to do about objects of the platform, by the name of their class, or of its namespace. */
const ADVICE: ReadonlyMap<string, string> = new Map([
  ["URL", "pass its href"],
  ["URLSearchParams", "pass its entries: [...it]"],
  ["Headers", "pass its entries: [...it]"],
  ["FormData", "pass its entries: [...it]"],
  ["Blob", "pass its bytes: await it.bytes(), and its type"],
  ["Request", "pass its url, its bytes: await it.bytes(), its headers: [...it.headers]"],
  ["Response", "pass its status, its bytes: await it.bytes(), its headers: [...it.headers]"],
  ["File", "pass its bytes: await it.bytes(), its name and its type"],
  ["ReadableStream", "pass its chunks: await Array.fromAsync(it)"],
  ["WritableStream", "pass what is written to it"],
  ...["Transform", "Compression", "Decompression", "TextEncoder", "TextDecoder"].map((kind) =>
    [`${kind}Stream`, "pass the chunks: await Array.fromAsync(it.readable)"] as const
  ),
  ["AbortSignal", "give it to the option `signal`"],
  ["AbortController", "give its signal to the option `signal`"],
  ["CryptoKey", "export it first: await crypto.subtle.exportKey(...)"],
  ["KeyObject", "export it first: it.export()"],
  ["TextEncoder", "use it outside, and pass its result"],
  ["TextDecoder", "use it outside, and pass its result"],
  ["Temporal", "pass its toString()"],
  ["Intl", "use it outside, and pass its result"],
  ["Intl.Locale", "pass its toString()"],
  ["WebAssembly", "a task has no WebAssembly"],
  ["WebAssembly.Memory", "pass its bytes: it.buffer.slice()"],
  ["FinalizationRegistry", "make one in the task"],
  ["DisposableStack", "make one in the task"],
  ["AsyncDisposableStack", "make one in the task"],
]);

// ---- What an object is ----

const TypedArray = Object.getPrototypeOf(Uint8Array) as { readonly prototype: Uint8Array };
const IteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf([].values())) as object;
const WrappedIterator = Object.getPrototypeOf(
  Iterator.from({ next: () => ({ done: true, value: undefined }) }),
) as object;

const { isRawJSON } = JSON as JSON & { isRawJSON?: (value: unknown) => boolean };

/** What objects with these prototypes are likely to be. Grows with the classes that come by. */
const kinds = new WeakMap<object, Kind | Refusal>([
  [Object.prototype, "plain"],
  [Array.prototype, "plain"], // what only inherits from it
  [Function.prototype, "plain"],
  [Map.prototype, "map"],
  [Set.prototype, "set"],
  [Date.prototype, "date"],
  [RegExp.prototype, "regexp"],
  [Boolean.prototype, "boxed"],
  [Number.prototype, "boxed"],
  [BigInt.prototype, "boxed"],
  [String.prototype, "boxed"],
  [Symbol.prototype, BOXED_SYMBOL],
  [ArrayBuffer.prototype, "buffer"],
  [TypedArray.prototype, "view"],
  [DataView.prototype, "view"],
  [Error.prototype, "error"],
  [DOMException.prototype, "DOMException"],
  [Promise.prototype, PROMISE],
  [WeakMap.prototype, WEAK_MAP],
  [WeakSet.prototype, WEAK_SET],
  [WeakRef.prototype, WEAK_REF],
  [Object.getPrototypeOf(function* () {}).prototype, GENERATOR],
  [Object.getPrototypeOf(async function* () {}).prototype, ASYNC_GENERATOR],
  [IteratorPrototype, "plain"], // the program's own iterators extend it
  [WrappedIterator, WRAPPED_ITERATOR],
]);
if (typeof SharedArrayBuffer === "function") kinds.set(SharedArrayBuffer.prototype, "shared");

/** What an object is that is no array and no function, or why it can't be cloned. */
export function kindOf(object: object): Kind | Refusal {
  const prototype = Object.getPrototypeOf(object) as object | null;
  if (prototype === Object.prototype) return "plain";
  const kind = prototype === null ? "unknown" : kindOfPrototype(prototype);
  if (kind === "plain" || kind instanceof Refusal) return kind;
  if (kind === "DOMException") return isDOMException(object) ? kind : "plain";
  return kind !== "unknown" && isA(kind, object) ? kind : kindBySlots(object);
}

/** Refuses instances of a class whose state can't be seen: they would arrive as `{}`. */
export function refuse(prototype: object, what: string, advice: string): void {
  kinds.set(prototype, new Refusal(what, advice));
}

/**
 * What an object with this prototype is likely to be, from the nearest prototype that is known. An
 * instance of the program's own classes is plain.
 */
function kindOfPrototype(prototype: object): Kind | Refusal {
  let kind = kinds.get(prototype);
  if (kind !== undefined) return kind;
  const next = Object.getPrototypeOf(prototype) as object | null;
  kind = next === null ? "unknown" : kindOfPrototype(next);
  if (kind === "plain") kind = refusalOf(prototype) ?? kind;
  else if (kind instanceof Refusal) kind = refusalOf(prototype, kind.advice) ?? kind;
  kinds.set(prototype, kind);
  return kind;
}

/**
 * The refusal of what is the platform's own: a URL, Blob, Intl.NumberFormat, a Map's iterator, …
 * `inherited` is what is said of the class that it extends.
 */
function refusalOf(prototype: object, inherited?: string): Refusal | undefined {
  const tag: unknown = Object.getOwnPropertyDescriptor(prototype, Symbol.toStringTag)?.value;
  if (
    typeof tag === "string" && tag.includes("Iterator") &&
    Object.prototype.isPrototypeOf.call(IteratorPrototype, prototype)
  ) {
    return new Refusal(withArticle(tag), "pass its values: [...it]");
  }
  const name = platformClass(prototype, tag);
  if (name === undefined) return undefined;
  const advice = ADVICE.get(name) ?? ADVICE.get(name.split(".", 1)[0]!) ?? inherited;
  return new Refusal(withArticle(name), advice ?? "pass the data that it holds");
}

function withArticle(name: string): string {
  return `${/^[aeio]/i.test(name) ? "an" : "a"} ${name}`;
}

/**
 * The name of the platform's class that has this prototype. It is found where the platform keeps
 * its classes, by the tag (`Intl.NumberFormat`) or by its constructor's name. What a program puts
 * among the globals is enumerable there, unlike all that the platform has.
 */
function platformClass(prototype: object, tag: unknown): string | undefined {
  if (typeof tag === "string") {
    const found = tag === "KeyObject" ? process.getBuiltinModule("node:crypto").KeyObject : at(tag);
    if (isClassOf(found, prototype)) return tag;
  }
  const made: unknown = Object.getOwnPropertyDescriptor(prototype, "constructor")?.value;
  if (!isClassOf(made, prototype)) return undefined;
  const name: unknown = Object.getOwnPropertyDescriptor(made, "name")?.value;
  if (typeof name !== "string") return undefined;
  const isGlobal = at(name) === made &&
    !Object.prototype.propertyIsEnumerable.call(globalThis, name);
  return isGlobal || at(`Bun.${name}`) === made || at(`Deno.${name}`) === made ? name : undefined;
}

function isClassOf(value: unknown, prototype: object): value is { readonly prototype: object } {
  return typeof value === "function" && value.prototype === prototype;
}

/**
 * The runtime's own globals, some of which are made when they are first asked for. The program
 * chooses the names that are looked for, so no other getter is called: one of its own, or
 * `localStorage`. Only the names are taken: on Node their descriptors are not to be had without
 * loading what they stand for, such as all of fetch.
 */
const classNames: ReadonlySet<string> = new Set(
  Object.getOwnPropertyNames(globalThis).filter((name) => /^[A-Z]/.test(name)),
);

/** What is at a path from the global object, if anything. */
function at(path: string): unknown {
  let found: unknown = globalThis;
  for (const part of path.split(".")) {
    if (found === null || (typeof found !== "object" && typeof found !== "function")) return;
    const property = Object.getOwnPropertyDescriptor(found, part);
    const get = property?.get;
    if (get === undefined) found = property?.value;
    else if (found === globalThis ? classNames.has(part) : /^[A-Z]/.test(part)) {
      found = get.call(found);
    } else return;
  }
  return found;
}

/** Whether the prototype spoke the truth. */
function isA(kind: Kind, object: object): boolean {
  switch (kind) {
    case "map":
      return types.isMap(object);
    case "set":
      return types.isSet(object);
    case "date":
      return types.isDate(object);
    case "view":
      return ArrayBuffer.isView(object);
    default:
      return false; // look closer
  }
}

/** What an object is by its internal slots alone. */
export function kindBySlots(object: object): Kind | Refusal {
  if (types.isNativeError(object)) return "error";
  if (types.isMap(object)) return "map";
  if (types.isSet(object)) return "set";
  if (types.isDate(object)) return "date";
  if (types.isRegExp(object)) return "regexp";
  if (types.isSymbolObject(object)) return BOXED_SYMBOL;
  if (types.isBoxedPrimitive(object)) return "boxed";
  if (types.isArrayBuffer(object)) return "buffer";
  if (types.isSharedArrayBuffer(object)) return "shared";
  if (ArrayBuffer.isView(object)) return "view";
  if (types.isPromise(object)) return PROMISE;
  if (types.isWeakMap(object)) return WEAK_MAP;
  if (types.isWeakSet(object)) return WEAK_SET;
  if (types.isGeneratorObject(object)) return GENERATOR;
  if (types.isModuleNamespaceObject(object)) return NAMESPACE;
  if (isRawJSON?.(object)) return RAW_JSON;
  return "plain";
}

// ---- What its internal slots hold ----
//
// Read with the realm's own accessors and methods, taken while they are sure to be its own.

type Getter<T> = (this: unknown) => T;

function getter<T>(of: object, key: PropertyKey): Getter<T> {
  return Object.getOwnPropertyDescriptor(of, key)!.get as Getter<T>;
}

const domExceptionName = getter<string>(DOMException.prototype, "name");
const domExceptionMessage = getter<string>(DOMException.prototype, "message");
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
const mapForEach = Map.prototype.forEach;
const setForEach = Set.prototype.forEach;
const booleanValue = Boolean.prototype.valueOf;
const numberValue = Number.prototype.valueOf;
const bigintValue = BigInt.prototype.valueOf;
const stringValue = String.prototype.valueOf;

function isDOMException(object: object): boolean {
  try {
    return typeof domExceptionName.call(object) === "string";
  } catch {
    return false;
  }
}

/** The name of a DOMException. */
export function nameOf(exception: object): string {
  return domExceptionName.call(exception);
}

/** The message of a DOMException. */
export function messageOf(exception: object): string {
  return domExceptionMessage.call(exception);
}

/** The time of a Date. */
export function timeOf(date: object): number {
  return dateTime.call(date as Date);
}

/** The source of a RegExp. */
export function sourceOf(regexp: object): string {
  return regexpSource.call(regexp);
}

/** The flags of a RegExp. */
export function flagsOf(regexp: object): string {
  let flags = "";
  for (const [flag, isSet] of regexpFlags) if (isSet.call(regexp)) flags += flag;
  return flags;
}

/** What a boxed value holds. */
export function unboxed(object: object): boolean | number | bigint | string {
  if (types.isStringObject(object)) return stringValue.call(object);
  if (types.isNumberObject(object)) return numberValue.call(object);
  if (types.isBooleanObject(object)) return booleanValue.call(object);
  return bigintValue.call(object as unknown as bigint);
}

/** The keys and values of a Map, in turn. */
export function entriesOf(map: object): unknown[] {
  const entries: unknown[] = list();
  let at = 0;
  mapForEach.call(map as Map<unknown, unknown>, (value, key) => {
    entries[at++] = key;
    entries[at++] = value;
  });
  return entries;
}

/** The values of a Set. */
export function valuesOf(set: object): unknown[] {
  const values: unknown[] = list();
  let at = 0;
  setForEach.call(set as Set<unknown>, (value) => void (values[at++] = value));
  return values;
}

// ---- Buffers and views ----

const bufferLength = getter<number>(ArrayBuffer.prototype, "byteLength");
const bufferMax = getter<number>(ArrayBuffer.prototype, "maxByteLength");
const bufferResizable = getter<boolean>(ArrayBuffer.prototype, "resizable");
const bufferDetached = getter<boolean>(ArrayBuffer.prototype, "detached");
const bufferResize = ArrayBuffer.prototype.resize;
const Shared = globalThis.SharedArrayBuffer as SharedArrayBufferConstructor | undefined;
const sharedLength = Shared && getter<number>(Shared.prototype, "byteLength");
const sharedGrowable = Shared && getter<boolean>(Shared.prototype, "growable");
const viewName = getter<string | undefined>(TypedArray.prototype, Symbol.toStringTag);
const viewBuffer = getter<ArrayBufferLike>(TypedArray.prototype, "buffer");
const viewOffset = getter<number>(TypedArray.prototype, "byteOffset");
const viewLength = getter<number>(TypedArray.prototype, "length");
const viewByteLength = getter<number>(TypedArray.prototype, "byteLength");
const viewAt = TypedArray.prototype.at;
const dataBuffer = getter<ArrayBufferLike>(DataView.prototype, "buffer");
const dataOffset = getter<number>(DataView.prototype, "byteOffset");
const dataByteLength = getter<number>(DataView.prototype, "byteLength");

/** What an ArrayBuffer is made of. */
export interface BufferParts {
  readonly byteLength: number;
  /** `undefined` if it can't be resized. */
  readonly maxByteLength: number | undefined;
}

/** The parts of an ArrayBuffer, or why it has none. */
export function partsOfBuffer(buffer: object): BufferParts | Refusal {
  if (bufferDetached.call(buffer)) return DETACHED;
  return {
    byteLength: bufferLength.call(buffer),
    maxByteLength: bufferResizable.call(buffer) ? bufferMax.call(buffer) : undefined,
  };
}

/** How long a SharedArrayBuffer is, and whether it may grow. */
export function partsOfShared(buffer: object): { byteLength: number; growable: boolean } {
  return { byteLength: sharedLength!.call(buffer), growable: sharedGrowable!.call(buffer) };
}

/** How long a buffer is of either kind, in bytes. */
export function lengthOf(buffer: ArrayBufferLike): number {
  return (types.isSharedArrayBuffer(buffer) ? sharedLength! : bufferLength).call(buffer);
}

/** What a typed array or DataView is made of. */
export interface ViewParts {
  /** Of its class. */
  readonly name: string;
  readonly buffer: ArrayBuffer;
  readonly byteOffset: number;
  readonly byteLength: number;
  /** In elements; of a DataView in bytes. */
  readonly length: number;
  /** Whether it grows and shrinks with its buffer. */
  readonly tracks: boolean;
}

/** The parts of a typed array or DataView, or why it can't be cloned. */
export function partsOfView(view: object): ViewParts | Refusal {
  const name = viewName.call(view);
  const isData = name === undefined;
  const buffer = (isData ? dataBuffer : viewBuffer).call(view);
  const shared = types.isSharedArrayBuffer(buffer);
  if (!shared && bufferDetached.call(buffer)) return DETACHED;
  if (isOutside(view, isData)) return OUTSIDE;
  const byteLength = (isData ? dataByteLength : viewByteLength).call(view);
  return {
    name: name ?? "DataView",
    buffer: buffer as ArrayBuffer,
    byteOffset: (isData ? dataOffset : viewOffset).call(view),
    byteLength,
    length: isData ? byteLength : viewLength.call(view),
    tracks: !shared && bufferResizable.call(buffer) &&
      tracksLength(view, buffer as ArrayBuffer, name),
  };
}

/** Whether a view's buffer was shrunk until the view was no longer inside. */
function isOutside(view: object, isData: boolean): boolean {
  try {
    if (isData) dataByteLength.call(view);
    else viewAt.call(view as Uint8Array, 0);
    return false;
  } catch {
    return true;
  }
}

/**
 * Whether a view of a resizable buffer grows and shrinks with it. Nothing tells but to try: if the
 * view ends where the buffer does, the buffer is resized for an element more, or less, and back at
 * once. One that refuses (WebAssembly's memory only grows, by pages) has views of a fixed length.
 */
function tracksLength(view: object, buffer: ArrayBuffer, name: string | undefined): boolean {
  const isData = name === undefined;
  const byteLength = isData ? dataByteLength : viewByteLength;
  const size = isData ? 1 : Number(/\d+/.exec(name)) / 8; // the classes are called by their bits
  const before = byteLength.call(view);
  const whole = bufferLength.call(buffer);
  const rest = whole - (isData ? dataOffset : viewOffset).call(view);
  if (before !== rest - rest % size) return false;
  const more = whole - rest % size + size;
  if (more <= bufferMax.call(buffer)) {
    if (!resizes(buffer, more)) return false;
    const tracks = byteLength.call(view) !== before;
    bufferResize.call(buffer, whole);
    return tracks;
  }
  if (rest < size) return false; // there is no room for an element, ever
  const last = new Uint8Array(buffer, whole - size, size).slice();
  if (!resizes(buffer, whole - size)) return false;
  const tracks = !isOutside(view, isData);
  bufferResize.call(buffer, whole);
  new Uint8Array(buffer, whole - size, size).set(last);
  return tracks;
}

function resizes(buffer: ArrayBuffer, length: number): boolean {
  try {
    bufferResize.call(buffer, length);
    return true;
  } catch {
    return false;
  }
}
