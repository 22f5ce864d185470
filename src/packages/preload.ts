/**
 * The modules that every task of a pool has: a list's, with all that they import, found and read before
 * the pool's first task.
 *
 * @module
 */
import { LANGUAGE } from "../../ffi/symbols.ts";
import { fileName } from "../display.ts";
import { typeError } from "../errors.ts";
import { scriptSyntaxError } from "../function/advice.ts";
import { offsetIn, type Position, ScriptPlaces } from "../function/positions.ts";
import { FileNames, type KnownModule, moduleLetter, type PreloadedModules } from "../modules.ts";
import { describeNoList, type ModuleList } from "./list.ts";

const WHERE = "new DeferredPool({ preload })";

/** What a module asks for statically, and where; or why it can't be read. */
export type Requests =
  | readonly {
    readonly specifier: string;
    readonly type: string;
    readonly place: Position;
  }[]
  | { readonly message: string; readonly place: Position | undefined };

/** Checks the option `preload`. */
export function checkPreload(given: unknown): void {
  if (given === undefined) return;
  const got = describeNoList(given);
  if (got !== null) {
    throw typeError(
      `${WHERE}: preload must be an array of modules, such as ["marked", "./rules.ts"], ` +
        `got ${got}`,
    );
  }
  for (const entry of given as string[]) {
    if (!entry.endsWith("/")) continue;
    throw typeError(
      `${WHERE}: ${
        JSON.stringify(entry)
      } is a folder, of which nobody knows what tasks will need; ` +
        "name its modules",
    );
  }
}

interface Module extends KnownModule {
  readonly type: string;
  readonly names: string[];
  readonly links: (string | number)[];
}

/** The modules, by their numbers. */
export class Preloaded implements PreloadedModules {
  readonly #list: ModuleList;
  readonly #requestsOf: (text: string, isTypeScript: boolean) => Requests;
  /** By number, from 1 on. */
  readonly #modules: Module[] = [];
  /** By type and URL. */
  readonly #numbers = new Map<string, number>();
  readonly names: FileNames = new FileNames();

  /** @throws {TypeError | SyntaxError} if one of them can't be had */
  constructor(
    list: ModuleList,
    specifiers: readonly string[],
    requestsOf: (text: string, isTypeScript: boolean) => Requests,
  ) {
    this.#list = list;
    this.#requestsOf = requestsOf;
    for (const specifier of specifiers) {
      const { url, type } = attempt(specifier, undefined, () => list.entry(specifier));
      const { names } = this.#moduleOf(specifier, undefined, url, type);
      if (!names.includes(specifier)) names.push(specifier);
    }
    for (const module of this.#modules) this.#link(module); // which adds more
  }

  get count(): number {
    return this.#modules.length;
  }

  module(number: number): KnownModule | undefined {
    return this.#modules[number - 1];
  }

  numberOf(type: string, url: string): number | undefined {
    return this.#numbers.get(`${type} ${url}`);
  }

  /** As the library takes them, in the order of their numbers. */
  get letters(): readonly (readonly unknown[])[] {
    return this.#modules.map((module, i) => {
      return [...moduleLetter(module, i + 1, module.links), module.names];
    });
  }

  /** What a module is called in the list, or else its file. */
  titleOf(number: number): string {
    const module = this.#modules[number - 1];
    return module?.names[0] ?? module?.file ?? "";
  }

  #moduleOf(specifier: string, from: Place | undefined, url: string, type: string): Module {
    const known = this.numberOf(type, url);
    if (known !== undefined) return this.#modules[known - 1]!;
    const { source: text, code, isHidden } = attempt(specifier, from, () => {
      const loaded = this.#list.loaded(url, type);
      if (type !== "text" && (type === "json") !== (loaded.code === LANGUAGE.JSON)) {
        throw new Error(
          type === "json"
            ? `${url} is no JSON, as { type: "json" } says`
            : `${url} is JSON: import it with { type: "json" }`,
        );
      }
      return loaded;
    });
    const file = this.names.for(url);
    const module = { url, type, file, text, language: code, isHidden, names: [], links: [] };
    this.#numbers.set(`${type} ${url}`, this.#modules.push(module));
    return module;
  }

  #link(module: Module): void {
    const { url, text, language, links } = module;
    const isTypeScript = language === LANGUAGE.TYPESCRIPT;
    if (text === "" || (!isTypeScript && language !== LANGUAGE.JAVASCRIPT)) return;
    const requests = this.#requestsOf(text, isTypeScript);
    if ("message" in requests) throw unreadable(module, requests);
    for (const { specifier, type, place } of requests) {
      const from = { module, place };
      const attributes: Record<string, string> = type === "" ? {} : { type };
      const target = attempt(specifier, from, () => {
        if (type !== "" && type !== "json" && type !== "text") {
          throw new Error(`the import attribute { type: ${JSON.stringify(type)} } is not known`);
        }
        return this.#list.resolve(specifier, url, { attributes });
      });
      this.#moduleOf(specifier, from, target, type);
      links.push(specifier, type, this.numberOf(type, target)!);
    }
  }
}

/** Where a module is asked for. */
interface Place {
  readonly module: Module;
  readonly place: Position;
}

function shownPlace({ url, text }: Module, place: Position | undefined): string {
  const at = place && new ScriptPlaces(text).of(place);
  return at === undefined ? fileName(url) : `${fileName(url)}:${at.line}:${at.column}`;
}

/** What `find` gives, or an error that says who asks for the module. */
function attempt<T>(specifier: string, from: Place | undefined, find: () => T): T {
  try {
    return find();
  } catch (cause) {
    const where = from === undefined ? "" : ` in ${shownPlace(from.module, from.place)}`;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw typeError(`${WHERE}: can't import ${JSON.stringify(specifier)}${where}: ${why}`);
  }
}

function unreadable(
  module: Module,
  { message, place }: { readonly message: string; readonly place: Position | undefined },
): SyntaxError {
  const { text, language } = module;
  const at = place === undefined ? null : offsetIn(`${text} `, place.line + 1, place.column);
  const isTypeScript = language === LANGUAGE.TYPESCRIPT;
  const said = at === null
    ? null
    : scriptSyntaxError(message, { text, at, isTypeScript, isModule: true });
  return new SyntaxError(`${WHERE}: ${shownPlace(module, place)}: ${said ?? message}`);
}
