/**
 * Strips types off TypeScript: `strip(source)` gives the same text with blanks in their place, or where
 * and why that can't be. Positions stay as they are: a blank takes as many bytes of UTF-8, and as many
 * units, as what it replaces.
 *
 * It is a unit (csrc/units.h), and runs in the task, under its limits: no text of a stranger is parsed
 * anywhere else. The parser is Sucrase's, which marks the tokens that only types are made of; the build
 * bundles it. Import and export statements stay as they are written but for what says `type`, as with
 * the compiler's option `verbatimModuleSyntax`.
 *
 * @module
 */
import { parse } from "sucrase/dist/esm/parser/index.js";
import { TokenType as tt } from "sucrase/dist/esm/parser/tokenizer/types.js";

/** @typedef {{ type: number, start: number, end: number, isType: boolean }} Token */

const MODIFIERS = new Set([
  tt._abstract,
  tt._override,
  tt._private,
  tt._protected,
  tt._public,
  tt._readonly,
]);

/** What may stand before a class member that begins with a bracket or a star. */
const STARTS = new Set([tt.bracketL, tt.star, tt._in, tt._instanceof]);

/** What goes on with an expression in the line before. */
const GOES_ON = new Set([tt.parenL, tt.bracketL, tt.backQuote]);

/** What only TypeScript compiles, and types alone are not. */
class Refusal {
  /** @param {Token} token @param {string} message */
  constructor(token, message) {
    this.token = token;
    this.message = message;
  }
}

/** Blanks of 1, 2 and 3 bytes in UTF-8, each one unit: of a surrogate pair's 4 each unit has 2. */
const BLANKS = [" ", "\u00a0", "\u3000"];

/** @param {string} text */
function blanks(text) {
  let out = "";
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === 10 || unit === 13 || unit === 0x2028 || unit === 0x2029) out += text[i];
    else if (unit < 0x80) out += " ";
    else out += BLANKS[unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2];
  }
  return out;
}

class Stripper {
  /** @param {string} source @param {readonly Token[]} tokens */
  constructor(source, tokens) {
    this.source = source;
    this.tokens = tokens;
    this.out = "";
    this.at = 0; // how much of the source is written
  }

  /** @param {number} i */
  text(i) {
    const { start, end } = this.tokens[i];
    return this.source.slice(start, end);
  }

  /** Whether there is a line's end between two tokens. @param {number} i @param {number} j */
  breaks(i, j) {
    return /[\n\r\u2028\u2029]/.test(this.source.slice(this.tokens[i].end, this.tokens[j].start));
  }

  /**
   * Writes blanks for the tokens from `i` to before `j`, with a character in place of the first one or
   * the last.
   *
   * @param {number} i @param {number} j @param {string} first @param {string} last
   */
  blank(i, j, first = "", last = "") {
    const from = this.tokens[i].start;
    const to = this.tokens[j - 1].end;
    this.out += this.source.slice(this.at, from) + first +
      blanks(this.source.slice(from + first.length, to - last.length)) + last;
    this.at = to;
  }

  strip() {
    const { tokens } = this;
    for (let i = 0; i < tokens.length;) i = this.next(i);
    return this.out + this.source.slice(this.at);
  }

  /** Looks at a token, and gives the next one to be looked at. @param {number} i */
  next(i) {
    const { tokens } = this;
    const { type, isType } = tokens[i];
    if (isType) return this.types(i);
    switch (type) {
      case tt.nonNullAssertion:
        this.blank(i, i + 1);
        return i + 1;
      case tt._enum:
        return this.refuse(i, "an enum is more than a type: write an object, `{ … } as const`");
      case tt._declare:
        return this.field(i);
      case tt._import:
        return this.imports(i);
      case tt._export:
        return this.exports(i);
      default:
        return MODIFIERS.has(type) ? this.modifiers(i) : i + 1;
    }
  }

  /** @param {number} i @param {string} message @returns {never} */
  refuse(i, message) {
    throw new Refusal(this.tokens[i], message);
  }

  /** Tokens that are types: a part of an expression or a declaration, or statements. @param {number} i */
  types(i) {
    const { tokens } = this;
    let end = i + 1;
    while (tokens[end].isType) end++;
    const after = tokens[end].type;
    const first = this.text(i);
    const before = i > 0 ? tokens[i - 1].type : tt.eof;
    if (first === ":" && before === tt.parenR && after === tt.arrow && this.breaks(i - 1, end)) {
      // No line may end before the arrow: the bracket is moved to it.
      this.out = this.out + this.source.slice(this.at, tokens[i - 1].start) + " ";
      this.at = tokens[i - 1].end;
      this.blank(i, end, "", ")");
    } else if (first === "<" && after === tt.parenL && this.breaks(i, end)) {
      this.blank(i, end + 1, "(");
      return end + 1;
    } else if (first === ":" || first === "?" || first === "!") {
      // A field of such a name is no modifier of what is in the next line.
      const isField = i > 0 && /^(?:get|set|static|async|accessor)$/.test(this.text(i - 1)) &&
        this.breaks(end - 1, end);
      this.blank(i, end, isField ? ";" : "");
    } else if (first === "as" || first === "satisfies") {
      const ends = GOES_ON.has(after) && this.breaks(end - 1, end);
      this.blank(i, end, "", ends ? ";" : "");
    } else if (first === "<" || first === "implements" || first === "this") {
      this.blank(i, end);
    } else {
      this.statements(i, end);
    }
    return end;
  }

