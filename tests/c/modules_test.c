/* modules_test.c - code that is text, and a host that answers its imports: well, with nonsense, and
 * while memory runs out; and modules that are part of a realm.
 *
 * What makes the tests fail; all of it was tried:
 *   allocations  a restore that leaves what was above the image; a want's list that is freed by
 * malloc nonsense     an answer whose number is not compared with those that are known part an
 * image that is moved without the list of its modules
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

enum { LINKS = 3 };

typedef struct File {
    const char *name, *text;
    uint8_t language;
    struct {
        const char *specifier, *type;
        uint32_t number;
    } links[LINKS];
} File;

static const File files[] = {
    {"a",
     "import { b } from 'b'; import d from 'd' with { type: 'json' };"
     "export const a = b + d[0]; export * from 'c'",
     DFD_LANGUAGE_JAVASCRIPT,
     {{"c", "", 3}, {"d", "json", 4}, {"b", "", 2}}},
    {"b",
     "import { a } from 'a'; await 0; export const b: number = 1; export const f = () => a",
     DFD_LANGUAGE_TYPESCRIPT,
     {{"a", "", 1}}},
    {"c",
     "export const c = import.meta.url; export { b as again } from 'b'",
     DFD_LANGUAGE_JAVASCRIPT,
     {{"b", "", 2}}},
    {"d", "[40, {\"x\": null}]", DFD_LANGUAGE_JSON, {{0}}},
    {"bad", "export const x = ;", DFD_LANGUAGE_JAVASCRIPT, {{0}}},
    {"enum", "enum A { B }", DFD_LANGUAGE_TYPESCRIPT, {{0}}},
    {"absent", "import 'nowhere'", DFD_LANGUAGE_JAVASCRIPT, {{0}}},
    {"lacks", "import { nope } from 'c'", DFD_LANGUAGE_JAVASCRIPT, {{"c", "", 3}}},
};
#define FILES (sizeof files / sizeof *files)
#define PRELOADED 4 /* the first ones, which link to one another */

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
    bool along;   /* what a module imports comes with it */
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

static void put_number(Bytes *out, uint32_t number) {
    bytes_u8(out, (uint8_t)(0x80 | number)); /* as wire.h has it */
}

static void put_string(Bytes *out, const char *text) {
    size_t length = strlen(text);
    bytes_u8(out, WIRE_STRING8);
    if (length >= 128) bytes_u8(out, (uint8_t)(length | 128));
    bytes_u8(out, (uint8_t)(length >= 128 ? length >> 7 : length));
    bytes_write(out, text, length);
}

static void put_list(Bytes *out, uint32_t length) {
    bytes_u8(out, WIRE_ARRAY);
    bytes_u8(out, (uint8_t)length);
}

/* A module whose links follow: so many entries. */
static void put_module(Bytes *out, uint32_t number, const char *text, uint32_t links) {
    put_list(out, 6);
    put_number(out, number);
    put_string(out, "file");
    put_string(out, "url");
    put_number(out, DFD_LANGUAGE_JAVASCRIPT);
    put_string(out, text);
    put_list(out, links);
}

/* What is nonsense as an answer. */
static void put_odd(Bytes *out, unsigned kind) {
    switch (kind % 12) {
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
        put_list(out, 1);
        put_list(out, 6);
        put_number(out, 51);
        for (int i = 0; i < 5; i++) put_number(out, 1);
        break;
    case 7: /* none */
        put_list(out, 0);
        break;
    case 8: /* half a module, after one */
        put_list(out, 2);
        put_module(out, 52, "'x'", 0);
        put_list(out, 0);
        break;
    case 9: /* a link to what is not there */
        put_list(out, 1);
        put_module(out, 53, "import 'x'", 3);
        put_string(out, "x");
        put_string(out, "");
        put_number(out, 54);
        break;
    case 10: /* links that are none, or to what it does not ask for */
        put_list(out, 1);
        put_module(out, 55, "import 'x'", 8);
        put_number(out, 1);
        put_number(out, 2);
        put_number(out, 55);
        put_string(out, "y");
        put_string(out, "");
        put_number(out, 55);
        put_string(out, "x");
        put_string(out, "");
        break;
    case 5:
        bytes_u8(out, 0x80); /* the program, in its own place */
        break;
    case 6: /* malformed */
        bytes_u8(out, 0xfe);
        break;
    default: /* more than there may be */
        put_list(out, 1);
        put_list(out, 6);
        bytes_u8(out, WIRE_DOUBLE);
        for (int i = 0; i < 8; i++) bytes_u8(out, 0x7f);
        for (int i = 0; i < 5; i++) put_string(out, "x");
    }
}

/* [number, file, url, language, text, links, ...] of one of the files, all of whose links are to
 * others. */
