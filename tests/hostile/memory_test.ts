// deno-lint-ignore-file no-eval -- attacks
/** Memory bombs of every kind. The limit is 64 MiB; what a task can't have, the process never had. */
import { Deferred } from "../../mod.ts";
import { either, hostile, runsOutOfMemory, throws, timesOut } from "./hostile.ts";

/** Enough for a slow machine to fill the memory in; a bomb is to end by its memory. */
const options = { timeout: 20_000 };

hostile("memory bombs", {
  "an array": [
    () => {
      const all: unknown[] = [];
      for (;;) all.push(all.length);
    },
    runsOutOfMemory,
    options,
  ],
  "arrays in arrays": [
    () => {
      let all: unknown[] = [];
      for (;;) all = [all];
    },
    runsOutOfMemory,
    options,
  ],
  "one large array": [() => Array(2 ** 28).fill(0), runsOutOfMemory, options],
  "a sparse array made dense": [
    () => {
      const all: number[] = [];
      all.length = 2 ** 32 - 1;
      for (let i = 0;; i++) all[i] = i;
    },
    runsOutOfMemory,
    options,
  ],
  "Array.from": [() => Array.from({ length: 2 ** 31 }), runsOutOfMemory, options],
  "spread": [
    () => {
      let all = [0];
      for (;;) all = [...all, ...all];
    },
    runsOutOfMemory,
    options,
  ],
  "concat": [
    () => {
      let all: unknown[] = [0];
      for (;;) all = all.concat(all);
    },
    runsOutOfMemory,
    options,
  ],
  "arguments": [
    () => {
      const spread = (...all: number[]): unknown => spread(...all, ...all);
      return spread(1);
    },
    either(runsOutOfMemory, throws("RangeError")),
    options,
  ],
  "a string": [
    () => {
      let text = "x";
      for (;;) text += text;
    },
    throws("InternalError", /string too long/),
    options,
  ],
  "a rope, flattened": [
    () => {
      let text = "ab";
      for (let i = 0; i < 29; i++) text = `${text}c${text}`;
      return text.charCodeAt(0);
    },
    either(runsOutOfMemory, throws("RangeError", /string length/)),
    options,
  ],
  "many strings": [
    () => {
      const all: string[] = [];
      for (;;) all.push(`string ${all.length}`);
    },
    runsOutOfMemory,
    options,
  ],
  "repeat": [() => "x".repeat(2 ** 29), runsOutOfMemory, options],
  "padStart": [() => "".padStart(2 ** 29, "ab"), runsOutOfMemory, options],
  "replaceAll": [
    () => {
      let text = "aa";
      for (;;) text = text.replaceAll("a", "aaaa");
    },
    either(runsOutOfMemory, throws("RangeError")),
    options,
  ],
  "join": [() => Array(2 ** 16).fill("x".repeat(2 ** 12)).join(), runsOutOfMemory, options],
  "split": [() => "a".repeat(2 ** 24).split(""), runsOutOfMemory, options],
  "a template": [
    () => {
      let text = "x";
      for (;;) text = `${text}${text}${text}`.normalize();
    },
    either(runsOutOfMemory, throws("RangeError")),
    options,
  ],
  "an ArrayBuffer": [() => new ArrayBuffer(2 ** 30), runsOutOfMemory, options],
  "an ArrayBuffer of more than there is": [
    () => new ArrayBuffer(2 ** 40),
    either(runsOutOfMemory, throws("RangeError")),
    options,
  ],
  "ArrayBuffers": [
    () => {
      const all: ArrayBuffer[] = [];
      for (;;) all.push(new ArrayBuffer(2 ** 16));
    },
    runsOutOfMemory,
    options,
  ],
  "a resizable ArrayBuffer": [
    () => new ArrayBuffer(0, { maxByteLength: 2 ** 30 }).resize(2 ** 30),
    runsOutOfMemory,
    options,
  ],
  "an ArrayBuffer's transfer": [
    () => new ArrayBuffer(8).transfer(2 ** 30),
    runsOutOfMemory,
    options,
  ],
  "a SharedArrayBuffer": [() => new SharedArrayBuffer(2 ** 30), runsOutOfMemory, options],
  "SharedArrayBuffers": [
    () => {
      const all: unknown[] = [];
      for (;;) all.push(new SharedArrayBuffer(2 ** 16));
    },
    runsOutOfMemory,
    options,
  ],
  "buffers to transfer": [
    () => {
      const all = Array.from({ length: 2000 }, () => new Uint8Array(2 ** 16).fill(1));
      return Deferred.transfer(all, all.map((a) => a.buffer));
    },
    runsOutOfMemory,
    options,
  ],
  "typed arrays": [
    () => {
      const all: Float64Array[] = [];
      for (;;) all.push(new Float64Array(2 ** 14));
    },
    runsOutOfMemory,
    options,
  ],
  "a typed array's map": [
    () => {
      let all = new Uint8Array(2 ** 20);
      for (;;) all = new Uint8Array([...all, ...all]);
    },
    runsOutOfMemory,
    options,
  ],
  "a BigInt": [
    () => {
      let x = 2n;
      for (;;) x = x * x;
    },
    either(throws("RangeError"), runsOutOfMemory),
    options,
  ],
  "many BigInts": [
    () => {
      const all: bigint[] = [];
      for (let x = 1n << 8000n;; x++) all.push(x);
    },
    runsOutOfMemory,
    options,
  ],
  "a shift of a BigInt": [
    () => 1n << 1_000_000_000n,
    either(throws("RangeError"), runsOutOfMemory),
    options,
  ],
  "a Map": [
    () => {
      const map = new Map<number, object>();
      for (let i = 0;; i++) map.set(i, {});
    },
    runsOutOfMemory,
    options,
  ],
  "a Set": [
    () => {
      const set = new Set<string>();
      for (let i = 0;; i++) set.add(`k${i}`);
    },
    runsOutOfMemory,
    options,
  ],
  "a WeakMap": [
    () => {
      const map = new WeakMap<object, object>();
      const keys: object[] = [];
      for (;;) {
        const key = {};
        keys.push(key);
        map.set(key, { key });
      }
    },
    runsOutOfMemory,
    options,
  ],
  "properties": [
    () => {
      const all: Record<string, number> = {};
      for (let i = 0;; i++) all[`name ${i}`] = i;
    },
    runsOutOfMemory,
    options,
  ],
  "globals": [
    () => {
      for (let i = 0;; i++) (globalThis as Record<string, unknown>)[`name ${i}`] = i;
    },
    runsOutOfMemory,
    options,
  ],
  "symbols": [
    () => {
      const all: symbol[] = [];
      for (;;) all.push(Symbol(`symbol ${all.length}`));
    },
    runsOutOfMemory,
    options,
  ],
  "registered symbols": [
    () => {
      const all: symbol[] = [];
      for (;;) all.push(Symbol.for(`symbol ${all.length}`));
    },
    runsOutOfMemory,
    options,
  ],
  "closures": [
    () => {
      let last: unknown;
      for (;;) last = ((inner: unknown) => () => inner)(last);
    },
    runsOutOfMemory,
    options,
  ],
  "classes": [
    () => {
      const all: unknown[] = [];
      for (;;) {
        all.push(
          class {
            static x = 1;
          },
        );
      }
    },
    runsOutOfMemory,
    options,
  ],
  "promises": [
    () => {
      const all: unknown[] = [];
      for (;;) all.push(new Promise(() => {}).then(() => {}));
    },
    runsOutOfMemory,
    options,
  ],
  "jobs": [
    () => {
      for (;;) queueMicrotask(() => {});
    },
    runsOutOfMemory,
    options,
  ],
  "generators": [
    () => {
      const all: unknown[] = [];
      function* one(): Generator<number> {
        yield 1;
      }
      for (;;) {
        const it = one();
        it.next();
        all.push(it);
      }
    },
    runsOutOfMemory,
    options,
  ],
  "proxies": [
    () => {
      let last = {};
      for (;;) last = new Proxy(last, {});
    },
    runsOutOfMemory,
    options,
  ],
  "errors": [
    () => {
      let cause: unknown;
      for (;;) cause = new Error("again", { cause });
    },
    runsOutOfMemory,
    options,
  ],
  "bytecode": [
    () => {
      const all: unknown[] = [];
      for (;;) all.push(new Function(`return ${"1 + ".repeat(1000)}${all.length}`));
    },
    runsOutOfMemory,
    options,
  ],
  "source": [() => (0, eval)(`"${"x".repeat(2 ** 26)}"`), runsOutOfMemory, options],
  "a RegExp's program": [
    () => {
      const all: RegExp[] = [];
      for (;;) all.push(new RegExp(`(${"[a-z]|b{3}".repeat(200)})${all.length}`));
    },
    runsOutOfMemory,
    options,
  ],
  "a RegExp's counted loops": [
    () =>
      new RegExp(`${"(".repeat(20)}a${"){9999}".repeat(20)}`).test(
        "a".repeat(10_000),
      ),
    either(runsOutOfMemory, timesOut, throws("SyntaxError"), throws("RangeError")),
    { timeout: 30 },
  ],
  "a RegExp's backtracking stack": [
    () => /(?:a|b|c)*?d/.test("abc".repeat(2 ** 22)),
    either(runsOutOfMemory, timesOut),
    { timeout: 30 },
  ],
  "matches": [() => "ab".repeat(2 ** 22).match(/a/g), runsOutOfMemory, options],
  "JSON.parse": [() => JSON.parse(`[${"{},".repeat(2 ** 21)}0]`), runsOutOfMemory, options],
  "JSON.stringify": [
    () => {
      let all: unknown = ["x".repeat(100)];
      for (let i = 0; i < 24; i++) all = [all, all];
      return JSON.stringify(all);
    },
    runsOutOfMemory,
    options,
  ],
  "toJSON, ever deeper": [
    () => {
      const make = (): object => ({ toJSON: () => [make()] });
      return JSON.stringify(make());
    },
    either(throws("RangeError"), throws("TypeError"), runsOutOfMemory),
    options,
  ],
  "a result that is larger outside": [
    () => {
      let all: unknown = ["x".repeat(1000)];
      const parts: unknown[] = [];
      for (let i = 0; i < 100_000; i++) parts.push(["x".repeat(1000)][0]);
      all = parts;
      return all;
    },
    runsOutOfMemory,
    options,
  ],
  "one string many times in the result": [
    () => Array(300).fill("x".repeat(2 ** 20)),
    runsOutOfMemory,
    options,
  ],
  "a result of getters that make more": [
    () => {
      const make = (): object => ({
        get next() {
          return [make(), "x".repeat(2 ** 20)];
        },
      });
      return Array.from({ length: 1000 }, make);
    },
    either(runsOutOfMemory, throws("DataCloneError")),
    options,
  ],
  "an argument": [(text: string) => text.repeat(100).length, runsOutOfMemory, {
    ...options,
    args: ["x".repeat(2 ** 20)],
  }],
  "an argument that fills the realm": [(bytes: Uint8Array) => bytes.length, runsOutOfMemory, {
    ...options,
    memoryLimit: 8 * 2 ** 20,
    args: [new Uint8Array(16 * 2 ** 20)],
  }],
  "memory that is caught": [
    () => {
      const all: unknown[] = [];
      for (;;) {
        try {
          for (;;) all.push(new ArrayBuffer(2 ** 16));
        } catch {
          all.push("again");
        }
      }
    },
    runsOutOfMemory,
    options,
  ],
  "memory in finally": [
    () => {
      const all: unknown[] = [];
      try {
        for (;;) all.push({});
      } finally {
        for (;;) all.push({});
      }
    },
    runsOutOfMemory,
    options,
  ],
});
