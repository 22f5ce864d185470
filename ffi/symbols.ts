// GENERATED from csrc/deferred.h and csrc/wire.h by scripts/symbols.mjs. Do not edit: change
// the headers and run `npm run symbols`.

/** The ABI number that the library must answer: a hash of the headers it was built from. */
export const ABI = 0x3c9f17e9;

/** Bytes of the completion ring, which lies behind the control block. */
export const RING_BYTES = 65536;

/** What crosses the FFI: numbers, and buffers that are lent for the call. */
export type SymbolType = "i32" | "u32" | "f64" | "buffer" | "void";

/** The library's functions in a neutral form, which each runtime's dialect translates. */
export const SYMBOLS = {
  dfd_abi: { args: [], result: "u32" },
  dfd_pool_open: { args: [], result: "i32" },
  dfd_reason: { args: ["buffer", "u32"], result: "i32" },
  dfd_unhardened: { args: ["u32", "buffer", "u32"], result: "i32" },
  dfd_pool_set: { args: ["u32", "u32", "f64"], result: "i32" },
  dfd_pool_control: { args: ["u32"], result: "f64" },
  dfd_pool_close: { args: ["u32"], result: "i32" },
  dfd_compile: { args: ["u32", "buffer", "u32", "u32", "buffer", "u32"], result: "i32" },
  dfd_preload: { args: ["u32", "f64", "f64", "buffer", "u32"], result: "i32" },
  dfd_module: { args: ["u32", "buffer", "u32"], result: "i32" },
  dfd_load: { args: ["u32", "f64", "buffer", "u32"], result: "i32" },
  dfd_share: { args: ["u32", "buffer", "u32"], result: "i32" },
  dfd_program_free: { args: ["u32", "f64"], result: "i32" },
  dfd_ready: { args: ["u32"], result: "i32" },
  dfd_submit: { args: ["u32", "buffer", "u32"], result: "f64" },
  dfd_cancel: { args: ["u32", "f64"], result: "i32" },
  dfd_post: { args: ["u32", "f64", "buffer", "u32"], result: "i32" },
  dfd_postable: { args: ["u32", "f64", "u32"], result: "i32" },
  dfd_heard: { args: ["u32", "f64", "u32"], result: "i32" },
  dfd_reported: { args: ["u32", "f64", "u32"], result: "i32" },
  dfd_park: { args: ["u32"], result: "i32" },
  dfd_unpark: { args: ["u32"], result: "i32" },
  dfd_refill: { args: ["u32"], result: "i32" },
  dfd_release: { args: ["u32", "f64"], result: "i32" },
  dfd_keep: { args: ["u32", "f64"], result: "i32" },
  dfd_deallocator: { args: [], result: "f64" },
  dfd_time_zone: { args: ["buffer", "u32"], result: "i32" },
  dfd_stragglers: { args: [], result: "u32" },
  dfd_waker_fd: { args: ["u32"], result: "i32" },
} as const;

