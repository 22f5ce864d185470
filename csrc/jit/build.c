/* build.c - from bytecode to SSA.
 *
 * The instructions from an entry on are interpreted over what is known of values (step). First only
 * their types flow, along all edges until nothing changes (build_types); then once more, in reverse
 * postorder, and nodes are made (build_nodes). Both do the same, so that at a block's start the types
 * are known before its phis are made.
 *
 * What is not compiled ends the block with an exit at that instruction. So does what was never
 * executed while the function was recorded: it would have to be guessed.
 *
 * Variables. Most live in registers, and their slots of the frame are out of date until an exit. A
 * variable is kept in memory as well (`in_memory`: each write is stored) if closures use it, if it is
 * of a function around, or if it may hold what is counted, or now one thing and now another: then its
 * slot owns what it holds, all others only borrow it.
 */
#include <stdlib.h>

#include "bytecode.h"
#include "inline.h"
#include "ir.h"
#include "jit.h"
#include "layout.h"

#define NODES_MAX 20000
#define BLOCKS_MAX 1500
#define STACK_MAX 200
/* What compiling one function may take, as no memory limit counts it. */
#define GRAPH_BYTES_MAX ((size_t)16 << 20)

/* --- memory --------------------------------------------------------------------------------- */

typedef struct Chunk {
    struct Chunk *next;
    _Alignas(16) uint8_t bytes[];
} Chunk;

void *graph_alloc(Graph *graph, size_t size) {
    graph->bytes += sizeof(Chunk) + size;
    if (graph->bytes > GRAPH_BYTES_MAX) graph_fail(graph, "too large");
    Chunk *chunk = calloc(1, sizeof *chunk + size);
    if (!chunk) graph_fail(graph, "no memory");
    chunk->next = graph->chunks;
    graph->chunks = chunk;
    return chunk->bytes;
}

void graph_fail(Graph *graph, const char *why) {
    graph->why = why;
    longjmp(graph->failed, 1);
}

static void graph_free(Graph *graph) {
    for (Chunk *next; graph->chunks; graph->chunks = next) {
        next = graph->chunks->next;
        free(graph->chunks);
    }
}

/* Room for one more, of what is counted. */
static void *grow(Graph *graph, void *items, int32_t count, int32_t *room, size_t size) {
    if (count < *room) return items;
    int32_t larger = *room ? *room * 2 : 128;
    uint8_t *copy = graph_alloc(graph, size * (size_t)larger);
    if (count) memcpy(copy, items, size * (size_t)count);
    *room = larger;
    return copy;
}

int32_t graph_node(Graph *graph, int32_t block, Operation operation, Type type, int32_t a,
                   int32_t b) {
    if (graph->node_count == NODES_MAX) graph_fail(graph, "too large");
    graph->nodes = grow(graph, graph->nodes, graph->node_count, &graph->node_room, sizeof(Node));
    int32_t number = graph->node_count++;
    graph->nodes[number] = (Node){
        .operation = operation,
        .type = type,
        .a = a,
        .b = b,
        .c = -1,
        .block = block,
        .next = -1,
        .state = -1,
        .slot = -1,
        .forward = -1,
    };
    Block *in = &graph->blocks[block];
    if (in->last < 0)
        in->first = number;
    else
        graph->nodes[in->last].next = number;
    in->last = number;
    return number;
}

/* --- what is known of the bytecode before it is interpreted --------------------------------- */

typedef struct Build {
    Graph *g;
    const JitFunction *f;
    const uint8_t *code;
    JitSite *sites;
    bool *leader, *loops; /* [pc]: a block begins here; a jump backwards leads here */
    Val *now, *before;    /* [slots + stack]: while a block is interpreted; before this instruction */
    uint32_t depth, depth_before;
    int32_t block;     /* that is interpreted */
    uint32_t pc, pc_before; /* of this instruction, and of the one before it in the block */
    int32_t state_now; /* its state, or -1 */
    bool *reads;       /* [slots]: of outer ones, that are read and so worth loading */
    int32_t *depths;   /* [pc]: 1 + the depth of the stack there; 0: nobody comes there */
    uint16_t *callees; /* [pc]: of what fetches a known function, which; else 0 */
    int32_t *globals;  /* [pc]: of a get_field2 that does, the get_var; or -1 */
    uint32_t go_to;    /* of STEP_GO */
    uint32_t lengths;  /* of which typed arrays it is assumed: 1 << JIT_ON_* */
    bool restart;      /* something else is to be inlined */
} Build;

/* Whether a variable has no slot in the interpreter's frame, as it is one of what is inlined. */
static bool is_inner(const Build *b, uint32_t slot) {
    return slot >= b->f->arguments + b->g->own_locals && slot < b->f->arguments + b->f->locals;
}

/* What is inlined there has something that can't be. */
static void keep_apart(Build *b, const Inlined *in) {
    b->g->kept_apart[in->call] = true;
    b->g->again = b->restart = true;
}

static uint16_t seen(const Build *b) {
    return atomic_load_explicit(&b->sites[b->pc].value, memory_order_relaxed);
}

static void scan_jumps(Build *b) {
    const JitFunction *f = b->f;
    b->leader = graph_alloc(b->g, f->length + 1);
    b->loops = graph_alloc(b->g, f->length + 1);
    b->reads = graph_alloc(b->g, b->g->slots + 1);
    for (uint32_t pc = 0; pc < f->length; pc += bytecode_sizes[b->code[pc]]) {
        int32_t to = bytecode_target(b->code, (int32_t)pc);
        BytecodeVariable v;
        if (bytecode_variable(b->code + pc, &v) && v.kind == BYTECODE_OUTER)
            b->reads[f->arguments + f->locals + v.index] |= v.access == BYTECODE_GET;
        if (to < 0) continue;
        b->leader[to] = b->leader[pc + bytecode_sizes[b->code[pc]]] = true;
        if (to <= (int32_t)pc) b->loops[to] = true;
    }
    for (uint32_t i = 0; i < b->g->inlined_count; i++)
        b->leader[b->g->inlined[i].start] = b->leader[b->g->inlined[i].after] = true;
}

/* What an instruction does to locals: reads, writes; as bits of live sets. */
static void live_through(const Build *b, uint32_t pc, uint64_t *set) {
    const uint8_t *at = b->code + pc;
    uint32_t arguments = b->f->arguments;
    BytecodeVariable v;
    if (bytecode_variable(at, &v)) {
        if (v.kind == BYTECODE_OUTER) return;
        uint32_t slot = v.index + (v.kind == BYTECODE_LOCAL ? arguments : 0);
        if (v.access == BYTECODE_GET || v.checked)
            set[slot / 64] |= 1ull << slot % 64;
        else
            set[slot / 64] &= ~(1ull << slot % 64);
        return;
    }
    switch (*at) {
    case OP_set_loc_uninitialized: {
        uint32_t slot = arguments + bytecode_u16(at + 1);
        set[slot / 64] &= ~(1ull << slot % 64);
        break;
    }
    case OP_get_loc0_loc1:
        for (uint32_t slot = arguments; slot < arguments + 2; slot++)
            set[slot / 64] |= 1ull << slot % 64;
        break;
    case OP_inc_loc:
    case OP_dec_loc:
    case OP_add_loc:
        set[(arguments + at[1]) / 64] |= 1ull << (arguments + at[1]) % 64;
        break;
    case OP_put_loc_check_init:
    case OP_close_loc:
    case OP_using_dispose:
    case OP_using_dispose_async: {
        uint32_t slot = arguments + bytecode_u16(at + 1);
        set[slot / 64] |= 1ull << slot % 64;
        break;
    }
    default:
        break;
    }
}

/* Which variables are read, from each instruction on, before they are written. */
static void find_live(Build *b) {
    Graph *g = b->g;
    const JitFunction *f = b->f;
    uint32_t words = g->live_words = (f->arguments + f->locals + 63) / 64;
    g->live = graph_alloc(g, sizeof *g->live * words * (f->length + 1) + 8);
    if (f->has_catch) { /* whatever may throw, anything may be read */
        memset(g->live, 0xff, sizeof *g->live * words * (f->length + 1));
        return;
    }
    uint64_t *set = graph_alloc(g, sizeof *set * words + 8);
    uint64_t *captured = graph_alloc(g, sizeof *captured * words + 8);
    for (uint32_t slot = 0; slot < f->arguments + f->locals; slot++)
        if (f->captured[slot]) captured[slot / 64] |= 1ull << slot % 64;
    uint32_t *starts = graph_alloc(g, sizeof *starts * (f->length + 1)), count = 0;
    for (uint32_t pc = 0; pc < f->length; pc += bytecode_sizes[b->code[pc]]) starts[count++] = pc;
    for (bool changed = true; changed;) {
        changed = false;
        graph_step(g, (uint64_t)count * (words + g->inlined_count));
        for (uint32_t i = count; i-- > 0;) {
            uint8_t op = b->code[starts[i]];
            uint32_t pc = starts[i], next = pc + bytecode_sizes[op];
            int32_t to = bytecode_target(b->code, (int32_t)pc);
            bool falls = !bytecode_ends(op) && next < f->length;
            const Inlined *in = inline_at(g, pc), *around = inline_around(g, pc);
            if (in) to = (int32_t)in->start;
            if (around && (op == OP_return || op == OP_return_undef)) to = (int32_t)around->after;
            for (uint32_t w = 0; w < words; w++)
                set[w] = (falls ? g->live[next * words + w] : 0) |
                         (to >= 0 ? g->live[(uint32_t)to * words + w] : 0);
            for (uint32_t k = 0; in && k < in->function->arguments + in->function->locals; k++) {
                uint32_t slot = f->arguments + in->variables + k;
                set[slot / 64] &= ~(1ull << slot % 64);
            }
            live_through(b, pc, set);
            for (uint32_t w = 0; w < words; w++) set[w] |= captured[w];
            if (memcmp(set, g->live + pc * words, words * sizeof *set) == 0) continue;
            memcpy(g->live + pc * words, set, words * sizeof *set);
            changed = true;
        }
    }
}

static bool is_live(const Graph *g, uint32_t slot, uint32_t pc) {
    const JitFunction *f = g->function;
    return slot >= f->arguments + f->locals ||
           (g->live[pc * g->live_words + slot / 64] >> slot % 64 & 1);
}

/* Which sums matter only modulo 2^32: each is used by operations that take no more of it, or by such
 * sums. Uses are found within a block, where the stack is known; what leaves it is used in full. */
typedef struct Wraps {
    int32_t stack[STACK_MAX]; /* who pushed what is there: the pc of a sum, or -1 */
    uint32_t depth;
    int32_t *into;    /* [pc]: the sum that uses this one, 1 + its pc */
    uint8_t *in_full; /* [pc]: something uses all of it */
} Wraps;

static int32_t wraps_pop(Wraps *w) { return w->depth > 0 ? w->stack[--w->depth] : -1; }

static void wraps_push(Wraps *w, int32_t sum) {
    if (w->depth < STACK_MAX) w->stack[w->depth++] = sum;
}

static void wraps_use(Wraps *w, int32_t sum) {
    if (sum >= 0) w->in_full[sum] = 1;
}

static void wraps_use_all(Wraps *w) {
    while (w->depth > 0) wraps_use(w, wraps_pop(w));
}

