/* deferred.h - the whole interface of the library, and the only header that a host reads.
 *
 * A host language calls these functions through its FFI. The table of symbols, statuses and control
 * words that TypeScript uses is generated from this file (scripts/symbols.mjs): nothing is written
 * twice. The ABI number is a hash of this file and wire.h without their comments, so a library that
 * was built from others is recognised when it is loaded.
 *
 * Rules that hold for every function:
 *   - Arguments are only int32_t, uint32_t, double and byte buffers. A byte buffer travels with
 *     its length and is read or written only during the call; the library never keeps it.
 *   - An address is passed as a double (user-space addresses fit into 53 bits).
 *   - A handle is a whole number above 0: a pool's is a uint32_t; those of its programs, tasks and
 *     memory are doubles that only that pool knows. No handle is used again for something else. A
 *     stale or forged one is answered with DFD_E_HANDLE, never with a crash.
 *   - A negative result is one of DFD_ERROR_MAP. No function waits, except dfd_preload and
 * dfd_load; dfd_compile takes time in proportion to the source.
 *   - Only the thread that opened a pool, whose event loop it serves, calls its functions; for all
 *     others its handle is invalid. The pool is closed with that thread at the latest. Different
 *     pools are independent of each other.
 *   - A process that was forked from one with pools has none, and can open none (DFD_E_SYSTEM),
 *     because it has none of their threads. Their handles are invalid there. Memory that the
 *     library gave away stays as it is.
 *
 * How a task flows: dfd_compile turns source into a program; dfd_submit queues a submission
 * (a program or a script, its arguments, its limits); a worker runs it in a pristine realm and
 * writes one completion record into the pool's ring, which the host reads as plain memory.
 */
#ifndef DEFERRED_H
#define DEFERRED_H

#include <stdint.h>

#if defined(__GNUC__)
#define DFD_API __attribute__((visibility("default")))
#else
#define DFD_API
#endif

/* How a task ended: the status word of its completion record. */
#define DFD_STATUS_MAP(X)                                                                          \
    X(OK, 0, "the task returned; the payload is its result")                                       \
    X(THROWN, 1, "the task threw; the payload is what it threw")                                   \
    X(UNCLONEABLE, 2, "what it returned or threw can't be cloned; [message, path, threw]")         \
    X(UNSETTLED, 3, "the task's promise can never settle: nothing is left that could do it")       \
    X(MEMORY, 4, "the task needed more memory than its limit")                                     \
    X(STACK, 5, "the task's native stack overflowed")                                              \
    X(TIMEOUT, 6, "the task ran longer than its timeout")                                          \
    X(CPU, 7, "the task used more CPU time than its cpuLimit")                                     \
    X(QUEUE_TIMEOUT, 8, "the task waited in the queue longer than its queueTimeout")               \
    X(CANCELLED, 9, "the task was cancelled, queued or running")                                   \
    X(INTERNAL, 10, "the library failed")                                                          \
    X(PRELOAD, 11, "the pool's classes or modules could not be evaluated within their time")       \
    X(RESOURCES, 12, "the system refused the memory or the signals that running the task takes")   \
    X(RESULT, 13, "what the task returned or threw is larger than its resultLimit")

/* Why a call was refused: what the function returns. */
#define DFD_ERROR_MAP(X)                                                                           \
    X(HANDLE, -1, "the handle is invalid (closed, stale, or of another pool or thread)")           \
    X(MEMORY, -2, "the process has no memory left")                                                \
    X(THREAD, -3, "the system refuses to start another thread")                                    \
    X(INVALID, -4, "an argument is malformed")                                                     \
    X(REPLY_SIZE, -5, "the reply buffer is too small")                                             \
    X(FULL, -6, "there is no room for another one")                                                \
    X(SYSTEM, -7, "the operating system refused a resource")                                       \
    X(REALM, -8, "it needs more memory than the pool's memoryLimit")                               \
    X(CLOCK, -9, "the system does not report the CPU time of a thread")                            \
    X(SLOW, -10, "it takes too long")

