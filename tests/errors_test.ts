// deno-lint-ignore-file require-await -- tasks are async to be tested as async
/**
 * Errors on their way out of tasks: class, message, properties, causes, and a stack that leads to
 * the user's own lines. Rejections that nobody handles. Thrown values that mean harm.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { DataCloneError, Deferred, DeferredPool, UnsettledError } from "../mod.ts";
import { runProgram, runtime } from "./support/process.ts";

/** What a Deferred rejects with. */
async function rejectionOf(made: Promise<unknown>): Promise<unknown> {
  try {
    await made;
  } catch (error) {
    return error;
  }
  assert.fail("it did not reject");
}

const errorOf = async (made: Promise<unknown>): Promise<Error & Record<string, unknown>> => {
  const error = await rejectionOf(made);
  assert.ok(error instanceof Error, String(error));
  return error as Error & Record<string, unknown>;
};

describe("an error that a task throws", () => {
  const classes = [
    Error,
    EvalError,
    RangeError,
    ReferenceError,
    SyntaxError,
    TypeError,
    URIError,
  ] as const;
  for (const made of classes) {
    test(`arrives as ${made.name}, with its message`, async () => {
      const throwIt = (name: string) => {
        throw new (globalThis as unknown as Record<string, typeof Error>)[name]!(
          `thrown ${name} ž`,
        );
      };
      const error = await errorOf(Deferred.run(throwIt, made.name));
      assert.equal(Object.getPrototypeOf(error), made.prototype);
      assert.equal(error.name, made.name);
      assert.equal(error.message, `thrown ${made.name} ž`);
      assert.ok(!Object.keys(error).length, "nothing enumerable is added");
    });
  }

  test("by the engine arrives as any other", async () => {
    const nothing = undefined as unknown as { x: number };
    await assert.rejects(Deferred.run((n: typeof nothing) => n.x, nothing), TypeError);
    await assert.rejects(Deferred.run(() => new Array(-1)), RangeError);
    await assert.rejects(Deferred.run(() => JSON.parse("{")), SyntaxError);
    await assert.rejects(Deferred.run(() => decodeURIComponent("%")), URIError);
    await assert.rejects(Deferred.run(() => BigInt(1.5)), RangeError);
    await assert.rejects(Deferred.run(() => `${Symbol() as unknown as string}`), TypeError);
  });

  test("by `import()` says what to do", async () => {
    const error = await errorOf(Deferred.run(() => import("acorn")));
    assert.ok(error instanceof ReferenceError);
    assert.equal(
      error.message,
      "import('acorn'): a function that runs as a task can import only what `modules` names, of its " +
        'own options or those of its pool: { modules: ["acorn"] }',
    );
    assert.match(error.stack!, /^ReferenceError: import\('acorn'\): a function/);
    const core = await errorOf(Deferred.run(() => import("node:fs")));
    assert.equal(
      core.message,
      "can't import 'node:fs': a task has no modules of the runtime; offer what the code may do as " +
        "functions: { host: { read } }",
    );
  });

  test("arrives so from an async function, a rejected promise and a thenable, too", async () => {
    const ways = [
      async () => {
        await null;
        throw new TypeError("late");
      },
      () => Promise.reject(new TypeError("late")),
      () =>
        new Promise(() => {
          throw new TypeError("late");
        }),
      () => ({
        then(_: unknown, reject: (e: Error) => void) {
          reject(new TypeError("late"));
        },
      }),
      () => ({
        get then() {
          throw new TypeError("late");
        },
      }),
    ];
    for (const fn of ways) {
      await assert.rejects(Deferred.run(fn as () => void), { name: "TypeError", message: "late" });
    }
  });

  test("of a class of its own keeps its name, message and properties", async () => {
    const error = await errorOf(Deferred.run(() => {
      class HttpError extends TypeError {
        override name = "HttpError";
        status = 404;
        detail = { url: "x", tries: [1, 2] };
      }
      throw Object.assign(new HttpError("not found"), { code: "E_HTTP" });
    }));
    assert.ok(error instanceof TypeError);
    assert.equal(error.name, "HttpError");
    assert.equal(error.message, "not found");
    assert.equal(error.code, "E_HTTP");
    assert.equal(error.status, 404);
    assert.deepEqual(error.detail, { url: "x", tries: [1, 2] });
    assert.match(String(error), /^HttpError: not found$/);
  });

  test("keeps its chain of causes", async () => {
    const error = await errorOf(Deferred.run(() => {
      const root = new RangeError("root");
      throw new Error("top", { cause: new TypeError("middle", { cause: { root, code: 5n } }) });
    }));
    const middle = error.cause as Error;
    assert.ok(middle instanceof TypeError);
    assert.equal(middle.message, "middle");
    const { root, code } = middle.cause as { root: unknown; code: unknown };
    assert.ok(root instanceof RangeError);
    assert.equal(code, 5n);
  });

  test("may be its own cause", async () => {
    const error = await errorOf(Deferred.run(() => {
      const error = new Error("own");
      error.cause = { list: [error] };
      throw error;
    }));
    assert.equal((error.cause as { list: unknown[] }).list[0], error);
  });

  test("with many errors keeps them", async () => {
    const error = await errorOf(
      Deferred.run(() => Promise.any([Promise.reject(new TypeError("a"))])),
    );
    assert.ok(error instanceof AggregateError);
    assert.ok(error.errors[0] instanceof TypeError);
  });

  test("is a new one each time, and the Deferred's own each time it is asked", async () => {
    const fail = () => {
      throw new Error("x");
    };
    const made = Deferred.run(fail);
    const first = await rejectionOf(made);
    assert.equal(await rejectionOf(made), first);
    assert.notEqual(await rejectionOf(Deferred.run(fail)), first);
  });
});

