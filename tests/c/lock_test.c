/* lock_test.c - the order of locks, and what must be done under one: a mistake ends the process,
 * in builds with asserts. Each is made in a child.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "guard.h"
#include "lock.h"

static Lock pools = LOCK_INITIAL(LOCK_POOLS), pool, other, completions, grants;

static void open_all(void) {
    if (!lock_open(&pool, LOCK_POOL) || !lock_open(&other, LOCK_POOL) ||
        !lock_open(&completions, LOCK_COMPLETIONS) || !lock_open(&grants, LOCK_GRANTS))
        abort();
}

static void in_order(void) {
    for (int i = 0; i < 2; i++) {
        lock_take(&pools);
        lock_take(&pool);
        lock_take(&grants);
        lock_assert(&pools);
        lock_assert(&pool);
        lock_release(&pools);
        lock_release(&grants);
        lock_take(&completions);
        lock_assert(&completions);
        lock_release(&pool);
        lock_release(&completions);
    }
}

static void out_of_order(void) {
    lock_take(&completions);
    lock_take(&pool);
}

static void two_of_a_rank(void) {
    lock_take(&pool);
    lock_take(&other);
}

static void the_same_twice(void) {
    lock_take(&pool);
    lock_take(&pool);
}

static int take_one(void *unused) {
    (void)unused;
    lock_take(&grants);
    return 0;
}

static void inside_a_task(void) {
    Guard guard = {0};
    guard_run(&guard, take_one, NULL);
}

static void asserted_without(void) { lock_assert(&pool); }

static void asserted_another(void) {
    lock_take(&other);
    lock_assert(&pool);
}

static void released_without(void) { lock_release(&pool); }

static void *assert_pool(void *unused) {
    lock_assert(&pool);
    return unused;
}

static void asserted_by_another_thread(void) {
    pthread_t thread;
    lock_take(&pool);
    if (pthread_create(&thread, NULL, assert_pool, NULL) == 0) pthread_join(thread, NULL);
}

static void waited_without(void) {
    OsCondition condition;
    if (os_condition_open(&condition)) lock_wait_until(&pool, &condition, 0);
}

/* Whether a child that does it ends by an assert. */
static bool is_caught(void (*body)(void)) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        fclose(stderr); /* where the assert would say so */
        fclose(stdout);
        signal(SIGABRT, SIG_DFL);
        open_all();
        body();
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) return false;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

TEST("locks are taken in their order, and given back in any") {
    open_all();
    in_order();
    CHECK(!is_caught(in_order));
}

TEST("a lock that is taken out of its order is caught") {
    CHECK(is_caught(out_of_order));
    CHECK(is_caught(two_of_a_rank));
    CHECK(is_caught(the_same_twice));
}

TEST("a lock that is taken inside a task is caught") {
    CHECK(is_caught(inside_a_task));
}

TEST("what is done without its lock is caught") {
    CHECK(is_caught(asserted_without));
    CHECK(is_caught(asserted_another));
    CHECK(is_caught(asserted_by_another_thread));
    CHECK(is_caught(released_without));
    CHECK(is_caught(waited_without));
}
