/* improve.c - what is known already is not computed again.
 *
 * In one walk over the blocks, dominators first: a node like one that dominates it is that one, and
 * what does not depend on a loop moves before it. Guards, too: then they resume the interpreter before
 * the loop. That is sound as compiled code runs nothing that could change a class, a length or where
 * elements are. (A guard that fails before its loop may be one that the loop never came to: after
 * that, guards of this function stay where they are.)
 */
#include "ir.h"
#include "jit.h"

/* --- phis ----------------------------------------------------------------------------------- */

static void drop_trivial_phis(Graph *g) {
    for (bool changed = true; changed;) {
        changed = false;
        graph_step(g, (uint64_t)g->node_count);
        for (int32_t n = 0; n < g->node_count; n++) {
            Node *node = &g->nodes[n];
            if (node->operation != N_PHI || node->forward >= 0) continue;
            graph_step(g, g->blocks[node->block].from_count);
            int32_t only = -1;
            bool trivial = true;
            for (uint32_t k = 0; k < g->blocks[node->block].from_count && trivial; k++) {
                int32_t input = graph_find(g, node->inputs[k]);
                if (input == n || input == only) continue;
                trivial = only < 0;
                only = input;
            }
            if (!trivial || only < 0) continue;
            node->forward = only;
            changed = true;
        }
        for (int32_t n = g->node_count; n-- > 0;) /* so that no way to what stands for it is long */
            g->nodes[n].forward = graph_find(g, g->nodes[n].forward);
    }
}

/* --- loops ---------------------------------------------------------------------------------- */

/* The block before a loop: the only one that comes into it; or -1. */
static int32_t before_loop(Graph *g, int32_t header) {
    int32_t before = -1;
    graph_step(g, g->blocks[header].from_count);
    for (uint32_t k = 0; k < g->blocks[header].from_count; k++) {
        int32_t from = g->blocks[header].from[k];
        if (graph_dominates(g, header, from)) continue;
        if (before >= 0) return -1;
        before = from;
    }
    if (before < 0 || g->blocks[before].end != END_JUMP || g->blocks[before].state < 0) return -1;
    return before;
}

static bool in_loop(Graph *g, int32_t block, int32_t header) {
    for (int32_t loop = g->blocks[block].loop; loop >= 0;) {
        if (loop == header) return true;
        int32_t before = before_loop(g, loop);
        if (before < 0) return true; /* nobody knows */
        loop = g->blocks[before].loop;
    }
    return false;
}

/* Whether a node depends on nothing but its operands. */
static bool is_pure(const Graph *g, const Node *node) {
    switch (node->operation) {
    case N_PHI:
    case N_LOAD:
    case N_STORE:
    case N_PUT_VALUE:
    case N_PUT_ELEMENT:
    case N_APPEND:
    case N_GET_ELEMENT: /* memory may be shared with other threads */
    case N_PUSH:
    case N_CALL:
    case N_RESULT:
    case N_CHECK_BUILTINS:
    case N_CHECK_KEPT:
    case N_LET_GO:
        return false;
    case N_COUNT:
    case N_ELEMENTS:
    case N_LENGTH:
        return !g->appends && !g->runs_code;
    case N_GET_VALUE:
        return !g->stores_values && !g->runs_code;
    case N_CHECK_PLAIN:
    case N_CHECK_MUTABLE:
        return !g->runs_code;
    default:
        return true;
    }
}

static bool may_move(const Graph *g, const Node *node) {
    return is_pure(g, node) && node->operation != N_CALL1 && node->operation != N_CALL2 &&
           (node->state < 0 || g->hoist);
}

static bool depends_on(Graph *g, const Node *node, int32_t header) {
    const int32_t operands[] = {node->a, node->b, node->c};
    for (int i = 0; i < 3; i++)
        if (operands[i] >= 0 && in_loop(g, g->nodes[operands[i]].block, header)) return true;
    return false;
}

/* The outermost block that a node may stand in. */
static int32_t best_block(Graph *g, const Node *node) {
    int32_t block = node->block;
    if (!may_move(g, node)) return block;
    for (;;) {
        int32_t header = g->blocks[block].loop;
        int32_t before = header >= 0 ? before_loop(g, header) : -1;
        if (before < 0 || depends_on(g, node, header)) return block;
        block = before;
    }
}

/* --- the walk ------------------------------------------------------------------------------- */

static void append(Graph *g, int32_t block, int32_t n) {
    Block *in = &g->blocks[block];
    g->nodes[n].block = block;
    g->nodes[n].next = -1;
    if (in->last < 0)
        in->first = n;
    else
        g->nodes[in->last].next = n;
    in->last = n;
}

static uint32_t hash_of(const Node *node) {
    uint64_t h = node->operation;
    h = h * 31 + (uint64_t)(node->a + 1);
    h = h * 1000003 + (uint64_t)(node->b + 1);
    h = h * 31 + (uint64_t)node->value;
    return (uint32_t)(h ^ h >> 29);
}

