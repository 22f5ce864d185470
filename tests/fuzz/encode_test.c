/* encode_test.c - the encoder's fuzz target without a fuzzer: random bytes, the same in each run.
 * In debug and asan builds, with any compiler.
 *
 * ENCODE_RUNS=100000 tries so many, ENCODE_SEED=1 others; ENCODE_INPUT=0a0b0c one input alone.
 */
#include "check.h"

#include "encode_fuzz.c"

enum { RUNS = 2000, LONGEST = 400 };

static uint64_t random_state;

static uint64_t random_next(void) { /* xorshift64* */
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1d;
}

static uint64_t number_of(const char *name, uint64_t usual) {
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : usual;
}

static size_t input_of(const char *hex, uint8_t *input) {
    size_t length = 0;
    for (unsigned byte; length < LONGEST * 4 && sscanf(hex, "%2x", &byte) == 1; hex += 2) {
        input[length++] = (uint8_t)byte;
        if (!hex[1]) break;
    }
    return length;
}

/* An error's cause has a getter that takes away the error's only property. */
static const char EMPTIED_ERROR[] =
    "78767c0000000000000781fb00000000000000000000001294cb000000310000a6cafd00004a8f0000000000"
    "0031000000000000550000a7050000520000c900a3c80b00000000000000aa00000000000000000000000095"
    "d504b100006300a20c8761000000000065000000e67300009e0086480000335d007c00000000000043000000"
    "000000000000000083000000000000000000e80000a8898d0000000000000029000033000005fe004d000000"
    "4400000000000000000000000000000000";

TEST("an error whose properties are gone when it is their turn is one that has none") {
    static uint8_t input[LONGEST * 4];
    LLVMFuzzerTestOneInput(input, input_of(EMPTIED_ERROR, input));
    fuzz_close(input, 0);
    CHECK(fuzz.blocks == 0);
}

TEST("whatever code does to the value that it is part of, what arrives is what the standard says") {
    static uint8_t input[LONGEST * 4];
    const char *hex = getenv("ENCODE_INPUT");
    uint64_t runs = hex ? 0 : number_of("ENCODE_RUNS", RUNS);
    if (hex) LLVMFuzzerTestOneInput(input, input_of(hex, input));
    random_state = 0x6465666572726564 ^ number_of("ENCODE_SEED", 0) * 0x9e3779b97f4a7c15;
    for (uint64_t i = 0; i < runs; i++) {
        size_t length = random_next() % LONGEST;
        for (size_t k = 0; k < length; k++) input[k] = (uint8_t)(random_next() >> 32);
        LLVMFuzzerTestOneInput(input, length);
    }
    if (fuzz.ctx) fuzz_close(input, 0);
    CHECK(fuzz.blocks == 0);
}
