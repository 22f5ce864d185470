/**
 * The event loop as it was when this module was loaded: its timers, its clock, and the async
 * context that belongs to no request.
 *
 * Tests replace timers and clocks by fake ones, and their tasks must go on. What is taken here is
 * the runtime's own, even if the globals were fake before; except on Bun, whose `node:timers` hands
 * out whatever is global at the time.
 *
 * @module
 */
import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
import { performance } from "node:perf_hooks";

export { clearInterval, setImmediate, setInterval, setTimeout } from "node:timers";

const clock = Object.getPrototypeOf(performance) as { now?: () => number };

/** Ms since some moment. */
export const now: () => number = (clock.now ?? performance.now).bind(performance);

/**
 * Calls a function with one argument outside every user's async context. Whatever outlives a user's
 * call (a socket, an immediate that settles others' tasks) is made that way. Otherwise it would
 * keep that user's AsyncLocalStorage stores alive, and show them to whoever comes later.
 *
 * Of two ways to do this, the cheaper one, since it runs for every single task. On Node a snapshot
 * takes 250 ns and a resource's scope 15; on Deno 350 and 1,400.
 */
export const outside: <A, R>(call: (argument: A) => R, argument: A) => R = makeOutside();

function makeOutside(): typeof outside {
  if ("Bun" in globalThis || "Deno" in globalThis) return AsyncLocalStorage.snapshot();
  const resource = new AsyncResource("Deferred", { requireManualDestroy: true });
  return (call, argument) => resource.runInAsyncScope(call, undefined, argument);
}
