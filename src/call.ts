/**
 * Calls that start tasks. What `new Deferred`, `run`, `defer`, `eval` and `wrap` were given is
 * checked, and becomes a {@linkcode Job} that can be started.
 *
 * Invariant: what is thrown here depends only on the call as it is written, not on data or on the
 * state of the pool or the system: no function, an option that doesn't exist or makes no sense, a
 * function that can't be compiled on its own. Everything else is the job's `failure`, with which
 * its promises reject. A failure hides a mistake of the first kind only if it is one that only the
 * engine sees in a function, and the library that contains the engine can't be loaded.
 *
 * @module
 */
import type { DeferredOptions, TaskOptions, WrapOptions } from "./deferred.ts";
import { checkConsole, type TaskConsole } from "./console.ts";
import { FreeVariableError, FunctionNotSerializableError, typeError } from "./errors.ts";
import { describe, nameOf, shorten } from "./function/describe.ts";
import { Embedded } from "./function/embedded.ts";
import { type CachedProgram, refuseByLook } from "./function/programs.ts";
import { isExecutor, standing } from "./function/advice.ts";
import { callerOf } from "./function/stack.ts";
import { readScope, type Scope } from "./function/scope.ts";
import { type AnyFunction, textOf } from "./function/source.ts";
import { checkReport, checkSync, type HostTable, readHost } from "./host.ts";
import type { Program } from "./modules.ts";
import { EmbeddedModules } from "./packages/embedded.ts";
import { checkModules, type FunctionModules, readModules } from "./packages/list.ts";
import { meantOption, NO_OPTIONS, optionHint, readOptions } from "./options.ts";
import { checkLimits, LIMIT_NAMES, type Limits, limitsIn } from "./limits.ts";
import { defaultRunner } from "./pool/runner.ts";
import { type Runner, runnerOf } from "./runner.ts";
import { isSignal } from "./pool/signals.ts";
import { checkProgress, type OnProgress } from "./progress.ts";

/** One of the functions that start tasks, for messages and stacks. */
export interface Entry {
  /** As its users write it: "pool.defer". */
  readonly title: string;
  /** The call as far as its options, as messages show it: "pool.defer(fn, ". */
  readonly where: string;
  /** The function itself: stacks begin with its caller. */
  readonly function: AnyFunction | NewableFunction;
}

/** A function or a script that can be started as often as one likes, each time with arguments. */
export interface Job {
  readonly name: string;
  readonly fn: AnyFunction | string;
  /** Who runs it; `undefined` if the default pool can't be made. */
  readonly runner: Runner | undefined;
  /** The function's program; `null` for a script. Looked up again if it was evicted meanwhile. */
  program: CachedProgram | null;
  readonly allowGlobals: readonly string[] | true | undefined;
  /** What a function finds around it. */
  readonly scope: Scope | undefined;
  readonly limits: Limits;
  readonly signal: AbortSignal | undefined;
  readonly transfer: readonly ArrayBuffer[] | undefined;
  /** What the host offers to it. */
  readonly host: HostTable | undefined;
  /** Whether that, or `report`, was offered to this very function: one of a pool may ignore its host. */
  readonly expectsHost: boolean;
  /** Where it prints; `undefined`: the host's console, `false`: nowhere. */
  readonly console: TaskConsole | false | undefined;
  /** Whether it can report its progress, and who is called with it. */
  readonly progress: boolean;
  readonly onProgress: OnProgress | undefined;
  /** What a function may import. */
  readonly modules: FunctionModules | undefined;
  /** What is to be known of a text that is more than a script. */
  readonly text: Program | undefined;
  /** Why it can't run. */
  readonly failure: { readonly reason: unknown } | undefined;
}

/** Of what is known when a task starts, all that may differ between two calls of a wrapped function. */
const TASK_NAMES: ReadonlySet<string> = new Set([
  "transfer",
  "name",
  "signal",
  "host",
  "console",
  "onProgress",
  "progress",
  ...LIMIT_NAMES,
]);
const WRAP_NAMES: ReadonlySet<string> = new Set([
  ...TASK_NAMES,
  "pool",
  "allowGlobals",
  "scope",
  "modules",
  "base",
]);
const DEFERRED_NAMES: ReadonlySet<string> = new Set(["args", ...WRAP_NAMES]);

