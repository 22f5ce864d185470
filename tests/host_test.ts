/**
 * Functions of the host that a task calls: values, errors, order, ends, floods, contexts.
 */
import { strict as assert } from "node:assert";
import { AsyncLocalStorage } from "node:async_hooks";
import { after, describe, test } from "node:test";
import {
  DataCloneError,
  Deferred,
  DeferredPool,
  type Host,
  type HostCall,
  type HostFunction,
  type HostFunctions,
  type HostParameter,
  type Reporter,
  UnsettledError,
} from "../mod.ts";
import { until } from "./support/wait.ts";

const pool = new DeferredPool({ maxThreads: 2 });
after(() => pool.close());

const lookup = async (id: number): Promise<{ name: string }> => {
  await null;
  return { name: `user ${id}` };
};

describe("a function of the host", () => {
  test("is a method of the task's last parameter, and gives a promise", async () => {
    const task = new Deferred(async (id, host) => (await host.lookup(id)).name, {
      args: [7],
      host: { lookup },
      pool,
    });
    const name: string = await task;
    assert.equal(name, "user 7");
    const sum: number = await pool.defer(
      async (host) => await host.sum(1, 2) + await host.tools.twice(3),
      { host: { sum: (a: number, b: number) => a + b, tools: { twice: (n: number) => 2 * n } } },
    );
    assert.equal(sum, 9);
    const wrapped = pool.wrap(
      async (id: number, host: Host<{ lookup: typeof lookup }>) => (await host.lookup(id)).name,
      { host: { lookup } },
    );
    assert.deepEqual(await Promise.all([wrapped(1), wrapped(2)]), ["user 1", "user 2"]);
    const other = wrapped.with({ host: { lookup: () => Promise.resolve({ name: "other" }) } });
    assert.equal(await other(1), "other");
    assert.equal(await wrapped(1), "user 1");
  });

  test("is a global of code that is text, or stands in a group, which is frozen", async () => {
    const host = {
      find: (id: number) => ({ id }),
      tools: { sum: (a: number, b: number) => a + b },
    };
    assert.deepEqual(await pool.eval("[await tools.sum(1, 2), (await find(4)).id]", { host }), [
      3,
      4,
    ]);
    assert.equal(await pool.eval("find(5).then(({ id }) => id)", { host, scope: { x: 1 } }), 5);
    assert.equal(
      await pool.eval("'use strict'; try { tools.sum = 1 } catch (e) { e.name }", { host }),
      "TypeError",
    );
    assert.equal(await pool.eval("typeof find + typeof tools"), "undefinedundefined");
  });

  test("of a pool is there for all of its tasks, and a task's own count more", async () => {
    await using own = new DeferredPool({
      maxThreads: 1,
      host: { who: () => "pool", rest: () => "rest", tools: { a: () => "a", b: () => "b" } },
    });
    type Names = { who(): string; rest(): string };
    const ask = async (host: Host<Names>) => [await host.who(), await host.rest()];
    assert.deepEqual(await own.run(ask as unknown as () => Promise<string[]>), ["pool", "rest"]);
    const code = "[await who(), await rest(), await tools.a(), await tools.b()]";
    assert.deepEqual(await own.eval(code), ["pool", "rest", "a", "b"]);
    const host = { who: () => "task", tools: { b: () => "task's" } };
    assert.deepEqual(await own.eval(code, { host }), ["task", "rest", "a", "task's"]);
  });

  test("has its place by the function's parameters, whatever is passed", async () => {
    const host = { up: (s: string) => s.toUpperCase() };
    type Up = Host<typeof host>;
    const short = new Deferred(
      async (a: string, b: string | undefined, host: Up) => `${await host.up(a)}${b}`,
      { args: ["x"], host, pool } as never,
    );
    assert.equal(await short, "Xundefined");
    const fill = async (a: string, b: number | undefined = 5, { up }: Up) => await up(a + b);
    const filled = pool.wrap(fill, { host });
    assert.equal(await (filled as unknown as (a: string) => Promise<string>)("x"), "X5");
    // Where a function sees all arguments, the host stands behind those that there are.
    const all = pool.wrap(
      async (...args: [...string[], Up]) => await (args.pop() as Up).up(`${args}`),
      { host },
    );
    assert.equal(await all("a", "b"), "A,B");
    const old = pool.wrap(
      function (_a: string) {
        return (arguments[2] as Up).up(`${arguments[1]}`);
      } as unknown as (a: string, b: string) => Promise<string>,
      { host } as object,
    );
    assert.equal(await old("a", "b"), "B");
    const scope = { mark: "!" };
    const within = pool.wrap(
      async (a: string, _b: string, host: Up) => await host.up(a + scope.mark),
      {
        host,
        scope: { scope },
      },
    );
    assert.equal(await (within as unknown as (a: string) => Promise<string>)("x"), "X!");
    // A function may have no use for it.
    assert.equal(
      await pool.defer((a: number, b: number) => a + b, { args: [1, 2], host } as never),
      3,
    );
  });

  test("is missed by what map passes, and the call says so", async () => {
    const host = { up: (s: string) => s.toUpperCase() };
    type Up = Host<typeof host>;
    const up = pool.wrap(async (s: string, h: Up) => await h.up(s), { host, name: "up" });
    const report = pool.wrap((s: string, { report }: Reporter<string>) => report(s), {
      onProgress: (_: string) => {},
    });
    const mapped = (): unknown => ["a", "b"].map(up);
    assert.throws(mapped, {
      name: "TypeError",
      message:
        "wrapped: 1 parameter stands before the host's, but 3 arguments were passed; map, for " +
        "example, passes index and array, too: write (value) => up(value)",
    });
    assert.throws(() => ["a"].map(report), /but 3 arguments were passed/);
    assert.throws(
      () => new Deferred((a: string, _: Up) => a, { args: ["a", 1, 2], host, pool } as never),
      /^TypeError: new Deferred: 1 parameter stands before the host's, but 3 arguments were passed$/,
    );
    assert.deepEqual(await Promise.all(["a", "b"].map((s) => up(s))), ["A", "B"]);
    const two: Promise<string>[] = Array.from(["a"], up);
    await assert.rejects(two[0]!, {
      message:
        "not a function: the last parameter is not the host's, but an argument: 1 parameter " +
        "stands before it, and 2 arguments were passed, as map and Array.from do; write (value) => " +
        "fn(value)",
    });
    await using own = new DeferredPool({ maxThreads: 1, host });
    // A function of a pool may leave out what that offers; and may take it.
    assert.deepEqual(await Promise.all([1, 2].map(own.wrap((n: number) => n * 2))), [2, 4]);
    const taking = own.wrap(async (s: string, { up }: Up) => await up(s));
    assert.equal(await taking("a"), "A");
    await assert.rejects(
      (taking as (...all: unknown[]) => Promise<string>)("a", 0, []),
      /: 1 parameter stands before it, and 3 arguments were passed/,
    );
  });

  test("of a pool is typed in what the pool runs, with that of a task", async () => {
    const offered = { lookup, tools: { twice: (n: number) => n * 2 } };
    await using own = new DeferredPool({ maxThreads: 1, host: offered });
    const name: string = await own.run(async (id, host) => (await host.lookup(id)).name, 7);
    const four: number = await own.run((host) => host.tools.twice(2));
    const plain: number = await own.run((n: number) => n + 1, 4);
    const named = async (n: number, ...[host]: HostParameter<typeof offered>): Promise<number> =>
      await host.tools.twice(n);
    const six: number = await own.defer(named, { args: [3] });
    const [ten, mine] = await own.defer(
      async (host) => [await host.tools.twice(5), await host.mine()] as const,
      { host: { mine: () => "own" } },
    );
    assert.deepEqual([name, four, plain, six, ten, mine], ["user 7", 4, 5, 6, 10, "own"]);
  });

  test("whose name can't be a global is refused by a pool", () => {
    for (const name of ["undefined", "NaN", "Infinity"]) {
      assert.throws(
        () => new DeferredPool({ host: { [name]: () => 1 } }),
        new RegExp(
          `^TypeError: new DeferredPool\\(\\{ host \\}\\): host\\.${name} can't be offered`,
        ),
      );
    }
    const report = () => 1;
    assert.throws(() => new DeferredPool({ host: { report }, onProgress: () => {} }), /would hide/);
  });

  test("is refused if it is none, when the Deferred is made", () => {
    const fn = () => 1;
    const taken: HostFunctions = { fn: fn satisfies HostFunction };
    assert.equal(typeof taken.fn, "function");
    const make = (host: unknown) => () => new Deferred(fn, { host } as never);
    assert.throws(make(1), { message: /host must be an object with functions.* got the number 1/ });
    class Db {
      lookup() {}
    }
    const bare = /host(\.db)? is a Db object without functions of its own, .* \{ lookup: \(id\)/;
    assert.throws(make(new Db()), { message: bare });
    assert.throws(make({ db: new Db() }), { message: bare });
    assert.throws(() => pool.eval("1", { host: new Db() as never }), {
      message: /host must be a plain object of functions by name.* got a Db object/,
    });
    assert.throws(() => pool.eval("x()", { host: { x: fn }, scope: { x: 1 } }), {
      message: /\{ scope, host \}\): `x` stands in both; rename one/,
    });
    assert.throws(make({ a: { b: 1 } }), {
      message: /host\.a\.b must be a function, got the number 1/,
    });
    assert.throws(make({ a: { b: { c: () => 1 } } }), { message: /host\.a\.b must be a function/ });
    const many = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`f${i}`, fn]));
    assert.throws(make(many), { message: /more than 1000 functions/ });
    assert.throws(() => pool.eval("1", { host: { "a-b": fn } }), { message: /"a-b" can't be/ });
    assert.throws(() => new DeferredPool({ host: { x: 1 } as never }), {
      message: /host\.x must be/,
    });
  });

  test("that is not offered is told, with those that are", async () => {
    const offered = { find: () => 1, tools: { sum: () => 1 } };
    const said = async (text: string, host: HostFunctions = offered): Promise<string> => {
      const inTask = new Function(`return ${text}`)() as () => unknown;
      const failed = await new Deferred(inTask, { host, pool }).catch((error) => error);
      assert.ok(failed instanceof Error, text);
      assert.ok(failed.stack!.startsWith(`TypeError: ${failed.message}\n`), failed.stack!);
      return failed.message;
    };
    const none = "not a function: the host offers no ";
    assert.equal(await said("(host) => host.fnd(1)"), `${none}\`fnd\`; did you mean \`find\`?`);
    assert.equal(
      await said("async ({ tools }) => { await tools.sm(1, 2); }"),
      `${none}\`tools.sm\`; did you mean \`tools.sum\`?`,
    );
    assert.equal(
      await said("(h) => [1].map((n) => h.tools.multiply(n))"),
      `${none}\`tools.multiply\`; it offers \`find\` and \`tools.sum\``,
    );
    assert.equal(await said("({ fnd, tools }) => fnd()"), `${none}\`fnd\`; did you mean \`find\`?`);
    assert.equal(
      await said("(host) => host.tols.sum(1)"),
      "cannot read property 'sum' of undefined: the host offers no `tols`; did you mean `tools`?",
    );
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`name${i}`, () => i]));
    assert.match(
      await said("(host) => host.x()", many),
      /it offers `name0`, .*`name7`, and 12 more$/,
    );
    // What else is no function is none of the host's.
    for (
      const text of [
        "(host) => { const o = {}; o.find(); }",
        "(host) => { let f; f(host.find()); }",
      ]
    ) {
      assert.equal(await said(text), "not a function", text);
    }
    const calls = new Function("host", "host.log()") as () => unknown;
    const progress = await new Deferred(calls, { pool, onProgress: () => {} } as never)
      .catch((error) => error.message);
    assert.equal(progress, `${none}\`log\`; it offers \`report\``);
  });

  test("that is not offered to code that is text is told as well", async () => {
    const host = { find: () => 1, tools: { sum: () => 1 } };
    const said = (text: string) => pool.eval(text, { host }).catch(String);
    const none = "the host offers no ";
    assert.equal(
      await said("const a = 1;\nawait tools.sm(a)"),
      `TypeError: not a function: ${none}\`tools.sm\`; did you mean \`tools.sum\`?`,
    );
    assert.equal(
      await said("fnd(1)"),
      `ReferenceError: fnd is not defined: ${none}such function; did you mean \`find\`?`,
    );
    assert.equal(
      await said("fetchAll(1)"),
      `ReferenceError: fetchAll is not defined: ${none}such function; it offers \`find\` and ` +
        "`tools.sum`",
    );
    assert.equal(await said("1 + fnd"), "ReferenceError: fnd is not defined");
    assert.equal(await said("let list = []; list.fnd()"), "TypeError: not a function");
    assert.equal(await pool.eval("fnd()").catch(String), "ReferenceError: fnd is not defined");
  });

  test("of a group that is an object of the platform's is offered, and what else is in it is not", async () => {
    const lines: unknown[] = [];
    const group = Object.assign(Object.create({ inherited: () => 1 }), {
      log: (line: unknown) => void lines.push(line),
      depth: 0,
    }) as { log(line: unknown): void };
    await pool.eval("await group.log(Object.keys(group).join())", { host: { group } });
    assert.deepEqual(lines, ["log"]);
    assert.equal(
      await pool.eval("typeof console.log", { host: { out: console } as never }),
      "function",
    );
  });

  test("takes and gives what can be cloned: cycles, errors, bytes, large ones, nothing", async () => {
    const cycle: { self?: unknown; map: Map<string, Date> } = {
      map: new Map([["a", new Date(5)]]),
    };
    cycle.self = cycle;
    const values = [undefined, null, -0, 10n, "\ud800é", cycle, new Uint8Array([1, 2]), [1, , 3]];
    const host = { echo: (value: unknown) => value };
    for (const value of values) {
      const task = pool.defer(async (value, host) => await host.echo(value), {
        args: [value],
        host,
      });
      assert.deepEqual(await task, value);
    }
    const big = await pool.defer(async (host) => {
      const bytes = new Uint8Array(3 << 20).fill(7);
      const back = await host.echo(bytes) as Uint8Array;
      return [back.length, back[0], back[back.length - 1], bytes.length];
    }, { host });
    assert.deepEqual(big, [3 << 20, 7, 7, 3 << 20]);
    const shared = new Int32Array(new SharedArrayBuffer(4));
    await pool.defer(async (shared, host) => void await host.see(shared), {
      args: [shared],
      host: { see: (given: Int32Array) => void Atomics.store(given, 0, 5) },
    });
    assert.equal(shared[0], 5);
  });

  test("is called in order, and finds `this`: name, number of the call, a signal", async () => {
    const seen: unknown[] = [];
    function note(this: HostCall, value: number): void {
      seen.push([this.task, this.call, value, this.signal.aborted]);
    }
    await pool.defer(async (host) => {
      void host.note(1);
      void host.note(2);
      await host.note(3);
    }, { host: { note }, name: "orders" });
    assert.deepEqual(seen, [1, 2, 3].map((n) => ["orders", n, n, false]));
  });

  test("runs in the context in which the Deferred was made", async () => {
    const storage = new AsyncLocalStorage<string>();
    const ask = () =>
      pool.defer(async (host) => [await host.now(), await host.later()], {
        host: {
          now: () => storage.getStore(),
          later: async () => (await null, storage.getStore()),
        },
      });
    const [a, b] = await Promise.all([storage.run("a", ask), storage.run("b", ask)]);
    assert.deepEqual([a, b], [["a", "a"], ["b", "b"]]);
  });

  test("may start tasks itself, which call as well", async () => {
    const depth = async (n: number): Promise<number> =>
      n === 0 ? 0 : await pool.defer(async (n, host) => 1 + await host.depth(n - 1), {
        args: [n],
        host: { depth },
      });
    assert.equal(await depth(10), 10);
  });
});

