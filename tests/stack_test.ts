/**
 * Stacks, without the engine: what it would say is made from a function's text, and must come out
 * as the true line of the file that holds the function. The runtimes print functions differently:
 * Node keeps a file's text (types become blanks), Deno keeps JavaScript and reprints TypeScript,
 * Bun reprints everything; where a text is kept, columns are true, too.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe as group, test } from "node:test";
import { pathToFileURL } from "node:url";
import { WIRE_FRAME } from "../ffi/symbols.ts";
import type { DecodedError, Frame } from "../src/clone/clone.ts";
import { type AnyFunction, textOf } from "../src/function/source.ts";
import { captureSite, setTaskStacks, type Site, taskStack } from "../src/function/stack.ts";

/** Stands in for a Deferred: it keeps its function and where it was made. */
class Made {
  readonly fn: AnyFunction;
  readonly captured: Site;

  constructor(fn: AnyFunction) {
    this.fn = fn;
    this.captured = captureSite(new.target);
  }

  /** The site without the frames of this file, which holds the modules' texts, too. */
  get site(): Site {
    const lines = this.captured.stack?.split("\n") ?? [];
    return { stack: lines.filter((line) => !line.includes("stack_test")).join("\n") };
  }
}

type Maker = (made: typeof Made) => Made;

const folder = mkdtempSync(join(tmpdir(), "deferred-stack-"));
after(() => rmSync(folder, { recursive: true }));

let modules = 0;

/** Writes a module to a file of its own and imports it. */
async function load(
  text: string,
  extension: string,
): Promise<{ path: string; text: string; makers: Record<string, Maker> }> {
  const path = join(folder, `module${modules++}.${extension}`);
  writeFileSync(path, text);
  const makers = await import(pathToFileURL(path).href) as Record<string, Maker>;
  return { path, text, makers };
}

/** Hides the marks in comments and strings. */
function maskMarks(text: string): string {
  const hide = (part: string): string => part.replaceAll("(", "_");
  return text.replace(/\/\/.*|\/\*[^]*?\*\/|"[^"\n]*"/g, hide);
}

/** What the engine would say: frames at the `name(` calls of the function, innermost first. */
function engineStack(fn: AnyFunction, frames: readonly (readonly [string, string])[]): string {
  const expression = maskMarks(`(\n${textOf(fn)}\n)`);
  return frames.map(([name, mark]) => {
    const offset = expression.indexOf(`${mark}(`);
    assert.ok(offset > 0, `${mark} is in\n${expression}`);
    const before = expression.slice(0, offset).split("\n");
    const column = new TextEncoder().encode(before.at(-1)).length + 1;
    return `    at ${name} (deferred:task:${before.length}:${column})\n`;
  }).join("");
}

/** The frames of what the engine would say, as they come. */
function framesOf(raw: string): Frame[] {
  return raw.split("\n").filter((line) => line !== "").map((line) => {
    const match = /^ {4}at (.*) \((.+?)(?::(\d+):(\d+))?\)$/.exec(line);
    assert.ok(match, line);
    const [, name = "", file, row, column] = match;
    const kind = file === "deferred:task"
      ? WIRE_FRAME.TASK
      : file === "native"
      ? WIRE_FRAME.NATIVE
      : WIRE_FRAME.EVAL;
    return {
      kind,
      name: name === "<anonymous>" ? "" : name,
      row: Number(row ?? 0),
      column: Number(column ?? 0),
    };
  });
}

function errorWith(raw: string, error: Error = new RangeError("too wide")): DecodedError {
  return { error, frames: () => framesOf(raw), stack: undefined };
}

/** Line and column of a mark in a file; `nth` counts from 0. */
function positionOf(text: string, mark: string, nth = 0): { line: number; column: number } {
  text = maskMarks(text);
  let offset = -1;
  for (let i = 0; i <= nth; i++) offset = text.indexOf(`${mark}(`, offset + 1);
  assert.ok(offset >= 0);
  const before = text.slice(0, offset).split("\n");
  return { line: before.length, column: before.at(-1)!.length + 1 };
}

