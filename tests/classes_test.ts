/** Classes that are registered with a pool: their instances cross as such, both ways. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { DeferredPool } from "../mod.ts";
import { outputOf } from "./support/process.ts";

class Point {
  static made = 0;
  x: number;
  y: number;
  constructor(x: number, y: number) {
    this.x = x;
    this.y = y;
    Point.made++;
  }
  get length(): number {
    return Math.hypot(this.x, this.y);
  }
  plus(other: Point): Point {
    return new Point(this.x + other.x, this.y + other.y);
  }
  static origin(): Point {
    return new Point(0, 0);
  }
}

class Point3 extends Point {
  z: number;
  constructor(x: number, y: number, z: number) {
    super(x, y);
    this.z = z;
  }
  override get length(): number {
    return Math.hypot(super.length, this.z);
  }
}

/** Uses other classes of its pool, a getter and a setter, and a field that is a collection. */
class Path {
  points: Point[] = [];
  seen: Map<string, Point> = new Map();
  add(p: Point): this {
    this.points.push(p);
    this.seen.set(`${p.x},${p.y}`, p);
    return this;
  }
  get end(): Point {
    return this.points.at(-1) ?? Point.origin();
  }
}

class Empty {}

const pool = new DeferredPool({ maxThreads: 2, classes: [Point, Point3, Path, Empty] });
after(() => pool.close());

describe("instances of registered classes", () => {
  test("are instances in the task, and when they come back", async () => {
    const made = Point.made;
    const sum = await pool.run(
      (a: Point, b: Point) => {
        if (!(a instanceof Point)) throw new Error("no instance");
        return a.plus(b);
      },
      new Point(1, 2),
      new Point(3, 4),
    );
    assert.ok(sum instanceof Point);
    assert.deepEqual([sum.x, sum.y, sum.length], [4, 6, Math.hypot(4, 6)]);
    assert.equal(Point.made, made + 2, "no constructor runs for a copy");
  });

  test("of classes that extend others", async () => {
    const got = await pool.run(
      (p: Point) =>
        [p instanceof Point3, p instanceof Point, p.length, new Point3(2, 3, 6)] as const,
      new Point3(1, 2, 2),
    );
    assert.deepEqual(got.slice(0, 3), [true, true, 3]);
    assert.ok(got[3] instanceof Point3);
    assert.equal(got[3].length, 7);
  });

  test("hold others, are shared and in cycles", async () => {
    const path = new Path().add(new Point(1, 2)).add(new Point3(3, 4, 0));
    const back = await pool.run((p: Path) => {
      p.add(new Point(9, 9));
      return { p, end: p.end, again: [p, p], same: p.seen.get("1,2") === p.points[0] };
    }, path);
    assert.ok(back.p instanceof Path && back.end instanceof Point);
    assert.equal(back.end, back.p.points[2]);
    assert.equal(back.again[0], back.p);
    assert.equal(back.same, true);
    assert.ok(back.p.points[1] instanceof Point3);
    assert.equal(back.p.seen.get("3,4"), back.p.points[1]);
    const cycle: Point & { self?: unknown } = new Point(1, 1);
    cycle.self = cycle;
    const turned = await pool.run(
      (c: Point & { self?: unknown }) => ({ c, is: c.self === c }),
      cycle,
    );
    assert.ok(turned.is && turned.c instanceof Point && turned.c.self === turned.c);
  });

  test("of the same keys as other objects keep their class, and those none", async () => {
    const got = await pool.run(() => {
      const all: object[] = [];
      for (let i = 0; i < 50; i++) all.push({ x: i, y: i }, new Point(i, i), new Point3(i, i, i));
      all.push(new Empty(), {}, new Empty());
      return all;
    });
    const classes = got.map((o) => o.constructor);
    for (let i = 0; i < 150; i++) assert.equal(classes[i], [Object, Point, Point3][i % 3]);
    assert.deepEqual(classes.slice(150), [Empty, Object, Empty]);
    const back = await pool.run((all: object[]) => all.map((o) => o.constructor.name), got);
    assert.deepEqual(back, classes.map((c) => c.name));
  });

  test("with many keys, odd keys and getters", async () => {
    const many = Object.assign(
      new Empty(),
      Object.fromEntries(
        Array.from({ length: 100 }, (_, i) => [`k${i}`, i]),
      ),
    );
    const odd = new Empty();
    for (
      const [key, value] of Object.entries(JSON.parse('{"__proto__":1,"constructor":2,"a b":3}'))
    ) {
      Object.defineProperty(odd, key, { value, enumerable: true, writable: true });
    }
    Object.defineProperty(odd, "read", { get: () => 4, enumerable: true });
    const [a, b] = await pool.run((a: object, b: object) => [a, b] as const, many, odd);
    assert.ok(a instanceof Empty && b instanceof Empty);
    assert.equal(Object.keys(a).length, 100);
    assert.deepEqual(Object.entries(b), [["__proto__", 1], ["constructor", 2], ["a b", 3], [
      "read",
      4,
    ]]);
  });

  test("thrown, in an error's properties and in Maps", async () => {
    const error = await pool.run(() => {
      throw Object.assign(new Error("at"), { where: new Point(1, 2) });
    }).catch((e: Error) => e) as unknown as { where: Point };
    assert.ok(error.where instanceof Point);
    const map = await pool.run(
      (m: Map<Point, Point>) => m,
      new Map([[new Point(1, 1), new Point(2, 2)]]),
    );
    for (const [key, value] of map) assert.ok(key instanceof Point && value instanceof Point);
  });

  test("are what every task of every thread finds, unchanged by the task before", async () => {
    await pool.run(() => {
      Point.prototype.plus = () => new Point(-1, -1);
      Point.made = 99;
      Object.setPrototypeOf(Point3.prototype, null);
      (globalThis as { Path?: unknown }).Path = undefined;
    });
    const got = await Promise.all(Array.from({ length: 20 }, () =>
      pool.run((a: Point) => [
        a.plus(a).x,
        Point.made,
        new Point3(0, 0, 1) instanceof Point,
        typeof Path,
      ], new Point(2, 2))));
    for (const one of got) assert.deepEqual(one, [4, 1, true, "function"]);
  });

  test("of other classes, and of other pools, are plain objects", async () => {
    class Other {
      a = 1;
    }
    const [plain, point] = await pool.run(
      (o: object, p: Point) => [
        Object.getPrototypeOf(o) === Object.prototype,
        p instanceof Point,
      ],
      new Other(),
      new Point(1, 1),
    );
    assert.deepEqual([plain, point], [true, true]);
    await using without = new DeferredPool({ maxThreads: 1 });
    const back = await without.run((p: object) => [p, typeof p], new Point(1, 2));
    assert.deepEqual(back, [{ x: 1, y: 2 }, "object"]);
  });
});

