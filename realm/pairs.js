// Of Web IDL, for other units: dictionaries, numbers of arguments, and what it calls a pair iterable
// (entries, keys, values and forEach).
export default () => {
  const IteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
  const read = {
    keys: (pair) => pair[0],
    values: (pair) => pair[1],
    entries: (pair) => [pair[0], pair[1]],
  };

  // `listOf` gives the pairs of an object as they are now; what is added meanwhile is met. It throws
  // for what is no instance.
  const iterable = (Class, name, listOf) => {
    const states = new WeakMap();
    const prototype = Object.create(IteratorPrototype, {
      next: {
        value: function next() {
          const state = states.get(this);
          if (state === undefined) throw new TypeError(`this is no iterator of ${name}`);
          const pair = listOf(state.object)[state.at];
          if (pair === undefined) return { value: undefined, done: true };
          state.at++;
          return { value: read[state.kind](pair), done: false };
        },
        writable: true,
        enumerable: true,
        configurable: true,
      },
      [Symbol.toStringTag]: { value: `${name} Iterator`, configurable: true },
    });
    const begin = (object, kind) => {
      listOf(object);
      const iterator = Object.create(prototype);
      states.set(iterator, { object, kind, at: 0 });
      return iterator;
    };
    const methods = {
      entries() {
        return begin(this, "entries");
      },
      keys() {
        return begin(this, "keys");
      },
      values() {
        return begin(this, "values");
      },
      forEach(callback, self = undefined) {
        listOf(this);
        if (typeof callback !== "function") throw new TypeError("the callback is no function");
        for (let at = 0, pair; (pair = listOf(this)[at]) !== undefined; at++) {
          callback.call(self, pair[1], pair[0], this);
        }
      },
    };
    Object.defineProperties(Class.prototype, Object.getOwnPropertyDescriptors(methods));
    Object.defineProperty(Class.prototype, Symbol.iterator, {
      value: methods.entries,
      writable: true,
      configurable: true,
    });
  };

  // The pairs that a sequence or a record of Web IDL has, each string through `convert`.
  const pairsOf = (init, convert) => {
    const iterate = init[Symbol.iterator];
    if (iterate === undefined || iterate === null) {
      const entries = new Map();
      for (const key of Reflect.ownKeys(init)) {
        if (!Reflect.getOwnPropertyDescriptor(init, key)?.enumerable) continue;
        if (typeof key === "symbol") throw new TypeError("a symbol is no name");
        const name = convert(key);
        entries.set(name, convert(init[key]));
      }
      return [...entries];
    }
    if (typeof iterate !== "function") throw new TypeError("the pairs can't be iterated");
    const pairs = [];
    for (const pair of { [Symbol.iterator]: () => iterate.call(init) }) {
      if ((typeof pair !== "object" && typeof pair !== "function") || pair === null) {
        throw new TypeError("a pair is no list");
      }
      const list = [...pair];
      if (list.length !== 2) throw new TypeError("a pair has a name and a value, no more");
      pairs.push([convert(list[0]), convert(list[1])]);
    }
    return pairs;
  };

  const dictionary = (value) => {
    if (value === undefined || value === null) return {};
    if (typeof value !== "object" && typeof value !== "function") {
      throw new TypeError("the options are no object");
    }
    return value;
  };
  const need = (count, least, what) => {
    if (count < least) {
      throw new TypeError(`${what} needs ${least} argument${least > 1 ? "s" : ""}`);
    }
  };

  return { dictionary, iterable, need, pairsOf };
};
