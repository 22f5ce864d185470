/**
 * Counts the words of Markdown files, each file in a task of its own. The program reads, the task
 * thinks; the event loop has the next file in the meantime.
 *
 *   deno run --allow-ffi --allow-read examples/words.ts [FILE ...]      (default: README.md)
 *   bun examples/words.ts [FILE ...]
 *   node examples/words.ts [FILE ...]
 */
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Deferred } from "../mod.ts";

interface Count {
  readonly words: number;
  readonly headings: string[];
  readonly links: number;
  readonly samples: number;
  /** How often each word comes, the most frequent first. */
  readonly frequent: Map<string, number>;
}

/** The task. It uses nothing from around it: types are gone when it runs. */
function count(markdown: string): Count {
  const samples = markdown.match(/^```[^]*?^```/gm) ?? [];
  const prose = markdown.replace(/^```[^]*?^```/gm, "").replace(/`[^`]*`/g, "");
  const links = prose.match(/\[[^\]]*\]\([^)]*\)/g) ?? [];
  const headings = [...prose.matchAll(/^#+ (.*)$/gm)].map(([, title]) => title!);
  const words = prose.replace(/\]\([^)]*\)/g, "]").match(/\p{L}[\p{L}'’-]*/gu) ?? [];
  const times = Map.groupBy(words, (word) => word.toLowerCase());
  const frequent = [...times].filter(([word]) => word.length > 4)
    .map(([word, all]) => [word, all.length] as const)
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, 8);
  return {
    words: words.length,
    headings,
    links: links.length,
    samples: samples.length,
    frequent: new Map(frequent),
  };
}

const files = process.argv.slice(2);
if (files.length === 0) files.push(fileURLToPath(new URL("../README.md", import.meta.url)));

const counts = files.map(async (file) => await Deferred.run(count, await readFile(file, "utf8")));
for (const [i, file] of files.entries()) {
  const { words, headings, links, samples, frequent } = await counts[i]!;
  console.log(`${basename(file)}: ${words} words, ${links} links, ${samples} samples of code`);
  console.log(`  ${headings.length} headings, from "${headings.at(0)}" to "${headings.at(-1)}"\n`);
  const most = Math.max(...frequent.values());
  for (const [word, times] of frequent) {
    console.log(`  ${word.padStart(12)}  ${"▇".repeat(Math.ceil(30 * times / most))} ${times}`);
  }
}
