// deno-lint-ignore-file require-await -- tasks are async to be tested as async
/**
 * A Deferred as its user meets it: a promise of what a function returns, which functions it takes,
 * and what it says about those it can't take.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  DataCloneError,
  Deferred,
  DeferredError,
  DeferredPool,
  FreeVariableError,
  FunctionNotSerializableError,
  PoolClosedError,
  UnsettledError,
} from "../mod.ts";
import { outputOf, runtime } from "./support/process.ts";

const folder = mkdtempSync(join(tmpdir(), "deferred-calls-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const LIBRARY = `libdeferred.${process.platform === "darwin" ? "dylib" : "so"}`;

const ofTheModule = (): unknown => this;

/** A function from its text, as it would come out of a transpiler. */
function written<F>(text: string): F {
  return new Function(`return (${text})`)() as F;
}

/** A method from its text: `text` is what stands in an object. */
function member<F>(text: string, key: PropertyKey): F {
  const object = new Function(`return { ${text} }`)();
  const { get, set, value } = Object.getOwnPropertyDescriptor(object, key)!;
  return (get ?? set ?? value) as F;
}

/** What making a Deferred of `fn` says. */
function refusalOf(fn: unknown, options?: unknown): Error {
  try {
    const made = new Deferred(fn as () => unknown, options as undefined);
    made.catch(() => {});
  } catch (error) {
    assert.ok(error instanceof Error);
    return error;
  }
  assert.fail("it was not refused");
}

describe("a Deferred", () => {
  test("settles as the function does: then, catch and finally", async () => {
    const log: unknown[] = [];
    await new Deferred(() => {
      let x = 0;
      while (x < 1_000_000) x++;
      return x;
    })
      .then((v) => log.push(v)).catch((e) => log.push(e)).finally(() => log.push("done"));
    assert.deepEqual(log, [1_000_000, "done"]);
  });

  test("can be awaited, with arguments", async () => {
    assert.equal(await new Deferred((w: number, h: number) => w * h, { args: [6, 7] }), 42);
    assert.equal(await Deferred.run((n: number) => n * 2, 21), 42);
    const reverse = (s: string) => s.split("").reverse().join("");
    assert.equal(
      await Deferred.run(reverse, "skroW_noitucexE_derrefeD"),
      "Deferred_Execution_Works",
    );
  });

  test("rejects as the function throws", async () => {
    const failed = new Deferred(() => {
      throw new Error("Intentional test error");
    });
    await assert.rejects(failed, { name: "Error", message: "Intentional test error" });
    assert.equal(await failed.catch((e: Error) => e.message), "Intentional test error");
    assert.equal(await failed.then(() => "ok", () => "not ok"), "not ok");
    await assert.rejects(failed.finally(() => {}), /Intentional/);
  });

  test("is a promise, and what is derived from it are ordinary promises", async () => {
    const made = Deferred.run(() => 1);
    assert.ok(made instanceof Promise);
    assert.ok(made instanceof Deferred);
    assert.equal(String(made), "[object Deferred]");
    for (const derived of [made.then((v) => v), made.catch(() => 0), made.finally(() => {})]) {
      assert.ok(derived instanceof Promise);
      assert.ok(!(derived instanceof Deferred));
      assert.equal(await derived, 1);
    }
    assert.equal(Promise.resolve(made) instanceof Promise, true);
    assert.equal(await Promise.resolve(made), 1);
  });

  test("works in Promise.all, allSettled, race and any", async () => {
    const sum = (to: number) => {
      let total = 0;
      for (let i = 1; i <= to; i++) total += i;
      return total;
    };
    const sums = await Promise.all([1, 2, 3].map(() => Deferred.run(sum, 100_000)));
    assert.deepEqual(sums, [5000050000, 5000050000, 5000050000]);

    const fail = () => {
      throw new RangeError("no");
    };
    const settled = await Promise.allSettled([Deferred.run(() => "yes"), Deferred.run(fail)]);
    assert.deepEqual(settled.map(({ status }) => status), ["fulfilled", "rejected"]);
    assert.equal(await Promise.race([Deferred.run(() => 7), new Promise(() => {})]), 7);
    assert.equal(await Promise.any([Deferred.run(fail), Deferred.run(() => 8)]), 8);
  });

  test("has Promise's static methods, which make ordinary promises", async () => {
    const Inherited = Deferred as unknown as PromiseConstructor;
    assert.deepEqual(await Inherited.all([Deferred.run(() => 1), 2]), [1, 2]);
    assert.equal(await Inherited.race([Deferred.run(() => 1)]), 1);
    assert.equal(await Inherited.any([Deferred.run(() => 1)]), 1);
    assert.deepEqual(await Inherited.allSettled([Deferred.run(() => 1)]), [
      { status: "fulfilled", value: 1 },
    ]);
    assert.equal(await Inherited.resolve(3), 3);
    await assert.rejects(Inherited.reject(new TypeError("x")), TypeError);
    assert.ok(!(Inherited.resolve(3) instanceof Deferred));
    const { promise, resolve } = Inherited.withResolvers<number>();
    resolve(4);
    assert.equal(await promise, 4);
  });

  test("starts at once, before anyone awaits it", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    const first = pool.run(() => 1);
    assert.equal(pool.pending, 1);
    assert.equal(first.stats, undefined);
    await pool.close();
    assert.ok(first.stats !== undefined);
  });

  test("tells its name and how it ran", async () => {
    const made = Deferred.run(function counting() {
      const start = performance.now();
      while (performance.now() - start < 20);
    });
    assert.equal(made.name, "counting");
    assert.equal(new Deferred(() => 1, { name: "mine" }).name, "mine");
    assert.equal(made.stats, undefined);
    await made;
    const { worker, runTime, waitTime } = made.stats!;
    assert.ok(Number.isInteger(worker) && worker >= 1);
    assert.ok(runTime >= 19, `runTime ${runTime}`);
    assert.ok(waitTime >= 0, `waitTime ${waitTime}`);
  });
});

