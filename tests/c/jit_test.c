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

/* The first are interpreted, the others compile in their own ways. */
#define CHECK_COMPILES
#include "check.h"
#include "deferred.h"
#include "fault.h"
#include "guard.h"
#include "jit/code.h"
#include "jit/ir.h"
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

/* Runs the text of a function, compiled at once. Returns its program, or NULL. */
static Program *run_text(Bytes *text, Bytes *out) {
    bytes_write(text, "", 1);
    Program *program = compile((const char *)text->data);
    CHECK(program, "does not compile");
    if (program) CHECK(run(program, out) == DFD_STATUS_OK);
    text->length = 0;
    return program;
}

/* `part`, in which a $ is a number that counts. */
static void write_numbered(Bytes *to, const char *part, int times) {
    char number[16];
    for (int i = 0; i < times; i++) {
        snprintf(number, sizeof number, "%d", i);
        for (const char *at = part; *at; at++)
            bytes_write(to, *at == '$' ? number : at, *at == '$' ? strlen(number) : 1);
    }
}

/* Functions that give the compiler work: `each` again and again, in a loop, among many variables.
 */
typedef struct Hostile {
    const char *name, *each;
    int times, variables;
    bool linear; /* what is four times as long takes hardly more than four times the work */
    const char *before, *after;
} Hostile;

static const Hostile hostile[] = {
    {"calls of Math", "x = Math.min(x, i); ", 150, 4, true, "", ""},
    {"sums", "x = (x + i + x + i) | 0; ", 150, 4, true, "", ""},
    {"a condition that is negated often", "t = !t; ", 900, 4, true, "let t = i > 2; ",
     "if (t) x ^= 1; "},
    {"inner loops", "for (let j = 0; j < i; j++) x ^= j; ", 25, 300, false, "", ""},
    {"loops in loops", "for (let j$ = 0; j$ < 2 && x < 9; j$++) ", 20, 40, false, "", "x++;"},
    {"values that change places", "[v$, v0] = [v0, v$]; ", 35, 180, false, "", ""},
    {"values that trade places on many ways",
     "if (x & $) { let t = v$; v$ = v1; v1 = v2; v2 = t; } ", 60, 150, false, "", ""},
};

static uint64_t work_for(const Hostile *kind, int times) {
    Bytes text = {0}, out = {0};
    write_again(&text, "() => { const f = () => { let x = 0; ", "", 0, "");
    write_numbered(&text, "let v$ = $; ", kind->variables);
    write_again(&text, "for (let i = 0; i < 4; i++) { ", "", 0, kind->before);
    write_numbered(&text, kind->each, times);
    write_again(&text, kind->after, "", 0, "} return x");
    write_numbered(&text, " + v$", kind->variables);
    write_again(&text, "; }; return f() + f() + f() + f(); }", "", 0, "");
    jit_stats.most_steps = 0;
    program_drop(run_text(&text, &out));
    bytes_free(&text);
    bytes_free(&out);
    return jit_stats.most_steps;
}

/* What breaks it: any loop of the compiler's that does not count itself. */
TEST("compiling takes a bounded number of steps, whatever a function is") {
    REQUIRE(ready());
    if (!jit_open()) SKIP("executable memory");
    jit_tune((JitTuning){.synchronous = true, .hot_loop = 1, .hot_call = 1, .recorded = 1});
    int bounded = 0;
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        uint64_t once = work_for(&hostile[i], hostile[i].times);
        uint64_t four = work_for(&hostile[i], hostile[i].times * 4);
        CHECK(once > 1000, "%s: %llu steps", hostile[i].name, (unsigned long long)once);
        CHECK(four < GRAPH_STEPS_MAX * 2, "%s: %llu steps", hostile[i].name,
              (unsigned long long)four);
        bounded += four > GRAPH_STEPS_MAX;
        CHECK(!hostile[i].linear || four < once * 6, "%s: %llu steps, then %llu", hostile[i].name,
              (unsigned long long)once, (unsigned long long)four);
    }
    CHECK(bounded > 0, "none comes to the bound");
}

/* A hundred functions, each called several times. */
static Program *run_many(Bytes *out) {
    Bytes text = {0};
    write_again(&text, "() => { let x = 0; ", "", 0, "");
    write_numbered(&text, "const f$ = (y) => { for (let i = 0; i < 4; i++) y += i; return y; }; ",
                   100);
    write_again(&text, "for (let k = 0; k < 4; k++) { ", "", 0, "");
    write_numbered(&text, "x += f$(k); ", 100);
    write_again(&text, "} return x; }", "", 0, "");
    Program *program = run_text(&text, out);
    bytes_free(&text);
    return program;
}

