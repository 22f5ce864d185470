/**
 * What a worker owes its process when things go wrong, or when the process changes as a whole: a
 * crash ends the process by its signal, and who changes the process's user or groups does not wait
 * for a worker. On the C side crash_test.c and harden_test.c have more of both.
 *
 * The crash is a real one: the host takes the memory away that it lent to the task.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import process from "node:process";
import { MOD, outputOf, runProgram, runtime } from "./support/process.ts";

const linux = process.platform === "linux";

/** What the build left, or whoever runs the tests names. */
const LIBRARY = process.env.DEFERRED_LIBRARY ??
  new URL("../build/release/libdeferred.so", import.meta.url).pathname;

/** `protect(address, size)` makes pages inaccessible, `addressOf(buffer)` tells where they are. */
const MEMORY = {
  deno: `
    const mprotect = { parameters: ["u64", "u64", "i32"], result: "i32" };
    const libc = Deno.dlopen("libc.so.6", { mprotect }).symbols;
    const addressOf = (buffer) =>
      Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(new Uint8Array(buffer))));`,
  bun: `
    import { dlopen, ptr } from "bun:ffi";
    const mprotect = { args: ["u64", "u64", "i32"], returns: "i32" };
    const libc = dlopen("libc.so.6", { mprotect }).symbols;
    const addressOf = (buffer) => ptr(new Uint8Array(buffer));`,
  node: `
    import { dlopen, getRawPointer } from "node:ffi";
    const mprotect = { arguments: ["u64", "u64", "i32"], return: "i32" };
    const libc = dlopen("libc.so.6", { mprotect }).functions;
    const addressOf = (buffer) => Number(getRawPointer(buffer));`,
}[runtime];

/** A task with `options` reads memory that is gone by then. */
const crash = (options: string): string => `
  ${MEMORY}
  const PAGE = 65536; // or a multiple of it
  const shared = new SharedArrayBuffer(3 * PAGE);
  const address = addressOf(shared), start = Math.ceil(address / PAGE) * PAGE;
  const bytes = new Uint8Array(shared);
  const task = new Deferred((bytes, at) => {
    Atomics.store(bytes, 0, 1);
    while (Atomics.load(bytes, 0) === 1) continue;
    for (;;) bytes[at];
  }, { args: [bytes, start - address + 8], ${options} });
  task.catch((error) => console.log(error.name));
  while (Atomics.load(bytes, 0) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  if (libc.mprotect(BigInt(start), BigInt(PAGE), 0) !== 0) throw new Error("mprotect failed");
  Atomics.store(bytes, 0, 2);
  await task.catch(() => {});
  console.log("went on");`;

describe("a crash of a worker ends the process by its signal", { skip: !linux }, () => {
  // Long, as the crash must come before; but far shorter than a program may hang.
  const LIMITS = {
    "": "no limit",
    "timeout: 120_000": "a timeout",
    "cpuLimit: 120_000": "a CPU limit",
  };
  for (const [options, what] of Object.entries(LIMITS)) {
    test(`in a task with ${what}`, async () => {
      const { signal, code, stdout, stderr } = await runProgram(crash(options));
      assert.equal(stdout, "", stderr);
      assert.ok(signal === "SIGSEGV" || code === 139, `${signal} ${code}\n${stderr}`);
    });
  }
});

describe("while workers live, a process changes its own", () => {
  const SAME = {
    setgid: "process.getgid()",
    setuid: "process.getuid()",
    setegid: "process.getegid()",
    seteuid: "process.geteuid()",
    setgroups: "process.getgroups()",
    initgroups: `"root", 0`,
  };
  const busy = `
    const pool = new DeferredPool({ maxThreads: 2 });
    await Promise.all([pool.run(() => 1), pool.run(() => 1)]);
    const endless = [pool.run(() => { for (;;); }), pool.run(() => { for (;;); })];
    endless.forEach((task) => task.catch(() => {}));`;
  for (const [name, args] of Object.entries(SAME)) {
    const offered = name in process && process.platform !== "win32";
    const root = process.getuid?.() === 0 || !/groups/.test(name);
    test(`${name}`, { skip: !offered || !root }, async () => {
      const stdout = await outputOf(`
        ${busy}
        process.${name}(${args});
        await pool.destroy();
        console.log(await Deferred.run(() => "done"));`);
      assert.equal(stdout, "done");
    });
  }

  test("user and group for others", { skip: !linux || process.getuid?.() !== 0 }, async () => {
    const stdout = await outputOf(`
      ${busy}
      import { readdirSync, readFileSync } from "node:fs";
      process.setgid(65534);
      process.setuid(65534);
      const users = readdirSync("/proc/self/task").map((thread) =>
        /Uid:\\s+(\\d+)/.exec(readFileSync("/proc/self/task/" + thread + "/status", "utf8"))[1]);
      await pool.destroy();
      console.log(new Set(users).size, users[0], await Deferred.run(() => "done"));`);
    assert.equal(stdout, "1 65534 done");
  });
});

/**
 * The handlers of signals run on every thread of the host, in the middle of anything. Storage of a
 * thread that libc allocates at the first access, by malloc, is none for them.
 */
