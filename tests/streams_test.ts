/**
 * Streams in a task, as the Streams standard has them; the compressing and text coding ones, as
 * Compression and Encoding have them, beside the host's own zlib; and `Blob.prototype.stream`.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as zlib from "node:zlib";
import { Deferred, DeferredMemoryError, DeferredPool } from "../mod.ts";

/** `ReadableStream` with what not all runtimes' types have. */
type Streams = {
  from<T>(chunks: Iterable<T> | AsyncIterable<T>): ReadableStream<T> & AsyncIterable<T>;
};

describe("ReadableStream, WritableStream, TransformStream", () => {
  test("chunks come in order, by a reader, by for await, and from what can be iterated", async () => {
    const told = await Deferred.run(async () => {
      const numbers = () => {
        let n = 0;
        return new ReadableStream<number>({
          pull(controller) {
            controller.enqueue(n++);
            if (n === 3) controller.close();
          },
        });
      };
      const reader = numbers().getReader();
      const read = [];
      for (let result = await reader.read(); !result.done; result = await reader.read()) {
        read.push(result.value);
      }
      await reader.closed;
      const iterated = [];
      for await (const chunk of numbers()) iterated.push(chunk);
      const listed = await Array.fromAsync(numbers().values({ preventCancel: true }));
      const from = await Array.fromAsync(
        (ReadableStream as unknown as Streams).from((async function* () {
          yield "a";
          yield "b";
        })()),
      );
      return [read, iterated, listed, from].join(" ");
    });
    assert.equal(told, "0,1,2 0,1,2 0,1,2 a,b");
  });

  test("a source is asked for as much as the strategy says, and no more", async () => {
    const told = await Deferred.run(async () => {
      const log: unknown[] = [];
      const stream = new ReadableStream<string>({
        start: (controller) => void log.push(controller.desiredSize),
        pull(controller) {
          controller.enqueue("abc");
          log.push(controller.desiredSize);
        },
        cancel: (reason) => void log.push(reason),
      }, { highWaterMark: 5, size: (chunk) => chunk?.length ?? 0 });
      await new Promise((resolve) => setTimeout(resolve));
      const reader = stream.getReader();
      const { value } = await reader.read();
      log.push(value);
      await reader.cancel("enough");
      const sizes = [
        new CountQueuingStrategy({ highWaterMark: 4 }).size("xy"),
        new ByteLengthQueuingStrategy({ highWaterMark: 4 }).size(new Uint8Array(7)),
      ];
      return [log.join(), sizes.join()];
    });
    assert.deepEqual(told, ["5,2,-1,-1,abc,enough", "1,7"]);
  });

  test("a pipe carries chunks, the end and errors, and ends by a signal", async () => {
    const told = await Deferred.run(async () => {
      const written: unknown[] = [];
      const sink = () =>
        new WritableStream<string>({
          write: (chunk) => void written.push(chunk),
          close: () => void written.push("closed"),
          abort: (reason) => void written.push(`aborted: ${reason}`),
        });
      const upper = new TransformStream<string, string>({
        transform: (chunk, controller) => controller.enqueue(chunk.toUpperCase()),
        flush: (controller) => controller.enqueue("END"),
      });
      const source = () => (ReadableStream as unknown as Streams).from(["a", "b"]);
      await source().pipeThrough(upper).pipeTo(sink());
      const open = sink();
      await source().pipeTo(open, { preventClose: true });
      written.push(open.locked);
      const failing = new ReadableStream({
        pull() {
          throw new RangeError("dry");
        },
      });
      await failing.pipeTo(sink()).catch((error: Error) => written.push(error.name));
      const controller = new AbortController();
      const endless = new ReadableStream({ cancel: (reason) => void written.push(reason) });
      const piped = endless.pipeTo(sink(), { signal: controller.signal });
      controller.abort("stop");
      await piped.catch((reason) => written.push(reason));
      return written;
    });
    assert.deepEqual(
      told,
      "A,B,END,closed,a,b,false,aborted: RangeError: dry,RangeError,aborted: stop,stop,stop".split(
        ",",
      ).map((text) => text === "false" ? false : text),
    );
  });

  test("both halves of a tee have all, and a cancelled one leaves the other", async () => {
    const told = await Deferred.run(async () => {
      const cancelled: unknown[] = [];
      let n = 0;
      const stream = new ReadableStream({
        pull(controller) {
          controller.enqueue(n++);
          if (n === 3) controller.close();
        },
        cancel: (reason) => void cancelled.push(reason),
      });
      const [one, other] = stream.tee();
      const list = await Array.fromAsync(one as unknown as AsyncIterable<number>);
      const again = await Array.fromAsync(other as unknown as AsyncIterable<number>);
      const [a, b] = new ReadableStream({ cancel: (why) => void cancelled.push(...why) }).tee();
      await Promise.all([a.cancel("x"), b.cancel("y")]);
      return [list.join(""), again.join(""), cancelled.join(), stream.locked];
    });
    assert.deepEqual(told, ["012", "012", "x,y", true]);
  });

  test("bytes are read into a reader's own buffer, which is transferred", async () => {
    const told = await Deferred.run(async () => {
      const stream = new ReadableStream({
        type: "bytes",
        pull(controller) {
          const { view } = controller.byobRequest!;
          const bytes = new Uint8Array(view!.buffer, view!.byteOffset, view!.byteLength);
          bytes.fill(7, 0, 2);
          controller.byobRequest!.respond(2);
        },
      });
      const reader = stream.getReader({ mode: "byob" });
      const given = new Uint8Array(5);
      const { value } = await reader.read(given);
      const least = await reader.read(new Uint8Array(5), { min: 4 } as object);
      reader.releaseLock();
      const queued = new ReadableStream({
        type: "bytes",
        start(controller) {
          controller.enqueue(new Uint8Array([1, 2, 3]));
          controller.close();
        },
      });
      const plain = await queued.getReader().read();
      return [given.length, value!.join(), least.value!.join(), plain.value!.join(), stream.locked];
    });
    assert.deepEqual(told, [0, "7,7", "7,7,7,7", "1,2,3", false]);
  });

  test("what is wrong is said where it is done", async () => {
    const told = await Deferred.run(async () => {
      const stream = new ReadableStream({ start: (controller) => controller.error("broken") });
      const writable = new WritableStream();
      const reader = new ReadableStream().getReader();
      const pending = reader.read();
      reader.releaseLock();
      const locked = new ReadableStream();
      locked.getReader();
      const attempts: (() => unknown)[] = [
        () => stream.getReader().read(),
        () => pending,
        () => locked.getReader(),
        () => locked.cancel(),
        () => new ReadableStream({ type: "other" } as object),
        () => new ReadableStream({}, { highWaterMark: -1 }),
        () => new (ReadableStreamDefaultController as unknown as new () => unknown)(),
        () => new ReadableStreamDefaultReader(locked),
        () => ReadableStream.prototype.cancel.call({} as ReadableStream),
        () => new WritableStream({ type: "bytes" } as object),
        () => writable.abort("no").then(() => writable.getWriter().write("x")),
        () => (ReadableStream as unknown as Streams).from(3 as unknown as string[]),
      ];
      return await Promise.all(attempts.map(async (attempt) => {
        try {
          return `${await attempt()}`;
        } catch (error) {
          return error instanceof Error ? error.name : error;
        }
      }));
    });
    assert.deepEqual(told, [
      "broken",
      ..."TypeError TypeError TypeError TypeError RangeError TypeError TypeError TypeError RangeError"
        .split(" "),
      "no",
      "TypeError",
    ]);
  });

  test("a task that waits for a stream has no thread meanwhile", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    const slow = pool.run(async () => {
      const stream = new ReadableStream<number>({
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, 2));
          controller.enqueue(Date.now());
        },
      }, { highWaterMark: 0 });
      const reader = stream.getReader();
      for (let i = 0; i < 5; i++) await reader.read();
      return "done";
    });
    assert.equal(await pool.run(() => "meanwhile"), "meanwhile");
    assert.equal(await slow, "done");
  });
});