static void find_wraps(Build *b) {
    Graph *g = b->g;
    const JitFunction *f = b->f;
    Wraps *w = graph_alloc(g, sizeof *w);
    w->into = graph_alloc(g, sizeof *w->into * (f->length + 1));
    w->in_full = graph_alloc(g, f->length + 1);
    g->wraps = graph_alloc(g, f->length + 1);
    g->wide = graph_alloc(g, f->length + 1);
    for (uint32_t pc = 0, next; pc < f->length; pc = next) {
        uint8_t op = b->code[pc];
        next = pc + bytecode_sizes[op];
        if (b->leader[pc]) wraps_use_all(w);
        BytecodeVariable v;
        if (bytecode_variable(b->code + pc, &v) && v.access == BYTECODE_GET) {
            wraps_push(w, -1);
            continue;
        }
        switch (op) {
        case OP_push_minus1:
        case OP_push_0:
        case OP_push_1:
        case OP_push_2:
        case OP_push_3:
        case OP_push_4:
        case OP_push_5:
        case OP_push_6:
        case OP_push_7:
        case OP_push_i8:
        case OP_push_i16:
        case OP_push_i32:
        case OP_push_const:
        case OP_push_const8:
        case OP_get_var:
            wraps_push(w, -1);
            break;
        case OP_get_loc0_loc1:
            wraps_push(w, -1);
            wraps_push(w, -1);
            break;
        case OP_and:
        case OP_or:
        case OP_xor:
        case OP_shl:
        case OP_sar:
        case OP_shr:
            (void)wraps_pop(w);
            (void)wraps_pop(w);
            wraps_push(w, -1);
            break;
        case OP_not:
            (void)wraps_pop(w);
            wraps_push(w, -1);
            break;
        case OP_add:
        case OP_sub:
            for (int i = 0; i < 2; i++) {
                int32_t operand = wraps_pop(w);
                if (operand < 0) continue;
                if (w->into[operand])
                    wraps_use(w, operand);
                else
                    w->into[operand] = (int32_t)pc + 1;
            }
            g->wraps[pc] = 1;
            wraps_push(w, (int32_t)pc);
            break;
        case OP_mul:
        case OP_div:
        case OP_mod:
            wraps_use(w, wraps_pop(w));
            wraps_use(w, wraps_pop(w));
            wraps_push(w, -1);
            break;
        case OP_get_array_el:
            wraps_use(w, wraps_pop(w));
            wraps_use(w, wraps_pop(w));
            wraps_push(w, -1);
            break;
        case OP_get_array_el2:
            wraps_use(w, wraps_pop(w));
            wraps_push(w, -1);
            break;
        case OP_put_array_el: {
            int32_t value = wraps_pop(w);
            uint32_t on = atomic_load_explicit(&b->sites[pc].receiver, memory_order_relaxed);
            uint32_t integers = 1u << JIT_ON_INT8 | 1u << JIT_ON_UINT8 | 1u << JIT_ON_INT16 |
                                1u << JIT_ON_UINT16 | 1u << JIT_ON_INT32 | 1u << JIT_ON_UINT32;
            if (on & ~integers || !on) wraps_use(w, value);
            wraps_use(w, wraps_pop(w));
            wraps_use(w, wraps_pop(w));
            break;
        }
        default:
            wraps_use_all(w);
            break;
        }
    }
    for (uint32_t pc = f->length; pc-- > 0;) { /* what uses a sum comes after it */
        int32_t user = w->into[pc] - 1;
        if (w->in_full[pc] || (user >= 0 && !g->wraps[user])) g->wraps[pc] = 0;
    }
}

/* How deep the stack is before each instruction, found by following the bytecode from its start; but
 * for what follows an OP_nip_catch, which takes from the stack whatever lies above the catch: that is a
 * return, or a finally, to which others come as well. */
static void find_depths(Build *b) {
    static const struct {
        uint8_t pops, pushes;
    } effects[] = {
#define FMT(f)
#define DEF(id, size, n_pop, n_push, f) {n_pop, n_push},
#define def(id, size, n_pop, n_push, f)
#include "quickjs-opcode.h"
#undef def
#undef DEF
#undef FMT
    };
    Graph *g = b->g;
    int32_t *depths = b->depths = graph_alloc(g, sizeof *depths * (b->f->length + 1));
    uint32_t *queue = graph_alloc(g, sizeof *queue * (b->f->length + 1)), count = 0;
    depths[0] = 1;
    queue[count++] = 0;
    while (count > 0) {
        uint32_t pc = queue[--count];
        uint8_t op = b->code[pc];
        int32_t depth = depths[pc] - effects[op].pops + effects[op].pushes;
        if (op == OP_call || op == OP_call_method || op == OP_call_constructor ||
            op == OP_array_from || op == OP_eval)
            depth -= bytecode_u16(b->code + pc + 1);
        if (op >= OP_call0 && op <= OP_call3) depth -= op - OP_call0;
        if (depth < 1) graph_fail(g, "stack");
        const Inlined *in = inline_at(g, pc);
        if (in && !depths[in->start]) {
            depths[in->start] = depths[pc] - (int32_t)in->given - 1;
            queue[count++] = in->start;
        }
        int32_t to = bytecode_target(b->code, (int32_t)pc);
        bool ends = bytecode_ends(op) || op == OP_ret || op == OP_nip_catch;
        uint32_t next = pc + bytecode_sizes[op];
        /* A gosub's target has the return address on top; what follows it does not. */
        if (to >= 0 && !depths[to]) {
            depths[to] = depth + (op == OP_gosub ? 1 : 0);
            queue[count++] = (uint32_t)to;
        }
        if (!ends && next < b->f->length && !depths[next]) {
            depths[next] = depth;
            queue[count++] = next;
        }
    }
}

/* Finds calls of what is known, with the instructions before them that fetch the function: the last
 * get_field2 that put it where the call takes it from, and the get_var in front of that. */
static void find_calls(Build *b) {
    const JitFunction *f = b->f;
    b->callees = graph_alloc(b->g, sizeof *b->callees * (f->length + 1));
    b->globals = graph_alloc(b->g, sizeof *b->globals * (f->length + 1));
    struct {
        uint32_t field, before; /* the get_field2 that was last at this depth, and what is in front of it */
    } last[STACK_MAX] = {{0, 0}};
    for (uint32_t pc = 0, before = 0; pc < f->length; before = pc, pc += bytecode_sizes[b->code[pc]]) {
        uint16_t callee = atomic_load_explicit(&b->sites[pc].callee, memory_order_relaxed);
        int32_t depth = b->depths[pc] - 1;
        if (b->code[pc] == OP_get_field2 && depth >= 0 && depth < STACK_MAX) {
            last[depth].field = pc;
            last[depth].before = before;
        }
        if (b->code[pc] != OP_call_method || callee <= JIT_MANY || depth < 0) continue;
        int32_t at = depth - bytecode_u16(b->code + pc + 1) - 1;
        if (at < 0 || at >= STACK_MAX || !last[at].field) continue;
        uint32_t field = last[at].field, global = 0;
        if (b->code[last[at].before] == OP_get_var && !b->leader[field]) global = last[at].before + 1;
        b->callees[field] = callee;
        b->globals[field] = (int32_t)global - 1;
        if (global) b->callees[last[at].before] = callee;
    }
}

/* --- nodes ---------------------------------------------------------------------------------- */

/* A node of the block, at its end; while only types flow, none. */
static int32_t emit(Build *b, Operation operation, Type type, int32_t a, int32_t c) {
    return b->g->emitting ? graph_node(b->g, b->block, operation, type, a, c) : -1;
}

static Val held(Type type, int32_t node) { return (Val){(uint8_t)type, node}; }

static Val integer(Build *b, int64_t value) {
    int32_t node = emit(b, N_CONST, T_INT, -1, -1);
    if (node >= 0) b->g->nodes[node].value = value;
    return held(T_INT, node);
}

static Val number(Build *b, double value) {
    if (value > INT32_MAX && value <= UINT32_MAX && value == (uint32_t)value) {
        Val unsigned_ = integer(b, (int32_t)(uint32_t)value);
        if (unsigned_.node >= 0) b->g->nodes[unsigned_.node].type = T_UINT;
        return held(T_UINT, unsigned_.node);
    }
    int32_t node = emit(b, N_CONST, T_DOUBLE, -1, -1);
    if (node >= 0) b->g->nodes[node].number = value;
    return held(T_DOUBLE, node);
}

/* A sum of which the upper half is missing must have it, as it is used in full after all. */
static void use_in_full(Build *b, Val v) {
    if (!b->g->emitting || v.type != T_INT || v.node < 0) return;
    const Node *node = &b->g->nodes[v.node];
    if (node->operation != N_ADD_WRAP && node->operation != N_SUB_WRAP) return;
    b->g->wide[node->slot] = true;
    b->g->again = true;
}

static int32_t make_state(Build *b, const Val *vals, uint32_t pc, uint32_t depth) {
    Graph *g = b->g;
    g->states = grow(g, g->states, g->state_count, &g->state_room, sizeof(State));
    StateValue *values = graph_alloc(g, sizeof *values * (g->slots + depth + 1));
    graph_step(g, g->slots + depth);
    uint32_t count = 0, own = b->f->arguments + b->f->locals;
    for (uint32_t slot = 0; slot < own; slot++) {
        Val v = vals[slot];
        if (g->in_memory[slot] || is_inner(b, slot) || v.type == T_NONE || v.type == T_SLOT || v.type == T_OBJECT ||
            v.type == T_STRING || !is_live(g, slot, pc))
            continue;
        use_in_full(b, v);
        values[count++] = (StateValue){(int32_t)slot, v};
    }
    for (uint32_t i = 0; i < depth; i++) {
        Val v = vals[g->slots + i];
        if (v.type == T_SLOT) continue; /* it is there already */
        use_in_full(b, v);
        values[count++] = (StateValue){-1 - (int32_t)i, v};
    }
    g->states[g->state_count] =
        (State){.pc = pc, .depth = depth, .count = count, .values = values};
    return g->state_count++;
}

/* The state before this instruction. */
static int32_t state(Build *b) {
    if (!b->g->emitting) return -1;
    const Inlined *in = b->pc >= b->g->own_length ? inline_around(b->g, b->pc) : NULL;
    if (in) return in->state;
    if (b->state_now < 0) b->state_now = make_state(b, b->before, b->pc, b->depth_before);
    return b->state_now;
}

static int32_t guard(Build *b, Operation operation, Type type, int32_t a, int32_t c) {
    int32_t node = emit(b, operation, type, a, c);
    if (node >= 0) b->g->nodes[node].state = state(b);
    return node;
}

/* --- conversions ---------------------------------------------------------------------------- */

static bool is_integer(Val v) {
    return v.type == T_INT || v.type == T_UINT || v.type == T_BOOL || v.type == T_WIDE;
}

static bool is_number(Val v) { return is_integer(v) || v.type == T_DOUBLE; }

static int32_t to_double(Build *b, Val v) {
    if (v.type == T_DOUBLE) return v.node;
    use_in_full(b, v);
    int32_t node = emit(b, N_TO_DOUBLE, T_DOUBLE, v.node, -1);
    if (node >= 0) b->g->nodes[node].condition = v.type;
    return node;
}

static int32_t to_wide(Build *b, Val v) {
    if (v.type == T_WIDE) return v.node;
    use_in_full(b, v);
    int32_t node = emit(b, N_TO_WIDE, T_WIDE, v.node, -1);
    if (node >= 0) b->g->nodes[node].condition = v.type;
    return node;
}

/* The low 32 bits. */
static int32_t to_int32(Build *b, Val v) {
    return v.type == T_DOUBLE ? guard(b, N_TRUNCATE, T_INT, v.node, -1) : v.node;
}

