/* harden_test.c - what a hardened thread may still do, and what it may not. */
#include "harden.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "deferred.h"
#include "guard.h"
#include "os.h"

#define PATIENCE 900 /* s for all that a child does */
#define NOBODY 65534

static void *nothing(void *argument) { return argument; }

static bool refused(long result) { return result == -1 && errno == EPERM; }

static void *try_all(void *argument) {
    const int *ends = argument;
    bool hardened = harden_thread(ends[1], (HardenCode){0});
    CHECK(hardened);
    if (!hardened) return argument;
    size_t page = 65536;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    CHECK(refused(open("/etc/passwd", O_RDONLY)));
    CHECK(refused(socket(AF_INET, SOCK_STREAM, 0)));
    CHECK(refused(fork()));
    CHECK(refused(execl("/bin/true", "true", (char *)NULL)));
    CHECK(refused(write(1, "", 0)));
    CHECK(refused(send(ends[0], "x", 1, 0)));
    CHECK(refused(unlink("/tmp/nothing-of-this-name")));
    CHECK(mmap(NULL, page, PROT_READ | PROT_EXEC, flags, -1, 0) == MAP_FAILED);
    CHECK(mmap(NULL, page, PROT_READ, MAP_PRIVATE, ends[0], 0) == MAP_FAILED);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, nothing, NULL) != 0);

    CHECK(send(ends[1], "x", 1, 0) == 1);
    void *fresh = mmap(NULL, page, PROT_READ | PROT_WRITE, flags, -1, 0);
    CHECK(fresh != MAP_FAILED);
    CHECK(refused(mprotect(fresh, page, PROT_READ | PROT_EXEC)));
    CHECK(mprotect(fresh, page, PROT_READ) == 0);
    CHECK(munmap(fresh, page) == 0);
    for (size_t size = 16; size < (size_t)64 << 20; size *= 4) {
        void *block = malloc(size);
        CHECK(block != NULL);
        free(block);
    }
    return argument;
}

TEST("a hardened thread may use memory and its socket, and nothing else") {
    int ends[2];
    pthread_t thread;
    if (!harden_is_possible()) SKIP("a system that has such filters, and no sanitizer");
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    REQUIRE(pthread_create(&thread, NULL, try_all, ends) == 0);
    REQUIRE(pthread_join(thread, NULL) == 0);
    /* The rest of the process is as before. */
    int file = open("/dev/null", O_RDONLY);
    CHECK(file >= 0);
    close(file);
    close(ends[0]);
    close(ends[1]);
}

/* --- machine code ---------------------------------------------------------------------------- */

#if defined(__x86_64__)
static const uint8_t asks_for_process[] = {0xb8, 0x27, 0, 0, 0, 0x0f, 0x05, 0xc3};
#else
static const uint32_t asks_for_process[] = {0xd2801588, 0xd4000001, 0xd65f03c0};
#endif

/* What the kernel answers to getpid from there. */
static long ask_from(void *place) {
    long (*ask)(void);
    memcpy(&ask, &place, sizeof ask);
    return ask();
}

static void *try_code(void *argument) {
    char *pages = argument;
    size_t page = os_page();
    CHECK(ask_from(pages + page) == getpid());
    bool hardened = harden_thread(-1, (HardenCode){pages + page, page});
    CHECK(hardened);
    if (!hardened) return argument;
    CHECK(ask_from(pages + page) == -EPERM, "%ld", ask_from(pages + page));
    CHECK(ask_from(pages + 2 * page - sizeof asks_for_process) == -EPERM);
    CHECK(ask_from(pages) == getpid() && ask_from(pages + 2 * page) == getpid());
    CHECK(ask_from(pages + page - sizeof asks_for_process) == getpid());
    return argument;
}

TEST("what comes from machine code is refused, whatever it is") {
    if (!harden_is_possible()) SKIP("a system that has such filters, and no sanitizer");
    size_t page = os_page();
    char *pages = os_map(3 * page, OS_READ_WRITE);
    REQUIRE(pages);
    for (size_t i = 0; i < 3; i++) {
        memcpy(pages + i * page, asks_for_process, sizeof asks_for_process);
        memcpy(pages + (i + 1) * page - sizeof asks_for_process, asks_for_process,
               sizeof asks_for_process);
    }
    __builtin___clear_cache(pages, pages + 3 * page);
    pthread_t thread;
    if (!os_protect(pages, 3 * page, OS_READ_EXECUTE)) SKIP("executable memory");
    REQUIRE(pthread_create(&thread, NULL, try_code, pages) == 0);
    REQUIRE(pthread_join(thread, NULL) == 0);
    os_unmap(pages, 3 * page);
}

