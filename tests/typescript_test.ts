/**
 * Code as text in TypeScript: what is stripped, what can't be, where things stay, and what hostile text
 * does to what strips it.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import * as nodeModule from "node:module";
import { after, describe, test } from "node:test";
import { DeferredPool, type EvalOptions, type ModuleLoader } from "../mod.ts";
import { assertLinear } from "./support/measure.ts";
import { reasonOf } from "./support/reason.ts";

const pool = new DeferredPool({ maxThreads: 1 });
after(() => pool.close());

const run = (text: string, options: EvalOptions = {}): Promise<unknown> =>
  pool.eval(text, { language: "typescript", name: "rule", ...options });

const topOf = (error: Error): string => /\n\s+at (.*)/.exec(String(error.stack))?.[1] ?? "";

describe("types are stripped", () => {
  const values: readonly (readonly [text: string, value: unknown])[] = [
    ["const a: number = 1; a", 1],
    ["1", 1],
    ["", undefined],
    ["return 5 as number", 5],
    ["const f = async <T,>(x: T): Promise<T> => x; await f<number>(2)", 2],
    ["interface A { b: string } type C = A | null; 3", 3],
    [
      "declare const q: number; declare function g(): void; declare module 'm' { } typeof q",
      "undefined",
    ],
    [
      "function f(this: { n: number }, a?: number): number { return this.n + (a ?? 1) } f.call({ n: 3 })",
      4,
    ],
    [
      "function f(a: string): void; function f(a: number): void; function f(a: any) { return a } f(5)",
      5,
    ],
    ["const x = { a: 1 } satisfies Record<string, number>; x!.a!", 1],
    ["let y!: number; y = 6; y", 6],
    ["new Map<string, number>([['a', 7]]).get('a')", 7],
    [
      "const o = { type: 1, as: 2, satisfies: 3, declare: 4 }; o.type + o.as + o.satisfies + o.declare",
      10,
    ],
    ["let type = 1; type = 2; let as = type as number; as", 2],
    [
      "let abstract = 1, namespace = 2, module = 3, declare = 4; abstract + namespace + module + declare",
      10,
    ],
    ["for (const n of [8] as number[]) n", 8],
    ["try { throw 1 } catch (e: unknown) { (e as number) + 8 }", 9],
    ["const a = 5, b = 2, c = 1; a < b || c > (0)", true],
    ["const f = (a = (1 < 2), b: number = 3) => b; f()", 3],
    ["const f: (a: number) => number = (a) => a + 1; f(9)", 10],
    [
      "type G<in out T> = { [K in keyof T as `x${string & K}`]?: T[K] extends infer U ? U : never }; 11",
      11,
    ],
    ["let a = 1 as const; let b = <const T,>(x: T) => x; b(a)", 1],
    [
      "function is(x: unknown): x is string { return true } function no(x: unknown): asserts x is 1 {} is(1)",
      true,
    ],
    ["/a:b/.test('a:b') ? 'x' : 'y'", "x"],
    ["`${(1 as number) + 1}` + `a: number`", "2a: number"],
  ];
  for (const [text, value] of values) {
    test(JSON.stringify(text), async () => assert.deepEqual(await run(text), value));
  }

  test("of classes: fields, modifiers, overloads, what is abstract or only declared", async () => {
    const text = `
      interface Named { name: string }
      abstract class Base<T> implements Named {
        abstract x: number
        abstract get y(): T
        protected abstract z(): void
        declare d: number
        name: string = "base"
        get?: number
        static count: number = 0;
        readonly #secret: T | null = null
        private override?: string
        [key: string]: any;
        public ['computed']: number = 4
        m(): void;
        m(a?: number): void {}
        static async *gen<U>(u: U): AsyncGenerator<U> { yield u }
        secret(): T | null { return this.#secret }
      }
      class Derived extends Base<string> {
        x = 1
        override get y() { return "y" }
        z() {}
      }
      const d = new Derived()
      ;[Object.keys(d).join(), d.y, d.secret(), d.computed, (await Derived.gen(5).next()).value]
    `;
    assert.deepEqual(await run(text), ["name,get,override,computed,x", "y", null, 4, 5]);
  });

  test("where lines end without a semicolon", async () => {
    for (
      const [text, value] of [
        ["let a = 1\ntype X = string\n;(a)", 1],
        ["const f = () => 5\nlet a = f\ntype X = string\n(1)", 1],
        ["const a = [2] as any\n[0]\na", [2]],
        ["const a = 3 satisfies any\n(a)", 3],
        ["const f = (a: number):\n number\n=> a\nf(4)".replace("\n=>", " =>"), 4],
        ["const f = (a: number): (\n | number\n) => a\nf(5)", 5],
        ["const f = async <\n T\n>(a: T) => a\nawait f(6)", 6],
        ["const f = (x: any) => x\nconst g = f<\nnumber\n>(7)\ng", 7],
        ["class A { get: any\n x() { return 8 } }\nnew A().x()", 8],
        ["class A { a = 1\n public ['b'] = 9 }\nnew A().b", 9],
        [
          "class A { a = 1\n private *g() { yield 10 } ; go() { return [...this.g()][0] } }\nnew A().go()",
          10,
        ],
      ] as const
    ) {
      assert.deepEqual(await run(text), value, text);
    }
  });

  test("of modules: what says type goes, all else stays", async () => {
    const loader: ModuleLoader = {
      load: (url) =>
        ({
          "a.ts": "export interface A { n: number } export const a: number = 1; " +
            "export type { A as B }; export { type A as C, a as b }",
          "b.mts": "import type { A } from './a.ts'; import { type A as X, a } from './a.ts'; " +
            "import type Y from 'nowhere' with { type: 'json' }; export type * from 'nowhere'; " +
            "export default (a as number) + 1",
          "c.js": "export default 5 < 6",
        })[url],
    };
    const text =
      "import b from './b.mts'; import { b as one } from './a.ts'; import c from './c.js'; " +
      "import type { Z } from 'nowhere'; export default [b, one, c] as const";
    assert.deepEqual(await run(text, { loader, filename: "main.ts" }), [2, 1, true]);
    const said: ModuleLoader = {
      load: () => ({ source: "export default 1 as number", language: "typescript" }),
    };
    assert.equal(await pool.eval("export { default } from 'x'", { loader: said }), 1);
    const plain: ModuleLoader = { load: () => ({ source: "1 as any", language: "javascript" }) };
    assert.ok(await reasonOf(pool.eval("import 'x.ts'", { loader: plain })) instanceof SyntaxError);
  });

  test("by the file's ending, unless something else is said", async () => {
    const text = "1 as number";
    for (const filename of ["a.ts", "a.mts", "a.cts", "app:///A.TS?x#y"]) {
      assert.equal(await pool.eval(text, { filename }), 1, filename);
    }
    for (const filename of ["a.js", "ts", "a.ts.js", "a.tsx", undefined]) {
      assert.ok(
        await reasonOf(pool.eval(text, { filename })) instanceof SyntaxError,
        `${filename}`,
      );
    }
    assert.ok(
      await reasonOf(pool.eval(text, { filename: "a.ts", language: "javascript" })) instanceof
        SyntaxError,
    );
    assert.equal(await pool.eval("1", { filename: "a.json" }), 1);
  });
});

describe("positions stay", () => {
  for (
    const [text, place] of [
      ["type A = {\n  b: string;\n};\n  null.x", "rule:4:3"],
      ["let \u00e9: '\u4e2d\ud83d\ude00\u00e9' = 1 as any; null.x", "rule:1:27"],
      ["const f = (a: string): number => { null.x }; f('')", "f (rule:1:36)"],
      ["interface \u4e2d { } function g<T>(x: T) { throw new Error('x') } g(1)", "g (rule:1:49)"],
      ["let x: = 1", "rule:1:8"],
      ["\u00e9\u00e9: \u4e2d\u4e2d; let y: = 2", "rule:1:16"],
      ["const a: number = ;", "rule:1:19"],
    ] as const
  ) {
    test(JSON.stringify(text), async () => {
      assert.equal(topOf(await reasonOf(run(text))), place);
    });
  }
});

describe("what is more than types is refused, by name and place", () => {
  for (
    const [text, place, message] of [
      ["1;\n  enum A { B }", "rule:2:3", /^an enum is more than a type: write an object/],
      ["const enum A { B }", "rule:1:7", /enum/],
      ["export enum A { B }", "rule:1:8", /enum/],
      ["namespace N { export const a = 1 }", "rule:1:1", /^a namespace is more than a type/],
      ["type A = 1\nexport namespace N { export const a = 1 }", "rule:2:8", /namespace/],
      [
        "class A { constructor(private x: number) {} }",
        "rule:1:23",
        /^a parameter that makes a property/,
      ],
      ["class A { constructor(a: number, readonly x = 1) {} }", "rule:1:34", /parameter/],
      ["import a = require('x')", "rule:1:1", /`import … from`/],
      ["import a = b.c", "rule:1:1", /`import … from`/],
      ["export import a = b.c", "rule:1:1", /more than a type/],
      ["export = 5", "rule:1:1", /`export default`/],
    ] as const
  ) {
    test(JSON.stringify(text), async () => {
      const error = await reasonOf(run(text));
      assert.ok(error instanceof SyntaxError);
      assert.match(error.message, message);
      assert.equal(topOf(error), place);
    });
  }

  test("declared enums and namespaces are types", async () => {
    assert.equal(await run("declare enum A { B } declare namespace N { const a: 1 } 1"), 1);
  });
});

/** As the tasks have it. */
const { strip } = (0, eval)(
  readFileSync(new URL("../build/units/typescript.js", import.meta.url), "utf8"),
)() as { strip(source: string): string | { message: string; row: number; column: number } };

