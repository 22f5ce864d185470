/**
 * What fast-check makes of all that structured clone takes and fast-check knows.
 */
import fc from "fast-check";

/** Values of any kind, nested up to `maxDepth` deep. */
export function anything(maxDepth: number): fc.Arbitrary<unknown> {
  return fc.anything({
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withSet: true,
    withSparseArray: true,
    withTypedArray: true,
    withUnicodeString: true,
    maxDepth,
  });
}
