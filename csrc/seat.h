/* seat.h - the executor of tasks: a realm, with what the pool puts into it.
 *
 *   open --> preload, load --> share --> run --> restore --> share --> ... --> close
 *                                       ^  | \-- it waits, and is resumed --/
 *                                     stop
 *
 * This is all that a worker knows about the executor of a task and what is below. A seat is tied to
 * no thread. It belongs to a worker; to its task while that waits; and in between to the pool
 * (seats.h). Any thread may stop what runs in it; only its owner does anything else.
 */
#ifndef DEFERRED_SEAT_H
#define DEFERRED_SEAT_H

#include "realm.h"

struct Task;

typedef struct Seat {
    struct Seat *next; /* in a list of the pool's */
    Realm *realm;
    bool has_classes; /* the pool's, if there are any */
    bool has_modules; /* as well */
    bool is_model;    /* its realm is of the model's image, or was compared with it */
} Seat;

/* For a realm of `memory` bytes on threads with `stack` bytes, like the others of the model: built,
 * or made of its image, with the classes. NULL when there is no memory. */
Seat *seat_open(size_t memory, size_t stack, const RealmModel *model, bool by_image);
void seat_close(Seat *seat); /* NULL is fine */

/* Makes the pool's classes, with `stack` bytes. Pristine before and after. Returns 0, or a
 * DFD_STATUS_* with what was thrown. */
int seat_preload(Seat *seat, const Program *classes, size_t stack, Bytes *thrown);
/* The same of its modules, from the first one on. */
int seat_load(Seat *seat, const Share *modules, size_t stack, Bytes *thrown);

/* As the functions of realm.h with their names. */
bool seat_model_open(RealmModel *model);
void seat_model_close(RealmModel *model);
void seat_model_take(RealmModel *model, const Seat *seat);
bool seat_model_learn(RealmModel *model, const Seat *alike);

/* Puts in the values of the pool's list that the task may refer to. Returns 0 or a DFD_STATUS_*.
 * Needs no lock: that part of the list was written before the task was submitted. */
int seat_share(Seat *seat, const struct Task *task, const Share *first);

/* Who sends what the task has to say, from here on. */
void seat_set_post(Seat *seat, RealmSend *send, void *opaque, Lines *lines, Grants *grants);

/* As realm_set_mailbox. */
void seat_set_mailbox(Seat *seat, Mailbox mailbox);

/* Runs a task. Returns a DFD_STATUS_*, and the payload; or REALM_WAITS. */
int seat_run(Seat *seat, const struct Task *task, Bytes *payload);
/* Goes on with it, and takes its mail over. Returns as seat_run does. */
int seat_resume(Seat *seat, const struct Task *task, Mail *mail, Bytes *payload);

/* As realm_due. */
double seat_due(const Seat *seat);
bool seat_ran_code(const Seat *seat);

/* As realm_move_out. */
uint32_t seat_move_out(Seat *seat, Grants *grants, Bytes *payload);

/* As realm_stop. */
void seat_stop(Seat *seat, int status);

/* Makes it pristine, after each run and each one that could not begin. */
void seat_restore(Seat *seat);

#endif
