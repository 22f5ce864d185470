/* zone.h - the process's time zone, which libc keeps and every task's dates are told in.
 *
 * libc reads it from the environment and from files, once; a hardened worker may do neither, so a
 * host's thread has to, before there is a worker. localtime_r and tzset take turns by a lock of
 * libc's: a zone may change while tasks ask for it.
 */
#ifndef DEFERRED_ZONE_H
#define DEFERRED_ZONE_H

#include <stdint.h>

/* Has libc read the zone, unless it has. Any thread. */
void zone_read(void);

/* Changes the zone, as assigning process.env.TZ does on Deno and Node.js: in the environment, where
 * libc looks. One thread at a time, and none may change the environment meanwhile. Returns 0, or
 * DFD_E_MEMORY, after which the zone is what it was. */
int32_t zone_set(const char *name);

#endif
