/* transfer.c - buffers that move with calls and answers, in place of being copied; see loop.h
 *
 * With a call (`host.f.with({ transfer: [buffer] })(buffer)`): what the encoding does not copy of
 * the buffers that are listed is taken out of the realm when the call is sent, page by page
 * (moved.h). A call that must wait keeps that memory in the arena: it goes with the task. What the
 * host had lent is given back.
 *
 * With an answer: the host lends memory, as it does with a submission. The regions are numbered on,
 * and no number is used twice. When no buffer of the task's uses one any more the host is told.
 *
 * All buffers of a list are detached, or none is: they are looked at before the arguments are read,
 * which may run code, and after.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "arena.h"
#include "deferred.h"
#include "engine.h"
#include "engine_values.h"
#include "guard.h"
#include "loop.h"
#include "moved.h"
#include "platform.h"

/* --- what a call moves -------------------------------------------------------------------- */

static bool transfer_refuse(JSContext *ctx, uint32_t index, const char *why) {
    JS_ThrowDOMException(ctx, "DataCloneError", "transfer[%u]: %s", index, why);
    return false;
}

static bool transfer_check_one(JSContext *ctx, const Transfer *transfer, uint32_t index) {
    JSValueConst value = transfer->buffers[index];
    EngineKind kind = JS_IsObject(value) ? engine_kind(ctx, value) : ENGINE_OTHER;
    if (kind == ENGINE_SHARED)
        return transfer_refuse(ctx, index,
                               "a SharedArrayBuffer is shared, not transferred; leave it out of "
                               "the list");
    if (kind == ENGINE_VIEW)
        return transfer_refuse(ctx, index,
                               "a view can't be transferred; pass its buffer: view.buffer");
    if (kind != ENGINE_BUFFER)
        return transfer_refuse(ctx, index, "only an ArrayBuffer can be transferred");
    if (engine_buffer(value).detached)
        return transfer_refuse(ctx, index,
                               "the ArrayBuffer is detached: it was transferred before");
    if (JS_IsImmutableArrayBuffer(value) > 0)
        return transfer_refuse(ctx, index, "an immutable ArrayBuffer can't be transferred");
    for (uint32_t i = 0; i < index; i++)
        if (JS_VALUE_GET_PTR(transfer->buffers[i]) == JS_VALUE_GET_PTR(value))
            return transfer_refuse(ctx, index, "the same ArrayBuffer is there twice");
    return true;
}

bool transfer_check(JSContext *ctx, const Transfer *transfer) {
    for (uint32_t i = 0; i < transfer->count; i++)
        if (!transfer_check_one(ctx, transfer, i)) return false;
    return true;
}

size_t transfer_size(const CloneScope *scope) {
    size_t size = 0;
    for (uint32_t i = 0; i < scope->kept_count; i++)
        if (!scope->kept[i].lent) size += scope->kept[i].memory.length;
    return size;
}

/* No buffer is over a region any more: the host may lend the same memory again. */
static void transfer_forget(const CloneScope *scope, uint32_t number) {
    scope->lent->regions[number] = (CloneRegion){0};
}

/* Tells the host that a region is used no more. */
static void transfer_tell(const Post *post, uint32_t number) {
    uint32_t head[DFD_EVENT_VALUE / 4] = {[DFD_EVENT_TYPE / 4] = DFD_EVENT_TYPE_FREED,
                                          [DFD_EVENT_REGION / 4] = number};
    Bytes letter = {0};
    guard_critical_enter();
    bytes_write(&letter, head, sizeof head);
    /* Without memory the host keeps its own until the task ends. */
    if (!letter.failed) post->send(post->opaque, &letter, sizeof head, 0);
    bytes_free(&letter);
    guard_critical_leave();
}

Moves transfer_take(JSContext *ctx, const Transfer *transfer, CloneScope *scope) {
    Moves moves = {.bytes = (double)transfer_size(scope)};
    clone_give_back(ctx, scope);
    uint32_t back = scope->kept_count - scope->moved_count;
    if (scope->moved_count)
        moves.regions = js_malloc(ctx, scope->moved_count * sizeof *moves.regions);
    if (back) moves.given_back = js_malloc(ctx, back * sizeof *moves.given_back);
    for (uint32_t i = 0; i < scope->kept_count; i++) {
        CloneKept *kept = &scope->kept[i];
        if (kept->lent) {
            transfer_forget(scope, kept->region);
            moves.given_back[moves.given_back_count++] = kept->region;
            continue;
        }
        CloneRegion *region = &moves.regions[moves.count++];
        *region = kept->memory;
        if (!kept->copied)
            region->data = engine_take_bytes(ctx, JS_MKPTR(JS_TAG_OBJECT, kept->buffer));
        kept->copied = false; /* the block is ours now */
    }
    assert(moves.count == scope->moved_count && moves.given_back_count == back);
    for (uint32_t i = 0; i < transfer->count; i++) JS_DetachArrayBuffer(ctx, transfer->buffers[i]);
    clone_free_kept(ctx, scope);
    return moves;
}

