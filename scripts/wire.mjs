/**
 * Writes the test vectors of the wire format (csrc/wire.h): tests/vectors/clone.json, values and
 * the one encoding of each, and tests/vectors/malformed.json, bytes that a decoder must refuse.
 *
 * The encodings are put together here by hand, piece by piece, with the assembler below. Nothing
 * of the codec is used: both halves of it are tested against what a person wrote down.
 *
 *   node scripts/wire.mjs           writes the files
 *   node scripts/wire.mjs --check   fails if they are not what this script would write
 *
 * A vector is { name, js, hex, again?, note? }. `js` is an expression for indirect eval, in any of
 * the engines; encoding its value gives `hex`, decoding `hex` an equal value. `again` is there
 * when encoding that value once more gives other bytes (a key that went while it was written).
 */
import { readFileSync, writeFileSync } from "node:fs";

// ---- The assembler: a piece is a function that appends to an array of bytes ----

/** @typedef {(out: number[]) => void} Piece */

const raw = (...bytes) => (out) => void out.push(...bytes);
const all = (...pieces) => (out) => pieces.forEach((piece) => piece(out));

/** A varint of 32 bits. */
const n = (value) => (out) => {
  for (; value >= 0x80; value = Math.floor(value / 128)) out.push((value % 128) | 0x80);
  out.push(value);
};
const pad = (to) => (out) => {
  while (out.length % to !== 0) out.push(0);
};
const numeric = (set, size, value) => {
  const view = new DataView(new ArrayBuffer(size));
  view[set](0, value, true);
  return raw(...new Uint8Array(view.buffer));
};
const i32 = (value) => numeric("setInt32", 4, value);
const u16 = (value) => numeric("setUint16", 2, value);
const f64 = (value) =>
  Number.isNaN(value) ? raw(0, 0, 0, 0, 0, 0, 0xf8, 0x7f) : numeric("setFloat64", 8, value);

const UNDEFINED = raw(0x00);
const NULL = raw(0x01);
const FALSE = raw(0x02);
const TRUE = raw(0x03);
const HOLE = raw(0x04);
const END = raw(0x1b);
const small = (value) => raw(0x80 | value);
const int = (value) => all(raw(0x05), i32(value));
const double = (value) => all(raw(0x06), f64(value));
const bigint = (negative, ...magnitude) =>
  all(raw(0x07, negative), n(magnitude.length), raw(...magnitude));
const latin1 = (text) =>
  all(raw(0x08), n(text.length), raw(...[...text].map((c) => c.charCodeAt(0))));
const utf16 = (text) =>
  all(raw(0x09), n(text.length), pad(2), ...text.split("").map((c) => u16(c.charCodeAt(0))));
const array = (...values) => all(raw(0x10), n(values.length), ...values);
const ints = (...values) => all(raw(0x11), n(values.length), pad(4), ...values.map(i32));
const doubles = (...values) => all(raw(0x12), n(values.length), pad(8), ...values.map(f64));
const arrayProps = (length, ...pairs) => all(raw(0x13), n(length), ...pairs, END);
/** An object of a new shape: its keys, then its values. */
const object = (keys, ...values) =>
  all(
    raw(0x18),
    n(keys.length),
    ...keys.map((k) => typeof k === "string" ? latin1(k) : k),
    ...values,
  );
const shape = (number, ...values) => all(raw(0x19), n(number), ...values);
const pairs = (...pieces) => all(raw(0x1a), ...pieces, END);
const date = (time) => all(raw(0x20), f64(time));
const regexp = (source, flags) => all(raw(0x21), source, latin1(flags));
const map = (...entries) => all(raw(0x28), n(entries.length / 2), ...entries);
const set = (...values) => all(raw(0x29), n(values.length), ...values);
const buffer = (...bytes) => all(raw(0x30), n(bytes.length), pad(8), raw(...bytes));
const resizable = (max, ...bytes) => all(raw(0x31), n(bytes.length), n(max), pad(8), raw(...bytes));
const view = (kind, of, offset, length) => all(raw(0x32, kind), of, n(offset), raw(0), n(length));
const tracking = (kind, of, offset) => all(raw(0x32, kind), of, n(offset), raw(1), n(0));
const NAME = 1, MESSAGE = 2, STACK = 4, CAUSE = 8, ERRORS = 16, PROPS = 32, FRAMES = 64;
const frame = (kind, name, row, column) => all(raw(kind), latin1(name), n(row), n(column));
const error = (kind, flags, ...values) => all(raw(0x38, kind, flags), ...values);
const ref = (number) => all(raw(0x40), n(number));

const hex = (piece) => {
  const out = [];
  piece(out);
  return out.map((byte) => byte.toString(16).padStart(2, "0")).join("");
};

// ---- The vectors ----

const vectors = [];
const vector = (name, js, piece, more = {}) => {
  vectors.push({
    name,
    js,
    hex: hex(piece),
    ...more.again && { again: hex(more.again) },
    ...more.note && { note: more.note },
  });
};
/** An error whose stack is known: what engines write there differs. */
const stacked = (expression, stack = '"at x"') =>
  `((e) => (Object.defineProperty(e, "stack", { value: ${stack}, writable: true, configurable: true }), e))(${expression})`;

vector("undefined", "undefined", UNDEFINED);
vector("null", "null", NULL);
vector("false", "false", FALSE);
vector("true", "true", TRUE);

// Numbers.
for (const value of [0, 1, 63, 64, 100, 126, 127]) {
  vector(`small integer ${value}`, `${value}`, small(value));
}
for (
  const value of [
    128,
    255,
    256,
    65535,
    65536,
    2147483647,
    -1,
    -2,
    -127,
    -128,
    -129,
    -32768,
    -65536,
    -2147483648,
  ]
) {
  vector(`integer ${value}`, `${value}`, int(value));
}
vector("integer that was computed as a double", "0.5 + 0.5", small(1));
vector("minus zero", "-0", double(-0));
for (
  const js of [
    "2147483648",
    "-2147483649",
    "0.5",
    "-1.5",
    "1e21",
    "1e-7",
    "5e-324",
    "1.7976931348623157e308",
    "9007199254740991",
    "-9007199254740993",
    "2 ** -24",
    "4294967295",
  ]
) {
  vector(`double ${js}`, js, double((0, eval)(js)));
}
vector("Infinity", "Infinity", double(Infinity));
vector("-Infinity", "-Infinity", double(-Infinity));
vector("NaN", "NaN", double(NaN));
vector(
  "NaN with other bits",
  "new Float64Array(new BigUint64Array([0xfff8000000000123n]).buffer)[0]",
  double(NaN),
);

