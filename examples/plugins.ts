/**
 * A plugin host: plugins are modules that others wrote. The host offers them tools, and calls what they
 * export. Each call is a task of its own: a small program that imports the plugin by a name, so that what
 * a plugin exports never has to leave its realm.
 *
 *   deno run --allow-ffi examples/plugins.ts
 *   bun examples/plugins.ts
 *   node examples/plugins.ts
 */
import { DeferredPool, type HostCall, type ModuleLoader } from "../mod.ts";

/** What is stored of plugins, each for itself: the task's name says whose call it is. */
const stored = new Map<string, Map<string, unknown>>();

function storeOf({ task }: HostCall): Map<string, unknown> {
  let store = stored.get(task);
  if (store === undefined) stored.set(task, store = new Map());
  return store;
}

/** The tools. A stranger calls them: arguments are checked as those of a request. */
const host = {
  log(this: HostCall, text: unknown): void {
    console.log(`[${this.task}] ${String(text).slice(0, 200)}`);
  },
  store: {
    get(this: HostCall, key: unknown): unknown {
      return storeOf(this).get(String(key));
    },
    set(this: HostCall, key: unknown, value: unknown): void {
      const store = storeOf(this);
      if (store.size >= 100) throw new RangeError("a plugin may store 100 values");
      store.set(String(key), value);
    },
  },
};

const pool = new DeferredPool({
  timeout: 500,
  memoryLimit: 32 * 2 ** 20,
  hostCalls: { total: 1000 },
  host,
});

const plugins = new Map([
  [
    "shout",
    `export const title: string = "Shouting";
    export function render(text: string): string { return text.toUpperCase() + "!"; }`,
  ],
  [
    "count",
    `export async function render(text) {
      const seen = (await store.get("seen") ?? 0) + 1;
      await store.set("seen", seen);
      log("seen " + seen + " texts");
      return text + " #" + seen;
    }`,
  ],
  ["broken", `export function render(text) { return text.lenght.toFixed(); }`],
  ["greedy", `export function render() { for (;;); }`],
  ["nosy", `import { readFileSync } from "node:fs"; export const render = readFileSync;`],
]);

/** Gives each call its plugin, and nothing else. */
function loaderOf(name: string): ModuleLoader {
  return {
    resolve(specifier) {
      if (specifier === "plugin") return `${name}.ts`;
      throw new Error("a plugin imports nothing");
    },
    load: () => plugins.get(name)!,
  };
}

/** Calls a function that a plugin exports. */
async function call(name: string, method: string, ...args: unknown[]): Promise<unknown> {
  return await pool.eval(
    `import * as plugin from "plugin";
    if (typeof plugin[method] !== "function") throw new TypeError("it exports no " + method + "()");
    export default await plugin[method](...args);`,
    { name, type: "module", scope: { method, args }, loader: loaderOf(name) },
  );
}

for (const name of [...plugins.keys(), "count"]) {
  try {
    console.log(`${name}:`, await call(name, "render", "hello"));
  } catch (error) {
    console.log(`${name} failed: ${(error as Error).message}`);
  }
}
await call("shout", "remove").catch((error: Error) =>
  console.log(`shout failed: ${error.message}`)
);
await pool.close();
