/**
 * Calls: what `new Deferred`, `run`, `defer` and `eval` were given, and what is wrong with it.
 *
 * The last three pass a {@linkcode Call} where `new Deferred` takes its options, so that what is
 * said speaks of the function that was called.
 *
 * @module
 */
import type { DeferredOptions } from "./deferred.ts";
import { typeError } from "./errors.ts";
import { noOptions, readOptions } from "./options.ts";
import { defaultRunner, LIMIT_NAMES, type Runner, runnerOf } from "./pool/runner.ts";
import { isSignal } from "./pool/signals.ts";
import { describe } from "./function/describe.ts";
import { firstParameter, seesOnlyParameters } from "./function/parameters.ts";
import type { AnyFunction } from "./function/source.ts";

const OPTION_NAMES: readonly string[] = [
  "args",
  "transfer",
  "transferList",
  "name",
  "pool",
  "allowGlobals",
  "signal",
  ...LIMIT_NAMES,
];
const NO_OPTIONS = noOptions<DeferredOptions>(OPTION_NAMES);
/** Those that data is hardly called by: what has one of them is meant as options. */
const TELLING_NAMES: readonly string[] = [
  "transfer",
  "transferList",
  "allowGlobals",
  ...LIMIT_NAMES,
];
/** Options of pools that people look for here. */
const POOL_NAMES: readonly string[] = ["classes", "maxThreads"];

/** Options of code that is text that people look for here. */
const ADVICE: ReadonlyMap<string, string> = new Map([
  ["scope", "it is for code that is text; a function gets values by its parameters: use `args`"],
]);

/** How a Deferred was asked for. */
export class Call {
  /** What was called, as its users write it: "pool.defer". */
  readonly title: string;
  /** The call as far as its options, as messages show it: "pool.defer(fn". */
  readonly where: string;
  /** That function itself. */
  readonly entry: AnyFunction | NewableFunction;
  /** What stood behind the function: its arguments, or the options. */
  readonly #rest: readonly unknown[];
  readonly #areArgs: boolean;
  /** Of the pool that was called. */
  readonly #runner: Runner | undefined;

  constructor(
    title: string,
    entry: AnyFunction | NewableFunction,
    what: "args" | "options",
    rest: readonly unknown[],
    runner?: Runner,
    first = "fn",
  ) {
    this.title = title;
    this.where = `${title}(${first}`;
    this.entry = entry;
    this.#rest = rest;
    this.#areArgs = what === "args";
    this.#runner = runner;
  }

  /** The options, checked. @throws {TypeError} if something would be ignored or makes no sense. */
  check(fn: unknown): DeferredOptions {
    if (typeof fn !== "function") {
      const got = describe(fn);
      let hint = got === "a promise" ? "; pass the function itself, without calling it" : "";
      if (typeof fn === "string") hint = "; code that is text is run by Deferred.eval(source)";
      throw typeError(`${this.title}(fn): fn must be a function, got ${got}${hint}`);
    }
    const options = this.#areArgs
      ? { ...NO_OPTIONS, args: this.#rest }
      : this.checkOptions(NO_OPTIONS);
    const count = options.args?.length ?? 0;
    if (count === 0 && fn.length > 0) this.#checkNoExecutor(fn as AnyFunction);
    if (count === fn.length + 1 && this.#areArgs) this.#checkNoOptions(fn as AnyFunction);
    return options;
  }

  /** Refuses what would be right for `new Promise`. */
  #checkNoExecutor(fn: AnyFunction): void {
    const first = firstParameter(fn);
    if (first !== "resolve" && first !== "res") return;
    throw typeError(
      `${this.title}(fn): fn is the job itself, not a promise's executor, and gets no \`${first}\`; ` +
        "return the value, or a promise of it, and throw what it rejects with",
    );
  }

  /** Refuses options behind the arguments, if the function could not see them anyway. */
  #checkNoOptions(fn: AnyFunction): void {
    const given = this.#rest.at(-1);
    if (!isObject(given)) return;
    const names = Object.keys(given);
    if (names.length === 0 || !names.every((name) => OPTION_NAMES.includes(name))) return;
    if (fn.length > 0 && !names.some((name) => TELLING_NAMES.includes(name))) return;
    if (!isPlain(given) || !seesOnlyParameters(fn)) return;
    const takes = fn.length === 0 ? "has none" : `takes ${fn.length}`;
    const options = fn.length === 0 || "args" in given ? names : ["args", ...names];
    throw typeError(
      `${this.title} takes the function's arguments, and this function ${takes}; for options use ` +
        `${this.#runner ? "pool.defer" : "new Deferred"}(fn, { ${options.join(", ")} })`,
    );
  }

