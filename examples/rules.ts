/**
 * A rules engine: rules that customers write, with functions of this program to ask and to log by.
 *
 * A rule is text. It sees its order, and the functions in `host`, each of which gives a promise. While
 * it waits for an answer it has no thread, so a thousand rules that wait need no more than one.
 *
 *   deno run --allow-ffi examples/rules.ts
 *   bun examples/rules.ts
 *   node --experimental-ffi examples/rules.ts
 */
import { DeferredPool, type HostCall } from "../mod.ts";

const customers = new Map([[1, { name: "Ada", orders: 12 }], [2, { name: "Bob", orders: 1 }]]);

/** As a database would: later. */
async function find(this: HostCall, id: number): Promise<{ name: string; orders: number }> {
  await new Promise((resolve) => setTimeout(resolve, 5));
  this.signal.throwIfAborted(); // the rule has ended meanwhile: nobody waits
  const customer = customers.get(id);
  if (customer === undefined) throw new RangeError(`there is no customer ${id}`);
  return customer;
}

function log(this: HostCall, text: string): void {
  console.log(`${this.task}: ${text}`);
}

await using pool = new DeferredPool({
  maxThreads: 1,
  timeout: 1000,
  memoryLimit: 16 * 2 ** 20,
  host: { log, customers: { find } },
});

const rules = {
  discount: `
    const { name, orders } = await customers.find(order.customer);
    if (orders < 10) return 0;
    log(name + " has ordered " + orders + " times");
    return order.total * 0.1;`,
  shipping: `order.total > 50 ? 0 : 4.95`,
  stranger: `await customers.find(99)`,
  patient: `await scheduler.wait(1e9)`,
};

const order = { customer: 1, total: 80 };
for (const [name, rule] of Object.entries(rules)) {
  const worth = await pool.eval(rule, { name, scope: { order } }).catch(String);
  console.log(`${name} = ${worth}`);
}

const many = Array.from(
  { length: 200 },
  (_, i) => pool.eval(rules.discount, { name: `order ${i}`, scope: { order: { customer: 2 } } }),
);
const none = (await Promise.all(many)).filter((worth) => worth === 0);
console.log(`${none.length} rules waited at once, on ${pool.threads} thread`);
