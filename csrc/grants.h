/* grants.h - memory that the host holds: results too large for the ring, and buffers that tasks
 * moved out. They are held by handle, so giving one back twice, or giving back another's, is an
 * error.
 *
 *   a worker's memory --add--> the pool's grants --release--> freed
 *                                   |      \-----close------> freed, whatever the host knows of it
 *                                   \--keep--> a buffer of the runtime's --deallocate--> freed
 *
 * Who owns what: added memory belongs to its pool, whoever reads it, until it is released or kept.
 * Kept memory outlives the pool: it belongs to the runtime, and the deallocator frees it, on
 * whichever thread collects the buffer. If the making of a buffer is interrupted before it is kept
 * (its Worker was terminated), the memory is freed with the pool; its deallocator may run as well,
 * before or after, without harm.
 *
 * All grants of the process are in one table, because a runtime's deallocator only gets a handle.
 * Any thread may call any of these.
 */
#ifndef DEFERRED_GRANTS_H
#define DEFERRED_GRANTS_H

#include <stddef.h>
#include <stdint.h>

typedef struct Grant Grant;

/* Those of one pool. All zero to begin with; the table's lock guards it. */
typedef struct Grants {
    Grant *first;
} Grants;

/* Takes memory from malloc or, if `mapped` is not 0, from mmap. Returns its handle; 0 when there is
 * no memory for one, and then the memory stays the caller's. */
double grants_add(Grants *grants, void *memory, size_t mapped);

/* Frees one. 0, or DFD_E_HANDLE if these don't have it. */
int32_t grants_release(Grants *grants, double handle);

/* Leaves one to a buffer of the runtime. 0, or DFD_E_HANDLE. */
int32_t grants_keep(Grants *grants, double handle);

/* Frees all of these, once nobody adds to them any more. */
void grants_close(Grants *grants);

/* Called by a runtime's buffer when its memory is no longer used. */
void grants_deallocate(void *memory, void *handle);

#ifdef DFD_TEST
uint32_t grants_count(void); /* of the whole process */
#endif

#endif
