/**
 * From a task's completion to the value or error that its promise settles with.
 *
 * @module
 */
import { LANGUAGE, STATUS, STATUS_TEXT, WIRE_FRAME } from "../../ffi/symbols.ts";
import type { Frame } from "../clone/frames.ts";
import { define } from "../clone/own.ts";
import { MAX_QUOTED, oneLine } from "../display.ts";
import {
  DataCloneError,
  DeferredLimitError,
  DeferredMemoryError,
  DeferredResourceError,
  DeferredStackError,
  InternalError,
  UnsettledError,
  withoutFrames,
} from "../errors.ts";
import type { Completion } from "./reactor.ts";
import { bytesOf, type Limits } from "../limits.ts";
import {
  inFence,
  missingMember,
  missingName,
  noModule,
  noOffers,
  noSuchGroup,
  noSuchName,
  NOT_A_FUNCTION,
  notAFunction,
  notAwaited,
  noThis,
  notOffered,
  notTheHost,
  scriptSyntaxError,
} from "../function/advice.ts";
import { describe } from "../function/describe.ts";
import { offsetIn } from "../function/positions.ts";
import { textOf } from "../function/source.ts";
import { placeIn, setTaskStacks, type Site, type StackSubject } from "../function/stack.ts";

/** The part of a task that its errors mention. */
export interface Subject extends StackSubject {
  /** What made the host refuse a module by that message; or `undefined`. */
  causeOf?(message: string): unknown;
  /** How many arguments it was given. */
  readonly given: number;
  /** Whether a text has a loader. */
  readonly hasLoader?: boolean;
  /** How many parameters a function declares, if it can't see more arguments than these. */
  readonly parameters?: number | undefined;
  /** The code of `LANGUAGE` of a text. */
  readonly language: number;
  /** The names of the host's functions that it was offered. */
  readonly offers: readonly string[];
  /** Those of them that give promises. */
  readonly awaited?: readonly string[] | undefined;
  /** Known once it is on its way. */
  site: Site;
  sent?: ReadonlyMap<string, string> | undefined;
  readonly limits: Limits;
}

/** What a task rejects with if it did not return. */
export function rejection(completion: Completion, subject: Subject): unknown {
  const { status, payload, errors } = completion;
  if (status === STATUS.THROWN) {
    const message = payload instanceof Error ? adviceOn(payload, completion, subject) : null;
    if (message !== null) (payload as Error).message = message;
    if (errors.length > 0) setTaskStacks(errors, subject, payload);
    if (typeof subject.fn === "string" && payload instanceof Error) {
      const cause = subject.causeOf?.(payload.message);
      if (cause !== undefined) define(payload, "cause", cause, false);
    }
    return payload;
  }
  return atItsSite(withoutFrames(() => libraryError(status, payload, subject)), subject);
}

/** Gives an error without frames those of the call that made the task. */
export function atItsSite<E>(error: E, subject: Subject): E {
  if (error instanceof Error) {
    setTaskStacks([{ error, frames: undefined, stack: undefined }], subject, error);
  }
  return error;
}

/** The message for what a task threw; `null` if the engine's is enough. */
function adviceOn(thrown: Error, completion: Completion, subject: Subject): string | null {
  const { fn, offers } = subject;
  const inScript = typeof fn === "string";
  const text = inScript ? fn : textOf(fn);
  if (thrown instanceof ReferenceError) {
    return missingName(thrown.message, inScript, subject.hasLoader === true) ??
      noModule(thrown.message.slice(0, MAX_QUOTED), inScript) ??
      (inScript && offers.length > 0 ? noSuchName(thrown.message, text, offers) : null);
  }
  if (thrown instanceof SyntaxError) {
    return inScript ? adviceOnSyntax(thrown, completion, subject) : null;
  }
  if (!(thrown instanceof TypeError)) return null;
  if (thrown.message === NOT_A_FUNCTION || thrown.message === NOT_ITERABLE) {
    const offset = placeOf(thrown, completion, subject, text);
    const advice = notAwaited(thrown.message, text, offset, subject.awaited ?? [], inScript);
    if (advice !== null) return advice;
  }
  if (thrown.message === NOT_A_FUNCTION) return adviceOnCall(thrown, completion, subject, text);
  if (inScript) return null;
  const message = thrown.message.slice(0, MAX_QUOTED);
  if (offers.length > 0) return noSuchGroup(message, text, offers) ?? noThis(message, text);
  const offset = placeOf(thrown, completion, subject, text);
  return noOffers(message, text, offset, fn.length > subject.given) ?? noThis(message, text);
}

/** The innermost frame of an error. */
function topOf(thrown: Error, { errors }: Completion): Frame | undefined {
  return errors.find(({ error }) => error === thrown)?.frames?.()[0];
}