// BigInts.
vector("0n", "0n", bigint(0));
vector("1n", "1n", bigint(0, 1));
vector("-1n", "-1n", bigint(1, 1));
vector("127n", "127n", bigint(0, 127));
vector("128n", "128n", bigint(0, 128));
vector("255n", "255n", bigint(0, 255));
vector("256n", "256n", bigint(0, 0, 1));
vector("-256n", "-256n", bigint(1, 0, 1));
vector("2n ** 31n", "2n ** 31n", bigint(0, 0, 0, 0, 0x80));
vector("2n ** 63n", "2n ** 63n", bigint(0, 0, 0, 0, 0, 0, 0, 0, 0x80));
vector("-(2n ** 63n)", "-(2n ** 63n)", bigint(1, 0, 0, 0, 0, 0, 0, 0, 0x80));
vector("2n ** 64n - 1n", "2n ** 64n - 1n", bigint(0, 255, 255, 255, 255, 255, 255, 255, 255));
vector("2n ** 64n", "2n ** 64n", bigint(0, 0, 0, 0, 0, 0, 0, 0, 0, 1));
vector(
  "a BigInt of 12 bytes",
  "0x0102030405060708090a0b0cn",
  bigint(0, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1),
);
vector("a BigInt of 200 bytes", "-(2n ** 1592n)", bigint(1, ...Array(199).fill(0), 1));

// Strings.
vector("the empty string", `""`, latin1(""));
vector("ASCII", `"hello"`, latin1("hello"));
vector("NUL and control characters", `"\\0\\x01\\n\\x7f"`, latin1("\0\x01\n\x7f"));
vector(
  "Latin-1 above ASCII",
  `"caf\\xe9 \\x80\\x9f\\xa0\\xff"`,
  latin1("caf\xe9 \x80\x9f\xa0\xff"),
);
vector("U+0100, the first that needs UTF-16", `"\\u0100"`, utf16("\u0100"));
vector(
  "UTF-16 after much Latin-1",
  `"abcdefghijklmnopqrstuvwxyz\\u2028"`,
  utf16("abcdefghijklmnopqrstuvwxyz\u2028"),
);
vector("an astral character", `"\\u{1f600}"`, utf16("\u{1f600}"));
vector("a lone high surrogate", `"\\ud83d"`, utf16("\ud83d"));
vector("a lone low surrogate", `"a\\ude00b"`, utf16("a\ude00b"));
vector("surrogates the wrong way round", `"\\ude00\\ud83d"`, utf16("\ude00\ud83d"));
vector("a byte order mark", `"\\ufeffx"`, utf16("\ufeffx"));
vector("the last UTF-16 unit", `"\\uffff\\ufffe"`, utf16("\uffff\ufffe"));
vector("Latin-1, cut from UTF-16", `"\\u0100abc".slice(1)`, latin1("abc"));
for (const length of [127, 128, 200, 16383, 16384]) {
  vector(`${length} Latin-1 characters`, `"x".repeat(${length})`, latin1("x".repeat(length)));
}
vector("100 UTF-16 units", `"\\u03b1".repeat(100)`, utf16("\u03b1".repeat(100)));
vector("128 UTF-16 units", `"\\u03b1".repeat(128)`, utf16("\u03b1".repeat(128)));
vector("a rope of two widths", `"ab".repeat(30) + "\\u03b1"`, utf16("ab".repeat(30) + "\u03b1"));

// Arrays.
vector("the empty array", "[]", array());
vector("one integer", "[1]", ints(1));
vector("integers", "[1, 2, 3]", ints(1, 2, 3));
vector(
  "integers of every size",
  "[0, -1, 127, 128, -2147483648, 2147483647]",
  ints(0, -1, 127, 128, -2147483648, 2147483647),
);
vector("integers, then a double", "[1, 2.5]", doubles(1, 2.5));
vector("a double, then integers", "[0.5, 1, 2]", doubles(0.5, 1, 2));
vector("minus zero makes doubles", "[1, -0, 2]", doubles(1, -0, 2));
vector(
  "NaNs with other bits",
  "Array.from(new Float64Array(new BigUint64Array([0xfff8000000000123n, 1n]).buffer))",
  doubles(NaN, 5e-324),
);
vector(
  "special doubles",
  "[NaN, Infinity, -Infinity, -0, 5e-324]",
  doubles(NaN, Infinity, -Infinity, -0, 5e-324),
);
vector(
  "an integer past int32 makes doubles",
  "[2147483647, 2147483648]",
  doubles(2147483647, 2147483648),
);
vector("doubles with whole values are integers", "[0.5 + 0.5, 1.5 * 2]", ints(1, 3));
vector("numbers, then a string", `[1, 2, "x"]`, array(small(1), small(2), latin1("x")));
vector("doubles, then null", "[1, 2.5, -3, null]", array(small(1), double(2.5), int(-3), NULL));
vector(
  "minus zero, then undefined",
  "[-0, NaN, undefined]",
  array(double(-0), double(NaN), UNDEFINED),
);
vector("undefined is no hole", "[undefined]", array(UNDEFINED));
vector("booleans", "[true, false]", array(TRUE, FALSE));
vector("strings", `["a", "", "\\u0100"]`, array(latin1("a"), latin1(""), utf16("\u0100")));
vector("BigInts", "[1n, 2]", array(bigint(0, 1), small(2)));
vector(
  "arrays in arrays",
  '[[], [1], [["x"]]]',
  array(array(), ints(1), array(array(latin1("x")))),
);
vector("128 integers", "Array.from({ length: 128 }, (_, i) => i)", ints(...Array(128).keys()));
vector(
  "200 doubles",
  "Array.from({ length: 200 }, (_, i) => i + 0.5)",
  doubles(...Array.from({ length: 200 }, (_, i) => i + 0.5)),
);
vector("130 nulls", "Array(130).fill(null)", array(...Array(130).fill(NULL)));
vector("a hole", "[1, , 3]", array(small(1), HOLE, small(3)));
vector("a hole at the start", "[, 2]", array(HOLE, small(2)));
vector("a hole at the end", "[1, , ]", array(small(1), HOLE));
vector("half holes", "[, 1.5, , null]", array(HOLE, double(1.5), HOLE, NULL));
vector("more holes than elements", "[, , 7]", arrayProps(3, latin1("2"), small(7)));
vector("only holes", "new Array(5)", arrayProps(5));
vector("one hole", "new Array(1)", arrayProps(1));
vector(
  "a sparse array",
  '((a) => ((a[1000000] = 1), (a[5] = "x"), a))([])',
  arrayProps(1000001, latin1("5"), latin1("x"), latin1("1000000"), small(1)),
);
vector(
  "the longest array",
  "((a) => ((a.length = 4294967295), (a[4294967294] = 1), a))([])",
  arrayProps(4294967295, latin1("4294967294"), small(1)),
);
vector(
  "an array with a key",
  "Object.assign([1], { x: 2 })",
  arrayProps(1, latin1("0"), small(1), latin1("x"), small(2)),
);
vector(
  "an empty array with a key",
  'Object.assign([], { "": [] })',
  arrayProps(0, latin1(""), array()),
);
vector(
  "keys that look like indices",
  'Object.assign([], { "-1": 1, "01": 2, "4294967295": 3 })',
  arrayProps(0, latin1("-1"), small(1), latin1("01"), small(2), latin1("4294967295"), small(3)),
);
vector(
  "an array with the key __proto__",
  `Object.defineProperty([], "__proto__", { value: 1, enumerable: true, writable: true, configurable: true })`,
  arrayProps(0, latin1("__proto__"), small(1)),
);
vector(
  "an element that isn't enumerable",
  "Object.defineProperty([1, 2, 3], 1, { enumerable: false })",
  array(small(1), HOLE, small(3)),
  { note: "left out, as Object.keys leaves it out" },
);
vector("a key that isn't enumerable", 'Object.defineProperty([1], "x", { value: 1 })', ints(1));
vector("a symbol key", "Object.assign([1], { [Symbol.iterator]: 1 })", ints(1));
vector(
  "an accessor as an element",
  "Object.defineProperty([1, 2], 0, { get: () => 7, enumerable: true, configurable: true })",
  ints(7, 2),
);
vector("a frozen array", "Object.freeze([1, 2])", ints(1, 2));
vector("an instance of a subclass of Array", "new (class extends Array {})(1, 2)", ints(1, 2));
vector(
  "regexp match",
  `/b(?<n>.)/.exec("abc")`,
  arrayProps(
    2,
    latin1("0"),
    latin1("bc"),
    latin1("1"),
    latin1("c"),
    latin1("index"),
    small(1),
    latin1("input"),
    latin1("abc"),
    latin1("groups"),
    object(["n"], latin1("c")),
  ),
);

