/**
 * What is measured, in which figures, and what we aim at.
 *
 * @module
 */

import { VALUES } from "./values.mjs";

/**
 * @typedef {object} Figure
 * @property {string} key   in the JSON that a contender prints
 * @property {string} label
 * @property {string} unit
 *
 * @typedef {object} Measure
 * @property {string} name
 * @property {string} title
 * @property {string} kind      what a contender is asked for
 * @property {string} task      the name of one in tasks.mjs
 * @property {Record<string, number>} options  for the contender
 * @property {Record<string, number>} quick    what differs in a smoke run
 * @property {number} rounds    of an ordinary run: few where one takes long or wanders little
 * @property {Figure[]} figures
 * @property {string[]} [contenders]  who takes part, if not the usual ones
 */

/** Who takes part in a measure that says nothing else. */
export const USUAL = ["floor", "deferred", "worker", "piscina"];

/** Who can end a task. */
const LIMITED = ["deferred", "worker", "workerpool", "piscina"];

const P50 = { key: "p50", label: "p50", unit: "us" };
const P99 = { key: "p99", label: "p99", unit: "us" };
const RATE = { key: "rate", label: "", unit: "tasks/s" };

/** @type {Measure[]} */
export const MEASURES = [
  {
    name: "warm",
    title: "round trip, back to back",
    kind: "roundtrip",
    task: "increment",
    options: { ms: 500, tasks: 100, idle: 0 },
    quick: { ms: 150 },
    rounds: 5,
    figures: [P50, P99],
  },
  {
    name: "idle",
    title: "round trip, 5 ms after the last",
    kind: "roundtrip",
    task: "increment",
    options: { ms: 0, tasks: 120, idle: 5 },
    quick: { tasks: 30 },
    rounds: 5,
    figures: [P50, P99],
  },
  {
    name: "burst1",
    title: "20,000 tasks at once, 1 worker",
    kind: "burst",
    task: "increment",
    options: { tasks: 20_000, threads: 1, repeat: 2 },
    quick: { repeat: 1 },
    rounds: 5,
    figures: [RATE],
  },
  {
    name: "burst2",
    title: "20,000 tasks at once, 2 workers",
    kind: "burst",
    task: "increment",
    options: { tasks: 20_000, threads: 2, repeat: 2 },
    quick: { repeat: 1 },
    rounds: 5,
    figures: [RATE],
  },
  {
    name: "sum",
    title: "100 sums of 1..100,000, 2 workers",
    kind: "burst",
    task: "sum",
    options: { tasks: 100, threads: 2, arg: 100_000, repeat: 3 },
    quick: { repeat: 1 },
    rounds: 3,
    figures: [RATE],
  },
  {
    name: "first",
    title: "new pool to first result",
    kind: "first",
    task: "increment",
    options: { samples: 20 },
    quick: { samples: 5 },
    rounds: 3,
    figures: [{ key: "p50", label: "p50", unit: "ms" }],
  },
  {
    name: "memory",
    title: "memory of an idle worker",
    kind: "memory",
    task: "busy",
    options: { workers: 8, busy: 100 },
    quick: {},
    rounds: 3,
    figures: [{ key: "each", label: "", unit: "MB" }],
  },
  {
    name: "waiting",
    title: "CPU beside one 2 s task",
    kind: "waiting",
    task: "busy",
    options: { ms: 2000 },
    quick: { ms: 500 },
    rounds: 2,
    figures: [
      { key: "cpu", label: "", unit: "ms" },
      { key: "idle", label: "(2 s without a task)", unit: "ms" },
    ],
    contenders: ["deferred", "worker", "piscina"],
  },
  ...[["loop", "an endless loop"], ["builtin", "an endless builtin"]].map(([task, title]) => ({
    name: `kill-${task}`,
    title: `${title}, deadline to next`,
    kind: "kill",
    task,
    options: { ms: 20, time: 4000, tasks: 20 },
    quick: { time: 500, tasks: 5 },
    rounds: 3,
    figures: [
      { key: "p50", label: "p50", unit: "ms" },
      { key: "p99", label: "p99", unit: "ms" },
      { key: "left", label: "leaves running", unit: "threads" },
    ],
    contenders: LIMITED,
  })),
  {
    name: "clone",
    title: "there and back:",
    kind: "clone",
    task: "echo",
    options: { time: 300, tasks: 10 },
    quick: { time: 60, tasks: 4 },
    rounds: 3,
    figures: Object.entries(VALUES).map(([key, { title }]) => ({ key, label: title, unit: "us" })),
    contenders: ["deferred", "worker", "structured_clone", "json", "serialize"],
  },
];

/**
 * @typedef {object} Aim
 * @property {string} title
 * @property {string} measure
 * @property {string} figure
 * @property {"worker" | "workerpool" | "piscina" | "floor"} [versus]  the figure is divided by this one's
 * @property {string} [over]    the figure is divided by this one of the library's own
 * @property {number} [atMost]
 * @property {number} [atLeast]
 */

/** @type {Aim[]} */
export const AIMS = [
  ...["warm", "idle"].flatMap((measure) =>
    ["p50", "p99"].flatMap((figure) => {
      const title = `round trip, ${measure === "warm" ? "back to back" : "after 5 ms"}, ${figure}`;
      return [
        { title: `${title} / Worker's`, measure, figure, versus: "worker", atMost: 1 },
        { title: `${title} / Piscina's`, measure, figure, versus: "piscina", atMost: 0.5 },
      ];
    })
  ),
  ...["burst1", "burst2"].flatMap((measure, i) => {
    const title = `20,000 at once, ${i + 1} worker${i ? "s" : ""}`;
    const figure = "rate";
    return [
      { title: `${title} / Piscina's rate`, measure, figure, versus: "piscina", atLeast: 3 },
      { title: `${title} / C floor's rate`, measure, figure, versus: "floor", atLeast: 0.5 },
    ];
  }),
  { title: "new pool to first result, ms", measure: "first", figure: "p50", atMost: 1 },
  { title: "memory of a worker, MB", measure: "memory", figure: "each", atMost: 0.6 },
  { title: "CPU for waiting, ms", measure: "waiting", figure: "cpu", atMost: 5 },
  ...["loop", "builtin"].flatMap((task) => {
    const measure = `kill-${task}`, figure = "p50";
    const title = `endless ${task}, deadline to next`;
    return [
      { title: `${title}, ms`, measure, figure, atMost: 1 },
      { title: `${title} / Worker's`, measure, figure, versus: "worker", atMost: 0.1 },
      { title: `${title} / workerpool's`, measure, figure, versus: "workerpool", atMost: 0.1 },
      { title: `${title} / Piscina's`, measure, figure, versus: "piscina", atMost: 0.1 },
      { title: `${title}, threads left`, measure, figure: "left", atMost: 0 },
    ];
  }),
  ...Object.entries(VALUES).filter(([, { sort }]) => sort !== "moved").map(
    ([figure, { title, sort }]) => ({
      title: `${title}, there and back / Worker's`,
      measure: "clone",
      figure,
      versus: "worker",
      atMost: sort === "objects" ? 0.5 : 1,
    }),
  ),
  {
    title: "64 MB transferred / 1 MB transferred",
    measure: "clone",
    figure: "moved64",
    over: "moved1",
    atMost: 1.5,
  },
];