  /** Statements and members of classes, which are declarations of types. @param {number} i @param {number} end */
  statements(i, end) {
    for (let j = i; j < end; j++) {
      const name = this.text(j);
      if ((name !== "namespace" && name !== "module") || this.tokens[j + 1].type !== tt.name) {
        continue;
      }
      const before = j > i ? this.text(j - 1) : "";
      if (before === "declare" || /^[\w$]+$/.test(before) && before !== "export") continue;
      if (before !== "" && !["export", ";", "}"].includes(before) && !this.breaks(j - 1, j)) {
        continue;
      }
      if (before === "export" && j - 2 >= i && this.text(j - 2) === "declare") continue;
      this.refuse(j, "a namespace is more than a type: write a module, or an object");
    }
    this.blank(i, end, ";");
  }

  /** Modifiers of a class or a member, or of a constructor's parameter. @param {number} i */
  modifiers(i) {
    const { tokens } = this;
    const before = i > 0 ? tokens[i - 1].type : tt.eof;
    if (before === tt.parenL || before === tt.comma) {
      return this.refuse(
        i,
        "a parameter that makes a property is more than a type: write the property and assign it",
      );
    }
    let end = i + 1;
    while (MODIFIERS.has(tokens[end].type) && !tokens[end].isType) end++;
    const isAbstract = tokens.slice(i, end).some(({ type }) => type === tt._abstract);
    if (isAbstract && tokens[end].type !== tt._class) return this.field(i);
    this.blank(i, end, STARTS.has(tokens[end].type) ? ";" : "");
    return end;
  }

  /** A field that is only declared. @param {number} i */
  field(i) {
    const { tokens } = this;
    let end = i + 1;
    // The modifiers that may follow, a name, its type.
    while (!tokens[end].isType && tokens[end].type !== tt.semi && tokens[end].type !== tt.braceR) {
      if (tokens[end].type === tt.eq) return this.refuse(i, "a declared field has no value");
      end++;
    }
    while (tokens[end].isType) end++;
    this.blank(i, end, ";");
    return end;
  }

  /** @param {number} i */
  imports(i) {
    const { tokens } = this;
    const next = tokens[i + 1].type;
    if (next === tt.parenL || next === tt.dot || next === tt.string) return i + 1;
    if (this.isTypeOnly(i + 1)) return this.statement(i);
    let j = i + 1;
    while (tokens[j].type === tt.name || tokens[j].type === tt.comma) j++;
    if (tokens[j].type === tt.eq) {
      return this.refuse(i, "`import … =` is more than a type: write `import … from`");
    }
    return tokens[j].type === tt.braceL ? this.specifiers(j) : j;
  }

  /** The list in the braces that open at `i`: blanks those out that are types. @param {number} i */
  specifiers(i) {
    const { tokens } = this;
    let j = i + 1;
    while (tokens[j].type !== tt.braceR && tokens[j].type !== tt.eof) {
      if (!tokens[j].isType) {
        j++;
        continue;
      }
      const from = j;
      while (tokens[j].isType) j++;
      if (tokens[j].type === tt.comma) j++;
      this.blank(from, j);
    }
    return j;
  }

  /** @param {number} i */
  exports(i) {
    const next = this.tokens[i + 1].type;
    if (next === tt.eq) {
      return this.refuse(i, "`export =` is more than a type: write `export default`");
    }
    if (next === tt._import) return this.refuse(i, "`export import` is more than a type");
    if (next === tt.braceL) return this.specifiers(i + 1);
    return next === tt.name && this.isTypeOnly(i + 1) ? this.statement(i) : i + 1;
  }

  /** Whether an import or export is one of types only: `type` stands at `i`. @param {number} i */
  isTypeOnly(i) {
    const { tokens } = this;
    if (tokens[i].type !== tt.name || this.text(i) !== "type") return false;
    const { type } = tokens[i + 1];
    if (type === tt.braceL || type === tt.star) return true;
    // A default that is imported may be called so.
    return type === tt.name && (this.text(i + 1) !== "from" || tokens[i + 2].type === tt.name);
  }

  /** Blanks an import or export out, to its end. @param {number} i */
  statement(i) {
    const { tokens } = this;
    let end = i + 2;
    if (tokens[i].type === tt._import || tokens[end].type === tt.star) {
      while (tokens[end].type !== tt.string && tokens[end].type !== tt.eof) end++;
      end++;
    } else {
      while (tokens[end].type !== tt.braceR && tokens[end].type !== tt.eof) end++;
      end++;
      if (tokens[end]?.type === tt.name && this.text(end) === "from") end += 2;
    }
    if (tokens[end]?.type === tt._with && tokens[end + 1].type === tt.braceL) {
      while (tokens[end].type !== tt.braceR && tokens[end].type !== tt.eof) end++;
      end++;
    }
    if (tokens[end]?.type === tt.semi) end++;
    end = Math.min(end, tokens.length);
    this.blank(i, end, ";");
    return end;
  }
}

/** The line and the column of a place, both from 1, the column in bytes. @param {string} source @param {number} at */
function place(source, at) {
  const lines = source.slice(0, at).split("\n");
  const column = lines[lines.length - 1];
  let bytes = 0;
  for (let i = 0; i < column.length; i++) {
    const unit = column.charCodeAt(i);
    bytes += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 2 : 3;
  }
  return { row: lines.length, column: bytes + 1 };
}

/**
 * The text without types; or why there is none: as there is `more` than types in it, or as it could not
 * be read.
 *
 * @param {string} source
 */
function strip(source) {
  try {
    const { tokens } = parse(source, false, true, false);
    return new Stripper(source, tokens).strip();
  } catch (error) {
    if (error instanceof Refusal) {
      return { message: error.message, ...place(source, error.token.start), more: true };
    }
    if (typeof error.pos !== "number") throw error;
    const message = error.message.replace(/ \(\d+:\d+\)$/, "");
    return { message, ...place(source, error.pos) };
  }
}

export default () => ({ strip });
