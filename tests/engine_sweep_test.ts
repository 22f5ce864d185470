/**
 * All builtins of the language, called with odd receivers and arguments in a task and in the host:
 * what comes out otherwise must be one of the differences that docs/engine.md tells.
 *
 * SWEEP_ROUNDS is how often each function is called, SWEEP_SEED a number for other calls; with 150
 * rounds it is 72,000 calls. And regular expressions at random, 50 for each round.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import process from "node:process";
import { Deferred } from "../mod.ts";
import { differences, table } from "./support/differences.ts";
import { runtime } from "./support/process.ts";
import { matches } from "./support/regexps.ts";
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
  // Where JavaScriptCore is against the standard itself: an order of keys, a sum that is off by one
  // bit, upper limits, detached buffers.
  const theirs = runtime === "bun"
    ? /^(Promise\.withResolvers|Math\.sumPrecise|Iterator\.prototype\.(take|drop)|\S+ \w+ \(det)/
    : undefined;
  const skip = runtime === "bun"
    ? "JavaScriptCore takes 20 s for them, and is against the standard in many"
    : false;

  test("are told, for each call of the sweep", async () => {
    const host = byFunction(sweep(SEED, ROUNDS));
    const task = byFunction(await Deferred.run(sweep, SEED, ROUNDS));
    const untold: string[] = [];
    let compared = 0;
    for (const [name, lines] of task) {
      const others = host.get(name) ?? []; // a newer function that only one of them has
      others.forEach((line, i) => {
        compared++;
        if (line === lines[i] || theirs?.test(line)) return;
        if (differences.some(({ calls }) => calls?.test(line))) return;
        untold.push(`host: ${line.slice(0, 400)}\ntask: ${lines[i].slice(0, 400)}`);
      });
    }
    assert.ok(compared > 400 * ROUNDS, `only ${compared} calls were compared`);
    assert.deepEqual(untold.slice(0, 10), [], `${untold.length} of ${compared} calls`);
  });

  test("are none in what regular expressions match", { skip }, async () => {
    const host = matches(SEED, 50 * ROUNDS);
    const task = await Deferred.run(matches, SEED, 50 * ROUNDS);
    assert.equal(task.length, host.length);
    const untold = host.flatMap((line, i) =>
      line === task[i] ? [] : [`host: ${line}\ntask: ${task[i]}`]
    );
    assert.deepEqual(untold.slice(0, 10), [], `${untold.length} of ${host.length}`);
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
