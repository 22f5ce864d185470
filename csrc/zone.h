/* zone.h - the process's time zone, which libc keeps and every task's dates use.
 *
 * libc reads it once, from the environment and from files. A hardened worker may do neither, so a
 * host's thread has to before there is a worker. localtime_r and tzset take turns by a lock of
 * libc's: a zone may change while tasks ask for it.
 *
 * Invariant: the environment is read by the host's threads only, once when the process's first pool
 * is opened and at each zone_set; by a task never, whatever it asks for. That matters because a
 * thread that reads it while another one changes it may follow freed memory (glibc before 2.41),
 * and there is no lock that we could share with whoever changes it. What is left is what any call
 * of getenv risks, as a name looked up by the runtime does: a host that changes its environment on
 * one thread at the very moment in which another one opens the first pool.
 *
 * musl reads TZ at each localtime_r. There the invariant does not hold, zone_test.c fails, and a
 * host must not change its environment while tasks tell the time.
 */
#ifndef DEFERRED_ZONE_H
#define DEFERRED_ZONE_H

#include <stdint.h>

/* Makes libc read the zone, unless it has. Any thread. */
void zone_read(void);

/* The zone's name, as far as it was told: a host that changes its zone by itself (Deno and Node.js
 * do when process.env.TZ is assigned) tells libc, but no name. Of the user's locale likewise, as
 * POSIX writes it ("de_DE.UTF-8"). Valid for ever; "" if there is none, or nothing was read yet.
 * Any thread. */
const char *zone_name(void);
const char *zone_locale(void);

/* The offset from UTC that is in force at that second, by libc's: the same, but where libc says UTC
 * because the system has no file of the zone that was told (an image without tzdata). There it is
 * that of the zone that the library carries. Any thread. */
int64_t zone_offset(int64_t second, int64_t of_libc);

/* Changes the zone, as assigning process.env.TZ does on Deno and Node.js: in the environment, where
 * libc looks. One thread at a time, and none may change the environment meanwhile. Returns 0, or
 * DFD_E_MEMORY, after which the zone is what it was. */
int32_t zone_set(const char *name);

#endif
