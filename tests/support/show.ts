/**
 * A value as text, in full: types, identities, -0, holes, the order of keys, whether it is made of
 * the realm's own classes. Two values look the same if and only if structured clone should have
 * made one from the other. It uses nothing from around it, so that it also runs as a task.
 *
 * What it leaves out: an error's stack, and symbols.
 */
export function show(value: unknown): string {
  const seen = new Map<object, number>();
  const scratch = new DataView(new ArrayBuffer(8));

  const number = (n: number): string => {
    if (Number.isInteger(n) && !Object.is(n, -0)) return String(n);
    if (n !== n) return "NaN"; // its bits may be any
    scratch.setFloat64(0, n);
    return `0x${scratch.getBigUint64(0).toString(16)}`; // engines differ in decimals
  };
  const text = (s: string): string => {
    if (s.length <= 200) return JSON.stringify(s);
    let hash = s.length;
    for (let i = 0; i < s.length; i++) hash = Math.imul(hash ^ s.charCodeAt(i), 0x01000193);
    return `text of ${s.length}, hash ${hash}`;
  };
  const bytes = (b: ArrayBuffer): string =>
    Array.from(new Uint8Array(b), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const properties = (o: object, keys: string[]): string =>
    keys.map((key) => `${text(key)}: ${go((o as Record<string, unknown>)[key])}`).join(", ");
  const indices = (a: unknown[]): string =>
    Array.from({ length: a.length }, (_, i) => Object.hasOwn(a, i) ? go(a[i]) : "hole").join(", ");
  const error = (e: Error): string => {
    const parts = [`name ${text(e.name)}`];
    for (const key of ["message", "cause", "errors"]) {
      if (Object.hasOwn(e, key)) {
        parts.push(`${key} ${go((e as Error & Record<string, unknown>)[key])}`);
      }
    }
    const rest = Object.keys(e).filter((key) => !/^(name|message|stack|cause|errors)$/.test(key));
    if (rest.length > 0) parts.push(properties(e, rest));
    return parts.join(", ");
  };

  const inner = (tag: string, o: object): string => {
    switch (tag) {
      case "Object":
        return properties(o, Object.keys(o));
      case "Array":
        return `${(o as unknown[]).length}: ${indices(o as unknown[])}; ` +
          properties(o, Object.keys(o).filter((key) => !/^\d+$/.test(key)));
      case "Date":
        return number((o as Date).getTime());
      case "RegExp": {
        const { source, flags, lastIndex } = o as RegExp;
        return `${text(source)} ${flags} ${lastIndex}`;
      }
      case "Boolean":
      case "Number":
      case "BigInt":
      case "String":
        return go(o.valueOf());
      case "Map":
        return [...o as Map<unknown, unknown>].map(([k, v]) => `${go(k)} => ${go(v)}`).join(", ");
      case "Set":
        return [...o as Set<unknown>].map(go).join(", ");
      case "ArrayBuffer": {
        const buffer = o as ArrayBuffer;
        return bytes(buffer) + (buffer.resizable ? ` of ${buffer.maxByteLength}` : "");
      }
      case "SharedArrayBuffer":
        return bytes(o as ArrayBuffer);
      case "Error":
      case "DOMException":
        return error(o as Error);
      default: {
        const { byteOffset, byteLength, buffer } = o as DataView<ArrayBuffer>;
        return `${byteOffset} ${byteLength} ${go(buffer)}`;
      }
    }
  };

  function go(v: unknown): string {
    if (typeof v === "number") return number(v);
    if (typeof v === "string") return text(v);
    if (typeof v === "bigint") return `${v < 0n ? "-" : ""}0x${(v < 0n ? -v : v).toString(16)}n`;
    if (typeof v !== "object" || v === null) return String(v);
    const known = seen.get(v);
    if (known !== undefined) return `#${known}`;
    seen.set(v, seen.size);
    const tag = Object.prototype.toString.call(v).slice(8, -1);
    const name = tag === "Error" ? (v as Error).constructor.name : tag;
    const own = (globalThis as unknown as Record<string, { prototype?: object }>)[name];
    const odd = Object.getPrototypeOf(v) === own?.prototype ? "" : " of another realm or class";
    return `${name}${odd}(${inner(tag, v)})`;
  }
  return go(value);
}