  /** The runner for a task with these options. */
  runner({ pool }: DeferredOptions): Runner {
    return this.#runner ?? (pool === undefined ? defaultRunner() : runnerOf(pool)!);
  }

  /** Refuses what would be ignored silently: a misspelt option, arguments that are no array. */
  protected checkOptions(
    none: Readonly<DeferredOptions>,
    advice: ReadonlyMap<string, string> = ADVICE,
  ): DeferredOptions {
    const given = this.#rest.length > 0 ? this.#rest[0] : undefined;
    if (given === undefined && this.#rest.length < 2) return none;
    const all = `${this.where}, options)`;
    const hasArgs = Object.hasOwn(none, "args");
    const example = hasArgs ? "{ args: [1, 2] }" : "{ scope: { x: 1 } }";
    if (given !== undefined && !isObject(given)) {
      throw typeError(
        `${all}: options must be an object such as ${example}, got ${describe(given)}`,
      );
    }
    if (this.#rest.length > 1) {
      const values = hasArgs ? "the function's arguments" : "values";
      throw typeError(
        `${all}: nothing can follow the options, got ${describe(this.#rest[1])}; ${values} go ` +
          `into them: ${example}`,
      );
    }
    const options = readOptions(given ?? {}, none, (name) => {
      const where = POOL_NAMES.includes(name)
        ? `it is a pool's: new DeferredPool({ ${name} })`
        : advice.get(name) ?? `the options are ${Object.keys(none).join(", ")}`;
      throw typeError(`${all}: there is no option \`${name}\`; ${where}`);
    });
    const { args, name, allowGlobals, signal, pool } = options as Record<string, unknown>;
    if (options.transfer !== undefined && options.transferList !== undefined) {
      throw typeError(
        `${all}: transfer and transferList are the same option; put all buffers into one of them`,
      );
    }
    if (args !== undefined && !Array.isArray(args)) {
      throw this.wrong("args", "an array with one entry for each parameter", args);
    }
    for (const key of ["transfer", "transferList"] as const) {
      const list: unknown = options[key];
      if (list !== undefined && !Array.isArray(list)) {
        throw this.wrong(key, "an array of ArrayBuffers", list);
      }
    }
    if (name !== undefined && typeof name !== "string") {
      throw this.wrong("name", "a string", name);
    }
    if (allowGlobals !== undefined && allowGlobals !== true && !isListOfStrings(allowGlobals)) {
      throw this.wrong("allowGlobals", "an array of names or true", allowGlobals);
    }
    if (signal !== undefined && !isSignal(signal)) {
      throw this.wrong("signal", "an AbortSignal", signal);
    }
    if (pool !== undefined) this.#checkPool(pool);
    return options;
  }

  #checkPool(pool: unknown): void {
    const runner = isObject(pool) ? runnerOf(pool) : undefined;
    if (runner === undefined) {
      const isForeign = describe(pool) === "a DeferredPool object";
      const which = isForeign ? " of this copy of the package" : "";
      throw this.wrong("pool", `a DeferredPool${which}`, pool);
    }
    if (this.#runner !== undefined && runner !== this.#runner) {
      throw typeError(
        `${this.where}, { pool }): this is another pool than the one that was called; ` +
          "call that one, or leave `pool` out",
      );
    }
  }

  protected wrong(option: string, what: string, value: unknown): TypeError {
    return typeError(
      `${this.where}, { ${option} }): ${option} must be ${what}, got ${describe(value)}`,
    );
  }
}

export function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function isListOfStrings(value: unknown): boolean {
  return Array.isArray(value) && value.every((name) => typeof name === "string");
}
