/* lower.c - from SSA to machine code.
 *
 *   number      nodes in the order of the code; what is alive where; an interval for each value
 *   allocate    linear scan: a register for each interval, or a place in the frame (a spill)
 *   emit        machine code, block by block; phis are moves on edges
 *   exits       each a number, and a table that says where its values are; one tail leaves all
 *               registers in the JitFrame, where the engine finds them
 *
 * A value is in one place all its life. S0 is the JitFrame; R0, R1 and FR0 are free for what an
 * instruction needs meanwhile. On the stack are spilled values, and the JitFrame, locals and stack of
 * whatever is called. A guard's values live to the end of its instruction, so that its result
 * never takes the place of one.
 *
 * No number of more than 16 bits that a task chose is part of an instruction: it could write whatever
 * instructions it likes by constants, to be come to from the middle. Such a number is loaded from the
 * JitCode's data, and is like any other value in a register.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "code.h"
#include "ir.h"
#include "jit.h"
#include "layout.h"
#include "os.h"

/* Pages for a JitCode, whose they are from then on. */
static void *take_pages(size_t size, void *for_code) {
    JitCode *code = for_code;
    code->size = size;
    return code->pages = code_map(code->share, size);
}

#include "sljit.h"

#if defined(__x86_64__)
#define SAVED 5   /* S1 .. S5 survive calls */
#define SCRATCH 5 /* R2 .. R6 */
#define DOUBLES 14
#else
#define SAVED 8
#define SCRATCH 6
#define DOUBLES 14
#endif
#define INTEGERS (SAVED + SCRATCH)
_Static_assert(INTEGERS <= JIT_REGISTERS && DOUBLES < JIT_REGISTERS, "all registers have a place");

#define SPILLS (JIT_SPILLS_MAX - 3)
#define IN_FRAME SLJIT_MEM1(SLJIT_S0)
#define ON_STACK SLJIT_MEM1(SLJIT_SP)
#define SPARES 3 /* words of the stack, after what was spilled */
#define SPARE(n) ((sljit_sw)(8 * (l->spill_count + (n))))

typedef struct Interval {
    int32_t start, end; /* positions; end < 0: no value */
    float weight;
    int32_t hint;     /* a node whose register would do well, or -1 */
    int16_t place;    /* register, or -1 - spill */
    bool is_double, crosses /* a call */, placed;
} Interval;

typedef struct Jump {
    struct sljit_jump *jump;
    int32_t block, exit, stub; /* where to: one of these is not -1 */
} Jump;

typedef struct Stub { /* an edge's moves, out of the way */
    int32_t from, to;
    struct sljit_label *label;
} Stub;

typedef struct Lower {
    Graph *g;
    struct sljit_compiler *c;
    Interval *intervals;
    int32_t *position;          /* [nodes] */
    int32_t *begins, *ends;     /* [blocks]: positions */
    uint32_t *uses;             /* [nodes] */
    bool *fused;                /* [nodes]: computed where it is tested */
    int32_t *calls, call_count; /* positions */
    struct { /* while intervals are made: what is alive, where, and what a use counts there */
        uint64_t *live;
        int32_t at;
        float weight;
    } now;
    uint32_t spill_count, scratch_used;
    Jump *jumps;
    int32_t jump_count, jump_room;
    Stub *stubs;
    int32_t stub_count, stub_room;
    struct sljit_label **labels; /* [blocks] */
    int32_t *exit_of;            /* [states * 4]: by kind; 1 + number */
    int32_t *exit_states;
    uint8_t *exit_kinds;
    int32_t exit_count;
    uint32_t guards, force, data_count;
    sljit_sw called;             /* where on the stack the JitFrame of what is called is */
    struct sljit_label *start;   /* of the code itself */
    JitCode *code;               /* that is made */
} Lower;

/* --- values --------------------------------------------------------------------------------- */

/* The node that holds what this one stands for: guards are what they guard. */
static int32_t resolve(const Graph *g, int32_t n) {
    while (n >= 0 && node_is_alias(&g->nodes[n])) n = g->nodes[n].a;
    return n;
}

/* Whether it may be a part of instructions. */
static bool is_constant(const Node *node) {
    return node->operation == N_CONST && node->type != T_DOUBLE && node->value == (int16_t)node->value;
}

static bool calls_out(const Node *node) {
    return node->operation == N_CALL1 || node->operation == N_CALL2 ||
           node->operation == N_CHAR_CODE || node->operation == N_STORE ||
           node->operation == N_APPEND || node->operation == N_CALL ||
           node->operation == N_CHECK_BUILTINS;
}

static bool type_is_held_or_pointer(const Node *node) {
    return type_is_held((Type)node->type) || node->type == T_POINTER;
}

static bool has_register(const Lower *l, int32_t n) {
    const Node *node = &l->g->nodes[n];
    return node->type != T_NONE && node->operation != N_STORE && node->operation != N_PUT_VALUE &&
           node->operation != N_APPEND && node->operation != N_PUSH && type_is_held_or_pointer(node) &&
           !is_constant(node) && !node_is_alias(node) && !l->fused[n] &&
           (node->operation != N_CONST || l->uses[n] > 0);
}

/* --- numbering and liveness ----------------------------------------------------------------- */

/* Of a value: by an instruction or a state. States have constants in tables (describe). */
static void count_use(Lower *l, int32_t n) {
    n = resolve(l->g, n);
    if (n >= 0) l->uses[n]++;
}

static void each_of_state(Lower *l, int32_t state, void (*use)(Lower *l, int32_t n)) {
    if (state < 0) return;
    const State *s = &l->g->states[state];
    graph_step(l->g, s->count);
    for (uint32_t i = 0; i < s->count; i++)
        if (type_is_held((Type)s->values[i].val.type) &&
            l->g->nodes[resolve(l->g, s->values[i].val.node)].operation != N_CONST)
            use(l, s->values[i].val.node);
}

static void count_uses(Lower *l) {
    Graph *g = l->g;
    for (int32_t i = 0; i < g->order_count; i++) {
        const Block *block = &g->blocks[g->order[i]];
        for (int32_t n = block->first; n >= 0; n = g->nodes[n].next) {
            const Node *node = &g->nodes[n];
            if (node->operation == N_PHI) {
                for (uint32_t k = 0; k < block->from_count; k++) count_use(l, node->inputs[k]);
                continue;
            }
            count_use(l, node->a);
            count_use(l, node->b);
            count_use(l, node->c);
            each_of_state(l, node->state, count_use);
        }
        if (block->end == END_BRANCH || block->end == END_RETURN) count_use(l, block->test);
        if (block->end == END_EXIT) each_of_state(l, block->state, count_use);
    }
}

/* Tests that are used once, by the branch of their own block, need no register. */
static void fuse_tests(Lower *l) {
    Graph *g = l->g;
    for (int32_t i = 0; i < g->order_count; i++) {
        const Block *block = &g->blocks[g->order[i]];
        if (block->end != END_BRANCH) continue;
        for (int32_t n = resolve(g, block->test);;) {
            const Node *node = &g->nodes[n];
            if (l->uses[n] != 1 || node->block != g->order[i]) break;
            if (node->operation == N_IS_NOT) {
                l->fused[n] = true;
                n = resolve(g, node->a);
                continue;
            }
            l->fused[n] = node->operation == N_COMPARE || node->operation == N_IS_TRUE;
            break;
        }
    }
}

static void number(Lower *l) {
    Graph *g = l->g;
    int32_t at = 0;
    for (int32_t i = 0; i < g->order_count; i++) {
        int32_t block = g->order[i];
        l->begins[block] = at;
        at += 2;
        for (int32_t n = g->blocks[block].first; n >= 0; n = g->nodes[n].next) {
            l->position[n] = g->nodes[n].operation == N_PHI ? l->begins[block] : at;
            if (calls_out(&g->nodes[n])) l->calls[l->call_count++] = at;
            at += 2;
        }
        l->ends[block] = at;
        at += 2;
    }
}

static void extend(Interval *interval, int32_t at) {
    if (interval->end < 0) {
        interval->start = interval->end = at;
    } else {
        if (at < interval->start) interval->start = at;
        if (at > interval->end) interval->end = at;
    }
}

static void use_at(Lower *l, int32_t n) {
    n = resolve(l->g, n);
    if (n < 0) return;
    const Node *node = &l->g->nodes[n];
    if (l->fused[n]) { /* what it is computed of is used here */
        use_at(l, node->a);
        if (node->operation == N_COMPARE) use_at(l, node->b);
        return;
    }
    if (!has_register(l, n)) return;
    l->now.live[n / 64] |= 1ull << n % 64;
    extend(&l->intervals[n], l->now.at);
    l->intervals[n].weight += l->now.weight;
}

static void make_intervals(Lower *l) {
    Graph *g = l->g;
    size_t words = (size_t)g->node_count / 64 + 1;
    uint64_t *in = graph_alloc(g, words * 8 * (size_t)g->block_count);
    uint64_t *live = graph_alloc(g, words * 8);
    int32_t *list = graph_alloc(g, sizeof *list * (size_t)(g->node_count + 1));
    for (int32_t n = 0; n < g->node_count; n++)
        l->intervals[n] = (Interval){.end = -1, .hint = -1, .is_double = g->nodes[n].type == T_DOUBLE};
    for (bool changed = true; changed;) {
        changed = false;
        for (int32_t i = g->order_count; i-- > 0;) {
            int32_t number_ = g->order[i];
            const Block *block = &g->blocks[number_];
            memset(live, 0, words * 8);
            l->now.live = live;
            l->now.weight = 0;
            l->now.at = l->ends[number_];
            graph_step(g, words * 8);
            for (int k = 0; k < 2; k++) {
                if (block->to[k] < 0) continue;
                const Block *to = &g->blocks[block->to[k]];
                graph_step(g, to->from_count);
                for (size_t w = 0; w < words; w++) live[w] |= in[(size_t)block->to[k] * words + w];
                uint32_t edge = 0;
                while (to->from[edge] != number_) edge++;
                for (int32_t n = to->first; n >= 0; n = g->nodes[n].next)
                    if (g->nodes[n].operation == N_PHI) use_at(l, g->nodes[n].inputs[edge]);
            }
            for (size_t w = 0; w < words; w++)
                for (uint64_t bits = live[w]; bits; bits &= bits - 1)
                    extend(&l->intervals[w * 64 + (size_t)__builtin_ctzll(bits)], l->now.at);
            l->now.weight = 1;
            for (uint32_t k = 0; k < block->nesting && k < 5; k++) l->now.weight *= 8;
            if (block->end == END_BRANCH || block->end == END_RETURN) use_at(l, block->test);
            l->now.weight /= 16;
            if (block->end == END_EXIT) each_of_state(l, block->state, use_at);
            l->now.weight *= 16;
            /* Backwards through the nodes. */
            int32_t count = 0;
            for (int32_t n = block->first; n >= 0; n = g->nodes[n].next) list[count++] = n;
            while (count > 0) {
                int32_t n = list[--count];
                const Node *node = &g->nodes[n];
                graph_step(g, 1);
                if (node->operation == N_PHI) {
                    live[n / 64] &= ~(1ull << n % 64);
                    extend(&l->intervals[n], l->begins[number_]);
                    continue;
                }
                if (has_register(l, n)) {
                    live[n / 64] &= ~(1ull << n % 64);
                    extend(&l->intervals[n], l->position[n] + 1);
                    l->intervals[n].weight += l->now.weight;
                }
                if (l->fused[n]) continue;
                l->now.at = l->position[n] + 1;
                l->now.weight /= 16;
                each_of_state(l, node->state, use_at);
                l->now.weight *= 16;
                if (node->operation == N_CALL) use_at(l, node->a); /* which it keeps meanwhile */
                l->now.at = l->position[n];
                use_at(l, node->a);
                use_at(l, node->b);
                use_at(l, node->c);
            }
            for (size_t w = 0; w < words; w++)
                for (uint64_t bits = live[w]; bits; bits &= bits - 1)
                    extend(&l->intervals[w * 64 + (size_t)__builtin_ctzll(bits)],
                           l->begins[number_]);
            uint64_t *known = in + (size_t)number_ * words;
            if (memcmp(known, live, words * 8)) {
                memcpy(known, live, words * 8);
                changed = true;
            }
        }
    }
    for (int32_t n = 0; n < g->node_count; n++) {
        Interval *interval = &l->intervals[n];
        graph_step(g, interval->end >= 0 ? (uint64_t)l->call_count + 1 : 1);
        for (int32_t k = 0; interval->end >= 0 && k < l->call_count; k++)
            interval->crosses |= interval->start < l->calls[k] && interval->end > l->calls[k];
        /* A phi and what flows into it would best share a register. */
        const Node *node = &g->nodes[n];
        if (interval->end < 0) continue;
        if (node->operation == N_PHI) {
            for (uint32_t k = 0; k < g->blocks[node->block].from_count; k++) {
                int32_t input = resolve(g, node->inputs[k]);
                if (l->intervals[input].end < 0) continue;
                if (interval->hint < 0) interval->hint = input;
                l->intervals[input].hint = n;
            }
        } else if (interval->hint < 0 && node->a >= 0) {
            int32_t a = resolve(g, node->a);
            if (g->nodes[a].type == node->type) interval->hint = a;
        }
    }
}

