/* loop.h - what a task waits for, and its turns: an event loop inside of a realm.
 *
 *   mail, timers that are due --> callbacks, promise jobs --> settled, or waits
 *
 * A turn runs until no job is left. If the promise that the task stands for is still pending then,
 * something else must settle it: a timer, or an answer of the host's. With neither it never will.
 * Between two turns nothing of the loop is on any stack: the realm may be taken up on another
 * thread.
 *
 * What others hold of a loop are numbers. All that it holds lies in the realm's arena and goes with
 * it; loop_begin forgets what was there. The realm's thread only.
 */
#ifndef DEFERRED_LOOP_H
#define DEFERRED_LOOP_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clone.h"
#include "deferred.h"
#include "grants.h"
#include "modules.h"

/* --- timers (timers.c) -------------------------------------------------------------------- */

typedef struct Timer {
    double due; /* ms of os_now */
    uint64_t order;
    double every;  /* ms, of an interval; else -1 */
    JSValue call;  /* JS_UNINITIALIZED: the slot is free */
    JSValue *args; /* NULL if there are none */
    uint32_t argc;
    uint32_t place; /* in the heap, counted from 1; 0: it is not set */
    uint32_t uses;
    uint32_t next_free;
} Timer;

typedef struct Timers {
    Timer *slots;   /* by number */
    uint32_t *heap; /* numbers of those that are set, the earliest first */
    uint32_t count, capacity, set;
    uint32_t free;  /* slot + 1, or 0 */
    uint64_t order; /* in which they were set */
} Timers;

/* Defines setTimeout and its kin as globals. false when that fails. */
bool timers_define(JSContext *ctx, JSValueConst global);

/* When the first one is due, ms of os_now; INFINITY if none is set. */
double timers_due(const Timers *timers);

/* Calls the first timer if it is due at `now` and was set before `order`. JS_EXCEPTION if its
 * callback threw; `*fired` says whether there was one. */
JSValue timers_fire(JSContext *ctx, Timers *timers, double now, uint64_t order, bool *fired);

/* --- calls of the host's functions (calls.c) ---------------------------------------------- */

/* What a task may do; INFINITY: as much as it likes. */
typedef struct CallLimits {
    double total, bytes, total_bytes;
    uint32_t at_once;
} CallLimits;

typedef struct Call Call;
typedef struct Unsent Unsent;

/* What a task prints (console.c). It never waits for room: beyond DFD_LIMIT_UNREAD_MAX it is
 * counted only. The task's, written by the thread that runs it, but for `unread`. */
typedef struct Lines {
    _Atomic uint32_t unread; /* bytes that the host has not read: it takes them off (dfd_heard) */
    atomic_bool noticed;     /* that some were dropped was told, since the host has read any */
    uint32_t dropped;        /* lines since the last that was sent */
    double left;             /* bytes that it may print */
    bool silent;             /* nobody wants any */
} Lines;

/* Sends the letter, which it may take over: `length` bytes, and the table of so many buffers that
 * are moved. Inside a critical section. false when there is no memory; then those are gone. */
typedef bool PostSend(void *opaque, Bytes *letter, uint32_t length, uint32_t moved);

/* A message of the host's to a task (DFD_MESSAGE_*), in a list. */
typedef struct Mail {
    struct Mail *next;
    size_t length;
    alignas(8) uint8_t bytes[];
} Mail;

void mail_free(Mail *first); /* and those after it */

/* Where messages come from. `take` gives all that are there; NULL: the task waits from here on, as
 * far as others care. In a critical section. `wait` does so until `posted`, which each message
 * changes, is no longer `seen`, or for some time; the task may be left there. */
typedef struct Mailbox {
    Mail *(*take)(void *opaque);
    void (*wait)(void *opaque, uint32_t seen);
    _Atomic uint32_t *posted;
} Mailbox;

/* How messages leave the realm, and how they come to a task that can't go on without; not the
 * arena's, and the same for all of a realm's tasks but for who sends. */
