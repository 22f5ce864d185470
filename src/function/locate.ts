/**
 * Finds where a function is written: in the files that made its Deferred, or in those that these
 * name, by its text.
 *
 * Files are read when somebody looks at a stack, and only if that needs no permission prompt.
 * Results are kept until one of those files changes.
 *
 * @module
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { define } from "../clone/own.ts";
import { choose, indexAt, type Position, positionAt } from "./positions.ts";
import { findReprinted, reprintedOffset } from "./reprinted.ts";

/** A call in a file, from the host's stack. */
export interface Call {
  /** A path or a file URL, as the host shows it. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** The path of a host's file; `null` if it is not a file. */
export function pathOf(file: string): string | null {
  if (!file.startsWith("file:")) return /^([A-Za-z]:)?[\\/]/.test(file) ? file : null;
  try {
    return fileURLToPath(file);
  } catch {
    return null; // a host in the URL, for one
  }
}

/** Larger files are not searched. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

const MAX_FILES = 8;

/** A file's content when it was last read, and the stamp that identified it. */
interface Content {
  readonly text: string;
  readonly stamp: string;
}

/** The files last read. */
const files = new Map<string, Content>();

interface Permissions {
  querySync(what: { name: "read"; path: string }): { readonly state: string };
}

/** Whether a file may be read without a prompt, which Deno may show. */
export function mayRead(path: string): boolean {
  const deno = (globalThis as { Deno?: { permissions?: Permissions } }).Deno;
  if (deno?.permissions === undefined) return true;
  return deno.permissions.querySync({ name: "read", path }).state === "granted";
}

/**
 * A stamp that changes with the file; "" for a file that can't be read, or not without a prompt.
 */
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

/** The text of a file of the host's, if it may be read. */
export function textOfFile(file: string): string | null {
  const path = pathOf(file);
  return path === null ? null : readFile(path);
}

/** Maps positions in a function's text to positions in a file. */
export interface Location {
  readonly file: string;
  position(offset: number): Position;
}

/** All places where the file holds the function's text as it is. */
function exactPlaces(file: string, text: string): number[] {
  const places: number[] = [];
  for (let at = file.indexOf(text); at >= 0; at = file.indexOf(text, at + 1)) {
    define(places, places.length, at);
  }
  return places;
}

/** Looks for a function in one file, which `frames` are in. */
function locateIn(file: string, text: string, frames: readonly Call[]): Location | null {
  const path = pathOf(file);
  const content = path && readFile(path);
  if (!content) return null;
  const calls = frames.map((frame) => indexAt(content, frame));
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

/** Where a function with this text lies in a file; `null` if that isn't certain. */
export function rangeIn(
  file: string,
  text: string,
): { readonly start: number; readonly end: number; readonly location: Location } | null {
  const content = textOfFile(file);
  const location = content && locateIn(file, text, []);
  if (!location) return null;
  return {
    start: indexAt(content, location.position(0)),
    end: indexAt(content, location.position(text.length - 1)) + 1,
    location,
  };
}

/** So many files that others name are looked into. */
const MAX_NAMED = 50;

/** What imports of one's own files look like, whatever they stand in: a search may find too much. */
const RELATIVE = /["'`](\.{1,2}\/[^"'`\s]{1,500})["'`]/g;

const ENDINGS = [".ts", ".js", ".mts", ".mjs", ".cts", ".cjs", ".tsx", ".jsx"] as const;

/** The files that a file names by relative paths, as it names itself: a path or a URL. */
function namedBy(file: string): string[] {
  const path = pathOf(file);
  const content = path && readFile(path);
  if (!content) return [];
  const isUrl = file.startsWith("file:");
  const base = isUrl ? file : pathToFileURL(path).href;
  const named = new Set<string>();
  for (const [, name] of content.matchAll(RELATIVE)) {
    if (named.size >= MAX_NAMED) break;
    // The ending may be left out, or be that of what a compiler makes of the file.
    const stem = name!.replace(/\.(?=[cm]?[jt]sx?$)[^.]*$/, "");
    for (const ending of new Set([name!.slice(stem.length), ...ENDINGS])) {
      const { href } = new URL(stem + ending, base);
      if (existsSync(new URL(href))) named.add(isUrl ? href : fileURLToPath(href));
    }
  }
  return [...named];
}

/** Looks for a function in the files of the place where its Deferred was made, then in others. */
function locate(text: string, frames: readonly Call[], isNear: boolean): Search {
  // The engine counts these as line ends in some places only.
  if (/\r(?!\n)|[\u2028\u2029]/.test(text)) return { location: null, named: [] };
  const files = [...new Set(frames.map((frame) => frame.file))];
  for (const file of files) {
    const calls = isNear ? frames.filter((frame) => frame.file === file) : [];
    const location = locateIn(file, text, calls);
    if (location) return { location, named: [] };
  }
  const named = [...new Set(files.flatMap(namedBy))].slice(0, MAX_NAMED);
  const places = named.filter((file) => !files.includes(file))
    .map((file) => locateIn(file, text, []))
    .filter((location) => location !== null);
  return { location: places.length === 1 ? places[0]! : null, named };
}

/** What came of a search. */
interface Search {
  readonly location: Location | null;
  /** In which other files it was looked for. */
  readonly named: readonly string[];
}

/** A search, and the stamps of the files in which it looked. */
interface Found extends Search {
  readonly stamps: string;
}

function stampsOf(files: Iterable<string>): string {
  return Array.from(files, (file) => stampOf(pathOf(file))).join();
}

/**
 * Recent searches, by where their Deferred was made and by their text: a function that fails a
 * hundred times a second is looked for once, which may take some 10 ms.
 */
const found = new Map<string, Found>();

const MAX_FOUND = 32;

const MAX_FOUND_TEXT = 1 << 16;

/**
 * Where a function with this text lies, whose Deferred was made by `frames`, innermost first.
 *
 * @param isNear whether it is likelier to stand near one of those calls than elsewhere
 */
export function locationOf(
  text: string,
  frames: readonly Call[],
  isNear = true,
): Location | null {
  const files = new Set(frames.map(({ file }) => file));
  const site = frames.map(({ file, line, column }) => `${file}:${line}:${column}`);
  const key = [...site, isNear, text].join("\n");
  const known = found.get(key);
  if (known?.stamps === stampsOf([...files, ...known?.named ?? []])) return known.location;
  const search = locate(text, frames, isNear);
  found.delete(key);
  if (found.size >= MAX_FOUND) found.delete(found.keys().next().value!);
  if (text.length <= MAX_FOUND_TEXT) {
    found.set(key, { ...search, stamps: stampsOf([...files, ...search.named]) });
  }
  return search.location;
}
