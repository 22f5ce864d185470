/**
 * Error stacks for people.
 *
 * What the engine says about a task's error speaks of the expression that it compiled. This module
 * makes of it: the error's name and message, the task's own frames in the user's file, and then
 * the frames of the place where the Deferred was made.
 *
 *     RangeError: too wide
 *         at check (file:///app/area.ts:4:11)       the task, on a worker
 *         at area (file:///app/area.ts:7:3)
 *         at main (file:///app/main.ts:12:20)       where the Deferred was made
 *
 * A file and line can be told when one of the files that made the Deferred holds the function's
 * text, as it is or as what a transpiler printed anew; it is read only when somebody looks at the
 * stack, and only if reading it is allowed without asking. A wrong line would be worse than none:
 * where it is in doubt, frames show the function's name and a line counted from its beginning.
 *
 * @module
 */
import { readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { WIRE_FRAME } from "../../ffi/symbols.ts";
import type { DecodedError, Frame } from "../clone/clone.ts";
import { define } from "../clone/own.ts";
import { functionName, lines, oneLine } from "../display.ts";
import { takeUncut } from "../errors.ts";
import { nameOf } from "./describe.ts";
import { offsetIn, type Position, positionAt, scriptPosition } from "./positions.ts";
import { type AnyFunction, textOf } from "./source.ts";

/** Frames that come of an error at the most; see STACK_FRAMES in csrc/clone_stack.h. */
const ENGINE_FRAMES = 10;

// --- where a Deferred was made ----------------------------------------------------------------

/** Where a Deferred was made. The stack is only put into words when it is read. */
export interface Site {
  readonly stack?: string | undefined;
  /** A site that is probably the same, for one that was not captured. */
  readonly near?: Site | undefined;
}

/** Frames that are recorded: the user's, and those of this package that can't be left out. */
const FRAMES = 5;
const OWN_FRAMES = 4;

const inBun = "Bun" in globalThis;
let lastSite: Site = {};

/**
 * Records where a Deferred is made. It runs for every task, so it costs as little as possible:
 * 0.2 us on Bun, where an Error is 10 times cheaper than `captureStackTrace`, 1.0 to 1.5 us on
 * Node, and 1.3 to 2.5 us on Deno, which records 10 frames whatever is asked for.
 *
 * @param skip the frame of this function and those above it are left out, where that is cheap.
 * @param crowded whether so many tasks are pending that this one can do without: the last site is
 * then used to find its function, but not shown.
 */
export function captureSite(skip: AnyFunction | NewableFunction, crowded = false): Site {
  if (crowded) return { near: lastSite.near ?? lastSite };
  const limit: unknown = Error.stackTraceLimit;
  // Who switched stacks off, or froze Error, gets none.
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

/** A frame of the host's stack that lies in a file. */
interface SiteFrame {
  /** The line as the host shows it. */
  readonly text: string;
  /** A path or a file URL, as the host shows it. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

const OWN_FUNCTION = /\b(Deferred|run|defer|eval|captureSite)$/;
const ownFolder = new URL("../", import.meta.url);

function pathOf(file: string): string | null {
  if (!file.startsWith("file:")) return /^([A-Za-z]:)?[\\/]/.test(file) ? file : null;
  try {
    return fileURLToPath(file);
  } catch {
    return null; // a host in the URL, for one
  }
}

function isOwn(file: string, name: string): boolean {
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
 * Lets the stack of an error that this package throws begin with the caller of `entry`: what is
 * wrong with a call is found there. Others' errors, and those of a call inside, stay as they are.
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

/** A frame of the engine's stack, as far as it is the task's. */
interface TaskFrame {
  readonly name: string;
  /** What stands for the place if it is no place in the function: `native`. */
  readonly place: string;
  /** Where in the function's text it is. */
  readonly offset: number | null;
}

/**
 * The task's frames of those that the engine recorded. What the engine adds is left out: frames of
 * the first line of the expression, and natives that no function of the task called.
 */
function taskFrames(recorded: readonly Frame[], text: string, name: string): TaskFrame[] {
  const frames: TaskFrame[] = [];
  let end = 0;
  for (const { kind, name: called, row, column } of recorded) {
    if (kind === WIRE_FRAME.TASK) {
      const offset = offsetIn(text, row, column);
      if (offset === null || called === "<eval>") continue;
      define(frames, frames.length, { name: called, place: "", offset });
      end = frames.length;
    } else if (kind === WIRE_FRAME.NATIVE) {
      define(frames, frames.length, { name: called, place: "native", offset: null });
    } else if (called !== "") { // what eval and Function made inside the task
      const where = called === "<eval>" ? "eval" : called;
      define(frames, frames.length, { name: where, place: `eval:${row}:${column}`, offset: null });
    }
  }
  frames.length = end;
  // The outermost frame is the function itself, whose name the engine may not know.
  const last = frames.at(-1);
  if (last && recorded.length < ENGINE_FRAMES && name !== "" && last.name === "") {
    frames[end - 1] = { ...last, name };
  }
  return frames;
}

// --- finding a function in a file -------------------------------------------------------------

/** Larger files are not searched. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;
const MAX_FILES = 8;

/** What a file held when it was last read, and what told then that it is this one. */
interface Content {
  readonly text: string;
  readonly stamp: string;
}

/** The files last read. */
const files = new Map<string, Content>();

interface Permissions {
  querySync(what: { name: "read"; path: string }): { readonly state: string };
}

/** Whether a file may be read without a question to the user, which Deno may ask. */
function mayRead(path: string): boolean {
  const deno = (globalThis as { Deno?: { permissions?: Permissions } }).Deno;
  if (deno?.permissions === undefined) return true;
  return deno.permissions.querySync({ name: "read", path }).state === "granted";
}

/** Tells whether a file has changed; "" for one that can't be read, or not without a question. */
function stampOf(path: string | null): string {
  if (path === null) return "";
  try {
    if (!mayRead(path)) return "";
    const { mtimeMs, size } = statSync(path);
    return size <= MAX_FILE_BYTES ? `${mtimeMs}/${size}` : "";
  } catch {
    return ""; // gone, or of a bundle's making: the stack does without
  }
}

function readFile(path: string): string | null {
  const stamp = stampOf(path);
  if (stamp === "") return null;
  const known = files.get(path);
  if (known?.stamp === stamp) return known.text;
  let text: string;
  try {
    text = readFileSync(path, "utf8").replace(/^\ufeff/, "");
  } catch {
    return null;
  }
  files.delete(path);
  if (files.size >= MAX_FILES) files.delete(files.keys().next().value!);
  files.set(path, { text, stamp });
  return text;
}

/** Where in a file the places of a function's text lie. */
interface Location {
  readonly file: string;
  position(offset: number): Position;
}

function indexOfPosition(text: string, { line, column }: Position): number {
  let at = 0;
  for (let left = line - 1; left > 0; left--) {
    const next = text.indexOf("\n", at);
    if (next < 0) return text.length;
    at = next + 1;
  }
  return at + column - 1;
}

/** A function that is written where it is passed begins this many lines later at the most. */
const NEAR_LINES = 3;

/**
 * Which of several equally good places a function is at: the only one if it is a sure one, or else
 * the first that follows one of the calls that made the Deferred closely.
 */
function choose(
  text: string,
  places: readonly number[],
  calls: readonly number[],
  sure: boolean,
): number | undefined {
  if (sure && places.length === 1) return places[0];
  for (const call of calls) {
    const next = places.find((place) => place >= call);
    if (next === undefined) continue;
    if (positionAt(text, next).line - positionAt(text, call).line <= NEAR_LINES) return next;
  }
  return undefined;
}

/** All places where the file holds the function's text as it is. */
function exactPlaces(file: string, text: string): number[] {
  const places: number[] = [];
  for (let at = file.indexOf(text); at >= 0; at = file.indexOf(text, at + 1)) {
    define(places, places.length, at);
  }
  return places;
}

/** A name, keyword or string outside comments, and where it begins. */
interface Word {
  readonly text: string;
  readonly at: number;
}

const COMMENT_STRING_OR_NAME =
  /\/\/.*|\/\*[^]*?\*\/|("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/gu;

/** What transpilers and printers leave alone: they move words, drop types and comments. */
function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  for (const { 0: found, 1: string, index } of text.matchAll(COMMENT_STRING_OR_NAME)) {
    if (string === undefined && found.startsWith("/")) continue;
    // Quotes change, and so do escapes: what has any is left out.
    if (string?.includes("\\")) continue;
    define(words, words.length, {
      text: string === undefined ? found : `"${string.slice(1, -1)}`,
      at: index,
    });
  }
  return words;
}

/** Steps of the search for a reprinted function, at the most: some 10 ms. */
const MAX_STEPS = 4e6;

/** The words of this part of the source must be found again. */
const ENOUGH = 0.85;

/** An alignment is as good as a tighter one if it spans no more than so many times its words. */
const LOOSE = 1.25;

/** So few words may be found by chance: they count only close to the call. */
const FEW = 4;

/** Fewer than these must all be there, with nothing but types between them. */
const MANY = 8;

/** Words of statements, which are in no type that a transpiler takes away. */
const STATEMENT =
  /^(await|break|case|class|const|do|else|export|for|function|if|let|return|switch|throw|try|var|while|yield)$/;

/** Whether an alignment passes over nothing but what looks like types. */
function isWhole(pairs: Int32Array, fileWords: readonly Word[]): boolean {
  const paired = new Set(pairs);
  for (let i = pairs[0]!, end = pairs.at(-1)!; i < end; i++) {
    if (!paired.has(i) && STATEMENT.test(fileWords[i]!.text)) return false;
  }
  return !paired.has(-1);
}

/**
 * Pairs the words of a function with those of the file from `start` on: the longest common
 * subsequence. Returns an index into `file` for each word, -1 for one that was not found.
 */
function align(words: readonly Word[], file: readonly Word[], start: number): Int32Array {
  const rows = words.length;
  const columns = Math.min(file.length - start, 2 * rows + 50);
  const width = columns + 1;
  // common[i, j]: words shared by the rest of the function from i and of the file from j.
  const common = new Uint16Array((rows + 1) * width);
  for (let i = rows - 1; i >= 0; i--) {
    const word = words[i]!.text;
    for (let j = columns - 1; j >= 0; j--) {
      const at = i * width + j;
      common[at] = word === file[start + j]!.text
        ? common[at + width + 1]! + 1
        : Math.max(common[at + width]!, common[at + 1]!);
    }
  }
  const pairs = new Int32Array(rows).fill(-1);
  for (let i = 0, j = 0; i < rows && j < columns;) {
    const at = i * width + j;
    if (words[i]!.text === file[start + j]!.text) pairs[i++] = start + j++;
    else if (common[at + width]! >= common[at + 1]!) i++;
    else j++;
  }
  return pairs;
}

/** A function that was printed anew. */
interface Reprinted {
  readonly words: readonly Word[];
  /** Where in the file each of them is, -1 for one that was not found. */
  readonly places: Int32Array;
}

/** Finds a function that was printed anew. */
function findReprinted(text: string, file: string, calls: readonly number[]): Reprinted | null {
  const words = wordsOf(text);
  const fileWords = wordsOf(file);
  let triesLeft = Math.floor(MAX_STEPS / (words.length * (2 * words.length + 50) || 1));
  let found = Math.max(1, Math.ceil(words.length * ENOUGH));
  // The best alignments by where they end: what begins earlier but ends at the same word found
  // a part of something else first.
  let best = new Map<number, { start: number; span: number; pairs: Int32Array }>();
  // Words after the innermost call first: mostly it is the first of them.
  const after = Math.max(fileWords.findIndex(({ at }) => at >= calls[0]!), 0);
  for (let i = 0; i < fileWords.length && triesLeft > 0; i++) {
    const start = (after + i) % fileWords.length;
    if (fileWords[start]!.text !== words[0]?.text) continue;
    triesLeft--;
    const pairs = align(words, fileWords, start);
    const count = pairs.reduce((sum, pair) => sum + (pair >= 0 ? 1 : 0), 0);
    if (count < found || (words.length < MANY && !isWhole(pairs, fileWords))) continue;
    if (count > found) best = new Map();
    found = count;
    const end = pairs.findLast((pair) => pair >= 0)!;
    const span = end - start + 1;
    if (span < (best.get(end)?.span ?? Infinity)) best.set(end, { start, span, pairs });
  }
  // So did what is spread over more of the file than another.
  const all = [...best.values()];
  const whole = all.filter(({ pairs }) => isWhole(pairs, fileWords));
  const good = whole.length > 0 ? whole : all;
  const tightest = Math.min(...good.map(({ span }) => span));
  const starts = good
    .filter(({ span }) => span <= LOOSE * tightest)
    .sort((a, b) => a.start - b.start);
  const places = starts.map(({ start }) => fileWords[start]!.at);
  const place = choose(file, places, calls, words.length >= FEW);
  const chosen = starts[places.indexOf(place ?? -1)];
  if (chosen === undefined) return null;
  return { words, places: chosen.pairs.map((pair) => pair < 0 ? -1 : fileWords[pair]!.at) };
}

/**
 * The place in the file that stands for `offset`: in or behind the word before it, or at the one
 * after it if only that is on its line.
 */
function reprintedOffset(reprinted: Reprinted, text: string, offset: number): number {
  const { words, places } = reprinted;
  const before = words.findLastIndex(({ at }, i) => at <= offset && places[i]! >= 0);
  const after = words.findIndex(({ at }, i) => at > offset && places[i]! >= 0);
  const sameLine = (from: number, to: number): boolean => !text.slice(from, to).includes("\n");
  const onLineBefore = before >= 0 && sameLine(words[before]!.at, offset);
  const onLineAfter = after >= 0 && sameLine(offset, words[after]!.at);
  if (before < 0 || (!onLineBefore && onLineAfter)) return places[after]!;
  const word = words[before]!;
  return places[before]! + Math.min(offset - word.at, word.text.length);
}

/** Looks for a function in one file, which `frames` are in. */
function locateIn(file: string, text: string, frames: readonly SiteFrame[]): Location | null {
  const path = pathOf(file);
  const content = path && readFile(path);
  if (!content) return null;
  const calls = frames.map((frame) => indexOfPosition(content, frame));
  const exact = exactPlaces(content, text);
  if (exact.length > 0) {
    const place = choose(content, exact, calls, true);
    if (place === undefined) return null;
    return { file, position: (offset) => positionAt(content, place + offset) };
  }
  const reprinted = findReprinted(text, content, calls);
  return reprinted &&
    { file, position: (offset) => positionAt(content, reprintedOffset(reprinted, text, offset)) };
}

/** Looks for a function in the files of the place where its Deferred was made. */
function locate(text: string, frames: readonly SiteFrame[]): Location | null {
  // The engine counts these as line ends in some places only.
  if (/\r(?!\n)|[\u2028\u2029]/.test(text)) return null;
  for (const file of new Set(frames.map((frame) => frame.file))) {
    const location = locateIn(file, text, frames.filter((frame) => frame.file === file));
    if (location) return location;
  }
  return null;
}

// --- the stack --------------------------------------------------------------------------------

/** A task, as far as its errors' stacks tell of it. */
export interface StackSubject {
  /** Its name; "" if it has none. */
  readonly name: string;
  /** Its function, or the text of its script. */
  readonly fn: AnyFunction | string;
  /** Where its Deferred was made. */
  readonly site: Site;
  /** The stacks of the errors among its arguments; see `stacks` of the Encoder. */
  readonly sent?: ReadonlyMap<string, string> | undefined;
}

/** How much is shown of names and of a message that are longer. */
const MAX_NAME = 128;
const MAX_PLACE = 256;
const MAX_MESSAGE = 8192;

/** A property of an error's, as a text that can be shown. */
function textFrom(error: Error, key: "name" | "message"): string {
  try {
    const value: unknown = error[key];
    return typeof value === "string" ? value : "";
  } catch {
    return "";
  }
}

/**
 * `TypeError: no such key`, as the host would begin a stack; but nothing that the task wrote into
 * it looks like a frame.
 */
function headline(error: Error): string {
  const name = oneLine(textFrom(error, "name"), MAX_NAME) || "Error";
  const message = textFrom(error, "message");
  return lines(message === "" ? name : `${name}: ${message.slice(0, MAX_MESSAGE)}`);
}

/** The name that was given to a task, as frames show it where a file would stand. */
function placeName(name: string, without: string): string {
  return oneLine(name, MAX_PLACE) || without;
}

function render(frame: TaskFrame, location: Location | null, text: string, name: string): string {
  let place = frame.place;
  if (frame.offset !== null) {
    const { line, column } = (location ?? {
      position: (offset: number) => positionAt(text, offset),
    })
      .position(frame.offset);
    place = `${location ? location.file : placeName(name, "task")}:${line}:${column}`;
  }
  return `    at ${functionName(frame.name) || "<anonymous>"} (${place})`;
}

/** Where a function was found, and the stamps of the files in which it was looked for. */
interface Found {
  readonly location: Location | null;
  readonly stamps: string;
}

/**
 * Functions that were looked for last, by where their Deferred was made and by their text: a
 * function that fails a hundred times a second is looked for once, which may take some 10 ms.
 */
const found = new Map<string, Found>();
const MAX_FOUND = 32;
const MAX_FOUND_TEXT = 1 << 16;

function locationOf(subject: StackSubject, text: string): Location | null {
  const frames = siteFrames(subject.site.near ?? subject.site);
  const stamps = [...new Set(frames.map(({ file }) => file))].map((file) => stampOf(pathOf(file)))
    .join();
  const site = frames.map(({ file, line, column }) => `${file}:${line}:${column}`);
  const key = [...site, text].join("\n");
  const known = found.get(key);
  if (known?.stamps === stamps) return known.location;
  const location = locate(text, frames);
  found.delete(key);
  if (found.size >= MAX_FOUND) found.delete(found.keys().next().value!);
  if (text.length <= MAX_FOUND_TEXT) found.set(key, { location, stamps });
  return location;
}

/** An error that came from a task, and what is known of its stack. */
interface TaskError {
  readonly error: Error;
  /** The engine's frames. */
  readonly frames?: readonly Frame[] | undefined;
  /** The stack that the host itself gave to the error, which was an argument. */
  readonly host?: string | undefined;
}

/** The frames of a script's task in words; of the script itself, only those at its top level. */
function scriptLines(frames: readonly Frame[], text: string, name: string): string[] {
  const file = placeName(name, "eval");
  return frames.flatMap(({ kind, name: own, row, column }) => {
    const called = functionName(own);
    if (kind === WIRE_FRAME.NATIVE) return [`    at ${called} (native)`];
    if (kind !== WIRE_FRAME.TASK) return [];
    const at = scriptPosition(text, { line: row, column });
    const where = `${file}:${at.line}:${at.column}`;
    return [`    at ${called === "" || called === "<eval>" ? where : `${called} (${where})`}`];
  });
}

/** The frames in words: the task's, or those of an argument's own stack. */
function ownLines({ frames, host }: TaskError, subject: StackSubject): string[] {
  if (host !== undefined) return siteFrames({ stack: host }).map((frame) => frame.text);
  if (frames === undefined) return [];
  const { fn, name } = subject;
  if (typeof fn === "string") return scriptLines(frames, fn, name);
  const text = textOf(fn);
  const own = taskFrames(frames, text, nameOf(fn));
  const location = own.length > 0 ? locationOf(subject, text) : null;
  return own.map((frame) => render(frame, location, text, name));
}

/**
 * The whole stack of an error that a task rejects with: the task's own frames, then those of the
 * place where its Deferred was made.
 */
export function taskStack(from: TaskError, subject: StackSubject, made = true): string {
  const shown = made ? siteFrames(subject.site).map((frame) => frame.text) : [];
  return [headline(from.error), ...ownLines(from, subject), ...shown].join("\n");
}

/** Errors of one AggregateError that are looked at: a task may have made it of 2^32 holes. */
const MAX_ERRORS = 1000;

/**
 * Gives the errors that came from a task their stacks: composed, and files read, when one is first
 * looked at. Where the Deferred was made is shown once, not for causes and the errors of an
 * AggregateError, too.
 *
 * @param errors each before its causes
 * @param thrown what the task threw, which gets a stack of the task's in any case. Others keep one
 * that the host wrote, or the task itself, of which nothing then looks like a frame.
 */
export function setTaskStacks(
  errors: readonly DecodedError[],
  subject: StackSubject,
  thrown?: unknown,
): void {
  const inner = new Set<unknown>();
  for (const { error, frames, stack } of errors) {
    const made = error === thrown || !inner.has(error);
    const host = stack === undefined ? undefined : subject.sent?.get(stack);
    if (error === thrown || !stack) {
      setLazyStack(error, () => taskStack({ error, frames, host }, subject, made));
    } else {
      setLazyStack(error, () => host ?? lines(stack));
    }
    for (const key of ["cause", "errors"]) {
      const value: unknown = Object.getOwnPropertyDescriptor(error, key)?.value;
      if (!Array.isArray(value)) inner.add(value);
      else for (let i = 0; i < value.length && i < MAX_ERRORS; i++) inner.add(value[i]);
    }
  }
}

function setLazyStack(error: Error, compose: () => string): void {
  const define = (value: unknown): void => {
    Object.defineProperty(error, "stack", {
      __proto__: null,
      value,
      writable: true,
      enumerable: false,
      configurable: true,
    } as PropertyDescriptor);
  };
  Object.defineProperty(error, "stack", {
    __proto__: null,
    configurable: true,
    enumerable: false,
    get: () => {
      const stack = compose();
      define(stack);
      return stack;
    },
    set: define,
  } as PropertyDescriptor);
}
