/**
 * `Blob`, `File`, `FormData` and `Headers` in a task, as their standards have them.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Deferred, DeferredPool } from "../mod.ts";

describe("Blob and File", () => {
  test("are made of all kinds of parts", async () => {
    const told = await Deferred.run(async () => {
      const bytes = new Uint8Array([1, 2, 3, 4]);
      const parts = ["aé\ud800", bytes.buffer, bytes.subarray(1, 3), new DataView(bytes.buffer, 3)];
      const blob = new Blob([...parts, new Blob(["x"])], { type: "Text/Plain" });
      bytes.fill(9); // it has a copy
      const own = await blob.bytes();
      own.fill(0);
      return [blob.size, blob.type, (await blob.bytes()).join(), `${blob}`, new Blob().size];
    });
    const expected = [0x61, 0xc3, 0xa9, 0xef, 0xbf, 0xbd, 1, 2, 3, 4, 2, 3, 4, 0x78].join();
    assert.deepEqual(told, [14, "text/plain", expected, "[object Blob]", 0]);
  });

  test("their parts are read first, then each option once, and positions are rounded", async () => {
    const told = await Deferred.run(async () => {
      const seen: string[] = [];
      const parts = {
        *[Symbol.iterator]() {
          seen.push("parts");
          yield { toString: () => (seen.push("text"), "abcd") } as unknown as string;
        },
      };
      const blob = new Blob(parts as unknown as string[], {
        get type() {
          seen.push("type");
          return "";
        },
        get endings() {
          seen.push("endings");
          return { toString: () => (seen.push("of endings"), "native") } as unknown as "native";
        },
      } as BlobPropertyBag);
      const slices = [[0.5], [1.5], [2.5, 3.5], [-2.5], [-1.5, NaN], [-0.5]];
      const texts = await Promise.all(slices.map(([from, to]) => blob.slice(from, to).text()));
      return [
        seen.join(),
        texts.join(),
        Object.getOwnPropertyDescriptor(File.prototype, "name")!.enumerable,
      ];
    });
    assert.deepEqual(told, [
      "parts,text,endings,of endings,type",
      "abcd,cd,cd,cd,,abcd",
      true,
    ]);
  });

  test("give their text and their bytes, whole and in parts", async () => {
    const told = await Deferred.run(async () => {
      const blob = new Blob(["0123456789"], { type: "a/b" });
      const slices = [[], [2], [2, 5], [-3], [-3, -1], [5, 2], [100], [NaN, 3]];
      const texts = slices.map(([from, to]) => blob.slice(from, to).text());
      const typed = blob.slice(0, 1, "C/D");
      return [
        (await Promise.all(texts)).join(" "),
        typed.type + typed.size + blob.slice().type,
        new Uint8Array(await blob.slice(8).arrayBuffer()).join(),
        await new Blob(["\ufeffé"]).text(),
        await new Blob([new Uint8Array([0xff, 0x41])]).text(),
        new Blob([], { type: "é" }).type,
        (await new Blob(["a\r\nb\rc\n"], { endings: "native" } as object).text()).length,
      ];
    });
    assert.deepEqual(told, [
      "0123456789 23456789 234 789 78   012",
      "c/d1",
      "56,57",
      "\ufeffé",
      "\ufffdA",
      "",
      6,
    ]);
  });

  test("a File has a name and a date", async () => {
    const told = await Deferred.run(async () => {
      const file = new File(["ab"], "n\ud800.txt", { type: "t/x", lastModified: 5.9 });
      const now = Math.abs(new File([], "x").lastModified - Date.now()) < 10_000;
      return [file.name, file.lastModified, file.type, file.size, await file.text(), now].concat(
        file instanceof Blob,
        file.slice(1) instanceof File,
        `${file}`,
      );
    });
    assert.deepEqual(told, ["n\ufffd.txt", 5, "t/x", 2, "ab", true, true, false, "[object File]"]);
  });

  test("what they are not made of is a TypeError, and they don't leave the task", async () => {
    const names = await Deferred.run(() =>
      [
        () => new Blob("ab" as unknown as string[]),
        () => new Blob(null as unknown as string[]),
        () => new Blob({} as string[]),
        () => new Blob([], 5 as unknown as { type: string }),
        () => new Blob([], { endings: "x" } as object),
        () => new (File as unknown as new (parts: string[]) => File)([]),
        () => Blob.prototype.size,
        () => Blob.prototype.slice.call({} as Blob),
      ].map((attempt) => {
        try {
          return `${attempt()}`;
        } catch (error) {
          return (error as Error).name;
        }
      })
    );
    assert.deepEqual(names, Array<string>(8).fill("TypeError"));
    await assert.rejects(Deferred.run(() => new Blob(["x"]) as unknown), {
      name: "DataCloneError",
      message: /a Blob can't be cloned/,
    });
  });
});

describe("FormData", () => {
  test("has entries in their order, and files with names", async () => {
    const told = await Deferred.run(async () => {
      const form = new FormData();
      form.append("a", "1");
      form.append("b", new Blob(["x"], { type: "t/x" }));
      form.append("a", "2");
      form.append("c", new File(["y"], "own.txt"));
      form.append("c", new File(["z"], "own.txt"), "other\ud800.txt");
      const told: unknown[] = [...form.entries()].map(([name, value]: [string, unknown]) =>
        value instanceof File ? name + value.name + value.type : `${name}${value}`
      );
      form.set("a", "3");
      form.set("d", 5 as unknown as string);
      form.delete("c");
      told.push([...form.keys()].join(), form.get("a"), form.getAll("b").length, form.get("x"));
      told.push(form.has("c"), await (form.get("b") as File).text());
      form.forEach((value, name, self) => told.push(name + (self === form) + typeof value));
      return told;
    });
    assert.deepEqual(told, [
      ...["a1", "bblobt/x", "a2", "cown.txt", "cother\ufffd.txt"],
      ...["a,b,d", "3", 1, null, false, "x", "atruestring", "btrueobject", "dtruestring"],
    ]);
  });

  test("refuses a form, and a file's name for text", async () => {
    const names = await Deferred.run(() =>
      [
        () => Reflect.construct(FormData, [{}]) as FormData,
        () => new FormData().append("a", "b" as unknown as Blob, "name"),
        () => (new FormData().append as (name: string) => void)("a"),
      ].map((attempt) => {
        try {
          return `${attempt()}`;
        } catch (error) {
          return (error as Error).name;
        }
      })
    );
    assert.deepEqual(names, Array<string>(3).fill("TypeError"));
  });
});

describe("Headers", () => {
  test("names are one in any case, and sorted; values are joined and trimmed", async () => {
    const told = await Deferred.run(() => {
      const headers = new Headers([["B", " 1\t"], ["a", "x"], ["b", "2"]]);
      headers.append("Set-Cookie", "a=1");
      headers.append("set-cookie", "b=2");
      const told: unknown[] = [headers.get("B"), headers.has("A"), headers.get("none")];
      told.push([...headers].join(" | "), headers.getSetCookie().join());
      headers.set("b", "3");
      headers.delete("A");
      told.push([...headers.keys()].join());
      told.push([...new Headers({ X: "1", y: "2" })].join(), [...new Headers(headers)].length);
      return [...told, `${headers}`, new Headers().getSetCookie().length];
    });
    assert.deepEqual(told, [
      "1, 2",
      true,
      null,
      "a,x | b,1, 2 | set-cookie,a=1 | set-cookie,b=2",
      "a=1,b=2",
      "b,set-cookie,set-cookie",
      "x,1,y,2",
      3,
      "[object Headers]",
      0,
    ]);
  });

  test("an iterator goes on with what is there then", async () => {
    const told = await Deferred.run(() => {
      const headers = new Headers({ a: "1", c: "3" });
      const seen: string[] = [];
      for (const [name] of headers) {
        seen.push(name);
        if (name === "a") headers.set("b", "2");
        if (name === "b") headers.delete("c");
      }
      return seen;
    });
    assert.deepEqual(told, ["a", "b"]);
  });

  test("refuses what is no header", async () => {
    const names = await Deferred.run(() =>
      [
        () =>
          new Headers({
            "a€": "x",
            get b(): string {
              throw new RangeError("a name is checked before the next value is read");
            },
          }),
        () => new Headers({ "a b": "x" }),
        () => new Headers({ "": "x" }),
        () => new Headers({ a: "x\ny" }),
        () => new Headers({ a: "x\0" }),
        () => new Headers({ a: "€" }),
        () => new Headers([["a"]] as unknown as [string, string][]),
        () => new Headers("a: b" as unknown as Record<string, string>),
        () => new Headers().get("é"),
        () => Headers.prototype.get("a"),
      ].map((attempt) => {
        try {
          return `${attempt()}`;
        } catch (error) {
          return (error as Error).name;
        }
      })
    );
    assert.deepEqual(names, Array<string>(10).fill("TypeError"));
  });
});

test("all of them are as new in the next task", async () => {
  await using pool = new DeferredPool({ maxThreads: 1 });
  await pool.run(() => {
    Object.assign(Headers.prototype, { get: () => "mine" });
    FormData.prototype.get = () => "mine";
    Blob.prototype.text = () => Promise.resolve("mine");
    return new Headers().get("a");
  });
  const told = await pool.run(async () => [
    new Headers({ a: "1" }).get("a"),
    new FormData().get("a"),
    await new Blob(["x"]).text(),
  ]);
  assert.deepEqual(told, ["1", null, "x"]);
});
