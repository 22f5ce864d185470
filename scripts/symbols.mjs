/**
 * Generates ffi/symbols.ts from csrc/deferred.h and csrc/wire.h, so that what TypeScript knows of
 * the C library is never written twice and cannot drift from it.
 *
 *   node scripts/symbols.mjs           writes the file if it changed
 *   node scripts/symbols.mjs --check   fails if the file is not what would be written
 *
 * The headers are read as text, with the conventions they keep: constants are X-macro maps
 * (`#define DFD_STATUS_MAP(X) X(OK, 0, "text") ...`), functions are declared with DFD_API, and the
 * comment right above a declaration is its documentation. Whatever does not fit is an error here,
 * never silently left out.
 *
 * @module
 */

import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import path from "node:path";
import process from "node:process";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const OUTPUT = path.join(ROOT, "ffi", "symbols.ts");
const WIDTH = 100;

/** Which X-macro maps become which constants. `texts` adds a table from value to text. */
const MAPS = [
  { header: "deferred.h", macro: "DFD_STATUS_MAP", name: "STATUS", texts: true },
  { header: "deferred.h", macro: "DFD_ERROR_MAP", name: "ERROR", texts: true },
  { header: "deferred.h", macro: "DFD_OPTION_MAP", name: "OPTION" },
  { header: "deferred.h", macro: "DFD_LIMIT_MAP", name: "LIMIT" },
  { header: "deferred.h", macro: "DFD_CONTROL_MAP", name: "CONTROL" },
  { header: "deferred.h", macro: "DFD_COMPILE_MAP", name: "COMPILE" },
  { header: "deferred.h", macro: "DFD_HARDENING_MAP", name: "HARDENING" },
  { header: "deferred.h", macro: "DFD_KIND_MAP", name: "KIND" },
  { header: "deferred.h", macro: "DFD_RECORD_MAP", name: "RECORD" },
  { header: "deferred.h", macro: "DFD_EVENT_MAP", name: "EVENT" },
  { header: "deferred.h", macro: "DFD_EVENT_TYPE_MAP", name: "EVENT_TYPE" },
  { header: "deferred.h", macro: "DFD_HOST_MAP", name: "HOST" },
  { header: "deferred.h", macro: "DFD_FORM_MAP", name: "FORM" },
  { header: "deferred.h", macro: "DFD_LANGUAGE_MAP", name: "LANGUAGE" },
  { header: "deferred.h", macro: "DFD_MESSAGE_MAP", name: "MESSAGE" },
  { header: "deferred.h", macro: "DFD_ANSWER_MAP", name: "ANSWER" },
  { header: "deferred.h", macro: "DFD_MOVED_MAP", name: "MOVED" },
  { header: "deferred.h", macro: "DFD_SUBMISSION_MAP", name: "SUBMISSION" },
  { header: "deferred.h", macro: "DFD_REGION_MAP", name: "REGION" },
  { header: "wire.h", macro: "WIRE_LIMIT_MAP", name: "WIRE_LIMIT" },
  {
    header: "wire.h",
    macro: "WIRE_TAG_MAP",
    name: "WIRE",
    doc: "The tag bytes of the wire format.",
  },
  {
    header: "wire.h",
    macro: "WIRE_VIEW_MAP",
    name: "WIRE_VIEW",
    doc: "The kinds of a VIEW, by the name of the class.",
  },
  {
    header: "wire.h",
    macro: "WIRE_ERROR_MAP",
    name: "WIRE_ERROR",
    doc: "The classes of an ERROR, by name.",
  },
  { header: "wire.h", macro: "WIRE_ERROR_HAS_MAP", name: "WIRE_ERROR_HAS" },
  { header: "wire.h", macro: "WIRE_FRAME_MAP", name: "WIRE_FRAME" },
];

/** What may cross the FFI, and what each is in TypeScript. */
const ARGUMENT_TYPES = new Map([
  ["int32_t", "i32"],
  ["uint32_t", "u32"],
  ["double", "f64"],
  ["const uint8_t *", "buffer"],
  ["uint8_t *", "buffer"],
]);
const RESULT_TYPES = new Map([
  ["int32_t", "i32"],
  ["uint32_t", "u32"],
  ["double", "f64"],
  ["void", "void"],
]);
const TYPESCRIPT = {
  i32: "number",
  u32: "number",
  f64: "number",
  buffer: "Uint8Array",
  void: "void",
};

/**
 * @typedef {{ name: string, value: string, text?: string }} Entry
 * @typedef {{ name: string, args: { name: string, type: string }[], result: string, doc: string }} Func
 * @typedef {Record<string, string>} Headers  text of each header, by file name
 */

