/**
 * Modules of code that is text: the loader that a call was given, and what it loads for one task.
 *
 * A task that wants a module says so by an event, as it does for a call of a host's function, and
 * waits. It gets the module's text once, under a number, and from then on the number. What the
 * module imports in its turn only the task knows for sure. Of the host's own modules a list guesses
 * it by their texts, and they are sent along (`Links`): what was not guessed the task asks for.
 *
 * Invariant: whatever a loader does, throws or gives, each import is answered once at the most, and
 * nothing is thrown into the event loop.
 *
 * @module
 */
import { ANSWER, LANGUAGE } from "../ffi/symbols.ts";
import { type Entry, isObject, wrong } from "./call.ts";
import { fileName } from "./display.ts";
import { DeferredLimitError, InternalError, typeError, withoutFrames } from "./errors.ts";
import type { Errand } from "./errand.ts";
import { describe, shorten } from "./function/describe.ts";
import { ScriptPlaces } from "./function/positions.ts";
import type { TaskEvent } from "./pool/reactor.ts";

/** The languages of a text. */
export type SourceLanguage = "javascript" | "typescript";

/** What `load` of a {@linkcode ModuleLoader} gives: a text (bytes are UTF-8), and of what language. */
export type ModuleSource = string | Uint8Array | {
  /** The module's text. */
  readonly source: string | Uint8Array;
  /** Default: by the ending of the module's URL, `.ts`, `.mts` and `.json`; else "javascript". */
  readonly language?: SourceLanguage | "json" | undefined;
};

/** What a loader of our own gives: a text, and the code of `LANGUAGE`. */
export class Loaded {
  readonly source: string;
  readonly code: number;
  /** Whether stacks leave it out. */
  readonly isHidden: boolean;

  constructor(source: string, code: number, isHidden = false) {
    this.source = source;
    this.code = code;
    this.isHidden = isHidden;
  }
}

/** What the functions of a {@linkcode ModuleLoader} are told beside what they are asked. */
export interface ModuleContext {
  /** Aborted when the task ends: nobody waits for the module then. */
  readonly signal: AbortSignal;
  /** The import attributes: `{ type: "json" }`, `{ type: "text" }` or `{}`. */
  readonly attributes: { readonly [name: string]: string };
}

/**
 * Loads the modules that code given as text imports. Its functions run here, on the host; each module
 * is loaded once in a run.
 */
export interface ModuleLoader {
  /**
   * The URL of a module, by which it is known: any text, or a `URL`; nothing if there is none.
   * Default: the specifier itself; a relative one, such as `./a.js`, relative to the importer.
   *
   * @param specifier what the code imports
   * @param importer the URL of the module that does; of the code itself, its `filename`
   */
  resolve?(
    specifier: string,
    importer: string,
    context: ModuleContext,
  ): string | URL | null | undefined | PromiseLike<string | URL | null | undefined>;
  /**
   * The text of a module.
   *
   * @param url what `resolve` gave
   */
  load(
    url: string,
    context: ModuleContext,
  ): ModuleSource | null | undefined | PromiseLike<ModuleSource | null | undefined>;
}

/** How many modules a run may load, unless it says otherwise. */
export const MODULES = 1000;

/** Checks the option `loader`. */
export function checkLoader(entry: Entry, given: unknown): void {
  const what = "an object with functions, { resolve(specifier, importer) { … }, load(url) { … } }";
  if (!isObject(given)) throw wrong(entry, "loader", what, given);
  const { resolve, load } = given as Record<string, unknown>;
  if (typeof load !== "function") throw wrongPart(entry, "load", load);
  if (resolve !== undefined && typeof resolve !== "function") {
    throw wrongPart(entry, "resolve", resolve);
  }
}

function wrongPart(entry: Entry, name: string, given: unknown): TypeError {
  return typeError(
    `${entry.where}{ loader }): loader.${name} must be a function, got ${describe(given)}`,
  );
}

/** What the engine and csrc/clone_stack.c call by these names. */
const ODD_NAMES: ReadonlySet<string> = new Set([
  "native",
  "missing",
  "<null>",
  "<input>",
  "deferred:task",
]);

/** The names of files in stacks, each of one file only. */
export class FileNames {
  readonly #used = new Set<string>();
  readonly #others: FileNames | undefined;

  /** @param others whose names are taken as well */
  constructor(others?: FileNames) {
    this.#others = others;
  }

