// deno-lint-ignore-file require-await no-control-regex -- they reject; headers are bytes
// Blob and File (the File API), FormData (XMLHttpRequest), Headers (Fetch): what requests are made of,
// without the network.
export default ({ brand, define, use }) => {
  const { dictionary, iterable, need, pairsOf } = use("pairs");
  const usv = (value) => `${value}`.toWellFormed();

  // ---- Blob, File ----

  const bytesOf = (part) => {
    if (ArrayBuffer.isView(part)) {
      return new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
    }
    return part instanceof ArrayBuffer || part instanceof SharedArrayBuffer
      ? new Uint8Array(part)
      : null;
  };
  const typeOf = (type) => {
    type = `${type}`;
    return /^[\x20-\x7e]*$/.test(type) ? type.toLowerCase() : "";
  };
  const partsOf = (parts) => {
    if (typeof parts !== "object" && typeof parts !== "function" || parts === null) {
      throw new TypeError("the parts are no list");
    }
    return Array.from(
      { [Symbol.iterator]: () => parts[Symbol.iterator]() },
      (part) => isBlob(part) ? blobBytes(part) : bytesOf(part) ?? usv(part),
    );
  };
  const join = (parts, endings) => {
    const encoder = new TextEncoder();
    const chunks = parts.map((part) => {
      if (typeof part !== "string") return part;
      return encoder.encode(endings === "native" ? part.replace(/\r\n?|\n/g, "\n") : part);
    });
    const all = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
    let at = 0;
    for (const chunk of chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return all;
  };
  // [Clamp] rounds to the nearest, and halves to the even.
  const clamp = (position, size) => {
    position = Number(position) || 0;
    const floor = Math.floor(position), part = position - floor;
    if (part > 0.5 || (part === 0.5 && floor % 2 !== 0)) position = floor + 1;
    else if (part >= 0) position = floor;
    return position < 0 ? Math.max(size + position, 0) : Math.min(position, size);
  };
  const PIECE = 65_536; // bytes of a chunk of a stream

  let isBlob, blobBytes, makeBlob;
  const RAW = {};
  class Blob {
    #bytes;
    #type;
    static {
      isBlob = (value) => typeof value === "object" && value !== null && #bytes in value;
      blobBytes = (blob) => blob.#bytes;
      makeBlob = (bytes, type) => new Blob(RAW, { bytes, type });
    }
    constructor(parts = undefined, options = undefined) {
      brand(this);
      if (parts === RAW) {
        this.#bytes = options.bytes;
        this.#type = options.type;
        return;
      }
      const list = parts === undefined ? [] : partsOf(parts);
      options = dictionary(options);
      let { endings = "transparent" } = options;
      endings = `${endings}`;
      if (endings !== "transparent" && endings !== "native") {
        throw new TypeError('`endings` is neither "transparent" nor "native"');
      }
      const { type = "" } = options;
      this.#type = typeOf(type);
      this.#bytes = join(list, endings);
    }
    get size() {
      return this.#bytes.length;
    }
    get type() {
      return this.#type;
    }
    slice(start = 0, end = undefined, type = "") {
      const size = this.#bytes.length;
      const from = clamp(start, size), to = end === undefined ? size : clamp(end, size);
      return makeBlob(this.#bytes.subarray(from, Math.max(from, to)), typeOf(type));
    }
    stream() {
      const bytes = this.#bytes;
      const { ReadableStream } = use("streams");
      let at = 0;
      return new ReadableStream({
        type: "bytes",
        pull(controller) {
          if (at < bytes.length) {
            const piece = bytes.slice(at, at + PIECE);
            at += piece.length;
            controller.enqueue(piece);
          } else {
            controller.close();
            controller.byobRequest?.respond(0);
          }
        },
      });
    }
    async text() {
      return new TextDecoder("utf-8", { ignoreBOM: true }).decode(this.#bytes);
    }
    async arrayBuffer() {
      return this.#bytes.slice().buffer;
    }
    async bytes() {
      return this.#bytes.slice();
    }
  }

  let makeFile;
  class File extends Blob {
    #name;
    #lastModified;
    static {
      makeFile = (blob, name) => {
        const lastModified = blob instanceof File ? blob.#lastModified : Date.now();
        return new File([blob], name, { type: blob.type, lastModified });
      };
    }
    constructor(parts, name, options = undefined) {
      need(arguments.length, 2, "File");
      super(parts, options);
      const { lastModified = Date.now() } = dictionary(options);
      this.#name = usv(name);
      this.#lastModified = Math.trunc(Number(lastModified)) || 0;
    }
    get name() {
      return this.#name;
    }
    get lastModified() {
      return this.#lastModified;
    }
  }

  // ---- FormData ----

  class FormData {
    #pairs = [];
    static {
      iterable(FormData, "FormData", (form) => form.#pairs);
    }
    constructor(form = undefined) {
      brand(this);
      if (form !== undefined) throw new TypeError("FormData takes no form: there are none here");
    }
    static #entry(name, value, count, filename) {
      name = usv(name);
      if (!isBlob(value)) {
        if (count > 2) throw new TypeError("a name of a file is for a Blob");
        return [name, usv(value)];
      }
      if (value instanceof File && filename === undefined) return [name, value];
      return [name, makeFile(value, filename === undefined ? "blob" : usv(filename))];
    }
    append(name, value, filename = undefined) {
      need(arguments.length, 2, "append");
      this.#pairs.push(FormData.#entry(name, value, arguments.length, filename));
    }
    delete(name) {
      need(arguments.length, 1, "delete");
      name = usv(name);
      this.#pairs = this.#pairs.filter((pair) => pair[0] !== name);
    }
    get(name) {
      need(arguments.length, 1, "get");
      name = usv(name);
      return this.#pairs.find((pair) => pair[0] === name)?.[1] ?? null;
    }
    getAll(name) {
      need(arguments.length, 1, "getAll");
      name = usv(name);
      return this.#pairs.filter((pair) => pair[0] === name).map((pair) => pair[1]);
    }
    has(name) {
      need(arguments.length, 1, "has");
      name = usv(name);
      return this.#pairs.some((pair) => pair[0] === name);
    }
    set(name, value, filename = undefined) {
      need(arguments.length, 2, "set");
      const entry = FormData.#entry(name, value, arguments.length, filename);
      const at = this.#pairs.findIndex((pair) => pair[0] === entry[0]);
      if (at < 0) {
        this.#pairs.push(entry);
        return;
      }
      this.#pairs = this.#pairs.filter((pair, index) => index <= at || pair[0] !== entry[0]);
      this.#pairs[at] = entry;
    }
  }

  // ---- Headers ----

  const byteString = (value) => {
    value = `${value}`;
    if (/[^\x00-\xff]/.test(value)) throw new TypeError("a header is made of bytes");
    return value;
  };
  const nameOf = (name) => {
    name = byteString(name);
    if (!/^[!#$%&'*+\-.^_`|~0-9a-z]+$/i.test(name)) {
      throw new TypeError(`${JSON.stringify(name)} is no name of a header`);
    }
    return name.toLowerCase();
  };
  const valueOf = (value) => {
    value = byteString(value).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, "");
    if (/[\0\n\r]/.test(value)) throw new TypeError("a header's value has no lines");
    return value;
  };

  class Headers {
    #lists = new Map(); // the values by name, in lower case
    #sorted = null;
    static {
      iterable(
        Headers,
        "Headers",
        (headers) =>
          headers.#sorted ??= [...headers.#lists.keys()].sort().flatMap((name) => {
            const list = headers.#lists.get(name);
            return name === "set-cookie"
              ? list.map((value) => [name, value])
              : [[name, list.join(", ")]];
          }),
      );
    }
    constructor(init = undefined) {
      brand(this);
      if (init === undefined) return;
      if (typeof init !== "object" && typeof init !== "function" || init === null) {
        throw new TypeError("headers are made of a list of pairs, or of an object");
      }
      for (const [name, value] of pairsOf(init, byteString)) this.append(name, value);
    }
    append(name, value) {
      need(arguments.length, 2, "append");
      const lists = this.#lists;
      name = nameOf(name);
      value = valueOf(value);
      this.#sorted = null;
      if (lists.has(name)) lists.get(name).push(value);
      else lists.set(name, [value]);
    }
    delete(name) {
      need(arguments.length, 1, "delete");
      this.#lists.delete(nameOf(name));
      this.#sorted = null;
    }
    get(name) {
      need(arguments.length, 1, "get");
      return this.#lists.get(nameOf(name))?.join(", ") ?? null;
    }
    getSetCookie() {
      return [...this.#lists.get("set-cookie") ?? []];
    }
    has(name) {
      need(arguments.length, 1, "has");
      return this.#lists.has(nameOf(name));
    }
    set(name, value) {
      need(arguments.length, 2, "set");
      name = nameOf(name);
      value = valueOf(value);
      this.#lists.set(name, [value]);
      this.#sorted = null;
    }
  }

  const classes = { Blob, File, FormData, Headers };
  for (const name of Object.keys(classes)) define(name, classes[name]);
  return classes;
};