/* --- the stack ------------------------------------------------------------------------------ */

static void push(Build *b, Val v) {
    if (b->depth >= b->g->stack) graph_fail(b->g, "deep");
    b->now[b->g->slots + b->depth++] = v;
}

static Val *top(Build *b, uint32_t below) {
    if (below >= b->depth) graph_fail(b->g, "stack");
    return &b->now[b->g->slots + b->depth - 1 - below];
}

static Val pop(Build *b) {
    Val v = *top(b, 0);
    b->depth--;
    return v;
}

/* Moves what lies `below` to the top. */
static void roll(Build *b, uint32_t below) {
    Val v = *top(b, below);
    for (uint32_t i = below; i > 0; i--) *top(b, i) = *top(b, i - 1);
    *top(b, 0) = v;
}

/* Moves the top below `below` others. */
static void bury(Build *b, uint32_t below) {
    Val v = *top(b, 0);
    for (uint32_t i = 0; i < below; i++) *top(b, i) = *top(b, i + 1);
    *top(b, below) = v;
}

/* --- instructions --------------------------------------------------------------------------- */

typedef enum Step {
    STEP_NEXT,
    STEP_LEAVES, /* not compiled */
    STEP_FAILED, /* not known how */
    STEP_JUMP,
    STEP_BRANCH,
    STEP_GO,     /* to what is inlined, or back */
    STEP_RETURN, /* what is on top, or, where there is nothing, what a call gave */
} Step;

static Step arithmetic(Build *b, uint8_t op) {
    Graph *g = b->g;
    Val y = *top(b, 0), x = *top(b, 1);
    if (!is_number(x) || !is_number(y)) return STEP_LEAVES;
    b->depth -= 2;
    bool integers = is_integer(x) && is_integer(y);
    bool fits = integers && x.type != T_UINT && y.type != T_UINT && x.type != T_WIDE &&
                y.type != T_WIDE && !(seen(b) & (JIT_DOUBLE | JIT_OTHER));
    Operation checked = N_COUNT_, on_doubles = N_COUNT_;
    switch (op) {
    case OP_add:
    case OP_sub: {
        bool add = op == OP_add;
        if (integers && g->wraps[b->pc]) {
            bool wide = g->wide[b->pc];
            Operation operation = wide ? add ? N_ADD_WIDE : N_SUB_WIDE
                                  : add ? N_ADD_WRAP
                                        : N_SUB_WRAP;
            int32_t left = wide ? to_wide(b, x) : x.node, right = wide ? to_wide(b, y) : y.node;
            int32_t node = emit(b, operation, wide ? T_WIDE : T_INT, left, right);
            if (node >= 0) g->nodes[node].slot = (int32_t)b->pc;
            push(b, held(wide ? T_WIDE : T_INT, node));
            return STEP_NEXT;
        }
        checked = add ? N_ADD : N_SUB;
        on_doubles = add ? N_FADD : N_FSUB;
        break;
    }
    case OP_mul:
        checked = N_MUL;
        on_doubles = N_FMUL;
        break;
    case OP_div:
        fits = false;
        on_doubles = N_FDIV;
        break;
    case OP_mod:
        checked = N_MOD;
        break;
    default:
        fits = false;
        break;
    }
    if (fits) {
        use_in_full(b, x);
        use_in_full(b, y);
        push(b, held(T_INT, guard(b, checked, T_INT, x.node, y.node)));
        return STEP_NEXT;
    }
    int32_t left = to_double(b, x), right = to_double(b, y), node;
    if (on_doubles != N_COUNT_) {
        node = emit(b, on_doubles, T_DOUBLE, left, right);
    } else {
        node = emit(b, N_CALL2, T_DOUBLE, left, right);
        if (node >= 0)
            g->nodes[node].binary = op == OP_mod ? jit_helpers.remainder : jit_helpers.power;
    }
    push(b, held(T_DOUBLE, node));
    return STEP_NEXT;
}

/* Adds a constant to the top. */
static Step increment(Build *b, int by) {
    if (!is_number(*top(b, 0))) return STEP_LEAVES;
    push(b, integer(b, 1));
    return arithmetic(b, by > 0 ? OP_add : OP_sub);
}

static Step negate(Build *b) {
    Val x = *top(b, 0);
    if (!is_number(x)) return STEP_LEAVES;
    use_in_full(b, x);
    b->depth--;
    if (x.type == T_INT && !(seen(b) & JIT_DOUBLE))
        push(b, held(T_INT, guard(b, N_NEG, T_INT, x.node, -1)));
    else
        push(b, held(T_DOUBLE, emit(b, N_FNEG, T_DOUBLE, to_double(b, x), -1)));
    return STEP_NEXT;
}

/* (x >>> n) | (x << 32 - n), or -1. */
static int32_t rotation(Build *b, int32_t right, int32_t left) {
    if (!b->g->emitting) return -1;
    const Node *nodes = b->g->nodes;
    if (nodes[right].operation == N_INT_OF) right = nodes[right].a;
    if (nodes[right].operation != N_SHR || nodes[left].operation != N_SHL) return -1;
    const Node *down = &nodes[nodes[right].b], *up = &nodes[nodes[left].b];
    if (nodes[right].a != nodes[left].a || down->operation != N_CONST || up->operation != N_CONST ||
        (down->value & 31) == 0 || ((down->value + up->value) & 31) != 0)
        return -1;
    int64_t by = up->value & 31;
    int32_t node = emit(b, N_ROTATE, T_INT, nodes[left].a, -1);
    b->g->nodes[node].value = by;
    return node;
}

/* Whether the instruction before is a constant that is no multiple of 32: then no shift by it without
 * a sign gives anything that is no int. (Known while types flow, too, when there are no nodes.) */
static bool constant_amount(const Build *b) {
    uint8_t op = b->pc_before < b->pc ? b->code[b->pc_before] : OP_nop;
    if (b->leader[b->pc]) return false;
    if (op == OP_push_i8) return (b->code[b->pc_before + 1] & 31) != 0;
    return op >= OP_push_1 && op <= OP_push_7;
}

static Step bits(Build *b, uint8_t op) {
    Val y = *top(b, 0), x = *top(b, 1);
    if (!is_number(x) || !is_number(y)) return STEP_LEAVES;
    static const uint8_t operations[] = {
        [OP_and - OP_shl] = N_AND, [OP_or - OP_shl] = N_OR,   [OP_xor - OP_shl] = N_XOR,
        [OP_shl - OP_shl] = N_SHL, [OP_sar - OP_shl] = N_SAR, [OP_shr - OP_shl] = N_SHR,
    };
    b->depth -= 2;
    int32_t left = to_int32(b, x), right = to_int32(b, y);
    const Node *shift = right >= 0 ? &b->g->nodes[right] : NULL;
    /* x | 0, and the like */
    bool constant_shift = shift && shift->operation == N_CONST;
    if (op == OP_or && constant_shift && shift->value == 0) {
        push(b, held(T_INT, emit(b, N_LOW, T_INT, left, -1)));
        return STEP_NEXT;
    }
    if (op == OP_or || op == OP_xor) {
        int32_t rotated = rotation(b, left, right);
        if (rotated < 0) rotated = rotation(b, right, left);
        if (rotated >= 0) {
            push(b, held(T_INT, rotated));
            return STEP_NEXT;
        }
    }
    int32_t node = emit(b, operations[op - OP_shl], op == OP_shr ? T_UINT : T_INT, left, right);
    if (op != OP_shr || constant_amount(b)) {
        push(b, held(T_INT, node));
    } else if (seen(b) & JIT_DOUBLE) {
        push(b, held(T_UINT, node));
    } else {
        push(b, held(T_INT, guard(b, N_INT_OF, T_INT, node, -1)));
    }
    return STEP_NEXT;
}

static Val compare(Build *b, Condition condition, Val x, Val y) {
    use_in_full(b, x);
    use_in_full(b, y);
    int32_t left = x.node, right = y.node;
    Type type = x.type;
    if (x.type == T_BOOL || y.type == T_BOOL) /* with numbers, they are numbers */
        type = x.type == y.type ? T_INT : x.type == T_BOOL ? (Type)y.type : (Type)x.type;
    bool small = (x.type == T_INT || x.type == T_BOOL) && (y.type == T_INT || y.type == T_BOOL);
    bool same = x.type == y.type || small;
    if (!same || type == T_WIDE) {
        left = to_double(b, x);
        right = to_double(b, y);
        type = T_DOUBLE;
    }
    int32_t node = emit(b, N_COMPARE, T_BOOL, left, right);
    if (node >= 0) {
        b->g->nodes[node].condition = (uint8_t)condition;
        b->g->nodes[node].slot = (int32_t)type; /* of the operands */
    }
    return held(T_BOOL, node);
}

static Val truth(Build *b, bool is) {
    int32_t node = emit(b, N_CONST, T_BOOL, -1, -1);
    if (node >= 0) b->g->nodes[node].value = is;
    return held(T_BOOL, node);
}

static Step comparison(Build *b, uint8_t op) {
    Val y = *top(b, 0), x = *top(b, 1);
    bool equality = op == OP_eq || op == OP_neq || op == OP_strict_eq || op == OP_strict_neq;
    bool strict = op == OP_strict_eq || op == OP_strict_neq;
    bool negated = op == OP_neq || op == OP_strict_neq;
    Condition condition = equality ? negated ? C_NOT_EQUAL : C_EQUAL
                          : op == OP_lt  ? C_LESS
                          : op == OP_lte ? C_LESS_EQUAL
                          : op == OP_gt  ? C_GREATER
                                         : C_GREATER_EQUAL;
    bool x_number = is_number(x) && (x.type != T_BOOL || !strict),
         y_number = is_number(y) && (y.type != T_BOOL || !strict);
    Val result;
    if ((x_number && y_number) || (x.type == T_BOOL && y.type == T_BOOL)) {
        result = compare(b, condition, x, y);
    } else if (equality && type_is_held(x.type) && type_is_held(y.type) && x.type != T_STRING &&
               y.type != T_STRING && strict) {
        if (x.type == T_OBJECT && y.type == T_OBJECT) return STEP_LEAVES;
        result = truth(b, negated); /* values of different kinds */
    } else if (equality && (x.type == T_UNDEFINED || x.type == T_NULL) &&
               (y.type == T_UNDEFINED || y.type == T_NULL)) {
        result = truth(b, (!strict || x.type == y.type) != negated);
    } else if (equality && ((x.type == T_UNDEFINED || x.type == T_NULL) ? is_number(y)
                            : (y.type == T_UNDEFINED || y.type == T_NULL) && is_number(x))) {
        result = truth(b, negated);
    } else {
        return STEP_LEAVES;
    }
    b->depth -= 2;
    push(b, result);
    return STEP_NEXT;
}

/* Makes a bool of the top. */
static bool condition(Build *b) {
    Val x = *top(b, 0);
    if (x.type == T_BOOL) return true;
    if (x.type == T_UNDEFINED || x.type == T_NULL) {
        *top(b, 0) = truth(b, false);
        return true;
    }
    if (!is_number(x)) return false;
    if (x.type == T_WIDE) x = held(T_DOUBLE, to_double(b, x));
    use_in_full(b, x);
    int32_t node = emit(b, N_IS_TRUE, T_BOOL, x.node, -1);
    if (node >= 0) b->g->nodes[node].condition = x.type;
    *top(b, 0) = held(T_BOOL, node);
    return true;
}

/* --- elements ------------------------------------------------------------------------------- */

