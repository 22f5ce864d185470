/* slots_test.c - tables of handles: none comes back, none that was made up is taken. */
#include "slots.h"

#include <math.h>

#include "check.h"
#include "deferred.h"

enum { KEPT = 300, ROUNDS = 200000 };

static uint32_t next_random(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Adds and removes at random, and looks each time whether one that ended is still known. */
static void churn(uint64_t first_use, int rounds) {
    static Handle ended[ROUNDS];
    Handle alive[KEPT] = {0};
    int values[KEPT];
    uint32_t random = 1, count = 0;
    Slots table = {0};
    slots_first_use = first_use;
    for (int round = 0; round < rounds; round++) {
        uint32_t i = next_random(&random) % (round % 1000 < 500 ? KEPT : 3);
        if (alive[i]) {
            CHECK(slots_remove(&table, alive[i]) == &values[i]);
            ended[count++] = alive[i];
            alive[i] = 0;
        } else {
            alive[i] = slots_add(&table, &values[i]);
            REQUIRE(alive[i] && (double)alive[i] < 0x1p53);
            CHECK(slots_handle((double)alive[i]) == alive[i]);
        }
        if (count == 0) continue;
        Handle stale = ended[next_random(&random) % count];
        CHECK(!slots_get(&table, stale) && !slots_remove(&table, stale));
        for (int k = 0; round % 997 == 0 && k < KEPT; k++)
            CHECK(!alive[k] || slots_get(&table, alive[k]) == &values[k]);
    }
    for (uint32_t i = 0; i < count; i++) CHECK(!slots_get(&table, ended[i]));
    slots_close(&table);
    slots_first_use = 0;
}

TEST("a handle names its value until it is removed, and nothing after it") {
    churn(0, ROUNDS);
}

TEST("no handle comes back when a slot was used as often as can be told") {
    churn(((uint64_t)1 << 33) - 5, 20000);
}

TEST("numbers that are no handles are refused") {
    int value;
    Slots table = {0};
    Handle handle = slots_add(&table, &value);
    REQUIRE(handle == 1);
    static const double forged[] = {0,        -1,     0.5,       1.5,          2,        65,
                                    0x1p20,   0x1p32, 0x1p53,    0x1p53 + 1e9, 0x1p63,   1e300,
                                    INFINITY, NAN,    -INFINITY, 1 + 0x1p20,   0x1p-1074};
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++)
        CHECK(!slots_get(&table, slots_handle(forged[i])), "%g", forged[i]);
    CHECK(slots_get(&table, slots_handle(1)) == &value);
    slots_close(&table);
}

TEST("a table that is full says so") {
    static int value;
    Slots table = {0};
    for (uint32_t i = 0; i < SLOTS_MAX; i++) REQUIRE(slots_add(&table, &value) != 0);
    CHECK(slots_reserve(&table) == DFD_E_FULL && slots_add(&table, &value) == 0);
    CHECK(slots_remove(&table, 7) == &value);
    CHECK(slots_reserve(&table) == 0 && slots_add(&table, &value) == ((1u << 20) | 7));
    slots_close(&table);
}
