// Event, CustomEvent, EventTarget, AbortController, AbortSignal and reportError, as the DOM standard
// and HTML have them, without a tree: a target's path is itself.
export default ({ brand, define, use }) => {
  const { dictionary, need } = use("pairs");

  let stateOf;
  const isTrusted = Object.getOwnPropertyDescriptor({
    get isTrusted() {
      return stateOf(this).trusted;
    },
  }, "isTrusted");
  isTrusted.configurable = false;

  class Event {
    #state;
    static {
      stateOf = (event) => event.#state;
    }
    constructor(type, options = undefined) {
      need(arguments.length, 1, "Event");
      brand(this);
      const { bubbles, cancelable, composed } = dictionary(options);
      this.#state = {
        type: `${type}`,
        bubbles: !!bubbles,
        cancelable: !!cancelable,
        composed: !!composed,
        time: performance.now(),
        target: null,
        current: null,
        phase: 0,
        trusted: false,
        initialized: true,
        dispatching: false,
        canceled: false,
        stopped: false,
        stoppedNow: false,
        passive: false,
      };
      Object.defineProperty(this, "isTrusted", isTrusted);
    }
    get type() {
      return this.#state.type;
    }
    get target() {
      return this.#state.target;
    }
    get srcElement() {
      return this.#state.target;
    }
    get currentTarget() {
      return this.#state.current;
    }
    composedPath() {
      const { current } = this.#state;
      return current === null ? [] : [current];
    }
    get eventPhase() {
      return this.#state.phase;
    }
    stopPropagation() {
      this.#state.stopped = true;
    }
    get cancelBubble() {
      return this.#state.stopped;
    }
    set cancelBubble(value) {
      if (value) this.#state.stopped = true;
    }
    stopImmediatePropagation() {
      this.#state.stopped = this.#state.stoppedNow = true;
    }
    get bubbles() {
      return this.#state.bubbles;
    }
    get cancelable() {
      return this.#state.cancelable;
    }
    get returnValue() {
      return !this.#state.canceled;
    }
    set returnValue(value) {
      if (!value) this.preventDefault();
    }
    preventDefault() {
      const state = this.#state;
      if (state.cancelable && !state.passive) state.canceled = true;
    }
    get defaultPrevented() {
      return this.#state.canceled;
    }
    get composed() {
      return this.#state.composed;
    }
    get timeStamp() {
      return this.#state.time;
    }
    initEvent(type, bubbles = false, cancelable = false) {
      need(arguments.length, 1, "initEvent");
      const state = this.#state;
      if (state.dispatching) return;
      Object.assign(state, {
        type: `${type}`,
        bubbles: !!bubbles,
        cancelable: !!cancelable,
        initialized: true,
        stopped: false,
        stoppedNow: false,
        canceled: false,
        trusted: false,
        target: null,
      });
    }
  }
  const phases = ["NONE", "CAPTURING_PHASE", "AT_TARGET", "BUBBLING_PHASE"];
  for (const object of [Event, Event.prototype]) {
    phases.forEach((name, value) =>
      Object.defineProperty(object, name, { value, enumerable: true })
    );
  }

  class CustomEvent extends Event {
    #detail;
    constructor(type, options = undefined) {
      need(arguments.length, 1, "CustomEvent");
      super(type, options);
      const { detail = null } = dictionary(options);
      this.#detail = detail;
    }
    get detail() {
      return this.#detail;
    }
    initCustomEvent(type, bubbles = false, cancelable = false, detail = null) {
      need(arguments.length, 1, "initCustomEvent");
      if (stateOf(this).dispatching) return;
      this.initEvent(type, bubbles, cancelable);
      this.#detail = detail;
    }
  }

  // What a listener throws is nobody's to catch: as with a promise that nobody handles.
  const report = (error) => void Promise.reject(error);

  const listenerOf = (callback) => {
    const type = typeof callback;
    if (callback === null || callback === undefined) return null;
    if (type !== "object" && type !== "function") throw new TypeError("a listener is no object");
    return callback;
  };
  const captures = (options) =>
    typeof options === "boolean" ? options : !!dictionary(options).capture;

  let listenersOf;
  class EventTarget {
    #listeners = [];
    static {
      listenersOf = (target) => target.#listeners;
    }
    constructor() {
      brand(this);
    }
    addEventListener(type, callback, options = undefined) {
      need(arguments.length, 2, "addEventListener");
      const listeners = listenersOf(this ?? globalThis);
      type = `${type}`;
      const flags = typeof options === "boolean" ? { capture: options } : dictionary(options);
      const capture = !!flags.capture;
      const { once, passive, signal } = flags;
      if (signal !== undefined && !(signal instanceof AbortSignal)) {
        throw new TypeError("`signal` is no AbortSignal");
      }
      const listener = listenerOf(callback);
      if (listener === null || signal?.aborted) return;
      for (const other of listeners) {
        if (other.type === type && other.callback === listener && other.capture === capture) return;
      }
      const entry = {
        type,
        callback: listener,
        capture,
        once: !!once,
        passive: !!passive,
        removed: false,
      };
      listeners.push(entry);
      if (signal) onAbort(signal, () => remove(listeners, entry));
    }
    removeEventListener(type, callback, options = undefined) {
      need(arguments.length, 2, "removeEventListener");
      const listeners = listenersOf(this ?? globalThis);
      type = `${type}`;
      const listener = listenerOf(callback), capture = captures(options);
      const entry = listeners.find((entry) =>
        entry.type === type && entry.callback === listener && entry.capture === capture
      );
      if (entry) remove(listeners, entry);
    }
    dispatchEvent(event) {
      need(arguments.length, 1, "dispatchEvent");
      const target = this ?? globalThis;
      listenersOf(target);
      if (!(event instanceof Event)) throw new TypeError("what is dispatched is no Event");
      const state = stateOf(event);
      if (state.dispatching || !state.initialized) {
        throw new DOMException("the event is being dispatched already", "InvalidStateError");
      }
      state.trusted = false;
      return dispatch(target, event);
    }
  }

  const remove = (listeners, entry) => {
    entry.removed = true;
    const at = listeners.indexOf(entry);
    if (at >= 0) listeners.splice(at, 1);
  };

  const call = (entry, target, event) => {
    const state = stateOf(event);
    state.passive = entry.passive;
    try {
      const { callback } = entry;
      if (typeof callback === "function") {
        callback.call(target, event);
      } else {
        const { handleEvent } = callback;
        if (typeof handleEvent !== "function") throw new TypeError("handleEvent is no function");
        handleEvent.call(callback, event);
      }
    } catch (error) {
      report(error);
    }
    state.passive = false;
  };

  const dispatch = (target, event) => {
    const state = stateOf(event);
    const listeners = listenersOf(target);
    Object.assign(state, { dispatching: true, target, phase: 2 });
    for (const capture of [true, false]) {
      if (state.stopped) break;
      state.current = target;
      for (const entry of [...listeners]) {
        if (entry.type !== state.type || entry.capture !== capture || entry.removed) continue;
        if (entry.once) remove(listeners, entry);
        call(entry, target, event);
        if (state.stoppedNow) break;
      }
    }
    Object.assign(state, {
      dispatching: false,
      phase: 0,
      current: null,
      stopped: false,
      stoppedNow: false,
    });
    return !state.canceled;
  };

  const trust = (event) => {
    stateOf(event).trusted = true;
    return event;
  };
  const fire = (target, type) => dispatch(target, trust(new Event(type)));

  let make, onAbort, abort, sourcesOf;
  const SECRET = {};
  class AbortSignal extends EventTarget {
    #aborted = false;
    #reason;
    #algorithms = new Set();
    #dependent = null; // its sources, if it is one of AbortSignal.any
    #dependents = [];
    #handler = null;
    #hasListener = false;
    static {
      make = () => new AbortSignal(SECRET);
      onAbort = (signal, algorithm) => signal.#algorithms.add(algorithm);
      sourcesOf = (signal) => signal.#dependent ?? [signal];
      const mark = (signal, reason) => {
        signal.#aborted = true;
        signal.#reason = reason;
      };
      const run = (signal) => {
        const algorithms = [...signal.#algorithms];
        signal.#algorithms.clear();
        for (const algorithm of algorithms) algorithm();
        fire(signal, "abort");
      };
      abort = (signal, reason) => {
        if (signal.#aborted) return;
        if (reason === undefined) reason = new DOMException("signal is aborted", "AbortError");
        mark(signal, reason);
        const others = signal.#dependents.filter((other) => !other.#aborted);
        for (const other of others) mark(other, reason);
        run(signal);
        for (const other of others) run(other);
      };
    }
    constructor(secret) {
      if (secret !== SECRET) throw new TypeError("Illegal constructor");
      super();
    }
    static abort(reason = undefined) {
      const signal = make();
      abort(signal, reason);
      return signal;
    }
    static any(signals) {
      need(arguments.length, 1, "AbortSignal.any");
      const list = [...signals];
      for (const source of list) {
        if (typeof source !== "object" || source === null || !(#aborted in source)) {
          throw new TypeError("AbortSignal.any takes AbortSignals");
        }
      }
      const signal = make();
      signal.#dependent = [];
      for (const source of list) {
        if (!source.#aborted) continue;
        signal.#aborted = true;
        signal.#reason = source.#reason;
        return signal;
      }
      const sources = new Set(list.flatMap((source) => sourcesOf(source)));
      signal.#dependent = [...sources];
      for (const source of sources) source.#dependents.push(signal);
      return signal;
    }
    get aborted() {
      return this.#aborted;
    }
    get reason() {
      return this.#reason;
    }
    throwIfAborted() {
      if (this.#aborted) throw this.#reason;
    }
    get onabort() {
      return this.#handler;
    }
    set onabort(handler) {
      const type = typeof handler;
      this.#handler = (type === "object" || type === "function") ? handler : null;
      if (this.#hasListener || this.#handler === null) return;
      this.#hasListener = true; // its place among the others is that of the first time
      super.addEventListener("abort", (event) => {
        if (typeof this.#handler === "function") this.#handler.call(this, event);
      });
    }
  }
  if (typeof globalThis.setTimeout === "function") {
    const wait = globalThis.setTimeout;
    const { timeout } = {
      timeout(milliseconds) {
        need(arguments.length, 1, "AbortSignal.timeout");
        const time = +milliseconds;
        if (!(time >= 0 && time <= Number.MAX_SAFE_INTEGER)) {
          throw new TypeError("the time is no number of milliseconds");
        }
        const signal = make();
        wait(() => abort(signal, new DOMException("signal timed out", "TimeoutError")), time);
        return signal;
      },
    };
    Object.defineProperty(AbortSignal, "timeout", {
      value: timeout,
      writable: true,
      configurable: true,
    });
  }

  class AbortController {
    #signal = make();
    constructor() {
      brand(this);
    }
    get signal() {
      return this.#signal;
    }
    abort(reason = undefined) {
      abort(this.#signal, reason);
    }
  }

  const classes = { Event, CustomEvent, EventTarget, AbortController, AbortSignal };
  for (const name of Object.keys(classes)) define(name, classes[name]);
  return {
    ...classes,
    dispatch,
    trust,
    reportError(error) {
      need(arguments.length, 1, "reportError");
      report(error);
    },
  };
};
