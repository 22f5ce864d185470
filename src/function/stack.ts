/**
 * Error stacks for people.
 *
 * The engine's stack speaks of the expression that it compiled. This module composes one for
 * people: the error's name and message, the task's own frames in the user's file, and then the
 * frames of the place where the Deferred was made.
 *
 *     RangeError: too wide
 *         at check (file:///app/area.ts:4:11)       the task, on a worker
 *         at area (file:///app/area.ts:7:3)
 *         at main (file:///app/main.ts:12:20)       where the Deferred was made
 *
 * A file and line are known when one of the files that made the Deferred contains the function's
 * text, unchanged or as a transpiler reprinted it. The file is read only when somebody looks at the
 * stack, and only if reading needs no permission prompt. A wrong line would be worse than none: in
 * case of doubt, frames show the function's name and a line counted from its beginning.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { WIRE_FRAME } from "../../ffi/symbols.ts";
import type { DecodedError, Frame } from "../clone/clone.ts";
import { define, defineAccessor } from "../clone/own.ts";
import { functionName, lines, oneLine } from "../display.ts";
import { takeUncut } from "../errors.ts";
import { nameOf } from "./describe.ts";
import type { Part } from "./enclose.ts";
import { type Call, type Location, locationOf, pathOf } from "./locate.ts";
import { offsetIn, positionAt, scriptPosition } from "./positions.ts";
import { type AnyFunction, textOf } from "./source.ts";

/** The most frames that arrive with an error; see STACK_FRAMES in csrc/clone_stack.h. */
const ENGINE_FRAMES = 10;

// --- where a Deferred was made ----------------------------------------------------------------

/** Where a Deferred was made. The runtime formats the stack only when it is read. */
export interface Site {
  readonly stack?: string | undefined;
  /** A site that is probably the same, for one that was not captured. */
  readonly near?: Site | undefined;
}

/** How many frames are recorded: the user's, and those of this package that can't be left out. */
const FRAMES = 5;
const OWN_FRAMES = 6;

const inBun = "Bun" in globalThis;
let lastSite: Site = {};

/**
 * Records where a Deferred is made. It runs for every task, so it costs as little as possible:
 * 0.2 us on Bun, where an Error is 10 times cheaper than `captureStackTrace`, 1.0 to 1.5 us on
 * Node, and 1.3 to 2.5 us on Deno, which records 10 frames whatever is asked for.
 *
 * @param skip this function's frame and those above it are left out, where that is cheap.
 * @param crowded whether too many tasks are pending to record this one. The last site is then used
 * to find its function, but not shown.
 */
export function captureSite(skip: AnyFunction | NewableFunction, crowded = false): Site {
  if (crowded) return { near: lastSite.near ?? lastSite };
  const limit: unknown = Error.stackTraceLimit;
  // If stacks are switched off, or Error is frozen, there is none.
  if (typeof limit !== "number" || limit <= 0) return {};
  const frames = inBun ? FRAMES + OWN_FRAMES : FRAMES;
  if (!Reflect.set(Error, "stackTraceLimit", Math.min(limit, frames))) return {};
  let site: Site;
  try {
    if (inBun) {
      site = new Error();
    } else {
      site = {};
      Error.captureStackTrace(site, skip);
    }
  } finally {
    Error.stackTraceLimit = limit;
  }
  lastSite = site;
  return site;
}

/** The file from which `entry` was called, as the host's stack shows it, if it does. */
export function callerOf(entry: AnyFunction | NewableFunction): string | undefined {
  if (typeof Error.captureStackTrace !== "function") return undefined;
  const site: { stack?: string } = {};
  Error.captureStackTrace(site, entry);
  return siteFrames(site)[0]?.file;
}

/** A frame of the host's stack that lies in a file. */
interface SiteFrame extends Call {
  /** The line as the host shows it. */
  readonly text: string;
}

const OWN_FUNCTION = /\b(Deferred|TaskPromise|construct|start|run|defer|eval|wrapped|captureSite)$/;
// A bundle in CommonJS has no `import.meta.url`.
const ownUrl = import.meta.url as string | undefined;
const ownFolder = ownUrl === undefined ? undefined : new URL("../", ownUrl);

