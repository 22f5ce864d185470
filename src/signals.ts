/**
 * AbortSignals that cancel tasks: one listener for each signal, however many tasks it cancels. A
 * signal searches its listeners for each that is added or removed, so one for each task would take
 * a time that grows with the square of their number.
 *
 * @module
 */

/** What a signal cancels. */
interface Cancellable {
  cancel(reason: unknown): void;
}

interface Listening {
  readonly tasks: Set<Cancellable>;
  readonly listener: () => void;
}

const signals = new WeakMap<AbortSignal, Listening>();

/**
 * Whether a value is used as an AbortSignal is: those of other realms and of polyfills have another
 * prototype.
 */
export function isSignal(value: unknown): value is AbortSignal {
  if (typeof value !== "object" || value === null) return false;
  const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>;
  return typeof aborted === "boolean" && typeof addEventListener === "function" &&
    typeof removeEventListener === "function";
}

/** Cancels `task` with the signal's reason once it is aborted, until {@linkcode unlisten}. */
export function listen(signal: AbortSignal, task: Cancellable): void {
  let listening = signals.get(signal);
  if (listening === undefined) {
    const tasks = new Set<Cancellable>();
    const listener = (): void => {
      signals.delete(signal);
      const { reason } = signal;
      for (const each of tasks) each.cancel(reason);
    };
    listening = { tasks, listener };
    signal.addEventListener("abort", listener); // without options, which could inherit some
    signals.set(signal, listening);
  }
  listening.tasks.add(task);
}

/** `task` has ended. Throws nothing, whatever the signal's methods do. */
export function unlisten(signal: AbortSignal, task: Cancellable): void {
  const listening = signals.get(signal);
  if (!listening?.tasks.delete(task) || listening.tasks.size > 0) return;
  signals.delete(signal);
  try {
    signal.removeEventListener("abort", listening.listener);
  } catch {
    // A listener without tasks does nothing.
  }
}
