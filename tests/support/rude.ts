/**
 * Hosts of rude tasks, made of random numbers, for conversations_test.ts: their functions throw, give
 * what can't be cloned, answer late or never, and lend buffers that are gone.
 *
 * @module
 */
import assert from "node:assert/strict";
import process from "node:process";
import { inspect } from "node:util";
import {
  Deferred,
  type DeferredPool,
  type HostCall,
  type HostFunction,
  InternalError,
  type ModuleLoader,
  sync,
  transfer,
} from "../../mod.ts";
import { harass } from "./conversations.ts";
import { numbersFrom } from "./seeds.ts";
import { pause } from "./wait.ts";

const MIB = 2 ** 20;

/** The numbers of one program's options, and of what its host does. */
export function numbers(seed: number): (limit: number) => number {
  return numbersFrom(seed ^ 0x2545f491);
}

/** A task under way, and what its host saw of it. */
export interface Rude {
  readonly task: Deferred<unknown>;
  /** Looks at all that must hold once the task has settled. */
  readonly check: (outcome: PromiseSettledResult<unknown>) => Promise<void>;
}

/** Modules that are slow, lacking, broken, or import one another. */
const loaderOf = (below: (limit: number) => number): ModuleLoader => ({
  resolve: (specifier) => specifier,
  load: async (url) => {
    const n = Number(url.slice(2));
    if (n % 4 === 1) await pause(below(8));
    if (n === 2) throw new Error("no such module");
    if (n === 3) return "export default ] [";
    if (n === 4) return await new Promise<never>(() => {});
    if (n === 5) return null;
    const other = `m:${(n + 1 + below(3) * 3) % 12}`;
    return below(2)
      ? `import * as x from "m:${(n + 6) % 12}"; export default [${n}, typeof x];`
      : `export default await import(${JSON.stringify(other)}).catch(() => 0);`;
  },
});

/**
 * Starts a rude task of a host that is no better, with limits that it goes over, or not. Its host may
 * start such tasks in its turn, `depth` levels of which there are.
 */
