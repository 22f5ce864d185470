/**
 * What runs modules after having changed them: `scope: import.meta` under Vitest, which renames what
 * is imported, and under tsx, which reprints TypeScript, as ES modules and as CommonJS. They are
 * programs for Node.js.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { HUNG, MOD, runtime } from "./support/process.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const folder = await mkdtemp(join(tmpdir(), "deferred-runners-"));
after(() => rm(folder, { recursive: true, force: true }));

let count = 0;

/** A project of its own; gives its folder. */
async function project(files: Readonly<Record<string, string>>, type = "module"): Promise<string> {
  const own = join(folder, `project${count++}`);
  await mkdir(own);
  await symlink(join(ROOT, "node_modules"), join(own, "node_modules"));
  await writeFile(join(own, "package.json"), JSON.stringify({ type }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(own, name)), { recursive: true });
    await writeFile(join(own, name), text);
  }
  return own;
}

const FLAGS = {
  deno: ["run", "--quiet", "--no-lock", "-A"],
  bun: [],
  node: ["--disable-warning=ExperimentalWarning"],
};

/** What this runtime prints. */
function run(args: readonly string[], cwd: string): Promise<string> {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    NO_COLOR: "1",
    FORCE_COLOR: "",
    CI: "1",
    NODE_OPTIONS: "",
  };
  delete env["NODE_TEST_CONTEXT"];
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [...FLAGS[runtime], ...args],
      { cwd, env, timeout: HUNG },
      (_, stdout, stderr) => {
        resolve(stdout + stderr);
      },
    );
  });
}

const RULES = {
  "rules.ts": `export const vat: number = 0.25;
    export default function gross(net: number): number { return net * (1 + vat); }`,
  "total.ts": "export const total = (list: number[]): number => list.reduce((a, b) => a + b, 0);",
  "half.ts": "export default (n: number): number => n / 2;",
};

/** A program that uses all of its module in tasks, and what each gives. */
const PROGRAM = `import { Deferred } from ${JSON.stringify(fileURLToPath(MOD))};
import gross, { vat as tax } from "./rules.ts";
import * as rules from "./rules.ts";
import { total } from "./total.ts";
import { marked } from "marked";
import type { Nothing } from "./nothing.ts";
const label: string = "EUR", round = (n: number): number => Math.round(n);
interface Order { net: number }
const show = (order: Order): string => round(gross(order.net)) + label;
const fn = (net: number): unknown[] => {
  const order: Order = { net };
  return [show(order), tax, rules.vat, total([1, 2]), marked.parse("*a*").trim(), gross(8)];
};
const modules = ["./rules.ts", "./total.ts", "marked"];
const boom = (n: number): number => {
  if (n > 0) throw new RangeError("no " + round(n));
  return n;
};
const results = async (): Promise<unknown[]> => [
  await new Deferred((n: number) => round(n) + label, { args: [4], scope: import.meta }),
  await new Deferred(fn, { args: [4], scope: import.meta, modules }),
  await Deferred.wrap(boom, { scope: import.meta })(1).catch(({ stack }) => stack.split("\\n")[1]),
];
`;
const LINE = PROGRAM.split("\n").findIndex((line) => line.includes("throw new")) + 1;

function checkResults(printed: string): void {
  const found = /^RESULTS (.*)$/m.exec(printed)?.[1];
  assert.ok(found !== undefined, printed);
  const [own, all, stack] = JSON.parse(found);
  assert.deepEqual([own, all], ["4EUR", ["5EUR", 0.25, 0.25, 3, "<p><em>a</em></p>", 10]]);
  const throwing = PROGRAM.split("\n")[LINE - 1]!;
  const [, line, column] = /at boom \(.*app(?:\.test)?\.ts:(\d+):(\d+)\)/.exec(stack)!;
  assert.equal(Number(line), LINE);
  assert.ok(Number(column) >= throwing.indexOf("throw") + 1 && Number(column) < throwing.length);
}

const VITEST = join("node_modules", "vitest", "vitest.mjs");
const onlyNode = { skip: runtime !== "node" && "it is a program for Node.js" };

describe("Vitest", onlyNode, () => {
  const TEST = `import { expect, test, vi } from "vitest";
    test("all", async () => {
      vi.fn();
      console.log("RESULTS " + JSON.stringify(await results()));
    });`;

  test("finds what the module declares, and what it imports by names of Vitest's", async () => {
    const own = await project({ "app.test.ts": PROGRAM + TEST, ...RULES });
    checkResults(await run([VITEST, "run"], own));
  });

  test("also where modules are mocked, which renames all anew", async () => {
    const mocked = TEST.replace("test(", 'vi.mock("./unused.ts", () => ({}));\ntest(');
    const own = await project({ "app.test.ts": PROGRAM + mocked, ...RULES });
    checkResults(await run([VITEST, "run"], own));
  });

  const TWO = `import { Deferred } from ${JSON.stringify(fileURLToPath(MOD))};
    import gross from "./rules.ts";
    import half from "./half.ts";
    import { test } from "vitest";
    test("two", async () => {
      const both = (n: number) => gross(half(n));
      try {
        const options = { args: [8], modules: ["./rules.ts", "./half.ts"] };
        console.log("GIVES " + await new Deferred(both, { ...options, scope: import.meta }));
      } catch ({ message }) {
        console.log("GIVES " + message);
      }
    });`;

  test("is told which imports can't be told apart", async () => {
    const own = await project({ "two.test.ts": TWO, ...RULES });
    const printed = await run([VITEST, "run"], own);
    assert.match(
      printed,
      /^GIVES `gross` \(two\.test\.ts, line 2\) can't be told from `half`, as its import was renamed \(use @protojs\/deferred\/plugin.*`half` \(two\.test\.ts, line 3\) can't/m,
    );
  });

  test("tells them apart with the plugin", async () => {
    const config = `import plugin from ${
      JSON.stringify(fileURLToPath(new URL("plugin.ts", new URL("..", import.meta.url))))
    };
      export default { plugins: [plugin.vite()] };`;
    const own = await project({ "two.test.ts": TWO, "vitest.config.ts": config, ...RULES });
    assert.match(await run([VITEST, "run"], own), /^GIVES 5$/m);
  });
});

const MAIN = `results().then((all) => console.log("RESULTS " + JSON.stringify(all)));`;

test("the runtime itself runs what stands in the file, or finds it there", async () => {
  const own = await project({ "app.ts": PROGRAM + MAIN, ...RULES });
  checkResults(await run(["app.ts"], own));
});

describe("tsx", onlyNode, () => {
  for (const [what, type] of [["ES modules", "module"], ["CommonJS", "commonjs"]] as const) {
    test(`finds what ${what} declare and import`, async () => {
      const own = await project({ "app.ts": PROGRAM + MAIN, ...RULES }, type);
      checkResults(await run(["--import", "tsx", "app.ts"], own));
    });
  }
});
