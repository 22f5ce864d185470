/* presets_test.c - values by number and by object. Only addresses matter: there are no objects. */
#include "presets.h"

#include "check.h"
#define FAULT_NO_MACROS
#include "fault.h"

static JSValue object_at(uintptr_t address) { return JS_MKPTR(JS_TAG_OBJECT, (void *)address); }

static void add(Presets *presets, JSValue value) { presets->values[presets->count++] = value; }

TEST(
    "a preset is found by its object once it is indexed, the first of two, and no other value is") {
    enum { COUNT = 1000 };
    Presets presets = {0};
    CHECK(presets_find(&presets, object_at(64)) == PRESETS_NONE);
    REQUIRE(presets_reserve(&presets, COUNT + 2) && presets.capacity >= COUNT + 2);
    for (uint32_t i = 0; i < COUNT; i++)
        add(&presets, i % 10 ? object_at(64 * (i + 1)) : JS_UNDEFINED);
    add(&presets, object_at(64 * 2));
    CHECK(presets_find(&presets, object_at(64 * 2)) == PRESETS_NONE, "before it is in the image");
    presets_index(&presets);
    for (uint32_t i = 0; i < COUNT; i++)
        CHECK(presets_find(&presets, object_at(64 * (i + 1))) == (i % 10 ? i : PRESETS_NONE));
    CHECK(presets_find(&presets, object_at(64 * (COUNT + 1))) == PRESETS_NONE);

    add(&presets, object_at(8));
    presets_cut(&presets);
    CHECK(presets.count == COUNT + 1 && presets.indexed == COUNT + 1);
    presets_index(&presets);
    CHECK(presets_find(&presets, object_at(8)) == PRESETS_NONE, "what was added was forgotten");
    presets_free(&presets);
    CHECK(!presets.values && !presets.slots && !presets.count);
}

TEST("presets for which there is no room are refused, and those that there are stay") {
    static const FaultKind kinds[] = {FAULT_calloc, FAULT_realloc};
    Presets presets = {0};
    REQUIRE(presets_reserve(&presets, 1));
    add(&presets, object_at(64));
    presets_index(&presets);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        fault_arm(kinds[i], 1, 0);
        CHECK(!presets_reserve(&presets, 1000) && fault_struck());
        CHECK(presets.count == 1 && presets_find(&presets, object_at(64)) == 0);
    }
    CHECK(!presets_reserve(&presets, UINT32_MAX));
    CHECK(presets_reserve(&presets, 1000) && presets_find(&presets, object_at(64)) == 0);
    presets_free(&presets);
}