// Objects and shapes.
vector("the empty object", "({})", object([]));
vector("one key", "({ a: 1 })", object(["a"], small(1)));
vector(
  "three keys",
  '({ a: 1, b: 2.5, c: "x" })',
  object(["a", "b", "c"], small(1), double(2.5), latin1("x")),
);
vector("undefined as a value", "({ a: undefined })", object(["a"], UNDEFINED));
vector(
  "keys of both widths",
  '({ "": 1, "\\xe9": 2, "\\u03b1": 3, "\\ud83d": 4 })',
  object(["", "\xe9", utf16("\u03b1"), utf16("\ud83d")], small(1), small(2), small(3), small(4)),
);
vector(
  "index keys come first",
  '({ b: 1, 2: 2, a: 3, 0: 4, "-1": 5 })',
  object(["0", "2", "b", "a", "-1"], small(4), small(2), small(1), small(3), small(5)),
);
vector("the key __proto__", '({ ["__proto__"]: 1 })', object(["__proto__"], small(1)));
vector(
  "the key __proto__ with an object",
  'JSON.parse(\'{"__proto__":{"x":1},"y":2}\')',
  object(["__proto__", "y"], object(["x"], small(1)), small(2)),
);
vector(
  "keys of Object.prototype",
  "({ constructor: 1, toString: 2, hasOwnProperty: 3, valueOf: null })",
  object(
    ["constructor", "toString", "hasOwnProperty", "valueOf"],
    small(1),
    small(2),
    small(3),
    NULL,
  ),
);
vector(
  "keys that need quoting",
  '({ "a b": 1, \'"\': 2, "\\\\": 3, "\\u2028": 4, "\\n": 5, "${x}": 6, "`": 7 })',
  object(
    ["a b", '"', "\\", utf16("\u2028"), "\n", "${x}", "`"],
    ...[1, 2, 3, 4, 5, 6, 7].map(small),
  ),
);
vector(
  "reserved words as keys",
  "({ class: 1, default: 2, let: 3, yield: 4, await: 5 })",
  object(["class", "default", "let", "yield", "await"], ...[1, 2, 3, 4, 5].map(small)),
);
vector("a null prototype", "Object.assign(Object.create(null), { a: 1 })", object(["a"], small(1)));
vector(
  "a class instance",
  "new (class { constructor() { this.x = 1; } get y() { return 2; } })()",
  object(["x"], small(1)),
);
vector(
  "inherited keys stay behind",
  "Object.create({ a: 1 }, { b: { value: 2, enumerable: true, writable: true, configurable: true } })",
  object(["b"], small(2)),
);
vector(
  "keys that aren't enumerable, symbols",
  'Object.defineProperty({ a: 1, [Symbol("s")]: 2 }, "b", { value: 3 })',
  object(["a"], small(1)),
);
vector(
  "accessors are read",
  "({ get a() { return 5; }, set b(_) {} })",
  object(["a", "b"], small(5), UNDEFINED),
);
vector(
  "a misleading toStringTag",
  'Object.defineProperty({ a: 1 }, Symbol.toStringTag, { value: "Map" })',
  object(["a"], small(1)),
);
vector(
  "nested objects",
  "({ a: { b: { c: [] } } })",
  object(["a"], object(["b"], object(["c"], array()))),
);
vector("a shape again", "[{ a: 1 }, { a: 2 }]", array(object(["a"], small(1)), shape(0, small(2))));
vector(
  "two shapes in turn",
  "[{ a: 1 }, { b: 2 }, { a: 3 }, { b: 4 }]",
  array(object(["a"], small(1)), object(["b"], small(2)), shape(0, small(3)), shape(1, small(4))),
);
vector("the empty shape again", "[{}, {}]", array(object([]), shape(0)));
vector(
  "the order of keys makes the shape",
  "[{ a: 1, b: 2 }, { b: 3, a: 4 }, { a: 5, b: 6 }]",
  array(
    object(["a", "b"], small(1), small(2)),
    object(["b", "a"], small(3), small(4)),
    shape(0, small(5), small(6)),
  ),
);
vector(
  "one shape the start of another",
  "[{ a: 1 }, { a: 2, b: 3 }, { a: 4 }, { a: 5, b: 6 }, {}]",
  array(
    object(["a"], small(1)),
    object(["a", "b"], small(2), small(3)),
    shape(0, small(4)),
    shape(1, small(5), small(6)),
    object([]),
  ),
);
vector(
  "a shape is numbered before its values",
  "({ a: { a: { b: 1 } }, })",
  object(["a"], shape(0, object(["b"], small(1)))),
);
vector(
  "shapes inside shapes",
  "({ x: { y: 1 }, z: { x: { y: 2 }, z: 3 } })",
  object(["x", "z"], object(["y"], small(1)), shape(0, shape(1, small(2)), small(3))),
);
vector(
  "one shape from three prototypes",
  "[{ a: 1 }, Object.assign(Object.create(null), { a: 2 }), new (class { a = 3; })()]",
  array(object(["a"], small(1)), shape(0, small(2)), shape(0, small(3))),
);
vector(
  "a shape come by deletion",
  "((o) => (delete o.b, [o, { a: 3, c: 4 }]))({ a: 1, b: 0, c: 2 })",
  array(object(["a", "c"], small(1), small(2)), shape(0, small(3), small(4))),
);
vector(
  "130 shapes",
  'Array.from({ length: 131 }, (_, i) => ({ ["k" + (i % 130)]: null }))',
  array(...Array.from({ length: 130 }, (_, i) => object(["k" + i], NULL)), shape(0, NULL)),
);
vector(
  "shape number 129",
  '[...Array.from({ length: 130 }, (_, i) => ({ ["k" + i]: null })), { k129: 1 }]',
  array(...Array.from({ length: 130 }, (_, i) => object(["k" + i], NULL)), shape(129, small(1))),
);
const keys = (count) => Array.from({ length: count }, (_, i) => "k" + i);
vector(
  "64 keys",
  'Object.fromEntries(Array.from({ length: 64 }, (_, i) => ["k" + i, i]))',
  object(keys(64), ...keys(64).map((_, i) => small(i))),
);
vector(
  "65 keys make pairs",
  'Object.fromEntries(Array.from({ length: 65 }, (_, i) => ["k" + i, i]))',
  pairs(...keys(65).flatMap((key, i) => [latin1(key), small(i)])),
);
vector(
  "pairs make no shape",
  '[Object.fromEntries(Array.from({ length: 65 }, (_, i) => ["k" + i, null])), { a: 1 }, { a: 2 }]',
  array(
    pairs(...keys(65).flatMap((key) => [latin1(key), NULL])),
    object(["a"], small(1)),
    shape(0, small(2)),
  ),
);