/* --- registers ------------------------------------------------------------------------------ */

typedef struct Start {
    int32_t start, node;
} Start;

static int by_start(const void *x, const void *y) {
    const Start *a = x, *b = y;
    if (a->start != b->start) return a->start < b->start ? -1 : 1;
    return a->node < b->node ? -1 : a->node > b->node;
}

static void spill(Lower *l, Interval *interval) {
    if (l->spill_count == SPILLS) graph_fail(l->g, "too many spills");
    interval->place = (int16_t)(-1 - (int32_t)l->spill_count++);
}

static void allocate(Lower *l) {
    Graph *g = l->g;
    Start *order = graph_alloc(g, sizeof *order * (size_t)(g->node_count + 1));
    int32_t count = 0;
    int32_t *active = graph_alloc(g, sizeof *active * (INTEGERS + DOUBLES + 1)), active_count = 0;
    int32_t owner[2][JIT_REGISTERS];
    memset(owner, 0xff, sizeof owner);
    for (int32_t n = 0; n < g->node_count; n++)
        if (l->intervals[n].end >= 0) order[count++] = (Start){l->intervals[n].start, n};
    qsort(order, (size_t)count, sizeof *order, by_start);
    for (int32_t i = 0; i < count; i++) {
        Interval *interval = &l->intervals[order[i].node];
        for (int32_t k = 0; k < active_count;) {
            const Interval *other = &l->intervals[active[k]];
            if (other->end >= interval->start) {
                k++;
                continue;
            }
            owner[other->is_double][other->place] = -1;
            active[k] = active[--active_count];
        }
        int limit = interval->is_double ? interval->crosses ? 0 : DOUBLES
                    : interval->crosses ? SAVED
                                        : INTEGERS;
        int best = -1;
        int32_t hint = interval->hint;
        if (hint >= 0 && l->intervals[hint].placed && l->intervals[hint].place >= 0 &&
            l->intervals[hint].is_double == interval->is_double) {
            int place = l->intervals[hint].place;
            if (owner[interval->is_double][place] < 0 && place < limit) best = place;
        }
        interval->placed = true;
        /* What crosses no call leaves the registers that survive one to others; of those, the first are
         * taken first, as each has to be saved by this code. */
        for (int place = 0; interval->crosses && best < 0 && place < limit; place++)
            if (owner[interval->is_double][place] < 0) best = place;
        for (int place = limit; best < 0 && place-- > 0;)
            if (owner[interval->is_double][place] < 0) best = place;
        if (best < 0 && limit > 0) {
            int32_t lightest = -1;
            for (int32_t k = 0; k < active_count; k++) {
                const Interval *other = &l->intervals[active[k]];
                if (other->is_double != interval->is_double || other->place >= limit) continue;
                if (lightest < 0 || other->weight < l->intervals[active[lightest]].weight)
                    lightest = k;
            }
            if (lightest >= 0 && l->intervals[active[lightest]].weight < interval->weight) {
                Interval *other = &l->intervals[active[lightest]];
                best = other->place;
                spill(l, other);
                active[lightest] = active[--active_count];
            }
        }
        if (best < 0) {
            spill(l, interval);
            continue;
        }
        interval->place = (int16_t)best;
        owner[interval->is_double][best] = order[i].node;
        active[active_count++] = order[i].node;
    }
}

/* --- operands ------------------------------------------------------------------------------- */

typedef struct Operand {
    sljit_s32 reg;
    sljit_sw word;
} Operand;

static sljit_s32 integer_register(int place) {
    return place < SAVED ? SLJIT_S(place + 1) : SLJIT_R(place - SAVED + 2);
}

static Operand at_place(const Interval *interval) {
    if (interval->place < 0)
        return (Operand){ON_STACK, 8 * (sljit_sw)(-1 - interval->place)};
    if (interval->is_double) return (Operand){SLJIT_FR(interval->place + 1), 0};
    return (Operand){integer_register(interval->place), 0};
}

static Operand operand(const Lower *l, int32_t n) {
    n = resolve(l->g, n);
    const Node *node = &l->g->nodes[n];
    if (is_constant(node)) return (Operand){SLJIT_IMM, (sljit_sw)node->value};
    return at_place(&l->intervals[n]);
}

static bool is_register(Operand o) { return !(o.reg & SLJIT_MEM) && o.reg != SLJIT_IMM; }

static bool same_place(Operand a, Operand b) { return a.reg == b.reg && a.word == b.word; }

/* A value in a register: its own, or this one. */
static sljit_s32 in_register(Lower *l, int32_t n, sljit_s32 temporary) {
    Operand o = operand(l, n);
    if (is_register(o)) return o.reg;
    sljit_emit_op1(l->c, SLJIT_MOV, temporary, 0, o.reg, o.word);
    return temporary;
}

static sljit_s32 in_double_register(Lower *l, int32_t n) {
    Operand o = operand(l, n);
    if (is_register(o)) return o.reg;
    sljit_emit_fop1(l->c, SLJIT_MOV_F64, SLJIT_FR0, 0, o.reg, o.word);
    return SLJIT_FR0;
}

/* Moves a double; on x86, all of the register, so that it does not depend on what was there. */
static void move_double(Lower *l, Operand to, Operand from) {
    if (same_place(to, from)) return;
#if defined(__x86_64__)
    if (is_register(to) && is_register(from)) {
        int t = sljit_get_register_index(SLJIT_FLOAT_REGISTER, to.reg),
            f = sljit_get_register_index(SLJIT_FLOAT_REGISTER, from.reg);
        uint8_t code[4];
        uint32_t size = 0;
        if (t > 7 || f > 7) code[size++] = (uint8_t)(0x40 | (t > 7 ? 4 : 0) | (f > 7 ? 1 : 0));
        code[size++] = 0x0f; /* movaps */
        code[size++] = 0x28;
        code[size++] = (uint8_t)(0xc0 | (t & 7) << 3 | (f & 7));
        sljit_emit_op_custom(l->c, code, size);
        return;
    }
#endif
    sljit_emit_fop1(l->c, SLJIT_MOV_F64, to.reg, to.word, from.reg, from.word);
}

/* Before a conversion into it: on x86 it would wait for what was there. */
static void clear_double(Lower *l, sljit_s32 reg) {
#if defined(__x86_64__)
    int t = sljit_get_register_index(SLJIT_FLOAT_REGISTER, reg);
    uint8_t code[4];
    uint32_t size = 0;
    if (t > 7) code[size++] = 0x45;
    code[size++] = 0x0f; /* xorps */
    code[size++] = 0x57;
    code[size++] = (uint8_t)(0xc0 | (t & 7) << 3 | (t & 7));
    sljit_emit_op_custom(l->c, code, size);
#else
    (void)l, (void)reg;
#endif
}

/* --- jumps ---------------------------------------------------------------------------------- */

static void note_jump(Lower *l, struct sljit_jump *jump, int32_t block, int32_t exit,
                      int32_t stub) {
    if (l->jump_count == l->jump_room) graph_fail(l->g, "too many jumps");
    l->jumps[l->jump_count++] = (Jump){jump, block, exit, stub};
}

static int32_t exit_for(Lower *l, int32_t state, uint8_t kind) {
    int32_t *known = &l->exit_of[state * JIT_EXIT_KINDS + kind];
    if (!*known) {
        l->exit_states[l->exit_count] = state;
        l->exit_kinds[l->exit_count] = kind;
        *known = ++l->exit_count;
    }
    return *known - 1;
}

/* Leaves by the guard's exit if the jump is taken. */
static void fails(Lower *l, const Node *node, struct sljit_jump *jump) {
    uint8_t kind = l->g->states[node->state].missed  ? JIT_MISSED
                   : node->hoisted                  ? JIT_HOISTED
                                                    : JIT_FAILED;
    int32_t exit = exit_for(l, node->state, kind);
    note_jump(l, jump, -1, exit, -1);
    if (++l->guards == l->force) note_jump(l, sljit_emit_jump(l->c, SLJIT_JUMP), -1, exit, -1);
}

static void fails_unless_tag(Lower *l, const Node *node, sljit_s32 base, sljit_sw offset, int tag) {
    fails(l, node,
          sljit_emit_cmp(l->c, SLJIT_NOT_EQUAL | SLJIT_32, SLJIT_MEM1(base),
                         offset + LAYOUT_VALUE_TAG, SLJIT_IMM, tag));
}

/* --- values in memory ----------------------------------------------------------------------- */

static int tag_of(Type type) {
    switch (type) {
    case T_INT:
        return LAYOUT_TAG_INT;
    case T_BOOL:
        return LAYOUT_TAG_BOOL;
    case T_OBJECT:
        return LAYOUT_TAG_OBJECT;
    case T_STRING:
        return LAYOUT_TAG_STRING;
    case T_UNDEFINED:
        return LAYOUT_TAG_UNDEFINED;
    case T_NULL:
        return LAYOUT_TAG_NULL;
    case T_UNINITIALIZED:
        return LAYOUT_TAG_UNINITIALIZED;
    default:
        return LAYOUT_TAG_FLOAT64;
    }
}

/* Reads a value, guarding that it is of the node's type. */
static void read_value(Lower *l, const Node *node, Operand to, sljit_s32 base, sljit_sw offset) {
    struct sljit_compiler *c = l->c;
    if (node->type != T_DOUBLE) {
        fails_unless_tag(l, node, base, offset, tag_of((Type)node->type));
        bool whole = node->type == T_OBJECT || node->type == T_STRING;
        sljit_emit_op1(c, whole ? SLJIT_MOV : SLJIT_MOV32, to.reg, to.word, SLJIT_MEM1(base), offset);
        return;
    }
    sljit_s32 reg = is_register(to) ? to.reg : SLJIT_FR0;
    struct sljit_jump *is_double =
        sljit_emit_cmp(c, SLJIT_EQUAL | SLJIT_32, SLJIT_MEM1(base), offset + LAYOUT_VALUE_TAG,
                       SLJIT_IMM, LAYOUT_TAG_FLOAT64);
    fails_unless_tag(l, node, base, offset, LAYOUT_TAG_INT);
    clear_double(l, reg);
    sljit_emit_fop1(c, SLJIT_CONV_F64_FROM_S32, reg, 0, SLJIT_MEM1(base), offset);
    struct sljit_jump *done = sljit_emit_jump(c, SLJIT_JUMP);
    sljit_set_label(is_double, sljit_emit_label(c));
    sljit_emit_fop1(c, SLJIT_MOV_F64, reg, 0, SLJIT_MEM1(base), offset);
    sljit_set_label(done, sljit_emit_label(c));
    if (reg != to.reg) move_double(l, to, (Operand){reg, 0});
}

/* Writes one; `value` may be a constant's node, or -1 for what is nothing but its tag. */
static void write_value(Lower *l, Type type, int32_t value, sljit_s32 base, sljit_sw offset) {
    struct sljit_compiler *c = l->c;
    sljit_s32 temporary = base == SLJIT_R0 ? SLJIT_R1 : SLJIT_R0;
    if (value >= 0 && type_is_held(type)) {
        Operand from = operand(l, value);
        if (type == T_DOUBLE) {
            sljit_s32 reg = in_double_register(l, value);
            sljit_emit_fop1(c, SLJIT_MOV_F64, SLJIT_MEM1(base), offset, reg, 0);
        } else if (type == T_OBJECT || type == T_STRING) {
            sljit_s32 reg = in_register(l, value, temporary);
            sljit_emit_op1(c, SLJIT_MOV, SLJIT_MEM1(base), offset, reg, 0);
        } else {
            /* All of the word, as it may be read whole, which would wait for the rest. */
            sljit_s32 reg = from.reg == SLJIT_IMM ? from.reg : in_register(l, value, temporary);
            sljit_emit_op1(c, SLJIT_MOV, SLJIT_MEM1(base), offset, reg,
                           from.reg == SLJIT_IMM ? from.word : 0);
        }
    } else {
        sljit_emit_op1(c, SLJIT_MOV, SLJIT_MEM1(base), offset, SLJIT_IMM, 0);
    }
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_MEM1(base), offset + LAYOUT_VALUE_TAG, SLJIT_IMM,
                   tag_of(type));
}

/* R0 points to a variable, less the offset that is returned. */
static sljit_sw point_to(Lower *l, int32_t slot) {
    struct sljit_compiler *c = l->c;
    const JitFunction *f = l->g->function;
    uint32_t index = (uint32_t)slot, kind = 0;
    if (index >= f->arguments) index -= f->arguments, kind = 1;
    if (kind == 1 && index >= f->locals) index -= f->locals, kind = 2;
    size_t base = kind == 0   ? offsetof(JitFrame, own.arguments)
                  : kind == 1 ? offsetof(JitFrame, own.locals)
                              : offsetof(JitFrame, outer);
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, IN_FRAME, (sljit_sw)base);
    if (kind < 2) return (sljit_sw)index * LAYOUT_VALUE_SIZE;
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, SLJIT_MEM1(SLJIT_R0), (sljit_sw)index * 8);
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, SLJIT_MEM1(SLJIT_R0), LAYOUT_VARIABLE_VALUE);
    return 0;
}