test("what can't be registered is refused, and says why", () => {
  const says = (classes: unknown, message: RegExp, name = "TypeError"): void => {
    assert.throws(() => new DeferredPool({ classes: classes as [] }), { name, message });
  };
  says({}, /classes must be an array/);
  says([5], /classes\[0\] must be a class, got/);
  says([Point, () => 1], /classes\[1\] must be a class/);
  says([Map], /classes\[0\] must be a class, got the function `Map`, which is native/);
  says([(() => class {})()], /must have a name/);
  says([Point, Point], /two classes named `Point`/);
  says([Point3], /`Point3` extends `Point`, which must stand before it in the list$/);
  class Words extends Map {}
  says([Words], /`Words` extends `Map`, which is not one of yours: keep what it extends/);
  class Taken {
    static readonly name = "Map";
  }
  says([Taken], /classes.*tasks have a global `Map` of their own; give the class another name/);
  class Secret {
    #hidden = 1;
    get open(): number {
      return this.#hidden;
    }
  }
  says([Secret], /private member `#hidden`/);
  const outside = 5;
  class Closed {
    get(): number {
      return outside;
    }
  }
  if (!("Bun" in globalThis)) says([Closed], /`outside`/, "FreeVariableError"); // Bun inlines it
});

test("a private member is found wherever it is declared, and nowhere else", async () => {
  const made = (text: string) => (0, eval)(`(class Made { ${text} })`) as { new (): object };
  const members = [
    "#x",
    "#x = 1",
    "a; #x",
    "get #x() {}",
    "async *#x() {}",
    "a = `it's`; #x = `'s`",
    "f(s) { if (s) /[{]/.test(s) } #x = 1",
    "f(s) { {} /[{]/.test(s) } #x = 1",
    "static #x = 1",
    "set #x(value) {}",
  ];
  for (const text of members) {
    assert.throws(() => new DeferredPool({ classes: [made(text)] }), /private member `#x`/, text);
  }
  const others = [
    "css = `a {}\n#x {}`", // these are text
    "css = `${`{`}\n#x`",
    "rule = /[{]#x/",
    "/* #x */ a = 1 // ;#x\n",
    "f(s) { if (s) /[}] #x/.test(s) }",
    "inner() { return new class { #x = 1; get() { return this.#x; } }().get(); }",
  ];
  for (const text of others) {
    const Made = made(text);
    await using pool = new DeferredPool({ maxThreads: 1, classes: [Made] });
    assert.ok(await pool.run((it: object) => it, new Made()) instanceof Made, text);
  }
});

