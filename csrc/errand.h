/* errand.h - work in the compiling realm, done on a thread that can be stopped while the host's
 * waits: on the host's own thread nothing can be.
 *
 * The realm is lent to that thread, with a stack of its own, until the errand is done; the host's
 * thread touches nothing of it meanwhile.
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

/* Ends it as soon as it can be left. By the watchdog, under the lock. */
void errand_stop(Errand *errand);

/* Does the work within `limit` ms. Returns 0 and its status, which is DFD_STATUS_PRELOAD if it took
 * longer and RESOURCES if it could not begin; or an error. Host's thread. */
int32_t errand_send(struct Pool *pool, double limit, ErrandWork *work, void *opaque, int *status);

#endif