/** The same functions, as TypeScript calls them once the library is loaded. */
export interface Symbols {
  /** The ABI number: the hash of the headers that the library was built with. */
  dfd_abi(): number;
  /**
   * Makes a pool; no thread starts before something is compiled. Returns its handle, or an error:
   * DFD_E_FULL when there are 4,095 pools.
   */
  dfd_pool_open(): number;
  /**
   * Writes why the last call of this thread's failed that made a pool or its waker, compiled,
   * evaluated, shared, submitted, made ready or set the time zone: what the system refused to it,
   * "pthread_create: Resource temporarily unavailable", in ASCII. Returns its length, which is cut to
   * `capacity`, and 0 where nothing is known, or nothing failed. What was refused to a task's thread
   * is the payload of DFD_STATUS_RESOURCES, as a string, or nothing.
   */
  dfd_reason(reply: Uint8Array, capacity: number): number;
  /**
   * Writes what the system refused to the first of the pool's threads that may make any system call
   * (without DFD_HARDENING_SYSCALLS), as dfd_reason does: nothing where there are no such means.
   */
  dfd_unhardened(pool: number, reply: Uint8Array, capacity: number): number;
  /** Sets one DFD_OPTION_*. */
  dfd_pool_set(pool: number, option: number, value: number): number;
  /**
   * Address of the pool's control block, or 0. The mapping of DFD_CONTROL_RING * 4 + DFD_RING_BYTES
   * bytes stays valid until dfd_pool_close.
   */
  dfd_pool_control(pool: number): number;
  /**
   * Closes a pool: nothing new is taken, queued tasks are dropped, running ones are interrupted,
   * the threads end by themselves (the call does not wait for them). No completion is to be read
   * after it: the host settles what is still pending.
   */
  dfd_pool_close(pool: number): number;
  /**
   * Compiles an expression (UTF-8, `length` bytes) that evaluates to a function, as `flags`
   * (DFD_COMPILE_*) say. Its first line and its last are the host's own, what lies between them is
   * the function's text. Writes a reply and returns its length, or an error: DFD_E_REPLY_SIZE means
   * nothing was kept and the reply needs more than `capacity` bytes, DFD_E_SLOW that it takes longer
   * than DFD_OPTION_COMPILE_LIMIT. Blocks until then. The reply is
   *   f64 handle of the program, 0 when the source was refused; then a value in the wire format:
   *   compiled:  { free: [names used that no realm defines, but those probed with typeof],
   *                outer: ["this" | "new.target" | "super" | "#x" that it takes from around it],
   *                kind: "normal" | "async" | "generator" | "asyncGenerator",
   *                at: of a member, its number in what is around it,
   *                given: with GIVEN, [name, global, name, global, ...] of its object literals,
   *                hidden: "#x", if a class that stands in the function has private members }
   *   refused:   the error that the engine threw (a SyntaxError, mostly)
   *   a MODULE:  [specifier, type, row, column, specifier, ...] with the import attribute `type`, or
   * ""
   */
  dfd_compile(
    pool: number,
    source: Uint8Array,
    length: number,
    flags: number,
    reply: Uint8Array,
    capacity: number,
  ): number;
  /**
   * Makes a program, compiled with DFD_COMPILE_PRELOAD, part of every realm of the pool: it is called
   * once in each, before its first task, and returns the prototypes of the classes whose instances
   * cross as such. For a pool that has none yet, before anything else is compiled. Blocks until it
   * was evaluated in one realm, by a thread of the pool's, or for `limit` ms, which is the limit in
   * each realm. Returns 0, an error, or the length of the reply: u32 DFD_STATUS_*, u32 0, and if it
   * threw (THROWN, UNCLONEABLE) the payload that a task's completion would have.
   */
  dfd_preload(
    pool: number,
    program: number,
    limit: number,
    reply: Uint8Array,
    capacity: number,
  ): number;
  /**
   * Adds a module to those that dfd_load makes part of every realm: in the wire format, as an answer
   * to an IMPORT has it, and behind its links the names by which programs find it, an array. It may
   * link to modules that are still to come. After the classes, before anything else is compiled.
   * Returns its number, counted from 1, or an error.
   */
  dfd_module(pool: number, module: Uint8Array, length: number): number;
  /**
   * Makes the modules that were added part of every realm of the pool: those with names are
   * evaluated, in their order, with all that they link to, once in each realm. As dfd_preload, which
   * it may follow, but with six times as long on the threads of workers; of the reply the second word
   * is the number of the module that is to blame. What they take counts towards no task's limit.
   */
  dfd_load(pool: number, limit: number, reply: Uint8Array, capacity: number): number;
  /**
   * Puts a value, in the wire format, into every realm of the pool for good: tasks that are submitted
   * from now on may refer to it (PRESET). Returns its number, counted from 0, or an error.
   */
  dfd_share(pool: number, value: Uint8Array, length: number): number;
  /** Drops the host's hold on a program; tasks that use it keep theirs. */
  dfd_program_free(pool: number, program: number): number;
  /**
   * Sees to it that the next dfd_submit can fail for want of memory only: that there is a worker, and
   * a handle. 0, or what it would have failed with. For a host that is about to detach buffers.
   */
  dfd_ready(pool: number): number;
  /**
   * Queues a task (DFD_SUBMISSION_*). Returns its handle (over 0), or an error, after which no
   * completion comes: DFD_E_FULL when 2^20 - 1 are pending, DFD_E_CLOCK for a CPU limit that can't be
   * kept to.
   */
  dfd_submit(pool: number, submission: Uint8Array, length: number): number;
  /**
   * Cancels a task by the handle that dfd_submit gave: its completion (DFD_STATUS_CANCELLED, unless
   * it ended before) comes as any other. 1 if the task was queued or running, 0 if not.
   */
  dfd_cancel(pool: number, task: number): number;
  /**
   * Sends a message (DFD_MESSAGE_*) to a task, which is woken if it waits. 0; or an error, after
   * which it was not sent: DFD_E_HANDLE if the task has ended, DFD_E_FULL if it would have more
   * unread than its memory limit.
   */
  dfd_post(pool: number, task: number, message: Uint8Array, length: number): number;
  /**
   * Whether a message of that length could be sent to a task, but for want of memory: 0, or what
   * dfd_post would fail with. For a host that is about to detach buffers.
   */
  dfd_postable(pool: number, task: number, length: number): number;
  /**
   * Says that the host has read so many bytes of a task's LINE events: it may print as many more. 0,
   * or DFD_E_HANDLE if the task has ended.
   */
  dfd_heard(pool: number, task: number, bytes: number): number;
  /**
   * Says that the host has read so many bytes of a task's PROGRESS events. When it has read all, the
   * latest report comes, if one had to wait. 0, or an error: DFD_E_HANDLE if the task has ended,
   * DFD_E_MEMORY if that report can't be told yet.
   */
  dfd_reported(pool: number, task: number, bytes: number): number;
  /**
   * Asks for a wake-up at the next completion. Returns 1 when completions are there already, in
   * which case none is asked for; else 0.
   */
  dfd_park(pool: number): number;
  /** Takes the wish for a wake-up back. */
  dfd_unpark(pool: number): number;
  /** Moves completions that found the ring full into it; returns how many still wait. */
  dfd_refill(pool: number): number;
  /**
   * Frees memory that a completion came with, by its handle: a payload that lay outside the ring, or
   * a buffer of a result that was moved. 0, or an error. What a host has when it closes the pool is
   * freed with it, as soon as its running tasks have ended; what it kept is not.
   */
  dfd_release(pool: number, handle: number): number;
  /**
   * Says that a buffer of the runtime's has the memory from now on, and frees it by
   * dfd_deallocator, be that after the pool was closed. To be called when there is that buffer. 0, or
   * an error.
   */
  dfd_keep(pool: number, handle: number): number;
  /**
   * Address of a C function void(void *bytes, void *handle), for hosts whose ArrayBuffers can have a
   * deallocator: frees what was kept. Any thread.
   */
  dfd_deallocator(): number;
  /**
   * Changes the process's time zone (`name` is NUL-terminated, `length` bytes with its NUL), and with
   * it that of all tasks: for a host whose dates follow a variable that libc does not see. By one
   * thread of the process only, which has had a pool. Returns 0, or an error.
   */
  dfd_time_zone(name: Uint8Array, length: number): number;
  /** How many tasks of closed pools have still to end: memory that was lent to them is in use. */
  dfd_stragglers(): number;
  /**
   * How the host is woken: makes a socket pair and returns the host's end, which gets a byte for each
   * time the host parked and a completion came. The host owns and closes it. Once for a pool; it is
   * safe even when the host's event loop ends without a word: the library then writes to a socket
   * that nobody reads.
   */
  dfd_waker_fd(pool: number): number;
}