test("what was refused leaves no pool behind", () => {
  class Hidden {
    #x = 1;
    get x(): number {
      return this.#x;
    }
  }
  // A process can have 4,095 pools.
  const pools = Array.from({ length: 4000 }, () => new DeferredPool());
  for (let i = 0; i < 200; i++) {
    assert.throws(() => new DeferredPool({ classes: [Hidden] }), { name: "TypeError" });
  }
  for (const pool of pools) pool.destroy();
});

test("a class may have any name that a global may have", async () => {
  class define {
    a = 1;
  }
  await using pool = new DeferredPool({ maxThreads: 1, classes: [define] });
  assert.ok(await pool.run((d: define) => d, new define()) instanceof define);
  class Odd {
    static readonly name = "if";
  }
  assert.throws(() => new DeferredPool({ classes: [Odd] }), {
    name: "TypeError",
    message: /classes.*can't parse them/,
  });
});

test("a class that throws when it is made in a realm says so", () => {
  class Picky {
    static kind: string = typeof process === "undefined"
      ? (() => {
        throw new RangeError("no process here");
      })()
      : "host";
  }
  assert.throws(() => new DeferredPool({ classes: [Picky] }), {
    name: "RangeError",
    message: "no process here",
  });
});

/** A pool with a class of this source, which the host does not evaluate; or what was thrown. */
function withText(text: string, options: object = {}): unknown {
  const Sly = class {};
  const { toString } = Function.prototype;
  Object.defineProperty(Sly, "name", { value: "Sly" });
  Function.prototype.toString = function (this: unknown): string {
    return this === Sly ? text : toString.call(this);
  };
  try {
    return new DeferredPool({ ...options, classes: [Sly] });
  } catch (error) {
    return error;
  } finally {
    Function.prototype.toString = toString;
  }
}

test("a class that can't be made in a realm says why", async () => {
  const made = (body: string, options: object = {}): unknown =>
    withText(`class Sly { static { ${body} } }`, options);
  const memoryLimit = 4 * 2 ** 20;
  const failures: [body: string, name: string, message: RegExp][] = [
    [
      "throw () => {};",
      "DataCloneError",
      /classes.*threw a value that can't be cloned.*a function can't be cloned/,
    ],
    ["throw { a: [Symbol('s')] };", "DataCloneError", /thrown\.a\[0\]: a symbol/],
    ["const a = []; for (;;) a.push([1]);", "DeferredMemoryError", /memoryLimit of 4 MiB/],
    ["(function f() { f(); f(); })();", "RangeError", /call stack/],
    [
      "Promise.resolve().then(() => { for (const a = [];;) a.push([1]); });",
      "DeferredMemoryError",
      /classes/,
    ],
    ["queueMicrotask(() => { throw new TypeError('in a job'); });", "TypeError", /in a job/],
    ["throw new Error('x'.repeat(3e6));", "Error", /^x{3000000}$/],
  ];
  for (const [body, name, message] of failures) {
    const error = made(body, { memoryLimit }) as Error;
    assert.equal(error.name, name, body);
    assert.match(error.message, message);
  }
  assert.equal(made("throw 7;"), 7);
  const begun = performance.now();
  const late = made("for (;;) [].includes.call({ length: 2 ** 53 - 1 }, 1);") as Error;
  assert.equal(late.name, "TimeoutError");
  assert.match(late.message, /the classes of this pool could not be evaluated within 5000 ms/);
  assert.ok(performance.now() - begun >= 4999);
  // As deep as in a task, which is deeper than where functions are compiled.
  await using pool = made(
    "globalThis.depth = (function f(n) { return n === 0 ? 0 : 1 + f(n - 1); })(3000);",
  ) as DeferredPool;
  assert.equal(await pool.run(() => (globalThis as unknown as { depth: number }).depth), 3000);
});

