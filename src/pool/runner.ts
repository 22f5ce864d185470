/**
 * The runner that uses the library's threads: the inside of a pool. It compiles functions, submits
 * tasks, and owns the library's pool and its reactor.
 *
 * A submission is self-contained apart from its program; `SUBMISSION` in ffi/symbols.ts has its
 * layout.
 *
 * @module
 */
import {
  ANSWER,
  COMPILE,
  ERROR,
  ERROR_TEXT,
  HOST,
  LIMIT,
  MESSAGE,
  OPTION,
  REGION,
  SUBMISSION,
  WIRE_FRAME,
} from "../../ffi/symbols.ts";
import { loadNative } from "../../ffi/load.ts";
import type { Native } from "../../ffi/native.ts";
import {
  type AnyClass,
  type Classes,
  hiddenError,
  registerClasses,
  warnOfClass,
} from "../clone/classes.ts";
import {
  decode,
  type DecodedError,
  Encoder,
  OF_A_PRESET,
  OF_A_WORKER,
  OF_AN_ANSWER,
  type Refusal,
  takeErrors,
} from "../clone/clone.ts";
import {
  type DeferredError,
  DeferredMemoryError,
  DeferredResourceError,
  FreeVariableError,
  InternalError,
  PoolClosedError,
  rangeError,
  typeError,
  uncutError,
} from "../errors.ts";
import { list } from "../clone/own.ts";
import { type Pending, Reactor } from "./reactor.ts";
import { lend, transferSet } from "../clone/lending.ts";
import { checkWhether, optionHint, readOptions } from "../options.ts";
import {
  BOUNDS,
  bytesOf,
  checkLimits,
  checkWhole,
  LIMIT_NAMES,
  type Limits,
  limitsIn,
  most,
} from "../limits.ts";
import type { Answer, Runner } from "../runner.ts";
import { checkConsole, type TaskConsole } from "../console.ts";
import { checkProgress, type OnProgress } from "../progress.ts";
import { checkReport, type HostFunctions, type HostTable, readHost } from "../host.ts";
import { Errand } from "../errand.ts";
import { CLASSES_MS, classesFailure, preloadFailure } from "./outcome.ts";
import { describe, shorten } from "../function/describe.ts";
import {
  type CachedProgram,
  type CompileOptions,
  type CompileReply,
  encodeSource,
  ProgramCache,
  TOO_SLOW,
} from "../function/programs.ts";
import { isHelper, withHelpers } from "../function/helpers.ts";
import { type AnyFunction, expression, join, type Source } from "../function/source.ts";
import { checkModules, type FunctionModules, type ModuleList, readList } from "../packages/list.ts";
import { checkPreload, Preloaded, type Requests } from "../packages/preload.ts";
import type { Position } from "../function/positions.ts";
import { captureSite, setTaskStacks } from "../function/stack.ts";
import { fileOf } from "../modules.ts";
import type { Job } from "../call.ts";

