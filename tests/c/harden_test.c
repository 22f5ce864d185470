/* harden_test.c - what a hardened thread may still do, and what it may not. */
#include "harden.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

static void *nothing(void *argument) { return argument; }

static bool refused(long result) { return result == -1 && errno == EPERM; }

static void *try_all(void *argument) {
    const int *ends = argument;
    if (!harden_thread(ends[1])) {
        printf("# this platform or build has no such means\n");
        return argument;
    }
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
