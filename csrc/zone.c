/* zone.c - see zone.h */
#include "zone.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "deferred.h"
#include "os.h"

/* A name that was set. Kept as long as the process lives: a task may still read a former one. */
typedef struct ZoneName {
    struct ZoneName *former;
    char text[];
} ZoneName;

static ZoneName *latest; /* of zone_set's thread */
static OsOnce was_read = OS_ONCE_INITIAL;
static char first_name[64], locale[64];
static _Atomic(const char *) zone = first_name;

static void read_all(void) {
    tzset();
    os_zone_name(first_name, sizeof first_name);
    os_locale_name(locale, sizeof locale);
}

void zone_read(void) { os_once(&was_read, read_all); }

const char *zone_name(void) { return atomic_load(&zone); }

const char *zone_locale(void) { return locale; }

int32_t zone_set(const char *name) {
    zone_read(); /* so that no other thread reads the environment while it changes */
    size_t size = strlen(name) + 1;
    ZoneName *copy = malloc(sizeof *copy + size);
    if (!copy || setenv("TZ", name, 1)) {
        os_note((OsFailure){copy ? "setenv" : "malloc", errno});
        free(copy);
        return DFD_E_MEMORY;
    }
    memcpy(copy->text, name, size);
    copy->former = latest;
    latest = copy;
    tzset();
    atomic_store(&zone, copy->text);
    return 0;
}