/* Options of a pool, set with dfd_pool_set before its first task. */
#define DFD_OPTION_MAP(X)                                                                          \
    X(MAX_THREADS, 0, "worker threads at the most; the default is 1")                              \
    X(MEMORY_LIMIT, 1, "bytes a task's realm may use unless its submission says otherwise")        \
    X(MAX_STACK_SIZE, 2, "bytes of native stack a task may use unless its submission says so")     \
    X(COMPILE_LIMIT, 3, "ms that compiling a function may take; the default is 5,000")             \
    X(MAX_WAITING, 4, "tasks that may wait, having begun, beside those that run")                  \
    X(JIT, 5, "1: what tasks run often is compiled, where that can be had; 0: never")

/* Bounds and defaults of what options and submissions say. */
#define DFD_LIMIT_MAP(X)                                                                           \
    X(THREADS_MAX, 1024, "worker threads of a pool")                                               \
    X(WAITING_MAX, 1000000, "tasks of a pool that wait, having begun")                             \
    X(WAITING_DEFAULT, 10000, "unless a pool says otherwise")                                      \
    X(MEMORY_MIN, 1048576, "bytes of a task's realm, at the least")                                \
    X(MEMORY_MAX, 2147483648, "at the most: what offsets of 32 bits, with a sign, reach")          \
    X(MEMORY_DEFAULT, 268435456, "unless a pool says otherwise")                                   \
    X(STACK_MIN, 65536, "bytes of a task's native stack, at the least")                            \
    X(STACK_MAX, 268435456, "at the most")                                                         \
    X(STACK_DEFAULT, 4194304, "unless a pool says otherwise")                                      \
    X(COMPILE_MS_DEFAULT, 5000, "that compiling a function may take")                              \
    X(BUFFER_MAX, 2147483647, "bytes of a buffer in a task: the engine's limit")                   \
    X(CALLS_MAX, 4294967295, "calls of a task, at the most")                                       \
    X(CALLS_AT_ONCE_DEFAULT, 1000,                                                                 \
      "calls of a task without an answer, unless its submission says")                             \
    X(UNREAD_MAX, 262144,                                                                          \
      "bytes of calls that the host has not read, but for the last; and of lines")

/* How a program is compiled: bits. */
#define DFD_COMPILE_MAP(X)                                                                         \
    X(STRICT, 1, "as strict code")                                                                 \
    X(PRELOAD, 2, "for dfd_preload or dfd_load: no worker may start yet")                          \
    X(MEMBER, 4,                                                                                   \
      "the source evaluates to a function that has ours as a member of an object in it")           \
    X(ENCLOSED, 8, "it evaluates to a function that gives ours; what it is called with is below")  \
    X(GIVEN, 16, "the reply tells which globals the function gives by which names")                \
    X(MODULE, 32, "the source is a module: nothing is kept, and the reply lists what it asks for") \
    X(TYPESCRIPT, 64, "with MODULE: its types are blanked out first")                              \
    X(OUTER_VALUE, 256, "times how many outer values ENCLOSED is called with")

/* The function of an ENCLOSED program is called in each task, first of all. It is passed a function
 * `take(around, at)`, which takes a member out of the function that it stands in (`at` is what the
 * reply to that member's own source says), and then the outer values: the first arguments of the
 * task, which ours is not called with. */

/* Words (32-bit) of a pool's control block, which the host maps with the ring behind it. Each
 * group has a cache line of its own. Who writes: W a worker, H the host by plain or atomic store,
 * C the library inside a host's call. */
#define DFD_CONTROL_MAP(X)                                                                         \
    X(TAIL, 0, "W, release: bytes ever written to the ring, modulo 2^32")                          \
    X(OVERFLOW, 1, "W: completions that wait outside the full ring; dfd_refill moves them in")     \
    X(HEAD, 16, "H, release: bytes ever read from the ring, modulo 2^32")                          \
    X(PARKED, 32, "C and W: 1 while the host asked to be woken")                                   \
    X(THREADS, 48, "C and W: worker threads alive")                                                \
    X(RUNNING, 49, "W: tasks being run")                                                           \
    X(QUEUED, 50, "C and W: tasks waiting")                                                        \
    X(WAITING, 52, "C and W: tasks that have begun, and wait for their time or their host")        \
    X(HARDENING, 51, "W: DFD_HARDENING_*, what is in force for every worker so far")               \
    X(JIT, 53, "C: 1 if what tasks run often is compiled to machine code")                         \
    X(RING, 64, "where the ring begins, as an index of 32-bit words from the control block")

