/* corpus_test.c - the fuzz target without a fuzzer: the vectors and the corpus, each as it is and
 * changed in ways that are the same in each run. In debug and asan builds, with any compiler.
 *
 * FUZZ_MUTATIONS=1000 tries so many of each (SEED_MUTATIONS otherwise), FUZZ_SEED=1 others.
 */
#include "check.h"

#include "decode_fuzz.c"

#define CORPUS "tests/fuzz/corpus.txt"

enum {
    SEED_MUTATIONS = 60,
    MUTATED_MOST = 1024, /* bytes; of what is longer only a part is taken */
};

/* --- seeds -------------------------------------------------------------------------------- */

typedef struct Seed {
    const char *verdict; /* the rest of the line in the corpus; empty for a vector */
    bool refused;        /* as the corpus says */
    size_t length;
    uint8_t data[];
} Seed;

/* All of them live until the process ends. */
static Seed **seeds;
static uint32_t seed_count, corpus_from;

static char *read_text(const char *path) {
    FILE *file = fopen(path, "rb");
    REQUIRE(file != NULL, "%s can't be read; run this from the root of the repository", path);
    REQUIRE(fseek(file, 0, SEEK_END) == 0);
    long size = ftell(file);
    REQUIRE(size > 0, "%s is empty", path);
    rewind(file);
    char *text = malloc((size_t)size + 1);
    REQUIRE(text != NULL);
    REQUIRE(fread(text, 1, (size_t)size, file) == (size_t)size, "%s can't be read", path);
    text[size] = '\0';
    fclose(file);
    return text;
}

