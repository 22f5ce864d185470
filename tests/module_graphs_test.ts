/**
 * Graphs of modules made at random: what is evaluated in which order, what each module sees of the
 * others, and what each `import()` settles with, is what V8 makes of the same graph.
 *
 * GRAPHS_RUNS=5000 tries so many, GRAPHS_SEED=1 others; GRAPHS_ONE=5 one alone. GRAPHS_STACK is the
 * task's maxStackSize.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import process from "node:process";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
// @ts-ignore: it has no declarations.
import { findRuntime } from "../scripts/runtimes.mjs";
import { DeferredPool } from "../mod.ts";
import { seedsOf, setting } from "./support/seeds.ts";
import { turn } from "./support/wait.ts";
import { type Graph, graphOf, type Outcome, PROGRAM } from "./support/module_graphs.ts";

const seeds = seedsOf("GRAPHS", 300);
const FROM = seeds[0]!;
const COUNT = seeds.length;

/** How many run at the same time. */
const TOGETHER = 20;

const pool = new DeferredPool({ maxThreads: 2, maxStackSize: setting("GRAPHS_STACK", 2 ** 22) });
after(() => pool.close());

/** What a task makes of a graph. */
async function outcomeOf({ texts, steps }: Graph): Promise<Outcome> {
  // What is loaded takes a turn of the host for each step away.
  const rounds = texts.length + 2;
  const text = `
    globalThis.load = (n) => import(String(n));
    globalThis.settle = async () => { for (let i = 0; i < ${rounds}; i++) await turn(); };
    ${PROGRAM}
    return outcome;`;
  return await pool.eval<Outcome>(text, {
    scope: { steps },
    host: { turn },
    loader: { resolve: (specifier) => specifier, load: (url) => texts[Number(url)]! },
  });
}

test("modules are evaluated, wait, fail and settle as V8 has it", async () => {
  const node = (await findRuntime("node") as { path?: string }).path ?? "node";
  const file = fileURLToPath(new URL("./support/module_graphs.ts", import.meta.url));
  const flags = ["--experimental-vm-modules", "--no-warnings"];
  const { stdout } = await promisify(execFile)(
    node,
    [...flags, file, String(FROM), String(FROM + COUNT)],
    { maxBuffer: 2 ** 30, env: { ...process.env, LD_PRELOAD: "" } },
  );
  const wanted = stdout.trimEnd().split("\n");
  assert.equal(wanted.length, COUNT);
  const tryOne = async (i: number): Promise<void> => {
    const graph = graphOf(FROM + i);
    const expected: Outcome = JSON.parse(wanted[i]!);
    const said = await outcomeOf(graph);
    expected.ends.forEach((end, at) => {
      if (end.endsWith("*")) said.ends[at] = said.ends[at]?.replace(/\d+$/, "*") ?? "";
    });
    const where = `GRAPHS_ONE=${FROM + i}\n${JSON.stringify(graph, undefined, 1)}`;
    assert.deepEqual(said, expected, where);
  };
  for (let i = 0; i < COUNT; i += TOGETHER) {
    const some = Array.from({ length: Math.min(TOGETHER, COUNT - i) }, (_, n) => tryOne(i + n));
    await Promise.all(some);
  }
});
