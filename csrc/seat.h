/* seat.h - where tasks are run: a realm, with what the pool puts into it.
 *
 *   open --> preload --> share --> run --> restore --> share --> ... --> close
 *                                   ^
 *                                 stop
 *
 * This is all that a worker knows of who runs a task, and of what is below that. A seat belongs to
 * the worker that has it, but is tied to no thread. Any thread may stop what runs in it; all else
 * only its worker does.
 */
#ifndef DEFERRED_SEAT_H
#define DEFERRED_SEAT_H

#include "realm.h"
#include "task.h"

typedef struct Seat {
    Realm *realm;     /* NULL: it is not open */
    bool has_classes; /* the pool's, if there are any */
} Seat;

/* For a realm of `memory` bytes on a thread with `stack` bytes. false when there is no memory. */
bool seat_open(Seat *seat, size_t memory, size_t stack);
static inline bool seat_is_open(const Seat *seat) { return seat->realm != NULL; }
void seat_close(Seat *seat); /* one that is not open, too */

/* Makes the pool's classes, with `stack` bytes. Pristine before and after. Returns 0, or a
 * DFD_STATUS_* with what was thrown. */
int seat_preload(Seat *seat, const Program *classes, size_t stack, Bytes *thrown);

/* Puts in what the task may refer to, of the pool's list of values. Returns 0 or a DFD_STATUS_*.
 * Needs no lock: that part of the list was written before the task was submitted. */
int seat_share(Seat *seat, const Task *task, const Share *first);

/* Runs a task. Returns a DFD_STATUS_*, and the payload. */
int seat_run(Seat *seat, const Task *task, Bytes *payload);

/* As realm_move_out. */
uint32_t seat_move_out(Seat *seat, Grants *grants, Bytes *payload);

/* As realm_stop. */
void seat_stop(Seat *seat, int status);

/* Makes it pristine: after each run, or one that could not begin. */
void seat_restore(Seat *seat);

#endif
