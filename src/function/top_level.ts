/**
 * The top level of a module, for `scope: import.meta`: what a function of that module finds around it.
 *
 * The module's file is read once, as it is when it is first asked for, and parsed
 * (parser/declarations.js). Of what it declares, the function takes along what it uses, and what that
 * uses in its turn: as texts, which are evaluated anew in each task (`enclose.ts`). So only that can go
 * whose text gives the same there. What can't is told by name, all at once.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, resolve } from "node:path";
import process from "node:process";
import { besideLibrary } from "../../ffi/load.ts";
import { FunctionNotSerializableError } from "../errors.ts";
import { isOfRuntime } from "../packages/resolve.ts";
import { escaped } from "./advice.ts";
import type { Alone, Imported, Named } from "./enclose.ts";
import { type Location, mayRead, pathOf, rangeIn } from "./locate.ts";
import { positionAt } from "./positions.ts";

/** What a module declares, as parser/declarations.js gives it; places are offsets in the text. */
export interface Declaration {
  readonly name: string;
  readonly kind: "function" | "class" | "variable" | "import";
  readonly start: number;
  readonly end: number;
  /** Why its text can't be evaluated anew; "" if it can. */
  readonly why: string;
  /** Where it is assigned to. */
  readonly assigned: readonly number[];
  /** Where what it holds is changed. */
  readonly changed: readonly number[];
  /** Where it is used by what is evaluated with the module, in no function. */
  readonly evaluated: readonly number[];
  /** [start, end, ...] of the scopes in which the name stands for something else. */
  readonly inner: readonly number[];
  /** Of an import: the module that it is of, and what it is called there; "*" for all of it. */
  readonly from?: string;
  readonly imported?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** parser/declarations.js, bundled. */
interface Parser {
  read(text: string, isTypeScript: boolean):
    | { readonly text: string; readonly declarations: readonly Declaration[] }
    | { readonly message: string; readonly row: number; readonly column: number };
}

/** The parser, loaded by the first call. */
function parser(): Parser {
  const file = resolve(besideLibrary("parser.cjs"));
  return createRequire(file)(file) as Parser; // which keeps it
}

const LARGEST = 4 * 2 ** 20;

function unusable(file: string, why: string, options?: ErrorOptions): FunctionNotSerializableError {
  return new FunctionNotSerializableError(`scope: import.meta: ${file} ${why}`, options);
}

const BY_NAME = "pass by name what the function uses, scope: { … }";

/** The text of a module's file. */
function textAt(url: string): { readonly path: string; readonly text: string } {
  const path = pathOf(url);
  if (path === null) {
    throw unusable(url, `is no file that can be read, so its text isn't known; ${BY_NAME}`);
  }
  if (!mayRead(path)) {
    throw unusable(
      path,
      `may not be read: run with --allow-read=${path}, or ${BY_NAME}`,
    );
  }
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw unusable(path, `can't be read: ${(cause as Error).message}; ${BY_NAME}`, { cause });
  }
  if (text.length > LARGEST) {
    throw unusable(path, `has more than ${LARGEST / 2 ** 20} MiB; ${BY_NAME}`);
  }
  return { path, text: text.replace(/^\ufeff/, "") };
}

/** Offsets in a module's text. */
interface Range {
  readonly start: number;
  readonly end: number;
}

let count = 0;

/** A module's top level. */
export class TopLevel {
  /** A number of its own. */
  readonly id: number = ++count;
  readonly declarations: ReadonlyMap<string, Declaration>;
  /** Names that also some global has, each with what finds it in a text. */
  readonly #shadowing: readonly (readonly [name: string, use: RegExp])[];
  readonly #text: string;
  readonly #path: string;
  /** As stacks of this runtime name it. */
  readonly #file: string;

  constructor(url: string) {
    const { path, text } = textAt(url);
    const declared = parser().read(text, /\.[cm]?tsx?$/.test(path));
    if ("message" in declared) {
      const { message, row, column } = declared;
      throw unusable(`${path}:${row}:${column}`, `can't be read: ${message}; ${BY_NAME}`);
    }
    this.#path = path;
    this.#file = process.versions.bun === undefined ? url : path;
    this.#text = declared.text;
    this.declarations = new Map(declared.declarations.map((one) => [one.name, one]));
    this.#shadowing = [...this.declarations.keys()].filter((name) => name in globalThis)
      .map((name) => [name, new RegExp(`(?<![\\w$.])${escaped(name)}(?![\\w$])`)]);
  }

  /** The names that are declared together with one: `a` and `b` of `const { a, b } = c`. */
  together({ start }: Declaration): readonly string[] {
    return Array.from(this.declarations.values())
      .filter((other) => other.start === start)
      .map(({ name }) => name);
  }

  /** The text of a declaration. */
  textOf({ start, end }: Declaration): string {
    return this.#text.slice(start, end);
  }

