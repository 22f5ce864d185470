/**
 * `TextEncoder`, `TextDecoder` and `structuredClone` in a task, as the Encoding standard and HTML
 * have them.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Deferred, DeferredMemoryError } from "../mod.ts";
import { assertLinear } from "./support/measure.ts";

type Options = ConstructorParameters<typeof TextDecoder>[1];

/** In a task: bytes decoded, or the name of the error. */
const decode = (label: string, bytes: readonly number[], options: Options): string => {
  try {
    return new TextDecoder(label as "utf-8", options).decode(new Uint8Array(bytes));
  } catch (error) {
    return `threw ${(error as Error).name}`;
  }
};

describe("TextDecoder", () => {
  // What the standard's decoder makes of malformed UTF-8: one U+FFFD for each maximal part.
  const utf8: readonly (readonly [bytes: readonly number[], text: string, malformed?: true])[] = [
    [[], ""],
    [[0x41, 0x7f, 0x00], "A\x7f\0"],
    [[0xc2, 0xa2, 0xdf, 0xbf], "\xa2\u07ff"],
    [[0xe0, 0xa0, 0x80, 0xe2, 0x82, 0xac, 0xef, 0xbf, 0xbf], "\u0800\u20ac\uffff"],
    [[0xf0, 0x90, 0x80, 0x80, 0xf4, 0x8f, 0xbf, 0xbf], "\u{10000}\u{10ffff}"],
    [[0x80], "\ufffd", true],
    [[0xff, 0xfe], "\ufffd\ufffd", true],
    [[0xc0, 0x80], "\ufffd\ufffd", true], // overlong
    [[0xc1, 0xbf], "\ufffd\ufffd", true],
    [[0xc2], "\ufffd", true],
    [[0xc2, 0x41], "\ufffdA", true],
    [[0xe0, 0x80, 0x80], "\ufffd\ufffd\ufffd", true],
    [[0xe0, 0x9f, 0xbf], "\ufffd\ufffd\ufffd", true],
    [[0xe2, 0x82], "\ufffd", true],
    [[0xe2, 0x82, 0x41], "\ufffdA", true],
    [[0xed, 0xa0, 0x80], "\ufffd\ufffd\ufffd", true], // a surrogate
    [[0xed, 0x9f, 0xbf], "\ud7ff"],
    [[0xf0, 0x80, 0x80, 0x80], "\ufffd\ufffd\ufffd\ufffd", true],
    [[0xf0, 0x90, 0x80], "\ufffd", true],
    [[0xf0, 0x90, 0x80, 0x41], "\ufffdA", true],
    [[0xf4, 0x90, 0x80, 0x80], "\ufffd\ufffd\ufffd\ufffd", true],
    [[0xf5, 0x80], "\ufffd\ufffd", true],
    [[0xf0, 0x9f, 0x98, 0x80, 0xf0, 0x9f, 0x98], "😀\ufffd", true],
    [[0xef, 0xbb, 0xbf, 0x41], "A"],
    [[0xef, 0xbb, 0xbf, 0xef, 0xbb, 0xbf], "\ufeff"],
    [[0xef, 0xbb], "\ufffd", true],
  ];

  test("reads UTF-8, each malformed part as one U+FFFD, and with `fatal` not at all", async () => {
    for (const [bytes, text, malformed] of utf8) {
      assert.equal(await Deferred.run(decode, "utf-8", bytes, {}), text, `${bytes}`);
      const fatal = await Deferred.run(decode, "utf-8", bytes, { fatal: true });
      assert.equal(fatal, malformed ? "threw TypeError" : text, `${bytes}`);
    }
  });

  test("reads UTF-16, both ways round, and windows-1252", async () => {
    const cases: readonly (readonly [label: string, bytes: readonly number[], text: string])[] = [
      ["utf-16", [0x41, 0, 0xac, 0x20], "A€"],
      ["utf-16le", [0xff, 0xfe, 0x3d, 0xd8, 0, 0xde], "😀"],
      ["utf-16be", [0xfe, 0xff, 0xd8, 0x3d, 0xde, 0], "😀"],
      ["utf-16le", [0xfe, 0xff], "\ufffe"],
      ["utf-16le", [0x3d, 0xd8], "\ufffd"],
      ["utf-16le", [0x3d, 0xd8, 0x41], "\ufffd"],
      ["utf-16le", [0x3d, 0xd8, 0x41, 0], "\ufffdA"],
      ["utf-16le", [0, 0xde, 0x41, 0], "\ufffdA"],
      ["utf-16le", [0x41], "\ufffd"],
      ["latin1", [0x41, 0xe4, 0xff], "Aäÿ"],
      ["ascii", [0x80, 0x81, 0x9f, 0xa0], "€\x81Ÿ\xa0"],
      [" UTF8\n", [0xef, 0xbb, 0xbf, 0x42], "B"],
      ["windows-1252", [0xef, 0xbb, 0xbf], "ï»¿"],
    ];
    for (const [label, bytes, text] of cases) {
      assert.equal(await Deferred.run(decode, label, bytes, {}), text, `${label} ${bytes}`);
    }
    const kept = await Deferred.run(decode, "utf-8", [0xef, 0xbb, 0xbf], { ignoreBOM: true });
    assert.equal(kept, "\ufeff");
  });

  test("gives each label the name that the standard has for it", async () => {
    const names = await Deferred.run(
      (labels: string[]) => labels.map((label) => new TextDecoder(label as "utf-8").encoding),
      ["UTF8", "unicode-1-1-utf-8", "ucs-2", "unicodefffe", "l1", "us-ascii", "iso_8859-1:1987"],
    );
    const expected = ["utf-8", "utf-8", "utf-16le", "utf-16be"].concat(
      Array<string>(3).fill("windows-1252"),
    );
    assert.deepEqual(names, expected);
  });

  test("reads the legacy encodings, whole and byte by byte", async () => {
    const cases: readonly (readonly [label: string, name: string, bytes: string, text: string])[] =
      [
        ["latin2", "iso-8859-2", "BE6C75BB", "žluť"],
        ["greek8", "iso-8859-7", "C1E8DEEDE1", "Αθήνα"],
        ["logical", "iso-8859-8-i", "F9ECE5ED", "שלום"],
        ["koi8", "koi8-r", "EDCFD3CBD7C1", "Москва"],
        ["cp1251", "windows-1251", "CFF0E8E2E5F2", "Привет"],
        ["mac", "macintosh", "8A80F0", "äÄ\uf8ff"],
        ["tis-620", "windows-874", "CAC7D1CA", "สวัส"],
        ["x-user-defined", "x-user-defined", "4180FF", "A\uf780\uf7ff"],
        ["x-sjis", "shift_jis", "93FA967B8CEA41B1", "日本語Aｱ"],
        ["x-euc-jp", "euc-jp", "C6FCCBDC8EB18FB0A1", "日本ｱ丂"],
        ["csISO2022JP", "iso-2022-jp", "1B2442467C4B5C1B284241", "日本A"],
        ["gb2312", "gbk", "D6D0CEC4A2E3", "中文€"],
        ["gb18030", "gb18030", "D6D081308130CEC490308130", "中\u0080文\u{10000}"],
        ["big5-hkscs", "big5", "A4A4A4E58862", "中文Ê̄"],
        ["korean", "euc-kr", "C7D1B1DB41", "한글A"],
      ];
    for (const [label, name, hex, text] of cases) {
      const told = await Deferred.run(
        (label: string, hex: string) => {
          const bytes = Uint8Array.fromHex(hex);
          const whole = new TextDecoder(label as "utf-8", { fatal: true });
          const parts = new TextDecoder(label as "utf-8");
          let text = "";
          for (const byte of bytes) text += parts.decode(new Uint8Array([byte]), { stream: true });
          text += parts.decode();
          const view = new DataView(new Uint8Array([0, ...bytes, 0]).buffer, 1, bytes.length);
          return [whole.encoding, whole.decode(bytes), text, parts.decode(view)];
        },
        label,
        hex,
      );
      assert.deepEqual(told, [name, text, text, text], label);
    }
  });

  test("a fatal decoder throws at what a legacy encoding has not, another replaces it", async () => {
    for (
      const [label, hex, text] of [
        ["windows-1253", "41D2", "A\ufffd"],
        ["shift_jis", "41FF42", "A\ufffdB"],
        ["gbk", "D6", "\ufffd"],
        ["iso-2022-jp", "1B2442467C21", "日\ufffd"],
      ] as const
    ) {
      const told = await Deferred.run(
        (label: string, hex: string) => {
          const bytes = Uint8Array.fromHex(hex);
          try {
            new TextDecoder(label as "utf-8", { fatal: true }).decode(bytes);
            return "it did not throw";
          } catch (error) {
            return [(error as Error).name, new TextDecoder(label as "utf-8").decode(bytes)];
          }
        },
        label,
        hex,
      );
      assert.deepEqual(told, ["TypeError", text], label);
    }
  });

  test("refuses what names no encoding", async () => {
    for (
      const label of [
        "utf-7",
        "\u0000utf-8",
        "utf-8\u00a0",
        "",
        "no such",
        "replacement",
        "hz-gb-2312",
      ]
    ) {
      await assert.rejects(
        Deferred.run((label: string) => new TextDecoder(label as "utf-8").encoding, label),
        { name: "RangeError", message: /^there is no encoding "/ },
      );
    }
  });

  test("reads a stream alike, however it is cut", async () => {
    const cut = (size: number): string[] => {
      const bytes = new TextEncoder().encode("\ufeffaü€😀\ufeff, " + "Größe €😀".repeat(20));
      const utf16 = new Uint8Array(new Uint16Array([0xfeff, 0x41, 0xd83d, 0xde00, 0xdc00]).buffer);
      return [[...bytes, 0xf0, 0x9f], [0xe2, 0x82, 0xe2, 0xf0, 0x90, 0x41]].map((bytes) => {
        const decoder = new TextDecoder();
        let text = "";
        for (let at = 0; at < bytes.length; at += size) {
          text += decoder.decode(new Uint8Array(bytes.slice(at, at + size)), { stream: true });
        }
        return text + decoder.decode();
      }).concat((() => {
        const decoder = new TextDecoder("utf-16le");
        let text = "";
        for (let at = 0; at < utf16.length; at += size) {
          text += decoder.decode(utf16.subarray(at, at + size), { stream: true });
        }
        return text + decoder.decode();
      })());
    };
    const whole = "aü€😀\ufeff, " + "Größe €😀".repeat(20) + "\ufffd";
    for (const size of [1, 2, 3, 4, 5, 7, 1000]) {
      const texts = await Deferred.run(cut, size);
      assert.deepEqual(texts, [whole, "\ufffd\ufffd\ufffdA", "A😀\ufffd"], `${size}`);
    }
  });

  test("begins anew after the end of a stream, and after a fatal error", async () => {
    const texts = await Deferred.run(() => {
      const decoder = new TextDecoder("utf-8", { fatal: true });
      const texts = [decoder.decode(new Uint8Array([0xe2, 0x82]), { stream: true })];
      try {
        decoder.decode(new Uint8Array([0x41]));
      } catch (error) {
        texts.push((error as Error).name);
      }
      texts.push(decoder.decode(new Uint8Array([0xef, 0xbb, 0xbf, 0x42])));
      texts.push(decoder.decode(new Uint8Array([0xef, 0xbb, 0xbf, 0x43])));
      return texts;
    });
    assert.deepEqual(texts, ["", "TypeError", "B", "C"]);
  });

  test("takes every kind of bytes, shared ones too, and nothing else", async () => {
    const shared = new Uint8Array(new SharedArrayBuffer(2));
    shared.set([0x68, 0x69]);
    const texts = await Deferred.run((shared: Uint8Array) => {
      const buffer = new Uint8Array([0x61, 0x62, 0x63, 0x64]).buffer;
      const resizable = new ArrayBuffer(2, { maxByteLength: 8 });
      const tracking = new Uint8Array(resizable);
      resizable.resize(4);
      tracking.set([0x77, 0x78, 0x79, 0x7a]);
      const gone = new ArrayBuffer(4);
      structuredClone(gone, { transfer: [gone] });
      const decoder = new TextDecoder();
      const texts = [
        decoder.decode(buffer),
        decoder.decode(new DataView(buffer, 1, 2)),
        decoder.decode(new Uint16Array(buffer, 2)),
        decoder.decode(tracking),
        decoder.decode(gone),
        decoder.decode(shared),
      ];
      for (const wrong of [null, "ab", 5, {}, [1]]) {
        try {
          decoder.decode(wrong as unknown as Uint8Array);
        } catch (error) {
          texts.push((error as Error).name);
        }
      }
      return texts;
    }, shared);
    const errors = Array<string>(5).fill("TypeError");
    assert.deepEqual(texts, ["abcd", "bc", "cd", "wxyz", "", "hi", ...errors]);
  });

  test("reads bytes that a getter of its options takes away as none", async () => {
    const text = await Deferred.run(() => {
      const bytes = new Uint8Array(1000);
      return new TextDecoder().decode(bytes, {
        get stream() {
          structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
          return false;
        },
      });
    });
    assert.equal(text, "");
  });
});

describe("TextEncoder", () => {
  test("writes UTF-8, half a pair as U+FFFD", async () => {
    const text = "a\xff\u0800€😀\ud800b\udc00";
    const bytes = await Deferred.run((text: string) => new TextEncoder().encode(text), text);
    assert.deepEqual([...bytes], [...new TextEncoder().encode(text)]);
    const none = await Deferred.run(() => [
      new TextEncoder().encode().length,
      new TextEncoder().encode(undefined).length,
      new TextEncoder().encode(null as unknown as string).length,
    ]);
    assert.deepEqual(none, [0, 0, 4]);
  });

  test("writes into as much room as there is, and never half a character", async () => {
    const text = "a\xff€😀\ud800";
    const all = new TextEncoder().encode(text);
    for (let room = 0; room <= all.length + 1; room++) {
      const into = new Uint8Array(room);
      const expected = new TextEncoder().encodeInto(text, into);
      const got = await Deferred.run(
        (text: string, room: number) => {
          const around = new Uint8Array(room + 2).fill(7);
          const result = new TextEncoder().encodeInto(text, around.subarray(1, room + 1));
          return [result.read, result.written, ...around];
        },
        text,
        room,
      );
      const bytes = [...into].map((byte, at) => at < expected.written! ? byte : 7);
      assert.deepEqual(got, [expected.read, expected.written, 7, ...bytes, 7], `${room}`);
    }
  });

  test("refuses what is no Uint8Array", async () => {
    const names = await Deferred.run(() =>
      [new Uint8ClampedArray(4), new Int8Array(4), new ArrayBuffer(4), null, []].map((into) => {
        try {
          return new TextEncoder().encodeInto("a", into as unknown as Uint8Array);
        } catch (error) {
          return (error as Error).name;
        }
      })
    );
    assert.deepEqual(names, Array<string>(5).fill("TypeError"));
  });

  test("reading and writing takes time in proportion to the text", async () => {
    await assertLinear(
      "text in UTF-8",
      (n) =>
        Deferred.run((n: number) => {
          const text = "Größe €".repeat(n);
          const bytes = new TextEncoder().encode(text);
          if (new TextDecoder().decode(bytes) !== text) throw new Error("other text");
        }, n),
      100_000,
    );
  });

  test("a text that does not fit ends the task, and no other", async () => {
    const task = new Deferred(() => {
      const text = "€".repeat(2 ** 20);
      return new TextEncoder().encode(text.repeat(8)).length;
    }, { memoryLimit: 8 * 2 ** 20 });
    await assert.rejects(task, DeferredMemoryError);
    assert.equal(await Deferred.run(() => new TextEncoder().encode("€").length), 3);
  });
});

describe("structuredClone", () => {
  test("copies what can be cloned, keeping what is one and the same", async () => {
    const copies = await Deferred.run(() => {
      const inner = { n: -0, big: 10n ** 30n };
      const value: Record<string, unknown> = {
        inner,
        same: inner,
        date: new Date(7),
        map: new Map<unknown, unknown>([[inner, new Set([1])]]),
        holes: [1, , 3],
        view: new Uint16Array([1, 2]),
        boxed: Object("s"),
        regexp: /a+/gi,
        error: new RangeError("no", { cause: inner }),
        own: undefined,
      };
      value["self"] = value;
      const copy = structuredClone(value);
      const error = copy["error"] as RangeError;
      const map = copy["map"] as Map<unknown, unknown>;
      return [
        copy !== value && copy["self"] === copy,
        copy["inner"] !== inner && copy["inner"] === copy["same"],
        error instanceof RangeError && error.cause === copy["inner"] && error.message,
        error.stack === (value["error"] as Error).stack,
        map.has(copy["inner"]),
        Object.is((copy["inner"] as typeof inner).n, -0),
        String(copy["regexp"]) + (copy["date"] as Date).getTime(),
        1 in (copy["holes"] as number[]),
        (copy["view"] as Uint16Array).join(),
        typeof copy["boxed"] + copy["boxed"],
        Object.keys(copy).join() === Object.keys(value).join(),
      ];
    });
    const [one, same, no, stack, has, zero, text, hole, view, boxed, keys] = copies;
    assert.deepEqual([one, same, no, stack, has, zero], [true, true, "no", true, true, true]);
    assert.deepEqual([text, hole, view, boxed, keys], ["/a+/gi7", false, "1,2", "objects", true]);
  });

  test("throws a DataCloneError that says which part", async () => {
    const told = await Deferred.run(() => {
      const wrong = [() => 1, { a: [Symbol("s")] }, new WeakMap(), new TextDecoder(), globalThis];
      return wrong.map((value) => {
        try {
          return structuredClone(value);
        } catch (error) {
          const { name, code, message } = error as DOMException;
          return [error instanceof DOMException, name, code, message];
        }
      });
    });
    const messages = [
      "a function can't be cloned",
      ".a[0]: a symbol can't be cloned",
      "a WeakMap can't be cloned",
      "a TextDecoder can't be cloned",
      "the global object can't be cloned",
    ];
    assert.deepEqual(told, messages.map((message) => [true, "DataCloneError", 25, message]));
  });

  test("transfers buffers, and takes them away", async () => {
    const told = await Deferred.run(() => {
      const buffer = new Uint8Array([1, 2, 3]).buffer;
      const resizable = new ArrayBuffer(2, { maxByteLength: 4 });
      const beside = new ArrayBuffer(1);
      const view = new Uint8Array(buffer, 1);
      const copy = structuredClone({ buffer, view, resizable }, {
        transfer: new Set([buffer, resizable, beside]) as unknown as ArrayBuffer[],
      });
      return [
        [buffer.detached, resizable.detached, beside.detached, view.length],
        [copy.view.buffer === copy.buffer, copy.view.join(), copy.resizable.maxByteLength],
      ];
    });
    assert.deepEqual(told, [[true, true, true, 0], [true, "2,3", 4]]);
  });

  test("refuses what can't be transferred, and takes nothing away then", async () => {
    const told = await Deferred.run(() => {
      const buffer = new ArrayBuffer(1);
      const gone = new ArrayBuffer(1);
      structuredClone(gone, { transfer: [gone] });
      const attempt = (value: unknown, options: unknown): string => {
        try {
          structuredClone(value, options as { transfer: ArrayBuffer[] });
          return "fine";
        } catch (error) {
          return (error as Error).name;
        }
      };
      return [
        attempt(1, { transfer: [buffer, buffer] }),
        attempt(1, { transfer: [new SharedArrayBuffer(1)] }),
        attempt(1, { transfer: [{}] }),
        attempt(() => 1, { transfer: [buffer] }),
        attempt(1, { transfer: [gone] }),
        attempt(1, { transfer: [5] }),
        attempt(1, { transfer: 5 }),
        attempt(1, 5),
        attempt(1, null),
        attempt(gone, undefined),
        buffer.detached,
      ];
    });
    const clone = Array<string>(5).fill("DataCloneError");
    const type = Array<string>(3).fill("TypeError");
    assert.deepEqual(told, [...clone, ...type, "fine", "DataCloneError", false]);
  });

  test("may be called by a getter of what it clones", async () => {
    const copy = await Deferred.run(() =>
      structuredClone({
        before: [1, 2],
        get inner() {
          const text = "x".repeat(5000);
          return structuredClone({
            text,
            get deeper() {
              return structuredClone([text]);
            },
          });
        },
        after: "fine",
      })
    );
    const text = "x".repeat(5000);
    assert.deepEqual(copy, { before: [1, 2], inner: { text, deeper: [text] }, after: "fine" });
  });

  test("passes on what a getter throws", async () => {
    await assert.rejects(
      Deferred.run(() =>
        structuredClone({
          get a() {
            throw new RangeError("mine");
          },
        })
      ),
      { name: "RangeError", message: "mine" },
    );
  });

  test("memory that the host shares stays shared, and other memory of its does not", async () => {
    const shared = new Int32Array(new SharedArrayBuffer(4));
    const large = new Uint8Array(2 ** 20).fill(1);
    const told = await new Deferred((shared: Int32Array, large: Uint8Array) => {
      structuredClone(shared)[0] = 7;
      const copy = structuredClone(large);
      copy[0] = 9;
      return [shared[0], large[0], copy.length];
    }, { args: [shared, large], transfer: [large.buffer] });
    assert.deepEqual([told, shared[0]], [[7, 1, 2 ** 20], 7]);
  });

  test("counts what it takes: it can't be used to get past the memory limit", async () => {
    const task = new Deferred(() => {
      const bytes = new Uint8Array(3 * 2 ** 20);
      return structuredClone([bytes, bytes.slice(), bytes.slice()]).length;
    }, { memoryLimit: 8 * 2 ** 20 });
    await assert.rejects(task, DeferredMemoryError);
    assert.equal(await Deferred.run(() => structuredClone(5)), 5);
  });
});
