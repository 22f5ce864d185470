/**
 * Runs an ordinary JavaScript function off the main thread, in a pristine QuickJS realm, and awaits
 * its result: no worker file, no message handlers, no shared globals.
 *
 * ```ts
 * import { Deferred } from "@protojs/deferred";
 *
 * const sum = await new Deferred(() => {
 *   let x = 0;
 *   for (let i = 1; i <= 100_000; i++) x += i;
 *   return x;
 * });
 * console.log(sum); // 5000050000
 * ```
 *
 * @module
 */
import "./src/runtime.ts"; // before all others

export {
  Deferred,
  type DeferredConstructor,
  type DeferredFunction,
  type DeferredOptions,
  type ReportingDeferred,
  type ReportingFunction,
  type TaskOptions,
  type WrapOptions,
} from "./src/deferred.ts";
export type { TaskConsole } from "./src/console.ts";
export {
  type Host,
  type HostCall,
  type HostFunction,
  type HostFunctions,
  type HostMethod,
  type HostParameter,
  sync,
  type SyncHostFunction,
  type SyncHostMethod,
  transfer,
} from "./src/host.ts";
export type { ModuleContext, ModuleLoader, ModuleSource, SourceLanguage } from "./src/modules.ts";
export type { OnProgress, Reporter } from "./src/progress.ts";
export type { TaskStats } from "./src/task.ts";
export type { EvalOptions } from "./src/function/script.ts";
export type { ModuleMeta, ScopeOption, ScopeValue, TaskScope } from "./src/function/scope.ts";
export type { AnyClass } from "./src/clone/classes.ts";
export type { Cloneable, Cloned, DataKey, Uncloneable } from "./src/clone/cloneable.ts";
export type { HostCallLimits, Limits } from "./src/limits.ts";
export type { PoolOptions } from "./src/pool/runner.ts";
export { DeferredPool, type Hardening } from "./src/pool/pool.ts";
export {
  DataCloneError,
  DeferredError,
  DeferredLimitError,
  DeferredMemoryError,
  DeferredResourceError,
  DeferredStackError,
  FreeVariableError,
  FunctionNotSerializableError,
  InternalError,
  LibraryError,
  LibraryNotFoundError,
  PoolClosedError,
  UnsettledError,
} from "./src/errors.ts";
