/**
 * The modules that functions import by their scope, and all that these import in turn, as they are
 * made a part of a program. They are found and read by the list that does it otherwise when the
 * program runs, so they are the same.
 *
 * @module
 */
import { dirname, relative, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { LANGUAGE } from "../../ffi/symbols.ts";
import type { EmbeddedFiles } from "../function/embedded.ts";
import type { Imported } from "../function/enclose.ts";
import { parser } from "../function/top_level.ts";
import type { Loaded } from "../modules.ts";
import { keyOf } from "../packages/embedded.ts";
import { FUNCTION, ModuleList } from "../packages/list.ts";
import { ResolutionError } from "../packages/resolve.ts";

/** The modules, and the paths of their files. */
export interface Graph extends EmbeddedFiles {
  readonly paths: readonly string[];
}

const FILE = /^(?:[a-z-]+:)?(?=file:)/;

/** What is imported, by whom. */
interface Wanted {
  readonly importer: string;
  readonly from: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Whether it may be missing. */
  readonly isDynamic: boolean;
}

/** All that a module at `path` imports by these names of its top level. */
export function graphOf(imports: readonly Imported[], path: string): Graph {
  const list = new ModuleList(imports.map(({ from }) => from), pathToFileURL(path).href);
  const files: Record<string, [string, number, 1?]> = {};
  const links: Record<string, string> = {};
  const paths = new Set<string>();
  const wanted: Wanted[] = imports.map(({ from, attributes }) => {
    return { importer: FUNCTION, from, attributes, isDynamic: false };
  });
  for (const { importer, from, attributes, isDynamic } of wanted) { // and those that come to it
    const { type } = attributes;
    const link = keyOf(importer === FUNCTION ? "" : importer, keyOf(type, from));
    if (Object.hasOwn(links, link)) continue;
    const context = { attributes, signal: new AbortController().signal };
    let url: string, loaded: Loaded;
    try {
      url = list.resolve(from, importer, context);
      loaded = list.load(url, context);
    } catch (error) {
      if (!(error instanceof ResolutionError)) throw error;
      if (isDynamic) continue;
      const by = importer === FUNCTION ? path : fileOf(importer);
      throw new Error(`${by}: can't bundle ${JSON.stringify(from)}: ${error.message}`, {
        cause: error,
      });
    }
    links[link] = url;
    const key = keyOf(type, url);
    if (Object.hasOwn(files, key)) continue;
    if (FILE.test(url)) paths.add(fileOf(url));
    const isTyped = loaded.code === LANGUAGE.TYPESCRIPT;
    if (!isTyped && loaded.code !== LANGUAGE.JAVASCRIPT) {
      files[key] = [loaded.source, loaded.code];
      continue;
    }
    const read = parser().readImports(loaded.source, isTyped);
    if ("message" in read) {
      const { message, row, column } = read;
      throw new Error(`${fileOf(url)}:${row}:${column}: can't bundle it: ${message}`);
    }
    files[key] = [read.text, LANGUAGE.JAVASCRIPT];
    if (loaded.isHidden) files[key].push(1);
    for (const one of read.imports) wanted.push({ importer: url, ...one });
  }
  return { files, links, paths: [...paths] };
}

/** The path of a URL's file, if it has one. */
function fileOf(url: string): string {
  const bare = url.replace(FILE, "");
  return bare.startsWith("file:") ? fileURLToPath(bare) : url;
}

/** The nearest folder above all files and `folder`, or that itself. */
export function folderOf(folder: string, paths: readonly string[]): string {
  while (dirname(folder) !== folder && !paths.every((path) => path.startsWith(folder + sep))) {
    folder = dirname(folder);
  }
  return folder;
}

/** The same modules, whose files are named from a folder: that is nobody's business where they run. */
export function namedFrom(folder: string, { files, links }: EmbeddedFiles): EmbeddedFiles {
  const path = folder.endsWith(sep) ? folder : folder + sep;
  const { href } = pathToFileURL(path);
  const short = (text: string): string => text.replaceAll(href, "");
  return {
    files: Object.fromEntries(
      Object.entries(files).map(([key, [text, code, hidden]]) => [
        short(key),
        hidden === 1
          ? [short(text).replaceAll(JSON.stringify(path).slice(1, -1), ""), code, hidden]
          : [text, code],
      ]),
    ),
    links: Object.fromEntries(
      Object.entries(links).map(([key, url]) => [short(key), short(url)]),
    ),
  };
}

/** A file's path from a folder, as it is named there. */
export function pathFrom(folder: string, path: string): string {
  return relative(folder, path).replaceAll(sep, "/");
}