#define DFD_RING_BYTES 65536

/* What protects the process from its tasks, where the platform has the means: bits. */
#define DFD_HARDENING_MAP(X)                                                                       \
    X(SIGNAL, 1, "a task is ended by a signal, wherever it is")                                    \
    X(SYSCALLS, 2, "workers may only make the few system calls that they need")

/* What a record is of. A task's events come in the order in which they happened, before its end. */
#define DFD_KIND_MAP(X)                                                                            \
    X(END, 0, "the task's end: there is one for each, and nothing of the task comes after it")     \
    X(EVENT, 1, "something in a task that goes on: STATUS, RUN_MS and WAIT_MS say nothing")        \
    X(COMPILED, 2, "as END, of a task of which some ran as compiled code")

/* A completion record in the ring. Its start and size are multiples of 8; it never wraps: a
 * record with task 0xffffffff and nothing but a size fills the rest of the ring. */
#define DFD_RECORD_MAP(X)                                                                          \
    X(SIZE, 0, "u32: bytes of the record, header included")                                        \
    X(TASK, 4, "u32: the submission's task id; 0xffffffff is padding")                             \
    X(STATUS, 8, "u32: DFD_STATUS_*")                                                              \
    X(WORKER, 12, "u32: the worker that ran it, counted from 1; 0 if none did")                    \
    X(RUN_MS, 16, "f64: milliseconds from start to end")                                           \
    X(WAIT_MS, 24, "f64: milliseconds from submission to start")                                   \
    X(LENGTH, 32, "u32: bytes of the payload, a value in the wire format")                         \
    X(EXTERNAL, 36, "u32: 1 when the payload lies elsewhere: f64 address, f64 handle")             \
    X(MOVED, 40, "u32: buffers that come with it; their table is behind it, at a multiple of 8")   \
    X(KIND, 44, "u32: DFD_KIND_*")                                                                 \
    X(PAYLOAD, 48, "the payload")

/* An event's payload: this head, then a value in the wire format. Only a CALL moves buffers, which
 * come with it as those of a result do. What a line is says realm/console.js. */
#define DFD_EVENT_MAP(X)                                                                           \
    X(TYPE, 0, "u32: DFD_EVENT_TYPE_*")                                                            \
    X(NUMBER, 4, "u32: of the call, which its answer is to name; may be used again after that")    \
    X(REGION, 4, "u32, of FREED instead: the region's number")                                     \
    X(FUNCTION, 8, "u32: which of the host's functions is called, as the submission lists them")   \
    X(DROPPED, 4, "u32, of LINE instead: lines for which there was no room, since the last one")   \
    X(OVER, 8, "u32, of LINE instead: 1 if that was because of CONSOLE_LIMIT")                     \
    X(VALUE, 16,                                                                                   \
      "the arguments, an array; of LINE a line, or nothing; of PROGRESS what is reported")

/* An IMPORT's arguments are [the number of the file that imports, the specifier, its import
 * attributes (undefined, or an object of strings), row, column (0: unknown)]. It is answered as a
 * call is, by what says which module that is: its number, from 1, if the task has it; else a list
 * of modules that the task does not have, of which the first is the one. Each of them is [number,
 * file, url, language, text, links]. `file` is its name in stacks, and no other's: it has no
 * brackets, and no control characters. `links` say what the module asks for, as far as that is
 * known beforehand: [specifier, type, number, specifier, ...], each with the number of a module of
 * the list, or of one that the task has, and with the import attribute `type`, or "". The program
 * itself is number 0. */

#define DFD_EVENT_TYPE_MAP(X)                                                                      \
    X(CALL, 1, "a function of the host is called")                                                 \
    X(LINE, 2, "the task prints by its console")                                                   \
    X(PROGRESS, 3, "the task reports how far it is: later ones take its place while it waits")     \
    X(IMPORT, 4, "the task wants a module: answered as a call is")                                 \
    X(FREED, 5, "the task uses a region that it was lent no more")

