/**
 * From a task's completion to what its promise rejects with.
 *
 * @module
 */
import { STATUS, STATUS_TEXT } from "../ffi/symbols.ts";
import {
  DataCloneError,
  DeferredMemoryError,
  DeferredStackError,
  InternalError,
  UnsettledError,
} from "./errors.ts";
import type { Completion } from "./reactor.ts";
import type { Limits } from "./runner.ts";
import { noModule } from "./source.ts";
import { setTaskStacks, type Site } from "./stack.ts";

/** The task, as far as its errors tell of it. */
export interface Subject {
  /** Its name; "" if it has none. */
  readonly name: string;
  readonly fn: (...args: never[]) => unknown;
  /** Where its Deferred was made; known once it is on its way. */
  site: Site;
  readonly limits: Limits;
}

/** What a task that did not return rejects with. */
export function rejection(completion: Completion, subject: Subject): unknown {
  const { status, payload, errors } = completion;
  if (status === STATUS.THROWN) {
    if (payload instanceof ReferenceError) {
      const message = noModule(payload.message);
      if (message !== null) payload.message = message;
    }
    if (errors.length > 0) setTaskStacks(errors, subject, payload);
    return payload;
  }
  const error = libraryError(status, payload, subject);
  setTaskStacks([error], subject, error);
  return error;
}

/** What a task that returned resolves with. */
export function result({ payload, errors }: Completion, subject: Subject): unknown {
  if (errors.length > 0) setTaskStacks(errors, subject);
  return payload;
}

function libraryError(status: number, payload: unknown, { name, limits }: Subject): Error {
  const task = name === "" ? "the task" : `the task \`${name}\``;
  switch (status) {
    case STATUS.UNCLONEABLE: {
      const [message, path, threw] = payload as [string, string, boolean];
      const root = threw ? "thrown" : "result";
      return new DataCloneError(`${root}${path}: ${message}`, `${root}${path}`);
    }
    case STATUS.UNSETTLED:
      return new UnsettledError(
        `${task} returned a promise that can never settle: nothing is left in the task that ` +
          "could resolve or reject it",
      );
    case STATUS.MEMORY: {
      const limit = bytes(limits.memoryLimit ?? DEFAULT_MEMORY);
      return new DeferredMemoryError(`${task} needed more memory than its limit of ${limit}`);
    }
    case STATUS.STACK:
      return new DeferredStackError(`${task} overflowed its native stack`);
    case STATUS.TIMEOUT:
      return timeoutError(`${task} ran longer than its timeout of ${limits.timeout} ms`);
    case STATUS.CPU:
      return timeoutError(`${task} used more CPU time than its cpuLimit of ${limits.cpuLimit} ms`);
    case STATUS.QUEUE_TIMEOUT:
      return timeoutError(
        `${task} waited for a thread longer than its queueTimeout of ${limits.queueTimeout} ms`,
      );
    case STATUS.CANCELLED:
      return new DOMException(`${task} was cancelled`, "AbortError");
    default:
      return payload instanceof Error
        ? payload
        : new InternalError(`${task} failed: ${STATUS_TEXT[status] ?? `status ${status}`}`);
  }
}

const DEFAULT_MEMORY = 256 * 2 ** 20;

function bytes(count: number): string {
  return count % 2 ** 20 === 0 ? `${count / 2 ** 20} MiB` : `${count} bytes`;
}

function timeoutError(message: string): DOMException {
  return new DOMException(message, "TimeoutError");
}