static bool alike(const Node *x, const Node *y) {
    bool wraps = x->operation == N_ADD_WRAP || x->operation == N_SUB_WRAP ||
                 x->operation == N_ADD_WIDE || x->operation == N_SUB_WIDE;
    return x->operation == y->operation && x->type == y->type && x->condition == y->condition &&
           x->a == y->a && x->b == y->b && x->c == y->c && x->value == y->value &&
           (wraps || x->slot == y->slot);
}

static void walk(Graph *g) {
    enum { BUCKETS = 1024 };
    int32_t *buckets = graph_alloc(g, sizeof *buckets * BUCKETS);
    int32_t *chain = graph_alloc(g, sizeof *chain * (size_t)(g->node_count + 1));
    for (int i = 0; i < BUCKETS; i++) buckets[i] = -1;
    for (int32_t i = 0; i < g->order_count; i++) {
        int32_t number = g->order[i], n = g->blocks[number].first;
        g->blocks[number].first = g->blocks[number].last = -1;
        for (int32_t next; n >= 0; n = next) {
            Node *node = &g->nodes[n];
            next = node->next;
            if (node->forward >= 0) continue;
            node->a = graph_find(g, node->a);
            node->b = graph_find(g, node->b);
            node->c = graph_find(g, node->c);
            if (is_pure(g, node)) {
                uint32_t bucket = hash_of(node) % BUCKETS;
                int32_t same = buckets[bucket];
                for (; same >= 0; same = chain[same]) {
                    graph_step(g, 1);
                    if (alike(&g->nodes[same], node) &&
                        graph_dominates(g, g->nodes[same].block, number))
                        break;
                }
                if (same >= 0) {
                    node->forward = same;
                    continue;
                }
                chain[n] = buckets[bucket];
                buckets[bucket] = n;
            }
            int32_t best = best_block(g, node);
            if (best != number && node->state >= 0) {
                node->state = g->blocks[best].state;
                node->hoisted = true;
            }
            append(g, best, n);
        }
    }
}

/* --- sums that can't overflow --------------------------------------------------------------- */

/* Whether `x < something` or the like holds where the block is, as the only way there is by a branch
 * that tells. `less`: x is less than an int; else greater. */
static bool is_bounded(Graph *g, int32_t block, int32_t x, bool less) {
    for (; g->blocks[block].dominator != block; block = g->blocks[block].dominator) {
        graph_step(g, 1);
        if (g->blocks[block].from_count != 1) continue;
        const Block *from = &g->blocks[g->blocks[block].from[0]];
        if (from->end != END_BRANCH || from->to[0] == from->to[1]) continue;
        const Node *test = &g->nodes[graph_find(g, from->test)];
        if (test->operation != N_COMPARE || test->slot != T_INT) continue;
        bool holds = from->to[0] == block;
        int32_t left = graph_find(g, test->a), right = graph_find(g, test->b);
        Condition condition = (Condition)test->condition;
        if (!holds) { /* its opposite does */
            static const Condition opposite[] = {C_NOT_EQUAL,     C_EQUAL,   C_GREATER_EQUAL,
                                                 C_GREATER,       C_LESS_EQUAL, C_LESS};
            condition = opposite[condition];
        }
        if (less ? (condition == C_LESS && left == x) || (condition == C_GREATER && right == x)
                 : (condition == C_GREATER && left == x) || (condition == C_LESS && right == x))
            return true;
        /* x >= 0, and the like: one less is still an int. */
        int32_t other = left == x ? right : left;
        const Node *bound = &g->nodes[other];
        if (bound->operation != N_CONST || (left != x && right != x)) continue;
        bool at_least = left == x ? condition == C_GREATER_EQUAL : condition == C_LESS_EQUAL;
        bool at_most = left == x ? condition == C_LESS_EQUAL : condition == C_GREATER_EQUAL;
        if (less ? at_most && bound->value < INT32_MAX : at_least && bound->value > INT32_MIN)
            return true;
    }
    return false;
}

static void drop_overflow_checks(Graph *g) {
    for (int32_t i = 0; i < g->order_count; i++) {
        int32_t number = g->order[i];
        for (int32_t n = g->blocks[number].first; n >= 0; n = g->nodes[n].next) {
            Node *node = &g->nodes[n];
            bool add = node->operation == N_ADD;
            if (!add && node->operation != N_SUB) continue;
            const Node *by = &g->nodes[node->b];
            if (by->operation != N_CONST || by->value != 1) continue;
            if (!is_bounded(g, number, node->a, add)) continue;
            node->operation = add ? N_ADD_WRAP : N_SUB_WRAP; /* which never does */
            node->state = -1;
        }
    }
}

/* --- what nobody needs ---------------------------------------------------------------------- */

static void need(const Graph *g, bool *needed, int32_t *queue, int32_t *count, int32_t n) {
    n = graph_find(g, n);
    if (n < 0 || needed[n]) return;
    needed[n] = true;
    queue[(*count)++] = n;
}

static void need_state(const Graph *g, bool *needed, int32_t *queue, int32_t *count, int32_t state) {
    if (state < 0) return;
    for (uint32_t i = 0; i < g->states[state].count; i++) {
        Val v = g->states[state].values[i].val;
        if (type_is_held((Type)v.type)) need(g, needed, queue, count, v.node);
    }
}

