/**
 * The interface of the native library to the rest of the package: numbers, buffers and a waker.
 *
 * Runtimes differ in what a pointer is (an object in Deno, a number in Bun, a bigint in Node), in
 * how a library is opened and in how an event loop is woken. None of that leaves this folder: a
 * dialect (deno.ts, bun.ts, node.ts) translates, load.ts chooses one of them.
 *
 * @module
 */
import type { Symbols, SymbolType } from "./symbols.ts";

/** The library, loaded. There is one of these for each isolate. */
export interface Native {
  readonly runtime: Runtime;
  /** The library's functions. */
  readonly symbols: Symbols;
  /** See {@link Dialect.env}. */
  env(name: string): string | undefined;
  /**
   * Makes tasks' dates follow the runtime's time zone, if it changed; call it before each
   * submission. Returns 0, or one of `ERROR`. `undefined` where they follow by themselves.
   */
  readonly followZone: (() => number) | undefined;
  /**
   * A view of the library's own memory, not a copy. Collecting the buffer does not affect that
   * memory. Once the library frees the memory the buffer must not be used, so drop it before.
   *
   * @param address as the library gave it, not 0
   * @param length in bytes, not 0
   */
  view(address: number, length: number): ArrayBuffer;
  /** Where the bytes of a buffer are, which must not be empty. */
  address(buffer: ArrayBufferLike): number;
  /**
   * A buffer of memory that the library moved out of a task and frees in the end: the caller keeps
   * it (`dfd_keep`) as soon as the buffer exists. `undefined` where buffers can't have a
   * deallocator: there a buffer's memory may outlive it, unseen, by transfer, and must be copied.
   *
   * @param address where the bytes are
   * @param length in bytes, not 0
   * @param handle what frees them
   */
  readonly own: ((address: number, length: number, handle: number) => ArrayBuffer) | undefined;
  /**
   * Whether this isolate lasts as long as the process: only then may tasks use memory of its
   * buffers. A Worker's memory is gone as soon as it is terminated, whoever uses it.
   */
  readonly lends: boolean;
  /**
   * Makes the waker of a pool; once for each pool.
   *
   * @param wake called in the event loop, in a turn of its own, so that the microtasks it queues
   *   run right after it. It may also be called when there is nothing to see.
   */
  waker(pool: number, wake: () => void): Waker;
}

/** Wakes this isolate's event loop when a parked pool completes a task. */
export interface Waker {
  /**
   * The pool was parked (`dfd_park` returned 0): keeps the event loop alive, and `wake` will be
   * called after the next completion. Arming an armed waker changes nothing; it stays armed when
   * it wakes.
   */
  arm(): void;
  /** No task is pending: lets the event loop end. */
  disarm(): void;
  /** For good: `wake` is not called again. */
  close(): void;
}

export type Runtime = "deno" | "bun" | "node";

/** The functions to look up in a library, in the form of `SYMBOLS`. */
export type SymbolTable = Readonly<
  Record<string, { readonly args: readonly SymbolType[]; readonly result: SymbolType }>
>;

/** What differs from runtime to runtime. */
export interface Dialect {
  readonly runtime: Runtime;
  /** "linux", "darwin" (macOS) or "windows". */
  readonly os: string;
  /** "x64", "arm64" and so on. */
  readonly arch: string;
  /** An environment variable; `undefined` also if it may not be read without asking the user. */
  env(name: string): string | undefined;
  /** Whether there is a file; `undefined` if it may not be looked at without asking the user. */
  exists(path: string): boolean | undefined;
  /**
   * Opens a library and looks up its functions.
   *
   * @throws {LibraryError} if the runtime has no FFI or forbids it
   * @throws {Error} what the system said, if the file or one of the functions is missing
   */
  open(path: string, table: SymbolTable): Record<string, (...args: never[]) => unknown>;
  /** See {@link Native.view}. */
  view(address: number, length: number): ArrayBuffer;
  /** See {@link Native.address}. */
  address(buffer: ArrayBufferLike): number;
  /**
   * As {@link Dialect.view}; when the memory is no longer used, by whichever buffer has it then, the
   * C function at `deallocator` is called with its address and `handle`. `undefined` where there is
   * no such thing.
   */
  readonly own?: (
    address: number,
    length: number,
    handle: number,
    deallocator: number,
  ) => ArrayBuffer;
  /**
   * The runtime's time zone, as libc would name it, if it may have changed since the last call;
   * called before each submission. `undefined` where libc's zone is the runtime's.
   */
  readonly zone?: () => string | undefined;
  /** Whether this is the process's main thread, and not a Worker. */
  readonly isMain: boolean;
  /** See {@link Connect}. */
  readonly connect: Connect;
}

/**
 * Reads a socket in the event loop, without keeping the loop alive at first. The descriptor belongs
 * to the runtime from then on.
 *
 * @param fd a connected stream socket
 * @param wake called for each arrival of bytes, whatever they are
 * @param lost called when the socket ends or fails without having been closed here
 */
export type Connect = (fd: number, wake: () => void, lost: () => void) => Link;

/** A socket, or what stands in for it. */
export interface Link {
  /** Keeps the event loop alive. */
  ref(): void;
  /** Lets the event loop end. */
  unref(): void;
  close(): void;
}
