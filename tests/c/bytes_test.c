/* bytes_test.c - a buffer that can't grow: why, and that it is told until it is reset. */
#include "bytes.h"

#include "check.h"
#define FAULT_NO_MACROS
#include "fault.h"

TEST("a buffer grows up to its limit, and what does not fit makes it fail for good") {
    Bytes bytes = {.limit = 1000};
    uint8_t block[999];
    memset(block, 7, sizeof block);
    bytes_write(&bytes, block, sizeof block);
    bytes_u8(&bytes, 8);
    REQUIRE(!bytes.failed && bytes.length == 1000);
    CHECK(bytes.data[0] == 7 && bytes.data[998] == 7 && bytes.data[999] == 8);
    CHECK(!bytes_reserve(&bytes, 1000) && bytes.failed && !bytes.starved, "it was the limit");
    CHECK(!bytes_reserve(&bytes, SIZE_MAX) && bytes.failed && bytes.length == 1000);
    size_t capacity = bytes.capacity;
    bytes_reset(&bytes);
    CHECK(!bytes.failed && !bytes.limit && !bytes.length && bytes.capacity == capacity);
    bytes_write(&bytes, block, sizeof block);
    CHECK(!bytes.failed && bytes.length == sizeof block && bytes.capacity == capacity);
    bytes_free(&bytes);
    CHECK(!bytes.data && !bytes.capacity);
}

TEST("a buffer for which there is no memory says so, and keeps what it has") {
    Bytes bytes = {0};
    bytes_u8(&bytes, 5);
    fault_arm(FAULT_realloc, 1, 0);
    CHECK(!bytes_reserve(&bytes, 10000) && fault_struck());
    CHECK(bytes.failed && bytes.starved && bytes.length == 1 && bytes.data[0] == 5);
    CHECK(!bytes_reserve(&bytes, 10000) && bytes.failed, "though there would be memory now");
    bytes_reset(&bytes);
    CHECK(bytes_reserve(&bytes, 10000) && !bytes.failed && !bytes.starved);
    bytes_free(&bytes);
}