/** Asserts that the first frame of a task is at a mark of the module. */
function assertAt(
  stack: string,
  name: string,
  module: { path: string; text: string },
  mark: string,
  nth = 0,
): void {
  const { line, column } = positionOf(module.text, mark, nth);
  const frame = stack.split("\n").find((text) => text.includes(`at ${name} (`)) ?? "";
  const found = /\((.*):(\d+):(\d+)\)$/.exec(frame);
  assert.ok(found, `no frame of ${name} with a place in\n${stack}`);
  assert.ok(
    found[1] === module.path || found[1] === pathToFileURL(module.path).href,
    `${name} is in ${found[1]}, not in ${module.path}`,
  );
  assert.equal(Number(found[2]), line, `line of ${mark} in\n${stack}`);
  // A mark is a word, which is found exactly wherever its line is.
  assert.equal(Number(found[3]), column, `column of ${mark} in\n${stack}`);
}

const TYPED = `
import process from "node:process";

const FACTOR = 3;
type Row = { id: number; tags: string[] };
function mark0(_x: unknown): void {}

export function inline(Made) {
  return new Made(async (rows: Row[], limit: number = 10): Promise<number> => {
    // mark1() in a comment doesn't count
    let total: number = 0; /* nor does one
      that goes over lines: mark2() */
    for (const row of rows as Row[]) {
      const url = "http://example.com/mark2()" + 'a' + 1_000;
      if (row.tags.length > limit) mark1(row, url);
    }

    const inner = <T extends object>(value: T | undefined): T => {
      if (FACTOR > 2 && undefined === value) mark2(value, true);
      return value! satisfies T;
    };
    return inner({ total }).total + mark3("é𠮷", \`\${total}
    \${(() => "}")()}\`) + mark4();
  });
}

interface Shape { readonly width: number; area(): number }

const shape = {
  width: 3,
  area(height: number = 2): number {
    const w: number = (height as number) * 2;
    return mark5(w);
  },
  get side(): number {
    return mark6(1 as number);
  },
  async   "odd key" (this: void, a: Array<Map<string, number>>): Promise<void> {
    await mark7(a);
  },
};

export const method = (Made) => new Made(shape.area);
export const getter = (Made) =>
  new Made(Object.getOwnPropertyDescriptor(shape, "side")!.get);
export const quoted = (Made) => new Made(shape["odd key"]);
export const declared = (Made) => new Made(below);
export const oneLine = (Made) => new Made((a: number) => mark9(a));
export const notHere = (Made) => new Made(Made);
export const few = (Made) => new Made(() => { const [aa] = mark10(5); });

export const alike = (Made) => new Made(() => {
  const one = [1, 2]; const other: number = one.length;
  const [aa, bb] = mark11(other, one);
  return aa;
});
export const alikeToo = (Made) => new Made(() => {
  const one = [1, 2]; const other: number = one.length;
  return mark12(other);
});

function below<T>(
  a: T,
  { b = 1, ...rest }: { b?: number; [key: string]: unknown } = {},
): T {
  class Box<U> {
    #value: U;
    constructor(value: U) { this.#value = value; }
    get value(): U { return mark8(this.#value); }
  }
  return new Box<T>(a).value;
}
`.replaceAll("(Made) =>", "(Made: any): unknown =>").replace("inline(Made)", "inline(Made: any)");

/** The same as JavaScript. */
const PLAIN = `
const shape = {
  area(height = 2) {
    const w = height * 2 // no semicolon
    return other (w), mark5(w)
  },
};

export const inline = (Made) => new Made(async (rows, limit = 10) => {
    // mark1() in a comment doesn't count


    for (const row of rows) if (row.tags.length > limit) { mark1(row) }
    const s = 'é𠮷'; mark2(s)
  });
export const method = (Made) => new Made(shape.area);
`;

for (const [extension, text] of [["mts", TYPED], ["mjs", PLAIN]] as const) {
  const module = await load(text, extension);
  group(`a task of a .${extension} file`, () => {
    for (
      const [maker, name, marks] of [
        ["inline", "<anonymous>", ["mark1", "mark2", "mark3", "mark4"]],
        ["method", "area", ["mark5"]],
        ["getter", "get side", ["mark6"]],
        ["quoted", "odd key", ["mark7"]],
        ["declared", "below", ["mark8"]],
        ["oneLine", "<anonymous>", ["mark9"]],
        ["few", "<anonymous>", ["mark10"]],
        ["alike", "<anonymous>", ["mark11"]],
        ["alikeToo", "<anonymous>", ["mark12"]],
      ] as const
    ) {
      const make = module.makers[maker];
      if (make === undefined) continue;
      for (const mark of marks.filter((mark) => text.includes(`${mark}(`))) {
        test(`${maker}: ${mark} is told by file, line and column`, () => {
          const { fn, site } = make(Made);
          const raw = engineStack(fn, [["<anonymous>", mark]]);
          const stack = taskStack(errorWith(raw), { name: "", fn, site });
          assertAt(stack, name, module, mark);
        });
      }
    }
  });
}

