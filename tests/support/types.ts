/**
 * What becomes of every type of value on its way into a task and out of it. types_test.ts verifies
 * each line of these tables on every runtime, and docs/types.md is made from them by
 * scripts/types.mjs: neither can say what isn't so.
 *
 * Makers use nothing from around them, so that tasks can run them, too.
 *
 * @module
 */

/** What must come of a value. */
export type Outcome =
  /** It arrives as what it was. */
  | { readonly is: "same" }
  /** It arrives as something else: what `make` makes. */
  | { readonly is: "changed"; readonly to: string; readonly make: () => unknown }
  /** It is refused, and the message says what to do. */
  | { readonly is: "refused"; readonly advice: string }
  /** There is no such thing there. */
  | { readonly is: "lacking" };

/** A host. */
export type Host = "deno" | "bun" | "node";

/** A line of a table. */
export interface Row {
  /** As Markdown. */
  readonly type: string;
  readonly make: () => unknown;
  /** The global that a host must have for it, as a path. */
  readonly needs?: string;
  /** `make` gives a promise of it. */
  readonly later?: boolean;
  /** What the message of an argument's refusal calls it. */
  readonly called?: RegExp;
  readonly argument: Outcome;
  readonly result: Outcome;
  /** What the structuredClone of a host makes of it, where that differs from `argument`. */
  readonly hosts: Readonly<Partial<Record<Host, Outcome>>>;
}

/** A table under a heading. */
export interface Table {
  readonly title: string;
  readonly rows: readonly Row[];
}

const same: Outcome = { is: "same" };
const lacking: Outcome = { is: "lacking" };
const changed = (to: string, make: () => unknown): Outcome => ({ is: "changed", to, make });
const refused = (advice: string): Outcome => ({ is: "refused", advice });

/** What three hosts do alike. */
const all = (it: Outcome): Row["hosts"] => ({ deno: it, bun: it, node: it });

type More = Partial<Omit<Row, "type" | "make">>;

/** Something that goes across as it is, unless `more` says otherwise. */
function row(type: string, make: () => unknown, more: More = {}): Row {
  const argument = more.argument ?? same;
  return { type, make, hosts: {}, result: argument, ...more, argument };
}

/** Those of which a task can make one; none of them can leave it. */
const IN_TASKS = ["TextEncoder", "TextDecoder", "URL", "URLSearchParams", "AbortSignal"]
  .concat(
    "AbortController",
    "Event",
    "EventTarget",
    "CustomEvent",
    "Blob",
    "File",
    "FormData",
    "Headers",
    "MessagePort",
    "ReadableStream",
    "WritableStream",
    "TransformStream",
    "CompressionStream",
    "TextDecoderStream",
    "URLPattern",
    "Intl.Locale",
    "Intl.NumberFormat",
    "Intl.DateTimeFormat",
    "Intl.Collator",
    "Intl.Segmenter",
  );

/** An object of the platform: refused by its name, with advice; most of them tasks don't have. */
function ofPlatform(name: string, advice: string, make: () => unknown, more: More = {}): Row {
  return row(`\`${name}\``, make, {
    needs: name,
    called: new RegExp(`an? ${name.replace(".", "\\.")} `),
    argument: refused(advice),
    result: IN_TASKS.includes(name) ? refused(advice) : lacking,
    ...more,
  });
}

const FUNCTION = "pass data, and put the code into the task, or offer it in `host`";
const ENTRIES = "pass its entries: [...it]";
const BLOB = "pass its bytes: await it.bytes(), and its type";
const FILE = "pass its bytes: await it.bytes(), its name and its type";
const CHUNKS = "pass the chunks: await Array.fromAsync(it.readable)";
const VALUES = "pass its values: [...it]";
const OUTSIDE = "use it outside, and pass its result";
const HELD = "pass the data that it holds";
const IN_TASK = "make one in the task";
const NO_WASM = "a task has no WebAssembly";
const TO_STRING = "pass its toString()";

const empty = changed("`{}`", () => ({}));