describe("functions that a Deferred takes", () => {
  const takes = (
    what: string,
    fn: (...args: never[]) => unknown,
    args: unknown[],
    gives: unknown,
  ) =>
    test(what, async () => {
      const run = fn as (...args: unknown[]) => unknown;
      assert.deepEqual(await new Deferred(run, { args }), gives);
      assert.deepEqual(await new Deferred(run, { args }), gives, "the same function again");
    });

  takes("an arrow function", (a: number) => a + 1, [1], 2);
  takes("an arrow function whose body is an object", () => ({ a: 1 }), [], { a: 1 });
  takes(
    "a function expression",
    function (a: number) {
      return a + 1;
    },
    [1],
    2,
  );
  takes(
    "a function that calls itself by its name",
    function factorial(n: number): number {
      return n < 2 ? 1 : n * factorial(n - 1);
    },
    [10],
    3628800,
  );
  function declared(a: string): string {
    return a + a;
  }
  takes("a function declaration", declared, ["ab"], "abab");
  takes(
    "defaults, patterns and rest parameters",
    (
      { a, ...others }: Record<string, number>,
      [b = 2]: number[] = [],
      ...rest: number[]
    ) => [a, others, b, rest],
    [{ a: 1, c: 3 }, [], 4, 5],
    [1, { c: 3 }, 2, [4, 5]],
  );
  takes(
    "a function that uses `arguments`",
    function () {
      return arguments.length;
    },
    [1, 2, 3],
    3,
  );
  takes(
    "inner functions, classes and generators",
    () => {
      class Counter {
        #count = 0;
        static start() {
          return new this();
        }
        *upTo(n: number) {
          while (this.#count < n) yield ++this.#count;
        }
      }
      return [...Counter.start().upTo(3)];
    },
    [],
    [1, 2, 3],
  );

  takes("an async function", async (a: number) => a + 1, [1], 2);
  takes(
    "an async function that awaits in a loop",
    async () => {
      let sum = 0;
      for (let i = 1; i <= 1000; i++) sum += await i;
      return sum;
    },
    [],
    500500,
  );
  takes("a function that returns a promise", () => Promise.resolve([1]).then((a) => a), [], [1]);
  takes(
    "a function that returns a thenable",
    () => ({
      then(resolve: (value: number) => void) {
        resolve(42);
      },
    }),
    [],
    42,
  );
  takes(
    "an async function that iterates asynchronously",
    async () => {
      async function* numbers() {
        for (let i = 0; i < 3; i++) yield await i;
      }
      const seen = [];
      for await (const n of numbers()) seen.push(n);
      return seen;
    },
    [],
    [0, 1, 2],
  );

  const shapes = {
    area(w: number, h: number) {
      return w * h;
    },
    async later(a: number) {
      return await a;
    },
    get answer() {
      return 42;
    },
    "quoted key"(a: number) {
      return a;
    },
    12(a: number) {
      return a;
    },
  };
  const computed = {
    ["computed " + "key"](a: number) {
      return a;
    },
  };
  class Point {
    static distance(x: number, y: number) {
      return Math.hypot(x, y);
    }
    double(x: number) {
      return 2 * x;
    }
  }
  takes("a method", shapes.area, [6, 7], 42);
  takes("an async method", shapes.later, [1], 1);
  takes("a getter", Object.getOwnPropertyDescriptor(shapes, "answer")!.get!, [], 42);
  takes("a method with a computed name", computed["computed key"]!, [1], 1);
  takes("a method with a quoted name", shapes["quoted key"], [1], 1);
  takes("a method with a number for a name", shapes["12"], [1], 1);
  takes("a static method", Point.distance, [3, 4], 5);
  takes("a method of a class", Point.prototype.double, [4], 8);
  for (const name of ["async", "get", "set", "static", "function", "class", "if", "await", "of"]) {
    takes(
      `a method that is called \`${name}\``,
      member(`${name}(a) { return a + 1 }`, name),
      [1],
      2,
    );
    takes(
      `an async method that is called \`${name}\``,
      member(`async ${name}(a) { return a + await 1 }`, name),
      [1],
      2,
    );
  }

  takes("new Function", new Function("a", "b", "return a + b") as never, [1, 2], 3);
  takes("sloppy code", new Function("a", "with (a) return a.b + 010") as never, [{ b: 2 }], 10);
  takes(
    "comments, line ends and odd characters where nobody expects them",
    written(
      "async /* ( */ (\r\n a, // => {\n b = '`)',\u2028 [c] = [/[)/]}]/.source] ) => a + b + c",
    ),
    ["é𝒳"],
    "é𝒳`)[)/]}]",
  );
  takes("text of every width", written(`() => "\\0 é 😀 \\ud800"`), [], "\0 é 😀 \ud800");
  takes(
    "a function that hides its text",
    Object.assign(() => 1, { toString: () => "() => 2" }),
    [],
    1,
  );

  test("a function whose name is no string, or can't be read", async () => {
    const names = [{ value: 5 }, { value: Symbol("s") }, {
      get() {
        throw new Error("no name");
      },
    }];
    for (const name of names) {
      const made = new Deferred(Object.defineProperty(() => 1, "name", name));
      assert.equal(made.name, "");
      assert.equal(await made, 1);
      const fails = Object.defineProperty(() => new Promise(() => {}), "name", name);
      await assert.rejects(new Deferred(fails), (e: Error) => /the task/.test(e.message + e.stack));
    }
  });

  test("a function has no `this` of its own", async () => {
    const object = {
      value: 1,
      read() {
        return this.value;
      },
    };
    await assert.rejects(Deferred.run(object.read), TypeError);
    await using pool = new DeferredPool({ maxThreads: 1 });
    assert.equal(
      await pool.run(
        function (this: unknown) {
          return typeof this;
        } as () => string,
      ),
      "undefined",
    );
  });

  test("what a function changes around its text can't reach the next task", async () => {
    const count = () => {
      const global = globalThis as unknown as { count?: number };
      return global.count = (global.count ?? 0) + 1;
    };
    await using pool = new DeferredPool({ maxThreads: 1 });
    assert.deepEqual([await pool.run(count), await pool.run(count)], [1, 1]);
  });
});

describe("functions that a transpiler has rewritten run as they were meant", () => {
  const runs = (what: string, text: string, args: unknown[], gives: unknown) =>
    test(what, async () => {
      assert.deepEqual(await new Deferred(written<() => unknown>(text), { args } as never), gives);
    });

  runs(
    "esbuild's kept names",
    `() => { const f = /* @__PURE__ */ __name((x) => x + 1, "f"); return [f(1), f.name]; }`,
    [],
    [2, "f"],
  );
  runs(
    "esbuild's object spread",
    "(o) => __spreadProps(__spreadValues({ a: 1 }, o), { c: 3 })",
    [{ b: 2 }],
    { a: 1, b: 2, c: 3 },
  );
  runs(
    "esbuild's object rest",
    `(o) => { var _a = o, { a } = _a, r = __objRest(_a, ["a"]); return r; }`,
    [
      { a: 1, b: 2 },
    ],
    { b: 2 },
  );
  runs(
    "esbuild's async functions",
    "(x) => __async(null, null, function* () { return (yield Promise.resolve(x)) + 1; })",
    [1],
    2,
  );
  test("esbuild's async arrow functions in a function, with `this` passed along", async () => {
    const make = new Function(
      "__async",
      "return (x) => __async(this, [x], function* (y) { return (yield y) + 1; })",
    );
    assert.equal(await Deferred.run(make.call({}) as (x: number) => Promise<number>, 1), 2);
  });
  test("of any length, in a stack of their own", async () => {
    const sum = new Function(`return 0${"+1".repeat(100_000)}`) as () => number;
    assert.equal(await Deferred.run(sum), 100_000);
    const [open, close] = ["[".repeat(1500), "]".repeat(1500)];
    const deep = new Function(`/* ${"x".repeat(10_000)} */ return ${open}1${close}.length`);
    assert.equal(await Deferred.run(deep as () => number), 1);
    const text = new Function(`return "${"\u00e4".repeat(3e6)}".length`) as () => number;
    assert.equal(await Deferred.run(text), 3e6);
  });
  test("lone surrogates that stand in the text", async () => {
    const fn = new Function("return ['\ud800', `\udc00\ud83d\ude00`]") as () => string[];
    assert.deepEqual(await Deferred.run(fn), ["\ud800", "\udc00\ud83d\ude00"]);
  });
  test("several of them, beside a method that passes on its own", async () => {
    const make = new Function(
      "__async",
      `return () => {
        const a = () => __async(this, null, function* () { return 1; });
        const b = () => __async(this, null, function* () { return 2; });
        const c = { n: 3, get() { return __async(this, null, function* () { return this.n; }); } };
        return Promise.all([a(), b(), c.get()]);
      }`,
    );
    const fn = make.call({}) as () => Promise<number[]>;
    assert.deepEqual(await Deferred.run(fn), [1, 2, 3]);
  });
  runs(
    "esbuild's class fields",
    "() => { class A { constructor() { __publicField(this, 'x', 1); } } return new A().x }",
    [],
    1,
  );
  runs("esbuild's power", "(a) => __pow(a, 3)", [2], 8);
  runs(
    "TypeScript's async functions",
    `function (x) { return __awaiter(this, void 0, void 0, function* () {
      try { yield Promise.reject(x); } catch (e) { return e + (yield 1); }
    }); }`,
    [1],
    2,
  );
  runs(
    "TypeScript's object spread and rest",
    `(o) => __assign(__assign({}, __rest(o, ["a"])), { c: 3 })`,
    [
      { a: 1, b: 2 },
    ],
    { b: 2, c: 3 },
  );
  runs("TypeScript's array spread", "(a) => __spreadArray([0], a, true)", [[1, 2]], [0, 1, 2]);
  runs(
    "istanbul's counters",
    "(a) => { cov_1abc().f[0]++; cov_1abc().s[1]++; return (cov_1abc().b[0][0]++, a) }",
    [1],
    1,
  );
});

test("a covariance is not taken for istanbul's counters", () => {
  for (const text of ["() => cov_xy + 1", "() => cov_xy()", "() => cov_xy().s[0]++ + cov_xy"]) {
    const fn = new Function(`return ${text}`)() as () => unknown;
    assert.throws(() => Deferred.run(fn), FreeVariableError, text);
  }
});

test("Symbol.species is Promise itself", () => {
  const { [Symbol.species]: species } = Deferred as unknown as PromiseConstructor;
  assert.equal(species, Promise);
});

describe("what can't be a task is refused when the Deferred is made", () => {
  const refuses = (what: string, fn: unknown, ...says: RegExp[]) =>
    test(what, () => {
      const error = refusalOf(fn);
      assert.ok(error instanceof FunctionNotSerializableError, error.stack!);
      assert.ok(error instanceof DeferredError);
      assert.equal(error.code, "ERR_DEFERRED_FUNCTION");
      assert.equal(error.name, "FunctionNotSerializableError");
      assert.match(error.message, /^Function not serializable: /);
      for (const part of says) assert.match(error.message, part);
    });

  refuses("a native function", Math.max, /`Math\.max`/, /native/);
  refuses("a native method", Array.prototype.map, /native/);
  refuses("a bound function", function area() {}.bind(null), /`area`/, /bound/);
  refuses("a proxy of a function", new Proxy(() => 1, {}), /native|Proxy/);
  refuses("a class", class Point {}, /`Point`/, /class/);
  refuses("a class without a name", written("class {}"), /class/);
  refuses(
    "a generator function",
    function* counter() {
      yield 1;
    },
    /`counter`/,
    /generator/,
  );
  refuses("a generator method", member("*each() { yield 1 }", "each"), /generator/);
  refuses("an async generator function", async function* () {}, /generator/);
  refuses(
    "an arrow function that uses `this` of the scope around it",
    (function (this: unknown) {
      return () => this;
    }).call({}),
    /`this`/,
  );
  test("an arrow function that uses `this` of the module, which Bun replaces by null", async () => {
    if (runtime === "bun") assert.equal(await Deferred.run(ofTheModule), null);
    else assert.match(refusalOf(ofTheModule).message, /arrow function that uses `this`/);
  });
  refuses(
    "an arrow function in an arrow function that does",
    (function (this: unknown) {
      return () => () => [1].map(() => this);
    }).call({}),
    /`this`/,
  );
  refuses(
    "an arrow function that uses `new.target` of the scope around it",
    new (written<new () => { fn: unknown }>("function () { this.fn = () => new.target }"))().fn,
    /new\.target/,
  );
  refuses(
    "an arrow function that uses `arguments` of the scope around it",
    function () {
      return () => arguments;
    }(),
    /arguments/,
  );
  refuses("a method that uses `super`", member("m() { return super.m() }", "m"), /super/);
  refuses(
    "a method that uses private names",
    class {
      #secret = 1;
      peek() {
        return this.#secret;
      }
    }.prototype.peek,
    /#secret/,
  );
  refuses("`import.meta`", () => import.meta.url, /import\.meta/);

  // A newer form of import, which V8 reads.
  const newer = (() => {
    try {
      return written("(a) => {\n  let b;\n  b = import.source(a);\n  return b;\n}");
    } catch {
      return undefined;
    }
  })();
  test("syntax that the engine can't parse, with its place", { skip: !newer }, () => {
    const error = refusalOf(newer);
    assert.ok(error instanceof FunctionNotSerializableError, error.stack!);
    assert.match(error.message, /engine can't parse .* \(line 3, column \d+\)/);
    assert.ok(error.message.includes("b = import.source(a);"), error.message);
  });

  const shows = (what: string, fn: unknown, got: RegExp) =>
    test(`${what} is no function: the message shows what came`, () => {
      const error = refusalOf(fn);
      assert.ok(error instanceof TypeError, error.stack!);
      assert.match(error.message, /must be a function/);
      assert.match(error.message, got);
    });
  shows("undefined", undefined, /undefined/);
  shows("null", null, /null/);
  shows("a number", 42, /42/);
  shows("a string", "() => 1", /"\(\) => 1"/);
  shows("a long string", "x".repeat(1e6), /^.{1,200}$/);
  shows("a symbol", Symbol("s"), /Symbol\(s\)/);
  shows("an object", { a: 1 }, /object/);
  shows("a promise, which was called too early,", Promise.resolve(1), /promise.*without calling/);
  shows(
    "a revoked proxy",
    (() => {
      const { proxy, revoke } = Proxy.revocable({}, {});
      revoke();
      return proxy;
    })(),
    /./,
  );

  test("without new, or without anything, it is a TypeError", () => {
    assert.throws(() => (Deferred as unknown as () => void)(), TypeError);
    assert.ok(refusalOf(undefined) instanceof TypeError);
  });

  test("a refused function leaves nothing pending", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    const refused = [Math.max, class {}, () => notDefinedAnywhere] as unknown as (() => void)[];
    for (const fn of refused) assert.throws(() => pool.run(fn), DeferredError);
    await assert.rejects(() => pool.run((a: unknown) => a, () => 1), DataCloneError);
    assert.equal(pool.pending, 0);
    assert.equal(await pool.run(() => 1), 1);
  });
});

declare const notDefinedAnywhere: number;

describe("names from outside a function", () => {
  let rate = Number("0.2"); // assigned again, so that no transpiler puts the number in its place
  rate += 0;
  const helper = (x: number) => x * rate;

  const namesIn = (fn: () => unknown): FreeVariableError => {
    const error = refusalOf(fn);
    assert.ok(error instanceof FreeVariableError, error.stack!);
    assert.ok(error instanceof DeferredError);
    assert.equal(error.code, "ERR_DEFERRED_FREE_VARIABLE");
    assert.equal(error.name, "FreeVariableError");
    return error;
  };

  test("are told at once, by name, with what to do", () => {
    const error = namesIn(() => 100 * rate);
    assert.deepEqual(error.names, ["rate"]);
    assert.match(error.message, /`rate` is not defined inside the task/);
    assert.match(error.message, /; pass it by name: new Deferred\(fn, \{ scope: \{ rate \} \}\)$/);
  });

  test("are told all together", () => {
    const error = namesIn(() => helper(1) + rate + notDefinedAnywhere);
    assert.deepEqual([...error.names].sort(), ["helper", "notDefinedAnywhere", "rate"]);
    for (const name of error.names) assert.match(error.message, new RegExp(`\`${name}\``));
  });

  test("are found in inner functions, defaults, assignments and branches that never run", () => {
    assert.deepEqual(namesIn(() => () => [1].map(() => rate)).names, ["rate"]);
    assert.deepEqual(namesIn((a = rate) => a).names, ["rate"]);
    assert.deepEqual(namesIn(() => rate = 1).names, ["rate"]);
    assert.deepEqual(namesIn(() => Math.random() < 0 ? rate : 1).names, ["rate"]);
    assert.deepEqual(namesIn(() => `${rate}`).names, ["rate"]);
    assert.deepEqual(namesIn(() => ({ rate })).names, ["rate"]);
    assert.deepEqual(namesIn(written("() => { class A extends Missing {} }")).names, ["Missing"]);
  });

  test("of the host say that they stay outside", () => {
    assert.match(namesIn(() => fetch("x")).message, /`fetch`.*network/);
    assert.match(namesIn(() => new DeferredPool()).message, /can't start tasks/);
  });

  test("of workers and modules say what takes their place", () => {
    const post = namesIn(written("() => postMessage(1)")).message;
    assert.match(post, /`postMessage` .* no messages; return the value, and await/);
    assert.match(
      namesIn(written("() => { onmessage = 1 }")).message,
      /pass what it needs in `args`/,
    );
    assert.match(namesIn(written("() => __dirname")).message, /can't load modules; pass/);
  });

  test("that are called can be offered, and it is not said that they can be passed", () => {
    const said = (text: string) => namesIn(written(text)).message;
    const missing = (name: string) =>
      `\`${name}\` is not defined inside the task; pass it by name: ` +
      `new Deferred(fn, { scope: { ${name} } })`;
    const called = (name: string) =>
      `${missing(name)}; or offer what must run outside: { host: { ${name} } }`;
    assert.equal(said("() => readFileSync('x', 'utf8').length"), called("readFileSync"));
    for (
      const text of ["() => tell?.(1)", "() => tell `x`", "() => tell\n(1)"]
    ) {
      assert.equal(said(text), called("tell"));
    }
    assert.match(said("() => report(1)"), /^`report` is found in the task's last parameter, /);
    const made = `${missing("Tell")}; a class whose instances are passed is one of a pool's: ` +
      "new DeferredPool({ classes: [Tell] })";
    for (const text of ["() => new Tell(1)", "(a) => a instanceof Tell", "() => Tell(new Tell)"]) {
      assert.equal(said(text), made);
    }
    // A class that extends Error can't be registered.
    assert.equal(said("() => { throw new TellError() }"), missing("TellError"));
    for (const text of ["() => tell + 1", "(a) => a.tell(tell)", "() => tell.length"]) {
      assert.equal(said(text), missing("tell"));
    }
    assert.match(said("() => a(b(c, d))"), /scope: { a, b, c, d } }\); or offer .* { a } }$/);
    const named = refusalOf(written("() => tell(1)"), { name: "report" });
    assert.match(
      named.message,
      /^`tell` is not defined inside the task `report`; pass it by name/,
    );
  });

  test("a function that calls itself by an outer name is told how to write it", () => {
    const down = (n: number): number => n < 1 ? 0 : down(n - 1);
    assert.match(namesIn(down as () => number).message, /scope: { down } }.*function down\(/);
  });

  test("are no matter where they are only declared, shadowed, keys or probed with typeof", async () => {
    assert.equal(await Deferred.run((rate: number) => rate, 1), 1);
    assert.equal(
      await Deferred.run(() => {
        const rate = { rate: 2 };
        return rate.rate;
      }),
      2,
    );
    assert.equal(await Deferred.run(() => typeof notDefinedAnywhere), "undefined");
    assert.equal(
      await Deferred.run(() => typeof notDefinedAnywhere === "number" ? notDefinedAnywhere : 3),
      3,
    );
    assert.equal(await Deferred.run(() => [undefined, NaN, Infinity, globalThis].length), 4);
  });

  test("may be allowed: the names that a task defines itself", async () => {
    const define = () => {
      (globalThis as unknown as { notDefinedAnywhere: number }).notDefinedAnywhere = 5;
      return notDefinedAnywhere;
    };
    assert.throws(() => new Deferred(define), FreeVariableError);
    assert.equal(await new Deferred(define, { allowGlobals: ["notDefinedAnywhere"] }), 5);
    assert.equal(await new Deferred(define, { allowGlobals: true }), 5);
    assert.throws(() => new Deferred(define), FreeVariableError, "and it is not forgotten");
    const two = () => notDefinedAnywhere + rate;
    const allowed = { allowGlobals: ["notDefinedAnywhere"] };
    assert.throws(() => new Deferred(two, allowed), (e: FreeVariableError) => {
      assert.deepEqual(e.names, ["rate"]);
      return true;
    });
    await assert.rejects(new Deferred(two, { allowGlobals: true }), ReferenceError);
  });
});

describe("options", () => {
  const says = (options: unknown, message: RegExp) => {
    const error = refusalOf((a: unknown) => a, options);
    assert.ok(error instanceof TypeError, error.stack!);
    assert.match(error.message, message);
  };

  test("that do not exist are told by name", () => {
    says({ arg: [1] }, /no option `arg`.*args/);
    says({ args: [], timeOut: 5 }, /`timeOut`/);
    for (const name of ["filename", "type", "language", "loader", "moduleLimit", "sourceLimit"]) {
      const wanted = `no option \`${name}\`; it is for code that is text, which Deferred\\.eval`;
      says({ [name]: 1 }, new RegExp(wanted));
    }
  });

  test("that are misspelt are told which one was meant", () => {
    const meant: [wrong: string, right: string][] = [
      ["arg", "args"],
      ["nmae", "name"],
      ["timeOut", "timeout"],
      ["tiemout", "timeout"],
      ["memory", "memoryLimit"],
      ["stackSize", "maxStackSize"],
      ["globals", "allowGlobals"],
      ["transferList", "transfer"],
      ["abortSignal", "signal"],
      ["arguments", "args"],
      ["params", "args"],
      ["tools", "host"],
      ["logger", "console"],
    ];
    for (const [wrong, right] of meant) {
      says({ [wrong]: 1 }, new RegExp(`no option \`${wrong}\`; did you mean \`${right}\`\\?$`));
    }
    for (const far of ["x", "limit", "priority", "", "__proto"]) {
      says({ [far]: 1 }, /; the options are .*args, .*allowGlobals/);
    }
    says({ ["x".repeat(1e6)]: 1 }, /^.{1,400}$/);
    const ofPools = /; `maxThreads` is a pool's: new DeferredPool\(\{ maxThreads \}\)$/;
    for (const wrong of ["threads", "workers", "concurrency", "size", "poolSize", "maxthread"]) {
      says({ [wrong]: 2 }, ofPools);
      assert.throws(
        () => new DeferredPool({ [wrong]: 2 } as never),
        new RegExp(`no option \`${wrong}\`; did you mean \`maxThreads\`\\?$`),
      );
    }
    const pool = () => new DeferredPool({ maxThread: 1 } as never);
    assert.throws(pool, /^TypeError: .*no option `maxThread`; did you mean `maxThreads`\?$/);
  });

  test("of a wrong type are a TypeError, numbers that make no sense a RangeError", () => {
    const wrongType = ["5", null, 5n, {}, true];
    const noSense = [0, -1, NaN];
    for (const name of ["timeout", "cpuLimit", "queueTimeout", "memoryLimit", "maxStackSize"]) {
      for (const [values, kind] of [[wrongType, TypeError], [noSense, RangeError]] as const) {
        for (const value of values) {
          const options = { [name]: value };
          assert.throws(() => new Deferred(() => 1, options as never), kind, `${name}: ${value}`);
          assert.throws(() => Deferred.wrap(() => 1).with(options as never), kind);
          assert.throws(() => new DeferredPool(options as never), kind);
        }
      }
    }
    assert.throws(() => new DeferredPool({ maxThreads: "2" } as never), TypeError);
    assert.throws(() => new DeferredPool({ maxThreads: 2.5 }), RangeError);
  });

  test("of a wrong type are told with what came", () => {
    says([1, 2], /options must be an object.*array of 2/);
    says("args", /options must be an object/);
    says({ args: 5 }, /args must be an array.*5/);
    says({ args: "abc" }, /args must be an array.*"abc"/);
    says({ args: { length: 1 } }, /args must be an array.*object/);
    says({ args: [], name: 5 }, /name must be a string.*5/);
    says({ args: [], pool: {} }, /pool must be a DeferredPool/);
    says({ args: [], pool: null }, /pool must be a DeferredPool, got null/);
    class DeferredPool {}
    says({ pool: new DeferredPool() }, /must be a DeferredPool of this copy of the package, got/);
    says(null, /^new Deferred\(fn, options\): options must be an object.*null/);
    says({ args: [], allowGlobals: "x" }, /allowGlobals/);
    says({ args: [], allowGlobals: [5] }, /allowGlobals/);
  });

  test("are all there can be behind the function", () => {
    const make = (...rest: unknown[]) => () => new Deferred(() => 1, ...(rest as []));
    assert.throws(make({}, 2), {
      name: "TypeError",
      message: "new Deferred(fn, options): nothing can follow the options, got the number 2; the " +
        "function's arguments go into them: { args: [1, 2] }",
    });
    assert.throws(make(undefined, { name: "x" }), /nothing can follow the options, got an object/);
    assert.throws(make(1, 2), /options must be an object .* got the number 1/);
  });

  test("may be left out or undefined", async () => {
    const none = undefined;
    assert.equal(await new Deferred(() => 1, none), 1);
    const options = { args: undefined, name: undefined, pool: undefined, allowGlobals: undefined };
    assert.equal(await new Deferred(() => 1, options as never), 1);
  });

  test("the name stands in what is said about the task", async () => {
    const options = { name: "monthly report" };
    assert.match(refusalOf(class {}, options).message, /`monthly report`/);
    await assert.rejects(
      new Deferred(() => new Promise(() => {}), options),
      /`monthly report`/,
    );
  });
});

describe("what is wrong with a call", () => {
  test("is thrown if it never depends on data or time", () => {
    const pool = new DeferredPool();
    const closed = new DeferredPool();
    closed.destroy();
    const wrong: [() => unknown, new (...args: never[]) => Error][] = [
      [() => new Deferred(5 as never), TypeError],
      [() => Deferred.run(undefined as never), TypeError],
      [() => closed.run(null as never), TypeError],
      [() => closed.defer(() => 1, { timeOut: 5 } as never), TypeError],
      [() => closed.defer(() => 1, { timeout: -1 }), RangeError],
      [() => closed.wrap(() => 1, { memoryLimit: 5 }), RangeError],
      [() => pool.defer(() => 1, { maxStackSize: 2 ** 28 }), RangeError],
      [() => pool.wrap(() => notDefinedAnywhere), FreeVariableError],
      [() => pool.run(Math.max), DeferredError],
      [() => closed.run(Math.max), DeferredError],
      [() => closed.run(() => notDefinedAnywhere), FreeVariableError],
      [() => closed.defer(() => notDefinedAnywhere), FreeVariableError],
      [() => closed.wrap(() => notDefinedAnywhere), FreeVariableError],
      [() => new Deferred(() => notDefinedAnywhere, { pool: closed }), FreeVariableError],
      [() => Deferred.wrap(() => notDefinedAnywhere, { pool: closed }), FreeVariableError],
      [() => closed.eval(5 as never), TypeError],
      [() => closed.eval("1", { scope: { "not a name": 1 } }), TypeError],
      [() => pool.wrap(() => 1).with({ args: [] } as never), TypeError],
      [() => pool.wrap(() => 1).with({ timeout: 0 }), RangeError],
      [() => pool.wrap(() => 1).with({ maxStackSize: 2 ** 28 }), RangeError],
    ];
    for (const [call, kind] of wrong) assert.throws(call, kind, String(call));
    pool.destroy();
  });

  test("is not taken for wrong on a closed pool: its classes, and names that are allowed", async () => {
    class Point {
      x = 1;
    }
    const pool = new DeferredPool({ classes: [Point] });
    const make = () => new Point().x;
    assert.equal(await pool.run(make), 1);
    pool.destroy();
    await assert.rejects(pool.run(make), PoolClosedError);
    const allowed = () => notDefinedAnywhere;
    await assert.rejects(pool.defer(allowed, { allowGlobals: true }), PoolClosedError);
    const names = ["notDefinedAnywhere"];
    await assert.rejects(pool.defer(allowed, { allowGlobals: names }), PoolClosedError);
  });

  test("is thrown without the library, too, and that it is missing rejects", async () => {
    const output = await outputOf(
      `const good = {
        "new Deferred": () => new Deferred(() => 1),
        "new Deferred, with limits": () => new Deferred(() => 1, { timeout: 5, memoryLimit: 2 ** 21 }),
        run: () => Deferred.run((n) => n, 1),
        wrap: () => Deferred.wrap((n) => n)(1),
        with: () => Deferred.wrap((n) => n).with({ timeout: 5 })(1),
        eval: () => Deferred.eval("1"),
      };
      const wrong = {
        "no function": () => new Deferred(5),
        "no function to run": () => Deferred.run(),
        "no function to wrap": () => Deferred.wrap("x"),
        native: () => Deferred.run(Math.max),
        bound: () => Deferred.wrap(function () {}.bind()),
        class: () => new Deferred(class {}),
        option: () => new Deferred(() => 1, { timeOut: 5 }),
        "option of wrap": () => Deferred.wrap(() => 1, { args: [] }),
        limit: () => new Deferred(() => 1, { timeout: -1 }),
        "limit of with": () => Deferred.wrap(() => 1).with({ timeout: -1 }),
        stack: () => new Deferred(() => 1, { maxStackSize: 2 ** 28 }),
        "stack of with": () => Deferred.wrap(() => 1).with({ maxStackSize: 2 ** 28 }),
        "stack of eval": () => Deferred.eval("1", { maxStackSize: 2 ** 28 }),
        "no text": () => Deferred.eval(5),
        scope: () => Deferred.eval("1", { scope: { "a b": 1 } }),
      };
      const found = {};
      for (const [what, call] of Object.entries({ ...good, ...wrong })) {
        let task;
        try {
          task = call();
        } catch (error) {
          found[what] = "throws " + error.name;
          continue;
        }
        found[what] = task instanceof Deferred ? await task.then(String, (e) => e.name) : "no task";
      }
      try {
        new DeferredPool();
      } catch (error) {
        found["new DeferredPool"] = "throws " + error.name;
      }
      console.log(JSON.stringify(found));`,
      { env: { DEFERRED_LIBRARY: "/nowhere/libdeferred.so" } },
    );
    const missing = "LibraryNotFoundError";
    assert.deepEqual(JSON.parse(output), {
      "new Deferred": missing,
      "new Deferred, with limits": missing,
      run: missing,
      wrap: missing,
      with: missing,
      eval: missing,
      "no function": "throws TypeError",
      "no function to run": "throws TypeError",
      "no function to wrap": "throws TypeError",
      native: "throws FunctionNotSerializableError",
      bound: "throws FunctionNotSerializableError",
      class: "throws FunctionNotSerializableError",
      option: "throws TypeError",
      "option of wrap": "throws TypeError",
      limit: "throws RangeError",
      "limit of with": "throws RangeError",
      stack: "throws RangeError",
      "stack of with": "throws RangeError",
      "stack of eval": "throws RangeError",
      "no text": "throws TypeError",
      scope: "throws TypeError",
      "new DeferredPool": `throws ${missing}`,
    });
  });

  test("a function that was wrapped without the library runs once it is there", async () => {
    const output = await outputOf(
      `import { symlinkSync } from "node:fs";
      const twice = Deferred.wrap((n) => 2 * n);
      const other = Deferred.wrap(() => notDefinedAnywhere);
      console.log(await twice(1).catch((error) => error.name));
      symlinkSync(process.env.BUILT, process.env.DEFERRED_LIBRARY);
      console.log(await twice(21), await twice.with({ timeout: 10_000 })(2));
      console.log(await other().catch((error) => error.name));`,
      {
        env: {
          DEFERRED_LIBRARY: join(folder, LIBRARY),
          BUILT: fileURLToPath(new URL(`../build/release/${LIBRARY}`, import.meta.url)),
        },
      },
    );
    assert.deepEqual(output.split("\n"), ["LibraryNotFoundError", "42 4", "FreeVariableError"]);
  });

  test("rejects if it depends on data or time: nothing is left without a handler", async () => {
    const pool = new DeferredPool({ maxThreads: 1 });
    const rows = [1, 2, Symbol("x"), 4, () => 5, 6];
    const same = (row: unknown) => row;
    const calls: [string, (row: unknown) => Promise<unknown>][] = [
      ["run", (row) => pool.run(same, row)],
      ["defer", (row) => pool.defer(same, { args: [row] })],
      ["new Deferred", (row) => new Deferred(same, { args: [row], pool })],
      ["wrap", pool.wrap(same)],
      ["eval", (row) => pool.eval("row", { scope: { row } })],
    ];
    for (const [what, call] of calls) {
      const ends = await Promise.allSettled(rows.map((row) => call(row)));
      assert.deepEqual(
        ends.map((end) => end.status === "fulfilled" ? end.value : end.reason.name),
        [1, 2, "DataCloneError", 4, "DataCloneError", 6],
        what,
      );
      await assert.rejects(Promise.all(rows.map((row) => call(row))), DataCloneError, what);
    }
    pool.destroy();
    for (const [what, call] of calls) await assert.rejects(call(1), PoolClosedError, what);
  });

  test("rejects with what a getter among the arguments throws", async () => {
    const own = new RangeError("mine");
    const arg = {
      get x() {
        throw own;
      },
    };
    const task = Deferred.run((a: unknown) => a, arg);
    assert.ok(task instanceof Deferred);
    assert.equal(await task.catch((error) => error), own);
    task.cancel();
    assert.equal(task.stats, undefined);
  });

  test("is not guessed from names: a parameter may be called as one likes", async () => {
    const run = Deferred.run as (fn: unknown, ...args: unknown[]) => Deferred<unknown>;
    assert.equal(await Deferred.run((res?: string) => res ?? "none"), "none");
    assert.equal(await run((resolve: unknown, reject: unknown) => [resolve, reject].length), 2);
    assert.equal(await run(() => 1, { timeout: 100, name: "x" }), 1);
    assert.deepEqual(await run((_: number, it = {}) => it, 1, { timeout: 9 }), { timeout: 9 });
  });
});

describe("wrap", () => {
  test("gives a function with the same parameters, each call of which is a task", async () => {
    await using pool = new DeferredPool({ maxThreads: 2 });
    const area = pool.wrap((w: number, h: number) => w * h);
    const one = area(6, 7);
    assert.ok(one instanceof Deferred);
    assert.equal(pool.pending, 1);
    assert.deepEqual(await Promise.all([one, area(8, 9)]), [42, 72]);
    assert.equal(await Deferred.wrap(async (text: string) => await text.length)("four"), 4);
    const inPool = Deferred.wrap(() => 5, { pool, name: "five" });
    const five = inPool();
    assert.deepEqual([pool.pending, five.name, await five], [1, "five", 5]);
  });

  test("gives a function with the name and the length of the one that it wraps", () => {
    function volume(w: number, h: number, d: number): number {
      return w * h * d;
    }
    const wrapped = Deferred.wrap(volume);
    assert.deepEqual([wrapped.name, wrapped.length], ["volume", 3]);
    const named = Deferred.wrap(volume, { name: "report" });
    assert.deepEqual([named.name, named.length], ["report", 3]);
    const again = named.with({ name: "again" });
    assert.deepEqual([again.name, again.length], ["again", 3]);
    assert.equal(Deferred.wrap((a: number, b = 1, ...c: number[]) => [a, b, c]).length, 1);
    const changed = Object.defineProperty(wrapped, "name", { value: "mine" });
    assert.equal(changed.name, "mine", "as of any function it can be changed");
  });

  test("checks where it stands, once, and looks at no text later", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    assert.throws(() => pool.wrap(() => notDefinedAnywhere), FreeVariableError);
    const define = () => {
      (globalThis as unknown as { notDefinedAnywhere: number }).notDefinedAnywhere = 5;
      return notDefinedAnywhere;
    };
    assert.equal(await pool.wrap(define, { allowGlobals: ["notDefinedAnywhere"] })(), 5);
    const { toString } = Function.prototype;
    const add = pool.wrap((n: number) => n + 1);
    try {
      Function.prototype.toString = () => assert.fail("the text was looked at");
      for (let i = 0; i < 10; i++) assert.equal(await add(i), i + 1);
    } finally {
      Function.prototype.toString = toString;
    }
  });

  test("its limits and its signal are those of each call; `with` changes them for some", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    const endless = () => {
      for (;;);
    };
    const loop = pool.wrap(endless, { timeout: 5 });
    for (let i = 0; i < 3; i++) await assert.rejects(loop(), /its timeout of 5 ms/);
    await assert.rejects(loop.with({ timeout: 7 })(), /its timeout of 7 ms/);
    await assert.rejects(loop.with({ cpuLimit: 1e6 })(), /its timeout of 5 ms/);
    await assert.rejects(loop(), /its timeout of 5 ms/);

    const gone = new AbortController();
    const free = pool.wrap(endless);
    const tasks = [free.with({ signal: gone.signal })(), free.with({ signal: gone.signal })()];
    gone.abort("enough");
    for (const task of tasks) assert.equal(await task.catch((reason) => reason), "enough");
    await assert.rejects(free.with({ name: "spin", timeout: 5 })(), /the task `spin` ran longer/);

    const length = pool.wrap((b: ArrayBuffer) => b.byteLength);
    const buffer = new ArrayBuffer(100);
    assert.equal(await length.with({ transfer: [buffer] })(buffer), 100);
    assert.ok(buffer.detached);
    assert.equal(await length(new ArrayBuffer(7)), 7);
    const same = length.with({ timeout: undefined, signal: undefined });
    assert.equal(await same(new ArrayBuffer(3)), 3);
  });

  test("goes on when its program had to make room for others", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    const wrapped = pool.wrap((n: number) => n * 3);
    const make = (i: number) => new Function(`return () => ${i}`)() as () => number;
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 2100; i++) pool.wrap(make(2100 * round + i)); // more than are kept
      assert.equal(await wrapped(round), 3 * round);
      assert.equal(await wrapped(7), 21);
    }
  });

  test("on a closed pool throws nothing, but its calls reject", async () => {
    const pool = new DeferredPool({ maxThreads: 1 });
    const before = pool.wrap(() => 1);
    pool.destroy();
    const after = pool.wrap(() => 2);
    for (const wrapped of [before, after, before.with({ timeout: 5 })]) {
      const [one, two] = [wrapped(), wrapped()];
      const first = await one.catch((error) => error);
      assert.ok(first instanceof PoolClosedError);
      assert.notEqual(
        await two.catch((error) => error),
        first,
        "each call has an error of its own",
      );
    }
  });

  test("tells what would be ignored", () => {
    const wrap = Deferred.wrap as (...args: unknown[]) => { with(options: unknown): unknown };
    const says = (call: () => unknown, message: RegExp) =>
      assert.throws(call, { name: "TypeError", message });
    says(() => wrap(), /^Deferred\.wrap\(fn\): fn must be a function, got undefined/);
    says(() => wrap(() => 1, { args: [1] }), /no option `args`; the arguments are passed when the/);
    says(() => wrap(() => 1, 5), /options must be an object such as \{ timeout: 100 \}, got the/);
    says(() => wrap(() => 1, {}, 6), /nothing can follow the options, got the number 6$/);
    says(
      () => wrap(() => 1).with({ pool: 1 }),
      /wrapped\.with\(options\): there is no option `pool`/,
    );
    says(
      () => wrap(() => 1).with({ name: 5 }),
      /wrapped\.with\(\{ name \}\): name must be a string/,
    );
  });
});

