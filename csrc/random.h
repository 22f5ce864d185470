/* random.h - bytes that nobody can guess, without asking the system for them each time.
 *
 * A stream of ChaCha20 (RFC 8439) with a key from the system's entropy. Each request begins by
 * replacing the key by the first half of a block, which is given to nobody (D. J. Bernstein,
 * Fast-key-erasure random-number generators, 2017): from what one task was given, and even from all
 * that there is when it has ended, nobody can compute what another got.
 *
 * It lies outside of every arena. One thread at a time; a task may be left in the middle.
 */
#ifndef DEFERRED_RANDOM_H
#define DEFERRED_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Random {
    uint32_t key[8];
} Random;

/* With a key that only the system knows; false if it has none to give. */
bool random_open(Random *random);

void random_fill(Random *random, uint8_t *bytes, size_t length);

enum { RANDOM_BLOCK = 64 };

/* ChaCha20's block of a key, a counter and a nonce. */
void random_block(const uint32_t key[8], uint32_t counter, const uint32_t nonce[3],
                  uint8_t block[RANDOM_BLOCK]);

#endif
