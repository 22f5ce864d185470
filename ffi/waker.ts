/**
 * The waker: a socket pair from the library's workers to the event loop.
 *
 *   worker --(one byte, if the pool is parked)--> socket pair --> the runtime's own reader --> wake
 *
 * All three runtimes are woken in this one way. Their other means are hardly faster, and less safe.
 * Here the descriptor belongs to the runtime, which stops reading it when the isolate ends, and a
 * worker that writes to a socket that nobody reads does no harm.
 *
 * Deno keeps a descriptor that it has adopted open when its Worker is terminated (10 Workers that
 * adopt one end of a socket pair each, without this package, leave 10 behind; Bun and Node none). It
 * can't be closed from here: by then its number may be somebody else's. A pool that is closed before
 * leaves none.
 *
 * Designs that were dropped for what they do when a host's Worker is terminated while it waits:
 *   - Deno's `UnsafeCallback.threadSafe`, Bun's thread-safe `JSCallback`: the library calls into an
 *     isolate that is gone. A segmentation fault.
 *   - Node's `uv_async_send`: the handle is left open in the Worker's loop. An abort.
 *   - Deno's nonblocking call of a function that waits: its thread is left behind, for good.
 *
 * @module
 */
import type { Connect, Link, Waker } from "./native.ts";
import { clearInterval, outside, setImmediate, setInterval } from "../src/pool/event_loop.ts";
import type { Symbols } from "./symbols.ts";

/** How often to look when there is no socket, in ms. */
const FALLBACK_MS = 10;

export class SocketWaker implements Waker {
  readonly #symbols: Symbols;
  readonly #pool: number;
  readonly #wake: () => void;
  readonly #connect: Connect;
  /* Made when first needed: a pool whose tasks are all short never parks. */
  #link: Link | undefined;
  #armed = false;
  #closed = false;

  constructor(symbols: Symbols, pool: number, wake: () => void, connect: Connect) {
    this.#symbols = symbols;
    this.#pool = pool;
    this.#wake = () => {
      if (!this.#closed) wake();
    };
    this.#connect = connect;
  }

  arm(): void {
    if (this.#armed || this.#closed) return;
    this.#link ??= this.#open();
    this.#link.ref();
    this.#armed = true;
  }

  disarm(): void {
    if (!this.#armed) return;
    this.#armed = false;
    this.#link!.unref();
    if (this.#link instanceof Ticker) this.#link = undefined; // try for a socket the next time
  }

  close(): void {
    this.#closed = true;
    this.#armed = false;
    this.#link?.close();
    this.#link = undefined;
  }

  #open(): Link {
    const fd = this.#symbols.dfd_waker_fd(this.#pool);
    if (fd < 0) return new Ticker(this.#wake); // out of descriptors, or no such thing here
    let link: Link | undefined = undefined;
    try {
      const connect = (fd: number): Link =>
        this.#connect(fd, this.#wake, () => link && this.#lost(link));
      link = outside(connect, fd);
    } catch {
      return new Ticker(this.#wake);
    }
    // The wake-up that was asked for may have been due before there was a socket for it.
    if (this.#symbols.dfd_park(this.#pool) !== 0) outside(setImmediate, this.#wake);
    return link;
  }

  /** Something closed our socket behind our back. Tasks must not hang because of it. */
  #lost(link: Link): void {
    if (this.#link !== link) return;
    this.#link = new Ticker(this.#wake);
    if (this.#armed) this.#link.ref();
  }
}

/** Instead of a socket: looks every now and then, while anything is pending. */
class Ticker implements Link {
  readonly #wake: () => void;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(wake: () => void) {
    this.#wake = wake;
  }

  ref(): void {
    this.#timer ??= outside((wake) => setInterval(wake, FALLBACK_MS), this.#wake);
  }

  unref(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  close(): void {
    this.unref();
  }
}

/**
 * Deno's is loaded with us: it runs in the program's realm, where what the program puts on
 * `Object.prototype` later would keep it from loading, and end the process by a rejection that
 * nobody can handle.
 */
const net = "Deno" in globalThis ? process.getBuiltinModule("node:net") : undefined;

/** {@link Connect} by `node:net`, which Deno and Node have. */
export const connectByNet: Connect = (fd, wake, lost) => {
  const { Socket } = net ?? process.getBuiltinModule("node:net");
  const socket = new Socket({
    fd,
    readable: true,
    writable: false,
    onread: {
      buffer: new Uint8Array(64), // one for all reads, and no stream machinery
      callback: () => {
        wake();
        return true;
      },
    },
  });
  socket.on("error", () => {}); // "close" follows
  socket.on("close", lost);
  socket.unref();
  socket.resume();
  return {
    ref: () => void socket.ref(),
    unref: () => void socket.unref(),
    close: () => void socket.destroy(),
  };
};