test("jobs that a class begins are done before the first task, once", async () => {
  class Late {
    static log: string[] = [];
    static {
      Promise.resolve().then(() => Late.log.push("then"));
      queueMicrotask(() => Late.log.push("microtask"));
      (async () => {
        await null;
        await null;
        Late.log.push("async");
      })();
    }
  }
  await using pool = new DeferredPool({ maxThreads: 1, classes: [Late] });
  const all = ["then", "microtask", "async"];
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(await pool.run(() => Late.log), all);
    assert.deepEqual(await pool.run(async () => (await null, await null, Late.log)), all);
  }
});

test("classes that don't end on a thread of the pool's are stopped with its tasks", async () => {
  let pool: DeferredPool | undefined;
  let until = 0;
  for (let ms = 100; pool === undefined; ms *= 2) { // in time for the pool, too late for the thread
    until = Date.now() + ms;
    const made = withText(`class Sly { static { while (Date.now() > ${until}); } }`);
    if (made instanceof DeferredPool) pool = made;
  }
  while (Date.now() <= until);
  const first = pool.run(() => 1);
  setTimeout(() => first.cancel(), 20);
  await assert.rejects(first, { name: "AbortError" });
  const second = pool.run(() => 2);
  setTimeout(() => pool.destroy(new Error("enough")), 20);
  await assert.rejects(second, { message: "enough" });
  assert.equal(pool.pending, 0);
});

test("with DEFERRED_DEBUG, a class that is not registered is told of once", async () => {
  const program = `
    class Point { constructor() { this.x = 1; } }
    const told = [];
    console.warn = (text) => told.push(text);
    for (let i = 0; i < 3; i++) await Deferred.run((p) => p, new Point());
    await Deferred.run((p) => p, { a: Object.create(null) });
    console.log(told.length, told[0]?.includes("\`Point\`"));
  `;
  assert.equal(await outputOf(program, { env: { DEFERRED_DEBUG: "1" } }), "1 true");
  assert.equal(await outputOf(program, { env: { DEFERRED_DEBUG: "0" } }), "0 undefined");
  assert.equal(await outputOf(program), "0 undefined");
});

test("what classes put on Array.prototype of their realm hides no name that nothing defines", async () => {
  class Odd {
    static {
      // In the realm alone: the host's prototypes are the other tests', too.
      if (typeof process === "undefined") {
        for (const index of [0, 1, 2]) {
          Object.defineProperty(Array.prototype, index, { set() {}, configurable: true });
        }
      }
    }
    x = 1;
  }
  await using pool = new DeferredPool({ classes: [Odd] });
  // deno-lint-ignore no-explicit-any
  const using = new Function("return rate * 2") as any;
  assert.throws(() => pool.run(using), { name: "FreeVariableError", names: ["rate"] });
});

test("what classes print when they are evaluated is heard by nobody", async () => {
  class Loud {
    static {
      // In the realm alone: the host has a console that is heard.
      if (typeof process === "undefined") console.log("made");
    }
    x = 1;
  }
  const lines: unknown[] = [];
  const log = (...args: unknown[]) => void lines.push(args);
  await using pool = new DeferredPool({
    classes: [Loud],
    maxThreads: 1,
    console: { ...console, log },
  });
  await pool.run(() => console.log("a task's"));
  assert.deepEqual(lines, [["a task's"]]);
});
