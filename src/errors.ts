/**
 * The errors of this package: one class for each kind of failure, each with a stable `code`.
 *
 * Where the platform has an error for a case, it is used: `TypeError` and `RangeError` for a wrong
 * call, `DOMException` for values that can't be cloned (DataCloneError) and for cancelling
 * (AbortError, TimeoutError).
 *
 * A message says what happened, which value or name caused it, and what to do.
 *
 * @module
 */

/** Errors made by this package whose stacks still begin inside it. */
const uncut = new WeakSet<Error>();

/** Marks an error that a user's call throws: its stack is to begin at that call. */
export function uncutError<E extends Error>(error: E): E {
  uncut.add(error);
  return error;
}

/** A TypeError about a call of this package. */
export function typeError(message: string): TypeError {
  return uncutError(new TypeError(message));
}

/** A RangeError about a call of this package. */
export function rangeError(message: string): RangeError {
  return uncutError(new RangeError(message));
}

/** Whether an error was made here, and not by, say, a user's getter. Forgets the mark. */
export function takeUncut(error: unknown): error is Error {
  return uncut.delete(error as Error);
}

/** Gives a class its name. Assignment would fail where Error.prototype is frozen. */
function setName(errorClass: { readonly prototype: Error }, value: string): void {
  Object.defineProperty(errorClass.prototype, "name", {
    __proto__: null,
    value,
    writable: true,
    configurable: true,
  } as PropertyDescriptor);
}

/**
 * The base class of the errors that only this package has.
 *
 * @example
 * ```ts
 * import { Deferred, DeferredError } from "@protojs/deferred";
 *
 * try {
 *   await new Deferred(Math.max);
 * } catch (error) {
 *   if (error instanceof DeferredError) console.log(error.code); // "ERR_DEFERRED_FUNCTION"
 * }
 * ```
 */
export class DeferredError extends Error {
  static {
    setName(this, "DeferredError");
  }

  /** Identifies the kind of error. Unlike the message, it does not change between versions. */
  readonly code: string = "ERR_DEFERRED";

  /**
   * Makes the error.
   *
   * @param message what to say
   * @param options the error's `cause`
   */
  constructor(message?: string, options?: ErrorOptions) {
    super(message, options);
    uncut.add(this);
  }
}

/** A function can't be compiled on its own: it is native, bound, a class, a generator, … */
export class FunctionNotSerializableError extends DeferredError {
  static {
    setName(this, "FunctionNotSerializableError");
  }

  /** "ERR_DEFERRED_FUNCTION". */
  override readonly code: string = "ERR_DEFERRED_FUNCTION";
}

/** A function uses names that neither it nor its task's realm defines. */
export class FreeVariableError extends DeferredError {
  static {
    setName(this, "FreeVariableError");
  }

  /** "ERR_DEFERRED_FREE_VARIABLE". */
  override readonly code: string = "ERR_DEFERRED_FREE_VARIABLE";

  /** The names, in the order of their first use. */
  readonly names: readonly string[];

  /**
   * Makes the error.
   *
   * @param message what to say
   * @param names the names
   * @param options the error's `cause`
   */
  constructor(message: string, names: readonly string[], options?: ErrorOptions) {
    super(message, options);
    this.names = names;
  }
}

/**
 * The native library is there but can't be used: it is damaged, stale or forbidden. Or, as a
 * {@linkcode DeferredResourceError}, there is not enough of what a task needs.
 */
export class LibraryError extends DeferredError {
  static {
    setName(this, "LibraryError");
  }

  /** "ERR_DEFERRED_LIBRARY". */
  override readonly code: string = "ERR_DEFERRED_LIBRARY";
}

/**
 * The process is out of something: the system refuses the memory, the thread, the signals or the
 * clock that a task needs, or there are too many pools or tasks. It is no fault of the task's, which
 * may be tried again later. The message names the call that was refused, if one was, and the
 * system's reason.
 */
