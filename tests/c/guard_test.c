/* guard_test.c - when a task is left, and when not: by its own thread alone. (By signals and
 * faults: kill_test.c, crash_test.c.)
 */
#include "guard.h"

#include "check.h"
#include "deferred.h"

static Guard guard;

static int leave(void *status) {
    guard_leave(*(int *)status);
    return 0; /* never */
}

static int stay(void *status) { return *(int *)status; }

TEST("what was left is told apart from what ended with the same number") {
    int status = DFD_STATUS_TIMEOUT;
    CHECK(guard_run(&guard, leave, &status) == status && guard.left);
    CHECK(guard_run(&guard, stay, &status) == status && !guard.left);
    CHECK(!guard_is_open());
}

static int poll_in_sections(void *passed) {
    int *sections = passed;
    guard_critical_enter();
    guard_critical_enter();
    guard_poll();
    guard_critical_leave();
    guard_poll();
    *sections = 1;
    guard_critical_leave();
    guard_poll();
    *sections = 2;
    return DFD_STATUS_OK;
}

TEST("a stop is heeded at a poll, but in no critical section, however they nest") {
    int sections = 0;
    atomic_store(&guard.stop, DFD_STATUS_CANCELLED);
    CHECK(guard_run(&guard, poll_in_sections, &sections) == DFD_STATUS_CANCELLED && guard.left);
    CHECK(sections == 1, "left after %d", sections);
    guard_poll(); /* outside: nothing happens */
    atomic_store(&guard.stop, 0);
    CHECK(guard_run(&guard, poll_in_sections, &sections) == DFD_STATUS_OK && !guard.left);
    CHECK(sections == 2);
}

__attribute__((noinline)) static size_t left_below(size_t used) {
    volatile char frame[used];
    frame[0] = frame[used - 1] = 1;
    return guard_stack_left() + (size_t)frame[0] - 1;
}

TEST("what is left of a stack is told, and shrinks as it is used") {
    size_t left = guard_stack_left();
    if (!left) SKIP("a system that tells how large a stack is");
    size_t below = left_below(100000);
    CHECK(left > below && left - below >= 100000 && left - below < 200000, "%zu, %zu", left, below);
}