/** How a task ended: the status word of its completion record. */
export const STATUS = {
  /** the task returned; the payload is its result */
  OK: 0,
  /** the task threw; the payload is what it threw */
  THROWN: 1,
  /** what it returned or threw can't be cloned; [message, path, threw] */
  UNCLONEABLE: 2,
  /** the task's promise can never settle: nothing is left that could do it */
  UNSETTLED: 3,
  /** the task needed more memory than its limit */
  MEMORY: 4,
  /** the task's native stack overflowed */
  STACK: 5,
  /** the task ran longer than its timeout */
  TIMEOUT: 6,
  /** the task used more CPU time than its cpuLimit */
  CPU: 7,
  /** the task waited in the queue longer than its queueTimeout */
  QUEUE_TIMEOUT: 8,
  /** the task was cancelled, queued or running */
  CANCELLED: 9,
  /** the library failed */
  INTERNAL: 10,
  /** the pool's classes or modules could not be evaluated within their time */
  PRELOAD: 11,
  /** the system refused the memory or the signals that running the task takes */
  RESOURCES: 12,
  /** what the task returned or threw is larger than its resultLimit */
  RESULT: 13,
} as const;

/** What each of {@link STATUS} means, by its value. */
export const STATUS_TEXT: Readonly<Record<number, string>> = {
  0: "the task returned; the payload is its result",
  1: "the task threw; the payload is what it threw",
  2: "what it returned or threw can't be cloned; [message, path, threw]",
  3: "the task's promise can never settle: nothing is left that could do it",
  4: "the task needed more memory than its limit",
  5: "the task's native stack overflowed",
  6: "the task ran longer than its timeout",
  7: "the task used more CPU time than its cpuLimit",
  8: "the task waited in the queue longer than its queueTimeout",
  9: "the task was cancelled, queued or running",
  10: "the library failed",
  11: "the pool's classes or modules could not be evaluated within their time",
  12: "the system refused the memory or the signals that running the task takes",
  13: "what the task returned or threw is larger than its resultLimit",
};

