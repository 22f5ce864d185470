/**
 * Compiles functions to programs: each text once. The program is kept for its next use.
 *
 * The engine's reply lists the names that nothing defines. Transpilers' helpers among them get a
 * definition in the first line; any other name is reported to the user at once.
 *
 * @module
 */
import {
  freeVariableError,
  hostsOwn,
  importedIn,
  outerError,
  PROBED,
  refusedKind,
  unreadable,
} from "./advice.ts";
import { type Alone, enclose, type Enclosed, type Named, type Part } from "./enclose.ts";
import { Embedded } from "./embedded.ts";
import { isHelper, passingNoThis, withHelpers } from "./helpers.ts";
import type { Position } from "./positions.ts";
import type { Scope } from "./scope.ts";
import { type Along, type Origin, takeAlong, type Taken, topLevelOf } from "./top_level.ts";
import { FreeVariableError, FunctionNotSerializableError } from "../errors.ts";
import {
  type AnyFunction,
  expression,
  isSloppy,
  join,
  kindOf,
  parameterCount,
  type Source,
  sourcesOf,
  textOf,
  within,
} from "./source.ts";

/** An error of the engine. */
export interface CompileError {
  readonly name: string;
  readonly message: string;
  /** Where in the source, as the engine counts. */
  readonly place?: Position | undefined;
}

/** The engine's answer to a source: a program, or why it was refused. */
export type CompileReply =
  | {
    /** Handle of the program. */
    readonly program: number;
    /** Names that are used and defined nowhere. */
    readonly free: readonly string[];
    /** Further ones, which it also probes with `typeof`. */
    readonly probed: readonly string[];
    /** What it takes from around it: `this`, `new.target`, `super`, `#x`. */
    readonly outer: readonly string[];
    readonly kind: "normal" | "async" | "generator" | "asyncGenerator";
    /** A private member of a class inside the function, such as `#x`. */
    readonly hidden?: string;
    /** Of a member, its number in what is around it. */
    readonly at?: number;
    /** If it was asked for: names of object literals, each before the global that it stands for. */
    readonly given?: readonly string[];
  }
  | { readonly program: 0; readonly error: CompileError };

const utf8 = new TextEncoder();

/**
 * A text in UTF-8, as the engine reads it. Unlike with TextEncoder, lone surrogates survive, as
 * three bytes each.
 */
export function encodeSource(text: string): Uint8Array {
  if (text.isWellFormed()) return utf8.encode(text);
  const bytes = new Uint8Array(3 * text.length);
  let length = 0;
  for (const part of text.split(/([\ud800-\udfff])/u)) {
    const unit = part.charCodeAt(0);
    if (part.length === 1 && (unit & 0xf800) === 0xd800) {
      bytes.set([0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f)], length);
      length += 3;
    } else {
      length += utf8.encodeInto(part, bytes.subarray(length)).written;
    }
  }
  return bytes.subarray(0, length);
}

/** Compiles a source, and frees the handle of a program that is no longer wanted. */
export interface Compiler {
  /** `asksGiven`: the reply is to have `given`. */
  compile(source: Source, strict: boolean, asksGiven?: boolean): CompileReply;
  free(program: number): void;
}

/** What a cache of programs needs. */
export interface PoolCompiler extends Compiler {
  /** The name of the global that a class of the pool is in its realms. Default: there are none. */
  registered?(fn: AnyFunction): string | undefined;
}

/** A program, and what it was made of. */
interface Compiled extends Exclude<CompileReply, { readonly program: 0 }> {
  readonly source: Source;
  readonly strict: boolean;
}

/** The reply for source that takes longer to compile than the event loop may be blocked. */
export const TOO_SLOW = {
  program: 0,
  error: { name: "TimeoutError", message: "it takes longer than 5 s" },
} as const;

/** Whether no other way of parsing the text can succeed. */
function isFinal({ name, message }: CompileError): boolean {
  return name !== "SyntaxError" || message.startsWith("undefined private field");
}

/** Whether the engine got further with one text than with another. */
function isFurther(error: CompileError, other: CompileError): boolean {
  const [a, b] = [error.place, other.place];
  if (a === undefined || b === undefined) return b === undefined && a !== undefined;
  return a.line > b.line || (a.line === b.line && a.column > b.column);
}

/**
 * Compiles a function as strict or sloppy code, as it is on the host. Where the host doesn't say,
 * it is strict, like code in modules and classes, or sloppy if only that parses.
 */
