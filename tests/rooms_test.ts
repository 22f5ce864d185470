/**
 * The rooms of the C library: what may know of what, as ARCHITECTURE.md says. Read off the sources.
 */
import { readdirSync, readFileSync } from "node:fs";
import { strict as assert } from "node:assert";
import { test } from "node:test";

const CSRC = new URL("../csrc/", import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, CSRC), "utf8");

/** What is said in comments is no use of anything. */
const code = (name: string): string => read(name).replace(/\/\*[^]*?\*\//g, "");

const names = readdirSync(CSRC).filter((name) => /\.[ch]$/.test(name));

const POOL = ["pool", "pool_parts", "submission", "task", "queue", "worker", "watchdog"]
  .concat("deadlines", "compiler", "preload", "errand", "seat", "seats");

/** Who of the pool's rooms calls the realm: for a worker `seat.c`, for the compiling realm three. */
const CALLS_REALM = ["seat.c", "compiler.c", "preload.c", "errand.c"];

/** What of the library a pool's room may include beside the rooms themselves. */
const KNOWN = ["realm", "guard", "harden", "completion", "program", "bytes", "slots", "lock"]
  .concat("os", "zone", "deferred", "grants", "wire", "jit/jit");

const roomOf = (name: string): string => name.replace(/\.[ch]$/, "");
const includes = (name: string): string[] =>
  [...read(name).matchAll(/^#include "(.+)\.h"/gm)].map((match) => match[1] ?? "");

test("the pool's rooms are all there", () => {
  for (const room of POOL) assert.ok(names.some((name) => roomOf(name) === room), room);
});

test("below the pool is the realm, and its rooms know nothing of what is in that", () => {
  for (const name of names.filter((name) => POOL.includes(roomOf(name)))) {
    for (const include of includes(name)) {
      assert.ok(
        POOL.includes(include) || KNOWN.includes(include),
        `${name} includes ${include}.h`,
      );
    }
    const calls = /\brealm_\w+\(/.exec(code(name));
    assert.ok(!calls || CALLS_REALM.includes(name), `${name} calls ${calls?.[0]}`);
  }
});

test("nothing points back: what is below the pool knows nothing of it", () => {
  for (const name of names.filter((name) => !POOL.includes(roomOf(name)))) {
    if (name === "deferred.c") continue;
    for (const include of includes(name)) {
      assert.ok(!POOL.includes(include), `${name} includes ${include}.h`);
    }
  }
});

test("the library knows no runtime", () => {
  for (const name of names) assert.doesNotMatch(code(name), /Deno|Bun\b|Node\.?js/, name);
});

const ROOT = new URL("../", import.meta.url);
const FILES = readdirSync(new URL("src/", ROOT), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts")).map((name) => `src/${name}`);
const text = (path: string): string => readFileSync(new URL(path, ROOT), "utf8");

test("outside ffi/ only those ask on which runtime they are that have a reason", () => {
  const reasons: Readonly<Record<string, string>> = {
    "src/runtime.ts": "names the runtime that is too old",
    "src/clone/encode.ts": "the fastest way to copy a string; how dear a pattern is",
    "src/clone/slots.ts": "the runtime's own classes, for messages",
    "src/function/advice.ts": "whether a function is the runtime's own, for messages",
    "src/function/locate.ts": "whether a source file may be read without asking",
    "src/function/stack.ts": "the cheapest way to record a stack",
    "src/pool/event_loop.ts": "the cheapest way out of an async context",
  };
  const asks = /["`]?(?:Deno|Bun)["`]? in globalThis|globalThis as \{|[`"](?:Deno|Bun)\./;
  const found = FILES.filter((path) => asks.test(text(path).replace(/^ *(?:\*|\/[/*]).*$/gm, "")));
  assert.deepEqual(found.sort(), Object.keys(reasons).sort());
});

test("the package depends on nothing but its runtime", () => {
  const manifest = JSON.parse(text("package.json"));
  for (const kind of ["dependencies", "optionalDependencies"]) {
    assert.equal(manifest[kind], undefined, kind);
  }
  // Only of plugin.ts and its room, which nobody imports who does not have them.
  assert.deepEqual(Object.keys(manifest.peerDependencies), ["unplugin", "magic-string"]);
  const optional = { optional: true };
  assert.deepEqual(manifest.peerDependenciesMeta, { unplugin: optional, "magic-string": optional });
  const all = [
    "mod.ts",
    ...FILES,
    ...readdirSync(new URL("ffi/", ROOT)).map((name) => `ffi/${name}`),
  ];
  for (const path of all) {
    for (
      const [, from] of text(path).matchAll(
        /^(?:import\b[^;"]*|\} from |export (?:type )?[{*][^;"]* from )"([^"]+)";/gm,
      )
    ) {
      const allowed = path.startsWith("src/plugin/")
        ? /^(?:\.|node:|magic-string$)/
        : /^(?:\.|node:|bun:)/;
      assert.match(from ?? "", allowed, `${path} imports ${from}`);
    }
  }
});

/** What a file of TypeScript imports when it runs, from the project's root. */
const imports = (path: string): string[] =>
  [
    ...readFileSync(new URL(path, ROOT), "utf8").matchAll(
      /^import (?!type )[^;]*? from "(\..+?)";/gm,
    ),
  ]
    .map((match) => new URL(match[1] ?? "", new URL(path, ROOT)).href.slice(ROOT.href.length));

test("what others wrote is pinned, and its licence is told", () => {
  const root = (path: string): string =>
    readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
  const notices = root("THIRD_PARTY_NOTICES");
  const pinned = JSON.parse(root("package.json")).devDependencies as Record<string, string>;
  const bundled = ["realm/", "parser/"].flatMap((folder) =>
    readdirSync(new URL(folder, ROOT)).filter((name) => name.endsWith(".js"))
      .map((name) => folder + name)
  );
  const packages = bundled.flatMap((path) =>
    [...root(path).matchAll(/ from "((?:@[^/"]+\/)?[^/."][^/"]*)/g)].map((found) => found[1]!)
  );
  assert.ok(packages.length > 0, "there are some");
  for (const name of packages) {
    assert.match(pinned[name] ?? "", /^\d+\.\d+\.\d+$/, `${name} is not pinned`);
    assert.ok(notices.includes(`the package ${name}`), `${name} is not in THIRD_PARTY_NOTICES`);
    const licence = root(`node_modules/${name}/LICENSE`).replaceAll("\r\n", "\n").trim();
    assert.ok(notices.includes(licence), `the licence of ${name} is not, or is another`);
  }
  assert.ok(notices.includes("zlib") && notices.includes("QuickJS-ng"));
});

test("what starts tasks knows of who runs them the interface, and nothing of the library", () => {
  const above = ["src/deferred.ts", "src/call.ts", "src/task.ts", "src/runner.ts", "src/limits.ts"];
  // `call.ts` takes from there whose tasks are run that name no pool.
  const known = [
    "ffi/symbols.ts",
    "src/pool/runner.ts",
    "src/pool/outcome.ts",
    "src/pool/signals.ts",
  ];
  for (const path of above) {
    assert.ok(path === "src/runner.ts" || imports(path).length > 0, path);
    for (const other of imports(path)) {
      const below = /^(ffi|src\/pool)\//.test(other);
      assert.ok(!below || known.includes(other), `${path} imports ${other}`);
      if (other === "src/pool/runner.ts") assert.equal(path, "src/call.ts");
    }
  }
});

/** Who may ask the system itself: of threads, for signals, for a filter; in tests, to fail. */
const ASKS = ["os.h", "os.c", "fault.h", "fault.c"];

test("the system is asked in os.c, but for sending a signal and what its handler does", () => {
  for (const name of names.filter((name) => !ASKS.includes(name))) {
    const headers = /#include <(pthread|signal|sched|fcntl|unistd|dlfcn|sys\/\w+)\.h>/.exec(
      code(name),
    );
    assert.ok(!headers || name === "harden.c", `${name}: ${headers?.[0]}`);
    const calls = /\b(pthread_(?!kill|sigmask)\w+|sigaction|sigaltstack|mmap|mprotect|socketpair)\(/
      .exec(
        code(name),
      );
    const handlers = name === "guard.c" && calls?.[0] === "sigaction(";
    assert.ok(!calls || handlers, `${name} calls ${calls?.[0]}`);
    assert.ok(!code(name).includes("pthread_kill") || name === "guard.c", name);
  }
});
