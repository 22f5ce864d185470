/**
 * The library on Bun, by `bun:ffi`.
 *
 * @module
 */
import type { Connect, Dialect } from "./native.ts";

/* The parts of Bun that are used: its own types would clash with those of the other runtimes. */
interface BunNamespace {
  isMainThread: boolean;
  connect(options: {
    fd: number;
    socket: {
      open(socket: BunSocket): void;
      data(): void;
      close(): void;
      error(socket: BunSocket, error: unknown): void;
    };
  }): Promise<BunSocket>;
}
interface BunSocket {
  ref(): void;
  unref(): void;
  terminate(): void;
}
interface BunFFI {
  dlopen(path: string, symbols: object): { symbols: ReturnType<Dialect["open"]> };
  toArrayBuffer(
    address: number,
    offset: number,
    length: number,
    deallocatorContext?: number,
    deallocator?: number,
  ): ArrayBuffer;
  ptr(buffer: ArrayBufferLike): number;
}

/** Bun's dialect; `undefined` on another runtime. */
export function bunDialect(): Dialect | undefined {
  const { Bun } = globalThis as unknown as { Bun?: BunNamespace };
  const ffi = Bun && process.getBuiltinModule("bun:ffi") as BunFFI | undefined;
  if (ffi === undefined) return undefined;

  return {
    runtime: "bun",
    os: process.platform === "win32" ? "windows" : process.platform,
    arch: process.arch,
    env: (name) => process.env[name],
    exists: (path) => process.getBuiltinModule("node:fs").existsSync(path),
    open(path, table) {
      const symbols = Object.fromEntries(
        Object.entries(table).map(([name, { args, result }]) => [name, { args, returns: result }]),
      );
      return ffi.dlopen(path, symbols).symbols;
    },
    view: (address, length) => ffi.toArrayBuffer(address, 0, length),
    address: (buffer) => ffi.ptr(buffer),
    zone: Bun!.isMainThread ? timeZone() : undefined,
    own: (address, length, handle, deallocator) =>
      ffi.toArrayBuffer(address, 0, length, handle, deallocator),
    isMain: Bun!.isMainThread,
    connect: connectBy(Bun!),
  };
}

/**
 * Bun keeps what is assigned to `process.env.TZ` to itself. Only the main thread's counts, and for
 * all threads. Comparing the variable costs some 20 ns, asking Bun for its zone, as it does not take
 * every name, 5 ms the first time: only `bun test` has a zone of its own though the variable is not
 * set.
 */
function timeZone(): () => string | undefined {
  const { env } = process;
  const { DateTimeFormat } = Intl;
  let last = env.NODE_ENV === "test" ? "" : undefined;
  return () => {
    const { TZ } = env;
    if (TZ === last) return undefined;
    last = TZ;
    return new DateTimeFormat().resolvedOptions().timeZone;
  };
}

/**
 * Bun's own socket: `node:net` takes twice as long to wake there. What is asked of it before it is
 * open counts from then on.
 */
export function connectBy(bun: Pick<BunNamespace, "connect">): Connect {
  return (fd, wake, lost) => {
    let socket: BunSocket | undefined;
    let wanted = false; // to keep the event loop alive
    let closed = false;
    bun.connect({
      fd,
      socket: {
        open(opened) {
          socket = opened; // mostly before connect() returns: the descriptor is connected already
          if (closed) opened.terminate();
          else if (!wanted) opened.unref();
        },
        data: wake,
        close: lost,
        error(_, error) {
          throw error; // what `wake` threw comes here
        },
      },
    }).catch(lost);
    return {
      ref() {
        wanted = true;
        socket?.ref();
      },
      unref() {
        wanted = false;
        socket?.unref();
      },
      close() {
        closed = true;
        socket?.terminate();
      },
    };
  };
}
