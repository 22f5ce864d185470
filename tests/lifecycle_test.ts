/**
 * What the library does to its process: it stays up for a pending task and for nothing else, ends
 * when it is told to, and its event loop and processor are free while tasks run.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { outputOf, runProgram, runtime } from "./support/process.ts";

/**
 * In programs: a task that takes `ms` milliseconds, and whether the process ended soon after the
 * time that the program noted as `settled`.
 */
const BUSY = `
  const busy = (ms) => {
    const end = performance.now() + ms;
    while (performance.now() < end);
    return ms;
  };
  let settled;
  process.on("exit", () => {
    if (settled) console.log("exit", performance.now() - settled < 1000 ? "at once" : "late");
  });
`;

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
        const note = (what) => () => { settled = performance.now(); console.log(what); };
        new Deferred(busy, { args: [50] }).then(note("short"));
        setTimeout(note("timer"), 400);
        setTimeout(() => new Deferred(busy, { args: [400] }).then(note("late")), 200);`),
      ["short", "timer", "late", "exit at once"],
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
        try { new Deferred((x) => x, { args: [() => 1] }); } catch (e) { console.log(e.name); }
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
    "in a long native call": START.replaceAll("for (;;);", `"x".repeat(2 ** 24).split("").sort();`),
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
  test("the event loop is free: timers tick as without", async () => {
    const [without, during] = JSON.parse(
      await outputOf(`
        const ticks = async (until) => {
          let count = 0;
          const timer = setInterval(() => count++, 5);
          await until();
          clearInterval(timer);
          return count;
        };
        await Deferred.run(() => 1);
        const idle = await ticks(() => new Promise((resolve) => setTimeout(resolve, 600)));
        const pool = new DeferredPool({ maxThreads: 1 });
        const task = await ticks(() => pool.run(${(ms: number) => {
        const end = performance.now() + ms;
        while (performance.now() < end);
      }}, 600));
        console.log(JSON.stringify([idle, task]));`),
    ) as [number, number];
    assert.ok(during > without * 0.6, `${during} ticks instead of ${without}`);
  });

  test("waiting costs no processor time: the process uses what the task uses", async () => {
    const [used, ran] = JSON.parse(
      await outputOf(`
        const pool = new DeferredPool({ maxThreads: 1 });
        const busy = (ms) => { const end = performance.now() + ms; while (performance.now() < end); };
        await pool.run(busy, 50);
        await new Promise((resolve) => setTimeout(resolve, 300)); // the runtime's own beginnings
        const before = process.cpuUsage();
        const task = pool.run(busy, 1500);
        await task;
        const { user, system } = process.cpuUsage(before);
        console.log(JSON.stringify([(user + system) / 1000, task.stats.runTime]));`),
    ) as [number, number];
    // A loop that polled would use as much again.
    assert.ok(used < ran * 1.25, `${used} ms of CPU for a task of ${ran} ms`);
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
