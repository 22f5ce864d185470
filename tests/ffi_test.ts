import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { connectBy } from "../ffi/bun.ts";
import { loadNative } from "../ffi/load.ts";
import type { Connect, Link } from "../ffi/native.ts";
import { ABI, SYMBOLS, type Symbols } from "../ffi/symbols.ts";
import { SocketWaker } from "../ffi/waker.ts";
import { HUNG } from "./support/process.ts";

const RUNTIME = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";
const BUILD = RUNTIME === "deno" ? "deno task build" : "npm run build";
const FIXTURE = fileURLToPath(new URL("fixtures/native.ts", import.meta.url));

const scratch = mkdtempSync(path.join(tmpdir(), "deferred-ffi-"));
after(() => rmSync(scratch, { recursive: true }));

interface Ended {
  code: number | string | null | undefined;
  stdout: string;
  stderr: string;
}

/** Runs a scenario of fixtures/native.ts under this runtime. */
function run(scenario: string, flags?: string[], env?: Record<string, string>): Promise<Ended> {
  return start([process.execPath, ...scenarioArgs(scenario, flags)], env);
}

function scenarioArgs(scenario: string, flags?: string[]): string[] {
  const first = RUNTIME === "deno" ? ["run", ...(flags ?? ["-A"])] : flags ?? [];
  return [...first, FIXTURE, scenario];
}

function start([program, ...args]: string[], env?: Record<string, string>): Promise<Ended> {
  return new Promise((resolve) =>
    execFile(
      program!,
      args,
      { env: { ...process.env, NO_COLOR: "1", ...env }, timeout: HUNG, killSignal: "SIGKILL" },
      (error, stdout, stderr) =>
        resolve({ code: error ? error.code ?? error.signal : 0, stdout: stdout.trim(), stderr }),
    )
  );
}

interface Load {
  runtime?: string;
  again?: boolean;
  name?: string;
  code?: string;
  message: string;
  cause?: string;
}

