/* harden.h - takes from a worker thread the system calls that no task needs.
 *
 * It limits what code can do at once that breaks out of the engine. It is no boundary against such
 * code, which shares memory with threads that may do everything.
 */
#ifndef DEFERRED_HARDEN_H
#define DEFERRED_HARDEN_H

#include <stdbool.h>
#include <stddef.h>

/* Whether this system and this build have the means at all. */
bool harden_is_possible(void);

/* Memory for machine code: of `size` bytes, a power of two below 4 GB, at a multiple of that. */
typedef struct HardenCode {
    const void *start; /* NULL: there is none */
    size_t size;
} HardenCode;

/* From here on this thread may allocate memory, wait, ask for the time, send to `wake_fd` (-1: to
 * nobody), end, take part when the process changes its user or groups, and die with the process.
 * Every other system call fails with EPERM, and each that comes from `code`. Other threads keep
 * their rights, except that they can't give a filter of their own to all threads
 * (SECCOMP_FILTER_FLAG_TSYNC) while this one lives. false where the system has no such means (only
 * Linux has) or refuses; then the thread keeps its rights, except that a program it starts can't
 * gain privileges (no_new_privs, which can't be undone). After guard_thread_begin, if at all. */
bool harden_thread(int wake_fd, HardenCode code);

#endif