/** Pool options that people look for at a task. */
const POOL_NAMES: readonly string[] = [
  "classes",
  "maxThreads",
  "maxWaiting",
  "preload",
  "syncCalls",
];

const OF_TEXT = "it is for code that is text, which Deferred.eval(source) runs; a function";

/** Options of `eval` that people look for at a function. */
const ADVICE: ReadonlyMap<string, string> = new Map([
  ["filename", `${OF_TEXT} is found in its file by itself`],
  ["type", `${OF_TEXT} imports by import()`],
  ["loader", `${OF_TEXT} imports what \`modules\` names: { modules: ["marked"] }`],
  ["moduleLimit", `${OF_TEXT} imports what \`modules\` names`],
  ["sourceLimit", `${OF_TEXT} is your own, and of any length`],
  ["language", `${OF_TEXT} is JavaScript by the time that it is passed`],
]);

/** Options of functions that people look for at a wrapped one. */
const WRAP_ADVICE: ReadonlyMap<string, string> = new Map([
  ...ADVICE,
  ["args", "the arguments are passed when the wrapped function is called"],
]);

/** Options of `wrap` that people look for at `with`. */
const WITH_ADVICE: ReadonlyMap<string, string> = new Map([
  ...WRAP_ADVICE,
  ["pool", "it belongs to the function: wrap it again"],
  ["allowGlobals", "it belongs to the function: wrap it again"],
  ["scope", "it belongs to the function: wrap it again"],
  ["modules", "it belongs to the function: wrap it again"],
  ["base", "it belongs to the function: wrap it again"],
]);

/** The options of `new Deferred` and `defer`. */
export function deferredOptions(
  entry: Entry,
  rest: readonly unknown[],
  runner?: Runner,
): Readonly<DeferredOptions> {
  const options = taskOptions<DeferredOptions>(entry, rest, DEFERRED_NAMES, ADVICE, runner);
  if (options.args !== undefined && !Array.isArray(options.args)) {
    throw wrong(entry, "args", "an array with one entry for each parameter", options.args);
  }
  return options;
}

/** The options of `wrap`. */
export function wrapOptions(
  entry: Entry,
  rest: readonly unknown[],
  runner?: Runner,
): Readonly<WrapOptions> {
  return taskOptions(entry, rest, WRAP_NAMES, WRAP_ADVICE, runner);
}

/** The job for a function. */
export function functionJob(
  entry: Entry,
  fn: unknown,
  options: Readonly<WrapOptions>,
  own?: Runner,
): Job {
  if (typeof fn !== "function") {
    const got = describe(fn);
    let hint = got === "a promise" ? "; pass the function itself, without calling it" : "";
    if (typeof fn === "string") hint = "; code that is text is run by Deferred.eval(source)";
    throw typeError(`${entry.title}(fn): fn must be a function, got ${got}${hint}`);
  }
  return job(entry, fn as AnyFunction, options.name ?? nameOf(fn as AnyFunction), options, own);
}

/**
 * Refuses a function that takes itself for a Promise's executor, and would be told nothing where it
 * calls `resolve` later. A function with that parameter gets no argument for it.
 */
export function refuseExecutor(
  entry: Entry,
  fn: AnyFunction,
  { args }: Readonly<DeferredOptions>,
  { host, progress }: Job,
): void {
  if (fn.length === 0 || args?.length || host !== undefined || progress) return;
  if (!isExecutor(textOf(fn))) return;
  throw typeError(
    `${entry.title}(fn): fn takes \`resolve\`, as a Promise's executor does, but a task is passed ` +
      "nothing but its `args`: return the value, or throw. To wait for a callback, await " +
      "new Promise((resolve) => …) in the task",
  );
}

/**
 * Refuses arguments that leave no parameter for the host, as those of `map` do. As many as there are
 * parameters may be meant: the function has no use for the host then.
 */
export function refuseSurplus(
  entry: Entry,
  { name, program, expectsHost }: Job,
  { length }: ArrayLike<unknown>,
): void {
  const parameters = program?.parameters;
  if (!expectsHost || parameters === undefined || length <= parameters) return;
  const before = Math.max(parameters - 1, 0);
  const mend = entry.title === "wrapped"
    ? `; map, for example, passes index and array, too: write (value) => ${name || "fn"}(value)`
    : "";
  throw typeError(
    `${entry.title}: ${
      standing(before)
    } before the host's, but ${length} arguments were passed${mend}`,
  );
}

