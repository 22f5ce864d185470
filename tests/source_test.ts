/**
 * Functions to programs: what the engine makes of a function, and what is done with its answer.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe as group, test } from "node:test";
import { runInNewContext } from "node:vm";
import { Deferred } from "../mod.ts";
import { freeVariableError } from "../src/function/advice.ts";
import { describe } from "../src/function/describe.ts";
import { offsetIn, positionAt, ScriptPlaces } from "../src/function/positions.ts";
import {
  type CompileError,
  compileFunction,
  type Compiler,
  type CompileReply,
  encodeSource,
  ProgramCache,
  TOO_SLOW,
} from "../src/function/programs.ts";
import { type AnyFunction, join as joined, type Source } from "../src/function/source.ts";
import { FreeVariableError, FunctionNotSerializableError } from "../src/errors.ts";
import { assertLinear } from "./support/measure.ts";

type Callable = (...args: unknown[]) => unknown;

const folder = mkdtempSync(join(tmpdir(), "deferred-source-"));
after(() => rmSync(folder, { recursive: true }));
let files = 0;

/** Evaluates a source as the engine does: as a script, not as part of this module. */
function evaluate(source: Source, strict = true): Callable {
  const value: unknown = (0, eval)(`${strict ? '"use strict";' : ""}${joined(source)}`);
  assert.equal(typeof value, "function");
  if (!source.isMember) return value as Callable;
  const { get, set, value: method } = Object.values(
    Object.getOwnPropertyDescriptors((value as () => object)()),
  )[0]!;
  return (get ?? set ?? method) as Callable;
}

/** The function that is written as `text`. */
function functionOf(text: string): AnyFunction {
  for (const [before, after] of [["(", ")"], ["({", "})"], ["(class { static {", "}})"]] as const) {
    try {
      const value = (0, eval)(`${before}${text}\n${after}`) as object;
      if (typeof value === "function" && before === "(") return value as AnyFunction;
      const all = Object.getOwnPropertyDescriptors(value);
      const { get, set, value: method } = all[Reflect.ownKeys(all)[0] as string]!;
      return (get ?? set ?? method) as AnyFunction;
    } catch (error) {
      assert.ok(error instanceof SyntaxError);
    }
  }
  return assert.fail(`${text} is no function`);
}

/** What stands in for the engine: it evaluates, and finds free names among those it is told. */
class HostCompiler implements Compiler {
  readonly sources: { source: Source; strict: boolean }[] = [];
  readonly alive = new Set<number>();
  #next = 1;
  readonly #names: RegExp;
  readonly #outer: (expression: string) => string[];

  constructor(names = /(?!)/g, outer: (expression: string) => string[] = () => []) {
    this.#names = names;
    this.#outer = outer;
  }