/** Options of `new DeferredPool`. */
export interface PoolOptions<H extends HostFunctions = HostFunctions> extends Limits {
  /**
   * The maximum number of worker threads, 1 to 1024. Default: the environment variable
   * `DEFERRED_THREADS`, or else the number of processors (`navigator.hardwareConcurrency`).
   */
  readonly maxThreads?: number | undefined;
  /**
   * How many tasks may wait at once, for a timer or a function of the host: they have begun, and take
   * memory but no thread. No more than `maxThreads + maxWaiting` tasks have begun and not ended, so
   * that the pool's tasks never take more than `(maxThreads + maxWaiting) * memoryLimit` bytes;
   * further ones stay in the queue until one ends. A task that a function of the host submits to the
   * same pool, for a task that waits for it, begins all the same. From 0 to 1,000,000. Default:
   * 10,000.
   */
  readonly maxWaiting?: number | undefined;
  /**
   * Classes whose instances arrive as instances, in tasks and back, and which tasks find as globals
   * by their names. Their source crosses, so they can use only each other and what tasks have; a
   * class comes after the one it extends. Own enumerable properties are carried, and no constructor
   * runs; classes with private members are refused. Making the pool waits until the classes were
   * evaluated, for up to 5 s. Default: none, and instances arrive as plain objects.
   */
  readonly classes?: readonly AnyClass[] | undefined;
  /** Functions that all tasks of the pool may call; a task's own count more. Default: none. */
  readonly host?: H | undefined;
  /**
   * Whether code that is text may call functions of the host synchronously, those of
   * {@linkcode sync}: each such call keeps a thread of the pool until it is answered. Default:
   * `false`, and it is refused. Functions of your own may in any pool.
   */
  readonly syncCalls?: boolean | undefined;
  /** Where its tasks print, unless they say otherwise. Default: the host's console. */
  readonly console?: TaskConsole | false | undefined;
  /** Called with what each of its tasks reports, and the task. Default: nobody. */
  readonly onProgress?: OnProgress | undefined;
  /** Whether its tasks can report their progress. Default: with an `onProgress`. */
  readonly progress?: boolean | undefined;
  /**
   * What functions may import, by `import()`: packages, with all that they export, and files; a path
   * that ends with `/` is a folder with all that is in it. What these import in their turn is loaded
   * as well. They are found as the module finds them that makes the pool, and read here, with the
   * permissions that it has. Code that is text has a `loader` of its own, and none of these. Default:
   * none.
   *
   * @example
   * ```ts
   * import { DeferredPool } from "@protojs/deferred";
   *
   * await using pool = new DeferredPool({ modules: ["acorn"], base: import.meta.url });
   * const type = await pool.run(async (code: string) => {
   *   const { parseExpressionAt } = await import("acorn");
   *   return parseExpressionAt(code, 0, { ecmaVersion: 2025 }).type;
   * }, "1 + 1");
   * console.log(type); // BinaryExpression
   * ```
   */
  readonly modules?: readonly string[] | undefined;
  /**
   * Modules that every task has: packages and files, which functions may import as if they stood in
   * `modules`. They are loaded with all that they import, and evaluated once on each thread before its
   * first task; each task starts with them as they were then, for the price of a copy. What tasks
   * change in them is gone when the task ends. What they take does not count towards `memoryLimit`.
   * Making the pool waits until they were evaluated, for up to 5 s. Default: none.
   *
   * @example
   * ```ts
   * import { DeferredPool } from "@protojs/deferred";
   *
   * await using pool = new DeferredPool({ preload: ["acorn"], base: import.meta.url });
   * const type = await pool.run(async (code: string) => {
   *   const { parseExpressionAt } = await import("acorn");
   *   return parseExpressionAt(code, 0, { ecmaVersion: 2025 }).type;
   * }, "1 + 1");
   * console.log(type); // BinaryExpression
   * ```
   */
  readonly preload?: readonly string[] | undefined;
  /**
   * The URL, or path, of the module from which `modules` and `preload` are found: `import.meta.url`.
   * Default: the file that makes the pool, as the stack tells it.
   */
  readonly base?: string | URL | undefined;
  /**
   * Whether what its tasks run often is compiled to machine code, where that can be had; code that is
   * text never is. Default: true. With `DEFERRED_JIT=0` in the environment nothing is.
   */
  readonly jit?: boolean | undefined;
}

const KIB = 1024;
const MIB = 1024 * KIB;
/** A larger encoder is not kept for the next task. */
const KEPT_ENCODER = 16 * MIB;

const NATIVE_OPTION = {
  maxThreads: OPTION.MAX_THREADS,
  maxWaiting: OPTION.MAX_WAITING,
  memoryLimit: OPTION.MEMORY_LIMIT,
  maxStackSize: OPTION.MAX_STACK_SIZE,
} as const;

const POOL_ENTRY = { where: "new DeferredPool(", isPool: true };

const NO_VALUES: readonly unknown[] = [];

/** The names of a script's arguments in messages. */
const SCRIPT_PATHS = ["source", "scope", "filename"] as const;

const SUBMIT = "the task could not be submitted";
const MADE = "the modules to preload could not be made";
const ANSWERED = "the answer could not be sent to the task";

/**
 * Frees pools that were dropped without being closed, once their tasks are done. Only a backstop:
 * close pools with `close`.
 */
const dropped = new FinalizationRegistry<{ native: Native; pool: number; reactor: Reactor }>(
  async ({ native, pool, reactor }) => {
    await reactor.idle();
    reactor.close(undefined);
    native.symbols.dfd_pool_close(pool);
  },
);