test("it strips what the runtime strips, of all the TypeScript that there is here", {
  skip: !("stripTypeScriptTypes" in nodeModule),
}, () => {
  const theirs = (nodeModule as { stripTypeScriptTypes?: (text: string) => string })
    .stripTypeScriptTypes!;
  const bare = (text: string): string =>
    text.replace(/\/\*[^]*?\*\/|\/\/.*/g, "").replace(/[\s;]+/g, "");
  let count = 0;
  for (
    const folder of [
      "src",
      "src/function",
      "src/pool",
      "src/clone",
      "ffi",
      "tests",
      "tests/support",
    ]
  ) {
    const url = new URL(`../${folder}/`, import.meta.url);
    for (const name of readdirSync(url).filter((name) => name.endsWith(".ts"))) {
      const text = readFileSync(new URL(name, url), "utf8");
      const stripped = strip(text);
      assert.equal(typeof stripped, "string", `${name}: ${JSON.stringify(stripped)}`);
      const bytes = new TextEncoder();
      assert.equal((stripped as string).length, text.length, name);
      assert.equal(bytes.encode(stripped as string).length, bytes.encode(text).length, name);
      assert.equal(bare(stripped as string), bare(theirs(text)), name);
      count++;
    }
  }
  assert.ok(count > 60);
});

