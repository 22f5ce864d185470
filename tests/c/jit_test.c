/* jit_test.c - compiled code does what the interpreter does.
 *
 * Each case of jit_cases.txt is a function that is called several times. What it gives, or throws,
 * is the same byte for byte
 *
 *   interpreted,
 *   compiled as soon as it can be,
 *   compiled after it was recorded for a while,
 *   and with each guard of its code failing in turn, whether what it guards holds or not: then the
 *   interpreter has to find its frame exactly as it would have made it itself.
 *
 * What breaks them: in make_state (build.c), leave out the stack, or a variable; in read_value
 * (lower.c), do not test the tag; in arithmetic, emit ADD_WRAP for ADD.
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "deferred.h"
#include "guard.h"
#include "jit/jit.h"
#include "realm.h"

#define CASES                                                                                      \
    "tests/c/jit_cases.txt" /* or what JIT_CASES names: tests/jit_programs_test.ts makes some */
#define MB ((size_t)1 << 20)
#define MEMORY (64 * MB)
#define STACK ((size_t)512 << 10)
#define RUNS 4

typedef struct Case {
    char *name, *source;
    Bytes result;
    int status;
} Case;

static Case *cases;
static size_t case_count;
static Realm *realm;
static GuardThread self;

static char *read_text(const char *name) {
    FILE *file = fopen(name, "rb");
    if (!file) return NULL;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = calloc((size_t)size + 1, 1);
    if (fread(text, 1, (size_t)size, file) != (size_t)size) abort();
    fclose(file);
    return text;
}

static bool read_cases(void) {
    if (cases) return true;
    const char *name = getenv("JIT_CASES");
    char *text = read_text(name ? name : CASES);
    if (!text) return false;
    for (char *at = strstr(text, "//// "); at;) {
        char *line = strchr(at, '\n'), *next = strstr(at + 5, "\n//// ");
        *line = 0;
        if (next) *next = 0;
        cases = realloc(cases, sizeof *cases * (case_count + 1));
        cases[case_count++] = (Case){.name = at + 5, .source = line + 1};
        at = next ? next + 1 : NULL;
    }
    return true;
}

/* On a thread that has begun, so that compiled code may run, and in a realm of `STACK`. */
static bool ready(void) {
    if (!realm) {
        if (!guard_thread_begin(&self)) return false;
        realm = realm_open(MEMORY, STACK);
    }
    return realm && read_cases();
}

static Program *compile(const char *source) {
    Bytes reply = {0};
    Program *program = NULL;
    realm_compile(realm, source, strlen(source), DFD_COMPILE_STRICT, &reply, &program);
    realm_restore(realm);
    bytes_free(&reply);
    return program;
}

static int run(Program *program, Bytes *out) {
    static const uint8_t none[8];
    out->length = 0;
    out->failed = false;
    int status = realm_run(realm, program, none, 0, 0, &(Limits){0}, out);
    realm_restore(realm);
    return status;
}

/* Runs a case, afresh, several times, and compares. Returns whether all was the same. */
static bool same(const Case *it, const char *mode) {
    Bytes out = {0};
    bool good = true;
    Program *program = compile(it->source);
    for (int i = 0; program && good && i < RUNS; i++) {
        int status = run(program, &out);
        good = status == it->status && out.length == it->result.length &&
               memcmp(out.data, it->result.data, out.length) == 0;
        CHECK(good, "%s: %s, run %d: status %d, not %d; %zu bytes, not %zu", it->name, mode, i + 1,
              status, it->status, out.length, it->result.length);
    }
    CHECK(program, "%s does not compile", it->name);
    program_drop(program);
    bytes_free(&out);
    return program && good;
}

static bool wanted(const Case *it) {
    const char *only = getenv("JIT_CASE");
    return !only || strstr(it->name, only);
}

/* The first, as nothing is compiled until the room is opened. */
TEST("the cases of jit_cases.txt, interpreted") {
    REQUIRE(ready() && !jit_is_open());
    for (size_t i = 0; i < case_count; i++) {
        if (!wanted(&cases[i])) continue;
        Program *program = compile(cases[i].source);
        CHECK(program, "%s does not compile", cases[i].name);
        if (!program) continue;
        cases[i].status = run(program, &cases[i].result);
        CHECK(cases[i].status == DFD_STATUS_OK || cases[i].status == DFD_STATUS_THROWN,
              "%s: status %d", cases[i].name, cases[i].status);
        program_drop(program);
        CHECK(same(&cases[i], "interpreted"));
    }
}

static void all_in(const char *mode) {
    for (size_t i = 0; i < case_count; i++)
        if (wanted(&cases[i])) same(&cases[i], mode);
}

TEST("the cases, compiled as soon as they can be") {
    REQUIRE(ready());
    if (!jit_open()) SKIP("executable memory");
    jit_tuning = (JitTuning){.synchronous = true, .hot_loop = 1, .hot_call = 1, .recorded = 1};
    uint64_t before = jit_stats.runs;
    all_in("at once");
    CHECK(jit_stats.runs > before + case_count, "compiled code has hardly run");
}

TEST("the cases, compiled after they were recorded for a while") {
    REQUIRE(ready());
    if (!jit_open()) SKIP("executable memory");
    jit_tuning = (JitTuning){.synchronous = true, .hot_loop = 5, .hot_call = 2, .recorded = 9};
    uint64_t before = jit_stats.runs;
    all_in("later");
    CHECK(jit_stats.runs > before + case_count, "compiled code has hardly run");
}

TEST("the cases, with each guard failing in turn") {
    REQUIRE(ready());
    if (!jit_open()) SKIP("executable memory");
    for (size_t i = 0; i < case_count; i++) {
        if (!wanted(&cases[i])) continue;
        uint32_t most = 1;
        for (uint32_t guard = 1; guard <= most; guard++) {
            char mode[64];
            snprintf(mode, sizeof mode, "guard %u fails", guard);
            jit_stats.most_guards = 0;
            jit_tuning = (JitTuning){
                .synchronous = true, .hot_loop = 2, .hot_call = 1, .recorded = 4, .force = guard};
            if (!same(&cases[i], mode)) break;
            if (jit_stats.most_guards > most) most = jit_stats.most_guards;
        }
    }
}

TEST("the cases as they are for users, compiled on another thread meanwhile") {
    REQUIRE(ready());
    if (!jit_open()) SKIP("executable memory");
    jit_tuning = (JitTuning){.hot_loop = 20, .hot_call = 10, .recorded = 5};
    for (int round = 0; round < 3; round++) all_in("meanwhile");
}