  /** The name for a file of that URL. */
  for(url: string): string {
    const name = fileName(url);
    let unique = name;
    for (let n = 2; this.#has(unique); n++) unique = `${name}~${n}`;
    this.#used.add(unique);
    return unique;
  }

  #has(name: string): boolean {
    if (ODD_NAMES.has(name) || this.#used.has(name)) return true;
    return this.#others !== undefined && this.#others.#has(name);
  }
}

/** The name in stacks of the file that comes first. */
export function firstName(url: string): string {
  return new FileNames().for(url);
}

/** A file of a task, as stacks show it. */
export interface SourceFile {
  readonly file: string;
  readonly text: string;
  /** The code of `LANGUAGE`. */
  readonly language: number;
}

interface Module {
  readonly number: number;
  readonly url: string;
  /** The type that its importers say. */
  readonly type: string;
  /** The code of `LANGUAGE`. */
  language: number;
  file: string;
  text: string;
  isSent: boolean;
  isHidden: boolean;
}

/** What a module imports: by what specifier and type, and the URL that this stands for. */
export interface Link {
  readonly specifier: string;
  readonly type: string;
  readonly url: string;
}

/** A loader of our own, which can tell beforehand what a module imports. */
export interface Linker {
  /** What the text of a module says that it imports, as far as that is seen and found. */
  linksOf(url: string, type: string): readonly Link[];
  /** A module; throws if it can't be had. */
  loaded(url: string, type: string): Loaded;
}

/** What is known of a module by its number. */
export interface KnownModule extends SourceFile {
  readonly url: string;
  readonly isHidden: boolean;
}

/** The modules that every task of a pool has, by their numbers from 1 on. */
export interface PreloadedModules {
  readonly count: number;
  readonly names: FileNames;
  module(number: number): KnownModule | undefined;
  /** The number of that which is imported with this type from this URL. */
  numberOf(type: string, url: string): number | undefined;
}

/** The file of that number among them, as stacks show it, if they do. */
export function fileOf(
  modules: PreloadedModules | undefined,
  number: number,
): SourceFile | undefined {
  const module = modules?.module(number);
  return module?.isHidden ? undefined : module;
}

/** As a task is told of a module. */
export function moduleLetter(
  { url, file, text, language }: Omit<KnownModule, "isHidden">,
  number: number,
  links: readonly (string | number)[],
): readonly unknown[] {
  return [number, file, url, language, text, links];
}

/** Characters that are sent along with a module, at the most, or one module more. */
const MOST_ALONG = 2 ** 20;

const MAY_GIVE =
  "it may give a text, bytes in UTF-8, or { source, language }, or throw if it has no " +
  "such module";

/** Why a module can't be imported, in words for a stranger; `cause` is for the host alone. */
class Refusal extends Error {}

/** What a task asks for, and where that stands. */
interface Request {
  /** The number of the file. */
  readonly importer: number;
  readonly specifier: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly row: number;
  readonly column: number;
}

/** A text that is more than a script without a name. */
export interface Program extends SourceFile {
  readonly url: string;
  /** One of `FORM`. */
  readonly form: number;
  readonly loader: ModuleLoader | undefined;
  /** The loader, if it is one of ours. */
  readonly linker?: Linker;
  readonly moduleLimit: number;
  readonly sourceLimit: number;
}

/** The modules of one task. */
export class Modules {
  readonly #program: Program;
  readonly #loader: ModuleLoader;
  readonly #errand: Errand;
  readonly #fail: (cause: unknown) => void;
  readonly #preloaded: PreloadedModules | undefined;
  readonly #names: FileNames;
  /** What `resolve` said, by importer and request. */
  readonly #resolved = new Map<string, Promise<string>>();
  /** By URL, and the type that its importers say. */
  readonly #modules = new Map<string, Promise<Module>>();
  /** Those of them that are here, by the same. */
  readonly #ready = new Map<string, Module>();
  /** Those that were asked for, in the order of their numbers. */
  readonly #asked: Module[] = [];
  #loads = 0;
  #bytes = 0;
  /** Of the module that was refused something last. */
  #places: { readonly importer: number; readonly script: ScriptPlaces } | undefined;
  /** What a loader threw, by the message that the task was given. */
  readonly causes: Map<string, unknown> = new Map();

  /** @param fail called when an import can't be answered at all */
  constructor(
    program: Program,
    loader: ModuleLoader,
    errand: Errand,
    fail: (cause: unknown) => void,
    preloaded?: PreloadedModules,
  ) {
    this.#program = program;
    this.#loader = loader;
    this.#preloaded = preloaded;
    this.#names = new FileNames(preloaded?.names);
    this.#names.for(program.url);
    this.#errand = errand;
    this.#fail = fail;
    this.#count(program.text);
  }

