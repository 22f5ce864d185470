/* realm_image_test.c - a whole engine in an arena: whatever a task does, and wherever it is left,
 * a restore brings back every byte of the pristine realm.
 *
 * Only the engine and the arena take part, so that what fails here is one of the two.
 * ARENA_TEST_RUNS scales the number of tasks (10000 is the default, 100000 the full size).
 *
 * What makes the tests fail; all of it was tried:
 *   restores, results, allocations, signals, suspended
 *                an arena_restore that does not clear what is above the image
 *   restores     one that copies 4 KB less, at either end
 *   suspended    evaluating without JS_UpdateStackTop
 */
#include "arena.h"
#include "check.h"
#include "faults.h"
#include "quickjs.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdint.h>
#include <sys/time.h>

#define KB ((size_t)1 << 10)
#define MB ((size_t)1 << 20)
#define LIMIT (24 * MB)
#define STACK_LIMIT (128 * KB)
#define POLLS_ALLOWED 8  /* of the interrupt handler, before a task is interrupted */
#define POLLS_FORGIVEN 3 /* and before one that swallows the interrupt is left */

/* --- a realm in an arena ------------------------------------------------------------------- */

typedef struct Realm {
    Arena *arena;
    JSRuntime *runtime;
    JSContext *ctx;
} Realm;

/* What a task is left by; outside of every arena. */
static sigjmp_buf leave;
static volatile sig_atomic_t inside;
static int polls;

static void on_exhausted(void *opaque) {
    (void)opaque;
    inside = 0;
    siglongjmp(leave, 1);
}

static int on_poll(JSContext *ctx, void *opaque) {
    (void)ctx, (void)opaque;
    if (++polls > POLLS_ALLOWED + POLLS_FORGIVEN) {
        inside = 0;
        siglongjmp(leave, 1);
    }
    return polls > POLLS_ALLOWED;
}

static void *realm_calloc(void *arena, size_t count, size_t size) {
    return arena_calloc(arena, count, size);
}
static void *realm_malloc(void *arena, size_t size) { return arena_alloc(arena, size); }
static void realm_free(void *arena, void *block) { arena_free(arena, block); }
static void *realm_realloc(void *arena, void *block, size_t size) {
    return arena_realloc(arena, block, size);
}

static bool realm_open(Realm *realm) {
    static const JSMallocFunctions functions = {
        realm_calloc, realm_malloc, realm_free, realm_realloc, arena_usable_size,
    };
    realm->arena = arena_open(64 * MB);
    if (!realm->arena) return false;
    arena_on_exhausted(realm->arena, on_exhausted, NULL);
    realm->runtime = JS_NewRuntime2(&functions, realm->arena);
    realm->ctx = JS_NewContext(realm->runtime);
    JS_SetMaxStackSize(realm->runtime, STACK_LIMIT);
    JS_SetInterruptHandler(realm->runtime, on_poll, NULL);
    JS_SetGCThreshold(realm->runtime, 256 * KB);
    arena_set_limit(realm->arena, LIMIT);
    return arena_snapshot(realm->arena);
}

/* Evaluates, runs the jobs that are left, and copies the result as text to `out`. Frees nothing
 * that a restore would not. */
static void evaluate(Realm *realm, const char *source, char *out, size_t size) {
    JSContext *job_ctx;
    const char *text;
    JSValue value;
    JS_UpdateStackTop(realm->runtime);
    value = JS_Eval(realm->ctx, source, strlen(source), "task.js", JS_EVAL_TYPE_GLOBAL);
    for (int i = 0; i < 1000 && JS_ExecutePendingJob(realm->runtime, &job_ctx) != 0; i++) continue;
    if (JS_IsException(value)) value = JS_GetException(realm->ctx);
    text = JS_ToCString(realm->ctx, value);
    snprintf(out, size, "%s", text ? text : "(no text)");
}

/* Whether the task came to its end; if not, it was left. */
static bool run(Realm *realm, const char *source, char *out, size_t size) {
    if (sigsetjmp(leave, 1) != 0) return false;
    polls = 0;
    inside = 1;
    evaluate(realm, source, out, size);
    inside = 0;
    return true;
}

static void restore_and_compare(Realm *realm, const char *after, size_t above) {
    ptrdiff_t difference, dirt;
    arena_restore(realm->arena);
    difference = arena_compare(realm->arena);
    dirt = arena_dirt(realm->arena, above);
    CHECK(difference == -1, "byte %td of the image differs after %s", difference, after);
    CHECK(dirt == -1, "byte %td above the image is not zero after %s", dirt, after);
}

/* --- tasks --------------------------------------------------------------------------------- */

