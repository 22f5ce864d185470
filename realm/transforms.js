// CompressionStream and DecompressionStream (the Compression standard), TextEncoderStream and
// TextDecoderStream (Encoding): transform streams that hide theirs.
export default ({ brand, define, use, codec, code }) => {
  const { TransformStream } = use("streams");
  const { dictionary, need } = use("pairs");

  const formatOf = (format, compresses) => {
    const made = codec(`${format}`, compresses);
    if (made !== undefined) return made;
    throw new TypeError(
      `${JSON.stringify(`${format}`)} is no format: there are "gzip", "deflate" and "deflate-raw"`,
    );
  };
  const coding = (codec) => {
    const enqueue = (pieces, controller) => {
      for (let i = 0; i < pieces.length; i++) controller.enqueue(pieces[i]);
    };
    return new TransformStream({
      transform(chunk, controller) {
        if (chunk === undefined) throw new TypeError("undefined is no chunk of bytes");
        enqueue(code(codec, chunk), controller);
      },
      flush(controller) {
        enqueue(code(codec), controller);
      },
    });
  };

  class CompressionStream {
    #transform;
    constructor(format) {
      need(arguments.length, 1, "CompressionStream");
      brand(this);
      this.#transform = coding(formatOf(format, true));
    }
    get readable() {
      return this.#transform.readable;
    }
    get writable() {
      return this.#transform.writable;
    }
  }

  class DecompressionStream {
    #transform;
    constructor(format) {
      need(arguments.length, 1, "DecompressionStream");
      brand(this);
      this.#transform = coding(formatOf(format, false));
    }
    get readable() {
      return this.#transform.readable;
    }
    get writable() {
      return this.#transform.writable;
    }
  }

  class TextEncoderStream {
    #transform;
    #lead = ""; // a leading surrogate at the end of a chunk
    constructor() {
      brand(this);
      const encoder = new TextEncoder();
      this.#transform = new TransformStream({
        transform: (chunk, controller) => {
          let text = `${this.#lead}${chunk}`;
          const last = text.charCodeAt(text.length - 1);
          const cut = last >= 0xd800 && last <= 0xdbff;
          this.#lead = cut ? text.at(-1) : "";
          if (cut) text = text.slice(0, -1);
          if (text !== "") controller.enqueue(encoder.encode(text));
        },
        flush: (controller) => {
          if (this.#lead !== "") controller.enqueue(encoder.encode(this.#lead));
        },
      });
    }
    get encoding() {
      this.#transform;
      return "utf-8";
    }
    get readable() {
      return this.#transform.readable;
    }
    get writable() {
      return this.#transform.writable;
    }
  }

  class TextDecoderStream {
    #decoder;
    #transform;
    constructor(label = "utf-8", options = undefined) {
      brand(this);
      const { fatal, ignoreBOM } = dictionary(options);
      const decoder = this.#decoder = new TextDecoder(label, { fatal, ignoreBOM });
      const enqueue = (text, controller) => {
        if (text !== "") controller.enqueue(text);
      };
      this.#transform = new TransformStream({
        transform(chunk, controller) {
          if (chunk === undefined) throw new TypeError("undefined is no chunk of bytes");
          enqueue(decoder.decode(chunk, { stream: true }), controller);
        },
        flush(controller) {
          enqueue(decoder.decode(), controller);
        },
      });
    }
    get encoding() {
      return this.#decoder.encoding;
    }
    get fatal() {
      return this.#decoder.fatal;
    }
    get ignoreBOM() {
      return this.#decoder.ignoreBOM;
    }
    get readable() {
      return this.#transform.readable;
    }
    get writable() {
      return this.#transform.writable;
    }
  }

  const classes = { CompressionStream, DecompressionStream, TextEncoderStream, TextDecoderStream };
  for (const name of Object.keys(classes)) define(name, classes[name]);
  return classes;
};