/* Which kind of receiver this instruction had, if it is one that is compiled; else -1. */
static int receiver(const Build *b) {
    uint32_t set = atomic_load_explicit(&b->sites[b->pc].receiver, memory_order_relaxed);
    if (!set || set & (set - 1)) return -1;
    int on = __builtin_ctz(set);
    bool element = on <= JIT_ON_FLOAT64 && on != JIT_ON_BIGINT64 && on != JIT_ON_BIGUINT64 &&
                   on != JIT_ON_FLOAT16;
    return element || on == JIT_ON_STRING ? on : -1;
}

static int32_t check_class(Build *b, int32_t object, int on) {
    int32_t node = guard(b, N_CHECK_CLASS, T_OBJECT, object, -1);
    if (node >= 0)
        b->g->nodes[node].value =
            on == JIT_ON_ARRAY ? LAYOUT_CLASS_ARRAY : LAYOUT_CLASS_UINT8C_ARRAY + on - JIT_ON_UINT8C;
    return node;
}

/* An element's place: where the elements are, and which it is. */
typedef struct Place {
    int32_t object, elements, index;
} Place;

static Place place(Build *b, Val object, Val index, int on) {
    Place at;
    if (index.type == T_WIDE) index = held(T_DOUBLE, to_double(b, index));
    use_in_full(b, index);
    int32_t number = index.node;
    if (index.type == T_DOUBLE) {
        number = guard(b, N_TO_INT, T_INT, index.node, -1);
        if (number >= 0) b->g->nodes[number].condition = 1; /* -0 is an index like 0 */
    }
    at.object = check_class(b, object.node, on);
    int32_t count = emit(b, N_COUNT, T_INT, at.object, -1);
    at.elements = emit(b, N_ELEMENTS, T_POINTER, at.object, -1);
    number = guard(b, N_CHECK_INDEX, T_INT, number, count);
    at.index = emit(b, N_INDEX, T_POINTER, number, -1);
    return at;
}

static bool is_index(Val v) { return type_is_number((Type)v.type); }

/* What a value in memory is taken for, by what was seen there; T_NONE if it can't be. */
static Type type_seen(uint16_t set) {
    set &= JIT_AT_END - 1;
    if (set == JIT_INT) return T_INT;
    if (set && !(set & ~(JIT_INT | JIT_DOUBLE))) return T_DOUBLE;
    if (set == JIT_BOOL) return T_BOOL;
    if (set == JIT_OBJECT) return T_OBJECT;
    if (set == JIT_STRING) return T_STRING;
    return T_NONE;
}

static Step get_element(Build *b, bool keeps_object) {
    Val index = *top(b, 0), object = *top(b, 1);
    int on = receiver(b);
    if (on < 0 || on == JIT_ON_STRING || object.type != T_OBJECT || !is_index(index) ||
        seen(b) & JIT_OUT_OF_RANGE)
        return seen(b) & JIT_EXECUTED ? STEP_LEAVES : STEP_FAILED;
    Type type;
    if (on == JIT_ON_ARRAY)
        type = type_seen(seen(b));
    else if (on == JIT_ON_FLOAT32 || on == JIT_ON_FLOAT64)
        type = T_DOUBLE;
    else
        type = on == JIT_ON_UINT32 && seen(b) & JIT_DOUBLE ? T_UINT : T_INT;
    if (type == T_NONE) return seen(b) & ~JIT_EXECUTED ? STEP_LEAVES : STEP_FAILED;
    Place at = place(b, object, index, on);
    int32_t node;
    if (on == JIT_ON_ARRAY) {
        node = guard(b, N_GET_VALUE, type, emit(b, N_ADDRESS, T_POINTER, at.elements, at.index), -1);
    } else {
        node = emit(b, N_GET_ELEMENT, type, at.elements, at.index);
        if (node >= 0) b->g->nodes[node].value = on;
        if (on == JIT_ON_UINT32 && type == T_INT) node = guard(b, N_INT_OF, T_INT, node, -1);
    }
    b->depth -= keeps_object ? 1 : 2;
    push(b, held(type, node));
    return STEP_NEXT;
}

static Step put_element(Build *b) {
    Val value = *top(b, 0), index = *top(b, 1), object = *top(b, 2);
    int on = receiver(b);
    if (on < 0 || on == JIT_ON_STRING || object.type != T_OBJECT || !is_index(index) ||
        !is_number(value) || seen(b) & JIT_OUT_OF_RANGE)
        return seen(b) & JIT_EXECUTED ? STEP_LEAVES : STEP_FAILED;
    int32_t what = value.node, node;
    if (on == JIT_ON_ARRAY && seen(b) & JIT_AT_END) {
        if (index.type != T_INT) return STEP_LEAVES;
        use_in_full(b, index);
        use_in_full(b, value);
        if (value.type == T_UINT || value.type == T_WIDE) {
            what = to_double(b, value);
            value.type = T_DOUBLE;
        }
        node = guard(b, N_APPEND, (Type)value.type, check_class(b, object.node, on), index.node);
        if (node >= 0) b->g->nodes[node].c = what;
        b->g->appends = b->g->stores_values = true;
        b->depth -= 3;
        return STEP_NEXT;
    }
    Place at = place(b, object, index, on);
    if (on == JIT_ON_ARRAY) {
        use_in_full(b, value);
        int32_t address = emit(b, N_ADDRESS, T_POINTER, at.elements, at.index);
        if (value.type == T_UINT || value.type == T_WIDE) {
            what = to_double(b, value);
            value.type = T_DOUBLE;
        }
        node = guard(b, N_PUT_VALUE, (Type)value.type, address, what);
        b->g->stores_values = true;
    } else {
        int32_t object2 = guard(b, N_CHECK_MUTABLE, T_OBJECT, at.object, -1);
        at.elements = emit(b, N_ELEMENTS, T_POINTER, object2, -1);
        if (on == JIT_ON_FLOAT32 || on == JIT_ON_FLOAT64) {
            what = to_double(b, value);
        } else if (on == JIT_ON_UINT8C && (value.type == T_INT || value.type == T_BOOL)) {
            use_in_full(b, value);
            what = emit(b, N_MAX, T_INT, what, integer(b, 0).node);
            what = emit(b, N_MIN, T_INT, what, integer(b, 255).node);
        } else if (on == JIT_ON_UINT8C) {
            what = emit(b, N_CALL1, T_DOUBLE, to_double(b, value), -1);
            if (what >= 0) b->g->nodes[what].unary = jit_helpers.clamp;
            what = to_int32(b, held(T_DOUBLE, what));
        } else {
            what = to_int32(b, value);
        }
        node = emit(b, N_PUT_ELEMENT, T_NONE, at.elements, at.index);
        if (node >= 0) {
            b->g->nodes[node].c = what;
            b->g->nodes[node].value = on;
        }
    }
    b->depth -= 3;
    return STEP_NEXT;
}

/* Nodes are made of each instruction once, so none assumes the same twice, but for lengths. */
static void assume(Build *b, int32_t global, int32_t field, uint32_t callee) {
    Graph *g = b->g;
    if (!g->emitting) return;
    if (global == JIT_LENGTH) {
        if (b->lengths >> field & 1) return;
        b->lengths |= 1u << field;
    }
    g->builtins[g->builtin_count++] = (JitBuiltin){global, field, callee};
}

static Step get_length(Build *b) {
    Val object = *top(b, 0);
    int on = receiver(b);
    int32_t node;
    if (on == JIT_ON_STRING && object.type == T_STRING) {
        node = emit(b, N_STRING_LENGTH, T_INT, object.node, -1);
    } else if (on == JIT_ON_ARRAY && object.type == T_OBJECT) {
        node = guard(b, N_LENGTH, T_INT, check_class(b, object.node, on), -1);
    } else if (on > JIT_ON_ARRAY && on <= JIT_ON_FLOAT64 && object.type == T_OBJECT) {
        int32_t plain = guard(b, N_CHECK_PLAIN, T_OBJECT, check_class(b, object.node, on), -1);
        if (plain >= 0) b->g->nodes[plain].value = on;
        node = emit(b, N_COUNT, T_INT, plain, -1);
        assume(b, JIT_LENGTH, on, 0);
    } else {
        return seen(b) & JIT_EXECUTED ? STEP_LEAVES : STEP_FAILED;
    }
    b->depth--;
    push(b, held(T_INT, node));
    return STEP_NEXT;
}

/* --- calls of what is known ----------------------------------------------------------------- */

/* Math.min or max of three or more. */
static Step extreme_of(Build *b, const JitKnown *known, uint32_t count) {
    bool integers = true;
    for (uint32_t i = 0; i < count; i++) {
        if (!is_number(*top(b, i))) return STEP_LEAVES;
        integers &= top(b, i)->type == T_INT;
    }
    Operation operation = !integers                              ? N_CALL2
                          : known->intrinsic == JIT_MATH_MIN ? N_MIN
                                                             : N_MAX;
    Type type = integers ? T_INT : T_DOUBLE;
    int32_t node = -1;
    for (uint32_t i = count; i-- > 0;) {
        Val v = *top(b, i);
        use_in_full(b, v);
        int32_t operand = integers ? v.node : to_double(b, v);
        if (i == count - 1) {
            node = operand;
            continue;
        }
        node = emit(b, operation, type, node, operand);
        if (!integers && node >= 0) b->g->nodes[node].binary = known->binary;
    }
    b->depth -= count + 2;
    push(b, held(type, node));
    return STEP_NEXT;
}

static Step call_method(Build *b, uint32_t count) {
    uint32_t callee = atomic_load_explicit(&b->sites[b->pc].callee, memory_order_relaxed);
    if (callee <= JIT_MANY || b->depth < count + 2)
        return callee == JIT_MANY ? STEP_LEAVES : STEP_FAILED;
    Val method = *top(b, count), object = *top(b, count + 1);
    const JitKnown *known = &jit_known[callee];
    Val x = count > 0 ? *top(b, count - 1) : (Val){0}, y = count > 1 ? *top(b, count - 2) : (Val){0};
    bool extreme = known->intrinsic == JIT_MATH_MIN || known->intrinsic == JIT_MATH_MAX;
    uint32_t needs =
        extreme || known->intrinsic == JIT_MATH_BINARY || known->intrinsic == JIT_MATH_IMUL ? 2 : 1;
    if (extreme && count > 2 && method.type == T_METHOD && b->callees[method.node] == callee)
        return extreme_of(b, known, count);
    if (method.type != T_METHOD || b->callees[method.node] != callee || count != needs || !is_number(x) || (needs == 2 && !is_number(y)))
        return STEP_LEAVES;
    bool integers = x.type == T_INT && (needs == 1 || y.type == T_INT);
    Val result;
    int32_t node;
    if (known->intrinsic == JIT_CHAR_CODE_AT) {
        if (object.type != T_STRING || x.type != T_INT) return STEP_LEAVES;
        use_in_full(b, x);
        int32_t length = emit(b, N_STRING_LENGTH, T_INT, object.node, -1);
        int32_t index = guard(b, N_CHECK_INDEX, T_INT, x.node, length);
        result = held(T_INT, emit(b, N_CHAR_CODE, T_INT, object.node, index));
    } else {
        if (object.type != T_GLOBAL) return STEP_LEAVES;
        switch (known->intrinsic) {
        case JIT_MATH_IMUL:
            result = held(T_INT, emit(b, N_MUL_WRAP, T_INT, to_int32(b, x), to_int32(b, y)));
            break;
        case JIT_MATH_MIN:
        case JIT_MATH_MAX:
            if (integers) {
                Operation operation = known->intrinsic == JIT_MATH_MIN ? N_MIN : N_MAX;
                use_in_full(b, x);
                use_in_full(b, y);
                result = held(T_INT, emit(b, operation, T_INT, x.node, y.node));
                break;
            } /* else fall through */
        case JIT_MATH_BINARY:
            node = emit(b, N_CALL2, T_DOUBLE, to_double(b, x), to_double(b, y));
            if (node >= 0) b->g->nodes[node].binary = known->binary;
            result = held(T_DOUBLE, node);
            break;
        case JIT_MATH_ABS:
            if (integers) {
                use_in_full(b, x);
                node = guard(b, N_SUB, T_INT, integer(b, 0).node, x.node);
                result = held(T_INT, emit(b, N_MAX, T_INT, x.node, node));
            } else {
                result = held(T_DOUBLE, emit(b, N_FABS, T_DOUBLE, to_double(b, x), -1));
            }
            break;
        case JIT_MATH_SQRT:
            result = held(T_DOUBLE, emit(b, N_FSQRT, T_DOUBLE, to_double(b, x), -1));
            break;
        case JIT_MATH_ROUND_DOWN:
        case JIT_MATH_ROUND_UP:
        case JIT_MATH_ROUND_TO_ZERO:
        case JIT_MATH_ROUND:
            if (x.type == T_INT || x.type == T_UINT) {
                result = x;
                break;
            } /* else fall through */
        default:
            node = emit(b, N_CALL1, T_DOUBLE, to_double(b, x), -1);
            if (node >= 0) b->g->nodes[node].unary = known->unary;
            result = held(T_DOUBLE, node);
            break;
        }
    }
    b->depth -= count + 2;
    push(b, result);
    return STEP_NEXT;
}