/* Tasks that end soon, each with a mess of its own kind. */
static const char *const tasks[] = {
    "1 + 1",
    "globalThis.left = { behind: [1, 2, 3] }; Object.keys(globalThis).length",
    "Object.prototype.polluted = 1; Array.prototype.push = () => 'mine'; [].push(1)",
    "for (const k of Object.getOwnPropertyNames(globalThis)) try { delete globalThis[k]; } catch "
    "{}",
    "Object.freeze(globalThis); Object.freeze(Object.prototype); Object.freeze(Array.prototype)",
    "Object.setPrototypeOf(Object.getPrototypeOf(function* () {}), null);"
    "Object.setPrototypeOf(Array.prototype, new Proxy({}, { get: (_, k) => k })); [].nothing",
    "Object.defineProperty(Array.prototype, 0, { get() { return 7; }, set() { throw 8; } }); "
    "[,][0]",
    "const o = {}; for (let i = 0; i < 3000; i++) o['key' + i] = i; Object.keys(o).length",
    "const o = {}; o.o = o; for (let i = 0; i < 5000; i++) { const x = {}; x.x = [x]; } 1",
    "let s = ''; for (let i = 0; i < 3000; i++) s += 'text' + i; s.length",
    "let s = 'ab'; for (let i = 0; i < 14; i++) s += s; s.replaceAll('a', '\\u{1f600}').length",
    "[...'xyzzy'].map((c) => Symbol.for(c)).map(Symbol.keyFor).join() + String(Symbol('own'))",
    "const m = new Map(), w = new WeakMap(), k = []; for (let i = 0; i < 500; i++) {"
    "k.push({}); m.set(k[i], i); w.set(k[i], k); } m.delete(k[3]); k.length = 9; m.size",
    "globalThis.w = new WeakRef({}); new FinalizationRegistry(() => { left = 1; }).register({}, 1)",
    "class A { #x = 1; static { A.count = 2; } get x() { return this.#x; } } class B extends A {}"
    "new B().x + B.count",
    "function* g() { try { yield 1; yield 2; } finally { left = 3; } } const i = g(); i.next()",
    "(async () => { for (let i = 0; i < 30; i++) await i; throw new Error('late'); })(); 1",
    "const p = Promise.withResolvers(); p.promise.then(() => p.promise); new Promise(() => {}); 1",
    "(function f() { f(); })()",
    "let n = 0; const f = () => { n++; try { f(); } catch { } }; f(); n > 10",
    "/(a+)+$/.test('a'.repeat(14) + 'b')",
    "const all = []; for (let i = 0; i < 100; i++) all.push(new RegExp(`(${i})|x{${i}}`, 'giu'));"
    "all.map((r) => 'x5x'.replace(r, '$1')).length",
    "let b = 1n; for (let i = 0; i < 400; i++) b = b * 12345678901n + 1n; b.toString(36).length",
    "new Uint8Array(3e6).fill(255).length",
    "const b = new ArrayBuffer(10, { maxByteLength: 1e5 }); b.resize(9e4); new Uint8Array(b)[5] = "
    "1;"
    "b.transfer().byteLength",
    "JSON.stringify(JSON.parse('[' + '{\"a\":[1,2.5,\"\\u00e9\\u20ac\"]},'.repeat(300) + "
    "'0]')).length",
    "const a = []; for (let i = 0; i < 4000; i++) a.push((i * 7919) % 4001); a.sort((x, y) => x - "
    "y);"
    "a.sort(() => { throw new Error('in sort'); })",
    "const a = [1, 2, 3]; a[4e9] = 1; a.length = 4294967295; a[100000] = 1; a.reverse; a.length",
    "const a = [1, 2, 3, 4]; a.map((x) => { a.length = 0; a.push({}); return x; }).length",
    "eval('var x = 1; let y = () => x'); new Function('a', 'return a + x')(2)",
    "const { proxy, revoke } = Proxy.revocable(function () {}, { ownKeys() { revoke(); return []; }"
    "}); Reflect.ownKeys(proxy); try { proxy(); } catch (e) { e.message }",
    "Error.stackTraceLimit = 1000; const e = new Error('x', { cause: new AggregateError([1]) });"
    "Error.prototype.toString = () => 'mine'; e.stack = {}; String(e)",
    "Iterator.from([1, 2, 3]).map((x) => x * 2).filter((x) => x > 2).take(1).toArray()",
    "Array.fromAsync([1, Promise.resolve(2)]).then((a) => { globalThis.a = a; }); 1",
    "String.raw`a${1}b` + ((s) => s[0])`x${1}y` + 'é€'.normalize('NFD') + '\\ud800'.isWellFormed()",
    "new Date(2020, 1, 30).toISOString() + Date.UTC(2020) + new Date(NaN)",
    "Math.random = () => 4; Number.prototype.valueOf = null; structure = Math; with (structure) PI",
    "queueMicrotask(function again() { queueMicrotask(again); }); 1",
};

