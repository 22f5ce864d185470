/* task.c - see task.h */
#include "task.h"

#include <stdlib.h>

_Static_assert(offsetof(Task, completion) == 0, "a task is freed through its completion");

void task_put_mail(Task *task, Mail *mail) {
    *(task->last_mail ? &task->last_mail->next : &task->mail) = mail;
    task->last_mail = mail;
    task->unread += mail->length;
    atomic_fetch_add(&task->posted, 1);
}

Mail *task_take_mail(Task *task) {
    Mail *mail = task->mail;
    task->mail = task->last_mail = NULL;
    task->unread = 0;
    return mail;
}

void task_drop(Task *task) {
    program_drop(task->program);
    mail_free(task_take_mail(task));
    bytes_free(&task->progress.latest);
    free(task);
}

void task_tell_dropped(CompletionQueue *completions, Task *task) {
    Bytes notice = {0};
    uint32_t head[] = {DFD_EVENT_TYPE_LINE, task->lines.dropped, task->lines.left <= 0, 0};
    task->lines.dropped = 0;
    bytes_write(&notice, head, sizeof head);
    if (!notice.failed)
        completion_tell(completions, task->completion.task, &task->progress, &notice,
                        (EventParts){.length = sizeof head});
    bytes_free(&notice);
}

void task_end(CompletionQueue *completions, Task *task, uint32_t status, uint32_t worker,
              double start, Bytes *payload) {
    Completion *completion = &task->completion;
    program_drop(task->program);
    mail_free(task_take_mail(task));
    if (task->progress.latest.length)
        completion_report_last(completions, completion->task, &task->progress);
    if (task->lines.dropped) task_tell_dropped(completions, task);
    bytes_free(&task->progress.latest);
    double end = os_now();
    completion->status = status;
    completion->worker = worker;
    completion->wait_ms = start - task->submitted;
    completion->run_ms = worker ? end - start : 0;
    if (!completion_load(completions, completion, payload)) {
        completion->status = DFD_STATUS_RESOURCES;
        completion->length = completion->moved = 0;
        payload->length = 0;
        completion_load(completions, completion, payload);
    }
    if (completion_push(completions, completion)) {
        /* The bytes were copied: the worker goes on with its buffer. */
        *payload = completion->payload;
        free(task);
    }
}
