/* check.h - the harness of our C tests. Header only; each test program is one file:
 *
 *     #include "check.h"
 *
 *     TEST("a freed block is handed out again") {
 *         void *block = ...;
 *         REQUIRE(block != NULL);
 *         CHECK(size == 24, "the size is %zu", size);
 *     }
 *
 * A TEST registers itself, and main comes from here; tests run in the order of the file. CHECK
 * notes a failure and goes on (any thread may use it), REQUIRE leaves the test as well (only the
 * test's own thread, outside of any other longjmp scope that owns something). The message, a
 * printf format, may be left out. SKIP leaves a test that needs what this machine does not have,
 * and says what, as a string.
 *
 * Prints `ok name`, `not ok name` or `skipped name: what is missing` for each test and
 * `N passed, N failed, N skipped` at the end. The exit code is 1 when a test failed or none ran. A
 * command-line argument runs only the tests whose name contains it. What pools run is compiled, and
 * with DEFERRED_JIT=eager in the environment all that realms run, at once; but in a file that
 * defines CHECK_INTERPRETED first, or CHECK_COMPILES as it sees to that itself, and says why; and
 * under ThreadSanitizer.
 */
#ifndef CHECK_H
#define CHECK_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jit/jit.h"

#define CHECK_PRINTED_AT_MOST 10 /* failures of one test that are told; the rest only counts */

typedef struct CheckTest {
    const char *name;
    void (*run)(void);
    struct CheckTest *next;
} CheckTest;

static CheckTest *check_first;
static CheckTest **check_last = &check_first;
static const char *check_running;
static atomic_int check_failures; /* of the test that runs */
static const char *check_skipped; /* why the test that runs was skipped, if it was */
static jmp_buf check_leave;

__attribute__((format(printf, 4, 5), cold, unused)) static void
check_fail(const char *file, int line, const char *condition, const char *format, ...) {
    char message[1024];
    va_list args;
    if (atomic_fetch_add(&check_failures, 1) >= CHECK_PRINTED_AT_MOST) return;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    printf("# %s:%d: %s:%s\n", file, line, condition, message);
}

#define CHECK(condition, ...)                                                                      \
    ((condition) ? (void)0 : check_fail(__FILE__, __LINE__, #condition, " " __VA_ARGS__))

#define REQUIRE(condition, ...)                                                                    \
    do {                                                                                           \
        if (condition) break;                                                                      \
        check_fail(__FILE__, __LINE__, #condition, " " __VA_ARGS__);                               \
        longjmp(check_leave, 1);                                                                   \
    } while (0)

#define SKIP(why) (check_skipped = (why), longjmp(check_leave, 1))

#define CHECK_JOIN_(a, b) a##b
#define CHECK_JOIN(a, b) CHECK_JOIN_(a, b)
#define TEST(text) CHECK_TEST(text, CHECK_JOIN(check_test_, __LINE__))
#define CHECK_TEST(text, id)                                                                       \
    static void id(void);                                                                          \
    __attribute__((constructor)) static void CHECK_JOIN(id, _register)(void) {                     \
        static CheckTest test = {.name = text, .run = id};                                         \
        *check_last = &test;                                                                       \
        check_last = &test.next;                                                                   \
    }                                                                                              \
    static void id(void)

/* A failed assert ends the process: say in which test. */
static void check_aborted(int signal_number) {
    (void)signal_number;
    printf("not ok %s (aborted)\n", check_running ? check_running : "between tests");
    fflush(stdout);
}

/* Whether the test passed. A function of its own: longjmp spoils the locals of main. */
static int check_run(CheckTest *test) {
    atomic_store(&check_failures, 0);
    check_running = test->name;
    check_skipped = NULL;
    if (setjmp(check_leave) == 0) test->run();
    check_running = NULL;
    return atomic_load(&check_failures) == 0;
}

int main(int argc, char **argv) {
    const char *filter = argc > 1 ? argv[1] : "";
    int passed = 0, failed = 0, skipped = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGABRT, check_aborted);
#ifdef CHECK_INTERPRETED
    setenv("DEFERRED_JIT", "0", true);
#endif
#ifdef CHECK_COMPILES
    unsetenv("DEFERRED_JIT");
#else
    if (getenv("DEFERRED_JIT") && jit_by_default()) jit_open();
#endif
    for (CheckTest *test = check_first; test; test = test->next) {
        if (!strstr(test->name, filter)) continue;
        if (!check_run(test)) {
            failed++;
            printf("not ok %s (%d checks failed)\n", test->name, atomic_load(&check_failures));
        } else if (check_skipped) {
            skipped++;
            printf("skipped %s: %s\n", test->name, check_skipped);
        } else {
            passed++;
            printf("ok %s\n", test->name);
        }
    }
    printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
    return failed > 0 || passed + skipped == 0;
}

#endif