  /** The file of that number, as stacks show it, if they do. */
  file(number: number): SourceFile | undefined {
    const module = this.#at(number);
    return module?.isHidden ? undefined : module;
  }

  /** The module of that number; `undefined` for the program, which is 0. */
  #at(number: number): KnownModule | undefined {
    const before = this.#preloaded?.count ?? 0;
    return number <= before ? this.#preloaded?.module(number) : this.#asked[number - before - 1];
  }

  /** The task has ended: nothing more is loaded. */
  end(): void {
    this.#resolved.clear();
    this.#modules.clear();
  }

  /** The task wants a module. `read` gives what of, or throws why that could not be read. */
  receive({ number, size }: TaskEvent, read: () => readonly unknown[]): void {
    if (!this.#errand.isOpen) return;
    this.#errand.owe(size);
    void this.#errand.run(() => this.#answer(number, read));
    this.#errand.giveRoom(this.#fail);
  }

  async #answer(number: number, read: () => readonly unknown[]): Promise<void> {
    let module: Module | number;
    try {
      const [importer, specifier, attributes, row, column, isModule] = read();
      if (typeof importer !== "number" || typeof specifier !== "string") {
        throw new InternalError("an import of a task says nothing");
      }
      module = await this.#import({
        importer,
        specifier,
        attributes: { ...attributes as Record<string, string> | undefined },
        row: Number(row),
        column: Number(column),
      }, isModule === true);
    } catch (error) {
      this.#refuse(number, error);
      return;
    }
    if (!this.#errand.isOpen) return;
    try {
      if (typeof module === "number") this.#post(number, ANSWER.RETURNED, module);
      else this.#send(number, module);
    } catch (error) {
      this.#refuse(number, error);
    }
  }

  /** Sends a module, unless it was sent, with what it imports, as far as that is known. */
  #send(number: number, module: Module): void {
    if (module.isSent) return this.#post(number, ANSWER.RETURNED, module.number);
    const sent: Module[] = [module];
    const letters = [];
    let length = 0;
    for (const one of sent) { // which grows
      one.isSent = true;
      length += one.text.length;
      const links: (string | number)[] = [];
      for (const link of this.#program.linker?.linksOf(one.url, one.type) ?? []) {
        const target = this.#targetOf(link, length < MOST_ALONG);
        if (target === undefined) continue;
        links.push(link.specifier, link.type, typeof target === "number" ? target : target.number);
        if (typeof target === "number" || target.isSent) continue;
        target.isSent = true;
        sent.push(target);
      }
      letters.push(moduleLetter(one, one.number, links));
    }
    try {
      this.#post(number, ANSWER.RETURNED, letters);
    } catch (error) {
      for (const one of sent) one.isSent = false;
      if (sent.length === 1) throw error;
      this.#post(number, ANSWER.RETURNED, [moduleLetter(module, module.number, [])]);
      module.isSent = true;
    }
  }

  /** The module that a link is to, or the number of one that all tasks have. It is loaded if it `may`. */
  #targetOf({ url, type }: Link, may: boolean): Module | number | undefined {
    const key = `${type} ${url}`;
    const known = this.#preloaded?.numberOf(type, url) ?? this.#ready.get(key);
    if (known !== undefined || !may || this.#modules.has(key)) return known;
    let loaded: Loaded;
    try {
      loaded = this.#program.linker!.loaded(url, type);
    } catch { // the task is told why when it asks for it
      return undefined;
    }
    // A task that imports it in the wrong way is told so, too.
    if (type !== "text" && (type === "json") !== (loaded.code === LANGUAGE.JSON)) return undefined;
    const module = this.#add(url, type, loaded.source, loaded.code, loaded.isHidden);
    this.#modules.set(key, Promise.resolve(module));
    return module;
  }

  #add(url: string, type: string, text: string, language: number, isHidden: boolean): Module {
    const number = (this.#preloaded?.count ?? 0) + this.#asked.length + 1;
    const file = this.#names.for(url);
    const module = { number, url, type, language, file, text, isSent: false, isHidden };
    this.#asked.push(module);
    this.#ready.set(`${type} ${url}`, module);
    return module;
  }

  /** The module that is asked for; 0 for the program, which is one if `isModule`. */
  async #import(request: Request, isModule: boolean): Promise<Module | number> {
    const { importer, specifier, attributes } = request;
    const { url: programUrl } = this.#program;
    for (const [key, value] of Object.entries(attributes)) {
      if (key === "type" && (value === "json" || value === "text")) continue;
      throw this.#refusal(
        request,
        `the import attribute { ${key}: ${JSON.stringify(value)} } ` +
          'is not known, only { type: "json" } and { type: "text" } are',
      );
    }
    const type = attributes["type"] ?? "";
    const from = this.#at(importer)?.url ?? programUrl;
    const url = await kept(
      this.#resolved,
      `${type} ${importer} ${specifier}`,
      () => this.#resolve(request, from),
    );
    if (isModule && type === "" && url === programUrl) return 0;
    const preloaded = this.#program.linker && this.#preloaded?.numberOf(type, url);
    if (preloaded !== undefined) return preloaded;
    return await kept(this.#modules, `${type} ${url}`, () => this.#load(request, url, type));
  }

  async #resolve(request: Request, importer: string): Promise<string> {
    const loader = this.#loader;
    const { specifier } = request;
    if (loader.resolve === undefined) return defaultUrl(specifier, importer);
    let url: unknown;
    try {
      url = await loader.resolve(specifier, importer, this.#context(request));
    } catch (cause) {
      throw this.#refusal(request, reasonOf(cause), cause);
    }
    if (url instanceof URL) return url.href;
    if (typeof url === "string") return url;
    throw this.#refusal(request, `the loader's resolve() gave ${describe(url)}`);
  }

  async #load(request: Request, url: string, type: string): Promise<Module> {
    const { moduleLimit } = this.#program;
    if (++this.#loads > moduleLimit) {
      throw overLimit(
        `the task needs more modules than its moduleLimit of ${moduleLimit}: ${
          this.#wanted(request, url)
        }`,
        "moduleLimit",
      );
    }
    let given: unknown;
    try {
      given = await this.#loader.load(url, this.#context(request));
    } catch (cause) {
      throw this.#refusal(request, `${shown(url)}: ${reasonOf(cause)}`, cause);
    }
    const { source, language } = this.#read(request, url, given);
    if (type !== "text") this.#checkLanguage(request, url, language, type === "json");
    this.#count(source);
    checkSource(this.#bytes, this.#program.sourceLimit, () => this.#wanted(request, url));
    const isHidden = given instanceof Loaded && given.isHidden;
    return this.#add(url, type, source, type === "text" ? LANGUAGE.TEXT : language, isHidden);
  }

  /** Which module, and who imports it. */
  #wanted({ importer }: Request, url: string): string {
    return `${shown(url)} in ${this.#at(importer)?.url ?? this.#program.url}`;
  }

  #count(source: string): void {
    if (this.#program.sourceLimit !== Infinity) this.#bytes += byteLength(source);
  }

  /** What `load` gave, as text. */
  #read(request: Request, url: string, given: unknown): { source: string; language: number } {
    const refuse = (what: string): Refusal =>
      this.#refusal(request, `${shown(url)}: the loader's load() gave ${what}`);
    let source = given;
    let language = languageOf(url);
    if (given instanceof Loaded) {
      source = given.source;
      language = given.code;
    } else if (isObject(given) && !(given instanceof Uint8Array)) {
      const { source: inner, language: named } = given as Record<string, unknown>;
      source = inner;
      if (named !== undefined) {
        const known = LANGUAGES.get(named);
        if (known === undefined) throw refuse(`the language ${describe(named)}`);
        language = known;
      }
      if (typeof source !== "string" && !(source instanceof Uint8Array)) {
        throw refuse(
          `${describe(given)} with ${describe(source)} as its source; ${MAY_GIVE}`,
        );
      }
    }
    if (source instanceof Uint8Array) {
      try {
        source = new TextDecoder("utf-8", { fatal: true }).decode(source);
      } catch {
        throw refuse("bytes that are no UTF-8");
      }
    }
    if (typeof source !== "string") throw refuse(`${describe(source)}; ${MAY_GIVE}`);
    return { source: source.startsWith("\ufeff") ? source.slice(1) : source, language };
  }

  #checkLanguage(request: Request, url: string, language: number, isJson: boolean): void {
    if (isJson === (language === LANGUAGE.JSON)) return;
    throw this.#refusal(
      request,
      isJson
        ? `${shown(url)} is no JSON, as { type: "json" } says`
        : `${shown(url)} is JSON: import it with { type: "json" }`,
    );
  }

  #context({ attributes }: Request): ModuleContext {
    return new Context(attributes, this.#errand);
  }

  #refusal({ importer, specifier, row, column }: Request, why: string, cause?: unknown): Refusal {
    const { url, text } = this.#at(importer) ?? this.#program;
    if (this.#places?.importer !== importer) {
      this.#places = { importer, script: new ScriptPlaces(text) };
    }
    const at = row > 0 ? this.#places.script.of({ line: row, column }) : undefined;
    const place = at === undefined ? "" : `:${at.line}:${at.column}`;
    // A function is no file, and the stack shows where it imports.
    const where = text === "" && importer === 0 ? "" : ` in ${fileName(url)}${place}`;
    return new Refusal(`can't import ${shown(specifier)}${where}: ${why}`, { cause });
  }

  #refuse(number: number, error: unknown): void {
    if (!this.#errand.isOpen) return;
    const isOurs = error instanceof Refusal;
    if (!isOurs && error instanceof DeferredLimitError) return this.#fail(error);
    const { message } = error as Error;
    if (isOurs && error.cause !== undefined) this.causes.set(message, error.cause);
    try {
      const told = new Error(isOurs ? message : `a module could not be loaded: ${message}`);
      this.#post(number, ANSWER.THREW, told);
    } catch (cause) {
      this.#fail(cause);
    }
  }

  /** Throws why it can't be sent. */
  #post(number: number, type: number, value: unknown): void {
    this.#errand.post(number, type, value, "a module is");
  }
}

