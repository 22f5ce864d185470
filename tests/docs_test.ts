/**
 * The documents are true: every sample of the README, the guide, ARCHITECTURE and the docstrings
 * runs, prints what the comment behind it says, and has the right types; every example runs with
 * the permissions that its first lines give; names, files and links exist.
 *
 * What a comment behind `console.log(...);` may say: the text as it is printed (an ellipsis stands
 * for anything), or, of a single value, an expression that is deeply equal to it.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { after, describe, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { inspect, isDeepStrictEqual, promisify } from "node:util";
import * as mod from "../mod.ts";
import { HUNG, runtime } from "./support/process.ts";
import { pause } from "./support/wait.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const TSC = join(ROOT, "node_modules", "typescript", "bin", "tsc");
const MOD = new URL("../mod.ts", import.meta.url).href;

const read = (file: string): Promise<string> => readFile(join(ROOT, file), "utf8");
const list = async (folder: string, ending: string): Promise<string[]> =>
  (await readdir(join(ROOT, folder), { recursive: true }).catch(() => []))
    .filter((name) => name.endsWith(ending)).sort()
    .map((name) => `${folder}/${name}`);

const documents = [
  "README.md",
  "ARCHITECTURE.md",
  "SECURITY.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  ...(await list("docs", ".md")),
];
const sources = ["mod.ts", ...(await list("src", ".ts"))];

const folder = await mkdtemp(join(tmpdir(), "deferred-docs-"));
after(() => rm(folder, { recursive: true, force: true }));
// Samples import packages.
await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"), "dir");

// --- samples ------------------------------------------------------------------------------------

interface Sample {
  readonly file: string;
  /** Where in the file its first line is, from 1. */
  readonly line: number;
  readonly text: string;
}

/** The ```ts blocks of a document, or of the comments of a source. */
function samplesOf(file: string, content: string): Sample[] {
  const lines = content.split("\n");
  const plain = file.endsWith(".ts")
    ? lines.map((line) => /^\s*\* ?(.*)$/.exec(line)?.[1] ?? "")
    : lines;
  const samples: Sample[] = [];
  for (let start = 0; (start = plain.indexOf("```ts", start)) >= 0;) {
    const end = plain.indexOf("```", start);
    assert.ok(end > 0, `${file}:${start + 1}: the sample has no end`);
    samples.push({ file, line: start + 2, text: plain.slice(start + 1, end).join("\n") });
    start = end;
  }
  return samples;
}

/** What a sample of an internal function takes for granted, by the name that it uses. */
const GIVEN: ReadonlyMap<string, string> = new Map([["send", "const send = (_) => {};"]]);

/**
 * What stands before a sample, in its first line. One that imports nothing is of an internal
 * function: it gets what its own file exports, or else another one.
 */
async function preludeOf({ file, text }: Sample): Promise<string> {
  if (/^import /m.test(text)) return "";
  const uses = (name: string, behind: string) => new RegExp(`\\b${name}\\b${behind}`).test(text);
  const given = [...GIVEN].filter(([name]) => uses(name, "\\(")).map(([, code]) => `${code} `);
  const known = new Set<string>();
  const imports: string[] = [];
  for (const source of [file, ...sources].filter((name) => name.endsWith(".ts"))) {
    const url = new URL(`../${source}`, import.meta.url).href;
    const names = Object.keys(await import(url)).filter((name) => uses(name, ""));
    const fresh = names.filter((name) => !known.has(name));
    if (fresh.length > 0) imports.push(`import { ${fresh.join(", ")} } from "${url}"; `);
    for (const name of fresh) known.add(name);
  }
  return imports.join("") + given.join("");
}

/** `console.log(...); // comment` */
const CHECKED = /\bconsole\.log\(.*\);\s+\/\/ (.+)$/;

/** What a sample prints: for each of its lines, the arguments of each call. */
type Printed = Map<number, unknown[][]>;

const PRINTED = "deferred tests: what a sample prints";

/** A sample as a module that notes what it prints; positions stay as they are but in line 1. */
async function moduleOf(sample: Sample): Promise<string> {
  const lines = sample.text
    .replaceAll(/"(jsr:)?@protojs\/deferred"/g, JSON.stringify(MOD))
    .split("\n")
    .map((line, i) =>
      CHECKED.test(line) ? line.replace("console.log(", `console.at(${i}).log(`) : line
    );
  const console = `const console = globalThis[Symbol.for("${PRINTED}")]; `;
  return (await preludeOf(sample)) + console + lines.join("\n") + "\n";
}

