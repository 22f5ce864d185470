// Intl.Segmenter (ECMA-402). Where segments end is native (csrc/segment.c).
export default ({ brand, intlSegment, use }) => {
  const { canonicalizeList, define, matcher, objectOf, option, optionsObject, resolve } = use(
    "intl",
  );

  const KINDS = ["grapheme", "word", "sentence"];
  const segmenters = new WeakMap();
  const slotsOf = (object) => {
    const slots = segmenters.get(object);
    if (slots !== undefined) return slots;
    throw new TypeError("this is no Intl.Segmenter");
  };

  // The segment from one boundary on.
  const segmentAt = ({ kind, text }, index) => {
    const found = intlSegment(kind, text, index);
    const end = Math.floor(found / 2);
    const data = { segment: text.slice(index, end), index, input: text };
    if (kind === 1) data.isWordLike = found % 2 === 1;
    return { data, end };
  };

  const IteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
  const iterators = new WeakMap();
  const SegmentIteratorPrototype = Object.create(IteratorPrototype);
  const hidden = (members) => {
    const all = Object.getOwnPropertyDescriptors(members);
    for (const key of Reflect.ownKeys(all)) all[key].enumerable = false;
    return all;
  };
  Object.defineProperties(
    SegmentIteratorPrototype,
    hidden({
      next() {
        const state = iterators.get(this);
        if (state === undefined) throw new TypeError("this is no iterator of segments");
        if (state.at >= state.of.text.length) return { value: undefined, done: true };
        const { data, end } = segmentAt(state.of, state.at);
        state.at = end;
        return { value: data, done: false };
      },
    }),
  );
  Object.defineProperty(SegmentIteratorPrototype, Symbol.toStringTag, {
    value: "Segmenter String Iterator",
    configurable: true,
  });

  const segments = new WeakMap();
  const segmentsOf = (object) => {
    const of = segments.get(object);
    if (of !== undefined) return of;
    throw new TypeError("these are no segments of Intl.Segmenter");
  };
  const SegmentsPrototype = Object.create(
    Object.prototype,
    hidden({
      containing(index) {
        const of = segmentsOf(this);
        const number = Math.trunc(+index) || 0;
        if (number < 0 || number >= of.text.length) return undefined;
        // From the nearest boundary before it that is known.
        if (of.known === undefined || of.known > number) of.known = 0;
        for (let at = of.known;;) {
          const end = Math.floor(intlSegment(of.kind, of.text, at) / 2);
          if (end > number) {
            of.known = at;
            return segmentAt(of, at).data;
          }
          at = end;
        }
      },
      [Symbol.iterator]() {
        const iterator = Object.create(SegmentIteratorPrototype);
        brand(iterator);
        iterators.set(iterator, { of: segmentsOf(this), at: 0 });
        return iterator;
      },
    }),
  );

  class Segmenter {
    constructor(locales = undefined, options = undefined) {
      brand(this);
      const slots = objectOf({});
      const requested = canonicalizeList(locales);
      options = optionsObject(options);
      matcher(options);
      slots.locale = resolve(requested, {}, objectOf({})).locale;
      slots.granularity = option(options, "granularity", KINDS, "grapheme");
      segmenters.set(this, slots);
    }
    segment(input) {
      const { granularity } = slotsOf(this);
      const made = Object.create(SegmentsPrototype);
      brand(made);
      segments.set(made, { kind: KINDS.indexOf(granularity), text: `${input}`, known: 0 });
      return made;
    }
    resolvedOptions() {
      const { locale, granularity } = slotsOf(this);
      return { locale, granularity };
    }
  }
  define(Segmenter, "Segmenter", {});

  return { Segmenter };
};