/* --- calls of what a task defines ------------------------------------------------------------- */

/* What a call gives, by what was seen; a guess if nothing was, as calls end after they were recorded. */
static Type type_given(uint16_t set) {
    set &= JIT_AT_END - 1;
    if (set == JIT_UNDEFINED) return T_UNDEFINED;
    if (set == JIT_NULL) return T_NULL;
    Type type = set ? type_seen(set) : T_INT;
    return type == T_OBJECT || type == T_STRING ? T_NONE : type;
}

static bool is_borrowed(Val v) { return v.type == T_OBJECT || v.type == T_STRING; }

/* Puts a value where the interpreter has its stack. */
static void push_out(Build *b, uint32_t index) {
    Val v = b->now[b->g->slots + index];
    if (v.type == T_SLOT) return;
    use_in_full(b, v);
    if (v.type == T_UINT || v.type == T_WIDE) v = held(T_DOUBLE, to_double(b, v));
    int32_t node = emit(b, N_PUSH, (Type)v.type, v.node, -1);
    if (node >= 0) b->g->nodes[node].slot = (int32_t)index;
}

/* The program's function that is called here, if code for its start can be called directly. */
static const JitFunction *target_of(const Build *b, uint32_t count) {
    uint32_t callee = atomic_load_explicit(&b->sites[b->pc].callee, memory_order_relaxed);
    const struct JitProgram *program = b->f->program;
    if (callee < JIT_CALLEE || callee - JIT_CALLEE >= program->count) return NULL;
    const JitFunction *target = program->functions[callee - JIT_CALLEE];
    if (!target || target->references || target->arguments > count) return NULL;
    return target->locals + target->stack <= 100 ? target : NULL;
}

/* Goes on with the function that is called, if it is the one that was seen. */
static Step enter_inlined(Build *b, Inlined *in) {
    Graph *g = b->g;
    const JitFunction *f = in->function;
    uint32_t first = b->depth - in->given, slot = b->f->arguments + in->variables;
    Val function = b->now[g->slots + first - 1];
    bool known = function.type == T_OBJECT;
    for (uint32_t i = first; i < b->depth; i++) {
        Val v = b->now[g->slots + i];
        known &= type_is_held((Type)v.type) || v.type == T_UNDEFINED || v.type == T_NULL;
    }
    if (!known) {
        keep_apart(b, in);
        return STEP_LEAVES;
    }
    in->object = guard(b, N_CHECK_FUNCTION, T_OBJECT, function.node, -1);
    if (in->object >= 0) {
        g->nodes[in->object].value = (int64_t)f->number + 1;
        in->state = state(b);
    }
    for (uint32_t i = 0; i < f->arguments + f->locals; i++) {
        bool given = i < f->arguments && i < in->given;
        b->now[slot + i] = given ? b->now[g->slots + first + i] : held(T_UNDEFINED, -1);
        use_in_full(b, b->now[slot + i]);
    }
    for (uint32_t i = 0; i < f->outer; i++)
        b->now[b->f->arguments + b->f->locals + in->outer + i] = held(T_SLOT, -1);
    b->depth = in->depth = first - 1;
    b->go_to = in->start;
    return STEP_GO;
}

/* Goes on after the call with what is on top. */
static Step leave_inlined(Build *b, const Inlined *in, bool with_value) {
    Val v = with_value ? *top(b, 0) : held(T_UNDEFINED, -1);
    if (!type_is_held((Type)v.type) && v.type != T_UNDEFINED && v.type != T_NULL) return STEP_LEAVES;
    use_in_full(b, v);
    b->depth = in->depth;
    push(b, v);
    b->go_to = in->after;
    return STEP_GO;
}

/* Anything may run meanwhile: variables that others reach are read again, and what the stack only
 * borrows is kept by its place in the interpreter's stack until it is known that somebody else still
 * does. */
static Step call_function(Build *b, uint8_t op, uint32_t count) {
    Graph *g = b->g;
    if (b->depth < count + 1) return STEP_LEAVES;
    Inlined *in = inline_at(g, b->pc);
    if (in) return enter_inlined(b, in);
    Type type = type_given(seen(b));
    bool is_tail = op == OP_tail_call;
    uint32_t first = b->depth - count, next = b->pc + bytecode_sizes[op];
    Val function = b->now[g->slots + first - 1];
    if (function.type != T_OBJECT || (is_tail ? first != 1 : type == T_NONE)) return STEP_LEAVES;
    int64_t kept = 0;
    for (uint32_t i = 0; i < b->depth; i++) {
        Val v = b->now[g->slots + i];
        if (v.type == T_GLOBAL || v.type == T_METHOD || v.type == T_NONE) return STEP_LEAVES;
        if (v.type == T_UNINITIALIZED || (i >= first && v.type == T_SLOT)) return STEP_LEAVES;
        kept += i + 1 < first && is_borrowed(v);
    }
    if (!g->calls) g->calls = graph_alloc(g, sizeof *g->calls * (b->f->length + 1));
    CallSite site = {b->pc, next, first, count, target_of(b, count), false};
    for (uint32_t i = 0; i < b->depth; i++) {
        bool argument = i >= first;
        if (!argument && (i + 1 >= first || !is_borrowed(b->now[g->slots + i]))) continue;
        site.counted |= argument && is_borrowed(b->now[g->slots + i]);
        push_out(b, i);
    }
    /* If it throws, all that was pushed, and the function, are in their places. */
    for (uint32_t i = 0; i < b->depth; i++) {
        bool pushed = i + 1 >= first || is_borrowed(b->now[g->slots + i]);
        b->before[g->slots + i] = pushed ? held(T_SLOT, -1) : b->now[g->slots + i];
    }
    int32_t call = emit(b, N_CALL, T_NONE, function.node, -1);
    if (call >= 0) {
        g->nodes[call].value = g->call_count;
        g->calls[g->call_count++] = site;
        g->nodes[call].state = make_state(b, b->before, next - 1, b->depth);
    }
    g->runs_code = true;
    uint32_t own = b->f->arguments + b->f->locals;
    for (uint32_t slot = 0; slot < g->slots; slot++) {
        if (slot < own && !b->f->captured[slot]) continue;
        b->now[slot] = b->before[slot] = held(T_SLOT, -1);
    }
    b->depth = first - 1;
    if (is_tail) return STEP_RETURN;
    for (uint32_t i = 0; i < b->depth; i++) b->before[g->slots + i] = b->now[g->slots + i];
    for (uint32_t i = 0; i < b->depth; i++)
        if (is_borrowed(b->now[g->slots + i])) b->before[g->slots + i] = held(T_SLOT, -1);
    memcpy(b->before, b->now, sizeof(Val) * g->slots);
    b->before[g->slots + b->depth] = held(T_SLOT, -1);
    int32_t result = emit(b, N_RESULT, type, call, -1);
    if (result >= 0) {
        g->nodes[result].slot = (int32_t)b->depth;
        g->nodes[result].state = make_state(b, b->before, next, b->depth + 1);
    }
    push(b, held(type, type_is_held(type) ? result : -1));
    b->before[g->slots + b->depth - 1] = *top(b, 0);
    bool checks = kept || g->rechecks;
    int32_t after = checks && g->emitting ? make_state(b, b->before, next, b->depth) : -1;
    if (g->rechecks) {
        int32_t node = emit(b, N_CHECK_BUILTINS, T_NONE, -1, -1);
        if (node >= 0) g->nodes[node].state = after;
    }
    for (int pass = 0; kept && pass < 2; pass++) {
        for (uint32_t i = 0; i + 1 < b->depth; i++) {
            Val v = b->now[g->slots + i];
            if (!is_borrowed(v)) continue;
            int32_t node = emit(b, pass ? N_LET_GO : N_CHECK_KEPT, T_NONE, v.node, -1);
            if (node < 0 || pass) continue;
            g->nodes[node].value = kept;
            g->nodes[node].state = after;
        }
    }
    return STEP_NEXT;
}

static Step leave_function(Build *b, bool with_value) {
    const Inlined *in = inline_around(b->g, b->pc);
    if (in) return leave_inlined(b, in, with_value);
    for (uint32_t i = 0; i < b->depth; i++) /* what else is there is owned by others */
        if (top(b, i)->type == T_SLOT) return STEP_LEAVES;
    if (!with_value) push(b, held(T_UNDEFINED, -1));
    Val v = *top(b, 0);
    bool held_ = type_is_held((Type)v.type) || v.type == T_UNDEFINED || v.type == T_NULL;
    if (!held_ && !with_value) b->depth--;
    if (!held_) return STEP_LEAVES;
    use_in_full(b, v);
    if (v.type == T_UINT || v.type == T_WIDE) *top(b, 0) = held(T_DOUBLE, to_double(b, v));
    return STEP_RETURN;
}

/* --- variables ------------------------------------------------------------------------------ */

static Step get_variable(Build *b, uint32_t slot, bool checked) {
    Val v = b->now[slot];
    if (v.type == T_SLOT) {
        Type type = type_seen(seen(b));
        if (is_inner(b, slot)) return STEP_LEAVES;
        if (type == T_NONE)
            return seen(b) & JIT_EXECUTED ? STEP_LEAVES : STEP_FAILED;
        const Inlined *in = inline_around(b->g, b->pc);
        int32_t node = guard(b, N_LOAD, type, in ? in->object : -1, -1);
        if (node >= 0) {
            b->g->nodes[node].slot = (int32_t)slot;
            if (in) b->g->nodes[node].value = slot - b->f->arguments - b->f->locals - in->outer;
        }
        b->now[slot] = v = held(type, node);
    }
    if (v.type == T_NONE || (checked && v.type == T_UNINITIALIZED)) return STEP_LEAVES;
    if (v.type == T_UNINITIALIZED) return STEP_LEAVES;
    push(b, v);
    return STEP_NEXT;
}