// Keys and elements that go while they are written.
vector(
  "a key deleted by a getter",
  "({ get a() { delete this.b; return 1; }, b: 2, c: 3 })",
  object(["a", "b", "c"], small(1), HOLE, small(3)),
  { again: object(["a", "c"], small(1), small(3)) },
);
vector(
  "a key added by a getter",
  "({ get a() { this.z = 1; return 1; }, b: 2 })",
  object(["a", "b"], small(1), small(2)),
);
vector(
  "a key deleted two levels further in",
  "((o) => ((o.x.y = { get a() { delete o.b; return 1; } }), o))({ x: {}, b: 2 })",
  object(["x", "b"], object(["y"], object(["a"], small(1))), HOLE),
  { again: object(["x"], object(["y"], object(["a"], small(1)))) },
);
vector(
  "a key that gives way to an inherited one",
  "({ get a() { delete this.toString; return 1; }, toString: 2 })",
  object(["a", "toString"], small(1), HOLE),
  { again: object(["a"], small(1)) },
);
vector(
  "elements deleted by a getter",
  "((a) => Object.defineProperty(a, 0, { get() { a.length = 1; return 9; }, enumerable: true }))([1, 2])",
  array(small(9), HOLE),
  { note: "the elements that went are holes" },
);
vector(
  "elements deleted from further in",
  "((a) => (a.push({ get x() { delete a[2]; a.length = 9; return 1; } }, 5, 6), a))([])",
  array(object(["x"], small(1)), small(5), HOLE),
  { note: "length 3 was read before" },
);

// References.
vector("an array that holds itself", "((a) => ((a[0] = a), a))([])", array(ref(0)));
vector("an object that holds itself", "((o) => ((o.self = o), o))({})", object(["self"], ref(0)));
vector("one object twice", "((o) => [o, o])({})", array(object([]), ref(1)));
vector("one empty array twice", "((a) => [a, a])([])", array(array(), ref(1)));
vector(
  "packed arrays have identity",
  "((a, b) => [a, b, a, b])([1], [0.5])",
  array(ints(1), doubles(0.5), ref(1), ref(2)),
);
vector(
  "sparse arrays have identity",
  "((a) => [a, a])(new Array(3))",
  array(arrayProps(3), ref(1)),
);
vector(
  "a cycle of two",
  "((a, b) => ((a.b = b), (b.a = a), a))({}, {})",
  object(["b"], object(["a"], ref(0))),
);
vector(
  "a cycle through a sparse array",
  "((a) => ((a[9] = a), a))([])",
  arrayProps(10, latin1("9"), ref(0)),
);
vector(
  "a cycle in an object of a repeated shape",
  "((a, b) => ((b.x = b), [a, b]))({ x: 1 }, {})",
  array(object(["x"], small(1)), shape(0, ref(2))),
);
vector(
  "object number 129",
  "((o) => [...Array.from({ length: 128 }, () => []), o, o])([])",
  array(...Array(128).fill(array()), array(), ref(129)),
);
vector(
  "strings and BigInts have no identity",
  '((s, b) => [s, s, b, b])("s", 1n)',
  array(latin1("s"), latin1("s"), bigint(0, 1), bigint(0, 1)),
);

// Dates, regular expressions, boxed values.
vector("a Date", "new Date(1e12)", date(1e12));
vector("the epoch", "new Date(0)", date(0));
vector("a Date before 1970", "new Date(-1)", date(-1));
vector("the last Date", "new Date(8.64e15)", date(8.64e15));
vector("an invalid Date", "new Date(NaN)", date(NaN));
vector("a Date twice", "((d) => [d, d])(new Date(5))", array(date(5), ref(1)));
vector("a Date with a key", "Object.assign(new Date(5), { x: 1 })", date(5));
vector(
  "an instance of a subclass of Date",
  "new (class extends Date { getTime() { return 0; } valueOf() { return 0; } })(5)",
  date(5),
);
vector("a RegExp", "/ab+c/", regexp(latin1("ab+c"), ""));
vector("a RegExp with every flag but v", "/a/dgimsuy", regexp(latin1("a"), "dgimsuy"));
vector("a RegExp with the flag v", "/[\\p{L}--[a-z]]/v", regexp(latin1("[\\p{L}--[a-z]]"), "v"));
vector("the empty RegExp", 'new RegExp("")', regexp(latin1("(?:)"), ""));
vector(
  "a RegExp with slashes and newlines",
  'new RegExp("/\\n\\\\/[/]")',
  regexp(latin1("\\/\\n\\/[/]"), ""),
);
vector("a RegExp in UTF-16", "/\\u03b1|\u03b1/u", regexp(utf16("\\u03b1|\u03b1"), "u"));
vector("lastIndex is lost", "((r) => ((r.lastIndex = 5), r))(/x/g)", regexp(latin1("x"), "g"));
vector("a boxed true", "new Boolean(true)", raw(0x22, 1));
vector("a boxed false", "Object(false)", raw(0x22, 0));
vector("a boxed number", "new Number(1)", all(raw(0x23), f64(1)));
vector("a boxed NaN", "new Number(NaN)", all(raw(0x23), f64(NaN)));
vector("a boxed minus zero", "new Number(-0)", all(raw(0x23), f64(-0)));
vector("a boxed BigInt", "Object(-5n)", all(raw(0x24), bigint(1, 5)));
vector("a boxed string", 'new String("ab")', all(raw(0x25), latin1("ab")));
vector("a boxed string in UTF-16", 'new String("\\u03b1")', all(raw(0x25), utf16("\u03b1")));
vector(
  "a boxed string with a key",
  'Object.assign(new String("ab"), { x: 1 })',
  all(raw(0x25), latin1("ab")),
);
vector(
  "boxed values have identity",
  '((a, b, c, d) => [a, b, c, d, a, b, c, d])(Object(true), Object(1), Object(1n), Object(""))',
  array(
    raw(0x22, 1),
    all(raw(0x23), f64(1)),
    all(raw(0x24), bigint(0, 1)),
    all(raw(0x25), latin1("")),
    ref(1),
    ref(2),
    ref(3),
    ref(4),
  ),
);
vector("a RegExp twice", "((r) => [r, r])(/x/)", array(regexp(latin1("x"), ""), ref(1)));

