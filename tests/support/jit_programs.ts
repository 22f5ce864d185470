/**
 * Programs made at random, of what csrc/jit/ compiles and of what stands beside it: loops over numbers,
 * arrays and typed arrays, strings, closures that write what they capture, values whose type changes in
 * the middle, overflow, `-0` and `NaN`, holes, buffers that are resized or detached, getters, objects
 * with a valueOf that counts or throws, exceptions at any place; functions that call others and
 * themselves with too few arguments or too many, bound ones and proxies, callbacks of whatever calls
 * back, and in all of these what changes the ground under the code that called: elements, lengths,
 * buffers, prototypes, globals, the functions themselves. Loops that begin where a function does, loops in
 * a finally to which a return comes out of a switch or another loop, and what follows a tail call, as the
 * compiler has to know how deep the stack is at each of these.
 *
 * A program is the text of a function of one argument that gives a text, the same in each engine: no
 * function that is only nearly exact, no message of an error but its name. What is compared with
 * itself only, compiled and interpreted, also gives the stacks of its errors.
 *
 * @module
 */

/** Which choices a seed makes. */
class Choices {
  #seed: number;

  constructor(seed: number) {
    this.#seed = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0;
  }

  below(count: number): number {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
    const mixed = Math.imul(this.#seed ^ (this.#seed >>> 15), 0x2c1b3c6d) >>> 0;
    return Math.floor(mixed / 4294967296 * count);
  }

  of<T>(first: T, ...others: T[]): T {
    return [first, ...others][this.below(others.length + 1)] ?? first;
  }
}

const TYPED = [
  "Int8Array",
  "Uint8Array",
  "Uint8ClampedArray",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "Float32Array",
  "Float64Array",
] as const;

/** What a program has of what is rare: so that most have little of it, and are compiled well. */
interface Flavour {
  odd: boolean; // values that are no numbers
  calls: boolean; // of closures
  throws: boolean;
  buffers: boolean; // that change
  events: boolean; // in what is called
}

class Writer {
  readonly choices: Choices;
  readonly flavour: Flavour;
  /** Functions that may be called by what is written now: those that were written before. */
  readonly callable: string[] = [];
  readonly stacks: boolean;

  constructor(seed: number, stacks: boolean) {
    this.choices = new Choices(seed);
    this.stacks = stacks;
    const rare = () => this.choices.below(3) === 0;
    this.flavour = {
      odd: rare(),
      calls: this.choices.below(3) > 0,
      throws: rare(),
      buffers: rare(),
      events: rare(),
    };
  }

  one(...makers: [() => string, ...(() => string)[]]): string {
    return this.choices.of(...makers)();
  }

  variable(): string {
    return this.choices.of("a", "b", "c", "d", "x", "y");
  }

  array(): string {
    const { choices, flavour } = this;
    return choices.below(16) === 0
      ? "M[i & 3]"
      : choices.of("A", "A", "T", "F", "U", flavour.buffers ? "B" : "U", "D");
  }

  constant(): string {
    const number = this.choices.of("0", "1", "-1", "2", "3", "7", "31", "255", "65535");
    const far = this.choices.of(
      "2147483647",
      "-2147483648",
      "4294967295",
      "9007199254740991",
      "1e300",
      "0.5",
      "-0",
      "1.5",
      "-1e10",
      "NaN",
      "Infinity",
      "1e-3",
    );
    const odd = this.choices.of("undefined", "null", "true", '"5"', '"x"', "false", "V", "1n");
    return this.flavour.odd && this.choices.below(12) === 0
      ? odd
      : this.choices.below(3)
      ? number
      : far;
  }

  index(): string {
    return this.one(
      () => "i & 7",
      () => "j & 7",
      () => "i % 8",
      () => `(${this.variable()} & 7)`,
      () => `(${this.variable()} >>> 29)`,
      () => String(this.choices.below(8)),
      () =>
        this.choices.below(12)
          ? "(i + 3) & 7"
          : this.choices.of("i", "8", "-1", "0.5", "j - 1", "a"),
    );
  }

  leaf(): string {
    return this.one(
      () => this.variable(),
      () => this.variable(),
      () => this.variable(),
      () => this.choices.of("i", "j", "n", "z"),
      () => this.constant(),
      () => `${this.array()}[${this.index()}]`,
      () => this.choices.of("A", "T", "B", "S", "A") + ".length",
      () => `S.charCodeAt(${this.index()})`,
      () =>
        this.flavour.odd
          ? this.choices.of(
            "O.p",
            "O.g",
            "H[i & 7]",
            "S[i & 7]",
            "V",
            "typeof x",
            "O",
            "K.r",
            "K.step(i)",
          )
          : this.flavour.calls
          ? this.choices.of(`add(${this.variable()})`, "peek()", "sub(i)", "fact(i & 7)")
          : this.variable(),
    );
  }

