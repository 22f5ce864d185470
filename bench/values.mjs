/**
 * What crosses threads in the measure "clone": values as programs have them, large and small.
 *
 * @module
 */

const BINARY_TREE_LEVELS = 13; // 8,191 nodes

/** @param {number} levels */
function tree(levels) {
  const node = { name: `level ${levels}`, left: null, right: null };
  if (levels > 1) node.left = tree(levels - 1), node.right = tree(levels - 1);
  return node;
}

const entries = (n) => Array.from({ length: n }, (_, i) => [`key ${i}`, i]);

/** Text of which no half is like the other, in one piece. @param {string} letters */
const text = (length, letters) =>
  Array.from({ length }, (_, i) => letters[(i * 7 + (i >> 5)) % letters.length]).join("");

/** @param {number} megabytes */
const bytes = (megabytes) => new Uint8Array(megabytes * 2 ** 20).map((_, i) => i * 31);

/**
 * @typedef {object} Value
 * @property {string} title
 * @property {"objects" | "flat" | "moved"} sort  flat: little but memory to copy; moved: its buffer
 *   is transferred, both ways
 * @property {() => unknown} make
 */

/** @type {Record<string, Value>} */
export const VALUES = {
  object: {
    title: "a small object",
    sort: "objects",
    make: () => ({ id: 7, name: "Ada", tags: ["a", "b"], at: { x: 1.5, y: null, seen: true } }),
  },
  records: {
    title: "10,000 objects of one shape",
    sort: "objects",
    make: () =>
      Array.from({ length: 10_000 }, (_, i) => ({
        id: i,
        name: `name ${i}`,
        score: i / 3,
        active: i % 2 === 0,
      })),
  },
  tree: { title: "a tree, 13 deep", sort: "objects", make: () => tree(BINARY_TREE_LEVELS) },
  map: { title: "a Map of 10,000", sort: "objects", make: () => new Map(entries(10_000)) },
  set: {
    title: "a Set of 10,000",
    sort: "objects",
    make: () => new Set(entries(10_000).map(([key]) => key)),
  },
  latin1: {
    title: "a string of 1 MB, Latin-1",
    sort: "flat",
    make: () => text(2 ** 20, "plain text, déjà vu"),
  },
  utf16: {
    title: "a string of 1 MB, UTF-16",
    sort: "flat",
    make: () => text(2 ** 19, "文字列 and some more"),
  },
  bytes1: { title: "a Uint8Array of 1 MB", sort: "flat", make: () => bytes(1) },
  bytes64: { title: "a Uint8Array of 64 MB", sort: "flat", make: () => bytes(64) },
  moved1: { title: "a Uint8Array of 1 MB, transferred", sort: "moved", make: () => bytes(1) },
  moved64: { title: "a Uint8Array of 64 MB, transferred", sort: "moved", make: () => bytes(64) },
};
