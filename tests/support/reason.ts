/**
 * Why a promise rejects.
 *
 * @module
 */
import assert from "node:assert/strict";

/** What a promise rejects with; fails if it gives a value. */
export async function reasonOf(promise: Promise<unknown>): Promise<Error> {
  let value: unknown;
  try {
    value = await promise;
  } catch (reason) {
    return reason as Error;
  }
  assert.fail(`it was to reject, and gave ${String(value)}`);
}