function compileText(
  compiler: Compiler,
  fn: AnyFunction,
  name: string,
  asksGiven = false,
): Compiled {
  let failed: { readonly error: CompileError; readonly source: Source } | undefined;
  for (const strict of isSloppy(fn) ? [false] : [true, false]) {
    for (const source of sourcesOf(fn)) {
      const reply = compiler.compile(source, strict, asksGiven);
      if (!("error" in reply)) return { ...reply, source, strict };
      const { error } = reply;
      if (isFinal(error)) throw unreadable(error, source, name);
      if (failed === undefined || isFurther(error, failed.error)) failed = { error, source };
    }
  }
  throw unreadable(failed!.error, failed!.source, name);
}

/** Compiles a text that compiled without our own lines already. */
function compileAgain(
  compiler: Compiler,
  source: Source,
  strict: boolean,
  name: string,
): Compiled {
  const reply = compiler.compile(source, strict);
  if ("error" in reply) throw unreadable(reply.error, source, name);
  return { ...reply, source, strict };
}

/** What a function takes from around it, but what a transpiler only passes on. */
function outerOf(
  compiler: Compiler,
  { source, strict, outer }: Compiled,
  name: string,
): readonly string[] {
  const other = outer.includes("this") ? passingNoThis(source) : null;
  if (other === null) return outer;
  // It is only a probe: a method may pass its own `this` on, too.
  const probe = compileAgain(compiler, other, strict, name);
  compiler.free(probe.program);
  return probe.outer;
}

/** A compiled function. */
export interface CompiledFunction {
  /** Handle of the program. */
  readonly program: number;
  /** The names that only the task itself can define, at run time. */
  readonly free: readonly string[];
  /** With a scope: the texts in its source. */
  readonly parts?: readonly Part[];
}

/** What nothing defines of `free`, though it is neither allowed nor only probed. */
function unknownOf(
  free: readonly string[],
  allowed: readonly string[] | true | undefined,
): readonly string[] {
  if (free.length === 0 || allowed === true) return [];
  const known = new Set(allowed);
  return free.filter((used) => !known.has(used) && !PROBED.has(used));
}

/** Throws unless each of `free` is allowed. */
function checkFree(
  free: readonly string[],
  { allowGlobals, name, caller }: CompileOptions,
  fn: AnyFunction,
): void {
  const unknown = unknownOf(free, allowGlobals);
  if (unknown.length > 0) throw freeVariableError(unknown, fn, name, undefined, caller);
}

/** What is known about a function besides its text. */
export interface CompileOptions {
  /** What messages call it; "" for no name. */
  readonly name: string;
  /** Names that it may use though nothing defines them yet; `true` for any. Default: none. */
  readonly allowGlobals?: readonly string[] | true | undefined;
  /** What it finds around it. */
  readonly scope?: Scope | undefined;
  /** Whether its task may import anything. */
  readonly mayImport?: boolean;
  /** Tells which file made the call, for messages. */
  readonly caller?: () => string | undefined;
}

/** Throws for a function that the host sees can't be compiled on its own. */
export function refuseByLook(fn: AnyFunction, name: string): void {
  const what = kindOf(fn);
  if (what !== "function") throw refusedKind(what, fn, name);
}

/** Throws for what takes something from around it, or (a task) can't return what it gives. */
function refuseByCode({ free, outer, kind }: Needs, fn: AnyFunction, name: string): void {
  if (kind === "generator" || kind === "asyncGenerator") throw refusedKind("generator", fn, name);
  refuseOuter(free, outer, name);
}

type Needs = Pick<Alone, "free" | "outer" | "kind">;

function refuseOuter(free: readonly string[], outer: readonly string[], name: string): void {
  // An empty list would yield whatever a prototype holds at 0.
  const first = outer.length > 0 ? outer[0] : undefined;
  const taken = free.includes("arguments") ? "arguments" : first;
  if (taken !== undefined) throw outerError(taken, name);
}

/**
 * Compiles a function without a scope.
 *
 * @throws {FunctionNotSerializableError} if it can't be compiled on its own.
 * @throws {FreeVariableError} if it uses names that nothing defines.
 */
