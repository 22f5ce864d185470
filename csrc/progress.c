/* progress.c - what a task reports of its progress; see loop.h, and completion.h for what becomes
 * of it.
 *
 * A report is written outside of the arena (Post.report) and sent in the order of the task's calls
 * and lines. The realm's thread.
 */
#include "deferred.h"
#include "loop.h"

JSValue progress_report(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
    Calls *calls = &loop_of(ctx)->calls;
    Bytes *report = &calls->post->report;
    (void)self;
    if (calls->reporting) /* by a getter of what is being reported */
        return JS_ThrowTypeError(ctx, "nothing can be reported while another report is read");
    uint32_t head[] = {DFD_EVENT_TYPE_PROGRESS, 0, 0, 0};
    CloneFailure failure;
    calls->reporting = true;
    CloneResult result = calls_encode(ctx, calls, report, calls->post->limit, head,
                                      argc > 0 ? argv[0] : JS_UNDEFINED, &failure);
    calls->reporting = false;
    if (!calls_check(ctx, report, result, &failure, "report(value)",
                     "call it in the task, and give what it returns"))
        return JS_EXCEPTION;
    calls_post(ctx, calls, report);
    return JS_UNDEFINED;
}