describe("hostile TypeScript", () => {
  for (
    const part of [
      "(",
      "[",
      "{",
      "<",
      "a=>",
      "(a:",
      "!",
      "a<",
      "a?",
      "a as ",
      "type A=",
      "class{",
      "`${",
      "@",
    ]
  ) {
    test(`nested 50,000 times: ${JSON.stringify(part)}`, async () => {
      const error = await reasonOf(run(part.repeat(50_000), { timeout: 60_000 }));
      assert.match(error.name, /^(RangeError|SyntaxError|TypeError|ReferenceError)$/);
      assert.equal(await pool.eval("6 * 7"), 42);
    });
  }

  test("limits hold while it is stripped", async () => {
    const text = "const a: number = 1;\n".repeat(200_000);
    const late = await reasonOf(run(text, { timeout: 20 }));
    assert.equal(late.name, "TimeoutError");
    const large = await reasonOf(run(text, { memoryLimit: 4 * 2 ** 20 }));
    assert.equal(large.name, "DeferredMemoryError");
    assert.equal(await run("1 as any"), 1);
  });

  test("a task that breaks what strips breaks it for itself", async () => {
    const loader: ModuleLoader = { load: () => "export const a: number = 1" };
    for (
      const spoil of [
        "Array.prototype.push = null;",
        "String.prototype.slice = () => 'evil()';",
        "RegExp.prototype.exec = () => { throw 1 };",
        "Object.defineProperty(Object.prototype, 'isType', { get() { return true }, set() {} });",
        "Array.prototype[Symbol.iterator] = null; globalThis.Uint8Array = null;",
        "String.prototype.charCodeAt = () => NaN;",
      ]
    ) {
      const text = `${spoil} try { return (await import('x.ts')).a } catch { return 'broken' }`;
      const value = await pool.eval(text, { loader, timeout: 60_000 }).catch((error: Error) =>
        error.name
      );
      assert.ok(["broken", 1, "TimeoutError"].includes(value as string), `${spoil} ${value}`);
      assert.equal(await run("const a: number = 2; a"), 2);
    }
  });

  test("what it costs grows with the text only", async () => {
    const parts = [
      "const a: number = 1;\n",
      "a as any as any;",
      "f<A, B>(x);",
      "class A { private x?: T }\n",
    ];
    for (const part of parts) {
      await assertLinear(part, (n) => run(`${part.repeat(n / 4)}\n0`).catch(() => {}), 400);
    }
  });
});
