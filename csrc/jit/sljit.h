/* sljit.h - the assembler, as a part of the file that includes this (lower.c). Code is written where
 * that file's `take_pages` says (code.c): sljit's own allocators are not compiled.
 */
#ifndef DEFERRED_JIT_SLJIT_H
#define DEFERRED_JIT_SLJIT_H

#define SLJIT_CONFIG_AUTO 1
#define SLJIT_CONFIG_STATIC 1
#define SLJIT_UTIL_STACK 0
#define SLJIT_EXECUTABLE_ALLOCATOR 0
#define SLJIT_MALLOC_EXEC(size, code) take_pages(size, code)
#define SLJIT_FREE_EXEC(pointer, code) ((void)(pointer)) /* they are the JitCode's */
#define SLJIT_VERBOSE 0
#ifdef NDEBUG
#define SLJIT_DEBUG 0
#else
#define SLJIT_DEBUG 1
#define SLJIT_ARGUMENT_CHECKS 0
#endif

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-variable"
#endif
#include "sljit/sljitLir.c"
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#endif