  call(part: () => string): string {
    const { choices } = this;
    const name = this.callable[choices.below(this.callable.length)];
    if (name === undefined) return part();
    if (name === "element") return `element(${this.array()}, ${part()})`;
    if (name === "put") return `put(${this.array()}, ${part()}, ${part()})`;
    const given = [part(), part()];
    if (name === "deep") given.unshift(choices.of("3", "i & 3", "2"));
    if (choices.below(8) === 0) given.pop();
    if (choices.below(8) === 0) given.push("i", part());
    return this.choices.below(12) ? `${name}(${given.join(", ")})` : choices.of(
      `${name}(...[${part()}])`,
      `${name}.call(${part()}, ${given.join(", ")})`,
      `${name}.apply(null, [${given.join(", ")}])`,
      `Reflect.apply(${name}, A, [${part()}])`,
    );
  }

  /** A function that was written before, or one of its own: of an element and its index. */
  callee(body: () => string): string {
    const named = this.callable.filter((name) => /^(?:f|g|h|bound|proxy)$/.test(name));
    const name = named[this.choices.below(named.length * 3)];
    return name ?? `(x, i) => ${body()}`;
  }

  callback(): string {
    const array = this.choices.of("A", "F", "D", "T", "U", "A.slice(0, 3)", "H");
    const test = () => this.callee(() => this.condition(0));
    const give = () => this.callee(() => this.leaf());
    const sorted = this.choices.of("x - y", "y - x", "x > y ? 1 : -1");
    return this.one(
      () => `${array}.map(${give()})[${this.choices.below(8)}]`,
      () => `${array}.reduce((x, y, i) => ${this.expression(1)}, ${this.leaf()})`,
      () => `${array}.reduceRight(${give()}, ${this.leaf()})`,
      () => `${array}.filter(${test()}).length`,
      () => `${array}.${this.choices.of("findIndex", "findLastIndex")}(${test()})`,
      () => `${array}.${this.choices.of("find", "findLast")}(${test()})`,
      () => `+${array}.${this.choices.of("some", "every")}(${test()})`,
      () => `(${array}.forEach((v) => { ${this.variable()} = ${this.leaf()}; }), 1)`,
      () => `(${array}.forEach((x, i) => { ${this.block(0)} }), 1)`,
      () => `(new Set(${array}).forEach(${give()}), 2)`,
      () => `Array.from({ length: 5 }, ${give()})[${this.choices.below(5)}]`,
      () => `[3, 1].flatMap(${give()})[1]`,
      () => `S.replace(/[a-e]/g, (v, i) => ${this.leaf()}).length`,
      () => `JSON.parse("[1,2.5,[3]]", (v, x) => ${this.choices.of("x", this.leaf(), "+x")})[1]`,
      () => `+[...pairs(${this.leaf()})][1]`,
      () =>
        this.stacks // how often one is called, and what comes of a contradiction, is each engine's affair
          ? `[...${array}].sort((x, y) => ${
            this.choices.of(sorted, this.leaf(), `(${this.variable()}++, y - x)`)
          })[1]`
          : `[4, 0.5, 3, -1, 2, 9].sort((x, y) => ${sorted})[${this.choices.below(6)}]`,
    );
  }

