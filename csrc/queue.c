/* queue.c - see queue.h */
#include "queue.h"

#include <assert.h>
#include <math.h>

void queue_open(Queue *queue, _Atomic uint32_t *queued, _Atomic uint32_t *waits,
                Deadlines *deadlines) {
    *queue = (Queue){
        .most = UINT32_MAX,
        .queued = queued,
        .waits = waits,
        .deadlines = deadlines,
    };
}

/* The list that a task is in. */
static TaskList *queue_list(Queue *queue, const Task *task) {
    switch (task->state) {
    case TASK_QUEUED:
        return task->inner ? &queue->inner : &queue->fresh;
    case TASK_WAITING:
        return &queue->asleep;
    default:
        assert(task->state == TASK_READY);
        return &queue->ready;
    }
}

static void queue_show(Queue *queue, const TaskList *changed) {
    if (changed == &queue->fresh || changed == &queue->inner)
        atomic_store(queue->queued, queue->fresh.length + queue->inner.length);
    else
        atomic_store(queue->waits, queue_waiting(queue));
}

/* Adds a task to the list of its state, where it is to be looked at `at`. */
static void queue_add(Queue *queue, Task *task, double at) {
    TaskList *list = queue_list(queue, task);
    assert((task->state == TASK_QUEUED) == !task->seat);
    if (at < INFINITY || task->deadline.place) deadlines_set(queue->deadlines, &task->deadline, at);
    task->previous = list->last;
    task->next = NULL;
    *(list->last ? &list->last->next : &list->first) = task;
    list->last = task;
    list->length++;
    queue_show(queue, list);
}

static void queue_unlink(Queue *queue, Task *task) {
    TaskList *list = queue_list(queue, task);
    *(task->previous ? &task->previous->next : &list->first) = task->next;
    *(task->next ? &task->next->previous : &list->last) = task->previous;
    task->next = task->previous = NULL;
    list->length--;
    queue_show(queue, list);
}

bool queue_push(Queue *queue, Task *task) {
    if (!deadlines_join(queue->deadlines, &task->deadline, DEADLINE_TASK)) return false;
    task->state = TASK_QUEUED;
    queue_add(queue, task, task->expires);
    return true;
}

void queue_wait(Queue *queue, Task *task, double due, double now) {
    assert(task->state == TASK_RUNNING);
    task->state = due <= now ? TASK_READY : TASK_WAITING;
    queue_add(queue, task, due <= now ? task->end : fmin(due, task->end));
}

void queue_wake(Queue *queue, Task *task) {
    assert(task->state == TASK_WAITING);
    queue_unlink(queue, task);
    task->state = TASK_READY;
    queue_add(queue, task, task->end);
}

/* How many fresh ones may begin. */
static uint32_t queue_room(const Queue *queue, uint32_t unclean) {
    uint64_t taken = (uint64_t)queue->begun + unclean;
    return taken < queue->most ? queue->most - (uint32_t)taken : 0;
}

uint32_t queue_due(const Queue *queue, uint32_t unclean) {
    uint32_t room = queue_room(queue, unclean), fresh = queue->fresh.length;
    return queue->ready.length + queue->inner.length + (fresh < room ? fresh : room);
}

Task *queue_pop(Queue *queue, bool has_seat, uint32_t unclean) {
    uint32_t most = has_seat ? QUEUE_IN_A_ROW : QUEUE_IN_A_ROW_AT_MOST;
    Task *task = queue->inner.first;
    if (!task && queue_room(queue, unclean)) task = queue->fresh.first;
    if (queue->ready.first && (!task || queue->in_a_row < most)) task = queue->ready.first;
    if (!task) return NULL;
    bool begins = task->state == TASK_QUEUED;
    queue->in_a_row = begins ? 0 : queue->in_a_row + 1;
    if (begins) queue->begun++;
    queue_unlink(queue, task);
    if (task->deadline.place) deadlines_set(queue->deadlines, &task->deadline, INFINITY);
    task->state = TASK_RUNNING;
    return task;
}

void queue_end(Queue *queue, Task *task) {
    assert(task->state == TASK_RUNNING);
    queue->begun--;
    deadlines_leave(queue->deadlines, &task->deadline);
}

void queue_remove(Queue *queue, Task *task) {
    queue_unlink(queue, task);
    if (task->state != TASK_QUEUED) queue->begun--;
    deadlines_leave(queue->deadlines, &task->deadline);
}

Task *queue_take(Queue *queue) {
    Task *task = queue->fresh.first;
    if (!task) task = queue->inner.first;
    if (!task) task = queue->asleep.first;
    if (!task) task = queue->ready.first;
    if (task) queue_remove(queue, task);
    return task;
}
