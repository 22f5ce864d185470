/* dump.c - what was compiled, on stderr: with DEFERRED_JIT_DUMP in the environment.
 *
 * First the nodes, block by block, then the machine code in hex:
 *
 *   ... | xxd -r -p > code.bin && objdump -D -b binary -m i386:x86-64 code.bin
 */
#include <stdio.h>

#include "ir.h"
#include "jit.h"

static const char *const type_names[] = {"",       "int",    "uint", "wide",      "double",
                                         "bool",   "object", "string", "undefined", "null",
                                         "uninitialized", "slot", "global", "method", "pointer"};

static const char *const operation_names[] = {
#define NODE(name) #name,
    NODE_MAP(NODE)
#undef NODE
};

static void dump_state(const Graph *g, int32_t number) {
    const State *state = &g->states[number];
    fprintf(stderr, "  [pc %u, depth %u:", state->pc, state->depth);
    for (uint32_t i = 0; i < state->count; i++)
        fprintf(stderr, " %d=%s %d", state->values[i].slot, type_names[state->values[i].val.type],
                state->values[i].val.node);
    fprintf(stderr, "]");
}

static void dump_node(const Graph *g, int32_t n) {
    const Node *node = &g->nodes[n];
    fprintf(stderr, "    %4d %s %s", n, type_names[node->type], operation_names[node->operation]);
    if (node->operation == N_PHI) {
        for (uint32_t k = 0; k < g->blocks[node->block].from_count; k++)
            fprintf(stderr, " %d", node->inputs[k]);
    } else {
        if (node->a >= 0) fprintf(stderr, " %d", node->a);
        if (node->b >= 0) fprintf(stderr, " %d", node->b);
        if (node->c >= 0) fprintf(stderr, " %d", node->c);
        if (node->type == T_DOUBLE && node->operation == N_CONST)
            fprintf(stderr, " %.17g", node->number);
        else if (node->value)
            fprintf(stderr, " #%lld", (long long)node->value);
        if (node->slot >= 0) fprintf(stderr, " slot %d", node->slot);
        if (node->operation == N_COMPARE) fprintf(stderr, " condition %d", node->condition);
    }
    if (node->hoisted) fprintf(stderr, " (hoisted)");
    if (node->state >= 0) dump_state(g, node->state);
    fprintf(stderr, "\n");
}

void graph_dump(const Graph *g) {
    fprintf(stderr, "function %u of %p, entry at %u\n", g->function->number,
            (void *)g->function->program, g->entry->pc);
    for (int32_t i = 0; i < g->order_count; i++) {
        int32_t number = g->order[i];
        const Block *block = &g->blocks[number];
        fprintf(stderr, "  block %d at %u%s, nesting %u, from", number, block->pc,
                block->before ? " (before a loop)" : block->header ? " (a loop)" : "",
                block->nesting);
        for (uint32_t k = 0; k < block->from_count; k++) fprintf(stderr, " %d", block->from[k]);
        fprintf(stderr, "\n");
        for (int32_t n = block->first; n >= 0; n = g->nodes[n].next) dump_node(g, n);
        if (block->end == END_JUMP) fprintf(stderr, "    to %d\n", block->to[0]);
        if (block->end == END_BRANCH)
            fprintf(stderr, "    if %d to %d else %d\n", block->test, block->to[0], block->to[1]);
        if (block->end == END_EXIT) {
            fprintf(stderr, "    exit %s", block->exit_kind == JIT_LEAVES ? "leaves" : "failed");
            dump_state(g, block->state);
            fprintf(stderr, "\n");
        }
    }
}

void code_dump(const Graph *g, const JitCode *code) {
    const JitFunction *f = g->entry->function;
    fprintf(stderr, "function %u of %p, entry at %u: ", f->number, (void *)f->program, g->entry->pc);
    unsigned long long steps = g->steps;
    if (!code) {
        fprintf(stderr, "not compiled: %s (%llu steps)\n", g->why ? g->why : "", steps);
        return;
    }
    fprintf(stderr, "%zu bytes, %u guards, %u exits, %llu steps\n", code->used, code->guards,
            code->exit_count, steps);
    const uint8_t *bytes = code->pages;
    for (size_t i = 0; i < code->used; i++)
        fprintf(stderr, "%02x%s", bytes[i], i % 32 == 31 || i + 1 == code->used ? "\n" : "");
}
