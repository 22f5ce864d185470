/* completion.h - the completion queue: from the workers to the host's event loop.
 *
 *   workers --(lock)--> ring in the control block --> host, which reads it as plain memory
 *                 \--> overflow list (the ring was full) --dfd_refill--> ring
 *
 * Memory order: a worker writes a record, then publishes it by a release store of TAIL; the host
 * loads TAIL (acquire), reads, and stores HEAD (release). Parking is Dekker's handshake: the host
 * stores PARKED and then looks at TAIL, a worker stores TAIL and then takes PARKED, all
 * sequentially consistent, so that one of the two sees the other and no wake-up is lost.
 *
 * A completion never fails. A task that does not fit into the ring waits in the overflow list, as
 * the very struct that was queued, with the payload's buffer moved into it.
 *
 * Who owns a payload: the worker, if it is copied into the ring; the overflow list, while it waits
 * for that; the queue's grants, if it is too large for the ring or was moved out, until the host
 * gives it back. How far the host has read does not matter.
 */
#ifndef DEFERRED_COMPLETION_H
#define DEFERRED_COMPLETION_H

#include <stdatomic.h>

#include "bytes.h"
#include "deferred.h"
#include "grants.h"
#include "lock.h"

/* What a record says. A task's end is part of each task from the start. A task may have any number
 * of events while it goes on; each is allocated by whoever reports it. */
typedef struct Completion {
    struct Completion *next; /* the overflow list, under the lock */
    uint32_t task;
    uint32_t kind;   /* DFD_KIND_* */
    uint32_t status; /* of an end */
    uint32_t worker;
    double run_ms;
    double wait_ms;
    uint32_t length; /* of the payload */
    uint32_t moved;  /* buffers that come with it */
    double grant;    /* of the payload; 0 if it is to be copied into the ring */
    Bytes payload;   /* and the table of what was moved; owned, unless it was granted */
} Completion;

/* What a task reports of its progress. The host has one report to read at a time. A later one waits
 * here until it has, and yet later ones take its place: so a flood costs neither memory nor the
 * host's time. A report comes before what the task says after it, unless the host has left too much
 * of them unread; then it comes later, and before the task's end in any case. The task's; written
 * under the queue's lock. */
typedef struct Progress {
    Bytes latest;  /* the payload of what waits; empty: nothing does */
    size_t unread; /* bytes of reports that the host has not read */
} Progress;

typedef struct CompletionQueue {
    _Atomic uint32_t *control; /* the control block with the ring behind it; an mmap of its own */
    Lock lock;                 /* writers of the ring, and the overflow list */
    Completion *first, **last; /* the overflow list */
    Grants grants;             /* what the host has, or is about to be told of */
    Lock wake_lock;            /* held while the host is told, so that it isn't once silenced */
    int fd;                    /* our end of the socket pair, or -1 */
    int host_fd;               /* the host's, until it asks for it; or -1 */
} CompletionQueue;

int32_t completion_open(CompletionQueue *queue); /* 0 or a DFD_E_* */
void completion_close(CompletionQueue *queue);   /* frees what was not given back */

/* Gives `payload` to a completion whose other fields are set. If it is too large for the ring, it
 * belongs to the queue from now on. false when there is no memory for that: then it stays the
 * caller's, and what was moved is gone. */
bool completion_load(CompletionQueue *queue, Completion *completion, Bytes *payload);

/* Puts `completion` into the ring if it fits, and returns true: then it is the caller's again, with
 * a payload if that was copied. Otherwise appends it to the overflow list, which then owns it
 * (malloc), and returns false. Wakes a parked host. Any thread. */
bool completion_push(CompletionQueue *queue, Completion *completion);
/* What an event's payload consists of: so many bytes, and the table of so many moved buffers. */
typedef struct EventParts {
    uint32_t length, moved;
} EventParts;

/* Tells the host of an event in a task that goes on. The payload is taken over, or copied and left
 * to the caller. false when there is no memory for that; then what was moved is gone. Any thread.
 */
bool completion_tell(CompletionQueue *queue, uint32_t task, Progress *progress, Bytes *payload,
                     EventParts parts);
/* Tells the host of a report, at once or later. The payload is exchanged for a buffer of no use.
 * false when there is no memory. The thread that runs the task. */
bool completion_report(CompletionQueue *queue, uint32_t task, Progress *progress, Bytes *payload);
/* The host has read so many bytes of reports. false when there is no memory to tell it of the next
 * one, which waits on. */
bool completion_reported(CompletionQueue *queue, uint32_t task, Progress *progress, size_t bytes);
/* Tells the host of the report that waits, whatever it has read: the task ends. Without memory it
 * is lost. */
void completion_report_last(CompletionQueue *queue, uint32_t task, Progress *progress);
int32_t completion_refill(CompletionQueue *queue);

int32_t completion_park(CompletionQueue *queue);
void completion_unpark(CompletionQueue *queue);
/* Makes the socket pair unless there is one; false when the system refuses. A thread that is not
 * hardened. */
bool completion_make_pair(CompletionQueue *queue);
/* Our end, to which wake-ups are sent, or -1. */
int completion_wake_fd(CompletionQueue *queue);
/* Hands over the host's end, once; -1 if there is none. */
int completion_take_fd(CompletionQueue *queue);
void completion_silence(CompletionQueue *queue); /* no more wake-ups */

#endif