describe("a function that takes itself for a Promise's executor", () => {
  const NOTHING = "not a function: there is no argument for the parameter `";
  const told = async (text: string, args: unknown[] = []): Promise<string> => {
    const failed = new Deferred(written<() => unknown>(text), { args } as never);
    const error: unknown = await failed.then(() => assert.fail("it ran"), (error) => error);
    assert.ok(error instanceof TypeError, String(error));
    assert.ok(error.stack!.startsWith(`TypeError: ${error.message}\n`), error.stack!);
    return error.message;
  };

  test("is told that it is none, by which call failed", async () => {
    assert.equal(
      await told("(ok, reject) => ok(1)"),
      `${NOTHING}ok\`. Unlike a Promise's executor a task is passed nothing but its \`args\`: ` +
        "return the value, or throw",
    );
    const calls: [text: string, name: string, args?: unknown[]][] = [
      ["(a, b) => { if (!a) b(new Error('no')); }", "b"],
      ["done => done()", "done"],
      ["async (ok) => { await 1; ok({ a: [1, String(2)] }); }", "ok"],
      ["function (ok) {\n  const sum = 1 + 2;\n  ok (\n    sum );\n}", "ok"],
      ["(n, then) => [n].forEach((x) => then(x * 2))", "then", [5]],
      ["(ok) => Promise.resolve(1).then((x) => ok(x))", "ok"],
      ["({ m(ok) { return ok`text` } }).m", "ok"],
      ["(Thing) => new Thing(1)", "Thing"],
      ["(ok) => ok(/* ( */ ')'.length)", "ok"],
    ];
    for (const [text, name, args] of calls) {
      const message = await told(text, args);
      assert.ok(message.startsWith(`${NOTHING}${name}\`.`), `${text}: ${message}`);
    }
  });

  test("is not told so of anything else that is no function", async () => {
    const others: [text: string, args?: unknown[]][] = [
      ["(resolve) => resolve(1)", [5]],
      ["(ok) => { const f = 5; f(1); }"],
      ["(ok) => { const o = { ok: 5 }; o.ok(1); }"],
      ["() => { const o = {}; o.area(); }"],
      ["(n) => { const f = n; f(1); }", [5]],
      ["(n) => [n].map((x) => x(1))", [5]],
      ["(ok) => { throw new TypeError('not a function'); }"],
      ["(resolve = 5) => resolve(1)"],
      ["() => { let resolve; resolve(1); }"],
    ];
    for (const [text, args] of others) assert.equal(await told(text, args), "not a function", text);
  });

  test("is refused if it takes `resolve`, which it may call later, or never", async () => {
    const message =
      /^TypeError: new Deferred\(fn\): fn takes `resolve`, as a Promise's executor does/;
    const executors = [
      "(resolve) => { setTimeout(() => resolve(1), 10); }",
      "resolve => { setTimeout(resolve, 10); }",
      "async (resolve, reject) => { await 1; resolve(); }",
      "async resolve => { }",
      "function (resolve, reject) { reject(); }",
      "async function job( resolve ) { }",
    ];
    for (const text of executors) {
      assert.throws(() => new Deferred(written<() => unknown>(text)), message, text);
      assert.throws(() => new Deferred(written<() => unknown>(text), { args: [] }), message, text);
    }
    await using pool = new DeferredPool({ maxThreads: 1 });
    const executor = written<() => unknown>("(resolve) => resolve(1)");
    assert.throws(() => pool.defer(executor), /pool\.defer\(fn\): fn takes `resolve`/);
    // What may well get something, or looks like one only:
    assert.equal(await new Deferred((resolve: number) => resolve, { args: [7] }), 7);
    assert.equal(await new Deferred((resolve = 7) => resolve), 7);
    assert.equal(
      await new Deferred(written<() => unknown>("(resolved) => typeof resolved")),
      "undefined",
    );
    const given = written<() => unknown>("(resolve) => typeof resolve.call");
    assert.equal(await new Deferred(given, { host: { call: () => 1 } }), "function");
  });
});

