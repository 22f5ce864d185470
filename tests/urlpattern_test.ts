/**
 * `URLPattern` in a task, as the URL Pattern standard has it.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Deferred } from "../mod.ts";

type Input = string | Record<string, string>;
type Case = readonly [
  pattern: Input,
  input: Input,
  groups: Record<string, Record<string, string | undefined>> | null,
];

const CASES: readonly Case[] = [
  [{ pathname: "/books/:id" }, "https://a.example/books/7", { pathname: { id: "7" } }],
  [{ pathname: "/books/:id" }, "https://a.example/books/7/x", null],
  [{ pathname: "/books/:id(\\d+)" }, { pathname: "/books/12" }, { pathname: { id: "12" } }],
  [{ pathname: "/books/:id(\\d+)" }, { pathname: "/books/a" }, null],
  [{ pathname: "/a/*" }, { pathname: "/a/b/c" }, { pathname: { 0: "b/c" } }],
  [{ pathname: "/a/:b?" }, { pathname: "/a" }, { pathname: { b: undefined } }],
  [{ pathname: "/a/:b+" }, { pathname: "/a/x/y" }, { pathname: { b: "x/y" } }],
  [{ pathname: "/a{/:b}*" }, { pathname: "/a" }, { pathname: { b: undefined } }],
  [{ pathname: "/{a}?b" }, { pathname: "/ab" }, { pathname: {} }],
  [{ hostname: "{*.}?example.com" }, "https://x.y.example.com/", { hostname: { 0: "x.y" } }],
  [{ hostname: "{*.}?example.com" }, "https://example.com/", { hostname: { 0: undefined } }],
  ["https://*.example.com/:page", "https://www.example.com/home", {
    hostname: { 0: "www" },
    pathname: { page: "home" },
  }],
  ["https://example.com/?q=:q", "https://example.com/?q=x", { search: { q: "x" } }],
  [{ protocol: "http{s}?" }, "https://a/", { protocol: {} }],
  [{ protocol: "http{s}?" }, "ftp://a/", null],
  [{ pathname: "/é" }, { pathname: "/%C3%A9" }, { pathname: {} }],
  [{ port: "80", protocol: "http" }, "http://a/", { port: {}, protocol: {} }],
  [{ port: "80" }, { port: "80x" }, { port: {} }],
  [{ hostname: "bad#hostname" }, { hostname: "bad" }, { hostname: {} }],
  [{ hostname: "[\\:\\:1]" }, "http://[::1]/", { hostname: {} }],
  [{ pathname: "/([[a-z]--a])" }, { pathname: "/z" }, { pathname: { 0: "z" } }],
  [{ pathname: "/([[a-z]--a])" }, { pathname: "/a" }, null],
  [{ pathname: "/:__proto__" }, { pathname: "/x" }, { pathname: { ["__proto__"]: "x" } }],
  [{ pathname: "/:ŷ𐑐" }, { pathname: "/x" }, { pathname: { "ŷ𐑐": "x" } }],
  ["https://{sub.}?example{.com/}foo", "https://example.com/foo", { pathname: { 0: "/foo" } }],
  ["https://user\\:pw@example.com:8080/a?b#c", "https://user:pw@example.com:8080/a?b#c", {
    username: {},
    port: {},
    hash: {},
  }],
  [{ pathname: "b", baseURL: "https://example.com/a/x?q" }, "https://example.com/a/b", {
    pathname: {},
  }],
  [{ protocol: "data", pathname: "text/*" }, "data:text/plain", { pathname: { 0: "plain" } }],
];

describe("URLPattern", () => {
  test("matches what the standard says, and gives the groups", async () => {
    for (const [pattern, input, groups] of CASES) {
      const told = await Deferred.run(
        (pattern: Input, input: Input) => {
          const made = new URLPattern(pattern);
          const result = made.exec(input);
          if (made.test(input) !== (result !== null)) throw new Error("test and exec differ");
          return result && JSON.parse(JSON.stringify(result, (_, value) => value ?? null));
        },
        pattern,
        input,
      );
      const name = `${JSON.stringify(pattern)} of ${JSON.stringify(input)}`;
      if (groups === null) {
        assert.equal(told, null, name);
        continue;
      }
      for (const [part, expected] of Object.entries(groups)) {
        const found = told[part].groups;
        for (const [key, value] of Object.entries(expected)) {
          assert.equal(found[key] ?? undefined, value, `${name}: ${part}.${key}`);
        }
      }
    }
  });

  test("says what it is made of, and refuses what is no pattern", async () => {
    const told = await Deferred.run(() => {
      const pattern = new URLPattern("/:a/b?x", "https://example.com");
      const attempts = [
        () => new URLPattern("/relative"),
        () => new URLPattern({ pathname: "/:a/:a" }),
        () => new URLPattern({ pathname: "/(unclosed" }),
        () => new URLPattern({ pathname: "/a", baseURL: "no URL" }),
        () => new URLPattern({ pathname: "/(?:a)" }),
        () => new URLPattern({ pathname: "/(é)" }),
        () => new URLPattern({ pathname: "/{a" }),
        () => new URLPattern({ protocol: "no scheme" }),
        () => new URLPattern({ port: "x" }),
        () => new URLPattern({ hostname: "[\\:g]" }),
        () => new URLPattern({ pathname: "/a" }, "https://a/"),
        () => new URLPattern().exec({ pathname: "/a" }, "https://a/"),
        () => (URLPattern as unknown as () => unknown)(),
      ];
      const names = attempts.map((attempt) => {
        try {
          return String(attempt());
        } catch (error) {
          return (error as Error).name;
        }
      });
      return [
        [pattern.protocol, pattern.hostname, pattern.port, pattern.pathname, pattern.search].join(),
        pattern.hasRegExpGroups,
        new URLPattern({ pathname: "/(a|b)" }).hasRegExpGroups,
        new URLPattern({ pathname: "/A" }, { ignoreCase: true }).test({ pathname: "/a" }),
        new URLPattern().test("https://anything/"),
        new URLPattern().test("no URL"),
        String(pattern),
        Object.keys(URLPattern.prototype).includes("exec"),
        names.join(),
      ];
    });
    assert.deepEqual(told, [
      "https,example.com,,/:a/b,x",
      false,
      true,
      true,
      true,
      false,
      "[object URLPattern]",
      true,
      Array(13).fill("TypeError").join(),
    ]);
  });

  test("a pattern can't leave its task", async () => {
    await assert.rejects(Deferred.eval("new URLPattern()"), {
      name: "DataCloneError",
      message: /a URLPattern can't be cloned/,
    });
  });
});
