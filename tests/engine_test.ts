/**
 * What our copy of the engine does as the standard says, where upstream's does not: the tests of
 * the edits in engine/edits/. Values that the standard fixes are compared with it, others
 * with the host's.
 *
 * The functions below run in tasks and, most of them, in the host, too: they use nothing from
 * around them.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Deferred, DeferredPool } from "../mod.ts";
import { assertLinear } from "./support/measure.ts";
import { outputOf } from "./support/process.ts";

/** What `work` gives in a task is what it gives in the host. */
async function asInTheHost(work: () => unknown): Promise<void> {
  assert.deepEqual(await Deferred.run(work), await work());
}

describe("local time", () => {
  /**
   * Local times around each change of clocks since 1970, one row for each: the instant, the offsets
   * before and after, and what local times half an hour apart come to by each way of naming them.
   */
  function changesOfClocks(): string[] {
    const hour = 3_600_000;
    const day = 24 * hour;
    const offset = (t: number) => new Date(t).getTimezoneOffset();
    const rows: string[] = [];
    const end = Date.UTC(2040, 0);
    for (let t = 0; t < end; t += 3 * day) {
      const [before, after] = [offset(t), offset(t + 3 * day)];
      if (before === after) continue;
      let [low, high] = [t, t + 3 * day];
      while (high - low > 1000) {
        const middle = Math.floor((low + high) / 2000) * 1000;
        if (offset(middle) === before) low = middle;
        else high = middle;
      }
      const found: number[] = [];
      for (let i = -60; i <= 60; i++) {
        const d = new Date(high + i * hour / 2);
        const [year, month, date] = [d.getFullYear(), d.getMonth(), d.getDate()];
        const [hours, minutes, seconds] = [d.getHours(), d.getMinutes(), d.getSeconds()];
        for (const more of [-60, -30, 0, 30, 60]) {
          found.push(new Date(year, month, date, hours, minutes + more, seconds).getTime() - high);
        }
        found.push(new Date(high).setHours(hours, minutes) - high);
        found.push(new Date(high + i * hour / 2).setMinutes(minutes + 45) - high);
        found.push(new Date(high + i * hour / 2).setDate(date + 1) - high);
        const text = new Date(Date.UTC(year, month, date, hours, minutes)).toISOString();
        found.push(Date.parse(text.slice(0, 16)) - high);
      }
      rows.push(`${new Date(high).toISOString()} ${before} ${after}: ${found.join(" ")}`);
    }
    return rows;
  }

  const zones: Record<string, number> = {
    "America/New_York": 140,
    "America/St_Johns": 140,
    "Europe/Berlin": 120,
    "Australia/Lord_Howe": 110,
    "Pacific/Apia": 20,
    "Africa/Casablanca": 60,
    "Asia/Kolkata": 0,
    "UTC": 0,
  };
  for (const [zone, least] of Object.entries(zones)) {
    test(`around each change of clocks is the host's in ${zone}`, async () => {
      const program = `const changes = ${changesOfClocks};
        console.log(JSON.stringify([changes(), await Deferred.run(changes)]));`;
      const [host, task] = JSON.parse(await outputOf(program, { env: { TZ: zone } }));
      // The host brings zones of its own, the task has the system's: what both know is compared.
      const key = (row: string) => row.slice(0, row.indexOf(":", 24));
      const known = new Map(host.map((row: string) => [key(row), row]));
      const shared = task.filter((row: string) => known.has(key(row)));
      assert.ok(
        shared.length >= least,
        `${shared.length} of ${task.length} changes are the host's`,
      );
      for (const row of shared) assert.equal(row, known.get(key(row)));
    });
  }

  test("knows offsets of seconds, and rounds times before 1970 down", async () => {
    const work = () => [
      new Date(1880, 0, 1).getTime(),
      new Date(1880, 0, 1).getSeconds(),
      new Date(1880, 0, 1).getTimezoneOffset(),
      // The last millisecond of the hour before the clocks went forward in 1969.
      new Date(Date.UTC(1969, 3, 27, 7) - 1).getHours(),
    ];
    const program = `console.log(JSON.stringify(await Deferred.run(${work})));`;
    const text = await outputOf(program, { env: { TZ: "America/New_York" } });
    assert.deepEqual(JSON.parse(text), [-2840123038000, 0, 296, 1]);
  });

  test("follows process.env.TZ, whatever the runtime makes of it", async () => {
    const zones = [
      ...["Asia/Kolkata", "America/New_York", "Europe/Berlin", "Nonsense/Zone", "UTC+3", ""],
      ...[undefined, "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Apia", "UTC"],
    ];
    const work = () =>
      [0, 1e12, 1.72e12].map((time) => new Date(time).getTimezoneOffset()).join(" ");
    const program = `
      const work = ${work}, rows = [];
      for (const zone of ${JSON.stringify(zones)}) {
        if (zone === null) delete process.env.TZ;
        else process.env.TZ = zone;
        rows.push([work(), await Deferred.run(work)]);
      }
      // What stands in for the environment has no say, the runtime's own object has.
      const { env } = process;
      process.env = undefined;
      rows.push([work(), await Deferred.run(work)]);
      env.TZ = "Asia/Kathmandu";
      rows.push([work(), await Deferred.run(work)]);
      console.log(JSON.stringify(rows));`;
    const rows: [string, string][] = JSON.parse(
      await outputOf(program, { env: { TZ: "America/Caracas" } }),
    );
    for (const [host, task] of rows) assert.equal(task, host);
    assert.equal(rows[0]![1], "-330 -330 -330");
    assert.ok(new Set(rows.map(([host]) => host)).size >= 6, JSON.stringify(rows));
  });

  test("have the zone that was named where the system has none of its own", async () => {
    const work = () => [
      new Date(Date.UTC(2026, 6, 1)).getTimezoneOffset(),
      new Date(2026, 0, 1).getTimezoneOffset(),
      new Date(1950, 0, 1).getTimezoneOffset(),
      new Intl.DateTimeFormat().resolvedOptions().timeZone,
    ];
    const program = `const work = ${work};
      console.log(JSON.stringify([work(), await Deferred.run(work)]));`;
    for (const TZ of ["Europe/Berlin", "America/St_Johns", "UTC", "Africa/Abidjan"]) {
      // Where libc looks for zones; the hosts bring theirs.
      const env = { TZ, TZDIR: "/nowhere" };
      const [host, task] = JSON.parse(await outputOf(program, { env }));
      assert.deepEqual(task, host);
    }
  });

  test("a zone that the host changed is named by one that has the same times", async () => {
    const work = () => {
      const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
      return [0, 1e12, 1.72e12].map((ms) => {
        const fields = new Date(ms);
        const text = new Intl.DateTimeFormat("sv", { timeZone, timeStyle: "short" }).format(ms);
        const [hour, minute] = text.split(":").map(Number);
        return [fields.getHours() === hour, fields.getMinutes() === minute];
      }).flat();
    };
    const program = `const work = ${work}; await Deferred.run(work);
      const rows = [];
      for (const zone of ["Asia/Kolkata", "America/New_York", "Asia/Kathmandu"]) {
        process.env.TZ = zone;
        rows.push(...await Deferred.run(work));
      }
      console.log(JSON.stringify(rows));`;
    const rows = JSON.parse(await outputOf(program, { env: { TZ: "America/Caracas" } }));
    assert.equal(rows.length, 18);
    assert.ok(rows.every(Boolean), JSON.stringify(rows));
  });

  test("a Date's setters make it invalid for what is no finite number", () =>
    asInTheHost(() => {
      const seen: string[] = [];
      const setters = [
        "Milliseconds",
        "Seconds",
        "Minutes",
        "Hours",
        "Date",
        "Month",
        "FullYear",
        "Year",
        "Time",
      ];
      for (const name of setters.flatMap((name) => [`set${name}`, `setUTC${name}`])) {
        const set = (Date.prototype as unknown as Record<string, unknown>)[name];
        if (typeof set !== "function") continue;
        for (const odd of [NaN, undefined, Infinity, -Infinity, "x", {}, null, "", true]) {
          for (let at = 0; at < Math.max(1, set.length); at++) {
            for (const start of [Date.UTC(2020, 1, 29, 12), NaN]) {
              const date = new Date(start);
              const args: unknown[] = Array(set.length || 1).fill(1);
              args[at] = odd;
              const result = set.apply(date, args);
              seen.push(`${name} ${at} ${odd}: ${result} ${date.getTime()}`);
            }
          }
        }
        const date = new Date(0);
        seen.push(`${name}(): ${set.call(date)} ${date.getTime()}`);
      }
      return seen;
    }));
});

