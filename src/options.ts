/**
 * Options, each read once.
 *
 * An option is a property of the object itself, or one that its class gives to it; never one that
 * Object.prototype has: what anything in the process puts there is nobody's option.
 *
 * @module
 */

/** All options of these names, none of them given: each an own property, so that nothing inherited
 * is found in its place. */
export function noOptions<T extends object>(names: readonly string[]): Readonly<T> {
  const none = {};
  for (const name of names) {
    const property = { __proto__: null, value: undefined, writable: true, enumerable: true };
    Object.defineProperty(none, name, property as PropertyDescriptor);
  }
  return none as T;
}

/** Whether this is Object.prototype, of whatever realm. */
function isRoot(prototype: object): boolean {
  return prototype === Object.prototype ||
    (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "hasOwnProperty"));
}

/**
 * The options that are in `given`, of those in `none`.
 *
 * @param refuse called with the name of an own enumerable property that is no option
 */
export function readOptions<T extends object>(
  given: object,
  none: Readonly<T>,
  refuse: (name: string) => never,
): T {
  const options = { ...none } as Record<string, unknown>;
  const all = given as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(none, name)) refuse(name);
    options[name] = all[name];
  }
  let prototype = Object.getPrototypeOf(given) as object | null;
  while (prototype !== null && !isRoot(prototype)) {
    for (const name of Object.getOwnPropertyNames(prototype)) {
      if (Object.hasOwn(none, name) && !Object.hasOwn(given, name)) options[name] ??= all[name];
    }
    prototype = Object.getPrototypeOf(prototype) as object | null;
  }
  return options as T;
}
