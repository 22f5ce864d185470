/* seats.h - the seats of a pool that nobody has: spare ones, and those whose tasks were ended while
 * they waited.
 *
 *   a worker's <--take-- spare <--clean-- used <--- a task that was ended by others
 *            \--leave--> spare
 *
 * A used one is restored, or closed, by a worker only: never on the host's thread, nor under the
 * lock. All of it is guarded by the pool's lock, which whoever calls holds unless it says
 * otherwise.
 */
#ifndef DEFERRED_SEATS_H
#define DEFERRED_SEATS_H

#include "seat.h"

struct Pool;

/* Pristine seats that are kept: some 0.3 MB each. */
#define SEATS_SPARE 32

typedef struct Seats {
    Seat *spare, *used;
    uint32_t spares;
} Seats;

/* A pristine seat; NULL when there is none, and no memory for one. A worker's thread, without the
 * lock. */
Seat *seats_take(struct Pool *pool);

/* Keeps a seat that is pristine. false when there are enough: it is the caller's. */
bool seats_leave(Seats *seats, Seat *seat);

/* Takes one that a task has used; any thread. */
void seats_add_used(Seats *seats, Seat *seat);

/* Restores one that was used, or closes it; the lock is released meanwhile. false when there is
 * none. A worker's thread. */
bool seats_clean(struct Pool *pool);

/* Closes all there are, when no more come. A worker's thread, without the lock. */
void seats_close(struct Pool *pool);

#endif