describe("numbers", () => {
  test("BigInts are read from decimal digits of any number", () =>
    asInTheHost(() => {
      const texts = ["0", "-0", "00012", `${2n ** 64n - 1n}`, `${2n ** 64n}`, `-${2n ** 63n}`];
      let seed = 7;
      for (let n = 1; n < 400; n++) {
        let text = n % 3 === 0 ? "-" : "";
        for (let i = 0; i < n; i++) text += (seed = seed * 48271 % 2147483647) % 10;
        texts.push(text, `${n % 9 + 1}${"0".repeat(n)}`, "9".repeat(n));
      }
      return texts.map((text) => [BigInt(text), BigInt(text) % 1_000_003n, `${BigInt(text)}`]);
    }));

  test("300,000 digits are read sooner than two numbers of half of them are multiplied", async () => {
    const [read, multiplied] = await Deferred.run(() => {
      const time = (work: () => unknown): number => {
        const times = [1, 2, 3].map(() => {
          const started = performance.now();
          work();
          return performance.now() - started;
        });
        return Math.min(...times);
      };
      const half = BigInt("7".repeat(150_000));
      const digits = "7".repeat(300_000);
      return [time(() => BigInt(digits)), time(() => half * half)] as const;
    });
    assert.ok(read < 0.9 * multiplied, `${read} ms, ${multiplied} ms`);
  });

  test("each BigInt compares with each number as their values do", () =>
    asInTheHost(() => {
      const bigints: bigint[] = [];
      const numbers = [0, -0, NaN, Infinity, -Infinity, 0.5, -0.5, 5e-324, -3.5, 1.5, 2 ** 1023];
      for (const bits of [0, 1, 2, 5, 31, 32, 33, 52, 53, 54, 62, 63, 64, 65, 128, 1023, 1024]) {
        for (const more of [-1n, 0n, 1n]) {
          const value = (1n << BigInt(bits)) + more;
          bigints.push(value, -value);
          numbers.push(Number(value), -Number(value), Number(value) / 3, -Number(value) - 0.5);
        }
      }
      let hash = 0;
      const wrong: string[] = [];
      for (const a of bigints) {
        for (const b of numbers) {
          const told = [a < b, a <= b, a > b, a >= b, b < a, b <= a, b > a, b >= a];
          // deno-lint-ignore eqeqeq -- it is what is tested
          told.push(a == (b as unknown), (b as unknown) == a);
          for (const bit of told) hash = (Math.imul(hash, 31) + (bit ? 1 : 2)) | 0;
          if (Number.isInteger(b)) {
            const exact = BigInt(b);
            if ((a < exact) !== (a < b) || (a > exact) !== (a > b)) wrong.push(`${a} ${b}`);
          }
        }
      }
      return [wrong, hash, -5n < -3.5, -2n > -1e300];
    }));

  test("become the shortest text that reads back, in every form", () =>
    asInTheHost(() => {
      const bits = new BigUint64Array(1);
      const number = new Float64Array(bits.buffer);
      let state = 88172645463325252n;
      const random = () => {
        state ^= (state << 13n) & 0xffffffffffffffffn;
        state ^= state >> 7n;
        state ^= (state << 17n) & 0xffffffffffffffffn;
        return state;
      };
      const all: number[] = [];
      for (let e = -1074; e < 1024; e++) {
        for (const by of [1, 3, -5]) all.push(by * 2 ** e);
      }
      for (let i = 0; i < 1000; i++) {
        bits[0] = random();
        all.push(number[0]);
        bits[0] = random() & 0xfffffffffffffn; // subnormal
        all.push(number[0]);
        all.push(Number(random() % 1_000_000_000n) / 1000);
      }
      const texts = all.map((n, i) => {
        const digits = i % 101;
        return [n, n.toFixed(digits % 21), n.toPrecision(digits || 1), n.toExponential(digits % 30)]
          .join();
      });
      return [all.filter((n) => Number(String(n)) !== n && n === n), texts];
    }));
});

