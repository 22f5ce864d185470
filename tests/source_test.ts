/**
 * Functions to source: the expressions are evaluated by the host here, which reads all that the
 * engine must read and more.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readdirSync, readFileSync } from "node:fs";
import { describe as group, test } from "node:test";
import { FreeVariableError, FunctionNotSerializableError } from "../src/errors.ts";
import { freeVariableError } from "../src/function/advice.ts";
import { describe } from "../src/function/describe.ts";
import { offsetIn, positionAt } from "../src/function/positions.ts";
import {
  type CompileError,
  compileFunction,
  type Compiler,
  type CompileReply,
  encodeSource,
  ProgramCache,
  sourceOf,
  TOO_SLOW,
} from "../src/function/programs.ts";
import { type AnyFunction, readSource } from "../src/function/source.ts";
import { assertLinear } from "./support/measure.ts";

type Callable = (...args: unknown[]) => unknown;

/** Evaluates an expression as the engine does: as a script, not as part of this module. */
function evaluate(expression: string, strict = true): Callable {
  const result: unknown = (0, eval)(`${strict ? '"use strict";' : ""}${expression}`);
  assert.equal(typeof result, "function");
  return result as Callable;
}

/** The expression of a function that is given as text, so that no runtime reprints it. */
function expressionOf(text: string): string {
  const source = readSource(text);
  assert.ok("expression" in source, `${text} was refused: ${source.kind}`);
  assert.equal(source.text, text);
  const lines = source.expression.split("\n");
  assert.match(lines[0]!, /^\((async )?(function)?( [\w$]+)?$/);
  assert.equal(lines.at(-1), ")");
  assert.equal(lines.slice(1, -1).join("\n"), text.slice(source.from));
  return source.expression;
}

/** What stands in for the engine: it evaluates, and finds free names among those it is told. */
class HostCompiler implements Compiler {
  readonly sources: { expression: string; strict: boolean }[] = [];
  readonly alive = new Set<number>();
  #next = 1;
  readonly #names: RegExp;
  readonly #outer: (expression: string) => string[];

  constructor(names = /(?!)/g, outer: (expression: string) => string[] = () => []) {
    this.#names = names;
    this.#outer = outer;
  }

  compile(expression: string, strict: boolean): CompileReply {
    this.sources.push({ expression, strict });
    try {
      evaluate(expression, strict);
    } catch (error) {
      return { program: 0, error: error as Error };
    }
    const defined = /^\(\((.*)\)=>/.exec(expression)?.[1] ?? "";
    const used = expression.slice(expression.indexOf("\n")).match(this.#names) ?? [];
    const free = [...new Set(used)].filter((name) => !defined.includes(`${name}=`));
    this.alive.add(this.#next);
    return { program: this.#next++, free, outer: this.#outer(expression), kind: "normal" };
  }

  free(program: number): void {
    assert.ok(this.alive.delete(program), `program ${program} is freed twice`);
  }

  get last(): string {
    return this.sources.at(-1)!.expression;
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

group("readSource", () => {
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
      const text = Function.prototype.toString.call(fn);
      const made = evaluate(expressionOf(text));
      assert.deepEqual(await made(...args), expected);
    });
  }

  // Texts that some runtime reprints, or that formatting would change.
  const texts: [string, unknown[], unknown][] = [
    ["/* x */ async /* y */ foo /* z */ (a) { return await a }", [1], 1],
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
    ["async (a = 1, b = a++ / 2) => a / b", [], 4],
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
    ["[/* ] */ b // ]\n ] () { return 1 }", [], 1],
    ["[((a, b) => { return a / b })(1, 2) + '/]']() { return 1 }", [], 1],
    ["async ['a']() { return 1 }", [], 1],
    ["get ['a']() { return 1 }", [], 1],
    ["\\u0061b() { return 1 }", [], 1],
    ["\\u{61}b => \\u{61}b", [1], 1],
    ["ünï() { return 1 }", [], 1],
    ["𠮷 => 𠮷", [1], 1],
    ["$a(b) { return b }", [1], 1],
    ["#hidden() { return 1 }", [], 1],
    ["__proto__() { return 1 }", [], 1],
    ["function\n/**/named/**/()/**/{ return 1 }", [], 1],
    ["async function\tnamed() { return 1 }", [], 1],
    ["async function() { return 1 }", [], 1],
    ["function $() { return 1 } ", [], 1],
    ["() => 1 // the end", [], 1],
    ["() => '{ [native code] }'", [], "{ [native code] }"],
    ["() => { return `\n{ [native code] }` }", [], "\n{ [native code] }"],
    ["\ufeff\u00a0() => 1", [], 1],
  ];
  for (const [text, args, expected] of texts) {
    test(`reads ${JSON.stringify(text)}`, async () => {
      assert.deepEqual(await evaluate(expressionOf(text))(...args), expected);
    });
  }

  test("a method keeps its name where that changes nothing", () => {
    assert.equal(evaluate(expressionOf("area(a) { return a }")).name, "area");
    assert.equal(evaluate(expressionOf("async of(a) { return a }")).name, "of");
    for (const name of ["delete", "static", "eval", "await", "yield", "let", "arguments"]) {
      assert.equal(evaluate(expressionOf(`${name}() { return 1 }`)).name, "");
    }
  });

  test("a method does not see its own name", () => {
    const method = evaluate(expressionOf("hidden(n) { return typeof hidden }"));
    assert.equal(method(1), "undefined");
  });

  test("tells what can't be compiled on its own", () => {
    for (
      const [text, kind] of [
        ["class {}", "class"],
        ["class A extends B { constructor() { super() } }", "class"],
        ["class /* ( */ A {}", "class"],
        ["function* () {}", "generator"],
        ["async function * named() {}", "generator"],
        ["*items() {}", "generator"],
        ["async /**/ *items() {}", "generator"],
        ["*[Symbol.iterator]() {}", "generator"],
        ["function () { [native code] }", "native"],
        ["function max() {\n    [native code]\n}", "native"],
        ["function get [Symbol.species]() { [native code] }", "native"],
        ["", "unknown"],
        ["42", "unknown"],
        ["async", "unknown"],
        ["static foo() {}", "unknown"],
        ["[unclosed() {}", "unknown"],
        ["'unclosed() {}", "unknown"],
        ["async (unclosed", "method"],
      ] as const
    ) {
      assert.equal(readSource(text).kind, kind, text);
    }
  });
});

group("sourceOf", () => {
  test("is not fooled by an own toString", () => {
    const fn = Object.assign(() => 1, { toString: () => "() => 2" });
    assert.equal(evaluate(sourceOf(fn, "fn").expression)(), 1);
  });

  test("finds an async method called async async, whatever its text says", async () => {
    const { async: fn } = (0, eval)("({ async async(a) { return await a; } })");
    assert.equal(await evaluate(sourceOf(fn, "").expression)(Promise.resolve(1)), 1);
  });

  test("refuses native functions and says how to wrap them", () => {
    assert.match(refusal(() => sourceOf(Math.max, "max")), /`\(\.\.\.args\) => Math\.max\(/);
    assert.match(
      refusal(() => sourceOf(Array.prototype.slice, "slice")),
      /`Array\.prototype\.slice` .*`\(value, \.\.\.args\) => value\.slice\(\.\.\.args\)`/,
    );
    assert.match(refusal(() => sourceOf(Map as never, "Map")), /=> new Map\(\.\.\.args\)`/);
    assert.match(refusal(() => sourceOf(isNaN, "isNaN")), /=> isNaN\(\.\.\.args\)`/);
  });

  test("refuses bound functions and proxies", () => {
    function area(w: number): number {
      return w;
    }
    assert.match(refusal(() => sourceOf(area.bind(null), "x")), /`area` is a bound function/);
    assert.match(
      refusal(() => sourceOf((() => 1).bind(null), "")),
      /: the function is a bound function/,
    );
    assert.match(refusal(() => sourceOf(new Proxy(area, {}), "area")), /`area` is .*a Proxy/);
    const hostile = new Proxy(area, {
      get() {
        throw new Error("no");
      },
    });
    assert.match(refusal(() => sourceOf(hostile, "")), /the function is .*a Proxy/);
  });

  test("refuses classes and generators by name", () => {
    class Point {}
    assert.match(refusal(() => sourceOf(Point as never, "Point")), /`Point` is a class/);
    function* items() {}
    assert.match(refusal(() => sourceOf(items, "items")), /`items` is a generator function/);
    async function* later() {}
    assert.match(refusal(() => sourceOf(later, "later")), /`later` is a generator function/);
  });
});

group("offsetIn", () => {
  const text = "area(w) {\n  const é = '𠮷';\n  throw é;\n}";
  const source = { text, from: 4 };
  /** The engine's position of `what`: in lines of the expression, columns in bytes. */
  const position = (what: string): [number, number] => {
    const before = text.slice(source.from, text.indexOf(what, source.from)).split("\n");
    return [before.length + 1, new TextEncoder().encode(before.at(-1)).length + 1];
  };

  test("finds the engine's positions in the text", () => {
    for (const what of ["(w)", "{", "const", "'𠮷'", "𠮷", ";\n  throw", "throw é", "}"]) {
      assert.equal(offsetIn(source, ...position(what)), text.indexOf(what, 4), what);
    }
  });

  test("refuses positions that are not the user's", () => {
    assert.equal(offsetIn(source, 1, 1), null);
    assert.equal(offsetIn(source, 6, 1), null);
    assert.equal(offsetIn(source, 1000, 1), null);
    assert.equal(offsetIn(source, 0, 0), null);
  });

  test("and positionAt counts as people do", () => {
    assert.deepEqual(positionAt("ab\ncd", 0), { line: 1, column: 1 });
    assert.deepEqual(positionAt("ab\ncd", 2), { line: 1, column: 3 });
    assert.deepEqual(positionAt("ab\ncd", 3), { line: 2, column: 1 });
    assert.deepEqual(positionAt("\n\n", 2), { line: 3, column: 1 });
    assert.deepEqual(positionAt("𠮷\n", 2), { line: 1, column: 3 });
  });

  test("a column past the end stays on its line", () => {
    assert.equal(offsetIn(source, 2, 1000), text.indexOf("\n"));
  });
});

group("compileFunction", () => {
  const options = { name: "work" };
  const functionOf = (text: string): AnyFunction => (0, eval)(`(${text}\n)`) as AnyFunction;

  test("compiles as strict code first, and sloppy only what can't be strict", () => {
    const compiler = new HostCompiler();
    compileFunction(compiler, () => 1, options);
    assert.deepEqual(compiler.sources.map(({ strict }) => strict), [true]);
    compileFunction(compiler, new Function("o", "with (o) { return a }") as AnyFunction, options);
    assert.deepEqual(compiler.sources.map(({ strict }) => strict), [true, true, false]);
  });

  test("shows the line that the engine can't read", () => {
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
    assert.match(message, /can't read `work`: expecting ';' \(line 2, column 15\)/);
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
    const expected = {
      sum: 8,
      x: 10,
      y: 2,
      o: { c: 3, n: 5, b: 32 },
      names: ["inner", "named", "Box"],
      made: 0,
      twice: 2,
      list: [1, 2, 3],
      a: 1,
    };
    const folder = new URL("fixtures/transpiled/", import.meta.url);
    for (const file of readdirSync(folder)) {
      test(file, async () => {
        const compiler = new HostCompiler(/\b(__[a-z]\w+|cov_\w+)\b/g);
        const fn = functionOf(readFileSync(new URL(file, folder), "utf8"));
        const { free } = compileFunction(compiler, fn, options);
        assert.deepEqual(free, []);
        assert.equal(compiler.alive.size, 1);
        assert.equal(compiler.last.split("\n")[1], sourceOf(fn, "").text.split("\n")[0]);
        assert.deepEqual(await evaluate(compiler.last)(5, { c: 3 }), expected);
      });
    }

    for (
      const [text, value] of [
        ["() => __name(() => 1, 'one').name", "one"],
        ["() => __assign({ a: 1 }, { b: 2 })", { a: 1, b: 2 }],
        ["() => __spreadArray([1], [2, 3], false)", [1, 2, 3]],
        ["() => __spreadValues({ a: 1 }, null)", { a: 1 }],
        ["() => __objRest({ a: 1, b: 2 }, ['a'].map(__restKey))", { b: 2 }],
        ["() => __pow(2, 3)", 8],
        ["() => __defNormalProp({}, 'a', 1)", 1],
        ["() => __async(null, null, function* () { throw 1 }).catch((e) => e + 1)", 2],
        [
          "() => __async(null, [1], function* (a, b = x) { let x }).catch((e) => e.name)",
          "ReferenceError",
        ],
        ["() => { cov_1a.b['2'][0]++; return cov_1a().s[0] + 1 }", 1],
      ] as const
    ) {
      test(text, async () => {
        const compiler = new HostCompiler(/\b(__[a-z]\w+|cov_\w+)\b/g);
        compileFunction(compiler, functionOf(text), options);
        assert.deepEqual(await evaluate(compiler.last)(), value);
      });
    }

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
        "pass data in `args`, and put code into the function",
    );
  });

  test("advises on well-known names, with a sentence for each advice", () => {
    assert.match(messageFor(["console"], none), /^`console` is not available .*; return what you/);
    assert.match(
      messageFor(["rate", "setTimeout", "Intl", "setInterval"], none),
      /^`rate` is not .*\. `setTimeout` and `setInterval` are not .*timers.*\. `Intl` is not /,
    );
    assert.match(messageFor(["process", "Deno"], none), /^`process` and `Deno` belong to the host/);
    assert.match(messageFor(["constructor"], none), /^`constructor` is not defined/);
    assert.match(messageFor(["__publicAccess"], none), /helper that a transpiler added/);
  });

  test("knows a function that calls itself", () => {
    const fib = (n: number): number => n < 2 ? n : fib(n - 1) + fib(n - 2);
    assert.match(messageFor(["fib"], fib, "x"), /^`fib` is the function itself.*`function fib\(/);
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
      assert.match(messageFor([free], fn), /^`join` is imported, .* `args`/, free);
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
    return { program: 1, free, outer: [], kind: "normal" };
  };
  const many = (n: number, part: (i: number) => string): string =>
    Array.from({ length: n }, (_, i) => part(i)).join("");
  const texts: Record<string, (n: number) => string> = {
    "parameters": (n) => `(${many(n, (i) => `a${i},`)}) => 1`,
    "of a method": (n) => `method(${many(n, (i) => `a${i} = [${i}],`)}) { return 1 }`,
    "in a computed key": (n) => `["${"k".repeat(n)}" + \`\${${n}}\`]() { return 1 }`,
    "of an async arrow function": (n) => `async (${many(n, (i) => `a${i} = /[/]/,`)}) => 1`,
    "nested defaults": (n) => `(a = ${"[".repeat(n)}${"]".repeat(n)}) => 1`,
    "comments": (n) => `${"/* * */ // x\n".repeat(n)} () => 1`,
    "spaces": (n) => `${" ".repeat(n)}() => ${" \n".repeat(n)} 1`,
    "strings": (n) => `() => [${many(n, (i) => `"\\n${i}",`)}]`,
    "one string": (n) => `(a = "${"s".repeat(n)}") => "${"s".repeat(n)}"`,
    "one number": (n) => `method(a = ${"1".repeat(n)}) { return 1 }`,
    "one name": (n) => `${"n".repeat(n)}(${"n".repeat(n)}) { return 1 }`,
    "templates": (n) => `(a = ${"`${1}".repeat(n)}${"`".repeat(n)}) => 1`,
  };
  for (const [what, text] of Object.entries(texts)) {
    test(what, async () => {
      const known = new Map<number, string>();
      await assertLinear(what, (n) => {
        const source = known.get(n) ?? text(n);
        known.set(n, source);
        assert.ok("expression" in readSource(source));
      }, 64);
    });
  }

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
      const source = { text, from: 0 };
      assert.notEqual(offsetIn(source, n + 2, n), null);
      assert.equal(positionAt(text, text.length - 1).line, n + 1);
    }, 64);
  });
});

group("ProgramCache", () => {
  /** Functions with a text of their own each; long ones are remembered by identity, too. */
  const make = (id: number, long = false): AnyFunction =>
    new Function(`return ${id}; ${long ? "// ".padEnd(300, "x") : ""}`) as AnyFunction;
  const cacheOf = (compiler: HostCompiler, capacity?: number): ProgramCache =>
    new ProgramCache(
      (source, strict) => compiler.compile(source, strict),
      (program) => compiler.free(program),
      capacity,
    );
  const options = { name: "" };

  test("is bounded by the length of the texts, too", () => {
    const compiler = new HostCompiler();
    const cache = new ProgramCache(
      (source, strict) => compiler.compile(source, strict),
      (program) => compiler.free(program),
      1000,
      2000,
    );
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
        assert.ok(compiler.alive.has(cache.get(fn, options)));
        assert.equal(cache.get(hot, options), program, "a program in use is kept");
        assert.ok(cache.size <= 3);
        assert.equal(compiler.alive.size, cache.size);
      }
      const again = cache.get(functions[0]!, options);
      assert.ok(compiler.alive.has(again), "an evicted program is compiled again");
      assert.equal(compiler.sources.length, 52);
    }
  });

  test("a capacity of 1 works", () => {
    const compiler = new HostCompiler();
    const cache = cacheOf(compiler, 1);
    for (let i = 0; i < 10; i++) {
      for (let k = 0; k < 3; k++) assert.ok(compiler.alive.has(cache.get(make(i), options)));
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