function isOwn(file: string, name: string): boolean {
  if (ownFolder === undefined) return false;
  if (ownFolder.protocol !== "file:") return file.startsWith(ownFolder.href);
  const path = pathOf(file);
  return path !== null && path.startsWith(fileURLToPath(ownFolder)) && OWN_FUNCTION.test(name);
}

/** The lines of a stack of the host's that are frames. */
function frameLines(stack: string): string[] {
  return stack.split("\n").filter((line) => /^\s+at /.test(line)).map((line) =>
    `    ${line.trim()}`
  );
}

/** The parts of a line `    at name (place)` or `    at place`. */
function callOf(line: string): { name: string; place: string } {
  const text = line.slice("    at ".length);
  const open = text.endsWith(")") ? text.lastIndexOf(" (") : -1;
  if (open < 0) return { name: "", place: text.replace(/^async /, "") };
  return { name: text.slice(0, open), place: text.slice(open + 2, -1) };
}

/** The parts of `file:line:column`. */
function placeOf(place: string): { file: string; line: number | undefined; column: number } {
  const match = /:(\d{1,9}):(\d{1,9})$/.exec(place);
  if (!match) return { file: place, line: undefined, column: 0 };
  return {
    file: place.slice(0, match.index),
    line: Number(match[1]),
    column: Number(match[2]),
  };
}

/** The user's frames of a site, innermost first. */
function siteFrames(site: Site): SiteFrame[] {
  const { stack } = site;
  const frames: SiteFrame[] = [];
  if (typeof stack !== "string") return frames;
  for (const text of frameLines(stack)) {
    const { name, place } = callOf(text);
    const { file, line, column } = placeOf(place);
    if (file === "" || line === undefined) continue;
    if (/^(node|ext|native|bun|internal|deferred):/.test(file)) continue;
    if (frames.length === 0 && isOwn(file, name)) continue;
    define(frames, frames.length, { text, file, line, column });
  }
  return frames.slice(0, FRAMES);
}

/**
 * Makes the stack of an error that this package throws begin with the caller of `entry`, where the
 * mistake is. Others' errors, and errors of calls inside, stay as they are.
 */
export function cutStack(error: unknown, entry: AnyFunction | NewableFunction): unknown {
  if (!takeUncut(error) || typeof Error.captureStackTrace !== "function") return error;
  if (!(error instanceof DOMException)) {
    Error.captureStackTrace(error, entry);
    return error;
  }
  // Of which Bun makes an "Error".
  const caller: { stack?: string } = {};
  Error.captureStackTrace(caller, entry);
  const frames = String(caller.stack).split("\n").slice(1);
  const value = [headline(error), ...frames].join("\n");
  Object.defineProperty(error, "stack", {
    __proto__: null,
    value,
    writable: true,
    configurable: true,
  } as PropertyDescriptor);
  return error;
}

// --- a task's own frames ----------------------------------------------------------------------

/** A frame of the task in the engine's stack. */
interface TaskFrame {
  readonly name: string;
  /** Text for a place that is not in the function: `native`. */
  readonly place: string;
  /** The text that it is in, and where. */
  readonly part: Part | null;
  readonly offset: number;
}

/** The text that a row of the engine's is in, and where in it; `null` for a line of ours. */
export function placeIn(
  { fn, parts }: Pick<StackSubject, "fn" | "parts">,
  row: number,
  column: number,
): { readonly part: Part; readonly offset: number } | null {
  const part = parts === undefined
    ? { text: textOf(fn as AnyFunction), name: "", row: 2 }
    : parts.findLast((part) => part.row <= row);
  if (part === undefined) return null;
  const offset = offsetIn(part.text, row - part.row + 2, column);
  return offset === null ? null : { part, offset };
}

/** A place in a text that the engine has as it is, or a module: `a.js:2:5`. */
function placeOfFile(
  { file, text }: { readonly file: string; readonly text: string },
  row: number,
  column: number,
): string {
  const at = scriptPosition(text, { line: row, column });
  return `${file}:${at.line}:${at.column}`;
}

