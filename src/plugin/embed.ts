/**
 * Makes what functions need of their module a part of the program: each `scope: import.meta` becomes
 * a call that gives the texts of it, which stand in a function at the module's end.
 *
 *     scope: import.meta    scope: __deferred(()=>({"@gross":gross,"@tax":tax}),0)
 *
 * What may go along, and why something can't, says the code that says so when a program runs
 * (`takeAlong`), by the same messages. It has to be seen in the text which function the scope is for:
 * else it is left as it is, and the file is read when the program runs.
 *
 * @module
 */
import { dirname, sep } from "node:path";
import process from "node:process";
import MagicString, { type SourceMap } from "magic-string";
import { freeVariableError } from "../function/advice.ts";
import {
  type EmbeddedModule,
  type EmbeddedPart,
  type EmbeddedSite,
  FORM,
  MARK,
  NAMED,
} from "../function/embedded.ts";
import type { Imported, Named } from "../function/enclose.ts";
import { canBeAround, Scope } from "../function/scope.ts";
import { expression } from "../function/source.ts";
import {
  type Declaration,
  isTypeScript,
  type Module,
  parser,
  type Range,
  type Site,
  takeAlong,
  type Taken,
  TopLevel,
} from "../function/top_level.ts";
import { folderOf, graphOf, namedFrom, pathFrom } from "./graph.ts";

/** A module with what its functions need. */
export interface Transformed {
  readonly code: string;
  readonly map: SourceMap;
  /** The files that it was made of, besides the module's own. */
  readonly files: readonly string[];
}

/** What a module is to be told of, which is not made a part of it. */
export type Warn = (message: string) => void;

const BY_NAME = "write the function, or its name, in the call, or pass what it uses by name: " +
  "scope: { … }";

/**
 * @param path of the module's file
 * @returns `null` if no scope in it is `import.meta`
 * @throws {Error} for what can't go along, and what can't be read
 */
export function embed(text: string, path: string, warn: Warn): Transformed | null {
  const module = parser().read(text, isTypeScript(path));
  if ("message" in module) {
    const { message, row, column } = module;
    throw new Error(`${path}:${row}:${column}: scope: import.meta: it can't be read: ${message}`);
  }
  if (module.sites.length === 0) return null;
  return new Embedding(text, path, module, warn).transform();
}

class Embedding {
  readonly #text: string;
  readonly #path: string;
  readonly #module: Module;
  readonly #top: TopLevel;
  readonly #warn: Warn;
  readonly #parts = new Map<number, EmbeddedPart>();
  readonly #imports = new Map<string, Imported>();

  constructor(text: string, path: string, module: Module, warn: Warn) {
    this.#text = text;
    this.#path = path;
    this.#module = module;
    this.#top = new TopLevel(module, path, path);
    this.#warn = warn;
  }

