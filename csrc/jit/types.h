/* types.h - what a compiled value is. */
#ifndef DEFERRED_JIT_TYPES_H
#define DEFERRED_JIT_TYPES_H

#include <stdbool.h>

/* What a value is known to be, and with that how it is held. */
typedef enum Type {
    T_NONE, /* not known yet; or dead */
    T_INT,  /* an int32, in the low half of an integer register; the other half is anything */
    T_UINT, /* likewise, without a sign */
    T_WIDE, /* an integer of less than 2^53, in a whole register: exact, where only its low 32 bits are
               used in the end */
    T_DOUBLE,
    T_BOOL,   /* 0 or 1, like T_INT */
    T_OBJECT, /* a pointer, owned by a variable or an array that keeps it meanwhile */
    T_STRING, /* likewise; no rope */
    T_UNDEFINED,
    T_NULL,
    T_UNINITIALIZED,
    T_SLOT,    /* what its variable holds in memory, whatever that is */
    T_GLOBAL,  /* the global of the get_var at the pc `node`; only to find a method in */
    T_METHOD,  /* the method that the get_field2 at the pc `node` found in what is below */
    T_POINTER, /* into the engine's memory; of nodes only */
} Type;

static inline bool type_is_number(Type type) { return type >= T_INT && type <= T_DOUBLE; }
/* Whether a register holds it. */
static inline bool type_is_held(Type type) { return type >= T_INT && type <= T_STRING; }

#endif
