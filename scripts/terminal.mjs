/**
 * What the scripts say and how: colour and a live line on a terminal, plain lines everywhere else.
 *
 * @module
 */

import process from "node:process";

const out = process.stdout;

/** Whether lines can be redrawn. */
export const live = Boolean(out.isTTY) && process.env.TERM !== "dumb" && !process.env.CI;

/** Whether anything is coloured, ours or a child's. */
export const coloured = process.env.NO_COLOR ? false : process.env.FORCE_COLOR ? true : live;

/** @param {number} open @param {number} close @returns {(text: string) => string} */
const style = (open, close) => (text) => coloured ? `\x1b[${open}m${text}\x1b[${close}m` : text;

export const bold = style(1, 22);
export const dim = style(2, 22);
export const red = style(31, 39);
export const green = style(32, 39);
export const yellow = style(33, 39);
export const cyan = style(36, 39);

/** `3 ms`, `1.2 s`, `2 min 5 s`. @param {number} ms */
export function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** The text without colours. @param {string} text */
export function plain(text) {
  // deno-lint-ignore no-control-regex
  return text.replace(/\x1b\[[0-9;]*m/g, "");
}

const FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";

/**
 * One line at the bottom of the terminal that says what is going on now, with lines of lasting
 * interest above it. Not on a terminal, only the latter are printed.
 */
export class LiveLine {
  /** @type {() => string} */
  #text;
  #timer;
  #frame = 0;
  #shown = false;

  /** @param {() => string} text asked for about ten times a second */
  constructor(text) {
    this.#text = text;
  }

  /** Begins to draw. */
  start() {
    if (live) this.#timer ??= setInterval(() => this.#draw(), 100);
    return this;
  }

  /** Ends drawing, until the next start. */
  stop() {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#erase();
  }

  #draw() {
    const frame = FRAMES[this.#frame++ % FRAMES.length];
    const width = (out.columns || 80) - 1;
    const text = `${frame} ${this.#text()}`;
    out.write(`\r\x1b[K${plain(text).length > width ? plain(text).slice(0, width) : text}`);
    this.#shown = true;
  }

  #erase() {
    if (this.#shown) out.write("\r\x1b[K");
    this.#shown = false;
  }

  /** Prints a line that stays. @param {string} line */
  print(line) {
    this.#erase();
    out.write(line + "\n");
  }
}