const plain = await load(PLAIN, "mjs");

group("the frames of a stack", () => {
  const { fn, site } = plain.makers["method"]!(Made);

  test("are headline, task, and where the Deferred was made", () => {
    const raw = engineStack(fn, [["inner", "mark5"], ["<anonymous>", "mark5"]]);
    const [head, inner, outer, ...made] = taskStack(errorWith(raw), { name: "", fn, site })
      .split("\n");
    assert.equal(head, "RangeError: too wide");
    assert.match(inner!, /^ {4}at inner \(.*module\d+\.mjs:5:\d+\)$/);
    assert.match(outer!, /^ {4}at area \(.*module\d+\.mjs:5:\d+\)$/);
    const made14 = made.filter((line) => /module\d+\.mjs:16:\d+\)?$/.test(line));
    assert.equal(made14.length, 1, "the line of `new Made` is shown once");
    assert.ok(made.every((line) => /^ {4}at /.test(line)));
  });

  test("leave out what is the engine's own", () => {
    const raw = "    at parse (native)\n" +
      "    at helper (deferred:task:1:20)\n" +
      engineStack(fn, [["<anonymous>", "mark5"]]) +
      "    at call (native)\n    at <eval> (deferred:task:1:1)\n";
    const lines = taskStack(errorWith(raw), { name: "", fn, site: {} }).split("\n");
    assert.deepEqual(lines.map((line) => line.replace(/\(.*\d/, "(")), [
      "RangeError: too wide",
      "    at parse (native)",
      "    at area ()",
    ]);
  });

  test("show code that the task made itself", () => {
    const raw = "    at <eval> (<input>:1:7)\n    at made (<input>:2:3)\n" +
      engineStack(fn, [["x", "mark5"]]);
    const lines = taskStack(errorWith(raw), { name: "", fn, site: {} }).split("\n");
    assert.deepEqual(lines.slice(1, 3), ["    at eval (eval:1:7)", "    at made (eval:2:3)"]);
  });

  test("name the outermost function only where all frames are there", () => {
    const frames = Array.from({ length: 10 }, () => ["<anonymous>", "mark5"] as const);
    const nameLast = (count: number): string =>
      taskStack(errorWith(engineStack(fn, frames.slice(0, count))), { name: "", fn, site: {} })
        .split("\n").at(-1)!.trim().split(" ")[1]!;
    assert.equal(nameLast(9), "area");
    assert.equal(nameLast(10), "<anonymous>");
  });

  test("without a file are counted from the function's beginning", () => {
    const raw = engineStack(fn, [["<anonymous>", "mark5"]]);
    const stack = taskStack(errorWith(raw), { name: "wide", fn, site: {} });
    const lines = Function.prototype.toString.call(fn).split("\n");
    const line = lines.findIndex((text) => text.includes("mark5(")) + 1;
    const column = lines[line - 1]!.indexOf("mark5(") + 1;
    assert.equal(stack, `RangeError: too wide\n    at area (wide:${line}:${column})`);
  });

  test("of an error that was an argument lead to where the host made it", () => {
    const host = "Error: x\n    at f (/app/a.ts:1:2)\n    at node:internal/a:1:2";
    const subject = { name: "", fn, site: { stack: "\n    at /b.ts:3:4" } };
    assert.deepEqual(taskStack({ error: new Error("x"), host }, subject).split("\n"), [
      "Error: x",
      "    at f (/app/a.ts:1:2)",
      "    at /b.ts:3:4",
    ]);
  });

  test("that make no sense are left out", () => {
    for (
      const raw of ["    at x (deferred:task:999999:1)", "    at x (deferred:task:0:0)", ""]
    ) {
      assert.equal(
        taskStack(errorWith(raw), { name: "", fn, site: {} }),
        "RangeError: too wide",
      );
    }
  });

  test("show names of any text in one line, whose only brackets hold the place", () => {
    const names = [
      "a\rb",
      "a\nb",
      "a\u2028b",
      "evil (/etc/passwd:1:1)",
      "\u202eabc",
      "x".repeat(999),
    ];
    const shown = [
      "a\\rb",
      "a\\nb",
      "a\\u2028b",
      "evil \\u0028/etc/passwd:1:1\\u0029",
      "\\u202eabc",
    ];
    const [frame] = framesOf(engineStack(fn, [["x", "mark5"]]));
    for (const [i, name] of names.entries()) {
      const from = { error: new RangeError("too wide"), frames: () => [{ ...frame!, name }] };
      const [, line, ...more] = taskStack(from, { name: "t", fn, site: {} }).split("\n");
      assert.deepEqual(more, []);
      const expected = shown[i] ?? `${"x".repeat(64)}…`;
      assert.match(line!, /^ {4}at [^()\r\u2028\u202e]+ \(t:\d+:\d+\)$/);
      assert.equal(line!.slice("    at ".length, line!.lastIndexOf(" (")), expected);
    }
  });

  test("stand below a headline of which nothing looks like one", () => {
    const headOf = (message: string, name = "RangeError"): string =>
      taskStack(errorWith("", Object.assign(new Error(message), { name })), {
        name: "t",
        fn,
        site: {},
      });
    assert.equal(headOf("a\n  b\n\tc"), "RangeError: a\n  b\n\tc");
    assert.equal(headOf("a\n    at f (/x.ts:1:2)\nb"), "RangeError: a\n|     at f (/x.ts:1:2)\nb");
    assert.equal(headOf("a\r    at f\u001b[2Jb"), "RangeError: a\\r    at f\\u001b[2Jb");
    assert.equal(headOf("m", "at x\n    at f (/x.ts:1:2)"), "| at x\\n    at f (/x.ts:1:2): m");
    assert.equal(headOf("", "at f (/x.ts:1:2)"), "| at f (/x.ts:1:2)");
    const long = headOf(`${"x".repeat(1e6)}`);
    assert.ok(long.length < 10_000, `${long.length}`);
    const many = headOf("\n".repeat(1e6));
    assert.ok(many.split("\n").length < 100);
  });
});

