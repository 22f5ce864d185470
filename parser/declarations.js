/**
 * Reads a module's top level: what it declares, and where. Nothing is evaluated. The text may be
 * TypeScript, whose types realm/typescript.js strips off.
 *
 * The build bundles it, with the parsers that it is made of, into a file beside the library
 * (parser.cjs). It is loaded when somebody's `scope` is `import.meta` (src/function/top_level.ts), so
 * that nobody else pays for it, and the package needs no other.
 *
 * A declaration's text can be evaluated anew, in a task, if that gives what the module has. So what
 * else the module does with it is told, too: where it is assigned to, and where what it holds is
 * changed, as far as that can be seen: by an assignment to a part of it, or one of the methods below.
 *
 * @module
 */
import { parse } from "acorn";
import typescript from "../realm/typescript.js";

/** @typedef {import("acorn").AnyNode & { [key: string]: unknown }} Node */

/** Methods that change what they are called on. */
const CHANGING = new Set(
  ("push pop shift unshift splice sort reverse fill copyWithin set add delete clear append " +
    "setTime setFullYear setMonth setDate setHours setMinutes setSeconds setMilliseconds")
    .split(" "),
);

/** Of Object and Reflect: methods that change their first argument. */
const CHANGING_FIRST = new Set(
  "assign defineProperty defineProperties setPrototypeOf set deleteProperty".split(" "),
);

/** What gives another value each time: of these objects, these methods, or all. */
const FICKLE = new Map([
  ["Date", ["now"]],
  ["Math", ["random"]],
  ["performance", null],
  ["crypto", null],
]);

const FUNCTIONS = new Set(["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"]);

/** @param {unknown} value @returns {value is Node} */
const isNode = (value) => typeof value === "object" && value !== null && "type" in value;

/** Visits the nodes right inside one. @param {Node} node @param {(node: Node) => void} visit */
function each(node, visit) {
  for (const key in node) { // acorn's nodes inherit nothing
    const value = node[key];
    if (typeof value !== "object" || value === null) continue;
    if (Array.isArray(value)) { for (const one of value) isNode(one) && visit(one); }
    else if (isNode(value)) visit(value);
  }
}

/** The identifiers that a pattern declares. @param {Node | null} pattern */
function* identifiers(pattern) {
  switch (pattern?.type) {
    case "Identifier":
      yield pattern;
      break;
    case "ObjectPattern":
      for (const property of pattern.properties) {
        yield* identifiers(property.value ?? property.argument);
      }
      break;
    case "ArrayPattern":
      for (const element of pattern.elements) yield* identifiers(element);
      break;
    case "AssignmentPattern":
      yield* identifiers(pattern.left);
      break;
    case "RestElement":
      yield* identifiers(pattern.argument);
  }
}

/** What stands on its own of an export. @param {Node} statement */
const bare = (statement) =>
  statement.type === "ExportNamedDeclaration" || statement.type === "ExportDefaultDeclaration"
    ? statement.declaration ?? statement
    : statement;

/** Adds what statements declare for all of their block. @param {readonly Node[]} body @param {Set<string>} names */
function addLexical(body, names) {
  for (const statement of body.map(bare)) {
    if (statement.type === "VariableDeclaration" && statement.kind !== "var") {
      for (const { id } of statement.declarations) {
        for (const { name } of identifiers(id)) names.add(name);
      }
    } else if (/^(?:Function|Class)Declaration$/.test(statement.type) && statement.id) {
      names.add(statement.id.name);
    }
  }
}

/** Adds what `var` declares anywhere in a function. @param {Node} node @param {Set<string>} names */
function addVars(node, names) {
  if (node.type === "VariableDeclaration" && node.kind === "var") {
    for (const { id } of node.declarations) for (const { name } of identifiers(id)) names.add(name);
  }
  each(node, (child) => {
    if (!FUNCTIONS.has(child.type) && child.type !== "StaticBlock") addVars(child, names);
  });
}

/** The names that a node declares for what is inside it; `null` if it is no scope. @param {Node} node */
function namesOf(node) {
  const names = new Set();
  switch (node.type) {
    case "FunctionDeclaration":
    case "FunctionExpression":
    case "ArrowFunctionExpression":
      for (const pattern of node.params) {
        for (const { name } of identifiers(pattern)) names.add(name);
      }
      if (node.type === "FunctionExpression" && node.id) names.add(node.id.name);
      addVars(node.body, names);
      return names;
    case "ClassExpression":
      if (node.id) names.add(node.id.name);
      return names;
    case "BlockStatement":
      addLexical(node.body, names);
      return names;
    case "StaticBlock":
      addLexical(node.body, names);
      for (const child of node.body) addVars(child, names);
      return names;
    case "SwitchStatement":
      for (const { consequent } of node.cases) addLexical(consequent, names);
      return names;
    case "ForStatement":
      if (node.init) addLexical([node.init], names);
      return names;
    case "ForInStatement":
    case "ForOfStatement":
      addLexical([node.left], names);
      return names;
    case "CatchClause":
      for (const { name } of identifiers(node.param)) names.add(name);
      return names;
    default:
      return null;
  }
}