describe("what a function of the host throws", () => {
  class Odd extends RangeError {
    override name = "Odd";
    detail = { code: 5 };
  }

  test("arrives as it is: class, message, cause, properties, stack, or no error at all", async () => {
    const things: unknown[] = [
      new TypeError("a type", { cause: new RangeError("the cause") }),
      new Odd("odd"),
      new DOMException("gone", "NotFoundError"),
      undefined,
      null,
      0,
      "text",
      { code: 5 },
      new AggregateError([new Error("one")], "all"),
    ];
    const host = {
      now: (i: number): never => {
        throw things[i];
      },
      later: (i: number) => Promise.reject(things[i]),
    };
    for (const name of ["now", "later"] as const) {
      for (const [i, thing] of things.entries()) {
        const told = await pool.defer(async (i, name, host) => {
          try {
            return await host[name](i);
          } catch (thrown) {
            if (!(thrown instanceof Error)) return ["value", thrown];
            const { cause } = thrown;
            return [
              thrown.constructor.name,
              thrown.name,
              thrown.message,
              (cause as Error)?.message,
            ];
          }
        }, { args: [i, name], host });
        if (!(thing instanceof Error)) assert.deepEqual(told, ["value", thing]);
        else assert.deepEqual((told as unknown[]).slice(1, 3), [thing.name, thing.message]);
        if (i === 0) assert.deepEqual(told, ["TypeError", "TypeError", "a type", "the cause"]);
      }
    }
    const error = new TypeError("passed through");
    const rejected = await pool.defer(async (host) => await host.fail(), {
      host: { fail: () => Promise.reject(error) },
    }).catch((error: unknown) => error as TypeError);
    assert.ok(rejected instanceof TypeError && rejected.message === "passed through");
    assert.match(rejected.stack!, /host_test/, "the stack that the host gave to it");
  });

  test("says nothing of the host's files to code that is text", async () => {
    const host = {
      fail: (): never => {
        throw Object.assign(new RangeError("too far", { cause: new Error("inside") }), {
          path: "/x",
        });
      },
      gone: (): never => {
        throw new DOMException("gone", "NotFoundError");
      },
      uncloneable: () => () => 1,
    };
    const look =
      "catch (e) { return [e.name, e.message, String(e.stack), e.cause, Object.keys(e)] }";
    for (const call of ["fail", "gone", "uncloneable"] as const) {
      const told = await pool.eval<unknown[]>(`try { await ${call}() } ${look}`, { host });
      assert.doesNotMatch(JSON.stringify(told), /host_test|file:|\/src\/|inside|path/);
      if (call === "fail") assert.deepEqual(told.slice(0, 2), ["RangeError", "too far"]);
      if (call === "gone") assert.deepEqual(told.slice(0, 2), ["NotFoundError", "gone"]);
      if (call === "uncloneable") assert.equal(told[0], "DataCloneError");
    }
  });

  test("or gives has no stacks for code that is text, however deep its errors lie", async () => {
    const error = (): Error => new Error("inside", { cause: new Error("of it") });
    const host = {
      fail: (): never => {
        throw { reason: error() };
      },
      give: () => [{ reason: error() }],
    };
    const look = "({ reason }) => [reason.message, reason.stack, reason.cause.stack].map(String)";
    assert.deepEqual(
      await pool.eval(`await fail().catch(${look})`, { host }),
      ["inside", "undefined", "undefined"],
    );
    assert.deepEqual(
      await pool.eval(`(await give()).map(${look})`, { host }),
      [["inside", "undefined", "undefined"]],
    );
    const mine = await pool.defer(async (host) => (await host.give())[0]!.reason.stack, { host });
    assert.match(mine!, /host_test/, "a function of one's own sees them");
  });

  test("or gives is answered once, whatever its promise is", async () => {
    const twice = Promise.resolve(1);
    twice.then = ((tell: (value: number) => void) => (tell(2), tell(3))) as never;
    const odd = Promise.resolve(1);
    Object.defineProperty(odd, "constructor", {
      get() {
        throw new RangeError("odd");
      },
    });
    let open = (_: string): void => {};
    const host = {
      twice: () => twice,
      odd: () => odd,
      later: () => new Promise<string>((resolve) => void (open = resolve)),
      open: () => open("later"),
    };
    const told = await pool.defer(async (host) => {
      const first = host.twice();
      const second = host.later();
      const values = [await first, await host.odd().catch((error: Error) => error.message)];
      await host.open();
      return [...values, await second];
    }, { host });
    assert.deepEqual(told, [1, "odd", "later"]);
  });

  test("or gives and can't be cloned is a DataCloneError that names the path", async () => {
    const host = {
      give: () => ({ items: [{ fn: () => 1 }] }),
      fail: (): never => {
        throw { fn: () => 1 };
      },
      take: (_: unknown) => 1,
      shared: () => new SharedArrayBuffer(4),
    };
    const messages = await pool.defer(async (host) => {
      const said: string[] = [];
      for (const call of [host.give, host.fail, host.shared, () => host.take({ a: [() => 1] })]) {
        await call().catch((error: Error) => said.push(`${error.name}: ${error.message}`));
      }
      return said;
    }, { host });
    assert.match(messages[0]!, /^DataCloneError: give\(\) returned\.items\[0\]\.fn: a function/);
    assert.match(messages[1]!, /^DataCloneError: fail\(\) threw\.fn: a function/);
    assert.match(messages[2]!, /^DataCloneError: shared\(\) returned: a SharedArrayBuffer.*`args`/);
    assert.match(
      messages[3]!,
      /^DataCloneError: take\(\) was passed args\[0\]\.a\[0\]: a function/,
    );
    assert.ok(new DataCloneError("x", "y") instanceof DOMException);
  });
});

