/**
 * A function with what is around it: the helpers of transpilers that it uses, and its scope.
 *
 * All of it is one source. Our own function has the outer names as parameters: it is called with
 * the values, which come with each task; it gives the functions and classes their own, whose texts
 * stand in it, and returns the user's function.
 *
 *     (function(take,rate,area,Circle){area=(
 *     (w, h) => w * h
 *     );Circle=(
 *     class Circle extends Shape { … }
 *     );return(
 *     (w) => area(w, w) * rate
 *     )})
 *
 * Invariant: each text is kept whole and begins in a line of its own, so that a row of the engine's
 * says which text it is in, and where ({@link Part}).
 *
 * @module
 */
import { definitions } from "./helpers.ts";
import type { Location } from "./locate.ts";
import type { AnyFunction, Source } from "./source.ts";

/** A function or class that was compiled alone: what its text is part of, and what it needs. */
export interface Alone {
  /** A number of its own. */
  readonly id: number;
  readonly source: Source;
  readonly strict: boolean;
  readonly isClass: boolean;
  /** Names that it uses and that nothing defines. */
  readonly free: readonly string[];
  /** Of such names, those that it probes with `typeof`, and so can do without. */
  readonly probed: readonly string[];
  /** What it takes from around it: `this`, `new.target`, `super`, `#x`. */
  readonly outer: readonly string[];
  readonly kind: "normal" | "async" | "generator" | "asyncGenerator";
  /** Of a member, its number in what is around it. */
  readonly at: number;
  /** Of the function that gives a scope: the outer name of each of its names. */
  readonly given: ReadonlyMap<string, string>;
}

/** A text in a source. */
export interface Part {
  readonly text: string;
  /** Its name in the scope; "" for the user's function itself. */
  readonly name: string;
  /** Where it is written, if that is known. */
  readonly location?: Location | undefined;
  /** The row that it begins in; Infinity if the engine may count rows differently. */
  readonly row: number;
}

/** What a function of a built program calls things, and what they are for those around it. */
export interface Renames {
  readonly names: readonly string[];
  readonly values: readonly string[];
}

/** A function or class of a scope, or a declaration of a module. */
export interface Named {
  readonly name: string;
  /** As the host has it; `null`: only its text is known. */
  readonly fn: AnyFunction | null;
  readonly alone: Alone;
  /** Of a declaration of variables, their names: its text assigns to them. */
  readonly variables?: readonly string[] | undefined;
  readonly location?: Location | undefined;
  readonly renames?: Renames | undefined;
  /** Names of imports, of each of which it uses one, and it can't be told which. */
  readonly unclear?: readonly (readonly string[])[];
}

