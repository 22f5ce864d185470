/* clone_stack.c - see clone_stack.h. Memory: the caller's. Thread: the realm's.
 *
 * The engine writes a frame as `    at NAME (PLACE)` and a line end. NAME is the function's and may
 * hold anything, a line end too; so a frame goes on to the next line that begins as a frame does,
 * and PLACE is what stands in the last pair of brackets.
 */
#include "clone_stack.h"

#include "clone_text.h"
#include "program.h"

static const char BEFORE[] = "    at ";
enum { BEFORE_LENGTH = sizeof BEFORE - 1 };

static EngineText part_of(EngineText text, uint32_t from, uint32_t to) {
    size_t size = text.wide ? sizeof(uint16_t) : sizeof(uint8_t);
    return (EngineText){
        .units = (const uint8_t *)text.units + from * size,
        .length = to - from,
        .wide = text.wide,
    };
}

static bool begins_frame(EngineText text, uint32_t at) {
    return text.length - at >= BEFORE_LENGTH &&
           text_is(part_of(text, at, at + BEFORE_LENGTH), BEFORE);
}

/* Where the next line begins; or the end of the text. */
static uint32_t end_of_line(EngineText text, uint32_t from) {
    if (!text.wide) {
        const char *units = text.units;
        const char *end = memchr(units + from, '\n', text.length - from);
        return end ? (uint32_t)(end - units) + 1 : text.length;
    }
    while (from < text.length)
        if (text_unit(text, from++) == '\n') break;
    return from;
}

/* Where the frame at `from` ends: behind its line end, or at the end of the text. */
static uint32_t end_of_frame(EngineText text, uint32_t from) {
    uint32_t end = from;
    do end = end_of_line(text, end);
    while (end < text.length && !begins_frame(text, end));
    return end;
}

/* Cuts `:NUMBER` off the end of a place; false if it has none, or one that is no line's. */
static bool cut_number(EngineText *place, uint32_t *number) {
    enum { DIGITS = 9 };
    uint32_t at = place->length, power = 1, sum = 0;
    while (at > 0 && place->length - at < DIGITS) {
        uint32_t unit = text_unit(*place, at - 1);
        if (unit < '0' || unit > '9') break;
        sum += (unit - '0') * power;
        power *= 10;
        at--;
    }
    if (at == place->length || at == 0 || text_unit(*place, at - 1) != ':') return false;
    *number = sum;
    place->length = at - 1;
    return true;
}

typedef enum Read { NO_FRAME, SAYS_NOTHING, A_FRAME } Read;

static bool is_same(EngineText a, EngineText b) {
    if (a.length != b.length || !a.units || !b.units) return false;
    if (a.wide == b.wide) return memcmp(a.units, b.units, (size_t)a.length << a.wide) == 0;
    for (uint32_t i = 0; i < a.length; i++)
        if (text_unit(a, i) != text_unit(b, i)) return false;
    return true;
}

uint32_t stack_file_number(const CloneFiles *files, EngineText name) {
    for (uint32_t i = 0; files && i < files->count; i++)
        if (JS_IsString(files->names[i]) && is_same(engine_text(files->names[i]), name)) return i;
    return NO_FILE;
}

static Read read_place(EngineText place, const CloneFiles *files, StackFrame *frame) {
    bool has_row = cut_number(&place, &frame->column) && cut_number(&place, &frame->row);
    if (text_is(place, "native")) { /* in C, or in a unit (units.h) */
        frame->kind = WIRE_FRAME_NATIVE;
        frame->row = frame->column = 0;
        return A_FRAME;
    }
    if (text_is(place, "missing") || text_is(place, "<null>")) return SAYS_NOTHING;
    if (text_is(place, PROGRAM_FILE)) {
        frame->kind = WIRE_FRAME_TASK;
    } else if (text_is(place, "<input>")) {
        frame->kind = WIRE_FRAME_EVAL;
    } else {
        frame->file = stack_file_number(files, place);
        if (frame->file == NO_FILE) return NO_FRAME;
        frame->kind = frame->file == 0 ? WIRE_FRAME_TASK : WIRE_FRAME_MODULE;
    }
    return has_row ? A_FRAME : SAYS_NOTHING;
}

/* Reads the frame that `text` is, but for its beginning. */
static Read read_frame(EngineText text, const CloneFiles *files, StackFrame *frame) {
    if (text.length > 0 && text_unit(text, text.length - 1) == '\n') text.length--;
    uint32_t open = text.length;
    while (open > 0 && text_unit(text, open - 1) != '(') open--;
    if (open < 2 || text_unit(text, open - 2) != ' ' || text_unit(text, text.length - 1) != ')') {
        /* Where a text could not be parsed: `    at <input>:1:2`. No function was called. */
        frame->name = part_of(text, 0, 0);
        return read_place(text, files, frame);
    }
    frame->name = part_of(text, 0, open - 2);
    if (text_is(frame->name, "<anonymous>")) frame->name.length = 0;
    return read_place(part_of(text, open, text.length - 1), files, frame);
}

int stack_parse(EngineText text, const CloneFiles *files, StackFrame frames[STACK_FRAMES]) {
    int count = 0;
    uint32_t at = 0;
    for (int lines = 0; at < text.length && lines < STACK_FRAMES; lines++) {
        if (!begins_frame(text, at)) return -1;
        uint32_t end = end_of_frame(text, at);
        Read read = read_frame(part_of(text, at + BEFORE_LENGTH, end), files, &frames[count]);
        if (read == NO_FRAME) return -1;
        if (read == A_FRAME) count++;
        at = end;
    }
    return count;
}

void stack_put(Output out, const StackFrame *frames, int count) {
    assert(count > 0 && count <= STACK_FRAMES);
    bytes_u8(out.bytes, (uint8_t)count);
    for (int i = 0; i < count; i++) {
        EngineText name = frames[i].name;
        if (name.length > STACK_NAME) name.length = STACK_NAME;
        bytes_u8(out.bytes, frames[i].kind);
        put_text(out, name);
        put_n(out.bytes, frames[i].row);
        put_n(out.bytes, frames[i].column);
        if (frames[i].kind == WIRE_FRAME_MODULE) put_n(out.bytes, frames[i].file);
    }
}
