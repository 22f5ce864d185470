/* code.c - see code.h */
#include "code.h"

#include <stdatomic.h>

#include "os.h"

static _Atomic size_t code_held;

bool code_take(size_t size) {
    if (atomic_fetch_add(&code_held, size) + size <= CODE_BYTES_MAX) return true;
    code_give(size);
    return false;
}

void code_give(size_t size) { atomic_fetch_sub(&code_held, size); }

void *code_map(size_t size) {
    size = round_up(size, os_page());
    if (!code_take(size)) return NULL;
    OsFailure before = os_failure();
    void *pages = os_map(size, OS_READ_WRITE);
    if (pages) return pages;
    os_get_over(before);
    code_give(size);
    return NULL;
}

bool code_seal(void *pages, size_t size) {
    OsFailure before = os_failure();
    __builtin___clear_cache((char *)pages, (char *)pages + size);
    bool sealed = os_protect(pages, round_up(size, os_page()), OS_READ_EXECUTE);
    if (!sealed) os_get_over(before);
    return sealed;
}

void code_unmap(void *pages, size_t size) {
    size = round_up(size, os_page());
    os_unmap(pages, size);
    code_give(size);
}

bool code_is_possible(void) {
    size_t size = os_page();
    void *pages = code_map(size);
    bool possible = pages && code_seal(pages, size);
    if (pages) code_unmap(pages, size);
    return possible;
}