/** Where in the task's own text an error was thrown; `null` if that isn't known. */
function placeOf(
  thrown: Error,
  completion: Completion,
  subject: Subject,
  text: string,
): number | null {
  const top = topOf(thrown, completion);
  if (top?.kind !== WIRE_FRAME.TASK) return null;
  // A script does not have the line of ours that precedes a function.
  if (typeof subject.fn === "string") return offsetIn(text, top.row + 1, top.column);
  const place = placeIn(subject, top.row, top.column);
  return place?.part.name === "" ? place.offset : null;
}

/** The message for a text that can't be read, the task's or that of a module. */
function adviceOnSyntax(
  thrown: SyntaxError,
  completion: Completion,
  subject: Subject,
): string | null {
  const top = topOf(thrown, completion);
  const isModule = top?.kind === WIRE_FRAME.MODULE && top.file !== 0;
  const within = isModule
    ? subject.module?.(top.file ?? 0)
    : { text: subject.fn as string, language: subject.language };
  if (top === undefined || top.kind === WIRE_FRAME.NATIVE || within === undefined) {
    return scriptSyntaxError(thrown.message, null);
  }
  const { text, language } = within;
  const at = offsetIn(`${text} `, top.row + 1, top.column);
  const isTypeScript = language === LANGUAGE.TYPESCRIPT;
  return scriptSyntaxError(
    thrown.message,
    at === null ? null : { text, at, isTypeScript, isModule },
  );
}

/** The engine's message where what is not iterable is iterated. */
const NOT_ITERABLE = "value is not iterable";

/** The message for that, if the text tells what was called. */
function adviceOnCall(
  thrown: TypeError,
  completion: Completion,
  subject: Subject,
  text: string,
): string | null {
  const { fn, given, offers } = subject;
  const inScript = typeof fn === "string";
  const offset = placeOf(thrown, completion, subject, text);
  if (offset === null) return null;
  const fence = inScript ? inFence(thrown.message, text) : null;
  if (fence !== null) return fence;
  const member = missingMember(text, offset);
  if (member !== null) return member;
  const { parameters } = subject;
  if (!inScript && offers.length > 0 && parameters !== undefined && given >= parameters) {
    const surplus = notTheHost(text, offset, given, parameters, offers);
    if (surplus !== null) return surplus;
  }
  const none = offers.length > 0 ? notOffered(text, offset, offers, inScript) : null;
  if (none !== null || inScript) return none;
  return notAFunction(text, offset, given, offers.length > 0);
}

/** What a task that returned resolves with. */
export function result(
  { payload, errors }: Pick<Completion, "payload" | "errors">,
  subject: Subject,
): unknown {
  if (errors.length > 0) setTaskStacks(errors, subject);
  return payload;
}

/**
 * Why a task's value can't be cloned, and which part of it: both contain names that the task chose.
 */
function refusal(payload: unknown, root: string): [message: string, path: string] {
  const [message, path] = payload as [string, string];
  return [oneLine(message, MAX_QUOTED), root + oneLine(path, MAX_QUOTED)];
}

/** How long evaluating a pool's classes, or its modules, in a realm may take, in ms. */
export const CLASSES_MS = 5000;

/** The error for classes of a pool that could not be evaluated. */
export function classesFailure(status: number, payload: unknown, limits: Limits): unknown {
  const where = "new DeferredPool({ classes })";
  switch (status) {
    case STATUS.THROWN:
      return payload;
    case STATUS.UNCLONEABLE: {
      const [message, path] = refusal(payload, "thrown");
      return new DataCloneError(
        `${where}: a class threw a value that can't be cloned: ${path}: ${message}`,
        path,
      );
    }
    case STATUS.MEMORY:
      return new DeferredMemoryError(
        `${where}: they need more memory than the pool's memoryLimit of ${
          bytesOf(limits, "memoryLimit")
        }`,
      );
    case STATUS.STACK:
      return new DeferredStackError(
        `${where}: they overflow the native stack of ${bytesOf(limits, "maxStackSize")}`,
      );
    default:
      return timeoutError(
        `${where}: the classes of this pool could not be evaluated within ${CLASSES_MS} ms; ` +
          "is there an endless loop in a static block or field?",
      );
  }
}