/** The identifier that an expression takes a part of: `a` of `a.b[c]`. @param {Node} node */
function rootOf(node) {
  while (node.type === "MemberExpression" || node.type === "ChainExpression") {
    node = node.object ?? node.expression;
  }
  return node.type === "Identifier" ? node : null;
}

/** The places that an assignment writes to. @param {Node} target */
function* targets(target) {
  if (target.type === "MemberExpression") yield target;
  else if (target.type === "VariableDeclaration") return;
  else if (target.type === "ObjectPattern") {
    for (const { value, argument } of target.properties) yield* targets(value ?? argument);
  } else if (target.type === "ArrayPattern") {
    for (const element of target.elements) if (element) yield* targets(element);
  } else if (target.type === "AssignmentPattern") yield* targets(target.left);
  else if (target.type === "RestElement") yield* targets(target.argument);
  else yield target;
}

/** What a node changes: identifiers, and what a part is taken of. @param {Node} node */
function* changedBy(node) {
  if (node.type === "AssignmentExpression") yield* targets(node.left);
  else if (node.type === "UpdateExpression") yield node.argument;
  else if (node.type === "ForInStatement" || node.type === "ForOfStatement") {
    yield* targets(node.left);
  } else if (node.type === "UnaryExpression" && node.operator === "delete") yield node.argument;
  else if (node.type === "CallExpression" && node.callee.type === "MemberExpression") {
    const { object, property, computed } = node.callee;
    if (computed) return;
    if (CHANGING.has(property.name)) yield object;
    const isObject = object.type === "Identifier" && /^(?:Object|Reflect)$/.test(object.name);
    if (isObject && CHANGING_FIRST.has(property.name) && node.arguments.length > 0) {
      yield node.arguments[0];
    }
  }
}

/** Why an expression can't be evaluated anew; "" if it can. @param {Node} node @returns {string} */
function whyNot(node) {
  if (FUNCTIONS.has(node.type)) return "";
  if (node.type === "AwaitExpression") return "waits for a promise, with `await`";
  if (node.type === "MetaProperty") return "uses `import.meta`";
  if (node.type === "CallExpression" || node.type === "NewExpression") {
    const { callee } = node;
    const once = (call) => `has another value each time that it is evaluated (\`${call}\`)`;
    if (callee.type === "Identifier") {
      if (callee.name === "Date" && node.arguments.length === 0) return once("new Date()");
      if (callee.name === "Symbol") return once("Symbol()");
    } else if (callee.type === "MemberExpression" && callee.object.type === "Identifier") {
      const { object: { name: object }, property: { name } } = callee;
      const methods = FICKLE.get(object);
      if (methods === null || methods?.includes(name)) return once(`${object}.${name}()`);
    }
  }
  let why = "";
  each(node, (child) => why ||= whyNot(child));
  return why;
}

/** The identifier in a node that names nothing of a scope: `b` of `a.b`. @param {Node} node */
function labelOf(node) {
  switch (node.type) {
    case "MemberExpression":
      return node.computed ? null : node.property;
    case "Property":
    case "MethodDefinition":
    case "PropertyDefinition":
      return node.computed || node.shorthand ? null : node.key;
    case "FunctionDeclaration":
    case "ClassDeclaration":
    case "VariableDeclarator":
      return node.id;
    case "LabeledStatement":
    case "BreakStatement":
    case "ContinueStatement":
      return node.label;
    default:
      return null;
  }
}

/** @typedef {object} Declaration
 * @property {string} name
 * @property {string} kind "function", "class", "variable" or "import"
 * @property {number} start of its text: of a variable what is between `const` and the comma
 * @property {number} end
 * @property {string} why it can't be evaluated anew; or ""
 * @property {number[]} assigned where it is assigned to
 * @property {number[]} changed where what it holds is changed
 * @property {number[]} evaluated where it is used by what is evaluated with the module
 * @property {number[]} inner [start, end, ...]: where the same name stands for something else
 * @property {string} [from] the module that an import is of
 * @property {string} [imported] what it is called there; "*" for all of it
 * @property {{ [name: string]: string }} [attributes] of the import: `type`
 */

