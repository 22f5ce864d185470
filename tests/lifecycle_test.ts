/**
 * What the library does to its process: it stays up for a pending task and for nothing else, ends
 * when it is told to, and its event loop and processor are free while tasks run.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { outputOf, runProgram, runtime } from "./support/process.ts";

/**
 * In programs: a task that takes `ms` milliseconds, and whether the process ended by itself after
 * the time that the program noted as `settled`: at once, were the machine not slow or busy, and not
 * by some timer that runs out.
 */
const BUSY = `
  const busy = (ms) => {
    const end = performance.now() + ms;
    while (performance.now() < end);
    return ms;
  };
  let settled;
  process.on("exit", () => {
    if (settled) console.log("exit", performance.now() - settled < 30_000 ? "at once" : "late");
  });
`;

const MEASURE = new URL("./support/measure.ts", import.meta.url).href;

/** Runs a program that must end well; gives its lines. */
async function linesOf(source: string, env?: Record<string, string>): Promise<string[]> {
  return (await outputOf(BUSY + source, { ...(env && { env }) })).split("\n");
}

describe("the process stays up while a task is pending, and ends at once when none is:", () => {
  test("with a handler", async () => {
    assert.deepEqual(
      await linesOf(`
        new Deferred(busy, { args: [300] }).then((v) => { settled = performance.now(); console.log(v); });
        console.log("made");`),
      ["made", "300", "exit at once"],
    );
  });

  test("when it was never awaited", async () => {
    assert.deepEqual(
      await linesOf(`
        const made = new Deferred(busy, { args: [300] });
        process.on("exit", () => console.log(made.stats !== undefined));`),
      ["true"],
    );
  });

  test("awaited at the top level", async () => {
    assert.deepEqual(
      await linesOf(`
        console.log(await new Deferred(busy, { args: [300] }));
        console.log(await new Deferred(busy, { args: [0] }));
        settled = performance.now();`),
      ["300", "0", "exit at once"],
    );
  });

  test("after many tasks, long and short, on several pools", async () => {
    assert.deepEqual(
      await linesOf(`
        const pools = [new DeferredPool({ maxThreads: 1 }), new DeferredPool({ maxThreads: 2 })];
        const tasks = [0, 5, 1, 20, 0, 2, 100, 0].flatMap((ms) => pools.map((pool) => pool.run(busy, ms)));
        await Promise.all(tasks);
        settled = performance.now();`),
      ["exit at once"],
    );
  });

  test("in the middle of timers, with the task first or last", async () => {
    assert.deepEqual(
      await linesOf(`
        const note = (what) => { settled = performance.now(); console.log(what); };
        const gate = new Int32Array(new SharedArrayBuffer(4));
        const timer = setInterval(() => {}, 5);
        await new Deferred(busy, { args: [50] });
        note("short");
        clearInterval(timer);
        const late = () => new Deferred(busy, { args: [200] }).then(() => note("late"));
        setTimeout(() => {
          note("timer");
          Atomics.store(gate, 0, 1);
        }, 100);
        await new Deferred((gate) => { while (Atomics.load(gate, 0) === 0); }, { args: [gate] });
        note("held");
        setTimeout(late, 20);`),
      ["short", "timer", "held", "late", "exit at once"],
    );
    assert.deepEqual(
      await linesOf(`
        await Deferred.run(busy, 100);
        settled = performance.now();
        const timer = setInterval(() => {}, 10);
        timer.unref?.();`),
      ["exit at once"],
    );
  });

  test("after a rejection that was handled", async () => {
    assert.deepEqual(
      await linesOf(`
        const fail = () => { const end = performance.now() + 100; while (performance.now() < end); throw new Error("x"); };
        await new Deferred(fail).catch((e) => console.log(e.message));
        settled = performance.now();`),
      ["x", "exit at once"],
    );
  });

  test("after the library was imported, a pool made, and nothing run", async () => {
    assert.deepEqual(
      await linesOf(
        `const pool = new DeferredPool(); console.log(pool.pending); settled = performance.now();`,
      ),
      ["0", "exit at once"],
    );
  });

  test("after a Deferred was refused", async () => {
    assert.deepEqual(
      await linesOf(`
        try { new Deferred(Math.max); } catch (e) { console.log(e.code); }
        try { await new Deferred((x) => x, { args: [() => 1] }); } catch (e) { console.log(e.name); }
        settled = performance.now();`),
      ["ERR_DEFERRED_FUNCTION", "DataCloneError", "exit at once"],
    );
  });

  test("again and again: idle, busy, idle, busy", async () => {
    assert.deepEqual(
      await linesOf(`
        for (const pause of [0, 1, 5, 20, 50]) {
          await Deferred.run(busy, pause);
          await new Promise((resolve) => setTimeout(resolve, pause));
        }
        settled = performance.now();`),
      ["exit at once"],
    );
  });
});