typedef struct Post {
    PostSend *send;
    void *opaque;
    Lines *lines;
    Bytes letter; /* a call, when it is made or sent; the realm's */
    Bytes line;   /* a line: arguments of calls may print while they are read; the realm's */
    Bytes report; /* of progress, as a line; the realm's */
    size_t limit; /* of the letter's length */
    CloneScope *scope;
    struct Arena *arena;
    Grants *grants; /* where buffers go that are moved */
    Mailbox mailbox;
    Mail *mail; /* what was taken and not heeded; the realm's */
} Post;

/* What a message takes along when it is sent. The lists are blocks of the realm's. */
typedef struct Moves {
    CloneRegion *regions; /* blocks of the realm's, too */
    uint32_t count;
    double bytes;
    uint32_t *given_back; /* the numbers of regions that the host gets back */
    uint32_t given_back_count;
} Moves;

typedef struct Calls {
    Call *slots; /* by number */
    uint32_t count, capacity;
    uint32_t free;            /* slot + 1, or 0 */
    uint32_t pending;         /* have no answer yet */
    uint32_t at_once;         /* of those, were sent, or are in the list of those that will be */
    Unsent *held, *last_held; /* calls beyond those that may wait for their answers at once */
    CallLimits limits;
    double made, bytes;    /* of all calls */
    Unsent *first, *last;  /* messages for which there was no room */
    double room;           /* bytes that may be sent before the host has read what was */
    bool writing;          /* the letter is being written */
    bool printing;         /* the line is */
    bool reporting;        /* the report is */
    bool waiting;          /* a call waits for its answer, on its thread */
    bool replied, refused; /* it has come: that, or what was thrown */
    JSValue reply;
    JSValue names; /* of the functions that the host offers, as calls_object() has them */
    Post *post;
} Calls;

/* Writes a letter, a line or a report: a head, and a value, of which all is copied, up to `limit`
 * bytes. Runs the task's getters, which must not write into it in their turn. */
CloneResult calls_encode(JSContext *ctx, const Calls *calls, Bytes *letter, size_t limit,
                         const uint32_t head[DFD_EVENT_VALUE / 4], JSValueConst value,
                         CloneFailure *failure);
/* Throws in the task why what it gave to its host, `what`, can't be cloned, and what is to be done
 * with a function; or leaves it for want of memory. `letter` is what was written, with that result.
 * Returns whether all is well. */
bool calls_check(JSContext *ctx, const Bytes *letter, CloneResult result, CloneFailure *failure,
                 const char *what, const char *advice);
/* Sends the line or the report, or keeps it until there is room for calls: in their
 * order, but of reports that have nothing between them only the last. */
void calls_post(JSContext *ctx, Calls *calls, Bytes *letter);

/* Asks the host for a module, by DFD_EVENT_TYPE_IMPORT with these arguments, which are data. What
 * is answered goes to `settle` as that of a call does, which is taken over. */
void calls_ask(JSContext *ctx, Calls *calls, int argc, JSValueConst *argv, JSValue settle[2]);

/* An object with the functions that `names` lists: strings, and arrays of which the first string is
 * the name of a group and the others those of its functions. `true` stands before a function that
 * gives no promise: its thread waits for the answer. And with `report`, if the task is to
 * tell of its progress. */
JSValue calls_object(JSContext *ctx, JSValueConst names, bool reports);
/* The same, as globals. false with an exception pending. */
bool calls_define_globals(JSContext *ctx, JSValueConst names, bool reports);

/* Heeds the first of the messages in Post.mail, DFD_MESSAGE_VALUE bytes of it at least. Code of the
 * task's runs when it is no longer there: a call that waits for its answer goes on with the rest.
 */
