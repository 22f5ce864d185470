/**
 * Programs made at random, of what csrc/jit/ compiles: loops over numbers and arrays, with types that
 * change, sums that overflow, `-0` and `NaN`. Each gives what the host gives for it, interpreted at
 * first and compiled in the middle.
 *
 * For a longer run set JIT_PROGRAMS_RUNS=5000, and JIT_PROGRAMS_SEED to any number. A failure prints
 * the program.
 */
import { strict as assert } from "node:assert";
import process from "node:process";
import { after, test } from "node:test";
import { Deferred, DeferredPool } from "../mod.ts";

const RUNS = Number(process.env["JIT_PROGRAMS_RUNS"] ?? 60);
let seed = Number(process.env["JIT_PROGRAMS_SEED"] ?? 1) >>> 0;

function random(below: number): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return Math.floor(seed / 4294967296 * below);
}

const oneOf = <T>(first: T, ...others: T[]): T =>
  [first, ...others][random(others.length + 1)] ?? first;

const variable = (): string => oneOf("a", "b", "c", "d", "x", "y");

const constant = (): string =>
  oneOf("0", "1", "-1", "2", "3", "7", "31", "32", "255", "65535", "2147483647", "-2147483648")
    .replace(/^7$/, () => oneOf("4294967295", "0.5", "-0", "1.5", "1e10", "NaN", "1e-3", "-7"));

/** An index: of an element, but once in a while beyond the last. */
const index = (): string =>
  oneOf(
    () => "i & 7",
    () => "j & 7",
    () => `(${variable()} & 7)`,
    () => `(${variable()} >>> 29)`,
    () => String(random(8)),
    () => random(25) ? "i % 8" : "i",
  )();

const leaf = (): string =>
  oneOf(
    variable,
    variable,
    () => "i",
    () => "j",
    constant,
    () => `${oneOf("A", "T", "F", "U")}[${index()}]`,
  )();

function expression(depth: number): string {
  if (depth <= 0) return leaf();
  const part = () => expression(depth - 1);
  return oneOf(
    () => `(${part()} ${oneOf("+", "-", "*", "+", "-", "%", "/")} ${part()})`,
    () => `(${part()} ${oneOf("|", "&", "^", "<<", ">>", ">>>")} ${part()})`,
    () => `((${part()} + ${part()} + ${part()}) ${oneOf("| 0", ">>> 0", "& 255", ">> 1")})`,
    () => `(${oneOf("-", "~", "+", "!")} ${part()})`,
    () => `(${condition(depth - 1)} ? ${part()} : ${part()})`,
    () => `Math.${oneOf("min", "max", "imul")}(${part()}, ${part()})`,
    () => `Math.${oneOf("abs", "floor", "ceil", "round", "sqrt", "trunc", "sign")}(${part()})`,
    () => `((${part()} >>> ${random(32)}) | (${variable()} << ${random(32)}))`,
  )();
}

function condition(depth: number): string {
  const compared = oneOf("<", "<=", ">", ">=", "===", "!==", "==", "!=");
  return `(${expression(depth)} ${compared} ${expression(depth)})`;
}

function statement(depth: number): string {
  const deeper = (make: () => string) => depth > 0 ? make() : `${variable()} = ${expression(1)};`;
  const assigned = oneOf("+=", "-=", "^=", "|=", "*=", ">>>=", "&=");
  return oneOf(
    () => `${variable()} = ${expression(2)};`,
    () => `${variable()} ${assigned} ${expression(1)};`,
    () => `${oneOf("A", "T", "F", "U", "C")}[${index()}] = ${expression(2)};`,
    () => `${oneOf("A", "T", "F", "U")}[${index()}] ${oneOf("+=", "-=", "^=")} ${expression(1)};`,
    () => `${variable()}${oneOf("++", "--")};`,
    () => deeper(() => `if ${condition(1)} { ${block(depth - 1)} } else { ${block(depth - 1)} }`),
    () => deeper(() => `if ${condition(1)} { ${block(depth - 1)} }`),
    () =>
      deeper(() => {
        const leave = random(5) ? "" : `if ${condition(0)} ${oneOf("break", "continue")};`;
        return `for (let j = 0; j < ${1 + random(6)}; j++) { ${block(depth - 1)} ${leave} }`;
      }),
    () => `const k = ${expression(1)}; ${variable()} = k ${oneOf("+", "|", "*")} ${leaf()};`,
  )();
}

const block = (depth: number): string =>
  Array.from({ length: 1 + random(3) }, () => `{ ${statement(depth)} }`).join(" ");

function program(): string {
  const typed = oneOf(
    "Uint32Array",
    "Uint8ClampedArray",
    "Uint8Array",
    "Int16Array",
    "Float32Array",
  );
  return `(z) => {
  let n = 0, a = ${constant()}, b = ${constant()}, c = z, d = ${constant()}, x = ${constant()}, y = z / 3;
  const A = [1, 2, 3, 4, 5, 6, 7, ${oneOf("8", "0.5")}], T = new Int32Array(8), C = [], j = 0;
  const F = new Float64Array(8), U = new ${typed}(8);
  ${random(3) ? "" : "const captures = () => a + x;"}
  for (let i = 0; i < 3000; i++) {
    ${block(2)} ${block(2)}
    n = (n + ${variable()}) | 0;
    ${random(4) ? "" : "C[i] = a;"} ${random(6) ? "" : "if (i === 2000) { b = 0.25; A[3] = 1.5; }"}
  }
  const show = (v) => Object.is(v, -0) ? "-0" : String(v);
  return [n, a, b, c, d, x, y, ...A, ...T, ...F, ...U, ...C].map(show).join();
}`;
}

const pool = new DeferredPool({ maxThreads: 1 });
after(() => pool.close());

test("programs made at random give what they give in the host, from the first run on", async () => {
  for (let run = 0; run < RUNS; run++) {
    const text = program();
    const made = (0, eval)(text) as (z: number) => string;
    for (const z of [3, 1.25, 3]) {
      const given = await new Deferred(made, { args: [z], pool });
      assert.equal(
        given,
        made(z),
        `with ${z}, of seed ${process.env["JIT_PROGRAMS_SEED"] ?? 1}:\n${text}`,
      );
    }
  }
});