export class DeferredResourceError extends LibraryError {
  static {
    setName(this, "DeferredResourceError");
  }

  /** "ERR_DEFERRED_RESOURCES". */
  override readonly code: string = "ERR_DEFERRED_RESOURCES";
}

/**
 * The native library isn't there. The message says where it was looked for, and how to build it.
 */
export class LibraryNotFoundError extends LibraryError {
  static {
    setName(this, "LibraryNotFoundError");
  }

  /** "ERR_DEFERRED_LIBRARY_NOT_FOUND". */
  override readonly code: string = "ERR_DEFERRED_LIBRARY_NOT_FOUND";
}

/** The pool takes no more tasks, or was destroyed while the task was pending. */
export class PoolClosedError extends DeferredError {
  static {
    setName(this, "PoolClosedError");
  }

  /** "ERR_DEFERRED_POOL_CLOSED". */
  override readonly code: string = "ERR_DEFERRED_POOL_CLOSED";
}

/** The promise that a task returned can never settle: nothing is left that could settle it. */
export class UnsettledError extends DeferredError {
  static {
    setName(this, "UnsettledError");
  }

  /** "ERR_DEFERRED_UNSETTLED". */
  override readonly code: string = "ERR_DEFERRED_UNSETTLED";
}

/** A task needed more memory than its limit. */
export class DeferredMemoryError extends DeferredError {
  static {
    setName(this, "DeferredMemoryError");
  }

  /** "ERR_DEFERRED_MEMORY". */
  override readonly code: string = "ERR_DEFERRED_MEMORY";
}

/** A task overflowed its native stack where the engine could not throw its own error. */
export class DeferredStackError extends DeferredError {
  static {
    setName(this, "DeferredStackError");
  }

  /** "ERR_DEFERRED_STACK". */
  override readonly code: string = "ERR_DEFERRED_STACK";
}

/** A task went over a limit that is neither of time nor of memory. */
export class DeferredLimitError extends DeferredError {
  static {
    setName(this, "DeferredLimitError");
  }

  /** "ERR_DEFERRED_LIMIT". */
  override readonly code: string = "ERR_DEFERRED_LIMIT";

  /** The option that says so: "resultLimit", "sourceLimit" or "moduleLimit". */
  readonly limit: string;

  /**
   * Makes the error.
   *
   * @param message what to say
   * @param limit the option's name
   * @param options the error's `cause`
   */
  constructor(message: string, limit: string, options?: ErrorOptions) {
    super(message, options);
    this.limit = limit;
  }
}

/** The package or its library failed. Please report it. */
export class InternalError extends DeferredError {
  static {
    setName(this, "InternalError");
  }

  /** "ERR_DEFERRED_INTERNAL". */
  override readonly code: string = "ERR_DEFERRED_INTERNAL";
}

/**
 * A value can't be cloned: the platform's own `DataCloneError` (code 25), with the path of the part
 * that is the problem.
 */
export class DataCloneError extends DOMException {
  /** The part's path: `args[0].items[3].fn`, `result.rows`. */
  readonly path: string;

  /**
   * Makes the error.
   *
   * @param message what to say, the path included
   * @param path the part's path
   */
  constructor(message: string, path: string) {
    super(message, "DataCloneError");
    this.path = path;
    uncut.add(this);
  }
}

/** Whether the number of an error's frames can be set: not where Error was frozen. */
let hasLimit = true;

/**
 * The error that `make` makes, with no frames of this package: runtimes print the frames of an
 * uncaught error, whatever its `stack` says.
 */
export function withoutFrames(make: () => Error): Error {
  const { stackTraceLimit } = Error;
  setLimit(0);
  try {
    return make();
  } finally {
    setLimit(stackTraceLimit);
  }
}

/** Assigning takes a third of the time of Reflect.set, which may be broken as well. */
function setLimit(limit: number): void {
  if (!hasLimit) return;
  try {
    Error.stackTraceLimit = limit;
  } catch {
    hasLimit = false;
  }
}
