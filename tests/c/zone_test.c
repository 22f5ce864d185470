/* zone_test.c - the time zone: who reads the environment, and when.
 *
 * What makes the tests fail; all of it was tried: localtime_r after a tzset of its own (as musl's);
 * a zone_set that does not call tzset, or does not look whether libc has the zone; one that takes
 * the library's zone where libc has another.
 */
#include "zone.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "check.h"
#include "deferred.h"
#define FAULT_NO_MACROS
#include "fault.h"

extern char **environ;

/* The hour that it was at the start of 1970. */
static int hour(void) {
    struct tm filled;
    return localtime_r(&(time_t){0}, &filled) ? filled.tm_hour : -1;
}

static void *hour_elsewhere(void *result) {
    *(int *)result = hour();
    return NULL;
}

static int hour_on_another_thread(void) {
    pthread_t thread;
    int result = -1;
    if (pthread_create(&thread, NULL, hour_elsewhere, &result) == 0) pthread_join(thread, NULL);
    return result;
}

TEST("once the zone was read, telling the time reads no environment") {
    char other[] = "TZ=XXX-9", *fake[] = {other, NULL}, **real = environ;
    REQUIRE(setenv("TZ", "UTC", 1) == 0);
    zone_read();
    environ = fake;
    zone_read();
    int here = hour(), there = hour_on_another_thread();
    environ = real;
    CHECK(here == 0 && there == 0, "%d and %d o'clock", here, there);
}

TEST("a zone that is set is every thread's, and one that can't be set changes nothing") {
    CHECK(zone_set("XXX-5") == 0);
    CHECK(hour() == 5 && hour_on_another_thread() == 5);
    fault_arm(FAULT_setenv, 1, 0);
    CHECK(zone_set("XXX-7") == DFD_E_MEMORY);
    CHECK(fault_struck() && hour() == 5 && hour_on_another_thread() == 5);
    CHECK(zone_set("XXX-7") == 0 && hour_on_another_thread() == 7);
}

TEST("a zone of which the system has no file is the library's, as long as libc takes it for UTC") {
    REQUIRE(setenv("TZDIR", "/nowhere", 1) == 0);
    CHECK(zone_set("Europe/Berlin") == 0 && hour() == 0);
    CHECK(zone_offset(0, 0) == 3600 && zone_offset(1782864000, 0) == 7200);
    CHECK(zone_offset(0, 1800) == 1800); /* a host changed it without telling us */
    CHECK(zone_set("XXX-5") == 0 && zone_offset(0, 0) == 0);
    CHECK(zone_set("Nonsense/Zone") == 0 && zone_offset(0, 0) == 0);
    unsetenv("TZDIR");
}