describe("what a task throws that is no error", () => {
  const values = [undefined, null, true, 0, -0, NaN, 42n, "", "text", [], [1], { a: 1 }, {
    stack: 1,
  }];
  test("arrives as it is", async () => {
    const thrower = (value: unknown) => {
      throw value;
    };
    for (const value of values) {
      assert.deepStrictEqual(await rejectionOf(Deferred.run(thrower, value)), value);
      const reject = (value: unknown) => Promise.reject(value);
      assert.deepStrictEqual(await rejectionOf(Deferred.run(reject, value)), value);
    }
    const date = await rejectionOf(Deferred.run(thrower, new Date(5)));
    assert.ok(date instanceof Date && date.getTime() === 5);
  });
});

const stackOf = async (made: Promise<unknown>): Promise<string> => {
  const { stack } = await errorOf(made);
  assert.equal(typeof stack, "string");
  return stack!;
};

/** The line of this file, from 1, that holds `mark` in a comment. */
function lineOf(mark: string): number {
  const lines = readFileSync(new URL(import.meta.url), "utf8").split("\n");
  const at = lines.findIndex((line) => line.endsWith(`// ${mark}`));
  assert.ok(at >= 0);
  return at + 1;
}

describe("the stack of an error from a task", () => {
  const THIS_FILE = "errors_test.ts";

  const deep = async () => {
    function inner(value: { missing?: { x: number } }) {
      return value.missing!.x; // mark: inner
    }
    const middle = () => inner({});
    await null;
    return middle();
  };

  test("begins with name and message as the host's own do", async () => {
    const stack = await stackOf(Deferred.run(() => {
      throw new RangeError("out of luck");
    }));
    // Bun's own stacks have that line, too.
    assert.match(stack, /^RangeError: out of luck\n/);
    assert.equal(stack.match(/out of luck/g)!.length, 1);
  });

  test("names the task's own functions, innermost first", async () => {
    const stack = await stackOf(Deferred.run(deep));
    const at = ["inner", "middle", "deep"].map((name) => stack.search(new RegExp(`\\b${name}\\b`)));
    assert.ok(at.every((index) => index >= 0), stack);
    assert.deepEqual(at, [...at].sort((a, b) => a - b), stack);
  });

  test("leads to the line in the user's file", async () => {
    const stack = await stackOf(Deferred.run(deep));
    const [first] = stack.split("\n").filter((line) => /^\s+at /.test(line));
    assert.match(first!, /inner/);
    assert.ok(first!.includes(`${THIS_FILE}:${lineOf("mark: inner")}`), stack);
  });

  test("leads there from a method, whose text is rewritten, too", async () => {
    const object = {
      method(value: { missing?: { x: number } }, times: number) {
        const seen = [];
        for (let i = 0; i < times; i++) seen.push(i);
        if (seen.length !== times) throw new Error("unexpected");
        return value.missing!.x; // mark: method
      },
    };
    const stack = await stackOf(Deferred.run(object.method, {}, 3));
    assert.ok(stack.includes(`${THIS_FILE}:${lineOf("mark: method")}`), stack);
  });

  test("then shows where the Deferred was made", async () => {
    const make = function makesTheDeferred() {
      return new Deferred(deep); // mark: made
    };
    const stack = await stackOf(make());
    assert.match(stack, /makesTheDeferred/);
    assert.ok(stack.includes(`${THIS_FILE}:${lineOf("mark: made")}`), stack);
    assert.ok(stack.indexOf("inner") < stack.indexOf("makesTheDeferred"), stack);
    await using pool = new DeferredPool({ maxThreads: 1 });
    const run = await stackOf(pool.run(deep));
    assert.ok(run.includes(THIS_FILE), run);
  });

  test("shows nothing of the package or the engine", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    const made = [new Deferred(deep), Deferred.run(deep), pool.run(deep), pool.defer(deep)];
    for (const stack of await Promise.all(made.map(stackOf))) {
      assert.doesNotMatch(
        stack,
        /src\/(deferred|pool|runner|reactor)\.ts|deferred:task|\(native\)/,
      );
    }
  });

  test("of an error without one's own code in it shows where the Deferred was made", async () => {
    const stack = await stackOf(Deferred.run(() => new Promise(() => {})));
    assert.ok(stack.includes(THIS_FILE), stack);
    const clone = await stackOf(Deferred.run(() => () => 1));
    assert.ok(clone.includes(THIS_FILE), clone);
  });

  test("does not grow without end", async () => {
    const stack = await stackOf(Deferred.run(() => {
      const down = (n: number): number => {
        if (n === 0) throw new Error("bottom");
        return down(n - 1) + 1;
      };
      return down(500);
    }));
    assert.match(stack, /down/);
    const lines = stack.split("\n").length;
    assert.ok(lines >= 8 && lines <= 200, `${lines} lines`);
  });

  test("of an error that was an argument stays as it was", async () => {
    const given = new Error("given");
    const back = await Deferred.run((e) => e, given);
    assert.equal(back.stack, given.stack);
  });

  test("of an argument that is thrown, held, or very long leads to where the host made it", async () => {
    const given = new Error("given ".repeat(5000), { cause: new RangeError("inner") });
    const frames = (error: Error): string[] =>
      error.stack!.split("\n").filter((line) => line.includes("errors_test.ts"));
    const thrown = await errorOf(Deferred.run((e) => {
      throw e;
    }, given));
    assert.ok(thrown.stack!.startsWith("Error: given given"));
    assert.equal(frames(thrown)[0], frames(given)[0]);
    assert.equal((thrown.cause as Error).stack, (given.cause as Error).stack);
    const held = await Deferred.run((all) => new Map([[1, all[0]!]]), [given]);
    assert.equal(held.get(1)!.stack, given.stack);
  });

  test("of an error that is shared with a pool's tasks stays as it was", async () => {
    const pool = new DeferredPool({ maxThreads: 1 });
    const given = { error: new Error("given") };
    pool.share(given);
    const back = await pool.run((g) => ({ e: g.error }), given);
    assert.equal(back.e.stack, given.error.stack);
    await pool.close();
  });

  test("of another task's argument is a text as any other", async () => {
    const given = new Error("given");
    const stack = await Deferred.run((e) => e.stack!, given);
    const told = await Deferred.run(
      (text) => Object.assign(new Error("x"), { stack: text }),
      stack,
    );
    assert.ok(told.stack!.includes("errors_test.ts"));
    assert.doesNotMatch(told.stack!, /^\s*at\s/m);
  });

  test("of an error class that captures its stack leads to the user's line", async () => {
    const stack = await stackOf(Deferred.run(() => {
      class Own extends Error {
        constructor(message: string) {
          super(message);
          Error.captureStackTrace(this, Own);
        }
      }
      throw new Own("caught"); // mark: captures
    }));
    assert.ok(stack.includes(`${THIS_FILE}:${lineOf("mark: captures")}`), stack);
  });

  test("shows functions by their names, narrow or wide, wherever these lie among the bytes", async () => {
    for (let length = 0; length < 4; length++) {
      const stack = await stackOf(
        Deferred.run((length: number) => {
          const functions = {
            é: () => functions.日本(),
            日本: () => {
              throw new Error("x".repeat(length));
            },
          };
          functions.é();
        }, length),
      );
      const names = stack.split("\n").map((line) => /^ +at ([^ ]+) \(/.exec(line)?.[1]);
      assert.deepEqual(names.slice(1, 3), ["日本", "é"], stack);
      assert.ok(stack.includes(THIS_FILE), stack);
    }
  });

  test("shows no frames that a task made up", async () => {
    const stack = await stackOf(Deferred.run(() => {
      throw Object.defineProperty(new Error("x"), "stack", {
        value: "    at evil (/etc/passwd:1:1)\n    at evil (file:///srv/app/auth.js:12:3)",
      });
    }));
    assert.doesNotMatch(stack, /evil/);
    assert.ok(stack.includes("errors_test.ts"));
  });
});