/** Why a call was refused: what the function returns. */
export const ERROR = {
  /** the handle is invalid (closed, stale, or of another pool or thread) */
  HANDLE: -1,
  /** the process has no memory left */
  MEMORY: -2,
  /** the system refuses to start another thread */
  THREAD: -3,
  /** an argument is malformed */
  INVALID: -4,
  /** the reply buffer is too small */
  REPLY_SIZE: -5,
  /** there is no room for another one */
  FULL: -6,
  /** the operating system refused a resource */
  SYSTEM: -7,
  /** it needs more memory than the pool's memoryLimit */
  REALM: -8,
  /** the system does not report the CPU time of a thread */
  CLOCK: -9,
  /** it takes too long */
  SLOW: -10,
} as const;

/** What each of {@link ERROR} means, by its value. */
export const ERROR_TEXT: Readonly<Record<number, string>> = {
  [-1]: "the handle is invalid (closed, stale, or of another pool or thread)",
  [-2]: "the process has no memory left",
  [-3]: "the system refuses to start another thread",
  [-4]: "an argument is malformed",
  [-5]: "the reply buffer is too small",
  [-6]: "there is no room for another one",
  [-7]: "the operating system refused a resource",
  [-8]: "it needs more memory than the pool's memoryLimit",
  [-9]: "the system does not report the CPU time of a thread",
  [-10]: "it takes too long",
};

/** Options of a pool, set with dfd_pool_set before its first task. */
export const OPTION = {
  /** worker threads at the most; the default is 1 */
  MAX_THREADS: 0,
  /** bytes a task's realm may use unless its submission says otherwise */
  MEMORY_LIMIT: 1,
  /** bytes of native stack a task may use unless its submission says so */
  MAX_STACK_SIZE: 2,
  /** ms that compiling a function may take; the default is 5,000 */
  COMPILE_LIMIT: 3,
  /** tasks that may wait, having begun, beside those that run */
  MAX_WAITING: 4,
  /** 1: what tasks run often is compiled, where that can be had; 0: never */
  JIT: 5,
} as const;