function notingConsole(printed: Printed): unknown {
  const ignore = (): void => {};
  return {
    log: ignore,
    error: ignore,
    at: (line: number) => ({
      log: (...args: unknown[]) => {
        printed.set(line, [...(printed.get(line) ?? []), args]);
      },
    }),
  };
}

function show(value: unknown): string {
  return typeof value === "string" ? value : inspect(value, { breakLength: Infinity });
}

/** Whether the calls printed what the comment says. */
function fits(comment: string, calls: readonly unknown[][]): boolean {
  const text = calls.map((args) => args.map(show).join(" ")).join(", ");
  const pattern = comment.split("…").map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  if (new RegExp(`^${pattern.join("[^]*")}$`).test(text)) return true;
  if (calls.length !== 1 || calls[0]!.length !== 1) return false;
  try {
    return isDeepStrictEqual(new Function(`return (${comment});`)(), calls[0]![0]);
  } catch {
    return false; // the comment is no expression
  }
}

/**
 * The limits of samples are for people to read: some ms, which a machine that stands still for a
 * moment uses up. So what fails is tried again; what is wrong is wrong each time.
 */
async function patiently(work: () => Promise<void>): Promise<void> {
  for (let left = 6;; left--) {
    try {
      return await work();
    } catch (error) {
      if (left === 0) throw error;
      await pause(100);
    }
  }
}

let modules = 0;

async function runSample(sample: Sample): Promise<void> {
  const printed: Printed = new Map();
  const key = Symbol.for(PRINTED);
  const holder = globalThis as unknown as Record<symbol, unknown>;
  const file = join(folder, `sample-${modules++}.mts`); // no module is evaluated twice
  await writeFile(file, await moduleOf(sample));
  holder[key] = notingConsole(printed);
  try {
    await import(pathToFileURL(file).href);
  } finally {
    delete holder[key];
  }
  for (const [i, line] of sample.text.split("\n").entries()) {
    const comment = CHECKED.exec(line)?.[1];
    if (comment === undefined) continue;
    const where = `${sample.file}:${sample.line + i}`;
    const calls = printed.get(i);
    assert.ok(calls, `${where} printed nothing`);
    assert.ok(
      fits(comment, calls),
      `${where} printed ${
        calls.map((args) => args.map(show).join(" ")).join(", ")
      } instead of ${comment}`,
    );
  }
}

const samples: Sample[] = [];
for (const file of [...documents, ...sources]) {
  if (existsSync(join(ROOT, file))) samples.push(...samplesOf(file, await read(file)));
}

describe("the sample at", () => {
  for (const sample of samples) {
    test(`${sample.file}:${sample.line}`, () => patiently(() => runSample(sample)));
  }
});

describe("the samples", () => {
  test("are found in documents and docstrings", () => {
    const files = new Set(samples.map(({ file }) => file));
    const inside = ["src/deferred.ts", "src/pool/pool.ts"];
    for (const file of ["README.md", "docs/guide.md", "mod.ts", ...inside]) {
      assert.ok(files.has(file), `no sample was found in ${file}`);
    }
  });

  test("that are wrong are noticed", async () => {
    const sample = (text: string): Sample => ({ file: "sample.md", line: 1, text });
    const bad = [
      "import 'node:path';\nconsole.log(1 + 1); // 3",
      "import 'node:path';\nif (Date.now() < 0) console.log(1); // 1",
      "import 'node:path';\nconsole.log([1, { a: 2 }]); // [1, { a: 3 }]",
      "import 'node:path';\nfor (const n of [1, 2]) console.log(n); // 1",
      "import 'node:path';\nconsole.log('a b'); // a … c",
      "import 'node:path';\nthrow new Error('it does not run');",
    ];
    for (const text of bad) await assert.rejects(runSample(sample(text)), Error, text);
    const good = [
      "import 'node:path';\nconsole.log('a b c', [1], 2); // a … c [ 1 ] 2",
      "import 'node:path';\nfor (const n of [1, 2]) console.log(n); // 1, 2",
      "import 'node:path';\nconsole.log([1, { a: 2 }]); // [1, { a: 2 }]",
    ];
    for (const text of good) await runSample(sample(text));
  });

  // The compiler is a program for Node, and gives the same answer on all runtimes.
  if (runtime === "node") test("have the right types", typeCheck);
});

