/**
 * Own properties, whatever prototypes hold: what a program puts on `Object.prototype` or
 * `Array.prototype` (a setter, a read-only property) is not part of any value, and must not affect
 * the codec's own lists either.
 *
 * Assigning to a property that an object does not have yet consults its prototypes. Defining one
 * does not, and takes several times as long. So the codec assigns where no prototype matters: the
 * object has the property already (a literal made it), or has no prototype, or {@link arePure} has
 * looked.
 *
 * @module
 */
const { defineProperty, getPrototypeOf, setPrototypeOf } = Object;
const { ownKeys } = Reflect;
const { prototype: objectPrototype } = Object;
const { prototype: arrayPrototype } = Array;

/** What the language itself puts on `Object.prototype`: or what was there when we came. */
const atFirst = ownKeys(objectPrototype);
const inherited: ReadonlySet<PropertyKey> = new Set(atFirst);

/** Whether objects inherit nothing of this name, as long as their prototypes are pure. */
export function isFree(key: string): boolean {
  return !inherited.has(key);
}

/**
 * Whether nothing was added to the prototypes of arrays and objects that could have a say in what
 * is assigned or read: no index, and no name that {@link isFree}. Takes 0.3 us on V8, so one does
 * without where one can. Valid until code of the program runs.
 */
export function arePure(): boolean {
  // Array.prototype is an array: an index makes it longer.
  if (arrayPrototype.length > 0 || getPrototypeOf(arrayPrototype) !== objectPrototype) return false;
  const keys = ownKeys(objectPrototype);
  if (keys.length !== atFirst.length || hasIndex) return false;
  for (let i = 0; i < keys.length; i++) if (keys[i] !== atFirst[i]) return false;
  return true;
}

/** Indices come first among the keys. */
const hasIndex = typeof atFirst[0] === "string" && /^\d/.test(atFirst[0]);

interface Property {
  value: unknown;
  enumerable: boolean;
}
interface Accessor {
  get: unknown;
  set: unknown;
}
/**
 * What {@link define} and {@link defineAccessor} tell the engine: an ordinary object, which V8 reads
 * in two thirds of the time; or, if half of the other kind would be read with it, one without a
 * prototype.
 */
const ordinary: Property & object = dataProperty();
const bare: Property & object = setPrototypeOf(dataProperty(), null) as Property;
const ordinaryAccessor: Accessor & object = accessor();
const bareAccessor: Accessor & object = setPrototypeOf(accessor(), null) as Accessor;

function dataProperty(): Property {
  return { value: undefined, writable: true, enumerable: true, configurable: true } as Property;
}

function accessor(): Accessor {
  return { get: undefined, set: undefined, enumerable: false, configurable: true } as Accessor;
}

/** Creates a property, or an element, that is like any other. */
export function define(
  object: object,
  key: PropertyKey,
  value: unknown,
  enumerable: boolean = true,
): void {
  const property = "get" in ordinary || "set" in ordinary ? bare : ordinary;
  property.value = value;
  property.enumerable = enumerable;
  defineProperty(object, key, property);
  property.value = undefined;
}

/** Creates a property that is read and assigned by functions, and not enumerable. */
export function defineAccessor<T extends object>(
  object: T,
  key: PropertyKey,
  get: () => unknown,
  set: (this: T, value: unknown) => void,
): void {
  const isBare = "value" in ordinaryAccessor || "writable" in ordinaryAccessor;
  const property = isBare ? bareAccessor : ordinaryAccessor;
  property.get = get;
  property.set = set;
  defineProperty(object, key, property as PropertyDescriptor);
  property.get = property.set = undefined;
}

/**
 * A list of ours, which no prototype has a say in: it has none. So it has no methods: it is
 * assigned to by index, and cut by its length.
 */
export function list<T>(): T[] {
  return setPrototypeOf([], null) as T[];
}

/** Arrays of up to this many elements can be had with elements that are there already. */
export const BLANK = 64;

/** An array of so many elements, up to {@link BLANK}, to be assigned to whatever is inherited. */
export function blank(length: number): unknown[] {
  const v = undefined;
  switch (length) { // a literal of the length takes a fifth of cutting one
    case 0:
      return [];
    case 1:
      return [v];
    case 2:
      return [v, v];
    case 3:
      return [v, v, v];
    case 4:
      return [v, v, v, v];
  }
  // deno-fmt-ignore
  const array: unknown[] = [
    v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v,
    v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v,
    v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v,
    v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v,
  ];
  array.length = length;
  return array;
}

/** The same for numbers, which engines keep as such from the beginning. */
export function blankNumbers(length: number): number[] {
  switch (length) {
    case 0:
      return [];
    case 1:
      return [0];
    case 2:
      return [0, 0];
    case 3:
      return [0, 0, 0];
    case 4:
      return [0, 0, 0, 0];
  }
  // deno-fmt-ignore
  const array: number[] = [
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  ];
  array.length = length;
  return array;
}