type Format = "gzip" | "deflate" | "deflate-raw";
const FORMATS: readonly Format[] = ["gzip", "deflate", "deflate-raw"];
const PACK = { gzip: zlib.gzipSync, deflate: zlib.deflateSync, "deflate-raw": zlib.deflateRawSync };
const UNPACK = {
  gzip: zlib.gunzipSync,
  deflate: zlib.inflateSync,
  "deflate-raw": zlib.inflateRawSync,
};

/** A task's: what comes out of a codec for these chunks, or the name of the error. */
const through = async (
  format: Format,
  compresses: boolean,
  chunks: Uint8Array[],
): Promise<Uint8Array | string> => {
  const stream = compresses ? new CompressionStream(format) : new DecompressionStream(format);
  const source = (ReadableStream as unknown as Streams).from(chunks as Uint8Array<ArrayBuffer>[]);
  try {
    const pieces: Uint8Array[] = [];
    for await (const piece of source.pipeThrough(stream)) pieces.push(piece);
    return await new Blob(pieces as Uint8Array<ArrayBuffer>[]).bytes();
  } catch (error) {
    return (error as Error).name;
  }
};

function sample(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0, state = seed; i < length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[i] = i % 3 === 0 ? state >>> 24 : i & 15;
  }
  return bytes;
}

