/**
 * What the system or the library refuses: the call that needs it says so, with the reason and what
 * to do. No limit is off without a word.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { after, describe, test } from "node:test";
import {
  DeferredMemoryError,
  DeferredPool,
  DeferredResourceError,
  InternalError,
  LibraryError,
} from "../mod.ts";
import { ERROR, ERROR_TEXT } from "../ffi/symbols.ts";
import { libraryError } from "../src/pool/runner.ts";
import { outputOf } from "./support/process.ts";

const scratch = mkdtempSync(path.join(tmpdir(), "deferred-refused-"));
after(() => rmSync(scratch, { recursive: true }));

/** Lets calls of the library's alone fail: threads as RLIMIT_NPROC does, or large blocks. */
const SHIM = `
  #define _GNU_SOURCE
  #include <dlfcn.h>
  #include <errno.h>
  #include <pthread.h>
  #include <stdlib.h>
  #include <string.h>
  static int ours(void *code) {
    Dl_info info;
    return dladdr(code, &info) && info.dli_fname && strstr(info.dli_fname, "libdeferred");
  }
  int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg) {
    static int (*next)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    static _Atomic int count;
    const char *allowed = getenv("SHIM_THREADS");
    if (!next) next = dlsym(RTLD_NEXT, "pthread_create");
    if (allowed && ours((void *)run) && ++count > atoi(allowed)) return EAGAIN;
    return next(thread, attr, run, arg);
  }
  #include <signal.h>
  int sigaltstack(const stack_t *stack, stack_t *before) {
    static int (*next)(const stack_t *, stack_t *);
    if (!next) next = dlsym(RTLD_NEXT, "sigaltstack");
    if (stack && !(stack->ss_flags & SS_DISABLE) && getenv("SHIM_STACKS") && ours(__builtin_return_address(0))) {
      errno = ENOMEM;
      return -1;
    }
    return next(stack, before);
  }
  int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d) {
    static int (*next)(int, ...);
    if (!next) next = dlsym(RTLD_NEXT, "prctl");
    if (getenv("SHIM_FILTERS") && ours(__builtin_return_address(0))) {
      errno = EINVAL;
      return -1;
    }
    return next(option, a, b, c, d);
  }
  void *__libc_malloc(size_t);
  void *malloc(size_t size) {
    if (size >= 3000000 && size <= 3300000 && getenv("SHIM_BLOCKS") && ours(__builtin_return_address(0))) {
      errno = ENOMEM;
      return 0;
    }
    return __libc_malloc(size);
  }
`;

/** Runs a program beside the shim. */
function shimmed(source: string, env: Record<string, string>): Promise<string> {
  const shim = path.join(scratch, "shim.so");
  const file = path.join(scratch, "shim.c");
  writeFileSync(file, SHIM);
  const [cc, ...flags] = (process.env.CC || "cc").split(" ");
  execFileSync(cc!, [...flags, "-shared", "-fPIC", "-o", shim, file, "-ldl"]);
  return outputOf(source, { env: { ...env, LD_PRELOAD: shim } });
}

const LINUX = process.platform === "linux";
const SAY = `const say = (error) => console.log(error.name + ": " + error.message);\n`;

