/* seats.c - see seats.h */
#include "seats.h"

#include "pool_parts.h"

static Seat *seats_pop(Seat **list) {
    Seat *seat = *list;
    if (seat) *list = seat->next;
    return seat;
}

Seat *seats_take(Pool *pool) {
    Seats *seats = &pool->seats;
    lock_take(&pool->lock);
    Seat *spare = seats_pop(&seats->spare), *used = spare ? NULL : seats_pop(&seats->used);
    if (spare) seats->spares--;
    lock_release(&pool->lock);
    if (used) seat_restore(used);
    return spare ? spare : used ? used : seat_open(pool->memory, pool->stack);
}

bool seats_leave(Seats *seats, Seat *seat) {
    if (seats->spares == SEATS_SPARE) return false;
    seat->next = seats->spare;
    seats->spare = seat;
    seats->spares++;
    return true;
}

void seats_add_used(Seats *seats, Seat *seat) {
    seat->next = seats->used;
    seats->used = seat;
}

bool seats_clean(Pool *pool) {
    assert_locked(pool);
    Seats *seats = &pool->seats;
    Seat *seat = seats_pop(&seats->used);
    if (!seat) return false;
    bool keep = seats->spares < SEATS_SPARE;
    lock_release(&pool->lock);
    if (keep) seat_restore(seat);
    lock_take(&pool->lock);
    if (keep && seats_leave(seats, seat)) return true;
    lock_release(&pool->lock);
    seat_close(seat);
    lock_take(&pool->lock);
    return true;
}

void seats_close(Pool *pool) {
    Seat *seat;
    do {
        lock_take(&pool->lock);
        seat = seats_pop(&pool->seats.used);
        if (!seat) seat = seats_pop(&pool->seats.spare);
        lock_release(&pool->lock);
        seat_close(seat);
    } while (seat);
}