describe("CompressionStream and DecompressionStream", () => {
  test("each format is what zlib reads, and reads what zlib writes", async () => {
    for (const format of FORMATS) {
      for (const length of [0, 1, 1000, 300_000]) {
        const bytes = sample(length);
        const chunks = [bytes.slice(0, 7), bytes.slice(7, 7), bytes.slice(7)];
        const packed = await Deferred.run(through, format, true, chunks);
        assert.ok(packed instanceof Uint8Array, `${format}: ${packed}`);
        assert.deepEqual(new Uint8Array(UNPACK[format](packed)), bytes, `${format} ${length}`);
        assert.ok(length < 1000 || packed.length < length);
        const theirs = new Uint8Array(PACK[format](bytes));
        assert.deepEqual(await Deferred.run(through, format, false, [theirs]), bytes);
      }
    }
  });

  test("chunks may end anywhere, and be empty", async () => {
    const bytes = sample(200);
    for (const format of FORMATS) {
      const packed = new Uint8Array(PACK[format](bytes));
      const ones = Array.from(packed, (byte) => new Uint8Array([byte]));
      const chunks = [new Uint8Array(), ...ones, new Uint8Array()];
      assert.deepEqual(await Deferred.run(through, format, false, chunks), bytes, format);
    }
  });

  test("what is damaged, cut short or longer than its end is a TypeError", async () => {
    const bytes = sample(500);
    for (const format of FORMATS) {
      const packed = new Uint8Array(PACK[format](bytes));
      const longer = new Uint8Array([...packed, 0]);
      const damaged = packed.slice();
      if (format === "deflate-raw") damaged[0] = 0x07; // no type of a block
      else damaged[packed.length - 1]! ^= 1; // of the check sum
      const cut = await Promise.all(
        [0, 1, 10, packed.length - 1].map((length) =>
          Deferred.run(through, format, false, [packed.slice(0, length)])
        ),
      );
      assert.deepEqual(cut, Array(4).fill("TypeError"), format);
      assert.equal(await Deferred.run(through, format, false, [longer]), "TypeError");
      assert.equal(await Deferred.run(through, format, false, [packed, packed]), "TypeError");
      assert.equal(await Deferred.run(through, format, false, [damaged]), "TypeError");
    }
    await assert.rejects(
      Deferred.run(async () => {
        const stream = new Blob(["no gzip"]).stream();
        await Array.fromAsync(stream.pipeThrough(new DecompressionStream("gzip")));
      }),
      /^TypeError: the compressed data is damaged: incorrect header check$/,
    );
  });

  test("the message says what is wrong with the data", async () => {
    const told = await Deferred.run(async () => {
      const messages: string[] = [];
      for (const bytes of [[1, 2], [0x1f, 0x8b, 8], [0x78, 0xbb, 0, 0, 0, 0]]) {
        const chunk = new Uint8Array(bytes);
        const stream = new DecompressionStream(bytes[0] === 0x78 ? "deflate" : "gzip");
        const piped = new Blob([chunk]).stream().pipeThrough(stream);
        await piped.pipeTo(new WritableStream()).catch(({ message }) => messages.push(message));
      }
      return messages;
    });
    assert.deepEqual(told, [
      "the compressed data is damaged: incorrect header check",
      "the compressed data ends too early",
      "the compressed data needs a dictionary, which there is no way to give",
    ]);
  });

  test("only bytes that nobody else may write are chunks, and only three formats known", async () => {
    const told = await Deferred.run(async () => {
      const chunks = [undefined, null, 3, "text", {}, [1], new SharedArrayBuffer(2)];
      const views = [new Uint8Array(new SharedArrayBuffer(2))];
      const names = [];
      for (const chunk of [...chunks, ...views, new DataView(new ArrayBuffer(2))]) {
        const stream = new CompressionStream("gzip");
        const writer = stream.writable.getWriter();
        stream.readable.pipeTo(new WritableStream()).catch(() => {});
        names.push(await writer.write(chunk as never).then(() => "fine", (error) => error.name));
      }
      for (const format of ["br", "GZIP", "", "deflate\0", undefined]) {
        try {
          names.push(new DecompressionStream(format as "gzip"));
        } catch (error) {
          names.push((error as Error).name);
        }
      }
      return names;
    });
    assert.deepEqual(told, [
      ...Array<string>(8).fill("TypeError"),
      "fine",
      ...Array<string>(5).fill("TypeError"),
    ]);
  });

  test("data that grows a thousandfold ends at the memory limit, and its task alone", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    const bomb = new Uint8Array(zlib.gzipSync(Buffer.alloc(64 * 2 ** 20)));
    const task = pool.defer(through, { args: ["gzip", false, [bomb]], memoryLimit: 8 * 2 ** 20 });
    await assert.rejects(task, DeferredMemoryError);
    const small = new Uint8Array(zlib.gzipSync("small"));
    assert.deepEqual(
      await pool.run(through, "gzip", false, [small]),
      new TextEncoder().encode("small"),
    );
  });

  test("may be ended in the middle, whatever it is about", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    for (let i = 0; i < 20; i++) {
      const task = pool.defer(async (bytes: Uint8Array) => {
        for (;;) {
          const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream();
          const packed = stream.pipeThrough(new CompressionStream("deflate"));
          await packed.pipeThrough(new DecompressionStream("deflate")).pipeTo(new WritableStream());
        }
      }, { args: [sample(100_000)], timeout: 2 + i % 5 });
      await assert.rejects(task, { name: "TimeoutError" });
    }
    const bytes = sample(1000);
    const packed = await pool.run(through, "gzip", true, [bytes]);
    assert.deepEqual(new Uint8Array(zlib.gunzipSync(packed as Uint8Array)), bytes);
  });
});

