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
#include <unistd.h>

#include "check.h"
#include "deferred.h"
#include "fault.h"
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
    jit_tune((JitTuning){.synchronous = true, .hot_loop = 1, .hot_call = 1, .recorded = 1});
    uint64_t before = jit_stats.runs;
    all_in("at once");
    CHECK(jit_stats.runs > before + case_count, "compiled code has hardly run");
}

TEST("the cases, compiled after they were recorded for a while") {
    REQUIRE(ready());
    if (!jit_open()) SKIP("executable memory");
    jit_tune((JitTuning){.synchronous = true, .hot_loop = 5, .hot_call = 2, .recorded = 9});
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
            jit_tune((JitTuning){
                .synchronous = true, .hot_loop = 2, .hot_call = 1, .recorded = 4, .force = guard});
            if (!same(&cases[i], mode)) break;
            if (jit_stats.most_guards > most) most = jit_stats.most_guards;
        }
    }
}

TEST("the cases as they are for users, compiled on another thread meanwhile") {
    REQUIRE(ready());
    if (!jit_open()) SKIP("executable memory");
    jit_tune((JitTuning){.hot_loop = 20, .hot_call = 10, .recorded = 5});
    for (int round = 0; round < 3; round++) all_in("meanwhile");
}

/* What was taken for a program is given back by two threads: the last may be late. */
static bool given_back(long blocks, long mappings) {
    for (int ms = 0; ms < 5000; ms++) {
        if (fault_blocks() == blocks && fault_mappings() == mappings) return true;
        usleep(1000);
    }
    return false;
}

/* Runs a case while the `nth` call of a kind fails. Returns whether one did. */
static bool refused(const Case *it, FaultKind kind, int nth, Bytes *out) {
    Program *program = compile(it->source);
    if (!program) return false;
    fault_arm(kind, nth, 0);
    int status = run(program, out);
    bool struck = fault_struck();
    fault_arm(kind, 0, 0);
    bool as_ever = status == it->status && out->length == it->result.length &&
                   memcmp(out->data, it->result.data, out->length) == 0;
    CHECK(as_ever || (struck && status == DFD_STATUS_MEMORY), "%s: %s %d: status %d, %zu bytes",
          it->name, fault_name(kind), nth, status, out->length);
    /* What is made of it afterwards is the same as well. */
    status = run(program, out);
    CHECK(status == it->status && out->length == it->result.length &&
              memcmp(out->data, it->result.data, out->length) == 0,
          "%s: after %s %d: status %d, %zu bytes", it->name, fault_name(kind), nth, status,
          out->length);
    program_drop(program);
    return struck;
}

/* `head`, then `part` so many times, then `tail`. */
static void write_again(Bytes *to, const char *head, const char *part, int times,
                        const char *tail) {
    bytes_write(to, head, strlen(head));
    for (int i = 0; i < times; i++) bytes_write(to, part, strlen(part));
    bytes_write(to, tail, strlen(tail));
}

/* No memory limit counts what is kept of a program outside of its realm. */
TEST(
    "a function of very many variables and exits is not compiled, and few records are kept of very "
    "many loops") {
    REQUIRE(ready());
    if (!jit_open()) SKIP("executable memory");
    jit_tune((JitTuning){.synchronous = true, .hot_loop = 1, .hot_call = 1, .recorded = 1});
    Bytes text = {0}, out = {0};
    char variable[64];
    write_again(&text, "() => { const f = (a, b) => { var x = a, y = b;", "", 0, "");
    for (int i = 0; i < 340; i++) {
        snprintf(variable, sizeof variable, "var v%d = %d;", i, i);
        write_again(&text, variable, "", 0, "");
    }
    write_again(&text, "", "x=x-y;y=y-x;", 400, "return x+y");
    for (int i = 0; i < 340; i++) {
        snprintf(variable, sizeof variable, "+v%d", i);
        write_again(&text, variable, "", 0, "");
    }
    write_again(&text, "; }; return [f(0, 0), f(0, 0), f(0, 0), f(0, 0)].join(); }", "", 0, "");
    bytes_write(&text, "", 1);
    Program *program = compile((const char *)text.data);
    REQUIRE(program);
    CHECK(run(program, &out) == DFD_STATUS_OK);
    const JitProgram *records = atomic_load(&program->jit);
    REQUIRE(records);
    int refused = 0;
    for (uint32_t i = 0; i < records->count; i++)
        if (records->functions[i])
            refused += atomic_load(&jit_start(records->functions[i])->state) == JIT_REFUSED;
    CHECK(refused > 0);
    CHECK(!atomic_load(&records->codes));
    program_drop(program);

    text.length = 0;
    write_again(&text, "() => [", "", 0, "");
    for (int k = 0; k < 200; k++) {
        write_again(&text, "() => { var a = 0", "", 0, "");
        for (int i = 0; i < 390; i++) {
            snprintf(variable, sizeof variable, ",v%d", i);
            write_again(&text, variable, "", 0, "");
        }
        write_again(&text, ";", "while(a);", 250, "},");
    }
    write_again(&text, "].length", "", 0, "");
    bytes_write(&text, "", 1);
    program = compile((const char *)text.data);
    REQUIRE(program);
    long blocks = fault_blocks();
    CHECK(run(program, &out) == DFD_STATUS_OK);
    blocks = fault_blocks() - blocks;
    CHECK(blocks > 5000 && blocks < 30000, "%ld blocks", blocks);
    program_drop(program);
    bytes_free(&text);
    bytes_free(&out);
}

TEST("whatever the compiler asks for, and is refused, the interpreter goes on, and nothing is "
     "lost") {
    static const FaultKind kinds[] = {FAULT_malloc, FAULT_calloc, FAULT_realloc, FAULT_mmap,
                                      FAULT_mprotect};
    REQUIRE(ready());
    if (!jit_open()) SKIP("executable memory");
    jit_tune((JitTuning){.synchronous = true, .hot_loop = 1, .hot_call = 1, .recorded = 1});
    Bytes out = {0};
    int refusals = 0;
    for (size_t i = 0; i < case_count; i += 12) {
        if (!wanted(&cases[i])) continue;
        refused(&cases[i], FAULT_malloc, 2000, &out); /* `out` is large enough from now on */
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            long blocks = fault_blocks(), mappings = fault_mappings();
            for (int nth = 1; nth < 2000 && refused(&cases[i], kinds[k], nth, &out); nth++)
                refusals++;
            CHECK(given_back(blocks, mappings), "%s, %s: %ld blocks, %ld mappings too many",
                  cases[i].name, fault_name(kinds[k]), fault_blocks() - blocks,
                  fault_mappings() - mappings);
        }
    }
    CHECK(refusals > 200, "only %d were refused", refusals);
    bytes_free(&out);
}
