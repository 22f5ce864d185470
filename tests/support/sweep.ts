// @ts-nocheck -- it calls all there is with what no type allows
// deno-lint-ignore-file
/**
 * Every function of the language's builtins, called with odd receivers and arguments: what comes of
 * each call, as text. The same seed gives the same calls, wherever it runs: in a task, in the host.
 * It uses nothing from around it.
 *
 * Left out is what the standard leaves to the engine, or what differs at each call: random numbers,
 * the clock, transcendental functions, locales, sources of functions, sorting by comparators that
 * contradict themselves, texts of dates beyond the standard's forms.
 *
 * @module
 */

/** A line for each call: `path kind receiver(arguments) => result`. */
export function sweep(seed: number, rounds: number): string[] {
  let state = seed >>> 0 || 1;
  const rnd = (n) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % n;
  };
  const G = globalThis;
  const has = (v) => (typeof v === "object" && v !== null) || typeof v === "function";
  const native = {
    keys: Reflect.ownKeys,
    desc: Reflect.getOwnPropertyDescriptor,
    apply: Reflect.apply,
    construct: Reflect.construct,
    proto: Reflect.getPrototypeOf,
    str: String,
    is: Object.is,
    J: JSON.stringify,
    tag: Object.prototype.toString,
  };
  // values
  const make = {
    undef: () => undefined,
    nul: () => null,
    t: () => true,
    f: () => false,
    zero: () => 0,
    mzero: () => -0,
    one: () => 1,
    mone: () => -1,
    two: () => 2,
    three: () => 3,
    ten: () => 10,
    c255: () => 255,
    c36: () => 36,
    half: () => 1.5,
    mhalf: () => -0.5,
    nan: () => NaN,
    inf: () => Infinity,
    minf: () => -Infinity,
    p53: () => 2 ** 53,
    m53: () => -(2 ** 53),
    e21: () => 1e21,
    min: () => 5e-324,
    max: () => 1.7976931348623157e308,
    tenth: () => 0.1,
    big: () => 123456.789,
    date: () => 1e12,
    dmax: () => 8.64e15,
    b0: () => 0n,
    b1: () => 1n,
    bm: () => -5n,
    bb: () => 2n ** 64n,
    bmb: () => -(2n ** 63n),
    b70: () => 12345678901234567890123n,
    es: () => "",
    s12: () => "  12 ",
    a: () => "a",
    abc: () => "abc",
    AbC: () => "AbC äß ſ",
    lone: () => "a\ud800b\udc00",
    emoji: () => "x😀y",
    nul0: () => "\0\x01",
    num: () => "1e3",
    hex: () => "0x1F",
    bin: () => "0b101",
    neg: () => "-7.5",
    dt: () => "2020-02-29T12:34:56.789Z",
    dt2: () => "2020-02-29",
    dt3: () => "Sat, 29 Feb 2020 12:34:56 GMT",
    dt4: () => "+275760-09-13T00:00:00.000Z",
    json: () => '{"a":[1,2,{"b":null}],"__proto__":3}',
    re1: () => "(a)|b",
    flags: () => "gimsuy",
    len: () => "length",
    proto: () => "__proto__",
    bigs: () => "12345678901234567890n",
    bs: () => "0x10",
    sp: () => "\u00a0\ufeff\u2028x\u3000",
    nfd: () => "e\u0301\u1e9b\u0323",
    nfc: () => "NFC",
    nfkd: () => "NFKD",
    dollar: () => "$1$&$`$'$$$<n>",
    comma: () => "a,b,,c",
    idx: () => "1",
    base: () => "aGVsbG8=",
    hexs: () => "deadBEEF",
    sym: () => Symbol.iterator,
    sym2: () => Symbol("q"),
    sym3: () => Symbol.for("r"),
    o: () => ({}),
    o2: () => ({ a: 1, b: 2, 1: "x" }),
    al: () => ({ length: 3, 0: "a", 2: "c" }),
    al2: () => ({ length: "2", 0: 1, 1: { valueOf: () => 3 } }),
    al3: () => ({ length: -1 }),
    al4: () => ({
      get length() {
        throw new RangeError("len");
      },
    }),
    nullp: () => Object.assign(Object.create(null), { z: 1 }),
    getter: () => ({
      get a() {
        return 1;
      },
      set a(v) {
        this.b = v;
      },
      b: 2,
    }),
    thrower: () => ({
      get a() {
        throw new EvalError("a");
      },
    }),
    vo: () => ({ valueOf: () => 42, toString: () => "str" }),
    vo2: () => ({
      valueOf() {
        throw new URIError("vo");
      },
    }),
    vo3: () => ({ valueOf: () => ({}), toString: () => ({}) }),
    tp: () => ({ [Symbol.toPrimitive]: (h) => h === "number" ? 7 : h }),
    tp2: () => ({ [Symbol.toPrimitive]: 1 }),
    tp3: () => ({ [Symbol.toPrimitive]: () => 10n }),
    ts: () => ({ toString: () => "1" }),
    arr: () => [1, 2, 3],
    arr0: () => [],
    hole: () => [1, , 3, ,],
    arrs: () => ["b", undefined, "a", null, 10, 9],
    nest: () => [[1, [2, [3]]], [], [4]],
    fr: () => Object.freeze([1, 2, 3]),
    se: () => Object.seal([3, 1]),
    ne: () => Object.preventExtensions([2, 1]),
    pairs: () => [["a", 1], ["b", 2]],
    fro: () => Object.freeze({ a: 1 }),
    ro: () => Object.defineProperty([1, 2], "length", { writable: false }),
    sub: () => {
      class S extends Array {}
      return S.of(5, 6);
    },
    arrp: () => Object.assign([1, 2], { p: 1, "-1": 2 }),
    u8: () => new Uint8Array([1, 2, 255]),
    i8: () => new Int8Array([-1, 2]),
    u8c: () => new Uint8ClampedArray([0, 128]),
    i16: () => new Int16Array([1, -2]),
    u16: () => new Uint16Array([65535]),
    i32: () => new Int32Array([1, 2, 3, 4]),
    u32: () => new Uint32Array([2 ** 32 - 1, 0]),
    f32: () => new Float32Array([1.5, NaN, -0]),
    f64: () => new Float64Array([0.1, -0, Infinity]),
    b64: () => new BigInt64Array([1n, -1n]),
    bu64: () => new BigUint64Array([2n ** 64n - 1n]),
    ta0: () => new Uint8Array(0),
    rab: () => new ArrayBuffer(4, { maxByteLength: 8 }),
    ab: () => new Uint8Array([9, 8, 7, 6, 5, 4, 3, 2]).buffer,
    tr: () => {
      const b = new ArrayBuffer(8, { maxByteLength: 16 });
      const a = new Uint8Array(b);
      b.resize(12);
      a[10] = 3;
      return a;
    },
    oob: () => {
      const b = new ArrayBuffer(8, { maxByteLength: 8 });
      const a = new Uint16Array(b, 2, 2);
      b.resize(2);
      return a;
    },
    det: () => {
      const b = new ArrayBuffer(4);
      const a = new Uint8Array(b);
      b.transfer();
      return a;
    },
    detb: () => {
      const b = new ArrayBuffer(4);
      b.transfer();
      return b;
    },
    dv: () => new DataView(new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8, 255]).buffer, 1),
    dvr: () => {
      const b = new ArrayBuffer(4, { maxByteLength: 8 });
      const d = new DataView(b);
      b.resize(2);
      return d;
    },
    d: () => new Date(1582979696789),
    dn: () => new Date(NaN),
    de: () => new Date(8.64e15),
    dm: () => new Date(-8.64e15),
    d69: () => new Date(-1),
    rx: () => /a(b)?/,
    rxg: () => /[ab]/g,
    rxy: () => /b/y,
    rxi: () => /(?<n>[a-c])|x/gi,
    rxu: () => /./u,
    rxs: () => /^.*$/ms,
    rxd: () => /(b)/d,
    rxv: () => /[\p{L}--[a-c]]/v,
    rxe: () => /(?:)/g,
    map: () => new Map([[1, "a"], ["k", { z: 1 }], [NaN, 0]]),
    set: () => new Set([1, "a", NaN]),
    set2: () => new Set([3, 1]),
    wm: () => new WeakMap(),
    ws: () => new WeakSet(),
    wr: () => new WeakRef({ q: 1 }),
    setlike: () => ({ size: 2, has: (x) => x === 1, keys: () => [1, 9].values() }),
    fn: () =>
      function foo(a, b) {
        return [this === undefined ? "u" : typeof this, a, b, arguments.length];
      },
    ar: () => (x) => x,
    cmp: () => (x, y) => (x > y) - (x < y),
    thr: () => () => {
      throw new SyntaxError("cb");
    },
    cls: () =>
      class K {
        static s = 1;
        m() {}
      },
    id: () => () => true,
    no: () => () => undefined,
    gen: () =>
      function* () {
        yield 1;
        return 2;
      },
    asy: () => async () => 1,
    key: () => (x) => "k" + typeof x,
    px: () => new Proxy({ a: 1 }, {}),
    pxa: () => new Proxy([1, 2, 3], {}),
    pxt: () =>
      new Proxy({}, {
        get() {
          throw new ReferenceError("get");
        },
        ownKeys() {
          throw new ReferenceError("keys");
        },
      }),
    pxr: () => {
      const { proxy, revoke } = Proxy.revocable({}, {});
      revoke();
      return proxy;
    },
    pxlog: () => new Proxy({ length: 1, 0: 5 }, { has: () => false }),
    it: () => [1, 2][Symbol.iterator](),
    itt: () => ({
      [Symbol.iterator]() {
        return {
          next() {
            throw new EvalError("next");
          },
        };
      },
    }),
    itr: () => ({
      n: 0,
      next() {
        return { value: this.n++, done: this.n > 3 };
      },
      return() {
        return { closed: 1 };
      },
      [Symbol.iterator]() {
        return this;
      },
    }),
    itb: () => ({ [Symbol.iterator]: () => 1 }),
    g: () =>
      (function* () {
        yield "g1";
        yield "g2";
      })(),
    ith: () => [1, 2, 3, 4].values().map((x) => x * 2),
    mit: () => new Map([[1, 2]]).entries(),
    sit: () => "a😀"[Symbol.iterator](),
    er: () => new RangeError("m", { cause: 1 }),
    ag2: () => new AggregateError([1], "g"),
    bx: () => Object(5),
    bs2: () => Object("box"),
    bb2: () => Object(true),
    bbi: () => Object(7n),
    bsy: () => Object(Symbol.iterator),
    args: () =>
      (function () {
        return arguments;
      })(1, 2),
    pr: () => Promise.resolve(1),
    desc: () => ({ value: 5, configurable: true }),
    desc2: () => ({ get: () => 9, enumerable: true }),
    desc3: () => ({ writable: false }),
    descs: () => ({
      a: { value: 1 },
      b: {
        get() {
          return 2;
        },
      },
    }),
    opts: () => ({ maxByteLength: 16, cause: 3, alphabet: "base64url", mode: "strict" }),
  };
  // Inside tasks the source of a function is not to be had.
  for (const name of ["fn", "ar", "cmp", "thr", "cls", "id", "no", "gen", "asy", "key"]) {
    const plainly = make[name];
    make[name] = () => Object.defineProperty(plainly(), "toString", { value: () => name });
  }
  const names = Object.keys(make);
  const seen = new Set();
  // canonical text
  function text(v, depth = 0) {
    switch (typeof v) {
      case "undefined":
      case "boolean":
        return native.str(v);
      case "number":
        return native.is(v, -0) ? "-0" : native.str(v);
      case "bigint":
        return v + "n";
      case "string":
        v = v.replace(/(GMT[+-]\d{4}) \([^)]*\)/g, "$1");
        return native.J(v.length > 300 ? v.slice(0, 300) + "…" + v.length : v);
      case "symbol":
        return native.str(v);
    }
    if (v === null) return "null";
    if (v === G) return "globalThis";
    if (seen.has(v)) return "intrinsic";
    if (depth > 3) return "…";
    try {
      if (typeof v === "function") {
        const n = native.desc(v, "name"), l = native.desc(v, "length");
        return "function " + (n ? native.str(n.value) : "?") + "/" +
          (l ? native.str(l.value) : "?");
      }
      const tag = native.tag.call(v).slice(8, -1);
      if (tag === "Promise") return tag; // Node.js adds properties
      let s = tag;
      const p = native.proto(v);
      const c = p && native.desc(p, "constructor");
      s += ":" +
        (p === null
          ? "null"
          : c && typeof c.value === "function"
          ? (native.desc(c.value, "name") ?? {}).value
          : "?");
      if (tag === "Error" || v instanceof Error) {
        return s + "(" + (native.desc(v, "cause") ? "cause " + text(v.cause, depth + 1) : "") +
          (native.desc(v, "errors") ? "errors " + text(v.errors, depth + 1) : "") + ")";
      }
      if (v instanceof Date) s += "=" + text(Date.prototype.getTime.call(v));
      else if (v instanceof RegExp) {
        try {
          s += "=" + RegExp.prototype.toString.call(v) + "@" + text(v.lastIndex);
        } catch {}
      } else if (v instanceof Map && tag === "Map") {
        s += "=" + text([...Map.prototype.entries.call(v)], depth + 1);
      } else if (v instanceof Set && tag === "Set") {
        s += "=" + text([...Set.prototype.values.call(v)], depth + 1);
      } else if (ArrayBuffer.isView(v) && !(v instanceof DataView)) {
        return s + "=" + v.length + "@" + v.byteOffset + "[" +
          Array.from({ length: Math.min(v.length, 20) }, (_, i) => text(v[i])).join() + "]";
      } else if (v instanceof DataView) {
        let o;
        try {
          o = v.byteOffset + "+" + v.byteLength;
        } catch (e) {
          o = e.name;
        }
        return s + "=" + o;
      } else if (v instanceof ArrayBuffer) {
        return s + "=" + v.byteLength + "/" + v.maxByteLength + (v.detached ? "detached" : "") +
          "[" + (v.detached ? "" : new Uint8Array(v).slice(0, 20)) + "]";
      } else if (
        v instanceof Number || v instanceof String || v instanceof Boolean || v instanceof BigInt ||
        v instanceof Symbol
      ) {
        try {
          s += "=" + text(v.valueOf(), depth + 1);
        } catch {}
      }
      const keys = native.keys(v);
      const parts = [];
      for (const k of keys.slice(0, 30)) {
        const d = native.desc(v, k);
        if (!d) {
          parts.push(native.str(k) + "?");
          continue;
        }
        const fl = (d.writable || d.get || d.set ? "" : "R") + (d.enumerable ? "" : "H") +
          (d.configurable ? "" : "L");
        parts.push(
          (typeof k === "symbol" ? native.str(k) : native.J(k)) + (fl && "!" + fl) + ":" +
            ("value" in d ? text(d.value, depth + 1) : "accessor"),
        );
      }
      return s + (Object.isExtensible(v) ? "" : "X") + "{" + parts.join() +
        (keys.length > 30 ? "+" + keys.length : "") + "}";
    } catch (e) {
      return "(" + (has(e) ? e.name : native.str(e)) + ")";
    }
  }
  // the functions
  const roots = [
    "Object",
    "Function",
    "Array",
    "String",
    "Number",
    "Boolean",
    "Symbol",
    "BigInt",
    "Date",
    "RegExp",
    "Math",
    "JSON",
    "Reflect",
    "Proxy",
    "Map",
    "Set",
    "WeakMap",
    "WeakSet",
    "WeakRef",
    "FinalizationRegistry",
    "Promise",
    "Error",
    "TypeError",
    "RangeError",
    "AggregateError",
    "ArrayBuffer",
    "DataView",
    "Uint8Array",
    "Int8Array",
    "Uint8ClampedArray",
    "Int16Array",
    "Uint16Array",
    "Int32Array",
    "Uint32Array",
    "Float32Array",
    "Float64Array",
    "BigInt64Array",
    "BigUint64Array",
    "Iterator",
    "Atomics",
    "parseInt",
    "parseFloat",
    "isNaN",
    "isFinite",
    "encodeURIComponent",
    "decodeURIComponent",
    "encodeURI",
    "decodeURI",
    "escape",
    "unescape",
  ];
  const skip =
    /^Math\.(random|a?sinh?|a?cosh?|a?tanh?|atan2|exp|expm1|log|log10|log1p|log2|pow|cbrt|hypot)$|^Date\.now$|toLocale|localeCompare|^Atomics\.(wait|waitAsync|notify|pause)$|^Function$|^Function\.prototype\.(toString|caller|arguments)|stack|captureStackTrace|prepareStackTrace|^(Date|Date\.prototype\.(toString|toTimeString|toDateString))$|__(define|lookup|proto)|getYear|constructor|fromAsync|^RegExp\.(\$.|input|last|left|right)|^RegExp\.(input)|^(Array|%TypedArray%)\.prototype\.(to)?[sS]ort(ed)?$|^Date\.parse$|^Promise\.(all|race|any)/;
  const fns = [];
  function walk(o, path) {
    if (!has(o) || seen.has(o)) return;
    seen.add(o);
    if (typeof o === "function") fns.push([path, o, "call"]);
    for (const k of native.keys(o)) {
      const p = path + (typeof k === "symbol" ? "[" + k.description + "]" : "." + k);
      const d = native.desc(o, k);
      if (d.get) fns.push([p, d.get, "get"]);
      if (d.set) fns.push([p, d.set, "set"]);
      if (has(d.value) && k !== "constructor") walk(d.value, p);
    }
  }
  for (const r of roots) {
    walk(G[r], r);
    if (typeof G[r] === "function" && G[r].prototype) fns.push([r, G[r], "new"]);
  }
  const more = {
    "%TypedArray%": native.proto(Uint8Array),
    "%ArrayIterator%": native.proto([].values()),
    "%MapIterator%": native.proto(new Map().values()),
    "%SetIterator%": native.proto(new Set().values()),
    "%StringIterator%": native.proto(""[Symbol.iterator]()),
    "%RegExpStringIterator%": native.proto("".matchAll(/a/g)),
    "%Generator%": native.proto(native.proto((function* () {})())),
    "%IteratorHelper%": native.proto([].values().map((x) => x)),
    "%WrapForValidIterator%": native.proto(Iterator.from({ next() {} })),
  };
  for (const r in more) walk(more[r], r);
  const list = fns.filter(([p]) => !skip.test(p)).sort((a, b) =>
    a[0] + a[2] < b[0] + b[2] ? -1 : 1
  );
  // preferred receivers
  const prefer = {
    Array: "arr arr0 hole arrs nest fr se ne ro sub arrp pxa al al2 pairs",
    String: "es s12 a abc AbC lone emoji nul0 num sp nfd comma bs2 dollar json hexs",
    Number: "zero mzero one half mhalf nan inf tenth big e21 min max bx p53",
    BigInt: "b0 b1 bm bb bmb b70 bbi",
    Boolean: "t f bb2",
    Symbol: "sym sym2 sym3 bsy",
    Date: "d dn de dm d69",
    RegExp: "rx rxg rxy rxi rxu rxs rxd rxv rxe",
    Map: "map",
    Set: "set set2",
    WeakMap: "wm",
    WeakSet: "ws",
    WeakRef: "wr",
    Function: "fn ar cmp cls gen asy",
    Promise: "pr",
    ArrayBuffer: "ab rab detb",
    DataView: "dv dvr",
    "%TypedArray%": "u8 i8 u8c i16 u16 i32 u32 f32 f64 b64 bu64 ta0 tr oob det",
    Uint8Array: "u8 ta0 tr det oob",
    Object: "o o2 al nullp getter fro arr px fn",
    Iterator: "it itr g ith mit",
    "%ArrayIterator%": "it",
    "%MapIterator%": "mit",
    "%StringIterator%": "sit",
    "%Generator%": "g",
    "%IteratorHelper%": "ith",
    Error: "er ag2",
  };
  const statics = {
    Object: "o o2 arr getter fro px pairs descs",
    Reflect: "o o2 arr getter fn px desc",
    Array: "arr it al itr",
    JSON: "json o2 nest arrs bx d",
    Date: "d dn de dm dt dt2 dt3 dt4 date dmax",
    Atomics: "i32 u8 zero one",
    Promise: "arr",
  };
  const out = [];
  const plain = names.filter((n) => !/^d[nem]?$|^d69$/.test(n)); // dates as text name the zone
  const pickName = (from) => {
    if (from && rnd(10) < 7) {
      const l = from.split(" ");
      return l[rnd(l.length)];
    }
    return plain[rnd(plain.length)];
  };
  for (const [path, fn, kind] of list) {
    const root = path.split(/[.[]/)[0];
    state = seed >>> 0 || 1;
    for (const c of path + kind) state = (Math.imul(state, 31) + c.charCodeAt(0)) >>> 0 || 1;
    for (let i = 0; i < 8; i++) rnd(1);
    for (let r = 0; r < rounds; r++) {
      const onProto = /\.prototype|^%/.test(path) && !/^%TypedArray%\.(from|of)/.test(path);
      const selfName = onProto ? pickName(prefer[root]) : undefined;
      const n = kind === "get" ? 0 : kind === "set" ? 1 : rnd(4);
      const argNames = [];
      for (let i = 0; i < n; i++) {
        argNames.push(pickName(
          !onProto && i === 0
            ? statics[root]
            : onProto && i === 0 && root === "Set"
            ? "set set2 map setlike"
            : onProto && root === "String"
            ? "a es abc rx rxg rxi zero one dollar fn"
            : onProto && (root === "Array" || root === "%TypedArray%")
            ? "zero one two mone fn cmp id inf arr"
            : undefined,
        ));
      }
      let line = path + " " + kind + " " + (selfName ?? "") + "(" + argNames.join() + ")";
      let self, args;
      try {
        self = onProto ? make[selfName]() : root in G ? G[root] : undefined;
        args = argNames.map((x) => make[x]());
      } catch (e) {
        line += " => MAKE " + e.name;
        out.push(line);
        continue;
      }
      if (path === "%TypedArray%.from" || path === "%TypedArray%.of") self = Uint8Array;
      let res;
      if (path.startsWith("Promise.") && kind === "call" && !onProto) self = Promise;
      try {
        const v = kind === "new" ? native.construct(fn, args) : native.apply(fn, self, args);
        res = text(v);
        if (res === "Promise") v.then(() => {}, () => {}); // nobody waits for it
        if (
          has(v) && typeof v.next === "function" && !onProto === false && has(v) &&
          native.tag.call(v).includes("Iterator")
        ) {
          const got = [];
          for (let i = 0; i < 4; i++) {
            const x = v.next();
            got.push(text(x.value) + x.done);
            if (x.done) break;
          }
          res += got;
        }
      } catch (e) {
        let own;
        try {
          own = e instanceof Error ? e.constructor.name : text(e);
        } catch {
          own = "revoked";
        }
        res = "throws " + own;
      }
      if (
        onProto && has(self) && !Object.prototype.hasOwnProperty.call(Object.prototype, "polluted")
      ) res += " self " + text(self);
      for (let i = 0; i < args.length; i++) {
        if (has(args[i]) && typeof args[i] !== "function") res += " arg " + text(args[i]);
      }
      out.push(line + " => " + res);
    }
  }
  return out;
}