describe("the stack of an error of a call, thrown or not,", () => {
  const errorOf = async (call: () => unknown): Promise<Error> => {
    try {
      await call();
    } catch (error) {
      assert.ok(error instanceof Error, String(error));
      return error;
    }
    assert.fail("it was not refused");
  };
  const framesOf = ({ stack }: Error): string[] =>
    stack!.split("\n").filter((l) => /^ +at /.test(l));
  const pool = new DeferredPool({ maxThreads: 1 });
  const options = (value: unknown) => value as never;
  class Mine extends Deferred<number> {}
  class Point {}

  const closed = new DeferredPool();
  closed.destroy();
  const wrapped = pool.wrap((a: unknown) => a);
  const late = closed.wrap(() => 1);

  const calls: Record<string, () => unknown> = {
    "of no function": () => new Deferred(options(5)),
    "of a native function": () => Deferred.run(Math.max),
    "of a class that extends Deferred": () => new Mine(options(Point)),
    "with a free name": () => pool.run(() => framesOf),
    "with an argument that can't be cloned": () => pool.defer((a) => a, { args: [() => 1] }),
    "with an unknown option": () => new Deferred(() => 1, options({ no: 1 })),
    "with a limit that makes no sense": () => pool.defer(() => 1, { timeout: -1 }),
    "with a buffer that is none": () => new Deferred(() => 1, { transfer: options([5]) }),
    "of a closed pool": () => closed.run(() => 1),
    "of eval with a scope that can't be cloned": () => pool.eval("1", { scope: { a: () => 1 } }),
    "of DeferredPool": () => new DeferredPool({ maxThreads: 0 }),
    "of DeferredPool with a class that is none": () => new DeferredPool({ classes: options([1]) }),
    "of share": () => pool.share(options(5)),
    "of share, with a function": () => pool.share({ a: () => 1 }),
    "of wrap": () => pool.wrap(Math.max),
    "of Deferred.wrap": () => Deferred.wrap(() => framesOf),
    "of a wrapped function": () => wrapped(() => 1),
    "of a wrapped function whose pool is closed": () => late(),
    "of with": () => wrapped.with(options({ pool })),
  };
  for (const [what, call] of Object.entries(calls)) {
    test(`begins at the call ${what}`, async () => {
      const error = await errorOf(call);
      const [head, first] = error.stack!.split("\n");
      assert.equal(head, `${error.name}: ${error.message}`);
      assert.match(first!, /errors_test\.ts:\d+:\d+/, error.stack!);
      assert.doesNotMatch(error.stack!, /src\/\w+\.ts/);
      assert.ok(!Object.keys(error).includes("stack"));
    });
  }

  test("begins at the call of DeferredPool for what its classes throw, too", async () => {
    class Throwing {
      static ready: boolean = (() => {
        const host = typeof process !== "undefined";
        if (!host) throw new RangeError("from the class");
        return host;
      })();
    }
    const error = await errorOf(() => new DeferredPool({ classes: [Throwing] }));
    assert.match(error.stack!, /^RangeError: from the class\n.*errors_test\.ts/);
  });

  test("of the user's own code is left alone", async () => {
    const own = {
      get value(): number {
        return thrower();
      },
    };
    function thrower(): never {
      throw new TypeError("of the user's");
    }
    const error = await errorOf(() => pool.run((a: unknown) => a, own));
    assert.equal(error.message, "of the user's");
    assert.match(framesOf(error)[0]!, /thrower/);
    const nested = {
      get value(): unknown {
        return [Deferred.run(Math.max)];
      },
    };
    const inner = await errorOf(() => pool.run((a: unknown) => a, nested));
    assert.match(framesOf(inner)[0]!, /value/);
  });

  test("and the pool closes", () => pool.close());
});