async function typeCheck(): Promise<void> {
  const typed = samples.filter(({ text }) => /^import /m.test(text));
  const names = new Map<string, Sample>();
  await mkdir(join(folder, "typed"));
  for (const [i, sample] of typed.entries()) {
    const name = `sample-${i}.mts`;
    names.set(name, sample);
    const text = sample.text.replaceAll('"jsr:@protojs/deferred"', '"@protojs/deferred"');
    await writeFile(join(folder, "typed", name), `${text}\nexport {};\n`);
  }
  const config = {
    extends: join(ROOT, "tsconfig.check.json"),
    compilerOptions: {
      declaration: false,
      isolatedDeclarations: false,
      allowImportingTsExtensions: true,
      rewriteRelativeImportExtensions: false,
      paths: { "@protojs/deferred": [join(ROOT, "mod.ts")] },
      typeRoots: [join(ROOT, "node_modules", "@types")],
      types: ["node"],
    },
    include: ["*.mts"],
  };
  await writeFile(join(folder, "typed", "tsconfig.json"), JSON.stringify(config));
  const { code, output } = await run([TSC, "--pretty", "false", "-p", join(folder, "typed")]);
  const complaints = output.split("\n").filter(Boolean).map((line) =>
    line.replace(/^.*?(sample-\d+\.mts)\((\d+),(\d+)\)/, (_, name, row, column) => {
      const { file, line } = names.get(name)!;
      return `${file}:${line + Number(row) - 1}:${column}`;
    })
  );
  assert.deepEqual(complaints, []);
  assert.equal(code, 0);
}

// --- examples -----------------------------------------------------------------------------------

const execute = promisify(execFile);

