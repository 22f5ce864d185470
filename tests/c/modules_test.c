/* modules_test.c - code that is text, and a host that answers its imports: well, with nonsense, and
 * while memory runs out.
 *
 * What makes the tests fail; all of it was tried:
 *   allocations  a restore that leaves what was above the image; a want's list that is freed by
 * malloc nonsense     an answer whose number is not compared with those that are known
 */
#include <string.h>

#include "arena.h"
#include "bytes.h"
#include "check.h"
#include "deferred.h"
#include "realm.h"
#include "wire.h"

#define KB ((size_t)1 << 10)
#define MB ((size_t)1 << 20)

/* --- what the host has ---------------------------------------------------------------------- */

typedef struct File {
    const char *name, *text;
    uint8_t language;
} File;

static const File files[] = {
    {"a",
     "import { b } from 'b'; import d from 'd' with { type: 'json' };"
     "export const a = b + d[0]; export * from 'c'",
     DFD_LANGUAGE_JAVASCRIPT},
    {"b", "import { a } from 'a'; await 0; export const b: number = 1; export const f = () => a",
     DFD_LANGUAGE_TYPESCRIPT},
    {"c", "export const c = import.meta.url; export { b as again } from 'b'",
     DFD_LANGUAGE_JAVASCRIPT},
    {"d", "[40, {\"x\": null}]", DFD_LANGUAGE_JSON},
    {"bad", "export const x = ;", DFD_LANGUAGE_JAVASCRIPT},
    {"enum", "enum A { B }", DFD_LANGUAGE_TYPESCRIPT},
    {"absent", "import 'nowhere'", DFD_LANGUAGE_JAVASCRIPT},
    {"lacks", "import { nope } from 'c'", DFD_LANGUAGE_JAVASCRIPT},
};
#define FILES (sizeof files / sizeof *files)

static const char program[] =
    "import { a, c, again } from 'a';\n"
    "const said: string[] = [];\n"
    "for (const name of ['bad', 'enum', 'absent', 'lacks', 'a'])\n"
    "  said.push(await import(name).then(() => 'fine', (e: Error) => e.name));\n"
    "export default [a, c, again, said.join()]";

/* [41, "url", 1, "SyntaxError,SyntaxError,Error,SyntaxError,fine"] */
static const uint8_t expected[] = "\x10\x04\xa9\x08\x03url\x81\x08\x2e"
                                  "SyntaxError,SyntaxError,Error,SyntaxError,fine";

/* --- a host of one realm ---------------------------------------------------------------------- */

typedef struct Asked {
    uint32_t number;
    char name[16];
} Asked;

typedef struct Host {
    Asked asked[32];
    uint32_t count;
    bool sent[FILES];
    unsigned odd; /* which answers are nonsense, and of what kind; 0: none */
    unsigned answered;
} Host;

/* Inside of the realm's critical section. */
static bool on_letter(void *opaque, Bytes *letter, uint32_t length, uint32_t moved) {
    Host *host = opaque;
    (void)length, (void)moved;
    uint32_t head[2];
    memcpy(head, letter->data, sizeof head);
    const uint8_t *value = letter->data + DFD_EVENT_VALUE;
    CHECK(head[0] == DFD_EVENT_TYPE_IMPORT && value[0] == WIRE_ARRAY && value[1] == 6);
    CHECK(value[3] == WIRE_STRING8 && value[4] < sizeof host->asked->name && host->count < 32);
    Asked *asked = &host->asked[host->count++];
    *asked = (Asked){.number = head[1]};
    memcpy(asked->name, value + 5, value[4]);
    return true;
}

static void put_string(Bytes *out, const char *text) {
    size_t length = strlen(text);
    bytes_u8(out, WIRE_STRING8);
    if (length >= 128) bytes_u8(out, (uint8_t)(length | 128));
    bytes_u8(out, (uint8_t)(length >= 128 ? length >> 7 : length));
    bytes_write(out, text, length);
}

/* What is nonsense as an answer. */
static void put_odd(Bytes *out, unsigned kind) {
    switch (kind % 8) {
    case 0:
        bytes_u8(out, WIRE_UNDEFINED);
        break;
    case 1: /* a number that was never given */
        bytes_u8(out, 0x80 | 99);
        break;
    case 2:
        bytes_u8(out, 0xff); /* -1 or 127 */
        break;
    case 3: /* half a module */
        bytes_u8(out, WIRE_ARRAY);
        bytes_u8(out, 1);
        bytes_u8(out, 0x80 | 50);
        break;
    case 4: /* one whose text is a number */
        bytes_u8(out, WIRE_ARRAY);
        bytes_u8(out, 5);
        bytes_u8(out, 0x80 | 51);
        for (int i = 0; i < 4; i++) bytes_u8(out, 0x80 | 1);
        break;
    case 5:
        bytes_u8(out, 0x80); /* the program, in its own place */
        break;
    case 6: /* malformed */
        bytes_u8(out, 0xfe);
        break;
    default: /* more than there may be */
        bytes_u8(out, WIRE_ARRAY);
        bytes_u8(out, 5);
        bytes_u8(out, WIRE_DOUBLE);
        for (int i = 0; i < 8; i++) bytes_u8(out, 0x7f);
        for (int i = 0; i < 4; i++) put_string(out, "x");
    }
}