/**
 * The task's frames among those that the engine recorded. Omits what the engine adds: frames in the
 * first line of the expression, and natives that no function of the task called.
 */
function taskFrames(recorded: readonly Frame[], subject: StackSubject): TaskFrame[] {
  const frames: TaskFrame[] = [];
  let end = 0;
  for (const { kind, name: called, row, column, file } of recorded) {
    if (kind === WIRE_FRAME.TASK) {
      const at = placeIn(subject, row, column);
      if (at === null || called === "<eval>") continue;
      define(frames, frames.length, { name: called, place: "", ...at });
      end = frames.length;
    } else if (kind === WIRE_FRAME.MODULE) {
      const module = subject.module?.(file ?? 0);
      if (module === undefined) continue;
      const place = placeOfFile(module, row, column);
      define(frames, frames.length, { name: called, place, part: null, offset: 0 });
      end = frames.length;
    } else if (kind === WIRE_FRAME.NATIVE) {
      define(frames, frames.length, { name: called, place: "native", part: null, offset: 0 });
    } else if (called !== "") { // what eval and Function made inside the task
      const where = called === "<eval>" ? "eval" : called;
      const place = `eval:${row}:${column}`;
      define(frames, frames.length, { name: where, place, part: null, offset: 0 });
    }
  }
  frames.length = end;
  // The outermost frame is the function itself, whose name the engine may not know.
  const last = frames.at(-1);
  const name = nameOf(subject.fn as AnyFunction);
  if (last?.part?.name === "" && recorded.length < ENGINE_FRAMES && last.name === "") {
    frames[end - 1] = { ...last, name };
  }
  return frames;
}

// --- the stack --------------------------------------------------------------------------------

/** The part of a task that its errors' stacks mention. */
export interface StackSubject {
  /** Its name; "" if it has none. */
  readonly name: string;
  /** Its function, or the text of its script. */
  readonly fn: AnyFunction | string;
  /** The texts in the source of a function that has a scope. */
  readonly parts?: readonly Part[] | undefined;
  /** What a text is called in the place of its name. */
  readonly file?: string | undefined;
  /** The module of that number. */
  module?(
    number: number,
  ): { readonly file: string; readonly text: string; readonly language: number } | undefined;
  /** Where its Deferred was made. */
  readonly site: Site;
  /** The stacks of the errors among its arguments; see `stacks` of the Encoder. */
  readonly sent?: ReadonlyMap<string, string> | undefined;
}

/** How much of long names and messages is shown. */
const MAX_NAME = 128;
const MAX_PLACE = 256;
const MAX_MESSAGE = 8192;

/** A property of an error, as text that can be shown. */
function textFrom(error: Error, key: "name" | "message"): string {
  try {
    const value: unknown = error[key];
    return typeof value === "string" ? value : "";
  } catch {
    return "";
  }
}

/**
 * `TypeError: no such key`, the first line of a stack, in which nothing that the task wrote looks
 * like a frame.
 */
function headline(error: Error): string {
  const name = oneLine(textFrom(error, "name"), MAX_NAME) || "Error";
  const message = textFrom(error, "message");
  return lines(message === "" ? name : `${name}: ${message.slice(0, MAX_MESSAGE)}`);
}

/** A task's name, as frames show it in place of a file. */
function placeName(name: string, without: string): string {
  return oneLine(name, MAX_PLACE) || without;
}

function render(frame: TaskFrame, location: Location | null, name: string): string {
  let place = frame.place;
  const { part, offset } = frame;
  if (part !== null) {
    const { line, column } = location?.position(offset) ?? positionAt(part.text, offset);
    place = `${location?.file ?? placeName(part.name || name, "task")}:${line}:${column}`;
  }
  return `    at ${functionName(frame.name) || "<anonymous>"} (${place})`;
}

