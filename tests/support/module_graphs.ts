/**
 * Graphs of modules made at random, and what becomes of them by ECMA-262: they import each other in
 * every form, in cycles and themselves, wait for gates, throw, and read what others export.
 *
 * Run by Node.js with --experimental-vm-modules, the file itself is the reference: for each graph of
 * the seeds that it is given it prints what V8 makes of it.
 *
 *   node --experimental-vm-modules module_graphs.ts 0 100
 *
 * @module
 */
import process from "node:process";
import vm, { type SourceTextModule } from "node:vm";
import { numbersFrom } from "./seeds.ts";

export interface Graph {
  /** The texts of the modules; each imports "0", "1", ... and notes into `log`. */
  readonly texts: readonly string[];
  /** Imports a module, or opens a gate; between two, all happens that can. */
  readonly steps: readonly (readonly ["import" | "open", number])[];
}

export interface Outcome {
  /** What was evaluated, and what it saw, in each step. */
  readonly log: string[];
  /** What settled; "*" stands for one of several errors. */
  readonly ends: string[];
  /** Of each module that was imported, what it exports, at the end. */
  readonly seen: string[];
  /** How many imports never settled. */
  readonly pending: number;
}

/** Numbers of one graph. */
const numbers = (seed: number) => numbersFrom(Math.imul(seed + 1, 0x9e3779b1));

/** The graph of a seed. */
export function graphOf(seed: number): Graph {
  const below = numbers(seed);
  const chance = (percent: number) => below(100) < percent;
  const count = 1 + below(chance(20) ? 16 : 7);
  const [gated, throwing, odd] = [below(70), below(3) * 12, chance(25) ? 8 : 0];
  const backwards = chance(40) ? 0 : 60;
  let gates = 0;
  const texts = Array.from({ length: count }, (_, i) => {
    const head: string[] = [];
    const body = [`log.push("${i}");`];
    const taken = new Set<string>();
    // Few names, so that `export *` meets some of them twice, and none twice in one module.
    const name = (): string => {
      const free = ["w0", "w1", "w2", '"*"'][below(4)] ?? "";
      const unique = taken.has(free) ? `x${taken.size}` : free;
      taken.add(unique);
      return unique;
    };
    for (let n = below(4); n > 0; n--) {
      let to = below(count);
      // More of them lead on than back: else there would be little but cycles.
      if (to <= i && chance(backwards)) to = Math.min(count - 1, i + 1 + below(count));
      if (chance(odd)) {
        head.push(
          [
            `import { missing } from "${to}";`,
            `export { missing as m${n} } from "${to}";`,
            "export let v = 1, v = 2;",
            `export { gone${n} };`,
          ][below(4)] ?? "",
        );
      }
      const local = `i${n}`;
      const read = (text: string) =>
        `try { log.push("${i}${local}" + ${text}) } catch (e) { log.push("${i}${local}" + e.name) }`;
      switch (below(11)) {
        case 0:
          head.push(`import { v as ${local} } from "${to}";`);
          body.push(read(local));
          break;
        case 1:
          head.push(`import { f as ${local} } from "${to}";`);
          body.push(read(`${local}()`));
          break;
        case 2:
          head.push(`import * as ${local} from "${to}";`);
          body.push(read(`Object.keys(${local})`));
          break;
        case 3:
          head.push(`import * as ${local} from "${to}"; export { ${local} as ${name()} };`);
          body.push(read(`${local}.v`));
          break;
        case 4:
        case 5:
          head.push(`export * from "${to}";`);
          break;
        case 6:
          head.push(`export { v as ${name()} } from "${to}";`);
          break;
        case 7:
          head.push(`export * as ${name()} from "${to}";`);
          break;
        case 8:
          head.push(`import ${local} from "${to}"; export { ${local} as ${name()} };`);
          body.push(read(local));
          break;
        case 9:
          if (chance(30)) {
            head.push(`import { ${["w0", '"*"'][below(2)]} as ${local} } from "${to}";`);
            body.push(read(`typeof ${local}`));
          }
          break;
        default:
          head.push(`import "${to}";`);
      }
    }
    body.push(`export let v = ${i}; export function f() { return v }`);
    body.push(chance(80) ? `export default v + 0.5;` : "export { f as default };");
    const fails = chance(throwing);
    if (fails && chance(50)) body.push(`throw new RangeError("${i}");`);
    if (chance(gated)) {
      for (let n = 1 + below(2); n > 0; n--) {
        body.push(chance(40) ? "await 0;" : `await gate(${gates++});`, `log.push("${i}.${n}");`);
      }
      body.push("v += 100;");
    }
    if (fails) body.push(`throw new RangeError("${i}");`);
    if (chance(5)) body.push("await null;");
    return [...head, ...body].join("\n");
  });
  const steps: (readonly ["import" | "open", number])[] = [];
  for (let n = 1 + below(4); n > 0; n--) steps.push(["import", below(count)]);
  for (let n = 0; n < gates; n++) {
    const at = below(steps.length + 1);
    steps.splice(at, 0, ["open", n]);
  }
  // At the end all gates are open, and each module is imported once more.
  for (let n = 0; n < count; n++) steps.push(["import", n]);
  return { texts, steps };
}