/* Writes a value that stays on the stack or was popped. */
static Step put_variable(Build *b, uint32_t slot, Val v, bool checked) {
    Graph *g = b->g;
    if (checked && (b->now[slot].type == T_UNINITIALIZED || b->now[slot].type == T_SLOT))
        return STEP_LEAVES;
    if (v.type == T_SLOT || v.type == T_GLOBAL || v.type == T_METHOD || v.type == T_NONE)
        return STEP_LEAVES;
    if ((v.type == T_OBJECT || v.type == T_STRING) && !g->in_memory[slot] && !is_inner(b, slot)) {
        g->in_memory[slot] = true;
        g->again = true;
    }
    use_in_full(b, v);
    if (g->in_memory[slot]) {
        /* What was there may be freed by this, and be on the stack. */
        for (uint32_t i = 0; i < b->depth; i++) {
            Val other = b->now[g->slots + i];
            if ((other.type == T_OBJECT || other.type == T_STRING) &&
                !(other.type == v.type && other.node == v.node))
                return STEP_LEAVES;
        }
        if (v.type == T_WIDE || v.type == T_UINT) {
            v.node = to_double(b, v);
            v.type = T_DOUBLE;
        }
        int32_t node = emit(b, N_STORE, (Type)v.type, v.node, -1);
        if (node >= 0) g->nodes[node].slot = (int32_t)slot;
        g->stores_values = true;
    }
    b->now[slot] = v;
    return STEP_NEXT;
}

static uint32_t local(const Build *b, uint32_t index) { return b->f->arguments + index; }

static Step variable(Build *b, const BytecodeVariable *v) {
    uint32_t slot = v->kind == BYTECODE_ARGUMENT ? v->index
                    : v->kind == BYTECODE_LOCAL  ? local(b, v->index)
                                                 : b->f->arguments + b->f->locals + v->index;
    if (v->access == BYTECODE_GET) return get_variable(b, slot, v->checked);
    Val value = *top(b, 0);
    if (v->access == BYTECODE_PUT) b->depth--;
    Step done = put_variable(b, slot, value, v->checked);
    if (done != STEP_NEXT && v->access == BYTECODE_PUT) b->depth++;
    return done;
}

static Step add_to_local(Build *b, uint8_t index, int by) {
    uint32_t slot = local(b, index);
    Step done = get_variable(b, slot, false);
    if (done == STEP_NEXT) done = increment(b, by);
    return done == STEP_NEXT ? put_variable(b, slot, pop(b), false) : done;
}

/* --- one instruction ------------------------------------------------------------------------ */

static Step constant(Build *b, uint32_t index) {
    const JitConstant *known = &b->f->constants[index];
    if (index >= b->f->constant_count || known->tag == JIT_OTHER) return STEP_LEAVES;
    push(b, known->tag == JIT_INT ? integer(b, (int64_t)known->number) : number(b, known->number));
    return STEP_NEXT;
}

static Step step(Build *b) {
    const uint8_t *at = b->code + b->pc;
    uint8_t op = *at;
    BytecodeVariable v;
    if (b->g->prune && !(seen(b) & JIT_EXECUTED)) return STEP_FAILED;
    if (bytecode_variable(at, &v)) return variable(b, &v);
    switch (op) {
    case OP_push_minus1:
    case OP_push_0:
    case OP_push_1:
    case OP_push_2:
    case OP_push_3:
    case OP_push_4:
    case OP_push_5:
    case OP_push_6:
    case OP_push_7:
        push(b, integer(b, op - OP_push_0));
        return STEP_NEXT;
    case OP_push_i8:
        push(b, integer(b, (int8_t)at[1]));
        return STEP_NEXT;
    case OP_push_i16:
        push(b, integer(b, (int16_t)bytecode_u16(at + 1)));
        return STEP_NEXT;
    case OP_push_i32:
        push(b, integer(b, bytecode_i32(at + 1)));
        return STEP_NEXT;
    case OP_push_const8:
        return constant(b, at[1]);
    case OP_push_const:
        return constant(b, (uint32_t)bytecode_i32(at + 1));
    case OP_push_true:
    case OP_push_false:
        push(b, truth(b, op == OP_push_true));
        return STEP_NEXT;
    case OP_undefined:
        push(b, held(T_UNDEFINED, -1));
        return STEP_NEXT;
    case OP_null:
        push(b, held(T_NULL, -1));
        return STEP_NEXT;
    case OP_drop:
        if (top(b, 0)->type == T_SLOT) return STEP_LEAVES;
        b->depth--;
        return STEP_NEXT;
    case OP_nip:
        if (top(b, 1)->type == T_SLOT) return STEP_LEAVES;
        *top(b, 1) = *top(b, 0);
        b->depth--;
        return STEP_NEXT;
    case OP_dup:
        if (top(b, 0)->type == T_SLOT) return STEP_LEAVES;
        push(b, *top(b, 0));
        return STEP_NEXT;
    case OP_dup1: /* a b -> a a b */
    case OP_dup2: /* a b -> a b a b */
    case OP_dup3: {
        uint32_t count = op == OP_dup3 ? 3 : 2;
        for (uint32_t i = 0; i < count; i++)
            if (top(b, i)->type == T_SLOT) return STEP_LEAVES;
        if (op == OP_dup1) {
            push(b, *top(b, 0));
            *top(b, 1) = *top(b, 2);
        } else {
            for (uint32_t i = 0; i < count; i++) push(b, *top(b, count - 1));
        }
        return STEP_NEXT;
    }
    case OP_insert2: /* a b -> b a b */
    case OP_insert3:
    case OP_insert4: {
        uint32_t below = (uint32_t)(op - OP_insert2) + 2;
        for (uint32_t i = 0; i < below; i++)
            if (top(b, i)->type == T_SLOT) return STEP_LEAVES;
        push(b, *top(b, 0));
        bury(b, below);
        return STEP_NEXT;
    }
    case OP_perm3: /* a b c -> b a c */
    case OP_perm4: /* a b c d -> c a b d */
    case OP_perm5: {
        uint32_t below = (uint32_t)(op - OP_perm3) + 2;
        for (uint32_t i = 0; i <= below; i++)
            if (top(b, i)->type == T_SLOT) return STEP_LEAVES;
        Val last = pop(b);
        bury(b, below - 1);
        push(b, last);
        return STEP_NEXT;
    }
    case OP_swap:
    case OP_rot3l:
    case OP_rot4l:
    case OP_rot5l: {
        uint32_t below = op == OP_swap ? 1 : (uint32_t)(op - OP_rot4l) + 3;
        if (op == OP_rot3l) below = 2;
        for (uint32_t i = 0; i <= below; i++)
            if (top(b, i)->type == T_SLOT) return STEP_LEAVES;
        roll(b, below);
        return STEP_NEXT;
    }
    case OP_rot3r:
        for (uint32_t i = 0; i <= 2; i++)
            if (top(b, i)->type == T_SLOT) return STEP_LEAVES;
        bury(b, 2);
        return STEP_NEXT;
    case OP_get_loc0_loc1: {
        if (b->now[local(b, 0)].type == T_SLOT || b->now[local(b, 1)].type == T_SLOT)
            return STEP_LEAVES;
        Step done = get_variable(b, local(b, 0), false);
        if (done != STEP_NEXT) return done;
        done = get_variable(b, local(b, 1), false);
        if (done != STEP_NEXT) b->depth--;
        return done;
    }
    case OP_set_loc_uninitialized:
        return put_variable(b, local(b, bytecode_u16(at + 1)), held(T_UNINITIALIZED, -1), false);
    case OP_add:
    case OP_sub:
    case OP_mul:
    case OP_div:
    case OP_mod:
    case OP_pow:
        return arithmetic(b, op);
    case OP_inc:
    case OP_dec:
        return increment(b, op == OP_inc ? 1 : -1);
    case OP_post_inc:
    case OP_post_dec: {
        Val old = *top(b, 0);
        if (!is_number(old)) return STEP_LEAVES;
        if (old.type == T_BOOL) old.type = T_INT;
        Step done = increment(b, op == OP_post_inc ? 1 : -1);
        Val new = pop(b);
        push(b, old);
        push(b, new);
        return done;
    }
    case OP_inc_loc:
        return add_to_local(b, at[1], 1);
    case OP_dec_loc:
        return add_to_local(b, at[1], -1);
    case OP_add_loc: {
        uint32_t slot = local(b, at[1]);
        if (b->now[slot].type == T_SLOT) return STEP_LEAVES;
        push(b, b->now[slot]);
        roll(b, 1);
        Step done = arithmetic(b, OP_add);
        if (done != STEP_NEXT) {
            roll(b, 1);
            b->depth--;
            return done;
        }
        return put_variable(b, slot, pop(b), false);
    }
    case OP_neg:
        return negate(b);
    case OP_plus:
        if (!is_number(*top(b, 0))) return STEP_LEAVES;
        if (top(b, 0)->type == T_BOOL) top(b, 0)->type = T_INT;
        return STEP_NEXT;
    case OP_not: {
        if (!is_number(*top(b, 0))) return STEP_LEAVES;
        Val x = pop(b);
        push(b, held(T_INT, emit(b, N_NOT, T_INT, to_int32(b, x), -1)));
        return STEP_NEXT;
    }
    case OP_lnot: {
        if (!condition(b)) return STEP_LEAVES;
        Val x = pop(b);
        /* Of what is negated twice no chain is made, as others follow it by recursion. */
        const Node *node = x.node >= 0 ? &b->g->nodes[x.node] : NULL;
        bool twice = node && node->operation == N_IS_NOT;
        push(b, held(T_BOOL, twice ? node->a : emit(b, N_IS_NOT, T_BOOL, x.node, -1)));
        return STEP_NEXT;
    }
    case OP_and:
    case OP_or:
    case OP_xor:
    case OP_shl:
    case OP_sar:
    case OP_shr:
        return bits(b, op);
    case OP_lt:
    case OP_lte:
    case OP_gt:
    case OP_gte:
    case OP_eq:
    case OP_neq:
    case OP_strict_eq:
    case OP_strict_neq:
        return comparison(b, op);
    case OP_get_length:
        return get_length(b);
    case OP_get_array_el:
        return get_element(b, false);
    case OP_get_array_el2:
        return get_element(b, true);
    case OP_put_array_el:
        return put_element(b);
    case OP_to_propkey:
        return top(b, 0)->type == T_INT ? STEP_NEXT : STEP_LEAVES;
    case OP_to_propkey2:
        return top(b, 0)->type == T_INT && top(b, 1)->type == T_OBJECT ? STEP_NEXT : STEP_LEAVES;
    case OP_get_var: /* which is what was seen: that is checked before the code is entered */
        if (!b->callees[b->pc]) return STEP_LEAVES;
        push(b, held(T_GLOBAL, (int32_t)b->pc));
        return STEP_NEXT;
    case OP_get_field2:
        if (!b->callees[b->pc] ||
            top(b, 0)->type != (b->globals[b->pc] >= 0 ? T_GLOBAL : T_STRING))
            return STEP_LEAVES;
        assume(b, b->globals[b->pc] >= 0 ? b->globals[b->pc] : JIT_OF_STRINGS, (int32_t)b->pc,
               b->callees[b->pc]);
        push(b, held(T_METHOD, (int32_t)b->pc));
        return STEP_NEXT;
    case OP_call_method:
        return call_method(b, bytecode_u16(at + 1));
    case OP_call:
    case OP_call0:
    case OP_call1:
    case OP_call2:
    case OP_call3:
    case OP_tail_call:
        return call_function(b, op, bytecode_argument_count(at));
    case OP_return:
    case OP_return_undef:
        return leave_function(b, op == OP_return);
    case OP_goto:
    case OP_goto8:
    case OP_goto16:
        return STEP_JUMP;
    case OP_if_true:
    case OP_if_false:
    case OP_if_true8:
    case OP_if_false8:
        return condition(b) ? STEP_BRANCH : STEP_LEAVES;
    case OP_nop:
        return STEP_NEXT;
    default:
        return STEP_LEAVES;
    }
}

