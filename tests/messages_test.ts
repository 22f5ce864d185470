/**
 * What newcomers are told of the mistakes that they make with a task and its host: what happened, and
 * what to do.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { Deferred, DeferredPool, type EvalOptions } from "../mod.ts";
import { MOD } from "./support/process.ts";
import { reasonOf } from "./support/reason.ts";

const pool = new DeferredPool({ maxThreads: 1 });
const folder = await mkdtemp(join(tmpdir(), "deferred-messages-"));
after(() => Promise.all([pool.close(), rm(folder, { recursive: true })]));
let count = 0;

/** As from JavaScript, where no types are in the way. */
// deno-lint-ignore no-explicit-any
const untyped = (text: string): any => (0, eval)(`(${text})`);

async function told(text: string, options: EvalOptions = {}): Promise<string> {
  return (await reasonOf(pool.eval(text, options))).message;
}

describe("a function looks in its last parameter for what nobody offers:", () => {
  const REPORT = "`report` is there if the task has the option `onProgress` or { progress: true }";
  const NOTHING = "no argument is left for the last parameter, which has ";
  const HOST = "; pass values in `args`, or offer functions of yours in `host`";
  const cases:
    readonly (readonly [text: string, args: readonly unknown[], advice: string | null])[] = [
      ["(n, { report }) => report(n)", [1], REPORT],
      ["({ report }) => { report(1) }", [], REPORT],
      ["function (n, { lookup, report }) { report(n) }", [1], REPORT],
      ["async (n, host) => { host.report(n) }", [1], REPORT],
      ["host => host.report(1)", [], REPORT],
      [
        "async (n, { lookup, log }) => await lookup(n)",
        [1],
        `${NOTHING}\`lookup\` and \`log\`${HOST}`,
      ],
      ["(n, host) => host.lookup(n)", [1], `${NOTHING}\`host.lookup\`${HOST}`],
      ["(n, { report }) => report(n)", [1, undefined], null],
      ["(n) => { const { report } = undefined; }", [1], null],
      ["(n, m) => { const { report } = m; }", [1], null],
      ["(n, host) => n.other.report", [{}], null],
      ["(n, { report } = {}) => null.x", [1], null],
    ];
  for (const [text, args, advice] of cases) {
    test(`${text}, with ${args.length} arguments`, async () => {
      const error = await reasonOf(pool.defer(untyped(text), { args: [...args] }));
      assert.ok(error instanceof TypeError);
      if (advice === null) assert.doesNotMatch(error.message, /`report` is|no argument is left/);
      else assert.ok(error.message.endsWith(`: ${advice}`), error.message);
    });
  }
});

describe("a text can't be read:", () => {
  const AWAIT = /; `await` is for async functions: write `async` before the function around it$/;
  const TYPES = /; if it is TypeScript, say so: { language: "typescript" }, or a `filename` that /;
  for (
    const text of [
      "function f() { await 1 } f()",
      "const f = () => { const x = await g(); }; f()",
      "[1].map((x) => await lookup(x))",
    ]
  ) {
    test(text, async () => assert.match(await told(text), AWAIT));
  }
  const typescript = [
    "const x: number = 1; x",
    "let all: string[] = []; all",
    "let x?: number",
    "(a: Order) => a",
    "(x, y?: number) => y",
    "const f = (x): boolean => x",
    "interface A { x: number }",
    "type A = number; 1",
    "const a = 1 as number; a",
    "for (const x of y as any) {}",
    "const a = b satisfies C",
    "function f<T>(x: T): T { return x }",
    "const a = <number>b",
    "a[0]!.toFixed()",
    "const x = y!;",
    "enum A { B }",
    "declare const x: number",
    "namespace A {}",
    "abstract class A {}",
    "class A { private x = 1 }",
    "class A { constructor(private x) {} }",
    "class A { x: number = 1 }",
    "import type { T } from './t.js'",
    "export type A = 1; export default 1",
  ];
  for (const text of typescript) {
    test(`${text} (TypeScript)`, async () => {
      assert.match(await told(text), TYPES);
      const said = await pool.eval(text, { language: "typescript" }).catch((e: Error) => e.message);
      assert.doesNotMatch(String(said), TYPES);
    });
  }
  const javascript = [
    "{ a: 1, b: two }",
    "{ a: 1, b: Two(1) }",
    "a ? b",
    "const = 5",
    "if (a) { b",
    "let a b",
    "a !",
    "a < > b",
    "const as of = 1",
    "obj.await x",
  ];
  for (const text of javascript) {
    test(`${text} (nothing is guessed)`, async () => {
      const error = await reasonOf(pool.eval(text));
      assert.equal(error.name, "SyntaxError");
      assert.doesNotMatch(error.message, /TypeScript|async/);
    });
  }

  test("a module that a loader gave", async () => {
    const loader = { load: () => "export const x: number = 1" };
    const message = await told("import { x } from './x'", { loader });
    assert.match(
      message,
      /load\(\) says so: { source, language: "typescript" }, or the URL by its/,
    );
  });

  test("a type is imported as a value", async () => {
    const loader = { load: () => "export type T = 1; export const v = 2" };
    const options = { loader, filename: "main.ts" };
    assert.equal(
      await told("import { T, v } from './t.ts'; const x: T = v; export default x", options),
      "Could not find export 'T' in module 't.ts'; if it is a type, import it as one: " +
        "import { type T } from …",
    );
    const typed = "import { type T, v } from './t.ts'; const x: T = v; export default x";
    assert.equal(await pool.eval(typed, options), 2);
  });
});

