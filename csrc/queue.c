/* queue.c - see queue.h */
#include "queue.h"

#include <math.h>

void queue_open(Queue *queue, _Atomic uint32_t *shown) {
    *queue = (Queue){.shown = shown, .next_expiry = INFINITY};
}

void queue_push(Queue *queue, Task *task) {
    task->previous = queue->last;
    task->next = NULL;
    *(queue->last ? &queue->last->next : &queue->first) = task;
    queue->last = task;
    if (task->expires < queue->next_expiry) queue->next_expiry = task->expires;
    atomic_store(queue->shown, ++queue->length);
}

void queue_remove(Queue *queue, Task *task) {
    *(task->previous ? &task->previous->next : &queue->first) = task->next;
    *(task->next ? &task->next->previous : &queue->last) = task->previous;
    atomic_store(queue->shown, --queue->length);
}

Task *queue_take_all(Queue *queue) {
    Task *all = queue->first;
    queue->first = queue->last = NULL;
    queue->length = 0;
    return all;
}

Task *queue_expired(Queue *queue, double now) {
    Task *expired = NULL, **last = &expired;
    if (now < queue->next_expiry) return NULL;
    queue->next_expiry = INFINITY;
    for (Task *task = queue->first, *next; task; task = next) {
        next = task->next;
        if (now < task->expires) {
            if (task->expires < queue->next_expiry) queue->next_expiry = task->expires;
            continue;
        }
        queue_remove(queue, task);
        task->next = NULL;
        *last = task;
        last = &task->next;
    }
    return expired;
}
