/**
 * A host whose prototypes somebody changed: what the package does of its own is as ever. Every task
 * settles, limits hold, decoded values are the same.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, test } from "node:test";
import { outputOf, runtime } from "./support/process.ts";

const FIXTURE = new URL("fixtures/polluted.ts", import.meta.url).href;

/** What came of each path, `[while the shape was in place, afterwards]`. */
async function outcomes(when: string, shape: string): Promise<Record<string, string>[]> {
  const source = `process.argv.splice(2, Infinity, ${JSON.stringify(when)}, ${
    JSON.stringify(shape)
  });
await import(${JSON.stringify(FIXTURE)});`;
  const bare = `import process from "node:process";${source}`;
  return JSON.parse(await outputOf(bare, { bare: true })) as Record<string, string>[];
}

/** Names that programs are known to have put on Object.prototype, or that options have. */
const NAMES = [
  "value",
  "get",
  "set",
  "writable",
  "enumerable",
  "configurable",
  "args",
  "signal",
  "pool",
  "timeout",
  "memoryLimit",
  "name",
  "transfer",
  "classes",
  "allowGlobals",
  "with",
  "then",
  "toJSON",
  "cause",
  "errors",
].map((name) => `Object.prototype.${name}`);

const SETTERS = [
  "Object.prototype.a, with a setter",
  "Object.prototype[0], with a setter",
  "Array.prototype[0], with a setter",
  "Array.prototype[1], with a setter",
  "Array.prototype[40]",
];

const FROZEN = ["Error", "Promise", "Array", "Object"].map((name) => `a frozen ${name}.prototype`);
FROZEN.push("a frozen Error");

/** Shapes in which the runtime itself can't load a module, or add a listener to a signal. */
const UNUSABLE: Readonly<Record<typeof runtime, readonly string[]>> = {
  node: ["before Object.prototype.signal"],
  bun: [
    "before Object.prototype.get",
    "before Object.prototype.set",
    "before Object.prototype.writable",
    "before a frozen Object.prototype",
  ],
  deno: [
    "before Object.prototype.value",
    "before Object.prototype.get",
    "before Object.prototype.set",
    "before Object.prototype.writable",
    "before Object.prototype.signal",
    "during Object.prototype.signal",
    // It tells a signal's listeners nothing, and calls what is no function instead of a tick's.
    "during Object.prototype[0], with a setter",
    "during Array.prototype[0], with a setter",
    "during Array.prototype[1], with a setter",
  ],
};

const normal = outcomes("during", "none");

for (const when of ["during", "before"]) {
  const shapes = when === "during" ? [...NAMES, ...SETTERS] : [...NAMES, ...FROZEN];
  describe(when === "during" ? "changed after the import" : "changed before the import", () => {
    for (const shape of shapes) {
      const skip = UNUSABLE[runtime].includes(`${when} ${shape}`) &&
        "the runtime itself fails then";
      test(shape, { skip }, async () => {
        const [expected] = await normal;
        const [during, after] = await outcomes(when, shape);
        assert.deepEqual(during, expected);
        assert.deepEqual(after, expected, "when it is as ever again");
      });
    }
  });
}

describe("changed after the import, before the first task that the host waits for", () => {
  for (const key of ["value", "get", "set", "writable"]) {
    test(`Object.prototype.${key}`, async () => {
      const said = await outputOf(`
        Object.prototype.${key} = 1;
        const said = await Deferred.run(() => {
          for (const start = performance.now(); performance.now() - start < 50;); // it parks
          throw new Error("thrown");
        }).catch(({ message }) => message);
        delete Object.prototype.${key};
        console.log(said);`);
      assert.equal(said, "thrown");
    });
  }
});

test("descriptors have no prototype, in all that defines properties of the host's", () => {
  const lacking: string[] = [];
  for (const folder of ["../src/", "../ffi/"]) {
    const path = fileURLToPath(new URL(folder, import.meta.url));
    for (
      const file of readdirSync(path, { recursive: true, encoding: "utf8" }).filter((name) =>
        name.endsWith(".ts")
      )
    ) {
      if (file.endsWith("helpers.ts")) continue; // what it defines runs in tasks
      const text = readFileSync(path + file, "utf8");
      for (
        const { index } of text.matchAll(/\b(Object|Reflect)\.(defineProperty|defineProperties)\(/g)
      ) {
        const line = text.slice(text.lastIndexOf("\n", index) + 1, text.indexOf("\n", index));
        if (line.includes("globalThis, name")) continue; // runs in a task
        const call = text.slice(Math.max(0, index - 120), index + 200);
        if (!call.includes("__proto__: null")) lacking.push(`${file}: ${line.trim()}`);
      }
    }
  }
  assert.deepEqual(lacking, []);
});
