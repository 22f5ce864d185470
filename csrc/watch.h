/* watch.h - which parts of a region are written to, so that a restore copies no others.
 *
 * The region is taken in chunks of whole pages. A chunk is write-protected until a write to it
 * faults; then it stays writable and is copied back by each restore, as tasks tend to write where
 * the task before did. Now and then the watch begins anew: of the chunks that may have been written
 * to, it keeps those that a task has just changed.
 *
 *   protected --- a fault: watch_touch ---> touched, copied by each restore
 *       ^                                      |
 *       \-- restored unchanged, as it begins --/
 *           anew
 *
 * Whoever writes to the region must hand the faults over. The thread's only that has the region;
 * watch_touch is async-signal-safe, and must not be left half way.
 */
#ifndef DEFERRED_WATCH_H
#define DEFERRED_WATCH_H

#include <stdbool.h>
#include <stddef.h>

typedef struct Watch Watch;

/* Watches `size` bytes, whole pages of `page` bytes, which are as they are to be restored; the
 * first `hot` of them count as written to, until the watch begins anew after the next restore. NULL
 * if that does not pay, or there is no memory: the caller copies all. */
Watch *watch_open(char *memory, size_t size, size_t page, size_t hot);
/* Makes all of it writable and ends the watch, or false when the system refuses: then it goes on.
 */
bool watch_close(Watch *watch);
/* The region is gone: ends the watch, and touches nothing of it. */
void watch_drop(Watch *watch); /* NULL is fine */

/* Whether a write to `address` faulted because it was watched; if so, it may be repeated. */
bool watch_touch(Watch *watch, const void *address);

/* Copies `image`, of the region's size, over what may have been written to. */
void watch_restore(Watch *watch, const char *image);

#endif
