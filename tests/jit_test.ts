/**
 * Compiled code, as its users see it: the same results, the same limits, and a way to do without. That
 * it does what the interpreter does, instruction by instruction, is tested in C (tests/c/jit_test.c).
 */
import { strict as assert } from "node:assert";
import process from "node:process";
import { after, test } from "node:test";
import { Deferred, DeferredPool } from "../mod.ts";
import { runProgram } from "./support/process.ts";
import { JOBS } from "../bench/jobs.mjs";

const pool = new DeferredPool({ maxThreads: 1, jit: true });
const interpreted = new DeferredPool({ maxThreads: 1, jit: false });
after(async () => {
  await pool.close();
  await interpreted.close();
});

test("a job gives what it gives in the host, compiled or not, whenever it is compiled", async () => {
  for (const [name, { run, small }] of Object.entries(JOBS)) {
    const want = run(...small);
    for (let round = 0; round < 12; round++) {
      assert.equal(await new Deferred(run, { args: small, pool }), want, `${name}, run ${round}`);
    }
    assert.equal(await new Deferred(run, { args: small, pool: interpreted }), want, name);
  }
});

test("a compiled loop without an end is left at its timeout, and its thread goes on", async () => {
  for (let round = 0; round < 5; round++) {
    const endless = new Deferred(() => {
      let n = 0;
      for (;;) n = (n + 1) | 0;
    }, { timeout: 30, pool });
    await assert.rejects(endless, { name: "TimeoutError" });
    assert.equal(await pool.run((n: number) => n + 1, round), round + 1);
  }
});

test("compiled calls are left at their timeout, and find the end of the stack no sooner", async () => {
  const endless = () => {
    const f = (n: number): number => n === 0 ? 1 : f(n - 1) + f(n - 1);
    return f(90);
  };
  for (let round = 0; round < 3; round++) {
    await assert.rejects(new Deferred(endless, { timeout: 40, pool }), { name: "TimeoutError" });
  }
  const deep = () => {
    let reached = 0;
    const f = (n: number): number => {
      if (n > reached) reached = n;
      return f(n + 1) + 1;
    };
    const g = (n: number): number => n === 0 ? 0 : g(n - 1) + 1;
    for (let i = 0; i < 500; i++) g(20);
    try {
      return [f(0), "", 0];
    } catch (error) {
      return [reached, String(error), g(500)];
    }
  };
  const [depth, message] = await new Deferred(deep, { pool: interpreted }) as unknown as [
    number,
    string,
  ];
  for (let round = 0; round < 5; round++) {
    const [reached, error, sum] = await new Deferred(deep, { pool }) as unknown as [
      number,
      string,
      number,
    ];
    assert.ok(reached >= depth, `${reached} deep, not ${depth}`);
    assert.equal(error, message);
    assert.equal(sum, 500);
  }
});

test("one that is cancelled rejects with the signal's reason", async () => {
  const controller = new AbortController();
  const task = new Deferred(() => {
    const a = new Float64Array(1000);
    for (let i = 0;; i = (i + 1) % 1000) a[i] = (a[i] ?? 0) + 0.5;
  }, { signal: controller.signal, pool });
  setTimeout(() => controller.abort(new Error("enough")), 30);
  await assert.rejects(task, /enough/);
});

test("a loop that fills an array ends at the memory limit", async () => {
  const fill = () => {
    const a: number[] = [];
    for (let i = 0;; i++) a[i] = i;
  };
  for (let round = 0; round < 3; round++) {
    const task = new Deferred(fill, { memoryLimit: 8 * 2 ** 20, pool });
    await assert.rejects(task, { name: "DeferredMemoryError" });
  }
});

test("stats tell whether machine code ran in a task, also in one that was ended there", async () => {
  const sum = (n: number) => {
    let s = 0;
    for (let i = 0; i < n; i++) s += i;
    return s;
  };
  const compiled = async (on: DeferredPool, n: number, timeout?: number) => {
    const task = new Deferred(sum, { args: [n], pool: on, timeout });
    await task.catch((error) => assert.equal(error.name, "TimeoutError"));
    return task.stats?.compiled;
  };
  assert.equal(await compiled(pool, 0), false, "it is cold");
  while (pool.hardening?.jit && !await compiled(pool, 1e6)) continue;
  assert.equal(await compiled(pool, 1e6), pool.hardening?.jit);
  assert.equal(await compiled(pool, Infinity, 30), pool.hardening?.jit);
  assert.equal(await compiled(interpreted, 1e6), false);
  const text = pool.eval("let s = 0; for (let i = 0; i < 1e6; i++) s += i; s");
  await text;
  assert.equal(text.stats?.compiled, false);
});

test("an error from a function that is compiled has its line and column", async () => {
  const f = (o: { x?: { y: number } }) => {
    let s = 0;
    for (let i = 0; i < 500; i++) s += i === 499 ? o.x!.y : i;
    return s;
  };
  const stacks: string[] = [];
  for (const on of [pool, interpreted]) {
    for (let i = 0; i < 5; i++) await on.run(f, { x: { y: 1 } });
    const error = await on.run(f, {}).catch((error) => error);
    stacks.push(`${error.name}: ${error.message} ${/jit_test\.ts:\d+:\d+/.exec(error.stack)?.[0]}`);
  }
  assert.match(stacks[0]!, /jit_test\.ts:\d+:\d+/);
  assert.equal(stacks[0], stacks[1]);
});

test("`jit` and DEFERRED_JIT tell whether anything is compiled, and hardening whether it is", async () => {
  assert.equal(interpreted.hardening?.jit, false);
  for (const value of [1, "no", null]) {
    assert.throws(() => new DeferredPool({ jit: value as never }), {
      name: "TypeError",
      message: /^new DeferredPool\(\{ jit \}\): jit must be true or false, got /,
    });
  }
  const sourceOf = (options: string) => `
    const pool = new DeferredPool({ maxThreads: 1, ${options} });
    let sum = 0;
    for (let i = 0; i < 3; i++) {
      sum += await pool.run((n) => { let s = 0; for (let i = 0; i < n; i++) s += i; return s; }, 1e6);
    }
    console.log(pool.hardening?.jit, sum);
    await pool.close();`;
  const run = async (options: string, DEFERRED_JIT: string) => {
    const env = { DEFERRED_JIT, DEFERRED_JIT_DUMP: "1" };
    const { stdout, stderr } = await runProgram(sourceOf(options), { env });
    const [jit, sum] = stdout.trim().split(" ");
    assert.equal(sum, "1499998500000");
    assert.equal(jit === "true", /entry at \d+: \d+ bytes, /.test(stderr), stderr);
    return jit;
  };
  const possible = await run("jit: true", "1");
  const forbidden = process.env.DEFERRED_JIT === "0";
  assert.equal(String(pool.hardening?.jit), forbidden ? "false" : possible);
  assert.equal(await run("", ""), possible);
  assert.equal(await run("jit: false", ""), "false");
  assert.equal(await run("jit: false", "eager"), "false");
  assert.equal(await run("", "0"), "false");
  assert.equal(await run("jit: true", "0"), "false");
  assert.equal(new DeferredPool().hardening, undefined);
});