/* --- new owners ----------------------------------------------------------------------------- */

/* libc has each thread change its own, so these need other threads, in a child of their own. */

static Guard guard;
static GuardThread worker_thread;
static sem_t ready;

static int run_for_ever(void *opaque) {
    for (volatile unsigned turns = 0;; turns++) continue;
    return opaque != NULL;
}

/* As a worker: one task after the other, each of which is stopped. */
static void *work(void *opaque) {
    if (!guard_thread_begin(&worker_thread)) abort();
    harden_thread(-1, (HardenCode){0});
    sem_post(&ready);
    for (;;) guard_run(&guard, run_for_ever, NULL);
    return opaque;
}

static void *stop_for_ever(void *worker) {
    atomic_store(&guard.stop, DFD_STATUS_CANCELLED);
    for (;;) guard_signal(worker);
    return worker;
}

static void *sleep_hardened(void *never) {
    harden_thread(-1, (HardenCode){0});
    sem_post(&ready);
    while (sem_wait(never)) continue;
    return never;
}

static void start(void *(*run)(void *), void *argument, pthread_t *thread) {
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old); /* as the pool starts its threads */
    if (pthread_create(thread, NULL, run, argument)) abort();
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* How a child that runs `body` ends. */
static int in_child(void (*body)(void)) {
    int status = 0;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(PATIENCE);
        sem_init(&ready, 0, 0);
        body();
        fflush(stdout);
        _exit(atomic_load(&check_failures) > 0);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    return status;
}

/* Whether each thread of this process has the user and the group. */
static bool all_are(unsigned user, unsigned group) {
    char name[64], line[256];
    bool all = true;
    for (int thread = getpid(); thread < getpid() + 8; thread++) {
        unsigned is;
        snprintf(name, sizeof name, "/proc/self/task/%d/status", thread);
        FILE *file = fopen(name, "r");
        if (!file) continue; /* not one of ours */
        while (fgets(line, sizeof line, file)) {
            if (sscanf(line, "Uid: %u", &is) == 1) all = all && is == user;
            if (sscanf(line, "Gid: %u", &is) == 1) all = all && is == group;
        }
        fclose(file);
    }
    return all;
}

static void change_owners(void) {
    static sem_t never;
    pthread_t worker, sleeper;
    uid_t user = getuid();
    gid_t group = getgid();
    start(work, NULL, &worker);
    start(sleep_hardened, &never, &sleeper);
    while (sem_wait(&ready)) continue;
    while (sem_wait(&ready)) continue;
    CHECK(setgid(group) == 0 && setuid(user) == 0);
    CHECK(setegid(group) == 0 && seteuid(user) == 0);
    CHECK(setregid(group, group) == 0 && setreuid(user, user) == 0);
    CHECK(setresgid(group, group, group) == 0 && setresuid(user, user, user) == 0);
    if (user != 0) {
        CHECK(setgid(group + 1) == -1 && errno == EPERM);
        return;
    }
    CHECK(setgroups(1, (gid_t[]){NOBODY}) == 0 && initgroups("root", 0) == 0);
    CHECK(setegid(NOBODY) == 0 && seteuid(NOBODY) == 0);
    CHECK(seteuid(0) == 0 && setegid(0) == 0);
    CHECK(setgroups(0, NULL) == 0 && setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
    CHECK(all_are(NOBODY, NOBODY), "all threads are somebody else now");
    CHECK(setuid(0) == -1 && errno == EPERM, "and there is no way back");
}

TEST("a process may change its user and groups while hardened threads live") {
    int status = in_child(change_owners);
    CHECK(status == 0, "the child ended with %#x", (unsigned)status);
}

static void change_while_stopped(void) {
    pthread_t worker, stopper;
    start(work, NULL, &worker);
    while (sem_wait(&ready)) continue;
    start(stop_for_ever, &worker_thread, &stopper);
    for (int i = 0; i < 100; i++) CHECK(setgid(getgid()) == 0);
}

TEST("a process may change its group while tasks are stopped") {
    int status = in_child(change_while_stopped);
    CHECK(status == 0, "the child ended with %#x", (unsigned)status);
}
