/* harden.h - takes from a worker thread the system calls that no task needs.
 *
 * It limits what code that breaks out of the engine could do at once; it is no boundary against
 * such code, which shares the process's memory with threads that may do everything.
 */
#ifndef DEFERRED_HARDEN_H
#define DEFERRED_HARDEN_H

#include <stdbool.h>

/* From here on this thread may allocate memory, wait, ask for the time, send to `wake_fd` (-1: to
 * nobody) and end; every other system call fails with EPERM. The rest of the process is not
 * concerned. false where the system has no such means (only Linux has) or refuses: all is as
 * before then. */
bool harden_thread(int wake_fd);

#endif