static int digit_of(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Adds the seed whose hex begins at `text`. Returns what is behind that. */
static char *add_seed(char *text) {
    char *end = text;
    while (digit_of(end[0]) >= 0 && digit_of(end[1]) >= 0) end += 2;
    size_t length = (size_t)(end - text) / 2;
    Seed *seed = calloc(1, sizeof *seed + length);
    Seed **more = realloc(seeds, (seed_count + 1) * sizeof *more);
    REQUIRE(seed != NULL && more != NULL);
    seeds = more;
    seeds[seed_count++] = seed;
    seed->verdict = "";
    seed->length = length;
    for (size_t i = 0; i < length; i++)
        seed->data[i] = (uint8_t)(digit_of(text[i * 2]) << 4 | digit_of(text[i * 2 + 1]));
    return end;
}

/* Of the vectors only the bytes are wanted, and no JSON need be read for these. */
static void add_vectors(const char *path) {
    static const char key[] = "\"hex\":\"";
    char *text = read_text(path);
    for (char *at = text; (at = strstr(at, key));) at = add_seed(at + sizeof key - 1);
    free(text);
}

/* Lines such as "+ 8101", "- 0a what is wrong". */
static void add_corpus(void) {
    char *at = read_text(CORPUS), *next;
    for (corpus_from = seed_count; *at; at = next) {
        next = at + strcspn(at, "\n");
        if (*next) *next++ = '\0';
        if (*at == '#') continue;
        bool refused = *at == '-';
        REQUIRE((refused || *at == '+') && at[1] == ' ', "a line of the corpus begins %.9s", at);
        const char *rest = add_seed(at + 2);
        seeds[seed_count - 1]->refused = refused;
        seeds[seed_count - 1]->verdict = *rest ? rest + 1 : rest;
    }
}

static void load_seeds(void) {
    if (seeds) return;
    add_vectors("tests/vectors/clone.json");
    add_vectors("tests/vectors/malformed.json");
    add_corpus();
    REQUIRE(corpus_from > 300 && seed_count - corpus_from > 100, "seeds are missing");
}

/* In a block of their size, so that a sanitizer sees what is read behind them. */
static void try_bytes(const uint8_t *data, size_t length) {
    uint8_t *copy = malloc(length ? length : 1);
    REQUIRE(copy != NULL);
    memcpy(copy, data, length);
    LLVMFuzzerTestOneInput(copy, length);
    free(copy);
}

TEST("the corpus: what is refused, and why, and what is not") {
    load_seeds();
    for (uint32_t i = corpus_from; i < seed_count; i++) {
        const Seed *seed = seeds[i];
        try_bytes(seed->data, seed->length);
        if (seed->refused)
            CHECK(strcmp(verdict.refusal, seed->verdict) == 0, "line %u: %s, not %s",
                  i - corpus_from, verdict.refusal[0] ? verdict.refusal : "accepted",
                  seed->verdict);
        else
            CHECK(!verdict.refusal[0], "line %u: %s", i - corpus_from, verdict.refusal);
    }
}

/* --- mutations ---------------------------------------------------------------------------- */

static uint64_t random_state;

/* splitmix64, for numbers that are the same everywhere. */
static uint32_t random_below(size_t limit) {
    uint64_t z = random_state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (uint32_t)((z ^ z >> 31) % limit);
}

/* Replaces `cut` bytes at `at` by `size` others, which may lie in the input itself, as far as the
 * room goes. */
static size_t replace(uint8_t *data, size_t length, size_t at, size_t cut, const uint8_t *from,
                      size_t size) {
    uint8_t part[MUTATED_MOST];
    if (size > MUTATED_MOST - (length - cut)) size = MUTATED_MOST - (length - cut);
    memcpy(part, from, size);
    memmove(data + at + size, data + at + cut, length - at - cut);
    memcpy(data + at, part, size);
    return length - cut + size;
}

static size_t mutate(uint8_t *data, size_t length) {
    /* Varints at the limits of the format and of the engine. */
    static const uint8_t extremes[][5] = {
        {0xff, 0xff, 0xff, 0xff, 0x0f}, {0xff, 0xff, 0xff, 0xff, 0x07},
        {0x80, 0x80, 0x80, 0x80, 0x08}, {0x80, 0x80, 0x80, 0x80, 0x04},
        {0xff, 0xff, 0xff, 0xff, 0x1f}, {0x80, 0x80, 0x80, 0x80, 0x80},
    };
    size_t at = random_below(length + 1), rest = length - at;
    const Seed *other = seeds[random_below(seed_count)];
    size_t from = random_below(other->length + 1), most;
    uint8_t byte = (uint8_t)random_below(256);
    switch (random_below(8)) {
    case 0: /* a bit */
        if (rest) data[at] ^= (uint8_t)(1u << byte % 8);
        return length;
    case 1: /* a tag, or nearly one */
        if (rest) data[at] = byte % 0x48;
        return length;
    case 2: /* a little more or less */
        if (rest) data[at] = (uint8_t)(data[at] + byte % 9 - 4);
        return length;
    case 3:
        return replace(data, length, at, rest > 0, &byte, 1);
    case 4: /* less */
        return replace(data, length, at, random_below(rest + 1), &byte, 0);
    case 5: /* a length that can't be */
        return replace(data, length, at, rest > 0, extremes[byte % 6], 5);
    case 6: /* a part twice, or elsewhere */
        most = rest < 64 ? rest : 64;
        return replace(data, length, random_below(length + 1), 0, data + at,
                       random_below(most + 1));
    default: /* a part of another */
        most = other->length - from < 64 ? other->length - from : 64;
        return replace(data, length, at, random_below((rest < 16 ? rest : 16) + 1),
                       other->data + from, random_below(most + 1));
    }
}

static long setting(const char *name, long otherwise) {
    const char *text = getenv(name);
    return text ? atol(text) : otherwise;
}

TEST("the vectors and the corpus, changed") {
    long count = setting("FUZZ_MUTATIONS", SEED_MUTATIONS);
    uint8_t data[MUTATED_MOST];
    random_state = (uint64_t)setting("FUZZ_SEED", 0);
    load_seeds();
    for (uint32_t i = 0; i < seed_count; i++) {
        for (long k = 0; k < count; k++) {
            const Seed *seed = seeds[i];
            size_t length = seed->length < MUTATED_MOST ? seed->length : MUTATED_MOST;
            memcpy(data, seed->data, length);
            for (uint32_t times = 1 + random_below(4); times > 0; times--)
                length = mutate(data, length);
            try_bytes(data, length);
        }
    }
}