/** Bounds and defaults of what options and submissions say. */
export const LIMIT = {
  /** worker threads of a pool */
  THREADS_MAX: 1024,
  /** tasks of a pool that wait, having begun */
  WAITING_MAX: 1000000,
  /** unless a pool says otherwise */
  WAITING_DEFAULT: 10000,
  /** bytes of a task's realm, at the least */
  MEMORY_MIN: 1048576,
  /** at the most: what offsets of 32 bits, with a sign, reach */
  MEMORY_MAX: 2147483648,
  /** unless a pool says otherwise */
  MEMORY_DEFAULT: 268435456,
  /** bytes of a task's native stack, at the least */
  STACK_MIN: 65536,
  /** at the most */
  STACK_MAX: 268435456,
  /** unless a pool says otherwise */
  STACK_DEFAULT: 4194304,
  /** that compiling a function may take */
  COMPILE_MS_DEFAULT: 5000,
  /** bytes of a buffer in a task: the engine's limit */
  BUFFER_MAX: 2147483647,
  /** calls of a task, at the most */
  CALLS_MAX: 4294967295,
  /** calls of a task without an answer, unless its submission says */
  CALLS_AT_ONCE_DEFAULT: 1000,
  /** bytes of calls that the host has not read, but for the last; and of lines */
  UNREAD_MAX: 262144,
} as const;

/**
 * Words (32-bit) of a pool's control block, which the host maps with the ring behind it. Each
 * group has a cache line of its own. Who writes: W a worker, H the host by plain or atomic store,
 * C the library inside a host's call.
 */
export const CONTROL = {
  /** W, release: bytes ever written to the ring, modulo 2^32 */
  TAIL: 0,
  /** W: completions that wait outside the full ring; dfd_refill moves them in */
  OVERFLOW: 1,
  /** H, release: bytes ever read from the ring, modulo 2^32 */
  HEAD: 16,
  /** C and W: 1 while the host asked to be woken */
  PARKED: 32,
  /** C and W: worker threads alive */
  THREADS: 48,
  /** W: tasks being run */
  RUNNING: 49,
  /** C and W: tasks waiting */
  QUEUED: 50,
  /** C and W: tasks that have begun, and wait for their time or their host */
  WAITING: 52,
  /** W: DFD_HARDENING_*, what is in force for every worker so far */
  HARDENING: 51,
  /** C: 1 if what tasks run often is compiled to machine code */
  JIT: 53,
  /** where the ring begins, as an index of 32-bit words from the control block */
  RING: 64,
} as const;

/** How a program is compiled: bits. */
export const COMPILE = {
  /** as strict code */
  STRICT: 1,
  /** for dfd_preload or dfd_load: no worker may start yet */
  PRELOAD: 2,
  /** the source evaluates to a function that has ours as a member of an object in it */
  MEMBER: 4,
  /** it evaluates to a function that gives ours; what it is called with is below */
  ENCLOSED: 8,
  /** the reply tells which globals the function gives by which names */
  GIVEN: 16,
  /** the source is a module: nothing is kept, and the reply lists what it asks for */
  MODULE: 32,
  /** with MODULE: its types are blanked out first */
  TYPESCRIPT: 64,
  /** times how many outer values ENCLOSED is called with */
  OUTER_VALUE: 256,
} as const;

/** What protects the process from its tasks, where the platform has the means: bits. */
export const HARDENING = {
  /** a task is ended by a signal, wherever it is */
  SIGNAL: 1,
  /** workers may only make the few system calls that they need */
  SYSCALLS: 2,
} as const;

/**
 * What a record is of. A task's events come in the order in which they happened, before its end.
 */
export const KIND = {
  /** the task's end: there is one for each, and nothing of the task comes after it */
  END: 0,
  /** something in a task that goes on: STATUS, RUN_MS and WAIT_MS say nothing */
  EVENT: 1,
  /** as END, of a task of which some ran as compiled code */
  COMPILED: 2,
} as const;

