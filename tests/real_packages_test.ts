/**
 * Packages of npm, as functions import them: what their own documents show gives in a task what it
 * gives in the host.
 */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { DeferredPool } from "../mod.ts";

const modules = [
  "acorn",
  "ajv",
  "bcryptjs",
  "date-fns",
  "decimal.js",
  "handlebars",
  "lodash-es",
  "marked",
  "mathjs",
  "nanoid",
  "pako",
  "papaparse",
  "zod",
];
const pool = new DeferredPool({ maxThreads: 2, modules });
const preloaded = new DeferredPool({ maxThreads: 1, preload: modules });
after(() => Promise.all([pool.close(), preloaded.close()]));

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

  async ajv() {
    const { default: given } = await import("ajv" as string);
    const Ajv = given.default ?? given; // Node.js gives what `module.exports` is
    const schema = {
      type: "object",
      properties: { foo: { type: "integer" }, bar: { type: "string", nullable: true } },
      required: ["foo"],
      additionalProperties: false,
    };
    const ajv = new Ajv({ allErrors: true });
    const validate = ajv.compile(schema);
    const answers = [{ foo: 1, bar: "abc" }, { foo: 1.5, baz: 0 }, { bar: "x" }].map((data) => {
      return [
        validate(data),
        validate.errors?.map((error: { message: string; keyword: string }) => {
          return [error.keyword, error.message];
        }),
      ];
    });
    return [answers, ajv.errorsText([{ instancePath: "/a", message: "is odd" }])];
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

  async "date-fns"() {
    const {
      addMonths,
      compareAsc,
      eachDayOfInterval,
      format,
      formatDistance,
      parseISO,
      startOfWeek,
    } = await import("date-fns");
    const dates = [new Date(1995, 6, 2), new Date(1987, 1, 11), new Date(1989, 6, 10)];
    return [
      dates.sort(compareAsc).map((date) => format(date, "yyyy-MM-dd EEEE do 'of' LLLL")),
      formatDistance(new Date(2014, 6, 2), new Date(2015, 0, 1), { addSuffix: true }),
      addMonths(parseISO("2024-01-31T12:00:00Z"), 1).toISOString(),
      eachDayOfInterval({ start: new Date(2014, 9, 6), end: new Date(2014, 9, 10) }).length,
      startOfWeek(new Date(2014, 8, 2, 11, 55, 0), { weekStartsOn: 1 }).getDate(),
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

  async handlebars() {
    const Handlebars = (await import("handlebars" as string)).default;
    Handlebars.registerHelper("loud", (text: string) => text.toUpperCase());
    const source = "<p>Hello, my name is {{loud name}}. I am from {{hometown}}. I have " +
      "{{kids.length}} kids:</p><ul>{{#each kids}}<li>{{name}} is {{age}}</li>{{/each}}</ul>";
    const template = Handlebars.compile(source);
    return template({
      name: "Alan",
      hometown: "Somewhere, <TX>",
      kids: [{ name: "Jimmy", age: "12" }, { name: "Sally", age: "4" }],
    });
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

  async mathjs() {
    const { chain, derivative, evaluate, format, matrix, multiply, pi, round, sqrt, unit } =
      await import("mathjs");
    return [
      round(Math.E, 3),
      format(evaluate("12 / (2.3 + 0.7)")),
      evaluate("12.7 cm to inch").toString(),
      evaluate("sin(45 deg) ^ 2"),
      format(evaluate("9 / 3 + 2i")),
      evaluate("det([-1, 2; 3, 1])"),
      derivative("x^2 + x", "x").toString(),
      sqrt(-4 as number).toString(),
      chain(3).add(4).multiply(2).done(),
      multiply(matrix([[1, 2], [3, 4]]), matrix([5, 6])).toString(),
      unit("45 cm").to("m").toString(),
      pi,
    ];
  },

  async nanoid() {
    const { customAlphabet, nanoid } = await import("nanoid");
    return [nanoid().length, nanoid(10).length, customAlphabet("a", 5)()];
  },

  async pako() {
    const pako = await import("pako");
    const text = JSON.stringify({ my: "super", puper: [456, 567], awesome: "pako" }).repeat(20);
    const input = new TextEncoder().encode(text);
    const packed = [pako.deflate(input), pako.gzip(input), pako.deflateRaw(input, { level: 9 })];
    let refused;
    try {
      pako.inflate(input);
    } catch (error) {
      refused = String(error);
    }
    return [
      packed.map((bytes) => bytes.length),
      pako.inflate(packed[0]!).length,
      new TextDecoder().decode(pako.ungzip(packed[1]!)) === text,
      refused,
    ];
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
    test(name, { timeout: 60_000 }, async () => {
      assert.ok(modules.includes(name));
      const inHost = await fn();
      assert.deepEqual(await pool.run(fn), inHost);
      for (let i = 0; i < 3; i++) assert.deepEqual(await preloaded.run(fn), inHost, "preloaded");
    });
  }
});