class Context implements ModuleContext {
  readonly attributes: Readonly<Record<string, string>>;
  readonly #errand: Errand;

  constructor(attributes: Readonly<Record<string, string>>, errand: Errand) {
    this.attributes = attributes;
    this.#errand = errand;
  }

  get signal(): AbortSignal {
    return this.#errand.signal;
  }
}

/** What a map holds for a key, or else what is made for it. */
function kept<T>(map: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

/** The codes of `LANGUAGE`, by the languages' names. */
export const LANGUAGES: ReadonlyMap<unknown, number> = new Map([
  ["javascript", LANGUAGE.JAVASCRIPT],
  ["typescript", LANGUAGE.TYPESCRIPT],
  ["json", LANGUAGE.JSON],
]);

/** The language of a file, by the ending of its name, as the code of `LANGUAGE`. */
export function languageOf(url: string): number {
  const ending = /\.([cm]?ts|json)(?:[?#].*)?$/is.exec(url)?.[1]?.toLowerCase();
  if (ending === undefined) return LANGUAGE.JAVASCRIPT;
  return ending === "json" ? LANGUAGE.JSON : LANGUAGE.TYPESCRIPT;
}

/** The URL of a module if nobody resolves it. */
function defaultUrl(specifier: string, importer: string): string {
  if (!/^\.{0,2}\//.test(specifier)) return specifier;
  if (URL.canParse(specifier, importer)) return new URL(specifier, importer).href;
  const parts: string[] = [];
  const path = specifier.startsWith("/")
    ? specifier
    : importer.slice(0, importer.lastIndexOf("/") + 1) + specifier;
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

/** How many bytes a text is in UTF-8. */
export function byteLength(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    // Of a pair of surrogates, which are 4 bytes, each is 2.
    bytes += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2;
  }
  return bytes;
}

/** Throws if there are more bytes of source than there may be. `last`: what was one too many. */
export function checkSource(bytes: number, limit: number, last?: () => string): void {
  if (bytes <= limit) return;
  const what = last === undefined
    ? "the code is"
    : `the code with its modules, up to ${last()}, is`;
  throw overLimit(
    `${what} ${bytes} bytes, more than its sourceLimit of ${limit} bytes`,
    "sourceLimit",
  );
}

/** Its stack is that of the call that made the task. */
function overLimit(message: string, limit: "moduleLimit" | "sourceLimit"): Error {
  return withoutFrames(() => new DeferredLimitError(message, limit));
}

function shown(text: string): string {
  return JSON.stringify(shorten(text, 200));
}

/**
 * What a stranger's code is told of what a loader threw: a message that the loader wrote. Those of the
 * system name the host's files.
 */
function reasonOf(thrown: unknown): string {
  try {
    const { code, message } = thrown as { code?: unknown; message?: unknown };
    if (typeof code === "string" && /^E[A-Z0-9]+$/.test(code)) return code;
    if (typeof message === "string") return shorten(message, 1000);
  } catch {
    // what it throws when it is read says nothing
  }
  return "the loader failed";
}
