/* clone_stack.h - an error's stack in the wire format: the engine's as frames, any other as text.
 *
 * The host shows these frames beside its own, so it must not have to parse a text that a task may
 * have written. What is read here is read in the task, under its limits.
 */
#ifndef DEFERRED_CLONE_STACK_H
#define DEFERRED_CLONE_STACK_H

#include "clone_put.h"

/* The frames that the engine records by default; of a text that has more, the first ones. */
enum { STACK_FRAMES = 10 };

/* A function whose name is longer is called by its beginning. */
enum { STACK_NAME = 64 };

/* Units of another text; what is behind them is left out. */
enum { STACK_TEXT = 8192 };

typedef struct StackFrame {
    EngineText name; /* empty for a function without one */
    uint8_t kind;    /* WIRE_FRAME_* */
    uint32_t row, column;
    uint32_t file; /* of a MODULE: its number */
} StackFrame;

/* The frames of a stack that the engine wrote, as far as they say something; -1 if this text is
 * none of the engine's. The names lie in `text`. `files` may be NULL. */
int stack_parse(EngineText text, const CloneFiles *files, StackFrame frames[STACK_FRAMES]);

/* The number of the file of that name, or NO_FILE. */
#define NO_FILE UINT32_MAX
uint32_t stack_file_number(const CloneFiles *files, EngineText name);

/* Writes FRAMES: `count` is at least 1. */
void stack_put(Output out, const StackFrame *frames, int count);

#endif
