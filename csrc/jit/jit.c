/* jit.c - see jit.h: records, and when they are compiled.
 *
 *   COLD --(passed often enough)--> recorded for a few passes --> QUEUED --> READY
 *                                                                   |          |
 *    ^                                                              v          |
 *    |                                                           REFUSED <--(too many versions)
 *    +--------------------------(its guards failed too often)------------------+
 *
 * Counts decide, never clocks: the same program takes the same way each time, but for how long
 * compiling takes, and in which order workers pass (with tuning.synchronous, an entry waits).
 */
#include "jit.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytecode.h"
#include "code.h"
#include "ir.h"
#include "lock.h"

#define FAILURES_MAX 3  /* of one code, before it is made anew with what was learnt */
#define VERSIONS_MAX 12 /* of an entry, before it is given up */
#define PRUNED_VERSIONS 3 /* of those, in which what was not executed is left out */
#define COMPILER_STACK ((size_t)256 << 10)

/* Set before anything runs (read_wish), later only by jit_tune. */
static JitTuning tuning = {.hot_loop = 60, .hot_call = 150, .recorded = 8};
JitStats jit_stats;

/* --- records -------------------------------------------------------------------------------- */

JitProgram *jit_program_new(uint32_t count) {
    JitProgram *program = calloc(1, sizeof *program + sizeof *program->functions * count);
    if (!program) return NULL;
    atomic_init(&program->holds, 1);
    program->count = count;
    program->last = &program->first;
    return program;
}

void jit_program_drop(JitProgram *program) {
    if (!program || atomic_fetch_sub_explicit(&program->holds, 1, memory_order_acq_rel) != 1) return;
    for (uint32_t i = 0; i < program->count; i++) jit_function_free(program->functions[i]);
    for (JitCode *code = atomic_load(&program->codes), *next; code; code = next) {
        next = code->next;
        jit_code_free(code);
    }
    free(program);
}

JitFunction *jit_function_new(uint32_t length, uint32_t arguments, uint32_t locals, uint32_t outer,
                              uint32_t constants) {
    JitFunction *f = calloc(1, sizeof *f);
    if (!f) return NULL;
    *f = (JitFunction){.length = length,
                       .arguments = arguments,
                       .locals = locals,
                       .outer = outer,
                       .constant_count = constants};
    f->code = calloc(length + 8, 1);
    f->marks = calloc(length + 1, 1);
    f->after = calloc(length + 8, 1);
    f->captured = calloc((size_t)arguments + locals + 1, 1);
    f->constants = calloc((size_t)constants + 1, sizeof *f->constants);
    if (f->code && f->marks && f->after && f->captured && f->constants) return f;
    jit_function_free(f);
    return NULL;
}

void jit_function_free(JitFunction *f) {
    if (!f) return;
    for (uint32_t i = 0; i < f->entry_count; i++) free((void *)f->entries[i].seen);
    free(f->entries);
    free(f->code);
    free(f->marks);
    free(f->after);
    free(f->captured);
    free(f->constants);
    free(atomic_load(&f->sites));
    free(f);
}

/* Below so many bytes a function without a loop or a call is called by the interpreter as fast as it
 * is. Compiled, it is for functions that are compiled, and for the engine's own. */
#define SMALL 40

bool jit_function_ready(JitFunction *f) {
    uint32_t count = 0;
    memset(f->marks, JIT_INSIDE, f->length);
    for (uint32_t pc = 0; pc < f->length; pc += bytecode_sizes[f->code[pc]]) {
        f->marks[pc] = 0;
        f->has_catch |= f->code[pc] == OP_catch || f->code[pc] == OP_gosub;
        BytecodeVariable v;
        if (bytecode_variable(f->code + pc, &v) && v.kind == BYTECODE_ARGUMENT)
            f->writes_arguments |= v.access != BYTECODE_GET;
        if (bytecode_is_call(f->code[pc])) {
            f->has_call = true;
            /* What comes after a tail call is reached from elsewhere only, with any stack. */
            if (f->code[pc] == OP_tail_call) continue;
            f->after[pc + bytecode_sizes[f->code[pc]]] = bytecode_sizes[f->code[pc]];
        }
    }
    for (uint32_t pc = 0; pc < f->length; pc += bytecode_sizes[f->code[pc]]) {
        int32_t to = bytecode_target(f->code, (int32_t)pc);
        if (to < 0 || to > (int32_t)pc || f->code[pc] == OP_catch || f->code[pc] == OP_gosub) continue;
        if (f->marks[to] || count == JIT_ENTRIES_MAX - 1) continue;
        f->marks[to] = (uint8_t)++count;
    }
    f->is_leaf = count == 0 && !f->has_call && f->length < SMALL;
    if (!f->marks[0]) f->marks[0] = (uint8_t)++count;
    f->entries = calloc(count, sizeof *f->entries);
    if (!f->entries) return false;
    f->entry_count = count;
    f->start = &f->entries[f->marks[0] - 1];
    for (uint32_t pc = 0; pc < f->length; pc++) {
        if (f->marks[pc] == 0 || f->marks[pc] == JIT_INSIDE) continue;
        JitEntry *entry = &f->entries[f->marks[pc] - 1];
        entry->pc = pc;
        entry->function = f;
        entry->seen = calloc(jit_slots(f) + 1, sizeof *entry->seen);
        if (!entry->seen) return false;
    }
    return true;
}

