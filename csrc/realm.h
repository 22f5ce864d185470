/* realm.h - QuickJS in an arena: compile, run, restore.
 *
 * A realm is one JSRuntime with one JSContext, all of it in one arena. It is built once, its
 * snapshot taken, and restored after every use, so that each task finds it pristine. It is tied to
 * no thread: whoever has it to itself may use it, on any; others may only ask what runs in it to
 * stop (realm_stop).
 *
 * No JSValue survives a restore: what must last is encoded into bytes first.
 */
#ifndef DEFERRED_REALM_H
#define DEFERRED_REALM_H

#include <stdalign.h>

#include "bytes.h"
#include "clone.h"
#include "grants.h"
#include "loop.h"
#include "program.h"

typedef struct Realm Realm;

/* What a task may use. 0 means no limit (timeout, cpu) or the realm's own (memory, stack). */
typedef struct Limits {
    double timeout_ms;
    double cpu_ms;
    size_t memory;
    size_t stack;
    size_t result; /* bytes that what it returns or throws may be */
    CallLimits calls;
} Limits;

/* Builds a realm that may grow to `memory` bytes and use `stack` bytes of native stack of the
 * thread that enters it. NULL when there is no memory. */
Realm *realm_open(size_t memory, size_t stack);
void realm_close(Realm *realm); /* NULL is fine */

/* From here on only threads enter it that catch faults (guard_thread_begin): so what it writes to
 * may be watched, and a restore copies no more (arena_watch). */
void realm_watch(Realm *realm);

/* What the realms of a pool have in common. The first two are built alike: with the same limits,
 * the same seed, the same classes and modules. Where they differ is where the image has pointers,
 * so that from then on it makes the others: it is copied and moved, in place of built. */
typedef struct RealmModel {
    uint32_t hash_seed;
    struct ArenaImage *image; /* of the realm that was taken for it; NULL before */
    const struct Arena *arena;
    JSRuntime *runtime;
    JSContext *context;
    const JSValue *classes;
    uint32_t class_count;
    Modules modules;
    size_t shared;
} RealmModel;

bool realm_model_open(RealmModel *model); /* false when the system has nothing random */
void realm_model_close(RealmModel *model);

/* As realm_open: built with the model's seed, or made of its image, which must have been learned.
 */
Realm *realm_open_alike(size_t memory, size_t stack, const RealmModel *model, bool by_image);

/* Takes a pristine realm's image, without presets, for the model. */
void realm_model_take(RealmModel *model, const Realm *realm);
/* Learns from another one how to move that. false if that can't be: they differ in more than
 * pointers (classes may have noted the time), or there is no memory. */
bool realm_model_learn(RealmModel *model, const Realm *alike);

/* Calls a program without arguments whose result is an array of prototypes: those of the classes
 * whose instances cross as such; then runs the jobs that it left. What it made, globals too, is
 * part of the realm from then on. It may use `stack` bytes of native stack. Returns 0; or a
 * DFD_STATUS_*, of which THROWN and UNCLONEABLE come with what was thrown in `out`, and INTERNAL
 * means that the process has no memory left: the realm needs a restore then, and is as it was
 * before. */
int realm_preload(Realm *realm, const Program *program, size_t stack, Bytes *out);

/* A value, in the wire format, in a list that only grows, at its end. */
typedef struct Share {
    struct Share *next;
    size_t length;
    alignas(8) uint8_t value[];
} Share;

Share *share_new(const uint8_t *value, size_t length); /* NULL when there is no memory */
void shares_free(Share *first);                        /* and those after it */

/* Compiles the modules of a list, as dfd_module says, and evaluates those with names: what all of
 * that made is part of the realm from then on, but counts towards no limit. Math.random gives the
 * same numbers in all realms of a model meanwhile. As realm_preload, which it may follow;
 * `*blamed` is the number of the module with which it failed, or 0. */
int realm_load_modules(Realm *realm, const Share *first, size_t stack, Bytes *out,
                       uint32_t *blamed);

/* Puts the first `count` values of a list (the same one each time, and the caller's as long as the
 * realm lives) into the realm for good, as its presets: those that it does not have yet, with one
 * snapshot for all. What they take does not count towards any limit. One that the engine can't have
 * is there as undefined: tasks that refer to it fail, and no others. Returns 0, or the DFD_STATUS_*
 * that it was left with: the realm has fewer then. It must be pristine, and needs no restore. */