// Maps and Sets.
vector("the empty Map", "new Map()", map());
vector("a Map", 'new Map([["a", 1], [2, "b"]])', map(latin1("a"), small(1), small(2), latin1("b")));
vector(
  "a Map of odd keys",
  "new Map([[NaN, 1], [-0, 2], [undefined, 3], [null, 4], [1n, 5]])",
  map(
    double(NaN),
    small(1),
    small(0),
    small(2),
    UNDEFINED,
    small(3),
    NULL,
    small(4),
    bigint(0, 1),
    small(5),
  ),
  { note: "a Map turns -0 into 0" },
);
vector(
  "a Map with objects as keys",
  "new Map([[{ a: 1 }, [1]], [[], { a: 2 }]])",
  map(object(["a"], small(1)), ints(1), array(), shape(0, small(2))),
);
vector("a Map that holds itself", "((m) => m.set(m, m))(new Map())", map(ref(0), ref(0)));
vector(
  "a Map with a key of its own",
  "Object.assign(new Map([[1, 2]]), { x: 1 })",
  map(small(1), small(2)),
);
vector(
  "a Map is copied before the walk",
  '((m) => m.set({ get x() { m.set("late", 1); m.delete("b"); return 1; } }, 1).set("b", 2))(new Map())',
  map(object(["x"], small(1)), small(1), latin1("b"), small(2)),
);
vector(
  "an instance of a subclass of Map",
  "new (class extends Map { get size() { return 0; } forEach() {} })([[1, 2]])",
  map(small(1), small(2)),
);
vector("the empty Set", "new Set()", set());
vector(
  "a Set",
  'new Set([1, "a", 1, NaN, NaN, undefined])',
  set(small(1), latin1("a"), double(NaN), UNDEFINED),
);
vector(
  "a Set that holds itself",
  "((s) => s.add(s).add([s]))(new Set())",
  set(ref(0), array(ref(0))),
);
vector(
  "a Set is copied before the walk",
  "((s) => s.add({ get x() { s.clear(); return 1; } }).add(2))(new Set())",
  set(object(["x"], small(1)), small(2)),
);
vector(
  "Map and Set share references",
  "((o) => [new Map([[o, o]]), new Set([o])])({})",
  array(map(object([]), ref(2)), set(ref(2))),
);
vector(
  "a Map of 200 entries",
  "new Map(Array.from({ length: 200 }, (_, i) => [i, null]))",
  map(...Array.from({ length: 200 }, (_, i) => [i < 128 ? small(i) : int(i), NULL]).flat()),
);

// Buffers and views.
vector("the empty ArrayBuffer", "new ArrayBuffer(0)", buffer());
vector("an ArrayBuffer", "new Uint8Array([1, 2, 255]).buffer", buffer(1, 2, 255));
vector(
  "an ArrayBuffer of 200 bytes",
  "new Uint8Array(200).fill(7).buffer",
  buffer(...Array(200).fill(7)),
);
vector("an ArrayBuffer twice", "((b) => [b, b])(new ArrayBuffer(1))", array(buffer(0), ref(1)));
vector(
  "padding counts from the start",
  "[true, new Uint8Array([9]).buffer]",
  array(TRUE, buffer(9)),
);
vector(
  "a resizable ArrayBuffer",
  "new ArrayBuffer(2, { maxByteLength: 300 })",
  resizable(300, 0, 0),
);
vector(
  "a resizable ArrayBuffer at its most",
  "new ArrayBuffer(1, { maxByteLength: 1 })",
  resizable(1, 0),
);
vector("a Uint8Array", "new Uint8Array([1, 2, 3])", view(2, buffer(1, 2, 3), 0, 3));
vector("the empty Uint8Array", "new Uint8Array()", view(2, buffer(), 0, 0));
vector(
  "a view of a part",
  "new Uint8Array(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2)",
  view(2, buffer(1, 2, 3, 4), 1, 2),
);
vector(
  "a subarray",
  "new Uint16Array([1, 2, 3]).subarray(1)",
  view(5, buffer(1, 0, 2, 0, 3, 0), 2, 2),
);
const doubleBytes = [0, 0, 0, 0, 0, 0, 0xf8, 0x3f];
for (
  const [name, kind, args, ...bytes] of [
    ["Int8Array", 1, "[-1, 1]", 255, 1],
    ["Uint8ClampedArray", 3, "[300, -1]", 255, 0],
    ["Int16Array", 4, "[-2]", 254, 255],
    ["Uint16Array", 5, "[258]", 2, 1],
    ["Int32Array", 6, "[-2]", 254, 255, 255, 255],
    ["Uint32Array", 7, "[4294967294]", 254, 255, 255, 255],
    ["BigInt64Array", 8, "[-2n]", 254, 255, 255, 255, 255, 255, 255, 255],
    ["BigUint64Array", 9, "[1n]", 1, 0, 0, 0, 0, 0, 0, 0],
    ["Float16Array", 10, "[1.5]", 0, 0x3e],
    ["Float32Array", 11, "[1.5]", 0, 0, 0xc0, 0x3f],
    ["Float64Array", 12, "[1.5]", ...doubleBytes],
  ]
) {
  vector(
    `a ${name}`,
    `new ${name}(${args})`,
    view(kind, buffer(...bytes), 0, name.includes("8") && !name.startsWith("Big") ? 2 : 1),
  );
}
vector(
  "a DataView",
  "new DataView(new Uint8Array([1, 2, 3]).buffer)",
  view(0, buffer(1, 2, 3), 0, 3),
);
vector(
  "a DataView of a part",
  "new DataView(new ArrayBuffer(8), 3, 2)",
  view(0, buffer(0, 0, 0, 0, 0, 0, 0, 0), 3, 2),
);
vector(
  "two views of one buffer",
  "((b) => [new Uint8Array(b), new Int32Array(b, 4, 1), b])(new ArrayBuffer(8))",
  array(view(2, buffer(0, 0, 0, 0, 0, 0, 0, 0), 0, 8), view(6, ref(2), 4, 1), ref(2)),
  { note: "the view is 1, the buffer 2" },
);
vector(
  "a view after its buffer",
  "((b) => [b, new Uint8Array(b, 1)])(new ArrayBuffer(2))",
  array(buffer(0, 0), view(2, ref(1), 1, 1)),
);
vector(
  "a view twice",
  "((v) => [v, v])(new Uint8Array(1))",
  array(view(2, buffer(0), 0, 1), ref(1)),
);
vector("a view with a key", "Object.assign(new Uint8Array(1), { x: 1 })", view(2, buffer(0), 0, 1));
vector(
  "a view that tracks the length",
  "new Uint8Array(new ArrayBuffer(4, { maxByteLength: 8 }))",
  tracking(2, resizable(8, 0, 0, 0, 0), 0),
);
vector(
  "a view that tracks the length, of an odd rest",
  "new Uint16Array(new ArrayBuffer(5, { maxByteLength: 8 }), 2)",
  tracking(5, resizable(8, 0, 0, 0, 0, 0), 2),
);
vector(
  "a view of fixed length that ends where the buffer does",
  "new Uint8Array(new ArrayBuffer(4, { maxByteLength: 8 }), 1, 3)",
  view(2, resizable(8, 0, 0, 0, 0), 1, 3),
);
vector(
  "a view of a buffer at its most, tracking",
  "new Uint8Array(new ArrayBuffer(2, { maxByteLength: 2 }))",
  tracking(2, resizable(2, 0, 0), 0),
);
vector(
  "a view of a buffer at its most, fixed",
  "new Uint8Array(new ArrayBuffer(2, { maxByteLength: 2 }), 0, 2)",
  view(2, resizable(2, 0, 0), 0, 2),
);
vector(
  "a DataView that tracks the length",
  "new DataView(new ArrayBuffer(4, { maxByteLength: 8 }), 1)",
  tracking(0, resizable(8, 0, 0, 0, 0), 1),
);
vector(
  "a view that tracks nothing yet",
  "new Int32Array(new ArrayBuffer(0, { maxByteLength: 8 }))",
  tracking(6, resizable(8), 0),
);
vector(
  "a view that can be of one element, tracking",
  "new Int32Array(new ArrayBuffer(2, { maxByteLength: 4 }))",
  tracking(6, resizable(4, 0, 0), 0),
);
vector(
  "a view that could be of one element, but is fixed",
  "new Int32Array(new ArrayBuffer(2, { maxByteLength: 4 }), 0, 0)",
  view(6, resizable(4, 0, 0), 0, 0),
);
vector(
  "a view that can never have an element",
  "new Int32Array(new ArrayBuffer(2, { maxByteLength: 3 }))",
  view(6, resizable(3, 0, 0), 0, 0),
);
vector(
  "a view at the end of a buffer at its most",
  "new Uint8Array(new ArrayBuffer(2, { maxByteLength: 2 }), 2)",
  view(2, resizable(2, 0, 0), 2, 0),
);

