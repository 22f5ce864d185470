/**
 * Tasks made at random that talk with their host: what a polite one sees is what the same function
 * sees in the host, of the same functions behind a structured clone; and whatever a rude one and its
 * host do, with limits, signals and transfers, by functions that throw, never answer, or answer when
 * nobody waits, it settles once, and nothing of it is left.
 *
 * PROGRAMS_RUNS, PROGRAMS_SEED and PROGRAMS_ONE are those of programs_test.ts.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Deferred, DeferredPool, sync, transfer } from "../mod.ts";
import { assertPristine, state } from "./hostile/hostile.ts";
import { converse, type Method, type Polite } from "./support/conversations.ts";
import { MOD, outputOf } from "./support/process.ts";
import { numbers, start } from "./support/rude.ts";
import { inProgram, seedsOf } from "./support/seeds.ts";
import { show } from "./support/show.ts";
import { pause, until } from "./support/wait.ts";

const seeds = seedsOf("PROGRAMS", 60);

const TOGETHER = 6;

/** What the polite tasks call. `moved` gets the buffers that answers moved. */
const politely = (moved: ArrayBuffer[], nest: (n: number) => unknown) => {
  const giving = (value: object, buffer: ArrayBuffer): object => {
    moved.push(buffer);
    return transfer(value, [buffer]);
  };
  return {
    echo: (...args: unknown[]) => args,
    later: async (value: unknown, ms: number) => {
      await pause(ms);
      return value;
    },
    fail: (kind: string, value: unknown) => {
      if (kind === "value") throw value;
      throw new (kind === "Error" ? Error : RangeError)("as asked");
    },
    refuse: () => () => 1,
    load: (size: number, byte: number) => {
      const bytes = new Uint8Array(size).fill(byte);
      return giving(bytes, bytes.buffer);
    },
    store: (bytes: Uint8Array) => `${bytes.length}: ${bytes[0]} ${bytes.at(-1)}`,
    swap: ([bytes]: [Uint8Array<ArrayBuffer>]) => giving([bytes], bytes.buffer),
    nest,
    add: (a: number, b: unknown) => {
      if (typeof b !== "number") throw new TypeError("no number");
      return a + b;
    },
  };
};

/** The same functions without a task: values cross as the standard says. */
function modelOf(functions: ReturnType<typeof politely>): Polite {
  const entries = Object.entries(functions as Record<string, (...args: never[]) => unknown>);
  return Object.fromEntries(entries.map(([name, fn]) => {
    const call = async (transfer: ArrayBuffer[], args: unknown[]): Promise<unknown> => {
      // Deno detaches those before one that it refuses.
      if (new Set(transfer).size < transfer.length || transfer.some(({ detached }) => detached)) {
        throw new DOMException("can't be transferred", "DataCloneError");
      }
      const sent = structuredClone(args, { transfer }) as never[];
      return structuredClone(await fn(...sent));
    };
    const made = (...args: unknown[]): unknown => call([], args);
    made.with = ({ transfer }: { transfer: readonly ArrayBuffer[] }) => (...args: unknown[]) =>
      call([...transfer], args);
    return [name, made as Method];
  })) as unknown as Polite;
}

