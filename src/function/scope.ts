/**
 * The option `scope`: values that code finds by name, read and checked.
 *
 * Code that is text finds them as globals; a function, as the variables around it. There functions
 * and classes may be among them: their text goes with the function's (`enclose.ts`). All else is
 * cloned into each task, as the first of its arguments.
 *
 * @module
 */
import { type Entry, isObject, isRecord, wrong } from "../call.ts";
import { define } from "../clone/own.ts";
import { stepOf } from "../clone/path.ts";
import { typeError } from "../errors.ts";
import { type Embedded, embeddedIn } from "./embedded.ts";
import { type AnyFunction, kindOf, textOf } from "./source.ts";

/** What a function may be given by name: anything that can be cloned, functions, and classes. */
export type ScopeValue =
  | string
  | number
  | boolean
  | bigint
  | null
  | undefined
  | (object & { readonly then?: never });

/** The names that a function finds around it. */
export interface TaskScope {
  /** A value, function or class, by its name. */
  readonly [name: string]: ScopeValue;
}

const NAME = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u;

/** Words that can't name a variable, and globals that can't be changed. */
const UNUSABLE: ReadonlySet<string> = new Set(
  ("await break case catch class const continue debugger default delete do else enum export " +
    "extends false finally for function if import in instanceof new null return super switch " +
    "this throw true try typeof var void while with Infinity NaN undefined").split(" "),
);

/** Nor can these name one around a function: strict code has none of them. */
const UNUSABLE_AROUND: ReadonlySet<string> = new Set(
  ("arguments eval implements interface let package private protected public static yield")
    .split(" "),
);

/** What names of ours around a function begin with; see `enclose.ts`. */
export const OURS = "__deferred_";

/** Whether a variable around a function can have a name. */
export function canBeAround(name: string): boolean {
  return NAME.test(name) && !UNUSABLE.has(name) && !UNUSABLE_AROUND.has(name) &&
    !name.startsWith(OURS);
}

/** Throws for the first name of an option's object that no variable can have. */
export function checkNames(
  { where }: Entry,
  option: "scope" | "host",
  names: readonly string[],
  around = false,
): void {
  for (const name of names) {
    if (around ? canBeAround(name) : NAME.test(name) && !UNUSABLE.has(name)) continue;
    throw typeError(
      `${where}{ ${option} }): ${JSON.stringify(name.slice(0, 60))} can't be the name of a ` +
        `variable; give it another name, or put it into an object: { ${option}: { input: { … } } }`,
    );
  }
}

