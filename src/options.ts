/**
 * Options, each read once.
 *
 * An option is a property of the object itself, or one that its class gives to it; never one that
 * Object.prototype has: what anything in the process puts there is nobody's option.
 *
 * @module
 */

/** The options that were given. Nothing is inherited: one that was not given is `undefined`. */
class Given {}
Object.setPrototypeOf(Given.prototype, null);

/** None of whatever options there are. */
export const NO_OPTIONS: Given = Object.freeze(new Given());

/** Whether this is Object.prototype, of whatever realm. */
function isRoot(prototype: object): boolean {
  return prototype === Object.prototype ||
    (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "hasOwnProperty"));
}

/**
 * The options of these names that are in `given`.
 *
 * @param refuse called with the name of an own enumerable property that is no option
 */
export function readOptions<T extends object>(
  given: object,
  names: ReadonlySet<string>,
  refuse: (name: string) => never,
): T {
  const options = new Given() as Record<string, unknown>;
  const all = given as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(given)) {
    if (!names.has(name)) refuse(name);
    options[name] = all[name];
  }
  let prototype = Object.getPrototypeOf(given) as object | null;
  while (prototype !== null && !isRoot(prototype)) {
    for (const name of Object.getOwnPropertyNames(prototype)) {
      if (names.has(name) && !Object.hasOwn(given, name)) options[name] ??= all[name];
    }
    prototype = Object.getPrototypeOf(prototype) as object | null;
  }
  return options as T;
}
