/**
 * What tasks report of their progress: each report to `onProgress`, and the latest to whoever
 * iterates `deferred.progress`.
 *
 * A report comes out of the task as an event, in the order of its other ones. The library sends the
 * next one when it hears that this one was read, once in a turn of the event loop, and keeps only
 * the latest until then. So a flood costs one report a turn.
 *
 * Invariant: whatever `onProgress` does or throws, nothing is thrown into the event loop.
 *
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Deferred } from "./deferred.ts";
import { typeError } from "./errors.ts";
import { describe } from "./function/describe.ts";
import { checkWhether } from "./options.ts";

/** What the last parameter of a task offers that reports its progress. */
export interface Reporter<P> {
  /**
   * Tells the host how far the task is: at once, without an answer. The value is cloned.
   *
   * @throws {DOMException} a DataCloneError, if it can't be cloned
   */
  report(value: P): void;
}

/** What is called with each report of a task, and the task. */
// deno-lint-ignore no-explicit-any
export type OnProgress<P = any> = (value: P, task: Deferred<unknown>) => unknown;

/** Checks the options of these names. `where` begins the call. */
export function checkProgress(where: string, onProgress: unknown, progress: unknown): void {
  if (onProgress !== undefined && typeof onProgress !== "function") {
    throw typeError(
      `${where}{ onProgress }): onProgress must be a function, got ${describe(onProgress)}`,
    );
  }
  checkWhether(where, "progress", progress);
  if (progress === false && onProgress !== undefined) {
    throw typeError(
      `${where}{ onProgress, progress }): with progress: false nothing is reported; leave out ` +
        "one of them",
    );
  }
}

/** The reports of one task. */
export class Progress implements AsyncIterable<unknown> {
  #onProgress: OnProgress | undefined;
  /** The context in which the task was started. */
  #inContext: ((call: () => void) => void) | undefined;
  /** The task's promise. */
  task!: Deferred<unknown>;
  #latest: unknown;
  #count = 0;
  #ended = false;
  /** What those wait for who have seen the latest. */
  #next: PromiseWithResolvers<void> | undefined;

  constructor(onProgress: OnProgress | undefined) {
    this.#onProgress = onProgress;
    if (onProgress !== undefined) this.#inContext = AsyncLocalStorage.snapshot();
  }

  /** A report came. */
  receive(value: unknown): void {
    this.#latest = value;
    this.#count++;
    this.#wake();
    const onProgress = this.#onProgress;
    if (onProgress === undefined) return;
    this.#inContext!(() => {
      try {
        onProgress(value, this.task);
      } catch (thrown) {
        // Told as what its promise rejects with is: it is nothing of the task's.
        void Promise.reject(thrown);
      }
    });
  }

  /** The task has ended, however it did. The latest report is all that is kept. */
  end(): void {
    this.#ended = true;
    this.#onProgress = this.#inContext = undefined;
    this.task = undefined!;
    this.#wake();
  }

  #wake(): void {
    this.#next?.resolve();
    this.#next = undefined;
  }

  /** From the latest report on, those that there are when the next is asked for. */
  async *[Symbol.asyncIterator](): AsyncGenerator<unknown, undefined, undefined> {
    for (let seen = 0;;) {
      if (this.#count > seen) {
        seen = this.#count;
        yield this.#latest;
      } else if (this.#ended) {
        return;
      } else {
        this.#next ??= Promise.withResolvers();
        await this.#next.promise;
      }
    }
  }
}

/** The progress of a task that has no `report`. */
export const NO_PROGRESS: AsyncIterable<never> = {
  [Symbol.asyncIterator](): never {
    throw typeError(
      "this task reports nothing: start it with { progress: true }, or with an onProgress, and it " +
        "finds `report` in its last parameter",
    );
  },
};