int realm_share(Realm *realm, const Share *first, uint32_t count);

/* Compiles an expression, as DFD_COMPILE_* say, that evaluates to a function, or with `member`, to
 * one in which the function stands: what lies between the first line of the source and its last is
 * the function's text. Appends the reply (deferred.h, dfd_compile, the wire value only) and gives
 * the program, or NULL when the source was refused (the reply says why) or there was no memory (the
 * reply failed). Returns 0, or the DFD_STATUS_* that it was left with: no reply then, and no
 * program; or DFD_STATUS_STACK and a reply, if the source was refused as it is nested too deeply.
 * The realm needs a restore. */
int realm_compile(Realm *realm, const char *source, size_t length, uint32_t flags, Bytes *reply,
                  Program **program);

/* How many bytes of the thread's stack may be used until the next restore. */
void realm_set_stack(Realm *realm, size_t stack);

/* Calls a program with `argc` arguments in the wire format (`length` bytes, aligned to 8) and
 * appends the payload to `out`. Without a program the three arguments are a text, which is compiled
 * here, under the same limits, an object whose properties it finds as globals, and what else is to
 * be known of it (modules.h).
 * Returns a DFD_STATUS_*, and the realm needs a restore; or REALM_WAITS. */
int realm_run(Realm *realm, Program *program, const uint8_t *args, size_t length, uint32_t argc,
              const Limits *limits, Bytes *out);

/* What a run returns instead of a DFD_STATUS_* when the task waits: nothing of it is on any stack,
 * and it goes on by realm_resume, be that on another thread. */
#define REALM_WAITS (-1)

/* Goes on with a task that waits: reads its mail, which it takes over, and does what is due.
 * `limit` is that of its memory, as it was run with. Returns what realm_run does. */
int realm_resume(Realm *realm, size_t limit, Mail *mail, Bytes *out);
/* Whether machine code of ours ran in the task, which has ended or not; until the restore. */
bool realm_ran_code(const Realm *realm);

/* Who sends what tasks have to say (an event's payload, DFD_EVENT_*) from here on. `send` may take
 * the bytes over, and is called inside a critical section of the guard's; false means that there is
 * no memory. */
typedef PostSend RealmSend;
/* `lines` is the task's, and outlives its run; so do `grants`, where buffers go that are moved. */
void realm_set_post(Realm *realm, RealmSend *send, void *opaque, Lines *lines, Grants *grants);
/* Where its messages come from, by the same `opaque`, if it waits for one while it runs. */
void realm_set_mailbox(Realm *realm, Mailbox mailbox);

/* Whether the last argument of the next run lists functions of the host, and the task finds
 * `report` among them; whether the host loads modules for it; and whether its program finds those
 * of the realm by their names. */
void realm_offer(Realm *realm, bool lists, bool reports, bool loads, bool names);

/* When a task that waits has something to do, whoever sends it anything or not: ms of os_now, or
 * INFINITY. */
double realm_due(const Realm *realm);

/* Memory of the host's that the arguments of the next run refer to; the caller's until the restore.
 */
void realm_lend(Realm *realm, CloneRegion *regions, uint32_t count);

/* After a run: moves the buffers out that its result is to take along, to `grants`, and appends
 * their table (moved.h) to `out`. Returns how many; if memory runs out, out->failed, and none is.
 */
uint32_t realm_move_out(Realm *realm, Grants *grants, Bytes *out);

/* Makes the realm pristine again. */
void realm_restore(Realm *realm);

/* Asks what runs in the realm, now or next, to end with `status`, unless it was asked to already;
 * 0 takes that back. It is heeded when the engine polls, and when its thread is signalled
 * (guard.h). Any thread. */
void realm_stop(Realm *realm, int status);

size_t realm_image_size(const Realm *realm);

#ifdef DFD_TEST
/* Its arena, for tests that look at the image or let allocations fail. */
struct Arena *realm_arena(const Realm *realm);
/* The guard around what runs in it, for tests that run something else in its place. */
struct Guard *realm_guard(Realm *realm);
#endif

#endif