  /** A function: x, y and i are its own, all else is of the function around it. */
  inner(name: string): string {
    const { choices } = this;
    const text = name === "deep"
      ? `(k, x, y, i = k) => k > 0 && k < 40 ? ${this.leaf()} ${
        choices.of("+", "*", "|", "-")
      } deep(k - 1, ${choices.of("x", "y + 1", "i")}, ${this.leaf()}) : ${this.leaf()}`
      : this.one(
        () => `(x, y, i = 1) => ${this.expression(2)}`,
        () => `(x, y) => { const i = x & 7; return ${this.expression(1)}; }`,
        () => `(x, y, i) => ${this.condition(0)} ? ${this.leaf()} : ${this.leaf()}`,
        () => `(x, y) => { const i = x & 7; ${this.block(1)} return ${this.expression(1)}; }`,
        () => `(x, y, ...v) => { let i = v.length; ${this.block(0)} return ${this.leaf()}; }`,
        () => `function (x, y) { const i = arguments.length; return ${this.expression(1)}; }`,
        () =>
          `function (x, y) { arguments[0] = 9; const i = y & 7; return ${this.expression(1)}; }`,
        () => `(x, y, i = 1) => { for (const v of A) { ${this.block(0)} } return ${this.leaf()}; }`,
        () => `(x, y, i = 1) => { let k = 0; ${this.loop()} return ${this.choices.of("k", "x")}; }`,
        () =>
          `(x, y, i = 1) => Object.assign(() => ${this.expression(1)}, { toString: () => "w" })`,
        () => `(x, y, i = 2) => { if ${this.condition(0)} return; return ${this.leaf()}; }`,
        /* A loop where the code begins, what comes after a tail call, and an assignment that throws. */
        () =>
          `(x, y, i) => { while (y > 0 && y < 9) { y = y - 1; x = ${this.leaf()}; } return ${this.leaf()}; }`,
        () => `(x, y, i) => { if ${this.condition(0)} return h(x); return ${this.leaf()}; }`,
        () =>
          `(x, y, i) => { if (x === 77) { const k = 1; k = 2; } return ${this.expression(1)}; }`,
        () => this.finallyIn(),
        () =>
          `(x, y, i = 2) => { if ${
            this.condition(0)
          } throw new SyntaxError(); return ${this.leaf()}; }`,
      ).replaceAll(/continue outer/g, "continue");
    this.callable.push(name);
    if (!this.flavour.events || name === "deep") return `${name} = ${text}`;
    /* What changes the ground happens while others wait for what this gives. */
    const at = this.choices.of(3, 20, 47, 300);
    return `${name}Plain = ${text}, ${name} = (x, y, i) => { if (++count === ${at}) { ${this.event()} } ` +
      `return ${name}Plain(x, y${this.choices.of("", ", i")}); }`;
  }

  /** A function with a loop in a finally, to which a return comes with more on the stack. */
  finallyIn(): string {
    const { choices } = this;
    const many = `switch (${
      choices.of("x & 3", "i", "x")
    }) { case 1: return ${this.leaf()}; case 2: { ${this.block(0)} } }`;
    const tried = `try { ${many} } finally { ${this.loop()} ${
      choices.of("", `if ${this.condition(0)} return k;`)
    } }`;
    return `(x, y, i = 1) => { let k = 0; ${
      choices.of(
        tried,
        `for (const v of A) { ${tried} if (k > 99) break; }`,
        `try { for (const v of [1, 2]) ${many} } finally { ${this.loop()} }`,
      )
    } return ${choices.of("k", this.leaf())}; }`;
  }

  /** A loop that stands in a function: over k, with calls. */
  loop(): string {
    return `for (let j = 0; j < ${2 + this.choices.below(9)}; j++) { k = ${
      this.choices.of("(k + %) | 0", "k + %", "k ^ %", "%")
    }; }`.replace("%", () => this.expression(1));
  }

  expression(depth: number): string {
    if (depth <= 0) return this.leaf();
    const part = () => this.expression(depth - 1);
    const { choices } = this;
    if (this.callable.length > 0 && choices.below(6) === 0) return this.call(part);
    if (this.callable.length > 0 && choices.below(40) === 0) return this.callback();
    return this.one(
      () => `(${part()} ${choices.of("+", "-", "*", "+", "-", "%", "/")} ${part()})`,
      () => `(${part()} ${choices.of("|", "&", "^", "<<", ">>", ">>>")} ${part()})`,
      () => `((${part()} + ${part()} + ${part()}) ${choices.of("| 0", ">>> 0", "& 255", ">> 1")})`,
      () => `((${part()} - ${part()} * ${part()}) ${choices.of("| 0", ">>> 0", "^ 1")})`,
      () => `(${choices.of("-", "~", "+", "!", "- -")} ${part()})`,
      () => `(${this.condition(depth - 1)} ? ${part()} : ${part()})`,
      () => `(${part()} ${choices.of("&&", "||", "??")} ${part()})`.replace(/^/, ""),
      () => `Math.${choices.of("min", "max", "imul")}(${part()}, ${part()})`,
      () =>
        `Math.${
          choices.of("abs", "floor", "ceil", "round", "sqrt", "trunc", "sign", "fround")
        }(${part()})`,
      () => {
        const by = 1 + choices.below(31), of = this.variable();
        return `((${of} >>> ${by}) | (${of} << ${32 - by}))`;
      },
      () => `(${this.variable()} = ${part()})`,
      () => `(${this.variable()}${choices.of("++", "--")} + ${part()})`,
      () => `(${part()}, ${part()})`,
    );
  }

