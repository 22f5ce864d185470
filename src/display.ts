/**
 * A task's text, made fit to be shown in stacks and messages of the host's: of bounded length, and
 * no part of it looks like anything but text. Reading it takes time in proportion to what is shown.
 *
 * @module
 */

/** Units of what is quoted of a task in one line: of its names, keys and messages. */
export const MAX_QUOTED = 4096;
/** Units and lines of a text with several lines, at the most. */
const MAX_TEXT = 8192;
const MAX_LINES = 64;

/** What moves a terminal's cursor, ends a line, or turns the direction of what follows. */
const CONTROL =
  "\\0-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069";
const CONTROLS = new RegExp(`[${CONTROL}]`, "g");
const CONTROLS_AND_LINES = new RegExp(`[${CONTROL}\\t\\n]`, "g");
/** A frame of a stack, as runtimes write them and tools that read stacks look for them. */
const FRAME_LINE = /^\s*at\s/;

const SHORT: ReadonlyMap<string, string> = new Map([["\n", "\\n"], ["\r", "\\r"], ["\t", "\\t"]]);

function escape(unit: string): string {
  return SHORT.get(unit) ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function cut(text: string, max: number): string {
  return text.length > max ? `${text.slice(0, max)}…` : text;
}

/** The beginning of a text in one line. */
export function oneLine(text: string, max: number): string {
  return cut(text, max).replace(CONTROLS_AND_LINES, escape);
}

/** The name of a function, as a frame shows it: the brackets of a frame hold its place. */
export function functionName(name: string): string {
  return oneLine(name, 64).replace(/[()]/g, escape);
}

/** The beginning of a text that may have several lines, none of which looks like a frame. */
export function lines(text: string): string {
  const all = cut(text, MAX_TEXT).replace(CONTROLS, escape).split("\n");
  const shown = all.slice(0, MAX_LINES).map((line) => FRAME_LINE.test(line) ? `| ${line}` : line);
  if (all.length > MAX_LINES) shown.push("…");
  return shown.join("\n");
}
