/**
 * Each line of the tables in support/types.ts, and so of docs/types.md, through real tasks: what a
 * task sees of an argument, what comes back of it, what comes out of a task that made it; and what
 * the host's own structuredClone does, which the tables tell wherever it is something else.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DataCloneError, Deferred } from "../mod.ts";
import { runtime } from "./support/process.ts";
import { show } from "./support/show.ts";
import { type Outcome, type Row, tables } from "./support/types.ts";

/** How values look that arrive as `outcome` says. */
const arrived = async ({ make }: Row, outcome: Outcome): Promise<string> =>
  show(await (outcome.is === "changed" ? outcome.make : make)());

/** Whether the host has what a row needs. */
function isThere({ needs }: Row): boolean {
  let found: unknown = globalThis;
  for (const part of needs?.split(".") ?? []) found = (found as Record<string, unknown>)?.[part];
  return found !== undefined;
}

const isRefusal = (error: unknown): error is DataCloneError => error instanceof DataCloneError;

async function asArgument(row: Row): Promise<void> {
  const value = row.later ? await row.make() : row.make();
  if (row.argument.is === "refused") {
    const { advice } = row.argument;
    await assert.rejects(() => Deferred.run((v) => v, value), (error) => {
      assert.ok(isRefusal(error), String(error));
      assert.ok(error.path.startsWith("args[0]"), error.path);
      assert.match(error.message, row.called!);
      assert.ok(error.message.endsWith(advice), error.message);
      return true;
    });
    return;
  }
  const expected = await arrived(row, row.argument);
  assert.equal(await Deferred.run(show, value), expected, "what the task sees of its argument");
  assert.equal(show(await Deferred.run((v) => v, value)), expected, "what comes back of it");
}

async function asResult(row: Row): Promise<void> {
  const task = new Deferred(row.make, { allowGlobals: true });
  if (row.result.is === "refused") {
    const { advice } = row.result;
    await assert.rejects(task, (error) => {
      assert.ok(isRefusal(error) && error.path.startsWith("result"), String(error));
      const [, told = advice] = error.message.split(" can't be cloned; ");
      assert.equal(told, advice, "a task has less advice, but no other than the host");
      return true;
    });
  } else if (row.result.is === "lacking") {
    await assert.rejects(task, (error) => !isRefusal(error), "tasks have it: what becomes of it?");
  } else {
    assert.equal(show(await task), await arrived(row, row.result));
  }
}

async function byTheHost(row: Row): Promise<void> {
  const value = row.later ? await row.make() : row.make();
  let theirs;
  try {
    theirs = show(structuredClone(value));
  } catch {
    theirs = "refused";
  }
  const { argument, hosts: { [runtime]: other } } = row;
  const told = async (outcome: Outcome) =>
    outcome.is === "refused" ? "refused" : await arrived(row, outcome);
  assert.equal(theirs, await told(other ?? argument));
  if (other) assert.notEqual(theirs, await told(argument), "they do the same");
}

for (const { title, rows } of tables) {
  describe(title, () => {
    for (const row of rows) {
      const skip = isThere(row) ? false : `${runtime} has no ${row.needs}`;
      test(`${row.type}: as an argument`, { skip }, () => asArgument(row));
      test(`${row.type}: as a result`, () => asResult(row));
      test(`${row.type}: what structuredClone does`, { skip }, () => byTheHost(row));
    }
  });
}
