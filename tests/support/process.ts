/**
 * Programs of their own, run by the runtime that runs the tests: for what only shows in a whole
 * process, such as exit codes, what keeps a process alive, and memory.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** The runtime that runs the tests. */
export const runtime: "deno" | "bun" | "node" = "Deno" in globalThis
  ? "deno"
  : "Bun" in globalThis
  ? "bun"
  : "node";

/** The package's entry, for programs to import. */
export const MOD: string = new URL("../../mod.ts", import.meta.url).href;

/** How long a program may take before it counts as hung, in ms; far more than any needs anywhere. */
export const HUNG: number = 10 * 60_000;

/** Flags for a program that does all its tests need: a global `gc` among them. */
const FLAGS = {
  deno: ["run", "--quiet", "--no-lock", "-A", "--v8-flags=--expose-gc"],
  bun: ["--expose-gc"],
  node: ["--disable-warning=ExperimentalWarning", "--expose-gc"],
};

/** What a program did. */
export interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a program is given besides its source. */
export interface Surroundings {
  /** Environment variables, besides those of the tests. */
  readonly env?: Readonly<Record<string, string>>;
  /** Further files in the program's folder, by name. */
  readonly files?: Readonly<Record<string, string>>;
  /** Nothing is imported beforehand: the program does so itself. */
  readonly bare?: boolean;
  /** Instead of the runtime's usual flags. */
  readonly flags?: readonly string[];
  /** Called with each piece of standard output, and a way to send a signal. */
  readonly onOutput?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
}

/**
 * Runs a module of its own to its end. `Deferred`, `DeferredPool` and `process` are imported
 * already. Rejects when it hangs.
 */
export async function runProgram(source: string, surroundings: Surroundings = {}): Promise<Ended> {
  const folder = await mkdtemp(join(tmpdir(), "deferred-test-"));
  const file = join(folder, "program.mjs");
  // In one line, so that the program's own lines are few to count.
  const imports = `import process from "node:process"; ` +
    `import { Deferred, DeferredPool } from ${JSON.stringify(MOD)};\n`;
  try {
    for (const [name, text] of Object.entries(surroundings.files ?? {})) {
      await writeFile(join(folder, name), text);
    }
    await writeFile(file, (surroundings.bare ? "" : imports) + source);
    return await runToEnd([...(surroundings.flags ?? FLAGS[runtime]), file], surroundings);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function runToEnd(args: string[], { env, onOutput }: Surroundings): Promise<Ended> {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    onOutput?.(text, (signal) => child.kill(signal));
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => stderr += text);
  return new Promise((resolve, reject) => {
    let hung = false;
    const timer = setTimeout(() => {
      hung = true;
      child.kill("SIGKILL");
    }, HUNG);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (!hung) return resolve({ code, signal, stdout, stderr });
      reject(new Error(`the program did not end in ${HUNG} ms\n${stdout}\n${stderr}`));
    });
  });
}

/** As {@linkcode runProgram}, for a program that must end well: gives its standard output. */
export async function outputOf(source: string, surroundings?: Surroundings): Promise<string> {
  const { code, signal, stdout, stderr } = await runProgram(source, surroundings);
  if (code !== 0) throw new Error(`the program ended with ${code ?? signal}\n${stdout}\n${stderr}`);
  return stdout.trim();
}