/** The job for a text. */
export function textJob(
  entry: Entry,
  source: string,
  name: string,
  options: Readonly<TaskOptions>,
  text: Program | undefined,
  own?: Runner,
): Job {
  const made = job(entry, source, name, options, own);
  if (made.runner?.syncCalls !== true) checkSync(entry, made.host);
  return text === undefined ? made : { ...made, text };
}

function job(
  entry: Entry,
  fn: AnyFunction | string,
  name: string,
  options: Readonly<WrapOptions>,
  own: Runner | undefined,
): Job {
  const { allowGlobals, signal, transfer, pool } = options;
  let { console, progress, onProgress } = options;
  let host = options.host === undefined ? undefined : readHost(entry, options.host);
  let runner = own ?? (pool === undefined ? undefined : runnerOf(pool)!);
  const scope = typeof fn === "string" || options.scope === undefined
    ? undefined
    : readScope(entry, options.scope);
  const module = scope?.module;
  const moduleUrl = typeof module === "string" ? module : undefined;
  let modules = typeof fn === "string" || options.modules === undefined
    ? undefined
    : readModules(entry, options.modules, options.base ?? moduleUrl);
  let limits: Limits = options;
  let program: CachedProgram | null = null;
  let failure: Job["failure"];
  try {
    runner ??= defaultRunner();
    limits = runner.limits(options, entry.where);
    host = host?.over(runner.host) ?? runner.host;
    console ??= runner.console;
    progress ??= onProgress === undefined ? runner.progress : true;
    onProgress ??= runner.onProgress;
    if (typeof fn !== "string") {
      modules ??= runner.modules;
      if (module instanceof Embedded) modules = new EmbeddedModules(module.files, modules);
      const mayImport = modules !== undefined;
      program = runner.compile(fn, {
        name,
        allowGlobals,
        scope,
        mayImport,
        caller: () => callerOf(entry.function),
      });
    }
  } catch (reason) {
    if (isMistake(reason)) throw reason;
    failure = { reason };
    // Without the library there is no engine to read a function. Some can be refused by their look.
    if (runner === undefined) {
      limits = limitsIn(NO_OPTIONS, options, entry.where);
      if (typeof fn !== "string") refuseByLook(fn, name);
    }
  }
  checkReport(entry, host, progress);
  return {
    name,
    fn,
    runner,
    program,
    allowGlobals,
    scope,
    limits,
    signal,
    transfer,
    host,
    expectsHost: expectsHost(options),
    console,
    progress: progress === true,
    onProgress,
    modules,
    text: undefined,
    failure,
  };
}

function expectsHost({ host, onProgress, progress }: Readonly<TaskOptions>): boolean {
  return host !== undefined || onProgress !== undefined || progress === true;
}

/** Whether an error says that the call itself is wrong, whenever it is tried. */
function isMistake(error: unknown): boolean {
  return error instanceof FunctionNotSerializableError || error instanceof FreeVariableError ||
    error instanceof RangeError;
}

/** Tries again to make a job that failed. Throws nothing. */
export function retried(entry: Entry, { fn, name, limits, runner, ...rest }: Job): Job {
  try {
    const { expectsHost } = rest;
    const options = { __proto__: null, ...rest, ...limits } as WrapOptions;
    return { ...job(entry, fn, name, options, runner), expectsHost };
  } catch (reason) {
    return { ...rest, fn, name, limits, runner, failure: { reason } };
  }
}

/** The same job with the options that are given. */
export function jobWith(entry: Entry, known: Job, rest: readonly unknown[]): Job {
  const options = taskOptions(entry, rest, TASK_NAMES, WITH_ADVICE);
  const limits = known.runner === undefined
    ? limitsIn(NO_OPTIONS, options, entry.where, known.limits)
    : known.runner.limits(options, entry.where, known.limits);
  const host = options.host === undefined
    ? known.host
    : readHost(entry, options.host).over(known.runner?.host);
  const { onProgress } = options;
  const progress = options.progress ?? (onProgress !== undefined || known.progress);
  checkReport(entry, host, progress);
  return {
    ...known,
    name: options.name ?? known.name,
    limits,
    signal: options.signal ?? known.signal,
    transfer: options.transfer ?? known.transfer,
    console: options.console ?? known.console,
    progress,
    onProgress: onProgress ?? known.onProgress,
    host,
    expectsHost: known.expectsHost || expectsHost(options),
  };
}