export function compileFunction(
  compiler: Compiler,
  fn: AnyFunction,
  options: CompileOptions,
): CompiledFunction {
  const { name } = options;
  refuseByLook(fn, name);
  const bare = compileText(compiler, fn, name);
  const { source, strict, kind } = bare;
  const helpers = bare.free.filter((used) => isHelper(used, source.text));
  const free = bare.free.filter((used) => !helpers.includes(used));
  try {
    refuseByCode({ free, outer: outerOf(compiler, bare, name), kind }, fn, name);
    checkFree(free, options, fn);
  } catch (error) {
    compiler.free(bare.program);
    throw error;
  }
  if (helpers.length === 0) return { program: bare.program, free };
  compiler.free(bare.program);
  return {
    program: compileAgain(compiler, withHelpers(source, helpers), strict, name).program,
    free,
  };
}

/** How many functions were looked at alone. */
let aloneCount = 0;

/** Looks at a function or class of a scope, or that has one. Throws if it can't be compiled. */
function lookAt(compiler: Compiler, fn: AnyFunction, name: string, asksGiven: boolean): Alone {
  const isClass = kindOf(fn) === "class";
  if (!isClass) refuseByLook(fn, name);
  const bare = compileText(compiler, fn, name, asksGiven);
  try {
    const { source, strict, free, probed, kind, at = -1, given = [] } = bare;
    const outer = isClass ? [] : outerOf(compiler, bare, name);
    const pairs = new Map<string, string>();
    for (let i = 0; i < given.length; i += 2) pairs.set(given[i]!, given[i + 1]!);
    return {
      id: ++aloneCount,
      source,
      strict,
      isClass,
      free,
      probed,
      outer,
      kind,
      at,
      given: pairs,
    };
  } finally {
    compiler.free(bare.program);
  }
}

/** Makes what a module declares a part of a source. Throws if it can't be compiled. */
function lookAtTaken(compiler: Compiler, { name, kind, text, together, location }: Taken): Named {
  const isVariable = kind === "variable", isClass = kind === "class";
  const source = expression(text);
  // A text of variables is no function: it stands in one.
  const asked = isVariable ? within(source, "()=>", "") : source;
  const bare = compileAgain(compiler, asked, true, name);
  compiler.free(bare.program);
  const variables = isVariable ? together : undefined;
  const free = bare.free.filter((used) => !variables?.includes(used));
  if (!isClass) refuseOuter(free, bare.outer, name);
  const alone = {
    id: ++aloneCount,
    source,
    strict: true,
    isClass,
    free,
    probed: bare.probed,
    outer: [],
    kind: bare.kind,
    at: -1,
    given: new Map(),
  };
  return { name, fn: null, alone, variables, location };
}

/**
 * Whether a name is a key of one object only in the text of a function that gives a scope. Else it
 * is not known which of these gave the scope its value.
 */
