/* moved.c - see moved.h */
#include "moved.h"

#include "deferred.h"
#include "os.h"

bool moved_take(Grants *grants, Bytes *table, void *data, size_t length, bool stay) {
    size_t page = os_page();
    size_t before = (uintptr_t)data & (page - 1); /* of the first page, and not ours */
    size_t size = round_up(before + length, page);
    if (!bytes_reserve(table, DFD_MOVED_SIZE)) return false;
    /* At the same place within its first page as it lay before. */
    uint8_t *base = os_map(size, OS_READ_WRITE);
    if (!base) return false;
    double handle = grants_add(grants, base, size); /* before the pages go: it may fail */
    if (!handle) {
        os_unmap(base, size);
        return false;
    }
    /* The pages at both ends are shared with other blocks: of those the bytes are copied. */
    size_t head = before ? page - before : 0;
    size_t tail = (before + length) & (page - 1);
    uint8_t *from = data, *to = base + before;
    size_t whole = length >= head + tail ? length - head - tail : 0;
    if (stay || whole == 0) {
        memcpy(to, from, length);
    } else {
        memcpy(to, from, head);
        os_move(to + head, from + head, whole);
        memcpy(to + length - tail, from + length - tail, tail);
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