test("polite tasks see what the same function sees in the host", async () => {
  await using pool = new DeferredPool({ maxThreads: 2, maxWaiting: 3, syncCalls: true });
  const twice = (n: number): number => n * 2;
  const talk = async (seed: number): Promise<void> => {
    const below = numbers(seed);
    const wanted = await converse(seed, false, modelOf(politely([], twice)));
    const moved: ArrayBuffer[] = [], lines: unknown[] = [], heard: unknown[] = [];
    const own = politely(moved, (n) => pool.run(twice, n));
    const host = {
      ...own,
      add: sync(
        below(2) ? own.add : async (a: number, b: unknown) => {
          await null;
          return own.add(a, b);
        },
      ),
    };
    const options = {
      console: { log: (line: unknown) => void lines.push(line) },
      ...(below(2) ? { hostCalls: { concurrent: 1 + below(4) } } : {}),
      ...(below(3) ? { onProgress: (line: unknown) => void heard.push(line) } : {}),
    };
    const task: Deferred<Awaited<ReturnType<typeof converse>>> = below(3)
      ? pool.defer(converse as never, { args: [seed, true], host, ...options } as never)
      : pool.eval(
        `(${converse})(seed, true, ${"onProgress" in options ? "{ ...h, report }" : "h"})`,
        { host: { h: host }, scope: { seed }, ...options },
      );
    const got = await task;
    assert.equal(show(got), show(wanted));
    assert.deepEqual(lines, wanted[1]);
    if ("onProgress" in options) assert.deepEqual(heard.slice(-1), wanted[1].slice(-1));
    assert.ok(moved.every((buffer) => buffer.detached), "what an answer moved is detached");
  };
  for (let at = 0; at < seeds.length; at += TOGETHER) {
    await Promise.all(
      seeds.slice(at, at + TOGETHER).map((seed) => inProgram(seed, () => talk(seed))),
    );
  }
});

describe("rude tasks", () => {
  test("settle, and leave nothing behind", async () => {
    await using pool = new DeferredPool({ maxThreads: 2, maxWaiting: 3, syncCalls: true });
    const pristine = await pool.run(state);
    for (let at = 0; at < seeds.length; at += TOGETHER) {
      const some = seeds.slice(at, at + TOGETHER);
      const all = some.map((seed) => start(seed, pool));
      const ends = await Promise.allSettled(all.map(({ task }) => task));
      for (const [i, { check }] of all.entries()) await inProgram(some[i]!, () => check(ends[i]!));
      await inProgram(some[0]!, async () => {
        await assertPristine(pool, pristine, "these tasks");
        // Also those that a host started for a task that has ended since.
        await until(() => pool.pending === 0, "nothing is left");
      });
    }
  });

  test("settle when their pool is closed or destroyed in the middle", async () => {
    for (let at = 0; at < seeds.length; at += 3 * TOGETHER) {
      const below = numbers(at);
      const pool = new DeferredPool({ maxThreads: 1 + below(2), maxWaiting: 3, syncCalls: true });
      const some = seeds.slice(at, at + TOGETHER);
      const all = some.map((seed) => start(seed, pool));
      const settled = Promise.allSettled(all.map(({ task }) => task));
      await pause(below(20));
      await (below(3) ? pool.destroy() : pool.close());
      const ends = await settled;
      for (const [i, { check }] of all.entries()) await inProgram(some[i]!, () => check(ends[i]!));
    }
  });

  test("end with the Worker of their host, whatever it is at", async () => {
    const worker = `
      import { parentPort, workerData } from "node:worker_threads";
      import { DeferredPool } from ${JSON.stringify(MOD)};
      import { start } from ${JSON.stringify(new URL("support/rude.ts", import.meta.url).href)};
      const pool = new DeferredPool({ maxThreads: 2, maxWaiting: 3, syncCalls: true });
      await pool.run(() => 1);
      parentPort.postMessage("ready");
      for (let seed = workerData;; seed += ${TOGETHER}) {
        const all = Array.from({ length: ${TOGETHER} }, (_, i) => start(seed + i, pool).task);
        await Promise.allSettled(all);
      }
    `;
    const said = await outputOf(
      `
      import { once } from "node:events";
      import { Worker } from "node:worker_threads";
      for (let seed = ${seeds[0]}; seed < ${seeds[0]! + seeds.length}; seed += 10) {
        const workerData = seed;
        const worker = new Worker(new URL("worker.mjs", import.meta.url), { workerData });
        await once(worker, "message");
        const mine = Deferred.run((n) => n * 2, 21);
        await new Promise((resolve) => setTimeout(resolve, seed % 60));
        await worker.terminate();
        if (await mine !== 42) throw new Error("wrong");
      }
      console.log("done");`,
      { files: { "worker.mjs": worker } },
    );
    assert.equal(said, "done");
  });
});
