/* bytes.c - see bytes.h */
#include "bytes.h"

#include "guard.h"

bool bytes_grow(Bytes *bytes, size_t more) {
    size_t most = bytes->limit ? bytes->limit : SIZE_MAX / 2;
    if (bytes->failed || bytes->length > most || more > most - bytes->length) {
        bytes->failed = true;
        return false;
    }
    size_t capacity = bytes->capacity ? bytes->capacity : 256;
    while (capacity < bytes->length + more) capacity += capacity / 2;
    guard_critical_enter();
    uint8_t *data = realloc(bytes->data, capacity);
    if (data) {
        bytes->data = data;
        bytes->capacity = capacity;
    }
    guard_critical_leave();
    bytes->failed = bytes->starved = !data;
    return data != NULL;
}

void bytes_reset(Bytes *bytes) {
    *bytes = (Bytes){.data = bytes->data, .capacity = bytes->capacity};
}

void bytes_free(Bytes *bytes) {
    free(bytes->data);
    *bytes = (Bytes){0};
}
