/**
 * Scripts: the text that `eval` is given.
 *
 * Invariant: nothing outside a task parses the text. It crosses as a value, the worker compiles it
 * under the task's limits, and it is gone with the task.
 *
 * @module
 */
import { FORM, LANGUAGE } from "../../ffi/symbols.ts";
import { type Entry, isObject, isRecord, type Job, taskOptions, textJob, wrong } from "../call.ts";
import type { TaskOptions } from "../deferred.ts";
import { typeError } from "../errors.ts";
import {
  byteLength,
  checkLoader,
  checkSource,
  firstName,
  languageOf,
  LANGUAGES,
  type ModuleLoader,
  MODULES,
  type Program,
  type SourceLanguage,
} from "../modules.ts";
import type { DeferredPool } from "../pool/pool.ts";
import { checkWhole, LIMIT_NAMES } from "../limits.ts";
import type { Runner } from "../runner.ts";
import { describe } from "./describe.ts";
import { checkNames, moduleOf } from "./scope.ts";

/** Options of `Deferred.eval` and `pool.eval`. */
export interface EvalOptions extends TaskOptions {
  /**
   * Values by name: the code finds each as a global variable. Structured-cloned into the task.
   * Default: none.
   */
  readonly scope?: object | undefined;
  /** The code's name in messages. Default: its `filename`, or "eval". */
  readonly name?: string | undefined;
  /**
   * The code's file, by any name or URL: stacks show it with lines and columns, and it is what the
   * code's imports are relative to. Default: its `name`.
   */
  readonly filename?: string | undefined;
  /**
   * Whether the code is a script, in which `return` may stand at the top level, or a module with
   * `import` and `export`. Default: a script; or a module, if it has what only modules may have.
   */
  readonly type?: "script" | "module" | undefined;
  /**
   * The code's language; types are blanked out in the task. Default: "typescript" for a `filename`
   * that ends with `.ts` or `.mts`, else "javascript".
   */
  readonly language?: SourceLanguage | undefined;
  /** Loads the modules that the code imports. Default: none, and an import is an error. */
  readonly loader?: ModuleLoader | undefined;
  /** How many modules a run may load. Default: 1000. */
  readonly moduleLimit?: number | undefined;
  /** How many bytes the code may have in UTF-8, its modules included. Default: no limit. */
  readonly sourceLimit?: number | undefined;
  /** The pool that runs the task. Default: one pool for the process's main thread or Worker. */
  readonly pool?: DeferredPool | undefined;
}

const NAMES: ReadonlySet<string> = new Set([
  "scope",
  "transfer",
  "name",
  "filename",
  "type",
  "language",
  "loader",
  "moduleLimit",
  "sourceLimit",
  "pool",
  "signal",
  "host",
  "console",
  "onProgress",
  "progress",
  ...LIMIT_NAMES,
]);

/** Options of functions that people look for at `eval`. */
const ADVICE: ReadonlyMap<string, string> = new Map([
  ["args", "code that is text has no parameters: pass values by name, { scope: { x: 1 } }"],
  ["allowGlobals", "code that is text may use any name, and is not looked at before it runs"],
  ["module", 'say so by { type: "module" }; what it imports comes from a `loader`'],
  ["modules", "what the code imports comes from a `loader`: { loader: { resolve, load } }"],
  ["lang", 'say { language: "typescript" }'],
]);

const HOST_VALUES = "functions by name, such as { lookup: (id) => db.lookup(id) }";

const FORMS: ReadonlyMap<unknown, number> = new Map([
  [undefined, FORM.EITHER],
  ["script", FORM.SCRIPT],
  ["module", FORM.MODULE],
]);

