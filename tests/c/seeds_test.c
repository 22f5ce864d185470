/* seeds_test.c - the seeds of Math.random: what they are computed by, and that they are spread. */
#include "seeds.h"

#include "check.h"

/* By the key 00 01 .. 0f: what the SIPHASH of OpenSSL 3 gives for the counter's first numbers as 8
 * bytes. */
TEST("a seed is SipHash-2-4 of the counter") {
    Seeds seeds = {.key = {0x0706050403020100, 0x0f0e0d0c0b0a0908}};
    CHECK(seeds_next(&seeds) == 0x39d3851ca07681a7);
    CHECK(seeds_next(&seeds) == 0x2b91b2b085e6d1f6);
    CHECK(seeds_next(&seeds) == 0x2cf030f1fa30eb6d);
    seeds.count = 0x0706050403020100; /* the vector of the paper's authors for 8 bytes */
    CHECK(seeds_next(&seeds) == 0x93f5f5799a932462);
}

TEST("no two realms have the same seeds") {
    Seeds one, other;
    REQUIRE(seeds_open(&one) && seeds_open(&other));
    for (int i = 0; i < 1000; i++) CHECK(seeds_next(&one) != seeds_next(&other));
}

/* Each bit is set in half of them: 2^16 numbers differ from that by 8 standard deviations, 1,024,
 * once in 10^15. */
TEST("seeds are spread over all numbers") {
    enum { COUNT = 1 << 16 };
    unsigned set[64] = {0};
    Seeds seeds;
    REQUIRE(seeds_open(&seeds));
    for (int i = 0; i < COUNT; i++) {
        uint64_t seed = seeds_next(&seeds);
        for (int bit = 0; bit < 64; bit++) set[bit] += (unsigned)(seed >> bit & 1);
    }
    for (int bit = 0; bit < 64; bit++)
        CHECK(abs((int)set[bit] - COUNT / 2) <= 1024, "bit %d is set in %u", bit, set[bit]);
}