JitSite *jit_sites(JitFunction *f) {
    JitSite *sites = atomic_load_explicit(&f->sites, memory_order_acquire);
    if (sites) return sites;
    sites = calloc(f->length + 1, sizeof *sites);
    JitSite *other = NULL;
    if (sites && !atomic_compare_exchange_strong(&f->sites, &other, sites)) {
        free(sites);
        sites = other;
    }
    return sites;
}

size_t jit_function_size(const JitFunction *f) {
    return sizeof *f + f->length * (3 + sizeof(JitSite)) + f->constant_count * sizeof *f->constants +
           f->entry_count * (sizeof *f->entries + jit_slots(f) * sizeof *f->entries->seen);
}

void jit_code_free(JitCode *code) {
    code_give(code->share, code->tables);
    if (code->pages) code_unmap(code->share, code->pages, code->size);
    free(code->exits);
    free(code->values);
    free(code->builtins);
    free(code->data);
    free(code);
}

/* --- compiling ------------------------------------------------------------------------------ */

static bool dumps;

JitCode *jit_compile(JitEntry *entry, uint32_t force) {
    JitFunction *f = entry->function;
    Graph *volatile g = calloc(1, sizeof *g);
    JitCode *volatile code = NULL;
    if (!g) return NULL;
    g->entry = entry;
    g->function = f;
    g->sites = atomic_load_explicit(&f->sites, memory_order_acquire);
    g->prune = atomic_load(&entry->versions) < PRUNED_VERSIONS;
    g->hoist = !atomic_load(&f->no_hoist);
    if (!g->sites) g->why = "nothing was recorded";
    if (f->program->steps > JIT_STEPS_MAX) g->why = "the program took too much work";
    if (!g->why && setjmp(g->failed) == 0) {
        build(g);
        improve(g);
        if (dumps) graph_dump(g);
        code = lower(g, force);
        if (!code) g->why = "no memory";
    }
    if (dumps) code_dump(g, code);
    lower_end(g);
    f->program->steps += g->steps;
    atomic_fetch_add(&jit_stats.steps, g->steps);
    if (g->steps > atomic_load(&jit_stats.most_steps)) atomic_store(&jit_stats.most_steps, g->steps);
    graph_close(g);
    free(g);
    return code;
}

/* --- the thread that compiles --------------------------------------------------------------- */

static struct {
    OsOnce once, asked_for;
    bool forbidden;      /* by the environment */
    _Atomic bool open;   /* workers ask while a host's thread opens it */
    Lock lock;           /* what follows, and the compiler itself */
    OsCondition asked;   /* there is something in the queue */
    OsCondition settled; /* an entry is no longer queued */
    /* Programs of which entries wait: one of each is compiled in turn, so that none waits for all that
     * another asked for. */
    JitProgram *first, **last;
    bool busy; /* the thread compiles one, which is no longer in the queue */
} service = {.once = OS_ONCE_INITIAL, .asked_for = OS_ONCE_INITIAL, .lock = LOCK_INITIAL(LOCK_JIT)};

static void publish(JitEntry *entry, JitCode *code) {
    JitProgram *program = entry->function->program;
    if (code) {
        code->number = atomic_fetch_add(&jit_stats.compiled, 1);
        code->next = atomic_load(&program->codes);
        while (!atomic_compare_exchange_weak(&program->codes, &code->next, code)) continue;
        atomic_fetch_add(&jit_stats.code_bytes, code->used);
        if (code->guards > atomic_load(&jit_stats.most_guards))
            atomic_store(&jit_stats.most_guards, code->guards);
        atomic_store_explicit(&entry->code, code, memory_order_release);
        /* Unless it failed so often already that other code is asked for, or none. */
        uint8_t queued = JIT_QUEUED;
        atomic_compare_exchange_strong(&entry->state, &queued, JIT_READY);
    } else {
        atomic_fetch_add(&jit_stats.refused, 1);
        atomic_store(&entry->state, JIT_REFUSED);
    }
}

/* Under the lock. */
static void queue_program(JitProgram *program) {
    program->next = NULL;
    *service.last = program;
    service.last = &program->next;
}

static void *compile_all(void *unused) {
    (void)unused;
    os_name_thread("deferred-jit");
    lock_take(&service.lock);
    for (;;) {
        while (!service.first || tuning.paused) lock_wait(&service.lock, &service.asked);
        JitProgram *program = service.first;
        service.first = program->next;
        if (!service.first) service.last = &service.first;
        JitEntry *entry = program->first;
        program->first = entry->next;
        if (program->first)
            queue_program(program);
        else
            program->last = &program->first;
        service.busy = true;
        uint32_t force = tuning.force;
        lock_release(&service.lock);
        publish(entry, jit_compile(entry, force));
        jit_program_drop(program);
        lock_take(&service.lock);
        service.busy = false;
        os_wake_all(&service.settled);
    }
    return NULL;
}