test("the library's threads' storage is there from their start", {
  skip: !linux || !existsSync(LIBRARY),
}, () => {
  const file = readFileSync(LIBRARY);
  const [DYNAMIC, FLAGS, STATIC_TLS] = [6, 30n, 0x10n]; // SHT_DYNAMIC, DT_FLAGS, DF_STATIC_TLS
  const sections = Number(file.readBigUInt64LE(40)), size = file.readUInt16LE(58);
  let flags: bigint | undefined;
  for (let i = 0; i < file.readUInt16LE(60); i++) {
    const header = sections + i * size;
    if (file.readUInt32LE(header + 4) !== DYNAMIC) continue;
    const start = Number(file.readBigUInt64LE(header + 24));
    const end = start + Number(file.readBigUInt64LE(header + 32));
    for (let at = start; at < end; at += 16) {
      if (file.readBigUInt64LE(at) === FLAGS) flags = file.readBigUInt64LE(at + 8);
    }
  }
  assert.ok(flags !== undefined && (flags & STATIC_TLS) !== 0n, "no access at an offset");
  assert.ok(!file.includes("__tls_get_addr"), "an access that may allocate");
});

test("a host that loads a library with storage for threads, while tasks are ended", {
  skip: !linux,
}, async () => {
  const load = runtime === "deno"
    ? `Deno.dlopen(name, {})`
    : runtime === "bun"
    ? `(await import("bun:ffi")).dlopen(name, { __cxa_get_globals: { args: [], returns: "ptr" } })`
    : `process.getBuiltinModule("node:ffi").dlopen(name, {})`;
  const stdout = await outputOf(`
    const pool = new DeferredPool({ maxThreads: 2 });
    const endless = () => { for (;;) [].concat(new Date(2020, 1, 1).getHours()); };
    const end = () => pool.defer(endless, { timeout: 5 }).catch((error) => error.name);
    const before = await Promise.all([end(), end(), end()]);
    for (const name of ["libstdc++.so.6", "libgomp.so.1"]) {
      try { ${load}; } catch { /* it is not here */ }
    }
    const after = await Promise.all([end(), end(), end()]);
    console.log(new Set([...before, ...after]).size, after[0]);
    await pool.close();`);
  assert.equal(stdout, "1 TimeoutError");
});

/**
 * Compiling recurses in C as deep as a source is nested. How much of its stack a host has left for
 * that only the thread knows. The function is made beforehand: JavaScriptCore's parser, which takes
 * twice as long for each `[` of a text that ends in an error, would not come back from running out of
 * its stack there.
 */
describe("a function is made where the host's stack is nearly used up", () => {
  const program = `
    const nested = (0, eval)("() => " + "[".repeat(2000) + "]".repeat(2000));
    // Not all fail before there is a promise, and there may be no stack left to call its catch().
    process.on("unhandledRejection", () => {});
    const make = () => {
      try {
        new Deferred(nested);
        return "made";
      } catch (error) { return error.name; }
    };
    const deepest = (n) => {
      let above;
      try { above = deepest(n + 1); } catch { return make(); }
      return n % 7 === 0 && above === "RangeError" ? make() : above;
    };
    await Deferred.run(() => 1);
    const said = deepest(0);`;

  test("on the main thread", async () => {
    const stdout = await outputOf(`${program} console.log(said);`);
    assert.equal(stdout, "made");
  });

  test("in a Worker", async () => {
    const worker = `
      import { Deferred } from ${JSON.stringify(MOD)};
      ${runtime === "node" ? `import { parentPort } from "node:worker_threads";` : ""}
      ${program} ${runtime === "node" ? "parentPort" : "self"}.postMessage(said);`;
    const options = runtime === "node"
      ? "{ resourceLimits: { stackSizeMb: 1 } }"
      : `{ type: "module" }`;
    const stdout = await outputOf(
      `
      ${runtime === "node" ? `import { Worker } from "node:worker_threads";` : ""}
      const worker = new Worker(new URL("worker.mjs", import.meta.url), ${options});
      const said = await new Promise((resolve, reject) => {
        if (worker.on) worker.on("message", resolve).on("error", reject);
        else {
          worker.onmessage = ({ data }) => resolve(data);
          worker.onerror = reject;
        }
      });
      console.log(said);
      process.exit(0);`,
      { files: { "worker.mjs": worker } },
    );
    assert.equal(stdout, "made");
  });

  test("and what is told of that is the end of the stack", async () => {
    const stdout = await outputOf(`
      process.on("unhandledRejection", () => {}); // then() may find no stack either
      const told = new Set();
      const tell = (error) => told.add(error.name);
      const ends = [];
      let count = 0;
      const make = () => {
        const fn = (0, eval)("() => " + count++);
        try { ends.push(Deferred.run(fn).then(() => {}, tell)); } catch (error) { tell(error); }
      };
      const down = () => {
        let above = 0;
        try { above = down(); } catch {}
        try { if (above < 60) make(); } catch {}
        return above + 1;
      };
      await Deferred.run(() => 1);
      down();
      await Promise.all(ends);
      console.log(told.has("DataCloneError"), told.has("InternalError"));`);
    assert.equal(stdout, "false false");
  });

  test("as deep as on one of ours, where it is not", async () => {
    const stdout = await outputOf(`
      const nested = (0, eval)("() => " + "[".repeat(2000) + "]".repeat(2000) + ".length");
      console.log(await Deferred.run(nested));`);
    assert.equal(stdout, "1");
  });
});