describe("objects and arrays", () => {
  test("a typed array has no property whose name is a number, nor gives one to what inherits from it", async () => {
    const indices = ["NaN", "Infinity", "-Infinity", "-0", "1.5", "-1", "99"];
    const names = ["1e3", "+1", "nan", "NaNs"];
    const seen = await Deferred.run((keys: string[]) =>
      keys.map((key) => {
        const heir = Object.create(new Int32Array(2));
        heir[key] = 3;
        const own = new Int32Array(2) as unknown as Record<string, unknown>;
        own[key] = 3;
        const isSet = Reflect.set({}, key, 1, own), isMade = Reflect.defineProperty(own, key, {});
        return [Object.keys(heir), Object.keys(own), key in own, isSet, isMade, own[key]];
      }), [...indices, ...names]);
    assert.deepEqual(seen, [
      ...indices.map(() => [[], ["0", "1"], false, false, false, undefined]),
      ...names.map((name) => [[name], ["0", "1", name], true, true, true, 1]),
    ]);
  });

  test("a binding of `with` that is gone is none of the typed array behind it", async () => {
    const gone = (mode: string) =>
      `const env = Object.create(new Int32Array(2));
      Object.defineProperty(env, "NaN", { configurable: true, writable: true, value: 1 });
      with (env) {
        (function () { ${mode}; NaN = (delete env.NaN, 0); })();
      }
      return Object.hasOwn(env, "NaN");`;
    assert.equal(await Deferred.eval(gone("")), false);
    await assert.rejects(Deferred.eval(gone('"use strict"')), ReferenceError);
  });

  test("spread copies what strings hold", async () => {
    const seen = await Deferred.run(() => [
      { ...("hi" as unknown as object) },
      { ...Object("hi") },
      { ..././ as unknown as object },
      {
        ...(1 as unknown as object),
        ...(null as unknown as object),
        ...(undefined as unknown as object),
        ...(true as unknown as object),
      },
      { ...new Uint8Array([1, 2]) },
      Object.keys({ ...(Object.assign([1], { a: 2 }) as object) }),
      (({ length: _, ...rest }: { length: number }) => rest)("ab"),
    ]);
    const pair = { 0: "h", 1: "i" };
    assert.deepEqual(seen, [pair, pair, {}, {}, { 0: 1, 1: 2 }, ["0", "a"], { 0: "a", 1: "b" }]);
  });

  test("a DOMException is an error", async () => {
    const told = await Deferred.run(() => {
      const { isError } = Error as unknown as { isError(value: unknown): boolean };
      const like = Object.create(DOMException.prototype);
      return [new DOMException(), new TypeError(), like, {}, null].map(isError).join();
    });
    assert.equal(told, "true,true,false,false,false");
  });

  test("a shorter array has nothing behind its end", async () => {
    const work = () => {
      const left: string[] = [];
      for (let size = 1; size < 200; size += 3) {
        for (const length of [0, 1, 2, 7, 64]) {
          for (const hole of [0, 300, 100_000]) {
            const array: unknown[] = Array.from({ length: size }, (_, i) => i);
            Object.defineProperty(array, 0, { get: () => 1, configurable: true });
            array[size + hole] = 1;
            for (let i = 1; i < size; i += 2) delete array[i];
            array.length = length;
            const behind = Object.getOwnPropertyNames(array).filter((key) => Number(key) >= length);
            if (behind.length > 0) left.push(`${size} ${length} ${hole}: ${behind}`);
          }
        }
      }
      return left;
    };
    assert.deepEqual(await Deferred.run(work), work());
  });

  test("an index that can't be defined leaves an array's length alone", async () => {
    const work = () => {
      const sealed = Object.seal([1]);
      const far = Object.preventExtensions([1]);
      return [
        Reflect.defineProperty(sealed, 1, { value: 2 }),
        sealed.length,
        Reflect.defineProperty(far, 7, { get: () => 1 }),
        far.length,
      ];
    };
    assert.deepEqual(await Deferred.run(work), [false, 1, false, 1]);
  });

  test("builtins fill arrays without regard to Array.prototype", async () => {
    const work = () => {
      const seen: unknown[] = [];
      const called: number[] = [];
      for (const at of [0, 1]) {
        Object.defineProperty(Array.prototype, at, {
          configurable: true,
          get: () => "inherited",
          set: () => Object.defineProperty(called, 0, { value: (called[0] ?? 0) + 1 }),
        });
        const results = [
          Reflect.apply(Array, undefined, [7, 8]),
          Reflect.construct(Array, ["a"]),
          "aXbX".match(/X/g),
          Object.groupBy([1, 2, 3], () => "all").all,
          Map.groupBy([1, 2, 3], () => "all").get("all"),
        ];
        const text = JSON.stringify({ a: { b: [1, { c: 2 }] }, d: 3 }, ["a", "d", "b"]);
        delete Array.prototype[at];
        seen[seen.length] = results.map((list) => Object.entries(list!).join(" "));
        seen[seen.length] = text;
      }
      return [called.length, ...seen];
    };
    const lists = ["0,7 1,8", "0,a", "0,X 1,X", "0,1 1,2 2,3", "0,1 1,2 2,3"];
    const text = '{"a":{"b":[1,{}]},"d":3}';
    assert.deepEqual(await Deferred.run(work), [0, lists, text, lists, text]);
  });

  test("sort writes each element, also those that stay", async () => {
    const work = () => {
      const errors: string[] = [];
      const guarded = [1, 2];
      const written: number[] = [];
      Object.defineProperty(guarded, 0, { get: () => 1, set: (value) => void written.push(value) });
      guarded.sort();
      const readOnly = [1, 2];
      Object.defineProperty(readOnly, 0, { get: () => 1 });
      for (const list of [readOnly, Object.freeze([1, 2])]) {
        try {
          (list as number[]).sort();
        } catch (error) {
          errors.push((error as Error).name);
        }
      }
      const changing = [1, 2, 3];
      changing.sort((a, b) => (changing.fill(9), a - b));
      return [written, errors, changing];
    };
    assert.deepEqual(await Deferred.run(work), [[1], ["TypeError", "TypeError"], [1, 2, 3]]);
  });
});

describe("what the sweep of all builtins found", () => {
  test("lastIndexOf finds negative bytes", async () => {
    const work = () => [
      new Int8Array([-1, 2, -1]).lastIndexOf(-1),
      new Int8Array([-1, 2, -1]).lastIndexOf(-1, 1),
      new Uint8Array([255]).lastIndexOf(-1),
    ];
    assert.deepEqual(await Deferred.run(work), [2, 0, -1]);
  });

  test("a length that is negative is none", async () => {
    const work = () => [
      Array.prototype.keys.call({ length: -1 } as never).next().done,
      Reflect.apply((...list: unknown[]) => list.length, undefined, { length: -1 }),
    ];
    assert.deepEqual(await Deferred.run(work), [true, 0]);
  });

  test("buffers: a detached one has no maximum; lengths are checked in the standard's order", async () => {
    const work = () => {
      const failure = (call: () => unknown) => {
        try {
          return call();
        } catch (error) {
          return (error as Error).name;
        }
      };
      const detached = new ArrayBuffer(4, { maxByteLength: 8 });
      detached.transfer();
      const buffer = new ArrayBuffer(4, { maxByteLength: 8 });
      const hostile = {
        valueOf() {
          throw new EvalError();
        },
      } as unknown as number;
      const shrunken = new ArrayBuffer(8, { maxByteLength: 8 });
      const view = new Uint16Array(shrunken, 2, 2);
      shrunken.resize(2);
      return [
        detached.maxByteLength,
        failure(() => buffer.transfer(9)),
        failure(() => buffer.resize(2 ** 64)),
        buffer.byteLength,
        failure(() => new ArrayBuffer(4).resize(hostile)),
        failure(() => Atomics.load(view, 100)),
      ];
    };
    const expected = [0, "RangeError", "RangeError", 4, "TypeError", "TypeError"];
    assert.deepEqual(await Deferred.run(work), expected);
  });

  test("dates convert all their arguments", async () => {
    const work = () => {
      const seen: string[] = [];
      const late = { valueOf: () => seen.push("asked") } as unknown as number;
      return [Date.UTC(NaN, late), new Date(NaN, late, Infinity, late).getTime(), seen.length];
    };
    assert.deepEqual(await Deferred.run(work), [NaN, NaN, 3]);
  });

  test("copying methods of arrays read what a proxy has, whatever it says", async () => {
    const work = () => {
      const list = new Proxy([5, 6], { has: () => false });
      return [list.toSpliced(1, 0), list.toReversed(), list.toSorted(), list.with(0, 7)];
    };
    assert.deepEqual(await Deferred.run(work), [[5, 6], [6, 5], [5, 6], [7, 6]]);
  });

  test("take and drop have no upper limit, and disposing gives nothing", async () => {
    const work = () => [
      [1, 2].values().take(2 ** 60).toArray(),
      [1, 2].values().drop(1e300).toArray(),
      ([1, 2].values().map((x) => x) as unknown as Disposable)[Symbol.dispose]() === undefined,
    ];
    assert.deepEqual(await Deferred.run(work), [[1, 2], [], true]);
  });

  test("isSealed and isFrozen ask no more than whether an object can be extended", async () => {
    const work = () => {
      const hostile = new Proxy({}, {
        ownKeys() {
          throw new EvalError();
        },
      });
      return [Object.isSealed(hostile), Object.isFrozen(hostile)];
    };
    assert.deepEqual(await Deferred.run(work), [false, false]);
  });
});

