/* zone.c - see zone.h */
#include "zone.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "deferred.h"
#include "os.h"

static pthread_once_t was_read = PTHREAD_ONCE_INIT;

void zone_read(void) { pthread_once(&was_read, tzset); }

int32_t zone_set(const char *name) {
    zone_read(); /* so that no other thread reads the environment while it changes */
    if (setenv("TZ", name, 1)) {
        os_note((OsFailure){"setenv", errno});
        return DFD_E_MEMORY;
    }
    tzset();
    return 0;
}
