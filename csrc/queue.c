/* queue.c - see queue.h */
#include "queue.h"

#include <assert.h>
#include <math.h>

void queue_open(Queue *queue, _Atomic uint32_t *queued, _Atomic uint32_t *waits,
                Deadlines *deadlines) {
    *queue = (Queue){.queued = queued, .waits = waits, .deadlines = deadlines};
}

/* The list that a task is in. */
static TaskList *queue_list(Queue *queue, const Task *task) {
    switch (task->state) {
    case TASK_QUEUED:
        return &queue->fresh;
    case TASK_WAITING:
        return &queue->asleep;
    default:
        assert(task->state == TASK_READY);
        return &queue->ready;
    }
}

static void queue_show(Queue *queue, const TaskList *changed) {
    if (changed == &queue->fresh)
        atomic_store(queue->queued, queue->fresh.length);
    else
        atomic_store(queue->waits, queue->asleep.length + queue->ready.length);
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

Task *queue_pop(Queue *queue) {
    bool fresh = !queue->ready.first || (queue->fresh.first && queue->in_a_row >= QUEUE_IN_A_ROW);
    Task *task = fresh ? queue->fresh.first : queue->ready.first;
    if (!task) return NULL;
    queue->in_a_row = fresh ? 0 : queue->in_a_row + 1;
    queue_unlink(queue, task);
    if (task->deadline.place) deadlines_set(queue->deadlines, &task->deadline, INFINITY);
    task->state = TASK_RUNNING;
    return task;
}

void queue_end(Queue *queue, Task *task) {
    assert(task->state == TASK_RUNNING);
    deadlines_leave(queue->deadlines, &task->deadline);
}

void queue_remove(Queue *queue, Task *task) {
    queue_unlink(queue, task);
    deadlines_leave(queue->deadlines, &task->deadline);
}

Task *queue_take(Queue *queue) {
    Task *task = queue->fresh.first;
    if (!task) task = queue->asleep.first;
    if (!task) task = queue->ready.first;
    if (task) queue_remove(queue, task);
    return task;
}
