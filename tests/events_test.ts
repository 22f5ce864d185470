/**
 * Events and abort signals in a task, as the DOM standard has them.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Deferred, DeferredPool } from "../mod.ts";

describe("Event and EventTarget", () => {
  test("listeners are called in their order, capturing ones first", async () => {
    const told = await Deferred.run(() => {
      const told: string[] = [];
      const target = new EventTarget();
      const log = (text: string) => () => told.push(text);
      const twice = log("twice");
      target.addEventListener("a", log("first"));
      target.addEventListener("a", twice);
      target.addEventListener("a", twice);
      target.addEventListener("a", twice, true);
      target.addEventListener("a", log("once"), { once: true });
      target.addEventListener("a", log("captures"), { capture: true });
      target.addEventListener("b", log("other"));
      const object = {
        handleEvent(event: Event) {
          told.push(`object ${this === object} ${event.currentTarget === target}`);
        },
      };
      target.addEventListener("a", object);
      target.addEventListener("a", null as unknown as () => void);
      told.push(`${target.dispatchEvent(new Event("a"))}`);
      target.removeEventListener("a", twice, { capture: true });
      target.removeEventListener("a", object);
      target.dispatchEvent(new Event("a"));
      return told;
    });
    const captures = ["twice", "captures"];
    assert.deepEqual(told, [
      ...[...captures, "first", "twice", "once", "object true true", "true"],
      ...["captures", "first", "twice"],
    ]);
  });

  test("an event is what it was made, and where it is", async () => {
    const told = await Deferred.run(() => {
      const target = new EventTarget();
      const event = new Event("x", { cancelable: true, bubbles: true, composed: true });
      const state = () => [event.target === target, event.eventPhase, event.composedPath().length];
      const told: unknown[] = [event.type, event.bubbles, event.cancelable, event.composed];
      told.push(state().join(), event.isTrusted, event.timeStamp >= 0, event.defaultPrevented);
      target.addEventListener("x", (event) => {
        told.push(state().join());
        event.preventDefault();
      });
      told.push(target.dispatchEvent(event), event.defaultPrevented, event.returnValue);
      told.push(state().join(), event.currentTarget, Event.AT_TARGET, Event.BUBBLING_PHASE);
      return told;
    });
    assert.deepEqual(told, [
      ...["x", true, true, true, "false,0,0", false, true, false],
      ...["true,2,1", false, true, false, "true,0,0", null, 2, 3],
    ]);
  });

  test("stopping, passive listeners, and events that can't be cancelled", async () => {
    const told = await Deferred.run(() => {
      const told: string[] = [];
      const target = new EventTarget();
      target.addEventListener("now", (event) => event.stopImmediatePropagation());
      target.addEventListener("now", () => told.push("never"));
      target.addEventListener("later", (event) => event.stopPropagation(), true);
      target.addEventListener("later", () => told.push("captures"), true);
      target.addEventListener("later", () => told.push("never"));
      target.addEventListener("passive", (event) => event.preventDefault(), { passive: true });
      const cancelable = { cancelable: true };
      for (const type of ["now", "later"]) target.dispatchEvent(new Event(type));
      target.addEventListener("plain", (event) => event.preventDefault());
      told.push(`${target.dispatchEvent(new Event("passive", cancelable))}`);
      told.push(`${target.dispatchEvent(new Event("plain"))}`);
      return told;
    });
    assert.deepEqual(told, ["captures", "true", "true"]);
  });

  test("listeners that are added or removed meanwhile", async () => {
    const told = await Deferred.run(() => {
      const told: string[] = [];
      const target = new EventTarget();
      const second = () => told.push("second");
      target.addEventListener("a", () => {
        target.removeEventListener("a", second);
        target.addEventListener("a", () => told.push("third"), { once: true });
      });
      target.addEventListener("a", second);
      target.dispatchEvent(new Event("a"));
      target.dispatchEvent(new Event("a"));
      return told;
    });
    assert.deepEqual(told, ["third"]);
  });

  test("a listener that throws keeps no other from being called, and rejects the task", async () => {
    const seen = new Int32Array(new SharedArrayBuffer(8));
    await assert.rejects(
      Deferred.run(async (seen: Int32Array) => {
        const target = new EventTarget();
        target.addEventListener("a", () => {
          throw new RangeError("mine");
        });
        target.addEventListener("a", () => seen[0] = 1);
        seen[1] = Number(target.dispatchEvent(new Event("a")));
        await new Promise((resolve) => setTimeout(resolve, 10));
      }, seen),
      { name: "RangeError", message: "mine" },
    );
    assert.deepEqual([...seen], [1, 1]);
    await assert.rejects(
      Deferred.run(async () => {
        reportError(new RangeError("reported"));
        await new Promise((resolve) => setTimeout(resolve, 10));
      }),
      { name: "RangeError", message: "reported" },
    );
  });

  test("classes may extend them, and mistakes are TypeErrors", async () => {
    const told = await Deferred.run(() => {
      class Room extends EventTarget {
        readonly name = "r";
      }
      class Opened extends CustomEvent<number> {
        constructor(n: number) {
          super("opened", { detail: n });
        }
      }
      const room = new Room();
      const told: unknown[] = [];
      room.addEventListener("opened", (event) => told.push((event as Opened).detail, room.name));
      room.dispatchEvent(new Opened(7));
      const event = new Event("again");
      room.addEventListener("again", () => {
        try {
          room.dispatchEvent(event);
        } catch (error) {
          told.push((error as Error).name);
        }
      });
      room.dispatchEvent(event);
      for (
        const attempt of [
          () => new (Event as unknown as new () => Event)(),
          () => (Event as unknown as (type: string) => void)("x"),
          () => new Event("x", 5 as unknown as { bubbles: boolean }),
          () => room.dispatchEvent({ type: "x" } as Event),
          () => room.addEventListener("x", 5 as unknown as () => void),
          () => EventTarget.prototype.dispatchEvent.call({} as EventTarget, new Event("x")),
          () => Event.prototype.type,
        ]
      ) {
        try {
          attempt();
          told.push("fine");
        } catch (error) {
          told.push((error as Error).name);
        }
      }
      return told;
    });
    const errors = Array<string>(7).fill("TypeError");
    assert.deepEqual(told, [7, "r", "InvalidStateError", ...errors]);
  });
});

describe("AbortController and AbortSignal", () => {
  test("a signal is aborted once, with a reason", async () => {
    const told = await Deferred.run(() => {
      const controller = new AbortController();
      const { signal } = controller;
      const told: unknown[] = [signal.aborted, signal.reason, signal === controller.signal];
      signal.addEventListener("abort", (event) => told.push(event.isTrusted, signal.aborted));
      signal.onabort = () => told.push("handler");
      controller.abort("why");
      controller.abort("again");
      told.push(signal.reason);
      try {
        signal.throwIfAborted();
      } catch (error) {
        told.push(`threw ${error}`);
      }
      const { name, code } = AbortSignal.abort().reason as DOMException;
      return [...told, name, code, AbortSignal.abort(1).reason];
    });
    assert.deepEqual(told, [
      ...[false, undefined, true, true, true, "handler", "why", "threw why", "AbortError", 20, 1],
    ]);
  });

  test("any() follows its sources, and theirs", async () => {
    const told = await Deferred.run(() => {
      const [a, b] = [new AbortController(), new AbortController()];
      const any = AbortSignal.any([a.signal, b.signal]);
      const deep = AbortSignal.any([any]);
      const told: unknown[] = [any.aborted, deep.aborted];
      a.signal.addEventListener("abort", () => told.push(`source ${deep.aborted}`));
      deep.addEventListener("abort", () => told.push("deep"));
      any.addEventListener("abort", () => told.push("any"));
      a.abort("r");
      b.abort("s");
      told.push(any.reason, deep.reason, AbortSignal.any([deep, b.signal]).reason);
      return [...told, AbortSignal.any([]).aborted];
    });
    assert.deepEqual(told, [false, false, "source true", "any", "deep", "r", "r", "r", false]);
  });

  test("timeout() aborts when its time is over, and keeps no task from ending", async () => {
    const told = await Deferred.run(async () => {
      const signal = AbortSignal.timeout(5);
      const { promise, resolve } = Promise.withResolvers<Event>();
      signal.onabort = resolve;
      const before = signal.aborted;
      const event = await promise;
      const { name, code } = signal.reason as DOMException;
      return [before, signal.aborted, event.type, name, code];
    });
    assert.deepEqual(told, [false, true, "abort", "TimeoutError", 23]);
    assert.equal(await Deferred.run(() => AbortSignal.timeout(1e6).aborted), false);
    for (const wrong of [-1, NaN, Infinity]) {
      await assert.rejects(Deferred.run((n: number) => AbortSignal.timeout(n).aborted, wrong), {
        name: "TypeError",
      });
    }
  });

  test("a listener with a signal goes with it", async () => {
    const told = await Deferred.run(() => {
      const controller = new AbortController();
      const target = new EventTarget();
      let calls = 0;
      target.addEventListener("a", () => calls++, { signal: controller.signal });
      target.addEventListener("a", () => calls += 10, { signal: AbortSignal.abort() });
      target.dispatchEvent(new Event("a"));
      controller.abort();
      target.dispatchEvent(new Event("a"));
      return calls;
    });
    assert.equal(told, 1);
  });

  test("nobody but a controller makes one, and none of them leaves the task", async () => {
    await assert.rejects(
      Deferred.run(() => Reflect.construct(AbortSignal, []) as unknown),
      { name: "TypeError", message: "Illegal constructor" },
    );
    await assert.rejects(
      Deferred.run(() => AbortSignal.abort() as unknown),
      { name: "DataCloneError", message: /an AbortSignal can't be cloned/ },
    );
  });

  test("they are as new in the next task", async () => {
    await using pool = new DeferredPool({ maxThreads: 1 });
    await pool.run(() => {
      AbortSignal.prototype.throwIfAborted = () => {};
      Object.freeze(Event.prototype);
      return AbortSignal.abort().throwIfAborted();
    });
    assert.equal(
      await pool.run(() => {
        try {
          AbortSignal.abort("x").throwIfAborted();
        } catch (error) {
          return `${error} ${Object.isFrozen(Event.prototype)}`;
        }
        return "it did not throw";
      }),
      "x false",
    );
  });
});

test("members are enumerable and classes have their names, as Web IDL has it", async () => {
  const told = await Deferred.run(() => {
    const flags = (object: object, key: string) => {
      const { enumerable, configurable, writable } = Object.getOwnPropertyDescriptor(object, key)!;
      return [enumerable, configurable, writable].map(Number).join("");
    };
    return [
      flags(globalThis, "Event") + flags(globalThis, "URL") + flags(globalThis, "TextDecoder"),
      flags(Event.prototype, "stopPropagation") + flags(URL, "canParse"),
      flags(TextDecoder.prototype, "decode") + flags(URL, "prototype"),
      [Event, URL, URLSearchParams, AbortSignal, TextDecoder].map(({ name }) => name).join(),
      [new Event("a"), new URL("a:"), new URLSearchParams(), AbortSignal.abort()].join(),
      String(new EventTarget()),
      Function.prototype.toString.call(URL).includes("[native code]"),
      "Event" in globalThis && Object.keys(globalThis).includes("Event"),
      (globalThis as unknown as { self: unknown }).self === globalThis,
    ];
  });
  assert.deepEqual(told, [
    "011".repeat(3),
    "111111",
    "111" + "000",
    "Event,URL,URLSearchParams,AbortSignal,TextDecoder",
    "[object Event],a:,,[object AbortSignal]",
    "[object EventTarget]",
    true,
    false,
    true,
  ]);
});

describe("MessageChannel", () => {
  test("messages come in their order, each a clone, in a later turn", async () => {
    const told = await Deferred.run(async () => {
      const { port1, port2 } = new MessageChannel();
      const told: unknown[] = [];
      const { promise, resolve } = Promise.withResolvers<void>();
      const sent = { n: 1, list: [1] };
      const bytes = new Uint8Array([7]);
      port2.onmessage = ({ data, isTrusted, target, ports }) => {
        told.push([data, isTrusted, target === port2, ports.length, data === sent]);
        if (data === "last") resolve();
      };
      port1.postMessage(sent);
      port1.postMessage(bytes, [bytes.buffer]);
      port1.postMessage("last", {});
      sent.n = 2;
      told.push("posted", bytes.length);
      await Promise.resolve();
      told.push("a microtask later");
      await promise;
      return told;
    });
    assert.deepEqual(told, [
      ...["posted", 0, "a microtask later"],
      [{ n: 1, list: [1] }, true, true, 0, false],
      [new Uint8Array([7]), true, true, 0, false],
      ["last", true, true, 0, false],
    ]);
  });

  test("a port waits until it is started, and tells that the other is closed", async () => {
    const told = await Deferred.run(async () => {
      const { port1, port2 } = new MessageChannel();
      const told: unknown[] = [];
      const { promise, resolve } = Promise.withResolvers<void>();
      port1.addEventListener("message", (event) => told.push((event as MessageEvent).data));
      (port1 as unknown as EventTarget).addEventListener("close", () => {
        told.push("closed");
        resolve();
      });
      port2.postMessage(1);
      await new Promise((resolve) => setTimeout(resolve, 5));
      told.push("started");
      port1.start();
      port2.postMessage(2);
      port2.close();
      port2.postMessage("to nobody");
      await promise;
      port1.postMessage("to nobody");
      return told;
    });
    assert.deepEqual(told, ["started", 1, 2, "closed"]);
  });

  test("what can't be cloned, or transferred, is a DataCloneError", async () => {
    const names = await Deferred.run(() => {
      const { port1, port2 } = new MessageChannel();
      return [
        () => port1.postMessage(() => 1),
        () => port1.postMessage(1, [port2]),
        () => port1.postMessage(port1),
        () => (port1.postMessage as () => void)(),
        () => Reflect.construct(MessagePort, []),
      ].map((attempt) => {
        try {
          return `${attempt()}`;
        } catch (error) {
          return (error as Error).name;
        }
      });
    });
    const clone = Array<string>(3).fill("DataCloneError");
    assert.deepEqual(names, [...clone, "TypeError", "TypeError"]);
  });

  test("a task ends although messages are on their way", async () => {
    const value = await Deferred.run(() => {
      const { port1, port2 } = new MessageChannel();
      port2.onmessage = () => port1.postMessage(1);
      port1.onmessage = () => port2.postMessage(1);
      port1.postMessage(1);
      return 5;
    });
    assert.equal(value, 5);
  });
});