/** Runs this runtime with these arguments, to its end. */
async function run(args: readonly string[]): Promise<{ code: unknown; output: string }> {
  const env = { ...process.env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", DENO_NO_PROMPT: "1" };
  try {
    const { stdout, stderr } = await execute(process.execPath, args, {
      cwd: ROOT,
      env,
      timeout: HUNG,
      killSignal: "SIGKILL",
    });
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    const { code, signal, stdout, stderr } = error as {
      code: unknown;
      signal: unknown;
      stdout: string;
      stderr: string;
    };
    return { code: code ?? signal, output: stdout + stderr };
  }
}

/** The flags that an example asks for in its first lines, for this runtime. */
function flagsOf(text: string, file: string): string[] {
  const command = new RegExp(`^ \\* +${runtime}(?: run)? ((?:--\\S+ )*)${file}`, "m").exec(text);
  assert.ok(command, `${file} does not say how to run it on ${runtime}`);
  return command[1]!.split(" ").filter(Boolean);
}

const USUAL_FLAGS = {
  deno: ["run", "--quiet", "--no-lock", "--no-check"],
  bun: [],
  node: ["--disable-warning=ExperimentalWarning"],
};

/** What each example must print, in this order. */
const EXPECTED: Readonly<Record<string, readonly RegExp[]>> = {
  "agent.ts": [
    /^SyntaxError: .*;'\n {2}line 1, column 48:\n.*Brno" \};\n {49}\^$/m,
    /^printed: found \{ id: 2, name: 'Kurt', city: 'Brno' \}$/m,
    /^TypeError: .*toUpperCase.*\n {2}line 3, column \d+:\n {2}return user\.nmae/m,
    /^TypeError: weather: city must be a string\n {2}line 2, column 28:$/m,
    /^reported last: 'step [012]'\nTimeoutError: the task `code` ran longer than its timeout/m,
    /^printed: asked for 3 cities\nreported last: 'Emmy'\nresult: \{ degrees: 24, name: 'Emmy' \}$/m,
  ],
  "compare.ts": [/main thread +task/, /a loop over integers .* × /, /a Map of strings .* × /],
  "csv.ts": [
    /^200000 rows in \d\d parts; price by what:$/m,
    /^ {2}cake +515000\.00\n {2}bread, white +505000\.00\n {2}milk .*\n {2}the "best" butter +485000\.00$/m,
  ],
  "each.ts": [/871 .* 179/, /the longest chain has 268 steps and starts at 10971/, /12 tasks/],
  "formula.ts": [
    /^price \* quantity +.= 100$/m,
    /= 'LN'/,
    /✗ SyntaxError/,
    /prize \* quantity +✗ ReferenceError: prize is not defined/,
    /✗ TimeoutError: the task `formula` ran longer than its timeout of 200 ms/,
    /✗ DeferredMemoryError: .* limit of 16 MiB/,
    /✗ RangeError: Maximum call stack/,
    /process\.env +✗ ReferenceError: process/,
    /✗ \{ toString: 'not a function' \}/,
    /\{\}\.price is still undefined, and this program runs on/,
  ],
  "markdown.ts": [
    /^<p>I <em>like<\/em> it, see <a href="https:\/\/example.com\/a" rel="nofollow">this<\/a><\/p>$/m,
    /^<p>Click here<\/p>\n<table>.*<td>2<\/td><\/tr><\/tbody><\/table>$/m,
    /^(the task `hostile` ran longer than its timeout of 500 ms|Maximum call stack .*)$/m,
    /<strong>goes on<\/strong>/,
  ],
  "plugins.ts": [
    /^shout: HELLO!$/m,
    /^\[count\] seen 1 texts\ncount: hello #1$/m,
    /^broken failed: cannot read property 'toFixed' of undefined$/m,
    /^greedy failed: the task `greedy` ran longer than its timeout of 500 ms$/m,
    /^nosy failed: can't import "node:fs" in nosy\.ts:1:30: a plugin imports nothing$/m,
    /^\[count\] seen 2 texts\ncount: hello #2\nshout failed: it exports no remove\(\)$/m,
  ],
  "retry.ts": [
    /^try 1 of settle\(150\): the task `settle` ran longer than its timeout of 50 ms$/m,
    /^job 1 is done\njob 150 is done\njob 2 is done\ngiven up: there is no such job$/m,
    /^given up: the task `settle` ran longer than its timeout of 200 ms\n9 tries .*: true$/m,
  ],
  "rules.ts": [
    /^discount: Ada has ordered 12 times\ndiscount = 8$/m,
    /^shipping = 0$/m,
    /^stranger: there is no "customer\/99" \(line 2\)$/m,
    /^misspelt: .*did you mean `lookup`\? \(line 1\)$/m,
    /^unfinished: .*the text ends too early.* \(line 3\)$/m,
    /^forgetful: result: a function can't be cloned; call it in the task/m,
    /^greedy: .* hostCalls\.total .* \(line 1\)$/m,
    /^patient: the task `patient` ran longer than its timeout of 1000 ms$/m,
    /^1000 rules waited at once, on 1 thread$/m,
  ],
  "search.ts": [
    /"melo": melon, lemon, mango/,
    /\d+ was found first/,
    /[0-2] of 3 were cancelled/,
    /TimeoutError: the task `evil`/,
    /runs as if nothing had happened/,
  ],
  "server.ts": [/in a task +\d+ answers/, /on the main thread +\d+ answers/, /the report: 252514 /],
  "tour.ts": [/5000050000/, /all 7 as they should be/],
  "web.ts": [
    /^PUT \/rules\/nosy 204 \nPOST \/rules\/discount 200 \{"worth":8\}$/m,
    /^POST \/rules\/typo 422 \{"error":"totl is not defined \(line 2\)"\}$/m,
    /^POST \/rules\/endless 429 \{"error":"the task `endless` ran longer than its timeout of 100 ms"\}$/m,
    /^POST \/rules\/greedy 429 /m,
    /^POST \/rules\/nosy 200 \{"worth":"undefinedundefinedfalse"\}\nPOST \/rules\/none 404 /m,
  ],
  "words.ts": [/README\.md: \d{3,} words/, /headings, from "@protojs\/deferred" to "More"/, /▇/],
};

describe("the example", () => {
  const files: string[] = Object.keys(EXPECTED).map((name) => `examples/${name}`);

  test("list is whole", async () => {
    assert.deepEqual(await list("examples", ".ts"), files);
  });

  for (const file of files) {
    const runs = async (): Promise<void> => {
      const flags = flagsOf(await read(file), file);
      const { code, output } = await run([...USUAL_FLAGS[runtime], ...flags, file]);
      assert.equal(code, 0, output);
      let rest = output;
      for (const expected of EXPECTED[basename(file)]!) {
        const found = expected.exec(rest);
        assert.ok(found, `${file} should have printed ${expected} next:\n${output}`);
        rest = rest.slice(found.index + found[0].length);
      }
    };
    test(`${file} runs with the permissions it asks for`, () => patiently(runs));
  }
});

// --- names, files and links ---------------------------------------------------------------------

/** The anchor of a heading, as GitHub makes it. */
const anchorOf = (heading: string): string =>
  heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-");

/** The program that package_test.ts compiles, which uses every type. */
const USER = "tests/fixtures/user/types.mts";

/** All that mod.ts exports, types too. */
async function exported(): Promise<string[]> {
  const lists = (await read("mod.ts")).match(/\{[^}]*\}(?= from)/g)!;
  const names = lists.flatMap((list) => list.match(/\w+/g)!).filter((name) => name !== "type");
  for (const name of Object.keys(mod)) assert.ok(names.includes(name), name);
  return names;
}

