/**
 * Finds the native library, opens it in the runtime's dialect and checks that the two fit.
 *
 * The library is the file that DEFERRED_LIBRARY names, or else the one that the build left in
 * build/release. Its ABI number must be the one the table of symbols was generated with. Nothing
 * is opened before the first call of `loadNative`, so that importing the package asks for no
 * permission and can't fail.
 *
 * @module
 */
import { LibraryError, LibraryNotFoundError } from "../src/errors.ts";
import { bunDialect } from "./bun.ts";
import { denoDialect } from "./deno.ts";
import type { Dialect, Native } from "./native.ts";
import { nodeDialect } from "./node.ts";
import { ABI, SYMBOLS, type Symbols } from "./symbols.ts";
import { SocketWaker } from "./waker.ts";

const VARIABLE = "DEFERRED_LIBRARY";

let native: Native | undefined;

/**
 * The native library, loaded by the first call.
 *
 * @throws {LibraryNotFoundError} if there is no such file
 * @throws {LibraryError} if it can't be loaded: the runtime forbids it or has no FFI, or the file
 *   is damaged, for another platform or of another version
 */
export function loadNative(): Native {
  return native ??= load(dialect());
}

function dialect(): Dialect {
  return denoDialect() ?? bunDialect() ?? nodeDialect();
}

/**
 * The path of a file that the build left beside the native library.
 *
 * @throws {LibraryNotFoundError} if it isn't known where that is
 */
export function besideLibrary(name: string): string {
  const { path } = locate(dialect());
  return path.slice(0, Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1) + name;
}

/** Where the library is expected. */
interface Place {
  readonly dialect: Dialect;
  readonly path: string;
  /** What to do if it is missing or doesn't fit. */
  readonly remedy: string;
}

function load(dialect: Dialect): Native {
  const symbols = open(locate(dialect));
  const { own, zone } = dialect;
  return {
    runtime: dialect.runtime,
    symbols,
    env: dialect.env,
    followZone: zone && (() => {
      const name = zone();
      if (name === undefined) return 0;
      const bytes = new TextEncoder().encode(`${name}\0`);
      return symbols.dfd_time_zone(bytes, bytes.length);
    }),
    view: dialect.view,
    address: dialect.address,
    own: own &&
      ((address, length, handle) => own(address, length, handle, symbols.dfd_deallocator())),
    lends: dialect.isMain,
    waker: (pool, wake) => new SocketWaker(symbols, pool, wake, dialect.connect),
  };
}

/** The package's folder, from this file; `undefined` in a bundle, which may lie anywhere. */
function packageFolder(): URL | undefined {
  const here = import.meta.url ?? ""; // in CommonJS
  if (here.endsWith("/ffi/load.ts")) return new URL("../", here);
  return here.endsWith("/build/js/ffi/load.js") ? new URL("../../../", here) : undefined;
}

function locate(dialect: Dialect): Place {
  const { os, runtime } = dialect;
  const build = runtime === "deno" ? "deno task build" : "npm run build";
  const named = dialect.env(VARIABLE);
  if (named) {
    const path = /[/\\]/.test(named) ? named : `./${named}`; // a file, not a name to search for
    const remedy = `Build it with \`${build}\`, or correct ${VARIABLE}, which names this file.`;
    return { dialect, path, remedy };
  }
  const suffix = os === "windows" ? "dll" : os === "darwin" ? "dylib" : "so";
  const otherwise = `set ${VARIABLE} to its path` +
    (runtime === "deno" ? " (with --allow-env)" : "");
  const root = packageFolder();
  if (root === undefined) {
    throw new LibraryNotFoundError(
      `a bundle can't tell where the native library is (${
        import.meta.url ?? "CommonJS"
      }): ${otherwise}`,
    );
  }
  const url = new URL(`build/release/libdeferred.${suffix}`, root);
  if (url.protocol !== "file:") {
    throw new LibraryNotFoundError(
      `the native library can only be loaded from a file, not from ${url}: ${otherwise}`,
    );
  }
  const remedy = `Build it with \`${build}\` in ${pathOf(root, os)}, or ${otherwise}.`;
  return { dialect, path: pathOf(url, os), remedy };
}

function pathOf(url: URL, os: string): string {
  const path = decodeURIComponent(url.pathname);
  return os === "windows" ? path.slice(1) : path; // "/C:/..."
}

function open(place: Place): Symbols {
  let symbols: Symbols;
  const look = (): Symbols => place.dialect.open(place.path, SYMBOLS) as unknown as Symbols;
  try {
    try {
      symbols = look();
    } catch {
      symbols = look(); // Node warns of FFI the first time, and can't if Error.prototype is frozen
    }
  } catch (cause) {
    throw cause instanceof LibraryError ? cause : explain(place, cause);
  }
  const abi = symbols.dfd_abi();
  if (abi !== ABI) throw stale(place, abi);
  return symbols;
}

/** Why the library could not be opened, for somebody who has to repair it. */
function explain(place: Place, cause: unknown): LibraryError {
  const { dialect, path, remedy } = place;
  const platform = `${dialect.os} on ${dialect.arch}`;
  const exists = dialect.exists(path);
  // Without permission to look, the system's message is all there is. It says the same about a library
  // for another processor.
  if (exists === false || (exists === undefined && /no such file|not found/i.test(String(cause)))) {
    const guess = exists === undefined ? `, or not for ${platform}` : "";
    return new LibraryNotFoundError(
      `the native library is missing${guess}; looked for:\n  ${path}\n${remedy}`,
      { cause },
    );
  }
  if (/too many open files|cannot allocate memory/i.test(String(cause))) {
    return new LibraryError(
      `the native library can't be loaded: the process may have no more files or ` +
        `memory; raise its limits (ulimit -a), or keep less open:\n  ${path}`,
      { cause },
    );
  }
  let abi: number;
  try {
    // A library of another version may lack some of the functions, but not this one.
    abi = (dialect.open(path, { dfd_abi: SYMBOLS.dfd_abi }) as unknown as Symbols).dfd_abi();
  } catch {
    return new LibraryError(
      `the native library can't be loaded: it is damaged, or another library, or not for ${platform}:\n` +
        `  ${path}\n${remedy}`,
      { cause },
    );
  }
  return stale(place, abi);
}

function stale({ path, remedy }: Place, abi: number): LibraryError {
  return new LibraryError(
    `the native library is of another version (ABI ${hex(abi)}, this one needs ${hex(ABI)}):\n` +
      `  ${path}\n${remedy}`,
  );
}

function hex(abi: number): string {
  return `0x${abi.toString(16).padStart(8, "0")}`;
}