// Errors.
const at = latin1("at x");
vector("an Error", stacked(`new Error("m")`), error(0, MESSAGE | STACK, latin1("m"), at));
["Error", "EvalError", "RangeError", "ReferenceError", "SyntaxError", "TypeError", "URIError"]
  .forEach((name, kind) => {
    if (kind > 0) {
      vector(
        `a ${name}`,
        stacked(`new ${name}("m")`),
        error(kind, MESSAGE | STACK, latin1("m"), at),
      );
    }
  });
vector("an Error without a message", stacked("new Error()"), error(0, STACK, at));
vector(
  "an Error with the empty message",
  stacked('new Error("")'),
  error(0, MESSAGE | STACK, latin1(""), at),
);
vector(
  "an Error without a stack",
  stacked('new Error("m")', "undefined"),
  error(0, MESSAGE, latin1("m")),
);
vector("a bare Error", stacked("new Error()", "undefined"), error(0, 0));
vector(
  "an Error in UTF-16",
  stacked('new Error("\\u03b1")', '"\\u03b2"'),
  error(0, MESSAGE | STACK, utf16("\u03b1"), utf16("\u03b2")),
);
vector(
  "a cause",
  stacked(`new Error("m", { cause: 5 })`),
  error(0, MESSAGE | STACK | CAUSE, latin1("m"), at, small(5)),
);
vector(
  "an undefined cause",
  stacked(`new Error("m", { cause: undefined })`),
  error(0, MESSAGE | STACK | CAUSE, latin1("m"), at, UNDEFINED),
);
vector(
  "a chain of causes",
  stacked(`new Error("a", { cause: ${stacked(`new TypeError("b", { cause: { x: 1 } })`)} })`),
  error(
    0,
    MESSAGE | STACK | CAUSE,
    latin1("a"),
    at,
    error(5, MESSAGE | STACK | CAUSE, latin1("b"), at, object(["x"], small(1))),
  ),
);
vector(
  "its own cause",
  `((e) => ((e.cause = e), e))(${stacked(`new Error("m", { cause: 1 })`)})`,
  error(0, MESSAGE | STACK | CAUSE, latin1("m"), at, ref(0)),
);
vector(
  "an AggregateError",
  stacked(`new AggregateError([1, ${stacked('new RangeError("r")')}], "m")`),
  error(
    7,
    MESSAGE | STACK | ERRORS,
    latin1("m"),
    at,
    array(small(1), error(2, MESSAGE | STACK, latin1("r"), at)),
  ),
);
vector(
  "an AggregateError of nothing, with a cause",
  stacked(`new AggregateError([], "m", { cause: null })`),
  error(7, MESSAGE | STACK | CAUSE | ERRORS, latin1("m"), at, NULL, array()),
);
vector(
  "own properties of an Error",
  stacked(`Object.assign(new Error("m"), { code: "E_X", details: { a: 1 } })`),
  error(
    0,
    MESSAGE | STACK | PROPS,
    latin1("m"),
    at,
    object(["code", "details"], latin1("E_X"), object(["a"], small(1))),
  ),
);
vector(
  "the properties of an Error take a number",
  `((e) => [e, e, { code: 1 }, e.o, e.o])(${stacked(`Object.assign(new Error("m"), { o: {} })`)})`,
  array(
    error(0, MESSAGE | STACK | PROPS, latin1("m"), at, object(["o"], object([]))),
    ref(1),
    object(["code"], small(1)),
    ref(3),
    ref(3),
  ),
  { note: "the error is 1, its properties 2, the object 3" },
);
vector(
  "a property of an Error that is itself",
  `((e) => ((e.me = e), e))(${stacked(`new Error("m")`)})`,
  error(0, MESSAGE | STACK | PROPS, latin1("m"), at, object(["me"], ref(0))),
);
vector(
  "the property errors of an Error that is no AggregateError",
  stacked(`Object.assign(new Error("m"), { errors: [1] })`),
  error(0, MESSAGE | STACK | PROPS, latin1("m"), at, object(["errors"], ints(1))),
);
vector(
  "an enumerable message",
  stacked(`Object.assign(new Error(), { message: "m" })`),
  error(0, MESSAGE | STACK, latin1("m"), at),
);
vector(
  "a message that is no string",
  stacked(`Object.assign(new Error("x"), { message: 5 })`),
  error(0, MESSAGE | STACK, latin1("5"), at),
);
vector(
  "a message behind an accessor",
  stacked(`Object.defineProperty(new Error("x"), "message", { get: () => "m" })`),
  error(0, STACK, at),
  { note: "the standard takes only a data property" },
);
vector(
  "a name of its own",
  stacked(`Object.assign(new Error("m"), { name: "HttpError" })`),
  error(0, NAME | MESSAGE | STACK, latin1("HttpError"), latin1("m"), at),
);
vector(
  "a name of its own, from a subclass",
  stacked(
    `new (class ValidationError extends TypeError { get name() { return "ValidationError"; } })("m")`,
  ),
  error(5, NAME | MESSAGE | STACK, latin1("ValidationError"), latin1("m"), at),
);
vector(
  "a subclass that keeps the name",
  stacked(`new (class Sub extends RangeError {})("m")`),
  error(2, MESSAGE | STACK, latin1("m"), at),
);
vector(
  "the name makes the class",
  stacked(`Object.assign(new Error("m"), { name: "TypeError" })`),
  error(5, MESSAGE | STACK, latin1("m"), at),
);
vector(
  "a name that makes an AggregateError",
  stacked(`Object.assign(new Error("m"), { name: "AggregateError", errors: [2] })`),
  error(7, MESSAGE | STACK | ERRORS, latin1("m"), at, ints(2)),
);
vector(
  "a name that is no string",
  stacked(`Object.defineProperty(new RangeError("m"), "name", { value: 5 })`),
  error(2, MESSAGE | STACK, latin1("m"), at),
);
vector(
  "the empty name",
  stacked(`Object.defineProperty(new Error("m"), "name", { value: "", configurable: true })`),
  error(0, NAME | MESSAGE | STACK, latin1(""), latin1("m"), at),
);
vector(
  "an Error that calls itself a DOMException",
  stacked(`Object.defineProperty(new Error("m"), "name", { value: "DOMException" })`),
  error(0, NAME | MESSAGE | STACK, latin1("DOMException"), latin1("m"), at),
);
vector(
  "an Error without a prototype",
  `Object.setPrototypeOf(${stacked(`new TypeError("m")`)}, null)`,
  error(0, MESSAGE | STACK, latin1("m"), at),
);
vector(
  "an object that only inherits from Error",
  `Object.assign(Object.create(Error.prototype), { a: 1 })`,
  object(["a"], small(1)),
);
vector(
  "a DOMException",
  stacked(`new DOMException("m", "AbortError")`),
  error(8, NAME | MESSAGE | STACK, latin1("AbortError"), latin1("m"), at),
);
vector(
  "a DOMException without a name",
  stacked(`new DOMException("m")`),
  error(8, NAME | MESSAGE | STACK, latin1("Error"), latin1("m"), at),
);
vector(
  "a DOMException without anything",
  stacked(`new DOMException()`),
  error(8, NAME | MESSAGE | STACK, latin1("Error"), latin1(""), at),
);
vector(
  "a DOMException named DOMException",
  stacked(`new DOMException("m", "DOMException")`),
  error(8, MESSAGE | STACK, latin1("m"), at),
);
vector(
  "a DOMException twice",
  `((e) => [e, e])(${stacked(`new DOMException("m", "DataCloneError")`)})`,
  array(error(8, NAME | MESSAGE | STACK, latin1("DataCloneError"), latin1("m"), at), ref(1)),
);

