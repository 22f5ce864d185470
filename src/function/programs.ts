/**
 * Compiles functions to programs: each text once. The program is kept for its next use.
 *
 * The engine's reply lists the names that nothing defines. Transpilers' helpers among them get a
 * definition in the first line; any other name is reported to the user at once.
 *
 * @module
 */
import { freeVariableError, outerError, PROBED, refusedKind, unreadable } from "./advice.ts";
import { isHelper, passingNoThis, withHelpers, withoutThis } from "./helpers.ts";
import type { Position } from "./positions.ts";
import { type AnyFunction, isSloppy, kindOf, type Source, sourcesOf, textOf } from "./source.ts";

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
    /** What it takes from around it: `this`, `new.target`, `super`, `#x`. */
    readonly outer: readonly string[];
    readonly kind: "normal" | "async" | "generator" | "asyncGenerator";
    /** A private member of a class inside the function, such as `#x`. */
    readonly hidden?: string;
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
  compile(source: Source, strict: boolean): CompileReply;
  free(program: number): void;
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
function compileText(compiler: Compiler, fn: AnyFunction, name: string): Compiled {
  let failed: { readonly error: CompileError; readonly source: Source } | undefined;
  for (const strict of isSloppy(fn) ? [false] : [true, false]) {
    for (const source of sourcesOf(fn)) {
      const reply = compiler.compile(source, strict);
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

/** Compiles a function again with the helpers that it needs. */
function compileWithHelpers(compiler: Compiler, bare: Compiled, name: string): Compiled {
  const { source, strict } = bare;
  const helpers = bare.free.filter((used) => isHelper(used, source.text));
  if (helpers.length === 0) return bare;
  compiler.free(bare.program);
  const reply = compileAgain(compiler, withHelpers(source, helpers), strict, name);
  // The text without those calls tells whether anything else takes it. It is only a probe: a method
  // may pass its own `this` on, too.
  const other = reply.outer.includes("this") ? passingNoThis(source) : null;
  if (other === null) return reply;
  compiler.free(reply.program);
  const probe = compileAgain(compiler, withHelpers(other, helpers), strict, name);
  if (probe.outer.length > 0) return probe;
  compiler.free(probe.program);
  const { program } = compileAgain(compiler, withoutThis(source, helpers), strict, name);
  return { ...probe, program };
}

/** A compiled function. */
export interface CompiledFunction {
  /** Handle of the program. */
  readonly program: number;
  /** The names that only the task itself can define, at run time. */
  readonly free: readonly string[];
}

/** Throws unless each of `free` is allowed. */
function checkFree(
  free: readonly string[],
  allowed: readonly string[] | true | undefined,
  fn: AnyFunction,
  name: string,
): void {
  if (free.length === 0 || allowed === true) return;
  const known = new Set(allowed);
  const unknown = free.filter((used) => !known.has(used) && !PROBED.has(used));
  if (unknown.length > 0) throw freeVariableError(unknown, fn, name);
}

/** What is known about a function besides its text. */
export interface CompileOptions {
  /** What messages call it; "" for no name. */
  readonly name: string;
  /** Names that it may use though nothing defines them yet; `true` for any. Default: none. */
  readonly allowGlobals?: readonly string[] | true | undefined;
}

/** Throws for a function that the host sees can't be compiled on its own. */
export function refuseByLook(fn: AnyFunction, name: string): void {
  const what = kindOf(fn);
  if (what !== "function") throw refusedKind(what, fn, name);
}

/**
 * Compiles a function.
 *
 * @throws {FunctionNotSerializableError} if it can't be compiled on its own.
 * @throws {FreeVariableError} if it uses names that nothing defines.
 */
export function compileFunction(
  compiler: Compiler,
  fn: AnyFunction,
  { name, allowGlobals }: CompileOptions,
): CompiledFunction {
  refuseByLook(fn, name);
  const bare = compileText(compiler, fn, name);
  const { program, free, outer, kind } = compileWithHelpers(compiler, bare, name);
  try {
    // An empty list would yield whatever a prototype holds at 0.
    const first = outer.length > 0 ? outer[0] : undefined;
    const taken = free.includes("arguments") ? "arguments" : first;
    if (kind === "generator" || kind === "asyncGenerator") {
      throw refusedKind("generator", fn, name);
    }
    if (taken !== undefined) throw outerError(taken, name);
    checkFree(free, allowGlobals, fn, name);
  } catch (error) {
    compiler.free(program);
    throw error;
  }
  return { program, free };
}

/** A compiled function that is kept. */
export interface CachedProgram extends CompiledFunction {
  /** Its length in UTF-16 units. */
  readonly length: number;
  /** Whether it names the console. */
  readonly prints: boolean;
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
  readonly #compiler: Compiler;
  readonly #capacity: number;
  readonly #textCapacity: number;
  #textLength = 0;
  #found = 0;
  readonly #byText = new Map<string, CachedProgram>();
  readonly #byFunction = new WeakMap<AnyFunction, CachedProgram>();

  constructor(
    compile: Compiler["compile"],
    free: Compiler["free"],
    capacity: number = 1000,
    textCapacity: number = CACHED_TEXT,
  ) {
    this.#compiler = { compile, free };
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
    let cached = this.#byFunction.get(fn);
    if (cached === undefined || cached.evicted) cached = this.#find(fn, options);
    else cached.used = true;
    checkFree(cached.free, options.allowGlobals, fn, options.name);
    return cached;
  }

  #find(fn: AnyFunction, options: CompileOptions): CachedProgram {
    const text = textOf(fn);
    // The same text is another program if the host runs it as sloppy code.
    const sloppy = isSloppy(fn);
    const key = sloppy ? `sloppy ${text}` : text;
    let cached = this.#byText.get(key);
    if (cached === undefined) {
      const { program, free } = compileFunction(this.#compiler, fn, options);
      while (this.#isFull(text.length)) this.#evict();
      const prints = text.includes("console");
      cached = { program, free, length: text.length, prints, used: false, evicted: false };
      this.#byText.set(key, cached);
      this.#textLength += text.length;
    } else {
      cached.used = true;
    }
    const dear = text.length >= LONG_TEXT || text.startsWith("function");
    if (dear || ++this.#found % SAMPLE === 0) this.#byFunction.set(fn, cached);
    return cached;
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
