// deno-lint-ignore-file no-eval -- attacks
/** Memory bombs of every kind. The limit is 64 MiB; what a task can't have, the process never had. */
import { either, hostile, runsOutOfMemory, throws, timesOut } from "./hostile.ts";

hostile("memory bombs", {
  "an array": [
    () => {
      const all: unknown[] = [];
      for (;;) all.push(all.length);
    },
    runsOutOfMemory,
  ],
  "arrays in arrays": [
    () => {
      let all: unknown[] = [];
      for (;;) all = [all];
    },
    runsOutOfMemory,
  ],
  "one large array": [() => Array(2 ** 28).fill(0), runsOutOfMemory],
  "a sparse array made dense": [
    () => {
      const all: number[] = [];
      all.length = 2 ** 32 - 1;
      for (let i = 0;; i++) all[i] = i;
    },
    runsOutOfMemory,
  ],
  "Array.from": [() => Array.from({ length: 2 ** 31 }), runsOutOfMemory],
  "spread": [
    () => {
      let all = [0];
      for (;;) all = [...all, ...all];
    },
    runsOutOfMemory,
  ],
  "concat": [
    () => {
      let all: unknown[] = [0];
      for (;;) all = all.concat(all);
    },
    runsOutOfMemory,
  ],
  "arguments": [
    () => {
      const spread = (...all: number[]): unknown => spread(...all, ...all);
      return spread(1);
    },
    either(runsOutOfMemory, throws("RangeError")),
  ],
  "a string": [
    () => {
      let text = "x";
      for (;;) text += text;
    },
    throws("InternalError", /string too long/),
  ],
  "a rope, flattened": [
    () => {
      let text = "ab";
      for (let i = 0; i < 29; i++) text = `${text}c${text}`;
      return text.charCodeAt(0);
    },
    either(runsOutOfMemory, throws("RangeError", /string length/)),
  ],
  "many strings": [
    () => {
      const all: string[] = [];
      for (;;) all.push(`string ${all.length}`);
    },
    runsOutOfMemory,
  ],
  "repeat": [() => "x".repeat(2 ** 29), runsOutOfMemory],
  "padStart": [() => "".padStart(2 ** 29, "ab"), runsOutOfMemory],
  "replaceAll": [
    () => {
      let text = "aa";
      for (;;) text = text.replaceAll("a", "aaaa");
    },
    either(runsOutOfMemory, throws("RangeError")),
  ],
  "join": [() => Array(2 ** 16).fill("x".repeat(2 ** 12)).join(), runsOutOfMemory],
  "split": [() => "a".repeat(2 ** 24).split(""), runsOutOfMemory],
  "a template": [
    () => {
      let text = "x";
      for (;;) text = `${text}${text}${text}`.normalize();
    },
    either(runsOutOfMemory, throws("RangeError")),
  ],
  "an ArrayBuffer": [() => new ArrayBuffer(2 ** 30), runsOutOfMemory],
  "an ArrayBuffer of more than there is": [
    () => new ArrayBuffer(2 ** 40),
    either(runsOutOfMemory, throws("RangeError")),
  ],
  "ArrayBuffers": [
    () => {
      const all: ArrayBuffer[] = [];
      for (;;) all.push(new ArrayBuffer(2 ** 16));
    },
    runsOutOfMemory,
  ],
  "a resizable ArrayBuffer": [
    () => new ArrayBuffer(0, { maxByteLength: 2 ** 30 }).resize(2 ** 30),
    runsOutOfMemory,
  ],
  "an ArrayBuffer's transfer": [
    () => new ArrayBuffer(8).transfer(2 ** 30),
    runsOutOfMemory,
  ],
  "a SharedArrayBuffer": [() => new SharedArrayBuffer(2 ** 30), runsOutOfMemory],
  "SharedArrayBuffers": [
    () => {
      const all: unknown[] = [];
      for (;;) all.push(new SharedArrayBuffer(2 ** 16));
    },
    runsOutOfMemory,
  ],
  "buffers to return": [
    () => Array.from({ length: 200 }, () => new Uint8Array(2 ** 20).fill(1)),
    runsOutOfMemory,
  ],
  "typed arrays": [
    () => {
      const all: Float64Array[] = [];
      for (;;) all.push(new Float64Array(2 ** 14));
    },
    runsOutOfMemory,
  ],
  "a typed array's map": [
    () => {
      let all = new Uint8Array(2 ** 20);
      for (;;) all = new Uint8Array([...all, ...all]);
    },
    runsOutOfMemory,
  ],
  "a BigInt": [
    () => {
      let x = 2n;
      for (;;) x = x * x;
    },
    either(throws("RangeError"), runsOutOfMemory),
  ],
  "many BigInts": [
    () => {
      const all: bigint[] = [];
      for (let x = 1n << 8000n;; x++) all.push(x);
    },
    runsOutOfMemory,
  ],
  "a shift of a BigInt": [
    () => 1n << 1_000_000_000n,
    either(throws("RangeError"), runsOutOfMemory),
  ],
  "a Map": [
    () => {
      const map = new Map<number, object>();
      for (let i = 0;; i++) map.set(i, {});
    },
    runsOutOfMemory,
  ],
  "a Set": [
    () => {
      const set = new Set<string>();
      for (let i = 0;; i++) set.add(`k${i}`);
    },
    runsOutOfMemory,
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
  ],
  "properties": [
    () => {
      const all: Record<string, number> = {};
      for (let i = 0;; i++) all[`name ${i}`] = i;
    },
    runsOutOfMemory,
  ],
  "globals": [
    () => {
      for (let i = 0;; i++) (globalThis as Record<string, unknown>)[`name ${i}`] = i;
    },
    runsOutOfMemory,
  ],
  "symbols": [
    () => {
      const all: symbol[] = [];
      for (;;) all.push(Symbol(`symbol ${all.length}`));
    },
    runsOutOfMemory,
  ],
  "registered symbols": [
    () => {
      const all: symbol[] = [];
      for (;;) all.push(Symbol.for(`symbol ${all.length}`));
    },
    runsOutOfMemory,
  ],
  "closures": [
    () => {
      let last: unknown;
      for (;;) last = ((inner: unknown) => () => inner)(last);
    },
    runsOutOfMemory,
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
  ],
  "promises": [
    () => {
      const all: unknown[] = [];
      for (;;) all.push(new Promise(() => {}).then(() => {}));
    },
    runsOutOfMemory,
  ],
  "jobs": [
    () => {
      for (;;) queueMicrotask(() => {});
    },
    runsOutOfMemory,
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
  ],
  "proxies": [
    () => {
      let last = {};
      for (;;) last = new Proxy(last, {});
    },
    runsOutOfMemory,
  ],
  "errors": [
    () => {
      let cause: unknown;
      for (;;) cause = new Error("again", { cause });
    },
    runsOutOfMemory,
  ],
  "bytecode": [
    () => {
      const all: unknown[] = [];
      for (;;) all.push(new Function(`return ${"1 + ".repeat(1000)}${all.length}`));
    },
    runsOutOfMemory,
  ],
  "source": [() => (0, eval)(`"${"x".repeat(2 ** 26)}"`), runsOutOfMemory],
  "a RegExp's program": [
    () => {
      const all: RegExp[] = [];
      for (;;) all.push(new RegExp(`(${"[a-z]|b{3}".repeat(200)})${all.length}`));
    },
    runsOutOfMemory,
  ],
  "a RegExp's counted loops": [
    () =>
      new RegExp(`${"(".repeat(20)}a${"){9999}".repeat(20)}`).test(
        "a".repeat(10_000),
      ),
    either(runsOutOfMemory, timesOut, throws("SyntaxError"), throws("RangeError")),
  ],
  "a RegExp's backtracking stack": [
    () => /(?:a|b|c)*?d/.test("abc".repeat(2 ** 22)),
    either(runsOutOfMemory, timesOut),
  ],
  "matches": [() => "ab".repeat(2 ** 22).match(/a/g), runsOutOfMemory],
  "JSON.parse": [() => JSON.parse(`[${"{},".repeat(2 ** 21)}0]`), runsOutOfMemory],
  "JSON.stringify": [
    () => {
      let all: unknown = ["x".repeat(100)];
      for (let i = 0; i < 24; i++) all = [all, all];
      return JSON.stringify(all);
    },
    runsOutOfMemory,
  ],
  "toJSON, ever deeper": [
    () => {
      const make = (): object => ({ toJSON: () => [make()] });
      return JSON.stringify(make());
    },
    either(throws("RangeError"), throws("TypeError"), runsOutOfMemory),
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
  ],
  "one string many times in the result": [
    () => Array(300).fill("x".repeat(2 ** 20)),
    runsOutOfMemory,
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
  ],
  "an argument": [(text: string) => text.repeat(100).length, runsOutOfMemory, {
    args: ["x".repeat(2 ** 20)],
  }],
  "an argument that fills the realm": [(text: string) => text.length, runsOutOfMemory, {
    memoryLimit: 8 * 2 ** 20,
    args: ["x".repeat(16 * 2 ** 20)],
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
  ],
});