describe("strings and regular expressions", () => {
  test("methods that write an attribute take any value for it", async () => {
    const work = () => {
      const text = "x" as unknown as Record<string, (value?: unknown) => string>;
      return ["anchor", "fontcolor", "fontsize", "link"].flatMap((name) => [
        text[name](),
        text[name](null),
        text[name]('"'),
      ]);
    };
    const tags = [["a", "name"], ["font", "color"], ["font", "size"], ["a", "href"]];
    const expected = tags.flatMap(([tag, attribute]) =>
      ["undefined", "null", "&quot;"].map((value) => `<${tag} ${attribute}="${value}">x</${tag}>`)
    );
    assert.deepEqual(await Deferred.run(work), expected);
  });

  test("RegExp.escape escapes what the standard says", async () => {
    const work = () => {
      const escape = (RegExp as unknown as { escape(text: string): string }).escape;
      const as: Record<string, number[]> = {};
      for (let code = 0; code < 0x10000; code++) {
        const text = String.fromCharCode(code);
        const escaped = escape(`_${text}`).slice(1);
        const kind = escaped === text
          ? "itself"
          : escaped === `\\${text}`
          ? "with a backslash"
          : escaped === `\\x${code.toString(16).padStart(2, "0")}`
          ? "in two digits"
          : escaped === `\\u${code.toString(16).padStart(4, "0")}`
          ? "in four digits"
          : escaped;
        if (kind !== "itself") (as[kind] ??= []).push(code);
      }
      return [as, escape("😀a"), escape("a9"), escape("9a"), escape("éa")];
    };
    const codes = (text: string) => Array.from(text, (c) => c.charCodeAt(0)).sort((a, b) => a - b);
    const span = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, i) => from + i);
    assert.deepEqual(await Deferred.run(work), [
      {
        "\\t": [9],
        "\\n": [10],
        "\\v": [11],
        "\\f": [12],
        "\\r": [13],
        "with a backslash": codes("^$\\.*+?()[]{}|/"),
        "in two digits": codes(" \u00a0,-=<>#&!%:;@~'`\""),
        "in four digits": [
          0x1680,
          ...span(0x2000, 0x200a),
          0x2028,
          0x2029,
          0x202f,
          0x205f,
          0x3000,
          ...span(0xd800, 0xdfff),
          0xfeff,
        ],
      },
      "😀a",
      "\\x619",
      "\\x39a",
      "éa",
    ]);
  });

  test("an expression may have thousands of groups and alternatives", async () => {
    const work = () => {
      const groups = new RegExp("(.)".repeat(300) + "\\300\\299").exec("abc".repeat(100) + "cb");
      const alternatives = Array.from({ length: 300 }, (_, i) => `(?<name>x${i};)`).join("|");
      const named = new RegExp(`(?:${alternatives})\\k<name>`).exec("x299;x299;");
      const reset = new RegExp(`(?:${"(a)?".repeat(300)}(b))+\\301`).exec("aabbb");
      return [
        groups?.length,
        groups?.[300],
        named?.groups?.name,
        reset?.[0],
        reset?.[1],
        new RegExp("()".repeat(30_000)).exec("")?.length,
      ];
    };
    assert.deepEqual(await Deferred.run(work), [
      301,
      "c",
      "x299;",
      "aabbb",
      undefined,
      30_001,
    ]);
  });

  test("a name may be given twice only where one of both groups can match", async () => {
    const work = () => {
      const sources = [
        "(?<a>x)|(?<a>y)",
        "(?:(?<a>x)|(?<b>y))|(?<b>z)",
        "(?:(?<a>x)|(?<a>y))|(?<a>z)",
        "(?:(?<a>x)|y)(?<a>z)",
        "(?:(?<a>x)|(?<b>y))(?<b>z)",
        "((?<a>x)|(?<b>y)|(?<a>q))(?:(?<c>d)|(?<a>e))",
        "(?<a>x|(?<a>y))",
      ];
      return sources.map((source) => {
        try {
          return new RegExp(source).source === source;
        } catch (error) {
          return (error as Error).name;
        }
      });
    };
    const error = "SyntaxError";
    assert.deepEqual(await Deferred.run(work), [true, true, true, error, error, error, error]);
  });
});

describe("regular expressions with the flag v", () => {
  test("take anywhere but in a class what may not stand in one", async () => {
    const work = () => [/-a--/v.test("-a--"), /::&&!!,,;;/v.test("::&&!!,,;;"), /<=>~~@@/v.source];
    assert.deepEqual(await Deferred.run(work), [true, true, "<=>~~@@"]);
  });

  test("read the strings of a class backwards in a lookbehind", async () => {
    const work = () =>
      [
        /(?<=([\q{ab}]))c/v,
        /(?<=^([\q{b|ab|ba|\u{1f600}x}]+))c/v,
        /(?<=([\q{abc|}]))c/v,
        /(?<=^(\p{RGI_Emoji}b))c/v,
        /(?<![\q{ab}c])c/v,
      ].map((pattern) =>
        ["abc", "abbab\u{1f600}xc", "ccc", "\u{1f468}\u200d\u{1f469}\u200d\u{1f466}bc"].map(
          (text) => pattern.exec(text)?.[1] ?? pattern.test(text),
        )
      );
    const family = "\u{1f468}\u200d\u{1f469}\u200d\u{1f466}b";
    assert.deepEqual(await Deferred.run(work), [
      ["ab", false, false, false],
      ["ab", "abbab\u{1f600}x", false, false],
      ["", "", "", ""],
      [false, false, false, family],
      [false, true, true, true],
    ]);
  });

  test("know by its syntax whether a class may contain strings", async () => {
    const work = () =>
      [
        "[^\\q{ab}--\\q{ab}]",
        "[^\\q{ab|a}&&a]",
        "[^\\q{ab|a}&&\\q{ab|a}]",
        "[^\\q{ab}&&\\q{cd}]",
        "[^a--\\q{ab}]",
        "[^[\\q{ab}--\\q{ab}]]",
        "[^\\q{a|b}]",
        "[^\\q{}]",
        "[^[a\\q{ab}]&&[b\\q{ab}]&&c]",
      ].map((source) => {
        try {
          return new RegExp(source, "v").test("x");
        } catch (error) {
          return (error as Error).name;
        }
      });
    const wrong = "SyntaxError";
    const expected = [wrong, true, wrong, wrong, true, wrong, true, wrong, true];
    assert.deepEqual(await Deferred.run(work), expected);
  });
});

describe("syntax", () => {
  test("fields may be named get, set, static, async and prototype wherever", async () => {
    const work = () => {
      const seen: string[] = [];
      for (const name of ["get", "set", "async", "prototype", "static"]) {
        for (const line of ["\n*m() {}", "=1;*m() {}", "\n", "/*\n*/"]) {
          const Class = (0, eval)(`(class { ${name}${line} })`);
          const fields = Object.keys(new Class());
          seen.push(`${name}: ${[...fields, ...Object.getOwnPropertyNames(Class.prototype)]}`);
        }
      }
      return seen;
    };
    const fields = ["get", "set", "async", "prototype"].flatMap((name) => [
      `${name}: ${name},constructor,m`,
      `${name}: ${name},constructor,m`,
      `${name}: ${name},constructor`,
      `${name}: ${name},constructor`,
    ]);
    assert.deepEqual(await Deferred.run(work), [
      ...fields,
      "static: constructor", // and a static method
      "static: static,constructor,m",
      "static: static,constructor",
      "static: static,constructor",
    ]);
  });

  test("U+2028 and white space beyond ASCII count when the parser looks ahead", async () => {
    const work = () =>
      [
        "async/*\u2028*/\nx => 1",
        "async\u00a0x => 1",
        "class A { async\u2028m() {} }; Object.keys(new A()).join()",
        "class A { async/*\u2028*/m() {} }; Object.keys(new A()).join()",
        "for (var i\u2003of\u2003[1, 2]); i",
        "let\u00a0y = 2; y",
      ].map((source) => {
        try {
          return String((0, eval)(source));
        } catch (error) {
          return (error as Error).name;
        }
      });
    const told = await Deferred.run(work);
    assert.deepEqual(told, ["ReferenceError", "async\u00a0x => 1", "async", "async", "2", "2"]);
  });
});

