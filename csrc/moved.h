/* moved.h - memory that leaves a realm without being copied.
 *
 * A large buffer of a task's result is taken out of the arena page by page (mremap: the pages move,
 * their bytes don't), and belongs to the host from then on. Its place in the arena reads as zeros.
 * Where pages can't be moved, or must stay, the bytes are copied.
 *
 * The table of a completion's moved buffers lies behind its payload (deferred.h, DFD_MOVED_*).
 */
#ifndef DEFERRED_MOVED_H
#define DEFERRED_MOVED_H

#include "bytes.h"
#include "grants.h"

/* Takes `length` bytes at `data` out: private anonymous memory of the caller's, whose pages may go
 * unless they `stay`. The bytes become one of `grants`, and an entry of the table. false when there
 * is no memory; then nothing was moved. */
bool moved_take(Grants *grants, Bytes *table, void *data, size_t length, bool stay);

/* Frees what a table of `count` entries names, as far as the host has not. */
void moved_drop(Grants *grants, const uint8_t *table, uint32_t count);

#endif
