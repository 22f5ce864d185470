/* errand.h - work in the compiling realm, on a thread that can be stopped while the host's thread
 * waits: nothing on the host's own thread can be stopped.
 *
 * The realm is lent to that thread, which has a stack of its own, until the errand is done. The
 * host's thread does not touch the realm meanwhile.
 */
#ifndef DEFERRED_ERRAND_H
#define DEFERRED_ERRAND_H

#include "deadlines.h"
#include "guard.h"
#include "os.h"

struct Pool;

/* Returns a DFD_STATUS_*. */
typedef int ErrandWork(struct Pool *pool, void *opaque);

typedef struct Errand {
    struct Pool *pool;
    ErrandWork *work;
    void *opaque;
    OsCondition ended; /* the host's thread waits here */
    GuardThread thread;
    /* Under the pool's lock: */
    Deadline deadline;  /* when it is stopped, and then signalled again */
    bool running, done; /* running: `thread` may be signalled */
    int status;
    OsFailure failure; /* of its thread, for the host's */
} Errand;

/* Ends it as soon as it can be left. Called by the watchdog, under the lock. */
void errand_stop(Errand *errand);

/* Does the work within `limit` ms. Returns an error, or 0 with its status: DFD_STATUS_PRELOAD if it
 * took longer, RESOURCES if it could not begin. Host's thread. */
int32_t errand_send(struct Pool *pool, double limit, ErrandWork *work, void *opaque, int *status);

#endif
