/**
 * Old runtimes: each lacks some of what is newer than it. Here it is taken away before the package
 * is imported.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MOD, runProgram } from "./support/process.ts";

/** What Node.js 20, or a Deno or Bun of its time, does not have, or is about to get. */
const NEW = [
  "globalThis.Iterator",
  "ArrayBuffer.prototype.detached",
  "ArrayBuffer.prototype.transfer",
  "String.prototype.isWellFormed",
  "Promise.withResolvers",
  "Promise.try",
  "Array.fromAsync",
  "Object.groupBy",
  "Set.prototype.union",
  "Iterator.prototype.map",
  "Uint8Array.fromBase64",
  "RegExp.escape",
  "JSON.rawJSON",
];

/** How a program ends that imports the package after `before`, and runs a task. */
async function importAfter(before: string): Promise<string> {
  const program = `${before}
    try {
      const { Deferred } = await import(${JSON.stringify(MOD)});
      console.log(await Deferred.run((n) => n + 1, 1));
    } catch (error) {
      console.log(error.code, error.message);
    }`;
  const { code, stdout, stderr } = await runProgram(program, { bare: true });
  assert.equal(code, 0, stderr);
  return stdout.trim();
}

const REFUSED =
  /^ERR_DEFERRED_LIBRARY Deferred needs Deno 2\.9, Bun 1\.4 or Node\.js 26\.1 \(to 26\.8 with --experimental-ffi\), or newer; this is (Deno|Bun|Node\.js) \d+\.\d/;

const without = (name: string): string => {
  const at = name.lastIndexOf(".");
  return `delete ${name.slice(0, at)}[${JSON.stringify(name.slice(at + 1))}];`;
};

test("a runtime that is too old is refused by name, and by what it would need", async () => {
  assert.match(await importAfter(NEW.toReversed().map(without).join("\n")), REFUSED);
});

for (const name of NEW) {
  test(`without ${name} the package works, or says what it needs`, async () => {
    assert.match(await importAfter(without(name)), new RegExp(`^2$|${REFUSED.source}`));
  });
}