describe("expressions", () => {
  test("a call may be assigned to in sloppy code, which fails when it comes to that", async () => {
    const early = "SyntaxError", late = "ReferenceError";
    const programs: [source: string, error: string, called: number][] = [
      ...["f() = g()", "f() += g()", "f() **= g()", "f()++", "--f()", "x = f() = g()"],
      ...["for (f() of [1, 2]);", "for (f() in { a: 1 });", "(f()) = g()", "o.f() = g()"],
      ...["o['f']() = g()", "f(...[]) = g()", "o.f(...[]) = g()", "eval('f()') = g()"],
      ...["f() = (() => { for (;;) if (x) return {}; })()", "for (f() = g(); ;);", "-f()--"],
    ].map((source): [string, string, number] => [source, late, 1]);
    programs.push(
      ["if (0) f() = g()", "", 0],
      ["async () = g()", late, 0],
      ["(async () => { for await (f() of []); })", "", 0],
    );
    const wrong = ["f() ||= 1", "f() &&= 1", "f() ??= 1", "[f()] = [1]", "({ a: f() } = {})"];
    wrong.push("f?.() = 1", "new f() = 1", "new f(...[]) = 1", "f`` = 1", "o.f`` = 1");
    wrong.push(
      "import('x') = 1",
      "(f() = 1) => 1",
      "delete f() = 1",
      "(1, f()) = 1",
      "f() + f() = 1",
    );
    for (const sloppy of ["f() = 1", "f()++", "for (f() of [1]);"]) {
      wrong.push(`"use strict"; ${sloppy}`);
    }
    for (const source of wrong) programs.push([source, early, 0]);
    const run = (sources: string[]) =>
      sources.map((source) => {
        let called = 0;
        const f = () => void called++;
        const g = () => called = 1000;
        try {
          new Function("f", "g", "o", "x", source)(f, g, { f }, 0);
          return [source, "", called];
        } catch (error) {
          return [source, (error as Error).name, called];
        }
      });
    assert.deepEqual(await Deferred.run(run, programs.map(([source]) => source)), programs);
  });

  test("a computed key is a key before its value is computed", async () => {
    const work = () => {
      const log: string[] = [];
      const key = { toString: () => (log.push("key"), "k") };
      const made = {
        [key as unknown as "k"]: log.push("value"),
        [1]: 2,
        [Symbol.iterator]: () => 3,
      };
      return [log, made.k, made[1], made[Symbol.iterator].name];
    };
    assert.deepEqual(await Deferred.run(work), [["key", "value"], 2, 2, "[Symbol.iterator]"]);
  });

  test("a private name may be looked for at the begin of a comparison", async () => {
    const source =
      `class A { #x; test(b) { return [#x in this in b, #x in b in b, #x in this <= 0] } }
      new A().test({ true: 1 })`;
    assert.deepEqual(await Deferred.eval(source), [true, false, false]);
  });
});

describe("names", () => {
  test("a function that is called `arguments`, in a block, gets out of it in sloppy code", async () => {
    const block = "{ function arguments() { return 1; } }";
    const cases = [
      `function () { ${block} SEEN }`,
      `function (x) { ${block} SEEN }`,
      `function (...x) { ${block} SEEN }`,
      `function (x = 1) { ${block} SEEN }`,
      `function (x = arguments.length) { ${block} return x + typeof arguments; }`,
      `function () { var arguments; const was = typeof arguments; ${block} return was + typeof arguments; }`,
      `function () { const was = arguments.length; ${block} return was + typeof arguments; }`,
      `function () { if (1) function arguments() {} SEEN }`,
      `function () { switch (1) { case 1: function arguments() {} } SEEN }`,
      `function () { return (() => { ${block} SEEN })(); }`,
      `function () { const get = () => arguments; ${block} return typeof get(); }`,
      `function (arguments) { ${block} SEEN }`,
      `function () { let arguments = 3; ${block} SEEN }`,
      `function (a) { ${block} a = 2; return a + typeof arguments; }`,
      `function () { "use strict"; return typeof arguments; }`,
    ].map((text) => `(${text.replace("SEEN", "return typeof arguments;")})(5)`);
    const source = `[${cases.join(", ")}]`;
    assert.deepEqual(await Deferred.eval(source), (0, eval)(source));
  });

  test("parameters and the body share their variables, unless the body declares the name", async () => {
    const kinds: Record<string, (parameters: string, body: string) => string> = {
      "arrow function": (parameters, body) => `((${parameters}) => { ${body} })(ARGS)`,
      "function": (parameters, body) => `(function (${parameters}) { ${body} })(ARGS)`,
      "function of the same name": (parameters, body) =>
        `(function x(${parameters}) { ${body} })(ARGS)`,
      "method": (parameters, body) => `({ m(${parameters}) { ${body} } }).m(ARGS)`,
      "class": (parameters, body) =>
        `new (0, class { constructor(${parameters}) { ${body} } })(ARGS)`,
      "generator": (parameters, body) =>
        `[...(function* (${parameters}) { yield 0; ${body} })(ARGS)]`,
      "async function": (parameters, body) => `(async (${parameters}) => { ${body} })(ARGS)`,
      "async generator": (parameters, body) =>
        `(async function* (${parameters}) { ${body} })(ARGS).next()`,
    };
    const parameters: Record<string, string> = {
      "x": "1",
      "x = 1": "",
      "{ x }": "{ x: 1 }",
      "[x] = [1]": "undefined",
      "{ y: { x = 1 } }": "{ y: {} }",
    };
    const shared = [1, 5, 7], own = [1, 1, 5];
    const declarations: Record<string, unknown[]> = {
      "": shared,
      "var x;": own,
      "for (var x of []);": own,
      "{ let x = 4; }": shared,
      "function x() {}": ["function", "function", 5],
      "try { throw 4 } catch (x) {}": shared,
    };
    const uses: Record<string, [get: string, set: string]> = {
      "itself": ["x", "x = 7"],
      "an inner function": ["(() => x)()", "(() => { x = 7 })()"],
      "eval": ["eval('x')", "eval('x = 7')"],
      "eval in an inner function": ["(() => eval('x'))()", "(() => { eval('x = 7') })()"],
      "a function made by eval": ["eval('() => x')()", "eval('() => { x = 7 }')()"],
      "with": ["(() => { with ({}) return x })()", "with ({}) x = 7"],
    };
    const programs: string[] = [], expected: unknown[][] = [];
    for (const [kind, write] of Object.entries(kinds)) {
      for (const [parameter, args] of Object.entries(parameters)) {
        for (const [declaration, values] of Object.entries(declarations)) {
          for (const [use, [get, set]] of Object.entries(uses)) {
            if (kind === "class" && use === "with") continue; // classes are strict
            const before = `${parameter}, get = () => x, set = (v) => { x = v }`;
            const body = `${declaration} seen.push(${get}); set(5); seen.push(${get}); ${set};
              seen.push(get());`;
            programs.push(write(before, body).replace("ARGS", args));
            expected.push([`${kind}, ${parameter}, ${declaration} ${use}`, ...values]);
          }
        }
      }
    }
    const run = async (programs: string[], names: unknown[]) => {
      const all: unknown[][] = [];
      for (const [i, program] of programs.entries()) {
        const seen: unknown[] = [];
        await new Function("seen", `return ${program}`)(seen);
        all.push([names[i], ...seen.map((one) => typeof one === "function" ? "function" : one)]);
      }
      return all;
    };
    const told = await Deferred.run(run, programs, expected.map(([name]) => name));
    assert.deepEqual(told, expected);
  });

  test("what a function's parameters, its body, eval() and its own name declare", async () => {
    const programs: [source: string, value: unknown][] = [
      ["((a = 1, b = a++) => [a, b])()", [2, 1]],
      ["((a, b = () => c, c = 3) => { c = 4; return b() })(1)", 4],
      ["((a = 0, get = () => b, ...b) => { b = 5; return get() })(1, undefined, 2)", 5],
      ["((f = (x) => eval(x), a = 3) => [f('var a = 9; a'), a])()", [9, 3]],
      ["((a = b, b) => a)()", "ReferenceError"],
      // What eval() declares in the body is in front of the parameters, if they have a scope.
      ["((a, b = () => a) => { eval('var a = 4'); return [a, b()] })(1)", [4, 1]],
      ["((a, b = () => a) => { eval('var a'); return [a, b()] })(1)", [undefined, 1]],
      ["((a, b = eval('var z = 1; () => z')) => { z = 4; return [z, b()] })(1)", [4, 4]],
      ["((a, b = eval('var z = 1; () => z')) => { var z = 4; return [z, b()] })(1)", [4, 1]],
      ["((a, b = eval('var a = 1')) => a)(1)", "SyntaxError"],
      // `arguments` is a parameter that a body may declare.
      ["(function (arguments) { eval(''); return arguments })(5)", 5],
      ["(function ({ arguments }) { return eval('arguments') })({ arguments: 5 })", 5],
      ["(function (f = () => typeof arguments) { var arguments = 4; return f() })()", "object"],
      [
        "(function (f = () => arguments = 4) { var arguments; f(); return typeof arguments })()",
        "object",
      ],
      ["(function (a = eval('arguments = 5')) { return arguments })()", 5],
      ["(function (a = 1, f = () => a) { a = 5; return [f(), ...arguments] })(1)", [5, 1]],
      // A function's name is outside of all that.
      ["(function f(f) { eval(''); return f })(1)", 1],
      ["(function f(f = 1) { return eval('f') })()", 1],
      ["(function f() { var f = 1; eval(''); return f })()", 1],
      ["(function f() { var f = 1; return eval('f') })()", 1],
      ["(function f() { function f() { return 1 } eval(''); return f() })()", 1],
      ["(function f() { eval('var f = 1'); return f })()", 1],
      ["(function f() { eval('f = 1'); return typeof f })()", "function"],
      ["(function f() { 'use strict'; eval('f = 1') })()", "TypeError"],
      ["(function f() { 'use strict'; (() => eval('f = 1'))() })()", "TypeError"],
      ["(function f(a = () => typeof f) { var f = 1; eval(''); return [a(), f] })()", [
        "function",
        1,
      ]],
      ["(function f() { var f = 1; return (() => eval('f'))() })()", 1],
      ["(function f(a = eval('var f = 5')) { return f })()", 5],
      // A lexical declaration may not have a parameter's name, and a block's function is no `var`.
      ["(function ({ a }) { let a })", "SyntaxError"],
      ["(function ({ a } = {}) { let a })", "SyntaxError"],
      ["(function (a, { b: c = 1 }) { const c = 1 })", "SyntaxError"],
      ["(function ([a]) { class a {} })", "SyntaxError"],
      ["(function ({ a }, b = 1) { { let a = 2; b = a } return b })({})", 2],
      ["(function ({ a }) { { function a() {} } return a })({ a: 1 })", 1],
      ["(function ([a] = [1]) { { function a() {} } return a })()", 1],
      ["(function (a, b = 1) { { function c() {} } return typeof c })()", "function"],
      ["((a, b = 1, a) => 1)", "SyntaxError"],
      ["((a, { a: a }, b = 1) => 1)", "SyntaxError"],
    ];
    const run = (sources: string[]) =>
      sources.map((source) => {
        try {
          return [source, (0, eval)(source)];
        } catch (error) {
          return [source, (error as Error).name];
        }
      });
    assert.deepEqual(await Deferred.run(run, programs.map(([source]) => source)), programs);
  });
});