describe("a task and its calls end", () => {
  const never = () => new Promise<never>(() => {});

  test("by its timeout, by cancelling and with its pool, if the host never answers", async () => {
    const signals: AbortSignal[] = [];
    const host = {
      never(this: HostCall) {
        signals.push(this.signal);
        return never();
      },
    };
    const ask = async (host: Host<{ never(): Promise<never> }>) => await host.never();
    await assert.rejects(pool.defer(ask, { host, timeout: 30 }), { name: "TimeoutError" });
    const cancelled = pool.defer(ask, { host });
    await until(() => signals.length === 2, "it has called");
    assert.equal(signals[1]!.aborted, false);
    cancelled.cancel("enough");
    await assert.rejects(cancelled, (reason) => reason === "enough");
    assert.equal(signals[1]!.reason, "enough");
    const other = new DeferredPool({ maxThreads: 1 });
    const destroyed = other.defer(ask, { host });
    await until(() => signals.length === 3, "it has called");
    other.destroy(new Error("destroyed"));
    await assert.rejects(destroyed, { message: "destroyed" });
    await until(() => signals.every((signal) => signal.aborted), "all know that it is over");
    assert.equal((signals[0]!.reason as Error).name, "TimeoutError");
  });

  test("when its promise settles, whatever was not awaited; and the signal says so", async () => {
    let signal: AbortSignal | undefined;
    let answered = 0;
    const task = pool.defer(async (host) => {
      void host.slow();
      await host.quick();
      return "done";
    }, {
      host: {
        async slow(this: HostCall) {
          signal = this.signal;
          await new Promise((resolve) => this.signal.addEventListener("abort", resolve));
          answered++;
          return "too late";
        },
        quick: () => 1,
      },
    });
    assert.equal(await task, "done");
    await until(() => answered === 1, "the late function has ended");
    assert.equal((signal!.reason as Error).name, "AbortError");
    assert.equal(await pool.run(() => 1), 1);
  });

  test("by what a call that nobody awaits is rejected with, while it goes on", async () => {
    const task = pool.defer(async (host) => {
      void host.fail();
      await host.never();
    }, { host: { fail: () => Promise.reject(new RangeError("nobody's")), never } });
    await assert.rejects(task, { name: "RangeError", message: "nobody's" });
  });

  test("by UnsettledError, if nothing but answered calls is left", async () => {
    const task = pool.defer(async (host) => {
      await host.quick();
      await new Promise(() => {});
    }, { host: { quick: () => 1 } });
    await assert.rejects(task, UnsettledError);
  });

  test("a pool that closes waits for the answers", async () => {
    const own = new DeferredPool({ maxThreads: 1 });
    const task = own.defer(async (host) => await host.later(), {
      host: { later: () => new Promise<number>((resolve) => setTimeout(resolve, 20, 5)) },
    });
    await own.close();
    assert.equal(await task, 5);
  });
});

