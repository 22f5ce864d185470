//// a sum that stays an int32
() => { let s = 0; for (let i = 0; i < 300; i++) s = (s + i * 3) | 0; return s; }
//// a sum that leaves int32
() => { let s = 0; for (let i = 0; i < 100000; i++) s += i; return s; }
//// i++ at the greatest int32
() => { const out = []; for (let i = 2147483600, n = 0; n < 100; i++, n++) out[n] = i; return out; }
//// i-- at the least int32
() => { let i = -2147483600; for (let n = 0; n < 100; n++) i--; return [i, i-- - 1]; }
//// products: overflow, -0
() => { const out = []; for (let i = -50; i < 50; i++) { out.push(i * 0, 0 * i, i * 100000000, -i * 3); } return out.map((x) => Object.is(x, -0) ? "-0" : x); }
//// remainders
() => { let r = ""; for (let i = -60; i < 60; i++) { const a = i % 7, b = 7 % i, c = i % -3; r += (Object.is(a, -0) ? "-0" : a) + "," + b + "," + c + ";"; } return r; }
//// remainder: INT_MIN % -1 and by zero
() => { const out = []; let m = -2147483648; for (let i = -40; i < 40; i++) out[i + 40] = [m % i, i % 0, m / i, m % -1]; return out; }
//// shifts by any count
() => { const out = []; for (let i = -70; i < 70; i++) out[i + 70] = [1 << i, -1 >> i, -1 >>> i, i << 3, i >>> 1]; return out; }
//// >>> gives what an int32 can't hold
() => { let h = 0; for (let i = 0; i < 200; i++) { h = (h * 31 + i) >>> 0; h ^= h >>> 7; h = h >>> 0; } return h; }
//// unsigned, then compared and divided
() => { let n = 0, s = 0; for (let i = 0; i < 300; i++) { const u = (i * 2654435761) >>> 0; if (u > 2147483648) n++; if (u < (i >>> 0)) n += 1000; s += u / 2; } return [n, s]; }
//// ~ and | of doubles
() => { let s = 0; for (let i = 0; i < 200; i++) { const d = i * 1.7 - 100.5; s += ~d + (d | 0) + (d >> 1) + (d >>> 28) + (~~d); } return s; }
//// | of doubles beyond 2^32, 2^53, 2^63, NaN, infinities
() => { const v = [4294967296.5, -4294967297, 9007199254740993, 1e19, -1e19, 1e300, NaN, Infinity, -Infinity, -0, 0.5, -0.5, 2147483648, -2147483649]; const out = []; for (let r = 0; r < 20; r++) for (let i = 0; i < v.length; i++) out[i] = (v[i] | 0) ^ (v[i] >>> 0); return out; }
//// negation
() => { const out = []; for (let i = -40; i < 40; i++) { const x = -i; out.push(Object.is(x, -0) ? "-0" : x, -(i + 0.5), - -i); } return out; }
//// negation of the least int32
() => { let x = -2147483648, s = 0; for (let i = 0; i < 100; i++) { s += -x; x++; } return s; }
//// NaN in each comparison
() => { const v = [NaN, 1, -1, 0, 0.5, Infinity]; let r = ""; for (let n = 0; n < 12; n++) for (let i = 0; i < 6; i++) for (let j = 0; j < 6; j++) { const a = v[i], b = v[j]; r = ""; if (a < b) r += 1; if (a <= b) r += 2; if (a > b) r += 3; if (a >= b) r += 4; if (a == b) r += 5; if (a != b) r += 6; if (a === b) r += 7; if (a !== b) r += 8; if (!(a < b)) r += 9; if (!(a >= b)) r += 0; } return r; }
//// NaN decides a loop
() => { let n = 0; for (let k = 0; k < 80; k++) { let x = k === 70 ? NaN : 0; while (x < 3) { x++; n++; } do { x += 1; n++; } while (x < 6); if (!(x <= 6)) n += 100; } return n; }
//// an argument's type changes in the middle
() => { const f = (x) => { let s = 0; for (let i = 0; i < 50; i++) { s = s + x; if (i === 25) x = x / 2; } return s; }; return [f(1), f(2.5), f("a"), f(3), f(null), f(undefined), f(true), f([1]), f(7)]; }
//// valueOf is called as often as it would be
() => { let calls = 0; const o = { valueOf() { calls++; return 2; } }; const f = (x) => { let s = 0; for (let i = 0; i < 60; i++) s = s + x * i; return s; }; return [f(1), f(2), f(3), f(o), calls, f(4)]; }
//// a throwing valueOf in the middle of an expression
() => { let n = 0; const o = { valueOf() { if (++n > 5) throw new Error("no more"); return 1; } }; const f = (x) => { let s = 0; for (let i = 0; i < 90; i++) s += i * (i < 80 ? 1 : x); return s; }; f(1); f(1); try { return f(o) + f(o); } catch (e) { return [e.message, n]; } }
//// BigInt and Symbol mixed in
() => { const f = (x) => { let s = 0; for (let i = 0; i < 60; i++) s = x + 1 - i; return s; }; const out = [f(1), f(2)]; for (const x of [1n, Symbol("s")]) { try { f(x); } catch (e) { out.push(e.name + e.message); } } return [...out, f(3)]; }
//// doubles and ints meet at the end of an if
() => { let s = 0; for (let i = 0; i < 200; i++) { let x; if (i & 1) x = i; else x = i + 0.25; s += x; } return s; }
//// booleans
() => { let a = true, n = 0; for (let i = 0; i < 150; i++) { a = !a; const b = i > 70 && a; if (b) n++; if (a === b) n += 2; if (a == 1) n += 4; n += a + b; } return n; }
//// a variable that is undefined at first
() => { let n = 0; for (let i = 0; i < 120; i++) { let x; if (i > 60) x = i; if (x === undefined) n++; else n += x; } return n; }
//// temporal dead zone in a loop
() => { const out = []; for (let i = 0; i < 80; i++) { try { if (i === 75) out.push(x); let x = i; out.push(x & 7); } catch (e) { out.push(e.message); } } return out.join(); }
//// captured by closures that write
() => { let n = 0; const add = (k) => { n += k; }; let s = 0; for (let i = 0; i < 150; i++) { add(i); s += n; n = n | 0; if (i === 100) n = 0.5; } return [n, s]; }
//// variables around a function, read and written in a loop
() => { let total = 0, step = 1; const f = () => { for (let i = 0; i < 70; i++) { total += step; if (total > 100) step = 2; } return total; }; return [f(), f(), f(), total, step]; }
//// one that becomes another type outside
() => { let x = 1; const f = () => { let s = 0; for (let i = 0; i < 70; i++) s += x; return s; }; const out = [f(), f(), f()]; x = 1.5; out.push(f()); x = "z"; out.push(f().length); x = 2; out.push(f()); return out; }
//// arrays of ints
() => { const a = []; for (let i = 0; i < 100; i++) a[i] = i; let s = 0; for (let r = 0; r < 3; r++) for (let i = 0; i < a.length; i++) { s += a[i]; a[i] = a[i] + 1; } return [s, a[99]]; }
//// arrays of doubles and ints
() => { const a = []; for (let i = 0; i < 100; i++) a[i] = i & 3 ? i + 0.5 : i; let s = 0; for (let r = 0; r < 3; r++) for (let i = 0; i < 100; i++) { s += a[i]; a[i] = a[i] * 2; } return [s, a]; }
//// an element of another type comes late
() => { const a = []; for (let i = 0; i < 200; i++) a[i] = i; a[150] = "x"; a[160] = undefined; a[170] = { valueOf() { return 5; } }; let s = 0; const out = []; for (let r = 0; r < 3; r++) { s = 0; for (let i = 0; i < 200; i++) s = s + a[i]; out.push(String(s).length); } return out; }
//// beyond the end, before the start, holes, and fractions
() => { const a = [1, 2, 3, , 5]; const out = []; for (let r = 0; r < 40; r++) for (let i = -2; i < 8; i++) out[i + 2] = [a[i], a[i + 0.5], a[-0], a["1"]]; return out.map((x) => x.map(String)); }
//// an array grows while it is written
() => { const a = []; for (let i = 0; i < 500; i++) a[i] = i * 2; a.length = 600; for (let i = 500; i < 610; i++) a[i] = 1; let n = 0; for (let i = 0; i < a.length; i++) if (a[i] === 1) n++; return [a.length, n]; }
//// objects in an array are overwritten by numbers
() => { const a = []; for (let i = 0; i < 100; i++) a[i] = i > 60 ? { i } : i; for (let i = 0; i < 100; i++) a[i] = i; return a; }
//// rows of a matrix
() => { const m = []; for (let i = 0; i < 12; i++) { m[i] = []; for (let j = 0; j < 12; j++) m[i][j] = i * j; } let s = 0; for (let r = 0; r < 3; r++) for (let i = 0; i < 12; i++) { const row = m[i]; for (let j = 0; j < 12; j++) { s += row[j] + m[j][i]; row[j] = s & 255; } } return [s, m]; }
//// rows are swapped and replaced
() => { let a = [1, 2, 3, 4], b = [5, 6, 7, 8], s = 0; for (let i = 0; i < 200; i++) { const t = a; a = b; b = t; s += a[i & 3]; if (i % 50 === 49) { a = [i, i, i, i]; } } return [s, a, b]; }
//// a frozen array
() => { const a = Object.freeze([1, 2, 3]); let s = 0; for (let i = 0; i < 100; i++) { try { a[i % 3] = i; } catch (e) { s++; } } return [s, a]; }
//// accessors on Array.prototype
() => { let hits = 0; Object.defineProperty(Array.prototype, 3, { get() { hits++; return 9; }, set() { hits += 100; }, configurable: true }); const a = [1, 2, 3]; let s = 0; for (let i = 0; i < 100; i++) { s += a[i & 3]; a[3] = 1; } delete Array.prototype[3]; return [s, hits, a.length]; }
//// a proxy and an object with index keys
() => { const f = (a) => { let s = 0; for (let i = 0; i < 70; i++) s += a[i & 1]; return s; }; const log = []; return [f([1, 2]), f([1, 2]), f({ 0: 5, 1: 6 }), f(new Proxy([7, 8], { get(t, k) { if (log.length < 3) log.push(k); return t[k]; } })), log, f("12").length, f([3, 4])]; }
//// typed arrays of all kinds
() => { const out = []; for (const T of [Uint8ClampedArray, Int8Array, Uint8Array, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array, Float16Array]) { const a = new T(64); const f = (k) => { let s = 0; for (let i = 0; i < 64; i++) { a[i] = (i - 20) * k; s += a[i]; } return s; }; out.push(f(1), f(70000), f(0.3), f(-1e9), f(1e12), f(NaN), f(3), f(true)); } return out.map(String); }
//// typed arrays of BigInts
() => { const a = new BigInt64Array(8); let s = 0n; for (let i = 0; i < 80; i++) { a[i & 7] = BigInt(i); s += a[i & 7]; } return s; }
//// a typed array beyond its end
() => { const a = new Int32Array(10); let n = 0; for (let r = 0; r < 20; r++) for (let i = -3; i < 14; i++) { a[i] = i; if (a[i] === undefined) n++; } return [n, a]; }
//// a buffer is detached in the middle of a loop
() => { const a = new Int32Array(100); let s = 0; for (let i = 0; i < 100; i++) { if (i === 70) structuredClone(a.buffer, { transfer: [a.buffer] }); a[i] = i; s += a[i] === undefined ? 1000 : a[i]; } return [s, a.length]; }
//// a resizable buffer shrinks in the middle of a loop
() => { const b = new ArrayBuffer(400, { maxByteLength: 800 }); const a = new Int32Array(b); let s = 0, n = 0; for (let r = 0; r < 4; r++) for (let i = 0; i < 150; i++) { if (r === 2 && i === 40) b.resize(200); if (r === 3 && i === 10) b.resize(800); const v = a[i]; if (v === undefined) n++; else s += v; a[i] = i; } return [s, n, a.length]; }
//// two views of one buffer
() => { const a = new Float64Array(16), b = new Uint32Array(a.buffer); let h = 0; for (let i = 0; i < 160; i++) { a[i & 15] = i * 1.1; h = (h + b[i & 31]) | 0; b[i & 31] = i; } return [h, Array.from(a, String)]; }
//// an immutable buffer
() => { if (!ArrayBuffer.prototype.transferToImmutable) return "none"; const a = new Uint8Array(new Uint8Array([1, 2, 3, 4]).buffer.transferToImmutable()); let n = 0; for (let i = 0; i < 100; i++) { try { a[i & 3] = i; } catch { n++; } } return [n, [...a]]; }
//// length of typed arrays, own and patched
() => { const f = (a) => { let n = 0; for (let i = 0; i < a.length; i++) n += a[i]; return n; }; const a = new Uint8Array(60).fill(1); const out = [f(a), f(a), f(a)]; const b = new Uint8Array(60).fill(1); Object.defineProperty(b, "length", { value: 7 }); out.push(f(b), f(a)); const P = Object.getPrototypeOf(Uint8Array.prototype), d = Object.getOwnPropertyDescriptor(P, "length"); Object.defineProperty(P, "length", { get() { return 5; }, configurable: true }); out.push(f(a)); Object.defineProperty(P, "length", d); out.push(f(a)); class S extends Uint8Array { get length() { return 3; } } out.push(f(new S(60).fill(2)), f(a)); return out; }
//// length of arrays, strings, and others
() => { const f = (a) => { let n = 0; for (let i = 0; i < 60; i++) n += a.length; return n; }; return [f([1, 2]), f([1]), f("abc"), f({ length: 4 }), f(new Uint8Array(5)), f([1, 2, 3]), f("x".repeat(9000) + "y"), f([])]; }
//// strings: charCodeAt
() => { const s = "héllo wörld \u{1F600} of many"; let h = 0, n = 0; for (let r = 0; r < 10; r++) for (let i = 0; i < s.length; i++) h = (h * 31 + s.charCodeAt(i)) | 0; for (let i = -3; i < 80; i++) if (Number.isNaN(s.charCodeAt(i))) n++; return [h, n, s.charCodeAt(1.9)]; }
//// strings: slices and ropes
() => { let r = ""; for (let i = 0; i < 3000; i++) r += "abc"; const sl = ("x".repeat(5000) + "Ωyz").slice(4990); const f = (s) => { let h = 0; for (let i = 0; i < s.length; i++) h = (h * 33 ^ s.charCodeAt(i)) | 0; return h; }; return [f("plain one"), f(sl), f(r), f(r + "!"), f(sl)]; }
//// Math
() => { const out = []; for (let r = 0; r < 20; r++) for (let i = 0; i < 20; i++) { const x = (i - 10) * 1.3; out[i] = [Math.abs(x), Math.floor(x), Math.ceil(x), Math.round(x), Math.trunc(x), Math.sqrt(x), Math.sin(x), Math.min(x, i), Math.max(x, -i), Math.min(i, 3), Math.max(i, 3), Math.imul(i, 0x7fffffff), Math.pow(x, 2), Math.atan2(x, i), Math.abs(i - 10), Math.floor(i), x ** 3].map(String); } return out; }
//// Math: -0, NaN, infinities
() => { const v = [0, -0, NaN, Infinity, -Infinity, -0.4, 0.5, -0.5, -2147483648]; const out = []; for (let r = 0; r < 12; r++) for (let i = 0; i < v.length; i++) for (let j = 0; j < v.length; j++) { const a = v[i], b = v[j]; out[i * 9 + j] = [Math.min(a, b), Math.max(a, b), Math.abs(a), Math.round(a), Math.floor(a), Math.ceil(a), Math.sign(a), Math.sqrt(a)].map((x) => Object.is(x, -0) ? "-0" : String(x)).join(); } return out; }
//// Math is patched, and put back
() => { const f = () => { let s = 0; for (let i = 0; i < 70; i++) s += Math.floor(i / 3); return s; }; const out = [f(), f(), f()], floor = Math.floor; Math.floor = (x) => x; out.push(f()); Math.floor = floor; out.push(f()); const M = Math; globalThis.Math = { floor: () => 1 }; out.push(f()); globalThis.Math = M; out.push(f()); return out; }
//// Math as another's variable
() => { const f = () => { let s = 0; for (let i = 0; i < 70; i++) s += Math.max(i, 5); return s; }; const out = [f(), f()]; { const Math = { max: () => 2 }; const g = () => { let s = 0; for (let i = 0; i < 70; i++) s += Math.max(i, 5); return s; }; out.push(g(), g()); } return out; }
//// charCodeAt is patched
() => { const f = (s) => { let n = 0; for (let i = 0; i < 70; i++) n += s.charCodeAt(i % s.length); return n; }; const out = [f("abc"), f("abc")], old = String.prototype.charCodeAt; String.prototype.charCodeAt = function (i) { return i; }; out.push(f("abc")); String.prototype.charCodeAt = old; out.push(f("abc"), f(new String("abc")), f({ length: 1, charCodeAt: () => 1 })); return out; }
//// a live stack at the head of a loop
() => { const out = []; for (const x of [1, 2, 3]) { for (let i = 0; i < 90; i++) { out[i] = (out[i] | 0) + x * i; if (i === 80 && x === 2) continue; } } const y = [1, ...(() => { let s = 0; for (let i = 0; i < 90; i++) s += i; return [s]; })()]; return [out, y]; }
//// exceptions thrown and caught in a loop
() => { let n = 0; for (let i = 0; i < 150; i++) { try { if (i % 40 === 39) throw i; n += i; } catch (e) { n -= e; } finally { n++; } } return n; }
//// break, continue, labels, switch
() => { let n = 0; outer: for (let i = 0; i < 40; i++) { for (let j = 0; j < 40; j++) { if (j === i) continue outer; if (i * j > 900) break outer; switch (j & 3) { case 0: n++; break; case 1: n += 2; default: n += 3; } } } return n; }
//// a function's own frame: wrong arity
() => { const f = (a, b, c) => { let s = 0; for (let i = 0; i < 60; i++) s += a + (b === undefined ? 1 : b) + (c === undefined ? 2 : c); return s; }; return [f(1), f(1, 2), f(1, 2, 3), f(1, 2, 3, 4), f(1), f(0.5)]; }
//// arguments are written
() => { const f = function (a, b) { for (let i = 0; i < 70; i++) { a = a + b; b = b ^ i; } return [a, b, arguments.length]; }; const g = (a, b) => { for (let i = 0; i < 70; i++) { a = a + b; b = b ^ i; } return [a, b]; }; return [f(1, 2), f(3, 4), g(1, 2), g(0.5, 7), g("x", 1)[1]]; }
//// a recursive function with a loop
() => { const f = (n) => { if (n <= 0) return 1; let s = 0; for (let i = 0; i < 5; i++) s += f(n - 1 - i) & 1023; return s + n; }; return f(9); }
//// the deepest recursion ends with a RangeError
() => { let depth = 0; const f = (n) => { let s = 0; for (let i = 0; i < 3; i++) s += i; depth = n; return f(n + 1) + s; }; try { f(0); } catch (e) { return [e instanceof RangeError, depth > 100]; } }
//// division and doubles that happen to be ints
() => { const a = [10, 20, 30, 40, 50, 60, 70, 80]; let s = 0; for (let r = 0; r < 30; r++) for (let i = 0; i < 16; i += 2) s += a[i / 2]; return s; }
//// a double that is no index after all
() => { const a = [10, 20, 30, 40]; let s = 0; for (let i = 0; i < 200; i++) { const v = a[i / 4 % 4]; if (v !== undefined) s += v; } return s; }
//// sums modulo 2^32, of three and more
() => { let a = 0x7fffffff, b = -0x7fffffff, c = 12345, x = new Int32Array(4); let h = 0; for (let i = 0; i < 200; i++) { h = (a + b + c + h) | 0; a = (a + i + h) | 0; b = (a - h - i - b) >>> 3; x[i & 3] = a + h + c; h ^= x[i & 3]; h = (h + x[i & 1] + a) | 0; } return [h, a, b, [...x]]; }
//// a sum that is wrapped, where its operand is a double
() => { let h = 0; for (let i = 0; i < 200; i++) { h = (h + i * 1.5 + 4294967296) | 0; h = (h + (i / 2)) >>> 0; h = (1e15 + h + i) | 0; } return h; }
//// sums that are needed in full in the middle
() => { const a = new Int32Array([2147483647, 2147483647, 5]); let s = 0; for (let i = 0; i < 100; i++) { const t = a[0] + a[1] + a[i % 3]; s += t; s = (s + (a[0] + a[1] + i)) | 0; } return s; }
//// Math.imul and hashes
() => { let h = 0x811c9dc5; for (let i = 0; i < 300; i++) { h ^= i & 255; h = Math.imul(h, 16777619); h = (h << 13) | (h >>> 19); } return h >>> 0; }
//// null, undefined and objects compared
() => { const v = [null, undefined, 0, {}, "", false, NaN]; let n = 0; for (let r = 0; r < 20; r++) for (let i = 0; i < v.length; i++) { const x = v[i]; if (x == null) n++; if (x === null) n += 10; if (x === undefined) n += 100; if (!x) n += 1000; if (x) n += 10000; } return n; }
//// strings that are compared and added
() => { let s = "", n = 0; for (let i = 0; i < 150; i++) { s += i; if (s < "5") n++; if (s === "0") n += 100; } return [s.length, n]; }
//// an error's stack
() => { const f = (x) => { let s = 0; for (let i = 0; i < 90; i++) { s += i; if (i === 85) s += x.y.z; } return s; }; f({ y: { z: 1 } }); f({ y: { z: 1 } }); return f({}); }
//// a getter changes what the loop relies on
() => { const a = [1, 2, 3, 4, 5, 6, 7, 8]; let n = 0; const o = { get x() { if (++n === 60) a.length = 4; if (n === 80) a[2] = 0.5; if (n === 90) a.push("s"); return 1; } }; let s = 0; for (let i = 0; i < 120; i++) { for (let j = 0; j < a.length; j++) { const v = a[j]; if (typeof v === "number") s += v; } s += o.x; } return s; }
//// what is held only by a variable is freed when it is overwritten
() => { let row = [1, 2, 3], s = 0; const make = (i) => [i, i + 1, i + 2]; for (let i = 0; i < 150; i++) { for (let j = 0; j < 3; j++) s += row[j]; row = make(i); } return [s, row]; }
//// rows taken out of an array by the loop itself
() => { const m = []; for (let i = 0; i < 10; i++) m[i] = [i, i * 2]; let row = m[0], s = 0; for (let i = 0; i < 300; i++) { row = m[i % 10]; const other = m[(i + 1) % 10]; s += row[0] + other[1]; } return [s, row]; }
//// swaps of objects in an array
() => { const m = []; for (let i = 0; i < 10; i++) m[i] = [i]; for (let r = 0; r < 40; r++) for (let i = 0; i < 9; i++) { const t = m[i]; m[i] = m[i + 1]; m[i + 1] = t; } return m; }
//// loops one after the other, each warm
() => { let s = 0; for (let i = 0; i < 100; i++) s += i; for (let i = 0; i < 100; i++) s -= i * 0.5; for (let i = 100; i--;) s ^= i; let k = 0; while (k < 100) k += 3; do k--; while (k > 10); return [s, k]; }
//// postfix and prefix, of doubles and captured ones
() => { let a = 0.5, b = 0, out = []; const get = () => b; for (let i = 0; i < 100; i++) { out[i] = a++ + ++b + a-- - --b + get(); b++; } return out; }
//// ** and exponents
() => { let s = 0; for (let i = 0; i < 100; i++) s += 2 ** (i & 15) + i ** 0.5 + (-8) ** (1 / 3); return String(s); }
//// many variables at once
() => { let a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8, i = 9, j = 10, k = 11, l = 12, m = 13, n = 14, o = 15, p = 16, q = 0.5, r = 1.5, s = 2.5, t = 3.5, u = 4.5; for (let z = 0; z < 200; z++) { const x = a; a = (b + c) | 0; b = c ^ d; c = d + (e & 7) | 0; d = e; e = f; f = g; g = h; h = i; i = j; j = k; k = l; l = m; m = n; n = o; o = p; p = x; q = r + s * 0.01; r = s - t * 0.01; s = t; t = u; u = q * 0.5; } return [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u]; }
//// values that trade places
() => { let a = 1, b = 2, c = 3, x = 0.1, y = 0.2; for (let i = 0; i < 151; i++) { const t = a; a = b; b = c; c = t; const u = x; x = y; y = u; } return [a, b, c, x, y]; }
//// calls of double functions with doubles alive
() => { let a = 0.1, b = 0.2, c = 0.3, s = 0; for (let i = 0; i < 120; i++) { s += Math.sin(a) * b + Math.cos(b) * c + Math.pow(c, a); a += 0.01; b += 0.02; c += 0.03; } return String(s) + a + b + c; }
//// a conditional value
() => { let s = 0; for (let i = 0; i < 150; i++) { const x = i > 75 ? i : -i, y = i & 1 ? 0.5 : 1; s += x * y + (i && 3) + (i || 7); } return s; }
//// generators and async around loops
async () => { function* g() { for (let i = 0; i < 100; i++) { let s = 0; for (let j = 0; j < 10; j++) s += j * i; yield s; } } let t = 0; for (const x of g()) t += x; await null; for (let i = 0; i < 100; i++) t += i; return t; }
//// with, eval and arguments stay as they are
() => { const f = new Function("o", "let s = 0; with (o) { for (let i = 0; i < 80; i++) s += x; } return s"); const g = function (a) { let s = 0; for (let i = 0; i < 80; i++) { arguments[0] = i; s += a; } return s; }; const h = (a) => { let s = 0; for (let i = 0; i < 80; i++) s += eval("a") + a; return s; }; return [f({ x: 2 }), g(1), h(3)]; }
//// classes, private fields and methods with loops
() => { class V { #n = 0; add(k) { for (let i = 0; i < 20; i++) this.#n += k & i; return this; } get n() { return this.#n; } } const v = new V(); for (let i = 0; i < 40; i++) v.add(i); return v.n; }
//// destructuring and spread in a loop
() => { let s = 0; for (let i = 0; i < 100; i++) { const [a, b = 2] = [i, i & 1 ? undefined : i], { c = 3, ...r } = { d: a }; s += a + b + c + r.d; [s] = [...[s]]; } return s; }
//// arrays that are filled, beyond their capacity, with doubles, and then with holes
() => { const a = [], b = [], c = [1, 2]; for (let i = 0; i < 300; i++) { a[i] = i; b[i] = i * 0.5; c[i] = i & 1 ? i : i + 0.5; } const d = []; for (let i = 0; i < 200; i++) { d[i] = i; if (i === 150) d[170] = 5; } let s = 0; for (let i = 0; i < 300; i++) { s += a[i] + b[i] + c[i]; a[i + 1] = i; } return [s, a.length, d, d.length]; }
//// arrays that may not be added to
() => { const f = (a) => { try { for (let i = 0; i < 60; i++) a[i] = i; } catch (e) { return [e.message, a.length]; } return a.length; }; const seal = Object.seal([1, 2]), ext = Object.preventExtensions([1]), ro = Object.defineProperty([1, 2], "length", { writable: false }); class S extends Array {} const n = Object.setPrototypeOf([], null); return [f([]), f([]), f([]), f(seal), f(ext), f(ro), f(new S()), f([]), f(n), f(Object.assign([], { x: 1 }))]; }
//// a setter for an index that is added
() => { let hits = 0; const f = () => { const a = []; for (let i = 0; i < 60; i++) a[i] = i; return a.length; }; const out = [f(), f(), f()]; Object.defineProperty(Array.prototype, 40, { set() { hits++; }, get() { return 1; }, configurable: true }); out.push(f()); delete Array.prototype[40]; out.push(f(), hits); return out; }
//// Math.min and max of many
() => { let s = 0; for (let i = 0; i < 100; i++) s += Math.min(i, 50, 70 - i) + Math.max(i * 0.5, 3, -i, 20) + Math.min(i, NaN, 3 ? i : 0.5) ; return String(s) + Math.max(1, 2, 3); }
//// rotations, right and nearly right
() => { let x = 0x12345678, y = 0; for (let i = 0; i < 100; i++) { y ^= (x >>> 7) | (x << 25); y = (y + ((x << 3) ^ (x >>> 29))) | 0; y ^= (x >>> 7) | (x << 24); y ^= (x >>> 31) | (x << 33); y ^= (x >>> 0) | (x << 32); y ^= (y >>> 5) | (x << 27); x = (x * 5 + i) | 0; } return [x, y]; }
//// an int on one way, an unsigned one on another
() => { let crc = 0xffffffff, s = 0; for (let i = 0; i < 200; i++) { crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1; const u = i & 1 ? crc >>> 0 : crc; s += u; if (u) s++; if (u > 2147483648) s -= 2; if (i % 50 === 49) crc = 0xfffffff0 - i; } return [crc, s, -crc]; }
//// an index that is unsigned, wide or neither
() => { const a = new Uint8Array(300).map((_, i) => i), b = Array.from(a); let h = 4000000000, s = 0; for (let i = 0; i < 200; i++) { const k = i & 1 ? (h >>> 24) : i; s += a[k] + b[k]; h = (h * 3 + 1) >>> 0; if (i === 150) h = 5; const w = i & 2 ? h : -1; s += (a[w] === undefined ? 1 : 2); } return s; }
//// wide ones in variables around a function
() => { let w = 0; const f = (n) => { for (let i = 0; i < n; i++) { w = i & 1 ? 4294967295 - i : i; } return w; }; return [f(60), f(61), f(60), w]; }