/* --- blocks --------------------------------------------------------------------------------- */

static int32_t new_block(Build *b, uint32_t pc, bool before) {
    Graph *g = b->g;
    if (g->block_count == BLOCKS_MAX) graph_fail(g, "too many blocks");
    g->blocks[g->block_count] = (Block){
        .pc = pc,
        .before = before,
        .in = graph_alloc(g, sizeof(Val) * (g->slots + g->stack + 1)),
        .first = -1,
        .last = -1,
        .to = {-1, -1},
        .test = -1,
        .state = -1,
        .loop = -1,
        .dominator = -1,
    };
    return g->block_count++;
}

/* The block to which an edge goes from `from` to an instruction: of a loop, if the edge comes from
 * before, the one before it. */
static int32_t block_for(Build *b, uint32_t from, uint32_t pc) {
    int before = b->loops[pc] && from < pc;
    int32_t *at = &b->g->block_at[before][pc];
    if (*at < 0) *at = new_block(b, pc, before);
    return *at;
}

static Type join(Type a, Type c) {
    if (a == c || c == T_NONE) return a;
    if (a == T_NONE) return c;
    bool integers = (a == T_INT || a == T_UINT || a == T_WIDE) &&
                    (c == T_INT || c == T_UINT || c == T_WIDE);
    if (integers) return T_WIDE;
    return type_is_number(a) && type_is_number(c) ? T_DOUBLE : T_SLOT;
}

/* Values of different kinds meet on the stack: perhaps what something inlined gives. */
static void stack_varies(Build *b, uint32_t pc) {
    Graph *g = b->g;
    const Inlined *in = inline_around(g, pc);
    for (uint32_t i = 0; !in && i < g->inlined_count; i++)
        if (g->inlined[i].after == pc) in = &g->inlined[i];
    if (!in) graph_fail(g, "values of different kinds on the stack");
    keep_apart(b, in);
}

/* Types flow along an edge. Whether they are news. */
static bool flow(Build *b, int32_t to) {
    Graph *g = b->g;
    Block *block = &g->blocks[to];
    bool news = !block->reached;
    if (news) block->depth = b->depth;
    if (block->depth != b->depth) graph_fail(g, "depths differ");
    block->reached = true;
    graph_step(g, g->slots + b->depth);
    for (uint32_t i = 0; i < g->slots + b->depth; i++) {
        Val v = b->now[i];
        if (i < g->slots && !is_live(g, i, block->pc)) continue;
        Type old = block->in[i].type;
        bool varies = false; /* symbols are the same or nothing */
        if ((v.type == T_GLOBAL || v.type == T_METHOD) && old != T_NONE)
            varies = old != v.type || block->in[i].node != v.node;
        Type type = varies ? T_SLOT : join(old, (Type)v.type);
        if (type == T_SLOT && old != T_SLOT && v.type != T_SLOT && i >= g->slots)
            stack_varies(b, block->pc);
        if (i >= g->slots && type == T_SLOT && old != T_SLOT && old != T_NONE)
            stack_varies(b, block->pc);
        if (type == T_SLOT && i < g->slots && !g->in_memory[i] && !is_inner(b, i) && (old != T_NONE || v.type != T_SLOT)) {
            g->in_memory[i] = true;
            g->again = true;
        }
        /* An object that a variable holds is in its slot: or it would be lost at an exit. */
        if (type == old) continue;
        block->in[i] = (Val){(uint8_t)type, v.type == T_GLOBAL || v.type == T_METHOD ? v.node : -1};
        news = true;
    }
    return news;
}

/* Interprets a block's instructions from `now` on, to its end. */
static void interpret(Build *b, int32_t number) {
    Graph *g = b->g;
    b->block = number;
    uint32_t pc = g->blocks[number].pc;
    if (g->blocks[number].before) {
        b->pc = pc;
        if (g->emitting) g->blocks[number].state = make_state(b, b->now, pc, b->depth);
        g->blocks[number].end = END_JUMP;
        g->blocks[number].to[0] = block_for(b, pc, pc);
        return;
    }
    for (bool first = true;; first = false) {
        if (!first && (b->leader[pc] || pc >= b->f->length)) {
            if (pc >= b->f->length) graph_fail(g, "no end");
            int32_t next = block_for(b, pc - 1, pc);
            g->blocks[number].end = END_JUMP;
            g->blocks[number].to[0] = next;
            return;
        }
        b->pc_before = first ? pc : b->pc;
        b->pc = pc;
        b->state_now = -1;
        b->depth_before = b->depth;
        graph_step(g, 1 + (g->slots + b->depth) / 8 + g->inlined_count);
        memcpy(b->before, b->now, sizeof(Val) * (g->slots + b->depth));
        uint8_t op = b->code[pc];
        uint32_t next = pc + bytecode_sizes[op];
        Step done = step(b);
        if (done == STEP_NEXT) {
            pc = next;
            continue;
        }
        const Inlined *in = pc >= g->own_length ? inline_around(g, pc) : NULL;
        if (in && done == STEP_LEAVES) { /* the interpreter does all of the call */
            if (seen(b) & JIT_EXECUTED) keep_apart(b, in);
            done = STEP_FAILED;
        }
        if (done == STEP_GO) {
            bool back = in != NULL;
            int32_t to = block_for(b, back ? in->call : pc, b->go_to);
            g->blocks[number].end = END_JUMP;
            g->blocks[number].to[0] = to;
        } else if (done == STEP_JUMP) {
            int32_t to = block_for(b, pc, (uint32_t)bytecode_target(b->code, (int32_t)pc));
            g->blocks[number].end = END_JUMP;
            g->blocks[number].to[0] = to;
        } else if (done == STEP_RETURN) {
            g->blocks[number].end = END_RETURN;
            g->blocks[number].test = b->depth ? top(b, 0)->node : -1;
            g->blocks[number].result = b->depth ? top(b, 0)->type : T_SLOT;
            g->blocks[number].to[0] = g->blocks[number].to[1] = -1;
        } else if (done == STEP_BRANCH) {
            Val test = pop(b);
            uint32_t target = (uint32_t)bytecode_target(b->code, (int32_t)pc);
            bool on_true = op == OP_if_true || op == OP_if_true8;
            int32_t jump = block_for(b, pc, target), fall = block_for(b, pc, next);
            g->blocks[number].end = END_BRANCH;
            g->blocks[number].test = test.node;
            g->blocks[number].to[0] = on_true ? jump : fall;
            g->blocks[number].to[1] = on_true ? fall : jump;
        } else {
            g->blocks[number].end = END_EXIT;
            g->blocks[number].to[0] = g->blocks[number].to[1] = -1;
            g->blocks[number].exit_kind = done == STEP_LEAVES ? JIT_LEAVES : JIT_FAILED;
            memcpy(b->now, b->before, sizeof(Val) * (g->slots + b->depth_before));
            b->depth = b->depth_before;
            g->blocks[number].state = state(b);
        }
        return;
    }
}

/* What the entry's variables are taken for: what they were seen to be. */
static void enter(Build *b) {
    Graph *g = b->g;
    const JitEntry *entry = g->entry;
    uint32_t own = b->f->arguments + b->f->locals;
    b->depth = entry->pc == 0 ? 0 : b->depth;
    for (uint32_t slot = 0; slot < g->slots; slot++) {
        Type type = type_seen(g->seen[slot]);
        bool wanted = slot < own ? is_live(g, slot, entry->pc) : b->reads[slot];
        b->now[slot] = held(!wanted && slot < own    ? T_NONE
                            : type == T_NONE || !wanted ? T_SLOT
                                                        : type,
                            -1);
    }
    for (uint32_t i = 0; i < b->depth; i++) b->now[g->slots + i] = held(T_SLOT, -1);
}

static void build_types(Build *b, uint32_t depth) {
    Graph *g = b->g;
    int32_t *queue = graph_alloc(g, sizeof *queue * BLOCKS_MAX);
    uint32_t head = 0, tail = 0;
    b->depth = depth;
    enter(b);
    int32_t first = g->block_at[0][g->entry->pc];
    flow(b, first);
    queue[tail++ % BLOCKS_MAX] = first;
    g->blocks[first].queued = true;
    while (head != tail) {
        int32_t number = queue[head++ % BLOCKS_MAX];
        g->blocks[number].queued = false;
        b->depth = g->blocks[number].depth;
        memcpy(b->now, g->blocks[number].in, sizeof(Val) * (g->slots + b->depth));
        interpret(b, number);
        if (g->blocks[number].end == END_EXIT || g->blocks[number].end == END_RETURN) continue;
        for (int i = 0; i < 2; i++) {
            int32_t to = g->blocks[number].to[i];
            if (to < 0 || !flow(b, to) || g->blocks[to].queued) continue;
            queue[tail++ % BLOCKS_MAX] = to;
            g->blocks[to].queued = true;
        }
    }
}

/* --- order ---------------------------------------------------------------------------------- */

static void visit(Graph *g, int32_t number, int32_t *count) {
    /* By hand, as a function may be long. */
    typedef struct Visit {
        int32_t block;
        int next;
    } Visit;
    Visit *stack = graph_alloc(g, sizeof *stack * (size_t)(g->block_count + 1));
    bool *seen_before = graph_alloc(g, (size_t)g->block_count + 1);
    uint32_t depth = 0;
    stack[depth++] = (Visit){number, 0};
    seen_before[number] = true;
    while (depth > 0) {
        Visit *at = &stack[depth - 1];
        /* The way out of a loop first, so that its body comes before what follows it. */
        if (at->next < 2) {
            int32_t to = g->blocks[at->block].to[1 - at->next++];
            if (to < 0 || seen_before[to]) continue;
            seen_before[to] = true;
            stack[depth++] = (Visit){to, 0};
            continue;
        }
        g->order[--*count] = at->block;
        depth--;
    }
}

static int32_t common_dominator(Graph *g, int32_t a, int32_t c) {
    while (a != c) {
        graph_step(g, 1);
        while (g->blocks[a].order > g->blocks[c].order) a = g->blocks[a].dominator;
        while (g->blocks[c].order > g->blocks[a].order) c = g->blocks[c].dominator;
    }
    return a;
}

bool graph_dominates(Graph *g, int32_t a, int32_t block) {
    for (; g->blocks[block].order > g->blocks[a].order; block = g->blocks[block].dominator)
        graph_step(g, 1);
    return block == a;
}

