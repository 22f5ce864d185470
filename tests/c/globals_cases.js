// Hostile and random uses of the globals that are written in C: globals_test.c runs them, under
// sanitizers, in a realm on malloc. `random(n)` is a number below n; the last line is the verdict.
"use strict";

/** The standard's decoder of UTF-8, byte by byte. */
function referenceUtf8(bytes) {
  let text = "", point = 0, needed = 0, lower = 0x80, upper = 0xbf;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (needed === 0) {
      if (byte < 0x80) text += String.fromCharCode(byte);
      else if (byte >= 0xc2 && byte <= 0xdf) [needed, point] = [1, byte & 0x1f];
      else if (byte >= 0xe0 && byte <= 0xef) {
        if (byte === 0xe0) lower = 0xa0;
        if (byte === 0xed) upper = 0x9f;
        [needed, point] = [2, byte & 0xf];
      } else if (byte >= 0xf0 && byte <= 0xf4) {
        if (byte === 0xf0) lower = 0x90;
        if (byte === 0xf4) upper = 0x8f;
        [needed, point] = [3, byte & 0x7];
      } else text += "\ufffd";
      continue;
    }
    if (byte < lower || byte > upper) {
      [needed, lower, upper] = [0, 0x80, 0xbf];
      text += "\ufffd";
      at--;
      continue;
    }
    [lower, upper] = [0x80, 0xbf];
    point = point << 6 | byte & 0x3f;
    if (--needed === 0) text += String.fromCodePoint(point);
  }
  return needed > 0 ? text + "\ufffd" : text;
}

/** Of UTF-16, of which a cut-off end is one U+FFFD. */
function referenceUtf16(bytes, big) {
  const units = [];
  for (let at = 0; at + 1 < bytes.length; at += 2) {
    units.push(big ? bytes[at] << 8 | bytes[at + 1] : bytes[at + 1] << 8 | bytes[at]);
  }
  const odd = bytes.length % 2 === 1;
  const last = units.at(-1);
  const text = String.fromCharCode(...units).toWellFormed();
  return odd && !(last >= 0xd800 && last < 0xdc00) ? text + "\ufffd" : text;
}

function randomBytes(length) {
  const likely = [
    0x41,
    0x80,
    0xbf,
    0xc2,
    0xe0,
    0xa0,
    0xed,
    0x9f,
    0xef,
    0xbb,
    0xf0,
    0x90,
    0xf4,
    0xd8,
  ];
  const kind = random(4);
  return Uint8Array.from({ length }, () => {
    if (kind === 0) return random(256);
    if (kind === 1) return random(12) ? random(128) : random(256);
    return random(3) ? likely[random(likely.length)] : random(256);
  });
}

function same(what, got, expected, input) {
  if (got === expected) return;
  throw new Error(`${what} of [${input}]: ${escape(got)}, not ${escape(expected)}`);
}

function decodeInParts(decoder, bytes) {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const size = random(5);
    text += decoder.decode(bytes.subarray(at, at + size), { stream: true });
    at += size;
  }
  return text + decoder.decode();
}

function decodes() {
  const bytes = randomBytes(random(40));
  const options = { ignoreBOM: true };
  for (const label of ["utf-8", "utf-16le", "utf-16be"]) {
    const expected = label === "utf-8"
      ? referenceUtf8(bytes)
      : referenceUtf16(bytes, label === "utf-16be");
    same(label, new TextDecoder(label, options).decode(bytes), expected, bytes);
    same(
      `${label} in parts`,
      decodeInParts(new TextDecoder(label, options), bytes),
      expected,
      bytes,
    );
    const marked = expected.startsWith("\ufeff") ? expected.slice(1) : expected;
    same(`${label}, marked`, new TextDecoder(label).decode(bytes), marked, bytes);
    same(`${label}, marked, in parts`, decodeInParts(new TextDecoder(label), bytes), marked, bytes);
  }
  const fatal = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const valid = new TextEncoder().encode(referenceUtf8(bytes));
  same("fatal", fatal.decode(valid), referenceUtf8(bytes), bytes);
  if (valid.join() !== bytes.join()) {
    try {
      fatal.decode(bytes);
    } catch {
      return;
    }
    throw new Error(`fatal took [${bytes}]`);
  }
}