/* R0 points to one of those that a function has around it. */
static void point_to_outer(Lower *l, const Node *node) {
    struct sljit_compiler *c = l->c;
    sljit_s32 function = in_register(l, node->a, SLJIT_R0);
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, SLJIT_MEM1(function), LAYOUT_OBJECT_OUTER);
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, SLJIT_MEM1(SLJIT_R0), (sljit_sw)node->value * 8);
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, SLJIT_MEM1(SLJIT_R0), LAYOUT_VARIABLE_VALUE);
}

/* Stores into a variable, which owns what it holds. */
static void store(Lower *l, const Node *node) {
    struct sljit_compiler *c = l->c;
    bool counted = node->type == T_OBJECT || node->type == T_STRING;
    if (counted) { /* its count is before it */
        sljit_s32 reg = in_register(l, node->a, SLJIT_R0);
        sljit_emit_op2(c, SLJIT_ADD32, SLJIT_MEM1(reg), -4, SLJIT_MEM1(reg), -4, SLJIT_IMM, 1);
    }
    sljit_sw offset = point_to(l, node->slot);
    sljit_emit_op1(c, SLJIT_MOV_S32, SLJIT_R1, 0, SLJIT_MEM1(SLJIT_R0), offset + LAYOUT_VALUE_TAG);
    struct sljit_jump *frees =
        sljit_emit_cmp(c, SLJIT_SIG_LESS | SLJIT_32, SLJIT_R1, 0, SLJIT_IMM, 0);
    write_value(l, (Type)node->type, node->a, SLJIT_R0, offset);
    struct sljit_jump *done = sljit_emit_jump(c, SLJIT_JUMP);
    sljit_set_label(frees, sljit_emit_label(c));
    sljit_emit_op1(c, SLJIT_MOV, ON_STACK, SPARE(1), SLJIT_R1, 0);
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R1, 0, SLJIT_MEM1(SLJIT_R0), offset);
    sljit_emit_op1(c, SLJIT_MOV, ON_STACK, SPARE(2), SLJIT_R1, 0);
    write_value(l, (Type)node->type, node->a, SLJIT_R0, offset);
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R1, 0, ON_STACK, SPARE(2));
    sljit_emit_op2(c, SLJIT_SUB32 | SLJIT_SET_Z, SLJIT_MEM1(SLJIT_R1), -4, SLJIT_MEM1(SLJIT_R1), -4,
                   SLJIT_IMM, 1);
    struct sljit_jump *kept = sljit_emit_jump(c, SLJIT_NOT_ZERO);
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, IN_FRAME, offsetof(JitFrame, context));
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R2, 0, ON_STACK, SPARE(1));
    sljit_emit_icall(c, SLJIT_CALL, SLJIT_ARGS3V(P, P, W), SLJIT_IMM,
                     SLJIT_FUNC_ADDR(jit_helpers.free_value));
    struct sljit_label *end = sljit_emit_label(c);
    sljit_set_label(kept, end);
    sljit_set_label(done, end);
}

/* --- nodes ---------------------------------------------------------------------------------- */

/* Integer operations of two operands; to memory by way of R0. */
static void binary(Lower *l, int32_t n, sljit_s32 op) {
    const Node *node = &l->g->nodes[n];
    Operand to = operand(l, n), a = operand(l, node->a), b = operand(l, node->b);
    sljit_emit_op2(l->c, op, to.reg, to.word, a.reg, a.word, b.reg, b.word);
}

static void checked(Lower *l, int32_t n, sljit_s32 op) {
    binary(l, n, op | SLJIT_SET_OVERFLOW);
    fails(l, &l->g->nodes[n], sljit_emit_jump(l->c, SLJIT_OVERFLOW));
}

static void multiply(Lower *l, int32_t n) {
    struct sljit_compiler *c = l->c;
    const Node *node = &l->g->nodes[n];
    Operand a = operand(l, node->a), b = operand(l, node->b), to = operand(l, n);
    sljit_emit_op2(c, SLJIT_MUL32 | SLJIT_SET_OVERFLOW, SLJIT_R0, 0, a.reg, a.word, b.reg, b.word);
    fails(l, node, sljit_emit_jump(c, SLJIT_OVERFLOW));
    bool positive = (a.reg == SLJIT_IMM && a.word > 0) || (b.reg == SLJIT_IMM && b.word > 0);
    if (!positive) { /* 0 of a negative factor is -0 */
        struct sljit_jump *fine =
            sljit_emit_cmp(c, SLJIT_NOT_EQUAL | SLJIT_32, SLJIT_R0, 0, SLJIT_IMM, 0);
        sljit_emit_op2(c, SLJIT_OR32, SLJIT_R1, 0, a.reg, a.word, b.reg, b.word);
        fails(l, node, sljit_emit_cmp(c, SLJIT_SIG_LESS | SLJIT_32, SLJIT_R1, 0, SLJIT_IMM, 0));
        sljit_set_label(fine, sljit_emit_label(c));
    }
    sljit_emit_op1(c, SLJIT_MOV32, to.reg, to.word, SLJIT_R0, 0);
}

static void remainder_of(Lower *l, int32_t n) {
    struct sljit_compiler *c = l->c;
    const Node *node = &l->g->nodes[n];
    Operand a = operand(l, node->a), b = operand(l, node->b), to = operand(l, n);
    fails(l, node, sljit_emit_cmp(c, SLJIT_SIG_LESS | SLJIT_32, a.reg, a.word, SLJIT_IMM, 0));
    if (b.reg != SLJIT_IMM || b.word <= 0)
        fails(l, node, sljit_emit_cmp(c, SLJIT_SIG_LESS_EQUAL | SLJIT_32, b.reg, b.word, SLJIT_IMM, 0));
    if (b.reg == SLJIT_IMM && b.word > 0 && !(b.word & (b.word - 1))) {
        sljit_emit_op2(c, SLJIT_AND32, to.reg, to.word, a.reg, a.word, SLJIT_IMM, b.word - 1);
        return;
    }
    sljit_emit_op1(c, SLJIT_MOV32, SLJIT_R0, 0, a.reg, a.word);
    sljit_emit_op1(c, SLJIT_MOV32, SLJIT_R1, 0, b.reg, b.word);
    sljit_emit_op0(c, SLJIT_DIVMOD_U32);
    sljit_emit_op1(c, SLJIT_MOV32, to.reg, to.word, SLJIT_R1, 0);
}

static void extreme(Lower *l, int32_t n, bool least) {
    struct sljit_compiler *c = l->c;
    const Node *node = &l->g->nodes[n];
    Operand a = operand(l, node->a), b = operand(l, node->b), to = operand(l, n);
    sljit_emit_op1(c, SLJIT_MOV32, SLJIT_R0, 0, a.reg, a.word);
    sljit_emit_op1(c, SLJIT_MOV32, SLJIT_R1, 0, b.reg, b.word);
    sljit_s32 condition = least ? SLJIT_SIG_LESS : SLJIT_SIG_GREATER;
    sljit_emit_op2u(c, SLJIT_SUB32 | (least ? SLJIT_SET_SIG_LESS : SLJIT_SET_SIG_GREATER), SLJIT_R0,
                    0, SLJIT_R1, 0);
    sljit_emit_select(c, condition | SLJIT_32, SLJIT_R0, SLJIT_R0, 0, SLJIT_R1);
    sljit_emit_op1(c, SLJIT_MOV32, to.reg, to.word, SLJIT_R0, 0);
}

static void on_doubles(Lower *l, int32_t n, sljit_s32 op) {
    const Node *node = &l->g->nodes[n];
    Operand to = operand(l, n), a = operand(l, node->a), b = operand(l, node->b);
    if (is_register(to) && is_register(a) && !same_place(to, b)) {
        move_double(l, to, a);
        sljit_emit_fop2(l->c, op, to.reg, 0, to.reg, 0, b.reg, b.word);
        return;
    }
    move_double(l, (Operand){SLJIT_FR0, 0}, a);
    sljit_emit_fop2(l->c, op, SLJIT_FR0, 0, SLJIT_FR0, 0, b.reg, b.word);
    move_double(l, to, (Operand){SLJIT_FR0, 0});
}

static void square_root(Lower *l, int32_t n) {
    const Node *node = &l->g->nodes[n];
    sljit_s32 from = in_double_register(l, node->a);
    Operand to = operand(l, n);
#if defined(__x86_64__)
    int f = sljit_get_register_index(SLJIT_FLOAT_REGISTER, from),
        t = sljit_get_register_index(SLJIT_FLOAT_REGISTER, SLJIT_FR0);
    uint8_t code[5];
    uint32_t size = 0;
    code[size++] = 0xf2; /* sqrtsd */
    if (f > 7 || t > 7) code[size++] = (uint8_t)(0x40 | (t > 7 ? 4 : 0) | (f > 7 ? 1 : 0));
    code[size++] = 0x0f;
    code[size++] = 0x51;
    code[size++] = (uint8_t)(0xc0 | (t & 7) << 3 | (f & 7));
    sljit_emit_op_custom(l->c, code, size);
#else
    uint32_t code = 0x1e61c000u | (uint32_t)sljit_get_register_index(SLJIT_FLOAT_REGISTER, from) << 5 |
                    (uint32_t)sljit_get_register_index(SLJIT_FLOAT_REGISTER, SLJIT_FR0); /* fsqrt */
    sljit_emit_op_custom(l->c, &code, sizeof code);
#endif
    move_double(l, to, (Operand){SLJIT_FR0, 0});
}

static void call(Lower *l, int32_t n) {
    struct sljit_compiler *c = l->c;
    const Node *node = &l->g->nodes[n];
    move_double(l, (Operand){SLJIT_FR0, 0}, operand(l, node->a));
    if (node->operation == N_CALL2) {
        move_double(l, (Operand){SLJIT_FR1, 0}, operand(l, node->b));
        sljit_emit_icall(c, SLJIT_CALL, SLJIT_ARGS2(F64, F64, F64), SLJIT_IMM,
                         SLJIT_FUNC_ADDR(node->binary));
    } else {
        sljit_emit_icall(c, SLJIT_CALL, SLJIT_ARGS1(F64, F64), SLJIT_IMM,
                         SLJIT_FUNC_ADDR(node->unary));
    }
    move_double(l, operand(l, n), (Operand){SLJIT_FR0, 0});
}

static void to_double(Lower *l, int32_t n) {
    struct sljit_compiler *c = l->c;
    const Node *node = &l->g->nodes[n];
    Operand to = operand(l, n), a = operand(l, node->a);
    sljit_s32 reg = is_register(to) ? to.reg : SLJIT_FR0;
    sljit_s32 op = SLJIT_CONV_F64_FROM_S32;
    if (node->condition == T_UINT) {
        sljit_emit_op1(c, SLJIT_MOV_U32, SLJIT_R0, 0, a.reg, a.word);
        a = (Operand){SLJIT_R0, 0};
    }
    if (node->condition == T_UINT || node->condition == T_WIDE) op = SLJIT_CONV_F64_FROM_SW;
    if (a.reg == SLJIT_IMM) {
        sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, a.reg, a.word);
        a = (Operand){SLJIT_R0, 0};
    }
    clear_double(l, reg);
    sljit_emit_fop1(c, op, reg, 0, a.reg, a.word);
    if (reg != to.reg) move_double(l, to, (Operand){reg, 0});
}

static void truncate_double(Lower *l, int32_t n) {
    struct sljit_compiler *c = l->c;
    const Node *node = &l->g->nodes[n];
    Operand to = operand(l, n), a = operand(l, node->a);
    sljit_emit_fop1(c, SLJIT_CONV_SW_FROM_F64, SLJIT_R0, 0, a.reg, a.word);
    /* What does not fit is the least integer on x86, the least or the greatest elsewhere. */
    sljit_emit_op2u(c, SLJIT_SUB | SLJIT_SET_OVERFLOW, SLJIT_R0, 0, SLJIT_IMM, 1);
    fails(l, node, sljit_emit_jump(c, SLJIT_OVERFLOW));
#if !defined(__x86_64__)
    sljit_emit_op2u(c, SLJIT_ADD | SLJIT_SET_OVERFLOW, SLJIT_R0, 0, SLJIT_IMM, 1);
    fails(l, node, sljit_emit_jump(c, SLJIT_OVERFLOW));
#endif
    sljit_emit_op1(c, SLJIT_MOV32, to.reg, to.word, SLJIT_R0, 0);
}

static void to_integer(Lower *l, int32_t n) {
    struct sljit_compiler *c = l->c;
    const Node *node = &l->g->nodes[n];
    Operand to = operand(l, n);
    Operand a = operand(l, node->a);
    sljit_emit_fop1(c, SLJIT_CONV_S32_FROM_F64, SLJIT_R0, 0, a.reg, a.word);
    clear_double(l, SLJIT_FR0);
    sljit_emit_fop1(c, SLJIT_CONV_F64_FROM_S32, SLJIT_FR0, 0, SLJIT_R0, 0);
    fails(l, node,
          sljit_emit_fcmp(c, SLJIT_UNORDERED_OR_NOT_EQUAL, SLJIT_FR0, 0, a.reg, a.word));
    sljit_emit_op1(c, SLJIT_MOV32, to.reg, to.word, SLJIT_R0, 0);
}

