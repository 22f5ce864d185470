/* code.c - see code.h */
#include "code.h"

#include <stdatomic.h>

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

void *code_map(CodeShare *share, size_t size) {
    size_t fence = os_page();
    size = round_up(size, fence);
    if (!code_take(share, size)) return NULL;
    OsFailure before = os_failure();
    char *whole = os_map(size + 2 * fence, OS_NONE);
    if (whole && os_protect(whole + fence, size, OS_READ_WRITE)) return whole + fence;
    if (whole) os_unmap(whole, size + 2 * fence);
    os_get_over(before);
    code_give(share, size);
    return NULL;
}

bool code_seal(void *pages, size_t size) {
    OsFailure before = os_failure();
    __builtin___clear_cache((char *)pages, (char *)pages + size);
    bool sealed = os_protect(pages, round_up(size, os_page()), OS_READ_EXECUTE);
    if (!sealed) os_get_over(before);
    return sealed;
}

void code_unmap(CodeShare *share, void *pages, size_t size) {
    size_t fence = os_page();
    size = round_up(size, fence);
    os_unmap((char *)pages - fence, size + 2 * fence);
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
