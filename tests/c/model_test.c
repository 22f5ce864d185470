/* model_test.c - realms that are made of an image: copied and moved, in place of built.
 *
 * What makes the tests fail; all of it was tried:
 *   byte for byte  shape hashes that take an object's address; an image that keeps where the
 *                  thread's stack is
 *   classes        hashes of Maps that take an object's address
 *   elsewhere      an image that is moved only if the arena lies elsewhere
 *   tasks          arena_restore that moves nothing, or takes an image of its own before it did
 */
#include "arena.h"
#include "check.h"
#include "deferred.h"
#include "fault.h"
#include "realm.h"

#include <pthread.h>

#define KB ((size_t)1 << 10)
#define MB ((size_t)1 << 20)
#define MEMORY (32 * MB)
#define STACK (256 * KB)

static const Limits none;

static Program *compile(Realm *realm, const char *source) {
    Bytes reply = {0};
    Program *program;
    realm_compile(realm, source, strlen(source), DFD_COMPILE_STRICT, &reply, &program);
    CHECK(program && !reply.failed, "%s", source);
    realm_restore(realm);
    bytes_free(&reply);
    return program;
}

/* Runs a program that returns a number from 0 to 127; -1 if it ended in any other way. */
static int run(Realm *realm, Program *program) {
    Bytes out = {0};
    int status = realm_run(realm, program, NULL, 0, 0, &none, &out);
    bool fits = status == DFD_STATUS_OK && out.length == 1 && out.data[0] >= 0x80;
    int number = fits ? out.data[0] - 0x80 : -1; /* as wire.h has it */
    CHECK(fits, "status %d, %.*s", status, (int)out.length, (const char *)out.data);
    bytes_free(&out);
    realm_restore(realm);
    return number;
}

static void *open_there(void *model) { return realm_open_alike(MEMORY, STACK, model, false); }

/* Builds one on another thread, where the stack is elsewhere. */
static Realm *build_elsewhere(RealmModel *model) {
    pthread_t thread;
    void *realm;
    if (pthread_create(&thread, NULL, open_there, model)) return NULL;
    return pthread_join(thread, &realm) ? NULL : realm;
}

#define REALMS 8

/* Builds realms, gives them classes, and checks that the first one's image, moved to where each
 * other one is, is what was built there. Returns whether the model was learned. */
static bool learn(RealmModel *model, Realm *realms[REALMS], const char *classes) {
    REQUIRE(realm_model_open(model));
    for (int i = 0; i < REALMS; i++) {
        realms[i] = i % 2 ? build_elsewhere(model) : open_there(model);
        REQUIRE(realms[i]);
        if (!classes) continue;
        Program *program = compile(realms[i], classes);
        Bytes thrown = {0};
        CHECK(realm_preload(realms[i], program, STACK, &thrown) == 0);
        bytes_free(&thrown);
        program_drop(program);
    }
    realm_model_take(model, realms[0]);
    return realm_model_learn(model, realms[1]);
}

static void close_all(RealmModel *model, Realm *realms[REALMS]) {
    for (int i = 0; i < REALMS; i++) realm_close(realms[i]);
    realm_model_close(model);
}

/* Makes realms of the image until one lies where a realm was built before, if that can be had. */
static void compare_with_built(const RealmModel *model, Realm *realms[REALMS]) {
    for (int i = 2; i < REALMS; i++) {
        ptrdiff_t at = arena_image_differs(model->image, realm_arena(realms[i]));
        CHECK(at == -1, "realm %d differs at byte %td of %zu", i, at, realm_image_size(realms[i]));
    }
}

TEST("an image that is moved is byte for byte what is built there") {
    RealmModel model;
    Realm *realms[REALMS];
    REQUIRE(learn(&model, realms, NULL));
    compare_with_built(&model, realms);
    close_all(&model, realms);
}

static const char classes_source[] =
    "(() => {"
    "  class Money { constructor(n) { this.n = n; } twice() { return this.n * 2; } }"
    "  const keyed = new Map([[Money, 1], [Money.prototype, 2], [Symbol.iterator, 3], ['x', 4]]);"
    "  const weak = new WeakMap([[keyed, Money]]), set = new Set([keyed, weak]);"
    "  globalThis.found = () => keyed.get(Money) + keyed.get(Money.prototype) * 2 +"
    "    (weak.get(keyed) === Money) * 10 + set.has(weak) * 20 + /a(b+)/.exec('abb')[1].length;"
    "  globalThis.Money = Money;"
    "  return [Money.prototype];"
    "})";

