/**
 * Makes a task's text safe to show in the host's stacks and messages: of bounded length, and
 * nothing in it looks like anything but text. Reading it takes time in proportion to what is shown.
 *
 * @module
 */

/** The most UTF-16 units that one line quotes of a task: of its names, keys and messages. */
export const MAX_QUOTED = 4096;
/** The most units and lines of a text with several lines. */
const MAX_TEXT = 8192;
const MAX_LINES = 64;

/** Characters that move a terminal's cursor, end a line, or change the direction of text. */
const CONTROL =
  "\\0-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069";
const CONTROLS = new RegExp(`[${CONTROL}]`, "g");
const CONTROLS_AND_LINES = new RegExp(`[${CONTROL}\\t\\n]`, "g");
/** A stack frame, as runtimes write them and tools look for them. */
const FRAME_LINE = /^\s*at\s/;

const SHORT: ReadonlyMap<string, string> = new Map([["\n", "\\n"], ["\r", "\\r"], ["\t", "\\t"]]);

function escape(unit: string): string {
  return SHORT.get(unit) ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function cut(text: string, max: number): string {
  return text.length > max ? `${text.slice(0, max)}…` : text;
}

/** The whole text, in its lines. */
export function escapeControls(text: string): string {
  return text.replace(CONTROLS, escape);
}

/** The beginning of a text, in one line. */
export function oneLine(text: string, max: number): string {
  return cut(text, max).replace(CONTROLS_AND_LINES, escape);
}

/** A function's name as a frame shows it. Brackets are escaped: in a frame they hold the place. */
export function functionName(name: string): string {
  return oneLine(name, 64).replace(/[()]/g, escape);
}

/** The most units of a file's name. */
const MAX_FILE = 256;

/** A file's name as a frame shows it, in which brackets would end the place. */
export function fileName(url: string): string {
  return oneLine(url.toWellFormed(), MAX_FILE).replaceAll("(", "%28").replaceAll(")", "%29");
}

/** The beginning of a text of several lines, none of which looks like a frame. */
export function lines(text: string): string {
  const all = cut(text, MAX_TEXT).replace(CONTROLS, escape).split("\n");
  const shown = all.slice(0, MAX_LINES).map((line) => FRAME_LINE.test(line) ? `| ${line}` : line);
  if (all.length > MAX_LINES) shown.push("…");
  return shown.join("\n");
}