export class ThreadRunner implements Runner {
  readonly maxThreads: number;
  readonly #limits: Limits;
  readonly #native: Native;
  readonly #pool: number;
  readonly #reactor: Reactor;
  readonly #programs: ProgramCache;
  readonly #classNames: readonly string[];
  readonly #presets: object[] = list();
  /* Of the errors in them; see `Encoder.stacks`. */
  #presetStacks: ReadonlyMap<string, string> | undefined;
  #presetNumbers: WeakMap<object, number> | undefined;
  readonly #newEncoder: (copies?: Refusal | null) => Encoder;
  #encoder: Encoder | undefined;
  #letters: Encoder | undefined;
  readonly host: HostTable | undefined;
  readonly syncCalls: boolean;
  readonly modules: FunctionModules | undefined;
  readonly preloaded: Preloaded | undefined;
  readonly console: TaskConsole | false | undefined;
  readonly onProgress: OnProgress | undefined;
  readonly progress: boolean | undefined;
  #reply = new Uint8Array(4 * KIB);
  #closing: Promise<void> | undefined;
  #closed = false;

  /** @param maker whoever makes it was called by whoever gave the options */
  constructor(given: PoolOptions, maker: AnyFunction | NewableFunction) {
    const options = checkPoolOptions(given);
    this.#limits = options;
    if (options.host !== undefined) {
      this.host = readHost(POOL_ENTRY, options.host);
    }
    const { preload = [] } = options;
    let list: ModuleList | undefined;
    if (options.modules !== undefined || preload.length > 0) {
      const entry = { ...POOL_ENTRY, function: maker };
      this.modules = list = readList(entry, [...options.modules ?? [], ...preload], options.base);
    }
    this.syncCalls = options.syncCalls === true;
    this.console = options.console;
    this.onProgress = options.onProgress;
    this.progress = options.progress ?? (options.onProgress === undefined ? undefined : true);
    checkReport(POOL_ENTRY, this.host, this.progress);
    this.#native = loadNative();
    this.maxThreads = options.maxThreads ?? defaultThreads(this.#native);
    const classes = options.classes?.length ? registerClasses(options.classes) : undefined;
    const debug = !["", "0"].includes(this.#native.env("DEFERRED_DEBUG") ?? "");
    this.#pool = this.#check(this.#native.symbols.dfd_pool_open(), "a pool could not be made");
    try {
      this.#configure(options);
      if (classes !== undefined) this.#preload(classes);
      if (preload.length > 0) this.preloaded = this.#load(list!, preload, maker);
      this.#reactor = new Reactor(
        this.#native,
        this.#pool,
        classes?.prototypes ?? [],
        this.#presets,
      );
    } catch (error) {
      this.#native.symbols.dfd_pool_close(this.#pool); // nobody else knows of it
      throw error;
    }
    const classNumber = (prototype: object): number | undefined => {
      const number = classes?.numbers.get(prototype);
      if (number === undefined && debug) warnOfClass(prototype);
      return number;
    };
    const { lends } = this.#native;
    this.#newEncoder = (copies = lends ? null : OF_A_WORKER) => {
      const encoder = new Encoder(copies, classes || debug ? classNumber : undefined);
      encoder.presets = this.#presetNumbers;
      return encoder;
    };
    this.#encoder = this.#newEncoder();
    this.#classNames = classes?.alone.map(({ name }) => name) ?? [];
    this.#programs = new ProgramCache({
      compile: (source, strict, asksGiven) => {
        const { outer } = source;
        const around = outer === undefined ? 0 : COMPILE.ENCLOSED + outer * COMPILE.OUTER_VALUE;
        const given = asksGiven === true ? COMPILE.GIVEN : 0;
        return this.#compile(source, (strict ? COMPILE.STRICT : 0) + given + around);
      },
      free: (program) => {
        if (!this.#closed) this.#native.symbols.dfd_program_free(this.#pool, program);
      },
      registered: (fn) => {
        const number = classes?.numbers.get(fn.prototype as object);
        return number === undefined ? undefined : classes!.alone[number]!.name;
      },
    });
    const held = { native: this.#native, pool: this.#pool, reactor: this.#reactor };
    dropped.register(this, held, this);
  }

  /** Whether no more tasks are taken. */
  get closed(): boolean {
    return this.#closing !== undefined || this.#closed;
  }

  /** Tasks that have not settled. */
  get pending(): number {
    return this.#reactor.size;
  }

  /** One of the library's counters (`CONTROL`). */
  counter(word: number): number {
    return this.#reactor.counter(word);
  }

