/**
 * Positions in a text: the engine's, whose columns count bytes, and those that people are shown.
 *
 * @module
 */
/** A position as people count: from 1, columns in UTF-16 units as in every runtime. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** The place of an index. */
export function positionAt(text: string, index: number): Position {
  let line = 1;
  let start = 0;
  for (;;) {
    const next = text.indexOf("\n", start) + 1;
    if (next === 0 || next > index) return { line, column: index - start + 1 };
    line++;
    start = next;
  }
}

/** The index of a place; the inverse of {@linkcode positionAt}. */
export function indexAt(text: string, { line, column }: Position): number {
  let at = 0;
  for (let left = line - 1; left > 0; left--) {
    const next = text.indexOf("\n", at);
    if (next < 0) return text.length;
    at = next + 1;
  }
  return at + column - 1;
}

/** The most lines between a call and a function that is written as its argument. */
const NEAR_LINES = 3;

/**
 * Which of several equally good places a function is at: the only one if it is certain, or else the
 * first one shortly after a call that made the Deferred.
 */
export function choose(
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

/** Bytes of a code point in UTF-8. */
function utf8Length(point: number): number {
  return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

/**
 * Converts the engine's position to an index into a text that begins in line 2; `null` if the
 * position is not in the text. Lines and columns count from 1; the engine's columns count bytes.
 */
export function offsetIn(text: string, line: number, column: number): number | null {
  let at = 0;
  if (line < 2) return null;
  for (let left = line - 2; left > 0; left--) {
    at = text.indexOf("\n", at) + 1;
    if (at === 0) return null;
  }
  for (let left = column - 1; left > 0 && at < text.length && text[at] !== "\n";) {
    const point = text.codePointAt(at)!;
    left -= utf8Length(point);
    at += point > 0xffff ? 2 : 1;
  }
  return at < text.length ? at : null;
}

/** Longer scripts are not searched for a line: the engine's column is good enough for them. */
const MAX_SCRIPT = 256 * 1024;

/** A line is walked from a mark that is at most so many bytes before the place. */
const MARK_EVERY = 1024;

/** A place in a line: its index in the text, and the bytes of the line before it. */
interface Mark {
  readonly at: number;
  readonly bytes: number;
}

/**
 * Places in one script that the engine means, whose columns count bytes. All of them cost one walk
 * through the text, and a short one each, in whatever order they come: code may choose that.
 */
export class ScriptPlaces {
  readonly #text: string;
  /** Where the lines begin that were found. */
  readonly #lines: number[] = [0];
  /** Of lines that were walked in, the first place after each so many bytes. */
  readonly #marks = new Map<number, Mark[]>();

  constructor(text: string) {
    this.#text = text;
  }

  /** The position as people count. */
  of(place: Position): Position {
    const text = this.#text;
    if (text.length > MAX_SCRIPT || place.line < 1) return place;
    const { line } = place;
    const wanted = Math.max(0, place.column - 1);
    while (this.#lines.length < line) {
      const next = text.indexOf("\n", this.#lines.at(-1)) + 1;
      if (next === 0) return place;
      this.#lines.push(next);
    }
    const start = this.#lines[line - 1]!;
    const marks = this.#marksOf(line, start);
    // A mark may be some bytes after those that it is for.
    let last = Math.min(marks.length - 1, Math.floor(wanted / MARK_EVERY));
    if (marks[last]!.bytes > wanted) last--;
    let { at, bytes } = marks[last]!;
    while (bytes < wanted) {
      const point = text.codePointAt(at);
      if (point === 0x0a) break;
      // The end of the text is a position as well.
      if (point === undefined) return place;
      bytes += utf8Length(point);
      at += point > 0xffff ? 2 : 1;
      if (bytes >= marks.length * MARK_EVERY) marks.push({ at, bytes });
    }
    return { line, column: at - start + 1 };
  }

  #marksOf(line: number, start: number): Mark[] {
    let marks = this.#marks.get(line);
    if (marks === undefined) this.#marks.set(line, marks = [{ at: start, bytes: 0 }]);
    return marks;
  }
}

/** The position in a script that the engine means; its columns count bytes. */
export function scriptPosition(text: string, place: Position): Position {
  return new ScriptPlaces(text).of(place);
}
