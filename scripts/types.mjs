/**
 * Generates docs/types.md from the tables in tests/support/types.ts, which tests/types_test.ts
 * verifies: what the document says of a type is what was tested.
 *
 *   node scripts/types.mjs           writes the file if it changed
 *   node scripts/types.mjs --check   fails if the file is not what would be written
 *
 * @module
 */

import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import path from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { BuildError } from "./engine.mjs";
import { findRuntime } from "./runtimes.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const TABLES = path.join(ROOT, "tests", "support", "types.ts");
const OUTPUT = path.join(ROOT, "docs", "types.md");

const HEAD = `<!-- Generated from tests/support/types.ts by scripts/types.mjs. Do not edit. -->

# What goes across, type by type

Each line is a test (\`tests/types_test.ts\`) that runs on Deno, Bun and Node.js: what a task sees of
an argument, what comes back of it, what comes out of a task that made it. Limits and advice are in
the guide: [what goes across](guide.md#what-goes-across), and [how memory crosses without a
copy](guide.md#large-buffers-and-shared-memory).

- **as it is**: it arrives the same, with its identity among the values that go with it.
- **becomes**: it arrives as something else, as in \`structuredClone\`; or it is left out.
- **refused**: with a \`DataCloneError\`, whose message tells the path and the type, and for
  arguments the advice that stands here.
- **–**: tasks have no such thing.

The last column says where the host's own \`structuredClone\` does something else than a task's
argument. Where it is empty, both do the same.
`;

const HOSTS = /** @type {const} */ ({ deno: "Deno", bun: "Bun", node: "Node.js" });

/** The tables, read by a Node.js that takes TypeScript: the one that runs this may be older. */
async function readTables() {
  const node = await findRuntime("node");
  if (!node.path) throw new BuildError(node.problem);
  const code = `import { tables } from ${JSON.stringify(pathToFileURL(TABLES).href)};` +
    "console.log(JSON.stringify(tables));";
  const { stdout } = await promisify(execFile)(node.path, ["--input-type=module", "-e", code]);
  return JSON.parse(stdout);
}

/** Code in an advice becomes code in Markdown. */
const markCode = (advice) => advice.replace(/(?:await )?[\w.]+\([^)]*\)|\[\.{3}[\w.]+\]/g, "`$&`");

/** What becomes of an argument, or of a result, whose refusal has less to say. */
function outcome({ is, to, advice }, brief) {
  switch (is) {
    case "same":
      return "as it is";
    case "changed":
      return to === "left out" ? to : `becomes ${to}`;
    case "refused":
      return advice && !brief ? `refused: ${markCode(advice)}` : "refused";
    case "lacking":
      return "–";
    default:
      throw new Error(`no outcome: ${is}`);
  }
}

/** What the structuredClone of a host does. */
function deed({ is, to }) {
  return { same: "clones it", changed: `gives ${to}`, refused: "refuses it" }[is];
}

/** What each host does that differs, those together that do the same. */
function hostsOf(hosts) {
  const names = Object.keys(HOSTS).filter((host) => hosts[host]);
  return [...new Set(names.map((host) => deed(hosts[host])))].map((text) => {
    const who = names.filter((host) => deed(hosts[host]) === text);
    return `${who.length === 3 ? "each" : who.map((host) => HOSTS[host]).join(", ")}: ${text}`;
  }).join("; ");
}

function lineOf({ type, argument, result, hosts }) {
  const likewise = result.is === "changed" && result.to === argument.to;
  const cells = [
    type,
    outcome(argument, false),
    likewise ? "likewise" : outcome(result, true),
    hostsOf(hosts),
  ];
  return `|${cells.map((cell) => cell && ` ${cell.replaceAll("|", "\\|")}`).join(" |")} |\n`;
}

const sectionOf = ({ title, rows }) =>
  `\n## ${title}\n\n| type | as an argument | as a result | \`structuredClone\` of the hosts |\n` +
  `|---|---|---|---|\n${rows.map(lineOf).join("")}`;

/**
 * Brings docs/types.md up to date, or tells whether it is.
 *
 * @param {{ check?: boolean }} [options]
 * @returns {Promise<"fresh" | "written" | "stale">}
 */
export async function types({ check = false } = {}) {
  const wanted = HEAD + (await readTables()).map(sectionOf).join("");
  const found = await readFile(OUTPUT, "utf8").catch((error) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  if (found === wanted) return "fresh";
  if (check) return "stale";
  await writeFile(OUTPUT, wanted);
  return "written";
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const state = await types({ check: process.argv.includes("--check") });
  if (state === "stale") {
    console.error("docs/types.md is not what tests/support/types.ts says: node scripts/types.mjs");
    process.exitCode = 1;
  } else {
    console.log(`docs/types.md ${state === "fresh" ? "is up to date" : "written"}`);
  }
}