describe("names that a module imports are told with that module:", () => {
  const said = async (fn: string, options: string): Promise<string> => {
    const file = join(folder, `imports${count++}.mjs`);
    await writeFile(
      file,
      `import { marked as md } from "./marked.mjs";
      import { existsSync } from "node:fs";
      import { Deferred } from ${JSON.stringify(MOD)};
      export const made = () => new Deferred(${fn}, ${options});`,
    );
    await writeFile(
      join(folder, "marked.mjs"),
      "const v = { n: 1 }; export const marked = () => v.n;",
    );
    const { made } = await import(pathToFileURL(file).href);
    return (await reasonOf(Promise.resolve().then(made))).message;
  };

  test("a package or a file, be it its function that uses what is there", async () => {
    const allow =
      /^`md` is imported from "\.\/marked\.mjs".*\{ scope: import\.meta, modules: \["\.\/marked\.mjs"\] \}$/;
    assert.match(await said("() => md()", "{}"), allow);
    assert.match(await said("() => md()", "{ scope: { md } }"), allow);
  });

  test("one of the runtime's, and what is not imported", async () => {
    const message = await said("() => existsSync(file)", "{}");
    assert.match(
      message,
      /^`file` is not defined .*\. `existsSync` is imported from "node:fs", which a task/,
    );
    assert.match(message, /\{ host: \{ existsSync \} \}$/);
  });

  test("a require of a function is an import", async () => {
    const reason = await reasonOf(pool.run((0, eval)("() => require('marked')")));
    assert.match(reason.message, /^require is not defined: .*await import\("…"\).*\{ modules: /);
  });
});

describe("a newcomer's slip is told by name:", () => {
  const host = { rows: () => [1], db: { rows: () => [1] } };
  const cases: Readonly<Record<string, readonly [call: () => unknown, message: RegExp]>> = {
    "a key": [
      () =>
        new Deferred(() => crypto.subtle.importKey("raw", new Uint8Array(1), "HKDF", false, [])),
      /^not a function: crypto\.subtle\.importKey is not there; a task has no keys, only digest/,
    ],
    "a mark": [
      () => new Deferred(() => performance.mark("x")),
      /performance\.mark is not there; a task has performance\.now/,
    ],
    "a class of Intl": [
      () => new Deferred(() => new Intl.DurationFormat("en").format({ hours: 1 })),
      /^not a function: Intl\.DurationFormat is not there; a task has Collator/,
    ],
    "a callback for the host": [
      () =>
        new Deferred((host) => host.tools.sum(1, { then: () => 2 }), {
          host: { tools: { sum: (..._all: unknown[]) => 1 } },
        }),
      /^tools\.sum\(\) was passed args\[1\]\.then: a function .* it stays in the task/,
    ],
    "a timer's unref": [
      () => Deferred.eval("setTimeout(() => {}, 1).unref()"),
      /unref is not there; a timer in a task is a number/,
    ],
    "a method of a promise": [
      () => Deferred.eval("db.rows().map((x) => x)", { host }),
      /^not a function: db\.rows\(\) gives a promise; await it: await db\.rows\(…\)$/,
    ],
    "a variable that holds one": [
      () => Deferred.eval("const all = rows(); return all.map((x) => x)", { host }),
      /^not a function: rows\(\) gives a promise/,
    ],
    "a loop over one": [
      () => Deferred.eval("for await (const row of rows()) row", { host }),
      /^not a function: rows\(\) gives a promise/,
    ],
    "a spread of one": [
      () => new Deferred((h) => [...h.rows() as never], { host }),
      /^value is not iterable: h\.rows\(\) gives a promise/,
    ],
    "require, with a loader": [
      () => Deferred.eval("require('x')", { loader: { load: () => "" } }),
      /^require is not defined: this code has a loader; use import/,
    ],
    "options of run": [
      () => Deferred.run(((n: number) => n) as never, 1, { host }),
      /; Deferred\.run takes no options: new Deferred\(fn, \{ args, host \}\)$/,
    ],
    "a group in a group": [
      () => new Deferred(() => 1, { host: { a: { b: { c: () => 1 } } } } as never),
      /host\.a\.b must be a function, got an object; groups are one level deep/,
    ],
    "a controller": [
      () => new Deferred(() => 1, { signal: new AbortController() } as never),
      /; pass controller\.signal$/,
    ],
    "a URL": [
      () => Deferred.eval("1", { filename: new URL("file:///x") } as never),
      /; pass url\.href$/,
    ],
    "an iterator": [() => new Deferred(() => new Map().keys()), /; pass its values: \[\.\.\.it\]$/],
    "a symbol": [() => new Deferred(() => Symbol()), /; pass its description, a string$/],
    "memory": [
      () => new Deferred(() => 1, { maxMemory: 1 } as never),
      /did you mean `memoryLimit`/,
    ],
    "a pool's size": [() => new DeferredPool({ size: 1 } as never), /did you mean `maxThreads`/],
    "half a loader": [
      () => Deferred.eval("1", { loader: { resolve: () => "" } } as never),
      /\{ loader \}\): loader\.load must be a function, got undefined$/,
    ],
  };
  for (const [what, [call, message]] of Object.entries(cases)) {
    test(what, () => assert.rejects(async () => await call(), { message }));
  }
  test("only where it is one", async () => {
    const sum = async (host: { rows(): Promise<number[]> }) =>
      (await host.rows()).map((n) => n + 1);
    assert.deepEqual(await new Deferred(sum as never, { host } as never), [2]);
    const other = Deferred.eval("await rows(); const o = {}; o.map()", { host });
    await assert.rejects(other, { message: "not a function" });
  });
});