/* --- tests ---------------------------------------------------------------------------------- */

static sljit_s32 condition_of(const Node *node, bool negated) {
    static const uint8_t opposite[] = {C_NOT_EQUAL,     C_EQUAL,   C_GREATER_EQUAL,
                                       C_GREATER,       C_LESS_EQUAL, C_LESS};
    static const sljit_s32 with_signs[] = {SLJIT_EQUAL,          SLJIT_NOT_EQUAL,
                                           SLJIT_SIG_LESS,       SLJIT_SIG_LESS_EQUAL,
                                           SLJIT_SIG_GREATER,    SLJIT_SIG_GREATER_EQUAL};
    static const sljit_s32 without[] = {SLJIT_EQUAL,   SLJIT_NOT_EQUAL,  SLJIT_LESS,
                                        SLJIT_LESS_EQUAL, SLJIT_GREATER, SLJIT_GREATER_EQUAL};
    static const sljit_s32 doubles[] = {SLJIT_ORDERED_EQUAL,      SLJIT_UNORDERED_OR_NOT_EQUAL,
                                        SLJIT_ORDERED_LESS,       SLJIT_ORDERED_LESS_EQUAL,
                                        SLJIT_ORDERED_GREATER,    SLJIT_ORDERED_GREATER_EQUAL};
    /* The opposite of less is not greater or equal, where one may be NaN. */
    static const sljit_s32 no_doubles[] = {
        SLJIT_UNORDERED_OR_NOT_EQUAL,     SLJIT_ORDERED_EQUAL,
        SLJIT_UNORDERED_OR_GREATER_EQUAL, SLJIT_UNORDERED_OR_GREATER,
        SLJIT_UNORDERED_OR_LESS_EQUAL,    SLJIT_UNORDERED_OR_LESS};
    if (node->slot == T_DOUBLE)
        return negated ? no_doubles[node->condition] : doubles[node->condition];
    uint8_t condition = negated ? opposite[node->condition] : node->condition;
    return node->slot == T_UINT ? without[condition] : with_signs[condition];
}

/* Jumps if the bool is `wanted`. */
static struct sljit_jump *jump_if(Lower *l, int32_t n, bool wanted) {
    struct sljit_compiler *c = l->c;
    n = resolve(l->g, n);
    const Node *node = &l->g->nodes[n];
    if (!l->fused[n]) {
        Operand o = operand(l, n);
        if (o.reg == SLJIT_IMM) {
            sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, o.reg, o.word);
            o = (Operand){SLJIT_R0, 0};
        }
        return sljit_emit_cmp(c, (wanted ? SLJIT_NOT_EQUAL : SLJIT_EQUAL) | SLJIT_32, o.reg, o.word,
                              SLJIT_IMM, 0);
    }
    if (node->operation == N_IS_NOT) return jump_if(l, node->a, !wanted);
    if (node->operation == N_IS_TRUE) {
        Operand a = operand(l, node->a);
        if (node->condition != T_DOUBLE) {
            if (a.reg == SLJIT_IMM) {
                sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, a.reg, a.word);
                a = (Operand){SLJIT_R0, 0};
            }
            return sljit_emit_cmp(c, (wanted ? SLJIT_NOT_EQUAL : SLJIT_EQUAL) | SLJIT_32, a.reg,
                                  a.word, SLJIT_IMM, 0);
        }
        sljit_emit_fset64(c, SLJIT_FR0, 0);
        return sljit_emit_fcmp(c, wanted ? SLJIT_ORDERED_NOT_EQUAL : SLJIT_UNORDERED_OR_EQUAL, a.reg,
                               a.word, SLJIT_FR0, 0);
    }
    Operand a = operand(l, node->a), b = operand(l, node->b);
    sljit_s32 condition = condition_of(node, !wanted);
    if (node->slot == T_DOUBLE) return sljit_emit_fcmp(c, condition, a.reg, a.word, b.reg, b.word);
    if (a.reg == SLJIT_IMM && b.reg == SLJIT_IMM) {
        sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, a.reg, a.word);
        a = (Operand){SLJIT_R0, 0};
    }
    return sljit_emit_cmp(c, condition | SLJIT_32, a.reg, a.word, b.reg, b.word);
}

/* A bool that is kept. */
static void make_bool(Lower *l, int32_t n) {
    struct sljit_compiler *c = l->c;
    Operand to = operand(l, n);
    l->fused[n] = true; /* for jump_if */
    sljit_emit_op1(c, SLJIT_MOV32, SLJIT_R1, 0, SLJIT_IMM, 1);
    struct sljit_jump *jump = jump_if(l, n, true);
    sljit_emit_op1(c, SLJIT_MOV32, SLJIT_R1, 0, SLJIT_IMM, 0);
    sljit_set_label(jump, sljit_emit_label(c));
    l->fused[n] = false;
    sljit_emit_op1(c, SLJIT_MOV32, to.reg, to.word, SLJIT_R1, 0);
}

/* --- elements ------------------------------------------------------------------------------- */

static sljit_sw shift_of(int on) {
    switch (on) {
    case JIT_ON_INT16:
    case JIT_ON_UINT16:
        return 1;
    case JIT_ON_INT32:
    case JIT_ON_UINT32:
    case JIT_ON_FLOAT32:
        return 2;
    case JIT_ON_FLOAT64:
        return 3;
    default:
        return 0;
    }
}

static void get_element(Lower *l, int32_t n) {
    struct sljit_compiler *c = l->c;
    const Node *node = &l->g->nodes[n];
    int on = (int)node->value;
    sljit_s32 base = in_register(l, node->a, SLJIT_R0), index = in_register(l, node->b, SLJIT_R1);
    sljit_s32 memory = SLJIT_MEM2(base, index);
    sljit_sw shift = shift_of(on);
    Operand to = operand(l, n);
    if (on == JIT_ON_FLOAT64) {
        sljit_s32 reg = is_register(to) ? to.reg : SLJIT_FR0;
        sljit_emit_fop1(c, SLJIT_MOV_F64, reg, 0, memory, shift);
        if (reg != to.reg) move_double(l, to, (Operand){reg, 0});
    } else if (on == JIT_ON_FLOAT32) {
        sljit_emit_fop1(c, SLJIT_MOV_F32, SLJIT_FR0, 0, memory, shift);
        sljit_emit_fop1(c, SLJIT_CONV_F64_FROM_F32, SLJIT_FR0, 0, SLJIT_FR0, 0);
        move_double(l, to, (Operand){SLJIT_FR0, 0});
    } else {
        sljit_s32 op = on == JIT_ON_INT8    ? SLJIT_MOV32_S8
                       : on == JIT_ON_INT16 ? SLJIT_MOV32_S16
                       : shift == 0         ? SLJIT_MOV32_U8
                       : shift == 1         ? SLJIT_MOV32_U16
                                            : SLJIT_MOV32;
        sljit_s32 reg = is_register(to) ? to.reg : SLJIT_R0;
        sljit_emit_op1(c, op, reg, 0, memory, shift);
        if (reg != to.reg) sljit_emit_op1(c, SLJIT_MOV32, to.reg, to.word, reg, 0);
    }
}

static void put_element(Lower *l, int32_t n) {
    struct sljit_compiler *c = l->c;
    const Node *node = &l->g->nodes[n];
    int on = (int)node->value;
    sljit_s32 base = in_register(l, node->a, SLJIT_R0), index = in_register(l, node->b, SLJIT_R1);
    sljit_s32 memory = SLJIT_MEM2(base, index);
    sljit_sw shift = shift_of(on);
    if (on == JIT_ON_FLOAT64) {
        sljit_s32 reg = in_double_register(l, node->c);
        sljit_emit_fop1(c, SLJIT_MOV_F64, memory, shift, reg, 0);
    } else if (on == JIT_ON_FLOAT32) {
        Operand from = operand(l, node->c);
        sljit_emit_fop1(c, SLJIT_CONV_F32_FROM_F64, SLJIT_FR0, 0, from.reg, from.word);
        sljit_emit_fop1(c, SLJIT_MOV_F32, memory, shift, SLJIT_FR0, 0);
    } else {
        Operand from = operand(l, node->c);
        if (from.reg & SLJIT_MEM) {
            /* R0 and R1 may be taken: the address first. */
            sljit_emit_op2(c, SLJIT_SHL, SLJIT_R1, 0, index, 0, SLJIT_IMM, shift);
            sljit_emit_op2(c, SLJIT_ADD, SLJIT_R1, 0, SLJIT_R1, 0, base, 0);
            sljit_emit_op1(c, SLJIT_MOV32, SLJIT_R0, 0, from.reg, from.word);
            from = (Operand){SLJIT_R0, 0};
            memory = SLJIT_MEM1(SLJIT_R1);
            sljit_s32 op = shift == 0 ? SLJIT_MOV32_U8 : shift == 1 ? SLJIT_MOV32_U16 : SLJIT_MOV32;
            sljit_emit_op1(c, op, memory, 0, from.reg, from.word);
            return;
        }
        sljit_s32 op = shift == 0 ? SLJIT_MOV32_U8 : shift == 1 ? SLJIT_MOV32_U16 : SLJIT_MOV32;
        sljit_emit_op1(c, op, memory, shift, from.reg, from.word);
    }
}

/* Stores an element, or adds one after the last by a call. */
static void append(Lower *l, int32_t n) {
    struct sljit_compiler *c = l->c;
    const Node *node = &l->g->nodes[n];
    Type type = (Type)node->type;
    Operand index = operand(l, node->b), value = operand(l, node->c);
    sljit_s32 object = in_register(l, node->a, SLJIT_R0);
    sljit_emit_op1(c, SLJIT_MOV_U32, SLJIT_R1, 0, SLJIT_MEM1(object), LAYOUT_OBJECT_COUNT);
    struct sljit_jump *beyond =
        sljit_emit_cmp(c, SLJIT_LESS_EQUAL | SLJIT_32, SLJIT_R1, 0, index.reg, index.word);
    if (index.reg == SLJIT_IMM) {
        sljit_emit_op1(c, SLJIT_MOV, SLJIT_R1, 0, SLJIT_IMM, (sljit_sw)(uint32_t)index.word);
    } else {
        sljit_emit_op1(c, SLJIT_MOV_U32, SLJIT_R1, 0, index.reg, index.word);
    }
    sljit_emit_op2(c, SLJIT_SHL, SLJIT_R1, 0, SLJIT_R1, 0, SLJIT_IMM, 4);
    sljit_emit_op2(c, SLJIT_ADD, SLJIT_R1, 0, SLJIT_R1, 0, SLJIT_MEM1(object),
                   LAYOUT_OBJECT_ELEMENTS);
    fails(l, node,
          sljit_emit_cmp(c, SLJIT_SIG_LESS | SLJIT_32, SLJIT_MEM1(SLJIT_R1), LAYOUT_VALUE_TAG,
                         SLJIT_IMM, 0));
    write_value(l, type, node->c, SLJIT_R1, 0);
    struct sljit_jump *done = sljit_emit_jump(c, SLJIT_JUMP);
    sljit_set_label(beyond, sljit_emit_label(c));
    if (type == T_DOUBLE) {
        sljit_s32 reg = in_double_register(l, node->c);
        sljit_emit_fop1(c, SLJIT_MOV_F64, IN_FRAME, offsetof(JitFrame, value), reg, 0);
    } else {
        sljit_emit_op1(c, SLJIT_MOV32, IN_FRAME, offsetof(JitFrame, value), value.reg, value.word);
    }
    /* The state's values survive the call, or lie in the frame: it may fail after that. */
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R1, 0, operand(l, node->a).reg, operand(l, node->a).word);
    sljit_emit_op1(c, SLJIT_MOV, ON_STACK, SPARE(0), SLJIT_R1, 0);
    sljit_emit_op1(c, SLJIT_MOV32, SLJIT_R0, 0, index.reg, index.word);
    sljit_emit_op1(c, SLJIT_MOV32, SLJIT_R3, 0, SLJIT_R0, 0);
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R2, 0, SLJIT_IMM, tag_of(type));
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R1, 0, ON_STACK, SPARE(0));
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, SLJIT_S0, 0);
    sljit_emit_icall(c, SLJIT_CALL, SLJIT_ARGS4(32, P, P, W, 32), SLJIT_IMM,
                     SLJIT_FUNC_ADDR(jit_helpers.append));
    fails(l, node, sljit_emit_cmp(c, SLJIT_EQUAL | SLJIT_32, SLJIT_R0, 0, SLJIT_IMM, 0));
    sljit_set_label(done, sljit_emit_label(c));
}

/* --- calls ---------------------------------------------------------------------------------- */

#define FRAME(field) ((sljit_sw)offsetof(JitFrame, field))

/* A value to where the interpreter has its stack. */
static void push_out(Lower *l, const Node *node) {
    struct sljit_compiler *c = l->c;
    if (node->type == T_OBJECT || node->type == T_STRING) {
        sljit_s32 reg = in_register(l, node->a, SLJIT_R0);
        sljit_emit_op2(c, SLJIT_ADD32, SLJIT_MEM1(reg), -4, SLJIT_MEM1(reg), -4, SLJIT_IMM, 1);
    }
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, IN_FRAME, offsetof(JitFrame, stack));
    write_value(l, (Type)node->type, node->a, SLJIT_R0, (sljit_sw)node->slot * LAYOUT_VALUE_SIZE);
}

