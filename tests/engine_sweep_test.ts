/**
 * All builtins of the language, called with odd receivers and arguments in a task and in the host:
 * what comes out otherwise must be one of the differences that docs/engine.md tells.
 *
 * SWEEP_ROUNDS is how often each function is called, SWEEP_SEED a number for other calls; with 150
 * rounds it is 72,000 calls. It runs on V8: where JavaScriptCore differs from it, neither may be the
 * standard.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import process from "node:process";
import { Deferred } from "../mod.ts";
import { differences, table } from "./support/differences.ts";
import { runtime } from "./support/process.ts";
import { sweep } from "./support/sweep.ts";

const ROUNDS = Number(process.env.SWEEP_ROUNDS ?? 20);
const SEED = Number(process.env.SWEEP_SEED ?? 12345);

/** What comes of each call, by function; its calls depend on nothing but the seed. */
function byFunction(lines: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const line of lines) {
    const name = line.split(" ", 2).join(" ");
    if (!found.has(name)) found.set(name, []);
    found.get(name)!.push(line);
  }
  return found;
}

describe("the engine's differences from the host's", () => {
  const skip = runtime === "bun" ? "they are told against V8" : false;
  test("are told, for each call of the sweep", { skip }, async () => {
    const host = byFunction(sweep(SEED, ROUNDS));
    const task = byFunction(await Deferred.run(sweep, SEED, ROUNDS));
    const untold: string[] = [];
    let compared = 0;
    for (const [name, lines] of task) {
      const theirs = host.get(name) ?? []; // a newer function that only one of them has
      theirs.forEach((line, i) => {
        compared++;
        if (line === lines[i] || differences.some(({ calls }) => calls?.test(line))) return;
        untold.push(`host: ${line.slice(0, 400)}\ntask: ${lines[i].slice(0, 400)}`);
      });
    }
    assert.ok(compared > 400 * ROUNDS, `only ${compared} calls were compared`);
    assert.deepEqual(untold.slice(0, 10), [], `${untold.length} of ${compared} calls`);
  });

  for (const { what, shows } of differences) {
    test(`are so: ${what}`, async () => assert.equal(await Deferred.run(shows), true));
  }

  test("are the table of docs/engine.md", async () => {
    const text = await readFile(new URL("../docs/engine.md", import.meta.url), "utf8");
    const squeezed = (markdown: string) => markdown.replace(/ *\| */g, "|").replace(/---+/g, "---");
    assert.ok(squeezed(text).includes(squeezed(table())), `docs/engine.md should have\n${table()}`);
  });
});
