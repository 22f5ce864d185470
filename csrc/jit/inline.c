/* inline.c - functions that are short become part of those that call them.
 *
 * Their bytecode is appended to the caller's, with variables, constants and jumps renumbered, and what
 * was recorded of it; build.c goes on there at the call, and after the call at its `return`:
 *
 *   0 .. call .. length | the first that is inlined | the second | ...
 *         |                ^                  |
 *         +----------------+    <-------------+
 *
 * Only what changes nothing that is seen outside of it is inlined: it reads variables around it and
 * elements, and writes its own variables. So whatever of it fails, the interpreter does all of the
 * call: each state in it is the one before the call, which knows nothing of its variables. They have no
 * slot in the interpreter's frame, and borrow what they hold.
 */
#include "inline.h"

#include <string.h>

#include "bytecode.h"

#define INLINED_MAX 100 /* bytes, of one function */
#define GROWTH_MAX 1200 /* bytes, of the caller */
#define SITES_MAX 40

/* What an instruction becomes; at most so many of them. */
#define PARTS_MAX 4

typedef struct Writer {
    uint8_t *code;
    JitSite *sites;
    uint32_t length;
} Writer;

static bool is_jump(uint8_t op) {
    return op == OP_goto || op == OP_goto8 || op == OP_goto16 || op == OP_if_true ||
           op == OP_if_false || op == OP_if_true8 || op == OP_if_false8;
}

/* Whether it may be a part of another: it has no loop, and does nothing that would be done twice. */
static bool is_inlinable(const JitFunction *f) {
    if (!f || f->length > INLINED_MAX || f->references || f->has_catch || f->has_call) return false;
    if (f->entry_count != 1 || !atomic_load_explicit(&f->sites, memory_order_acquire)) return false;
    for (uint32_t pc = 0; pc < f->length; pc += bytecode_sizes[f->code[pc]]) {
        BytecodeVariable v;
        /* A loop may begin at the start, which is an entry in any case. What is hoisted out of a loop
         * leaves in front of it, and there the interpreter has no place in what is inlined. */
        int32_t to = bytecode_target(f->code, (int32_t)pc);
        if (to >= 0 && to <= (int32_t)pc) return false;
        if (bytecode_variable(f->code + pc, &v)) {
            if (v.kind == BYTECODE_OUTER && v.access != BYTECODE_GET) return false;
            continue;
        }
        switch (f->code[pc]) {
        case OP_put_array_el:
        case OP_call_method:
        case OP_get_var:
        case OP_get_field2:
        case OP_put_loc_check_init:
        case OP_close_loc:
            return false;
        default:
            break;
        }
    }
    return true;
}

static void put_as_it_is(Writer *w, const JitSite *site, const uint8_t *at, uint32_t size) {
    memcpy(w->code + w->length, at, size);
    JitSite *to = &w->sites[w->length];
    to->value = atomic_load_explicit(&site->value, memory_order_relaxed);
    to->receiver = atomic_load_explicit(&site->receiver, memory_order_relaxed);
    to->callee = atomic_load_explicit(&site->callee, memory_order_relaxed);
    w->length += size;
}

static void put(Writer *w, const JitSite *site, uint8_t op, uint32_t size, uint32_t operand) {
    uint8_t bytes[1 + sizeof operand] = {op};
    memcpy(bytes + 1, &operand, sizeof operand);
    put_as_it_is(w, site, bytes, size);
}

/* A variable's access by its long form. */
static uint8_t long_form(const BytecodeVariable *v) {
    if (v->kind == BYTECODE_OUTER) return v->checked ? OP_get_var_ref_check : OP_get_var_ref;
    if (v->access == BYTECODE_GET) return v->checked ? OP_get_loc_check : OP_get_loc;
    if (v->access == BYTECODE_PUT) return v->checked ? OP_put_loc_check : OP_put_loc;
    return OP_set_loc;
}

/* Appends a function's code. Its variables are locals of the caller from here on. */
static void append(Graph *g, Writer *w, const Inlined *in, uint32_t constants) {
    const JitFunction *f = in->function;
    const JitSite *sites = atomic_load_explicit(&f->sites, memory_order_acquire);
    uint32_t *place = graph_alloc(g, sizeof *place * (f->length + 1));
    uint32_t *jumps = graph_alloc(g, sizeof *jumps * (f->length + 1)), jump_count = 0;
    uint32_t argument = in->variables, local = argument + f->arguments;
    for (uint32_t pc = 0; pc < f->length; pc += bytecode_sizes[f->code[pc]]) {
        const uint8_t *at = f->code + pc;
        const JitSite *site = &sites[pc];
        BytecodeVariable v;
        place[pc] = w->length;
        if (bytecode_variable(at, &v)) {
            uint32_t base = v.kind == BYTECODE_ARGUMENT ? argument
                            : v.kind == BYTECODE_LOCAL  ? local
                                                        : in->outer;
            put(w, site, long_form(&v), 3, base + v.index);
        } else if (is_jump(*at)) {
            uint8_t op = *at == OP_if_true || *at == OP_if_true8     ? OP_if_true
                         : *at == OP_if_false || *at == OP_if_false8 ? OP_if_false
                                                                     : OP_goto;
            jumps[jump_count++] = w->length;
            put(w, site, op, 5, (uint32_t)bytecode_target(f->code, (int32_t)pc));
        } else if (*at == OP_push_const || *at == OP_push_const8) {
            uint32_t index = *at == OP_push_const8 ? at[1] : (uint32_t)bytecode_i32(at + 1);
            put(w, site, OP_push_const, 5, constants + index);
        } else if (*at == OP_set_loc_uninitialized) {
            put(w, site, *at, 3, local + bytecode_u16(at + 1));
        } else if (*at == OP_get_loc0_loc1) {
            put(w, site, OP_get_loc, 3, local);
            put(w, site, OP_get_loc, 3, local + 1);
        } else if (*at == OP_inc_loc || *at == OP_dec_loc) {
            put(w, site, OP_get_loc, 3, local + at[1]);
            put(w, site, *at == OP_inc_loc ? OP_inc : OP_dec, 1, 0);
            put(w, site, OP_put_loc, 3, local + at[1]);
        } else if (*at == OP_add_loc) {
            put(w, site, OP_get_loc, 3, local + at[1]);
            put(w, site, OP_swap, 1, 0);
            put(w, site, OP_add, 1, 0);
            put(w, site, OP_put_loc, 3, local + at[1]);
        } else {
            put_as_it_is(w, site, at, bytecode_sizes[*at]);
        }
    }
    for (uint32_t i = 0; i < jump_count; i++) {
        uint8_t *operand = w->code + jumps[i] + 1;
        int32_t to = (int32_t)place[(uint32_t)bytecode_i32(operand)] - (int32_t)(jumps[i] + 1);
        memcpy(operand, &to, sizeof to);
    }
}

