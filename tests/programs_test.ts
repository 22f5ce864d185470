/**
 * Whole tasks made at random: what a task gives is what the same function gives in the host; and
 * whatever a hostile one does, with limits, signals, transfers, shared values and classes of all
 * kinds, it settles by one of the ends that the documents name, and nothing of it is left.
 *
 * PROGRAMS_RUNS=10000 tries so many of each, PROGRAMS_SEED=1 others; PROGRAMS_ONE=5 one alone.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { inspect } from "node:util";
import { DeferredPool, InternalError } from "../mod.ts";
import { assertPristine, state } from "./hostile/hostile.ts";
import { madeOf, mischief } from "./support/programs.ts";
import { inProgram, numbersFrom, seedsOf } from "./support/seeds.ts";
import { show } from "./support/show.ts";
import { pause } from "./support/wait.ts";

const seeds = seedsOf("PROGRAMS", 150);

const MIB = 2 ** 20;
/** How many objects a value has. */
const SIZE = 60;
const TOGETHER = 8;

/** What came of it, as text. */
async function outcome(work: () => unknown): Promise<string> {
  try {
    return show(await work());
  } catch (error) {
    return `throws ${show(error)}`;
  }
}

class Point {
  x = 1;
  y = [2];
}

/** Both are the same; or where they are not, as they may be long. */
function assertSame(got: string, wanted: string): void {
  if (got === wanted) return;
  let at = 0;
  while (got[at] === wanted[at]) at++;
  const around = (text: string): string => text.slice(Math.max(0, at - 200), at + 200);
  assert.fail(`got …${around(got)}… instead of …${around(wanted)}…`);
}

/** The numbers of one program's options. */
const numbers = (seed: number) => numbersFrom(seed ^ 0x5bd1e995);

/** Reads what programs read of what they get. */
function read(value: unknown): void {
  inspect(value, { depth: 3, maxArrayLength: 10 });
  if (!(value instanceof Error)) return;
  assert.ok(!(value instanceof InternalError), `an InternalError: ${inspect(value)}`);
  const { stack = "", message } = value;
  assert.equal(typeof message, "string");
  assert.ok(stack.length < 20_000, `a stack of ${stack.length} units`);
  assert.doesNotMatch(stack, /^\s*at evil/m);
  void String(value);
}

describe("programs made at random", () => {
  test("give what the same function gives in the host, and so do values that come and go", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    for (const seed of seeds) {
      await inProgram(seed, async () => {
        const wanted = await outcome(() => madeOf(seed, SIZE));
        assertSame(await outcome(() => pool.run(madeOf, seed, SIZE)), wanted);
        if (wanted.startsWith("throws ")) return;
        const shown = await pool.run((value: unknown) => [value], madeOf(seed, SIZE));
        assertSame(show(shown[0]), wanted);
        assertSame(await pool.run(show, madeOf(seed, SIZE)), wanted);
      });
    }
  });

  describe("that are hostile", () => {
    let pool: DeferredPool;
    let pristine: string;
    let table: { readonly numbers: Uint8Array; readonly list: string[] };
    before(async () => {
      pool = new DeferredPool({ maxThreads: 1, classes: [Point] });
      table = pool.share({ numbers: new Uint8Array(1000).fill(7), list: ["a", "b"] });
      pristine = await pool.run(state);
    });
    after(() => pool.close());

    const start = (seed: number, pool: DeferredPool): Promise<unknown> => {
      const below = numbers(seed);
      const buffer = new ArrayBuffer(below(3) * 70_000, below(4) ? {} : { maxByteLength: 210_000 });
      const memory = new Int32Array(new SharedArrayBuffer(16));
      const controller = new AbortController();
      const args = [seed, table, buffer, new Point(), memory, [
        new Error("x"),
        new Point(),
      ]] as const;
      const limits = {
        timeout: 1 + below(60),
        memoryLimit: (2 << below(5)) * MIB,
        ...(below(3) ? {} : { maxStackSize: 65_536 << below(4) }),
        ...(below(4) ? {} : { queueTimeout: 1 + below(20) }),
        ...(below(3) ? {} : { transfer: [buffer] }),
        ...(below(3) ? {} : { signal: controller.signal }),
      };
      const task = below(5)
        ? pool.defer(mischief as (...all: readonly unknown[]) => unknown, { args, ...limits })
        : pool.eval(`(${mischief})(...args)`, { scope: { args }, ...limits });
      if (below(4) === 0) void pause(below(10)).then(() => task.cancel());
      if (below(4) === 0) void pause(below(10)).then(() => controller.abort());
      return task;
    };

    test("settle, and leave nothing behind", async () => {
      for (let at = 0; at < seeds.length; at += TOGETHER) {
        const some = seeds.slice(at, at + TOGETHER);
        const all = await Promise.allSettled(some.map((seed) => start(seed, pool)));
        for (const [i, ended] of all.entries()) {
          await inProgram(
            some[i]!,
            () => read(ended.status === "fulfilled" ? ended.value : ended.reason),
          );
        }
        await inProgram(some[0]!, async () => {
          await assertPristine(pool, pristine, "these programs");
          assert.equal(
            await pool.run(({ numbers, list }: typeof table) => numbers.join("") + list, table),
            "7".repeat(1000) + "a,b",
          );
        });
      }
    });

    test("settle when their pool is destroyed in the middle", async () => {
      for (let at = 0; at < seeds.length; at += 4 * TOGETHER) {
        const other = new DeferredPool({ maxThreads: 2 });
        table = other.share({ numbers: new Uint8Array(1000).fill(7), list: ["a", "b"] });
        const some = seeds.slice(at, at + TOGETHER);
        const all = some.map((seed) => start(seed, other));
        const settled = Promise.allSettled(all);
        await pause(numbers(at)(20));
        await other.destroy();
        for (const [i, ended] of (await settled).entries()) {
          await inProgram(
            some[i]!,
            () => read(ended.status === "fulfilled" ? ended.value : ended.reason),
          );
        }
      }
    });
  });
});
