/**
 * Functions that call what their module declares by other names than the module does: bundlers,
 * minifiers and test runners rename it. They get it by those names, around them alone (`enclose.ts`).
 *
 *     ((a,r)=>(
 *     (n) => a(n) + r.A
 *     ))(gross,{"A":tax})
 *
 * @module
 */
import { escaped } from "./advice.ts";
import type { Named } from "./enclose.ts";

/** What a function calls something: an expression of the module's, or an object of some. */
export type Tree = Map<string, Tree | string>;

/** An expression for what a name stands for. */
function valueOf(tree: Tree | string): string {
  if (typeof tree === "string") return tree;
  return `{${
    Array.from(tree, ([key, inner]) => `${JSON.stringify(key)}:${valueOf(inner)}`).join()
  }}`;
}

/** The names of the module's in a tree. */
function ownNames(tree: Tree | string): string[] {
  if (typeof tree === "string") return [tree.replace(/\..*/, "")];
  return [...tree.values()].flatMap(ownNames);
}

/** A function that uses what the module declares by the names in `tree`. */
export function renamed(named: Named, tree: Tree): Named {
  if (tree.size === 0) return named;
  const { alone } = named;
  const used = [...tree].filter(([name]) =>
    new RegExp(`(?<![\\w$.])${escaped(name)}(?![\\w$])`).test(alone.source.text)
  );
  const others = used.filter(([name, inner]) => name !== inner);
  const free = new Set(alone.free.filter((name) => !tree.has(name)));
  for (const [, inner] of used) for (const name of ownNames(inner)) free.add(name);
  const renames = others.length === 0 ? undefined : {
    names: others.map(([name]) => name),
    values: others.map(([, inner]) => valueOf(inner)),
  };
  return { ...named, renames, alone: { ...alone, free: [...free] } };
}