/** What the options say of a text; `undefined` if that it is one. Throws for what makes no sense. */
function programOf(
  entry: Entry,
  text: string,
  options: Readonly<EvalOptions>,
): Program | undefined {
  const { filename, type, language, loader, moduleLimit, sourceLimit } = options;
  const given = [filename, type, language, loader, moduleLimit, sourceLimit];
  if (given.every((option) => option === undefined)) return undefined;
  if (filename !== undefined && typeof filename !== "string") {
    const isURL = (filename as unknown) instanceof URL;
    throw wrong(entry, "filename", "a string", filename, isURL ? "url.href" : "");
  }
  const form = FORMS.get(type);
  if (form === undefined) throw wrong(entry, "type", '"script" or "module"', type);
  const known = LANGUAGES.get(language);
  if (language !== undefined && (known === undefined || known === LANGUAGE.JSON)) {
    throw wrong(entry, "language", '"javascript" or "typescript"', language);
  }
  if (loader !== undefined) checkLoader(entry, loader);
  if (moduleLimit !== undefined) {
    checkWhole(moduleLimit, `${entry.where}{ moduleLimit })`, [0, 1e6]);
  }
  if (sourceLimit !== undefined) {
    checkWhole(sourceLimit, `${entry.where}{ sourceLimit })`, [0, Number.MAX_SAFE_INTEGER]);
  }
  const url = filename || options.name || "eval";
  const ending = languageOf(url);
  return {
    url,
    file: firstName(url),
    text,
    form,
    language: known ?? (ending === LANGUAGE.JSON ? LANGUAGE.JAVASCRIPT : ending),
    loader,
    moduleLimit: moduleLimit ?? MODULES,
    sourceLimit: sourceLimit ?? Infinity,
  };
}

/** The job for a text, and its arguments: the text, its scope, and what else is to be known of it. */
export function evalJob(
  entry: Entry,
  source: unknown,
  rest: readonly unknown[],
  runner?: Runner,
): { readonly job: Job; readonly args: readonly unknown[] } {
  if (typeof source !== "string") {
    const hint = typeof source === "function" ? "; a function is run by Deferred.run(fn)" : "";
    throw typeError(
      `${entry.title}(source): source must be a string, got ${describe(source)}${hint}`,
    );
  }
  const options = taskOptions<EvalOptions>(entry, rest, NAMES, ADVICE, runner);
  const { scope = {}, host } = options;
  if (moduleOf(scope) !== undefined) {
    throw typeError(
      `${entry.where}{ scope }): code that is text is in no module; pass it values by name, ` +
        "{ scope: { x: 1 } }",
    );
  }
  checkScope(entry, scope, "scope");
  if (isObject(host)) {
    checkScope(entry, host, "host");
    for (const name of Object.keys(host)) {
      if (!Object.hasOwn(scope, name)) continue;
      throw typeError(`${entry.where}{ scope, host }): \`${name}\` stands in both; rename one`);
    }
  }
  const text = programOf(entry, source, options);
  const name = options.name ?? (options.filename || "eval");
  const job = textJob(entry, source, name, options, text, runner);
  if (job.progress && Object.hasOwn(scope, "report")) {
    throw typeError(
      `${entry.where}{ scope }): scope.report would hide the \`report\` of a task that tells of its ` +
        "progress; rename it, or leave onProgress and progress out",
    );
  }
  if (text === undefined) return { job, args: [source, scope, undefined] };
  const { file, url, form, language } = text;
  return { job: withinLimit(job, text), args: [source, scope, [file, url, form, language]] };
}

/** The job, which rejects if its text is too long. */
function withinLimit(job: Job, { text, sourceLimit }: Program): Job {
  if (sourceLimit === Infinity || job.failure !== undefined) return job;
  try {
    checkSource(byteLength(text), sourceLimit);
    return job;
  } catch (reason) {
    return { ...job, failure: { reason } };
  }
}

function checkScope(entry: Entry, scope: unknown, option: "scope" | "host"): void {
  if (!isObject(scope) || !isRecord(scope)) {
    const what = option === "scope" ? "values by name, such as { x: 1 }" : HOST_VALUES;
    throw wrong(entry, option, `a plain object of ${what}`, scope);
  }
  checkNames(entry, option, Object.keys(scope));
}
