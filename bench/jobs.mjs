/**
 * Real jobs of numbers and arrays: what csrc/jit/ is for. Each is a function with the arguments that it
 * is measured with, and smaller ones with which tests compare it with the host.
 *
 * @module
 */

/** @type {Record<string, { run: (...args: number[]) => number, args: number[], small: number[] }>} */
export const JOBS = {
  sumWrapped: {
    run: (n) => {
      let s = 0;
      for (let i = 0; i < n; i++) s = (s + i * 3) | 0;
      return s;
    },
    args: [2e7],
    small: [1000],
  },
  sum: {
    run: (n) => {
      let s = 0;
      for (let i = 0; i < n; i++) s = s + i;
      return s;
    },
    args: [2e7],
    small: [100000],
  },
  sieve: {
    run: (n) => {
      const a = new Uint8Array(n + 1);
      let c = 0;
      for (let r = 0; r < 3; r++) {
        a.fill(1);
        c = 0;
        for (let i = 2; i <= n; i++) {
          if (a[i] === 1) {
            c++;
            for (let j = i + i; j <= n; j += i) a[j] = 0;
          }
        }
      }
      return c;
    },
    args: [2e6],
    small: [5000],
  },
  mandelbrot: {
    run: (w, h, maxit) => {
      let total = 0;
      for (let y = 0; y < h; y++) {
        const ci = 2.0 * y / h - 1.0;
        for (let x = 0; x < w; x++) {
          const cr = 2.0 * x / w - 1.5;
          let zr = 0.0, zi = 0.0, n = 0;
          while (n < maxit) {
            const zr2 = zr * zr, zi2 = zi * zi;
            if (zr2 + zi2 > 4.0) break;
            zi = 2.0 * zr * zi + ci;
            zr = zr2 - zi2 + cr;
            n++;
          }
          total += n;
        }
      }
      return total;
    },
    args: [512, 512, 200],
    small: [24, 20, 60],
  },
  fannkuch: {
    run: (n) => {
      const p = [], q = [], s = [];
      let sign = 1, maxflips = 0, sum = 0;
      for (let i = 0; i < n; i++) {
        p[i] = i;
        q[i] = i;
        s[i] = i;
      }
      for (;;) {
        let q0 = p[0];
        if (q0 !== 0) {
          for (let i = 1; i < n; i++) q[i] = p[i];
          let flips = 1;
          for (;;) {
            const qq = q[q0];
            if (qq === 0) {
              sum += sign * flips;
              if (flips > maxflips) maxflips = flips;
              break;
            }
            q[q0] = q0;
            if (q0 >= 3) {
              let i = 1, j = q0 - 1;
              do {
                const t = q[i];
                q[i] = q[j];
                q[j] = t;
                i++;
                j--;
              } while (i < j);
            }
            q0 = qq;
            flips++;
          }
        }
        if (sign === 1) {
          const t = p[0];
          p[0] = p[1];
          p[1] = t;
          sign = -1;
        } else {
          const t = p[1];
          p[1] = p[2];
          p[2] = t;
          sign = 1;
          for (let i = 2; i < n; i++) {
            const sx = s[i];
            if (sx !== 0) {
              s[i] = sx - 1;
              break;
            }
            if (i === n - 1) return sum * 100 + maxflips;
            s[i] = i;
            const t2 = p[0];
            for (let j = 0; j <= i; j++) p[j] = p[j + 1];
            p[i + 1] = t2;
          }
        }
      }
    },
    args: [9],
    small: [6],
  },
  blur: {
    run: (w, h, r) => {
      const src = new Uint8ClampedArray(w * h * 4), dst = new Uint8ClampedArray(w * h * 4);
      for (let i = 0; i < src.length; i++) src[i] = (i * 7 + (i >> 3)) & 255;
      const k = 2 * r + 1;
      for (let y = 0; y < h; y++) {
        for (let x = 0; x < w; x++) {
          for (let c = 0; c < 4; c++) {
            let s = 0;
            for (let d = -r; d <= r; d++) {
              let xx = x + d;
              if (xx < 0) xx = 0;
              else if (xx >= w) xx = w - 1;
              s += src[(y * w + xx) * 4 + c];
            }
            dst[(y * w + x) * 4 + c] = s / k;
          }
        }
      }
      let sum = 0;
      for (let i = 0; i < dst.length; i++) sum += dst[i];
      return sum;
    },
    args: [640, 400, 4],
    small: [20, 12, 2],
  },
  sha256: {
    run: (bytes, rounds) => {
      const K = new Int32Array(64), H0 = [];
      let n = 0;
      for (let p = 2; n < 64; p++) {
        let prime = true;
        for (let i = 2; i * i <= p; i++) {
          if (p % i === 0) {
            prime = false;
            break;
          }
        }
        if (!prime) continue;
        const f = (x) => ((x - Math.floor(x)) * 4294967296) | 0;
        if (n < 8) H0[n] = f(Math.sqrt(p));
        K[n++] = f(Math.cbrt(p));
      }
      const w = new Int32Array(64), m = new Uint8Array(bytes + 72);
      for (let i = 0; i < bytes; i++) m[i] = i * 31 & 255;
      const total = ((bytes + 8) >> 6) * 64 + 64;
      let out = 0;
      for (let round = 0; round < rounds; round++) {
        let h0 = H0[0],
          h1 = H0[1],
          h2 = H0[2],
          h3 = H0[3],
          h4 = H0[4],
          h5 = H0[5],
          h6 = H0[6],
          h7 = H0[7];
        for (let o = 0; o + 64 <= total && o + 64 <= m.length; o += 64) {
          for (let i = 0; i < 16; i++) {
            w[i] = (m[o + i * 4] << 24) | (m[o + i * 4 + 1] << 16) | (m[o + i * 4 + 2] << 8) |
              m[o + i * 4 + 3];
          }
          for (let i = 16; i < 64; i++) {
            const x = w[i - 15], y = w[i - 2];
            const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3),
              s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
            w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
          }
          let a = h0, b = h1, c = h2, d = h3, e = h4, f = h5, g = h6, h = h7;
          for (let i = 0; i < 64; i++) {
            const S1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7)),
              ch = (e & f) ^ (~e & g);
            const t1 = (h + S1 + ch + K[i] + w[i]) | 0;
            const S0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^
                ((a >>> 22) | (a << 10)),
              maj = (a & b) ^ (a & c) ^ (b & c);
            const t2 = (S0 + maj) | 0;
            h = g;
            g = f;
            f = e;
            e = (d + t1) | 0;
            d = c;
            c = b;
            b = a;
            a = (t1 + t2) | 0;
          }
          h0 = (h0 + a) | 0;
          h1 = (h1 + b) | 0;
          h2 = (h2 + c) | 0;
          h3 = (h3 + d) | 0;
          h4 = (h4 + e) | 0;
          h5 = (h5 + f) | 0;
          h6 = (h6 + g) | 0;
          h7 = (h7 + h) | 0;
        }
        out ^= h0 ^ h7;
        m[round & 63] = out & 255;
      }
      return out;
    },
    args: [65536, 8],
    small: [640, 3],
  },
  matrix: {
    run: (n) => {
      const a = new Float64Array(n * n), b = new Float64Array(n * n), c = new Float64Array(n * n);
      for (let i = 0; i < n * n; i++) {
        a[i] = i % 7 + 0.5;
        b[i] = i % 5 - 0.25;
      }
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < n; j++) {
          let s = 0;
          for (let k = 0; k < n; k++) s += a[i * n + k] * b[k * n + j];
          c[i * n + j] = s;
        }
      }
      let t = 0;
      for (let i = 0; i < n * n; i++) t += c[i];
      return t;
    },
    args: [220],
    small: [20],
  },
  matrixOfArrays: {
    run: (n) => {
      const mk = (f) => {
        const m = [];
        for (let i = 0; i < n; i++) {
          const r = [];
          for (let j = 0; j < n; j++) r.push(f(i, j));
          m.push(r);
        }
        return m;
      };
      const a = mk((i, j) => i + j * 0.5), b = mk((i, j) => i - j * 0.25), c = mk(() => 0);
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < n; j++) {
          let s = 0;
          for (let k = 0; k < n; k++) s += a[i][k] * b[k][j];
          c[i][j] = s;
        }
      }
      let t = 0;
      for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) t += c[i][j];
      return t;
    },
    args: [180],
    small: [16],
  },
  levenshtein: {
    run: (len) => {
      let s = "", t = "";
      for (let i = 0; i < len; i++) {
        s += String.fromCharCode(97 + i * 7 % 26);
        t += String.fromCharCode(97 + i * 11 % 26);
      }
      let d = 0;
      for (let r = 0; r < 4; r++) {
        const row = [];
        for (let j = 0; j <= t.length; j++) row[j] = j;
        for (let i = 1; i <= s.length; i++) {
          let prev = row[0];
          row[0] = i;
          for (let j = 1; j <= t.length; j++) {
            const tmp = row[j];
            row[j] = s.charCodeAt(i - 1) === t.charCodeAt(j - 1)
              ? prev
              : 1 + Math.min(prev, row[j], row[j - 1]);
            prev = tmp;
          }
        }
        d += row[t.length];
      }
      return d;
    },
    args: [700],
    small: [40],
  },
  levenshteinTyped: {
    run: (len) => {
      let s = "", t = "";
      for (let i = 0; i < len; i++) {
        s += String.fromCharCode(97 + i * 7 % 26);
        t += String.fromCharCode(97 + i * 11 % 26);
      }
      let d = 0;
      for (let r = 0; r < 4; r++) {
        const row = new Uint16Array(t.length + 1);
        for (let j = 0; j <= t.length; j++) row[j] = j;
        for (let i = 1; i <= s.length; i++) {
          let prev = row[0];
          row[0] = i;
          const ch = s.charCodeAt(i - 1);
          for (let j = 1; j <= t.length; j++) {
            const tmp = row[j];
            row[j] = Math.min(row[j] + 1, row[j - 1] + 1);
            if (prev + (ch === t.charCodeAt(j - 1) ? 0 : 1) < row[j]) {
              row[j] = prev + (ch === t.charCodeAt(j - 1) ? 0 : 1);
            }
            prev = tmp;
          }
        }
        d += row[t.length];
      }
      return d;
    },
    args: [700],
    small: [40],
  },
  crc32: {
    run: (n) => {
      const table = new Uint32Array(256);
      for (let i = 0; i < 256; i++) {
        let c = i;
        for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
        table[i] = c >>> 0;
      }
      const data = new Uint8Array(n);
      for (let i = 0; i < n; i++) data[i] = i * 13 & 255;
      let crc = 0;
      for (let r = 0; r < 4; r++) {
        crc = 0xffffffff;
        for (let i = 0; i < n; i++) crc = table[(crc ^ data[i]) & 255] ^ (crc >>> 8);
        crc = (crc ^ 0xffffffff) >>> 0;
      }
      return crc;
    },
    args: [1e6],
    small: [3000],
  },
  queens: {
    run: (n) => {
      const solve = (row, cols, d1, d2) => {
        if (row === n) return 1;
        let c = 0;
        for (let i = 0; i < n; i++) {
          const b = 1 << i, p = 1 << (row + i), q = 1 << (row - i + n);
          if (cols & b || d1 & p || d2 & q) continue;
          c += solve(row + 1, cols | b, d1 | p, d2 | q);
        }
        return c;
      };
      return solve(0, 0, 0, 0);
    },
    args: [9],
    small: [6],
  },
  spectral: {
    run: (n) => {
      const A = (i, j) => 1 / ((i + j) * (i + j + 1) / 2 + i + 1);
      const u = new Float64Array(n).fill(1), v = new Float64Array(n), w = new Float64Array(n);
      const Au = (x, y) => {
        for (let i = 0; i < n; i++) {
          let s = 0;
          for (let j = 0; j < n; j++) s += A(i, j) * x[j];
          y[i] = s;
        }
      };
      const Atu = (x, y) => {
        for (let i = 0; i < n; i++) {
          let s = 0;
          for (let j = 0; j < n; j++) s += A(j, i) * x[j];
          y[i] = s;
        }
      };
      for (let i = 0; i < 4; i++) {
        Au(u, w);
        Atu(w, v);
        Au(v, w);
        Atu(w, u);
      }
      let vv = 0, vb = 0;
      for (let i = 0; i < n; i++) {
        vb += u[i] * v[i];
        vv += v[i] * v[i];
      }
      return Math.sqrt(vb / vv);
    },
    args: [150],
    small: [20],
  },
  fnv: {
    run: (n) => {
      let h = 0x811c9dc5;
      for (let i = 0; i < n; i++) {
        h ^= i & 255;
        h = Math.imul(h, 16777619);
      }
      return h >>> 0;
    },
    args: [1e7],
    small: [2000],
  },
  collatz: {
    run: (n) => {
      let best = 0, at = 0;
      for (let i = 1; i < n; i++) {
        let x = i, c = 0;
        while (x !== 1) {
          x = x % 2 === 0 ? x / 2 : 3 * x + 1;
          c++;
        }
        if (c > best) {
          best = c;
          at = i;
        }
      }
      return at * 1000 + best;
    },
    args: [200000],
    small: [3000],
  },
  nbody: {
    run: (n) => {
      const x = [0, 4.8, 8.3, 12.8, 15.3],
        y = [0, -1.1, 4.1, -15.1, -25.9],
        vx = [0, 0.6, -1.01, 1.08, 0.9],
        vy = [0, 2.8, 1.8, 0.86, 0.59],
        m = [39.4, 0.03, 0.01, 0.0017, 0.002];
      for (let s = 0; s < n; s++) {
        for (let i = 0; i < 5; i++) {
          for (let j = i + 1; j < 5; j++) {
            const dx = x[i] - x[j], dy = y[i] - y[j];
            const d2 = dx * dx + dy * dy + 0.01, mag = 0.001 / (d2 * Math.sqrt(d2));
            vx[i] -= dx * m[j] * mag;
            vy[i] -= dy * m[j] * mag;
            vx[j] += dx * m[i] * mag;
            vy[j] += dy * m[i] * mag;
          }
        }
        for (let i = 0; i < 5; i++) {
          x[i] += 0.001 * vx[i];
          y[i] += 0.001 * vy[i];
        }
      }
      let e = 0;
      for (let i = 0; i < 5; i++) e += x[i] * y[i] + vx[i];
      return e;
    },
    args: [60000],
    small: [300],
  },
  fib: {
    run: (n) => {
      const f = (n) => n < 2 ? n : f(n - 1) + f(n - 2);
      return f(n);
    },
    args: [27],
    small: [14],
  },
  reduce: {
    run: (n) => {
      const a = [];
      for (let i = 0; i < n; i++) a.push(i);
      let s = 0;
      for (let r = 0; r < 4; r++) {
        s += a.map((x) => x * 2).filter((x) => x % 3 === 0).reduce((p, c) => p + c, 0);
      }
      return s;
    },
    args: [50000],
    small: [500],
  },
};
