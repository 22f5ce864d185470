// The console of a task, as the Console standard has it but for what the host does: it formats and
// prints. A line is [method, depth, arguments, classes]: how many groups it is in; copies of the
// arguments; and of objects among them, each with the name of its class behind it ("" without one).
//
// What can't be cloned becomes a label, wherever it is. Copies are bounded, and nothing is thrown.
export default ({ kind, hasRoom, print }) => {
  const MOST = 65_536; // units of all strings of a line, and SIZE for each value
  const SIZE = 8;
  const DEEPEST = 32;
  const GROUPS = 32;

  const ownValue = (object, key) => Object.getOwnPropertyDescriptor(object, key)?.value;
  const nameOf = (fn) => {
    const name = ownValue(fn, "name");
    return typeof name === "string" ? name.slice(0, 128) : "";
  };
  const functionLabel = (fn) => {
    const isClass = Object.getOwnPropertyDescriptor(fn, "prototype")?.writable === false;
    const name = nameOf(fn);
    if (name === "") return isClass ? "[class (anonymous)]" : "[Function (anonymous)]";
    return isClass ? `[class ${name}]` : `[Function: ${name}]`;
  };
  const textOf = (thrown) => {
    try {
      return `${thrown instanceof Error ? thrown.message : thrown}`.slice(0, 1024);
    } catch {
      return "…";
    }
  };
  const otherLabel = (object) => {
    const tag = Object.prototype.toString.call(object).slice(8, -1);
    if (tag === "URL" || tag === "URLSearchParams") return `[${tag}: ${object}]`;
    return object === globalThis ? "[globalThis]" : `[${tag}]`;
  };
  // Objects are copied without a prototype: what the task put on one is not asked.
  const add = (object, key, value) =>
    Object.defineProperty(object, key, {
      __proto__: null,
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });

  // Copies values for one line; `asText`: errors become their stacks.
  class Copier {
    classes = [];
    #left = MOST;
    #seen = new Map();
    #asText;
    constructor(asText) {
      this.#asText = asText;
    }

    all(values) {
      const copies = [];
      for (let i = 0; i < values.length; i++) add(copies, i, this.#copy(values[i], 0));
      return copies;
    }

    #text(text) {
      const room = Math.max(this.#left, 0);
      this.#left -= text.length;
      if (text.length <= room) return text;
      return `${text.slice(0, room)}… ${text.length - room} more characters`;
    }

    #copy(value, depth) {
      if (typeof value === "string") return this.#text(value);
      this.#left -= SIZE;
      if (typeof value === "symbol") return this.#text(Symbol.prototype.toString.call(value));
      if ((typeof value !== "object" && typeof value !== "function") || value === null) {
        return value;
      }
      const known = this.#seen.get(value);
      if (known !== undefined) return known;
      try {
        return this.#object(value, kind(value), depth);
      } catch (thrown) {
        return this.#text(`[threw: ${textOf(thrown)}]`);
      }
    }

    #keep(value, copy) {
      this.#seen.set(value, copy);
      return copy;
    }

    #object(value, what, depth) {
      if (what === "proxy") return typeof value === "function" ? "[Function (Proxy)]" : "[Proxy]";
      if (what === "function") return this.#text(functionLabel(value));
      if (what === "other") return this.#text(otherLabel(value));
      if (what === "data") return value;
      if (what === "error") {
        if (!this.#asText) return value;
        return this.#text(`${textOf(value.name)}: ${textOf(value)}\n${ownValue(value, "stack")}`);
      }
      if (what === "buffer" || what === "view") return this.#bytes(value);
      if (depth >= DEEPEST || this.#left <= 0) return what === "array" ? "[Array]" : "[Object]";
      if (what === "array") return this.#array(value, this.#keep(value, []), depth + 1);
      if (what === "map") return this.#map(value, this.#keep(value, new Map()), depth + 1);
      if (what === "set") return this.#set(value, this.#keep(value, new Set()), depth + 1);
      return this.#plain(value, this.#keep(value, { __proto__: null }), depth + 1);
    }

    #bytes(value) {
      const isView = ArrayBuffer.isView(value);
      const tag = Object.prototype.toString.call(value).slice(8, -1);
      const size = value.byteLength;
      if (size > this.#left || value instanceof SharedArrayBuffer) {
        return `[${tag}(${isView && tag !== "DataView" ? value.length : size})]`;
      }
      this.#left -= size;
      if (!isView) return this.#keep(value, value.slice(0));
      const { buffer, byteOffset } = value;
      const bytes = new Uint8Array(size);
      bytes.set(new Uint8Array(buffer, byteOffset, size));
      return this.#keep(value, new globalThis[tag](bytes.buffer));
    }

    #array(array, copy, depth) {
      const { length } = array;
      for (let i = 0; i < length; i++) {
        if (this.#left <= 0) {
          add(copy, i, `… ${length - i} more items`);
          return copy;
        }
        if (Object.hasOwn(array, i)) add(copy, i, this.#property(array, i, depth));
        else this.#left -= SIZE;
      }
      copy.length = length;
      return copy;
    }

    #property(object, key, depth) {
      let value;
      try {
        value = object[key];
      } catch (thrown) {
        return this.#text(`[Getter threw: ${textOf(thrown)}]`);
      }
      return this.#copy(value, depth);
    }

    #map(map, copy, depth) {
      for (const [key, value] of Map.prototype.entries.call(map)) {
        if (this.#left <= 0) {
          copy.set("…", "more entries");
          break;
        }
        copy.set(this.#copy(key, depth), this.#copy(value, depth));
      }
      return copy;
    }

    #set(set, copy, depth) {
      for (const value of Set.prototype.values.call(set)) {
        if (this.#left <= 0) {
          copy.add("… more values");
          break;
        }
        copy.add(this.#copy(value, depth));
      }
      return copy;
    }

    #plain(object, copy, depth) {
      const prototype = Object.getPrototypeOf(object);
      if (prototype !== Object.prototype) {
        const constructor = prototype === null ? undefined : ownValue(prototype, "constructor");
        const name = typeof constructor === "function" ? nameOf(constructor) : "";
        if (prototype === null || name !== "") this.classes.push(copy, name);
      }
      const keys = Object.keys(object);
      for (let i = 0; i < keys.length; i++) {
        if (this.#left <= 0) {
          add(copy, "…", `${keys.length - i} more properties`);
          break;
        }
        const key = keys[i];
        add(copy, this.#text(key), this.#property(object, key, depth));
      }
      return copy;
    }
  }

  let depth = 0;
  const send = (method, values, asText) => {
    const copier = new Copier(asText);
    const copies = copier.all(values);
    return print([method, Math.min(depth, GROUPS), copies, copier.classes]);
  };
  const line = (method, values) => {
    if (!hasRoom()) return;
    try {
      if (send(method, values, false) || send(method, values, true)) return;
    } catch {
      // what the task did to the builtins is told as what it is:
    }
    print([method, 0, ["[a line that can't be printed]"], []]);
  };

  const counts = new Map();
  const timers = new Map();
  const elapsed = (label) => {
    const ms = performance.now() - timers.get(label);
    return `${label}: ${ms < 1000 ? `${+ms.toFixed(3)}ms` : `${+(ms / 1000).toFixed(3)}s`}`;
  };
  const isTimed = (label) => {
    if (timers.has(label)) return true;
    line("warn", [`Timer '${label}' does not exist`]);
    return false;
  };
  // The text that stands before other arguments: none of it asks for one of them.
  const literal = (text, rest) => rest.length > 0 ? text.replaceAll("%", "%%") : text;

  const methods = {
    assert(condition = false, ...data) {
      if (!condition) line("assert", [false, ...data]);
    },
    clear() {
      depth = 0;
    },
    debug(...data) {
      line("debug", data);
    },
    error(...data) {
      line("error", data);
    },
    info(...data) {
      line("info", data);
    },
    log(...data) {
      line("log", data);
    },
    table(...data) {
      line("table", data);
    },
    trace(...data) {
      line("trace", [new Error(), ...data]);
    },
    warn(...data) {
      line("warn", data);
    },
    dir(...data) {
      line("dir", data);
    },
    dirxml(...data) {
      line("log", data);
    },
    count(label = "default") {
      label = `${label}`;
      const count = (counts.get(label) ?? 0) + 1;
      counts.set(label, count);
      line("log", [`${label}: ${count}`]);
    },
    countReset(label = "default") {
      label = `${label}`;
      if (counts.has(label)) counts.set(label, 0);
      else line("warn", [`Count for '${label}' does not exist`]);
    },
    group(...data) {
      line("group", data);
      depth++;
    },
    groupCollapsed(...data) {
      line("groupCollapsed", data);
      depth++;
    },
    groupEnd() {
      if (depth > 0) depth--;
    },
    time(label = "default") {
      label = `${label}`;
      if (timers.has(label)) line("warn", [`Timer '${label}' already exists`]);
      else timers.set(label, performance.now());
    },
    timeLog(label = "default", ...data) {
      label = `${label}`;
      if (isTimed(label)) line("log", [literal(elapsed(label), data), ...data]);
    },
    timeEnd(label = "default") {
      label = `${label}`;
      if (!isTimed(label)) return;
      line("log", [elapsed(label)]);
      timers.delete(label);
    },
  };
  const console = Object.create({});
  for (const name of Object.keys(methods)) add(console, name, methods[name]);
  Object.defineProperty(console, Symbol.toStringTag, {
    __proto__: null,
    value: "console",
    configurable: true,
  });
  return { console };
};