export function start(seed: number, pool: DeferredPool, depth = 0): Rude {
  const below = numbers(seed);
  const controller = new AbortController();
  const given = new ArrayBuffer(below(3) * 70_000, below(4) ? {} : { maxByteLength: 210_000 });
  const calls: HostCall[] = [];
  const late: (() => void)[] = [];
  const offered: { readonly buffers: ArrayBuffer[]; isRefused: boolean }[] = [];
  let isOver = false;
  let wasCalledLate = false;

  const answer = (): unknown => {
    switch (below(18)) {
      case 0:
        return new Promise(() => {});
      case 1:
        return new Promise((resolve) => void late.push(() => resolve(lend())));
      case 2:
        throw new RangeError("as it likes");
      case 3:
        return Promise.reject(below(2) ? () => 1 : new Error("later"));
      case 4:
        return () => 1;
      case 5:
      case 6:
        return lend();
      case 7:
        return pause(below(6)).then(lend);
      case 8:
        return {
          then(resolve: (value: unknown) => void, reject: (value: unknown) => void) {
            resolve(1), reject(2), resolve(3);
            throw new Error("and more");
          },
        };
      case 9:
        return depth < 3 ? start(below(2 ** 31), pool, depth + 1).task.catch(String) : 1;
      case 10:
        return Deferred.run((n: number) => [n], below(9));
      case 11:
        if (below(4) === 0) task.cancel();
        return lend();
      case 12:
        if (below(4) === 0) controller.abort("enough");
        return 5;
      case 13:
        return "x".repeat(below(400_000));
      default:
        return below(100);
    }
  };
  const lend = (): unknown => {
    const sizes = [0, 8, 65_536, 700_000];
    const buffers = Array.from(
      { length: 1 + below(3) },
      () => new ArrayBuffer(sizes[below(4)]!, below(5) ? {} : { maxByteLength: 800_000 }),
    );
    const offer = { buffers: [...buffers], isRefused: false };
    offered.push(offer);
    const takeOne = (): void => {
      const [taken] = offer.buffers.splice(below(offer.buffers.length), 1);
      if (taken !== undefined) structuredClone(0, { transfer: [taken] });
      offer.isRefused = true;
    };
    const trap = (): unknown => {
      switch (below(7)) {
        case 0:
          if (below(3) === 0) task.cancel();
          break;
        case 1:
        case 5:
          takeOne();
          break;
        case 2:
          if (buffers[0]!.resizable && !buffers[0]!.detached) buffers[0]!.resize(below(800_000));
          break;
        case 3:
          void pool.run(() => 1).catch(String);
          break;
        case 4:
          throw new Error("not to be read");
      }
      return below(2) ? below(9) : new ArrayBuffer(below(70_000));
    };
    const parts = { buffers, bad: below(6) ? 1 : () => 1, view: new Uint8Array(buffers[0]!) };
    const value = below(2)
      ? parts
      : below(2)
      ? Object.defineProperty({ ...parts }, "bad", { get: trap })
      : Object.defineProperty({ z: 1, parts }, "z", { get: trap });
    const answer = transfer(value, buffers);
    if (below(8) === 0) takeOne();
    return answer;
  };
  const any: HostFunction = function (this: HostCall, ...args) {
    if (isOver) wasCalledLate = true;
    if (calls.length < 1000 || below(50) === 0) calls.push(this);
    if (below(2)) assert.equal(this.signal.aborted, false);
    if (below(40) === 0) inspect(args, { depth: 2 });
    return answer();
  };
  const host = { any, now: sync(any) };
  const limits = {
    timeout: 5 + below(80),
    memoryLimit: (4 << below(4)) * MIB,
    hostCalls: {
      total: 1 + below(5000),
      ...(below(2) ? { concurrent: 1 + below(30) } : {}),
      ...(below(4) ? {} : { bytes: 1 + below(100_000) }),
      ...(below(4) ? {} : { totalBytes: 1 + below(1_000_000) }),
    },
    console: below(4) === 0 ? false : {
      log: () => {
        if (below(50) === 0) throw new Error("can't print");
      },
    },
    ...(below(2) ? { onProgress: () => below(500) === 0 && task.cancel() } : {}),
    ...(below(4) ? {} : { queueTimeout: 1 + below(20) }),
    ...(below(4) || process.platform !== "linux" ? {} : { cpuLimit: 1 + below(20) }),
    ...(below(4) ? {} : { resultLimit: 1 + below(100_000) }),
    ...(below(4) ? {} : { consoleLimit: 1 + below(100_000) }),
    ...(below(3) ? {} : { signal: controller.signal }),
    ...(below(4) ? {} : { maxStackSize: 65_536 << below(4) }),
  } as const;
  const args = [seed, given, undefined];
  const moves = below(3) === 0;
  const hears = "onProgress" in limits;
  const task: Deferred<unknown> = below(2)
    ? pool.defer(
      harass as never,
      { args, host, ...limits, ...(moves ? { transfer: [given] } : {}) } as never,
    )
    : pool.eval(
      `(${harass})(seed, given, (url) => import(url), ${hears ? "{ ...h, report }" : "h"})`,
      {
        scope: { seed, given },
        host: { h: host },
        loader: loaderOf(below),
        ...limits,
        ...(moves ? { transfer: [given] } : {}),
      },
    );
  const over = (): void => void (isOver = true);
  task.then(over, over);
  const cancel = (): void => {
    task.cancel();
    isOver = true;
  };
  if (below(5) === 0) void pause(below(12)).then(cancel);
  if (below(5) === 0) void pause(below(12)).then(() => controller.abort("enough"));
  if (hears && below(3) === 0) {
    void (async () => {
      for await (const _ of task.progress) await pause(below(3));
    })();
  }
  return {
    task,
    check: async (outcome) => {
      const end = outcome.status === "fulfilled" ? outcome.value : outcome.reason;
      assert.ok(!(end instanceof InternalError), `an InternalError: ${inspect(end)}`);
      inspect(end, { depth: 3, maxArrayLength: 10 });
      for (const { signal } of calls) assert.ok(signal.aborted, "a call's signal says the end");
      const before = offered.length;
      for (const answer of late) answer();
      await pause(10);
      for (const [i, { buffers, isRefused }] of offered.entries()) {
        const detached = buffers.filter((buffer) => buffer.detached).length;
        if (isRefused || i >= before) assert.equal(detached, 0, "what is not sent stays");
        else assert.ok(detached === 0 || detached === buffers.length, "all are moved, or none is");
      }
      assert.ok(!wasCalledLate, "nobody calls for a task that has ended");
    },
  };
}
