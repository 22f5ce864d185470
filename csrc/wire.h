/* wire.h - the format in which values cross between a realm and the host: what both halves of the
 * codec, clone.h and src/clone/, write and read. Constants only; the ABI number is a hash of them.
 *
 * Follows the HTML standard, section 2.7 (StructuredSerializeInternal, StructuredDeserialize).
 * https://html.spec.whatwg.org/multipage/structured-data.html
 *
 * THE WIRE FORMAT. A value is a tag byte and what the tag says. Numbers are little-endian; `n` is
 * an unsigned LEB128 varint of at most 5 bytes (32 bits); pad(k) is zero bytes up to a multiple
 * of k from the start of the whole encoding (not of the value).
 *
 * Every object (whatever has identity) gets the next number, from 0, at the moment its tag is
 * written, before its contents; WIRE_REFERENCE names an earlier one, which is how sharing and
 * cycles cross. Arguments of a task share one numbering, in order.
 *
 *   UNDEFINED NULL FALSE TRUE
 *   HOLE      an element of an ARRAY, or the value of a key of an OBJECT or OBJECT_SHAPE, that is
 *             not there (any more: a getter deleted the key while its object was being written)
 *   INT       i32                                any int32 but -0 outside 0..127
 *   DOUBLE    f64 (8 bytes, not padded)          all other numbers; NaN is written as 0x7ff8<<48
 *   0x80|i                                       the integers 0..127
 *   BIGINT    sign u8 (0, 1 = negative), n, n bytes of magnitude, no leading zero byte (0: n = 0)
 *   STRING8   n, n Latin-1 bytes
 *   STRING16  n, pad(2), n UTF-16 units, lone surrogates as they are
 *   ARRAY     n, n values (or HOLE)              length n, no other own properties
 *   ARRAY_INT n, pad(4), n i32                   every element an int32 (not -0)
 *   ARRAY_F64 n, pad(8), n f64                   every element a number
 *   ARRAY_PROPS  length n, then as OBJECT_PAIRS  sparse arrays and arrays with extra keys
 *   OBJECT    n keys, the keys (STRING8 or STRING16 with its tag), n values: a new shape, which
 *             gets the next shape number, from 0, before its values are written
 *   OBJECT_SHAPE  n = shape number, its values   a further object of that shape
 *   OBJECT_PAIRS  (key, value)*, END             objects of very many keys
 *   INSTANCE  n = number of a class, then its own properties as OBJECT, _SHAPE or _PAIRS: an
 *             instance of a class that was registered with the pool. Shapes know no classes.
 *   DATE      f64
 *   REGEXP    source string value, flags string value
 *   BOOLEAN_OBJECT u8; NUMBER_OBJECT f64; BIGINT_OBJECT, STRING_OBJECT: a BIGINT or string value
 *   MAP       n, n (key, value)
 *   SET       n, n values
 *   BUFFER    n, pad(8), n bytes
 *   BUFFER_RESIZABLE  n, max n, pad(8), n bytes
 *   LENT      n = number of a region: an ArrayBuffer over memory that the host lent to the task. In
 *             a result: given back
 *   SHARED    n = number of a region: a SharedArrayBuffer over memory of the host
 *   MOVED     n = number of a buffer whose memory was moved out of the realm; in results only
 *   PRESET    n = number of a value that the pool put into every realm
 *   VIEW      kind u8 (WIRE_VIEW_*), a value (any buffer or REFERENCE), byte offset n, flag u8
 *             (1 = tracks the length), length n (elements; bytes for a DataView; 0 if tracking).
 *             The view is numbered before its buffer.
 *   ERROR     class u8 (WIRE_ERROR_*), flags u8 (WIRE_ERROR_HAS_*), for each flag in the order of
 *             its bit a value: name, message, stack (strings), cause, errors (an array), props (an
 *             OBJECT.. of own enumerable properties, which takes an object number as any other).
 *             FRAMES, in results only, stand in the place of the stack: a count from 1 to 10 (u8),
 *             and for each the kind u8 (WIRE_FRAME_*), the function's name (a string of at most 64
 *             units, empty if it has none), row n and column n (0 for NATIVE), and of MODULE the
 *             number n of its file
 *   REFERENCE n
 *
 * ONE ENCODING FOR ONE VALUE. Both encoders write the same bytes (tests/vectors/clone.json), so:
 *   - Varints are as short as can be. A string is STRING8 when all its units are at most 0xff.
 *     Every NaN, wherever it is written as f64, has the bits 0x7ff8<<48.
 *   - The keys of an array or object are listed first (own, enumerable, strings); then each key
 *     in its turn is looked for again, read once, and its value written.
 *   - Arrays. Other keys than indices, or fewer than half of the indices there (2 * present <
 *     length): ARRAY_PROPS, leaving out keys that went meanwhile. Else, if nothing is missing and
 *     length > 0: ARRAY_INT when every value read is an int32, ARRAY_F64 when every one is a
 *     number. Else ARRAY (so [] too), where a missing element is HOLE.
 *   - Objects. Up to WIRE_SHAPE_KEYS keys: OBJECT when this list of keys, in this order, is new in
 *     the numbering, else OBJECT_SHAPE. More: OBJECT_PAIRS, which makes no shape and leaves out
 *     keys that went meanwhile.
 *   - Errors. `name` is read; if it is the name of a class in WIRE_ERROR_MAP (but DOMException for
 *     what isn't one), that is the class (the standard's rule) and NAME is absent. Else the class
 *     is that of the nearest prototype of the realm's own error classes, or Error, and NAME is
 *     there if the name is a string. A DOMException always has that class, NAME if its name
 *     isn't "DOMException", and MESSAGE. MESSAGE: there is an own data property `message`;
 *     ToString of it. STACK: `stack` is read and is a string (in a realm: its own property, else
 *     what the engine keeps, without running code; FRAMES if that is as the engine writes it, or
 *     nothing if its frames say nothing, and else its first 8,192 units). CAUSE: there is an own
 * data property `cause`. ERRORS: the class is AggregateError and there is an own data property
 * `errors` that is an array. PROPS: there are other own enumerable string keys than name, message
 * and stack, and than cause and errors where those have their flags. In this order, and all before
 * the flags are written. An error that leaves a realm always arrives: what can't be read of these
 *     is left out, and what can't be cloned in CAUSE, ERRORS or PROPS is replaced by a string that
 *     says why, "[a function (`fn`) can't be cloned: .handlers[0]]".
 *   - A VIEW that can't have an element, however its buffer is resized, does not track.
 *   - A Date's time, a RegExp's source and flags, a boxed value and the like come from internal
 *     slots; own properties of those are dropped, as are prototypes and lastIndex.
 *   - Objects may be nested as deep as memory allows: neither half recurses.
 * A decoder takes any of the forms, whether an encoder would have chosen it or not. An error read
 * without NAME takes its class's (`name` is not an own property then), without MESSAGE the same;
 * without STACK its own `stack` is undefined.
 *
 * MEMORY THAT IS NOT COPIED lies beside the encoding, never in it: the numbers of LENT and SHARED
 * are those of the submission's regions, that of MOVED is one of the completion's moved buffers
 * (deferred.h). Bytes alone can't name an address. Buffers of fixed length in a result, from
 * WIRE_KEEP_BYTES on, are MOVED: the realm is thrown away, so the task has no more use for them.
 * But first come those, in the order of their numbers, that can be copied as BUFFER without making
 * the copies more than WIRE_COPY_BYTES. One that was lent to the task is LENT.
 *
 * An encoding that is truncated, has an unknown tag, a reference or shape that does not exist, a
 * length beyond its end or bytes left over is refused; nothing is trusted. Keys
 * such as `__proto__` are own properties. Lengths that promise more than the remaining bytes could
 * hold are refused before anything is allocated. Keys or entries that come twice may be refused.
 */
