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
import { escaped, importedIn } from "./advice.ts";
import type { Alone, Imported, Named } from "./enclose.ts";
import { type Location, mayRead, pathOf, rangeIn } from "./locate.ts";
import { OURS } from "./scope.ts";
import type { Position } from "./positions.ts";
import { renamed, type Tree } from "./renames.ts";

/** What a module declares, as parser/declarations.js gives it; places are offsets in the text. */
export interface Declaration {
  readonly name: string;
  readonly kind: "function" | "class" | "variable" | "import";
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** Whether it holds what is written there as a function or class. */
  readonly isFunction: boolean;
  /** Why its text can't be evaluated anew; "" if it can. */
  readonly why: string;
  /** Where it is assigned to. */
  readonly assigned: readonly number[];
  /** Where what it holds is changed. */
  readonly changed: readonly number[];
  /** Where it is used. */
  readonly used: readonly number[];
  /** What is taken of it by name, use by use, and of that in turn: `a`, `a.b`. */
  readonly members: readonly string[];
  /** Where it is used by what is evaluated with the module, in no function. */
  readonly evaluated: readonly number[];
  /** [start, end, ...] of the scopes in which the name stands for something else. */
  readonly inner: readonly number[];
  /** Of an import: the module that it is of, and what it is called there; "*" for all of it. */
  readonly from?: string;
  readonly imported?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** Offsets in a module's text. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** A call of which `import.meta` is the scope; that stands from `start` to `end`. */
export interface Site extends Range {
  /** Where the call's function is written; `null` if that can't be seen. */
  readonly fn: Range | null;
  /** The names that are passed beside it; `null` if these can't be seen. */
  readonly given: readonly string[] | null;
  /** Where functions and classes among these are written. */
  readonly others: readonly Range[];
}

/** What the parser reads of a module's text. */
export interface Module {
  readonly declarations: readonly Declaration[];
  /** Where its lines start. */
  readonly lines: readonly number[];
  readonly sites: readonly Site[];
}

/** What a module's text imports by a literal name. */
export interface Import {
  readonly from: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly isDynamic: boolean;
}

/** Why a text can't be read. */
export interface Fault {
  readonly message: string;
  readonly row: number;
  readonly column: number;
}

/** parser/declarations.js, bundled. */
interface Parser {
  read(text: string, isTypeScript: boolean): Module | Fault;
  readImports(text: string, isTypeScript: boolean):
    | { readonly text: string; readonly imports: readonly Import[] }
    | Fault;
}

/** The parser, loaded by the first call. */
export function parser(): Parser {
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

/** Whether the ending of a file's name says that it is TypeScript. */
export function isTypeScript(path: string): boolean {
  return /\.[cm]?tsx?$/.test(path);
}

/** What a module's file declares. */
function readModule(url: string): { readonly path: string; readonly module: Module } {
  const { path, text } = textAt(url);
  const module = parser().read(text, isTypeScript(path));
  if (!("message" in module)) return { path, module };
  const { message, row, column } = module;
  throw unusable(`${path}:${row}:${column}`, `can't be read: ${message}; ${BY_NAME}`);
}

/** What of a module is made a part of a source. */
export interface Taken extends Pick<Declaration, "name" | "kind" | "text"> {
  /** The names that are declared together with it: `a` and `b` of `const { a, b } = c`. */
  readonly together: readonly string[];
  readonly location: Location;
}

let count = 0;

/** A module's top level. */
export class TopLevel implements Origin {
  /** A number of its own. */
  readonly id: number = ++count;
  readonly declarations: ReadonlyMap<string, Declaration>;
  /** Names that also some global has, each with what finds it in a text. */
  readonly #shadowing: readonly (readonly [name: string, use: RegExp])[];
  readonly #lines: readonly number[];
  readonly #path: string;
  /** As stacks of this runtime name it. */
  readonly #file: string;

  /** @param path of its file @param file the same, as stacks are to name it */
  constructor({ declarations, lines }: Module, path: string, file: string) {
    this.#path = path;
    this.#file = file;
    this.#lines = lines;
    this.declarations = new Map(declarations.map((one) => [one.name, one]));
    this.#shadowing = [...this.declarations.keys()].filter((name) => name in globalThis)
      .map((name) => [name, new RegExp(`(?<![\\w$.])${escaped(name)}(?![\\w$])`)]);
  }

  /** A declaration, as it goes along. */
  taken({ name, kind, text, start }: Declaration): Taken {
    const together = Array.from(this.declarations.values())
      .filter((other) => other.start === start)
      .map(({ name }) => name);
    const position = (offset: number): Position => this.positionAt(start + offset);
    return { name, kind, text, together, location: { file: this.#file, position } };
  }

  positionAt(offset: number): Position {
    let line = 0;
    for (let above = this.#lines.length; above - line > 1;) {
      const middle = (line + above) >> 1;
      if (this.#lines[middle]! <= offset) line = middle;
      else above = middle;
    }
    return { line: line + 1, column: offset - this.#lines[line]! + 1 };
  }

  /** "line 12", of an offset. */
  line(offset: number): string {
    return `line ${this.positionAt(offset).line}`;
  }

  /** Its file, as messages name it. */
  get name(): string {
    return basename(this.#path);
  }

  /**
   * What a transpiler may mean that calls imports members of their modules, such as
   * `__vi_import_0__.vat`: those of one module.
   */
  #meant(module: string, members: readonly string[]): readonly ReadonlyMap<string, string>[] {
    const byModule = Map.groupBy(
      [...this.declarations.values()].filter(({ kind }) => kind === "import"),
      ({ from }) => from!,
    );
    const meanings = Array.from(byModule, ([from, imports]) => {
      const names = new Map<string, string>();
      for (const { name, imported, members: used } of imports) {
        if (imported !== "*") names.set(imported!, name);
        else for (const member of used) names.set(member, `${name}.${member}`);
      }
      return { from, names };
    }).filter(({ names }) => members.every((member) => names.has(member)));
    const called = meanings.filter(({ from }) => module.includes(calledBy(from)));
    return (called.length > 0 ? called : meanings).map(({ names }) => names);
  }

  /** A function of the module that a transpiler has changed, which finds what that renamed. */
  renamed(named: Named): Named {
    const { source, free } = named.alone;
    const tree: Tree = new Map();
    const unclear: string[][] = [];
    const unknown = new Set(free.filter((name) => !this.declarations.has(name)));
    for (const [module, members] of importedIn([source.text], unknown)) {
      const [names, ...others] = this.#meant(module, members);
      if (names === undefined) continue;
      tree.set(module, new Map(members.map((member) => [member, names.get(member)!])));
      if (others.length > 0) {
        unclear.push([names, ...others].map((names) => names.get(members[0]!)!));
      }
    }
    return { ...renamed(named, tree), unclear };
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

/** What transpilers call a module: `rules` in `import_rules`, of "./rules.ts". */
function calledBy(from: string): string {
  return basename(from).replace(/\.\w+$/, "").replaceAll(/\W/g, "_");
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
    const { path, module } = readModule(url);
    top = new TopLevel(module, path, process.versions.bun === undefined ? url : path);
    if (modules.size >= MAX_MODULES) modules.delete(modules.keys().next().value!);
    modules.set(url, top);
  }
  return top;
}

/** Where something of a module is declared, as messages say it. */
export interface Origin {
  readonly name: string;
  readonly declarations: ReadonlyMap<string, Pick<Declaration, "kind" | "start">>;
  line(start: number): string;
}

/** What can't go along, by name, with the reason. */
export type Refused = ReadonlyMap<string, string>;

/** What goes along of a function's module, and what can't. */
export interface Along {
  readonly taken: readonly Named[];
  readonly imports: readonly Imported[];
  readonly refused: Refused;
  /** Where the function stands, if that is known. */
  readonly location?: Location | undefined;
}

/**
 * What functions use of their module's top level, and what that uses.
 *
 * @param main the task's function, which stands in the module
 * @param others functions that it is given
 * @param given names that it finds otherwise
 * @param mayImport whether its task may import anything
 * @param look makes a declaration a part of the source
 * @param own where the function stands, if that is known
 */
export function takeAlong(
  top: TopLevel,
  main: Named,
  others: readonly Named[],
  given: ReadonlySet<string>,
  mayImport: boolean,
  look: (taken: Taken) => Named,
  own: (Range & { readonly location?: Location }) | null = top.rangeOf(main.alone.source.text),
): Along {
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
        const part = look(top.taken(declaration));
        taken.set(declaration, part);
        users.add(part);
      }
    }
  }
  for (const paths of main.unclear ?? []) {
    const names = paths.map((path) => path.replace(/\..*/, ""));
    for (const name of names) {
      const others = names.filter((other) => other !== name).map((other) => `\`${other}\``);
      refused.set(
        name,
        `can't be told from ${others.join(", ")}, as its import was renamed (use ` +
          "@protojs/deferred/plugin, or import what has a name, not `default`)",
      );
    }
  }
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
  declaration: Declaration,
  mayImport: boolean,
): string {
  const { kind, why, assigned, from = "", name } = declaration;
  if (kind === "import") {
    const said = `is imported from ${JSON.stringify(from)}`;
    if (isOfRuntime(from)) {
      return `${said}, which a task does not have (offer what must run outside: { host: { ${name} } })`;
    }
    return mayImport ? "" : `${said} (allow that: { modules: [${JSON.stringify(from)}] })`;
  }
  if (why !== "") return why;
  const tool = kind === "variable" && toolOf(top, declaration);
  if (tool) {
    return `is made with \`${tool.name}\` of ${
      JSON.stringify(tool.from)
    }, which a task does not have`;
  }
  if (name.startsWith(OURS)) return "has a name of those that stand around a task's functions";
  const [at] = assigned;
  return at === undefined ? "" : `is assigned to (${top.line(at)})`;
}

/** What is imported of the runtime, and used to make a constant when the module is evaluated. */
function toolOf(top: TopLevel, constant: Declaration): Declaration | undefined {
  return top.declarations.values().find(({ kind, from = "", evaluated }) =>
    kind === "import" && evaluated.some((at) => isIn(at, constant)) && isOfRuntime(from)
  );
}