// Together.
vector(
  "a record of everything",
  `({ id: 7, name: "x", tags: ["a", "b"], at: new Date(0), on: true, off: null, sub: { id: 8, list: [1, 2] }, m: new Map([["k", new Set([1n])]]) })`,
  object(
    ["id", "name", "tags", "at", "on", "off", "sub", "m"],
    small(7),
    latin1("x"),
    array(latin1("a"), latin1("b")),
    date(0),
    TRUE,
    NULL,
    object(["id", "list"], small(8), ints(1, 2)),
    map(latin1("k"), set(bigint(0, 1))),
  ),
);
vector(
  "a table",
  `Array.from({ length: 20 }, (_, id) => ({ id, name: "row " + id, score: id / 2, tags: [id], parent: null }))`,
  array(...Array.from({ length: 20 }, (_, id) => {
    const values = [
      small(id),
      latin1("row " + id),
      id % 2 ? double(id / 2) : small(id / 2),
      ints(id),
      NULL,
    ];
    return id === 0
      ? object(["id", "name", "score", "tags", "parent"], ...values)
      : shape(0, ...values);
  })),
);
vector(
  "a tree that shares leaves",
  "((leaf) => ({ left: { leaf }, right: { leaf }, leaf }))({ v: [0.5] })",
  object(
    ["left", "right", "leaf"],
    object(["leaf"], object(["v"], doubles(0.5))),
    shape(1, ref(2)),
    ref(2),
  ),
);
vector("30 deep", "((v) => { for (let i = 0; i < 29; i++) v = [v]; return v; })([])", (out) => {
  for (let i = 0; i < 29; i++) out.push(0x10, 1);
  out.push(0x10, 0);
});
vector("1000 deep", "((v) => { for (let i = 0; i < 999; i++) v = [v]; return v; })([])", (out) => {
  for (let i = 0; i < 999; i++) out.push(0x10, 1);
  out.push(0x10, 0);
});

// ---- Malformed encodings ----

const malformed = [];
const refuse = (name, piece) => void malformed.push({ name, hex: hex(piece) });