const TWINS = `
const before = (a) => { mark1(a); };
export const first = (Made) => new Made((a) => { mark1(a); });
export const second = (Made) => new Made(
  (a) => { mark1(a); },
);

export const third = (Made) => {
  return new Made((a) => { mark1(a); });
};



export const far = (Made) => new Made(before);
const through = (Made, fn) => {
  // far



  // from
  // what is passed
  return new Made(fn);
};
export const passed = (Made) => through(Made, (a) => { mark1(a); });




export const last = (a) => { mark1(a); };
`;

for (const extension of ["mjs", "mts"] as const) {
  const typed = extension === "mts";
  const text = typed
    ? TWINS.replaceAll(/\(Made(, fn)?\) =>/g, "(Made: any$1) =>").replace(", fn)", ", fn: any)")
    : TWINS;
  const module = await load(text, extension);
  group(`a function that is in a .${extension} file more than once`, () => {
    const stackOf = (maker: string): string => {
      const { fn, site } = module.makers[maker]!(Made);
      const raw = engineStack(fn, [["<anonymous>", "mark1"]]);
      return taskStack(errorWith(raw), { name: "task", fn, site });
    };

    test("is told by where its Deferred was made", () => {
      for (const [nth, maker] of ["first", "second", "third", "passed"].entries()) {
        assertAt(stackOf(maker), "<anonymous>", module, "mark1", nth + 1);
      }
    });

    test("is not told if that is in doubt", () => {
      assert.match(stackOf("far"), /at before \(task:\d+:\d+\)/);
    });
  });
}

const elsewhere = await load("export const fn = (a, b) => { mark1(a, b, a.c, b.d); };", "mjs");
const unlike = await load(
  `export const make = (Made, fn) => new Made(fn);
export const unlike = (a, b) => { mark2(a, b, a.c); return a + b; };
export const few = (a) => { a.b = {
} };
`,
  "mjs",
);

