/**
 * What functions of a pool or a call may import, and the loader that gives it to their tasks: packages
 * and files, found as the module that made the list would find them, read by the host with its
 * permissions.
 *
 * A function may import what is on the list, and what that imports in its turn. A file is read once
 * for a list.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { FORM, LANGUAGE } from "../../ffi/symbols.ts";
import type { AnyFunction } from "../function/source.ts";
import { callerOf } from "../function/stack.ts";
import { describe } from "../function/describe.ts";
import { pathOf } from "../function/locate.ts";
import { typeError } from "../errors.ts";
import {
  type Link,
  type Linker,
  Loaded,
  type ModuleContext,
  type ModuleLoader,
  type Program,
} from "../modules.ts";
import {
  exportedBy,
  FACADE,
  facadeText,
  type Need,
  requiredIn,
  RUNTIME,
  RUNTIME_TEXT,
  UNIT,
  unitText,
} from "./commonjs.ts";
import { EMPTY, isPath, refuseBuiltin, ResolutionError, Resolver } from "./resolve.ts";

/** What a file is: the code of `LANGUAGE`. */
type Kind = number;

/** What the function itself is known by as an importer. */
export const FUNCTION = "deferred:function";

/** What only a module has, at the beginning of a statement. */
const OF_A_MODULE =
  /(?:^|[;}])[\t ]*(?:import\s*["'{*]|import\s+[\w$]+\s*(?:,|\sfrom\b)|export\s*[{*]|export\s+(?:default|const|let|var|function|class|async)\b)/m;

/** What only CommonJS uses. */
const OF_COMMONJS = /(?<![\w$.])(?:module\s*\.\s*exports|exports\s*[.[]|require\s*\()/;

/** Comments; what is closed nowhere, up to the end, so that a text is walked once. */
const COMMENT = /\/\*[^]*?(?:\*\/|$)/g;

/** The same, and texts: where code is written, it begins lines as code does. */
const NO_CODE =
  /\/\*[^]*?(?:\*\/|$)|\/\/.*|(["'])(?:\\.|(?!\1)[^\\\n])*(?:\1|\\?)|`(?:\\[^]|[^\\`])*(?:`|\\?)/g;

/** Whether a text is a module, where no ending and no package.json tells. */
function isModule(text: string): boolean {
  if (!OF_A_MODULE.test(text.replace(COMMENT, ""))) return false;
  return !OF_COMMONJS.test(text) || OF_A_MODULE.test(text.replace(NO_CODE, ""));
}

/** A static import, or what looks like one. */
const IMPORT =
  /(?<![\w$.])(?:import|export)(?!\s*type\b(?!\s*(?:,|from\b)))\s*(?:[\w$*{][^'"`;()]*?\bfrom\s*)?(["'])([^"'\\\n]+)\1(?:\s*with\s*\{\s*type\s*:\s*(["'])(json|text)\3\s*,?\s*\})?/g;

/**
 * What packages ask which build they are; a task has no `process`. In its place stands what is as long,
 * gives "production", and does no harm where it stands in a text or a comment.
 */
const BUILD = /(?<![\w$.])process\.env\.NODE_ENV(?![\w$])/g;
const PRODUCTION = "/production/.source ";

/** What a list of modules is instead of one; `null` if it is one. */
export function describeNoList(given: unknown): string | null {
  if (!Array.isArray(given)) return describe(given);
  const wrong = given.findIndex((entry) => typeof entry !== "string" || entry === "");
  return wrong < 0 ? null : `one with ${describe(given[wrong])} in it`;
}

/** Checks the options `modules` and `base`. `where`: the call, as messages begin. */
export function checkModules(where: string, modules: unknown, base: unknown): void {
  const isUsual = modules === undefined || modules instanceof FunctionModules;
  const got = isUsual ? null : describeNoList(modules);
  if (got !== null) {
    throw typeError(
      `${where}{ modules }): modules must be an array of what may be imported, such as ` +
        `["marked", "./rules.ts"], got ${got}`,
    );
  }
  if (base === undefined || base instanceof URL || typeof base === "string") return;
  throw typeError(
    `${where}{ base }): base must be the URL of a module, import.meta.url, got ${describe(base)}`,
  );
}

/** A module that is made here. */
function ours(text: string): Loaded {
  return new Loaded(text, LANGUAGE.JAVASCRIPT, true);
}

/** What a module is imported with, of all that its loader is told. */
export type Attributed = Pick<ModuleContext, "attributes">;

function attributesOf(type: string): Attributed["attributes"] {
  return type === "" ? {} : { type };
}

/** What loads the modules that a function may import. */
export abstract class FunctionModules implements ModuleLoader, Linker {
  /** By type and URL. */
  readonly #links = new Map<string, readonly Link[]>();

  abstract resolve(specifier: string, importer: string, context: Attributed): string;
  abstract load(url: string, context: Attributed): Loaded;

  loaded(url: string, type: string): Loaded {
    return this.load(url, { attributes: attributesOf(type) });
  }

  linksOf(url: string, type: string): readonly Link[] {
    const key = `${type} ${url}`;
    let links = this.#links.get(key);
    if (links === undefined) this.#links.set(key, links = this.#linksIn(url, type));
    return links;
  }

  #linksIn(url: string, type: string): readonly Link[] {
    const { source, code } = this.loaded(url, type);
    if (code !== LANGUAGE.JAVASCRIPT && code !== LANGUAGE.TYPESCRIPT) return [];
    const links: Link[] = [];
    for (const [, , specifier, , named = ""] of source.matchAll(IMPORT)) {
      try {
        const target = this.resolve(specifier!, url, { attributes: attributesOf(named) });
        links.push({ specifier: specifier!, type: named, url: target });
      } catch {
        // It may be no import at all; else the task asks for it, and is told why.
      }
    }
    return links;
  }

  /** What a task's `Modules` is to know of a function, which has no text of its own. */
  get program(): Program {
    return {
      url: FUNCTION,
      file: "",
      text: "",
      form: FORM.SCRIPT,
      language: LANGUAGE.JAVASCRIPT,
      loader: this,
      linker: this,
      moduleLimit: Infinity,
      sourceLimit: Infinity,
    };
  }
}

/** What may be imported, and the files that were read for that. */
export class ModuleList extends FunctionModules {
  readonly #entries: readonly string[];
  readonly #base: string;
  readonly #resolver: Resolver;
  readonly #texts = new Map<string, string>();
  readonly #kinds = new Map<string, Kind>();
  /** What was found, by importer, specifier and whether that is imported with a type. */
  readonly #found = new Map<string, string>();

  constructor(entries: readonly string[], base: string) {
    super();
    this.#base = base;
    this.#entries = entries.map((entry) => isPath(entry) ? new URL(entry, base).href : entry);
    this.#resolver = new Resolver(base);
  }

  resolve(specifier: string, importer: string, { attributes }: Attributed): string {
    // What is made around CommonJS imports by URL.
    if (importer.startsWith(FACADE) || importer.startsWith(UNIT)) return specifier;
    const isFunction = importer === FUNCTION;
    if (isFunction) this.#checkListed(specifier);
    return this.#find(specifier, importer, attributes["type"] !== undefined);
  }

  #find(specifier: string, importer: string, isTyped: boolean): string {
    const key = `${isTyped} ${importer} ${specifier}`;
    let found = this.#found.get(key);
    if (found !== undefined) return found;
    const from = importer === FUNCTION ? this.#base : importer;
    found = this.#resolver.find(specifier, from, "import");
    if (found !== EMPTY && !isTyped && this.#kindOf(found) === LANGUAGE.COMMONJS) {
      found = FACADE + found;
    }
    this.#found.set(key, found);
    return found;
  }

  /** What a specifier of the list stands for, and the type with which it is imported. */
  entry(specifier: string): { readonly url: string; readonly type: string } {
    const url = this.#find(specifier, FUNCTION, false);
    const isData = url.startsWith("file:") && this.#kindOf(url) === LANGUAGE.JSON;
    return { url, type: isData ? "json" : "" };
  }

  load(url: string, { attributes }: Attributed): Loaded {
    if (url === RUNTIME) return ours(RUNTIME_TEXT);
    if (url === EMPTY) return ours("export default {};");
    if (url.startsWith(UNIT)) return this.#unit(url.slice(UNIT.length));
    if (url.startsWith(FACADE)) {
      const file = url.slice(FACADE.length);
      return ours(facadeText(file, this.#namesOf(file)));
    }
    const text = this.#read(url);
    if (attributes["type"] === "text") return new Loaded(text, LANGUAGE.TEXT);
    const kind = this.#kindOf(url);
    if (kind === LANGUAGE.JSON) return new Loaded(text, kind);
    const given = text.replace(BUILD, PRODUCTION);
    // The engine knows the first line of a program in scripts and modules, not in a function.
    return new Loaded(kind === LANGUAGE.COMMONJS ? given.replace(/^#!/, "//") : given, kind);
  }

  #checkListed(specifier: string): void {
    const url = isPath(specifier) ? new URL(specifier, this.#base).href : specifier;
    const isListed = this.#entries.some((entry) =>
      url === entry || url.startsWith(entry.endsWith("/") ? entry : `${entry}/`)
    );
    if (isListed) return;
    refuseBuiltin(specifier);
    throw new ResolutionError(
      `it is not among the modules that the function may import; add it: ` +
        `{ modules: [${JSON.stringify(specifier)}] }`,
    );
  }

  #unit(file: string): Loaded {
    const needs = requiredIn(this.#read(file)).map((specifier) => this.#need(specifier, file));
    const path = fileURLToPath(file);
    return ours(unitText(file, path, dirname(path), needs));
  }

  #need(specifier: string, file: string): Need {
    try {
      const url = this.#resolver.find(specifier, file, "require");
      if (url === EMPTY) return { specifier, namespace: EMPTY };
      const kind = this.#kindOf(url);
      if (kind === LANGUAGE.JSON) return { specifier, json: url };
      return kind === LANGUAGE.COMMONJS ? { specifier, unit: url } : { specifier, namespace: url };
    } catch (error) {
      if (!(error instanceof ResolutionError)) throw error;
      const shown = JSON.stringify(specifier);
      return { specifier, missing: `can't require(${shown}) in ${file}: ${error.message}` };
    }
  }

  /** The names that a CommonJS module exports, with those that it passes on. */
  #namesOf(file: string, seen = new Set<string>()): ReadonlySet<string> {
    if (seen.has(file)) return new Set();
    seen.add(file);
    const { names, from } = exportedBy(this.#read(file));
    const all = new Set(names);
    for (const specifier of from) {
      const need = this.#need(specifier, file);
      if ("unit" in need) { for (const name of this.#namesOf(need.unit, seen)) all.add(name); }
    }
    return all;
  }

  #kindOf(url: string): Kind {
    let kind = this.#kinds.get(url);
    if (kind === undefined) this.#kinds.set(url, kind = this.#findKind(url));
    return kind;
  }

  #findKind(url: string): Kind {
    const path = fileURLToPath(url);
    const ending = /\.([^./\\]*)$/.exec(path)?.[1]?.toLowerCase() ?? "";
    switch (ending) {
      case "mjs":
        return LANGUAGE.JAVASCRIPT;
      case "cjs":
        return LANGUAGE.COMMONJS;
      case "ts":
      case "mts":
        return LANGUAGE.TYPESCRIPT;
      case "json":
        return LANGUAGE.JSON;
      case "js":
      case "": {
        const type = this.#resolver.typeOf(path);
        if (type === "module") return LANGUAGE.JAVASCRIPT;
        if (type === "commonjs") return LANGUAGE.COMMONJS;
        return isModule(this.#read(url)) ? LANGUAGE.JAVASCRIPT : LANGUAGE.COMMONJS;
      }
    }
    const reasons: Record<string, string> = {
      jsx: "JSX has to be compiled first",
      tsx: "JSX has to be compiled first",
      cts: "CommonJS in TypeScript has to be compiled first",
      node: "a task can't load native code",
      wasm: "a task has no WebAssembly",
    };
    const reason = Object.hasOwn(reasons, ending) ? reasons[ending] : "a task has no such modules";
    throw new ResolutionError(
      `${path}: ${reason}; import what it says as text, with { type: "text" }, if you want that`,
    );
  }

  #read(url: string): string {
    let text = this.#texts.get(url);
    if (text !== undefined) return text;
    try {
      text = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(fileURLToPath(url)));
    } catch (cause) {
      throw new ResolutionError(cause instanceof Error ? cause.message : String(cause), { cause });
    }
    this.#texts.set(url, text);
    return text;
  }
}

/**
 * The list that the options say. What it names is found as the module at `base` finds it; by default
 * that which calls `entry`.
 *
 * @throws {TypeError} if that module is not known, or no file
 */
export function readList(
  { where, function: entry }: {
    readonly where: string;
    readonly function: AnyFunction | NewableFunction;
  },
  modules: readonly string[],
  base: string | URL | undefined,
): ModuleList {
  const given = base === undefined ? callerOf(entry) : String(base);
  const path = given === undefined ? null : pathOf(given);
  if (path !== null) return new ModuleList([...modules], pathToFileURL(path).href);
  throw typeError(
    given === undefined
      ? `${where}{ modules }): which file asks for them is not known, so they can't be found; say it: ` +
        "{ base: import.meta.url }"
      : `${where}{ base }): modules are found from a file, so base must be the URL or the path of one, ` +
        `got ${describe(given)}`,
  );
}

/** The same, of a job; or what it has been given already. */
export function readModules(
  entry: Parameters<typeof readList>[0],
  modules: readonly string[] | FunctionModules,
  base: string | URL | undefined,
): FunctionModules {
  if (modules instanceof FunctionModules) return modules; // of a job that is tried anew
  return readList(entry, modules, base);
}