  condition(depth: number): string {
    const compared = this.choices.of("<", "<=", ">", ">=", "===", "!==", "==", "!=");
    const other = () =>
      this.one(
        () => `(${this.expression(depth)} ${compared} ${this.expression(depth)})`,
        () => this.leaf(),
        () => `!(${this.expression(depth)} ${compared} ${this.expression(depth)})`,
      );
    return this.choices.below(4)
      ? `(${this.expression(depth)} ${compared} ${this.expression(depth)})`
      : this.choices.below(2)
      ? `(${other()} ${this.choices.of("&&", "||")} ${other()})`
      : `(${other()})`;
  }

  /** Something that happens once, late. */
  event(): string {
    const { choices, flavour } = this;
    return this.one(
      () => `${this.variable()} = ${this.constant()};`,
      () => `${this.variable()} = 0.25;`,
      () => `A[${this.index()}] = ${this.constant()};`,
      () => `A.length = ${choices.of("8", "7", "9", "0")}; A[7] ??= 1;`,
      () => "A.push(i);",
      () => "delete A[2];",
      () => "A = D;",
      () => "D = A.slice();",
      () => "T = F;",
      () => "U = new Int8Array(8).fill(-3);",
      () => "S += 'ü∂';",
      () => "S = S.slice(1) + 'z';",
      () => flavour.buffers ? `R.resize(${choices.of("4", "0", "64", "7")});` : "c = -c;",
      () => flavour.buffers ? "R.transfer();" : "d = !d;",
      () => flavour.buffers ? "B = new Uint8Array(R);" : "y = i;",
      () => flavour.odd ? "Array.prototype[2] = 5;" : "x = 2147483647;",
      () => flavour.odd ? "Object.defineProperty(O, 'g', { get: undefined });" : "x = -0;",
      () => flavour.odd ? "Object.freeze(A);" : "a = 1 / 3;",
      () => flavour.odd ? "Object.defineProperty(A, 1, { get() { n++; return 4; } });" : "b = n;",
      () => flavour.odd ? "Math.floor = (v) => v + 1;" : "c = NaN;",
      () => flavour.throws ? "throw new RangeError('late');" : "y = -1;",
      () => flavour.calls ? "h = peek;" : "a = 2;",
      () => flavour.calls ? `h = (x) => ${this.leaf()};` : "b = 2;",
      () => "M[1] = M[2]; M[3] = [7, 6, 5, 4, 3, 2, 1, 0.5];",
      () => "M = [A, A, A, A];",
      () => "A = [1.5, 2, 3, 4, 5, 6, 7, 8]; D = A;",
      () => "Math.imul = (v, w) => v - w; Math.max = () => 7;",
      () => "Array.prototype.map = function () { return this.slice(1); };",
      () => "A.map = A.forEach = () => [n, 2];",
      () => "String.prototype.charCodeAt = () => 4;",
      () =>
        flavour.odd ? "Object.setPrototypeOf(A, { __proto__: Array.prototype, 3: 8 });" : "n++;",
      () => flavour.odd ? "Object.setPrototypeOf(T, Float64Array.prototype);" : "n--;",
      () => flavour.odd ? "M[2] = new Proxy(D, {});" : "M[2] = D;",
    );
  }

