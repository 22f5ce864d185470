/* seeds.h - a seed for each task, from which nobody can tell the seeds of other tasks.
 *
 * The engine's Math.random reveals its state to whoever sees two of its numbers. So one seed, or
 * many, must reveal nothing about any other: they are a counter, put through SipHash-2-4 (J.-P.
 * Aumasson, D. J. Bernstein: SipHash, a fast short-input PRF, 2012) with a secret key.
 *
 * The key lies outside every arena. One thread at a time.
 */
#ifndef DEFERRED_SEEDS_H
#define DEFERRED_SEEDS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Seeds {
    uint64_t key[2];
    uint64_t count; /* of those given */
} Seeds;

/* With a key that only the system knows; false if it has none to give. */
bool seeds_open(Seeds *seeds);

uint64_t seeds_next(Seeds *seeds); /* never 0 */

#endif