/** An error that came from a task, and what is known of its stack. */
interface TaskError {
  readonly error: Error;
  /** Reads the engine's frames. */
  readonly frames?: DecodedError["frames"];
  /** The stack that the host itself gave to the error, which was an argument. */
  readonly host?: string | undefined;
}

/** The frames of a text and its modules; what evaluated them has no name. */
function scriptLines(frames: readonly Frame[], subject: StackSubject): string[] {
  const program = {
    file: subject.file ?? placeName(subject.name, "eval"),
    text: subject.fn as string,
  };
  return frames.flatMap(({ kind, name: own, row, column, file }) => {
    const called = functionName(own);
    if (kind === WIRE_FRAME.NATIVE) return called === "" ? [] : [`    at ${called} (native)`];
    const within = kind === WIRE_FRAME.MODULE ? subject.module?.(file ?? 0) : program;
    if (within === undefined || kind === WIRE_FRAME.EVAL) return [];
    const where = placeOfFile(within, row, column);
    return [`    at ${called === "" || called === "<eval>" ? where : `${called} (${where})`}`];
  });
}

/** The frames as text: the task's, or those of an argument's own stack. */
function ownLines({ frames, host }: TaskError, subject: StackSubject): string[] {
  if (host !== undefined) return siteFrames({ stack: host }).map((frame) => frame.text);
  if (frames === undefined) return [];
  if (typeof subject.fn === "string") return scriptLines(frames(), subject);
  const own = taskFrames(frames(), subject);
  if (own.length === 0) return [];
  const site = siteFrames(subject.site.near ?? subject.site);
  return own.map((frame) => {
    const { part } = frame;
    const location = part && (part.location ?? locationOf(part.text, site, part.name === ""));
    return render(frame, location, subject.name);
  });
}

/**
 * The whole stack of an error that a task rejects with: the task's own frames, then those where its
 * Deferred was made.
 */
export function taskStack(from: TaskError, subject: StackSubject, made = true): string {
  const shown = made ? siteFrames(subject.site).map((frame) => frame.text) : [];
  return [headline(from.error), ...ownLines(from, subject), ...shown].join("\n");
}

/** How many errors of an AggregateError are looked at: a task may have made it of 2^32 holes. */
const MAX_ERRORS = 1000;

/**
 * Gives the errors that came from a task their stacks. They are composed, and files read, when one
 * is first looked at. The place where the Deferred was made is shown once, not for causes and the
 * errors of an AggregateError as well.
 *
 * @param errors each before its causes
 * @param thrown what the task threw, which always gets a stack of the task's. Other errors keep a
 * stack that the host wrote, or one that the task wrote, in which nothing then looks like a frame.
 */
export function setTaskStacks(
  errors: readonly DecodedError[],
  subject: StackSubject,
  thrown?: unknown,
): void {
  const inner = errors.length > 1 ? heldBy(errors) : undefined; // one alone holds none
  for (const { error, frames, stack } of errors) {
    const made = error === thrown || inner?.has(error) !== true;
    const host = stack === undefined ? undefined : subject.sent?.get(stack);
    if (error === thrown || !stack) {
      setLazyStack(error, () => taskStack({ error, frames, host }, subject, made));
    } else {
      setLazyStack(error, () => host ?? lines(stack));
    }
  }
}

/** What errors hold: their causes, and the errors of each AggregateError. */
function heldBy(errors: readonly DecodedError[]): ReadonlySet<unknown> {
  const held = new Set<unknown>();
  for (const { error } of errors) {
    for (const key of ["cause", "errors"]) {
      const value: unknown = Object.getOwnPropertyDescriptor(error, key)?.value;
      if (!Array.isArray(value)) held.add(value);
      else for (let i = 0; i < value.length && i < MAX_ERRORS; i++) held.add(value[i]);
    }
  }
  return held;
}

function setLazyStack(error: Error, compose: () => string): void {
  const get = (): string => {
    const stack = compose();
    setStack.call(error, stack);
    return stack;
  };
  defineAccessor(error, "stack", get, setStack);
}

function setStack(this: object, stack: unknown): void {
  define(this, "stack", stack, false);
}