/** @returns {Promise<Headers>} */
async function readHeaders() {
  /** @type {Headers} */
  const headers = {};
  for (const name of ["deferred.h", "wire.h"]) {
    headers[name] = await readFile(path.join(ROOT, "csrc", name), "utf8");
  }
  return headers;
}

/**
 * The ABI number: FNV-1a, 32 bits, over both headers but for comments and the width of white space.
 * The build compiles it into the library and the generated file holds it, so that a library from
 * other headers is recognised.
 *
 * @param {Headers} [headers]
 * @returns {Promise<string>} as `0x` and eight digits
 */
export async function abiNumber(headers) {
  headers ??= await readHeaders();
  let hash = 0x811c9dc5;
  const comments = /\/\*[^]*?\*\/|\/\/.*|("(?:[^"\\]|\\.)*")/g;
  const text = (headers["deferred.h"] + headers["wire.h"])
    .replace(comments, (_, string) => string ?? " ").replace(/(?:\s|\\\n)+/g, " ").trim();
  for (const byte of Buffer.from(text)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return "0x" + hash.toString(16).padStart(8, "0");
}

/** The text of a C comment without its delimiters and margin. */
function uncomment(comment) {
  return comment
    .replace(/^\/\*\s?/, "")
    .replace(/\s*\*\/$/, "")
    .split("\n")
    .map((line, i) => (i === 0 ? line : line.replace(/^\s*\*? ?/, "")).trimEnd())
    .join("\n");
}

/** The comment that ends right before `offset`, with no blank line between, or "". */
function commentBefore(text, offset) {
  const before = text.slice(0, offset);
  const match = /(\/\*(?:(?!\*\/)[^])*\*\/)[ \t]*\n$/.exec(before);
  return match ? uncomment(match[1]) : "";
}

/**
 * @param {string} text
 * @param {{ header: string, macro: string }} map
 * @returns {{ entries: Entry[], doc: string }}
 */
function parseMap(text, { header, macro }) {
  const start = text.search(new RegExp(`^#define ${macro}\\(X\\)`, "m"));
  if (start < 0) throw new Error(`csrc/${header} does not define ${macro}(X)`);
  const lines = [];
  for (const line of text.slice(text.indexOf("\n", start) + 1).split("\n")) {
    lines.push(line.replace(/\\$/, ""));
    if (!line.endsWith("\\")) break;
  }
  const body = lines.join(" ");
  const entries = [];
  const rest = body.replace(
    /X\((\w+),\s*(-?(?:0x[\da-f]+|\d+))(?:,\s*("(?:[^"\\]|\\.)*"))?\)/gi,
    (_, name, value, text) => {
      entries.push({ name, value, text: text && JSON.parse(text) });
      return "";
    },
  );
  if (rest.trim() || entries.length === 0) {
    throw new Error(`csrc/${header}: can't read this of ${macro}: ${rest.trim() || "(empty)"}`);
  }
  return { entries, doc: commentBefore(text, start) };
}

/**
 * @param {string} text of deferred.h
 * @returns {Func[]}
 */
function parseFunctions(text) {
  const functions = [];
  const pattern = /^DFD_API\s+(\w+)\s+(dfd_\w+)\(([^)]*)\);$/gm;
  for (const match of text.matchAll(pattern)) {
    const [, resultType, name, list] = match;
    const at = `csrc/deferred.h:${text.slice(0, match.index).split("\n").length}`;
    const result = RESULT_TYPES.get(resultType);
    if (!result) throw new Error(`${at}: ${name} returns ${resultType}, which can't cross the FFI`);
    const args = list.trim() === "void" ? [] : list.split(",").map((parameter) => {
      const [, cType, argName] = /^\s*(.*?)(\w+)\s*$/s.exec(parameter) ?? [];
      const type = ARGUMENT_TYPES.get(cType?.trim().replace(/\s+/g, " "));
      if (!type) {
        throw new Error(
          `${at}: ${name} takes "${parameter.trim()}"; only ${
            [...ARGUMENT_TYPES.keys()].join(", ")
          } ` +
            `may cross the FFI`,
        );
      }
      return { name: argName, type };
    });
    args.forEach(({ type, name: argName }, i) => {
      if (type === "buffer" && args[i + 1]?.type !== "u32") {
        throw new Error(`${at}: the buffer "${argName}" of ${name} must be followed by its length`);
      }
    });
    // Declarations in one block share the comment above the first of them.
    const doc = commentBefore(text, match.index);
    const previous = functions.at(-1);
    const shared = !doc && previous && !/\n\s*\n/.test(text.slice(previous.end, match.index));
    if (!doc && !shared) throw new Error(`${at}: ${name} has no comment`);
    const head = shared ? previous.head ?? previous.name : undefined;
    functions.push({
      name,
      args,
      result,
      doc: head ? `See {@link Symbols.${head}}.` : doc,
      head,
      end: match.index + match[0].length,
    });
  }
  const declared = text.match(/^DFD_API\b/gm)?.length ?? 0;
  if (functions.length === 0 || functions.length !== declared) {
    throw new Error(
      `csrc/deferred.h declares ${declared} functions with DFD_API, of which ${functions.length} ` +
        `could be read`,
    );
  }
  return functions;
}