static void put_answer(Host *host, const Asked *asked, Bytes *out) {
    uint32_t type = DFD_ANSWER_RETURNED, index = 0;
    while (index < FILES && strcmp(files[index].name, asked->name)) index++;
    if (index == FILES) type = DFD_ANSWER_THREW;
    double room = 64;
    bytes_write(out, &type, 4);
    bytes_write(out, &asked->number, 4);
    bytes_write(out, &room, 8);
    for (int i = DFD_MESSAGE_LENGTH; i < DFD_MESSAGE_VALUE; i++) bytes_u8(out, 0);
    host->answered++;
    if (host->odd && host->answered % 5 == host->odd % 5) {
        put_odd(out, host->odd / 5);
    } else if (index == FILES) {
        bytes_u8(out, WIRE_ERROR);
        bytes_u8(out, WIRE_ERROR_Error);
        bytes_u8(out, 0);
    } else if (host->sent[index]) {
        bytes_u8(out, (uint8_t)(0x80 | (index + 1)));
    } else {
        host->sent[index] = true;
        bytes_u8(out, WIRE_ARRAY);
        bytes_u8(out, 5);
        bytes_u8(out, (uint8_t)(0x80 | (index + 1)));
        put_string(out, files[index].name);
        put_string(out, "url");
        bytes_u8(out, 0x80 | files[index].language);
        put_string(out, files[index].text);
    }
}

/* All answers to what was asked, in its order. */
static Mail *answers(Host *host) {
    Mail *first = NULL, **last = &first;
    for (uint32_t i = 0; i < host->count; i++) {
        Bytes bytes = {0};
        put_answer(host, &host->asked[i], &bytes);
        Mail *mail = malloc(sizeof *mail + bytes.length);
        CHECK(mail != NULL);
        mail->next = NULL;
        mail->length = bytes.length;
        memcpy(mail->bytes, bytes.data, bytes.length);
        bytes_free(&bytes);
        *last = mail;
        last = &mail->next;
    }
    host->count = 0;
    return first;
}

/* Runs the program to its end, whatever that is. */
static int run(Realm *realm, Host *host, Bytes *out) {
    static const Limits none;
    static Lines lines;
    Bytes args = {0};
    put_string(&args, program);
    bytes_u8(&args, WIRE_OBJECT);
    bytes_u8(&args, 0);
    bytes_u8(&args, WIRE_ARRAY);
    bytes_u8(&args, 4);
    put_string(&args, "main");
    put_string(&args, "url");
    bytes_u8(&args, 0x80 | DFD_FORM_EITHER);
    bytes_u8(&args, 0x80 | DFD_LANGUAGE_TYPESCRIPT);
    realm_set_post(realm, on_letter, host, &lines, NULL);
    realm_offer(realm, false, false, true);
    bytes_reset(out);
    int status = realm_run(realm, NULL, args.data, args.length, 3, &none, out);
    for (int turns = 0; status == REALM_WAITS; turns++) {
        CHECK(turns < 100, "it goes on for ever");
        CHECK(host->count > 0, "it waits for nothing");
        if (turns == 100 || host->count == 0) break;
        Mail *mail = answers(host);
        status = realm_resume(realm, 0, mail, out);
    }
    bytes_free(&args);
    return status;
}

static void check_restore(Realm *realm, uint64_t k) {
    Arena *arena = realm_arena(realm);
    size_t above = arena_peak(arena) - arena_image_size(arena) + 128 * KB;
    arena_fail_at(arena, 0);
    realm_restore(realm);
    CHECK(arena_compare(arena) == -1, "the image differs after %llu", (unsigned long long)k);
    CHECK(arena_dirt(arena, above) == -1, "there is dirt after %llu", (unsigned long long)k);
}

static bool is_expected(const Bytes *out) {
    return out->length == sizeof expected - 1 && !memcmp(out->data, expected, out->length);
}

/* --- tests ------------------------------------------------------------------------------------ */

TEST("a graph of modules is asked for, linked and evaluated, and nothing is left of it") {
    Realm *realm = realm_open(64 * MB, 512 * KB);
    Bytes out = {0};
    REQUIRE(realm != NULL);
    for (int i = 0; i < 3; i++) {
        Host host = {0};
        int status = run(realm, &host, &out);
        CHECK(status == DFD_STATUS_OK && is_expected(&out), "%d: %.*s", status, (int)out.length,
              (const char *)out.data);
        check_restore(realm, 0);
    }
    bytes_free(&out);
    realm_close(realm);
}

TEST("it may be left at any allocation") {
    Realm *realm = realm_open(64 * MB, 512 * KB);
    Bytes out = {0};
    REQUIRE(realm != NULL);
    unsigned deaths = 0;
    for (uint64_t k = 1;; k += k < 200 ? 1 : 13) {
        Host host = {0};
        arena_fail_at(realm_arena(realm), k);
        int status = run(realm, &host, &out);
        CHECK(status == DFD_STATUS_MEMORY || (status == DFD_STATUS_OK && is_expected(&out)),
              "%d at %llu", status, (unsigned long long)k);
        check_restore(realm, k);
        if (status != DFD_STATUS_MEMORY) break;
        deaths++;
    }
    CHECK(deaths > 100, "only %u", deaths);
    printf("# %u deaths\n", deaths);
    bytes_free(&out);
    realm_close(realm);
}

TEST("a host that answers with nonsense is told, and nothing breaks") {
    Realm *realm = realm_open(64 * MB, 512 * KB);
    Bytes out = {0};
    REQUIRE(realm != NULL);
    unsigned thrown = 0;
    for (unsigned odd = 1; odd < 5 * 8; odd++) {
        Host host = {.odd = odd};
        int status = run(realm, &host, &out);
        CHECK(status == DFD_STATUS_OK || status == DFD_STATUS_THROWN || status == REALM_WAITS,
              "%d by %u", status, odd);
        thrown += status == DFD_STATUS_THROWN;
        check_restore(realm, odd);
    }
    CHECK(thrown > 5, "only %u", thrown);
    bytes_free(&out);
    realm_close(realm);
}