group("a function that is not in the file", () => {
  const { fn, site } = (unlike.makers["make"] as (made: typeof Made, fn: unknown) => Made)(
    Made,
    elsewhere.makers["fn"],
  );
  const raw = engineStack(fn, [["<anonymous>", "mark1"]]);
  const unlocated = /\n {4}at fn \(task:\d+:\d+\)\n/;

  test("is not told by a place in it", () => {
    assert.match(taskStack(errorWith(raw), { name: "task", fn, site }), unlocated);
  });

  test("is not told by a few words that are there by chance", () => {
    const few = (0, eval)("(a => a.few)") as AnyFunction;
    const stack = taskStack(errorWith("    at <anonymous> (deferred:task:2:8)"), {
      name: "task",
      fn: few,
      site,
    });
    assert.match(stack, /\n {4}at <anonymous> \(task:1:8\)\n/);
  });

  test("is not told if the file is gone", () => {
    const stack = `Error\n    at make (${join(folder, "gone.mjs")}:1:1)`;
    const text = taskStack(errorWith(raw), { name: "task", fn, site: { stack } });
    assert.match(text, unlocated);
    assert.match(text, /gone\.mjs:1:1\)$/);
  });

  test("is not told from places that are no files", () => {
    const stack = [
      "Error",
      "    at eval (eval at x (y), <anonymous>:1:1)",
      "    at make (https://example.com/a.ts:1:1)",
      "    at file://host.invalid/a.ts:1:1",
      "    at node:internal/modules/run_main:1:1",
      "    at native",
    ].join("\n");
    const text = taskStack(errorWith(raw), { name: "task", fn, site: { stack } });
    assert.match(text, unlocated);
    assert.doesNotMatch(text, /node:internal/);
  });
});

group("a function that fails again and again", () => {
  const TEXT = (before: string): string =>
    `${before}export const make = (Made) => new Made((a) => { mark1(a); return other(a); });\n`;
  const stackOf = (made: Made): string => {
    const raw = engineStack(made.fn, [["<anonymous>", "mark1"]]);
    return taskStack(errorWith(raw), { name: "task", fn: made.fn, site: made.site });
  };

  test("is looked for once, and again when its file has changed", async () => {
    const module = await load(TEXT("\n"), "mjs");
    const stack = stackOf(module.makers["make"]!(Made));
    assertAt(stack, "<anonymous>", module, "mark1");
    const { indexOf } = String.prototype;
    let searches = 0;
    String.prototype.indexOf = function (this: string, ...args) {
      if (String(args[0]).includes("mark1(a)")) searches++;
      return indexOf.apply(this, args);
    };
    try {
      for (let i = 0; i < 100; i++) assert.equal(stackOf(module.makers["make"]!(Made)), stack);
    } finally {
      String.prototype.indexOf = indexOf;
    }
    assert.equal(searches, 0);

    // An editor saves the file: the function is now three lines further down.
    const text = TEXT("\n\n\n\n");
    writeFileSync(module.path, text);
    assertAt(stackOf(module.makers["make"]!(Made)), "<anonymous>", { ...module, text }, "mark1");
    // It is replaced by another of the same length.
    const other = text.replace("mark1", "mark2");
    writeFileSync(module.path, other);
    utimesSync(module.path, 1, 1);
    assert.match(stackOf(module.makers["make"]!(Made)), /at <anonymous> \(task:\d:\d+\)/);
  });
});

test("files are not read where the runtime would have to ask", async () => {
  const module = await load(PLAIN, "mjs"); // one that was not read yet
  const { fn, site } = module.makers["method"]!(Made);
  const raw = engineStack(fn, [["<anonymous>", "mark5"]]);
  const deno = Object.getOwnPropertyDescriptor(globalThis, "Deno");
  const asked: unknown[] = [];
  const permissions = {
    querySync: (what: { path: string }) => (asked.push(what.path), { state: "prompt" }),
  };
  Object.defineProperty(globalThis, "Deno", { value: { permissions }, configurable: true });
  try {
    assert.match(taskStack(errorWith(raw), { name: "t", fn, site }), /at area \(t:\d+:\d+\)/);
  } finally {
    if (deno) Object.defineProperty(globalThis, "Deno", deno);
    else delete (globalThis as { Deno?: unknown }).Deno;
  }
  assert.ok(asked.includes(module.path));
});

group("captureSite", () => {
  const here = /stack_test\.ts:\d+:\d+/;

  test("leaves out what is above the function given", () => {
    if ("Bun" in globalThis) return; // an Error of Bun's keeps all frames; ours are left out later
    const { captured } = new Made(() => 1);
    assert.match(captured.stack!, here);
    assert.doesNotMatch(captured.stack!, /new Made/);
  });

  test("leaves Error.stackTraceLimit as it was, and respects it", () => {
    const limit = Error.stackTraceLimit;
    const count = (site: Site): number => site.stack?.match(/\n\s+at /g)?.length ?? 0;
    try {
      for (const value of [50, 2, 1]) {
        Error.stackTraceLimit = value;
        const frames = count(new Made(() => 1).captured);
        assert.equal(Error.stackTraceLimit, value);
        assert.ok(frames > 0 && frames <= Math.min(value, 10), `${frames} frames`);
      }
      for (const value of [0, -1, undefined]) {
        (Error as { stackTraceLimit: unknown }).stackTraceLimit = value;
        assert.equal(count(new Made(() => 1).captured), 0);
        assert.equal(Error.stackTraceLimit, value);
      }
    } finally {
      Error.stackTraceLimit = limit;
    }
  });

  test("a crowded site finds the function, but is not shown", () => {
    const { fn, captured, site } = plain.makers["method"]!(Made);
    const crowded = captureSite(captureSite, true);
    assert.equal(crowded.stack, undefined);
    assert.equal(crowded.near, captured);
    const raw = engineStack(fn, [["<anonymous>", "mark5"]]);
    const stack = taskStack(errorWith(raw), { name: "t", fn, site: { near: site } });
    assert.equal(stack.split("\n").length, 2);
    assertAt(stack, "area", plain, "mark5");
  });
});