/** A JSDoc comment, indented. */
function doc(text, indent = "") {
  const safe = text.replaceAll("*/", "*\\/");
  if (!safe.includes("\n") && indent.length + safe.length + 7 <= WIDTH) {
    return `${indent}/** ${safe} */\n`;
  }
  const lines = safe.split("\n").map((line) => `${indent} * ${line}`.trimEnd());
  return `${indent}/**\n${lines.join("\n")}\n${indent} */\n`;
}

/** One object of constants, and its table of texts where it has one. */
function emitMap({ name, texts, doc: fallback }, { entries, doc: comment }) {
  let out = doc(comment || fallback || "");
  out += `export const ${name} = {\n`;
  for (const entry of entries) {
    if (entry.text) out += doc(entry.text, "  ");
    out += `  ${entry.name}: ${entry.value},\n`;
  }
  out += "} as const;\n";
  if (texts) {
    out += "\n" + doc(`What each of {@link ${name}} means, by its value.`);
    out += `export const ${name}_TEXT: Readonly<Record<number, string>> = {\n`;
    for (const entry of entries) {
      const key = entry.value.startsWith("-") ? `[${entry.value}]` : entry.value;
      out += `  ${key}: ${JSON.stringify(entry.text)},\n`;
    }
    out += "};\n";
  }
  return out;
}

/** @param {Func} f */
function emitSignature(f) {
  const args = f.args.map(({ name, type }) => `${name}: ${TYPESCRIPT[type]}`);
  const line = `  ${f.name}(${args.join(", ")}): ${TYPESCRIPT[f.result]};\n`;
  if (line.length <= WIDTH) return line;
  return `  ${f.name}(\n${args.map((arg) => `    ${arg},\n`).join("")}  ): ${
    TYPESCRIPT[f.result]
  };\n`;
}

/** @param {Headers} headers */
async function generate(headers) {
  const functions = parseFunctions(headers["deferred.h"]);
  const ring = /^#define DFD_RING_BYTES (\d+)$/m.exec(headers["deferred.h"])?.[1];
  if (!ring) throw new Error("csrc/deferred.h does not define DFD_RING_BYTES as a number");

  const parts = [
    "// GENERATED from csrc/deferred.h and csrc/wire.h by scripts/symbols.mjs. Do not edit: change\n" +
    "// the headers and run `npm run symbols`.\n",
    doc("The ABI number that the library must answer: a hash of the headers it was built from.") +
    `export const ABI = ${await abiNumber(headers)};\n`,
    doc("Bytes of the completion ring, which lies behind the control block.") +
    `export const RING_BYTES = ${ring};\n`,
    doc("What crosses the FFI: numbers, and buffers that are lent for the call.") +
    'export type SymbolType = "i32" | "u32" | "f64" | "buffer" | "void";\n',
    doc("The library's functions in a neutral form, which each runtime's dialect translates.") +
    "export const SYMBOLS = {\n" +
    functions.map(({ name, args, result }) => {
      const types = args.map(({ type }) => `"${type}"`).join(", ");
      return `  ${name}: { args: [${types}], result: "${result}" },\n`;
    }).join("") +
    "} as const;\n",
    doc("The same functions, as TypeScript calls them once the library is loaded.") +
    "export interface Symbols {\n" +
    functions.map((f) => doc(f.doc, "  ") + emitSignature(f)).join("") +
    "}\n",
    ...MAPS.map((map) => emitMap(map, parseMap(headers[map.header], map))),
  ];
  return parts.join("\n");
}

/**
 * Brings ffi/symbols.ts up to date, or tells whether it is.
 *
 * @param {{ check?: boolean }} [options]
 * @returns {Promise<"fresh" | "written" | "stale">}
 */
export async function symbols({ check = false } = {}) {
  const wanted = await generate(await readHeaders());
  const found = await readFile(OUTPUT, "utf8").catch((error) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  if (found === wanted) return "fresh";
  if (check) return "stale";
  await writeFile(OUTPUT, wanted);
  return "written";
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const check = process.argv.includes("--check");
  const state = await symbols({ check });
  if (state === "stale") {
    console.error(
      "ffi/symbols.ts is not what csrc/deferred.h and csrc/wire.h say: npm run symbols",
    );
    process.exitCode = 1;
  } else {
    console.log(`ffi/symbols.ts ${state === "fresh" ? "is up to date" : "written"}`);
  }
}