static void copy_word(Lower *l, sljit_s32 to, sljit_sw at, sljit_s32 from, sljit_sw where) {
    sljit_emit_op1(l->c, SLJIT_MOV, SLJIT_R0, 0, from, where);
    sljit_emit_op1(l->c, SLJIT_MOV, to, at, SLJIT_R0, 0);
}

/* A jump that is taken unless all builtins are as the code takes them; NULL: there are none. */
static struct sljit_jump *check_builtins(Lower *l) {
    struct sljit_compiler *c = l->c;
    if (l->g->builtin_count == 0) return NULL;
    size_t held_ = offsetof(JitTask, held) + ((uintptr_t)l->code >> 6) % JIT_HELD * 16;
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, IN_FRAME, FRAME(task));
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R1, 0, SLJIT_IMM, (sljit_sw)l->code);
    struct sljit_jump *other =
        sljit_emit_cmp(c, SLJIT_NOT_EQUAL, SLJIT_R1, 0, SLJIT_MEM1(SLJIT_R0), (sljit_sw)held_);
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R1, 0, SLJIT_MEM1(SLJIT_R0), (sljit_sw)offsetof(JitTask, ran));
    struct sljit_jump *fine =
        sljit_emit_cmp(c, SLJIT_EQUAL, SLJIT_R1, 0, SLJIT_MEM1(SLJIT_R0), (sljit_sw)held_ + 8);
    sljit_set_label(other, sljit_emit_label(c));
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, SLJIT_S0, 0);
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R1, 0, SLJIT_IMM, (sljit_sw)l->code);
    sljit_emit_icall(c, SLJIT_CALL, SLJIT_ARGS2(32, P, P), SLJIT_IMM,
                     SLJIT_FUNC_ADDR(jit_helpers.holds));
    struct sljit_jump *fails_ = sljit_emit_cmp(c, SLJIT_EQUAL | SLJIT_32, SLJIT_R0, 0, SLJIT_IMM, 0);
    sljit_set_label(fine, sljit_emit_label(c));
    return fails_;
}

/* Fills in the frame of what is called. R1 is kept. */
static void make_frame(Lower *l, const CallSite *site, sljit_s32 function) {
    struct sljit_compiler *c = l->c;
    sljit_sw at = l->called, locals = at + (sljit_sw)sizeof(JitFrame);
    sljit_sw stack = locals + (sljit_sw)site->target->locals * LAYOUT_VALUE_SIZE;
    copy_word(l, ON_STACK, at + FRAME(own.previous), IN_FRAME, FRAME(shown));
    copy_word(l, ON_STACK, at + FRAME(context), IN_FRAME, FRAME(context));
    copy_word(l, ON_STACK, at + FRAME(task), IN_FRAME, FRAME(task));
    sljit_emit_op1(c, SLJIT_MOV, ON_STACK, at + FRAME(own.function), function, 0);
    sljit_emit_op1(c, SLJIT_MOV, ON_STACK, at + FRAME(own.function_tag), SLJIT_IMM, LAYOUT_TAG_OBJECT);
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, IN_FRAME, FRAME(stack));
    sljit_emit_op2(c, SLJIT_ADD, SLJIT_R0, 0, SLJIT_R0, 0, SLJIT_IMM,
                   (sljit_sw)site->first * LAYOUT_VALUE_SIZE);
    sljit_emit_op1(c, SLJIT_MOV, ON_STACK, at + FRAME(own.arguments), SLJIT_R0, 0);
    sljit_get_local_base(c, SLJIT_R0, 0, locals);
    sljit_emit_op1(c, SLJIT_MOV, ON_STACK, at + FRAME(own.locals), SLJIT_R0, 0);
    if (stack != locals)
        sljit_emit_op2(c, SLJIT_ADD, SLJIT_R0, 0, SLJIT_R0, 0, SLJIT_IMM, stack - locals);
    sljit_emit_op1(c, SLJIT_MOV, ON_STACK, at + FRAME(stack), SLJIT_R0, 0);
    for (uint32_t i = 0; i < site->target->locals; i++)
        sljit_emit_op1(c, SLJIT_MOV, ON_STACK,
                       locals + (sljit_sw)i * LAYOUT_VALUE_SIZE + LAYOUT_VALUE_TAG, SLJIT_IMM,
                       LAYOUT_TAG_UNDEFINED);
    sljit_get_local_base(c, SLJIT_R0, 0, at + FRAME(own));
    sljit_emit_op1(c, SLJIT_MOV, ON_STACK, at + FRAME(shown), SLJIT_R0, 0);
}

static void leave_if_thrown(Lower *l, const Node *node) {
    struct sljit_jump *threw = sljit_emit_cmp(l->c, SLJIT_EQUAL | SLJIT_32, SLJIT_R0, 0, SLJIT_IMM,
                                              (sljit_s32)JIT_THROWN);
    note_jump(l, threw, -1, exit_for(l, node->state, JIT_THREW), -1);
}

/* After a direct call: what did not simply return is finished; arguments are given back. */
static void after_call(Lower *l, const Node *node, const CallSite *site, bool self) {
    struct sljit_compiler *c = l->c;
    sljit_sw where = (sljit_sw)(site->first << 16 | site->count);
    struct sljit_jump *returned = sljit_emit_cmp(c, SLJIT_EQUAL | SLJIT_32, SLJIT_R0, 0, SLJIT_IMM,
                                                 (sljit_s32)JIT_RETURNED);
    sljit_emit_op1(c, SLJIT_MOV32, SLJIT_R3, 0, SLJIT_R0, 0);
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, SLJIT_S0, 0);
    sljit_get_local_base(c, SLJIT_R1, 0, l->called);
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R2, 0, SLJIT_IMM, where);
    sljit_emit_icall(c, SLJIT_CALL, SLJIT_ARGS4(32, P, P, 32, 32), SLJIT_IMM,
                     SLJIT_FUNC_ADDR(jit_helpers.finish));
    if (!self) {
        sljit_s32 function = in_register(l, node->a, SLJIT_R1);
        struct sljit_jump *gave =
            sljit_emit_cmp(c, SLJIT_EQUAL | SLJIT_32, SLJIT_R0, 0, SLJIT_IMM, (sljit_s32)JIT_RETURNED);
        sljit_emit_op2(c, SLJIT_SUB32, SLJIT_MEM1(function), -4, SLJIT_MEM1(function), -4, SLJIT_IMM,
                       1); /* the interpreter's stack has it, too */
        sljit_set_label(gave, sljit_emit_label(c));
    }
    leave_if_thrown(l, node);
    sljit_set_label(returned, sljit_emit_label(c));
    if (site->counted || site->target->writes_arguments) {
        sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, SLJIT_S0, 0);
        sljit_emit_op1(c, SLJIT_MOV, SLJIT_R1, 0, SLJIT_IMM, where);
        sljit_emit_icall(c, SLJIT_CALL, SLJIT_ARGS2V(P, 32), SLJIT_IMM,
                         SLJIT_FUNC_ADDR(jit_helpers.release));
    }
    if (self) return;
    sljit_s32 function = in_register(l, node->a, SLJIT_R1);
    sljit_emit_op2(c, SLJIT_SUB32 | SLJIT_SET_Z, SLJIT_MEM1(function), -4, SLJIT_MEM1(function), -4,
                   SLJIT_IMM, 1);
    struct sljit_jump *kept = sljit_emit_jump(c, SLJIT_NOT_ZERO);
    if (function != SLJIT_R1) sljit_emit_op1(c, SLJIT_MOV, SLJIT_R1, 0, function, 0);
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, IN_FRAME, FRAME(context));
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R2, 0, SLJIT_IMM, LAYOUT_TAG_OBJECT);
    sljit_emit_icall(c, SLJIT_CALL, SLJIT_ARGS3V(P, P, W), SLJIT_IMM,
                     SLJIT_FUNC_ADDR(jit_helpers.free_value));
    sljit_set_label(kept, sljit_emit_label(c));
}

/* Calls a function: code for its start directly, if it is the function that was seen here and there is
 * code; else by the interpreter. */
static void call_function(Lower *l, int32_t n) {
    struct sljit_compiler *c = l->c;
    Graph *g = l->g;
    const Node *node = &g->nodes[n];
    const CallSite *site = &g->calls[node->value];
    /* Where the frame is, for stacks of errors. */
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, IN_FRAME, FRAME(bytecode));
    sljit_emit_op2(c, SLJIT_ADD, SLJIT_R0, 0, SLJIT_R0, 0, SLJIT_IMM, (sljit_sw)site->next);
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R1, 0, IN_FRAME, FRAME(shown));
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_MEM1(SLJIT_R1), (sljit_sw)offsetof(JitStackFrame, pc), SLJIT_R0,
                   0);
    sljit_s32 function = in_register(l, node->a, SLJIT_R1);
    struct sljit_jump *slow[3] = {NULL}, *done = NULL;
    bool self = site->target == g->entry->function && g->entry->pc == 0;
    if (site->target && !self) {
        const JitEntry *start = jit_start(site->target);
        sljit_emit_op1(c, SLJIT_MOV_U16, SLJIT_R0, 0, SLJIT_MEM1(function), LAYOUT_OBJECT_CLASS);
        slow[0] = sljit_emit_cmp(c, SLJIT_NOT_EQUAL | SLJIT_32, SLJIT_R0, 0, SLJIT_IMM,
                                 LAYOUT_CLASS_FUNCTION);
        sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, SLJIT_MEM1(function), LAYOUT_OBJECT_BYTECODE);
        sljit_emit_op2(c, SLJIT_AND32, SLJIT_R0, 0, SLJIT_MEM1(SLJIT_R0), LAYOUT_BYTECODE_RECORD,
                       SLJIT_IMM, JIT_NUMBER);
        slow[1] = sljit_emit_cmp(c, SLJIT_NOT_EQUAL | SLJIT_32, SLJIT_R0, 0, SLJIT_IMM,
                                 (sljit_sw)site->target->number + 1);
        sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, SLJIT_MEM0(), (sljit_sw)&start->code);
        slow[2] = sljit_emit_cmp(c, SLJIT_EQUAL, SLJIT_R0, 0, SLJIT_IMM, 0);
        sljit_emit_op1(c, SLJIT_MOV, ON_STACK, SPARE(0), SLJIT_R0, 0);
        make_frame(l, site, function);
        copy_word(l, ON_STACK, l->called + FRAME(outer), SLJIT_MEM1(function), LAYOUT_OBJECT_OUTER);
        sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, SLJIT_MEM1(function), LAYOUT_OBJECT_BYTECODE);
        copy_word(l, ON_STACK, l->called + FRAME(bytecode), SLJIT_MEM1(SLJIT_R0), LAYOUT_BYTECODE_CODE);
        sljit_emit_op2(c, SLJIT_ADD32, SLJIT_MEM1(function), -4, SLJIT_MEM1(function), -4, SLJIT_IMM,
                       1);
        sljit_emit_op1(c, SLJIT_MOV, SLJIT_R1, 0, ON_STACK, SPARE(0));
        sljit_get_local_base(c, SLJIT_R0, 0, l->called);
        sljit_emit_icall(c, SLJIT_CALL, SLJIT_ARGS1(32, P), SLJIT_MEM1(SLJIT_R1),
                         (sljit_sw)offsetof(JitCode, enter));
        after_call(l, node, site, false);
        done = sljit_emit_jump(c, SLJIT_JUMP);
    }
    if (self) {
        slow[0] = sljit_emit_cmp(c, SLJIT_NOT_EQUAL, function, 0, IN_FRAME, FRAME(own.function));
        make_frame(l, site, function);
        copy_word(l, ON_STACK, l->called + FRAME(outer), IN_FRAME, FRAME(outer));
        copy_word(l, ON_STACK, l->called + FRAME(bytecode), IN_FRAME, FRAME(bytecode));
        sljit_get_local_base(c, SLJIT_R0, 0, l->called);
        struct sljit_jump *call_ = sljit_emit_call(c, SLJIT_CALL, SLJIT_ARGS1(32, P));
        sljit_set_label(call_, l->start);
        after_call(l, node, site, true);
        done = sljit_emit_jump(c, SLJIT_JUMP);
    }
    for (int i = 0; i < 3; i++)
        if (slow[i]) sljit_set_label(slow[i], sljit_emit_label(c));
    if (function != SLJIT_R1) sljit_emit_op1(c, SLJIT_MOV, SLJIT_R1, 0, function, 0);
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, SLJIT_S0, 0);
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R2, 0, SLJIT_IMM, (sljit_sw)(site->first << 16 | site->count));
    sljit_get_local_base(c, SLJIT_R3, 0, l->called + FRAME(result));
    sljit_emit_icall(c, SLJIT_CALL, SLJIT_ARGS4(32, P, P, 32, P), SLJIT_IMM,
                     SLJIT_FUNC_ADDR(jit_helpers.call));
    leave_if_thrown(l, node);
    if (done) sljit_set_label(done, sljit_emit_label(c));
}