/**
 * The program that goes through the steps. It calls `load(n)`, which is import(), and `settle()`,
 * after which all has happened that can. How many jobs lie between the end of a module and that of
 * who imported it differs: what is evaluated and what settles are noted apart, in each step.
 */
export const PROGRAM = `
  globalThis.log = [];
  const gates = [], opened = new Set(), ends = [], namespaces = [];
  globalThis.gate = (n) => new Promise((open) => opened.has(n) ? open() : gates[n] = open);
  const show = (ns, key) => {
    try { return typeof ns[key] === "number" ? ns[key] : typeof ns[key]; } catch (e) { return e.name; }
  };
  let pending = 0;
  for (const [what, n] of steps) {
    log.push(what + n);
    ends.push(what + n);
    if (what === "open") {
      opened.add(n);
      gates[n]?.();
    } else {
      pending++;
      load(n).then(
        (ns) => { namespaces[n] = ns; ends.push("ok" + n); },
        (e) => ends.push("failed" + n + e.name + (e.name === "RangeError" ? e.message : "")),
      ).finally(() => pending--);
    }
    await settle();
  }
  const seen = namespaces.map((ns) => Object.keys(ns).map((key) => key + show(ns, key)).join());
  globalThis.outcome = { log, ends, seen: Object.values(seen), pending };
`;

/** What V8 makes of a graph. */
async function referenceOf({ texts, steps }: Graph): Promise<Outcome> {
  const context = vm.createContext({ steps });
  const modules = new Map<number, SourceTextModule>();
  // What can't be read is an error of whoever reaches it.
  const get = (n: number) => {
    const known = modules.get(n);
    if (known) return known;
    const module = new vm.SourceTextModule(texts[n] ?? "", { context, identifier: String(n) });
    modules.set(n, module);
    return module;
  };
  const linked = new Set<number>();
  /** All that a module reaches. */
  const reached = (n: number) => {
    const seen = new Set([n]);
    for (const at of seen) {
      for (const { specifier } of get(at).moduleRequests) seen.add(Number(specifier));
    }
    return seen;
  };
  context["load"] = async (n: number) => {
    const seen = reached(n);
    for (const at of seen) {
      if (linked.has(at)) continue;
      const module = get(at);
      module.linkRequests(module.moduleRequests.map(({ specifier }) => get(Number(specifier))));
      linked.add(at);
    }
    const module = get(n);
    if (module.status === "unlinked") module.instantiate();
    // A cycle fails as a whole, by the error of its root. V8 26 has that of each, and aborts when a
    // module of it is asked for that had done by then.
    const done = module.status === "evaluated" || module.status === "errored";
    const cycle = done ? [...seen].filter((at) => reached(at).has(n)).map(get) : [];
    const [error, ...more] = new Set(
      cycle.filter(({ status }) => status === "errored").map(({ error }) => error),
    );
    if (more.length > 0) throw new RangeError("*");
    if (error !== undefined) throw error;
    await module.evaluate();
    return module.namespace;
  };
  context["settle"] = () => new Promise((resolve) => setImmediate(resolve));
  await vm.runInContext(`(async () => {${PROGRAM}})()`, context);
  return context["outcome"];
}

if (process.argv[1]?.endsWith("module_graphs.ts")) {
  const [from = 0, to = 0] = process.argv.slice(2).map(Number);
  for (let seed = from; seed < to; seed++) {
    process.stdout.write(`${JSON.stringify(await referenceOf(graphOf(seed)))}\n`);
  }
}