static void read_wish(void) {
    const char *wish = getenv("DEFERRED_JIT");
    service.forbidden = wish && strcmp(wish, "0") == 0;
    if (wish && strcmp(wish, "eager") == 0)
        tuning =
            (JitTuning){.synchronous = true, .hot_loop = 1, .hot_call = 1, .recorded = 1};
    dumps = getenv("DEFERRED_JIT_DUMP") != NULL;
}

bool jit_by_default(void) {
    os_once(&service.asked_for, read_wish);
#ifdef OS_TSAN
    return false; /* it holds signals back until a thread comes to code that it instrumented */
#else
    return !service.forbidden;
#endif
}

static void open_service(void) {
    OsFailure before = os_failure();
    service.last = &service.first;
    if (os_condition_open(&service.asked) && os_condition_open(&service.settled) &&
        code_is_possible() && os_start_thread(COMPILER_STACK, compile_all, NULL))
        service.open = true;
    else
        os_get_over(before);
}

bool jit_open(void) {
#if !defined(__x86_64__) && !defined(__aarch64__)
    return false;
#endif
    if (service.forbidden) return false;
    os_once(&service.once, open_service);
    return service.open;
}

bool jit_is_open(void) { return service.open; }

_Static_assert(JIT_REGION == CODE_REGION, "for those who don't see code.h");
const void *jit_region(void) { return service.forbidden ? NULL : code_region(); }

void jit_tune(JitTuning wanted) {
    assert(service.open);
    lock_take(&service.lock);
    tuning.paused = false;
    os_wake_one(&service.asked);
    while (service.first || service.busy) lock_wait(&service.lock, &service.settled);
    tuning = wanted;
    lock_release(&service.lock);
}

/* --- deciding ------------------------------------------------------------------------------- */

static uint32_t hot(const JitEntry *entry) {
    return entry->pc == 0 ? tuning.hot_call : tuning.hot_loop;
}

/* Whether somebody wants the function recorded. */
static bool is_watched(const JitFunction *f) {
    for (uint32_t i = 0; i < f->entry_count; i++) {
        const JitEntry *entry = &f->entries[i];
        uint32_t passed = atomic_load_explicit(&entry->passed, memory_order_relaxed);
        if (atomic_load_explicit(&entry->state, memory_order_relaxed) == JIT_COLD &&
            passed >= hot(entry) && passed < hot(entry) + tuning.recorded)
            return true;
    }
    return false;
}

static void ask_for(JitEntry *entry) {
    uint8_t cold = JIT_COLD;
    if (!atomic_compare_exchange_strong(&entry->state, &cold, JIT_QUEUED)) return;
    atomic_fetch_add_explicit(&entry->function->program->holds, 1, memory_order_relaxed);
    JitProgram *program = entry->function->program;
    lock_take(&service.lock);
    if (!program->first) queue_program(program);
    entry->next = NULL;
    *program->last = entry;
    program->last = &entry->next;
    os_wake_one(&service.asked);
    while (tuning.synchronous && atomic_load(&entry->state) == JIT_QUEUED)
        lock_wait(&service.lock, &service.settled);
    lock_release(&service.lock);
}

JitAdvice jit_passed(JitEntry *entry, bool recording) {
    JitAdvice stop = recording ? JIT_STOP_RECORDING : JIT_GO_ON;
    switch ((JitState)atomic_load_explicit(&entry->state, memory_order_relaxed)) {
    case JIT_REFUSED:
        return JIT_FORGET;
    case JIT_QUEUED:
    case JIT_READY:
        return stop;
    case JIT_COLD:
        break;
    }
    uint32_t passed = atomic_load_explicit(&entry->passed, memory_order_relaxed) + 1;
    atomic_store_explicit(&entry->passed, passed, memory_order_relaxed);
    if (passed >= hot(entry) + tuning.recorded) {
        ask_for(entry);
        return stop;
    }
    if (passed >= hot(entry)) return recording ? JIT_GO_ON : JIT_RECORD;
    return recording && !is_watched(entry->function) ? JIT_STOP_RECORDING : JIT_GO_ON;
}

JitAdvice jit_failed(JitEntry *entry, JitCode *code, JitExitKind kind) {
    uint32_t failures = atomic_fetch_add_explicit(&code->failures, 1, memory_order_relaxed) + 1;
    if (failures < 1000) atomic_fetch_add_explicit(&jit_stats.failures, 1, memory_order_relaxed);
    if (kind == JIT_HOISTED) atomic_store(&entry->function->no_hoist, true);
    if (failures < FAILURES_MAX) return JIT_RECORD;
    JitCode *current = code;
    if (!atomic_compare_exchange_strong(&entry->code, &current, NULL)) return JIT_RECORD;
    uint32_t versions = atomic_fetch_add(&entry->versions, 1) + 1u;
    if (versions >= VERSIONS_MAX) {
        atomic_store(&entry->state, JIT_REFUSED);
        return JIT_FORGET;
    }
    atomic_store(&entry->passed, hot(entry));
    atomic_store(&entry->state, JIT_COLD);
    return JIT_RECORD;
}