/** The error for modules of a pool that could not be evaluated; `title`: the one to blame. */
export function preloadFailure(
  status: number,
  payload: unknown,
  title: string,
  limits: Limits,
): Error {
  const where = `new DeferredPool({ preload }): ${title}`;
  switch (status) {
    case STATUS.THROWN: {
      const said = payload instanceof Error ? payload.message : "";
      const imported = /^could not load module '([^]*)'$/.exec(said.slice(0, MAX_QUOTED))?.[1];
      const why = imported === undefined
        ? missingName(said, false, false) ?? said
        : `it imports ${
          JSON.stringify(imported)
        } when it is evaluated, by import(), which only a ` +
          "task can; import it statically, or in a function";
      if (!(payload instanceof Error)) {
        return new Error(`${where}: it threw ${describe(payload)}`, { cause: payload });
      }
      payload.message = `${where}: ${why}`;
      return payload;
    }
    case STATUS.UNCLONEABLE: {
      const [message, path] = refusal(payload, "thrown");
      return new DataCloneError(
        `${where}: it threw a value that can't be cloned: ${message}`,
        path,
      );
    }
    case STATUS.MEMORY:
      return new DeferredMemoryError(
        `${where}: it needs more memory than the pool's memoryLimit of ${
          bytesOf(limits, "memoryLimit")
        }, with those before it`,
      );
    case STATUS.STACK:
      return new DeferredStackError(
        `${where}: it overflows the native stack of ${bytesOf(limits, "maxStackSize")}`,
      );
    default:
      return timeoutError(
        `${where}: the modules of this pool could not be evaluated within ${CLASSES_MS} ms; is ` +
          "there an endless loop at its top level?",
      );
  }
}

/** The error of a task that was cancelled without a reason. */
export function cancelled(name: string): DOMException {
  return new DOMException(`${title(name)} was cancelled`, "AbortError");
}

/** Why an answer is not wanted any more: the task has ended by itself. */
export function ended(name: string): DOMException {
  return new DOMException(`${title(name)} has ended`, "AbortError");
}

/** The task, as messages call it. */
function title(name: string): string {
  return name === "" ? "the task" : `the task \`${name}\``;
}

/** What to give instead of what can't leave a task. */
const CLONE_ADVICE: readonly (readonly [what: RegExp, advice: string])[] = [
  [/^a function/, "call it in the task, and give what it returns"],
  [/^a symbol/, "pass its description, a string"],
  [/^an Arguments /, "pass an array: [...arguments]"],
  [/^an? [\w ]*iterator /i, "pass its values: [...it]"],
];

function libraryError(status: number, payload: unknown, { name, fn, limits }: Subject): Error {
  const task = title(name);
  switch (status) {
    case STATUS.UNCLONEABLE: {
      const [, , threw] = payload as [string, string, boolean];
      const [message, path] = refusal(payload, threw ? "thrown" : "result");
      const advice = CLONE_ADVICE.find(([what]) => what.test(message))?.[1];
      return new DataCloneError(
        advice ? `${path}: ${message}; ${advice}` : `${path}: ${message}`,
        path,
      );
    }
    case STATUS.UNSETTLED:
      return new UnsettledError(
        `${task} ${typeof fn === "string" ? "waits for" : "returned"} a promise that can never ` +
          "settle: nothing is left in the task that could resolve or reject it",
      );
    case STATUS.MEMORY:
      return new DeferredMemoryError(
        `${task} needed more memory than its limit of ${bytesOf(limits, "memoryLimit")}`,
      );
    case STATUS.RESULT:
      return new DeferredLimitError(
        `${task} returned or threw more than its resultLimit of ${limits.resultLimit} bytes`,
        "resultLimit",
      );
    case STATUS.STACK:
      return new DeferredStackError(
        `${task} overflowed its native stack of ${bytesOf(limits, "maxStackSize")}`,
      );
    case STATUS.TIMEOUT:
      return timeoutError(`${task} ran longer than its timeout of ${limits.timeout} ms`);
    case STATUS.CPU:
      return timeoutError(`${task} used more CPU time than its cpuLimit of ${limits.cpuLimit} ms`);
    case STATUS.QUEUE_TIMEOUT:
      return timeoutError(
        `${task} waited for a thread longer than its queueTimeout of ${limits.queueTimeout} ms`,
      );
    case STATUS.CANCELLED:
      return cancelled(name);
    case STATUS.PRELOAD:
      return timeoutError(
        `${task} did not start: the classes of its pool could not be evaluated on its thread ` +
          `within ${CLASSES_MS} ms, or its modules within ${6 * CLASSES_MS} ms`,
      );
    case STATUS.RESOURCES:
      return new DeferredResourceError(
        `${task} could not be run: the system refused its thread memory or signals` +
          (typeof payload === "string" ? ` (${payload})` : "") +
          "; see the limits of the process (ulimit -a) and how much memory it has left",
      );
    default:
      return payload instanceof Error
        ? payload
        : new InternalError(`${task} failed: ${STATUS_TEXT[status] ?? `status ${status}`}`);
  }
}

function timeoutError(message: string): DOMException {
  return new DOMException(message, "TimeoutError");
}
