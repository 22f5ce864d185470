/**
 * Jobs that may fail, tried again: at most so many at once and so many in a second, each with a limit
 * that grows, and pauses that grow too. Nothing of it is special to tasks: a wrapped function is a
 * function, and each call of it a promise that can be cancelled.
 *
 *   deno run --allow-ffi examples/retry.ts
 *   bun examples/retry.ts
 *   node examples/retry.ts
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Deferred, type DeferredFunction } from "../mod.ts";

/** Lets callers through one after the other, `perSecond` of them. */
function rateOf(perSecond: number): () => Promise<void> {
  let next = 0;
  return async () => {
    const now = performance.now();
    const at = next = Math.max(now, next);
    next += 1000 / perSecond;
    await sleep(at - now);
  };
}

/** Whether another try may end well: a limit was reached, or the function says so. */
const mayPass = (error: unknown): boolean =>
  (error as Error).name === "TimeoutError" || (error as { retry?: boolean }).retry === true;

/** Calls a wrapped function, and again: twice the time, and a pause, for each further try. */
async function retry<A extends unknown[], T>(
  fn: DeferredFunction<A, T>,
  { tries, timeout, turn }: { tries: number; timeout: number; turn: () => Promise<void> },
  ...args: A
): Promise<Awaited<T>> {
  for (let n = 0;; n++) {
    await turn();
    try {
      return await fn.with({ timeout: timeout * 2 ** n })(...args);
    } catch (error) {
      if (n + 1 >= tries || !mayPass(error)) throw error;
      console.log(`try ${n + 1} of ${fn.name}(${args}): ${(error as Error).message}`);
      await sleep(10 * 2 ** n * (1 + Math.random()));
    }
  }
}

/** Takes the longer the larger its number is. */
const settle = Deferred.wrap(function settle(n: number) {
  const end = performance.now() + n;
  while (performance.now() < end);
  if (n < 0) throw Object.assign(new RangeError("there is no such job"), { retry: false });
  return `job ${n} is done`;
});

const turn = rateOf(50);
const started = performance.now();
const outcomes = await Promise.allSettled(
  [1, 150, 2, -1, 100_000].map((n) => retry(settle, { tries: 3, timeout: 50, turn }, n)),
);
for (const one of outcomes) {
  console.log(one.status === "fulfilled" ? one.value : `given up: ${one.reason.message}`);
}
console.log(`9 tries took 160 ms at least: ${performance.now() - started >= 160}`);