/* What a call gave; if that is of another type, the interpreter finds it on its stack. */
static void take_result(Lower *l, int32_t n) {
    struct sljit_compiler *c = l->c;
    const Node *node = &l->g->nodes[n];
    Type type = (Type)node->type;
    sljit_sw at = l->called + FRAME(result);
    Operand to = type_is_held(type) && l->intervals[n].end >= 0 ? operand(l, n) : (Operand){SLJIT_R0, 0};
    sljit_s32 reg = type == T_DOUBLE && (!is_register(to) || to.reg == SLJIT_R0) ? SLJIT_FR0 : to.reg;
    struct sljit_jump *fits[2] = {NULL};
    sljit_emit_op1(c, SLJIT_MOV_S32, SLJIT_R0, 0, ON_STACK, at + LAYOUT_VALUE_TAG);
    fits[0] = sljit_emit_cmp(c, SLJIT_EQUAL | SLJIT_32, SLJIT_R0, 0, SLJIT_IMM, tag_of(type));
    if (type == T_DOUBLE) {
        struct sljit_jump *other =
            sljit_emit_cmp(c, SLJIT_NOT_EQUAL | SLJIT_32, SLJIT_R0, 0, SLJIT_IMM, LAYOUT_TAG_INT);
        clear_double(l, reg);
        sljit_emit_fop1(c, SLJIT_CONV_F64_FROM_S32, reg, 0, ON_STACK, at);
        fits[1] = sljit_emit_jump(c, SLJIT_JUMP);
        sljit_set_label(other, sljit_emit_label(c));
    }
    struct sljit_label *fails_ = sljit_emit_label(c);
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R1, 0, IN_FRAME, FRAME(stack));
    copy_word(l, SLJIT_MEM1(SLJIT_R1), (sljit_sw)node->slot * LAYOUT_VALUE_SIZE, ON_STACK, at);
    copy_word(l, SLJIT_MEM1(SLJIT_R1), (sljit_sw)node->slot * LAYOUT_VALUE_SIZE + LAYOUT_VALUE_TAG,
              ON_STACK, at + LAYOUT_VALUE_TAG);
    note_jump(l, sljit_emit_jump(c, SLJIT_JUMP), -1, exit_for(l, node->state, JIT_FAILED), -1);
    sljit_set_label(fits[0], sljit_emit_label(c));
    if (++l->guards == l->force) sljit_set_label(sljit_emit_jump(c, SLJIT_JUMP), fails_);
    if (type == T_DOUBLE) {
        sljit_emit_fop1(c, SLJIT_MOV_F64, reg, 0, ON_STACK, at);
        sljit_set_label(fits[1], sljit_emit_label(c));
        if (l->intervals[n].end >= 0 && reg != to.reg) move_double(l, to, (Operand){reg, 0});
    } else if (type_is_held(type) && l->intervals[n].end >= 0) {
        sljit_s32 temporary = is_register(to) ? to.reg : SLJIT_R0;
        sljit_emit_op1(c, SLJIT_MOV32, temporary, 0, ON_STACK, at);
        if (temporary != to.reg) sljit_emit_op1(c, SLJIT_MOV, to.reg, to.word, temporary, 0);
    }
}

/* Ends the function with a value. */
static void return_value(Lower *l, const Block *block) {
    struct sljit_compiler *c = l->c;
    const Graph *g = l->g;
    const JitFunction *f = g->function;
    Type type = (Type)block->result;
    if (type == T_SLOT) {
        copy_word(l, IN_FRAME, FRAME(result), ON_STACK, l->called + FRAME(result));
        copy_word(l, IN_FRAME, FRAME(result) + 8, ON_STACK, l->called + FRAME(result) + 8);
    } else {
        if (type == T_OBJECT || type == T_STRING) {
            sljit_s32 reg = in_register(l, block->test, SLJIT_R0);
            sljit_emit_op2(c, SLJIT_ADD32, SLJIT_MEM1(reg), -4, SLJIT_MEM1(reg), -4, SLJIT_IMM, 1);
        }
        write_value(l, type, block->test, SLJIT_S0, FRAME(result));
    }
    bool tidy = true;
    for (uint32_t slot = f->arguments; slot < f->arguments + f->locals; slot++)
        tidy &= !g->in_memory[slot];
    sljit_emit_return(c, SLJIT_MOV32, SLJIT_IMM, (sljit_s32)(tidy ? JIT_RETURNED : JIT_UNTIDY));
}

/* At a function's start: whether there is still room on the stack, as the interpreter would ask. */
static void check_stack(Lower *l) {
    struct sljit_compiler *c = l->c;
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R1, 0, IN_FRAME, FRAME(task));
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R1, 0, SLJIT_MEM1(SLJIT_R1),
                   (sljit_sw)offsetof(JitTask, stack_limit));
    sljit_get_local_base(c, SLJIT_R0, 0, 0);
    struct sljit_jump *fine = sljit_emit_cmp(c, SLJIT_GREATER_EQUAL, SLJIT_R0, 0,
                                             SLJIT_MEM1(SLJIT_R1), 0);
    sljit_emit_return(c, SLJIT_MOV32, SLJIT_IMM, (sljit_s32)JIT_OVERFLOW);
    sljit_set_label(fine, sljit_emit_label(c));
}

/* A word of an object's. */
static void field(Lower *l, int32_t n, sljit_s32 op, sljit_sw offset) {
    sljit_s32 base = in_register(l, l->g->nodes[n].a, SLJIT_R0);
    Operand to = operand(l, n);
    sljit_s32 reg = is_register(to) ? to.reg : SLJIT_R0;
    sljit_emit_op1(l->c, op, reg, 0, SLJIT_MEM1(base), offset);
    if (reg != to.reg) sljit_emit_op1(l->c, SLJIT_MOV, to.reg, to.word, reg, 0);
}

static void load_constant(Lower *l, int32_t n) {
    const Node *node = &l->g->nodes[n];
    Operand to = operand(l, n);
    uint64_t *from = &l->code->data[l->data_count++];
    *from = (uint64_t)node->value;
    if (node->type == T_DOUBLE) {
        sljit_s32 reg = is_register(to) ? to.reg : SLJIT_FR0;
        sljit_emit_fop1(l->c, SLJIT_MOV_F64, reg, 0, SLJIT_MEM0(), (sljit_sw)from);
        if (reg != to.reg) move_double(l, to, (Operand){reg, 0});
    } else {
        sljit_s32 reg = is_register(to) ? to.reg : SLJIT_R0;
        sljit_emit_op1(l->c, SLJIT_MOV, reg, 0, SLJIT_MEM0(), (sljit_sw)from);
        if (reg != to.reg) sljit_emit_op1(l->c, SLJIT_MOV, to.reg, to.word, reg, 0);
    }
}