/* A message to a task that goes on (dfd_post): this head, then a value in the wire format, then at
 * a multiple of 8 the regions of memory that the host lends to the task with it. They are numbered
 * on from those that it was lent before, whatever becomes of them. The memory must stay as it is
 * until the task says that it is FREED, or as long as that of a submission. */
#define DFD_MESSAGE_MAP(X)                                                                         \
    X(TYPE, 0, "u32: DFD_ANSWER_*")                                                                \
    X(NUMBER, 4, "u32: of the call that it answers; else 0")                                       \
    X(ROOM, 8, "f64: bytes of the task's events that the host has read since it last said so")     \
    X(LENGTH, 16, "u32: bytes of the value, if there are regions")                                 \
    X(REGIONS, 20, "u32: how many regions")                                                        \
    X(VALUE, 24, "what the host's function returned or threw")

#define DFD_ANSWER_MAP(X)                                                                          \
    X(NONE, 0, "it answers nothing, and has no value: there is room")                              \
    X(RETURNED, 1, "the function returned the value, or its promise was fulfilled with it")        \
    X(THREW, 2, "it threw the value, or its promise was rejected with it")

/* A buffer of a result that was moved, not copied: an entry of the table behind a payload. The
 * memory is for the host to give back by dfd_release, or to make a buffer of (dfd_keep). */
#define DFD_MOVED_MAP(X)                                                                           \
    X(HANDLE, 0, "f64: its handle")                                                                \
    X(ADDRESS, 8, "f64: where its bytes are")                                                      \
    X(LENGTH, 16, "f64: how many")                                                                 \
    X(SIZE, 24, "bytes of an entry")

/* A submission: this header, then the arguments, one value after the other in the wire format, then
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
 * read or, when the pool is closed before that, until dfd_stragglers is 0. */
#define DFD_SUBMISSION_MAP(X)                                                                      \
    X(TASK, 0, "u32: the host's id for it, 0 to 0xfffffffe")                                       \
    X(ARGC, 4, "u32: how many arguments follow")                                                   \
    X(PROGRAM, 8, "f64: handle of a program of the same pool; 0 runs a script (below)")            \
    X(MEMORY_LIMIT, 16, "f64: bytes of the realm")                                                 \
    X(TIMEOUT, 24, "f64: milliseconds from the start of running")                                  \
    X(CPU_LIMIT, 32, "f64: milliseconds of CPU time of the thread")                                \
    X(QUEUE_TIMEOUT, 40, "f64: milliseconds in the queue")                                         \
    X(MAX_STACK_SIZE, 48, "u32: bytes of native stack")                                            \
    X(ARGS_LENGTH, 52, "u32: bytes of the arguments")                                              \
    X(REGIONS, 56, "u32: how many regions")                                                        \
    X(HOST, 60, "u32: DFD_HOST_*, bits")                                                           \
    X(RESULT_LIMIT, 64, "f64: bytes of the result, encoded, with the buffers that it moves out")   \
    X(CALLS, 72, "f64: calls of the host's functions")                                             \
    X(CALL_BYTES, 80, "f64: bytes of the arguments of one of them")                                \
    X(CALLS_BYTES, 88, "f64: of all of them")                                                      \
    X(CONSOLE_LIMIT, 96, "f64: bytes of what it prints")                                           \
    X(CALLS_AT_ONCE, 104, "u32: calls that the host has not answered; others wait in the task")    \
    X(ARGS, 112, "the arguments")

/* What a task has of its host. */
#define DFD_HOST_MAP(X)                                                                            \
    X(OFFERS, 1, "functions, which the last argument lists")                                       \
    X(SILENT, 2, "no console: what the task prints is not sent")                                   \
    X(REPORTS, 4, "with OFFERS: also `report`, by which the task tells of its progress")           \
    X(INNER, 8,                                                                                    \
      "a task of the pool that waits for it: a function that it called submits this one")          \
    X(LOADS, 16, "modules, which it is asked for by DFD_EVENT_TYPE_IMPORT")                        \
    X(NAMES, 32, "the names of the pool's modules, by which the program finds them unasked")