  compile(source: Source, strict: boolean): CompileReply {
    this.sources.push({ source, strict });
    try {
      evaluate(source, strict);
    } catch (error) {
      return { program: 0, error: error as Error };
    }
    const expression = joined(source);
    const defined = /^\(\((.*)\)=>/.exec(expression)?.[1] ?? "";
    const used = expression.slice(expression.indexOf("\n")).match(this.#names) ?? [];
    const free = [...new Set(used)].filter((name) => !defined.includes(`${name}=`));
    this.alive.add(this.#next);
    return {
      program: this.#next++,
      free,
      probed: [],
      outer: this.#outer(expression),
      kind: "normal",
    };
  }

  free(program: number): void {
    assert.ok(this.alive.delete(program), `program ${program} is freed twice`);
  }

  get last(): Source {
    return this.sources.at(-1)!.source;
  }
}

function refusal(code: () => unknown): string {
  let message = "";
  assert.throws(code, (error: unknown) => {
    assert.ok(error instanceof FunctionNotSerializableError);
    assert.match(error.code, /^ERR_DEFERRED_/);
    message = error.message;
    return true;
  });
  assert.match(message, /^Function not serializable: /);
  return message;
}

group("a function is read by the engine as what it is", () => {
  const outside = "key";
  const object = {
    plain(a: number, b = 2) {
      return a * b;
    },
    async later(a: number) {
      return await Promise.resolve(a + 1);
    },
    get area(): number {
      return 6;
    },
    set width(value: number) {
      if (value < 0) throw new RangeError("negative");
    },
    "quoted key"() {
      return "quoted";
    },
    123() {
      return 123;
    },
    [outside + "ed"]() {
      return "computed";
    },
    get() {
      return "get";
    },
    set(a: number) {
      return a;
    },
    async() {
      return "async";
    },
    static() {
      return "static";
    },
    function() {
      return "function";
    },
    delete() {
      return "delete";
    },
  };
  class Shape {
    static made(a: number): number {
      return a;
    }
    static async madeLater(): Promise<string> {
      return await "later";
    }
    sides(): number {
      return 4;
    }
    #secret(): number {
      return 42;
    }
    static secret(): () => number {
      return new Shape().#secret;
    }
  }
  const getter = Object.getOwnPropertyDescriptor(object, "area")!.get!;
  const setter = Object.getOwnPropertyDescriptor(object, "width")!.set!;
  function declared({ a = 1 }: { a?: number } = {}, ...rest: number[]) {
    return [a, rest.length];
  }
  async function declaredLater() {
    return await 5;
  }

  // deno-lint-ignore ban-types
  const cases: [string, Function, unknown[], unknown][] = [
    ["an arrow function", (a: number) => a + 1, [1], 2],
    [
      "an arrow function with a block",
      (a: number) => {
        return a + 1;
      },
      [1],
      2,
    ],
    ["an arrow function that returns an object", (a: number) => ({ a }), [1], { a: 1 }],
    ["an async arrow function", async (a: number) => await a, [1], 1],
    ["destructured parameters", ({ a, b: [c = 3] = [] }: { a: number; b?: number[] }) => [a, c], [{
      a: 1,
    }], [1, 3]],
    [
      "an anonymous function",
      function (a: number) {
        return a;
      },
      [7],
      7,
    ],
    ["a declared function", declared, [{}, 1, 2], [1, 2]],
    ["a declared async function", declaredLater, [], 5],
    [
      "a recursive function",
      function fib(n: number): number {
        return n < 2 ? n : fib(n - 1) + fib(n - 2);
      },
      [10],
      55,
    ],
    ["a method", object.plain, [3], 6],
    ["an async method", object.later, [3], 4],
    ["a getter", getter, [], 6],
    ["a setter", setter, [1], undefined],
    ["a method with a quoted key", object["quoted key"], [], "quoted"],
    ["a method with a number for a key", object[123], [], 123],
    ["a method with a computed key", object["keyed" as "static"], [], "computed"],
    ["a method called get", object.get, [], "get"],
    ["a method called set", object.set, [8], 8],
    ["a method called async", object.async, [], "async"],
    ["a method called static", object.static, [], "static"],
    ["a method called function", object.function, [], "function"],
    ["a method called delete", object.delete, [], "delete"],
    ["a static method", Shape.made, [9], 9],
    ["a static async method", Shape.madeLater, [], "later"],
    ["a method of a class", Shape.prototype.sides, [], 4],
    ["a private method", Shape.secret(), [], 42],
    ["a function from the Function constructor", new Function("a /*", "*/ , b", "return b"), [
      1,
      2,
    ], 2],
  ];
  for (const [what, fn, args, expected] of cases) {
    test(`${what} keeps its meaning`, async () => {
      assert.deepEqual(await new Deferred(fn as Callable, { args }), expected);
    });
  }

  // As users write them; some runtimes reprint them.
  const texts: [string, unknown[], unknown][] = [
    ["async /* y */ foo /* z */ (a) { return await a }", [1], 1],
    ["foo // (\n  (a) { return a }", [1], 1],
    ["get\n  /* } */ size\n  () { return 1 }", [], 1],
    ["set /* ) */ size (v) { }", [1], undefined],
    ["x /* ( */ => x", [1], 1],
    ["async x => x", [1], 1],
    [
      "async /* ( */ (a = /[)]/.source, b = `)${`${')'}`}`, c = 1 / 2 / 4) => a + b + c",
      [],
      "[)]))0.125",
    ],
    ["async (a = ')', b = \"\\\")\", c = [(1, 2)], {d = {e: ')'}} = {}) => d.e + c", [], ")2"],
    ["async (a = 1, b = a / 2) => a / b", [], 2],
    ["async(a = /[/)]/, b = ')') { return b }", [], ")"],
    ["async(a = typeof /\\)/) { return a }", [], "object"],
    ["async({}) { return 1 }", [{}], 1],
    ["async get() { return 1 }", [], 1],
    ["async async() { return 1 }", [], 1],
    ["get get() { return 1 }", [], 1],
    ["get async() { return 1 }", [], 1],
    ["get function() { return 1 }", [], 1],
    ["get class() { return 1 }", [], 1],
    ["class() { return 1 }", [], 1],
    ["'it\\'s (' () { return 1 }", [], 1],
    ['"\\"("() { return 1 }', [], 1],
    ["1.5() { return 1 }", [], 1],
    [".5() { return 1 }", [], 1],
    ["1e+3() { return 1 }", [], 1],
    ["0xFf() { return 1 }", [], 1],
    ["10n() { return 1 }", [], 1],
    ["['a' + ']'] () { return 1 }", [], 1],
    ["[`a${']'}` + /[\\]]]/.source] () { return 1 }", [], 1],
    ["[((a, b) => { return a / b })(1, 2) + '/]']() { return 1 }", [], 1],
    ["async ['a']() { return 1 }", [], 1],
    ["get ['a']() { return 1 }", [], 1],
    ["\\u0061b() { return 1 }", [], 1],
    ["\\u{61}b => \\u{61}b", [1], 1],
    ["ünï() { return 1 }", [], 1],
    ["𠮷 => 𠮷", [1], 1],
    ["$a(b) { return b }", [1], 1],
    ["__proto__() { return 1 }", [], 1],
    ["function\n/**/named/**/()/**/{ return 1 }", [], 1],
    ["async function\tnamed() { return 1 }", [], 1],
    ["async function() { return 1 }", [], 1],
    ["function $() { return 1 } ", [], 1],
    ["() => 1 // the end", [], 1],
    ["() => '{ [native code] }'", [], "{ [native code] }"],
    ["() => { return `\n{ [native code] }` }", [], "\n{ [native code] }"],
  ];
  for (const [text, args, expected] of texts) {
    test(`reads ${JSON.stringify(text)}`, async () => {
      const fn = functionOf(text) as Callable;
      assert.deepEqual(await new Deferred(fn, { args }), expected);
    });
  }

  test("a method does not see its own name", async () => {
    const method = functionOf("hidden(n) { return typeof hidden }") as Callable;
    assert.equal(await new Deferred(method, { args: [1] }), "undefined");
  });

  test("a computed key is not evaluated, and what it uses is not needed", async () => {
    let evaluated = 0;
    const key = () => `key${++evaluated}`;
    const { key1: method } = {
      [key()](a: number) {
        return [a, typeof this];
      },
    } as Record<string, Callable>;
    assert.deepEqual(await new Deferred(method!, { args: [1] }), [1, "undefined"]);
    assert.equal(evaluated, 1);
    const getter = Object.values(Object.getOwnPropertyDescriptors({
      get [`${key()} and (() => ']') more`](): string {
        return "got";
      },
    }))[0]!.get!;
    assert.equal(await Deferred.run(getter as Callable), "got");
  });

  test("helpers of transpilers are given to methods, too", async () => {
    const method = functionOf("[missing()](a) { return __name(() => a, 'one').name + __pow(a, 2) }"
      .replace("missing()", "'k'"));
    assert.equal(await new Deferred(method as Callable, { args: [3] }), "one9");
  });

  const refused = (fn: unknown, expected: RegExp): void => {
    assert.match(refusal(() => new Deferred(fn as Callable, { name: "it" })), expected);
  };

  test("`super` and private names of the class around it are refused", async () => {
    class Base extends Object {
      #x = 1;
      a(): string {
        return super.toString();
      }
      b(): string {
        return (() => super.toString())();
      }
      get c(): number {
        return this.#x;
      }
      static #d(): unknown {
        return Base.#d;
      }
      static d(): () => unknown {
        return Base.#d;
      }
      e(): string {
        return `${
          new (class extends Map {
            override get size(): number {
              return super.size + 1;
            }
          })().size
        }`;
      }
    }
    const { prototype } = Base;
    refused(prototype.a, /`it` uses `super`, which belongs to the object or class around it/);
    refused(prototype.b, /uses `super`/);
    const getter = Object.getOwnPropertyDescriptor(prototype, "c")!.get;
    refused(getter, /uses the private name `#x`, which means nothing outside/);
    refused(Base.d(), /uses the private name `#d`/);
    assert.equal(await Deferred.run(prototype.e), "1");
  });

  test("native functions are refused, and how to wrap them is said", () => {
    refused(Math.max, /`\(\.\.\.args\) => Math\.max\(/);
    refused(
      Array.prototype.slice,
      /`Array\.prototype\.slice` .*`\(value, \.\.\.args\) => value\.slice\(\.\.\.args\)`/,
    );
    refused(Map, /=> new Map\(\.\.\.args\)`/);
    refused(isNaN, /=> isNaN\(\.\.\.args\)`/);
  });

  test("bound functions and proxies are refused", () => {
    function area(w: number): number {
      return w;
    }
    refused(area.bind(null), /`area` is a bound function/);
    assert.match(
      refusal(() => new Deferred((() => 1).bind(null))),
      /: the function is a bound function/,
    );
    refused(new Proxy(area, {}), /`area` is .*a Proxy/);
  });

  test("classes and generators are refused by name", () => {
    class Point {
      constructor() {
        globalThis;
      }
    }
    refused(Point, /`it` is a class/);
    refused(class extends Map {}, /`it` is a class/);
    refused(function* items() {}, /`it` is a generator function/);
    refused(async function* later() {}, /`it` is a generator function/);
    refused({ *items() {} }.items, /`it` is a generator function/);
    refused({ async *[Symbol.iterator]() {} }[Symbol.iterator], /is a generator function/);
  });

  test("is not fooled by an own toString", async () => {
    assert.equal(await Deferred.run(Object.assign(() => 1, { toString: () => "() => 2" })), 1);
  });
});

group("a function of the host is sloppy or strict in a task as it is there", () => {
  const run = (fn: AnyFunction, ...args: unknown[]): Promise<unknown> =>
    new Deferred(fn as Callable, { args, allowGlobals: true });
  const inContext = (text: string): AnyFunction => runInNewContext(`(${text})`) as AnyFunction;

  for (
    const [what, make] of [
      ["of Function", (text: string) => (0, eval)(`Function(${JSON.stringify(text)})`)],
      ["of eval", (text: string) => (0, eval)(`(function named() { ${text} })`)],
      ["of another context", (text: string) => inContext(`function () { ${text} }`)],
      ["of a CommonJS file", (text: string) => {
        const path = join(folder, `${++files}.cjs`);
        writeFileSync(path, `module.exports = function () { ${text} };`);
        return createRequire(import.meta.url)(path);
      }],
    ] as [string, (text: string) => AnyFunction][]
  ) {
    test(what, async () => {
      assert.equal(await run(make("return this === globalThis")), true);
      assert.equal(await run(make("made = 5; return globalThis.made")), 5);
      assert.equal(await run(make("return typeof made")), "undefined", "of that task alone");
      assert.equal(await run(make("arguments[0] = 2; return arguments.length")), 0);
      assert.equal(await run(make("with ({ a: 3 }) return a")), 3);
      assert.equal(await run(make("return 010 + 1")), 9);
      assert.equal(await run(make("return delete Object.prototype")), false);
      assert.equal(await run(make("var a = 1; eval('var a = 2'); return a")), 2);
      const strict = make("'use strict'; return this === undefined");
      // Bun takes the directive out of a CommonJS file: what it runs itself is sloppy then.
      assert.equal(await run(strict), strict() as unknown);
    });
  }

  test("arguments are mapped to parameters only there", async () => {
    const text = "function (a) { arguments[0] = 2; a += 1; return [a, arguments[0]] }";
    assert.deepEqual(await run(functionOf(text), 1), [3, 3]);
    assert.deepEqual(await run(functionOf(text.replace("{", "{ 'use strict';")), 1), [2, 2]);
    assert.deepEqual(await run(functionOf(text.replace("(a)", "(a = 0)")), 1), [2, 2]);
  });

  test("a function in a block is a variable of the function around it", async () => {
    const text = "function () { { function inner() { return 4 } } return inner() }";
    assert.equal(await run(functionOf(text)), 4);
    const strict = functionOf(text.replace("{", "{ 'use strict';"));
    await assert.rejects(run(strict), /^ReferenceError: .*inner/);
  });

  test("in a module", async () => {
    assert.equal(
      await run(function (this: unknown) {
        return this === undefined;
      }),
      true,
    );
    const assign = functionOf("function () { 'use strict'; made = 5 }");
    await assert.rejects(run(assign), /^ReferenceError: .*made/);
  });

  test("the same text may be both, in one pool", async () => {
    const text = "function () { return typeof this }";
    const sloppy = functionOf(text);
    const strict = (0, eval)(`"use strict"; (${text})`) as AnyFunction;
    assert.equal(String(sloppy), String(strict));
    for (let i = 0; i < 3; i++) {
      assert.equal(await run(sloppy), "object");
      assert.equal(await run(strict), "undefined");
    }
  });

  test("what doesn't tell is strict, unless only sloppy code can be so", async () => {
    for (
      const text of ["() => { made = 5 }", "method() { made = 5 }", "async () => { made = 5 }"]
    ) {
      await assert.rejects(run(functionOf(text)), /^ReferenceError: .*made/);
    }
    assert.equal(await run(functionOf("() => { made = 010; return made }")), 8);
    assert.equal(await run(functionOf("method(o) { with (o) return a }"), { a: 1 }), 1);
  });

  test("names that it only assigns are still told of, lest a result be lost", () => {
    const fn = functionOf("function () { total = 5 }") as Callable;
    assert.throws(() => new Deferred(fn), /^FreeVariableError: `total` is not defined/);
  });

  test("changing Function.prototype later changes nothing", async () => {
    const own = Object.getOwnPropertyDescriptor(Function.prototype, "caller")!;
    Object.defineProperty(Function.prototype, "caller", { value: null, configurable: true });
    try {
      const sloppy = functionOf("function () { return typeof this + 1 }");
      const strict = functionOf("function () { 'use strict'; return typeof this + 1 }");
      assert.deepEqual(await Promise.all([run(sloppy), run(strict)]), ["object1", "undefined1"]);
    } finally {
      Object.defineProperty(Function.prototype, "caller", own);
    }
  });
});

group("offsetIn", () => {
  const text = "area(w) {\n  const é = '𠮷';\n  throw é;\n}";
  /** The engine's position of `what`: in lines of the source, columns in bytes. */
  const position = (what: string): [number, number] => {
    const before = text.slice(0, text.indexOf(what)).split("\n");
    return [before.length + 1, new TextEncoder().encode(before.at(-1)).length + 1];
  };

  test("finds the engine's positions in the text", () => {
    for (const what of ["area", "(w)", "{", "const", "'𠮷'", "𠮷", ";\n  throw", "throw é", "}"]) {
      assert.equal(offsetIn(text, ...position(what)), text.indexOf(what), what);
    }
  });

  test("refuses positions that are not the user's", () => {
    assert.equal(offsetIn(text, 1, 1), null);
    assert.equal(offsetIn(text, 6, 1), null);
    assert.equal(offsetIn(text, 1000, 1), null);
    assert.equal(offsetIn(text, 0, 0), null);
  });

  test("and positionAt counts as people do", () => {
    assert.deepEqual(positionAt("ab\ncd", 0), { line: 1, column: 1 });
    assert.deepEqual(positionAt("ab\ncd", 2), { line: 1, column: 3 });
    assert.deepEqual(positionAt("ab\ncd", 3), { line: 2, column: 1 });
    assert.deepEqual(positionAt("\n\n", 2), { line: 3, column: 1 });
    assert.deepEqual(positionAt("𠮷\n", 2), { line: 1, column: 3 });
  });

  test("a column past the end stays on its line", () => {
    assert.equal(offsetIn(text, 2, 1000), text.indexOf("\n"));
  });
});

group("ScriptPlaces", () => {
  const line = "aé𠮷\ud800中".repeat(700);
  const text = `${line}\n\n${line.slice(1)}\nend`;
  const places: [line: number, column: number, at: number][] = [];
  text.split("\n").forEach((own, i) => {
    let bytes = 1, at = 1;
    for (const point of `${own} `) {
      places.push([i + 1, bytes, at]);
      bytes += point.length === 1 && point > "\ud7ff" ? 3 : new TextEncoder().encode(point).length;
      at += point.length;
    }
  });

  test("are found in whatever order they are asked for", () => {
    const orders = [places, places.toReversed(), places.toSorted((a, b) => a[1] % 97 - b[1] % 97)];
    for (const order of orders) {
      const script = new ScriptPlaces(text);
      for (const [line, column, at] of order) {
        assert.deepEqual(script.of({ line, column }), { line, column: at });
      }
    }
  });

  test("are as they were told where there are none", () => {
    const script = new ScriptPlaces("ab\ncd");
    for (const line of [0, 3, 1000]) {
      assert.deepEqual(script.of({ line, column: 2 }), { line, column: 2 });
    }
    assert.deepEqual(script.of({ line: 2, column: 9 }), { line: 2, column: 9 });
    assert.deepEqual(script.of({ line: 1, column: 9 }), { line: 1, column: 3 });
    assert.deepEqual(script.of({ line: 2, column: 0 }), { line: 2, column: 1 });
  });

  test("cost in proportion to their number, backwards too", async () => {
    await assertLinear("places", (n) => {
      const script = new ScriptPlaces("abcd".repeat(n));
      for (let i = n; i > 0; i--) script.of({ line: 1, column: 4 * i });
    }, 4000);
  });
});

group("compileFunction", () => {
  const options = { name: "work" };
  /** How a function was compiled: "s" for strict code, "-" for sloppy, "m" for a member. */
  const compiled = (fn: AnyFunction): string => {
    const compiler = new HostCompiler();
    compileFunction(compiler, fn, options);
    return compiler.sources
      .map(({ source, strict }) => `${strict ? "s" : "-"}${source.isMember ? "m" : ""}`).join();
  };

  test("compiles once what is an expression, and members when they are none", () => {
    assert.equal(compiled(() => 1), "s");
    assert.equal(compiled({ method: () => 1 }.method), "s");
    assert.equal(compiled(functionOf("method() { return 1 }")), "s,sm");
    assert.equal(compiled(functionOf("async ['method']() { return 1 }")), "s,sm");
    assert.equal(compiled(functionOf("function() { return 1 }")), "-");
  });

  test("compiles as sloppy code what is sloppy on the host, or can't be read as strict", () => {
    assert.equal(compiled(new Function("o", "with (o) { return a }") as AnyFunction), "-");
    assert.equal(compiled(new Function("return this") as AnyFunction), "-");
    assert.equal(compiled(functionOf("function () { 'use strict'; return this }")), "s");
    assert.equal(
      compiled(function (this: unknown) {
        return this;
      }),
      "s",
    );
    assert.equal(compiled(functionOf("(o) => { with (o) { return a } }")), "s,sm,sm,-");
    assert.equal(compiled(functionOf("method(o) { with (o) { return a } }")), "s,sm,sm,-,-m");
  });

  test("shows the line that the engine can't parse", () => {
    const compiler: Compiler = {
      compile: () => ({
        program: 0,
        error: {
          name: "SyntaxError",
          message: "expecting ';'",
          place: { line: 3, column: 16 },
        },
      }),
      free: () => assert.fail(),
    };
    const fn = functionOf("function work() {\n\tconst é = 1; return é\n}");
    const message = refusal(() => compileFunction(compiler, fn, options));
    assert.match(message, /can't parse `work`: expecting ';' \(line 2, column 15\)/);
    const [line, mark] = message.split("\n").slice(-2);
    assert.equal(line, "    2 |  const é = 1; return é");
    assert.equal(mark!.indexOf("^"), line!.indexOf("return"));
  });

  test("shows only the part of a long line that matters", () => {
    const text = `() => { ${"x;".repeat(1000)} }`;
    const error = { name: "SyntaxError", message: "no", place: { line: 2, column: 1001 } };
    const compiler: Compiler = {
      compile: () => ({ program: 0, error }),
      free: () => assert.fail(),
    };
    const message = refusal(() => compileFunction(compiler, functionOf(text), options));
    assert.ok(message.length < 400);
  });

  for (
    const [message, expected] of [
      ["undefined private field '#count'", /private name `#count`/],
      ["'super' is only valid in a method", /`super`/],
      ["super() is only valid in a derived class constructor", /`super`/],
      ["new.target only allowed within functions", /arrow function that uses `new\.target`/],
      ["import.meta only valid in module code", /`import\.meta`/],
    ] as const
  ) {
    test(`explains the engine's "${message}"`, () => {
      const error = { name: "SyntaxError", message };
      const compiler: Compiler = {
        compile: () => ({ program: 0, error }),
        free: () => assert.fail(),
      };
      assert.match(refusal(() => compileFunction(compiler, () => 1, options)), expected);
    });
  }

  test("refuses what an arrow function takes from around it, and frees the program", () => {
    for (const name of ["this", "new.target"]) {
      const compiler = new HostCompiler(undefined, () => [name]);
      const message = refusal(() => compileFunction(compiler, () => 1, options));
      assert.ok(message.includes(`arrow function that uses \`${name}\``), message);
      assert.equal(compiler.alive.size, 0);
    }
    const compiler = new HostCompiler(/\barguments\b/g);
    const fn = functionOf("() => arguments");
    assert.match(refusal(() => compileFunction(compiler, fn, options)), /uses `arguments`/);
    assert.equal(compiler.alive.size, 0);
  });

  test("refuses free names unless they are allowed", () => {
    const fn = functionOf("() => rate * tax");
    const compiler = new HostCompiler(/\b(rate|tax)\b/g);
    const compile = (allowGlobals?: readonly string[] | true): readonly string[] =>
      compileFunction(compiler, fn, { name: "work", allowGlobals }).free;
    assert.throws(() => compile(), (error: unknown) => {
      assert.ok(error instanceof FreeVariableError);
      assert.deepEqual(error.names, ["rate", "tax"]);
      assert.match(error.message, /^`rate` and `tax` are not defined inside the task `work`; pass/);
      return true;
    });
    assert.throws(() => compile(["rate"]), /^FreeVariableError: `tax` is not defined/);
    assert.equal(compiler.alive.size, 0);
    assert.deepEqual(compile(["rate", "tax"]), ["rate", "tax"]);
    assert.deepEqual(compile(true), ["rate", "tax"]);
    assert.equal(compiler.alive.size, 2);
  });

  group("what transpilers make of a function", () => {
    test("a lowered async arrow function may pass `this` on, but not use it", async () => {
      const captures = (expression: string): string[] =>
        /\(this|this\./.test(expression) ? ["this"] : [];
      const compiler = new HostCompiler(/\b__async\b/g, captures);
      const fn = functionOf("(a) => __async(this, null, function* () { return yield a; })");
      compileFunction(compiler, fn, options);
      assert.equal(await evaluate(compiler.last)(3), 3);
      assert.equal(compiler.alive.size, 1);
      const user = functionOf("(a) => __async(this, null, function* () { return this.a; })");
      assert.match(refusal(() => compileFunction(compiler, user, options)), /uses `this`/);
      assert.equal(compiler.alive.size, 1);
    });

    test("so may several, and a method passes on its own", async () => {
      const compiler = new HostCompiler(
        /\b__async\b/g,
        (expression) =>
          expression.startsWith("((") && expression.includes("=> __async(this") ? ["this"] : [],
      );
      const fn = functionOf(
        "async () => {" +
          "const a = () => __async(this, null, function* () { return 1; });" +
          "const b = () => __async(this, null, function* () { return 2; });" +
          "const c = { n: 3, get() { return __async(this, null, function* () { return this.n; }); } };" +
          "return [await a(), await b(), await c.get()]; }",
      );
      compileFunction(compiler, fn, options);
      assert.deepEqual(await evaluate(compiler.last)(), [1, 2, 3]);
      assert.equal(compiler.alive.size, 1);
    });
  });
});

group("freeVariableError", () => {
  const messageFor = (names: string[], fn: AnyFunction, name = ""): string =>
    freeVariableError(names, fn, name).message;
  const none = () => 1;

  test("tells of the first names only, one by one, and has all in `names`", () => {
    const names = Array.from({ length: 5000 }, (_, i) => `name${i}`);
    const error = freeVariableError(names, none, "");
    assert.match(error.message, /^`name0`, .* and `name9` are not defined inside the task; /);
    assert.match(error.message, /\. 4990 more names are not defined there$/);
    assert.ok(error.message.length < 1000);
    assert.deepEqual(error.names, names);
  });

  test("lists all names", () => {
    assert.equal(
      messageFor(["a", "b", "c"], none),
      "`a`, `b` and `c` are not defined inside the task; " +
        "pass them by name: new Deferred(fn, { scope: { a, b, c } })",
    );
  });

  test("advises on well-known names, with a sentence for each advice", () => {
    assert.match(
      messageFor(["rate", "fetch", "WebAssembly", "WebSocket"], none),
      /^`rate` is not .*\. `fetch` and `WebSocket` are not .*network.*\. `WebAssembly` is not /,
    );
    assert.match(messageFor(["process", "Deno"], none), /^`process` and `Deno` belong to the host/);
    assert.match(messageFor(["Temporal"], none), /^`Temporal` is not available.*Date and Intl/);
    assert.match(messageFor(["constructor"], none), /^`constructor` is not defined/);
    assert.match(messageFor(["__publicAccess"], none), /helper that a transpiler added/);
  });

  test("knows a function that calls itself", () => {
    const fib = (n: number): number => n < 2 ? n : fib(n - 1) + fib(n - 2);
    assert.match(
      messageFor(["fib"], fib, "x"),
      /^`fib` is not defined .* pass it by name.*`function fib\(/,
    );
  });

  test("knows imports by what bundlers make of them", () => {
    for (
      const [free, text] of [
        ["import_node_path", "() => (0, import_node_path.join)('a')"],
        ["node_path_1", "() => (0, node_path_1.join)('a')"],
        ["__vi_import_0__", "() => __vi_import_0__.join('a')"],
        ["__vite_ssr_import_0__", "() => (0,__vite_ssr_import_0__.join)('a')"],
        ["path__WEBPACK_IMPORTED_MODULE_0__", "() => path__WEBPACK_IMPORTED_MODULE_0__.join()"],
      ] as const
    ) {
      const fn = (0, eval)(text) as AnyFunction;
      assert.match(messageFor([free], fn), /^`join` is not .* \{ scope: \{ join \} \}/, free);
      assert.deepEqual(freeVariableError([free], fn, "").names, [free]);
    }
  });
});

test("a text is encoded as the engine reads it, lone surrogates as they are", () => {
  const encoded = (text: string): string => Buffer.from(encodeSource(text)).toString("hex");
  assert.equal(encoded("a\u00e4\u4e2d\ud83d\ude00"), "61c3a4e4b8adf09f9880");
  assert.equal(encoded("\ud800"), "eda080");
  assert.equal(encoded("a\udfff\ud800\ud83d\ude00b"), "61edbfbfeda080f09f988062");
  assert.equal(encoded(""), "");
});

group("a function that the engine gives up on", () => {
  const failing = (error: CompileError): Compiler => ({
    compile: () => ({ program: 0, error }),
    free: () => {},
  });
  const long = new Function(`return ${"1+".repeat(5000)}1`) as AnyFunction;

  test("as it takes too long is refused once, with advice", () => {
    let calls = 0;
    const compiler = { compile: () => (calls++, TOO_SLOW), free: () => {} };
    const message = refusal(() => compileFunction(compiler, long, { name: "long" }));
    assert.match(
      message,
      /can't compile `long`, of 10\d\d\d characters: it takes longer than 5 s; /,
    );
    assert.match(message, /Deferred\.eval\(source\)/);
    assert.equal(calls, 1);
  });

  test("as it is nested too deeply is refused, with advice", () => {
    const error = { name: "RangeError", message: "Maximum call stack size exceeded" };
    const message = refusal(() => compileFunction(failing(error), long, { name: "" }));
    assert.match(message, /Maximum call stack size exceeded; it is nested too deeply: take parts/);
  });
});

group("what a function costs grows with its text only", () => {
  const compile = (free: string[]) => (): CompileReply => {
    return { program: 1, free, probed: [], outer: [], kind: "normal" };
  };
  test("unknown names", async () => {
    await assertLinear("unknown names", (n) => {
      const names = Array.from({ length: n }, (_, i) => `u${i}`);
      const fn = new Function(`return [${names.join()}]`) as AnyFunction;
      const compiler = { compile: compile(names), free: () => {} };
      assert.throws(() => compileFunction(compiler, fn, { name: "" }), FreeVariableError);
      const allowGlobals = names;
      assert.equal(compileFunction(compiler, fn, { name: "", allowGlobals }).program, 1);
    }, 64);
  });

  test("where the engine's error is", async () => {
    await assertLinear("an error's place", (n) => {
      const text = `() => {${"\n1;".repeat(n)}${"\u00e4 ".repeat(n)}}`;
      assert.notEqual(offsetIn(text, n + 2, n), null);
      assert.equal(positionAt(text, text.length - 1).line, n + 1);
    }, 64);
  });
});

group("ProgramCache", () => {
  /** Functions with a text of their own each; long ones are remembered by identity, too. */
  const make = (id: number, long = false): AnyFunction =>
    new Function(`return ${id}; ${long ? "// ".padEnd(300, "x") : ""}`) as AnyFunction;
  const cacheOf = (compiler: HostCompiler, capacity?: number): ProgramCache =>
    new ProgramCache(compiler, capacity);
  const options = { name: "" };

  test("is bounded by the length of the texts, too", () => {
    const compiler = new HostCompiler();
    const cache = new ProgramCache(compiler, 1000, 2000);
    for (let id = 0; id < 20; id++) cache.get(make(id, true), options);
    assert.ok(cache.size >= 3 && cache.size <= 6, String(cache.size));
    assert.equal(compiler.alive.size, cache.size);
    const huge = new Function(`return 1; // ${"x".repeat(5000)}`) as AnyFunction;
    const program = cache.get(huge, options);
    assert.equal(cache.size, 1);
    assert.equal(cache.get(huge, options), program);
    cache.get(make(1, true), options);
    assert.equal(cache.size, 1, "the text that was too long alone is gone");
  });

  test("compiles a text once", () => {
    for (const long of [false, true]) {
      const compiler = new HostCompiler();
      const cache = cacheOf(compiler);
      const fn = make(1, long);
      const program = cache.get(fn, options);
      assert.equal(cache.get(fn, options), program);
      assert.equal(cache.get(make(1, long), options), program);
      assert.notEqual(cache.get(make(2, long), options), program);
      assert.equal(compiler.sources.length, 2);
      assert.equal(cache.size, 2);
    }
  });

  test("frees what was not used lately when it is full", () => {
    for (const long of [false, true]) {
      const compiler = new HostCompiler();
      const cache = cacheOf(compiler, 3);
      const functions = Array.from({ length: 50 }, (_, i) => make(i, long));
      const hot = make(-1, long);
      const program = cache.get(hot, options);
      for (const fn of functions) {
        assert.ok(compiler.alive.has(cache.get(fn, options).program));
        assert.equal(cache.get(hot, options), program, "a program in use is kept");
        assert.ok(cache.size <= 3);
        assert.equal(compiler.alive.size, cache.size);
      }
      const again = cache.get(functions[0]!, options);
      assert.ok(compiler.alive.has(again.program), "an evicted program is compiled again");
      assert.equal(compiler.sources.length, 52);
    }
  });

  test("a capacity of 1 works", () => {
    const compiler = new HostCompiler();
    const cache = cacheOf(compiler, 1);
    for (let i = 0; i < 10; i++) {
      for (let k = 0; k < 3; k++) {
        assert.ok(compiler.alive.has(cache.get(make(i), options).program));
      }
    }
    assert.equal(compiler.sources.length, 10);
  });

  test("asks for each use whether its free names are allowed", () => {
    const compiler = new HostCompiler(/\brate\b/g);
    const cache = cacheOf(compiler);
    const fn = new Function("return rate") as AnyFunction;
    assert.throws(() => cache.get(fn, options), FreeVariableError);
    assert.equal(cache.size, 0);
    const program = cache.get(fn, { name: "", allowGlobals: ["rate"] });
    assert.throws(() => cache.get(fn, options), FreeVariableError);
    assert.equal(cache.get(fn, { name: "", allowGlobals: true }), program);
    assert.equal(compiler.alive.size, 1);
  });
});

group("describe", () => {
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const hostile = new Proxy(() => 1, {
    getOwnPropertyDescriptor() {
      throw new Error("no");
    },
    getPrototypeOf() {
      throw new Error("no");
    },
  });
  class Point {}
  for (
    const [value, expected] of [
      [undefined, "undefined"],
      [null, "null"],
      [true, "true"],
      [42, "the number 42"],
      [-0, "the number -0"],
      [NaN, "the number NaN"],
      [12n, "the bigint 12n"],
      [10n ** 1000n, "the bigint of more than 40 digits"],
      ["a\n\ud800", 'the string "a\\n\\ud800"'],
      ["a".repeat(1e6), `the string "${"a".repeat(40)}…"`],
      [Symbol("s"), "the symbol Symbol(s)"],
      [[1, 2], "an array of 2"],
      [Promise.resolve(), "a promise"],
      [{}, "an object"],
      [Object.create(null), "an object"],
      [new Map(), "a Map object"],
      [new Error("x"), "an Error object"],
      [new Point(), "a Point object"],
      [Point, "the function `Point`"],
      [(() => () => 1)(), "a function"],
      [revoked.proxy, "an object"],
      [hostile, "a function"],
      [{
        toString() {
          throw new Error("no");
        },
        get constructor() {
          throw new Error("no");
        },
      }, "an object"],
    ] as [unknown, string][]
  ) {
    test(expected.slice(0, 50), () => assert.equal(describe(value), expected));
  }
});
