/**
 * The TypeScript decoder against bytes that nobody should have written: what the fuzzer of the C
 * decoder found (tests/fuzz/corpus.txt, which has its verdicts), the vectors, both changed at
 * random, and bytes from nowhere. It decodes, or throws an InternalError, and nothing else.
 *
 * FUZZ_MUTATIONS=1000 tries so many of each, FUZZ_SEED=1 others.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { decode, Encoder } from "../src/clone/clone.ts";
import { DataCloneError, InternalError } from "../src/errors.ts";
import { numbersFrom, setting } from "./support/seeds.ts";

interface Entry {
  readonly hex: string;
  /** What the C encoder makes of the value. */
  readonly canonical: string;
  /** Why the C decoder refuses it. */
  readonly refusal?: string;
}

const read = (file: string): string => readFileSync(new URL(file, import.meta.url), "utf8");

const corpus = read("fuzz/corpus.txt").split("\n").filter((line) => /^[+-]/.test(line))
  .map((line): Entry => {
    const [, sign, hex, rest] = /^([+-]) ([0-9a-f]+) ?(.*)$/.exec(line)!;
    return sign === "+"
      ? { hex: hex!, canonical: rest || hex! }
      : { hex: hex!, canonical: "", refusal: rest };
  });
const vectors = ["clone", "malformed"].flatMap((name) =>
  JSON.parse(read(`vectors/${name}.json`)) as { hex: string }[]
).map(({ hex }) => hex);

/** What one decoder may refuse and the other not. */
const EITHER = new Set([
  "an error has unknown parts", // frames, which only come from tasks
  "a Map or Set has a key twice",
  "an object has a key twice",
  "an error has a property twice",
  "a regular expression that the engine can't read",
  "out of memory",
  "invalid max array buffer length",
]);

const fromHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

const encoder = new Encoder();

function encode(value: unknown): Uint8Array {
  encoder.begin(0);
  encoder.value(value, "it");
  return encoder.bytes.slice(0, encoder.length);
}

/** What values may refer to, if it is there. */
const everything = {
  lent: [new ArrayBuffer(16), new SharedArrayBuffer(5)],
  moved: [new ArrayBuffer(8)],
  classes: [{}, Object.create({ inherited: 1 })] as object[],
  presets: [{}],
};

/** Decodes, or undefined if the bytes are refused as they should be. */
function attempt(bytes: Uint8Array, beside?: typeof everything): { value: unknown } | undefined {
  try {
    return { value: decode(bytes, beside) };
  } catch (error) {
    if (error instanceof InternalError && /malformed/.test(error.message)) return undefined;
    if (error instanceof DataCloneError && /can't have a RegExp/.test(error.message)) {
      return undefined;
    }
    throw new Error(`decoding ${toHex(bytes)} throws what it must not`, { cause: error });
  }
}

/** Whatever the bytes are: a value that can be encoded, in one way, or a refusal. */
function check(bytes: Uint8Array): boolean {
  const result = attempt(bytes);
  if (result === undefined) return attempt(bytes, everything) !== undefined;
  try {
    const once = encode(result.value);
    const twice = encode(decode(once));
    if (Buffer.compare(once, twice) !== 0) assert.equal(toHex(twice), toHex(once));
  } catch (error) {
    throw new Error(`what ${toHex(bytes)} stands for can't be encoded again`, { cause: error });
  }
  return true;
}

let below = numbersFrom(0);

const SEEDS = [...vectors, ...corpus.map(({ hex }) => hex)]
  .map((hex) => fromHex(hex.slice(0, 2048)));

/** Varints at the limits of the format and of engines. */
const EXTREMES = ["ffffffff0f", "ffffffff07", "8080808008", "8080808004", "ffffffff1f"]
  .map(fromHex);

function splice(bytes: Uint8Array, at: number, cut: number, added: Uint8Array): Uint8Array {
  return Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + cut)]);
}

function mutate(bytes: Uint8Array): Uint8Array {
  const at = below(bytes.length + 1);
  const rest = bytes.length - at;
  const one = Math.min(rest, 1);
  const other = SEEDS[below(SEEDS.length)]!;
  const from = below(other.length + 1);
  switch (below(7)) {
    case 0: // a bit
      return splice(bytes, at, one, Uint8Array.of(bytes[at]! ^ 1 << below(8)));
    case 1: // a tag, or nearly one
      return splice(bytes, at, one, Uint8Array.of(below(0x48)));
    case 2: // a little more or less
      return splice(bytes, at, one, Uint8Array.of(bytes[at]! + below(9) - 4));
    case 3: // less
      return splice(bytes, at, below(rest + 1), new Uint8Array(0));
    case 4: // a length that can't be
      return splice(bytes, at, one, EXTREMES[below(EXTREMES.length)]!);
    case 5: // a part twice, or elsewhere
      return splice(bytes, below(bytes.length + 1), 0, bytes.subarray(at, at + below(64)));
    default: // a part of another
      return splice(bytes, at, below(16), other.subarray(from, from + below(64)));
  }
}

describe("the decoder, against bytes from anywhere:", () => {
  test("there is a corpus", () => {
    assert.ok(corpus.length > 100 && corpus.some(({ refusal }) => refusal), `${corpus.length}`);
  });

  test("it agrees with the C decoder, and its values with those of C", () => {
    for (const { hex, canonical, refusal } of corpus) {
      const result = attempt(fromHex(hex));
      if (refusal !== undefined) {
        if (!EITHER.has(refusal)) assert.equal(result, undefined, `${hex}: ${refusal}`);
      } else {
        assert.ok(result, `${hex} is refused`);
        assert.equal(toHex(encode(result.value)), canonical, hex);
      }
    }
  });

  test("the number of an error's properties is the error's own", () => {
    const [error, same] = decode(fromHex("1002380020180108016181" + "4002")) as [Error, Error];
    assert.equal(same, error);
    assert.deepEqual(Object.entries(error), [["a", 1]]);
  });

  test("the vectors and the corpus, changed", () => {
    below = numbersFrom(setting("FUZZ_SEED", 0));
    const count = setting("FUZZ_MUTATIONS", 30);
    let decoded = 0;
    for (const seed of SEEDS) {
      for (let i = 0; i < count; i++) {
        let bytes = seed;
        for (let times = 1 + below(4); times > 0; times--) bytes = mutate(bytes);
        if (check(bytes)) decoded++;
      }
    }
    assert.ok(decoded > SEEDS.length, `only ${decoded} were decoded`);
  });

  test("bytes from nowhere", () => {
    below = numbersFrom(setting("FUZZ_SEED", 1));
    let decoded = 0;
    for (let i = 1000 * setting("FUZZ_MUTATIONS", 30); i > 0; i--) {
      const bytes = Uint8Array.from(
        { length: 1 + below(40) },
        () => below(2) ? below(0x48) : 0x7e + below(6),
      );
      if (check(bytes)) decoded++;
    }
    assert.ok(decoded > 100, `only ${decoded} were decoded`);
  });

  test("after all that it reads what it should", () => {
    const text = '[{"a":1,"b":[0.5,"x"]},{"a":2,"b":null}]';
    assert.equal(JSON.stringify(decode(encode(JSON.parse(text)))), text);
  });
});