function keysOnceIn(text: string): (name: string) => boolean {
  const once = new Set<string>(), more = new Set<string>();
  for (const [, key] of text.matchAll(/(?<![\p{ID_Continue}$.])([\p{ID_Continue}$]+)["']?\s*:/gu)) {
    (once.has(key!) ? more : once).add(key!);
  }
  return (name) => !more.has(name);
}

function isRefusal(error: unknown): boolean {
  return error instanceof FreeVariableError || error instanceof FunctionNotSerializableError;
}

const NOTHING_ALONG: Along = { taken: [], imports: [], refused: new Map() };

/** What is found around a function that has a scope. Throws for names that nothing defines. */
function surroundings(
  main: Named,
  named: readonly Named[],
  registered: ReadonlyMap<string, string>,
  { taken, imports, refused, location }: Along,
  top: Origin | undefined,
  giver: Alone | undefined,
  scope: Scope,
  { name, allowGlobals, caller }: CompileOptions,
): { readonly enclosed: Enclosed; readonly free: readonly string[] } {
  const users = new Map<string, Named>();
  const all = [main, ...named, ...taken];
  for (const one of all) {
    for (const used of one.alone.free) if (!users.has(used)) users.set(used, one);
  }
  const known = new Set([
    ...scope.names,
    ...taken.flatMap((one) => one.variables ?? [one.name]),
    ...imports.map(({ name }) => name),
  ]);
  const aliases = new Map(scope.twins);
  const isKeyOnce = keysOnceIn(giver?.source.text ?? "");
  for (const [own, outside] of giver?.given ?? []) {
    if (!users.has(outside) || scope.names.has(outside)) continue;
    if (scope.names.has(own) && isKeyOnce(own)) aliases.set(outside, scope.twins.get(own) ?? own);
  }
  const imported = importedIn(all.map(({ alone }) => alone.source.text), users);
  const modules = new Map<string, readonly string[]>();
  const helpers: string[] = [], free: string[] = [];
  for (const [used, { alone }] of users) {
    if (known.has(used) || aliases.has(used)) continue;
    const members = imported.get(used);
    if (members?.every((member) => known.has(member))) modules.set(used, members);
    else if (isHelper(used, alone.source.text)) helpers.push(used);
    else free.push(used);
  }
  const unknown = unknownOf(free, allowGlobals).filter((used) => !refused.has(used));
  if (unknown.length > 0 || refused.size > 0) {
    throw freeVariableError(unknown, main.fn!, name, { users, scope, refused, top }, caller);
  }
  return {
    enclosed: {
      main: { ...main, location },
      values: scope.valueNames,
      named,
      taken,
      imports,
      registered,
      aliases,
      owned: scope.owned,
      modules,
      helpers,
    },
    free,
  };
}

/** The same text is another program if the host runs it as sloppy code. */
function keyOf(fn: AnyFunction, text: string): string {
  return isSloppy(fn) ? `sloppy ${text}` : text;
}

/** A compiled function that is kept. */
export interface CachedProgram extends CompiledFunction {
  /** Its length in UTF-16 units. */
  readonly length: number;
  /** Whether it names the console. */
  readonly prints: boolean;
  /** How many parameters its function declares, if it can't see more arguments than these. */
  readonly parameters: number | undefined;
  /** Whether it may import a module. */
  readonly imports: boolean;
  /** Used since the last look for eviction. Whoever keeps and uses it sets this. */
  used: boolean;
  /** Whether its handle is no longer valid. */
  evicted: boolean;
}

/**
 * The most UTF-16 units of all texts that a cache keeps programs of; a longer text is kept alone.
 */
const CACHED_TEXT = 16 * 2 ** 20;

/**
 * Functions of this length and more are found by identity at once, because hashing their text takes
 * longer. So does asking plain functions whether they are sloppy.
 */
const LONG_TEXT = 256;

/**
 * Of other functions every n-th is found by identity. A function that recurs is soon among them
 * (0.1 us each time); functions that are made anew for each task don't pay for a table that they
 * don't use.
 */
const SAMPLE = 8;

/**
 * The programs of one pool, by the text of their function and whether it is sloppy.
 *
 * Bounded by their number and by their texts. When the cache is full, the oldest program that was
 * not used since the last look is freed (second chance), so a use only sets a flag.
 */
export class ProgramCache {
  readonly #compiler: PoolCompiler;
  readonly #capacity: number;
  readonly #textCapacity: number;
  #textLength = 0;
  #found = 0;
  readonly #byText = new Map<string, CachedProgram>();
  readonly #byFunction = new WeakMap<AnyFunction, CachedProgram>();
  /** What functions are alone, that have a scope or are in one: forgotten when they are too many. */
  readonly #aloneByText = new Map<string, Alone>();
  #aloneByFunction = new WeakMap<AnyFunction, Alone>();
  #aloneLength = 0;

  constructor(
    compiler: PoolCompiler,
    capacity: number = 1000,
    textCapacity: number = CACHED_TEXT,
  ) {
    this.#compiler = compiler;
    this.#capacity = capacity;
    this.#textCapacity = textCapacity;
  }

  /** How many programs are kept. */
  get size(): number {
    return this.#byText.size;
  }

  /**
   * A function's program. Its handle is valid until it is evicted, which may be at the next call.
   *
   * @throws what {@linkcode compileFunction} throws.
   */
  get(fn: AnyFunction, options: CompileOptions): CachedProgram {
    if (options.scope !== undefined) return this.#findWithin(fn, options, options.scope);
    let cached = this.#byFunction.get(fn);
    if (cached === undefined || cached.evicted) cached = this.#find(fn, options);
    else cached.used = true;
    checkFree(cached.free, options, fn);
    return cached;
  }

  #find(fn: AnyFunction, options: CompileOptions): CachedProgram {
    const text = textOf(fn);
    const key = keyOf(fn, text);
    let cached = this.#byText.get(key);
    if (cached === undefined) {
      cached = this.#keep(key, text, compileFunction(this.#compiler, fn, options));
    } else {
      cached.used = true;
    }
    const dear = text.length >= LONG_TEXT || text.startsWith("function");
    if (dear || ++this.#found % SAMPLE === 0) this.#byFunction.set(fn, cached);
    return cached;
  }

  /** Keeps the program of a text. `own`: that of the function in it. */
  #keep(
    key: string,
    text: string,
    compiled: CompiledFunction,
    own: string = text,
  ): CachedProgram {
    const { length } = text;
    while (this.#isFull(length)) this.#evict();
    const prints = text.includes("console");
    const imports = /\bimport\b/.test(text);
    const parameters = parameterCount(own);
    const known = { length, prints, imports, parameters };
    const cached = { ...compiled, ...known, used: false, evicted: false };
    this.#byText.set(key, cached);
    this.#textLength += length;
    return cached;
  }

  #findWithin(fn: AnyFunction, options: CompileOptions, scope: Scope): CachedProgram {
    try {
      return this.#within(fn, options, scope);
    } catch (error) {
      throw isRefusal(error) && hostsOwn(scope.functions) || error;
    }
  }

  #within(fn: AnyFunction, options: CompileOptions, scope: Scope): CachedProgram {
    refuseByLook(fn, options.name);
    const written = { name: "", fn, alone: this.#alone(fn, options.name) };
    refuseByCode(written.alone, fn, options.name);
    const registered = new Map<string, string>();
    for (const [name, fn] of scope.functions) {
      const global = this.#compiler.registered?.(fn);
      if (global !== undefined) registered.set(name, global);
    }
    const own = [...scope.functions].filter(([name]) => !registered.has(name));
    const others = own.map(([name, fn]) => {
      const alone = this.#alone(fn, `scope.${name}`);
      refuseOuter(alone.free, alone.outer, `scope.${name}`);
      return { name, fn, alone };
    });
    const giver = this.#giverOf(scope);
    const top = typeof scope.module === "string" ? topLevelOf(scope.module) : scope.module;
    const main = top?.renamed(written) ?? written;
    const named = top === undefined ? others : others.map((one) => top.renamed(one));
    const key = `scope ${[main, ...named].map(({ name, alone }) => `${name} ${alone.id}`).join()} ${
      [...registered].join()
    } ${giver?.id} ${top?.id} ${options.mayImport === true} ${scope.valueNames.join()} ${
      [...scope.twins].join()
    }`;
    const look = (taken: Taken): Named => lookAtTaken(this.#compiler, taken);
    const around = () => {
      const along = top instanceof Embedded
        ? top.along([written, ...others], scope.names, look)
        : top === undefined
        ? NOTHING_ALONG
        : takeAlong(top, main, named, scope.names, options.mayImport === true, look);
      return surroundings(main, named, registered, along, top, giver, scope, options);
    };
    let cached = this.#byText.get(key);
    if (cached === undefined) {
      const { enclosed, free } = around();
      const { source, strict, parts } = enclose(enclosed);
      const { program } = compileAgain(this.#compiler, source, strict, options.name);
      cached = this.#keep(key, join(source), { program, free, parts }, textOf(fn));
    } else {
      cached.used = true;
      if (unknownOf(cached.free, options.allowGlobals).length > 0) around(); // which throws
    }
    return cached;
  }

  /** What the function is that gave a scope, if its text tells anything. */
  #giverOf({ giver }: Scope): Alone | undefined {
    try {
      return giver && this.#alone(giver, "", true);
    } catch (error) {
      if (error instanceof FunctionNotSerializableError) return undefined;
      throw error;
    }
  }

  #alone(fn: AnyFunction, name: string, asksGiven = false): Alone {
    let alone = this.#aloneByFunction.get(fn);
    if (alone !== undefined) return alone;
    const text = textOf(fn);
    const key = asksGiven ? `given ${text}` : keyOf(fn, text);
    alone = this.#aloneByText.get(key);
    if (alone === undefined) {
      alone = lookAt(this.#compiler, fn, name, asksGiven);
      this.#aloneLength += text.length;
      if (this.#aloneLength > this.#textCapacity) {
        this.#aloneByText.clear();
        this.#aloneByFunction = new WeakMap();
        this.#aloneLength = text.length;
      }
      this.#aloneByText.set(key, alone);
    }
    this.#aloneByFunction.set(fn, alone);
    return alone;
  }

  /** Whether there is no room for one more program, of a text of this length. */
  #isFull(length: number): boolean {
    const { size } = this.#byText;
    return size >= this.#capacity || (size > 0 && this.#textLength + length > this.#textCapacity);
  }

  #evict(): void {
    // A map is walked in the order of insertion, what is inserted on the way included.
    for (const [key, cached] of this.#byText) {
      this.#byText.delete(key);
      if (cached.used) {
        cached.used = false;
        this.#byText.set(key, cached);
      } else {
        cached.evicted = true;
        this.#textLength -= cached.length;
        this.#compiler.free(cached.program);
        return;
      }
    }
  }
}
