/**
 * The plugin for bundlers. It makes what functions with `scope: import.meta` need of their modules a
 * part of the program, so that it is found where the modules' own text can't be read: in bundles of
 * any format, and in programs of one file. Also what they import of packages is a part of it.
 *
 * It needs the packages `unplugin` and `magic-string`.
 *
 * @example
 * ```js
 * import deferred from "@protojs/deferred/plugin";
 * import { build } from "esbuild";
 *
 * await build({ entryPoints: ["app.ts"], bundle: true, outfile: "app.mjs", plugins: [deferred.esbuild()] });
 * ```
 *
 * @module
 */
import { createUnplugin, type UnpluginInstance } from "unplugin";
import { embed } from "./src/plugin/embed.ts";

const unplugin: UnpluginInstance<undefined, false> = createUnplugin(() => ({
  name: "@protojs/deferred",
  enforce: "pre", // it is to see the text that the user wrote
  transform: {
    // Nothing else is parsed: it may be what is not TypeScript alone.
    filter: {
      id: /\.[cm]?[jt]sx?(?:\?.*)?$/,
      code: /\bscope["']?\s*:\s*\[?\s*import\s*\.\s*meta\b(?!\s*[.[])/,
    },
    handler(code, id) {
      const transformed = embed(code, id.replace(/\?.*$/, ""), (message) => this.warn(message));
      for (const file of transformed?.files ?? []) this.addWatchFile(file);
      return transformed && { code: transformed.code, map: transformed.map };
    },
  },
}));

/**
 * The plugin: `deferred.vite()`, and likewise `rollup`, `rolldown`, `esbuild`, `webpack`
 * and `bun`.
 */
export default unplugin;
