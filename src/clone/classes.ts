/**
 * Classes whose instances cross as instances: a pool's list of them is checked, and becomes the
 * program that defines them in each of its realms.
 *
 * Like any code they cross as their source: a class sees the classes before it and the task's own
 * globals, nothing of its module.
 *
 * @module
 */
import { typeError } from "../errors.ts";
import { describe } from "../function/describe.ts";

/** A class, however its constructor looks. */
// deno-lint-ignore no-explicit-any -- what else would any constructor fit?
export type AnyClass = abstract new (...args: any[]) => object;

/** The classes of a pool. */
export interface Classes {
  /** An expression: a function that defines them as globals and returns their prototypes. */
  readonly source: string;
  /** For each an expression: a function in which it stands alone. */
  readonly alone: readonly { readonly name: string; readonly source: string }[];
  /** The number of each, by its prototype. */
  readonly numbers: ReadonlyMap<object, number>;
  /** Their prototypes, by number. */
  readonly prototypes: readonly object[];
}

/** What defines a class as a global, by a name that no class has. */
const DEFINE = "__define_class_of_the_pool";
const NAME = /^[A-Za-z_$][\w$]*$/;
const NATIVE = /\{\s*\[native code\]\s*\}\s*$/;

/** Checks the classes and composes their program. @throws {TypeError} if one can't be registered. */
export function registerClasses(list: readonly AnyClass[]): Classes {
  const numbers = new Map<object, number>();
  const names = new Set<string>();
  const definitions = list.map((one: unknown, i) => {
    const where = `new DeferredPool({ classes }): classes[${i}]`;
    const text = typeof one === "function" ? Function.prototype.toString.call(one) : "";
    if (!/^class\b/.test(text)) {
      const native = NATIVE.test(text) ? ", which is native and has no source code" : "";
      throw typeError(`${where} must be a class, got ${describe(one)}${native}`);
    }
    const Class = one as AnyClass;
    const { name } = Class;
    if (!NAME.test(name)) throw typeError(`${where} must have a name to be found by in tasks`);
    if (names.has(name)) throw typeError(`${where}: there are two classes named \`${name}\``);
    const parent: unknown = Object.getPrototypeOf(Class);
    if (parent !== Function.prototype && !numbers.has((parent as AnyClass).prototype)) {
      const parentName = (parent as AnyClass | null)?.name ?? "null";
      const why = parent === null || NATIVE.test(Function.prototype.toString.call(parent))
        ? "which is not one of yours: keep what it extends in a property; errors need no " +
          "registration to keep their name and properties"
        : "which must stand before it in the list";
      throw typeError(`${where}: \`${name}\` extends \`${parentName}\`, ${why}`);
    }
    names.add(name);
    numbers.set(Class.prototype, i);
    return { name, declaration: `const ${name} = ${text};` };
  });
  const alone = definitions.map(({ name, declaration }) => {
    return { name, source: `() => { ${declaration} }` };
  });
  const prototypes = [...numbers.keys()];
  const source = `() => {
    const ${DEFINE} = (name, value) => {
      if (name in globalThis) {
        throw new TypeError(
          "new DeferredPool({ classes }): tasks have a global \`" + name +
            "\` of their own; give the class another name",
        );
      }
      Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
    };
    ${
    definitions.map(({ name, declaration }) => `${declaration} ${DEFINE}("${name}", ${name});`)
      .join("\n")
  }
    return [${[...names].map((name) => `${name}.prototype`).join(", ")}];
  }`;
  return { source, alone, numbers, prototypes };
}

/** The error for the private member of a class, which only the engine sees for sure. */
export function hiddenError(at: number, name: string, hidden: string): TypeError {
  return typeError(
    `new DeferredPool({ classes }): classes[${at}]: \`${name}\` has the private member ` +
      `\`${hidden}\`, which can't be read from outside and would be lost; make it an ordinary ` +
      "property",
  );
}

const warned = new WeakSet<object>();

/** Tells once of a class whose instances arrive as plain objects. */
export function warnOfClass(prototype: object): void {
  if (warned.has(prototype)) return;
  warned.add(prototype);
  const name = (prototype as { constructor?: { name?: unknown } }).constructor?.name;
  console.warn(
    `deferred: instances of \`${
      String(name)
    }\` arrive in tasks as plain objects, without methods; ` +
      "register the class, new DeferredPool({ classes: [...] }), or pass plain data",
  );
}