  transform(): Transformed | null {
    let name = "__deferred";
    while (this.#text.includes(name)) name += "_";
    const edited = new MagicString(this.#text);
    const sites: { readonly starts: readonly number[]; readonly imports: readonly Imported[] }[] =
      [];
    for (const site of this.#module.sites.toSorted((a, b) => a.start - b.start)) {
      const found = this.#site(site);
      if (found === null) continue;
      const { taken, imports, names } = found;
      const given = names.map((own) => `${JSON.stringify(NAMED + own)}:${own}`).join();
      edited.update(site.start, site.end, `${name}(()=>({${given}}),${sites.length})`);
      sites.push({ starts: taken.map(({ start }) => start), imports });
    }
    if (sites.length === 0) return null;
    const graph = graphOf([...this.#imports.values()], this.#path);
    const here = process.cwd();
    const top = this.#path.startsWith(here + sep) ? here : dirname(this.#path);
    const folder = folderOf(top, graph.paths);
    const starts = [...this.#parts.keys()];
    const module: EmbeddedModule = {
      file: pathFrom(folder, this.#path),
      parts: [...this.#parts.values()],
      sites: sites.map(({ starts: own, imports }): EmbeddedSite => {
        return { parts: own.map((start) => starts.indexOf(start)), imports };
      }),
      ...namedFrom(folder, graph),
    };
    // A function, so that it is there before the module is evaluated; what it gives is the same each time.
    edited.append(
      `\nfunction ${name}(names,site){return{${JSON.stringify(MARK)}:${JSON.stringify(FORM)},` +
        `names,site,module:${name}.module??=${JSON.stringify(module)}}}\n`,
    );
    // The boundaries of words are what a debugger stops at.
    const map = edited.generateMap({ source: this.#path, includeContent: true, hires: "boundary" });
    return { code: edited.toString(), map, files: graph.paths };
  }

  /** What belongs to one scope; `null` if it is to be left as it is. */
  #site(site: Site): {
    readonly taken: readonly Declaration[];
    readonly imports: readonly Imported[];
    readonly names: readonly string[];
  } | null {
    const { fn, given } = site;
    if (fn === null || given === null) {
      const what = fn === null ? "which function it is for" : "what is passed beside it";
      this.#leave(site, `it can't be seen ${what}`);
      return null;
    }
    const ranges = [fn, ...site.others];
    const [main, ...others] = ranges.map((range) => this.#named("", range));
    const taken: Declaration[] = [];
    const declarations = this.#top.declarations;
    const look = ({ name }: Taken): Named => {
      const declaration = declarations.get(name)!;
      taken.push(declaration);
      return this.#named(name, declaration);
    };
    const beside = new Set(given);
    const { imports, refused } = takeAlong(this.#top, main!, others, beside, true, look, fn);
    if (refused.size > 0) throw this.#refusal(site, refused, given);
    const along = new Set([
      ...taken.flatMap((one) => this.#top.taken(one).together),
      ...imports.map(({ name }) => name),
    ]);
    const used = ranges.flatMap((range) => this.#usedIn(range)).filter((name) => along.has(name));
    for (const name of used) {
      const { inner } = declarations.get(name)!;
      for (let i = 0; i < inner.length; i += 2) {
        if (site.start < inner[i]! || site.start >= inner[i + 1]!) continue;
        this.#leave(site, `\`${name}\` is another one where the call stands`);
        return null;
      }
    }
    for (const one of taken) {
      if (!this.#parts.has(one.start)) this.#parts.set(one.start, this.#part(one));
    }
    for (const one of imports) this.#imports.set(one.name, one);
    return {
      taken: taken.sort((a, b) => a.start - b.start),
      imports,
      names: [
        ...[...new Set(used)].flatMap((name) => this.#paths(declarations.get(name)!)),
        ...given.filter(canBeAround), // whatever has such a name where the call stands
      ],
    };
  }

  #part(declaration: Declaration): EmbeddedPart {
    const { name, kind, text, together } = this.#top.taken(declaration);
    return { name, kind, text, together, place: this.#top.positionAt(declaration.start) };
  }

  /**
   * What a bundler may call by a name of its own: of an import each part, too, as that may be a module,
   * whoever exports it, or hold one. What holds others stands before them.
   */
  #paths({ name, kind, imported, members, used }: Declaration): string[] {
    if (kind !== "import") return [name];
    const isInParts = imported === "*" &&
      members.filter((member) => !member.includes(".")).length === used.length;
    const parts = [...new Set(members)].sort().map((member) => `${name}.${member}`);
    return isInParts ? parts : [name, ...parts];
  }

  #usedIn({ start, end }: Range): string[] {
    return Array.from(this.#top.declarations.values())
      .filter(({ used }) => used.some((at) => start <= at && at < end))
      .map(({ name }) => name);
  }

  /** What stands somewhere, as far as it matters what goes along with it. */
  #named(name: string, range: Range): Named {
    const source = expression(this.#text.slice(range.start, range.end));
    const alone = {
      id: 0,
      source,
      strict: true,
      isClass: false,
      free: this.#usedIn(range),
      probed: [],
      outer: [],
      kind: "normal",
      at: -1,
      given: new Map(),
    } as const;
    return { name, fn: null, alone };
  }

  #place({ start }: Range): string {
    const { line, column } = this.#top.positionAt(start);
    return `${this.#path}:${line}:${column}`;
  }

  #leave(site: Site, why: string): void {
    this.#warn(
      `${
        this.#place(site)
      }: scope: import.meta is left as it is, as ${why}, so its module is read ` +
        `when the program runs; ${BY_NAME}`,
    );
  }

  #refusal(site: Site, refused: ReadonlyMap<string, string>, given: readonly string[]): Error {
    const names = Object.fromEntries(given.map((name) => [name, undefined]));
    const scope = new Scope(names, given, undefined, this.#path);
    const around = { users: new Map(), scope, refused, top: this.#top };
    const error = freeVariableError([], () => {}, "", around);
    error.message = `${this.#place(site)}: ${error.message}`;
    return error;
  }
}
