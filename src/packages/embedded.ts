/**
 * The modules that a function's scope imports, where they are a part of the program: what the list
 * (`list.ts`) would have found and read was found and read when the program was built.
 *
 * @module
 */
import type { EmbeddedFiles } from "../function/embedded.ts";
import { Loaded } from "../modules.ts";
import { type Attributed, FUNCTION, FunctionModules } from "./list.ts";
import { ResolutionError } from "./resolve.ts";

/** The key of a file, and of a link when the importer's URL is before it. */
export function keyOf(type: string | undefined, url: string): string {
  return `${type ?? ""} ${url}`;
}

/** Modules that are a part of the program; and others that its function may import. */
export class EmbeddedModules extends FunctionModules {
  readonly #own: EmbeddedFiles;
  readonly #others: FunctionModules | undefined;

  constructor(own: EmbeddedFiles, others: FunctionModules | undefined) {
    super();
    this.#own = own;
    this.#others = others;
  }

  resolve(specifier: string, importer: string, context: Attributed): string {
    const from = importer === FUNCTION ? "" : importer;
    const key = keyOf(from, keyOf(context.attributes["type"], specifier));
    if (Object.hasOwn(this.#own.links, key)) return this.#own.links[key]!;
    if (this.#others !== undefined) return this.#others.resolve(specifier, importer, context);
    throw new ResolutionError(
      "it was not bundled with the function; name it where it can be found when the program runs: " +
        `{ modules: [${JSON.stringify(specifier)}] }`,
    );
  }

  load(url: string, context: Attributed): Loaded {
    const key = keyOf(context.attributes["type"], url);
    if (!Object.hasOwn(this.#own.files, key)) return this.#others!.load(url, context);
    const [text, code, hidden] = this.#own.files[key]!;
    return new Loaded(text, code, hidden === 1);
  }
}