/* Which calls are of functions that can be inlined. */
static uint32_t find_sites(Graph *g, Inlined *found) {
    const JitFunction *f = g->entry->function;
    const JitProgram *program = f->program;
    uint32_t count = 0, growth = 0;
    for (uint32_t pc = 0; pc < f->length && count < SITES_MAX; pc += bytecode_sizes[f->code[pc]]) {
        uint32_t callee = g->sites[pc].callee;
        if (!bytecode_is_call(f->code[pc]) || f->code[pc] == OP_tail_call) continue;
        if (callee < JIT_CALLEE || callee - JIT_CALLEE >= program->count || g->kept_apart[pc]) continue;
        const JitFunction *target = program->functions[callee - JIT_CALLEE];
        if (!is_inlinable(target) || growth + target->length > GROWTH_MAX) continue;
        growth += target->length;
        found[count++] = (Inlined){.function = target,
                                   .call = pc,
                                   .after = pc + bytecode_sizes[f->code[pc]],
                                   .given = bytecode_argument_count(f->code + pc),
                                   .state = -1};
    }
    return count;
}

void inline_calls(Graph *g) {
    const JitFunction *f = g->entry->function;
    Inlined *found = graph_alloc(g, sizeof *found * SITES_MAX);
    uint32_t count = find_sites(g, found), length = f->length, locals = f->locals, outer = f->outer;
    uint32_t constants = f->constant_count, stack = 0;
    g->function = f;
    g->inlined = found;
    g->inlined_count = count;
    g->own_length = f->length;
    g->own_locals = f->locals;
    if (count == 0) return;
    for (uint32_t i = 0; i < count; i++) {
        const JitFunction *target = found[i].function;
        found[i].variables = locals;
        found[i].outer = outer;
        length += target->length * PARTS_MAX * 3;
        locals += target->arguments + target->locals;
        outer += target->outer;
        constants += target->constant_count;
        if (target->stack > stack) stack = target->stack;
    }
    if (f->arguments + locals + outer > JIT_SLOTS_MAX) {
        g->inlined_count = 0;
        return;
    }
    JitFunction *whole = graph_alloc(g, sizeof *whole);
    Writer w = {.length = f->length};
    w.code = graph_alloc(g, length + 8);
    w.sites = graph_alloc(g, sizeof *w.sites * (length + 1));
    memcpy(whole, f, sizeof *whole);
    memcpy(w.code, f->code, f->length);
    memcpy(w.sites, g->sites, sizeof *w.sites * f->length);
    whole->captured = graph_alloc(g, (size_t)f->arguments + locals + 1);
    memcpy(whole->captured, f->captured, f->arguments + f->locals);
    whole->constants = graph_alloc(g, sizeof *whole->constants * (constants + 1));
    memcpy(whole->constants, f->constants, sizeof *whole->constants * f->constant_count);
    uint32_t constant = f->constant_count;
    for (uint32_t i = 0; i < count; i++) {
        const JitFunction *target = found[i].function;
        found[i].start = w.length;
        append(g, &w, &found[i], constant);
        found[i].end = w.length;
        memcpy(whole->constants + constant, target->constants,
               sizeof *whole->constants * target->constant_count);
        constant += target->constant_count;
    }
    uint16_t *seen = graph_alloc(g, sizeof *seen * (f->arguments + locals + outer + 1));
    uint32_t own = f->arguments + f->locals;
    memcpy(seen, g->seen, sizeof *seen * own);
    memcpy(seen + f->arguments + locals, g->seen + own, sizeof *seen * f->outer);
    g->seen = seen;
    g->sites = w.sites;
    whole->code = w.code;
    whole->length = w.length;
    whole->locals = locals;
    whole->outer = outer;
    whole->constant_count = constants;
    whole->stack = f->stack + stack;
    g->function = whole;
}

Inlined *inline_at(const Graph *g, uint32_t call) {
    for (uint32_t i = 0; i < g->inlined_count; i++)
        if (g->inlined[i].call == call) return &g->inlined[i];
    return NULL;
}

Inlined *inline_around(const Graph *g, uint32_t pc) {
    for (uint32_t i = 0; i < g->inlined_count; i++)
        if (pc >= g->inlined[i].start && pc < g->inlined[i].end) return &g->inlined[i];
    return NULL;
}