describe("large functions", () => {
  const list = (n: number, part: (i: number) => string, by = "") =>
    Array.from({ length: n }, (_, i) => part(i)).join(by);
  const sum = (n: number, name: string) => list(n, (i) => `${name}${i}`, "+");
  const variables = (n: number, name: string) => list(n, (i) => `let ${name}${i} = ${i};`);
  const called = (n: number, body: string) =>
    `((${list(n, (i) => `p${i}`, ",")}) => { ${body} })(${list(n, String, ",")})`;

  /** What there may be `most` of gives `value(most)`, and is refused where there is more. */
  const bounded: Record<
    string,
    { most: number; source: (n: number) => string; value: (n: number) => number }
  > = {
    "variables": {
      most: 65_500,
      source: (n) =>
        `(function () { ${variables(n, "v")} return v${n - 1} + arguments.length })(1)`,
      value: (n) => n,
    },
    "parameters and variables that functions share": {
      most: 32_767,
      source: (n) =>
        called(
          n,
          `${variables(n, "v")} return (() => ${sum(n, "p")})() + (() => ${sum(n, "v")})()`,
        ),
      value: (n) => n * (n - 1),
    },
    "parameters and variables that eval sees": {
      most: 32_700,
      source: (n) => called(n, `${variables(n, "v")} return eval("p${n - 1} + v${n - 1}")`),
      value: (n) => 2 * (n - 1),
    },
    "variables of several functions around one": {
      most: 32_767,
      source: (n) =>
        `(() => { ${variables(n, "a")} return (() => { ${variables(n, "b")}
          return (() => ${sum(n, "a")} + ${sum(n, "b")})() })() })()`,
      value: (n) => n * (n - 1),
    },
    "blocks": {
      most: 65_500,
      source: (n) => `let s = 0; ${list(n, () => "{ s++ }")} s`,
      value: (n) => n,
    },
    "conditions": {
      most: 65_500,
      source: (n) => `(() => { let s = 0; ${list(n, () => "if (s >= 0) s++;")} return s })()`,
      value: (n) => n,
    },
  };
  for (const [what, { most, source, value }] of Object.entries(bounded)) {
    test(`of too many ${what} are refused`, async () => {
      const options = { memoryLimit: 2 ** 30 };
      assert.equal(await Deferred.eval(source(most), options), value(most));
      for (const more of [most + 100, 2 * most]) {
        const told = await Deferred.eval(source(more), options).catch((error: Error) => error);
        assert.ok(told instanceof SyntaxError && /^too many /.test(told.message), String(told));
      }
    });
  }

  // What each gives was computed by V8; JavaScriptCore refuses some.
  const far: Record<string, { source: string; value: number }> = {
    "continue": {
      source: `let s = 0; for (let i = 0; i < 3; i++) { ${list(40_000, (i) => `s += ${i % 999};`)}
        if (i === 1) continue; s++; } s`,
      value: 59_822_462,
    },
    "catch": {
      source: `let s = 0; try { ${
        list(40_000, (i) => `s += ${i}.5;`)
      } throw s } catch (e) { s = -e }
        finally { s-- } s`,
      value: -800_000_001,
    },
    "switch": {
      source: `let s = 0; for (const x of [0, 5, 32768, 65535, 65536, 69999, 70000]) switch (x) {
        ${list(70_000, (i) => `case ${i}: s += ${i}; break;`)} default: s += 0.5 } s`,
      value: 233_843.5,
    },
    "elements": {
      source: `[${list(70_000, (i) => `[${i}, "k${i}"]`, ",")}]
        .reduce((a, [n, k]) => a + n + k.length, 0)`,
      value: 2_450_373_890,
    },
    "functions": {
      source: `let s = 0; ${list(66_000, (i) => `s += (() => ${i})();`)} s`,
      value: 2_177_967_000,
    },
    "properties": {
      source: `const made = { ${list(70_000, (i) => `k${i}: ${i}`, ",")} };
        made.k65536 + made.k69999`,
      value: 135_535,
    },
    "a pattern": {
      source: `const [${
        list(60_000, (i) => `a${i}`, ",")
      }] = Array(60_000).keys(); a32768 + a59999`,
      value: 92_767,
    },
    "operators": {
      source: `let x = 9; ${list(70_000, (i) => `x === ${i}.25`, "||")} || x`,
      value: 9,
    },
  };
  for (const [what, { source, value }] of Object.entries(far)) {
    test(`work over long distances: ${what}`, async () => {
      assert.equal(await Deferred.eval(source, { memoryLimit: 2 ** 30 }), value);
    });
  }
});

