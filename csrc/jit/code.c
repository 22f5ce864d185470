/* code.c - see code.h */
#include "code.h"

#include <stdatomic.h>

#include "os.h"

static _Atomic size_t code_mapped;

void *code_map(size_t size) {
    size = round_up(size, os_page());
    if (atomic_fetch_add(&code_mapped, size) + size <= CODE_BYTES_MAX) {
        OsFailure before = os_failure();
        void *pages = os_map(size, OS_READ_WRITE);
        if (pages) return pages;
        os_get_over(before);
    }
    atomic_fetch_sub(&code_mapped, size);
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
    atomic_fetch_sub(&code_mapped, size);
}

bool code_is_possible(void) {
    size_t size = os_page();
    void *pages = code_map(size);
    bool possible = pages && code_seal(pages, size);
    if (pages) code_unmap(pages, size);
    return possible;
}