describe("the stack of an error that a task returns", () => {
  const causes = (error: Error, inner: Error) => {
    const lines = error.stack!.split("\n");
    assert.equal(lines[0], "TypeError: outer");
    assert.match(lines[1]!, /^ {4}at .*errors_test\.ts:\d+:\d+\)$/);
    assert.equal(inner.stack!.split("\n")[0], "RangeError: inner");
    for (const { stack } of [error, inner]) assert.doesNotMatch(stack!, /deferred:task/);
    // Where the Deferred was made is told once.
    const makers = (stack: string) => stack.match(/makesIt/g)?.length ?? 0;
    assert.deepEqual([makers(error.stack!), makers(inner.stack!)], [1, 0]);
  };

  test("begins with name and message, and leads to the user's file", async () => {
    const error = await (async function makesIt() {
      return await Deferred.run(() => new TypeError("outer", { cause: new RangeError("inner") }));
    })();
    causes(error, error.cause as Error);
  });

  test("does so wherever in the result the error lies", async () => {
    const result = await (async function makesIt() {
      return await Deferred.run(async () => {
        const fail = async () => {
          throw new TypeError("outer", { cause: new RangeError("inner") });
        };
        const [settled] = await Promise.allSettled([fail()]);
        const { reason } = settled as PromiseRejectedResult;
        return {
          ok: false,
          list: [reason],
          map: new Map([[1, { error: await fail().catch((e) => e) }]]),
        };
      });
    })();
    for (const error of [result.list[0], result.map.get(1)!.error]) causes(error, error.cause);
  });

  test("does so for what a task throws that is no error but holds one", async () => {
    const thrown = await rejectionOf(Deferred.run(() => {
      throw { code: 5, error: new TypeError("held") };
    })) as { error: Error };
    assert.match(thrown.error.stack!, /^TypeError: held\n {4}at .*errors_test\.ts/);
  });

  test("is the engine's inside the task, and the task's own if it wrote one", async () => {
    const [inside, wrote] = await Deferred.run(() => {
      const error = new TypeError("x");
      return [error.stack!, Object.assign(new Error("y"), { stack: "Error: y, by me" })] as const;
    });
    assert.match(inside, /^ {4}at .*deferred:task/);
    assert.equal(wrote.stack, "Error: y, by me");
  });

  test("of an AggregateError that no code made is its name and message at least", async () => {
    const error = await Deferred.run(async () => {
      return await Promise.any([Promise.reject(new TypeError("a"))]).catch((e: Error) => e);
    }) as AggregateError;
    assert.match(error.stack!, /^AggregateError/);
    assert.match((error.errors[0] as Error).stack!, /^TypeError: a\n/);
  });

  test("is there for the first thousand of thousands", async () => {
    const errors = await Deferred.run(() =>
      Array.from({ length: 5000 }, (_, i) => new Error(`${i}`))
    );
    assert.equal(errors.length, 5000);
    assert.match(errors[0]!.stack!, /^Error: 0\n/);
    assert.match(errors[900]!.stack!, /^Error: 900\n/);
    assert.equal(errors[4999]!.message, "4999");
  });
});

