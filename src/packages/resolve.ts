/**
 * From a specifier to a file, as Node.js does it: node_modules, and what a package.json says in
 * `exports`, `imports` and `main`. A task has what the web has and nothing of a runtime, so of
 * packages with several builds it is the one for browsers that is found (the conditions `worker` and
 * `browser`, the field `browser`), as bundlers do it. What lies in no node_modules, the runtime itself
 * is asked for: an import map, `npm:` and `jsr:` are its business.
 *
 * Files are read here, on the host, with its permissions; what a package.json said is kept.
 *
 * @module
 */
import { readFileSync, realpathSync, statSync } from "node:fs";
import { createRequire, isBuiltin } from "node:module";
import { basename, dirname, join, relative, resolve as resolvePath, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isObject } from "../call.ts";

/** How a module is asked for: it may have a build for each. */
export type Manner = "import" | "require";

/** Why a specifier names no module that a task can have. */
export class ResolutionError extends Error {}

/** The URL of a module that a package leaves out for browsers. */
export const EMPTY = "deferred:empty";

const CONDITIONS: Readonly<Record<Manner, ReadonlySet<string>>> = {
  import: new Set(["worker", "browser", "import", "default"]),
  require: new Set(["worker", "browser", "require", "default"]),
};

/** What `require` adds to a file's name. */
const ENDINGS = [".js", ".cjs", ".json"] as const;

type Data = Readonly<Record<string, unknown>>;

/** A folder with a package.json, and what that says. */
interface Package {
  readonly folder: string;
  readonly data: Data;
}

