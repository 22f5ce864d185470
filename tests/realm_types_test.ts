/**
 * The types of a task's globals, `@protojs/deferred/realm`: they have the names that a task has, and
 * no others.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import ts from "typescript-6";
import { Deferred } from "../mod.ts";

const FILE = fileURLToPath(new URL("../realm.d.ts", import.meta.url));

/** The names of globals in a task, and of all that these and their instances have. */
const found = await Deferred.run(() => {
  const OF_FUNCTIONS = new Set([...Object.getOwnPropertyNames(Function.prototype), "prototype"]);
  const namesIn = (object: unknown, end: object): string[] => {
    const names: string[] = [];
    for (let one = object; one && one !== end; one = Object.getPrototypeOf(one)) {
      if (one === Error || one === Error.prototype) break;
      names.push(...Object.getOwnPropertyNames(one));
    }
    return [...new Set(names)].filter((name) => name !== "constructor").sort();
  };
  return Object.fromEntries(
    Object.getOwnPropertyNames(globalThis).map((name) => {
      const value = (globalThis as unknown as Record<string, unknown>)[name];
      const isFunction = typeof value === "function";
      const statics = isFunction ? namesIn(value, Function.prototype) : [];
      return [name, {
        members: namesIn(isFunction ? value.prototype : value, Object.prototype),
        statics: statics.filter((name) => !OF_FUNCTIONS.has(name)),
      }];
    }),
  );
});

const program = ts.createProgram([FILE], { lib: ["lib.esnext.d.ts"], types: [], strict: true });
const source = program.getSourceFile(FILE)!;
const checker = program.getTypeChecker();
const symbols = new Map(
  checker.getSymbolsInScope(source, ts.SymbolFlags.Value).map((symbol) => [symbol.name, symbol]),
);
const isOurs = (symbol: ts.Symbol): boolean =>
  symbol.declarations?.some((one) => one.getSourceFile() === source) === true;
const OF_ERRORS = ["name", "message", "stack", "cause"];

/** The names that a type says, but those that every error has. */
const namesOf = (type: ts.Type): string[] => {
  const isError = checker.getPropertyOfType(type, "stack") !== undefined;
  return checker.getPropertiesOfType(type).map(({ name }) => name).filter((name) =>
    !name.startsWith("__@") && name !== "prototype" && !(isError && OF_ERRORS.includes(name))
  ).sort();
};

test("the types are without fault", () => {
  const faults = ts.getPreEmitDiagnostics(program).map(({ messageText }) => messageText);
  assert.deepEqual(faults, []);
});

test("they have each global that a task has", () => {
  const OF_THE_ENGINE = ["InternalError"];
  const missing = Object.keys(found).filter((name) => !symbols.has(name));
  assert.deepEqual(missing.filter((name) => !OF_THE_ENGINE.includes(name)), []);
});

test("they have none that it lacks", () => {
  const ours = [...symbols.values()].filter(isOurs).map(({ name }) => name);
  assert.ok(ours.length > 50);
  assert.deepEqual(ours.filter((name) => !Object.hasOwn(found, name)), []);
});

describe("members are those of", () => {
  for (const [name, symbol] of symbols) {
    if (!isOurs(symbol) || name === "self") continue;
    test(name, () => {
      const type = checker.getTypeOfSymbolAtLocation(symbol, source);
      const { members, statics } = found[name]!;
      const prototype = checker.getPropertyOfType(type, "prototype");
      if (prototype === undefined) { // an object, or a function
        assert.deepEqual(namesOf(type), [...members, ...statics]);
        return;
      }
      const said = namesOf(checker.getTypeOfSymbolAtLocation(prototype, source));
      const isError = members.includes("code");
      assert.deepEqual(said, members.filter((one) => !isError || !OF_ERRORS.includes(one)));
      assert.deepEqual(namesOf(type), statics);
    });
  }
});