/**
 * A completion record in the ring. Its start and size are multiples of 8; it never wraps: a
 * record with task 0xffffffff and nothing but a size fills the rest of the ring.
 */
export const RECORD = {
  /** u32: bytes of the record, header included */
  SIZE: 0,
  /** u32: the submission's task id; 0xffffffff is padding */
  TASK: 4,
  /** u32: DFD_STATUS_* */
  STATUS: 8,
  /** u32: the worker that ran it, counted from 1; 0 if none did */
  WORKER: 12,
  /** f64: milliseconds from start to end */
  RUN_MS: 16,
  /** f64: milliseconds from submission to start */
  WAIT_MS: 24,
  /** u32: bytes of the payload, a value in the wire format */
  LENGTH: 32,
  /** u32: 1 when the payload lies elsewhere: f64 address, f64 handle */
  EXTERNAL: 36,
  /** u32: buffers that come with it; their table is behind it, at a multiple of 8 */
  MOVED: 40,
  /** u32: DFD_KIND_* */
  KIND: 44,
  /** the payload */
  PAYLOAD: 48,
} as const;

/**
 * An event's payload: this head, then a value in the wire format. Only a CALL moves buffers, which
 * come with it as those of a result do. What a line is says realm/console.js.
 */
export const EVENT = {
  /** u32: DFD_EVENT_TYPE_* */
  TYPE: 0,
  /** u32: of the call, which its answer is to name; may be used again after that */
  NUMBER: 4,
  /** u32, of FREED instead: the region's number */
  REGION: 4,
  /** u32: which of the host's functions is called, as the submission lists them */
  FUNCTION: 8,
  /** u32, of LINE instead: lines for which there was no room, since the last one */
  DROPPED: 4,
  /** u32, of LINE instead: 1 if that was because of CONSOLE_LIMIT */
  OVER: 8,
  /** the arguments, an array; of LINE a line, or nothing; of PROGRESS what is reported */
  VALUE: 16,
} as const;

/**  */
export const EVENT_TYPE = {
  /** a function of the host is called */
  CALL: 1,
  /** the task prints by its console */
  LINE: 2,
  /** the task reports how far it is: later ones take its place while it waits */
  PROGRESS: 3,
  /** the task wants a module: answered as a call is */
  IMPORT: 4,
  /** the task uses a region that it was lent no more */
  FREED: 5,
} as const;

/** What a task has of its host. */
export const HOST = {
  /** functions, which the last argument lists */
  OFFERS: 1,
  /** no console: what the task prints is not sent */
  SILENT: 2,
  /** with OFFERS: also `report`, by which the task tells of its progress */
  REPORTS: 4,
  /** a task of the pool that waits for it: a function that it called submits this one */
  INNER: 8,
  /** modules, which it is asked for by DFD_EVENT_TYPE_IMPORT */
  LOADS: 16,
  /** the names of the pool's modules, by which the program finds them unasked */
  NAMES: 32,
} as const;

/** What a text is. */
export const FORM = {
  /** a script; or a module, if it has what only a module may have */
  EITHER: 0,
  /** a script */
  SCRIPT: 1,
  /** a module */
  MODULE: 2,
} as const;

/** In what it is written. */
export const LANGUAGE = {
  /** JavaScript */
  JAVASCRIPT: 0,
  /** TypeScript, whose types are blanked out */
  TYPESCRIPT: 1,
  /** JSON: a module whose default export is the value */
  JSON: 2,
  /** any text, which is the default export */
  TEXT: 3,
  /** a CommonJS module: a function of its five variables is the default export */
  COMMONJS: 4,
} as const;

/**
 * A message to a task that goes on (dfd_post): this head, then a value in the wire format, then at
 * a multiple of 8 the regions of memory that the host lends to the task with it. They are numbered
 * on from those that it was lent before, whatever becomes of them. The memory must stay as it is
 * until the task says that it is FREED, or as long as that of a submission.
 */