#ifndef DEFERRED_WIRE_H
#define DEFERRED_WIRE_H

/* To be raised when the same constants come to mean something else on the wire. */
#define WIRE_REVISION 1

/* Sizes that decide how a value is written. To move a buffer out takes longer than to copy it: the
 * pages must be made anew for the next task, and on the host (512 KB take 250 us when moved and 70
 * when copied, 4 MB 1.8 and 0.5 ms; on JavaScriptCore 0.5 ms both). What is copied is there twice,
 * so the sum of the copies is bounded: a result of more is moved, and as quick as in copies. */
#define WIRE_LIMIT_MAP(X)                                                                          \
    X(SHAPE_KEYS, 64, "the most keys of an object that is written by shape")                       \
    X(MOVE_BYTES, 65536, "the least bytes of a buffer that is lent when it is transferred")        \
    X(KEEP_BYTES, 524288, "the least bytes of a buffer that may leave a task by moving")           \
    X(COPY_BYTES, 4194304, "the most bytes of such buffers that leave it in copies")

#define WIRE_TAG_MAP(X)                                                                            \
    X(UNDEFINED, 0x00)                                                                             \
    X(NULL, 0x01)                                                                                  \
    X(FALSE, 0x02)                                                                                 \
    X(TRUE, 0x03)                                                                                  \
    X(HOLE, 0x04)                                                                                  \
    X(INT, 0x05)                                                                                   \
    X(DOUBLE, 0x06)                                                                                \
    X(BIGINT, 0x07)                                                                                \
    X(STRING8, 0x08)                                                                               \
    X(STRING16, 0x09)                                                                              \
    X(ARRAY, 0x10)                                                                                 \
    X(ARRAY_INT, 0x11)                                                                             \
    X(ARRAY_F64, 0x12)                                                                             \
    X(ARRAY_PROPS, 0x13)                                                                           \
    X(OBJECT, 0x18)                                                                                \
    X(OBJECT_SHAPE, 0x19)                                                                          \
    X(OBJECT_PAIRS, 0x1a)                                                                          \
    X(END, 0x1b)                                                                                   \
    X(INSTANCE, 0x1c)                                                                              \
    X(DATE, 0x20)                                                                                  \
    X(REGEXP, 0x21)                                                                                \
    X(BOOLEAN_OBJECT, 0x22)                                                                        \
    X(NUMBER_OBJECT, 0x23)                                                                         \
    X(BIGINT_OBJECT, 0x24)                                                                         \
    X(STRING_OBJECT, 0x25)                                                                         \
    X(MAP, 0x28)                                                                                   \
    X(SET, 0x29)                                                                                   \
    X(BUFFER, 0x30)                                                                                \
    X(BUFFER_RESIZABLE, 0x31)                                                                      \
    X(VIEW, 0x32)                                                                                  \
    X(LENT, 0x33)                                                                                  \
    X(SHARED, 0x34)                                                                                \
    X(MOVED, 0x35)                                                                                 \
    X(PRESET, 0x36)                                                                                \
    X(ERROR, 0x38)                                                                                 \
    X(REFERENCE, 0x40)                                                                             \
    X(SMALL_INT, 0x80)