/* What a text is. */
#define DFD_FORM_MAP(X)                                                                            \
    X(EITHER, 0, "a script; or a module, if it has what only a module may have")                   \
    X(SCRIPT, 1, "a script")                                                                       \
    X(MODULE, 2, "a module")

/* In what it is written. */
#define DFD_LANGUAGE_MAP(X)                                                                        \
    X(JAVASCRIPT, 0, "JavaScript")                                                                 \
    X(TYPESCRIPT, 1, "TypeScript, whose types are blanked out")                                    \
    X(JSON, 2, "JSON: a module whose default export is the value")                                 \
    X(TEXT, 3, "any text, which is the default export")                                            \
    X(COMMONJS, 4, "a CommonJS module: a function of its five variables is the default export")

/* A region: memory of the host's for LENT and SHARED buffers among the arguments. */
#define DFD_REGION_MAP(X)                                                                          \
    X(ADDRESS, 0, "f64: a multiple of 8")                                                          \
    X(LENGTH, 8, "f64: bytes, up to 2^31 - 1")                                                     \
    X(SIZE, 16, "bytes of a region")

#define DFD_ENUM_STATUS(name, value, text) DFD_STATUS_##name = value,
#define DFD_ENUM_ERROR(name, value, text) DFD_E_##name = value,
#define DFD_ENUM_OPTION(name, value, text) DFD_OPTION_##name = value,
#define DFD_ENUM_CONTROL(name, value, text) DFD_CONTROL_##name = value,
#define DFD_ENUM_LIMIT(name, value, text) DFD_LIMIT_##name = value,
#define DFD_ENUM_COMPILE(name, value, text) DFD_COMPILE_##name = value,
#define DFD_ENUM_HARDENING(name, value, text) DFD_HARDENING_##name = value,
#define DFD_ENUM_KIND(name, value, text) DFD_KIND_##name = value,
#define DFD_ENUM_RECORD(name, value, text) DFD_RECORD_##name = value,
#define DFD_ENUM_EVENT(name, value, text) DFD_EVENT_##name = value,
#define DFD_ENUM_EVENT_TYPE(name, value, text) DFD_EVENT_TYPE_##name = value,
#define DFD_ENUM_HOST(name, value, text) DFD_HOST_##name = value,
#define DFD_ENUM_FORM(name, value, text) DFD_FORM_##name = value,
#define DFD_ENUM_LANGUAGE(name, value, text) DFD_LANGUAGE_##name = value,
#define DFD_ENUM_MESSAGE(name, value, text) DFD_MESSAGE_##name = value,
#define DFD_ENUM_ANSWER(name, value, text) DFD_ANSWER_##name = value,
#define DFD_ENUM_MOVED(name, value, text) DFD_MOVED_##name = value,
#define DFD_ENUM_SUBMISSION(name, value, text) DFD_SUBMISSION_##name = value,
#define DFD_ENUM_REGION(name, value, text) DFD_REGION_##name = value,
enum { DFD_STATUS_MAP(DFD_ENUM_STATUS) DFD_STATUS_COUNT };
enum { DFD_ERROR_MAP(DFD_ENUM_ERROR) };
enum { DFD_OPTION_MAP(DFD_ENUM_OPTION) DFD_OPTION_COUNT };
enum { DFD_CONTROL_MAP(DFD_ENUM_CONTROL) };
enum { DFD_LIMIT_MAP(DFD_ENUM_LIMIT) };
enum { DFD_COMPILE_MAP(DFD_ENUM_COMPILE) };
enum { DFD_HARDENING_MAP(DFD_ENUM_HARDENING) };
enum { DFD_KIND_MAP(DFD_ENUM_KIND) };
enum { DFD_RECORD_MAP(DFD_ENUM_RECORD) };
enum { DFD_EVENT_MAP(DFD_ENUM_EVENT) };
enum { DFD_EVENT_TYPE_MAP(DFD_ENUM_EVENT_TYPE) };
enum { DFD_HOST_MAP(DFD_ENUM_HOST) };
enum { DFD_FORM_MAP(DFD_ENUM_FORM) };
enum { DFD_LANGUAGE_MAP(DFD_ENUM_LANGUAGE) };
enum { DFD_MESSAGE_MAP(DFD_ENUM_MESSAGE) };
enum { DFD_ANSWER_MAP(DFD_ENUM_ANSWER) };
enum { DFD_MOVED_MAP(DFD_ENUM_MOVED) };
enum { DFD_SUBMISSION_MAP(DFD_ENUM_SUBMISSION) };
enum { DFD_REGION_MAP(DFD_ENUM_REGION) };