/* Which values some instruction works on, whether its result is needed or not. */
static bool *used_values(Graph *g) {
    bool *used = graph_alloc(g, (size_t)g->node_count + 1);
    int32_t *queue = graph_alloc(g, sizeof *queue * (size_t)(g->node_count + 1)), count = 0;
    for (int32_t i = 0; i < g->order_count; i++) {
        for (int32_t n = g->blocks[g->order[i]].first; n >= 0; n = g->nodes[n].next) {
            const Node *node = &g->nodes[n];
            if (node->operation == N_PHI) continue;
            need(g, used, queue, &count, node->a);
            need(g, used, queue, &count, node->b);
            need(g, used, queue, &count, node->c);
        }
    }
    while (count > 0) {
        const Node *node = &g->nodes[queue[--count]];
        for (uint32_t k = 0; node->operation == N_PHI && k < g->blocks[node->block].from_count; k++)
            need(g, used, queue, &count, node->inputs[k]);
    }
    return used;
}

/* Whether a node has to be, though nobody needs its value: it writes, or where its guard fails, the
 * interpreter would call something, or throw. `A[1]` may be a getter's, and `x * 2` call x.valueOf.
 * What is left are guards of numbers, that only tell whether a result fits its type. */
static bool has_effect(const Graph *g, const bool *used, int32_t n) {
    const Node *node = &g->nodes[n];
    switch (node->operation) {
    case N_STORE:
    case N_PUT_VALUE:
    case N_PUT_ELEMENT:
    case N_APPEND:
    case N_PUSH:
    case N_CALL:
    case N_RESULT:
    case N_CHECK_BUILTINS:
    case N_CHECK_FUNCTION:
    case N_CHECK_KEPT:
    case N_LET_GO:
        return true;
    case N_LOAD: /* of a variable in its dead zone, too */
    case N_CHECK_CLASS:
    case N_CHECK_MUTABLE:
    case N_CHECK_PLAIN:
    case N_CHECK_INDEX:
        return node->state >= 0;
    case N_GET_VALUE: /* elements are read without a call; what is done with them may be one */
        return node->state >= 0 && used[n];
    default:
        return false;
    }
}

static void drop_unneeded(Graph *g) {
    const bool *used = used_values(g);
    bool *needed = graph_alloc(g, (size_t)g->node_count + 1);
    int32_t *queue = graph_alloc(g, sizeof *queue * (size_t)(g->node_count + 1)), count = 0;
    for (int32_t i = 0; i < g->order_count; i++) {
        const Block *block = &g->blocks[g->order[i]];
        if (block->end == END_BRANCH || block->end == END_RETURN)
            need(g, needed, queue, &count, block->test);
        if (block->end == END_EXIT) need_state(g, needed, queue, &count, block->state);
        for (int32_t n = block->first; n >= 0; n = g->nodes[n].next)
            if (has_effect(g, used, n)) need(g, needed, queue, &count, n);
    }
    while (count > 0) {
        const Node *node = &g->nodes[queue[--count]];
        if (node->operation == N_PHI) {
            for (uint32_t k = 0; k < g->blocks[node->block].from_count; k++)
                need(g, needed, queue, &count, node->inputs[k]);
            continue;
        }
        need(g, needed, queue, &count, node->a);
        need(g, needed, queue, &count, node->b);
        need(g, needed, queue, &count, node->c);
        need_state(g, needed, queue, &count, node->state);
    }
    for (int32_t i = 0; i < g->order_count; i++) {
        int32_t number = g->order[i], n = g->blocks[number].first;
        g->blocks[number].first = g->blocks[number].last = -1;
        for (int32_t next; n >= 0; n = next) {
            next = g->nodes[n].next;
            if (needed[n]) append(g, number, n);
        }
    }
}

/* Names each node by the one that stands for it. */
static void settle(Graph *g) {
    for (int32_t n = 0; n < g->node_count; n++) {
        Node *node = &g->nodes[n];
        if (node->operation == N_PHI) {
            for (uint32_t k = 0; k < g->blocks[node->block].from_count; k++)
                node->inputs[k] = graph_find(g, node->inputs[k]);
            continue;
        }
        node->a = graph_find(g, node->a);
        node->b = graph_find(g, node->b);
        node->c = graph_find(g, node->c);
    }
    for (int32_t s = 0; s < g->state_count; s++) {
        for (uint32_t i = 0; i < g->states[s].count; i++) {
            Val *v = &g->states[s].values[i].val;
            if (type_is_held((Type)v->type)) v->node = graph_find(g, v->node);
        }
    }
    for (int32_t i = 0; i < g->block_count; i++)
        g->blocks[i].test = graph_find(g, g->blocks[i].test);
}

void improve(Graph *g) {
    drop_trivial_phis(g);
    walk(g);
    drop_trivial_phis(g);
    settle(g);
    drop_overflow_checks(g);
    drop_unneeded(g);
}