void calls_receive(JSContext *ctx, Calls *calls);
/* The same, for a task that only has to send what it has left: it is told of no answer. */
void calls_receive_late(JSContext *ctx, Calls *calls);
/* Whether there is anything left to send. */
static inline bool calls_has_unsent(const Calls *calls) { return calls->first || calls->held; }

/* --- buffers that move with calls and answers (transfer.c) --------------------------------- */

/* Those that a call is to move, whoever holds them. */
typedef struct Transfer {
    const JSValue *buffers;
    uint32_t count;
} Transfer;

/* Whether all of them can be detached; else a DataCloneError is pending. */
bool transfer_check(JSContext *ctx, const Transfer *transfer);
/* How many bytes of the realm's an encoding moves. */
size_t transfer_size(const CloneScope *scope);
/* Detaches all of them. Returns the memory that the encoding has not copied. */
Moves transfer_take(JSContext *ctx, const Transfer *transfer, CloneScope *scope);
/* Moves that memory out, and writes the table of it behind the letter. false when there is no
 * memory, and then nothing was moved. In a critical section. */
bool transfer_move_out(const Post *post, const Moves *moves, Bytes *letter);
/* It was sent: frees all of that, and says what was given back. */
void transfer_end(JSContext *ctx, const Moves *moves);

/* What `with(options)` of a function of the host gives: `call` with its number, and an array of
 * what is to be transferred. */
JSValue transfer_with(JSContext *ctx, JSValueConst options, JSCFunctionData *call, int function);

/* Adds the regions of a message to those that were lent. Returns the length of its value. */
size_t transfer_receive(JSContext *ctx, CloneScope *scope, const uint8_t *message, size_t length,
                        uint32_t *count);
/* Tells the host that a region is used no more. As CloneScope.freed. */
void transfer_freed(JSRuntime *rt, uint32_t number);
/* The same of the last `count`, of which no buffer is in use, whatever of them was decoded. */
void transfer_drop(JSContext *ctx, const CloneScope *scope, uint32_t count);

/* --- what a task reports of its progress (progress.c) -------------------------------------- */

/* report(value): tells the host, without an answer (completion.h, Progress). */
JSValue progress_report(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);

/* --- the loop (loop.c) -------------------------------------------------------------------- */

typedef struct Loop {
    Timers timers;
    Calls calls;
    Modules modules;
    JSValue *rejected; /* promises that were rejected without a handler, since the turn began */
    uint32_t rejected_count, rejected_capacity;
    JSValue thrown; /* the first thing that a callback threw, and nobody caught */
    bool threw;
} Loop;

/* Makes `loop` that of a context, from which messages go to `post`. false when that fails. */
bool loop_open(JSContext *ctx, Loop *loop, Post *post);
static inline Loop *loop_of(JSContext *ctx) { return JS_GetRuntimeOpaque(JS_GetRuntime(ctx)); }

/* A task begins: nothing is set, and nothing was thrown. */
void loop_begin(Loop *loop);

typedef enum LoopEnd {
    LOOP_SETTLED, /* the promise is, or the task threw where nobody could catch it */
    LOOP_WAITS,   /* for what comes from outside, or its time */
    LOOP_NEVER,   /* nothing is left that could settle it */
} LoopEnd;

/* Runs all jobs there are, unless the promise is settled first. */
void loop_jobs(JSContext *ctx, Loop *loop, JSValueConst promise);

/* Whether there is anything that nobody has caught, now that no job is left: the first that was
 * thrown, or that a promise was rejected with. */
bool loop_uncaught(JSContext *ctx, Loop *loop, JSValue *what);

/* Runs a turn, or ends one that a call of the task's has begun: until the promise is settled or
 * nothing is left to be done now. Settled, `*with` is what with. */
LoopEnd loop_turn(JSContext *ctx, Loop *loop, JSValueConst promise, JSValue *with, bool *threw);

/* When there is something to be done even if nobody sends anything; INFINITY: never. */
static inline double loop_due(const Loop *loop) { return timers_due(&loop->timers); }

#endif
