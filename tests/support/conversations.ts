/**
 * Tasks that talk with their host, made of random numbers, for conversations_test.ts. Each function
 * uses nothing from around it: it runs in a task, and `converse` in the host as well.
 *
 * @module
 */

/** A function of the host as these tasks find it. */
export interface Method {
  (...args: unknown[]): unknown;
  with(options: { readonly transfer: readonly ArrayBuffer[] }): (...args: unknown[]) => unknown;
}

/** What {@linkcode converse} finds. */
export interface Polite {
  readonly echo: Method;
  readonly later: Method;
  readonly fail: Method;
  readonly refuse: Method;
  readonly load: Method;
  readonly store: Method;
  readonly swap: Method;
  readonly nest: Method;
  readonly add: Method;
  readonly report?: (value: unknown) => void;
}

/** What {@linkcode harass} finds. */
export interface Harassed {
  readonly any: Method;
  readonly now: Method;
  readonly report?: (value: unknown) => void;
}

/**
 * Calls functions of the host in all ways that have an outcome, and gives what came of each call,
 * and what was printed.
 */
export async function converse(
  seed: number,
  inTask: boolean,
  host: Polite,
): Promise<[seen: unknown[], said: string[]]> {
  let state = seed;
  const below = (limit: number): number => { // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
  const one = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const said: string[] = [];
  const say = (text: string): void => {
    said.push(text);
    if (inTask) console.log(text);
  };
  const bytes = (): Uint8Array<ArrayBuffer> =>
    new Uint8Array(below(40) ? one([0, 1, 9, 4096, 65_535, 65_536, 300_000]) : 4_200_000)
      .fill(1 + below(255));
  const sum = (of: Uint8Array): string =>
    `${of.length}: ${of[0]} ${of[of.length >> 1]} ${of.at(-1)}`;
  const told = async (work: () => unknown): Promise<unknown> => {
    try {
      return ["gives", await work()];
    } catch (error) {
      if (!(error instanceof Error || error instanceof DOMException)) return ["throws", error];
      // Messages of what can't be cloned are each engine's own.
      return ["throws", error.name, error.name === "DataCloneError" ? "" : error.message];
    }
  };
  const value = (depth: number): unknown => {
    switch (depth > 3 ? 9 : below(12)) {
      case 0:
        return Array.from({ length: below(5) }, () => value(depth + 1));
      case 1:
        return { a: value(depth + 1), b: { c: value(depth + 1) } };
      case 2: {
        const inner = value(depth + 1);
        return Object.defineProperty({}, "got", { get: () => inner, enumerable: true });
      }
      case 3:
        return new Map([[below(9), value(depth + 1)]]);
      case 4:
        return new Set([value(depth + 1)]);
      case 5:
        return new Uint16Array([below(9), below(9)]);
      case 6:
        return new Date(below(2 ** 31));
      case 7:
        return "text".repeat(below(2000));
      case 8:
        return 2n ** BigInt(below(300));
      default:
        return below(1000);
    }
  };
  const step = async (depth: number): Promise<unknown> => {
    switch (below(depth > 2 ? 11 : 15)) {
      case 0:
        return host.echo(value(0), value(0));
      case 1:
        return host.later(value(0), below(3));
      case 2:
        return host.fail(one(["Error", "RangeError", "value"]), value(0));
      case 3:
        return one([() => host.refuse(1), () => host.echo(() => 1)])();
      case 4: {
        const got = await host.load(one([0, 8, 65_535, 65_536, 700_000]), below(256)) as Uint8Array;
        const before = sum(got);
        if (below(2)) return before;
        const stored = await host.store.with({ transfer: [got.buffer as ArrayBuffer] })(got);
        return [before, stored, got.length];
      }
      case 5: {
        const mine = bytes();
        const stored = await host.store.with({ transfer: [mine.buffer] })(mine);
        return [stored, mine.length, mine.buffer.detached];
      }
      case 6: {
        const mine = bytes();
        const back = await host.swap.with({ transfer: [mine.buffer] })([mine]) as [Uint8Array];
        return [mine.length, sum(back[0])];
      }
      case 7: { // refused: it leaves the buffers
        const mine = bytes(), gone = new ArrayBuffer(8);
        structuredClone(gone, { transfer: [gone] });
        const transfer = one([[mine.buffer, mine.buffer], [mine.buffer, gone]]);
        return [await told(() => host.store.with({ transfer })(mine)), sum(mine)];
      }
      case 8:
        return host.add(below(100), below(4) ? below(100) : "x");
      case 9: {
        const text = `${seed}: ${"line ".repeat(below(50))}`;
        say(text);
        return host.report?.(text);
      }
      case 10:
        await new Promise((resolve) => setTimeout(resolve, below(3)));
        return "slept";
      case 11: // many at once
        return Promise.all(Array.from({ length: below(30) }, () => told(() => step(depth + 1))));
      case 12:
        return host.nest(below(1000));
      case 13: { // a stream of answers
        let left = 1 + below(5);
        const got: unknown[] = [];
        const stream = new ReadableStream({
          async pull(controller) {
            controller.enqueue(await host.later(left, 0));
            if (--left === 0) controller.close();
          },
        });
        for await (const chunk of stream) got.push(chunk);
        return got;
      }
      default: { // one that is due before another, which nobody awaits
        void Promise.resolve(host.later(1, 50)).catch(() => {});
        const signal = AbortSignal.timeout(1);
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        return (signal.reason as Error).name;
      }
    }
  };
  const seen: unknown[] = [];
  for (let count = 1 + below(12); count > 0; count--) seen.push(await told(() => step(0)));
  return [seen, said];
}

/**
 * Calls, reports, prints, waits and imports as no one should, with arguments that do so too when
 * they are looked at: what comes of it nobody knows, only that it ends.
 */
export function harass(
  seed: number,
  given: ArrayBuffer,
  load: ((url: string) => Promise<unknown>) | undefined,
  host: Harassed,
): unknown {
  let state = seed;
  const below = (limit: number): number => { // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
  const { defineProperty, deleteProperty, ownKeys } = Reflect;
  const { apply } = Reflect, { then } = Promise.prototype;
  const { any, now, report } = host;
  const one = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const buffers: ArrayBuffer[] = [given, new ArrayBuffer(8, { maxByteLength: 200_000 })];
  const promises: unknown[] = [];
  const attempt = (work: () => unknown): unknown => {
    try {
      return work();
    } catch (error) {
      return error;
    }
  };
  const kept = (made: unknown): unknown => {
    promises[promises.length < 50 ? promises.length : below(50)] = made;
    return made;
  };
  const quiet = (made: unknown): unknown =>
    attempt(() => apply(then, made, [() => {}, () => {}])) && made;
  let hooks = 0;
  const hook = (): () => unknown => {
    const mine = below(2 ** 31);
    return () => {
      if (++hooks > 200) return 1;
      const before = state;
      state = mine + hooks;
      const got = attempt(act);
      state = before;
      if (mine % 9 === 0) throw got;
      return mine % 3 ? mine % 100 : got;
    };
  };
  const withHook = <T extends object>(target: T, key: string): T => {
    defineProperty(target, key, { get: hook(), enumerable: true, configurable: true });
    return target;
  };
  const value = (depth: number): unknown => {
    switch (depth > 4 ? 99 : below(16)) {
      case 0:
      case 1:
        return withHook(
          { x: 1, y: one(buffers), z: 2, deep: value(depth + 1) },
          one(["w", "x", "z"]),
        );
      case 2:
        return withHook([value(depth + 1), 0, one(buffers), value(depth + 1)], "1");
      case 3:
        return new Proxy({ x: 1 }, { get: hook(), ownKeys: hook(), has: hook() } as object);
      case 4:
        return one(buffers);
      case 5:
        return attempt(() => new Uint8Array(one(buffers)));
      case 6: {
        const made = new ArrayBuffer(below(70_000), { maxByteLength: 140_000 });
        buffers[buffers.length % 20] = made;
        return [made, new Uint8Array(made)];
      }
      case 7: {
        const error = new Error("e", { cause: value(depth + 1) });
        defineProperty(error, one(["message", "stack", "name", "cause"]), { get: hook() });
        return error;
      }
      case 8:
        return { then: hook() };
      case 9:
        return "x".repeat(below(300_000));
      case 10:
        return Array.from({ length: below(3000) }, (_, i) => [i]);
      case 11:
        return one([() => 1, Symbol("s"), one(promises), globalThis, any, any.with]);
      case 12:
        return new Uint8Array(one([65_536, 600_000, 4_300_000]));
      default:
        return below(1000);
    }
  };
  const list = (): ArrayBuffer[] => {
    const made = Array.from({ length: below(4) }, () => one(buffers));
    return below(6) ? made : withHook(made, String(below(3)));
  };
  const options = (): { transfer: ArrayBuffer[] } =>
    below(6) ? { transfer: list() } : withHook({ transfer: [] }, "transfer");
  /** Does one thing. */
  function act(): unknown {
    const kind = below(30);
    switch (kind) {
      case 0:
      case 1:
      case 2:
        return kept(any(value(0), value(0)));
      case 3:
      case 4:
        return quiet(kept(any(value(0))));
      case 5:
      case 6: {
        const transfer = list();
        return quiet(kept(any.with({ transfer })(...transfer, value(0))));
      }
      case 7:
        return quiet(kept(any.with(options())(value(0), one(buffers))));
      case 8:
        return now(value(0));
      case 9: {
        const transfer = list();
        return now.with({ transfer })(...transfer);
      }
      case 10:
      case 11:
        return report?.(value(0));
      case 12:
        return console[one(["log", "error", "table", "dir"] as const)](value(0), value(1));
      case 13:
        for (let count = below(3000); count > 0; count--) console.log("flood", count);
        return 0;
      case 14:
        for (let count = below(2000); count > 0; count--) quiet(any(count));
        return 0;
      case 15:
        for (let count = below(2000); count > 0; count--) report?.([count]);
        return 0;
      case 16:
        return setTimeout(hook(), below(20));
      case 17: {
        const timer = setInterval(hook(), below(5));
        return below(2) ? setTimeout(() => clearInterval(timer), 10) : timer;
      }
      case 18:
        return AbortSignal.timeout(below(9)).addEventListener("abort", hook());
      case 19: {
        const wait = (globalThis as { scheduler?: { wait: (...all: unknown[]) => unknown } })
          .scheduler;
        return quiet(kept(wait?.wait(below(20), { signal: AbortSignal.timeout(below(20)) })));
      }
      case 20:
        return quiet(kept(load?.(`m:${below(12)}`)));
      case 21: {
        const stream = new ReadableStream({ pull: hook(), cancel: hook() } as object);
        return quiet(kept(stream.getReader().read()));
      }
      case 22:
        return attempt(() => one(buffers).resize(below(200_000)));
      case 23:
        return attempt(() => buffers[below(20)] = one(buffers).transfer(below(100_000)));
      case 24:
        return defineProperty(
          one([Promise.prototype, Array.prototype, Object.prototype, ArrayBuffer.prototype]),
          one(["then", "constructor", "0", "1", "transfer", "length", "get", "detached"]),
          { get: hook(), set: hook(), configurable: true },
        );
      case 25: {
        const { prototype } = one<{ prototype: object }>([Promise, Array, ArrayBuffer, Map, Error]);
        return deleteProperty(prototype, one(ownKeys(prototype)));
      }
      case 26:
        return queueMicrotask(hook());
      case 27:
        return quiet(kept(Promise.race([one(promises), any(1)])));
      case 28: {
        const own = { then: hook(), constructor: hook() };
        return quiet(kept(Object.setPrototypeOf(any(2) as object, own)));
      }
      default:
        return quiet(kept(Promise.all([any(value(0)), any(value(0)), one(promises)])));
    }
  }
  for (let count = below(25); count > 0; count--) attempt(act);
  switch (below(12)) {
    case 0:
      for (;;) attempt(act);
    case 1:
      return new Promise(() => {});
    case 2:
      throw attempt(() => value(0));
    case 3:
      return (async () => {
        for (;;) attempt(act), await null;
      })();
    case 4:
      return (async () => {
        for (;;) await any(await attempt(act));
      })();
    case 5:
      return value(0);
    case 6:
      return one(promises);
    default:
      return (async () => {
        for (let count = below(30); count > 0; count--) await attempt(act);
        return below(2) ? value(0) : Promise.allSettled(promises);
      })();
  }
}
