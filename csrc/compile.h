/* compile.h - from an expression to a program, and to what the host is told of its function.
 *
 * Runs inside the guard of a realm that is restored afterwards: nothing is freed piece by piece.
 */
#ifndef DEFERRED_COMPILE_H
#define DEFERRED_COMPILE_H

#include "bytes.h"
#include "program.h"
#include "quickjs.h"

/* As realm_compile says: appends the reply, and gives the program, or NULL when the source was
 * refused or (the reply failed) there was no memory. Returns 0, or DFD_STATUS_STACK if it was
 * refused as it is nested too deeply for the stack. */
int compile_function(JSContext *ctx, const char *source, size_t length, uint32_t flags,
                     Bytes *reply, Program **program);

/* As dfd_compile says of a MODULE: appends the reply. Returns as compile_function does. */
int compile_module(JSContext *ctx, const char *source, size_t length, uint32_t flags, Bytes *reply);

#endif
