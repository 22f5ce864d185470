// The encodings of the Encoding standard that text_codec.c has not, for its TextDecoder: the package
// @exodus/bytes.
import { normalizeEncoding } from "@exodus/bytes/encoding-lite.js";
import { createMultibyteDecoder } from "@exodus/bytes/multi-byte.js";
import { createSinglebyteDecoder } from "@exodus/bytes/single-byte.js";

export default () => {
  const multibyte = ["big5", "euc-jp", "euc-kr", "gb18030", "gbk", "iso-2022-jp", "shift_jis"];
  let making = false;

  // The name of the encoding that a label names, and a function of bytes, and whether more will come,
  // that gives text; undefined if there is none.
  const decoderOf = (label, fatal) => {
    const name = normalizeEncoding(label);
    // The package asks for a TextDecoder of its own: there is none but this.
    if (making || name === null || name === "replacement") return undefined;
    making = true;
    try {
      const create = multibyte.includes(name) ? createMultibyteDecoder : createSinglebyteDecoder;
      return [name, create(name, !fatal)];
    } finally {
      making = false;
    }
  };
  return { decoderOf };
};
