/**
 * Finds where a function is written: in the files that made its Deferred, by its text.
 *
 * Files are read when somebody looks at a stack, and only if that needs no permission prompt.
 * Results are kept until one of those files changes.
 *
 * @module
 */
import { readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
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
function mayRead(path: string): boolean {
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

/** Looks for a function in the files of the place where its Deferred was made. */
function locate(text: string, frames: readonly Call[]): Location | null {
  // The engine counts these as line ends in some places only.
  if (/\r(?!\n)|[\u2028\u2029]/.test(text)) return null;
  for (const file of new Set(frames.map((frame) => frame.file))) {
    const location = locateIn(file, text, frames.filter((frame) => frame.file === file));
    if (location) return location;
  }
  return null;
}

/** Where a function was found, and the stamps of the files in which it was looked for. */
interface Found {
  readonly location: Location | null;
  readonly stamps: string;
}

/**
 * Recent searches, by where their Deferred was made and by their text: a function that fails a
 * hundred times a second is looked for once, which may take some 10 ms.
 */
const found = new Map<string, Found>();

const MAX_FOUND = 32;

const MAX_FOUND_TEXT = 1 << 16;

/** Where a function with this text lies, whose Deferred was made by `frames`, innermost first. */
export function locationOf(text: string, frames: readonly Call[]): Location | null {
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
