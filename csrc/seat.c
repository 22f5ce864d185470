/* seat.c - see seat.h */
#include "seat.h"

#include <stdlib.h>

#include "task.h"

Seat *seat_open(size_t memory, size_t stack, const RealmModel *model, bool by_image) {
    Seat *seat = calloc(1, sizeof *seat);
    if (!seat) return NULL;
    seat->realm = realm_open_alike(memory, stack, model, by_image);
    seat->has_classes = by_image && model->classes;
    seat->has_modules = by_image && model->modules.count > 0;
    seat->is_model = by_image;
    if (!seat->realm) {
        free(seat);
        return NULL;
    }
    realm_watch(seat->realm);
    return seat;
}

void seat_close(Seat *seat) {
    if (!seat) return;
    realm_close(seat->realm);
    free(seat);
}

int seat_preload(Seat *seat, const Program *classes, size_t stack, Bytes *thrown) {
    if (seat->has_classes) return 0;
    int status = realm_preload(seat->realm, classes, stack, thrown);
    seat->has_classes = status == 0;
    if (status) realm_restore(seat->realm);
    return status == DFD_STATUS_INTERNAL ? DFD_STATUS_RESOURCES : status;
}

int seat_load(Seat *seat, const Share *modules, size_t stack, Bytes *thrown) {
    uint32_t blamed;
    int status = realm_load_modules(seat->realm, modules, stack, thrown, &blamed);
    seat->has_modules = status == 0;
    if (status) realm_restore(seat->realm);
    return status == DFD_STATUS_INTERNAL ? DFD_STATUS_RESOURCES : status;
}

bool seat_model_open(RealmModel *model) { return realm_model_open(model); }

void seat_model_close(RealmModel *model) { realm_model_close(model); }

void seat_model_take(RealmModel *model, const Seat *seat) { realm_model_take(model, seat->realm); }

bool seat_model_learn(RealmModel *model, const Seat *alike) {
    return realm_model_learn(model, alike->realm);
}

int seat_share(Seat *seat, const Task *task, const Share *first) {
    return task->shares ? realm_share(seat->realm, first, task->shares) : 0;
}

void seat_set_post(Seat *seat, RealmSend *send, void *opaque, Lines *lines, Grants *grants) {
    realm_set_post(seat->realm, send, opaque, lines, grants);
}

void seat_set_mailbox(Seat *seat, Mailbox mailbox) { realm_set_mailbox(seat->realm, mailbox); }

int seat_run(Seat *seat, const Task *task, Bytes *payload) {
    realm_lend(seat->realm, task->regions, task->region_count);
    realm_offer(seat->realm, task->offers, task->reports, task->loads, task->names);
    return realm_run(seat->realm, task->program, task->args, task->length, task->argc,
                     &task->limits, payload);
}

int seat_resume(Seat *seat, const Task *task, Mail *mail, Bytes *payload) {
    return realm_resume(seat->realm, task->limits.memory, mail, payload);
}

bool seat_ran_code(const Seat *seat) { return realm_ran_code(seat->realm); }

double seat_due(const Seat *seat) { return realm_due(seat->realm); }

uint32_t seat_move_out(Seat *seat, Grants *grants, Bytes *payload) {
    return realm_move_out(seat->realm, grants, payload);
}

void seat_stop(Seat *seat, int status) { realm_stop(seat->realm, status); }

void seat_restore(Seat *seat) { realm_restore(seat->realm); }