bool transfer_move_out(const Post *post, const Moves *moves, Bytes *letter) {
    static const uint8_t zeros[8];
    if (moves->count == 0) return true;
    letter->limit = 0; /* of what it says */
    bytes_write(letter, zeros, -letter->length & 7);
    size_t table = letter->length;
    for (uint32_t i = 0; i < moves->count; i++) {
        CloneRegion memory = moves->regions[i];
        bool stay = arena_in_image(post->arena, memory.data);
        if (moved_take(post->grants, letter, memory.data, memory.length, stay)) continue;
        moved_drop(post->grants, letter->data + table, i);
        return false;
    }
    return true;
}

void transfer_end(JSContext *ctx, const Moves *moves) {
    for (uint32_t i = 0; i < moves->count; i++) js_free(ctx, moves->regions[i].data);
    js_free(ctx, moves->regions);
    for (uint32_t i = 0; i < moves->given_back_count; i++)
        transfer_tell(loop_of(ctx)->calls.post, moves->given_back[i]);
    js_free(ctx, moves->given_back);
}

JSValue transfer_with(JSContext *ctx, JSValueConst options, JSCFunctionData *call, int function) {
    JSValue given, *list = NULL;
    if (!platform_option(ctx, options, "transfer", &given)) return JS_EXCEPTION;
    if (!JS_IsObject(given)) {
        JS_FreeValue(ctx, given);
        return JS_ThrowTypeError(ctx, "with(options): options must be { transfer: [buffer] }, the "
                                      "ArrayBuffers to move with the call");
    }
    int64_t count = engine_iterate(ctx, given, &list);
    JS_FreeValue(ctx, given);
    if (count < 0) return JS_EXCEPTION;
    JSValue buffers = JS_NewArrayFrom(ctx, (int)count, list); /* takes them over */
    js_free(ctx, list);
    JSValue bound = JS_NewCFunctionData(ctx, call, 0, function, 1, (JSValueConst *)&buffers);
    JS_FreeValue(ctx, buffers);
    return bound;
}

/* --- what an answer lends ----------------------------------------------------------------- */

static double transfer_f64(const uint8_t *at) {
    double value;
    memcpy(&value, at, sizeof value);
    return value;
}

/* Makes room for more regions in the list, in the realm from now on. */
static CloneRegion *transfer_grow(JSContext *ctx, CloneLent *lent, uint32_t count) {
    if (lent->count + count > lent->capacity) {
        uint32_t capacity = (lent->count + count) * 2;
        CloneRegion *regions = js_malloc(ctx, capacity * sizeof *regions);
        if (lent->count) memcpy(regions, lent->regions, lent->count * sizeof *regions);
        if (lent->capacity) js_free(ctx, lent->regions);
        lent->regions = regions;
        lent->capacity = capacity;
    }
    CloneRegion *more = lent->regions + lent->count;
    lent->count += count;
    return more;
}

size_t transfer_receive(JSContext *ctx, CloneScope *scope, const uint8_t *message, size_t length,
                        uint32_t *count) {
    uint32_t size;
    memcpy(count, message + DFD_MESSAGE_REGIONS, sizeof *count);
    if (*count == 0) return length - DFD_MESSAGE_VALUE;
    memcpy(&size, message + DFD_MESSAGE_LENGTH, sizeof size);
    const uint8_t *table = message + length - (size_t)*count * DFD_REGION_SIZE;
    CloneRegion *regions = transfer_grow(ctx, scope->lent, *count);
    for (uint32_t i = 0; i < *count; i++, table += DFD_REGION_SIZE) {
        regions[i] = (CloneRegion){
            .data = (uint8_t *)(uintptr_t)transfer_f64(table + DFD_REGION_ADDRESS),
            .length = (size_t)transfer_f64(table + DFD_REGION_LENGTH),
        };
    }
    return size;
}

void transfer_freed(JSRuntime *rt, uint32_t number) {
    const Post *post = ((Loop *)JS_GetRuntimeOpaque(rt))->calls.post;
    CloneRegion *region = &post->scope->lent->regions[number];
    if (!region->data) return; /* it was told before, or given back */
    if (region->held) {
        region->dropped = true;
        return;
    }
    transfer_forget(post->scope, number);
    transfer_tell(post, number);
}

void transfer_drop(JSContext *ctx, const CloneScope *scope, uint32_t count) {
    for (uint32_t i = scope->lent->count - count; i < scope->lent->count; i++)
        transfer_freed(JS_GetRuntime(ctx), i);
}
