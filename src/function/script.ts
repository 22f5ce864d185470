/**
 * Scripts: the text that `eval` is given.
 *
 * Invariant: nothing outside a task parses the text. It crosses as a value, the worker compiles it
 * under the task's limits, and it is gone with the task.
 *
 * @module
 */
import {
  type Entry,
  isObject,
  isRecord,
  type Job,
  scriptJob,
  taskOptions,
  wrong,
} from "../call.ts";
import type { TaskOptions } from "../deferred.ts";
import { typeError } from "../errors.ts";
import type { DeferredPool } from "../pool/pool.ts";
import { LIMIT_NAMES } from "../limits.ts";
import type { Runner } from "../runner.ts";
import { describe } from "./describe.ts";

/** Options of `Deferred.eval` and `pool.eval`. */
export interface EvalOptions extends TaskOptions {
  /**
   * Values by name: the code finds each as a global variable. Structured-cloned into the task.
   * Default: none.
   */
  readonly scope?: object | undefined;
  /** The code's name in stacks and messages. Default: "eval". */
  readonly name?: string | undefined;
  /** The pool that runs the task. Default: one pool for the process's main thread or Worker. */
  readonly pool?: DeferredPool | undefined;
}

const NAMES: ReadonlySet<string> = new Set([
  "scope",
  "transfer",
  "name",
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
]);

const NAME = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u;

/** Words that can't name a variable, and globals that can't be changed. */
const UNUSABLE: ReadonlySet<string> = new Set(
  ("await break case catch class const continue debugger default delete do else enum export " +
    "extends false finally for function if import in instanceof new null return super switch " +
    "this throw true try typeof var void while with Infinity NaN undefined").split(" "),
);

const HOST_VALUES = "functions by name, such as { lookup: (id) => db.lookup(id) }";

/** The job for a script, and its arguments: the text and its scope. */
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
  checkScope(entry, scope, "scope");
  if (isObject(host)) {
    checkScope(entry, host, "host");
    for (const name of Object.keys(host)) {
      if (!Object.hasOwn(scope, name)) continue;
      throw typeError(`${entry.where}{ scope, host }): \`${name}\` stands in both; rename one`);
    }
  }
  const job = scriptJob(entry, source, options, runner);
  if (job.progress && Object.hasOwn(scope, "report")) {
    throw typeError(
      `${entry.where}{ scope }): scope.report would hide the \`report\` of a task that tells of its ` +
        "progress; rename it, or leave onProgress and progress out",
    );
  }
  return { job, args: [source, scope] };
}

function checkScope(entry: Entry, scope: unknown, option: "scope" | "host"): void {
  if (!isObject(scope) || !isRecord(scope)) {
    const what = option === "scope" ? "values by name, such as { x: 1 }" : HOST_VALUES;
    throw wrong(entry, option, `a plain object of ${what}`, scope);
  }
  for (const name of Object.keys(scope)) {
    if (NAME.test(name) && !UNUSABLE.has(name)) continue;
    throw typeError(
      `${entry.where}{ ${option} }): ${JSON.stringify(name.slice(0, 60))} can't be the name of a ` +
        `variable; give it another name, or put it into an object: { ${option}: { input: { … } } }`,
    );
  }
}
