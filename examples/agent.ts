/**
 * The sandbox of an agent: code that a model writes calls tools of this program, in groups by name.
 * What it prints is captured, and what goes wrong is told so that the model can mend it: the message,
 * the line and a mark under the column. The model here is a list of answers.
 *
 *   deno run --allow-ffi examples/agent.ts
 *   bun examples/agent.ts
 *   node examples/agent.ts
 */
import { inspect } from "node:util";
import { DeferredPool, type HostCall } from "../mod.ts";

// --- the tools ------------------------------------------------------------------------------------

interface User {
  readonly id: number;
  readonly name: string;
  readonly city: string;
}
const all: User[] = [
  { id: 1, name: "Ada", city: "London" },
  { id: 2, name: "Kurt", city: "Brno" },
  { id: 3, name: "Emmy", city: "Erlangen" },
];

const users = {
  /** As a database would: later, and not for those who have gone. */
  async find(this: HostCall, where: Partial<User>): Promise<User[]> {
    await new Promise((resolve) => setTimeout(resolve, 5));
    this.signal.throwIfAborted();
    const wanted = Object.entries(where) as [keyof User, unknown][];
    return all.filter((user) => wanted.every(([key, value]) => user[key] === value));
  },
};

const tools = {
  weather(city: string): { degrees: number } {
    // What comes out of the sandbox is a stranger's: it may be anything.
    if (typeof city !== "string") throw new TypeError("weather: city must be a string");
    return { degrees: city.length * 3 };
  },
};

// --- the sandbox ----------------------------------------------------------------------------------

/** What the model is told of its code. */
interface Outcome {
  readonly printed: string[];
  readonly result?: unknown;
  readonly error?: string;
}

const pool = new DeferredPool({
  maxThreads: 2,
  timeout: 500, // waiting included
  memoryLimit: 16 * 2 ** 20,
  host: { users, tools },
});

async function run(code: string, show: (step: unknown) => void): Promise<Outcome> {
  const printed: string[] = [];
  const print = (...values: unknown[]) => void printed.push(values.map(text).join(" "));
  try {
    const result = await pool.eval(code, {
      name: "code",
      console: { log: print, info: print, warn: print, error: print },
      onProgress: show,
    });
    return { printed, result };
  } catch (error) {
    return { printed, error: explain(error, code) };
  }
}

/** A value of the sandbox's, in a line of bounded length. */
function text(value: unknown): string {
  const whole = typeof value === "string" ? value : inspect(value, { breakLength: Infinity });
  return whole.length > 200 ? `${whole.slice(0, 200)}…` : whole;
}

/** What went wrong, and where: the first place in a stack that lies in the code. */
function explain(thrown: unknown, code: string): string {
  if (!(thrown instanceof Error)) return `thrown: ${text(thrown)}`;
  const message = `${thrown.name}: ${thrown.message}`;
  const [, row, column] = /^ +at (?:.* \()?code:(\d+):(\d+)\)?$/m.exec(thrown.stack ?? "") ?? [];
  if (row === undefined || column === undefined) return message;
  const line = code.split("\n")[Number(row) - 1] ?? "";
  return `${message}\n  line ${row}, column ${column}:\n  ${line}\n  ${
    " ".repeat(Number(column) - 1)
  }^`;
}

// --- the agent ------------------------------------------------------------------------------------

const answers = [
  // It forgets a bracket,
  `const found = await users.find({ city: "Brno" };
return found;`,
  // misspells a property,
  `const [user] = await users.find({ city: "Brno" });
console.log("found", user);
return user.nmae.toUpperCase();`,
  // calls a tool with something else,
  `const [user] = await users.find({ name: "Kurt" });
return await tools.weather(user);`,
  // does not come to an end,
  `for (let i = 0; ; i++) report("step " + i % 3);`,
  // and is right at last.
  `const everybody = await users.find({});
const warmest = { degrees: -Infinity };
for (const { name, city } of everybody) {
  report(name);
  const { degrees } = await tools.weather(city);
  if (degrees > warmest.degrees) Object.assign(warmest, { name, degrees });
}
console.log("asked for", everybody.length, "cities");
return warmest;`,
];

for (const [turn, code] of answers.entries()) {
  let last: unknown;
  const { printed, result, error } = await run(code, (step) => last = step);
  console.log(`--- turn ${turn + 1}`);
  for (const line of printed) console.log(`printed: ${line}`);
  if (last !== undefined) console.log(`reported last: ${text(last)}`);
  console.log(error ?? `result: ${text(result)}`);
}
await pool.close();
