/**
 * The edits that the build makes to its copy of the engine's source. embedding.mjs and jit.mjs
 * have what this library needs and can't reach from outside; the other files have what the engine does wrong, by
 * area: their tests, in tests/engine_test.ts, fail without them.
 *
 * Each edit is exact text that must occur exactly once, so that one that no longer applies to a new
 * version stops the build instead of being lost. They are made in this order, in which one may build
 * on another.
 *
 * @module
 */

import { BUFFERS } from "./edits/buffers.mjs";
import { DATES } from "./edits/dates.mjs";
import { EMBEDDING } from "./edits/embedding.mjs";
import { GROWTH } from "./edits/growth.mjs";
import { INTL } from "./edits/intl.mjs";
import { ITERATION } from "./edits/iteration.mjs";
import { JIT } from "./edits/jit.mjs";
import { LIMITS } from "./edits/limits.mjs";
import { MODULES } from "./edits/modules.mjs";
import { NUMBERS } from "./edits/numbers.mjs";
import { OBJECTS } from "./edits/objects.mjs";
import { PATTERNS } from "./edits/patterns.mjs";
import { SCOPES } from "./edits/scopes.mjs";
import { SYNTAX } from "./edits/syntax.mjs";
import { TEXT } from "./edits/text.mjs";

/**
 * @typedef {object} Change
 * @property {string} file      file of the engine
 * @property {string} find      text that occurs in it exactly once
 * @property {string} replace   what stands there afterwards
 */

/**
 * An edit is one change or, with `changes`, several that belong together, made in this order.
 *
 * @typedef {(Change | { changes: readonly Change[] }) & Reasons} Edit
 *
 * @typedef {object} Reasons
 * @property {string} why       what we need it for
 * @property {string} upstream  what upstream should hear of it
 */

/** @type {readonly Edit[]} */
export const EDITS = [
  ...EMBEDDING,
  ...SYNTAX,
  ...ITERATION,
  ...OBJECTS,
  ...BUFFERS,
  ...NUMBERS,
  ...DATES,
  ...TEXT,
  ...GROWTH,
  ...SCOPES,
  ...PATTERNS,
  ...LIMITS,
  ...JIT,
  ...MODULES,
  ...INTL,
];