describe("a text is told what it may have meant:", () => {
  const find = (): number => 1;
  const load = (text: string): EvalOptions => ({ loader: { load: () => text } });
  const cases: readonly (readonly [text: string, message: RegExp, options?: EvalOptions])[] = [
    ['{ "a": 1 }', /; an object stands in brackets, \(\{ … \}\)/],
    ["{ a: 1, b: 2 }", /; an object stands in brackets/],
    ["```js\n1 + 1\n```", /: the text is a block of Markdown: pass only what stands between/],
    ["```\nlet a = `${b}`\n```", /the text is a block of Markdown/],
    ["“hello”", /; “ is no quotation mark of JavaScript, but ' and " are$/],
    ["const a = <div/>", /; JSX, or HTML, is no JavaScript/],
    ["<p>hello</p>", /; JSX, or HTML, is no JavaScript/],
    ["Math.max(1, 2", /; the text ends too early: a bracket is not closed$/],
    ["'abc", /; a quotation mark is missing$/],
    ["import d from './d.json' assert { type: 'json' }", /behind `with`: with { type: "json" }$/],
    ["import fs from 'node:fs'", /'node:fs': a task has no modules of the runtime; offer/],
    ["require('fs')", /pass the module's values in `scope`, or write its code into the text$/],
    ["requestAnimationFrame(() => {})", /which draws nothing; take setTimeout, or await/],
    ["import x from 'x'", /'default' in module 'x'; import what it exports by name/, load("")],
    ["import * as x from 'x'; export default x", /namespace can't be cloned; pass the v/, load("")],
    ["users(1)", /^not a function: `users` is a group of the host's functions: `users.find`$/, {
      host: { users: { find } },
    }],
    ["await users.get(1)", /offers no `users.get`; it offers `users.find`$/, {
      host: { users: { find } },
    }],
    ["await lookUp(1)", /did you mean `lookup`\?$/, { host: { lookup: find } }],
  ];
  for (const [text, message, options] of cases) {
    test(text, async () => assert.match(await told(text, options), message));
  }

  test("a function that calls a group", async () => {
    for (const text of ["({ users }) => users(1)", "(host) => host.users(1)"]) {
      const error = await reasonOf(pool.defer(untyped(text), { host: { users: { find } } }));
      assert.match(error.message, /^not a function: `users` is a group of the host's functions/);
    }
    const own = "(host) => { const users = 5; users(1) }";
    const error = await reasonOf(pool.defer(untyped(own), { host: { users: { find } } }));
    assert.equal(error.message, "not a function");
  });

  test("options that it does not have", () => {
    const options: readonly (readonly [object, RegExp])[] = [
      [{ module: true }, /no option `module`; say so by { type: "module" }/],
      [{ modules: {} }, /no option `modules`; what the code imports comes from a `loader`/],
      [{ lang: "ts" }, /no option `lang`; say { language: "typescript" }/],
    ];
    for (const [given, message] of options) {
      assert.throws(() => void pool.eval("1", given), message);
    }
  });
});

describe("functions do not leave a task:", () => {
  const ADVICE = "; call it in the task, and give what it returns";
  const cases: readonly (readonly [text: string, where: string])[] = [
    ["(order) => order.total", "result: a function"],
    ["({ rules: [() => 1] })", "result.rules[0]: a function"],
    ["export const rule = () => 1", "result.rule: a function (`rule`)"],
    ["export default function rule() {}", "result: a function (`rule`)"],
    ["report({ at: () => 1 })", "report(value).at: a function (`at`)"],
  ];
  for (const [text, where] of cases) {
    test(text, async () => {
      const options = { progress: true, host: { each: () => {} } };
      assert.equal(await told(text, options), `${where} can't be cloned${ADVICE}`);
    });
  }

  test("nor do callbacks, for which the called function is named", async () => {
    const host = { each: () => {}, tools: { first: () => {}, each: () => {} } };
    const advice = "it stays in the task: call it there, with what the host returns";
    for (const name of ["each", "tools.each"]) {
      assert.equal(
        await told(`await ${name}([1], (x) => x)`, { host }),
        `${name}() was passed args[1]: a function can't be cloned; ${advice}`,
      );
    }
  });
});

describe("options that make no sense are refused at once:", () => {
  const cases: readonly (readonly [options: object, message: RegExp])[] = [
    [
      { memoryLimit: 64 },
      /bytes, from 1 MiB to 2 GiB, got the number 64; 64 MiB are 64 \* 2 \*\* 20$/,
    ],
    [{ memoryLimit: "64MB" }, /got the string "64MB"; 64 MiB are 64 \* 2 \*\* 20$/],
    [{ memoryLimit: 1.5 }, /got the number 1\.5$/],
    [{ memoryLimit: 2 ** 40 }, /got the number 1099511627776$/],
    [
      { maxStackSize: 4 },
      /bytes, from 64 KiB to 256 MiB, got the number 4; 4 MiB are 4 \* 2 \*\* 20$/,
    ],
    [{ resultLimit: "x" }, /bytes, from 1 byte to 2 GiB, got the string "x"$/],
    [{ console: { log: 5 } }, /such as log, or false; log is no function, but the number 5$/],
    [{ console: { error: "x" } }, /; error is no function, but the string "x"$/],
  ];
  for (const [options, message] of cases) {
    test(JSON.stringify(options), () => {
      assert.throws(() => void pool.eval("1", options), message);
      assert.throws(() => void pool.defer(() => 1, options), message);
    });
  }
  test("a console of one's own may lack methods, inherit them, and have others", async () => {
    const said: string[] = [];
    class Own {
      level = 5;
      log(text: string): void {
        said.push(text);
      }
    }
    await pool.eval("console.log('a'); console.error('b')", { console: new Own() });
    assert.deepEqual(said, ["a"]);
  });
});