static void emit_node(Lower *l, int32_t n) {
    Graph *g = l->g;
    struct sljit_compiler *c = l->c;
    const Node *node = &g->nodes[n];
    if (l->fused[n]) return;
    switch ((Operation)node->operation) {
    case N_PHI:
        break;
    case N_CONST:
        if (has_register(l, n)) load_constant(l, n);
        break;
    case N_LOAD: {
        sljit_sw offset = 0;
        if (node->a >= 0)
            point_to_outer(l, node);
        else
            offset = point_to(l, node->slot);
        read_value(l, node, operand(l, n), SLJIT_R0, offset);
        break;
    }
    case N_STORE:
        store(l, node);
        break;
    case N_ADD:
        checked(l, n, SLJIT_ADD32);
        break;
    case N_SUB:
        checked(l, n, SLJIT_SUB32);
        break;
    case N_MUL:
        multiply(l, n);
        break;
    case N_MOD:
        remainder_of(l, n);
        break;
    case N_NEG: {
        Operand to = operand(l, n), a = operand(l, node->a);
        sljit_emit_op1(c, SLJIT_MOV32, SLJIT_R0, 0, a.reg, a.word);
        fails(l, node, sljit_emit_cmp(c, SLJIT_EQUAL | SLJIT_32, SLJIT_R0, 0, SLJIT_IMM, 0));
        sljit_emit_op2(c, SLJIT_SUB32 | SLJIT_SET_OVERFLOW, SLJIT_R0, 0, SLJIT_IMM, 0, SLJIT_R0, 0);
        fails(l, node, sljit_emit_jump(c, SLJIT_OVERFLOW));
        sljit_emit_op1(c, SLJIT_MOV32, to.reg, to.word, SLJIT_R0, 0);
        break;
    }
    case N_ADD_WRAP:
        binary(l, n, SLJIT_ADD32);
        break;
    case N_SUB_WRAP:
        binary(l, n, SLJIT_SUB32);
        break;
    case N_MUL_WRAP:
        binary(l, n, SLJIT_MUL32);
        break;
    case N_ADD_WIDE:
        binary(l, n, SLJIT_ADD);
        break;
    case N_SUB_WIDE:
        binary(l, n, SLJIT_SUB);
        break;
    case N_AND:
        binary(l, n, SLJIT_AND32);
        break;
    case N_OR:
        binary(l, n, SLJIT_OR32);
        break;
    case N_XOR:
        binary(l, n, SLJIT_XOR32);
        break;
    case N_NOT: {
        Operand to = operand(l, n), a = operand(l, node->a);
        sljit_emit_op2(c, SLJIT_XOR32, to.reg, to.word, a.reg, a.word, SLJIT_IMM, -1);
        break;
    }
    case N_SHL:
    case N_SAR:
    case N_SHR: {
        Operand to = operand(l, n), a = operand(l, node->a), b = operand(l, node->b);
        sljit_s32 op = node->operation == N_SHL   ? SLJIT_MSHL32
                       : node->operation == N_SAR ? SLJIT_MASHR32
                                                  : SLJIT_MLSHR32;
        if (b.reg == SLJIT_IMM) b.word &= 31;
        sljit_emit_op2(c, op, to.reg, to.word, a.reg, a.word, b.reg, b.word);
        break;
    }
    case N_ROTATE: {
        Operand to = operand(l, n), a = operand(l, node->a);
        sljit_emit_op2(c, SLJIT_ROTL32, to.reg, to.word, a.reg, a.word, SLJIT_IMM,
                       (sljit_sw)node->value);
        break;
    }
    case N_MIN:
    case N_MAX:
        extreme(l, n, node->operation == N_MIN);
        break;
    case N_FADD:
        on_doubles(l, n, SLJIT_ADD_F64);
        break;
    case N_FSUB:
        on_doubles(l, n, SLJIT_SUB_F64);
        break;
    case N_FMUL:
        on_doubles(l, n, SLJIT_MUL_F64);
        break;
    case N_FDIV:
        on_doubles(l, n, SLJIT_DIV_F64);
        break;
    case N_FNEG:
    case N_FABS: {
        Operand to = operand(l, n), a = operand(l, node->a);
        sljit_emit_fop1(c, node->operation == N_FNEG ? SLJIT_NEG_F64 : SLJIT_ABS_F64, to.reg,
                        to.word, a.reg, a.word);
        break;
    }
    case N_FSQRT:
        square_root(l, n);
        break;
    case N_CALL1:
    case N_CALL2:
        call(l, n);
        break;
    case N_TO_DOUBLE:
        to_double(l, n);
        break;
    case N_TO_WIDE: {
        Operand to = operand(l, n), a = operand(l, node->a);
        sljit_emit_op1(c, node->condition == T_UINT ? SLJIT_MOV_U32 : SLJIT_MOV_S32, SLJIT_R0, 0,
                       a.reg, a.word);
        sljit_emit_op1(c, SLJIT_MOV, to.reg, to.word, SLJIT_R0, 0);
        break;
    }
    case N_TO_INT:
        to_integer(l, n);
        break;
    case N_TRUNCATE:
        truncate_double(l, n);
        break;
    case N_LOW: {
        Operand to = operand(l, n), a = operand(l, node->a);
        if (!same_place(to, a)) sljit_emit_op1(c, SLJIT_MOV32, to.reg, to.word, a.reg, a.word);
        break;
    }
    case N_INT_OF: {
        Operand a = operand(l, node->a);
        fails(l, node, sljit_emit_cmp(c, SLJIT_SIG_LESS | SLJIT_32, a.reg, a.word, SLJIT_IMM, 0));
        break;
    }
    case N_COMPARE:
    case N_IS_TRUE:
        make_bool(l, n);
        break;
    case N_IS_NOT: {
        Operand to = operand(l, n), a = operand(l, node->a);
        sljit_emit_op2(c, SLJIT_XOR32, to.reg, to.word, a.reg, a.word, SLJIT_IMM, 1);
        break;
    }
    case N_CHECK_CLASS: {
        sljit_s32 object = in_register(l, node->a, SLJIT_R0);
        sljit_emit_op1(c, SLJIT_MOV_U16, SLJIT_R0, 0, SLJIT_MEM1(object), LAYOUT_OBJECT_CLASS);
        fails(l, node,
              sljit_emit_cmp(c, SLJIT_NOT_EQUAL | SLJIT_32, SLJIT_R0, 0, SLJIT_IMM,
                             (sljit_sw)node->value));
        break;
    }
    case N_CHECK_FUNCTION: {
        sljit_s32 object = in_register(l, node->a, SLJIT_R0);
        sljit_emit_op1(c, SLJIT_MOV_U16, SLJIT_R1, 0, SLJIT_MEM1(object), LAYOUT_OBJECT_CLASS);
        fails(l, node,
              sljit_emit_cmp(c, SLJIT_NOT_EQUAL | SLJIT_32, SLJIT_R1, 0, SLJIT_IMM,
                             LAYOUT_CLASS_FUNCTION));
        sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, SLJIT_MEM1(object), LAYOUT_OBJECT_BYTECODE);
        sljit_emit_op2(c, SLJIT_AND32, SLJIT_R0, 0, SLJIT_MEM1(SLJIT_R0), LAYOUT_BYTECODE_RECORD,
                       SLJIT_IMM, JIT_NUMBER);
        fails(l, node,
              sljit_emit_cmp(c, SLJIT_NOT_EQUAL | SLJIT_32, SLJIT_R0, 0, SLJIT_IMM,
                             (sljit_sw)node->value));
        break;
    }
    case N_CHECK_MUTABLE: {
        sljit_s32 object = in_register(l, node->a, SLJIT_R0);
        sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, SLJIT_MEM1(object), LAYOUT_OBJECT_TYPED_ARRAY);
        sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, SLJIT_MEM1(SLJIT_R0), LAYOUT_TYPED_ARRAY_BUFFER);
        sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, SLJIT_MEM1(SLJIT_R0), LAYOUT_OBJECT_BUFFER);
        sljit_emit_op1(c, SLJIT_MOV_U8, SLJIT_R0, 0, SLJIT_MEM1(SLJIT_R0), LAYOUT_BUFFER_IMMUTABLE);
        fails(l, node, sljit_emit_cmp(c, SLJIT_NOT_EQUAL | SLJIT_32, SLJIT_R0, 0, SLJIT_IMM, 0));
        break;
    }
    case N_CHECK_PLAIN: {
        sljit_s32 object = in_register(l, node->a, SLJIT_R0);
        sljit_sw proto = (LAYOUT_CLASS_UINT8C_ARRAY + (sljit_sw)node->value - JIT_ON_UINT8C) *
                         LAYOUT_VALUE_SIZE;
        sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, SLJIT_MEM1(object), LAYOUT_OBJECT_SHAPE);
        fails(l, node,
              sljit_emit_cmp(c, SLJIT_NOT_EQUAL | SLJIT_32, SLJIT_MEM1(SLJIT_R0),
                             LAYOUT_SHAPE_PROPERTY_COUNT, SLJIT_IMM, 0));
        sljit_emit_op1(c, SLJIT_MOV, SLJIT_R1, 0, IN_FRAME, offsetof(JitFrame, context));
        sljit_emit_op1(c, SLJIT_MOV, SLJIT_R1, 0, SLJIT_MEM1(SLJIT_R1), LAYOUT_CONTEXT_PROTOTYPES);
        sljit_emit_op1(c, SLJIT_MOV, SLJIT_R1, 0, SLJIT_MEM1(SLJIT_R1), proto);
        fails(l, node,
              sljit_emit_cmp(c, SLJIT_NOT_EQUAL, SLJIT_MEM1(SLJIT_R0), LAYOUT_SHAPE_PROTOTYPE,
                             SLJIT_R1, 0));
        break;
    }
    case N_COUNT:
        field(l, n, SLJIT_MOV_U32, LAYOUT_OBJECT_COUNT);
        break;
    case N_ELEMENTS:
        field(l, n, SLJIT_MOV, LAYOUT_OBJECT_ELEMENTS);
        break;
    case N_LENGTH: {
        sljit_s32 object = in_register(l, node->a, SLJIT_R0);
        sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, SLJIT_MEM1(object), LAYOUT_OBJECT_PROPERTIES);
        read_value(l, node, operand(l, n), SLJIT_R0, 0);
        break;
    }
    case N_CHECK_INDEX: {
        Operand a = operand(l, node->a), b = operand(l, node->b);
        if (a.reg == SLJIT_IMM && b.reg == SLJIT_IMM) {
            sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, a.reg, a.word);
            a = (Operand){SLJIT_R0, 0};
        }
        fails(l, node, sljit_emit_cmp(c, SLJIT_GREATER_EQUAL | SLJIT_32, a.reg, a.word, b.reg, b.word));
        break;
    }
    case N_INDEX: {
        Operand to = operand(l, n), a = operand(l, node->a);
        sljit_s32 reg = is_register(to) ? to.reg : SLJIT_R0;
        if (a.reg == SLJIT_IMM) a.word = (sljit_sw)(uint32_t)a.word;
        sljit_emit_op1(c, a.reg == SLJIT_IMM ? SLJIT_MOV : SLJIT_MOV_U32, reg, 0, a.reg, a.word);
        if (reg != to.reg) sljit_emit_op1(c, SLJIT_MOV, to.reg, to.word, reg, 0);
        break;
    }
    case N_ADDRESS: {
        Operand to = operand(l, n), a = operand(l, node->a), b = operand(l, node->b);
        sljit_emit_op2(c, SLJIT_SHL, SLJIT_R0, 0, b.reg, b.word, SLJIT_IMM, 4);
        sljit_emit_op2(c, SLJIT_ADD, to.reg, to.word, SLJIT_R0, 0, a.reg, a.word);
        break;
    }
    case N_GET_VALUE:
        read_value(l, node, operand(l, n), in_register(l, node->a, SLJIT_R0), 0);
        break;
    case N_PUT_VALUE: {
        sljit_s32 base = in_register(l, node->a, SLJIT_R0);
        fails(l, node,
              sljit_emit_cmp(c, SLJIT_SIG_LESS | SLJIT_32, SLJIT_MEM1(base), LAYOUT_VALUE_TAG,
                             SLJIT_IMM, 0));
        write_value(l, (Type)node->type, node->b, base, 0);
        break;
    }
    case N_APPEND:
        append(l, n);
        break;
    case N_GET_ELEMENT:
        get_element(l, n);
        break;
    case N_PUT_ELEMENT:
        put_element(l, n);
        break;
    case N_STRING_LENGTH: {
        sljit_s32 string = in_register(l, node->a, SLJIT_R0);
        Operand to = operand(l, n);
        sljit_emit_op1(c, SLJIT_MOV_U32, SLJIT_R0, 0, SLJIT_MEM1(string), 0);
        sljit_emit_op2(c, SLJIT_AND32, to.reg, to.word, SLJIT_R0, 0, SLJIT_IMM, 0x7fffffff);
        break;
    }
    case N_CHAR_CODE: {
        Operand to = operand(l, n), a = operand(l, node->a), b = operand(l, node->b);
        sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, a.reg, a.word);
        sljit_emit_op1(c, SLJIT_MOV32, SLJIT_R1, 0, b.reg, b.word);
        sljit_emit_icall(c, SLJIT_CALL, SLJIT_ARGS2(32, P, 32), SLJIT_IMM,
                         SLJIT_FUNC_ADDR(jit_helpers.char_code));
        sljit_emit_op1(c, SLJIT_MOV32, to.reg, to.word, SLJIT_R0, 0);
        break;
    }
    case N_PUSH:
        push_out(l, node);
        break;
    case N_CALL:
        call_function(l, n);
        break;
    case N_RESULT:
        take_result(l, n);
        break;
    case N_CHECK_BUILTINS:
        fails(l, node, check_builtins(l));
        break;
    case N_CHECK_KEPT: {
        sljit_s32 object = in_register(l, node->a, SLJIT_R0);
        fails(l, node,
              sljit_emit_cmp(c, SLJIT_SIG_LESS_EQUAL | SLJIT_32, SLJIT_MEM1(object), -4, SLJIT_IMM,
                             (sljit_sw)node->value));
        break;
    }
    case N_LET_GO: {
        sljit_s32 object = in_register(l, node->a, SLJIT_R0);
        sljit_emit_op2(c, SLJIT_SUB32, SLJIT_MEM1(object), -4, SLJIT_MEM1(object), -4, SLJIT_IMM, 1);
        break;
    }
    case N_COUNT_:
        break;
    }
}

/* --- edges ---------------------------------------------------------------------------------- */

typedef struct Move {
    Operand to, from;
    bool is_double;
} Move;

static void emit_move(Lower *l, const Move *move) {
    if (same_place(move->to, move->from)) return;
    if (move->is_double) {
        Operand from = move->from;
        if (!is_register(move->to) && !is_register(from)) {
            move_double(l, (Operand){SLJIT_FR0, 0}, from);
            from = (Operand){SLJIT_FR0, 0};
        }
        move_double(l, move->to, from);
    } else {
        sljit_emit_op1(l->c, SLJIT_MOV, move->to.reg, move->to.word, move->from.reg,
                       move->from.word);
    }
}

static uint32_t edge_number(Graph *g, int32_t from, int32_t to) {
    uint32_t edge = 0;
    graph_step(g, g->blocks[to].from_count);
    while (g->blocks[to].from[edge] != from) edge++;
    return edge;
}

static bool has_moves(const Lower *l, int32_t from, int32_t to) {
    Graph *g = l->g;
    uint32_t edge = edge_number(g, from, to);
    for (int32_t n = g->blocks[to].first; n >= 0; n = g->nodes[n].next) {
        if (g->nodes[n].operation != N_PHI || l->intervals[n].end < 0) continue;
        if (!same_place(operand(l, n), operand(l, g->nodes[n].inputs[edge]))) return true;
    }
    return false;
}

/* All phis of a block take their values at once. */
static void emit_moves(Lower *l, int32_t from, int32_t to) {
    Graph *g = l->g;
    uint32_t edge = edge_number(g, from, to), count = 0, room = 0;
    for (int32_t n = g->blocks[to].first; n >= 0; n = g->nodes[n].next)
        room += g->nodes[n].operation == N_PHI;
    Move *moves = graph_alloc(g, sizeof *moves * (room + 1));
    for (int32_t n = g->blocks[to].first; n >= 0; n = g->nodes[n].next) {
        if (g->nodes[n].operation != N_PHI || l->intervals[n].end < 0) continue;
        Move move = {operand(l, n), operand(l, g->nodes[n].inputs[edge]),
                     g->nodes[n].type == T_DOUBLE};
        if (!same_place(move.to, move.from)) moves[count++] = move;
    }
    while (count > 0) {
        uint32_t i;
        for (i = 0; i < count; i++) { /* one that overwrites nothing that is still wanted */
            bool wanted = false;
            graph_step(g, count);
            for (uint32_t k = 0; k < count; k++)
                wanted |= k != i && moves[k].is_double == moves[i].is_double &&
                          same_place(moves[k].from, moves[i].to);
            if (!wanted) break;
        }
        if (i == count) { /* a ring: one value waits in the frame */
            Move aside = {{ON_STACK, SPARE(0)}, moves[0].from, moves[0].is_double};
            emit_move(l, &aside);
            moves[0].from = aside.to;
            continue;
        }
        emit_move(l, &moves[i]);
        moves[i] = moves[--count];
    }
}

/* Goes on in a block: by falling into it, or by a jump. */
static void go_to(Lower *l, int32_t from, int32_t to, int32_t next);

static int32_t stub_for(Lower *l, int32_t from, int32_t to) {
    if (l->stub_count == l->stub_room) graph_fail(l->g, "too many edges");
    l->stubs[l->stub_count] = (Stub){from, to, NULL};
    return l->stub_count++;
}

static void jump_to_edge(Lower *l, struct sljit_jump *jump, int32_t from, int32_t to) {
    if (has_moves(l, from, to))
        note_jump(l, jump, -1, -1, stub_for(l, from, to));
    else
        note_jump(l, jump, to, -1, -1);
}

/* By a test: the block that comes next is fallen into if it can be. */
static void branch(Lower *l, int32_t from, const Block *block, int32_t next) {
    if (block->to[0] == block->to[1]) {
        go_to(l, from, block->to[0], next);
        return;
    }
    bool falls_if_true = block->to[0] == next;
    int32_t jumped = block->to[falls_if_true ? 1 : 0], fallen = block->to[falls_if_true ? 0 : 1];
    jump_to_edge(l, jump_if(l, block->test, !falls_if_true), from, jumped);
    go_to(l, from, fallen, next);
}

/* Whether a loop's header does nothing but test: then its test may as well stand at the loop's end. */
static bool only_tests(const Lower *l, int32_t number) {
    const Graph *g = l->g;
    const Block *block = &g->blocks[number];
    if (block->end != END_BRANCH || block->to[0] == block->to[1]) return false;
    for (int32_t n = block->first; n >= 0; n = g->nodes[n].next)
        if (g->nodes[n].operation != N_PHI && !l->fused[n] && !is_constant(&g->nodes[n])) return false;
    return true;
}

static void go_to(Lower *l, int32_t from, int32_t to, int32_t next) {
    emit_moves(l, from, to);
    if (to == next) return;
    if (l->labels[to] && only_tests(l, to)) {
        const Block *header = &l->g->blocks[to];
        jump_to_edge(l, jump_if(l, header->test, true), to, header->to[0]);
        if (has_moves(l, to, header->to[1]))
            note_jump(l, sljit_emit_jump(l->c, SLJIT_JUMP), -1, -1, stub_for(l, to, header->to[1]));
        else
            note_jump(l, sljit_emit_jump(l->c, SLJIT_JUMP), header->to[1], -1, -1);
        return;
    }
    note_jump(l, sljit_emit_jump(l->c, SLJIT_JUMP), to, -1, -1);
}