describe("TextEncoderStream and TextDecoderStream", () => {
  test("a pair of surrogates may be cut, and what is alone is replaced", async () => {
    const told = await Deferred.run(async () => {
      const encode = async (...chunks: unknown[]) => {
        const stream = new TextEncoderStream();
        const source = (ReadableStream as unknown as Streams).from(chunks as string[]);
        const pieces = await Array.fromAsync(
          source.pipeThrough(stream) as unknown as AsyncIterable<Uint8Array>,
        );
        return pieces.map((piece) => piece.join()).join("|");
      };
      return [
        await encode("a", "", "é"),
        await encode("\ud83d", "\ude00"),
        await encode("x\ud83d", "\ude00y"),
        await encode("\ud83d", "z"),
        await encode("\ud83d"),
        await encode("\ude00"),
        await encode(12, undefined),
        new TextEncoderStream().encoding,
      ];
    });
    assert.deepEqual(told, [
      "97|195,169",
      "240,159,152,128",
      "120|240,159,152,128,121",
      "239,191,189,122",
      "239,191,189",
      "239,191,189",
      "49,50|117,110,100,101,102,105,110,101,100",
      "utf-8",
    ]);
  });

  test("a character may be cut, and options are those of a TextDecoder", async () => {
    const told = await Deferred.run(async () => {
      const decode = async (
        chunks: unknown[],
        ...args: ConstructorParameters<typeof TextDecoderStream>
      ) => {
        const stream = new TextDecoderStream(...args);
        const source = (ReadableStream as unknown as Streams).from(
          chunks as Uint8Array<ArrayBuffer>[],
        );
        try {
          const pieces = await Array.fromAsync(
            source.pipeThrough(stream) as unknown as AsyncIterable<string>,
          );
          return pieces.join("|");
        } catch (error) {
          return (error as Error).name;
        }
      };
      const bytes = (...list: number[]) => new Uint8Array(list);
      const stream = new TextDecoderStream("LATIN1" as "latin1", { fatal: true, ignoreBOM: true });
      return [
        await decode([bytes(0xe2, 0x82), bytes(0xac, 0x41)]),
        await decode([bytes(0xe2, 0x82)]),
        await decode([bytes(0xe2, 0x82)], "utf-8", { fatal: true }),
        await decode([bytes(0xef, 0xbb), bytes(0xbf, 0x41)]),
        (await decode([bytes(0xef, 0xbb, 0xbf, 0x41)], "utf-8", { ignoreBOM: true })).length,
        await decode([bytes(0x41, 0).buffer, bytes(0x42), bytes(0)], "utf-16le"),
        await decode(["text"]),
        await decode([undefined]),
        [stream.encoding, stream.fatal, stream.ignoreBOM].join(),
      ];
    });
    assert.deepEqual(told, [
      "€A",
      "\ufffd",
      "TypeError",
      "A",
      2,
      "A|B",
      "TypeError",
      "TypeError",
      "windows-1252,true,true",
    ]);
  });
});