#define WIRE_VIEW_MAP(X)                                                                           \
    X(DataView, 0)                                                                                 \
    X(Int8Array, 1)                                                                                \
    X(Uint8Array, 2)                                                                               \
    X(Uint8ClampedArray, 3)                                                                        \
    X(Int16Array, 4)                                                                               \
    X(Uint16Array, 5)                                                                              \
    X(Int32Array, 6)                                                                               \
    X(Uint32Array, 7)                                                                              \
    X(BigInt64Array, 8)                                                                            \
    X(BigUint64Array, 9)                                                                           \
    X(Float16Array, 10)                                                                            \
    X(Float32Array, 11)                                                                            \
    X(Float64Array, 12)

#define WIRE_ERROR_MAP(X)                                                                          \
    X(Error, 0)                                                                                    \
    X(EvalError, 1)                                                                                \
    X(RangeError, 2)                                                                               \
    X(ReferenceError, 3)                                                                           \
    X(SyntaxError, 4)                                                                              \
    X(TypeError, 5)                                                                                \
    X(URIError, 6)                                                                                 \
    X(AggregateError, 7)                                                                           \
    X(DOMException, 8)

/* Presence flags of an ERROR, and the order of what follows, but for FRAMES. */
#define WIRE_ERROR_HAS_MAP(X)                                                                      \
    X(NAME, 1)                                                                                     \
    X(MESSAGE, 2)                                                                                  \
    X(STACK, 4)                                                                                    \
    X(CAUSE, 8)                                                                                    \
    X(ERRORS, 16)                                                                                  \
    X(PROPS, 32)                                                                                   \
    X(FRAMES, 64)

/* The kinds of a frame: in the task's function or text, native, in code that the task made of text,
 * in a module. */
#define WIRE_FRAME_MAP(X)                                                                          \
    X(TASK, 0)                                                                                     \
    X(NATIVE, 1)                                                                                   \
    X(EVAL, 2)                                                                                     \
    X(MODULE, 3)

#define WIRE_LIMIT_ENUM(name, value, text) WIRE_##name = value,
#define WIRE_TAG_ENUM(name, value) WIRE_##name = value,
#define WIRE_VIEW_ENUM(name, value) WIRE_VIEW_##name = value,
#define WIRE_ERROR_ENUM(name, value) WIRE_ERROR_##name = value,
#define WIRE_ERROR_HAS_ENUM(name, value) WIRE_ERROR_HAS_##name = value,
enum { WIRE_LIMIT_MAP(WIRE_LIMIT_ENUM) };
enum { WIRE_TAG_MAP(WIRE_TAG_ENUM) };
enum { WIRE_VIEW_MAP(WIRE_VIEW_ENUM) };
enum { WIRE_ERROR_MAP(WIRE_ERROR_ENUM) };
enum { WIRE_ERROR_HAS_MAP(WIRE_ERROR_HAS_ENUM) };
#define WIRE_FRAME_ENUM(name, value) WIRE_FRAME_##name = value,
enum { WIRE_FRAME_MAP(WIRE_FRAME_ENUM) };

#endif
