/* os_test.c - what the layer below everything promises, and what it says when the system refuses.
 */
#include "os.h"

#define FAULT_NO_MACROS
#include "fault.h"

#include <math.h>

#include "check.h"

/* --- failures ----------------------------------------------------------------------------- */

static const char *reason(void) {
    static char text[200];
    os_describe(os_failure(), text, sizeof text);
    return text;
}

static void *fail_elsewhere(void *unused) {
    fault_arm(FAULT_mmap, 1, 0);
    CHECK(!os_map(1, OS_READ_WRITE) && os_failure().error == ENOMEM);
    return unused;
}

TEST("a failure names its call and its reason, on its own thread, until it is forgotten") {
    pthread_t other;
    os_forget();
    CHECK(!os_failure().call && !strcmp(reason(), ""));
    REQUIRE(!pthread_create(&other, NULL, fail_elsewhere, NULL) && !pthread_join(other, NULL));
    CHECK(!os_failure().call, "%s", reason());

    fault_arm(FAULT_mmap, 1, 0);
    CHECK(!os_map(1, OS_READ_WRITE) && !strcmp(reason(), "mmap: Cannot allocate memory"), "%s",
          reason());
    void *page = os_map(1, OS_READ_WRITE);
    CHECK(page && !strcmp(os_failure().call, "mmap"), "what works afterwards says nothing");
    os_unmap(page, 1);
    os_note((OsFailure){0});
    CHECK(os_failure().call, "nor does a thread that has nothing to tell");
    os_note((OsFailure){"other", EAGAIN});
    CHECK(!strcmp(reason(), "other: Resource temporarily unavailable"), "%s", reason());
    OsFailure before = os_failure();
    os_note((OsFailure){"ignored", ENOMEM});
    os_get_over(before);
    CHECK(!strcmp(reason(), "other: Resource temporarily unavailable"), "%s", reason());
    char cut[4];
    CHECK(os_describe(os_failure(), cut, sizeof cut) > 4 && !strcmp(cut, "oth"));
    os_forget();
    CHECK(!os_failure().call);
}

/* --- memory ------------------------------------------------------------------------------- */

static void fill(uint8_t *at, size_t size) {
    for (size_t i = 0; i < size; i++) at[i] = (uint8_t)(i % 251 + 1);
}

static bool is_filled(const uint8_t *at, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (at[i] != i % 251 + 1) return false;
    return true;
}

/* Pages that read as zeros now: they were moved, not copied. */
static size_t moved_pages(const uint8_t *from, size_t size) {
    size_t count = 0;
    for (size_t i = 0; i < size; i += os_page()) count += from[i] == 0;
    return count;
}

static bool can_move(void) {
    uint8_t *from = os_map(1, OS_READ_WRITE), *to = os_map(1, OS_READ_WRITE);
    *from = 1;
    os_move(to, from, os_page());
    bool moved = *from == 0 && *to == 1;
    os_unmap(from, 1), os_unmap(to, 1);
    return moved;
}

enum { PAGES = 100 };

/* Moves pages of which the first `before` are a mapping of their own, and has the nth move refused.
 */
static void move_over_border(size_t before, int refused_at) {
    size_t page = os_page(), size = PAGES * page;
    uint8_t *from = os_map(size, OS_READ_WRITE), *to = os_map(size, OS_READ_WRITE);
    REQUIRE(from && to);
    os_keep_pages_small(from, before * page);
    os_pretend_border(from + before * page); /* newer systems do not mind */
    fill(from, size);
    fault_arm(FAULT_mremap, refused_at, 0);
    os_move(to, from, size);
    os_pretend_border(NULL);
    CHECK(is_filled(to, size), "refused at %d", refused_at);
    size_t moved = moved_pages(from, size);
    CHECK((moved == PAGES) == !fault_struck(), "%zu pages moved", moved);
    fill(from, size); /* what is left can be used again */
    CHECK(is_filled(from, size) && is_filled(to, size));
    os_unmap(from, size), os_unmap(to, size);
}

TEST("pages move apart, mapping by mapping, and those that can't are copied") {
    if (!can_move()) SKIP("a system that moves pages");
    for (size_t before = 0; before <= PAGES; before++) {
        bool struck = true;
        move_over_border(before, 0);
        for (int n = 1; struck; n++) {
            move_over_border(before, n);
            struck = fault_struck();
        }
    }
}

TEST("a move that fails in the middle loses no page") {
    fault_arm(FAULT_mremap, 0, 0);
    if (!can_move()) SKIP("a system that moves pages");
    size_t page = os_page(), size = PAGES * page;
    for (size_t before = 1; before < PAGES; before++) {
        uint8_t *from = os_map(size, OS_READ_WRITE), *to = os_map(size, OS_READ_WRITE);
        REQUIRE(from && to);
        fill(from, size);
        memset(from + (PAGES - 1) * page, 0, page);
        os_pretend_tear(from + before * page);
        os_move(to, from, size);
        os_pretend_tear(NULL);
        CHECK(moved_pages(from, size - page) == (before < PAGES - 1 ? before : PAGES - 1));
        CHECK(is_filled(to, size - page) && to[size - page] == 0 && to[size - 1] == 0);
        os_unmap(from, size), os_unmap(to, size);
    }
}