static void put_file(Bytes *out, uint32_t index, uint32_t length, bool links) {
    const File *file = &files[index];
    put_list(out, length);
    put_number(out, index + 1);
    put_string(out, file->name);
    put_string(out, "url");
    put_number(out, file->language);
    put_string(out, file->text);
    uint32_t count = 0;
    while (links && count < LINKS && file->links[count].number) count++;
    put_list(out, count * 3);
    for (uint32_t i = 0; i < count; i++) {
        put_string(out, file->links[i].specifier);
        put_string(out, file->links[i].type);
        put_number(out, file->links[i].number);
    }
}

/* One of the files that was not sent, and with it, if they come along, those that it links to,
 * which here reach all. */
static void put_new(Host *host, uint32_t index, Bytes *out) {
    uint32_t numbers[1 + LINKS] = {index}, count = 1;
    for (uint32_t i = 0; host->along && i < LINKS && files[index].links[i].number; i++)
        if (!host->sent[files[index].links[i].number - 1])
            numbers[count++] = files[index].links[i].number - 1;
    put_list(out, count);
    for (uint32_t i = 0; i < count; i++) {
        put_file(out, numbers[i], 6, host->along);
        host->sent[numbers[i]] = true;
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
        put_new(host, index, out);
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
    realm_offer(realm, false, false, true, true);
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
    for (int i = 0; i < 4; i++) {
        Host host = {.along = i % 2};
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
        Host host = {.along = k % 2};
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
    for (unsigned odd = 1; odd < 5 * 12; odd++) {
        Host host = {.odd = odd, .along = odd % 2};
        int status = run(realm, &host, &out);
        CHECK(status == DFD_STATUS_OK || status == DFD_STATUS_THROWN || status == REALM_WAITS ||
                  status == DFD_STATUS_UNSETTLED,
              "%d by %u", status, odd);
        thrown += status == DFD_STATUS_THROWN;
        check_restore(realm, odd);
    }
    CHECK(thrown > 5, "only %u", thrown);
    bytes_free(&out);
    realm_close(realm);
}

/* --- modules that are part of a realm --------------------------------------------------------- */

/* The files that link to one another; `a` has a name. */
static Share *shares(void) {
    Share *first = NULL, **last = &first;
    for (uint32_t i = 0; i < PRELOADED; i++) {
        Bytes bytes = {0};
        put_file(&bytes, i, 7, true);
        put_list(&bytes, i == 0);
        if (i == 0) put_string(&bytes, "a");
        CHECK((*last = share_new(bytes.data, bytes.length)) != NULL);
        last = &(*last)->next;
        bytes_free(&bytes);
    }
    return first;
}

/* Runs the program in a realm that has them: it asks for others only. */
static void check_preloaded(Realm *realm, Bytes *out) {
    for (int i = 0; i < 2; i++) {
        Host host = {.sent = {true, true, true, true}};
        int status = run(realm, &host, out);
        CHECK(status == DFD_STATUS_OK && is_expected(out), "%d: %.*s", status, (int)out->length,
              (const char *)out->data);
        check_restore(realm, 0);
    }
}

TEST("modules that are part of a realm are there in each run, and are moved with its image") {
    RealmModel model;
    Realm *realms[4] = {0};
    Share *first = shares();
    Bytes out = {0};
    uint32_t blamed = 9;
    REQUIRE(realm_model_open(&model));
    for (int i = 0; i < 4; i++) {
        realms[i] = realm_open_alike(64 * MB, 512 * KB, &model, i >= 2);
        REQUIRE(realms[i] != NULL);
        if (i < 2) CHECK(realm_load_modules(realms[i], first, 512 * KB, &out, &blamed) == 0);
        CHECK(blamed == 0);
        if (i == 0) realm_model_take(&model, realms[0]);
        if (i == 1) CHECK(realm_model_learn(&model, realms[1]), "they differ");
    }
    for (int i = 0; i < 8; i++) check_preloaded(realms[i % 4], &out);
    for (int i = 0; i < 4; i++) realm_close(realms[i]);
    realm_model_close(&model);
    shares_free(first);
    bytes_free(&out);
}

TEST("a realm that can't have them at some allocation is as it was, and can have them later") {
    Share *first = shares();
    Realm *realm = realm_open(64 * MB, 512 * KB);
    Bytes out = {0};
    REQUIRE(realm != NULL);
    unsigned deaths = 0;
    for (uint64_t k = 1;; k += k < 200 ? 1 : 13) {
        uint32_t blamed;
        arena_fail_at(realm_arena(realm), k);
        bytes_reset(&out);
        int status = realm_load_modules(realm, first, 512 * KB, &out, &blamed);
        arena_fail_at(realm_arena(realm), 0);
        CHECK(status == 0 || status == DFD_STATUS_MEMORY, "%d at %llu", status,
              (unsigned long long)k);
        if (status == 0) break;
        check_restore(realm, k);
        deaths++;
    }
    CHECK(deaths > 100, "only %u", deaths);
    check_preloaded(realm, &out);
    realm_close(realm);
    shares_free(first);
    bytes_free(&out);
}