static uint64_t first_code(const JitProgram *records) {
    uint64_t first = UINT64_MAX;
    for (const JitCode *code = atomic_load(&records->codes); code; code = code->next)
        if (code->number < first) first = code->number;
    return first;
}

TEST("no program waits for all that another asked for; one that took too much gets no more") {
    REQUIRE(ready());
    if (!jit_open()) SKIP("executable memory");
    jit_tune((JitTuning){.hot_loop = 1, .hot_call = 1, .recorded = 1, .paused = true});
    Bytes out = {0}, text = {0};
    Program *greedy = run_many(&out);
    write_again(&text, "() => { let x = 0; for (let i = 0; i < 9; i++) x += i; return x; }", "", 0,
                "");
    Program *modest = run_text(&text, &out);
    REQUIRE(greedy && modest);
    jit_tune((JitTuning){.synchronous = true, .hot_loop = 1, .hot_call = 1, .recorded = 1});
    const JitProgram *many = atomic_load(&greedy->jit), *few = atomic_load(&modest->jit);
    uint64_t last = jit_stats.compiled;
    CHECK(last - first_code(many) > 100, "only %llu were compiled",
          (unsigned long long)(last - first_code(many)));
    CHECK(first_code(few) <= first_code(many) + 2, "the other program's came %llu later",
          (unsigned long long)(first_code(few) - first_code(many)));
    CHECK(many->steps > few->steps && few->steps > 0);
    program_drop(greedy);
    program_drop(modest);

    jit_tune((JitTuning){.synchronous = true, .hot_loop = 20, .hot_call = 20, .recorded = 4});
    for (int spent = 0; spent < 2; spent++) {
        Program *program =
            compile("() => { let x = 0; for (let i = 0; i < 9; i++) x += i; return x; }");
        CHECK(run(program, &out) == DFD_STATUS_OK);
        JitProgram *records = atomic_load(&program->jit);
        REQUIRE(records && !atomic_load(&records->codes));
        if (spent) records->steps = JIT_STEPS_MAX + 1;
        for (int i = 0; i < 5; i++) CHECK(run(program, &out) == DFD_STATUS_OK);
        CHECK((atomic_load(&records->codes) == NULL) == spent, "%d", spent);
        program_drop(program);
    }
    bytes_free(&text);
    bytes_free(&out);
}

TEST("of the memory for code, each program leaves as much as it has to others") {
    CodeShare shares[3] = {0};
    size_t piece = 64 << 10, all = 0;
    for (int i = 0; i < 3; i++) {
        while (code_take(&shares[i], piece)) all += piece;
        CHECK(shares[i] > CODE_BYTES_MAX / (size_t)(3 << i) &&
                  shares[i] <= CODE_BYTES_MAX / (size_t)(2 << i),
              "the %dth has %zu bytes", i, shares[i]);
    }
    CHECK(all < CODE_BYTES_MAX);
    for (int i = 0; i < 3; i++) {
        code_give(&shares[i], shares[i] - piece);
        code_give(&shares[i], piece);
        CHECK(shares[i] == 0);
    }
    CHECK(code_take(&shares[0], CODE_BYTES_MAX / 3), "what was given back is not to be had again");
    code_give(&shares[0], CODE_BYTES_MAX / 3);
}

/* What breaks it: is_assumed (lower.c) that says no. */
TEST("a builtin that code calls in many places is looked up once") {
    REQUIRE(ready());
    if (!jit_open()) SKIP("executable memory");
    jit_tune((JitTuning){.synchronous = true, .hot_loop = 1, .hot_call = 1, .recorded = 1});
    Bytes text = {0}, out = {0};
    write_again(&text, "() => { const f = (t) => { let x = 0.5; for (let k = 0; k < 9; k++) { ",
                "x += Math.floor(x) + Math.sqrt(x) + t.charCodeAt(k & 1); ", 20,
                "} return x; }; return f('ab') + f('ab') + f('ab') + f('ab'); }");
    Program *program = run_text(&text, &out);
    REQUIRE(program && atomic_load(&program->jit));
    uint32_t most = 0;
    for (const JitCode *code = atomic_load(&atomic_load(&program->jit)->codes); code;
         code = code->next)
        if (code->builtin_count > most) most = code->builtin_count;
    CHECK(most == 3, "%u", most);
    program_drop(program);
    bytes_free(&text);
    bytes_free(&out);
}

