/* pages.c - see pages.h */
#include "pages.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MAP_ANONYMOUS
#define MAP_ANONYMOUS MAP_ANON
#endif
#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0 /* a hint: a reservation should cost nothing */
#endif

static size_t system_page(void) {
    long size = sysconf(_SC_PAGESIZE);
    return size > 0 ? (size_t)size : 4096;
}

#ifdef DFD_TEST
static size_t pretended;
static unsigned fail_at;

void pages_fail_at(unsigned n) { fail_at = n; }

static bool is_refused(void) {
    if (!fail_at || --fail_at) return false;
    errno = ENOMEM;
    return true;
}

void pages_pretend(size_t size) { pretended = size; }

size_t page_size(void) { return pretended ? pretended : system_page(); }

/* A system with such pages would round as mprotect does with its own. */
static bool fits(const void *start, size_t *size) {
    errno = EINVAL;
    *size = round_up(*size, page_size());
    return (uintptr_t)start % page_size() == 0;
}

/* Cuts a mapping that is one page too large down to pages as they are pretended. */
static void *align(char *mapping, size_t size) {
    size_t page = page_size(), before = -(uintptr_t)mapping & (page - 1);
    if (before) munmap(mapping, before);
    if (before < page) munmap(mapping + before + size, page - before);
    return mapping + before;
}
#else
size_t page_size(void) { return system_page(); }

static bool is_refused(void) { return false; }

static bool fits(const void *start, const size_t *size) {
    (void)start, (void)size;
    return true;
}
#endif

void *pages_map(size_t size, int protection) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | (protection == PROT_NONE ? MAP_NORESERVE : 0);
    size_t whole = round_up(size, page_size());
    void *mapping;
    if (is_refused()) return NULL;
#ifdef DFD_TEST
    if (pretended) {
        mapping = mmap(NULL, whole + pretended, protection, flags, -1, 0);
        return mapping == MAP_FAILED ? NULL : align(mapping, whole);
    }
#endif
    mapping = mmap(NULL, whole, protection, flags, -1, 0);
    return mapping == MAP_FAILED ? NULL : mapping;
}

bool pages_protect(void *start, size_t size, int protection) {
    return !is_refused() && fits(start, &size) && mprotect(start, size, protection) == 0;
}
