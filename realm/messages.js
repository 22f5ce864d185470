// MessageChannel and MessagePort, as HTML has them, within one realm: ports can't be transferred, as
// there is nowhere else to go. MessageEvent, ErrorEvent and PromiseRejectionEvent.
export default ({ brand, define, use }) => {
  const { Event, EventTarget, dispatch, trust } = use("events");
  const { dictionary, need } = use("pairs");

  class MessageEvent extends Event {
    #state;
    constructor(type, options = undefined) {
      need(arguments.length, 1, "MessageEvent");
      super(type, options);
      const { data = null, origin = "", lastEventId = "", source = null, ports = [] } = dictionary(
        options,
      );
      this.#state = {
        data,
        origin: `${origin}`.toWellFormed(),
        lastEventId: `${lastEventId}`,
        source,
        ports: Object.freeze([...ports]),
      };
    }
    get data() {
      return this.#state.data;
    }
    get origin() {
      return this.#state.origin;
    }
    get lastEventId() {
      return this.#state.lastEventId;
    }
    get source() {
      return this.#state.source;
    }
    get ports() {
      return this.#state.ports;
    }
  }

  class ErrorEvent extends Event {
    #state;
    constructor(type, options = undefined) {
      need(arguments.length, 1, "ErrorEvent");
      super(type, options);
      const { colno = 0, error, filename = "", lineno = 0, message = "" } = dictionary(options);
      this.#state = {
        colno: colno >>> 0,
        error,
        filename: `${filename}`.toWellFormed(),
        lineno: lineno >>> 0,
        message: `${message}`,
      };
    }
    get message() {
      return this.#state.message;
    }
    get filename() {
      return this.#state.filename;
    }
    get lineno() {
      return this.#state.lineno;
    }
    get colno() {
      return this.#state.colno;
    }
    get error() {
      return this.#state.error;
    }
  }

  class PromiseRejectionEvent extends Event {
    #promise;
    #reason;
    constructor(type, options) {
      need(arguments.length, 2, "PromiseRejectionEvent");
      super(type, options);
      const { promise, reason } = dictionary(options);
      if ((typeof promise !== "object" && typeof promise !== "function") || promise === null) {
        throw new TypeError("`promise` is no object");
      }
      this.#promise = promise;
      this.#reason = reason;
    }
    get promise() {
      return this.#promise;
    }
    get reason() {
      return this.#reason;
    }
  }

  const SECRET = {};
  let pair;
  class MessagePort extends EventTarget {
    #other = null;
    #queue = []; // what has come and was not told yet
    #started = false;
    #scheduled = false;
    #handlers = { __proto__: null };
    static {
      pair = () => {
        const [a, b] = [new MessagePort(SECRET), new MessagePort(SECRET)];
        a.#other = b;
        b.#other = a;
        return [a, b];
      };
    }
    constructor(secret) {
      if (secret !== SECRET) throw new TypeError("Illegal constructor");
      super();
    }
    // One at a time, each in a turn of its own.
    #deliver() {
      if (!this.#started || this.#scheduled || this.#queue.length === 0) return;
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        const event = this.#queue.shift();
        if (event !== undefined) dispatch(this, trust(event()));
        this.#deliver();
      });
    }
    postMessage(message, options = undefined) {
      need(arguments.length, 1, "postMessage");
      const isList = typeof options === "object" && options !== null && Symbol.iterator in options;
      const { transfer = [] } = isList ? { transfer: options } : dictionary(options);
      const data = structuredClone(message, { transfer });
      const other = this.#other;
      if (other === null) return;
      other.#queue.push(() => new MessageEvent("message", { data }));
      other.#deliver();
    }
    start() {
      this.#started = true;
      this.#deliver();
    }
    close() {
      const other = this.#other;
      this.#other = null;
      this.#queue.length = 0;
      if (other === null) return;
      other.#other = null;
      other.#started = true; // what has come before is told before
      other.#queue.push(() => new Event("close"));
      other.#deliver();
    }
    #handler(type) {
      return this.#handlers[type]?.handler ?? null;
    }
    #handle(type, handler) {
      const known = this.#handlers[type];
      if (typeof handler !== "function") handler = null;
      if (known) {
        known.handler = handler;
        return;
      }
      const entry = this.#handlers[type] = { handler };
      super.addEventListener(type, (event) => entry.handler?.call(this, event));
    }
    get onmessage() {
      return this.#handler("message");
    }
    set onmessage(handler) {
      this.#handle("message", handler);
      this.start();
    }
    get onmessageerror() {
      return this.#handler("messageerror");
    }
    set onmessageerror(handler) {
      this.#handle("messageerror", handler);
    }
    get onclose() {
      return this.#handler("close");
    }
    set onclose(handler) {
      this.#handle("close", handler);
    }
  }

  class MessageChannel {
    #ports = pair();
    constructor() {
      brand(this);
    }
    get port1() {
      return this.#ports[0];
    }
    get port2() {
      return this.#ports[1];
    }
  }

  const classes = {
    MessageEvent,
    ErrorEvent,
    PromiseRejectionEvent,
    MessagePort,
    MessageChannel,
  };
  for (const name of Object.keys(classes)) define(name, classes[name]);
  return classes;
};
