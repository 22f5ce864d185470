/* pages.h - memory in whole pages, as the system gives and protects it.
 *
 * A page has 4 KB, or 16, or 64: nobody else asks, and tests may pretend that it is larger than it
 * is. Any thread.
 */
#ifndef DEFERRED_PAGES_H
#define DEFERRED_PAGES_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of a page: a power of two. Async-signal-safe. */
size_t page_size(void);

/* To a multiple of `unit`, a power of two. */
static inline size_t round_up(size_t size, size_t unit) { return (size + unit - 1) & ~(unit - 1); }

/* Fresh memory, zeroed, of whole pages, which munmap gives back; NULL if there is none. As
 * `protection` (PROT_*) says; what may not be touched is only reserved, and costs nothing. */
void *pages_map(size_t size, int protection);

/* Changes what may be done with all pages that the bytes touch; `start` is a multiple of the page.
 * Async-signal-safe. */
bool pages_protect(void *start, size_t size, int protection);

#ifdef DFD_TEST
/* From here on a page has `size` bytes, a multiple of the system's own; 0 takes it back. For all
 * threads, while nothing is mapped. */
void pages_pretend(size_t size);
/* The n-th call from now (1: the next) of pages_map or pages_protect is refused; 0 takes it back.
 */
void pages_fail_at(unsigned n);
#endif

#endif