  /**
   * What the system refused to a thread whose system calls are not limited; "" if nothing is known.
   */
  unhardened(): string {
    const { dfd_unhardened } = this.#native.symbols;
    return written((text) => dfd_unhardened(this.#pool, text, text.length));
  }

  /**
   * The program for `fn`, compiled once. Throws if `fn` can't run in a task; otherwise, on a closed
   * pool, that the pool is closed: a mistake in a function is reported whatever the state of its
   * pool.
   */
  compile(fn: AnyFunction, options: CompileOptions): CachedProgram {
    if (this.#takes()) return this.#programs.get(fn, options);
    // The library's pool is gone, or going, so another one reads the function.
    const { allowGlobals } = options;
    const known = allowGlobals === true || [...allowGlobals ?? [], ...this.#classNames];
    defaultRunner().compile(fn, { ...options, allowGlobals: known });
    throw closedError();
  }

  /** The limits of a task; see {@linkcode limitsIn}. */
  limits(own: Limits, where: string, base: Limits = this.#limits): Limits {
    return limitsIn(this.#limits, own, where, base);
  }

  /**
   * Submits a task and returns its handle. Throws a DataCloneError for a bad argument; otherwise
   * the buffers of `transfer` are detached. A text's arguments are what `evalJob` gives.
   */
  submit(job: Job, args: readonly unknown[], pending: Pending): number {
    this.#checkOpen();
    const { fn, limits } = job;
    const transfer = job.transfer === undefined ? undefined : transferSet(job.transfer);
    const outer = job.scope?.values ?? NO_VALUES;
    const count = args.length; // a getter may change it
    // A getter among the arguments may submit a task as well: the encoder is taken meanwhile.
    const encoder = this.#encoder ?? this.#newEncoder();
    this.#encoder = undefined;
    try {
      encoder.presets = this.#presetNumbers;
      // A text may be a stranger's: it is not told where the host's code lies.
      encoder.noStacks = job.program === null;
      encoder.begin(SUBMISSION.ARGS, this.#native.lends ? transfer : undefined);
      for (let i = 0; i < outer.length; i++) encoder.value(outer[i], job.scope!.paths[i]!);
      for (let i = 0; i < count; i++) {
        encoder.value(args[i], job.program === null ? SCRIPT_PATHS[i]! : `args[${i}]`);
      }
      this.#checkOpen(); // the getter may have closed the pool, too
      // It may have been evicted, by a getter or by tasks that were started since it was found.
      if (job.program?.evicted) job.program = this.#programs.get(fn as AnyFunction, job);
      const { program } = job;
      if (program !== null) program.used = true;
      const names = job.host?.names ?? (job.progress ? [] : undefined);
      let argc = outer.length + count;
      if (names !== undefined) {
        // What the host offers is the last parameter, though fewer arguments were passed.
        const place = outer.length + (program?.parameters ?? 0) - 1;
        for (; argc < place; argc++) encoder.value(undefined, "");
        encoder.value(names, "host");
        argc++;
      }
      const argsLength = encoder.length - SUBMISSION.ARGS;
      if (transfer !== undefined) this.#ready(); // while nothing is detached
      const lent = transfer === undefined && encoder.regions === undefined
        ? undefined
        : lend(this.#native, encoder, transfer);
      const { followZone } = this.#native;
      if (followZone !== undefined) this.#check(followZone(), SUBMIT);
      const id = this.#reactor.reserve();
      const header = encoder.header;
      header.setUint32(SUBMISSION.TASK, id, true);
      header.setFloat64(SUBMISSION.PROGRAM, program?.program ?? 0, true);
      header.setUint32(SUBMISSION.ARGC, argc, true);
      const offers = names === undefined ? 0 : HOST.OFFERS;
      const silent = job.console === false ? HOST.SILENT : 0;
      const reports = job.progress ? HOST.REPORTS : 0;
      const inner = Errand.isAwaitedIn(this) ? HOST.INNER : 0;
      // Of who does not import itself, nobody would answer what is imported on its behalf.
      const loader = job.text?.loader ?? (program?.imports === true ? job.modules : undefined);
      const loads = loader === undefined ? 0 : HOST.LOADS;
      const isOurs = this.preloaded !== undefined && job.modules === this.modules;
      const finds = isOurs ? HOST.NAMES : 0;
      header.setUint32(SUBMISSION.HOST, offers | silent | reports | inner | loads | finds, true);
      header.setUint32(SUBMISSION.MAX_STACK_SIZE, limits.maxStackSize ?? 0, true);
      header.setFloat64(SUBMISSION.MEMORY_LIMIT, limits.memoryLimit ?? 0, true);
      header.setFloat64(SUBMISSION.RESULT_LIMIT, limits.resultLimit ?? 0, true);
      header.setFloat64(SUBMISSION.TIMEOUT, most(limits.timeout), true);
      header.setFloat64(SUBMISSION.CPU_LIMIT, most(limits.cpuLimit), true);
      header.setFloat64(SUBMISSION.QUEUE_TIMEOUT, most(limits.queueTimeout), true);
      const calls = limits.hostCalls;
      header.setFloat64(SUBMISSION.CALLS, most(calls?.total), true);
      header.setFloat64(SUBMISSION.CALL_BYTES, most(calls?.bytes), true);
      header.setFloat64(SUBMISSION.CALLS_BYTES, most(calls?.totalBytes), true);
      const atOnce = Math.min(calls?.concurrent ?? 0, LIMIT.CALLS_MAX); // 0: the default
      header.setUint32(SUBMISSION.CALLS_AT_ONCE, atOnce, true);
      header.setFloat64(SUBMISSION.CONSOLE_LIMIT, most(limits.consoleLimit), true);
      header.setUint32(SUBMISSION.ARGS_LENGTH, argsLength, true);
      header.setUint32(SUBMISSION.REGIONS, lent?.length ?? 0, true);
      const handle = this.#check(
        this.#native.symbols.dfd_submit(this.#pool, encoder.bytes, encoder.length),
        SUBMIT,
      );
      pending.sent = this.#sent(encoder);
      this.#reactor.add(id, pending, lent);
      return handle;
    } finally {
      encoder.release(); // the arguments are the caller's again
      if (encoder.bytes.length <= KEPT_ENCODER) this.#encoder = encoder;
    }
  }

  heard(handle: number, bytes: number): void {
    if (!this.#closed) this.#native.symbols.dfd_heard(this.#pool, handle, bytes);
  }

  reported(handle: number, bytes: number): void {
    if (!this.#closed) this.#native.symbols.dfd_reported(this.#pool, handle, bytes);
  }

  post(pending: Pending, { number, type, room, value, transfer, root, noStacks }: Answer): void {
    if (this.#closed) return;
    const { id, handle } = pending;
    const moves = transfer === undefined ? undefined : transferSet(transfer, `${root} `);
    // A getter may have another answer sent: the encoder is away meanwhile.
    const encoder = this.#letters ?? this.#newEncoder(OF_AN_ANSWER);
    this.#letters = undefined;
    encoder.noStacks = noStacks;
    encoder.presets = undefined; // it may have begun before they were shared
    try {
      const { dfd_post, dfd_postable } = this.#native.symbols;
      encoder.begin(
        MESSAGE.VALUE,
        this.#native.lends ? moves : undefined,
        moves === undefined ? 0 : this.#reactor.lentTo(id),
      );
      if (type !== ANSWER.NONE) encoder.value(value, root);
      if (this.#closed) return;
      const length = encoder.length - MESSAGE.VALUE;
      let lent: readonly ArrayBufferLike[] | undefined;
      if (moves !== undefined) {
        const table = 8 + (encoder.regions?.length ?? 0) * REGION.SIZE;
        const refused = dfd_postable(this.#pool, handle, encoder.length + table);
        if (refused === ERROR.HANDLE) return;
        this.#checkPost(refused, root);
        lent = lend(this.#native, encoder, moves, `${root} `);
      }
      const header = encoder.header;
      header.setUint32(MESSAGE.LENGTH, length, true);
      header.setUint32(MESSAGE.REGIONS, lent?.length ?? 0, true);
      header.setUint32(MESSAGE.TYPE, type, true);
      header.setUint32(MESSAGE.NUMBER, number, true);
      header.setFloat64(MESSAGE.ROOM, room, true);
      const result = dfd_post(this.#pool, handle, encoder.bytes, encoder.length);
      if (result === ERROR.HANDLE) return; // of one that has ended nobody knows
      this.#checkPost(result, root);
      if (lent !== undefined && lent.length > 0) this.#reactor.lend(id, lent);
      this.#reactor.stir();
    } finally {
      encoder.release();
      if (encoder.bytes.length <= KEPT_ENCODER) this.#letters = encoder;
    }
  }

  #checkPost(result: number, root: string): void {
    if (result === ERROR.FULL) {
      throw new DeferredMemoryError(
        `${root} more than the task can take: what it has not read yet may be as large as its ` +
          "memoryLimit",
      );
    }
    this.#check(result, ANSWERED);
  }

  /** The stacks of the errors that a task is given. */
  #sent({ stacks }: Encoder): ReadonlyMap<string, string> | undefined {
    const shared = this.#presetStacks;
    if (shared === undefined || stacks === undefined) return stacks ?? shared;
    return new Map([...shared, ...stacks]);
  }

  /** Throws if the next task could not be submitted. */
  #ready(): void {
    this.#check(this.#native.symbols.dfd_ready(this.#pool), SUBMIT);
  }

  /** Puts a value into every realm. Throws a DataCloneError if it can't be cloned. */
  share(value: object): void {
    this.#checkOpen();
    if (this.#presetNumbers?.has(value)) return;
    const encoder = this.#newEncoder(OF_A_PRESET);
    encoder.begin(0);
    encoder.value(value, "share(value)");
    const number = this.#check(
      this.#native.symbols.dfd_share(this.#pool, encoder.bytes, encoder.length),
      "the value could not be shared",
    );
    this.#presets[number] = value;
    const { stacks } = encoder;
    if (stacks) this.#presetStacks = new Map([...this.#presetStacks ?? [], ...stacks]);
    this.#presetNumbers ??= new WeakMap();
    this.#presetNumbers.set(value, number);
  }

  /**
   * Ends a task, queued or running, as soon as it can be left. Its completion arrives like any
   * other.
   */
  cancel(handle: number): void {
    if (!this.#closed) this.#native.symbols.dfd_cancel(this.#pool, handle);
  }

  /**
   * Takes no new tasks, and ends when the pending ones are done: with those that functions of the
   * host start for these meanwhile, which could not end otherwise.
   */
  close(): Promise<void> {
    this.#closing ??= this.#reactor.idle().then(() => this.#end(undefined));
    return this.#closing;
  }

  /** Ends now; pending tasks reject with `reason`. */
  destroy(reason: unknown): void {
    this.#end(reason);
  }

  #end(reason: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    dropped.unregister(this);
    this.#reactor.close(reason);
    this.#native.symbols.dfd_pool_close(this.#pool);
  }

  /** Sets the options that the library knows. */
  #configure(options: PoolOptions): void {
    for (const name of Object.keys(NATIVE_OPTION) as (keyof typeof NATIVE_OPTION)[]) {
      const value = name === "maxThreads" ? this.maxThreads : options[name];
      if (value !== undefined) {
        this.#check(
          this.#native.symbols.dfd_pool_set(this.#pool, NATIVE_OPTION[name], value),
          `the pool's option ${name}`,
        );
      }
    }
    if (options.jit !== undefined) {
      this.#check(
        this.#native.symbols.dfd_pool_set(this.#pool, OPTION.JIT, options.jit ? 1 : 0),
        "the pool's option jit",
      );
    }
  }

  /** Makes the classes part of every realm. */
  #preload({ source, alone }: Classes): void {
    const bare = expression(source);
    let reply = this.#compile(bare, COMPILE.STRICT | COMPILE.PRELOAD);
    const helpers = "error" in reply ? [] : reply.free.filter((used) => isHelper(used, source));
    if (helpers.length > 0) {
      this.#native.symbols.dfd_program_free(this.#pool, reply.program);
      reply = this.#compile(withHelpers(bare, helpers), COMPILE.STRICT | COMPILE.PRELOAD);
    }
    if ("error" in reply) {
      throw new TypeError(
        `new DeferredPool({ classes }): the task's engine can't parse them: ${reply.error.message}`,
      );
    }
    if (reply.hidden !== undefined) this.#findHidden(alone);
    if (reply.free.length > 0) {
      throw new FreeVariableError(
        `new DeferredPool({ classes }): they use ${
          reply.free.map((name) => `\`${name}\``).join(", ")
        }, ` +
          "which no task has; a class can only use itself, the classes before it, and what tasks have",
        reply.free,
      );
    }
    const length = this.#fillReply(
      (room, size) =>
        this.#native.symbols.dfd_preload(this.#pool, reply.program, CLASSES_MS, room, size),
      "the classes could not be made",
    );
    if (length > 0) {
      const status = new DataView(this.#reply.buffer).getUint32(0, true);
      const payload = length > 8 ? decode(this.#reply.subarray(8, length)) : undefined;
      const error = classesFailure(status, payload, this.#limits);
      throw error instanceof Error ? uncutError(error) : error;
    }
  }

  /** Makes modules part of every realm. `maker`: see the constructor. */
  #load(
    list: ModuleList,
    specifiers: readonly string[],
    maker: AnyFunction | NewableFunction,
  ): Preloaded {
    const preloaded = new Preloaded(list, specifiers, (text, isTypeScript) => {
      const flags = COMPILE.PRELOAD | COMPILE.MODULE | (isTypeScript ? COMPILE.TYPESCRIPT : 0);
      return this.#requests(encodeSource(text), flags);
    });
    const { dfd_load, dfd_module } = this.#native.symbols;
    const encoder = new Encoder();
    for (const letter of preloaded.letters) {
      encoder.begin(0);
      encoder.value(letter, "");
      this.#check(dfd_module(this.#pool, encoder.bytes, encoder.length), MADE);
      encoder.release();
    }
    const length = this.#fillReply(
      (room, size) => dfd_load(this.#pool, CLASSES_MS, room, size),
      MADE,
    );
    if (length === 0) return preloaded;
    const head = new DataView(this.#reply.buffer);
    const [status, blamed] = [head.getUint32(0, true), head.getUint32(4, true)];
    const payload = length > 8 ? decode(this.#reply.subarray(8, length)) : undefined;
    const title = preloaded.titleOf(blamed);
    const error = preloadFailure(status, payload, title, this.#limits);
    const module = (number: number) => fileOf(preloaded, number);
    setTaskStacks(takeErrors(), { name: title, fn: "", module, site: captureSite(maker) }, error);
    throw error;
  }

  /** What a module asks for statically. */
  #requests(text: Uint8Array, flags: number): Requests {
    const { dfd_compile } = this.#native.symbols;
    let late = false;
    const length = this.#fillReply((room, size) => {
      const result = dfd_compile(this.#pool, text, text.length, flags, room, size);
      late = result === ERROR.SLOW;
      return late ? 0 : result;
    }, MADE);
    if (late) return { message: "it takes too long to read", place: undefined };
    const said = decode(this.#reply.subarray(8, length));
    if (said instanceof Error) {
      return { message: said.message, place: placeOf(takeErrors()[0]) };
    }
    const parts = said as [specifier: string, type: string, row: number, column: number];
    const requests = [];
    for (let i = 0; i < parts.length; i += 4) {
      const [specifier, type, line, column] = parts.slice(i, i + 4) as typeof parts;
      requests.push({ specifier, type, place: { line, column } });
    }
    return requests;
  }

  /** Throws for the first class that has a private member. */
  #findHidden(alone: Classes["alone"]): void {
    for (const [at, { name, source }] of alone.entries()) {
      const reply = this.#compile(expression(source), COMPILE.STRICT | COMPILE.PRELOAD);
      if ("error" in reply || reply.hidden === undefined) continue;
      throw hiddenError(at, name, reply.hidden);
    }
  }

  #compile(source: Source, flags: number): CompileReply {
    const bytes = encodeSource(join(source));
    if (source.isMember) flags |= COMPILE.MEMBER;
    let late = false;
    const length = this.#fillReply(
      (room, size) => {
        const { dfd_compile } = this.#native.symbols;
        const result = dfd_compile(this.#pool, bytes, bytes.length, flags, room, size);
        late = result === ERROR.SLOW;
        return late ? 0 : result;
      },
      "the function could not be compiled",
    );
    if (late) return TOO_SLOW;
    const head = new DataView(this.#reply.buffer);
    const program = head.getFloat64(0, true);
    const value = decode(this.#reply.subarray(8, length));
    if (program === 0) {
      const { name, message } = value as Error;
      return { program, error: { name, message, place: placeOf(takeErrors()[0]) } };
    }
    return { program, ...(value as Omit<Extract<CompileReply, { kind: string }>, "program">) };
  }

  /**
   * Calls a function that writes a reply, with more room as long as it asks for more. Returns its
   * result.
   */
  #fillReply(call: (room: Uint8Array, size: number) => number, what: string): number {
    for (;;) {
      const length = call(this.#reply, this.#reply.length);
      if (length !== ERROR.REPLY_SIZE || this.#reply.length >= 64 * MIB) {
        return this.#check(length, what);
      }
      this.#reply = new Uint8Array(this.#reply.length * 4);
    }
  }

  /** Whether it takes a task here: while it closes, from what one of its tasks waits for only. */
  #takes(): boolean {
    return !this.closed || (!this.#closed && Errand.isAwaitedIn(this));
  }

  #checkOpen(): void {
    if (!this.#takes()) throw closedError();
  }

  /** Returns a result of the library, or throws the error that it stands for. */
  #check(result: number, what: string): number {
    if (result < 0) throw libraryError(what, result, this.#limits, this.#reason());
    return result;
  }

  /** What the system refused to the last call, in its own words; "" if nothing. */
  #reason(): string {
    return written((text) => this.#native.symbols.dfd_reason(text, text.length));
  }
}

/** Where the engine found that a text can't be read. */
function placeOf(refused: DecodedError | undefined): Position | undefined {
  const frame = refused?.frames?.().find(({ kind }) => kind === WIRE_FRAME.TASK);
  return frame && { line: frame.row, column: frame.column };
}

/** The text that a function of the library writes; it returns the text's length. */
function written(write: (text: Uint8Array) => number): string {
  const text = new Uint8Array(128);
  const length = write(text);
  return new TextDecoder().decode(text.subarray(0, Math.max(length, 0)));
}

function closedError(): PoolClosedError {
  return new PoolClosedError("the pool is closed and takes no more tasks; make a new one");
}

/**
 * What to do when the library refuses a call for lack of something. Other errors are bugs of ours.
 */
const REMEDIES = new Map<number, string>([
  [ERROR.MEMORY, "raise its memory limit, or keep less in memory"],
  [ERROR.THREAD, "raise its limit (ulimit -u, a container's limit of pids), or use fewer threads"],
  [ERROR.SYSTEM, "see what the process has open, and its limits (ulimit -a)"],
  [ERROR.CLOCK, "cpuLimit can't be enforced here: set timeout instead"],
]);

/** The error for a call that the library refused; `reason` is what the system said. */
export function libraryError(
  what: string,
  error: number,
  limits: Limits,
  reason = "",
): DeferredError {
  const said = reason && REMEDIES.has(error) ? ` (${reason})` : "";
  const message = `${what}: ${ERROR_TEXT[error] ?? `error ${error}`}${said}`;
  const full = what === SUBMIT
    ? "a pool can have 1,048,575 tasks pending: await some of them before you start more"
    : "a process can have 4,095 pools: close those that are done, or let tasks share one";
  const remedy = error === ERROR.FULL ? full : REMEDIES.get(error);
  if (remedy !== undefined) return new DeferredResourceError(`${message}; ${remedy}`);
  if (error !== ERROR.REALM) return new InternalError(message);
  return new DeferredMemoryError(
    `${message} of ${bytesOf(limits, "memoryLimit")}; give the pool a larger one`,
  );
}

const POOL_NAMES: ReadonlySet<string> = new Set([
  "maxThreads",
  "maxWaiting",
  "classes",
  "host",
  "syncCalls",
  "console",
  "onProgress",
  "progress",
  "modules",
  "preload",
  "base",
  "jit",
  ...LIMIT_NAMES,
]);

/** A pool's options. Throws if they are wrong, as `new DeferredPool` does. */
function checkPoolOptions(given: PoolOptions): PoolOptions {
  if (typeof given !== "object" || given === null) {
    throw typeError(`new DeferredPool(options): options must be an object, got ${describe(given)}`);
  }
  const options: PoolOptions = readOptions(given, POOL_NAMES, (name) => {
    throw typeError(
      `new DeferredPool(options): there is no option \`${shorten(name, 60)}\`; ${
        optionHint(name, [...POOL_NAMES])
      }`,
    );
  });
  for (const name of ["maxThreads", "maxWaiting"] as const) {
    const value: unknown = options[name];
    if (value !== undefined) checkWhole(value, `new DeferredPool({ ${name} })`, BOUNDS[name]);
  }
  const classes: unknown = options.classes;
  if (classes !== undefined && !Array.isArray(classes)) {
    throw typeError(
      `new DeferredPool({ classes }): classes must be an array of classes, got ${
        describe(classes)
      }`,
    );
  }
  checkWhether("new DeferredPool(", "syncCalls", options.syncCalls);
  checkWhether("new DeferredPool(", "jit", options.jit);
  checkModules("new DeferredPool(", options.modules, options.base);
  checkPreload(options.preload);
  checkConsole("new DeferredPool(", options.console);
  checkProgress("new DeferredPool(", options.onProgress, options.progress);
  checkLimits(options, "new DeferredPool(");
  return options;
}

function defaultThreads(native: Native): number {
  const text = native.env("DEFERRED_THREADS");
  if (text !== undefined && text !== "") {
    const value = Number(text);
    const [low, high] = BOUNDS.maxThreads;
    if (!Number.isInteger(value) || value < low || value > high) {
      throw rangeError(
        `DEFERRED_THREADS must be a whole number from ${low} to ${high}, got the text ${
          JSON.stringify(text)
        }`,
      );
    }
    return value;
  }
  const processors = navigator.hardwareConcurrency;
  return Math.min(Math.max(processors || 1, 1), BOUNDS.maxThreads[1]);
}

let shared: ThreadRunner | undefined;

/** The runner of tasks that name no pool. It is made for the first of them and never closed. */
export function defaultRunner(): Runner {
  shared ??= new ThreadRunner({}, defaultRunner);
  return shared;
}
