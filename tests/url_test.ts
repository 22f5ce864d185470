/**
 * `URL` and `URLSearchParams` in a task, as the URL standard has them.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Deferred, DeferredPool } from "../mod.ts";
import { assertLinear } from "./support/measure.ts";

type Case = readonly [input: string, base: string | null, href: string | null];

const CASES: readonly Case[] = [
  ["https://example.com", null, "https://example.com/"],
  [
    "  HTTP://User:Pa%20ss@EXAMPLE.com:80/A/./b/../c?q#f  ",
    null,
    "http://User:Pa%20ss@example.com/A/c?q#f",
  ],
  ["../x?y", "https://example.com/a/b/c", "https://example.com/a/x?y"],
  ["//other/x", "https://example.com/a", "https://other/x"],
  ["?q", "https://example.com/a#f", "https://example.com/a?q"],
  ["#f", "https://example.com/a?q", "https://example.com/a?q#f"],
  ["", "https://example.com/a?q#f", "https://example.com/a?q"],
  ["/\\x", "https://example.com/a", "https://x/"],
  ["https:x", "https://example.com/a/b", "https://example.com/a/x"],
  ["no scheme", null, null],
  ["x", "mailto:a@b", null],
  ["#x", "mailto:a@b", "mailto:a@b#x"],
  ["mailto:a b", null, "mailto:a b"],
  ["data:text/plain, x  #f", null, "data:text/plain, x %20#f"],
  ["https://xn--/", null, null],
  ["https://a.XN--pokxncvks/", null, null],
  ["https://xn--mnchen-3ya.example/", null, "https://xn--mnchen-3ya.example/"],
  ["https://", null, null],
  ["https://a b/", null, null],
  ["https://a%41/", null, "https://aa/"],
  ["https://%zz/", null, null],
  ["https://user@/", null, null],
  ["https://a:65536/", null, null],
  ["https://a:443/", null, "https://a/"],
  ["https://0x7f.1/", null, "https://127.0.0.1/"],
  ["https://1.2.3.4.5/", null, null],
  ["https://1.2.3.256/", null, null],
  ["https://017.0/", null, "https://15.0.0.0/"],
  ["https://09/", null, null],
  ["https://[::1]:8080/", null, "https://[::1]:8080/"],
  ["https://[1:0:0:2:0:0:0:3]/", null, "https://[1:0:0:2::3]/"],
  ["https://[::ffff:1.2.3.4]/", null, "https://[::ffff:102:304]/"],
  ["https://[1::2::3]/", null, null],
  ["https://[:1]/", null, null],
  ["https://MÜNCHEN.example/ü?ü#ü", null, "https://xn--mnchen-3ya.example/%C3%BC?%C3%BC#%C3%BC"],
  ["https://faß.example/", null, "https://xn--fa-hia.example/"],
  ["https://日本語。jp/", null, "https://xn--wgv71a119e.jp/"],
  ["https://a\u00adb.example/", null, "https://ab.example/"],
  ["https://☃.example/", null, "https://xn--n3h.example/"],
  ["https://\u0301a.example/", null, null],
  ["https://אb.example/", null, null],
  ["https://xn--ü/", null, null],
  ["file:///C|/a/../..", null, "file:///C:/"],
  ["file://localhost/a", null, "file:///a"],
  ["/x", "file:///C:/a", "file:///C:/x"],
  ["web+x:/..//a", null, "web+x:/.//a"],
  ["x:/a/%2E%2e/b", null, "x:/b"],
  ["https://a/\ud800", null, "https://a/%EF%BF%BD"],
  ['https://a/^`{}|\\"<>', null, "https://a/%5E%60%7B%7D|/%22%3C%3E"],
  ["https://a/?'\"<>`", null, "https://a/?%27%22%3C%3E`"],
  ["x://a/?'", null, "x://a/?'"],
  ["ht\ntps://a\t/b", null, "https://a/b"],
];

describe("URL", () => {
  test("parses as the standard says", async () => {
    const got = await Deferred.run(
      (cases: readonly Case[]) =>
        cases.map(([input, base]) => URL.parse(input, base ?? undefined)?.href ?? null),
      CASES,
    );
    CASES.forEach(([input, base, href], at) => assert.equal(got[at], href, `${input} | ${base}`));
  });

  test("has its parts, and changes them", async () => {
    const parts = await Deferred.run(() => {
      const url = new URL("https://u:p@example.com:8080/a/b?x=1#h");
      const told: string[] = [
        [url.protocol, url.username, url.password, url.host, url.hostname, url.port].join(" "),
        [url.pathname, url.search, url.hash, url.origin].join(" "),
      ];
      url.protocol = "http";
      url.protocol = "mailto"; // not from a special one
      url.host = "[::1]:443";
      url.port = "99x";
      url.port = "no";
      url.pathname = "c d/../é?#";
      url.search = "a b";
      url.hash = "";
      url.username = "ü@";
      url.password = "";
      told.push(url.href);
      url.hostname = "bad host";
      url.host = "x:70000";
      told.push(url.host, JSON.stringify({ url }), `${url}`);
      return told;
    });
    const href = "http://%C3%BC%40@[::1]:99/%C3%A9%3F%23?a%20b";
    const after = href.replace("[::1]", "x");
    assert.deepEqual(parts, [
      "https: u p example.com:8080 example.com 8080",
      "/a/b ?x=1 #h https://example.com:8080",
      href,
      "x:99",
      JSON.stringify({ url: after }),
      after,
    ]);
  });

  test("what can't be parsed throws a TypeError, and canParse and parse say so", async () => {
    const told = await Deferred.run(() => {
      const url = new URL("https://a/");
      const names: unknown[] = [URL.canParse("x:"), URL.canParse("x"), URL.parse("x")];
      for (
        const attempt of [
          () => new URL("x"),
          () => new URL("x", "y"),
          () => url.href = "x",
          () => (URL as unknown as () => void)(),
          () => new (URL as unknown as new () => URL)(),
          () => Object.create(URL.prototype).href,
        ]
      ) {
        try {
          attempt();
        } catch (error) {
          names.push((error as Error).name);
        }
      }
      return [...names, url.href];
    });
    assert.deepEqual(told, [
      true,
      false,
      null,
      ...Array<string>(6).fill("TypeError"),
      "https://a/",
    ]);
  });

  test("searchParams and search are one", async () => {
    const told = await Deferred.run(() => {
      const url = new URL("https://a/?b=1&c=%20+");
      const params = url.searchParams;
      const told: unknown[] = [params === url.searchParams, params.get("c")];
      params.append("d", "é&");
      told.push(url.search);
      url.search = "?x=y";
      told.push([...params].join());
      params.delete("x");
      told.push(url.href);
      url.href = "https://b/?z";
      told.push([...params].join(), params.size);
      return told;
    });
    assert.deepEqual(told, [true, "  ", "?b=1&c=++&d=%C3%A9%26", "x,y", "https://a/", "z,", 1]);
  });

  test("takes time in proportion to its text", async () => {
    await assertLinear(
      "a long URL",
      (n) =>
        Deferred.run((n: number) => {
          new URL(`https://u@a/${"é/".repeat(n)}?${"a=é&".repeat(n)}#${"#é".repeat(n)}`);
        }, n),
      2_000,
    );
  });

  test("does not leave the task: a DataCloneError names it", async () => {
    await assert.rejects(Deferred.run(() => [new URL("a:")] as unknown), {
      name: "DataCloneError",
      message: /a URL can't be cloned/,
    });
  });

  test("is as new in the next task, whatever was done to it", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    await pool.run(() => {
      Object.defineProperty(URL.prototype, "href", { get: () => "mine" });
      (globalThis as Record<string, unknown>)["URLSearchParams"] = null;
      return new URL("https://a/").href;
    });
    const href = await pool.run(() => new URL("https://a/").href + new URLSearchParams({ a: "b" }));
    assert.equal(href, "https://a/a=b");
  });

  test("a task that has broken the language before it is made breaks only itself", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    const broken = [
      () => {
        Object.defineProperty(globalThis, "Symbol", {
          get: () => {
            for (let i = 0; i < 1000; i++) (globalThis as Record<string, unknown>)[`x${i}`] = i;
            throw new RangeError("no symbols");
          },
        });
        return typeof URL;
      },
      () => {
        (globalThis as Record<string, unknown>)["RegExp"] = null;
        (Array.prototype as unknown as Record<string, unknown>)["map"] = null;
        return new URL("https://é/").href;
      },
      () => {
        Object.defineProperty(Object.prototype, "define", { set: () => {}, get: () => null });
        return new URL("https://a/").href;
      },
    ];
    for (const task of broken) await pool.run(task).catch(() => {});
    assert.equal(await pool.run(() => new URL("https://a/").href), "https://a/");
  });
});

describe("URLSearchParams", () => {
  test("is made of text, pairs and records, and gives them back", async () => {
    const texts = await Deferred.run(() => [
      `${new URLSearchParams("?a=1&a=2&b&=c&%61=%zz+")}`,
      `${new URLSearchParams([["a", "1"], ["a", "2"]])}`,
      `${new URLSearchParams({ a: "1", "é": "~!'()*-._" })}`,
      `${new URLSearchParams(new URLSearchParams("x=y"))}`,
      `${new URLSearchParams()}`,
      `${new URLSearchParams("\ud800=\udc00")}`,
    ]);
    assert.deepEqual(texts, [
      "a=1&a=2&b=&=c&a=%25zz+",
      "a=1&a=2",
      "a=1&%C3%A9=%7E%21%27%28%29*-._",
      "x=y",
      "",
      "%EF%BF%BD=%EF%BF%BD",
    ]);
  });

  test("get, getAll, has, set, delete, sort, size, forEach, iterators", async () => {
    const told = await Deferred.run(() => {
      const params = new URLSearchParams("b=1&a=2&b=3&a=4");
      const seen: string[] = [];
      params.forEach((value, name) => seen.push(name + value));
      const told: unknown[] = [
        [params.get("b"), params.get("c"), params.getAll("a").join(), params.size],
        [params.has("a"), params.has("a", "4"), params.has("a", "5")],
        seen.join(),
        [...params.keys()].join() + [...params.values()].join() + String(params.entries()),
      ];
      params.sort();
      told.push(`${params}`);
      params.set("a", "9");
      params.delete("b", "1");
      params.set("n", "x");
      told.push(`${params}`);
      const met: string[] = [];
      for (const [name] of params) {
        met.push(name);
        if (met.length < 5) params.append(`n${met.length}`, "");
      }
      told.push(met.join());
      return told;
    });
    assert.deepEqual(told, [
      ["1", null, "2,4", 4],
      [true, true, false],
      "b1,a2,b3,a4",
      "b,a,b,a1,2,3,4[object URLSearchParams Iterator]",
      "a=2&a=4&b=1&b=3",
      "a=9&b=3&n=x",
      "a,b,n,n1,n2,n3,n4",
    ]);
  });

  test("refuses what is no list of pairs", async () => {
    const names = await Deferred.run(() =>
      [[["a"]], [["a", "b", "c"]], [5], [null], { [Symbol.iterator]: 5 }].map((init) => {
        try {
          return `${new URLSearchParams(init as unknown as Record<string, string>)}`;
        } catch (error) {
          return (error as Error).name;
        }
      })
    );
    assert.deepEqual(names, Array<string>(5).fill("TypeError"));
  });
});
