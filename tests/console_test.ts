/**
 * What a task prints: its console, and the host's that it goes to.
 */
import { strict as assert } from "node:assert";
import { AsyncLocalStorage } from "node:async_hooks";
import { after, describe, test } from "node:test";
import { DeferredPool, type TaskConsole } from "../mod.ts";
import { longestGap } from "./support/measure.ts";
import { MOD, outputOf } from "./support/process.ts";
import { until } from "./support/wait.ts";

const pool = new DeferredPool({ maxThreads: 2 });
after(() => pool.close());

type Line = readonly [method: string, ...values: unknown[]];

/** A console that keeps what it is given. */
function recorder(): { readonly lines: Line[]; readonly console: TaskConsole } {
  const lines: Line[] = [];
  const methods = "assert debug dir error group groupCollapsed groupEnd info log table warn";
  const console = Object.fromEntries(
    methods.split(" ").map((name) => [name, (...data: unknown[]) => lines.push([name, ...data])]),
  );
  return { lines, console };
}

/** What a function prints as a task. */
async function printed(fn: () => unknown): Promise<Line[]> {
  const { lines, console } = recorder();
  await pool.defer(fn, { console });
  return lines;
}

describe("a task's console", () => {
  test("prints by the methods of the same names, in order, before the task ends", async () => {
    const { lines, console: own } = recorder();
    const task = pool.defer(async () => {
      console.log("a %s", "b", 1);
      await null;
      console.info({ x: 1 }, [2n], null, undefined);
      console.debug(new Date(0));
      console.warn("w");
      console.error("e");
      return "done";
    }, { console: own });
    let known: number | undefined;
    void task.then(() => known = lines.length);
    assert.equal(await task, "done");
    assert.equal(known, 5);
    assert.deepEqual(lines, [
      ["log", "a %s", "b", 1],
      ["info", { x: 1 }, [2n], null, undefined],
      ["debug", new Date(0)],
      ["warn", "w"],
      ["error", "e"],
    ]);
  });

  test("goes to the host's console of the moment", async () => {
    const { lines, console: mock } = recorder();
    const { log } = console;
    try {
      Object.assign(console, { log: mock.log });
      await pool.run(() => console.log("mocked", 1));
      await pool.eval("console.log('text')");
    } finally {
      Object.assign(console, { log });
    }
    assert.deepEqual(lines, [["log", "mocked", 1], ["log", "text"]]);
  });

  test("shows instances as the host does, by the names of their classes", async () => {
    const show = () => {
      class Foo {
        x = 1;
      }
      console.log(new Foo(), [new Foo()]);
    };
    const program = `const show = ${show}; show(); await Deferred.run(show);`;
    const text = await outputOf(program);
    assert.match(text, /Foo/);
    const lines = text.trim().split("\n");
    const half = lines.length / 2;
    assert.deepEqual(lines.slice(half), lines.slice(0, half));
  });

  test("may fail as it likes: what it throws and what its promises reject with is ignored", async () => {
    const program = `
      const seen = [];
      const odd = () => ({ get then() { throw new Error("looked at"); } });
      const own = {
        async log(text) { seen.push(text); throw new Error("rejected"); },
        warn(text) { seen.push(text); throw new Error("thrown"); },
        info(text) { seen.push(text); return odd(); },
        async group() { throw new Error("rejected"); },
        async groupEnd() { throw new Error("rejected"); },
      };
      const task = new Deferred(() => {
        console.log("log");
        console.warn("warn");
        console.group("group");
        console.info("info");
      }, { console: own });
      await task;
      await new Promise((resolve) => setTimeout(resolve, 1));
      console.log(seen.join());`;
    assert.equal((await outputOf(program)).trim(), "log,warn,info");
  });

  test("is in order with the calls of the host's functions", async () => {
    const { lines, console: own } = recorder();
    await pool.defer(async (host) => {
      console.log(1);
      const call = host.say(2);
      console.log(3);
      await call;
      console.log(4);
    }, { console: own, host: { say: (n: number) => void lines.push(["say", n]) } });
    assert.deepEqual(lines, [["log", 1], ["say", 2], ["log", 3], ["log", 4]]);
  });

  test("may print while the arguments of a call are read, or what is printed", async () => {
    const { lines, console: own } = recorder();
    const text = "const o = { get x() { console.log('read'); return 1; } };" +
      "console.log(o); await say(o);";
    await pool.eval(text, { console: own, host: { say: (o: unknown) => lines.push(["say", o]) } });
    assert.deepEqual(lines, [
      ["log", "read"],
      ["log", { x: 1 }],
      ["log", "read"],
      ["say", { x: 1 }],
    ]);
  });

  test("shows what can't be cloned as labels, wherever it is", async () => {
    const lines = await printed(() => {
      const fn = () => 1;
      class Klass {}
      console.log(fn, Klass, () => 1, Symbol("s"), Promise.resolve(), new Proxy({}, {}));
      console.log(
        new WeakMap(),
        globalThis,
        new URL("https://example.com/x"),
        new AbortController(),
      );
      const deep = {
        list: [fn, [Symbol.iterator]],
        map: new Map<unknown, unknown>([[fn, { fn }]]),
        set: new Set([fn]),
        get bad() {
          throw new RangeError("no value");
        },
        proxy: new Proxy([1], {}),
        ok: 1,
      };
      console.log(deep);
      console.log(
        new Proxy({}, {
          getPrototypeOf() {
            throw new Error("trap");
          },
        }),
      );
      console.log(new Proxy(() => 1, {}));
    });
    assert.deepEqual(lines, [
      [
        "log",
        "[Function: fn]",
        "[class Klass]",
        "[Function (anonymous)]",
        "Symbol(s)",
        "[Promise]",
        "[Proxy]",
      ],
      ["log", "[WeakMap]", "[globalThis]", "[URL: https://example.com/x]", "[AbortController]"],
      ["log", {
        list: ["[Function: fn]", ["Symbol(Symbol.iterator)"]],
        map: new Map([["[Function: fn]", { fn: "[Function: fn]" }]]),
        set: new Set(["[Function: fn]"]),
        bad: "[Getter threw: no value]",
        proxy: "[Proxy]",
        ok: 1,
      }],
      ["log", "[Proxy]"],
      ["log", "[Function (Proxy)]"],
    ]);
  });

  test("keeps cycles, what is shared, holes, bytes and keys that are special", async () => {
    const [line] = await printed(() => {
      const shared = { n: 1 };
      const cycle: Record<string, unknown> = { shared, again: shared };
      cycle["self"] = cycle;
      Object.defineProperty(cycle, "__proto__", { value: 5, enumerable: true });
      // deno-lint-ignore no-sparse-arrays
      const holes = [, 1, ,];
      const view = new Float64Array(new Float64Array([1, 2, 3]).buffer, 8, 1);
      console.log(cycle, holes, view, new ArrayBuffer(2), new SharedArrayBuffer(8));
    });
    const [, cycle, holes, view, buffer, shared] = line as [string, ...unknown[]];
    const { self, again } = cycle as Record<string, unknown>;
    assert.equal(self, cycle);
    assert.equal(again, (cycle as Record<string, unknown>)["shared"]);
    assert.equal(Object.getOwnPropertyDescriptor(cycle, "__proto__")?.value, 5);
    // deno-lint-ignore no-sparse-arrays
    assert.deepStrictEqual(holes, [, 1, ,]);
    assert.deepEqual(view, new Float64Array([2]));
    assert.equal((buffer as ArrayBuffer).byteLength, 2);
    assert.equal(shared, "[SharedArrayBuffer(8)]");
  });

  test("shows instances with the names of their classes", async () => {
    const [line] = await printed(() => {
      class Point {
        x = 1;
      }
      class Place extends Point {
        next = new Point();
      }
      console.log(new Place(), Object.create(null), {});
    });
    const [, place, bare, plain] = line as [string, { next: object }, object, object];
    assert.equal(place.constructor.name, "Place");
    assert.equal(place.next.constructor.name, "Point");
    assert.deepEqual({ ...place, next: { ...place.next } }, { x: 1, next: { x: 1 } });
    assert.equal(Object.getPrototypeOf(bare), null);
    assert.equal(Object.getPrototypeOf(plain), Object.prototype);
  });

  test("shows errors with stacks that name the task's own lines", async () => {
    const { lines, console: own } = recorder();
    const inner = () => new RangeError("bad", { cause: new Error("why", { cause: () => 1 }) });
    const text = `() => { const inner = ${inner}; console.log(inner(), { at: inner() }); }`;
    await pool.defer((0, eval)(text) as () => void, { console: own });
    await pool.defer(() => {
      const here = () => console.error(new TypeError("here"));
      here();
    }, { console: own });
    const [, bad, { at }] = lines[0] as [string, Error, { at: Error }];
    assert.ok(bad instanceof RangeError && at instanceof RangeError);
    assert.match(bad.stack!, /^RangeError: bad\n +at (inner|<anonymous>) \(/);
    assert.match((bad.cause as Error).stack!, /^Error: why\n +at (inner|<anonymous>) \(/);
    const [, here] = lines[1] as [string, Error];
    assert.match(
      here.stack!,
      /^TypeError: here\n +at (here|<anonymous>) \(.*console_test\.ts:\d+:\d+\)/,
    );
  });

  test("traces the task's stack", async () => {
    const [line] = await printed(() => {
      const outer = () => console.trace("at %s", "here");
      outer();
    });
    const [method, title, here, frames] = line as [string, string, string, string];
    assert.deepEqual([method, title, here], ["error", "Trace: at %s", "here"]);
    assert.match(frames, /^\n +at (outer|<anonymous>) \(.*console_test\.ts:\d+:\d+\)/);
  });

  test("counts, times and asserts", async () => {
    const lines = await printed(() => {
      console.count();
      console.count("x");
      console.count();
      console.countReset();
      console.count();
      console.countReset("none");
      console.assert(true, "no");
      console.assert(1 > 2, "one is %s", "less");
      console.time("100%");
      console.time("100%");
      console.timeLog("100%", { a: 1 });
      console.timeEnd("100%");
      console.timeEnd("100%");
    });
    const time = /^100%: [\d.]+m?s$/;
    assert.deepEqual(lines.slice(0, 7), [
      ["log", "default: 1"],
      ["log", "x: 1"],
      ["log", "default: 2"],
      ["log", "default: 1"],
      ["warn", "Count for 'none' does not exist"],
      ["assert", false, "one is %s", "less"],
      ["warn", "Timer '100%' already exists"],
    ]);
    const [logged, ended, missing] = lines.slice(7) as [Line, Line, Line];
    assert.match(String(logged[1]).replace("%%", "%"), time);
    assert.deepEqual(logged[2], { a: 1 });
    assert.match(String(ended[1]), time);
    assert.deepEqual(missing, ["warn", "Timer '100%' does not exist"]);
    assert.equal(lines.length, 10);
  });

  test("prints within groups, which end with each line", async () => {
    const lines = await printed(() => {
      console.group("first", 1);
      console.log("in");
      console.groupCollapsed();
      console.log("deeper");
      console.groupEnd();
      console.groupEnd();
      console.groupEnd();
      console.log("out");
      console.group("left open");
    });
    assert.deepEqual(lines, [
      ["group", "first", 1],
      ["groupEnd"],
      ["group"],
      ["log", "in"],
      ["groupEnd"],
      ["group"],
      ["groupEnd"],
      ["group"],
      ["group"],
      ["log", "deeper"],
      ["groupEnd"],
      ["groupEnd"],
      ["log", "out"],
      ["group", "left open"],
      ["groupEnd"],
    ]);
  });

  test("has table, dir and dirxml", async () => {
    const lines = await printed(() => {
      console.table([{ a: 1 }], ["a"]);
      console.dir({ a: {} }, { depth: 0 });
      console.dirxml("x", 1);
    });
    assert.deepEqual(lines, [
      ["table", [{ a: 1 }], ["a"]],
      ["dir", { a: {} }, { depth: 0 }],
      ["log", "x", 1],
    ]);
  });

  test("is a namespace object whose methods need no this", async () => {
    const found = await pool.run(() => {
      const { log } = console;
      const property = Object.getOwnPropertyDescriptor(globalThis, "console");
      const prototype = Object.getPrototypeOf(console);
      return [
        typeof log,
        Object.prototype.toString.call(console),
        property?.enumerable,
        Reflect.ownKeys(prototype).length,
        Object.getPrototypeOf(prototype) === Object.prototype,
        console === globalThis.console,
        log.length,
        log.name,
      ];
    });
    assert.deepEqual(found, ["function", "[object console]", false, 0, true, true, 0, "log"]);
  });
});

describe("the option `console`", () => {
  test("false: nothing is printed, and nothing fails", async () => {
    const silent = new DeferredPool({ maxThreads: 1, console: false });
    const { lines, console: own } = recorder();
    const { log, warn } = console;
    try {
      Object.assign(console, own);
      const chatty = () => {
        for (let i = 0; i < 10_000; i++) console.log("x", { i });
        return console.count.name;
      };
      assert.equal(await silent.run(chatty), "count");
      assert.equal(await pool.defer(chatty, { console: false }), "count");
    } finally {
      Object.assign(console, { log, warn });
    }
    assert.deepEqual(lines, []);
    await silent.defer(() => console.log("own"), { console: own });
    assert.deepEqual(lines, [["log", "own"]]);
    await silent.close();
  });

  test("an object: methods that it lacks are ignored, and what it throws harms nobody", async () => {
    const lines: unknown[] = [];
    const own = {
      log: (...data: unknown[]) => {
        lines.push(data);
        throw new Error("of the console");
      },
      get warn(): never {
        throw new Error("of its getter");
      },
    };
    const task = pool.defer(() => {
      console.log(1);
      console.warn(2);
      console.error(3);
      console.group("g");
      console.log(4);
      return 5;
    }, { console: own });
    assert.equal(await task, 5);
    assert.deepEqual(lines, [[1], [4]]);
  });

  test("is checked, at a task, a wrapped function and a pool", async () => {
    const wrong = 1 as never;
    assert.throws(
      () => pool.defer(() => 1, { console: wrong }),
      /^TypeError: pool\.defer\(fn, \{ console \}\): console must be an object .* got the number 1$/,
    );
    assert.throws(() => new DeferredPool({ console: wrong }), /\{ console \}\): console must be/);
    const { lines, console: own } = recorder();
    const say = pool.wrap((text: string) => console.log(text), { console: false });
    await say("unheard");
    await say.with({ console: own })("heard");
    assert.deepEqual(lines, [["log", "heard"]]);
  });

  test("is called in the context in which the Deferred was made", async () => {
    const storage = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const own = { log: () => seen.push(storage.getStore()) };
    const say = async () => {
      console.log(1);
      await new Promise((resolve) => setTimeout(resolve, 1));
      console.log(2);
    };
    await Promise.all([
      storage.run("a", () => pool.defer(say, { console: own })),
      storage.run("b", () => pool.eval("console.log(1)", { console: own })),
    ]);
    assert.deepEqual(seen.sort(), ["a", "a", "b"]);
  });
});

describe("a flood", () => {
  test("is dropped and counted: what came and what didn't are all lines", async () => {
    let came = 0, dropped = 0;
    const own = {
      log: () => came++,
      warn: (text: string) =>
        dropped += Number(/^(\d+) lines? of the task's console/.exec(text)![1]),
    };
    const count = 100_000;
    const done = new Int32Array(new SharedArrayBuffer(4));
    const task = pool.defer((done, count) => {
      for (let i = 0; i < count; i++) console.log("line", i);
      Atomics.store(done, 0, 1);
    }, { args: [done, count], console: own });
    while (Atomics.load(done, 0) === 0); // nothing is read meanwhile
    await task;
    assert.equal(came + dropped, count);
    assert.ok(came > 1000 && dropped > 0, `${came} came, ${dropped} were dropped`);
  });

  test("goes on when there is room again, however much was printed before", async () => {
    let came = 0, last: unknown;
    const own = {
      log: (value: unknown) => {
        came++;
        last = value;
      },
      warn: () => assert.fail("dropped"),
    };
    const seen = new Int32Array(new SharedArrayBuffer(4));
    const count = 40_000;
    const task = pool.defer((seen, count) => {
      for (let i = 1; i <= count; i++) {
        console.log(i);
        while (i % 1000 === 0 && Atomics.load(seen, 0) < i) Atomics.wait(seen, 0, i - 1000, 1);
      }
    }, {
      args: [seen, count],
      console: {
        ...own,
        log: (i: unknown) => {
          own.log(i);
          Atomics.store(seen, 0, came);
        },
      },
    });
    await task;
    assert.deepEqual([came, last], [count, count]);
  });

  test("ends by the timeout, and blocks nobody", async () => {
    const own = { log: () => {}, warn: () => {} };
    const { gap, result } = await longestGap(() =>
      pool.defer(() => {
        for (;;) console.log("x", [1, 2, 3]);
      }, { console: own, timeout: 300 }).catch((error) => error.name)
    );
    assert.equal(result, "TimeoutError");
    assert.ok(gap < 150, `${gap} ms`);
  });

  test("of calls that were not read yet keeps its order", async () => {
    const seen: unknown[] = [];
    const text = "for (let i = 0; i < 200; i++) { say('x'.repeat(4096), i); }" +
      "console.log('last'); say('', 'end');";
    const say = (_: string, i: unknown) => void seen.push(i);
    await pool.eval(text, { host: { say }, console: { log: (text: unknown) => seen.push(text) } });
    assert.equal(seen.length, 202);
    assert.deepEqual(seen.slice(-3), [199, "last", "end"]);
  });

  test("in one line is cut, and says so", async () => {
    const lines = await printed(() => {
      console.log("x".repeat(5_000_000));
      console.log(Array.from({ length: 100_000 }, (_, i) => i));
      const b = 1n << 1_000_000n;
      console.log({ bytes: new Uint8Array(1_000_000), big: [b, b, b] });
      console.log(new Map(Array.from({ length: 100_000 }, (_, i) => [i, i])));
      console.log(new Error("y".repeat(1_000_000)));
      const deep: unknown[] = [];
      let at = deep;
      for (let i = 0; i < 10_000; i++) at.push(at = []);
      console.log(deep);
    });
    const [text, list, bytes, map, error, deep] = lines as Line[];
    assert.match(String(text![1]), /^x{65536}… 4934464 more characters$/);
    const items = list![1] as unknown[];
    assert.equal(items.at(-1), `… ${100_000 - items.length + 1} more items`);
    assert.deepEqual(bytes![1], "[a line that can't be printed]");
    assert.ok((map![1] as Map<unknown, unknown>).size < 10_000);
    assert.match(String(error![1]), /^Error: y+/);
    assert.match(JSON.stringify(deep![1]), /^\[{32}"\[Array\]"\]{32}$/);
  });
});

describe("a task that does not end well", () => {
  test("has printed before its rejection", async () => {
    const { lines, console: own } = recorder();
    const fail = pool.defer(() => {
      console.log("before");
      throw new Error("fails");
    }, { console: own });
    await assert.rejects(fail, /fails/);
    assert.deepEqual(lines, [["log", "before"]]);
    const hang = pool.defer(() => {
      console.log("hangs");
      for (;;);
    }, { console: own, timeout: 50 });
    await assert.rejects(hang, { name: "TimeoutError" });
    assert.deepEqual(lines[1], ["log", "hangs"]);
  });

  test("prints nothing more once it was cancelled", async () => {
    const { lines, console: own } = recorder();
    const task = pool.defer(() => {
      for (let i = 0;; i++) console.log(i);
    }, { console: own });
    await until(() => lines.length > 0, "a line");
    task.cancel();
    const { length } = lines;
    await assert.rejects(task, { name: "AbortError" });
    await pool.run(() => 1);
    assert.equal(lines.length, length);
  });
});

describe("code that is text", () => {
  test("can't send control characters to a terminal", async () => {
    const { lines, console: own } = recorder();
    const text =
      "console.log('a\\x1b[2J\\tb\\n', { 'k\\x1b': ['\\x9b'] }, /\\x1b/, new Map([['\\x07', 1]]));" +
      "console.error(new Error('\\x1b]0;'));" +
      "console.table([{ '\\x1b': 1 }]); console.count('\\x1b');" +
      "console.log({ ['fn\\x1b']: { [`\\x1b`]() {} } });" +
      "console.log(new (class { static { Object.defineProperty(this, 'name', { value: '\\x1b' }) } }))";
    await pool.eval(text, { console: own });
    const shown = lines.map((line) =>
      JSON.stringify(line, (_, value) => value instanceof Map ? [...value] : value) +
      JSON.stringify((line[1] as object).constructor.name)
    ).join();
    assert.equal(lines.length, 6);
    assert.deepEqual(lines[0]!.slice(0, 3), ["log", "a\\u001b[2J\tb\n", {
      "k\\u001b": ["\\u009b"],
    }]);
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(shown.replaceAll("\\\\u", ""), /[\x1b\x9b\x07]|\\u001b|\\u0007/);
    // Of a function, whose author is the host's, they arrive: colours are welcome.
    assert.deepEqual(await printed(() => console.log("\x1b[1mbold\x1b[0m")), [
      ["log", "\x1b[1mbold\x1b[0m"],
    ]);
  });

  test("may break its own console, and nothing else", async () => {
    const { lines, console: own } = recorder();
    const text = "Object.getOwnPropertyDescriptor = Array.prototype.push = null;" +
      "Object.defineProperty(Object.prototype, 'get', { value: 1 });" +
      "Map.prototype.get = () => { throw 1; };" +
      "console.log({ a: [new (class A {})] }); console.log(1); 7";
    assert.equal(await pool.eval(text, { console: own }), 7);
    assert.equal(lines.length, 2);
    await pool.defer(() => console.log({ a: 1 }), { console: own });
    assert.deepEqual(lines[2], ["log", { a: 1 }]);
  });
});

test("a task prints in a Worker of the host's, and on a real console", async () => {
  const program = `
    await Deferred.run(() => { console.log("main %d", 1); console.group("g"); console.log("in"); });
    console.log("end");`;
  assert.equal(await outputOf(program), "main 1\ng\n  in\nend");
  const worker = `
    import { Worker } from "node:worker_threads";
    const text = 'import { parentPort } from "node:worker_threads";' +
      'import { Deferred } from ' + JSON.stringify(${JSON.stringify(MOD)}) + ';' +
      'const lines = []; await new Deferred(() => console.log("in a worker"), { console: { log: (text) => lines.push(text) } });' +
      'parentPort.postMessage(lines);';
    const worker = new Worker(new URL("data:text/javascript," + encodeURIComponent(text)));
    worker.on("message", (lines) => { console.log(lines.join()); worker.terminate(); });`;
  assert.equal(await outputOf(worker), "in a worker");
});
