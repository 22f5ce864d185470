/* code.h - memory for machine code: written while it is RW, then RX for good.
 *
 *   region: | fence | code, tables of numbers | fence | code | fence | ... free ...
 *
 * Pages are never both, and have no other mapping; what runs over their end, or into them, faults. On
 * a worker that is hardened neither can be had. All of it lies in one region of the address space,
 * which is reserved once and stays: so a worker's filter of system calls can tell what comes from
 * machine code (harden.h).
 */
#ifndef DEFERRED_JIT_CODE_H
#define DEFERRED_JIT_CODE_H

#include <stdbool.h>
#include <stddef.h>

/* At most so much for all programs of the process together: pages, and what is counted beside them. Of
 * that no program takes more than it leaves to others: so one alone has half, two have a third each,
 * and whoever comes after greedy ones still gets some. */
#define CODE_BYTES_MAX ((size_t)64 << 20)

/* What one program has of it; of the thread that compiles, and of who frees the program. */
typedef size_t CodeShare;

/* Counts memory that lives as long as code does, its tables. false: no more is to be had. */
bool code_take(CodeShare *share, size_t size);
void code_give(CodeShare *share, size_t size);

/* Pages to write to, between two that nobody may touch; NULL when there are none, or no more are to be
 * had. */
void *code_map(CodeShare *share, size_t size);
/* Makes them executable, and no longer writable. false: the system refuses. */
bool code_seal(void *pages, size_t size);
void code_unmap(CodeShare *share, void *pages, size_t size);

/* Where all code lies: CODE_REGION bytes, at a multiple of that; a fence for each page is reckoned
 * in. NULL if the system does not give it. On any thread that may allocate memory. */
#define CODE_REGION (2 * CODE_BYTES_MAX)
void *code_region(void);

/* Whether this process may have executable memory at all: tries. */
bool code_is_possible(void);

#endif