/* --- exits ---------------------------------------------------------------------------------- */

static void emit_exits(Lower *l) {
    struct sljit_compiler *c = l->c;
    struct sljit_label **labels = graph_alloc(l->g, sizeof *labels * (size_t)(l->exit_count + 1));
    struct sljit_jump **to_tail = graph_alloc(l->g, sizeof *to_tail * (size_t)(l->exit_count + 1));
    for (int32_t i = 0; i < l->exit_count; i++) {
        labels[i] = sljit_emit_label(c);
        sljit_emit_op1(c, SLJIT_MOV, SLJIT_R0, 0, SLJIT_IMM, i);
        to_tail[i] = sljit_emit_jump(c, SLJIT_JUMP);
    }
    struct sljit_label *tail = sljit_emit_label(c);
    for (int32_t i = 0; i < l->exit_count; i++) sljit_set_label(to_tail[i], tail);
    bool used[2][JIT_REGISTERS] = {{false}};
    for (int32_t n = 0; n < l->g->node_count; n++)
        if (l->intervals[n].end >= 0 && l->intervals[n].place >= 0)
            used[l->intervals[n].is_double][l->intervals[n].place] = true;
    sljit_s32 dump = SLJIT_MEM1(SLJIT_R1);
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R1, 0, SLJIT_IMM, (sljit_sw)l->code);
    sljit_emit_op1(c, SLJIT_MOV, IN_FRAME, FRAME(code), SLJIT_R1, 0);
    sljit_emit_op1(c, SLJIT_MOV, SLJIT_R1, 0, IN_FRAME, FRAME(task));
    for (int place = 0; place < INTEGERS; place++)
        if (used[0][place])
            sljit_emit_op1(c, SLJIT_MOV, dump,
                           (sljit_sw)(offsetof(JitTask, integers) + 8 * (size_t)place),
                           integer_register(place), 0);
    for (int place = 0; place < DOUBLES; place++)
        if (used[1][place])
            sljit_emit_fop1(c, SLJIT_MOV_F64, dump,
                            (sljit_sw)(offsetof(JitTask, doubles) + 8 * (size_t)place),
                            SLJIT_FR(place + 1), 0);
    for (uint32_t i = 0; i < l->spill_count; i++) {
        sljit_emit_fop1(c, SLJIT_MOV_F64, SLJIT_FR0, 0, ON_STACK, 8 * (sljit_sw)i);
        sljit_emit_fop1(c, SLJIT_MOV_F64, dump, (sljit_sw)(offsetof(JitTask, spills) + 8 * i),
                        SLJIT_FR0, 0);
    }
    sljit_emit_return(c, SLJIT_MOV32, SLJIT_R0, 0);
    for (int32_t i = 0; i < l->jump_count; i++) {
        const Jump *jump = &l->jumps[i];
        sljit_set_label(jump->jump, jump->exit >= 0   ? labels[jump->exit]
                                    : jump->stub >= 0 ? l->stubs[jump->stub].label
                                                      : l->labels[jump->block]);
    }
}

static void emit_code(Lower *l) {
    Graph *g = l->g;
    struct sljit_compiler *c = l->c;
    int saved = 0;
    for (int32_t n = 0; n < g->node_count; n++)
        if (l->intervals[n].end >= 0 && !l->intervals[n].is_double && l->intervals[n].place < SAVED &&
            l->intervals[n].place >= saved)
            saved = l->intervals[n].place + 1;
    sljit_sw size = l->called = (sljit_sw)round_up(8 * ((size_t)l->spill_count + SPARES), 16);
    for (int32_t i = 0; i < g->call_count; i++) {
        const JitFunction *target = g->calls[i].target;
        size_t values = target ? target->locals + target->stack : 0;
        sljit_sw end = l->called + (sljit_sw)(sizeof(JitFrame) + values * LAYOUT_VALUE_SIZE);
        if (end > size) size = end;
    }
    l->start = sljit_emit_label(c);
    sljit_emit_enter(c, 0, SLJIT_ARGS1(32, P), SCRATCH + 2, saved + 1, DOUBLES + 1, 0,
                     (sljit_s32)size);
    if (g->entry->pc == 0) check_stack(l);
    struct sljit_jump *stale = check_builtins(l);
    if (stale) {
        struct sljit_jump *fine = sljit_emit_jump(c, SLJIT_JUMP);
        sljit_set_label(stale, sljit_emit_label(c));
        sljit_emit_return(c, SLJIT_MOV32, SLJIT_IMM, (sljit_s32)JIT_STALE);
        sljit_set_label(fine, sljit_emit_label(c));
    }
    for (int32_t i = 0; i < g->order_count; i++) {
        int32_t number_ = g->order[i], next = i + 1 < g->order_count ? g->order[i + 1] : -1;
        const Block *block = &g->blocks[number_];
        l->labels[number_] = sljit_emit_label(c);
        for (int32_t n = block->first; n >= 0; n = g->nodes[n].next) emit_node(l, n);
        if (block->end == END_JUMP) {
            go_to(l, number_, block->to[0], next);
        } else if (block->end == END_BRANCH) {
            branch(l, number_, block, next);
        } else if (block->end == END_RETURN) {
            return_value(l, block);
        } else {
            note_jump(l, sljit_emit_jump(c, SLJIT_JUMP), -1,
                      exit_for(l, block->state, block->exit_kind), -1);
        }
    }
    for (int32_t i = 0; i < l->stub_count; i++) {
        l->stubs[i].label = sljit_emit_label(c);
        emit_moves(l, l->stubs[i].from, l->stubs[i].to);
        note_jump(l, sljit_emit_jump(c, SLJIT_JUMP), l->stubs[i].to, -1, -1);
    }
    emit_exits(l);
}

/* --- the whole ------------------------------------------------------------------------------ */

static JitValue describe(const Lower *l, const StateValue *value) {
    JitValue is = {.type = value->val.type, .slot = value->slot};
    if (!type_is_held((Type)value->val.type)) {
        if (value->val.type == T_GLOBAL) {
            is.constant = (uint32_t)value->val.node;
        } else if (value->val.type == T_METHOD) {
            /* Of what is below it, which the builtins tell. */
            for (uint32_t i = 0; i < l->g->builtin_count; i++)
                if (l->g->builtins[i].field == value->val.node && l->g->builtins[i].global != JIT_LENGTH)
                    is.constant = (uint64_t)(uint32_t)l->g->builtins[i].global << 32 |
                                  (uint32_t)value->val.node;
        }
        return is;
    }
    int32_t n = resolve(l->g, value->val.node);
    const Node *node = &l->g->nodes[n];
    const Interval *interval = &l->intervals[n];
    if (node->operation == N_CONST) {
        is.constant = (uint64_t)node->value;
        return is;
    }
    is.place = interval->place < 0      ? JIT_IN_SPILL
               : interval->is_double    ? JIT_IN_DOUBLE
                                        : JIT_IN_INTEGER;
    is.index = (uint16_t)(interval->place < 0 ? -1 - interval->place : interval->place);
    return is;
}

/* Of one code: a task chooses how many exits there are, and of how many variables, and what they take is
 * no part of its memory limit. */
#define TABLES_MAX ((size_t)1 << 20)

/* Whether the code asks for this already, as of another call. Names in one bytecode are alike if their
 * numbers are. */
static bool is_assumed(const JitCode *code, const uint8_t *bytecode, const JitBuiltin *builtin) {
    if (builtin->global == JIT_LENGTH) return false; /* once each, see assume */
    for (uint32_t i = 0; i < code->builtin_count; i++) {
        const JitBuiltin *other = &code->builtins[i];
        if (other->callee != builtin->callee || other->global == JIT_LENGTH) continue;
        if ((other->global < 0) != (builtin->global < 0)) continue;
        if (memcmp(bytecode + other->field + 1, bytecode + builtin->field + 1, 4)) continue;
        if (builtin->global < 0 ||
            !memcmp(bytecode + other->global + 1, bytecode + builtin->global + 1, 4))
            return true;
    }
    return false;
}

static bool describe_exits(const Lower *l, JitCode *code) {
    const Graph *g = l->g;
    uint32_t count = 0;
    for (int32_t i = 0; i < l->exit_count; i++) count += g->states[l->exit_states[i]].count;
    size_t tables = sizeof *code->exits * (size_t)l->exit_count + sizeof *code->values * count +
                    sizeof *code->builtins * g->builtin_count + sizeof *code->data * l->data_count;
    if (tables > TABLES_MAX || !code_take(code->share, tables)) return false;
    code->tables = tables;
    code->exits = calloc((size_t)l->exit_count + 1, sizeof *code->exits);
    code->values = calloc((size_t)count + 1, sizeof *code->values);
    code->builtins = calloc((size_t)g->builtin_count + 1, sizeof *code->builtins);
    if (!code->exits || !code->values || !code->builtins) return false;
    code->exit_count = (uint32_t)l->exit_count;
    for (uint32_t i = 0; i < g->builtin_count; i++)
        if (!is_assumed(code, g->function->code, &g->builtins[i]))
            code->builtins[code->builtin_count++] = g->builtins[i];
    uint32_t at = 0;
    for (int32_t i = 0; i < l->exit_count; i++) {
        const State *state = &g->states[l->exit_states[i]];
        assert(state->pc < g->own_length); /* the interpreter knows nothing of what is inlined */
        code->exits[i] = (JitExit){.pc = state->pc,
                                   .kind = l->exit_kinds[i],
                                   .depth = (uint16_t)state->depth,
                                   .first = at,
                                   .count = state->count};
        for (uint32_t k = 0; k < state->count; k++)
            code->values[at++] = describe(l, &state->values[k]);
    }
    return true;
}

static JitCode *finish(Lower *l) {
    struct sljit_compiler *c = l->c;
    JitCode *code = l->code;
    l->g->code = NULL;
    if (sljit_get_compiler_error(c) || !describe_exits(l, code)) goto failed;
    c->exec_allocator_data = code;
    void *entry = sljit_generate_code(c);
    if (!entry) goto failed;
    code->used = sljit_get_generated_code_size(c);
    code->guards = l->guards;
    code->depth = l->g->blocks[l->g->block_at[0][l->g->entry->pc]].depth;
    if (!code_seal(code->pages, code->size)) goto failed;
    code->enter = (uint32_t(*)(JitFrame *))entry;
    return code;
failed:
    jit_code_free(code);
    return NULL;
}

JitCode *lower(Graph *g, uint32_t force) {
    size_t nodes = (size_t)g->node_count + 1, blocks = (size_t)g->block_count + 1;
    Lower lower_ = {.g = g, .force = force};
    Lower *l = &lower_;
    l->intervals = graph_alloc(g, sizeof *l->intervals * nodes);
    l->position = graph_alloc(g, sizeof *l->position * nodes);
    l->uses = graph_alloc(g, sizeof *l->uses * nodes);
    l->fused = graph_alloc(g, nodes);
    l->calls = graph_alloc(g, sizeof *l->calls * nodes);
    l->begins = graph_alloc(g, sizeof *l->begins * blocks);
    l->ends = graph_alloc(g, sizeof *l->ends * blocks);
    l->labels = graph_alloc(g, sizeof *l->labels * blocks);
    l->jump_room = (int32_t)(nodes * 6 + blocks * 8);
    l->jumps = graph_alloc(g, sizeof *l->jumps * (size_t)l->jump_room);
    l->stub_room = (int32_t)(blocks * 6);
    l->stubs = graph_alloc(g, sizeof *l->stubs * (size_t)l->stub_room);
    l->exit_of = graph_alloc(g, sizeof *l->exit_of * JIT_EXIT_KINDS * ((size_t)g->state_count + 1));
    l->exit_states = graph_alloc(g, sizeof *l->exit_states * JIT_EXIT_KINDS * ((size_t)g->state_count + 1));
    l->exit_kinds = graph_alloc(g, JIT_EXIT_KINDS * ((size_t)g->state_count + 1));
    count_uses(l);
    fuse_tests(l);
    number(l);
    make_intervals(l);
    allocate(l);
    l->c = sljit_create_compiler(NULL, NULL);
    if (!l->c) return NULL;
    g->compiler = l->c;
    l->code = g->code = calloc(1, sizeof *l->code);
    if (!l->code) graph_fail(g, "no memory");
    l->code->share = &g->function->program->share;
    size_t constants = 0;
    for (int32_t n = 0; n < g->node_count; n++) constants += g->nodes[n].operation == N_CONST;
    l->code->data = calloc(constants + 1, sizeof *l->code->data);
    if (!l->code->data) graph_fail(g, "no memory");
    emit_code(l);
    JitCode *code = finish(l);
    lower_end(g);
    return code;
}

void lower_end(Graph *g) {
    if (g->compiler) sljit_free_compiler(g->compiler);
    if (g->code) jit_code_free(g->code);
    g->compiler = g->code = NULL;
}
