/* seat.c - see seat.h */
#include "seat.h"

bool seat_open(Seat *seat, size_t memory, size_t stack) {
    seat->realm = realm_open(memory, stack);
    return seat_is_open(seat);
}

void seat_close(Seat *seat) {
    realm_close(seat->realm);
    *seat = (Seat){0};
}

int seat_preload(Seat *seat, const Program *classes, size_t stack, Bytes *thrown) {
    if (seat->has_classes) return 0;
    int status = realm_preload(seat->realm, classes, stack, thrown);
    seat->has_classes = status == 0;
    if (status) realm_restore(seat->realm);
    return status == DFD_STATUS_INTERNAL ? DFD_STATUS_RESOURCES : status;
}

int seat_share(Seat *seat, const Task *task, const Share *first) {
    return task->shares ? realm_share(seat->realm, first, task->shares) : 0;
}

int seat_run(Seat *seat, const Task *task, Bytes *payload) {
    realm_lend(seat->realm, task->regions, task->region_count);
    return realm_run(seat->realm, task->program, task->args, task->length, task->argc,
                     &task->limits, payload);
}

uint32_t seat_move_out(Seat *seat, Grants *grants, Bytes *payload) {
    return realm_move_out(seat->realm, grants, payload);
}

void seat_stop(Seat *seat, int status) { realm_stop(seat->realm, status); }

void seat_restore(Seat *seat) { realm_restore(seat->realm); }