test("a task that calls a method of an instance is told how it gets one", async () => {
  class Point {
    x = 1;
    double(): number {
      return 2 * this.x;
    }
  }
  const calls: [(arg: never) => unknown, unknown][] = [
    [(point: Point) => point.double(), new Point()],
    [(points: Point[]) => points.map((point) => point.double()), [new Point()]],
    [(point: Point) => point.double() + /* of */ 1, new Point()],
    [({ point }: { point: Point }) => `${point?.double()}`, { point: new Point() }],
  ];
  for (const [fn, arg] of calls) {
    await assert.rejects(Deferred.run(fn, arg as never), {
      name: "TypeError",
      message:
        "not a function (if it is a method of an argument: instances arrive as plain objects, " +
        "unless their class is registered: new DeferredPool({ classes: [...] }))",
    });
  }
});

test("a task that finds no `this` is told why, unless it may have been something else", async () => {
  class Point {
    x = 1;
    double(): number {
      return 2 * this.x;
    }
    move(): void {
      this.x = 5;
    }
    both(other: { x: number }): number {
      return this.x + other.x;
    }
  }
  const { double, move, both } = Point.prototype;
  const why =
    ": `this` is undefined in a method that was taken from its object; pass what it needs in " +
    "`args`";
  const message = async (task: Promise<unknown>): Promise<string> =>
    (await task.then(() => assert.fail(), (error) => error)).message;
  assert.equal(await message(Deferred.run(double)), `cannot read property 'x' of undefined${why}`);
  assert.equal(await message(Deferred.run(move)), `cannot set property 'x' of undefined${why}`);
  const others = [
    Deferred.run(both, { x: 1 }),
    Deferred.run((o: { x: number }) => o.x, undefined as never),
    Deferred.run((o: { x: number }) => o.x.toFixed(), {} as never),
    Deferred.run(() => {
      throw new TypeError("cannot read property 'y' of undefined");
    }),
  ];
  for (const task of others) {
    assert.match(await message(task), /^cannot read property '\w+' of undefined$/);
  }
});

test("`using` cancels a task that is pending, and nobody has to handle that", async () => {
  await using pool = new DeferredPool({ maxThreads: 1 });
  let task: Deferred<void>;
  {
    using endless = pool.run((): void => {
      for (;;);
    });
    task = endless;
  }
  assert.equal(pool.run(() => 1) instanceof Deferred, true);
  await assert.rejects(task, { name: "AbortError" });
  let done: Deferred<number>;
  {
    using quick = pool.run(() => 2);
    assert.equal(await quick, 2);
    done = quick;
  }
  assert.equal(await done, 2);
});

describe("a promise that nothing can settle any more", () => {
  const never = (what: string, fn: () => unknown) =>
    test(what, async () => {
      await assert.rejects(Deferred.run(fn), (error: unknown) => {
        assert.ok(error instanceof UnsettledError, String(error));
        assert.equal(error.code, "ERR_DEFERRED_UNSETTLED");
        assert.match(error.message, /never settle/);
        return true;
      });
    });

  never("rejects the Deferred", () => new Promise(() => {}));
  never("rejects it, awaited in an async function", async () => {
    await new Promise(() => {});
  });
  never("rejects it, as a thenable that never calls back", () => ({ then() {} }));
});