export const MESSAGE = {
  /** u32: DFD_ANSWER_* */
  TYPE: 0,
  /** u32: of the call that it answers; else 0 */
  NUMBER: 4,
  /** f64: bytes of the task's events that the host has read since it last said so */
  ROOM: 8,
  /** u32: bytes of the value, if there are regions */
  LENGTH: 16,
  /** u32: how many regions */
  REGIONS: 20,
  /** what the host's function returned or threw */
  VALUE: 24,
} as const;

/**  */
export const ANSWER = {
  /** it answers nothing, and has no value: there is room */
  NONE: 0,
  /** the function returned the value, or its promise was fulfilled with it */
  RETURNED: 1,
  /** it threw the value, or its promise was rejected with it */
  THREW: 2,
} as const;

/**
 * A buffer of a result that was moved, not copied: an entry of the table behind a payload. The
 * memory is for the host to give back by dfd_release, or to make a buffer of (dfd_keep).
 */
export const MOVED = {
  /** f64: its handle */
  HANDLE: 0,
  /** f64: where its bytes are */
  ADDRESS: 8,
  /** f64: how many */
  LENGTH: 16,
  /** bytes of an entry */
  SIZE: 24,
} as const;

/**
 * A submission: this header, then the arguments, one value after the other in the wire format, then
 * at a multiple of 8 the regions of memory that the host lends to the task. It is self-contained
 * but for the program and the regions. 0 means the pool's default or no limit.
 *
 * A submission without a program has three arguments: a text, which is compiled in the task, under
 * its limits; an object, whose own properties it finds as globals; and [file, url, form, language]
 * (DFD_FORM_*, DFD_LANGUAGE_*), or undefined. `file` is its name in stacks, as a module's is, or
 * undefined, and `url` its import.meta.url. A script may await and return at its top level; a
 * module gives its default export, or else an object with what it exports.
 *
 * If the host offers functions, one more argument lists them: an array of names, and of arrays of
 * which the first is the name of a group and the others those of functions in it. `true` before a
 * function's name says that the task waits for its answer in place of being given a promise, and
 * keeps its thread meanwhile. A program finds
 * an object with them in the place of that argument, a script finds them as globals. They are
 * numbered in their order, from 0. With DFD_HOST_REPORTS `report` stands there, too, of which the
 * list says nothing; it may be empty then.
 *
 * A region's memory must stay as it is until the task says that it is FREED, or its completion was
 * read or, when the pool is closed before that, until dfd_stragglers is 0.
 */
export const SUBMISSION = {
  /** u32: the host's id for it, 0 to 0xfffffffe */
  TASK: 0,
  /** u32: how many arguments follow */
  ARGC: 4,
  /** f64: handle of a program of the same pool; 0 runs a script (below) */
  PROGRAM: 8,
  /** f64: bytes of the realm */
  MEMORY_LIMIT: 16,
  /** f64: milliseconds from the start of running */
  TIMEOUT: 24,
  /** f64: milliseconds of CPU time of the thread */
  CPU_LIMIT: 32,
  /** f64: milliseconds in the queue */
  QUEUE_TIMEOUT: 40,
  /** u32: bytes of native stack */
  MAX_STACK_SIZE: 48,
  /** u32: bytes of the arguments */
  ARGS_LENGTH: 52,
  /** u32: how many regions */
  REGIONS: 56,
  /** u32: DFD_HOST_*, bits */
  HOST: 60,
  /** f64: bytes of the result, encoded, with the buffers that it moves out */
  RESULT_LIMIT: 64,
  /** f64: calls of the host's functions */
  CALLS: 72,
  /** f64: bytes of the arguments of one of them */
  CALL_BYTES: 80,
  /** f64: of all of them */
  CALLS_BYTES: 88,
  /** f64: bytes of what it prints */
  CONSOLE_LIMIT: 96,
  /** u32: calls that the host has not answered; others wait in the task */
  CALLS_AT_ONCE: 104,
  /** the arguments */
  ARGS: 112,
} as const;

