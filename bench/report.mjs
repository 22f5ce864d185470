/**
 * Figures as tables, aims as verdicts.
 *
 * A figure is the median over the rounds, with the lowest and highest beside it. A ratio is taken
 * within each round, where both contenders ran one right after the other, and then its median:
 * what disturbs a shared machine for a while disturbs both.
 *
 * @module
 */

import { AIMS } from "./measures.mjs";
import * as terminal from "../scripts/terminal.mjs";

/**
 * What one contender said in one round.
 * @typedef {object} Sample
 * @property {number} round
 * @property {string} measure
 * @property {string} runtime    "c" for the floor
 * @property {string} contender
 * @property {number} took       the whole process, in ms
 * @property {Record<string, number>} [figures]
 * @property {string} [failed]   why there are none
 */

/** @param {number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Three digits that mean something. @param {number} value */
function number(value) {
  const size = Math.abs(value);
  if (size < 1000 && Number.isInteger(value)) return String(value);
  if (size < 0.01) return value.toPrecision(1);
  if (size >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  if (size >= 1000) return `${(value / 1000).toFixed(size < 1e5 ? 1 : 0)} k`;
  return value.toFixed(size < 0.995 ? 2 : size < 99.5 ? 1 : 0);
}

/** @param {string} text @param {number} width */
const toRight = (text, width) =>
  " ".repeat(Math.max(0, width - terminal.plain(text).length)) + text;

/** @param {string} text @param {number} width */
const toLeft = (text, width) => text + " ".repeat(Math.max(0, width - terminal.plain(text).length));

/** Lines of columns, the first to the left, the others to the right. @param {string[][]} rows */
function table(rows) {
  const widths = rows[0].map((_, i) =>
    Math.max(...rows.map((row) => terminal.plain(row[i]).length))
  );
  return rows.map((row) =>
    row.map((cell, i) => i === 0 ? toLeft(cell, widths[0]) : toRight(cell, widths[i])).join("   ")
  );
}

/** Samples by what they are of. */
class Samples {
  /** @type {Map<string, Sample[]>} */
  #all = new Map();

  /** @param {Sample[]} samples */
  constructor(samples) {
    for (const sample of samples) {
      const key = `${sample.measure} ${sample.runtime} ${sample.contender}`;
      if (!this.#all.has(key)) this.#all.set(key, []);
      this.#all.get(key).push(sample);
    }
  }

  /** @returns {Map<number, number>} a figure of each round; empty if there is none */
  figures(measure, figure, runtime, contender) {
    const samples = this.#all.get(`${measure} ${runtime} ${contender}`) ?? [];
    return new Map(
      samples.filter(({ figures }) => figures?.[figure] !== undefined).map((
        { round, figures },
      ) => [round, figures[figure]]),
    );
  }

  /** Whether a contender took part in anything. */
  has(runtime, contender) {
    return [...this.#all.keys()].some((key) => key.endsWith(` ${runtime} ${contender}`));
  }

  failed(measure, runtime, contender) {
    const samples = this.#all.get(`${measure} ${runtime} ${contender}`) ?? [];
    return samples.some((sample) => sample.failed);
  }
}

/** @param {Iterable<number>} values */
function spread(values) {
  const all = [...values];
  return `${number(Math.min(...all))}–${number(Math.max(...all))}`;
}

/**
 * One runtime's table, with a column for each contender that took part in any of the measures.
 *
 * @param {{ runtime: string, contenders: { name: string, title: string }[],
 *   measures: import("./measures.mjs").Measure[], samples: Sample[] }} what
 */
export function runtimeTable({ runtime, contenders, measures, samples }) {
  const known = new Samples(samples);
  const columns = [
    ...contenders.map((contender) => ({ ...contender, runtime })),
    { name: "floor", title: "C floor", runtime: "c" },
  ].filter((column) => known.has(column.runtime, column.name));
  const rows = [["", ...columns.flatMap(({ title }) => [terminal.bold(title), ""])]];
  for (const { name, title, figures } of measures) {
    for (const { key, label, unit } of figures) {
      const row = [`${title}${label ? ` ${label}` : ""}, ${unit}`];
      for (const column of columns) {
        const values = [...known.figures(name, key, column.runtime, column.name).values()];
        if (values.length > 0) {
          row.push(number(median(values)), terminal.dim(values.length > 1 ? spread(values) : ""));
        } else {
          const failed = known.failed(name, column.runtime, column.name);
          row.push(failed ? terminal.red("failed") : terminal.dim("–"), "");
        }
      }
      rows.push(row);
    }
  }
  return table(rows);
}

/**
 * The aims: for each and each runtime, what was reached.
 *
 * @param {{ runtimes: { name: string, title: string }[], samples: Sample[] }} what
 */
export function judge({ runtimes, samples }) {
  const known = new Samples(samples);
  return AIMS.map((aim) => {
    const results = runtimes.map((runtime) => {
      let values = known.figures(aim.measure, aim.figure, runtime.name, "deferred");
      if (aim.versus || aim.over) {
        const where = aim.versus === "floor" ? "c" : runtime.name;
        const who = aim.versus ?? "deferred";
        const others = known.figures(aim.measure, aim.over ?? aim.figure, where, who);
        values = new Map(
          [...values].filter(([round]) => others.has(round))
            .map(([round, value]) => [round, value / others.get(round)]),
        );
      }
      if (values.size === 0) return { runtime: runtime.name };
      const value = median([...values.values()]);
      const reached = aim.atMost !== undefined ? value <= aim.atMost : value >= aim.atLeast;
      return { runtime: runtime.name, value, reached, all: [...values.values()] };
    });
    return { ...aim, results };
  });
}

/** @param {ReturnType<typeof judge>} verdicts @param {{ title: string }[]} runtimes */
export function aimTable(verdicts, runtimes) {
  const rows = [["", "aim", ...runtimes.flatMap(({ title }) => [terminal.bold(title), ""])]];
  for (const { title, atMost, atLeast, results } of verdicts) {
    if (results.every((result) => result.value === undefined)) continue;
    rows.push([
      title,
      atMost !== undefined ? `≤ ${atMost}` : `≥ ${atLeast}`,
      ...results.flatMap(({ value, reached, all }) =>
        value === undefined ? [terminal.dim("no figure"), ""] : [
          `${reached ? terminal.green("✓") : terminal.red("✗")} ${number(value)}`,
          terminal.dim(all.length > 1 ? spread(all) : ""),
        ]
      ),
    ]);
  }
  return table(rows);
}
