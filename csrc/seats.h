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

/* Pristine seats that are kept for good: some 0.15 MB each. While tasks wait, as many more as there
 * are of those: to close a seat and open another one takes longer than most tasks. */
#define SEATS_SPARE 32

/* How far the model is. It is written by the thread that takes it there, read once it is there. */
typedef enum SeatsModel {
    SEATS_NO_MODEL,
    SEATS_TAKEN,    /* it has an image */
    SEATS_LEARNING, /* a thread compares that with another seat's */
    SEATS_LEARNED,  /* it makes seats */
    SEATS_NEVER,    /* it can't: all are built */
} SeatsModel;

typedef struct Seats {
    Seat *spare, *used;
    uint32_t spares;
    uint32_t used_count; /* with those that are being cleaned: they still hold what tasks took */
    SeatsModel state;
    RealmModel model;
} Seats;

bool seats_open(Seats *seats); /* false when the system has nothing random */
void seats_drop(Seats *seats); /* when there is no seat any more */

/* Whether there is one that need not be opened. */
static inline bool seats_has(const Seats *seats) { return seats->spare || seats->used; }

/* A pristine seat; NULL when there is none, and no memory for one. A worker's thread, without the
 * lock. */
Seat *seats_take(struct Pool *pool);

/* Shows the pool a pristine seat that was built and has its classes: the second one is compared
 * with the first, and then others need not be built. A worker's thread, without the lock. */
void seats_show(struct Pool *pool, Seat *seat);

/* Keeps a seat that is pristine. false when there are enough: it is the caller's. */
bool seats_leave(struct Pool *pool, Seat *seat);

/* Closes one that was kept for tasks that wait no more; the lock is released meanwhile. false when
 * there is none. A worker's thread. */
bool seats_trim(struct Pool *pool);

/* Takes one that a task has used; any thread. */
void seats_add_used(Seats *seats, Seat *seat);

/* Restores one that was used, or closes it; the lock is released meanwhile. false when there is
 * none. A worker's thread. */
bool seats_clean(struct Pool *pool);

/* Closes all there are, when no more come. A worker's thread, without the lock. */
void seats_close(struct Pool *pool);

#endif
