/**
 * What the host does for one task that waits for it: it calls functions (`host.ts`) and loads modules
 * (`modules.ts`). Here is what both need: the context in which that is done, the signal that says when
 * nobody waits any more, and the answers.
 *
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { ANSWER, LIMIT } from "../ffi/symbols.ts";
import type { Pending } from "./pool/reactor.ts";
import type { Runner } from "./runner.ts";

/** What is done now, by the host, for a task that waits for it. */
const current = new AsyncLocalStorage<Errand>();
/** Whether there has been any; to ask for the store takes time. */
let wereAny = false;

/** How many bytes are read before a task is told so without an answer. */
const OWED = LIMIT.UNREAD_MAX / 2;

/** The errand of one task. */
export class Errand {
  readonly #runner: Runner;
  readonly #task: Pending;
  readonly #isStrange: boolean;
  /** What the task that waits for this one waits for, if one does. */
  readonly #outer: Errand | undefined = wereAny ? current.getStore() : undefined;
  readonly #inContext: <R>(call: () => R) => R;
  #isOpen = true;
  #reason: unknown;
  #controller: AbortController | undefined;
  #owed = 0;

  /**
   * Begins an errand, for a task that is made here.
   *
   * @param isStrange whether the task's code may be a stranger's: it is not told where the host's lies
   */
  constructor(runner: Runner, task: Pending, isStrange: boolean) {
    this.#runner = runner;
    this.#task = task;
    this.#isStrange = isStrange;
    wereAny = true;
    this.#inContext = current.run(this, () => AsyncLocalStorage.snapshot());
  }

  /** Whether the task still waits for answers. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Aborted when the task has ended. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (!this.#isOpen) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Calls what the host does, in the context in which the task was made. */
  run<R>(call: () => R): R {
    return this.#inContext(call);
  }

  /** The task has ended. */
  end(reason: unknown): void {
    this.#isOpen = false;
    this.#reason = reason;
    const controller = this.#controller;
    if (controller !== undefined) this.run(() => controller.abort(reason));
  }

  /** So many bytes of what the task sent were read; the next answer tells it. */
  owe(bytes: number): void {
    this.#owed += bytes;
  }

  /** Tells the task of what was read without an answer, if that is much; `fail` is told if it can't. */
  giveRoom(fail: (cause: unknown) => void): void {
    if (this.#owed < OWED) return;
    try {
      this.post(0, ANSWER.NONE, undefined, "");
    } catch (cause) {
      fail(cause);
    }
  }

  /** Sends an answer. Throws a DataCloneError, or why it can't be sent. */
  post(
    number: number,
    type: number,
    value: unknown,
    root: string,
    transfer?: readonly ArrayBuffer[],
  ): void {
    const room = this.#owed;
    this.#owed = 0;
    try {
      const noStacks = this.#isStrange;
      this.#runner.post(this.#task, { number, type, room, value, transfer, root, noStacks });
    } catch (error) {
      this.#owed = room;
      throw error;
    }
  }

  /** Whether what is done now is awaited by a task of this runner. */
  static isAwaitedIn(runner: Runner): boolean {
    if (!wereAny) return false;
    for (let errand = current.getStore(); errand !== undefined; errand = errand.#outer) {
      if (errand.#isOpen && errand.#runner === runner) return true;
    }
    return false;
  }
}