refuse("nothing at all", raw());
for (const tag of [0x0a, 0x0f, 0x14, 0x17, 0x1c, 0x1f, 0x26, 0x2a, 0x33, 0x39, 0x41, 0x7f]) {
  refuse(`the unknown tag 0x${tag.toString(16)}`, raw(tag, 0, 0, 0));
}
refuse("a hole by itself", HOLE);
refuse("a hole in a Map", map(small(1), HOLE));
refuse("a hole in a Set", set(HOLE));
refuse("a hole in pairs", pairs(latin1("a"), HOLE));
refuse("a hole in a sparse array", arrayProps(1, latin1("0"), HOLE));
refuse("a hole as a cause", error(0, CAUSE, HOLE));
refuse("an end by itself", END);
refuse("an end in an array", array(END));
refuse("bytes left over", all(small(1), small(2)));
refuse("a zero left over", all(NULL, raw(0)));
refuse("half an integer", raw(0x05, 1, 2));
refuse("half a double", raw(0x06, 1, 2, 3, 4, 5, 6, 7));
refuse("a varint without end", raw(0x08, 0x80));
refuse("a varint of six bytes", raw(0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00));
refuse("a varint past 32 bits", raw(0x08, 0xff, 0xff, 0xff, 0xff, 0x1f));
refuse("a string longer than the rest", raw(0x08, 3, 0x61, 0x62));
refuse("a string of 4 GB", raw(0x08, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x61));
refuse("a wide string longer than the rest", raw(0x09, 2, 0x61, 0, 0x62));
refuse("a wide string of 4 G units", raw(0x09, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x61));
refuse("a wide string cut in its padding", raw(0x09, 1));
refuse("a BigInt with a leading zero", bigint(0, 1, 0));
refuse("a negative zero BigInt", raw(0x07, 1, 0));
refuse("a BigInt with the sign 2", raw(0x07, 2, 1, 1));
refuse("a BigInt longer than the rest", raw(0x07, 0, 9, 1));
refuse("a BigInt of 4 GB", raw(0x07, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 1));
refuse("an array longer than the rest", raw(0x10, 3, 0x81, 0x82));
refuse("an array of 4 G elements", raw(0x10, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x81));
refuse("integers longer than the rest", all(raw(0x11, 2), pad(4), i32(1)));
refuse("4 G integers", all(raw(0x11, 0xff, 0xff, 0xff, 0xff, 0x0f), pad(4), i32(1)));
refuse("doubles longer than the rest", all(raw(0x12, 2), pad(8), f64(1)));
refuse("4 G doubles", all(raw(0x12, 0xff, 0xff, 0xff, 0xff, 0x0f), pad(8), f64(1)));
refuse("a sparse array without an end", raw(0x13, 1, 0x08, 1, 0x30, 0x81));
refuse("an object without values", raw(0x18, 1, 0x08, 1, 0x61));
refuse("an object of 4 G keys", raw(0x18, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x08, 1, 0x61, 0x81));
refuse("an integer as a key", raw(0x18, 1, 0x81, 0x81));
refuse("an integer as a key in pairs", raw(0x1a, 0x81, 0x81, 0x1b));
refuse("pairs without an end", raw(0x1a, 0x08, 1, 0x61, 0x81));
refuse("pairs without a value", raw(0x1a, 0x08, 1, 0x61, 0x1b));
refuse("a shape that doesn't exist", raw(0x19, 0));
refuse("a shape that comes later", array(raw(0x19, 1), object([]), object(["a"], NULL)));
refuse("a reference to nothing", ref(0));
refuse("a reference to what comes later", array(ref(1), array()));
refuse("a reference past the last", array(array(), ref(2)));
refuse("a Date cut short", raw(0x20, 0, 0, 0));
refuse("a RegExp whose source is no string", raw(0x21, 0x81, 0x08, 0));
refuse("a RegExp whose flags are no string", raw(0x21, 0x08, 1, 0x61, 0x81));
refuse("a RegExp that doesn't compile", regexp(latin1("("), ""));
refuse("a RegExp with an unknown flag", regexp(latin1("a"), "q"));
refuse("a boxed boolean of 2", raw(0x22, 2));
refuse("a boxed BigInt that is a number", raw(0x24, 0x81));
refuse("a boxed string that is a number", raw(0x25, 0x81));
refuse("a Map longer than the rest", raw(0x28, 2, 0x81, 0x81, 0x82));
refuse("a Map of 4 G entries", raw(0x28, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x81, 0x82));
refuse("a Set longer than the rest", raw(0x29, 2, 0x81));
refuse("a buffer longer than the rest", all(raw(0x30, 3), pad(8), raw(1, 2)));
refuse("a buffer of 4 GB", all(raw(0x30, 0xff, 0xff, 0xff, 0xff, 0x0f), pad(8), raw(1, 2)));
refuse("a resizable buffer larger than its most", resizable(1, 0, 0));
refuse("a view of the unknown kind 13", view(13, buffer(1), 0, 1));
refuse("a view of a number", view(2, small(1), 0, 1));
refuse("a view of an array", view(2, array(), 0, 0));
refuse("a view of itself", view(2, ref(0), 0, 0));
refuse("a view of a view", array(view(2, buffer(1), 0, 1), view(2, ref(1), 0, 1)));
refuse("a view that begins past its buffer", view(2, buffer(1), 2, 0));
refuse("a view that ends past its buffer", view(2, buffer(1), 1, 1));
refuse("a view that isn't aligned", view(5, buffer(1, 2, 3, 4), 1, 1));
refuse("a view of 4 G elements", view(12, buffer(1), 0, 0xffffffff));
refuse("a DataView that ends past its buffer", view(0, buffer(1), 0, 2));
refuse("a view that tracks a fixed buffer", tracking(2, buffer(1), 0));
refuse(
  "a view that tracks and has a length",
  all(raw(0x32, 2), resizable(4, 1), n(0), raw(1), n(1)),
);
refuse("a view with the flag 2", all(raw(0x32, 2), resizable(4, 1), n(0), raw(2), n(0)));
refuse("an error of the unknown class 9", error(9, 0));
refuse("an error with the unknown flag 128", error(0, 128));
refuse("an error with no frames", error(0, FRAMES, raw(0)));
refuse(
  "an error with eleven frames",
  error(0, FRAMES, raw(11), ...Array(11).fill(frame(0, "f", 2, 1))),
);
refuse("a frame of the unknown kind 4", error(0, FRAMES, raw(1), frame(4, "f", 2, 1)));
refuse("a module's frame without its number", error(0, FRAMES, raw(1), frame(3, "f", 2, 1)));
refuse("a frame with a long name", error(0, FRAMES, raw(1), frame(0, "f".repeat(65), 2, 1)));
refuse("a frame whose name is no string", error(0, FRAMES, raw(1, 0), small(1), n(2), n(1)));
refuse("a frame cut short", error(0, FRAMES, raw(1, 0), latin1("f"), n(2)));
refuse("an error whose name is no string", error(0, NAME, small(1)));
refuse("an error whose message is no string", error(0, MESSAGE, small(1)));
refuse("an error whose stack is no string", error(0, STACK, NULL));
refuse("an error whose errors are no array", error(7, ERRORS, small(1)));
refuse("an error whose properties are no object", error(0, PROPS, array()));
refuse("an error whose properties are a reference", array(object([]), error(0, PROPS, ref(1))));
refuse("an error cut before its cause", error(0, CAUSE));
refuse("5000 deep without an end", (out) => {
  for (let i = 0; i < 5000; i++) out.push(0x10, 1);
});

// ---- Files ----

const text = (list) => `[\n${list.map((item) => `  ${JSON.stringify(item)}`).join(",\n")}\n]\n`;
let stale = false;
for (const [file, list] of [["clone", vectors], ["malformed", malformed]]) {
  const url = new URL(`../tests/vectors/${file}.json`, import.meta.url);
  const names = new Set(list.map(({ name }) => name));
  if (names.size !== list.length) throw new Error(`two of ${file}.json have one name`);
  if (process.argv.includes("--check")) {
    if (readFileSync(url, "utf8") !== text(list)) {
      console.error(
        `tests/vectors/${file}.json is not what scripts/wire.mjs says: node scripts/wire.mjs`,
      );
      stale = true;
    }
  } else {
    writeFileSync(url, text(list));
    console.log(`tests/vectors/${file}.json: ${list.length}`);
  }
}
process.exitCode = stale ? 1 : 0;
