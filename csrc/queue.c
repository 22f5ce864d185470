/* queue.c - see queue.h */
#include "queue.h"

#include <math.h>

void queue_open(Queue *queue, _Atomic uint32_t *shown, Deadlines *deadlines) {
    *queue = (Queue){.shown = shown, .deadlines = deadlines};
}

bool queue_push(Queue *queue, Task *task) {
    if (task->expires < INFINITY) {
        if (!deadlines_join(queue->deadlines, &task->deadline, DEADLINE_TASK)) return false;
        deadlines_set(queue->deadlines, &task->deadline, task->expires);
    }
    task->previous = queue->last;
    task->next = NULL;
    *(queue->last ? &queue->last->next : &queue->first) = task;
    queue->last = task;
    atomic_store(queue->shown, ++queue->length);
    return true;
}

void queue_remove(Queue *queue, Task *task) {
    if (task->expires < INFINITY) deadlines_leave(queue->deadlines, &task->deadline);
    *(task->previous ? &task->previous->next : &queue->first) = task->next;
    *(task->next ? &task->next->previous : &queue->last) = task->previous;
    atomic_store(queue->shown, --queue->length);
}

Task *queue_take_all(Queue *queue) {
    Task *all = queue->first;
    for (Task *task = all; task; task = task->next)
        if (task->expires < INFINITY) deadlines_leave(queue->deadlines, &task->deadline);
    queue->first = queue->last = NULL;
    queue->length = 0;
    return all;
}
