/**
 * Reads options, each once.
 *
 * An option is a property of the object itself, or one that its class gives it. Properties of
 * Object.prototype are never options: anything in the process may put them there.
 *
 * @module
 */
import { typeError } from "./errors.ts";
import { describe } from "./function/describe.ts";

/**
 * The options that were given. They inherit nothing, so an option that was not given is
 * `undefined`.
 */
class Given {}
Object.setPrototypeOf(Given.prototype, null);

/** No options, of whatever kind. */
export const NO_OPTIONS: Given = Object.freeze(new Given());

/** Whether this is Object.prototype, of whatever realm. */
function isRoot(prototype: object): boolean {
  return prototype === Object.prototype ||
    (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "hasOwnProperty"));
}

/**
 * The options of these names that are in `given`.
 *
 * @param refuse called with the name of an own enumerable property that is no option
 */
export function readOptions<T extends object>(
  given: object,
  names: ReadonlySet<string>,
  refuse: (name: string) => never,
): T {
  const options = new Given() as Record<string, unknown>;
  const all = given as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(given)) {
    if (!names.has(name)) refuse(name);
    options[name] = all[name];
  }
  let prototype = Object.getPrototypeOf(given) as object | null;
  while (prototype !== null && !isRoot(prototype)) {
    for (const name of Object.getOwnPropertyNames(prototype)) {
      if (names.has(name) && !Object.hasOwn(given, name)) options[name] ??= all[name];
    }
    prototype = Object.getPrototypeOf(prototype) as object | null;
  }
  return options as T;
}

/** Throws for what does not say whether, as the option `name` does. `where` begins the call. */
export function checkWhether(where: string, name: string, value: unknown): void {
  if (value === undefined || typeof value === "boolean") return;
  throw typeError(`${where}{ ${name} }): ${name} must be true or false, got ${describe(value)}`);
}

/** What other libraries call an option. */
const ELSEWHERE: ReadonlyMap<string, string> = new Map(
  ([
    ["args", "arguments argv params parameters input"],
    ["maxThreads", "threads workers concurrency size poolSize"],
    ["memoryLimit", "maxMemory memory maxHeap"],
    ["host", "functions hostFunctions tools api"],
    ["console", "logger stdout"],
    ["scope", "context variables vars sandbox"],
    ["onProgress", "onReport onMessage"],
  ] as const).flatMap(([option, names]) => names.split(" ").map((name) => [name, option] as const)),
);

/** The option that was meant by a name that is none, if that is clear. */
export function meantOption(name: string, names: readonly string[]): string | undefined {
  const elsewhere = ELSEWHERE.get(name);
  if (elsewhere !== undefined && names.includes(elsewhere)) return elsewhere;
  return nearest(name.toLowerCase(), names);
}

/** The hint for an unknown option: which one was meant, or which ones there are. */
export function optionHint(name: string, names: readonly string[]): string {
  const meant = meantOption(name, names);
  return meant === undefined ? `the options are ${names.join(", ")}` : `did you mean \`${meant}\`?`;
}

/**
 * The name that differs by a slip or two, or the only one that has `word` in it, or is in it. `word`
 * is in small letters.
 */
export function nearest(word: string, names: readonly string[]): string | undefined {
  if (word.length > 30) return undefined;
  const close = names.find((name) => slips(word, name.toLowerCase()) <= name.length / 4);
  if (close !== undefined || word.length < 5) return close;
  const having = names.filter((name) => {
    const lower = name.toLowerCase();
    return lower.includes(word) || (lower.length >= 5 && word.includes(lower));
  });
  return having.length === 1 ? having[0] : undefined;
}

/** How many letters are missing, added, wrong or swapped with the next between two words. */
function slips(a: string, b: string): number {
  let [before, above]: [number[], number[]] = [
    [],
    Array.from({ length: b.length + 1 }, (_, j) => j),
  ];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const wrong = a[i - 1] === b[j - 1] ? 0 : 1;
      row[j] = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + wrong);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        row[j] = Math.min(row[j]!, before[j - 2]! + 1);
      }
    }
    [before, above] = [above, row];
  }
  return above[b.length]!;
}