/* The ABI number: the hash of the headers that the library was built with. */
DFD_API uint32_t dfd_abi(void);

/* Makes a pool; no thread starts before something is compiled. Returns its handle, or an error:
 * DFD_E_FULL when there are 4,095 pools. */
DFD_API int32_t dfd_pool_open(void);

/* Writes why the last call of this thread's failed that made a pool or its waker, compiled,
 * evaluated, shared, submitted, made ready or set the time zone: what the system refused to it,
 * "pthread_create: Resource temporarily unavailable", in ASCII. Returns its length, which is cut to
 * `capacity`, and 0 where nothing is known, or nothing failed. What was refused to a task's thread
 * is the payload of DFD_STATUS_RESOURCES, as a string, or nothing. */
DFD_API int32_t dfd_reason(uint8_t *reply, uint32_t capacity);

/* Writes what the system refused to the first of the pool's threads that may make any system call
 * (without DFD_HARDENING_SYSCALLS), as dfd_reason does: nothing where there are no such means. */
DFD_API int32_t dfd_unhardened(uint32_t pool, uint8_t *reply, uint32_t capacity);

/* Sets one DFD_OPTION_*. */
DFD_API int32_t dfd_pool_set(uint32_t pool, uint32_t option, double value);

/* Address of the pool's control block, or 0. The mapping of DFD_CONTROL_RING * 4 + DFD_RING_BYTES
 * bytes stays valid until dfd_pool_close. */
DFD_API double dfd_pool_control(uint32_t pool);

/* Closes a pool: nothing new is taken, queued tasks are dropped, running ones are interrupted,
 * the threads end by themselves (the call does not wait for them). No completion is to be read
 * after it: the host settles what is still pending. */
DFD_API int32_t dfd_pool_close(uint32_t pool);

/* Compiles an expression (UTF-8, `length` bytes) that evaluates to a function, as `flags`
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
DFD_API int32_t dfd_compile(uint32_t pool, const uint8_t *source, uint32_t length, uint32_t flags,
                            uint8_t *reply, uint32_t capacity);

/* Makes a program, compiled with DFD_COMPILE_PRELOAD, part of every realm of the pool: it is called
 * once in each, before its first task, and returns the prototypes of the classes whose instances
 * cross as such. For a pool that has none yet, before anything else is compiled. Blocks until it
 * was evaluated in one realm, by a thread of the pool's, or for `limit` ms, which is the limit in
 * each realm. Returns 0, an error, or the length of the reply: u32 DFD_STATUS_*, u32 0, and if it
 * threw (THROWN, UNCLONEABLE) the payload that a task's completion would have. */
DFD_API int32_t dfd_preload(uint32_t pool, double program, double limit, uint8_t *reply,
                            uint32_t capacity);

/* Adds a module to those that dfd_load makes part of every realm: in the wire format, as an answer
 * to an IMPORT has it, and behind its links the names by which programs find it, an array. It may
 * link to modules that are still to come. After the classes, before anything else is compiled.
 * Returns its number, counted from 1, or an error. */
DFD_API int32_t dfd_module(uint32_t pool, const uint8_t *module, uint32_t length);

/* Makes the modules that were added part of every realm of the pool: those with names are
 * evaluated, in their order, with all that they link to, once in each realm. As dfd_preload, which
 * it may follow, but with six times as long on the threads of workers; of the reply the second word
 * is the number of the module that is to blame. What they take counts towards no task's limit. */
DFD_API int32_t dfd_load(uint32_t pool, double limit, uint8_t *reply, uint32_t capacity);

/* Puts a value, in the wire format, into every realm of the pool for good: tasks that are submitted
 * from now on may refer to it (PRESET). Returns its number, counted from 0, or an error. */
DFD_API int32_t dfd_share(uint32_t pool, const uint8_t *value, uint32_t length);

