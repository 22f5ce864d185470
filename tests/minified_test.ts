/**
 * Tasks that use the web's globals, as minifiers write them: each of the usual ones makes its version
 * of the same functions, which are run in tasks.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { build, transformSync } from "esbuild";
import { minify } from "terser";
import { Deferred, DeferredPool } from "../mod.ts";
// @ts-ignore: it is a script, which has no declarations
import { findRuntime } from "../scripts/runtimes.mjs";

const SOURCE = String.raw`
globalThis.__minified = {
  async pack(text, format) {
    const packed = new Blob([text]).stream().pipeThrough(new CompressionStream(format));
    const unpacked = packed.pipeThrough(new DecompressionStream(format));
    let result = "";
    for await (const piece of unpacked.pipeThrough(new TextDecoderStream())) result += piece;
    return result;
  },
  route(href) {
    const pattern = new URLPattern({ pathname: "/users/:id(\\d+)/:tab?" });
    const { id, tab = "none" } = pattern.exec(href)?.pathname.groups ?? {};
    return [id, tab, new URL(href).searchParams.get("q")];
  },
  async events() {
    const target = new EventTarget(), controller = new AbortController(), seen = [];
    class Told extends Event {
      #what;
      constructor(type, what) {
        super(type);
        this.#what = what;
      }
      get what() {
        return this.#what;
      }
    }
    target.addEventListener("told", ({ what }) => seen.push(what), { signal: controller.signal });
    target.dispatchEvent(new Told("told", 1));
    controller.abort();
    target.dispatchEvent(new Told("told", 2));
    const { port1, port2 } = new MessageChannel();
    const message = new Promise((resolve) => port2.onmessage = resolve);
    port1.postMessage(structuredClone(new Map([["a", 1n]])));
    const { data } = await message;
    const headers = new Headers({ B: "2", a: "1" }), form = new FormData();
    form.append("file", new File(["x"], "x.txt"));
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode("abc"));
    return [
      seen.join(), data.get("a"), [...headers].join(), form.get("file").name,
      new Uint8Array(digest)[0], navigator.userAgent, performance.now() >= 0, atob(btoa("ok")),
    ];
  },
};`;

interface Tasks {
  pack(text: string, format: string): Promise<string>;
  route(href: string): unknown[];
  events(): Promise<unknown[]>;
}

async function byBun(source: string): Promise<string> {
  const bun = (await findRuntime("bun") as { path?: string }).path;
  assert.ok(bun, "there is no Bun");
  const dir = mkdtempSync(join(tmpdir(), "minified-"));
  try {
    writeFileSync(join(dir, "in.js"), source);
    const args = ["build", "--minify", "--outfile", join(dir, "out.js"), join(dir, "in.js")];
    const { status, stderr } = spawnSync(bun, args, { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    return readFileSync(join(dir, "out.js"), "utf8");
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const MINIFIERS: Record<string, (source: string) => string | Promise<string>> = {
  esbuild: (source) => transformSync(source, { minify: true }).code,
  "esbuild for ES2022": (source) => transformSync(source, { minify: true, target: "es2022" }).code,
  "esbuild, bundled": async (source) => {
    const { outputFiles } = await build({
      stdin: { contents: source, resolveDir: fileURLToPath(new URL(".", import.meta.url)) },
      bundle: true,
      minify: true,
      format: "iife",
      write: false,
    });
    return outputFiles[0]!.text;
  },
  terser: async (source) => (await minify(source, { toplevel: true, module: true })).code!,
  "terser, twice over": async (source) => {
    const options = { ecma: 2020, passes: 3, unsafe: true, pure_getters: true } as const;
    return (await minify(source, { toplevel: true, module: true, compress: options })).code!;
  },
  Bun: byBun,
};

describe("tasks that use the web's globals, minified by", () => {
  for (const [name, minified] of Object.entries(MINIFIERS)) {
    test(name, async () => {
      const code = await minified(SOURCE);
      assert.ok(code.length < SOURCE.length * 1.4, code);
      (0, eval)(code);
      const holder = globalThis as { __minified?: Tasks };
      const tasks = holder.__minified!;
      delete holder.__minified;
      await using pool = new DeferredPool({ maxThreads: 1 });
      for (const format of ["gzip", "deflate", "deflate-raw"]) {
        assert.equal(await pool.run(tasks.pack, "žluť".repeat(500), format), "žluť".repeat(500));
      }
      assert.deepEqual(await Deferred.run(tasks.route, "https://a/users/7/all?q=1"), [
        "7",
        "all",
        "1",
      ]);
      assert.deepEqual(await pool.run(tasks.route, "https://a/users/x"), [undefined, "none", null]);
      assert.deepEqual(
        await pool.run(tasks.events),
        ["1", 1n, "a,1,b,2", "x.txt", 0xba, "Deferred", true, "ok"],
      );
    });
  }
});