  statement(depth: number): string {
    const { choices, flavour } = this;
    const deeper = (make: () => string) =>
      depth > 0 ? make() : `${this.variable()} = ${this.expression(1)};`;
    const assigned = choices.of("+=", "-=", "^=", "|=", "*=", ">>>=", "&=", "<<=", "%=");
    return this.one(
      () => `${this.variable()} = ${this.expression(2)};`,
      () => `${this.variable()} ${assigned} ${this.expression(1)};`,
      () => `${this.array()}[${this.index()}] = ${this.expression(2)};`,
      () =>
        `${this.array()}[${this.index()}] ${choices.of("+=", "-=", "^=", "|=")} ${
          this.expression(1)
        };`,
      () => `${this.variable()}${choices.of("++", "--")};`,
      () => `${this.array()}[${this.index()}]${choices.of("++", "--")};`,
      () =>
        deeper(() =>
          `if ${this.condition(1)} { ${this.block(depth - 1)} } else { ${this.block(depth - 1)} }`
        ),
      () => deeper(() => `if ${this.condition(1)} { ${this.block(depth - 1)} }`),
      () =>
        deeper(() => {
          const leave = choices.below(4)
            ? ""
            : `if ${this.condition(0)} ${
              choices.of("break", "continue", "continue outer", "break")
            };`;
          return `for (let j = 0; j < ${1 + choices.below(6)}; j++) { ${
            this.block(depth - 1)
          } ${leave} }`;
        }),
      () =>
        deeper(() =>
          `{ let j = ${choices.below(4)}; ${choices.of("while (j-- > 0)", "do")} { ${
            this.block(depth - 1)
          } } ${""}`.replace(
            /do (\{.*\}) $/s,
            (_all, body: string) => `do ${body} while (++j < 5);`,
          ) + " }"
        ),
      () =>
        deeper(() =>
          `switch (${this.expression(1)}) { case 0: ${this.block(0)} ${
            choices.of("break;", "")
          } case ${this.constant()}: ${this.block(0)} break; default: ${this.block(0)} }`
        ),
      () =>
        deeper(() =>
          flavour.throws
            ? `try { ${this.block(depth - 1)} if ${this.condition(0)} throw ${this.leaf()}; ${
              this.block(0)
            } } catch (e) { ${this.variable()} = ${choices.of("1", "e", "n")}; } ${
              choices.of("", "finally { b = 1; }")
            }`
            : `${this.variable()} = ${this.expression(1)};`
        ),
      () =>
        `const k = ${this.expression(1)}; ${this.variable()} = k ${
          choices.of("+", "|", "*")
        } ${this.leaf()};`,
      () => `let k; if ${this.condition(0)} k = ${this.leaf()}; ${this.variable()} = k;`,
      () =>
        choices.below(3)
          ? `n = (n + ${this.leaf()}) | 0;`
          : `C[${choices.of("i", "C.length", "i & 15")}] = ${this.expression(1)};`,
      () =>
        flavour.calls
          ? choices.of(
            `${this.variable()} = add(${this.leaf()}, ${this.leaf()});`,
            `sub();`,
            `set(${this.leaf()});`,
            `${this.variable()} = mix(${this.leaf()}, ${this.leaf()});`,
          )
          : `${this.variable()} = ${this.leaf()};`,
      () =>
        flavour.calls && flavour.throws
          ? `try { ${this.block(0)} ${this.variable()} = ${
            this.call(() => this.expression(1))
          }; } catch (e) { log(e); }`
          : "n ^= 1;",
      () =>
        flavour.calls && choices.below(3) === 0 ? "if ((i & 63) === 5) n += over(0);" : "n += 2;",
      () =>
        deeper(() =>
          `w: for (let j = 0; j < 5; j++) { try { ${this.block(0)} if ${
            this.condition(0)
          } continue w; } finally { for (let k = 0; k < 3; k++) n = (n + k + ${this.leaf()}) | 0; if ${
            this.condition(0)
          } break w; } }`
        ),
      () =>
        choices.below(2)
          ? `for (const k of pairs(${this.leaf()})) { ${this.variable()} = ${this.leaf()}; n = (n + k) | 0; }`
          : `for (const k of [1, i]) { if ${this.condition(0)} continue; ${this.variable()} = k; }`,
      () =>
        flavour.calls
          ? `{ const k = ${this.leaf()}, w = (p) => p + k; ${this.variable()} = w(${this.leaf()}) + w(1); }`
          : "n -= 3;",
      () => flavour.odd ? `O.p = ${this.leaf()};` : `S = S.length > 20 ? "abcdefgh" : S + "q";`,
    );
  }

  block(depth: number): string {
    return Array.from({ length: 1 + this.choices.below(3) }, () => `{ ${this.statement(depth)} }`)
      .join(" ");
  }

