/**
 * The library on Deno, by `Deno.dlopen`.
 *
 * @module
 */
import { LibraryError } from "../src/errors.ts";
import type { Dialect } from "./native.ts";
import { connectByNet } from "./waker.ts";

/* The parts of `Deno` that are used: its own types would clash with those of the other runtimes. */
interface DenoNamespace {
  build: { os: string; arch: string };
  env: { get(name: string): string | undefined };
  errors: { NotCapable: new () => Error; NotFound: new () => Error };
  permissions: { querySync(descriptor: object): { state: string } };
  dlopen(path: string, symbols: object): { symbols: ReturnType<Dialect["open"]> };
  statSync(path: string): unknown;
  UnsafePointer: {
    create(address: bigint): object | null;
    of(buffer: ArrayBufferLike): object | null;
    value(pointer: object | null): bigint | number;
  };
  UnsafePointerView: { getArrayBuffer(pointer: object, length: number): ArrayBuffer };
}

/* Rust's names of processors, as all others call them. */
const ARCH = new Map([["x86_64", "x64"], ["aarch64", "arm64"]]);

/** Deno's dialect; `undefined` on another runtime. */
export function denoDialect(): Dialect | undefined {
  const { Deno } = globalThis as unknown as { Deno?: DenoNamespace };
  if (typeof Deno?.dlopen !== "function") return undefined;

  const granted = (descriptor: object): boolean =>
    Deno.permissions.querySync(descriptor).state === "granted";
  return {
    runtime: "deno",
    os: Deno.build.os,
    arch: ARCH.get(Deno.build.arch) ?? Deno.build.arch,
    env: (name) => granted({ name: "env", variable: name }) ? Deno.env.get(name) : undefined,
    exists(path) {
      if (!granted({ name: "read", path })) return undefined;
      try {
        Deno.statSync(path);
        return true;
      } catch (error) {
        return error instanceof Deno.errors.NotFound ? false : undefined;
      }
    },
    open(path, table) {
      const symbols = Object.fromEntries(
        Object.entries(table).map((
          [name, { args, result }],
        ) => [name, { parameters: args, result }]),
      );
      try {
        const { symbols: opened } = Deno.dlopen(path, symbols);
        Deno.UnsafePointer.create(1n); // reading the library's memory needs the whole permission
        return opened;
      } catch (cause) {
        // Without the permission Deno asks the user, as for any other; here the answer was no.
        if (!(cause instanceof Deno.errors.NotCapable)) throw cause;
        throw new LibraryError(
          `Deno has no permission to load the native library "${path}": ` +
            "run it with --allow-ffi (the whole permission; that for a single file is not enough)",
          { cause },
        );
      }
    },
    view: (address, length) =>
      Deno.UnsafePointerView.getArrayBuffer(Deno.UnsafePointer.create(BigInt(address))!, length),
    address: (buffer) => Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer))),
    isMain: !("DedicatedWorkerGlobalScope" in globalThis),
    connect: connectByNet,
  };
}
