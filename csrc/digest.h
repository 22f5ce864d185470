/* digest.h - SHA-1, SHA-256, SHA-384 and SHA-512 (FIPS 180-4) of bytes. Not in constant time with
 * regard to their number, and in no other regard secret: these are digests. Any thread.
 */
#ifndef DEFERRED_DIGEST_H
#define DEFERRED_DIGEST_H

#include <stddef.h>
#include <stdint.h>

typedef enum Digest { DIGEST_SHA_1, DIGEST_SHA_256, DIGEST_SHA_384, DIGEST_SHA_512 } Digest;

enum { DIGEST_MOST = 64 };

/* Writes the digest; returns how many bytes it has. */
size_t digest_of(Digest kind, const uint8_t *data, size_t length, uint8_t digest[DIGEST_MOST]);

#endif