#define SPRAYED "0x3c909090" /* on x86: nop, nop, nop, and the next number hides in a cmp */

static bool contains(const uint8_t *bytes, size_t size, const void *what, size_t length) {
    for (size_t i = 0; i + length <= size; i++)
        if (memcmp(bytes + i, what, length) == 0) return true;
    return false;
}

TEST("no number of a task's is a part of its machine code") {
    REQUIRE(ready());
    if (!jit_open()) SKIP("executable memory");
    jit_tune((JitTuning){.synchronous = true, .hot_loop = 1, .hot_call = 1, .recorded = 1});
    static const uint32_t integer = 0x3c909090u;
    static const double number = 1.7235985711e-258;
    Bytes text = {0}, out = {0};
    write_again(
        &text,
        "() => { const f = (x, y, A) => { for (let i = 0; i < 9; i++) { "
        "x = x ^ " SPRAYED "; x = (x + " SPRAYED ") | 0; x = Math.imul(x, " SPRAYED "); "
        "if (x === " SPRAYED ") return " SPRAYED "; A[i] = " SPRAYED "; x &= " SPRAYED "; "
        "y = i > 3 ? " SPRAYED " : y; x = x << " SPRAYED "; A[" SPRAYED " & 7] = x % " SPRAYED "; "
        "y += 1.7235985711e-258; A[i] = 1.7235985711e-258; f0(" SPRAYED ", 1.7235985711e-258); } "
        "return x + y; }; const f0 = (p, q) => p + q;"
        "return f(1, 2, []) + f(1, 2, []) + f(1, 2, []) + f(1, 2, []); }",
        "", 0, "");
    Program *program = run_text(&text, &out);
    REQUIRE(program && atomic_load(&program->jit));
    int codes = 0;
    for (const JitCode *code = atomic_load(&atomic_load(&program->jit)->codes); code;
         code = code->next) {
        codes += code->used > 400;
        CHECK(!contains(code->pages, code->size, &integer, sizeof integer), "an integer");
        CHECK(!contains(code->pages, code->size, (const char *)&number + 2, 4),
              "a part of a double");
    }
    CHECK(codes > 0, "nothing of that was compiled");
    program_drop(program);
    bytes_free(&text);
    bytes_free(&out);
}

#if defined(__linux__)
/* What may be done with the page at an address, as /proc/self/maps has it: "r-xp"; "" if it is
 * none. */
static const char *access_at(const void *address, char found[8]) {
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    found[0] = 0;
    while (maps && fgets(line, sizeof line, maps)) {
        unsigned long long from, to;
        char access[8];
        if (sscanf(line, "%llx-%llx %7s", &from, &to, access) != 3) continue;
        if ((uintptr_t)address >= from && (uintptr_t)address < to)
            memcpy(found, access, sizeof access);
    }
    if (maps) fclose(maps);
    return found;
}

TEST("code lies between pages that nobody may touch, and may not be written") {
    REQUIRE(ready());
    if (!jit_open()) SKIP("executable memory");
    jit_tune((JitTuning){.synchronous = true, .hot_loop = 1, .hot_call = 1, .recorded = 1});
    Bytes out = {0};
    char access[8];
    Program *program = run_many(&out);
    REQUIRE(program && atomic_load(&program->jit));
    int codes = 0;
    for (const JitCode *code = atomic_load(&atomic_load(&program->jit)->codes); code && codes < 20;
         code = code->next) {
        const char *pages = code->pages, *region = jit_region();
        codes++;
        CHECK(pages > region && pages + code->size < region + JIT_REGION, "it is elsewhere");
        CHECK(strcmp(access_at(pages, access), "r-xp") == 0, "code: %s", access);
        CHECK(strcmp(access_at(pages + code->size - 1, access), "r-xp") == 0, "its end: %s",
              access);
        CHECK(strcmp(access_at(pages - 1, access), "---p") == 0, "before: %s", access);
        size_t size = round_up(code->size, os_page());
        CHECK(strcmp(access_at(pages + size, access), "---p") == 0, "after: %s", access);
    }
    CHECK(codes == 20);
    program_drop(program);
    bytes_free(&out);
}
#endif

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