/** Every table, in the order of the document. */
export const tables: readonly Table[] = [
  {
    title: "Primitives",
    rows: [
      row("`undefined`, `null`, `true`, `false`", () => [undefined, null, true, false]),
      row(
        "numbers: integers, fractions, `-0`, `NaN`, infinities, the smallest, the largest",
        () => [
          ...[0, -0, 1, -1, 127, 128, 2 ** 31, -(2 ** 31), 2 ** 53, 0.1, -1.5, NaN],
          ...[Infinity, -Infinity, Number.MIN_VALUE, Number.MAX_VALUE, 2 ** -1022],
        ],
      ),
      row("BigInts of any size", () => [0n, -1n, 2n ** 64n, -(2n ** 1000n)]),
      row("strings: empty, Latin-1, UTF-16, with NUL", () => ["", "é\xff", "kůň 馬 🐴", "a\0b"]),
      row("strings with lone surrogates", () => ["\ud800", "a\udfffb", "\udc00\ud800"]),
      row("symbols", () => Symbol("s"), {
        called: /a symbol \(`Symbol\(s\)`\)/,
        argument: refused("pass its description, a string"),
      }),
    ],
  },
  {
    title: "Objects and arrays",
    rows: [
      row("plain objects, keys in their order", () => ({ b: 1, 2: 2, a: { c: [] }, 1: 3, "": 4 })),
      row("keys such as `__proto__` and `constructor`", () => ({
        ["__proto__"]: { a: 1 },
        constructor: 2,
        then: 3,
      })),
      row(
        "Maps and other objects that were given the prototype of plain objects, and keys",
        () => {
          const map = Object.assign(new Map([[1, 2]]), { a: 1 });
          return Object.setPrototypeOf(map, Object.prototype) as unknown;
        },
        {
          argument: changed("a plain object", () => ({ a: 1 })),
          result: changed("a Map", () => new Map([[1, 2]])),
          hosts: all(changed("a Map", () => new Map([[1, 2]]))),
        },
      ),
      row("objects without a prototype", () => Object.assign(Object.create(null), { a: 1 }), {
        argument: changed("a plain object", () => ({ a: 1 })),
      }),
      row(
        "instances of classes",
        () =>
          new (class Point {
            x = 1;
            #secret = 2;
            get secret(): number {
              return this.#secret;
            }
          })(),
        { argument: changed("a plain object of their own properties", () => ({ x: 1 })) },
      ),
      row("getters", () => ({
        get now(): number {
          return 1;
        },
      }), { argument: changed("what they give, as data", () => ({ now: 1 })) }),
      row(
        "properties that are not enumerable, or symbols",
        () =>
          Object.defineProperty({ a: 1, [Symbol("b")]: 2 }, "c", { value: 3, enumerable: false }),
        { argument: changed("left out", () => ({ a: 1 })) },
      ),
      row("frozen and sealed objects", () => Object.freeze({ a: Object.seal([1]) }), {
        argument: changed("the same, neither frozen nor sealed", () => ({ a: [1] })),
      }),
      row("arrays", () => [[], [1, "2", [3]], [1.5, 2], new Array(3).fill(null)]),
      // deno-lint-ignore no-sparse-arrays
      row("arrays with holes", () => [[1, , 3], new Array(5), Object.assign([], { 999: 1 })]),
      row("arrays with other keys", () => Object.assign([1, 2], { name: "list", "-1": 0 })),
      row(
        "instances of a class that extends `Array`",
        () => new (class extends Array<number> {})(1, 2, 3),
        {
          argument: changed("an array", () => [1, 2, 3]),
        },
      ),
      row("cycles", () => {
        const o: Record<string, unknown> = {};
        return Object.assign(o, { self: o, list: [o] });
      }),
      row("what is referred to twice", () => {
        const date = new Date(0);
        return [date, { date }, new Map([[date, date]])];
      }),
      row("objects nested 1,000 deep", () => {
        let o: unknown = 1;
        for (let i = 0; i < 1000; i++) o = [o];
        return o;
      }),
      row("`arguments`", function () {
        return (function (..._: unknown[]) {
          return arguments;
        })(1, 2);
      }, {
        called: /an arguments object/,
        argument: refused("pass an array: [...arguments]"),
      }),
      row("`Math`, `JSON`, `Reflect`", () => [Math, JSON, Reflect], {
        argument: changed("empty objects", () => [{}, {}, {}]),
        hosts: { bun: refused("") },
      }),
      row("the global object", () => globalThis, { argument: refused(""), called: /./ }),
    ],
  },
  {
    title: "Objects of the language",
    rows: [
      row("`Date`, invalid ones too", () => [new Date(0), new Date(8.64e15), new Date(NaN)]),
      row("`RegExp`", () => [/a(b)?[/]/dgimsuy, /[\p{L}--[a-z]]/v, new RegExp("")]),
      row("`lastIndex` of a `RegExp`", () => Object.assign(/a/g, { lastIndex: 3 }), {
        argument: changed("0", () => /a/g),
      }),
      row("boxed primitives", () => [Object(true), Object(-0), Object("s"), Object(2n ** 70n)]),
      row("boxed symbols", () => Object(Symbol("s")), {
        called: /a boxed symbol/,
        argument: refused("pass its description, a string"),
      }),
      row("`Map`", () => new Map<unknown, unknown>([[{ k: 1 }, [1]], [NaN, -0], ["", undefined]])),
      row("`Set`", () => new Set<unknown>([1, "1", NaN, {}, undefined])),
      row(
        "own properties of these, and of a class that extends one",
        () => [
          Object.assign(new Map([[1, 2]]), { a: 1 }),
          new (class extends Set {
            a = 1;
          })([1]),
          Object.assign(new Date(0), { a: 1 }),
        ],
        { argument: changed("left out", () => [new Map([[1, 2]]), new Set([1]), new Date(0)]) },
      ),
      row("functions, methods, classes", () => ({ go() {} }), {
        called: /\.go: a function \(`go`\)/,
        argument: refused(FUNCTION),
        result: refused("call it in the task, and give what it returns"),
      }),
      row("`WeakMap`", () => new WeakMap(), {
        called: /a WeakMap/,
        argument: refused("its entries can't be listed: pass a Map"),
      }),
      row("`WeakSet`", () => new WeakSet(), {
        called: /a WeakSet/,
        argument: refused("its values can't be listed: pass a Set"),
      }),
      row("`WeakRef`", () => new WeakRef({}), {
        called: /a WeakRef/,
        argument: refused("pass the result of deref()"),
      }),
      row("`FinalizationRegistry`", () => new FinalizationRegistry(() => {}), {
        called: /a FinalizationRegistry/,
        argument: refused(IN_TASK),
      }),
      row("`DisposableStack`", () => new DisposableStack(), {
        called: /a DisposableStack/,
        argument: refused(IN_TASK),
      }),
      row("`Promise`", () => Promise.resolve(1), {
        called: /a Promise/,
        argument: refused("await it first"),
        result: changed("what it resolves with", () => 1),
      }),
      row("promises inside of a value", () => [Promise.resolve(1)], {
        called: /\[0\]: a Promise/,
        argument: refused("await it first"),
      }),
      row("generators", () =>
        (function* () {
          yield 1;
        })(), { called: /a generator/, argument: refused(VALUES) }),
      row("async generators", () =>
        (async function* () {
          yield 1;
        })(), {
        called: /an async generator/,
        argument: refused("pass its values: await Array.fromAsync(it)"),
      }),
      row("iterators of arrays, Maps, Sets, strings", () => [1].values(), {
        called: /an Array Iterator/,
        argument: refused(VALUES),
      }),
      row("iterator helpers: `it.map(f)`, …", () => [1].values().map((n) => n), {
        called: /an Iterator Helper/,
        argument: refused(VALUES),
      }),
      row("`Iterator.from(it)`", () => Iterator.from({ next: () => ({ done: true, value: 1 }) }), {
        called: /an iterator/,
        argument: refused(VALUES),
      }),
      row("`Proxy`", () => new Proxy({ a: 1 }, {}), {
        called: /a Proxy/,
        argument: refused("pass a copy of its target"),
      }),
      row("a module's namespace", () => import("node:path"), {
        later: true,
        called: /a module's namespace/,
        argument: refused("pass the values that it exports"),
        result: lacking,
      }),
      row("`JSON.rawJSON(text)`", () => {
        return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON("1");
      }, { called: /a raw JSON text/, argument: refused("pass its rawJSON, a string") }),
    ],
  },
  {
    title: "Memory",
    rows: [
      row("`ArrayBuffer`", () => [new ArrayBuffer(0), new Uint8Array([1, 2, 255]).buffer]),
      row("`ArrayBuffer` that can be resized", () => {
        const buffer = new ArrayBuffer(3, { maxByteLength: 16 });
        new Uint8Array(buffer).set([1, 2, 3]);
        return buffer;
      }),
      row("`ArrayBuffer` that was transferred away", () => {
        const buffer = new ArrayBuffer(8);
        buffer.transfer();
        return buffer;
      }, {
        called: /a detached ArrayBuffer/,
        argument: refused("it was transferred away: pass a copy"),
      }),
      row(
        "`SharedArrayBuffer` of the main thread (the same memory)",
        () => new SharedArrayBuffer(8),
        {
          result: refused("pass one in"),
        },
      ),
      row("`SharedArrayBuffer` that can grow", () => {
        return new SharedArrayBuffer(8, { maxByteLength: 16 });
      }, {
        called: /a growable SharedArrayBuffer/,
        argument: refused("its length can't be shared: make one of a fixed length"),
        result: lacking,
        hosts: all(same),
      }),
      row("typed arrays, each class", () => {
        const buffer = new Uint8Array(64).map((_, i) => i * 5).buffer;
        return [
          new Int8Array(buffer, 1, 3),
          new Uint8Array(buffer),
          new Uint8ClampedArray(buffer, 3, 2),
          new Int16Array(buffer, 2, 3),
          new Uint16Array(buffer, 4),
          new Int32Array(buffer, 8, 2),
          new Uint32Array(buffer, 8, 0),
          new Float32Array([1.5, NaN, -0]),
          new Float64Array([1.5, -0, Infinity]),
          new BigInt64Array([-1n, 2n ** 62n]),
          new BigUint64Array(buffer, 16, 1),
        ];
      }),
      row("`Float16Array`", () => new Float16Array([1.5, -0, 65504]), { needs: "Float16Array" }),
      row("`DataView`", () => new DataView(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2)),
      row("views that share a buffer", () => {
        const buffer = new ArrayBuffer(8);
        return [new Uint8Array(buffer), new Uint8Array(buffer, 4), new DataView(buffer), buffer];
      }),
      row("views that track the length of a resizable buffer", () => {
        const buffer = new ArrayBuffer(4, { maxByteLength: 16 });
        return [new Uint8Array(buffer), new Uint16Array(buffer, 2), new DataView(buffer, 1)];
      }),
      row("views outside of a buffer that was shrunk", () => {
        const buffer = new ArrayBuffer(8, { maxByteLength: 8 });
        const view = new Uint8Array(buffer, 4, 4);
        buffer.resize(2);
        return view;
      }, {
        called: /a view outside its buffer/,
        argument: refused("the buffer was shrunk: make a new view"),
      }),
      row("`Buffer`", () => Buffer.from(new Uint8Array([0, 1, 2, 3]).buffer, 1, 3), {
        needs: "Buffer",
        argument: changed("a `Uint8Array` of its own bytes alone", () => new Uint8Array([1, 2, 3])),
        result: lacking,
        hosts: all(
          changed("a `Uint8Array` on a copy of the whole buffer", () => {
            return new Uint8Array(new Uint8Array([0, 1, 2, 3]).buffer, 1, 3);
          }),
        ),
      }),
    ],
  },
  {
    title: "Errors",
    rows: [
      row("the language's own classes", () => [
        new Error("a"),
        new EvalError("b"),
        new RangeError("c"),
        new ReferenceError("d"),
        new SyntaxError("e"),
        new TypeError("f"),
        new URIError(""),
        new Error(),
      ]),
      row("`cause`", () => new Error("a", { cause: new TypeError("b", { cause: [1n] }) }), {
        hosts: { bun: changed("an error without it", () => new Error("a")) },
      }),
      row("`AggregateError`, with its `errors`", () => {
        return new AggregateError([new TypeError("a"), "b"], "all");
      }, { hosts: all(changed("an `Error` without `errors`", () => new Error("all"))) }),
      row("`SuppressedError`", () => new SuppressedError(1, 2, "m"), {
        needs: "SuppressedError",
        argument: changed("an `Error` of that name, without `error` and `suppressed`", () => {
          const error = new Error("m");
          return Object.defineProperty(error, "name", { value: "SuppressedError" });
        }),
        hosts: all(changed("an `Error` of the name Error", () => new Error("m"))),
      }),
      row("own properties, such as `code`", () => {
        return Object.assign(new RangeError("m"), { code: "E_X", detail: { a: [1] } });
      }, { hosts: all(changed("an error without them", () => new RangeError("m"))) }),
      row("a `name` of its own", () => Object.assign(new TypeError("m"), { name: "CustomError" }), {
        hosts: all(changed("an `Error` of the name Error", () => new Error("m"))),
      }),
      row(
        "classes that extend one of these",
        () =>
          new (class HttpError extends TypeError {
            override name = "HttpError";
            status = 404;
          })("m"),
        {
          argument: changed("that one, with the same name and properties", () => {
            return Object.assign(new TypeError("m"), { name: "HttpError", status: 404 });
          }),
          hosts: all(changed("an `Error` without them", () => new Error("m"))),
        },
      ),
      row("`DOMException`", () => new DOMException("stop", "AbortError")),
      row("`QuotaExceededError`", () => {
        const { QuotaExceededError } = globalThis as unknown as Record<
          string,
          new (message: string) => Error
        >;
        return new QuotaExceededError!("full");
      }, {
        needs: "QuotaExceededError",
        argument: changed("a `DOMException` of that name", () => {
          return new DOMException("full", "QuotaExceededError");
        }),
        result: changed("a `DOMException` of that name", () => {
          return new DOMException("full", "QuotaExceededError");
        }),
        hosts: { node: same },
      }),
    ],
  },
  {
    title: "Objects of the platform",
    rows: [
      ofPlatform("URL", "pass its href", () => new URL("https://example.com")),
      ofPlatform("URLSearchParams", ENTRIES, () => new URLSearchParams("a=1")),
      ofPlatform("URLPattern", HELD, () => new URLPattern({ pathname: "/a" }), {
        hosts: { deno: empty },
      }),
      ofPlatform("Headers", ENTRIES, () => new Headers({ a: "1" })),
      ofPlatform("FormData", ENTRIES, () => new FormData(), { hosts: { deno: empty } }),
      ofPlatform(
        "Request",
        "pass its url, its bytes: await it.bytes(), its headers: [...it.headers]",
        () => new Request("https://example.com"),
      ),
      ofPlatform(
        "Response",
        "pass its status, its bytes: await it.bytes(), its headers: [...it.headers]",
        () => new Response("x"),
      ),
      ofPlatform("Blob", BLOB, () => new Blob(["x"]), {
        hosts: all(same),
      }),
      // By its tag, a File of Bun's is a Blob.
      ofPlatform("File", "Bun" in globalThis ? BLOB : FILE, () => {
        return new File(["x"], "a");
      }, { called: /a (File|Blob) /, result: refused(FILE), hosts: all(same) }),
      ofPlatform("ReadableStream", "pass its chunks: await Array.fromAsync(it)", () => {
        return new ReadableStream();
      }),
      ofPlatform("WritableStream", "pass what is written to it", () => new WritableStream()),
      ofPlatform("TransformStream", CHUNKS, () => new TransformStream()),
      ofPlatform("CompressionStream", CHUNKS, () => new CompressionStream("gzip"), {
        hosts: { deno: empty, node: empty },
      }),
      ofPlatform("TextDecoderStream", CHUNKS, () => new TextDecoderStream(), {
        hosts: { deno: empty, node: empty },
      }),
      ofPlatform("TextEncoder", OUTSIDE, () => new TextEncoder(), {
        hosts: { deno: empty, node: empty },
      }),
      ofPlatform("TextDecoder", OUTSIDE, () => new TextDecoder(), {
        hosts: { deno: empty, node: empty },
      }),
      ofPlatform("MessagePort", HELD, () => {
        const { port1 } = new MessageChannel();
        port1.close();
        return port1;
      }),
      ofPlatform("BroadcastChannel", HELD, () => {
        const channel = new BroadcastChannel("deferred");
        channel.close();
        return channel;
      }, { hosts: { deno: empty, node: empty } }),
      ofPlatform("AbortSignal", "give it to the option `signal`", () => AbortSignal.abort(), {
        hosts: { deno: empty, node: empty },
      }),
      ofPlatform("AbortController", "give its signal to the option `signal`", () => {
        return new AbortController();
      }, { hosts: { deno: empty, node: empty } }),
      ofPlatform("Event", HELD, () => new Event("x"), { hosts: { deno: empty, node: empty } }),
      ofPlatform("CustomEvent", HELD, () => new CustomEvent("x"), {
        hosts: { deno: empty, node: empty },
      }),
      ofPlatform("EventTarget", HELD, () => new EventTarget(), {
        hosts: { deno: empty, node: empty },
      }),
      ofPlatform("PerformanceMark", HELD, () => performance.mark("deferred"), {
        hosts: { deno: empty, node: empty },
      }),
      ofPlatform("CryptoKey", "export it first: await crypto.subtle.exportKey(...)", () => {
        return crypto.subtle.generateKey({ name: "AES-GCM", length: 128 }, true, ["encrypt"]);
      }, { later: true, hosts: all(same) }),
      row("`KeyObject` of node:crypto", () => {
        return process.getBuiltinModule("node:crypto").createSecretKey(new Uint8Array(8));
      }, {
        needs: "process",
        called: /a KeyObject/,
        argument: refused("export it first: it.export()"),
        result: lacking,
        hosts: all(same),
      }),
      ofPlatform("Temporal.Instant", TO_STRING, () => Temporal.Now.instant()),
      ofPlatform("Temporal.ZonedDateTime", TO_STRING, () => Temporal.Now.zonedDateTimeISO()),
      ofPlatform("Temporal.PlainDate", TO_STRING, () => Temporal.PlainDate.from("2000-01-01")),
      ofPlatform("Temporal.PlainTime", TO_STRING, () => Temporal.PlainTime.from("12:34")),
      ofPlatform("Temporal.PlainDateTime", TO_STRING, () => {
        return Temporal.PlainDateTime.from("2000-01-01");
      }),
      ofPlatform("Temporal.PlainYearMonth", TO_STRING, () => {
        return Temporal.PlainYearMonth.from("2000-01");
      }),
      ofPlatform("Temporal.PlainMonthDay", TO_STRING, () => {
        return Temporal.PlainMonthDay.from("01-01");
      }),
      ofPlatform("Temporal.Duration", TO_STRING, () => Temporal.Duration.from("PT1S")),
      ofPlatform("Intl.Locale", TO_STRING, () => new Intl.Locale("en")),
      ofPlatform("Intl.NumberFormat", OUTSIDE, () => new Intl.NumberFormat("en")),
      ofPlatform("Intl.DateTimeFormat", OUTSIDE, () => new Intl.DateTimeFormat("en")),
      ofPlatform("Intl.Collator", OUTSIDE, () => new Intl.Collator("en")),
      ofPlatform("Intl.Segmenter", OUTSIDE, () => new Intl.Segmenter("en")),
      row(
        "what `Intl.Segmenter`'s `segment()` gives",
        () => new Intl.Segmenter("en").segment("a"),
        {
          needs: "Intl.Segmenter",
          argument: changed("an empty object; pass `[...it]`", () => ({})),
          result: refused("pass `[...it]`"),
          hosts: all(refused("")),
        },
      ),
      ofPlatform("WebAssembly.Module", NO_WASM, () => {
        return new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
      }, { hosts: all(same) }),
      ofPlatform("WebAssembly.Memory", "pass its bytes: it.buffer.slice()", () => {
        return new WebAssembly.Memory({ initial: 1 });
      }),
      row("`process`", () => process, {
        needs: "process",
        called: /a function/,
        argument: refused(FUNCTION),
        result: lacking,
      }),
      row("`Deno`", () => new Function("return Deno")(), {
        needs: "Deno",
        called: /./,
        argument: refused(""),
        result: lacking,
      }),
      row("`Bun`", () => new Function("return Bun")(), {
        needs: "Bun",
        called: /./,
        argument: refused(""),
        result: lacking,
      }),
      row(
        "instances of classes that Node.js wrote in JavaScript: `EventEmitter`, `Stats`, `Readable`, …",
        () => {
          const { EventEmitter } = process.getBuiltinModule("node:events");
          return Object.assign(new EventEmitter(), { _events: {}, domain: null });
        },
        {
          needs: "process",
          argument: changed("a plain object of their own properties", () => ({
            _events: {},
            _eventsCount: 0,
            _maxListeners: undefined,
            domain: null,
          })),
          result: lacking,
        },
      ),
    ],
  },
];