test("a Blob's stream has its bytes, in pieces, for each reader", async () => {
  const told = await Deferred.run(async () => {
    const blob = new Blob(["x".repeat(150_000), "end"]);
    const sizes: number[] = [];
    for await (const piece of blob.stream()) sizes.push(piece.length);
    const reader = blob.slice(-3).stream().getReader({ mode: "byob" });
    const { value } = await reader.read(new Uint8Array(10));
    const { done } = await reader.read(new Uint8Array(10));
    const decoded = new Blob(["é€"]).stream().pipeThrough(new TextDecoderStream());
    const text = await Array.fromAsync(decoded as unknown as AsyncIterable<string>);
    const empty = await Array.fromAsync(
      new Blob().stream() as unknown as AsyncIterable<Uint8Array>,
    );
    return [
      sizes.reduce((sum, size) => sum + size, 0),
      Math.max(...sizes) <= 65_536,
      new TextDecoder().decode(value),
      done,
      text.join(""),
      empty.length,
      await blob.text() === "x".repeat(150_000) + "end",
    ];
  });
  assert.deepEqual(told, [150_003, true, "end", true, "é€", 0, true]);
});

test("classes, members and names are as Web IDL has them", async () => {
  const told = await Deferred.run(() => {
    const names = (
      "ReadableStream ReadableStreamDefaultReader ReadableStreamBYOBReader " +
      "ReadableStreamDefaultController ReadableByteStreamController ReadableStreamBYOBRequest " +
      "WritableStream WritableStreamDefaultWriter WritableStreamDefaultController TransformStream " +
      "TransformStreamDefaultController ByteLengthQueuingStrategy CountQueuingStrategy " +
      "CompressionStream DecompressionStream TextEncoderStream TextDecoderStream"
    ).split(" ");
    const wrong: string[] = [];
    for (const name of names) {
      const of = Object.getOwnPropertyDescriptor(globalThis, name)!;
      if (of.enumerable || !of.writable || !of.configurable) wrong.push(`${name} on the global`);
      const Class = of.value as new () => unknown;
      if (Class.name !== name) wrong.push(`${name} is called ${Class.name}`);
      if (Object.prototype.toString.call(Class.prototype) !== `[object ${name}]`) {
        wrong.push(`the tag of ${name}`);
      }
      try {
        (Class as unknown as () => unknown)();
        wrong.push(`${name} without new`);
      } catch (error) {
        if (!(error instanceof TypeError)) wrong.push(`${name} without new: ${error}`);
      }
      for (const key of Object.getOwnPropertyNames(Class.prototype)) {
        const member = Object.getOwnPropertyDescriptor(Class.prototype, key)!;
        if (member.enumerable !== (key !== "constructor")) wrong.push(`${name}.${key}`);
        const fn = (member.value ?? member.get) as { name: string };
        if (key !== "constructor" && fn.name.replace("get ", "") !== key) {
          wrong.push(`${name}.${key} is called ${fn.name}`);
        }
      }
    }
    return [
      wrong,
      [ReadableStream, WritableStream, TransformStream, CompressionStream, CountQueuingStrategy]
        .map(({ length }) => length).join(),
      Object.getOwnPropertyNames(Object.getPrototypeOf(new ReadableStream().values())).join(),
    ];
  });
  assert.deepEqual(told, [[], "0,0,0,1,1", "next,return"]);
});

