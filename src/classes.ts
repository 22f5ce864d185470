/**
 * Classes whose instances cross as such: what a pool is told of them, and the program that makes
 * them in each of its realms.
 *
 * Like any code they cross as their source: a class sees the other classes of its pool and the
 * task's own globals, nothing of the module it stands in.
 *
 * @module
 */
import { typeError } from "./errors.ts";
import { describe } from "./source.ts";

/** A class, however its constructor looks. */
// deno-lint-ignore no-explicit-any -- what else would any constructor fit?
export type AnyClass = abstract new (...args: any[]) => object;

/** The classes of a pool. */
export interface Classes {
  /** An expression: a function that defines them as globals and returns their prototypes. */
  readonly source: string;
  /** The number of each, by its prototype. */
  readonly numbers: ReadonlyMap<object, number>;
  /** Their prototypes, by number. */
  readonly prototypes: readonly object[];
}

/** What defines a class as a global, by a name that no class has. */
const DEFINE = "__define_class_of_the_pool";
const NAME = /^[A-Za-z_$][\w$]*$/;
const COMMENT_OR_STRING = /\/\/.*|\/\*[^]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g;
const PRIVATE = /(?:[.{;}\n]|\b(?:static|async|get|set))\s*(#[A-Za-z_$][\w$]*)/;

/** Checks the classes and composes their program. @throws {TypeError} if one can't be registered. */
export function registerClasses(list: readonly AnyClass[]): Classes {
  const numbers = new Map<object, number>();
  const names = new Set<string>();
  const definitions = list.map((one: unknown, i) => {
    const where = `new DeferredPool({ classes }): classes[${i}]`;
    const text = typeof one === "function" ? Function.prototype.toString.call(one) : "";
    if (!/^class\b/.test(text)) {
      throw typeError(`${where} must be a class, got ${describe(one)}`);
    }
    const Class = one as AnyClass;
    const { name } = Class;
    if (!NAME.test(name)) throw typeError(`${where} must have a name to be found by in tasks`);
    if (names.has(name)) throw typeError(`${where}: there are two classes named \`${name}\``);
    const hidden = PRIVATE.exec(text.replace(COMMENT_OR_STRING, ""))?.[1];
    if (hidden !== undefined) {
      throw typeError(
        `${where}: \`${name}\` has the private member \`${hidden}\`, which can't be read from ` +
          "outside and would be lost; make it an ordinary property",
      );
    }
    const parent: unknown = Object.getPrototypeOf(Class);
    if (parent !== Function.prototype && !numbers.has((parent as AnyClass).prototype)) {
      const parentName = (parent as AnyClass | null)?.name ?? "null";
      throw typeError(
        `${where}: \`${name}\` extends \`${parentName}\`, which must be registered before it; ` +
          "classes that extend the language's own can't be",
      );
    }
    names.add(name);
    numbers.set(Class.prototype, i);
    return `const ${name} = ${text}; ${DEFINE}("${name}", ${name});`;
  });
  const prototypes = [...numbers.keys()];
  const source = `() => {
    const ${DEFINE} = (name, value) => {
      if (name in globalThis) throw new TypeError(\`tasks have a global \${name} of their own\`);
      Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
    };
    ${definitions.join("\n")}
    return [${[...names].map((name) => `${name}.prototype`).join(", ")}];
  }`;
  return { source, numbers, prototypes };
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
