/* seats.c - see seats.h */
#include "seats.h"

#include <assert.h>

#include "pool_parts.h"

bool seats_open(Seats *seats) { return seat_model_open(&seats->model); }

void seats_drop(Seats *seats) {
    assert(!seats->spare && !seats->used);
    seat_model_close(&seats->model);
}

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
    if (used) seats->used_count--;
    bool by_image = seats->state == SEATS_LEARNED;
    lock_release(&pool->lock);
    if (used) seat_restore(used);
    return spare  ? spare
           : used ? used
                  : seat_open(pool->memory, pool->stack, &seats->model, by_image);
}

void seats_show(Pool *pool, Seat *seat) {
    Seats *seats = &pool->seats;
    if (seat->is_model) return;
    lock_take(&pool->lock);
    bool learns = seats->state == SEATS_TAKEN;
    if (seats->state == SEATS_NO_MODEL) {
        seat_model_take(&seats->model, seat);
        seats->state = SEATS_TAKEN;
    }
    if (learns) seats->state = SEATS_LEARNING;
    lock_release(&pool->lock);
    seat->is_model = true;
    if (!learns) return;
    learns = seat_model_learn(&seats->model, seat);
    if (!learns) seat_model_close(&seats->model);
    lock_take(&pool->lock);
    seats->state = learns ? SEATS_LEARNED : SEATS_NEVER;
    lock_release(&pool->lock);
}

static void seats_add(Seats *seats, Seat *seat) {
    seat->next = seats->spare;
    seats->spare = seat;
    seats->spares++;
}

static bool seats_are_enough(const Pool *pool, uint32_t spares) {
    return spares >= SEATS_SPARE + queue_waiting(&pool->queue);
}

bool seats_leave(Pool *pool, Seat *seat) {
    Seats *seats = &pool->seats;
    assert_locked(pool);
    if (seats_are_enough(pool, seats->spares)) return false;
    seats_add(seats, seat);
    return true;
}

bool seats_trim(Pool *pool) {
    Seats *seats = &pool->seats;
    assert_locked(pool);
    if (!seats->spares || !seats_are_enough(pool, seats->spares - 1)) return false;
    Seat *seat = seats_pop(&seats->spare);
    seats->spares--;
    lock_release(&pool->lock);
    seat_close(seat);
    lock_take(&pool->lock);
    return true;
}

void seats_add_used(Seats *seats, Seat *seat) {
    seat->next = seats->used;
    seats->used = seat;
    seats->used_count++;
}

bool seats_clean(Pool *pool) {
    assert_locked(pool);
    Seats *seats = &pool->seats;
    Seat *seat = seats_pop(&seats->used);
    if (!seat) return false;
    bool keep = !seats_are_enough(pool, seats->spares);
    lock_release(&pool->lock);
    if (keep)
        seat_restore(seat);
    else
        seat_close(seat);
    lock_take(&pool->lock);
    seats->used_count--;
    if (keep) seats_add(seats, seat);
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
