/* clone.h - structured clone: from a realm's value to bytes in the wire format (wire.h), and back.

 */
#ifndef DEFERRED_CLONE_H
#define DEFERRED_CLONE_H

#include "bytes.h"
#include "presets.h"
#include "quickjs.h"
#include "wire.h"

/* How an encoding ended. */
typedef enum CloneResult {
    CLONE_OK,
    CLONE_THREW,       /* a getter or proxy trap threw: the exception is pending in the context */
    CLONE_UNCLONEABLE, /* `failure` says what and where */
    CLONE_NO_MEMORY,   /* `bytes` could not grow (the process, not the realm) */
} CloneResult;

/* Why a value can't be cloned, and where: two strings, the caller's. */
typedef struct CloneFailure {
    JSValue message; /* "a function (`fn`) can't be cloned" - without the path */
    JSValue path;    /* ".items[3].fn", empty for the value itself; see clone_encode.c */
} CloneFailure;

/* Memory of a buffer. */
typedef struct CloneRegion {
    uint8_t *data; /* a multiple of 8 */
    size_t length;
    /* Of one that was lent: whether an encoding gives it back, which will write to it, and names it
     * to the host; and whether meanwhile the last buffer over it was dropped. */
    bool held, dropped;
} CloneRegion;

/* What the host lent to a task, by number. More may come while an encoding runs the task's code,
 * and the list move: so those who look at it share it. */
typedef struct CloneLent {
    CloneRegion *regions;
    uint32_t count, capacity; /* with a capacity it is a block of the realm's; else the caller's */
} CloneLent;

/* A buffer whose bytes lie outside the encoding. */
typedef struct CloneKept {
    CloneRegion memory; /* where they are: the realm's, or the host's */
    uint8_t *lent;      /* LENT: where they must be in the end, memory of the host's; else NULL */
    uint32_t region;    /* LENT: its number */
    bool copied;        /* `memory` is a block of the realm's that belongs to this list */
    void *buffer;       /* the object whose memory it else is; held as long as the list has it */
} CloneKept;

/* The names that code has in the engine's stacks as its file: strings, by the number of the file;
 * or undefined. The realm's. */
typedef struct CloneFiles {
    JSValue *names;
    uint32_t count;
} CloneFiles;

/* What lies beside an encoding. */
typedef struct CloneScope {
    /* The prototypes of the classes whose instances cross as such, by number. The realm's. */
    const JSValue *classes;
    uint32_t class_count;
    /* The values that every realm of the pool has. The realm's; or NULL. */
    const Presets *presets;
    /* What the host lent for the task's time: LENT and SHARED. The caller's; or NULL. */
    CloneLent *lent;
    /* clone_encode: it is decoded in the same realm. So buffers are copied, however large, and LENT
     * ones too, but for SHARED memory; and stacks stay as they are. */
    bool local;
    /* clone_encode: how many bytes of large buffers may be copied, and how many were. */
    size_t may_copy, copied;
    /* clone_encode: the large buffers of the value that are not copied, and how many of them are
     * MOVED. Allocated in the realm: the caller calls clone_free_kept, or restores the realm. */
    CloneKept *kept;
    uint32_t kept_count, kept_capacity, moved_count;
    /* clone_encode: nothing is kept, and what was lent is not given back, but of these buffers. */
    bool copies;
    const JSValue *transfer;
    uint32_t transfer_count;
    /* Told when the buffer over a region is no more; not by an encoding that holds it, but when
     * that lets go. NULL: nobody is. */
    void (*freed)(JSRuntime *rt, uint32_t region);
    const CloneFiles *files; /* of the modules that are loaded; or NULL */
} CloneScope;

/* Appends `value` to `bytes`; appends nothing if that fails. The encoding starts at bytes->length,
 * which matters for padding only. All working memory comes from the realm. Runs code of the realm:
 * getters. With a `scope` of NULL nothing lies beside the encoding, and everything is copied. */
CloneResult clone_encode(JSContext *ctx, JSValueConst value, Bytes *bytes, CloneScope *scope,
                         CloneFailure *failure);

/* What was lent and had to be copied, as code ran meanwhile, goes back to where the host will look:
 * once it is sure that the encoding leaves the realm. */
void clone_give_back(JSContext *ctx, CloneScope *scope);

/* Releases the buffers that an encoding met; nobody needs their memory any more. */
void clone_free_kept(JSContext *ctx, CloneScope *scope);

/* Reads `count` values that share one numbering and must fill `length` bytes exactly. Returns 0,
 * and the values are the caller's; or -1 with an exception pending (a malformed encoding: a
 * DataCloneError) and no values. Padding counts from `data`, which need not be aligned. Runs no
 * code of the realm. `scope` may be NULL. */
int clone_decode(JSContext *ctx, const uint8_t *data, size_t length, const CloneScope *scope,
                 JSValue *values, uint32_t count);

#endif
