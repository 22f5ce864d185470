/* watch.c - see watch.h */
#include "watch.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "os.h"

/* From so many chunks on: of less too much is written to. */
#define CHUNKS_MIN 8
/* A region of no more has chunks of a page, and is begun anew only every so often: a fault takes as
 * long as copying some 100 KB (10 us: a signal, and every processor is told of the page). */
#define SMALL_SIZE ((size_t)1 << 20)
#define RESTORES 1024
/* Of a larger one, chunks are larger. Once there are many, it is begun anew when copying them has
 * taken about as long as their faults would: those that the last task has not changed are let go.
 * Of all, the faults were those of a part. */
#define CHUNK_LARGE ((size_t)8 << 10)
#define CHUNKS_MANY 48
#define RESTORES_MANY 16
#define RESTORES_ALL 2

/* What may be written to in between of what may not is a mapping of its own to the system, and so
 * is what follows it. The system has some 65,000 for the process, which can't go on when they are
 * gone, and tasks decide where they write: so all watches together have so many such pieces. */
#define WATCHES_MAX 256
#define PIECES_MAX 8192
static atomic_uint watches, pieces;

struct Watch {
    char *memory;
    size_t size, chunk;
    size_t mapped; /* of this */
    uint32_t chunks, touched;
    uint32_t pieces;   /* of all watches', those that are taken for it */
    uint32_t restores; /* since it began anew */
    bool all;          /* every chunk counts as touched, and none is protected */
    uint32_t list[];   /* of those touched; behind it, a byte for each chunk */
};

static uint8_t *marks(Watch *watch) { return (uint8_t *)(watch->list + watch->chunks); }

static bool is_small(const Watch *watch) { return watch->size <= SMALL_SIZE; }

static char *chunk_at(const Watch *watch, uint32_t chunk) {
    return watch->memory + chunk * watch->chunk;
}

static size_t chunk_size(const Watch *watch, uint32_t chunk) {
    size_t rest = watch->size - chunk * watch->chunk;
    return rest < watch->chunk ? rest : watch->chunk;
}

/* Who touches so much, the engine's garbage collector for one, will touch the rest. */
static uint32_t touched_most(const Watch *watch) {
    return is_small(watch) ? watch->chunks - watch->chunks / 4 : watch->chunks / 2;
}

/* Async-signal-safe. */
static bool take_pieces(Watch *watch, uint32_t count) {
    if (atomic_fetch_add(&pieces, count) + count > PIECES_MAX) {
        atomic_fetch_sub(&pieces, count);
        return false;
    }
    watch->pieces += count;
    return true;
}

/* To be called when no part of the region is protected that another part is not. */
static void give_pieces(Watch *watch) {
    atomic_fetch_sub(&pieces, watch->pieces);
    watch->pieces = 0;
}

Watch *watch_open(char *memory, size_t size, size_t page, size_t hot) {
    size_t wanted = size > SMALL_SIZE ? CHUNK_LARGE : page;
    size_t chunk = wanted > page ? wanted : page, chunks = (size + chunk - 1) / chunk;
    assert(chunk % page == 0 && size % page == 0 && (uintptr_t)memory % page == 0);
    if (chunks < CHUNKS_MIN || chunks > UINT32_MAX) return NULL;
    size_t mapped = sizeof(Watch) + chunks * (sizeof(uint32_t) + 1);
    mapped = (mapped + page - 1) & ~(page - 1);
    OsFailure before = os_failure();
    if (atomic_fetch_add(&watches, 1) < WATCHES_MAX) {
        Watch *watch = os_map(mapped, OS_READ_WRITE);
        if (watch) {
            *watch = (Watch){.memory = memory, .size = size, .chunk = chunk, .mapped = mapped};
            watch->chunks = (uint32_t)chunks;
            watch->restores = RESTORES;
            for (uint32_t i = 0; i < chunks && i * chunk < hot; i++) {
                watch->list[watch->touched++] = i;
                marks(watch)[i] = 1;
            }
            size_t from = watch->touched * chunk;
            watch->all = from < size && !os_protect(memory + from, size - from, OS_READ);
            if (watch->all) os_protect(memory, size, OS_READ_WRITE);
            os_get_over(before);
            return watch;
        }
    }
    atomic_fetch_sub(&watches, 1);
    os_get_over(before);
    return NULL;
}