describe("a process that is told to end while tasks run does so at once:", () => {
  const START = `
    const pool = new DeferredPool({ maxThreads: 2 });
    const running = [pool.run(() => { for (;;); }), pool.run(() => { for (;;); }), pool.run(() => 1)];
    while (pool.queueSize > 1) await new Promise((resolve) => setTimeout(resolve, 1));
  `;
  const LOOPS = {
    "that loop": START,
    "in a native call": START.replaceAll("for (;;);", "[].fill.call({ length: 2 ** 53 - 1 }, 0);"),
  };

  for (const [what, start] of Object.entries(LOOPS)) {
    test(`process.exit, with tasks ${what}`, async () => {
      const { code } = await runProgram(`${start} process.exit(7);`);
      assert.equal(code, 7);
    });
  }

  test("process.exit in a handler, with another task that loops", async () => {
    const { code } = await runProgram(`
      new DeferredPool({ maxThreads: 1 }).run(() => { for (;;); });
      new Deferred(() => 1).then(() => process.exit(8));`);
    assert.equal(code, 8);
  });

  test("Deno.exit", { skip: runtime !== "deno" }, async () => {
    const { code } = await runProgram(`${START} Deno.exit(9);`);
    assert.equal(code, 9);
  });

  test("an exception that nobody catches", async () => {
    const plain = await runProgram(`setTimeout(() => { throw new Error("uncaught"); }, 1);`);
    const { code, stderr } = await runProgram(
      `${START} setTimeout(() => { throw new Error("uncaught"); }, 1);`,
    );
    assert.equal(code, plain.code);
    assert.match(stderr, /uncaught/);
  });

  test("a signal", async () => {
    const { signal, code } = await runProgram(`${START} console.log("running");`, {
      onOutput: (_, kill) => kill("SIGTERM"),
    });
    assert.ok(signal === "SIGTERM" || code === 143, `${signal} ${code}`);
  });
});

describe("while a task runs", () => {
  test("the event loop is free: timers tick", async () => {
    // The task ends when they have: on a loop that waited for it neither would come to an end.
    assert.equal(
      await outputOf(`
        const gate = new Int32Array(new SharedArrayBuffer(4));
        const task = Deferred.run((gate) => { while (Atomics.load(gate, 0) === 0); }, gate);
        let ticks = 0;
        const timer = setInterval(() => ++ticks === 100 && Atomics.store(gate, 0, 1), 2);
        await task;
        clearInterval(timer);
        console.log(ticks >= 100);`),
      "true",
    );
  });

  test("waiting costs no processor time: this thread uses little of what the task uses", async () => {
    const [ours, tasks] = JSON.parse(
      await outputOf(`
        import { processTime, threadTime } from ${JSON.stringify(MEASURE)};
        const pool = new DeferredPool({ maxThreads: 1 });
        const busy = (ms) => { const end = performance.now() + ms; while (performance.now() < end); };
        await pool.run(busy, 50);
        await new Promise((resolve) => setTimeout(resolve, 300)); // the runtime's own beginnings
        const before = [threadTime(), processTime()];
        await pool.run(busy, 1500);
        const [ours, all] = [threadTime() - before[0], processTime() - before[1]];
        console.log(JSON.stringify([ours, all - ours]));`),
    ) as [number, number];
    // A loop that polled would use as much as the task.
    assert.ok(ours < tasks / 3, `${ours} ms of this thread, ${tasks} ms of the task's`);
  });

  test("other work of the loop goes on: what is read and computed meanwhile is right", async () => {
    assert.equal(
      await outputOf(`
        import { readFile } from "node:fs/promises";
        import { createServer } from "node:http";
        const server = createServer((request, response) => response.end("hello")).listen(0);
        await new Promise((resolve) => server.on("listening", resolve));
        const { port } = server.address();
        const busy = (ms) => { const end = performance.now() + ms; while (performance.now() < end); return ms; };
        const task = Deferred.run(busy, 500);
        let answers = 0;
        while (task.stats === undefined && answers < 20) {
          const answer = await fetch("http://127.0.0.1:" + port);
          if (await answer.text() !== "hello") throw new Error("wrong answer");
          await readFile(new URL(import.meta.url));
          answers++;
        }
        console.log(answers > 0, await task);
        server.close();
        server.closeAllConnections?.();`),
      "true 500",
    );
  });

  test("no wake-up is lost, however the end of a task meets the parking of the loop", async () => {
    assert.equal(
      await outputOf(`
        const busy = (ms) => { const end = performance.now() + ms; while (performance.now() < end); return ms; };
        const pool = new DeferredPool({ maxThreads: 2 });
        let sum = 0;
        for (let i = 0; i < 2500; i++) {
          const ms = (i % 125) / 250; // around the time that is polled before the loop parks
          sum += await pool.run(busy, ms) >= 0 ? 1 : 0;
        }
        console.log(sum);`),
      "2500",
    );
  });
});
