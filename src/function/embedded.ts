/**
 * `scope: import.meta`, as the plugin leaves it (src/plugin/): what a function needs of its module was
 * found when the program was built, by the code that does it otherwise when the program runs
 * (`top_level.ts`), and is a part of the program. So no file is read, and none has to be there.
 *
 * What was built may call things by other names. So a function that is never called stands beside the
 * task's, and says what each is called now: `()=>({"@gross":a,"@rules.vat":r.A})`.
 *
 * @module
 */
import { basename } from "node:path";
import type { Imported, Named } from "./enclose.ts";
import { type Position, positionAt } from "./positions.ts";
import { renamed, type Tree } from "./renames.ts";
import { type AnyFunction, textOf } from "./source.ts";
import type { Along, Declaration, Origin, Taken } from "./top_level.ts";

/** The key of what the plugin makes of `import.meta`, and the version of its form. */
export const MARK = "@protojs/deferred";
export const FORM = "scope 1";

/** What stands before a name in the function that says what it is called. */
export const NAMED = "@";

/** A declaration. */
export interface EmbeddedPart extends Pick<Declaration, "name" | "kind" | "text"> {
  /** The names that are declared together with it. */
  readonly together: readonly string[];
  /** Where it starts in its file. */
  readonly place: Position;
}

/** What belongs to one `import.meta`. */
export interface EmbeddedSite {
  /** Indices of the parts that go along, in the module's order. */
  readonly parts: readonly number[];
  readonly imports: readonly Imported[];
}

/** What the modules are that are imported, and those that they import; see src/packages/embedded.ts. */
export interface EmbeddedFiles {
  /** By type and URL: the text, the code of `LANGUAGE`, and 1 if stacks leave it out. */
  readonly files: Readonly<Record<string, readonly [text: string, code: number, hidden?: 1]>>;
  /** By importer, type and specifier: the URL. */
  readonly links: Readonly<Record<string, string>>;
}

/** What the plugin adds to a module. */
export interface EmbeddedModule extends EmbeddedFiles {
  /** Its path, as stacks are to name it. */
  readonly file: string;
  readonly parts: readonly EmbeddedPart[];
  readonly sites: readonly EmbeddedSite[];
}

/** What it makes of `import.meta`. */
interface EmbeddedMeta {
  readonly names: AnyFunction;
  readonly module: EmbeddedModule;
  readonly site: number;
}

const IDENTIFIER = "[\\p{ID_Start}$_][\\p{ID_Continue}$]*";
const PATH = `${IDENTIFIER}(?:\\.${IDENTIFIER}|\\[(?:"[^"\\\\]*"|'[^'\\\\]*')\\])*`;
const CALLED = new RegExp(`["'\`]${NAMED}([^"'\`]+)["'\`]\\s*:\\s*(${PATH})\\s*(?=[,}])`, "gu");
const STEP = new RegExp(`${IDENTIFIER}|(?<=\\[["'])[^"']*`, "gu");

/** By what it is called now, what the module calls it. */
function treeOf(names: AnyFunction): Tree {
  const root: Tree = new Map();
  const text = textOf(names).replace(/\/\*[^]*?\*\//g, "");
  for (const [, own, path] of text.matchAll(CALLED)) {
    const steps = path!.match(STEP)!;
    const last = steps.pop()!;
    let tree: Tree | string = root;
    for (const step of steps) {
      let next: Tree | string | undefined = tree.get(step);
      if (next === undefined) tree.set(step, next = new Map());
      tree = next;
      if (typeof tree === "string") break; // all of it is there
    }
    if (typeof tree !== "string") tree.set(last, own!);
  }
  return root;
}

let count = 0;

/** What a function finds of its module, as it was when the program was built. */
export class Embedded implements Origin {
  /** Unlike that of any other, or of a module that is read. */
  readonly id: string = `embedded ${++count}`;
  readonly files: EmbeddedFiles;
  readonly declarations: ReadonlyMap<string, Pick<Declaration, "kind" | "start">>;
  readonly #module: EmbeddedModule;
  readonly #site: EmbeddedSite;
  readonly #tree: Tree;

  constructor({ names, module, site }: EmbeddedMeta) {
    this.files = module;
    this.#module = module;
    this.#site = module.sites[site]!;
    this.#tree = treeOf(names);
    const declarations = new Map<string, Pick<Declaration, "kind" | "start">>();
    for (const { kind, together, place } of this.#parts) {
      for (const name of together) declarations.set(name, { kind, start: place.line });
    }
    for (const { name } of this.#site.imports) declarations.set(name, { kind: "import", start: 1 });
    this.declarations = declarations;
  }

  get name(): string {
    return basename(this.#module.file);
  }

  /** "line 12", of what `declarations` says. */
  line(start: number): string {
    return `line ${start}`;
  }

  get #parts(): readonly EmbeddedPart[] {
    return this.#site.parts.map((index) => this.#module.parts[index]!);
  }

  /** A function of the program, which finds what the module declares by what that is called now. */
  renamed(named: Named): Named {
    return renamed(named, this.#tree);
  }

  /**
   * What goes along.
   *
   * @param written functions as they are in the program
   * @param given names that they find otherwise
   */
  along(
    written: readonly Named[],
    given: ReadonlySet<string>,
    look: (taken: Taken) => Named,
  ): Along {
    const refused = new Map<string, string>();
    for (const { alone } of written) {
      for (const name of alone.free) {
        if (this.#tree.has(name) || given.has(name) || !this.declarations.has(name)) continue;
        refused.set(name, "is not the one of the top level where the function stands");
      }
    }
    const { file } = this.#module;
    const taken = this.#parts.map(({ name, kind, text, together, place }) => {
      const position = (offset: number): Position => {
        const { line, column } = positionAt(text, offset);
        const before = line === 1 ? place.column - 1 : 0;
        return { line: place.line + line - 1, column: before + column };
      };
      return look({ name, kind, text, together, location: { file, position } });
    });
    return { taken, imports: this.#site.imports, refused };
  }
}

/** By the module's own object, which each of its `import.meta` has, and the number of that. */
const known = new WeakMap<EmbeddedModule, Embedded[]>();

/** What the plugin has made of `import.meta`, if an option is that. */
export function embeddedIn(option: object): Embedded | undefined {
  if ((option as Record<string, unknown>)[MARK] !== FORM) return undefined;
  const meta = option as EmbeddedMeta;
  let sites = known.get(meta.module);
  if (sites === undefined) known.set(meta.module, sites = []);
  return sites[meta.site] ??= new Embedded(meta);
}
