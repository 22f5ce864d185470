/**
 * Finds functions whose text is not in their source file, because types were dropped, and quotes,
 * blanks, commas and comments changed, when a runtime reprinted it.
 *
 * No runtime says where a function came from. Without this search a task's lines would not be found
 * in any TypeScript file (Node.js blanks out types, Deno reprints), and on Bun in no file at all,
 * because it reprints every file. Source maps are no help: only Node.js has any that can be asked,
 * and they need a position in a text that is nowhere on disk.
 *
 * @module
 */
import { define } from "../clone/own.ts";
import { choose } from "./positions.ts";

/** A name, keyword or string outside comments, and where it begins. */
interface Word {
  readonly text: string;
  readonly at: number;
}

const COMMENT_STRING_OR_NAME =
  /\/\/.*|\/\*[^]*?\*\/|("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/gu;

/** Words that transpilers and printers keep: they move words, and drop types and comments. */
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

/** The most steps of a search: some 10 ms. */
const MAX_STEPS = 4e6;

/** This share of the source's words must be found again. */
const ENOUGH = 0.85;

/** An alignment is as good as a tighter one if it spans no more than so many times its words. */
const LOOSE = 1.25;

/** So few words may match by chance: they count only close to the call. */
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

/** A reprinted function. */
export interface Reprinted {
  readonly words: readonly Word[];
  /** Where in the file each of them is, -1 for one that was not found. */
  readonly places: Int32Array;
}

/** Finds a reprinted function. */
export function findReprinted(
  text: string,
  file: string,
  calls: readonly number[],
): Reprinted | null {
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
export function reprintedOffset(reprinted: Reprinted, text: string, offset: number): number {
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
