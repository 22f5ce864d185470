/**
 * The first module that is evaluated. It refuses a runtime that is too old for the others, which
 * use newer features, with an error that says so.
 *
 * @module
 */
import { LibraryError } from "./errors.ts";

/** Checks features that the oldest runtimes with an FFI have, and runtimes before them lack. */
function isNewEnough(): boolean {
  const { Iterator } = globalThis as { Iterator?: { from?: unknown } };
  return typeof Iterator?.from === "function" &&
    "detached" in ArrayBuffer.prototype &&
    "isWellFormed" in String.prototype;
}

/** The runtime's usual name, and its version. */
function runtimeName(): string {
  const { Deno, Bun, process } = globalThis as {
    Deno?: { version?: { deno?: string } };
    Bun?: { version?: string };
    process?: { versions?: { node?: string } };
  };
  if (Deno !== undefined) return `Deno ${Deno.version?.deno}`;
  if (Bun !== undefined) return `Bun ${Bun.version}`;
  const node = process?.versions?.node;
  return node === undefined ? "something else" : `Node.js ${node}`;
}

if (!isNewEnough()) {
  throw new LibraryError(
    "Deferred needs Deno 2.9, Bun 1.4 or Node.js 26.1 (to 26.8 with --experimental-ffi), or newer; " +
      `this is ${runtimeName()}`,
  );
}
