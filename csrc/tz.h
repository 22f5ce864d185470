/* tz.h - the time zones that the library carries (intl_data.h), for Intl, and for dates where the
 * system has none. Any thread. */
#ifndef DEFERRED_TZ_H
#define DEFERRED_TZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "intl_data.h"

/* The zone of that name, whatever its case; NULL if there is none. */
const TzZone *tz_find(const char *name, size_t length);

typedef struct TzOffset {
    int32_t seconds; /* to be added to UTC */
    bool is_summer;
} TzOffset;

/* What is in force at that second since 1970. */
TzOffset tz_offset(const TzZone *zone, int64_t second);

/* Moments by which zones are told apart: from 1970 on, half a year apart and not at its turns. */
enum { TZ_SAMPLES = 120 };
static inline int64_t tz_sample(int i) { return (int64_t)i * 15778800 + 1300000; }

#endif
