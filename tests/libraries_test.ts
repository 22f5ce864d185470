/**
 * Libraries, as bundlers write them: they look for what is around them before they say what they
 * are, and go on without it.
 */
import assert from "node:assert/strict";
import { describe as group, test } from "node:test";
import { Deferred, FreeVariableError } from "../mod.ts";
import { PROBED } from "../src/function/advice.ts";

type Work = (...args: unknown[]) => unknown;

const factory = `function (lib) {
  lib.twice = (n) => 2 * n;
  lib.env = typeof process === "object" && process.env.HOME;
  lib.bytes = () => Buffer.from("text");
}`;

/** What bundlers make of a library, and of code that uses it as \`lib\`. */
const builds: Record<string, string> = {
  "a CommonJS bundle": `
    var module = { exports: {} }, exports = module.exports;
    (${factory})(module.exports);
    var lib = module.exports;`,
  "a CommonJS bundle that requires what may be missing": `
    var module = { exports: {} };
    try { module.exports.fs = require("node:fs"); } catch { module.exports.fs = null; }
    (${factory})(module.exports);
    var lib = module.exports;`,
  "UMD of rollup": `
    (function (global, factory) {
      typeof exports === "object" && typeof module !== "undefined" ? factory(exports) :
      typeof define === "function" && define.amd ? define(["exports"], factory) :
      (global = typeof globalThis !== "undefined" ? globalThis : global || self, factory(global.lib = {}));
    })(this, ${factory});`,
  "UMD of browserify": `
    (function (f) {
      if (typeof exports === "object" && typeof module !== "undefined") { module.exports = f() }
      else if (typeof define === "function" && define.amd) { define([], f) }
      else {
        var g;
        if (typeof window !== "undefined") { g = window }
        else if (typeof global !== "undefined") { g = global }
        else if (typeof self !== "undefined") { g = self }
        else { g = this }
        g.lib = f();
      }
    })(function () { var lib = {}; (${factory})(lib); return lib; });`,
  "UMD of webpack": `
    (function webpackUniversalModuleDefinition(root, factory) {
      if (typeof exports === "object" && typeof module === "object") module.exports = factory();
      else if (typeof define === "function" && define.amd) define([], factory);
      else if (typeof exports === "object") exports["lib"] = factory();
      else root["lib"] = factory();
    })(typeof self !== "undefined" ? self : this, () => { var lib = {}; (${factory})(lib); return lib; });`,
  "an IIFE that knows browsers, workers and Node": `
    var lib = {};
    var isBrowser = typeof window === "object" && typeof document !== "undefined";
    var isWorker = !isBrowser && typeof importScripts === "function";
    lib.root = isBrowser ? window : isWorker ? self : typeof global === "object" ? global : globalThis;
    (${factory})(lib);`,
};

group("a library is loaded by a function that is", () => {
  for (const [what, build] of Object.entries(builds)) {
    test(what, async () => {
      const use = new Function("n", `${build}\nreturn [lib.twice(n), lib.env];`) as Work;
      const task = new Deferred(use, { args: [21], allowGlobals: ["lib"] });
      assert.deepEqual(await task, [42, false]);
    });

    test(`${what}, and needs what is missing`, async () => {
      const use = new Function(`${build}\nreturn lib.bytes();`) as Work;
      await assert.rejects(new Deferred(use, { allowGlobals: ["lib"] }), {
        name: "ReferenceError",
        message: "Buffer is not defined: it is not available inside a task; use Uint8Array",
      });
    });
  }

  test("code that is text", async () => {
    for (const build of Object.values(builds)) {
      assert.equal(await Deferred.eval(`${build}\nlib.twice(4)`), 8);
    }
  });
});

group("names that libraries only probe", () => {
  for (const name of PROBED) {
    test(name, async () => {
      const probing = new Function(`
        if (typeof ${name} !== "undefined") return "there";
        try { return ${name}; } catch (error) { return error.message; }
      `) as Work;
      assert.equal(await Deferred.run(probing), `${name} is not defined`);
      const using = new Function(`return ${name}.key`) as Work;
      await assert.rejects(Deferred.run(using), (error: unknown) => {
        assert.ok(error instanceof ReferenceError);
        assert.match(
          error.message,
          new RegExp(`^${name} is not defined: (it|a function) [^]{10,200}$`),
        );
        return true;
      });
      const advised = await Deferred.eval(`${name}.key`).catch((error: Error) => error.message);
      assert.match(String(advised), new RegExp(`^${name} is not defined: it `));
      assert.doesNotMatch(String(advised), /`args`/, "a script has none");
    });
  }

  test("no others are let through, and a name that is used with them is still told of", () => {
    for (const name of ["fetch", "Worker", "rate"]) {
      const using = new Function(`return [typeof process, process, ${name}]`) as Work;
      assert.throws(() => new Deferred(using), (error: unknown) => {
        assert.ok(error instanceof FreeVariableError);
        assert.deepEqual(error.names, [name]);
        return true;
      });
    }
  });
});

test("what a task throws itself is not advised on, unless it is what its engine says", async () => {
  const said = async (message: string, name = "ReferenceError"): Promise<string> => {
    const make = (message: string, name: string): never => {
      throw Object.assign(new globalThis[name as "Error"](message));
    };
    const error = await Deferred.run(make, message, name).catch((error: Error) => error);
    return (error as Error).message;
  };
  for (const message of ["process is not defined\n", " process is not defined", "toString", ""]) {
    assert.equal(await said(message), message);
  }
  assert.equal(await said("process is not defined", "TypeError"), "process is not defined");
  const long = "process is not defined".repeat(50_000);
  assert.equal(await said(long), long);
  assert.match(await said("process is not defined"), /^process is not defined: it belongs to the/);
});
