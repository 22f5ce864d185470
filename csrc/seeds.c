/* seeds.c - see seeds.h */
#include "seeds.h"

#include "os.h"

static uint64_t rotate(uint64_t word, int bits) { return word << bits | word >> (64 - bits); }

static void rounds(uint64_t v[4], int count) {
    while (count-- > 0) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] = rotate(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] = rotate(v[2], 32);
    }
}

static void absorb(uint64_t v[4], uint64_t word) {
    v[3] ^= word;
    rounds(v, 2);
    v[0] ^= word;
}

/* SipHash-2-4 of the number as 8 bytes, the lowest first. */
static uint64_t siphash(const uint64_t key[2], uint64_t number) {
    uint64_t v[4] = {
        key[0] ^ 0x736f6d6570736575u,
        key[1] ^ 0x646f72616e646f6du,
        key[0] ^ 0x6c7967656e657261u,
        key[1] ^ 0x7465646279746573u,
    };
    absorb(v, number);
    absorb(v, (uint64_t)sizeof number << 56); /* the length, behind no further bytes */
    v[2] ^= 0xff;
    rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

bool seeds_open(Seeds *seeds) {
    seeds->count = 0;
    return os_random(seeds->key, sizeof seeds->key);
}

uint64_t seeds_next(Seeds *seeds) {
    uint64_t seed = siphash(seeds->key, seeds->count++);
    return seed ? seed : 1;
}
