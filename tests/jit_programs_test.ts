/**
 * Programs made at random (support/jit_programs.ts) give what they give in the host, interpreted at
 * first, compiled in the middle.
 *
 *   JIT_PROGRAMS_RUNS=5000     so many of them
 *   JIT_PROGRAMS_SEED=7        from this seed on
 *   JIT_PROGRAMS_WRITE=FILE    writes them instead, as cases for tests/c/jit_test.c (JIT_CASES=FILE)
 *
 * With DEFERRED_JIT=eager they are compiled from the start. A failure prints the program, and whether
 * it is compiled code that differs, or the interpreter, too: or the host, whose own compiler has bugs
 * that come and go with what it ran before.
 */
import { strict as assert } from "node:assert";
import { writeFileSync } from "node:fs";
import process from "node:process";
import { after, test } from "node:test";
import { Deferred, DeferredPool } from "../mod.ts";
import { program } from "./support/jit_programs.ts";

const RUNS = Number(process.env["JIT_PROGRAMS_RUNS"] ?? 150);
const SEED = Number(process.env["JIT_PROGRAMS_SEED"] ?? 1);
const WRITE = process.env["JIT_PROGRAMS_WRITE"];

/** More than are needed until a loop is compiled, and again after what happens late. */
const PASSES = 900;
/** In C each guard fails in turn. */
const FEW_PASSES = 60;

const pool = new DeferredPool({ maxThreads: 1, jit: true });
const interpreted = new DeferredPool({ maxThreads: 1, jit: false });
after(() => Promise.all([pool.close(), interpreted.close()]));

test("programs made at random give what they give in the host, from the first run on", async () => {
  if (WRITE !== undefined) {
    const cases = Array.from({ length: RUNS }, (_, i) => {
      const text = program(SEED + i, FEW_PASSES, true).replaceAll(/\n\s*/g, " ");
      return `//// seed ${
        SEED + i
      }\n() => { const f = ${text}; return [3, 1.25, 3].map(f).join("|"); }\n`;
    });
    writeFileSync(WRITE, cases.join(""));
    return;
  }
  for (let seed = SEED; seed < SEED + RUNS; seed++) {
    const text = program(seed, PASSES);
    const made = (0, eval)(`"use strict"; (${text})`) as (z: number) => string;
    for (const z of [3, 1.25, 3]) {
      const given = await new Deferred(made, { args: [z], pool });
      const expected = made(z);
      if (given === expected) continue;
      const plain = await new Deferred(made, { args: [z], pool: interpreted });
      const also = given === plain ? ", and so does the interpreter" : "";
      assert.equal(given, expected, `with ${z}, of seed ${seed}${also}:\n${text}`);
    }
  }
});
