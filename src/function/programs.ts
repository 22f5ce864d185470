/**
 * Functions to programs: each text is compiled once, and the program kept for its next use.
 *
 * The engine's reply to a compilation lists the names that nothing defines. Those of transpilers'
 * helpers are then given a definition in the first line; the rest is told to the user at once.
 *
 * @module
 */
import { freeVariableError, outerError, refusedKind, unreadable } from "./advice.ts";
import { helper, LOWERED_THIS, withHelpers, withoutThis } from "./helpers.ts";
import type { Position } from "./positions.ts";
import { type AnyFunction, type FunctionSource, readSource, textOf } from "./source.ts";

/** An error of the engine. */
export interface CompileError {
  readonly name: string;
  readonly message: string;
  /** Where in the expression, as the engine counts. */
  readonly place?: Position | undefined;
}

/** The engine's answer to a source: a program, or why it was refused. */
export type CompileReply =
  | {
    /** Handle of the program. */
    readonly program: number;
    /** Names that are used and defined nowhere. */
    readonly free: readonly string[];
    /** What an arrow function takes from around it. */
    readonly outer: readonly string[];
    readonly kind: string;
    /** A private member of a class that stands in the function, such as `#x`. */
    readonly hidden?: string;
  }
  | { readonly program: 0; readonly error: CompileError };

const utf8 = new TextEncoder();

/**
 * A text in UTF-8, as the engine reads it: unlike TextEncoder's, lone surrogates stay what they are,
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

/** Compiles an expression, and frees the handle of a program that is no longer wanted. */
export interface Compiler {
  compile(expression: string, strict: boolean): CompileReply;
  free(program: number): void;
}

type Compiled = Exclude<CompileReply, { readonly program: 0 }>;

/** The reply for source that takes longer to compile than the event loop may stand still. */
export const TOO_SLOW = {
  program: 0,
  error: { name: "TimeoutError", message: "it takes longer than 5 s" },
} as const;

const AsyncFunction: unknown = Object.getPrototypeOf(async () => {});

/**
 * The source of a function.
 *
 * @throws {FunctionNotSerializableError} if it has none that could be compiled on its own.
 */
export function sourceOf(fn: AnyFunction, name: string): FunctionSource {
  const text = textOf(fn);
  // Asked only where it matters, and after the text: a Proxy would be asked, too.
  const lost = text.startsWith("async(") && Object.getPrototypeOf(fn) === AsyncFunction;
  const source = readSource(text, lost);
  if ("expression" in source) return source;
  throw refusedKind(source.kind, fn, name);
}

/** Compiles as strict code, as in modules and classes, or sloppy if only that can be read. */
function compileSource(compiler: Compiler, source: FunctionSource, name: string): Compiled {
  const strict = compiler.compile(source.expression, true);
  if (!("error" in strict)) return strict;
  if (strict === TOO_SLOW) throw unreadable(strict.error, source, name);
  const sloppy = compiler.compile(source.expression, false);
  if (!("error" in sloppy)) return sloppy;
  throw unreadable(sloppy.error, source, name);
}

/** Gives the helpers that it needs to a function that was compiled without them. */
function compileWithHelpers(
  compiler: Compiler,
  bare: FunctionSource,
  first: Compiled,
  name: string,
): Compiled {
  const helpers = first.free.filter((free) => helper(free) !== null);
  if (helpers.length === 0) return first;
  compiler.free(first.program);
  const source = withHelpers(bare, helpers);
  const reply = compileSource(compiler, source, name);
  if (!reply.outer.includes("this")) return reply;
  // Whether anything but those calls takes it is told by the text without them. That is not what
  // runs: a method of its own may pass a `this` on, too.
  const expression = bare.expression.replace(LOWERED_THIS, "$1(null");
  if (expression === bare.expression) return reply;
  compiler.free(reply.program);
  const probe = compileSource(compiler, withHelpers({ ...bare, expression }, helpers), name);
  if (probe.outer.length > 0) return probe;
  compiler.free(probe.program);
  return { ...probe, program: compileSource(compiler, withoutThis(bare, helpers), name).program };
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
  const unknown = free.filter((used) => !known.has(used));
  if (unknown.length > 0) throw freeVariableError(unknown, fn, name);
}

/** What is said about a function beside its text. */
export interface CompileOptions {
  /** What messages call it; "" for no name. */
  readonly name: string;
  /** Names that it may use though nothing defines them yet; `true` for any. Default: none. */
  readonly allowGlobals?: readonly string[] | true | undefined;
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
  const source = sourceOf(fn, name);
  const bare = compileSource(compiler, source, name);
  const { program, free, outer } = compileWithHelpers(compiler, source, bare, name);
  try {
    // Of an empty list whatever stands on a prototype would be the first.
    const first = outer.length > 0 ? outer[0] : undefined;
    const taken = free.includes("arguments") ? "arguments" : first;
    if (taken !== undefined) throw outerError(taken, name);
    checkFree(free, allowGlobals, fn, name);
  } catch (error) {
    compiler.free(program);
    throw error;
  }
  return { program, free };
}

interface CachedProgram extends CompiledFunction {
  /** Used again since it was last looked at for eviction. */
  used: boolean;
  evicted: boolean;
}

/** UTF-16 units of all texts that a cache keeps programs of, at the most; a longer one alone. */
const CACHED_TEXT = 16 * 2 ** 20;

/** Functions of this length and more are also found by identity: hashing their text costs more. */
const LONG_TEXT = 256;

/**
 * The programs of one pool, by the text of their functions.
 *
 * Bounded, by their number and by their texts: when it is full, the oldest program that was not used
 * since the last look is freed (second chance), which costs a use no more than setting a flag.
 */
export class ProgramCache {
  readonly #compiler: Compiler;
  readonly #capacity: number;
  readonly #textCapacity: number;
  #textLength = 0;
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
   * The handle of a function's program. It is valid until the next call.
   *
   * @throws what {@linkcode compileFunction} throws.
   */
  get(fn: AnyFunction, options: CompileOptions): number {
    let cached = this.#byFunction.get(fn);
    if (cached === undefined || cached.evicted) cached = this.#find(fn, options);
    else cached.used = true;
    checkFree(cached.free, options.allowGlobals, fn, options.name);
    return cached.program;
  }

  #find(fn: AnyFunction, options: CompileOptions): CachedProgram {
    const text = textOf(fn);
    let cached = this.#byText.get(text);
    if (cached === undefined) {
      const { program, free } = compileFunction(this.#compiler, fn, options);
      while (this.#isFull(text.length)) this.#evict();
      cached = { program, free, used: false, evicted: false };
      this.#byText.set(text, cached);
      this.#textLength += text.length;
    } else {
      cached.used = true;
    }
    if (text.length >= LONG_TEXT) this.#byFunction.set(fn, cached);
    return cached;
  }

  /** Whether there is no room for one more program, of a text of this length. */
  #isFull(length: number): boolean {
    const { size } = this.#byText;
    return size >= this.#capacity || (size > 0 && this.#textLength + length > this.#textCapacity);
  }

  #evict(): void {
    // A map is walked in the order of insertion, what is inserted on the way included.
    for (const [text, cached] of this.#byText) {
      this.#byText.delete(text);
      if (cached.used) {
        cached.used = false;
        this.#byText.set(text, cached);
      } else {
        cached.evicted = true;
        this.#textLength -= text.length;
        this.#compiler.free(cached.program);
        return;
      }
    }
  }
}
