/**
 * Recipes of docs/recipes.md that other programs run: Vitest, and Bun's compiler.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { besideLibrary } from "../ffi/load.ts";
import { HUNG, runtime } from "./support/process.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const run = promisify(execFile);

const folder = await mkdtemp(join(tmpdir(), "deferred-recipes-"));
after(() => rm(folder, { recursive: true }));
await mkdir(join(folder, "node_modules", "@protojs"), { recursive: true });
await symlink(ROOT, join(folder, "node_modules", "@protojs", "deferred"), "dir");
await symlink(join(ROOT, "node_modules", "vitest"), join(folder, "node_modules", "vitest"), "dir");
await writeFile(join(folder, "package.json"), '{ "type": "module" }');

/** The first block of code under a heading of the recipes. */
async function recipe(heading: string, language: string): Promise<string> {
  const text = await readFile(join(ROOT, "docs", "recipes.md"), "utf8");
  const section = text.slice(text.indexOf(`\n## ${heading}\n`));
  const start = section.indexOf(`\`\`\`${language}\n`) + language.length + 4;
  return section.slice(start, section.indexOf("```", start));
}

test("a test with Vitest", { skip: runtime !== "node" && "Vitest runs on Node.js" }, async () => {
  await writeFile(join(folder, "price.test.js"), await recipe("Test with Vitest", "js"));
  const vitest = join(ROOT, "node_modules", "vitest", "vitest.mjs");
  const env = { ...process.env, NO_COLOR: "1" };
  const options = { cwd: folder, env, timeout: HUNG };
  const { stdout } = await run(process.execPath, [vitest, "run"], options);
  assert.match(stdout, /Tests +1 passed/);
});

test("a program of one file", { skip: runtime !== "bun" && "Bun makes it" }, async () => {
  const main = 'import { Deferred } from "@protojs/deferred";\n' +
    "const twice = (n: number): number => n * 2;\n" +
    "console.log(await new Deferred(() => twice(21), { scope: import.meta }));\n";
  await writeFile(join(folder, "main.ts"), main);
  const [build = "", start = ""] = (await recipe("Programs of one file", "sh")).split("\n");
  const library = { DEFERRED_LIBRARY: besideLibrary("libdeferred.so") };
  await run(process.execPath, build.split(" ").slice(1), { cwd: folder, timeout: HUNG });
  assert.match(start, /^DEFERRED_LIBRARY=\S+ \.\/main$/);
  const { stdout } = await run(join(folder, "main"), [], { env: { ...process.env, ...library } });
  assert.equal(stdout.trim(), "42");
});
