/* random.c - see random.h */
#include "random.h"

#include <string.h>

#include "guard.h"
#include "os.h"

static uint32_t random_rotate(uint32_t word, int bits) {
    return word << bits | word >> (32 - bits);
}

static void random_quarter(uint32_t s[16], int a, int b, int c, int d) {
    s[a] += s[b];
    s[d] = random_rotate(s[d] ^ s[a], 16);
    s[c] += s[d];
    s[b] = random_rotate(s[b] ^ s[c], 12);
    s[a] += s[b];
    s[d] = random_rotate(s[d] ^ s[a], 8);
    s[c] += s[d];
    s[b] = random_rotate(s[b] ^ s[c], 7);
}

void random_block(const uint32_t key[8], uint32_t counter, const uint32_t nonce[3],
                  uint8_t block[RANDOM_BLOCK]) {
    const uint32_t start[16] = {
        0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, key[0],  key[1],   key[2],   key[3],
        key[4],     key[5],     key[6],     key[7],     counter, nonce[0], nonce[1], nonce[2],
    };
    uint32_t s[16];
    memcpy(s, start, sizeof s);
    for (int i = 0; i < 10; i++) {
        for (int k = 0; k < 4; k++) random_quarter(s, k, k + 4, k + 8, k + 12);
        for (int k = 0; k < 4; k++)
            random_quarter(s, k, (k + 1) % 4 + 4, (k + 2) % 4 + 8, (k + 3) % 4 + 12);
    }
    for (int i = 0; i < 16; i++) {
        uint32_t word = s[i] + start[i];
        for (int k = 0; k < 4; k++) block[4 * i + k] = (uint8_t)(word >> 8 * k);
    }
}

bool random_open(Random *random) { return os_random(random->key, sizeof random->key); }

void random_fill(Random *random, uint8_t *bytes, size_t length) {
    static const uint32_t nonce[3];
    uint8_t block[RANDOM_BLOCK];
    uint32_t key[8], counter = 0;
    const size_t half = sizeof key; /* of the first block: the next key */
    memcpy(key, random->key, sizeof key);
    random_block(key, counter++, nonce, block);
    /* Before anybody has a byte: whoever is left from here on, no other is given the same. */
    guard_critical_enter();
    memcpy(random->key, block, half);
    guard_critical_leave();
    for (size_t from = half; length > 0; from = 0) {
        size_t part = sizeof block - from;
        if (part > length) part = length;
        memcpy(bytes, block + from, part);
        bytes += part;
        length -= part;
        if (length > 0) random_block(key, counter++, nonce, block);
    }
}
