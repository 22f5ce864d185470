/* zone.c - see zone.h */
#include "zone.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "deferred.h"
#include "os.h"

static OsOnce was_read = OS_ONCE_INITIAL;

void zone_read(void) { os_once(&was_read, tzset); }

int32_t zone_set(const char *name) {
    zone_read(); /* so that no other thread reads the environment while it changes */
    if (setenv("TZ", name, 1)) {
        os_note((OsFailure){"setenv", errno});
        return DFD_E_MEMORY;
    }
    tzset();
    return 0;
}
