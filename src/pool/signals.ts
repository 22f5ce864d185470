/**
 * AbortSignals that cancel tasks: one listener for each signal, however many tasks it cancels. A
 * signal searches its listeners whenever one is added or removed, so one listener for each task
 * would take quadratic time.
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
 * Whether a value works as an AbortSignal. Those of other realms and polyfills have another
 * prototype.
 */
export function isSignal(value: unknown): value is AbortSignal {
  if (typeof value !== "object" || value === null) return false;
  const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>;
  return typeof aborted === "boolean" && typeof addEventListener === "function" &&
    typeof removeEventListener === "function";
}

/** A signal's reason; if its getter throws, what that throws. */
function reasonOf(signal: AbortSignal): unknown {
  try {
    return signal.reason;
  } catch (error) {
    return error;
  }
}

/** Cancels `task` with the signal's reason once it is aborted, until {@linkcode unlisten}. */
export function listen(signal: AbortSignal, task: Cancellable): void {
  const known = signals.get(signal);
  if (known !== undefined) return void known.tasks.add(task);
  const tasks = new Set([task]);
  const listener = (): void => {
    signals.delete(signal);
    const reason = reasonOf(signal);
    for (const each of tasks) each.cancel(reason);
  };
  signals.set(signal, { tasks, listener });
  try {
    // A polyfill may abort now. Without options, which could inherit some.
    signal.addEventListener("abort", listener);
  } catch (error) {
    signals.delete(signal);
    throw error;
  }
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
