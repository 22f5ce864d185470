/**
 * What is said of names that a function uses and its module imports: nobody has to find out what that
 * module is made of by passing one name after the other.
 *
 * @module
 */
import { isOfRuntime } from "../packages/resolve.ts";
import { shorten } from "./describe.ts";
import { textOfFile } from "./locate.ts";

/** What an import statement binds, and from where; it is a line's first. */
const IMPORT = /^[\t ]*import\s+(?!type\b)([^"';()]{1,2000}?)\s+from\s*(["'])([^"'\n]{1,300})\2/gm;

/** The modules that a file imports names from, as far as its lines tell. */
export function importsOf(file: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [, bindings, , from] of textOfFile(file)?.matchAll(IMPORT) ?? []) {
    for (const binding of bindings!.split(/[{},]/)) {
      const name = /(\S+)\s*$/.exec(binding)?.[1];
      if (name !== undefined) found.set(name, from!);
    }
  }
  return found;
}

/** The sentence about such names. */
export function importedSentence(names: readonly string[], from: string): string {
  const shown = names.map((name) => `\`${shorten(name, 60)}\``).join(" and ");
  const module = JSON.stringify(shorten(from, 200));
  const many = names.length > 1;
  const said = `${shown} ${many ? "are" : "is"} imported from ${module}`;
  if (isOfRuntime(from)) {
    return `${said}, which a task does not have; offer what must run outside: ` +
      `{ host: { ${names.join(", ")} } }`;
  }
  return `${said} where the function stands, and not inside the task; let it import ` +
    `${many ? "them" : "it"}, too: { scope: import.meta, modules: [${module}] }`;
}
