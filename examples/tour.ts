/**
 * The tour: what a Deferred does, in seven stops. The same file runs on Deno, Bun and Node.
 *
 *   npm start                                     builds, and runs it on all three
 *   deno run --allow-ffi --allow-env examples/tour.ts
 *   bun examples/tour.ts
 *   node examples/tour.ts
 *
 * Pleasant on a terminal, plain when piped; NO_COLOR is honoured. The exit code is 1 if anything
 * was not as it should be.
 */
import process from "node:process";
import { Deferred } from "../mod.ts";

/* ---- how it looks ---------------------------------------------------------------------------- */

const terminal = process.stdout.isTTY === true && process.env.TERM !== "dumb";
const coloured = terminal && !process.env.NO_COLOR;
const style = (open: number, close: number) => (text: string): string =>
  coloured ? `\x1b[${open}m${text}\x1b[${close}m` : text;
const bold = style(1, 22), dim = style(2, 22), red = style(31, 39), green = style(32, 39);

const runtime = process.versions.bun
  ? `Bun ${process.versions.bun}`
  : process.versions.deno
  ? `Deno ${process.versions.deno}`
  : `Node ${process.versions.node}`;

function time(ms: number): string {
  return ms < 10
    ? `${ms.toFixed(2)} ms`
    : ms < 1000
    ? `${ms.toFixed(0)} ms`
    : `${(ms / 1000).toFixed(1)} s`;
}

let passed = 0;
let failed = 0;

/** One line: what it was, what came of it, how long its worker took, and which that was. */
function line(ok: boolean, title: string, result: string, tasks: Deferred<unknown>[]): void {
  if (ok) passed++;
  else failed++;
  const ran = tasks.flatMap((task) => task.stats ?? []);
  const ms = Math.max(0, ...ran.map((stats) => stats.runTime));
  const workers = ran.map((stats) => stats.worker);
  const who = workers.length === 0 ? "no worker" : `worker ${workers.join(", ")}`;
  const mark = ok ? green("✓") : red("✗");
  console.log(
    `  ${mark} ${title.padEnd(22)} ${result.padEnd(37)} ${time(ms).padStart(8)}   ${dim(who)}`,
  );
}

const inspect = (value: unknown): string => typeof value === "string" ? `"${value}"` : `${value}`;

/** Waits for tasks and tells how they ended: each must give the expected text. */
async function stop(title: string, expected: string, ...tasks: Deferred<unknown>[]): Promise<void> {
  const ends = await Promise.allSettled(tasks);
  const texts = ends.map((end) =>
    end.status === "fulfilled" ? inspect(end.value) : `caught ${end.reason}`
  );
  const ok = texts.every((text) => text === expected);
  const shown = ok && tasks.length > 1 ? `${tasks.length} × ${expected}` : texts.join(", ");
  line(ok, title, ok ? shown : `${shown}, not ${expected}`, tasks);
}

/* ---- what it shows --------------------------------------------------------------------------- */

console.log(`\n${bold("@protojs/deferred")} on ${bold(runtime)}\n`);
const begin = performance.now();

await stop(
  "loop to 1,000,000",
  "1000000",
  new Deferred(() => {
    let x = 0;
    while (x < 1_000_000) x++;
    return x;
  }),
);

await stop("42 * 2", "84", Deferred.run((n: number) => n * 2, 42));

await stop(
  "a string reversed",
  '"Deferred_Execution_Works"',
  Deferred.run((text: string) => [...text].reverse().join(""), "skroW_noitucexE_derrefeD"),
);

await stop(
  "fib(20)",
  "6765",
  Deferred.run(function fib(n: number): number {
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
  }, 20),
);

await stop(
  "an error thrown",
  "caught Error: Intentional test error",
  new Deferred(() => {
    throw new Error("Intentional test error");
  }),
);

const sum = (limit: number): number => {
  let total = 0;
  for (let i = 1; i <= limit; i++) total += i;
  return total;
};
await stop(
  "three sums at once",
  "5000050000",
  Deferred.run(sum, 100_000),
  Deferred.run(sum, 100_000),
  Deferred.run(sum, 100_000),
);

// A task that keeps its worker busy for half a second, while the event loop here ticks on.
{
  const title = "busy task, free loop";
  let ticks = 0;
  const timer = setInterval(() => {
    ticks++;
    if (terminal) process.stdout.write(`\r    ${title.padEnd(22)} ${dim("▪".repeat(ticks))}`);
  }, 25);
  const task = Deferred.run((ms: number) => {
    const end = Date.now() + ms;
    while (Date.now() < end);
    return "done";
  }, 500);
  const result = await task.catch((error: unknown) => `${error}`);
  clearInterval(timer);
  if (terminal) process.stdout.write("\r\x1b[K");
  // On a machine with nothing else to do there are 19; a blocked loop would have none.
  const ok = result === "done" && ticks >= 3;
  const shown = `${ticks} ticks ${terminal ? "▪".repeat(ticks) : "meanwhile"}`;
  line(ok, title, ok ? shown : `${shown}, ${result}`, [task]);
}

const all = time(performance.now() - begin);
const verdict = failed === 0 ? green(`all ${passed} as they should be`) : red(`${failed} wrong`);
console.log(`\n  ${bold(runtime)}: ${verdict} ${dim(`in ${all}`)}`);
process.exitCode = failed === 0 ? 0 : 1;