/** A region: memory of the host's for LENT and SHARED buffers among the arguments. */
export const REGION = {
  /** f64: a multiple of 8 */
  ADDRESS: 0,
  /** f64: bytes, up to 2^31 - 1 */
  LENGTH: 8,
  /** bytes of a region */
  SIZE: 16,
} as const;

/**
 * Sizes that decide how a value is written. To move a buffer out takes longer than to copy it: the
 * pages must be made anew for the next task, and on the host (512 KB take 250 us when moved and 70
 * when copied, 4 MB 1.8 and 0.5 ms; on JavaScriptCore 0.5 ms both). What is copied is there twice,
 * so the sum of the copies is bounded: a result of more is moved, and as quick as in copies.
 */
export const WIRE_LIMIT = {
  /** the most keys of an object that is written by shape */
  SHAPE_KEYS: 64,
  /** the least bytes of a buffer that is lent when it is transferred */
  MOVE_BYTES: 65536,
  /** the least bytes of a buffer that may leave a task by moving */
  KEEP_BYTES: 524288,
  /** the most bytes of such buffers that leave it in copies */
  COPY_BYTES: 4194304,
} as const;

/** The tag bytes of the wire format. */
export const WIRE = {
  UNDEFINED: 0x00,
  NULL: 0x01,
  FALSE: 0x02,
  TRUE: 0x03,
  HOLE: 0x04,
  INT: 0x05,
  DOUBLE: 0x06,
  BIGINT: 0x07,
  STRING8: 0x08,
  STRING16: 0x09,
  ARRAY: 0x10,
  ARRAY_INT: 0x11,
  ARRAY_F64: 0x12,
  ARRAY_PROPS: 0x13,
  OBJECT: 0x18,
  OBJECT_SHAPE: 0x19,
  OBJECT_PAIRS: 0x1a,
  END: 0x1b,
  INSTANCE: 0x1c,
  DATE: 0x20,
  REGEXP: 0x21,
  BOOLEAN_OBJECT: 0x22,
  NUMBER_OBJECT: 0x23,
  BIGINT_OBJECT: 0x24,
  STRING_OBJECT: 0x25,
  MAP: 0x28,
  SET: 0x29,
  BUFFER: 0x30,
  BUFFER_RESIZABLE: 0x31,
  VIEW: 0x32,
  LENT: 0x33,
  SHARED: 0x34,
  MOVED: 0x35,
  PRESET: 0x36,
  ERROR: 0x38,
  REFERENCE: 0x40,
  SMALL_INT: 0x80,
} as const;

/** The kinds of a VIEW, by the name of the class. */
export const WIRE_VIEW = {
  DataView: 0,
  Int8Array: 1,
  Uint8Array: 2,
  Uint8ClampedArray: 3,
  Int16Array: 4,
  Uint16Array: 5,
  Int32Array: 6,
  Uint32Array: 7,
  BigInt64Array: 8,
  BigUint64Array: 9,
  Float16Array: 10,
  Float32Array: 11,
  Float64Array: 12,
} as const;

/** The classes of an ERROR, by name. */
export const WIRE_ERROR = {
  Error: 0,
  EvalError: 1,
  RangeError: 2,
  ReferenceError: 3,
  SyntaxError: 4,
  TypeError: 5,
  URIError: 6,
  AggregateError: 7,
  DOMException: 8,
} as const;

/** Presence flags of an ERROR, and the order of what follows, but for FRAMES. */
export const WIRE_ERROR_HAS = {
  NAME: 1,
  MESSAGE: 2,
  STACK: 4,
  CAUSE: 8,
  ERRORS: 16,
  PROPS: 32,
  FRAMES: 64,
} as const;

/**
 * The kinds of a frame: in the task's function or text, native, in code that the task made of text,
 * in a module.
 */
export const WIRE_FRAME = {
  TASK: 0,
  NATIVE: 1,
  EVAL: 2,
  MODULE: 3,
} as const;