describe("a rejection that nobody handles", () => {
  const FAIL = "() => { throw new RangeError('nobody caught me'); }";

  test("ends the process as a promise's does", async () => {
    const plain = await runProgram(
      `setTimeout(() => { Promise.reject(new RangeError("nobody caught me")); }, 10);
       setTimeout(() => console.log("went on"), 3000);`,
    );
    const deferred = await runProgram(
      `new Deferred(${FAIL}); setTimeout(() => console.log("went on"), 3000);`,
    );
    assert.equal(deferred.code, plain.code);
    assert.equal(deferred.stdout, plain.stdout);
    assert.match(deferred.stderr, /RangeError: nobody caught me/);
    assert.match(deferred.stderr, /program\.mjs/);
  });

  test("shows the program, and nothing of this package", async () => {
    for (const fn of ["() => new Promise(() => {})", "() => Symbol()"]) {
      const { stderr } = await runProgram(
        `async function main() { await new Deferred(${fn}); } await main();`,
      );
      assert.match(stderr, /can never settle|can't be cloned/);
      // Bun shows no stack of a DOMException.
      if (runtime !== "bun" || !stderr.includes("DataCloneError")) {
        assert.match(stderr, /program\.mjs/);
      }
      assert.doesNotMatch(stderr, /outcome\.ts|libraryError/);
    }
  });

  test("is told once to whoever listens, with the Deferred itself", async () => {
    const { code, stdout } = await runProgram(`
      let told = 0;
      process.on("unhandledRejection", (reason, promise) => {
        console.log(++told, reason.message, promise === made);
      });
      const made = new Deferred(${FAIL});
      setTimeout(() => {}, 300);`);
    assert.equal(stdout.trim(), "1 nobody caught me true");
    assert.equal(code, 0);
  });

  test("is none when a handler was there, or came in time", async () => {
    const { code, stdout, stderr } = await runProgram(`
      process.on("unhandledRejection", () => console.log("told"));
      const fail = ${FAIL};
      new Deferred(fail).catch(() => {});
      new Deferred(fail).then(() => {}, () => {});
      Promise.allSettled([new Deferred(fail), Deferred.run(fail)]);
      await new Deferred(fail).catch(() => {});
      const late = new Deferred(fail);
      for (let i = 0; i < 10; i++) await null;
      await late.catch(() => {});
      console.log("end");`);
    assert.equal(stdout.trim(), "end", stderr);
    assert.equal(code, 0);
  });

  test("inside a task disturbs neither the task nor the next", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    const result = pool.run(async () => {
      void Promise.reject(new Error("left behind"));
      await null;
      return 1;
    });
    assert.equal(await result, 1);
    assert.equal(await pool.run(() => 2), 2);
  });
});