function encodes() {
  const units = Array.from({ length: random(20) }, () => {
    const kind = random(4);
    return kind === 0
      ? random(128)
      : kind === 1
      ? random(256)
      : kind === 2
      ? 0xd7f0 + random(0x820)
      : random(65536);
  });
  const text = String.fromCharCode(...units) + (random(2) ? "x".repeat(random(40)) : "");
  const all = new TextEncoder().encode(text);
  same(
    "round trip",
    new TextDecoder("utf-8", { ignoreBOM: true }).decode(all),
    text.toWellFormed(),
    units,
  );
  const room = random(all.length + 3);
  const offset = random(4);
  const around = new Uint8Array(offset + room + 4).fill(0xaa);
  const { read, written } = new TextEncoder().encodeInto(
    text,
    around.subarray(offset, offset + room),
  );
  const part = new TextEncoder().encode(text.slice(0, read));
  same("encodeInto", around.slice(offset, offset + written).join(), part.join(), units);
  if (written > room) throw new Error("it wrote too much");
  around.forEach((byte, at) => {
    if ((at < offset || at >= offset + written) && byte !== 0xaa) {
      throw new Error("it wrote beside");
    }
  });
}

/** Getters and methods that take memory away in the middle. */
function hostile() {
  const bytes = randomBytes(64 + random(64));
  const detach = () =>
    bytes.buffer.detached || structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  const resizable = new ArrayBuffer(32, { maxByteLength: 256 });
  const tracking = new Uint8Array(resizable, random(32));
  const attempts = [
    () =>
      new TextDecoder().decode(bytes, {
        get stream() {
          detach();
          return random(2) === 1;
        },
      }),
    () =>
      new TextEncoder().encodeInto({
        toString() {
          detach();
          return "x".repeat(300);
        },
      }, bytes),
    () =>
      new TextEncoder().encodeInto({
        toString() {
          resizable.resize(random(257));
          return "y".repeat(300);
        },
      }, tracking),
    () =>
      structuredClone({
        bytes,
        get x() {
          detach();
          return 1;
        },
      }),
    () =>
      structuredClone({
        get x() {
          detach();
          return 1;
        },
        bytes,
      }),
    () =>
      structuredClone({
        bytes,
        get x() {
          return structuredClone([bytes], { transfer: [bytes.buffer] });
        },
      }),
    () =>
      structuredClone(bytes, {
        transfer: {
          *[Symbol.iterator]() {
            detach();
            yield bytes.buffer;
          },
        },
      }),
    () =>
      structuredClone({
        bytes,
        get x() {
          detach();
          return 1;
        },
      }, { transfer: [bytes.buffer] }),
    () =>
      structuredClone(tracking, {
        get transfer() {
          resizable.resize(0);
          return [resizable];
        },
      }),
    () => structuredClone(bytes, { transfer: [bytes.buffer, bytes.buffer] }),
    () =>
      structuredClone({
        get a() {
          return structuredClone({
            get b() {
              throw 1;
            },
          });
        },
      }),
    () =>
      Reflect.construct(TextDecoder, [], Object.assign(() => {}, { prototype: null })).decode(
        bytes,
      ),
    () => Reflect.construct(TextDecoder, ["latin1"], class extends TextDecoder {}).decode(bytes),
    () =>
      new TextDecoder("iso-8859-2").decode(bytes, {
        get stream() {
          detach();
          return true;
        },
      }),
    () => {
      const { prototype } = Uint8Array;
      prototype.subarray = () => detach();
      try {
        new TextDecoder("koi8-r").decode(bytes);
      } finally {
        delete prototype.subarray;
      }
    },
    () => TextDecoder.prototype.decode.call(Object.create(TextDecoder.prototype), bytes),
    () => TextDecoder.prototype.decode.call(new TextEncoder(), bytes),
    () => TextEncoder.prototype.encode.call(new TextDecoder(), "a"),
    () => Object.getOwnPropertyDescriptor(TextDecoder.prototype, "fatal").get.call({}),
    () =>
      new TextDecoder({
        toString() {
          throw 2;
        },
      }),
    () =>
      new TextDecoder("utf-8", {
        get fatal() {
          throw 3;
        },
      }),
  ];
  try {
    attempts[random(attempts.length)]();
  } catch { /* whatever it says */ }
}

for (let i = 0; i < ROUNDS; i++) {
  decodes();
  encodes();
  hostile();
}
"fine";
