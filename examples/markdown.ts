/**
 * Markdown that strangers wrote, rendered by a package of npm in tasks of their own: the package is
 * imported there, a text that takes too long costs a timeout, and the server goes on meanwhile.
 *
 *   deno run --allow-ffi --allow-read examples/markdown.ts
 *   bun examples/markdown.ts
 *   node examples/markdown.ts
 */
import { DeferredPool } from "../mod.ts";

await using pool = new DeferredPool({ modules: ["marked"], timeout: 5000 });

/** The task: a text's HTML, in which links open elsewhere. */
const render = pool.wrap(async (text: string) => {
  const { Marked } = await import("marked");
  const marked = new Marked({ gfm: true });
  marked.use({
    renderer: {
      link({ href, text }) {
        const isSafe = /^https?:/.test(href);
        return isSafe ? `<a href="${encodeURI(href)}" rel="nofollow">${text}</a>` : text;
      },
    },
  });
  return await marked.parse(text);
});

const comments = [
  "I *like* it, see [this](https://example.com/a)",
  "Click [here](javascript:alert(1))",
  "| a | b |\n|---|---|\n| 1 | 2 |",
];
const rendered = await Promise.all(comments.map((text) => render(text)));
for (const html of rendered) console.log(html.trim().replaceAll("\n", ""));

const hostile = render.with({ name: "hostile", timeout: 500 })(">".repeat(100_000));
console.log(await hostile.catch((error: Error) => error.message));
console.log(await render("and the server **goes on**"));