/* Drops the host's hold on a program; tasks that use it keep theirs. */
DFD_API int32_t dfd_program_free(uint32_t pool, double program);

/* Sees to it that the next dfd_submit can fail for want of memory only: that there is a worker, and
 * a handle. 0, or what it would have failed with. For a host that is about to detach buffers. */
DFD_API int32_t dfd_ready(uint32_t pool);

/* Queues a task (DFD_SUBMISSION_*). Returns its handle (over 0), or an error, after which no
 * completion comes: DFD_E_FULL when 2^20 - 1 are pending, DFD_E_CLOCK for a CPU limit that can't be
 * kept to. */
DFD_API double dfd_submit(uint32_t pool, const uint8_t *submission, uint32_t length);

/* Cancels a task by the handle that dfd_submit gave: its completion (DFD_STATUS_CANCELLED, unless
 * it ended before) comes as any other. 1 if the task was queued or running, 0 if not. */
DFD_API int32_t dfd_cancel(uint32_t pool, double task);

/* Sends a message (DFD_MESSAGE_*) to a task, which is woken if it waits. 0; or an error, after
 * which it was not sent: DFD_E_HANDLE if the task has ended, DFD_E_FULL if it would have more
 * unread than its memory limit. */
DFD_API int32_t dfd_post(uint32_t pool, double task, const uint8_t *message, uint32_t length);

/* Whether a message of that length could be sent to a task, but for want of memory: 0, or what
 * dfd_post would fail with. For a host that is about to detach buffers. */
DFD_API int32_t dfd_postable(uint32_t pool, double task, uint32_t length);

/* Says that the host has read so many bytes of a task's LINE events: it may print as many more. 0,
 * or DFD_E_HANDLE if the task has ended. */
DFD_API int32_t dfd_heard(uint32_t pool, double task, uint32_t bytes);

/* Says that the host has read so many bytes of a task's PROGRESS events. When it has read all, the
 * latest report comes, if one had to wait. 0, or an error: DFD_E_HANDLE if the task has ended,
 * DFD_E_MEMORY if that report can't be told yet. */
DFD_API int32_t dfd_reported(uint32_t pool, double task, uint32_t bytes);

/* Asks for a wake-up at the next completion. Returns 1 when completions are there already, in
 * which case none is asked for; else 0. */
DFD_API int32_t dfd_park(uint32_t pool);

/* Takes the wish for a wake-up back. */
DFD_API int32_t dfd_unpark(uint32_t pool);

/* Moves completions that found the ring full into it; returns how many still wait. */
DFD_API int32_t dfd_refill(uint32_t pool);

/* Frees memory that a completion came with, by its handle: a payload that lay outside the ring, or
 * a buffer of a result that was moved. 0, or an error. What a host has when it closes the pool is
 * freed with it, as soon as its running tasks have ended; what it kept is not. */
DFD_API int32_t dfd_release(uint32_t pool, double handle);

/* Says that a buffer of the runtime's has the memory from now on, and frees it by
 * dfd_deallocator, be that after the pool was closed. To be called when there is that buffer. 0, or
 * an error. */
DFD_API int32_t dfd_keep(uint32_t pool, double handle);

/* Address of a C function void(void *bytes, void *handle), for hosts whose ArrayBuffers can have a
 * deallocator: frees what was kept. Any thread. */
DFD_API double dfd_deallocator(void);

/* Changes the process's time zone (`name` is NUL-terminated, `length` bytes with its NUL), and with
 * it that of all tasks: for a host whose dates follow a variable that libc does not see. By one
 * thread of the process only, which has had a pool. Returns 0, or an error. */
DFD_API int32_t dfd_time_zone(const uint8_t *name, uint32_t length);

/* How many tasks of closed pools have still to end: memory that was lent to them is in use. */
DFD_API uint32_t dfd_stragglers(void);

/* How the host is woken: makes a socket pair and returns the host's end, which gets a byte for each
 * time the host parked and a completion came. The host owns and closes it. Once for a pool; it is
 * safe even when the host's event loop ends without a word: the library then writes to a socket
 * that nobody reads. */
DFD_API int32_t dfd_waker_fd(uint32_t pool);

#endif
