/**
 * A rules engine: rules that customers write, which call `log` and `lookup(key)` of this program.
 *
 * A rule is text. It sees its order, and the functions in `host`, each of which gives a promise. While
 * it waits for an answer it has no thread, so a thousand rules that wait need no more than one.
 *
 *   deno run --allow-ffi examples/rules.ts
 *   bun examples/rules.ts
 *   node examples/rules.ts
 */
import { DeferredPool, type HostCall } from "../mod.ts";

const store = new Map<unknown, unknown>([
  ["customer/1", { name: "Ada", orders: 12 }],
  ["customer/2", { name: "Bob", orders: 1 }],
  ["rate/vip", 0.1],
]);

/** As a database would: later. */
async function lookup(this: HostCall, key: string): Promise<unknown> {
  await new Promise((resolve) => setTimeout(resolve, 5));
  this.signal.throwIfAborted(); // the rule has ended meanwhile: nobody waits
  if (!store.has(key)) throw new RangeError(`there is no ${JSON.stringify(key)}`);
  return store.get(key);
}

function log(this: HostCall, text: string): void {
  console.log(`${this.task}: ${text}`);
}

await using pool = new DeferredPool({
  maxThreads: 1,
  cpuLimit: 1000, // of its own work
  timeout: 60_000, // with what it waits for: answers, and its turn among a thousand others
  memoryLimit: 16 * 2 ** 20,
  hostCalls: { total: 100 },
  host: { log, lookup },
});

const rules = {
  discount: `
    const { name, orders } = await lookup("customer/" + order.customer);
    if (orders < 10) return 0;
    log(name + " has ordered " + orders + " times");
    return order.total * await lookup("rate/vip");`,
  shipping: `order.total > 50 ? 0 : 4.95`,
  stranger: `
    await lookup("customer/99")`,
  misspelt: `await lookUp("rate/vip")`,
  unfinished: `
    if (order.total > 50) {
      return 0;`,
  forgetful: `() => order.total`,
  greedy: `for (let n = 0; ; n++) await lookup("customer/1")`,
  patient: `await scheduler.wait(1e9)`,
};

/** What is wrong, and on which line of the rule. */
function reasonOf({ message, stack }: Error, name: string): string {
  const line = /:(\d+):\d+\)?$/m.exec(stack?.split("\n").find((at) => at.includes(name)) ?? "")
    ?.[1];
  return line === undefined ? message : `${message} (line ${line})`;
}

const order = { customer: 1, total: 80 };
for (const [name, rule] of Object.entries(rules)) {
  const filename = `${name}.js`;
  await pool.eval(rule, { name, filename, timeout: 1000, scope: { order } }).then(
    (worth) => console.log(`${name} = ${worth}`),
    (error: Error) => console.log(`${name}: ${reasonOf(error, filename)}`),
  );
}

const many = Array.from(
  { length: 1000 },
  (_, i) => pool.eval(rules.discount, { name: `order ${i}`, scope: { order: { customer: 2 } } }),
);
const none = (await Promise.all(many)).filter((worth) => worth === 0);
console.log(`${none.length} rules waited at once, on ${pool.threads} thread`);
