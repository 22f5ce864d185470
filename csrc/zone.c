/* zone.c - see zone.h */
#include "zone.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "deferred.h"
#include "os.h"
#include "tz.h"

/* A name that was set. Kept as long as the process lives, once: a task may still read a former one.
 */
typedef struct ZoneName {
    struct ZoneName *former;
    char text[];
} ZoneName;

static ZoneName *latest; /* of zone_set's thread */
static OsOnce was_read = OS_ONCE_INITIAL;
static char first_name[64], locale[64];
static _Atomic(const char *) zone = first_name;
static _Atomic(const TzZone *) instead;

/* The zone of that name that the library carries, if libc lacks it: then it takes UTC for it. Libc
 * knows a name of no zone in its own way ("XXX-5"). */
static const TzZone *zone_lacked(const char *name) {
    const TzZone *carried = tz_find(name, strlen(name));
    bool differs = false;
    for (int i = 0; carried && i < TZ_SAMPLES; i++) {
        time_t second = (time_t)tz_sample(i);
        struct tm filled;
        if (!localtime_r(&second, &filled) || filled.tm_gmtoff != 0) return NULL;
        differs = differs || tz_offset(carried, second).seconds != 0;
    }
    return differs ? carried : NULL;
}

static void read_all(void) {
    tzset();
    os_zone_name(first_name, sizeof first_name);
    atomic_store(&instead, zone_lacked(first_name));
    os_locale_name(locale, sizeof locale);
}

void zone_read(void) { os_once(&was_read, read_all); }

const char *zone_name(void) { return atomic_load(&zone); }

int64_t zone_offset(int64_t second, int64_t of_libc) {
    const TzZone *carried = of_libc == 0 ? atomic_load(&instead) : NULL;
    return carried ? tz_offset(carried, second).seconds : of_libc;
}

const char *zone_locale(void) { return locale; }

/* One that is kept already. */
static ZoneName *zone_find(const char *name) {
    ZoneName *known = latest;
    while (known && strcmp(known->text, name) != 0) known = known->former;
    return known;
}

int32_t zone_set(const char *name) {
    zone_read(); /* so that no other thread reads the environment while it changes */
    size_t size = strlen(name) + 1;
    ZoneName *known = zone_find(name), *kept = known ? known : malloc(sizeof *kept + size);
    if (!kept || setenv("TZ", name, 1)) {
        os_note((OsFailure){kept ? "setenv" : "malloc", errno});
        if (!known) free(kept);
        return DFD_E_MEMORY;
    }
    if (!known) {
        memcpy(kept->text, name, size);
        kept->former = latest;
        latest = kept;
    }
    tzset();
    atomic_store(&zone, kept->text);
    atomic_store(&instead, zone_lacked(kept->text));
    return 0;
}