test("a stream can't leave its task, and the message says what can", async () => {
  const cases: readonly (readonly [code: string, told: RegExp])[] = [
    ["new ReadableStream()", /a ReadableStream can't be cloned; pass its chunks: await Array.from/],
    ["({ a: [new ReadableStream()] })", /result\.a\[0\]: a ReadableStream can't be cloned; pass/],
    ["class Own extends ReadableStream {} new Own()", /a ReadableStream can't be cloned; pass/],
    ["new WritableStream()", /a WritableStream can't be cloned; pass what is written to it/],
    ["new TextDecoderStream()", /a TextDecoderStream can't be cloned; pass the chunks/],
    ["new CompressionStream('gzip')", /a CompressionStream can't be cloned; pass the chunks/],
    ["new ReadableStream().getReader()", /a ReadableStreamDefaultReader can't be cloned/],
    ["structuredClone(new ReadableStream())", /a ReadableStream can't be cloned; pass its chunks/],
    ["new Blob([])", /a Blob can't be cloned; pass its bytes: await it.bytes\(\), and its type/],
    ["new URL('a:')", /a URL can't be cloned; pass its href/],
    ["(function* () {})()", /a Generator can't be cloned; pass its values: \[...it\]/],
  ];
  for (const [code, message] of cases) {
    await assert.rejects(Deferred.eval(code), { name: "DataCloneError", message });
  }
  const host = { take: (value: unknown) => void value };
  await assert.rejects(
    Deferred.eval("await take(new ReadableStream())", { host }),
    /a ReadableStream can't be cloned; pass its chunks/,
  );
});

test("a task that broke its own prototypes harms its own streams, and no next task's", async () => {
  await using pool = new DeferredPool({ maxThreads: 1 });
  const broken = pool.eval(`
    Promise.prototype.then = Array.prototype.push = Object.create = null;
    Object.defineProperty(Object.prototype, "then", { get() { return undefined; } });
    await Array.fromAsync(new Blob(["x"]).stream().pipeThrough(new CompressionStream("gzip")))`);
  await Promise.allSettled([broken]);
  const again = await pool.run(through, "gzip", true, [sample(10)]);
  assert.deepEqual(new Uint8Array(zlib.gunzipSync(again as Uint8Array)), sample(10));
});
