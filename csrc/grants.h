/* grants.h - memory that the host has: results too large for the ring, and buffers that tasks moved
 * out. By handle, so that what was given back twice, or by somebody else, is an error.
 *
 *   a worker's memory --add--> the pool's grants --release--> freed
 *                                   |      \-----close------> freed, whatever the host knows of it
 *                                   \--keep--> a buffer of the runtime's --deallocate--> freed
 *
 * Who owns what: memory that was added is its pool's, whoever reads it, until it is released or
 * kept. What was kept outlives the pool: it is the runtime's, and is freed by the deallocator, in
 * whichever thread collects the buffer. A buffer whose making was interrupted before it was kept
 * (its Worker was terminated) is freed with the pool; that its deallocator runs as well, before or
 * after, does no harm.
 *
 * All grants of the process are in one table, as a runtime's deallocator has nothing but a handle.
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

/* Takes memory: of malloc, or if `mapped` is not 0, of mmap. Returns its handle; 0 when there is no
 * memory for that: it is the caller's then. */
double grants_add(Grants *grants, void *memory, size_t mapped);

/* Frees one. 0, or DFD_E_HANDLE if these don't have it. */
int32_t grants_release(Grants *grants, double handle);

/* Leaves one to a buffer of the runtime's. 0, or DFD_E_HANDLE. */
int32_t grants_keep(Grants *grants, double handle);

/* Frees all of these, when nobody adds to them, or to what was added, any more. */
void grants_close(Grants *grants);

/* What a runtime's buffer calls when its memory is not used any more. */
void grants_deallocate(void *memory, void *handle);

#ifdef DFD_TEST
uint32_t grants_count(void); /* of the whole process */
#endif

#endif