group("setTaskStacks", () => {
  const fn = (0, eval)("(function work() { mark1(); })") as AnyFunction;
  const subject = {
    name: "work",
    fn,
    site: { stack: "Error\n    at main (/nowhere/main.ts:3:4)" },
  };
  const raw = engineStack(fn, [["work", "mark1"]]);
  const own = "    at work (work:1:19)";
  const made = "    at main (/nowhere/main.ts:3:4)";

  test("composes when it is looked at, once", () => {
    const from = errorWith(raw);
    const { error } = from;
    setTaskStacks([from], subject, error);
    error.message = "said later";
    assert.equal(error.stack, `RangeError: said later\n${own}\n${made}`);
    error.message = "too late";
    assert.match(error.stack, /^RangeError: said later/);
    const property = Object.getOwnPropertyDescriptor(error, "stack")!;
    assert.equal(property.enumerable, false);
    assert.equal(property.writable, true);
    assert.deepEqual(Object.keys(error), []);
  });

  test("the stack may be set", () => {
    const from = errorWith(raw);
    const { error } = from;
    setTaskStacks([from], subject, error);
    error.stack = "mine";
    assert.equal(error.stack, "mine");
  });

  test("reaches causes and the errors of an AggregateError, whatever their shape", () => {
    const [cause, first, deep] = [1, 2, 3].map(() => new RangeError("too wide")) as [
      Error,
      Error,
      Error,
    ];
    first.cause = deep;
    const error = new AggregateError([first, 42, null], "all", { cause });
    deep.cause = error;
    setTaskStacks([error, cause, first, deep].map((e) => errorWith(raw, e)), subject, error);
    assert.equal(error.stack, `AggregateError: all\n${own}\n${made}`);
    for (const inner of [cause, first, deep]) {
      assert.equal(inner.stack, `RangeError: too wide\n${own}`);
    }
  });

  test("what the task did not throw keeps a stack that it wrote, but no frames in it", () => {
    const texts = ["mine", "two\n  lines", "Error: x\n    at /app/a.ts:1:2", "at 1", "a\u2028b"];
    const wrote = texts.map((stack) => ({ error: new Error("x"), frames: undefined, stack }));
    const bare = [errorWith(raw), errorWith("")];
    setTaskStacks([...wrote, ...bare], subject);
    assert.deepEqual(wrote.map(({ error }) => error.stack), [
      "mine",
      "two\n  lines",
      "Error: x\n|     at /app/a.ts:1:2",
      "| at 1",
      "a\\u2028b",
    ]);
    assert.deepEqual(bare.map(({ error }) => error.stack), [
      `RangeError: too wide\n${own}\n${made}`,
      `RangeError: too wide\n${made}`,
    ]);
  });

  test("an argument keeps the stack that the host gave to it", () => {
    const stack = "Error: x\n    at /app/a.ts:1:2";
    const given = { error: new Error("x"), frames: undefined, stack };
    const thrown = { error: new Error("x"), frames: undefined, stack };
    const sent = new Map([[stack, `${stack}\n    at /app/b.ts:1:2`]]);
    setTaskStacks([given], { ...subject, sent });
    assert.equal(given.error.stack, sent.get(stack));
    setTaskStacks([thrown], { ...subject, sent }, thrown.error);
    assert.equal(thrown.error.stack, `${sent.get(stack)}\n${made}`);
  });

  test("an error whose name can't be read has a stack all the same", () => {
    const error = Object.defineProperty(new RangeError("too wide"), "name", {
      get: () => {
        throw new Error("no");
      },
    });
    setTaskStacks([errorWith(raw, error)], subject, error);
    assert.equal(error.stack, `Error: too wide\n${own}\n${made}`);
  });
});