describe("where the system refuses threads", { skip: LINUX ? false : "needs LD_PRELOAD" }, () => {
  for (const [allowed, what] of [["0", "nothing that watches"], ["1", "no worker"]] as const) {
    test(`with ${what}, a task is refused, whatever its limits, and so is its pool's`, async () => {
      const said = await shimmed(
        `${SAY}
        const pool = new DeferredPool({ maxThreads: 2 });
        for (const limits of [{}, { timeout: 50 }, { cpuLimit: 50 }, { queueTimeout: 50 }]) {
          try {
            await pool.defer(() => { for (;;); }, limits);
          } catch (error) {
            say(error);
          }
        }
        console.log(pool.hardening, pool.threads, pool.pending);
        await pool.close();`,
        { SHIM_THREADS: allowed },
      );
      const lines = said.split("\n");
      assert.equal(lines.length, 5, said);
      for (const line of lines.slice(0, 4)) {
        assert.match(
          line,
          /^DeferredResourceError: the task could not be submitted: .*another thread \(pthread_create: Resource temporarily unavailable\); /,
        );
        assert.match(line, /ulimit -u/);
      }
      assert.equal(lines[4], "undefined 0 0");
    });
  }

  test("the threads that there are do the work, and limits hold", async () => {
    const said = await shimmed(
      `${SAY}
      const pool = new DeferredPool({ maxThreads: 4 });
      console.log((await Promise.all(Array.from({ length: 20 }, (_, i) => pool.run((n) => n, i)))).length);
      for (const limits of [{ timeout: 20 }, { cpuLimit: 20 }]) {
        await pool.defer(() => { for (;;); }, limits).catch(say);
      }
      console.log(pool.threads, pool.hardening.signal);
      await pool.close();`,
      { SHIM_THREADS: "2" }, // one watches, one works
    );
    const [count, timeout, cpu, threads] = said.split("\n");
    assert.equal(count, "20");
    assert.match(timeout ?? "", /^TimeoutError: .*timeout of 20 ms/);
    assert.match(cpu ?? "", /^TimeoutError: .*cpuLimit of 20 ms/);
    assert.equal(threads, "1 true");
  });

  test("a task whose thread is refused signals says so, and by which call", async () => {
    const said = await shimmed(`${SAY} await Deferred.run(() => 1).catch(say);`, {
      SHIM_STACKS: "1",
    });
    assert.match(
      said,
      /^DeferredResourceError: the task could not be run: .* \(sigaltstack: Cannot allocate memory\); see/,
    );
  });

  test("a pool whose threads' system calls can't be limited says so, and why", async () => {
    const said = await shimmed(
      `const pool = new DeferredPool();
      const { jit, ...hardening } = await pool.run(() => 1) && pool.hardening;
      console.log(typeof jit, JSON.stringify(hardening));
      await pool.close();
      console.log(pool.hardening);`,
      { SHIM_FILTERS: "1" },
    );
    const hardening = { signal: true, syscalls: false, reason: "prctl: Invalid argument" };
    assert.equal(said, `boolean ${JSON.stringify(hardening)}\nundefined`);
  });

  test("a program for which there is no memory is said to be that", async () => {
    const said = await shimmed(
      `${SAY}
      const text = Array.from({ length: 3100 }, (_, i) => JSON.stringify((i + "x").repeat(1000).slice(0, 1000)));
      try {
        await Deferred.run(new Function("return () => [" + text + "].length")());
      } catch (error) {
        say(error);
      }
      console.log(await Deferred.run(() => "goes on"));`,
      { SHIM_BLOCKS: "1" },
    );
    assert.match(
      said,
      /^DeferredResourceError: the function could not be compiled: the process has no memory left; .*\ngoes on$/,
    );
  });
});

test("4,095 pools may be open at once; the next one says so", async () => {
  const pools: DeferredPool[] = [];
  try {
    assert.throws(() => {
      for (let i = 0; i < 4096; i++) pools.push(new DeferredPool({ maxThreads: 1 }));
    }, (error) => {
      assert.ok(error instanceof DeferredResourceError && error instanceof LibraryError);
      assert.equal(error.code, "ERR_DEFERRED_RESOURCES");
      return /4,095 pools/.test(error.message);
    });
  } finally {
    for (const pool of pools) pool.destroy();
  }
  const pool = new DeferredPool();
  assert.equal(await pool.run(() => 1), 1);
  await pool.close();
});

test("a function that needs more memory than its pool's limit says so", async () => {
  const pool = new DeferredPool({ maxThreads: 1, memoryLimit: 2 ** 20 });
  const text = Array.from({ length: 20_000 }, (_, i) => `{ a: ${i} }`).join();
  const large = new Function(`return () => [${text}]`)() as () => unknown;
  await assert.rejects(
    () => pool.run(large),
    (error) => error instanceof DeferredMemoryError && /memoryLimit of 1 MiB/.test(error.message),
  );
  assert.equal(await pool.run(() => 1), 1);
  await pool.close();
});

test("each refusal has its own words, and those that a user can mend say how", () => {
  const messages = new Set<string>();
  for (const error of Object.values(ERROR)) {
    const refusal = libraryError("the task could not be submitted", error, {});
    assert.ok(refusal.message.includes(ERROR_TEXT[error]!), refusal.message);
    messages.add(refusal.message);
    // SLOW is told by who compiles.
    const ours = [ERROR.HANDLE, ERROR.INVALID, ERROR.REPLY_SIZE, ERROR.SLOW] as number[];
    assert.equal(refusal instanceof InternalError, ours.includes(error), refusal.message);
    if (!(refusal instanceof InternalError)) assert.match(refusal.message, /; /);
  }
  assert.equal(messages.size, Object.values(ERROR).length);
  assert.match(
    libraryError("the task could not be submitted", ERROR.FULL, {}).message,
    /1,048,575/,
  );
});
