/**
 * Adds up a large CSV file, with a bar on the terminal: the program cuts the file at ends of lines,
 * each part is a task, and all of them move the one bar.
 *
 *   deno run --allow-ffi --allow-env --allow-read --allow-write examples/csv.ts [FILE BY SUM]
 *   bun examples/csv.ts [FILE BY SUM]
 *   node examples/csv.ts [FILE BY SUM]
 *
 * SUM is the column with the numbers, BY the one by which they are added up. Without a FILE it makes
 * one, with 200,000 orders.
 */
import { Presets, SingleBar } from "cli-progress";
import { type FileHandle, mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { DeferredPool, type Reporter } from "../mod.ts";

/** How far a task is. */
interface Step {
  readonly rows: number;
  /** Of its part of the file, 0 to 1. */
  readonly share: number;
}

/** The task: adds up whole lines of a file. */
function addUp(bytes: Uint8Array, by: number, sum: number, { report }: Reporter<Step>) {
  const text = new TextDecoder().decode(bytes);
  const sums = new Map<string, number>();
  let row: string[] = [];
  let rows = 0;
  // A field in quotes may hold commas and ends of lines, and quotes twice.
  for (const match of text.matchAll(/("(?:[^"]|"")*"|[^,\r\n]*)(,|\r?\n|$)/g)) {
    const [whole, field, end] = match;
    if (whole === "") break;
    row.push(field!.startsWith('"') ? field!.slice(1, -1).replaceAll('""', '"') : field!);
    if (end === ",") continue;
    const key = row[by] ?? "";
    sums.set(key, (sums.get(key) ?? 0) + Number(row[sum]));
    row = [];
    report({ rows: ++rows, share: (match.index + whole.length) / text.length });
  }
  return sums;
}

/** What is left of a file, in parts of some `size` bytes, each of whole lines. */
async function* partsOf(file: FileHandle, from: number, size: number) {
  let rest = new Uint8Array(0);
  for (let at = from;;) {
    const bytes = new Uint8Array(rest.length + size);
    bytes.set(rest);
    const { bytesRead } = await file.read(bytes, rest.length, size, at);
    at += bytesRead;
    const length = rest.length + bytesRead;
    const end = bytesRead === 0 ? length : lastEnd(bytes.subarray(0, length));
    if (end > 0) yield bytes.slice(0, end);
    if (bytesRead === 0) return;
    rest = bytes.slice(end, length);
  }
}

/** Where the last whole line ends; 0 if none does. */
function lastEnd(bytes: Uint8Array): number {
  let last = 0;
  let quoted = false;
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] === 0x22) quoted = !quoted;
    else if (bytes[i] === 0x0a && !quoted) last = i + 1;
  }
  return last;
}

/** For want of a file. */
function orders(count: number): string {
  const goods = ["tea", "cake", '"bread, white"', "milk", '"the ""best"" butter"'];
  const lines = ["order,what,customer,price"];
  for (let i = 0; i < count; i++) {
    lines.push(`${i},${goods[i * 7919 % 5]},customer ${i * 104729 % 997},${i % 100 / 4}`);
  }
  return lines.join("\n");
}

const folder = await mkdtemp(join(tmpdir(), "csv-"));
const own = join(folder, "orders.csv");
const [path = own, by = "what", sum = "price"] = process.argv.slice(2);
if (path === own) await writeFile(own, orders(200_000));

await using file = await open(path);
const { size } = await file.stat();
const { buffer } = await file.read(new Uint8Array(4096), 0, 4096, 0);
const [head] = new TextDecoder().decode(buffer).split(/\r?\n/);
const names = head!.split(",");

const format = "{bar} {percentage} % | {rows} rows | {eta_formatted} left";
const bar = new SingleBar({ format }, Presets.shades_classic);
bar.start(size, 0, { rows: 0 });
const done: { bytes: number; rows: number }[] = []; // of each part
const draw = (): void => {
  const all = (of: "bytes" | "rows") => done.reduce((sum, part) => sum + part[of], 0);
  bar.update(all("bytes"), { rows: all("rows").toLocaleString("en") });
};

await using pool = new DeferredPool();
const parts = partsOf(file, head!.length + 1, 1 << 18);
const sums = new Map<string, number>();

/** Adds up one part after the other, until there are none; all lanes take from the same parts. */
async function lane(): Promise<void> {
  for await (const bytes of parts) {
    const { length } = bytes;
    const mine = { bytes: 0, rows: 0 };
    done.push(mine);
    const part = await pool.defer(addUp, {
      args: [bytes, names.indexOf(by), names.indexOf(sum)],
      transfer: [bytes.buffer],
      onProgress({ rows, share }: Step) {
        mine.bytes = share * length;
        mine.rows = rows;
        draw();
      },
    });
    for (const [key, sum] of part) sums.set(key, (sums.get(key) ?? 0) + sum);
  }
}

await Promise.all(Array.from({ length: pool.maxThreads }, lane));
bar.update(size);
bar.stop();
await rm(folder, { recursive: true });

const rows = done.reduce((sum, part) => sum + part.rows, 0);
console.log(`${rows} rows in ${done.length} parts; ${sum} by ${by}:`);
for (const [key, total] of [...sums].sort(([, a], [, b]) => b - a).slice(0, 10)) {
  console.log(`  ${key.padEnd(18)} ${total.toFixed(2).padStart(12)}`);
}
