/* moved.c - see moved.h */
#include "moved.h"

#include <sys/mman.h>

#include "deferred.h"
#include "pages.h"

#if defined(__linux__) && !defined(MREMAP_DONTUNMAP)
#define MREMAP_DONTUNMAP 4 /* Linux 5.7 */
#endif

/* Whether the whole pages [from, from + size) were moved to `to`. */
static bool move_pages(uint8_t *to, uint8_t *from, size_t size) {
#if defined(__linux__)
    int flags = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;
    return mremap(from, size, size, flags, to) == to;
#else
    (void)to, (void)from, (void)size;
    return false;
#endif
}

bool moved_take(Grants *grants, Bytes *table, void *data, size_t length, bool stay) {
    size_t page = page_size();
    size_t before = (uintptr_t)data & (page - 1); /* of the first page, and not ours */
    size_t size = round_up(before + length, page);
    if (!bytes_reserve(table, DFD_MOVED_SIZE)) return false;
    /* At the same place within its first page as it lay before. */
    uint8_t *base = pages_map(size, PROT_READ | PROT_WRITE);
    if (!base) return false;
    double handle = grants_add(grants, base, size); /* before the pages go: it may fail */
    if (!handle) {
        munmap(base, size);
        return false;
    }
    /* The pages at both ends are shared with other blocks: of those the bytes are copied. */
    size_t head = before ? page - before : 0;
    size_t tail = (before + length) & (page - 1);
    uint8_t *from = data, *to = base + before;
    size_t whole = length >= head + tail ? length - head - tail : 0;
    if (!stay && whole > 0 && move_pages(to + head, from + head, whole)) {
        memcpy(to, from, head);
        memcpy(to + length - tail, from + length - tail, tail);
    } else {
        memcpy(to, from, length);
    }
    double entry[] = {handle, (double)(uintptr_t)to, (double)length};
    _Static_assert(sizeof entry == DFD_MOVED_SIZE, "the entry that deferred.h describes");
    bytes_write(table, entry, sizeof entry);
    return true;
}

void moved_drop(Grants *grants, const uint8_t *table, uint32_t count) {
    for (; count > 0; count--, table += DFD_MOVED_SIZE) {
        double handle;
        memcpy(&handle, table + DFD_MOVED_HANDLE, sizeof handle);
        grants_release(grants, handle);
    }
}
