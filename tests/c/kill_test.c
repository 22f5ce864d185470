/* kill_test.c - tasks that are killed: wherever a task is left, and by whatever, the thread goes
 * on, its realm is pristine, and the next task gives the right answer.
 *
 * The whole of a worker's life takes part but for the pool: realm, guard, codec, engine, arena.
 * (realm_image_test.c does the like with the engine and the arena alone.) The kinds of death:
 *
 *   a signal      from another thread, at any instant (guard_stop and guard_signal)
 *   an allocation the arena is exhausted at the k-th one of compiling or of running
 *   a fault       the stack's fence is touched; and faults that are none of ours
 *
 * After each one the arena must equal its image, all above the image must read as zeros, and a
 * probe, which uses a bit of everything, must give what it gave in a fresh realm, byte for byte.
 *
 * KILL_TEST_RUNS scales the file; 2000 is the default. 100000 are as many kills by signal,
 * 1,000,000 restores and a death at each single allocation.
 *
 * What makes each test fail; all of it was tried:
 *   older handler    guard_on_fault without the fence's bounds, or `open`, or `critical`, or
 *                    guard_pass_on, or its alternate stack
 *   younger handler  guard_on_fault that does not unblock its signal
 *   unhandled fault  guard_pass_on without its SIG_DFL
 *   full stack       a stop signal without SA_ONSTACK
 *   fence            guard_on_fault without its alternate stack; arena_restore that copies less
 *   allocations      realm_run that keeps what was half encoded
 *   half a result    realm_run that tells from the status whether its task was left
 *   restores         realm_restore that leaves the task's memory limit
 *   threads in turn  running without JS_UpdateStackTop
 *   kills            localtime_r, or the realloc of bytes_grow, in no critical section; guard_poll
 *                    that does not ask for `critical`, or for `open`; the stop signal without
 *                    SA_NODEFER; guard_signal that sends nothing, or a handler that does not take
 *                    `signalled` back; an arena that raises its peak after it wrote below
 *   presets          arena_restore that forgets a touched chunk (touched <= 1, say); arena_touch
 *                    that lists a chunk after it made it writable; realm_share that does not
 *                    restore
 *   many presets     realm_share that gives up those before one that can't be had, or keeps them
 *                    in its list when they are gone from the image
 *   sixteen times    a snapshot for each; presets_find that looks at one after the other
 *   pile             guard_signal that sends whatever is on its way
 *   compiled code    js_jit that asks for code in no critical section
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "arena.h"
#include "check.h"
#include "deferred.h"
#include "guard.h"
#include "jit/jit.h"
#include "realm.h"

#define KB ((size_t)1 << 10)
#define MB ((size_t)1 << 20)
#define MEMORY (32 * MB)
#define STACK (256 * KB)
#define FENCE (64 * KB)
#define PATIENCE 600.0     /* s until a task that does not die is called immortal */
#define CHILD_PATIENCE 900 /* s for all that a child does */

#define COUNT(array) (sizeof(array) / sizeof *(array))