/** A name that the function's module imports. */
export interface Imported {
  readonly name: string;
  readonly from: string;
  /** What it is called there; "*" for all of it. */
  readonly imported: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** What is to be enclosed. */
export interface Enclosed {
  readonly main: Named;
  /** Names of the values, in the order in which they come. */
  readonly values: readonly string[];
  readonly named: readonly Named[];
  /** What is taken along of a module, in its order. */
  readonly taken: readonly Named[];
  /** What the function and that import: it waits for them when it is called. */
  readonly imports: readonly Imported[];
  /** Names of classes that the realm has as globals, with those. */
  readonly registered: ReadonlyMap<string, string>;
  /** Other names of some of all these. */
  readonly aliases: ReadonlyMap<string, string>;
  /** Of functions and classes that have properties of their own, the value that holds them. */
  readonly owned: ReadonlyMap<string, string>;
  /** What bundlers make of imported modules: the names that are taken of each. */
  readonly modules: ReadonlyMap<string, readonly string[]>;
  readonly helpers: readonly string[];
}

/** The parameter that takes a member out of what is around it. */
const TAKE = "__deferred_take";

/** What gives a function, or class, properties of its own that its text does not make. */
const GIVE = "__deferred_give";
const GIVE_DEFINITION = "(f,o)=>{for(const k of Object.keys(o))if(!Object.hasOwn(f,k))" +
  "Object.defineProperty(f,k,{__proto__: null,value:o[k],writable:!0,enumerable:!0,configurable:!0})}";

/** What the engine counts as the end of a line in some places only. */
const ODD_LINE_END = /\r(?!\n)|[\u2028\u2029]/;

/** What may use names when a class is evaluated, not only when something of it is called. */
const EVALUATES = /\bstatic\b|[{};*/\n][^\S\n]*\[|\b(?:async|get|set)\s*\[/;

/** Of a class the names that it may need when it is evaluated; of a function all that it uses. */
function neededBy({ alone }: Named): readonly string[] {
  const { free, isClass, source } = alone;
  if (!isClass || EVALUATES.test(source.text)) return free;
  const heritage = source.text.slice(0, source.text.indexOf("{"));
  return free.filter((name) => heritage.includes(name));
}

/**
 * Functions before classes, and each class after its parents, and after those that it may need when
 * it is evaluated, be it in functions that it calls; unless these are its children.
 */
function inOrder(named: readonly Named[]): readonly Named[] {
  const ordered = new Set(named.filter(({ alone }) => !alone.isClass));
  if (ordered.size === named.length) return named;
  const byName = new Map(named.map((one) => [one.name, one]));
  const byClass = new Map<unknown, Named>(named.map((one) => [one.fn, one]));
  const begun = new Set<Named>();
  const parentOf = ({ fn, alone }: Named): Named | undefined => {
    let parent: unknown = alone.isClass ? Object.getPrototypeOf(fn) : null;
    while (typeof parent === "function" && !byClass.has(parent)) {
      parent = Object.getPrototypeOf(parent);
    }
    return byClass.get(parent);
  };
  const mayPrecede = (one: Named): boolean => {
    if (!one.alone.isClass) return true;
    let parent = parentOf(one);
    while (parent !== undefined && !begun.has(parent)) parent = parentOf(parent);
    return parent === undefined || ordered.has(parent);
  };
  // A list, as a chain of classes may be longer than the stack.
  for (const first of named) {
    const path = first.alone.isClass ? [first] : [];
    for (let one = path.at(-1); one !== undefined; one = path.at(-1)) {
      const next: Named[] = [];
      if (!begun.has(one)) {
        begun.add(one);
        for (const name of neededBy(one)) {
          const other = byName.get(name);
          if (other !== undefined && !begun.has(other) && mayPrecede(other)) next.push(other);
        }
        const parent = parentOf(one);
        if (parent !== undefined && !begun.has(parent)) next.push(parent);
      }
      if (next.length > 0) path.push(...next);
      else {
        ordered.add(one);
        path.pop();
      }
    }
  }
  return [...ordered];
}

/** The arguments of a task that imports something first. */
const ARGUMENTS = "__deferred_arguments";

function importing(imports: readonly Imported[]): string {
  return imports.map(({ name, from, imported, attributes }) => {
    const options = Object.keys(attributes).length > 0
      ? `,{with:${JSON.stringify(attributes)}}`
      : "";
    const module = `await import(${JSON.stringify(from)}${options})`;
    return imported === "*"
      ? `${name}=${module};`
      : `({${JSON.stringify(imported)}:${name}}=${module});`;
  }).join("");
}

/** Whether nothing is evaluated before it is called. */
function isCalled({ alone, variables, renames }: Named): boolean {
  return variables === undefined && !alone.isClass && renames === undefined;
}

/** Parameters with defaults: further names of some, and what bundlers make of modules. */
function derived({ registered, aliases, modules, values }: Enclosed): string[] {
  const known = new Set([...values, ...registered.keys()]);
  return [
    ...Array.from(registered, ([name, global]) => `${name}=globalThis.${global}`),
    ...[...aliases].map(([alias, name]) => known.has(name) ? `${alias}=${name}` : alias),
    ...Array.from(modules, ([module, names]) => {
      return `${module}={${names.map((name) => `get ${name}(){return ${name}}`).join()}}`;
    }),
  ];
}

/** The source of a function with what is around it, and the texts in that. */
export function enclose(
  enclosed: Enclosed,
): { readonly source: Source; readonly strict: boolean; readonly parts: readonly Part[] } {
  const { main, values, named, taken, imports, aliases, owned, helpers } = enclosed;
  const isNamed = named.some(({ fn }) => fn === main.fn);
  const around = inOrder(named);
  const early = [...around, ...taken].filter(isCalled);
  const evaluated = [...taken, ...around].filter((one) => !isCalled(one));
  const all = [...early, ...evaluated, ...isNamed ? [] : [main]];
  // What is imported is there before anything is evaluated: then the task's function is one of ours.
  const waits = imports.length > 0;
  const wait = `return async function(...${ARGUMENTS}){${importing(imports)}`;
  const call = waits ? `(...${ARGUMENTS})` : "";
  const strict = all.every(({ alone }) => alone.strict);
  const texts = all.map(({ alone }) => alone.source.text);
  const own = [...named, ...taken].flatMap(({ name, variables }) => variables ?? [name])
    .concat(imports.map(({ name }) => name));
  const parameters = [TAKE, ...values, ...own, ...derived(enclosed)];
  if (owned.size > 0) parameters.push(`${GIVE}=${GIVE_DEFINITION}`);
  if (helpers.length > 0) parameters.push(definitions(helpers, texts.join("\n")));
  const others = new Map<string, string[]>();
  for (const [alias, name] of aliases) others.set(name, [...others.get(name) ?? [], alias]);

  let head = `(function(${parameters.join()}){`, tail = "", row = 2;
  const parts = all.map((one, i) => {
    const { name, fn, alone, location, renames } = one;
    const { text, isMember } = alone.source;
    const isLast = one === main;
    // The name stands right before it: a function without a name gets that.
    const names = one.variables === undefined ? [...others.get(name) ?? [], name, ""] : [];
    let open = isMember ? `${TAKE}(${alone.source.head}` : alone.source.head;
    tail = isMember ? `${alone.source.tail},${alone.at})` : alone.source.tail;
    if (renames !== undefined) {
      open = `((${renames.names.join()})=>${open}`;
      tail += `)(${renames.values.join()})`;
    }
    open = (isLast ? "return " : names.join("=")) + open;
    if (alone.strict && !strict) {
      open = `${isLast ? "return" : ""}(()=>{"use strict";${open}`;
      tail += "})()";
    }
    if (isLast) tail += call;
    if (waits && i === early.length) open = wait + open;
    const properties = isLast ? undefined : owned.get(name);
    if (properties !== undefined) tail += `;${GIVE}(${name},${properties})`;
    head += open;
    const part = { text, name: fn === main.fn ? "" : name, row, location };
    if (i < all.length - 1) head += `\n${text}\n${tail};`;
    row += ODD_LINE_END.test(text) ? Infinity : text.split("\n").length + 1;
    return part;
  });
  let end = isNamed ? `;return ${named.find(({ fn }) => fn === main.fn)!.name}${call}` : "";
  if (waits) end = all.length > early.length ? `${end}}` : `;${wait}${end}}`;
  const source: Source = {
    head,
    text: texts.at(-1)!,
    tail: `${tail}${end}})`,
    isMember: false,
    outer: values.length,
  };
  return { source, strict, parts };
}