  /** Maps places in that text. */
  locationOf({ start }: Declaration): Location {
    return { file: this.#file, position: (offset) => positionAt(this.#text, start + offset) };
  }

  /** "line 12", of an offset. */
  line(offset: number): string {
    return `line ${positionAt(this.#text, offset).line}`;
  }

  /** Its file, as messages name it. */
  get name(): string {
    return basename(this.#path);
  }

  /** Of the names that a text uses, those that nothing in it defines. */
  usedBy({ free, probed, source }: Alone): readonly string[] {
    const globals = this.#shadowing.filter(([, use]) => use.test(source.text)).map(([name]) =>
      name
    );
    return [...free, ...probed.filter((name) => this.declarations.has(name)), ...globals];
  }

  /** Where a function of the module stands; `null` if that can't be told. */
  rangeOf(text: string): (Range & { readonly location: Location }) | null {
    return rangeIn(this.#file, text);
  }
}

/** The modules that were asked for, by URL. */
const modules = new Map<string, TopLevel>();

const MAX_MODULES = 100;

/**
 * The top level of the module with that URL.
 *
 * @throws {FunctionNotSerializableError} if its text can't be had, or can't be read.
 */
export function topLevelOf(url: string): TopLevel {
  let top = modules.get(url);
  if (top === undefined) {
    top = new TopLevel(url);
    if (modules.size >= MAX_MODULES) modules.delete(modules.keys().next().value!);
    modules.set(url, top);
  }
  return top;
}

/** What can't go along, by name, with the reason. */
export type Refused = ReadonlyMap<string, string>;

/**
 * What functions use of their module's top level, and what that uses.
 *
 * @param main the task's function, which stands in the module
 * @param others functions that it is given
 * @param given names that it finds otherwise
 * @param mayImport whether its task may import anything
 * @param look makes a declaration a part of the source
 */
export function takeAlong(
  top: TopLevel,
  main: Named,
  others: readonly Named[],
  given: ReadonlySet<string>,
  mayImport: boolean,
  look: (declaration: Declaration) => Named,
): {
  readonly taken: readonly Named[];
  readonly imports: readonly Imported[];
  readonly refused: Refused;
  /** Where the function stands, if that is known. */
  readonly location: Location | undefined;
} {
  const users = new Set([main, ...others]);
  const refused = new Map<string, string>();
  const taken = new Map<Declaration, Named>();
  const mentioned = new Map<string, Declaration>();
  const starts = new Set<number>();
  const imports = new Map<string, Imported>();
  const uses = new Map<Named, readonly string[]>();
  for (const user of users) { // those that are added on the way, too
    const used = top.usedBy(user.alone);
    uses.set(user, used);
    for (const name of used) {
      const declaration = top.declarations.get(name);
      if (declaration === undefined || given.has(name) || mentioned.has(name)) continue;
      mentioned.set(name, declaration);
      const { start } = declaration;
      const why = whyNot(top, declaration, mayImport);
      if (why !== "") refused.set(name, why);
      else if (declaration.kind === "import") imports.set(name, importOf(declaration));
      else if (!starts.has(start)) {
        starts.add(start);
        const part = look(declaration);
        taken.set(declaration, part);
        users.add(part);
      }
    }
  }
  const own = top.rangeOf(main.alone.source.text);
  const refuse = (name: string, why: string): void => {
    if (!refused.has(name)) refused.set(name, why);
  };
  for (const [name, declaration] of mentioned) {
    const elsewhere = changedElsewhere(declaration, taken, uses, own);
    if (elsewhere !== undefined) {
      refuse(name, `is changed (${top.line(elsewhere)}), which a task would not see`);
    }
  }
  for (const name of uses.get(main)!) {
    const shadow = mentioned.has(name) ? shadowOf(mentioned.get(name)!, taken, own) : undefined;
    if (shadow === undefined) continue;
    const which = own === null ? "may be another one" : "is not the one of the top level";
    refuse(name, `${which} where the function stands (${top.line(shadow)})`);
  }
  const inOrder = [...taken].sort(([a], [b]) => a.start - b.start);
  return {
    taken: inOrder.map(([, part]) => part),
    imports: [...imports.values()],
    refused,
    location: own?.location,
  };
}

const isIn = (at: number, { start, end }: Range): boolean => start <= at && at < end;

/**
 * Where what a declaration holds may be changed so that a task would not have it: outside of what goes
 * along, or in that, when something else of the module calls it as the module is evaluated.
 */
function changedElsewhere(
  { changed }: Declaration,
  taken: ReadonlyMap<Declaration, Named>,
  uses: ReadonlyMap<Named, readonly string[]>,
  own: Range | null,
): number | undefined {
  const along = [...taken.keys()];
  const elsewhere = changed.find((at) =>
    !along.some((one) => isIn(at, one)) && !(own !== null && isIn(at, own))
  );
  if (elsewhere !== undefined || changed.length === 0) return elsewhere;
  const changers = new Set(along.filter((one) => changed.some((at) => isIn(at, one))));
  for (const { name } of changers) { // those that are added on the way, too
    for (const [other, part] of taken) {
      if (uses.get(part)!.includes(name)) changers.add(other);
    }
  }
  for (const { evaluated } of changers) {
    const call = evaluated.find((at) => !along.some((one) => isIn(at, one)));
    if (call !== undefined) return call;
  }
  return undefined;
}

/** Where a scope begins in which the function may stand, and which has the name for something else. */
function shadowOf(
  { inner }: Declaration,
  taken: ReadonlyMap<Declaration, Named>,
  own: Range | null,
): number | undefined {
  for (let i = 0; i < inner.length; i += 2) {
    const start = inner[i]!, end = inner[i + 1]!;
    const isAround = own === null
      ? ![...taken.keys()].some((one) => isIn(start, one))
      : start < own.start && own.start < end;
    if (isAround) return start;
  }
  return undefined;
}

function importOf({ name, from = "", imported = "*", attributes = {} }: Declaration): Imported {
  return { name, from, imported, attributes };
}

function whyNot(
  top: TopLevel,
  { kind, why, assigned, from = "", name }: Declaration,
  mayImport: boolean,
): string {
  if (kind === "import") {
    const said = `is imported from ${JSON.stringify(from)}`;
    if (isOfRuntime(from)) {
      return `${said}, which a task does not have (offer what must run outside: { host: { ${name} } })`;
    }
    return mayImport ? "" : `${said} (allow that: { modules: [${JSON.stringify(from)}] })`;
  }
  if (why !== "") return why;
  const [at] = assigned;
  return at === undefined ? "" : `is assigned to (${top.line(at)})`;
}
