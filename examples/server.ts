/**
 * A web server with a heavy job on a schedule. The job runs off the main thread, so that requests
 * are answered meanwhile; then it is run on the main thread, to show the difference.
 *
 *   deno run --allow-ffi --allow-net examples/server.ts
 *   bun examples/server.ts
 *   node examples/server.ts
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { DeferredPool } from "../mod.ts";

interface Order {
  readonly customer: number;
  readonly cents: number;
}
interface Report {
  readonly made: Date;
  readonly total: number;
  readonly best: number;
}

/** The report of all orders: the job. */
function report(orders: readonly Order[], milliseconds: number): Report {
  const end = Date.now() + milliseconds; // as if there were more of them
  const totals = new Map<number, number>();
  do {
    totals.clear();
    for (const { customer, cents } of orders) {
      totals.set(customer, (totals.get(customer) ?? 0) + cents);
    }
  } while (Date.now() < end);
  const [best] = [...totals].reduce((a, b) => b[1] > a[1] ? b : a);
  return { made: new Date(), total: [...totals.values()].reduce((a, b) => a + b), best };
}

const orders: Order[] = Array.from({ length: 5000 }, (_, i) => ({
  customer: i * 7919 % 97,
  cents: 100 + i * 104729 % 9900,
}));

const pool = new DeferredPool({ maxThreads: 1 });
let latest: Report = report(orders, 0);

const server = createServer((_, response) => {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(latest));
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const { port } = server.address() as AddressInfo;

/** A request is due every 10 ms while the job comes three times; how late the latest answer is. */
async function latestAnswer(job: () => Promise<Report>): Promise<{ ms: number; answers: number }> {
  let busy = true;
  const schedule = (async () => {
    for (let i = 0; i < 3; i++) {
      latest = await job();
      await sleep(30);
    }
    busy = false;
  })();
  let ms = 0;
  let answers = 0;
  for (let due = performance.now(); busy; due += 10) {
    await sleep(Math.max(0, due - performance.now()));
    await (await fetch(`http://127.0.0.1:${port}/`)).json();
    ms = Math.max(ms, performance.now() - due);
    answers++;
  }
  await schedule;
  return { ms, answers };
}

const jobMs = 150;
await latestAnswer(() => pool.run(report, orders, 1)); // everything has run once
const off = await latestAnswer(() => pool.run(report, orders, jobMs));
const on = await latestAnswer(() => Promise.resolve(report(orders, jobMs)));

const line = (where: string, { ms, answers }: { ms: number; answers: number }) =>
  console.log(
    `${where}  ${String(answers).padStart(3)} answers, the latest by ${ms.toFixed(0)} ms`,
  );
console.log(`a job of ${jobMs} ms, three times; a request every 10 ms\n`);
line("  in a task           ", off);
line("  on the main thread  ", on);
console.log(`\nthe report: ${latest.total / 100} in all, customer ${latest.best} bought most`);

server.close();
server.closeAllConnections();
await pool.close();