describe("many calls", () => {
  test("100,000 of them come in order, one after the other and at once", async () => {
    let last = -1;
    let wrong = 0;
    const host = {
      next: (i: number) => {
        wrong += i === last + 1 ? 0 : 1;
        last = i;
        return i;
      },
    };
    const sum = await pool.defer(async (host) => {
      let sum = 0;
      for (let i = 0; i < 50_000; i++) sum += await host.next(i);
      const all = await Promise.all(
        Array.from({ length: 50_000 }, (_, i) => host.next(50_000 + i)),
      );
      return all.reduce((sum, i) => sum + i, sum);
    }, { host });
    assert.equal(sum, 100_000 * 99_999 / 2);
    assert.deepEqual([last, wrong], [99_999, 0]);
  });

  test("from hundreds of tasks that wait at once, on one thread", async () => {
    await using one = new DeferredPool({ maxThreads: 1 });
    const waiting: (() => void)[] = [];
    const host = { gate: () => new Promise<void>((resolve) => void waiting.push(resolve)) };
    const tasks = Array.from({ length: 300 }, (_, i) =>
      one.defer(async (i, host) => {
        await host.gate();
        return i;
      }, { args: [i], host }));
    await until(() => waiting.length === 300, "all of them wait");
    assert.equal(one.threads, 1);
    for (const open of waiting) open();
    assert.deepEqual(await Promise.all(tasks), [...Array(300).keys()]);
  });

  test("leave the event loop its turns, however long each takes", async () => {
    let inTurn = 0;
    let most = 0;
    const host = {
      work: () => {
        most = Math.max(most, ++inTurn);
        const until = performance.now() + 1;
        while (performance.now() < until);
      },
    };
    const turns = setInterval(() => void (inTurn = 0), 0);
    try {
      await pool.defer((host) => {
        for (let i = 0; i < 300; i++) void host.work();
      }, { host });
    } finally {
      clearInterval(turns);
    }
    assert.ok(most < 60, `${most} calls of 1 ms in one turn`);
  });

  test("a flood without end is bounded by the task's memory, and its timeout", async () => {
    let count = 0;
    const host = { log: () => void count++ };
    const flood = (host: Host<{ log(text: string): void }>) => {
      for (;;) void host.log("flood");
    };
    await assert.rejects(
      pool.defer(flood, { host, memoryLimit: 8 * 2 ** 20 }),
      { name: "DeferredMemoryError" },
    );
    await assert.rejects(pool.defer(flood, { host, timeout: 20 }), {
      name: /TimeoutError|DeferredMemoryError/,
    });
    assert.ok(count > 0);
    // What a task says before it ends arrives, however much it is.
    const texts: number[] = [];
    await pool.defer((host) => {
      for (let i = 0; i < 20_000; i++) void host.log(i, "x".repeat(50));
    }, { host: { log: (i: number, _: string) => void texts.push(i) } });
    assert.equal(texts.length, 20_000);
    assert.ok(texts.every((text, i) => text === i));
  });
});