  program(passes: number): string {
    const { choices, flavour } = this;
    const inners = flavour.calls
      ? `let count = 0;
  const element = (v, x) => v[x & 7], put = (v, x, y) => { v[x & 7] = y; return v.length; };
  const over = (k) => { try { return further(k) ? 1 : 2; } catch (e) { return e.name.length; } },
    further = (k) => further(k + 1) + 1;
  let h = (x, y) => x;
  const ${["f", "g", "deep"].map((name) => this.inner(name)).join(",\n  ")},
  bound = f.bind(null, 2), proxy = new Proxy(g, {});`
      : "";
    if (flavour.calls) this.callable.push("bound", "proxy", "element", "put", "h");
    const grows = flavour.odd || flavour.calls; // texts
    const late = `if (i === ${Math.floor(passes * 2 / 3)}) { ${this.event()} }`;
    const later = choices.below(2) ? "" : `if (i === ${passes - 7}) { ${this.event()} }`;
    const captured = flavour.calls
      ? `const add = (p, q) => (x = p + 1, a = q ?? a, x), peek = () => a + x, sub = (p = 2) => { b -= p; },
  set = (p) => { y = p; }, fact = (p) => p < 2 ? 1 : p * fact(p - 1),
  mix = (p, q) => { let s = 0; for (let k = 0; k < 9; k++) s = s + p - (k & 1 ? q : 1); return s; };`
      : choices.of("", "", "const captures = () => a + x;");
    return `(z) => {
  let n = 0;
  const V = {
    valueOf() {
      n++;
      ${flavour.throws ? "if (n % 7 === 0) throw new EvalError();" : ""}
      return ${choices.of("3", "0.5", "n & 1 ? 1 : 'v'")};
    },
  };
  let a = ${this.constant()}, b = ${this.constant()}, c = z, d = ${this.constant()}, x = ${this.constant()}, y = z / 3;
  let A = [1, 2, 3, 4, 5, 6, 7, ${
      choices.of("8", "0.5", "8", flavour.odd ? '"8"' : "9", "-0", "2147483647")
    }], C = [], j = 0, S = "abcdefgh";
  let D = [0.5, 1.5, 2.5, ${this.constant()}, 4, 5, 6, 7];
  let T = new Int32Array(8), F = new Float64Array(8), U = new ${choices.of(...TYPED)}(8);
  const R = new ArrayBuffer(32, { maxByteLength: 64 });
  let B = new ${choices.of(...TYPED)}(R${choices.of("", "", ", 0, 2")});
  const H = [1, , 3, , 5], O = { p: 1, get g() { return ++n; } };
  let M = [A, D, F, T];
  const { floor, imul, max } = Math, { charCodeAt } = String.prototype, { map } = Array.prototype;
  const K = new class {
    #p = 1;
    q = 2;
    get r() {
      return ++this.#p;
    }
    step(v) {
      this.#p = (this.#p + v) | 0;
      return this.q + this.#p;
    }
  }();
  let told = "";
  const log = (e) => {
    if (told.length < 2000) told += ${
      this.stacks
        ? "e instanceof Error ? e.stack : typeof e"
        : "e instanceof Error ? e.name : typeof e"
    };
  };
  const pairs = function* (v) { yield v; yield a; yield b; };
  ${grows ? 'const cut = (v) => typeof v === "string" && v.length > 50 ? "cut" : v;' : ""}
  ${captured}
  ${inners}
  let error = "";
  try {
    outer: for (let i = 0; i < ${passes}; i++) {
      ${this.block(2)} ${late} ${this.block(2)} ${later}
      n = (n + ${this.variable()}) | 0;
      ${
      grows
        ? `if (!(i & 3)) { a = cut(a); b = cut(b); c = cut(c); d = cut(d); x = cut(x); y = cut(y); for (let k = 0; k < 8; k++) { cut(A[k]) === "cut" && (A[k] = "y"); cut(D[k]) === "cut" && (D[k] = 1); } }`
        : ""
    }
    }
  } catch (e) { error = e instanceof Error ? e.${this.stacks ? "stack" : "name"} : typeof e; }
  delete Array.prototype[2];
  Object.assign(Math, { floor, imul, max });
  Array.prototype.map = map;
  String.prototype.charCodeAt = charCodeAt;
  const show = (v) => Object.is(v, -0) ? "-0" : typeof v === "object" && v ? "[o]" : typeof v === "string" ? v.slice(0, 99) : typeof v === "function" ? "f" : String(v);
  return [error, told, n, a, b, c, d, x, y, S.slice(0, 99), ...A.slice(0, 40), ...D.slice(0, 40), ...T, ...F, ...U, ...(B.length ? B : []), ...C.slice(0, 40)].map(show).join();
}`;
  }
}

/**
 * The program of a seed, whose outer loop has so many passes.
 *
 * @param seed any number of 32 bits
 * @param stacks whether stacks of errors are part of what it gives
 */
export function program(seed: number, passes: number, stacks = false): string {
  return new Writer(seed, stacks).program(passes);
}