static unsigned runs(void) {
    const char *text = getenv("KILL_TEST_RUNS");
    int count = text ? atoi(text) : 2000;
    return count > 0 ? (unsigned)count : 1;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* --- scripts ------------------------------------------------------------------------------- */

/* A bit of everything, in the engine and in the codec, and of what an earlier task may have left.
 * Its one argument comes back with the text. */
static const char probe_source[] =
    "((value) => {"
    "  const d = new Date(2024, 1, 29, 12, 34, 56);"
    "  const text = [d.getMonth() + '/' + d.getDate() + ' ' + d.getHours(),"
    "    new Date(1e12).toISOString(),"
    "    JSON.stringify(JSON.parse('{\"a\":[1,2.5,null,\"x\"]}')),"
    "    'x1y22z'.replace(/[0-9]+/g, (n) => `<${n}>`), new RegExp('(b+)c').exec('abbc')[1],"
    "    [5, 3, 9, 1].sort((a, b) => a - b).join(), 'ab'.repeat(3).toUpperCase(),"
    "    (2n ** 100n).toString(), 0.1 + 0.2, parseFloat('1.5e3'),"
    "    [...new Map([[1, 'a'], [2, 'b']]).values()].join(''), typeof left, 'p' in {}].join('|');"
    "  return [text, value];"
    "})";

static const char probe_text[] =
    "1/29 12|2001-09-09T01:46:40.000Z|{\"a\":[1,2.5,null,\"x\"]}|x<1>y<22>z|bb|1,3,5,9|ABABAB|"
    "1267650600228229401496703205376|0.30000000000000004|1500|ab|undefined|false";

/* What all scripts get as their argument. */
static const char value_source[] =
    "(() => {"
    "  const shared = { n: 1.5, s: 'text', u: '\\u20ac\\ud83d\\ude00' };"
    "  const value = { shared, list: [1, -0, NaN, , shared, 2n ** 70n, null, undefined, true],"
    "    map: new Map([['k', shared], [shared, new Set([1, 'two'])]]), date: new Date(86400000),"
    "    regexp: /a(b)?c/gi, bytes: new Uint8Array([1, 2, 3]), view: new DataView(new "
    "ArrayBuffer(9)),"
    "    floats: new Float64Array([0.5, Infinity]),"
    /* Without frames, which go one way only. */
    "    error: Object.assign(new RangeError('e', { cause: shared }), { stack: '' }),"
    "    rows: Array.from({ length: 20 }, (_, i) => ({ id: i, name: 'row ' + i })) };"
    "  value.self = value;"
    "  return value;"
    "})";

/* Functions that end soon. */
static const char *const scripts[] = {
    "((f)=>()=>({\n['k' + missing](value) { return [f(1), value.list, super.x] }\n}))((n)=>n)",
    "(function(take){let m=take(()=>({\nm(list) { return [list, super.x] }\n}),0);class A { #x = "
    "[1]; get x() { return this.#x } }return(\n(value) => [m(value.list), new A().x]\n)})",
    "(function(take){class A { static { throw take(()=>({\nm() { return [1] }\n}),0)() } }"
    "return(\n() => A\n)})",
    "(() => 1 + 1)",
    "((value) => value)",
    "((value) => JSON.stringify(value.rows) + JSON.stringify(value.list.slice(6), null, 2))",
    "(() => JSON.parse('[' + '{\"a\":[1,2.5e-3,\"\\\\u00e9\\\\n\"],\"b\":{}},'.repeat(20) + '0]'))",
    "(() => { try { JSON.parse('[1, 2, {\"x\": tru}]'); } catch (e) { return e.message; } })",
    "(() => ['x5yx6y'.match(/x(?<digit>[0-9])y/gu), /(?<=a|b{2,3})[^c-e\\w]*?$/imsu.source])",
    "(() => ['(a|b)*c{2,}', '[\\\\p{Lu}--[A-F]]', '(?:(x)\\\\1)+?'].map((s) => "
    "new RegExp(s, 'v').test('AZcc')))",
    "(() => { try { new RegExp('(' + 'a'.repeat(50) + '[z-a]'); } catch (e) { return e; } })",
    "((value) => { const m = new Map(); for (let i = 0; i < 60; i++) m.set(i % 2 ? i : 'k' + i, "
    "{ i }); for (let i = 0; i < 60; i += 3) m.delete(i); return [m, new WeakMap([[value, m]]).has("
    "value)]; })",
    "(() => { const s = new Set([1, 2, 3]); return [s.union(new Set([4])), s.isSubsetOf(s)]; })",
    "(() => { function* g() { try { for (let i = 0; ; i++) yield* [i, `n${i}`]; } finally { n = 1; "
    "} } let n = 0; const out = []; for (const x of g()) { if (out.push(x) > 20) break; } "
    "return [out, n]; })",
    "(async (value) => { const out = []; for await (const x of (async function* () { yield 1; "
    "yield "
    "value.date; })()) out.push(await x); return Promise.all(out.concat(Promise.resolve(3))); })",
    "(async () => { const all = await Promise.allSettled([Promise.reject(new Error('no')), 1]); "
    "return all.map((one) => one.status).join(); })",
    "(() => ({ then(resolve) { queueMicrotask(() => resolve({ a: 1 })); } }))",
    "(() => { class A { #x = [1]; static n = 0; static { A.n++; } get x() { return this.#x; } } "
    "class B extends A { constructor() { super(); this.y = super.x.concat(A.n); } } "
    "return { ...new B() }; })",
    "(() => { throw new TypeError('thrown', { cause: { why: ['this', 'that'] } }); })",
    "(() => ({ list: [1, { f() {} }] }))", /* can't be cloned */
    "(() => new Promise(() => {}))",       /* never settles */
    "(() => { let s = ''; for (let i = 0; i < 200; i++) s += 'part ' + i; return s.split(' ').map("
    "(p) => p.padStart(6).trim()).join('-').normalize('NFD').replaceAll('p', 'q'); })",
    "(() => { let b = 7n; for (let i = 0; i < 30; i++) b = b * 12345678901n + 1n; return [b, "
    "b.toString(36), BigInt.asUintN(64, b), b / 3n ** 40n]; })",
    "(() => { const a = Array.from({ length: 300 }, (_, i) => (i * 7919) % 301); return "
    "[a.toSorted(("
    "x, y) => x - y).at(-1), a.map(String).sort().slice(0, 9), new Float32Array(a).sort()]; })",
    "(() => { const o = {}; for (let i = 0; i < 80; i++) o['key' + i] = i; delete o.key5; Object."
    "defineProperty(o, 'x', { get() { return this.key7; }, enumerable: true }); return o; })",
    "(() => { const log = []; const p = new Proxy({}, { get: (_, k) => (log.push(k), k), ownKeys: "
    "() "
    "=> ['a'] }); return [p.x + p.y, Reflect.ownKeys(p), log]; })",
    "((value) => { const f = new Function('a', 'b', 'return { a, b, c: [a, b].map((x) => x + 1) "
    "}'); "
    "return [f(1, 2), eval('var q = 4; (() => q * value.bytes.length)()')]; })",
    "(() => [new Date(2020, 1, 30).getTime() - Date.parse('2020-03-01T00:00:00'), new Date(NaN), "
    "new Date(5).toUTCString(), String(new Date(2019, 5, 1)).length > 30])",
    "(() => { const b = new ArrayBuffer(10, { maxByteLength: 5000 }); b.resize(4000); const v = "
    "new "
    "Uint16Array(b, 2, 100).fill(513); return [b, v, v.subarray(3, 9)]; })",
    "(() => { const f = (n) => { try { return f(n + 1); } catch (e) { return e.name; } }; return "
    "f(0); })",
    "(({ rows, ...rest }) => { left: for (const { id, name = 'none' } of rows) { for (const k in "
    "rest) if (id > 3) break left; } return [rows.at(-1)?.name ?? 1, `${rest.shared.s}`, "
    "Object.groupBy(rows, (r) => r.id % 2)]; })",
};

static const char in_c[] = "a buffer that grows, in C";

/* Functions that do not end, each busy with something of its own, and some with results that take
 * long to encode. What never asks whether to stop is among them. */
static const char *const busy[] = {
    "(() => { for (let i = 0; ; i++) { const d = new Date(2000 + i % 60, i % 12, i % 28, i % 24); "
    "d.setHours(5); String(d) + d.toISOString() + d.getTimezoneOffset() + d.toLocaleString(); } })",
    "(() => { for (let i = 0; ; i++) Date.parse(new Date(i * 1e8).toString()) + Date.now(); })",
    "((value) => { const text = JSON.stringify(Array(300).fill(value.rows)); for (;;) "
    "JSON.parse(text); })",
    "((value) => { const big = Array(300).fill(value.rows); for (;;) JSON.stringify(big); })",
    "((value) => { for (;;) JSON.parse(JSON.stringify({ f: Math.random(), r: value.rows })); })",
    "(() => { for (;;) /(a+)+$/.test('a'.repeat(26) + 'b'); })",
    "(() => { for (let i = 0; ; i++) new RegExp(`(?<n>x{${i % 9}})|[^${i % 7}-9]+?`, "
    "'giu').exec('yxx5');"
    " })",
    "((value) => { const s = value.rows.map((r) => r.name).join(); for (;;) s.replace(/(\\w+) "
    "(\\d+)/g, (_, a, b) => b + a).split(/,/); })",
    "(() => { const a = Array.from({ length: 2000 }, (_, i) => (i * 7919) % 2003); for (;;) "
    "a.slice().sort((x, y) => x - y); })",
    "(() => { const a = Array.from({ length: 2000 }, (_, i) => 'k' + (i * 7919) % 2003); for (;;) "
    "a.toSorted(); })",
    "(() => { const a = new Float64Array(5000); for (;;) a.map((_, i) => -i).sort(); })",
    "(() => { for (let s = ''; ; s = s.length > 1e5 ? '' : s + s.length + '\\u20ac') "
    "s.slice(3); })",
    "(() => { const s = 'abc'.repeat(30000); for (;;) s.replaceAll('b', 'xy').toUpperCase() + "
    "s.normalize('NFKD').padEnd(1e5, s).split('a').join('-'); })",
    "(() => { const mask = (1n << 6000n) - 1n; for (let b = 3n; ; ) b = (b * b + 7n) & mask; })",
    "(() => { for (let b = 3n ** 4000n; ; b++) BigInt(b.toString()) / 12345678901234567890n; })",
    "(() => { for (let m = new Map(), i = 0; ; i++) { m.set('k' + i, { i }); if (m.size > 900) "
    "m.clear(); [...m.keys()].length; } })",
    "(() => { function* g() { for (;;) yield { a: [1] }; } let y; for (const x of g()) y = x; })",
    "(async () => { for (;;) await Promise.all([1, Promise.resolve(2)]); })",
    "(() => { for (;;) { try { new Promise(() => { for (;;) {} }); } catch {} } })",
    "(() => { for (;;) { try { (function f() { f(); })(); } catch {} } })",
    "(() => { for (let i = 1; ; i++) (i / 7).toString() + (i * 1.1).toFixed(5) + "
    "parseFloat('1.' + i) + (i / 3).toPrecision(9) + Number('0x' + i); })",
    "(() => { for (let i = 0; ; i++) new Function('a', `return ((x) => x * ${i} + a)(2)`)(3); })",
    "(() => { for (let a = []; ; a = a.length > 50 ? [] : a) a.push(new "
    "Uint8Array(20000).fill(7)); "
    "})",
    "(() => { for (let o = {}, i = 0; ; i++) { o['k' + i] = i; delete o['k' + (i >> 1)]; } })",
    "(() => { for (;;) { const a = []; for (let i = 0; i < 3000; i++) { const x = { a }; x.x = x; "
    "a.push(x); } } })",
    "(() => { for (;;) performance.now() + new Error('stack').stack; })",
    "((value) => Array.from({ length: 300 }, (_, i) => ({ i, n: 'row ' + i, v: [value.list[i % 9]] "
    "})))",
    "((value) => { const part = JSON.stringify(value.rows); return Array.from({ length: 200 }, (_, "
    "i) => "
    "i + part); })",
    "(() => Array.from({ length: 200 }, (_, i) => [new Uint8Array(i * 4), new Map([[i, 'k' + "
    "i]])]))",
    "((value) => { const more = () => ({ value: [value.rows, 1n << 90n, new Date(0), 'x\\u20ac'], "
    "get "
    "next() { return more(); } }); return more(); })",
    "(() => ({ then: (f) => f({ get a() { throw { get a() { for (;;) [].concat([1]); } }; } }) }))",
    in_c, /* grow_for_ever */
};

/* The like, of what is compiled: in the test that has it compiled, they are killed in that code,
 * and in what it calls. Each in a way of its own: sums, elements, elements that are added, calls,
 * calls from C code, guards that fail again and again, exceptions, the end of the stack, counted
 * values. */
static const char *const hot[] = {
    "(() => { for (let n = 0; ; ) n = (n * 31 + 7) | 0; })",
    "(() => { const a = new Float64Array(4096); for (let i = 0; ; i = (i + 1) % 4096) "
    "a[i] = Math.sqrt(a[i] + i) * 0.5; })",
    "(() => { for (;;) { const a = []; for (let i = 0; i < 3000; i++) a[i] = i * 0.5; } })",
    "(() => { const f = (n) => n < 2 ? n : f(n - 1) + f(n - 2); for (;;) f(14); })",
    "(() => { const a = Array.from({ length: 400 }, (_, i) => (i * 7919) % 401); for (;;) "
    "a.map((x) => x * 2 + 1).sort((x, y) => x - y).reduce((x, y) => (x + y) | 0, 0); })",
    "(() => { const f = (a, s) => { for (let i = 0; i < 90; i++) s += a[i % 3]; return s; }; for "
    "(let "
    "k = 0; ; k++) f(k % 50 < 40 ? [1, 2, k] : [0.5, -0, 1], (k * 9e7) | 0); })",
    "(() => { const f = (n) => { if (n > 20) throw n; return f(n + 1) + 1; }; for (;;) { try { "
    "f(0); "
    "} catch {} } })",
    "(() => { const f = (n) => f(n + 1) + 1; for (;;) { try { f(0); } catch {} } })",
    "(() => { const rows = [[1], [2, 3]]; let last = null; const f = (i) => { last = rows[i & 1]; "
    "return last.length; }; for (let i = 0, s = 0; ; i++) s = (s + f(i)) | 0; })",
    "(() => { const text = 'text \\u20ac'.repeat(99); for (let h = 0; ; ) for (let i = 0; i < "
    "text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16777619); })",
};

/* --- programs, runs, and what must be so after each ------------------------------------------ */

static Program *probe;
static Program *programs[COUNT(scripts)], *loops[COUNT(busy)], *hot_loops[COUNT(hot)];
static Bytes value, probe_result, results[COUNT(scripts)]; /* in the wire format */
static int statuses[COUNT(scripts)];

/* Those of several lines hold a method, which is taken out of its object; but some are enclosed. */
static uint32_t flags_of(const char *source) {
    if (strncmp(source, "(function(take", 14) == 0)
        return DFD_COMPILE_STRICT | DFD_COMPILE_ENCLOSED;
    return DFD_COMPILE_STRICT | (strchr(source, '\n') ? DFD_COMPILE_MEMBER : 0);
}

static Program *compile(Realm *realm, const char *source) {
    Bytes reply = {0};
    Program *program;
    realm_compile(realm, source, strlen(source), flags_of(source), &reply, &program);
    CHECK(program && !reply.failed, "%s", source);
    realm_restore(realm);
    bytes_free(&reply);
    return program;
}

static int run_limited(Realm *realm, Program *program, const Limits *limits, Bytes *out) {
    out->length = 0;
    out->failed = false;
    return realm_run(realm, program, value.data, value.length, value.data != NULL, limits, out);
}

static int run(Realm *realm, Program *program, Bytes *out) {
    static const Limits none;
    return run_limited(realm, program, &none, out);
}

static bool same(const Bytes *a, const Bytes *b) {
    return a->length == b->length && (!a->length || !memcmp(a->data, b->data, a->length));
}

/* Restores the realm, and looks at every byte of it, and at those above that may be dirty. */
static void check_restore(Realm *realm, const char *after) {
    Arena *arena = realm_arena(realm);
    size_t above = arena_peak(arena) - arena_image_size(arena) + 128 * KB;
    arena_fail_at(arena, 0);
    realm_restore(realm);
    ptrdiff_t difference = arena_compare(arena), dirt = arena_dirt(arena, above);
    CHECK(difference == -1, "byte %td of the image differs after %s", difference, after);
    CHECK(dirt == -1, "byte %td above the image is not zero after %s", dirt, after);
}

/* Runs the probe as the next task. */
static void check_probe(Realm *realm, const char *after, Bytes *out) {
    int status = run(realm, probe, out);
    CHECK(status == DFD_STATUS_OK, "the task after %s ended with %d", after, status);
    CHECK(same(out, &probe_result), "the task after %s was wrong", after);
    check_restore(realm, "the probe");
}

/* Compiles all there is and notes what it gives in a fresh realm. Once. */
static bool prepare(void) {
    if (probe) return true;
    Realm *realm = realm_open(MEMORY, STACK);
    if (!realm) return false;
    Program *maker = compile(realm, value_source);
    Bytes made = {0};
    CHECK(maker && run(realm, maker, &made) == DFD_STATUS_OK);
    realm_restore(realm);
    program_drop(maker);
    value = made;
    probe = compile(realm, probe_source);
    CHECK(run(realm, probe, &probe_result) == DFD_STATUS_OK);
    CHECK(memmem(probe_result.data, probe_result.length, probe_text, sizeof probe_text - 1),
          "the probe gives %.*s", (int)probe_result.length, (char *)probe_result.data);
    realm_restore(realm);
    for (size_t i = 0; i < COUNT(scripts); i++) {
        programs[i] = compile(realm, scripts[i]);
        statuses[i] = run(realm, programs[i], &results[i]);
        CHECK(statuses[i] <= DFD_STATUS_UNSETTLED, "%d by %s", statuses[i], scripts[i]);
        realm_restore(realm);
    }
    for (size_t i = 0; i < COUNT(busy); i++)
        loops[i] = busy[i] == in_c ? NULL : compile(realm, busy[i]);
    for (size_t i = 0; i < COUNT(hot); i++) hot_loops[i] = compile(realm, hot[i]);
    realm_close(realm);
    return true;
}

/* --- threads ------------------------------------------------------------------------------- */

/* As the pool starts its workers. */
static pthread_t start(void *(*body)(void *), void *argument, size_t stack) {
    pthread_attr_t attributes;
    pthread_t thread;
    if (pthread_attr_init(&attributes) || pthread_attr_setguardsize(&attributes, FENCE) ||
        pthread_attr_setstacksize(&attributes, stack) ||
        pthread_create(&thread, &attributes, body, argument))
        abort();
    pthread_attr_destroy(&attributes);
    return thread;
}

/* xorshift64 (Marsaglia, 2003). */
static uint64_t random_bits(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

/* --- faults -------------------------------------------------------------------------------- */

/* The handlers are installed once for a process, by its first worker. So each of these tests has a
 * child of its own, forked while this process has none: they come first. */

static char *nowhere;          /* an inaccessible page that is not ours */
static char *volatile claimed; /* another address that the foreign handler takes for its own */
static volatile int faults;    /* that the foreign handler had */
static sigjmp_buf foreign_exit;
static struct sigaction below; /* the handler that the foreign one replaced */

/* As a virtual machine's: knows its own addresses and passes on the others. */
static void on_foreign_fault(int signal, siginfo_t *info, void *context) {
    if (info->si_addr == nowhere || info->si_addr == claimed) {
        faults++;
        siglongjmp(foreign_exit, 1);
    }
    if (!(below.sa_flags & SA_SIGINFO)) abort();
    below.sa_sigaction(signal, info, context);
}

/* One that is told no address, and takes all. */
static void on_plain_fault(int signal) {
    (void)signal;
    faults++;
    siglongjmp(foreign_exit, 1);
}

static int touch(void *address) { return *(volatile char *)address; }

static int touch_and_recover(void *address) {
    if (sigsetjmp(foreign_exit, 1) == 0) touch(address);
    return DFD_STATUS_OK;
}

static int touch_in_critical_section(void *address) {
    guard_critical_enter();
    touch_and_recover(address);
    guard_critical_leave();
    return DFD_STATUS_OK;
}

/* Recurses until the stack is used up. */
static int overflow(void *opaque) {
    volatile char frame[512];
    frame[0] = opaque != NULL;
    return frame[0] ? overflow(opaque) + frame[0] : 0;
}

/* Below the lowest address of this thread's stack. */
static char *own_fence(void) {
#if defined(__linux__)
    pthread_attr_t attributes;
    void *lowest;
    size_t size;
    if (pthread_getattr_np(pthread_self(), &attributes) ||
        pthread_attr_getstack(&attributes, &lowest, &size))
        abort();
    pthread_attr_destroy(&attributes);
    return (char *)lowest - 64;
#else
    return (char *)pthread_get_stackaddr_np(pthread_self()) -
           pthread_get_stacksize_np(pthread_self()) - 64;
#endif
}

typedef struct Foreigner {
    struct sigaction action;
    bool late; /* comes after the library's handlers, and passes on what is not its own */
} Foreigner;

static void *fault_everywhere(void *argument) {
    const Foreigner *foreigner = argument;
    GuardThread self;
    Guard guard = {0};
    if (!guard_thread_begin(&self)) abort();
    if (foreigner->late) sigaction(SIGSEGV, &foreigner->action, &below);
    for (int round = 1; round <= 3; round++) {
        CHECK(guard_run(&guard, overflow, &guard) == DFD_STATUS_STACK);
        CHECK(guard_run(&guard, touch, own_fence()) == DFD_STATUS_STACK);
        CHECK(faults == 4 * round - 4, "a fault in our fence is none of the foreigner's");
        CHECK(guard_run(&guard, touch_and_recover, nowhere) == DFD_STATUS_OK);
        CHECK(faults == 4 * round - 3, "a fault inside a task, but not in our fence");
        touch_and_recover(nowhere);
        CHECK(faults == 4 * round - 2, "a fault between two tasks");
        claimed = own_fence();
        CHECK(guard_run(&guard, touch_in_critical_section, claimed) == DFD_STATUS_OK);
        CHECK(faults == 4 * round - 1, "what must not be left half way is not");
        touch_and_recover(claimed);
        CHECK(faults == 4 * round, "a fault in our fence between two tasks");
        claimed = NULL;
    }
    guard_thread_end();
    return NULL;
}

/* Forks; whether the child that runs `body` exits by itself and without a failed check. */
static void in_child(int (*body)(const Foreigner *foreigner), const Foreigner *foreigner,
                     int expected) {
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        alarm(CHILD_PATIENCE);
        if (jit_is_open())
            jit_tune((JitTuning){0}); /* nobody waits for a thread that is not here */
        nowhere = mmap(NULL, FENCE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        int result = body(foreigner);
        fflush(stdout);
        _exit(result || atomic_load(&check_failures) > 0);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    CHECK(status == expected, "the child ended with %#x", (unsigned)status);
}

static int meet_foreigner(const Foreigner *foreigner) {
    if (!foreigner->late) sigaction(SIGSEGV, &foreigner->action, NULL);
    pthread_join(start(fault_everywhere, (void *)(uintptr_t)foreigner, 256 * KB), NULL);
    int before = faults;
    touch_and_recover(nowhere);
    CHECK(faults == before + 1, "a fault on a thread that is no worker");
    return 0;
}

TEST("a SIGSEGV handler older than ours gets all faults but those in our own fence") {
    Foreigner told = {.action = {.sa_sigaction = on_foreign_fault, .sa_flags = SA_SIGINFO}};
    Foreigner plain = {.action = {.sa_handler = on_plain_fault, .sa_flags = SA_NODEFER}};
    in_child(meet_foreigner, &told, 0);
    in_child(meet_foreigner, &plain, 0);
}

TEST("a SIGSEGV handler younger than ours may pass on to us what is ours") {
    Foreigner late = {
        .action = {.sa_sigaction = on_foreign_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK},
        .late = true,
    };
    in_child(meet_foreigner, &late, 0);
}

static void *begin_and_touch(void *action) {
    GuardThread self;
    Guard guard = {0};
    sigaction(SIGSEGV, action, NULL);
    if (!guard_thread_begin(&self)) abort();
    CHECK(guard_run(&guard, overflow, &guard) == DFD_STATUS_STACK);
    guard_run(&guard, touch, nowhere);
    return NULL;
}

static int fault_unhandled(const Foreigner *foreigner) {
    pthread_join(start(begin_and_touch, (void *)(uintptr_t)&foreigner->action, 256 * KB), NULL);
    return 3;
}

TEST("a fault that nobody handles ends the process as it does without us") {
    Foreigner none = {.action = {.sa_handler = SIG_DFL}},
              deaf = {.action = {.sa_handler = SIG_IGN}};
    in_child(fault_unhandled, &none, SIGSEGV);
    in_child(fault_unhandled, &deaf, SIGSEGV);
}

/* Recurses until less of the stack is left than the kernel needs for a signal, and stays there. */
static int use_up_stack(void *fence) {
    volatile char frame[64];
    frame[0] = 1;
    if ((char *)__builtin_frame_address(0) - (char *)fence > 512) return use_up_stack(fence) + 1;
    while (frame[0]) continue;
    return frame[0];
}

typedef struct Deep {
    GuardThread thread;
    Guard guard;
    atomic_bool begun, ended;
} Deep;

static void *stop_deep_tasks(void *argument) {
    Deep *deep = argument;
    if (!guard_thread_begin(&deep->thread)) abort();
    atomic_store(&deep->begun, true);
    for (int round = 0; round < 50; round++) {
        int status = guard_run(&deep->guard, use_up_stack, own_fence() + 64);
        CHECK(status == DFD_STATUS_CANCELLED, "left with %d", status);
    }
    atomic_store(&deep->ended, true);
    guard_thread_end();
    return NULL;
}

static int stop_on_a_full_stack(const Foreigner *foreigner) {
    Deep deep = {0};
    pthread_t thread = start(stop_deep_tasks, &deep, 256 * KB);
    (void)foreigner;
    atomic_store(&deep.guard.stop, DFD_STATUS_CANCELLED);
    while (!atomic_load(&deep.begun)) usleep(100);
    while (!atomic_load(&deep.ended)) {
        guard_signal(&deep.thread);
        usleep(100);
    }
    pthread_join(thread, NULL);
    return 0;
}

TEST("a task that has used up its stack is left by a signal, too") {
    in_child(stop_on_a_full_stack, &(Foreigner){0}, 0);
}

static const char recursion[] = "(() => { const f = (n) => 1 + f(n + 1); return f(0); })";

/* The engine believes its stack to be far larger than it is: its own check never strikes. */
static void *overflow_in_engine(void *argument) {
    Realm *realm = realm_open(MEMORY, 64 * MB);
    Bytes out = {0};
    GuardThread self;
    if (!realm || !guard_thread_begin(&self)) abort();
    Program *program = compile(realm, recursion);
    for (int round = 0; round < 20; round++) {
        int status = run(realm, program, &out);
        CHECK(status == DFD_STATUS_STACK && out.length == 0, "ended with %d", status);
        check_restore(realm, "a fault in the fence");
        check_probe(realm, "a fault in the fence", &out);
    }
    program_drop(program);
    bytes_free(&out);
    realm_close(realm);
    guard_thread_end();
    return argument;
}

TEST("a task that runs into its stack's fence ends alone") {
    REQUIRE(prepare());
    pthread_join(start(overflow_in_engine, NULL, 512 * KB), NULL);
}

/* --- allocations --------------------------------------------------------------------------- */

/* A prime: scripts are left at other allocations each, and together at all kinds of them. */
static unsigned step(void) { return runs() >= 100000 ? 1 : runs() >= 10000 ? 5 : 17; }

/* Compiles the script with the k-th allocation refused; whether it came to its end all the same. */
static bool compile_refused(Realm *realm, size_t script, uint64_t k) {
    Bytes reply = {0};
    const char *source = scripts[script];
    arena_fail_at(realm_arena(realm), k);
    Program *program;
    int status = realm_compile(realm, source, strlen(source), flags_of(source), &reply, &program);
    CHECK((program != NULL) == (status == 0 && !reply.failed), "it says so, and only then");
    CHECK(!program || (program->size == programs[script]->size &&
                       !memcmp(program->bytecode, programs[script]->bytecode, program->size)),
          "compiled to something else: %s", scripts[script]);
    program_drop(program);
    bytes_free(&reply);
    return program != NULL;
}

static bool run_refused(Realm *realm, size_t script, uint64_t k, Bytes *out) {
    arena_fail_at(realm_arena(realm), k);
    int status = run(realm, programs[script], out);
    if (status == DFD_STATUS_MEMORY) {
        CHECK(out->length == 0, "nothing half encoded is left of %s", scripts[script]);
        return false;
    }
    CHECK(status == statuses[script] && same(out, &results[script]), "%d by %s", status,
          scripts[script]);
    return true;
}

TEST("a task may be left at any allocation, of compiling, decoding, running and encoding") {
    REQUIRE(prepare());
    Realm *realm = realm_open(MEMORY, STACK);
    Bytes out = {0};
    unsigned deaths = 0;
    REQUIRE(realm);
    for (size_t script = 0; script < COUNT(scripts); script++) {
        bool ended = false;
        for (uint64_t k = 1 + script % step(); !ended; k += step()) {
            ended = compile_refused(realm, script, k);
            check_restore(realm, scripts[script]);
            check_probe(realm, scripts[script], &out);
            deaths += !ended;
        }
        ended = false;
        for (uint64_t k = 1 + script % step(); !ended; k += step()) {
            ended = run_refused(realm, script, k, &out);
            check_restore(realm, scripts[script]);
            check_probe(realm, scripts[script], &out);
            deaths += !ended;
        }
    }
    CHECK(deaths > 10000 / step(), "only %u", deaths);
    printf("# %u deaths, at every allocation in %u\n", deaths, step());
    bytes_free(&out);
    realm_close(realm);
}

/* Asks a task to stop as soon as it stored something in its cell. */
typedef struct Asker {
    Realm *realm;
    int status;
    _Alignas(8) _Atomic int32_t cell; /* lent to the task */
} Asker;

static void *ask_when_told(void *argument) {
    Asker *asker = argument;
    while (!atomic_load(&asker->cell)) sched_yield();
    realm_stop(asker->realm, asker->status);
    return NULL;
}

TEST("a task that is left in the middle of its result takes nothing along, whatever the reason") {
    static const char source[] =
        "((cell) => [new ArrayBuffer(5e6), { get a() { new Int32Array(cell)[0] = 1; for (;;); } }, "
        "new ArrayBuffer(5e6)])";
    static const uint8_t lent[8] = {WIRE_SHARED, 0};
    static const Limits none;
    Realm *realm = realm_open(MEMORY, STACK);
    REQUIRE(realm);
    Program *program = compile(realm, source);
    for (int status = DFD_STATUS_MEMORY; status < DFD_STATUS_COUNT; status++) {
        Asker asker = {.realm = realm, .status = status};
        Grants grants = {0};
        Bytes out = {0};
        CloneRegion region = {.data = (uint8_t *)&asker.cell, .length = sizeof asker.cell};
        pthread_t thread;
        realm_lend(realm, &region, 1);
        REQUIRE(pthread_create(&thread, NULL, ask_when_told, &asker) == 0);
        CHECK(realm_run(realm, program, lent, 2, 1, &none, &out) == status);
        pthread_join(thread, NULL);
        CHECK(out.length == 0, "%zu bytes with status %d", out.length, status);
        CHECK(realm_move_out(realm, &grants, &out) == 0 && !grants.first, "status %d", status);
        realm_stop(realm, 0);
        realm_restore(realm);
        grants_close(&grants);
        bytes_free(&out);
    }
    program_drop(program);
    realm_close(realm);
}

/* --- restores ------------------------------------------------------------------------------ */

TEST("a realm is restored a million times, however its tasks end") {
    static const Limits none, small = {.memory = 160 * KB}, flat = {.stack = 16 * KB};
    REQUIRE(prepare());
    Realm *realm = realm_open(MEMORY, STACK);
    Bytes out = {0};
    unsigned ends[DFD_STATUS_COUNT] = {0};
    REQUIRE(realm);
    for (unsigned i = 0, count = 10 * runs(); i < count; i++) {
        size_t script = i % COUNT(scripts);
        const Limits *limits = i % 5 == 1 ? &small : i % 7 == 2 ? &flat : &none;
        int status = run_limited(realm, programs[script], limits, &out);
        ends[status]++;
        if (limits == &none)
            CHECK(status == statuses[script] && same(&out, &results[script]), "%d by %s", status,
                  scripts[script]);
        check_restore(realm, scripts[script]);
        if (limits != &none && i % 3 == 0) check_probe(realm, scripts[script], &out);
    }
    for (int status = DFD_STATUS_OK; status <= DFD_STATUS_MEMORY; status++)
        CHECK(ends[status] > 0, "no task ended with %d", status);
    CHECK(!ends[DFD_STATUS_INTERNAL]);
    bytes_free(&out);
    realm_close(realm);
}

/* --- presets ------------------------------------------------------------------------------- */

/* A value of some megabytes, and tasks that look at it here and there and spoil what they see. */
static const char large_source[] =
    "(() => Array.from({ length: 20000 }, (_, i) => ({ i, name: 'row ' + i, list: [i] })))";
static const char *const spoilers[] = {
    "((v) => v.length)",
    "((v) => v[12345].name)",
    "((v) => { for (let i = 0; i < v.length; i += 997) v[i].list.push(v); return 1; })",
    "((v) => { v.length = 0; return 1; })",
    "((v) => { for (const row of v) row.i = -1; return 1; })",
    "((v) => { v.sort((a, b) => b.i - a.i); return v[0].i; })",
    "((v) => { for (let i = 0; ; i = (i + 7919) % 20000) v[i].list = [v[i]]; })",
};
static const char look_source[] =
    "((v) => { let sum = 0; for (const { i, name, list } of v)"
    "  sum += i + name.length * 3 + list[0] * 7 + list.length; return [v.length, sum]; })";

static Bytes large;

/* Calls a program with the first preset. */
static int run_on_preset(Realm *realm, Program *program, const Limits *limits, Bytes *out) {
    static const uint8_t argument[8] = {WIRE_PRESET, 0};
    out->length = 0;
    out->failed = false;
    return realm_run(realm, program, argument, 2, 1, limits, out);
}

/* A list of values, and where its next one goes. */
typedef struct Shares {
    Share *first, **end;
} Shares;

static void add_share(Shares *shares, const uint8_t *data, size_t length) {
    Share *share = malloc(sizeof *share + length);
    if (!share) abort();
    *share = (Share){.length = length};
    memcpy(share->value, data, length);
    if (!shares->end) shares->end = &shares->first;
    *shares->end = share;
    shares->end = &share->next;
}

static void free_shares(Share *share) {
    for (Share *next; share; share = next) {
        next = share->next;
        free(share);
    }
}

static void *with_presets(void *unused) {
    static const Limits none, little = {.memory = 512 * KB};
    (void)unused;
    Realm *realm = realm_open(MEMORY, STACK);
    Bytes first = {0}, out = {0};
    GuardThread self;
    if (!realm || !guard_thread_begin(&self)) abort();
    Shares shares = {0};
    add_share(&shares, large.data, large.length);
    CHECK(realm_share(realm, shares.first, 1) == 0);
    add_share(&shares, value.data, value.length);
    CHECK(realm_share(realm, shares.first, 2) == 0);
    Program *look = compile(realm, look_source);
    CHECK(run_on_preset(realm, look, &none, &first) == DFD_STATUS_OK);
    check_restore(realm, "a look");
    for (unsigned round = 0; round < 3 + runs() / 200; round++) {
        for (size_t i = 0; i < COUNT(spoilers); i++) {
            Program *spoiler = compile(realm, spoilers[i]);
            bool endless = i == COUNT(spoilers) - 1;
            /* The endless one, and each in its turn, dies at some allocation. */
            if (endless || round % COUNT(spoilers) == i)
                arena_fail_at(realm_arena(realm), 1 + round * 37 % 400);
            int status = run_on_preset(realm, spoiler, round % 2 ? &none : &little, &out);
            CHECK(status == DFD_STATUS_OK || status == DFD_STATUS_MEMORY, "%d by %s", status,
                  spoilers[i]);
            check_restore(realm, spoilers[i]);
            program_drop(spoiler);
        }
        CHECK(run_on_preset(realm, look, &none, &out) == DFD_STATUS_OK && same(&first, &out),
              "round %u", round);
        check_restore(realm, "a look");
        check_probe(realm, "a look", &out);
    }
    guard_thread_end();
    program_drop(look);
    bytes_free(&first);
    bytes_free(&out);
    realm_close(realm);
    free_shares(shares.first);
    return NULL;
}

TEST("a large preset is as it was after each task, and costs only what is touched of it") {
    REQUIRE(prepare());
    Realm *realm = realm_open(MEMORY, STACK);
    REQUIRE(realm);
    Program *maker = compile(realm, large_source);
    CHECK(run_limited(realm, maker, &(Limits){0}, &large) == DFD_STATUS_OK &&
          large.length > 256 * KB);
    program_drop(maker);
    realm_close(realm);
    pthread_join(start(with_presets, NULL, MB), NULL);
    bytes_free(&large);
}

/* { n: value }, in the wire format. */
static void put_n_of(Bytes *bytes, const uint8_t *n, size_t length) {
    static const uint8_t head[] = {WIRE_OBJECT, 1, WIRE_STRING8, 1, 'n'};
    bytes->length = 0;
    bytes_write(bytes, head, sizeof head);
    bytes_write(bytes, n, length);
}

static size_t put_preset(uint8_t out[3], unsigned number) {
    out[0] = WIRE_PRESET;
    out[1] = (uint8_t)((number & 0x7f) | (number > 0x7f ? 0x80 : 0));
    out[2] = (uint8_t)(number >> 7);
    return number > 0x7f ? 3 : 2;
}

/* Every tenth is no encoding, every tenth refers to the one before, and at each size of a batch
 * memory ends once while they are made. */
TEST("presets are given many at once, and one that can't be had costs no other") {
    enum { PRESETS = 300, INT_SIZE = 5 };
    unsigned all_lost = 0;
    REQUIRE(prepare());
    for (uint32_t batch = 1; batch <= PRESETS; batch = batch * 3 + 1) {
        Realm *realm = realm_open(MEMORY, STACK);
        REQUIRE(realm);
        Program *look = compile(realm, "((v) => [v.n, v])");
        Shares shares = {0};
        Bytes bytes = {0}, out = {0}, wanted = {0};
        for (uint32_t i = 0; i < PRESETS; i++) {
            uint8_t n[INT_SIZE] = {WIRE_INT, (uint8_t)i, (uint8_t)(i >> 8), 1, 0};
            put_n_of(&bytes, n, i % 10 == 5 ? put_preset(n, i - 1) : INT_SIZE);
            add_share(&shares, bytes.data, bytes.length - (i % 10 == 3));
        }
        arena_fail_at(realm_arena(realm), batch); /* each preset takes more than one block */
        for (uint32_t given = 0; given < PRESETS;) {
            given = given + batch < PRESETS ? given + batch : PRESETS;
            CHECK(realm_share(realm, shares.first, given) == 0);
            check_restore(realm, "sharing");
        }
        unsigned lost = 0;
        for (uint32_t i = 0; i < PRESETS; i++) {
            uint8_t n[INT_SIZE] = {WIRE_INT, (uint8_t)i, (uint8_t)(i >> 8), 1, 0};
            uint8_t argument[8], before[3];
            size_t length = put_preset(argument, i);
            wanted.length = out.length = 0;
            bytes_write(&wanted, (uint8_t[]){WIRE_ARRAY, 2}, 2);
            if (i % 10 == 5)
                bytes_write(&wanted, before, put_preset(before, i - 1));
            else
                bytes_write(&wanted, n, INT_SIZE);
            bytes_write(&wanted, argument, length);
            int status = realm_run(realm, look, argument, length, 1, &(Limits){0}, &out);
            if (i % 10 == 3)
                CHECK(status == DFD_STATUS_THROWN, "%u is no value: %d", i, status);
            else if (status == DFD_STATUS_THROWN)
                lost++;
            else
                CHECK(status == DFD_STATUS_OK && same(&out, &wanted), "%u of %u", i, batch);
            check_restore(realm, "a look at a preset");
        }
        /* Memory ended for one, to which the next may refer; or for one that is no encoding. */
        CHECK(lost <= 2, "%u presets of %u are lost", lost, batch);
        all_lost += lost;
        check_probe(realm, "presets", &out);
        bytes_free(&bytes);
        bytes_free(&out);
        bytes_free(&wanted);
        program_drop(look);
        realm_close(realm);
        free_shares(shares.first);
    }
    CHECK(all_lost > 0, "memory never ended");
}

/* ms of this thread's processor that it takes to give a realm so many presets and to run a task
 * that is given and returns them all, among objects that are none; the least of some attempts. */
static double time_presets(uint32_t count) {
    double least = INFINITY;
    for (int attempt = 0; attempt < 3; attempt++) {
        Realm *realm = realm_open(MEMORY, STACK);
        if (!realm) abort();
        Program *among_others = compile(
            realm, "((v) => v.flatMap((o) => [o, ...Array.from({ length: 20 }, () => ({}))]))");
        Shares shares = {0};
        Bytes bytes = {0}, all = {0}, out = {0};
        const uint8_t n[] = {WIRE_NULL};
        put_n_of(&bytes, n, sizeof n);
        bytes_write(&all, (uint8_t[]){WIRE_ARRAY, (uint8_t)(count | 0x80), (uint8_t)(count >> 7)},
                    3);
        for (uint32_t i = 0; i < count; i++) {
            uint8_t preset[3];
            add_share(&shares, bytes.data, bytes.length);
            bytes_write(&all, preset, put_preset(preset, i));
        }
        struct timespec from, to;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
        CHECK(realm_share(realm, shares.first, count) == 0);
        CHECK(realm_run(realm, among_others, all.data, all.length, 1, &(Limits){0}, &out) == 0);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
        double ms =
            (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6;
        if (ms < least) least = ms;
        bytes_free(&bytes);
        bytes_free(&all);
        bytes_free(&out);
        program_drop(among_others);
        realm_close(realm);
        free_shares(shares.first);
    }
    return least;
}

TEST("sixteen times as many presets take sixteen times as long, not the square of it") {
    REQUIRE(prepare());
    double few = time_presets(256), many = time_presets(256 * 16);
    CHECK(many < few * 40, "%.2f ms for 256, %.2f ms for 4096", few, many);
}

/* --- threads in turn ----------------------------------------------------------------------- */

#define NOMADS 4

typedef struct Turns {
    pthread_mutex_t lock;
    pthread_cond_t next;
    Realm *realm;
    Program *deep;
    unsigned turn;
    Bytes first; /* result of `deep` */
} Turns;

typedef struct Nomad {
    Turns *turns;
    unsigned number;
} Nomad;

static void *enter_in_turn(void *argument) {
    const Nomad *nomad = argument;
    Turns *turns = nomad->turns;
    Realm *realm = turns->realm;
    Bytes out = {0};
    GuardThread self;
    if (!guard_thread_begin(&self)) abort();
    for (unsigned round = 0; round < 20; round++) {
        pthread_mutex_lock(&turns->lock);
        while (turns->turn % NOMADS != nomad->number) pthread_cond_wait(&turns->next, &turns->lock);
        int status = run(realm, turns->deep, &out);
        CHECK(status == DFD_STATUS_OK && same(&out, &turns->first), "ended with %d", status);
        check_restore(realm, "a deep recursion");
        check_probe(realm, "a deep recursion", &out);
        turns->turn++;
        pthread_cond_broadcast(&turns->next);
        pthread_mutex_unlock(&turns->lock);
    }
    guard_thread_end();
    bytes_free(&out);
    return NULL;
}

TEST("a realm may be entered by one thread after the other, and has its whole stack on each") {
    /* How deep it comes, in hundreds: frames differ by no more. */
    static const char source[] =
        "(() => { let n = 0; const f = () => { n++; f(); }; try { f(); } catch (e) { return "
        "[e.message, n > 50, n < 5000]; } })";
    Nomad nomads[NOMADS];
    pthread_t threads[NOMADS];
    Turns turns = {.lock = PTHREAD_MUTEX_INITIALIZER, .next = PTHREAD_COND_INITIALIZER};
    REQUIRE(prepare());
    turns.realm = realm_open(MEMORY, STACK);
    REQUIRE(turns.realm);
    turns.deep = compile(turns.realm, source);
    CHECK(run(turns.realm, turns.deep, &turns.first) == DFD_STATUS_OK);
    realm_restore(turns.realm);
    for (unsigned i = 0; i < NOMADS; i++) {
        nomads[i] = (Nomad){&turns, i};
        threads[i] = start(enter_in_turn, &nomads[i], STACK + (128 + 64 * i) * KB);
    }
    for (unsigned i = 0; i < NOMADS; i++) pthread_join(threads[i], NULL);
    program_drop(turns.deep);
    bytes_free(&turns.first);
    realm_close(turns.realm);
}

/* --- signals ------------------------------------------------------------------------------- */

#define VICTIMS 3

/* Tasks that do not end. */
typedef struct Work {
    const char *const *sources;
    Program *const *programs; /* NULL for in_c */
    size_t count;
} Work;

typedef struct Victim {
    Realm *realm;
    GuardThread thread;
    const Work *work;
    unsigned wanted; /* kills */
    unsigned seed;
    unsigned kills[COUNT(busy)]; /* of each of its work */
    pthread_mutex_t lock;
    /* Under the lock: */
    bool ready, running, gone; /* ready: may be signalled, until it is gone */
    double begun, due;         /* when the task did, and when it is to be killed */
} Victim;

/* As the pool does: what was meant for the task before does not count for this one. */
static void begin(Victim *victim, double due) {
    pthread_mutex_lock(&victim->lock);
    realm_stop(victim->realm, 0);
    victim->running = due < INFINITY;
    victim->due = due;
    victim->begun = now();
    pthread_mutex_unlock(&victim->lock);
}

static void end(Victim *victim) {
    pthread_mutex_lock(&victim->lock);
    victim->running = false;
    pthread_mutex_unlock(&victim->lock);
}

/* What the encoder does now and then. */
static int grow_for_ever(void *opaque) {
    Bytes *bytes = opaque;
    for (size_t size = 64; bytes_reserve(bytes, size); size = size < 64 * KB ? size * 2 : 64) {
        if (size < 64 * KB) continue;
        guard_critical_enter();
        bytes_free(bytes);
        guard_critical_leave();
    }
    return DFD_STATUS_MEMORY;
}

static void *be_killed(void *argument) {
    Victim *victim = argument;
    const Work *work = victim->work;
    Realm *realm = victim->realm;
    Bytes out = {0};
    uint64_t state = victim->seed;
    unsigned kills = 0;
    if (!guard_thread_begin(&victim->thread)) abort();
    realm_watch(realm);
    pthread_mutex_lock(&victim->lock);
    victim->ready = true;
    victim->begun = now();
    pthread_mutex_unlock(&victim->lock);
    for (unsigned i = victim->seed; kills < victim->wanted; i++) {
        size_t task = i % work->count;
        /* At once, most often within a few restores' time, seldom later. */
        double chance = (double)(random_bits(&state) % 1000) / 1000;
        bytes_free(&out); /* so that it grows */
        begin(victim, now() + chance * chance * 1e-3);
        int status = work->programs[task] ? run(realm, work->programs[task], &out)
                                          : guard_run(realm_guard(realm), grow_for_ever, &out);
        end(victim);
        if (status == DFD_STATUS_CANCELLED) {
            CHECK(out.length == 0, "something half encoded is left");
            victim->kills[task]++;
            kills++;
        } else { /* the encoder came to its end before the signal did */
            CHECK(status == DFD_STATUS_OK || status == DFD_STATUS_UNCLONEABLE, "%d by %s", status,
                  work->sources[task]);
        }
        check_restore(realm, work->sources[task]); /* signals still come, and a stop is asked */
        begin(victim, INFINITY);
        check_probe(realm, work->sources[task], &out); /* signals still come */
    }
    pthread_mutex_lock(&victim->lock);
    victim->ready = false;
    victim->gone = true;
    pthread_mutex_unlock(&victim->lock);
    guard_thread_end();
    bytes_free(&out);
    return NULL;
}

/* Kills who is due; and signals, for nothing, whoever's turn it is. Until all are gone. */
static void kill_all(Victim *victims) {
    unsigned alive = VICTIMS;
    for (unsigned round = 0; alive > 0; round++) {
        alive = 0;
        for (unsigned i = 0; i < VICTIMS; i++) {
            Victim *victim = &victims[i];
            pthread_mutex_lock(&victim->lock);
            double late = victim->running ? now() - victim->due : -1;
            if (late >= 0) realm_stop(victim->realm, DFD_STATUS_CANCELLED);
            if (victim->ready && (late >= 0 || round % VICTIMS == i)) guard_signal(&victim->thread);
            alive += !victim->gone;
            if (victim->ready && now() - victim->begun > PATIENCE) {
                printf("# %s\n", late > 0 ? "a task can't be killed" : "a thread does not go on");
                abort();
            }
            pthread_mutex_unlock(&victim->lock);
        }
        nanosleep(&(struct timespec){.tv_nsec = 10000}, NULL);
    }
}

/* Kills tasks of one kind of work, on all threads. */
static void kill_many(const Work *work) {
    static Victim victims[VICTIMS];
    pthread_t threads[VICTIMS];
    unsigned total = 0;
    for (unsigned i = 0; i < VICTIMS; i++) {
        Victim *victim = &victims[i];
        *victim = (Victim){.realm = realm_open(MEMORY, STACK),
                           .work = work,
                           .wanted = runs() / VICTIMS + 1,
                           .seed = i * 9 + 1};
        REQUIRE(victim->realm && pthread_mutex_init(&victim->lock, NULL) == 0);
    }
    for (unsigned i = 0; i < VICTIMS; i++)
        threads[i] = start(be_killed, &victims[i], STACK + 128 * KB);
    kill_all(victims);
    for (unsigned i = 0; i < VICTIMS; i++) pthread_join(threads[i], NULL);
    for (size_t task = 0; task < work->count; task++) {
        unsigned kills = 0;
        for (unsigned i = 0; i < VICTIMS; i++) kills += victims[i].kills[task];
        CHECK(kills > 0 || runs() < 10 * work->count, "never killed: %s", work->sources[task]);
        total += kills;
    }
    CHECK(total >= runs());
    printf("# %u kills on %d threads\n", total, VICTIMS);
    for (unsigned i = 0; i < VICTIMS; i++) {
        pthread_mutex_destroy(&victims[i].lock);
        realm_close(victims[i].realm);
    }
}

static const Work busy_work = {busy, loops, COUNT(busy)}, hot_work = {hot, hot_loops, COUNT(hot)};

TEST("tasks are killed by a signal at any instant, and their threads go on") {
    REQUIRE(prepare());
    kill_many(&busy_work);
    kill_many(&hot_work);
}

static int drown_in_signals(const Foreigner *foreigner) {
    Victim victim = {.realm = realm_open(MEMORY, STACK), .work = &busy_work, .wanted = 100};
    (void)foreigner;
    if (!victim.realm || pthread_mutex_init(&victim.lock, NULL)) abort();
    pthread_t thread = start(be_killed, &victim, STACK + 128 * KB);
    for (bool gone = false; !gone;) {
        pthread_mutex_lock(&victim.lock);
        if (victim.running && now() > victim.due) realm_stop(victim.realm, DFD_STATUS_CANCELLED);
        for (int i = 0; victim.ready && i < 1000; i++) guard_signal(&victim.thread);
        gone = victim.gone;
        pthread_mutex_unlock(&victim.lock);
        /* Locks aren't fair: one that is taken again at once is never the victim's. */
        nanosleep(&(struct timespec){.tv_nsec = 10000}, NULL);
    }
    return pthread_join(thread, NULL);
}

TEST("signals that come faster than a thread can hear them do not pile up on its stack") {
    REQUIRE(prepare());
    in_child(drown_in_signals, NULL, 0);
}

/* Whether there is code of it, which an endless loop is in as soon as that is there. */
static bool is_compiled(const Program *program) {
    JitProgram *records = atomic_load(&program->jit);
    return records && atomic_load(&records->codes);
}

/* The last, as from here on this process has a thread that compiles, which a child would not have.
 */
TEST("they are killed so in compiled code, and while they wait for it") {
    REQUIRE(prepare());
    if (!jit_open()) SKIP("executable memory");
    for (int waits = 0; waits < 2; waits++) {
        jit_tune((JitTuning){.synchronous = waits, .hot_loop = 9, .hot_call = 9, .recorded = 2});
        kill_many(&hot_work);
    }
    kill_many(&busy_work);
    for (size_t i = 0; i < COUNT(hot); i++)
        CHECK(is_compiled(hot_loops[i]), "never compiled: %s", hot[i]);
}