static void find_loops(Graph *g) {
    int32_t *stack = graph_alloc(g, sizeof *stack * (size_t)(g->block_count + 1));
    /* Inner loops come later in the order: outer ones first, so that inner ones have the last word. */
    for (int32_t i = 0; i < g->order_count; i++) {
        int32_t header = g->order[i];
        bool *inside = NULL;
        uint32_t depth = 0;
        for (uint32_t k = 0; k < g->blocks[header].from_count; k++) {
            int32_t latch = g->blocks[header].from[k];
            if (!graph_dominates(g, header, latch)) continue;
            if (!inside) {
                inside = graph_alloc(g, (size_t)g->block_count);
                graph_step(g, (uint64_t)g->block_count);
                inside[header] = true;
                g->blocks[header].header = true;
            }
            if (!inside[latch]) inside[latch] = true, stack[depth++] = latch;
        }
        while (depth > 0) {
            int32_t block = stack[--depth];
            graph_step(g, g->blocks[block].from_count);
            for (uint32_t k = 0; k < g->blocks[block].from_count; k++) {
                int32_t from = g->blocks[block].from[k];
                if (!inside[from]) inside[from] = true, stack[depth++] = from;
            }
        }
        for (int32_t k = 0; inside && k < g->block_count; k++) {
            if (!inside[k]) continue;
            g->blocks[k].loop = header;
            g->blocks[k].nesting++;
        }
    }
}

static void build_order(Build *b, int32_t first) {
    Graph *g = b->g;
    g->order = graph_alloc(g, sizeof *g->order * (size_t)(g->block_count + 1));
    int32_t count = g->block_count;
    visit(g, first, &count);
    g->order_count = g->block_count - count;
    memmove(g->order, g->order + count, sizeof *g->order * (size_t)g->order_count);
    for (int32_t i = 0; i < g->block_count; i++) g->blocks[i].order = -1;
    for (int32_t i = 0; i < g->order_count; i++) g->blocks[g->order[i]].order = i;
    for (int pass = 0; pass < 2; pass++) {
        for (int32_t i = 0; i < g->order_count; i++) {
            const Block *from = &g->blocks[g->order[i]];
            for (int k = 0; k < 2; k++) {
                if (from->to[k] < 0 || (k == 1 && from->to[1] == from->to[0])) continue;
                Block *to = &g->blocks[from->to[k]];
                if (pass == 1) to->from[to->from_count] = g->order[i];
                to->from_count++;
            }
        }
        for (int32_t i = 0; pass == 0 && i < g->block_count; i++) {
            g->blocks[i].from =
                graph_alloc(g, sizeof *g->blocks[i].from * (g->blocks[i].from_count + 1));
            g->blocks[i].from_count = 0;
        }
    }
    g->blocks[first].dominator = first;
    for (bool changed = true; changed;) {
        changed = false;
        for (int32_t i = 1; i < g->order_count; i++) {
            Block *block = &g->blocks[g->order[i]];
            int32_t dominator = -1;
            graph_step(g, 1 + block->from_count);
            for (uint32_t k = 0; k < block->from_count; k++) {
                int32_t from = block->from[k];
                if (g->blocks[from].dominator < 0) continue;
                dominator = dominator < 0 ? from : common_dominator(g, dominator, from);
            }
            if (dominator != block->dominator) block->dominator = dominator, changed = true;
        }
    }
    find_loops(g);
}

/* --- nodes, block by block ------------------------------------------------------------------ */

/* The values at a block's start: of its only predecessor, or phis. */
static void begin_block(Build *b, int32_t number) {
    Graph *g = b->g;
    Block *block = &g->blocks[number];
    b->block = number;
    b->depth = block->depth;
    bool only = block->from_count == 1;
    graph_step(g, (g->slots + b->depth) * (uint64_t)(1 + block->from_count));
    const Val *out = only ? g->blocks[block->from[0]].out : NULL;
    for (uint32_t i = 0; i < g->slots + b->depth; i++) {
        Val v = block->in[i];
        if (only && v.type != T_NONE && out[i].type == v.type) {
            v = out[i];
        } else if (type_is_held(v.type)) {
            int32_t node = emit(b, N_PHI, (Type)v.type, -1, -1);
            g->nodes[node].inputs =
                graph_alloc(g, sizeof(int32_t) * (block->from_count + 1));
            g->nodes[node].slot = (int32_t)i;
            v.node = node;
        }
        b->now[i] = v;
    }
}

static void end_block(Build *b, int32_t number) {
    Graph *g = b->g;
    Val *out = graph_alloc(g, sizeof(Val) * (g->slots + g->stack + 1));
    memcpy(out, b->now, sizeof(Val) * (g->slots + b->depth));
    g->blocks[number].out = out;
}

static void fill_phis(Build *b) {
    Graph *g = b->g;
    for (int32_t i = 0; i < g->order_count; i++) {
        int32_t number = g->order[i];
        for (int32_t n = g->blocks[number].first; n >= 0; n = g->nodes[n].next) {
            if (g->nodes[n].operation != N_PHI) continue;
            for (uint32_t k = 0; k < g->blocks[number].from_count; k++) {
                b->block = g->blocks[number].from[k];
                Val v = g->blocks[b->block].out[g->nodes[n].slot];
                if (g->nodes[n].type == T_DOUBLE) v.node = to_double(b, v);
                if (g->nodes[n].type == T_WIDE) v.node = to_wide(b, v);
                if (v.node < 0) graph_fail(g, "a phi without a value");
                use_in_full(b, v);
                g->nodes[n].inputs[k] = v.node;
            }
        }
    }
}

static void build_nodes(Build *b, int32_t first) {
    Graph *g = b->g;
    uint32_t depth = g->blocks[g->block_at[0][g->entry->pc]].depth;
    g->emitting = true;
    for (int32_t i = 0; i < g->order_count; i++) {
        int32_t number = g->order[i];
        if (number == first) {
            b->block = number;
            b->depth = depth;
            b->pc = g->entry->pc;
            enter(b);
            b->depth = depth;
            for (uint32_t k = 0; k < depth; k++) b->now[g->slots + k] = held(T_SLOT, -1);
            int32_t none = make_state(b, b->now, g->entry->pc, depth);
            g->states[none].missed = true;
            g->states[none].count = 0;
            for (uint32_t slot = 0; slot < g->slots; slot++) {
                if (!type_is_held(b->now[slot].type)) continue;
                int32_t node = emit(b, N_LOAD, (Type)b->now[slot].type, -1, -1);
                g->nodes[node].slot = (int32_t)slot;
                g->nodes[node].state = none;
                b->now[slot].node = node;
            }
            g->blocks[number].state = make_state(b, b->now, g->entry->pc, depth);
        } else {
            begin_block(b, number);
            interpret(b, number);
        }
        end_block(b, number);
    }
    fill_phis(b);
}

/* Whether it pays: for a loop, if the way back to its start is compiled, and no instruction in it is
 * left to the interpreter; for a function, if none is. */
static void check_profit(Build *b, int32_t first) {
    Graph *g = b->g;
    uint32_t start = g->entry->pc, end = g->function->length;
    int32_t header = g->blocks[first].to[0];
    bool again = false;
    for (uint32_t k = 0; k < g->blocks[header].from_count; k++)
        again |= g->blocks[header].from[k] != first;
    if (b->loops[start]) {
        if (!again) graph_fail(g, "the loop's way back is not compiled");
        end = start;
        for (uint32_t pc = 0; pc < g->function->length; pc += bytecode_sizes[b->code[pc]])
            if (bytecode_target(b->code, (int32_t)pc) == (int32_t)start && pc > end) end = pc;
    }
    for (int32_t i = 0; i < g->order_count; i++) {
        const Block *block = &g->blocks[g->order[i]];
        if (block->end != END_EXIT || block->exit_kind != JIT_LEAVES) continue;
        uint32_t pc = g->states[block->state].pc;
        uint8_t op = b->code[pc];
        if (op == OP_return || op == OP_return_undef || pc < start || pc > end) continue;
        if (!(atomic_load(&b->sites[pc].value) & JIT_EXECUTED)) continue;
        graph_fail(g, "an instruction of the loop is not compiled");
    }
}

/* Workers go on recording, and both walks over the bytecode must see the same. */
static void take_notes(Graph *g) {
    const JitFunction *f = g->entry->function;
    const JitSite *sites = g->sites;
    JitSite *taken = g->sites = graph_alloc(g, sizeof *taken * (f->length + 1));
    for (uint32_t pc = 0; pc < f->length; pc++) {
        taken[pc].value = atomic_load_explicit(&sites[pc].value, memory_order_relaxed);
        taken[pc].receiver = atomic_load_explicit(&sites[pc].receiver, memory_order_relaxed);
        taken[pc].callee = atomic_load_explicit(&sites[pc].callee, memory_order_relaxed);
    }
    g->seen = graph_alloc(g, sizeof *g->seen * (jit_slots(f) + 1));
    for (uint32_t slot = 0; slot < jit_slots(f); slot++)
        g->seen[slot] = atomic_load_explicit(&g->entry->seen[slot], memory_order_relaxed);
}

/* Builds it with what is to be inlined. Whether that was well. */
static bool build_with(Graph *g) {
    inline_calls(g);
    const JitFunction *f = g->function;
    Build build = {.g = g, .f = f, .code = f->code, .sites = g->sites};
    Build *b = &build;
    g->slots = jit_slots(f);
    g->stack = f->stack + 1;
    if (g->slots > JIT_SLOTS_MAX || g->stack > STACK_MAX) graph_fail(g, "too many variables");
    scan_jumps(b);
    find_live(b);
    find_wraps(b);
    g->in_memory = graph_alloc(g, g->slots + 1);
    for (uint32_t i = 0; i < g->slots; i++)
        g->in_memory[i] = i >= f->arguments + f->locals || f->captured[i];
    b->now = graph_alloc(g, sizeof(Val) * (g->slots + g->stack + 1));
    b->before = graph_alloc(g, sizeof(Val) * (g->slots + g->stack + 1));
    g->builtins = graph_alloc(g, sizeof *g->builtins * (f->length + 1));
    find_depths(b);
    find_calls(b);
    if (!b->depths[g->entry->pc]) graph_fail(g, "an entry that is not reached");
    uint32_t depth = (uint32_t)b->depths[g->entry->pc] - 1;
    /* What is learnt on the way only grows: which variables are in memory, which sums are wide. */
    for (;;) {
        graph_step(g, f->length);
        g->again = g->emitting = g->stores_values = g->appends = g->runs_code = false;
        g->node_count = g->state_count = g->block_count = g->call_count = 0;
        g->builtin_count = b->lengths = 0;
        g->blocks = graph_alloc(g, sizeof *g->blocks * BLOCKS_MAX);
        for (int i = 0; i < 2; i++) {
            g->block_at[i] = graph_alloc(g, sizeof(int32_t) * (f->length + 1));
            memset(g->block_at[i], 0xff, sizeof(int32_t) * (f->length + 1));
        }
        int32_t first = new_block(b, g->entry->pc, false);
        g->block_at[0][g->entry->pc] = new_block(b, g->entry->pc, false);
        build_types(b, depth);
        if (b->restart) return false;
        if (g->again) continue;
        g->blocks[first].end = END_JUMP;
        g->blocks[first].to[0] = g->block_at[0][g->entry->pc];
        build_order(b, first);
        build_nodes(b, first);
        if (g->runs_code && g->builtin_count > 0 && !g->rechecks) g->again = g->rechecks = true;
        if (b->restart) return false;
        if (g->again) continue;
        check_profit(b, first);
        return true;
    }
}

void build(Graph *g) {
    take_notes(g);
    g->kept_apart = graph_alloc(g, g->entry->function->length + 1);
    JitSite *sites = g->sites;
    uint16_t *seen_ = g->seen;
    while (!build_with(g)) {
        g->sites = sites;
        g->seen = seen_;
        g->rechecks = false;
    }
}

void graph_close(Graph *graph) { graph_free(graph); }