/** What may give a class any property when it is evaluated. */
const STATIC_CODE = /\bstatic\s*[{[]/;

const STATIC_FIELD = /\bstatic\s+(?:accessor\s+)?["']?([\p{ID_Continue}$]+)/gu;

/**
 * Comments and strings; and what is closed nowhere, up to where it could be, so that a text is walked
 * once. Where it takes something else for one, a property is cloned in vain.
 */
const NO_CODE =
  /\/\*[^]*?(?:\*\/|$)|\/\/.*|"(?:\\.|[^"\\\n])*(?:"|\\?)|'(?:\\.|[^'\\\n])*(?:'|\\?)/g;

/** Which properties the text of a class makes; `null` if it may make any. */
function madeBy(fn: AnyFunction): ReadonlySet<string> | null {
  if (kindOf(fn) !== "class") return new Set();
  const code = textOf(fn).replace(NO_CODE, (found) => {
    const [quote] = found;
    const isText = quote === "/" || found.at(-1) === quote && /\s/.test(found); // but names in quotes
    return isText ? " " : found;
  });
  if (STATIC_CODE.test(code)) return null;
  return new Set(Array.from(code.matchAll(STATIC_FIELD), (m) => m[1]!));
}

const made = new WeakMap<AnyFunction, ReadonlySet<string> | null>();

/**
 * The properties that a function or class was given after it was written, as transpilers give static
 * fields: those that its text does not make again. Of a class whose
 * static blocks may make any, only what can be cloned for sure; what the text makes stands before
 * that. `undefined` if there are none.
 */
function ownOf(fn: AnyFunction): object | undefined {
  const names = Object.keys(fn);
  if (names.length === 0) return undefined;
  let remade = made.get(fn);
  if (remade === undefined) made.set(fn, remade = madeBy(fn));
  const own = {};
  for (const name of names) {
    const value = (fn as unknown as Record<string, unknown>)[name];
    const isValue = Object(value) !== value && typeof value !== "symbol";
    if (remade === null ? isValue : !remade.has(name)) define(own, name, value);
  }
  return Object.keys(own).length > 0 ? own : undefined;
}

/**
 * `import.meta`, as the option `scope`: the function finds what stands at the top level of its module.
 *
 * @example
 * ```ts
 * import { Deferred } from "@protojs/deferred";
 *
 * const rate = 2;
 * console.log(await new Deferred(() => 21 * rate, { scope: import.meta })); // 42
 * ```
 */
export interface ModuleMeta {
  /** The module's URL. (Where a program knows no runtime's types, `import.meta` has none.) */
  readonly url?: string;
}

/**
 * What the option `scope` of a function may be: names, or a function that gives them; its module; or
 * both.
 *
 * @example
 * ```ts
 * import { Deferred, type ScopeOption } from "@protojs/deferred";
 *
 * const rate = 2;
 * const scope: ScopeOption = [import.meta, { count: 21 }];
 * declare const count: number;
 * console.log(await new Deferred(() => count * rate, { scope })); // 42
 * ```
 */
export type ScopeOption =
  | TaskScope
  | (() => TaskScope)
  | ModuleMeta
  | readonly [ModuleMeta, TaskScope | (() => TaskScope)];

/** Whether a function is the host's global of that name: a task has its own, or none. */
function isGlobal(name: string, value: unknown): boolean {
  return typeof value === "function" && value === (globalThis as Record<string, unknown>)[name];
}

/** What a function is given, as it was when the call was made. */
export class Scope {
  /** All names, in their order. */
  readonly names: ReadonlySet<string>;
  /** Those of values that are cloned, as paths in messages: "scope.rate". */
  readonly paths: readonly string[];
  readonly valueNames: readonly string[];
  readonly values: readonly unknown[];
  readonly functions: ReadonlyMap<string, AnyFunction>;
  /** Further names of these, each with its first one: both are to be the same function. */
  readonly twins: ReadonlyMap<string, string>;
  /** Of those that have properties of their own, the name of the value that these are in. */
  readonly owned: ReadonlyMap<string, string>;
  /** The function that gave them, whose text says by which names code around it knows them. */
  readonly giver: AnyFunction | undefined;
  /** The module whose top level the function finds as well: its URL, or what was built of it. */
  readonly module: string | Embedded | undefined;

  constructor(
    given: Readonly<Record<string, unknown>>,
    names: readonly string[],
    giver: AnyFunction | undefined,
    module: string | Embedded | undefined,
  ) {
    const valueNames: string[] = [], paths: string[] = [], values: unknown[] = [];
    const functions = new Map<string, AnyFunction>();
    const firstNames = new Map<unknown, string>(), twins = new Map<string, string>();
    const owned = new Map<string, string>();
    const add = (name: string, path: string, value: unknown): void => {
      define(paths, values.length, path);
      define(valueNames, values.length, name);
      define(values, values.length, value);
    };
    const own = new Set<string>();
    for (const name of names) {
      const value = given[name], path = `scope${stepOf(name)}`;
      if (isGlobal(name, value)) continue;
      own.add(name);
      if (typeof value !== "function") {
        add(name, path, value);
        continue;
      }
      const first = firstNames.get(value);
      if (first !== undefined) {
        twins.set(name, first);
        continue;
      }
      firstNames.set(value, name);
      functions.set(name, value as AnyFunction);
      const properties = ownOf(value as AnyFunction);
      if (properties === undefined) continue;
      owned.set(name, `${OURS}own_${name}`);
      add(owned.get(name)!, path, properties);
    }
    this.names = own;
    this.paths = paths;
    this.valueNames = valueNames;
    this.values = values;
    this.functions = functions;
    this.twins = twins;
    this.owned = owned;
    this.giver = giver;
    this.module = module;
  }
}

/** The URL of a module, if that is its `import.meta`; or what was built of it. */
export function moduleOf(option: unknown): string | Embedded | undefined {
  if (!isObject(option)) return undefined;
  const embedded = embeddedIn(option);
  if (embedded !== undefined) return embedded;
  const meta = option as { url?: unknown; resolve?: unknown };
  const { url, resolve } = meta;
  if (typeof url !== "string") return undefined;
  // Test runners have an object of their own for it, and what compiles a module to CommonJS.
  const isMeta = typeof resolve === "function"
    ? Object.getPrototypeOf(option) === null || "filename" in meta || "env" in meta
    : url.startsWith("file:") && Object.keys(meta).sort().join() === "dirname,filename,url";
  return isMeta ? url : undefined;
}

/** Reads the option `scope` of a function's call. Throws a TypeError for what makes no sense. */
export function readScope(entry: Entry, option: unknown): Scope {
  if (option instanceof Scope) return option; // of a job that is tried anew
  const module = moduleOf(Array.isArray(option) ? option[0] : option);
  if (module !== undefined) {
    return Array.isArray(option)
      ? readNames(entry, option[1], module)
      : new Scope({}, [], undefined, module);
  }
  return readNames(entry, option, undefined);
}

function readNames(entry: Entry, option: unknown, module: Scope["module"]): Scope {
  const giver = typeof option === "function" ? option as () => unknown : undefined;
  const given = giver === undefined ? option : giver();
  if (!isObject(given) || !isRecord(given)) {
    const what = "a plain object of values, functions and classes by name, such as { rate, area }";
    throw wrong(
      entry,
      "scope",
      giver === undefined ? `${what}, or import.meta` : `a function that gives ${what}`,
      given,
    );
  }
  const names = Object.keys(given); // once: what is checked is what is read
  checkNames(entry, "scope", names, true);
  return new Scope(given as Readonly<Record<string, unknown>>, names, giver, module);
}