/** Loads the library in a process of its own and returns what came of it. */
async function load(flags?: string[], env?: Record<string, string>): Promise<Load> {
  const { code, stdout, stderr } = await run("load", flags, env);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

function file(name: string, content: string): string {
  const at = path.join(scratch, name);
  writeFileSync(at, content);
  return at;
}

/** Compiles a library out of C. */
function library(name: string, source: string): string {
  const at = path.join(scratch, name);
  const [cc, ...flags] = (process.env.CC || "cc").split(" ");
  execFileSync(cc, [...flags, "-shared", "-fPIC", "-o", at, file(`${name}.c`, source)]);
  return at;
}

test("the library is loaded once", () => {
  const native = loadNative();
  assert.equal(native.runtime, RUNTIME);
  assert.equal(native.symbols.dfd_abi(), ABI);
  assert.equal(loadNative(), native);
});

test("view() is the library's own memory", () => {
  const { symbols, view } = loadNative();
  const pool = symbols.dfd_pool_open();
  const address = symbols.dfd_pool_control(pool);
  new Uint32Array(view(address, 8))[1] = 0x12345678;
  assert.equal(new DataView(view(address + 4, 4)).getUint32(0, true), 0x12345678);
  assert.equal(symbols.dfd_pool_close(pool), 0);
});

test("a missing library: where it was looked for, and how to build it", async () => {
  const at = path.join(scratch, "nowhere", "libdeferred.so");
  const { name, code, message, cause } = await load(undefined, { DEFERRED_LIBRARY: at });
  assert.equal(name, "LibraryNotFoundError");
  assert.equal(code, "ERR_DEFERRED_LIBRARY_NOT_FOUND");
  for (const part of [at, BUILD, "DEFERRED_LIBRARY"]) {
    assert.ok(message.includes(part), `${part} in: ${message}`);
  }
  assert.match(cause ?? "", /\S/);
});

test("DEFERRED_LIBRARY is a path, not a name to search for", async () => {
  const { name, message } = await load(undefined, { DEFERRED_LIBRARY: "libnowhere.so" });
  assert.equal(name, "LibraryNotFoundError");
  assert.ok(message.includes("./libnowhere.so"), message);
});

test("a file that is no library", async () => {
  const at = file("text.so", "not a library\n");
  const { name, code, message, cause } = await load(undefined, { DEFERRED_LIBRARY: at });
  assert.equal(name, "LibraryError");
  assert.equal(code, "ERR_DEFERRED_LIBRARY");
  for (const part of ["damaged", process.arch, at, BUILD]) {
    assert.ok(message.includes(part), `${part} in: ${message}`);
  }
  assert.match(cause ?? "", /text\.so/);
});

test("no file that can be opened is no damaged library, and passes", async () => {
  const limited = ["sh", "-c", 'ulimit -n 64 && exec "$0" "$@"'];
  const { code, stdout, stderr } = await start([
    ...limited,
    process.execPath,
    ...scenarioArgs("exhausted"),
  ]);
  assert.equal(code, 0, stderr);
  const { message, again } = JSON.parse(stdout) as Load;
  assert.match(message, /no more files or memory; raise its limits \(ulimit -a\)/);
  assert.equal(again, true);
});

test("a library of something else", async () => {
  const at = library("else.so", "int something_else(void) { return 0; }");
  const { name, message, cause } = await load(undefined, { DEFERRED_LIBRARY: at });
  assert.equal(name, "LibraryError");
  assert.match(message, /another library/);
  assert.match(cause ?? "", /dfd_/);
});

const stale = "unsigned dfd_abi(void) { return 0x1234u; }\n";
const others = Object.keys(SYMBOLS).filter((name) => name !== "dfd_abi")
  .map((name) => `int ${name}(void) { return 0; }\n`).join("");
for (
  const [title, source] of [
    ["a library of another version", stale + others],
    ["a library of another version that lacks functions", stale],
  ]
) {
  test(title, async () => {
    const at = library("stale.so", source);
    const { name, code, message } = await load(undefined, { DEFERRED_LIBRARY: at });
    assert.equal(name, "LibraryError");
    assert.equal(code, "ERR_DEFERRED_LIBRARY");
    for (const part of [at, "0x00001234", ABI.toString(16), BUILD]) {
      assert.ok(message.includes(part), `${part} in: ${message}`);
    }
  });
}

if (RUNTIME === "deno") {
  test("Deno needs --allow-ffi and says so", async () => {
    // A flag it must have: one without any is given all permissions by Deno's own child_process.
    const { name, message, cause } = await load(["--no-prompt", "--allow-read"]);
    assert.equal(name, "LibraryError");
    assert.match(message, /--allow-ffi/);
    assert.match(cause ?? "", /ffi access/);
  });

  test("Deno's permission for a single file is not enough, and the error says so", async () => {
    const { message } = await load(["--no-prompt", "--allow-ffi=build/release/libdeferred.so"]);
    assert.match(message, /--allow-ffi \(the whole permission/);
  });

  test("Deno needs nothing but --allow-ffi", async () => {
    const { runtime, again } = await load(["--no-prompt", "--allow-ffi"]);
    assert.deepEqual({ runtime, again }, { runtime: "deno", again: true });
    const { stdout, stderr } = await run("pending", ["--no-prompt", "--allow-ffi"]);
    assert.equal(stdout, "woken", stderr);
  });

  test("Deno without --allow-read can't tell a missing library from a foreign one", async () => {
    const flags = ["--no-prompt", "--allow-ffi", "--allow-env"];
    const at = path.join(scratch, "nowhere.so");
    const { name, message } = await load(flags, { DEFERRED_LIBRARY: at });
    assert.equal(name, "LibraryNotFoundError");
    assert.ok(message.includes(process.arch), message);
  });
}

if (RUNTIME === "node") {
  const root = fileURLToPath(new URL("..", import.meta.url));

  test("Node's permission model needs --allow-ffi, and the error says so", async () => {
    const { name, message, cause } = await load(["--permission", `--allow-fs-read=${root}`]);
    assert.equal(name, "LibraryError");
    assert.match(message, /--allow-ffi/);
    assert.match(cause ?? "", /restricted/);
  });

  test("Node's permission model with --allow-ffi", async () => {
    const flags = ["--permission", `--allow-fs-read=${root}`, "--allow-ffi"];
    const { stdout, stderr } = await run("pending", flags);
    assert.equal(stdout, "woken", stderr);
  });

  for (
    const [version, advice] of [
      [undefined, /--no-experimental-ffi/],
      ["26.3.0", /--experimental-ffi/],
      ["22.11.0", /Node\.js 26\.1 .*or newer; this is Node\.js 22\.11\.0/],
    ] as const
  ) {
    test(`Node ${version ?? "of today"} without node:ffi`, async () => {
      const claim = version
        ? `Object.defineProperty(process.versions, "node", { value: "${version}" })`
        : "";
      const flags = ["--no-experimental-ffi", "--import", `data:text/javascript,${claim}`];
      const { name, message } = await load(flags);
      assert.equal(name, "LibraryError");
      assert.match(message, advice);
    });
  }
}

for (
  const [title, scenario, stdout, code] of [
    ["a process stays up while it waits for a task", "pending", "woken", 0],
    ["a process ends when it waits for none, whatever still runs", "disarmed", "disarmed", 0],
    ["a process may exit while it waits", "exit", "", 7],
    ["a wake-up that comes while the event loop is busy", "late", "woken", 0],
    ["Workers may be terminated while they wait", "terminate", "woken", 0],
  ] as const
) {
  test(title, async () => {
    const ended = await run(scenario);
    assert.deepEqual({ stdout: ended.stdout, code: ended.code }, { stdout, code }, ended.stderr);
  });
}

/** A waker on a library and a socket that are written down instead of used. */
class Scene {
  readonly log: string[] = [];
  readonly waker: SocketWaker;
  wakes = 0;
  fd = 5;
  completed = false;
  arrive = (): void => assert.fail("no socket");
  lose = (): void => assert.fail("no socket");

  constructor() {
    const symbols = {
      dfd_waker_fd: (pool: number) => {
        this.log.push(`pair of ${pool}`);
        return this.fd;
      },
      dfd_park: () => {
        this.log.push("park");
        return this.completed ? 1 : 0;
      },
    } as unknown as Symbols;
    const connect: Connect = (fd, wake, lost): Link => {
      this.log.push(`connect ${fd}`);
      this.arrive = wake;
      this.lose = lost;
      return {
        ref: () => this.log.push("ref"),
        unref: () => this.log.push("unref"),
        close: () => this.log.push("close"),
      };
    };
    this.waker = new SocketWaker(symbols, 3, () => this.wakes++, connect);
  }

  /** Resolves once `count` more wake-ups came. */
  async more(count: number): Promise<void> {
    const enough = this.wakes + count;
    while (this.wakes < enough) await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

test("a waker makes its socket when it is first armed, and parks once more", () => {
  const scene = new Scene();
  assert.deepEqual(scene.log, []);
  scene.waker.arm();
  scene.waker.arm();
  assert.deepEqual(scene.log.splice(0), ["pair of 3", "connect 5", "park", "ref"]);
  scene.arrive();
  scene.arrive();
  assert.equal(scene.wakes, 2);
  scene.waker.disarm();
  scene.waker.disarm();
  scene.waker.arm();
  scene.waker.close();
  assert.deepEqual(scene.log, ["unref", "ref", "close"]);
});

test("a waker whose task completed before there was a socket wakes by itself", async () => {
  const scene = new Scene();
  scene.completed = true;
  scene.waker.arm();
  assert.equal(scene.wakes, 0, "never inside of arm()");
  await scene.more(1);
  scene.waker.close();
});

test("a closed waker is silent", () => {
  const scene = new Scene();
  scene.waker.arm();
  scene.waker.close();
  scene.arrive();
  scene.waker.arm();
  scene.waker.disarm();
  assert.equal(scene.wakes, 0);
  assert.deepEqual(scene.log, ["pair of 3", "connect 5", "park", "ref", "close"]);
});

test("a waker without descriptors looks now and then, while armed", async () => {
  const scene = new Scene();
  scene.fd = -7;
  scene.waker.arm();
  await scene.more(2);
  scene.waker.disarm();
  const { wakes } = scene;
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(scene.wakes, wakes);
  scene.fd = 5; // descriptors are there again
  scene.waker.arm();
  assert.ok(scene.log.includes("connect 5"));
  scene.waker.close();
});

test("what is asked of a socket of Bun's before it is open counts when it is", async () => {
  type Options = Parameters<Parameters<typeof connectBy>[0]["connect"]>[0];
  for (
    const [asked, expected] of [
      [[], ["unref"]],
      [["ref"], []],
      [["ref", "unref"], ["unref"]],
      [["ref", "close"], ["terminate"]],
    ] as const
  ) {
    const log: string[] = [];
    let options: Options | undefined;
    const connect = (given: Options): Promise<never> => {
      options = given;
      return new Promise(() => {});
    };
    const link = connectBy({ connect })(5, () => {}, () => {});
    for (const call of asked) link[call]();
    options!.socket.open({
      ref: () => log.push("ref"),
      unref: () => log.push("unref"),
      terminate: () => log.push("terminate"),
    });
    assert.deepEqual(log, expected, asked.join());
    link.close();
    await Promise.resolve();
  }
});

test("a waker that lost its socket goes on without", async () => {
  const scene = new Scene();
  scene.waker.arm();
  scene.lose();
  await scene.more(2);
  scene.waker.close();
});

test("the ABI number is that of the headers' declarations, whatever their comments say", async () => {
  const url = new URL("../scripts/symbols.mjs", import.meta.url).href; // not to be type-checked
  const { abiNumber } = await import(url);
  const number = (declarations: string): Promise<string> =>
    abiNumber({ "deferred.h": declarations, "wire.h": "" });
  const sound = await number('#define A(X) \\\n    X(B, 1, "a /* b */")\nint32_t c(void);\n');
  assert.equal(
    await number('/* new */\n#define A(X)   \\\n X(B, 1, "a /* b */")\n\n// C\nint32_t c(void);'),
    sound,
  );
  for (
    const other of [
      '#define A(X) \\\n    X(B, 2, "a /* b */")\nint32_t c(void);\n',
      '#define A(X) \\\n    X(B, 1, "a /* c */")\nint32_t c(void);\n',
      '#define A(X) \\\n    X(B, 1, "a /* b */")\nint32_t c(int32_t);\n',
    ]
  ) assert.notEqual(await number(other), sound);
  assert.equal(Number(await abiNumber()), ABI);
});
