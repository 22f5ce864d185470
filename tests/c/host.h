/* host.h - reads completion records as a host does: plain memory, no call. */
#ifndef HOST_H
#define HOST_H

#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deferred.h"

typedef struct HostRecord {
    uint32_t task, kind, status, worker, length, moved;
    bool external;
    uint32_t lost; /* memory that could not be given back */
    double run_ms, wait_ms;
    uint8_t head[24]; /* the payload's first bytes */
} HostRecord;

static inline uint32_t host_u32(const uint8_t *at) {
    uint32_t value;
    memcpy(&value, at, 4);
    return value;
}

static inline double host_f64(const uint8_t *at) {
    double value;
    memcpy(&value, at, 8);
    return value;
}

/* Waits for a wake-up on the host's end of the socket pair. */
static inline void host_wait(int fd) {
    char bytes[64];
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    while (poll(&ready, 1, -1) < 0);
    while (read(fd, bytes, sizeof bytes) > 0);
}

/* Gives memory back, by its handle. */
typedef int32_t HostRelease(void *opaque, double handle);

/* Reads one record; false when the ring is empty. Gives back what came with it. */
static inline bool host_read_grants(_Atomic uint32_t *control, HostRelease *release, void *opaque,
                                    HostRecord *record) {
    for (;;) {
        uint32_t head = atomic_load(&control[DFD_CONTROL_HEAD]);
        if (head == atomic_load(&control[DFD_CONTROL_TAIL])) return false;
        const uint8_t *at = (const uint8_t *)(control + DFD_CONTROL_RING) + head % DFD_RING_BYTES;
        uint32_t size = host_u32(at + DFD_RECORD_SIZE);
        bool padding = host_u32(at + DFD_RECORD_TASK) == 0xffffffffu;
        if (!padding) {
            *record = (HostRecord){
                .task = host_u32(at + DFD_RECORD_TASK),
                .kind = host_u32(at + DFD_RECORD_KIND),
                .status = host_u32(at + DFD_RECORD_STATUS),
                .worker = host_u32(at + DFD_RECORD_WORKER),
                .length = host_u32(at + DFD_RECORD_LENGTH),
                .moved = host_u32(at + DFD_RECORD_MOVED),
                .external = host_u32(at + DFD_RECORD_EXTERNAL) != 0,
                .run_ms = host_f64(at + DFD_RECORD_RUN_MS),
                .wait_ms = host_f64(at + DFD_RECORD_WAIT_MS),
            };
            double address = record->external ? host_f64(at + DFD_RECORD_PAYLOAD) : 0;
            const uint8_t *payload =
                record->external ? (const uint8_t *)(uintptr_t)address : at + DFD_RECORD_PAYLOAD;
            size_t known =
                record->length < sizeof record->head ? record->length : sizeof record->head;
            memcpy(record->head, payload, known);
            const uint8_t *entry = payload + (((size_t)record->length + 7) & ~(size_t)7);
            for (uint32_t i = 0; i < record->moved; i++, entry += DFD_MOVED_SIZE)
                record->lost += release(opaque, host_f64(entry + DFD_MOVED_HANDLE)) != 0;
            if (record->external)
                record->lost += release(opaque, host_f64(at + DFD_RECORD_PAYLOAD + 8)) != 0;
        }
        atomic_store(&control[DFD_CONTROL_HEAD], head + size);
        if (!padding) return true;
    }
}

static inline int32_t host_release(void *pool, double handle) {
    return dfd_release(*(const uint32_t *)pool, handle);
}

static inline bool host_read(uint32_t pool, HostRecord *record) {
    _Atomic uint32_t *control = (_Atomic uint32_t *)(uintptr_t)dfd_pool_control(pool);
    return host_read_grants(control, host_release, &pool, record);
}

#endif