class Reader {
  constructor() {
    /** @type {Map<string, Declaration>} */
    this.declarations = new Map();
    /** @type {Set<string>[]} the scopes around a node, but the module's own */
    this.scopes = [];
    /** How many functions are around a node. */
    this.depth = 0;
  }

  /** What an identifier stands for, if for something of the top level. @param {Node} identifier */
  meant({ name }) {
    return this.scopes.some((scope) => scope.has(name)) ? undefined : this.declarations.get(name);
  }

  /** @param {string} name @param {string} kind @param {Node} node @param {object} [more] */
  declare(name, kind, { start, end }, more = {}) {
    const places = { assigned: [], changed: [], evaluated: [], inner: [] };
    this.declarations.set(name, { name, kind, start, end, why: "", ...places, ...more });
  }

  /** @param {Node} statement */
  statement(statement) {
    if (statement.type === "ImportDeclaration") {
      const from = String(statement.source.value);
      const attributes = Object.fromEntries(
        (statement.attributes ?? []).map(({ key, value }) => [key.name ?? key.value, value.value]),
      );
      for (const one of statement.specifiers) {
        const imported = one.type === "ImportDefaultSpecifier"
          ? "default"
          : one.type === "ImportNamespaceSpecifier"
          ? "*"
          : one.imported.name ?? one.imported.value;
        this.declare(one.local.name, "import", one, { from, imported, attributes });
      }
      return;
    }
    const own = bare(statement);
    if (own.type === "VariableDeclaration") {
      for (const one of own.declarations) this.variable(own.kind, one);
    } else if (/^(?:Function|Class)Declaration$/.test(own.type) && own.id) {
      const kind = own.type === "ClassDeclaration" ? "class" : "function";
      this.declare(own.id.name, kind, own, { why: kind === "class" ? whyNot(own) : "" });
    }
  }

  /** @param {string} kind @param {Node} node */
  variable(kind, node) {
    let why = node.init ? whyNot(node) : "has no value where it is declared";
    if (/using/.test(kind)) why = "is disposed of by its module";
    for (const { name } of identifiers(node.id)) {
      if (this.declarations.has(name)) why = "is declared more than once"; // by `var`
      this.declare(name, "variable", node, { why });
    }
  }

  /** Finds what is changed, and where names are used anew. @param {Node} node */
  walk(node) {
    const names = namesOf(node);
    if (names !== null) {
      for (const name of names) {
        this.declarations.get(name)?.inner.push(node.start, node.end);
      }
      this.scopes.push(names);
    }
    for (const changed of changedBy(node)) {
      const root = rootOf(changed);
      const declaration = root === null ? undefined : this.meant(root);
      const isItself = root === changed && !/^(?:Call|Unary)Expression$/.test(node.type);
      (isItself ? declaration?.assigned : declaration?.changed)?.push(node.start);
    }
    if (node.type === "Identifier" && this.depth === 0) {
      this.meant(node)?.evaluated.push(node.start);
    }
    const isFunction = FUNCTIONS.has(node.type);
    if (isFunction) this.depth++;
    const label = labelOf(node);
    each(node, (child) => child === label || this.walk(child));
    if (isFunction) this.depth--;
    if (names !== null) this.scopes.pop();
  }
}

const { strip } = typescript();

/**
 * What a module's text declares, and that text without types, in which the places are; or where, as
 * people count, and why it can't be read.
 *
 * @param {string} source
 * @param {boolean} isTypeScript
 * @returns {{ text: string, declarations: Declaration[] } |
 *   { message: string, row: number, column: number }}
 */
export function read(source, isTypeScript) {
  const text = isTypeScript ? strip(source) : source;
  if (typeof text !== "string") return text;
  let program;
  try {
    program = parse(text, { ecmaVersion: "latest", sourceType: "module", allowHashBang: true });
  } catch (error) {
    if (error.loc === undefined) throw error;
    const { line, column } = error.loc;
    return { message: error.message.replace(/ \(\d+:\d+\)$/, ""), row: line, column: column + 1 };
  }
  const reader = new Reader();
  for (const statement of program.body) reader.statement(statement);
  for (const statement of program.body) {
    const names = /^(?:Import|ExportAll)Declaration$/.test(statement.type) ||
      statement.specifiers?.length;
    if (!names) reader.walk(statement);
  }
  return { text, declarations: [...reader.declarations.values()] };
}