describe("thrown values that mean harm", () => {
  const pool = new DeferredPool({ maxThreads: 1 });
  const survives = (what: string, fn: () => unknown, check: (error: unknown) => void) =>
    test(what, async () => {
      const made = pool.run(fn);
      check(await rejectionOf(made));
      assert.equal(await pool.run(() => 6 * 7), 42, "the thread goes on");
    });

  survives("an error whose properties throw", () => {
    const trap = {
      get: () => {
        throw new TypeError("from a getter");
      },
    };
    throw Object.defineProperties(new RangeError("hidden"), {
      message: trap,
      name: trap,
      stack: trap,
      cause: trap,
      code: { ...trap, enumerable: true },
    });
  }, (error) => {
    assert.ok(error instanceof RangeError);
    assert.match(error.stack!, /errors_test\.ts/);
  });

  survives("an object whose getter throws another like it, for ever", () => {
    const make = (): object => ({
      get next() {
        throw make();
      },
    });
    throw make();
  }, (error) => assert.ok(error instanceof DataCloneError, String(error)));

  survives("a function", () => {
    throw () => 1;
  }, (error) => assert.ok(error instanceof DataCloneError));

  survives("an error with parts that can't be cloned: text stands for them", () => {
    const cause = { deep: [1, () => 1] };
    throw Object.assign(new TypeError("with a function", { cause }), { fn: () => 1, code: "E_FN" });
  }, (error) => {
    assert.ok(error instanceof TypeError, String(error));
    assert.equal(error.message, "with a function");
    const { fn, code } = error as unknown as Record<string, unknown>;
    assert.equal(code, "E_FN");
    assert.match(fn as string, /function.*can't be cloned/);
    assert.match(error.cause as string, /can't be cloned.*deep\[1\]/);
  });

  survives("an error whose name and stack are no strings", () => {
    throw Object.defineProperties(new Error("m"), {
      name: { value: 5 },
      stack: { value: { a: 1 } },
    });
  }, (error) => {
    assert.ok(error instanceof Error);
    assert.equal(error.message, "m");
    assert.equal(error.name, "Error");
    assert.equal(typeof error.stack, "string");
  });

  survives("an error with a message of 10 MB", () => {
    throw new Error("x".repeat(10_000_000));
  }, (error) => assert.equal((error as Error).message.length, 10_000_000));

  survives("an error whose stack is 10 MB, or lies", () => {
    const error = new Error("m");
    error.stack = "Error: m\n" + "    at deferred:task:1:1\n".repeat(400_000);
    throw error;
  }, (error) => assert.equal((error as Error).message, "m"));

  survives("an error with prepareStackTrace turned against its reader", () => {
    (Error as unknown as { prepareStackTrace: unknown }).prepareStackTrace = () => {
      throw new Error("from prepareStackTrace");
    };
    throw new TypeError("m");
  }, (error) => assert.ok(error instanceof Error, String(error)));

  survives("a proxy that refuses everything", () => {
    const refuse = () => {
      throw new EvalError("trap");
    };
    throw new Proxy({}, { get: refuse, ownKeys: refuse, getPrototypeOf: refuse, has: refuse });
  }, (error) => assert.ok(error instanceof Error, String(error)));

  survives("a polluted Error.prototype", () => {
    Object.defineProperty(Error.prototype, "name", { get: () => "SyntaxError" });
    Object.defineProperty(Error.prototype, "toString", { value: null });
    throw new Error("m");
  }, (error) => {
    assert.ok(error instanceof Error);
    assert.equal(error.message, "m");
  });

  survives("a rejection with a promise that rejects itself", async () => {
    const list: unknown[] = [];
    list.push(list);
    throw list;
  }, (error) => assert.equal((error as unknown[])[0], error));

  survives("a thenable that calls back often, both ways and throws", () => ({
    then(resolve: (v: number) => void, reject: (v: number) => void) {
      reject(1);
      resolve(2);
      reject(3);
      throw 4;
    },
  }), (error) => assert.equal(error, 1));

  survives("a thenable that resolves with itself", () => {
    const self = {
      then(resolve: (v: unknown) => void) {
        resolve(new Promise(() => {}));
      },
    };
    return self;
  }, (error) => assert.ok(error instanceof UnsettledError));

  test("and the pool closes", async () => {
    await pool.close();
    assert.equal(pool.pending, 0);
  });
});
