/**
 * Packages of npm, as functions import them: what their own documents show gives in a task what it
 * gives in the host.
 */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { DeferredPool } from "../mod.ts";

const modules = [
  "acorn",
  "bcryptjs",
  "decimal.js",
  "lodash-es",
  "marked",
  "nanoid",
  "papaparse",
  "zod",
];
const pool = new DeferredPool({ maxThreads: 2, modules });
after(() => pool.close());

/** What documents show, by the package. */
const shown: Readonly<Record<string, () => Promise<unknown>>> = {
  async acorn() {
    const { parse, tokenizer } = await import("acorn");
    const code = "const f = async (a, ...b) => { for await (const c of a) b.push(`${c}`); };";
    const types: string[] = [];
    for (const { type } of tokenizer(code, { ecmaVersion: 2022 })) types.push(type.label);
    let refused;
    try {
      parse("let = 1 +", { ecmaVersion: 2022, sourceType: "module" });
    } catch (error) {
      refused = String(error);
    }
    return [JSON.stringify(parse(code, { ecmaVersion: 2022 })), types, refused];
  },

  async bcryptjs() {
    const bcrypt = (await import("bcryptjs")).default;
    const salt = bcrypt.genSaltSync(4);
    const hash = await bcrypt.hash("B4c0/\\/", salt);
    const known = "$2b$04$VBBIJn8mQgGQwpRGhZPuHukEClnWSTLUILwcpGZAvr6gkfUx5N9Oi";
    return [
      salt.length,
      await bcrypt.compare("B4c0/\\/", hash),
      bcrypt.compareSync("not_bacon", hash),
      bcrypt.hashSync("a secret", known),
      bcrypt.truncates("a".repeat(73)),
    ];
  },

  async "decimal.js"() {
    const { Decimal } = await import("decimal.js");
    const x = new Decimal("0.3").minus("0.1");
    return [
      x.toString(),
      new Decimal(2).sqrt().toFixed(30),
      new Decimal("1e500").div(3).toPrecision(40),
      Decimal.acos(0).times(2).toString(),
      new Decimal(NaN).isNaN(),
    ];
  },

  async "lodash-es"() {
    const { chunk, debounce, groupBy, merge, template } = await import("lodash-es" as string);
    const { default: sortBy } = await import("lodash-es/sortBy.js" as string);
    return [
      chunk(["a", "b", "c", "d"], 3),
      groupBy([6.1, 4.2, 6.3], Math.floor),
      merge({ a: [{ b: 2 }, { d: 4 }] }, { a: [{ c: 3 }, { e: 5 }] }),
      template("hello <%= user %>!")({ user: "fred" }),
      sortBy([{ n: 3 }, { n: 1 }], (o: { n: number }) => o.n),
      typeof debounce,
    ];
  },

  async marked() {
    const { Marked } = await import("marked");
    const text =
      '# Title\n\n* [a](https://example.com "t")\n  1. `b`\n\n| a | b |\n|---|--:|\n| 1 | **2** |';
    const upper = new Marked({
      renderer: { heading: ({ text, depth }) => `<h${depth}>${text.toUpperCase()}</h${depth}>` },
    });
    return [new Marked().parse(text), upper.parse(text), new Marked().lexer("> q").length];
  },

  async nanoid() {
    const { customAlphabet, nanoid } = await import("nanoid");
    return [nanoid().length, nanoid(10).length, customAlphabet("a", 5)()];
  },

  async papaparse() {
    const Papa = (await import("papaparse" as string)).default;
    const csv = 'name,n\n"Ada, Lady",1\nKurt,2\n';
    const { data, errors, meta } = Papa.parse(csv, { header: true, dynamicTyping: true });
    return [data, errors, meta.fields, Papa.unparse([["a", 'b"c'], [1, null]])];
  },

  async zod() {
    const { z } = await import("zod");
    const Player = z.object({
      username: z.string().min(3),
      xp: z.number().default(100),
      tags: z.array(z.enum(["a", "b"])).optional(),
    });
    const wrong = Player.safeParse({ username: "me", tags: ["c"] });
    return [
      Player.parse({ username: "billie" }),
      wrong.success,
      wrong.error?.issues.map(({ path, message }) => [path.join("."), message]),
      z.string().transform((text) => text.length).parse("four"),
    ];
  },
};

describe("gives in a task what it gives in the host:", () => {
  for (const [name, fn] of Object.entries(shown)) {
    test(name, async () => {
      assert.ok(modules.includes(name));
      const [inTask, inHost] = await Promise.all([pool.run(fn), fn()]);
      assert.deepEqual(inTask, inHost);
    });
  }
});
