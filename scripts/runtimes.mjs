/**
 * Finds the three runtimes, without anything global: the binaries that npm's platform packages
 * carry. (The packages `bun` and `node` get theirs by install scripts, which are not run.)
 *
 * In this order: the file named by DEFERRED_DENO, DEFERRED_BUN or DEFERRED_NODE; the platform
 * package; a runtime on the PATH whose version fits.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import path from "node:path";
import process from "node:process";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** @typedef {"deno" | "bun" | "node"} RuntimeName */
/** @typedef {{ name: RuntimeName, title: string, path: string, version: string }} Runtime */

/** The runtimes' own environment: no telemetry, no look for updates, no questions. */
export const QUIET = {
  DENO_NO_UPDATE_CHECK: "1",
  DENO_NO_PROMPT: "1",
  DO_NOT_TRACK: "1",
};

const { platform, arch } = process;
const other = { arm64: "aarch64", x64: "x64" }[arch] ?? arch;

/** @type {Record<RuntimeName, { title: string, oldest: string, files: string[] }>} */
const KNOWN = {
  deno: {
    title: "Deno",
    oldest: "2.9.0",
    files: [
      platform === "linux" ? `@deno/linux-${arch}-glibc/deno` : `@deno/${platform}-${arch}/deno`,
    ],
  },
  bun: {
    title: "Bun",
    oldest: "1.4.0",
    files: [
      `@oven/bun-${platform}-${other}/bin/bun`,
      `@oven/bun-${platform}-${other}-musl/bin/bun`,
    ],
  },
  node: {
    title: "Node",
    oldest: "26.0.0",
    files: [
      `node-${platform}-${arch}/bin/node`,
      `node-bin-${platform}-${arch}/bin/node`,
    ],
  },
};

/** @type {RuntimeName[]} */
export const RUNTIMES = ["deno", "bun", "node"];

/** What a program says of its version, or undefined if it does not run here. */
function ask(file) {
  return new Promise((resolve) => {
    const child = spawn(file, ["--version"], {
      env: { ...process.env, ...QUIET },
      stdio: ["ignore", "pipe", "ignore"],
      timeout: 20_000,
    });
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text) => said += text);
    child.on("error", () => resolve(undefined));
    child.on("close", (code) => resolve(code === 0 ? /\d+\.\d+\.\d+/.exec(said)?.[0] : undefined));
  });
}

/** @param {string} version @param {string} oldest */
function isAtLeast(version, oldest) {
  const [a, b] = [version, oldest].map((text) => text.split(".").map(Number));
  for (let i = 0; i < 3; i++) {
    if (a[i] !== b[i]) return a[i] > b[i];
  }
  return true;
}

/** @param {string} name of a program @returns {string[]} where the PATH might have it */
const onPath = (name) =>
  (process.env.PATH ?? "").split(path.delimiter).filter(Boolean).map((dir) => path.join(dir, name));

/**
 * Finds one runtime.
 *
 * @param {RuntimeName} name
 * @returns {Promise<Runtime | { name: RuntimeName, title: string, path?: undefined, problem: string }>}
 */
export async function findRuntime(name) {
  const { title, oldest, files } = KNOWN[name];
  const variable = `DEFERRED_${name.toUpperCase()}`;
  const named = process.env[variable];
  const candidates = named ? [named] : [
    ...files.map((file) => path.join(ROOT, "node_modules", file)),
    ...onPath(name),
  ];
  const seen = [];
  for (const file of candidates) {
    if (!await access(file, constants.X_OK).then(() => true, () => false)) continue;
    const version = await ask(file);
    if (version && isAtLeast(version, oldest)) return { name, title, path: file, version };
    seen.push(`${file} ${version ? `is ${version}` : "does not run here"}`);
  }
  const found = seen.length > 0 ? `; ${seen.join("; ")}` : named ? `; ${named} is no program` : "";
  return {
    name,
    title,
    problem:
      `no ${title} ${oldest} or newer was found (npm ci installs one where npm has a build ` +
      `for ${platform}-${arch}; ${variable} names another)${found}`,
  };
}