describe("asynchronous iteration", () => {
  test("`for await` waits for return() however it is left, and not where next() failed", () =>
    asInTheHost(async () => {
      const log: string[] = [];
      const iterable = (failing: string) => ({
        [Symbol.asyncIterator]() {
          let step = 0;
          const next = () => {
            step++;
            if (step === 2 && failing === "next throws") throw failing;
            if (step === 2 && failing === "next rejects") return Promise.reject(failing);
            if (step === 2 && failing === "next gives no object") return 1;
            return Promise.resolve({ value: step, done: step === 4 });
          };
          const end = async () => {
            log.push("return begins");
            await null;
            log.push("return ends");
            if (failing === "return rejects") throw failing;
            return failing === "return gives no object" ? 1 : {};
          };
          return failing === "no return" ? { next } : { next, return: end };
        },
      } as unknown as AsyncIterable<number>);
      const leaving: Record<string, (values: AsyncIterable<number>) => Promise<unknown>> = {
        async "a throw"(values) {
          for await (const value of values) if (value === 3) throw "thrown";
        },
        async "a throw inside of others"(values) {
          for await (const value of values) {
            for (const inner of [1, 2]) {
              try {
                if (value * inner === 6) throw "thrown";
              } finally {
                log.push("finally");
              }
            }
          }
        },
        async "a throw that is caught"(values) {
          for await (const value of values) {
            try {
              if (value === 2) throw "thrown";
            } catch (error) {
              log.push(`caught ${error}`);
            }
          }
        },
        async "a break"(values) {
          for await (const value of values) if (value === 3) break;
        },
        async "a return"(values) {
          for await (const value of values) if (value === 3) return "returned";
          return "ended";
        },
        async "a continue of the outer loop"(values) {
          outer: for (const _ of [1, 2]) {
            for await (const value of values) if (value === 2) continue outer;
          }
        },
        async "a throw in a generator"(values) {
          for await (
            const value of (async function* () {
              for await (const value of values) {
                yield value;
                if (value === 2) throw "thrown";
              }
            })()
          ) log.push(`value ${value}`);
        },
        async "a generator that is left"(values) {
          for await (
            const _ of (async function* () {
              for await (const value of values) yield value;
            })()
          ) throw "thrown";
        },
        async "a pattern that throws"(values) {
          for await (
            const { toFixed: { none: { none } } } of values as never as AsyncIterable<
              { toFixed: { none: { none: string } } }
            >
          ) log.push(none);
        },
      };
      const failures = [
        "nothing",
        "no return",
        "next throws",
        "next rejects",
        "next gives no object",
        "return rejects",
        "return gives no object",
      ];
      for (const [how, leave] of Object.entries(leaving)) {
        for (const failing of failures) {
          log.push(`-- ${how}, ${failing}`);
          try {
            log.push(`gave ${await leave(iterable(failing))}`);
          } catch (error) {
            log.push(`threw ${error instanceof TypeError ? "TypeError" : error}`);
          }
        }
      }
      return log;
    }));

  test("a synchronous iterator is closed when one of its values is rejected", async () => {
    const work = async () => {
      const log: string[] = [];
      const values = (list: unknown[]) => ({
        [Symbol.iterator]: () => {
          const inner = list.values();
          return {
            next: () => inner.next(),
            return: () => (log.push("closed"), {}),
          };
        },
      } as Iterable<unknown>);
      const bad = { then: (_: unknown, reject: (reason: unknown) => void) => reject("bad") };
      const hostile = {
        get then() {
          throw "hostile";
        },
      };
      for (const list of [[1, bad, 2], [hostile], [1, 2]]) {
        for (const through of ["yield*", "for await"]) {
          log.push(through);
          try {
            const source = through === "yield*"
              ? (async function* () {
                yield* values(list);
              })()
              : values(list) as never as AsyncIterable<unknown>;
            for await (const value of source) log.push(String(value));
          } catch (error) {
            log.push(`threw ${error}`);
          }
        }
      }
      return log;
    };
    const failed = ["1", "closed", "threw bad"];
    const hostile = ["closed", "threw hostile"];
    assert.deepEqual(await Deferred.run(work), [
      ...["yield*", ...failed, "for await", ...failed],
      ...["yield*", ...hostile, "for await", ...hostile],
      ...["yield*", "1", "2", "for await", "1", "2"],
    ]);
  });
});

test("regular expressions match as the host's, whatever their classes, names and order", () =>
  asInTheHost(() => {
    const seen: unknown[] = [];
    const all: [string, string, string[]][] = [
      // Classes: overlapping, touching, in no order, negated, empty, of strings.
      ["[zc-ea-cx-ze]+", "", ["abcdefxyz"]],
      ["[^c-eza-cx-ze]+", "i", ["ABfgXhi"]],
      ["[]", "", ["a", ""]],
      ["[^]+", "", ["a\n\u{1f600}"]],
      ["[\\d\\W_-]+", "", ["ab1_- c"]],
      ["[\\u{1f600}-\\u{1f64f}a\\u{1f5ff}\\u{1f650}]+", "u", ["b\u{1f5ff}\u{1f600}\u{1f650}"]],
      ["[[b-d][a-c]x[^\\w]]+", "v", ["abcdxy ", "- a"]],
      ["[\\w--a--[c-e]--\\d]+", "v", ["abcdef1_"]],
      ["[\\w--[a-z]--\\q{B|CD}]+", "v", ["aABCD"]],
      ["[\\w&&[^a]&&[^b]&&[^1-3]]+", "v", ["ab12345c"]],
      ["[^\\w&&[a-f]&&[^c]]+", "v", ["abcdefg"]],
      ["^[\\q{ab|abc|a|b}--\\q{abc|b}]+$", "v", ["abaab", "abc", "b"]],
      ["^[\\q{ab|abc|a|b}&&\\q{abc|b|ab}&&\\q{ab|b}]+$", "v", ["abb", "abc", "a"]],
      ["[\\p{Lu}&&\\p{ASCII}]+", "v", ["aABC\u00c4"]],
      ["[\\p{L}--[a-z]]+", "v", ["abC\u00e4\u00df"]],
      ["[k-m]+", "iu", ["KL\u212a"]],
      // Alternatives are tried in their order, the last of an outer before the next of an inner.
      ["(?:a|ab|abc)(?:c|bcd|d|)$", "", ["abcd", "abc", "abd"]],
      ["(a|(b|(c|(d|e)|f)|g)|h)+", "", ["abcdefgh"]],
      ["(?:|a|b)+?c|(?:b|)*d", "", ["abc", "bbd", "aad"]],
      ["(?<=(a|bc|d(e|f)))x", "", ["ax", "bcx", "dfx", "ex"]],
      ["(?<=(a)(b|c)(?:d|(e)f){2}g*)x", "", ["abdefgx", "acefefggx"]],
      ["(?<=\\2(a)(b))c|(?<=(?:ab|c)(d?)e{2})f", "", ["babc", "cdeef"]],
      // Names: each group that has one, wherever it stands; what stands behind a name counts.
      ["(?<=\\k<c>(?<a>(x))(?<c>y))z", "", ["yxyz", "xxyz"]],
      ["(?:\\k<c>)?(?<a>(x))(?<c>y)", "", ["xy"]],
      ["(?:(?<y>\\d{4})-(?<m>\\d)|(?<m>\\d)/(?<y>\\d{4}))=\\k<m>\\k<y>", "", [
        "2024-5=52024",
        "5/2024=52024",
        "5/2024=52025",
      ]],
      ["(?:(?<a>x)|(?:(?<a>y)|z(?<a>w))(?<b>v)|(?<b>u))\\k<a>\\k<b>", "", [
        "xx",
        "yvyv",
        "zwvwv",
        "uu",
      ]],
      ["\\k<a>", "", ["k<a>"]],
      ["\\k<a>(?<a>b)", "", ["b"]],
      ["(?<$\\u{61}_1>x)\\k<$a_1>", "", ["xx"]],
    ];
    for (const [source, flags, texts] of all) {
      const made = new RegExp(source, flags + "d");
      for (const text of texts) {
        const found = made.exec(text);
        seen.push([source, found?.index, found && [...found], { ...found?.groups }]);
        seen.push(found && [...found.indices!]);
      }
    }
    const wrong: [string, string][] = [
      ["(?<a>x)(?<a>y)", ""],
      ["(?:(?<a>x)|y)(?<a>z)", ""],
      ["(?<a>x)|(?:y(?<a>z)|(?<b>w))(?<b>v)", ""],
      ["(?:(?<a>x)|(?<b>y))|(?<b>z)(?<b>w)", ""],
      ["(?<a>(?<a>x)|y)", ""],
      ["(?<a>x)\\k<b>", ""],
      ["\\k<a>", "u"],
      ["[\\w--a&&b]", "v"],
      ["[a--b--]", "v"],
      ["[a&&&b]", "v"],
      ["[a--", "v"],
      ["[b-a]", ""],
      ["(?:a|b", ""],
      ["(?<a", ""],
    ];
    for (const [source, flags] of wrong) {
      try {
        new RegExp(source, flags);
        seen.push([source, "was made"]);
      } catch (error) {
        seen.push([source, (error as Error).name]);
      }
    }
    return seen;
  }));

