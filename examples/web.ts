/**
 * A web service that runs rules which its users wrote: each is stored as text, compiled in a task of
 * its own, and sees its order and nothing else. What is wrong with a rule is the user's answer, with its
 * line; what takes too long or too much ends, and the service goes on.
 *
 * `handle` takes a Request and gives a Response, as Deno.serve({ fetch }), Bun.serve({ fetch }) and Hono
 * (app.all("*", ({ req }) => handle(req.raw))) want it. Here a few requests are made without a network.
 *
 *   deno run --allow-ffi examples/web.ts
 *   bun examples/web.ts
 *   node examples/web.ts
 */
import { DeferredError, DeferredPool } from "../mod.ts";

const pool = new DeferredPool({
  timeout: 100,
  memoryLimit: 16 * 2 ** 20,
  resultLimit: 64 * 2 ** 10,
  console: false,
});

const rules = new Map<string, string>();

/** PUT /rules/NAME stores a rule; POST /rules/NAME runs it for an order, which is JSON. */
async function handle(request: Request): Promise<Response> {
  const [, folder, name = ""] = new URL(request.url).pathname.split("/");
  if (folder !== "rules") return new Response("not found", { status: 404 });
  if (request.method === "PUT") {
    rules.set(name, (await request.text()).slice(0, 10_000));
    return new Response(null, { status: 204 });
  }
  const rule = rules.get(name);
  if (rule === undefined) return new Response("there is no such rule", { status: 404 });
  try {
    const scope = { order: await request.json() };
    const signal = request.signal; // nobody waits any more: it ends
    return Response.json({ worth: await pool.eval(rule, { name, filename: name, scope, signal }) });
  } catch (error) {
    return Response.json({ error: reasonOf(error, name) }, { status: statusOf(error) });
  }
}

/** What the user is told: the message, and the line of the rule. */
function reasonOf(error: unknown, name: string): string {
  if (!(error instanceof Error)) return "the rule threw something that is no error";
  const line = error.stack?.split("\n").find((line) => line.includes(`${name}:`));
  const row = line === undefined ? undefined : /:(\d+):\d+\)?$/.exec(line)?.[1];
  return row === undefined ? error.message : `${error.message} (line ${row})`;
}

/** A limit that was reached is the rule's fault as well, but says so. */
function statusOf(error: unknown): number {
  const isLimit = error instanceof DeferredError || (error as Error)?.name === "TimeoutError";
  return isLimit ? 429 : 422;
}

const ask = async (method: string, path: string, body: string): Promise<void> => {
  const response = await handle(new Request(`http://localhost${path}`, { method, body }));
  console.log(method, path, response.status, await response.text());
};
const written = {
  discount: "order.total > 50 ? order.total / 10 : 0",
  typo: "const { total } = order;\nreturn totl / 10;",
  endless: "for (;;);",
  greedy: "const all = [];\nfor (;;) all.push(new Array(1000));",
  nosy: "typeof fetch + typeof process + Object.keys(globalThis).includes('rules')",
};
for (const [name, rule] of Object.entries(written)) await ask("PUT", `/rules/${name}`, rule);
for (const name of [...Object.keys(written), "none"]) {
  await ask("POST", `/rules/${name}`, JSON.stringify({ total: 80 }));
}
await pool.close();