/** Refuses what would be ignored silently: a misspelt option, something behind the options. */
export function taskOptions<O extends Omit<WrapOptions, "scope">>(
  entry: Entry,
  rest: readonly unknown[],
  names: ReadonlySet<string>,
  advice: ReadonlyMap<string, string>,
  runner?: Runner,
): Readonly<O> {
  const given = rest.length > 0 ? rest[0] : undefined;
  if (given === undefined && rest.length < 2) return NO_OPTIONS as O;
  const where = entry.where;
  const all = `${where}options)`;
  const example = names.has("args")
    ? "{ args: [1, 2] }"
    : names.has("loader")
    ? "{ scope: { x: 1 } }"
    : "{ timeout: 100 }";
  if (given !== undefined && !isObject(given)) {
    throw typeError(`${all}: options must be an object such as ${example}, got ${describe(given)}`);
  }
  if (rest.length > 1) {
    const values = names.has("args") ? "the function's arguments" : "values";
    const into = names.has("args") || names.has("loader")
      ? `; ${values} go into them: ${example}`
      : "";
    throw typeError(`${all}: nothing can follow the options, got ${describe(rest[1])}${into}`);
  }
  const options: O = readOptions(given ?? {}, names, (name) => {
    const own = known(names, runner);
    let hint = advice.get(name);
    if (hint === undefined && meantOption(name, own) === undefined) {
      const meant = meantOption(name, POOL_NAMES);
      if (meant !== undefined) {
        const which = meant === name ? "it is a pool's" : `\`${meant}\` is a pool's`;
        hint = `${which}: new DeferredPool({ ${meant} })`;
      }
    }
    hint ??= optionHint(name, own);
    throw typeError(`${all}: there is no option \`${shorten(name, 60)}\`; ${hint}`);
  });
  const { name, transfer, allowGlobals, signal, pool } = options as Record<string, unknown>;
  if (transfer !== undefined && !Array.isArray(transfer)) {
    throw wrong(entry, "transfer", "an array of ArrayBuffers", transfer);
  }
  if (name !== undefined && typeof name !== "string") throw wrong(entry, "name", "a string", name);
  if (allowGlobals !== undefined && allowGlobals !== true && !isListOfStrings(allowGlobals)) {
    throw wrong(entry, "allowGlobals", "an array of names or true", allowGlobals);
  }
  if (signal !== undefined && !isSignal(signal)) {
    const isController = isObject(signal) && isSignal((signal as { signal?: unknown }).signal);
    throw wrong(entry, "signal", "an AbortSignal", signal, isController ? "controller.signal" : "");
  }
  const { modules, base } = options as Record<string, unknown>;
  checkModules(where, modules, base);
  checkConsole(where, options.console);
  checkProgress(where, options.onProgress, options.progress);
  if (pool !== undefined) checkPool(entry, pool, runner);
  checkLimits(options, where);
  return options;
}

/** The options of a call; a call on a pool has no `pool`. */
function known(names: ReadonlySet<string>, own: Runner | undefined): readonly string[] {
  return [...names].filter((name) => name !== "pool" || own === undefined);
}

function checkPool(entry: Entry, pool: unknown, own: Runner | undefined): void {
  if (own !== undefined) {
    throw typeError(
      `${entry.where}{ pool }): it runs in the pool that it is called on; leave \`pool\` out`,
    );
  }
  const runner = isObject(pool) ? runnerOf(pool) : undefined;
  if (runner === undefined) {
    const isForeign = describe(pool) === "a DeferredPool object";
    const which = isForeign ? " of this copy of the package" : "";
    throw wrong(entry, "pool", `a DeferredPool${which}`, pool);
  }
}

/** The error for an option of the wrong type. `instead`: what may have been meant. */
export function wrong(
  entry: Entry,
  option: string,
  what: string,
  value: unknown,
  instead = "",
): TypeError {
  return typeError(
    `${entry.where}{ ${option} }): ${option} must be ${what}, got ${describe(value)}${
      instead && `; pass ${instead}`
    }`,
  );
}

export function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether an object is plain, of whatever realm. */
export function isRecord(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function isListOfStrings(value: unknown): boolean {
  return Array.isArray(value) && value.every((name) => typeof name === "string");
}