TEST("classes, and Maps whose keys are objects, are moved as well") {
    RealmModel model;
    Realm *realms[REALMS];
    REQUIRE(learn(&model, realms, classes_source));
    compare_with_built(&model, realms);
    Program *program = compile(realms[0], "(() => found() + new Money(21).twice())");
    Realm *realm = realm_open_alike(MEMORY, STACK, &model, true);
    REQUIRE(realm);
    for (int i = 0; i < 6; i++) CHECK(run(realm, program) == 5 + 10 + 20 + 2 + 42);
    realm_close(realm);
    program_drop(program);
    close_all(&model, realms);
}

TEST("classes that note the time, or draw lots, make no model") {
    static const char *const sources[] = {
        "(() => { class A { static made = Math.random(); } globalThis.A = A; return [A.prototype] "
        "})",
        "(() => { class A { static at = performance.now(); } globalThis.A = A; return "
        "[A.prototype] })",
    };
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        RealmModel model;
        Realm *realms[REALMS];
        CHECK(!learn(&model, realms, sources[i]), "%s", sources[i]);
        close_all(&model, realms);
    }
}

TEST("an arena may lie where the image's own one lay: what is outside of it lies elsewhere") {
    RealmModel model;
    Realm *realms[REALMS];
    bool there = false;
    REQUIRE(learn(&model, realms, NULL));
    Program *program =
        compile(realms[0], "(() => performance.now() >= 0 && setTimeout(() => {}) > 0"
                           " ? 5 : 6)");
    for (int i = 0; i < REALMS; i++) realm_close(realms[i]);
    for (int i = 0; i < REALMS; i++) {
        realms[i] = realm_open_alike(MEMORY, STACK, &model, true);
        REQUIRE(realms[i]);
        there |= realm_arena(realms[i]) == model.arena;
        CHECK(run(realms[i], program) == 5);
    }
    CHECK(there, "no arena was opened where the first one was");
    program_drop(program);
    close_all(&model, realms);
}

TEST("tasks in a realm that was moved find it pristine each time, and so does who opens the next") {
    RealmModel model;
    Realm *realms[REALMS], *moved[4];
    REQUIRE(learn(&model, realms, NULL));
    Program *spoils =
        compile(realms[0], "(() => { const before = [].push.name === 'push' && !globalThis.left;"
                           "  Array.prototype.push = 1; globalThis.left = { a: [1] };"
                           "  delete Math.max; Math.min = null;"
                           "  return before ? 7 : 8; })");
    Program *counts =
        compile(realms[0], "(() => { const m = new Map(), o = {}; for (let i = 0; i < 5000; i++)"
                           "  m.set({}, i), o['k' + i] = [i]; return m.size / 50; })");
    for (int i = 0; i < REALMS; i++) realm_close(realms[i]); /* the image lives on */
    for (int i = 0; i < 4; i++) {
        moved[i] = realm_open_alike(MEMORY, STACK, &model, true);
        REQUIRE(moved[i]);
        CHECK(arena_compare(realm_arena(moved[i])) == -1);
        CHECK(arena_dirt(realm_arena(moved[i]), MB) == -1);
        CHECK(!arena_check(realm_arena(moved[i])), "%s", arena_check(realm_arena(moved[i])));
    }
    for (int round = 0; round < 40; round++) {
        for (int i = 0; i < 4; i++) {
            CHECK(run(moved[i], spoils) == 7);
            CHECK(arena_compare(realm_arena(moved[i])) == -1);
            CHECK(run(moved[i], counts) == 100);
            CHECK(arena_compare(realm_arena(moved[i])) == -1);
            CHECK(arena_dirt(realm_arena(moved[i]), MB) == -1);
        }
    }
    for (int i = 0; i < 4; i++) realm_close(moved[i]);
    program_drop(spoils);
    program_drop(counts);
    realm_model_close(&model);
}
