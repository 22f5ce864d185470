/* digest.c - see digest.h */
#include "digest.h"

#include <string.h>

/* The first 64 bits of the fractional parts of the cube roots of the first primes; SHA-256 has the
 * upper half of each. */
static const uint64_t digest_rounds[80] = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

/* Of the square roots of the first primes (SHA-256 has their upper halves), and of the next. */
static const uint64_t digest_start[8] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};
static const uint64_t digest_start_384[8] = {
    0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939,
    0x67332667ffc00b31, 0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4,
};

static uint32_t digest_left(uint32_t word, int bits) { return word << bits | word >> (32 - bits); }
static uint32_t digest_right(uint32_t word, int bits) { return word >> bits | word << (32 - bits); }
static uint64_t digest_right64(uint64_t word, int bits) {
    return word >> bits | word << (64 - bits);
}

/* Words of `size` bytes, the highest byte first. */
static uint64_t digest_read(const uint8_t *at, size_t size) {
    uint64_t word = 0;
    for (size_t i = 0; i < size; i++) word = word << 8 | at[i];
    return word;
}

static void digest_write(uint8_t *at, uint64_t word, size_t size) {
    for (size_t i = size; i-- > 0; word >>= 8) at[i] = (uint8_t)word;
}

/* The state of any of them; the short ones use the lower half of each word. */
typedef uint64_t DigestState[8];

static void digest_block_1(DigestState state, const uint8_t *block) {
    static const uint32_t constants[] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    uint32_t w[80], s[5];
    for (int i = 0; i < 16; i++) w[i] = (uint32_t)digest_read(block + 4 * i, 4);
    for (int i = 16; i < 80; i++)
        w[i] = digest_left(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (int i = 0; i < 5; i++) s[i] = (uint32_t)state[i];
    for (int i = 0; i < 80; i++) {
        uint32_t mixed = s[1] ^ s[2] ^ s[3]; /* in the second and fourth quarter */
        if (i < 20) mixed = (s[1] & s[2]) | (~s[1] & s[3]);
        if (i >= 40 && i < 60) mixed = (s[1] & s[2]) | (s[1] & s[3]) | (s[2] & s[3]);
        uint32_t next = digest_left(s[0], 5) + mixed + s[4] + constants[i / 20] + w[i];
        s[4] = s[3];
        s[3] = s[2];
        s[2] = digest_left(s[1], 30);
        s[1] = s[0];
        s[0] = next;
    }
    for (int i = 0; i < 5; i++) state[i] += s[i];
}

static void digest_block_256(DigestState state, const uint8_t *block) {
    uint32_t w[64], s[8];
    for (int i = 0; i < 16; i++) w[i] = (uint32_t)digest_read(block + 4 * i, 4);
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + w[i - 7] + (digest_right(a, 7) ^ digest_right(a, 18) ^ a >> 3) +
               (digest_right(b, 17) ^ digest_right(b, 19) ^ b >> 10);
    }
    for (int i = 0; i < 8; i++) s[i] = (uint32_t)state[i];
    for (int i = 0; i < 64; i++) {
        uint32_t a = s[0], e = s[4];
        uint32_t first = s[7] + (digest_right(e, 6) ^ digest_right(e, 11) ^ digest_right(e, 25)) +
                         ((e & s[5]) ^ (~e & s[6])) + (uint32_t)(digest_rounds[i] >> 32) + w[i];
        uint32_t second = (digest_right(a, 2) ^ digest_right(a, 13) ^ digest_right(a, 22)) +
                          ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += first;
        s[0] = first + second;
    }
    for (int i = 0; i < 8; i++) state[i] += s[i];
}

static void digest_block_512(DigestState state, const uint8_t *block) {
    uint64_t w[80];
    DigestState s;
    for (int i = 0; i < 16; i++) w[i] = digest_read(block + 8 * i, 8);
    for (int i = 16; i < 80; i++) {
        uint64_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + w[i - 7] + (digest_right64(a, 1) ^ digest_right64(a, 8) ^ a >> 7) +
               (digest_right64(b, 19) ^ digest_right64(b, 61) ^ b >> 6);
    }
    memcpy(s, state, sizeof s);
    for (int i = 0; i < 80; i++) {
        uint64_t a = s[0], e = s[4];
        uint64_t first = s[7] +
                         (digest_right64(e, 14) ^ digest_right64(e, 18) ^ digest_right64(e, 41)) +
                         ((e & s[5]) ^ (~e & s[6])) + digest_rounds[i] + w[i];
        uint64_t second = (digest_right64(a, 28) ^ digest_right64(a, 34) ^ digest_right64(a, 39)) +
                          ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += first;
        s[0] = first + second;
    }
    for (int i = 0; i < 8; i++) state[i] += s[i];
}

static const struct {
    void (*take)(DigestState state, const uint8_t *block);
    size_t block, word, size; /* bytes: of a block, a word of the state, the digest */
} digest_kinds[] = {
    [DIGEST_SHA_1] = {digest_block_1, 64, 4, 20},
    [DIGEST_SHA_256] = {digest_block_256, 64, 4, 32},
    [DIGEST_SHA_384] = {digest_block_512, 128, 8, 48},
    [DIGEST_SHA_512] = {digest_block_512, 128, 8, 64},
};

static void digest_begin(Digest kind, DigestState state) {
    static const uint32_t first[] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    memcpy(state, kind == DIGEST_SHA_384 ? digest_start_384 : digest_start, sizeof(DigestState));
    if (kind == DIGEST_SHA_256)
        for (int i = 0; i < 8; i++) state[i] >>= 32;
    if (kind == DIGEST_SHA_1)
        for (int i = 0; i < 5; i++) state[i] = first[i];
}

size_t digest_of(Digest kind, const uint8_t *data, size_t length, uint8_t digest[DIGEST_MOST]) {
    size_t block = digest_kinds[kind].block, word = digest_kinds[kind].word;
    size_t size = digest_kinds[kind].size, left = length;
    uint8_t last[256] = {0}; /* what is left, a bit, and the number of bits: one or two blocks */
    DigestState state;
    digest_begin(kind, state);
    for (; left >= block; left -= block, data += block) digest_kinds[kind].take(state, data);
    if (left) memcpy(last, data, left);
    last[left] = 0x80;
    size_t end = left + 1 + 2 * word <= block ? block : 2 * block;
    digest_write(last + end - 8, (uint64_t)length << 3, 8);
    for (size_t at = 0; at < end; at += block) digest_kinds[kind].take(state, last + at);
    for (size_t at = 0; at < size; at += word) digest_write(digest + at, state[at / word], word);
    return size;
}
