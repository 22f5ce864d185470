/**
 * Hostile values from bytes, and what the standard makes of them: the JavaScript part of the
 * encoder's fuzz target (encode_fuzz.c runs it, in the realm that it encodes from).
 *
 *   model.build(bytes)      a World: a value, built the same way each time, whose getters, names and
 *                           messages change what is being walked
 *   model.expected(world)   what is to come of encoding it, as text: StructuredSerializeInternal of
 *                           the HTML standard, with what wire.h says of errors and of memory; ""
 *                           if that takes too long (parts of errors may be given up and met again)
 *   model.described(value)  the same text of what the codec made of it
 *   model.thrown(error)     the same of what it threw
 *
 * The text tells all that can be observed of a value but the stacks of errors. Objects have
 * numbers, in the order in which they are met. What an error can't carry is "REPLACED".
 *
 * Around it: `presets` and `classes` (of the realm), `lend(i)` and `share(i)` (buffers over memory
 * of the host's), `gc()`, and the sizes of wire.h: `MOVE_BYTES`, `KEEP_BYTES`.
 */
"use strict";

globalThis.model = (() => {
  const { defineProperty, freeze, getOwnPropertyDescriptor, getPrototypeOf, hasOwn, keys } = Object;
  const getter = (prototype, key) => {
    const { get } = getOwnPropertyDescriptor(prototype, key);
    return (object) => Reflect.apply(get, object, []);
  };
  const method = (prototype, key) => {
    const function_ = prototype[key];
    return (object, ...args) => Reflect.apply(function_, object, args);
  };
  const isDetached = getter(ArrayBuffer.prototype, "detached");
  const lengthOf = getter(ArrayBuffer.prototype, "byteLength");
  const maxOf = getter(ArrayBuffer.prototype, "maxByteLength");
  const isResizable = getter(ArrayBuffer.prototype, "resizable");
  const eachOfMap = method(Map.prototype, "forEach");
  const eachOfSet = method(Set.prototype, "forEach");
  const timeOf = method(Date.prototype, "getTime");
  const nameOfDOM = getter(DOMException.prototype, "name");
  const messageOfDOM = getter(DOMException.prototype, "message");
  const sourceOf = getter(RegExp.prototype, "source");
  const flagOf = {
    d: "hasIndices",
    g: "global",
    i: "ignoreCase",
    m: "multiline",
    s: "dotAll",
    u: "unicode",
    v: "unicodeSets",
    y: "sticky",
  };
  for (const [letter, key] of Object.entries(flagOf)) {
    flagOf[letter] = getter(RegExp.prototype, key);
  }
  const unboxes = [Boolean, Number, BigInt, String].map(({ prototype }) =>
    method(prototype, "valueOf")
  );

  const ERRORS = [
    Error,
    EvalError,
    RangeError,
    ReferenceError,
    SyntaxError,
    TypeError,
    URIError,
    AggregateError,
  ];
  const VIEWS = [
    DataView,
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    BigInt64Array,
    BigUint64Array,
    Float16Array,
    Float32Array,
    Float64Array,
  ];
  const sizeOfElement = (Class) => Class.BYTES_PER_ELEMENT ?? 1;
  const lengthOfView = (view) => {
    try {
      return view.length ?? view.byteLength;
    } catch {
      return -1; // a DataView out of bounds
    }
  };

  // ---- Values from bytes ----

  const { MOVE_BYTES, KEEP_BYTES } = globalThis;
  const MOST_OBJECTS = 40, MOST_CALLS = 40;
  const KEYS = ["a", "b", "c", "x", "7", "0", "odd key", "é", "α", "length", "then", "__proto__"];
  const PRIMITIVES = [
    undefined,
    null,
    true,
    false,
    "",
    "text",
    "é",
    "α\ud800",
    "long".repeat(40),
    0n,
    -5n,
    2n ** 70n,
  ];
  const NUMBERS = [0, -0, 1, 127, 128, -1, 2 ** 31 - 1, -(2 ** 31), 2 ** 31, 0.5, NaN, -Infinity];
  const DEPTHS = [0, 1, 6, 7, 8, 14, 15, 16, 30, 31, 32, 62, 63, 64];

  const define = (object, key, value, enumerable = true) =>
    defineProperty(object, key, {
      __proto__: null,
      value,
      enumerable,
      writable: true,
      configurable: true,
    });
  const defineGetter = (object, key, get, enumerable = true) =>
    defineProperty(object, key, { __proto__: null, get, enumerable, configurable: true });

  class World {
    #bytes;
    #at = 0;
    #calls = MOST_CALLS; // hooks do nothing before the value is whole: they might freeze its parts
    #pool = [];
    #kinds = new WeakMap();
    views = new WeakMap(); // { type, offset, length }, of which no length tracks
    lent = new WeakMap(); // by buffer: the number of its region

    constructor(bytes) {
      this.#bytes = bytes;
      let value = this.#siblings(this.value());
      const depth = DEPTHS[this.#next(DEPTHS.length)], style = this.#next(8);
      for (let i = 0; i < depth; i++) value = this.#wrap(value, style > 5 ? style : style + i);
      this.root = value;
      this.#calls = 0;
    }

    kind(object) {
      const kind = this.#kinds.get(object);
      if (kind === undefined) throw new Error("an object that was not made here");
      return kind;
    }

    #next(n) {
      return this.#at < this.#bytes.length ? this.#bytes[this.#at++] % n : 0;
    }

    #one(list) {
      return list[this.#next(list.length)];
    }

    /** Keeps an object for what comes later, and for getters to change. */
    #made(kind, object) {
      this.#kinds.set(object, kind);
      this.#pool.push(object);
      return object;
    }

    #pick(number, kind) {
      const list = kind ? this.#pool.filter((object) => this.kind(object) === kind) : this.#pool;
      return list.length > 0 ? list[number % list.length] : undefined;
    }

    #siblings(value) {
      const object = this.#made("object", { x: 1 });
      switch (this.#next(4)) {
        case 0:
          return this.#made("array", [value, object, 5, this.#made("object", { y: object })]);
        case 1:
          return this.#made("object", { value, object, n: 5, other: this.#made("array", ["z"]) });
        case 2:
          return this.#made("map", new Map([[object, value], ["n", 5]]));
        default:
          return this.#made("array", [1, value, this.#made("array", [2]), "text", null, object]);
      }
    }

    #wrap(value, style) {
      switch (style % 8) {
        case 0:
          return this.#made("array", [value, 1, "text"]);
        case 1:
          return this.#made("object", { value, other: this.#made("array", [style, "x"]) });
        case 2:
          return this.#made("array", [this.#made("object", { style }), value, style]);
        case 3:
          return this.#made("map", new Map([["k", value], ["other", style]]));
        case 4:
          return this.#made("set", new Set([value, style]));
        case 5:
          return this.#made("object", { first: style, value });
        case 6:
          return this.#made("error", new Error("wrapped", { cause: value }));
        default:
          return this.#made("object", { value });
      }
    }

    #number() {
      return this.#one(NUMBERS);
    }

    #primitive() {
      return this.#next(2) ? this.#number() : this.#one(PRIMITIVES);
    }

    value() {
      const choice = this.#next(32);
      if (this.#pool.length >= MOST_OBJECTS || choice < 5) return this.#primitive();
      if (choice < 8) return this.#pick(this.#next(256)) ?? this.#primitive();
      if (choice < 15) return this.#array();
      if (choice < 20) return this.#object();
      if (choice === 20) return this.#map();
      if (choice === 21) return this.#set();
      if (choice < 25) return this.#error();
      if (choice === 25) return this.#buffer();
      if (choice < 28) return this.#view();
      if (choice === 28) return this.#simple();
      if (choice === 29) return this.#uncloneable();
      if (choice === 30) return this.#instance();
      return this.#dom();
    }

    #array() {
      const array = this.#made("array", []);
      const length = this.#next(10), onlyNumbers = this.#next(2);
      for (let i = 0; i < length; i++) array.push(onlyNumbers ? this.#number() : this.value());
      for (let changes = this.#next(4); changes > 0 && Object.isExtensible(array); changes--) {
        const what = this.#next(10), index = this.#next(10);
        this.#try(() => this.#change(array, what, index));
      }
      return array;
    }

    #change(array, what, index) {
      switch (what) {
        case 0:
          return freeze(array);
        case 1:
          return Object.seal(array);
        case 2:
          return Object.preventExtensions(array);
        case 3:
          return Reflect.deleteProperty(array, index);
        case 4:
          return Reflect.set(array, 20000, this.#number());
        case 5: { // filled backwards
          const copy = [...array];
          array.length = 0;
          for (let i = copy.length - 1; i >= 0; i--) array[i] = copy[i];
          return;
        }
        case 6:
        case 7:
          return defineGetter(array, index, this.#hook());
        case 8:
          return define(array, this.#one(KEYS), this.value());
        default:
          array.length += index;
      }
    }

    #keyed(object, many = true) {
      if (many && this.#next(16) === 1) { // more than go by shape
        for (let i = 0; i < 70; i++) object[`key${i}`] = i;
      }
      for (let count = this.#next(6); count > 0; count--) {
        const key = this.#one(KEYS), how = this.#next(8);
        this.#try(() => { // it may be frozen by now
          if (how < 2) defineGetter(object, key, this.#hook());
          else define(object, key, this.value(), how > 2);
        });
      }
      return object;
    }

    #object() {
      const object = this.#made("object", this.#next(8) === 1 ? { __proto__: null } : {});
      this.#keyed(object);
      if (this.#next(8) === 1) freeze(object);
      return object;
    }

    #instance() {
      const object = Object.create(this.#one(classes));
      return this.#keyed(this.#made("object", object));
    }

    #map() {
      const map = this.#made("map", new Map());
      for (let count = this.#next(5); count > 0; count--) map.set(this.value(), this.value());
      return map;
    }

    #set() {
      const set = this.#made("set", new Set());
      for (let count = this.#next(5); count > 0; count--) set.add(this.value());
      return set;
    }

    #error() {
      const Class = this.#one(ERRORS);
      const error = this.#made("error", Class === AggregateError ? new Class([]) : new Class());
      Reflect.deleteProperty(error, "errors");
      for (let count = this.#next(6); count > 0; count--) {
        switch (this.#next(12)) {
          case 0:
            define(error, "message", this.#one(["m", 5, null, "αβ"]), this.#next(2) === 1);
            break;
          case 1: {
            const text = this.#made("object", {});
            define(text, "toString", this.#hook(), false);
            define(error, "message", text);
            break;
          }
          case 2:
            define(error, "name", this.#one(["TypeError", "Mine", "", 7, "AggregateError"]));
            break;
          case 3:
            defineGetter(error, "name", this.#hook());
            break;
          case 4: { // between the error and its class
            const between = { __proto__: getPrototypeOf(error) };
            defineGetter(between, "name", this.#hook());
            Object.setPrototypeOf(error, between);
            break;
          }
          case 5:
          case 6:
            define(error, "cause", this.value(), this.#next(2) === 1);
            break;
          case 7:
            defineGetter(error, this.#one(["cause", "errors", "message", "stack"]), this.#hook());
            break;
          case 8:
          case 9:
            define(error, "errors", this.#array(), this.#next(2) === 1);
            break;
          case 10:
            define(error, "stack", "mine");
            break;
          default:
            this.#keyed(error);
        }
      }
      return error;
    }

    #dom() {
      const name = this.#one(["AbortError", "Mine", "DataCloneError", "Error"]);
      const error = this.#made("dom", new DOMException("m", name));
      return this.#next(2) ? this.#keyed(error) : error;
    }

    #buffer() {
      let buffer;
      switch (this.#next(16)) {
        case 0:
        case 1:
        case 2:
        case 3:
          buffer = new ArrayBuffer(this.#next(12), { maxByteLength: 12 + this.#next(4) });
          break;
        case 4: {
          const region = this.#next(2);
          buffer = lend(region);
          this.lent.set(buffer, region);
          break;
        }
        case 5:
          return this.#made("shared", share(this.#next(2)));
        case 6:
          buffer = new ArrayBuffer(MOVE_BYTES + this.#next(2) - 1);
          break;
        case 7:
          buffer = new ArrayBuffer(KEEP_BYTES + this.#next(2) - 1);
          break;
        case 8:
          return this.#preset(0, "array");
        default:
          buffer = new ArrayBuffer(this.#next(24));
      }
      this.#made("buffer", buffer);
      const bytes = new Uint8Array(buffer);
      if (!this.lent.has(buffer)) bytes.fill(this.#next(256));
      if (this.#next(16) === 1) buffer.transfer();
      return buffer;
    }

    /** A value that every realm has, which no getter changes. */
    #preset(number, kind) {
      this.#kinds.set(presets[number], kind);
      return presets[number];
    }

    #anyBuffer() {
      switch (this.#next(8)) {
        case 0:
          return this.#preset(1, "buffer");
        case 1:
        case 2:
        case 3:
          return this.#buffer();
        default:
          return this.#pick(this.#next(256), "buffer");
      }
    }

    #view() {
      const buffer = this.#anyBuffer();
      const type = this.#next(VIEWS.length), Class = VIEWS[type], size = sizeOfElement(Class);
      const offset = this.#next(3) * size, tracks = this.#next(2) === 1, count = this.#next(3);
      const kind = buffer && this.kind(buffer);
      if (kind !== "buffer" && kind !== "shared") return this.#primitive();
      const length = tracks && kind === "buffer" && isResizable(buffer) ? undefined : count;
      return this.#try(() => {
        const view = this.#made("view", new Class(buffer, offset, length));
        this.views.set(view, { type, offset, length });
        return view;
      });
    }

    #simple() {
      switch (this.#next(8)) {
        case 0:
          return this.#made("date", new Date(this.#next(2) ? NaN : 1e12));
        case 1:
          return this.#made("regexp", this.#one([/a(b)?[/]/gi, /\p{L}/vy, new RegExp("")]));
        case 2:
          return this.#keyed(this.#made("date", new Date(0)), false);
        default: {
          const value = this.#one([true, 5, "text", "", 2n ** 70n, NaN]);
          return this.#made("boxed", Object(value));
        }
      }
    }

    #uncloneable() {
      const trap = () => this.#hook()();
      const made = [
        () => function named() {},
        () => Symbol("s"),
        () => new Proxy({}, { ownKeys: trap, get: trap, getOwnPropertyDescriptor: trap }),
        () => Promise.resolve(),
        () => new WeakMap(),
        () => new SharedArrayBuffer(4),
        () => globalThis,
        () => [][Symbol.iterator](),
      ];
      const value = this.#one(made)();
      return typeof value === "symbol" ? value : this.#made("uncloneable", value);
    }

    #try(f) {
      try {
        return f();
      } catch {
        return undefined;
      }
    }

    // ---- What getters do ----

    /** A function that changes what is there, then throws or returns something. */
    #hook() {
      const actions = Array.from({ length: 1 + this.#next(3) }, () => ({
        what: this.#next(16),
        target: this.#next(256),
        argument: this.#next(256),
      }));
      const ending = this.#next(10), number = this.#number();
      const result = ending === 7 ? this.value() : ending === 8 ? this.#array() : undefined;
      return () => {
        if (++this.#calls > MOST_CALLS) return 1;
        for (const action of actions) this.#try(() => this.#act(action));
        switch (ending) {
          case 0:
            throw new Thrown(this.#calls);
          case 5:
            return "text";
          case 6:
            return this.#pick(number & 255);
          case 7:
          case 8:
            return result;
          case 9: // a different one each time, that nothing else holds
            return this.#fresh(number);
          default:
            return number;
        }
      };
    }

    #fresh(number) {
      const isLarge = number === 1 || number === 127;
      const object = isLarge
        ? new Uint8Array(KEEP_BYTES).fill(number).buffer
        : freeze([this.#calls, number]);
      this.#kinds.set(object, isLarge ? "buffer" : "array");
      return object;
    }

    #act({ what, target, argument }) {
      const object = this.#pick(target);
      if (what === 0) return gc();
      if (what === 1) return Array.from({ length: 8 }, () => new Float64Array(argument).fill(1.5));
      switch (object !== undefined && this.kind(object)) {
        case "array":
          return this.#actOnArray(object, what, argument);
        case "map":
          return this.#actOnMap(object, what, argument);
        case "set":
          return this.#actOnSet(object, what, argument);
        case "buffer":
          return this.#actOnBuffer(object, what, argument);
        case "view":
          return object.fill?.(typeof object[0] === "bigint" ? 3n : 3);
        case "object":
        case "error":
        case "dom":
          return this.#actOnObject(object, what, argument);
      }
    }

    #actOnArray(array, what, argument) {
      const isWalked = what < 5 || (what > 9 && what < 13);
      if (isWalked && array.length > 300) return; // by builtins, which would take for ever
      switch (what) {
        case 2:
          return array.push(argument, this.#pick(argument));
        case 3:
          return array.pop();
        case 4:
          return array.shift();
        case 5:
          return array.length = argument % 4;
        case 6:
          return array[20000] = 0;
        case 7:
          return Reflect.deleteProperty(array, argument % 8);
        case 8:
          return defineGetter(array, argument % 8, () => argument);
        case 9:
          return freeze(array);
        case 10:
          return array.splice(argument % 4, 1, ...Array(argument % 64).fill(argument));
        case 11:
          return array.reverse();
        case 12:
          return array.fill(this.#pick(argument));
        case 13:
          return define(array, argument % 8, "hidden", false);
        case 14:
          return array.length = 9999;
        default:
          return array[argument % 8] = "changed";
      }
    }

    #actOnObject(object, what, argument) {
      const key = KEYS[argument % KEYS.length];
      switch (what) {
        case 2:
        case 3:
          return Reflect.deleteProperty(object, key);
        case 4:
          for (const own of keys(object)) Reflect.deleteProperty(object, own);
          return;
        case 5:
          for (let i = 0; i < argument % 70; i++) object[`more${i}`] = i;
          return;
        case 6:
          return defineGetter(object, key, () => argument);
        case 7:
          return define(object, key, argument, false);
        case 8:
          return freeze(object);
        case 9:
          return Object.setPrototypeOf(object, null);
        case 10:
          return define(object, "cause", this.#pick(argument));
        case 11:
          return define(object, "message", argument);
        case 12:
          return define(object, "name", "Changed");
        case 13:
          return define(object, key, this.#pick(argument));
        default:
          return object[key] = "changed";
      }
    }

    #actOnMap(map, what, argument) {
      if (what < 5) map.clear();
      else if (what < 9) map.delete(map.keys().next().value);
      else for (let i = 0; i < argument % 40; i++) map.set(i, i);
    }

    #actOnSet(set, what, argument) {
      if (what < 5) set.clear();
      else if (what < 9) set.delete(set.values().next().value);
      else for (let i = 0; i < argument % 40; i++) set.add(i);
    }

    #actOnBuffer(buffer, what, argument) {
      if (what < 7) buffer.resize(argument % 13);
      else if (what < 9) {
        const region = this.lent.get(buffer);
        const other = this.#made("buffer", buffer.transfer());
        if (region !== undefined) this.lent.set(other, region);
      } else new Uint8Array(buffer).fill(argument);
    }
  }

  /** What a getter throws, with the number of the call. */
  class Thrown {
    constructor(call) {
      this.call = call;
    }
  }

  // ---- Text of values, which both sides write ----

  const primitive = (value) => {
    if (typeof value === "string") return JSON.stringify(value);
    if (typeof value === "bigint") return `${value}n`;
    return Object.is(value, -0) ? "-0" : String(value);
  };

  const bytesOf = (buffer) => {
    const bytes = new Uint8Array(buffer);
    if (bytes.length <= 64) return bytes.join(" ");
    return `${bytes.subarray(0, 32).join(" ")} ... ${bytes.subarray(-32).join(" ")}`;
  };

  const bufferText = (buffer) => {
    const max = isResizable(buffer) ? ` of ${maxOf(buffer)}` : "";
    return `buffer ${lengthOf(buffer)}${max}`;
  };

  /** How long a view is, for each length that its buffer may have. */
  const viewText = (view, buffer) => {
    const type = VIEWS.findIndex(({ prototype }) => getPrototypeOf(view) === prototype);
    const text = `${VIEWS[type].name} at ${view.byteOffset}`;
    if (buffer instanceof SharedArrayBuffer || !isResizable(buffer)) {
      return `${text}, ${lengthOfView(view)}`;
    }
    const before = new Uint8Array(buffer).slice();
    const lengths = [];
    for (let size = 0; size <= maxOf(buffer); size++) {
      buffer.resize(size);
      lengths.push(lengthOfView(view));
    }
    buffer.resize(before.length);
    new Uint8Array(buffer).set(before);
    return `${text}, ${lengths.join(" ")}`;
  };

  const regexpText = (regexp) => {
    const flags = keys(flagOf).filter((letter) => flagOf[letter](regexp)).join("");
    return `/${sourceOf(regexp)}/${flags}`;
  };

  const unbox = (object) => {
    for (const valueOf of unboxes) {
      try {
        return valueOf(object);
      } catch { /* another kind */ }
    }
    throw new Error("not a boxed primitive");
  };

  // ---- The standard's algorithm ----

  class Uncloneable {}
  class TooLong {}

  const MOST_STEPS = 3000;

  class Reference {
    #world;
    #steps = 0;
    #out = []; // text, or a function that makes it in the end
    #numbers = new Map();
    #kept = []; // { buffer, region }: of which there is no copy

    constructor(world) {
      this.#world = world;
    }

    text() {
      this.#value(this.#world.root);
      return this.#out.map((part) => typeof part === "function" ? part() : part).join("");
    }

    #put(...parts) {
      this.#out.push(...parts);
    }

    /** A child of an error: what can't be cloned of it is replaced, and was never met. */
    #lenient(work) {
      const out = this.#out.length, numbers = this.#numbers.size, kept = this.#kept.length;
      try {
        work();
      } catch (error) {
        if (!(error instanceof Uncloneable || error instanceof Thrown)) throw error;
        this.#out.length = out;
        this.#kept.length = kept;
        for (const object of [...this.#numbers.keys()].slice(numbers)) this.#numbers.delete(object);
        this.#put("REPLACED");
      }
    }

    /** Whether an object is met for the first time. */
    #isNew(object) {
      const number = this.#numbers.get(object);
      if (number !== undefined) this.#put(`@${number}`);
      else this.#numbers.set(object, this.#numbers.size);
      return number === undefined;
    }

    #value(value) {
      if (++this.#steps > MOST_STEPS) throw new TooLong();
      if (typeof value === "symbol") throw new Uncloneable();
      if (Object(value) !== value) return this.#put(primitive(value));
      const kind = this.#world.kind(value);
      if (kind === "uncloneable") throw new Uncloneable();
      if (this.#isNew(value)) this.#object(value, kind);
    }

    #object(object, kind) {
      if (presets.includes(object)) return this.#put("preset ", String(presets.indexOf(object)));
      switch (kind) {
        case "array":
          return this.#array(object, (work) => work());
        case "object": {
          const number = classes.indexOf(getPrototypeOf(object));
          this.#put(number < 0 ? "" : `class ${number} `);
          return this.#properties(object, keys(object), (work) => work());
        }
        case "map":
        case "set":
          return this.#entries(object, kind);
        case "error":
        case "dom":
          return this.#error(object, kind === "dom");
        case "date":
          return this.#put(`date ${timeOf(object)}`);
        case "regexp":
          return this.#put(regexpText(object));
        case "boxed":
          return this.#put(`boxed ${primitive(unbox(object))}`);
        case "buffer":
          return this.#buffer(object);
        case "shared":
          return this.#put("shared");
        case "view":
          return this.#view(object);
      }
    }

    #array(array, each) {
      this.#put(`array ${array.length} `);
      this.#properties(array, keys(array), each);
    }

    #properties(object, names, each) {
      this.#put("{");
      for (const key of names) {
        if (!hasOwn(object, key)) continue;
        this.#put(`${JSON.stringify(key)}: `);
        each(() => this.#value(object[key]));
        this.#put(", ");
      }
      this.#put("}");
    }

    #entries(object, kind) {
      const entries = [];
      if (kind === "map") eachOfMap(object, (value, key) => entries.push(key, value));
      else eachOfSet(object, (value) => entries.push(value));
      this.#put(`${kind} [`);
      for (const value of entries) {
        this.#value(value);
        this.#put(", ");
      }
      this.#put("]");
    }

    /** As wire.h says under "Errors". */
    #error(error, isDOM) {
      let name, message;
      if (isDOM) {
        [name, message] = [nameOfDOM(error), messageOfDOM(error)];
      } else {
        try {
          name = error.name;
        } catch { /* is left out */ }
        try {
          const own = getOwnPropertyDescriptor(error, "message");
          if (own && "value" in own) message = `${own.value}`;
        } catch { /* is left out */ }
      }
      const type = isDOM ? "DOMException" : this.#classOf(error, name);
      this.#put(`error ${type}`);
      if (typeof name === "string" && name !== type) this.#put(` name ${JSON.stringify(name)}`);
      if (message !== undefined) this.#put(` message ${JSON.stringify(message)}`);
      const data = (key) => {
        const own = getOwnPropertyDescriptor(error, key);
        return own && "value" in own ? own : undefined;
      };
      const cause = data("cause");
      let errors = type === "AggregateError" ? data("errors") : undefined;
      const isArray = errors && Object(errors.value) === errors.value &&
        this.#world.kind(errors.value) === "array";
      if (!isArray) errors = undefined;
      const others = ["name", "message", "stack"];
      if (cause) others.push("cause");
      if (errors) others.push("errors");
      const names = keys(error).filter((key) => !others.includes(key));
      if (cause) {
        this.#put(" cause ");
        this.#lenient(() => this.#value(cause.value));
      }
      if (errors) {
        this.#put(" errors ");
        if (this.#isNew(errors.value)) this.#array(errors.value, (work) => this.#lenient(work));
      }
      const length = this.#out.push(" ");
      this.#properties(error, names, (work) => this.#lenient(work));
      const isEmpty = this.#out.length === length + 2; // "{" and "}": getters may have taken all away
      if (isEmpty) this.#out.length = length - 1;
    }

    #classOf(error, name) {
      const named = ERRORS.find((Class) => Class.name === name);
      if (named) return named.name;
      for (let at = getPrototypeOf(error); at; at = getPrototypeOf(at)) {
        const Class = ERRORS.find(({ prototype }) => prototype === at);
        if (Class) return Class.name;
      }
      return "Error";
    }

    #buffer(buffer) {
      if (isDetached(buffer)) throw new Uncloneable();
      const region = this.#world.lent.get(buffer);
      const large = !isResizable(buffer) && lengthOf(buffer) >= KEEP_BYTES;
      const keeps = region === undefined
        ? large
        : !this.#kept.some((other) => other.region === region);
      if (keeps) this.#kept.push({ buffer, region });
      this.#put(bufferText(buffer), " ", bytesOf(buffer));
    }

    #view(view) {
      const { buffer } = view;
      const { type, offset, length = 0 } = this.#world.views.get(view);
      const shared = this.#world.kind(buffer) === "shared";
      if (!shared && isDetached(buffer)) throw new Uncloneable();
      const end = offset + length * sizeOfElement(VIEWS[type]);
      if (!shared && end > lengthOf(buffer)) throw new Uncloneable();
      this.#put("view (");
      this.#value(buffer);
      this.#put(") ", viewText(view, buffer));
    }
  }

  // ---- What came of it ----

  class Description {
    #out = [];
    #numbers = new Map();

    text(value) {
      this.#value(value);
      return this.#out.join("");
    }

    #put(...parts) {
      this.#out.push(...parts);
    }

    /** A value that may stand for another one, of which a text says why it isn't there. */
    #value(value) {
      if (typeof value === "string" && value.startsWith("[")) return this.#put("REPLACED");
      if (Object(value) !== value) return this.#put(primitive(value));
      const number = this.#numbers.get(value);
      if (number !== undefined) return this.#put(`@${number}`);
      this.#numbers.set(value, this.#numbers.size);
      this.#object(value);
    }

    #object(object) {
      const prototype = getPrototypeOf(object);
      if (presets.includes(object)) return this.#put("preset ", String(presets.indexOf(object)));
      if (Array.isArray(object)) {
        this.#put(`array ${object.length} `);
        return this.#properties(object, keys(object));
      }
      if (prototype === Object.prototype || classes.includes(prototype)) {
        const number = classes.indexOf(prototype);
        this.#put(number < 0 ? "" : `class ${number} `);
        return this.#properties(object, keys(object));
      }
      switch (prototype) {
        case Map.prototype:
        case Set.prototype:
          return this.#entries(object, prototype === Map.prototype ? "map" : "set");
        case Date.prototype:
          return this.#put(`date ${timeOf(object)}`);
        case RegExp.prototype:
          return this.#put(regexpText(object));
        case ArrayBuffer.prototype:
          return this.#put(bufferText(object), " ", bytesOf(object));
        case SharedArrayBuffer.prototype:
          return this.#put("shared");
        case DOMException.prototype:
          return this.#error(object, "DOMException");
      }
      const Class = ERRORS.find((Class) => Class.prototype === prototype);
      if (Class) return this.#error(object, Class.name);
      if (!VIEWS.some((Class) => Class.prototype === prototype)) {
        return this.#put(`boxed ${primitive(unbox(object))}`);
      }
      this.#put("view (");
      this.#value(object.buffer);
      this.#put(") ", viewText(object, object.buffer));
    }

    #properties(object, names) {
      this.#put("{");
      for (const key of names) {
        this.#put(`${JSON.stringify(key)}: `);
        const { value, writable, configurable } = getOwnPropertyDescriptor(object, key);
        if (!writable || !configurable) this.#put("read-only ");
        this.#value(value);
        this.#put(", ");
      }
      this.#put("}");
    }

    #entries(object, kind) {
      this.#put(`${kind} [`);
      const each = kind === "map" ? eachOfMap : eachOfSet;
      each(object, (value, key) => {
        this.#value(key);
        if (kind === "map") {
          this.#put(", ");
          this.#value(value);
        }
        this.#put(", ");
      });
      this.#put("]");
    }

    #error(error, type) {
      this.#put(`error ${type}`);
      const own = (key) => {
        const { value, enumerable } = getOwnPropertyDescriptor(error, key) ?? {};
        return enumerable === false ? { value } : undefined;
      };
      const isDOM = type === "DOMException";
      const name = isDOM ? { value: nameOfDOM(error) } : own("name");
      const message = isDOM ? { value: messageOfDOM(error) } : own("message");
      if (name && name.value !== type) this.#put(` name ${JSON.stringify(name.value)}`);
      if (message) this.#put(` message ${JSON.stringify(message.value)}`);
      const cause = own("cause"), errors = own("errors");
      for (const [key, part] of Object.entries({ cause, errors })) {
        if (!part) continue;
        this.#put(` ${key} `);
        this.#value(part.value);
      }
      const names = keys(error);
      if (names.length === 0) return;
      this.#put(" ");
      this.#properties(error, names);
    }
  }

  return {
    build: (buffer) => new World(new Uint8Array(buffer)),
    expected(world) {
      try {
        return new Reference(world).text();
      } catch (error) {
        if (error instanceof Uncloneable) return "uncloneable";
        if (error instanceof Thrown) return `thrown by call ${error.call}`;
        if (error instanceof TooLong) return "";
        throw error;
      }
    },
    described: (value) => new Description().text(value),
    thrown(error) {
      if (error instanceof Thrown) return `thrown by call ${error.call}`;
      throw error;
    },
  };
})();