describe("the time of compiling is in proportion to the number of", () => {
  const join = (n: number, part: (i: number) => string, by = "") =>
    Array.from({ length: n }, (_, i) => part(i)).join(by);
  const sum = (n: number, name: string) => join(n, (i) => `${name}${i}`, "+");
  const sources: Record<string, (n: number) => string> = {
    "variables": (n) => `() => { ${join(n, (i) => `let v${i} = ${i};`)} return ${sum(n, "v")} }`,
    "parameters": (n) => `(${join(n, (i) => `p${i}`, ",")}) => ${sum(n, "p")}`,
    "parameters with defaults": (n) => `(${join(n, (i) => `p${i} = 1`, ",")}) => ${sum(n, "p")}`,
    "blocks that use one name": (n) => `() => { ${join(n, (i) => `{ let v = ${i}; v }`)} }`,
    "captured variables": (n) =>
      `() => { ${join(n, (i) => `let v${i} = ${i};`)} return () => ${sum(n, "v")} }`,
    "private names": (n) =>
      `() => class { ${join(n, (i) => `#v${i} = ${i};`)} sum() { return ${sum(n, "this.#v")} } }`,
  };
  for (const [what, source] of Object.entries(sources)) {
    test(what, async () => {
      await using pool = new DeferredPool();
      let texts = 0;
      await assertLinear(what, (n) => {
        const text = source(n).replace("(", `(/* ${++texts} */`); // one that is not kept yet
        const fn = (0, eval)(`(${text})`) as () => void;
        const task = new Deferred(fn, { pool });
        task.cancel();
        return task.catch(() => {});
      }, 12_000);
    });
  }
});

/** Work as large as can be measured, where one text can't be: as many texts. */
const MANY = 150;

describe("the time of compiling code that is text is in proportion to the number of", () => {
  const join = (n: number, part: (i: number) => string) =>
    Array.from({ length: n }, (_, i) => part(i)).join("");
  const sources: Record<string, (n: number) => string> = {
    "variables": (n) => join(n, (i) => `var v${i}, w${i} = ${i};`),
    "constants": (n) => join(n, (i) => `const v${i} = ${i};`),
    "classes": (n) => join(n, (i) => `class C${i} {}`),
    "conditions in one another": (n) => `let x;${`${"x ? 1 : ".repeat(n)}0;\n`.repeat(30)}`,
  };
  for (const [what, source] of Object.entries(sources)) {
    test(what, async () => {
      await using pool = new DeferredPool({ maxThreads: 1 });
      const from = /^(var|const)/.test(what) ? 12_000 : 1000;
      await assertLinear(what, (n) => pool.eval(`${source(n)}; 1`), from);
    });
  }
});

describe("the time of compiling a regular expression is in proportion to the number of", () => {
  const join = (n: number, part: (i: number) => string, by = "") =>
    Array.from({ length: n }, (_, i) => part(i)).join(by);
  /** Characters of which no two are neighbours. */
  const letter = (i: number) => `\\u{${(0x20000 + 2 * i).toString(16)}}`;
  const sources: Record<string, { source: (n: number) => string; flags?: string; times?: number }> =
    {
      "characters of a class": {
        source: (n) => `[${join(n, letter)}]`,
        flags: "u",
        times: MANY,
      },
      "classes in a class": {
        source: (n) => `[${join(n, (i) => `[${letter(i)}]`)}]`,
        flags: "v",
        times: MANY,
      },
      "what is taken from a class": {
        source: (n) => `[[\\u{20000}-\\u{10ffff}]${join(n, (i) => `--${letter(i)}`)}]`,
        flags: "v",
        times: MANY,
      },
      "what else a class must be": {
        source: (n) => `[[\\u{20000}-\\u{10ffff}]${join(n, (i) => `&&[^${letter(i)}]`)}]`,
        flags: "v",
        times: MANY,
      },
      "alternatives": { source: (n) => join(n, (i) => `a${i}`, "|") },
      "terms of a lookbehind": { source: (n) => `(?<=${"[ab]".repeat(n)})` },
      // A RegExp has no more than 32,766 groups.
      "named groups": { source: (n) => join(n, (i) => `(?<g${i}>a)`), times: MANY },
      "named groups in alternatives": {
        source: (n) => join(n, (i) => `(?<g>a${i})`, "|"),
        times: MANY,
      },
      "references by name": {
        source: (n) => `${join(n, (i) => `\\k<g${i}>`)}${join(n, (i) => `(?<g${i}>a)`)}`,
        times: MANY,
      },
    };
  for (const [what, { source, flags = "", times = 1 }] of Object.entries(sources)) {
    test(what, async () => {
      await using pool = new DeferredPool({ maxThreads: 1 });
      const make = (source: string, flags: string, times: number) => {
        for (let i = 0; i < times; i++) new RegExp(source, flags);
      };
      await assertLinear(what, (n) => pool.run(make, source(n), flags, times), 1000);
    });
  }
});

test("objects with keys of their own cost in proportion to their number", async () => {
  await using pool = new DeferredPool({ maxThreads: 1 });
  const make = (n: number) => {
    // While there is an empty object, no other one makes the table of shapes grow.
    const all: Record<string, number>[] = [{}];
    for (let i = 0; i < n; i++) all.push({ [`a${i}`]: 1, [`b${i}`]: 2 });
    return all.length;
  };
  await assertLinear("objects", (n) => pool.run(make, n), 15_000);
});