/* Tasks that do not end by themselves: memory or an interrupt ends them. */
static const char *const endless[] = {
    "const a = []; for (;;) a.push({ a: a.length, b: [a] });",
    "let s = 'ab'; for (;;) s = s + s + '!';",
    "const a = []; for (;;) a.push(new Uint8Array(1e5));",
    "const m = new Map(); for (let i = 0; ; i++) m.set('key' + i, { i });",
    "for (;;) { try { new Promise(() => { for (;;) {} }); } catch {} }",
    "let a = []; for (;;) { a = [a, a.toString().slice(0, 9)]; }",
    "const keep = []; for (;;) keep.push(/x{1,9}(?<n>y)/.exec('xxy'), new Error('e'));",
    "let b = 3n; for (;;) b = (b * b) & ((1n << 4000n) - 1n);",
    "const a = [9, 8, 7]; for (;;) a.sort((x, y) => (a.push(x), y - x));",
    "const o = {}; for (let i = 0; ; i++) { o['k' + i] = i; delete o['k' + (i >> 1)]; }",
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static unsigned runs(unsigned of_ten_thousand) {
    const char *text = getenv("ARENA_TEST_RUNS");
    double scale = text ? atof(text) / 10000 : 1;
    return (unsigned)(of_ten_thousand * scale) + 1;
}

/* --- tests --------------------------------------------------------------------------------- */

TEST("a fresh realm fits into 128 KB") {
    Realm realm;
    REQUIRE(realm_open(&realm));
    CHECK(arena_image_size(realm.arena) < 128 * KB, "%zu", arena_image_size(realm.arena));
    CHECK(!arena_check(realm.arena), "%s", arena_check(realm.arena));
    arena_close(realm.arena);
}

/* All that a realm's globals lead to: names, descriptors, prototypes. */
static const char fingerprint[] =
    "const seen = new Set(), lines = [];"
    "const walk = (value, path) => {"
    "  if (Object(value) !== value) return void lines.push(path + String(value));"
    "  if (seen.has(value)) return;"
    "  lines.push(path + typeof value);"
    "  seen.add(value);"
    "  walk(Object.getPrototypeOf(value), '^');"
    "  for (const key of Reflect.ownKeys(value)) {"
    "    const d = Object.getOwnPropertyDescriptor(value, key);"
    "    const name = String(key) + (d.writable | d.enumerable << 1 | d.configurable << 2);"
    "    for (const part of [d.value, d.get, d.set]) walk(part, name);"
    "  }"
    "};"
    "walk(globalThis, '');"
    "lines.join()";

static char pristine[256 << 10], later[256 << 10];

/* `watches`: only what a task writes to is restored. */
static void run_all_sorts(bool watches) {
    Realm realm;
    char text[64];
    unsigned count = runs(watches ? 4000 : 10000), left = 0;
    REQUIRE(realm_open(&realm));
    if (watches) {
        take_faults(realm.arena);
        arena_watch(realm.arena, 0);
        CHECK(arena_is_watched(realm.arena) || (size_t)sysconf(_SC_PAGESIZE) > 8 * KB);
    }
    REQUIRE(run(&realm, fingerprint, pristine, sizeof pristine));
    CHECK(strlen(pristine) > 10000 && strlen(pristine) < sizeof pristine - 1, "%s", pristine);
    restore_and_compare(&realm, "the fingerprint", 64 * MB);
    for (unsigned i = 0; i < count; i++) {
        /* Each task in turn; now and then, as they are slow, one that does not end. */
        bool ends = i % 100 != 0;
        const char *source = ends ? tasks[i % COUNT(tasks)] : endless[i / 100 % COUNT(endless)];
        if (!run(&realm, source, text, sizeof text)) left++;
        restore_and_compare(&realm, source, i % 64 == 0 ? 32 * MB : 64 * KB);
        if (i % 100 == 0 || i < COUNT(tasks)) {
            REQUIRE(run(&realm, fingerprint, later, sizeof later));
            CHECK(strcmp(later, pristine) == 0, "another world after %s", source);
            restore_and_compare(&realm, "the fingerprint", 64 * KB);
        }
    }
    CHECK(left > 0 && left <= count / 100 + 1, "%u of %u tasks were left", left, count);
    CHECK(!arena_check(realm.arena), "%s", arena_check(realm.arena));
    if (watches) take_faults(NULL);
    arena_close(realm.arena);
}

TEST("whatever tasks do, a restore brings back every byte, and the next task sees nothing of it") {
    run_all_sorts(false);
}

TEST("a restore of no more than what was written to brings back every byte as well") {
    run_all_sorts(true);
}

TEST("tasks do what they did in the fresh realm") {
    static const struct {
        const char *source, *result;
    } expected[] = {
        {"Object.prototype.polluted = 1; Array.prototype.push = () => 'mine'; [].push(1)", "mine"},
        {"typeof polluted + [].push(1)", "undefined1"},
        {"class A { #x = 1; get x() { return this.#x; } } new A().x", "1"},
        {"(function f() { f(); })()", "RangeError: Maximum call stack size exceeded"},
        {"new Uint8Array(3e6).fill(255).lastIndexOf(255)", "2999999"},
        {"new Uint8Array(3e6).indexOf(255)", "-1"},
        {"let b = 1n; for (let i = 0; i < 9; i++) b = b * 99n + 1n; b", "922838852049800500"},
        {"JSON.stringify(JSON.parse('[{\"a\":[1,2.5]},0]'))", "[{\"a\":[1,2.5]},0]"},
        {"[3, 1, 2].sort().toString() + Symbol.keyFor(Symbol.for('s'))", "1,2,3s"},
    };
    Realm realm;
    char text[128];
    REQUIRE(realm_open(&realm));
    for (unsigned round = 0; round < 20; round++) {
        for (size_t i = 0; i < COUNT(expected); i++) {
            CHECK(run(&realm, expected[i].source, text, sizeof text));
            CHECK(strcmp(text, expected[i].result) == 0, "%s gave %s", expected[i].source, text);
            restore_and_compare(&realm, expected[i].source, 4 * MB);
        }
    }
    arena_close(realm.arena);
}

TEST("a task may be left at any of its allocations") {
    static const char source[] =
        "const o = { a: [1, 'two', 3n], m: new Map([[1, 2]]) };"
        "class A { #p = o; *[Symbol.iterator]() { yield* [this.#p.a, `x${1}`]; } }"
        "const r = [...new A()].flat().map(String).sort().join('-').replace(/t(w)o/u, '$1');"
        "(async () => { await r; try { null.x; } catch (e) { o.e = e.stack; } })();"
        "JSON.stringify({ r, d: [1.5, null], u: new Uint8Array([1, 2]) })";
    Realm realm;
    char text[128];
    uint64_t n = 1, step = 10000 / runs(10000) + 1;
    bool ended = false;
    REQUIRE(realm_open(&realm));
    for (; !ended; n += step) {
        arena_fail_at(realm.arena, n);
        ended = run(&realm, source, text, sizeof text);
        CHECK(!arena_check(realm.arena), "%s", arena_check(realm.arena));
        restore_and_compare(&realm, "an allocation that failed", 64 * KB);
        REQUIRE(n < 1000000);
    }
    CHECK(n > 300, "only %u allocations", (unsigned)n);
    arena_fail_at(realm.arena, 0);
    CHECK(run(&realm, source, text, sizeof text));
    CHECK(strstr(text, "{\"r\":\"1-3-w-x1\""), "%s", text);
    arena_close(realm.arena);
}

/* --- left by a signal ---------------------------------------------------------------------- */

static void on_alarm(int signal_number) {
    (void)signal_number;
    if (!inside) return;
    inside = 0;
    siglongjmp(leave, 1);
}

/* Runs until a signal comes, which may come before or after. */
static void run_until_alarm(Realm *realm, const char *source, unsigned microseconds) {
    struct itimerval timer = {.it_value.tv_usec = microseconds};
    char text[64];
    if (setitimer(ITIMER_REAL, &timer, NULL) != 0) abort();
    run(realm, source, text, sizeof text);
}

TEST("a task may be left by a signal at any instruction of the engine") {
    struct sigaction action = {.sa_handler = on_alarm}, before;
    struct itimerval off = {0};
    Realm realm;
    unsigned count = runs(2000);
    REQUIRE(realm_open(&realm));
    REQUIRE(run(&realm, fingerprint, pristine, sizeof pristine));
    arena_restore(realm.arena);
    REQUIRE(sigaction(SIGALRM, &action, &before) == 0);
    for (unsigned i = 0; i < count; i++) {
        const char *source = i % 3 ? tasks[i / 3 % COUNT(tasks)] : endless[i / 3 % COUNT(endless)];
        if (strstr(source, "Date")) continue; /* local time has a lock, and no guard here */
        run_until_alarm(&realm, source, 20 + i * 13 % 900);
        restore_and_compare(&realm, source, i % 64 == 0 ? 32 * MB : 64 * KB);
    }
    setitimer(ITIMER_REAL, &off, NULL);
    sigaction(SIGALRM, &before, NULL);
    REQUIRE(run(&realm, fingerprint, later, sizeof later));
    CHECK(strcmp(later, pristine) == 0);
    arena_close(realm.arena);
}

TEST("realms side by side are independent, and built alike are as large") {
    Realm one, other;
    char text[64];
    REQUIRE(realm_open(&one));
    REQUIRE(realm_open(&other));
    CHECK(arena_image_size(one.arena) == arena_image_size(other.arena));
    CHECK(run(&one, "Object.prototype.mark = 'one'; 1", text, sizeof text));
    CHECK(run(&other, "({}).mark", text, sizeof text));
    CHECK(strcmp(text, "undefined") == 0, "%s", text);
    CHECK(run(&one, "({}).mark", text, sizeof text));
    CHECK(strcmp(text, "one") == 0, "%s", text);
    arena_restore(one.arena);
    CHECK(arena_compare(other.arena) != -1);
    restore_and_compare(&other, "the other's restore", MB);
    arena_close(one.arena);
    CHECK(run(&other, "1 + 1", text, sizeof text));
    arena_close(other.arena);
}

/* --- suspended ----------------------------------------------------------------------------- */

#define RUNNERS 3

/* An async function that waits to be resumed, a generator between two values, and each time it goes
 * on a recursion that needs most of the stack. */
static const char suspended[] =
    "let resume, sum = 0;"
    "const deep = (n) => n === 0 ? 0 : 1 + deep(n - 1);"
    "const values = (function* () { let all = 0; for (;;) all += deep(9) + (yield all); })();"
    "const waiting = (async () => {"
    "  for (;;) sum += await new Promise((resolve) => { resume = resolve; }) + deep(9);"
    "})();"
    "values.next().value";

/* The realm passes from thread to thread, its task suspended. */
typedef struct Relay {
    Realm realm;
    pthread_mutex_t lock;
    pthread_cond_t next;
    unsigned turn, turns, sum; /* sum: what the task must have come to */
} Relay;

typedef struct Runner {
    Relay *relay;
    unsigned number;
} Runner;

static void resume(Relay *relay) {
    char source[64], expected[64], text[64];
    snprintf(source, sizeof source, "resume(%u); values.next(%u).value", relay->turn, relay->turn);
    relay->sum += relay->turn + 9;
    snprintf(expected, sizeof expected, "%u", relay->sum);
    polls = 0;
    evaluate(&relay->realm, source, text, sizeof text); /* and the jobs */
    CHECK(strcmp(text, expected) == 0, "the generator: %s, not %s", text, expected);
    evaluate(&relay->realm, "sum", text, sizeof text);
    CHECK(strcmp(text, expected) == 0, "the async function: %s, not %s", text, expected);
}

static void *resume_in_turn(void *argument) {
    const Runner *runner = argument;
    Relay *relay = runner->relay;
    pthread_mutex_lock(&relay->lock);
    while (relay->turn < relay->turns) {
        if (relay->turn % RUNNERS == runner->number) {
            resume(relay);
            relay->turn++;
            pthread_cond_broadcast(&relay->next);
        } else {
            pthread_cond_wait(&relay->next, &relay->lock);
        }
    }
    pthread_mutex_unlock(&relay->lock);
    return NULL;
}

TEST("a suspended task goes on on another thread") {
    Relay relay = {.lock = PTHREAD_MUTEX_INITIALIZER, .next = PTHREAD_COND_INITIALIZER};
    Runner runners[RUNNERS];
    pthread_t threads[RUNNERS];
    char text[64];
    REQUIRE(realm_open(&relay.realm));
    for (unsigned round = 0; round < 2; round++) {
        REQUIRE(run(&relay.realm, suspended, text, sizeof text));
        CHECK(strcmp(text, "0") == 0, "%s", text);
        relay.turn = relay.sum = 0;
        relay.turns = runs(3000);
        for (unsigned i = 0; i < RUNNERS; i++) {
            runners[i] = (Runner){&relay, i};
            REQUIRE(pthread_create(&threads[i], NULL, resume_in_turn, &runners[i]) == 0);
        }
        for (unsigned i = 0; i < RUNNERS; i++) pthread_join(threads[i], NULL);
        CHECK(relay.turn == relay.turns);
        restore_and_compare(&relay.realm, "a task of many threads", MB);
    }
    arena_close(relay.realm.arena);
}
