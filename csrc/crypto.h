/* crypto.h - `crypto`: random bytes, UUIDs and digests, as Web Cryptography has them; no keys. */
#ifndef DEFERRED_CRYPTO_H
#define DEFERRED_CRYPTO_H

#include "quickjs.h"

enum { CRYPTO_OBJECT, CRYPTO_INTERFACE, CRYPTO_SUBTLE_INTERFACE };

/* The global of that number: for ENGINE_LAZY. */
JSValue crypto_make(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int which);

#endif
