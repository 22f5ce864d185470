/**
 * The library on Node.js, by `node:ffi`, which Node 26.1 brought and 26.9 switched on.
 *
 * Node warns once that `node:ffi` is experimental; `--disable-warning=ExperimentalWarning` is the
 * user's way to silence it.
 *
 * @module
 */
import { LibraryError } from "../src/errors.ts";
import type { Dialect } from "./native.ts";
import { connectByNet } from "./waker.ts";

/* The parts of `node:ffi` that are used, for compilers whose @types/node is older than it. */
interface NodeFFI {
  dlopen(path: string, symbols: object): NodeLibrary;
  toArrayBuffer(address: bigint, length: number, copy: boolean): ArrayBuffer;
  getRawPointer(buffer: ArrayBufferLike): bigint;
}

interface NodeLibrary {
  functions: ReturnType<Dialect["open"]>;
}

/* Opened libraries: one that nobody holds may be closed under its functions. */
const opened: NodeLibrary[] = [];

/** Node's dialect. It answers on any Node; `open` throws on one that has no FFI. */
export function nodeDialect(): Dialect {
  let ffi: NodeFFI | undefined;
  return {
    runtime: "node",
    os: process.platform === "win32" ? "windows" : process.platform,
    arch: process.arch,
    env: (name) => process.env[name],
    exists(path) {
      try {
        const found = process.getBuiltinModule("node:fs").statSync(path, { throwIfNoEntry: false });
        return found !== undefined;
      } catch {
        return undefined; // the permission model forbids to look
      }
    },
    open(path, table) {
      ffi ??= requireFFI();
      const symbols = Object.fromEntries(
        Object.entries(table).map((
          [name, { args, result }],
        ) => [name, { arguments: args, return: result }]),
      );
      try {
        const library = ffi.dlopen(path, symbols);
        opened.push(library);
        return library.functions;
      } catch (cause) {
        if ((cause as { code?: unknown }).code !== "ERR_ACCESS_DENIED") throw cause;
        throw new LibraryError(
          `Node's permission model forbids loading the native library "${path}": ` +
            "run node with --allow-ffi besides --permission",
          { cause },
        );
      }
    },
    view: (address, length) => ffi!.toArrayBuffer(BigInt(address), length, false),
    address: (buffer) => Number(ffi!.getRawPointer(buffer)),
    isMain: process.getBuiltinModule?.("node:worker_threads")?.isMainThread === true,
    connect: connectByNet,
  };
}

function requireFFI(): NodeFFI {
  const ffi = process.getBuiltinModule?.("node:ffi") as unknown as NodeFFI | undefined;
  if (ffi !== undefined) return ffi;
  const version = process.versions.node;
  const [major, minor] = version.split(".").map(Number);
  if (major < 26 || (major === 26 && minor < 1)) {
    throw new LibraryError(
      "Deferred needs the module node:ffi of Node.js 26.1 (to 26.8 with --experimental-ffi), or " +
        `newer; this is Node.js ${version}`,
    );
  }
  throw new LibraryError(
    `this Node.js ${version} has no node:ffi: ` +
      (major === 26 && minor < 9
        ? "run it with --experimental-ffi (it is on by default from Node.js 26.9)"
        : "--no-experimental-ffi switched it off, or this build of Node.js is without it"),
  );
}