/** The members of a Deferred, of `Deferred` and of a pool, as they are in the running package. */
function memberNames(): string[] {
  const holders = [
    Object.getPrototypeOf(mod.Deferred.prototype),
    mod.DeferredPool.prototype,
    { run: 0, wrap: 0, eval: 0, with: 0 },
  ];
  for (const name of ["run", "wrap", "eval"]) assert.ok(Object.hasOwn(mod.Deferred, name), name);
  return holders.flatMap((holder) => Reflect.ownKeys(holder))
    .filter((name) => name !== "constructor" && name !== Symbol.toStringTag)
    .map((name) => typeof name === "symbol" ? SYNTAX.get(name)! : name);
}

/** What calls the members whose names are symbols. */
const SYNTAX: ReadonlyMap<symbol, string> = new Map([
  [Symbol.dispose, "using"],
  [Symbol.asyncDispose, "await using"],
]);

/** The options of tasks, scripts and pools, as the messages list them. */
function optionNames(): string[] {
  const misspelt = { misspelt: 1 } as never;
  const calls = [
    () => new mod.Deferred(() => 1, misspelt),
    () => mod.Deferred.eval("", misspelt),
    () => new mod.DeferredPool(misspelt),
  ];
  return calls.flatMap((call) => {
    try {
      call();
    } catch (error) {
      return /the options are (.*)$/.exec((error as Error).message)![1]!.split(", ");
    }
    assert.fail("it was not refused");
  });
}