void watch_drop(Watch *watch) {
    if (!watch) return;
    give_pieces(watch);
    os_unmap(watch, watch->mapped);
    atomic_fetch_sub(&watches, 1);
}

bool watch_close(Watch *watch) {
    if (!os_protect(watch->memory, watch->size, OS_READ_WRITE)) return false;
    watch_drop(watch);
    return true;
}

/* It is listed before it can be written to: where the system refuses, that is tried again. */
bool watch_touch(Watch *watch, const void *address) {
    size_t offset = (uintptr_t)address - (uintptr_t)watch->memory;
    if (offset >= watch->size) return false;
    uint32_t chunk = (uint32_t)(offset / watch->chunk);
    if (!watch->all && !marks(watch)[chunk]) {
        watch->list[watch->touched++] = chunk;
        marks(watch)[chunk] = 1;
        if (!take_pieces(watch, 1)) watch->all = true;
    }
    if (watch->touched > touched_most(watch)) watch->all = true;
    OsFailure before = os_failure();
    char *at = chunk_at(watch, chunk);
    size_t size = chunk_size(watch, chunk);
    if (!watch->all && os_protect(at, size, OS_READ_WRITE)) return true;
    os_get_over(before);
    watch->all = true; /* or the system has no more mappings */
    if (!os_protect(watch->memory, watch->size, OS_READ_WRITE))
        return os_protect(at, size, OS_READ_WRITE);
    give_pieces(watch);
    return true;
}

/* Makes the chunks writable that are listed, those that lie side by side at once. */
static bool open_listed(const Watch *watch) {
    for (uint32_t i = 0, next; i < watch->touched; i = next) {
        uint32_t last = watch->list[i];
        for (next = i + 1; next < watch->touched && watch->list[next] == last + 1; next++) last++;
        char *from = chunk_at(watch, watch->list[i]);
        size_t size = (size_t)(chunk_at(watch, last) - from) + chunk_size(watch, last);
        if (!os_protect(from, size, OS_READ_WRITE)) return false;
    }
    return true;
}

/* Protects all but what is listed, which is in so many pieces. */
static bool protect_rest(Watch *watch, uint32_t count) {
    give_pieces(watch);
    return take_pieces(watch, count) && os_protect(watch->memory, watch->size, OS_READ) &&
           open_listed(watch);
}

/* Restores what may have been written to, and keeps in the list what was. If there are no pieces,
 * or the system refuses to protect, which it may do half way, all counts as touched, and is made
 * writable. */
static void begin_anew(Watch *watch, const char *image) {
    uint32_t touched = 0, count = 0;
    for (uint32_t i = 0; i < watch->chunks; i++) {
        bool may_differ = watch->all || marks(watch)[i];
        size_t size = chunk_size(watch, i);
        const char *wanted = image + i * watch->chunk;
        marks(watch)[i] = may_differ && memcmp(chunk_at(watch, i), wanted, size);
        if (!marks(watch)[i]) continue;
        memcpy(chunk_at(watch, i), wanted, size);
        if (touched == 0 || watch->list[touched - 1] + 1 != i) count++;
        watch->list[touched++] = i;
    }
    if (touched > touched_most(watch) && !is_small(watch)) {
        memset(marks(watch), 0, watch->chunks);
        touched = count = 0;
    }
    OsFailure before = os_failure();
    watch->touched = touched;
    watch->restores = 0;
    watch->all = !protect_rest(watch, count);
    if (watch->all && os_protect(watch->memory, watch->size, OS_READ_WRITE)) give_pieces(watch);
    os_get_over(before);
}

static void copy_back(const Watch *watch, const char *image, uint32_t chunk) {
    memcpy(chunk_at(watch, chunk), image + chunk * watch->chunk, chunk_size(watch, chunk));
}

/* After how many it begins anew. */
static uint32_t restores_most(const Watch *watch) {
    if (is_small(watch)) return RESTORES;
    return watch->all ? RESTORES_ALL : watch->touched > CHUNKS_MANY ? RESTORES_MANY : RESTORES;
}

void watch_restore(Watch *watch, const char *image) {
    if (watch->restores++ >= restores_most(watch))
        begin_anew(watch, image);
    else if (watch->all)
        memcpy(watch->memory, image, watch->size);
    else
        for (uint32_t i = 0; i < watch->touched; i++) copy_back(watch, image, watch->list[i]);
}
