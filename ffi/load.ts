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
  return native ??= load(denoDialect() ?? bunDialect() ?? nodeDialect());
}

/** Where a library is expected, and what to do about it. */
interface Place {
  readonly dialect: Dialect;
  readonly path: string;
  /** Advice for a library that is missing or doesn't fit. */
  readonly remedy: string;
}

function load(dialect: Dialect): Native {
  const symbols = open(locate(dialect));
  return {
    runtime: dialect.runtime,
    symbols,
    view: dialect.view,
    waker: (pool, wake) => new SocketWaker(symbols, pool, wake, dialect.connect),
  };
}

function locate(dialect: Dialect): Place {
  const build = dialect.runtime === "deno" ? "deno task build" : "npm run build";
  const named = dialect.env(VARIABLE);
  if (named) {
    const remedy = `build it with \`${build}\`, or correct ${VARIABLE}, which names this file`;
    return { dialect, path: named, remedy };
  }
  const { os } = dialect;
  const suffix = os === "windows" ? "dll" : os === "darwin" ? "dylib" : "so";
  const root = new URL("../", import.meta.url);
  const url = new URL(`build/release/libdeferred.${suffix}`, root);
  if (url.protocol !== "file:") {
    throw new LibraryNotFoundError(
      `the native library can't be loaded from "${url}", only from a file of this machine: ` +
        `let ${VARIABLE} name it`,
    );
  }
  const remedy = `build it with \`${build}\` in "${pathOf(root, os)}"`;
  return { dialect, path: pathOf(url, os), remedy };
}

function pathOf(url: URL, os: string): string {
  const path = decodeURIComponent(url.pathname);
  return os === "windows" ? path.slice(1) : path; // "/C:/..."
}

function open(place: Place): Symbols {
  let symbols: Symbols;
  try {
    symbols = place.dialect.open(place.path, SYMBOLS) as unknown as Symbols;
  } catch (cause) {
    throw cause instanceof LibraryError ? cause : explain(place, cause);
  }
  const abi = symbols.dfd_abi();
  if (abi !== ABI) throw stale(place, abi);
  return symbols;
}

/** Why the library could not be opened, in the words of somebody who has to repair it. */
function explain({ dialect, path, remedy }: Place, cause: unknown): Error {
  const said = cause instanceof Error ? cause.message : String(cause);
  const exists = dialect.exists(path) ?? !/no such file|cannot find|not found/i.test(said);
  if (!exists) {
    return new LibraryNotFoundError(
      `the native library is missing. Looked for:\n  ${path}\nTo get it, ${remedy}`,
      { cause },
    );
  }
  // An older library may lack some of the functions, but not this one.
  let abi: unknown;
  try {
    abi = dialect.open(path, { dfd_abi: SYMBOLS.dfd_abi }).dfd_abi();
  } catch {
    return new LibraryError(
      `"${path}" can't be loaded as the native library: it is damaged, something else, or not ` +
        `for ${dialect.os} on ${dialect.arch} (${said}). To get it anew, ${remedy}`,
      { cause },
    );
  }
  return stale({ dialect, path, remedy }, abi as number, cause);
}

function stale({ path, remedy }: Place, abi: number, cause?: unknown): Error {
  return new LibraryError(
    `the native library "${path}" is of another version: its ABI is ${hex(abi)}, needed is ` +
      `${hex(ABI)}. To get the right one, ${remedy}`,
    { cause },
  );
}

function hex(abi: number): string {
  return `0x${abi.toString(16).padStart(8, "0")}`;
}
