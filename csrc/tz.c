/* tz.c - see tz.h
 *
 * A zone is a TZif file of version 2 or newer: a block of 32 bits, which is skipped, one of 64
 * bits, and a rule for what comes after it, as POSIX writes it in TZ: "CET-1CEST,M3.5.0,M10.5.0/3".
 * They are the build's, but each length is checked all the same.
 */
#include "tz.h"

#include <string.h>

enum { TZ_HEADER = 44, TZ_DAY = 86400 };

static int tz_lower(int letter) { return letter >= 'A' && letter <= 'Z' ? letter + 32 : letter; }

const TzZone *tz_find(const char *name, size_t length) {
    uint32_t low = 0, high = tz_zone_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        const char *other = tz_zones[middle].name;
        int order = 0;
        size_t i = 0;
        for (; i < length && other[i] && order == 0; i++)
            order = tz_lower((unsigned char)name[i]) - tz_lower((unsigned char)other[i]);
        if (order == 0) order = i < length ? 1 : other[i] ? -1 : 0;
        if (order == 0) return &tz_zones[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static int64_t tz_read(const uint8_t *at, int size) {
    uint64_t value = at[0] & 0x80 ? ~UINT64_C(0) : 0;
    for (int i = 0; i < size; i++) value = value << 8 | at[i];
    return (int64_t)value;
}

/* --- the rule --------------------------------------------------------------------------------- */

typedef struct TzText {
    const char *at, *end;
} TzText;

static bool tz_take(TzText *text, char letter) {
    if (text->at == text->end || *text->at != letter) return false;
    text->at++;
    return true;
}

static void tz_skip_name(TzText *text) {
    if (tz_take(text, '<')) {
        while (text->at < text->end && *text->at++ != '>') continue;
        return;
    }
    while (text->at < text->end && (tz_lower(*text->at) >= 'a' && tz_lower(*text->at) <= 'z'))
        text->at++;
}

static int32_t tz_number(TzText *text) {
    int32_t number = 0;
    while (text->at < text->end && *text->at >= '0' && *text->at <= '9' && number < 100000)
        number = number * 10 + (*text->at++ - '0');
    return number;
}

/* "5:30:00" in seconds. */
static int32_t tz_time(TzText *text) {
    bool is_negative = tz_take(text, '-');
    if (!is_negative) tz_take(text, '+');
    int32_t seconds = tz_number(text) * 3600;
    if (tz_take(text, ':')) {
        seconds += tz_number(text) * 60;
        if (tz_take(text, ':')) seconds += tz_number(text);
    }
    return is_negative ? -seconds : seconds;
}

static int64_t tz_days(int64_t year, int month, int day) { /* since 1970; month from 1 */
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool tz_is_leap(int64_t year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* When, in local seconds since 1970, a rule such as "M3.5.0/2" holds in a year. */
static int64_t tz_rule(TzText *text, int64_t year) {
    int64_t day;
    if (tz_take(text, 'M')) {
        static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        int32_t month = tz_number(text);
        tz_take(text, '.');
        int32_t week = tz_number(text);
        tz_take(text, '.');
        int32_t weekday = tz_number(text);
        if (month < 1 || month > 12) return 0;
        int64_t first = tz_days(year, month, 1);
        int32_t of_first = (int32_t)(((first + 4) % 7 + 7) % 7);
        int32_t in_month = (weekday - of_first + 7) % 7 + (week - 1) * 7;
        int32_t length = lengths[month - 1] + (month == 2 && tz_is_leap(year));
        while (in_month >= length) in_month -= 7;
        day = first + in_month;
    } else if (tz_take(text, 'J')) {
        int32_t number = tz_number(text); /* 29 February is never counted */
        day = tz_days(year, 1, 1) + number - 1 + (number >= 60 && tz_is_leap(year));
    } else
        day = tz_days(year, 1, 1) + tz_number(text);
    return day * TZ_DAY + (tz_take(text, '/') ? tz_time(text) : 7200);
}

static int64_t tz_year(int64_t second) {
    int64_t days = second / TZ_DAY - (second % TZ_DAY < 0) + 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097, of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    return year + era * 400 + ((5 * of_year + 2) / 153 >= 10);
}

static TzOffset tz_by_rule(TzText text, int64_t second) {
    tz_skip_name(&text);
    int32_t standard = -tz_time(&text), summer = standard + 3600;
    if (text.at == text.end) return (TzOffset){standard, false};
    tz_skip_name(&text);
    if (text.at < text.end && *text.at != ',') summer = -tz_time(&text);
    tz_take(&text, ',');
    int64_t year = tz_year(second + standard);
    int64_t from = tz_rule(&text, year) - standard;
    tz_take(&text, ',');
    int64_t to = tz_rule(&text, year) - summer;
    bool is_on = from < to ? second >= from && second < to : second >= from || second < to;
    /* Ireland's law calls its winter the exception: what is later is summer all the same. */
    bool is_summer = is_on == (summer > standard);
    return (TzOffset){is_on ? summer : standard, is_summer};
}

/* --- the file --------------------------------------------------------------------------------- */

typedef struct TzBlock {
    size_t times, types, bytes; /* how many times and types, and how long all of it is */
} TzBlock;

static bool tz_block(const uint8_t *at, size_t left, int size, TzBlock *block) {
    if (left < TZ_HEADER || memcmp(at, "TZif", 4)) return false;
    size_t counts[6]; /* isut, isstd, leap, time, type, char */
    for (int i = 0; i < 6; i++) counts[i] = (size_t)(uint32_t)tz_read(at + 20 + 4 * i, 4);
    block->times = counts[3];
    block->types = counts[4];
    block->bytes = TZ_HEADER + counts[3] * ((size_t)size + 1) + counts[4] * 6 + counts[5] +
                   counts[2] * ((size_t)size + 4) + counts[1] + counts[0];
    return block->bytes <= left && block->types > 0;
}

TzOffset tz_offset(const TzZone *zone, int64_t second) {
    const uint8_t *file = tz_bytes + zone->at;
    TzBlock old, block;
    if (!tz_block(file, zone->size, 4, &old)) return (TzOffset){0, false};
    const uint8_t *at = file + old.bytes;
    if (!tz_block(at, zone->size - old.bytes, 8, &block)) return (TzOffset){0, false};
    const uint8_t *times = at + TZ_HEADER, *kinds = times + 8 * block.times;
    const uint8_t *types = kinds + block.times;
    size_t low = 0, high = block.times; /* the first time after `second` */
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (tz_read(times + 8 * middle, 8) > second)
            high = middle;
        else
            low = middle + 1;
    }
    const uint8_t *end = file + zone->size, *footer = at + block.bytes;
    if (low == block.times && footer + 2 < end) {
        TzText rule = {(const char *)footer + 1, (const char *)end - 1};
        return tz_by_rule(rule, second);
    }
    size_t type = low == 0 ? 0 : kinds[low - 1], before = low < 2 ? type : kinds[low - 2];
    if (type >= block.types) type = 0;
    if (before >= block.types) before = type;
    int32_t seconds = (int32_t)tz_read(types + 6 * type, 4);
    int32_t seconds_before = (int32_t)tz_read(types + 6 * before, 4);
    bool is_summer = types[6 * type + 4], was_summer = types[6 * before + 4];
    if (is_summer != was_summer && seconds != seconds_before) is_summer = seconds > seconds_before;
    return (TzOffset){seconds, is_summer};
}
