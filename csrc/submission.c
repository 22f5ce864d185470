/* submission.c - see submission.h */
#include "submission.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The arguments of a submission without a program: a text, its globals, and more of it. */
#define SUBMISSION_SCRIPT_ARGC 3

static uint32_t submission_u32(const uint8_t *bytes, int offset) {
    uint32_t value;
    memcpy(&value, bytes + offset, 4);
    return value;
}

static double submission_f64(const uint8_t *bytes, int offset) {
    double value;
    memcpy(&value, bytes + offset, 8);
    return value;
}

/* A limit in bytes or ms: what is not a positive number is none. */
static double submission_limit(const uint8_t *bytes, int offset) {
    double value = submission_f64(bytes, offset);
    return value > 0 ? value : 0;
}

/* What may be used: a positive number, or as much as one likes. */
static double submission_most(const uint8_t *bytes, int offset) {
    double value = submission_f64(bytes, offset);
    return value > 0 ? value : INFINITY;
}

/* Where the regions lie behind the arguments. */
static size_t submission_regions_at(size_t args) { return (args + 7) & ~(size_t)7; }

static bool submission_region_is_sound(const uint8_t *region) {
    double address = submission_limit(region, DFD_REGION_ADDRESS);
    double size = submission_f64(region, DFD_REGION_LENGTH);
    return address >= 8 && address <= 0x1p53 && fmod(address, 8) == 0 && size >= 0 &&
           size <= INT32_MAX && floor(size) == size;
}

/* Whether `count` regions lie behind `length` bytes, at a multiple of 8, and nothing else does. */
static bool submission_has_regions(const uint8_t *bytes, size_t length, size_t count, size_t all) {
    size_t at = submission_regions_at(length);
    if (length > all) return false;
    if (count == 0) return length == all;
    if (all < at || (all - at) / DFD_REGION_SIZE != count || (all - at) % DFD_REGION_SIZE)
        return false;
    for (const uint8_t *region = bytes + at; count > 0; count--, region += DFD_REGION_SIZE)
        if (!submission_region_is_sound(region)) return false;
    return true;
}

bool submission_message_is_sound(const uint8_t *message, size_t length) {
    size_t count = submission_u32(message, DFD_MESSAGE_REGIONS);
    size_t value = submission_u32(message, DFD_MESSAGE_LENGTH);
    return count == 0 || submission_has_regions(message + DFD_MESSAGE_VALUE, value, count,
                                                length - DFD_MESSAGE_VALUE);
}

bool submission_is_sound(const uint8_t *submission, size_t length) {
    size_t args = submission_u32(submission, DFD_SUBMISSION_ARGS_LENGTH);
    size_t count = submission_u32(submission, DFD_SUBMISSION_REGIONS);
    size_t rest = length - DFD_SUBMISSION_ARGS;
    /* Each argument is a byte at least. */
    uint32_t argc = submission_u32(submission, DFD_SUBMISSION_ARGC);
    if (args > rest || argc > args) return false;
    uint32_t host = submission_u32(submission, DFD_SUBMISSION_HOST);
    uint32_t offers = host & DFD_HOST_OFFERS;
    uint32_t all = DFD_HOST_OFFERS | DFD_HOST_SILENT | DFD_HOST_REPORTS | DFD_HOST_INNER |
                   DFD_HOST_LOADS | DFD_HOST_NAMES;
    if (host & ~all || argc < offers) return false;
    if (!submission_program(submission) && argc != SUBMISSION_SCRIPT_ARGC + offers) return false;
    return submission_has_regions(submission + DFD_SUBMISSION_ARGS, args, count, rest);
}

double submission_program(const uint8_t *submission) {
    return submission_f64(submission, DFD_SUBMISSION_PROGRAM);
}

bool submission_limits_cpu(const uint8_t *submission) {
    return submission_limit(submission, DFD_SUBMISSION_CPU_LIMIT) > 0;
}

Task *submission_read(const uint8_t *submission, Program *program) {
    size_t args = submission_u32(submission, DFD_SUBMISSION_ARGS_LENGTH);
    size_t at = submission_regions_at(args);
    uint32_t count = submission_u32(submission, DFD_SUBMISSION_REGIONS);
    Task *task = malloc(sizeof *task + at + count * sizeof *task->regions);
    if (!task) return NULL;
    double memory = submission_limit(submission, DFD_SUBMISSION_MEMORY_LIMIT);
    double result = submission_limit(submission, DFD_SUBMISSION_RESULT_LIMIT);
    double patience = submission_limit(submission, DFD_SUBMISSION_QUEUE_TIMEOUT);
    uint32_t host = submission_u32(submission, DFD_SUBMISSION_HOST);
    uint32_t at_once = submission_u32(submission, DFD_SUBMISSION_CALLS_AT_ONCE);
    double now = os_now();
    *task = (Task){
        .completion.task = submission_u32(submission, DFD_SUBMISSION_TASK),
        .program = program ? program_hold(program) : NULL,
        .limits =
            {
                .timeout_ms = submission_limit(submission, DFD_SUBMISSION_TIMEOUT),
                .cpu_ms = submission_limit(submission, DFD_SUBMISSION_CPU_LIMIT),
                .memory = memory < (double)(SIZE_MAX / 2) ? (size_t)memory : 0,
                .stack = submission_u32(submission, DFD_SUBMISSION_MAX_STACK_SIZE),
                .result = result < (double)(SIZE_MAX / 2) ? (size_t)result : 0,
                .calls =
                    {
                        .total = submission_most(submission, DFD_SUBMISSION_CALLS),
                        .bytes = submission_most(submission, DFD_SUBMISSION_CALL_BYTES),
                        .total_bytes = submission_most(submission, DFD_SUBMISSION_CALLS_BYTES),
                        .at_once = at_once ? at_once : DFD_LIMIT_CALLS_AT_ONCE_DEFAULT,
                    },
            },
        .submitted = now,
        .expires = patience ? now + patience : INFINITY,
        .end = INFINITY,
        .cpu_left = INFINITY,
        .argc = submission_u32(submission, DFD_SUBMISSION_ARGC),
        .offers = (host & DFD_HOST_OFFERS) != 0,
        .reports = (host & DFD_HOST_REPORTS) != 0,
        .inner = (host & DFD_HOST_INNER) != 0,
        .loads = (host & DFD_HOST_LOADS) != 0,
        .names = (host & DFD_HOST_NAMES) != 0,
        .lines.silent = (host & DFD_HOST_SILENT) != 0,
        .lines.left = submission_most(submission, DFD_SUBMISSION_CONSOLE_LIMIT),
        .length = args,
        .region_count = count,
    };
    memcpy(task->args, submission + DFD_SUBMISSION_ARGS, args);
    CloneRegion *regions = (CloneRegion *)(task->args + at);
    const uint8_t *region = submission + DFD_SUBMISSION_ARGS + at;
    for (uint32_t i = 0; i < count; i++, region += DFD_REGION_SIZE) {
        regions[i] = (CloneRegion){
            .data = (uint8_t *)(uintptr_t)submission_limit(region, DFD_REGION_ADDRESS),
            .length = (size_t)submission_limit(region, DFD_REGION_LENGTH),
        };
    }
    task->regions = regions;
    return task;
}