/** The same, in which a key is looked up without what a prototype has. */
function own(data: unknown, key: string): unknown {
  return isObject(data) && Object.hasOwn(data, key) ? (data as Data)[key] : undefined;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Whether a specifier is a path or a URL of a file. */
export function isPath(specifier: string): boolean {
  return /^(?:\.{0,2}\/|\.{1,2}$|file:)/.test(specifier);
}

/** The path, which must lie in the package in `folder`: none gets another file by a path. */
function inside(folder: string, path: string): string {
  if (path.startsWith(folder + sep)) return path;
  throw new ResolutionError(`it lies outside of the package, which is ${folder}`);
}

/** The folder of the installed package that a file is of. */
function rootOf(path: string): string | undefined {
  return /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+(?=[\\/])/.exec(path)?.[0];
}

/** Whether it is a module of the runtime, by a name that no package has either. */
export function isOfRuntime(specifier: string): boolean {
  return isBuiltin(specifier) || /^(?:node|bun|cloudflare|sys|ext):/.test(specifier);
}

/** Throws for such a module. */
export function refuseBuiltin(specifier: string): void {
  if (!isOfRuntime(specifier)) return;
  throw new ResolutionError(
    "a task has no modules of the runtime; offer what the code may do as functions: " +
      "{ host: { read } }",
  );
}

/** `@scope/name/sub/path` as a package's name and the path in it; `null` for what names none, as URLs. */
function packageOf(specifier: string): { readonly name: string; readonly rest: string } | null {
  const name = /^(?:@[^/%\\:?#\s]+\/)?[^./@%\\:?#\s][^/%\\:?#\s]*/.exec(specifier)?.[0];
  if (name === undefined || (name !== specifier && specifier[name.length] !== "/")) return null;
  return { name, rest: `.${specifier.slice(name.length)}` };
}

/** The path in the package of that name, of a specifier that may say where it is from: `npm:name@1/path`. */
function restOf(specifier: string, name: string): string | null {
  const bare = specifier.replace(/^(?:npm|jsr):\/?/, "");
  const rest = bare.startsWith(name) ? /^(?:@[^/]*)?(\/.*)?$/.exec(bare.slice(name.length)) : null;
  return rest === null ? null : `.${rest[1] ?? ""}`;
}

/** The entry of `exports` or `imports` for a key, and what stands for its `*`. */
function entryOf(
  map: Data,
  key: string,
): { readonly target: unknown; readonly star: string } | null {
  if (Object.hasOwn(map, key) && !key.includes("*")) return { target: map[key], star: "" };
  let best = "", found = null;
  for (const pattern of Object.keys(map)) {
    const at = pattern.indexOf("*"), bestAt = best.indexOf("*");
    if (at < 0 || at < bestAt || (at === bestAt && pattern.length < best.length)) continue;
    const head = pattern.slice(0, at), tail = pattern.slice(at + 1);
    if (key.length < pattern.length || !key.startsWith(head) || !key.endsWith(tail)) continue;
    best = pattern;
    found = { target: map[pattern], star: key.slice(at, key.length - tail.length) };
  }
  return found;
}

/** Finds files, and keeps what it read of packages. */
export class Resolver {
  readonly #packages = new Map<string, Package | null>();
  /** Folders of packages that lie in no node_modules, but in a cache of the runtime's. */
  readonly #cached = new Set<string>();
  /** The file that asks first. */
  readonly #base: string;

  constructor(base: string) {
    this.#base = base;
  }

  /**
   * The URL of a module: of a file, or {@linkcode EMPTY}.
   *
   * @param importer the URL of a file
   * @throws {ResolutionError} if there is none that a task can have
   */
  find(specifier: string, importer: string, manner: Manner): string {
    try {
      return this.#find(specifier, importer, manner);
    } catch (cause) {
      if (cause instanceof ResolutionError) throw cause;
      throw new ResolutionError(cause instanceof Error ? cause.message : String(cause), { cause });
    }
  }

  /** What the nearest package.json above a file says of its type. */
  typeOf(path: string): unknown {
    return own(this.#packageAbove(path)?.data, "type");
  }

  #find(specifier: string, importer: string, manner: Manner): string {
    const from = fileURLToPath(importer);
    const wanted = isPath(specifier) ? specifier : this.#replaced(from, specifier);
    if (wanted === false) return EMPTY;
    const root = this.#rootOf(from);
    if (root === undefined) return this.#urlOf(wanted, importer, from, manner);
    const isFile = isPath(wanted);
    if (!isFile && !wanted.startsWith("#") && packageOf(wanted) === null) {
      refuseBuiltin(wanted);
      throw new ResolutionError(
        "it is no name of a package, and an installed package gets others by name only",
      );
    }
    const url = this.#urlOf(wanted, importer, from, manner);
    if (isFile && url !== EMPTY) inside(root, fileURLToPath(url));
    return url;
  }

  /** The folder of the installed package that a file is of. */
  #rootOf(path: string): string | undefined {
    return rootOf(path) ?? [...this.#cached].find((folder) => path.startsWith(folder + sep));
  }

  #urlOf(specifier: string, importer: string, from: string, manner: Manner): string {
    const path = this.#pathOf(specifier, importer, from, manner);
    if (path === undefined) return this.#ask(specifier, importer, manner);
    const real = realpathSync(path);
    const pack = this.#packageAbove(real);
    const instead = pack === null ? undefined : this.#browserFile(pack, real);
    if (instead === false) return EMPTY;
    return pathToFileURL(instead ?? real).href;
  }

  /** The file for a specifier; `undefined` if the runtime must be asked. */
  #pathOf(
    specifier: string,
    importer: string,
    from: string,
    manner: Manner,
  ): string | undefined {
    if (isPath(specifier)) {
      const path = fileURLToPath(new URL(specifier, importer));
      return manner === "require" ? this.#guessed(path) : isFile(path) ? path : undefined;
    }
    if (specifier.startsWith("#")) {
      const pack = this.#packageAbove(from);
      const imports = own(pack?.data, "imports");
      const entry = isObject(imports) ? entryOf(imports as Data, specifier) : null;
      if (entry === null && this.#rootOf(from) === undefined) return undefined;
      const path = entry === null ? undefined : this.#target(pack!, entry, manner, true);
      if (typeof path === "string") return path;
      throw new ResolutionError("the package.json of its importer has no file for it in `imports`");
    }
    const wanted = packageOf(specifier);
    if (wanted === null) return undefined;
    const { name, rest } = wanted;
    const self = this.#packageAbove(from);
    const isSelf = own(self?.data, "name") === name && own(self?.data, "exports") !== undefined;
    const pack = isSelf ? self : this.#installed(name, from);
    if (pack === null) return undefined;
    return inside(pack.folder, this.#inPackage(pack, rest, specifier, manner));
  }

  /** The package of that name in the nearest node_modules that has one. */
  #installed(name: string, from: string): Package | null {
    for (let folder = dirname(from);; folder = dirname(folder)) {
      const place = join(folder, "node_modules", name);
      if (basename(folder) !== "node_modules" && isFolder(place)) {
        const real = realpathSync(place);
        return this.#packageIn(real) ?? { folder: real, data: {} };
      }
      if (dirname(folder) === folder) return null;
    }
  }

  #inPackage(pack: Package, rest: string, specifier: string, manner: Manner): string {
    const { folder, data } = pack;
    const given = own(data, "exports");
    if (given !== undefined && given !== null) {
      const isMap = isObject(given) && Object.keys(given).some((key) => key.startsWith("."));
      const entry = entryOf(isMap ? given as Data : { ".": given }, rest);
      const path = entry === null ? undefined : this.#target(pack, entry, manner);
      if (typeof path === "string") return path;
      throw new ResolutionError(
        `the package in ${folder} exports no ${JSON.stringify(rest)} for \`${manner}\``,
      );
    }
    if (rest !== ".") {
      const path = join(folder, rest);
      const found = manner === "require" ? this.#guessed(path) : isFile(path) ? path : undefined;
      if (found !== undefined) return found;
      throw new ResolutionError(`${JSON.stringify(specifier)} is no file in ${folder}`);
    }
    const main = this.#main(folder, data);
    if (main !== undefined) return main;
    throw new ResolutionError(
      `the package in ${folder} has no file for it; it may have nothing but types`,
    );
  }

  /** The main file of a package without `exports`. */
  #main(folder: string, data: Data): string | undefined {
    for (const name of [own(data, "browser"), own(data, "main"), "index"]) {
      if (typeof name !== "string" || name === "") continue;
      const path = resolvePath(folder, name);
      const found = this.#ended(path) ?? this.#ended(join(path, "index"));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The path of a target; `null` if it is hidden, `undefined` if no condition holds. */
  #target(
    pack: Package,
    { target, star }: { readonly target: unknown; readonly star: string },
    manner: Manner,
    isImports = false,
  ): string | null | undefined {
    if (target === null) return null;
    if (typeof target === "string") {
      const filled = target.replaceAll("*", star);
      if (!filled.startsWith("./")) { // another package
        if (!isImports || packageOf(filled) === null) return undefined;
        const manifest = join(pack.folder, "package.json");
        return this.#pathOf(filled, pathToFileURL(manifest).href, manifest, manner);
      }
      const path = resolvePath(pack.folder, filled);
      if (!path.startsWith(pack.folder + sep)) return null;
      if (isFile(path)) return path;
      throw new ResolutionError(`${path}, which its package.json names, is no file`);
    }
    if (Array.isArray(target)) {
      for (const each of target) {
        const path = this.#target(pack, { target: each, star }, manner, isImports);
        if (typeof path === "string") return path;
      }
      return undefined;
    }
    if (!isObject(target)) return undefined;
    for (const [condition, inner] of Object.entries(target)) {
      if (!CONDITIONS[manner].has(condition)) continue;
      const path = this.#target(pack, { target: inner, star }, manner, isImports);
      if (path !== undefined) return path;
    }
    return undefined;
  }

  /** What a package puts in the place of another module when it is built for browsers; or that module. */
  #replaced(from: string, specifier: string): string | false {
    const value = own(own(this.#packageAbove(from)?.data, "browser"), specifier);
    if (value === false) return false;
    if (typeof value !== "string") return specifier;
    const { folder } = this.#packageAbove(from)!;
    return value.startsWith(".") ? pathToFileURL(join(folder, value)).href : value;
  }

  /** What it puts in the place of a file of its own. */
  #browserFile({ folder, data }: Package, path: string): string | false | undefined {
    const map = own(data, "browser");
    if (!isObject(map)) return undefined;
    const name = `./${relative(folder, path).replaceAll(sep, "/")}`;
    for (const key of [name, name.slice(2), name.replace(/\.[cm]?js$/, "")]) {
      const value = own(map, key);
      if (value === false) return false;
      if (typeof value === "string") return this.#ended(inside(folder, resolvePath(folder, value)));
    }
    return undefined;
  }

  /** The file that `require` means by a path. */
  #guessed(path: string): string | undefined {
    const found = this.#ended(path);
    if (found !== undefined || !isFolder(path)) return found;
    return this.#main(path, this.#packageIn(path)?.data ?? {});
  }

  /** A file by its path, whose ending may be left out. */
  #ended(path: string): string | undefined {
    return ["", ...ENDINGS].map((ending) => path + ending).find(isFile);
  }

  #packageIn(folder: string): Package | null {
    const known = this.#packages.get(folder);
    if (known !== undefined) return known;
    const file = join(folder, "package.json");
    let found: Package | null = null;
    if (isFile(file)) {
      let data: unknown;
      try {
        data = JSON.parse(readFileSync(file, "utf8").replace(/^\ufeff/, ""));
      } catch (cause) {
        throw new ResolutionError(`${file} is no JSON`, { cause });
      }
      found = { folder, data: isObject(data) ? data as Data : {} };
    }
    this.#packages.set(folder, found);
    return found;
  }

  #packageAbove(path: string): Package | null {
    for (let folder = dirname(path);; folder = dirname(folder)) {
      if (basename(folder) === "node_modules") return null;
      const found = this.#packageIn(folder);
      if (found !== null || dirname(folder) === folder) return found;
    }
  }

  /** The package of a file that the runtime found by a name, unless it is one of ours. */
  #cachedPackage(path: string): Package | null {
    const pack = this.#packageAbove(path);
    if (pack === null || fileURLToPath(this.#base).startsWith(pack.folder + sep)) return null;
    this.#cached.add(pack.folder);
    return pack;
  }

  /** Whether a file lies in this package's own folder, with what is installed for its development. */
  #isOurs(path: string): boolean {
    if (!import.meta.url?.startsWith("file:")) return false; // a bundle
    const pack = this.#packageAbove(fileURLToPath(import.meta.url));
    return pack !== null && path.startsWith(pack.folder + sep) &&
      !fileURLToPath(this.#base).startsWith(pack.folder + sep);
  }

  /** What the runtime says where no file was found. */
  #ask(specifier: string, importer: string, manner: Manner): string {
    refuseBuiltin(specifier);
    const isName = !isPath(specifier);
    if (isName && /[\\/]\.\.(?:[\\/]|$)/.test(specifier)) {
      throw new ResolutionError("a name that leads upwards names no part of a package");
    }
    const byMeta = (): string => {
      const ask = import.meta.resolve as (specifier: string, importer?: string) => string;
      try {
        return ask(specifier, importer);
      } catch { // Deno takes one argument, and has one import map
        return ask(specifier);
      }
    };
    const byRequire = (): string => pathToFileURL(createRequire(importer).resolve(specifier)).href;
    let said = "";
    for (const ask of importer === this.#base ? [byMeta, byRequire] : [byRequire, byMeta]) {
      if (ask === byMeta && specifier.startsWith(".")) continue; // it would be ours
      try {
        said = ask();
      } catch {
        continue;
      }
      const path = said.startsWith("file:") ? fileURLToPath(said) : "";
      if (path === "" || !isFile(path) || this.#isOurs(path)) continue;
      const real = realpathSync(path);
      const pack = isName ? this.#cachedPackage(real) : null;
      const rest = pack === null ? null : restOf(specifier, String(own(pack.data, "name")));
      if (rest === null) return pathToFileURL(real).href;
      // The runtime has found its own build.
      return pathToFileURL(inside(pack!.folder, this.#inPackage(pack!, rest, specifier, manner)))
        .href;
    }
    if (!isName) {
      const path = fileURLToPath(new URL(specifier, importer));
      throw new ResolutionError(`there is no file ${path}`);
    }
    if (/^[a-z][a-z\d+.-]*:/i.test(specifier)) {
      throw new ResolutionError(
        said === "" || said === specifier
          ? "the runtime finds no file for it; install the package, and import it by its name"
          : `the runtime finds ${said} for it, which is no file`,
      );
    }
    const isBeside = isFile(fileURLToPath(new URL(specifier, importer)));
    throw new ResolutionError(
      `no such package is installed where ${fileURLToPath(importer)} looks for it; ` +
        (isBeside
          ? `the file beside that is ${JSON.stringify(`./${specifier}`)}`
          : "install it, if that is its name"),
    );
  }
}