describe("the documents", () => {
  test("are all there", () => {
    assert.deepEqual(documents.filter((file) => !existsSync(join(ROOT, file))), []);
  });

  test("link to files and headings that exist", async () => {
    const broken: string[] = [];
    for (const file of documents) {
      const text = (await read(file)).replace(/^```[^]*?^```/gm, "");
      for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^https?:/.test(target!)) continue;
        const [path, anchor] = target!.split("#");
        const linked = path ? join(ROOT, dirname(file), path) : join(ROOT, file);
        if (!existsSync(linked)) broken.push(`${file}: ${target}`);
        else if (anchor !== undefined) {
          const headings = (await readFile(linked, "utf8")).matchAll(/^#+ (.+)$/gm);
          const anchors = [...headings].map(([, heading]) => anchorOf(heading!));
          if (!anchors.includes(anchor)) broken.push(`${file}: ${target}`);
        }
      }
    }
    assert.deepEqual(broken, []);
  });

  test("name only commands that exist", async () => {
    const { scripts } = JSON.parse(await read("package.json"));
    const { tasks } = JSON.parse(await read("deno.json"));
    const unknown: string[] = [];
    for (const file of documents) {
      const text = await read(file);
      for (const [command, name] of text.matchAll(/\bnpm run ([\w:-]+)/g)) {
        if (!(name! in scripts)) unknown.push(`${file}: ${command}`);
      }
      for (const [command, name] of text.matchAll(/\bdeno task ([\w:-]+)/g)) {
        if (!(name! in tasks)) unknown.push(`${file}: ${command}`);
      }
    }
    assert.deepEqual(unknown, []);
  });

  test("docs/api.md has a heading for each name that is exported, and a sample below it", async () => {
    const text = await read("docs/api.md");
    const sections = text.split(/^#{2,3} /m).slice(1);
    const lacking = (await exported()).filter((name) => {
      const section = sections.find((section) =>
        section.split("\n", 1)[0]!.includes(`\`${name}\``)
      );
      const [sample] = section === undefined ? [] : samplesOf("docs/api.md", section);
      return !(sample && new RegExp(`\\b${name}\\b`).test(sample.text));
    });
    assert.deepEqual(lacking, []);
  });

  test("each member and option is in a sample of docs/api.md, and in a test", async () => {
    const all = samplesOf("docs/api.md", await read("docs/api.md")).map(({ text }) => text).join(
      "\n",
    );
    const files = (await list("tests", "_test.ts")).filter((file) => !/docs_test/.test(file));
    const tests = (await Promise.all(files.map(read))).join("\n");
    const members = [...memberNames(), ...optionNames()];
    assert.ok(members.length > 30, members.join());
    for (const name of [...members, ...(await exported())]) {
      const word = new RegExp(`(?<![\\w$])${name.replace(/\W/g, "\\$&")}(?![\\w$])`);
      assert.ok(word.test(tests) || word.test(await read(USER)), `no test uses ${name}`);
      assert.ok(word.test(all), `no sample uses ${name}`);
    }
  });

  test("docs/api.md has a row for each error, with its code", async () => {
    const api = await read("docs/api.md");
    for (const exported of Object.values(mod) as (new (...args: never[]) => object)[]) {
      if (!(exported.prototype instanceof mod.DeferredError)) continue;
      const { code } = new exported("" as never, [] as never) as mod.DeferredError;
      const row = new RegExp(`^\\| \`${exported.name}\` +\\| \`${code}\` +\\|`, "m");
      assert.match(api, row);
    }
  });

  test("docs/api.md has a row for each option", async () => {
    const api = await read("docs/api.md");
    const misspelt = () => new mod.Deferred(() => 1, { misspelt: 1 } as never);
    assert.throws(misspelt, (error: Error) => {
      const options = /the options are (.*)$/.exec(error.message)![1]!.split(", ");
      assert.ok(options.length >= 10);
      for (const option of options) assert.match(api, new RegExp(`^\\| \`${option}\` +\\|`, "m"));
      return true;
    });
  });

  test("the README is short", async () => {
    assert.ok((await read("README.md")).split("\n").length < 160);
  });

  test("ARCHITECTURE's map of the code has each file", async () => {
    const map = await read("ARCHITECTURE.md");
    const files = [
      ...sources,
      ...(await list("ffi", ".ts")),
      ...(await list("csrc", ".c")),
      ...(await list("csrc", ".inc")),
      ...(await list("scripts", ".mjs")),
    ];
    const missing = files.filter((file) => !map.includes(`\`${basename(file)}\``));
    assert.deepEqual(missing, []);
  });

  test("ARCHITECTURE names functions that are where it says", async () => {
    const map = (await read("ARCHITECTURE.md")).replace(/\s+/g, " ");
    const named = [...map.matchAll(/`(\w+)` \(`((?:src|csrc|ffi)\/[\w/.]+)`\)/g)];
    assert.ok(named.length >= 30);
    for (const [whole, name, file] of named) {
      // A function of C begins its line with its type, a method with its name.
      const defined = new RegExp(
        `^(?:export )?(?:function|class|interface) ${name}\\b|^  ${name}\\(|^\\w.* \\*?${name}\\(`,
        "m",
      );
      assert.match(await read(file!), defined, whole);
    }
  });

  test("each invariant of ARCHITECTURE is held by tests or asserts that exist", async () => {
    const all = (await read("ARCHITECTURE.md")).split("**Architecture invariant:**").slice(1);
    assert.ok(all.length >= 15);
    for (const invariant of all) {
      const [what, ...rest] = invariant.split("\n\n")[0]!.replace(/\s+/g, " ").split("*Held by*");
      assert.equal(rest.length, 1, what);
      const files = rest[0]!.split(/(?=`(?:tests|csrc)\/)/).slice(1);
      assert.ok(files.length > 0, what);
      for (const part of files) {
        const held = (await read(/^`(.*?)`/.exec(part)![1]!)).replace(/\s+/g, " ");
        for (const [, title] of part.matchAll(/"(.*?)"/g)) {
          assert.ok(held.includes(title!), `${part}: "${title}"`);
        }
      }
    }
  });

  test("CHANGELOG has an entry for this version", async () => {
    const { version } = JSON.parse(await read("package.json"));
    assert.ok((await read("CHANGELOG.md")).includes(`## [${version}]`));
  });
});
