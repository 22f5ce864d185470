/**
 * Replaces parts of a module's text, and maps what comes of it to what was.
 *
 * @module
 */

/** A part of a text, and what stands in its place. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  /** Without ends of lines. */
  readonly text: string;
}

/** A source map, version 3. */
export interface SourceMap {
  readonly version: 3;
  readonly sources: string[];
  readonly sourcesContent: string[];
  readonly names: string[];
  readonly mappings: string;
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** A number in base 64, as source maps have it. */
function vlq(value: number): string {
  let rest = value < 0 ? (-value << 1) | 1 : value << 1;
  let text = "";
  do {
    const more = rest > 31 ? 32 : 0;
    text += DIGITS[(rest & 31) | more];
    rest >>>= 5;
  } while (rest > 0);
  return text;
}

/** What a debugger stops at: words, and each other character. */
const TOKEN = /[\p{ID_Continue}$]+|[^\s\p{ID_Continue}$]/gu;

/**
 * The text with edits, which are in its order and none of which has an end of a line, with a line
 * added; and its source map.
 *
 * @param file as the map is to name it
 */
export function edited(
  text: string,
  edits: readonly Edit[],
  added: string,
  file: string,
): { readonly code: string; readonly map: SourceMap } {
  let code = "", at = 0;
  for (const { start, end, text: replacement } of edits) {
    code += text.slice(at, start) + replacement;
    at = end;
  }
  code += `${text.slice(at)}\n${added}\n`;

  const left = [...edits];
  const last = { row: 0, column: 0 };
  let lineStart = 0;
  const mappings = text.split("\n").map((line, row) => {
    const segments: string[] = [];
    let shift = 0, generated = 0;
    for (const { index } of line.matchAll(TOKEN)) {
      const [edit] = left;
      if (edit !== undefined && lineStart + index > edit.start) {
        if (lineStart + index < edit.end) continue; // a part of what was replaced
        shift += edit.text.length - (edit.end - edit.start);
        left.shift();
      }
      const down = row - last.row, right = index - last.column;
      segments.push(vlq(index + shift - generated) + vlq(0) + vlq(down) + vlq(right));
      generated = index + shift;
      last.row = row;
      last.column = index;
    }
    lineStart += line.length + 1;
    return segments.join();
  }).join(";");
  return {
    code,
    map: { version: 3, sources: [file], sourcesContent: [text], names: [], mappings },
  };
}
