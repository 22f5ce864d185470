/* code.c - see code.h */
#include "code.h"

#include <stdatomic.h>
#include <string.h>

#include "lock.h"
#include "os.h"

static _Atomic size_t code_held;

bool code_take(CodeShare *share, size_t size) {
    size_t held = atomic_fetch_add(&code_held, size) + size;
    if (held <= CODE_BYTES_MAX && *share + size <= CODE_BYTES_MAX - held) {
        *share += size;
        return true;
    }
    atomic_fetch_sub(&code_held, size);
    return false;
}

void code_give(CodeShare *share, size_t size) {
    *share -= size;
    atomic_fetch_sub(&code_held, size);
}

/* --- the region ----------------------------------------------------------------------------- */

#define SMALLEST_PAGE ((size_t)4096)

static struct {
    OsOnce once;
    char *start; /* NULL: none */
    size_t page;
    Lock lock; /* what follows */
    size_t next; /* the page where the search begins */
    uint8_t taken[CODE_REGION / SMALLEST_PAGE]; /* by page; a code's has the fence behind it, too */
} region = {.once = OS_ONCE_INITIAL, .lock = LOCK_INITIAL(LOCK_CODE)};

static void reserve(void) {
    OsFailure before = os_failure();
    char *whole = os_map(2 * CODE_REGION, OS_NONE);
    if (!whole) {
        os_get_over(before);
        return;
    }
    char *start = (char *)round_up((uintptr_t)whole, CODE_REGION);
    if (start > whole) os_unmap(whole, (size_t)(start - whole));
    if (start < whole + CODE_REGION)
        os_unmap(start + CODE_REGION, (size_t)(whole + CODE_REGION - start));
    region.page = os_page();
    region.start = start;
    region.taken[0] = true; /* the first fence */
    region.next = 1;
}

void *code_region(void) {
    os_once(&region.once, reserve);
    return region.start;
}

/* The first of `count` free pages, from a page on; 0 if there are none. */
static size_t find_pages(size_t from, size_t count) {
    size_t all = CODE_REGION / region.page, found = 0;
    for (size_t at = from; at < all; at++) {
        found = region.taken[at] ? 0 : found + 1;
        if (found == count) return at + 1 - count;
    }
    return 0;
}

static char *take_pages(size_t count) {
    lock_take(&region.lock);
    size_t at = find_pages(region.next, count);
    if (!at) at = find_pages(1, count);
    if (at) memset(region.taken + at, true, count);
    if (at) region.next = at + count;
    lock_release(&region.lock);
    return at ? region.start + at * region.page : NULL;
}

static void give_pages(const char *pages, size_t count) {
    size_t at = (size_t)(pages - region.start) / region.page;
    lock_take(&region.lock);
    memset(region.taken + at, false, count);
    lock_release(&region.lock);
}

void *code_map(CodeShare *share, size_t size) {
    if (!code_region()) return NULL;
    size = round_up(size, region.page);
    if (!code_take(share, size)) return NULL;
    size_t count = size / region.page + 1;
    char *pages = take_pages(count);
    OsFailure before = os_failure();
    if (pages && os_protect(pages, size, OS_READ_WRITE)) return pages;
    if (pages) give_pages(pages, count);
    os_get_over(before);
    code_give(share, size);
    return NULL;
}

bool code_seal(void *pages, size_t size) {
    OsFailure before = os_failure();
    __builtin___clear_cache((char *)pages, (char *)pages + size);
    bool sealed = os_protect(pages, round_up(size, region.page), OS_READ_EXECUTE);
    if (!sealed) os_get_over(before);
    return sealed;
}

void code_unmap(CodeShare *share, void *pages, size_t size) {
    OsFailure before = os_failure();
    size = round_up(size, region.page);
    /* Pages that the system does not take back are used for nothing any more. */
    if (os_discard(pages, size) && os_protect(pages, size, OS_NONE))
        give_pages(pages, size / region.page + 1);
    else
        os_get_over(before);
    code_give(share, size);
}

bool code_is_possible(void) {
    CodeShare share = 0;
    size_t size = os_page();
    void *pages = code_map(&share, size);
    bool possible = pages && code_seal(pages, size);
    if (pages) code_unmap(&share, pages, size);
    return possible;
}