TEST("what is discarded reads as zeros; what is refused stays as it was") {
    size_t page = os_page(), size = 8 * page;
    uint8_t *memory = os_map(size, OS_READ_WRITE);
    REQUIRE(memory);
    fill(memory, size);
    fault_arm(FAULT_madvise, 1, 0);
    if (!os_discard(memory, size)) CHECK(is_filled(memory, size));
    CHECK(os_discard(memory + page, size - 2 * page));
    CHECK(moved_pages(memory, size) == 6 && memory[0] && memory[size - 1]);
    os_unmap(memory, size);
}

/* --- threads ------------------------------------------------------------------------------ */

typedef struct Child {
    OsLock lock;
    OsCondition ended;
    bool done, blocked;
    size_t stack;
} Child;

/* Uses `left` bytes of the stack. */
__attribute__((noinline)) static unsigned use_stack(size_t left) {
    volatile char block[1024];
    block[0] = (char)left;
    return (left > sizeof block ? use_stack(left - sizeof block) : 0) + (unsigned)block[0];
}

static void *run(void *argument) {
    Child *child = argument;
    sigset_t mask;
    os_name_thread("os_test");
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    child->blocked = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGUSR1) == 1;
    use_stack(child->stack / 2);
    os_lock(&child->lock);
    child->done = true;
    os_wake_one(&child->ended);
    os_unlock(&child->lock);
    return NULL;
}

TEST("a thread starts with a stack of any size, and no signal comes to it") {
    static const size_t stacks[] = {128 << 10, 100000 + (64 << 10), (4 << 20) + 1};
    for (size_t i = 0; i < sizeof stacks / sizeof *stacks; i++) {
        Child child = {.stack = stacks[i]};
        sigset_t before, after;
        pthread_sigmask(SIG_SETMASK, NULL, &before);
        REQUIRE(os_lock_open(&child.lock) && os_condition_open(&child.ended));
        REQUIRE(os_start_thread(stacks[i], run, &child), "%zu bytes: %s", stacks[i], reason());
        os_lock(&child.lock);
        while (!child.done) os_wait_until(&child.ended, &child.lock, INFINITY);
        os_unlock(&child.lock);
        pthread_sigmask(SIG_SETMASK, NULL, &after);
        CHECK(child.blocked);
        CHECK(sigismember(&before, SIGTERM) == sigismember(&after, SIGTERM));
        os_condition_close(&child.ended);
        os_lock_close(&child.lock);
    }
}

TEST("a thread that can't be started says why") {
    fault_arm(FAULT_pthread_create, 1, 0);
    CHECK(!os_start_thread(1 << 20, run, NULL));
    CHECK(!strcmp(reason(), "pthread_create: Resource temporarily unavailable"), "%s", reason());
}

TEST("a wait ends at its time; one for a time that never comes, when it is woken") {
    OsLock lock;
    OsCondition condition;
    REQUIRE(os_has_clock() && os_lock_open(&lock) && os_condition_open(&condition));
    os_lock(&lock);
    double start = os_now();
    for (double at = start + 20; os_now() < at;) os_wait_until(&condition, &lock, at);
    CHECK(os_now() - start >= 20);
    os_wait_until(&condition, &lock, start); /* over already */
    os_unlock(&lock);
    os_condition_close(&condition);
    os_lock_close(&lock);
    fault_arm(FAULT_clock_gettime, 1, 0);
    CHECK(!os_has_clock());
    CHECK(fabs(os_wall_clock() - (double)time(NULL) * 1e3) < 60e3);
}

TEST("the CPU time of a thread goes on as it works, or can't be known") {
    double before = os_cpu_time(pthread_self());
    if (before < 0) return; /* not here */
    while (os_cpu_time(pthread_self()) < before + 2) os_relax();
    for (int i = 0; i < 2; i++) {
        fault_arm(i ? FAULT_clock_gettime : FAULT_pthread_getcpuclockid, 1, 0);
        CHECK(os_cpu_time(pthread_self()) < 0);
    }
}

TEST("a wait for a cell ends when it holds something else, or after its time") {
    uint32_t cell = 5;
    CHECK(!os_wait_cell(&cell, 5, 1));
    CHECK(!os_wait_cell(&cell, 6, 900), "at once");
    CHECK(os_wake_cell(&cell, UINT32_MAX) == 0, "nobody is there");
}

/* --- sockets ------------------------------------------------------------------------------ */

static void check_pair(void) {
    int ends[2];
    char byte;
    REQUIRE(os_socket_pair(ends), "%s", reason());
    for (int i = 0; i < 2; i++) {
        CHECK(fcntl(ends[i], F_GETFD) & FD_CLOEXEC, "no child inherits it");
        CHECK(fcntl(ends[i], F_GETFL) & O_NONBLOCK);
    }
    CHECK(read(ends[0], &byte, 1) == -1 && errno == EAGAIN, "it never blocks");
    for (int i = 0; i < 1 << 20; i++) os_send_byte(ends[1]); /* also when it is full */
    CHECK(read(ends[0], &byte, 1) == 1);
    os_close(ends[0]);
    os_send_byte(ends[1]); /* and nobody is there: no signal comes */
    os_close(ends[1]);
}

TEST("a pair of sockets is inherited by no child, never blocks, and is made at once or step by "
     "step") {
    check_pair();
    os_pretend_plain_sockets(true);
    check_pair();
    for (int n = 1; n <= 6; n++) {
        int ends[2];
        fault_arm(FAULT_fcntl, n, 0);
        CHECK(!os_socket_pair(ends) && !strcmp(reason(), "fcntl: Invalid argument"), "%s",
              reason());
    }
    os_pretend_plain_sockets(false);
    fault_arm(FAULT_fcntl, 0, 0);
}
