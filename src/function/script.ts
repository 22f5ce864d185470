/**
 * Scripts: code that is text, as `eval` is given it.
 *
 * Invariant: nothing outside a task reads the text. It crosses as a value, is compiled by the
 * worker under the task's limits, and is gone with the task.
 *
 * @module
 */
import { Call, isObject } from "../call.ts";
import type { DeferredOptions } from "../deferred.ts";
import { typeError } from "../errors.ts";
import { noOptions } from "../options.ts";
import type { DeferredPool } from "../pool/pool.ts";
import { LIMIT_NAMES, type Limits, type Runner } from "../pool/runner.ts";
import { describe } from "./describe.ts";
import type { AnyFunction } from "./source.ts";

/** What `Deferred.eval` and `pool.eval` take beside the code. */
export interface EvalOptions extends Limits {
  /**
   * Values by name: the code finds each as a global variable. Structured-cloned into the task.
   * Default: none.
   */
  readonly scope?: Readonly<Record<string, unknown>>;
  /** ArrayBuffers in the scope to move instead of copying them: they are detached here. */
  readonly transfer?: readonly ArrayBuffer[];
  /** What stacks and messages call the code. Default: "eval". */
  readonly name?: string;
  /** The pool that runs the task. Default: one pool for the process's main thread or Worker. */
  readonly pool?: DeferredPool;
  /**
   * Cancels the task when it is aborted, queued or running: the promise rejects at once with the
   * signal's reason.
   */
  readonly signal?: AbortSignal;
}

const NO_OPTIONS = noOptions<EvalOptions & DeferredOptions>([
  "scope",
  "transfer",
  "name",
  "pool",
  "signal",
  ...LIMIT_NAMES,
]);

/** Options of functions that people look for here. */
const ADVICE: ReadonlyMap<string, string> = new Map([
  ["args", "code that is text has no parameters: pass values by name, { scope: { x: 1 } }"],
  ["allowGlobals", "code that is text may use any name, and is not looked at before it runs"],
  ["transferList", "it is called `transfer`"],
]);

const NAME = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u;

/** Words that are no variable's name, and globals that can't be changed. */
const UNUSABLE: ReadonlySet<string> = new Set(
  ("await break case catch class const continue debugger default delete do else enum export " +
    "extends false finally for function if import in instanceof new null return super switch " +
    "this throw true try typeof var void while with Infinity NaN undefined").split(" "),
);

/** A call of `Deferred.eval` or `pool.eval`. */
export class EvalCall extends Call {
  constructor(title: string, entry: AnyFunction, rest: readonly unknown[], runner?: Runner) {
    super(title, entry, "options", rest, runner, "source");
  }

  /** The options, checked, with the text and its scope as `args`. */
  override check(source: unknown): DeferredOptions {
    if (typeof source !== "string") {
      const hint = typeof source === "function" ? "; a function is run by Deferred.run(fn)" : "";
      throw typeError(`${this.where}): source must be a string, got ${describe(source)}${hint}`);
    }
    const options = this.checkOptions(NO_OPTIONS, ADVICE);
    const { scope = {} } = options as EvalOptions;
    this.#checkScope(scope);
    return { ...options, name: options.name ?? "eval", args: [source, scope] };
  }

  #checkScope(scope: unknown): void {
    if (!isObject(scope) || !isRecord(scope)) {
      throw this.wrong("scope", "a plain object of values by name, such as { x: 1 }", scope);
    }
    for (const name of Object.keys(scope)) {
      if (NAME.test(name) && !UNUSABLE.has(name)) continue;
      throw typeError(
        `${this.where}, { scope }): ${JSON.stringify(name.slice(0, 60))} can't be the name of a ` +
          "variable; give it another name, or put it into an object: { scope: { input: { … } } }",
      );
    }
  }
}

/** Whether an object is plain, of whatever realm. */
function isRecord(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
