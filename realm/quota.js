// QuotaExceededError, as Web IDL has it.
export default ({ define, use }) => {
  const { dictionary } = use("pairs");
  const numberOf = (options, name) => {
    const value = options[name];
    if (value === undefined) return null;
    const number = +value;
    if (!Number.isFinite(number)) throw new TypeError(`\`${name}\` is no finite number`);
    if (number < 0) throw new RangeError(`\`${name}\` is negative`);
    return number;
  };

  class QuotaExceededError extends DOMException {
    #quota;
    #requested;
    constructor(message = "", options = undefined) {
      super(message, "QuotaExceededError");
      options = dictionary(options);
      this.#quota = numberOf(options, "quota");
      this.#requested = numberOf(options, "requested");
      if (this.#quota !== null && this.#requested !== null && this.#requested < this.#quota) {
        throw new RangeError("`requested` is less than `quota`");
      }
    }
    get quota() {
      return this.#quota;
    }
    get requested() {
      return this.#requested;
    }
  }

  define("QuotaExceededError", QuotaExceededError);
  return { QuotaExceededError };
};
